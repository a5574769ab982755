//! All that is known of one hop, in lines.

use crate::fold::fold;
use crate::number::ms3_f64;
use crate::trace::row;
use netdiag_trace::result::Hop;

/// The lines under a hop, no wider than this.
pub(super) fn lines(hop: &Hop, width: usize) -> Vec<String> {
    let mut lines = vec![format!(
        "{} sent, {} received, {} lost, {} late, {} twice, {} under way",
        hop.sent, hop.received, hop.lost, hop.late, hop.duplicates, hop.in_flight
    )];
    if let Some([low, high]) = hop.loss_ci95_percent {
        let own = |name, value: Option<f64>| {
            value.map(|value| format!(", {name} {value:.1} %")).unwrap_or_default()
        };
        let (link, node) = (hop.link_loss_percent, hop.node_loss_percent);
        let of = format!("{}{}", own("the link to it", link), own("the hop itself", node));
        lines.push(format!("loss {} ({low:.1}-{high:.1} %){of}", row::loss(hop)));
    }
    if let Some(rtt) = &hop.rtt_ms {
        let [p50, p95, p99] = [rtt.p50, rtt.p95, rtt.p99].map(ms3_f64);
        lines.push(format!("p50 {p50} ms, p95 {p95} ms, p99 {p99} ms"));
    }
    if let Some(jitter) = &hop.jitter_ms {
        let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), ms3_f64);
        let (mean, rfc) = (text(jitter.ipdv_abs_mean), text(jitter.rfc3550));
        lines.push(format!("jitter: mean |ipdv| {mean} ms, RFC 3550 {rfc} ms"));
    }
    if let Some(mtu) = hop.mtu {
        lines.push(format!("packets of {mtu} bytes came as far"));
    }
    for who in row::by_answers(hop) {
        let name = row::name(who.hostname.as_ref());
        let note = row::note(who, false);
        let ttl = who.reply_ttl.map(|ttl| format!(", ttl {ttl}")).unwrap_or_default();
        let note = if note.is_empty() { note } else { format!(", {note}") };
        lines.push(format!("{} ({name}): {} answers{ttl}{note}", who.address, who.received));
    }
    let folded = |line: &String| Vec::from_iter(fold(line, Some(width)).lines().map(str::to_owned));
    lines.iter().flat_map(folded).collect()
}
