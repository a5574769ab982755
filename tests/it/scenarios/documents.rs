//! JSON documents against what really happened.

use super::{CASES, Case, check_harmless, for_each_case, recompute};
use crate::support::schema;
use netdiag_sim::truth::{About, Entry};
use netdiag_sim::{Fact, Truth};
use serde_json::Value;
use std::net::IpAddr;

#[test]
fn documents_agree_with_what_happened() {
    for_each_case(CASES, |case| {
        if case.has_documents() {
            check(case);
        }
    });
}

fn check(case: &Case) {
    let ran = case.run(&["--json"]);
    check_harmless(&ran.out);
    check_harmless(&ran.err);
    assert_eq!(ran.out.matches('\n').count(), 1, "one document, one line");
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    schema::check("ping", &document);
    let code = match case.status {
        netdiag_cli::ExitStatus::Code(code) => Some(code),
        netdiag_cli::ExitStatus::Signal(_) => None,
    };
    assert!(code.is_none_or(|code| document["exit_code"] == code), "{}", document["exit_code"]);
    check_status(&document);
    let targets = document["targets"].as_array().expect("targets");
    for target in targets {
        check_counters(target);
        recompute::check(target);
        ran.truth(|truth| check_truth(target, truth));
    }
    let sent: u64 = targets.iter().map(|target| count(target, "sent")).sum();
    assert_eq!(sent, ran.truth(|truth| truth.count(Fact::Sent)), "sent");
    assert_eq!(ran.truth(Truth::left_off), 0, "the record is complete");
}

/// The status is never better than the exit code, and whoever has no reply is told why.
fn check_status(document: &Value) {
    let status = document["status"].as_str().expect("a status");
    match document["exit_code"].as_u64() {
        Some(0) => assert_ne!(status, "unknown"),
        Some(1) => assert_eq!(status, "critical"),
        code => assert_eq!((code, status), (Some(3), "unknown")),
    }
    for target in document["targets"].as_array().expect("targets") {
        assert_eq!(target["failure"].is_null(), target["received"] != 0, "{target}");
    }
}

pub(super) fn count(target: &Value, key: &str) -> u64 {
    target[key].as_u64().unwrap_or_else(|| panic!("{key}: {}", target[key]))
}

/// FAULTS.md section B: the counter equations, and the same counts in the list of probes.
pub(super) fn check_counters(target: &Value) {
    let n = |key| count(target, key);
    assert_eq!(n("attempted"), n("sent") + n("local_errors"));
    let settled = n("received") + n("lost") + n("net_errors") + n("unknown");
    assert_eq!(n("sent"), settled + n("in_flight"));
    let probes = target["probes"].as_array().expect("probes");
    let with = |outcome| probes.iter().filter(|probe| probe["outcome"] == outcome).count() as u64;
    assert_eq!(n("received"), with("reply"));
    assert_eq!(n("lost"), with("timeout"));
    assert_eq!(n("net_errors"), with("net-error"));
    assert_eq!(n("local_errors"), with("local-error"));
    assert_eq!(n("unknown"), with("unknown"));
    let late = probes.iter().filter(|probe| !probe["late_rtt_ms"].is_null()).count() as u64;
    assert_eq!(n("late"), late);
    let duplicates: u64 = probes.iter().map(|probe| count(probe, "duplicates")).sum();
    assert_eq!(n("duplicates"), duplicates);
    for probe in probes {
        let rtt = probe["rtt_ms"].as_f64();
        assert!(rtt.is_none_or(|rtt| rtt >= 0.0), "{probe}");
        assert_eq!(rtt.is_some(), probe["outcome"] == "reply" || probe["outcome"] == "net-error");
    }
}

/// What came back for one probe and was heard.
struct Heard<'a> {
    sent: &'a Entry,
    came: Vec<&'a Entry>,
}

impl Heard<'_> {
    fn is_echo(entry: &Entry) -> bool {
        matches!(entry.about.icmp, Some((0 | 129, _)))
    }

    /// Whether an answer of the address came so long after the probe, to a nanosecond.
    fn has(&self, from: &Value, rtt_ms: f64) -> bool {
        let from: IpAddr = from.as_str().and_then(|from| from.parse().ok()).expect("an address");
        self.came.iter().any(|entry| {
            let rtt = entry.at.since(self.sent.at).as_nanos() as f64 / 1e6;
            entry.about.source == from && (rtt - rtt_ms).abs() < 1.1e-6
        })
    }
}

