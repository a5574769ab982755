//! A result as RIPE Atlas probes report one (its data structure of version 5000): a measurement of no
//! number (0), by a probe of none.

use super::traced::{Traced, targets};
use super::{Setting, list, seconds, source};
use crate::json;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// The version of the structure.
const FIRMWARE: u32 = 5_080;
/// What stands for a figure that there is none of.
const NONE: i32 = -1;

pub(super) fn write(said: &[Value], setting: &Setting, out: &mut dyn Write) -> io::Result<()> {
    for document in said.iter().filter(|document| document["targets"].is_array()) {
        for target in list(&document["targets"]) {
            json::write_line(out, &ping(target, setting))?;
        }
    }
    targets(said).iter().try_for_each(|one| json::write_line(out, &traceroute(one, setting)))
}

/// What all results have.
fn head(target: &Value, setting: &Setting, kind: &str, name: &str) -> Map<String, Value> {
    let source = source(target, setting);
    let protocol = target["protocol"].as_str().unwrap_or_default().to_ascii_uppercase();
    let fields = [
        ("fw", json!(FIRMWARE)),
        ("lts", json!(NONE)),
        ("msm_id", json!(0)),
        ("prb_id", json!(0)),
        ("type", json!(kind)),
        ("msm_name", json!(name)),
        ("timestamp", json!(seconds(setting, 0.0))),
        ("af", json!(if target["family"] == "ipv6" { 6 } else { 4 })),
        ("dst_name", target["target"].clone()),
        ("dst_addr", target["address"].clone()),
        ("src_addr", json!(source)),
        ("from", json!(source)),
        ("proto", json!(protocol)),
        ("size", json!(setting.data_bytes)),
    ];
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn ping(target: &Value, setting: &Setting) -> Value {
    let mut fields = head(target, setting, "ping", "Ping");
    let figure =
        |name: &str| target["rtt_ms"][name].as_f64().map_or_else(|| json!(NONE), |it| json!(it));
    let counts = [("sent", "sent"), ("rcvd", "received"), ("dup", "duplicates")];
    fields.extend(counts.map(|(name, own)| (name.to_owned(), target[own].clone())));
    let figures = [("min", "min"), ("avg", "mean"), ("max", "max")];
    fields.extend(figures.map(|(name, own)| (name.to_owned(), figure(own))));
    if let Some(ttl) = target["reply_ttl"]["last"].as_u64() {
        fields.insert("ttl".to_owned(), json!(ttl));
    }
    let probes = list(&target["probes"]).iter().map(|probe| {
        match (probe["outcome"].as_str(), &probe["failure"]["message"]) {
            (Some("reply"), _) => json!({"rtt": probe["rtt_ms"]}),
            (Some("timeout"), _) | (_, Value::Null) => json!({"x": "*"}),
            (_, message) => json!({"error": message}),
        }
    });
    let probes: Vec<Value> = probes.collect();
    fields.insert("result".to_owned(), Value::Array(probes));
    Value::Object(fields)
}

fn traceroute(one: &Traced<'_>, setting: &Setting) -> Value {
    let target = one.target.unwrap_or(&Value::Null);
    let mut fields = head(target, setting, "traceroute", "Traceroute");
    fields.insert("endtime".to_owned(), json!(seconds(setting, one.ended_ms)));
    fields.insert("paris_id".to_owned(), json!(u8::from(target["flow"] == "constant")));
    let hops = one.probes.iter().map(|(ttl, probes)| {
        let answers: Vec<Value> = probes.iter().map(|probe| answer(one, *ttl, probe)).collect();
        json!({"hop": ttl, "result": answers})
    });
    fields.insert("result".to_owned(), Value::Array(hops.collect()));
    Value::Object(fields)
}

fn answer(one: &Traced<'_>, ttl: u64, probe: &Value) -> Value {
    let Some(from) = probe.get("from").filter(|from| !from.is_null()) else {
        return json!({"x": "*"});
    };
    let mut fields = Map::from_iter([
        ("from".to_owned(), from.clone()),
        ("rtt".to_owned(), probe["rtt_ms"].clone()),
    ]);
    let responder = one.responder(ttl, from);
    if let Some(ttl) = responder.and_then(|responder| responder["reply_ttl"].as_u64()) {
        fields.insert("ttl".to_owned(), json!(ttl));
    }
    let is_target = one.target.is_some_and(|target| target["address"] == *from);
    // traceroute's marks without their exclamation marks; a port that is closed is how UDP arrives.
    let mark = responder.and_then(|responder| responder["mark"].as_str());
    let mark = mark.map(|mark| mark.trim_start_matches('!')).filter(|mark| !mark.is_empty());
    if let Some(mark) = mark.filter(|_| !is_target) {
        fields.insert("err".to_owned(), json!(mark));
    }
    Value::Object(fields)
}
