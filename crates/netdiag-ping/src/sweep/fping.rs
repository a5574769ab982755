//! The rules of fping: what ends a probe, what counts as an answer, when the run is over.

use super::config::Config;
use super::event::Event;
use super::measurement::{Measurement, told, when};
use crate::event::{EventKind, Settled};
use crate::iputils::NAME_TICK;
use netdiag_engine::outcome::Reply;
use netdiag_engine::{Events, Next, Outcome, Probe, names};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::IpAddr;

/// A send that failed with this is waited for like any other.
const EHOSTDOWN: i32 = 112;

/// What these rules remember of a run.
#[derive(Debug, Default)]
pub(super) struct Run {
    hosts: Vec<Host>,
    /// Probes that have settled without an answer, and will time out all the same.
    waiting: BinaryHeap<Reverse<(Instant, u32, u64, Instant)>>,
    /// Timeouts that are yet to come.
    held: u64,
    /// Targets that answered.
    pub(super) alive: u32,
    /// When the figures are told next.
    report_at: Option<Instant>,
    /// Addresses whose names are yet to be asked for, with their targets.
    unasked: BTreeMap<IpAddr, Vec<u32>>,
    asked: BTreeMap<IpAddr, Vec<u32>>,
}

/// What is known of one target.
#[derive(Clone, Debug, Default)]
struct Host {
    /// Probes that were begun.
    tries: u32,
    answered: bool,
}

impl Run {
    pub(super) fn new(config: &Config) -> Self {
        let Some(fping) = config.fping() else { return Self::default() };
        let count = usize::try_from(config.targets.len()).unwrap_or(usize::MAX);
        let mut unasked: BTreeMap<IpAddr, Vec<u32>> = BTreeMap::new();
        for target in &fping.named {
            let found = config.targets.get(*target).and_then(|target| target.destination());
            if let Some(destination) = found {
                unasked.entry(destination.address()).or_default().push(*target);
            }
        }
        Self { hosts: vec![Host::default(); count], unasked, ..Self::default() }
    }

    fn host(&mut self, target: u32) -> Option<&mut Host> {
        self.hosts.get_mut(target as usize)
    }

    fn has_answered(&self, target: u32) -> bool {
        self.hosts.get(target as usize).is_some_and(|host| host.answered)
    }
}

impl Measurement {
    /// How many targets answered; only where the rules are fping's.
    #[must_use]
    pub const fn answered(&self) -> u32 {
        self.fping.alive
    }

    fn counts(&self) -> bool {
        self.config.fping().is_some_and(|fping| fping.counts)
    }

    /// The number of the probe to a target that is begun now, from 1.
    pub(super) fn next_try_of_fping(&mut self, target: u32, position: u64) -> u64 {
        let (counts, all) = (self.counts(), u64::from(self.config.targets.len()));
        let Some(host) = self.fping.host(target) else { return 1 };
        let is_first = host.tries == 0;
        host.tries = host.tries.saturating_add(1);
        let tries = host.tries;
        self.fping.held += u64::from(counts || is_first);
        if counts { position / all.max(1) + 1 } else { tries.into() }
    }

    /// What is due by these rules before anything is sent.
    pub(super) fn next_of_fping(
        &mut self,
        now: Instant,
        events: &mut Events<Event>,
    ) -> Option<Next> {
        self.config.fping()?;
        if let Some(next) = self.next_name(now) {
            return Some(next);
        }
        self.report_of_fping(now, events);
        while let Some(Reverse((due, target, seq, sent_at))) = self.fping.waiting.peek().copied()
            && due <= now
        {
            self.fping.waiting.pop();
            self.timed_out(target, seq, sent_at, due, events);
        }
        let all = u64::from(self.config.targets.len()).saturating_mul(self.config.count);
        let is_over = self.stopped || (self.position >= all && self.fping.held == 0);
        self.complete |= is_over;
        is_over.then_some(Next::Quit)
    }

    fn next_name(&mut self, now: Instant) -> Option<Next> {
        let run = &mut self.fping;
        if run.asked.len() < names::AT_ONCE
            && let Some((address, targets)) = run.unasked.pop_first()
        {
            run.asked.insert(address, targets);
            return Some(Next::Lookup(address));
        }
        (!run.asked.is_empty()).then_some(Next::NotBefore(now + NAME_TICK))
    }

    pub(super) fn named_for_fping(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Event>,
    ) {
        let name = match result {
            Ok(Some(name)) => name.clone(),
            Ok(None) | Err(_) => Untrusted::from(address.to_string()),
        };
        for target in self.fping.asked.remove(&address).unwrap_or_default() {
            let target_index = usize::try_from(target).unwrap_or(usize::MAX);
            let kind = EventKind::Named(name.clone());
            events.push(Event::Probe(crate::Event { target_index, at: Instant::ZERO, kind }));
        }
    }

