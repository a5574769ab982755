//! Addresses that were seen already.

use super::range::{AddressRange, from_number, number};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A set of addresses, kept as the stretches it consists of: a network takes as much room as one
/// address.
#[derive(Clone, Debug, Default)]
pub struct AddressSet {
    ipv4: BTreeMap<u128, u128>,
    ipv6: BTreeMap<u128, u128>,
}

impl AddressSet {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let place = number(address);
        let before = self.stretches(address.is_ipv4()).range(..=place).next_back();
        before.is_some_and(|(_, last)| *last >= place)
    }

    /// How many stretches it consists of, which is what it takes room for.
    #[must_use]
    pub fn stretch_count(&self) -> usize {
        self.ipv4.len() + self.ipv6.len()
    }

    /// Puts addresses in; returns those that were not there yet, in order.
    pub fn insert(&mut self, range: AddressRange) -> Vec<AddressRange> {
        let new = self.missing(range);
        let is_ipv4 = range.first().is_ipv4();
        let (mut first, mut last) = (number(range.first()), number(range.last()));
        let stretches = if is_ipv4 { &mut self.ipv4 } else { &mut self.ipv6 };
        // What touches or overlaps becomes one stretch.
        let reach = last.saturating_add(1);
        while let Some((begin, end)) = stretches.range(..=reach).next_back() {
            let (begin, end) = (*begin, *end);
            if end.saturating_add(1) < first {
                break;
            }
            stretches.remove(&begin);
            (first, last) = (first.min(begin), last.max(end));
        }
        stretches.insert(first, last);
        new
    }

    /// The addresses of a range that are not in the set, in order.
    #[must_use]
    pub fn missing(&self, range: AddressRange) -> Vec<AddressRange> {
        let is_ipv4 = range.first().is_ipv4();
        let (mut next, last) = (number(range.first()), number(range.last()));
        let stretches = self.stretches(is_ipv4);
        let before = stretches.range(..next).next_back();
        let mut found = Vec::new();
        for (begin, end) in before.into_iter().chain(stretches.range(next..=last)) {
            if *end < next {
                continue;
            }
            if *begin > next {
                found.extend(between(next, *begin - 1, is_ipv4));
            }
            match end.checked_add(1) {
                Some(after) if after <= last => next = after,
                _ => return found,
            }
        }
        found.extend(between(next, last, is_ipv4));
        found
    }

    const fn stretches(&self, is_ipv4: bool) -> &BTreeMap<u128, u128> {
        if is_ipv4 { &self.ipv4 } else { &self.ipv6 }
    }
}

fn between(first: u128, last: u128, is_ipv4: bool) -> Option<AddressRange> {
    AddressRange::new(from_number(first, is_ipv4), from_number(last, is_ipv4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u8, last: u8) -> AddressRange {
        let at = |byte| IpAddr::from([10, 0, 0, byte]);
        AddressRange::new(at(first), at(last)).expect("a range")
    }

    #[test]
    fn what_overlaps_comes_out_once() {
        let mut set = AddressSet::default();
        assert_eq!(set.insert(range(10, 20)), [range(10, 20)]);
        assert_eq!(set.insert(range(30, 40)), [range(30, 40)]);
        assert_eq!(set.insert(range(15, 35)), [range(21, 29)]);
        assert_eq!(set.insert(range(0, 255)), [range(0, 9), range(41, 255)]);
        assert_eq!(set.insert(range(0, 255)), []);
        assert_eq!(set.ipv4.len(), 1);
    }

    /// Against a plain table, over every small case that a generator finds.
    #[test]
    fn the_set_agrees_with_a_table_of_addresses() {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u8 % 64
        };
        for _ in 0..2_000 {
            let mut set = AddressSet::default();
            let mut table = [false; 64];
            for _ in 0..6 {
                let (a, b) = (next(), next());
                let (first, last) = (a.min(b), a.max(b));
                let fresh = (first..=last).filter(|at| !table[usize::from(*at)]).count();
                let found: u128 = set.insert(range(first, last)).iter().map(|r| r.count()).sum();
                assert_eq!(found, fresh as u128);
                table[usize::from(first)..=usize::from(last)].fill(true);
                for at in 0..64 {
                    let address = IpAddr::from([10, 0, 0, at]);
                    assert_eq!(set.contains(address), table[usize::from(at)]);
                }
            }
        }
    }

    #[test]
    fn families_are_apart_and_the_ends_of_ipv6_hold() {
        let mut set = AddressSet::default();
        let all = AddressRange::network(IpAddr::from([0_u16; 8]), 0);
        assert_eq!(set.insert(all).len(), 1);
        assert!(set.contains("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().expect("one")));
        assert!(!set.contains(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(set.missing(all), []);
    }
}
