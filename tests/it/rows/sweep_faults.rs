//! What `netdiag sweep` says of targets that do not answer, and of the machine it runs on: reasons in
//! rows, verdicts once for all targets, and the same of series (B3, findings of sections 1 to 3).

use super::events;
use super::network::Lab;
use super::sweeps::{HOSTS, sweep};
use crate::support::process::{Ended, Namespace, Process, run};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

fn findings(ended: &Ended) -> Vec<Value> {
    ended.json()["findings"].as_array().expect("findings").clone()
}

fn codes(ended: &Ended) -> Vec<String> {
    let code = |finding: &Value| finding["code"].as_str().expect("a code").to_owned();
    findings(ended).iter().map(code).collect()
}

/// The rows of a table, without its heads and what comes after.
fn rows(ended: &Ended) -> Vec<&str> {
    ended.out.lines().skip(2).take_while(|line| line.starts_with("10.")).collect()
}

const SERIES: [&str; 6] = ["-c", "3", "--interval", "0.05", "--timeout", "0.2"];

#[test]
fn b3_a_series_tells_reason_and_sender() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let targets = ["10.9.4.7", "10.9.3.200", "10.9.3.7", "10.9.2.1"];
    let ended = sweep(&namespace, &[&SERIES[..], &targets].concat());
    let why = |target: &str| {
        let row = rows(&ended).into_iter().find(|row| row.starts_with(&format!("{target} ")));
        row.unwrap_or_else(|| panic!("{target}: {ended:?}")).to_owned()
    };
    assert!(why("10.9.4.7").contains("refused by a local policy"), "{ended:?}");
    assert!(why("10.9.4.7").ends_with("(EACCES 13)"), "{ended:?}");
    assert!(why("10.9.3.200").ends_with("ICMP 3/13 from 10.9.3.200"), "{ended:?}");
    assert!(why("10.9.3.7").ends_with("no answer"), "{ended:?}");
    let ended = sweep(&namespace, &[&SERIES[..], &["--proto", "tcp:9", "10.9.2.1"]].concat());
    assert!(rows(&ended)[0].ends_with("host up, nothing listens (ECONNREFUSED 111)"), "{ended:?}");
}

#[test]
fn what_keeps_many_targets_from_being_sent_to_is_one_finding() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let once = ["--retry", "0", "--timeout", "0.2"];
    for (manner, probes) in [(&once[..], 6), (&SERIES[..], 18)] {
        let more = ["--json", "10.9.4.1-6", "10.9.2.1"];
        let ended = sweep(&namespace, &[manner, &more].concat());
        assert_eq!(codes(&ended), ["local-send-blocked"], "{ended:?}");
        let finding = &findings(&ended)[0];
        assert_eq!(
            (&finding["severity"], &finding["target_index"]),
            (&json!("critical"), &json!(null))
        );
        let evidence = &finding["evidence"];
        assert_eq!(evidence["targets"], 6, "{finding}");
        assert_eq!(evidence["first"], json!(["10.9.4.1", "10.9.4.2", "10.9.4.3"]), "{finding}");
        assert_eq!((&evidence["attempted"], &evidence["count"]), (&json!(probes), &json!(probes)));
        assert_eq!(finding["advice"], "see the route: `ip route get 10.9.4.1`");
        let ended = sweep(&namespace, &[manner, &["--json", "10.9.4.1"]].concat());
        let finding = &findings(&ended)[0];
        assert_eq!(
            (&finding["subject"], &finding["target_index"]),
            (&json!("10.9.4.1"), &json!(0))
        );
        let said = finding["message"].as_str().expect("text");
        let what =
            if probes == 6 { "the probe to 10.9.4.1 was" } else { "probes to 10.9.4.1 were" };
        assert!(said.contains(&format!("{what} not sent: ")), "{said}");
    }
}

#[test]
fn a_silent_target_of_a_series_has_no_reply_and_no_loss() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    for count in ["3", "25"] {
        let manner = ["--json", "-c", count, "--interval", "0.01", "--timeout", "0.1"];
        let ended = sweep(&namespace, &[&manner[..], &["10.9.3.7", "10.9.2.1"]].concat());
        assert_eq!(codes(&ended), ["no-reply"], "{ended:?}");
        let finding = &findings(&ended)[0];
        assert_eq!(finding["evidence"]["n"].to_string(), count, "{finding}");
        assert!(finding["evidence"]["seconds"].as_f64() >= Some(0.1), "{finding}");
    }
}

#[test]
fn an_error_that_came_is_told_although_the_run_ended_before_the_next_probe() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let targets = ["--timeout", "60", "10.9.3.200", "10.9.3.201", "no-such.example"];
    let arguments = [&["sweep", "--output", "jsonl"], &targets[..]].concat();
    let process = Process::start(&mut namespace.netdiag(&arguments));
    process.until_out(|out| out.matches("\"net-error\"").count() == 2);
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let told = events(&ended.out);
    let rows: Vec<&Value> = told.iter().filter(|event| event["type"] == "target").collect();
    let states: Vec<&Value> = rows.iter().map(|row| &row["state"]).collect();
    assert_eq!(states.len(), 3, "{ended:?}");
    assert_eq!(states.iter().filter(|state| ***state == "unreachable").count(), 2, "{ended:?}");
    for row in rows.iter().filter(|row| row["state"] == "unreachable") {
        assert_eq!(row["failure"]["icmp"]["code"], 13, "{row}");
    }
}

