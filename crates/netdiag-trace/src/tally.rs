//! What is counted beside the hops.

use netdiag_engine::WayOut;
use netdiag_engine::local::Unsent;
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::port::{Change, InterfaceChange};
use netdiag_model::{Destination, Instant, StampSource, Way};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How many changes of one kind are kept.
const CHANGES_KEPT: usize = 100;

/// Counts by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Answers whose round trip was taken with this process's clock.
    pub(crate) user_stamps: u64,
    pub(crate) rejected: BTreeMap<Reason, u64>,
    pub(crate) receive_drops: u64,
    /// Changes of the way out: how many, and the first of them.
    pub(crate) interface_changes: u64,
    pub(crate) interfaces: Vec<(Instant, InterfaceChange)>,
    /// Probes that never left.
    pub(crate) unsent: Unsent,
}

impl Tally {
    pub(crate) fn on_stamp(&mut self, stamp: StampSource) {
        self.user_stamps += u64::from(stamp == StampSource::User);
    }

    pub(crate) fn on_rejected(&mut self, rejection: &Rejection) {
        *self.rejected.entry(rejection.reason).or_default() += 1;
    }

    pub(crate) fn on_change(&mut self, at: Instant, change: &Change) {
        match change {
            Change::ReceiveDrops { count } => self.receive_drops += count,
            Change::Interface(change) => {
                self.interface_changes += 1;
                if self.interfaces.len() < CHANGES_KEPT {
                    self.interfaces.push((at, change.clone()));
                }
            }
            Change::Suspended { .. } | Change::ClockStepped { .. } => {}
        }
    }
}

/// What a change of this machine means for the way of a measurement's packets; `None` of one that is
/// no concern of it.
pub(crate) fn way_out(
    change: &Change,
    way: Option<Way>,
    source: Option<IpAddr>,
    destination: Destination,
) -> Option<WayOut> {
    let Change::Interface(interface) = change else { return Some(WayOut::Untouched) };
    let means = way.map(|way| WayOut::after(interface, way, source, destination));
    means.filter(|means| *means != WayOut::Untouched)
}
