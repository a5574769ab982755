//! B34: what this machine did or could not do is no failure of a target.

use super::{document, file, statuses};
use crate::rows::network::Lab;
use crate::support::process::{Namespace, Process, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::TcpListener;

/// A namespace where nothing leaves to 127.0.0.8, and nobody hears what is sent to 127.0.0.9.
fn walled() -> Option<Namespace> {
    Namespace::new(
        "nft -f - <<'END'
table inet t {
    chain o { type filter hook output priority 0; ip daddr 127.0.0.8 drop; }
    chain i { type filter hook input priority 0; ip daddr 127.0.0.9 drop; }
}
END",
    )
}

fn the(namespace: &Namespace, words: &[&str]) -> Value {
    let document = document(namespace, words);
    assert_eq!(statuses(&document).len(), 1, "{document:#}");
    document["checks"][0].clone()
}

#[test]
fn b34_what_a_firewall_here_keeps_back_is_unknown_however_short_an_attempt_is() {
    let Some(namespace) = walled() else { return };
    for (timeout, stage) in [("1.5", "send"), ("0.3", "request")] {
        let words = ["wait-for", "--json", "--timeout", timeout, "127.0.0.8:80"];
        let ended = run(&mut namespace.netdiag(&words));
        let check = ended.json()["checks"][0].clone();
        assert_eq!((ended.code(), &check["status"]), (Some(3), &"unknown".into()), "{ended:?}");
        assert_eq!(check["failure"]["stage"], stage, "{ended:?}");
    }
    let kept = the(&namespace, &["tcp --timeout=200ms 127.0.0.8:80"]);
    assert_eq!((&kept["status"], &kept["failure"]["stage"]), (&"unknown".into(), &"send".into()));
    let silent = the(&namespace, &["tcp --timeout=200ms 127.0.0.9:80"]);
    assert_eq!(
        (&silent["status"], &silent["failure"]["reason"]),
        (&"fail".into(), &"timeout".into())
    );
    let trace = the(&namespace, &["--deadline", "300ms", "trace 127.0.0.8"]);
    assert_eq!(trace["status"], "unknown", "{trace:#}");
}

/// What a deadline leaves no time for has not failed; what was lost before it has.
#[test]
fn b34_a_deadline_that_leaves_no_time_is_no_failure() {
    let Some(namespace) = walled() else { return };
    let _listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    for check in [
        "ping --interval=5 --count=3 127.0.0.1 received>=3",
        "tcp --interval=5 --count=3 127.0.0.1:7000 succeeded>=3",
        "ping --timeout=9 127.0.0.9",
        "tcp --timeout=9 127.0.0.9:80",
    ] {
        let check = the(&namespace, &["--deadline", "200ms", check]);
        assert_eq!(
            (&check["status"], &check["failure"]["reason"]),
            (&"unknown".into(), &"deadline".into()),
            "{check:#}"
        );
    }
    let lost = "ping --count=9 --interval=0.1 --timeout=0.1 127.0.0.9";
    let lost = the(&namespace, &["--deadline", "400ms", lost]);
    assert_eq!((&lost["status"], &lost["failure"]["reason"]), (&"fail".into(), &"timeout".into()));
    let wrong = the(&namespace, &["--deadline", "200ms", "ping --interval=5 127.0.0.1 ttl>200"]);
    assert_eq!(wrong["status"], "fail", "{wrong:#}");
}

/// Who may send no ICMP sends UDP instead, and who is silent then may answer ICMP.
#[test]
fn b34_silence_to_what_stands_in_for_icmp_is_unknown() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run(
        "echo '1 0' > /proc/sys/net/ipv4/ping_group_range
         nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0; ip daddr 127.0.0.9 udp dport 0-65535 drop; }; }
END",
    );
    let words = ["check", "--json", "ping --count=1 --timeout=0.3 127.0.0.9"];
    let document = run(&mut namespace.nobody(&words)).json();
    assert_eq!(statuses(&document), ["unknown"], "{document:#}");
    let words = ["check", "--json", "ping --count=1 127.0.0.1"];
    let document = run(&mut namespace.nobody(&words)).json();
    assert_eq!(statuses(&document), ["pass"], "{document:#}");
}

/// Connections of one user to one place wait for each other, and one that has not begun is not given up:
/// two checks that trace by connections stood still for ever.
#[test]
fn m1_traces_by_connections_do_not_keep_each_other_from_the_end() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    let words = ["check", "--json", "trace --tcp 10.9.2.2", "trace 10.9.2.2:80"];
    let document = run(&mut lab.here.nobody(&words)).json();
    assert_eq!(statuses(&document), ["pass", "pass"], "{document:#}");
}

/// The kernel connects a port to itself where nobody listens at one of its own range: no expectation
/// makes a service of that.
#[test]
fn b34_a_connection_to_itself_meets_no_expectation() {
    let script = "echo '40000 40000' > /proc/sys/net/ipv4/ip_local_port_range";
    let Some(namespace) = Namespace::new(script) else { return };
    let check = the(&namespace, &["tcp 127.0.0.1:40000 succeeded>0"]);
    assert_eq!(check["status"], "fail", "{check:#}");
    assert_eq!(check["failure"]["reason"], "connected-to-itself", "{check:#}");
}

/// N3: what attempts came to stands, whatever was still to be tried.
#[test]
fn n3_an_interrupt_between_two_attempts_leaves_what_the_first_came_to() {
    let Some(namespace) = Namespace::loopback() else { return };
    let file = file(
        "[[check]]\nname = 'often'\nkind = 'tcp'\ntarget = '127.0.0.1:9'\nretries = 20\n\
         [[check]]\nname = 'once'\nkind = 'tcp'\ntarget = '127.0.0.1:9'\n",
    );
    let path = file.path().to_str().expect("a name");
    let process = Process::start(&mut namespace.netdiag(&["check", "-o", "jsonl", path]));
    process.until_out(|out| out.contains("\"type\":\"check\""));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let events = super::super::events(&ended.out);
    let checks: Vec<&Value> = events.iter().filter(|event| event["type"] == "check").collect();
    assert_eq!(checks.len(), 2, "{ended:?}");
    for check in checks {
        assert_eq!(
            (&check["status"], &check["failure"]["reason"]),
            (&"fail".into(), &"refused".into()),
            "{ended:?}"
        );
    }
}
