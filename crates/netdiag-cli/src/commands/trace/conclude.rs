//! From what was measured to documents, verdicts and the exit status.

use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::ending::End;
use crate::commands::judged::Judged;
use netdiag_model::contract::{Document, EndedBy, Judgement, Method, SCHEMA, Status, Timestamps};
use netdiag_model::finding::{Finding, Severity};
use netdiag_report::trace::{Ended, Resolved, TraceReport};
use netdiag_trace::Measurement;
use netdiag_trace::metrics::TargetMetrics;
use netdiag_trace::result::{Context, StopReason, Target};
use std::io;

/// Makes the document, has it written, and says how the process ends.
pub(super) fn conclude(
    plan: &Plan,
    measurements: &[Measurement],
    end: End,
    report: &mut dyn TraceReport,
) -> io::Result<ExitStatus> {
    let mut judged = Judged::default();
    let (mut targets, mut findings, mut verdicts) = (Vec::new(), Vec::new(), Vec::new());
    for resolved in &plan.resolved {
        let index = resolved.target_index;
        let Some(measurement) = measurements.iter().find(|m| m.config().target_index == index)
        else {
            let is_unknown = plan.unmeasured.contains(&index);
            judged.count(if is_unknown { Judgement::Unmeasured } else { Judgement::Fails });
            targets.push(unmeasured(resolved));
            verdicts.push(None);
            continue;
        };
        let context = context(plan, resolved, measurement);
        let target = measurement.result(&context);
        let mut own = measurement.findings(&context);
        let failed = fail_if(plan, &target, &own, resolved);
        judged.count(judge(&target, failed.is_some()));
        own.extend(failed);
        findings.extend(own);
        verdicts.push(Some(measurement.verdict()));
        targets.push(target);
    }
    if end.cannot_go_on || plan.interrupted {
        judged = Judged::nothing();
    }
    let status = judged.status(false);
    // What was interrupted before it began may have no measurement.
    let complete = !plan.interrupted && measurements.iter().all(Measurement::is_complete);
    let ended_by = end.by(complete);
    let document = Document {
        schema: SCHEMA.to_owned(),
        command: plan.run.command.to_owned(),
        version: plan.run.version.to_owned(),
        started_at: plan.run.anchor.rfc3339(plan.run.started_at),
        elapsed_ms: netdiag_model::milliseconds(end.at.since(plan.run.started_at)),
        complete: ended_by == EndedBy::Done,
        ended_by,
        method: weakest(plan, &targets),
        status: Status::of(&findings, judged.together()),
        targets,
        findings,
        exit_code: status.code(),
    };
    let all = plan.resolved.iter().zip(&verdicts).zip(&document.targets);
    let ended: Vec<Ended<'_>> = all
        .map(|((resolved, verdict), target)| Ended {
            resolved,
            verdict: verdict.as_deref(),
            target,
        })
        .collect();
    report.finish(&ended, &document)?;
    report.flush()?;
    Ok(status)
}

fn context(plan: &Plan, resolved: &Resolved, measurement: &Measurement) -> Context {
    let mut method = resolved.method.clone().unwrap_or_else(|| plan.run.method.clone());
    if measurement.user_stamps() > 0 {
        method.timestamps = Timestamps::User;
    }
    let run = &plan.run;
    Context {
        target: resolved.target.clone(),
        anchor: run.anchor,
        started_at: run.started_at,
        method,
    }
}

fn weakest(plan: &Plan, targets: &[Target]) -> Method {
    let methods = targets.iter().filter_map(|target| target.method.clone());
    methods
        .max_by_key(|method| (method.socket, method.timestamps))
        .unwrap_or_else(|| plan.run.method.clone())
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

fn fail_if(
    plan: &Plan,
    target: &Target,
    findings: &[Finding],
    resolved: &Resolved,
) -> Option<Finding> {
    let expression = plan.fail_if.as_ref()?;
    let evidence = expression.fails(&TargetMetrics { target, findings })?;
    let subject = resolved.target.host().escaped().to_string();
    let message = format!("--fail-if holds for {subject}: {evidence}");
    let index = Some(resolved.target_index);
    Some(
        Finding::new(index, "fail-if", Severity::Critical, subject, message)
            .with("expression", expression.to_string())
            .with("measured", evidence.to_string()),
    )
}
