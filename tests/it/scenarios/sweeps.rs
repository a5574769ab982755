//! `netdiag sweep` in the simulated internet: screens to the byte, documents against their schema
//! and against what really happened.

use super::check_harmless;
use super::documents::check_counters;
use crate::support::{golden, process, schema, world};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// One run: the name of its screen, the scenario, the arguments, the exit code.
type Case = (&'static str, &'static str, &'static str, u8);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("sweep-plain", "plain-20ms", "10.9.2.0/29 fd09:2::2 --exclude 10.9.2.4-5", 1),
    ("sweep-alive", "plain-20ms", "--alive --retry 0 10.9.2.1-2", 1),
    ("sweep-unreachable", "plain-20ms", "--unreachable --retry 2 --backoff 2 10.9.2.1-2", 1),
    ("sweep-quiet", "plain-20ms", "--quiet 10.9.2.2", 0),
    ("sweep-min-alive", "plain-20ms", "--min-alive 1 --retry 0 10.9.2.1-2", 0),
    ("sweep-twice", "plain-20ms", "10.9.2.2 10.9.2.2/32 10.9.2.2-2", 0),
    ("sweep-icmp", "icmp-errors", "10.3.1.8-9 10.3.13.9 10.5.1.9 fd01:1::9", 1),
    ("sweep-loss", "loss-exact", "--rate 10 10.9.2.2 fd09:2::2", 0),
    ("sweep-late", "late-1500ms", "--verbose -c 8 --interval 0.3 10.9.2.2", 0),
    ("sweep-duplicate", "duplicate", "--verbose -c 9 --interval 0.1 10.9.2.2", 0),
    ("sweep-series", "loss-random", "-c 40 --interval 0.05 10.9.2.2 fd09:2::2 10.9.0.1", 0),
    ("sweep-series-fail-if", "loss-exact", "-c 40 --interval 0.1 --fail-if loss>5% 10.9.2.2", 1),
    ("sweep-names", "names", "b.example gone.example slow.example 10.9.2.2", 1),
    ("sweep-unmeasured", "names", "slow.example", 3),
    ("sweep-file", "plain-20ms", "--file sweep-targets --retry 0", 1),
    ("sweep-udp", "udp", "--proto udp 10.9.2.2 fd09:2::2 fd09:2::5", 1),
    ("sweep-tcp", "udp", "--proto tcp:81 10.9.2.2 fd09:2::2", 1),
    ("sweep-send-errors", "send-errors", "-c 8 --interval 1 10.9.2.2", 0),
    ("sweep-drops", "receive-drops", "-c 6 --interval 1 10.9.2.2", 0),
    ("sweep-interrupted", "signal-int", "--timeout 60 10.9.2.1-2", 1),
    ("sweep-errors-so-far", "icmp-errors", "--deadline 0.5 --rate 10 10.3.1.8-9 10.3.13.9 10.5.1.9 fd01:1::9 10.3.1.10-11", 1),
    ("sweep-not-begun", "plain-20ms", "--deadline 0.35 --rate 10 10.9.2.0/27 no-such.example", 1),
    ("sweep-series-errors", "icmp-errors", "-c 3 --interval 0.1 10.3.1.8-9 10.3.13.9 10.5.1.9", 1),
    ("sweep-silent", "plain-20ms", "-c 25 --interval 0.05 --timeout 0.3 10.9.2.1", 1),
    ("sweep-reverse", "names", "--names --retry 0 10.9.2.2 10.9.0.1 10.9.2.3 b.example gone.example", 1),
    ("sweep-reverse-hostile", "names-hostile", "--names -c 3 --interval 0.1 10.9.2.2 10.9.0.1", 0),
    ("sweep-idn", "names", "b\u{fc}cher.example \u{430}.example", 1),
];

/// The same on a terminal, and how wide it is.
#[rustfmt::skip]
const NARROW: &[(Case, u16)] = &[
    (("sweep-at-80", "icmp-errors", "10.3.1.8-9 10.3.13.9 10.5.1.9 fd01:1::9", 1), 80),
    (("sweep-at-40", "icmp-errors", "10.3.1.8-9 10.3.13.9 10.5.1.9", 1), 40),
    (("sweep-ipv6-at-40", "plain-20ms", "fd09:2::2-fd09:2::4 fd09:0002:0000:0000:abcd:abcd:abcd:abcd", 1), 40),
    (("sweep-names-at-40", "names", "b.example gone.example slow.example 10.9.0.1", 1), 40),
    (("sweep-reverse-at-80", "names", "--names 10.9.2.2 10.9.0.1 fd09:2::2 10.9.2.3", 1), 80),
    (("sweep-reverse-at-132", "names", "--names 10.9.2.2 10.9.0.1 fd09:2::2 gone.example", 1), 132),
    (("sweep-series-at-40", "loss-random", "-c 40 --interval 0.05 10.9.2.2 10.9.0.1", 0), 40),
    (("sweep-not-begun-at-24", "plain-20ms", "--deadline 0.35 --rate 10 10.9.2.0/27", 1), 24),
];

