//! What an expectation can name: the last word of each JSON key.

use super::result::Target;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{self, MetricInfo, MetricValue, Metrics, Unit};

/// The metrics of `mtu`. Sizes are bytes of whole packets.
pub const METRICS: &[MetricInfo] = &[
    bytes("path_mtu", &["mtu"], "the largest packet that passes"),
    bytes("interface_mtu", &[], "the MTU of the interface"),
    info("reached", &[], "1 where the target answered, else 0"),
    info("hop_count", &["hops"], "the hop limit that reached the target"),
    info("drops", &[], "routers that said that packets are too big"),
    info("black_hole", &[], "1 where larger packets vanish without a message, else 0"),
    bytes("mss_received", &["mss"], "the segment size that the other end offered"),
    MetricInfo::of_findings(Severity::Info),
    MetricInfo::of_findings(Severity::Warning),
    MetricInfo::of_findings(Severity::Critical),
];

const fn info(
    name: &'static str,
    aliases: &'static [&'static str],
    description: &'static str,
) -> MetricInfo {
    MetricInfo::new(name, aliases, Unit::Count, description)
}

const fn bytes(
    name: &'static str,
    aliases: &'static [&'static str],
    description: &'static str,
) -> MetricInfo {
    MetricInfo::new(name, aliases, Unit::Bytes, description)
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
        let target = self.target;
        let flag = |is: bool| f64::from(u8::from(is));
        let number = match name {
            "path_mtu" => f64::from(target.path_mtu?),
            "interface_mtu" => f64::from(target.interface_mtu?),
            "reached" => flag(target.reached),
            "hop_count" => f64::from(target.hop_count?),
            "drops" => target.drops.len() as f64,
            "black_hole" => flag(target.black_hole.is_some()),
            "mss_received" => f64::from(target.tcp.as_ref()?.mss_received?),
            name => metrics::findings(name, self.findings)?,
        };
        Some(MetricValue::Number(number))
    }
}
