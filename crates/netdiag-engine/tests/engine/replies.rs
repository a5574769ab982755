//! What an echo reply is taken for.

use crate::harness::{Bench, Sent, TIMEOUT, V4, V6, at, destination, echo, probe, sized};
use crate::packets::{ARRIVING, Answer, Socket, reply_to};
use crate::script::Script;
use netdiag_engine::outcome::{Corruption, Reason, ReplyDetail};
use netdiag_engine::{ConnectSpec, Outcome, ProbeKind, Stray};
use netdiag_model::{Destination, StampSource};
use std::time::Duration;

/// What becomes of a packet that comes 10 ms after the probe.
#[derive(Debug, PartialEq)]
enum Taken {
    Reply { bytes: usize, corruption: Option<(usize, u8, u8)> },
    Rejected(Reason),
    Unmatched(Reason),
    Ignored,
}
use Taken::{Rejected, Unmatched};

const WHOLE: Taken = Taken::Reply { bytes: 64, corruption: None };

struct Row {
    name: &'static str,
    answer: fn(Answer) -> Answer,
    taken: Taken,
}

const ROWS: &[Row] = &[
    Row { name: "right", answer: |a| a, taken: WHOLE },
    Row {
        name: "from another address",
        answer: |a| {
            let from =
                destination(if a.from.address().is_ipv4() { "192.0.2.2" } else { "2001:db8::2" });
            Answer { from, ..a }
        },
        taken: Rejected(Reason::WrongSource),
    },
    Row {
        name: "another identifier",
        answer: |a| Answer { ident: a.ident ^ 0x100, ..a },
        taken: Rejected(Reason::WrongSequence),
    },
    Row {
        name: "another identifier of the block",
        answer: |a| Answer { ident: a.ident + 1, ..a },
        taken: Rejected(Reason::WrongSequence),
    },
    Row {
        name: "another sequence number",
        answer: |a| Answer { sequence: a.sequence.wrapping_add(1), ..a },
        taken: Rejected(Reason::WrongSequence),
    },
    Row { name: "a bad tag", answer: |a| flip(a, 15), taken: Rejected(Reason::BadTag) },
    Row {
        name: "a bad sequence number in the data",
        answer: |a| flip(a, 7),
        taken: Rejected(Reason::BadTag),
    },
    Row { name: "an index never given", answer: |a| flip(a, 0), taken: Rejected(Reason::BadTag) },
    Row {
        name: "an index never given and another sequence number",
        answer: |a| Answer { sequence: a.sequence ^ 0x8000, ..flip(a, 0) },
        taken: Unmatched(Reason::UnknownProbe),
    },
    Row {
        name: "no data at all",
        answer: |a| Answer { cut: None, payload: Vec::new(), ..a },
        taken: Rejected(Reason::Truncated),
    },
    Row { name: "half a tag", answer: |a| cut_data(a, 12), taken: Rejected(Reason::Truncated) },
    Row {
        name: "the tag and nothing else",
        answer: |a| cut_data(a, 16),
        taken: Taken::Reply { bytes: 24, corruption: None },
    },
    Row {
        name: "shorter by a byte",
        answer: |a| cut_data(a, 55),
        taken: Taken::Reply { bytes: 63, corruption: None },
    },
    Row {
        name: "longer than what was sent",
        answer: |mut a| {
            a.payload.extend([0xee; 20]);
            a
        },
        taken: Taken::Reply { bytes: 84, corruption: None },
    },
    Row {
        name: "a byte changed behind the tag",
        answer: |a| flip(a, 40),
        taken: Taken::Reply { bytes: 64, corruption: Some((40, 40, 41)) },
    },
    Row {
        name: "the first byte behind the tag changed",
        answer: |a| flip(a, 16),
        taken: Taken::Reply { bytes: 64, corruption: Some((16, 16, 17)) },
    },
    Row {
        name: "cut in the ICMP header",
        answer: |a| Answer { cut: Some(6), ..a },
        taken: Unmatched(Reason::Truncated),
    },
    Row {
        name: "empty",
        answer: |a| Answer { cut: Some(0), ..a },
        taken: Unmatched(Reason::Truncated),
    },
];

fn flip(mut answer: Answer, place: usize) -> Answer {
    answer.payload[place] ^= 1;
    answer
}

fn cut_data(mut answer: Answer, length: usize) -> Answer {
    answer.payload.truncate(length);
    answer
}

