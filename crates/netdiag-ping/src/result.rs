//! What was found, as the JSON contract has it.
//!
//! A field once published stays.

mod convert;

use crate::protocol::Protocol;
use netdiag_model::contract::{Jitter, Method, ReplyTtl, Rtt};
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family, StampSource, Untrusted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(crate) use convert::initial_ttl;
pub use convert::{Context, outage, probe, probe_failure};

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
    /// What was sent: `icmp`, `udp` or `tcp`.
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
    /// Further answers to answered probes.
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

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeName {
    /// An answer came in time.
    Reply,
    /// Nothing came in time.
    Timeout,
    /// An ICMP error, or a refusal.
    NetError,
    /// It never left this machine.
    LocalError,
    /// Something on this machine made it meaningless.
    Unknown,
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
    /// Why there was no reply.
    pub failure: Option<Failure>,
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
            icmp_errors: Vec::new(),
            outages: Vec::new(),
            outages_omitted: 0,
            failure,
            probes: Vec::new(),
            probes_omitted: 0,
            identifier_changes: 0,
            identifier_changes_that_helped: 0,
        }
    }
}
