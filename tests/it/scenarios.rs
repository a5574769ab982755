//! The program in every scenario: its screens to the byte, its documents against what really
//! happened, and the same figures behind the real kernel.
//!
//! `NETDIAG_UPDATE=1 cargo test --test it scenarios` writes the screens of tests/scenarios/golden;
//! look at the difference.

mod adapters;
mod checks;
mod clocks;
mod connects;
mod dns;
mod documents;
mod icmp;
mod identifier;
mod judged;
mod kinds;
mod mtrs;
mod mtus;
mod options;
mod paths;
mod real;
mod recompute;
mod shown;
mod streams;
mod sweeps;
mod syns;
mod terminal;
mod traces;
mod widths;

use crate::support::golden;
use crate::support::world::{self, Ran};
use netdiag_cli::ExitStatus;
use netdiag_model::contract::SocketKind;

/// One run of `netdiag ping`: the name of its screen, the scenario, the arguments, the exit code.
struct Case {
    name: &'static str,
    scenario: &'static str,
    arguments: &'static str,
    socket: SocketKind,
    status: ExitStatus,
}

const fn case(
    name: &'static str,
    scenario: &'static str,
    arguments: &'static str,
    code: u8,
) -> Case {
    let status = ExitStatus::Code(code);
    Case { name, scenario, arguments, socket: SocketKind::Raw, status }
}

const fn datagram(case: Case) -> Case {
    Case { socket: SocketKind::IcmpDatagram, ..case }
}

/// With no socket but UDP.
const fn stands_in(case: Case) -> Case {
    Case { socket: SocketKind::UdpErrorQueue, ..case }
}

const fn dies_by(signal: i32, case: Case) -> Case {
    Case { status: ExitStatus::Signal(signal), ..case }
}

const SIGTERM: i32 = 15;
/// Every forged reply in turn, and the host that only lies.
const FORGED_V4: &str = "-c 2 -W 1 10.9.2.10 10.9.2.11 10.9.2.12 10.9.2.13 10.9.2.14 10.9.2.15 \
     10.9.2.16 10.9.2.17 10.9.2.18 10.9.2.19 10.9.2.20 10.9.2.21 10.9.2.50";
