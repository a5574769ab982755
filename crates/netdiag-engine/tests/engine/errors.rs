//! ICMP errors and the probes they are about.

use crate::harness::{Bench, Sent, V4, V6, at, echo, sized};
use crate::packets::{
    self, ARRIVING, ROUTER_V4, ROUTER_V6, Socket, datagram, error, packet, queued, reply_to,
};
use crate::script::Script;
use netdiag_engine::outcome::{IcmpError, Reason};
use netdiag_engine::{ConnectSpec, Outcome, ProbeKind, Stray};
use netdiag_model::{IcmpKind, Stamp};
use netdiag_wire::icmp::{self, ErrorMessage};
use std::time::Duration;

/// What becomes of an error that comes 10 ms after the probe.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken {
    NetError(IcmpKind, Option<u32>),
    Advice(IcmpKind),
    Rejected(Reason),
    Unmatched(Reason),
    Ignored,
}

fn taken(bench: &Bench) -> Taken {
    let log = bench.log();
    let about = |error: &IcmpError| {
        assert_eq!(error.rtt, Duration::from_millis(10));
        assert_eq!(error.hop_limit, Some(ARRIVING));
        error.kind
    };
    match (log.settled.get(&1), log.strays.first(), log.unmatched.first()) {
        (Some(Outcome::NetError(error)), None, None) => Taken::NetError(about(error), error.info),
        (None, Some((1, Stray::Advice(error))), None) => Taken::Advice(about(error)),
        (None, Some((1, Stray::Rejected(rejection))), None) => Taken::Rejected(rejection.reason),
        (None, None, Some(rejection)) => Taken::Unmatched(rejection.reason),
        (None, None, None) => Taken::Ignored,
        other => panic!("{other:?}"),
    }
}

fn one(address: &str, size: u16) -> (Bench, Sent) {
    let mut bench = Bench::new([Script::probes([sized(1, address, size)])]);
    let sent = bench.send_all(Stamp::user(at(0))).remove(0);
    (bench, sent)
}

const UNREACHABLE: ErrorMessage = ErrorMessage::DestinationUnreachable { code: 1, mtu: None };
pub(crate) const EXPIRED: ErrorMessage = ErrorMessage::TimeExceeded { code: 0 };
pub(crate) const WHOLE: usize = usize::MAX;

/// Quotes the probe as `alter` left it, `length` bytes of it.
pub(crate) fn check(
    address: &str,
    message: ErrorMessage,
    length: usize,
    alter: impl Fn(&mut Vec<u8>),
    want: &Taken,
) {
    let (mut bench, sent) = one(address, 1_400);
    let mut quoted = datagram(&sent);
    alter(&mut quoted);
    let router = if address == V4 { ROUTER_V4 } else { ROUTER_V6 };
    bench.receive(at(10), &error(router, message, &quoted, length));
    assert_eq!(taken(&bench), *want, "{message:?} about {address}, {length} bytes quoted");
    // A second copy tells nothing new about the outcome.
    bench.receive(at(10), &error(router, message, &quoted, length));
    bench.pass(at(60_000));
    assert_eq!(bench.log().settled.len(), 1);
}

fn as_it_was(_: &mut Vec<u8>) {}

#[test]
fn an_error_ends_its_probe_however_little_it_quotes() {
    for length in [28, 29, 31, 32, 40, 44, 60, 128, WHOLE] {
        let unreachable = Taken::NetError(IcmpKind::v4(3, 1), None);
        check(V4, UNREACHABLE, length, as_it_was, &unreachable);
        check(V4, EXPIRED, length, as_it_was, &Taken::NetError(IcmpKind::v4(11, 0), None));
    }
    for length in [48, 49, 52, 60, 64, 128, WHOLE] {
        check(V6, UNREACHABLE, length, as_it_was, &Taken::NetError(IcmpKind::v6(1, 1), None));
        check(V6, EXPIRED, length, as_it_was, &Taken::NetError(IcmpKind::v6(3, 0), None));
    }
}

