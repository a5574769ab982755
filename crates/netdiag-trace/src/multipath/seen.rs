//! What flows met at one hop.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// So often a flow is asked that is not answered where others are.
const TRIES: u64 = 3;

/// Who answers a flow at a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vertex {
    /// A router, or whoever goes no further.
    Node {
        /// Its address.
        address: IpAddr,
        /// It is the target, or passes nothing on.
        is_last: bool,
    },
    /// Nobody.
    Silent,
}

impl Vertex {
    /// Whether nothing is behind it.
    pub(crate) const fn is_last(self) -> bool {
        matches!(self, Self::Node { is_last: true, .. })
    }

    /// Its address, if it has one.
    pub(crate) const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Node { address, .. } => Some(address),
            Self::Silent => None,
        }
    }
}

/// What flows met at one hop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    flows: BTreeMap<u64, Asked>,
    has_answered: bool,
}

/// The probes of one flow to a hop.
#[derive(Clone, Debug, Default)]
struct Asked {
    open: u64,
    tried: u64,
    /// Who answered, in order.
    answers: Vec<Vertex>,
}

impl Seen {
    pub(super) fn on_asked(&mut self, flow: u64) {
        self.flows.entry(flow).or_default().open += 1;
    }

    pub(super) fn on_settled(&mut self, flow: u64, met: Option<Vertex>) {
        let asked = self.flows.entry(flow).or_default();
        asked.open = asked.open.saturating_sub(1);
        asked.tried += 1;
        asked.answers.extend(met);
        self.has_answered |= met.is_some();
    }

    /// Whether anybody answered at all.
    pub(super) const fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Whether a probe of it is under way.
    pub(super) fn is_open(&self, flow: u64) -> bool {
        self.flows.get(&flow).is_some_and(|asked| asked.open > 0)
    }

    /// How many probes are.
    pub(super) fn open(&self) -> u64 {
        self.flows.values().map(|asked| asked.open).sum()
    }

    /// Who answers a flow here: known once it was answered, or asked often enough.
    pub(super) fn vertex(&self, flow: u64) -> Option<Vertex> {
        let asked = self.flows.get(&flow)?;
        let tries = if self.has_answered { TRIES } else { 1 };
        let silent = (asked.open == 0 && asked.tried >= tries).then_some(Vertex::Silent);
        asked.answers.first().copied().or(silent)
    }

    /// The flows that were asked here.
    pub(super) fn flows(&self) -> impl Iterator<Item = u64> + '_ {
        self.flows.keys().copied()
    }

    /// How many probes of a flow have ended.
    pub(super) fn tried(&self, flow: u64) -> u64 {
        self.flows.get(&flow).map_or(0, |asked| asked.tried)
    }

    /// Whether a flow was never asked here, or not often enough.
    pub(super) fn may_ask(&self, flow: u64) -> bool {
        !self.is_open(flow) && self.vertex(flow).is_none()
    }

    /// The flows of which it is known who answers them.
    pub(super) fn known(&self) -> impl Iterator<Item = (u64, Vertex)> + '_ {
        self.flows.keys().filter_map(|flow| Some((*flow, self.vertex(*flow)?)))
    }

    /// Who answers here, each once: also those who answered a flow that others had answered before.
    pub(super) fn vertices(&self) -> BTreeSet<Vertex> {
        let again = self.flows.values().flat_map(|asked| asked.answers.iter().copied());
        self.known().map(|(_, vertex)| vertex).chain(again).collect()
    }

    /// Who answered a flow, in order.
    pub(super) fn answers(&self, flow: u64) -> &[Vertex] {
        self.flows.get(&flow).map_or(&[], |asked| &asked.answers)
    }

    /// Whether probes of one flow were answered by several: packets are balanced each for itself.
    pub(super) fn is_by_packet(&self) -> bool {
        self.flows.keys().any(|flow| self.differs(*flow))
    }

    /// Whether probes of this flow were.
    pub(super) fn differs(&self, flow: u64) -> bool {
        let answers = self.answers(flow);
        answers.iter().any(|it| Some(it) != answers.first())
    }
}
