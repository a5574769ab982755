//! Groups (B27): broadcast and multicast in a network of three hosts, counted host by host.

use crate::support::process::{Ended, Namespace, Process, run};
use nix::sys::signal::Signal;
use serde_json::Value;

/// This machine on a bridge with three hosts that answer groups, 10.9.0.2 to 10.9.0.4. It is itself a
/// host that answers ff02::1.
pub(super) const NETWORK: &str = "
    mount -t tmpfs none /run; mkdir /run/netns
    ip link add br0 type bridge mcast_snooping 0
    ip addr add 10.9.0.1/24 dev br0; ip addr add fd09::1/64 dev br0
    ip link set br0 up
    for host in 2 3 4; do
        ip netns add h$host
        ip link add p$host type veth peer name e0 netns h$host
        ip link set p$host master br0 up
        ip netns exec h$host sh -ec '
            echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts
            echo 0 > /proc/sys/net/ipv6/conf/e0/accept_dad'
        ip -n h$host addr add 10.9.0.$host/24 dev e0
        ip -n h$host addr add fe80::$host/64 dev e0
        ip -n h$host link set e0 up
    done
    for host in 2 3 4; do
        left=100
        until ip netns exec h$host ip -6 addr show dev e0 scope link -tentative | grep -q fe80 &&
            ping -nqc1 -W1 10.9.0.$host > /dev/null && ping -nqc1 -W1 fe80::$host%br0 > /dev/null; do
            left=$((left - 1)); [ $left -gt 0 ]
        done
    done
";

/// What it says without the option, or with another mistake.
const MISTAKES: &[(&[&str], &str)] = &[
    (&["10.9.0.255"], "a broadcast address, which needs --broadcast"),
    (&["--multicast", "10.9.0.255"], "no host is a multicast group"),
    (&["255.255.255.255"], "needs --broadcast"),
    (&["224.0.0.1"], "a multicast group, which needs --multicast"),
    (&["--broadcast", "ff02::1%br0"], "needs --multicast"),
    (&["--multicast", "ff02::1"], "`ff02::1%eth0` or --interface"),
    (&["--broadcast", "-i", "0.9", "10.9.0.255"], "--interval: "),
    (&["--broadcast", "-A", "10.9.0.255"], "--adaptive: "),
    (&["--broadcast", "-f", "10.9.0.255"], "--flood: "),
    (&["--broadcast", "-l", "2", "10.9.0.255"], "--preload: "),
    (&["--multicast", "-s", "15", "-I", "br0", "224.0.0.1"], "--size: at least 16"),
    (&["--multicast", "--proto", "udp", "-I", "br0", "224.0.0.1"], "only with --proto icmp"),
    (&["--multicast", "--backend", "portable", "224.0.0.1"], "portable cannot do it"),
];

fn ping(namespace: &Namespace, arguments: &[&str]) -> Ended {
    run(namespace.netdiag(&["ping", "-n", "-W", "0.5"]).args(arguments))
}

/// The hosts of a target with what each answered: in time, late, again.
fn sources(target: &Value) -> Vec<(String, [u64; 3])> {
    let rows = target["sources"].as_array().expect("sources").iter();
    rows.map(|row| {
        let counts = ["received", "late", "duplicates"].map(|name| row[name].as_u64().expect(name));
        (row["from"].as_str().expect("an address").to_owned(), counts)
    })
    .collect()
}

fn three(counts: [[u64; 3]; 3]) -> Vec<(String, [u64; 3])> {
    (2..).zip(counts).map(|(host, counts)| (format!("10.9.0.{host}"), counts)).collect()
}

#[test]
fn b27_each_host_of_a_group_is_counted_and_none_is_a_duplicate() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    for (arguments, cast) in [
        (&["--broadcast", "10.9.0.255"][..], "broadcast"),
        (&["--broadcast", "-I", "br0", "255.255.255.255"], "broadcast"),
        (&["--multicast", "-I", "br0", "224.0.0.1"], "multicast"),
    ] {
        let ended = ping(&namespace, &[&["-c2", "--json"], arguments].concat());
        let target = ended.target();
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(target["cast"], cast, "{ended:?}");
        assert_eq!((&target["sent"], &target["received"]), (&2.into(), &2.into()), "{ended:?}");
        assert_eq!((&target["lost"], &target["duplicates"]), (&0.into(), &0.into()), "{ended:?}");
        assert_eq!(target["rtt_ms"]["samples"], 2, "a probe counts once: {ended:?}");
        assert_eq!(target["responders"], 3, "{ended:?}");
        assert_eq!(sources(&target), three([[2, 0, 0]; 3]), "{ended:?}");
        assert_eq!(target["rejected"], serde_json::json!({}), "{ended:?}");
        assert!(ended.json()["elapsed_ms"].as_f64() >= Some(1_500.0), "the last is heard out");
    }
}

