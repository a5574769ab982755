//! Putting what settles in any order back into sequence, and measuring replies out of order.

use std::collections::{BTreeMap, VecDeque};

/// Takes numbered items in any order and gives them back in sequence, without gaps.
///
/// An item that comes in its turn passes straight through; others wait for the ones before them. So
/// it holds at most what lies above the lowest number still out: with probes, those sent within one
/// timeout. A number already passed or already waiting is dropped: a probe settles once.
///
/// ```
/// # use netdiag_engine::stats::InOrder;
/// let mut order = InOrder::starting_at(1);
/// assert_eq!(order.offer(2, "b"), None);
/// assert_eq!(order.offer(1, "a"), Some("a"));
/// assert_eq!(order.pop(), Some("b"));
/// assert_eq!(order.pop(), None);
/// ```
#[derive(Clone, Debug)]
pub struct InOrder<T> {
    next: u64,
    waiting: BTreeMap<u64, T>,
}

impl<T> InOrder<T> {
    /// Expects `first`, then the numbers after it.
    #[must_use]
    pub const fn starting_at(first: u64) -> Self {
        Self { next: first, waiting: BTreeMap::new() }
    }

    /// Takes an item, and gives it right back when it is the next one; then [`pop`](Self::pop) may
    /// have more.
    #[must_use]
    pub fn offer(&mut self, seq: u64, item: T) -> Option<T> {
        if seq == self.next {
            self.next += 1;
            return Some(item);
        }
        if seq > self.next {
            self.waiting.entry(seq).or_insert(item);
        }
        None
    }

    /// The next item in sequence, if it is waiting.
    pub fn pop(&mut self) -> Option<T> {
        let first = self.waiting.first_entry()?;
        if *first.key() != self.next {
            return None;
        }
        self.next += 1;
        Some(first.remove())
    }

    /// The first item that waits, over a gap if there is one: for the end of a run, when what is
    /// still out will not come.
    pub fn pop_over_gap(&mut self) -> Option<T> {
        let (seq, item) = self.waiting.pop_first()?;
        self.next = seq + 1;
        Some(item)
    }

    /// The number that must come next.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// So many items are waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// Whether a reply came in order (RFC 4737 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// No reply to a later probe came before it.
    InOrder,
    /// It came behind a reply to a later probe.
    Reordered {
        /// The reordering extent (RFC 4737 section 4.2): so many arrivals earlier came the first
        /// reply to a later probe.
        extent: u64,
    },
}

/// Replies out of order: the Type-P-Reordered singleton of RFC 4737 section 3, counted.
///
/// Fed with the sequence number of each first reply in time, in order of arrival. A lost probe is
/// not reordered, it only leaves a gap; duplicates are not fed. The extent needs the arrivals that
/// a straggler can fall behind: those of later probes than the oldest one out, of which the last
/// [`HISTORY`](Self::HISTORY) are kept. An extent beyond those is counted up to the oldest kept.
#[derive(Clone, Debug, Default)]
pub struct Reordering {
    next_expected: u64,
    arrivals: u64,
    reordered: u64,
    largest_extent: u64,
    /// Replies that came in order, as (place among the arrivals, sequence number), both rising.
    in_order: VecDeque<(u64, u64)>,
}

impl Reordering {
    /// So many replies in order are remembered to measure extents.
    pub const HISTORY: usize = 64;

