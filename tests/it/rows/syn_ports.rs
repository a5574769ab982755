//! `netdiag syn` between real kernels: what each port is and who says so (G4), both families, forged
//! answers, the network of this machine, users without rights, bad input.

use super::events;
use super::network::Lab;
use super::sweeps::{counted, states, sweep};
use super::tcps::codes;
use crate::support::process::{Ended, Namespace, run};
use crate::support::schema;
use serde_json::Value;
use std::net::TcpListener;

/// The far end of the lab as it is typed, its address, and the router before it.
const FAMILIES: [(&str, &str, &str); 2] =
    [("10.9.2.2", "10.9.2.2", "10.9.1.1"), ("[fd09:2::2]", "fd09:2::2", "fd09:1::1")];

/// What becomes of a SYN to each port: somebody listens at 80, nobody at 81.
const FAR: &str = "
nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0;
    tcp dport 82 drop
    tcp dport 85 reject with icmpx type port-unreachable
}; }
END";
const ROUTER: &str = "
nft -f - <<'END'
table inet t { chain f { type filter hook forward priority 0;
    meta nfproto ipv4 tcp dport 83 reject with icmp type host-unreachable
    meta nfproto ipv6 tcp dport 83 reject with icmpv6 type addr-unreachable
    tcp dport 84 reject with icmpx type admin-prohibited
}; }
END";
const HERE: &str = "
nft -f - <<'END'
table inet t { chain o { type filter hook output priority 0; tcp dport 87 drop; }; }
END
ip route add unreachable 198.51.100.0/24";

/// Port, state, reason, ICMP type and code, and whether the router sent it.
type Case = (u16, &'static str, &'static str, Option<(u8, u8, bool)>);

const V4: [Case; 7] = [
    (80, "open", "syn-ack", None),
    (81, "closed", "rst", None),
    (82, "filtered", "no-response", None),
    (83, "unreachable", "icmp", Some((3, 1, true))),
    (84, "prohibited", "icmp", Some((3, 13, true))),
    (85, "filtered", "icmp", Some((3, 3, false))),
    (87, "not-sent", "local-error", None),
];
const V6: [Case; 7] = [
    (80, "open", "syn-ack", None),
    (81, "closed", "rst", None),
    (82, "filtered", "no-response", None),
    (83, "unreachable", "icmp", Some((1, 3, true))),
    (84, "prohibited", "icmp", Some((1, 1, true))),
    (85, "filtered", "icmp", Some((1, 4, false))),
    (87, "not-sent", "local-error", None),
];

fn lab() -> Option<(Lab, TcpListener)> {
    let lab = Lab::new()?;
    lab.here.let_nobody_in();
    let service = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    Some((lab, service))
}

fn syn(namespace: &Namespace, arguments: &[&str]) -> Ended {
    let ended = run(&mut namespace.netdiag(&[&["syn", "--json"], arguments].concat()));
    schema::check("syn", &ended.json());
    ended
}

fn of_port(target: &Value, port: u16) -> &Value {
    let ports = target["ports"].as_array().expect("ports");
    let found = ports.iter().find(|found| found["port"] == port);
    found.unwrap_or_else(|| panic!("no {port}: {target:#}"))
}

fn check_case(found: &Value, (address, router): (&str, &str), case: Case) {
    let (_, state, reason, icmp) = case;
    assert_eq!((&found["state"], &found["reason"]), (&state.into(), &reason.into()), "{found:#}");
    let told = &found["icmp"];
    match icmp {
        Some((kind, code, by_router)) => {
            assert_eq!((&told["type"], &told["code"]), (&kind.into(), &code.into()), "{found:#}");
            assert_eq!(told["from"], if by_router { router } else { address }, "{found:#}");
        }
        None => assert!(told.is_null(), "{found:#}"),
    }
    let (sent, received) = match state {
        "not-sent" => (0, 0),
        "open" | "closed" => (1, 1),
        "filtered" if reason == "no-response" => (2, 0),
        _ => (1, 0),
    };
    assert_eq!((&found["sent"], &found["received"]), (&sent.into(), &received.into()), "{found:#}");
    let is_told = !["no-response", "local-error"].contains(&reason);
    assert_eq!(found["rtt_ms"].is_object(), is_told, "{found:#}");
    assert_eq!(found["failure"].is_object(), state == "not-sent", "{found:#}");
    let is_open = state == "open";
    assert_eq!((found["options"].is_object(), found["window"].is_u64()), (is_open, is_open));
    if is_open {
        let mss = if address.contains(':') { 1440 } else { 1460 };
        assert_eq!(found["options"]["mss"], mss, "{found:#}");
        assert_eq!(
            (&found["reply_ttl"], &found["hops_back"]),
            (&63.into(), &1.into()),
            "{found:#}"
        );
    }
}

