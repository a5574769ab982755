//! The list of options that IPv4 and TCP headers share (RFC 791 section 3.1, RFC 9293 section 3.1):
//! two kinds of one byte, all others with a length that counts kind and length, too.

use crate::bytes::tail;

const END_OF_LIST: u8 = 0;
const NO_OPERATION: u8 = 1;

/// Kind and length, the least an option with data takes.
const OPTION_HEADER: usize = 2;

/// One entry of a list.
pub(crate) enum Entry<'a> {
    /// End of the list; nothing follows.
    EndOfList,
    /// Filler between options.
    NoOperation,
    /// An option and what follows its length.
    Option(u8, &'a [u8]),
    /// An option whose length contradicts the bytes there are, and that length, if it is there.
    Malformed(u8, Option<u8>),
}

/// The entries one by one; ends after an end of list or a malformed one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    /// A list as it stands on the wire.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let kind = *self.rest.first()?;
        match kind {
            END_OF_LIST => {
                self.rest = &[];
                return Some(Entry::EndOfList);
            }
            NO_OPERATION => {
                self.rest = tail(self.rest, 1);
                return Some(Entry::NoOperation);
            }
            _ => {}
        }
        let length = self.rest.get(1).copied();
        let option = length.and_then(|length| self.rest.split_at_checked(usize::from(length)));
        let Some((option, rest)) = option.filter(|(option, _)| option.len() >= OPTION_HEADER)
        else {
            self.rest = &[];
            return Some(Entry::Malformed(kind, length));
        };
        self.rest = rest;
        Some(Entry::Option(kind, tail(option, OPTION_HEADER)))
    }
}

impl Entry<'_> {
    /// Appends the entry; a malformed one as kind and length alone.
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        match *self {
            Self::EndOfList => out.push(END_OF_LIST),
            Self::NoOperation => out.push(NO_OPERATION),
            Self::Option(kind, data) => emit(kind, &[], data, out),
            Self::Malformed(kind, length) => {
                out.push(kind);
                out.extend(length);
            }
        }
    }
}

/// Appends an option with data in two parts; what its length field cannot say is cut.
pub(crate) fn emit(kind: u8, fixed: &[u8], data: &[u8], out: &mut Vec<u8>) {
    let head = OPTION_HEADER.saturating_add(fixed.len());
    let room = usize::from(u8::MAX).saturating_sub(head);
    let data = data.get(..room).unwrap_or(data);
    out.push(kind);
    out.push(u8::try_from(head.saturating_add(data.len())).unwrap_or(u8::MAX));
    out.extend_from_slice(fixed);
    out.extend_from_slice(data);
}
