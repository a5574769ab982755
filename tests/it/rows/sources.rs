//! Own addresses and cables that are gone for a while, by every method at once: of what was under way
//! it is unknown what became of it, and nothing is said of the network (B8).

use super::network::Lab;
use crate::support::process::{Ended, Process, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::TcpListener;

const V4: &str = "10.9.2.2";
const V6: &str = "fd09:2::2";
/// Probes of a run, ten a second.
const COUNT: usize = 70;

/// A run of each method to a host whose port 80 takes connections.
struct Runs(Vec<(String, Process)>);

impl Runs {
    fn start(lab: &Lab, host: &str) -> Self {
        lab.here.let_nobody_in();
        let listener = lab.far.inside(|| TcpListener::bind("[::]:80").expect("a free port"));
        std::thread::spawn(move || listener.incoming().for_each(drop));
        let count = COUNT.to_string();
        let start = ["ping", "-o", "jsonl", "-i", "0.1", "-W", "0.5", "-c", &count];
        let icmp = [&start[..], &[host]].concat();
        let mut runs = vec![
            ("raw".to_owned(), Process::start(&mut lab.here.netdiag(&icmp))),
            ("datagram".to_owned(), Process::start(&mut lab.here.nobody(&icmp))),
        ];
        for proto in ["udp", "tcp:80"] {
            let line = [&start[..], &["--proto", proto, host]].concat();
            runs.push((proto.to_owned(), Process::start(&mut lab.here.netdiag(&line))));
        }
        Self(runs)
    }

    /// Until so many probes of each have ended.
    fn until(&self, probes: usize) {
        for (_, process) in &self.0 {
            process.until_out(|out| out.matches("\"type\":\"probe\"").count() >= probes);
        }
    }

    /// Nothing was lost, some are unknown, the last one was answered, and only this machine's part in
    /// it is told.
    fn check(self) {
        for (method, process) in self.0 {
            let ended = process.wait();
            let target = of(&ended, "target").pop().expect("one target");
            let count = |key: &str| target[key].as_u64().expect("a number");
            assert_eq!(["lost", "net_errors"].map(count), [0, 0], "{method}: {ended:?}");
            assert!(count("unknown") >= 5, "{method}: {target}");
            let last = of(&ended, "probe").pop().expect("probes");
            assert_eq!(last["outcome"], "reply", "{method}: {ended:?}");
            let codes: Vec<Value> =
                of(&ended, "finding").iter().map(|finding| finding["code"].clone()).collect();
            assert_eq!(codes, ["local-link-changed"], "{method}: {ended:?}");
        }
    }
}

/// The events of a type.
fn of(ended: &Ended, wanted: &str) -> Vec<Value> {
    let events = ended.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.filter(|event| event["type"] == wanted).collect()
}

#[test]
fn b8_an_ipv6_address_that_is_gone_while_that_of_the_link_stays_is_no_loss() {
    let Some(lab) = Lab::new() else { return };
    let runs = Runs::start(&lab, V6);
    runs.until(5);
    lab.here.run("ip addr del fd09:1::2/64 dev lab0");
    runs.until(40);
    lab.here
        .run("ip addr add fd09:1::2/64 dev lab0 nodad; ip -6 route replace default via fd09:1::1");
    runs.check();
}

#[test]
fn b8_an_ipv6_address_that_is_checked_before_use_is_no_loss() {
    let Some(lab) = Lab::new() else { return };
    let runs = Runs::start(&lab, V6);
    runs.until(5);
    // Two seconds and a little more (RFC 4862 section 5.4.2).
    lab.here.run(
        "ip addr del fd09:1::2/64 dev lab0
         cd /proc/sys/net/ipv6/conf/lab0; echo 1 > accept_dad; echo 2 > dad_transmits
         ip addr add fd09:1::2/64 dev lab0; ip -6 route replace default via fd09:1::1",
    );
    runs.check();
}

/// The neighbour is not found, says this machine, and what it kept for it leaves when the cable is
/// back: neither tells of the network.
#[test]
fn b8_an_own_cable_that_is_out_is_no_loss_by_any_method() {
    for host in [V4, V6] {
        let Some(lab) = Lab::new() else { return };
        let near = format!("nsenter --target {} --net ip", lab.router.pid());
        let runs = Runs::start(&lab, host);
        runs.until(5);
        lab.here.run(&format!("{near} link set near down"));
        runs.until(45);
        lab.here.run(&format!(
            "{near} link set near up; {near} addr replace fd09:1::1/64 dev near nodad"
        ));
        runs.check();
    }
}

/// The only address is still being checked, for as long as the test takes.
#[test]
fn b8_without_an_address_that_may_be_used_nothing_is_lost() {
    let Some(lab) = Lab::new() else { return };
    lab.here.run(
        "ip -6 addr flush dev lab0
         cd /proc/sys/net/ipv6/conf/lab0; echo 1 > accept_dad; echo 100 > dad_transmits
         ip addr add fd09:1::2/64 dev lab0; ip -6 route replace default via fd09:1::1",
    );
    for proto in ["icmp", "udp"] {
        let line = ["ping", "--json", "--proto", proto, "-i", "0.05", "-W", "0.2", "-c", "4", V6];
        let ended = run(&mut lab.here.netdiag(&line));
        let target = ended.target();
        let count = |key: &str| target[key].as_u64().expect("a number");
        assert_eq!(["lost", "net_errors", "received"].map(count), [0; 3], "{proto}: {ended:?}");
        assert_eq!(count("unknown") + count("local_errors"), 4, "{proto}: {ended:?}");
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let finding = &ended.json()["findings"][0];
        assert_eq!(finding["code"], "local-no-source", "{proto}: {ended:?}");
        assert_eq!(finding["evidence"]["source"], "::1", "{finding}");
    }
}

#[test]
fn b8_a_source_that_is_gone_is_told_as_that() {
    let Some(lab) = Lab::new() else { return };
    for proto in ["icmp", "udp", "tcp:80"] {
        let line = ["ping", "--source", "fd09:1::2", "--proto", proto, "-i", "0.1", V6];
        let process = Process::start(&mut lab.here.netdiag(&line));
        process.until_out(|out| out.contains("seq=3 "));
        lab.here.run("ip addr del fd09:1::2/64 dev lab0");
        let said = "not sent: the source is no address of this machine, or none yet (E";
        process.until_out(|out| out.contains(said));
        process.signal(Signal::SIGINT);
        let ended = process.wait();
        assert!(!ended.out.contains("blackhole"), "{ended:?}");
        lab.here.run(
            "ip addr add fd09:1::2/64 dev lab0 nodad
             ip -6 route replace default via fd09:1::1",
        );
    }
}
