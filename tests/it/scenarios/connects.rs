//! `netdiag tcp-connect` in the simulated internet: screens to the byte, documents against their schema.

use super::check_harmless;
use crate::support::{golden, schema, world};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// One run: the name of its screen, the scenario, the arguments, the exit code.
type Case = (&'static str, &'static str, &'static str, u8);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("connect-open", "tcp-connect", "10.9.2.2:80", 0),
    ("connect-short-form", "tcp-connect", "--no-tls fd09:2::2 https", 0),
    ("connect-both-families", "tcp-connect", "--no-tls b.example:443", 0),
    ("connect-dead-family", "tcp-connect", "dead.example:80", 0),
    ("connect-dead-family-twice", "tcp-connect", "-c 2 dead.example:80", 0),
    ("connect-slow-family", "tcp-connect", "slow.example:80", 0),
    ("connect-one-family", "tcp-connect", "-4 dead.example:80", 0),
    ("connect-ports", "tcp-connect", "--no-tls 10.9.2.2:22,80-82,443,8443", 1),
    ("connect-hosts", "tcp-connect", "10.9.2.2:80 10.9.3.2:80 10.9.4.2:80 [fd09:3::2]:80 b.example:81", 1),
    ("connect-refused", "tcp-connect", "10.9.2.2:81", 1),
    ("connect-silent", "tcp-connect", "-W 2 10.9.6.2:80", 1),
    ("connect-unreachable", "tcp-connect", "-c 3 -i 0.1 10.9.4.2:80", 1),
    ("connect-series", "tcp-connect", "-c 5 -i 0.2 b.example:22", 0),
    ("connect-fail-if", "tcp-connect", "--quiet --fail-if connect>5ms 10.9.2.2:80 10.9.2.2:22", 1),
    ("connect-gone", "tcp-connect", "gone.example:80 10.9.2.2:80", 1),
    ("connect-deadline", "tcp-connect", "-w 1 10.9.6.2:80", 1),
    ("connect-outage", "tcp-connect", "-c 12 -W 1 10.9.7.2:80", 0),
];

fn run((_, scenario, arguments, _): Case, more: &[&str]) -> world::Ran {
    let mut all = vec!["tcp-connect"];
    all.extend(more);
    all.extend(arguments.split_whitespace());
    world::run(scenario, SocketKind::Raw, &all)
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
fn tcp_connect_screens_are_what_they_were() {
    for_each(|case| {
        let (name, scenario, arguments, code) = case;
        let ran = run(case, &[]);
        check_harmless(&ran.out);
        check_harmless(&ran.err);
        let mut screen =
            format!("# {scenario}.toml\n$ netdiag tcp-connect {arguments}\n{}", ran.out);
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
fn tcp_connect_documents_keep_the_schema_and_add_up() {
    for_each(|case| {
        let ran = run(case, &["--json"]);
        check_harmless(&ran.out);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        schema::check("tcp-connect", &document);
        assert_eq!(document["exit_code"], case.3);
        for target in document["targets"].as_array().expect("targets") {
            let count = |key: &str| target[key].as_u64().expect("a count");
            let parts = ["succeeded", "failed", "local_errors", "unknown", "in_flight"];
            assert_eq!(count("attempts"), parts.map(count).iter().sum::<u64>(), "{target}");
            let failed = ["refused", "reset", "timeouts", "net_errors"];
            assert_eq!(count("failed"), failed.map(count).iter().sum::<u64>(), "{target}");
            let results = target["results"].as_array().expect("results");
            let settled = count("attempts") - count("in_flight");
            assert_eq!(results.len() as u64, settled, "{target}");
            let of = |outcome: &str| {
                results.iter().filter(|one| one["outcome"] == outcome).count() as u64
            };
            assert_eq!(of("connected"), count("succeeded"), "{target}");
            assert_eq!(of("refused"), count("refused"), "{target}");
            let is_open = count("succeeded") > 0;
            assert_eq!(is_open, target["failure"].is_null(), "{target}");
            assert_eq!(is_open, target["connect_ms"].is_object(), "{target}");
        }
    });
}

#[test]
fn tcp_connect_streams_and_tables_have_all_targets() {
    for_each(|case| {
        let targets: Value = serde_json::from_str(&run(case, &["--json"]).out).expect("JSON");
        let targets = targets["targets"].as_array().expect("targets").len();
        let ran = run(case, &["--output", "jsonl"]);
        let lines: Vec<Value> =
            ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        assert_eq!((of("resolved"), of("target"), of("summary")), (targets, targets, 1));
        let table = run(case, &["--output", "csv"]).out;
        assert_eq!(table.lines().count(), targets + 1, "{table}");
        let columns = |line: &str| line.split(',').count();
        let header = table.lines().next().map(columns);
        assert!(header > Some(40), "{table}");
    });
}
