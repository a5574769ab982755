//! Scenarios in virtual time, seen through the engine's port.

mod common;

use common::{Pinger, scenario};
use netdiag_engine::port::{
    Change, Channel, Connect, Control, Input, InputKind, Inputs, Lookup, Network, Operation,
    OperationId, Operations, Over, StopCause,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, StampSource};
use netdiag_sim::truth::Entry;
use netdiag_sim::{Fact, VirtualNetwork};
use std::time::Duration;

const B: [&str; 2] = ["10.9.2.2", "fd09:2::2"];
const MS: Duration = Duration::from_millis(1);

#[test]
fn the_round_trip_is_that_of_the_links_to_the_nanosecond() {
    for to in B {
        let mut pinger = Pinger::new("plain-20ms");
        pinger.ping(to, 3, 100 * MS);
        assert_eq!(pinger.messages().len(), 3);
        for probe in 0..3 {
            assert_eq!(pinger.network.truth().rtt(probe), Some(20 * MS));
        }
        for (index, (at, kind)) in pinger.told.iter().enumerate() {
            match kind {
                InputKind::Sent { id, stamp } => {
                    assert_eq!((id.0 as usize, stamp.at), (index / 2, *at));
                }
                InputKind::Received(received) => {
                    assert_eq!(received.stamp.source, StampSource::Kernel);
                    assert_eq!(at.since(pinger.told[index - 1].0), 20 * MS);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_record() {
    fn record(name: &str) -> Vec<Entry> {
        let mut pinger = Pinger::new(name);
        B.iter().for_each(|to| pinger.ping(to, 50, 10 * MS));
        pinger.network.truth().entries().to_vec()
    }
    for name in ["loss-random", "jitter-normal", "forged", "rate-limit"] {
        let first = record(name);
        assert!(first.len() > 100, "{name}");
        assert_eq!(first, record(name), "{name}");
    }
}

#[test]
fn another_seed_gives_another_record() {
    let rtts = |seed| {
        let mut scenario = scenario("jitter-normal");
        scenario.seed = seed;
        let mut pinger = Pinger::new("jitter-normal");
        pinger.network = VirtualNetwork::new(&scenario);
        pinger.network.internet().record(netdiag_sim::Recording::Memory(1_000));
        pinger.ping(B[0], 5, 100 * MS);
        (0..5).map(|probe| pinger.network.truth().rtt(probe)).collect::<Vec<_>>()
    };
    assert_ne!(rtts(1), rtts(2));
}

#[test]
fn exact_faults_happen_exactly() {
    let check = |name, count, replies, fact, times| {
        for to in B {
            let mut pinger = Pinger::new(name);
            pinger.ping(to, count, 10 * MS);
            assert_eq!(pinger.messages().len(), replies, "{name}");
            assert_eq!(pinger.network.truth().count(fact), times, "{name}");
        }
    };
    check("loss-exact", 40, 30, Fact::Lost, 10);
    check("duplicate", 9, 12, Fact::Duplicated, 3);
    check("reorder", 20, 20, Fact::HeldBack, 4);
    check("silent", 5, 0, Fact::Silent, 5);
}

#[test]
fn a_reordered_request_is_answered_after_the_next_two() {
    let mut pinger = Pinger::new("reorder");
    pinger.ping(B[0], 10, 100 * MS);
    let order: Vec<u8> = pinger.messages().iter().map(|(_, _, bytes)| bytes[7]).collect();
    // The 5th (number 4) leaves at 400 ms and arrives at 710 ms with the 8th, sent at 700 ms; it was
    // first in the queue.
    assert_eq!(order, [0, 1, 2, 3, 5, 6, 4, 7, 8, 9]);
}

#[test]
fn reply_ttls_tell_the_way_back() {
    let mut pinger = Pinger::new("two-routers-ttl62");
    for to in ["10.9.2.2", "fd09:2::2", "10.9.3.2", "fd09:3::2"] {
        pinger.ping(to, 1, MS);
    }
    let ttls: Vec<u8> = pinger.messages().iter().map(|(_, ttl, _)| *ttl).collect();
    assert_eq!(ttls, [62, 62, 252, 252]);
}

#[test]
fn routers_answer_for_a_hop_limit_that_runs_out() {
    for socket in [SocketKind::Raw, SocketKind::IcmpDatagram] {
        let mut pinger = Pinger::with_socket("two-routers-ttl62", socket);
        for (to, hop_limit) in [(B[0], 1), (B[0], 2), (B[1], 1), (B[1], 2)] {
            pinger.send(to, Some(hop_limit));
            pinger.wait(100 * MS);
        }
        let from: Vec<String> = match socket {
            SocketKind::Raw => pinger.messages().into_iter().map(|(from, ..)| from).collect(),
            _ => pinger.told.iter().filter_map(offender).collect(),
        };
        assert_eq!(from, ["10.9.0.1", "10.9.1.2", "fd09::1", "fd09:1::2"], "{socket:?}");
    }
}

fn offender((_, kind): &common::Told) -> Option<String> {
    let InputKind::QueuedError(error) = kind else { return None };
    assert_eq!((error.channel, error.errno), (Channel::Icmp, 113));
    assert_eq!(error.bytes.len(), 64, "our message, quoted whole");
    error.offender.map(|from| from.to_string())
}

#[test]
fn every_icmp_error_comes_as_the_scenario_says() {
    let v4 = (0..16).map(|code| (3, code)).chain([(4, 0)]).chain((0..4).map(|code| (5, code)));
    let v4 = v4.chain([(11, 0), (11, 1), (12, 0), (12, 1), (12, 2)]);
    for (kind, code) in v4 {
        let mut pinger = Pinger::new("icmp-errors");
        pinger.ping(&format!("10.{kind}.{code}.9"), 1, MS);
        let reply = (kind == 5).then_some((0, 0));
        let expected: Vec<_> = [(kind, code)].into_iter().chain(reply).collect();
        assert_eq!(pinger.kinds(), expected);
    }
    let v6 = (0..7).map(|code| (1, code)).chain([(2, 0), (3, 0), (3, 1)]);
    for (kind, code) in v6.chain((0..3).map(|code| (4, code))) {
        let mut pinger = Pinger::new("icmp-errors");
        pinger.ping(&format!("fd0{kind}:{code}::9"), 1, MS);
        assert_eq!(pinger.kinds(), [(kind, code)]);
    }
}

#[test]
fn limits_let_a_burst_through_and_then_a_trickle() {
    for to in B {
        let mut pinger = Pinger::new("rate-limit");
        for _ in 0..100 {
            pinger.send(to, Some(1));
            pinger.wait(13 * MS);
        }
        assert_eq!(pinger.messages().len(), 7);
        assert_eq!(pinger.network.truth().count(Fact::Limited), 93);
    }
}

#[test]
fn an_outage_of_three_seconds_lasts_three_seconds() {
    let check = |name, replies, failures, errors| {
        let mut pinger = Pinger::new(name);
        pinger.ping(B[0], 200, 100 * MS);
        let count = |wanted: fn(&common::Told) -> bool| {
            pinger.told.iter().filter(|told| wanted(told)).count()
        };
        assert_eq!(pinger.kinds().iter().filter(|kind| **kind == (0, 0)).count(), replies);
        assert_eq!(count(|(_, kind)| matches!(kind, InputKind::SendFailed { .. })), failures);
        assert_eq!(pinger.kinds().iter().filter(|kind| kind.0 == 3).count(), errors);
    };
    check("outage-3s", 170, 0, 0);
    check("outage-local-3s", 170, 30, 0);
    check("outage-host-unreachable", 170, 0, 30);
}

#[test]
fn a_route_change_changes_delay_and_hops() {
    let mut pinger = Pinger::new("route-change");
    for at_hop in [Some(2), None] {
        pinger.send(B[0], at_hop);
        pinger.wait(Duration::from_secs(3));
        pinger.send(B[0], at_hop);
        pinger.wait(Duration::from_secs(3));
    }
    let from: Vec<String> = pinger.messages().into_iter().map(|(from, ..)| from).collect();
    assert_eq!(from, ["10.9.1.2", "10.9.1.2", "10.9.2.2", "10.9.2.2"]);
    assert_eq!(pinger.network.truth().rtt(0), Some(10 * MS));
    assert_eq!(pinger.network.truth().rtt(2), Some(30 * MS));
}

#[test]
fn clocks_sleep_and_lateness_are_told() {
    let mut pinger = Pinger::new("clock");
    for _ in 0..120 {
        pinger.send(B[0], None);
        pinger.wait(94 * MS);
    }
    pinger.wait(Duration::from_secs(2));
    let changes: Vec<&Change> = pinger
        .told
        .iter()
        .filter_map(|(_, kind)| match kind {
            InputKind::Changed(change) => Some(change),
            _ => None,
        })
        .collect();
    assert_eq!(
        changes,
        [
            &Change::ClockStepped { nanos: -3_600_000_000_000 },
            &Change::Suspended { length: Duration::from_secs(30) }
        ]
    );
    let user = pinger.told.iter().filter(
        |(_, kind)| matches!(kind, InputKind::Received(r) if r.stamp.source == StampSource::User),
    );
    // Ten in the second without stamps, and any on its way when the clock was set.
    assert!((10..=12).contains(&user.count()));
    let late = pinger.told.iter().filter_map(|(at, kind)| match kind {
        InputKind::Received(received) => Some(received.stamp.user.since(*at)),
        _ => None,
    });
    let latest = late.max().expect("replies");
    assert!(latest > Duration::from_millis(2_900), "the process looked late: {latest:?}");
    let rtts = (0..60).filter_map(|probe| pinger.network.truth().rtt(probe));
    assert!(rtts.into_iter().all(|rtt| rtt == 20 * MS), "and yet nothing was late");
}

#[test]
fn sends_fail_as_the_scenario_says() {
    let mut pinger = Pinger::new("send-errors");
    pinger.ping(B[1], 80, 100 * MS);
    let failures = pinger.told.iter().filter_map(|(_, kind)| match kind {
        InputKind::SendFailed { error, .. } => Some((error.errno, error.mtu)),
        _ => None,
    });
    let failures: Vec<_> = failures.collect();
    let of = |errno, mtu| failures.iter().filter(|failure| **failure == (errno, mtu)).count();
    assert_eq!((of(1, None), of(101, None), of(105, None)), (10, 10, 5));
    assert_eq!(of(90, Some(1280)), 10);
    assert_eq!(pinger.messages().len(), 80 - 35);
}

#[test]
fn signals_and_drops_reach_the_process() {
    let text = std::fs::read_to_string(common::scenario_path("plain-20ms")).expect("a file");
    let more = "[[local]]\nat = \"1s\"\nsignal = \"QUIT\"\n[[local]]\nat = \"2s\"\nsignal = \"INT\"\n\
                [[local]]\nat = \"0s\"\nreceive_drops = 2\n";
    let mut pinger = Pinger::new("plain-20ms");
    pinger.network = VirtualNetwork::new(&(text + more).parse().expect("a scenario"));
    pinger.ping(B[0], 4, 100 * MS);
    assert_eq!(pinger.messages().len(), 2);
    let has =
        |wanted: &InputKind<Vec<u8>>| pinger.told.iter().filter(|(_, kind)| kind == wanted).count();
    assert_eq!(has(&InputKind::Changed(Change::ReceiveDrops { count: 1 })), 2);
    assert_eq!(has(&InputKind::Interim), 1);
    assert_eq!(has(&InputKind::Stop(StopCause::Interrupt)), 1);
}

#[test]
fn a_wake_up_that_is_late_does_not_make_the_reply_late() {
    let mut scenario = scenario("plain-20ms");
    scenario.here.wake_delay = toml_span("3ms");
    let mut pinger = Pinger::new("plain-20ms");
    pinger.network = VirtualNetwork::new(&scenario);
    pinger.ping(B[0], 1, 100 * MS);
    let (sent, InputKind::Sent { .. }) = &pinger.told[0] else { panic!("a send") };
    let (at, InputKind::Received(received)) = &pinger.told[1] else { panic!("a reply") };
    assert_eq!(at.since(*sent), 20 * MS);
    assert_eq!(received.stamp.user.since(*sent), 23 * MS);
}

fn toml_span(text: &str) -> netdiag_sim::scenario::Span {
    #[derive(serde::Deserialize)]
    struct Holder {
        span: netdiag_sim::scenario::Span,
    }
    toml::from_str::<Holder>(&format!("span = {text:?}")).expect("a span").span
}

#[test]
fn connections_open_fail_and_hang() {
    let text = std::fs::read_to_string(common::scenario_path("plain-20ms")).expect("a file");
    let text = text.replacen(
        "ipv6 = \"fd09:2::2\"",
        "ipv6 = \"fd09:2::2\"\ntcp_open = [80]\ntcp_silent = [81]",
        1,
    );
    let mut network = VirtualNetwork::new(&text.parse().expect("a scenario"));
    let mut operations = Operations::new();
    for (index, (to, port)) in
        [(B[0], 80), (B[0], 82), (B[0], 81), (B[1], 80)].into_iter().enumerate()
    {
        operations.push(Operation::Connect(Connect {
            id: OperationId(index as u32),
            over: Over::Tcp,
            destination: Destination::new(to.parse().expect("an address")),
            port,
            source_port: 0,
            stays: false,
            control: Control::default(),
        }));
    }
    network.submit(&mut operations).expect("a network that goes on");
    let mut inputs = Inputs::new();
    let until = network.now() + Duration::from_secs(1);
    network.wait(until, &mut inputs).expect("a network that goes on");
    let begun = |input: &Input<&[u8]>| matches!(input.kind, InputKind::Begun { .. });
    assert!(inputs.len() == 4 && inputs.iter().all(|input| begun(&input)));
    inputs.clear();
    network.wait(until, &mut inputs).expect("a network that goes on");
    let told: Vec<_> = inputs
        .iter()
        .map(|input| match input.kind {
            InputKind::Connected { id, info, .. } => (id.0, info.map(|info| info.rtt), 0),
            InputKind::ConnectFailed { id, error, .. } => (id.0, None, error.errno),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [(0, Some(20 * MS), 0), (1, None, 111), (3, Some(20 * MS), 0)]);
}

#[test]
fn names_go_both_ways() {
    let mut network = VirtualNetwork::new(&scenario("names"));
    let addresses = network.resolve("b.example").expect("a name");
    assert_eq!(addresses.len(), 2);
    assert!(network.resolve("slow.example").is_err() && network.resolve("gone.example").is_err());
    assert_eq!(network.resolve("10.9.2.2").expect("an address").len(), 1);
    let mut operations = Operations::new();
    let address = "10.9.2.2".parse().expect("an address");
    operations.push(Operation::Lookup(Lookup { id: OperationId(9), address }));
    network.submit(&mut operations).expect("a network that goes on");
    let mut inputs = Inputs::new();
    let until = network.now() + Duration::from_secs(1);
    network.wait(until, &mut inputs).expect("a network that goes on");
    let input = inputs.iter().next().expect("a name");
    let InputKind::Named { result: Ok(Some(name)), .. } = input.kind else { panic!("{input:?}") };
    assert_eq!(name.as_raw(), "b.example");
    assert_eq!(input.at, until - Duration::from_millis(950));
}

#[test]
fn every_scenario_has_both_families_and_runs() {
    let directory = common::scenario_path("x").parent().expect("a directory").to_owned();
    let mut count = 0;
    for file in std::fs::read_dir(directory).expect("tests/scenarios") {
        let path = file.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let scenario = netdiag_sim::Scenario::load(&path).expect("a scenario without errors");
        let here = &scenario.here;
        assert!(!here.ipv4.is_empty() && !here.ipv6.is_empty(), "{}", path.display());
        let mut internet = netdiag_sim::Internet::new(&scenario, netdiag_model::Instant::ZERO);
        common::probes()
            .iter()
            .for_each(|probe| internet.inject(netdiag_model::Instant::ZERO, probe));
        while internet.poll(netdiag_model::Instant::FAR).is_some() {}
        count += 1;
    }
    assert!(count >= 20, "{count}");
}
