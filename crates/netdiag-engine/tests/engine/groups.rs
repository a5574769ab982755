//! Probes to many hosts at once, and the IPv4 options that answers bring.

use crate::harness::{Bench, TIMEOUT, V4, at, destination, probe};
use crate::packets::{Answer, OUR_V4, ROUTER_V4, Socket, datagram, error, header_v4, packet};
use crate::script::Script;
use netdiag_engine::outcome::{Reason, Reply};
use netdiag_engine::port::{Control, InputKind, IpOptions, Message};
use netdiag_engine::{EchoSpec, Outcome, Pattern, ProbeKind, ProbeSpec, Stray};
use netdiag_model::Stamp;
use netdiag_wire::icmp::ErrorMessage;
use netdiag_wire::ipv4;
use std::net::Ipv4Addr;
use std::time::Duration;

const GROUP_V4: &str = "224.0.0.1";
const GROUP_V6: &str = "ff02::1";

fn to_group(address: &str) -> ProbeSpec {
    let echo =
        EchoSpec { size: 56, pattern: Pattern::COUNTING, flow: 0, balance: None, group: true };
    probe(1, address, ProbeKind::Echo(echo))
}

/// A probe under way, and a genuine answer to it from a host.
fn sent(spec: ProbeSpec) -> (Bench, impl Fn(&str) -> Answer) {
    let mut bench = Bench::new([Script::probes([spec])]);
    let sent = bench.send_all(Stamp::user(at(0))).remove(0);
    (bench, move |from: &str| Answer { from: destination(from), ..Answer::to(&sent) })
}

fn hosts(group: &str) -> [&'static str; 3] {
    match group {
        GROUP_V4 => ["192.0.2.2", "192.0.2.3", "192.0.2.4"],
        _ => ["fe80::2", "2001:db8::3", "fe80::4"],
    }
}

fn last(bench: &Bench) -> &Stray {
    &bench.log().strays.last().expect("a stray").1
}

#[test]
fn the_first_answer_settles_and_those_of_others_are_further_ones() {
    for group in [GROUP_V4, GROUP_V6] {
        let (mut bench, answer) = sent(to_group(group));
        let hosts = hosts(group);
        for (millis, host) in (1..).zip(hosts) {
            bench.receive(at(millis), &answer(host).over(Socket::Raw));
        }
        let Outcome::Replied(first) = bench.log().outcome(1) else { panic!("not a reply") };
        assert_eq!((first.from, first.rtt), (destination(hosts[0]), Duration::from_millis(1)));
        let further = bench.log().strays.iter().map(|(_, stray)| match stray {
            Stray::Further(Reply { from, rtt, .. }) => (*from, *rtt),
            other => panic!("{other:?}"),
        });
        let expected = [(1, 2), (2, 3)]
            .map(|(host, millis)| (destination(hosts[host]), Duration::from_millis(millis)));
        assert_eq!(further.collect::<Vec<_>>(), expected);
        let counters = bench.log().stats.counters();
        assert_eq!((counters.sent(), counters.received(), counters.duplicates()), (1, 1, 0));
    }
}

#[test]
fn an_answer_of_a_group_needs_the_right_tag_number_and_a_host() {
    for group in [GROUP_V4, GROUP_V6] {
        let host = hosts(group)[0];
        let (mut bench, answer) = sent(to_group(group));
        let mut forged = answer(host);
        forged.payload[9] ^= 1;
        let mut other_number = answer(host);
        other_number.sequence ^= 1;
        let (mut other_identifier, mut short) = (answer(host), answer(host));
        other_identifier.ident ^= 1;
        short.payload.truncate(15);
        let unspecified = if group == GROUP_V4 { "0.0.0.0" } else { "::" };
        for (packet, reason) in [
            (forged, Reason::BadTag),
            (other_number, Reason::WrongSequence),
            (other_identifier, Reason::WrongSequence),
            (short, Reason::Truncated),
            (answer(group), Reason::WrongSource),
            (answer(unspecified), Reason::WrongSource),
        ] {
            bench.receive(at(1), &packet.over(Socket::Raw));
            let Stray::Rejected(rejection) = last(&bench) else { panic!("{:?}", last(&bench)) };
            assert_eq!(rejection.reason, reason);
        }
        assert!(bench.log().settled.is_empty());
        bench.receive(at(2), &answer(host).over(Socket::Raw));
        assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
    }
}

