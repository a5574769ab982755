//! What the measurement tells while it runs.

use netdiag_engine::Outcome;
use netdiag_engine::outcome::{IcmpError, Rejection, Reply, ReplyDetail, Segment, Why};
use netdiag_engine::port::{Change, SendError};
use netdiag_model::{IcmpKind, Instant, StampSource};
use serde::Serialize;
use std::net::IpAddr;
use std::time::Duration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What is known of a port is known.
    Port(Row),
    /// What became of a single SYN, where that is told.
    Try(Try),
    /// An answer came after the SYN was given up, or once more.
    Again {
        /// The number of the address.
        target: u32,
        /// The port.
        port: u16,
        /// The number of the SYN, from 1.
        seq: u64,
        /// It had not been answered in time.
        late: bool,
        /// The answer.
        reply: Reply,
    },
    /// Something came that claims to be an answer and is none.
    Rejected {
        /// The number of the address that it is about, where that is known.
        target: Option<u32>,
        /// The number of the SYN, from 1, where it names one.
        seq: Option<u64>,
        /// What it was.
        rejection: Rejection,
    },
    /// Something about this machine changed.
    Changed(Instant, Change),
    /// How far the run has come was asked for.
    Interim(Instant, Progress),
    /// Nothing more comes.
    Finished(Instant),
}

/// A SYN that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// The number of the address.
    pub target: u32,
    /// The port.
    pub port: u16,
    /// The number of the SYN, from 1.
    pub seq: u64,
    /// When it left, or was tried.
    pub sent_at: Instant,
    /// From then to its end.
    pub took: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Ports of which is known what is known of them.
    pub done: u64,
    /// Those of them that are open.
    pub open: u64,
    /// SYNs that left.
    pub sent: u64,
}

/// A port of an address, settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of the address.
    pub target: u32,
    /// The port.
    pub port: u16,
    /// When it settled.
    pub at: Instant,
    /// What is known.
    pub found: Port,
}

/// What is known of a port of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// SYNs that left.
    pub sent: u8,
    /// Segments that answered one.
    pub received: u8,
    /// SYNs that ended without an answer, and those of them that this machine made meaningless.
    pub(super) ended: [u8; 2],
    /// One is under way.
    pub(super) in_flight: bool,
    /// The TTL of the answer to a SYN that was sent to see the first one again.
    pub(super) seen_again: Option<u8>,
    /// How it ended.
    pub ending: Option<Ending>,
}

/// How it ended with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The target answered, or somebody in its name.
    Answered(Answer),
    /// Somebody said by ICMP that it cannot be had.
    Icmp(Box<Said>),
    /// Nothing came.
    Silent,
    /// No SYN left this machine.
    Local(Box<SendError>),
    /// This machine made it meaningless.
    Unknown(Why),
}

/// A segment that answered a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub segment: Segment,
    /// From the SYN to it.
    pub rtt: Duration,
    /// Whose clock.
    pub stamp: StampSource,
    /// The TTL or hop limit it came with, where known.
    pub hop_limit: Option<u8>,
}

/// An ICMP error that answered a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Type and code.
    pub kind: IcmpKind,
    /// Who sent it.
    pub from: IpAddr,
    /// From the SYN to it.
    pub rtt: Duration,
    /// The TTL or hop limit it came with, where known.
    pub hop_limit: Option<u8>,
    /// It is from the address that the SYN was to leave from: it never left, nothing came back.
    pub is_own: bool,
}

/// What a port is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Somebody listens.
    Open,
    /// The host is up, nobody listens.
    Closed,
    /// Nobody answers, or a filter says that there is no such port.
    Filtered,
    /// A filter says that it may not be.
    Prohibited,
    /// A router or the host says that there is no way.
    Unreachable,
    /// No SYN left this machine.
    NotSent,
    /// This machine made every sample meaningless.
    Unknown,
    /// The run ended before it was known.
    Unsettled,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Closed,
        Self::Filtered,
        Self::Prohibited,
        Self::Unreachable,
        Self::NotSent,
        Self::Unknown,
        Self::Unsettled,
    ];

    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::Prohibited => "prohibited",
            Self::Unreachable => "unreachable",
            Self::NotSent => "not-sent",
            Self::Unknown => "unknown",
            Self::Unsettled => "unsettled",
        }
    }
}

impl Port {
    /// What it is, in a word.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.ending {
            Some(Ending::Answered(answer)) if answer.segment.is_open() => State::Open,
            Some(Ending::Answered(_)) => State::Closed,
            Some(Ending::Icmp(said)) if said.kind.is_prohibited() => State::Prohibited,
            // A host resets where nobody listens (RFC 9293 section 3.10.7.1): only a filter says this
            // of TCP.
            Some(Ending::Icmp(said)) if said.kind.is_port_unreachable() => State::Filtered,
            Some(Ending::Icmp(_)) => State::Unreachable,
            Some(Ending::Silent) => State::Filtered,
            Some(Ending::Local(_)) => State::NotSent,
            Some(Ending::Unknown(_)) => State::Unknown,
            None => State::Unsettled,
        }
    }

    /// The segment that answered.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match &self.ending {
            Some(Ending::Answered(answer)) => Some(answer),
            _ => None,
        }
    }
}

impl Answer {
    /// A reply that is one.
    pub(super) const fn of(reply: &Reply) -> Option<Self> {
        let ReplyDetail::Segment(segment) = reply.detail else { return None };
        let (rtt, stamp, hop_limit) = (reply.rtt, reply.stamp, reply.hop_limit);
        Some(Self { segment, rtt, stamp, hop_limit })
    }
}

impl Said {
    /// Of an error about a SYN from `source` to `to`.
    pub(super) fn of(error: &IcmpError, source: Option<IpAddr>, to: IpAddr) -> Self {
        let (kind, from, hop_limit) = (error.kind, error.from.address(), error.hop_limit);
        Self { kind, from, rtt: error.rtt, hop_limit, is_own: source == Some(from) && from != to }
    }
}

impl Ending {
    /// What the outcome of a SYN from `source` says of its port.
    pub(super) fn of(outcome: &Outcome, source: Option<IpAddr>, to: IpAddr) -> Self {
        match outcome {
            // No other reply answers a SYN.
            Outcome::Replied(reply) => Answer::of(reply).map_or(Self::Silent, Self::Answered),
            Outcome::TimedOut => Self::Silent,
            Outcome::NetError(error) => Self::Icmp(Box::new(Said::of(error, source, to))),
            Outcome::Refused(refusal) => Self::Local(Box::new(SendError::new(refusal.errno))),
            Outcome::LocalError(error) => Self::Local(Box::new(*error)),
            Outcome::Unknown(why) => Self::Unknown(*why),
        }
    }
}
