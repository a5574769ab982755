//! When packets leave: evenly at one rate, those of a millisecond together.

use netdiag_model::Instant;
use std::time::Duration;

/// What is due within this leaves together, so that a high rate does not mean a wake-up for each.
const TICK: Duration = Duration::from_millis(1);
/// The same of series, where every wake-up is paid for again in each round: a target keeps its place
/// in the round, whatever the tick.
const TICK_OF_SERIES: Duration = Duration::from_millis(20);
/// The most packets of a tick of a series.
const BURST: u32 = 32;

/// So much of a rate is caught up: more means that the run was stopped, or had nothing to send.
const CAUGHT_UP: Duration = Duration::from_millis(100);
/// A round that is later than this is not caught up: everything after it moves.
const LATEST: Duration = Duration::from_secs(1);

/// Absolute times at a fixed distance, and rounds of them.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    start: Instant,
    spacing: Duration,
    tick: Duration,
    /// When the next packet may leave by the rate.
    next: Instant,
    /// When the first round began, had no later one been late.
    base: Instant,
}

impl Slots {
    /// Slots for one packet to a target.
    pub(super) const fn new(start: Instant, spacing: Duration) -> Self {
        Self { start, spacing, tick: TICK, next: start, base: start }
    }

    /// Slots for rounds that begin so far apart.
    pub(super) fn of_series(start: Instant, spacing: Duration, apart: Duration) -> Self {
        let most = spacing.saturating_mul(BURST).min(TICK_OF_SERIES).min(apart / 10);
        Self { tick: most.max(TICK), ..Self::new(start, spacing) }
    }

    pub(super) const fn start(&self) -> Instant {
        self.start
    }

    /// When the next packet may leave.
    pub(super) fn due(&self) -> Instant {
        self.start + self.in_ticks(self.next.since(self.start))
    }

    /// When the packet to a target is due in a round, counted from 0, if rounds begin so far apart.
    /// The rate holds too, but for a tick: rounds are on grids of their own.
    pub(super) fn of_round(&self, round: u64, target: u32, apart: Duration) -> Instant {
        if round == 0 {
            return self.due();
        }
        let nanos = apart.as_nanos().saturating_mul(u128::from(round));
        let rounds = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let on_grid = self.base + rounds + self.in_ticks(self.spacing.saturating_mul(target));
        let slack = if self.spacing < self.tick { self.tick } else { Duration::ZERO };
        on_grid.max(self.due() - slack)
    }

    /// A packet leaves now that was due at a time of its round.
    pub(super) fn take(&mut self, now: Instant, of_round: Instant) {
        self.next = self.next.max(now - CAUGHT_UP) + self.spacing;
        let late = now.since(of_round);
        if late > LATEST {
            self.base = self.base + late;
        }
    }

    fn in_ticks(&self, from_start: Duration) -> Duration {
        let nanos = from_start.as_nanos();
        let nanos = match self.spacing < self.tick {
            true => nanos - nanos % self.tick.as_nanos(),
            false => nanos,
        };
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(5_000_000_000);

    const MS: Duration = Duration::from_millis(1);

    /// When packets leave that nothing else holds up.
    fn times(spacing: Duration, count: usize) -> Vec<u64> {
        let mut slots = Slots::new(T0, spacing);
        let mut now = T0;
        let mut next = || {
            now = now.max(slots.due());
            slots.take(now, now);
            now.since(T0).as_micros() as u64
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn a_high_rate_leaves_in_ticks_and_a_low_one_evenly() {
        let fast = times(Duration::from_micros(100), 25);
        assert_eq!((fast[0], fast[9], fast[10], fast[24]), (0, 0, 1_000, 2_000));
        assert_eq!(times(Duration::from_micros(1_500), 4), [0, 1_500, 3_000, 4_500]);
        assert_eq!(times(Duration::ZERO, 3), [0, 0, 0]);
    }

    #[test]
    fn a_little_lateness_is_caught_up_and_a_long_stop_is_not() {
        let mut slots = Slots::new(T0, MS * 10);
        slots.take(T0 + MS * 50, T0);
        assert_eq!(slots.due(), T0 + MS * 10);
        slots.take(T0 + MS * 100_000, T0);
        assert_eq!(slots.due(), T0 + MS * 99_910);
    }

    #[test]
    fn a_series_leaves_in_bursts_of_32_at_most() {
        for micros in [50, 100, 1_000, 5_000, 50_000] {
            let spacing = Duration::from_micros(micros);
            let slots = Slots::of_series(T0, spacing, MS * 1_000);
            let due = |target| slots.of_round(3, target, MS * 1_000);
            let mut together = 0;
            for target in 0..1_000 {
                together =
                    if target > 0 && due(target) == due(target - 1) { together + 1 } else { 1 };
                assert!(together <= 32, "{micros} us: {together} at once");
                assert!(due(target) <= T0 + MS * 3_000 + spacing * target);
            }
        }
    }

    #[test]
    fn bursts_are_full_in_rounds_that_are_no_whole_number_of_ticks_apart() {
        let (spacing, apart) = (Duration::from_micros(100), MS * 1_000);
        let mut slots = Slots::of_series(T0, spacing, apart);
        let mut bursts = Vec::new();
        let mut now = T0;
        for round in 0..4 {
            for target in 0..10_000 {
                let due = slots.of_round(round, target, apart).max(now);
                if target == 0 || due > now {
                    bursts.push(0);
                }
                now = due;
                slots.take(now, due);
                *bursts.last_mut().expect("one") += 1;
            }
        }
        assert_eq!(bursts.iter().filter(|burst| **burst != 32).count(), 4, "the last of a round");
    }

    #[test]
    fn rounds_that_are_too_much_for_the_rate_keep_to_it() {
        let (spacing, apart) = (Duration::from_micros(100), MS * 100);
        let mut slots = Slots::of_series(T0, spacing, apart);
        let mut now = T0;
        for round in 0..3 {
            for target in 0..10_000 {
                now = now.max(slots.of_round(round, target, apart));
                slots.take(now, now);
            }
        }
        assert!(now >= T0 + MS * 2_990, "{:?}", now.since(T0));
    }

    #[test]
    fn rounds_stay_on_their_grid_until_one_is_far_too_late() {
        let mut slots = Slots::new(T0, MS);
        for round in 0..50 {
            for target in 0..3 {
                let due = slots.of_round(round, target, MS * 100);
                assert_eq!(due, T0 + MS * (100 * round as u32 + target), "{round} {target}");
                slots.take(due, due);
            }
        }
        let due = slots.of_round(50, 0, MS * 100);
        slots.take(due + MS * 5_000, due);
        assert_eq!(slots.of_round(51, 0, MS * 100), due + MS * 5_100);
    }
}
