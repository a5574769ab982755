//! Where the SYNs of `netdiag sweep` and `netdiag syn` leave from: of each target what the routes have
//! for it, and why there is nothing where there is nothing.

use super::network::Lab;
use super::sweeps::{HOSTS, counted, states, sweep};
use crate::support::process::{Ended, Namespace, run};
use serde_json::Value;

const SYN: [&str; 7] = ["--json", "--proto", "syn:9", "--retry", "0", "--timeout", "0.5"];

fn syns(namespace: &Namespace, targets: &[&str]) -> Ended {
    sweep(namespace, &[&SYN[..], targets].concat())
}

/// The target with this address.
fn of<'a>(document: &'a Value, address: &str) -> &'a Value {
    let mut all = document["targets"].as_array().expect("targets").iter();
    all.find(|it| it["address"] == address).unwrap_or_else(|| panic!("no {address}: {document:#}"))
}

/// Nobody listens on port 9 of the networks behind the router, which the far end has all of.
fn lab() -> Option<Lab> {
    let lab = Lab::new()?;
    lab.far.run(
        "ip route add local 10.9.8.0/24 dev lo; ip route add local 10.16.0.0/16 dev lo
         ip -6 route add local fd09:8::/64 dev lo",
    );
    lab.router.run(
        "ip route add 10.9.8.0/24 via 10.9.2.2; ip route add 10.16.0.0/16 via 10.9.2.2
         ip route add 10.9.77.0/24 via 10.9.1.2
         ip -6 route add fd09:8::/64 via fd09:2::2",
    );
    Some(lab)
}

#[test]
fn a_target_without_a_route_keeps_no_other_from_being_probed() {
    let Some(lab) = lab() else { return };
    lab.here.run(
        "ip route add 10.9.8.0/24 via 10.9.1.1; ip route add prohibit 10.9.8.1
         ip -6 route add prohibit fd09:8::2",
    );
    let ended = syns(&lab.here, &["10.9.8.0/24"]);
    assert_eq!(
        states(&ended.json()),
        counted([("not-sent", 1), ("refused", 253)]),
        "{}",
        ended.err
    );
    let reason = |ended: &Ended, address| of(&ended.json(), address)["failure"]["reason"].clone();
    assert_eq!(reason(&ended, "10.9.8.1"), "prohibited");
    let ended = syns(&lab.here, &["fd09:8::2", "fd09:8::4"]);
    assert_eq!(states(&ended.json()), counted([("not-sent", 1), ("refused", 1)]), "{ended:?}");
    assert_eq!(reason(&ended, "fd09:8::2"), "prohibited");
    let ended = run(&mut lab.here.netdiag(&["syn", "--json", "10.9.8.1-5:9"]));
    let document = ended.json();
    for (place, state) in ["not-sent", "closed", "closed", "closed", "closed"].iter().enumerate() {
        assert_eq!(document["targets"][place]["ports"][0]["state"], *state, "{document:#}");
    }
}

/// Of 65,536 addresses it is not asked for each, and the routes within them count all the same.
#[test]
fn each_syn_leaves_from_where_the_route_to_its_target_says() {
    let Some(lab) = lab() else { return };
    lab.here.run(
        "ip addr add 10.9.77.1/32 dev lo; ip addr add 10.9.77.2/32 dev lo
         ip route add 10.16.0.0/17 via 10.9.1.1 src 10.9.77.1
         ip route add 10.16.77.128/25 via 10.9.1.1 src 10.9.77.2
         ip route add prohibit 10.16.77.200; ip route add blackhole 10.16.255.0/24
         ip rule add to 10.16.200.0/24 lookup 77 prio 100
         ip route add 10.16.200.0/24 via 10.9.1.1 src 10.9.77.2 table 77
         nft -f - <<'END'
table ip t {
    counter one { }
    counter two { }
    counter own { }
    chain o { type filter hook output priority 0;
        ip saddr 10.9.77.1 tcp dport 9 counter name one
        ip saddr 10.9.77.2 tcp dport 9 counter name two
        ip saddr 10.9.1.2 tcp dport 9 counter name own
    }
}
END",
    );
    let arguments = ["--rate", "20000", "-q", "--proto", "syn:9", "--retry", "0", "10.16.0.0/16"];
    let ended = sweep(&lab.here, &arguments);
    let counted = |name: &str| {
        let told = lab.here.run(&format!("nft list counter ip t {name}"));
        let count = told.split_whitespace().skip_while(|word| *word != "packets").nth(1);
        count.and_then(|count| count.parse::<u64>().ok()).expect("a counter")
    };
    let (one, two, own) = (counted("one"), counted("two"), counted("own"));
    // The network's own address, and 128 with 10.16.77.200; 127 and the network behind the rule.
    assert_eq!((one, two), (32_768 - 1 - 128, 127 + 256), "{ended:?}");
    // The other half but for that network, the blackhole, which has the last address.
    assert_eq!(own, 32_768 - 256 - 256, "{ended:?}");
}

#[test]
fn the_order_of_targets_does_not_matter() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    // What comes to the first half is dropped, answers to its addresses too.
    for targets in [["10.9.3.1", "10.9.3.129"], ["10.9.3.129", "10.9.3.1"]] {
        let document = syns(&namespace, &targets).json();
        assert_eq!(of(&document, "10.9.3.1")["state"], "timeout", "{document:#}");
        assert_eq!(of(&document, "10.9.3.129")["state"], "refused", "{document:#}");
    }
}

#[test]
fn why_a_syn_did_not_leave_is_what_other_probes_say() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    namespace.run(
        "ip route add blackhole 10.9.5.0/24; ip route add unreachable 10.9.6.0/24
         ip link add d0 type dummy; ip addr add 10.9.7.1/24 brd + dev d0; ip link set d0 up",
    );
    let targets = ["10.9.4.1", "10.9.5.1", "10.9.6.1", "192.0.2.1", "10.9.7.255"];
    let why = |document: &Value| {
        targets.map(|target| {
            let found = of(document, target);
            assert_eq!(found["state"], "not-sent", "{document:#}");
            found["failure"]["reason"].as_str().expect("a reason").to_owned()
        })
    };
    for manner in [&[][..], &["-c", "2", "--interval", "0.1"]] {
        let base = ["--json", "--timeout", "0.5"];
        let by = |proto: &str| {
            let words = [&base[..], &["--proto", proto], manner, &targets].concat();
            sweep(&namespace, &words).json()
        };
        assert_eq!(why(&by("syn:9")), why(&by("icmp")));
    }
}
