//! Connections, and probes that stand in for others, which this machine's own firewall keeps from
//! leaving: no loss, and not the target's doing (B6, finding `local-firewall`).

use super::network::Lab;
use super::seccomp::{filtered, only_tcp};
use crate::support::process::{Ended, run};
use serde_json::Value;
use std::net::TcpListener;

/// What the own firewall does with connections to a port; nothing with those to port 80.
const RULES: &str = "
    nft -f - <<'END'
table inet t { chain o { type filter hook output priority 0;
    tcp dport 81 drop
    tcp dport 82 reject with tcp reset
    tcp dport 83 reject
    tcp dport 84 reject with icmpx type admin-prohibited
}; }
END";

const FAR: [&str; 2] = ["10.9.2.2", "fd09:2::2"];

/// A lab whose far host serves port 80.
fn lab() -> Option<(Lab, TcpListener)> {
    let lab = Lab::new()?;
    lab.here.let_nobody_in();
    let service = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    Some((lab, service))
}

/// As root and as nobody.
fn as_both(lab: &Lab, arguments: &[&str]) -> [Ended; 2] {
    [run(&mut lab.here.netdiag(arguments)), run(&mut lab.here.nobody(arguments))]
}

fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect()
}

/// Nothing was lost, nothing was sent, and this machine is the cause.
fn check_local(ended: &Ended, count: u64) {
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    let (document, target) = (ended.json(), ended.target());
    for (key, expected) in [
        ("attempted", count),
        ("local_errors", count),
        ("sent", 0),
        ("lost", 0),
        ("net_errors", 0),
        ("received", 0),
    ] {
        assert_eq!(target[key], expected, "{key}: {ended:?}");
    }
    assert_eq!(target["loss_percent"], Value::Null, "{ended:?}");
    assert_eq!(target["failure"]["reason"], "local-firewall", "{ended:?}");
    assert_eq!(codes(&document), ["local-firewall"], "{ended:?}");
    let finding = &document["findings"][0];
    assert_eq!(finding["severity"], "critical", "{finding}");
    assert_eq!(finding["evidence"]["count"], count, "{finding}");
}

#[test]
fn b6_a_syn_that_the_own_firewall_drops_is_no_loss() {
    let Some((lab, _service)) = lab() else { return };
    lab.here.run(RULES);
    for host in FAR {
        let arguments = ["ping", "--json", "--proto", "tcp:81", "-c", "2", "-i", "0.1", host];
        for ended in as_both(&lab, &arguments) {
            check_local(&ended, 2);
        }
        // The rule is about one port, and does not hide what the others do.
        let arguments = ["ping", "--json", "--proto", "tcp:80", "-c", "2", "-i", "0.1", host];
        for ended in as_both(&lab, &arguments) {
            assert_eq!(ended.code(), Some(0), "{ended:?}");
        }
    }
}

#[test]
fn b6_a_syn_that_the_own_firewall_rejects_is_not_refused_by_the_target() {
    let Some((lab, _service)) = lab() else { return };
    lab.here.run(RULES);
    for host in FAR {
        for port in ["tcp:82", "tcp:83", "tcp:84"] {
            let arguments = ["ping", "--json", "--proto", port, "-c", "3", "-i", "0.05", host];
            for ended in as_both(&lab, &arguments) {
                check_local(&ended, 3);
            }
        }
    }
}

/// The kernel tells of a SYN that was dropped when it would send it again, after a second.
#[test]
fn b6_whether_a_syn_left_is_said_to_be_unknown_where_the_timeout_is_too_short() {
    let Some((lab, _service)) = lab() else { return };
    lab.here.run(RULES);
    for host in FAR {
        let arguments =
            ["ping", "--json", "--proto", "tcp:81", "-c", "3", "-i", "0.05", "-W", "0.3", host];
        for ended in as_both(&lab, &arguments) {
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            let document = ended.json();
            assert_eq!(codes(&document), ["connection-filtered"], "{ended:?}");
            let finding = &document["findings"][0];
            let said = finding["message"].as_str().expect("text");
            assert!(said.contains("whether they left this machine is not known"), "{said}");
            let advice = finding["advice"].as_str().expect("text");
            assert!(advice.contains("nft list ruleset"), "{advice}");
        }
    }
}

