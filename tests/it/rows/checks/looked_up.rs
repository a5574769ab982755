//! Names in checks and in what is waited for: they are looked up beside what is measured.

use super::super::names::answer;
use super::{check, document, file, statuses};
use crate::support::process::{Ended, Namespace, Process, run, stopwatch};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Nobody answers for names that begin with `hole`, and each other is 127.0.0.1.
fn holes(question: &[u8]) -> Option<Vec<u8>> {
    let is_a = answer(question, 0, None)?.ends_with(&[0, 1, 0, 1]);
    let is_hole = question.get(13..17) == Some(b"hole");
    let address = Some(&[127, 0, 0, 1][..]).filter(|_| is_a);
    if is_hole { None } else { answer(question, 0, address) }
}

fn namespace(names: fn(&[u8]) -> Option<Vec<u8>>) -> Option<(Namespace, TcpListener)> {
    let namespace = Namespace::with_resolver("127.0.0.1")?;
    namespace.serve_names(names);
    let listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    Some((namespace, listener))
}

fn elapsed(value: &Value) -> f64 {
    value["elapsed_ms"].as_f64().expect("a number")
}

fn wait_for(namespace: &Namespace, words: &[&str]) -> Ended {
    run(&mut namespace.netdiag(&[&["wait-for", "--json"], words].concat()))
}

