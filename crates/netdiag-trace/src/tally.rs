//! What is counted beside the hops.

use netdiag_engine::local::{Changes, Unsent};
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_model::StampSource;
use std::collections::BTreeMap;

/// Counts by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Answers whose round trip was taken with this process's clock.
    pub(crate) user_stamps: u64,
    pub(crate) rejected: BTreeMap<Reason, u64>,
    pub(crate) changes: Changes,
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
}
