//! ICMP extensions: what routers add behind the quote (RFC 4884, RFC 4950, RFC 5837); and
//! what is asked of them (RFC 8335).

mod identity;
mod interface;
mod mpls;
mod object;
mod writer;

pub use identity::InterfaceId;
pub use interface::{InterfaceInfo, InterfaceRole};
pub use mpls::{MplsLabel, MplsStack};
pub use object::{ExtensionObject, Objects};
pub use writer::ExtensionWriter;

use crate::bytes::{tail, u16_at};
use crate::checksum::internet_checksum;
use std::fmt;

/// Objects that are read from one structure.
pub const MAX_OBJECTS: usize = 64;

pub(crate) const VERSION: u8 = 2;
pub(crate) const STRUCTURE_HEADER: usize = 4;
pub(crate) const CHECKSUM_AT: usize = 2;

/// The state of the extensions of an error.
///
/// Whatever it is, the error itself and its quote remain usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extensions<'a> {
    /// There are none, or the message is of a type that carries none.
    Absent,
    /// There are some, and all of them are well formed.
    Present(Objects<'a>),
    /// There is something that contradicts itself.
    Malformed(Malformation),
}

impl<'a> Extensions<'a> {
    /// The objects; none where they are absent or malformed.
    #[must_use]
    pub const fn objects(&self) -> Objects<'a> {
        match *self {
            Self::Present(objects) => objects,
            Self::Absent | Self::Malformed(_) => Objects::new(&[]),
        }
    }
}

/// What is wrong with extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformation {
    /// The length of the quote is beyond the end of the message.
    QuoteLengthBeyondMessage,
    /// The length of the quote is below 128 bytes (RFC 4884 section 4.1), and no valid structure follows.
    QuoteLengthTooShort,
    /// Fewer bytes than a structure header behind the quote.
    Truncated,
    /// The structure's version is not 2.
    Version {
        /// The version found.
        found: u8,
    },
    /// The structure's checksum is wrong.
    Checksum,
    /// An object's length is below its header's or beyond the end.
    ObjectLength {
        /// The length it claims, if that is there.
        claimed: Option<u16>,
    },
    /// The content of an object contradicts its class.
    ObjectContent {
        /// Its class.
        class: u8,
        /// Its type within the class.
        ctype: u8,
    },
    /// More than [`MAX_OBJECTS`] objects.
    TooManyObjects,
}

impl fmt::Display for Malformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QuoteLengthBeyondMessage => f.write_str("the quote ends beyond the message"),
            Self::QuoteLengthTooShort => f.write_str("the quote is shorter than 128 bytes"),
            Self::Truncated => f.write_str("cut off"),
            Self::Version { found } => write!(f, "version {found}, not 2"),
            Self::Checksum => f.write_str("wrong checksum"),
            Self::ObjectLength { claimed: Some(bytes) } => {
                write!(f, "an object claims {bytes} bytes")
            }
            Self::ObjectLength { claimed: None } => f.write_str("an object is cut off"),
            Self::ObjectContent { class, ctype } => {
                write!(f, "object {class}/{ctype} contradicts itself")
            }
            Self::TooManyObjects => write!(f, "more than {MAX_OBJECTS} objects"),
        }
    }
}

/// Reads an extension structure (RFC 4884 section 7).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version|      (Reserved)       |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   objects ...
/// +-+-+-+-+-+-+-+-+-+-+-+-
/// ```
#[must_use]
pub fn parse(structure: &[u8]) -> Extensions<'_> {
    match try_parse(structure) {
        Ok(objects) => Extensions::Present(objects),
        Err(why) => Extensions::Malformed(why),
    }
}

/// Reads a structure whose place is a guess: only a version of 2, a checksum that is there and
/// correct, and well-formed objects make it one.
pub(crate) fn parse_guarded(structure: &[u8]) -> Option<Extensions<'_>> {
    let transmitted = u16_at(structure, CHECKSUM_AT)?;
    let objects = try_parse(structure).ok()?;
    (transmitted != 0).then_some(Extensions::Present(objects))
}

