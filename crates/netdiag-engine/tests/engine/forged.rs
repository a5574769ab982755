//! Forged replies: none is accepted.

use crate::harness::{START, V4, V6, at, config, destination, echo, is_long, mix};
use crate::packets::OUR_V6;
use netdiag_engine::outcome::Rejection;
use netdiag_engine::port::{Input, InputKind, Message, Operation, OperationId, Received};
use netdiag_engine::{Engine, Events, Measurement, Next, Outcome, Output, Probe, Stray};
use netdiag_model::{Destination, Instant, Stamp};
use netdiag_wire::checksum::internet_checksum;
use netdiag_wire::{checksum, protocol};

/// Sends its probes and counts what it is told.
#[derive(Debug)]
struct Target {
    left: u64,
    address: &'static str,
    settled: u64,
    rejected: u64,
    unmatched: u64,
}

impl Measurement for Target {
    type Event = ();

    fn next(&mut self, _: Instant, _: &mut Events<()>) -> Next {
        let Some(left) = self.left.checked_sub(1) else { return Next::WhenSettled };
        self.left = left;
        Next::Probe(echo(left, self.address))
    }

    fn settle(&mut self, _: &Probe, _: &Outcome, _: &mut Events<()>) {
        self.settled += 1;
    }

    fn stray(&mut self, _: &Probe, stray: &Stray, _: &mut Events<()>) {
        assert!(matches!(stray, Stray::Rejected(_)), "{stray:?}");
        self.rejected += 1;
    }

    fn unmatched(&mut self, _: &Rejection, _: &mut Events<()>) -> bool {
        self.unmatched += 1;
        true
    }

    fn stop(&mut self, _: Instant, _: &mut Events<()>) {}

    fn finish(&mut self, _: Instant, _: &mut Events<()>) {}
}

/// A genuine reply, for the forger to start from.
struct Genuine {
    id: OperationId,
    from: Destination,
    bytes: Vec<u8>,
}

fn outstanding(address: &'static str) -> (Engine<Target>, Vec<Genuine>) {
    let mut config = config(16);
    config.burst = 1_000;
    let mut engine = Engine::new(config, START);
    engine.add(Target { left: 500, address, settled: 0, rejected: 0, unmatched: 0 });
    let mut genuine = Vec::new();
    while let Output::Operation(operation) = engine.poll_output() {
        let Operation::Transmit(transmit) = operation else { panic!("only probes are asked for") };
        let mut bytes = transmit.bytes.to_vec();
        bytes[0] = if address == V4 { 0 } else { 129 };
        genuine.push(Genuine { id: transmit.id, from: transmit.destination, bytes });
    }
    for sent in &genuine {
        let kind = InputKind::Sent { id: sent.id, stamp: Stamp::user(START) };
        engine.handle_input(START, Input { at: START, kind });
    }
    (engine, genuine)
}

/// Puts the right checksum into an ICMP message.
fn sign(from: Destination, bytes: &mut [u8]) {
    if bytes.len() < 4 {
        return;
    }
    bytes[2..4].fill(0);
    let sum = match from {
        Destination::V4(_) => internet_checksum(bytes),
        Destination::V6(from, _) => {
            let length = u32::try_from(bytes.len()).expect("small");
            let mut sum =
                checksum::pseudo_header(from.into(), OUR_V6.into(), protocol::ICMPV6, length);
            sum.add_bytes(bytes);
            sum.finish()
        }
    };
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
}

