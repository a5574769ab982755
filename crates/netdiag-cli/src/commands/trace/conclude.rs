//! From what was measured to documents, verdicts and the exit status.

use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::ending::End;
use crate::commands::hosts::{self, Found, HostPlan, Outline};
use crate::commands::judged::Judged;
use crate::commands::verdict::{self, Sampled};
use netdiag_check::expr::Expr;
use netdiag_model::contract::Judgement;
use netdiag_model::finding::Finding;
use netdiag_report::Report;
use netdiag_report::trace::{Ended, Resolved, Trace};
use netdiag_trace::Measurement;
use netdiag_trace::metrics::TargetMetrics;
use netdiag_trace::result::{StopReason, Target};
use std::io;
use std::time::Duration;

/// Below so many probes or replies of a target its loss and its percentiles say little.
const SAMPLE: u64 = 20;
/// So many targets are traced at a rate of their own: so long from one packet to the next one.
const MANY: usize = 16;
const SPACING: Duration = Duration::from_micros(20);

impl HostPlan for Plan {
    type Subject = Trace;
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

    fn spacing(&self) -> Option<Duration> {
        let has_cycles = |resolved: &Resolved| {
            resolved.config.as_ref().is_some_and(|config| config.rounds.is_some())
        };
        let is_fast = self.resolved.len() >= MANY && !self.resolved.iter().any(has_cycles);
        is_fast.then_some(SPACING)
    }

    fn conclude(
        &self,
        measurements: Vec<Measurement>,
        end: End,
        report: &mut dyn Report<Trace>,
    ) -> io::Result<ExitStatus> {
        conclude(self, measurements, end, report)
    }
}

/// Makes the document, has it written, and says how the process ends.
fn conclude(
    plan: &Plan,
    measurements: Vec<Measurement>,
    end: End,
    report: &mut dyn Report<Trace>,
) -> io::Result<ExitStatus> {
    let outline = &plan.outline;
    let mut judged = Judged::default();
    let (mut targets, mut findings, mut verdicts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut measured, mut complete) = (measurements.into_iter().peekable(), true);
    for resolved in &plan.resolved {
        let index = resolved.target_index;
        // Each is let go when its result is made: those of many targets do not stand beside each other.
        let Some(measurement) = measured.next_if(|m| m.config().target_index == index) else {
            judged.count(outline.judge_unmeasured(index));
            targets.push(unmeasured(resolved));
            verdicts.push(None);
            continue;
        };
        complete &= measurement.is_complete();
        let user_stamps = measurement.user_stamps() > 0;
        let context = outline.context(&resolved.target, resolved.method.as_ref(), user_stamps);
        let target = measurement.result(&context);
        let mut own = measurement.findings(&context);
        let metrics = TargetMetrics { target: &target, findings: &own };
        let failed =
            verdict::fail_if(outline.fail_if.as_ref(), &metrics, Some(index), &resolved.target);
        judged.count(judge(&target, failed.is_some()));
        own.extend(failed.map(|(finding, _)| finding));
        own.extend(samples_too_small(outline.fail_if.as_ref(), &target, resolved));
        findings.extend(own);
        verdicts.push(Some((measurement.verdict(), measurement.span())));
        targets.push(target);
    }
    let found = Found { judged, findings, complete };
    let (mut document, status) =
        hosts::document(outline, end, found, targets, |target| target.method.as_ref());
    let status = if plan.classic_exit { classic_status(status) } else { status };
    document.exit_code = status.code();
    let all = plan.resolved.iter().zip(&verdicts).zip(&document.targets);
    let ended: Vec<Ended<'_>> = all
        .map(|((resolved, verdict), target)| Ended {
            resolved,
            verdict: verdict.as_ref().map(|(said, _)| said.as_str()),
            took: verdict.as_ref().and_then(|(_, took)| *took),
            target,
        })
        .collect();
    report.finish(&ended, &document)?;
    report.flush()?;
    Ok(status)
}

/// How traceroute and mtr would end: to be measured is enough.
const fn classic_status(own: ExitStatus) -> ExitStatus {
    match own {
        ExitStatus::HOLDS | ExitStatus::FAILS => ExitStatus::HOLDS,
        ExitStatus::UNMEASURED => ExitStatus::FAILS,
        other => other,
    }
}

/// Conditions on a target that was asked too seldom to tell.
fn samples_too_small(fail_if: Option<&Expr>, target: &Target, resolved: &Resolved) -> Vec<Finding> {
    let asked = fail_if.map(Expr::metrics).unwrap_or_default();
    let Some(end) = target.hops.last().filter(|_| target.reached) else { return Vec::new() };
    let probes = end.sent - end.unknown - end.in_flight;
    let replies = end.rtt_ms.as_ref().map_or(0, |rtt| rtt.samples);
    let has_cycles = resolved.config.as_ref().is_some_and(|config| config.rounds.is_some());
    let option = if has_cycles { "--count" } else { "--queries" };
    let all =
        [("loss", probes, "probes"), ("p50", replies, "replies"), ("p95", replies, "replies")];
    let all = all.into_iter().filter(|(metric, ..)| asked.contains(metric));
    let all = all.map(|(metric, n, of)| Sampled { metric, n, of, needed: SAMPLE, option });
    let small = all.filter_map(|it| it.too_small(resolved.target_index, &resolved.target));
    small.collect()
}

fn unmeasured(resolved: &Resolved) -> Target {
    let Resolved { target, destination, protocol, failure, .. } = resolved;
    Target::unmeasured(target.clone(), *destination, *protocol, failure.clone())
}

/// What a target comes to.
fn judge(target: &Target, failed: bool) -> Judgement {
    let settled = || target.hops.iter().map(|hop| hop.received + hop.lost);
    match target.stop_reason {
        Some(StopReason::LocalError) => Judgement::Unmeasured,
        Some(StopReason::Reached) if !failed => Judgement::Holds,
        Some(StopReason::Reached) => Judgement::Fails,
        _ if target.hops.iter().any(|hop| hop.unknown > 0) && settled().sum::<u64>() == 0 => {
            Judgement::Unmeasured
        }
        _ => Judgement::Fails,
    }
}
