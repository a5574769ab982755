//! `check` and `wait-for` in virtual time: when what is tried, and what several come to together.

use super::check_harmless;
use crate::support::{golden, schema, world};
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// One run: the name of its screen, the scenario, the arguments, the exit code.
type Case = (&'static str, &'static str, &'static [&'static str], u8);

/// Checks of which each comes to something else.
const SITE: [&str; 6] = [
    "ping 10.9.2.2 loss<1% and p95<500ms",
    "tcp 10.9.2.2:80",
    "tcp 10.9.2.2:81",
    "tcp b.example:80 connect<1ms",
    "tcp gone.example:80",
    "ping --count=2 10.9.2.2 warn p95<1ms",
];

const fn site(name: &'static str, form: &'static [&'static str], code: u8) -> Case {
    (name, "tcp-connect", form, code)
}

const CASES: &[Case] = &[
    site("check-text", &["check"], 1),
    site("check-quiet", &["check", "--quiet"], 1),
    site("check-csv", &["check", "-o", "csv"], 1),
    site("check-junit", &["check", "-o", "junit"], 1),
    site("check-tap", &["check", "-o", "tap"], 1),
    site("check-nagios", &["check", "-o", "nagios"], 2),
    site("check-prometheus", &["check", "-o", "prometheus"], 1),
    ("wait-for-ready", "up-after-3s", &["wait-for", "icmp:10.9.2.2"], 0),
    ("wait-for-two", "up-after-3s", &["wait-for", "icmp:10.9.2.2", "icmp:10.9.0.1"], 0),
    ("wait-for-in-vain", "up-after-3s", &["wait-for", "--timeout", "2", "icmp:10.9.2.2"], 1),
    ("wait-for-refused", "tcp-connect", &["wait-for", "--timeout", "1", "10.9.2.2:81"], 1),
];

/// The names of the screens.
pub(super) fn screens() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|(name, ..)| *name)
}

