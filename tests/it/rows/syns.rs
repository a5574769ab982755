//! `netdiag trace` by SYNs of its own, through routers and to hosts that are Linux kernels (C1, C2, C4,
//! C7, D1, P4).

use super::network::Lab;
use crate::support::process::{Namespace, has, run};
use serde_json::Value;
use std::net::TcpListener;

/// The far end of [`Lab`], and the router before it.
const FAMILIES: [(&str, &str); 2] = [("10.9.2.2", "10.9.1.1"), ("fd09:2::2", "fd09:1::1")];

/// A lab whose far host serves port 80 and drops what is for port 82.
fn lab() -> Option<(Lab, TcpListener)> {
    let lab = Lab::new()?;
    lab.here.let_nobody_in();
    let service = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    lab.far.run(
        "nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0; tcp dport 82 drop; }; }
END",
    );
    Some((lab, service))
}

fn trace(namespace: &Namespace, arguments: &[&str]) -> Value {
    let words = [&["trace", "--json", "--tcp", "--port"], arguments].concat();
    run(&mut namespace.netdiag(&words)).json()
}

fn hops(target: &Value) -> Vec<(Value, Value, Value)> {
    let hops = target["hops"].as_array().expect("hops").iter();
    let told = hops.map(|hop| {
        let address = hop["responders"][0]["address"].clone();
        (address, hop["sent"].clone(), hop["received"].clone())
    });
    told.collect()
}

/// Every SYN of all of them is answered, though they share one connection.
#[test]
fn c4_the_last_hop_is_open_closed_or_filtered() {
    let Some((lab, _service)) = lab() else { return };
    for (target, router) in FAMILIES {
        for (port, state, flags) in
            [("80", "open", "SYN+ACK"), ("81", "closed", "RST+ACK"), ("82", "filtered", "")]
        {
            let document =
                trace(&lab.here, &[port, "-m", "6", "-q", "5", "--timeout", "0.5", target]);
            let found = &document["targets"][0];
            let last = &found["final"];
            assert_eq!(last["state"], state, "{document}");
            assert_eq!(found["method"]["socket"], "raw", "{document}");
            assert_eq!(found["flow"], "constant", "{document}");
            // What a router answers is heard by another socket than the SYN left by.
            assert_eq!(document["method"]["timestamps"], "kernel", "{document}");
            let first = (Value::from(router), 5.into(), 5.into());
            assert_eq!(hops(found)[0], first, "{document}");
            if state == "filtered" {
                assert_eq!(document["exit_code"], 1, "{document}");
                continue;
            }
            let answered = (Value::from(target), 5.into(), 5.into());
            assert_eq!(hops(found)[1..], [answered], "{document}");
            assert_eq!((&last["flags"], &last["reply_ttl"]), (&flags.into(), &63.into()));
            let mss = &last["options"]["mss"];
            let expected = if target.contains(':') { 1440 } else { 1460 };
            assert_eq!(*mss, if state == "open" { expected.into() } else { Value::Null });
            assert_eq!(document["exit_code"], 0, "{document}");
            assert_eq!(found["rejected"], serde_json::json!({}), "{document}");
        }
    }
}

/// The application sees no connection, and nothing stays half open.
#[test]
fn the_kernel_ends_what_a_syn_began() {
    let Some((lab, service)) = lab() else { return };
    for (target, _) in FAMILIES {
        let document = trace(&lab.here, &["80", target]);
        assert_eq!(document["exit_code"], 0, "{document}");
    }
    service.set_nonblocking(true).expect("it can be asked");
    let accepted = service.accept().expect_err("no connection was made");
    assert_eq!(accepted.kind(), std::io::ErrorKind::WouldBlock);
    let left = lab.far.run("ss -Htan state syn-recv");
    assert_eq!(left, "", "half open: {left}");
}

/// C2: what root finds by SYNs, nobody finds by connections.
#[test]
fn c2_connections_without_rights_find_the_hops_of_syns() {
    let Some((lab, _service)) = lab() else { return };
    for (target, _) in FAMILIES {
        for port in ["80", "81"] {
            let root = trace(&lab.here, &[port, target]);
            let words = ["trace", "--json", "--tcp", "--port", port, target];
            let nobody = run(&mut lab.here.nobody(&words)).json();
            let (root, nobody) = (&root["targets"][0], &nobody["targets"][0]);
            assert_eq!(hops(root), hops(nobody));
            assert_eq!(root["final"]["state"], nobody["final"]["state"]);
            assert_eq!(nobody["method"]["socket"], "tcp-error-queue", "{nobody}");
            assert_eq!(nobody["method"]["because"], "no CAP_NET_RAW", "{nobody}");
        }
    }
}

