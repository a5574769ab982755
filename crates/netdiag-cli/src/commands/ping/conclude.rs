//! From what was measured to documents, verdicts and the exit status.

use super::judge;
use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::ending::End;
use crate::commands::judged::Judged;
use netdiag_model::contract::{Document, EndedBy, Judgement, Method, SCHEMA, Status, Timestamps};
use netdiag_model::finding::Finding;
use netdiag_ping::result::{Context, Target};
use netdiag_ping::{Measurement, findings};
use netdiag_report::ping::{Ended, PingReport, Resolved};
use std::io;

/// Makes the document, has it written, and says how the process ends.
pub(super) fn conclude(
    plan: &Plan,
    measurements: &[Measurement],
    end: End,
    report: &mut dyn PingReport,
) -> io::Result<ExitStatus> {
    let of_target = |index: usize| measurements.iter().find(|m| m.config().target_index == index);
    let contexts: Vec<Context> = plan
        .resolved
        .iter()
        .map(|resolved| context(plan, resolved, of_target(resolved.target_index)))
        .collect();
    let mut targets = Vec::new();
    let mut findings: Vec<Finding> = Vec::new();
    let (mut judged, mut by_exit) = (Judged::default(), Judged::default());
    for (resolved, context) in plan.resolved.iter().zip(&contexts) {
        let Some(measurement) = of_target(resolved.target_index) else {
            let unmeasured = plan.unmeasured.contains(&resolved.target_index);
            let judgement = if unmeasured { Judgement::Unmeasured } else { Judgement::Fails };
            judged.count(judgement);
            by_exit.count(judgement);
            targets.push(unresolved(resolved));
            continue;
        };
        let target = measurement.result(context);
        let mut own = measurement.findings(context);
        own.extend(judge::fail_if(plan, &target, &own, resolved));
        own.extend(judge::sample_too_small(plan, &target, resolved));
        let judgement = judge::judge(plan, &target, &own);
        judged.count(judgement);
        by_exit.count(match plan.classic_exit {
            true => judge::judge_as_iputils(plan, &target, judgement),
            false => judgement,
        });
        findings.extend(own);
        targets.push(target);
    }
    let measured = plan.resolved.iter().zip(&contexts);
    let measured = measured
        .filter_map(|(resolved, context)| Some((of_target(resolved.target_index)?, context)));
    let across = findings::across(&measured.collect::<Vec<_>>());
    // What only both together tell explains the silence of the one.
    let is_explained = |finding: &Finding| {
        ["no-reply", "unreachable"].contains(&finding.code.as_str())
            && across.iter().any(|across| across.target_index == finding.target_index)
    };
    findings.retain(|finding| !is_explained(finding));
    findings.extend(across);
    if end.cannot_go_on {
        (judged, by_exit) = (Judged::nothing(), Judged::nothing());
    }
    let (judgement, status) = (judged.together(), by_exit.status(plan.classic_exit));
    let document = document(plan, measurements, end, targets, findings, status, judgement);
    let ended: Vec<Ended<'_>> = plan
        .resolved
        .iter()
        .zip(&contexts)
        .zip(&document.targets)
        .map(|((resolved, context), target)| Ended {
            resolved,
            measurement: of_target(resolved.target_index),
            target,
            context,
        })
        .collect();
    report.finish(&ended, &document)?;
    report.flush()?;
    Ok(status)
}

fn context(plan: &Plan, resolved: &Resolved, measurement: Option<&Measurement>) -> Context {
    let mut method = resolved.method.clone().unwrap_or_else(|| plan.run.method.clone());
    if measurement.is_some_and(|m| m.user_stamps() > 0) {
        method.timestamps = Timestamps::User;
    }
    Context {
        target: resolved.target.clone(),
        anchor: plan.run.anchor,
        started_at: plan.run.started_at,
        method,
    }
}

fn document(
    plan: &Plan,
    measurements: &[Measurement],
    end: End,
    targets: Vec<Target>,
    findings: Vec<Finding>,
    status: ExitStatus,
    judgement: Judgement,
) -> Document<Target> {
    let mut weakest: Method = targets
        .iter()
        .filter_map(|target| target.method.clone())
        .max_by_key(|method| (method.socket, method.timestamps))
        .unwrap_or_else(|| plan.run.method.clone());
    if measurements.iter().any(|m| m.user_stamps() > 0) {
        weakest.timestamps = Timestamps::User;
    }
    // What was interrupted before it began may have no measurement.
    let complete = !plan.interrupted && measurements.iter().all(Measurement::is_complete);
    let ended_by = end.by(complete);
    Document {
        schema: SCHEMA.to_owned(),
        command: plan.run.command.to_owned(),
        version: plan.run.version.to_owned(),
        started_at: plan.run.anchor.rfc3339(plan.run.started_at),
        elapsed_ms: netdiag_model::milliseconds(end.at.since(plan.run.started_at)),
        complete: ended_by == EndedBy::Done,
        ended_by,
        method: weakest,
        status: Status::of(&findings, judgement),
        targets,
        findings,
        exit_code: status.code(),
    }
}

/// A target whose name has no address, or that no socket can reach.
fn unresolved(resolved: &Resolved) -> Target {
    let failure = resolved.failure.clone();
    Target::unmeasured(resolved.target.clone(), resolved.destination, resolved.protocol, failure)
}
