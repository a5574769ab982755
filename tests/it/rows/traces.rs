//! `netdiag trace` over routers that are Linux kernels with their default limits (B10, C1, P1, P2).

use crate::support::process::{NETDIAG, Namespace, bound, has, run};
use serde_json::Value;
use std::net::UdpSocket;

/// Two routers in a row, `r1` and `r2`, each a network namespace; 10.51.9.9 lives on the second.
const ROUTERS: &str = "
    mount -t tmpfs none /run
    for n in 1 2; do
        ip netns add r$n
        ip netns exec r$n ip link set lo up
        ip netns exec r$n sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    done
    ip link add d1 type veth peer name u1 netns r1
    ip addr add 10.50.1.1/24 dev d1; ip link set d1 up
    ip netns exec r1 sh -c 'ip addr add 10.50.1.2/24 dev u1; ip link set u1 up
        ip link add d2 type veth peer name u2 netns r2
        ip addr add 10.50.2.1/24 dev d2; ip link set d2 up
        ip route add 10.51.0.0/16 via 10.50.2.2'
    ip netns exec r2 sh -c 'ip addr add 10.50.2.2/24 dev u2; ip link set u2 up
        ip addr add 10.51.9.9/32 dev lo; ip route add 10.50.1.0/24 via 10.50.2.1'
    ip route add 10.51.0.0/16 via 10.50.1.2
";

pub(super) fn routers(more: &str) -> Option<Namespace> {
    Namespace::new(&format!("{ROUTERS}\n{more}"))
}

fn trace(namespace: &Namespace, arguments: &str) -> Value {
    let words: Vec<&str> = ["trace", "--json"].into_iter().chain(arguments.split(' ')).collect();
    run(&mut namespace.netdiag(&words)).json()
}

/// Address, mark and losses of each hop.
fn hops(document: &Value) -> Vec<(Value, Value, Value)> {
    let hops = document["targets"][0]["hops"].as_array().expect("hops").iter();
    let told = hops.map(|hop| {
        let first = &hop["responders"][0];
        (first["address"].clone(), first["mark"].clone(), hop["lost"].clone())
    });
    told.collect()
}

#[test]
fn b10_a_path_of_default_kernels_loses_nothing() {
    // Each with its own routers: what one trace gets is missing for the next.
    for arguments in ["10.51.9.9", "--udp 10.51.9.9", "--tcp 10.51.9.9"] {
        let Some(namespace) = routers("") else { return };
        let document = trace(&namespace, arguments);
        let nothing = |address: &str| (Value::from(address), Value::Null, Value::from(0));
        let first = nothing("10.50.1.2");
        assert_eq!(document["exit_code"], 0, "{arguments}: {document}");
        let all = hops(&document);
        assert_eq!(all.first(), Some(&first), "{arguments}: {document}");
        let (address, _, lost) = all.last().expect("two hops");
        assert_eq!((all.len(), address, lost), (2, &"10.51.9.9".into(), &0.into()), "{document}");
    }
}

/// A service that answers tells of no probe which it answers: the nearest hops are asked alone then.
#[test]
fn a_target_that_answers_by_udp_is_reached_and_loses_nothing() {
    let service = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let port = service.local_addr().expect("bound").port().to_string();
    std::thread::spawn(move || {
        let mut room = [0; 2_000];
        while let Ok((_, from)) = service.recv_from(&mut room) {
            let _ = service.send_to(b"no question", from);
        }
    });
    for queries in ["1", "3"] {
        let words = ["trace", "--json", "--udp", "--port", &port, "-q", queries, "127.0.0.1"];
        let ended = run(bound(NETDIAG).args(words));
        let document = ended.json();
        let target = &document["targets"][0];
        assert_eq!(
            (&target["reached"], &target["hop_count"]),
            (&true.into(), &1.into()),
            "{target}"
        );
        assert_eq!((&target["hops"][0]["lost"], ended.code()), (&0.into(), Some(0)), "{target}");
    }
}

/// The last router looks three seconds for a host that is off, and says so of all that waited for it.
#[test]
fn a_host_that_is_off_is_said_to_be_behind_the_last_router() {
    let lan = "
        ip netns exec r1 ip route add 10.52.0.0/24 via 10.50.2.2
        ip netns exec r2 sh -c 'ip link add lan type veth peer name nobody; ip link set nobody up
            ip addr add 10.52.0.1/24 dev lan; ip link set lan up'
        ip route add 10.52.0.0/24 via 10.50.1.2
    ";
    for arguments in ["10.52.0.9", "--udp 10.52.0.9"] {
        let Some(namespace) = routers(lan) else { return };
        let document = trace(&namespace, arguments);
        let target = &document["targets"][0];
        let (hops, findings) = (hops(&document), &document["findings"]);
        assert_eq!(target["stop_reason"], "unreachable", "{arguments}: {document}");
        assert_eq!(hops.len(), 3, "{arguments}: {document}");
        let (address, mark, _) = hops.last().expect("three hops");
        assert_eq!((address, mark), (&"10.50.2.2".into(), &"!H".into()), "{arguments}");
        assert_eq!(findings[0]["code"], "stopped-by-router", "{arguments}: {document}");
        let took = document["elapsed_ms"].as_f64().expect("a number");
        assert!(took < 4_000.0, "{arguments}: {took}");
    }
}

