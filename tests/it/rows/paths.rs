//! All paths, and what happens to our packets on them, over routers that are Linux kernels (C7, C9, D1,
//! D2, D4).

use super::traces::routers;
use crate::support::process::{NETDIAG, Namespace, Process, has, run};
use serde_json::Value;
use std::collections::BTreeSet;

/// `r1` with four ways to `r3`, on which the target lives, over `a` to `d`. The kernel of `r1` balances by
/// destination port and nothing that is drawn, so that what is found is the same each time.
const FOUR_WAYS: &str = "
    mount -t tmpfs none /run
    for n in r1 a b c d r3; do
        ip netns add $n
        ip netns exec $n ip link set lo up
        ip netns exec $n sh -c 'cd /proc/sys/net; echo 1 > ipv4/ip_forward
            echo 1 > ipv6/conf/all/forwarding; echo 0 > ipv4/icmp_ratelimit
            echo 0 > ipv6/icmp/ratelimit; echo 0 > ipv6/conf/default/accept_dad
            echo 0 > ipv4/conf/all/rp_filter; echo 0 > ipv4/conf/default/rp_filter'
    done
    join() { # two routers, the number of the net between them
        ip -n $1 link add x$3 type veth peer name y$3 netns $2
        ip -n $1 addr add 10.60.$3.1/24 dev x$3; ip -n $2 addr add 10.60.$3.2/24 dev y$3
        ip -n $1 addr add fd60:$3::1/64 dev x$3 nodad; ip -n $2 addr add fd60:$3::2/64 dev y$3 nodad
        ip -n $1 link set x$3 up; ip -n $2 link set y$3 up
    }
    ip link add d1 type veth peer name u1 netns r1
    ip addr add 10.60.1.1/24 dev d1; ip addr add fd60:1::1/64 dev d1 nodad; ip link set d1 up
    ip -n r1 addr add 10.60.1.2/24 dev u1; ip -n r1 addr add fd60:1::2/64 dev u1 nodad
    ip -n r1 link set u1 up
    hops= hops6= net=10
    for n in a b c d; do
        join r1 $n $net; join $n r3 $((net + 10))
        ip -n $n route add 10.60.1.0/24 via 10.60.$net.1; ip -n $n route add fd60:1::/64 via fd60:$net::1
        ip -n $n route add 10.61.9.9 via 10.60.$((net + 10)).2
        ip -n $n route add fd61::9 via fd60:$((net + 10))::2
        hops=\"$hops nexthop via 10.60.$net.2\"; hops6=\"$hops6 nexthop via fd60:$net::2\"
        net=$((net + 1))
    done
    ip -n r3 addr add 10.61.9.9/32 dev lo; ip -n r3 addr add fd61::9/128 dev lo nodad
    ip -n r3 route add 10.60.1.0/24 via 10.60.20.1; ip -n r3 route add fd60:1::/64 via fd60:20::1
    ip -n r1 route add 10.61.9.9 $hops; ip -n r1 route add fd61::9 $hops6
    ip route add 10.61.9.9 via 10.60.1.2; ip route add fd61::9 via fd60:1::2
    # A link that has just been set up may drop the first question for its neighbour, which is asked
    # again a second later: what waits for it would be late.
    meet() { ip netns exec $1 ping -qn -c 1 -i 0.05 -w 10 $2 > /run/met || { cat /run/met; exit 1; }; }
    for v in '10.60.%s.2' 'fd60:%s::2'; do
        ping -qn -c 1 -i 0.05 -w 10 $(printf $v 1) > /run/met
        for net in 10 11 12 13; do meet r1 $(printf $v $net); done
    done
    for n in a b c d; do meet $n 10.61.9.9; meet $n fd61::9; done
";

/// Behind the two routers a third one, on which the target lives in place of the second.
pub(super) const THIRD: &str = "ip netns add r3; ip netns exec r3 ip link set lo up
ip -n r2 link add d3 type veth peer name u3 netns r3
ip -n r2 addr del 10.51.9.9/32 dev lo; ip -n r2 addr add 10.50.3.1/24 dev d3; ip -n r2 link set d3 up
ip -n r3 addr add 10.50.3.2/24 dev u3; ip -n r3 link set u3 up; ip -n r3 addr add 10.51.9.9/32 dev lo
ip -n r3 route add default via 10.50.3.1; ip -n r2 route add 10.51.0.0/16 via 10.50.3.2
for n in 1 2 3; do ip netns exec r$n sh -c 'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'; done";

/// What the kernel of `r1` balances by: 3 is by the fields that are named, 1 by ports and addresses.
fn four_ways(policy: &str) -> Option<Namespace> {
    Namespace::new(&format!("{FOUR_WAYS}\nip netns exec r1 sh -c 'cd /proc/sys/net; {policy}'"))
}