const FORGED_V6: &str = "-c 2 -W 1 fd09:2::10 fd09:2::11 fd09:2::12 fd09:2::13 fd09:2::14 \
     fd09:2::15 fd09:2::16 fd09:2::17 fd09:2::18 fd09:2::19 fd09:2::20 fd09:2::21 fd09:2::50";

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("plain-v4", "plain-20ms", "-c 3 10.9.2.2", 0),
    case("plain-v6", "plain-20ms", "-c 3 fd09:2::2", 0),
    datagram(case("plain-datagram-v4", "plain-20ms", "-c 3 10.9.2.2", 0)),
    datagram(case("plain-datagram-v6", "plain-20ms", "-c 3 fd09:2::2", 0)),
    case("queries-timestamps", "queries", "--proto icmp-timestamp -c 2 10.9.2.2 10.9.3.2", 0),
    case("queries-eth0-v4", "queries", "--proto icmp-probe --probe-interface eth0 -c 1 10.9.2.2", 0),
    case("queries-eth0-v6", "queries", "--proto icmp-probe --probe-interface eth0 -c 1 fd09:2::2", 0),
    datagram(case("queries-datagram", "queries", "--proto icmp-probe --probe-interface 3 -c 1 10.9.2.2", 0)),
    datagram(case("queries-no-raw", "queries", "--proto icmp-timestamp -c 1 10.9.2.2", 3)),
    case("queries-nosuch", "queries", "--proto icmp-probe --probe-interface eth9 -c 1 10.9.2.2", 0),
    case("queries-several", "queries", "--proto icmp-probe --probe-interface 10.9.4.1 -c 1 10.9.2.2", 0),
    case("queries-neighbor", "queries", "--proto icmp-probe --probe-interface neighbor:10.9.2.9 -c 1 10.9.2.2", 0),
    case("queries-no-neighbor", "queries", "--proto icmp-probe --probe-interface neighbor:10.9.2.8 -c 1 10.9.2.2", 0),
    case("queries-silent", "queries", "--proto icmp-probe --probe-interface eth0 -c 2 -W 1 10.9.3.2", 1),
    case("plain-one", "plain-20ms", "-c 1 10.9.2.2", 0),
    case("plain-no-room-for-a-tag", "plain-20ms", "-c 2 -s 4 10.9.2.2", 0),
    case("plain-quiet-24", "plain-20ms", "-q -c 24 -i 0.2 10.9.2.2", 0),
    case("plain-classic", "plain-20ms", "--classic -c 3 10.9.2.2", 0),
    case("classic-adaptive", "plain-20ms", "--classic -A -c 5 10.9.2.2", 0),
    case("classic-outage", "outage-3s", "--classic -O -c 12 10.9.2.2", 0),
    case("adaptive", "plain-20ms", "--adaptive -c 5 10.9.2.2", 0),
    case("flood-quiet", "plain-20ms", "--flood -q -c 20 10.9.2.2", 0),
    case("outstanding", "outage-3s", "--dates --outstanding -c 12 10.9.2.2", 0),
    case("samples-49", "plain-20ms", "-q -i 0.1 -c 49 10.9.2.2", 0),
    case("samples-50", "plain-20ms", "-q -i 0.1 -c 50 10.9.2.2", 0),
    case("plain-fail-if", "plain-20ms", "-c 20 -q -i 0.1 --fail-if p95>15ms 10.9.2.2", 1),
    case("plain-deadline", "plain-20ms", "-w 2.5 10.9.2.2", 0),
    case("plain-ttl-1", "plain-20ms", "-c 2 -t 1 10.9.2.2", 1),
    case("several", "plain-20ms", "-c 2 10.9.2.2 fd09:2::2 10.9.0.1", 0),
    case("several-one-silent", "silent", "-c 2 10.9.0.1 10.9.2.2", 1),
    case("two-routers", "two-routers-ttl62", "-c 3 10.9.2.2", 0),
    case("two-routers-long-way-back", "two-routers-ttl62", "-c 3 10.9.3.2", 0),
    case("two-routers-v6", "two-routers-ttl62", "-c 3 fd09:2::2", 0),
    case("loss-exact", "loss-exact", "-c 40 -i 0.1 10.9.2.2", 0),
    case("loss-exact-fail-if", "loss-exact", "-c 40 -i 0.1 -q --fail-if loss>5% 10.9.2.2", 1),
    case("loss-random", "loss-random", "-q -c 200 -i 0.05 10.9.2.2", 0),
    case("loss-random-v6", "loss-random", "-q -c 200 -i 0.05 fd09:2::2", 0),
    case("duplicate", "duplicate", "-c 9 10.9.2.2", 0),
    case("reorder", "reorder", "-c 10 -i 0.1 10.9.2.2", 0),
    case("late", "late-1500ms", "-W 1 -c 8 -i 0.3 10.9.2.2", 0),
    case("late-in-time", "late-1500ms", "-c 4 10.9.2.2", 0),
    case("jitter-normal", "jitter-normal", "-c 100 -i 0.2 -q 10.9.2.2", 0),
    case("forged-v4", "forged", FORGED_V4, 1),
    case("forged-v6", "forged", FORGED_V6, 1),
    datagram(case("forged-datagram", "forged", FORGED_V4, 1)),
    case("forged-quiet", "forged", "-c 3 -q 10.9.2.12", 0),
    case("icmp-host-unreachable", "icmp-errors", "-c 3 10.3.1.9", 1),
    case("icmp-filtered", "icmp-errors", "-c 3 10.3.13.9", 1),
    case("icmp-too-big", "icmp-errors", "-c 3 -s 1400 10.3.4.9", 1),
    case("icmp-too-big-v6", "icmp-errors", "-c 3 -s 1400 fd02::9", 1),
    case("icmp-implausible-mtu", "icmp-errors", "-c 3 10.3.4.9", 1),
    case("icmp-redirect", "icmp-errors", "-c 3 10.5.1.9", 0),
    case("icmp-time-exceeded", "icmp-errors", "-c 3 10.11.0.9", 1),
    case("icmp-no-route-v6", "icmp-errors", "-c 3 fd01:0::9", 1),
    datagram(case("icmp-datagram", "icmp-errors", "-c 3 10.3.1.9", 1)),
    datagram(case("icmp-datagram-v6", "icmp-errors", "-c 3 fd01:1::9", 1)),
    case("outage-3s", "outage-3s", "-c 12 10.9.2.2", 0),
    case("outage-3s-quiet", "outage-3s", "-q -c 60 -i 0.2 10.9.2.2", 0),
    case("outage-host-unreachable", "outage-host-unreachable", "-c 12 10.9.2.2", 0),
    case("outage-local-3s", "outage-local-3s", "-c 12 10.9.2.2", 0),
    case("nat-stuck", "nat-stuck", "-c 20 10.9.2.2", 0),
    case("forged-many", "forged", "-c 30 -i 0.02 10.9.2.12", 0),
    case("silent", "silent", "-c 3 10.9.2.2", 1),
    case("silent-24", "silent", "-c 24 -i 0.1 -q 10.9.2.2", 1),
    case("silent-then-unreachable", "silent", "-c 3 10.9.3.9", 1),
    case("silent-then-unreachable-in-time", "silent", "-c 3 -W 5 10.9.3.9", 1),
    case("rate-limit", "rate-limit", "-c 30 -i 0.1 10.9.2.2", 0),
    case("rate-limit-slow", "rate-limit", "-c 10 -i 0.25 10.9.2.2", 0),
    case("clock", "clock", "-c 12 10.9.2.2", 0),
    case("clock-fast", "clock", "-c 110 -i 0.1 -q 10.9.2.2", 0),
    case("send-errors", "send-errors", "-c 8 10.9.2.2", 0),
    case("send-errors-fast", "send-errors", "-c 40 -i 0.2 -q 10.9.2.2", 0),
    case("send-errors-only", "send-errors", "-c 3 -i 0.2 10.9.2.2", 3),
    case("route-change", "route-change", "-c 30 -i 0.5 -q 10.9.2.2", 0),
    case("receive-drops", "receive-drops", "-c 6 10.9.2.2", 0),
    case("names", "names", "-c 2 b.example", 0),
    case("names-v6", "names", "-6 -c 2 b.example", 0),
    case("names-back", "names", "--names -c 2 10.9.2.2", 0),
    case("names-gone", "names", "-c 2 gone.example", 1),
    case("names-timeout", "names", "-c 2 slow.example", 3),
    case("names-one-gone", "names", "-c 2 b.example gone.example slow.example", 1),
    case("names-escape", "names", "-c 2 evil\u{1b}[31m.example", 0),
    case("names-escape-back", "names", "--names -c 2 10.9.0.1", 0),
    case("names-hostile-v4", "names-hostile", "--names -c 2 10.9.2.2 10.9.0.1", 0),
    case("names-hostile-v6", "names-hostile", "--names -c 2 fd09:2::2", 0),
    case("names-hostile-target", "names-hostile", "-c 2 no\u{9b}31m\u{202e}\u{200b}\u{7f}such", 1),
    case("udp", "udp", "--proto udp -c 3 10.9.2.2", 0),
    case("udp-v6", "udp", "--proto udp -c 3 fd09:2::2", 0),
    case("udp-service", "udp", "--proto icmp,udp:7 -c 3 10.9.2.2", 0),
    case("udp-limited", "udp", "--proto udp -i 0.2 -c 30 -q 10.9.2.4", 0),
    case("udp-dropped", "udp", "--proto udp -c 3 fd09:2::5", 1),
    stands_in(case("udp-stands-in", "udp", "-c 2 10.9.2.2 fd09:2::2", 0)),
    case("tcp-refused", "udp", "--proto tcp:81 -c 3 10.9.2.2", 1),
    case("tcp-filtered", "udp", "--proto udp,tcp:9 -c 3 -W 1 10.9.2.2", 1),
    case("tcp-v6", "udp", "--proto icmp,tcp:80 -c 2 fd09:2::2", 0),
    case("signal-int", "signal-int", "-c 20 10.9.2.2", 0),
    dies_by(SIGTERM, case("signal-term", "signal-term", "-c 20 10.9.2.2", 0)),
];

