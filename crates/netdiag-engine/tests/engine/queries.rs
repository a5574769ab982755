//! Timestamps and extended echo: what names their answers, and what does not settle them.

use crate::harness::{
    Bench, IDENT, Sent, TIMEOUT, V4, V6, at, config, destination, interface_kind, probe,
    timestamp_kind,
};
use crate::packets::{
    Packet, ROUTER_V4, ROUTER_V6, Socket, answer_to_query, datagram, error, packet,
};
use crate::script::Script;
use netdiag_engine::outcome::{InterfaceAnswer, Reason, ReplyDetail, Timestamps};
use netdiag_engine::port::SendError;
use netdiag_engine::{Outcome, ProbeKind, ProbeSpec, Stray};
use netdiag_model::{Family, Stamp};
use netdiag_wire::icmp::{self, ErrorMessage, ExtendedEcho, Icmp, Timestamp};
use std::time::Duration;

fn timestamp(seq: u64, address: &str) -> ProbeSpec {
    probe(seq, address, timestamp_kind(0))
}

fn interface(seq: u64, address: &str) -> ProbeSpec {
    probe(seq, address, interface_kind(0, true))
}

fn sent(spec: ProbeSpec) -> (Bench, Sent) {
    let mut bench = Bench::new([Script::probes([spec])]);
    let sent = bench.send_all(Stamp::user(at(0))).remove(0);
    (bench, sent)
}

fn last(bench: &Bench) -> &Stray {
    &bench.log().strays.last().expect("a stray").1
}

fn reason(bench: &Bench) -> Reason {
    match last(bench) {
        Stray::Rejected(rejection) => rejection.reason,
        other => panic!("{other:?}"),
    }
}

/// The answer with something changed; its checksum is right again.
fn changed(sent: &Sent, change: impl FnOnce(&mut Vec<u8>)) -> Packet {
    let mut bytes = answer_to_query(sent).expect("no echo");
    change(&mut bytes);
    packet(sent.destination, resealed(sent, bytes), Socket::Datagram)
}

fn resealed(sent: &Sent, mut bytes: Vec<u8>) -> Vec<u8> {
    if sent.destination.family() == Family::Ipv4 {
        bytes[2..4].fill(0);
        let sum = netdiag_wire::checksum::internet_checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

#[test]
fn a_timestamp_brings_three_times_and_a_round_trip() {
    let (mut bench, sent) = sent(timestamp(1, V4));
    let Ok(Icmp::Timestamp(request)) = icmp::parse_v4(&sent.bytes) else { panic!("{sent:?}") };
    let Timestamp { originate, reply, receive, transmit, ident, .. } = request;
    assert_eq!((reply, originate, receive, transmit, ident), (false, 3_600_000, 0, 0, IDENT));
    assert!(icmp::checksum_ok_v4(&sent.bytes));
    bench.receive(at(30), &changed(&sent, |_| {}));
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    let times = Timestamps { originate: 3_600_000, receive: 3_600_015, transmit: 1 << 31 };
    assert_eq!(reply.detail, ReplyDetail::Timestamps(times));
    assert_eq!((reply.rtt, reply.bytes, reply.sent_bytes), (Duration::from_millis(30), 20, 20));
    bench.receive(at(31), &changed(&sent, |_| {}));
    assert!(matches!(last(&bench), Stray::Duplicate(_)));
}

#[test]
fn a_question_brings_the_state_of_an_interface() {
    for address in [V4, V6] {
        let (mut bench, sent) = sent(interface(1, address));
        bench.receive(at(30), &changed(&sent, |bytes| bytes[7] = 0b0100_0110));
        let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
        let (active, ipv4, ipv6) = (true, true, false);
        let answer = InterfaceAnswer { code: 0, state: 2, active, ipv4, ipv6 };
        assert_eq!(reply.detail, ReplyDetail::Interface(answer));
        assert_eq!((reply.bytes, reply.is_truncated()), (8, false));
    }
}

#[test]
fn what_does_not_name_the_probe_does_not_settle_it() {
    for spec in [timestamp(1, V4), interface(1, V4), interface(1, V6)] {
        let (mut bench, sent) = sent(spec.clone());
        let mut expected = Vec::new();
        let mut check = |bench: &mut Bench, packet: &Packet, reason| {
            bench.receive(at(1), packet);
            expected.push(reason);
        };
        let mut foreign = changed(&sent, |_| {});
        let is_v4 = sent.destination.family() == Family::Ipv4;
        foreign.from = destination(if is_v4 { "192.0.2.66" } else { "2001:db8::66" });
        check(&mut bench, &foreign, Reason::WrongSource);
        assert_eq!(reason(&bench), Reason::WrongSource);
        for place in [4, 5] {
            check(&mut bench, &changed(&sent, |bytes| bytes[place] ^= 1), Reason::UnknownProbe);
        }
        check(&mut bench, &changed(&sent, |bytes| bytes[6] ^= 1), Reason::UnknownProbe);
        if matches!(spec.kind, ProbeKind::Timestamp(_)) {
            check(&mut bench, &changed(&sent, |bytes| bytes[7] ^= 1), Reason::UnknownProbe);
            check(&mut bench, &changed(&sent, |bytes| bytes[11] ^= 1), Reason::BadTag);
            check(&mut bench, &changed(&sent, |bytes| bytes.truncate(19)), Reason::Truncated);
        } else {
            check(&mut bench, &changed(&sent, |bytes| bytes.truncate(7)), Reason::Truncated);
        }
        if sent.destination.family() == Family::Ipv4 {
            let mut damaged = changed(&sent, |_| {});
            damaged.bytes[2] ^= 1;
            check(&mut bench, &damaged, Reason::BadChecksum);
        }
        // An echo reply with the same key is none either, nor is the request itself.
        let echo = changed(&sent, |bytes| {
            bytes[0] = if sent.destination.family() == Family::Ipv4 { 0 } else { 129 };
        });
        check(&mut bench, &echo, Reason::UnknownProbe);
        bench.receive(at(1), &packet(sent.destination, sent.bytes.clone(), Socket::Datagram));
        assert!(bench.log().settled.is_empty(), "{spec:?}");
        let told = bench.log().strays.iter().map(|(_, stray)| match stray {
            Stray::Rejected(rejection) => rejection.reason,
            other => panic!("{other:?}"),
        });
        let unmatched = bench.log().unmatched.iter().map(|rejection| rejection.reason);
        let mut found: Vec<Reason> = told.chain(unmatched).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        bench.receive(at(2), &changed(&sent, |_| {}));
        assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)), "{spec:?}");
    }
}