/// Each probe of the list with the packet that it was, in the order of sending.
fn heard<'a>(target: &Value, truth: &'a Truth) -> Vec<Heard<'a>> {
    let address: IpAddr = target["address"].as_str().and_then(|a| a.parse().ok()).expect("address");
    let protocol: &[u8] = match target["protocol"].as_str() {
        Some("udp") => &[17],
        Some("tcp") => &[6],
        _ => &[1, 58],
    };
    let is_its = |about: &About| about.destination == address && protocol.contains(&about.protocol);
    let sent = truth.of(Fact::Sent).filter(|entry| is_its(&entry.about));
    sent.map(|sent| {
        let mut came: Vec<&Entry> =
            truth.delivered().filter(|entry| entry.probe == sent.probe).collect();
        // What arrived but reached no socket is told in a second entry.
        for entry in truth.entries().iter().filter(|entry| entry.probe == sent.probe) {
            let unheard = matches!(
                entry.fact,
                Fact::Asleep
                    | Fact::Unplugged
                    | Fact::KernelBadChecksum
                    | Fact::Unwanted
                    | Fact::ReceiveDropped
            );
            let place = came.iter().position(|came| came.about == entry.about);
            if let Some(place) = place.filter(|_| unheard) {
                came.remove(place);
            }
        }
        Heard { sent, came }
    })
    .collect()
}

fn check_truth(target: &Value, truth: &Truth) {
    if target["address"].is_null() {
        return;
    }
    let heard = heard(target, truth);
    let probes = target["probes"].as_array().expect("probes");
    let left: Vec<&Value> =
        probes.iter().filter(|probe| probe["outcome"] != "local-error").collect();
    let in_flight = count(target, "in_flight") as usize;
    assert_eq!(left.len() + in_flight, heard.len(), "as many as left");
    let forged = truth.count(Fact::Forged) > 0;
    for (probe, heard) in left.iter().zip(&heard) {
        let context = || format!("{probe}: {:?}", heard.came);
        let by_kernel = probe["stamp"] == "kernel";
        let rtt = probe["rtt_ms"].as_f64();
        match probe["outcome"].as_str().expect("a word") {
            "reply" | "net-error" if by_kernel => {
                assert!(heard.has(&probe["from"], rtt.expect("a time")), "{}", context());
            }
            "reply" | "net-error" => {
                let first = heard.came.iter().map(|entry| entry.at.since(heard.sent.at)).min();
                let first = first.expect("something came").as_nanos() as f64 / 1e6;
                assert!(rtt.is_some_and(|rtt| rtt >= first - 1e-6), "{}", context());
            }
            "timeout" if !forged => {
                let late = probe["late_rtt_ms"].as_f64();
                let echoes = heard.came.iter().filter(|entry| Heard::is_echo(entry)).count();
                // An answer that came after the run was over is not known.
                assert_eq!(echoes > 0, late.is_some(), "{}", context());
                let from = &target["address"];
                assert!(late.is_none_or(|late| heard.has(from, late)), "{}", context());
            }
            _ => {}
        }
    }
    if count(target, "unknown") == 0 {
        let came: usize = heard.iter().map(|heard| heard.came.len()).sum();
        assert_eq!(told(target), came as u64, "what was heard is told: {target}");
    }
}

/// Every packet that a target's counters tell of.
fn told(target: &Value) -> u64 {
    let rejected = target["rejected"].as_object().expect("reasons").values();
    let errors = target["icmp_errors"].as_array().expect("a list").iter();
    count(target, "received")
        + count(target, "duplicates")
        + count(target, "late")
        + rejected.filter_map(Value::as_u64).sum::<u64>()
        // A refusal is a network error without an ICMP message.
        + errors.map(|error| count(error, "count")).sum::<u64>().max(count(target, "net_errors"))
}

/// The counts that the scenarios were made for.
#[test]
fn counts_are_those_of_the_scenario() {
    let check = |name: &str, expected: &[(&str, u64)]| {
        let case = CASES.iter().find(|case| case.name == name).expect(name);
        let document: Value = serde_json::from_str(&case.run(&["--json"]).out).expect("a document");
        for (pointer, expected) in expected {
            let said = document["targets"][0].pointer(pointer).and_then(Value::as_u64);
            assert_eq!(said, Some(*expected), "{name} {pointer}");
        }
    };
    check("loss-exact", &[("/sent", 40), ("/received", 30), ("/lost", 10)]);
    check("duplicate", &[("/received", 9), ("/duplicates", 3), ("/lost", 0)]);
    // The run ends before the answer to the sixth is there.
    check("late", &[("/received", 6), ("/lost", 2), ("/late", 1)]);
    check("late-in-time", &[("/received", 4), ("/late", 0)]);
    // Nothing is sent behind the tenth that could overtake it.
    check("reorder", &[("/received", 10), ("/reordered", 1)]);
    check("two-routers", &[("/reply_ttl/last", 62), ("/hops_back", 2)]);
    check("two-routers-long-way-back", &[("/reply_ttl/last", 252), ("/hops_back", 3)]);
    check("outage-3s", &[("/lost", 3), ("/outages/0/lost", 3), ("/local_errors", 0)]);
    check("outage-local-3s", &[("/lost", 0), ("/local_errors", 3), ("/sent", 9)]);
    check("outage-host-unreachable", &[("/net_errors", 3), ("/lost", 0)]);
    check("silent", &[("/sent", 3), ("/lost", 3)]);
    check("receive-drops", &[("/lost", 0), ("/unknown", 2), ("/received", 4)]);
    check("send-errors-only", &[("/sent", 0), ("/local_errors", 3)]);
}