#[test]
fn a_change_of_the_own_link_is_a_finding() {
    let Some(lab) = Lab::new() else { return };
    let arguments = ["sweep", "--output", "jsonl", "-c", "12", "--interval", "0.1", "10.9.2.2"];
    let process = Process::start(&mut lab.here.netdiag(&arguments));
    process.until_out(|out| out.matches("\"reply\"").count() >= 2);
    lab.here.run("ip link set lab0 down");
    process.until_out(|out| out.contains("\"down\"") || out.contains("lab0 down"));
    lab.here.run("ip link set lab0 up; ip route replace default via 10.9.1.1");
    let ended = process.wait();
    let told = events(&ended.out);
    let found = told.iter().find(|event| event["code"] == "local-link-changed");
    let found = found.unwrap_or_else(|| panic!("no finding: {ended:?}"));
    assert_eq!(found["locus"]["interface"], "lab0", "{found}");
    assert_eq!(found["evidence"]["what"][0], "down", "{found}");
}

#[test]
fn a_mark_without_the_right_to_it_is_no_firewall() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let ended = run(&mut namespace.nobody(&["sweep", "--mark", "5", "127.0.0.1-2"]));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert_eq!(ended.out.matches("  --mark needs CAP_NET_ADMIN").count(), 2, "{ended:?}");
    assert!(!ended.out.contains("firewall"), "{ended:?}");
    let ended = run(&mut namespace.nobody(&["sweep", "--json", "--mark", "5", "127.0.0.1"]));
    assert_eq!(ended.target()["failure"]["reason"], "no-permission", "{ended:?}");
    assert_eq!((ended.target()["state"].as_str(), findings(&ended).len()), (Some("not-sent"), 0));
}

#[test]
fn a_zone_is_shown_as_it_was_given() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let ended = sweep(&namespace, &["fd09:2::1%lo"]);
    assert!(ended.out.contains("\nfd09:2::1%lo  fd09:2::1%lo  alive"), "{ended:?}");
}

/// A probe that was not answered tells more than a later one that could not be sent.
#[test]
fn the_reason_of_a_row_is_that_of_its_state() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let arguments =
        ["sweep", "--output", "jsonl", "--retry", "1", "--timeout", "2", "10.9.3.7", "10.9.2.1"];
    let rows = |output: &str| {
        let line = arguments.map(|word| if word == "jsonl" { output } else { word });
        let process = Process::start(&mut namespace.netdiag(&line));
        // The first probe to the silent one leaves before that to the other.
        let is_answered = if output == "text" { "alive" } else { "\"alive\"" };
        process.until_out(|out| out.contains(is_answered));
        namespace.run(
            "nft 'add table ip o; add chain ip o c { type filter hook output priority 0; }; \
             add rule ip o c ip daddr 10.9.3.7 drop'",
        );
        let ended = process.wait();
        namespace.run("nft delete table ip o");
        ended
    };
    let ended = rows("jsonl");
    let told = events(&ended.out);
    let row = told.iter().find(|it| it["type"] == "target" && it["state"] != "alive");
    let row = row.unwrap_or_else(|| panic!("no row: {ended:?}"));
    assert_eq!((&row["sent"], &row["local_errors"]), (&json!(1), &json!(1)), "{row}");
    assert_eq!(
        (&row["state"], &row["failure"]["reason"]),
        (&json!("timeout"), &json!("timeout")),
        "{row}"
    );
    let ended = rows("text");
    let row = ended.out.lines().find(|line| line.starts_with("10.9.3.7 ")).expect("a row");
    assert!(row.contains("timeout") && row.ends_with("no answer"), "{row}");
}

/// Of the target's own network this machine has all addresses and none of them, so that a reset may be
/// its own, and the time is over before that is found out.
#[test]
fn a_refusal_whose_sender_is_not_known_is_neither_silence_nor_a_refusal() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    for (manner, sent) in [(&["--retry", "1"][..], 2), (&["-c", "3", "--interval", "0.1"], 3)] {
        let words = ["--json", "--proto", "tcp:9", "--timeout", "0.3", "fd09:2::1"];
        let ended = sweep(&namespace, &[manner, &words].concat());
        let found = ended.target();
        assert_eq!((ended.code(), &found["state"]), (Some(3), &json!("unknown")), "{found:#}");
        assert_eq!((&found["unknown"], &found["lost"]), (&json!(sent), &json!(0)), "{found:#}");
    }
}

/// Who is not there on the own network is no fault of this machine, which says so.
#[test]
fn neighbours_that_do_not_answer_are_told_as_that() {
    let Some(lab) = Lab::new() else { return };
    let line = ["sweep", "--json", "--retry", "0", "--timeout", "5", "10.9.1.8-12"];
    let ended = run(&mut lab.here.netdiag(&line));
    let finding = &findings(&ended)[0];
    let said = finding["message"].as_str().expect("text");
    let is_told = said.starts_with("5 targets (10.9.1.") && said.contains(") do not answer ARP");
    assert!(is_told, "{said}");
    assert!(
        finding["advice"].as_str().is_some_and(|said| said.contains("`ip neigh`")),
        "{finding}"
    );
    assert_eq!(finding["code"], "unreachable", "{finding}");
}
