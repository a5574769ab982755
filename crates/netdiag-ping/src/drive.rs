//! What a series that sends by itself remembers. One that is fed by a sweep never asks what comes
//! next, and has none of it.

use crate::config::Manner;
use crate::goal::Progress;
use crate::iputils::Series;
use netdiag_engine::schedule::Schedule;
use netdiag_engine::{Outcome, Stray};
use netdiag_model::{Instant, Untrusted};

/// When the next probe is due, and what that depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drive {
    pub(crate) started_at: Option<Instant>,
    pub(crate) schedule: Option<Schedule>,
    /// How many probes were begun.
    pub(crate) begun: u64,
    pub(crate) last_sent: Option<Instant>,
    /// Probes under way.
    pub(crate) open: u64,
    /// The most probes under way at once.
    pub(crate) pipe: u64,
    /// The exponentially weighted mean of the round trips, in nanoseconds (weight 1/8, as iputils).
    pub(crate) ewma_nanos: Option<f64>,
    pub(crate) name_asked: bool,
    pub(crate) name: Option<Untrusted>,
    pub(crate) stopped: bool,
    pub(crate) iputils: Series,
    pub(crate) complete: bool,
    /// Towards the goal, where there is one.
    pub(crate) progress: Progress,
}

impl Drive {
    /// The number of the next probe, from 1.
    pub(crate) const fn next_seq(&self) -> u64 {
        self.begun + 1
    }

    /// A probe is begun; returns its number.
    pub(crate) fn begin(&mut self, now: Instant) -> u64 {
        self.begun += 1;
        self.open += 1;
        self.last_sent = Some(now);
        self.pipe = self.pipe.max(self.open);
        self.begun
    }

    pub(crate) fn on_settled(&mut self, outcome: &Outcome, manner: &Manner) {
        self.open = self.open.saturating_sub(1);
        if let Outcome::Replied(reply) = outcome {
            let nanos = reply.rtt.as_nanos() as f64;
            let mean = self.ewma_nanos.map_or(nanos, |mean| mean + (nanos - mean) / 8.0);
            self.ewma_nanos = Some(mean);
        }
        self.iputils.on_settled(outcome, manner);
    }

    pub(crate) fn on_stray(&mut self, stray: &Stray) {
        self.iputils.on_stray(stray);
    }
}