impl Case {
    fn run(&self, more: &[&str]) -> Ran {
        let mut arguments: Vec<&str> = vec!["ping"];
        arguments.extend(more);
        arguments.extend(self.arguments.split_whitespace());
        world::run(self.scenario, self.socket, &arguments)
    }

    /// The same without `-q`, with which JSON Lines say nothing of single probes.
    fn run_aloud(&self, more: &[&str]) -> Ran {
        let mut arguments: Vec<&str> = vec!["ping"];
        arguments.extend(more);
        arguments.extend(self.arguments.split_whitespace().filter(|word| *word != "-q"));
        world::run(self.scenario, self.socket, &arguments)
    }

    /// Whether the arguments say nothing against another form of output.
    fn has_documents(&self) -> bool {
        !["--classic", "--dates"].iter().any(|option| self.arguments.contains(option))
    }
}

/// Runs a check for each case; one that fails does not hide the others.
fn for_each_case(cases: &[Case], check: fn(&Case)) {
    let failed: Vec<&str> = cases
        .iter()
        .filter(|case| std::panic::catch_unwind(|| check(case)).is_err())
        .map(|case| case.name)
        .collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

/// Nothing that a terminal would act on or hide: C0 but the end of a line, DEL, C1, bidirectional
/// controls, zero-width characters, tags.
fn check_harmless(text: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(u32::from(c), 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
                | 0xfeff | 0xe0000..=0xe0fff)
    };
    assert!(!text.contains(harmful), "harmful: {text:?}");
}

