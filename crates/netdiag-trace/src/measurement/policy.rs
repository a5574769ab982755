//! What comes next, and what becomes of what came.

use super::{Flight, Past};
use crate::Measurement;
use crate::config::Config;
use crate::end::{End, StopReason};
use crate::event::{Event, EventKind, Interim, Stray};
use crate::hop::Uncounted;
use crate::order::Step;
use crate::protocol::{self, Protocol};
use crate::responder::Told;
use crate::result::OutcomeName;
use crate::rounds::keys;
use netdiag_engine::outcome::{Detail, IcmpError, Reason, Rejection, Reply};
use netdiag_engine::port::{Change, Console, Control, Key};
use netdiag_engine::{
    Events, Measurement as Policy, Next, Outcome, Probe, ProbeSpec, Stray as Told_, WayOut,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long a full queue of this machine may delay a probe.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many of them are remembered.
const PAST_KEPT: usize = 4_096;

impl Measurement {
    fn ask(&mut self, ttl: u8, flow: Option<u64>, now: Instant) -> Next {
        let by_search = flow.is_some();
        let flow = flow.unwrap_or_else(|| self.config.flow_of(self.next_seq));
        let (seq, flight) = self.flight(ttl, flow, now);
        let flight = self.with_check(flight);
        self.progress_at.get_or_insert(now);
        if let Some(spread) = &self.config.spread {
            spread.note(ttl);
        }
        let query = self.hop_mut(ttl).map_or(0, |hop| hop.ask(now));
        if let Some(hop) = self.hop_mut(ttl).filter(|_| by_search) {
            hop.wanted = query;
        }
        if let Some(multipath) = &mut self.multipath {
            multipath.on_asked(ttl, flow);
        }
        let number = self.rounds.as_ref().map_or(query, |rounds| rounds.cycle);
        self.open.insert(seq, Flight { query, number, ..flight });
        Next::Probe(self.spec(seq, ttl, self.config.protocol, (flow, flight.size)))
    }

    /// A probe that is about to leave, and its number.
    pub(crate) fn flight(&mut self, ttl: u8, flow: u64, now: Instant) -> (u64, Flight) {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.last_asked = Some(now);
        let (epoch, size) = (self.epochs.number, self.size);
        let (query, number, sent_at) = (0, 0, None);
        let (asked_at, is_check) = (now, false);
        (seq, Flight { ttl, query, number, epoch, flow, size, is_check, asked_at, sent_at })
    }

    /// What is sent to a hop, by this flow and with so many data bytes.
    pub(crate) fn spec(
        &self,
        seq: u64,
        ttl: u8,
        protocol: Protocol,
        (flow, size): (u64, u16),
    ) -> ProbeSpec {
        ProbeSpec {
            target: u32::from(ttl),
            seq,
            destination: self.config.destination,
            timeout: self.config.timeout,
            patience: PATIENCE,
            control: Control { hop_limit: Some(ttl), ..self.config.control },
            kind: self.config.kind(protocol, flow, size),
        }
    }

    /// Ends it for a reason from outside.
    fn cut(&mut self, reason: StopReason, now: Instant) -> Next {
        // What was waited for until now belongs to it.
        self.last_at = self.last_at.max(Some(now));
        self.settle_stand_in();
        // Where it ends is known: another kind of probe was to tell more of it.
        if self.second.is_some() || self.close_early() {
            return Next::Quit;
        }
        let asked = self.hops.iter().rev().find(|hop| hop.asked > 0).map_or(0, |hop| hop.ttl);
        let ttl = self.end.map_or_else(|| asked.min(self.last()), |end| end.ttl);
        if self.end.is_none_or(|end| end.reason != StopReason::Reached) {
            self.end = Some(End { ttl, reason });
        }
        Next::Quit
    }
}

impl Measurement {
    /// Nothing more is asked but by another kind of probe: what is left is to wait for names.
    fn over(&mut self, now: Instant, deadline: Instant, events: &mut Events<Event>) -> Next {
        match self.next_of_second(now) {
            Some(Next::NotBefore(until)) => return Next::NotBefore(until.min(deadline)),
            Some(next) => return next,
            None => self.settle_stand_in(),
        }
        self.tell_hops(self.last_at.unwrap_or(now), false, events);
        let names = self.names.waited_for(now);
        self.complete = names.is_none();
        names.map_or(Next::Quit, |until| Next::NotBefore(until.min(deadline)))
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.stopped {
            return self.cut(StopReason::Interrupted, now);
        }
        let started = *self.started_at.get_or_insert(now);
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| started + deadline);
        if now >= deadline {
            return self.cut(StopReason::Deadline, now);
        }
        if let Some(address) = self.names.next() {
            return Next::Lookup(address);
        }
        if self.may_expire(now) {
            let expired = self.expired(now).0;
            if !expired.is_empty() {
                return Next::GiveUp(expired);
            }
        }
        let others = self.beside_alone();
        if !others.is_empty() {
            return Next::GiveUp(others);
        }
        // Where the target itself has answered there is nobody to miss.
        let waits = self.open.is_empty() && self.ambiguous_rtt.is_none();
        if waits
            && self.multipath.is_none()
            && let Some(until) = self.neighbour_is_awaited(now)
            && matches!(self.step(now), Step::Wait(Instant::FAR))
        {
            return Next::NotBefore(until.min(deadline));
        }
        if self.is_over() {
            return self.over(now, deadline, events);
        }
        let step = match self.rounds {
            Some(_) => self.next_of_round(now),
            None if self.multipath.as_ref().is_some_and(|it| it.is_searching) => {
                self.next_of_search(now)
            }
            None => self.step(now),
        };
        match step {
            Step::Ask(ttl) => self.ask(ttl, None, now),
            Step::AskBy(ttl, flow) => self.ask(ttl, Some(flow), now),
            // The last cycle may end with what was waited for: that the rate lets another probe go.
            Step::Wait(Instant::FAR) if self.rounds.is_some() && self.is_over() => {
                self.over(now, deadline, events)
            }
            Step::Wait(until) => {
                let until = until.min(self.expired(now).1).min(deadline);
                match until.min(self.tell_figures(now, until, events)) {
                    Instant::FAR => Next::WhenSettled,
                    until => Next::NotBefore(until),
                }
            }
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        let Some(flight) = self.open.get_mut(&probe.seq) else { return self.second_sent(probe) };
        flight.sent_at = Some(probe.sent_at);
        self.last_at = self.last_at.max(Some(probe.sent_at));
    }

    fn begun(&mut self, probe: &Probe, _: SocketAddr) {
        if let Some(flight) = self.open.get_mut(&probe.seq) {
            flight.sent_at = Some(probe.sent_at);
        }
    }

    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        let open = self.open.get(&probe.seq).map(|flight| (flight.flow, flight.size));
        let past = self.settled.get(&probe.seq).map(|past| (past.flow, past.size));
        let (flow, size) = open.or(past).unwrap_or((0, self.size));
        let told = Told::new(detail, &self.sent_packet(flow, size));
        if self.open.contains_key(&probe.seq) {
            self.explained.entry(probe.seq).or_default().join(told);
            return;
        }
        // The headers of what has settled already.
        let past = self.settled.get(&probe.seq).filter(|past| past.answered && told.is_quoted);
        let place = past.map(|past| (past.epoch, past.ttl));
        if let Some(hop) = place.and_then(|(epoch, ttl)| self.hop_of(epoch, ttl)) {
            hop.tell(detail.from, told);
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let Some(flight) = self.open.remove(&probe.seq) else {
            return self.settle_second(probe, outcome);
        };
        let is_late = self.config.connects() && protocol::is_of_later_syn(outcome);
        let outcome = if is_late { &Outcome::TimedOut } else { outcome };
        let settled = self.take(probe, flight, outcome, events);
        if let Some(hop) = self.hop_of(flight.epoch, flight.ttl).filter(|_| is_late) {
            hop.stats.on_late();
        }
        let Flight { ttl, number, epoch, flow, size, .. } = flight;
        let answered = settled.answer.is_some();
        self.settled.insert(probe.seq, Past { ttl, number, epoch, flow, size, answered });
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
        if let Told_::LateError(error) = stray
            && self.is_by_this_machine(error)
        {
            return self.find_end();
        }
        if let Told_::Rejected(rejection) = stray {
            let open =
                self.open.get(&probe.seq).map(|flight| (flight.ttl, flight.number, flight.epoch));
            let past = self.settled.get(&probe.seq).map(|past| (past.ttl, past.number, past.epoch));
            let (about, rejection) = (open.or(past), *rejection);
            self.tally.on_rejected(&rejection, about.map(|(ttl, ..)| ttl));
            if let Some((ttl, _, epoch)) = about
                && rejection.reason == Reason::ImplausibleMtu
                && let Some(hop) = self.hop_of(epoch, ttl)
            {
                let mtu = rejection.said.and_then(|(_, mtu)| mtu);
                let from = rejection.from.address();
                hop.uncounted = Some(Box::new(Uncounted { from, rtt: None, mtu }));
            }
            let probe = about.map(|(ttl, number, _)| (ttl, number));
            events.push(self.event(rejection.at, EventKind::Rejected { probe, rejection }));
            return;
        }
        let Some(past) = self.settled.get(&probe.seq).copied() else { return };
        let Past { ttl, number: query, epoch, answered, .. } = past;
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
            // That the target says once more what it said is no fault of the path.
            Told_::Repeated(_) | Told_::Rejected(_) => return,
            Told_::Advice(error) => {
                let kind = EventKind::Advice { ttl, query, error: *error };
                (probe.sent_at + error.rtt, kind)
            }
        };
        if let Some(past) = self.settled.get_mut(&probe.seq) {
            past.answered |= matches!(kind, EventKind::Late(_));
        }
        if matches!(kind, EventKind::Late(_)) {
            // Who answers late is still there.
            self.streak = None;
        }
        if let (Told_::LateError(error), false) = (stray, answered) {
            self.take_late_refusal(probe, (epoch, ttl), error);
        }
        if let Some(hop) = self.hop_of(epoch, ttl) {
            match &kind {
                EventKind::Late(Stray { from, rtt, .. }) => {
                    hop.stats.on_late();
                    let late = Uncounted { from: *from, rtt: Some(*rtt), mtu: None };
                    hop.uncounted = Some(Box::new(late));
                }
                EventKind::Duplicate(_) => hop.stats.on_duplicate(),
                _ => {}
            }
        }
        events.push(self.event(at, kind));
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        let to = self.config.destination;
        let is_targets = to.is_source(rejection.from);
        // A datagram of the target quotes nothing.
        let is_about = rejection.about.map_or(is_targets, |about| about == to);
        if rejection.reason == Reason::Ambiguous && is_about {
            // What was asked by another kind makes no hop doubtful.
            self.ambiguous += u64::from(self.second.is_none());
            let first = self.open.values().filter_map(|flight| flight.sent_at).min();
            let took = first.filter(|_| is_targets).map(|first| rejection.at.since(first));
            self.ambiguous_rtt = self.ambiguous_rtt.max(took);
        } else if !is_targets {
            return false;
        }
        self.tally.on_rejected(rejection, None);
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
        self.names.tell(address, result);
        self.tell_hops(self.last_at.unwrap_or_default(), false, events);
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let Config { way, control, destination, .. } = &self.config;
        let means = WayOut::told(change, |change| {
            let of = |way| WayOut::after(change, way, control.source, *destination);
            way.map_or(WayOut::Untouched, of)
        });
        let Some(means) = means else { return WayOut::Untouched };
        self.tally.changes.on_change(at, change);
        events.push(self.event(at, EventKind::Changed(change.clone())));
        means
    }

    fn way_at_start(&self) -> WayOut {
        let (fixed, to) = (self.config.control.source, self.config.destination);
        self.config.way.map_or(WayOut::Untouched, |way| WayOut::at_start(way, fixed, to))
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        // What went past the end of the path, before that was known, is no hop's.
        let last = self.last();
        let counters =
            || self.hops.iter().filter(|hop| hop.ttl <= last).map(|h| h.stats.counters());
        let flights = self.open.values().filter(|it| it.sent_at.is_some() && it.ttl <= last);
        let under_way = flights.count() as u64;
        let interim = Interim {
            to: self.config.destination.address(),
            farthest: self.farthest().min(last),
            sent: counters().map(|counters| counters.sent()).sum::<u64>() + under_way,
            received: counters().map(|counters| counters.received()).sum(),
        };
        events.push(self.event(now, EventKind::Interim(interim)));
    }

    fn console(&mut self, now: Instant, console: Console, events: &mut Events<Event>) {
        match console {
            Console::Key(Key::Char(keys::QUIT)) => self.stopped = true,
            Console::Key(Key::Char(keys::PAUSE)) => self.pause(now),
            Console::Key(Key::Char(keys::RESET)) => self.reset(),
            _ => {}
        }
        self.show_soon();
        events.push(self.event(now, EventKind::Console(console)));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        let end = self.last_at.unwrap_or(now);
        self.merge_trial();
        let open: Vec<Flight> = self.open.values().copied().collect();
        for flight in open.iter().filter(|flight| flight.sent_at.is_some()) {
            if let Some(hop) = self.hop_of(flight.epoch, flight.ttl) {
                hop.stats.on_sent();
            }
        }
        for hop in &mut self.hops {
            hop.wanted = hop.wanted.min(hop.asked);
            hop.stats.finish(end.as_nanos(), |_| ());
        }
        self.tell_hops(end, true, events);
        events.push(self.event(now, EventKind::Finished));
    }
}
