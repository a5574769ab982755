//! Datagrams with bytes of the caller's: which answer is whose, and what is none.

use crate::harness::{Bench, Sent, TIMEOUT, V4, V6, at, probe};
use crate::packets::{ROUTER_V4, datagram_from, queued};
use crate::script::Script;
use netdiag_engine::outcome::{Reason, ReplyDetail};
use netdiag_engine::port::{Channel, InputKind};
use netdiag_engine::{MessageSpec, Outcome, ProbeKind, Stray};
use netdiag_model::Stamp;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const PORT: u16 = 53;

/// Messages to one address and port, all sent at the start.
fn open(address: &str, messages: &[&[u8]]) -> (Bench, Vec<Sent>) {
    let specs = (1..).zip(messages).map(|(seq, bytes)| {
        let message = MessageSpec { port: PORT, bytes: bytes.to_vec() };
        probe(seq, address, ProbeKind::Message(message))
    });
    let mut bench = Bench::new([Script::probes(specs)]);
    let sent = bench.send_all(Stamp::user(at(0)));
    (bench, sent)
}

/// The reasons for which packets were rejected: those that name a probe, and the others.
fn rejected(bench: &Bench) -> (Vec<(u64, Reason)>, Vec<Reason>) {
    let named = bench.log().strays.iter().filter_map(|(seq, stray)| match stray {
        Stray::Rejected(rejection) => Some((*seq, rejection.reason)),
        _ => None,
    });
    (named.collect(), bench.log().unmatched.iter().map(|rejection| rejection.reason).collect())
}

