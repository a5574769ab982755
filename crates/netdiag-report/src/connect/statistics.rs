//! What many attempts to one target come to, in lines.

use crate::number::{ms3_f64, thousands};
use netdiag_model::contract::{Jitter, Rtt};
use netdiag_tcp::connect::result::{Outage, Target};

/// The lines of a target that was tried more than once.
pub(super) fn lines(target: &Target) -> Vec<String> {
    let name = target.target.escaped();
    let loss = target.loss_percent.map(|loss| format!(", {loss:.1} % loss")).unwrap_or_default();
    let mut lines = vec![
        format!("--- {name} ---"),
        format!(
            "{} attempts, {} connected{loss}",
            thousands(target.attempts),
            thousands(target.succeeded)
        ),
    ];
    let of = match (target.addresses.len(), target.address) {
        (2.., Some(address)) => format!(" to {address}"),
        _ => String::new(),
    };
    if let Some(rtt) = &target.connect_ms {
        lines.push(format!("connect{of} {}", spread(rtt)));
        if rtt.samples > 1 {
            lines.push(format!("{}{}", percentiles(rtt), jitter(target.jitter_ms.as_ref())));
        }
    }
    if let Some(rtt) = &target.handshake_rtt_ms {
        lines.push(format!("handshake{of} {}", spread(rtt)));
    }
    lines.extend(target.outages.iter().map(outage));
    lines
}

fn spread(rtt: &Rtt) -> String {
    let [min, mean, max, mdev] = [rtt.min, rtt.mean, rtt.max, rtt.mdev].map(ms3_f64);
    format!("min/avg/max/mdev = {min}/{mean}/{max}/{mdev} ms")
}

fn percentiles(rtt: &Rtt) -> String {
    let [p50, p90, p95, p99] = [rtt.p50, rtt.p90, rtt.p95, rtt.p99].map(ms3_f64);
    format!("p50/p90/p95/p99 = {p50}/{p90}/{p95}/{p99} ms")
}

fn jitter(jitter: Option<&Jitter>) -> String {
    let mean = jitter.and_then(|jitter| jitter.ipdv_abs_mean);
    mean.map(|mean| format!("; jitter {} ms (mean |ipdv|)", ms3_f64(mean))).unwrap_or_default()
}

/// An outage, by the time of the day.
fn outage(outage: &Outage) -> String {
    let at = outage.started_at.get(11..21).unwrap_or(&outage.started_at);
    let seconds = outage.duration_ms / 1e3;
    let end = if outage.ongoing { ", to the end" } else { "" };
    let count = outage.lost + outage.local_errors;
    format!(
        "outage of {} from {at} for {seconds:.1} s{end}: {}, {}",
        outage.address,
        match count {
            1 => "1 attempt".to_owned(),
            count => format!("{} attempts in a row", thousands(count)),
        },
        outage.cause
    )
}
