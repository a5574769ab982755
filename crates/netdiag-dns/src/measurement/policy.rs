//! The measurement as the engine asks it.

use super::judge::{misfit, misfit_of};
use super::{Measurement, Pending, REMEMBERED, Stage, WINDOW};
use crate::class::Class;
use crate::config::{Choice, Target, Transport};
use crate::event::{Event, EventKind, Settled};
use crate::message::{Head, Message, Section};
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::port::{Change, ExchangeFraming};
use netdiag_engine::schedule::Schedule;
use netdiag_engine::stats::SettledKind;
use netdiag_engine::{
    Events, Heard, MessageSpec, Next, Outcome, Probe, ProbeKind, ProbeSpec, Stray, WayOut,
};
use netdiag_model::{Destination, Instant, StampSource};
use std::sync::Arc;

impl Measurement {
    pub(super) fn target_of(&self, seat: usize) -> Option<&Target> {
        self.config.targets.get(self.seats.get(seat)?.target)
    }

    /// The next query of a seat whose time has come; `None` where there is none, or no server with an
    /// address.
    fn begin(&mut self, now: Instant, seat: usize, events: &mut Events<Event>) -> Option<Pending> {
        let place = self.seats.get_mut(seat)?;
        let server = place.servers.start;
        place.begun += 1;
        if self.config.count > 1 {
            let interval = self.config.interval;
            let schedule = place.schedule.get_or_insert_with(|| Schedule::new(now, interval, 1));
            schedule.take(now);
            // Without an interval it is due when this one has ended.
            if place.begun < self.config.count && !interval.is_zero() {
                self.due.insert((schedule.due(), seat));
            }
        }
        let target = place.target;
        let pair = self.pairs.get_mut(self.config.pair(target, server))?;
        let stage = match self.config.transport {
            Transport::Udp => Stage::Udp,
            Transport::Tcp => Stage::Tcp,
            Transport::Tls => Stage::Line,
            Transport::Https => Stage::Https,
            Transport::Quic => Stage::Quic,
            Transport::Https3 => Stage::Https3,
        };
        pair.begun += 1;
        let pending = Pending {
            seat,
            server,
            number: pair.begun,
            id: 0,
            stage,
            sent_at: None,
            said_at: None,
            reused: false,
            is_counted: false,
            partial: None,
            with_cookie: false,
            tries: 0,
            signed: None,
        };
        let Err(failure) = self.config.servers.get(server)?.destination.clone() else {
            return Some(pending);
        };
        let settled = Settled {
            class: Class::Unresolved,
            transport: self.config.transport,
            failure: Some(failure),
            ..pending.blank(now)
        };
        self.conclude(now, &pending, settled, SettledKind::LocalError(()), events);
        None
    }

    /// The query as the engine sends it.
    fn probe(&mut self, now: Instant, mut pending: Pending) -> Option<ProbeSpec> {
        let config = Arc::clone(&self.config);
        let target = config.targets.get(self.seats.get(pending.seat)?.target)?;
        let server = config.servers.get(pending.server)?;
        let destination = *server.destination.as_ref().ok()?;
        self.probes += 1;
        let seq = self.probes;
        // By HTTP all are 0, so that who keeps answers finds them again (RFC 8484 section 4.1), and by
        // QUIC since a stream tells them apart (RFC 9250 section 4.2.1).
        let is_apart = matches!(pending.stage, Stage::Https | Stage::Quic | Stage::Https3);
        pending.id = if is_apart { 0 } else { self.id(seq) };
        let cookie = self.cookie(pending.server, destination);
        let bytes = self.config.query.message(pending.id, &target.question, &cookie);
        let bytes = self.signed(now, &mut pending, bytes);
        let port = server.port;
        let kind = match pending.stage {
            Stage::Udp => ProbeKind::Message(MessageSpec { port, bytes }),
            Stage::Tcp | Stage::TcpAfterUdp => {
                ProbeKind::Exchange { port, framing: ExchangeFraming::Length16, request: bytes }
            }
            Stage::Line | Stage::Https | Stage::Quic | Stage::Https3 => {
                return self.ask(now, seq, pending, &bytes);
            }
        };
        let spec = ProbeSpec {
            target: u32::try_from(pending.seat).unwrap_or(u32::MAX),
            seq,
            destination,
            timeout: self.config.timeout,
            patience: self.config.patience,
            control: self.config.control,
            kind,
        };
        self.pending.insert(seq, pending);
        Some(spec)
    }

