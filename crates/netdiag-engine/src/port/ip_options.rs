//! IPv4 options as they travel with a packet (RFC 791 section 3.1): at most 40 bytes.

use netdiag_wire::ipv4::{Ipv4Option, Ipv4Options, MAX_OPTIONS_LENGTH, RouteData};
use std::net::Ipv4Addr;

/// Before any address is written, the pointer of a route is 4 and that of time stamps 5.
const FIRST_ROUTE: u8 = 4;
const FIRST_STAMP: u8 = 5;
/// Nine addresses fill 39 bytes, and one of filler makes 40.
const ROUTE_ROOM: [u8; 36] = [0; 36];
/// Nine stamps.
const STAMP_ROOM: [u8; 36] = [0; 36];
/// Four pairs of address and stamp.
const PAIR_ROOM: [u8; 32] = [0; 32];

/// The options of one IPv4 packet. Those of a packet that came are whatever somebody wrote there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IpOptions {
    bytes: [u8; MAX_OPTIONS_LENGTH],
    len: u8,
}

/// Where routers write the time (RFC 791 section 3.1, the flag of the timestamp option).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamping<'a> {
    /// Nothing but the time.
    Only,
    /// Each its address and the time.
    WithAddresses,
    /// The time at these addresses alone, at most four, in this order.
    At(&'a [Ipv4Addr]),
}

/// One option that came, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IpOption {
    /// Filler.
    Filler,
    /// The addresses that were recorded, in order.
    RecordRoute(Vec<Ipv4Addr>),
    /// A route that the sender set; `strict`: no other router in between.
    SourceRoute {
        /// Whether no other router may be in between.
        strict: bool,
        /// Its addresses, in order.
        route: Vec<Ipv4Addr>,
    },
    /// Time stamps.
    Timestamps(IpTimestamps),
    /// Something else, by its number.
    Other(u8),
}

/// What the timestamp option brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpTimestamps {
    /// Who wrote it, where that was asked for, and the field as it was written: milliseconds since
    /// midnight UTC, or with the highest bit set something else.
    pub stamps: Vec<(Option<Ipv4Addr>, u32)>,
    /// Routers that found no room: 0 to 15.
    pub unrecorded: u8,
}

impl IpOptions {
    /// Options as bytes; `None` for none, or for more than a header has room for.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let len = u8::try_from(bytes.len()).ok().filter(|len| *len != 0)?;
        let mut held = [0; MAX_OPTIONS_LENGTH];
        held.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { bytes: held, len })
    }

    /// Room for nine addresses that routers on the way write.
    #[must_use]
    pub fn record_route() -> Self {
        let route = RouteData { pointer: FIRST_ROUTE, data: &ROUTE_ROOM };
        Self::of(&[Ipv4Option::NoOperation, Ipv4Option::RecordRoute(route)])
    }

    /// Room for time stamps of routers on the way; `None` for more than four addresses.
    #[must_use]
    pub fn timestamps(stamping: Stamping<'_>) -> Option<Self> {
        let mut asked = Vec::new();
        let (flag, data) = match stamping {
            Stamping::Only => (0, STAMP_ROOM.as_slice()),
            Stamping::WithAddresses => (1, PAIR_ROOM.as_slice()),
            Stamping::At(addresses) => {
                for address in addresses {
                    asked.extend(address.octets());
                    asked.extend([0; 4]);
                }
                (3, asked.as_slice())
            }
        };
        let fits = data.len() <= MAX_OPTIONS_LENGTH - 4;
        let option = Ipv4Option::Timestamp { pointer: FIRST_STAMP, overflow: 0, flag, data };
        fits.then(|| Self::of(&[option]))
    }

    fn of(options: &[Ipv4Option<'_>]) -> Self {
        let mut bytes = Vec::with_capacity(MAX_OPTIONS_LENGTH);
        options.iter().for_each(|option| option.emit(&mut bytes));
        Self::from_bytes(&bytes).expect("at most 40 bytes are asked for")
    }

    /// The options as they stand on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Bytes that they take in a header: a multiple of four.
    #[must_use]
    pub const fn padded_len(&self) -> usize {
        (self.len as usize).next_multiple_of(4)
    }

    /// Each option as far as it can be read; a list whose lengths contradict themselves ends there.
    #[must_use]
    pub fn read(&self) -> Vec<IpOption> {
        Ipv4Options::new(self.as_bytes()).map_while(read).collect()
    }

    /// The route that was recorded: of the first such option.
    #[must_use]
    pub fn recorded_route(&self) -> Option<Vec<Ipv4Addr>> {
        self.read().into_iter().find_map(|option| match option {
            IpOption::RecordRoute(route) => Some(route),
            _ => None,
        })
    }

    /// The time stamps that came: of the first such option.
    #[must_use]
    pub fn time_stamps(&self) -> Option<IpTimestamps> {
        self.read().into_iter().find_map(|option| match option {
            IpOption::Timestamps(stamps) => Some(stamps),
            _ => None,
        })
    }
}

