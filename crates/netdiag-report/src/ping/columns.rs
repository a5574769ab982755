//! The columns of CSV.

/// The columns of CSV. New ones only at the end.
pub(crate) const COLUMNS: &[&str] = &[
    "target",
    "address",
    "family",
    "hostname",
    "protocol",
    "port",
    "method.socket",
    "method.timestamps",
    "attempted",
    "sent",
    "received",
    "lost",
    "late",
    "net_errors",
    "local_errors",
    "unknown",
    "in_flight",
    "duplicates",
    "reordered",
    "corrupted",
    "truncated",
    "loss_percent",
    "loss_ci95_percent.0",
    "loss_ci95_percent.1",
    "rtt_ms.min",
    "rtt_ms.mean",
    "rtt_ms.max",
    "rtt_ms.stddev",
    "rtt_ms.mdev",
    "rtt_ms.last",
    "rtt_ms.p50",
    "rtt_ms.p90",
    "rtt_ms.p95",
    "rtt_ms.p99",
    "rtt_ms.samples",
    "percentiles",
    "jitter_ms.rfc3550",
    "jitter_ms.ipdv_abs_mean",
    "jitter_ms.ipdv_min",
    "jitter_ms.ipdv_max",
    "jitter_ms.pdv_p95",
    "reply_ttl.last",
    "reply_ttl.min",
    "reply_ttl.max",
    "hops_back",
    "initial_ttl_guess",
    "outages_omitted",
    "failure.stage",
    "failure.reason",
    "failure.message",
    "cast",
    "responders",
    "sources_omitted",
    "method.because",
    "method.lost",
    "probes_omitted",
    "failure.errno.number",
    "failure.errno.name",
    "failure.icmp.type",
    "failure.icmp.code",
    "failure.icmp.name",
    "failure.icmp.from",
    "rejected.bad-checksum",
    "rejected.truncated",
    "rejected.wrong-source",
    "rejected.wrong-sequence",
    "rejected.bad-tag",
    "rejected.unknown-probe",
    "rejected.unparsable-quote",
    "rejected.implausible-mtu",
    "rejected.ambiguous",
    "identifier_changes",
    "identifier_changes_that_helped",
    "skipped",
    "method.remedy",
    "rejected.wrong-port",
    "goal.state",
    "goal.wanted",
    "goal.longest",
    "goal.reached",
    "goal.after_ms",
    "rejected.wrong-question",
    "rejected.no-answer",
];

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_engine::outcome::Reason;
    use netdiag_ping::Protocol;
    use netdiag_ping::result::Target;
    use serde_json::Value;

    /// The dotted keys of an object, without those of its lists.
    fn keys(value: &Value, before: &str, found: &mut Vec<String>) {
        let Value::Object(object) = value else { return found.push(before.to_owned()) };
        for (key, value) in object {
            let dot = if before.is_empty() { "" } else { "." };
            keys(value, &format!("{before}{dot}{key}"), found);
        }
    }

    #[test]
    fn every_field_that_fits_a_row_and_every_reason_has_a_column() {
        let target = Target::unmeasured("x".into(), None, Protocol::Icmp, None);
        let mut found = Vec::new();
        keys(&serde_json::to_value(target).expect("plain"), "", &mut found);
        let lists = ["icmp_errors", "outages", "probes", "sources"];
        for key in found.iter().filter(|key| !lists.contains(&key.as_str())) {
            let inner = format!("{key}.");
            let has = |column: &&str| **column == *key || column.starts_with(&inner);
            assert!(COLUMNS.iter().any(has) || key == "rejected", "no column for {key}");
        }
        for reason in Reason::ALL {
            let column = format!("rejected.{}", reason.name());
            assert!(COLUMNS.contains(&column.as_str()), "no column {column}");
        }
    }
}
