//! What an expression can name: the last word of each JSON key.

use crate::class::Class;
use crate::kind::RecordType;
use crate::result::{ServerResult, Target};
use crate::transfer::TransferKind;
use netdiag_model::contract::{Jitter, Rtt};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{self, MetricInfo, MetricValue, Metrics, Unit};
use std::convert::Infallible;

/// The metrics of `dns`.
pub const METRICS: &[MetricInfo] = &[
    MetricInfo::new("outcome", &[], Unit::Text, "what became of the last query, such as answer"),
    MetricInfo::new("rcode", &[], Unit::Text, "the rcode of the last answer, such as NOERROR"),
    MetricInfo::new("transport", &[], Unit::Text, "what carried the last query, such as udp"),
    MetricInfo::new(
        "answers",
        &[],
        Unit::Count,
        "records of the type that was asked for, or of a transfer",
    ),
    MetricInfo::new("data", &[], Unit::Text, "the data of those, one after the other"),
    MetricInfo::new("ttl", &[], Unit::Seconds, "the shortest time that an answer may be kept"),
    MetricInfo::new("serial", &[], Unit::None, "the serial number of the zone, where it was told"),
    MetricInfo::new("size", &[], Unit::Bytes, "the last answer"),
    MetricInfo::new("ad", &[], Unit::Bool, "whether the server validated the answer"),
    MetricInfo::new("aa", &[], Unit::Bool, "whether the server is responsible for the name"),
    MetricInfo::new("dnssec", &[], Unit::Text, "what the answer is worth, with --dnssec: secure"),
    MetricInfo::new("truncated", &[], Unit::Bool, "whether the answer was cut"),
    MetricInfo::new("retried_over_tcp", &[], Unit::Bool, "whether TCP was needed"),
    MetricInfo::new("agree", &[], Unit::Bool, "whether the servers say the same"),
    MetricInfo::new("loss", &[], Unit::Percent, "queries lost or refused"),
    MetricInfo::new("min", &[], Unit::Milliseconds, "shortest time to an answer"),
    MetricInfo::new("mean", &["avg"], Unit::Milliseconds, "mean time to an answer"),
    MetricInfo::new("max", &[], Unit::Milliseconds, "longest time to an answer"),
    MetricInfo::new("p50", &["median"], Unit::Milliseconds, "median time to an answer"),
    MetricInfo::new("p90", &[], Unit::Milliseconds, "90th percentile of those times"),
    MetricInfo::new("p95", &[], Unit::Milliseconds, "95th percentile of those times"),
    MetricInfo::new("p99", &[], Unit::Milliseconds, "99th percentile of those times"),
    MetricInfo::new("jitter", &["ipdv_abs_mean"], Unit::Milliseconds, "mean |IPDV| of a series"),
    MetricInfo::new(
        "connect",
        &[],
        Unit::Milliseconds,
        "time to open the connection, over TCP or QUIC",
    ),
    MetricInfo::new("sent", &[], Unit::Count, "queries that left"),
    MetricInfo::new("received", &[], Unit::Count, "queries answered in time"),
    MetricInfo::new("lost", &[], Unit::Count, "queries with nothing in time"),
    MetricInfo::new("late", &[], Unit::Count, "answers after the timeout"),
    MetricInfo::of_findings(Severity::Info),
    MetricInfo::of_findings(Severity::Warning),
    MetricInfo::of_findings(Severity::Critical),
];

/// What one server said, and the verdicts over the run, as an expression sees them.
#[derive(Clone, Copy, Debug)]
pub struct ResultMetrics<'a> {
    /// The question.
    pub target: &'a Target,
    /// What the server said.
    pub result: &'a ServerResult,
    /// The verdicts.
    pub findings: &'a [Finding],
}

