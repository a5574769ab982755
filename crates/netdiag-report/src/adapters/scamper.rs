//! A trace as `sc_warts2json` writes one: what was not measured is not there.

use super::traced::{Traced, targets};
use super::{Setting, seconds, source};
use crate::json;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

pub(super) fn write(said: &[Value], setting: &Setting, out: &mut dyn Write) -> io::Result<()> {
    let started = seconds(setting, 0.0);
    let cycle = |kind: &str, name: &str, at: i64| {
        json!({
            "type": kind, "list_name": "default", "id": 1, "hostname": setting.host, name: at,
        })
    };
    let all = targets(said);
    let ended = all.iter().map(|one| one.ended_ms).fold(0.0, f64::max);
    json::write_line(out, &cycle("cycle-start", "start_time", started))?;
    let arguments = said.first().map(|line| &line["arguments"]);
    for one in &all {
        json::write_line(out, &trace(one, arguments.unwrap_or(&Value::Null), setting))?;
    }
    json::write_line(out, &cycle("cycle-stop", "stop_time", seconds(setting, ended)))
}

fn trace(one: &Traced<'_>, arguments: &Value, setting: &Setting) -> Value {
    let target = one.target.unwrap_or(&Value::Null);
    let constant = if target["flow"] == "constant" { "-paris" } else { "" };
    let method = match target["protocol"].as_str() {
        Some("icmp") => format!("icmp-echo{constant}"),
        Some("udp") => format!("udp{constant}"),
        _ => "tcp".to_owned(),
    };
    let stopped = match target["stop_reason"].as_str() {
        Some("reached") => "COMPLETED",
        Some("unreachable") => "UNREACH",
        Some("loop") => "LOOP",
        Some("gap-limit") => "GAPLIMIT",
        Some("max-ttl") => "HOPLIMIT",
        Some("deadline") => "HALTED",
        _ => "NONE",
    };
    let probes =
        one.probes.iter().flat_map(|(ttl, probes)| (1..).zip(probes).map(move |it| (*ttl, it)));
    let hops: Vec<Value> =
        probes.filter_map(|(ttl, (number, probe))| hop(one, ttl, number, probe)).collect();
    let last = one.probes.keys().next_back().copied();
    json!({
        "type": "trace",
        "version": "0.1",
        "userid": 0,
        "method": method,
        "src": source(target, setting),
        "dst": target["address"],
        "dport": target["port"],
        "stop_reason": stopped,
        "stop_data": 0,
        "start": start(setting),
        "hop_count": target["hop_count"].as_u64().or(last),
        "attempts": target["cycles"],
        "hoplimit": arguments["max_ttl"],
        "firsthop": arguments["first_ttl"],
        "tos": setting.traffic_class,
        "probe_count": one.probes.values().map(Vec::len).sum::<usize>(),
        "hops": hops,
    })
}

fn start(setting: &Setting) -> Value {
    let micros = setting.started.div_euclid(1_000);
    json!({
        "sec": micros.div_euclid(1_000_000) as i64,
        "usec": micros.rem_euclid(1_000_000) as i64,
    })
}

/// An answer; there is none of a probe that was not answered.
fn hop(one: &Traced<'_>, ttl: u64, number: u64, probe: &Value) -> Option<Value> {
    let from = probe.get("from").filter(|from| !from.is_null())?;
    let mut fields = Map::from_iter([
        ("addr".to_owned(), from.clone()),
        ("probe_ttl".to_owned(), json!(ttl)),
        ("probe_id".to_owned(), json!(number)),
        ("rtt".to_owned(), probe["rtt_ms"].clone()),
    ]);
    if let Some(responder) = one.responder(ttl, from) {
        let known =
            [("name", "hostname"), ("reply_ttl", "reply_ttl"), ("icmp_q_ttl", "quoted_ttl")];
        let known = known.iter().filter(|(_, own)| !responder[own].is_null());
        fields.extend(known.map(|(name, own)| ((*name).to_owned(), responder[own].clone())));
    }
    match (&probe["icmp"], one.target.map(|target| &target["protocol"])) {
        (Value::Null, Some(protocol)) if protocol == "icmp" => {
            fields.insert("icmp_type".to_owned(), reply_kind(from));
            fields.insert("icmp_code".to_owned(), json!(0));
        }
        (Value::Null, _) => {}
        (icmp, _) => {
            fields.insert("icmp_type".to_owned(), icmp["type"].clone());
            fields.insert("icmp_code".to_owned(), icmp["code"].clone());
        }
    }
    Some(Value::Object(fields))
}

/// The type of an echo reply (RFC 792, RFC 4443 section 4.2).
fn reply_kind(from: &Value) -> Value {
    let is_ipv6 = from.as_str().is_some_and(|from| from.contains(':'));
    json!(if is_ipv6 { 129 } else { 0 })
}
