//! Filters, run as the kernel runs them.

//! The kernel itself runs the programs: on a pair of UNIX datagram sockets, to which filters
//! can be attached as to any other.

use super::*;
use socket2::SockRef;
use std::os::unix::net::UnixDatagram;

const BLOCK: Identifiers = Identifiers { first: 0x1230, count: 16 };
const ONE: Identifiers = Identifiers { first: 0x1234, count: 1 };
const NONE: Quotes = Quotes { udp: false, tcp: false };
const UDP: Quotes = Quotes { udp: true, tcp: false };

fn passes(program: &[SockFilter], packet: &[u8]) -> bool {
    let (ours, theirs) = UnixDatagram::pair().expect("a pair");
    SockRef::from(&ours).attach_filter(program).expect("a valid program");
    ours.set_nonblocking(true).expect("nonblocking");
    theirs.send(packet).expect("sent");
    match ours.recv(&mut [0; 2_048]) {
        Ok(len) => {
            assert_eq!(len, packet.len(), "a filter must not cut");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
            false
        }
    }
}

fn icmp(kind: u8, identifier: u16, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend(identifier.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(rest);
    bytes
}

/// An IPv4 header of `words` words and what follows it.
fn ip(words: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; usize::from(words) * 4];
    bytes[0] = 0x40 | words;
    bytes[9] = protocol;
    bytes.extend(payload);
    bytes
}

fn ip6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    bytes[0] = 0x60;
    bytes[6] = next_header;
    bytes.extend(payload);
    bytes
}

#[test]
fn of_tcp_only_syn_acks_and_resets_pass() {
    let flags = [(0x12, true), (0x04, true), (0x14, true), (0x52, true)];
    let others = [(0x02, false), (0x10, false), (0x11, false), (0x18, false), (0, false)];
    for (flags, expected) in flags.into_iter().chain(others) {
        let mut segment = vec![0; 20];
        segment[13] = flags;
        let packet = ip(6, 6, &segment);
        assert_eq!(passes(&tcp_answers(Family::Ipv4), &packet), expected, "{flags:x}");
        assert_eq!(passes(&tcp_answers(Family::Ipv6), &segment), expected, "{flags:x}");
    }
    assert!(!passes(&tcp_answers(Family::Ipv6), &[0; 13]), "too short for flags");
}

#[test]
fn ipv4_answers_pass_by_their_identifier() {
    for words in 5..=15 {
        for (kind, identifier, block, one) in [
            (0, 0x1230, true, false),
            (0, 0x1234, true, true),
            (0, 0x123f, true, false),
            (0, 0x1240, false, false),
            (0, 0x122f, false, false),
            (14, 0x1234, true, true),
            (14, 0x4321, false, false),
            (43, 0x1234, true, true),
            (43, 0x4321, false, false),
            (42, 0x1234, false, false),
            (8, 0x1234, false, false),
            (13, 0x1234, false, false),
            (9, 0x1234, false, false),
        ] {
            let packet = ip(words, 1, &icmp(kind, identifier, b"payload"));
            let text = format!("type {kind} identifier {identifier:x} words {words}");
            assert_eq!(passes(&ipv4(BLOCK, NONE), &packet), block, "{text}");
            assert_eq!(passes(&ipv4(ONE, NONE), &packet), one, "{text}");
        }
    }
    assert!(!passes(&ipv4(BLOCK, NONE), &ip(5, 1, &[0, 0, 0, 0, 0x12])));
    assert!(!passes(&ipv4(BLOCK, NONE), &ip(5, 1, &[])));
    assert!(!passes(&ipv4(BLOCK, NONE), &[0x4f, 0, 0]));
}

#[test]
fn ipv4_errors_pass_by_what_they_quote() {
    let check = |expected: bool, outer: u8, kind: u8, quote: &[u8]| {
        let packet = ip(outer, 1, &icmp(kind, 0, quote));
        let text = format!("type {kind} quote {quote:02x?}");
        assert_eq!(passes(&ipv4(BLOCK, NONE), &packet), expected, "{text}");
    };
    for (outer, inner) in [(5, 5), (6, 5), (5, 15), (15, 15)] {
        for kind in V4_ERRORS {
            let kind = kind as u8;
            check(true, outer, kind, &ip(inner, 1, &icmp(8, 0x1239, b"")));
            check(true, outer, kind, &ip(inner, 1, &icmp(13, 0x1239, b"more")));
            check(true, outer, kind, &ip(inner, 1, &icmp(42, 0x1239, b"?")));
            check(false, outer, kind, &ip(inner, 1, &icmp(42, 0x2239, b"?")));
            check(false, outer, kind, &ip(inner, 1, &icmp(43, 0x1239, b"")));
            check(false, outer, kind, &ip(inner, 1, &icmp(8, 0x2239, b"")));
            check(false, outer, kind, &ip(inner, 1, &icmp(0, 0x1239, b"")));
            check(false, outer, kind, &ip(inner, 17, &icmp(8, 0x1239, b"")));
            // Too short to tell: the engine decides.
            check(true, outer, kind, &ip(inner, 1, &[8, 0, 0, 0, 0x22]));
            check(true, outer, kind, &ip(inner, 1, &[])[..19]);
            check(true, outer, kind, &[]);
        }
    }
    let mut later_fragment = ip(5, 1, &icmp(8, 0x1239, b""));
    later_fragment[7] = 1;
    check(false, 5, 11, &later_fragment);
    let mut first_fragment = ip(5, 1, &icmp(8, 0x1239, b""));
    first_fragment[6] = 0x20;
    check(true, 5, 11, &first_fragment);
}

