//! How a transfer ends.

use super::messages::MOST_BLANK;
use super::{Fault, Transfer, Transferred};
use crate::class::Class;
use crate::config::Transport;
use crate::event::{Event, EventKind, Phases, Settled};
use crate::measurement::blank;
use crate::message::rcode_name;
use crate::tsig::TsigResult;
use netdiag_engine::Events;
use netdiag_engine::failure::plain;
use netdiag_engine::port::TalkEnd;
use netdiag_model::errno::Errno;
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{Instant, StampSource};
use netdiag_tls::Layer;
use std::borrow::Cow;
use std::sync::Arc;

impl Transfer {
    pub(super) fn fail(&mut self, at: Instant, fault: Fault, events: &mut Events<Event>) {
        let failure = plain(Stage::Request, &fault.reason(), &fault.message());
        self.end(at, Class::TransferFailed, Some(failure), None, events);
    }

    /// Nothing came in time.
    pub(super) fn silent(&mut self, at: Instant, events: &mut Events<Event>) {
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

    pub(super) fn broken_off(&mut self, at: Instant, end: TalkEnd, events: &mut Events<Event>) {
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
    pub(super) fn tls_failed(&mut self, at: Instant, events: &mut Events<Event>) {
        let Some(run) = &self.run else { return };
        let talked = run.line.layer.as_ref().map(Layer::talked);
        let failure = match talked.as_ref().and_then(|talked| talked.fault()) {
            Some(fault) => plain(Stage::Tls, fault.reason.name(), &fault.message),
            None => plain(Stage::Tls, "misbehaved", "the other end broke the rules of TLS"),
        };
        self.end(at, Class::TlsError, Some(failure), None, events);
    }

    /// What is under way has ended.
    pub(super) fn end(
        &mut self,
        at: Instant,
        class: Class,
        failure: Option<Failure>,
        tsig: Option<TsigResult>,
        events: &mut Events<Event>,
    ) {
        let Some(mut run) = self.run.take() else { return };
        self.ending.push_back((run.line.seq, run.line.close()));
        let (connect, opened_at) =
            run.line.opened.unwrap_or_else(|| (at.since(run.line.begun_at), at));
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
    pub(super) fn conclude(&mut self, at: Instant, settled: Settled, events: &mut Events<Event>) {
        let has_said = settled.class.is_said() || settled.transfer.iter().any(|it| it.messages > 0);
        let settled = Arc::new(settled);
        self.ended.push((self.server, Arc::clone(&settled)));
        events.push(Event { at, kind: EventKind::Settled(0, self.server, settled) });
        self.server += 1;
        self.is_over |= has_said || self.server >= self.config.servers.len();
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
            Self::NoRecords => "no-records".into(),
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
            Self::NoRecords => {
                format!("{MOST_BLANK} messages in a row have no record, and no last SOA record")
                    .into()
            }
            Self::BrokenOff => "the connection ended before the last SOA record".into(),
            Self::Timeout => "no further record came in time, and no last SOA record".into(),
            Self::Ended => "the run ended before the last SOA record came".into(),
        }
    }
}