fn taken(bench: &Bench) -> Taken {
    let log = bench.log();
    match (log.settled.get(&1), log.strays.first(), log.unmatched.first()) {
        (Some(Outcome::Replied(reply)), None, None) => {
            assert_eq!(reply.sent_bytes, 64);
            assert_eq!(reply.is_truncated(), reply.bytes < 64);
            assert_eq!(reply.rtt, Duration::from_millis(10));
            assert_eq!(reply.received_at, at(10));
            assert_eq!(reply.hop_limit, Some(ARRIVING));
            assert_eq!(reply.stamp, StampSource::User);
            assert!(!reply.clock_adjusted);
            assert_eq!(reply.detail, ReplyDetail::Echo);
            let corruption = reply.corruption;
            let corruption =
                corruption.map(|Corruption { offset, sent, received }| (offset, sent, received));
            Taken::Reply { bytes: reply.bytes, corruption }
        }
        (None, Some((1, Stray::Rejected(rejection))), None) => {
            assert_eq!(rejection.at, at(10));
            Rejected(rejection.reason)
        }
        (None, None, Some(rejection)) => Unmatched(rejection.reason),
        (None, None, None) => Taken::Ignored,
        other => panic!("{other:?}"),
    }
}

/// The one place where a packet is pushed at a probe.
fn check(address: &str, socket: Socket, row: &Row) {
    let mut bench = Bench::new([Script::probes([echo(1, address)])]);
    let [sent] = <[Sent; 1]>::try_from(bench.transmits()).expect("one probe");
    bench.sent(&sent, netdiag_model::Stamp::user(at(0)));
    bench.receive(at(10), &(row.answer)(Answer::to(&sent)).over(socket));
    assert_eq!(taken(&bench), row.taken, "{}, {address}, {socket:?}", row.name);
    // Whatever came, the probe still settles once and the right answer still counts.
    bench.receive(at(20), &Answer::to(&sent).over(socket));
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)), "{}", row.name);
    bench.pass(at(5_000));
    assert_eq!(bench.log().settled.len(), 1);
}

#[test]
fn every_kind_of_reply_is_taken_for_what_it_is() {
    for row in ROWS {
        for address in [V4, V6] {
            for socket in [Socket::Raw, Socket::RawWithOptions, Socket::Datagram] {
                check(address, socket, row);
            }
        }
    }
}

#[test]
fn a_bad_checksum_is_rejected_where_there_is_one_to_check() {
    let spoil = |a: Answer| Answer { good_checksum: false, ..a };
    let rejected = || Rejected(Reason::BadChecksum);
    let bad = Row { name: "bad checksum", answer: spoil, taken: rejected() };
    for socket in [Socket::Raw, Socket::RawWithOptions, Socket::Datagram] {
        check(V4, socket, &bad);
    }
    check(V6, Socket::Raw, &bad);
    let cut = Row {
        name: "cut without a new checksum",
        answer: |a| Answer { cut: Some(40), ..a },
        taken: rejected(),
    };
    check(V4, Socket::Raw, &cut);
    check(V6, Socket::Raw, &cut);
    // A datagram socket does not tell where an ICMPv6 message was sent to: the kernel has checked.
    check(V6, Socket::Datagram, &Row { name: "unknown", answer: spoil, taken: WHOLE });
}

#[test]
fn an_answer_over_another_interface_is_another_hosts() {
    let mut spec = echo(1, "fe80::1");
    spec.destination = Destination::scoped("fe80::1".parse().expect("an address"), 2);
    let mut bench = Bench::new([Script::probes([spec])]);
    let sent = bench.send_all(netdiag_model::Stamp::user(at(0)));
    let from = Destination::scoped("fe80::1".parse().expect("an address"), 3);
    bench.receive(at(1), &Answer { from, ..Answer::to(&sent[0]) }.over(Socket::Raw));
    assert_eq!(taken_at(&bench), Some(Reason::WrongSource));
    bench.receive(at(2), &reply_to(&sent[0]));
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
}

fn taken_at(bench: &Bench) -> Option<Reason> {
    match bench.log().strays.first() {
        Some((_, Stray::Rejected(rejection))) => Some(rejection.reason),
        _ => None,
    }
}

