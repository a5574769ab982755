//! What the engine is asked for, and what is made of what comes.

use super::{Fault, Line, Part, Run, Transfer, Transferred};
use crate::class::Class;
use crate::config::Transport;
use crate::event::{Event, EventKind, Phases, Settled};
use crate::measurement::{blank, class_of};
use crate::message::{Message, Record, rcode_name};
use crate::transfer::course::Course;
use crate::tsig::TsigResult;
use netdiag_engine::failure::{plain, probe_failure};
use netdiag_engine::port::TalkEnd;
use netdiag_engine::probe::ConnectSpec;
use netdiag_engine::{Events, Heard, Next, Outcome, Probe, ProbeKind, ProbeSpec};
use netdiag_model::errno::Errno;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{Instant, StampSource};
use netdiag_tls::Layer;
use std::borrow::Cow;
use std::sync::Arc;

/// The type of records that are signatures of messages (RFC 8945 section 4.2).
const TSIG: u16 = 250;

impl Transfer {
    fn deadline(&self) -> Instant {
        let deadline = self.started_at.zip(self.config.deadline);
        deadline.map_or(Instant::FAR, |(started_at, deadline)| started_at + deadline)
    }

    pub(crate) fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        self.started_at.get_or_insert(now);
        let deadline = self.deadline();
        if self.is_stopped || now >= deadline {
            return Next::Quit;
        }
        loop {
            if let Some((seq, last)) = self.ending.front_mut() {
                let seq = *seq;
                if !last.is_empty() {
                    return Next::Say(seq, std::mem::take(last));
                }
                self.ending.pop_front();
                return Next::HangUp(seq);
            }
            if let Some(run) = &mut self.run {
                let output = run.line.take_output();
                if !output.is_empty() {
                    return Next::Say(run.line.seq, output);
                }
                // Until it opens the engine waits.
                let due = run.line.heard_at + self.config.timeout;
                if run.line.opened.is_none() || now < due {
                    let due = if run.line.opened.is_none() { Instant::FAR } else { due };
                    return match due.min(deadline) {
                        Instant::FAR => Next::WhenSettled,
                        at => Next::NotBefore(at),
                    };
                }
                self.silent(now, events);
                continue;
            }
            if self.is_over || self.server >= self.config.servers.len() {
                self.is_over = true;
                return Next::Done;
            }
            if let Some(spec) = self.begin(now, events) {
                return Next::Probe(spec);
            }
        }
    }

    /// The probe that opens the connection to the next server.
    fn begin(&mut self, now: Instant, events: &mut Events<Event>) -> Option<ProbeSpec> {
        let config = Arc::clone(&self.config);
        let (server, target) = (config.servers.get(self.server)?, config.targets.first()?);
        let destination = match &server.destination {
            Ok(destination) => *destination,
            Err(failure) => {
                let failure = Some(failure.clone());
                let blank = blank(1, now, self.config.transport);
                let settled = Settled { class: Class::Unresolved, failure, ..blank };
                self.conclude(now, settled, events);
                return None;
            }
        };
        self.probes += 1;
        let seq = self.probes;
        let id = config.secret.message_id(config.numbers_from.wrapping_add(seq));
        let question = &target.question;
        let cookie = config.own_cookie(destination);
        let query = config.query.transfer(id, question, &cookie, self.wanted.since);
        let signed = config.tsig.as_ref().and_then(|tsig| tsig.sign(now, &query));
        let (query, signed) = match signed {
            Some((query, signed)) => (query, Some(signed)),
            None => (query, None),
        };
        let zone = question.name.presented();
        self.run = Some(Run {
            line: Line::new(seq, now, &query),
            id,
            signed,
            course: Course::new(zone.as_str(), self.wanted.since),
            so_far: Transferred::default(),
            head: None,
        });
        Some(ProbeSpec {
            target: 0,
            seq,
            destination,
            timeout: config.timeout,
            patience: config.patience,
            control: config.control,
            kind: ProbeKind::Connect(ConnectSpec { stays: true, ..ConnectSpec::to(server.port) }),
        })
    }

    pub(crate) fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let Some(run) = self.run.as_mut().filter(|run| run.line.seq == probe.seq) else { return };
        if let Outcome::Replied(reply) = outcome {
            let at = reply.received_at;
            let server = self.config.servers.get(self.server);
            let layer = self.config.tls.as_ref().zip(server).map(|(tls, server)| {
                let given = server.given.host();
                let name = tls.name.as_deref().unwrap_or_else(|| given.as_raw());
                // RFC 9103 section 7.1.
                Layer::new(&tls.client, &tls.terms(name, &["dot"]), &tls.anchor, at)
            });
            run.line.open(at, reply.rtt, layer);
            if run.line.layer.as_ref().is_some_and(|layer| layer.fault().is_some()) {
                self.tls_failed(at, events);
            }
            return;
        }
        let (class, _) = class_of(outcome);
        let mut failure = probe_failure(outcome);
        if matches!(outcome, Outcome::TimedOut) {
            let why = "the connection did not open in time";
            failure = Some(plain(Stage::Connect, "timeout", why));
        }
        self.run = None;
        let blank = blank(1, probe.sent_at, self.config.transport);
        self.conclude(probe.sent_at, Settled { class, failure, ..blank }, events);
    }

    pub(crate) fn heard(
        &mut self,
        probe: &Probe,
        at: Instant,
        heard: Heard<'_>,
        events: &mut Events<Event>,
    ) {
        let Some(run) = self.run.as_mut().filter(|run| run.line.seq == probe.seq) else { return };
        let is_well = match heard {
            Heard::Said => return,
            Heard::Bytes(bytes) => run.line.hear(at, bytes),
            Heard::End(end) => return self.broken_off(at, end, events),
        };
        while let Some(message) = self.run.as_mut().and_then(|run| run.line.message()) {
            self.message(at, &message, events);
        }
        if self.run.is_some() && !is_well {
            self.tls_failed(at, events);
        } else if self.run.as_ref().is_some_and(|run| run.line.is_over()) {
            self.broken_off(at, TalkEnd::Closed, events);
        }
    }

    /// The next message.
    fn message(&mut self, at: Instant, bytes: &[u8], events: &mut Events<Event>) {
        let config = Arc::clone(&self.config);
        let (Some(run), Some(target)) = (self.run.as_mut(), config.targets.first()) else { return };
        let is_first = run.so_far.messages == 0;
        let mut message = Message::decode(bytes, &target.question);
        run.so_far.messages += 1;
        run.so_far.bytes += bytes.len() as u64;
        if run.so_far.bytes > self.wanted.most_bytes {
            return self.fail(at, Fault::Limit(self.wanted.most_bytes), events);
        }
        if message.id != run.id {
            return self.fail(at, Fault::WrongId, events);
        }
        if !message.flags.has("qr") || message.opcode != 0 {
            return self.fail(at, Fault::NoAnswer, events);
        }
        // Later messages need not repeat it (RFC 5936 section 2.2.1).
        let is_asked = match message.questions.as_slice() {
            [] => !is_first || message.rcode != 0 || message.broken.is_some(),
            [asked] => asked.is_ours,
            _ => false,
        };
        if !is_asked {
            return self.fail(at, Fault::WrongQuestion, events);
        }
        let signature = config.tsig.as_ref().zip(run.signed.as_mut());
        let signature = signature.map(|(tsig, signed)| tsig.judge(signed, at, bytes));
        if let Some(signature) = signature.filter(|it| !it.verified) {
            return self.unsigned(at, signature, is_first.then_some(message), events);
        }
        if let Some(broken) = &message.broken {
            let why = format!("message {} cannot be read: {broken}", run.so_far.messages);
            let class = if is_first { Class::Malformed } else { Class::TransferFailed };
            let failure = plain(Stage::Request, "malformed", &why);
            return self.end(at, class, Some(failure), None, events);
        }
        if message.rcode != 0 {
            if !is_first {
                return self.fail(at, Fault::LaterRcode(message.rcode), events);
            }
            let class = Class::of(&message, &target.question);
            run.head = Some(message);
            return self.end(at, class, None, None, events);
        }
        let records = std::mem::take(&mut message.answers);
        let is_signature = |it: &&Record| it.number.0 == TSIG;
        let tsig = message.additionals.iter().find(is_signature).cloned();
        run.head.get_or_insert(message);
        let disorder = records.iter().find_map(|record| run.course.take(record).err());
        if let Some(disorder) = disorder {
            return self.fail(at, Fault::Disorder(disorder), events);
        }
        run.course.end_message();
        if self.wanted.keeps {
            run.so_far.kept.push(bytes.to_vec());
        }
        let (is_over, number) = (run.course.is_over(), run.so_far.messages);
        let part = Part { number, records, tsig };
        events.push(Event { at, kind: EventKind::Part(self.server, Arc::new(part)) });
        if is_over {
            self.complete(at, events);
        }
    }

    /// The last record came.
    fn complete(&mut self, at: Instant, events: &mut Events<Event>) {
        let Some(run) = &mut self.run else { return };
        let signed = self.config.tsig.as_ref().zip(run.signed.take());
        let signature = signed.map(|(tsig, signed)| tsig.judge_end(signed));
        match signature {
            Some(signature) if !signature.verified => self.unsigned(at, signature, None, events),
            signature => {
                run.so_far.complete = true;
                self.end(at, Class::Answer, None, signature, events);
            }
        }
    }

    /// A signature is wrong, or missing.
    fn unsigned(
        &mut self,
        at: Instant,
        signature: TsigResult,
        head: Option<Message>,
        events: &mut Events<Event>,
    ) {
        if let (Some(run), Some(head)) = (&mut self.run, head) {
            // What nobody signed is not shown.
            run.head = Some(Message { answers: Vec::new(), authorities: Vec::new(), ..head });
        }
        let failure = signature.failure();
        self.end(at, Class::TsigError, failure, Some(signature), events);
    }

    fn fail(&mut self, at: Instant, fault: Fault, events: &mut Events<Event>) {
        let failure = plain(Stage::Request, &fault.reason(), &fault.message());
        self.end(at, Class::TransferFailed, Some(failure), None, events);
    }

    /// Nothing came in time.
    fn silent(&mut self, at: Instant, events: &mut Events<Event>) {
        let Some(run) = &self.run else { return };
        if run.so_far.messages > 0 {
            return self.fail(at, Fault::Timeout, events);
        }
        let (stage, why) = match run.line.said_at {
            None => (Stage::Tls, "the handshake of TLS was not answered in time"),
            Some(_) => (Stage::Request, "no answer in time"),
        };
        self.end(at, Class::Timeout, Some(plain(stage, "timeout", why)), None, events);
    }

    fn broken_off(&mut self, at: Instant, end: TalkEnd, events: &mut Events<Event>) {
        let Some(run) = &self.run else { return };
        let errno = match end {
            TalkEnd::Failed(number) => Some(Errno::new(number)),
            _ => None,
        };
        if run.so_far.messages > 0 {
            let fault = Fault::BrokenOff;
            let failure = plain(Stage::Request, &fault.reason(), &fault.message());
            let failure = Some(Failure { errno, ..failure });
            return self.end(at, Class::TransferFailed, failure, None, events);
        }
        let (class, stage, why) = match run.line.said_at {
            None => (
                Class::TlsError,
                Stage::Tls,
                "the server ended the connection within the handshake of TLS",
            ),
            Some(_) => {
                let why = "the server ended the connection before an answer came";
                (Class::Closed, Stage::Request, why)
            }
        };
        let failure = Failure { errno, ..plain(stage, "closed", why) };
        self.end(at, class, Some(failure), None, events);
    }

    /// TLS failed, or the server is not to be believed.
    fn tls_failed(&mut self, at: Instant, events: &mut Events<Event>) {
        let Some(run) = &self.run else { return };
        let talked = run.line.layer.as_ref().map(Layer::talked);
        let failure = match talked.as_ref().and_then(|talked| talked.fault()) {
            Some(fault) => plain(Stage::Tls, fault.reason.name(), &fault.message),
            None => plain(Stage::Tls, "misbehaved", "the other end broke the rules of TLS"),
        };
        self.end(at, Class::TlsError, Some(failure), None, events);
    }

    /// What is under way has ended.
    fn end(
        &mut self,
        at: Instant,
        class: Class,
        failure: Option<Failure>,
        tsig: Option<TsigResult>,
        events: &mut Events<Event>,
    ) {
        let Some(mut run) = self.run.take() else { return };
        self.ending.push_back((run.line.seq, run.line.close()));
        let (connect, opened_at) = run.line.opened.unwrap_or((at.since(run.line.begun_at), at));
        let said_at = run.line.said_at.unwrap_or(at);
        let came = run.so_far.messages > 0;
        let is_tls = self.config.transport == Transport::Tls;
        let phases = Phases {
            first_byte: None,
            connect,
            tls: is_tls.then(|| said_at.since(opened_at)),
            request: at.since(said_at),
            reused: false,
        };
        let serial = run.course.serial();
        let (kind, records) = (run.course.kind(), run.course.records());
        let transfer = Transferred { kind, serial, records, ..run.so_far };
        let transfer = Transferred { steps: run.course.steps(), ..transfer };
        let settled = Settled {
            class,
            message: run.head,
            rtt: came.then(|| at.since(run.line.begun_at)),
            stamp: came.then_some(StampSource::User),
            phases: came.then_some(phases),
            tls: run.line.layer.as_ref().map(|layer| Arc::new(layer.talked())),
            tsig,
            transfer: Some(Arc::new(transfer)),
            failure,
            ..blank(1, run.line.begun_at, self.config.transport)
        };
        self.conclude(at, settled, events);
    }

    /// Who is asked next, if anybody is.
    fn conclude(&mut self, at: Instant, settled: Settled, events: &mut Events<Event>) {
        let has_said = settled.class.is_said() || settled.transfer.iter().any(|it| it.messages > 0);
        let settled = Arc::new(settled);
        self.ended.push((self.server, Arc::clone(&settled)));
        events.push(Event { at, kind: EventKind::Settled(0, self.server, settled) });
        self.server += 1;
        self.is_over |= has_said || self.server >= self.config.servers.len();
    }

    pub(crate) const fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub(crate) fn interim(&self, now: Instant, events: &mut Events<Event>) {
        let done = self.ended.iter().filter(|(_, it)| it.class.is_said()).count() as u64;
        let asked = (self.ended.len() + usize::from(self.run.is_some())) as u64;
        events.push(Event { at: now, kind: EventKind::Interim(done, asked) });
    }

    pub(crate) fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        match &self.run {
            Some(run) if run.so_far.messages > 0 => self.fail(now, Fault::Ended, events),
            Some(_) => {
                let failure = plain(Stage::Request, "ended", "the run ended before an answer came");
                self.end(now, Class::Unknown, Some(failure), None, events);
            }
            None => {}
        }
    }
}

