//! Targets that `netdiag sweep` had no time for: each has its row in every form of output, and neither
//! much time nor much room goes into that.

use super::events;
use super::sweeps::{HOSTS, sweep};
use crate::support::process::{NETDIAG, Namespace, run};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Hardly any of 4,094 and 64 targets is begun.
const SHORT: [&str; 7] = ["-w", "0.1", "--rate", "50", "127.1.0.0/20", "fd09:2::/122", "--output"];
const COUNT: usize = 4_094 + 64;

/// What differs from target to target taken out of a row that was not begun.
fn common(row: &Value, without: &[&str]) -> Value {
    let mut row = row.clone();
    let fields = row.as_object_mut().expect("an object");
    without.iter().for_each(|name| drop(fields.remove(*name)));
    row
}

/// Rows that are all alike but for these fields, of which the first two are the address.
fn check(rows: &[Value], without: &[&str]) {
    assert_eq!(rows.len(), COUNT);
    for family in ["ipv4", "ipv6"] {
        let unbegun = |row: &&Value| row["family"] == family && row["state"] == "unsettled";
        let mut unbegun = rows.iter().filter(unbegun).filter(|row| row["sent"] == 0);
        let first = unbegun.next().expect("one at least");
        for row in unbegun {
            assert_eq!(common(row, without), common(first, without));
        }
    }
    for row in rows {
        assert_eq!(row["target"], row["address"], "{row}");
    }
    let addresses: BTreeSet<&str> =
        rows.iter().map(|row| row["address"].as_str().expect("an address")).collect();
    assert_eq!(addresses.len(), COUNT, "each once");
    assert!(["127.1.15.254", "fd09:2::", "fd09:2::3f"].iter().all(|it| addresses.contains(it)));
}

#[test]
fn targets_that_were_not_begun_have_their_rows() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let by = |form| sweep(&namespace, &[&SHORT[..], &[form]].concat());
    let document = by("json").json();
    let rows = document["targets"].as_array().expect("targets");
    check(rows, &["address", "target"]);
    assert_eq!(
        (&rows[0]["address"], &rows[4_094]["address"]),
        (&json!("127.1.0.1"), &json!("fd09:2::"))
    );
    assert_eq!(document["ended_by"], "deadline", "{}", document["ended_by"]);

    let told = events(&by("jsonl").out);
    let of = |kind: &str| told.iter().filter(|it| it["type"] == kind).cloned().collect::<Vec<_>>();
    let (resolved, rows) = (of("resolved"), of("target"));
    assert_eq!(resolved.len(), COUNT);
    for found in [&resolved, &rows] {
        for row in found {
            let number = row["target_index"].as_u64().expect("a number");
            let address = match number.checked_sub(4_094) {
                None => format!("127.1.{}.{}", (number + 1) / 256, (number + 1) % 256),
                Some(0) => "fd09:2::".to_owned(),
                Some(low) => format!("fd09:2::{low:x}"),
            };
            assert_eq!(row["address"], address.as_str(), "{row}");
        }
    }
    let known: Vec<Value> = rows.iter().map(|row| json!(row["target_index"])).collect();
    assert_eq!(known.len(), COUNT);
    check(&rows, &["address", "target", "target_index"]);

    let csv = by("csv").out;
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let rows: Vec<Value> = lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), head.len(), "{line}");
            let pairs = head.iter().zip(cells);
            let cell = |(name, cell): (&&str, &str)| {
                ((*name).to_owned(), cell.parse().map_or_else(|_| json!(cell), |n: u64| json!(n)))
            };
            Value::Object(pairs.map(cell).collect())
        })
        .collect();
    check(&rows, &["address", "target"]);
}

/// A million rows that say nothing take no room but in the document.
#[test]
fn a_document_of_a_million_targets_is_written_as_it_is_made() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let script = format!(
        "prlimit --as=100000000 -- {NETDIAG} sweep --json -w 0.2 127.16.0.0/12 | tail -c 400"
    );
    let ended = run(namespace.command("sh").args(["-c", &script]));
    assert_eq!(ended.err, "", "{ended:?}");
    assert!(ended.out.ends_with("\"exit_code\":1}\n"), "{ended:?}");
}