/// What is larger than a link takes is fragmented by this machine: nobody rewrote it.
#[test]
fn c7_own_fragments_are_nobodys_rewriting() {
    let Some(namespace) = routers("") else { return };
    for arguments in ["--size 1473 --df dont 10.51.9.9", "--udp --size 3000 --df dont 10.51.9.9"] {
        let document = trace(&namespace, arguments);
        let text = document.to_string();
        assert!(!text.contains("total_length"), "{arguments}: {text}");
        assert_eq!(document["targets"][0]["reached"], true, "{arguments}: {text}");
    }
}

#[test]
fn c1_routes_that_refuse_are_marked_and_nothing_comes_after() {
    for (route, mark) in [("unreachable", "!H"), ("prohibit", "!X")] {
        let refusing = format!("ip netns exec r2 ip route add {route} 10.51.1.0/24");
        let Some(namespace) = routers(&refusing) else { return };
        let document = trace(&namespace, "10.51.1.1");
        let first = (Value::from("10.50.1.2"), Value::Null, Value::from(0));
        let second = (Value::from("10.50.2.2"), Value::from(mark), Value::from(0));
        assert_eq!(hops(&document), [first, second], "{route}: {document}");
        assert_eq!(
            (&document["exit_code"], &document["targets"][0]["reached"]),
            (&1.into(), &false.into())
        );
        let finding = &document["findings"][0];
        assert_eq!(
            (&finding["code"], &finding["locus"]["hop"]),
            (&"stopped-by-router".into(), &2.into())
        );
    }
}

/// C7: a rewritten DSCP is seen at the hop behind, in what that quotes.
#[test]
fn c7_a_rewritten_dscp_is_seen_behind_the_router_that_does_it() {
    if !has("nft") {
        return;
    }
    for arguments in ["--udp --dscp ef 10.51.9.9", "--udp --dscp ef -q 1 10.51.9.9"] {
        let rewriting = "ip netns exec r1 nft -f - <<'END'
table ip t {
    chain f { type filter hook forward priority 0; ip dscp set cs1; }
}
END";
        let Some(namespace) = routers(rewriting) else { return };
        let document = trace(&namespace, arguments);
        let changed = &document["targets"][0]["hops"][1]["responders"][0]["changed"][0];
        let seen = (&changed["field"], &changed["sent"], &changed["quoted"]);
        assert_eq!(seen, (&"dscp".into(), &46.into(), &8.into()), "{document}");
        assert_eq!(document["findings"][0]["code"], "header-rewritten", "{document}");
    }
}

/// A next hop that is not there is this machine's own affair: no router, and no filter behind it.
#[test]
fn nobody_on_the_link_is_told_as_that() {
    let script = "
        ip link add d1 type veth peer name u1; ip link set d1 up; ip link set u1 up
        ip addr add 10.50.1.1/24 dev d1; ip route add 10.51.0.0/16 via 10.50.1.2
        ip addr add fd50:1::1/64 dev d1 nodad; ip route add fd51::/16 via fd50:1::2";
    for arguments in [
        "trace --json 10.51.9.9",
        "trace --json --udp 10.51.9.9",
        "trace --json --tcp 10.51.9.9",
        "trace --json fd51::9",
        "mtr --json -c 5 -i 1 10.51.9.9",
        "mtu --json 10.51.9.9",
    ] {
        let Some(namespace) = Namespace::new(script) else { return };
        let words: Vec<&str> = arguments.split(' ').collect();
        let document = run(&mut namespace.netdiag(&words)).json();
        assert_eq!(document["exit_code"], 1, "{arguments}: {document}");
        let target = &document["targets"][0];
        for hop in target["hops"].as_array().expect("hops") {
            let responders = hop["responders"].as_array().is_none_or(Vec::is_empty);
            assert!(responders && hop["address"].is_null(), "{arguments}: {hop}");
        }
        let codes = document["findings"].as_array().expect("findings").iter();
        let codes: Vec<&Value> = codes.map(|finding| &finding["code"]).collect();
        assert_eq!(codes, ["unreachable"], "{arguments}: {document}");
        let own = if arguments.ends_with("::9") { "fd50:1::1" } else { "10.50.1.1" };
        assert_eq!(document["findings"][0]["evidence"]["from"], own, "{document}");
        assert_eq!(target["failure"]["icmp"]["from"], own, "{arguments}: {document}");
    }
}

/// Who answers a SYN in the target's name is told by its distance.
#[test]
fn a_device_that_answers_in_the_targets_name_is_told() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = routers(&format!(
        "{}
ip netns exec r1 nft -f - <<'END'
table ip t {{
    chain f {{ type filter hook forward priority 0
        tcp flags syn / syn,ack,rst numgen inc mod 2 == 0 reject with tcp reset
    }}
}}
END",
        super::paths::THIRD
    )) else {
        return;
    };
    let document = trace(&namespace, "--tcp -q 6 10.51.9.9");
    let findings = document["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|finding| finding["code"] == "middlebox-answers");
    let evidence = finding.map(|finding| finding["evidence"].clone()).unwrap_or_default();
    let told = ["ports", "ttls", "ttl_of_others", "hops_back_of_others", "syn_acks"]
        .map(|key| evidence[key].clone());
    let expected = serde_json::json!([[443], [64], 62, 2, 0]);
    assert_eq!(Value::from(told.to_vec()), expected, "{document}");
}
