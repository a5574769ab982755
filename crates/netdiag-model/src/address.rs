//! Where a probe goes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The two internet protocols.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4, RFC 791.
    Ipv4,
    /// IPv6, RFC 8200.
    Ipv6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// `ipv4` or `ipv6`, the word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// Bytes of the IP header without options: 20 or 40.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self {
            Self::Ipv4 => 20,
            Self::Ipv6 => 40,
        }
    }
}

/// An address as the network layer needs it: IPv6 link-local addresses carry their interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address and its scope: an interface index, 0 where the address needs none.
    V6(Ipv6Addr, u32),
}

impl Destination {
    /// A destination without a scope.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self::scoped(address, 0)
    }

    /// A destination with a scope, which IPv4 ignores.
    #[must_use]
    pub const fn scoped(address: IpAddr, scope: u32) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6(v6, scope),
        }
    }

    /// The address alone.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::V4(v4) => IpAddr::V4(v4),
            Self::V6(v6, _) => IpAddr::V6(v6),
        }
    }

    /// The interface index that a link-local address belongs to, 0 for none.
    #[must_use]
    pub const fn scope(self) -> u32 {
        match self {
            Self::V4(_) => 0,
            Self::V6(_, scope) => scope,
        }
    }

    /// The family.
    #[must_use]
    pub const fn family(self) -> Family {
        Family::of(self.address())
    }

    /// Whether a packet from `from` comes from here. Scopes must agree where both are known:
    /// two interfaces can each have a neighbour with the same link-local address.
    #[must_use]
    pub fn is_source(self, from: Self) -> bool {
        self.address() == from.address()
            && (self.scope() == 0 || from.scope() == 0 || self.scope() == from.scope())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(v4) => v4.fmt(f),
            Self::V6(v6, 0) => v6.fmt(f),
            Self::V6(v6, scope) => write!(f, "{v6}%{scope}"),
        }
    }
}

/// The address that packets to a text go to: an IPv4-mapped one (`::ffff:192.0.2.1`, RFC 4291 section
/// 2.5.5.2) is the IPv4 address, since by the other no packet goes anywhere.
#[must_use]
pub fn parse_address(text: &str) -> Option<IpAddr> {
    parse_written(text).map(|address| address.to_canonical())
}

/// The address that a text is, without brackets and zone: as RFC 4291 section 2.2 has it for IPv6,
/// and for IPv4 in every form that inet_aton(3) takes, such as `127.1` or `0x7f000001`, since
/// the classic tools take them too.
#[must_use]
pub fn parse_written(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| parse_ipv4(text).map(IpAddr::V4))
}

/// One to four parts, each decimal, octal (`0..`) or hexadecimal (`0x..`); the last one fills all
/// bytes that are left.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Option<Vec<u32>> = text.split('.').map(parse_part).collect();
    let parts = parts?;
    let (last, bytes) = parts.split_last().filter(|(_, bytes)| bytes.len() < 4)?;
    let mut address = u64::from(*last);
    if address >> (32 - 8 * bytes.len()) != 0 {
        return None;
    }
    for (place, byte) in bytes.iter().enumerate() {
        address |= u64::from(u8::try_from(*byte).ok()?) << (24 - 8 * place);
    }
    u32::try_from(address).ok().map(Ipv4Addr::from_bits)
}

fn parse_part(part: &str) -> Option<u32> {
    let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    // from_str_radix takes a sign, which no address has.
    let signed = digits.starts_with(['+', '-']);
    if signed { None } else { u32::from_str_radix(digits, radix).ok() }
}

/// What the look-up of a host found: its addresses, in the order in which they should be tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    addresses: Vec<Destination>,
    /// The name that the addresses are of, where that is another than the one asked for (the end of a
    /// chain of CNAMEs, RFC 1034 section 3.6.2, or the first name of a line of the hosts file).
    pub canonical: Option<crate::Untrusted>,
}

impl Found {
    /// The same, with the name that the addresses are of.
    #[must_use]
    pub fn named(self, canonical: Option<crate::Untrusted>) -> Self {
        Self { canonical, ..self }
    }
}

impl From<Vec<Destination>> for Found {
    fn from(addresses: Vec<Destination>) -> Self {
        Self { addresses, canonical: None }
    }
}

impl std::ops::Deref for Found {
    type Target = Vec<Destination>;

    fn deref(&self) -> &Vec<Destination> {
        &self.addresses
    }
}

impl std::ops::DerefMut for Found {
    fn deref_mut(&mut self) -> &mut Vec<Destination> {
        &mut self.addresses
    }
}

impl IntoIterator for Found {
    type Item = Destination;
    type IntoIter = std::vec::IntoIter<Destination>;

    fn into_iter(self) -> Self::IntoIter {
        self.addresses.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_to_a_mapped_address_go_to_the_ipv4_address() {
        let mapped = |text| (parse_address(text), parse_written(text));
        let (to, written) = mapped("::ffff:192.0.2.1");
        assert_eq!(to, "192.0.2.1".parse().ok());
        assert_eq!(written, "::ffff:192.0.2.1".parse().ok());
        assert_eq!(mapped("::1").0, "::1".parse().ok(), "loopback is not");
    }

    #[test]
    fn ipv4_addresses_have_the_forms_of_inet_aton() {
        let same = |text: &str, address: &str| {
            assert_eq!(parse_address(text), address.parse().ok(), "{text}");
        };
        same("192.0.2.1", "192.0.2.1");
        same("127.1", "127.0.0.1");
        same("127.0.1", "127.0.0.1");
        same("10.513", "10.0.2.1");
        same("0x7f.0.0.0x1", "127.0.0.1");
        same("010.0.0.1", "8.0.0.1");
        same("2130706433", "127.0.0.1");
        same("::1", "::1");
        let wrong = ["", ".", "1.", "1..2", "256.1.1.1", "1.2.3.256", "4294967296", "1.2.3.4.5"];
        for text in
            wrong.iter().chain(&["08", "0x", "1.+1", "-1", "localhost", "::g", "1.16777216"])
        {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }

    #[test]
    fn a_link_local_answer_from_another_interface_is_another_host() {
        let here = Destination::scoped("fe80::1".parse().expect("an address"), 2);
        let there = Destination::scoped("fe80::1".parse().expect("an address"), 3);
        assert!(here.is_source(here));
        assert!(!here.is_source(there));
        assert!(here.is_source(Destination::new(there.address())));
    }
}
