//! The ways by which a name is looked up here, one after the other, and what each says.

use super::diverge::is_local;
use super::{Programs, Setup};
use crate::class::Class;
use crate::config::Origin;
use crate::kind::RecordType;
use crate::result::{ServerResult, Step, Target};
use crate::text::Presented;
use netdiag_model::milliseconds;
use std::net::IpAddr;

impl Setup {
    /// The steps of one question; `programs` decide by all of them.
    pub(crate) fn steps(&self, target: &Target, kind: RecordType) -> Vec<Step> {
        let reference = reference(target);
        // Servers need not know a name of this machine alone.
        let is_local = self.name.as_deref().is_some_and(is_local);
        let is_other = |said: &[Presented]| {
            !is_local && reference.is_some_and(|reference| differ(said, &wanted(reference, target)))
        };
        let has_name = self.name.is_some() && matches!(kind, RecordType::A | RecordType::AAAA);
        let mut steps = Vec::new();
        if has_name {
            let own = self.entries().map(|entry| entry.address);
            let answers = presented(own, kind);
            let outcome = if answers.is_empty() { "no-entry" } else { "answer" };
            let diverges = !answers.is_empty() && is_other(&answers);
            steps.push(Step { diverges, ..Step::new("hosts", outcome, answers) });
        }
        steps.extend(target.results.iter().map(|result| {
            let answers = wanted(result, target);
            let step = if result.origin == Origin::Resolved { "uplink" } else { "server" };
            let diverges = result.outcome.is_about_name() && is_other(&answers);
            Step {
                server: Some(result.server.clone()),
                rtt_ms: result.rtt_ms.as_ref().map(|rtt| rtt.last),
                diverges,
                ..Step::new(step, result.outcome.name(), answers)
            }
        }));
        if has_name {
            steps.push(self.programs_step(target, kind, reference));
        }
        steps
    }

    fn programs_step(
        &self,
        target: &Target,
        kind: RecordType,
        reference: Option<&ServerResult>,
    ) -> Step {
        let (outcome, answers) = match &self.programs {
            Programs::NotMeasured(_) => ("not-measured", Vec::new()),
            Programs::Found { addresses, .. } => {
                let answers = presented(addresses.iter().copied(), kind);
                (if answers.is_empty() { "no-address" } else { "answer" }, answers)
            }
            Programs::NotFound(_) => ("not-found", Vec::new()),
            Programs::TimedOut(_) => ("timeout", Vec::new()),
        };
        let said = reference.map(|reference| wanted(reference, target)).unwrap_or_default();
        let diverges = match outcome {
            _ if self.name.as_deref().is_some_and(is_local) => false,
            "answer" => reference.is_some() && differ(&answers, &said),
            // Without a route for it programs are given no IPv6.
            "not-found" => kind == RecordType::A && !said.is_empty(),
            _ => false,
        };
        let rtt_ms = match &self.programs {
            Programs::Found { took, .. } | Programs::NotFound(took) => Some(milliseconds(*took)),
            _ => None,
        };
        Step { rtt_ms, diverges, ..Step::new("getaddrinfo", outcome, answers) }
    }
}

/// What the first server of the list says that says anything of the name.
pub(super) fn reference(target: &Target) -> Option<&ServerResult> {
    let mut list = target.results.iter().filter(|it| it.origin != Origin::Resolved);
    list.find(|result| result.outcome.is_about_name())
}

/// The data of the records that were asked for.
pub(super) fn wanted(result: &ServerResult, target: &Target) -> Vec<Presented> {
    if result.outcome != Class::Answer {
        return Vec::new();
    }
    let own = result.answers.iter().filter(|record| record.kind == target.kind);
    let mut all: Vec<Presented> = own.map(|record| record.data.clone()).collect();
    all.sort();
    all
}

/// Whether two say different things; not when they overlap, since servers rotate what they have.
pub(super) fn differ(one: &[Presented], other: &[Presented]) -> bool {
    one.is_empty() != other.is_empty()
        || !one.is_empty() && !one.iter().any(|data| other.contains(data))
}

/// Addresses of a family as records have them.
fn presented(addresses: impl Iterator<Item = IpAddr>, kind: RecordType) -> Vec<Presented> {
    let own = addresses.filter(|address| address.is_ipv4() == (kind == RecordType::A));
    let mut all: Vec<Presented> = own.map(|it| Presented::new(it.to_string())).collect();
    all.sort();
    all.dedup();
    all
}

impl Step {
    fn new(step: &str, outcome: &str, answers: Vec<Presented>) -> Self {
        Self {
            step: step.to_owned(),
            server: None,
            name: None,
            zone: None,
            asked: None,
            outcome: outcome.to_owned(),
            rtt_ms: None,
            serial: None,
            answers,
            diverges: false,
        }
    }
}
