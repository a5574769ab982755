//! The relation of two clocks, as pure arithmetic.
//!
//! CLOCK_REALTIME and CLOCK_MONOTONIC run at the same rate, slewing included, so their difference
//! is a constant until somebody sets the clock or the machine sleeps. Each reading of both confines
//! the constant to an interval; the intersection of the intervals is what is known. An empty
//! intersection means that the constant changed.

use netdiag_engine::port::Change;
use netdiag_model::Instant;
use std::time::Duration;

/// A change of the difference by more than this is a step; below it the clocks are followed.
const STEP_NANOS: i64 = 1_000_000;

/// More sleep than this is a suspended machine.
const SUSPENDED_NANOS: i64 = 1_000_000_000;

/// Both clocks are rounded to nanoseconds apart from each other.
const ROUNDING_NANOS: i64 = 2;

/// The wall clock read between two readings of the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) before: u64,
    pub(super) real: u64,
    pub(super) after: u64,
}

impl Reading {
    /// How long the reading took.
    pub(super) const fn width(self) -> u64 {
        self.after.saturating_sub(self.before)
    }

    /// The smallest and largest difference that it allows.
    const fn bounds(self) -> (i64, i64) {
        let low = self.real.wrapping_sub(self.after).cast_signed();
        let high = self.real.wrapping_sub(self.before).cast_signed();
        (low - ROUNDING_NANOS, high + ROUNDING_NANOS)
    }
}

/// What is known of wall clock minus monotonic clock.
#[derive(Debug)]
pub(super) struct Domain {
    low: i64,
    high: i64,
    boot_offset: i64,
    doubtful: bool,
}

impl Domain {
    pub(super) const fn new(reading: Reading, boot_offset: i64) -> Self {
        let (low, high) = reading.bounds();
        Self { low, high, boot_offset, doubtful: false }
    }

    const fn difference(&self) -> i64 {
        self.low.midpoint(self.high)
    }

    /// Takes in one reading; returns by how much the difference moved, if that is a step.
    pub(super) fn observe(&mut self, reading: Reading) -> Option<i64> {
        let (low, high) = reading.bounds();
        if low <= self.high && self.low <= high {
            self.low = self.low.max(low);
            self.high = self.high.min(high);
            return None;
        }
        let moved = low.midpoint(high) - self.difference();
        (self.low, self.high) = (low, high);
        let step = moved.abs() > STEP_NANOS;
        self.doubtful |= step;
        step.then_some(moved)
    }

    /// Says whether a step was sleep, a set clock, or both. The wall clock runs on in sleep and the
    /// monotonic clock does not.
    pub(super) fn explain(&mut self, step: i64, boot_offset: i64) -> impl Iterator<Item = Change> {
        let slept = boot_offset - self.boot_offset;
        self.boot_offset = boot_offset;
        let slept = if slept > SUSPENDED_NANOS { slept } else { 0 };
        let set = step - slept;
        let suspended = (slept > 0)
            .then(|| Change::Suspended { length: Duration::from_nanos(slept.unsigned_abs()) });
        let stepped = (set.abs() > STEP_NANOS).then_some(Change::ClockStepped { nanos: set });
        suspended.into_iter().chain(stepped)
    }

    /// Stamps can be trusted again.
    pub(super) const fn settle(&mut self) {
        self.doubtful = false;
    }

    /// A wall-clock stamp as an instant; `None` while it is unclear to which side of a step the
    /// stamp belongs.
    pub(super) fn to_monotonic(&self, real: u64) -> Option<Instant> {
        let mono = i128::from(real) - i128::from(self.difference());
        u64::try_from(mono).ok().filter(|_| !self.doubtful).map(Instant::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFFERENCE: u64 = 1_700_000_000_000_000_000;

    fn reading(at: u64, step: i64) -> Reading {
        let real = (at + DIFFERENCE + 20).checked_add_signed(step).expect("in range");
        Reading { before: at, real, after: at + 40 }
    }

    fn domain() -> Domain {
        Domain::new(reading(1_000_000, 0), 0)
    }

    #[test]
    fn a_stamp_is_converted_to_within_the_width_of_a_reading() {
        let at = domain().to_monotonic(DIFFERENCE + 5_000_000).expect("trusted");
        assert!(at.as_nanos().abs_diff(5_000_000) <= 20);
        assert_eq!(domain().to_monotonic(0), None);
    }

    #[test]
    fn a_reading_torn_by_the_scheduler_changes_nothing() {
        let mut domain = domain();
        let torn = Reading { before: 2_000_000, real: 9_000_000 + DIFFERENCE, after: 50_000_000 };
        assert_eq!(domain.observe(torn), None);
        assert_eq!(domain.difference(), DIFFERENCE as i64);
    }

    #[test]
    fn many_readings_narrow_the_difference_and_never_lose_it() {
        let mut domain = domain();
        for index in 0..1_000_u64 {
            let (early, late) = (index % 7, index % 11);
            let at = 1_000_000 * index;
            let real = at + DIFFERENCE + early;
            let next = Reading { before: at, real, after: at + early + late };
            assert_eq!(domain.observe(next), None);
        }
        assert!(domain.difference().abs_diff(DIFFERENCE as i64) <= 2);
    }

    #[test]
    fn a_step_is_told_once_and_makes_stamps_doubtful_until_settled() {
        for step in [3_600_000_000_000, -3_600_000_000_000, 1_100_000, -1_100_000] {
            let mut domain = domain();
            assert_eq!(domain.observe(reading(2_000_000, step)), Some(step));
            let changes: Vec<_> = domain.explain(step, 0).collect();
            assert_eq!(changes, [Change::ClockStepped { nanos: step }]);
            assert_eq!(domain.to_monotonic(DIFFERENCE + 3_000_000), None);
            assert_eq!(domain.observe(reading(3_000_000, step)), None);
            domain.settle();
            let real = (DIFFERENCE + 4_000_000).checked_add_signed(step).expect("in range");
            let at = domain.to_monotonic(real).expect("trusted");
            assert!(at.as_nanos().abs_diff(4_000_000) <= 20);
        }
    }

    #[test]
    fn a_small_move_is_followed_without_a_word() {
        let mut domain = domain();
        assert_eq!(domain.observe(reading(2_000_000, 900_000)), None);
        let at = domain.to_monotonic(DIFFERENCE + 900_000 + 7_000).expect("trusted");
        assert!(at.as_nanos().abs_diff(7_000) <= 20);
    }

    #[test]
    fn sleep_is_no_step_and_a_clock_set_in_sleep_is_both() {
        let slept = 3_412_000_000_000;
        let suspended = Change::Suspended { length: Duration::from_secs(3_412) };

        let mut domain = domain();
        let step = domain.observe(reading(2_000_000, slept)).expect("a step");
        assert_eq!(domain.explain(step, slept).next(), Some(suspended.clone()));

        let step = domain.observe(reading(3_000_000, 2 * slept - 60_000_000_000)).expect("a step");
        let both = [suspended, Change::ClockStepped { nanos: -60_000_000_000 }];
        assert_eq!(domain.explain(step, 2 * slept).collect::<Vec<_>>(), both);
    }
}
