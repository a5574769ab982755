//! Queries over connections that stay open: when they are said, and what becomes of them.

use super::https::{Requests, Said, Why};
use super::judge::Answer;
use super::line::{Came, Line, Mark};
use super::{Measurement, Pending, Stage};
use crate::class::Class;
use crate::event::{Event, Http, Phases, Settled};
use netdiag_engine::failure::plain;
use netdiag_engine::port::{Over, TalkEnd};
use netdiag_engine::probe::ConnectSpec;
use netdiag_engine::stats::SettledKind;
use netdiag_engine::{Events, Heard, Outcome, Probe, ProbeKind, ProbeSpec};
use netdiag_model::errno::Errno;
use netdiag_model::failure::{Failure, Stage as FailureStage};
use netdiag_model::{Instant, StampSource};
use std::sync::Arc;
use std::time::Duration;

/// How many queries that were given up are remembered, should their answers still come.
const LATE_KEPT: usize = 65_536;

impl Measurement {
    /// Puts a query to a server over its connection; the probe that opens one, where there is none.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        seq: u64,
        mut pending: Pending,
        message: &[u8],
    ) -> Option<ProbeSpec> {
        let begun_at = *pending.sent_at.get_or_insert(now);
        self.lines.expiring.insert((begun_at + self.config.timeout, seq));
        self.sent_at = Some(now);
        let server = pending.server;
        let mut opening = None;
        if !self.lines.open.contains_key(&server) {
            self.probes += 1;
            let line = Line::new(self.probes, self.spoken(server));
            self.lines.open.insert(server, line);
            opening = self.opening(server, self.probes);
        }
        let line = self.lines.open.get_mut(&server)?;
        line.ask(now, seq, message);
        pending.reused = line.is_ready();
        pending.said_at = line.is_ready().then_some(now);
        if pending.reused {
            self.count_sent(&mut pending);
        }
        self.pending.insert(seq, pending);
        opening
    }

    /// Queries as requests, where HTTP carries messages to a server.
    pub(super) fn requests(&self, server: usize) -> Option<Requests> {
        let server = self.config.servers.get(server)?;
        let is_meant = self.config.transport.is_over_http();
        let url = server.url.clone().filter(|_| is_meant)?;
        Some(Requests::new(self.config.http_method, url))
    }

    /// The probe that opens the connection to a server.
    fn opening(&self, server: usize, seq: u64) -> Option<ProbeSpec> {
        let server = self.config.servers.get(server)?;
        let over = if self.config.transport.is_over_quic() { Over::Udp } else { Over::Tcp };
        let connect = ConnectSpec { over, stays: true, ..ConnectSpec::to(server.port) };
        Some(ProbeSpec {
            // It is no question's.
            target: u32::MAX,
            seq,
            destination: *server.destination.as_ref().ok()?,
            timeout: self.config.timeout,
            patience: self.config.patience,
            control: self.config.control,
            kind: ProbeKind::Connect(connect),
        })
    }

    /// A query has left, or came to nothing on the network; however often it is asked again it is one.
    fn count_sent(&mut self, pending: &mut Pending) {
        if !std::mem::replace(&mut pending.is_counted, true)
            && let Some(pair) = self.pair_of(pending)
        {
            pair.stats.on_sent();
        }
    }

    /// The numbers of the queries that wait for a server over its connection.
    pub(super) fn waiting(&self, server: usize) -> Vec<u64> {
        let of_it = |(seq, pending): (&u64, &Pending)| {
            (pending.stage.is_line() && pending.server == server).then_some(*seq)
        };
        self.pending.iter().filter_map(of_it).collect()
    }

    /// The run ends: what waits for an answer over a connection is under way.
    pub(super) fn leave_lines(&mut self) {
        for server in 0..self.config.servers.len() {
            for seq in self.waiting(server) {
                let Some(mut pending) = self.pending.remove(&seq) else { continue };
                self.count_sent(&mut pending);
                self.pending.insert(seq, pending);
            }
        }
    }

    pub(super) fn take(&mut self, seq: u64) -> Option<Pending> {
        let pending = self.pending.remove(&seq)?;
        let begun_at = pending.sent_at.unwrap_or(Instant::ZERO);
        self.lines.expiring.remove(&(begun_at + self.config.timeout, seq));
        Some(pending)
    }

    /// Gives up the queries whose time is over.
    pub(super) fn expire(&mut self, now: Instant, events: &mut Events<Event>) {
        while let Some((at, seq)) =
            self.lines.expiring.first().copied().filter(|(at, _)| *at <= now)
        {
            let Some(pending) = self.take(seq) else { break };
            let stage =
                self.lines.open.get(&pending.server).map_or(FailureStage::Request, Line::stage);
            let target = self.seats.get(pending.seat).map(|seat| seat.target);
            if let (Some(begun_at), Some(target)) = (pending.sent_at, target) {
                self.lines.late.insert((pending.server, pending.mark(seq)), (target, begun_at));
                if self.lines.late.len() > LATE_KEPT {
                    self.lines.late.pop_first();
                }
            }
            if let Some(line) = self.lines.open.get_mut(&pending.server) {
                line.give_up(at, seq);
            }
            let failure = not_in_time(stage);
            let (server, begun_at) = (pending.server, pending.sent_at.unwrap_or(at));
            self.fail(at, pending, (Class::Timeout, SettledKind::Lost(())), failure, events);
            if self.lines.open.get(&server).is_some_and(|line| line.is_dead_since(begun_at)) {
                // What comes next goes over another connection, and what waits, too.
                self.lines.put_aside(server, at);
                for seq in self.waiting(server) {
                    let pending = self.take(seq);
                    self.again.extend(pending);
                }
            }
        }
    }

    /// A query over a connection comes to nothing.
    pub(super) fn fail(
        &mut self,
        at: Instant,
        pending: Pending,
        how: (Class, SettledKind<()>),
        failure: Failure,
        events: &mut Events<Event>,
    ) {
        self.fail_by_http(at, pending, how, (failure, None), events);
    }

    /// The same, with what HTTP said.
    fn fail_by_http(
        &mut self,
        at: Instant,
        mut pending: Pending,
        (class, kind): (Class, SettledKind<()>),
        (failure, http): (Failure, Option<Http>),
        events: &mut Events<Event>,
    ) {
        self.count_sent(&mut pending);
        let tls = self.lines.talked.get(&pending.server).cloned();
        let blank = pending.blank(pending.sent_at.unwrap_or(at));
        let (failure, http) = (Some(failure), http.map(Arc::new));
        let settled = Settled { class, tls, http, failure, ..blank };
        self.ended(at, pending, settled, kind, events);
    }

    /// Whether a probe opens a connection for queries; if so, takes in what became of it.
    pub(super) fn line_settled(
        &mut self,
        probe: &Probe,
        outcome: &Outcome,
        at: Instant,
        events: &mut Events<Event>,
    ) -> bool {
        let Some(server) = self.lines.server_of(probe.seq) else { return false };
        if let Outcome::Replied(reply) = outcome {
            self.line_opened(server, reply, events);
            return true;
        }
        self.lines.open.remove(&server);
        for seq in self.waiting(server) {
            let Some(mut pending) = self.take(seq) else { continue };
            let began_later = pending.sent_at.is_some_and(|begun_at| begun_at > probe.sent_at);
            if matches!(outcome, Outcome::TimedOut) && began_later {
                // Its own time is not over.
                self.again.push_back(pending);
                continue;
            }
            if !matches!(outcome, Outcome::LocalError(_)) {
                self.count_sent(&mut pending);
            }
            let (mut settled, kind) = self.judged(&pending, probe, outcome);
            if matches!(outcome, Outcome::TimedOut) {
                settled.failure = Some(not_in_time(FailureStage::Connect));
            }
            self.ended(at, pending, settled, kind, events);
        }
        true
    }

    /// Something came over a connection, or it ended.
    pub(super) fn line_heard(
        &mut self,
        seq: u64,
        at: Instant,
        heard: Heard<'_>,
        events: &mut Events<Event>,
    ) {
        self.expire(at, events);
        let Some(server) = self.lines.server_of(seq) else {
            return self.heard_aside(seq, at, heard);
        };
        match heard {
            Heard::Said => {}
            Heard::Bytes(bytes) => self.line_bytes(server, at, bytes, events),
            Heard::End(end) => self.line_ended(server, at, end, events),
        }
    }

    fn line_bytes(&mut self, server: usize, at: Instant, bytes: &[u8], events: &mut Events<Event>) {
        let Some(line) = self.lines.open.get_mut(&server) else { return };
        let came = line.hear(at, bytes);
        self.line_came(server, at, came, events);
    }

    /// Takes in what came over a connection.
    pub(super) fn line_came(
        &mut self,
        server: usize,
        at: Instant,
        came: Came,
        events: &mut Events<Event>,
    ) {
        if came.is_ready || came.has_failed {
            self.keep_talked(server);
        }
        if came.is_ready {
            for seq in self.waiting(server) {
                let Some(mut pending) = self.pending.remove(&seq) else { continue };
                pending.said_at = Some(at);
                self.count_sent(&mut pending);
                self.pending.insert(seq, pending);
            }
        }
        for message in &came.messages {
            self.line_answered(server, at, message, events);
        }
        for said in came.said {
            self.line_said(server, at, said, events);
        }
        if came.has_failed {
            self.line_failed(server, at, events);
        } else if let Some(ending) = &came.ended {
            self.quic_ended(server, at, ending, events);
        } else if came.is_over {
            self.line_over(server, at, events);
        }
    }

    /// Something came over a connection that was given up.
    fn heard_aside(&mut self, seq: u64, at: Instant, heard: Heard<'_>) {
        let Some((server, line)) = self.lines.aside_of(seq) else { return };
        let bytes = match heard {
            Heard::Said => return,
            Heard::Bytes(bytes) => bytes,
            Heard::End(_) => return self.lines.aside.retain(|(_, line)| line.seq != seq),
        };
        let came = line.hear(at, bytes);
        let ids = came.messages.iter().filter_map(|message| id_of(message)).map(Mark::Id);
        let answered = came.said.iter().filter(|said| said.result.is_ok());
        for mark in ids.chain(answered.map(|said| Mark::Request(said.seq))) {
            self.line_late(server, mark, at);
        }
    }

    /// Keeps what TLS showed.
    pub(super) fn keep_talked(&mut self, server: usize) {
        let talked = self.lines.open.get(&server).and_then(Line::talked);
        self.lines.talked.extend(talked.map(|talked| (server, Arc::new(talked))));
    }

    /// TLS failed, or the server is not to be believed.
    pub(super) fn line_failed(&mut self, server: usize, at: Instant, events: &mut Events<Event>) {
        let Some(mut line) = self.lines.open.remove(&server) else { return };
        self.lines.ending.push_back((line.seq, line.close(at)));
        let talked = self.lines.talked.get(&server).cloned();
        let failure = match talked.as_ref().and_then(|talked| talked.fault()) {
            Some(fault) => plain(FailureStage::Tls, fault.reason.name(), &fault.message),
            None => plain(FailureStage::Tls, "misbehaved", "the other end broke the rules of TLS"),
        };
        for seq in self.waiting(server) {
            let Some(pending) = self.take(seq) else { continue };
            let how = (Class::TlsError, SettledKind::NetError(()));
            self.fail(at, pending, how, failure.clone(), events);
        }
    }

    /// The server says nothing more, and leaves the connection to us.
    fn line_over(&mut self, server: usize, at: Instant, events: &mut Events<Event>) {
        let last = self.lines.open.get_mut(&server).map(|line| (line.seq, line.close(at)));
        self.lines.ending.extend(last);
        self.line_ended(server, at, TalkEnd::Closed, events);
    }

    fn line_ended(&mut self, server: usize, at: Instant, end: TalkEnd, events: &mut Events<Event>) {
        if self.lines.open.get(&server).is_some_and(Line::is_quic) {
            return self.flow_ended(server, at, end, events);
        }
        let said = self.lines.open.get_mut(&server).map(|line| line.end(at)).unwrap_or_default();
        for said in said.into_iter().filter(|said| said.result.is_ok()) {
            self.line_said(server, at, said, events);
        }
        let Some(line) = self.lines.open.remove(&server) else { return };
        self.lines.late.retain(|(whose, _), _| *whose != server);
        self.lines.answered.retain(|(whose, _), _| *whose != server);
        let (class, message) = match line.stage() {
            FailureStage::Tls => {
                (Class::TlsError, "the server ended the connection within the handshake of TLS")
            }
            FailureStage::Connect => (Class::Unreachable, "the server ended the connection"),
            _ => (Class::Closed, "the server ended the connection before an answer came"),
        };
        let failure = Failure {
            errno: match end {
                TalkEnd::Failed(number) => Some(Errno::new(number)),
                _ => None,
            },
            ..plain(line.stage(), "closed", message)
        };
        for seq in self.waiting(server) {
            let Some(pending) = self.take(seq) else { continue };
            if line.has_answered && !self.is_stopped {
                // A server may end a connection at any time; what it left is asked again (RFC 7766
                // section 6.2.4). Each connection answers something, so that comes to an end.
                self.again.push_back(pending);
                continue;
            }
            // By HTTP it may have begun to answer.
            let class = match pending.stage {
                Stage::Https if class == Class::Closed => Class::HttpError,
                _ => class,
            };
            let how = (class, SettledKind::NetError(()));
            self.fail(at, pending, how, failure.clone(), events);
        }
    }

    fn line_answered(
        &mut self,
        server: usize,
        at: Instant,
        bytes: &[u8],
        events: &mut Events<Event>,
    ) {
        let Some(id) = id_of(bytes) else { return };
        let is_it = |seq: &u64| self.pending.get(seq).is_some_and(|pending| pending.id == id);
        let found = self.waiting(server).into_iter().find(is_it);
        let mark = Mark::Id(id);
        let Some(pending) = found.and_then(|seq| self.take(seq)) else {
            return self.line_late(server, mark, at);
        };
        self.line_replied(server, at, (pending, mark), (bytes, None), events);
    }

    /// A request by HTTP came to something.
    fn line_said(&mut self, server: usize, at: Instant, said: Said, events: &mut Events<Event>) {
        let mark = Mark::Request(said.seq);
        let pending = self.pending.get(&said.seq).filter(|pending| pending.stage.is_line());
        let is_waited_for = pending.is_some_and(|pending| pending.server == server);
        let Some(pending) = is_waited_for.then(|| self.take(said.seq)).flatten() else {
            if said.result.is_ok() {
                self.line_late(server, mark, at);
            }
            return;
        };
        match said.result {
            Ok(bytes) => {
                self.line_replied(server, at, (pending, mark), (&bytes, said.http), events);
            }
            Err(Why { is_untouched: true, .. }) if pending.tries == 0 && !self.is_stopped => {
                // What a server did not look at is asked again, once: a second time it is its answer.
                self.again.push_back(Pending { tries: 1, ..pending });
            }
            Err(why) => {
                let failure = plain(FailureStage::Request, why.reason, &why.message);
                let class = match pending.stage {
                    Stage::Quic => Class::QuicError,
                    _ => Class::HttpError,
                };
                let how = (class, SettledKind::NetError(()));
                self.fail_by_http(at, pending, how, (failure, said.http), events);
            }
        }
    }

    fn line_replied(
        &mut self,
        server: usize,
        at: Instant,
        (pending, mark): (Pending, Mark),
        (bytes, http): (&[u8], Option<Http>),
        events: &mut Events<Event>,
    ) {
        let Some(line) = self.lines.open.get_mut(&server) else { return };
        line.has_answered = true;
        let is_quic = line.is_quic();
        let target = self.seats.get(pending.seat).map(|seat| seat.target);
        // By HTTP a request has one answer.
        let target = target.filter(|_| matches!(mark, Mark::Id(_)));
        self.lines.answered.extend(target.map(|target| ((server, mark), target)));
        let (said_at, begun_at) = (pending.said_at.unwrap_or(at), pending.sent_at.unwrap_or(at));
        // Of a connection that was opening already it waited for the rest alone.
        let opened_at = line.opened_at.unwrap_or(begun_at);
        let connect = line.connect.unwrap_or_default().min(opened_at.since(begun_at));
        let handshake = said_at.since(opened_at.max(begun_at));
        // That of QUIC is what opens it.
        let connect = if is_quic { handshake } else { connect };
        let phases = Phases {
            connect: if pending.reused { Duration::ZERO } else { connect },
            tls: (!pending.reused && !is_quic).then_some(handshake),
            first_byte: http.as_ref().map(|http| http.head_at.since(said_at)),
            request: at.since(said_at),
            reused: pending.reused,
        };
        let (rtt, stamp) = (at.since(begun_at), StampSource::User);
        let answer = Answer { bytes, rtt, stamp, phases: Some(phases) };
        let mut settled = self.replied(&pending, &answer, pending.blank(begun_at));
        settled.tls = self.lines.talked.get(&server).cloned();
        settled.http = http.map(Arc::new);
        self.ended(at, pending, settled, SettledKind::Replied { rtt }, events);
    }

    /// An answer to a query that was given up, to one that was answered, or to none.
    fn line_late(&mut self, server: usize, mark: Mark, at: Instant) {
        let Some((target, begun_at)) = self.lines.late.remove(&(server, mark)) else {
            let target = self.lines.answered.get(&(server, mark)).copied();
            let pair =
                target.and_then(|target| self.pairs.get_mut(self.config.pair(target, server)));
            match pair {
                Some(pair) => pair.stats.on_duplicate(),
                None => self.unmatched += 1,
            }
            return;
        };
        if let Some(line) = self.lines.open.get_mut(&server) {
            line.has_answered = true;
        }
        if let Some(pair) = self.pairs.get_mut(self.config.pair(target, server)) {
            pair.stats.on_late();
            pair.largest_late = pair.largest_late.max(Some(at.since(begun_at)));
        }
    }
}

/// That a query came no further in its time.
fn not_in_time(stage: FailureStage) -> Failure {
    let message = match stage {
        FailureStage::Connect => "the connection did not open in time",
        FailureStage::Tls => "the handshake of TLS was not answered in time",
        _ => "no answer in time",
    };
    plain(stage, "timeout", message)
}

/// The number of a message.
fn id_of(message: &[u8]) -> Option<u16> {
    message.first_chunk::<2>().map(|id| u16::from_be_bytes(*id))
}
