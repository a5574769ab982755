//! Every ICMP error: its words, its numbers, its sender.

use crate::support::golden;
use crate::support::world;
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// The screen that lists them.
pub(super) const SCREEN: &str = "icmp-every-error";

/// Where to, type, code, and the words: those of iputils' ping, more of them where it drops the code.
#[rustfmt::skip]
const ERRORS: &[(&str, u8, u8, &str)] = &[
    ("10.3.0.9", 3, 0, "Destination Net Unreachable"),
    ("10.3.1.9", 3, 1, "Destination Host Unreachable"),
    ("10.3.2.9", 3, 2, "Destination Protocol Unreachable"),
    ("10.3.3.9", 3, 3, "Destination Port Unreachable"),
    ("10.3.4.9", 3, 4, "Frag needed and DF set (mtu = 1300)"),
    ("10.3.5.9", 3, 5, "Source Route Failed"),
    ("10.3.6.9", 3, 6, "Destination Net Unknown"),
    ("10.3.7.9", 3, 7, "Destination Host Unknown"),
    ("10.3.8.9", 3, 8, "Source Host Isolated"),
    ("10.3.9.9", 3, 9, "Destination Net Prohibited"),
    ("10.3.10.9", 3, 10, "Destination Host Prohibited"),
    ("10.3.11.9", 3, 11, "Destination Net Unreachable for Type of Service"),
    ("10.3.12.9", 3, 12, "Destination Host Unreachable for Type of Service"),
    ("10.3.13.9", 3, 13, "Packet filtered"),
    ("10.3.14.9", 3, 14, "Precedence Violation"),
    ("10.3.15.9", 3, 15, "Precedence Cutoff"),
    ("10.11.0.9", 11, 0, "Time to live exceeded"),
    ("10.11.1.9", 11, 1, "Frag reassembly time exceeded"),
    ("10.12.0.9", 12, 0, "Parameter problem: pointer = 20"),
    ("10.12.1.9", 12, 1, "Parameter problem, required option missing: pointer = 0"),
    ("10.12.2.9", 12, 2, "Parameter problem, bad length: pointer = 0"),
    ("fd01:0::9", 1, 0, "Destination unreachable: No route"),
    ("fd01:1::9", 1, 1, "Destination unreachable: Administratively prohibited"),
    ("fd01:2::9", 1, 2, "Destination unreachable: Beyond scope of source address"),
    ("fd01:3::9", 1, 3, "Destination unreachable: Address unreachable"),
    ("fd01:4::9", 1, 4, "Destination unreachable: Port unreachable"),
    ("fd01:5::9", 1, 5, "Destination unreachable: "),
    ("fd01:6::9", 1, 6, "Destination unreachable: "),
    ("fd02::9", 2, 0, "Packet too big: mtu=1300"),
    ("fd03:0::9", 3, 0, "Time exceeded: Hop limit"),
    ("fd03:1::9", 3, 1, "Time exceeded: Defragmentation failure"),
    ("fd04:0::9", 4, 0, "Parameter problem: Wrong header field"),
    ("fd04:1::9", 4, 1, "Parameter problem: Unknown header"),
    ("fd04:2::9", 4, 2, "Parameter problem: Unknown option"),
];

/// What does not end a probe: a redirect, a source quench.
#[rustfmt::skip]
const ADVICE: &[(&str, u8, u8, &str)] = &[
    ("10.5.0.9", 5, 0, "Redirect Network(New nexthop: 10.9.0.7)"),
    ("10.5.1.9", 5, 1, "Redirect Host(New nexthop: 10.9.0.7)"),
    ("10.5.2.9", 5, 2, "Redirect Type of Service and Network(New nexthop: 10.9.0.7)"),
    ("10.5.3.9", 5, 3, "Redirect Type of Service and Host(New nexthop: 10.9.0.7)"),
];

fn run(to: &str, socket: SocketKind, form: &str) -> String {
    world::run("icmp-errors", socket, &["ping", "-c", "1", "-s", "1400", "-o", form, to]).out
}

fn router(to: &str) -> &'static str {
    if to.contains(':') { "fd09::1" } else { "10.9.0.1" }
}

#[test]
fn every_icmp_error_is_told_with_its_words_numbers_and_sender() {
    let mut screen = String::new();
    let mut faults = Vec::new();
    for (to, kind, code, text) in ERRORS {
        let family = if to.contains(':') { "ICMPv6" } else { "ICMP" };
        for socket in [SocketKind::Raw, SocketKind::IcmpDatagram] {
            let out = run(to, socket, "text");
            let line = out.lines().find(|line| line.starts_with("From ")).unwrap_or_default();
            if socket == SocketKind::Raw {
                screen.push_str(&format!("{to}: {line}\n"));
            }
            let begins = format!("From {} icmp_seq=1 {text}", router(to));
            let ends = format!("({family} {kind}/{code})");
            if !line.starts_with(&begins) || !line.ends_with(&ends) {
                faults.push(format!("{to} over {socket:?}: {line}, not {text}"));
            }
            let document: Value = serde_json::from_str(&run(to, socket, "json")).expect("JSON");
            let target = &document["targets"][0];
            let icmp = &target["probes"][0]["failure"]["icmp"];
            for icmp in [icmp, &target["icmp_errors"][0], &target["failure"]["icmp"]] {
                let said = (&icmp["type"], &icmp["code"], &icmp["from"]);
                if icmp["type"] != *kind || icmp["code"] != *code || icmp["from"] != router(to) {
                    faults.push(format!("{to} over {socket:?}: {said:?}"));
                }
            }
            if (&target["net_errors"], &target["lost"]) != (&1.into(), &0.into()) {
                faults.push(format!("{to} over {socket:?}: counters: {target}"));
            }
        }
    }
    for (to, kind, code, text) in ADVICE {
        let out = run(to, SocketKind::Raw, "text");
        let line = out.lines().find(|line| line.starts_with("From ")).unwrap_or_default();
        screen.push_str(&format!("{to}: {line}\n"));
        if line != format!("From 10.9.0.1: icmp_seq=1 {text}") {
            faults.push(format!("{to}: {line}, not {text}"));
        }
        let document: Value =
            serde_json::from_str(&run(to, SocketKind::Raw, "json")).expect("JSON");
        let target = &document["targets"][0];
        let error = &target["icmp_errors"][0];
        if error["type"] != *kind || error["code"] != *code || target["received"] != 1 {
            faults.push(format!("{to}: {target}"));
        }
    }
    let same = golden::compare(SCREEN, &screen);
    faults.extend(same.err());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
