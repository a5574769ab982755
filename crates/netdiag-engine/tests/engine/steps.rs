//! Inputs in any order, one step each, and what must hold whatever they are.

use crate::harness::{Bench, START, Sent, V4, V6, config};
use crate::packets::{
    self, Answer, Answered, Packet, ROUTER_V4, ROUTER_V6, Socket, answer_to_query, datagram,
    datagram_from, error, queued, segment,
};
use crate::script::Script;
use netdiag_engine::port::{
    Change, Channel, ExchangeError, InputKind, Operation, OperationId, SendError,
};
use netdiag_model::{Destination, Instant, Stamp};
use netdiag_wire::icmp::ErrorMessage;
use std::time::Duration;

/// Sequence numbers of measurement `n` start here times `n`, so that they name it.
pub(crate) const SPAN: u64 = 1_000;

#[derive(Clone, Debug)]
pub(crate) enum Step {
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
pub(crate) struct Skew(pub(crate) i64, pub(crate) Option<i64>);

impl Skew {
    pub(crate) fn stamp(self, now: Instant) -> Stamp {
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
pub(crate) enum Damage {
    Nothing,
    Source,
    Byte(usize),
    Cut(usize),
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
            if sent.channel == Channel::Tcp {
                let answer = segment(sent, damaged_segment(*n, *damage));
                bench.receive_stamped(now, skew.stamp(now), &answer);
                return bench.poll();
            }
            if sent.channel != Channel::Icmp {
                return;
            }
            let socket = if n % 2 == 0 { Socket::Raw } else { Socket::Datagram };
            if let Some(bytes) = answer_to_query(sent) {
                let answer = damaged(sent.destination, bytes, *damage, socket);
                bench.receive_stamped(now, skew.stamp(now), &answer);
                return bench.poll();
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
            let (Channel::Udp { mut port } | Channel::Query { mut port }) = sent.channel else {
                return;
            };
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

/// An answer to a SYN, with something wrong.
fn damaged_segment(n: usize, damage: Damage) -> Answered {
    let plain = Answered { flags: [0x12, 0x14, 0x10][n % 3], ..Answered::default() };
    match damage {
        Damage::Nothing => plain,
        Damage::Source => Answered { from: Some("192.0.2.66"), ..plain },
        Damage::Byte(place) => match place % 4 {
            0 => Answered { acknowledges: 2, ..plain },
            1 => Answered { port: 1, ..plain },
            2 => Answered { our_port: 1, ..plain },
            _ => Answered { damaged: true, ..plain },
        },
        Damage::Cut(length) => Answered { cut: length, ..plain },
    }
}

/// The answer to a request that is no echo, with something wrong.
fn damaged(from: Destination, mut bytes: Vec<u8>, damage: Damage, socket: Socket) -> Packet {
    let mut from = from;
    match damage {
        Damage::Nothing => {}
        Damage::Source => from = crate::harness::destination("192.0.2.66"),
        Damage::Byte(place) => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1),
        Damage::Cut(length) => bytes.truncate(length),
    }
    packets::packet(from, bytes, socket)
}

/// Takes what the engine wants done; none of it may be for a probe that has ended.
fn take(bench: &mut Bench, sent: &mut Vec<Sent>, closed: &mut Vec<OperationId>) {
    for operation in std::mem::take(&mut bench.operations) {
        match operation {
            Operation::Transmit(transmit) => {
                let data = match transmit.channel {
                    // Nothing else says which probe it is.
                    Channel::Icmp if answer_to_query(&transmit).is_some() => &[],
                    Channel::Tcp => &[],
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
            Operation::Connect(_)
            | Operation::Say(_)
            | Operation::HangUp(_)
            | Operation::Exchange(_)
            | Operation::Lookup(_) => {}
        }
    }
}

/// Runs three measurements, in the order of their numbers, through these steps and to their end.
pub(crate) fn run(scripts: [Script; 3], steps: &[Step], identifiers: u8) {
    let stops = steps.iter().any(|step| matches!(step, Step::Stop));
    let mut bench = Bench::with(config(identifiers), scripts);
    let (mut sent, mut closed) = (Vec::new(), Vec::new());
    for step in steps {
        take(&mut bench, &mut sent, &mut closed);
        apply(&mut bench, &sent, step);
    }
    // Nothing more is said by the network; time alone must end the run.
    for _ in 0..1_000 {
        take(&mut bench, &mut sent, &mut closed);
        let Some(until) = bench.wait else { break };
        let hour = Duration::from_secs(3_600);
        assert!(until <= bench.now + hour, "it waits until {until} at {}", bench.now);
        bench.pass(bench.now.max(until));
    }
    assert!(bench.is_finished());
    for place in 0..3 {
        let log = bench.log_of(place);
        assert!(log.finished_at.is_some());
        assert!(stops || log.all_settled(), "{:?}", log.stats.counters());
    }
    // A skewed stamp may be hours off, and the late window with it.
    bench.pass(START + Duration::from_secs(86_400));
    assert_eq!(bench.engine.remembered(), 0);
    take(&mut bench, &mut sent, &mut closed);
}
