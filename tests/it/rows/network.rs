//! What routers and links do, and what is said about it (A3, A8, A11, exact loss).

use super::in_scenario;
use crate::support::process::{Ended, Namespace, Process, has, run, scenario, stopwatch};
use serde_json::Value;
use std::time::Duration;

/// A host, a router and a host, each a kernel's: 10.9.1.2 - 10.9.1.1 | 10.9.2.1 - 10.9.2.2.
pub(super) struct Lab {
    pub(super) here: Namespace,
    pub(super) router: Namespace,
    pub(super) far: Namespace,
}

impl Lab {
    pub(super) fn new() -> Option<Self> {
        if !has("nft") {
            return None;
        }
        let far = Namespace::loopback()?;
        let router = Namespace::new(&format!(
            "ip link add far type veth peer name lab0 netns {}\n\
             ip addr add 10.9.2.1/24 dev far; ip addr add fd09:2::1/64 dev far nodad\n\
             ip link set far up\n\
             echo 1 > /proc/sys/net/ipv4/ip_forward\n\
             echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
            far.pid()
        ))?;
        let here = Namespace::new(&format!(
            "ip link add lab0 type veth peer name near netns {}\n\
             ip addr add 10.9.1.2/24 dev lab0; ip addr add fd09:1::2/64 dev lab0 nodad\n\
             ip link set lab0 up",
            router.pid()
        ))?;
        router.run(
            "ip addr add 10.9.1.1/24 dev near; ip addr add fd09:1::1/64 dev near nodad
             ip link set near up",
        );
        far.run(
            "ip addr add 10.9.2.2/24 dev lab0; ip addr add fd09:2::2/64 dev lab0 nodad
             ip link set lab0 up
             ip route add default via 10.9.2.1; ip route add default via fd09:2::1",
        );
        here.run("ip route add default via 10.9.1.1; ip route add default via fd09:1::1");
        // Neighbours are known, so that no first probe waits for them.
        let warm = "ping -q -c 1 -W 5 10.9.2.2 && ping -q -c 1 -W 5 fd09:2::2";
        here.run(warm);
        Some(Self { here, router, far })
    }
}

/// What nft can be made to send: the name there, type, code, our name, iputils' words.
const REJECTS_V4: [(&str, u8, u8, &str, &str); 7] = [
    ("net-unreachable", 3, 0, "network-unreachable", "Destination Net Unreachable"),
    ("host-unreachable", 3, 1, "host-unreachable", "Destination Host Unreachable"),
    ("prot-unreachable", 3, 2, "protocol-unreachable", "Destination Protocol Unreachable"),
    ("port-unreachable", 3, 3, "port-unreachable", "Destination Port Unreachable"),
    ("net-prohibited", 3, 9, "network-administratively-prohibited", "Destination Net Prohibited"),
    ("host-prohibited", 3, 10, "host-administratively-prohibited", "Destination Host Prohibited"),
    ("admin-prohibited", 3, 13, "communication-administratively-prohibited", "Packet filtered"),
];
const REJECTS_V6: [(&str, u8, u8, &str, &str); 6] = [
    ("no-route", 1, 0, "no-route", "No route"),
    ("admin-prohibited", 1, 1, "administratively-prohibited", "Administratively prohibited"),
    ("addr-unreachable", 1, 3, "address-unreachable", "Address unreachable"),
    ("port-unreachable", 1, 4, "port-unreachable", "Port unreachable"),
    ("policy-fail", 1, 5, "source-policy-failed", "Source address failed ingress/egress policy"),
    ("reject-route", 1, 6, "reject-route", "Reject route to destination"),
];

