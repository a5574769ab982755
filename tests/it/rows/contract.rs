//! What a script relies on that knows nothing but the contract, of every command that measures.

mod common;
mod ends;

use super::{events, the};
use crate::support::process::{Ended, Namespace, Process, run};
use crate::support::schema;
use nix::sys::signal::Signal;
use serde_json::Value;

/// Arguments and the code that they end with where there is nothing but loopback: no listener, no
/// route, no name server.
#[rustfmt::skip]
const LINES: &[(&str, i32)] = &[
    ("ping -c 1 127.0.0.1", 0), ("ping -c 1 2001:db8::1", 3), ("ping -c 1 no.such", 3),
    ("ping -c 1 --fail-if loss<1% 127.0.0.1", 1), ("ping -c 1 --fail-if lost<<1 127.0.0.1", 2),
    ("sweep 127.0.0.1", 0), ("sweep 127.0.0.1 2001:db8::1", 1), ("sweep 2001:db8::1", 3), ("sweep", 2),
    ("sweep --min-alive 1 127.0.0.1 2001:db8::1", 0),
    ("trace 127.0.0.1", 0), ("trace 2001:db8::1", 3), ("trace --fail-if hops>0 127.0.0.1", 1),
    ("trace --classic-exit 127.0.0.1", 0), ("trace --classic-exit --fail-if hops>0 127.0.0.1", 2),
    ("mtr --report -c 1 127.0.0.1", 0), ("mtr --report -c 1 2001:db8::1", 3),
    ("mtr --report -c 1 --fail-if loss<1% 127.0.0.1", 1), ("mtr --report -c x 127.0.0.1", 2),
    ("mtr --report -c 1 --classic-exit 2001:db8::1", 1),
    ("mtu 127.0.0.1", 0), ("mtu 2001:db8::1", 3), ("mtu --fail-if path_mtu>1 127.0.0.1", 1), ("mtu", 2),
    ("dns a.test A @127.0.0.1 --retries 0", 1), ("dns a.test A @2001:db8::1 --retries 0", 3),
    ("dns a.test @", 2), ("dns --classic-exit a.test A @127.0.0.1 --retries 0", 9),
    ("tcp-connect 127.0.0.1:1", 1), ("tcp-connect [2001:db8::1]:1", 3), ("tcp-connect 127.0.0.1:0", 2),
    ("syn 127.0.0.1:1", 1), ("syn [2001:db8::1]:1", 3), ("syn 127.0.0.1:9-5", 2),
    ("sockets", 0), ("sockets --summary", 0), ("sockets --fail-if count>=0", 1), ("sockets ((", 2),
    ("wait-for icmp:127.0.0.1", 0), ("wait-for --timeout 0.3 127.0.0.1:1", 1),
    ("wait-for --timeout 0.3 icmp:2001:db8::1", 3), ("wait-for ftp://127.0.0.1", 2),
];

/// The same of checks, which have blanks.
#[rustfmt::skip]
const CHECKS: &[(&str, i32)] = &[
    ("ping 127.0.0.1 --count=1", 0), ("ping 127.0.0.1 --count=1 warn ttl>200", 0),
    ("tcp 127.0.0.1:1", 1), ("ping 2001:db8::1", 3), ("ping 127.0.0.1 lost<<1", 2),
];

const ENVELOPE: [&str; 9] = [
    "schema",
    "command",
    "version",
    "started_at",
    "elapsed_ms",
    "method",
    "findings",
    "status",
    "exit_code",
];
const METHOD: [&str; 4] = ["socket", "timestamps", "because", "lost"];
const FINDING: [&str; 8] =
    ["target_index", "locus", "code", "severity", "subject", "message", "evidence", "advice"];
const START: [&str; 7] =
    ["schema", "command", "version", "started_at", "method", "arguments", "target_count"];
const RESOLVED: [&str; 9] = [
    "target",
    "address",
    "family",
    "hostname",
    "protocol",
    "port",
    "method",
    "resolve_ms",
    "failure",
];

fn has(value: &Value, keys: &[&str], about: &str) {
    let object = value.as_object().unwrap_or_else(|| panic!("{about}: {value:#}"));
    let lacks: Vec<&&str> = keys.iter().filter(|key| !object.contains_key(**key)).collect();
    assert!(lacks.is_empty(), "{about}: lacks {lacks:?}: {value:#}");
}

fn each(run_line: impl Fn(&[&str], i32, &str)) {
    for (line, code) in LINES {
        run_line(&line.split(' ').collect::<Vec<_>>(), *code, line);
    }
    for (line, code) in CHECKS {
        run_line(&["check", line], *code, line);
    }
}