#[test]
fn an_echo_is_settled_by_its_own_kind_alone() {
    let (mut bench, sent) = sent(crate::harness::echo(1, V4));
    let key: [u8; 4] = sent.bytes[4..8].try_into().expect("four bytes");
    let mut bytes = Vec::new();
    let (ident, seq) = (u16::from_be_bytes([key[0], key[1]]), u16::from_be_bytes([key[2], key[3]]));
    let reply =
        Timestamp { reply: true, code: 0, ident, seq, originate: 0, receive: 0, transmit: 0 };
    icmp::emit_timestamp(&reply, &mut bytes);
    bench.receive(at(1), &packet(sent.destination, bytes, Socket::Raw));
    let mut bytes = Vec::new();
    let reply = ExtendedEcho { code: 0, ident, seq: key[2], flags: 4, body: &[] };
    icmp::emit_extended_echo_v4(true, &reply, &mut bytes);
    bench.receive(at(1), &packet(sent.destination, bytes, Socket::Raw));
    assert!(bench.log().settled.is_empty());
    assert_eq!(bench.log().unmatched.len(), 2);
}

#[test]
fn an_error_that_quotes_a_query_ends_it() {
    let exceeded = ErrorMessage::TimeExceeded { code: 0 };
    for spec in [timestamp(1, V4), interface(1, V4), interface(1, V6)] {
        let family = spec.destination.family();
        let router = if family == Family::Ipv4 { ROUTER_V4 } else { ROUTER_V6 };
        let header = family.header_len();
        for length in [header + 8, header + 12, 200] {
            let (mut bench, sent) = sent(spec.clone());
            let mut forged = datagram(&sent);
            // The originate time; the checksum of the question.
            forged[header + 11] ^= 1;
            bench.receive(at(1), &error(router, exceeded, &forged, length));
            let named_less = length == header + 8;
            if !named_less {
                assert_eq!(reason(&bench), Reason::BadTag);
                bench.receive(at(2), &error(router, exceeded, &datagram(&sent), length));
            }
            assert!(matches!(bench.log().outcome(1), Outcome::NetError(_)), "{spec:?} {length}");
        }
    }
}

#[test]
fn there_are_no_timestamps_over_ipv6() {
    let mut bench = Bench::new([Script::probes([timestamp(1, V6)])]);
    assert_eq!(bench.transmits().len(), 0);
    assert_eq!(*bench.log().outcome(1), Outcome::LocalError(SendError::new(97)));
}

/// 256 sequence numbers, each taken for the timeout and the late window: what comes late still
/// finds the probe that it is about, and no later one.
#[test]
fn a_sequence_number_of_eight_bits_is_taken_again_only_when_its_probe_is_forgotten() {
    let specs = (1..=300).map(|seq| interface(seq, V4));
    let mut bench = Bench::with(config(1), [Script::probes(specs)]);
    let mut sent = Vec::new();
    while let Some(until) = bench.wait.filter(|until| *until < at(900)) {
        sent.extend(bench.send_all(Stamp::user(bench.now)));
        bench.pass(until);
    }
    sent.extend(bench.send_all(Stamp::user(bench.now)));
    assert_eq!(sent.len(), 256);
    assert!(bench.engine.identifiers_exhausted() > 0);
    bench.run_until(at(0) + TIMEOUT + Duration::from_millis(500));
    bench.receive(bench.now, &changed(&sent[0], |_| {}));
    assert!(matches!(last(&bench), Stray::Late(_)), "{:?}", last(&bench));
    assert_eq!(bench.log().strays.last().expect("one").0, 1);
    // No answer settles a later probe, since none has left.
    assert_eq!(bench.log().settled.len(), 256);
    bench.run_until(at(0) + TIMEOUT + Duration::from_millis(2_500));
    assert!(bench.log().stats.counters().sent() > 256, "the others leave when it is forgotten");
}
