//! `netdiag tcp-connect` between real kernels: each way in which a connection ends (G1), both families
//! (G2), what is in the packets (G6), many targets (B22).

use super::events;
use super::network::Lab;
use crate::support::process::{Ended, NETDIAG, Namespace, Process, run, skip};
use crate::support::schema;
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;

/// The far end of the lab, and the router before it.
const FAMILIES: [(&str, &str); 2] = [("10.9.2.2", "10.9.1.1"), ("fd09:2::2", "fd09:1::1")];

/// What becomes of a connection to each port: nothing listens at 81.
const FAR: &str = "
nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0;
    tcp dport 82 drop
    tcp dport 88 tcp flags & (syn | ack) == ack reject with tcp reset
}; }
END";
const ROUTER: &str = "
nft -f - <<'END'
table inet t { chain f { type filter hook forward priority 0;
    meta nfproto ipv4 tcp dport 83 reject with icmp type host-unreachable
    meta nfproto ipv6 tcp dport 83 reject with icmpv6 type addr-unreachable
    tcp dport 84 reject with icmpx type admin-prohibited
    tcp dport 86 reject with icmpx type no-route
}; }
END";
const HERE: &str = "
nft -f - <<'END'
table inet t { chain o { type filter hook output priority 0; tcp dport 87 drop; }; }
END";

/// A lab whose far host serves ports 80 and 88, the latter to nobody's use.
fn lab() -> Option<(Lab, [TcpListener; 2])> {
    let lab = Lab::new()?;
    lab.here.let_nobody_in();
    let services = lab.far.inside(|| {
        [80, 88].map(|port| TcpListener::bind(("::", port)).expect("nobody else is here"))
    });
    Some((lab, services))
}

fn connect(namespace: &Namespace, arguments: &[&str]) -> Ended {
    let ended = run(&mut namespace.netdiag(&[&["tcp-connect", "--json"], arguments].concat()));
    schema::check("tcp-connect", &ended.json());
    ended
}

pub(super) fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect()
}

fn of_port(document: &Value, port: u16) -> Value {
    let targets = document["targets"].as_array().expect("targets");
    let found = targets.iter().find(|target| target["port"] == port);
    found.unwrap_or_else(|| panic!("no {port}: {document:#}")).clone()
}

