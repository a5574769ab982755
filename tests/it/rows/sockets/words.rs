//! Whatever word `sockets` prints `explain` knows (N5).

use super::fixture::{States, sockets};
use crate::support::process::{NETDIAG, bound, run};
use std::collections::BTreeSet;

/// What stands before, between and behind the numbers of a line, by its commas.
fn phrases(line: &str) -> Vec<String> {
    let is_number = |word: &str| {
        !word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '!')
            || word.contains(':')
    };
    let mut phrases = Vec::new();
    for part in line.split([',', ';']) {
        let mut words: Vec<&str> = Vec::new();
        for word in part.split_whitespace().chain(["0"]) {
            match is_number(word.trim_matches(['(', ')'])) {
                false => words.push(word),
                true if words.is_empty() => {}
                true => phrases.push(std::mem::take(&mut words).join(" ")),
            }
        }
    }
    phrases
}

/// The names of columns, which have two blanks between them.
fn columns(line: &str) -> Vec<String> {
    line.split("  ").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Words of sentences that say nothing by themselves.
const GLUE: [&str; 3] = ["of the ", "of ", "in "];

/// Every word of every form, as it is printed of a socket in each state.
fn printed(states: &States) -> BTreeSet<String> {
    let out = |words: &[&str]| {
        let ended = sockets(&states.namespace, words);
        assert_eq!(ended.code(), Some(0), "{words:?} {ended:?}");
        ended.out
    };
    let line = |text: &str, place: usize| text.lines().nth(place).expect("a line").to_owned();
    let mut found = BTreeSet::new();
    // The table, with all its columns, what stands below a row, and the timers.
    let table = out(&["-A", "-p", "-v", "-tuw"]);
    found.extend(columns(&line(&table, 1)));
    for row in table.lines().filter(|row| row.starts_with("      ")) {
        let known = row.split("cgroup").next().unwrap_or_default();
        found.extend(phrases(known).into_iter().filter(|word| word != "ms" && word != "ms ago"));
        found.extend(row.contains("cgroup").then(|| "cgroup".to_owned()));
    }
    for timer in ["retransmit", "time-wait", "-"] {
        assert!(table.contains(&format!("  {timer}")), "{timer}: {table}");
    }
    let words = ["keepalive", "time-wait", "orphan", "retransmit", "window probe", "not visible"];
    found.extend(words.map(str::to_owned));
    found.extend(["not accepted yet", "hidden", "net:[ID]", "fd"].map(str::to_owned));
    // The summary.
    let summary = out(&["--summary", "-tuw"]);
    found.extend(columns(&line(&summary, 1)));
    for sentence in summary.lines() {
        let Some((head, rest)) =
            sentence.split_once(": ").filter(|_| sentence.starts_with("since"))
        else {
            if sentence.starts_with("tcp memory") {
                found.extend(phrases(sentence));
            }
            continue;
        };
        assert!(head.contains("network namespace"), "{sentence}");
        found.extend(phrases(rest));
    }
    found.extend(["ports", "new a second", "possible"].map(str::to_owned));
    let totals = out(&["--summary=totals"]);
    let names = totals.lines().skip(1).take_while(|line| !line.contains([':', '%', '=']));
    let names = names.filter_map(|line| columns(line).into_iter().next());
    found.extend(names.flat_map(|name| {
        let name = name.trim_start_matches("tcp in ").to_owned();
        name.split(" or ").map(str::to_owned).collect::<Vec<_>>()
    }));
    // Changes and samples.
    found.extend(["opened", "closed"].map(str::to_owned));
    let samples = out(&["--watch=0.05", "-s", "-c2"]);
    for sample in samples.lines().skip(1).filter(|line| !line.starts_with('=')) {
        let words = sample.split_whitespace().skip(1);
        let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_alphabetic());
        found.extend(words.filter(is_word).map(str::to_owned));
    }
    // Audits, and CSV.
    let audit = out(&["--audit"]);
    found.extend(columns(&line(&audit, 1)));
    found.extend(["by memory", "from the next boot on"].map(str::to_owned));
    found.extend(line(&out(&["-o", "csv"]), 0).split(',').map(str::to_owned));
    // Other programs' columns, whose names have blanks within, and their states.
    for (program, skip) in [("netstat", 1), ("ss", 0), ("lsof", 0)] {
        let classic = format!("--classic={program}");
        let head = line(&out(&[&classic, "-p"]), skip);
        let of_two = ["Local Address", "Foreign Address", "Peer Address", "PID/Program name"];
        let mut rest = head.clone();
        for name in of_two.into_iter().filter(|name| head.contains(name)) {
            rest = rest.replace(name, "");
            found.insert(name.to_owned());
        }
        // What ss has behind an address.
        let rest = rest.replace(":Port", "").replace(":", " ").replace("Port", " ");
        found.extend(rest.split_whitespace().map(str::to_owned));
        for row in out(&[&classic, "-tuw"]).lines().skip(skip + 1) {
            let is_state = |word: &&str| {
                word.len() > 4
                    && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b == b'-')
            };
            found.extend(row.split([' ', '(', ')']).filter(is_state).map(str::to_owned));
        }
    }
    found.extend(["critical", "warning", "info", "!!", "udplite"].map(str::to_owned));
    found
}

#[test]
fn n5_every_word_that_sockets_prints_is_explained() {
    let Some(states) = States::new() else { return };
    let mut words = BTreeSet::new();
    for word in printed(&states) {
        let word = GLUE.iter().find_map(|glue| word.strip_prefix(glue)).unwrap_or(&word);
        words.insert(word.to_owned());
    }
    for word in
        ["cwnd", "listen overflows", "syn cookies", "UNCONN", "SYN_RECV", "tcp-pages", "uid"]
    {
        assert!(words.contains(word), "{word} is not among {words:?}");
    }
    let is_unknown = |word: &&String| run(bound(NETDIAG).args(["explain", word])).code() != Some(0);
    let unknown: Vec<&String> = words.iter().filter(is_unknown).collect();
    assert!(unknown.is_empty(), "explain knows nothing of {unknown:?}: write it into explain/en");
}
