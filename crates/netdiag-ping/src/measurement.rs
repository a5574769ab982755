//! A series of probes to one target: what is known of it.

mod count;
mod pace;
mod policy;

use crate::config::{Cast, Config};
use crate::drive::Drive;
use crate::event::{Cause, Event, EventKind, Outage};
use crate::sources::Sources;
use crate::tally::Tally;
pub(crate) use count::{Kept, ProbeRecord, outage_of};
use netdiag_engine::schedule::Schedule;
use netdiag_engine::stats::SeriesStats;
use netdiag_model::Instant;
use std::time::Duration;

/// A series of probes to one target, and what came of it.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub(crate) config: Config,
    pub(crate) stats: SeriesStats<Cause>,
    pub(crate) tally: Tally,
    /// Of a group only.
    pub(crate) group: Option<Box<Group>>,
    pub(crate) kept: Option<Box<Kept>>,
    pub(crate) first_at: Option<Instant>,
    pub(crate) last_at: Option<Instant>,
    pub(crate) ongoing_outage: Option<Box<Outage>>,
    /// `None` until it is asked what comes next.
    pub(crate) drive: Option<Box<Drive>>,
}

/// What is known of the hosts of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// Who answered.
    pub(crate) sources: Sources,
    /// Until when further hosts are waited for.
    heard_until: Option<Instant>,
}

impl Measurement {
    /// A series that has not begun; it begins when it is first asked what comes next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            stats: SeriesStats::new(),
            tally: Tally::default(),
            group: None,
            kept: None,
            first_at: None,
            last_at: None,
            ongoing_outage: None,
            drive: None,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The statistics so far.
    #[must_use]
    pub const fn stats(&self) -> &SeriesStats<Cause> {
        &self.stats
    }

    /// From the first send to the last thing that happened, `None` before the first send.
    #[must_use]
    pub fn span(&self) -> Option<Duration> {
        let began = self.drive.as_ref().and_then(|drive| drive.started_at);
        Some(self.last_at?.since(began.or(self.first_at)?))
    }

    /// The most probes that were under way at once.
    #[must_use]
    pub fn pipe(&self) -> u64 {
        self.drive.as_ref().map_or(0, |drive| drive.pipe)
    }

    /// How many round trips were taken with this process's clock instead of the kernel's.
    #[must_use]
    pub const fn user_stamps(&self) -> u64 {
        self.tally.user_stamps
    }

    /// How many probes were never begun, since their time was long over.
    pub(crate) fn skipped(&self) -> u64 {
        let schedule = self.drive.as_ref().and_then(|drive| drive.schedule.as_ref());
        self.tally.skipped + schedule.map_or(0, Schedule::missed)
    }

    /// Whether the series ended by itself, not by a signal or a deadline.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.drive.as_ref().is_some_and(|drive| drive.complete)
    }

    pub(crate) fn drive(&mut self) -> &mut Drive {
        self.drive.get_or_insert_default()
    }

    fn event(&self, at: Instant, kind: EventKind) -> Event {
        Event { target_index: self.config.target_index, at, kind }
    }

    /// Whether many hosts may answer.
    pub(crate) fn is_group(&self) -> bool {
        self.config.cast != Cast::Unicast
    }
}

#[cfg(test)]
pub(crate) mod tests;
