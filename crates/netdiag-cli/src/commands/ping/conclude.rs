//! From what was measured to documents, verdicts and the exit status.

use super::plan::Plan;
use crate::args::PingArguments;
use crate::args::ping::Output;
use crate::{ExitStatus, World};
use netdiag_engine::port::NetworkError;
use netdiag_model::contract::{Document, Method, SCHEMA, SocketKind, Status, Timestamps};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{Instant, errno};
use netdiag_ping::Measurement;
use netdiag_ping::metrics::TargetMetrics;
use netdiag_ping::result::{Context, Target};
use netdiag_report::json;
use netdiag_report::ping::{Ended, PingReport, Resolved};
use std::io::{self, Write};

/// Makes the document, has it written, and says how the process ends.
pub(super) fn conclude(
    plan: &Plan,
    measurements: &[Measurement],
    ended_at: Instant,
    cannot_go_on: bool,
    report: &mut dyn PingReport,
) -> io::Result<ExitStatus> {
    let of_target = |index: usize| measurements.iter().find(|m| m.config().target_index == index);
    let contexts: Vec<Context> = plan
        .resolved
        .iter()
        .map(|resolved| context(plan, resolved, of_target(resolved.target_index)))
        .collect();
    let mut targets = Vec::new();
    let mut findings = Vec::new();
    let mut judged = Judged::default();
    for (resolved, context) in plan.resolved.iter().zip(&contexts) {
        let Some(measurement) = of_target(resolved.target_index) else {
            judged.count(if plan.unmeasured.contains(&resolved.target_index) {
                Judgement::Unmeasured
            } else {
                Judgement::Fails
            });
            targets.push(unresolved(resolved));
            continue;
        };
        let target = measurement.result(context);
        let mut own = measurement.findings(context);
        own.extend(fail_if(plan, &target, &own, resolved));
        own.extend(sample_too_small(plan, &target, resolved));
        judged.count(judge(plan, &target, &own));
        findings.extend(own);
        targets.push(target);
    }
    let status = match judged.status(plan.classic_exit) {
        _ if cannot_go_on && plan.classic_exit => ExitStatus::USAGE,
        _ if cannot_go_on => ExitStatus::UNMEASURED,
        status => status,
    };
    let document = document(plan, measurements, ended_at, targets, findings, status, &judged);
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
    let complete = measurements.iter().all(Measurement::is_complete);
    report.finish(&ended, &document, complete)?;
    report.flush()?;
    Ok(status)
}

/// What a target comes to.
enum Judgement {
    Holds,
    Fails,
    Unmeasured,
}

/// What all targets come to.
#[derive(Default)]
struct Judged {
    holds: usize,
    fails: usize,
    unmeasured: usize,
}

impl Judged {
    fn count(&mut self, judgement: Judgement) {
        match judgement {
            Judgement::Holds => self.holds += 1,
            Judgement::Fails => self.fails += 1,
            Judgement::Unmeasured => self.unmeasured += 1,
        }
    }

    const fn measured(&self) -> bool {
        self.holds + self.fails > 0
    }

    /// The codes of README; iputils has 1 for "no reply" and 2 for any other error.
    const fn status(&self, classic: bool) -> ExitStatus {
        match (self.fails, self.unmeasured) {
            (0, 0) => ExitStatus::HOLDS,
            _ if self.measured() => ExitStatus::FAILS,
            _ if classic => ExitStatus::USAGE,
            _ => ExitStatus::UNMEASURED,
        }
    }
}

/// The finding that `--fail-if` holds, which fails the target.
const FAIL_IF: &str = "fail-if";

fn judge(plan: &Plan, target: &Target, findings: &[Finding]) -> Judgement {
    if target.sent == 0 && target.local_errors > 0 {
        // To iputils a send that fails is a request without a reply, unless there is no route.
        let errno = target.failure.as_ref().and_then(|failure| failure.errno.as_ref());
        let routed = errno.is_some_and(|errno| !errno::is_route(errno.number));
        return if plan.classic || plan.classic_exit && routed {
            Judgement::Fails
        } else {
            Judgement::Unmeasured
        };
    }
    // iputils knows no timeout of a single request.
    let late = if plan.classic { target.late } else { 0 };
    let cut_short = plan.classic_count.is_some_and(|count| target.received + late < count);
    if target.received + late == 0 || cut_short {
        return Judgement::Fails;
    }
    let failed = plan.fail_if.is_some() && findings.iter().any(|finding| finding.code == FAIL_IF);
    if failed { Judgement::Fails } else { Judgement::Holds }
}