#[test]
fn a_quote_too_short_to_name_a_probe_is_no_guess() {
    for length in [0, 1, 19, 20, 27] {
        check(V4, EXPIRED, length, as_it_was, &Taken::Unmatched(Reason::UnparsableQuote));
    }
    for length in [0, 39, 40, 47] {
        check(V6, EXPIRED, length, as_it_was, &Taken::Unmatched(Reason::UnparsableQuote));
    }
}

#[test]
fn an_altered_quote_ends_nothing() {
    type Alter = fn(&mut Vec<u8>);
    let v4: &[(&str, Alter, Taken)] = &[
        ("destination", |q| q[19] ^= 1, Taken::Unmatched(Reason::UnknownProbe)),
        ("identifier", |q| q[24] ^= 0x80, Taken::Unmatched(Reason::UnknownProbe)),
        ("sequence number", |q| q[26] ^= 0x80, Taken::Unmatched(Reason::UnknownProbe)),
        ("tag", |q| q[40] ^= 1, Taken::Rejected(Reason::BadTag)),
        ("version", |q| q[0] = 0x65, Taken::Unmatched(Reason::UnparsableQuote)),
        ("header length", |q| q[0] = 0x44, Taken::Unmatched(Reason::UnparsableQuote)),
        ("later fragment", |q| q[7] = 8, Taken::Unmatched(Reason::UnparsableQuote)),
        ("another protocol", |q| q[9] = 17, Taken::Ignored),
        ("an echo reply", |q| q[20] = 0, Taken::Ignored),
    ];
    for (name, alter, want) in v4 {
        println!("{name}");
        check(V4, EXPIRED, WHOLE, *alter, want);
    }
    // What a router may change on the way: TTL, TOS, checksum, addresses of ours behind a NAT.
    let harmless: Alter = |q| {
        q[1] = 0x48;
        q[8] = 0;
        q[10] ^= 0xff;
        q[12] ^= 0x0f;
    };
    check(V4, EXPIRED, WHOLE, harmless, &Taken::NetError(IcmpKind::v4(11, 0), None));
}

#[test]
fn a_quote_that_contradicts_a_part_of_the_data_ends_nothing() {
    // 28 bytes and a few of the data: what is there must be what was sent.
    for length in 29..44 {
        let flip: fn(&mut Vec<u8>) = |q| q[28] ^= 1;
        check(V4, EXPIRED, length, flip, &Taken::Rejected(Reason::BadTag));
    }
}

#[test]
fn a_foreign_quote_is_nobodys() {
    let (mut bench, sent) = one(V4, 56);
    let mut foreign = sent.clone();
    foreign.bytes[4] = 0x11;
    bench.receive(at(10), &error(ROUTER_V4, EXPIRED, &datagram(&foreign), WHOLE));
    assert_eq!(taken(&bench), Taken::Unmatched(Reason::UnknownProbe));
}

#[test]
fn an_error_with_a_bad_checksum_is_rejected() {
    for (address, router) in [(V4, ROUTER_V4), (V6, ROUTER_V6)] {
        let (mut bench, sent) = one(address, 56);
        let mut packet = error(router, EXPIRED, &datagram(&sent), WHOLE);
        let last = packet.bytes.len() - 1;
        packet.bytes[last] ^= 1;
        bench.receive(at(10), &packet);
        assert_eq!(taken(&bench), Taken::Unmatched(Reason::BadChecksum));
    }
}