#[test]
fn screens_are_what_they_were() {
    for_each_case(CASES, |case| {
        let ran = case.run(&[]);
        check_harmless(&ran.out);
        check_harmless(&ran.err);
        let arguments = case.arguments.escape_debug();
        let scenario = case.scenario;
        let mut screen = format!("# {scenario}.toml\n$ netdiag ping {arguments}\n{}", ran.out);
        if !ran.err.is_empty() {
            screen.push_str(&format!("--- stderr\n{}", ran.err));
        }
        let ended = match ran.status {
            ExitStatus::Code(code) => format!("exit {code}"),
            ExitStatus::Signal(signal) => format!("signal {signal}"),
        };
        screen.push_str(&format!("--- {ended}\n"));
        let same = golden::compare(case.name, &screen);
        assert!(same.is_ok(), "{}", same.unwrap_err());
        assert_eq!(ran.status, case.status, "{screen}");
    });
}

#[test]
fn no_golden_file_is_left_over() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/golden");
    for entry in std::fs::read_dir(folder).expect("the golden files") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let used = CASES
            .iter()
            .map(|case| case.name)
            .chain(sweeps::screens())
            .chain(traces::screens())
            .chain(mtrs::screens())
            .chain(mtus::screens())
            .chain(connects::screens())
            .chain(syns::screens())
            .chain(checks::screens());
        let used = used.chain([icmp::SCREEN]).any(|screen| screen == name);
        assert!(used, "no case writes {name}.txt");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for_each_case(CASES, |case| {
        for form in ["text", "json", "jsonl", "csv"] {
            if form != "text" && !case.has_documents() {
                continue;
            }
            let [first, second] = [(), ()].map(|()| case.run(&["--output", form]));
            assert_eq!((first.out, first.err), (second.out, second.err), "{form}");
            assert_eq!(first.status, case.status, "{form}");
        }
    });
}
