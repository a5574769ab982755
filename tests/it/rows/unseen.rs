//! ICMPv6 datagram sockets: the kernel does not tell what this machine's own firewall drops. That no
//! packet came to an interface does (B6).

use crate::support::process::{Namespace, Process, has, run};
use serde_json::Value;
use std::io::Read;
use std::net::TcpListener;

/// Own requests to ::2 are dropped, every second one to ::3; ::4 is silent, and so is fd00::9, which
/// is no neighbour of anybody.
const FILTER: &str = "
    for address in ::2 ::3 ::4; do ip addr add $address/128 dev lo; done
    ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up
    ip addr add fd00::1/64 dev d0 nodad
    nft -f - <<'END'
    table inet t {
        chain o {
            type filter hook output priority 0
            ip6 daddr ::2 icmpv6 type echo-request drop
            ip6 daddr ::3 icmpv6 type echo-request numgen inc mod 2 1 drop
        }
        chain i { type filter hook input priority 0; ip6 daddr ::4 icmpv6 type echo-request drop; }
    }
END";

fn namespace() -> Option<Namespace> {
    if !has("nft") {
        return None;
    }
    let namespace = Namespace::new(FILTER)?;
    namespace.let_nobody_in();
    Some(namespace)
}

fn counts(target: &Value) -> [u64; 4] {
    ["attempted", "received", "lost", "local_errors"]
        .map(|key| target[key].as_u64().expect("a count"))
}

#[test]
fn b6_what_the_own_firewall_drops_is_no_loss() {
    let Some(namespace) = namespace() else { return };
    let ping = |host: &str| {
        let line = ["ping", "-6", "-c4", "-i.05", "-W.3", "--json", host];
        run(&mut namespace.nobody(&line))
    };
    let ended = ping("::2");
    let (target, document) = (ended.target(), ended.json());
    assert_eq!(target["method"]["socket"], "icmp-datagram", "{ended:?}");
    assert_eq!((ended.code(), counts(&target)), (Some(3), [4, 0, 0, 4]), "{ended:?}");
    let failure = &target["failure"];
    assert_eq!((&failure["stage"], &failure["reason"]), (&"send".into(), &"local-firewall".into()));
    let findings = document["findings"].as_array().expect("findings");
    assert_eq!((findings.len(), &findings[0]["code"]), (1, &"local-send-blocked".into()));
    let message = findings[0]["message"].as_str().expect("text");
    assert!(message.contains("it never came to an interface: blocked by a local"), "{message}");
    assert_eq!(findings[0]["advice"], "see the output rules: `nft list ruleset`");

    let ended = ping("::3");
    assert_eq!((ended.code(), counts(&ended.target())), (Some(0), [4, 2, 0, 2]), "{ended:?}");
    // What left is the network's to answer.
    let ended = ping("::4");
    assert_eq!((ended.code(), counts(&ended.target())), (Some(1), [4, 0, 4, 0]), "{ended:?}");
    let ended = ping("fd00::9");
    let target = ended.target();
    assert_eq!((ended.code(), &target["local_errors"]), (Some(1), &0.into()), "{ended:?}");
    let ended = ping("::1");
    assert_eq!((ended.code(), counts(&ended.target())), (Some(0), [4, 4, 0, 0]), "{ended:?}");
}

#[test]
fn b6_a_service_that_is_up_does_not_make_the_own_filter_one_of_the_target() {
    let Some(namespace) = namespace() else { return };
    let listener = namespace.inside(|| TcpListener::bind("[::]:8080").expect("a free port"));
    std::thread::spawn(move || {
        // Takes each connection and waits for its end.
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0]);
        }
    });
    let codes = |host: &str| {
        let line = ["ping", "-c4", "-i.1", "-W.3", "--proto", "icmp,tcp:8080", "--json", host];
        let ended = Process::start(&mut namespace.nobody(&line)).wait();
        let findings = ended.json()["findings"].as_array().expect("findings").clone();
        findings
            .iter()
            .map(|f| f["code"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(codes("::2"), ["local-send-blocked"]);
    assert_eq!(codes("::4"), ["icmp-filtered-service-up"]);
}
