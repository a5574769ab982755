//! `netdiag trace` in the simulated internet: screens to the byte, documents against their schema and
//! against what really happened, and the same figures behind the real kernel.

pub(super) mod limits;

use super::check_harmless;
use super::real::{has_lab, in_netlab};
use crate::support::{golden, process, schema, world};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;
use netdiag_sim::{Fact, Truth};
use serde_json::Value;

/// One run: the name of its screen, the scenario, the socket, the arguments, the exit code.
type Case = (&'static str, &'static str, SocketKind, &'static str, u8);

const RAW: SocketKind = SocketKind::Raw;
const DATAGRAM: SocketKind = SocketKind::IcmpDatagram;
const UDP: SocketKind = SocketKind::UdpErrorQueue;

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("trace-v4", "trace-path", RAW, "--dscp ef 10.9.2.2", 0),
    ("trace-v6", "trace-path", RAW, "--dscp ef fd09:2::2", 0),
    ("trace-datagram", "trace-path", DATAGRAM, "10.9.2.2", 0),
    ("trace-names", "trace-path", RAW, "--names b.example", 0),
    ("trace-back", "trace-path", RAW, "10.9.3.2", 0),
    ("trace-udp", "trace-path", RAW, "--udp --dscp af41 10.9.2.2 fd09:2::2", 0),
    ("trace-udp-varied", "trace-path", RAW, "--udp --vary-flow 10.9.2.2", 0),
    ("trace-udp-service", "trace-path", RAW, "--udp -p 7 10.9.2.2", 0),
    ("trace-stands-in", "trace-path", UDP, "10.9.2.2", 0),
    ("trace-tcp-open", "trace-path", RAW, "10.9.2.2:80", 0),
    ("trace-tcp-varied", "trace-path", RAW, "--vary-flow 10.9.2.2:80", 0),
    ("trace-tcp-connect", "trace-path", UDP, "10.9.2.2:80", 0),
    ("trace-tcp-clamped", "trace-clamp", RAW, "10.9.2.2:80 [fd09:2::2]:80 10.9.3.2:80", 0),
    ("trace-tcp-closed", "trace-path", RAW, "--tcp [fd09:2::2]", 0),
    ("trace-tcp-filtered", "trace-path", RAW, "-m 9 10.9.2.2:9", 1),
    ("trace-some", "trace-path", RAW, "-q 1 -f 2 -m 4 10.9.2.2", 1),
    ("trace-quiet", "trace-path", RAW, "--quiet -q 1 10.9.2.2 10.9.3.2", 0),
    ("trace-fail-if", "trace-path", RAW, "--fail-if hops>5 10.9.2.2", 1),
    ("trace-deadline", "trace-loop", RAW, "--deadline 1.5 10.9.4.9", 1),
    ("trace-loop", "trace-loop", RAW, "10.9.2.2 fd09:2::2", 1),
    ("trace-stops", "trace-stops", RAW, "10.9.2.2", 1),
    ("trace-stops-both", "trace-stops", RAW, "10.9.3.2", 1),
    ("trace-refused", "trace-loop", RAW, "10.9.3.2 fd09:3::2", 1),
    ("trace-refused-udp", "trace-loop", UDP, "10.9.3.2", 1),
    ("trace-silent", "trace-loop", RAW, "10.9.4.9", 1),
    ("trace-silent-udp", "trace-loop", UDP, "--verbose 10.9.4.9", 1),
    ("trace-gap", "trace-loop", RAW, "--gap 3 --timeout 0.5 10.9.4.9", 1),
    ("trace-limit", "trace-limits", RAW, "-q 200 --interval 0.1 10.9.2.2", 0),
    ("trace-loss", "trace-limits", RAW, "-q 200 --interval 0.1 10.9.3.2", 0),
    ("trace-polite", "trace-limits", RAW, "--udp 10.9.2.2", 0),
    ("trace-ten", "trace-limits", RAW, "-q 10 10.9.2.2", 0),
    ("trace-not-sent", "send-errors", RAW, "10.9.2.2", 0),
    ("trace-interrupted", "signal-int", RAW, "-q 1 --timeout 60 10.9.2.1", 1),
    ("trace-paths", "ecmp", RAW, "--udp --multipath 10.9.2.2", 0),
    ("trace-paths-99", "ecmp", RAW, "--multipath --confidence 99 fd09:2::2", 0),
    ("trace-paths-tcp", "ecmp", RAW, "--multipath 10.9.2.2:80", 0),
    ("trace-paths-packet", "ecmp", RAW, "--udp --multipath 10.9.3.2", 0),
    ("trace-paths-uneven", "ecmp", RAW, "--multipath 10.9.4.2", 0),
    ("trace-paths-twice", "ecmp", UDP, "--udp --multipath 10.9.5.2", 0),
    ("trace-paths-one", "trace-path", RAW, "--multipath 10.9.2.2", 0),
    ("trace-paths-limits", "trace-limits", RAW, "--multipath --udp 10.9.2.2", 0),
    ("trace-paths-silent", "trace-loop", RAW, "--multipath 10.9.4.9", 1),
    ("trace-paths-loop", "trace-loop", RAW, "--multipath 10.9.2.2", 1),
    ("trace-paths-cap", "ecmp", RAW, "--multipath --probe-cap 12 10.9.2.2", 0),
    ("trace-one-flow", "ecmp", RAW, "-q 100 10.9.2.2", 0),
    ("trace-nat-udp", "nat", RAW, "--udp 10.9.2.2 fd09:2::2", 0),
    ("trace-nat-icmp", "nat", RAW, "10.9.2.2 fd09:2::2", 0),
    ("trace-nat-tcp", "nat", RAW, "10.9.2.2:80 [fd09:2::2]:80", 0),
    ("trace-nat-unseen", "nat", RAW, "10.9.4.2", 0),
    ("trace-quotes", "trace-quotes", RAW, "10.9.2.2", 0),
    ("trace-mtu", "mtu-path", RAW, "--mtu 10.9.3.2 fd09:3::2", 0),
    ("trace-mtu-udp", "mtu-path", UDP, "--mtu --udp 10.9.3.2", 0),
    ("trace-mtu-says-less", "mtu-forged", RAW, "--mtu 10.9.2.15 10.9.2.11", 0),
    ("trace-mtu-hole", "mtu-hole", RAW, "--mtu 10.9.2.2 fd09:2::2", 1),
    ("trace-mtu-hole-udp", "mtu-hole", UDP, "--mtu --udp 10.9.2.2", 1),
    ("trace-asn", "trace-path", RAW, "--asn-file trace-asn 10.9.2.2", 0),
    ("trace-gone", "names", RAW, "gone.example", 1),
    ("trace-from-behind", "trace-path", RAW, "-f 9 10.9.2.2", 0),
    ("trace-refused-late", "trace-ends", RAW, "10.9.2.2 fd09:2::2", 1),
    ("trace-stands-in-port", "trace-ends", RAW, "--udp 10.9.3.2", 1),
    ("trace-other-address", "trace-ends", RAW, "--udp 10.9.7.2", 0),
    ("trace-untrue-mtu", "trace-ends", RAW, "10.9.6.2", 1),
    ("mtr-path", "trace-path", RAW, "-c 30 -i 0.2 10.9.2.2", 0),
    ("mtr-names", "trace-path", RAW, "--names -c 3 b.example", 0),
    ("mtr-limit", "trace-limits", RAW, "-c 200 -i 0.1 10.9.2.2", 0),
    ("mtr-loss", "trace-limits", RAW, "-c 200 -i 0.1 10.9.3.2", 0),
    ("mtr-change", "route-change", RAW, "-c 20 -i 0.5 10.9.2.2 fd09:2::2", 0),
    ("mtr-length", "path-length", RAW, "-c 90 -i 0.1 10.9.2.2", 0),
    ("mtr-udp", "trace-path", RAW, "--udp -c 5 10.9.2.2", 0),
    ("mtr-tcp", "trace-path", RAW, "-c 5 10.9.2.2:80", 0),
    ("mtr-refused", "trace-loop", RAW, "-c 5 10.9.3.2", 1),
    ("mtr-refused-while", "mtr-refused", RAW, "-c 60 -i 0.1 10.9.4.2", 0),
    ("mtr-late", "trace-ends", RAW, "-c 6 10.9.5.2", 0),
    ("mtr-untrue-mtu", "trace-ends", RAW, "-c 5 10.9.6.2", 1),
    ("mtr-loop", "trace-loop", RAW, "-c 5 10.9.2.2", 1),
    ("mtr-silent", "trace-loop", RAW, "-c 5 10.9.4.9", 1),
    ("mtr-once", "trace-path", RAW, "-r -c 1 10.9.3.2", 0),
    ("mtr-interrupted", "signal-int", RAW, "-c 100 10.9.2.1", 1),
    ("mtr-mtu", "mtu-path", RAW, "--mtu -c 5 -i 0.5 10.9.3.2 fd09:3::2", 0),
    ("mtr-mtu-hole", "mtu-hole", RAW, "--mtu -c 5 -i 0.5 10.9.2.2", 1),
    ("mtr-fail-if", "trace-limits", RAW, "-c 100 -i 0.1 --fail-if loss>5% 10.9.3.2", 1),
];