#[test]
fn b27_a_group_of_a_link_is_reached_by_its_interface() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    for way in [&["ff02::1%br0"][..], &["-I", "br0", "ff02::1"]] {
        let ended = ping(&namespace, &[&["-c1", "--multicast", "--json"], way].concat());
        let target = ended.target();
        assert_eq!((ended.code(), &target["responders"]), (Some(0), &4.into()), "{ended:?}");
        let found = sources(&target);
        // Each of the others has an address of its choice beside fe80::2 to fe80::4; this machine too.
        assert!(found.iter().all(|(from, _)| from.starts_with("fe80::")), "{ended:?}");
        assert!(found.iter().all(|(_, counts)| *counts == [1, 0, 0]), "{ended:?}");
        assert_eq!((&target["received"], &target["duplicates"]), (&1.into(), &0.into()));
        assert_eq!(ended.json()["findings"], serde_json::json!([]), "{ended:?}");
    }
}

/// One host drops every second request, one answers twice.
#[test]
fn b27_what_one_host_loses_or_repeats_is_told_of_that_host() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    namespace.run(
        "ip netns exec h3 nft -f - <<'END'
table inet t {
    chain i { type filter hook input priority 0; icmp type echo-request numgen inc mod 2 1 drop; }
}
END
        ip netns exec h4 nft -f - <<'END'
table netdev t {
    chain e { type filter hook egress device e0 priority 0; icmp type echo-reply meta mark 0 meta mark set 1 dup to e0; }
}
END",
    );
    let ended = ping(&namespace, &["-c4", "--broadcast", "--json", "10.9.0.255"]);
    let target = ended.target();
    assert_eq!((&target["sent"], &target["received"]), (&4.into(), &4.into()), "{ended:?}");
    assert_eq!(sources(&target), three([[4, 0, 0], [2, 0, 0], [4, 0, 4]]), "{ended:?}");
    assert_eq!((&target["duplicates"], &target["responders"]), (&4.into(), &3.into()));
    let repeated: u64 = target["probes"]
        .as_array()
        .expect("probes")
        .iter()
        .map(|probe| probe["duplicates"].as_u64().expect("a number"))
        .sum();
    assert_eq!(repeated, 4, "{ended:?}");
}

#[test]
fn b27_every_form_of_output_lists_the_hosts() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    let text = ping(&namespace, &["-c1", "--broadcast", "10.9.0.255"]);
    assert_eq!(text.code(), Some(0), "{text:?}");
    assert_eq!(text.out.matches("64 bytes from 10.9.0.").count(), 3, "{text:?}");
    assert!(!text.out.contains("DUP"), "{text:?}");
    assert!(text.out.contains("1 packets transmitted, 1 received, 0% packet loss"), "{text:?}");
    assert!(text.out.contains("\n3 hosts answered\n  10.9.0.2: 1 of 1 probes, rtt "), "{text:?}");

    let lines = ping(&namespace, &["-c1", "--broadcast", "-o", "jsonl", "10.9.0.255"]);
    let lines: Vec<Value> =
        lines.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    assert_eq!((of("probe").len(), of("further").len(), of("duplicate").len()), (1, 2, 0));
    assert!(of("further").iter().all(|line| line["seq"] == 1 && line["rtt_ms"].is_f64()));
    assert_eq!(sources(of("target")[0]), three([[1, 0, 0]; 3]));

    let table = ping(&namespace, &["-c1", "--broadcast", "-o", "csv", "10.9.0.255"]);
    let mut rows = table.out.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let (head, row) = (rows.next().expect("a header"), rows.next().expect("a row"));
    let cell = |name| row[head.iter().position(|column| *column == name).expect("a column")];
    assert_eq!(["cast", "responders", "sources_omitted"].map(cell), ["broadcast", "3", "0"]);

    let fewer = ["-c1", "--broadcast", "-q", "--fail-if", "responders<4", "10.9.0.255"];
    assert_eq!(ping(&namespace, &fewer).code(), Some(1));
}

