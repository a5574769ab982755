//! Socket filters for raw sockets: classic BPF programs (Documentation/networking/filter.rst)
//! that let through what can be an answer to us and keep foreign traffic from waking us.
//!
//! A raw IPv4 socket's filter sees the whole packet, a raw IPv6 socket's filter starts at the
//! ICMPv6 header. A load beyond the packet's end drops the packet, so lengths are compared first
//! where a short packet must pass.

use netdiag_engine::port::Identifiers;
use netdiag_model::Family;
use socket2::SockFilter;

const PASS: u32 = 0x4_0000;
const DROP: u32 = 0;

const ECHO: u32 = 8;
const ECHO_REPLY: u32 = 0;
const TIMESTAMP: u32 = 13;
const TIMESTAMP_REPLY: u32 = 14;
const EXTENDED_ECHO: u32 = 42;
const EXTENDED_ECHO_REPLY: u32 = 43;
const V6_ECHO: u32 = 128;
const V6_ECHO_REPLY: u32 = 129;
const V6_EXTENDED_ECHO: u32 = 160;
const V6_EXTENDED_ECHO_REPLY: u32 = 161;
/// Unreachable, source quench, redirect, time exceeded, parameter problem.
const V4_ERRORS: [u32; 5] = [3, 4, 5, 11, 12];
/// Unreachable, too big, time exceeded, parameter problem.
const V6_ERRORS: [u32; 4] = [1, 2, 3, 4];
/// Hop-by-hop options, routing, fragment, destination options: the engine looks behind them.
const V6_EXTENSIONS: [u32; 4] = [0, 43, 44, 60];

/// Bytes of an ICMP header, and offsets in it.
const ICMP_LEN: u32 = 8;
const TYPE: u32 = 0;
const IDENTIFIER: u32 = 4;
/// The offset of the port in a TCP header that a segment is for.
const TCP_PORT: u32 = 2;
/// The offset of its flags, and those that are looked at.
const TCP_FLAGS: u32 = 13;
const RST: u32 = 0b100;
const SYN_ACK: u32 = 0b1_0010;
/// Offsets in an IPv4 header.
const FRAGMENT: u32 = 6;
const V4_PROTOCOL: u32 = 9;
const V4_LEN: u32 = 20;
const FRAGMENT_OFFSET_BITS: u32 = 0x1fff;
/// Offsets in a quoted IPv6 header, from the start of the ICMPv6 message.
const QUOTED_V6_NEXT_HEADER: u32 = ICMP_LEN + 6;
const QUOTED_V6_ICMP: u32 = ICMP_LEN + 40;

/// About which other protocols errors are let through, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quotes {
    pub(crate) udp: bool,
    pub(crate) tcp: bool,
}

impl Quotes {
    /// Their numbers. Of TCP all ports: a translation on the way may have changed ours.
    fn protocols(self) -> impl Iterator<Item = u32> {
        let udp = self.udp.then_some(libc::IPPROTO_UDP as u32);
        udp.into_iter().chain(self.tcp.then_some(libc::IPPROTO_TCP as u32))
    }
}

/// What a raw IPv4 ICMP socket lets through.
pub(crate) fn ipv4(identifiers: Identifiers, quotes: Quotes) -> Vec<SockFilter> {
    let mut program = Program::new(identifiers);
    program.load_ip_header_len(0);
    program.load_byte_x(TYPE);
    program.jump_any(&[ECHO_REPLY, TIMESTAMP_REPLY, EXTENDED_ECHO_REPLY], "answer");
    program.jump_any(&V4_ERRORS, "error");
    program.give(DROP);

    program.label("answer");
    program.pass_identifier_at_x(IDENTIFIER);

    // X is where the ICMP header starts; the quoted IP header starts 8 bytes after it.
    program.label("error");
    program.pass_if_shorter_than_x_plus(ICMP_LEN + V4_LEN);
    program.load_byte_x(ICMP_LEN + V4_PROTOCOL);
    for protocol in quotes.protocols() {
        program.jump_any(&[protocol], "other");
    }
    program.unless(libc::IPPROTO_ICMP as u32, "drop");
    program.load_half_x(ICMP_LEN + FRAGMENT);
    program.if_bits(FRAGMENT_OFFSET_BITS, "drop");
    program.add_quoted_header_len_to_x(ICMP_LEN);
    program.pass_if_shorter_than_x_plus(ICMP_LEN + IDENTIFIER + 2);
    program.load_byte_x(ICMP_LEN + TYPE);
    program.jump_any(&[ECHO, TIMESTAMP, EXTENDED_ECHO], "ours");
    program.label("drop");
    program.give(DROP);
    program.label("ours");
    program.pass_identifier_at_x(ICMP_LEN + IDENTIFIER);
    program.label("other");
    program.give(PASS);
    program.finish()
}

