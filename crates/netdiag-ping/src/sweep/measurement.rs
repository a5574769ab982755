//! The policy: which target comes next, and what an outcome means.

use super::config::Config;
use super::event::{Event, Found, Progress, Row, State};
use super::fping;
use super::pending::Pending;
use super::slots::Slots;
use super::totals::Totals;
use crate::config::Probing;
use crate::event::{EventKind, Settled};
use netdiag_engine::outcome::Rejection;
use netdiag_engine::port::Change;
use netdiag_engine::stats::Counters;
use netdiag_engine::{
    Events, Measurement as Policy, Next, Outcome, Probe, ProbeSpec, Stray, WayOut,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family, Instant, StampSource, Untrusted};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How often a target is probed again because this machine made a sample meaningless.
const UNKNOWN_RETRIES: u64 = 3;
/// Errors that pass by themselves (ENOBUFS, EAGAIN, ENOMEM, EDQUOT).
const TRANSIENT: [i32; 4] = [105, 11, 12, 122];

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
    totals: Totals,
    scratch: Events<crate::Event>,
    pub(super) stopped: bool,
    pub(super) complete: bool,
    pub(super) fping: fping::Run,
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
            totals: Totals::default(),
            scratch: Events::new(),
            stopped: false,
            complete: false,
            fping: fping::Run::new(&config),
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
        let row = Row { target, at, found };
        if let Some(target) = self.config.targets.get(target) {
            self.totals.on_row(&row, target);
        }
        events.push(Event::Row(row));
    }

    /// The next target of the round that can be probed, and when it is due; tells of those that
    /// cannot be.
    fn upcoming(&mut self, now: Instant, events: &mut Events<Event>) -> Option<(u32, Instant)> {
        let all = u64::from(self.config.targets.len());
        let wanted = all.saturating_mul(self.config.count);
        while self.position < wanted {
            let target = u32::try_from(self.position % all).unwrap_or(u32::MAX);
            let found = self.cannot_be_probed(target);
            if found.is_none() {
                let (round, slots) = (self.position / all, self.slots.as_ref()?);
                return Some((target, slots.of_round(round, target, self.config.interval)));
            }
            if let Some(found) = found.filter(|_| self.position < all) {
                self.row(target, now, found, events);
            }
            self.position += 1;
        }
        None
    }

    /// What becomes of a target that has no address, or that nothing here can send to.
    fn cannot_be_probed(&self, target: u32) -> Option<Found> {
        let Some(to) = self.config.targets.get(target).and_then(|target| target.destination())
        else {
            return Some(Found::Nothing);
        };
        self.config.refused(to.family()).map(|failure| Found::Refused(Arc::clone(failure)))
    }

    /// The targets that were never begun when the run ended.
    pub fn unbegun(&self, at: Instant) -> impl Iterator<Item = Row> {
        let all = (0_u32..).zip(&self.phases);
        let open = all.filter(|(_, phase)| **phase != Phase::Settled);
        open.map(move |(target, _)| Row { target, at, found: Found::Nothing })
    }

    fn probe(&mut self, target: u32, now: Instant) -> Option<Next> {
        let destination = self.config.targets.get(target)?.destination()?;
        let seq = match self.config.count {
            _ if self.config.fping().is_some() => self.next_try_of_fping(target, self.position),
            1 => self.pending.count(target).0 + 1,
            _ => self.position / u64::from(self.config.targets.len()) + 1,
        };
        if let Some(phase) = self.phases.get_mut(target as usize) {
            *phase = Phase::InFlight;
        }
        self.slots.get_or_insert_with(|| slots(&self.config, now)).take(now);
        self.open += 1;
        let protocol = self.config.protocol(destination.family());
        let timeout = self.config.timeout_of(seq);
        Some(Next::Probe(ProbeSpec {
            target,
            seq,
            destination,
            timeout,
            patience: timeout.min(Duration::from_secs(1)),
            control: self.config.control,
            kind: protocol.probe((self.config.size, self.config.pattern), 0, false),
        }))
    }

    /// Skips the rounds that have passed while this process did not run, if the probe that leaves now
    /// is that late, and counts them.
    fn skip(&mut self, target: u32, now: Instant) {
        let (all, config) = (self.config.targets.len(), Arc::clone(&self.config));
        let round = self.position / u64::from(all.max(1));
        let Some(slots) = self.slots.as_mut().filter(|_| config.count > 1) else { return };
        let skipped = slots.skip(now, round, target, config.interval);
        if skipped == 0 || !config.is_series() {
            return;
        }
        // Those that have had their last probe have nothing to skip.
        let first = if round + 1 < config.count { 0 } else { target + 1 };
        for (index, target) in (first..all).filter_map(|i| Some((i, config.targets.get(i)?))) {
            let series = target.destination().and_then(|to| self.series_of(index, to));
            if let Some(series) = series {
                series.tally.on_skipped(skipped);
            }
        }
    }

    /// Whether a target is probed again after this outcome, of which it is known already how many
    /// came before.
    fn wants_retry(&self, target: u32, outcome: &Outcome) -> bool {
        let (ended, unknown) = self.pending.count(target);
        let spent = ended - unknown;
        match outcome {
            Outcome::Unknown(_) => unknown < UNKNOWN_RETRIES,
            Outcome::LocalError(error) if !TRANSIENT.contains(&error.errno) => false,
            Outcome::TimedOut | Outcome::NetError(_) | Outcome::LocalError(_) => {
                spent < u64::from(self.config.retries)
            }
            Outcome::Replied(_) | Outcome::Refused(_) => false,
        }
    }

    fn settle_once(&mut self, probe: &Probe, outcome: Outcome, events: &mut Events<Event>) {
        let target = probe.target;
        if self.wants_retry(target, &outcome) && !self.stopped {
            self.pending.push(target, probe.sent_at, &outcome);
            if let Some(phase) = self.phases.get_mut(target as usize) {
                *phase = Phase::Waiting;
            }
            // An error may come at once; the next probe waits as if there had been none.
            let due = probe.sent_at + self.config.timeout_of(probe.seq).max(self.config.floor);
            self.retries.push(Reverse((due, target)));
            return;
        }
        let before = self.pending.take(target);
        let at = when(probe, &outcome, self.config.timeout_of(probe.seq));
        let last = Some(Settled { seq: probe.seq, sent_at: probe.sent_at, outcome });
        self.row(target, at, Found::Once { before, last, in_flight: false }, events);
    }

    /// The series of a target, begun where need be.
    fn series_of(&mut self, target: u32, to: Destination) -> Option<&mut crate::Measurement> {
        let series = self.series.get_mut(target as usize)?;
        if series.is_none() {
            *series = Some(Box::new(new_series(&self.probing, target, to)));
        }
        series.as_deref_mut()
    }

    fn settle_in_series(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let mut told = std::mem::take(&mut self.scratch);
        if let Some(series) = self.series_of(probe.target, probe.destination) {
            series.settle(probe, outcome, &mut told);
        }
        let counters =
            self.series_of(probe.target, probe.destination).map(|s| s.stats().counters());
        self.forward(&mut told, events);
        self.scratch = told;
        let is_over = |c: &Counters| c.in_flight() == 0 && c.attempted() >= self.config.count;
        if counters.as_ref().is_some_and(is_over) {
            self.end_series(probe.target, probe.sent_at, events);
        }
    }

    fn end_series(&mut self, target: u32, at: Instant, events: &mut Events<Event>) {
        let mut told = std::mem::take(&mut self.scratch);
        let series = self.series.get_mut(target as usize).and_then(Option::take);
        let found = series.map(|mut series| {
            series.finish(at, &mut told);
            Found::Series(series)
        });
        self.forward(&mut told, events);
        self.scratch = told;
        self.row(target, at, found.unwrap_or(Found::Nothing), events);
    }

    /// Passes on what a series tells, but not every probe where nobody asked.
    fn forward(&self, told: &mut Events<crate::Event>, events: &mut Events<Event>) {
        while let Some(event) = told.pop() {
            let is_wanted = match &event.kind {
                EventKind::Sent { .. } | EventKind::Probe(_) => self.config.tells_probes,
                EventKind::Finished | EventKind::Changed(_) => false,
                _ => true,
            };
            if is_wanted {
                events.push(Event::Probe(event));
            }
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let totals = &self.totals;
        Progress { done: totals.done(), alive: totals.of(State::Alive), sent: totals.sent }
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.stopped {
            return Next::Quit;
        }
        if let Some(next) = self.next_of_fping(now, events) {
            return next;
        }
        let slots = self.slots.get_or_insert_with(|| slots(&self.config, now));
        let (slot, start) = (slots.due(), slots.start());
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| start + deadline);
        if now >= deadline {
            return Next::Quit;
        }
        // fping sends these at once, where nothing holds it.
        let at_once = self.config.fping().is_some() && self.config.floor.is_zero();
        let slot = if at_once { Instant::ZERO } else { slot };
        let retry = self.retries.peek().map(|Reverse((due, _))| (*due).max(slot));
        if retry.is_some_and(|due| due <= now)
            && let Some(Reverse((_, target))) = self.retries.pop()
            && let Some(probe) = self.probe(target, now)
        {
            return probe;
        }
        let upcoming = self.upcoming(now, events);
        if let Some((target, due)) = upcoming
            && due <= now
            && let Some(probe) = self.probe(target, now)
        {
            self.skip(target, now);
            self.position += 1;
            return probe;
        }
        let wake = self.wake_of_fping();
        match retry.into_iter().chain(upcoming.map(|(_, due)| due)).chain(wake).min() {
            Some(due) => Next::NotBefore(due.min(deadline)),
            None if self.open == 0 => {
                self.complete = true;
                Next::Done
            }
            None if deadline == Instant::FAR => Next::WhenSettled,
            None => Next::NotBefore(deadline),
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        self.totals.sent += 1;
        if self.config.is_series() {
            let mut told = std::mem::take(&mut self.scratch);
            if let Some(series) = self.series_of(probe.target, probe.destination) {
                series.sent(probe, &mut told);
            }
            while told.pop().is_some() {}
            self.scratch = told;
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        self.open = self.open.saturating_sub(1);
        match outcome {
            Outcome::Replied(reply) if reply.stamp == StampSource::User => {
                self.totals.user_stamps += 1;
            }
            Outcome::Unknown(_) => self.totals.unknown += 1,
            _ => {}
        }
        if self.config.fping().is_some() {
            return self.settle_as_fping(probe, outcome, events);
        }
        if self.config.is_series() {
            return self.settle_in_series(probe, outcome, events);
        }
        let protocol = self.config.protocol(probe.destination.family());
        let outcome = protocol.understood(probe, outcome).into_owned();
        if self.config.tells_probes {
            let at = when(probe, &outcome, self.config.timeout_of(probe.seq));
            let (seq, sent_at) = (probe.seq, probe.sent_at);
            let settled = Settled { seq, sent_at, outcome: outcome.clone() };
            events.push(told(probe, at, EventKind::Probe(settled)));
        }
        self.settle_once(probe, outcome, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        match stray {
            Stray::Late(_) => self.totals.late += 1,
            Stray::Duplicate(_) => self.totals.duplicates += 1,
            Stray::Rejected(_) | Stray::Advice(_) | Stray::LateError(_) | Stray::Further(_) => {}
        }
        if let Stray::Late(reply) = stray
            && self.config.fping().is_some()
            && self.late_for_fping(probe, reply, events)
        {
            return;
        }
        // What a series makes of it is what there is to tell; where there is none, one made for it.
        let mut told = std::mem::take(&mut self.scratch);
        match self.series.get_mut(probe.target as usize).and_then(Option::as_mut) {
            Some(series) => series.stray(probe, stray, &mut told),
            None => {
                let mut series = new_series(&self.probing, probe.target, probe.destination);
                series.stray(probe, stray, &mut told);
            }
        }
        self.forward(&mut told, events);
        self.scratch = told;
    }

    fn unmatched(&mut self, _: &Rejection, _: &mut Events<Event>) -> bool {
        // Whoever else pings from this machine is answered too; nothing of it is about our probes.
        false
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let means = match change {
            Change::Interface(change) => self.config.touched_by(change),
            _ => WayOut::Untouched,
        };
        if matches!(change, Change::Interface(_)) && means == WayOut::Untouched {
            return means;
        }
        self.totals.on_change(at, change);
        events.push(Event::Changed(at, change.clone()));
        means
    }

    fn has_one_way(&self) -> bool {
        false
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        events.push(Event::Interim(now, self.progress()));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Event>,
    ) {
        self.named_for_fping(address, result, events);
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        for target in 0..self.config.targets.len() {
            let phase = self.phases.get(target as usize).copied();
            let is_waiting = phase == Some(Phase::Waiting);
            if phase == Some(Phase::Settled) || self.config.fping().is_some() {
                continue;
            }
            if let Some(found) = self.cannot_be_probed(target) {
                self.row(target, now, found, events);
                continue;
            }
            if self.config.is_series() {
                if self.series.get(target as usize).is_some_and(Option::is_some) {
                    self.end_series(target, now, events);
                }
                continue;
            }
            let before = self.pending.take(target);
            if is_waiting && before.is_empty() {
                continue;
            }
            // What is known of it is what the earlier probes say.
            let found = Found::Once { before, last: None, in_flight: !is_waiting };
            self.row(target, now, found, events);
        }
        events.push(Event::Finished(now));
    }
}

fn slots(config: &Config, now: Instant) -> Slots {
    match config.count {
        _ if config.fping().is_some() => Slots::new(now, config.spacing),
        1 => Slots::new(now, config.spacing),
        _ => Slots::of_series(now, config.spacing, config.interval),
    }
}

fn new_series(probing: &[Arc<Probing>; 2], target: u32, to: Destination) -> crate::Measurement {
    let [ipv4, ipv6] = probing;
    crate::Measurement::new(crate::Config {
        target_index: usize::try_from(target).unwrap_or(usize::MAX),
        destination: to,
        probing: Arc::clone(if to.family() == Family::Ipv4 { ipv4 } else { ipv6 }),
    })
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
