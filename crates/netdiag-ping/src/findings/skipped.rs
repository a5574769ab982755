//! When this process could not send although it was time.

use crate::Measurement;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;
use std::time::Duration;

/// From so long a time without the probes that were due, that is worth a finding.
const GAP: Duration = Duration::from_secs(1);

impl Measurement {
    pub(super) fn local_probes_skipped(&self) -> Option<Finding> {
        let skipped = self.skipped();
        let count = u32::try_from(skipped).unwrap_or(u32::MAX);
        // What a suspend of the machine skipped is told as such.
        let slept = self.tally.suspends.iter().sum();
        let gap = self.config.interval.saturating_mul(count).saturating_sub(slept);
        if gap < GAP {
            return None;
        }
        let were = if skipped == 1 { "probe was" } else { "probes were" };
        let message = format!(
            "{skipped} {were} skipped, not sent later: for {:.1} s this process did not run, or \
             nobody read what it wrote",
            gap.as_secs_f64()
        );
        let subject = "this machine".to_owned();
        let finding = self.finding("local-probes-skipped", Severity::Warning, subject, message);
        Some(
            finding
                .with("skipped", skipped)
                .with("gap_ms", milliseconds(gap))
                .with("threshold_ms", milliseconds(GAP)),
        )
    }
}
