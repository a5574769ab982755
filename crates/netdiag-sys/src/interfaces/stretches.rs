//! Up to where the routes of this machine answer alike.
//!
//! Which address packets leave from depends on their destination by the prefixes of routes, of rules
//! (ip-rule(8)) and, in IPv6, of the own addresses and of the labels that a source is chosen by
//! (RFC 6724 sections 2.1 and 5, rules 2, 6 and 8). Between the ends of all these prefixes one answer
//! holds for every address, but where a route leads several ways, or gives each address itself.

use super::failed;
use netdiag_engine::port::NetworkError;
use netdiag_model::Family;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// Room for one part of a dump: the kernel makes none larger (NLMSG_GOODSIZE).
const ROOM: usize = 32 * 1024;
/// Parts of a dump that are read; a million routes are half of it.
const PARTS: usize = 4_096;
/// What stands before each message and each attribute (`struct nlmsghdr`, `struct nlattr`).
const MESSAGE_HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;
/// The two uppermost bits of a type are flags (NLA_TYPE_MASK).
const TYPE: u16 = 0x3fff;
/// `RTA_DST`, `FRA_DST`, `IFAL_ADDRESS` and `IFA_ADDRESS`: what a prefix begins with.
const PREFIX: u16 = 1;

/// All addresses of a family, divided so that the routes answer alike for each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretches {
    family: Family,
    /// The first address of each, ascending, from the first of all.
    firsts: Vec<u128>,
    /// In which of them each address has an answer of its own.
    apart: Vec<bool>,
}

/// What begins or ends a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    first: u128,
    last: u128,
    /// Each address in it has an answer of its own.
    is_apart: bool,
}

impl Stretches {
    /// As the kernel's tables are now. Sends nothing but questions to the kernel.
    ///
    /// # Errors
    /// Whatever netlink refuses; EAGAIN where the tables changed meanwhile, E2BIG where they are too
    /// large to be worth it.
    pub(crate) fn read(family: Family) -> Result<Self, NetworkError> {
        let mut prefixes = Vec::new();
        dump("RTM_GETROUTE", libc::RTM_GETROUTE, family, |body| {
            prefixes.extend(route(family, body));
        })?;
        let rules = dump("RTM_GETRULE", libc::RTM_GETRULE, family, |body| {
            prefixes.extend(plain(family, body, 1));
        });
        // A kernel may have been built without rules.
        rules.or_else(|error| match error.errno {
            libc::EOPNOTSUPP | libc::EAFNOSUPPORT => Ok(()),
            _ => Err(error),
        })?;
        if family == Family::Ipv6 {
            dump("RTM_GETADDRLABEL", libc::RTM_GETADDRLABEL, family, |body| {
                prefixes.extend(plain(family, body, 2));
            })?;
            dump("RTM_GETADDR", libc::RTM_GETADDR, family, |body| {
                prefixes.extend(common(body));
            })?;
            // Beyond these the scope is another.
            prefixes.extend(
                [(0xfe80_u128, 10), (0xfec0, 10), (0xff00, 8)]
                    .map(|(bits, length)| Prefix::new(family, bits << 112, length)),
            );
        }
        Ok(Self::new(family, &prefixes))
    }

    fn new(family: Family, prefixes: &[Prefix]) -> Self {
        let end = last_of(family);
        let ends = prefixes.iter().filter(|prefix| prefix.last < end).map(|prefix| prefix.last + 1);
        let mut firsts: Vec<u128> =
            prefixes.iter().map(|prefix| prefix.first).chain(ends).collect();
        firsts.push(0);
        firsts.sort_unstable();
        firsts.dedup();
        let mut apart = vec![false; firsts.len()];
        for Prefix { first, last, .. } in prefixes.iter().filter(|prefix| prefix.is_apart) {
            let from = firsts.partition_point(|it| it < first);
            let to = firsts.partition_point(|it| it <= last);
            apart.get_mut(from..to).unwrap_or_default().fill(true);
        }
        Self { family, firsts, apart }
    }

    /// The addresses around this one, as [`bits`], for which the routes have the same answer; `None`
    /// where it has one of its own.
    pub(crate) fn around(&self, address: IpAddr) -> Option<RangeInclusive<u128>> {
        if Family::of(address) != self.family {
            return None;
        }
        let (address, next) = (bits(address), |place| self.firsts.get(place));
        let behind = self.firsts.partition_point(|first| *first <= address);
        let place = behind.checked_sub(1)?;
        let is_apart = self.apart.get(place).copied().unwrap_or(true);
        let last = next(behind).map_or_else(|| last_of(self.family), |next| next - 1);
        (!is_apart).then_some(*next(place)?..=last)
    }
}

