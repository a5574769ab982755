//! The way in: which socket gets a packet, and what the kernel makes of it.

use super::send::UDP_PORT;
use super::{INTERFACE, Told, VirtualNetwork};
use crate::internet::packet::{Header, icmp_checksum_ok, is_error, u16_at, udp_checksum_ok};
use crate::truth::Fact;
use netdiag_engine::port::{
    Change, Channel, ErrorOrigin, Identifiers, InputKind, Inputs, Message, QueuedError, Received,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Family, Instant, Stamp};
use netdiag_wire::protocol::{ICMP, ICMPV6, TCP, UDP};
use netdiag_wire::{ipv4, ipv6};
use std::net::IpAddr;

/// What becomes of a packet.
enum Verdict<'a> {
    /// The process hears this.
    Tell(InputKind<&'a [u8]>),
    /// The process hears nothing.
    Swallow(Fact),
    /// A TCP socket hears it.
    Segment,
    /// A TCP socket hears an error.
    SegmentError { quoted: &'a [u8], errno: i32, kind: u8, code: u8 },
}

/// What the kernel knows of a packet.
struct Context<'a> {
    packet: &'a [u8],
    header: Header,
    stamp: Stamp,
    socket: SocketKind,
    identifiers: Identifiers,
}

impl VirtualNetwork {
    /// Takes the next packet that arrives at or before `limit`; `false` if there is none. Time runs
    /// on to it.
    pub(super) fn receive_one(&mut self, limit: Instant, inputs: &mut Inputs) -> bool {
        let Some(arrival) = self.internet.poll(limit + self.slept) else { return false };
        let (at, sent) = (arrival.at - self.slept, arrival.probe_sent - self.slept);
        if at > self.now {
            self.now = at + self.here.wake_delay.duration();
        }
        let fact = match self.before_sockets(at) {
            Some(fact) => fact,
            None => match self.deliver(at, sent, inputs) {
                Some(fact) => fact,
                None => return true,
            },
        };
        if fact == Fact::ReceiveDropped {
            inputs.push(at, InputKind::Changed(Change::ReceiveDrops { count: 1 }));
        }
        self.internet.note_here(at + self.slept, fact);
        true
    }

    /// Why a packet reaches no socket.
    fn before_sockets(&mut self, at: Instant) -> Option<Fact> {
        if self.locals.link_down(at) {
            return Some(Fact::Unplugged);
        }
        if self.locals.receive_drops > 0 {
            self.locals.receive_drops -= 1;
            return Some(Fact::ReceiveDropped);
        }
        None
    }

    /// Gives a packet to a socket; why not, if none gets it.
    fn deliver(&mut self, at: Instant, sent: Instant, inputs: &mut Inputs) -> Option<Fact> {
        let user = self.now + self.noise();
        let stamp = match self.locals.stepped(sent, at) {
            true => Stamp::user(user),
            false => self.stamp(at, user),
        };
        let Some(packet) = self.internet.lent() else { return Some(Fact::Unwanted) };
        let Some(header) = Header::read(packet) else { return Some(Fact::Unwanted) };
        let identifiers = match self.socket {
            SocketKind::Raw => super::RAW_IDENTIFIERS,
            _ => super::DATAGRAM_IDENTIFIER,
        };
        let context = Context { packet, header, stamp, socket: self.socket, identifiers };
        let told: Option<Told> = match context.judge() {
            Verdict::Tell(kind) => {
                if let Some(whole) = context.heard_too(&kind) {
                    inputs.push(stamp.at, whole);
                }
                inputs.push(stamp.at, kind);
                return None;
            }
            Verdict::Swallow(fact) => return Some(fact),
            Verdict::Segment => {
                let segment = packet.get(header.transport..).unwrap_or_default().to_vec();
                self.on_segment(header.source, &segment, stamp)
            }
            Verdict::SegmentError { quoted, errno, kind, code } => {
                let quoted = quoted.to_vec();
                self.on_segment_error(&quoted, errno, (header.source, kind, code), stamp)
            }
        };
        match told {
            Some(told) => {
                inputs.push(stamp.at, told);
                None
            }
            None => Some(Fact::Unwanted),
        }
    }
}

