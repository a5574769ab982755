//! What is counted beside the hops.

use netdiag_engine::local::{Changes, Unsent};
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_model::StampSource;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Counts by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Answers whose round trip was taken with this process's clock.
    pub(crate) user_stamps: u64,
    pub(crate) rejected: BTreeMap<Reason, u64>,
    pub(crate) changes: Changes,
    /// Probes that never left.
    pub(crate) unsent: Unsent,
    /// "Too big" that cannot be true.
    pub(crate) untrue_mtu: Option<UntrueMtu>,
}

/// Messages that a packet is too big for an MTU that it fits into, or that no link has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UntrueMtu {
    /// Who sent the first one, and what it named.
    pub(crate) from: IpAddr,
    pub(crate) mtu: Option<u32>,
    pub(crate) count: u64,
    /// The hop that its packet was for, where that is known.
    pub(crate) ttl: Option<u8>,
}

impl Tally {
    pub(crate) fn on_stamp(&mut self, stamp: StampSource) {
        self.user_stamps += u64::from(stamp == StampSource::User);
    }

    /// `ttl`: the hop that the packet was for which it is about.
    pub(crate) fn on_rejected(&mut self, rejection: &Rejection, ttl: Option<u8>) {
        *self.rejected.entry(rejection.reason).or_default() += 1;
        if rejection.reason == Reason::ImplausibleMtu {
            let (from, mtu) = (rejection.from.address(), rejection.said.and_then(|(_, mtu)| mtu));
            let first = UntrueMtu { from, mtu, count: 0, ttl };
            self.untrue_mtu.get_or_insert(first).count += 1;
        }
    }
}
