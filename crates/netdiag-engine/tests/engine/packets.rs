//! Packets made from a probe's own bytes: answers, and errors that quote it.

use crate::harness::Sent;
use netdiag_engine::port::{Channel, ErrorOrigin, Message, QueuedError, Received};
use netdiag_model::{Destination, Family, Stamp};
use netdiag_wire::icmp::{
    self, AppendedExtensions, ErrorMessage, ErrorSpec, ExtendedEcho, Icmp, Timestamp,
};
use netdiag_wire::ipv4::{self, Ipv4Header};
use netdiag_wire::ipv6::{self, Ipv6Header};
use netdiag_wire::protocol;
use netdiag_wire::tcp::{self, TcpFlags, TcpRepr};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const OUR_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);
pub(crate) const OUR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x200);
/// The first of the block of ports.
pub(crate) const OUR_PORT: u16 = 50_000;
pub(crate) const ROUTER_V4: &str = "198.51.100.9";
pub(crate) const ROUTER_V6: &str = "2001:db8:9::9";
/// The hop limit with which every packet arrives.
pub(crate) const ARRIVING: u8 = 57;

/// What a socket hands up with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    /// A raw socket: over IPv4 the packet has its header.
    Raw,
    /// A raw IPv4 socket, and a router put options into the header.
    RawWithOptions,
    /// An ICMP datagram socket: no header, and no checksum that could be checked over IPv6.
    Datagram,
}

/// One packet as the engine receives it.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: Destination,
    pub(crate) to: Option<IpAddr>,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) family: Family,
    pub(crate) has_header: bool,
    pub(crate) is_tcp: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Packet {
    pub(crate) fn received(&self, stamp: Stamp) -> Received<&[u8]> {
        let bytes = self.bytes.as_slice();
        let message = match (self.family, self.has_header) {
            (Family::Ipv4, true) => Message::Ipv4(bytes),
            (Family::Ipv4, false) => Message::Icmpv4(bytes),
            (Family::Ipv6, _) if self.is_tcp => Message::Tcp(bytes),
            (Family::Ipv6, _) => Message::Icmpv6(bytes),
        };
        let Self { from, to, hop_limit, .. } = *self;
        Received { stamp, from, to, interface: None, hop_limit, options: None, message }
    }
}

/// An echo reply under construction: right in everything unless told otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) from: Destination,
    pub(crate) ident: u16,
    pub(crate) sequence: u16,
    pub(crate) payload: Vec<u8>,
    pub(crate) good_checksum: bool,
    /// Keep only this many bytes of the ICMP message, checksum adjusted.
    pub(crate) cut: Option<usize>,
}

impl Answer {
    pub(crate) fn to(sent: &Sent) -> Self {
        let echo = request(sent);
        Self {
            from: sent.destination,
            ident: echo.ident,
            sequence: echo.seq,
            payload: echo.payload.to_vec(),
            good_checksum: true,
            cut: None,
        }
    }

    pub(crate) fn over(&self, socket: Socket) -> Packet {
        let mut message = Vec::new();
        let Self { ident, sequence, payload, .. } = self;
        match self.from {
            Destination::V4(_) => {
                icmp::emit_echo_v4(true, *ident, *sequence, payload, &mut message)
            }
            Destination::V6(from, _) => {
                let addresses = Some((from, OUR_V6));
                icmp::emit_echo_v6(true, *ident, *sequence, payload, addresses, &mut message);
            }
        }
        if let Some(length) = self.cut {
            message.truncate(length);
        }
        if !self.good_checksum {
            message[2] ^= 0x5a;
        }
        packet(self.from, message, socket)
    }
}

/// A datagram that came over the UDP socket.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    from: Destination,
    port: u16,
    /// The local port that it came to, of an answer to a query.
    to: Option<u16>,
    bytes: Vec<u8>,
}

impl Datagram {
    /// The same to one of the ports that queries leave from.
    pub(crate) fn at_port(self, port: u16) -> Self {
        Self { to: Some(port), ..self }
    }

    pub(crate) fn received(&self, stamp: Stamp) -> Received<&[u8]> {
        let (to, hop_limit) = (None, Some(ARRIVING));
        let (from, bytes) = (self.port, self.bytes.as_slice());
        let message = match self.to {
            Some(to) => Message::Answer { from, to, bytes },
            None => Message::Udp(from, bytes),
        };
        Received { stamp, from: self.from, to, interface: None, hop_limit, options: None, message }
    }
}

pub(crate) fn datagram_from(from: &str, port: u16, bytes: &[u8]) -> Datagram {
    Datagram { from: crate::harness::destination(from), port, to: None, bytes: bytes.to_vec() }
}

