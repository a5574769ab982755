//! What a run comes to when little or nothing could be measured.

use crate::support::world;
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// `netdiag ping --json` in a scenario, and its document.
fn document(scenario: &str, arguments: &str) -> Value {
    document_of(scenario, arguments, &[])
}

fn document_of(scenario: &str, arguments: &str, more: &[&str]) -> Value {
    let given = ["ping", "--json"].into_iter().chain(more.iter().copied());
    let arguments: Vec<&str> = given.chain(arguments.split_whitespace()).collect();
    let ran = world::run(scenario, SocketKind::Raw, &arguments);
    serde_json::from_str(&ran.out).unwrap_or_else(|fault| panic!("{fault}: {}{}", ran.out, ran.err))
}

fn check(document: &Value, exit_code: u64, status: &str, reason: &str) {
    assert_eq!(document["exit_code"], exit_code, "{document}");
    assert_eq!(document["status"], status, "{document}");
    assert_eq!(document["targets"][0]["failure"]["reason"], reason, "{document}");
}

/// The findings with a code.
fn findings<'a>(document: &'a Value, code: &str) -> Vec<&'a Value> {
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().filter(|finding| finding["code"] == code).collect()
}

#[test]
fn a_target_that_fails_without_a_finding_is_critical_all_the_same() {
    let gone = document("names", "-c 2 gone.example");
    check(&gone, 1, "critical", "not-found");
    let few = document("silent", "-c 2 10.9.2.2");
    check(&few, 1, "critical", "timeout");
    assert_eq!(few["findings"], serde_json::json!([]), "two probes are too few for a verdict");
    let unasked = document("names", "-c 2 slow.example");
    check(&unasked, 3, "unknown", "no-resolver");
}

#[test]
fn probes_under_way_at_the_end_are_no_loss_and_no_reply_either() {
    let cut = document("silent", "-c 1 -w 0.5 10.9.2.2");
    check(&cut, 1, "critical", "in-flight");
    assert_eq!(
        (&cut["targets"][0]["in_flight"], &cut["targets"][0]["lost"]),
        (&1.into(), &0.into())
    );
    assert_eq!(cut["targets"][0]["loss_percent"], Value::Null);
    let text = world::run("silent", SocketKind::Raw, &["ping", "-c", "1", "-w", "0.5", "10.9.2.2"]);
    let said = "= no reply before the run ended; loss not measured: 1 probe was under way";
    assert!(text.out.contains(said), "{}", text.out);
}

/// A6: the state that was waited for decides, whatever was lost on the way.
#[test]
fn a6_a_state_that_is_waited_for_ends_the_run() {
    let reached = |scenario: &str, arguments: &str| -> (u64, Value, f64) {
        let document = document(scenario, arguments);
        let goal = document["targets"][0]["goal"].clone();
        let after = goal["after_ms"].as_f64().unwrap_or(-1.0);
        assert_eq!(goal["reached"], after >= 0.0, "{document}");
        let code = document["exit_code"].as_u64().expect("a number");
        assert_eq!(document["complete"], goal["reached"], "{document}");
        (code, goal, after)
    };
    // Silent from 5 s to 8 s: five answers in a row, three probes without, and then nine.
    let (code, goal, after) = reached("outage-3s", "-W 1 --until-up 9 10.9.2.2");
    assert_eq!((code, &goal["state"], &goal["wanted"]), (0, &"up".into(), &9.into()));
    assert!((16_000.0..16_100.0).contains(&after), "{goal}");
    let (code, goal, after) = reached("outage-3s", "-W 1 --until-down 2 10.9.2.2");
    assert_eq!((code, &goal["state"], &goal["longest"]), (0, &"down".into(), &2.into()));
    assert!((7_000.0..7_100.0).contains(&after), "{goal}");
    let (code, goal, after) = reached("outage-3s", "--first 10.9.2.2");
    assert_eq!((code, &goal["wanted"]), (0, &1.into()));
    assert!(after < 100.0, "{goal}");
    // What never comes, by a deadline and by a count.
    let (code, goal, _) = reached("silent", "--until-up 1 --wait 5 10.9.2.2");
    assert_eq!((code, &goal["longest"]), (1, &0.into()));
    let five = document("outage-3s", "-W 1 --until-down 4 -c 20 10.9.2.2");
    assert_eq!(five["targets"][0]["goal"]["longest"], 3, "{five}");
    assert_eq!((&five["exit_code"], &five["complete"]), (&1.into(), &true.into()));
    assert_eq!(document("silent", "-c 1 10.9.2.2")["targets"][0]["goal"], Value::Null);
    let text = |arguments: &[&str]| {
        let given = [&["ping", "-W", "1"], arguments, &["10.9.2.2"]].concat();
        let ran = world::run("outage-3s", SocketKind::Raw, &given);
        ran.out.lines().last().unwrap_or_default().to_owned()
    };
    let last = text(&["--until-down", "2"]);
    assert!(last.starts_with("= down: 2 without an answer in a row, 7."), "{last}");
    assert!(last.contains(" s after the first probe; loss 2/7"), "{last}");
    let last = text(&["--until-up", "6", "-c", "10"]);
    assert!(last.starts_with("= not up: at most 5 of 6 replies in a row; loss 3/10"), "{last}");
}

