//! JSON Lines and CSV.

use super::{CASES, check_harmless, for_each_case};
use crate::support::world;
use netdiag_model::contract::SocketKind;
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn lines_of_jsonl_keep_their_order() {
    for_each_case(CASES, |case| {
        if !case.has_documents() {
            return;
        }
        let ran = case.run_aloud(&["--output", "jsonl", "-v"]);
        check_harmless(&ran.out);
        check_harmless(&ran.err);
        let lines: Vec<Value> =
            ran.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        check_order(&lines);
        let document: Value = serde_json::from_str(&case.run(&["--json"]).out).expect("a document");
        check_content(&lines, &document);
    });
}

fn kind(line: &Value) -> &str {
    line["type"].as_str().expect("a type")
}

fn check_order(lines: &[Value]) {
    let mut ended = BTreeMap::new();
    let last = lines.len() - 1;
    for (index, line) in lines.iter().enumerate() {
        for key in ["type", "target_index", "at", "offset_ms"] {
            assert!(line.get(key).is_some(), "{key} is missing: {line}");
        }
        assert!(line["offset_ms"].as_f64().is_some_and(|offset| offset >= 0.0), "{line}");
        let at = line["at"].as_str().expect("a date");
        assert!(at.len() == "2026-01-01T00:00:00.000000Z".len() && at.ends_with('Z'), "{line}");
        assert_eq!(kind(line) == "start", index == 0, "{line}");
        assert_eq!(kind(line) == "summary", index == last, "{line}");
        let Some(target) = line["target_index"].as_u64() else { continue };
        let known: Option<bool> = ended.get(&target).copied();
        match kind(line) {
            "resolved" => assert!(ended.insert(target, false).is_none(), "{line}"),
            "target" => assert_eq!(ended.insert(target, true), Some(false), "{line}"),
            "late" | "duplicate" | "rejected" | "finding" => assert!(known.is_some(), "{line}"),
            _ => assert_eq!(known, Some(false), "an event after `target`: {line}"),
        }
    }
    assert!(ended.values().all(|ended| *ended), "a target without its end");
    let first_finding = lines.iter().position(|line| kind(line) == "finding").unwrap_or(last);
    let after =
        lines[first_finding..].iter().all(|line| matches!(kind(line), "finding" | "summary"));
    assert!(after, "findings stand before the summary");
}

/// The stream says what the document says.
fn check_content(lines: &[Value], document: &Value) {
    let of = |wanted: &str, index: usize| {
        let lines = lines.iter().filter(move |line| line["target_index"] == index);
        let wanted = wanted.to_owned();
        lines.filter(move |line| kind(line) == wanted).collect::<Vec<_>>()
    };
    for (index, target) in document["targets"].as_array().expect("targets").iter().enumerate() {
        let probes = target["probes"].as_array().expect("probes");
        let mut streamed: Vec<_> = of("probe", index)
            .iter()
            .map(|probe| (probe["seq"].clone(), probe["outcome"].clone(), probe["rtt_ms"].clone()))
            .collect();
        streamed.sort_by_key(|(seq, ..)| seq.as_u64());
        let listed: Vec<_> = probes
            .iter()
            .map(|probe| (probe["seq"].clone(), probe["outcome"].clone(), probe["rtt_ms"].clone()))
            .collect();
        assert_eq!(streamed, listed);
        let ends = of("target", index);
        for (key, value) in target.as_object().expect("an object") {
            let streamed = key == "probes" || key == "outages";
            assert!(streamed || ends[0][key] == *value, "{key}: {value}, but {}", ends[0][key]);
        }
        assert_eq!(of("sent", index).len() as u64, target["sent"].as_u64().expect("a count"));
        for (kind, key) in [("late", "late"), ("duplicate", "duplicates")] {
            assert_eq!(of(kind, index).len() as u64, target[key].as_u64().expect(key));
        }
        let reasons = target["rejected"].as_object().expect("reasons").values();
        let rejected: u64 = reasons.filter_map(Value::as_u64).sum();
        assert_eq!(of("rejected", index).len() as u64, rejected);
        let outages = target["outages"].as_array().expect("outages").len();
        let states = of("outage", index);
        let ends = states.iter().filter(|line| line["state"] == "end").count();
        assert_eq!((ends, states.len()), (outages, 2 * outages), "begin and end of each outage");
    }
    let findings: Vec<&Value> = lines.iter().filter(|line| kind(line) == "finding").collect();
    assert_eq!(findings.len(), document["findings"].as_array().expect("findings").len());
    let summary = lines.last().expect("a line");
    for key in ["schema", "command", "version", "status", "exit_code", "elapsed_ms", "method"] {
        assert_eq!(summary[key], document[key], "{key}");
    }
}

