//! Filters and what they match.

use super::*;
use crate::owners::{Descriptor, Process};
use crate::socket::Endpoint;
use netdiag_model::Untrusted;

fn end(text: &str) -> Endpoint {
    let found: std::net::SocketAddr = text.parse().expect("an address");
    Endpoint { address: found.ip(), port: found.port() }
}

fn socket(state: State, local: &str, remote: &str) -> Socket {
    let (local, remote) = (end(local), end(remote));
    let family = if local.address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    Socket {
        protocol: Protocol::Tcp,
        family,
        state,
        local,
        remote,
        interface: 0,
        timer: None,
        receive_queue: 0,
        send_queue: 0,
        uid: 1000,
        inode: 5,
        cookie: 1,
    }
}

fn owners() -> Owners {
    let process = Process {
        pid: 123,
        name: Untrusted::from("nginx"),
        cgroup: None,
        uid: None,
        open: 3,
        started: 0,
    };
    Owners::new(vec![process], vec![Descriptor { inode: 5, process: 0, fd: 3 }], 0, true)
}

#[test]
fn each_word_means_what_it_says() {
    let one = socket(State::CloseWait, "192.0.2.1:443", "10.1.2.3:40000");
    let owners = owners();
    let matches = |text: &str| {
        let filter = Filter::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        filter.matches(&one, Some(&owners))
    };
    for text in [
        ":443",
        ":40000",
        "sport = :443",
        "dport 40000",
        "port 400-500",
        "state close-wait",
        "state CLOSE_WAIT,listen",
        "dst 10.0.0.0/8",
        "src 192.0.2.1",
        "192.0.2.1:443",
        "10.1.2.3",
        "dst *:40000",
        "pid 123",
        "process nginx",
        "uid 1000",
        "inode 5",
        "tcp",
        "ipv4",
        "not state listen",
        "state listen or :443",
        "( state listen or :443 ) and dst 10.0.0.0/8",
        "state close-wait :443",
        "not (udp or raw)",
        "state connected",
        "dst 0.0.0.0/0",
        "sport >= 443 and sport <= :443",
        "dport gt 39999 and dport lt 40001",
        "sport != 80",
        "dst ne 192.0.2.1",
        "port neq 80",
    ] {
        assert!(matches(text), "{text}");
    }
    for text in [
        ":80",
        "sport 40000",
        "state established",
        "dst 11.0.0.0/8",
        "src 10.1.2.3",
        "pid 1",
        "process ngin",
        "udp",
        "ipv6",
        "not :443",
        ":443 and state listen",
        "192.0.2.1:80",
        "2001:db8::/32",
        "uid 0",
        "dst ::/0",
        "dport > 40000",
        "sport lt 443",
        "dst != 10.1.2.3",
    ] {
        assert!(!matches(text), "{text}");
    }
    let mapped = socket(State::Established, "[::ffff:192.0.2.1]:80", "[2001:db8::1]:9");
    for text in ["src 192.0.2.0/24", "[2001:db8::1]:9", "2001:db8::/32", "[2001:db8::]/32", "ipv6"]
    {
        assert!(Filter::parse(text).expect("a filter").matches(&mapped, None), "{text}");
    }
}

#[test]
fn what_is_not_understood_is_named() {
    for (text, named) in [
        ("state waiting", "'waiting' is no state"),
        ("dst", "'dst' wants a value"),
        ("foo", "'foo' is no part of a filter"),
        ("( :443", "a ')' is missing"),
        (":443 )", "')' has no place there"),
        ("not", "it ends"),
        (":443 and", "it ends"),
        ("dst 10.0.0.0/33", "33 is longer"),
        (":70000", "'70000' is no port"),
        (":9-5", "ends before it begins"),
        ("pid -1", "'-1' is no pid"),
        ("sport > 65535", "no such port"),
        ("dport >=", "'dport' wants a value"),
        ("dst fe80::1%eth0", "'fe80::1' is meant on every one"),
        ("state \u{1b}[2J", "\\u{1b}"),
        ("", "it ends"),
    ] {
        let said = Filter::parse(text).expect_err(text).to_string();
        assert!(said.contains(named), "{text}: {said}");
    }
    assert!(Filter::parse(&"not ".repeat(200)).is_err());
    assert!(Filter::parse(&"( ".repeat(900)).is_err());
}

#[test]
fn the_kernel_is_asked_for_no_more_than_can_match() {
    let states = |text: &str| Filter::parse(text).expect("a filter").states();
    let listen = State::Listen.mask();
    assert_eq!(states("state listen and :443"), listen);
    assert_eq!(states("state listen or :443"), USUAL);
    assert_eq!(states("not state listen"), USUAL);
    assert_eq!(states("state closed"), State::Closed.mask());
    let wants = |text: &str| {
        let filter = Filter::parse(text).expect("a filter");
        Protocol::ALL.map(|protocol| filter.wants(protocol))
    };
    assert_eq!(wants(":53"), [true; 3]);
    assert_eq!(wants("udp :53"), [false, true, false]);
    assert_eq!(wants("state listen"), [true, false, false]);
    assert_eq!(wants("not udp"), [true; 3]);
    let implies = |text: &str| {
        let filter = Filter::parse(text).expect("a filter");
        (filter.names_owners(), filter.implies_owners())
    };
    assert_eq!(implies("state listen"), (false, false));
    assert_eq!(implies("dst 10.0.0.1:80"), (false, true));
    assert_eq!(implies("not process nginx"), (true, true));
}

#[test]
fn who_cannot_be_seen_is_nobody_of_a_name() {
    let one = socket(State::Listen, "192.0.2.1:443", "0.0.0.0:0");
    let hidden = Owners::new(Vec::new(), Vec::new(), 3, false);
    assert_eq!(hidden.of(&one), Owner::NotVisible);
    assert!(!Filter::parse("process nginx").expect("a filter").matches(&one, Some(&hidden)));
    let waiting = Socket { inode: 0, state: State::Established, ..one };
    assert_eq!(hidden.of(&waiting), Owner::NotAccepted);
    assert_eq!(hidden.of(&Socket { state: State::TimeWait, ..waiting }), Owner::Nobody);
}
