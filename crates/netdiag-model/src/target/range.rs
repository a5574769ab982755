//! Consecutive addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Consecutive addresses of one family, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// From one address to another; `None` when the families differ or the second comes first.
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    /// One address.
    #[must_use]
    pub const fn one(address: IpAddr) -> Self {
        Self { first: address, last: address }
    }

    /// All addresses of a network, of which `address` is one. A length above that of the family
    /// counts as its longest.
    #[must_use]
    pub fn network(address: IpAddr, length: u8) -> Self {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = bits - u32::from(length).min(bits);
        let mask = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
        let number = number(address);
        let at = |number| from_number(number, address.is_ipv4());
        Self { first: at(number & !mask), last: at(number | mask) }
    }

    /// The hosts of a network: of IPv4 networks shorter than /31 neither the first address, which
    /// names the network, nor the last, which is its broadcast (RFC 3021 section 2).
    #[must_use]
    pub fn hosts(address: IpAddr, length: u8) -> Self {
        let all = Self::network(address, length);
        if address.is_ipv6() || length >= 31 {
            return all;
        }
        let at = |number| from_number(number, true);
        Self { first: at(number(all.first) + 1), last: at(number(all.last) - 1) }
    }

    /// The first address.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The last address.
    #[must_use]
    pub const fn last(&self) -> IpAddr {
        self.last
    }

    /// How many there are, at least 1; of all IPv6 addresses one too few.
    #[must_use]
    pub fn count(&self) -> u128 {
        (number(self.last) - number(self.first)).saturating_add(1)
    }

    /// The address at a place, counted from 0; `None` behind the end.
    #[must_use]
    pub fn nth(&self, place: u128) -> Option<IpAddr> {
        let wanted = number(self.first).checked_add(place)?;
        (wanted <= number(self.last)).then(|| from_number(wanted, self.first.is_ipv4()))
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&address)
    }

    /// This range and one that follows it, as one.
    #[must_use]
    pub fn joined(&self, next: Self) -> Option<Self> {
        let follows = number(self.last).checked_add(1) == Some(number(next.first));
        let same = self.first.is_ipv4() == next.first.is_ipv4();
        (follows && same).then_some(Self { first: self.first, last: next.last })
    }
}

/// An address as a number within its family.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address of a number; one of IPv4 is taken modulo 2^32.
pub(super) fn from_number(number: u128, is_ipv4: bool) -> IpAddr {
    match is_ipv4 {
        true => Ipv4Addr::from_bits(number as u32).into(),
        false => Ipv6Addr::from_bits(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn networks_of_every_length_hold_their_addresses() {
        let any = address("203.0.113.77");
        for length in 0..=32_u8 {
            let all = AddressRange::network(any, length);
            assert!(all.contains(any), "/{length}");
            assert_eq!(all.count(), 1 << (32 - length), "/{length}");
            let hosts = AddressRange::hosts(any, length).count();
            let left_out = if length < 31 { 2 } else { 0 };
            assert_eq!(hosts, all.count() - left_out, "/{length}");
        }
        let all = AddressRange::network(address("::1"), 0);
        assert_eq!((all.first(), all.count()), (address("::"), u128::MAX));
    }

    #[test]
    fn places_lead_to_addresses_and_end() {
        let range = AddressRange::new(address("10.0.0.254"), address("10.0.1.1")).expect("a range");
        let all: Vec<IpAddr> = (0..).map_while(|place| range.nth(place)).collect();
        assert_eq!(all.len(), 4);
        assert_eq!((all[1], all[2]), (address("10.0.0.255"), address("10.0.1.0")));
        assert_eq!(AddressRange::one(address("ffff::")).nth(u128::MAX), None);
    }

    #[test]
    fn neighbours_are_joined_and_others_are_not() {
        let one = |text| AddressRange::one(address(text));
        let joined = one("10.0.0.1").joined(one("10.0.0.2")).expect("neighbours");
        assert_eq!(joined.count(), 2);
        assert_eq!(joined.joined(one("10.0.0.4")), None);
        assert_eq!(one("255.255.255.255").joined(one("::1:0:0")), None);
    }
}
