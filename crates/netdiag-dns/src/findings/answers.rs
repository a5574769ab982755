//! What servers say against each other.

use crate::Measurement;
use crate::compare::{DifferenceKind, Said};
use crate::result::Target;
use netdiag_model::finding::{Finding, Severity};
use std::collections::BTreeMap;

impl Measurement {
    /// Questions to which servers say different things, both times that they were asked.
    pub(super) fn disagreements(&self, results: &[Target]) -> Vec<Finding> {
        let first = self.place(0);
        let is_disputed = |target: usize| self.is_disputed(first + target);
        let disputed = results.iter().enumerate().filter(|(target, _)| is_disputed(*target));
        disputed.map(|(index, target)| disagreement(index, target)).collect()
    }
}

fn disagreement(index: usize, target: &Target) -> Finding {
    let of = |what: DifferenceKind| {
        let mut differences = target.differences.iter();
        differences.find(|difference| difference.what == what).map(|it| it.values.as_slice())
    };
    let outcomes = of(DifferenceKind::Outcome);
    let mut said = match outcomes {
        Some(values) => grouped(values),
        None => "they have no record in common".to_owned(),
    };
    if let Some(serials) = of(DifferenceKind::Serial) {
        said.push_str(&format!("; serials: {}", grouped(serials)));
    }
    let subject = format!("{} {}", target.name, target.kind);
    let message = format!("the servers disagree about {subject}: {said}; so they did twice");
    let records: Vec<String> = target
        .results
        .iter()
        .flat_map(|result| {
            let server = &result.server;
            result.answers.iter().map(move |it| format!("{server}: {} {}", it.kind, it.data))
        })
        .collect();
    let finding =
        Finding::new(Some(index), "dns-servers-disagree", Severity::Warning, subject, message);
    finding
        .with("asked", 2)
        .with("records", records)
        .advise("a transfer between them that has failed, or views for different clients")
}

/// What servers say, those together that say the same.
pub(crate) fn grouped(values: &[Said]) -> String {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for said in values {
        groups.entry(&said.value).or_default().push(&said.server);
    }
    let parts = groups.iter().map(|(value, servers)| format!("{value} ({})", servers.join(", ")));
    parts.collect::<Vec<String>>().join(", ")
}
