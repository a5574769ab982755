//! Another path than before, while it is looked at for long.

use crate::Measurement;
use crate::epoch::{Change, HOLDS};
use crate::hop::Role;
use netdiag_model::contract::Context;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::milliseconds;
use std::time::Duration;

/// So many changes in so long a time are no mere maintenance.
const OFTEN: usize = 3;
const WITHIN: Duration = Duration::from_secs(600);

impl Measurement {
    /// The changes of the path, the last of those that are kept.
    pub(super) fn change_findings(&self, context: &Context) -> Vec<Finding> {
        let changes: Vec<Change> =
            self.epochs.past.iter().filter_map(|epoch| epoch.change).collect();
        let is_often = changes.windows(OFTEN).any(|some| match some {
            [first, .., last] => last.at.since(first.at) <= WITHIN,
            _ => false,
        });
        let severity = if is_often { Severity::Warning } else { Severity::Info };
        changes.iter().map(|change| self.changed_path(change, severity, context)).collect()
    }

    fn changed_path(&self, change: &Change, severity: Severity, context: &Context) -> Finding {
        let told = self.path_change(change);
        let seconds = change.at.since(context.started_at).as_secs_f64();
        let before = told.before.map_or_else(|| "nobody".to_owned(), |who| who.to_string());
        let meaning = match told.after_role.as_str() {
            "target" => ", the target",
            "refused" => ", which lets nothing pass",
            _ if told.before == Some(told.after) => ", which passes packets on",
            _ => "",
        };
        let refused = change.before.is_some_and(|met| met.role == Role::Refuses);
        let let_nothing = if refused { ", which let nothing pass," } else { "" };
        let message = format!(
            "the path changed at hop {} after {seconds:.1} s: {before}{let_nothing} before, {}{meaning} \
             since",
            told.ttl, told.after
        );
        let finding = self.finding("path-changed", severity, format!("hop {}", told.ttl), message);
        finding
            .at("hop", told.ttl)
            .with("before", told.before.map(|who| who.to_string()))
            .with("after", told.after.to_string())
            .with("after_ms", milliseconds(change.at.since(context.started_at)))
            .with("changes", self.epochs.past.len() as u64 + self.epochs.omitted)
            .with("threshold_cycles", HOLDS)
            .advise("figures are kept apart for each path: `--json` has those before")
    }
}
