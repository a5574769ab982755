//! Filters and what they match.

use super::*;
use crate::owners::{Descriptor, Process, Sight};
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
    Owners::new(vec![process], vec![Descriptor { inode: 5, process: 0, fd: 3 }], 0, Sight::Machine)
}

#[test]
fn each_word_means_what_it_says() {
    let one = socket(State::CloseWait, "192.0.2.1:443", "10.1.2.3:40000");
    let owners = owners();
    let matches = |text: &str| {
        let filter = Filter::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        filter.matches(&one, Some(&owners)) == Some(true)
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
        "exclude listen,established",
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
        ":80,443",
        ":1-9,400-500",
        "192.0.2.1:80,443",
        "*:443,80",
        "sport=443",
        "sport>=443 dport!=80",
        "(state=close-wait)and(uid=1000)",
        "uid != 7",
        "process=nginx",
        "process != ngin",
    ] {
        assert!(matches(text), "{text}");
    }
    for text in [
        ":80",
        "sport 40000",
        "state established",
        "exclude close-wait",
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
        ":80,8443",
        "not :80,443",
        "192.0.2.1:80,81",
        "sport!=443",
        "uid != 1000",
    ] {
        assert!(!matches(text), "{text}");
    }
    let mapped = socket(State::Established, "[::ffff:192.0.2.1]:80", "[2001:db8::1]:9");
    for text in ["src 192.0.2.0/24", "[2001:db8::1]:9", "2001:db8::/32", "[2001:db8::]/32", "ipv6"]
    {
        assert!(
            Filter::parse(text).expect("a filter").matches(&mapped, None) == Some(true),
            "{text}"
        );
    }
}

/// lsof goes by addresses, and ss has no state for what has a port and nothing more.
#[test]
fn the_classic_programs_have_families_and_states_of_their_own() {
    let mapped = socket(State::Established, "[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.2]:9");
    let filter = |text: &str| Filter::parse(text).expect("a filter");
    for (text, by_socket, by_address) in [("ipv4", false, true), ("not ipv6 :80", false, true)] {
        assert_eq!(filter(text).matches(&mapped, None), Some(by_socket), "{text}");
        assert_eq!(filter(text).of_addresses().matches(&mapped, None), Some(by_address), "{text}");
    }
    let any = socket(State::Listen, "[::]:80", "[::]:0");
    assert_eq!(filter("ipv6").of_addresses().matches(&any, None), Some(true));
    let close = filter("state close");
    assert_eq!((close.states(), close.of_every_protocol().states()), (1 << 7 | BOUND, 1 << 7));
}

#[test]
fn a_name_with_blanks_stands_in_quotes() {
    let name = |text: &str| match Filter::parse(text).expect("a filter").node {
        Node::Process(name) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name("process \"tmux: server\""), "tmux: server");
    assert_eq!(name("process = \"(sd-pam)\""), "(sd-pam)");
    assert_eq!(name("process nginx"), "nginx");
}

#[test]
fn services_and_users_stand_for_numbers_where_their_names_are_known() {
    let one = socket(State::CloseWait, "192.0.2.1:443", "10.1.2.3:40000");
    let mut asked = Vec::new();
    let mut names = |name: Name<'_>| {
        asked.push(format!("{name:?}"));
        match name {
            Name::Service("https") => Some(443),
            Name::Service("http-alt") => Some(8080),
            Name::User("www-data") => Some(1000),
            _ => None,
        }
    };
    for (text, wanted) in [
        (":https", true),
        (":80,https", true),
        ("sport = :https", true),
        ("192.0.2.1:https", true),
        ("sport > http-alt", false),
        ("uid www-data", true),
        ("uid=www-data and not :http-alt,https", false),
    ] {
        let filter = Filter::named(text, &mut names);
        let matches = filter.map(|filter| filter.matches(&one, None));
        assert_eq!(matches, Ok(Some(wanted)), "{text}");
    }
    for text in [":htps", "uid nobody", "dport gone"] {
        assert!(Filter::named(text, &mut names).is_err(), "{text}");
    }
    assert_eq!(asked.last().map(String::as_str), Some("Service(\"gone\")"));
}

