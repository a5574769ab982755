//! What `--fail-if` can name of the sockets of a machine.

use crate::State;
use crate::result::Summary;
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::metrics::{self, MetricInfo, MetricValue, Metrics, Unit};

const fn count(name: &'static str, description: &'static str) -> MetricInfo {
    MetricInfo::new(name, &[], Unit::Count, description)
}

/// Every metric.
pub const METRICS: &[MetricInfo] = &[
    MetricInfo::new(
        "sockets",
        &["count"],
        Unit::Count,
        "sockets that are listed; with a FILTER each count is of what it chooses",
    ),
    count("tcp", "TCP sockets"),
    count("udp", "UDP sockets"),
    count("raw", "raw sockets"),
    count("listen", "TCP sockets in LISTEN"),
    MetricInfo::new("syn_sent", &["syn-sent"], Unit::Count, "in SYN-SENT"),
    MetricInfo::new("syn_received", &["syn-received"], Unit::Count, "in SYN-RECEIVED"),
    count("established", "in ESTABLISHED"),
    MetricInfo::new("fin_wait_1", &["fin-wait-1"], Unit::Count, "in FIN-WAIT-1"),
    MetricInfo::new("fin_wait_2", &["fin-wait-2"], Unit::Count, "in FIN-WAIT-2"),
    MetricInfo::new("close_wait", &["close-wait"], Unit::Count, "in CLOSE-WAIT"),
    count("closing", "in CLOSING"),
    MetricInfo::new("last_ack", &["last-ack"], Unit::Count, "in LAST-ACK"),
    MetricInfo::new("time_wait", &["time-wait"], Unit::Count, "in TIME-WAIT"),
    MetricInfo::new(
        "ephemeral",
        &[],
        Unit::Percent,
        "ports in use to the busiest destination, of those that the kernel picks from, whatever is listed",
    ),
    MetricInfo::of_findings(Severity::Info),
    MetricInfo::of_findings(Severity::Warning),
    MetricInfo::of_findings(Severity::Critical),
    count("not_visible", "sockets whose owner this user cannot see"),
];

/// Those that have a value where no owners are looked for.
pub const WITHOUT_OWNERS: &[MetricInfo] = match METRICS {
    [rest @ .., _] => rest,
    [] => &[],
};

/// What the kernel counts together.
const TIME_WAIT_OR: &str = "time_wait_or_fin_wait_2";

/// Those that need no table to be read.
pub const TOTALS: &[MetricInfo] = &[
    count("tcp", "TCP sockets but those in TIME-WAIT and SYN-RECEIVED"),
    count("udp", "UDP sockets"),
    count("raw", "raw sockets"),
    count(TIME_WAIT_OR, "in TIME-WAIT, or in FIN-WAIT-2 without a program"),
    MetricInfo::of_findings(Severity::Info),
    MetricInfo::of_findings(Severity::Warning),
    MetricInfo::of_findings(Severity::Critical),
];

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The counts.
    pub summary: &'a Summary,
    /// The verdicts.
    pub findings: &'a [Finding],
}

impl Metrics for Measured<'_> {
    fn metric(&self, name: &str) -> Option<MetricValue> {
        let summary = self.summary;
        if let Some(totals) = &summary.totals {
            let count = match name {
                "tcp" => totals.tcp,
                "udp" => totals.udp,
                "raw" => totals.raw,
                TIME_WAIT_OR => totals.time_wait_or_fin_wait_2,
                name => return metrics::findings(name, self.findings).map(MetricValue::Number),
            };
            return count.map(|count| MetricValue::Number(count as f64));
        }
        let tcp: u64 = summary.tcp.values().sum();
        let value = match name {
            "sockets" => (tcp + summary.udp.unwrap_or(0) + summary.raw.unwrap_or(0)) as f64,
            "tcp" => tcp as f64,
            "udp" => summary.udp? as f64,
            "raw" => summary.raw? as f64,
            "not_visible" => summary.owners_not_visible? as f64,
            "ephemeral" => {
                let ephemeral = summary.ephemeral.as_ref()?;
                ephemeral
                    .busiest
                    .first()
                    .map_or(0.0, |busy| f64::from(busy.used) / busy.available.max(1) as f64 * 100.0)
            }
            name => match State::parse(name) {
                Some(states) if states.len() == 1 => {
                    let of = |state: &State| summary.tcp.get(state.name()).copied();
                    states.first().and_then(of).unwrap_or(0) as f64
                }
                _ => metrics::findings(name, self.findings)?,
            },
        };
        Some(MetricValue::Number(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::totals::Totals;

    /// A metric means one thing, whatever is read for it.
    #[test]
    fn what_is_counted_together_has_a_name_of_its_own() {
        let of = |name: &str| METRICS.iter().chain(TOTALS).filter(|info| info.name == name).count();
        assert_eq!((of("time_wait"), of(TIME_WAIT_OR)), (1, 1));
        let totals = Totals { time_wait_or_fin_wait_2: Some(7), ..Totals::default() };
        let summary = Summary { totals: Some(totals), ..Summary::default() };
        let measured = Measured { summary: &summary, findings: &[] };
        assert_eq!(measured.metric(TIME_WAIT_OR), Some(MetricValue::Number(7.0)));
        assert_eq!(measured.metric("time_wait"), None);
    }
}