/// The command that a screen is of.
fn command(name: &str) -> &'static str {
    if name.starts_with("mtr") { "mtr" } else { "trace" }
}

fn run((name, scenario, socket, arguments, _): Case, more: &[&str]) -> world::Ran {
    let mut all = vec![command(name)];
    all.extend(more);
    all.extend(
        arguments.split_whitespace().filter(|argument| *argument != "--verbose" || more.is_empty()),
    );
    world::run(scenario, socket, &all)
}

/// The names of the screens.
pub(super) fn screens() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, ..)| *name)
}

fn for_each(check: fn(Case)) {
    let failed: Vec<&str> = CASES
        .iter()
        .filter(|case| std::panic::catch_unwind(|| check(**case)).is_err())
        .map(|(name, ..)| *name)
        .collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[test]
fn trace_screens_are_what_they_were() {
    for_each(|case| {
        let (name, scenario, socket, arguments, code) = case;
        let ran = run(case, &[]);
        check_harmless(&ran.out);
        check_harmless(&ran.err);
        let socket = if socket == RAW { String::new() } else { format!(", {}", socket.name()) };
        let mut screen = format!(
            "# {scenario}.toml{socket}\n$ netdiag {} {arguments}\n{}",
            command(name),
            ran.out
        );
        if !ran.err.is_empty() {
            screen.push_str(&format!("--- stderr\n{}", ran.err));
        }
        screen.push_str(&format!("--- exit {}\n", ran.status.code()));
        let same = golden::compare(name, &screen);
        assert!(same.is_ok(), "{}", same.unwrap_err());
        assert_eq!(ran.status, ExitStatus::Code(code), "{screen}");
    });
}

#[test]
fn trace_documents_keep_the_schema_and_the_sums() {
    for_each(|case| {
        let ran = run(case, &["--json"]);
        check_harmless(&ran.out);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        schema::check("trace", &document);
        assert_eq!(document["exit_code"], case.4);
        let mut sent = 0;
        for target in document["targets"].as_array().expect("targets") {
            let hops = target["hops"].as_array().expect("hops");
            sent += count(target, "sent_beyond");
            let epochs = target["epochs"].as_array().expect("epochs").iter();
            let earlier = epochs.flat_map(|epoch| epoch["hops"].as_array().expect("hops"));
            for hop in hops.iter().chain(earlier) {
                sent += count(hop, "sent");
                let known = ["received", "lost", "net_errors", "unknown", "in_flight"];
                let settled: u64 = known.iter().map(|key| count(hop, key)).sum();
                assert_eq!(count(hop, "sent"), settled, "{hop}");
                let responders = hop["responders"].as_array().expect("responders").iter();
                let received: u64 = responders.map(|who| count(who, "received")).sum();
                assert_eq!(count(hop, "received"), received, "{hop}");
            }
            assert_eq!(target["reached"] == true, target["failure"].is_null(), "{target}");
            let last = hops.last().map(|hop| &hop["ttl"]);
            // Of all paths the shortest counts, and all are shown.
            let one = target["reached"] == true && target["graph"].is_null();
            // Who begins behind the target does not know how far it is.
            let is_known =
                !target["hop_count"].is_null() || hops.first().is_some_and(|hop| hop["ttl"] == 1);
            assert!(!one || !is_known || last == Some(&target["hop_count"]), "{target}");
        }
        assert_eq!(
            sent,
            ran.truth(|truth| truth.count(Fact::Sent)),
            "every packet is counted once"
        );
        assert_eq!(ran.truth(Truth::left_off), 0, "the record is complete");
    });
}

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key}: {value}"))
}

