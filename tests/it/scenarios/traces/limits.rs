//! What limits and refusals of routers are taken for, and where a path ends then.

use super::{RAW, UDP, count};
use crate::support::{process, world};
use netdiag_sim::Fact;
use serde_json::Value;

/// The default rate stays below what routers and hosts answer by default.
#[test]
fn b10_a_trace_never_meets_the_default_limit() {
    for arguments in [
        "10.9.2.2",
        "--udp 10.9.2.2",
        "--udp fd09:2::2",
        "--udp --vary-flow 10.9.2.2",
        "-q 1 --udp 10.9.2.2",
        "-q 10 10.9.2.2",
        "--tcp 10.9.2.2",
    ] {
        let words: Vec<&str> =
            ["trace", "--json"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run("trace-limits", RAW, &words);
        assert_eq!(ran.truth(|truth| truth.count(Fact::Limited)), 0, "{arguments}: {}", ran.out);
    }
}

/// The first hop that is asked may be behind the target: how far that is nobody knows then.
#[test]
fn a_trace_that_begins_behind_the_target_tells_no_length_of_the_path() {
    for arguments in ["-f 9 10.9.2.2", "-f 9 --udp 10.9.2.2", "-f 9 10.9.2.2:80"] {
        let words: Vec<&str> =
            ["trace", "--json"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run("trace-path", RAW, &words);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let target = &document["targets"][0];
        let known = (&target["reached"], &target["hop_count"]);
        assert_eq!(known, (&true.into(), &Value::Null), "{arguments}: {}", ran.out);
        assert_eq!(document["findings"], Value::Array(Vec::new()), "{arguments}: {}", ran.out);
    }
}

/// A router says of all packets that waited for a neighbour that it has none, when it has looked for it
/// for three seconds: too late for an answer, but not for what it says of the path.
#[test]
fn what_a_router_says_late_ends_the_path_at_the_nearest_hop() {
    for (socket, arguments) in [
        (RAW, "10.9.2.2"),
        (RAW, "fd09:2::2"),
        (RAW, "--udp 10.9.2.2"),
        (UDP, "--udp 10.9.2.2"),
        (RAW, "10.9.2.2:80"),
        (RAW, "-q 1 10.9.2.2"),
    ] {
        let words: Vec<&str> =
            ["trace", "--json"].into_iter().chain(arguments.split(' ')).collect();
        let ran = world::run("trace-ends", socket, &words);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let target = &document["targets"][0];
        assert_eq!(target["stop_reason"], "unreachable", "{arguments}: {}", ran.out);
        let hops = target["hops"].as_array().expect("hops");
        assert_eq!(hops.len(), 2, "{arguments}: {}", ran.out);
        assert_eq!(hops[1]["responders"][0]["mark"], "!H", "{arguments}: {}", ran.out);
        assert_eq!(hops[1]["received"], 0, "{arguments}: {}", ran.out);
        assert_eq!(
            document["findings"][0]["code"], "stopped-by-router",
            "{arguments}: {}",
            ran.out
        );
        // C3: in less than five seconds, also by SYNs of one connection.
        assert!(document["elapsed_ms"].as_f64() < Some(5_000.0), "{arguments}: {}", ran.out);
    }
    // Who wants to wait no longer than for half a second does not.
    let words = ["trace", "--json", "--timeout", "0.5", "10.9.2.2"];
    let ran = world::run("trace-ends", RAW, &words);
    let document: Value = serde_json::from_str(&ran.out).expect("a document");
    assert!(document["elapsed_ms"].as_f64() < Some(2_500.0), "{}", ran.out);
}

/// "Port unreachable" from another address than the target's is a filter's, or the target's own: that it is
/// reached is said only where the target itself answers another kind of probe there.
#[test]
fn whose_port_unreachable_it_is_another_kind_tells() {
    let cycles = "mtr --json --udp -c 3 -i 0.1";
    for (socket, command, target, reached) in [
        (RAW, "trace --json --udp", "10.9.7.2", true),
        (RAW, "trace --json --udp", "10.9.3.2", false),
        (UDP, "trace --json --udp", "10.9.7.2", false),
        (UDP, "trace --json --udp", "10.9.3.2", false),
        (RAW, "trace --json --udp --multipath", "10.9.7.2", false),
        (RAW, "trace --json --udp --mtu", "10.9.7.2", false),
        (RAW, cycles, "10.9.7.2", true),
        (RAW, cycles, "10.9.3.2", false),
        (UDP, cycles, "10.9.7.2", false),
    ] {
        let words: Vec<&str> = command.split(' ').chain([target]).collect();
        let ran = world::run("trace-ends", socket, &words);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let told = (&document["targets"][0]["reached"], &document["exit_code"]);
        let expected = (&reached.into(), &i32::from(!reached).into());
        assert_eq!(told, expected, "{command} {target}: {}", ran.out);
        let stopped = document["findings"].as_array().expect("findings").iter();
        let mut stopped = stopped.filter(|finding| finding["code"] == "stopped-by-router");
        let advice = stopped.next().map(|finding| finding["advice"].to_string());
        let is_either =
            advice.is_some_and(|text| text.contains("is another address of the target"));
        assert_eq!(is_either, !reached, "{command} {target}: {}", ran.out);
    }
    // What has no end asks nobody else.
    let scenario = std::fs::read_to_string(process::scenario("trace-ends")).expect("it");
    let text = format!("{scenario}\n[[local]]\nat = \"2s\"\nkeys = \"q\"\n");
    let ran = world::run_on_screen(&text, &["mtr", "-n", "--udp", "-i", "0.2", "10.9.7.2"]);
    let (_, after) = ran.out.rsplit_once("\u{1b}[?1049l").expect("a screen");
    assert!(after.contains("= not reached: the port refused at hop 2, not by"), "{after}");
    assert_eq!(ran.status.code(), 1, "{after}");
}

/// Nor is it read as loss where probes to several hops meet one router that refuses them.
#[test]
fn b10_a_refusing_router_that_limits_its_answers_loses_nothing() {
    for (socket, target) in [(RAW, "10.9.3.2"), (RAW, "fd09:3::2"), (UDP, "10.9.3.2")] {
        let ran = world::run("trace-loop", socket, &["trace", "--json", target]);
        let document: Value = serde_json::from_str(&ran.out).expect("a document");
        let hops = document["targets"][0]["hops"].as_array().expect("hops");
        let lost: Vec<u64> = hops.iter().map(|hop| count(hop, "lost")).collect();
        assert_eq!(lost, [0, 0, 0], "{target}");
        let finding = &document["findings"][0];
        assert_eq!(
            (&finding["code"], &finding["locus"]["hop"]),
            (&"stopped-by-router".into(), &3.into())
        );
    }
}

/// E3, with other losses each time: which hop only limits its answers, and where loss is real.
#[test]
fn e3_limits_and_loss_are_told_apart_in_twenty_of_twenty_runs() {
    check_told_apart(&["trace", "--json", "-q", "200", "--interval", "0.1"]);
}

pub(in crate::scenarios) fn check_told_apart(command: &[&str]) {
    let text = std::fs::read_to_string(process::scenario("trace-limits")).expect("the scenario");
    for seed in 1..=20 {
        let text = text.replace("seed = 7", &format!("seed = {seed}"));
        let found = |target: &str| {
            let ran = world::run_text(&text, RAW, &[command, &[target]].concat());
            let document: Value = serde_json::from_str(&ran.out).expect("a document");
            let findings = document["findings"].as_array().expect("findings").iter();
            let told = findings.map(|f| {
                (f["code"].as_str().expect("text").to_owned(), f["locus"]["hop"].as_u64())
            });
            told.collect::<Vec<_>>()
        };
        let limit = ("icmp-rate-limit".to_owned(), Some(2));
        assert_eq!(found("10.9.2.2"), std::slice::from_ref(&limit), "seed {seed}");
        let lossy = found("10.9.3.2");
        assert_eq!(lossy, [limit, ("loss-starts-at-hop".to_owned(), Some(3))], "seed {seed}");
    }
}
