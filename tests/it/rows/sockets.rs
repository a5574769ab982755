//! `netdiag sockets` on real sockets in every state (J1, J2, J4, J5, J8).

#[path = "sockets/audits.rs"]
mod audits;
#[path = "sockets/busy.rs"]
mod busy;
#[path = "sockets/classic.rs"]
mod classic;
#[path = "sockets/filtered.rs"]
mod filtered;
#[path = "sockets/fixture.rs"]
mod fixture;
#[path = "sockets/namespaces.rs"]
mod namespaces;
#[path = "sockets/narrow.rs"]
mod narrow;
#[path = "sockets/peers.rs"]
mod peers;
#[path = "sockets/saved.rs"]
mod saved;
#[path = "sockets/totals.rs"]
mod totals;
#[path = "sockets/verdicts.rs"]
mod verdicts;
#[path = "sockets/watching.rs"]
mod watching;
#[path = "sockets/words.rs"]
mod words;

use super::seccomp::{filtered, without};
use super::{events, the};
use crate::support::process::{Ended, Namespace, has, run};
use crate::support::schema;
use fixture::{STATES, States, sockets};
use nix::libc::{EPERM, SYS_socket};
use serde_json::Value;
use std::collections::BTreeSet;

/// A socket by state and both ends.
type Tuple = (String, String, String);

fn end(value: &Value) -> String {
    let address = value["address"].as_str().unwrap_or("*");
    let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    match value["port"].as_u64() {
        Some(port) => format!("{address}:{port}"),
        None => format!("{address}:*"),
    }
}

fn tuple(socket: &Value) -> Tuple {
    let state = socket["state"].as_str().unwrap_or("-").to_owned();
    (state, end(&socket["local"]), end(&socket["remote"]))
}

fn tuples(list: &[Value]) -> BTreeSet<Tuple> {
    list.iter().map(tuple).collect()
}

fn list(document: &Value) -> &[Value] {
    document["sockets"].as_array().expect("a list")
}

/// What `ss -tan` lists, by our names.
fn by_ss(namespace: &Namespace) -> BTreeSet<Tuple> {
    let out = namespace.run("ss -Htan");
    let name = |word: &str| match word {
        "ESTAB" => "ESTABLISHED".to_owned(),
        "SYN-RECV" => "SYN-RECEIVED".to_owned(),
        other => other.to_owned(),
    };
    out.lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [state, _, _, local, remote, ..] = *words.as_slice() else { panic!("{line}") };
            let remote = remote.replace("0.0.0.0:*", "*:*").replace("[::]:*", "*:*");
            (name(state), local.to_owned(), remote)
        })
        .collect()
}

#[test]
fn j1_the_list_is_that_of_ss() {
    let Some(states) = States::new() else { return };
    if !has("ss") {
        return;
    }
    let ours = || {
        let document = sockets(&states.namespace, &["--json", "--tcp"]).json();
        schema::check("sockets", &document);
        tuples(list(&document))
    };
    let (before, theirs, after) = (ours(), by_ss(&states.namespace), ours());
    // Between the looks the kernel may have ended one that it was to end.
    assert!(theirs.is_superset(&after) && theirs.is_subset(&before), "{before:?}\n{theirs:?}");
    let seen: BTreeSet<&str> = before.iter().map(|(state, ..)| state.as_str()).collect();
    assert_eq!(seen, STATES.into_iter().filter(|state| *state != "CLOSED").collect());
}

#[test]
fn j1_every_form_lists_the_same() {
    let Some(states) = States::new() else { return };
    let form = |form: &str| sockets(&states.namespace, &["-o", form, "state", "close-wait,listen"]);
    let document = form("json").json();
    let all = tuples(list(&document));
    assert!(all.len() >= 2, "{document:#}");
    let lines = events(&form("jsonl").out);
    let found: Vec<Value> = lines.iter().filter(|line| line["type"] == "socket").cloned().collect();
    assert_eq!(tuples(&found), all);
    assert_eq!(the(&lines, "summary")["summary"]["tcp"], document["summary"]["tcp"]);
    let csv = form("csv").out;
    assert_eq!(csv.lines().count(), all.len() + 1, "{csv}");
    let text = form("text").out;
    for (state, local, _) in &all {
        assert!(text.lines().any(|line| line.contains(state) && line.contains(local)), "{text}");
    }
}

/// Where a container refuses netlink the files of /proc/net stand in, and what they lack is said.
#[test]
fn j1_without_netlink_the_list_is_the_same() {
    let Some(states) = States::new() else { return };
    let refused = without(&[SYS_socket], EPERM);
    let words = ["sockets", "--json", "--tcp", "state", "close-wait,listen,last-ack,established"];
    let ended = filtered(&states.namespace, &[refused], &words);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    let usual = run(&mut states.namespace.netdiag(&words)).json();
    assert_eq!(tuples(list(&document)), tuples(list(&usual)));
    let lost = document["method"]["lost"][0].as_str().expect("text");
    assert!(lost.contains("/proc/net"), "{lost}");
}