    /// The query with its signature, where it is to have one.
    fn signed(&self, now: Instant, pending: &mut Pending, query: Vec<u8>) -> Vec<u8> {
        let signed = self.config.tsig.as_ref().and_then(|tsig| tsig.sign(now, &query));
        let Some((query, signed)) = signed else { return query };
        pending.signed = Some(Box::new(signed));
        query
    }

    /// The number of the message of a probe.
    fn id(&self, seq: u64) -> u16 {
        self.config.secret.message_id(self.config.numbers_from.wrapping_add(seq))
    }

    /// A query has ended: counts it, tells it, and says who is asked next.
    fn conclude(
        &mut self,
        now: Instant,
        pending: &Pending,
        settled: Settled,
        kind: SettledKind<()>,
        events: &mut Events<Event>,
    ) {
        let settled = Arc::new(settled);
        let Some(seat) = self.seats.get_mut(pending.seat) else { return };
        let target = seat.target;
        let place = self.config.pair(target, pending.server);
        if let Some(pair) = self.pairs.get_mut(place) {
            pair.settle(&settled, kind, self.config.is_long());
        }
        let is_silent = !settled.class.is_said();
        seat.is_answered |= !is_silent;
        let is_current = seat.servers.start == pending.server;
        if is_silent && is_current && !seat.is_answered && !self.is_stopped {
            seat.tries += 1;
            let has_left = seat.begun < self.config.count && self.config.count > 1;
            let is_worth_it = settled.class == Class::Timeout
                && seat.tries < self.config.tries
                && self.config.count == 1;
            if is_worth_it || seat.go_on() && !has_left {
                self.due.insert((now, pending.seat));
            }
        }
        let is_next = is_current && seat.begun < self.config.count && !self.is_stopped;
        if is_next && self.config.count > 1 && self.config.interval.is_zero() {
            self.due.insert((now, pending.seat));
        }
        let kind = EventKind::Settled(target, pending.server, settled);
        Self::tell(now, kind, events);
    }

    /// Where servers say different things they are asked once more: what is so both times is no
    /// accident of the moment.
    fn ask_twice(&mut self, now: Instant) -> bool {
        let is_due = self.config.choice == Choice::Each
            && self.config.count == 1
            && !self.asked_twice
            && !self.is_stopped;
        self.asked_twice = true;
        if !is_due {
            return false;
        }
        let doubtful: Vec<usize> =
            (0..self.config.targets.len()).filter(|target| self.is_doubtful(*target)).collect();
        let again = (0..).zip(&self.seats).filter(|(_, seat)| {
            let pair = self.pairs.get(self.config.pair(seat.target, seat.servers.start));
            let is_heard = pair.and_then(|pair| pair.class()).is_some_and(Class::is_said);
            doubtful.contains(&seat.target) && is_heard
        });
        let again: Vec<usize> = again.map(|(seat, _)| seat).collect();
        self.due.extend(again.iter().map(|seat| (now, *seat)));
        !again.is_empty()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until.or_else(|| Some(self.started_at? + self.config.deadline?))
    }
}