/// The number that an address of either family is.
pub(crate) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

const fn width(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

const fn last_of(family: Family) -> u128 {
    u128::MAX >> (128 - width(family))
}

impl Prefix {
    fn new(family: Family, bits: u128, length: u8) -> Self {
        let free = last_of(family).checked_shr(length.into()).unwrap_or(0);
        Self { first: bits & !free, last: bits | free, is_apart: false }
    }
}

/// The prefix of a route (`struct rtmsg`).
fn route(family: Family, body: &[u8]) -> Option<Prefix> {
    const KIND: usize = 7;
    /// `RTA_OIF`, `RTA_PREFSRC`, `RTA_MULTIPATH` and `RTA_NH_ID`.
    const OUT: u16 = 4;
    const SOURCE: u16 = 7;
    const WAYS: u16 = 9;
    const HOP: u16 = 30;
    let has = |kind| attributes(body, 12).any(|(found, _)| found == kind);
    let is_local = body.get(KIND) == Some(&libc::RTN_LOCAL);
    let is_itself = is_local && family == Family::Ipv4 && !has(SOURCE);
    let prefix = plain(family, body, 1)?;
    Some(Prefix { is_apart: is_itself || has(WAYS) || has(HOP) && !has(OUT), ..prefix })
}

/// The prefix of an entry whose header takes 12 bytes, with the length at this place.
fn plain(family: Family, body: &[u8], place: usize) -> Option<Prefix> {
    let length = *body.get(place)?;
    let found = attributes(body, 12).find(|(kind, _)| *kind == PREFIX);
    let found = found.map_or(Some(0), |(_, value)| number(family, value))?;
    Some(Prefix::new(family, found, length))
}

/// How many bits a destination has in common with an own address of IPv6 (`struct ifaddrmsg`).
fn common(body: &[u8]) -> impl Iterator<Item = Prefix> {
    const LOCAL: u16 = 2;
    let own = attributes(body, 8).filter(|(kind, _)| matches!(*kind, PREFIX | LOCAL));
    let own = own.filter_map(|(_, value)| number(Family::Ipv6, value));
    own.flat_map(|bits| (1..=128).map(move |length| Prefix::new(Family::Ipv6, bits, length)))
}

fn number(family: Family, value: &[u8]) -> Option<u128> {
    match family {
        Family::Ipv4 => Some(u32::from_be_bytes(value.try_into().ok()?).into()),
        Family::Ipv6 => Some(u128::from_be_bytes(value.try_into().ok()?)),
    }
}

/// The attributes behind a header, by their types.
fn attributes(body: &[u8], header: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(header..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = usize::from(short(rest, 0)?);
        let kind = short(rest, 2)? & TYPE;
        let value = rest.get(ATTRIBUTE_HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Reads a table of the kernel whole: what follows the header of each of its entries.
fn dump(
    call: &'static str,
    kind: u16,
    family: Family,
    mut entry: impl FnMut(&[u8]),
) -> Result<(), NetworkError> {
    const INTERRUPTED: u16 = libc::NLM_F_DUMP_INTR as u16;
    let [error, done] = [libc::NLMSG_ERROR, libc::NLMSG_DONE].map(|kind| kind as u16);
    let mut socket = Socket::new(NETLINK_ROUTE).map_err(|error| failed(call, &error))?;
    socket.bind_auto().map_err(|error| failed(call, &error))?;
    let nobody = SocketAddr::new(0, 0);
    socket.send_to(&question(kind, family), &nobody, 0).map_err(|error| failed(call, &error))?;
    let mut room = vec![0; ROOM];
    for _ in 0..PARTS {
        // The kernel has the next part ready before it takes the last one away.
        let (length, from) = socket
            .recv_from(&mut room.as_mut_slice(), libc::MSG_DONTWAIT)
            .map_err(|error| failed(call, &error))?;
        if from.port_number() != 0 {
            continue;
        }
        let mut rest = room.get(..length).unwrap_or_default();
        while let (Some(length), Some(kind), Some(flags)) =
            (long(rest, 0), short(rest, 4), short(rest, 6))
        {
            let length = length as usize;
            let Some(body) = rest.get(MESSAGE_HEADER..length) else { break };
            if flags & INTERRUPTED != 0 {
                return Err(NetworkError { call, errno: libc::EAGAIN });
            }
            if kind == done {
                return Ok(());
            }
            if kind == error {
                let errno =
                    long(body, 0).map_or(libc::EPROTO, |it| it.cast_signed().wrapping_neg());
                return Err(NetworkError { call, errno });
            }
            entry(body);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
    Err(NetworkError { call, errno: libc::E2BIG })
}

/// The question for a table: every header of its entries begins with the family.
fn question(kind: u16, family: Family) -> Vec<u8> {
    const BODY: usize = 12;
    let length = (MESSAGE_HEADER + BODY) as u32;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let family = match family {
        Family::Ipv4 => libc::AF_INET,
        Family::Ipv6 => libc::AF_INET6,
    };
    let mut bytes = Vec::with_capacity(MESSAGE_HEADER + BODY);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.push(family as u8);
    bytes.resize(MESSAGE_HEADER + BODY, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn prefix(text: &str, length: u8, is_apart: bool) -> Prefix {
        let address = address(text);
        Prefix { is_apart, ..Prefix::new(Family::of(address), bits(address), length) }
    }

    fn range(first: &str, last: &str) -> RangeInclusive<u128> {
        bits(address(first))..=bits(address(last))
    }

    #[test]
    fn a_stretch_ends_where_a_prefix_begins_or_ends() {
        let all = [
            prefix("0.0.0.0", 0, false),
            prefix("10.2.0.0", 24, false),
            prefix("10.2.0.1", 32, false),
            prefix("10.9.0.0", 16, true),
            prefix("255.255.255.255", 32, false),
        ];
        let stretches = Stretches::new(Family::Ipv4, &all);
        let around = |text: &str| stretches.around(address(text));
        assert_eq!(around("10.2.0.0"), Some(range("10.2.0.0", "10.2.0.0")));
        assert_eq!(around("10.2.0.1"), Some(range("10.2.0.1", "10.2.0.1")));
        assert_eq!(around("10.2.0.77"), Some(range("10.2.0.2", "10.2.0.255")));
        assert_eq!(around("10.2.1.0"), Some(range("10.2.1.0", "10.8.255.255")));
        assert_eq!(around("10.9.3.1"), None);
        assert_eq!(around("10.10.0.0"), Some(range("10.10.0.0", "255.255.255.254")));
        assert_eq!(around("255.255.255.255"), Some(range("255.255.255.255", "255.255.255.255")));
        assert_eq!(around("::1"), None);
    }

    #[test]
    fn a_source_of_ipv6_is_chosen_by_what_it_has_in_common_with_the_target() {
        let own = bits(address("fd01::1"));
        let all: Vec<Prefix> =
            (1..=128).map(|length| Prefix::new(Family::Ipv6, own, length)).collect();
        let stretches = Stretches::new(Family::Ipv6, &all);
        let around = |text: &str| stretches.around(address(text)).expect("one for all");
        assert_eq!(around("fd01::1"), range("fd01::1", "fd01::1"));
        assert_eq!(around("fd01::2"), range("fd01::2", "fd01::3"));
        assert_eq!(around("fd01::7"), range("fd01::4", "fd01::7"));
        assert_eq!(*around("ffff::").end(), u128::MAX);
    }

    #[test]
    fn the_tables_of_this_machine_can_be_read() {
        for (family, own) in [(Family::Ipv4, "127.0.0.9"), (Family::Ipv6, "2001:db8::7")] {
            let stretches = match Stretches::read(family) {
                Ok(stretches) => stretches,
                // There may be no IPv6.
                Err(error) => {
                    assert_eq!((family, error.errno), (Family::Ipv6, libc::EOPNOTSUPP));
                    continue;
                }
            };
            assert_eq!(stretches.firsts.first(), Some(&0));
            let around = stretches.around(address(own));
            assert!(around.is_none_or(|around| around.contains(&bits(address(own)))), "{own}");
        }
        let lo = Stretches::read(Family::Ipv4).expect("tables").around(address("127.0.0.9"));
        assert!(lo.is_some_and(|around| !around.contains(&bits(address("128.0.0.1")))));
    }
}
