//! What the measurement tells while it runs.

use crate::protocol::Answer;
use crate::result;
use netdiag_engine::outcome::{IcmpError, Rejection};
use netdiag_engine::port::{Change, Console};
use netdiag_model::Instant;
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
    /// One probe of one hop ended.
    Reply(Settled),
    /// A hop as it stands; nothing more comes of it. They come in the order of the path.
    Hop(Box<result::Hop>),
    /// An answer came after its probe was given up.
    Late(Stray),
    /// A further answer came.
    Duplicate(Stray),
    /// Something came that is no answer.
    Rejected {
        /// The hop and the number of the probe that it names, if it names one.
        probe: Option<(u8, u64)>,
        /// What came.
        rejection: Rejection,
    },
    /// A redirect or a source quench: the probe lives on.
    Advice {
        /// The hop.
        ttl: u8,
        /// The number of the probe in it.
        query: u64,
        /// The message.
        error: IcmpError,
    },
    /// Something about this machine changed.
    Changed(Change),
    /// How far it has come was asked for.
    Interim(Interim),
    /// The path is another one since a while; its figures begin anew.
    PathChanged(result::PathChange),
    /// The figures of all hops as they stand.
    Figures(Box<Figures>),
    /// Somebody did something at the terminal. What it means for the measurement was done.
    Console(Console),
    /// Nothing more comes.
    Finished,
}

/// The figures of all hops as they stand.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The cycle that is under way, from 1.
    pub cycle: u64,
    /// Nothing is sent.
    pub paused: bool,
    /// Whether the target answers.
    pub reached: bool,
    /// Earlier paths.
    pub epochs: u64,
    /// The hops, with what is under way.
    pub hops: Vec<result::Hop>,
}

/// A probe that ended.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Its hop.
    pub ttl: u8,
    /// Its number in the hop, or the cycle that it belongs to; from 1.
    pub query: u64,
    /// How it ended.
    pub outcome: result::OutcomeName,
    /// Who answered, and what.
    pub answer: Option<Answer>,
}

/// An answer that counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The hop of the probe.
    pub ttl: u8,
    /// The probe's number in the hop.
    pub query: u64,
    /// Who answered.
    pub from: IpAddr,
    /// From the probe to the answer.
    pub rtt: Duration,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interim {
    /// Where the path leads.
    pub to: IpAddr,
    /// The farthest hop that answered.
    pub farthest: u8,
    /// Probes that left.
    pub sent: u64,
    /// Probes answered in time.
    pub received: u64,
}