#[test]
fn b27_an_interrupt_ends_it_with_what_was_heard() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    let mut command = namespace.netdiag(&["ping", "-n", "-W", "9", "--broadcast", "10.9.0.255"]);
    let process = Process::start(&mut command);
    process.until_out(|out| out.matches("64 bytes from").count() == 6);
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.out.contains("2 packets transmitted, 2 received, 0% packet loss"), "{ended:?}");
    for host in 2..=4 {
        assert!(ended.out.contains(&format!("  10.9.0.{host}: 2 of 2 probes, rtt ")), "{ended:?}");
    }
}

#[test]
fn b27_nobody_answers() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    let arguments = ["-c3", "--multicast", "-i", "0.1", "-I", "br0", "--json", "224.0.0.77"];
    let ended = ping(&namespace, &arguments);
    let target = ended.target();
    assert_eq!((ended.code(), &target["lost"]), (Some(1), &3.into()), "{ended:?}");
    assert_eq!((&target["responders"], sources(&target).len()), (&0.into(), 0), "{ended:?}");
    let findings = ended.json()["findings"].clone();
    assert_eq!(findings[0]["code"], "no-reply", "{ended:?}");
    let advice = findings[0]["advice"].as_str().expect("advice");
    assert!(advice.contains("icmp_echo_ignore_broadcasts"), "{ended:?}");
}

#[test]
fn b27_without_its_option_a_group_is_a_usage_error() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    for (arguments, said) in MISTAKES {
        let ended = ping(&namespace, &[&["-c1"], *arguments].concat());
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{arguments:?} {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{arguments:?} {ended:?}");
        assert!(ended.err.contains(said), "{arguments:?} {ended:?}");
    }
}

/// The TTL of requests to a group is 1 unless asked; a unicast target beside it keeps its own.
#[test]
fn b27_multicast_stays_in_this_network_unless_asked() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    namespace.run(
        "nft -f - <<'END'
table inet t {
    chain o {
        type filter hook output priority 0
        ip daddr 224.0.0.1 ip ttl 1 counter comment \"one\"
        ip daddr 224.0.0.1 ip ttl 7 counter comment \"seven\"
        ip6 daddr ff02::1 icmpv6 type echo-request ip6 hoplimit 1 counter comment \"six\"
        ip daddr 10.9.0.2 ip ttl 64 counter comment \"unicast\"
    }
}
END",
    );
    for arguments in [
        &["-c1", "--multicast", "-I", "br0", "224.0.0.1", "10.9.0.2"][..],
        &["-c1", "--multicast", "-t7", "-I", "br0", "224.0.0.1"],
        &["-c1", "--multicast", "ff02::1%br0"],
    ] {
        assert_eq!(ping(&namespace, arguments).code(), Some(0));
    }
    let rules = namespace.run("nft list ruleset");
    for what in ["one", "seven", "six", "unicast"] {
        let rule = rules.lines().find(|line| line.contains(&format!("\"{what}\"")));
        assert!(rule.is_some_and(|rule| rule.contains("counter packets 1 ")), "{what}: {rules}");
    }
}

/// B29: whoever is not root sends no broadcast at all, and to a group once a second.
#[test]
fn b29_users_send_no_broadcast_and_little_multicast() {
    let Some(namespace) = Namespace::new(NETWORK) else { return };
    namespace.let_nobody_in();
    let nobody = |arguments: &[&str]| {
        let all = [&["ping", "-n", "-W", "0.5"], arguments].concat();
        run(&mut namespace.nobody(&all))
    };
    for (arguments, said) in [
        (&["-c1", "--broadcast", "10.9.0.255"][..], "--broadcast: only for root"),
        (&["-c1", "--classic", "-b", "10.9.0.255"], "-b: only for root"),
        (&["-c1", "10.9.0.255"], "needs --broadcast"),
        (&["-i.9", "--multicast", "-I", "br0", "224.0.0.1"], "--interval: "),
        (&["-l2", "--multicast", "-I", "br0", "224.0.0.1"], "--preload: "),
        (&["-i.9", "--classic", "-I", "br0", "224.0.0.1"], "too short interval: 900"),
    ] {
        let ended = nobody(arguments);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{arguments:?} {ended:?}");
        assert!(ended.err.contains(said), "{arguments:?} {ended:?}");
    }
    let ended = nobody(&["-c2", "--multicast", "--json", "-I", "br0", "224.0.0.1"]);
    let target = ended.target();
    assert_eq!(target["method"]["socket"], "icmp-datagram", "{ended:?}");
    assert_eq!(sources(&target), three([[2, 0, 0]; 3]), "{ended:?}");
}