/// The forged replies of hosts 10 to 21, and what becomes of each.
#[test]
fn every_forgery_is_counted_with_its_reason() {
    const REASONS: [(&str, &str); 12] = [
        ("wrong-source", "wrong-source"),
        ("bad-checksum", "bad-checksum"),
        ("bad-tag", "bad-tag"),
        ("wrong-id", "wrong-sequence"),
        ("wrong-seq", "wrong-sequence"),
        ("truncated", "truncated"),
        ("corrupt-data", ""),
        ("extra-bytes", ""),
        ("request", ""),
        ("lying-extension", ""),
        ("wrong-quote", "unknown-probe"),
        ("short-quote", ""),
    ];
    let case = CASES.iter().find(|case| case.name == "forged-v4").expect("a case");
    let document: Value = serde_json::from_str(&case.run(&["--json"]).out).expect("a document");
    let mut faults = Vec::new();
    for (index, (kind, reason)) in REASONS.iter().enumerate() {
        let target = &document["targets"][index];
        let said = (&target["rejected"], &target["received"], &target["net_errors"]);
        let fine = reason.is_empty() || target["rejected"][reason] == 2;
        if !fine || count(target, "sent") != 2 {
            faults.push(format!("{kind}: {said:?}"));
        }
    }
    let liar = &document["targets"][REASONS.len()];
    assert_eq!((count(liar, "received"), count(liar, "lost")), (0, 2), "{liar}");
    assert!(faults.is_empty(), "{faults:#?}");
}

/// CONTRACT: a late answer is one after the timeout, to a probe that stays lost.
#[test]
fn late_is_after_the_timeout() {
    for_each_case(CASES, |case| {
        if !case.has_documents() {
            return;
        }
        let timeout = if case.arguments.contains("-W 1 ") { 1000.0 } else { 2000.0 };
        let document: Value = serde_json::from_str(&case.run(&["--json"]).out).expect("a document");
        for target in document["targets"].as_array().expect("targets") {
            for probe in target["probes"].as_array().expect("probes") {
                let late = probe["late_rtt_ms"].as_f64();
                // After an error that ended the probe an answer may come in time.
                let ended = probe["outcome"] == "net-error";
                let fine = probe["outcome"] == "timeout" && late.is_some_and(|late| late > timeout);
                assert!(late.is_none() || fine || ended, "{probe}");
            }
        }
    });
}

/// What a verdict says in words is what the figures say.
#[test]
fn verdicts_do_not_contradict_the_figures() {
    for_each_case(CASES, |case| {
        if !case.has_documents() {
            return;
        }
        let document: Value = serde_json::from_str(&case.run(&["--json"]).out).expect("a document");
        for finding in document["findings"].as_array().expect("findings") {
            let Some(index) = finding["target_index"].as_u64() else { continue };
            let target = &document["targets"][usize::try_from(index).expect("an index")];
            let message = finding["message"].as_str().expect("a message");
            let errors = target["icmp_errors"].as_array().expect("a list");
            let denied = message.contains("nobody sent an error");
            assert!(!denied || errors.is_empty(), "{message}: {errors:?}");
            if finding["code"] == "local-send-blocked" {
                check_cause(message, target);
            }
        }
    });
}

/// "N of M probes were not sent: CAUSE" names the cause of all N, or says that there were others.
fn check_cause(message: &str, target: &Value) {
    let probes = target["probes"].as_array().expect("probes").iter();
    let names: Vec<&str> =
        probes.filter_map(|probe| probe["failure"]["errno"]["name"].as_str()).collect();
    let told = names.iter().filter(|name| message.contains(**name)).count();
    assert_eq!(told, names.len(), "{message}: {names:?}");
}
