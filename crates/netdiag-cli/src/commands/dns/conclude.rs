//! From what was measured to documents, verdicts and the exit status.

use super::plan::{Codes, Plan};
use crate::ExitStatus;
use crate::commands::ending::End;
use crate::commands::hosts::{self, Found, HostPlan, Outline};
use crate::commands::judged::Judged;
use crate::commands::verdict;
use netdiag_dns::dnssec::DnssecStatus;
use netdiag_dns::metrics::ResultMetrics;
use netdiag_dns::result::{ServerResult, Target};
use netdiag_dns::{Choice, Class, Config, Told, Walk};
use netdiag_model::contract::Judgement;
use netdiag_model::finding::{Finding, Severity};
use netdiag_report::Report;
use netdiag_report::dns::{Dns, Ended, Resolved};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// So many questions take longer to be forgotten than the end of the process does.
const MANY: usize = 256;
/// More queries than one attempt of a check makes.
const NUMBERS: u64 = 1_024;

impl HostPlan for Plan {
    type Subject = Dns;
    type Measurement = Walk;

    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn resolved(&self) -> &[Resolved] {
        &self.resolved
    }

    /// How many are under way is bounded; they need no other pace.
    fn spacing(&self) -> Option<Duration> {
        const LEAST: Duration = Duration::from_micros(5);
        (self.config.count == 1).then_some(LEAST)
    }

    fn measurements(&self) -> Vec<Walk> {
        let made = self.made.replace(self.made.get() + 1);
        let config = match made {
            0 => Arc::clone(&self.config),
            _ => Arc::new(Config { numbers_from: made * NUMBERS, ..(*self.config).clone() }),
        };
        vec![Walk::new(config, self.goal.clone())]
    }

    fn conclude(
        &self,
        measurements: Vec<Walk>,
        end: End,
        report: &mut dyn Report<Dns>,
    ) -> io::Result<ExitStatus> {
        let Some(measurement) = measurements.into_iter().next() else {
            return Ok(ExitStatus::UNMEASURED);
        };
        let measurement = Arc::new(measurement);
        let mut targets = measurement.results(&self.outline.run.method);
        for target in &mut targets {
            target.failure = self.failure();
        }
        let mut findings = measurement.findings(&targets);
        let is_check = self.config.setup.is_some();
        findings.extend(self.nobody_to_ask().filter(|_| !is_check));
        let walked = measurement.judgement();
        let verdict = measurement.verdict(&targets, &findings);
        let method = &self.outline.run.method;
        let targets = Told::all(targets, &measurement, method, self.failure());
        let (mut judged, condemned) = self.judge(&targets, &findings, walked);
        if is_check {
            judged = judge_setup(&findings, condemned.is_empty());
        }
        findings.extend(condemned);
        let found = Found { judged, findings, complete: measurement.is_complete() };
        let (mut document, status) =
            hosts::document(&self.outline, end, found, targets, Told::method);
        let status = self.classic_status(&document.targets, status);
        document.exit_code = status.code();
        let ended: Vec<Ended<'_>> =
            document.targets.iter().map(|target| Ended { target, verdict: &verdict }).collect();
        report.finish(&ended, &document)?;
        report.flush()?;
        drop(ended);
        if document.targets.len() > MANY {
            // The process ends here, and gives all of it back at once.
            std::mem::forget((document, measurement));
        }
        Ok(status)
    }
}

