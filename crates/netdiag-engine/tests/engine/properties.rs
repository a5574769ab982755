//! Random inputs in any order, the port's promises broken too: what the crate promises holds.
//!
//! Most of the checks stand in [`Script`]: a probe settles once, `sent` comes before, the sums hold
//! after every step, a round trip is within its timeout, nothing is told after `finish`.

use crate::harness::{Bench, START, Sent, V4, V6, at, config, is_long, probe};
use crate::packets::{
    self, Answer, ROUTER_V4, ROUTER_V6, Socket, datagram, datagram_from, error, queued,
};
use crate::script::{OUR_INTERFACE, Script};
use netdiag_engine::port::{
    Change, Channel, ExchangeError, ExchangeFraming, InputKind, InterfaceChange, InterfaceEvent,
    Operation, OperationId, SendError,
};
use netdiag_engine::{EchoSpec, Next, Pattern, ProbeKind, ProbeSpec, UdpSpec};
use netdiag_model::{Destination, Instant, Stamp};
use netdiag_wire::icmp::ErrorMessage;
use proptest::prelude::*;
use std::time::Duration;

/// Sequence numbers of measurement `n` start here times `n`, so that they name it.
const SPAN: u64 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    /// Time passes, with everything before it handed in.
    Pass(u64),
    Sent(usize, Skew),
    SendFailed(usize, i32),
    Reply(usize, Skew, Damage),
    Error(usize, Skew, usize),
    /// Of which probe, type, code, information, bytes quoted; from the target or a router.
    Queued(usize, u8, u8, u32, usize, bool),
    Datagram(usize, Skew, Damage),
    Connected(u32, Skew),
    ConnectFailed(u32, Skew, i32, bool),
    Exchanged(u32, Result<(), ExchangeError>),
    Named(u32),
    Noise(Vec<u8>, bool),
    Change(Change),
    Interim,
    Stop,
}

/// A stamp off the time of the input: the user's and the kernel's, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Skew(i64, Option<i64>);

