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

/// Ports that are in use to a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// All, TIME-WAIT included.
    pub used: u32,
    /// Those that have been in TIME-WAIT for less than [`WINDOW_S`](Self::WINDOW_S).
    pub fresh: u32,
    /// Those that have been in TIME-WAIT for a second: connections may take them again (`tcp_tw_reuse`).
    pub reusable: u32,
    /// Those that will not be any more after so long.
    pub ending: u32,
    /// Those of sockets that are listed.
    pub listed: u32,
}

impl Use {
    /// How far back and ahead is counted, in seconds.
    pub const WINDOW_S: u32 = 10;

    /// Connections closed a second, of late.
    #[must_use]
    pub fn new_per_second(self) -> f64 {
        f64::from(self.fresh) / f64::from(Self::WINDOW_S)
    }

    /// After how many seconds so many ports are used up if it goes on like this; `None`: never, since as
    /// many come free, or come free before.
    #[must_use]
    pub fn exhausted_in_s(self, available: u64, time_wait_s: u64) -> Option<u64> {
        let more = u64::from(self.fresh.checked_sub(self.ending).filter(|more| *more > 0)?);
        let lasts = u64::from(self.fresh) * time_wait_s <= available * u64::from(Self::WINDOW_S);
        let left = available.saturating_sub(self.used.into());
        (!lasts).then(|| left * u64::from(Self::WINDOW_S) / more)
    }
}

/// Counts by destination.
#[derive(Clone, Debug, Default)]
pub struct Destinations {
    /// A power of two of places, at most three quarters of them taken; a key stands at its place or
    /// behind it.
    slots: Vec<Option<(Destination, Use)>>,
    taken: usize,
    error: u32,
}

impl Destinations {
    /// Counts one more; `left_ms`: of its TIME-WAIT; `is_listed`: whether its socket is.
    pub fn count(&mut self, key: Destination, left_ms: Option<u32>, is_listed: bool) {
        /// The whole of TIME-WAIT in milliseconds (TCP_TIMEWAIT_LEN of net/tcp.h).
        const WHOLE_MS: u32 = 60_000;
        /// After so long it may be used again (`tcp_tw_reuse_delay`).
        const REUSED_MS: u32 = 1_000;
        const WINDOW_MS: u32 = Use::WINDOW_S * 1_000;
        let fresh = left_ms.is_some_and(|left| left > WHOLE_MS - WINDOW_MS);
        let reusable = left_ms.is_some_and(|left| left <= WHOLE_MS - REUSED_MS);
        let ending = left_ms.is_some_and(|left| left <= WINDOW_MS);
        let [fresh, reusable, ending, listed] = [fresh, reusable, ending, is_listed].map(u32::from);
        let one = Use { used: 1, fresh, reusable, ending, listed };
        if self.slots.is_empty() {
            self.slots = vec![None; FIRST];
        }
        if self.add(key, one) && self.taken * 4 > self.slots.len() * 3 {
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
    pub fn busiest(&self, most: usize) -> Vec<(Destination, Use)> {
        let mut all: Vec<(Destination, Use)> = self.slots.iter().flatten().copied().collect();
        all.sort_unstable_by(|(one, n), (other, m)| m.used.cmp(&n.used).then(one.cmp(other)));
        all.truncate(most);
        all
    }

    /// Adds to a count; whether the key is new.
    fn add(&mut self, key: Destination, more: Use) -> bool {
        let last = self.slots.len() - 1;
        let mut place = hash(key) & last;
        loop {
            match &mut self.slots[place] {
                Some((found, so_far)) if *found == key => {
                    so_far.used += more.used;
                    so_far.fresh += more.fresh;
                    so_far.reusable += more.reusable;
                    so_far.ending += more.ending;
                    so_far.listed += more.listed;
                    return false;
                }
                Some(_) => place = (place + 1) & last,
                empty => {
                    *empty = Some((key, more));
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
        for (key, count) in old.into_iter().flatten().filter(|(_, count)| count.used > less) {
            self.add(key, Use { used: count.used - less, ..count });
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
                .for_each(|number| all.count(to(number), None, false));
        }
        assert_eq!((all.error(), all.taken), (0, 2_000));
        let three = Use { used: 3, ..Use::default() };
        assert_eq!(all.busiest(2), [(to(2), three), (to(5), three)]);
    }

    #[test]
    fn the_busiest_stays_among_more_than_fit_and_the_error_is_told() {
        let mut all = Destinations::default();
        for number in 0..60_000 {
            all.count(to(number), None, false);
            all.count(to(7), None, false);
        }
        let (key, count) = all.busiest(1)[0];
        assert_eq!(key, to(7));
        assert!(all.error() > 0 && count.used + all.error() >= 60_001, "{count:?} {}", all.error());
        assert!(all.slots.len() <= MOST);
    }

    #[test]
    fn rates_come_from_what_is_left_of_time_wait() {
        let mut all = Destinations::default();
        for left in [Some(59_000), Some(50_001), Some(30_000), Some(10_000), None] {
            all.count(to(1), left, left.is_some());
        }
        let (_, found) = all.busiest(1)[0];
        assert_eq!(found, Use { used: 5, fresh: 2, reusable: 4, ending: 1, listed: 4 });
        assert_eq!(found.new_per_second(), 0.2);
        // 20 a second for 60 s are 1,200 ports; a second takes 19 of the 900 that are left.
        let busy = Use { used: 100, fresh: 200, ending: 10, ..Use::default() };
        assert_eq!(busy.exhausted_in_s(1_000, 60), Some(47));
        assert_eq!(busy.exhausted_in_s(1_200, 60), None);
        assert_eq!(Use { ending: 200, ..busy }.exhausted_in_s(1_000, 60), None);
    }
}
