//! What was found, as the JSON contract has it.
//!
//! A field once published stays.

mod convert;
mod cycles;
mod links;

pub use crate::end::StopReason;
pub use crate::multipath::Graph;
pub use crate::protocol::State;
pub use crate::responder::{Field, Value};
pub use netdiag_model::contract::{Context, Options, OutcomeName};

use crate::protocol::Protocol;
use netdiag_model::contract::{Jitter, Method, Rtt};
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family, Untrusted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One target of a trace.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Target {
    /// The target as it was given.
    #[schemars(with = "String")]
    pub target: Untrusted,
    /// The address that was traced; `null` when the name has none.
    pub address: Option<IpAddr>,
    /// The family of that address.
    pub family: Option<Family>,
    /// What was sent: `icmp`, `udp` or `tcp`.
    pub protocol: String,
    /// The destination port, of protocols that have one; with a varied flow the first.
    pub port: Option<u16>,
    /// Whether all probes took one flow, so that they went one way.
    pub flow: Flow,
    /// How this target was measured; `null` when it was not.
    pub method: Option<Method>,
    /// Whether the target itself answered.
    pub reached: bool,
    /// The TTL that reached it.
    pub hop_count: Option<u8>,
    /// Why nothing further was asked; `null` of a target that was not traced.
    pub stop_reason: Option<StopReason>,
    /// Rounds over the hops: probes that each hop gets. Of a silent one some may be left out.
    pub cycles: u64,
    /// What the target said; `null` where it said nothing.
    #[serde(rename = "final")]
    pub last: Option<Final>,
    /// The hops of the path, nearest first.
    pub hops: Vec<Hop>,
    /// The paths that were seen: one, with a constant flow. Of all paths those that one flow each was
    /// seen on wherever flows part, at most 64.
    pub paths: Vec<Path>,
    /// Probes that went past the end of the path before that was known, or by another kind to know
    /// that it is the end; no hop has them.
    pub sent_beyond: u64,
    /// Round trips by this process's clock instead of the kernel's: its delays are inside.
    pub user_stamps: u64,
    /// Packets that claimed to be answers and were not counted, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Why the target was not reached.
    pub failure: Option<Failure>,
    /// Earlier paths while it was looked at for long, oldest first; `hops` are those of the last one.
    pub epochs: Vec<Epoch>,
    /// So many older ones were dropped.
    pub epochs_omitted: u64,
    /// Cycles that were left out because this process did not run.
    pub cycles_missed: u64,
    /// All paths, where they were looked for (`--multipath`).
    pub graph: Option<Graph>,
}

/// A path that was taken until another one was.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Epoch {
    /// When it was first seen, in milliseconds from the start of the run.
    pub from_ms: f64,
    /// When the next one was.
    pub to_ms: f64,
    /// Whether the target answered.
    pub reached: bool,
    /// The TTL that reached it.
    pub hop_count: Option<u8>,
    /// Its hops.
    pub hops: Vec<Hop>,
    /// What showed the next one.
    pub change: PathChange,
}

/// What showed that the path is another one.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct PathChange {
    /// The hop.
    pub ttl: u8,
    /// Who answered there before.
    pub before: Option<IpAddr>,
    /// Who does since.
    pub after: IpAddr,
    /// What those answers mean: `router`, `target` or `refused`.
    pub after_role: String,
    /// When its first probe was sent, in milliseconds from the start of the measurement.
    pub at_ms: f64,
}

/// Whether probes differ in what routers balance by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// They do not.
    Constant,
    /// They do.
    Varied,
}

/// What the target said.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Final {
    /// `echo-reply`, `port-unreachable`, `open`, `closed` or `filtered`: of TCP also where nobody
    /// answered.
    pub state: State,
    /// The TTL or hop limit of its last answer.
    pub reply_ttl: Option<u8>,
    /// Its last answer, of an ICMP error.
    pub icmp: Option<Icmp>,
    /// The flags of the segment that answered a SYN, such as `SYN+ACK`; `null` where the kernel opened
    /// a connection, which does not tell.
    pub flags: Option<String>,
    /// The window of that segment in bytes, not scaled.
    pub window: Option<u16>,
    /// What the target offered, of an open port.
    pub options: Option<Options>,
}

