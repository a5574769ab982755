//! Sequence numbers that wrap while replies are long under way.

use crate::harness::{START, V4, config, destination, echo, mix};
use netdiag_engine::outcome::{Rejection, Reply};
use netdiag_engine::port::{Input, InputKind, Message, Operation, Received};
use netdiag_engine::schedule::Schedule;
use netdiag_engine::stats::Counters;
use netdiag_engine::{Engine, Events, Measurement, Next, Outcome, Output, Probe, Stray};
use netdiag_model::{Instant, Stamp};
use netdiag_wire::checksum::internet_checksum;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);
const SEED: u64 = 0x5eed;

/// How long the reply to a probe is under way: 0 to 20 s.
fn delay(seq: u64) -> Duration {
    Duration::from_nanos(mix(SEED ^ seq) % 20_000_000_000)
}

/// Pings at a rate, counts, and knows how long each reply took.
#[derive(Debug)]
struct Pinger {
    schedule: Schedule,
    left: u64,
    seq: u64,
    counters: Counters,
    rejected: u64,
    unmatched: u64,
    last_sent: Instant,
    finished_at: Instant,
    sent_at: Vec<Instant>,
}

impl Pinger {
    fn new(count: u64, interval: Duration) -> Self {
        Self {
            schedule: Schedule::new(START, interval, 1),
            left: count,
            seq: 0,
            counters: Counters::new(),
            rejected: 0,
            unmatched: 0,
            last_sent: START,
            finished_at: START,
            sent_at: Vec::new(),
        }
    }

    fn check(probe: &Probe, reply: &Reply) {
        assert_eq!(reply.rtt, delay(probe.seq), "the reply of another probe than {}", probe.seq);
    }

    /// What the counters must be: in time, lost, late before the end.
    fn truth(&self) -> (u64, u64, u64) {
        let (mut received, mut lost, mut late) = (0, 0, 0);
        let window = TIMEOUT * 2;
        for (seq, sent_at) in (1..).zip(&self.sent_at) {
            let delay = delay(seq);
            let in_time = delay <= TIMEOUT;
            received += u64::from(in_time);
            lost += u64::from(!in_time);
            late += u64::from(!in_time && delay < window && *sent_at + delay < self.finished_at);
        }
        (received, lost, late)
    }
}

impl Measurement for Pinger {
    type Event = ();

    fn next(&mut self, now: Instant, _: &mut Events<()>) -> Next {
        if self.left == 0 {
            return Next::Done;
        }
        if !self.schedule.take(now) {
            return Next::NotBefore(self.schedule.due());
        }
        self.left -= 1;
        self.seq += 1;
        let mut spec = echo(self.seq, V4);
        spec.timeout = TIMEOUT;
        Next::Probe(spec)
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<()>) {
        assert_eq!(probe.seq, self.sent_at.len() as u64 + 1);
        self.sent_at.push(probe.sent_at);
        self.last_sent = probe.sent_at;
        self.counters.on_attempt_sent();
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, _: &mut Events<()>) {
        match outcome {
            Outcome::Replied(reply) => {
                Self::check(probe, reply);
                self.counters.on_reply();
            }
            Outcome::TimedOut => self.counters.on_timeout(),
            other => panic!("{other:?}"),
        }
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, _: &mut Events<()>) {
        match stray {
            Stray::Late(reply) => {
                Self::check(probe, reply);
                self.counters.on_late();
            }
            Stray::Rejected(_) => self.rejected += 1,
            other => panic!("{other:?}"),
        }
    }

    fn unmatched(&mut self, _: &Rejection, _: &mut Events<()>) -> bool {
        self.unmatched += 1;
        true
    }

    fn stop(&mut self, _: Instant, _: &mut Events<()>) {}

    fn finish(&mut self, now: Instant, _: &mut Events<()>) {
        self.finished_at = now;
    }
}

