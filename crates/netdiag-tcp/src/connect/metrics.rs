//! What `--fail-if` can name.

use super::event::Attempt;
use super::result::{Http, Phases, Target, Tls, http, phases};
use netdiag_model::contract::{Jitter, Rtt};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{self, MetricInfo, MetricValue, Metrics, Unit};
use netdiag_model::milliseconds;
use std::time::Duration;

/// Every metric of a `tcp-connect`.
pub const METRICS: &[MetricInfo] = &[
    MetricInfo::new("connect", &["p50"], Unit::Milliseconds, "median time to open a connection"),
    MetricInfo::new(
        "handshake",
        &["handshake_rtt"],
        Unit::Milliseconds,
        "median handshake by the kernel",
    ),
    MetricInfo::new("min", &[], Unit::Milliseconds, "shortest time to open"),
    MetricInfo::new("mean", &["avg"], Unit::Milliseconds, "mean time to open"),
    MetricInfo::new("max", &[], Unit::Milliseconds, "longest time to open"),
    MetricInfo::new("last", &[], Unit::Milliseconds, "last time to open"),
    MetricInfo::new("stddev", &[], Unit::Milliseconds, "sample standard deviation (n - 1)"),
    MetricInfo::new("mdev", &[], Unit::Milliseconds, "population standard deviation"),
    MetricInfo::new("p90", &[], Unit::Milliseconds, "90th percentile of the time to open"),
    MetricInfo::new("p95", &[], Unit::Milliseconds, "95th percentile of the time to open"),
    MetricInfo::new("p99", &[], Unit::Milliseconds, "99th percentile of the time to open"),
    MetricInfo::new(
        "jitter",
        &[],
        Unit::Milliseconds,
        "mean |ipdv| of neighbouring attempts (RFC 3393)",
    ),
    MetricInfo::new("jitter_rfc3550", &[], Unit::Milliseconds, "interarrival jitter (RFC 3550)"),
    MetricInfo::new("resolve", &[], Unit::Milliseconds, "look-up of the name"),
    MetricInfo::new("tls", &[], Unit::Milliseconds, "TLS handshake"),
    MetricInfo::new("proxy", &[], Unit::Milliseconds, "connection of the proxy to the target"),
    MetricInfo::new("total", &[], Unit::Milliseconds, "look-up, connection and TLS"),
    MetricInfo::new(
        "first_byte",
        &["ttfb"],
        Unit::Milliseconds,
        "from the connection to the first byte",
    ),
    MetricInfo::new(
        "unexpected",
        &[],
        Unit::Count,
        "connections over which not what was expected came",
    ),
    MetricInfo::new(
        "fallback",
        &[],
        Unit::Milliseconds,
        "what addresses cost that do not answer (RFC 8305)",
    ),
    MetricInfo::new("loss", &[], Unit::Percent, "attempts without an answer of the target"),
    MetricInfo::new("open", &["reached"], Unit::Bool, "whether a connection opened"),
    MetricInfo::new("attempts", &["sent"], Unit::Count, "attempts to all addresses"),
    MetricInfo::new("succeeded", &["received"], Unit::Count, "connections that opened"),
    MetricInfo::new("failed", &[], Unit::Count, "attempts that failed, but for local errors"),
    MetricInfo::new("refused", &[], Unit::Count, "attempts that were refused"),
    MetricInfo::new("reset", &[], Unit::Count, "connections that were reset at once"),
    MetricInfo::new("timeouts", &["lost"], Unit::Count, "attempts without any answer"),
    MetricInfo::new("net_errors", &[], Unit::Count, "attempts answered by an ICMP error"),
    MetricInfo::new("local_errors", &[], Unit::Count, "attempts that failed on this machine"),
    MetricInfo::new("unknown", &[], Unit::Count, "attempts made meaningless by this machine"),
    MetricInfo::new("retransmitted", &[], Unit::Count, "connections that needed more than one SYN"),
    MetricInfo::new("outages", &[], Unit::Count, "runs of attempts that failed"),
    MetricInfo::new("status", &[], Unit::Count, "status of the last answer by HTTP"),
    MetricInfo::new("size", &[], Unit::Bytes, "body of the last answer by HTTP"),
    MetricInfo::new("transfer", &[], Unit::Milliseconds, "from its first byte to its last"),
    MetricInfo::new("redirects", &[], Unit::Count, "redirects that were followed"),
    MetricInfo::new("body", &[], Unit::Text, "body of the last answer, its first 64 KiB"),
    MetricInfo::new("header:", &[], Unit::Text, "a header field of it: header:content-type"),
    MetricInfo::new("verified", &[], Unit::Bool, "whether TLS is spoken and to be believed"),
    MetricInfo::new(
        "days_left",
        &[],
        Unit::Count,
        "whole days that the certificate is still valid",
    ),
    MetricInfo::new("path_mtu", &[], Unit::Bytes, "the path MTU that the kernel goes by"),
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
        let rtt = |pick: fn(&Rtt) -> Option<f64>| target.connect_ms.as_ref().and_then(pick);
        let jitter = |pick: fn(&Jitter) -> Option<f64>| target.jitter_ms.as_ref().and_then(pick);
        if is_of_attempt(name) {
            let (tls, http) = (target.tls.as_ref(), target.http.as_ref());
            return of_attempt(name, &target.phases_ms, tls, http);
        }
        let number = match name {
            "open" => return Some(MetricValue::Bool(target.succeeded > 0)),
            "connect" => rtt(|r| Some(r.p50))?,
            "handshake" => target.handshake_rtt_ms.as_ref()?.p50,
            "min" => rtt(|r| Some(r.min))?,
            "mean" => rtt(|r| Some(r.mean))?,
            "max" => rtt(|r| Some(r.max))?,
            "last" => rtt(|r| Some(r.last))?,
            "stddev" => rtt(|r| r.stddev)?,
            "mdev" => rtt(|r| Some(r.mdev))?,
            "p90" => rtt(|r| Some(r.p90))?,
            "p95" => rtt(|r| Some(r.p95))?,
            "p99" => rtt(|r| Some(r.p99))?,
            "jitter" => jitter(|j| j.ipdv_abs_mean)?,
            "jitter_rfc3550" => jitter(|j| j.rfc3550)?,
            "fallback" => target.happy_eyeballs.as_ref()?.fallback_ms?,
            "loss" => target.loss_percent?,
            "path_mtu" => f64::from(target.tcp_info.as_ref()?.path_mtu),
            "outages" => target.outages.len() as f64 + target.outages_omitted as f64,
            name => match self.counter(name) {
                Some(count) => count as f64,
                None => metrics::findings(name, self.findings)?,
            },
        };
        Some(MetricValue::Number(number))
    }
}

