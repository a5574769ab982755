//! The JSON contract of `dns`.

mod answers;
mod convert;

use crate::aliases::{Aliases, is_of};
use crate::class::Class;
use crate::compare::Difference;
use crate::config::{Origin, Transport};
use crate::dnssec::Dnssec;
use crate::message::{Broken, Edns, Record};
use crate::text::Presented;
use crate::transfer::Transferred;
use crate::tsig::TsigResult;
pub use answers::Answers;
use netdiag_model::Untrusted;
use netdiag_model::contract::{Jitter, Method, Rtt};
use netdiag_model::failure::Failure;
use netdiag_tls::contract::Tls;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// One question.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Target {
    /// The name as it was given.
    #[schemars(with = "String")]
    pub target: Untrusted,
    /// The name that was asked for, with its last dot.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The same as `type`, which lines of events have another use for.
    pub query_type: Cow<'static, str>,
    /// The class.
    pub class: Cow<'static, str>,
    /// How it was measured; `null` where it was not.
    pub method: Option<Method>,
    /// What each server said, in the order in which they were asked.
    pub results: Vec<ServerResult>,
    /// Whether all servers that said something said the same, but for times; `null` where fewer than
    /// two did.
    pub agree: Option<bool>,
    /// What they said differently.
    pub differences: Vec<Difference>,
    /// The ways by which the name was looked up, one after the other; empty where nobody asked for
    /// them.
    pub steps: Vec<Step>,
    /// Why nobody was asked.
    pub failure: Option<Failure>,
}

/// What one server said to one question.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ServerResult {
    /// The server's address and port.
    pub server: String,
    /// Its address; `null` where its name has none.
    pub address: Option<IpAddr>,
    /// The server as it was given.
    #[schemars(with = "String")]
    pub given: Untrusted,
    /// Who named it.
    pub origin: Origin,
    /// What carried the last query.
    pub transport: Transport,
    /// What became of the last query.
    pub outcome: Class,
    /// How often each outcome came.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// The number in the header of the last answer; `null` likewise.
    pub id: Option<u16>,
    /// The rcode of the last answer; `null` where there was none that could be read.
    pub rcode: Option<Cow<'static, str>>,
    /// The flags that were set in it.
    pub flags: Vec<&'static str>,
    /// Its answers; of a transfer all its records.
    #[schemars(with = "Vec<Record>")]
    pub answers: Answers,
    /// Who is responsible, as it says.
    pub authorities: Vec<Record>,
    /// What else it brings, without EDNS.
    pub additionals: Vec<Record>,
    /// EDNS; `null` without.
    pub edns: Option<Edns>,
    /// What the answer is worth by its signatures; `null` where nobody asked for that.
    pub dnssec: Option<Dnssec>,
    /// Whether it was cut and is told as it was.
    pub truncated: bool,
    /// Whether it was asked for again over TCP.
    pub retried_over_tcp: bool,
    /// Whether it was asked for again with the server's cookie.
    pub retried_with_cookie: bool,
    /// Its bytes; `null` without an answer.
    pub size_bytes: Option<usize>,
    /// The whole message in hexadecimal digits, where `--wire` asks for it.
    pub wire: Option<String>,
    /// Where it cannot be read any further.
    pub malformed: Option<Malformed>,
    /// Bytes behind its last record, which belong to nothing.
    pub trailing_bytes: usize,
    /// OPT records behind the first, of which there must be none (RFC 6891 section 6.1.1).
    pub further_opts: usize,
    /// Queries that left.
    pub sent: u64,
    /// Queries that were answered in time.
    pub received: u64,
    /// Queries with nothing in time.
    pub lost: u64,
    /// Answers after the timeout.
    pub late: u64,
    /// The longest time from a query to one of those, in milliseconds.
    pub late_rtt_ms: Option<f64>,
    /// Queries that the server or a router refused.
    pub net_errors: u64,
    /// Queries that never left.
    pub local_errors: u64,
    /// Queries that this machine made meaningless.
    pub unknown: u64,
    /// Queries that were under way at the end.
    pub in_flight: u64,
    /// Further answers.
    pub duplicates: u64,
    /// Datagrams that claimed to be answers and were not, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Queries lost, in per cent.
    pub loss_percent: Option<f64>,
    /// The times from query to answer.
    pub rtt_ms: Option<Rtt>,
    /// How these vary.
    pub jitter_ms: Option<Jitter>,
    /// What the last query spent its time on, over a connection.
    pub phases_ms: Option<Phases>,
    /// What TLS showed; `null` without.
    pub tls: Option<Tls>,
    /// What HTTP said; `null` without.
    pub http: Option<Http>,
    /// What the signature of the answer is worth; `null` where the query has none.
    pub tsig: Option<TsigResult>,
    /// What came of a transfer of a zone; `null` where none was asked for.
    #[serde(serialize_with = "answers::shared")]
    #[schemars(with = "Option<Transferred>")]
    pub transfer: Option<Arc<Transferred>>,
    /// Why there is no answer.
    pub failure: Option<Failure>,
}

