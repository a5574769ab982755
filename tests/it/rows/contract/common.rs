//! Options that mean the same everywhere (CONTRACT.md section 2).

use super::super::{events, the};
use crate::support::process::{Ended, Namespace, run};
use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;

fn netdiag(namespace: &Namespace, line: &str) -> Ended {
    run(&mut namespace.netdiag(&line.split(' ').collect::<Vec<_>>()))
}

/// The arguments as they were understood.
fn understood(ended: &Ended) -> Value {
    the(&events(&ended.out), "start")["arguments"].clone()
}

/// `--classic` may name the tool, and no other.
#[test]
fn the_tool_behind_classic_is_that_of_the_command() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (command, tool, rest) in [
        ("ping", "ping", "-c1 -W1 127.0.0.1"),
        ("trace", "traceroute", "-n 127.0.0.1"),
        ("traceroute", "traceroute", "-n 127.0.0.1"),
        ("mtr", "mtr", "-r -n -c1 127.0.0.1"),
        ("sweep", "fping", "127.0.0.1"),
        ("dns", "dig", "--retries 0 a.test @127.0.0.1"),
    ] {
        let digitless = |ended: &Ended| {
            let hidden = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
            // The dates of mtr and dig have words that a moment changes.
            let lines =
                ended.out.lines().filter(|line| !line.contains("Start") && !line.contains("WHEN"));
            (hidden(&lines.collect::<Vec<_>>().join("\n")), hidden(&ended.err), ended.code())
        };
        let plain = netdiag(&namespace, &format!("{command} --classic {rest}"));
        let named = netdiag(&namespace, &format!("{command} --classic={tool} {rest}"));
        assert_ne!(plain.code(), Some(2), "{command}: {plain:?}");
        assert_eq!(digitless(&plain), digitless(&named), "{command}");
        let other = netdiag(&namespace, &format!("{command} --classic=nmap {rest}"));
        assert_eq!((other.code(), other.out.as_str()), (Some(2), ""), "{command}: {other:?}");
    }
}

/// Zero is back to back, of every series; who is not root is held to a rate.
#[test]
fn an_interval_of_zero_is_back_to_back() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace
        .serve_names(|question| super::super::names::answer(question, 0, Some(&[192, 0, 2, 7])));
    for line in [
        "ping -c 4 --interval 0 127.0.0.1",
        "sweep -c 4 --interval 0 127.0.0.1",
        "trace --queries 9 --interval 0 127.0.0.1",
        "mtr --report -c 4 --interval 0 127.0.0.1",
        "tcp-connect -c 4 --interval 0 127.0.0.1:9",
        "dns -c 4 --interval 0 a.test A @127.0.0.1",
    ] {
        let ended = netdiag(&namespace, &format!("{line} --json"));
        assert!(matches!(ended.code(), Some(0 | 1)), "{line}: {ended:?}");
        let document = ended.json();
        // Three intervals of the default are three seconds.
        let elapsed = document["elapsed_ms"].as_f64().expect("a number");
        assert!(elapsed < 2_000.0, "{line}: {document:#}");
        let target = &document["targets"][0];
        let counted = [
            &target["sent"],
            &target["attempts"],
            &target["cycles"],
            &target["results"][0]["sent"],
        ];
        let most = counted.iter().filter_map(|count| count.as_u64()).max();
        assert!(most >= Some(4), "{line}: {document:#}");
    }
    for line in ["trace --interval 0 127.0.0.1", "mtr --report --interval 0 127.0.0.1"] {
        let ended = run(&mut namespace.nobody(&line.split(' ').collect::<Vec<_>>()));
        assert_eq!(ended.code(), Some(2), "{line}: {ended:?}");
        assert!(ended.err.contains("--interval"), "{line}: {ended:?}");
    }
}

