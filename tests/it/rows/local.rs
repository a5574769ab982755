//! What this machine itself refuses to send is said as such and is no loss (B6, B7).

use super::network::Lab;
use crate::support::process::{Ended, Namespace, Process, has, run, stopwatch};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Firewall rules and routes for what is in [`REFUSED`].
const SETUP: &str = "
    ip address add fd09::8/128 dev lo nodad; ip address add fd09::9/128 dev lo nodad
    ip route add prohibit 10.3.0.1; ip route add prohibit fd0b::1
    ip route add blackhole 10.3.0.2; ip route add blackhole fd0b::2
    ip route add unreachable 10.3.0.3; ip route add unreachable fd0b::3
    nft -f - <<'END'
table inet t { chain o { type filter hook output priority 0;
    ip daddr 127.0.0.9 drop; ip daddr 127.0.0.8 reject
    ip6 daddr fd09::9 drop; ip6 daddr fd09::8 reject
}; }
END";

const FIREWALL: (&str, i32, &str) = ("EPERM", 1, "blocked by a local firewall rule");
const PROHIBIT: (&str, i32, &str) = ("EACCES", 13, "a prohibit route");
const BLACKHOLE: (&str, i32, &str) = ("EINVAL", 22, "a blackhole route");
const UNREACHABLE: (&str, i32, &str) = ("EHOSTUNREACH", 113, "a local route rejects");
const NO_ROUTE: (&str, i32, &str) = ("ENETUNREACH", 101, "no route from this machine");

/// A host, and what refuses packets to it: error name, number and words.
const REFUSED: [(&str, (&str, i32, &str)); 12] = [
    ("127.0.0.9", FIREWALL),
    ("127.0.0.8", FIREWALL),
    ("10.3.0.1", PROHIBIT),
    ("10.3.0.2", BLACKHOLE),
    ("10.3.0.3", UNREACHABLE),
    ("10.4.0.1", NO_ROUTE),
    ("fd0b::1", PROHIBIT),
    ("fd0b::2", BLACKHOLE),
    ("fd0b::3", UNREACHABLE),
    ("fd0c::1", NO_ROUTE),
    // Of these the kernel tells raw sockets only.
    ("fd09::9", FIREWALL),
    ("fd09::8", FIREWALL),
];

#[test]
fn b6_what_refuses_is_named_in_either_mode() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run(SETUP);
    for is_root in [true, false] {
        let told = if is_root { &REFUSED[..] } else { &REFUSED[..10] };
        let mut arguments = vec!["ping", "-c", "2", "-i", "0.02", "-W", "1"];
        arguments.extend(told.iter().map(|(host, _)| *host));
        let netdiag = |arguments: &[&str]| {
            run(&mut if is_root {
                namespace.netdiag(arguments)
            } else {
                namespace.nobody(arguments)
            })
        };
        let text = netdiag(&arguments);
        arguments.push("--json");
        let json = netdiag(&arguments);
        assert_eq!((text.code(), json.code()), (Some(3), Some(3)), "{text:?} {json:?}");
        for (index, (host, what)) in told.iter().enumerate() {
            check_refused(&json, index, host, *what);
            let (name, number, words) = what;
            let line = text.out.lines().find(|line| {
                line.contains("not sent: ") && line.contains(host) && line.contains(words)
            });
            let line = line.unwrap_or_else(|| panic!("{host}: {text:?}"));
            assert!(line.ends_with(&format!("({name} {number})")), "{line}");
        }
    }
}

