//! What the measurement tells while it runs.

use netdiag_engine::Outcome;
use netdiag_engine::outcome::{IcmpError, Rejection, Reply};
use netdiag_engine::port::Change;
use netdiag_engine::stats::Loss;
use netdiag_model::{Instant, Untrusted};
use std::net::IpAddr;
use std::time::Duration;

/// One thing that happened to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which target.
    pub target_index: usize,
    /// When it happened, by the measurement's stamp.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A probe left.
    Sent {
        /// Its number, from 1.
        seq: u64,
    },
    /// A probe ended.
    Probe(Settled),
    /// An answer came after the probe was given up.
    Late {
        /// The probe's number.
        seq: u64,
        /// The answer.
        reply: Reply,
    },
    /// A further answer came.
    Duplicate {
        /// The probe's number.
        seq: u64,
        /// The answer.
        reply: Reply,
    },
    /// A further host of a group answered.
    Further {
        /// The probe's number.
        seq: u64,
        /// The answer; after the timeout where its round trip says so.
        reply: Reply,
    },
    /// Something came that is no answer.
    Rejected {
        /// The number of the probe that it names, if it names one.
        seq: Option<u64>,
        /// What came.
        rejection: Rejection,
    },
    /// A redirect or a source quench: the probe lives on.
    Advice {
        /// The probe's number.
        seq: u64,
        /// The message.
        error: IcmpError,
    },
    /// An ICMP error came about a probe that had ended before.
    LateError {
        /// The probe's number.
        seq: u64,
        /// The message.
        error: IcmpError,
    },
    /// Probes began to be lost.
    OutageBegan {
        /// The number of the first one.
        first_seq: u64,
        /// Why it was lost.
        cause: Cause,
    },
    /// Probes are answered again, or the run is over.
    OutageEnded(Outage),
    /// The name of the target's address is known.
    Named(Untrusted),
    /// Another echo identifier is used, or that helped.
    Identifier(Identifier),
    /// Something about this machine changed.
    Changed(Change),
    /// The figures so far were asked for.
    Interim(Box<Interim>),
    /// Nothing more comes.
    Finished,
}

/// A probe that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was sent, or tried.
    pub sent_at: Instant,
    /// How it ended.
    pub outcome: Outcome,
}

/// What becomes of the echo identifier, which a NAT on the way may hold a dead mapping for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// The next probes have another one.
    Changed {
        /// So many probes in a row had no answer.
        timeouts: u64,
    },
    /// The first probe under the new one was answered, and none under the old.
    Helped {
        /// Its number.
        seq: u64,
    },
}

/// Why probes of an outage were not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing came in time.
    Timeout,
    /// An ICMP error: type, code, sender.
    Icmp(netdiag_model::IcmpKind, IpAddr),
    /// A TCP connection was refused.
    Refused,
    /// The error number of a send.
    Errno(i32),
}

/// A run of probes without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The number of the first one.
    pub first_seq: u64,
    /// When the first one was sent.
    pub started_at: Instant,
    /// From there to the first probe that was answered again.
    pub length: Duration,
    /// Probes lost in the network.
    pub lost: u64,
    /// Probes that never left this machine.
    pub local_errors: u64,
    /// What most of them met.
    pub cause: Cause,
    /// The run ended before it did.
    pub ongoing: bool,
}

/// The figures so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interim {
    /// The host.
    pub to: IpAddr,
    /// Probes that left.
    pub sent: u64,
    /// Probes answered in time.
    pub received: u64,
    /// The loss; `None` before the first has settled.
    pub loss: Option<Loss>,
    /// Smallest, mean, exponentially weighted mean (1/8) and largest round trip.
    pub rtt: Option<[Duration; 4]>,
}