#[test]
fn trace_streams_have_a_start_hops_in_order_and_one_summary() {
    for_each(|case| {
        for more in [vec!["--output", "jsonl"], vec!["--output", "jsonl", "--verbose"]] {
            let ran = run(case, &more);
            let lines: Vec<Value> =
                ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            let kinds: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
            assert_eq!((kinds.first(), kinds.last()), (Some(&"start"), Some(&"summary")));
            assert_eq!(kinds.iter().filter(|kind| **kind == "summary").count(), 1);
            let targets = lines[0]["target_count"].as_u64().expect("a count");
            for index in 0..targets {
                let of = |kind: &'static str| {
                    lines
                        .iter()
                        .filter(move |line| line["type"] == kind && line["target_index"] == index)
                };
                // Cycles tell of hops as they stand, too.
                let settled = of("hop").filter(|hop| hop["settled"] == true);
                let ttls: Vec<u64> = settled.map(|hop| count(hop, "ttl")).collect();
                assert!(ttls.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{ttls:?}");
                assert_eq!(of("target").count(), 1);
            }
        }
        let table = run(case, &["--output", "csv"]).out;
        let widths: Vec<usize> = table.lines().map(cells).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
    });
}

/// Cells of a CSV line: commas outside quotes.
fn cells(line: &str) -> usize {
    let mut quoted = false;
    let outside = line.chars().filter(|c| {
        quoted ^= *c == '"';
        *c == ',' && !quoted
    });
    outside.count() + 1
}

