//! What an expression can name: the last word of each JSON key.

use crate::result::Target;
use netdiag_model::contract::Rtt;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{self, MetricInfo, MetricValue, Metrics, Unit};

/// The metrics of `trace`: those of times and loss are the target's.
pub const METRICS: &[MetricInfo] = &[
    MetricInfo::new("reached", &[], Unit::Count, "1 where the target answered, else 0"),
    MetricInfo::new("hop_count", &["hops"], Unit::Count, "the TTL that reached the target"),
    MetricInfo::new("loss", &[], Unit::Percent, "probes lost that should have reached the target"),
    MetricInfo::new("min", &[], Unit::Milliseconds, "smallest round trip to the target"),
    MetricInfo::new("mean", &["avg"], Unit::Milliseconds, "mean round trip to the target"),
    MetricInfo::new("max", &[], Unit::Milliseconds, "largest round trip to the target"),
    MetricInfo::new("p50", &["median"], Unit::Milliseconds, "median round trip to the target"),
    MetricInfo::new(
        "p95",
        &[],
        Unit::Milliseconds,
        "95th percentile of the round trips to the target",
    ),
    MetricInfo::new("silent", &[], Unit::Count, "hops of the path that answered nothing"),
    MetricInfo::new("responders", &[], Unit::Count, "different addresses that answered"),
    MetricInfo::new(
        "hops_back",
        &[],
        Unit::Count,
        "routers that the target's answer passed, a guess",
    ),
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
        let end = target.hops.last().filter(|_| target.reached);
        let rtt = |pick: fn(&Rtt) -> f64| end.and_then(|hop| hop.rtt_ms.as_ref()).map(pick);
        let hops = || target.hops.iter();
        let number = match name {
            "reached" => f64::from(u8::from(target.reached)),
            "hop_count" => f64::from(target.hop_count?),
            "loss" => end?.loss_percent?,
            "min" => rtt(|rtt| rtt.min)?,
            "mean" => rtt(|rtt| rtt.mean)?,
            "max" => rtt(|rtt| rtt.max)?,
            "p50" => rtt(|rtt| rtt.p50)?,
            "p95" => rtt(|rtt| rtt.p95)?,
            "silent" => hops().filter(|hop| hop.received == 0).count() as f64,
            "responders" => {
                let all = hops().flat_map(|hop| &hop.responders).map(|who| who.address);
                all.collect::<std::collections::BTreeSet<_>>().len() as f64
            }
            "hops_back" => f64::from(end?.responders.first()?.hops_back?),
            name => metrics::findings(name, self.findings)?,
        };
        Some(MetricValue::Number(number))
    }
}