#[test]
fn probes_without_room_for_a_tag_match_by_what_there_is_room_for() {
    for size in [0, 1, 3, 4, 7, 8, 15, 16, 17] {
        for address in [V4, V6] {
            let mut bench = Bench::new([Script::probes([sized(1, address, size)])]);
            let sent = bench.send_all(netdiag_model::Stamp::user(at(0)));
            let wrong =
                Answer { sequence: Answer::to(&sent[0]).sequence ^ 1, ..Answer::to(&sent[0]) };
            bench.receive(at(1), &wrong.over(Socket::Raw));
            assert_eq!(bench.log().settled.len(), 0, "size {size}");
            for place in 0..usize::from(size.min(16)) {
                bench.receive(at(2), &flip(Answer::to(&sent[0]), place).over(Socket::Raw));
                assert_eq!(bench.log().settled.len(), 0, "size {size}, byte {place}");
            }
            bench.receive(at(3), &reply_to(&sent[0]));
            assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)), "size {size}");
        }
    }
}

#[test]
fn an_echo_reply_does_not_answer_a_connect() {
    for kind in [ProbeKind::Connect(ConnectSpec::to(80)), exchange()] {
        let mut bench = Bench::new([Script::probes([probe(1, V4, kind), echo(2, V4)])]);
        let sent = bench.send_all(netdiag_model::Stamp::user(at(0)));
        let right = Answer::to(&sent[0]);
        // The connect has the index before, and so the sequence number before.
        let sequence = right.sequence.wrapping_sub(1);
        for payload in [Vec::new(), vec![0; 4], vec![0; 56]] {
            let forged = Answer { sequence, payload, ..right.clone() };
            bench.receive(at(1), &forged.over(Socket::Raw));
        }
        assert_eq!(bench.log().settled.len(), 0, "{:?}", bench.log().settled);
        assert!(bench.log().strays.is_empty(), "{:?}", bench.log().strays);
    }
}

fn exchange() -> ProbeKind {
    let framing = netdiag_engine::port::ExchangeFraming::Length16;
    ProbeKind::Exchange { port: 53, framing, request: vec![1] }
}

#[test]
fn a_reply_names_its_own_probe_among_many() {
    let mut bench = Bench::new([Script::probes((1..=30).map(|seq| echo(seq, V4)))]);
    let sent = bench.send_all(netdiag_model::Stamp::user(at(0)));
    for (millis, sent) in (70..).zip(sent.iter().rev()) {
        bench.receive(at(millis), &reply_to(sent));
    }
    for seq in 1..=30 {
        let Outcome::Replied(reply) = bench.log().outcome(seq) else { panic!("{seq}") };
        assert_eq!(reply.rtt, Duration::from_millis(100 - seq));
    }
}

#[test]
fn a_message_of_the_other_family_answers_nothing() {
    let mut bench = Bench::in_flight(&[V4]);
    let mut packet = Answer::to(&resend(V4)).over(Socket::Datagram);
    packet.family = netdiag_model::Family::Ipv6;
    packet.bytes[0] = 129;
    bench.receive(at(1), &packet);
    assert_eq!(bench.log().settled.len(), 0, "an ICMPv6 message from an IPv4 address");
}

/// The bytes of the first probe of a bench are the same each time.
fn resend(address: &str) -> Sent {
    Bench::new([Script::probes([echo(1, address)])]).transmits().remove(0)
}

#[test]
fn a_reply_before_sent_counts_with_the_time_of_the_attempt() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.transmits().remove(0);
    bench.receive(at(4), &reply_to(&sent));
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    assert_eq!(reply.rtt, Duration::from_millis(4));
    bench.sent(&sent, netdiag_model::Stamp::user(at(0)));
    assert_eq!(bench.log().sent.len(), 1);
}

#[test]
fn a_late_reply_is_not_a_loss_twice() {
    let mut bench = Bench::in_flight(&[V4]);
    bench.pass(at(1_000));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
    for (millis, name) in [(1_500, "late"), (1_600, "duplicate"), (1_700, "duplicate")] {
        bench.receive(at(millis), &reply_to(&resend(V4)));
        let stray = &bench.log().strays.last().expect("a stray").1;
        let (Stray::Late(reply) | Stray::Duplicate(reply)) = stray else { panic!("{stray:?}") };
        assert_eq!(matches!(stray, Stray::Late(_)), name == "late", "at {millis}");
        assert_eq!(reply.rtt, Duration::from_millis(millis));
    }
    let counters = bench.log().stats.counters();
    assert_eq!((counters.lost(), counters.late(), counters.duplicates()), (1, 1, 2));
    // The late window is max(timeout, 2 s) after the deadline; after that nobody knows the probe.
    bench.pass(at(1_000) + TIMEOUT.max(Duration::from_secs(2)));
    bench.receive(at(3_001), &reply_to(&resend(V4)));
    assert_eq!(bench.log().strays.len(), 3);
    assert_eq!(bench.log().unmatched.len(), 1);
    assert_eq!(bench.engine.remembered(), 0);
}
