//! Whether what was asked for holds.

use super::plan::Plan;
use crate::commands::verdict::{self, FAIL_IF, Sampled};
use netdiag_check::expr::Expr;
use netdiag_model::contract::Judgement;
use netdiag_model::errno;
use netdiag_model::finding::Finding;
use netdiag_ping::metrics::TargetMetrics;
use netdiag_ping::result::Target;
use netdiag_report::ping::Resolved;

/// What it comes to by iputils' rules, which decide on the exit code alone.
pub(super) fn judge_as_iputils(plan: &Plan, target: &Target, judged: Judgement) -> Judgement {
    if target.sent == 0 && target.local_errors > 0 {
        // A send that fails is a request without a reply, unless there is no route.
        let errno = target.failure.as_ref().and_then(|failure| failure.errno.as_ref());
        let routed = errno.is_some_and(|errno| !errno::is_route(errno.number));
        let is_sent = plan.classic || routed;
        return if is_sent { Judgement::Fails } else { Judgement::Unmeasured };
    }
    // It knows no timeout of a single request.
    let late = if plan.classic { target.late } else { 0 };
    let answered = target.received + late;
    let cut_short = plan.classic_count.is_some_and(|count| answered < count);
    match judged {
        Judgement::Unmeasured => judged,
        _ if answered == 0 || cut_short => Judgement::Fails,
        Judgement::Fails if target.received == 0 => Judgement::Holds,
        _ => judged,
    }
}

/// What a target comes to.
pub(super) fn judge(plan: &Plan, target: &Target, findings: &[Finding]) -> Judgement {
    if target.sent == 0 && target.local_errors > 0 {
        return Judgement::Unmeasured;
    }
    if target.received == 0 && target.sent == target.unknown {
        return Judgement::Unmeasured;
    }
    let is_reached = target.goal.as_ref().map_or(target.received > 0, |goal| goal.reached);
    if !is_reached {
        return Judgement::Fails;
    }
    let failed =
        plan.outline.fail_if.is_some() && findings.iter().any(|finding| finding.code == FAIL_IF);
    if failed { Judgement::Fails } else { Judgement::Holds }
}

/// The verdict that was asked for; one that cannot be told fails too, and says so.
pub(super) fn fail_if(
    plan: &Plan,
    target: &Target,
    findings: &[Finding],
    resolved: &Resolved,
) -> Option<Finding> {
    let (metrics, index) = (TargetMetrics { target, findings }, Some(resolved.target_index));
    let expression = plan.outline.fail_if.as_ref();
    let (finding, evidence) = verdict::fail_if(expression, &metrics, index, &resolved.target)?;
    if evidence.reasons().iter().any(|reason| reason.measured().is_some()) {
        return Some(finding);
    }
    let subject = &finding.subject;
    let message = format!("--fail-if fails for {subject}, since it cannot be told: {evidence}");
    Some(Finding { message, ..finding })
}

/// Metrics that say little about a small sample, and how large it must be.
const SAMPLED: [(&str, Sample, u64); 6] = [
    ("loss", Sample::Probes, 20),
    ("p50", Sample::Replies, 20),
    ("p90", Sample::Replies, 20),
    ("p95", Sample::Replies, 20),
    ("p99", Sample::Replies, 20),
    // Before that RFC 3550's jitter has not caught up with what it follows.
    ("jitter_rfc3550", Sample::Replies, 50),
];

/// What a sample is made of.
#[derive(Clone, Copy)]
enum Sample {
    /// Probes that settled.
    Probes,
    /// Round trips.
    Replies,
}

impl Sample {
    fn count(self, target: &Target) -> u64 {
        match self {
            Self::Probes => target.sent - target.unknown - target.in_flight,
            Self::Replies => target.rtt_ms.as_ref().map_or(0, |rtt| rtt.samples),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Probes => "probes",
            Self::Replies => "replies",
        }
    }
}

/// Conditions that were asked about a sample that is too small to answer, one for each metric.
pub(super) fn sample_too_small<'a>(
    plan: &'a Plan,
    target: &'a Target,
    resolved: &'a Resolved,
) -> impl Iterator<Item = Finding> + 'a {
    let asked = plan.outline.fail_if.as_ref().map(Expr::metrics).unwrap_or_default();
    let asked = SAMPLED.into_iter().filter(move |(metric, ..)| asked.contains(metric));
    asked.filter_map(|(metric, sample, needed)| {
        let (n, of) = (sample.count(target), sample.name());
        let sampled = Sampled { metric, n, of, needed, option: "--count" };
        sampled.too_small(resolved.target_index, &resolved.target)
    })
}
