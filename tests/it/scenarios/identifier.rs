//! A NAT whose mapping of one identifier is dead: another one gets through, and that is told (B24).

use crate::support::world;
use netdiag_model::contract::SocketKind;
use serde_json::Value;

fn document(scenario: &str, socket: SocketKind, arguments: &[&str]) -> Value {
    let arguments = [&["ping", "--json"], arguments].concat();
    let ran = world::run(scenario, socket, &arguments);
    serde_json::from_str(&ran.out).unwrap_or_else(|fault| panic!("{fault}: {}{}", ran.out, ran.err))
}

/// Whether the changed identifier was found to matter.
fn is_found(document: &Value) -> bool {
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().any(|finding| finding["code"] == "identifier-stuck")
}

#[test]
fn b24_another_identifier_gets_past_a_dead_mapping_and_that_is_told() {
    for host in ["10.9.2.2", "fd09:2::2"] {
        let found = document("nat-stuck", SocketKind::Raw, &["-c", "30", host]);
        let target = &found["targets"][0];
        // Five answers; ten lost before it is noticed, and those on their way meanwhile; then all.
        assert_eq!((&target["received"], &target["lost"]), (&19.into(), &11.into()), "{target}");
        assert_eq!(target["identifier_changes"], 1, "{target}");
        assert_eq!(target["identifier_changes_that_helped"], 1, "{target}");
        assert!(is_found(&found), "{found}");
    }
}

/// Of each target of a sweep on its own: the mapping is dead for one of them.
#[test]
fn b24_a_series_of_a_sweep_gets_past_it_too() {
    let arguments =
        ["sweep", "--json", "-c", "30", "--timeout", "0.5", "10.9.2.2", "10.9.2.3", "fd09:2::2"];
    let ran = world::run("nat-stuck", SocketKind::Raw, &arguments);
    let found: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    for place in [0, 2] {
        let target = &found["targets"][place];
        assert_eq!((&target["received"], &target["lost"]), (&20.into(), &10.into()), "{target}");
        assert_eq!(target["identifier_changes"], 1, "{target}");
        assert_eq!(target["identifier_changes_that_helped"], 1, "{target}");
    }
    // An outage of five seconds is none of it.
    assert_eq!(found["targets"][1]["identifier_changes"], 0, "{}", found["targets"][1]);
    let stuck = |finding: &&Value| finding["code"] == "identifier-stuck";
    let findings = found["findings"].as_array().expect("findings");
    assert_eq!(findings.iter().filter(stuck).count(), 2, "{findings:?}");
}

#[test]
fn b24_one_identifier_alone_is_not_changed() {
    for (socket, more) in [(SocketKind::IcmpDatagram, &[][..]), (SocketKind::Raw, &["--classic"])] {
        if more.is_empty() {
            let found = document("nat-stuck", socket, &["-c", "30", "10.9.2.2"]);
            let target = &found["targets"][0];
            assert_eq!(
                (&target["received"], &target["identifier_changes"]),
                (&5.into(), &0.into())
            );
            assert!(!is_found(&found), "{found}");
        } else {
            let arguments = [&["ping", "-c", "30", "10.9.2.2"], more].concat();
            let ran = world::run("nat-stuck", socket, &arguments);
            assert!(ran.out.contains("30 packets transmitted, 5 received"), "{}", ran.out);
        }
    }
}

#[test]
fn b24_an_outage_that_ends_by_itself_is_not_laid_at_the_identifier() {
    for interval in ["0.05", "0.2", "0.21", "1"] {
        let arguments = ["-c", "60", "-W", "0.3", "-i", interval, "10.9.2.3"];
        let found = document("nat-stuck", SocketKind::Raw, &arguments);
        let target = &found["targets"][0];
        assert!(target["received"].as_u64() > Some(0), "{target}");
        assert_eq!(target["identifier_changes_that_helped"], 0, "{interval}: {target}");
        assert!(!is_found(&found), "{found}");
    }
    // Nor is a target that answers too late.
    let late = document("late-1500ms", SocketKind::Raw, &["-W", "1", "-c", "30", "10.9.2.2"]);
    assert_eq!(late["targets"][0]["identifier_changes"], 0, "{late}");
}

#[test]
fn b24_the_events_tell_when() {
    let arguments = ["ping", "-o", "jsonl", "-c", "30", "10.9.2.2"];
    let ran = world::run("nat-stuck", SocketKind::Raw, &arguments);
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let states = lines.filter(|line| line["type"] == "state" && line["what"] == "identifier");
    let states: Vec<Value> = states.collect();
    assert_eq!(states.len(), 2, "{states:?}");
    assert_eq!(states[0]["after"], serde_json::json!({"event": "changed", "timeouts": 10}));
    assert_eq!(states[1]["after"], serde_json::json!({"event": "helped", "seq": 17}));
}
