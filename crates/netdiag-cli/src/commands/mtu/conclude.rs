//! From what was measured to documents, verdicts and the exit status.

use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::ending::End;
use crate::commands::hosts::{self, Found, HostPlan, Outline};
use crate::commands::judged::Judged;
use crate::commands::verdict;
use netdiag_model::contract::Judgement;
use netdiag_model::finding::{Finding, Severity};
use netdiag_report::Report;
use netdiag_report::mtu::{Ended, Mtu, Resolved};
use netdiag_trace::mtu::Measurement;
use netdiag_trace::mtu::metrics::TargetMetrics;
use netdiag_trace::mtu::result::Target;
use std::io;

impl HostPlan for Plan {
    type Subject = Mtu;
    type Measurement = Measurement;

    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn resolved(&self) -> &[Resolved] {
        &self.resolved
    }

    fn measurements(&self) -> Vec<Measurement> {
        let configs = self.resolved.iter().filter_map(|resolved| resolved.config.clone());
        configs.map(Measurement::new).collect()
    }

    fn conclude(
        &self,
        measurements: Vec<Measurement>,
        end: End,
        report: &mut dyn Report<Mtu>,
    ) -> io::Result<ExitStatus> {
        let mut judged = Judged::default();
        let mut findings = Vec::new();
        let all: Vec<(Target, Option<String>)> = self
            .resolved
            .iter()
            .map(|resolved| {
                let index = resolved.target_index;
                let measured = measurements.iter().find(|m| m.config().target_index == index);
                match measured {
                    Some(measurement) => {
                        self.judge(resolved, measurement, &mut judged, &mut findings)
                    }
                    None => {
                        judged.count(self.outline.judge_unmeasured(index));
                        (unmeasured(resolved), None)
                    }
                }
            })
            .collect();
        let (targets, verdicts): (Vec<Target>, Vec<Option<String>>) = all.into_iter().unzip();
        let complete = measurements.iter().all(Measurement::is_complete);
        let found = Found { judged, findings, complete };
        let (document, status) =
            hosts::document(&self.outline, end, found, targets, |target| target.method.as_ref());
        let all = self.resolved.iter().zip(&verdicts).zip(&document.targets);
        let ended: Vec<Ended<'_>> = all
            .map(|((resolved, verdict), target)| Ended {
                resolved,
                verdict: verdict.as_deref(),
                took: None,
                target,
            })
            .collect();
        report.finish(&ended, &document)?;
        report.flush()?;
        Ok(status)
    }
}

impl Plan {
    /// What was found of one target, and what it comes to.
    fn judge(
        &self,
        resolved: &Resolved,
        measurement: &Measurement,
        judged: &mut Judged,
        findings: &mut Vec<Finding>,
    ) -> (Target, Option<String>) {
        let outline = &self.outline;
        let user_stamps = measurement.user_stamps() > 0;
        let context = outline.context(&resolved.target, resolved.method.as_ref(), user_stamps);
        let target = measurement.result(&context);
        let mut own = measurement.findings(&context);
        let metrics = TargetMetrics { target: &target, findings: &own };
        let index = Some(resolved.target_index);
        let failed = verdict::fail_if(outline.fail_if.as_ref(), &metrics, index, &resolved.target);
        let is_critical = own.iter().any(|finding| finding.severity == Severity::Critical);
        judged.count(match target.path_mtu.filter(|_| target.reached) {
            _ if measurement.is_unsent() => Judgement::Unmeasured,
            Some(_) if failed.is_none() && !is_critical => Judgement::Holds,
            _ => Judgement::Fails,
        });
        own.extend(failed.map(|(finding, _)| finding));
        findings.extend(own);
        (target, Some(measurement.verdict()))
    }
}

fn unmeasured(resolved: &Resolved) -> Target {
    let Resolved { target, destination, protocol, failure, .. } = resolved;
    Target::unmeasured(target.clone(), *destination, *protocol, failure.clone())
}