#[test]
fn a_condition_over_too_small_a_sample_is_told_for_each_metric() {
    let asked = "loss>99% or p95>9s or jitter_rfc3550>9s or jitter>9s or late>99";
    let told = |count: u64| -> Vec<(String, u64, u64)> {
        let arguments = format!("-c {count} -i 0.1 10.9.2.2");
        let document = document_of("loss-exact", &arguments, &["--fail-if", asked]);
        let rows = findings(&document, "sample-too-small").into_iter().map(|finding| {
            let evidence = &finding["evidence"];
            let number = |key: &str| evidence[key].as_u64().expect("a number");
            (evidence["metric"].as_str().expect("a name").to_owned(), number("n"), number("needed"))
        });
        rows.collect()
    };
    let row = |metric: &str, n, needed| (metric.to_owned(), n, needed);
    // A quarter of the probes is lost here: 20 of them leave 15 round trips.
    let of_19 = [row("loss", 19, 20), row("p95", 15, 20), row("jitter_rfc3550", 15, 50)];
    assert_eq!(told(19), of_19);
    assert_eq!(told(20), of_19[1..]);
    assert_eq!(told(28), [row("jitter_rfc3550", 21, 50)]);
    assert_eq!(told(68), []);
}

#[test]
fn an_mtu_that_cannot_be_true_is_a_finding() {
    let document = document("icmp-errors", "-c 3 10.3.4.9");
    check(&document, 1, "critical", "timeout");
    let found = findings(&document, "mtu-message-implausible");
    let evidence = &found.first().expect("the finding")["evidence"];
    assert_eq!((&evidence["mtu"], &evidence["sent_bytes"]), (&1300.into(), &84.into()));
    assert_eq!((&evidence["from"], &evidence["count"]), (&"10.9.0.1".into(), &3.into()));
}

#[test]
fn jitter_by_rfc_3550_is_shown_from_fifty_samples_on() {
    let shown = |count: &str| {
        let arguments = ["ping", "-q", "-i", "0.1", "-c", count, "10.9.2.2"];
        let out = world::run("plain-20ms", SocketKind::Raw, &arguments).out;
        (out.contains("ms (RFC 3550)"), out.contains("RFC 3550 needs 50 samples"))
    };
    assert_eq!(shown("49"), (false, true));
    assert_eq!(shown("50"), (true, false));
}

#[test]
fn the_codes_of_the_classic_tool_change_the_code_and_nothing_else() {
    let arguments = "-c 10 -i 0.1 -w 0.35 10.9.2.2";
    let plain = document("plain-20ms", arguments);
    let classic = document_of("plain-20ms", arguments, &["--classic-exit"]);
    assert_eq!((&plain["exit_code"], &classic["exit_code"]), (&0.into(), &1.into()));
    for key in ["status", "findings", "targets", "elapsed_ms"] {
        assert_eq!(plain[key], classic[key], "{key}");
    }
}