impl Skew {
    fn stamp(self, now: Instant) -> Stamp {
        let shifted = |micros: i64| {
            let by = Duration::from_micros(micros.unsigned_abs());
            if micros < 0 { now - by } else { now + by }
        };
        match self.1 {
            Some(kernel) => Stamp::kernel(shifted(kernel), shifted(self.0)),
            None => Stamp::user(shifted(self.0)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Nothing,
    Source,
    Byte(usize),
    Cut(usize),
}

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
        6 => (size(), any::<u8>()).prop_map(|(size, flow)| {
            ProbeKind::Echo(EchoSpec { size, pattern: Pattern::COUNTING, flow })
        }),
        6 => (size(), 7..9_u16).prop_map(|(size, port)| {
            ProbeKind::Udp(UdpSpec { port, size, pattern: Pattern::COUNTING })
        }),
        1 => Just(ProbeKind::Connect { port: 80 }),
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

/// Hands one step in at the time reached.
fn apply(bench: &mut Bench, sent: &[Sent], step: &Step) {
    let now = bench.now;
    let nth = |n: usize| sent.get(n.checked_rem(sent.len()).unwrap_or(0));
    match step {
        Step::Pass(millis) => return bench.pass(now + Duration::from_millis(*millis)),
        Step::Sent(n, skew) => {
            let Some(sent) = nth(*n) else { return };
            bench.input(now, InputKind::Sent { id: sent.id, stamp: skew.stamp(now) });
        }
        Step::SendFailed(n, errno) => {
            let Some(sent) = nth(*n) else { return };
            let error = SendError::new(*errno);
            bench.input(now, InputKind::SendFailed { id: sent.id, error });
        }
        Step::Reply(n, skew, damage) => {
            let Some(sent) = nth(*n) else { return };
            if sent.channel != Channel::Icmp {
                return;
            }
            let mut answer = Answer::to(sent);
            match damage {
                Damage::Nothing => {}
                Damage::Source => answer.from = crate::harness::destination("192.0.2.66"),
                Damage::Byte(place) => {
                    answer.payload.iter_mut().skip(*place).take(1).for_each(|b| *b ^= 1)
                }
                Damage::Cut(length) => answer.cut = Some(*length),
            }
            let socket = if n % 2 == 0 { Socket::Raw } else { Socket::Datagram };
            bench.receive_stamped(now, skew.stamp(now), &answer.over(socket));
        }
        Step::Error(n, skew, length) => {
            let Some(sent) = nth(*n) else { return };
            let router = if sent.destination.address().is_ipv4() { ROUTER_V4 } else { ROUTER_V6 };
            let message = ErrorMessage::TimeExceeded { code: 0 };
            let packet = error(router, message, &datagram(sent), *length);
            bench.receive_stamped(now, skew.stamp(now), &packet);
        }
        Step::Queued(n, kind, code, info, length, own) => {
            let Some(sent) = nth(*n) else { return };
            let mut error = queued(ROUTER_V4, *kind, *code, sent, *length);
            error.offender = if *own { Some(sent.destination) } else { error.offender };
            error.info = *info;
            bench.queued_error(now, &error);
        }
        Step::Datagram(n, skew, damage) => {
            let Some(sent) = nth(*n) else { return };
            let Channel::Udp { mut port } = sent.channel else { return };
            let mut bytes = sent.bytes.clone();
            match damage {
                Damage::Nothing => {}
                Damage::Source => port += 1,
                Damage::Byte(place) => bytes.iter_mut().skip(*place).take(1).for_each(|b| *b ^= 1),
                Damage::Cut(length) => bytes.truncate(*length),
            }
            let from = sent.destination.to_string();
            let kind = datagram_from(&from, port, &bytes);
            bench.input(now, InputKind::Received(kind.received(skew.stamp(now))));
        }
        Step::Connected(id, skew) => {
            let (id, stamp) = (OperationId(*id), skew.stamp(now));
            let local = "192.0.2.200:9".parse().expect("an address");
            bench.input(now, InputKind::Connected { id, stamp, local, info: None });
        }
        Step::ConnectFailed(id, skew, errno, icmp) => {
            let (id, stamp, error) = (OperationId(*id), skew.stamp(now), SendError::new(*errno));
            let icmp = icmp.then(|| (ROUTER_V4.parse().expect("an address"), 3, 1));
            bench.input(now, InputKind::ConnectFailed { id, stamp, error, icmp });
        }
        Step::Exchanged(id, ended) => {
            let result = ended.map(|()| &b"an answer"[..]);
            let phases = [Duration::ZERO; 2];
            bench.input(now, InputKind::Exchanged { id: OperationId(*id), phases, result });
        }
        Step::Named(id) => {
            bench.input(now, InputKind::Named { id: OperationId(*id), result: Ok(None) });
        }
        Step::Noise(bytes, v4) => {
            let from: Destination = crate::harness::destination(if *v4 { V4 } else { V6 });
            bench.receive(now, &packets::packet(from, bytes.clone(), Socket::Raw));
        }
        Step::Change(change) => bench.input(now, InputKind::Changed(change.clone())),
        Step::Interim => bench.input(now, InputKind::Interim),
        Step::Stop => bench.stop(now),
    }
    bench.poll();
}

/// Takes what the engine wants done; none of it may be for a probe that has ended.
fn take(bench: &mut Bench, sent: &mut Vec<Sent>, closed: &mut Vec<OperationId>) {
    for operation in std::mem::take(&mut bench.operations) {
        match operation {
            Operation::Transmit(transmit) => {
                let data = match transmit.channel {
                    Channel::Icmp => packets::request(&transmit).payload,
                    _ => transmit.bytes.as_slice(),
                };
                if let Some(bytes) = data.get(4..8) {
                    let seq = u32::from_be_bytes(bytes.try_into().expect("four bytes")).into();
                    let log = bench.log_of(usize::try_from(seq / SPAN).expect("small"));
                    assert!(!log.settled.contains_key(&seq), "probe {seq} is sent after its end");
                }
                sent.push(transmit);
            }
            Operation::Close(id) => {
                assert!(!closed.contains(&id), "{id:?} is closed twice");
                closed.push(id);
            }
            Operation::Connect(_) | Operation::Exchange(_) | Operation::Lookup(_) => {}
        }
    }
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
        let stops = steps.iter().any(|step| matches!(step, Step::Stop));
        let mut bench = Bench::with(config(identifiers), [scripts.0, scripts.1, scripts.2]);
        let (mut sent, mut closed) = (Vec::new(), Vec::new());
        for step in &steps {
            take(&mut bench, &mut sent, &mut closed);
            apply(&mut bench, &sent, step);
        }
        // Nothing more is said by the network; time alone must end the run.
        for _ in 0..1_000 {
            take(&mut bench, &mut sent, &mut closed);
            let Some(until) = bench.wait else { break };
            let hour = Duration::from_secs(3_600);
            prop_assert!(until <= bench.now + hour, "it waits until {until} at {}", bench.now);
            bench.pass(bench.now.max(until));
        }
        prop_assert!(bench.is_finished());
        for place in 0..3 {
            let log = bench.log_of(place);
            prop_assert!(log.finished_at.is_some());
            prop_assert!(stops || log.all_settled(), "{:?}", log.stats.counters());
        }
        // A skewed stamp may be hours off, and the late window with it.
        bench.pass(START + Duration::from_secs(86_400));
        prop_assert_eq!(bench.engine.remembered(), 0);
        take(&mut bench, &mut sent, &mut closed);
    }
}
