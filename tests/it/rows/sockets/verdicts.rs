//! Each state that is suspicious has a finding with its owner and its numbers.

use super::fixture::{States, connect_to, listener, pairs, sockets, wait_for};
use crate::support::process::{Namespace, run, stopwatch};
use crate::support::schema;
use serde_json::Value;
use socket2::Socket;
use std::time::Duration;

/// One socket is enough, however young it is.
const ONE: &[&str] = &[
    "--threshold=established-not-accepted=1",
    "--threshold=not-accepted-age=0",
    "--threshold=syn-sent-unanswered=1",
    "--threshold=syn-received-lossy=1",
    "--threshold=fin-wait-1-stuck=1",
    "--threshold=fin-wait-2-many=1",
    "--threshold=close-wait-leak=1",
    "--threshold=close-wait-age=0",
    "--threshold=closing-stuck=1",
    "--threshold=closing-age=0",
    "--threshold=last-ack-stuck=1",
    "--threshold=time-wait-many=1",
    "--threshold=idle-age=0",
];

pub(super) fn finding<'a>(document: &'a Value, code: &str) -> Option<&'a Value> {
    let all = document["findings"].as_array().expect("findings");
    all.iter().find(|finding| finding["code"] == code)
}

pub(super) fn the_finding<'a>(document: &'a Value, code: &str) -> &'a Value {
    finding(document, code).unwrap_or_else(|| panic!("no {code}: {:#}", document["findings"]))
}

/// Looks until a finding is there: the kernel repeats a FIN after some seconds, not at once.
pub(super) fn until(namespace: &Namespace, words: &[&str], codes: &[&str]) -> Value {
    let since = stopwatch();
    loop {
        let document = sockets(namespace, &[&["--json", "--summary"], words].concat()).json();
        if codes.iter().all(|code| finding(&document, code).is_some()) {
            return document;
        }
        assert!(
            since() < Duration::from_secs(15),
            "not all of {codes:?}: {:#}",
            document["findings"]
        );
    }
}

#[test]
fn j2_each_state_has_its_finding() {
    let Some(states) = States::new() else { return };
    let codes = [
        "listen-all-addresses",
        "syn-sent-unanswered",
        "syn-received-lossy",
        "established-no-keepalive",
        "fin-wait-1-stuck",
        "fin-wait-2-many",
        "close-wait-leak",
        "closing-stuck",
        "last-ack-stuck",
        "time-wait-many",
    ];
    let _open =
        states.namespace.inside(|| std::net::TcpListener::bind("0.0.0.0:9012").expect("free"));
    let document = until(&states.namespace, ONE, &codes);
    let me = format!("({})", std::process::id());
    for code in ["close-wait-leak", "fin-wait-2-many"] {
        let message = the_finding(&document, code)["message"].as_str().expect("text");
        assert!(message.contains(&me), "{message}");
    }
    let leak = the_finding(&document, "close-wait-leak");
    assert_eq!(
        (&leak["evidence"]["count"], &leak["evidence"]["pid"]),
        (&1.into(), &std::process::id().into())
    );
    assert_eq!(
        (&leak["severity"], &leak["evidence"]["threshold"]),
        (&"warning".into(), &1.0.into())
    );
    let open = the_finding(&document, "listen-all-addresses");
    assert_eq!(open["evidence"]["ports"], serde_json::json!([9012]));
    let lossy = the_finding(&document, "syn-received-lossy");
    assert_eq!(lossy["evidence"]["sources"], serde_json::json!(["127.0.0.1"]));
    // By the thresholds as they are none of these is worth a word.
    let document = sockets(&states.namespace, &["--json"]).json();
    let all: Vec<&Value> = document["findings"].as_array().expect("findings").iter().collect();
    assert_eq!(all, Vec::<&Value>::new());
    assert_eq!((&document["status"], &document["exit_code"]), (&"ok".into(), &0.into()));
}