#[test]
fn a3_errors_of_a_real_router_have_name_number_and_sender() {
    let Some(lab) = Lab::new() else { return };
    let mut rules = String::new();
    let mut expected = Vec::new();
    let v4 = REJECTS_V4.iter().map(|reject| ("10.9.2.", "10.9.1.1", "ip", "icmp", reject));
    let v6 = REJECTS_V6.iter().map(|reject| ("fd09:2::", "fd09:1::1", "ip6", "icmpv6", reject));
    for (number, (net, router, ip, icmp, reject)) in (10..).zip(v4.chain(v6)) {
        let host = format!("{net}{number}");
        rules += &format!("{ip} daddr {host} reject with {icmp} type {}\n", reject.0);
        expected.push((host, router, reject));
    }
    lab.router.run(&format!(
        "nft -f - <<'END'\n\
         table inet t {{ chain f {{ type filter hook forward priority 0; {rules} }}; }}\nEND"
    ));
    let mut arguments = vec!["ping", "-c", "1", "-W", "1"];
    arguments.extend(expected.iter().map(|(host, ..)| host.as_str()));
    let text = run(&mut lab.here.netdiag(&arguments));
    arguments.push("--json");
    let ended = run(&mut lab.here.netdiag(&arguments));
    assert_eq!((ended.code(), text.code()), (Some(1), Some(1)), "{ended:?}");
    let document = ended.json();
    for (index, (host, router, (_, kind, code, name, words))) in expected.iter().enumerate() {
        let line = text
            .out
            .lines()
            .find(|line| line.contains(words) && line.ends_with(&format!(" {kind}/{code})")))
            .unwrap_or_else(|| panic!("{host}: no line with {words} {kind}/{code}: {text:?}"));
        assert!(line.starts_with(&format!("From {router} icmp_seq=1 ")), "{line}");
        let target = &document["targets"][index];
        assert_eq!(target["target"], **host, "{target}");
        assert_eq!(target["net_errors"], 1, "{target}");
        for icmp in [&target["icmp_errors"][0], &target["probes"][0]["failure"]["icmp"]] {
            assert_eq!(icmp["type"], *kind, "{target}");
            assert_eq!(icmp["code"], *code, "{target}");
            assert_eq!(icmp["name"], *name, "{target}");
            assert_eq!(icmp["from"], *router, "{target}");
        }
        assert_eq!(target["probes"][0]["outcome"], "net-error", "{target}");
        assert_eq!(target["loss_percent"], 100.0, "{target}");
    }
}

#[test]
fn exactly_what_is_dropped_is_lost_and_ping_says_the_same() {
    let Some(lab) = Lab::new() else { return };
    let rule = "type echo-request numgen inc mod 4 0 drop";
    lab.far.run(&format!(
        "nft -f - <<'END'\ntable inet t {{ chain i {{ type filter hook input priority 0;\n\
         icmp {rule}\nicmpv6 {rule}\n}}; }}\nEND"
    ));
    for host in ["10.9.2.2", "fd09:2::2"] {
        let options = ["-c", "40", "-i", "0.01", "-W", "0.5", host];
        let ended = run(lab.here.netdiag(&["ping", "--json"]).args(options));
        let target = ended.target();
        assert_eq!(target["sent"], 40, "{ended:?}");
        assert_eq!(target["received"], 30, "{ended:?}");
        assert_eq!(target["loss_percent"], 25.0, "{ended:?}");
        let lost: Vec<u64> = target["probes"]
            .as_array()
            .expect("probes")
            .iter()
            .filter(|probe| probe["outcome"] == "timeout")
            .map(|probe| probe["seq"].as_u64().expect("a number"))
            .collect();
        assert_eq!(lost, (1..=40).step_by(4).collect::<Vec<_>>(), "{ended:?}");
        let text = run(lab.here.netdiag(&["ping", "-q"]).args(options));
        let ping = run(lab.here.command("ping").arg("-nq").args(options));
        for said in [&text.out, &ping.out] {
            let line = "40 packets transmitted, 30 received, 25% packet loss, time ";
            assert!(said.contains(line), "{said}");
        }
    }
}

#[test]
fn a8_hops_back_are_guessed_from_the_ttl_and_said_to_be_a_guess() {
    for host in ["10.9.2.2", "fd09:2::2"] {
        let options = ["ping", "-c", "2", "-i", "0.05", host];
        let Some(text) = in_scenario(&scenario("two-routers-ttl62"), &options) else { return };
        assert!(text.out.contains("2 routers back (ttl 62, from 64 as a guess)"), "{text:?}");
        let options = ["ping", "-c", "2", "-i", "0.05", "--json", host];
        let Some(ended) = in_scenario(&scenario("two-routers-ttl62"), &options) else { return };
        let target = ended.target();
        assert_eq!(target["hops_back"], 2, "{ended:?}");
        assert_eq!(target["initial_ttl_guess"], 64, "{ended:?}");
        assert_eq!(target["reply_ttl"]["last"], 62, "{ended:?}");
    }
    let options = ["ping", "-c", "1", "--fail-if", "hops!=3", "--json", "10.9.3.2"];
    let Some(ended) = in_scenario(&scenario("two-routers-ttl62"), &options) else { return };
    assert_eq!(ended.code(), Some(0), "255 - 252: {ended:?}");
    assert_eq!(ended.target()["initial_ttl_guess"], 255, "{ended:?}");
}

/// The one outage of a run, as long as it truly was.
fn outage(ended: &Ended, expected: Duration) -> Value {
    let target = ended.target();
    let outages = target["outages"].as_array().expect("a list");
    assert_eq!(outages.len(), 1, "{ended:?}");
    let duration = outages[0]["duration_ms"].as_f64().expect("a number");
    let expected = expected.as_secs_f64() * 1e3;
    assert!((duration - expected).abs() < 200.0, "{duration} is not {expected}: {ended:?}");
    outages[0].clone()
}