fn fail_if(
    plan: &Plan,
    target: &Target,
    findings: &[Finding],
    resolved: &Resolved,
) -> Option<Finding> {
    let expression = plan.fail_if.as_ref()?;
    let evidence = expression.fails(&TargetMetrics { target, findings })?;
    let subject = resolved.target.escaped().to_string();
    let message = format!("--fail-if holds for {subject}: {evidence}");
    let index = Some(resolved.target_index);
    Some(
        Finding::new(index, FAIL_IF, Severity::Critical, subject, message)
            .with("expression", expression.to_string())
            .with("measured", evidence.to_string()),
    )
}

/// From how many settled probes on a loss, and from how many replies on a percentile, says something.
const ENOUGH: u64 = 20;
const SAMPLED: [&str; 5] = ["loss", "p50", "p90", "p95", "p99"];

/// A condition was asked about a sample that is too small to answer.
fn sample_too_small(plan: &Plan, target: &Target, resolved: &Resolved) -> Option<Finding> {
    let expression = plan.fail_if.as_ref()?;
    let metric = *expression.metrics().iter().find(|metric| SAMPLED.contains(metric))?;
    let n = target.sent - target.unknown - target.in_flight;
    if n >= ENOUGH {
        return None;
    }
    let subject = resolved.target.escaped().to_string();
    let message = format!("{metric} was asked for over {n} probes; it says little below {ENOUGH}");
    Some(
        Finding::new(
            Some(resolved.target_index),
            "sample-too-small",
            Severity::Info,
            subject,
            message,
        )
        .with("n", n)
        .with("needed", ENOUGH)
        .advise(format!("`--count {ENOUGH}` or more")),
    )
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
    ended_at: Instant,
    targets: Vec<Target>,
    findings: Vec<Finding>,
    status: ExitStatus,
    judged: &Judged,
) -> Document<Target> {
    let mut weakest: Method = targets
        .iter()
        .filter_map(|target| target.method.clone())
        .max_by_key(|method| (method.socket, method.timestamps))
        .unwrap_or_else(|| plan.run.method.clone());
    if measurements.iter().any(|m| m.user_stamps() > 0) {
        weakest.timestamps = Timestamps::User;
    }
    Document {
        schema: SCHEMA.to_owned(),
        command: plan.run.command.to_owned(),
        version: plan.run.version.to_owned(),
        started_at: plan.run.anchor.rfc3339(plan.run.started_at),
        elapsed_ms: netdiag_model::milliseconds(ended_at.since(plan.run.started_at)),
        method: weakest,
        status: Status::of(&findings, judged.measured()),
        targets,
        findings,
        exit_code: status.code(),
    }
}

/// A target whose name has no address, or that no socket can reach.
fn unresolved(resolved: &Resolved) -> Target {
    let failure = resolved.failure.clone();
    Target::unmeasured(resolved.target.clone(), resolved.destination, failure)
}

/// No socket of any kind: a document all the same, and the remedy.
pub(super) fn unmeasurable<W: World>(
    arguments: &PingArguments,
    world: &mut W,
    error: &NetworkError,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let program = arguments.program();
    let _ = writeln!(err, "{}: nothing can be measured: {error}", program.escaped());
    if arguments.form() == Output::Json {
        let anchor = world.anchor();
        let document: Document<Target> = Document {
            schema: SCHEMA.to_owned(),
            command: "ping".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: anchor.rfc3339(anchor.instant),
            elapsed_ms: 0.0,
            method: Method {
                socket: SocketKind::None,
                timestamps: Timestamps::User,
                because: error.to_string(),
                lost: Vec::new(),
            },
            targets: Vec::new(),
            findings: Vec::new(),
            status: Status::Unknown,
            exit_code: ExitStatus::UNMEASURED.code(),
        };
        if let Err(fault) = json::write_line(out, &document).and_then(|()| out.flush()) {
            return crate::usage::write_fault(&fault, err);
        }
    }
    ExitStatus::UNMEASURED
}