#[test]
fn too_big_is_believed_between_the_least_mtu_and_what_was_sent() {
    let needed = |mtu| ErrorMessage::DestinationUnreachable { code: 4, mtu: Some(mtu) };
    let v4 = |info| Taken::NetError(IcmpKind::v4(3, 4), info);
    // 1,400 bytes of data are a datagram of 1,428 or 1,448 bytes.
    for (mtu, want) in [
        (68, v4(Some(68))),
        (1_400, v4(Some(1_400))),
        (1_427, v4(Some(1_427))),
        (0, v4(None)),
        (67, Taken::Rejected(Reason::ImplausibleMtu)),
        (1_428, Taken::Rejected(Reason::ImplausibleMtu)),
        (65_535, Taken::Rejected(Reason::ImplausibleMtu)),
    ] {
        check(V4, needed(mtu), 28, as_it_was, &want);
    }
    for (mtu, want) in [
        (1_280, Taken::NetError(IcmpKind::v6(2, 0), Some(1_280))),
        (1_447, Taken::NetError(IcmpKind::v6(2, 0), Some(1_447))),
        (0, Taken::Rejected(Reason::ImplausibleMtu)),
        (1_279, Taken::Rejected(Reason::ImplausibleMtu)),
        (1_448, Taken::Rejected(Reason::ImplausibleMtu)),
        (u32::MAX, Taken::Rejected(Reason::ImplausibleMtu)),
    ] {
        check(V6, ErrorMessage::PacketTooBig { mtu }, WHOLE, as_it_was, &want);
    }
}

#[test]
fn a_redirect_lets_the_probe_live_on() {
    let gateway = "192.0.2.77".parse().expect("an address");
    let redirect = ErrorMessage::RedirectV4 { code: 1, gateway };
    check(V4, redirect, 28, as_it_was, &Taken::Advice(IcmpKind::v4(5, 1)));
    let target = "fe80::77".parse().expect("an address");
    let redirect =
        ErrorMessage::RedirectV6 { target, destination: V6.parse().expect("an address") };
    check(V6, redirect, 128, as_it_was, &Taken::Advice(IcmpKind::v6(137, 0)));

    let (mut bench, sent) = one(V4, 56);
    let redirect = ErrorMessage::RedirectV4 { code: 1, gateway };
    bench.receive(at(10), &error(ROUTER_V4, redirect, &datagram(&sent), WHOLE));
    let [(1, Stray::Advice(advice))] = &bench.log().strays[..] else { panic!("no advice") };
    assert_eq!(advice.gateway, Some(gateway.into()));
    bench.receive(at(20), &reply_to(&sent));
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
}

#[test]
fn a_source_quench_lets_the_probe_live_on() {
    let (mut bench, sent) = one(V4, 56);
    let mut message = vec![4, 0, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(&datagram(&sent)[..28]);
    let sum = netdiag_wire::checksum::internet_checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    bench.receive(at(10), &packet(crate::harness::destination(ROUTER_V4), message, Socket::Raw));
    assert_eq!(taken(&bench), Taken::Advice(IcmpKind::v4(4, 0)));
}

#[test]
fn an_error_after_the_end_is_late_and_changes_nothing() {
    let (mut bench, sent) = one(V4, 56);
    bench.receive(at(5), &reply_to(&sent));
    bench.receive(at(10), &error(ROUTER_V4, EXPIRED, &datagram(&sent), 28));
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
    assert!(matches!(bench.log().strays[..], [(1, Stray::LateError(_))]));

    let (mut bench, sent) = one(V4, 56);
    bench.receive(at(1_001), &error(ROUTER_V4, EXPIRED, &datagram(&sent), 28));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut, "stamped after the deadline");
    assert!(matches!(bench.log().strays[..], [(1, Stray::LateError(_))]));
}

#[test]
fn an_error_before_sent_counts_on_either_side_of_the_deadline() {
    for (millis, timed_out) in [(10, false), (1_500, true)] {
        let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
        let sent = bench.transmits().remove(0);
        bench.receive(at(millis), &error(ROUTER_V4, EXPIRED, &datagram(&sent), 28));
        assert_eq!(*bench.log().outcome(1) == Outcome::TimedOut, timed_out);
        assert_eq!(bench.log().sent.len(), 1);
    }
}

