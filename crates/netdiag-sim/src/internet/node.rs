//! A node: its addresses, its manners, its state.

use super::nat::Translations;
use crate::scenario::{
    DnsServer, ForgedReply, Here, IcmpManners, Limit, Node as NodeFile, NodeInterface, NodeKind,
    NodeNeighbor, NodeState, Prefix, Refusal,
};
use netdiag_model::Family;
use std::net::IpAddr;

/// A router, a host, or here.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) state: NodeState,
    pub(super) manners: IcmpManners,
    pub(super) tcp_open: Vec<u16>,
    pub(super) tcp_silent: Vec<u16>,
    pub(super) tcp_mss: u16,
    pub(super) udp_echo: Vec<u16>,
    pub(super) udp_silent: Vec<u16>,
    pub(super) dns: Option<DnsServer>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) replies: Vec<ForgedReply>,
    pub(super) interfaces: Vec<NodeInterface>,
    pub(super) neighbors: Vec<NodeNeighbor>,
    /// For each of `replies`, how many requests it has seen.
    pub(super) requests: Vec<u64>,
    /// The first echo identifier that it saw, and how often.
    first: Option<(u16, u64)>,
    addresses: Vec<Prefix>,
    /// Of the errors, by family, and of the echo replies.
    buckets: [Bucket; 4],
    identification: u16,
    /// Whose packets it gave its own address.
    pub(super) translations: Translations,
}

/// What a host on an Ethernet offers.
const MSS: u16 = 1_460;

/// What a token bucket limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limited {
    Errors,
    Echoes,
}

impl Node {
    pub(super) fn here(here: &Here) -> Self {
        let addresses = here.ipv4.iter().chain(&here.ipv6);
        let addresses = addresses.map(|prefix| Prefix::host(prefix.address)).collect();
        Self::with(NodeKind::Host, addresses, IcmpManners::default())
    }

    pub(super) fn new(file: &NodeFile) -> Self {
        let addresses = file.ipv4.iter().chain(&file.ipv6).copied().collect();
        Self {
            tcp_open: file.tcp_open.clone(),
            tcp_silent: file.tcp_silent.clone(),
            tcp_mss: file.tcp_mss.unwrap_or(MSS),
            udp_echo: file.udp_echo.clone(),
            udp_silent: file.udp_silent.clone(),
            dns: file.dns.clone(),
            refusals: file.refusals.clone(),
            replies: file.replies.clone(),
            interfaces: file.interfaces.clone(),
            neighbors: file.neighbors.clone(),
            requests: vec![0; file.replies.len()],
            ..Self::with(file.kind, addresses, file.icmp.clone())
        }
    }

    fn with(kind: NodeKind, addresses: Vec<Prefix>, manners: IcmpManners) -> Self {
        let errors = Bucket::new(manners.limit);
        let echoes = Bucket::new(manners.echo_limit);
        Self {
            kind,
            state: NodeState::Up,
            manners,
            tcp_open: Vec::new(),
            tcp_silent: Vec::new(),
            tcp_mss: MSS,
            udp_echo: Vec::new(),
            udp_silent: Vec::new(),
            dns: None,
            refusals: Vec::new(),
            replies: Vec::new(),
            interfaces: Vec::new(),
            neighbors: Vec::new(),
            requests: Vec::new(),
            first: None,
            addresses,
            buckets: [errors, errors, echoes, echoes],
            identification: 0,
            translations: Translations::default(),
        }
    }

    /// The addresses that it owns.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &Prefix> {
        self.addresses.iter()
    }

    /// Whether an address is one of its own.
    pub(super) fn owns(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|prefix| prefix.contains(address))
    }

    /// The address its errors about a packet to `destination` come from.
    pub(super) fn speaks_as(&self, destination: IpAddr) -> Option<IpAddr> {
        let family = Family::of(destination);
        let configured = match family {
            Family::Ipv4 => self.manners.source_ipv4.map(IpAddr::V4),
            Family::Ipv6 => self.manners.source_ipv6.map(IpAddr::V6),
        };
        let own = || self.owns(destination).then_some(destination);
        let first = || self.addresses.iter().find(|p| p.family() == family).map(|p| p.address);
        configured.or_else(own).or_else(first)
    }

    /// The TTL or hop limit of what it sends.
    pub(super) fn initial_ttl(&self) -> u8 {
        self.manners.initial_ttl.unwrap_or(64)
    }

    /// The identification of its next IPv4 packet.
    pub(super) const fn next_identification(&mut self) -> u16 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }

    /// Whether a dead mapping keeps requests with this identifier from it; counts this one.
    pub(super) fn is_stuck(&mut self, identifier: u16) -> bool {
        let Some(most) = self.manners.stuck_after else { return false };
        let (first, seen) = self.first.get_or_insert((identifier, 0));
        if *first != identifier {
            return false;
        }
        *seen += 1;
        *seen > most
    }

    /// Whether its limits let one more go.
    pub(super) fn may_send(&mut self, what: Limited, family: Family, now: u64) -> bool {
        let index = match (what, family) {
            (Limited::Errors, Family::Ipv4) => 0,
            (Limited::Errors, Family::Ipv6) => 1,
            (Limited::Echoes, Family::Ipv4) => 2,
            (Limited::Echoes, Family::Ipv6) => 3,
        };
        self.buckets[index].take(now)
    }
}

/// A token bucket that starts full.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    limit: Option<Limit>,
    tokens: f64,
    filled_at: u64,
}

impl Bucket {
    fn new(limit: Option<Limit>) -> Self {
        Self { limit, tokens: limit.map_or(0.0, |limit| f64::from(limit.burst)), filled_at: 0 }
    }

    fn take(&mut self, now: u64) -> bool {
        let Some(limit) = self.limit else { return true };
        let gained = now.saturating_sub(self.filled_at) as f64 * limit.per_second / 1e9;
        self.tokens = (self.tokens + gained).min(f64::from(limit.burst));
        self.filled_at = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_of_six_and_one_a_second_is_that_of_linux() {
        let mut bucket = Bucket::new(Some(Limit { burst: 6, per_second: 1.0 }));
        // 100 requests, 13 ms apart: 6 at once, one after a second.
        let answered = (0..100).filter(|n| bucket.take(n * 13_000_000)).count();
        assert_eq!(answered, 7);
        let mut none = Bucket::new(None);
        assert!((0..100).all(|_| none.take(0)));
    }
}