impl Plan {
    /// What each group of questions comes to, and where `--fail-if` holds.
    fn judge(
        &self,
        targets: &[Told],
        findings: &[Finding],
        walked: Option<Judgement>,
    ) -> (Judged, Vec<Finding>) {
        let mut groups: BTreeMap<usize, Vec<Judgement>> = BTreeMap::new();
        let mut condemned = Vec::new();
        for (index, target) in targets.iter().map(Told::target).enumerate() {
            let target = target.as_ref();
            let before = condemned.len();
            for result in &target.results {
                let metrics = ResultMetrics { target, result, findings };
                let failed = self.outline.fail_if.as_ref();
                let failed = verdict::fail_if(failed, &metrics, Some(index), &target.target);
                condemned.extend(failed.map(|(finding, _)| finding));
            }
            let group = self.config.targets.get(index).map_or(0, |target| target.group);
            let judgement = match condemned.len() > before {
                true => Judgement::Fails,
                false => walked.unwrap_or_else(|| self.judge_target(target)),
            };
            groups.entry(group).or_default().push(judgement);
            if judgement == Judgement::Fails
                && has_only_no_data(target)
                && condemned.len() == before
            {
                // Of types that nobody named one is enough.
                groups.entry(group).or_default().pop();
            }
        }
        let mut judged = Judged::default();
        for judgements in groups.values() {
            let has = |wanted| judgements.contains(&wanted);
            judged.count(if has(Judgement::Fails) || judgements.is_empty() {
                Judgement::Fails
            } else if has(Judgement::Holds) {
                Judgement::Holds
            } else {
                Judgement::Unmeasured
            });
        }
        (judged, condemned)
    }

    /// What one question comes to: the server that counts has an answer, or all that were asked do.
    fn judge_target(&self, target: &Target) -> Judgement {
        // Who asked for a proof has none either way.
        let is_unproved = |result: &ServerResult| {
            let status = result.dnssec.as_ref().map(|it| it.status);
            status == Some(DnssecStatus::Bogus)
                || status == Some(DnssecStatus::Indeterminate) && result.outcome == Class::Answer
        };
        if target.results.iter().any(is_unproved) {
            return Judgement::Fails;
        }
        let counts: Vec<Class> = match self.config.choice {
            Choice::FirstThatAnswers => target.decisive().iter().map(|it| it.outcome).collect(),
            Choice::Each => target.results.iter().map(|result| result.outcome).collect(),
        };
        let is_unsent = |class: &Class| matches!(class, Class::NotSent | Class::Unknown);
        if counts.iter().all(is_unsent) {
            return Judgement::Unmeasured;
        }
        match counts.iter().all(|class| *class == Class::Answer) {
            true => Judgement::Holds,
            false => Judgement::Fails,
        }
    }

    /// How dig would end.
    fn classic_status(&self, targets: &[Told], own: ExitStatus) -> ExitStatus {
        let outcome = |it: &Told| it.target().decisive().map(|result| result.outcome);
        let outcomes = || targets.iter().map(outcome);
        match self.codes {
            Codes::Own => own,
            // dig shows what is not signed, and is content.
            Codes::Dig
                if outcomes()
                    .all(|it| it.is_some_and(|it| it.is_said() || it == Class::TsigError)) =>
            {
                ExitStatus::HOLDS
            }
            Codes::Dig => ExitStatus::Code(9),
        }
    }

    /// That there is nobody to ask.
    fn nobody_to_ask(&self) -> Option<Finding> {
        let fault = self.fault.as_ref()?;
        let message = format!("there is no server to ask: {fault}");
        let subject = "this machine".to_owned();
        let finding = Finding::new(None, "dns-no-server", Severity::Critical, subject, message);
        let advice = "add a line such as `nameserver ADDRESS` to it, or name a server: `@ADDRESS`";
        Some(finding.with("fault", fault.clone()).advise(advice))
    }
}

/// What a look at this machine comes to: it fails by a critical finding, and by `--fail-if`.
fn judge_setup(findings: &[Finding], is_spared: bool) -> Judged {
    let is_critical = findings.iter().any(|finding| finding.severity == Severity::Critical);
    let mut judged = Judged::default();
    judged.count(match is_critical || !is_spared {
        true => Judgement::Fails,
        false => Judgement::Holds,
    });
    judged
}

/// Whether all that was said is that the type does not exist.
fn has_only_no_data(target: &Target) -> bool {
    !target.results.is_empty()
        && target.results.iter().all(|result| result.outcome == Class::Nodata)
}
