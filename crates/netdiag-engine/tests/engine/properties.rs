//! Random inputs in any order, the port's promises broken too: what the crate promises holds.
//!
//! Most of the checks stand in [`Script`]: a probe settles once, `sent` comes before, the sums hold
//! after every step, a round trip is within its timeout, nothing is told after `finish`.

use crate::harness::{V4, V6, at, interface_kind, is_long, probe, timestamp_kind};
use crate::script::{OUR_INTERFACE, Script};
use crate::steps::{Damage, SPAN, Skew, Step, run};
use netdiag_engine::port::{
    Change, ExchangeError, ExchangeFraming, InterfaceChange, InterfaceEvent, SendError,
};
use netdiag_engine::{ConnectSpec, EchoSpec, Next, Pattern, ProbeKind, ProbeSpec, UdpSpec};
use proptest::prelude::*;
use std::time::Duration;

fn skew() -> impl Strategy<Value = Skew> {
    let micros =
        || prop_oneof![4 => Just(0), 3 => -900..900_i64, 1 => -9_000_000_000..9_000_000_000_i64];
    (micros(), prop::option::of(micros())).prop_map(|(user, kernel)| Skew(user, kernel))
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        6 => Just(Damage::Nothing),
        1 => Just(Damage::Source),
        2 => (0..80_usize).prop_map(Damage::Byte),
        1 => (0..80_usize).prop_map(Damage::Cut),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let errno = || prop::sample::select(vec![1, 11, 12, 22, 90, 101, 104, 105, 110, 111, 113]);
    let ended = prop_oneof![
        Just(Ok(())),
        errno().prop_map(|errno| Err(ExchangeError::Connect(SendError::new(errno)))),
        Just(Err(ExchangeError::Closed)),
        Just(Err(ExchangeError::TimedOut)),
    ];
    let change = prop_oneof![
        Just(Change::Suspended { length: Duration::from_secs(9) }),
        Just(Change::ClockStepped { nanos: -5 }),
        Just(Change::ReceiveDrops { count: 3 }),
        (0..2_u32, any::<bool>()).prop_map(|(other, carrier)| {
            let index = OUR_INTERFACE + other;
            let what = if carrier { InterfaceEvent::Up } else { InterfaceEvent::NoCarrier };
            Change::Interface(InterfaceChange { index, name: None, what })
        }),
    ];
    prop_oneof![
        6 => prop_oneof![0..5_u64, 0..900_u64, 0..5_000_u64].prop_map(Step::Pass),
        8 => (any::<usize>(), skew()).prop_map(|(n, skew)| Step::Sent(n, skew)),
        3 => (any::<usize>(), errno()).prop_map(|(n, errno)| Step::SendFailed(n, errno)),
        8 => (any::<usize>(), skew(), damage()).prop_map(|(n, s, d)| Step::Reply(n, s, d)),
        3 => (any::<usize>(), skew(), 20..120_usize).prop_map(|(n, s, l)| Step::Error(n, s, l)),
        3 => (any::<usize>(), 0..13_u8, 0..5_u8, 0..1_500_u32, 0..70_usize, any::<bool>())
            .prop_map(|(n, kind, code, info, l, own)| Step::Queued(n, kind, code, info, l, own)),
        3 => (any::<usize>(), prop::sample::select(vec![(3, 3), (1, 4)]), 0..70_usize)
            .prop_map(|(n, (kind, code), l)| Step::Queued(n, kind, code, 0, l, true)),
        4 => (any::<usize>(), skew(), damage()).prop_map(|(n, s, d)| Step::Datagram(n, s, d)),
        2 => (0..40_u32, skew()).prop_map(|(id, skew)| Step::Connected(id, skew)),
        2 => (0..40_u32, skew(), errno(), any::<bool>())
            .prop_map(|(id, s, errno, icmp)| Step::ConnectFailed(id, s, errno, icmp)),
        2 => (0..40_u32, ended).prop_map(|(id, ended)| Step::Exchanged(id, ended)),
        1 => (0..40_u32).prop_map(Step::Named),
        1 => (prop::collection::vec(any::<u8>(), 0..100), any::<bool>())
            .prop_map(|(bytes, v4)| Step::Noise(bytes, v4)),
        1 => change.prop_map(Step::Change),
        1 => Just(Step::Interim),
        1 => Just(Step::Stop),
    ]
}

fn size() -> impl Strategy<Value = u16> {
    prop::sample::select(vec![0_u16, 3, 8, 15, 16, 56, 1_400])
}

fn next(seq: u64) -> impl Strategy<Value = Next> {
    let framing = ExchangeFraming::Length16;
    let kind = prop_oneof![
        6 => (size(), any::<u8>(), any::<bool>()).prop_map(|(size, flow, group)| {
            ProbeKind::Echo(EchoSpec { size, pattern: Pattern::COUNTING, flow, balance: None, group })
        }),
        6 => (size(), 7..9_u16).prop_map(|(size, port)| {
            ProbeKind::Udp(UdpSpec { port, size, pattern: Pattern::COUNTING })
        }),
        2 => any::<u8>().prop_map(timestamp_kind),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(flow, own)| interface_kind(flow, own)),
        1 => Just(ProbeKind::Connect(ConnectSpec::to(80))),
        1 => Just(ProbeKind::Exchange { port: 53, framing, request: vec![7; 9] }),
    ];
    let timeout = prop::sample::select(vec![0_u64, 1, 100, 1_000, 5_000]);
    let spec = (kind, any::<bool>(), timeout).prop_map(move |(kind, v4, timeout)| ProbeSpec {
        timeout: Duration::from_millis(timeout),
        ..probe(seq, if v4 { V4 } else { V6 }, kind)
    });
    prop_oneof![
        8 => spec.prop_map(Next::Probe),
        1 => Just(Next::Lookup(V4.parse().expect("an address"))),
        1 => (1..4_u64).prop_map(move |n| Next::GiveUp((1..=n).map(|back| seq.saturating_sub(back)).collect())),
        1 => (0..3_000_u64).prop_map(|millis| Next::NotBefore(at(millis))),
    ]
}

fn script(number: u64) -> impl Strategy<Value = Script> {
    let plan: Vec<_> = (1..12).map(|seq| next(number * SPAN + seq)).collect();
    (plan, any::<bool>()).prop_map(|(plan, quits)| {
        let stopped = if quits { Next::Quit } else { Next::Done };
        Script::new(plan, Next::Done).when_stopped(stopped)
    })
}

/// More with `NETDIAG_TEST_LONG` set.
fn cases() -> u32 {
    if is_long() { 100_000 } else { 2_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_comes_in_every_probe_settles_once_and_the_run_ends(
        scripts in (script(0), script(1), script(2)),
        steps in prop::collection::vec(step(), 0..120),
        identifiers in 1..=16_u8,
    ) {
        run([scripts.0, scripts.1, scripts.2], &steps, identifiers);
    }
}