/// A sweep tells it once for all targets, in a series as for one answer.
#[test]
fn b6_a_sweep_tells_what_the_own_firewall_does_once() {
    let Some((lab, _service)) = lab() else { return };
    lab.here.run(RULES);
    let series = ["-c", "3", "--interval", "0.05"];
    for (port, more) in
        [("tcp:81", &[][..]), ("tcp:82", &[]), ("tcp:83", &series), ("tcp:84", &series)]
    {
        let arguments = ["sweep", "--json", "--timeout", "2", "--proto", port];
        let arguments = [&arguments[..], more, &FAR].concat();
        for ended in as_both(&lab, &arguments) {
            assert_eq!(ended.code(), Some(3), "{ended:?}");
            let document = ended.json();
            assert_eq!(codes(&document), ["local-firewall"], "{document:#}");
            let finding = &document["findings"][0];
            assert_eq!(finding["severity"], "critical", "{finding}");
            assert_eq!(finding["evidence"]["targets"], 2, "{finding}");
            // In the order in which it was known of them.
            let mut first = finding["evidence"]["first"].as_array().expect("targets").clone();
            first.sort_by_key(|target| target.to_string());
            assert_eq!(first, FAR.map(Value::from), "{finding}");
            assert!(finding["advice"].is_string(), "{finding}");
            for target in document["targets"].as_array().expect("targets") {
                assert_eq!(target["state"], "not-sent", "{target}");
            }
        }
    }
    let arguments = [&["sweep", "--json", "--timeout", "0.3", "--proto", "tcp:81"], &FAR[..]];
    for ended in as_both(&lab, &arguments.concat()) {
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert_eq!(codes(&ended.json()), ["connection-filtered"], "{ended:?}");
        assert!(ended.out.contains("whether they left this machine is not known"), "{ended:?}");
    }
}

/// The same rules at the target are its own: the evidence tells them from ours.
#[test]
fn what_the_target_drops_and_refuses_is_still_its_doing() {
    let Some((lab, _service)) = lab() else { return };
    lab.far.run(&RULES.replace("hook output", "hook input"));
    for host in FAR {
        for (port, code, counter) in [
            ("tcp:81", "connection-filtered", "lost"),
            ("tcp:82", "connection-refused", "net_errors"),
            ("tcp:84", "connection-prohibited", "net_errors"),
            ("tcp:85", "connection-refused", "net_errors"),
        ] {
            let arguments = ["ping", "--json", "--proto", port, "-c", "3", "-i", "0.05", host];
            for ended in as_both(&lab, &arguments) {
                assert_eq!(ended.code(), Some(1), "{ended:?}");
                assert_eq!(ended.target()[counter], 3, "{ended:?}");
                let document = ended.json();
                assert_eq!(codes(&document), [code], "{ended:?}");
                let said = document["findings"][0]["message"].as_str().expect("text");
                assert!(!said.contains("not known"), "the SYNs left: {said}");
            }
        }
    }
}

/// A port of this machine that nobody listens on refuses over the loopback interface, too.
#[test]
fn a_refusal_by_this_machine_as_the_target_is_the_targets() {
    let Some((lab, _service)) = lab() else { return };
    for host in ["127.0.0.1", "127.0.0.9", "::1", "10.9.1.2", "fd09:1::2"] {
        let arguments = ["ping", "--json", "--proto", "tcp:85", "-c", "2", "-i", "0.05", host];
        for ended in as_both(&lab, &arguments) {
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            assert_eq!(codes(&ended.json()), ["connection-refused"], "{ended:?}");
        }
    }
}

/// The refusal of a stand-in is an answer only if the target gave it.
#[test]
fn b6_what_stands_in_for_icmp_is_not_answered_by_the_own_firewall() {
    let Some((lab, _service)) = lab() else { return };
    for rule in
        ["udp dport 33434 reject; tcp dport 443 reject", "tcp dport 443 reject with tcp reset"]
    {
        lab.here.run(&format!(
            "nft -f - <<'END'
table inet t
delete table inet t
table inet t {{ chain o {{ type filter hook output priority 0; {rule}; }}; }}
END
             echo '1 0' > /proc/sys/net/ipv4/ping_group_range"
        ));
        for host in FAR {
            let arguments = ["ping", "--json", "-c", "3", "-i", "0.05", host];
            let by_tcp = filtered(&lab.here, &[only_tcp()], &arguments);
            assert_eq!(by_tcp.target()["protocol"], "tcp", "{by_tcp:?}");
            check_local(&by_tcp, 3);
            if !rule.contains("udp") {
                continue;
            }
            let by_udp = run(&mut lab.here.nobody(&arguments));
            let target = by_udp.target();
            assert_eq!(target["protocol"], "udp", "{by_udp:?}");
            assert_eq!(by_udp.code(), Some(3), "{by_udp:?}");
            let counts = ["local_errors", "received", "lost", "net_errors"];
            let counted = counts.map(|key| target[key].as_u64().expect("a number"));
            assert_eq!(counted, [3, 0, 0, 0], "{by_udp:?}");
            assert_eq!(codes(&by_udp.json()), ["local-send-blocked"], "{by_udp:?}");
        }
    }
}

