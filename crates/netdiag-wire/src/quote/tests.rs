use super::*;
use crate::ipv4::Ipv4Header;
use crate::ipv6::{Fragment, Ipv6Header, emit_fragment};
use crate::protocol::{DEST_OPTIONS, ESP, FRAGMENT};
use crate::tcp::TcpRepr;
use core::net::{Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;

const V4: Ipv4Header<'static> = Ipv4Header {
    source: Ipv4Addr::new(192, 0, 2, 1),
    destination: Ipv4Addr::new(198, 51, 100, 2),
    protocol: UDP,
    hop_limit: 1,
    tos: 0x48,
    identification: 0xabcd,
    dont_fragment: true,
    more_fragments: false,
    fragment_offset: 0,
    options: &[],
    total_length: 0,
};
const V6: Ipv6Header = Ipv6Header {
    source: Ipv6Addr::LOCALHOST,
    destination: Ipv6Addr::UNSPECIFIED,
    next_header: UDP,
    hop_limit: 1,
    traffic_class: 0x48,
    flow_label: 0x12345,
    payload_length: 0,
};
const UDP_BYTES: [u8; 10] = [
    0x82, 0x9a, 0x82, 0x9b, // ports 33434 -> 33435
    0x00, 0x0a, 0xbe, 0xef, // length 10, checksum
    0x61, 0x62, // payload
];

fn v4(header: &Ipv4Header<'_>, transport: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ipv4::emit(header, transport.len(), &mut out).unwrap();
    out.extend_from_slice(transport);
    out
}

fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ipv6::emit(&Ipv6Header { next_header, ..V6 }, payload.len(), &mut out).unwrap();
    out.extend_from_slice(payload);
    out
}

#[test]
fn a_udp_probe_as_the_router_saw_it() {
    let bytes = v4(&V4, &UDP_BYTES);
    let quoted = parse_v4(&bytes).unwrap();
    assert_eq!(quoted.source, V4.source);
    assert_eq!(quoted.destination, V4.destination);
    assert_eq!((quoted.protocol, quoted.hop_limit, quoted.tos), (UDP, 1, 0x48));
    assert_eq!((quoted.identification, quoted.dont_fragment), (Some(0xabcd), Some(true)));
    assert_eq!((quoted.flow_label, quoted.total_length), (None, 30));
    let transport = |payload| QuotedTransport::Udp {
        source_port: 33434,
        destination_port: 33435,
        length: 10,
        checksum: 0xbeef,
        payload,
    };
    assert_eq!(quoted.transport, transport(b"ab"));
    // Eight bytes of transport are enough, with IP options in front too.
    assert_eq!(parse_v4(&bytes[..28]).unwrap().transport, transport(b""));
    assert_eq!(parse_v4(&bytes[..27]), Err(QuoteError::Short { needed: 28, had: 27 }));
    let with_options = v4(&Ipv4Header { options: &[1; 40], ..V4 }, &UDP_BYTES[..8]);
    assert_eq!(parse_v4(&with_options).unwrap().transport, transport(b""));
}

#[test]
fn a_udp_probe_over_ipv6_behind_an_option_header() {
    let mut payload = vec![UDP, 0, 1, 4, 0, 0, 0, 0];
    payload.extend(UDP_BYTES);
    let bytes = v6(DEST_OPTIONS, &payload);
    let quoted = parse_v6(&bytes).unwrap();
    assert_eq!((quoted.protocol, quoted.tos), (UDP, 0x48));
    assert_eq!((quoted.flow_label, quoted.total_length), (Some(0x12345), 58));
    assert!(matches!(quoted.transport, QuotedTransport::Udp { checksum: 0xbeef, .. }));
    assert_eq!(parse_v6(&bytes[..44]), Err(QuoteError::Short { needed: 52, had: 44 }));
    assert_eq!(parse_v6(&bytes[..50]), Err(QuoteError::Short { needed: 56, had: 50 }));
}

#[test]
fn an_echo_belongs_to_its_family() {
    let mut echo = Vec::new();
    icmp::emit_echo_v4(false, 7, 9, b"tag", &mut echo);
    let bytes = v4(&Ipv4Header { protocol: ICMP, ..V4 }, &echo);
    let QuotedTransport::Echo { reply: false, ident: 7, seq: 9, payload, .. } =
        parse_v4(&bytes).unwrap().transport
    else {
        panic!("{:?}", parse_v4(&bytes));
    };
    assert_eq!(payload, b"tag");
    let crossed = v6(ICMP, &echo);
    assert!(matches!(parse_v6(&crossed).unwrap().transport, QuotedTransport::Other { .. }));
    echo[0] = 129;
    let reply = v6(ICMPV6, &echo);
    assert!(matches!(
        parse_v6(&reply).unwrap().transport,
        QuotedTransport::Echo { reply: true, .. }
    ));
}