/// Makes one packet that is not the genuine one: `random` decides how.
fn forge(genuine: &Genuine, random: u64, bytes: &mut Vec<u8>) -> Destination {
    bytes.clear();
    bytes.extend_from_slice(&genuine.bytes);
    let mut from = genuine.from;
    let value = u16::try_from(mix(random) >> 48).expect("16 bits") | 1;
    let xor = |bytes: &mut Vec<u8>, place: usize| {
        bytes[place] ^= value.to_be_bytes()[0];
        bytes[place + 1] ^= value.to_be_bytes()[1];
    };
    let mut signed = true;
    match random % 10 {
        0 => xor(bytes, 4),
        1 => xor(bytes, 6),
        2 => xor(bytes, 8 + 2),
        3 => xor(bytes, 8 + 4 + usize::from(value % 2) * 2),
        4 => xor(bytes, 16 + usize::from(value % 4) * 2),
        5 => {
            for (place, byte) in bytes[16..24].iter_mut().enumerate() {
                *byte ^= mix(random ^ 7).to_be_bytes()[place] | u8::from(place == 0);
            }
        }
        6 => {
            from = match from {
                Destination::V4(address) => {
                    Destination::V4((u32::from(address) ^ u32::from(value)).into())
                }
                Destination::V6(address, scope) => {
                    Destination::V6((u128::from(address) ^ u128::from(value)).into(), scope)
                }
            };
        }
        7 => {
            sign(from, bytes);
            xor(bytes, 2);
            signed = false;
        }
        8 => bytes.truncate(usize::from(value) % 24),
        _ => {
            for (chunk, byte) in bytes[1..].chunks_mut(8).enumerate() {
                let noise = mix(random ^ chunk as u64).to_be_bytes();
                byte.iter_mut().zip(noise).for_each(|(byte, noise)| *byte = noise);
            }
        }
    }
    if signed {
        sign(from, bytes);
    }
    from
}

fn forge_at(address: &'static str, count: u64) {
    let (mut engine, genuine) = outstanding(address);
    let v4 = address == V4;
    let mut bytes = Vec::new();
    for number in 0..count {
        let random = mix(number);
        let aim = usize::try_from(mix(random) % genuine.len() as u64).expect("small");
        let from = forge(&genuine[aim], random, &mut bytes);
        receive(&mut engine, from, v4, &bytes);
    }
    let target = engine.measurements().next().expect("one");
    assert_eq!(target.settled, 0, "a forged reply was accepted");
    assert_eq!(target.rejected + target.unmatched, count, "each was counted");
    for mut sent in genuine {
        sign(sent.from, &mut sent.bytes);
        receive(&mut engine, sent.from, v4, &sent.bytes);
    }
    assert_eq!(engine.measurements().next().expect("one").settled, 500, "the genuine ones are");
}

fn receive(engine: &mut Engine<Target>, from: Destination, v4: bool, bytes: &[u8]) {
    let message = if v4 { Message::Icmpv4(bytes) } else { Message::Icmpv6(bytes) };
    let stamp = Stamp::user(at(10));
    let to = (!v4).then_some(OUR_V6.into());
    let received =
        Received { stamp, from, to, interface: None, hop_limit: None, options: None, message };
    engine.handle_input(at(10), Input { at: at(10), kind: InputKind::Received(received) });
}

/// 10^7 with `NETDIAG_TEST_LONG` set.
fn count() -> u64 {
    if is_long() { 10_000_000 } else { 1_000_000 }
}

#[test]
fn forged_replies_over_ipv4_are_never_accepted() {
    forge_at(V4, count());
}

#[test]
fn forged_replies_over_ipv6_are_never_accepted() {
    forge_at(V6, count());
}

#[test]
fn replies_of_another_run_are_never_accepted() {
    let (mut engine, genuine) = outstanding(V4);
    let mut config = config(16);
    config.burst = 1_000;
    config.secret = netdiag_engine::Secret::new([0x33; 18]);
    let mut other = Engine::new(config, START);
    other.add(Target { left: 500, address: V4, settled: 0, rejected: 0, unmatched: 0 });
    let mut bytes = Vec::new();
    while let Output::Operation(Operation::Transmit(transmit)) = other.poll_output() {
        bytes.clear();
        bytes.extend_from_slice(transmit.bytes);
        bytes[0] = 0;
        sign(transmit.destination, &mut bytes);
        receive(&mut engine, destination(V4), true, &bytes);
    }
    assert_eq!(engine.measurements().next().expect("one").settled, 0);
    drop(genuine);
}
