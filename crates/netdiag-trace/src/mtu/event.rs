//! What the measurement tells while it runs.

use netdiag_engine::outcome::Rejection;
use netdiag_engine::port::Change;
use netdiag_model::Instant;
use serde::Serialize;
use std::net::IpAddr;
use std::time::Duration;

/// One thing that happened to one target.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which target.
    pub target_index: usize,
    /// When it happened, by the measurement's stamp.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// A packet of one size ended.
    Size(Settled),
    /// Something came that is no answer.
    Rejected(Rejection),
    /// Something about this machine changed.
    Changed(Change),
    /// How far it has come was asked for.
    Interim {
        /// Where the path leads.
        to: IpAddr,
        /// The largest packet that was answered, in bytes.
        passed: Option<u32>,
        /// Probes that left.
        sent: u64,
    },
    /// Nothing more comes.
    Finished,
}

/// A packet that ended.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// Its length in bytes, with the IP header.
    pub bytes: u32,
    /// Its hop limit, where it was to go no further than a hop.
    pub ttl: Option<u8>,
    /// What became of it.
    pub outcome: SizeOutcome,
    /// Who answered.
    pub from: Option<IpAddr>,
    /// The MTU that a message told of, in bytes.
    pub mtu: Option<u32>,
    /// From the packet to the answer.
    pub rtt: Option<Duration>,
}

/// What can become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SizeOutcome {
    /// The target, or the hop that it was to go to, answered.
    Passed,
    /// A router said that it is too big.
    TooBig,
    /// Nobody answered.
    Lost,
    /// A router said that it goes no further, for another reason.
    Refused,
    /// This machine did not send it.
    LocalError,
    /// This machine made it meaningless.
    Unknown,
}
