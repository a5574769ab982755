//! What an outcome of the engine means for a question.

use super::{Measurement, Pending, Stage};
use crate::class::Class;
use crate::config::Transport;
use crate::event::{Phases, Settled};
use crate::message::{Head, Message, Section};
use crate::tsig::TsigResult;
use netdiag_engine::failure::{plain, probe_failure};
use netdiag_engine::outcome::{Reason, ReplyDetail};
use netdiag_engine::stats::SettledKind;
use netdiag_engine::{Outcome, Probe};
use netdiag_model::failure::Stage as FailureStage;
use netdiag_model::{Instant, StampSource};
use std::time::Duration;

/// What came for a query.
pub(super) struct Answer<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) rtt: Duration,
    pub(super) stamp: StampSource,
    pub(super) phases: Option<Phases>,
}

/// A connection that was open, and was reset or closed.
const ECONNRESET: i32 = 104;
/// The rcode that asks for the cookie once more (RFC 7873 section 5.2.3).
const BADCOOKIE: u16 = 23;

impl Measurement {
    /// How a query ended, and how the statistics count that.
    pub(super) fn judged(
        &self,
        pending: &Pending,
        probe: &Probe,
        outcome: &Outcome,
    ) -> (Settled, SettledKind<()>) {
        let sent_at = pending.sent_at.unwrap_or(probe.sent_at);
        let blank = Settled { failure: probe_failure(outcome), ..pending.blank(sent_at) };
        if let Outcome::Replied(reply) = outcome {
            let kind = SettledKind::Replied { rtt: reply.rtt };
            let (bytes, phases) = match &reply.detail {
                ReplyDetail::Message(bytes) => (bytes.as_slice(), None),
                ReplyDetail::Exchanged { phases: [connect, request], answer } => {
                    let (connect, request) = (*connect, *request);
                    let phases = Phases { connect, request, ..Phases::default() };
                    (answer.as_slice(), Some(phases))
                }
                _ => (&[][..], None),
            };
            let answer = Answer { bytes, rtt: reply.rtt, stamp: reply.stamp, phases };
            return (self.replied(pending, &answer, blank), kind);
        }
        let (class, kind) = class_of(outcome);
        (Settled { class, ..blank }, kind)
    }

    /// What a message means for a query.
    pub(super) fn replied(
        &self,
        pending: &Pending,
        answer: &Answer<'_>,
        blank: Settled,
    ) -> Settled {
        let bytes = answer.bytes;
        let Some(target) = self.target_of(pending.seat) else { return blank };
        let message = Message::decode(bytes, &target.question);
        let mut class = Class::of(&message, &target.question);
        let mut why = message.broken.as_ref().map(|broken| format!("cannot be read: {broken}"));
        // Over UDP what does not fit was ignored; on a connection nothing else comes.
        let destination = self.config.servers.get(pending.server).map(|it| &it.destination);
        let has_foreign_cookie =
            matches!(destination, Some(Ok(to)) if self.has_foreign_cookie(*to, &message));
        let misfit = match misfit(&message, pending.id) {
            None if has_foreign_cookie => Some("its cookie is not the one that was sent"),
            Some(Reason::WrongSequence) => Some("its number is not that of the query"),
            Some(Reason::WrongQuestion) => Some("it answers another question"),
            Some(_) => Some("it is no answer"),
            None => None,
        };
        if let Some(misfit) = misfit {
            (class, why) = (Class::Malformed, Some(misfit.to_owned()));
        }
        let tsig = self.signature(pending, answer, blank.sent_at);
        let failure =
            why.map(|why| plain(FailureStage::Request, "malformed", &format!("the answer: {why}")));
        let is_whole = class != Class::Malformed;
        let unsigned = tsig.as_ref().filter(|_| is_whole).and_then(TsigResult::failure);
        let class = if unsigned.is_some() { Class::TsigError } else { class };
        let failure = failure.or(unsigned);
        Settled {
            class,
            rtt: Some(answer.rtt),
            stamp: Some(answer.stamp),
            phases: answer.phases,
            bytes: match is_whole && !self.config.keep_bytes && !self.config.is_long() {
                true => Vec::new(),
                false => bytes.to_vec(),
            },
            message: Some(message),
            tsig,
            failure,
            ..blank
        }
    }

