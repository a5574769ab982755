//! `netdiag mtu` in the simulated internet: screens to the byte, documents against their schema, and
//! the same figures behind the real kernel.

use super::check_harmless;
use super::real::{has_lab, in_netlab};
use crate::support::{golden, process, schema, world};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;
use serde_json::{Value, json};

/// One run: the name of its screen, the scenario, the socket, the arguments, the exit code.
type Case = (&'static str, &'static str, SocketKind, &'static str, u8);

const RAW: SocketKind = SocketKind::Raw;
const DATAGRAM: SocketKind = SocketKind::IcmpDatagram;
const UDP: SocketKind = SocketKind::UdpErrorQueue;

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("mtu-whole", "mtu-path", RAW, "10.9.2.2", 0),
    ("mtu-drop-v4", "mtu-path", RAW, "10.9.3.2", 0),
    ("mtu-drop-v6", "mtu-path", RAW, "fd09:3::2", 0),
    ("mtu-two-drops", "mtu-path", RAW, "--verbose 10.9.4.2", 0),
    ("mtu-datagram", "mtu-path", DATAGRAM, "10.9.4.2 fd09:4::2", 0),
    ("mtu-udp", "mtu-path", RAW, "--udp 10.9.4.2 fd09:3::2", 0),
    ("mtu-ambiguous", "trace-path", UDP, "10.9.2.2", 0),
    ("mtu-stands-in", "mtu-path", UDP, "10.9.3.2", 0),
    ("mtu-tcp", "mtu-path", RAW, "10.9.3.2:80 [fd09:2::2]:80", 0),
    ("mtu-tcp-closed", "mtu-path", RAW, "--tcp --port 81 10.9.3.2", 0),
    ("mtu-not-reached", "mtu-path", RAW, "10.9.5.2", 1),
    ("mtu-no-number", "mtu-path", RAW, "10.9.6.2", 1),
    ("mtu-behind-silence", "mtu-path", RAW, "10.9.7.2", 1),
    ("mtu-loop", "trace-loop", RAW, "10.9.2.2 fd09:2::2", 1),
    ("mtu-loop-udp", "trace-loop", RAW, "--udp 10.9.2.2", 1),
    ("mtu-refused", "trace-loop", RAW, "10.9.3.2 fd09:3::2", 1),
    ("mtu-refused-udp", "trace-loop", RAW, "--udp 10.9.3.2 10.9.3.3", 1),
    ("mtu-up-to", "mtu-path", RAW, "--size 1350 10.9.3.2", 0),
    ("mtu-fail-if", "mtu-path", RAW, "--quiet --fail-if mtu<1500 10.9.2.2 10.9.3.2", 1),
    ("mtu-hole-v4", "mtu-hole", RAW, "10.9.2.2", 1),
    ("mtu-hole-v6", "mtu-hole", RAW, "fd09:2::2", 1),
    ("mtu-hole-udp", "mtu-hole", UDP, "10.9.2.2", 1),
    ("mtu-hole-between", "mtu-hole", RAW, "10.9.3.2", 1),
    ("mtu-hole-behind-drop", "mtu-hole", RAW, "10.9.4.2", 1),
    ("mtu-lossy", "mtu-hole", RAW, "10.9.5.2", 0),
    ("mtu-forged-v4", "mtu-forged", RAW, "10.9.2.10 10.9.2.11 10.9.2.12 10.9.2.13 10.9.2.14", 0),
    ("mtu-forged-v6", "mtu-forged", RAW, "fd09:2::11 fd09:2::12 fd09:2::13 fd09:2::14", 0),
    ("mtu-forged-datagram", "mtu-forged", DATAGRAM, "10.9.2.10 10.9.2.11 10.9.2.12 10.9.2.13", 0),
    ("mtu-says-less", "mtu-forged", RAW, "10.9.2.15 10.9.2.16", 0),
    ("mtu-limited", "mtu-limited", UDP, "--verbose 10.9.2.2", 0),
    ("mtu-limited-spent", "mtu-limited", UDP, "10.9.2.3", 1),
    ("mtu-limited-hole", "mtu-limited", UDP, "10.9.3.2", 1),
    ("mtu-jumbo", "mtu-jumbo", RAW, "10.9.2.2 10.9.3.2 fd09:3::2", 0),
    ("mtu-jumbo-hole", "mtu-jumbo", RAW, "10.9.4.2", 1),
    ("mtu-deadline", "mtu-hole", RAW, "--deadline 0.5 10.9.2.2", 1),
    ("mtu-not-sent", "send-errors", RAW, "10.9.2.2", 3),
    ("mtu-gone", "names", RAW, "gone.example", 1),
];

