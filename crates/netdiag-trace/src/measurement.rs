//! The policy: what comes next, and what an outcome means.

use crate::config::Config;
use crate::end::{End, StopReason};
use crate::event::{Event, EventKind, Interim, Settled, Stray};
use crate::hop::Hop;
use crate::names::Names;
use crate::order::Step;
use crate::protocol::{self, State};
use crate::responder::{Sent, Told};
use crate::result::OutcomeName;
use crate::tally::Tally;
use netdiag_engine::outcome::{Detail, IcmpError, Reason, Rejection, Reply};
use netdiag_engine::port::{Change, Control};
use netdiag_engine::stats::SettledKind;
use netdiag_engine::{
    Events, Measurement as Policy, Next, Outcome, Probe, ProbeSpec, Stray as Told_, WayOut,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Family, Instant, Untrusted};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long a full queue of this machine may delay a probe.
const PATIENCE: Duration = Duration::from_secs(1);

/// The path to one target, and what came of it.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub(crate) config: Config,
    /// From the first hop that is asked to the last that may be.
    pub(crate) hops: Vec<Hop>,
    /// Probes that have not settled.
    pub(crate) open: BTreeMap<u64, Flight>,
    /// Those that have, the last of them, for what still comes.
    settled: BTreeMap<u64, Past>,
    next_seq: u64,
    pub(crate) end: Option<End>,
    /// What the target said.
    pub(crate) state: Option<State>,
    pub(crate) names: Names,
    pub(crate) tally: Tally,
    /// The last hop that was told of.
    pub(crate) told: u8,
    /// What errors about open probes bring.
    explained: BTreeMap<u64, Told>,
    /// Answers that quoted too little to tell which of the open probes they are about.
    pub(crate) ambiguous: u64,
    pub(crate) started_at: Option<Instant>,
    pub(crate) last_at: Option<Instant>,
    pub(crate) last_asked: Option<Instant>,
    /// When a farther hop than before last answered.
    pub(crate) progress_at: Option<Instant>,
    stopped: bool,
    pub(crate) complete: bool,
}

/// A probe under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub(crate) ttl: u8,
    pub(crate) query: u64,
    pub(crate) asked_at: Instant,
    /// `None` until it is known to have left.
    pub(crate) sent_at: Option<Instant>,
}

/// A probe that has settled.
#[derive(Clone, Copy, Debug)]
struct Past {
    ttl: u8,
    query: u64,
    /// An answer of it has come, in time or late.
    answered: bool,
}

/// How many of them are remembered.
const PAST_KEPT: usize = 4_096;