fn try_parse(structure: &[u8]) -> Result<Objects<'_>, Malformation> {
    let (Some(first), Some(checksum)) = (structure.first(), u16_at(structure, CHECKSUM_AT)) else {
        return Err(Malformation::Truncated);
    };
    let found = first >> 4;
    if found != VERSION {
        return Err(Malformation::Version { found });
    }
    // "An all-zero value means that no checksum was transmitted" (RFC 4884 section 7).
    if checksum != 0 && internet_checksum(structure) != 0 {
        return Err(Malformation::Checksum);
    }
    object::check(tail(structure, STRUCTURE_HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    // A Juniper-like structure: one MPLS label stack object with two entries.
    const MPLS: [u8; 16] = [
        0x20, 0x00, 0x00, 0x00, // version 2, no checksum
        0x00, 0x0c, 0x01, 0x01, // object: 12 bytes, class 1 (MPLS), type 1
        0x18, 0x6a, 0x06, 0x01, // label 100000, TC 3, not the bottom, TTL 1
        0x00, 0x03, 0x01, 0xff, // label 48, TC 0, bottom, TTL 255
    ];

    #[test]
    fn a_label_stack_is_read() {
        let Extensions::Present(mut objects) = parse(&MPLS) else { panic!("{:?}", parse(&MPLS)) };
        let Some(ExtensionObject::Mpls(stack)) = objects.next() else { panic!() };
        assert_eq!(
            stack.collect::<Vec<_>>(),
            [
                MplsLabel { label: 100_000, tc: 3, bottom: false, ttl: 1 },
                MplsLabel { label: 48, tc: 0, bottom: true, ttl: 255 },
            ]
        );
        assert_eq!(objects.next(), None);
    }

    #[test]
    fn a_checksum_counts_when_there_is_one() {
        let mut bytes = MPLS;
        let checksum = internet_checksum(&bytes).to_be_bytes();
        bytes[2..4].copy_from_slice(&checksum);
        assert!(matches!(parse(&bytes), Extensions::Present(_)));
        assert!(parse_guarded(&bytes).is_some());
        assert!(parse_guarded(&MPLS).is_none());
        bytes[15] ^= 1;
        assert_eq!(parse(&bytes), Extensions::Malformed(Malformation::Checksum));
    }

    #[test]
    fn lies_are_named() {
        let check = |at: usize, byte: u8, why: Malformation| {
            let mut bytes = MPLS;
            bytes[at] = byte;
            assert_eq!(parse(&bytes), Extensions::Malformed(why));
        };
        check(0, 0x10, Malformation::Version { found: 1 });
        check(5, 3, Malformation::ObjectLength { claimed: Some(3) });
        check(5, 0, Malformation::ObjectLength { claimed: Some(0) });
        check(5, 13, Malformation::ObjectLength { claimed: Some(13) });
        check(4, 1, Malformation::ObjectLength { claimed: Some(0x10c) });
        let truncated = Extensions::Malformed(Malformation::Truncated);
        assert_eq!(parse(&MPLS[..3]), truncated);
        let short = Malformation::ObjectLength { claimed: None };
        assert_eq!(parse(&MPLS[..5]), Extensions::Malformed(short));
        let uneven = [0x20, 0, 0, 0, 0, 6, 1, 1, 0, 0];
        let content = Malformation::ObjectContent { class: 1, ctype: 1 };
        assert_eq!(parse(&uneven), Extensions::Malformed(content));
    }

    #[test]
    fn unknown_objects_are_kept_and_objects_are_bounded() {
        let mut bytes = vec![0x20, 0, 0, 0];
        bytes.extend([0, 6, 200, 7, 0xaa, 0xbb]);
        let unknown = ExtensionObject::Unknown { class: 200, ctype: 7, data: &[0xaa, 0xbb] };
        assert_eq!(parse(&bytes).objects().collect::<Vec<_>>(), [unknown]);

        let empty = [0, 4, 200, 0];
        let many = |count| [[0x20, 0, 0, 0]].into_iter().chain(vec![empty; count]).flatten();
        let bytes: Vec<u8> = many(64).collect();
        assert_eq!(parse(&bytes).objects().count(), 64);
        let bytes: Vec<u8> = many(65).collect();
        assert_eq!(parse(&bytes), Extensions::Malformed(Malformation::TooManyObjects));
    }

    #[test]
    fn interface_information_is_read() {
        let bytes = [
            0x20, 0x00, 0x00, 0x00, // version 2
            0x00, 0x1c, 0x02, 0x0f, // 28 bytes, class 2, role 0, all four items
            0x00, 0x00, 0x00, 0x05, // index 5
            0x00, 0x01, 0x00, 0x00, 0xc0, 0x00, 0x02, 0x01, // IPv4 192.0.2.1
            0x08, b'e', b't', b'h', b'0', 0x00, 0x00, 0x00, // name, 8 bytes in all
            0x00, 0x00, 0x05, 0xdc, // MTU 1500
        ];
        let expected = InterfaceInfo {
            role: InterfaceRole::Incoming,
            index: Some(5),
            address: Some(Ipv4Addr::new(192, 0, 2, 1).into()),
            name: Some(b"eth0"),
            mtu: Some(1500),
        };
        let objects: Vec<_> = parse(&bytes).objects().collect();
        assert_eq!(objects, [ExtensionObject::Interface(expected)]);
        let plain: Vec<_> = parse(&bytes).objects().plain().collect();
        assert_eq!(plain, [(2, 15, &bytes[8..])]);
    }
}