/// By the destination port alone (0x20), and by no key that was drawn.
const BY_PORT: &str = "for f in ipv4 ipv6; do echo 3 > $f/fib_multipath_hash_policy
    echo 32 > $f/fib_multipath_hash_fields; done; echo 7 > ipv4/fib_multipath_hash_seed";
const BY_FLOW: &str = "for f in ipv4 ipv6; do echo 1 > $f/fib_multipath_hash_policy; done";

fn trace(namespace: &Namespace, arguments: &str) -> Value {
    let words: Vec<&str> = ["trace", "--json"].into_iter().chain(arguments.split(' ')).collect();
    run(&mut namespace.netdiag(&words)).json()
}

fn addresses(hop: &Value) -> BTreeSet<&str> {
    let who = hop["responders"].as_array().expect("responders").iter();
    who.filter_map(|who| who["address"].as_str()).collect()
}

#[test]
fn d2_the_four_ways_of_a_linux_router_are_found() {
    let Some(namespace) = four_ways(BY_PORT) else { return };
    for target in ["10.61.9.9", "fd61::9"] {
        let document = trace(&namespace, &format!("--udp --multipath {target}"));
        let (target, found) = (&document["targets"][0], &document["targets"][0]["graph"]);
        assert_eq!(
            (&found["path_count"], &found["complete"]),
            (&4.into(), &true.into()),
            "{found}"
        );
        assert_eq!(found["confidence_percent"], 95);
        let hop = &target["hops"][1];
        assert_eq!(addresses(hop).len(), 4, "{document}");
        assert!(hop["sent"].as_u64().is_some_and(|sent| sent <= 60), "{hop}");
        // On a busy machine the target's own limit of answers may show beside it.
        let findings = document["findings"].as_array().expect("findings").iter();
        let codes: Vec<&Value> = findings.map(|finding| &finding["code"]).collect();
        let (found, other): (Vec<&Value>, Vec<&Value>) =
            codes.into_iter().partition(|code| **code == "per-flow-balancing");
        assert_eq!(found.len(), 1, "{document}");
        assert!(other.iter().all(|code| **code == "icmp-rate-limit"), "{document}");
    }
}

#[test]
fn d1_one_flow_takes_one_way_over_a_linux_router() {
    let Some(namespace) = four_ways(BY_FLOW) else { return };
    for arguments in [
        "--icmp 10.61.9.9",
        "--udp 10.61.9.9",
        "--tcp 10.61.9.9",
        "--icmp fd61::9",
        "--udp fd61::9",
        "--tcp fd61::9",
    ] {
        // Queries 1 to 100 of one trace have one flow; the last hop's answers are limited by default.
        let document = trace(&namespace, &format!("-m 2 -q 100 --interval 0.002 {arguments}"));
        let hops = document["targets"][0]["hops"].as_array().expect("hops");
        assert_eq!(hops.len(), 2, "{arguments}: {document}");
        for hop in hops {
            assert_eq!(
                (&hop["sent"], addresses(hop).len()),
                (&100.into(), 1),
                "{arguments}: {hop}"
            );
        }
    }
}

/// Packets that are marked in turn and routed by the mark: each for itself.
#[test]
fn packets_that_a_linux_router_balances_each_for_itself_are_told_from_flows() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = four_ways("true") else { return };
    namespace.run(
        "ip netns exec r1 nft -f - <<'END'
table ip t {
    chain p { type filter hook prerouting priority -150; meta mark set numgen random mod 2 offset 1; }
}
END
ip -n r1 route replace 10.61.9.9 via 10.60.10.2 table 1
ip -n r1 route replace 10.61.9.9 via 10.60.11.2 table 2
ip -n r1 rule add fwmark 1 lookup 1 prio 10; ip -n r1 rule add fwmark 2 lookup 2 prio 11",
    );
    let document = trace(&namespace, "-m 2 -q 40 --interval 0.002 10.61.9.9");
    let codes: Vec<&str> = document["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|it| it["code"].as_str())
        .collect();
    assert!(codes.contains(&"per-packet-balancing"), "{document}");
}

/// The four things that a Linux router does to packets, each at the router that does it.
#[test]
fn c7_rewritten_cleared_clamped_and_translated_are_seen_at_the_right_hop() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = routers(&format!(
        "{THIRD}
ip netns exec r1 nft -f - <<'END'
table ip t {{
    chain f {{ type filter hook forward priority 0
        ip dscp set cs1
        ip ecn set not-ect
        tcp flags syn tcp option maxseg size set 1200
    }}
    chain n {{ type nat hook postrouting priority 100; oifname \"d2\" masquerade
    }}
}}
END"
    )) else {
        return;
    };
    let found = |arguments: &str, code: &str, field: &str| {
        let document = trace(&namespace, arguments);
        let mut findings = document["findings"].as_array().expect("findings").iter();
        let is_it = |it: &&Value| it["code"] == code && it["evidence"]["field"] == field;
        let one = findings.find(is_it).cloned();
        one.unwrap_or_else(|| panic!("no {code} of {field}: {document}"))
    };
    // The second router's quote shows what the first one did.
    for (arguments, code, field, quoted) in [
        ("--udp --dscp ef -m 2 10.51.9.9", "header-rewritten", "dscp", Value::from(8)),
        ("--udp --ecn ect0 -m 2 10.51.9.9", "header-rewritten", "ecn", Value::from(0)),
        ("--tcp -m 2 10.51.9.9", "mss-clamped", "mss", Value::from(1_200)),
        ("--udp -m 2 10.51.9.9", "nat-seen", "checksum", Value::Null),
    ] {
        let finding = found(arguments, code, field);
        assert_eq!(
            (&finding["locus"]["hop"], &finding["evidence"]["hop_before"]),
            (&2.into(), &1.into())
        );
        assert_eq!(finding["evidence"]["quoted"], quoted, "{finding}");
    }
}