#[test]
fn answers_of_a_group_can_be_late() {
    let (mut bench, answer) = sent(to_group(GROUP_V4));
    bench.pass(at(0) + TIMEOUT);
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
    bench.receive(at(1_500), &answer("192.0.2.2").over(Socket::Raw));
    assert!(matches!(last(&bench), Stray::Late(_)));
    bench.receive(at(1_600), &answer("192.0.2.3").over(Socket::Raw));
    assert!(matches!(last(&bench), Stray::Further(reply) if reply.rtt > TIMEOUT));
    assert_eq!(bench.log().stats.counters().late(), 1);
}

#[test]
fn the_error_of_one_host_does_not_answer_for_the_others() {
    let mut bench = Bench::new([Script::probes([to_group(GROUP_V4)])]);
    let sent = bench.send_all(Stamp::user(at(0))).remove(0);
    bench.receive(
        at(1),
        &error(ROUTER_V4, ErrorMessage::TimeExceeded { code: 0 }, &datagram(&sent), 28),
    );
    assert!(matches!(last(&bench), Stray::Advice(_)));
    let answer = Answer { from: destination("192.0.2.2"), ..Answer::to(&sent) };
    bench.receive(at(2), &answer.over(Socket::Raw));
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
}

#[test]
fn options_of_an_answer_are_told_where_some_were_asked_for() {
    let came = [7, 11, 12, 192, 0, 2, 9, 192, 0, 2, 8, 0];
    let asked = Control { options: Some(IpOptions::record_route()), ..Control::default() };
    for (control, expected) in [(asked, true), (Control::default(), false)] {
        for raw in [true, false] {
            let spec = ProbeSpec { control, ..crate::harness::echo(1, V4) };
            let (mut bench, answer) = sent(spec);
            let bare = answer(V4).over(Socket::Datagram);
            let mut received = bare.received(Stamp::user(at(1)));
            let mut whole = Vec::new();
            let from = V4.parse().expect("an address");
            let header = header_v4(from, OUR_V4, 64, &came);
            ipv4::emit(&header, bare.bytes.len(), &mut whole).expect("it fits");
            whole.extend_from_slice(&bare.bytes);
            if raw {
                received.message = Message::Ipv4(&whole);
            } else {
                received.options = IpOptions::from_bytes(&came);
            }
            bench.input(at(1), InputKind::Received(received));
            bench.poll();
            let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
            let route = reply.options.and_then(|options| options.recorded_route());
            let whole = vec![Ipv4Addr::new(192, 0, 2, 9), Ipv4Addr::new(192, 0, 2, 8)];
            assert_eq!(route, expected.then_some(whole), "raw: {raw}");
        }
    }
}

#[test]
fn options_count_for_what_a_too_big_can_say() {
    // 20 + 40 + 8 + 56 bytes: an MTU of 100 is below what was sent only with the options.
    let control = Control { options: Some(IpOptions::record_route()), ..Control::default() };
    for (control, believed) in [(control, true), (Control::default(), false)] {
        let mut bench =
            Bench::new([Script::probes([ProbeSpec { control, ..crate::harness::echo(1, V4) }])]);
        let sent = bench.send_all(Stamp::user(at(0))).remove(0);
        let too_big = ErrorMessage::DestinationUnreachable { code: 4, mtu: Some(100) };
        bench.receive(at(1), &error(ROUTER_V4, too_big, &datagram(&sent), 28));
        assert_eq!(!bench.log().settled.is_empty(), believed);
    }
}

/// What is not ICMP at all is not looked at, whoever sent it.
#[test]
fn bytes_that_are_no_answer_settle_nothing() {
    let (mut bench, _) = sent(to_group(GROUP_V4));
    for len in 0..64 {
        bench.receive(at(1), &packet(destination("192.0.2.2"), vec![0; len], Socket::Raw));
    }
    assert!(bench.log().settled.is_empty());
}
