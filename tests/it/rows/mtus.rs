//! `netdiag mtu` over routers that are Linux kernels with their default limits (F1, F2, F3).

use crate::support::process::{Ended, NETDIAG, Namespace, has, run};
use serde_json::{Value, json};
use std::net::TcpListener;

/// `a`, `r1` and `r2` in a row, each a network namespace, and behind them this one, which is the
/// host. Between the routers packets of 1,400 bytes pass.
const LAB: &str = "
    mount -t tmpfs none /run
    for n in a r1 r2; do
        ip netns add $n
        ip netns exec $n sh -c 'cd /proc/sys/net/ipv6/conf
            echo 0 > default/accept_dad; echo 0 > all/accept_dad; echo 1 > all/forwarding
            echo 1 > /proc/sys/net/ipv4/ip_forward; ip link set lo up'
    done
    ip link add x0 netns a type veth peer name x1 netns r1
    ip link add y1 netns r1 mtu 1400 type veth peer name y2 netns r2 mtu 1400
    ip link add z3 type veth peer name z2 netns r2
    ip netns exec a sh -c 'ip addr add 10.60.1.2/24 dev x0; ip addr add fd60:1::2/64 dev x0
        ip link set x0 up; ip route add default via 10.60.1.1; ip route add default via fd60:1::1'
    ip netns exec r1 sh -c 'ip addr add 10.60.1.1/24 dev x1; ip addr add fd60:1::1/64 dev x1
        ip addr add 10.60.2.1/24 dev y1; ip addr add fd60:2::1/64 dev y1
        ip link set x1 up; ip link set y1 up
        ip route add 10.60.3.0/24 via 10.60.2.2; ip route add fd60:3::/64 via fd60:2::2'
    ip netns exec r2 sh -c 'ip addr add 10.60.2.2/24 dev y2; ip addr add fd60:2::2/64 dev y2
        ip addr add 10.60.3.1/24 dev z2; ip addr add fd60:3::1/64 dev z2
        ip link set y2 up; ip link set z2 up
        ip route add 10.60.1.0/24 via 10.60.2.1; ip route add fd60:1::/64 via fd60:2::1'
    ip addr add 10.60.3.2/24 dev z3; ip addr add fd60:3::2/64 dev z3; ip link set z3 up
    ip route add default via 10.60.3.1; ip route add default via fd60:3::1
";
const HOST4: &str = "10.60.3.2";
const HOST6: &str = "fd60:3::2";

/// The router before the narrow link is silent about what is too big.
const SILENT: &str = "ip netns exec r1 nft -f - <<'END'
table inet t {
    chain o {
        type filter hook output priority 0;
        icmp type destination-unreachable icmp code frag-needed drop
        icmpv6 type packet-too-big drop
    }
}
END";

fn lab(more: &str) -> Option<Namespace> {
    Namespace::new(&format!("{LAB}\n{more}"))
}

/// A command on `a`.
fn on_a(namespace: &Namespace, words: &[&str]) -> Ended {
    run(namespace.command("ip").args(["netns", "exec", "a"]).args(words))
}

fn mtu(namespace: &Namespace, arguments: &str) -> Value {
    let words: Vec<&str> =
        [NETDIAG, "mtu", "--json"].into_iter().chain(arguments.split(' ')).collect();
    on_a(namespace, &words).json()
}

/// Path MTU, how it is known, and the hops.
fn found(document: &Value) -> Value {
    let target = &document["targets"][0];
    let hops = target["hops"].as_array().expect("hops").iter();
    let hops: Vec<Value> = hops.map(|hop| json!([hop["address"], hop["mtu"]])).collect();
    json!([target["path_mtu"], target["confirmed_by"], hops])
}

fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("findings").iter();
    findings.map(|finding| finding["code"].as_str().expect("text")).collect()
}

