//! A question and a server: what was counted, and what came last.

use super::judge::blank;
use crate::class::Class;
use crate::config::Transport;
use crate::event::Settled;
use crate::message::Message;
use crate::question::Question;
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::stats::{SeriesStats, SettledKind};
use netdiag_model::{Instant, StampSource};
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
    pub(crate) classes: Classes,
    /// The last one that ended.
    pub(crate) last: Option<Arc<Settled>>,
    /// The same of a long list, in its place.
    pub(crate) slim: Option<Box<Slim>>,
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
            classes: Classes::default(),
            last: None,
            slim: None,
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
    /// A query ended; `is_long`: it is one of so many that little is kept of each.
    pub(super) fn settle(&mut self, settled: &Arc<Settled>, kind: SettledKind<()>, is_long: bool) {
        let (number, at) = (settled.number, settled.sent_at.as_nanos());
        self.stats.on_settled(number, at, kind, |_| ());
        self.classes.count(settled.class);
        if is_long && settled.is_slim() {
            (self.slim, self.last) = (Some(Box::new(Slim::of(settled))), None);
        } else {
            self.slim = None;
            self.before = self.last.replace(Arc::clone(settled));
        }
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
        let slim = self.slim.as_ref().map(|slim| slim.class);
        self.last.as_ref().map(|last| last.class).or(slim)
    }

    /// How often a class came that says nothing.
    pub(crate) fn silent(&self) -> u64 {
        let silent = [Class::Timeout, Class::Unreachable, Class::Closed];
        silent.iter().map(|class| self.classes.get(*class)).sum()
    }
}

/// How often each class came: most pairs have one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes(Vec<(Class, u64)>);

impl Classes {
    fn count(&mut self, class: Class) {
        match self.0.iter_mut().find(|(own, _)| *own == class) {
            Some((_, count)) => *count += 1,
            None => {
                self.0.reserve_exact(1);
                self.0.push((class, 1));
            }
        }
    }

    pub(crate) fn get(&self, class: Class) -> u64 {
        self.0.iter().find(|(own, _)| *own == class).map_or(0, |(_, count)| *count)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Class, u64)> {
        self.0.iter().copied()
    }
}

/// What is kept of a query of a long list: the message is read once more when it is told.
#[derive(Clone, Debug)]
pub(crate) struct Slim {
    number: u64,
    sent_at: Instant,
    pub(crate) class: Class,
    transport: Transport,
    rtt: Option<Duration>,
    stamp: Option<StampSource>,
    bytes: Box<[u8]>,
}

impl Slim {
    fn of(settled: &Settled) -> Self {
        let Settled { number, sent_at, class, transport, rtt, stamp, .. } = *settled;
        let bytes = settled.bytes.as_slice().into();
        Self { number, sent_at, class, transport, rtt, stamp, bytes }
    }

    /// How it was told.
    pub(crate) fn settled(&self, question: &Question) -> Settled {
        let Self { number, sent_at, class, transport, rtt, stamp, .. } = *self;
        Settled {
            class,
            message: Some(Message::decode(&self.bytes, question)),
            bytes: self.bytes.to_vec(),
            rtt,
            stamp,
            ..blank(number, sent_at, transport)
        }
    }
}

impl Settled {
    /// Whether its message is all that there is to it.
    fn is_slim(&self) -> bool {
        let is_plain = self.message.is_some() && !self.bytes.is_empty() && self.failure.is_none();
        let is_alone = self.phases.is_none() && self.tls.is_none() && self.http.is_none();
        is_plain
            && is_alone
            && self.tsig.is_none()
            && !self.retried_over_tcp
            && !self.retried_with_cookie
    }
}