impl<'a> Context<'a> {
    fn judge(&self) -> Verdict<'a> {
        let payload = self.packet.get(self.header.transport..).unwrap_or_default();
        match self.header.protocol {
            ICMP | ICMPV6 => self.judge_icmp(payload),
            UDP if !udp_checksum_ok(self.packet, &self.header) => {
                Verdict::Swallow(Fact::KernelBadChecksum)
            }
            UDP if u16_at(payload, 2) == UDP_PORT && payload.len() >= 8 => {
                let data = payload.get(8..).unwrap_or_default();
                self.tell(Message::Udp(u16_at(payload, 0), data))
            }
            TCP if self.is_raw_tcp(u16_at(payload, 2)) && payload.len() >= 4 => {
                self.tell(match self.header.family() {
                    Family::Ipv4 => Message::Ipv4(self.packet),
                    Family::Ipv6 => Message::Tcp(payload),
                })
            }
            TCP => Verdict::Segment,
            _ => Verdict::Swallow(Fact::Unwanted),
        }
    }

    fn judge_icmp(&self, message: &'a [u8]) -> Verdict<'a> {
        let raw_v4 = self.socket == SocketKind::Raw && self.header.protocol == ICMP;
        // Raw IPv4 sockets see a packet before ICMP does; all others after its checksum was checked.
        if !icmp_checksum_ok(self.packet, &self.header) && !raw_v4 {
            return Verdict::Swallow(Fact::KernelBadChecksum);
        }
        let [kind, code, ..] = *message else { return Verdict::Swallow(Fact::Unwanted) };
        let is_answer = match (self.header.protocol, self.socket) {
            // A datagram socket hears of no timestamps.
            (ICMP, SocketKind::Raw) => matches!(kind, 0 | 14 | 43),
            (ICMP, _) => matches!(kind, 0 | 43),
            _ => matches!(kind, 129 | 161),
        };
        if is_answer {
            return if self.is_ours(u16_at(message, 4)) && message.len() >= 8 {
                self.tell_message(message)
            } else {
                Verdict::Swallow(Fact::Unwanted)
            };
        }
        if !is_error(self.header.protocol, kind) {
            return Verdict::Swallow(Fact::Unwanted);
        }
        self.judge_error(message, kind, code)
    }

    fn judge_error(&self, message: &'a [u8], kind: u8, code: u8) -> Verdict<'a> {
        let quote = message.get(8..).unwrap_or_default();
        // What is too short to say whose it is passes the kernel's filter of raw sockets.
        let Some((destination, protocol, transport)) = read_quote(quote) else {
            return match self.socket {
                SocketKind::Raw => self.tell_message(message),
                _ => Verdict::Swallow(Fact::Unwanted),
            };
        };
        let errno = errno_of(self.header.family(), kind, code);
        match protocol {
            ICMP | ICMPV6 if transport.len() < 8 && self.socket == SocketKind::Raw => {
                self.tell_message(message)
            }
            ICMP | ICMPV6 if !self.is_ours(u16_at(transport, 4)) || transport.len() < 8 => {
                Verdict::Swallow(Fact::Unwanted)
            }
            ICMP | ICMPV6 if self.socket == SocketKind::Raw => self.tell_message(message),
            ICMP | ICMPV6 => self.queue(Channel::Icmp, destination, errno, message, transport),
            TCP if self.is_raw_tcp(u16_at(transport, 0)) => self.tell_message(message),
            // UDP and TCP hear only of messages that ICMP itself has checked.
            UDP | TCP if !icmp_checksum_ok(self.packet, &self.header) => {
                Verdict::Swallow(Fact::KernelBadChecksum)
            }
            UDP if reaches_udp(self.header.protocol, kind, transport) => {
                let channel = Channel::Udp { port: u16_at(transport, 2) };
                let data = transport.get(8..).unwrap_or_default();
                self.queue(channel, destination, errno, message, data)
            }
            TCP => Verdict::SegmentError { quoted: transport, errno, kind, code },
            _ => Verdict::Swallow(Fact::Unwanted),
        }
    }

    /// The whole of an error about UDP, which a raw socket hears beside the UDP socket.
    fn heard_too(&self, told: &InputKind<&'a [u8]>) -> Option<InputKind<&'a [u8]>> {
        let is_udp = matches!(
            told,
            InputKind::QueuedError(QueuedError { channel: Channel::Udp { .. }, .. })
        );
        let payload = self.packet.get(self.header.transport..).unwrap_or_default();
        match self.tell_message(payload) {
            Verdict::Tell(whole) if is_udp && self.socket == SocketKind::Raw => Some(whole),
            _ => None,
        }
    }

    fn is_ours(&self, identifier: u16) -> bool {
        if self.socket == SocketKind::UdpErrorQueue {
            return false;
        }
        let Identifiers { first, count } = self.identifiers;
        identifier.wrapping_sub(first) < u16::from(count)
    }

    /// Whether a port is one of the raw TCP socket's. The kernel's reset of what answers there is left
    /// out: no node here remembers a connection that it could end.
    fn is_raw_tcp(&self, port: u16) -> bool {
        let Identifiers { first, count } = super::TCP_PORTS;
        self.socket == SocketKind::Raw && port.wrapping_sub(first) < u16::from(count)
    }

    fn tell_message(&self, message: &'a [u8]) -> Verdict<'a> {
        match (self.header.family(), self.socket) {
            (Family::Ipv4, SocketKind::Raw) => self.tell(Message::Ipv4(self.packet)),
            (Family::Ipv4, _) => self.tell(Message::Icmpv4(message)),
            (Family::Ipv6, _) => self.tell(Message::Icmpv6(message)),
        }
    }

    fn tell(&self, message: Message<&'a [u8]>) -> Verdict<'a> {
        Verdict::Tell(InputKind::Received(Received {
            stamp: self.stamp,
            from: self.from(),
            to: Some(self.header.destination),
            interface: Some(INTERFACE),
            hop_limit: Some(self.header.hop_limit),
            options: None,
            message,
        }))
    }

    fn queue(
        &self,
        channel: Channel,
        destination: IpAddr,
        errno: i32,
        message: &'a [u8],
        bytes: &'a [u8],
    ) -> Verdict<'a> {
        let word = u32::from(u16_at(message, 4)) << 16 | u32::from(u16_at(message, 6));
        let (kind, code) = (message[0], message[1]);
        let (told, quoted_len) = self.with_extensions(message, channel).unwrap_or((bytes, None));
        let info = match (self.header.family(), kind, code) {
            (Family::Ipv4, 3, 4) => word & 0xffff,
            (Family::Ipv4, 12, _) => word >> 24,
            (Family::Ipv6, 2 | 4, _) => word,
            _ => 0,
        };
        Verdict::Tell(InputKind::QueuedError(QueuedError {
            stamp: self.stamp,
            channel,
            origin: ErrorOrigin::Icmp,
            errno,
            kind,
            code,
            info,
            offender: Some(self.from()),
            destination: Destination::new(destination),
            hop_limit: Some(self.header.hop_limit),
            bytes: told,
            quoted_len,
        }))
    }

    /// What is told of a message with extensions, and where these begin in it
    /// (ip_icmp_error_rfc4884 in net/ipv4/ip_sockglue.c).
    fn with_extensions(
        &self,
        message: &'a [u8],
        channel: Channel,
    ) -> Option<(&'a [u8], Option<u16>)> {
        const LEAST: usize = 128;
        let (length, unit, header) = match self.header.family() {
            Family::Ipv4 => (*message.get(5)?, 4, usize::from(*message.get(8)? & 0xf) * 4),
            Family::Ipv6 => (*message.get(4)?, 8, 40),
        };
        let quoted = usize::from(length) * unit;
        let headers = if channel == Channel::Icmp { header } else { header + 8 };
        let told = message.get(8 + headers..)?;
        let len = quoted.checked_sub(headers)?;
        let is_there = quoted >= LEAST && len + 4 <= told.len();
        is_there.then_some((told, u16::try_from(len).ok()))
    }

    /// Who sent it; link-local addresses belong to the interface.
    fn from(&self) -> Destination {
        match self.header.source {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Destination::V6(v6, INTERFACE),
            address => Destination::new(address),
        }
    }
}

/// Whether an error stands in the UDP socket's error queue: not without the whole UDP header, nor if
/// it only advises the kernel (source quench, redirects).
fn reaches_udp(protocol: u8, kind: u8, quoted: &[u8]) -> bool {
    let is_advice = matches!((protocol, kind), (ICMP, 4 | 5) | (ICMPV6, 137));
    quoted.len() >= 8 && u16_at(quoted, 0) == UDP_PORT && !is_advice
}

/// Where a quoted packet was going, its protocol, and its transport as far as it is quoted.
fn read_quote(quote: &[u8]) -> Option<(IpAddr, u8, &[u8])> {
    match quote.first()? >> 4 {
        4 => {
            let (header, payload) = ipv4::parse_quoted(quote).ok()?;
            Some((IpAddr::V4(header.destination), header.protocol, payload))
        }
        6 => {
            let (header, payload) = ipv6::parse_quoted(quote).ok()?;
            Some((IpAddr::V6(header.destination), header.next_header, payload))
        }
        _ => None,
    }
}

/// The error number that Linux makes of an ICMP error (`icmp_err_convert`, `icmpv6_err_convert`).
fn errno_of(family: Family, kind: u8, code: u8) -> i32 {
    const EACCES: i32 = 13;
    const ENONET: i32 = 64;
    const EPROTO: i32 = 71;
    const EMSGSIZE: i32 = 90;
    const ENOPROTOOPT: i32 = 92;
    const EOPNOTSUPP: i32 = 95;
    const ENETUNREACH: i32 = 101;
    const ECONNREFUSED: i32 = 111;
    const EHOSTDOWN: i32 = 112;
    const EHOSTUNREACH: i32 = 113;
    const EREMOTEIO: i32 = 121;
    match (family, kind, code) {
        (Family::Ipv4, 3, 0 | 6 | 9 | 11) | (Family::Ipv6, 1, 0) => ENETUNREACH,
        (Family::Ipv4, 3, 2) => ENOPROTOOPT,
        (Family::Ipv4, 3, 3) | (Family::Ipv6, 1, 4) => ECONNREFUSED,
        (Family::Ipv4, 3, 4) | (Family::Ipv6, 2, _) => EMSGSIZE,
        (Family::Ipv4, 3, 5) => EOPNOTSUPP,
        (Family::Ipv4, 3, 7) => EHOSTDOWN,
        (Family::Ipv4, 3, 8) => ENONET,
        (Family::Ipv4, 5, _) => EREMOTEIO,
        (Family::Ipv6, 1, 1 | 5 | 6) => EACCES,
        (Family::Ipv4, 12, _) | (Family::Ipv6, 4, _) => EPROTO,
        _ => EHOSTUNREACH,
    }
}