impl Measurement {
    /// A trace that has not begun; it begins when it is first asked what comes next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let hops = (config.first_ttl..=config.max_ttl).map(|ttl| Hop::new(ttl, config.queries));
        Self {
            hops: hops.collect(),
            config,
            open: BTreeMap::new(),
            settled: BTreeMap::new(),
            next_seq: 1,
            end: None,
            state: None,
            names: Names::default(),
            tally: Tally::default(),
            told: 0,
            explained: BTreeMap::new(),
            ambiguous: 0,
            started_at: None,
            last_at: None,
            last_asked: None,
            progress_at: None,
            stopped: false,
            complete: false,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether it ended by itself, not by a signal or a deadline.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many round trips were taken with this process's clock instead of the kernel's.
    #[must_use]
    pub const fn user_stamps(&self) -> u64 {
        self.tally.user_stamps
    }

    /// From the first send to the last thing that happened.
    #[must_use]
    pub fn span(&self) -> Option<Duration> {
        Some(self.last_at?.since(self.started_at?))
    }

    fn event(&self, at: Instant, kind: EventKind) -> Event {
        Event { target_index: self.config.target_index, at, kind }
    }

    pub(crate) fn hop(&self, ttl: u8) -> Option<&Hop> {
        self.hops.get(usize::from(ttl.checked_sub(self.config.first_ttl)?))
    }

    fn hop_mut(&mut self, ttl: u8) -> Option<&mut Hop> {
        self.hops.get_mut(usize::from(ttl.checked_sub(self.config.first_ttl)?))
    }

    fn ask(&mut self, ttl: u8, now: Instant) -> Next {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.last_asked = Some(now);
        self.progress_at.get_or_insert(now);
        let query = self.hop_mut(ttl).map_or(0, |hop| hop.ask(now));
        self.open.insert(seq, Flight { ttl, query, asked_at: now, sent_at: None });
        Next::Probe(ProbeSpec {
            target: u32::from(ttl),
            seq,
            destination: self.config.destination,
            timeout: self.config.timeout,
            patience: PATIENCE,
            control: Control { hop_limit: Some(ttl), ..self.config.control },
            kind: self.config.kind(seq),
        })
    }

    /// Ends it for a reason from outside.
    fn cut(&mut self, reason: StopReason) -> Next {
        let asked = self.hops.iter().rev().find(|hop| hop.asked > 0).map_or(0, |hop| hop.ttl);
        let ttl = self.end.map_or_else(|| asked.min(self.last()), |end| end.ttl);
        if self.end.is_none_or(|end| end.reason != StopReason::Reached) {
            self.end = Some(End { ttl, reason });
        }
        Next::Quit
    }

    /// Our packet as it was sent, as far as that is known.
    fn sent_packet(&self) -> Sent {
        let Config { control, way, size, destination, .. } = &self.config;
        let family = destination.family();
        let data = match self.config.protocol {
            protocol::Protocol::Tcp { .. } => None,
            _ => Some(8 + u32::from(*size)),
        };
        Sent {
            source: control.source.or_else(|| way.and_then(|way| way.source)),
            source_port: self.config.source_port,
            traffic_class: control.traffic_class.unwrap_or(0),
            dont_fragment: self.config.dont_fragment.filter(|_| family == Family::Ipv4),
            flow_label: control.flow_label,
            total_length: data.map(|data| data + u32::try_from(family.header_len()).unwrap_or(0)),
        }
    }

    /// Tells of the hops that are known for good, in their order.
    fn tell_hops(&mut self, at: Instant, is_last: bool, events: &mut Events<Event>) {
        let (last, farthest) = (self.last(), self.farthest());
        loop {
            let ttl = self.told.max(self.config.first_ttl - 1).saturating_add(1);
            let Some(hop) = self.hop(ttl).filter(|_| ttl <= last) else { return };
            let missing =
                |who: &crate::responder::Responder| self.names.is_missing(who.address.address());
            let is_known = hop.is_settled()
                && !self.is_doubtful(hop)
                && (ttl <= farthest || self.end.is_some())
                && !hop.responders.iter().any(missing);
            if !(is_last && hop.asked > 0 || is_known) {
                return;
            }
            let hop = Box::new(self.hop_result(hop));
            self.told = ttl;
            events.push(self.event(at, EventKind::Hop(hop)));
        }
    }

    /// Takes an outcome into its hop.
    fn take(&mut self, probe: &Probe, flight: Flight, outcome: &Outcome) -> Settled {
        let answer = protocol::answer(probe, outcome);
        let told = self.explained.remove(&probe.seq);
        let (kind, name) = match (&answer, outcome) {
            (Some(answer), _) => (SettledKind::Replied { rtt: answer.rtt }, OutcomeName::Reply),
            (None, Outcome::LocalError(error)) => {
                self.tally.unsent.count(error);
                (SettledKind::LocalError(()), OutcomeName::LocalError)
            }
            (None, Outcome::Unknown(_)) => (SettledKind::Unknown, OutcomeName::Unknown),
            (None, _) => (SettledKind::Lost(()), OutcomeName::Timeout),
        };
        let before = self.farthest();
        let at = answer.map_or(probe.sent_at, |answer| probe.sent_at + answer.rtt);
        if let Some(hop) = self.hop_mut(flight.ttl) {
            hop.settle(flight.query, probe.sent_at, kind);
            if let Some(answer) = &answer {
                hop.answer(at, answer, told);
            }
        }
        if let Some(answer) = &answer {
            self.on_answer(answer, before, at);
        }
        Settled { ttl: flight.ttl, query: flight.query, outcome: name, answer }
    }

    fn on_answer(&mut self, answer: &protocol::Answer, before: u8, at: Instant) {
        self.tally.on_stamp(answer.stamp);
        if let protocol::Meaning::Reached(state) = answer.meaning {
            self.state.get_or_insert(state);
        }
        if self.farthest() > before {
            self.progress_at = self.progress_at.max(Some(at));
        }
        if self.config.wants_names {
            self.names.want(answer.from.address());
        }
        self.find_end();
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.stopped {
            return self.cut(StopReason::Interrupted);
        }
        let started = *self.started_at.get_or_insert(now);
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| started + deadline);
        if now >= deadline {
            return self.cut(StopReason::Deadline);
        }
        if let Some(address) = self.names.next() {
            return Next::Lookup(address);
        }
        let (expired, next_expiry) = self.expired(now);
        if !expired.is_empty() {
            return Next::GiveUp(expired);
        }
        let others = self.beside_alone();
        if !others.is_empty() {
            return Next::GiveUp(others);
        }
        if self.is_over() {
            self.tell_hops(self.last_at.unwrap_or(now), false, events);
            let names = self.names.waited_for(now);
            self.complete = names.is_none();
            return names.map_or(Next::Quit, |until| Next::NotBefore(until.min(deadline)));
        }
        match self.step(now) {
            Step::Ask(ttl) => self.ask(ttl, now),
            Step::Wait(until) => match until.min(next_expiry).min(deadline) {
                Instant::FAR => Next::WhenSettled,
                until => Next::NotBefore(until),
            },
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        let Some(flight) = self.open.get_mut(&probe.seq) else { return };
        flight.sent_at = Some(probe.sent_at);
        let ttl = flight.ttl;
        if let Some(hop) = self.hop_mut(ttl) {
            hop.stats.on_sent();
        }
        self.last_at = self.last_at.max(Some(probe.sent_at));
    }

    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        let told = Told::new(detail, &self.sent_packet());
        if self.open.contains_key(&probe.seq) {
            self.explained.entry(probe.seq).or_default().join(told);
            return;
        }
        // The headers of what has settled already.
        let past = self.settled.get(&probe.seq).filter(|past| past.answered && told.is_quoted);
        let ttl = past.map(|past| past.ttl);
        if let Some(hop) = ttl.and_then(|ttl| self.hop_mut(ttl)) {
            hop.tell(detail.from, told);
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let Some(flight) = self.open.remove(&probe.seq) else { return };
        let settled = self.take(probe, flight, outcome);
        let Flight { ttl, query, .. } = flight;
        let answered = settled.answer.is_some();
        self.settled.insert(probe.seq, Past { ttl, query, answered });
        if self.settled.len() > PAST_KEPT {
            self.settled.pop_first();
        }
        let waited = || self.wait_of(flight.ttl);
        let at = match &settled.answer {
            Some(answer) => probe.sent_at + answer.rtt,
            None if settled.outcome == OutcomeName::Timeout => probe.sent_at + waited(),
            None => probe.sent_at,
        };
        self.last_at = self.last_at.max(Some(at));
        events.push(self.event(at, EventKind::Reply(settled)));
        self.tell_hops(at, false, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Told_, events: &mut Events<Event>) {
        let Some(Past { ttl, query, answered }) = self.settled.get(&probe.seq).copied() else {
            return;
        };
        let again =
            |stray| if answered { EventKind::Duplicate(stray) } else { EventKind::Late(stray) };
        let of = |from: IpAddr, rtt| Stray { ttl, query, from, rtt };
        let of_reply = |reply: &Reply| of(reply.from.address(), reply.rtt);
        let of_error = |error: &IcmpError| of(error.from.address(), error.rtt);
        let (at, kind) = match stray {
            Told_::Late(reply) => (reply.received_at, again(of_reply(reply))),
            Told_::LateError(error) => (probe.sent_at + error.rtt, again(of_error(error))),
            Told_::Duplicate(reply) | Told_::Further(reply) => {
                (reply.received_at, EventKind::Duplicate(of_reply(reply)))
            }
            Told_::Advice(error) => {
                let kind = EventKind::Advice { ttl, query, error: *error };
                (probe.sent_at + error.rtt, kind)
            }
            Told_::Rejected(rejection) => {
                self.tally.on_rejected(rejection);
                let (probe, rejection) = (Some((ttl, query)), *rejection);
                (rejection.at, EventKind::Rejected { probe, rejection })
            }
        };
        if let Some(past) = self.settled.get_mut(&probe.seq) {
            past.answered |= matches!(kind, EventKind::Late(_));
        }
        if let Some(hop) = self.hop_mut(ttl) {
            match &kind {
                EventKind::Late(_) => hop.stats.on_late(),
                EventKind::Duplicate(_) => hop.stats.on_duplicate(),
                _ => {}
            }
        }
        events.push(self.event(at, kind));
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        let to = self.config.destination;
        if rejection.reason == Reason::Ambiguous && rejection.about == Some(to) {
            self.ambiguous += 1;
        } else if !to.is_source(rejection.from) {
            return false;
        }
        self.tally.on_rejected(rejection);
        let kind = EventKind::Rejected { probe: None, rejection: *rejection };
        events.push(self.event(rejection.at, kind));
        true
    }

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Event>,
    ) {
        self.names.tell(address, result.as_ref().ok().cloned().flatten());
        self.tell_hops(self.last_at.unwrap_or_default(), false, events);
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let means = match (change, self.config.way) {
            (Change::Interface(change), Some(way)) => {
                WayOut::after(change, way, self.config.control.source, self.config.destination)
            }
            _ => WayOut::Untouched,
        };
        if matches!(change, Change::Interface(_)) && means == WayOut::Untouched {
            return means;
        }
        self.tally.on_change(at, change);
        events.push(self.event(at, EventKind::Changed(change.clone())));
        means
    }

    fn way_at_start(&self) -> WayOut {
        let (fixed, to) = (self.config.control.source, self.config.destination);
        self.config.way.map_or(WayOut::Untouched, |way| WayOut::at_start(way, fixed, to))
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        let counters = || self.hops.iter().map(|hop| hop.stats.counters());
        let interim = Interim {
            farthest: self.farthest(),
            sent: counters().map(|counters| counters.sent()).sum(),
            received: counters().map(|counters| counters.received()).sum(),
        };
        events.push(self.event(now, EventKind::Interim(interim)));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        let end = self.last_at.unwrap_or(now);
        for hop in &mut self.hops {
            hop.stats.finish(end.as_nanos(), |_| ());
        }
        self.tell_hops(end, true, events);
        events.push(self.event(now, EventKind::Finished));
    }
}
