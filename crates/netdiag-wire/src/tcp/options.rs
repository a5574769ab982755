//! TCP options (RFC 9293 section 3.2, RFC 7323, RFC 2018).

use crate::bytes::{array_at, u16_at, u32_at};
use crate::options::{Entries, Entry, emit};

const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

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
    entries: Entries<'a>,
}

impl<'a> TcpOptions<'a> {
    /// Options as they stand on the wire.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { entries: Entries::new(bytes) }
    }
}

impl<'a> Iterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.entries.next()? {
            Entry::EndOfList => TcpOption::EndOfList,
            Entry::NoOperation => TcpOption::NoOperation,
            Entry::Option(kind, data) => TcpOption::of(kind, data),
            Entry::Malformed(kind, length) => TcpOption::Malformed { kind, length },
        })
    }
}

impl<'a> TcpOption<'a> {
    /// Appends the option; a malformed one as kind and length alone.
    ///
    /// Data beyond what the length field can say is cut.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match *self {
            Self::EndOfList => Entry::EndOfList.emit(out),
            Self::NoOperation => Entry::NoOperation.emit(out),
            Self::MaximumSegmentSize(size) => {
                emit(MAXIMUM_SEGMENT_SIZE, &[], &size.to_be_bytes(), out);
            }
            Self::WindowScale(shift) => emit(WINDOW_SCALE, &[shift], &[], out),
            Self::SackPermitted => emit(SACK_PERMITTED, &[], &[], out),
            Self::Sack(SackBlocks { blocks }) => emit(SACK, &[], blocks.as_flattened(), out),
            Self::Timestamps { value, echo_reply } => {
                emit(TIMESTAMPS, &value.to_be_bytes(), &echo_reply.to_be_bytes(), out);
            }
            Self::Other { kind, data } => Entry::Option(kind, data).emit(out),
            Self::Malformed { kind, length } => Entry::Malformed(kind, length).emit(out),
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