/// Runs to the end over a network that delays each reply; returns the most that was remembered.
fn drive(engine: &mut Engine<Pinger>) -> usize {
    let mut under_way: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>> = BinaryHeap::new();
    let mut sent = Vec::new();
    let (mut now, mut most) = (START, 0);
    loop {
        let wait = loop {
            match engine.poll_output() {
                Output::Operation(Operation::Transmit(transmit)) => {
                    let (seq, bytes) = as_reply(transmit.bytes);
                    under_way.push(Reverse((now + delay(seq), seq, bytes)));
                    sent.push(transmit.id);
                }
                Output::Operation(_) | Output::Event(()) => {}
                Output::Wait(until) => break until,
                Output::Finished => return most,
            }
        };
        most = most.max(engine.remembered());
        for id in sent.drain(..) {
            let kind = InputKind::Sent { id, stamp: Stamp::user(now) };
            engine.handle_input(now, Input { at: now, kind });
        }
        let arrival = under_way.peek().map_or(Instant::FAR, |Reverse((at, ..))| *at);
        now = now.max(wait.min(arrival));
        while let Some(Reverse((at, ..))) = under_way.peek()
            && *at <= now
            && let Some(Reverse((at, _, bytes))) = under_way.pop()
        {
            receive(engine, at, &bytes);
        }
        engine.handle_input(now, Input { at: now, kind: InputKind::Timeout });
    }
}

fn receive(engine: &mut Engine<Pinger>, at: Instant, bytes: &[u8]) {
    let kind = InputKind::Received(Received {
        stamp: Stamp::user(at),
        from: destination(V4),
        to: None,
        interface: None,
        hop_limit: None,
        options: None,
        message: Message::Icmpv4(bytes),
    });
    engine.handle_input(at, Input { at, kind });
}

/// The sequence number that a request carries in its data, and the reply to it.
fn as_reply(request: &[u8]) -> (u64, Vec<u8>) {
    let mut bytes = request.to_vec();
    let seq = u32::from_be_bytes(bytes[12..16].try_into().expect("four bytes"));
    bytes[..4].fill(0);
    let sum = internet_checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    (seq.into(), bytes)
}

#[test]
fn a_million_probes_with_replies_twenty_seconds_late_are_counted_right() {
    let mut engine = Engine::new(config(1), START);
    engine.add(Pinger::new(1_000_000, Duration::from_micros(100)));
    let most = drive(&mut engine);
    // 10,000 a second, remembered for the timeout and a late window of 2 s each.
    assert!(most <= 40_100, "{most} remembered");
    assert_eq!(engine.identifiers_exhausted(), 0);
    let pinger = engine.into_measurements().remove(0);
    let counters = pinger.counters;
    counters.check().expect("the sums hold");
    assert_eq!(counters.sent(), 1_000_000);
    assert_eq!((counters.received(), counters.lost(), counters.late()), pinger.truth());
    assert!(pinger.rejected + pinger.unmatched > 700_000, "what came still later is no answer");
}

#[test]
fn where_sequence_numbers_run_out_probes_wait_and_none_is_mistaken() {
    let mut engine = Engine::new(config(1), START);
    engine.add(Pinger::new(200_000, Duration::from_micros(33)));
    let most = drive(&mut engine);
    assert!(most <= 0x1_0000, "{most} remembered");
    assert!(engine.identifiers_exhausted() > 0, "it says that probes had to wait");
    assert!(engine.identifiers_exhausted() < 200_000);
    let pinger = engine.into_measurements().remove(0);
    let counters = pinger.counters;
    assert_eq!(counters.sent(), 200_000);
    assert_eq!((counters.received(), counters.lost(), counters.late()), pinger.truth());
    // 65,536 numbers, each taken for 4 s.
    assert!(pinger.last_sent.since(START) > Duration::from_secs(12), "{}", pinger.last_sent);
    assert!(pinger.last_sent.since(START) < Duration::from_secs(14), "{}", pinger.last_sent);
}

#[test]
fn more_identifiers_carry_a_higher_rate_without_waiting() {
    let mut engine = Engine::new(config(16), START);
    engine.add(Pinger::new(200_000, Duration::from_micros(33)));
    drive(&mut engine);
    assert_eq!(engine.identifiers_exhausted(), 0);
    let pinger = engine.into_measurements().remove(0);
    let counters = pinger.counters;
    assert_eq!((counters.received(), counters.lost(), counters.late()), pinger.truth());
}
