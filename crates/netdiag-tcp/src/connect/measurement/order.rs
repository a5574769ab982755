//! Which attempt is next: rounds over all addresses, as many at once as there is room for.

use crate::connect::config::Config;
use crate::connect::series::Series;
use netdiag_engine::schedule::Schedule;
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Where in which round the run is.
#[derive(Clone, Debug)]
pub(super) struct Order {
    start: Instant,
    schedule: Schedule,
    /// Rounds begun.
    rounds: u64,
    /// The place of the next series of this round.
    next: usize,
    /// From when on an address may be tried again, whatever its port.
    free: BTreeMap<IpAddr, Instant>,
}

/// When an attempt is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The one at this place, now.
    Now(usize),
    /// Not before this time.
    At(Instant),
    /// Once another has ended.
    WhenSettled,
    /// There are no more.
    Never,
}

impl Order {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        Self {
            start: now,
            schedule: Schedule::new(now, config.interval, 1),
            rounds: 0,
            next: usize::MAX,
            free: BTreeMap::new(),
        }
    }

    pub(super) const fn start(&self) -> Instant {
        self.start
    }

    /// What is next; what is due now counts as begun.
    pub(super) fn next(
        &mut self,
        config: &Config,
        series: &[Series],
        has_room: bool,
        now: Instant,
    ) -> Due {
        if series.is_empty() {
            return Due::Never;
        }
        if self.next >= series.len() {
            if self.rounds >= config.count {
                return Due::Never;
            }
            // Without an interval a round begins when there is room for it.
            if !config.interval.is_zero() && !self.schedule.take(now) {
                return Due::At(self.schedule.due());
            }
            self.rounds += 1;
            self.next = 0;
        }
        if !has_room {
            return Due::WhenSettled;
        }
        let Some(address) = series.get(self.next).map(Series::address) else { return Due::Never };
        if !config.spacing.is_zero() {
            let free = self.free.entry(address).or_insert(now);
            if *free > now {
                return Due::At(*free);
            }
            *free = now + config.spacing;
        }
        self.next += 1;
        Due::Now(self.next - 1)
    }
}
