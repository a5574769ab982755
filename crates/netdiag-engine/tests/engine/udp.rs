//! UDP probes: what settles them, what is rejected, what comes late or twice.

use crate::harness::{
    Bench, ENOBUFS, Sent, TIMEOUT, V4, V6, at, config, destination, echo, mix, probe, udp,
};
use crate::packets::{
    ARRIVING, ROUTER_V4, ROUTER_V6, Socket, datagram, datagram_from, error, packet, queued,
};
use crate::script::Script;
use netdiag_engine::outcome::{Reason, Reply, ReplyDetail};
use netdiag_engine::port::{Channel, ErrorOrigin, InputKind, QueuedError, SendError};
use netdiag_engine::{ConnectSpec, Next, Outcome, Pattern, ProbeKind, ProbeSpec, Stray, UdpSpec};
use netdiag_model::{Destination, IcmpKind, Stamp};
use netdiag_wire::icmp::ErrorMessage;
use std::time::Duration;

const PORT: u16 = 33_434;
const WHOLE: usize = usize::MAX;
/// ICMP type and code.
type Code = (u8, u8);
/// Address, router on the way, port unreachable, time exceeded.
const FAMILIES: [(&str, &str, Code, Code); 2] =
    [(V4, ROUTER_V4, (3, 3), (11, 0)), (V6, ROUTER_V6, (1, 4), (3, 0))];

/// Probes of these sizes to one address and port, all sent at the start.
fn open(address: &str, sizes: &[u16]) -> (Bench, Vec<Sent>) {
    let specs = (1..).zip(sizes).map(|(seq, size)| udp(seq, address, PORT, *size));
    let mut bench = Bench::new([Script::probes(specs)]);
    let sent = bench.send_all(Stamp::user(at(0)));
    (bench, sent)
}

fn reply(bench: &Bench, seq: u64) -> &Reply {
    let Outcome::Replied(reply) = bench.log().outcome(seq) else {
        panic!("{:?}", bench.log().outcome(seq))
    };
    reply
}

/// The reasons for which packets were rejected: those that name a probe, and the others.
fn rejected(bench: &Bench) -> (Vec<(u64, Reason)>, Vec<Reason>) {
    let of = |stray: &Stray| match stray {
        Stray::Rejected(rejection) => rejection.reason,
        other => panic!("{other:?}"),
    };
    let log = bench.log();
    let named = log.strays.iter().map(|(seq, stray)| (*seq, of(stray))).collect();
    (named, log.unmatched.iter().map(|rejection| rejection.reason).collect())
}

#[test]
fn a_probe_leaves_as_a_datagram_that_carries_its_identity() {
    let (_, sent) = open(V4, &[56, 56]);
    assert_eq!(sent[1].channel, Channel::Udp { port: PORT });
    assert_eq!(sent[1].destination, destination(V4));
    assert_eq!(sent[1].bytes.len(), 56);
    assert_eq!(sent[1].bytes[..4], sent[1].id.0.to_be_bytes());
    assert_eq!(sent[1].bytes[4..8], 2_u32.to_be_bytes());
    let filling: Vec<u8> = (16..56).collect();
    assert_eq!(sent[1].bytes[16..], filling);
    assert_ne!(sent[0].bytes[8..16], sent[1].bytes[8..16], "the tags differ");
}

#[test]
fn the_targets_own_port_unreachable_is_the_reply() {
    for (address, router, (kind, code), _) in FAMILIES {
        for quoted in [4, 8, 15, 16, 40, WHOLE] {
            let (mut bench, sent) = open(address, &[56, 56]);
            let mut error = queued(address, kind, code, &sent[0], quoted);
            error.stamp = Stamp::user(at(12));
            bench.queued_error(at(12), &error);
            let reply = reply(&bench, 1);
            assert_eq!(reply.detail, ReplyDetail::PortUnreachable);
            assert_eq!(reply.rtt, Duration::from_millis(12));
            assert_eq!((reply.from, reply.hop_limit), (destination(address), Some(ARRIVING)));
            assert!(!reply.is_truncated(), "an error need not quote everything");
            assert_eq!(bench.log().settled.len(), 1);

            // The same from a router is the network's refusal, and so is an unknown sender's.
            for offender in [Some(destination(router)), None] {
                let (mut bench, sent) = open(address, &[56]);
                let mut error = queued(router, kind, code, &sent[0], quoted);
                error.offender = offender;
                bench.queued_error(at(10), &error);
                let Outcome::NetError(error) = bench.log().outcome(1) else { panic!("a reply") };
                assert!(error.kind.is_port_unreachable());
            }
        }
    }
}