#[test]
fn j5_a_program_that_does_not_close_is_named() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _leak: Vec<Socket> =
        namespace.inside(|| pairs(9007, 120).into_iter().map(|(_, server)| server).collect());
    wait_for(&namespace, |count| count("CLOSE-WAIT") == 120);
    let words = ["--json", "--threshold", "close-wait-age=0", "--processes", "--tcp"];
    let document = sockets(&namespace, &words).json();
    let leak = the_finding(&document, "close-wait-leak");
    assert_eq!(leak["severity"], "critical");
    let evidence = &leak["evidence"];
    assert_eq!(
        [&evidence["count"], &evidence["eof_unread"], &evidence["pid"]],
        [&Value::from(120), &Value::from(120), &Value::from(std::process::id())]
    );
    // All of them came just now.
    assert_eq!(evidence["per_minute"], 120);
    let message = leak["message"].as_str().expect("text");
    assert!(message.contains("growing by 120 a minute"), "{message}");
    assert_eq!(sockets(&namespace, &["--fail-if", "close_wait>100"]).code(), Some(1));
    assert_eq!(sockets(&namespace, &["--fail-if", "close_wait>120"]).code(), Some(0));
    // What is younger is no leak yet.
    let words = ["--json", "--processes", "--threshold", "close-wait-age=3600"];
    let document = sockets(&namespace, &words).json();
    assert_eq!(finding(&document, "close-wait-leak"), None);
    let words = ["--quiet", "--processes", "--threshold", "close-wait-age=0"];
    let text = sockets(&namespace, &words).out;
    assert!(text.contains("!! ") && text.contains("(close-wait-leak)"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
    // Of whom they are nobody has looked: that it is one process is not claimed.
    let text = sockets(&namespace, &["--quiet", "--threshold", "close-wait-age=0"]).out;
    assert!(text.starts_with("! programs of user 0 together do not close: 120"), "{text}");
    assert!(text.contains("`netdiag sockets --processes state close-wait`"), "{text}");
}

#[test]
fn j4_a_full_accept_queue_is_found_with_its_limit() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept: Vec<Socket> = namespace.inside(|| {
        let mut all = vec![listener(9020, 1)];
        all.extend((0..5).map(|_| connect_to(9020)));
        all
    });
    wait_for(&namespace, |count| count("SYN-SENT") >= 1 && count("ESTABLISHED") >= 4);
    let document = sockets(&namespace, &["--json", ":9020"]).json();
    let full = the_finding(&document, "accept-queue-full");
    assert_eq!(
        (&full["severity"], &full["evidence"]["queue"], &full["evidence"]["limit"]),
        (&"critical".into(), &2.into(), &1.into())
    );
    let message = full["message"].as_str().expect("text");
    assert!(message.contains(&format!("({})", std::process::id())), "{message}");
    let list = document["sockets"].as_array().expect("a list");
    let listener = list.iter().find(|socket| socket["state"] == "LISTEN").expect("one");
    assert_eq!(listener["accept_queue"], serde_json::json!({"length": 2, "limit": 1}));
    let waiting = list.iter().filter(|socket| socket["accepted"] == false).count();
    assert_eq!(waiting, 2, "{list:#?}");
    // One cause, one finding: those that wait there are explained by it.
    assert_eq!(finding(&document, "established-not-accepted"), None);
}

/// However many are full, each is looked at, and what is not told one by one is counted.
#[test]
fn j4_of_many_full_queues_it_is_said_how_many_more_there_are() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept: Vec<Socket> = namespace.inside(|| {
        let mut all = Vec::new();
        for port in 9101..=9111 {
            all.push(listener(port, 0));
            all.extend((0..2).map(|_| connect_to(port)));
        }
        all
    });
    wait_for(&namespace, |count| count("ESTABLISHED") >= 22);
    let document = sockets(&namespace, &["--json", "--tcp"]).json();
    let all = document["findings"].as_array().expect("findings");
    let full: Vec<&Value> = all.iter().filter(|it| it["code"] == "accept-queue-full").collect();
    assert_eq!(full.len(), 9, "{all:#?}");
    let more = full.iter().find(|it| it["subject"] == "3 more listeners").expect("the rest");
    assert_eq!((&more["severity"], &more["evidence"]["count"]), (&"critical".into(), &3.into()));
    assert_eq!(more["evidence"]["subjects"].as_array().map(Vec::len), Some(3), "{more:#}");
}

