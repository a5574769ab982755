//! What is counted beside the hops.

use netdiag_engine::local::Unsent;
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::port::{Change, InterfaceChange};
use netdiag_model::{Instant, StampSource};
use std::collections::BTreeMap;

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