/// One hop.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Hop {
    /// The TTL or hop limit of its probes.
    pub ttl: u8,
    /// Probes that left: `received + lost + net_errors + unknown + in_flight`.
    pub sent: u64,
    /// Probes answered in time: every ICMP error is the answer of its hop.
    pub received: u64,
    /// Probes with nothing in time.
    pub lost: u64,
    /// Answers after that, to probes that stay lost.
    pub late: u64,
    /// Further answers to answered probes.
    pub duplicates: u64,
    /// Always 0 in a trace, where an ICMP error is an answer.
    pub net_errors: u64,
    /// Probes that never left this machine.
    pub local_errors: u64,
    /// Probes that something on this machine made meaningless.
    pub unknown: u64,
    /// Probes under way when the run ended.
    pub in_flight: u64,
    /// lost / (sent - unknown - in_flight), in per cent; `null` also of a target that answers by ICMP
    /// errors and was asked faster than hosts send those: what it did not answer is no loss.
    pub loss_percent: Option<f64>,
    /// The 95 % Wilson interval of the loss, in per cent.
    pub loss_ci95_percent: Option<[f64; 2]>,
    /// The loss that this hop adds to what the answering hop before it lets pass; `null` where either
    /// has fewer than 20 probes, or a limit of its answers is all there is.
    pub link_loss_percent: Option<f64>,
    /// Round-trip times of all responders.
    pub rtt_ms: Option<Rtt>,
    /// Delay variation.
    pub jitter_ms: Option<Jitter>,
    /// What this hop itself loses of what passes it: its loss without that of its way. `null` where
    /// fewer than 20 probes tell.
    pub node_loss_percent: Option<f64>,
    /// Whether `link_loss_percent` is more than chance makes of the loss before it, by 95 % intervals;
    /// `null` where it is 0 or not known.
    pub link_loss_is_proven: Option<bool>,
    /// Whether `node_loss_percent` is more than chance makes of the loss behind it, likewise.
    pub node_loss_is_proven: Option<bool>,
    /// `false`: what it loses is only a limit of its answers, since a hop behind it loses less, or since
    /// the target answers by ICMP errors, which hosts limit; `null`: that is not known.
    pub loss_is_forwarding: Option<bool>,
    /// The geometric mean of the round trips.
    pub gmean_ms: Option<f64>,
    /// Geometric mean and jitter as mtr 0.95 computes them, in whole microseconds.
    pub mtr_ms: Option<Mtr>,
    /// Who answered, in the order of their first answers.
    pub responders: Vec<Responder>,
    /// The largest packet that came as far, in bytes, where as large ones were sent as pass (`--mtu`);
    /// `null` behind a router that says less than it lets pass.
    pub mtu: Option<u32>,
    /// What came for this hop and is no answer of it, the last of its kind.
    pub uncounted: Option<Uncounted>,
}

/// What came for a hop and does not count: too late, or a "too big" that cannot be true.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Uncounted {
    /// Who sent it.
    pub address: IpAddr,
    /// Its round trip in milliseconds, of what came too late.
    pub rtt_ms: Option<f64>,
    /// Its mark, of a "too big" that cannot be true, with the MTU that it names.
    pub mark: Option<String>,
}

/// Figures by the formulas of mtr 0.95, which cut each step off to a whole microsecond.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Mtr {
    /// A: the mean.
    pub mean: f64,
    /// V: the deviation, 0 of a single sample.
    pub stddev: f64,
    /// G: the geometric mean.
    pub gmean: f64,
    /// J: between the last two answers, 0 before the second.
    pub jitter: f64,
    /// M: the mean of J over all answers, the first one's 0 among them.
    pub jitter_mean: f64,
    /// X: the largest J.
    pub jitter_max: f64,
    /// I: sixteen times the interarrival jitter of RFC 3550.
    pub jitter_interarrival: f64,
}

