//! The same scenarios behind the real kernel: the built program in netlab gives the figures of the
//! run in virtual time, and so does the classic tool.

use super::documents::{check_counters, count};
use crate::support::{process, world};
use netdiag_model::contract::SocketKind;
use serde_json::Value;
use std::process::Command;

/// The scenario, the arguments, the shortest round trip in milliseconds.
#[rustfmt::skip]
const RUNS: &[(&str, &str, f64)] = &[
    ("plain-20ms", "-c 20 -i 0.05 10.9.2.2 fd09:2::2", 20.0),
    ("two-routers-ttl62", "-c 3 -i 0.1 10.9.2.2 10.9.3.2 fd09:2::2", 10.0),
    ("loss-exact", "-c 40 -i 0.05 10.9.2.2", 10.0),
    ("loss-exact", "-c 40 -i 0.05 fd09:2::2", 10.0),
    ("loss-random", "-c 100 -i 0.05 10.9.2.2", 10.0),
    ("duplicate", "-c 9 -i 0.1 10.9.2.2", 10.0),
    ("late-1500ms", "-W 1 -c 8 -i 0.3 10.9.2.2", 10.0),
    ("forged", "-c 2 -W 1 -i 0.1 10.9.2.10 10.9.2.11 10.9.2.12 10.9.2.13 10.9.2.14 10.9.2.15 \
        10.9.2.16 10.9.2.17 10.9.2.18 10.9.2.19 10.9.2.20 10.9.2.21 10.9.2.50", 10.0),
    ("forged", "-c 2 -W 1 -i 0.1 fd09:2::10 fd09:2::11 fd09:2::12 fd09:2::13 fd09:2::14 \
        fd09:2::15 fd09:2::16 fd09:2::17 fd09:2::18 fd09:2::19 fd09:2::20 fd09:2::21 fd09:2::50",
        10.0),
    ("icmp-errors", "-c 1 -s 1400 10.3.0.9 10.3.1.9 10.3.3.9 10.3.4.9 10.3.13.9 10.5.1.9 10.11.0.9 \
        10.12.0.9 fd01:0::9 fd01:1::9 fd01:3::9 fd02::9 fd03:0::9 fd04:0::9", 10.0),
    // The changes at 5 and 8 s are far from every request, however late the program starts.
    ("outage-3s", "-W 1 -c 11 -i 0.9 10.9.2.2", 10.0),
    ("outage-host-unreachable", "-W 1 -c 11 -i 0.9 10.9.2.2", 10.0),
    ("silent", "-W 1 -c 5 -i 0.1 10.9.2.2", 10.0),
    ("queries", "--proto icmp-timestamp -c 3 -i 0.1 10.9.2.2", 20.0),
    ("queries", "--proto icmp-probe --probe-interface eth0 -c 3 -i 0.1 10.9.2.2 fd09:2::2", 20.0),
    ("reorder", "-c 10 -i 0.1 10.9.2.2", 10.0),
    ("dns-server", "--proto udp:53 -c 3 -i 0.1 10.9.2.53 fd09:2::53", 20.0),
];

pub(super) fn in_netlab(scenario: &str, command: &[&str]) -> process::Ended {
    let mut lab = Command::new(process::netlab());
    lab.arg(process::scenario(scenario)).arg("--").args(command);
    process::run(&mut lab)
}

/// Whether a lab can be made here.
pub(super) fn has_lab() -> bool {
    let ended = in_netlab("plain-20ms", &["true"]);
    match ended.code() {
        Some(0) => true,
        Some(77) => process::skip::<()>(ended.err.trim()).is_some(),
        _ => panic!("netlab: {ended:?}"),
    }
}

const COUNTERS: [&str; 14] = [
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
    "hops_back",
];

