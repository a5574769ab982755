//! What an expression can name: the last word of each JSON key.

use crate::result::Target;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{MetricInfo, MetricValue, Metrics, Unit};

/// The metrics of `ping` and `sweep`.
pub const METRICS: &[MetricInfo] = &[
    info(
        "loss",
        &[],
        Unit::Percent,
        "probes lost, (lost + net_errors) / (sent - unknown - in_flight)",
    ),
    info("min", &[], Unit::Milliseconds, "smallest round trip"),
    info("mean", &["avg"], Unit::Milliseconds, "mean round trip"),
    info("max", &[], Unit::Milliseconds, "largest round trip"),
    info("last", &[], Unit::Milliseconds, "last round trip"),
    info("stddev", &[], Unit::Milliseconds, "sample standard deviation of the round trips"),
    info("mdev", &[], Unit::Milliseconds, "population standard deviation, as iputils prints it"),
    info("p50", &["median"], Unit::Milliseconds, "median round trip"),
    info("p90", &[], Unit::Milliseconds, "90th percentile of the round trips"),
    info("p95", &[], Unit::Milliseconds, "95th percentile of the round trips"),
    info("p99", &[], Unit::Milliseconds, "99th percentile of the round trips"),
    info(
        "jitter",
        &["ipdv_abs_mean"],
        Unit::Milliseconds,
        "mean |IPDV| of neighbouring probes (RFC 3393)",
    ),
    info(
        "jitter_rfc3550",
        &[],
        Unit::Milliseconds,
        "interarrival jitter (RFC 3550); starts at 0 and lags",
    ),
    info(
        "pdv_p95",
        &[],
        Unit::Milliseconds,
        "95th percentile of the delay above its minimum (RFC 5481)",
    ),
    info("attempted", &[], Unit::Count, "probes tried"),
    info("sent", &[], Unit::Count, "probes that left"),
    info("received", &[], Unit::Count, "probes answered in time"),
    info("lost", &[], Unit::Count, "probes with nothing in time"),
    info("late", &[], Unit::Count, "answers after the timeout"),
    info("net_errors", &[], Unit::Count, "probes answered by an ICMP error"),
    info("local_errors", &[], Unit::Count, "probes that never left"),
    info("unknown", &[], Unit::Count, "probes made meaningless by this machine"),
    info("duplicates", &[], Unit::Count, "further answers"),
    info("reordered", &[], Unit::Count, "answers out of order"),
    info("corrupted", &[], Unit::Count, "answers with changed data"),
    info("responders", &[], Unit::Count, "hosts that answered, many of a group"),
    info("outages", &[], Unit::Count, "runs of probes without an answer"),
    info("hops", &["hops_back"], Unit::Count, "routers that the reply passed, a guess"),
    info("ttl", &[], Unit::Count, "TTL or hop limit of the last reply"),
    info("findings.info", &[], Unit::Count, "findings that explain"),
    info("findings.warning", &[], Unit::Count, "findings that warn"),
    info("findings.critical", &[], Unit::Count, "findings that are critical"),
];

const fn info(
    name: &'static str,
    aliases: &'static [&'static str],
    unit: Unit,
    description: &'static str,
) -> MetricInfo {
    MetricInfo { name, aliases, unit, description }
}

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
            "findings.info" => self.count(Severity::Info),
            "findings.warning" => self.count(Severity::Warning),
            "findings.critical" => self.count(Severity::Critical),
            "outages" => target.outages.len() as f64 + target.outages_omitted as f64,
            name => self.counter(name)? as f64,
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

    fn count(&self, severity: Severity) -> f64 {
        self.findings.iter().filter(|finding| finding.severity == severity).count() as f64
    }
}