#[test]
fn a11_silence_is_one_outage_by_timeout() {
    let text = std::fs::read_to_string(scenario("outage-3s")).expect("a scenario");
    let text = text.replace("\"5s\"", "\"500ms\"").replace("\"8s\"", "\"1700ms\"");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("outage-{}.toml", std::process::id()));
    std::fs::write(&path, text).expect("the folder for this");
    let options = ["ping", "-i", "0.1", "-c", "25", "-W", "0.3", "10.9.2.2"];
    let run = |more: &[&str]| in_scenario(&path, &[&options, more].concat());
    let (Some(json), Some(text)) = (run(&["--json"]), run(&[])) else { return };
    std::fs::remove_file(&path).expect("ours");
    let silence = Duration::from_millis(1200);
    assert_eq!(outage(&json, silence)["cause"], "timeout", "{json:?}");
    assert_eq!(json.code(), Some(0), "{json:?}");
    let lines: Vec<&str> = text.out.lines().filter(|line| line.contains("outage from")).collect();
    assert_eq!(lines.len(), 1, "{text:?}");
    assert!(lines[0].contains("for 1.2 s") || lines[0].contains("for 1.1 s"), "{text:?}");
    assert!(lines[0].contains("no ICMP error"), "{text:?}");
}

/// Runs 2.4 s of probes, during which a script takes something away for about 1.2 s.
fn with_outage(lab: &Lab, on: &Namespace, down: &str, up: &str) -> (Ended, Ended, Value) {
    let options = ["-i", "0.1", "-c", "24", "-W", "0.1", "10.9.2.2"];
    let mut command = lab.here.netdiag(&["ping", "--json"]);
    let json = Process::start(command.args(options));
    let mut command = lab.here.netdiag(&["ping"]);
    let text = Process::start(command.args(options));
    text.until_out(|out| out.contains("icmp_seq=5 "));
    on.run(down);
    let since = stopwatch();
    // The run itself is the clock.
    text.until_out(|out| out.contains("icmp_seq=17"));
    on.run(up);
    let expected = since();
    let (json, text) = (json.wait(), text.wait());
    let outage = outage(&json, expected);
    (json, text, outage)
}

/// The line about the outage in the text.
fn outage_line(text: &Ended) -> &str {
    let mut lines = text.out.lines().filter(|line| line.contains("outage from"));
    let line = lines.next().unwrap_or_else(|| panic!("no outage: {text:?}"));
    assert_eq!(lines.next(), None, "{text:?}");
    line
}

#[test]
fn a11_errors_of_a_router_are_one_outage_and_its_cause() {
    let Some(lab) = Lab::new() else { return };
    let down = "nft -f - <<'END'
table inet t { chain f { type filter hook forward priority 0; reject with icmp type net-unreachable; }; }
END";
    let (json, text, outage) = with_outage(&lab, &lab.router, down, "nft delete table inet t");
    let cause = outage["cause"].as_str().expect("text");
    assert!(cause.contains("10.9.1.1") && cause.contains("network-unreachable"), "{cause}");
    assert_eq!(json.target()["icmp_errors"][0]["from"], "10.9.1.1", "{json:?}");
    assert!(outage_line(&text).contains("10.9.1.1"), "{text:?}");
}

#[test]
fn a11_a_link_down_at_a_router_is_one_outage() {
    let Some(lab) = Lab::new() else { return };
    let (json, text, outage) =
        with_outage(&lab, &lab.router, "ip link set far down", "ip link set far up");
    // Linux sends the first few errors and is silent then (ip_error has a limit of its own).
    assert_eq!(json.target()["icmp_errors"][0]["from"], "10.9.1.1", "{json:?}");
    assert!(outage["cause"].as_str().is_some_and(|cause| !cause.is_empty()), "{json:?}");
    let target = json.target();
    let missing = ["lost", "net_errors"].map(|key| target[key].as_u64().expect("a number"));
    assert_eq!(outage["lost"], missing.iter().sum::<u64>(), "{json:?}");
    outage_line(&text);
}

#[test]
fn a11_an_own_link_down_is_an_outage_that_is_not_loss() {
    let Some(lab) = Lab::new() else { return };
    let up = "ip link set lab0 up; ip route replace default via 10.9.1.1";
    let (json, text, outage) = with_outage(&lab, &lab.here, "ip link set lab0 down", up);
    let cause = outage["cause"].as_str().expect("text");
    assert!(cause.contains("ENETUNREACH"), "{cause}");
    let target = json.target();
    assert_eq!(target["loss_percent"], 0.0, "{json:?}");
    assert!(target["local_errors"].as_u64().is_some_and(|count| count >= 10), "{json:?}");
    assert_eq!(outage["local_errors"], target["local_errors"], "{json:?}");
    assert!(text.out.contains("(ENETUNREACH 101)"), "{text:?}");
    assert!(text.out.contains(" 0% packet loss"), "{text:?}");
}