/// The reply to a probe, right in everything.
pub(crate) fn reply_to(sent: &Sent) -> Packet {
    Answer::to(sent).over(Socket::Raw)
}

/// An ICMP message as a socket hands it up.
pub(crate) fn packet(from: Destination, message: Vec<u8>, socket: Socket) -> Packet {
    match (from, socket) {
        (Destination::V4(source), Socket::Raw | Socket::RawWithOptions) => {
            let router_alert: &[u8] = &[148, 4, 0, 0];
            let options = if socket == Socket::Raw { &[] } else { router_alert };
            let mut bytes = Vec::new();
            let header = header_v4(source, OUR_V4, ARRIVING, options);
            ipv4::emit(&header, message.len(), &mut bytes).expect("a header fits");
            bytes.extend_from_slice(&message);
            let family = Family::Ipv4;
            Packet {
                from,
                to: None,
                hop_limit: None,
                family,
                has_header: true,
                is_tcp: false,
                bytes,
            }
        }
        (_, socket) => {
            let family = from.family();
            let to =
                (socket != Socket::Datagram && family == Family::Ipv6).then_some(OUR_V6.into());
            let hop_limit = Some(ARRIVING);
            Packet { from, to, hop_limit, family, has_header: false, is_tcp: false, bytes: message }
        }
    }
}

/// An ICMP error that quotes the first `length` bytes of a datagram.
pub(crate) fn error(from: &str, message: ErrorMessage, datagram: &[u8], length: usize) -> Packet {
    let from = crate::harness::destination(from);
    let quoted_bytes = datagram.get(..length).unwrap_or(datagram);
    let spec = ErrorSpec { message, quoted_bytes, extensions: AppendedExtensions::Absent };
    let mut bytes = Vec::new();
    match from {
        Destination::V4(_) => icmp::emit_error_v4(&spec, &mut bytes),
        Destination::V6(from, _) => icmp::emit_error_v6(&spec, Some((from, OUR_V6)), &mut bytes),
    }
    .expect("the error exists in the family");
    packet(from, bytes, Socket::Raw)
}

/// A probe as a router saw it: the whole datagram with its headers.
pub(crate) fn datagram(sent: &Sent) -> Vec<u8> {
    let mut bytes = Vec::new();
    let transport = transport(sent);
    match sent.destination {
        Destination::V4(to) => {
            let protocol = protocol_of(sent, protocol::ICMP);
            let header = Ipv4Header { protocol, ..header_v4(OUR_V4, to, 1, &[]) };
            ipv4::emit(&header, transport.len(), &mut bytes).expect("a header fits");
        }
        Destination::V6(to, _) => {
            let header = Ipv6Header {
                source: OUR_V6,
                destination: to,
                next_header: protocol_of(sent, protocol::ICMPV6),
                hop_limit: 1,
                traffic_class: 0,
                flow_label: 0,
                payload_length: 0,
            };
            ipv6::emit(&header, transport.len(), &mut bytes).expect("a header fits");
        }
    }
    bytes.extend_from_slice(&transport);
    bytes
}

const fn protocol_of(sent: &Sent, icmp: u8) -> u8 {
    match sent.channel {
        Channel::Icmp => icmp,
        Channel::Udp { .. } | Channel::Query { .. } => protocol::UDP,
        Channel::Tcp => protocol::TCP,
    }
}

/// A segment that answers a SYN: right in everything unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) flags: u8,
    /// Added to the sequence number of the SYN.
    pub(crate) acknowledges: u32,
    pub(crate) from: Option<&'static str>,
    /// Added to the ports.
    pub(crate) port: u16,
    pub(crate) our_port: u16,
    pub(crate) damaged: bool,
    pub(crate) cut: usize,
}

impl Default for Answered {
    fn default() -> Self {
        let (acknowledges, cut) = (1, usize::MAX);
        Self { flags: 0x12, acknowledges, from: None, port: 0, our_port: 0, damaged: false, cut }
    }
}