#[test]
fn the_error_queue_of_a_datagram_socket_tells_the_same() {
    for (address, router, kind, too_big) in [
        (V4, ROUTER_V4, IcmpKind::v4(11, 0), IcmpKind::v4(3, 4)),
        (V6, ROUTER_V6, IcmpKind::v6(3, 0), IcmpKind::v6(2, 0)),
    ] {
        for length in [8, 12, 16, 24, 64, 1_408] {
            let (mut bench, sent) = one(address, 1_400);
            bench.queued_error(at(10), &queued(router, kind.kind, kind.code, &sent, length));
            assert_eq!(taken(&bench), Taken::NetError(kind, None), "{length} bytes");
        }
        for (info, want) in [
            (1_300, Taken::NetError(too_big, Some(1_300))),
            (1_500, Taken::Rejected(Reason::ImplausibleMtu)),
            (67, Taken::Rejected(Reason::ImplausibleMtu)),
        ] {
            let (mut bench, sent) = one(address, 1_400);
            let mut error = queued(router, too_big.kind, too_big.code, &sent, 64);
            error.info = info;
            bench.queued_error(at(10), &error);
            assert_eq!(taken(&bench), want, "{info}");
        }
        for length in [0, 4, 7] {
            let (mut bench, sent) = one(address, 1_400);
            bench.queued_error(at(10), &queued(router, kind.kind, kind.code, &sent, length));
            assert_eq!(taken(&bench), Taken::Unmatched(Reason::UnparsableQuote));
        }
    }
}

#[test]
fn an_error_without_an_mtu_is_believed_only_in_ipv4() {
    let (mut bench, sent) = one(V4, 1_400);
    bench.queued_error(at(10), &queued(ROUTER_V4, 3, 4, &sent, 64));
    assert_eq!(taken(&bench), Taken::NetError(IcmpKind::v4(3, 4), None));
    let (mut bench, sent) = one(V6, 1_400);
    bench.queued_error(at(10), &queued(ROUTER_V6, 2, 0, &sent, 64));
    assert_eq!(taken(&bench), Taken::Rejected(Reason::ImplausibleMtu));
}

#[test]
fn a_local_entry_of_the_error_queue_is_not_the_networks_error() {
    let (mut bench, sent) = one(V4, 1_400);
    let mut error = queued(ROUTER_V4, 3, 4, &sent, 64);
    error.origin = netdiag_engine::port::ErrorOrigin::Local;
    bench.queued_error(at(10), &error);
    assert_eq!(taken(&bench), Taken::Ignored);
}

#[test]
fn each_of_several_errors_goes_to_its_own_probe() {
    let mut bench = Bench::new([Script::probes((1..=20).map(|seq| echo(seq, V4)))]);
    let sent = bench.send_all(Stamp::user(at(0)));
    for (seq, sent) in (1..=20).zip(&sent).filter(|(seq, _)| seq % 3 == 0) {
        bench.receive(at(seq), &error(ROUTER_V4, EXPIRED, &datagram(sent), 28));
    }
    let settled: Vec<u64> = bench.log().settled.keys().copied().collect();
    assert_eq!(settled, [3, 6, 9, 12, 15, 18]);
    let Outcome::NetError(error) = bench.log().outcome(9) else { panic!("no error") };
    assert_eq!((error.rtt, error.quoted_hop_limit), (Duration::from_millis(9), Some(1)));
}

#[test]
fn an_error_that_quotes_an_echo_is_not_about_a_connect() {
    let connect = crate::harness::probe(1, V4, ProbeKind::Connect(ConnectSpec::to(80)));
    let mut bench = Bench::new([Script::probes([connect, echo(2, V4)])]);
    let mut sent = bench.send_all(Stamp::user(at(0))).remove(0);
    let sequence = packets::request(&sent).seq.wrapping_sub(1);
    let ident = packets::request(&sent).ident;
    sent.bytes.clear();
    icmp::emit_echo_v4(false, ident, sequence, &[], &mut sent.bytes);
    bench.receive(at(10), &error(ROUTER_V4, EXPIRED, &datagram(&sent), 28));
    assert_eq!(taken(&bench), Taken::Unmatched(Reason::UnknownProbe));
}

#[test]
fn an_error_about_a_probe_that_never_left_is_nobodys() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.transmits().remove(0);
    bench.send_failed(at(0), sent.id, crate::harness::EPERM);
    bench.receive(at(10), &error(ROUTER_V4, EXPIRED, &datagram(&sent), 36));
    assert_eq!(bench.log().strays, []);
    assert_eq!(bench.log().unmatched.len(), 1);
}
