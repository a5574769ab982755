//! SYNs: what settles them, what is rejected and why, what comes late or again.

use crate::harness::{Bench, TIMEOUT, V4, V6, at, mix, syn};
use crate::packets::{
    ARRIVING, Answered, OUR_PORT, OUR_V4, OUR_V6, ROUTER_V4, ROUTER_V6, datagram, error, segment,
};
use crate::script::Script;
use netdiag_engine::outcome::{Reason, Reply, ReplyDetail};
use netdiag_engine::port::{Channel, Control};
use netdiag_engine::{Outcome, ProbeKind, ProbeSpec, Stray, SynSpec};
use netdiag_model::{Destination, Stamp};
use netdiag_wire::icmp::ErrorMessage;
use netdiag_wire::tcp::{self, TcpFlags};
use std::net::IpAddr;
use std::time::Duration;

const PORT: u16 = 443;
const SYN_ACK: u8 = 0x12;
const RST_ACK: u8 = 0x14;
const FAMILIES: [(&str, &str); 2] = [(V4, ROUTER_V4), (V6, ROUTER_V6)];

/// SYNs to one port, of which all left at the start.
fn open(address: &str, count: u64) -> (Bench, Vec<crate::harness::Sent>) {
    let mut bench = Bench::new([Script::probes((1..=count).map(|seq| syn(seq, address, PORT)))]);
    let sent = bench.send_all(Stamp::user(at(0)));
    (bench, sent)
}

fn reply(bench: &Bench, seq: u64) -> &Reply {
    let Outcome::Replied(reply) = bench.log().outcome(seq) else {
        panic!("{:?}", bench.log().outcome(seq))
    };
    reply
}

/// Why packets were rejected: those that name a probe, and the others.
fn rejected(bench: &Bench) -> (Vec<(u64, Reason)>, Vec<Reason>) {
    let log = bench.log();
    let named = log.strays.iter().filter_map(|(seq, stray)| match stray {
        Stray::Rejected(rejection) => Some((*seq, rejection.reason)),
        _ => None,
    });
    (named.collect(), log.unmatched.iter().map(|rejection| rejection.reason).collect())
}

fn sequence(sent: &crate::harness::Sent) -> u32 {
    tcp::parse(&sent.bytes).expect("a segment").0.sequence
}

#[test]
fn a_syn_leaves_from_its_port_with_a_number_of_its_own() {
    for ((address, _), source) in FAMILIES.into_iter().zip([IpAddr::V4(OUR_V4), OUR_V6.into()]) {
        let (_, sent) = open(address, 30);
        let mut numbers: Vec<u32> = sent.iter().map(sequence).collect();
        for one in &sent {
            assert_eq!(one.channel, Channel::Tcp);
            assert!(tcp::checksum_ok(&one.bytes, source, one.destination.address()));
            let (header, _) = tcp::parse(&one.bytes).expect("a segment");
            assert_eq!((header.source_port, header.destination_port), (OUR_PORT, PORT));
            assert_eq!((header.flags, header.offer().mss), (TcpFlags::SYN, Some(1_460)));
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 30);
    }
}

#[test]
fn a_varied_flow_leaves_from_the_ports_of_the_block() {
    let spec = |seq: u64| {
        let flow = u8::try_from(seq).expect("small");
        let kind = ProbeKind::Syn(SynSpec { port: PORT, flow, mss: 1_460, ecn: false });
        ProbeSpec { kind, ..syn(seq, V4, PORT) }
    };
    let mut bench = Bench::new([Script::probes((1..=20).map(spec))]);
    for (seq, sent) in (1..).zip(bench.send_all(Stamp::user(at(0)))) {
        let (header, _) = tcp::parse(&sent.bytes).expect("a segment");
        assert_eq!(header.source_port, OUR_PORT + seq % 16);
        bench.receive(at(5), &segment(&sent, Answered::default()));
    }
    assert!((1..=20).all(|seq| reply(&bench, seq).rtt == Duration::from_millis(5)));
}

#[test]
fn a_syn_ack_and_a_reset_are_answers_that_tell_their_segment() {
    for (address, _) in FAMILIES {
        let (mut bench, sent) = open(address, 2);
        bench.receive(at(7), &segment(&sent[1], Answered::default()));
        bench
            .receive(at(9), &segment(&sent[0], Answered { flags: RST_ACK, ..Answered::default() }));
        for (seq, flags, mss) in [(2, "SYN+ACK", Some(1_400)), (1, "RST+ACK", None)] {
            let reply = reply(&bench, seq);
            let ReplyDetail::Segment(segment) = &reply.detail else { panic!("{reply:?}") };
            assert_eq!((segment.flags.to_string().as_str(), segment.offer.mss), (flags, mss));
            assert_eq!((segment.window, segment.is_open()), (65_160, mss.is_some()));
            assert_eq!(reply.hop_limit, Some(ARRIVING));
        }
        assert_eq!(reply(&bench, 2).rtt, Duration::from_millis(7));
        assert_eq!(rejected(&bench), (vec![], vec![]));
    }
}

