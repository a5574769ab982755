//! What was found, as the JSON contract has it.
//!
//! A field once published stays.

mod convert;

use crate::answers::{IcmpProbe, IcmpTimestamp};
use crate::config::Cast;
use crate::protocol::Protocol;
use netdiag_model::contract::{Jitter, Method, ReplyTtl, Rtt};
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family, StampSource, Untrusted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

pub(crate) use convert::rejected_text;
pub use convert::{outage, probe};
pub use netdiag_engine::failure::probe_failure;
pub use netdiag_model::contract::{Context, OutcomeName};
pub(crate) use netdiag_model::way::initial_ttl;

/// One target of a ping.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Target {
    /// The target as it was given.
    #[schemars(with = "String")]
    pub target: Untrusted,
    /// The address that was probed; `null` when the name has none.
    pub address: Option<IpAddr>,
    /// The family of that address.
    pub family: Option<Family>,
    /// The name of that address, where it was asked for and known.
    #[schemars(with = "Option<String>")]
    pub hostname: Option<Untrusted>,
    /// To how many hosts a probe went: `unicast`, `multicast` or `broadcast`.
    pub cast: Cast,
    /// What was sent: `icmp`, `udp`, `tcp`, `tls`, `http`, `https`, `dns`, `icmp-timestamp` or `icmp-probe`.
    pub protocol: String,
    /// The destination port, of protocols that have one.
    pub port: Option<u16>,
    /// How this target was measured; `null` when it was not.
    pub method: Option<Method>,
    /// Probes that were tried: `sent + local_errors`.
    pub attempted: u64,
    /// Probes that left: `received + lost + net_errors + unknown + in_flight`.
    pub sent: u64,
    /// Probes answered in time.
    pub received: u64,
    /// Probes with nothing in time, and no error either.
    pub lost: u64,
    /// Answers after the timeout, to probes that stay lost.
    pub late: u64,
    /// Probes that an ICMP error answered.
    pub net_errors: u64,
    /// Probes that never left this machine.
    pub local_errors: u64,
    /// Probes that something on this machine made meaningless.
    pub unknown: u64,
    /// Probes under way when the run ended.
    pub in_flight: u64,
    /// Further answers to answered probes; of a group those of a host that had answered before.
    pub duplicates: u64,
    /// Answers out of order (RFC 4737 Type-P-Reordered).
    pub reordered: u64,
    /// Answers whose data differs from what was sent.
    pub corrupted: u64,
    /// Answers shorter than what was sent.
    pub truncated: u64,
    /// Packets that claimed to be answers and were not counted, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// (lost + net_errors) / (sent - unknown - in_flight), in per cent.
    pub loss_percent: Option<f64>,
    /// The 95 % Wilson interval of the loss, in per cent.
    pub loss_ci95_percent: Option<[f64; 2]>,
    /// Round-trip times.
    pub rtt_ms: Option<Rtt>,
    /// Where the percentiles come from.
    pub percentiles: Option<Percentiles>,
    /// Delay variation.
    pub jitter_ms: Option<Jitter>,
    /// TTL or hop limit of the replies.
    pub reply_ttl: Option<ReplyTtl>,
    /// Routers that the last reply passed: the guessed initial TTL less the reply's.
    pub hops_back: Option<u8>,
    /// The guess: the smallest of 32, 64, 128 and 255 that is not below the reply's TTL.
    pub initial_ttl_guess: Option<u8>,
    /// Hosts of a group that answered, those in `sources`; `null` for one host.
    pub responders: Option<u64>,
    /// The hosts of a group that answered, at most 1,024. The figures of the target count each probe
    /// once, by the first answer to it.
    pub sources: Vec<Source>,
    /// Answers of further hosts.
    pub sources_omitted: u64,
    /// ICMP errors and advice, by sender, type and code.
    pub icmp_errors: Vec<IcmpErrors>,
    /// Runs of probes without an answer, the last 10,000.
    pub outages: Vec<Outage>,
    /// Outages that are not in the list.
    pub outages_omitted: u64,
    /// Why there was no answer at all.
    pub failure: Option<Failure>,
    /// Single probes, the last 10,000.
    pub probes: Vec<Probe>,
    /// Probes that are not in the list.
    pub probes_omitted: u64,
    /// How often ten timeouts in a row made it take another echo identifier.
    pub identifier_changes: u64,
    /// How often that helped: the first probe under the new one was answered, and none under the
    /// old.
    pub identifier_changes_that_helped: u64,
    /// Probes that were never begun, since their time had passed, or nearly the next one's come,
    /// while this process did not run.
    pub skipped: u64,
    /// The state that was waited for; `null` where none was.
    pub goal: Option<Goal>,
}

/// A state of the target that a series was to end at.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Goal {
    /// Which.
    pub state: GoalState,
    /// How many probes in a row had to show it.
    pub wanted: u64,
    /// The most in a row that did.
    pub longest: u64,
    /// Whether it was reached.
    pub reached: bool,
    /// From the first probe until then.
    pub after_ms: Option<f64>,
}

