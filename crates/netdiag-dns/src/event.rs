//! What is told on the way.

use crate::class::Class;
use crate::config::Transport;
use crate::message::Message;
use crate::result::ServerResult;
use crate::transfer::{Part, Transferred};
use crate::tsig::TsigResult;
use netdiag_engine::outcome::Rejection;
use netdiag_engine::port::Change;
use netdiag_model::failure::Failure;
use netdiag_model::{Instant, StampSource, Untrusted};
use netdiag_tls::Talked;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A question has ended: which, at which server.
    Settled(usize, usize, Arc<Settled>),
    /// A datagram was no answer, though it came while one was awaited: to which question.
    Rejected(Option<usize>, Rejection),
    /// An answer to a query that was given up: to which question, its number there where it is known,
    /// from whom, how long after the query.
    Late(usize, Option<u64>, IpAddr, Duration),
    /// A further answer, likewise.
    Duplicate(usize, Option<u64>, IpAddr, Duration),
    /// A server of a zone on the way down the delegations has answered: which zone, what for, what.
    Walked(Box<Walked>),
    /// A message of a transfer came: from which server.
    Part(usize, Arc<Part>),
    /// Something about this machine changed.
    Changed(Change),
    /// Somebody wants to see the figures: how many queries are answered, of how many.
    Interim(u64, u64),
}

/// What a server of a zone on the way said.
#[derive(Clone, Debug)]
pub struct Walked {
    /// The zone.
    pub zone: String,
    /// The name that it was asked for.
    pub asked: String,
    /// The number of the query among those of the same question to it.
    pub number: u64,
    /// What it said.
    pub result: ServerResult,
}

/// How one query ended.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Its number among those of the same question to the same server, from 1 on.
    pub number: u64,
    /// When it was sent.
    pub sent_at: Instant,
    /// What became of it.
    pub class: Class,
    /// What carried the last of it.
    pub transport: Transport,
    /// It was asked again over TCP since the datagram was cut.
    pub retried_over_tcp: bool,
    /// It was asked again with the cookie that the server gave (RFC 7873 section 5.3).
    pub retried_with_cookie: bool,
    /// The message that came, as far as it could be read.
    pub message: Option<Message>,
    /// The same in bytes, where it could not be read to its end.
    pub bytes: Vec<u8>,
    /// From the query to the answer.
    pub rtt: Option<Duration>,
    /// Whose clock that was taken with.
    pub stamp: Option<StampSource>,
    /// What it spent its time on, over a connection.
    pub phases: Option<Phases>,
    /// What TLS showed, where that carried it.
    pub tls: Option<Arc<Talked>>,
    /// What HTTP said, where that carried it.
    pub http: Option<Arc<Http>>,
    /// What its signature is worth, where the query had one.
    pub tsig: Option<TsigResult>,
    /// What came of a transfer of a zone.
    pub transfer: Option<Arc<Transferred>>,
    /// Why there is no answer.
    pub failure: Option<Failure>,
}

/// What HTTP said beside the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// `HTTP/3`, `HTTP/2`, `HTTP/1.1` or `HTTP/1.0`.
    pub version: &'static str,
    /// `POST` or `GET`.
    pub method: &'static str,
    /// What was asked for, without the query.
    pub url: Untrusted,
    /// The status.
    pub status: u16,
    /// What the answer is, as it says.
    pub content_type: Option<Untrusted>,
    /// For how many seconds it was kept on the way (RFC 9111 section 5.1): its times to live count from
    /// then (RFC 8484 section 5.1).
    pub age: Option<u64>,
    /// For how many seconds it may be kept (RFC 9111 section 5.2.2.1).
    pub max_age: Option<u64>,
    /// When the head of the answer came.
    pub head_at: Instant,
}

/// What a query over a connection spent its time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// To open the connection, over QUIC with the handshake; nothing over one that was open.
    pub connect: Duration,
    /// For the handshake of TLS, where one was made for it.
    pub tls: Option<Duration>,
    /// From the request to the head of the answer, where HTTP carried it.
    pub first_byte: Option<Duration>,
    /// From the request to the end of the answer.
    pub request: Duration,
    /// It went over a connection that others had gone over.
    pub reused: bool,
}