/// Where this machine's reset does not reach the target, it answers again and again: no duplicates.
#[test]
fn a_syn_ack_that_the_target_repeats_is_no_duplicate() {
    let Some((lab, _service)) = lab() else { return };
    lab.router.run(
        "nft -f - <<'END'
table inet t { chain f { type filter hook forward priority 0; tcp flags rst drop; }; }
END",
    );
    // Long enough for the target's first repetition, which comes after a second.
    let arguments =
        ["80", "-q", "1", "-f", "2", "-m", "9", "--gap", "9", "--interval", "1.5", "10.9.2.2"];
    let document = trace(&lab.here, &arguments);
    let hop = &document["targets"][0]["hops"][0];
    assert_eq!((&hop["received"], &hop["duplicates"]), (&1.into(), &0.into()), "{document}");
}

/// C7: a clamp is seen in what the next router quotes.
#[test]
fn c7_a_clamped_mss_is_seen_behind_the_router() {
    let Some((lab, _service)) = lab() else { return };
    lab.far.run("echo 1 > /proc/sys/net/ipv4/ip_forward");
    lab.router.run(
        "ip route add 10.9.9.0/24 via 10.9.2.2
         nft -f - <<'END'
table ip t {
    chain f { type filter hook forward priority 0; tcp flags syn tcp option maxseg size set 1200; }
}
END",
    );
    let document = trace(&lab.here, &["80", "-m", "2", "10.9.9.9"]);
    let changed = &document["targets"][0]["hops"][1]["responders"][0]["changed"][0];
    let seen = (&changed["field"], &changed["sent"], &changed["quoted"]);
    assert_eq!(seen, (&"mss".into(), &1460.into(), &1200.into()), "{document}");
    let codes = document["findings"].as_array().expect("findings").iter();
    let codes: Vec<&str> = codes.filter_map(|finding| finding["code"].as_str()).collect();
    assert!(codes.contains(&"mss-clamped"), "{codes:?}");
}

/// D1: one path where a router balances by the flow, more with a varied one.
#[test]
fn d1_a_constant_flow_takes_one_of_two_ways() {
    let Some(lab) = Lab::new() else { return };
    lab.router.run(&format!(
        "ip link add second type veth peer name lab1 netns {}
         ip addr add 10.9.3.1/24 dev second; ip link set second up
         echo 1 > /proc/sys/net/ipv4/fib_multipath_hash_policy",
        lab.far.pid()
    ));
    lab.far.run(
        "ip addr add 10.9.3.2/24 dev lab1; ip link set lab1 up
         echo 1 > /proc/sys/net/ipv4/ip_forward
         echo 1 > /proc/sys/net/ipv4/icmp_errors_use_inbound_ifaddr",
    );
    lab.router.run("ip route add 10.9.9.0/24 nexthop via 10.9.2.2 nexthop via 10.9.3.2");
    let who = |more: &[&str]| {
        let arguments = [&["80", "-f", "2", "-m", "2", "-q", "48"], more, &["10.9.9.9"]].concat();
        let arguments = [&arguments[..], &["--interval", "0.002"]].concat();
        let document = trace(&lab.here, &arguments);
        document["targets"][0]["hops"][0]["responders"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(who(&[]), 1);
    assert_eq!(who(&["--vary-flow"]), 2);
}

/// The classic tools, as oracles that share no line with ours.
#[test]
fn c1_the_classic_tools_find_the_same_path() {
    let Some((lab, _service)) = lab() else { return };
    if !has("traceroute") {
        return;
    }
    for (target, router) in FAMILIES {
        for port in ["80", "81"] {
            let command = format!("traceroute -n -T -p {port} -q 1 {target}");
            let theirs = lab.here.run(&command);
            let mut hops = theirs.lines().skip(1).map(|line| line.split_whitespace().nth(1));
            assert_eq!((hops.next(), hops.next()), (Some(Some(router)), Some(Some(target))));
            assert_eq!(hops.next(), None, "{theirs}");
            let ours = trace(&lab.here, &[port, "-q", "1", target]);
            let found = self::hops(&ours["targets"][0]);
            let addresses: Vec<&Value> = found.iter().map(|(address, ..)| address).collect();
            assert_eq!(addresses, [router, target], "{ours}");
        }
    }
    if has("tcptraceroute") {
        let theirs = lab.here.run("tcptraceroute -n -q 1 10.9.2.2 80 2>/dev/null");
        assert!(theirs.contains("10.9.2.2 [open]"), "{theirs}");
    }
}