/// Port, outcome, error number, and ICMP type and code with whether the target sent it.
type Case = (u16, &'static str, Option<i32>, Option<(u8, u8)>);

const V4: [Case; 9] = [
    (80, "connected", None, None),
    (81, "refused", Some(111), None),
    (82, "timeout", Some(110), None),
    (83, "unreachable", Some(113), Some((3, 1))),
    (84, "prohibited", Some(113), Some((3, 13))),
    (85, "refused", Some(111), None),
    (86, "unreachable", Some(101), Some((3, 0))),
    (87, "local", Some(1), None),
    (88, "reset", Some(104), None),
];
const V6: [Case; 9] = [
    (80, "connected", None, None),
    (81, "refused", Some(111), None),
    (82, "timeout", Some(110), None),
    (83, "unreachable", Some(113), Some((1, 3))),
    (84, "prohibited", Some(13), Some((1, 1))),
    (85, "refused", Some(111), None),
    (86, "unreachable", Some(101), Some((1, 0))),
    (87, "local", Some(1), None),
    (88, "reset", Some(104), None),
];

fn check_case(document: &Value, host: &str, router: &str, case: Case) {
    let (port, outcome, errno, icmp) = case;
    let target = of_port(document, port);
    let result = &target["results"][0];
    assert_eq!(result["outcome"], outcome, "{target:#}");
    assert_eq!(target["addresses"][0]["state"], outcome, "{target:#}");
    let failure = &result["failure"];
    assert_eq!(failure.is_null(), outcome == "connected", "{target:#}");
    assert_eq!(failure["errno"]["number"].as_i64(), errno.map(i64::from), "{target:#}");
    let told = failure["icmp"].as_object().map(|icmp| (icmp["type"].clone(), icmp["code"].clone()));
    assert_eq!(told, icmp.map(|(kind, code)| (kind.into(), code.into())), "{target:#}");
    if icmp.is_some() {
        assert_eq!(failure["icmp"]["from"], router, "{target:#}");
    }
    let local = result["local"].as_str().unwrap_or_else(|| panic!("no local end: {target:#}"));
    let (from, number) = local.rsplit_once(':').expect("an address and a port");
    let own = if host.contains('.') { "10.9.1.2" } else { "[fd09:1::2]" };
    assert!(from == own && number != "0", "{local}");
    // What the target or a router answered took a round trip.
    let is_answer = !["timeout", "local"].contains(&outcome);
    assert_eq!(result["settled_ms"].is_number(), is_answer, "{target:#}");
    assert_eq!(result["handshake_rtt_ms"].is_number(), outcome == "connected", "{target:#}");
    let counted = |key: &str| target[key].as_u64().expect("a count");
    let ended = ["succeeded", "failed", "local_errors", "unknown", "in_flight"].map(counted);
    assert_eq!(counted("attempts"), ended.iter().sum::<u64>(), "{target:#}");
    // A refusal is an answer, and no loss.
    let loss = match outcome {
        "connected" | "refused" | "reset" => Value::from(0.0),
        "local" => Value::Null,
        _ => Value::from(100.0),
    };
    assert_eq!(target["loss_percent"], loss, "{target:#}");
}

#[test]
fn g1_each_cause_is_told_from_the_others_by_error_number_and_sender() {
    let Some((lab, _services)) = lab() else { return };
    lab.far.run(FAR);
    lab.router.run(ROUTER);
    lab.here.run(HERE);
    for ((host, router), cases) in FAMILIES.into_iter().zip([V4, V6]) {
        let arguments = ["tcp-connect", "--json", "-W", "3.5", host, "80-88"];
        let both = [lab.here.netdiag(&arguments), lab.here.nobody(&arguments)];
        for mut command in both {
            let ended = run(&mut command);
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            let document = ended.json();
            schema::check("tcp-connect", &document);
            assert_eq!(document["complete"], true, "{document:#}");
            cases.iter().for_each(|case| check_case(&document, host, router, *case));
            let mut told = codes(&document);
            told.sort_unstable();
            // Those of ports 83 and 86 were met once each, which is no rule.
            let expected = [
                "connection-filtered",
                "connection-prohibited",
                "connection-refused",
                "connection-reset",
                "local-firewall",
            ];
            assert_eq!(told, expected, "{document:#}");
            let filtered = &document["findings"].as_array().expect("some")[..];
            let filtered = filtered.iter().find(|one| one["code"] == "connection-filtered");
            let advice = filtered.expect("it is there")["advice"].as_str().expect("text");
            assert!(advice.contains("answers, so the path is whole"), "{advice}");
        }
    }
}

#[test]
fn g1_text_names_each_cause_and_who_said_so() {
    let Some((lab, _services)) = lab() else { return };
    lab.far.run(FAR);
    lab.router.run(ROUTER);
    let arguments = ["tcp-connect", "-W", "2.5", "10.9.2.2", "http,81,82,83,84,88"];
    let ended = run(&mut lab.here.netdiag(&arguments));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let row = |port: &str| {
        let mut rows = ended.out.lines().filter(|line| line.starts_with(port));
        rows.next().unwrap_or_else(|| panic!("no {port}: {ended:?}"))
    };
    for (port, parts) in [
        ("80/http", ["connected", "", ""]),
        ("81", ["refused", "RST from 10.9.2.2: host up, nothing listens", "(ECONNREFUSED 111)"]),
        ("82", ["timeout", "no answer of any kind", "(ETIMEDOUT 110)"]),
        ("83", ["unreachable", "ICMP 3/1 from 10.9.1.1, a router", "(EHOSTUNREACH 113)"]),
        ("84", ["prohibited", "ICMP 3/13 from 10.9.1.1, a router", "(EHOSTUNREACH 113)"]),
        ("88", ["reset", "10.9.2.2 opened the connection and reset it", "(ECONNRESET 104)"]),
    ] {
        assert!(parts.iter().all(|part| row(port).contains(part)), "{}", row(port));
    }
    let verdict = ended.out.lines().last().expect("a verdict");
    assert!(verdict.starts_with("= 1 of 6 ports open on 10.9.2.2; "), "{verdict}");
    assert!(verdict.ends_with("; the host is up"), "{verdict}");
}

#[test]
fn g1_without_a_route_nothing_is_measured() {
    let Some(namespace) = Namespace::loopback() else { return };
    for host in ["192.0.2.1", "[2001:db8::1]"] {
        let ended = connect(&namespace, &[&format!("{host}:80")]);
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let target = ended.target();
        assert_eq!(target["results"][0]["outcome"], "local", "{target:#}");
        assert_eq!(target["failure"]["errno"]["name"], "ENETUNREACH", "{target:#}");
        assert_eq!(target["failure"]["stage"], "route", "{target:#}");
        assert_eq!(codes(&ended.json()), ["local-send-blocked"]);
    }
}

/// A socket that somebody destroys on this machine is no doing of the network.
#[test]
fn b7_a_connection_that_is_destroyed_from_outside_is_a_local_error() {
    let Some((lab, _services)) = lab() else { return };
    lab.far.run(FAR);
    let arguments = ["tcp-connect", "--json", "-W", "15", "10.9.2.2:82"];
    let process = Process::start(&mut lab.here.netdiag(&arguments));
    // Waits until it is there, and then for no time.
    let killed = lab.here.run(
        "for try in $(seq 200); do
            ss -tnH state syn-sent dst 10.9.2.2 | grep -q :82 && break
            sleep 0.02
         done
         ss -KtnH state syn-sent dst 10.9.2.2",
    );
    let ended = process.wait();
    if killed.is_empty() {
        skip::<()>("this kernel destroys no sockets (CONFIG_INET_DIAG_DESTROY)");
        return;
    }
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    let target = ended.target();
    assert_eq!(target["results"][0]["outcome"], "local", "{target:#}");
    assert_eq!(target["failure"]["errno"]["number"], 103, "{target:#}");
    assert_eq!((&target["timeouts"], &target["refused"]), (&0.into(), &0.into()), "{target:#}");
}

/// Of an address of the link the kernel tells a connection nothing: its table of neighbours does.
#[test]
fn g1_a_neighbour_on_the_link_that_is_not_there_is_told() {
    let Some(here) = Namespace::new(
        "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
         ip link add va type veth peer vb
         echo 1 > /proc/sys/net/ipv6/neigh/va/mcast_solicit
         echo 200 > /proc/sys/net/ipv6/neigh/va/retrans_time_ms
         ip link set vb up
         ip link set va up
         until ip -6 route show table local dev va | grep -q fe80; do :; done",
    ) else {
        return;
    };
    here.let_nobody_in();
    let arguments = ["tcp-connect", "--json", "-W", "20", "[fe80::97%va]:80"];
    for ended in [run(&mut here.netdiag(&arguments)), run(&mut here.nobody(&arguments))] {
        let target = ended.target();
        assert_eq!(target["results"][0]["outcome"], "unreachable", "{ended:?}");
        let failure = &target["failure"];
        assert_eq!((&failure["icmp"]["type"], &failure["icmp"]["code"]), (&1.into(), &3.into()));
        let said = failure["message"].as_str().expect("a text");
        assert!(said.contains("this machine, whose neighbour did not answer"), "{said}");
    }
}

/// Names two addresses of the far host in the hosts file of a namespace.
fn name_both(lab: &Lab) {
    lab.here.run(
        "mount -t tmpfs none /mnt
         printf '10.9.2.2 dual.example\\nfd09:2::2 dual.example\\n' > /mnt/hosts
         mount --bind /mnt/hosts /etc/hosts",
    );
}

#[test]
fn g2_a_dead_family_costs_the_delay_of_happy_eyeballs() {
    let Some((lab, _services)) = lab() else { return };
    name_both(&lab);
    lab.far.run(
        "nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0; meta nfproto ipv6 tcp dport 80 drop; }; }
END",
    );
    let ended = connect(&lab.here, &["-W", "1.5", "-c", "2", "-i", "0.1", "dual.example:80"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let (document, target) = (ended.json(), ended.target());
    let race = &target["happy_eyeballs"];
    assert_eq!(race["order"], serde_json::json!(["fd09:2::2", "10.9.2.2"]), "{target:#}");
    assert_eq!(race["winner"], "10.9.2.2", "{target:#}");
    assert_eq!((&race["fallback_ms"], &target["address"]), (&250.0.into(), &race["winner"]));
    let open: Vec<_> = target["addresses"].as_array().expect("both").iter().collect();
    assert_eq!((&open[0]["state"], &open[1]["state"]), (&"timeout".into(), &"connected".into()));
    assert_eq!((&target["succeeded"], &target["timeouts"]), (&2.into(), &2.into()), "{target:#}");
    let finding = &document["findings"][0];
    let broken = document["findings"].as_array().expect("findings").iter();
    let broken = broken.clone().find(|one| one["code"] == "family-broken").unwrap_or(finding);
    assert_eq!(broken["evidence"]["family"], "ipv6", "{document:#}");
    assert_eq!(broken["evidence"]["fallback_ms"], 250.0, "{document:#}");

    let text = run(&mut lab.here.netdiag(&["tcp-connect", "-W", "1.2", "dual.example:80"]));
    let said = "= open on 1 of 2 addresses; a program would use 10.9.2.2 after ";
    let verdict = text.out.lines().last().expect("a verdict");
    assert!(verdict.starts_with(said), "{verdict}");
    assert!(verdict.ends_with("; IPv6 dead, fallback cost 250.0 ms"), "{verdict}");
    let one = connect(&lab.here, &["-4", "dual.example:80"]);
    assert_eq!(one.target()["addresses"].as_array().map(Vec::len), Some(1), "{one:?}");
}

#[test]
fn g2_of_two_families_that_answer_the_first_one_wins() {
    let Some((lab, _services)) = lab() else { return };
    name_both(&lab);
    let ended = connect(&lab.here, &["dual.example:80"]);
    let target = ended.target();
    let race = &target["happy_eyeballs"];
    assert_eq!((&race["winner"], &race["fallback_ms"]), (&"fd09:2::2".into(), &0.0.into()));
    assert_eq!(race["connect_ms"], target["addresses"][0]["connect_ms"], "{target:#}");
    assert!(ended.json()["findings"].as_array().is_some_and(Vec::is_empty), "{ended:?}");
}

/// What is asked for stands in the SYN that arrives: everything else is dropped there.
#[test]
fn g6_source_ttl_and_dscp_are_those_that_were_asked_for() {
    let Some((lab, _services)) = lab() else { return };
    lab.here.run("ip addr add 10.9.1.7/24 dev lab0; ip addr add fd09:1::7/64 dev lab0 nodad");
    lab.router.run("ip neigh flush all || true");
    lab.far.run(
        "nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0;
    ip saddr 10.9.1.7 tcp sport 4711 tcp dport 80 ip ttl 8 ip dscp ef accept
    ip6 saddr fd09:1::7 tcp sport 4711 tcp dport 80 ip6 hoplimit 8 ip6 dscp ef accept
    tcp dport 80 drop
}; }
END",
    );
    for (source, host) in [("10.9.1.7", "10.9.2.2"), ("fd09:1::7", "[fd09:2::2]")] {
        let to = format!("{host}:80");
        let options = ["-W", "3", "--source-port", "4711", "-t", "9", "--dscp", "ef", "-I", "lab0"];
        let ended = connect(&lab.here, &[&options[..], &["-S", source, &to]].concat());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let local = &ended.target()["results"][0]["local"];
        assert!(local.as_str().is_some_and(|local| local.ends_with(":4711")), "{ended:?}");
    }
}

/// No target fails for want of descriptors, however few there are.
#[test]
fn b22_many_targets_wait_for_the_few_descriptors_that_there_are() {
    let Some((lab, _services)) = lab() else { return };
    let script = format!("ulimit -n 40; exec {NETDIAG} tcp-connect --json 10.9.2.2:80,100-399");
    let ended = run(lab.here.command("sh").args(["-c", &script]));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("by the limit of open files"), "{ended:?}");
    let document = ended.json();
    let targets = document["targets"].as_array().expect("targets");
    assert_eq!(targets.len(), 301);
    assert!(targets.iter().skip(1).all(|target| target["refused"] == 1), "{document:#}");
    assert_eq!(targets[0]["succeeded"], 1, "{}", targets[0]);
    // One cause is one finding.
    assert_eq!(codes(&document), ["connection-refused"]);
    let evidence = &document["findings"][0]["evidence"];
    assert_eq!((&evidence["count"], &evidence["ports_omitted"]), (&300.into(), &280.into()));
}