/// The target of a document to which nothing could be sent, twice.
fn check_refused(json: &Ended, index: usize, host: &str, (name, number, words): (&str, i32, &str)) {
    let document = json.json();
    let target = &document["targets"][index];
    assert_eq!(target["target"], host, "{target}");
    for (key, expected) in
        [("attempted", 2), ("local_errors", 2), ("sent", 0), ("lost", 0), ("received", 0)]
    {
        assert_eq!(target[key], expected, "{key}: {target}");
    }
    assert_eq!(target["loss_percent"], Value::Null, "{target}");
    for failure in [&target["failure"], &target["probes"][1]["failure"]] {
        assert_eq!(failure["errno"]["name"], name, "{target}");
        assert!(failure["message"].as_str().is_some_and(|said| said.contains(words)), "{target}");
    }
    let findings = document["findings"].as_array().expect("a list");
    let finding = findings
        .iter()
        .find(|finding| finding["target_index"] == index && finding["code"] == "local-send-blocked")
        .unwrap_or_else(|| panic!("{host}: {findings:?}"));
    assert_eq!(finding["severity"], "critical", "{finding}");
    let evidence = &finding["evidence"];
    assert_eq!(evidence["errno"], name, "{finding}");
    assert_eq!(evidence["errno_number"], number, "{finding}");
    for key in ["count", "local_errors", "attempted"] {
        assert_eq!(evidence[key], 2, "{finding}");
    }
}

#[test]
fn b6_what_an_icmpv6_datagram_socket_is_not_told_is_said_to_be_unknown() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run(SETUP);
    for host in ["fd09::9", "fd09::8"] {
        // Without stamps, as on kernels before Linux 6.13; with them: rows/unseen.rs.
        let arguments = ["ping", "-U", "-c", "3", "-i", "0.02", "-W", "0.1", "--json", host];
        let ended = run(&mut namespace.nobody(&arguments));
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let finding = &ended.json()["findings"][0];
        assert_eq!(finding["code"], "no-reply", "{ended:?}");
        let said = finding["message"].as_str().expect("text");
        assert!(said.contains("whether they left this machine is not known"), "{said}");
        let advice = finding["advice"].as_str().expect("text");
        assert!(advice.contains("nft list ruleset"), "{advice}");
        let lost = &ended.target()["method"]["lost"];
        assert!(lost.to_string().contains("firewall"), "{lost}");
    }
}

#[test]
fn b6_a_rule_that_comes_and_goes_is_no_loss_and_the_run_goes_on() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    for (host, is_root) in [("127.0.0.9", true), ("::1", true), ("127.0.0.9", false)] {
        let start = |form: &str| {
            let arguments = ["ping", "-i", "0.05", "-c", "40", "-o", form, host];
            Process::start(&mut if is_root {
                namespace.netdiag(&arguments)
            } else {
                namespace.nobody(&arguments)
            })
        };
        let (json, text) = (start("json"), start("text"));
        text.until_out(|out| out.contains("icmp_seq=5 "));
        let ip = if host.contains(':') { "ip6" } else { "ip" };
        let since = stopwatch();
        namespace.run(&format!(
            "nft 'table inet t {{ chain o {{ type filter hook output priority 0; \
             {ip} daddr {host} drop; }}; }}'"
        ));
        text.until_out(|out| out.contains("icmp_seq=20 "));
        namespace.run("nft delete table inet t");
        let took = since().as_secs_f64();
        let (json, text) = (json.wait(), text.wait());
        assert!(text.out.contains(" 0% packet loss"), "{text:?}");
        assert_eq!((json.code(), text.code()), (Some(0), Some(0)), "{json:?}");
        check_gap(&json, took);
    }
}

/// Forty probes, one stretch of which met the firewall, for as long as it stood.
fn check_gap(json: &Ended, took: f64) {
    let target = json.target();
    let count = |key: &str| target[key].as_u64().expect("a number");
    assert_eq!((count("attempted"), count("lost"), count("net_errors")), (40, 0, 0), "{json:?}");
    assert_eq!(count("sent") + count("local_errors"), 40, "{json:?}");
    assert_eq!(count("received"), count("sent"), "{json:?}");
    assert_eq!(target["loss_percent"], 0.0, "{json:?}");
    let outcomes: Vec<bool> = target["probes"]
        .as_array()
        .expect("probes")
        .iter()
        .map(|probe| probe["outcome"] == "local-error")
        .collect();
    let changes = outcomes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 2, "one stretch: {outcomes:?}");
    let blocked = count("local_errors");
    assert!(blocked >= 5, "{json:?}");
    // It sends again with the next probe.
    assert!((blocked as f64) * 0.05 <= took + 0.05, "{blocked} probes in {took} s: {json:?}");
}

/// Routers that answer for hosts behind them, by errors that the next send of a socket returns.
const REJECTS: &str = "
    nft -f - <<'END'