/// What a target tells of its hops, whatever mount it was seen on.
fn path(target: &Value) -> Vec<(u64, Vec<String>, u64, Value)> {
    let hops = target["hops"].as_array().expect("hops").iter();
    hops.map(|hop| {
        let who = hop["responders"].as_array().expect("responders").iter();
        let who = who.map(|who| who["address"].as_str().expect("text").to_owned()).collect();
        let first = &hop["responders"][0];
        let told = serde_json::json!([
            first["mark"],
            first["mpls"],
            first["interfaces"],
            first["unknown_objects"],
            first["hops_back"],
            first["quoted_ttl"],
            first["changed"],
        ]);
        (count(hop, "ttl"), who, count(hop, "received"), told)
    })
    .collect()
}

/// A run by the built program in netlab, as this user.
fn real(scenario: &str, user: &[&str], arguments: &str) -> Value {
    let command = [user, &[process::NETDIAG, "trace", "--json"][..]].concat();
    let command = [command, arguments.split_whitespace().collect()].concat();
    in_netlab(scenario, &command).json()
}

/// Runs of both mounts that must tell the same: scenario, arguments.
const BOTH: &[(&str, &str)] = &[
    ("trace-path", "--dscp ef 10.9.2.2 fd09:2::2 10.9.3.2"),
    ("trace-path", "--udp --dscp af41 10.9.2.2 fd09:2::2"),
    ("trace-path", "--udp --vary-flow 10.9.2.2"),
    ("trace-path", "10.9.2.2:80"),
    ("trace-path", "[fd09:2::2]:81"),
    ("trace-path", "--vary-flow --dscp af41 10.9.2.2:80"),
    ("trace-path", "-q 1 -m 8 [fd09:2::2]:9"),
    ("trace-clamp", "10.9.2.2:80 [fd09:2::2]:80 10.9.3.2:80"),
    ("trace-loop", "10.9.3.2:80 [fd09:3::2]:80"),
    ("trace-loop", "10.9.2.2 fd09:2::2 10.9.3.2 fd09:3::2"),
    ("trace-quotes", "10.9.2.2 fd09:2::2"),
    ("nat", "10.9.2.2 fd09:2::2 10.9.4.2"),
    ("nat", "--tcp --port 80 10.9.2.2 fd09:2::2"),
    ("mtu-path", "--mtu 10.9.3.2 fd09:3::2"),
    ("path-silent", "10.9.2.2 fd09:2::2"),
    ("trace-queue", "10.9.2.2 fd09:2::2"),
    ("trace-stops", "10.9.2.2 10.9.3.2"),
    ("trace-quotes", "--udp 10.9.2.2"),
    ("two-routers-ttl62", "10.9.2.2 10.9.3.2 fd09:2::2"),
    ("trace-limits", "-q 8 --interval 0.02 -m 2 10.9.2.2"),
    ("dns-server", "-q 1 --udp -p 53 10.9.2.53"),
    ("tcp-connect", "10.9.2.2:443 10.9.2.2:81 10.9.3.2:80"),
    ("jitter-normal", "10.9.2.2"),
    ("duplicate", "10.9.2.2"),
    ("reorder", "-q 8 --interval 0.1 -f 2 -m 2 10.9.2.2"),
    ("loss-exact", "-q 8 --interval 0.05 -f 2 -m 2 10.9.2.2"),
    ("forged", "10.9.2.10 10.9.2.13 10.9.2.17 fd09:2::11"),
];

