//! What to do: one target and how its path is asked for.

use crate::asn::Systems;
use crate::multipath;
use crate::protocol::Protocol;
use crate::spread::Spread;
use netdiag_engine::Pattern;
use netdiag_engine::port::Control;
use netdiag_model::{Destination, Way};
use std::time::Duration;

/// One path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The target's place in the run.
    pub target_index: usize,
    /// Where it goes.
    pub destination: Destination,
    /// What is sent.
    pub protocol: Protocol,
    /// Another kind of probe, where it can be sent: it is asked behind the last hop that answered, where
    /// the path seems to stop. Where as large ones are sent as pass it may be the same kind, which is
    /// small then.
    pub second: Option<Protocol>,
    /// Whether probes take another flow each, so that routers may balance them; else all take one.
    pub vary_flow: bool,
    /// The first hop that is asked; at least 1.
    pub first_ttl: u8,
    /// The last hop that is asked; at least `first_ttl`.
    pub max_ttl: u8,
    /// How many probes each hop gets; at least 1.
    pub queries: u64,
    /// How many hops beyond the farthest that answered are asked at once; at least 1.
    pub window: u8,
    /// After how many silent hops in a row it ends; at least 1.
    pub gap: u8,
    /// From one probe to a hop to the next one to it; `None`: as they are answered, and never faster
    /// than a router's default limit allows.
    pub interval: Option<Duration>,
    /// From one probe to the next one, to whatever hop.
    pub spacing: Duration,
    /// Cycles over the hops instead of so many queries to each.
    pub rounds: Option<Rounds>,
    /// After which time without an answer a probe is lost, as long as nothing farther has answered.
    pub timeout: Duration,
    /// After which time the trace ends, whatever is under way.
    pub deadline: Option<Duration>,
    /// Data bytes of a probe.
    pub size: u16,
    /// Probes are as large as passes: those that a router calls too big are sent again, smaller.
    pub finds_mtu: bool,
    /// What they are.
    pub pattern: Pattern,
    /// Whether routers must not fragment a probe, as far as that is known; IPv4 only.
    pub dont_fragment: Option<bool>,
    /// The source port of UDP probes and of SYNs, where known; with a varied flow the first.
    pub source_port: Option<u16>,
    /// All paths are looked for, not that of one flow.
    pub multipath: Option<multipath::Config>,
    /// TCP is probed by SYNs of our own, not by connections.
    pub syn: Option<Syn>,
    /// What travels with each packet; its hop limit is that of the hop.
    pub control: Control,
    /// The way that the packets take out of this machine, where known.
    pub way: Option<Way>,
    /// Whether each hop is told of as soon as it is known.
    pub tells_hops: bool,
    /// Whether the names of the hops are wanted.
    pub wants_names: bool,
    /// The autonomous systems of addresses, where the user has a file of them.
    pub systems: Option<Systems>,
    /// What the targets of a run that has several share, so that no router gets a burst.
    pub spread: Option<Spread>,
}

/// How SYNs are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syn {
    /// How many ports there are to vary the flow over, at least 1.
    pub ports: u8,
    /// The MSS that they offer, in bytes.
    pub mss: u16,
}

/// Cycles over the hops of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// From one cycle to the next one.
    pub interval: Duration,
    /// How many; `None`: until it is stopped.
    pub count: Option<u64>,
    /// How often the figures of all hops are told while it runs; `None`: not at all.
    pub figures: Option<Duration>,
}

/// How many hops beyond the farthest that answered are asked at once.
pub const WINDOW: u8 = 8;

/// Data bytes of a probe: a packet of 60 bytes (IPv4), 80 (IPv6).
pub const SIZE: u16 = 32;

impl Config {
    /// The defaults of `trace`: three echo requests to each of at most 30 hops.
    #[must_use]
    pub fn new(target_index: usize, destination: Destination) -> Self {
        Self {
            target_index,
            destination,
            protocol: Protocol::Icmp,
            second: None,
            vary_flow: false,
            first_ttl: 1,
            max_ttl: 30,
            queries: 3,
            window: WINDOW,
            gap: 8,
            interval: None,
            rounds: None,
            spacing: Duration::ZERO,
            timeout: Duration::from_secs(2),
            deadline: None,
            size: SIZE,
            finds_mtu: false,
            pattern: Pattern::COUNTING,
            dont_fragment: None,
            source_port: None,
            multipath: None,
            syn: None,
            control: Control::default(),
            way: None,
            tells_hops: true,
            wants_names: false,
            systems: None,
            spread: None,
        }
    }
}