impl Metrics for ResultMetrics<'_> {
    fn metric(&self, name: &str) -> Option<MetricValue> {
        let (target, result) = (self.target, self.result);
        let flag = |flag| result.rcode.is_some().then(|| result.flags.contains(&flag));
        let text = match name {
            "outcome" => Some(result.outcome.name().to_owned()),
            "rcode" => result.rcode.as_deref().map(ToOwned::to_owned),
            "dnssec" => result.dnssec.as_ref().map(|it| it.status.name().to_owned()),
            "transport" => Some(result.transport.name().to_owned()),
            "data" => {
                let mut all = String::new();
                self.each_wanted(|record| {
                    all.push_str(if all.is_empty() { "" } else { "\n" });
                    all.push_str(record.data.as_str());
                });
                Some(all).filter(|all| !all.is_empty())
            }
            _ => None,
        };
        let truth = match name {
            "ad" | "aa" => flag(name),
            "truncated" => result.rcode.is_some().then_some(result.truncated),
            "retried_over_tcp" => Some(result.retried_over_tcp),
            "agree" => target.agree,
            _ => None,
        };
        let value = text.map(MetricValue::Text).or_else(|| truth.map(MetricValue::Bool));
        value.or_else(|| self.number(name).map(MetricValue::Number))
    }
}

impl ResultMetrics<'_> {
    fn wanted(&self) -> impl Iterator<Item = &crate::message::Record> {
        let kind = self.target.kind.as_ref();
        let answers = self.result.answers.iter();
        let is_answer = self.result.outcome == Class::Answer;
        answers.filter(move |record| is_answer && (record.kind == kind || kind == "ANY"))
    }

    /// Does something with each record that was asked for; of a transfer that was kept with all but those
    /// that are gone.
    fn each_wanted(&self, mut what: impl FnMut(&crate::message::Record)) {
        let Some(transfer) = &self.result.transfer else { return self.wanted().for_each(what) };
        if self.result.outcome != Class::Answer {
            return;
        }
        // Behind the first SOA record stand, each behind one of its own, what is gone and what is new in turn
        // (RFC 1995 section 4).
        let (has_gone, mut soas) = (transfer.kind == Some(TransferKind::Changes), 0_u64);
        let all = self.result.answers.each(|record| {
            soas += u64::from(record.number == RecordType::SOA);
            if !(has_gone && soas > 0 && soas.is_multiple_of(2)) {
                what(record);
            }
            Ok::<(), Infallible>(())
        });
        match all {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        let result = self.result;
        let rtt = |pick: fn(&Rtt) -> f64| result.rtt_ms.as_ref().map(pick);
        let jitter = |pick: fn(&Jitter) -> Option<f64>| result.jitter_ms.as_ref().and_then(pick);
        match name {
            "answers" => match &result.transfer {
                Some(transfer) => Some(transfer.records as f64),
                None => Some(self.wanted().count() as f64),
            },
            "ttl" => {
                let mut least = None;
                self.each_wanted(|record| least = Some(record.ttl.min(least.unwrap_or(u32::MAX))));
                least.map(f64::from)
            }
            "serial" => {
                if let Some(transfer) = &result.transfer {
                    return transfer.serial.map(f64::from);
                }
                let mut all = result.answers.iter().chain(&result.authorities);
                let soa = all.find(|record| record.kind == "SOA")?;
                soa.data.as_str().split(' ').nth(2)?.parse().ok()
            }
            "size" => result.size_bytes.map(|bytes| bytes as f64),
            "loss" => result.loss_percent,
            "min" => rtt(|rtt| rtt.min),
            "mean" => rtt(|rtt| rtt.mean),
            "max" => rtt(|rtt| rtt.max),
            "p50" => rtt(|rtt| rtt.p50),
            "p90" => rtt(|rtt| rtt.p90),
            "p95" => rtt(|rtt| rtt.p95),
            "p99" => rtt(|rtt| rtt.p99),
            "jitter" => jitter(|jitter| jitter.ipdv_abs_mean),
            "connect" => result.phases_ms.map(|phases| phases.connect),
            "sent" => Some(result.sent as f64),
            "received" => Some(result.received as f64),
            "lost" => Some(result.lost as f64),
            "late" => Some(result.late as f64),
            name => metrics::findings(name, self.findings),
        }
    }
}