#[test]
fn other_requests_of_icmp_have_identifier_and_sequence_number() {
    for (kind, words) in [(13, 3), (42, 4)] {
        let mut bytes = vec![kind, 0, 0xab, 0xcd, 0, 7, 0, 9];
        bytes.extend(vec![1; 4 * words]);
        for length in [8, bytes.len()] {
            let quoted = v4(&Ipv4Header { protocol: ICMP, ..V4 }, &bytes[..length]);
            let body = &bytes[8..length];
            let query = QuotedTransport::Query { kind, ident: 7, seq: 9, body };
            assert_eq!(parse_v4(&quoted).unwrap().transport, query);
        }
    }
    let query = QuotedTransport::Query { kind: 160, ident: 7, seq: 0x0901, body: b"?" };
    let quoted = v6(ICMPV6, &[160, 0, 0, 0, 0, 7, 9, 1, b'?']);
    assert_eq!(parse_v6(&quoted).unwrap().transport, query);
    // Not ours to send: answers, and what the family does not have.
    for kind in [14, 43, 160] {
        let quoted = v4(&Ipv4Header { protocol: ICMP, ..V4 }, &[kind, 0, 0, 0, 0, 7, 0, 9]);
        assert!(matches!(parse_v4(&quoted).unwrap().transport, QuotedTransport::Other { .. }));
    }
}

#[test]
fn a_tcp_probe_of_any_length() {
    let header = TcpRepr {
        source_port: 40_000,
        destination_port: 443,
        sequence: 0x0102_0304,
        acknowledgement: 5,
        flags: TcpFlags::SYN,
        window: 1024,
        checksum: 0,
        urgent: 0,
        options: &[2, 4, 5, 0xb4, 1, 1, 1, 0],
    };
    let mut segment = Vec::new();
    tcp::emit(&header, b"data", V4.source.into(), V4.destination.into(), &mut segment).unwrap();
    let bytes = v4(&Ipv4Header { protocol: TCP, ..V4 }, &segment);
    let rest = |length| match parse_v4(&bytes[..length]).unwrap().transport {
        QuotedTransport::Tcp { source_port: 40_000, sequence: 0x0102_0304, rest, .. } => rest,
        other => panic!("{other:?}"),
    };
    assert_eq!(rest(28), None);
    assert_eq!(rest(39), None);
    assert_eq!(rest(40).unwrap().options, []);
    assert_eq!(rest(44).unwrap().options, [2, 4, 5, 0xb4]);
    let whole = rest(48).unwrap();
    assert_eq!((whole.flags, whole.window, whole.acknowledgement), (TcpFlags::SYN, 1024, 5));
    assert_eq!(whole.options, header.options);
    assert_eq!(rest(52), Some(whole));
}

#[test]
fn nothing_is_guessed() {
    let later = v4(&Ipv4Header { fragment_offset: 1480, ..V4 }, &UDP_BYTES);
    assert_eq!(parse_v4(&later), Err(QuoteError::NonFirstFragment));
    assert_eq!(parse_v4(&v6(UDP, &UDP_BYTES)), Err(QuoteError::NotIp));
    assert_eq!(parse_v6(&v4(&V4, &[0; 40])), Err(QuoteError::NotIp));
    assert_eq!(parse_v4(&[]), Err(QuoteError::Short { needed: 20, had: 0 }));
    assert_eq!(parse_v6(&v6(ESP, &UDP_BYTES)), Err(QuoteError::UnparsableChain));

    let mut fragment = Vec::new();
    emit_fragment(UDP, Fragment { offset: 8, more: false, identification: 1 }, &mut fragment);
    fragment.extend(UDP_BYTES);
    assert_eq!(parse_v6(&v6(FRAGMENT, &fragment)), Err(QuoteError::NonFirstFragment));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        for first in [0x45, 0x4f, 0x60] {
            let mut bytes = bytes.clone();
            bytes.insert(0, first);
            crate::fuzzing::check_ipv4(&bytes);
            crate::fuzzing::check_ipv6(&bytes);
        }
    }
}