#[test]
fn j4_what_nobody_accepts_is_told_with_its_age() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept: Vec<Socket> = namespace.inside(|| vec![listener(9021, 16), connect_to(9021)]);
    wait_for(&namespace, |count| count("ESTABLISHED") == 2);
    let document =
        sockets(&namespace, &["--json", ":9021", "--threshold", "not-accepted-age=0"]).json();
    let found = the_finding(&document, "established-not-accepted");
    assert_eq!(
        (&found["evidence"]["count"], &found["evidence"]["clients_gone"]),
        (&1.into(), &0.into())
    );
    let text = sockets(&namespace, &[":9021", "--threshold", "not-accepted-age=3600"]).out;
    assert!(text.contains("not accepted yet"), "{text}");
    assert!(!text.contains("established-not-accepted"), "younger than an hour: {text}");
}

#[test]
fn j8_ports_to_one_destination_are_counted_against_the_range() {
    let Some(namespace) = Namespace::new(
        "cd /proc/sys/net/ipv4; echo 32768 32967 > ip_local_port_range; echo 0 > tcp_tw_reuse",
    ) else {
        return;
    };
    let _kept: Vec<Socket> = namespace.inside(|| {
        let listener: std::net::TcpListener = listener(9030, 256).into();
        let mut all = Vec::new();
        for _ in 0..190 {
            let client = connect_to(9030);
            let (server, _) = listener.accept().expect("a connection");
            all.extend([client, Socket::from(server)]);
        }
        all.push(listener.into());
        all
    });
    wait_for(&namespace, |count| count("ESTABLISHED") == 380);
    let document = sockets(&namespace, &["--json"]).json();
    let found = the_finding(&document, "ephemeral-ports-low");
    let evidence = &found["evidence"];
    assert_eq!(
        [&evidence["used"], &evidence["available"], &evidence["ceiling_per_second"]],
        [&Value::from(190), &Value::from(200), &Value::from(3.3)]
    );
    assert_eq!(
        (&found["severity"], &found["subject"]),
        (&"critical".into(), &"127.0.0.1:9030".into())
    );
    let message = found["message"].as_str().expect("text");
    assert!(message.contains("190 of 200 used (95 %), 3.3 new a second possible"), "{message}");
    let failed = run(&mut namespace.netdiag(&["sockets", "--fail-if", "ephemeral>90"]));
    assert_eq!(failed.code(), Some(1), "{failed:?}");
    let summary = sockets(&namespace, &["--summary"]).out;
    assert!(summary.contains("most to 127.0.0.1:9030, 190 of 200 in use"), "{summary}");
}

/// J10: what is set in vain is found with its line.
#[test]
fn j10_an_audit_tells_what_sysctls_do_and_which_do_nothing() {
    let Some(namespace) = Namespace::new(
        "mount -t tmpfs none /run; mkdir /run/sysctl.d
         printf '# old advice\\nnet.ipv4.tcp_tw_recycle = 1\\n' > /run/sysctl.d/90-tcp.conf
         echo 1 > /proc/sys/net/ipv4/tcp_abort_on_overflow",
    ) else {
        return;
    };
    let ended = sockets(&namespace, &["--audit", "--json"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    schema::check("sockets", &document);
    let recycle = the_finding(&document, "sysctl-obsolete");
    assert_eq!(
        (&recycle["locus"]["file"], &recycle["evidence"]["line"]),
        (&"/run/sysctl.d/90-tcp.conf".into(), &2.into())
    );
    assert_eq!(the_finding(&document, "sysctl-risky")["subject"], "net.ipv4.tcp_abort_on_overflow");
    let rows = document["audit"].as_array().expect("rows");
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).expect("a row");
    assert_eq!(row("net.ipv4.tcp_keepalive_time")["default"], "7200");
    let text = sockets(&namespace, &["--audit"]).out;
    assert!(text.contains("TIME-WAIT is 60 s whatever this says"), "{text}");
    assert_eq!(sockets(&namespace, &["--audit", "--summary"]).code(), Some(2));
    assert_eq!(sockets(&namespace, &["--audit", "-o", "csv"]).code(), Some(2));
}