/// That the first router passes 1,400 bytes, and says so.
fn told_drop(address: &str) -> Value {
    json!([{
        "ttl": 1, "address": address, "mtu_before": 1500, "mtu_after": 1400, "mtu_said": null
    }])
}

/// F1, F2: each family by each protocol.
#[test]
fn f1_f2_a_link_of_1400_bytes_is_found_and_located() {
    let Some(namespace) = lab("") else { return };
    for (arguments, before, routers) in [
        (HOST4, "10.60.1.1", ["10.60.1.1", "10.60.2.2", HOST4]),
        (HOST6, "fd60:1::1", ["fd60:1::1", "fd60:2::2", HOST6]),
        ("--udp 10.60.3.2", "10.60.1.1", ["10.60.1.1", "10.60.2.2", HOST4]),
        ("--udp fd60:3::2", "fd60:1::1", ["fd60:1::1", "fd60:2::2", HOST6]),
    ] {
        let document = mtu(&namespace, arguments);
        let [one, two, host] = routers;
        let hops = json!([[one, 1500], [two, 1400], [host, 1400]]);
        assert_eq!(found(&document), json!([1400, "reply", hops]), "{arguments}: {document}");
        assert_eq!(document["targets"][0]["drops"], told_drop(before), "{arguments}");
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["mtu-drop"], &0.into()));
    }
}

/// The classic tools, which share no line with ours.
#[test]
fn f1_tracepath_and_ping_agree() {
    if !has("tracepath") || !has("ping") {
        return;
    }
    for size in [1300, 1400] {
        let Some(namespace) = lab(&format!(
            "ip netns exec r1 ip link set y1 mtu {size}; ip netns exec r2 ip link set y2 mtu {size}"
        )) else {
            return;
        };
        let ours = mtu(&namespace, HOST4);
        assert_eq!(ours["targets"][0]["path_mtu"], size, "{ours}");
        let said = on_a(&namespace, &["tracepath", "-n", HOST4]).out;
        let theirs = said.lines().find(|line| line.trim_start().starts_with("Resume:"));
        assert!(theirs.is_some_and(|line| line.contains(&format!("pmtu {size}"))), "{said}");
        let ping = |data: u32| {
            let data = data.to_string();
            on_a(&namespace, &["ping", "-n", "-c1", "-W1", "-M", "do", "-s", &data, HOST4])
        };
        assert_eq!((ping(size - 28).code(), ping(size - 27).code()), (Some(0), Some(1)));
    }
}

/// F3: large lost, small answered, no ICMP.
#[test]
fn f3_a_black_hole_is_told_with_its_place_and_its_size() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = lab(SILENT) else { return };
    for (target, segment) in [(HOST4, 1360), (HOST6, 1340)] {
        let document = mtu(&namespace, target);
        let hole = &document["targets"][0]["black_hole"];
        let expected =
            json!({"after_ttl": 1, "before_ttl": 2, "largest_ok": 1400, "smallest_lost": 1401});
        assert_eq!(hole, &expected, "{document}");
        assert_eq!((codes(&document), &document["exit_code"]), (vec!["mtu-black-hole"], &1.into()));
        let finding = &document["findings"][0];
        let evidence = &finding["evidence"];
        let counts = ["largest_passed", "lost", "n", "small_passed", "small_n"];
        assert_eq!(counts.map(|key| evidence[key].clone()), [3, 6, 6, 6, 6].map(Value::from));
        let advice = finding["advice"].as_str().expect("advice");
        assert!(advice.contains(&format!("clamp the MSS to {segment}")), "{advice}");
        // Each namespace has the kernel's default, which is off.
        assert!(advice.contains("net.ipv4.tcp_mtu_probing=0"), "{advice}");
    }
}

/// F3, without any right, by a target that answers six times and then once a second.
#[test]
fn f3_udp_finds_the_black_hole_too() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = lab(SILENT) else { return };
    let document = mtu(&namespace, "--udp 10.60.3.2");
    let hole = &document["targets"][0]["black_hole"];
    assert_eq!((&hole["largest_ok"], &hole["after_ttl"]), (&1400.into(), &1.into()), "{document}");
}