/// Each is a usage error that names what is wrong, before anything is sent.
#[test]
fn ports_that_are_none_are_named() {
    for (arguments, said) in [
        (&["127.0.0.1"][..], "HOST:PORT `127.0.0.1`: a port is missing"),
        (&["127.0.0.1:"], "HOST:PORT `127.0.0.1:`: a port is missing"),
        (&["127.0.0.1:0"], "HOST:PORT `127.0.0.1:0`: `0` is no port"),
        (&["127.0.0.1:65536"], "`65536` is no port"),
        (&["127.0.0.1", "-80"], "unexpected argument"),
        (&["127.0.0.1", "0"], "HOST:PORT `127.0.0.1 0`: `0` is no port"),
        (&["127.0.0.1:90-80"], "the range 90-80 ends before it begins"),
        (&["127.0.0.1:80,,81"], "a port is missing"),
        (&["127.0.0.1:no-such-service"], "no service is called `no-such-service`"),
        (&["::1"], "HOST:PORT `::1`: a port is missing: `[::1]:443`"),
        (&["127.0.0.1/8:80"], "tcp-connect takes no network"),
        (&["224.0.0.1:80"], "a connection leads to one host, not to a group"),
        (&["0.0.0.0:80"], "the unspecified address is no destination"),
        (&["-6", "127.0.0.1:80"], "--ipv6: `127.0.0.1` is an IPv4 address"),
        (&["-S", "::1", "127.0.0.1:80"], "--source: ::1 cannot send to 127.0.0.1"),
        (&["--parallel", "0", "127.0.0.1:80"], "--parallel"),
        (&["--source-port", "0", "127.0.0.1:80"], "--source-port"),
        (&["-c", "0", "127.0.0.1:80"], "--count"),
        (&["-W", "0", "127.0.0.1:80"], "--timeout"),
        (&["--fail-if", "nothing>1", "127.0.0.1:80"], "--fail-if"),
    ] {
        for alias in ["tcp-connect", "tcp"] {
            let ended = run(Command::new(NETDIAG).arg(alias).args(arguments));
            assert_eq!(ended.code(), Some(2), "{arguments:?}: {ended:?}");
            assert!(ended.err.contains(said) && ended.out.is_empty(), "{arguments:?}: {ended:?}");
            assert_eq!(ended.err.lines().count(), 1, "{arguments:?}: {ended:?}");
        }
    }
}

