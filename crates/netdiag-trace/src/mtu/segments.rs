//! What a TCP connection tells of the path: the segment sizes that both ends offer, which middleboxes
//! lower.

use netdiag_engine::Outcome;
use netdiag_engine::outcome::ReplyDetail;
use netdiag_engine::port::SegmentSizes;
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
    pub(crate) const fn new(port: u16) -> Self {
        Self { port, asked: 0, open: 0, refused: 0, failed: 0, seen: Vec::new() }
    }

    /// Whether another connection is wanted; then it counts as begun.
    pub(crate) const fn ask(&mut self) -> bool {
        let wanted = self.asked < CONNECTIONS && self.refused == 0;
        if wanted {
            self.asked += 1;
            self.open += 1;
        }
        wanted
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.open > 0
    }

    /// One of them ended; gives its round trip, where somebody answered.
    pub(crate) fn settle(&mut self, outcome: &Outcome) -> Option<Duration> {
        self.open = self.open.saturating_sub(1);
        match outcome {
            Outcome::Replied(reply) => {
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
            () if !self.seen.is_empty() => Some(PortState::Open),
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
    /// larger. The kernel tells the size that it sends, which is the lesser of that and what its path
    /// MTU has room for, without the options that each segment carries (tcp_sync_mss in
    /// net/ipv4/tcp_output.c).
    pub(crate) fn received(&self, header: u32) -> Option<(u32, bool)> {
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