#[test]
fn real_traces_are_those_of_virtual_time() {
    if !has_lab() {
        return;
    }
    for (scenario, arguments) in BOTH {
        let real = real(scenario, &[], arguments);
        let words: Vec<&str> =
            ["trace", "--json"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run(scenario, RAW, &words);
        let expected: Value = serde_json::from_str(&ran.out).expect("a document");
        assert_eq!(real["exit_code"], expected["exit_code"], "{scenario} {arguments}");
        let of = |document: &Value| {
            let targets = document["targets"].as_array().expect("targets").clone();
            let keys = ["reached", "hop_count", "stop_reason", "final"];
            let told = move |target: &Value| (path(target), keys.map(|key| target[key].clone()));
            targets.iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(of(&real), of(&expected), "{scenario} {arguments}");
    }
}

/// C2: without any right the same hops are found.
#[test]
fn c2_nobody_finds_the_same_hops_as_root() {
    if !has_lab() {
        return;
    }
    let nobody: Vec<&str> = [&["setpriv"], &process::NOBODY[..]].concat();
    for arguments in ["--udp 10.9.2.2", "--udp fd09:2::2", "10.9.2.2:80", "[fd09:2::2]:80"] {
        let hops = |document: &Value| {
            let target = &document["targets"][0];
            let paths = path(target).into_iter();
            paths.map(|(ttl, who, received, _)| (ttl, who, received)).collect::<Vec<_>>()
        };
        let (root, nobody) =
            (real("trace-path", &[], arguments), real("trace-path", &nobody, arguments));
        assert_eq!(nobody["exit_code"], 0, "{nobody}");
        assert_eq!(hops(&nobody), hops(&root), "{arguments}");
        assert_eq!(hops(&root).len(), 6, "{arguments}");
    }
}

/// The kernel sends a SYN again that was not answered in a second. What it is answered by then is no
/// round trip of the first one, which is lost.
#[test]
fn a_syn_that_the_kernel_sent_again_tells_no_round_trip() {
    if !has_lab() {
        return;
    }
    let nobody: Vec<&str> = [&["setpriv"], &process::NOBODY[..]].concat();
    let document = real("trace-slow", &nobody, "-q 6 --interval 0.5 10.9.2.2:80");
    let hops = document["targets"][0]["hops"].as_array().expect("hops");
    let figure = |hop: &Value, name: &str| hop[name].as_u64().expect("a count");
    let all = |name: &str| hops.iter().map(|hop| figure(hop, name)).sum::<u64>();
    assert!(all("lost") > 0 && all("received") > 0, "{document}");
    for hop in hops.iter().filter(|hop| figure(hop, "received") > 0) {
        let of = |name: &str| hop["rtt_ms"][name].as_f64().expect("a time");
        assert!(of("min") >= 300.0 && of("max") < 990.0, "{hop}");
    }
}

/// What is silent of one kind may answer another, and then the path does not stop there.
#[test]
fn a_path_stops_where_two_kinds_of_probe_do() {
    let evidence = |target: &str| {
        let ran = world::run("trace-stops", RAW, &["trace", "--json", target]);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let finding = document["findings"][0].clone();
        assert_eq!(
            (&finding["code"], finding["locus"]["hop"].as_u64()),
            (&"path-stops".into(), Some(1))
        );
        ["kinds", "other_kind", "other_hop", "other_from"]
            .map(|key| finding["evidence"][key].clone())
    };
    let silent = evidence("10.9.3.2");
    assert_eq!(
        Value::from(silent.to_vec()),
        serde_json::json!([["icmp", "udp"], null, null, null])
    );
    let filtered = evidence("10.9.2.2");
    let expected = serde_json::json!([["icmp"], "udp", 2, "10.9.2.2"]);
    assert_eq!(Value::from(filtered.to_vec()), expected);
}

/// The classic tool, as an oracle that shares no line with ours.
#[test]
fn the_classic_traceroute_finds_the_same_path() {
    if !process::has("traceroute") || !has_lab() {
        return;
    }
    for (scenario, kind, theirs, target) in [
        ("trace-path", "--icmp", "-I", "10.9.2.2"),
        ("trace-path", "--icmp", "-I", "fd09:2::2"),
        ("trace-path", "--udp --vary-flow", "-U", "10.9.2.2"),
        ("trace-loop", "--icmp", "-I", "10.9.3.2"),
        ("trace-loop", "--icmp", "-I -m 8", "10.9.2.2"),
        ("dns-server", "--udp --port 53", "-U -p 53", "10.9.2.53"),
        ("nat", "--icmp", "-I", "10.9.2.2"),
        ("nat", "--udp", "-U", "fd09:2::2"),
        ("ecmp", "--tcp --port 80 -m 1", "-T -m 1", "10.9.2.2"),
    ] {
        let command: Vec<&str> = ["traceroute", "-n", "-q1"]
            .into_iter()
            .chain(theirs.split(' '))
            .chain([target])
            .collect();
        let said = in_netlab(scenario, &command[..]).out;
        let ours = real(scenario, &[], &format!("{kind} -q 1 {target}"));
        for (ttl, who, _, told) in path(&ours["targets"][0]) {
            let line = said
                .lines()
                .find(|line| line.split_whitespace().next() == Some(ttl.to_string().as_str()));
            let line = line.unwrap_or_else(|| panic!("no hop {ttl}: {said}"));
            let seen = line.split_whitespace().nth(1).unwrap_or_default();
            assert_eq!(seen, who.first().map_or("*", String::as_str), "hop {ttl}: {said}");
            if let Some(mark) = told[0].as_str() {
                assert!(line.contains(mark), "{mark}: {said}");
            }
        }
    }
}

/// What cannot be meant is said, and nothing is sent.
#[test]
fn options_that_do_not_fit_are_usage_errors() {
    for (arguments, said) in [
        ("-f 5 -m 4 10.9.2.2", "--first-ttl"),
        ("--port 80 10.9.2.2", "--port: only with"),
        ("--icmp 10.9.2.2:80", "--icmp: not with"),
        ("--udp --tcp 10.9.2.2", "--tcp"),
        ("10.9.2.2:0", "is no port: a number from 1 to 65535, or a service"),
        ("10.9.2.2:gone", "no service is called `gone`"),
        ("10.9.2.2:80,443", "only one port"),
        ("--tcp --size 64 10.9.2.2", "--size: not with TCP"),
        ("10.9.2.0/24", "takes no network"),
        ("224.0.0.1", "not to a group"),
        ("-4 fd09:2::2", "--ipv4"),
        ("--source 192.0.2.1 10.9.2.2", "--source"),
        ("--source 10.9.0.2 fd09:2::2", "--source"),
        ("--interface nosuch 10.9.2.2", "--interface"),
        ("--json --verbose 10.9.2.2", "--verbose"),
        ("--fail-if p97>1 10.9.2.2", "--fail-if"),
        ("-q 0 10.9.2.2", "--queries"),
        ("--size 17 10.9.2.2", "--size"),
        ("fe80::1", "link-local"),
    ] {
        let words: Vec<&str> = ["trace"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run("trace-path", RAW, &words);
        assert_eq!(ran.status, ExitStatus::Code(2), "{arguments}: {} {}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{arguments}: {}", ran.err);
        assert_eq!(ran.truth(|truth| truth.count(Fact::Sent)), 0, "{arguments}");
    }
    let ran = world::run("trace-path", UDP, &["trace", "--ecn", "ce", "10.9.2.2:80"]);
    let is_said = ran.err.contains("--ecn: ") && ran.err.contains("sets these bits itself");
    assert!(is_said && ran.status == ExitStatus::Code(2), "{} {}", ran.out, ran.err);
}
