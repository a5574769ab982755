//! When probes are due: absolute slots, so that nothing drifts.
//!
//! A slot that is taken a little late moves none of those after it: they stay where they were, on
//! the grid. Where this process did not run for longer than that (it was stopped, the machine slept
//! or had no time for it) the probe that is due goes at once, and what else was due meanwhile is
//! skipped and counted, never caught up. The next goes on the grid again: by the first slot that is
//! at least half an interval later, so that no two follow each other like a burst.

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

/// At short intervals, so much is caught up, but no more than two intervals: a process is late by a
/// few milliseconds at any time, and a rate would not be kept otherwise.
const CAUGHT_UP: Duration = Duration::from_millis(5);
const CAUGHT_UP_INTERVALS: u32 = 2;

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

    /// Takes the slot that is due at `now`, if one is. Where it is too late the slots after it that
    /// have passed, or nearly come, are skipped and counted.
    pub fn take(&mut self, now: Instant) -> bool {
        let Some(late) = now.checked_since(self.due()) else { return false };
        // Those at the start are paced, and late by that.
        let was_held_up = late > self.tolerance() && self.slot >= self.preload;
        self.slot = self.slot.saturating_add(1);
        if was_held_up {
            let next = self.first_from(now + self.interval / 2);
            self.missed = self.missed.saturating_add(next.saturating_sub(self.slot));
            self.slot = self.slot.max(next);
        }
        true
    }

    /// How late a slot may be taken without another being skipped: half an interval, after which two
    /// would be too close.
    fn tolerance(&self) -> Duration {
        let caught_up = self.interval.saturating_mul(CAUGHT_UP_INTERVALS).min(CAUGHT_UP);
        (self.interval / 2).max(caught_up)
    }

    /// The number of the first slot after the start that is due at a time or later.
    fn first_from(&self, at: Instant) -> u64 {
        let interval = self.interval.as_nanos();
        if interval == 0 {
            return self.slot;
        }
        let intervals = at.since(self.start).as_nanos().div_ceil(interval);
        u64::try_from(intervals).unwrap_or(u64::MAX).saturating_add(self.preload - 1)
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
            assert!(schedule.take(schedule.due() + Duration::from_millis(5)));
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

    /// However long the process did not run.
    #[test]
    fn no_two_are_closer_than_half_an_interval_and_every_slot_is_accounted_for() {
        for late in 0..450 {
            let mut schedule = Schedule::new(T0, Duration::from_millis(100), 1);
            assert!(schedule.take(T0));
            let mut last = at(100 + late);
            assert!(schedule.take(last), "at once");
            let skipped = match late {
                0..=50 => 0,
                51..=150 => 1,
                151..=250 => 2,
                251..=350 => 3,
                _ => 4,
            };
            assert_eq!(schedule.missed(), skipped, "{late} ms late");
            for slot in 2..5 {
                let due = schedule.due();
                assert_eq!(due, at((slot + skipped) * 100), "{late} ms late");
                assert!(due.since(last) >= Duration::from_millis(50), "{late} ms late");
                assert!(schedule.take(due));
                last = due;
            }
            assert_eq!(schedule.missed(), skipped, "{late} ms late");
        }
    }

    #[test]
    fn at_a_high_rate_a_few_milliseconds_are_caught_up() {
        let mut schedule = Schedule::new(T0, Duration::from_millis(3), 1);
        assert!(schedule.take(T0));
        assert!(schedule.take(at(3 + 5)) && schedule.take(at(3 + 5)));
        assert_eq!((schedule.missed(), schedule.due()), (0, at(9)));
        assert!(schedule.take(at(9 + 6)));
        assert_eq!((schedule.missed(), schedule.due()), (2, at(18)));
    }

    #[test]
    fn those_at_the_start_are_not_skipped_however_long_they_take_to_leave() {
        let mut schedule = Schedule::new(T0, Duration::from_millis(10), 100);
        for slot in 0..100 {
            assert!(schedule.take(at(slot)));
        }
        assert_eq!(schedule.missed(), 0);
        assert!(schedule.take(at(99)));
        assert_eq!((schedule.missed(), schedule.due()), (9, at(110)));
    }
}