/// F1: what both ends offer, what came, and that a rule lowered it.
#[test]
fn f1_a_clamped_segment_size_is_told() {
    if !has("nft") {
        return;
    }
    let clamp = "ip netns exec r1 nft -f - <<'END'
table inet t {
    chain f { type filter hook forward priority 0; tcp flags syn tcp option maxseg size set 1300; }
}
END";
    for (rule, received, clamped) in [("", 1460, false), (clamp, 1300, true)] {
        let Some(namespace) = lab(rule) else { return };
        let _listener = namespace.inside(|| TcpListener::bind("10.60.3.2:80").expect("free"));
        let document = mtu(&namespace, "10.60.3.2:80");
        let tcp = &document["targets"][0]["tcp"];
        let told = ["mss_offered", "mss_received", "mss_expected", "clamped"];
        let told = told.map(|key| tcp[key].clone());
        let expected = json!([1460, received, 1360, clamped]);
        assert_eq!(json!(told), expected, "{document}");
        // A SYN of our own is answered with the size itself; the kernel tells what it makes of it.
        assert_eq!(tcp["mss_received_exact"], true, "{document}");
        let finding = document["findings"].as_array().expect("findings").iter();
        let said: Vec<&str> = finding
            .filter(|finding| finding["code"] == "mss-clamped")
            .map(|finding| finding["message"].as_str().expect("text"))
            .collect();
        match clamped {
            true => assert!(said[0].starts_with("MSS 1300 < 1360, clamped"), "{said:?}"),
            false => assert!(said.is_empty(), "{said:?}"),
        }
    }
}

/// IPv6 knows no smaller link: one of 1280 bytes is the smallest that there can be.
#[test]
fn f1_ipv6_goes_down_to_its_floor() {
    let narrow =
        "ip netns exec r1 ip link set y1 mtu 1280; ip netns exec r2 ip link set y2 mtu 1280";
    let Some(namespace) = lab(narrow) else { return };
    for arguments in [HOST6, "--udp fd60:3::2"] {
        let document = mtu(&namespace, arguments);
        assert_eq!(document["targets"][0]["path_mtu"], 1280, "{document}");
    }
}

/// What the kernel remembers of the path is not asked, whether it is too small or too large by now.
#[test]
fn f1_what_the_kernel_remembers_changes_nothing() {
    if !has("ping") {
        return;
    }
    let Some(namespace) = lab("") else { return };
    let ping = || on_a(&namespace, &["ping", "-n", "-c1", "-W1", "-M", "do", "-s", "1472", HOST4]);
    ping();
    let wide = "ip netns exec r1 ip link set y1 mtu 1500; ip netns exec r2 ip link set y2 mtu 1500";
    namespace.run(wide);
    assert!(ping().err.contains("mtu=1400"), "the kernel of this machine remembers it");
    for arguments in [HOST4, "--udp 10.60.3.2"] {
        let document = mtu(&namespace, arguments);
        assert_eq!(document["targets"][0]["path_mtu"], 1500, "{document}");
    }
}