#[test]
fn every_other_error_ends_the_probe_that_it_quotes() {
    for (address, router, _, (kind, code)) in FAMILIES {
        for from in [router, address] {
            let (mut bench, sent) = open(address, &[56, 56, 56]);
            bench.queued_error(at(10), &queued(from, kind, code, &sent[1], 16));
            let Outcome::NetError(error) = bench.log().outcome(2) else { panic!("no error") };
            assert_eq!((error.from, error.rtt), (destination(from), Duration::from_millis(10)));
            assert!(error.kind.is_time_exceeded());
            assert_eq!(bench.log().settled.len(), 1);
        }
    }
    let (mut bench, sent) = open(V4, &[1_400]);
    let mut error = queued(ROUTER_V4, 3, 4, &sent[0], 64);
    error.info = 1_428;
    bench.queued_error(at(10), &error);
    assert_eq!(rejected(&bench), (vec![(1, Reason::ImplausibleMtu)], vec![]));
    error.info = 1_427;
    bench.queued_error(at(10), &error);
    let Outcome::NetError(error) = bench.log().outcome(1) else { panic!("no error") };
    assert_eq!((error.kind, error.info), (IcmpKind::v4(3, 4), Some(1_427)));
}

#[test]
fn a_quote_too_short_for_a_name_is_about_the_only_open_probe_or_ambiguous() {
    for (address, _, (kind, code), _) in FAMILIES {
        for quoted in 0..4 {
            let (mut bench, sent) = open(address, &[56]);
            bench.queued_error(at(10), &queued(address, kind, code, &sent[0], quoted));
            assert_eq!(reply(&bench, 1).detail, ReplyDetail::PortUnreachable);

            let (mut bench, sent) = open(address, &[56, 56]);
            bench.queued_error(at(10), &queued(address, kind, code, &sent[0], quoted));
            assert_eq!(rejected(&bench), (vec![], vec![Reason::Ambiguous]), "no guess");
            // Once the other one has ended there is nothing to guess.
            bench.queued_error(at(10), &queued(address, kind, code, &sent[1], 16));
            bench.queued_error(at(10), &queued(address, kind, code, &sent[0], quoted));
            assert_eq!(reply(&bench, 1).detail, ReplyDetail::PortUnreachable);
            // And now there is nobody left.
            bench.queued_error(at(10), &queued(address, kind, code, &sent[0], quoted));
            assert_eq!(bench.log().unmatched.len(), 2);
            assert_eq!(bench.log().unmatched[1].reason, Reason::UnknownProbe);
        }
    }
    assert_eq!(Reason::Ambiguous.name(), "ambiguous");
}

#[test]
fn only_probes_to_the_same_address_and_port_make_a_quote_ambiguous() {
    let specs = [
        udp(1, V4, PORT, 56),
        udp(2, V4, PORT + 1, 56),
        udp(3, "192.0.2.2", PORT, 56),
        udp(4, V6, PORT, 56),
        echo(5, V4),
        probe(6, V4, ProbeKind::Connect(ConnectSpec::to(PORT))),
    ];
    let mut bench = Bench::new([Script::probes(specs)]);
    let sent = bench.send_all(Stamp::user(at(0)));
    let mut elsewhere = queued(V4, 3, 3, &sent[0], 0);
    elsewhere.channel = Channel::Udp { port: PORT + 2 };
    bench.queued_error(at(9), &elsewhere);
    assert_eq!(rejected(&bench), (vec![], vec![Reason::UnknownProbe]));
    bench.queued_error(at(10), &queued(V4, 3, 3, &sent[0], 0));
    let settled: Vec<u64> = bench.log().settled.keys().copied().collect();
    assert_eq!(settled, [1]);
}

