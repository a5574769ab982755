//! What `trace` and `mtr` show and take: ports by name, quiet output, narrow terminals, CSV.

use crate::support::world;
use netdiag_model::contract::SocketKind;
use serde_json::Value;

const RAW: SocketKind = SocketKind::Raw;

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().expect("a count")
}

/// Names of services that everybody knows stand for their ports.
#[test]
fn a_port_can_be_the_name_of_a_service() {
    for (command, host) in [("trace", "10.9.2.2:http"), ("mtr", "[fd09:2::2]:http")] {
        let ran = world::run("trace-path", RAW, &[command, "--json", host]);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let target = &document["targets"][0];
        let told = (&target["protocol"], &target["port"], &target["target"]);
        assert_eq!(told, (&"tcp".into(), &80.into(), &host.into()), "{host}");
    }
}

/// Only what is wrong and the verdict: no finding that is mere information.
#[test]
fn quiet_has_nothing_but_warnings_and_verdicts() {
    for words in [
        &["trace", "-q", "200", "--interval", "0.1", "10.9.3.2"][..],
        &["mtr", "--report", "-c", "200", "-i", "0.1", "10.9.3.2"],
        &["trace", "-q", "200", "--interval", "0.1", "10.9.2.2"],
    ] {
        let ran = world::run("trace-limits", RAW, words);
        assert!(ran.out.contains("(icmp-rate-limit)"), "{}", ran.out);
        let ran = world::run("trace-limits", RAW, &[words, &["--quiet"]].concat());
        let mut lines = ran.out.lines();
        let is_meant = |line: &str| {
            line.starts_with('=') || line.starts_with('!') || line.starts_with("   -> that link")
        };
        assert!(lines.all(is_meant) && !ran.out.contains("rate-limit"), "{}", ran.out);
    }
}

/// What is asked for while it runs is of the path, not of what went past its end.
#[test]
fn figures_of_the_moment_leave_out_what_went_past_the_end() {
    let words = ["trace", "-q", "6", "--interval", "1", "10.9.2.2"];
    let ran = world::run("signal-int", RAW, &words);
    assert!(ran.err.contains("6 of 6 probes answered, the farthest hop is 2"), "{}", ran.err);
}

/// In a narrow terminal names go, then times but the mean, and notes have lines of their own.
#[test]
fn a_table_fits_the_terminal() {
    for (target, least) in [("b.example", 42), ("fd09:2::2", 66)] {
        let words = ["trace", "--dscp", "ef", target];
        for width in [130, 100, 80, 74, 60, 50, 42].into_iter().filter(|width| *width >= least) {
            let ran = world::run_at_width("trace-path", &words, width);
            let too_wide = ran.out.lines().find(|line| line.chars().count() > width.into());
            assert_eq!(too_wide, None, "{width}: {}", ran.out);
            let head = ran.out.lines().find(|line| line.starts_with("hop")).expect("a header");
            assert!(head.contains("loss") && head.contains("mean"), "{width}: {head}");
            assert!(ran.out.contains("24017/16"), "{width}: {}", ran.out);
        }
    }
}

/// The cell of everybody that answered at a hop is whole.
#[test]
fn a_csv_has_all_responders_as_json() {
    let ran = world::run("trace-path", RAW, &["trace", "--output", "csv", "10.9.2.2"]);
    let mut checked = 0;
    for row in ran.out.lines().skip(1) {
        // A silent hop has none.
        let Some((_, cell)) = row.split_once(",\"[{\"\"address\"\"") else { continue };
        let (cell, _) = cell.split_once("}]\"").expect("their end");
        let list = format!("[{{\"address\"{}}}]", cell.replace("\"\"", "\""));
        let list: Value = serde_json::from_str(&list).expect("JSON");
        assert!(count(&list[0], "received") > 0, "{row}");
        checked += 1;
    }
    assert!(checked > 3, "{}", ran.out);
}

/// A condition over few probes to the target is told with how many there should be.
#[test]
fn a_condition_over_too_small_a_sample_is_told() {
    let told = |words: &[&str]| {
        let fail_if = ["--json", "--fail-if", "loss>99% or p95>9s or hops>99"];
        let ran = world::run("trace-path", RAW, &[words, &fail_if, &["10.9.2.2"]].concat());
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let findings = document["findings"].as_array().expect("findings").iter();
        let small = findings.filter(|finding| finding["code"] == "sample-too-small");
        let rows = small.map(|finding| {
            let evidence = &finding["evidence"];
            let advice = finding["advice"].as_str().expect("advice").to_owned();
            (evidence["metric"].as_str().expect("a name").to_owned(), count(evidence, "n"), advice)
        });
        rows.collect::<Vec<_>>()
    };
    let row = |metric: &str, n, advice: &str| (metric.to_owned(), n, advice.to_owned());
    let advice = "`--queries 20` or more";
    assert_eq!(told(&["trace"]), [row("loss", 3, advice), row("p95", 3, advice)]);
    assert_eq!(told(&["trace", "-q", "20", "--interval", "0.1"]), []);
    let advice = "`--count 20` or more";
    assert_eq!(told(&["mtr", "-c", "19"]), [row("loss", 19, advice), row("p95", 19, advice)]);
}
