//! How many ports of this machine are in use to each destination.

use std::net::IpAddr;

/// Destinations that are counted at once. When there are more, those with the fewest give way: each
/// count may then be too low by [`Destinations::error`].
const MOST: usize = 16 * 1024;
const FIRST: usize = 64;

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The address of this side.
    pub local: IpAddr,
    /// The address of the other side.
    pub remote: IpAddr,
    /// Its port.
    pub port: u16,
}

/// Counts by destination.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    /// A power of two of places, at most three quarters of them taken; a key stands at its place or
    /// behind it.
    slots: Vec<Option<(Destination, u32)>>,
    taken: usize,
    error: u32,
}

impl Destinations {
    /// Counts one more.
    pub fn count(&mut self, key: Destination) {
        if self.slots.is_empty() {
            self.slots = vec![None; FIRST];
        }
        if self.add(key, 1) && self.taken * 4 > self.slots.len() * 3 {
            self.make_room();
        }
    }

    /// How much too low a count may be.
    #[must_use]
    pub const fn error(&self) -> u32 {
        self.error
    }

    /// The destinations with the most, most first; equal ones in the order of their addresses.
    #[must_use]
    pub fn busiest(&self, most: usize) -> Vec<(Destination, u32)> {
        let mut all: Vec<(Destination, u32)> = self.slots.iter().flatten().copied().collect();
        all.sort_unstable_by(|(one, n), (other, m)| m.cmp(n).then(one.cmp(other)));
        all.truncate(most);
        all
    }

    /// Adds to a count; whether the key is new.
    fn add(&mut self, key: Destination, count: u32) -> bool {
        let last = self.slots.len() - 1;
        let mut place = hash(key) & last;
        loop {
            match &mut self.slots[place] {
                Some((found, so_far)) if *found == key => {
                    *so_far += count;
                    return false;
                }
                Some(_) => place = (place + 1) & last,
                empty => {
                    *empty = Some((key, count));
                    self.taken += 1;
                    return true;
                }
            }
        }
    }

    fn make_room(&mut self) {
        let is_full = self.slots.len() >= MOST;
        let places = if is_full { MOST } else { self.slots.len() * 2 };
        let old = std::mem::replace(&mut self.slots, vec![None; places]);
        self.taken = 0;
        let less = u32::from(is_full);
        self.error += less;
        for (key, count) in old.into_iter().flatten().filter(|(_, count)| *count > less) {
            self.add(key, count - less);
        }
    }
}

/// Mixes a key (the finaliser of splitmix64): what it is good for is speed, not secrecy.
fn hash(key: Destination) -> usize {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            (bits >> 64) as u64 ^ (bits as u64).rotate_left(17)
        }
    };
    let mut mixed = bits(key.local).rotate_left(32) ^ bits(key.remote) ^ u64::from(key.port) << 40;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn to(number: u32) -> Destination {
        let local = Ipv4Addr::new(192, 0, 2, 1).into();
        Destination { local, remote: Ipv4Addr::from(0x0a00_0000 + number).into(), port: 5432 }
    }

    #[test]
    fn counts_are_exact_while_there_is_room() {
        let mut all = Destinations::default();
        for round in 0..3 {
            (0..2_000)
                .filter(|number| number % 3 >= round)
                .for_each(|number| all.count(to(number)));
        }
        assert_eq!((all.error(), all.taken), (0, 2_000));
        let busiest = all.busiest(2);
        assert_eq!(busiest, [(to(2), 3), (to(5), 3)]);
    }

    #[test]
    fn the_busiest_stays_among_more_than_fit_and_the_error_is_told() {
        let mut all = Destinations::default();
        for number in 0..60_000 {
            all.count(to(number));
            all.count(to(7));
        }
        let (key, count) = all.busiest(1)[0];
        assert_eq!(key, to(7));
        assert!(all.error() > 0 && count + all.error() >= 60_001, "{count} {}", all.error());
        assert!(all.slots.len() <= MOST);
    }
}
