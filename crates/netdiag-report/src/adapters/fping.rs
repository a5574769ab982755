//! `fping -J -c`, as version 5.5 writes it: a line of JSON for each target, and before these one for
//! each probe where they are in the document.

use super::list;
use crate::json;
use crate::number::ms3_f64;
use serde_json::Value;
use std::io::{self, Write};

pub(super) fn write(said: &[Value], out: &mut dyn Write) -> io::Result<()> {
    for document in said {
        for target in list(&document["targets"]) {
            list(&target["probes"]).iter().try_for_each(|probe| line(out, target, probe))?;
        }
        list(&document["targets"]).iter().try_for_each(|target| summary(out, target))?;
    }
    Ok(())
}

/// A probe; it counts them from 0.
fn line(out: &mut dyn Write, target: &Value, probe: &Value) -> io::Result<()> {
    let host = json::to_string(&target["target"]);
    let number = probe["seq"].as_u64().unwrap_or_default().saturating_sub(1);
    match (probe["outcome"].as_str(), probe["rtt_ms"].as_f64()) {
        (Some("reply"), Some(rtt)) => {
            let (size, rtt) = (probe["bytes"].as_u64().unwrap_or_default(), ms3_f64(rtt));
            let fields = format!("\"host\": {host}, \"seq\": {number}, \"size\": {size}");
            writeln!(out, "{{\"resp\": {{{fields}, \"rtt\": {rtt}}}}}")
        }
        (Some("timeout" | "net-error"), _) => {
            writeln!(out, "{{\"timeout\": {{\"host\": {host}, \"seq\": {number}}}}}")
        }
        // What this machine did says nothing of the target.
        _ => Ok(()),
    }
}

fn summary(out: &mut dyn Write, target: &Value) -> io::Result<()> {
    let count = |name: &str| target[name].as_u64().unwrap_or_default();
    let sent = count("sent").saturating_sub(count("unknown") + count("in_flight"));
    let (received, host) = (count("received"), json::to_string(&target["target"]));
    // Whole per cent, cut off.
    let loss = (sent.saturating_sub(received) * 100).checked_div(sent).unwrap_or_default();
    let mut fields =
        format!("\"host\": {host}, \"xmt\": {sent}, \"rcv\": {received}, \"loss\": {loss}");
    for (name, figure) in [("rttMin", "min"), ("rttAvg", "mean"), ("rttMax", "max")] {
        if let Some(time) = target["rtt_ms"][figure].as_f64() {
            fields.push_str(&format!(", \"{name}\": {}", ms3_f64(time)));
        }
    }
    writeln!(out, "{{\"summary\": {{{fields}}}}}")
}