/// D4: each of two routers that translate is told. Linux mends what it quotes of TCP and ICMP in every
/// field: of that nothing is seen, and nobody says that there is none.
#[test]
fn d4_two_translating_routers_are_two() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = routers(&format!(
        "{THIRD}
for n in 1 2; do ip netns exec r$n nft -f - <<END
table ip n {{
    chain p {{ type nat hook postrouting priority 100; oifname \"d$((n + 1))\" masquerade
    }}
}}
END
done"
    )) else {
        return;
    };
    let document = trace(&namespace, "--udp 10.51.9.9");
    let said: Vec<(&Value, &Value)> = document["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["code"] == "nat-seen")
        .map(|finding| (&finding["evidence"]["hop_before"], &finding["locus"]["hop"]))
        .collect();
    assert_eq!(said, [(&Value::from(1), &Value::from(2)), (&2.into(), &3.into())], "{document}");
    let hops = document["targets"][0]["hops"].as_array().expect("hops");
    let seen: Vec<&Value> = hops.iter().map(|hop| &hop["responders"][0]["nat"]).collect();
    assert_eq!(seen, [&Value::Null, &true.into(), &true.into()], "{document}");
    for arguments in ["--icmp 10.51.9.9", "--tcp 10.51.9.9"] {
        let document = trace(&namespace, arguments);
        assert_eq!(document["targets"][0]["reached"], true, "{document}");
        let hops = document["targets"][0]["hops"].as_array().expect("hops");
        assert!(hops.iter().all(|hop| hop["responders"][0]["nat"].is_null()), "{document}");
    }
}

/// C9: with a file of AS numbers packets go to the target and nowhere else, and no other file is opened.
#[test]
fn c9_nobody_else_is_asked_for_numbers() {
    if !has("strace") {
        return;
    }
    let Some(namespace) =
        routers("mount -t tmpfs none /mnt; echo '10.51.0.0/16 64500' > /mnt/as.txt")
    else {
        return;
    };
    let mut command = namespace.command("strace");
    command.args(["-f", "-qq", "-e", "trace=sendto,sendmsg,sendmmsg,connect", NETDIAG, "trace"]);
    command.args(["--asn-file", "/mnt/as.txt", "--output", "csv", "10.51.9.9"]);
    let ended = Process::start(&mut command).wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let rows: Vec<&str> = ended.out.lines().collect();
    assert!(rows[0].ends_with(",hop.responders.0.asn,hop.mtu"), "{rows:?}");
    assert!(rows[1].ends_with(",,") && rows[2].ends_with(",64500,"), "{rows:?}");
    // What failed went nowhere; an address of its own is no destination.
    let sent: String = ended.err.lines().filter(|line| !line.contains("= -1 ")).collect();
    let sent: BTreeSet<&str> =
        sent.split("inet_addr(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(sent, BTreeSet::from(["10.51.9.9"]), "{}", ended.err);
    assert!(!ended.err.contains("AF_INET6, sin6"), "{}", ended.err);
    let words =
        ["mtr", "-r", "-n", "-c", "2", "-i", "0.1", "--asn-file", "/mnt/as.txt", "10.51.9.9"];
    let table = run(&mut namespace.netdiag(&words)).out;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[1].contains("address") && lines[1].contains(" AS "), "{table}");
    assert!(lines[2].contains(" - ") && lines[3].contains("AS64500"), "{table}");
}

#[test]
fn a_file_of_numbers_that_is_none_is_named() {
    let Some(namespace) = Namespace::new(
        "mount -t tmpfs none /mnt; echo 'no prefix' > /mnt/lines
        printf 'x\\253\\315\\357MaxMind.com\\340' > /mnt/broken",
    ) else {
        return;
    };
    for (file, said) in
        [("/mnt/lines", "line 1"), ("/mnt/broken", "MaxMind DB"), ("/mnt/none", "No such file")]
    {
        let ended = run(&mut namespace.netdiag(&["trace", "--asn-file", file, "127.0.0.1"]));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(file) && ended.err.contains(said), "{ended:?}");
    }
}
