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
mod tests;