/// Also G4: the application sees no connection, and nothing stays half open.
/// What it is not asked for nobody agrees to.
#[test]
fn g4_who_does_ecn_is_told_where_it_is_asked_for() {
    let Some(lab) = Lab::new() else { return };
    let _listener = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    for (far, options, told) in [
        (2, &["--ask-ecn"][..], Value::Bool(true)),
        (0, &["--ask-ecn"], Value::Bool(false)),
        (2, &[], Value::Null),
    ] {
        lab.far.run(&format!("sysctl -qw net.ipv4.tcp_ecn={far}"));
        let words = [&["syn", "--json", "10.9.2.2:80"], options].concat();
        let ended = run(&mut lab.here.netdiag(&words));
        schema::check("syn", &ended.json());
        assert_eq!(ended.target()["ports"][0]["options"]["ecn"], told, "{ended:?}");
    }
}

#[test]
fn g4_each_port_is_what_its_answer_says() {
    let Some((lab, service)) = lab() else { return };
    lab.far.run(FAR);
    lab.router.run(ROUTER);
    lab.here.run(HERE);
    for ((typed, address, router), cases) in FAMILIES.into_iter().zip([V4, V6]) {
        let target = format!("{typed}:80-85,87");
        let ended = syn(&lab.here, &["--retries", "1", "-W", "0.3", &target]);
        let document = ended.json();
        assert_eq!(ended.code(), Some(0), "a port is open: {document:#}");
        let found = &document["targets"][0];
        assert_eq!(
            (&found["address"], &found["rejected"]),
            (&address.into(), &Value::Object(Default::default()))
        );
        for case in cases {
            check_case(of_port(found, case.0), (address, router), case);
        }
        assert_eq!(codes(&document), ["local-send-blocked"], "{document:#}");
    }
    service.set_nonblocking(true).expect("it can be asked");
    let accepted = service.accept().expect_err("no connection was made");
    assert_eq!(accepted.kind(), std::io::ErrorKind::WouldBlock);
    let left = lab.far.run("ss -Htan state syn-recv");
    assert_eq!(left, "", "half open: {left}");
}

/// What answers must acknowledge our SYN, and come from and to its address and ports.
#[test]
fn forged_answers_are_rejected_and_counted() {
    let Some((lab, _service)) = lab() else { return };
    let ports = lab.far.inside(|| {
        [90_u16, 91, 93].map(|port| TcpListener::bind(("::", port)).expect("nobody else is here"))
    });
    lab.router.run(
        "nft -f - <<'END'
table ip t { chain f { type filter hook forward priority 0;
    tcp sport 90 tcp flags & (syn | ack) == syn | ack tcp ackseq set 12345
    tcp sport 91 tcp flags & (syn | ack) == syn | ack tcp sport set 92
    tcp sport 93 tcp flags & (syn | ack) == syn | ack ip saddr set 10.9.2.77
}; }
END",
    );
    for (port, reason) in [(90, "wrong-sequence"), (91, "wrong-port"), (93, "wrong-source")] {
        let target = format!("10.9.2.2:80,{port}");
        let ended = syn(&lab.here, &["--retries", "0", "-W", "0.4", &target]);
        let document = ended.json();
        let found = &document["targets"][0];
        assert_eq!(of_port(found, port)["state"], "filtered", "{document:#}");
        assert_eq!(of_port(found, 80)["state"], "open", "{document:#}");
        assert_eq!(found["rejected"], serde_json::json!({ reason: 1 }), "{document:#}");
    }
    drop(ports);
}

