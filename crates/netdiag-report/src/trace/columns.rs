//! The columns of CSV, and a row for each hop.

use serde_json::Value;
use std::io;

/// The columns of CSV: of the target, of the hop, of the first that answered there, and all of them.
/// New ones only at the end.
pub(super) const COLUMNS: &[&str] = &[
    "target",
    "address",
    "family",
    "protocol",
    "port",
    "flow",
    "method.socket",
    "method.timestamps",
    "reached",
    "hop_count",
    "stop_reason",
    "final.state",
    "hop.ttl",
    "hop.sent",
    "hop.received",
    "hop.lost",
    "hop.late",
    "hop.duplicates",
    "hop.net_errors",
    "hop.local_errors",
    "hop.unknown",
    "hop.in_flight",
    "hop.loss_percent",
    "hop.loss_ci95_percent.0",
    "hop.loss_ci95_percent.1",
    "hop.link_loss_percent",
    "hop.rtt_ms.min",
    "hop.rtt_ms.mean",
    "hop.rtt_ms.max",
    "hop.rtt_ms.stddev",
    "hop.rtt_ms.last",
    "hop.rtt_ms.p50",
    "hop.rtt_ms.p95",
    "hop.rtt_ms.samples",
    "hop.jitter_ms.ipdv_abs_mean",
    "hop.responders.0.address",
    "hop.responders.0.hostname",
    "hop.responders.0.received",
    "hop.responders.0.reply_ttl",
    "hop.responders.0.hops_back",
    "hop.responders.0.icmp.type",
    "hop.responders.0.icmp.code",
    "hop.responders.0.mark",
    "hop.responders.0.quoted_ttl",
    "hop.responders.0.mpls",
    "hop.responders.0.nat",
    "hop.responders.0.mtu",
    "hop.responders.0.changed",
    "hop.responders",
    "failure.stage",
    "failure.reason",
    "failure.message",
    "cycles",
    "hop.node_loss_percent",
    "hop.loss_is_forwarding",
    "hop.responders.0.asn",
    "hop.mtu",
];

/// Hands each row that a target has to `write`: one for each hop, one where there is none.
pub(super) fn rows(
    mut target: Value,
    write: &mut dyn FnMut(&Value) -> io::Result<()>,
) -> io::Result<()> {
    let hops = target.as_object_mut().and_then(|object| object.remove("hops"));
    let Some(Value::Array(hops)) = hops.filter(|hops| *hops != Value::Array(Vec::new())) else {
        return write(&target);
    };
    for hop in hops {
        if let Some(row) = target.as_object_mut() {
            row.insert("hop".to_owned(), hop);
        }
        write(&target)?;
    }
    Ok(())
}
