//! `--all-namespaces` (J1): the sockets of each with its name, and what could not be entered is said.

use super::fixture::{connect_to, listener, sockets};
use super::list;
use crate::rows::events;
use crate::support::process::{Namespace, Process, run};
use crate::support::schema;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::TcpListener;

/// Two of them; the first knows the second as `blue`.
fn two() -> Option<(Namespace, Namespace)> {
    let other = Namespace::loopback()?;
    let own = Namespace::new(&format!(
        "mount -t tmpfs none /run; mkdir /run/netns; touch /run/netns/blue /run/netns/gone
         mount --bind /proc/{}/ns/net /run/netns/blue",
        other.pid()
    ))?;
    Some((own, other))
}

/// The number of a namespace.
fn id(namespace: &Namespace) -> u64 {
    let link = std::fs::read_link(format!("/proc/{}/ns/net", namespace.pid())).expect("it lives");
    let link = link.to_string_lossy().into_owned();
    let digits: String = link.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn namespaces(document: &Value) -> &[Value] {
    document["namespaces"].as_array().expect("a list")
}

#[test]
fn j1_all_namespaces_are_listed_each_with_its_own() {
    let Some((own, other)) = two() else { return };
    let _here = own.inside(|| listener(9050, 4));
    let _there = other.inside(|| TcpListener::bind("0.0.0.0:9051").expect("free"));
    let document = sockets(&own, &["--all-namespaces", "--json", "--tcp", "--processes"]).json();
    schema::check("sockets", &document);
    assert_eq!(namespaces(&document)[0]["id"], id(&own), "{document:#}");
    let blue = namespaces(&document).iter().find(|it| it["name"] == "blue").expect("blue");
    assert_eq!((&blue["id"], &blue["entered"]), (&id(&other).into(), &true.into()));
    for (port, namespace) in [(9050, &own), (9051, &other)] {
        let socket = list(&document)
            .iter()
            .find(|it| it["local"]["port"] == port && it["namespace"] == id(namespace))
            .unwrap_or_else(|| panic!("{port}"));
        assert_eq!(socket["processes"][0]["pid"], std::process::id(), "{socket:#}");
    }
    let alone = sockets(&own, &["--json", "--tcp"]).json();
    assert_eq!((list(&alone).len(), namespaces(&alone).len()), (1, 0));
    assert_eq!(list(&alone)[0]["namespace"], Value::Null);
}

#[test]
fn j1_a_finding_names_its_namespace_and_counts_are_those_of_all() {
    let Some((own, other)) = two() else { return };
    let _there = other.inside(|| TcpListener::bind("0.0.0.0:9051").expect("free"));
    let document = sockets(&own, &["-A", "--summary", "--json"]).json();
    let found = document["findings"].as_array().expect("findings").iter();
    let mut open = found.filter(|finding| finding["code"] == "listen-all-addresses");
    let open = open.find(|it| it["evidence"]["namespace"] == id(&other)).expect("a finding");
    assert!(open["message"].as_str().expect("text").starts_with("blue: "), "{open:#}");
    assert!(document["summary"]["tcp"]["LISTEN"].as_u64().expect("a count") >= 1);
    let text = sockets(&own, &["-A", "--listening", "--tcp"]).out;
    assert!(text.lines().next().expect("a line").contains("network namespaces"), "{text}");
    let row = text.lines().find(|line| line.contains("0.0.0.0:9051")).expect("a row");
    assert!(row.trim_end().ends_with("blue"), "{text}");
    for words in [["-A", "--audit"], ["-A", "--summary=totals"]] {
        assert_eq!(sockets(&own, &words).code(), Some(2), "{words:?}");
    }
}

/// What is of the machine is told once, and what each namespace counts is added.
#[test]
fn j1_a_summary_of_all_namespaces_says_of_which_its_figures_are() {
    let Some((own, other)) = two() else { return };
    let range = "echo 40000 40003 > /proc/sys/net/ipv4/ip_local_port_range";
    other.run(range);
    let _there = other.inside(|| {
        let listener = listener(9053, 8);
        (connect_to(9053), connect_to(9053), listener)
    });
    let document = sockets(&own, &["-A", "--summary", "--json"]).json();
    schema::check("sockets", &document);
    let summary = &document["summary"];
    let ephemeral = &summary["ephemeral"];
    assert_eq!(
        (&ephemeral["namespace"], &ephemeral["range"]),
        (&id(&other).into(), &serde_json::json!([40000, 40003]))
    );
    assert_eq!(ephemeral["busiest"][0]["used"], 2);
    let alone = |namespace: &Namespace| {
        let document = sockets(namespace, &["--summary", "--json"]).json();
        assert_eq!(document["summary"]["ephemeral"]["namespace"], Value::Null);
        let count = |value: &Value| value.as_u64().expect("a count");
        let summary = &document["summary"];
        (count(&summary["memory"]["sockets_used"]), count(&summary["since_boot"]["active_opens"]))
    };
    let (ours, theirs) = (alone(&own), alone(&other));
    // Other namespaces of this machine have some, too.
    let sum = |group: &str, key: &str| summary[group][key].as_u64().expect("a count");
    assert!(sum("memory", "sockets_used") >= ours.0 + theirs.0, "{summary:#}");
    assert!(sum("since_boot", "active_opens") >= ours.1 + theirs.1, "{summary:#}");
    let text = sockets(&own, &["-A", "--summary"]).out;
    assert!(text.contains("ports 40000-40003 of blue: most to 127.0.0.1:9053, 2 of 4"), "{text}");
    assert!(text.contains("since each of these "), "{text}");
}

/// J9: changes of all of them, each with its namespace.
#[test]
fn j9_changes_are_told_with_their_namespace_and_who_has_the_socket() {
    let Some((own, other)) = two() else { return };
    let words = ["sockets", "-A", "-p", "--watch", "0.05", "--tcp", "-o", "jsonl"];
    let process = Process::start(&mut own.netdiag(&words));
    process.until_out(|out| out.contains("\"start\""));
    let here = own.inside(|| listener(9054, 4));
    let there = other.inside(|| listener(9055, 4));
    process.until_out(|out| out.contains("9054") && out.contains("9055"));
    drop((here, there));
    let closed = |line: &str, port: u16| {
        line.contains("\"change\":\"closed\"") && line.contains(&format!("\"port\":{port}}}"))
    };
    // Other namespaces have their own.
    process
        .until_out(|out| [9054, 9055].iter().all(|port| out.lines().any(|it| closed(it, *port))));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    let all = events(&ended.out);
    for (port, namespace) in [(9054, &own), (9055, &other)] {
        for change in ["opened", "closed"] {
            let event = all
                .iter()
                .find(|event| event["local"]["port"] == port && event["change"] == change)
                .unwrap_or_else(|| panic!("{port} {change}: {ended:?}"));
            assert_eq!(event["namespace"], id(namespace), "{event:#}");
            // Of one that has gone it is who had it.
            assert_eq!(event["owner"], "known", "{event:#}");
            assert_eq!(event["processes"][0]["pid"], std::process::id(), "{event:#}");
        }
    }
    let text = sockets(&own, &["-A", "--watch=0.05", "-c1"]).out;
    assert!(text.lines().next().is_some_and(|line| line.contains("network namespaces")), "{text}");
}

#[test]
fn j1_a_namespace_that_may_not_be_entered_is_said() {
    let Some((own, other)) = two() else { return };
    let _here = own.inside(|| listener(9050, 4));
    own.let_nobody_in();
    let words = ["sockets", "--all-namespaces", "--json", "--tcp"];
    let ended = run(&mut own.nobody(&words));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    let blue = namespaces(&document).iter().find(|it| it["name"] == "blue").expect("blue");
    assert_eq!((&blue["entered"], &blue["errno"]), (&false.into(), &"EPERM".into()));
    assert_eq!(blue["id"], id(&other));
    let lost = document["method"]["lost"].to_string();
    assert!(lost.contains("blue") && lost.contains("could not be entered (EPERM)"), "{lost}");
    assert!(lost.contains("processes, which this user may not see"), "{lost}");
    assert_eq!(list(&document).len(), 1);
    let text = run(&mut own.nobody(&["sockets", "-A", "--tcp"]));
    assert!(text.out.contains(", 1 of ") && text.out.contains(" network namespaces"), "{text:?}");
    assert!(text.out.contains("; not in the list: the namespaces "), "{text:?}");
}

/// Where /proc is another folder nobody is visible, and what is read from it is no result.
#[test]
fn j1_without_proc_nothing_is_made_up() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _here = namespace.inside(|| listener(9050, 4));
    namespace.run("mount -t tmpfs none /proc");
    let document = sockets(&namespace, &["--processes", "--json", "--tcp"]).json();
    let socket = &list(&document)[0];
    assert_eq!((&socket["owner"], &socket["processes"]), (&"not-visible".into(), &Value::Null));
    let document = sockets(&namespace, &["--all-namespaces", "--json"]).json();
    let lost = document["method"]["lost"].to_string();
    assert!(lost.contains("/proc does not tell of"), "{lost}");
    let text = sockets(&namespace, &["--summary"]).out;
    for said in ["no owners, since /proc tells of no process", "has counted is not known"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let (sysctls, counters) = ("/proc/sys/net/ipv4", "/proc/net/sockstat");
    for (words, missing) in [
        (&["--audit"][..], sysctls),
        (&["--summary=totals"], counters),
        (&["--watch", "0.1", "--count", "1", "--summary"], counters),
        (&["--audit", "--json"], sysctls),
    ] {
        let ended = sockets(&namespace, words);
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        assert!(ended.err.contains(missing), "{ended:?}");
        if words.contains(&"--json") {
            // The fields of its own schema are there, whatever could not be read.
            let document = ended.json();
            schema::check("sockets", &document);
            assert_eq!((list(&document).len(), &document["exit_code"]), (0, &3.into()));
        }
    }
}
