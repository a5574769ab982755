//! When packets leave: evenly at one rate, those of a millisecond together.
//!
//! What is a little late is caught up, at no more than twice the rate. Rounds stand on a grid. Where
//! this process did not run for longer than half an interval, the packet that is due goes at once,
//! and the rounds that have passed meanwhile are skipped for all targets, as
//! [`Schedule`](crate::schedule::Schedule) does it for one.

use crate::schedule::tolerance;
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
const CAUGHT_UP: Duration = Duration::from_millis(50);

/// Absolute times at a fixed distance, and rounds of them.
#[derive(Clone, Debug)]
pub struct Slots {
    start: Instant,
    spacing: Duration,
    tick: Duration,
    /// When the next packet may leave by the rate.
    next: Instant,
    /// When the next packet may leave where the rate is caught up.
    earliest: Instant,
    /// When the first round began, had none been skipped.
    base: Instant,
}

impl Slots {
    /// Slots for one packet to a target.
    #[must_use]
    pub const fn new(start: Instant, spacing: Duration) -> Self {
        Self { start, spacing, tick: TICK, next: start, earliest: start, base: start }
    }

    /// Slots for rounds that begin so far apart.
    #[must_use]
    pub fn of_series(start: Instant, spacing: Duration, apart: Duration) -> Self {
        let most = spacing.saturating_mul(BURST).min(TICK_OF_SERIES).min(apart / 10);
        Self { tick: most.max(TICK), ..Self::new(start, spacing) }
    }

    /// When the first packet was due.
    #[must_use]
    pub const fn start(&self) -> Instant {
        self.start
    }