/// A network: one entry an address, in every form of output.
#[test]
fn networks_and_ranges_have_every_port_of_every_address() {
    let Some((lab, _service)) = lab() else { return };
    lab.far.run("ip route add local 10.9.8.0/24 dev lo");
    lab.router.run("ip route add 10.9.8.0/24 via 10.9.2.2");
    let targets = ["10.9.8.0/28:80,81", "10.9.8.100-102:http", "10.9.2.2:80"];
    let ended = syn(&lab.here, &targets);
    let document = ended.json();
    assert_eq!(ended.code(), Some(0), "{document:#}");
    let all = document["targets"].as_array().expect("targets");
    assert_eq!(all.len(), 14 + 3 + 1);
    let states = |port: u16| all.iter().map(move |it| of_port(it, port)["state"].clone());
    assert!(states(80).all(|state| state == "open"), "{document:#}");
    assert!(all[..14].iter().all(|it| of_port(it, 81)["state"] == "closed"), "{document:#}");
    let form = |form: &str| {
        let arguments = [&["syn", "-o", form], &targets[..]].concat();
        run(&mut lab.here.netdiag(&arguments)).out
    };
    let csv = form("csv");
    assert_eq!(csv.lines().count(), 1 + 2 * 14 + 3 + 1, "{csv}");
    assert!(csv.starts_with("target,address,family,"), "{csv}");
    let lines = events(&form("jsonl"));
    let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!([count("resolved"), count("port"), count("target")], [18, 32, 18]);
    let text = form("text");
    assert!(text.contains("= 18 open, 14 closed of 32 ports of 18 addresses"), "{text}");
}

/// `sweep` by the same probes: alive where somebody listens, as by connections.
#[test]
fn a_sweep_sends_syns_too() {
    let Some((lab, service)) = lab() else { return };
    lab.far.run("ip route add local 10.9.8.0/24 dev lo");
    lab.router.run("ip route add 10.9.8.0/24 via 10.9.2.2");
    for (arguments, states, code) in [
        (&["syn:80", "10.9.8.0/28", "[fd09:2::2]"][..], counted([("alive", 15)]), 0),
        (&["syn:81", "10.9.8.0/28"], counted([("refused", 14)]), 1),
        (&["syn:80", "198.51.100.7", "10.9.8.1"], counted([("alive", 1), ("not-sent", 1)]), 1),
        (
            &["syn:80", "--count", "3", "--interval", "0.1", "10.9.8.1-2"],
            counted([("alive", 2)]),
            0,
        ),
    ] {
        lab.here.run("ip route replace unreachable 198.51.100.0/24");
        let words = [&["--json", "--proto"], arguments].concat();
        let ended = sweep(&lab.here, &words);
        let document = ended.json();
        assert_eq!(self::states(&document), states, "{document:#}");
        assert_eq!(ended.code(), Some(code), "{document:#}");
        schema::check("sweep", &document);
        assert_eq!(document["targets"][0]["protocol"], "syn", "{document:#}");
    }
    service.set_nonblocking(true).expect("it can be asked");
    assert!(service.accept().is_err(), "no connection was made");
    let ended = run(&mut lab.here.nobody(&["sweep", "--proto", "syn:80", "10.9.8.1"]));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.err.contains("netdiag tcp-connect"), "{ended:?}");
}

/// FINDINGS: seen twice, from another distance than the host's own.
#[test]
fn what_answers_from_nearer_is_told() {
    let Some((lab, _service)) = lab() else { return };
    lab.far.run(
        "nft -f - <<'END'
table ip t { chain o { type filter hook output priority 0; tcp sport 80-81 ip ttl set 60; }; }
END",
    );
    let document = syn(&lab.here, &["10.9.2.2:80,81,443"]).json();
    assert_eq!(codes(&document), ["middlebox-answers"], "{document:#}");
    let found = &document["findings"][0];
    assert_eq!(found["evidence"]["ports"], serde_json::json!([443]), "{found:#}");
    assert_eq!(of_port(&document["targets"][0], 443)["sent"], 2, "{document:#}");
}