#[test]
fn a_quote_that_names_a_forgotten_probe_is_not_about_the_one_that_is_open() {
    let (mut bench, sent) = open(V4, &[56]);
    let mut error = queued(V4, 3, 3, &sent[0], WHOLE);
    error.bytes[..4].copy_from_slice(&77_u32.to_be_bytes());
    bench.queued_error(at(10), &error);
    assert_eq!(rejected(&bench), (vec![], vec![Reason::UnknownProbe]));
}

#[test]
fn the_same_link_local_address_behind_two_interfaces_is_two_targets() {
    let neighbour = |scope| Destination::scoped("fe80::1".parse().expect("an address"), scope);
    let specs = [2, 3].map(|scope| ProbeSpec {
        destination: neighbour(scope),
        ..udp(scope.into(), "fe80::1", PORT, 56)
    });
    let mut bench = Bench::new([Script::probes(specs)]);
    let sent = bench.send_all(Stamp::user(at(0)));
    let mut error = queued("fe80::1", 1, 4, &sent[1], 0);
    (error.offender, error.destination) = (Some(neighbour(3)), neighbour(3));
    bench.queued_error(at(10), &error);
    assert_eq!(reply(&bench, 3).detail, ReplyDetail::PortUnreachable);
    assert_eq!(bench.log().settled.len(), 1);
    // From the other neighbour the same would be no reply.
    let mut error = queued("fe80::1", 1, 4, &sent[0], 56);
    error.offender = Some(neighbour(3));
    bench.queued_error(at(10), &error);
    assert!(matches!(bench.log().outcome(2), Outcome::NetError(_)));
}

#[test]
fn a_short_quote_that_contradicts_the_only_probe_ends_nothing() {
    let (mut bench, sent) = open(V4, &[56]);
    let mut error = queued(V4, 3, 3, &sent[0], 3);
    error.bytes[2] ^= 1;
    bench.queued_error(at(10), &error);
    assert_eq!(rejected(&bench), (vec![(1, Reason::BadTag)], vec![]));
}

#[test]
fn a_probe_too_small_for_a_name_is_told_by_being_alone() {
    for size in 0..4 {
        let (mut bench, sent) = open(V4, &[size]);
        let mut error = queued(V4, 3, 3, &sent[0], WHOLE);
        // Extensions make routers fill the quote up with zeroes (RFC 4884 section 5.1).
        error.bytes.resize(100, 0);
        bench.queued_error(at(10), &error);
        assert_eq!(reply(&bench, 1).detail, ReplyDetail::PortUnreachable);

        let (mut bench, sent) = open(V4, &[size, size]);
        bench.queued_error(at(10), &queued(V4, 3, 3, &sent[0], WHOLE));
        assert_eq!(rejected(&bench), (vec![], vec![Reason::Ambiguous]));
        let from = datagram_from(V4, PORT, &sent[0].bytes);
        bench.datagram(at(10), &from);
        assert_eq!(bench.log().settled.len(), 0);
    }
}

/// A quote that is not the genuine one of 24 bytes: `random` decides how.
fn forge(sent: &Sent, random: u64, is_alone: bool) -> QueuedError<Vec<u8>> {
    let mut forged = queued(V4, 3, 3, sent, 24);
    let noise = mix(random ^ 3).to_be_bytes();
    match random % 6 {
        0 => forged.bytes[usize::from(noise[0]) % 16] ^= noise[1] | 1,
        1 => forged.bytes[8..16].copy_from_slice(&mix(random ^ 4).to_be_bytes()),
        2 => forged.channel = Channel::Udp { port: PORT ^ u16::from(noise[0] | 1) },
        3 => forged.destination = destination("192.0.2.77"),
        4 => {
            forged.bytes.truncate(usize::from(noise[0]) % 4);
            if is_alone {
                // What is quoted is wrong: to quote nothing would be enough.
                forged.bytes = vec![noise[1] | 1; 1 + usize::from(noise[2]) % 3];
            }
        }
        _ => {
            // Enough for a name, which is then nobody's.
            let noise = (0..4).flat_map(|n| mix(random ^ n).to_be_bytes());
            let length = usize::try_from(4 + random % 28).expect("small");
            forged.bytes = noise.take(length).collect();
        }
    }
    forged
}