/// The same of fping's options.
#[rustfmt::skip]
const CLASSIC: &[Case] = &[
    ("fping-plain", "plain-20ms", "--classic -s -e -t 100 10.9.2.2 fd09:2::2 10.9.2.1", 1),
    ("fping-count", "loss-exact", "--classic -c 6 -p 100 -o 10.9.2.2 fd09:2::2", 0),
    ("fping-vcount", "loss-exact", "--classic -C 6 -q -p 100 10.9.2.2 fd09:2::2", 0),
    ("fping-icmp", "icmp-errors", "--classic -s -r 1 -t 50 10.3.1.8 10.3.13.9 10.5.1.9 fd01:1::9", 1),
    ("fping-icmp-count", "icmp-errors", "--classic -c 2 -p 100 -D 10.3.1.8 10.5.1.9", 1),
    ("fping-late", "late-1500ms", "--classic -s -C 8 -p 300 10.9.2.2", 0),
    ("fping-too-late", "slow-800ms", "--classic -s -r 1 -t 500 10.9.2.2", 1),
    ("fping-late-counts", "slow-800ms", "--classic -s -e -t 600 10.9.2.2", 0),
    ("fping-duplicate", "duplicate", "--classic -s -q -c 9 -p 100 10.9.2.2", 0),
    ("fping-names", "names", "--classic -A -n b.example gone.example slow.example 10.9.2.2", 2),
    ("fping-summaries", "plain-20ms", "--classic -Q 1 -c 25 -p 100 10.9.2.2 10.9.2.1", 1),
    ("fping-enough", "plain-20ms", "--classic -X 2 -s 10.9.2.1 10.9.2.2 fd09:2::2 10.9.2.3", 0),
    ("fping-interrupted", "signal-int", "--classic -l -p 300 10.9.2.2 10.9.2.1", 1),
];

fn run((_, scenario, arguments, _): Case, more: &[&str]) -> world::Ran {
    let mut all = vec!["sweep"];
    all.extend(more);
    all.extend(arguments.split_whitespace().filter(|argument| !more.contains(argument)));
    world::run(scenario, SocketKind::Raw, &all)
}

/// The names of the screens.
pub(super) fn screens() -> impl Iterator<Item = &'static str> {
    let narrow = NARROW.iter().map(|(case, _)| case);
    CASES.iter().chain(CLASSIC).chain(narrow).map(|(name, ..)| *name)
}

fn for_each(check: fn(Case)) {
    for_each_of(CASES, check);
}