    /// No replies yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next_expected: 0,
            arrivals: 0,
            reordered: 0,
            largest_extent: 0,
            in_order: VecDeque::new(),
        }
    }

    /// Adds the next arrival.
    pub fn record(&mut self, seq: u64) -> Order {
        self.arrivals += 1;
        // RFC 4737 section 3.3: in order if s >= NextExp, and then NextExp becomes s + 1;
        // otherwise reordered, and NextExp stays.
        if seq >= self.next_expected {
            self.next_expected = seq + 1;
            if self.in_order.len() == Self::HISTORY {
                self.in_order.pop_front();
            }
            self.in_order.push_back((self.arrivals, seq));
            return Order::InOrder;
        }
        self.reordered += 1;
        let extent = self.extent_of(seq);
        self.largest_extent = self.largest_extent.max(extent);
        Order::Reordered { extent }
    }

    /// Every probe below `seq` is settled, so nothing can fall behind the replies to them.
    pub fn forget_below(&mut self, seq: u64) {
        while self.in_order.front().is_some_and(|&(_, kept)| kept < seq) {
            self.in_order.pop_front();
        }
    }

    /// So many replies were fed.
    #[must_use]
    pub const fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// So many of them were reordered.
    #[must_use]
    pub const fn reordered(&self) -> u64 {
        self.reordered
    }

    /// The largest extent; `None` when nothing was reordered.
    #[must_use]
    pub fn largest_extent(&self) -> Option<u64> {
        (self.reordered > 0).then_some(self.largest_extent)
    }

    /// Bytes held outside the struct.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.in_order.capacity() * size_of::<(u64, u64)>()
    }

    /// RFC 4737 section 4.2: e = i - j, where j is the earliest arrival with s[j] > s[i]. That one
    /// was in order itself: before it nothing as large had come.
    fn extent_of(&self, seq: u64) -> u64 {
        let behind = self.in_order.partition_point(|&(_, kept)| kept < seq);
        self.in_order.get(behind).map_or(1, |&(place, _)| self.arrivals - place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offers each number and lists what comes out after each.
    #[track_caller]
    fn check_order(offered: &[u64], expect: &[&[u64]]) {
        let mut order = InOrder::starting_at(1);
        for (&seq, &expect) in offered.iter().zip(expect) {
            let mut out = Vec::new();
            let mut ready = order.offer(seq, seq);
            while let Some(seq) = ready {
                out.push(seq);
                ready = order.pop();
            }
            assert_eq!(out, expect, "after {seq} of {offered:?}");
        }
    }

    #[test]
    fn items_come_out_in_sequence() {
        check_order(&[1, 2, 3], &[&[1], &[2], &[3]]);
        check_order(&[3, 1, 2, 4], &[&[], &[1], &[2, 3], &[4]]);
        check_order(&[4, 3, 2, 1], &[&[], &[], &[], &[1, 2, 3, 4]]);
    }

    #[test]
    fn a_number_passed_or_waiting_is_dropped() {
        check_order(&[1, 1, 3, 3, 0, 2, 3], &[&[1], &[], &[], &[], &[], &[2, 3], &[]]);
    }

    #[test]
    fn at_the_end_what_waits_comes_over_the_gaps() {
        let mut order = InOrder::starting_at(1);
        assert_eq!((order.offer(5, 'e'), order.offer(3, 'c')), (None, None));
        assert_eq!(order.waiting(), 2);
        assert_eq!([(); 3].map(|()| order.pop_over_gap()), [Some('c'), Some('e'), None]);
        assert_eq!(order.next(), 6);
    }

    /// Feeds the arrivals and lists (sequence number, extent) of the reordered ones.
    #[track_caller]
    fn check_reordered(arrivals: &[u64], expect: &[(u64, u64)]) {
        let mut reordering = Reordering::new();
        let mut found = Vec::new();
        for &seq in arrivals {
            if let Order::Reordered { extent } = reordering.record(seq) {
                found.push((seq, extent));
            }
        }
        assert_eq!(found, expect, "{arrivals:?}");
        assert_eq!(reordering.arrivals(), arrivals.len() as u64);
        assert_eq!(reordering.reordered(), expect.len() as u64);
        assert_eq!(reordering.largest_extent(), expect.iter().map(|&(_, extent)| extent).max());
    }

    #[test]
    fn only_replies_behind_a_later_one_are_reordered() {
        check_reordered(&[], &[]);
        check_reordered(&[1, 2, 3], &[]);
        check_reordered(&[1, 4, 9], &[]); // losses are gaps, not reordering
        check_reordered(&[2, 1], &[(1, 1)]);
        // 4 arrives 8th, behind 5 that arrived 4th.
        check_reordered(&[1, 2, 3, 5, 6, 7, 8, 4, 9, 10], &[(4, 4)]);
        // 7 arrived 4th; 4, 5, 6 arrive 8th, 9th, 10th.
        check_reordered(&[1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11], &[(4, 4), (5, 5), (6, 6)]);
        check_reordered(&[3, 2, 1], &[(2, 1), (1, 2)]);
    }

    #[test]
    fn the_history_is_bounded_and_an_extent_beyond_it_reaches_the_oldest_kept() {
        let mut reordering = Reordering::new();
        for seq in 2..10_000 {
            reordering.record(seq);
        }
        let extent = Reordering::HISTORY as u64;
        assert_eq!(reordering.record(1), Order::Reordered { extent });
        assert!(reordering.heap_bytes() <= 1024);
    }

    #[test]
    fn what_is_settled_is_forgotten() {
        let mut reordering = Reordering::new();
        for seq in [1, 2, 4, 5] {
            reordering.record(seq);
        }
        reordering.forget_below(3);
        assert_eq!(reordering.record(3), Order::Reordered { extent: 2 });
    }
}
