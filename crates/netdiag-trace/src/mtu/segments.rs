//! What a TCP connection tells of the path: the segment sizes that both ends offer, which middleboxes
//! lower.

use crate::Syn;
use netdiag_engine::Outcome;
use netdiag_engine::outcome::ReplyDetail;
use netdiag_engine::port::SegmentSizes;
use netdiag_engine::{ConnectSpec, ProbeKind, SynSpec};
use std::time::Duration;

/// How many connections are opened: a rule that lowers what is offered lowers it each time.
const CONNECTIONS: u64 = 2;
/// How long one may take, in timeouts of a probe.
pub(crate) const PATIENCE: u32 = 3;

/// The connections of one target.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    pub(crate) port: u16,
    asked: u64,
    open: u64,
    refused: u64,
    failed: u64,
    pub(crate) seen: Vec<SegmentSizes>,
    /// SYNs of our own, where there are such: their answers name the segment size itself.
    syn: Option<Syn>,
    exact: Vec<u16>,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A connection of the kernel's.
    Connection,
    /// A SYN of our own, from the port with this number.
    Syn(u8),
}

/// What became of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PortState {
    /// They opened.
    Open,
    /// They were reset: nothing is known of segment sizes.
    Closed,
    /// Nobody answered, or a router refused them.
    Filtered,
}

impl Segments {
    pub(crate) const fn new(port: u16, syn: Option<Syn>) -> Self {
        Self {
            port,
            asked: 0,
            open: 0,
            refused: 0,
            failed: 0,
            seen: Vec::new(),
            syn,
            exact: Vec::new(),
        }
    }

    /// What is sent next, if more is wanted; then it counts as begun. Connections come first; each SYN
    /// leaves from another port, so that none meets what another left half open.
    pub(crate) fn ask(&mut self) -> Option<Asked> {
        let asked = match (self.asked, self.syn) {
            (..CONNECTIONS, _) => Asked::Connection,
            (asked, Some(syn)) if asked < 2 * CONNECTIONS => {
                Asked::Syn(u8::try_from(asked).unwrap_or(0) % syn.ports.max(1))
            }
            _ => return None,
        };
        if self.refused > 0 {
            return None;
        }
        self.asked += 1;
        self.open += 1;
        Some(asked)
    }

    pub(crate) fn kind(&self, asked: Asked) -> ProbeKind {
        let port = self.port;
        match (asked, self.syn) {
            (Asked::Syn(flow), Some(syn)) => {
                ProbeKind::Syn(SynSpec { port, flow, mss: syn.mss, ecn: false })
            }
            _ => ProbeKind::Connect(ConnectSpec::to(port)),
        }
    }

    /// How many answers told a segment size.
    pub(crate) fn told(&self) -> usize {
        self.seen.len().max(self.exact.len())
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.open > 0
    }

    /// One of them ended; gives its round trip, where somebody answered.
    pub(crate) fn settle(&mut self, outcome: &Outcome) -> Option<Duration> {
        self.open = self.open.saturating_sub(1);
        match outcome {
            Outcome::Replied(reply) => {
                if let ReplyDetail::Segment(segment) = &reply.detail {
                    self.exact.extend(segment.offer.mss.filter(|_| segment.is_open()));
                }
                if let ReplyDetail::Connected { info: Some(info), .. } = &reply.detail {
                    self.seen.extend(info.sizes);
                }
                Some(reply.rtt)
            }
            Outcome::Refused(refusal) => {
                self.refused += 1;
                Some(refusal.rtt)
            }
            _ => {
                self.failed += 1;
                None
            }
        }
    }

    pub(crate) fn state(&self) -> Option<PortState> {
        match () {
            () if self.told() > 0 => Some(PortState::Open),
            () if self.refused > 0 => Some(PortState::Closed),
            () if self.failed > 0 => Some(PortState::Filtered),
            () => None,
        }
    }

    /// The segment size that this end offered: what the kernel tells is without the options that each
    /// segment carries.
    pub(crate) fn offered(&self) -> Option<u32> {
        self.seen.first().map(|sizes| sizes.advertised + options(sizes))
    }

    /// The segment size that the other end offered, as it came here, and whether it may have been
    /// larger. An answer to a SYN of ours names it. The kernel tells the size that it sends, which is the lesser of that and what its path
    /// MTU has room for, without the options that each segment carries (tcp_sync_mss in
    /// net/ipv4/tcp_output.c).
    pub(crate) fn received(&self, header: u32) -> Option<(u32, bool)> {
        if let Some(mss) = self.exact.iter().min() {
            return Some((u32::from(*mss), false));
        }
        let offered = self.seen.iter().map(|sizes| {
            let size = sizes.send + options(sizes);
            (size, size >= sizes.path_mtu.saturating_sub(header))
        });
        offered.min()
    }
}

/// Bytes of the options of each segment: of the timestamps (RFC 7323 section 3.2), and two of padding.
const fn options(sizes: &SegmentSizes) -> u32 {
    if sizes.timestamps { 12 } else { 0 }
}