#[test]
fn a_forged_quote_ends_nothing() {
    for probes in [1, 30] {
        let (mut bench, sent) = open(V4, &vec![56; probes]);
        for number in 0..100_000_u64 {
            let random = mix(number);
            let aim = usize::try_from(mix(random) % probes as u64).expect("small");
            bench.queued_error(at(10), &forge(&sent[aim], random, probes == 1));
        }
        let (named, unnamed) = rejected(&bench);
        assert_eq!(bench.log().settled.len(), 0, "a forged quote was believed");
        assert_eq!(named.len() + unnamed.len(), 100_000, "each was counted");
        assert!(named.len() > 10_000 && unnamed.len() > 10_000);
        assert_eq!(unnamed.contains(&Reason::Ambiguous), probes > 1);
        for sent in &sent {
            bench.queued_error(at(10), &queued(V4, 3, 3, sent, 24));
        }
        assert_eq!(bench.log().settled.len(), probes, "the genuine ones are");
    }
}

#[test]
fn a_raw_socket_that_sees_the_same_error_counts_nothing() {
    for (address, router, ..) in FAMILIES {
        for length in [48, 64, WHOLE] {
            let (mut bench, sent) = open(address, &[56]);
            for message in [
                ErrorMessage::DestinationUnreachable { code: 3, mtu: None },
                ErrorMessage::TimeExceeded { code: 0 },
            ] {
                for from in [address, router] {
                    bench.receive(at(10), &error(from, message, &datagram(&sent[0]), length));
                }
            }
            assert_eq!(rejected(&bench), (vec![], vec![]), "{length}");
            assert_eq!(bench.log().settled.len(), 0);
        }
    }
}

#[test]
fn an_echoed_datagram_is_the_reply_of_the_probe_that_it_names() {
    for (address, ..) in FAMILIES {
        let (mut bench, sent) = open(address, &[56, 56, 8]);
        bench.datagram(at(20), &datagram_from(address, PORT, &sent[1].bytes));
        assert_eq!(reply(&bench, 2).detail, ReplyDetail::Datagram { echoed: true });
        assert_eq!(reply(&bench, 2).rtt, Duration::from_millis(20));
        assert_eq!((reply(&bench, 2).bytes, reply(&bench, 2).sent_bytes), (64, 64));
        bench.datagram(at(30), &datagram_from(address, PORT, &sent[2].bytes));
        assert_eq!(reply(&bench, 3).detail, ReplyDetail::Datagram { echoed: true });

        let mut cut = sent[0].bytes.clone();
        cut.truncate(40);
        cut[20] ^= 1;
        bench.datagram(at(40), &datagram_from(address, PORT, &cut));
        assert!(reply(&bench, 1).is_truncated());
        assert_eq!(reply(&bench, 1).corruption.map(|changed| changed.offset), Some(20));
        assert_eq!(rejected(&bench), (vec![], vec![]));
    }
}

#[test]
fn any_other_datagram_is_the_reply_only_of_a_probe_that_is_alone() {
    for bytes in [&b""[..], b"no", b"an answer of quite another kind"] {
        let (mut bench, _) = open(V4, &[56]);
        bench.datagram(at(20), &datagram_from(V4, PORT, bytes));
        let reply = reply(&bench, 1);
        assert_eq!(reply.detail, ReplyDetail::Datagram { echoed: false });
        assert_eq!((reply.bytes, reply.is_truncated()), (8 + bytes.len(), false));
        assert_eq!(reply.corruption, None);

        let (mut bench, _) = open(V4, &[56, 56]);
        bench.datagram(at(20), &datagram_from(V4, PORT, bytes));
        assert_eq!(rejected(&bench), (vec![], vec![Reason::Ambiguous]));
        for (from, port) in [(V4, PORT + 1), ("192.0.2.66", PORT), (V6, PORT)] {
            let (mut bench, _) = open(V4, &[56]);
            bench.datagram(at(20), &datagram_from(from, port, bytes));
            assert_eq!(rejected(&bench), (vec![], vec![Reason::UnknownProbe]));
        }
    }
}