/// What must not depend on the mount.
fn figures(target: &Value) -> Vec<(String, Value)> {
    let counters = COUNTERS.map(|key| (key.to_owned(), target[key].clone()));
    let further = ["address", "rejected", "icmp_errors", "reply_ttl", "loss_percent"];
    let mut figures: Vec<_> =
        further.map(|key| (key.to_owned(), target[key].clone())).into_iter().collect();
    figures.extend(counters);
    for probe in target["probes"].as_array().expect("probes") {
        let figure = (format!("probe {}", probe["seq"]), probe["outcome"].clone());
        figures.push(figure);
    }
    figures
}

fn compare(scenario: &str, arguments: &str, least_ms: f64) -> Vec<String> {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let mut command = vec![process::NETDIAG, "ping", "--json"];
    command.extend(&words);
    let ended = in_netlab(scenario, &command);
    let real: Value = match serde_json::from_str(&ended.out) {
        Ok(document) => document,
        Err(fault) => return vec![format!("{scenario}: {fault}: {ended:?}")],
    };
    let ran = world::run(scenario, SocketKind::Raw, &command[1..]);
    let expected: Value = serde_json::from_str(&ran.out).expect("a document");
    let mut faults = Vec::new();
    if real["exit_code"] != expected["exit_code"] || ended.code() != Some(ran.status.code().into())
    {
        faults.push(format!("exit code {:?}, not {:?}", ended.code(), ran.status));
    }
    let found = |document: &Value| {
        let findings = document["findings"].as_array().expect("findings").iter();
        let known = findings.map(|f| format!("{} of {}", f["code"], f["target_index"]));
        known.collect::<Vec<_>>()
    };
    if found(&real) != found(&expected) {
        let (real, expected) = (found(&real), found(&expected));
        faults.push(format!("{scenario}: findings {real:?}, in virtual time {expected:?}"));
    }
    let targets = |document: &Value| document["targets"].as_array().expect("targets").clone();
    for (real, expected) in targets(&real).iter().zip(targets(&expected)) {
        check_counters(real);
        let name = real["target"].as_str().expect("a target");
        for ((key, real), (_, expected)) in figures(real).iter().zip(figures(&expected)) {
            // What follows the end of the last probe is not waited for: in virtual time it comes in
            // the same instant, in a real network after it.
            let after_end = ["duplicates", "late"].contains(&key.as_str())
                && real.as_u64().is_some_and(|real| expected.as_u64() == Some(real + 1));
            if *real != expected && !after_end {
                faults
                    .push(format!("{scenario} {name}: {key}: {real}, in virtual time {expected}"));
            }
        }
        let least = real["rtt_ms"]["min"].as_f64().unwrap_or(least_ms);
        if least < least_ms {
            faults.push(format!("{scenario} {name}: {least} ms is faster than the path"));
        }
    }
    faults
}

#[test]
fn real_runs_have_the_figures_of_virtual_ones() {
    if !has_lab() {
        return;
    }
    let faults: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = RUNS
            .iter()
            .map(|(scenario, arguments, least)| {
                scope.spawn(move || compare(scenario, arguments, *least))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a finished run")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The classic tool, as an oracle that shares no line with ours.
#[test]
fn the_classic_tool_counts_the_same() {
    let has_ping = Command::new("ping").arg("-V").output().is_ok_and(|out| out.status.success());
    if !has_ping {
        return process::skip("no ping").unwrap_or_default();
    }
    if !has_lab() {
        return;
    }
    for (scenario, words) in
        [("plain-20ms", "-c 10 -i 0.05 10.9.2.2"), ("loss-exact", "-c 40 -i 0.05 10.9.2.2")]
    {
        let mut arguments: Vec<&str> = words.split_whitespace().collect();
        let ours = [process::NETDIAG, "ping", "--json"].into_iter().chain(arguments.clone());
        let ours = in_netlab(scenario, &ours.collect::<Vec<_>>()).target();
        arguments.insert(0, "ping");
        let theirs = in_netlab(scenario, &arguments).out;
        let (sent, received) = (count(&ours, "sent"), count(&ours, "received"));
        let line = format!("{sent} packets transmitted, {received} received, ");
        assert!(theirs.contains(&line), "{line} but {theirs}");
    }
}