/// What is left to chance comes of the seed, which never makes identifiers, tags, ports or keys.
#[test]
fn a_seed_makes_what_is_left_to_chance_the_same() {
    let Some(namespace) = Namespace::loopback() else { return };
    let label = |seed: &str| {
        let line = format!("ping -c 1 --flow-label 0 {seed} -o jsonl ::1");
        let ended = netdiag(&namespace, line.replace("  ", " ").as_str());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let arguments = understood(&ended);
        (arguments["flow_label"].as_u64().expect("a label"), arguments["seed"].clone())
    };
    let first = label("--seed 7");
    assert_eq!(first, label("--seed 7"));
    assert_eq!(first.1, 7);
    assert_ne!(first.0, label("--seed 8").0);
    assert!(first.0 > 0 && first.0 < 1 << 20, "{first:?}");
    assert_eq!(label("").1, Value::Null);
    for line in [
        "ping --seed 7 127.0.0.1",
        "ping --seed 7 --flow-label 9 ::1",
        "sweep --seed 7 127.0.0.1",
        "trace --seed=7 127.0.0.1",
        "mtr --seed 7 127.0.0.1",
        "mtu --seed 7 127.0.0.1",
        "tcp-connect --seed 7 127.0.0.1:9",
        "syn --seed 7 127.0.0.1:9",
        "dns --seed 7 a.test",
        "sockets --seed 7",
        "wait-for --seed 7 127.0.0.1:9",
    ] {
        let ended = netdiag(&namespace, line);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.err.contains("identifiers, tags, ports and keys"), "{line}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{line}: {ended:?}");
    }
}

/// So many packets were seen by the only rule of a table.
fn counted(namespace: &Namespace) -> u64 {
    let shown = namespace.run("nft -j list ruleset");
    let start = shown.find("\"packets\": ").expect("a counter") + "\"packets\": ".len();
    let digits: String = shown[start..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

fn counting(rule: &str) -> Option<Namespace> {
    Namespace::new(&format!(
        "nft add table inet t
         nft add chain inet t o '{{ type filter hook output priority 0; }}'
         nft add rule inet t o {rule} counter"
    ))
}

/// A mark is on every packet of whatever is sent by raw sockets or UDP.
#[test]
fn a_mark_is_on_every_packet() {
    for line in [
        "ping -c 1 --mark 5 127.0.0.1",
        "sweep --mark 5 127.0.0.1",
        "trace --mark 5 127.0.0.1",
        "mtr --report -c 1 --mark 5 127.0.0.1",
        "mtu --mark 5 127.0.0.1",
        "mtu --udp --mark 5 127.0.0.1",
        "syn --mark 5 127.0.0.1:9",
    ] {
        let Some(namespace) = counting("meta mark 5") else { return };
        let ended = netdiag(&namespace, line);
        assert!(matches!(ended.code(), Some(0 | 1)), "{line}: {ended:?}");
        assert!(counted(&namespace) > 0, "{line}: {ended:?}");
    }
}

/// Queries leave from where they shall, and ask to be treated as they shall, over UDP and TCP.
#[test]
fn queries_leave_from_their_source_with_their_marking() {
    for (options, tcp) in [("", ""), ("--tcp", "tcp")] {
        let protocol = if tcp.is_empty() { "udp" } else { tcp };
        let rule = format!("ip saddr 127.0.0.7 ip dscp ef {protocol} dport 53");
        let Some(namespace) = counting(&rule) else { return };
        let line = format!(
            "dns {options} --source 127.0.0.7 --interface lo --dscp ef --retries 0 --timeout 0.3 \
             -o jsonl a.test A @127.0.0.1"
        );
        let ended = netdiag(&namespace, &line.replace("  ", " "));
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert!(counted(&namespace) > 0, "{ended:?}");
        let arguments = understood(&ended);
        assert_eq!(
            (&arguments["source"], &arguments["interface"], &arguments["traffic_class"]),
            (&"127.0.0.7".into(), &"lo".into(), &184.into())
        );
    }
    let Some(namespace) = Namespace::loopback() else { return };
    let server = namespace.inside(|| UdpSocket::bind("127.0.0.1:53").expect("it is free"));
    server.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
    netdiag(&namespace, "dns -S 127.0.0.9 --retries 0 --timeout 0.3 a.test A @127.0.0.1");
    let (_, from) = server.recv_from(&mut [0; 512]).expect("a query");
    assert_eq!(from.ip().to_string(), "127.0.0.9");
    for (line, said) in [
        ("dns --source 192.0.2.1 a.test @127.0.0.1", "not an address of this machine"),
        ("dns --source ::1 a.test @127.0.0.1", "cannot send to 127.0.0.1"),
        ("dns -4 --source ::1 a.test", "is an IPv6 address"),
        ("dns --interface nope a.test @127.0.0.1", "no interface `nope`"),
    ] {
        let ended = netdiag(&namespace, line);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.err.contains(said), "{line}: {ended:?}");
    }
}
