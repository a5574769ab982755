//! When another echo identifier was answered and the old one no more.

use crate::Measurement;
use crate::result::Context;
use crate::rotation::STRAIGHT_TIMEOUTS;
use netdiag_model::finding::{Finding, Severity};

impl Measurement {
    pub(super) fn identifier_stuck(&self, context: &Context) -> Option<Finding> {
        let rotation = &self.tally.rotation;
        let (changes, helped) = (rotation.changes, rotation.helped);
        if helped == 0 {
            return None;
        }
        let times = if helped == 1 { "once".to_owned() } else { format!("{helped} times") };
        let message = format!(
            "{times}, after {STRAIGHT_TIMEOUTS} requests in a row without an answer, the first under \
             another echo identifier was answered: probably a NAT or firewall on the way held a dead \
             mapping for the old one; else an outage ended just then"
        );
        let subject = context.target.escaped().to_string();
        Some(
            self.finding("identifier-stuck", Severity::Info, subject, message)
                .with("changes", changes)
                .with("helped", helped)
                .with("threshold_n", STRAIGHT_TIMEOUTS)
                .advise("a program that keeps its identifier stays cut off there: restart it"),
        )
    }
}