fn for_each_of(cases: &[Case], check: fn(Case)) {
    let failed: Vec<&str> = cases
        .iter()
        .filter(|case| std::panic::catch_unwind(|| check(**case)).is_err())
        .map(|(name, ..)| *name)
        .collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[test]
fn sweep_screens_are_what_they_were() {
    for_each(check_screen);
    for_each_of(CLASSIC, check_screen);
}

#[test]
fn a_narrow_terminal_has_fewer_columns_and_no_line_that_is_too_wide() {
    for (case, width) in NARROW {
        let (_, scenario, arguments, _) = case;
        let words: Vec<&str> = std::iter::once("sweep").chain(arguments.split(' ')).collect();
        let ran = world::run_at_width(scenario, &words, *width);
        for line in ran.out.lines() {
            // What is to be copied is not broken.
            let is_whole = line.contains('`') || !line.trim().contains(' ');
            assert!(line.len() <= usize::from(*width) || is_whole, "{width}: {line}");
            assert!(!line.ends_with(' '), "{line:?}");
        }
        check_ran(*case, &ran);
    }
}

/// Names are looked up beside the probes: when these leave is the same.
#[test]
fn names_change_nothing_of_the_measurement() {
    let sent = |ran: world::Ran| ran.truth(|truth| format!("{:?}", truth.probes()));
    for more in [&[][..], &["-c", "3", "--interval", "0.2"], &["--rate", "max"]] {
        let all = [&["sweep", "10.9.2.0/28", "10.9.0.1"][..], more].concat();
        let without = world::run("names", SocketKind::Raw, &all);
        let with = world::run("names", SocketKind::Raw, &[&all[..], &["--names"]].concat());
        assert!(with.out.contains("b.example") && !without.out.contains("b.example"));
        assert_eq!(sent(with), sent(without), "{more:?}");
    }
}

/// 32 are asked for at once, and at the end half a second is left for what is missing.
#[test]
fn names_that_do_not_come_are_not_waited_for_and_told_as_that() {
    let scenario = std::fs::read_to_string(process::scenario("plain-20ms")).expect("a scenario");
    let all = (1..=62).map(|host| format!("\"10.9.2.{host}\"")).collect::<Vec<_>>().join(", ");
    let slow = format!("{scenario}\n[[lookup]]\nname = \"slow.example\"\naddress = [{all}]\n");
    let arguments = ["sweep", "--names", "--json", "--retry", "0", "10.9.2.0/26"];
    for (delay, unasked, late) in [("400ms", 0, 0), ("10s", 30, 32)] {
        let scenario = format!("{slow}delay = \"{delay}\"\n");
        let ran = world::run_text(&scenario, SocketKind::Raw, &arguments);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let named = |target: &&Value| target["hostname"] == "slow.example";
        let targets = document["targets"].as_array().expect("targets");
        assert_eq!(targets.len(), 62);
        assert_eq!(targets.iter().filter(named).count() as u64, 62 - unasked - late, "{delay}");
        let told = document["findings"].as_array().expect("findings");
        let told = told.iter().find(|finding| finding["code"] == "names-unknown");
        let expected = (late > 0).then_some((Some(unasked), Some(late)));
        let counts = |of: &Value| {
            let of = &of["evidence"];
            (of["unasked"].as_u64(), of["late"].as_u64())
        };
        assert_eq!(told.map(counts), expected, "{delay}");
        // The last probe leaves after 61 ms, and its second is over at 1.061 s.
        let elapsed = document["elapsed_ms"].as_f64().expect("a time");
        assert!(elapsed <= 1_562.0, "{delay}: {elapsed}");
    }
}

/// A finding takes more room than its target: of many there are not as many.
#[test]
fn findings_about_single_targets_are_bounded_and_counted() {
    let dead = ["sweep", "-c", "3", "--interval", "1", "--rate", "10000", "10.9.2.128-10.9.7.127"];
    let run = |more: &[&str]| world::run("plain-20ms", SocketKind::Raw, &[&dead, more].concat());
    let document: Value = serde_json::from_str(&run(&["--json"]).out).expect("a document");
    let findings = document["findings"].as_array().expect("findings");
    assert_eq!((findings.len(), &document["status"]), (1_001, &Value::from("critical")));
    let last = &findings[1_000];
    assert_eq!(
        (&last["code"], &last["evidence"]["count"]),
        (&"findings-omitted".into(), &280.into())
    );
    let text = run(&[]).out;
    assert_eq!(text.matches("(no-reply)").count(), 20);
    assert!(text.contains("\ni 1,260 more findings: --json has 1000 in all\n"), "{text}");
}

fn check_screen(case: Case) {
    check_ran(case, &run(case, &[]));
}

fn check_ran((name, scenario, arguments, code): Case, ran: &world::Ran) {
    check_harmless(&ran.out);
    check_harmless(&ran.err);
    let mut screen = format!("# {scenario}.toml\n$ netdiag sweep {arguments}\n{}", ran.out);
    if !ran.err.is_empty() {
        screen.push_str(&format!("--- stderr\n{}", ran.err));
    }
    screen.push_str(&format!("--- exit {}\n", ran.status.code()));
    let same = golden::compare(name, &screen);
    assert!(same.is_ok(), "{}", same.unwrap_err());
    assert_eq!(ran.status, ExitStatus::Code(code), "{screen}");
}

/// Whether the arguments say nothing against another form of output.
fn has_documents((_, _, arguments, _): Case) -> bool {
    !["--alive ", "--unreachable "].iter().any(|option| arguments.starts_with(option))
}

#[test]
fn sweep_documents_keep_the_schema_and_the_sums() {
    for_each(|case| {
        if !has_documents(case) {
            return;
        }
        let ran = run(case, &["--json", "--verbose"]);
        let document = serde_json::from_str(&ran.out).expect("a document");
        schema::check("sweep", &document);
        assert_eq!(document["exit_code"], case.3, "{document}");
        for target in document["targets"].as_array().expect("targets") {
            check_counters(target);
            let is_alive = target["received"].as_u64() > Some(0);
            assert_eq!(target["state"] == "alive", is_alive, "{target}");
        }
    });
}

#[test]
fn sweep_streams_each_target_once_and_in_order() {
    for_each(|case| {
        if !has_documents(case) {
            return;
        }
        let ran = run(case, &["--output", "jsonl"]);
        let lines = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let events: Vec<Value> = lines.collect();
        assert_eq!(events.first().expect("events")["type"], "start");
        assert_eq!(events.last().expect("events")["type"], "summary");
        let count = events[0]["target_count"].as_u64().expect("a number");
        for index in 0..count {
            let of_it = events.iter().filter(|event| event["target_index"] == index);
            let kinds: Vec<&str> =
                of_it.map(|event| event["type"].as_str().expect("a type")).collect();
            assert_eq!(kinds.first(), Some(&"resolved"), "{index}: {kinds:?}");
            let targets = kinds.iter().filter(|kind| **kind == "target").count();
            assert_eq!(targets, 1, "{index}: {kinds:?}");
        }
    });
}

/// What the table says against what really happened in the network.
#[test]
fn sweep_counts_what_really_left() {
    for_each(|case| {
        if case.2.contains("--proto") || case.1 == "send-errors" {
            return;
        }
        let ran = run(case, &["--output", "csv"]);
        if !has_documents(case) {
            return assert_eq!(ran.status, ExitStatus::USAGE);
        }
        let mut rows = ran.out.lines();
        let names: Vec<&str> = rows.next().expect("a header").split(',').collect();
        let column = names.iter().position(|name| *name == "sent").expect("a column");
        let sent: u64 =
            rows.map(|row| row.split(',').nth(column).expect("a cell").parse().unwrap_or(0)).sum();
        let document: Value = serde_json::from_str(&run(case, &["--json"]).out).expect("JSON");
        let given = document["targets"].as_array().expect("targets").len();
        assert_eq!(ran.out.lines().count(), given + 1, "a row for each target: {}", ran.out);
        let truly = ran.truth(|truth| truth.probes().len());
        assert_eq!(sent, truly as u64, "{}", ran.out);
    });
}

fn document(scenario: &str, arguments: &str) -> Value {
    let given = ["sweep", "--json"].into_iter().chain(arguments.split_whitespace());
    let ran = world::run(scenario, SocketKind::Raw, &given.collect::<Vec<_>>());
    serde_json::from_str(&ran.out).unwrap_or_else(|fault| panic!("{fault}: {}{}", ran.out, ran.err))
}

/// Where one answer is wanted, what comes beside the outcome belongs to the target all the same.
#[test]
fn late_and_false_answers_stand_in_the_figures_of_their_target() {
    // The answers take 800 ms, so that of five tries the first three are heard of.
    let slow = "--retry 4 --timeout 0.3 10.9.2.2";
    let json = document("slow-800ms", &format!("--verbose {slow}"));
    let target = &json["targets"][0];
    assert_eq!((&target["lost"], &target["late"]), (&5.into(), &3.into()), "{target}");
    let probes = target["probes"].as_array().expect("probes");
    let late: Vec<bool> = probes.iter().map(|probe| probe["late_rtt_ms"].is_f64()).collect();
    assert_eq!(late, [true, true, true, false, false], "{target}");
    let text = run(("", "slow-800ms", slow, 1), &[]).out;
    assert!(text.contains("  3 late answers, up to 800.0 ms\n"), "{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("; 3 answers came after the timeout; 1.5 s"), "{text}");
    // What is false comes before what is true, or after it; a series counts the same.
    let rejected = |arguments: &str| {
        let json = document("forged", &format!("{arguments} 10.9.2.10-15"));
        let targets = json["targets"].as_array().expect("targets").clone();
        targets.iter().map(|target| target["rejected"].clone()).collect::<Vec<_>>()
    };
    let (once, series) = (rejected(""), rejected("-c 1 --retry 0"));
    assert_eq!(once, series);
    assert!(once.iter().any(|target| target["wrong-source"] == 1), "{once:?}");
}

#[test]
fn b23_what_this_machine_lost_is_not_said_to_be_lost() {
    let text =
        run(("", "receive-drops", "--timeout 0.5 --rate 1 10.9.2.2 fd09:2::2 10.9.0.1", 0), &[])
            .out;
    assert!(!text.contains("first probe lost"), "{text}");
}

#[test]
fn few_data_bytes_are_told_of_once_however_many_probes_there_are() {
    for arguments in
        ["--size 10 10.9.2.2 fd09:2::2", "--size 10 -c 2 --interval 0.1 10.9.2.2 fd09:2::2"]
    {
        let json = document("plain-20ms", arguments);
        let codes: Vec<&Value> =
            json["findings"].as_array().expect("findings").iter().map(|f| &f["code"]).collect();
        assert_eq!(codes, ["weak-matching"], "{json}");
    }
    let json = document("plain-20ms", "--size 16 10.9.2.2");
    assert_eq!(json["findings"], serde_json::json!([]), "{json}");
}