#[test]
fn a_datagram_with_the_right_identity_and_a_wrong_sender_is_rejected() {
    for (from, port) in [("192.0.2.66", PORT), (V4, PORT + 1), (V6, PORT)] {
        let (mut bench, sent) = open(V4, &[56]);
        bench.datagram(at(20), &datagram_from(from, port, &sent[0].bytes));
        assert_eq!(rejected(&bench), (vec![(1, Reason::WrongSource)], vec![]));
    }
}

#[test]
fn a_datagram_with_a_wrong_tag_is_nobodys_where_several_are_open() {
    for place in 4..16 {
        let (mut bench, sent) = open(V4, &[56, 56]);
        let mut forged = sent[1].bytes.clone();
        forged[place] ^= 1;
        bench.datagram(at(20), &datagram_from(V4, PORT, &forged));
        assert_eq!(rejected(&bench), (vec![(2, Reason::BadTag)], vec![]));
    }
}

#[test]
fn late_and_repeated_answers_are_told_apart_as_for_echoes() {
    let (mut bench, sent) = open(V4, &[56, 56, 56]);
    let unreachable = |bench: &mut Bench, millis, sent: &Sent| {
        let mut error = queued(V4, 3, 3, sent, 56);
        error.stamp = Stamp::user(at(millis));
        bench.queued_error(at(millis), &error);
    };
    unreachable(&mut bench, 10, &sent[0]);
    unreachable(&mut bench, 11, &sent[0]);
    bench.datagram(at(12), &datagram_from(V4, PORT, &sent[0].bytes));
    bench.queued_error(at(13), &queued(ROUTER_V4, 11, 0, &sent[1], 56));
    bench.datagram(at(14), &datagram_from(V4, PORT, &sent[1].bytes));
    bench.pass(at(1_000));
    assert_eq!(*bench.log().outcome(3), Outcome::TimedOut);
    unreachable(&mut bench, 1_100, &sent[2]);
    unreachable(&mut bench, 1_200, &sent[2]);
    let strays: Vec<_> = bench
        .log()
        .strays
        .iter()
        .map(|(seq, stray)| match stray {
            Stray::Duplicate(_) => (*seq, "duplicate"),
            Stray::Late(_) => (*seq, "late"),
            other => panic!("{other:?}"),
        })
        .collect();
    let duplicate = |seq| (seq, "duplicate");
    assert_eq!(strays, [duplicate(1), duplicate(1), (2, "late"), (3, "late"), duplicate(3)]);

    let (mut bench, sent) = open(V4, &[56, 56]);
    unreachable(&mut bench, 5, &sent[0]);
    bench.queued_error(at(10), &queued(ROUTER_V4, 11, 0, &sent[0], 56));
    // Stamped after its deadline, though nobody has looked at the deadline yet.
    unreachable(&mut bench, 1_001, &sent[1]);
    assert_eq!(*bench.log().outcome(2), Outcome::TimedOut);
    assert!(matches!(bench.log().strays[..], [(1, Stray::LateError(_)), (2, Stray::Late(_))]));
}

