//! All paths to a target: the Multipath Detection Algorithm.
//!
//! "Multipath tracing with Paris traceroute" (B. Augustin, T. Friedman, R. Teixeira, E2EMON 2007) and
//! "Failure control in multipath route tracing" (D. Veitch, B. Augustin, R. Teixeira, T. Friedman,
//! INFOCOM 2009). First a trace with one flow finds how far it is. Then, hop by hop, each router's next
//! hops are looked for by flows that are known to pass it, until one next hop more than were found
//! would have been met with the stated confidence, all next hops being equally likely (`stops.rs`).
//! Where flows part, one of them is sent again: a router that balances by flow sends it the same way
//! each time, one that balances by packet does not.
//!
//! Where a hop has one router only every flow is taken to pass it. Behind routers that balance by
//! packet no flow passes one of them for sure: they are looked at as one.

mod explore;
mod findings;
mod graph;
mod seen;
mod stops;

pub use graph::{Balancer, Balancing, Graph, Link, Node};
pub use stops::Confidence;

pub(crate) use seen::Vertex;

use seen::Seen;

use std::collections::BTreeMap;

/// How all paths are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How sure it must be that a router has no further next hop.
    pub confidence: Confidence,
    /// The most probes that a hop gets.
    pub most: u64,
    /// How many flows there are.
    pub flows: u64,
}

/// How far the search has come.
#[derive(Clone, Debug)]
pub(crate) struct Multipath {
    config: Config,
    /// After how many flows there is no further next hop: of one known, of two ...
    stops: Vec<u64>,
    /// What each flow met at each hop.
    hops: BTreeMap<u8, Seen>,
    /// Hops that a probe was lost at although somebody answers there.
    limits: BTreeMap<u8, Limit>,
    /// The path of one flow is known, and the search goes on from there.
    pub(crate) is_searching: bool,
    /// Nothing more is asked.
    pub(crate) is_done: bool,
    /// The farthest hop that was asked in the search.
    pub(crate) farthest: u8,
    /// What kept it from asking on.
    pub(crate) cut: Option<Cut>,
}

/// Why a probe was lost at a hop where somebody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// The hop may limit its answers: it is asked slowly; the flow that it was asked by last.
    Suspected(Option<u64>),
    /// What was asked slowly was lost, too: somebody there is silent.
    Refuted,
}

/// What keeps a search from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// A hop got as many probes as it may.
    ProbeCap,
    /// There are no more flows.
    Flows,
    /// The run was ended.
    Interrupted,
}

impl Multipath {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            stops: stops::stops(config.confidence, config.most),
            config,
            hops: BTreeMap::new(),
            limits: BTreeMap::new(),
            is_searching: false,
            is_done: false,
            farthest: 0,
            cut: None,
        }
    }

    /// A probe begins.
    pub(crate) fn on_asked(&mut self, ttl: u8, flow: u64) {
        if self.is_searching {
            self.farthest = self.farthest.max(ttl);
        }
        if let Some(Limit::Suspected(asked)) = self.limits.get_mut(&ttl) {
            *asked = Some(flow);
        }
        self.hops.entry(ttl).or_default().on_asked(flow);
    }

    /// A probe ended; `lost`: with nothing in time.
    pub(crate) fn on_settled(&mut self, ttl: u8, flow: u64, met: Option<Vertex>, lost: bool) {
        let hop = self.hops.entry(ttl).or_default();
        if lost && hop.has_answered() && self.is_searching {
            let limit = self.limits.entry(ttl).or_insert(Limit::Suspected(None));
            if *limit == Limit::Suspected(Some(flow)) {
                *limit = Limit::Refuted;
            }
        }
        hop.on_settled(flow, met);
    }

    /// A hop was asked anew: what was sent before says nothing.
    pub(crate) fn forget(&mut self, ttl: u8) {
        self.hops.remove(&ttl);
    }

    /// Whether a hop seems to limit its answers.
    pub(crate) fn is_limited(&self, ttl: u8) -> bool {
        matches!(self.limits.get(&ttl), Some(Limit::Suspected(_)))
    }

    /// Whether one of several routers of a hop is silent.
    pub(crate) fn is_partly_silent(&self, ttl: u8) -> bool {
        let vertices = self.at(ttl).map(Seen::vertices).unwrap_or_default();
        vertices.len() > 1 && vertices.contains(&Vertex::Silent)
    }

    /// What is known of a hop.
    fn at(&self, ttl: u8) -> Option<&Seen> {
        self.hops.get(&ttl)
    }

    /// How many flows rule out one next hop more than these; `None`: more than may be asked.
    fn stop(&self, known: usize) -> Option<u64> {
        self.stops.get(known.max(1) - 1).copied()
    }
}
