//! What all targets of a run come to.

use crate::ExitStatus;
use netdiag_model::contract::Judgement;

/// What all targets come to.
#[derive(Default)]
pub(crate) struct Judged {
    holds: usize,
    fails: usize,
    unmeasured: usize,
}

impl Judged {
    /// A run that broke down.
    pub(crate) const fn nothing() -> Self {
        Self { holds: 0, fails: 0, unmeasured: 1 }
    }

    pub(crate) fn count(&mut self, judgement: Judgement) {
        match judgement {
            Judgement::Holds => self.holds += 1,
            Judgement::Fails => self.fails += 1,
            Judgement::Unmeasured => self.unmeasured += 1,
        }
    }

    /// All targets together. One that could not be measured, among others that were, fails.
    pub(crate) const fn together(&self) -> Judgement {
        match (self.holds + self.fails, self.fails + self.unmeasured) {
            (_, 0) => Judgement::Holds,
            (0, _) => Judgement::Unmeasured,
            _ => Judgement::Fails,
        }
    }

    /// The codes of README; iputils has 1 for "no reply" and 2 for any other error.
    pub(crate) const fn status(&self, classic: bool) -> ExitStatus {
        match self.together() {
            Judgement::Holds => ExitStatus::HOLDS,
            Judgement::Fails => ExitStatus::FAILS,
            Judgement::Unmeasured if classic => ExitStatus::USAGE,
            Judgement::Unmeasured => ExitStatus::UNMEASURED,
        }
    }
}
