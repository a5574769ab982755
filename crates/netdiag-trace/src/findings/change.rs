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
        let refused = change.before.is_some_and(|met| met.role == Role::Refuses);
        let (after, role) = (told.after, change.after.role);
        let what = match (told.before == Some(after), refused, role) {
            (true, true, _) => {
                format!("{after} let nothing pass before, and passes packets on since")
            }
            (true, false, Role::Refuses) => {
                format!("{after} passed packets on before, and lets nothing pass since")
            }
            _ => {
                let let_nothing = if refused { ", which let nothing pass," } else { "" };
                let meaning = match role {
                    Role::Target => ", the target,",
                    Role::Refuses => ", which lets nothing pass,",
                    Role::Router => "",
                };
                format!("{before}{let_nothing} before, {after}{meaning} since")
            }
        };
        let message = format!("the path changed at hop {} after {seconds:.1} s: {what}", told.ttl);
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