table inet t { chain f { type filter hook forward priority 0;
    ip daddr 10.9.2.10 reject with icmp type host-unreachable
    ip daddr 10.9.2.11 reject with icmp type port-unreachable
    ip6 daddr fd09:2::10 reject with icmpv6 type addr-unreachable
    ip6 daddr fd09:2::11 reject with icmpv6 type port-unreachable
}; }
END";

#[test]
fn b7_the_error_of_one_probe_is_not_the_failure_of_the_next() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    lab.router.run(REJECTS);
    for hosts in [["10.9.2.10", "10.9.2.11", "10.9.2.2"], ["fd09:2::10", "fd09:2::11", "fd09:2::2"]]
    {
        let arguments = ["ping", "-c", "50", "-i", "0.01", "-W", "5", "--json"];
        let arguments = [&arguments[..], &hosts].concat();
        for (socket, mut command) in
            [("raw", lab.here.netdiag(&arguments)), ("icmp-datagram", lab.here.nobody(&arguments))]
        {
            let ended = run(&mut command);
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            let document = ended.json();
            for (index, expected) in [(50, 0), (50, 0), (0, 50)].into_iter().enumerate() {
                let target = &document["targets"][index];
                assert_eq!(target["method"]["socket"], socket, "{target}");
                assert_eq!((&target["sent"], &target["local_errors"]), (&50.into(), &0.into()));
                let seen = ["net_errors", "received"].map(|key| target[key].as_u64());
                assert_eq!(seen, [Some(expected.0), Some(expected.1)], "{target}");
                assert_eq!(target["lost"], 0, "{target}");
                assert_eq!(target["unknown"], 0, "{target}");
            }
        }
    }
}

#[test]
fn b6_a_run_that_is_refused_throughout_ends_by_its_signal_with_what_was_refused() {
    let Some(namespace) = Namespace::loopback() else { return };
    let process = Process::start(&mut namespace.netdiag(&["ping", "-i", "0.05", "10.4.0.1"]));
    process.until_out(|out| out.contains("icmp_seq=5 "));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.out.contains("= not measured: no probe left this machine"), "{ended:?}");
    assert!(!ended.out.contains("packet loss"), "{ended:?}");
}

/// A route by way of a router is none to `-r`, and it is that which is told.
#[test]
fn b6_past_every_router_it_is_r_that_keeps_a_probe_here() {
    let Some(namespace) = Namespace::new(
        "ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up
         ip addr add 10.1.0.1/24 dev d0
         ip route add 10.2.0.0/16 via 10.1.0.2",
    ) else {
        return;
    };
    let said = "-r bypasses routers, and no directly attached network has this address";
    for proto in ["icmp", "udp:9"] {
        let line = ["ping", "-r", "-c", "3", "-i", "0.05", "--proto", proto, "10.2.0.9"];
        let ended = run(&mut namespace.netdiag(&line));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let line_said = format!("not sent: {said} (ENETUNREACH 101)");
        assert!(ended.out.contains(&line_said), "{ended:?}");
        let ended = run(namespace.netdiag(&line).arg("--json"));
        let (document, target) = (ended.json(), ended.target());
        let failure = &target["failure"];
        assert_eq!((&target["sent"], &target["local_errors"]), (&0.into(), &3.into()));
        assert_eq!(
            (&failure["stage"], &failure["reason"]),
            (&"route".into(), &"not-attached".into())
        );
        assert_eq!(failure["message"], line_said, "{ended:?}");
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "local-send-blocked", "{ended:?}");
        assert_eq!(finding["advice"], "leave out -r; by which router: `ip route get 10.2.0.9`");
        assert!(finding["message"].as_str().expect("text").contains(said), "{ended:?}");
    }
    // Without it the same error number means what it says.
    let ended = run(&mut namespace.netdiag(&["ping", "-c", "1", "192.0.2.1"]));
    assert!(ended.out.contains("no route from this machine (ENETUNREACH 101)"), "{ended:?}");
    // What is attached is reached.
    let ended = run(&mut namespace.netdiag(&["ping", "-r", "-c", "1", "10.1.0.1"]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}
