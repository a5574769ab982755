//! Another identifier after a run of timeouts: a NAT may hold a dead mapping for the old one.

use crate::event::Identifier;
use netdiag_engine::Outcome;

/// After how many timeouts in a row another identifier of the block is used.
pub(crate) const STRAIGHT_TIMEOUTS: u64 = 10;

/// Which identifier of the block is used, and what changing it did.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    /// Counted up; which of the block that is, is the engine's business.
    pub(crate) flow: u8,
    straight_timeouts: u64,
    /// Whether a change was told since the last answer.
    is_told: bool,
    /// The first probe under the present identifier, until it is known whether the change helped.
    trial: Option<u64>,
    /// How often another identifier was taken.
    pub(crate) changes: u64,
    /// How often the first probe under another identifier was answered, and none under the old.
    pub(crate) helped: u64,
}

impl Rotation {
    pub(crate) const NONE: Self =
        Self { flow: 0, straight_timeouts: 0, is_told: false, trial: None, changes: 0, helped: 0 };

    /// Takes how a probe ended; `next_seq` is the number of the next probe. Returns what there is
    /// to tell.
    pub(crate) fn on_settled(
        &mut self,
        seq: u64,
        outcome: &Outcome,
        next_seq: u64,
    ) -> Option<Identifier> {
        if *outcome == Outcome::TimedOut {
            self.trial = self.trial.filter(|first| *first != seq);
            self.straight_timeouts += 1;
            if self.straight_timeouts < STRAIGHT_TIMEOUTS {
                return None;
            }
            self.straight_timeouts = 0;
            self.flow = self.flow.wrapping_add(1);
            self.trial = Some(next_seq);
            self.changes += 1;
            let is_first = !std::mem::replace(&mut self.is_told, true);
            return is_first.then_some(Identifier::Changed { timeouts: STRAIGHT_TIMEOUTS });
        }
        self.straight_timeouts = 0;
        self.is_told = false;
        // Any answer says that the path is whole; only if the first one is to the first probe under
        // the new identifier did the identifier matter.
        let helped = self.trial.take() == Some(seq) && matches!(outcome, Outcome::Replied(_));
        self.helped += u64::from(helped);
        helped.then_some(Identifier::Helped { seq })
    }

    /// A late answer: the identifier passes, and only time is short.
    pub(crate) const fn on_late(&mut self) {
        self.straight_timeouts = 0;
        self.is_told = false;
        self.trial = None;
    }
}