    /// When the next packet may leave.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.by_rate().max(self.earliest - self.slack())
    }

    fn by_rate(&self) -> Instant {
        self.start + self.in_ticks(self.next.since(self.start))
    }

    /// How much too early packets leave, since those of a tick leave together.
    fn slack(&self) -> Duration {
        if self.spacing < self.tick { self.tick } else { Duration::ZERO }
    }

    /// When the packet to a target is due in a round, counted from 0, if rounds begin so far apart.
    /// The rate holds too, but for a tick: rounds are on grids of their own.
    #[must_use]
    pub fn of_round(&self, round: u64, target: u32, apart: Duration) -> Instant {
        if round == 0 {
            return self.due();
        }
        let allowed = self.by_rate().max(self.earliest) - self.slack();
        self.on_grid(round, target, apart).max(allowed)
    }

    /// The place of a target in a round.
    fn on_grid(&self, round: u64, target: u32, apart: Duration) -> Instant {
        let nanos = apart.as_nanos().saturating_mul(u128::from(round));
        let rounds = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.base + rounds + self.in_ticks(self.spacing.saturating_mul(target))
    }

    /// A packet leaves now.
    pub fn take(&mut self, now: Instant) {
        self.next = self.next.max(now - CAUGHT_UP) + self.spacing;
        self.earliest = self.earliest.max(now) + self.spacing / 2;
    }

    /// A packet of a round leaves now and not sooner, since others had to end first: all that come later
    /// are as late.
    pub fn delay(&mut self, now: Instant, round: u64, target: u32, apart: Duration) {
        self.base = self.base + now.since(self.on_grid(round, target, apart));
    }

    /// A packet of a round leaves now. Where that is too late, rounds are skipped: returns how many.
    pub fn skip(&mut self, now: Instant, round: u64, target: u32, apart: Duration) -> u64 {
        let late = now.since(self.on_grid(round, target, apart));
        if apart.is_zero() || late <= tolerance(apart) {
            return 0;
        }
        if self.spacing.is_zero() {
            // Nobody knows beforehand how long a round takes as fast as it goes: the grid moves.
            self.base = self.base + late;
            return 0;
        }
        let next = self.on_grid(round.saturating_add(1), target, apart);
        let skipped = (now + apart / 2).since(next).as_nanos().div_ceil(apart.as_nanos());
        let nanos = apart.as_nanos().saturating_mul(skipped);
        self.base = self.base + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        u64::try_from(skipped).unwrap_or(u64::MAX)
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
            slots.take(now);
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
    fn a_little_lateness_is_caught_up_at_twice_the_rate_and_a_long_stop_is_not() {
        let mut slots = Slots::new(T0, MS * 10);
        slots.take(T0 + MS * 40);
        assert_eq!(slots.due(), T0 + MS * 45);
        slots.take(T0 + MS * 100_000);
        let mut now = T0 + MS * 100_000;
        let mut next = || {
            now = slots.due();
            slots.take(now);
            now.since(T0 + MS * 100_000).as_millis()
        };
        let times: Vec<u128> = (0..13).map(|_| next()).collect();
        assert_eq!(times[..9], [5, 10, 15, 20, 25, 30, 35, 40, 45], "fifty milliseconds' worth");
        assert_eq!(times[9..], [50, 60, 70, 80]);
    }

    /// As many as are due in two milliseconds at once, then evenly at twice the rate.
    #[test]
    fn after_a_stop_no_burst_follows() {
        for micros in [63, 100, 250, 900] {
            let spacing = Duration::from_micros(micros);
            let mut slots = Slots::new(T0, spacing);
            let begun = T0 + MS * 3_000 + Duration::from_micros(300);
            let mut now = begun;
            for count in 1..=2_000_u32 {
                now = now.max(slots.due());
                slots.take(now);
                let twice = 2 * (now.since(begun) + MS).as_micros() / spacing.as_micros() + 2;
                assert!(
                    u128::from(count) <= twice,
                    "{micros} us: {count} at {}",
                    now.since(begun).as_micros()
                );
            }
        }
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
                slots.take(now);
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
                slots.take(now);
            }
        }
        assert!(now >= T0 + MS * 2_990, "{:?}", now.since(T0));
    }

    #[test]
    fn rounds_that_had_to_wait_are_as_late_from_then_on_and_none_is_skipped() {
        let (mut slots, apart) = (Slots::new(T0, MS), MS * 100);
        slots.take(T0);
        slots.delay(T0 + MS * 700, 1, 0, apart);
        assert_eq!(slots.of_round(1, 2, apart), T0 + MS * 702);
        assert_eq!(slots.of_round(2, 0, apart), T0 + MS * 800);
        assert_eq!(slots.skip(T0 + MS * 800, 2, 0, apart), 0);
    }

    #[test]
    fn rounds_stay_on_their_grid_until_some_are_skipped() {
        let (mut slots, apart) = (Slots::new(T0, MS), MS * 100);
        for round in 0..50 {
            for target in 0..3 {
                let due = slots.of_round(round, target, apart);
                assert_eq!(due, T0 + MS * (100 * round as u32 + target), "{round} {target}");
                // Half an interval is no reason to skip one.
                assert_eq!(slots.skip(due + MS * 50, round, target, apart), 0);
                slots.take(due);
            }
        }
        let due = slots.of_round(50, 0, apart);
        slots.take(due + MS * 5_010);
        assert_eq!(slots.skip(due + MS * 5_010, 50, 0, apart), 50);
        let by_the_rate = due + MS * 5_010 + MS / 2;
        assert_eq!(slots.of_round(50, 1, apart), by_the_rate, "its place has just passed");
        assert_eq!(slots.of_round(51, 0, apart), due + MS * 5_100);
    }

    /// However long the process did not run, in the first round or a later one.
    #[test]
    fn no_two_of_a_target_are_closer_than_half_an_interval() {
        for stopped_at in 0..12_u32 {
            for late in 0..450 {
                let (mut slots, apart) = (Slots::new(T0, MS), MS * 100);
                let mut last = [T0 - apart; 4];
                let mut now = T0;
                for place in 0..40_u32 {
                    let (round, target) = (u64::from(place / 4), place % 4);
                    now = now.max(slots.of_round(round, target, apart));
                    now = now + if place == stopped_at { MS * late } else { Duration::ZERO };
                    slots.take(now);
                    slots.skip(now, round, target, apart);
                    let since = now.since(last[target as usize]);
                    assert!(since >= MS * 49, "{stopped_at} {late} {place}: {since:?}");
                    last[target as usize] = now;
                }
            }
        }
    }
}