    fn report_of_fping(&mut self, now: Instant, events: &mut Events<Event>) {
        let every = self.config.fping().and_then(|fping| fping.report_every);
        let Some(every) = every.filter(|every| !every.is_zero()) else { return };
        let mut at = *self.fping.report_at.get_or_insert(now + every);
        if now >= at {
            events.push(Event::Interim(now, self.progress()));
            let missed = now.since(at).as_nanos() / every.as_nanos();
            at = at + every.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX)) + every;
            self.fping.report_at = Some(at);
        }
    }

    /// When something is due by these rules.
    pub(super) fn wake_of_fping(&self) -> Option<Instant> {
        let timeout = self.fping.waiting.peek().map(|Reverse((due, ..))| *due);
        timeout.into_iter().chain(self.fping.report_at).min()
    }

    pub(super) fn settle_as_fping(
        &mut self,
        probe: &Probe,
        outcome: &Outcome,
        events: &mut Events<Event>,
    ) {
        let due = probe.sent_at + self.config.timeout_of(probe.seq);
        match outcome {
            Outcome::Replied(reply) => self.answer(probe, reply, events),
            Outcome::TimedOut => {
                self.timed_out(probe.target, probe.seq, probe.sent_at, due, events);
            }
            Outcome::LocalError(error) if error.errno != EHOSTDOWN => {
                if self.counts() || !self.fping.has_answered(probe.target) {
                    self.fping.held = self.fping.held.saturating_sub(1);
                }
                self.tell(probe, outcome, events);
            }
            Outcome::NetError(_)
            | Outcome::Refused(_)
            | Outcome::LocalError(_)
            | Outcome::Unknown(_) => {
                if let Outcome::NetError(error) = outcome {
                    let kind = EventKind::Advice { seq: probe.seq, error: *error };
                    events.push(told(probe, probe.sent_at + error.rtt, kind));
                }
                self.fping.waiting.push(Reverse((due, probe.target, probe.seq, probe.sent_at)));
            }
        }
    }

    fn tell(&self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let at = when(probe, outcome, self.config.timeout_of(probe.seq));
        let settled = Settled { seq: probe.seq, sent_at: probe.sent_at, outcome: outcome.clone() };
        events.push(told(probe, at, EventKind::Probe(settled)));
    }

    /// An answer that counts, or a further one.
    fn answer(&mut self, probe: &Probe, reply: &Reply, events: &mut Events<Event>) {
        let had_answered = self.fping.has_answered(probe.target);
        if had_answered && !self.counts() {
            let kind = EventKind::Duplicate { seq: probe.seq, reply: reply.clone() };
            events.push(told(probe, reply.received_at, kind));
            return;
        }
        self.fping.held = self.fping.held.saturating_sub(1);
        if let Some(host) = self.fping.host(probe.target) {
            host.answered = true;
        }
        self.fping.alive += u32::from(!had_answered);
        self.tell(probe, &Outcome::Replied(reply.clone()), events);
        let enough = self.config.fping().and_then(|fping| fping.enough);
        self.stopped |= enough.is_some_and(|enough| self.fping.alive >= enough);
    }

    /// The timeout of a probe came; there is a next one, if one answer is wanted and is not there.
    fn timed_out(
        &mut self,
        target: u32,
        seq: u64,
        sent_at: Instant,
        at: Instant,
        events: &mut Events<Event>,
    ) {
        let counts = self.counts();
        if !counts && self.fping.has_answered(target) {
            return;
        }
        let target_index = usize::try_from(target).unwrap_or(usize::MAX);
        let kind = EventKind::Probe(Settled { seq, sent_at, outcome: Outcome::TimedOut });
        events.push(Event::Probe(crate::Event { target_index, at, kind }));
        if !counts && seq <= u64::from(self.config.retries) {
            self.retries.push(Reverse((at.max(sent_at + self.config.floor), target)));
        } else {
            self.fping.held = self.fping.held.saturating_sub(1);
        }
    }

    /// Whether an answer to a probe that had settled counts after all: the probe still waits for
    /// its timeout, or the one that followed it is waited for longer than this one took.
    pub(super) fn late_for_fping(
        &mut self,
        probe: &Probe,
        reply: &Reply,
        events: &mut Events<Event>,
    ) -> bool {
        let (target, seq) = (probe.target, probe.seq);
        let tries = self.fping.host(target).map_or(1, |host| host.tries.into());
        if self.counts() {
            let before = self.fping.waiting.len();
            if reply.rtt <= self.config.timeout_of(seq) {
                self.fping.waiting.retain(|Reverse((_, t, s, _))| (*t, *s) != (target, seq));
            }
            if self.fping.waiting.len() == before {
                return false;
            }
        } else if !self.fping.has_answered(target) {
            if reply.rtt > self.config.timeout_of(tries) {
                return false;
            }
            self.fping.waiting.retain(|Reverse((_, t, ..))| *t != target);
            self.retries.retain(|Reverse((_, t))| *t != target);
        }
        self.answer(probe, reply, events);
        true
    }
}
