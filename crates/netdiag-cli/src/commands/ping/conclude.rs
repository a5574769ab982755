//! From what was measured to documents, verdicts and the exit status.

use super::judge;
use super::lane::Lane;
use super::plan::Plan;
use crate::ExitStatus;
use crate::commands::ending::{self, End, Outcome};
use crate::commands::hosts::{HostPlan, Outline};
use crate::commands::judged::Judged;
use netdiag_engine::port::StopCause;
use netdiag_model::contract::{Method, Timestamps};
use netdiag_model::finding::Finding;
use netdiag_ping::result::{Context, Target};
use netdiag_ping::{Config, Measurement, findings};
use netdiag_report::Report;
use netdiag_report::ping::{Ended, Ping, Resolved};
use std::io;

impl HostPlan for Plan {
    type Subject = Ping;
    type Measurement = Lane;

    fn outline(&self) -> &Outline {
        &self.outline
    }

    fn resolved(&self) -> &[Resolved] {
        &self.resolved
    }

    fn measurements(&self) -> Vec<Lane> {
        let recipe = |config: &Config| self.recipes.get(&config.target_index).cloned();
        self.configs.iter().map(|config| Lane::new(config.clone(), recipe(config))).collect()
    }

    fn conclude(
        &self,
        measurements: Vec<Lane>,
        end: End,
        report: &mut dyn Report<Ping>,
    ) -> io::Result<ExitStatus> {
        if let (true, Some(StopCause::Signal(signal))) = (self.classic, end.stopped) {
            // As iputils, which these end where it is.
            return report.flush().map(|()| ExitStatus::Signal(signal));
        }
        let measurements: Vec<Measurement> =
            measurements.into_iter().map(Lane::into_series).collect();
        conclude(self, &measurements, end, report)
    }
}

/// Makes the document, has it written, and says how the process ends.
fn conclude(
    plan: &Plan,
    measurements: &[Measurement],
    end: End,
    report: &mut dyn Report<Ping>,
) -> io::Result<ExitStatus> {
    let outline = &plan.outline;
    let of_target = |index: usize| measurements.iter().find(|m| m.config().target_index == index);
    let context = |resolved: &Resolved| {
        let measurement = of_target(resolved.target_index);
        let user_stamps = measurement.is_some_and(|m| m.user_stamps() > 0);
        outline.context(&resolved.target, resolved.method.as_ref(), user_stamps)
    };
    let contexts: Vec<Context> = plan.resolved.iter().map(context).collect();
    let mut targets = Vec::new();
    let mut findings: Vec<Finding> = Vec::new();
    let (mut judged, mut by_exit) = (Judged::default(), Judged::default());
    for (resolved, context) in plan.resolved.iter().zip(&contexts) {
        let Some(measurement) = of_target(resolved.target_index) else {
            let judgement = outline.judge_unmeasured(resolved.target_index);
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
    // What was interrupted before it began may have no measurement.
    let complete = !outline.interrupted && measurements.iter().all(Measurement::is_complete);
    let outcome = Outcome { judgement, status, findings, complete };
    let method = weakest(plan, measurements, &targets);
    let document = ending::document(&outline.run, end, outcome, method, targets);
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

/// The method of the run.
fn weakest(plan: &Plan, measurements: &[Measurement], targets: &[Target]) -> Method {
    let weakest = ending::weakest(targets.iter().filter_map(|target| target.method.as_ref()));
    let mut weakest = weakest.unwrap_or_else(|| plan.outline.run.method.clone());
    if measurements.iter().any(|m| m.user_stamps() > 0) {
        weakest.timestamps = Timestamps::User;
    }
    weakest
}

/// A target whose name has no address, or that no socket can reach.
fn unresolved(resolved: &Resolved) -> Target {
    let failure = resolved.failure.clone();
    Target::unmeasured(resolved.target.clone(), resolved.destination, resolved.protocol, failure)
}
