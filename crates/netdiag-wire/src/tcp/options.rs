//! TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018).

use crate::bytes::{array_at, tail, u16_at, u32_at};

const END_OF_LIST: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// Kind and length, the least an option with data takes.
const OPTION_HEADER: usize = 2;
const SACK_BLOCK: usize = 8;

/// One TCP option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// End of the list; nothing follows.
    EndOfList,
    /// Filler between options.
    NoOperation,
    /// Largest segment the sender takes (RFC 9293 section 3.7.1).
    MaximumSegmentSize(u16),
    /// Bits to shift the window by (RFC 7323 section 2).
    WindowScale(u8),
    /// Selective acknowledgements are understood (RFC 2018 section 2).
    SackPermitted,
    /// Selective acknowledgements (RFC 2018 section 3).
    Sack(SackBlocks<'a>),
    /// Timestamps (RFC 7323 section 3).
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The receiver's clock, sent back.
        echo_reply: u32,
    },
    /// Any other option, or a known one of a length it cannot have.
    Other {
        /// The option's number.
        kind: u8,
        /// What follows kind and length.
        data: &'a [u8],
    },
    /// The option's length contradicts the bytes there are; nothing behind it can be read.
    Malformed {
        /// The option's number.
        kind: u8,
        /// Its length, if that is there.
        length: Option<u8>,
    },
}

/// Ranges of sequence numbers that arrived: first, and one behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SackBlocks<'a> {
    blocks: &'a [[u8; SACK_BLOCK]],
}

impl Iterator for SackBlocks<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let (first, rest) = self.blocks.split_first()?;
        self.blocks = rest;
        Some((u32_at(first, 0)?, u32_at(first, 4)?))
    }
}

/// The options of a segment one by one; ends after an end of list or a malformed option.
///
/// At most 40 options come from a whole header: it has no room for more.
#[derive(Debug, Clone, Copy)]
pub struct TcpOptions<'a> {
    rest: &'a [u8],
}

impl<'a> TcpOptions<'a> {
    /// Options as they stand on the wire.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let kind = *self.rest.first()?;
        match kind {
            END_OF_LIST => {
                self.rest = &[];
                return Some(TcpOption::EndOfList);
            }
            NO_OPERATION => {
                self.rest = tail(self.rest, 1);
                return Some(TcpOption::NoOperation);
            }
            _ => {}
        }
        let length = self.rest.get(1).copied();
        let option = length.and_then(|length| self.rest.split_at_checked(usize::from(length)));
        let Some((option, rest)) = option.filter(|(option, _)| option.len() >= OPTION_HEADER)
        else {
            self.rest = &[];
            return Some(TcpOption::Malformed { kind, length });
        };
        self.rest = rest;
        Some(TcpOption::of(kind, tail(option, OPTION_HEADER)))
    }
}

impl<'a> TcpOption<'a> {
    /// Appends the option; a malformed one as kind and length alone.
    ///
    /// Data beyond what the length field can say is cut.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match *self {
            Self::EndOfList => out.push(END_OF_LIST),
            Self::NoOperation => out.push(NO_OPERATION),
            Self::MaximumSegmentSize(size) => emit(MAXIMUM_SEGMENT_SIZE, &size.to_be_bytes(), out),
            Self::WindowScale(shift) => emit(WINDOW_SCALE, &[shift], out),
            Self::SackPermitted => emit(SACK_PERMITTED, &[], out),
            Self::Sack(SackBlocks { blocks }) => emit(SACK, blocks.as_flattened(), out),
            Self::Timestamps { value, echo_reply } => {
                let [a, b, c, d] = value.to_be_bytes();
                let [e, f, g, h] = echo_reply.to_be_bytes();
                emit(TIMESTAMPS, &[a, b, c, d, e, f, g, h], out);
            }
            Self::Other { kind, data } => emit(kind, data, out),
            Self::Malformed { kind, length } => {
                out.push(kind);
                out.extend(length);
            }
        }
    }

    fn of(kind: u8, data: &'a [u8]) -> Self {
        let known = match (kind, data.len()) {
            (MAXIMUM_SEGMENT_SIZE, 2) => u16_at(data, 0).map(Self::MaximumSegmentSize),
            (WINDOW_SCALE, 1) => data.first().map(|shift| Self::WindowScale(*shift)),
            (SACK_PERMITTED, 0) => Some(Self::SackPermitted),
            (SACK, _) => match data.as_chunks::<SACK_BLOCK>() {
                (blocks @ [_, ..], []) => Some(Self::Sack(SackBlocks { blocks })),
                _ => None,
            },
            (TIMESTAMPS, 8) => timestamps(data),
            _ => None,
        };
        known.unwrap_or(Self::Other { kind, data })
    }
}

fn timestamps<'a>(data: &[u8]) -> Option<TcpOption<'a>> {
    let value = u32::from_be_bytes(array_at(data, 0)?);
    Some(TcpOption::Timestamps { value, echo_reply: u32_at(data, 4)? })
}

fn emit(kind: u8, data: &[u8], out: &mut Vec<u8>) {
    let room = usize::from(u8::MAX).saturating_sub(OPTION_HEADER);
    let data = data.get(..room).unwrap_or(data);
    let length = data.len().saturating_add(OPTION_HEADER);
    out.extend_from_slice(&[kind, u8::try_from(length).unwrap_or(u8::MAX)]);
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<TcpOption<'_>> {
        TcpOptions::new(bytes).collect()
    }

    // What Linux puts into a SYN, and then some.
    const OPTIONS: [u8; 35] = [
        2, 4, 0x05, 0xb4, // MSS 1460
        4, 2, // SACK permitted
        8, 10, 0, 0, 0, 1, 0, 0, 0, 2, // timestamps
        1, // no operation
        3, 3, 7, // window scale
        5, 10, 0, 0, 0, 5, 0, 0, 0, 9, // SACK 5..9
        34, 4, 0xca, 0xfe, // fast open cookie: not known here
        0,    // end
    ];

    #[test]
    fn options_are_read_and_emitted() {
        let options = all(&OPTIONS);
        let TcpOption::Sack(mut blocks) = options[5] else { panic!("{options:?}") };
        assert_eq!((blocks.next(), blocks.next()), (Some((5, 9)), None));
        assert_eq!(options[0], TcpOption::MaximumSegmentSize(1460));
        assert_eq!(options[1], TcpOption::SackPermitted);
        assert_eq!(options[2], TcpOption::Timestamps { value: 1, echo_reply: 2 });
        assert_eq!(options[3..5], [TcpOption::NoOperation, TcpOption::WindowScale(7)]);
        assert_eq!(options[6], TcpOption::Other { kind: 34, data: &[0xca, 0xfe] });
        assert_eq!(options[7..], [TcpOption::EndOfList]);

        let mut out = Vec::new();
        options.iter().for_each(|option| option.emit(&mut out));
        assert_eq!(out, OPTIONS);
    }

    #[test]
    fn a_known_kind_of_the_wrong_length_is_kept() {
        assert_eq!(all(&[2, 3, 9]), [TcpOption::Other { kind: 2, data: &[9] }]);
        assert_eq!(all(&[5, 2]), [TcpOption::Other { kind: 5, data: &[] }]);
    }

    #[test]
    fn lengths_that_lie_end_the_list() {
        for (bytes, length) in [
            (&[2_u8][..], None),
            (&[2, 0, 1], Some(0)),
            (&[2, 1, 1], Some(1)),
            (&[2, 4, 1], Some(4)),
        ] {
            assert_eq!(all(bytes), [TcpOption::Malformed { kind: 2, length }]);
        }
    }
}