impl Fault {
    fn reason(self) -> Cow<'static, str> {
        match self {
            Self::Disorder(disorder) => disorder.reason().into(),
            Self::WrongId => "wrong-id".into(),
            Self::WrongQuestion => "wrong-question".into(),
            Self::NoAnswer => "no-answer".into(),
            Self::LaterRcode(rcode) => rcode_name(rcode).to_ascii_lowercase().into(),
            Self::Limit(_) => "limit".into(),
            Self::BrokenOff => "broken-off".into(),
            Self::Timeout => "timeout".into(),
            Self::Ended => "ended".into(),
        }
    }

    fn message(self) -> Cow<'static, str> {
        match self {
            Self::Disorder(disorder) => disorder.message().into(),
            Self::WrongId => "a message has another number than the query".into(),
            Self::WrongQuestion => "a message answers another question".into(),
            Self::NoAnswer => "a message is no answer".into(),
            Self::LaterRcode(rcode) => {
                format!("a message within it says {}", rcode_name(rcode)).into()
            }
            Self::Limit(most) => {
                format!("it has more than {most} bytes, which is as much as is taken").into()
            }
            Self::BrokenOff => "the connection ended before the last SOA record".into(),
            Self::Timeout => "nothing more came in time, and no last SOA record".into(),
            Self::Ended => "the run ended before the last SOA record came".into(),
        }
    }
}
