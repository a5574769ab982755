//! Time as the library wants it.

use netdiag_model::Instant;
use std::time::Instant as StdInstant;

/// One moment by both clocks. It is only what others are counted from: a wrong one does no harm.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// By ours.
    pub at: Instant,
    /// By that of the standard library.
    pub std: StdInstant,
}

impl Clock {
    /// A moment, none before that of the clock.
    pub(crate) fn std_of(&self, at: Instant) -> StdInstant {
        self.std + at.since(self.at)
    }

    pub(crate) fn of_std(&self, std: StdInstant) -> Instant {
        self.at + std.saturating_duration_since(self.std)
    }
}
