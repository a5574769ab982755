//! The checks of the rows of the feature list, on the built program in real network namespaces.

mod checks;
mod classic;
mod classic_mtr;
mod contract;
mod dnses;
mod endings;
mod explain;
mod firewall;
mod fping;
mod full;
mod groups;
mod hosts;
mod interfaces;
mod ip_options;
mod knobs;
mod links;
mod listed;
mod local;
mod matrix;
mod measuring;
mod mtrs;
mod mtus;
mod names;
mod network;
mod oracle;
mod paths;
mod portable;
mod processes;
mod protocols;
mod rights;
mod sandbox;
mod screens;
mod seccomp;
mod sockets;
mod sources;
mod stalled;
mod streams;
mod sweep_faults;
mod sweep_sources;
mod sweep_targets;
mod sweep_unbegun;
mod sweeps;
mod syn_ports;
mod syns;
mod tcp_http;
mod tcp_http2;
mod tcp_proxies;
mod tcp_seen;
mod tcp_slow;
mod tcp_talks;
mod tcp_tls;
mod tcps;
mod threats;
mod traceroute;
mod traces;
mod unseen;
mod useless;
mod waits;

use crate::support::process::{Ended, NETDIAG, Namespace, netlab, run};
use serde_json::Value;
use std::path::Path;

/// The one event of a type among those of `--output jsonl`.
fn the<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    let mut found = events.iter().filter(|event| event["type"] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}: {events:?}"));
    assert!(found.next().is_none(), "more than one {kind}: {events:?}");
    one
}

/// The events of `--output jsonl`.
fn events(out: &str) -> Vec<Value> {
    let lines = out.lines().filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// When the probes among events were sent, in milliseconds from the start.
fn sent_offsets(events: &[Value]) -> Vec<f64> {
    let probes = events.iter().filter(|event| event["type"] == "probe");
    probes.map(|probe| probe["sent_offset_ms"].as_f64().expect("a number")).collect()
}

/// The program, as root, in a scenario; `None` where there can be no lab.
fn in_scenario(scenario: &Path, arguments: &[&str]) -> Option<Ended> {
    let namespace = Namespace::loopback()?;
    Some(run(namespace
        .command(netlab().to_str()?)
        .arg(scenario)
        .arg("--")
        .arg(NETDIAG)
        .args(arguments)))
}
