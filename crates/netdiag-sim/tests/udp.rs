//! UDP probes in virtual time and behind the real kernel, where any user may send them: both mounts
//! must tell the same.
//!
//! Where no lab can be made these tests say `SKIPPED` and pass, unless `NETDIAG_TEST_REQUIRE`
//! contains `netns`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod common;

use common::{scenario, scenario_path};
use netdiag_engine::outcome::ReplyDetail;
use netdiag_engine::port::{
    Channel, Control, ErrorOrigin, InputKind, Inputs, Message, Network, Operation, OperationId,
    Operations, Transmit,
};
use netdiag_engine::{
    Engine, EngineConfig, Events, Measurement, Next, Outcome, Pattern, Probe, ProbeKind, ProbeSpec,
    Secret, Stray, UdpSpec, run,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Instant};
use netdiag_sim::{Fact, VirtualNetwork};
use netdiag_sys::{OpenRequest, SystemNetwork, privileges};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::ControlFlow::Continue;
use std::process::Command;
use std::time::Duration;

/// Set in the process that runs in the lab, to what it must wait for.
const INSIDE: &str = "NETDIAG_SIM_TEST_INSIDE";
/// Begins each line that the process in the lab has to say.
const MARK: &str = "said: ";

/// One datagram: the last part of the address, port, hop limit, bytes of payload.
type Shot = (&'static str, u16, Option<u8>, u16);

fn shots() -> Vec<Shot> {
    let mut shots = vec![
        ("2", 33_434, None, 56),
        ("2", 7, None, 56),
        ("2", 9, None, 56),
        ("2", 33_435, Some(1), 56),
        ("2", 33_436, Some(2), 56),
        ("2", 33_437, None, 0),
        ("3", 33_434, None, 56),
        ("5", 33_434, None, 56),
        ("60", 33_434, None, 56),
        ("77", 33_434, None, 56),
        ("20", 33_434, None, 1_450),
    ];
    shots.extend((33_434..33_444).map(|port| ("4", port, None, 56)));
    for host in ["10", "11", "12", "13", "14", "15", "16"] {
        shots.extend([(host, 33_434, None, 56), (host, 7, None, 56)]);
    }
    shots
}

fn destinations(host: &str) -> [Destination; 2] {
    ["10.9.2.", "fd09:2::"]
        .map(|net| Destination::new(format!("{net}{host}").parse().expect("an address")))
}

/// What nobody may send to one target at once, and how long the next takes.
const APART: Duration = Duration::from_millis(2);

/// Sends all shots, no faster than nobody may, and tells in order, one line each, the first `expected`
/// things that come back, or everything of a second of virtual time.
fn shoot<N: Network>(network: &mut N, expected: Option<usize>) -> Vec<String> {
    let mut operations = Operations::new();
    let (mut inputs, mut told) = (Inputs::new(), Vec::new());
    let shots = shots();
    let all = shots.iter().flat_map(|shot| destinations(shot.0).map(|to| (to, shot)));
    for (index, (destination, (_, port, hop_limit, size))) in (0..).zip(all) {
        let mut bytes = u32::to_be_bytes(index).to_vec();
        bytes.resize(usize::from(*size).max(4), 0xa5);
        let bytes = &bytes[..usize::from(*size)];
        let (id, channel) = (OperationId(index), Channel::Udp { port: *port });
        let control = Control { hop_limit: *hop_limit, ..Control::default() };
        let transmit = Transmit { id, channel, destination, control, bytes };
        operations.push(Operation::Transmit(transmit));
        network.submit(&mut operations).expect("a network that goes on");
        let next = network.now() + APART;
        while network.now() < next {
            inputs.clear();
            network.wait(next, &mut inputs).expect("a network that goes on");
            told.extend(inputs.iter().filter_map(|input| line(&input.kind)));
        }
    }
    let end = network.now() + Duration::from_secs(if expected.is_some() { 10 } else { 1 });
    while network.now() < end && expected.is_none_or(|expected| told.len() < expected) {
        inputs.clear();
        network.wait(end, &mut inputs).expect("a network that goes on");
        told.extend(inputs.iter().filter_map(|input| line(&input.kind)));
    }
    told.sort();
    told
}

/// What an input says beside its time.
fn line(kind: &InputKind<&[u8]>) -> Option<String> {
    match kind {
        InputKind::Sent { .. } => None,
        InputKind::QueuedError(error) => {
            assert_eq!(error.origin, ErrorOrigin::Icmp);
            let Channel::Udp { port } = error.channel else { panic!("{error:?}") };
            let from = error.offender.expect("an offender");
            let (to, code) = (error.destination, (error.kind, error.code));
            let (errno, info, hops) = (error.errno, error.info, error.hop_limit);
            let mut line = format!("{to} {port}: {code:?} from {from}, {errno} {info} {hops:?},");
            let quoted = error.bytes;
            write!(line, " {} quoted {:?}", quoted.len(), quoted.get(..17)).expect("a string");
            Some(line)
        }
        InputKind::Received(received) => {
            let Message::Udp(port, bytes) = received.message else { panic!("{received:?}") };
            let (from, hops) = (received.from, received.hop_limit);
            let sample = (bytes.get(..17), bytes.last());
            Some(format!("{from} {port}: datagram, {hops:?}, {} {sample:?}", bytes.len()))
        }
        other => panic!("{other:?}"),
    }
}

/// The network that nobody's process has in the lab.
fn nobodys() -> SystemNetwork {
    let network = OpenRequest { udp: true, ..OpenRequest::default() }.open();
    assert!(network.opened().ipv4.is_err() && network.opened().ipv6.is_err());
    privileges::drop_all().expect("dropped");
    network
}

/// Runs a test of this program as nobody in the lab, for each mount; returns what it said.
fn in_the_lab(test: &str, wanted: &str) -> Option<Vec<Vec<String>>> {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("our directory");
    let program = directory.path().join("inside");
    std::fs::copy(std::env::current_exe().expect("our own path"), &program).expect("a copy");
    let user: &[&str] = if nix::unistd::geteuid().is_root() { &["--user", "65534"] } else { &[] };
    let mounts = [&[][..], &["--veth"]];
    let said = mounts.map(|mount| {
        let output = Command::new(env!("CARGO_BIN_EXE_netlab"))
            .args(user)
            .args(mount)
            .arg(scenario_path("udp"))
            .arg("--")
            .arg(&program)
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(INSIDE, wanted)
            .current_dir("/")
            .output()
            .expect("netlab itself starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        if output.status.code() == Some(77) && err.starts_with("SKIPPED") {
            let required = std::env::var("NETDIAG_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.contains("netns"), "netns is required, but: {err}");
            eprintln!("{err}");
            return None;
        }
        assert!(out.contains("1 passed"), "{mount:?}:\n{out}\n{err}");
        let marked = out.lines().filter_map(|line| line.split_once(MARK));
        Some(marked.map(|(_, said)| said.to_owned()).collect())
    });
    said.into_iter().collect()
}

fn say(lines: &[String]) {
    lines.iter().for_each(|line| println!("\n{MARK}{line}"));
}

#[test]
fn both_mounts_tell_the_same() {
    if let Ok(expected) = std::env::var(INSIDE) {
        let expected = expected.parse().expect("a number");
        return say(&shoot(&mut nobodys(), Some(expected)));
    }
    let mut network = VirtualNetwork::with_socket(&scenario("udp"), SocketKind::UdpErrorQueue);
    let simulated = shoot(&mut network, None);
    // Closed, echoed, two of routers, empty, quotes-8, 3/3 of a router, nobody, too big; six of ten;
    // two and two of each host that forges, but for the checksum that nobody believes.
    let count = simulated.iter().filter(|line| line.starts_with("10.")).count();
    assert_eq!(count, 9 + 6 + (4 + 2 + 4 + 4 + 4 + 4 + 4), "{simulated:#?}");
    let empty = simulated.iter().filter(|line| line.contains(" 0 quoted"));
    assert!(empty.count() >= 6, "{simulated:#?}");
    let Some(said) = in_the_lab("both_mounts_tell_the_same", &simulated.len().to_string()) else {
        return;
    };
    for real in said {
        assert_eq!(real, simulated);
    }
}

/// Sends what it is given and notes how each ended.
#[derive(Debug, Default)]
struct Shooter {
    plan: VecDeque<ProbeSpec>,
    ended: BTreeMap<u64, String>,
    strays: BTreeMap<u64, u64>,
}

impl Measurement for Shooter {
    type Event = ();

    fn next(&mut self, _: Instant, _: &mut Events<()>) -> Next {
        self.plan.pop_front().map_or(Next::Done, Next::Probe)
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, _: &mut Events<()>) {
        let word = match outcome {
            Outcome::Replied(reply) => match reply.detail {
                ReplyDetail::PortUnreachable => format!("port unreachable, {}", reply.bytes),
                ReplyDetail::Datagram { echoed } => format!("datagram, echoed {echoed}"),
                ref other => panic!("{other:?}"),
            },
            Outcome::NetError(error) => format!("{} from {}", error.kind.name(), error.from),
            Outcome::TimedOut => "nothing".to_owned(),
            other => panic!("{other:?}"),
        };
        let ended = format!("{}: {word}", probe.destination);
        assert_eq!(self.ended.insert(probe.seq, ended), None);
    }

    fn stray(&mut self, probe: &Probe, _: &Stray, _: &mut Events<()>) {
        *self.strays.entry(probe.seq).or_default() += 1;
    }

    fn stop(&mut self, _: Instant, _: &mut Events<()>) {}

    fn finish(&mut self, _: Instant, _: &mut Events<()>) {}
}

/// Lets the engine probe, all at once, and tells how each probe ended.
fn probe<N: Network>(network: &mut N) -> Vec<String> {
    let mut shooter = Shooter::default();
    // Two probes to the host that quotes 8 bytes go to one port: nobody can tell them apart.
    let more: [Shot; 3] =
        [("3", 33_500, None, 56), ("3", 33_500, None, 56), ("3", 33_501, None, 0)];
    let shots = shots();
    let all = shots.iter().chain(&more).flat_map(|shot| destinations(shot.0).map(|to| (to, shot)));
    for (seq, (destination, (_, port, hop_limit, size))) in (1..).zip(all) {
        let udp = UdpSpec { port: *port, size: *size, pattern: Pattern::COUNTING };
        shooter.plan.push_back(ProbeSpec {
            target: 0,
            seq,
            destination,
            timeout: Duration::from_secs(2),
            patience: Duration::from_millis(200),
            control: Control { hop_limit: *hop_limit, ..Control::default() },
            kind: ProbeKind::Udp(udp),
        });
    }
    let mut config = EngineConfig::new(Secret::new([9; 18]), network.opened().clone());
    config.burst = 1_000;
    let mut engine = Engine::new(config, network.now());
    engine.add(shooter);
    run::<_, _, Infallible>(&mut engine, network, |()| Continue(()), |_| Continue(Instant::FAR))
        .expect("a network that goes on");
    let shooter = engine.into_measurements().remove(0);
    shooter.ended.into_iter().map(|(seq, ended)| format!("{seq} {ended}")).collect()
}

#[test]
fn the_engine_finds_the_same_in_both_mounts() {
    if std::env::var_os(INSIDE).is_some() {
        return say(&probe(&mut nobodys()));
    }
    let mut network = VirtualNetwork::with_socket(&scenario("udp"), SocketKind::UdpErrorQueue);
    let simulated = probe(&mut network);
    let ended = |host: &str| -> Vec<&str> {
        let start = format!(" 10.9.2.{host}: ");
        simulated.iter().filter_map(|line| line.split_once(&start)).map(|(_, end)| end).collect()
    };
    let unreachable = "port unreachable, 64";
    assert_eq!(ended("2")[..3], [unreachable, "datagram, echoed true", "nothing"]);
    assert!(ended("2")[3].ends_with("from 10.9.0.1") && ended("2")[4].ends_with("from 10.9.1.2"));
    assert_eq!(ended("2")[5], "port unreachable, 8");
    assert_eq!(ended("3"), ["port unreachable, 8", "nothing", "nothing", "port unreachable, 8"]);
    assert_eq!(ended("4").iter().filter(|end| **end == unreachable).count(), 6);
    assert_eq!(ended("5"), ["nothing"]);
    assert!(ended("60")[0].ends_with("from 10.9.1.2"));
    assert!(ended("10")[0].ends_with("from 10.9.2.11"), "not the target's own");
    assert_eq!(ended("10")[1], "datagram, echoed true");
    for host in ["11", "12", "13", "14", "16"] {
        assert_eq!(ended(host)[0], unreachable, "{host}");
    }
    let expired = "time-exceeded-in-transit from 10.9.2.15";
    assert_eq!(ended("15"), [expired; 2], "quoted too little for a name, and alone");
    let Some(said) = in_the_lab("the_engine_finds_the_same_in_both_mounts", "") else { return };
    for real in said {
        assert_eq!(real, simulated);
    }
}

#[test]
fn where_only_udp_is_open_icmp_fails_as_the_kernel_refused_it() {
    let mut network = VirtualNetwork::with_socket(&scenario("udp"), SocketKind::UdpErrorQueue);
    assert_eq!(network.opened().refused.len(), 4);
    let mut operations = Operations::new();
    for (index, destination) in (0..).zip(destinations("2")) {
        let (id, channel, control) = (OperationId(index), Channel::Icmp, Control::default());
        let bytes: &[u8] = &[8, 0, 0, 0, 0, 0, 0, 0];
        operations.push(Operation::Transmit(Transmit { id, channel, destination, control, bytes }));
    }
    network.submit(&mut operations).expect("a network that goes on");
    let mut inputs = Inputs::new();
    network.wait(Instant::ZERO, &mut inputs).expect("a network that goes on");
    let failed = inputs.iter().filter(
        |input| matches!(input.kind, InputKind::SendFailed { error, .. } if error.errno == 13),
    );
    assert_eq!((failed.count(), inputs.len()), (2, 2));
    assert_eq!(network.truth().count(Fact::Sent), 0);
}

#[test]
fn a_datagram_that_was_changed_on_the_way_is_dropped_by_who_gets_it() {
    let text = std::fs::read_to_string(scenario_path("udp")).expect("a file");
    for direction in ["ab", "ba"] {
        let link =
            format!("[[link]]\na = \"r2\"\nb = \"b\"\n[link.{direction}]\ncorrupt_every = 1\n");
        let scenario = (text.clone() + &link).parse().expect("a scenario");
        let mut network = VirtualNetwork::with_socket(&scenario, SocketKind::UdpErrorQueue);
        let told = shoot(&mut network, None);
        let from_b = |line: &&String| line.starts_with("10.9.2.2 7:");
        assert_eq!(told.iter().filter(from_b).count(), 0, "{told:#?}");
        let (there, back) = (Fact::BadChecksum, Fact::KernelBadChecksum);
        assert!(network.truth().count(if direction == "ab" { there } else { back }) >= 4);
    }
}
