//! The objects of an extension structure (RFC 4884 section 8).

use super::{
    InterfaceId, InterfaceInfo, MAX_OBJECTS, Malformation, MplsStack, identity, interface, mpls,
};
use crate::bytes::{tail, u16_at};

pub(super) const OBJECT_HEADER: usize = 4;
const CLASS_AT: usize = 2;
const CTYPE_AT: usize = 3;

/// One thing that a router adds to an error.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Length            |   Class-Num   |   C-Type      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   payload ...
/// +-+-+-+-+-+-+-+-+-+-+-+-
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionObject<'a> {
    /// The labels the datagram arrived with (RFC 4950).
    Mpls(MplsStack<'a>),
    /// An interface of the router (RFC 5837).
    Interface(InterfaceInfo<'a>),
    /// The interface that an extended echo request is about (RFC 8335).
    InterfaceId(InterfaceId<'a>),
    /// Any other object.
    Unknown {
        /// Its class.
        class: u8,
        /// Its type within the class.
        ctype: u8,
        /// What follows its header.
        data: &'a [u8],
    },
}

/// The objects of a well-formed structure, one by one; at most [`MAX_OBJECTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Objects<'a> {
    rest: &'a [u8],
}

impl<'a> Objects<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Objects<'a> {
    /// The same as they came: class, type within it, and what follows the header.
    pub fn plain(self) -> impl Iterator<Item = (u8, u8, &'a [u8])> {
        let mut rest = self.rest;
        std::iter::from_fn(move || {
            let (object, behind) = split_object(rest).ok()?;
            rest = behind;
            Some((*object.get(CLASS_AT)?, *object.get(CTYPE_AT)?, tail(object, OBJECT_HEADER)))
        })
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = ExtensionObject<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (object, rest) = split_object(self.rest).ok()?;
        self.rest = rest;
        ExtensionObject::of(object)
    }
}

/// The objects, if every one of them is well formed.
pub(super) fn check(bytes: &[u8]) -> Result<Objects<'_>, Malformation> {
    let mut rest = bytes;
    for _ in 0..MAX_OBJECTS {
        if rest.is_empty() {
            return Ok(Objects::new(bytes));
        }
        let (object, behind) = split_object(rest)?;
        if ExtensionObject::of(object).is_none() {
            let [_, _, class, ctype, ..] = *object else { return Err(Malformation::Truncated) };
            return Err(Malformation::ObjectContent { class, ctype });
        }
        rest = behind;
    }
    match rest {
        [] => Ok(Objects::new(bytes)),
        _ => Err(Malformation::TooManyObjects),
    }
}

impl<'a> ExtensionObject<'a> {
    /// The object's class.
    #[must_use]
    pub const fn class(&self) -> u8 {
        match *self {
            Self::Mpls(_) => mpls::CLASS,
            Self::Interface(_) => interface::CLASS,
            Self::InterfaceId(_) => identity::CLASS,
            Self::Unknown { class, .. } => class,
        }
    }

    fn of(object: &'a [u8]) -> Option<Self> {
        let (class, ctype) = (*object.get(CLASS_AT)?, *object.get(CTYPE_AT)?);
        let data = tail(object, OBJECT_HEADER);
        match (class, ctype) {
            (mpls::CLASS, mpls::LABEL_STACK) => MplsStack::of(data).map(Self::Mpls),
            (interface::CLASS, _) => InterfaceInfo::of(ctype, data).map(Self::Interface),
            (identity::CLASS, _) if InterfaceId::knows(ctype) => {
                InterfaceId::of(ctype, data).map(Self::InterfaceId)
            }
            _ => Some(Self::Unknown { class, ctype, data }),
        }
    }
}

/// The first object with its header, and what follows it.
fn split_object(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformation> {
    let claimed = u16_at(bytes, 0);
    let object = claimed.and_then(|length| bytes.split_at_checked(usize::from(length)));
    object
        .filter(|(object, _)| object.len() >= OBJECT_HEADER)
        .ok_or(Malformation::ObjectLength { claimed })
}
