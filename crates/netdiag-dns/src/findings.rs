//! Verdicts with evidence.

mod answers;
mod servers;

use crate::Measurement;
use crate::result::Target;
pub(crate) use answers::grouped;
use netdiag_model::finding::Finding;

impl Measurement {
    /// All verdicts: over the servers, then over the questions.
    #[must_use]
    pub fn findings(&self, results: &[Target]) -> Vec<Finding> {
        let dead = self.first_server_dead();
        let is_dead = dead.is_some();
        let mut all: Vec<Finding> = dead.into_iter().collect();
        all.extend(self.servers_failing(is_dead));
        all.extend(self.disagreements(results));
        all.extend(self.truncation_fails());
        all.extend(self.rewritten());
        all.extend(self.answered_by_others());
        all.extend(self.spoof_suspected());
        all.extend(self.config.setup.iter().flat_map(|setup| setup.findings(results)));
        all
    }
}
