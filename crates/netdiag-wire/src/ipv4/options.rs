//! IPv4 options (RFC 791 section 3.1, RFC 2113).

use core::net::Ipv4Addr;

use crate::bytes::u16_at;
use crate::options::{Entries, Entry, emit};

const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const LOOSE_SOURCE_ROUTE: u8 = 131;
const ROUTER_ALERT: u8 = 148;
const STRICT_SOURCE_ROUTE: u8 = 137;

/// The pointer of a route counts from the option's first byte, which is number 1 (RFC 791 section 3.1).
const FIRST_ROUTE_POINTER: u8 = 4;
const ADDRESS: usize = 4;

/// One IPv4 option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ipv4Option<'a> {
    /// End of the list; nothing follows.
    EndOfList,
    /// Filler between options.
    NoOperation,
    /// Routers on the way write their addresses here.
    RecordRoute(RouteData<'a>),
    /// Route to take, with other routers allowed in between.
    LooseSourceRoute(RouteData<'a>),
    /// Route to take, exactly.
    StrictSourceRoute(RouteData<'a>),
    /// Routers on the way write their time here.
    Timestamp {
        /// Where the next stamp goes, counted from 1 at the option's first byte.
        pointer: u8,
        /// Routers that found no room.
        overflow: u8,
        /// 0: stamps only; 1: with addresses; 3: only from the addresses given.
        flag: u8,
        /// The stamps.
        data: &'a [u8],
    },
    /// Routers should look at the payload (RFC 2113).
    RouterAlert(u16),
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

/// A list of addresses that routers fill in or use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteData<'a> {
    /// The next address to use, counted from 1 at the option's first byte; 4 at the start.
    pub pointer: u8,
    /// The addresses, four bytes each.
    pub data: &'a [u8],
}

impl<'a> RouteData<'a> {
    /// All addresses there is room for.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        self.data.as_chunks::<ADDRESS>().0.iter().map(|octets| Ipv4Addr::from(*octets))
    }

    /// The addresses before the pointer: recorded so far.
    pub fn recorded(&self) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        let bytes = self.pointer.saturating_sub(FIRST_ROUTE_POINTER);
        self.addresses().take(usize::from(bytes) / ADDRESS)
    }
}

/// The options of a header one by one; ends after an end of list or a malformed option.
///
/// At most 40 options come: the header has no room for more.
#[derive(Debug, Clone, Copy)]
pub struct Ipv4Options<'a> {
    entries: Entries<'a>,
}

impl<'a> Ipv4Options<'a> {
    /// Options as they stand on the wire.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { entries: Entries::new(bytes) }
    }
}

impl<'a> Iterator for Ipv4Options<'a> {
    type Item = Ipv4Option<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.entries.next()? {
            Entry::EndOfList => Ipv4Option::EndOfList,
            Entry::NoOperation => Ipv4Option::NoOperation,
            Entry::Option(kind, data) => Ipv4Option::of(kind, data),
            Entry::Malformed(kind, length) => Ipv4Option::Malformed { kind, length },
        })
    }
}

impl<'a> Ipv4Option<'a> {
    /// Appends the option; a malformed one as kind and length alone.
    ///
    /// Data beyond what the length field can say is cut.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match *self {
            Self::EndOfList => Entry::EndOfList.emit(out),
            Self::NoOperation => Entry::NoOperation.emit(out),
            Self::RecordRoute(route) => emit(RECORD_ROUTE, &[route.pointer], route.data, out),
            Self::LooseSourceRoute(route) => {
                emit(LOOSE_SOURCE_ROUTE, &[route.pointer], route.data, out);
            }
            Self::StrictSourceRoute(route) => {
                emit(STRICT_SOURCE_ROUTE, &[route.pointer], route.data, out);
            }
            Self::Timestamp { pointer, overflow, flag, data } => {
                emit(TIMESTAMP, &[pointer, overflow << 4 | (flag & 0xf)], data, out);
            }
            Self::RouterAlert(value) => emit(ROUTER_ALERT, &[], &value.to_be_bytes(), out),
            Self::Other { kind, data } => Entry::Option(kind, data).emit(out),
            Self::Malformed { kind, length } => Entry::Malformed(kind, length).emit(out),
        }
    }

    fn of(kind: u8, data: &'a [u8]) -> Self {
        let other = Self::Other { kind, data };
        match (kind, data) {
            (RECORD_ROUTE, [pointer, data @ ..]) => {
                Self::RecordRoute(RouteData { pointer: *pointer, data })
            }
            (LOOSE_SOURCE_ROUTE, [pointer, data @ ..]) => {
                Self::LooseSourceRoute(RouteData { pointer: *pointer, data })
            }
            (STRICT_SOURCE_ROUTE, [pointer, data @ ..]) => {
                Self::StrictSourceRoute(RouteData { pointer: *pointer, data })
            }
            (TIMESTAMP, [pointer, bits, data @ ..]) => {
                Self::Timestamp { pointer: *pointer, overflow: bits >> 4, flag: bits & 0xf, data }
            }
            (ROUTER_ALERT, [_, _]) => u16_at(data, 0).map_or(other, Self::RouterAlert),
            _ => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Ipv4Option<'_>> {
        Ipv4Options::new(bytes).collect()
    }

    #[test]
    fn a_record_route_half_filled() {
        let bytes = [
            0x01, // no operation
            0x07, 0x0b, 0x08, // record route, 11 bytes, next free at 8
            0xc0, 0x00, 0x02, 0x01, // 192.0.2.1
            0x00, 0x00, 0x00, 0x00, // free
        ];
        let [Ipv4Option::NoOperation, Ipv4Option::RecordRoute(route)] = all(&bytes)[..] else {
            panic!("{:?}", all(&bytes));
        };
        assert_eq!(route.recorded().collect::<Vec<_>>(), [Ipv4Addr::new(192, 0, 2, 1)]);
        assert_eq!(route.addresses().count(), 2);
    }

    #[test]
    fn timestamp_alert_other_and_the_end() {
        let bytes = [
            0x44, 0x08, 0x09, 0x31, 0, 0, 0, 1, // timestamp, overflow 3, flag 1
            0x94, 0x04, 0x00, 0x00, // router alert
            0x99, 0x03, 0x05, // unknown
            0x00, 0x07, // end; what follows is not an option
        ];
        assert_eq!(
            all(&bytes),
            [
                Ipv4Option::Timestamp { pointer: 9, overflow: 3, flag: 1, data: &[0, 0, 0, 1] },
                Ipv4Option::RouterAlert(0),
                Ipv4Option::Other { kind: 0x99, data: &[5] },
                Ipv4Option::EndOfList,
            ]
        );
    }

    #[test]
    fn lengths_that_lie_end_the_list() {
        for (bytes, length) in [
            (&[7_u8][..], None),
            (&[7, 0, 1, 1], Some(0)),
            (&[7, 1, 1, 1], Some(1)),
            (&[7, 5, 1, 1], Some(5)),
        ] {
            assert_eq!(all(bytes), [Ipv4Option::Malformed { kind: 7, length }]);
        }
    }

    #[test]
    fn options_are_emitted_as_they_were_read() {
        let bytes = [
            1, 7, 7, 4, 1, 2, 3, 4, 131, 7, 4, 1, 2, 3, 4, 137, 3, 4, 68, 8, 9, 0x31, 0, 0, 0, 1,
            148, 4, 0, 9, 99, 2, 0,
        ];
        let mut out = Vec::new();
        all(&bytes).iter().for_each(|option| option.emit(&mut out));
        assert_eq!(out, bytes);
    }
}