fn read(option: Ipv4Option<'_>) -> Option<IpOption> {
    Some(match option {
        Ipv4Option::EndOfList | Ipv4Option::Malformed { .. } => return None,
        Ipv4Option::NoOperation => IpOption::Filler,
        Ipv4Option::RecordRoute(route) => IpOption::RecordRoute(route.recorded().collect()),
        Ipv4Option::LooseSourceRoute(route) => {
            IpOption::SourceRoute { strict: false, route: route.addresses().collect() }
        }
        Ipv4Option::StrictSourceRoute(route) => {
            IpOption::SourceRoute { strict: true, route: route.addresses().collect() }
        }
        Ipv4Option::Timestamp { pointer, overflow, flag, data } => {
            let written = usize::from(pointer.saturating_sub(FIRST_STAMP));
            let data = data.get(..written).unwrap_or(data);
            IpOption::Timestamps(IpTimestamps { stamps: stamps(flag, data), unrecorded: overflow })
        }
        Ipv4Option::RouterAlert(_) => IpOption::Other(148),
        Ipv4Option::Other { kind, .. } => IpOption::Other(kind),
    })
}

/// Stamps alone with the flag 0, else pairs of address and stamp.
fn stamps(flag: u8, data: &[u8]) -> Vec<(Option<Ipv4Addr>, u32)> {
    let words = data.as_chunks::<4>().0;
    if flag == 0 {
        return words.iter().map(|word| (None, u32::from_be_bytes(*word))).collect();
    }
    let pairs = words.as_chunks::<2>().0.iter();
    pairs.map(|[at, time]| (Some(Ipv4Addr::from(*at)), u32::from_be_bytes(*time))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_fills_the_header_and_no_more() {
        let route = IpOptions::record_route();
        assert_eq!(route.as_bytes()[..4], [1, 7, 39, 4]);
        assert_eq!((route.as_bytes().len(), route.padded_len()), (40, 40));
        assert_eq!(route.recorded_route(), Some(vec![]));
        let only = IpOptions::timestamps(Stamping::Only).expect("it fits");
        assert_eq!((&only.as_bytes()[..4], only.padded_len()), (&[68, 40, 5, 0][..], 40));
        let both = IpOptions::timestamps(Stamping::WithAddresses).expect("it fits");
        assert_eq!((&both.as_bytes()[..4], both.padded_len()), (&[68, 36, 5, 1][..], 36));
        let at = [Ipv4Addr::new(192, 0, 2, 1); 5];
        let four = IpOptions::timestamps(Stamping::At(&at[..4])).expect("it fits");
        assert_eq!(four.as_bytes()[..9], [68, 36, 5, 3, 192, 0, 2, 1, 0]);
        assert_eq!(IpOptions::timestamps(Stamping::At(&at)), None);
    }

    #[test]
    fn what_came_is_read_up_to_the_pointer() {
        let bytes =
            [7, 11, 8, 192, 0, 2, 1, 9, 9, 9, 9, 68, 12, 13, 0x31, 10, 0, 0, 1, 0x80, 0, 0, 7];
        let options = IpOptions::from_bytes(&bytes).expect("it fits");
        assert_eq!(options.recorded_route(), Some(vec![Ipv4Addr::new(192, 0, 2, 1)]));
        let stamps = vec![(Some(Ipv4Addr::new(10, 0, 0, 1)), 0x8000_0007)];
        assert_eq!(options.time_stamps(), Some(IpTimestamps { stamps, unrecorded: 3 }));
    }

    #[test]
    fn no_bytes_are_read_beyond_their_end() {
        for kind in [7_u8, 68, 131, 137, 148, 5] {
            for length in 0..=45_u8 {
                for pointer in [0, 1, 4, 5, 6, 40, 255] {
                    let mut bytes = [0xff; 40];
                    bytes[..4].copy_from_slice(&[kind, length, pointer, 1]);
                    for cut in 1..=40 {
                        let options = IpOptions::from_bytes(&bytes[..cut]).expect("it fits");
                        assert!(options.read().len() <= 40);
                        assert!(options.recorded_route().is_none_or(|route| route.len() <= 9));
                        assert!(options.time_stamps().is_none_or(|told| told.stamps.len() <= 9));
                    }
                }
            }
        }
        assert_eq!(IpOptions::from_bytes(&[1; 41]), None);
        assert_eq!(IpOptions::from_bytes(&[]), None);
    }
}