/// The cells of a line of CSV (RFC 4180).
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    assert!(!quoted, "an open quote: {line}");
    cells.push(cell);
    cells
}

/// The same number, but for the last bit, which the reader of JSON may get wrong.
fn is_number(cell: &str, number: f64) -> bool {
    cell.parse().is_ok_and(|cell: f64| (cell - number).abs() <= 1e-12 * number.abs())
}

#[test]
fn csv_has_a_header_and_a_row_for_each_target() {
    for_each_case(CASES, |case| {
        if !case.has_documents() {
            return;
        }
        let ran = case.run(&["--output", "csv"]);
        check_harmless(&ran.out);
        let document: Value = serde_json::from_str(&case.run(&["--json"]).out).expect("a document");
        let targets = document["targets"].as_array().expect("targets");
        let lines: Vec<Vec<String>> = ran.out.lines().map(cells).collect();
        assert_eq!(lines.len(), targets.len() + 1, "{}", ran.out);
        for (row, target) in lines[1..].iter().zip(targets) {
            assert_eq!(row.len(), lines[0].len(), "{row:?}");
            for (column, cell) in lines[0].iter().zip(row) {
                let value = target.pointer(&format!("/{}", column.replace('.', "/")));
                let value = value.unwrap_or(&Value::Null);
                let same = match value {
                    Value::Null => cell.is_empty(),
                    Value::Number(number) => is_number(cell, number.as_f64().expect("a number")),
                    Value::String(_) => !cell.starts_with(['=', '+', '-', '@']),
                    _ => true,
                };
                assert!(same, "{column}: {cell}, but {value}");
            }
        }
    });
}

/// The events of a run in JSON Lines.
fn told(scenario: &str, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["ping", "-o", "jsonl"], arguments].concat();
    let ran = world::run(scenario, SocketKind::Raw, &arguments);
    ran.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn a_redirect_and_an_error_that_came_late_are_events() {
    let redirected = told("icmp-errors", &["-c", "2", "10.5.1.9"]);
    let advice: Vec<&Value> = redirected.iter().filter(|line| kind(line) == "advice").collect();
    assert_eq!(advice.len(), 2, "{redirected:?}");
    assert_eq!((&advice[0]["seq"], &advice[0]["icmp"]["type"]), (&1.into(), &5.into()));
    assert!(advice[0]["gateway"].is_string(), "{advice:?}");
    let silent = told("silent", &["-c", "3", "10.9.3.9"]);
    let late: Vec<&Value> = silent.iter().filter(|line| kind(line) == "late-error").collect();
    assert!(!late.is_empty(), "{silent:?}");
    assert_eq!(late[0]["icmp"]["type"], 3, "{late:?}");
    assert!(late[0]["rtt_ms"].as_f64() > Some(2000.0), "after the timeout: {late:?}");
}

#[test]
fn quiet_leaves_out_single_probes_and_nothing_else() {
    let quiet = told("forged", &["-q", "-c", "3", "10.9.2.12"]);
    let kinds: Vec<&str> = quiet.iter().map(kind).collect();
    assert_eq!(kinds, ["start", "resolved", "target", "summary"]);
}

#[test]
fn what_others_repeat_is_told_ten_times_a_second_and_counted() {
    let lines = told("forged", &["-c", "30", "-i", "0.02", "10.9.2.12"]);
    let count = |wanted: &str| lines.iter().filter(|line| kind(line) == wanted).count();
    assert_eq!((count("rejected"), count("probe")), (10, 30));
    let target = lines.iter().find(|line| kind(line) == "target").expect("one");
    assert_eq!(target["rejected"]["bad-tag"], 30, "{target}");
}