#[test]
fn whatever_is_wrong_with_an_answer_is_counted_by_its_reason() {
    let plain = Answered::default;
    for (address, _) in FAMILIES {
        let other = if address == V4 { "192.0.2.66" } else { "2001:db8::66" };
        for flags in [SYN_ACK, RST_ACK] {
            for (named, reason, wrong) in [
                (true, Reason::WrongSource, Answered { from: Some(other), ..plain() }),
                (true, Reason::WrongPort, Answered { port: 1, ..plain() }),
                (true, Reason::WrongPort, Answered { our_port: 1, ..plain() }),
                (true, Reason::BadChecksum, Answered { damaged: true, ..plain() }),
                (false, Reason::WrongSequence, Answered { acknowledges: 0, ..plain() }),
                (false, Reason::WrongSequence, Answered { acknowledges: 2, ..plain() }),
                (false, Reason::WrongSequence, Answered { acknowledges: 1 << 31, ..plain() }),
                (false, Reason::Truncated, Answered { cut: 19, ..plain() }),
            ] {
                let (mut bench, sent) = open(address, 1);
                bench.receive(at(5), &segment(&sent[0], Answered { flags, ..wrong }));
                let expected = match named {
                    true => (vec![(1, reason)], vec![]),
                    false => (vec![], vec![reason]),
                };
                assert_eq!(rejected(&bench), expected, "{wrong:?}");
                assert!(bench.log().settled.is_empty(), "{wrong:?}");
                bench.receive(at(6), &segment(&sent[0], Answered { flags, ..plain() }));
                assert_eq!(reply(&bench, 1).rtt, Duration::from_millis(6));
            }
        }
    }
}

/// A peer that has seen none of our SYNs guesses one number of 2^32.
#[test]
fn a_million_guesses_settle_nothing() {
    let (mut bench, sent) = open(V4, 30);
    for guess in 0..1_000_000 {
        let acknowledges = u32::try_from(mix(guess) >> 32).expect("32 bits");
        bench.receive(at(1), &segment(&sent[0], Answered { acknowledges, ..Answered::default() }));
    }
    assert!(bench.log().settled.is_empty());
}

#[test]
fn segments_that_neither_open_nor_close_settle_nothing_and_are_no_forgeries() {
    for flags in [0x10, 0x02, 0x04, 0x11, 0x00, 0x18] {
        let (mut bench, sent) = open(V4, 1);
        bench.receive(at(5), &segment(&sent[0], Answered { flags, ..Answered::default() }));
        assert_eq!(rejected(&bench), (vec![], vec![]), "{flags:x}");
        assert!(bench.log().settled.is_empty(), "{flags:x}");
    }
}

#[test]
fn the_targets_second_syn_ack_is_repeated_and_a_second_reset_a_duplicate() {
    for (flags, expected) in [(SYN_ACK, "repeated"), (RST_ACK, "duplicate")] {
        let (mut bench, sent) = open(V4, 1);
        for millis in [5, 1_005] {
            bench
                .receive(at(millis), &segment(&sent[0], Answered { flags, ..Answered::default() }));
        }
        let [(1, stray)] = bench.log().strays.as_slice() else {
            panic!("{:?}", bench.log().strays)
        };
        let told = match stray {
            Stray::Repeated(_) => "repeated",
            Stray::Duplicate(_) => "duplicate",
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected);
    }
}

#[test]
fn an_answer_after_the_timeout_is_late() {
    let (mut bench, sent) = open(V6, 1);
    bench.run_until(at(1_500));
    assert!(matches!(bench.log().outcome(1), Outcome::TimedOut));
    bench.receive(at(1_501), &segment(&sent[0], Answered::default()));
    let Some((1, Stray::Late(late))) = bench.log().strays.first() else { panic!("not late") };
    assert!(late.rtt > TIMEOUT);
}

#[test]
fn eight_quoted_bytes_name_the_syn_and_a_foreign_quote_names_none() {
    for (address, router) in FAMILIES {
        let header = if address == V4 { 20 } else { 40 };
        for length in [header + 8, header + 40] {
            let (mut bench, sent) = open(address, 3);
            let message = ErrorMessage::TimeExceeded { code: 0 };
            bench.receive(at(4), &error(router, message, &datagram(&sent[1]), length));
            let Outcome::NetError(told) = bench.log().outcome(2) else { panic!("no error") };
            assert!(told.kind.is_time_exceeded());
            assert_eq!(told.from, Destination::new(router.parse().expect("an address")));
            // A translated source port is no other probe; another sequence number or destination is.
            let place = header;
            for (offset, reason) in [(0, None), (5, Some(())), (2, Some(()))] {
                let mut quoted = datagram(&sent[0]);
                quoted[place + offset] ^= 0x40;
                let (mut bench, _) = open(address, 3);
                bench.receive(at(4), &error(router, message, &quoted, length));
                assert_eq!(bench.log().settled.contains_key(&1), reason.is_none(), "{offset}");
                let (_, unmatched) = rejected(&bench);
                assert_eq!(unmatched.first().copied(), reason.map(|()| Reason::UnknownProbe));
            }
            // Another program's connection is nobody's business.
            let mut quoted = datagram(&sent[0]);
            quoted[place..place + 8].copy_from_slice(&[0, 99, 0, 80, 1, 2, 3, 4]);
            let (mut bench, _) = open(address, 3);
            bench.receive(at(4), &error(router, message, &quoted, length));
            assert_eq!(rejected(&bench), (vec![], vec![]));
        }
    }
}

#[test]
fn without_a_source_a_syn_does_not_leave() {
    for control in
        [Control::default(), Control { source: Some(OUR_V6.into()), ..Control::default() }]
    {
        let spec = ProbeSpec { control, ..syn(1, V4, PORT) };
        let mut bench = Bench::new([Script::probes([spec])]);
        assert!(bench.transmits().is_empty());
        let Outcome::LocalError(error) = bench.log().outcome(1) else { panic!("it left") };
        assert_eq!(error.errno, 99);
    }
}