#[test]
fn m5_a_name_that_nobody_answers_for_keeps_nothing_else_waiting() {
    let Some((namespace, _listener)) = namespace(holes) else { return };
    let ended = wait_for(&namespace, &["--any", "hole.test:80", "127.0.0.1:7000", "ok.test:7000"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    // The name alone would take five seconds.
    assert!(elapsed(&ended.json()) < 4_500.0, "{ended:?}");
    let ended = wait_for(&namespace, &["--timeout", "1", "127.0.0.1:9", "hole.test:9"]);
    let checks = ended.json()["checks"].clone();
    assert_eq!(statuses(&ended.json()), ["fail", "unknown"], "{checks:#}");
    assert!(checks[0]["attempts"].as_u64() > Some(1), "{checks:#}");
    assert_eq!(checks[0]["failure"]["reason"], "refused", "{checks:#}");
    assert_eq!(checks[1]["failure"]["stage"], "resolve", "{checks:#}");
}

/// B34: where nothing could be tried, nothing is known.
#[test]
fn b34_waiting_for_what_cannot_be_looked_up_is_unknown() {
    let Some((namespace, _listener)) = namespace(holes) else { return };
    let ended = wait_for(&namespace, &["--timeout", "0.4", "hole.test:80"]);
    let check = ended.json()["checks"][0].clone();
    assert_eq!((ended.code(), &check["status"]), (Some(3), &"unknown".into()), "{ended:?}");
    assert_eq!((&check["attempts"], &check["failure"]["stage"]), (&1.into(), &"resolve".into()));
    let ended = wait_for(&namespace, &["--timeout", "1us", "127.0.0.1:7001"]);
    let check = ended.json()["checks"][0].clone();
    assert_eq!((ended.code(), &check["attempts"]), (Some(3), &0.into()), "{ended:?}");
    assert_eq!(check["failure"]["reason"], "not-begun", "{ended:?}");
    let ended = check_within(&namespace, "0.4", &["dns A ok.test @hole.test"]);
    assert_eq!(statuses(&ended), ["unknown"], "{ended:#}");
    assert_eq!(ended["checks"][0]["failure"]["stage"], "resolve", "{ended:#}");
}

fn check_within(namespace: &Namespace, deadline: &str, words: &[&str]) -> Value {
    document(namespace, &[&["--deadline", deadline], words].concat())
}

/// Names are looked up at the same time, count as time of their checks, and have no more than that.
#[test]
fn m1_names_take_time_of_their_own_checks_and_of_no_other() {
    let Some((namespace, _listener)) = namespace(holes) else { return };
    let words = [
        "tcp http://hole1.test/",
        "tcp http://hole2.test:81/",
        "ping hole3.test",
        "tcp 127.0.0.1:7000",
        "tcp ok.test:7000",
    ];
    let document = check_within(&namespace, "1", &words);
    assert_eq!(statuses(&document), ["unknown", "unknown", "unknown", "pass", "pass"]);
    assert!(elapsed(&document) < 2_500.0, "{document:#}");
    for check in &document["checks"].as_array().expect("checks")[..3] {
        assert!(elapsed(check) >= 900.0, "{check:#}");
        assert_eq!(check["failure"]["stage"], "resolve", "{check:#}");
    }
    assert!(elapsed(&document["checks"][3]) < 900.0, "{document:#}");
}

static SCHEMES: AtomicU32 = AtomicU32::new(0);
static SKIPPED: AtomicU32 = AtomicU32::new(0);
static LATE: AtomicU32 = AtomicU32::new(0);

/// Counts what is asked for that should not be, and knows one name from its second look-up on.
fn counting(question: &[u8]) -> Option<Vec<u8>> {
    let is = |name: &[u8]| question.get(13..).is_some_and(|rest| rest.starts_with(name));
    if is(b"http") {
        SCHEMES.fetch_add(1, Ordering::Relaxed);
    }
    if is(b"skipped") {
        SKIPPED.fetch_add(1, Ordering::Relaxed);
    }
    // Each look-up asks for both families.
    if is(b"late") && LATE.fetch_add(1, Ordering::Relaxed) < 2 {
        return answer(question, 3, None);
    }
    holes(question)
}

#[test]
fn m1_only_names_that_are_wanted_are_looked_up_and_each_attempt_does_so_again() {
    let Some((namespace, _listener)) = namespace(counting) else { return };
    let file = file(
        "[[check]]\nname = 'bad'\nkind = 'tcp'\ntarget = 'ok.test:7001'\n\
         [[check]]\nkind = 'tcp'\ntarget = 'skipped.test:7000'\ndepends_on = 'bad'\n\
         [[check]]\nkind = 'tcp'\ntarget = 'late.test:7000'\nretries = 2\n\
         [[check]]\nkind = 'tcp'\ntarget = 'http://ok.test:7001/'\n",
    );
    let document = document(&namespace, &[file.path().to_str().expect("a name")]);
    assert_eq!(statuses(&document), ["fail", "skip", "pass", "fail"], "{document:#}");
    assert_eq!(document["checks"][2]["attempts"], 2, "{document:#}");
    assert_eq!(SKIPPED.load(Ordering::Relaxed), 0, "of a check that is skipped");
    assert_eq!(SCHEMES.load(Ordering::Relaxed), 0, "the scheme of a URL is no name");
    // That there was a pause between them is part of its time.
    assert!(elapsed(&document["checks"][2]) >= 250.0, "{document:#}");
}

static ASKED: AtomicU32 = AtomicU32::new(0);

fn noticing(question: &[u8]) -> Option<Vec<u8>> {
    ASKED.fetch_add(1, Ordering::Relaxed);
    holes(question)
}

/// N3: what an interrupt ends is unknown to both commands, a look-up as an attempt.
#[test]
fn n3_an_interrupt_makes_what_is_under_way_unknown() {
    let Some((namespace, _listener)) = namespace(noticing) else { return };
    namespace.run("nft 'table inet t { chain i { type filter hook input priority 0; ip daddr 127.0.0.9 drop; }; }'");
    let since = stopwatch();
    for words in [
        ["check", "-o", "jsonl", "tcp --timeout=9 127.0.0.9:80", "tcp hole.test:80"],
        ["wait-for", "-o", "jsonl", "127.0.0.9:80", "hole.test:80"],
    ] {
        let before = ASKED.load(Ordering::Relaxed);
        let process = Process::start(&mut namespace.netdiag(&words));
        // By then signals are heard, and the connection is being opened.
        while ASKED.load(Ordering::Relaxed) == before {
            assert!(since() < Duration::from_secs(15), "no name was looked up");
            std::thread::park_timeout(Duration::from_millis(1));
        }
        process.signal(Signal::SIGINT);
        let ended = process.wait();
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let events = super::super::events(&ended.out);
        let checks: Vec<_> = events.iter().filter(|event| event["type"] == "check").collect();
        assert!(checks.iter().all(|check| check["status"] == "unknown"), "{ended:?}");
        assert_eq!(checks.len(), 2, "{ended:?}");
        assert_eq!(super::super::the(&events, "summary")["ended_by"], "signal", "{ended:?}");
    }
}

/// What a check took is no less than what was measured within it.
#[test]
fn m1_a_check_takes_no_less_time_than_what_it_measured() {
    let Some((namespace, _listener)) = namespace(holes) else { return };
    let ended = check(&namespace, &[&["--json"][..], &["tcp 127.0.0.1:7000"; 20]].concat());
    for check in ended.json()["checks"].as_array().expect("checks") {
        let connect = check["measurement"]["connect_ms"]["max"].as_f64().expect("it opened");
        assert!(elapsed(check) >= connect, "{check:#}");
    }
}