#[test]
fn ipv6_passes_by_the_same_rules() {
    let check = |expected: bool, packet: &[u8]| {
        assert_eq!(passes(&ipv6(BLOCK, NONE), packet), expected, "{packet:02x?}");
    };
    check(true, &icmp(129, 0x1239, b"payload"));
    check(false, &icmp(129, 0x1249, b"payload"));
    check(true, &icmp(161, 0x1239, b""));
    check(false, &icmp(161, 0x1249, b""));
    check(false, &icmp(160, 0x1239, b"?"));
    check(false, &icmp(128, 0x1239, b"payload"));
    check(false, &icmp(134, 0x1239, b"payload"));
    for kind in 1..=4 {
        check(true, &icmp(kind, 0, &ip6(58, &icmp(128, 0x1239, b""))));
        check(true, &icmp(kind, 0, &ip6(58, &icmp(160, 0x1239, b"?"))));
        check(false, &icmp(kind, 0, &ip6(58, &icmp(160, 0x1249, b"?"))));
        check(false, &icmp(kind, 0, &ip6(58, &icmp(161, 0x1239, b""))));
        check(false, &icmp(kind, 0, &ip6(58, &icmp(128, 0x1249, b""))));
        check(false, &icmp(kind, 0, &ip6(58, &icmp(129, 0x1239, b""))));
        check(false, &icmp(kind, 0, &ip6(17, &icmp(128, 0x1239, b""))));
        check(true, &icmp(kind, 0, &ip6(44, &icmp(1, 2, b""))));
        check(true, &icmp(kind, 0, &ip6(58, &[128, 0, 0])));
        check(true, &icmp(kind, 0, &[]));
    }
}

#[test]
fn errors_about_other_protocols_pass_where_they_are_wanted() {
    const TCP: Quotes = Quotes { udp: false, tcp: true };
    for (quotes, protocol) in [(NONE, 0), (UDP, 17), (TCP, 6)] {
        for quoted in [6, 17, 47] {
            let bytes = [0x12, 0x31, 0, 80, 1, 2, 3, 4];
            let (v4, v6) = (ip(5, quoted, &bytes), ip6(quoted, &bytes));
            let expected = quoted == protocol;
            let (v4, v6) = (ip(5, 1, &icmp(11, 0, &v4)), icmp(3, 0, &v6));
            assert_eq!(passes(&ipv4(BLOCK, quotes), &v4), expected, "{quoted}");
            assert_eq!(passes(&ipv6(BLOCK, quotes), &v6), expected, "{quoted}");
        }
    }
}

#[test]
fn segments_pass_by_the_port_that_they_are_for() {
    for (port, block, one) in [
        (0x1230_u16, true, false),
        (0x1234, true, true),
        (0x123f, true, false),
        (0x1240, false, false),
        (80, false, false),
    ] {
        let [high, low] = port.to_be_bytes();
        let segment = [&[0x12, 0x34, high, low], &[0; 16][..]].concat();
        for (ports, expected) in [(BLOCK, block), (ONE, one)] {
            for words in [5, 15] {
                let packet = ip(words, 6, &segment);
                assert_eq!(passes(&tcp(ports, Family::Ipv4), &packet), expected, "{port}");
            }
            assert_eq!(passes(&tcp(ports, Family::Ipv6), &segment), expected, "{port}");
        }
    }
    assert!(!passes(&tcp(BLOCK, Family::Ipv6), &[0x12, 0x34, 0x12]));
}

#[test]
fn no_packet_of_any_length_harms_a_program() {
    for len in 1..200 {
        for fill in [0, 3, 11, 0x4f, 0xff] {
            passes(&ipv4(BLOCK, NONE), &vec![fill; len]);
            passes(&ipv6(BLOCK, NONE), &vec![fill; len]);
        }
    }
}

#[test]
fn only_the_types_of_the_filter_reach_an_icmpv6_socket() {
    let bits = icmp6_types();
    let passed = (0..=255_usize).filter(|kind| {
        let word = u32::from_ne_bytes(bits[kind / 32 * 4..][..4].try_into().expect("a word"));
        word & (1 << (kind % 32)) == 0
    });
    assert_eq!(passed.collect::<Vec<_>>(), [1, 2, 3, 4, 129, 161]);
}