#[test]
fn the_short_form_and_names_of_services_mean_the_same() {
    let Some((lab, _services)) = lab() else { return };
    lab.here.run(
        "mount -t tmpfs none /mnt
         printf 'own-service 80/tcp # ours\\nhttp 81/tcp\\n' > /mnt/services
         mount --bind /mnt/services /etc/services",
    );
    for (arguments, port) in [
        (&["10.9.2.2", "80"][..], 80),
        (&["10.9.2.2:80"], 80),
        (&["10.9.2.2", "own-service"], 80),
        (&["[fd09:2::2]", "80"], 80),
        (&["fd09:2::2", "80"], 80),
        (&["[fd09:2::2]:own-service"], 80),
        // What this machine says of a name counts more than what everybody says.
        (&["10.9.2.2:http"], 81),
    ] {
        let ended = connect(&lab.here, arguments);
        assert_eq!(ended.target()["port"], port, "{arguments:?}: {ended:?}");
        assert_eq!(ended.code(), Some(if port == 80 { 0 } else { 1 }), "{ended:?}");
    }
}

#[test]
fn a_stream_tells_each_attempt_and_ends_with_a_summary() {
    let Some((lab, _services)) = lab() else { return };
    let arguments = ["tcp-connect", "-o", "jsonl", "-c", "3", "-i", "0.05", "10.9.2.2", "80,81"];
    let ended = run(&mut lab.here.netdiag(&arguments));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let told = events(&ended.out);
    let of = |kind: &str| told.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((of("start"), of("resolved"), of("attempt"), of("summary")), (1, 2, 6, 1));
    assert_eq!((of("target"), of("finding"), of("outage")), (2, 1, 2), "{ended:?}");
    assert_eq!(told.last().expect("one")["type"], "summary");
    let first = told.iter().find(|event| event["type"] == "attempt").expect("one");
    assert_eq!(first["phases_ms"]["connect"], first["connect_ms"], "{first}");
    let csv = run(&mut lab.here.netdiag(&["tcp-connect", "-o", "csv", "10.9.2.2", "80,81"]));
    assert_eq!(csv.out.lines().count(), 3, "{csv:?}");
}
