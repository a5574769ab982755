//! Each forged reply is what it says, and everything else is honest to the byte.

mod common;

use common::{MS, Pinger};
use netdiag_engine::port::{InputKind, Message};
use netdiag_model::Instant;
use netdiag_model::contract::SocketKind;
use netdiag_sim::{Fact, Internet, Recording};
use netdiag_wire::extension::Extensions;
use netdiag_wire::icmp::{self, Icmp};
use netdiag_wire::{ipv4, ipv6, protocol};

/// The message that comes before the honest reply, and where it comes from.
fn forged(host: u8, v6: bool) -> (String, Vec<u8>) {
    let mut pinger = Pinger::new("forged");
    pinger.ping(&address(host, v6), 1, MS);
    let messages = pinger.messages();
    assert_eq!(messages.len(), 2, "one forged, one honest: {messages:?}");
    let (from, _, honest) = &messages[1];
    assert_eq!(*from, address(host, v6));
    assert_eq!(honest[8..], (0..56).collect::<Vec<u8>>()[..]);
    (messages[0].0.clone(), messages[0].2.clone())
}

fn address(host: u8, v6: bool) -> String {
    if v6 { format!("fd09:2::{host}") } else { format!("10.9.2.{host}") }
}

fn intact(v6: bool, from: &str, message: &[u8]) -> bool {
    if !v6 {
        return icmp::checksum_ok_v4(message);
    }
    let from = from.parse().expect("an address");
    icmp::checksum_ok_v6(message, from, "fd09::2".parse().expect("an address"))
}

/// An echo reply changed in one respect: the check says in which.
fn check(host: u8, differs: impl Fn(&str, &icmp::Echo<'_>) -> bool) {
    for v6 in [false, true] {
        let (from, message) = forged(host, v6);
        assert!(intact(v6, &from, &message), "{host}");
        let parsed = if v6 { icmp::parse_v6(&message) } else { icmp::parse_v4(&message) };
        let Ok(Icmp::EchoReply(echo)) = parsed else { panic!("{parsed:?}") };
        assert!(differs(&from, &echo), "{host} {v6}");
    }
}

#[test]
fn forged_replies_differ_in_what_they_say() {
    let data: Vec<u8> = (0..56).collect();
    let same =
        |echo: &icmp::Echo<'_>| echo.payload == data && echo.seq == 0 && echo.ident == 0x4e40;
    check(10, |from, echo| {
        from.ends_with(if from.contains(':') { "::11" } else { ".11" }) && same(echo)
    });
    check(12, |_, echo| echo.payload[8] == !8 && echo.payload[16..] == data[16..]);
    check(13, |_, echo| echo.ident == 0x4e41);
    check(14, |_, echo| echo.seq == 0x8000);
    check(15, |_, echo| echo.payload == &data[..3]);
    check(16, |_, echo| echo.payload[..55] == data[..55] && echo.payload[55] == !55);
    check(17, |_, echo| echo.payload[..56] == data[..] && echo.payload.len() == 61);
}

#[test]
fn a_bad_checksum_reaches_raw_ipv4_sockets_only() {
    let (_, message) = forged(11, false);
    assert!(!icmp::checksum_ok_v4(&message));
    for (to, socket) in [("fd09:2::11", SocketKind::Raw), ("10.9.2.11", SocketKind::IcmpDatagram)] {
        let mut pinger = Pinger::with_socket("forged", socket);
        pinger.ping(to, 3, MS);
        assert_eq!(pinger.messages().len(), 3);
        assert_eq!(pinger.network.truth().count(Fact::KernelBadChecksum), 3);
        assert_eq!(pinger.network.truth().count(Fact::Forged), 3);
    }
}

#[test]
fn a_request_is_kept_from_us_by_the_filter_and_a_short_quote_is_not() {
    for (host, messages, unwanted) in [(18, 2, 2), (21, 4, 0)] {
        for v6 in [false, true] {
            let mut pinger = Pinger::new("forged");
            pinger.ping(&address(host, v6), 2, MS);
            assert_eq!(pinger.messages().len(), messages, "{host}");
            assert_eq!(pinger.network.truth().count(Fact::Unwanted), unwanted);
        }
    }
}

#[test]
fn an_extension_that_lies_is_malformed() {
    for v6 in [false, true] {
        let (from, message) = forged(19, v6);
        assert!(intact(v6, &from, &message));
        let parsed = if v6 { icmp::parse_v6(&message) } else { icmp::parse_v4(&message) };
        let body = parsed.expect("a message").error_body().expect("an error");
        assert!(matches!(body.extensions, Extensions::Malformed(_)), "{:?}", body.extensions);
    }
}

#[test]
fn a_wrong_quote_names_the_next_sequence_number() {
    let (_, message) = forged(20, false);
    assert_eq!((message[0], &message[8 + 20 + 4..][..4]), (11, &[0x4e, 0x40, 0, 1][..]));
    let (_, message) = forged(20, true);
    assert_eq!((message[0], &message[8 + 40 + 4..][..4]), (3, &[0x4e, 0x40, 0, 1][..]));
}

#[test]
fn a_liar_never_tells_the_truth() {
    let mut pinger = Pinger::new("forged");
    pinger.ping("10.9.2.50", 4, MS);
    assert_eq!(pinger.network.truth().count(Fact::Forged), 8);
    let honest = pinger.told.iter().any(|(_, kind)| match kind {
        InputKind::Received(received) => {
            let Message::Ipv4(packet) = &received.message else { panic!("raw") };
            let (_, payload) = ipv4::parse(packet).expect("a packet");
            received.from.to_string() == "10.9.2.50" && icmp::checksum_ok_v4(payload)
        }
        _ => false,
    });
    assert!(!honest);
}

/// Everything that arrives and is not forged has right lengths and checksums, read by the wire crate.
#[test]
fn what_is_honest_is_right_to_the_checksum() {
    let mut checked = 0;
    for name in ["plain-1ms", "two-routers-ttl62", "icmp-errors", "rate-limit", "forged"] {
        let mut internet = Internet::new(&common::scenario(name), Instant::ZERO);
        internet.record(Recording::Memory(1_000));
        for packet in common::probes() {
            internet.inject(Instant::ZERO, &packet);
        }
        while let Some(arrival) = internet.poll(Instant::FAR) {
            if !arrival.forged {
                assert_honest(arrival.packet);
                checked += 1;
            }
        }
        assert_eq!(internet.in_flight(), 0, "every buffer is given back");
    }
    assert!(checked > 500, "{checked}");
}

fn assert_honest(packet: &[u8]) {
    if packet[0] >> 4 == 4 {
        let (header, payload) = ipv4::parse(packet).expect("a packet");
        assert!(ipv4::checksum_ok(packet));
        assert_eq!(usize::from(header.total_length), packet.len());
        let (from, to) = (header.source.into(), header.destination.into());
        match header.protocol {
            protocol::ICMP => assert!(icmp::checksum_ok_v4(payload)),
            protocol::TCP => assert!(netdiag_wire::tcp::checksum_ok(payload, from, to)),
            other => panic!("protocol {other}"),
        }
    } else {
        let (header, payload) = ipv6::parse(packet).expect("a packet");
        let (from, to) = (header.source.into(), header.destination.into());
        match header.next_header {
            protocol::ICMPV6 => {
                assert!(icmp::checksum_ok_v6(payload, header.source, header.destination));
            }
            protocol::TCP => assert!(netdiag_wire::tcp::checksum_ok(payload, from, to)),
            other => panic!("protocol {other}"),
        }
    }
}