fn run((_, scenario, socket, arguments, _): Case, more: &[&str]) -> world::Ran {
    let mut all = vec!["mtu"];
    all.extend(more);
    let is_plain = more.is_empty();
    all.extend(arguments.split_whitespace().filter(|it| is_plain || *it != "--verbose"));
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
fn mtu_screens_are_what_they_were() {
    for_each(|case| {
        let (name, scenario, socket, arguments, code) = case;
        let ran = run(case, &[]);
        check_harmless(&ran.out);
        check_harmless(&ran.err);
        let socket = if socket == RAW { String::new() } else { format!(", {}", socket.name()) };
        let mut screen =
            format!("# {scenario}.toml{socket}\n$ netdiag mtu {arguments}\n{}", ran.out);
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
fn mtu_documents_keep_the_schema_and_say_how_they_know() {
    for_each(|case| {
        let ran = run(case, &["--json"]);
        check_harmless(&ran.out);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        schema::check("mtu", &document);
        assert_eq!(document["exit_code"], case.4);
        for target in document["targets"].as_array().expect("targets") {
            let is_known = !target["path_mtu"].is_null();
            assert_eq!(is_known, target["confirmed_by"] != "none", "{target}");
            assert_eq!(target["reached"] == false, !target["failure"].is_null(), "{target}");
            let passed = |size: &Value| size["passed"].as_u64() > Some(0);
            let mut sizes = target["sizes"].as_array().expect("sizes").iter();
            let largest = sizes.rfind(|size| passed(size));
            if target["confirmed_by"] == "reply" {
                assert_eq!(target["path_mtu"], largest.expect("one")["bytes"], "{target}");
            }
        }
    });
}

#[test]
fn mtu_streams_have_a_start_sizes_and_one_summary() {
    for_each(|case| {
        let ran = run(case, &["--output", "jsonl"]);
        let lines: Vec<Value> =
            ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let kinds: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
        assert_eq!((kinds.first(), kinds.last()), (Some(&"start"), Some(&"summary")));
        assert_eq!(kinds.iter().filter(|kind| **kind == "summary").count(), 1);
        let sizes = lines.iter().filter(|line| line["type"] == "size");
        let is_answer = |line: &Value| {
            (line["outcome"] == "passed" || line["outcome"] == "too-big") != line["from"].is_null()
                || line["outcome"] == "refused"
        };
        assert!(sizes.clone().all(is_answer), "{}", ran.out);
        let table = run(case, &["--output", "csv"]).out;
        assert_eq!(table.lines().count(), 1 + kinds.iter().filter(|k| **k == "target").count());
    });
}

/// What must not depend on the mount, nor on the socket.
fn figures(target: &Value) -> Value {
    let hops = target["hops"].as_array().expect("hops").iter();
    let hops: Vec<Value> =
        hops.map(|hop| json!([hop["ttl"], hop["address"], hop["mtu"]])).collect();
    let keys = ["path_mtu", "confirmed_by", "drops", "black_hole", "reached", "interface_mtu"];
    json!([keys.map(|key| target[key].clone()), hops])
}

fn all_figures(document: &Value) -> Vec<Value> {
    document["targets"].as_array().expect("targets").iter().map(figures).collect()
}

/// A run by the built program in netlab, as this user.
fn real(scenario: &str, user: &[&str], arguments: &str) -> Value {
    let command = [user, &[process::NETDIAG, "mtu", "--json"][..]].concat();
    let command = [command, arguments.split_whitespace().collect()].concat();
    in_netlab(scenario, &command).json()
}

/// Runs of both mounts that must tell the same: scenario, arguments.
const BOTH: &[(&str, &str)] = &[
    ("mtu-path", "10.9.2.2 10.9.3.2 10.9.4.2 10.9.7.2 fd09:2::2 fd09:3::2 fd09:4::2"),
    ("mtu-path", "--udp 10.9.2.2 10.9.4.2 fd09:4::2"),
    ("mtu-hole", "10.9.2.2 10.9.3.2 10.9.4.2 fd09:2::2"),
    ("mtu-forged", "10.9.2.10 10.9.2.11 10.9.2.12 10.9.2.13 fd09:2::11 fd09:2::12 fd09:2::13"),
    ("mtu-jumbo", "10.9.2.2 10.9.3.2 10.9.4.2 fd09:3::2"),
];

#[test]
fn real_path_mtus_are_those_of_virtual_time() {
    if !has_lab() {
        return;
    }
    for (scenario, arguments) in BOTH {
        let real = real(scenario, &[], arguments);
        let words: Vec<&str> = ["mtu", "--json"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run(scenario, RAW, &words);
        let expected: Value = serde_json::from_str(&ran.out).expect("a document");
        assert_eq!(real["exit_code"], expected["exit_code"], "{scenario} {arguments}: {real}");
        assert_eq!(all_figures(&real), all_figures(&expected), "{scenario} {arguments}");
    }
}

/// Without any right the same is found.
#[test]
fn f1_nobody_finds_the_same_path_mtu_as_root() {
    if !has_lab() {
        return;
    }
    let nobody: Vec<&str> = [&["setpriv"], &process::NOBODY[..]].concat();
    for target in ["10.9.2.2", "10.9.4.2", "fd09:4::2"] {
        let (root, nobody) =
            (real("mtu-path", &[], target), real("mtu-path", &nobody, &format!("--udp {target}")));
        assert_eq!(nobody["targets"][0]["method"]["socket"], "udp-error-queue", "{nobody}");
        assert_eq!(all_figures(&root), all_figures(&nobody), "{target}");
    }
}

/// F7: where others have had the answers of a target that limits them, it is asked as often as it
/// answers, first about the size that decides; and not for long.
#[test]
fn f1_a_target_whose_answers_are_spent_takes_seconds() {
    for (target, path_mtu, most) in [
        ("10.9.2.2", json!(1400), 4.0),
        ("10.9.2.3", Value::Null, 6.0),
        ("10.9.3.2", Value::Null, 12.0),
    ] {
        let ran = world::run("mtu-limited", UDP, &["mtu", "--json", target]);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let found = &document["targets"][0];
        assert_eq!((&found["path_mtu"], &found["reached"]), (&path_mtu, &json!(true)), "{found}");
        assert!(document["elapsed_ms"].as_f64().expect("a time") < most * 1e3, "{document}");
    }
}

/// How many packets it takes: none more than there is to know.
/// How long its answers take is not known by those of a router that is near.
#[test]
fn f1_a_target_far_behind_a_near_router_is_waited_for() {
    for target in ["10.9.4.2", "fd09:4::2"] {
        let ran = world::run("trace-ends", RAW, &["mtu", "--json", target]);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        assert_eq!(document["targets"][0]["path_mtu"], 1500, "{}", ran.out);
        assert_eq!(ran.status, ExitStatus::Code(0), "{}", ran.out);
    }
}

#[test]
fn a_path_mtu_takes_few_packets() {
    for (scenario, target, most) in [
        ("mtu-path", "10.9.2.2", 12),
        ("mtu-path", "10.9.3.2", 20),
        ("mtu-path", "10.9.4.2", 28),
        ("mtu-hole", "10.9.2.2", 90),
    ] {
        let ran = world::run(scenario, RAW, &["mtu", target]);
        let sent = ran.truth(|truth| truth.count(netdiag_sim::Fact::Sent));
        assert!(sent <= most, "{target}: {sent}\n{}", ran.out);
    }
}