/// The interface itself: smaller than the path, and larger than the first link takes.
#[test]
fn f1_the_interface_is_part_of_the_path() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = lab("ip netns exec a ip link set x0 mtu 1350") else { return };
    let document = mtu(&namespace, HOST4);
    let target = &document["targets"][0];
    assert_eq!((&target["path_mtu"], &target["interface_mtu"]), (&1350.into(), &1350.into()));
    assert_eq!((codes(&document), &target["drops"]), (vec![], &json!([])));
    // What is between the two takes 1,500 bytes, and neither of them knows.
    namespace.run(
        "ip netns exec r1 ip link set y1 mtu 1500; ip netns exec r2 ip link set y2 mtu 1500
        ip netns exec a ip link set x0 mtu 9000; ip netns exec r1 ip link set x1 mtu 9000
        ip netns exec r1 nft 'table inet t {
            chain p {
                type filter hook prerouting priority -300
                meta length > 1500 drop
            }
        }'",
    );
    let document = mtu(&namespace, HOST4);
    let target = &document["targets"][0];
    assert_eq!(target["black_hole"]["after_ttl"], 0, "{document}");
    assert_eq!(target["black_hole"]["largest_ok"], 1500, "{document}");
    assert_eq!(target["interface_mtu"], 9000);
    // Behind it is a link whose router does tell: what is too large for the first is lost all the same.
    namespace
        .run("ip netns exec r1 ip link set y1 mtu 1400; ip netns exec r2 ip link set y2 mtu 1400");
    let document = mtu(&namespace, HOST4);
    let target = &document["targets"][0];
    let drop = told_drop("10.60.1.1");
    assert_eq!((&target["path_mtu"], &target["drops"]), (&1400.into(), &drop), "{document}");
    assert_eq!(target["black_hole"]["largest_ok"], 1500, "{document}");
    assert_eq!(codes(&document), ["mtu-drop", "mtu-black-hole"]);
}

/// Jumbo frames, and the loopback interface, which takes as much as a packet can have.
#[test]
fn f1_jumbo_frames_pass() {
    let wide = "for l in 'a x0' 'r1 x1' 'r1 y1' 'r2 y2' 'r2 z2'; do set -- $l
        ip netns exec $1 ip link set $2 mtu 9000; done; ip link set z3 mtu 9000";
    let Some(namespace) = lab(wide) else { return };
    for (target, size) in [
        (HOST4, 9000),
        (HOST6, 9000),
        ("127.0.0.1", 65_535),
        ("::1", 65_536),
        ("--udp ::1", 65_536),
    ] {
        let document = mtu(&namespace, target);
        assert_eq!(document["targets"][0]["path_mtu"], size, "{target}: {document}");
        assert_eq!(document["exit_code"], 0, "{target}");
    }
}

/// Nobody at all, and no way: not reached, and not measurable.
#[test]
fn f1_no_answer_is_1_and_no_way_is_3() {
    let Some(namespace) = lab("ip route add blackhole 10.60.9.0/24") else { return };
    let silent = mtu(&namespace, "10.60.3.9");
    assert_eq!(silent["exit_code"], 1, "{silent}");
    assert_eq!(silent["targets"][0]["confirmed_by"], "icmp", "{silent}");
    let words = ["ip", "netns", "exec", "a", "ip", "route", "add", "unreachable", "10.61.0.0/16"];
    namespace.run(&words.join(" "));
    let nowhere = mtu(&namespace, "10.61.0.1");
    assert_eq!(nowhere["exit_code"], 3, "{nowhere}");
    assert_eq!(codes(&nowhere), ["local-send-blocked"], "{nowhere}");
}

/// A mark decides about the way: here whether packets leave at all.
#[test]
fn f1_packets_have_the_mark_that_was_asked_for() {
    let Some(namespace) = lab("") else { return };
    on_a(
        &namespace,
        &[
            "nft",
            "add table inet m; add chain inet m o { type filter hook output priority 0; }; \
        add rule inet m o icmp type echo-request meta mark != 42 drop; \
        add rule inet m o icmpv6 type echo-request meta mark != 42 drop",
        ],
    );
    for host in [HOST4, HOST6] {
        let target = &mtu(&namespace, &format!("--mark 42 {host}"))["targets"][0];
        assert_eq!(target["path_mtu"], 1400, "{target:#}");
        let ended = on_a(&namespace, &[NETDIAG, "mtu", "--mark", "7", host]);
        assert_ne!(ended.code(), Some(0), "{ended:?}");
    }
}
