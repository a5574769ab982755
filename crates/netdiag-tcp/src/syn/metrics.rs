//! What `--fail-if` can name.

use super::event::State;
use super::result::Target;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{self, MetricInfo, MetricValue, Metrics, Unit};

/// Every metric of a `syn`.
pub const METRICS: &[MetricInfo] = &[
    MetricInfo::new("open", &[], Unit::Count, "ports that somebody listens at"),
    MetricInfo::new("closed", &["refused"], Unit::Count, "ports that nobody listens at"),
    MetricInfo::new("filtered", &["timeouts"], Unit::Count, "ports that nobody answers for"),
    MetricInfo::new("prohibited", &[], Unit::Count, "ports that a filter prohibits"),
    MetricInfo::new("unreachable", &[], Unit::Count, "ports that there is no way to"),
    MetricInfo::new("not_sent", &["local_errors"], Unit::Count, "ports that no SYN left for"),
    MetricInfo::new("unknown", &[], Unit::Count, "ports made meaningless by this machine"),
    MetricInfo::new("unsettled", &[], Unit::Count, "ports not measured to the end"),
    MetricInfo::new("ports", &[], Unit::Count, "ports that were asked"),
    MetricInfo::new("reached", &[], Unit::Bool, "whether any port was answered"),
    MetricInfo::new("sent", &[], Unit::Count, "SYNs that left"),
    MetricInfo::new("received", &[], Unit::Count, "segments that answered them"),
    MetricInfo::new("late", &[], Unit::Count, "answers after the timeout"),
    MetricInfo::new("duplicates", &[], Unit::Count, "answers that came again"),
    MetricInfo::new("min", &[], Unit::Milliseconds, "shortest round trip of all ports"),
    MetricInfo::new("mean", &["avg"], Unit::Milliseconds, "mean round trip of all ports"),
    MetricInfo::new("max", &[], Unit::Milliseconds, "longest round trip of all ports"),
    MetricInfo::new("hops", &["hops_back"], Unit::Count, "routers that an answer passed, the most"),
    MetricInfo::of_findings(Severity::Info),
    MetricInfo::of_findings(Severity::Warning),
    MetricInfo::of_findings(Severity::Critical),
];

/// A result and its verdicts, as an expression sees them.
#[derive(Clone, Copy, Debug)]
pub struct TargetMetrics<'a> {
    /// The result.
    pub target: &'a Target,
    /// The verdicts over it.
    pub findings: &'a [Finding],
}

impl Metrics for TargetMetrics<'_> {
    fn metric(&self, name: &str) -> Option<MetricValue> {
        let target = self.target;
        let of = |state: State| target.ports.iter().filter(|port| port.state == state).count();
        let rtts = || target.ports.iter().filter_map(|port| port.rtt_ms.as_ref());
        let number = match name {
            "reached" => return Some(MetricValue::Bool(target.received > 0)),
            "open" => of(State::Open) as f64,
            "closed" => of(State::Closed) as f64,
            "filtered" => of(State::Filtered) as f64,
            "prohibited" => of(State::Prohibited) as f64,
            "unreachable" => of(State::Unreachable) as f64,
            "not_sent" => of(State::NotSent) as f64,
            "unknown" => of(State::Unknown) as f64,
            "unsettled" => of(State::Unsettled) as f64,
            "ports" => target.ports.len() as f64,
            "sent" => target.sent as f64,
            "received" => target.received as f64,
            "late" => target.late as f64,
            "duplicates" => target.duplicates as f64,
            "min" => rtts().map(|rtt| rtt.min).min_by(f64::total_cmp)?,
            "max" => rtts().map(|rtt| rtt.max).max_by(f64::total_cmp)?,
            "mean" => match rtts().count() {
                0 => return None,
                count => rtts().map(|rtt| rtt.mean).sum::<f64>() / count as f64,
            },
            "hops" => f64::from(target.ports.iter().filter_map(|port| port.hops_back).max()?),
            name => metrics::findings(name, self.findings)?,
        };
        Some(MetricValue::Number(number))
    }
}
