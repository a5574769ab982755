//! Summaries that look at less (J2): by states, and by counters only.

use super::fixture::{States, sockets};
use crate::support::process::{NETDIAG, has, run};
use crate::support::schema;

#[test]
fn j2_totals_are_the_counters_of_the_kernel_and_read_no_table() {
    let Some(states) = States::new() else { return };
    let document = sockets(&states.namespace, &["--summary=totals", "--json"]).json();
    schema::check("sockets", &document);
    let totals = &document["summary"]["totals"];
    let stat = |file: &str, group: &str, word: u32| {
        let script = format!("awk '/^{group}:/ {{ print ${word} }}' /proc/net/{file}");
        states.namespace.run(&script).trim().to_owned()
    };
    let tcp: u64 = ["TCP", "TCP6"]
        .iter()
        .map(|group| {
            let file = if *group == "TCP" { "sockstat" } else { "sockstat6" };
            stat(file, group, 3).parse::<u64>().expect("a number")
        })
        .sum();
    assert_eq!(totals["tcp"], tcp);
    assert_eq!(totals["time_wait"].to_string(), stat("sockstat", "TCP", 7));
    // 3 ESTABLISHED and 1 CLOSE-WAIT.
    assert_eq!(totals["established_or_close_wait"], 4);
    assert_eq!((&totals["udp"], &totals["raw"]), (&1.into(), &1.into()));
    assert_eq!(document["summary"]["tcp"], serde_json::json!({}));
    assert_eq!(document["sockets"], serde_json::json!([]));
    let text = sockets(&states.namespace, &["-s=totals"]).out;
    assert!(text.contains("no table was read: other states, ports, hosts and owners"), "{text}");
    if has("strace") {
        let mut command = states.namespace.command("strace");
        let words = ["-f", "-e", "trace=sendto,getdents64", NETDIAG, "sockets", "-s=totals"];
        let ended = run(command.args(words));
        assert!(!ended.err.contains("sendto(") && !ended.err.contains("getdents64("), "{ended:?}");
    }
}

#[test]
fn j2_a_summary_of_states_looks_at_no_process() {
    let Some(states) = States::new() else { return };
    let of = |what: &str| sockets(&states.namespace, &["--json", what]).json();
    let (some, all) = (of("--summary=states"), of("--summary"));
    assert_eq!(some["summary"]["tcp"], all["summary"]["tcp"]);
    assert_eq!(some["summary"]["states"], serde_json::json!([]));
    assert!(all["summary"]["states"].as_array().expect("rows").len() >= 10);
    assert_eq!(some["summary"]["owners_not_visible"], serde_json::Value::Null);
    let text = sockets(&states.namespace, &["--summary=states"]).out;
    assert!(
        text.lines().any(|line| line.starts_with("CLOSE-WAIT ") && line.ends_with(" 1")),
        "{text}"
    );
    assert!(!text.contains("owner"), "{text}");
}

#[test]
fn j2_what_counters_do_not_tell_is_refused() {
    let Some(namespace) = crate::support::process::Namespace::loopback() else { return };
    for (words, said) in [
        (&["--summary=totals", ":80"][..], "a FILTER"),
        (&["--summary=totals", "--tcp"], "--tcp"),
        (&["--summary=totals", "-o", "csv"], "has no sockets"),
        (&["--summary=totals", "--fail-if", "close_wait>1"], "close_wait"),
        (&["--summary=totals", "--fail-if", "time_wait>1"], "time_wait_or_fin_wait_2"),
        (&["--summary=some"], "possible values"),
        (&["--classic=ss", "--summary"], "cannot be used with"),
    ] {
        let ended = sockets(&namespace, words);
        assert_eq!(ended.code(), Some(2), "{words:?} {ended:?}");
        assert!(ended.err.contains(said) && ended.out.is_empty(), "{words:?} {ended:?}");
    }
    let ended =
        sockets(&namespace, &["--summary=totals", "--fail-if", "time_wait_or_fin_wait_2>0"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}