#[test]
fn sending_fails_waits_and_ends_as_for_echoes() {
    let mut bench = Bench::new([Script::probes([udp(1, V4, PORT, 56), udp(2, V4, PORT, 56)])]);
    let sent = bench.transmits();
    bench.send_failed(at(0), sent[0].id, ENOBUFS);
    let until = bench.wait.expect("it waits to try again");
    bench.pass(until);
    assert_eq!(bench.transmits(), [sent[0].clone()], "the same datagram");
    let error = SendError { mtu: Some(1_500), ..SendError::new(90) };
    bench.input(at(2), InputKind::SendFailed { id: sent[0].id, error });
    assert_eq!(*bench.log().outcome(1), Outcome::LocalError(error));
    // What never left is not open: the other one is alone now.
    bench.sent(&sent[1], Stamp::user(at(2)));
    bench.queued_error(at(10), &queued(V4, 3, 3, &sent[0], 0));
    assert_eq!(reply(&bench, 2).rtt, Duration::from_millis(8));
    // Nor can anything be about what never left.
    bench.queued_error(at(10), &queued(V4, 3, 3, &sent[0], 56));
    assert_eq!(rejected(&bench), (vec![], vec![Reason::UnknownProbe]));
}

#[test]
fn a_probe_that_nobody_waits_for_any_more_is_not_sent_and_not_open() {
    let quits = Script::new([Next::Probe(udp(1, V4, PORT, 56))], Next::Quit);
    let mut bench = Bench::new([quits, Script::probes([udp(2, V4, PORT, 56)])]);
    let sent = bench.transmits();
    bench.sent(&sent[1], Stamp::user(at(0)));
    bench.send_failed(at(0), sent[0].id, ENOBUFS);
    bench.pass(at(1));
    assert_eq!(bench.transmits(), []);
    bench.queued_error(at(10), &queued(V4, 3, 3, &sent[1], 0));
    assert!(matches!(bench.log_of(1).outcome(2), Outcome::Replied(_)));
}

#[test]
fn a_local_entry_of_the_error_queue_ends_nothing() {
    let (mut bench, sent) = open(V4, &[1_400]);
    let mut error = queued(V4, 0, 0, &sent[0], 0);
    (error.origin, error.errno, error.info) = (ErrorOrigin::Local, 90, 1_300);
    bench.queued_error(at(10), &error);
    assert_eq!(rejected(&bench), (vec![], vec![]));
    assert_eq!(bench.log().settled.len(), 0);
}

#[test]
fn no_identifier_is_needed_however_many_are_open() {
    let count = 70_000;
    let specs = (1..=count).map(|seq| udp(seq, V4, PORT, 16));
    let mut config = config(1);
    config.burst = u32::MAX;
    let mut bench = Bench::with(config, [Script::probes(specs)]);
    assert_eq!(bench.transmits().len(), usize::try_from(count).expect("small"));
    assert_eq!(bench.engine.identifiers_exhausted(), 0);
}

#[test]
fn an_echo_reply_that_names_a_udp_probe_is_nobodys() {
    let mut bench = Bench::new([Script::probes([udp(1, V4, PORT, 56), echo(2, V4)])]);
    let sent = bench.send_all(Stamp::user(at(0)));
    let mut bytes = Vec::new();
    netdiag_wire::icmp::emit_echo_v4(true, 0x4320, 0, &sent[0].bytes, &mut bytes);
    bench.receive(at(10), &packet(destination(V4), bytes, Socket::Raw));
    assert_eq!(rejected(&bench), (vec![], vec![Reason::UnknownProbe]));
    // Nor does a datagram that brings back an echo's data.
    bench.datagram(at(10), &datagram_from(V4, PORT + 1, &sent[1].bytes[8..]));
    assert_eq!(bench.log().unmatched.len(), 2);
}

#[test]
fn the_timeout_of_a_udp_probe_is_its_own_and_drops_make_it_unknown() {
    let (mut bench, _) = open(V4, &[56]);
    bench.pass(at(900));
    assert_eq!(bench.wait, Some(at(0) + TIMEOUT));
    let drops = netdiag_engine::port::Change::ReceiveDrops { count: 1 };
    bench.change(at(950), drops);
    bench.pass(at(1_000));
    assert!(matches!(bench.log().outcome(1), Outcome::Unknown(_)));
    let spec = UdpSpec { port: 0, size: 0, pattern: Pattern::COUNTING };
    let mut bench = Bench::new([Script::probes([probe(1, V4, ProbeKind::Udp(spec))])]);
    assert_eq!(bench.transmits()[0].channel, Channel::Udp { port: 0 });
}