#[test]
fn what_is_not_understood_is_named() {
    for (text, named) in [
        ("state waiting", "'waiting' is no state"),
        ("dst", "'dst' wants a value"),
        ("foo", "'foo' is no part of a filter"),
        ("( :443", "a ')' is missing"),
        (":443 )", "')' has no place there"),
        ("not", "found the end at character 4"),
        ("()", "found ')' at character 2"),
        ("tcp and and :80", "'and' is no part of a filter at character 9: there are :PORTS"),
        (":https", "'https' is no port and no service at character 2"),
        (":80,443,", "'' is no port at character 9"),
        ("dst 10.0.0.1:80,x", "'x' is no port and no service at character 17"),
        ("sport > 80,443", "'80,443' is more than one port at character 9"),
        ("dst localhost", "'localhost' is no address at character 5; a filter looks up no names"),
        ("uid root", "'root' is no user of /etc/passwd at character 5"),
        ("state listen or state=closd", "'closd' is no state at character 23; there are listen"),
        ("state !listen", "'!listen' is no state at character 7"),
        ("process \"sp ace", "a '\"' is missing at character 9"),
        (":443 and", "found the end at character 9"),
        ("dst 10.0.0.0/33", "33 is longer"),
        (":70000", "'70000' is no port"),
        (":9-5", "ends before it begins"),
        ("pid -1", "'-1' is no pid"),
        ("sport > 65535", "no such port"),
        ("dport >=", "'dport' wants a value"),
        ("dst fe80::1%eth0", "'fe80::1' is meant on every one"),
        ("state \u{1b}[2J", "\\u{1b}"),
        ("", "found the end at character 1"),
    ] {
        let said = Filter::parse(text).expect_err(text).to_string();
        assert!(said.contains(named), "{text}: {said}");
    }
    let text = "state listen or \u{1b}:\u{fc} and htps";
    let fault = Filter::parse(text).expect_err("two faults");
    assert_eq!(fault.pointer(text), format!("state listen or ?:\u{fc} and htps\n{:16}^", ""));
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
fn who_cannot_be_seen_may_have_any_name() {
    let one = socket(State::Listen, "192.0.2.1:443", "0.0.0.0:0");
    let hidden = Owners::new(Vec::new(), Vec::new(), 3, Sight::User);
    assert_eq!(hidden.of(&one), Owner::NotVisible);
    let matches = |text: &str| Filter::parse(text).expect("a filter").matches(&one, Some(&hidden));
    for text in ["process nginx", "not process nginx", "pid 1 or :80", "not pid 1 and :443"] {
        assert_eq!(matches(text), None, "{text}");
    }
    assert_eq!((matches("pid 1 or :443"), matches("pid 1 and :80")), (Some(true), Some(false)));
    let waiting = Socket { inode: 0, state: State::Established, ..one };
    assert_eq!(hidden.of(&waiting), Owner::NotAccepted);
    assert_eq!(hidden.of(&Socket { state: State::TimeWait, ..waiting }), Owner::Nobody);
}

/// The kernel keeps 15 bytes of a name; a user types the whole one.
#[test]
fn a_name_is_compared_as_far_as_the_kernel_keeps_it() {
    let one = socket(State::Listen, "192.0.2.1:53", "0.0.0.0:0");
    let named = |name: &str| {
        let mut process = owners().processes()[0].clone();
        process.name = Untrusted::from(name);
        Owners::new(
            vec![process],
            vec![Descriptor { inode: 5, process: 0, fd: 3 }],
            0,
            Sight::Machine,
        )
    };
    let matches = |text: &str, owners: &Owners| {
        Filter::parse(text).expect("a filter").matches(&one, Some(owners))
    };
    let resolved = named("systemd-resolve");
    assert_eq!(matches("process systemd-resolved", &resolved), Some(true));
    assert_eq!(matches("process systemd-resolve", &resolved), Some(true));
    assert_eq!(matches("process systemd-resolv", &resolved), Some(false));
    // The cut goes through the last letter.
    let cut = named(&String::from_utf8_lossy("fourteen-byte-\u{fc}x".as_bytes()[..15].as_ref()));
    assert_eq!(matches("process fourteen-byte-\u{fc}x", &cut), Some(true));
}

/// The kernel says 0 of what no process has.
#[test]
fn what_nobody_has_is_no_users() {
    let one = socket(State::TimeWait, "192.0.2.1:443", "10.1.2.3:40000");
    let uid = |socket: &Socket| Filter::parse("uid 0").expect("a filter").matches(socket, None);
    let one = Socket { uid: 0, ..one };
    assert_eq!((uid(&one), uid(&Socket { inode: 0, ..one })), (Some(true), Some(false)));
}

#[test]
fn words_that_join_are_so_in_any_case() {
    let one = socket(State::CloseWait, "192.0.2.1:443", "10.1.2.3:40000");
    for text in [":80 Or :443", ":80 oR :443", ":80 || :443", "( :80 Or :443 ) aNd nOt :80"] {
        let matches = Filter::parse(text).map(|filter| filter.matches(&one, None));
        assert_eq!(matches, Ok(Some(true)), "{text}");
    }
}

/// Somebody left out the brackets.
#[test]
fn an_address_that_ends_like_one_with_a_port_is_either() {
    let at = |local| socket(State::Listen, local, "[::]:0");
    let one = Filter::parse("::1:9001").expect("a filter");
    let found = ["[::1]:9001", "[::1:9001]:80", "[::1]:9002", "[::2]:9001"]
        .map(|local| one.matches(&at(local), None));
    assert_eq!(found, [Some(true), Some(true), Some(false), Some(false)]);
    for text in ["src ::1:9001", "2001:db8::1", "2001:db8:1:2:3:4:5:6"] {
        assert!(Filter::parse(text).is_ok(), "{text}");
    }
}

/// To ss a UDP socket that is connected is ESTABLISHED.
#[test]
fn states_are_those_of_tcp_but_for_all_of_them_and_for_ss() {
    let one = socket(State::Established, "192.0.2.1:443", "10.1.2.3:40000");
    let udp = Socket { protocol: Protocol::Udp, ..one };
    let filter = |text: &str| Filter::parse(text).expect("a filter");
    let matches = |text: &str| filter(text).matches(&udp, None);
    assert_eq!((matches("state established"), matches("state all")), (Some(false), Some(true)));
    assert!(
        filter("state all").wants(Protocol::Udp) && !filter("state listen").wants(Protocol::Udp)
    );
    for (text, wanted) in [("state established", true), ("not state established", false)] {
        let filter = filter(text).of_every_protocol();
        assert_eq!(filter.matches(&udp, None), Some(wanted), "{text}");
        assert!(filter.wants(Protocol::Udp), "{text}");
    }
    assert!(
        filter("state big").matches(&socket(State::Listen, "192.0.2.1:443", "0.0.0.0:0"), None)
            == Some(true)
    );
}
