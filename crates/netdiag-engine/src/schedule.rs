//! When probes are due: absolute slots, so that nothing drifts.

use netdiag_model::Instant;
use std::time::Duration;

/// Slots at `start + n * interval`, some of them at once at the start.
#[derive(Clone, Debug)]
pub struct Schedule {
    start: Instant,
    interval: Duration,
    /// How many go at `start` itself, at least 1.
    preload: u64,
    /// The number of the next slot.
    slot: u64,
    missed: u64,
}

/// How many intervals late a slot may be before it is skipped: after a stop of the process nothing
/// is caught up in a burst.
const LATE_INTERVALS: u32 = 2;

impl Schedule {
    /// A schedule whose first slot is `start`. `preload` slots come at once.
    #[must_use]
    pub const fn new(start: Instant, interval: Duration, preload: u64) -> Self {
        let preload = if preload == 0 { 1 } else { preload };
        Self { start, interval, preload, slot: 0, missed: 0 }
    }

    /// When the next slot is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        let intervals = self.slot.saturating_sub(self.preload - 1);
        let nanos = self.interval.as_nanos().saturating_mul(u128::from(intervals));
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Takes the slot that is due at `now`, if one is. Slots more than two intervals past are
    /// skipped and counted, not caught up.
    pub fn take(&mut self, now: Instant) -> bool {
        let Some(late) = now.checked_since(self.due()) else { return false };
        if !self.interval.is_zero() && late > self.interval.saturating_mul(LATE_INTERVALS) {
            let skipped = late.as_nanos() / self.interval.as_nanos();
            let skipped = u64::try_from(skipped).unwrap_or(u64::MAX);
            self.slot = self.slot.saturating_add(skipped);
            self.missed = self.missed.saturating_add(skipped);
        }
        self.slot = self.slot.saturating_add(1);
        true
    }

    /// How many slots were skipped.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000_000_000);

    fn at(millis: u64) -> Instant {
        T0 + Duration::from_millis(millis)
    }

    #[test]
    fn slots_stand_on_the_grid_however_late_they_are_taken() {
        let mut schedule = Schedule::new(T0, Duration::from_millis(10), 1);
        for slot in 0..1000 {
            assert_eq!(schedule.due(), at(slot * 10));
            assert!(!schedule.take(schedule.due() - Duration::from_nanos(1)));
            assert!(schedule.take(schedule.due() + Duration::from_millis(7)));
        }
        assert_eq!(schedule.missed(), 0);
    }

    #[test]
    fn preloaded_slots_come_at_once_and_the_rest_on_the_grid() {
        let mut schedule = Schedule::new(T0, Duration::from_secs(1), 3);
        let mut due = Vec::new();
        for _ in 0..5 {
            due.push(schedule.due());
            assert!(schedule.take(schedule.due()));
        }
        assert_eq!(due, [at(0), at(0), at(0), at(1000), at(2000)]);
    }

    #[test]
    fn after_a_long_stop_missed_slots_are_skipped_and_counted() {
        let mut schedule = Schedule::new(T0, Duration::from_millis(100), 1);
        assert!(schedule.take(T0));
        assert!(schedule.take(at(1_050)));
        assert_eq!(schedule.missed(), 9);
        assert_eq!(schedule.due(), at(1_100), "back on the grid");
        assert!(!schedule.take(at(1_050)), "no burst");
    }
}