impl netdiag_engine::Measurement for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        self.started_at.get_or_insert(now);
        let deadline = self.deadline().unwrap_or(Instant::FAR);
        if self.is_stopped || now >= deadline {
            return Next::Quit;
        }
        loop {
            self.expire(now, events);
            self.tick(now, events);
            if let Some(next) = self.lines.next(now) {
                return next;
            }
            let wake = deadline.min(self.lines.due());
            let free = self.sent_at.map_or(Instant::ZERO, |at| at + self.config.spacing);
            let has_room = self.pending.len() < WINDOW;
            let first = match self.due.first() {
                _ if !has_room => None,
                _ if !self.again.is_empty() => Some(free),
                Some((at, _)) => Some((*at).max(free)),
                None => None,
            };
            match first {
                Some(at) if at > now => return Next::NotBefore(at.min(wake)),
                Some(_) => {}
                None if self.is_complete() => {
                    if self.ask_twice(now) {
                        continue;
                    }
                    return self.lines.wind_up(now).unwrap_or(Next::Done);
                }
                None if wake < Instant::FAR => return Next::NotBefore(wake),
                None => return Next::WhenSettled,
            }
            let pending = match self.again.pop_front() {
                Some(pending) => Some(pending),
                None => self.due.pop_first().and_then(|(_, seat)| self.begin(now, seat, events)),
            };
            if let Some(spec) = pending.and_then(|pending| self.probe(now, pending)) {
                self.sent_at = Some(now);
                return Next::Probe(spec);
            }
        }
    }

    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        let target = self.target_of(usize::try_from(probe.target).ok()?)?;
        let id = self.id(probe.seq);
        if let Some(head) = Head::read(answer, &target.question) {
            let misfit = misfit_of(&head, id);
            if misfit.is_some() || !self.judges_cookies() {
                return misfit;
            }
        }
        let message = Message::decode(answer, &target.question);
        let is_cut = message.broken.as_ref().is_some_and(|it| it.section == Section::Header);
        if is_cut {
            return Some(Reason::NoAnswer);
        }
        let has_foreign_cookie = self.has_foreign_cookie(probe.destination, &message);
        misfit(&message, id).or_else(|| has_foreign_cookie.then_some(Reason::BadTag))
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        let Some(pending) = self.pending.get_mut(&probe.seq) else { return };
        let is_first = pending.sent_at.is_none();
        pending.sent_at.get_or_insert(probe.sent_at);
        let (seat, server) = (pending.seat, pending.server);
        let Some(target) = self.seats.get(seat).map(|seat| seat.target) else { return };
        if let Some(pair) = self.pairs.get_mut(self.config.pair(target, server))
            && is_first
        {
            pair.stats.on_sent();
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let at = match outcome {
            Outcome::Replied(reply) => reply.received_at,
            Outcome::NetError(error) => probe.sent_at + error.rtt,
            Outcome::Refused(refusal) => probe.sent_at + refusal.rtt,
            Outcome::LocalError(_) => probe.sent_at,
            _ => probe.sent_at + self.config.timeout,
        };
        if self.line_settled(probe, outcome, at, events) {
            return;
        }
        let Some(pending) = self.pending.remove(&probe.seq) else { return };
        if self.ended.len() >= REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((probe.seq, pending.number));
        if let (Outcome::NetError(error), Some(pair)) = (outcome, self.pair_of(&pending)) {
            pair.refused_after = pair.refused_after.max(Some(error.rtt));
        }
        let (settled, kind) = self.judged(&pending, probe, outcome);
        self.ended(at, pending, settled, kind, events);
    }

    fn heard(&mut self, probe: &Probe, at: Instant, heard: Heard<'_>, events: &mut Events<Event>) {
        self.line_heard(probe.seq, at, heard, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        let seat = usize::try_from(probe.target).ok().and_then(|seat| self.seats.get(seat));
        let Some(target) = seat.map(|seat| seat.target) else { return };
        let pending = self.pending.get(&probe.seq);
        let server = pending.map(|pending| pending.server).or_else(|| {
            let is_it = |destination: &Destination| destination.is_source(probe.destination);
            let servers = self.config.servers.iter();
            servers.map(|server| &server.destination).position(|it| it.as_ref().is_ok_and(is_it))
        });
        let place = server.map(|server| self.config.pair(target, server));
        let Some(pair) = place.and_then(|place| self.pairs.get_mut(place)) else { return };
        let number =
            self.ended.iter().find(|(seq, _)| *seq == probe.seq).map(|(_, number)| *number);
        match stray {
            Stray::Late(reply) => {
                pair.stats.on_late();
                pair.largest_late = pair.largest_late.max(Some(reply.rtt));
                let (from, rtt) = (reply.from.address(), reply.rtt);
                let kind = EventKind::Late(target, number, from, rtt);
                Self::tell(reply.received_at, kind, events);
            }
            Stray::Duplicate(reply) => {
                pair.stats.on_duplicate();
                let (from, rtt) = (reply.from.address(), reply.rtt);
                let kind = EventKind::Duplicate(target, number, from, rtt);
                Self::tell(reply.received_at, kind, events);
            }
            Stray::Rejected(rejection) => {
                pair.reject(rejection);
                let kind = EventKind::Rejected(Some(target), *rejection);
                Self::tell(rejection.at, kind, events);
            }
            Stray::Further(_) | Stray::Repeated(_) | Stray::Advice(_) | Stray::LateError(_) => {}
        }
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        self.unmatched += 1;
        Self::tell(rejection.at, EventKind::Rejected(None, *rejection), events);
        true
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let means = WayOut::told(change, |change| {
            let servers = self.config.servers.iter();
            let ways = servers.filter_map(|it| Some((it.way?, *it.destination.as_ref().ok()?)));
            let mut means = ways.map(|(way, to)| WayOut::after(change, way, None, to));
            means.find(|means| *means != WayOut::Untouched).unwrap_or(WayOut::Untouched)
        });
        let Some(means) = means else { return WayOut::Untouched };
        Self::tell(at, EventKind::Changed(change.clone()), events);
        means
    }

    fn has_one_way(&self) -> bool {
        self.config.servers.len() == 1
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        let counters = || self.pairs.iter().map(|pair| pair.stats.counters());
        let answered = counters().map(|counters| counters.received()).sum();
        let sent = counters().map(|counters| counters.sent()).sum();
        Self::tell(now, EventKind::Interim(answered, sent), events);
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.is_stopped = true;
    }

    fn finish(&mut self, now: Instant, _: &mut Events<Event>) {
        self.leave_lines();
        for pair in &mut self.pairs {
            pair.stats.finish(now.as_nanos(), |_| ());
        }
    }
}

