//! `mtr --json` and `mtr --csv`, as version 0.95 writes them.

use super::{Adapter, Setting, address, list, seconds};
use crate::trace::mtr::{ClassicForm, ClassicOptions, ClassicReport, ClassicTarget, Order};
use netdiag_model::Untrusted;
use netdiag_trace::mtr::Row;
use serde_json::Value;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

/// The headers of a packet in front of its data.
const HEADERS: [u32; 2] = [28, 48];

pub(super) fn write(
    adapter: Adapter,
    said: &[Value],
    setting: &Setting,
    out: &mut dyn Write,
) -> io::Result<()> {
    for document in said {
        let ended_at = seconds(setting, document["elapsed_ms"].as_f64().unwrap_or_default());
        for target in list(&document["targets"]) {
            let is_ipv6 = target["family"] == "ipv6";
            let options = ClassicOptions {
                form: match adapter {
                    Adapter::MtrCsv => ClassicForm::Csv,
                    _ => ClassicForm::Json,
                },
                order: Order::classic(),
                wide: true,
                numeric: false,
                show_ips: false,
                labels: false,
                host: setting.host.clone(),
                traffic_class: setting.traffic_class,
                packet_size: setting.data_bytes + HEADERS[usize::from(is_ipv6)],
                pattern: Some(0),
                rounds: target["cycles"].as_u64().unwrap_or_default(),
            };
            let name = target["target"].as_str().unwrap_or_default();
            let target_of = ClassicTarget {
                name: Untrusted::from(name),
                started_at: document["started_at"].as_str().unwrap_or_default().to_owned(),
                ended_at: i128::from(ended_at),
            };
            let rows: Vec<Row> = list(&target["hops"]).iter().map(row).collect();
            ClassicReport::new(&mut *out, options).finish(&target_of, &rows)?;
        }
    }
    Ok(())
}

/// A hop with mtr's figures.
fn row(hop: &Value) -> Row {
    let (rtt, own) = (&hop["rtt_ms"], &hop["mtr_ms"]);
    let count = |name: &str| hop[name].as_u64().unwrap_or_default();
    let mut responders = list(&hop["responders"]).iter().filter_map(responder);
    let first = |one: &Value, other: &Value| time(if one.is_null() { other } else { one });
    Row {
        ttl: u8::try_from(count("ttl")).unwrap_or(u8::MAX),
        who: responders.next(),
        others: responders.collect(),
        labels: Vec::new(),
        sent: count("sent").saturating_sub(count("unknown") + count("in_flight")),
        received: count("received"),
        is_open: false,
        last: time(&rtt["last"]),
        best: time(&rtt["min"]),
        worst: time(&rtt["max"]),
        mean: first(&own["mean"], &rtt["mean"]),
        stddev: first(&own["stddev"], &rtt["stddev"]),
        geometric_mean: first(&own["gmean"], &hop["gmean_ms"]),
        jitter: time(&own["jitter"]),
        jitter_mean: time(&own["jitter_mean"]),
        jitter_max: time(&own["jitter_max"]),
        interarrival: time(&own["jitter_interarrival"]),
    }
}

fn responder(value: &Value) -> Option<(IpAddr, Option<Untrusted>)> {
    Some((address(&value["address"])?, value["hostname"].as_str().map(Untrusted::from)))
}

/// Milliseconds; none are 0, as there.
fn time(value: &Value) -> Duration {
    let seconds = value.as_f64().unwrap_or_default() / 1e3;
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