#[test]
fn check_screens_are_what_they_were() {
    let mut failed = Vec::new();
    for (name, scenario, given, code) in CASES {
        let mut arguments = given.to_vec();
        if given[0] == "check" {
            arguments.extend(SITE);
        }
        let ran = world::run(scenario, SocketKind::Raw, &arguments);
        check_harmless(&ran.out);
        let words = arguments.iter().map(|word| match word.contains(' ') {
            true => format!("'{word}'"),
            false => (*word).to_owned(),
        });
        let line = words.collect::<Vec<_>>().join(" ");
        let mut screen = format!("# {scenario}.toml\n$ netdiag {line}\n{}", ran.out);
        if !ran.err.is_empty() {
            screen.push_str(&format!("--- stderr\n{}", ran.err));
        }
        screen.push_str(&format!("--- exit {}\n", ran.status.code()));
        failed.extend(golden::compare(name, &screen).err());
        if ran.status.code() != *code {
            failed.push(format!("{name}: exit {}, not {code}", ran.status.code()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn document(scenario: &str, arguments: &[&str]) -> Value {
    let ran = world::run(scenario, SocketKind::Raw, arguments);
    let document: Value = serde_json::from_str(&ran.out)
        .unwrap_or_else(|fault| panic!("{fault}: {}{}", ran.out, ran.err));
    schema::check(arguments[0], &document);
    document
}

fn elapsed(document: &Value) -> f64 {
    document["elapsed_ms"].as_f64().expect("a number")
}

fn statuses(document: &Value) -> Vec<&str> {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().map(|check| check["status"].as_str().expect("a word")).collect()
}

/// M5: attempts follow each other every 100 ms, whatever those before still wait for.
#[test]
fn m5_a_host_that_comes_up_is_seen_within_100_ms() {
    let document = document("up-after-3s", &["wait-for", "--json", "icmp:10.9.2.2"]);
    assert_eq!(document["exit_code"], 0, "{document:#}");
    let took = elapsed(&document);
    assert!((3_000.0..3_110.0).contains(&took), "{took}");
    assert!(document["checks"][0]["attempts"].as_u64() > Some(15), "{document:#}");
}

#[test]
fn m5_so_many_answers_in_a_row_are_asked_for() {
    let arguments = ["wait-for", "--json", "--consecutive", "5", "icmp:10.9.2.2"];
    let document = document("up-after-3s", &arguments);
    assert_eq!(document["exit_code"], 0, "{document:#}");
    let took = elapsed(&document);
    assert!((3_400.0..3_510.0).contains(&took), "{took}");
}

#[test]
fn m5_what_is_not_ready_in_time_ends_with_1_and_the_last_cause() {
    let arguments = ["wait-for", "--timeout", "2.5", "icmp:10.9.2.2"];
    let ran = world::run("up-after-3s", SocketKind::Raw, &arguments);
    assert_eq!(ran.status.code(), 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("= not ready after 2.5 s, "), "{}", ran.out);
    assert!(ran.out.trim_end().ends_with("exit 1"), "{}", ran.out);
    let arguments = ["wait-for", "--timeout", "30ms", "icmp:10.9.2.2"];
    let ran = world::run("up-after-3s", SocketKind::Raw, &arguments);
    assert!(ran.out.starts_with("= not ready after 30 ms, "), "{}", ran.out);
}

/// A warning was measured, what is unknown was not: the one is the status, of the other the code tells.
#[test]
fn b34_a_warning_beside_what_is_unknown_is_told_by_the_status_and_by_the_code() {
    let lines = ["ping --count=1 10.9.2.2 warn p95<1us", "ping --count=1 slow.example"];
    let both = document("names", &[&["check", "--json"], &lines[..]].concat());
    assert_eq!(statuses(&both), ["warn", "unknown"], "{both:#}");
    assert_eq!((&both["status"], &both["exit_code"]), (&"warning".into(), &3.into()), "{both:#}");
    let plugin = [&["check", "-o", "nagios"], &lines[..]].concat();
    let ran = world::run("names", SocketKind::Raw, &plugin);
    assert_eq!(ran.status.code(), 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("NETDIAG WARNING - "), "{}", ran.out);
}

#[test]
fn m5_one_of_several_is_enough_where_that_is_asked_for() {
    let specs = ["icmp:10.9.2.2", "icmp:10.9.0.1"];
    let any = document("up-after-3s", &[&["wait-for", "--json", "--any"], &specs[..]].concat());
    assert_eq!(statuses(&any), ["skip", "pass"], "{any:#}");
    assert!(elapsed(&any) < 100.0, "{any:#}");
    let all = document("up-after-3s", &[&["wait-for", "--json"], &specs[..]].concat());
    assert_eq!(statuses(&all), ["pass", "pass"], "{all:#}");
    assert!(elapsed(&all) >= 3_000.0, "{all:#}");
}

#[test]
fn m1_checks_run_side_by_side_and_keep_their_keys_apart() {
    let targets = ["10.9.2.2", "10.9.0.1", "fd09:2::2"];
    let lines: Vec<String> =
        (0..50).map(|number| format!("ping {} loss<1%", targets[number % 3])).collect();
    let mut arguments = vec!["check", "--json"];
    arguments.extend(lines.iter().map(String::as_str));
    let document = document("plain-20ms", &arguments);
    assert_eq!(document["exit_code"], 0, "{document:#}");
    assert_eq!(statuses(&document), ["pass"; 50]);
    let slowest = document["checks"].as_array().expect("checks").iter();
    let slowest = slowest.filter_map(|check| check["elapsed_ms"].as_f64()).fold(0.0, f64::max);
    assert!(elapsed(&document) < slowest + 500.0, "{} and {slowest}", elapsed(&document));
    for check in document["checks"].as_array().expect("checks") {
        assert_eq!(check["measurement"]["received"], 5, "{check:#}");
        assert_eq!(check["measurement"]["duplicates"], 0, "{check:#}");
    }
}

/// What is lost while a host is away fails, what is tried again until it is back passes.
#[test]
fn m1_a_check_that_fails_is_tried_again_as_often_as_is_asked_for() {
    let document = document("up-after-3s", &["check", "--json", "check-retries"]);
    assert_eq!(document["exit_code"], 1, "{document:#}");
    assert_eq!(statuses(&document), ["fail", "pass"], "{document:#}");
    let attempts = [0, 1].map(|place| document["checks"][place]["attempts"].as_u64());
    assert_eq!(attempts, [Some(2), Some(4)], "{document:#}");
}

/// B34: what this machine did says nothing of the target.
#[test]
fn b34_what_could_not_be_sent_is_unknown_and_no_failure() {
    let arguments = ["check", "--json", "ping 10.9.2.2 loss<1%"];
    let document = document("outage-local-3s", &arguments);
    assert!(["pass", "unknown"].contains(&statuses(&document)[0]), "{document:#}");
    let ran = world::run("names", SocketKind::Raw, &["check", "--json", "ping slow.example"]);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    assert_eq!((&document["exit_code"], statuses(&document)), (&3.into(), vec!["unknown"]));
    assert_eq!(document["status"], "unknown");
}