pub(crate) fn segment(sent: &Sent, answered: Answered) -> Packet {
    let (syn, _) = tcp::parse(&sent.bytes).expect("a probe is a segment");
    let from = answered.from.map_or(sent.destination, crate::harness::destination);
    let to: IpAddr = match from {
        Destination::V4(_) => OUR_V4.into(),
        Destination::V6(..) => OUR_V6.into(),
    };
    let header = TcpRepr {
        source_port: syn.destination_port.wrapping_add(answered.port),
        destination_port: syn.source_port.wrapping_add(answered.our_port),
        sequence: 0x1020_3040,
        acknowledgement: syn.sequence.wrapping_add(answered.acknowledges),
        flags: TcpFlags(answered.flags),
        window: 65_160,
        options: &[2, 4, 0x05, 0x78],
        ..syn
    };
    let mut message = Vec::new();
    tcp::emit(&header, &[], from.address(), to, &mut message).expect("options fit");
    message.truncate(answered.cut);
    if answered.damaged {
        message[14] ^= 1;
    }
    match from {
        Destination::V4(source) => {
            let mut bytes = Vec::new();
            let header = header_v4(source, OUR_V4, ARRIVING, &[]);
            let header = Ipv4Header { protocol: protocol::TCP, ..header };
            ipv4::emit(&header, message.len(), &mut bytes).expect("a header fits");
            bytes.extend_from_slice(&message);
            let family = Family::Ipv4;
            Packet {
                from,
                to: None,
                hop_limit: None,
                family,
                has_header: true,
                is_tcp: true,
                bytes,
            }
        }
        Destination::V6(..) => {
            let (family, hop_limit, bytes) = (Family::Ipv6, Some(ARRIVING), message);
            Packet { from, to: Some(to), hop_limit, family, has_header: false, is_tcp: true, bytes }
        }
    }
}

/// What stands behind the IP header: of UDP the kernel writes the header.
fn transport(sent: &Sent) -> Vec<u8> {
    let (Channel::Udp { port } | Channel::Query { port }) = sent.channel else {
        return sent.bytes.clone();
    };
    let length = u16::try_from(8 + sent.bytes.len()).expect("small");
    let header = [61_000, port, length, 0x1234].map(u16::to_be_bytes);
    header.into_iter().flatten().chain(sent.bytes.iter().copied()).collect()
}

/// An error about a probe as a socket's error queue holds it, quoting `length` bytes of the ICMP
/// message or of the UDP payload.
pub(crate) fn queued(
    from: &str,
    kind: u8,
    code: u8,
    sent: &Sent,
    length: usize,
) -> QueuedError<Vec<u8>> {
    QueuedError {
        stamp: Stamp::user(crate::harness::at(10)),
        channel: sent.channel,
        origin: ErrorOrigin::Icmp,
        errno: 113,
        kind,
        code,
        info: 0,
        offender: Some(crate::harness::destination(from)),
        destination: sent.destination,
        hop_limit: Some(ARRIVING),
        bytes: sent.bytes.get(..length).unwrap_or(&sent.bytes).to_vec(),
        quoted_len: None,
    }
}

/// The answer to a request that is no echo: `None` to an echo. It came 15 ms after a timestamp was
/// sent, and left at a time that is no standard one.
pub(crate) fn answer_to_query(sent: &Sent) -> Option<Vec<u8>> {
    if sent.channel != Channel::Icmp {
        return None;
    }
    let mut bytes = Vec::new();
    let parsed = match sent.destination.family() {
        Family::Ipv4 => icmp::parse_v4(&sent.bytes),
        Family::Ipv6 => icmp::parse_v6(&sent.bytes),
    };
    match (parsed.expect("a probe is a message"), sent.destination) {
        (Icmp::Timestamp(request), _) => {
            let receive = request.originate + 15;
            let reply = Timestamp { reply: true, receive, transmit: 1 << 31, ..request };
            icmp::emit_timestamp(&reply, &mut bytes);
        }
        (Icmp::ExtendedEchoRequest(request), destination) => {
            let flags = ExtendedEcho::reply_flags(0, true, true, true);
            let reply = ExtendedEcho { flags, body: &[], ..request };
            match destination {
                Destination::V4(_) => icmp::emit_extended_echo_v4(true, &reply, &mut bytes),
                Destination::V6(from, _) => {
                    let addresses = Some((from, OUR_V6));
                    icmp::emit_extended_echo_v6(true, &reply, addresses, &mut bytes);
                }
            }
        }
        _ => return None,
    }
    Some(bytes)
}

/// The echo request that a probe is.
pub(crate) fn request(sent: &Sent) -> icmp::Echo<'_> {
    let parsed = match sent.destination.family() {
        Family::Ipv4 => icmp::parse_v4(&sent.bytes),
        Family::Ipv6 => icmp::parse_v6(&sent.bytes),
    };
    match parsed {
        Ok(Icmp::EchoRequest(echo)) => echo,
        other => panic!("a probe is an echo request, not {other:?}"),
    }
}

pub(crate) fn header_v4(
    source: Ipv4Addr,
    to: Ipv4Addr,
    hop_limit: u8,
    options: &[u8],
) -> Ipv4Header<'_> {
    Ipv4Header {
        source,
        destination: to,
        protocol: protocol::ICMP,
        hop_limit,
        tos: 0,
        identification: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        options,
        total_length: 0,
    }
}
