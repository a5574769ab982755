//! What an expression can name: the last word of each JSON key.

use crate::result::Target;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{self, MetricInfo, MetricValue, Metrics, Unit};

/// The metrics of `ping` and `sweep`.
pub const METRICS: &[MetricInfo] = &[
    MetricInfo::new(
        "loss",
        &[],
        Unit::Percent,
        "probes lost, (lost + net_errors) / (sent - unknown - in_flight)",
    ),
    MetricInfo::new("min", &[], Unit::Milliseconds, "smallest round trip"),
    MetricInfo::new("mean", &["avg"], Unit::Milliseconds, "mean round trip"),
    MetricInfo::new("max", &[], Unit::Milliseconds, "largest round trip"),
    MetricInfo::new("last", &[], Unit::Milliseconds, "last round trip"),
    MetricInfo::new(
        "stddev",
        &[],
        Unit::Milliseconds,
        "sample standard deviation of the round trips",
    ),
    MetricInfo::new(
        "mdev",
        &[],
        Unit::Milliseconds,
        "population standard deviation, as iputils prints it",
    ),
    MetricInfo::new("p50", &["median"], Unit::Milliseconds, "median round trip"),
    MetricInfo::new("p90", &[], Unit::Milliseconds, "90th percentile of the round trips"),
    MetricInfo::new("p95", &[], Unit::Milliseconds, "95th percentile of the round trips"),
    MetricInfo::new("p99", &[], Unit::Milliseconds, "99th percentile of the round trips"),
    MetricInfo::new(
        "jitter",
        &["ipdv_abs_mean"],
        Unit::Milliseconds,
        "mean |IPDV| of neighbouring probes (RFC 3393)",
    ),
    MetricInfo::new(
        "jitter_rfc3550",
        &[],
        Unit::Milliseconds,
        "interarrival jitter (RFC 3550); starts at 0 and lags",
    ),
    MetricInfo::new(
        "pdv_p95",
        &[],
        Unit::Milliseconds,
        "95th percentile of the delay above its minimum (RFC 5481)",
    ),
    MetricInfo::new("attempted", &[], Unit::Count, "probes tried"),
    MetricInfo::new("sent", &[], Unit::Count, "probes that left"),
    MetricInfo::new("received", &[], Unit::Count, "probes answered in time"),
    MetricInfo::new("lost", &[], Unit::Count, "probes with nothing in time"),
    MetricInfo::new("late", &[], Unit::Count, "answers after the timeout"),
    MetricInfo::new("net_errors", &[], Unit::Count, "probes answered by an ICMP error"),
    MetricInfo::new("local_errors", &[], Unit::Count, "probes that never left"),
    MetricInfo::new("unknown", &[], Unit::Count, "probes made meaningless by this machine"),
    MetricInfo::new("duplicates", &[], Unit::Count, "further answers"),
    MetricInfo::new("reordered", &[], Unit::Count, "answers out of order"),
    MetricInfo::new("corrupted", &[], Unit::Count, "answers with changed data"),
    MetricInfo::new("responders", &[], Unit::Count, "hosts that answered, many of a group"),
    MetricInfo::new("outages", &[], Unit::Count, "runs of probes without an answer"),
    MetricInfo::new("hops", &["hops_back"], Unit::Count, "routers that the reply passed, a guess"),
    MetricInfo::new("ttl", &[], Unit::Count, "TTL or hop limit of the last reply"),
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
        let (target, rtt, jitter) = (self.target, &self.target.rtt_ms, &self.target.jitter_ms);
        let rtt =
            |pick: fn(&netdiag_model::contract::Rtt) -> Option<f64>| rtt.as_ref().and_then(pick);
        let jitter = |pick: fn(&netdiag_model::contract::Jitter) -> Option<f64>| {
            jitter.as_ref().and_then(pick)
        };
        let number = match name {
            "loss" => target.loss_percent?,
            "min" => rtt(|r| Some(r.min))?,
            "mean" => rtt(|r| Some(r.mean))?,
            "max" => rtt(|r| Some(r.max))?,
            "last" => rtt(|r| Some(r.last))?,
            "stddev" => rtt(|r| r.stddev)?,
            "mdev" => rtt(|r| Some(r.mdev))?,
            "p50" => rtt(|r| Some(r.p50))?,
            "p90" => rtt(|r| Some(r.p90))?,
            "p95" => rtt(|r| Some(r.p95))?,
            "p99" => rtt(|r| Some(r.p99))?,
            "jitter" => jitter(|j| j.ipdv_abs_mean)?,
            "jitter_rfc3550" => jitter(|j| j.rfc3550)?,
            "pdv_p95" => jitter(|j| Some(j.pdv_p95))?,
            "hops" => f64::from(target.hops_back?),
            "ttl" => f64::from(target.reply_ttl?.last),
            "outages" => target.outages.len() as f64 + target.outages_omitted as f64,
            name => match self.counter(name) {
                Some(count) => count as f64,
                None => metrics::findings(name, self.findings)?,
            },
        };
        Some(MetricValue::Number(number))
    }
}

impl TargetMetrics<'_> {
    fn counter(&self, name: &str) -> Option<u64> {
        let target = self.target;
        Some(match name {
            "attempted" => target.attempted,
            "sent" => target.sent,
            "received" => target.received,
            "lost" => target.lost,
            "late" => target.late,
            "net_errors" => target.net_errors,
            "local_errors" => target.local_errors,
            "unknown" => target.unknown,
            "duplicates" => target.duplicates,
            "reordered" => target.reordered,
            "corrupted" => target.corrupted,
            "responders" => {
                target.responders.unwrap_or_else(|| u64::from(target.received + target.late > 0))
            }
            _ => return None,
        })
    }
}