fn envelope(document: &Value, command: &str, code: i32, about: &str) {
    has(document, &ENVELOPE, about);
    has(&document["method"], &METHOD, about);
    assert_eq!(document["schema"], "netdiag/1", "{about}");
    assert_eq!(document["command"], command, "{about}");
    assert_eq!(document["exit_code"], code, "{about}: {document:#}");
    let status = document["status"].as_str().expect("a word");
    assert!(["ok", "warning", "critical", "unknown"].contains(&status), "{about}: {status}");
    for finding in document["findings"].as_array().expect("a list") {
        has(finding, &FINDING, about);
    }
}

/// Codes 0, 1 and 3 come with a document, 2 with a line on standard error and nothing else.
#[test]
fn n1_every_command_has_its_document_and_its_code() {
    let Some(namespace) = Namespace::loopback() else { return };
    each(|words, code, line| {
        let ended = run(namespace.netdiag(words).arg("--json"));
        assert_eq!(ended.code(), Some(code), "{line}: {ended:?}");
        if code == 2 {
            assert_eq!((ended.out.as_str(), ended.err.lines().count()), ("", 1), "{ended:?}");
            return;
        }
        let document = ended.json();
        // What mtr finds is what trace does.
        schema::check(if words[0] == "mtr" { "trace" } else { words[0] }, &document);
        envelope(&document, words[0], code, line);
        let own = match words[0] {
            "check" | "wait-for" => "checks",
            "sockets" if line.contains("--summary") => "summary",
            "sockets" => "sockets",
            _ => "targets",
        };
        has(&document, &[own], line);
    });
}

/// Lines begin with `start`, end with one `summary`, and name each target before anything else of it.
#[test]
fn n1_every_command_has_its_lines() {
    let Some(namespace) = Namespace::loopback() else { return };
    each(|words, code, line| {
        let ended = run(namespace.netdiag(words).args(["--output", "jsonl"]));
        assert_eq!(ended.code(), Some(code), "{line}: {ended:?}");
        if code == 2 {
            assert_eq!((ended.out.as_str(), ended.err.lines().count()), ("", 1), "{ended:?}");
            return;
        }
        let all = events(&ended.out);
        let (first, last) = (&all[0], all.last().expect("one"));
        assert_eq!((&first["type"], &last["type"]), (&"start".into(), &"summary".into()), "{line}");
        has(first, &START, line);
        envelope(the(&all, "summary"), words[0], code, line);
        assert!(last.get("targets").is_none() && last["complete"].is_boolean(), "{last:#}");
        let mut named = Vec::new();
        for event in &all {
            has(event, &["type", "target_index", "at", "offset_ms"], line);
            if event["type"] == "resolved" {
                has(event, &RESOLVED, line);
                named.push(event["target_index"].clone());
            }
            let is_of_one = !event["target_index"].is_null() && event["type"] != "finding";
            let has_targets = !["check", "wait-for", "sockets"].contains(&words[0]);
            let index = &event["target_index"];
            assert!(!is_of_one || !has_targets || named.contains(index), "{line}: {event:#}");
        }
    });
}

/// Text and rows end with the same code, have no control characters, and rows have as many cells as
/// there are columns.
#[test]
fn n3_every_command_has_its_text_and_its_rows() {
    let Some(namespace) = Namespace::loopback() else { return };
    each(|words, code, line| {
        let text = run(&mut namespace.netdiag(words));
        assert_eq!(text.code(), Some(code), "{line}: {text:?}");
        let is_plain = |ended: &Ended| {
            let mut all = ended.out.chars().chain(ended.err.chars());
            all.all(|char| char == '\n' || char == '\t' || !char.is_control())
        };
        assert!(is_plain(&text), "{line}: {text:?}");
        if line.contains("--summary") {
            return;
        }
        let rows = run(namespace.netdiag(words).args(["--output", "csv"]));
        assert_eq!(rows.code(), Some(code), "{line}: {rows:?}");
        assert!(is_plain(&rows), "{line}: {rows:?}");
        let cells = |row: &str| {
            let mut is_quoted = false;
            let commas = row.chars().filter(|char| {
                is_quoted ^= *char == '"';
                *char == ',' && !is_quoted
            });
            commas.count()
        };
        let counts: Vec<usize> = rows.out.lines().map(cells).collect();
        assert!(counts.iter().all(|count| *count == counts[0]), "{line}: {rows:?}");
    });
}

/// Silence that nobody waited for to the end is none of the target's.
#[test]
fn a_path_mtu_that_a_signal_ended_says_nothing_of_the_target() {
    let Some(namespace) = Namespace::new(
        "ip link add d0 type veth peer name d1\n\
         ip addr add 10.1.0.1/24 dev d0\n\
         ip link set d0 up\n\
         ip link set d1 up\n\
         ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev d0",
    ) else {
        return;
    };
    let process = Process::start(&mut namespace.netdiag(&["mtu", "--timeout", "60", "10.1.0.9"]));
    process.until_out(|out| out.starts_with("mtu to 10.1.0.9"));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let last = ended.out.lines().last().expect("a verdict");
    assert!(last.starts_with("= ended early: nothing was answered until then; "), "{ended:?}");
}
