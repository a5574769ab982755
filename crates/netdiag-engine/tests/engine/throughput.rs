//! What a probe costs in the engine alone. Prints, asserts no time:
//! `cargo test --release -p netdiag-engine --test engine throughput -- --nocapture`

use crate::harness::{START, V4, config, destination, echo};
use netdiag_engine::port::{Input, InputKind, Message, Operation, OperationId, Received};
use netdiag_engine::{Engine, Events, Measurement, Next, Outcome, Output, Probe, ProbeSpec, Stray};
use netdiag_model::{Instant, Stamp};
use netdiag_wire::checksum::internet_checksum;
use std::time::Duration;

/// Wants a probe whenever it is asked.
#[derive(Debug, Default)]
struct Flood {
    spec: Option<ProbeSpec>,
    asked: u64,
    left: u64,
    replied: u64,
}

impl Measurement for Flood {
    type Event = ();

    fn next(&mut self, _: Instant, _: &mut Events<()>) -> Next {
        if self.asked == self.left {
            return Next::WhenSettled;
        }
        self.asked += 1;
        let spec = self.spec.get_or_insert_with(|| echo(1, V4));
        Next::Probe(ProbeSpec { seq: self.asked, ..spec.clone() })
    }

    fn settle(&mut self, _: &Probe, outcome: &Outcome, _: &mut Events<()>) {
        self.replied += u64::from(matches!(outcome, Outcome::Replied(_)));
    }

    fn stray(&mut self, _: &Probe, stray: &Stray, _: &mut Events<()>) {
        panic!("{stray:?}");
    }

    fn stop(&mut self, _: Instant, _: &mut Events<()>) {}

    fn finish(&mut self, _: Instant, _: &mut Events<()>) {}
}

/// One burst of 32 probes, all answered, a millisecond long.
fn burst(
    engine: &mut Engine<Flood>,
    now: Instant,
    replies: &mut [(OperationId, Vec<u8>)],
) -> usize {
    let mut sent = 0;
    while let Output::Operation(Operation::Transmit(transmit)) = engine.poll_output() {
        let (id, bytes) = &mut replies[sent];
        *id = transmit.id;
        bytes.clear();
        bytes.extend_from_slice(transmit.bytes);
        bytes[..4].fill(0);
        let sum = internet_checksum(bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        sent += 1;
    }
    for (id, _) in &replies[..sent] {
        let kind = InputKind::Sent { id: *id, stamp: Stamp::kernel(now, now) };
        engine.handle_input(now, Input { at: now, kind });
    }
    let back = now + Duration::from_micros(500);
    let from = destination(V4);
    for (_, bytes) in &replies[..sent] {
        let kind = InputKind::Received(Received {
            stamp: Stamp::kernel(back, back),
            from,
            to: None,
            interface: None,
            hop_limit: None,
            options: None,
            message: Message::Icmpv4(bytes.as_slice()),
        });
        engine.handle_input(back, Input { at: back, kind });
    }
    sent
}

#[test]
fn throughput_of_a_probe_and_its_reply() {
    let count = if cfg!(debug_assertions) { 100_000 } else { 2_000_000 };
    let mut engine = Engine::new(config(16), START);
    engine.add(Flood { left: count, ..Flood::default() });
    let mut replies = vec![(OperationId(0), Vec::new()); 32];
    let mut now = START;
    #[expect(clippy::disallowed_methods, reason = "the one place that measures the engine itself")]
    let begin = std::time::Instant::now();
    let mut done = 0;
    while done < count {
        done += burst(&mut engine, now, &mut replies) as u64;
        now = now + Duration::from_millis(1);
        engine.handle_input(now, Input { at: now, kind: InputKind::Timeout });
    }
    let nanos = begin.elapsed().as_nanos() / u128::from(count);
    println!("{nanos} ns per probe and reply, {} remembered", engine.remembered());
    assert_eq!(engine.measurements().next().expect("one").replied, count);
}
