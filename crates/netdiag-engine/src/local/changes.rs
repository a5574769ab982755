//! What changed at this machine while a measurement ran.

use crate::port::{Change, InterfaceChange};
use netdiag_model::Instant;

/// How many changes of one kind are kept.
pub const CHANGES_KEPT: usize = 100;

/// Changes of the way out, and packets that were dropped.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// How often the way out changed.
    pub count: u64,
    /// The first of these changes.
    pub first: Vec<(Instant, InterfaceChange)>,
    /// Packets that our own socket dropped.
    pub receive_drops: u64,
}

impl Changes {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, first: Vec::new(), receive_drops: 0 }
    }

    /// Something changed.
    pub fn on_change(&mut self, at: Instant, change: &Change) {
        match change {
            Change::ReceiveDrops { count } => self.receive_drops += count,
            Change::Interface(change) => {
                self.count += 1;
                if self.first.len() < CHANGES_KEPT {
                    self.first.push((at, change.clone()));
                }
            }
            Change::Suspended { .. } | Change::ClockStepped { .. } => {}
        }
    }
}