/// One way by which a name is looked up.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Step {
    /// What: `hosts`, `server`, `uplink` (a server of systemd-resolved) or `getaddrinfo`; `delegation`
    /// of one zone.
    pub step: String,
    /// The server's address and port.
    pub server: Option<String>,
    /// The server's name, where the zone above names it.
    pub name: Option<String>,
    /// The zone whose servers were asked.
    pub zone: Option<String>,
    /// What for, where a CNAME led there and all began at the root again.
    pub asked: Option<String>,
    /// What came of it: an outcome of a server; `no-entry`, `not-found`, `no-address` or
    /// `not-measured`.
    pub outcome: String,
    /// How long it took.
    pub rtt_ms: Option<f64>,
    /// The serial number of the zone there.
    pub serial: Option<u32>,
    /// The data of the records.
    pub answers: Vec<Presented>,
    /// It says something else than the first server that says anything.
    pub diverges: bool,
}

/// Where a message cannot be read, and the message.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Malformed {
    /// Where and why; `null` where it can be read and answers something else.
    #[serde(flatten)]
    pub broken: Option<Broken>,
    /// The whole message in hexadecimal digits.
    pub bytes: String,
}

/// Milliseconds of the parts of a query.
#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
pub struct Phases {
    /// To open the connection, which over QUIC is the handshake of TLS, too; 0 over one that was open.
    pub connect: f64,
    /// For the handshake of TLS; `null` without one of its own.
    pub tls: Option<f64>,
    /// From the request to the head of the answer by HTTP; `null` without.
    pub first_byte: Option<f64>,
    /// From the request to the end of the answer.
    pub request: f64,
    /// Whether it went over a connection that was open.
    pub reused: bool,
}

/// What HTTP said beside the message (RFC 8484).
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Http {
    /// `HTTP/3`, `HTTP/2`, `HTTP/1.1` or `HTTP/1.0`.
    pub version: String,
    /// `POST` or `GET`.
    pub method: String,
    /// What was asked for, without the query.
    #[schemars(with = "String")]
    pub url: Untrusted,
    /// The status (RFC 9110 section 15).
    pub status: u16,
    /// What the answer is, as it says.
    #[schemars(with = "Option<String>")]
    pub content_type: Option<Untrusted>,
    /// For how long it was kept on the way, in seconds: the times to live of its records count from then
    /// (RFC 8484 section 5.1), and are told as they came.
    pub age_s: Option<u64>,
    /// For how long it may be kept, in seconds.
    pub max_age_s: Option<u64>,
}

impl Target {
    /// What a question came to whose servers were asked one after the other: what the first of them
    /// said that said anything, else the last.
    #[must_use]
    pub fn decisive(&self) -> Option<&ServerResult> {
        let said = self.results.iter().find(|result| result.outcome.is_said());
        said.or_else(|| self.results.last())
    }

    /// Whether none of the records that a server sent is one of the name and class that were asked for.
    #[must_use]
    pub fn is_foreign(&self, result: &ServerResult) -> bool {
        let is_own = |record: &Record| is_of(record, &self.name, &self.class);
        !result.answers.is_empty() && !result.answers.iter().any(is_own)
    }

    /// What is odd about records that answer nothing.
    pub(crate) fn remark(&self, result: &ServerResult) -> Option<String> {
        match self.is_foreign(result) {
            true => Some("what it sent is of another name or class".to_owned()),
            false => Aliases::of(&self.name, &self.class, &result.answers).unfinished(),
        }
    }
}
