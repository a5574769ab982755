//! `netdiag syn` in the simulated internet: screens to the byte, documents against their schema.

use super::check_harmless;
use crate::support::{golden, schema, world};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// One run: the name of its screen, the scenario, the socket, the arguments, the exit code.
type Case = (&'static str, &'static str, SocketKind, &'static str, u8);

const RAW: SocketKind = SocketKind::Raw;

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("syn-ports", "tcp-connect", RAW, "10.9.2.2:22,80-82,443,8443", 0),
    ("syn-short-form", "tcp-connect", RAW, "fd09:2::2 https", 0),
    ("syn-name", "tcp-connect", RAW, "b.example:22,81", 0),
    ("syn-addresses", "tcp-connect", RAW, "10.9.2.2:80,81 10.9.3.2-3:80 10.9.4.2:80 [fd09:3::2]:80", 1),
    ("syn-open", "tcp-connect", RAW, "--open 10.9.2.2:79-82", 0),
    ("syn-closed", "tcp-connect", RAW, "10.9.2.2:81", 1),
    ("syn-silent", "tcp-connect", RAW, "--retries 1 10.9.6.2:80", 1),
    ("syn-fail-if", "tcp-connect", RAW, "--quiet --fail-if closed>0 10.9.2.2:80,81", 1),
    ("syn-gone", "tcp-connect", RAW, "gone.example:80 10.9.2.2:80", 1),
    ("syn-deadline", "tcp-connect", RAW, "-w 1 --timeout 2 10.9.2.2:80,8443", 0),
    ("syn-no-right", "tcp-connect", SocketKind::IcmpDatagram, "10.9.2.2:80", 3),
];

fn run((_, scenario, socket, arguments, _): Case, more: &[&str]) -> world::Ran {
    let mut all = vec!["syn"];
    all.extend(more);
    all.extend(arguments.split_whitespace());
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
fn syn_screens_are_what_they_were() {
    for_each(|case| {
        let (name, scenario, _, arguments, code) = case;
        let ran = run(case, &[]);
        check_harmless(&ran.out);
        check_harmless(&ran.err);
        let mut screen = format!("# {scenario}.toml\n$ netdiag syn {arguments}\n{}", ran.out);
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
fn syn_documents_keep_the_schema_and_add_up() {
    for_each(|case| {
        // What shows fewer rows is for text alone.
        if case.3.contains("--open") {
            return;
        }
        let ran = run(case, &["--json"]);
        check_harmless(&ran.out);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        schema::check("syn", &document);
        assert_eq!(document["exit_code"], case.4);
        for target in document["targets"].as_array().expect("targets") {
            let ports = target["ports"].as_array().expect("ports");
            let sum = |key: &str| ports.iter().filter_map(|port| port[key].as_u64()).sum::<u64>();
            assert_eq!(target["sent"], sum("sent"), "{target}");
            assert_eq!(target["received"], sum("received"), "{target}");
            assert_eq!(target["failure"].is_null(), !ports.is_empty(), "{target}");
            for port in ports {
                let is_answered =
                    ["open", "closed"].contains(&port["state"].as_str().expect("one"));
                assert_eq!(is_answered, port["received"].as_u64() > Some(0), "{port}");
                assert!(!is_answered || port["rtt_ms"].is_object(), "{port}");
            }
        }
    });
}