/// What a raw ICMPv6 socket lets through.
pub(crate) fn ipv6(identifiers: Identifiers, quotes: Quotes) -> Vec<SockFilter> {
    let mut program = Program::new(identifiers);
    program.clear_x();
    program.load_byte_x(TYPE);
    program.jump_any(&[V6_ECHO_REPLY, V6_EXTENDED_ECHO_REPLY], "answer");
    program.jump_any(&V6_ERRORS, "error");
    program.give(DROP);

    program.label("answer");
    program.pass_identifier_at_x(IDENTIFIER);

    program.label("error");
    program.pass_if_shorter_than_x_plus(QUOTED_V6_ICMP + IDENTIFIER + 2);
    program.load_byte_x(QUOTED_V6_NEXT_HEADER);
    program.jump_any(&V6_EXTENSIONS, "pass");
    for protocol in quotes.protocols() {
        program.jump_any(&[protocol], "pass");
    }
    program.unless(libc::IPPROTO_ICMPV6 as u32, "drop");
    program.load_byte_x(QUOTED_V6_ICMP + TYPE);
    program.jump_any(&[V6_ECHO, V6_EXTENDED_ECHO], "ours");
    program.label("drop");
    program.give(DROP);
    program.label("ours");
    program.pass_identifier_at_x(QUOTED_V6_ICMP + IDENTIFIER);
    program.label("pass");
    program.give(PASS);
    program.finish()
}

/// What a raw TCP socket lets through: segments to one of our ports.
pub(crate) fn tcp(ports: Identifiers, family: Family) -> Vec<SockFilter> {
    let mut program = Program::new(ports);
    match family {
        Family::Ipv4 => program.load_ip_header_len(0),
        Family::Ipv6 => program.clear_x(),
    }
    program.pass_identifier_at_x(TCP_PORT);
    program.finish()
}

/// What tells how far answers to connections have come: SYN-ACKs and resets, of whichever connection.
pub(crate) fn tcp_answers(family: Family) -> Vec<SockFilter> {
    let mut program = Program::new(Identifiers { first: 0, count: 1 });
    match family {
        Family::Ipv4 => program.load_ip_header_len(0),
        Family::Ipv6 => program.clear_x(),
    }
    program.load_byte_x(TCP_FLAGS);
    program.if_bits(RST, "pass");
    program.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, SYN_ACK);
    program.unless(SYN_ACK, "drop");
    program.label("pass");
    program.give(PASS);
    program.label("drop");
    program.give(DROP);
    program.finish()
}