fn answer(bench: &Bench, seq: u64) -> &[u8] {
    match bench.log().outcome(seq) {
        Outcome::Replied(reply) => match &reply.detail {
            ReplyDetail::Message(bytes) => bytes,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_leaves_as_it_is_and_its_answer_has_its_number() {
    for address in [V4, V6] {
        let (mut bench, sent) = open(address, &[b"aa one", b"bb two"]);
        assert_eq!(sent[0].channel, Channel::Query { port: PORT });
        assert_eq!(
            (sent[0].bytes.as_slice(), sent[1].bytes.as_slice()),
            (&b"aa one"[..], &b"bb two"[..])
        );
        bench.datagram(at(7), &datagram_from(address, PORT, b"bb 2"));
        bench.datagram(at(9), &datagram_from(address, PORT, b"aa 1"));
        assert_eq!((answer(&bench, 1), answer(&bench, 2)), (&b"aa 1"[..], &b"bb 2"[..]));
        let Outcome::Replied(reply) = bench.log().outcome(2) else { panic!("no reply") };
        assert_eq!((reply.rtt, reply.bytes), (Duration::from_millis(7), 12));
        bench.datagram(at(11), &datagram_from(address, PORT, b"aa 1"));
        assert!(matches!(bench.log().strays[..], [(1, Stray::Duplicate(_))]));
    }
}

#[test]
fn two_with_one_number_are_told_apart_by_what_the_measurement_says() {
    let (mut bench, _) = open(V4, &[b"aa one"]);
    bench.datagram(at(5), &datagram_from(V4, PORT, b"aa?"));
    assert_eq!(rejected(&bench), (vec![(1, Reason::WrongQuestion)], vec![]));
    bench.datagram(at(6), &datagram_from(V4, PORT, b"aa!"));
    assert_eq!(answer(&bench, 1), b"aa!");
}

#[test]
fn what_comes_from_elsewhere_or_has_another_number_is_no_answer() {
    let (mut bench, _) = open(V4, &[b"aa one"]);
    bench.datagram(at(1), &datagram_from("192.0.2.66", PORT, b"aa 1"));
    bench.datagram(at(2), &datagram_from(V4, PORT + 1, b"aa 1"));
    bench.datagram(at(3), &datagram_from(V4, PORT, b"ab 1"));
    bench.datagram(at(4), &datagram_from(V4, PORT, b""));
    let reasons =
        [Reason::WrongSource, Reason::WrongPort, Reason::WrongSequence, Reason::WrongSequence];
    assert_eq!(rejected(&bench), (reasons.map(|reason| (1, reason)).to_vec(), vec![]));
    assert!(!bench.log().all_settled());
    bench.datagram(at(5), &datagram_from(V4, PORT, b"aa 1"));
    assert_eq!(answer(&bench, 1), b"aa 1");

    let (mut bench, _) = open(V4, &[b"aa one", b"bb two"]);
    bench.datagram(at(1), &datagram_from(V4, PORT, b"cc 3"));
    bench.datagram(at(1), &datagram_from("192.0.2.66", PORT, b"cc 3"));
    let unnamed = vec![Reason::WrongSequence, Reason::UnknownProbe];
    assert_eq!(rejected(&bench), (vec![], unnamed));
}

#[test]
fn what_comes_to_another_port_than_its_own_is_no_answer() {
    let (mut bench, sent) = open(V4, &[b"aa one", b"bb two"]);
    for (place, port) in [(0, 40_001), (1, 40_002)] {
        let local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        bench.input(at(0), InputKind::Begun { id: sent[place].id, local });
    }
    bench.datagram(at(1), &datagram_from(V4, PORT, b"aa 1").at_port(40_002));
    assert_eq!(rejected(&bench), (vec![(1, Reason::WrongPort)], vec![]));
    bench.datagram(at(2), &datagram_from(V4, PORT, b"aa 1").at_port(40_001));
    bench.datagram(at(2), &datagram_from(V4, PORT, b"bb 2").at_port(40_002));
    assert_eq!((answer(&bench, 1), answer(&bench, 2)), (&b"aa 1"[..], &b"bb 2"[..]));
}

#[test]
fn an_error_ends_the_message_that_it_quotes_also_when_the_target_sends_it() {
    for (from, quoted) in [(V4, 2), (V4, usize::MAX), (ROUTER_V4, 6)] {
        let (mut bench, sent) = open(V4, &[b"aa one", b"bb two"]);
        bench.queued_error(at(10), &queued(from, 3, 3, &sent[1], quoted));
        assert!(matches!(bench.log().outcome(2), Outcome::NetError(_)));
        assert_eq!(bench.log().settled.len(), 1);
    }
    // Too little to say which, unless there is only one.
    let (mut bench, sent) = open(V4, &[b"aa one", b"bb two"]);
    bench.queued_error(at(10), &queued(V4, 3, 3, &sent[1], 0));
    assert_eq!(rejected(&bench), (vec![], vec![Reason::Ambiguous]));
    let (mut bench, sent) = open(V4, &[b"aa one"]);
    bench.queued_error(at(10), &queued(V4, 3, 3, &sent[0], 0));
    assert!(matches!(bench.log().outcome(1), Outcome::NetError(_)));
    // Nobody quotes what was never sent.
    let (mut bench, sent) = open(V4, &[b"aa one"]);
    let forged = Sent { bytes: b"aa two".to_vec(), ..sent[0].clone() };
    bench.queued_error(at(10), &queued(V4, 3, 3, &forged, usize::MAX));
    assert_eq!(bench.log().settled.len(), 0);
}

#[test]
fn an_answer_after_the_timeout_is_late_and_the_message_is_forgotten_after_that() {
    let (mut bench, _) = open(V4, &[b"aa one"]);
    bench.run_until(at(0) + TIMEOUT);
    assert_eq!(bench.log().outcome(1), &Outcome::TimedOut);
    bench.datagram(at(1_500), &datagram_from(V4, PORT, b"aa 1"));
    assert!(matches!(bench.log().strays[..], [(1, Stray::Late(_))]));
    bench.run_until(at(60_000));
    bench.pass(at(60_000));
    bench.datagram(at(60_001), &datagram_from(V4, PORT, b"aa 1"));
    assert_eq!(rejected(&bench).1, [Reason::UnknownProbe]);
}
