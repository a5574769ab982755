//! Probes of many targets: what is known of them.

mod policy;
mod round;
mod series;

use super::config::Config;
use super::event::{Event, Found, Progress, Row, State};
use super::fping;
use super::naming::Naming;
use super::pending::Pending;
use super::strays::Strays;
use super::totals::Totals;
use crate::config::Probing;
use crate::event::EventKind;
use netdiag_engine::slots::Slots;
use netdiag_engine::{Events, Outcome, Probe};
use netdiag_model::{Family, Instant};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

/// Probes of many targets, and what came of them.
#[derive(Debug)]
pub struct Measurement {
    pub(super) config: Arc<Config>,
    /// How series of IPv4 and of IPv6 are probed.
    probing: [Arc<Probing>; 2],
    slots: Option<Slots>,
    /// How many first probes, or probes of series, were begun: the number of the target within the
    /// round, after all rounds before.
    pub(super) position: u64,
    /// When targets without an answer are probed again.
    pub(super) retries: BinaryHeap<Reverse<(Instant, u32)>>,
    pending: Pending,
    phases: Vec<Phase>,
    /// The series, where more than one probe is wanted.
    series: Vec<Option<Box<crate::Measurement>>>,
    open: u64,
    /// Probes wait for others to end, which is no stop of this process.
    held: bool,
    totals: Totals,
    /// Of targets that have not settled.
    strays: BTreeMap<u32, Strays>,
    scratch: Events<crate::Event>,
    pub(super) stopped: bool,
    pub(super) complete: bool,
    pub(super) fping: fping::Run,
    naming: Naming,
}

/// How far a target has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    InFlight,
    Settled,
}

impl Measurement {
    /// A run that has not begun.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let count = usize::try_from(config.targets.len()).unwrap_or(usize::MAX);
        let series = if config.is_series() { vec![None; count] } else { Vec::new() };
        Self {
            slots: None,
            position: 0,
            retries: BinaryHeap::new(),
            pending: Pending::default(),
            phases: vec![Phase::Waiting; count],
            series,
            open: 0,
            held: false,
            totals: Totals::default(),
            strays: BTreeMap::new(),
            scratch: Events::new(),
            stopped: false,
            complete: false,
            fping: fping::Run::new(&config),
            naming: Naming::default(),
            probing: [Family::Ipv4, Family::Ipv6].map(|family| Arc::new(config.probing(family))),
            config,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What all targets come to, so far.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether the run ended by itself, not by a signal or a deadline.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    fn row(&mut self, target: u32, at: Instant, found: Found, events: &mut Events<Event>) {
        if let Some(phase) = self.phases.get_mut(target as usize) {
            *phase = Phase::Settled;
        }
        let row = Row { target, at, found, name: None };
        let Some(target) = self.config.targets.get(target) else { return };
        self.totals.on_row(&row, target);
        match target.destination().filter(|_| self.config.wants_names) {
            Some(to) => self.naming.hold(to.address(), row),
            None => events.push(Event::Row(row)),
        }
    }

    /// The targets that were never begun when the run ended.
    pub fn unbegun(&self, at: Instant) -> impl Iterator<Item = Row> {
        let all = (0_u32..).zip(&self.phases);
        let open = all.filter(|(_, phase)| **phase != Phase::Settled);
        open.map(move |(target, _)| Row { target, at, found: Found::Nothing, name: None })
    }

    pub(super) fn progress(&self) -> Progress {
        let totals = &self.totals;
        // Of a series it is not known yet what becomes of it, but that it answers.
        let answer =
            self.series.iter().flatten().filter(|series| series.stats().counters().received() > 0);
        let alive = totals.of(State::Alive) + u32::try_from(answer.count()).unwrap_or(u32::MAX);
        Progress { done: totals.done(), alive, sent: totals.sent }
    }
}

pub(super) fn told(probe: &Probe, at: Instant, kind: EventKind) -> Event {
    let target_index = usize::try_from(probe.target).unwrap_or(usize::MAX);
    Event::Probe(crate::Event { target_index, at, kind })
}

/// When it was known what became of a probe.
pub(super) fn when(probe: &Probe, outcome: &Outcome, timeout: Duration) -> Instant {
    match outcome {
        Outcome::Replied(reply) => reply.received_at,
        Outcome::NetError(error) => probe.sent_at + error.rtt,
        Outcome::Refused(refusal) => probe.sent_at + refusal.rtt,
        Outcome::TimedOut => probe.sent_at + timeout,
        Outcome::LocalError(_) | Outcome::Unknown(_) => probe.sent_at,
    }
}