/// What this machine does not send says nothing of a target.
#[test]
fn without_a_route_nothing_is_measured() {
    let Some((lab, _service)) = lab() else { return };
    lab.here.run(HERE);
    let ended = syn(&lab.here, &["198.51.100.7:80"]);
    let document = ended.json();
    assert_eq!((ended.code(), &document["status"]), (Some(3), &"unknown".into()), "{document:#}");
    assert_eq!(of_port(&document["targets"][0], 80)["state"], "not-sent", "{document:#}");
    assert_eq!(codes(&document), ["local-send-blocked"], "{document:#}");
}

#[test]
fn without_rights_tcp_connect_is_offered() {
    let Some((lab, _service)) = lab() else { return };
    for (typed, ..) in FAMILIES {
        let target = format!("{typed}:80");
        let ended = run(&mut lab.here.nobody(&["syn", "--json", &target]));
        let document = ended.json();
        schema::check("syn", &document);
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let message = document["targets"][0]["failure"]["message"].as_str().expect("a message");
        for part in ["no right to send SYNs", "netdiag tcp-connect"] {
            assert!(message.contains(part) && ended.err.contains(part), "{ended:?}");
        }
        assert_eq!(document["targets"][0]["ports"], serde_json::json!([]), "{document:#}");
    }
}

#[test]
fn bad_input_is_a_usage_error_that_names_it() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (arguments, said) in [
        ("127.0.0.1", "TARGET:PORTS `127.0.0.1`: a port is missing"),
        ("::1", "TARGET:PORTS `::1`: a port is missing: `[::1]:443`"),
        ("[::1]", "a port is missing"),
        ("127.0.0.1:", "a port is missing"),
        ("127.0.0.1:0", "`0` is no port"),
        ("127.0.0.1:65536", "`65536` is no port"),
        ("127.0.0.1:90-80", "the range 90-80 ends before it begins"),
        ("127.0.0.1:no-such-service", "no service is called `no-such-service`"),
        ("127.0.0.1 70000", "`70000` is no port"),
        ("127.0.0.1/33:80", "prefix length"),
        ("224.0.0.1:80", "no multicast"),
        ("0.0.0.0:80", "unspecified"),
        ("-4 [::1]:80", "--ipv4"),
        ("fe80::1:80", "a port is missing: `[fe80::1:80]:443`, or `[fe80::1]:80`"),
        ("[fe80::1]:80", "link-local"),
        ("10.0.0.0/8:80", "at most 4194304"),
        ("--retries 16 127.0.0.1:80", "--retries"),
        ("--rate 0 127.0.0.1:80", "--rate"),
        ("--rate nan 127.0.0.1:80", "--rate"),
        ("--timeout 0 127.0.0.1:80", "--timeout"),
        ("--open --json 127.0.0.1:80", "--open"),
        ("--source 192.0.2.77 127.0.0.1:80", "--source"),
        ("--fail-if nonsense>1 127.0.0.1:80", "--fail-if"),
    ] {
        let words: Vec<&str> = std::iter::once("syn").chain(arguments.split(' ')).collect();
        let ended = run(&mut namespace.netdiag(&words));
        assert_eq!(ended.code(), Some(2), "{arguments}: {ended:?}");
        assert!(ended.err.contains(said), "{arguments}: {ended:?}");
        assert_eq!(ended.out, "", "{arguments}");
    }
}

/// The short form, a service by its name, and what `--fail-if` makes of it.
#[test]
fn the_short_form_and_fail_if() {
    let Some((lab, _service)) = lab() else { return };
    for (arguments, code) in [
        ("10.9.2.2 http", 0),
        ("10.9.2.2 80,81 --open", 0),
        ("10.9.2.2 81", 1),
        ("10.9.2.2:80,81 --fail-if closed>0", 1),
        ("10.9.2.2:80,81 --fail-if max>10s", 0),
    ] {
        let words: Vec<&str> = std::iter::once("syn").chain(arguments.split(' ')).collect();
        let ended = run(&mut lab.here.netdiag(&words));
        assert_eq!(ended.code(), Some(code), "{arguments}: {ended:?}");
        let is_shown = ended.out.contains("81 ");
        assert!(!arguments.contains("--open") || !is_shown, "{ended:?}");
    }
}