/// What no probe of a trace came past is neither a silent path nor a closed port.
#[test]
fn b6_a_trace_by_connections_tells_of_the_own_firewall() {
    let Some((lab, _service)) = lab() else { return };
    lab.here.run(RULES);
    for (host, port) in FAR.into_iter().flat_map(|host| [(host, "81"), (host, "82")]) {
        let arguments = ["trace", "--json", "--tcp", "--port", port, "-q", "1", host];
        for ended in as_both(&lab, &arguments) {
            assert_eq!(ended.code(), Some(3), "{ended:?}");
            let (document, target) = (ended.json(), ended.target());
            assert_eq!(codes(&document), ["local-firewall"], "{ended:?}");
            assert_eq!(target["stop_reason"], "local-error", "{ended:?}");
            assert_eq!(target["failure"]["reason"], "local-firewall", "{ended:?}");
            assert_eq!(document["ended_by"], "done", "{ended:?}");
            let hops = target["hops"].as_array().expect("hops");
            let sent = hops.iter().filter_map(|hop| hop["sent"].as_u64()).sum::<u64>();
            assert_eq!(sent, 0, "{ended:?}");
        }
    }
}

/// Rules that are gone before the SYN is sent again: so many SYNs meet them, the probe's own first.
fn short_lived(port: u16, syns: u8, and: &str) -> String {
    format!(
        "nft -f - <<'END'
table inet t
delete table inet t
table inet t {{ chain o {{ type filter hook output priority 0;
    tcp dport {port} meta mark 0 limit rate {syns}/day burst {syns} packets {and} reject with tcp reset
}}; }}
END"
    )
}

/// The own firewall may reset a connection by a rule that is gone before a SYN is sent again.
#[test]
fn b6_what_a_rule_that_is_soon_gone_resets_is_not_refused_by_the_target() {
    let Some((lab, _service)) = lab() else { return };
    // It is gone when a third or fourth try is made, or when a SYN is sent again.
    for (syns, host) in [3, 4, 5].into_iter().flat_map(|syns| FAR.map(|host| (syns, host))) {
        let arguments = ["ping", "--json", "--proto", "tcp:80", "-c", "1", "-W", "3", host];
        for mut command in [lab.here.netdiag(&arguments), lab.here.nobody(&arguments)] {
            lab.here.run(&short_lived(80, syns, ""));
            check_local(&run(&mut command), 1);
        }
        lab.here.run(&short_lived(80, syns, ""));
        let arguments = ["trace", "--json", "--tcp", "--port", "80", "-q", "1", "-f", "2", host];
        let ended = run(&mut lab.here.nobody(&[&arguments[..], &["-m", "2"]].concat()));
        let hops = &ended.target()["hops"];
        assert_eq!(hops[0]["local_errors"], 1, "{ended:?}");
        assert_eq!(hops[0]["net_errors"], 0, "{ended:?}");
    }
}

/// Where the evidence is not enough nobody is blamed.
#[test]
fn b6_a_reset_that_may_be_the_own_firewalls_is_of_unknown_cause() {
    let Some((lab, _service)) = lab() else { return };
    // One SYN is reset, and the next one is answered; or a copy of each one leaves, and is refused.
    for (port, syns, and) in
        [(80, 1, ""), (80, 2, ""), (86, 5, "meta mark set 7 dup to {} device lab0")]
    {
        for host in FAR {
            let router = if host.contains(':') { "fd09:1::1" } else { "10.9.1.1" };
            let family = if host.contains(':') { "ip6" } else { "ip" };
            let rules = short_lived(port, syns, &and.replace("{}", router));
            lab.here.run("nft flush ruleset");
            lab.here.run(&rules.replace("inet", family));
            let port = format!("tcp:{port}");
            let arguments = ["ping", "--json", "--proto", &port, "-c", "1", "-W", "3", host];
            let ended = run(&mut lab.here.nobody(&arguments));
            let target = ended.target();
            let counts = ["sent", "unknown", "lost", "net_errors", "local_errors"];
            let counted = counts.map(|key| target[key].as_u64().expect("a number"));
            assert_eq!(counted, [1, 1, 0, 0, 0], "{port} {host}: {ended:?}");
            assert_eq!(target["probes"][0]["outcome"], "unknown", "{ended:?}");
        }
    }
}