/// A state of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GoalState {
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// Where percentiles come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Percentiles {
    /// Nearest rank over all samples.
    Exact,
    /// A histogram, with a relative error of at most 1 %.
    Histogram,
}

/// A host of a group that answered.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Source {
    /// Its address.
    pub from: IpAddr,
    /// Probes that it answered in time.
    pub received: u64,
    /// Probes that it answered after the timeout.
    pub late: u64,
    /// Its further answers to those.
    pub duplicates: u64,
    /// Its round trips.
    pub rtt_ms: Option<SourceRtt>,
    /// The TTL or hop limit of its last answer.
    pub ttl: Option<u8>,
}

/// Round trips of a host of a group.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct SourceRtt {
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
    /// The last.
    pub last: f64,
}

/// ICMP errors of one kind from one sender.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct IcmpErrors {
    /// Who sent them.
    pub from: IpAddr,
    /// The type field.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The code field.
    pub code: u8,
    /// The name of the two.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// A run of probes without an answer.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Outage {
    /// When its first probe was sent, UTC.
    pub started_at: String,
    /// From there to the first probe that was answered again, or to the end of the run.
    pub duration_ms: f64,
    /// Probes lost in the network.
    pub lost: u64,
    /// Probes that never left this machine.
    pub local_errors: u64,
    /// What most of them met: `timeout`, an ICMP error and its sender, or an errno.
    pub cause: String,
    /// Whether the run ended before it did.
    pub ongoing: bool,
}

/// One probe.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Probe {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was sent, UTC.
    pub sent_at: String,
    /// The same, since the start of the run.
    pub sent_offset_ms: f64,
    /// How it ended.
    pub outcome: OutcomeName,
    /// The round trip, of a reply or of an ICMP error.
    pub rtt_ms: Option<f64>,
    /// The round trip of an answer that came too late.
    pub late_rtt_ms: Option<f64>,
    /// Who answered.
    pub from: Option<IpAddr>,
    /// The TTL or hop limit of the answer.
    pub ttl: Option<u8>,
    /// Bytes of the answer: the ICMP message with its header.
    pub bytes: Option<u64>,
    /// Whether the answer is shorter than what was sent.
    pub truncated: bool,
    /// Whether the answer's data differs from what was sent.
    pub corrupted: bool,
    /// Further answers.
    pub duplicates: u64,
    /// Whose clock took the round trip.
    pub stamp: Option<StampSource>,
    /// The addresses that the record route option of the reply brought (RFC 791), where it was asked
    /// for and is there: the way there, and what of the way back there was room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_route: Option<Vec<Ipv4Addr>>,
    /// What the timestamp option of the reply brought, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_timestamps: Option<IpTimestamps>,
    /// The times of an ICMP timestamp reply, where such a request was sent and answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_timestamp: Option<IcmpTimestamp>,
    /// What the target says of an interface, where it was asked and answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_probe: Option<IcmpProbe>,
    /// Why there was no reply.
    pub failure: Option<Failure>,
    /// What a service answered, in a few words: `TLS 1.3`, `HTTP/1.1 200`, `NOERROR`.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Untrusted>,
}

/// What the timestamp option of a reply brought (RFC 791 section 3.1).
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct IpTimestamps {
    /// The stamps in the order they were written.
    pub stamps: Vec<IpTimestamp>,
    /// Routers that found no room, 0 to 15.
    pub unrecorded: u8,
}

/// One stamp of a router or host.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct IpTimestamp {
    /// Who wrote it, where that was asked for.
    pub address: Option<Ipv4Addr>,
    /// What was written: milliseconds since midnight UTC where it is standard.
    pub value: u32,
    /// Whether the highest bit of the field is not set: else the value has another meaning.
    pub standard: bool,
}

impl Target {
    /// A target of which nothing was measured, and why.
    #[must_use]
    pub fn unmeasured(
        target: Untrusted,
        destination: Option<Destination>,
        protocol: Protocol,
        failure: Option<Failure>,
    ) -> Self {
        Self {
            target,
            address: destination.map(Destination::address),
            family: destination.map(Destination::family),
            hostname: None,
            cast: Cast::Unicast,
            protocol: protocol.name().to_owned(),
            port: protocol.port(),
            method: None,
            attempted: 0,
            sent: 0,
            received: 0,
            lost: 0,
            late: 0,
            net_errors: 0,
            local_errors: 0,
            unknown: 0,
            in_flight: 0,
            duplicates: 0,
            reordered: 0,
            corrupted: 0,
            truncated: 0,
            rejected: BTreeMap::new(),
            loss_percent: None,
            loss_ci95_percent: None,
            rtt_ms: None,
            percentiles: None,
            jitter_ms: None,
            reply_ttl: None,
            hops_back: None,
            initial_ttl_guess: None,
            responders: None,
            sources: Vec::new(),
            sources_omitted: 0,
            icmp_errors: Vec::new(),
            outages: Vec::new(),
            outages_omitted: 0,
            failure,
            probes: Vec::new(),
            probes_omitted: 0,
            identifier_changes: 0,
            identifier_changes_that_helped: 0,
            skipped: 0,
            goal: None,
        }
    }
}