/// One attempt, as an expression sees it: without what only many together have.
#[derive(Debug)]
pub struct AttemptMetrics {
    phases: Phases,
    tls: Option<Tls>,
    http: Option<Http>,
}

impl AttemptMetrics {
    /// Of an attempt; `resolve`: how long the look-up of the name took.
    #[must_use]
    pub fn of(attempt: &Attempt, resolve: Option<Duration>) -> Self {
        let talk = attempt.talk.as_deref();
        Self {
            phases: phases(attempt, resolve.map(milliseconds)),
            tls: talk.and_then(|talk| talk.tls.as_deref()).map(Tls::from),
            http: talk.and_then(|talk| talk.http.as_deref()).and_then(http),
        }
    }
}

impl AttemptMetrics {
    /// What came by HTTP.
    #[must_use]
    pub const fn http(&self) -> Option<&Http> {
        self.http.as_ref()
    }
}

impl Metrics for AttemptMetrics {
    fn metric(&self, name: &str) -> Option<MetricValue> {
        of_attempt(name, &self.phases, self.tls.as_ref(), self.http.as_ref())
    }
}

/// Whether a metric is one that each attempt has for itself.
#[must_use]
pub fn is_of_attempt(name: &str) -> bool {
    const ALL: [&str; 12] = [
        "resolve",
        "tls",
        "proxy",
        "total",
        "first_byte",
        "transfer",
        "status",
        "size",
        "redirects",
        "body",
        "verified",
        "days_left",
    ];
    ALL.contains(&name) || name.starts_with("header:")
}

/// What an attempt has of a metric.
fn of_attempt(
    name: &str,
    phases: &Phases,
    tls: Option<&Tls>,
    http: Option<&Http>,
) -> Option<MetricValue> {
    if let Some(field) = name.strip_prefix("header:") {
        let mut headers = http?.headers.iter();
        let found = headers.find(|one| one.name.as_raw().eq_ignore_ascii_case(field))?;
        return Some(MetricValue::Text(found.value.as_raw().to_owned()));
    }
    Some(MetricValue::Number(match name {
        "verified" => return Some(MetricValue::Bool(tls?.verified)),
        "body" => return Some(MetricValue::Text(http?.body.clone())),
        "resolve" => phases.resolve?,
        "tls" => phases.tls?,
        "proxy" => phases.proxy?,
        "total" => phases.total?,
        "first_byte" => phases.first_byte?,
        "transfer" => phases.body?,
        "status" => f64::from(http?.status?),
        "size" => http?.body_bytes as f64,
        "redirects" => http?.redirects.len() as f64,
        "days_left" => tls?.chain.first()?.days_left as f64,
        _ => return None,
    }))
}

impl TargetMetrics<'_> {
    fn counter(&self, name: &str) -> Option<u64> {
        let target = self.target;
        Some(match name {
            "attempts" => target.attempts,
            "succeeded" => target.succeeded,
            "failed" => target.failed,
            "unexpected" => target.unexpected,
            "refused" => target.refused,
            "reset" => target.reset,
            "timeouts" => target.timeouts,
            "net_errors" => target.net_errors,
            "local_errors" => target.local_errors,
            "unknown" => target.unknown,
            "retransmitted" => target.retransmitted,
            _ => return None,
        })
    }
}