/// What is wanted and how many there are of it in the fixture.
#[test]
fn j1_filters_choose_what_they_say() {
    let Some(states) = States::new() else { return };
    let count = |words: &[&str]| {
        let ended = sockets(&states.namespace, &[&["--json"], words].concat());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        list(&ended.json()).len()
    };
    let pid = std::process::id().to_string();
    let all = count(&[]);
    let close_wait = count(&["state", "close-wait"]);
    assert_eq!(close_wait, 1);
    assert_eq!(count(&["not", "state", "close-wait"]), all - 1);
    assert_eq!(count(&["state", "closed"]), 1);
    assert_eq!(count(&["--listening", "--tcp"]), count(&["state", "listen"]));
    assert_eq!(count(&["dst", "10.0.0.0/8"]), 0);
    assert_eq!(count(&["pid", &pid, "state", "close-wait"]), 1);
    assert_eq!(count(&["pid", "1", "and", "state", "close-wait"]), 0);
    assert_eq!(count(&["--udp"]) + count(&["--tcp"]), all);
    assert_eq!(count(&["--raw"]), 1);
    let port = &states.port("CLOSE-WAIT");
    assert_eq!(count(&[&format!(":{port}"), "and", "(", "state", "close-wait", ")"]), 1);
    for (words, said) in [
        (&["state", "open"][..], "'open' is no state"),
        (&["--threshold", "leak=1"], "no such threshold"),
        (&["--fail-if", "loss>1"], "loss"),
        (&["--listening", "state", "close-wait"], "nothing in common"),
    ] {
        let ended = sockets(&states.namespace, words);
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.err.contains(said) && ended.out.is_empty(), "{ended:?}");
    }
}

#[test]
fn j1_an_owner_is_named_or_said_to_be_not_visible() {
    let Some(states) = States::new() else { return };
    states.namespace.let_nobody_in();
    let words = ["sockets", "--json", "--processes", "state", "close-wait"];
    let own = run(&mut states.namespace.netdiag(&words)).json();
    let socket = &list(&own)[0];
    assert_eq!(socket["owner"], "known", "{socket:#}");
    assert_eq!(socket["processes"][0]["pid"], std::process::id(), "{socket:#}");
    assert_eq!(own["summary"]["owners_not_visible"], 0);
    let other = run(&mut states.namespace.nobody(&words));
    assert_eq!(other.code(), Some(0), "{other:?}");
    let document = other.json();
    let socket = &list(&document)[0];
    assert_eq!(
        (&socket["owner"], &socket["processes"]),
        (&Value::from("not-visible"), &Value::Null)
    );
    assert_eq!(document["summary"]["owners_not_visible"], 1);
    assert!(document["method"]["remedy"].as_str().is_some_and(|said| said.contains("setcap")));
    let words = ["sockets", "--processes", "state", "close-wait"];
    let text = run(&mut states.namespace.nobody(&words)).out;
    assert!(text.contains("not visible") && text.contains("owners of 1 not visible"), "{text}");
    let words = ["sockets", "--processes", "state", "time-wait"];
    let text = run(&mut states.namespace.netdiag(&words)).out;
    let row = text.lines().find(|line| line.contains("TIME-WAIT")).expect("a row");
    assert!(row.ends_with(" -"), "{text}");
}

#[test]
fn j1_no_right_is_left_that_is_not_needed_and_no_call_is_refused() {
    let Some(states) = States::new() else { return };
    if !has("strace") {
        return;
    }
    for words in [&["--processes"][..], &["--verbose"], &["--summary"], &["-4"], &["--raw"]] {
        let mut command = states.namespace.command("strace");
        let program = crate::support::process::NETDIAG;
        let ended: Ended = run(command.args(["-f", program, "sockets"]).args(words));
        let inside = ended.err.split_once("SECCOMP_SET_MODE_FILTER").expect("a sandbox").1;
        let refused: Vec<&str> = inside
            .lines()
            .filter(|line| line.contains(" EPERM ") || line.contains(" ENOSYS "))
            .collect();
        assert_eq!(refused, [""; 0], "{words:?}");
        // CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE, or nothing.
        let kept = if matches!(words, ["--processes"] | ["--summary"]) {
            "1<<CAP_SYS_PTRACE"
        } else {
            "effective=0"
        };
        assert!(
            ended.err.lines().any(|line| line.starts_with("capset(") && line.contains(kept)),
            "{}",
            ended.err
        );
    }
}
