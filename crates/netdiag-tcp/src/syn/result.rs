//! What was found, as the JSON contract has it.
//!
//! A field once published stays.

use super::event::{self, Ending, State};
use super::measurement::Measurement;
use netdiag_engine::failure::{local_failure, plain};
use netdiag_engine::outcome::Reason as Rejected;
use netdiag_engine::stats::RttStats;
use netdiag_model::contract::{Method, Options, Rtt};
use netdiag_model::failure::{Failure, IcmpSource, Stage};
use netdiag_model::way::hops_back;
use netdiag_model::{Family, Untrusted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// An address, and its ports.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Target {
    /// As it was given; an address of a network or range stands for itself.
    #[schemars(with = "String")]
    pub target: Untrusted,
    /// The address; `null` where there is none.
    pub address: Option<IpAddr>,
    /// Its family.
    pub family: Option<Family>,
    /// How it was measured; `null` when it was not.
    pub method: Option<Method>,
    /// SYNs that left.
    pub sent: u64,
    /// Segments that answered one.
    pub received: u64,
    /// Answers that came after the SYN was given up.
    pub late: u64,
    /// Answers that came again, but for those that a target repeats until it hears of us.
    pub duplicates: u64,
    /// What claimed to be an answer and was none, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// The ports, in the order given; none where nothing could be sent to it.
    pub ports: Vec<Port>,
    /// Why it could not be measured.
    pub failure: Option<Failure>,
}

/// A port.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Port {
    /// Its number.
    pub port: u16,
    /// What it is usually for.
    pub service: Option<&'static str>,
    /// What it is.
    pub state: State,
    /// What says so; `null` where the run ended before anything did.
    pub reason: Option<Reason>,
    /// SYNs that left.
    pub sent: u64,
    /// Segments that answered one.
    pub received: u64,
    /// From the SYN to the answer, of whatever kind.
    pub rtt_ms: Option<Rtt>,
    /// The TTL or hop limit that the answer came with.
    pub reply_ttl: Option<u8>,
    /// Routers that it passed on its way back: the guessed initial TTL less that one.
    pub hops_back: Option<u8>,
    /// The window of a SYN-ACK in bytes, not scaled.
    pub window: Option<u16>,
    /// The options of a SYN-ACK.
    pub options: Option<Options>,
    /// The ICMP error that answered, and who sent it.
    pub icmp: Option<IcmpSource>,
    /// What this machine did, where that is why nothing is known.
    pub failure: Option<Failure>,
}

/// What says what a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A SYN-ACK.
    SynAck,
    /// A reset.
    Rst,
    /// That nothing came.
    NoResponse,
    /// An ICMP error.
    Icmp,
    /// This machine did not send.
    LocalError,
    /// This machine made it meaningless.
    Unknown,
}

impl Reason {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SynAck => "syn-ack",
            Self::Rst => "rst",
            Self::NoResponse => "no-response",
            Self::Icmp => "icmp",
            Self::LocalError => "local-error",
            Self::Unknown => "unknown",
        }
    }
}

impl Measurement {
    /// What came and fits no SYN, by why not, of all addresses.
    #[must_use]
    pub fn rejected(&self) -> BTreeMap<String, u64> {
        let mut all = self.totals.rejected.clone();
        for (reason, count) in self.strays.values().flat_map(|strays| &strays.rejected) {
            *all.entry(*reason).or_default() += count;
        }
        Rejected::named(&all)
    }

    /// What was found of an address, so far or in the end; `method`: how it was measured.
    #[must_use]
    pub fn result(&self, number: u32, method: &Method) -> Option<Target> {
        let target = self.config.target(number)?;
        let destination = target.destination();
        let failure = self.config.refusal(&target).cloned();
        let strays = self.strays.get(&number);
        let ports: Vec<Port> = self.of_target(number).map(|(n, port)| Port::new(n, port)).collect();
        let rejected = strays.map(|strays| Rejected::named(&strays.rejected));
        Some(Target {
            target: target.text(),
            address: destination.map(|to| to.address()),
            family: destination.map(|to| to.family()),
            method: failure.is_none().then(|| method.clone()),
            sent: ports.iter().map(|port| port.sent).sum(),
            received: ports.iter().map(|port| port.received).sum(),
            late: strays.map_or(0, |strays| strays.late),
            duplicates: strays.map_or(0, |strays| strays.duplicates),
            rejected: rejected.unwrap_or_default(),
            ports,
            failure,
        })
    }
}

impl Port {
    /// A port as the contract has it.
    #[must_use]
    pub fn new(number: u16, port: &event::Port) -> Self {
        let answer = port.answer();
        let icmp = match &port.ending {
            Some(Ending::Icmp(said)) => Some(said),
            _ => None,
        };
        // What this machine says itself has made no trip.
        let from_afar = icmp.filter(|said| !said.is_own);
        let ttl = answer.map(|answer| answer.hop_limit);
        let ttl = ttl.or_else(|| from_afar.map(|said| said.hop_limit)).flatten();
        let rtt = answer.map(|answer| answer.rtt).or_else(|| from_afar.map(|said| said.rtt));
        let offer = answer.map(|answer| answer.segment).filter(|segment| segment.is_open());
        Self {
            port: number,
            service: crate::services::name(number),
            state: port.state(),
            reason: port.ending.as_ref().map(reason),
            sent: port.sent.into(),
            received: port.received.into(),
            rtt_ms: rtt.and_then(only),
            reply_ttl: ttl,
            hops_back: ttl.map(hops_back),
            window: offer.map(|segment| segment.window),
            options: offer.and_then(|segment| segment.options()),
            icmp: icmp.map(|said| IcmpSource::new(said.kind, said.from)),
            failure: failure(port),
        }
    }
}

fn reason(ending: &Ending) -> Reason {
    match ending {
        Ending::Answered(answer) if answer.segment.is_open() => Reason::SynAck,
        Ending::Answered(_) => Reason::Rst,
        Ending::Silent => Reason::NoResponse,
        Ending::Icmp(_) => Reason::Icmp,
        Ending::Local(_) => Reason::LocalError,
        Ending::Unknown(_) => Reason::Unknown,
    }
}

fn failure(port: &event::Port) -> Option<Failure> {
    match &port.ending {
        Some(Ending::Local(error)) => Some(local_failure(error)),
        Some(Ending::Unknown(why)) => Some(plain(Stage::Request, why.name(), why.meaning())),
        _ => None,
    }
}

/// The figures of a single round trip.
fn only(rtt: Duration) -> Option<Rtt> {
    let mut stats = RttStats::new();
    stats.record(rtt);
    stats.summary().map(Rtt::from)
}