/// One that answered at a hop.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Responder {
    /// Its address.
    pub address: IpAddr,
    /// Its name, where it was asked for and known.
    #[schemars(with = "Option<String>")]
    pub hostname: Option<Untrusted>,
    /// The autonomous system of its address, where a local file tells it.
    pub asn: Option<u32>,
    /// Probes that it answered in time.
    pub received: u64,
    /// Their round trips.
    pub rtt_ms: Option<Rtt>,
    /// The TTL or hop limit of its last answer.
    pub reply_ttl: Option<u8>,
    /// Routers that it passed on its way back: the guessed initial TTL less that one.
    pub hops_back: Option<u8>,
    /// Its last answer, of an ICMP error.
    pub icmp: Option<Icmp>,
    /// The mark of traceroute, such as `!H`; `null` for a router that passes packets on.
    pub mark: Option<String>,
    /// The TTL that our packet had there; 1 where it ran out.
    pub quoted_ttl: Option<u8>,
    /// The MPLS labels that our packet came with (RFC 4950), outermost first.
    pub mpls: Vec<Mpls>,
    /// What it tells of its interfaces (RFC 5837).
    pub interfaces: Vec<Interface>,
    /// Extension objects that mean nothing to us.
    pub unknown_objects: Vec<UnknownObject>,
    /// What is wrong with its extensions, where they contradict themselves.
    pub malformed_extensions: Option<String>,
    /// Whether it saw another source than ours; `null` where no translation was seen.
    pub nat: Option<bool>,
    /// The MTU that it told of.
    pub mtu: Option<u32>,
    /// Fields of our packet that it saw otherwise than they were sent.
    pub changed: Vec<Changed>,
}

/// An ICMP message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Icmp {
    /// The type field.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The code field.
    pub code: u8,
    /// The name of the two.
    pub name: String,
}

/// One MPLS label stack entry (RFC 3032).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Mpls {
    /// The label.
    pub label: u32,
    /// The traffic class.
    pub tc: u8,
    /// Whether it is the last of the stack.
    pub bottom: bool,
    /// The time to live.
    pub ttl: u8,
}

/// An interface of a router.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Interface {
    /// `incoming`, `sub-ip`, `outgoing` or `next-hop`.
    pub role: String,
    /// Its number.
    pub index: Option<u32>,
    /// Its name.
    #[schemars(with = "Option<String>")]
    pub name: Option<Untrusted>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its MTU.
    pub mtu: Option<u32>,
}

/// An extension object as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct UnknownObject {
    /// Its class (RFC 4884 section 8).
    pub class: u8,
    /// Its type within the class.
    #[serde(rename = "type")]
    pub kind: u8,
    /// What follows its header, in hexadecimal.
    pub data: String,
}

/// A field that was changed on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Changed {
    /// Which.
    pub field: Field,
    /// As it was sent.
    pub sent: Value,
    /// As it was quoted.
    pub quoted: Value,
    /// In how many answers.
    pub count: u64,
}

/// One way to the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Path {
    /// Which flow takes it: a constant one is the first.
    pub flow: u64,
    /// Who answered at each hop from the first on; `null` where nobody did.
    pub addresses: Vec<Option<IpAddr>>,
}

impl Target {
    /// A target that was not traced: its name has no address, or no socket reaches it.
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
            protocol: protocol.name().to_owned(),
            port: protocol.port(),
            flow: Flow::Constant,
            method: None,
            reached: false,
            hop_count: None,
            stop_reason: None,
            cycles: 0,
            last: None,
            hops: Vec::new(),
            paths: Vec::new(),
            sent_beyond: 0,
            user_stamps: 0,
            rejected: BTreeMap::new(),
            failure,
            epochs: Vec::new(),
            epochs_omitted: 0,
            cycles_missed: 0,
            graph: None,
        }
    }
}
