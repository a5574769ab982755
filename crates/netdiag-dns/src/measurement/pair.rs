//! A question and a server: what was counted, and what came last.

use crate::class::Class;
use crate::event::Settled;
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::stats::{SeriesStats, SettledKind};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How many senders of what was no answer are remembered.
const SENDERS_KEPT: usize = 16;

/// What became of one question at one server.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) stats: SeriesStats<()>,
    /// Queries begun.
    pub(crate) begun: u64,
    /// How often each class came.
    pub(crate) classes: BTreeMap<Class, u64>,
    /// The last one that ended.
    pub(crate) last: Option<Arc<Settled>>,
    /// The one before it.
    pub(crate) before: Option<Arc<Settled>>,
    /// Datagrams that were no answers.
    pub(crate) rejected: BTreeMap<Reason, u64>,
    /// Who sent those.
    pub(crate) senders: BTreeSet<IpAddr>,
    pub(crate) user_stamps: u64,
    pub(crate) largest_late: Option<Duration>,
    /// From a query to the ICMP error that refused it, at the longest.
    pub(crate) refused_after: Option<Duration>,
    /// TCP failed after a datagram that was cut.
    pub(crate) truncations_lost: u64,
}

impl Default for Pair {
    fn default() -> Self {
        Self {
            stats: SeriesStats::new(),
            begun: 0,
            classes: BTreeMap::new(),
            last: None,
            before: None,
            rejected: BTreeMap::new(),
            senders: BTreeSet::new(),
            user_stamps: 0,
            largest_late: None,
            refused_after: None,
            truncations_lost: 0,
        }
    }
}

impl Pair {
    /// A query ended.
    pub(super) fn settle(&mut self, settled: Arc<Settled>, kind: SettledKind<()>) {
        let (number, at) = (settled.number, settled.sent_at.as_nanos());
        self.stats.on_settled(number, at, kind, |_| ());
        *self.classes.entry(settled.class).or_default() += 1;
        self.before = self.last.replace(settled);
    }

    /// A datagram was no answer.
    pub(super) fn reject(&mut self, rejection: &Rejection) {
        *self.rejected.entry(rejection.reason).or_default() += 1;
        if self.senders.len() < SENDERS_KEPT {
            self.senders.insert(rejection.from.address());
        }
    }

    /// The class that it came to.
    pub(crate) fn class(&self) -> Option<Class> {
        self.last.as_ref().map(|last| last.class)
    }

    /// How often a class came that says nothing.
    pub(crate) fn silent(&self) -> u64 {
        let silent = [Class::Timeout, Class::Unreachable, Class::Closed];
        silent.iter().filter_map(|class| self.classes.get(class)).sum()
    }
}