    /// What the signature of an answer is worth; `None` where the query has none.
    fn signature(
        &self,
        pending: &Pending,
        answer: &Answer<'_>,
        sent_at: Instant,
    ) -> Option<TsigResult> {
        let tsig = self.config.tsig.as_ref()?;
        let mut signed = pending.signed.as_deref().cloned();
        Some(tsig.judge(signed.as_mut(), sent_at + answer.rtt, answer.bytes))
    }

    /// What is to be asked again at once, and how: an answer that was cut, or a cookie that was not
    /// known.
    pub(super) fn follow_up(&self, pending: &Pending, settled: &Settled) -> Option<Pending> {
        let message = settled.message.as_ref()?;
        let is_cut = pending.stage == Stage::Udp
            && settled.transport == Transport::Udp
            && message.flags.has("tc")
            && self.config.follow_truncation;
        if is_cut {
            return Some(Pending { stage: Stage::TcpAfterUdp, ..pending.clone() });
        }
        let has_cookie = self.cookies.get(pending.server).is_some_and(|cookie| !cookie.is_empty());
        let is_refused = message.rcode == BADCOOKIE && !pending.with_cookie && has_cookie;
        // Over a connection the time of a query begins anew, as it does with each datagram.
        let sent_at = pending.sent_at.filter(|_| !pending.stage.is_line());
        is_refused.then(|| Pending { with_cookie: true, sent_at, ..pending.clone() })
    }
}

impl Pending {
    /// How it is told while nothing is known.
    pub(super) const fn blank(&self, sent_at: Instant) -> Settled {
        let transport = match self.stage {
            Stage::Udp => Transport::Udp,
            Stage::Tcp | Stage::TcpAfterUdp => Transport::Tcp,
            Stage::Line => Transport::Tls,
            Stage::Https => Transport::Https,
            Stage::Quic => Transport::Quic,
            Stage::Https3 => Transport::Https3,
        };
        let mut blank = blank(self.number, sent_at, transport);
        blank.retried_over_tcp = matches!(self.stage, Stage::TcpAfterUdp);
        blank.retried_with_cookie = self.with_cookie;
        blank
    }
}

/// How a query is told of which nothing is known.
pub(crate) const fn blank(number: u64, sent_at: Instant, transport: Transport) -> Settled {
    Settled {
        number,
        sent_at,
        class: Class::Unknown,
        transport,
        retried_over_tcp: false,
        retried_with_cookie: false,
        message: None,
        bytes: Vec::new(),
        rtt: None,
        stamp: None,
        phases: None,
        tls: None,
        http: None,
        tsig: None,
        transfer: None,
        failure: None,
    }
}

/// What comes of a query that the network answered with nothing.
pub(crate) const fn class_of(outcome: &Outcome) -> (Class, SettledKind<()>) {
    match outcome {
        Outcome::TimedOut => (Class::Timeout, SettledKind::Lost(())),
        // It opened before.
        Outcome::Refused(refusal) if refusal.errno == ECONNRESET => {
            (Class::Closed, SettledKind::NetError(()))
        }
        Outcome::NetError(_) | Outcome::Refused(_) => {
            (Class::Unreachable, SettledKind::NetError(()))
        }
        Outcome::LocalError(_) => (Class::NotSent, SettledKind::LocalError(())),
        Outcome::Replied(_) | Outcome::Unknown(_) => (Class::Unknown, SettledKind::Unknown),
    }
}

/// Why a message is no answer to the query with this number.
pub(super) fn misfit(message: &Message, id: u16) -> Option<Reason> {
    if message.broken.as_ref().is_some_and(|broken| broken.section == Section::Header) {
        return None;
    }
    let head = Head {
        id: message.id,
        is_answer: message.flags.has("qr") && message.opcode == 0,
        is_ours: true,
    };
    misfit_of(&head, id).or_else(|| match message.questions.as_slice() {
        // A server that could not read the query need not repeat it; nor is there one to compare where
        // the message breaks before its end.
        [] if message.rcode != 0 || message.broken.is_some() => None,
        [asked] if asked.is_ours => None,
        _ => Some(Reason::WrongQuestion),
    })
}

/// The same of a message with one question, by its beginning.
pub(super) fn misfit_of(head: &Head, id: u16) -> Option<Reason> {
    if head.id != id {
        Some(Reason::WrongSequence)
    } else if !head.is_answer {
        Some(Reason::NoAnswer)
    } else {
        (!head.is_ours).then_some(Reason::WrongQuestion)
    }
}