/// `ICMP6_FILTER` (RFC 3542 section 3.2): a bit for each type that is kept from the socket.
pub(crate) fn icmp6_types() -> [u8; 32] {
    let mut blocked = [u32::MAX; 8];
    for kind in V6_ERRORS.iter().chain(&[V6_ECHO_REPLY, V6_EXTENDED_ECHO_REPLY]) {
        if let Some(word) = blocked.get_mut(*kind as usize / 32) {
            *word &= !(1 << (kind % 32));
        }
    }
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(4).zip(blocked) {
        chunk.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// A program under construction, with jumps to labels further down.
struct Program {
    identifiers: Identifiers,
    code: Vec<(u32, u32, Jump)>,
    labels: Vec<(&'static str, usize)>,
}

/// Where to go after an instruction: skip that many, or to a label, if true and if false.
#[derive(Clone, Copy)]
enum Jump {
    Next,
    Skip(u8, u8),
    IfTrue(&'static str),
    IfFalse(&'static str),
}

impl Program {
    const fn new(identifiers: Identifiers) -> Self {
        Self { identifiers, code: Vec::new(), labels: Vec::new() }
    }

    fn push(&mut self, code: u32, value: u32) {
        self.code.push((code, value, Jump::Next));
    }

    fn label(&mut self, name: &'static str) {
        self.labels.push((name, self.code.len()));
    }

    fn give(&mut self, verdict: u32) {
        self.push(libc::BPF_RET | libc::BPF_K, verdict);
    }

    /// X = the header length that the IPv4 header at `offset` says.
    fn load_ip_header_len(&mut self, offset: u32) {
        self.push(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, offset);
    }

    fn clear_x(&mut self) {
        self.push(libc::BPF_LDX | libc::BPF_W | libc::BPF_IMM, 0);
    }

    fn load_byte_x(&mut self, offset: u32) {
        self.push(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, offset);
    }

    fn load_half_x(&mut self, offset: u32) {
        self.push(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, offset);
    }

    fn jump_any(&mut self, values: &[u32], to: &'static str) {
        for value in values {
            self.code.push((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, *value, Jump::IfTrue(to)));
        }
    }

    fn unless(&mut self, value: u32, to: &'static str) {
        self.code.push((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, Jump::IfFalse(to)));
    }

    fn if_bits(&mut self, bits: u32, to: &'static str) {
        self.code.push((libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, bits, Jump::IfTrue(to)));
    }

    /// X += the header length that the IPv4 header at X + `offset` says.
    fn add_quoted_header_len_to_x(&mut self, offset: u32) {
        self.load_byte_x(offset);
        self.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xf);
        self.push(libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K, 2);
        self.push(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0);
        self.push(libc::BPF_MISC | libc::BPF_TAX, 0);
    }

    /// Passes a packet with less than X + `len` bytes. Keeps X.
    fn pass_if_shorter_than_x_plus(&mut self, len: u32) {
        self.push(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0);
        self.push(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X, 0);
        // The difference is negative, thus huge, only if X lies beyond the end.
        let too_long = 1 << 16;
        self.code.push((libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, too_long, Jump::Skip(1, 0)));
        self.code.push((libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, len, Jump::Skip(1, 0)));
        self.give(PASS);
    }

    /// Passes if the 16 bits at X + `offset` are an identifier of the block, else drops.
    fn pass_identifier_at_x(&mut self, offset: u32) {
        let mask = 0xffff & !(u32::from(self.identifiers.count) - 1);
        self.load_half_x(offset);
        self.push(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask);
        let first = u32::from(self.identifiers.first);
        self.code.push((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, first, Jump::Skip(0, 1)));
        self.give(PASS);
        self.give(DROP);
    }

    fn finish(self) -> Vec<SockFilter> {
        let Self { code, labels, .. } = self;
        let distance = |from: usize, to: &str| {
            let label = labels.iter().find(|label| label.0 == to);
            let skipped = label.and_then(|label| label.1.checked_sub(from + 1));
            skipped.and_then(|skipped| u8::try_from(skipped).ok()).expect("labels lie further down")
        };
        code.iter()
            .enumerate()
            .map(|(index, (code, value, jump))| {
                let (yes, no) = match *jump {
                    Jump::Next => (0, 0),
                    Jump::Skip(yes, no) => (yes, no),
                    Jump::IfTrue(to) => (distance(index, to), 0),
                    Jump::IfFalse(to) => (0, distance(index, to)),
                };
                SockFilter::new(*code as u16, yes, no, *value)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
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
}