impl Measurement {
    /// A query has come to something: it is asked once more where that is not the last word.
    pub(super) fn ended(
        &mut self,
        at: Instant,
        pending: Pending,
        mut settled: Settled,
        mut kind: SettledKind<()>,
        events: &mut Events<Event>,
    ) {
        self.keep_cookie(pending.server, settled.message.as_ref());
        if let Some(again) = self.follow_up(&pending, &settled) {
            let partial = Some(Arc::new(settled));
            self.again.push_back(Pending { partial, ..again });
            return;
        }
        if let Some(pair) = self.pair_of(&pending) {
            pair.user_stamps += u64::from(settled.stamp == Some(StampSource::User));
        }
        let is_lost = pending.stage == Stage::TcpAfterUdp && !settled.class.is_said();
        if let Some(partial) = pending.partial.as_ref().filter(|_| is_lost) {
            if let Some(pair) = self.pair_of(&pending) {
                pair.truncations_lost += 1;
            }
            if pending.tries == 0 && !self.is_stopped {
                // Once is no proof: a second time it is.
                self.again.push_back(Pending { tries: 1, ..pending });
                return;
            }
            let rtt = partial.rtt.unwrap_or_default();
            kind = SettledKind::Replied { rtt };
            settled = Settled {
                class: Class::Truncated,
                transport: Transport::Udp,
                failure: settled.failure,
                retried_over_tcp: true,
                ..Settled::clone(partial)
            };
        } else if settled.message.as_ref().is_some_and(|message| message.flags.has("tc"))
            && settled.class == Class::Nodata
        {
            // What is cut may have lost just that.
            settled.class = Class::Truncated;
        }
        self.conclude(at, &pending, settled, kind, events);
    }

    pub(super) fn pair_of(&mut self, pending: &Pending) -> Option<&mut super::Pair> {
        let target = self.seats.get(pending.seat)?.target;
        self.pairs.get_mut(self.config.pair(target, pending.server))
    }
}
