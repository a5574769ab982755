//! What surge-ping hands out, as the inputs that the engine knows.

use super::probe::Probe;
use netdiag_engine::port::{Channel, ErrorOrigin, InputKind, Message, QueuedError, Received};
use netdiag_model::{Destination, Instant, Stamp};
use netdiag_wire::icmp;
use std::net::IpAddr;
use surge_ping::{IcmpPacket, Icmpv4Packet, Icmpv6Packet};

/// Bytes of an ICMP echo header.
const HEADER: usize = 8;

/// ICMP types.
mod v4 {
    pub(super) const ECHO_REPLY: u8 = 0;
    pub(super) const UNREACHABLE: u8 = 3;
    pub(super) const TIME_EXCEEDED: u8 = 11;
    pub(super) const PARAMETER_PROBLEM: u8 = 12;
}

/// ICMPv6 types.
mod v6 {
    pub(super) const UNREACHABLE: u8 = 1;
    pub(super) const TIME_EXCEEDED: u8 = 3;
    pub(super) const PARAMETER_PROBLEM: u8 = 4;
    pub(super) const ECHO_REPLY: u8 = 129;
}

/// The input for a packet that surge-ping matched to a probe; `None` where it is neither a reply
/// nor an error of which enough is known.
pub(super) fn input(probe: &Probe, packet: &IcmpPacket, at: Instant) -> Option<InputKind<Vec<u8>>> {
    match packet {
        IcmpPacket::V4(packet) => match packet.get_icmp_type().0 {
            v4::ECHO_REPLY => Some(reply_v4(probe, packet, at)),
            kind @ (v4::UNREACHABLE | v4::TIME_EXCEEDED | v4::PARAMETER_PROBLEM) => {
                let from = IpAddr::V4(packet.get_source());
                Some(error(probe, kind, packet.get_icmp_code().0, from, at))
            }
            // A redirect or a source quench: the reply that follows finds nobody waiting.
            _ => None,
        },
        IcmpPacket::V6(packet) => match packet.get_icmpv6_type().0 {
            v6::ECHO_REPLY => Some(reply_v6(probe, packet, at)),
            kind @ (v6::UNREACHABLE | v6::TIME_EXCEEDED | v6::PARAMETER_PROBLEM) => {
                let from = IpAddr::V6(packet.get_source());
                Some(error(probe, kind, packet.get_icmpv6_code().0, from, at))
            }
            // "Packet too big" says nothing without its MTU.
            _ => None,
        },
    }
}

fn reply_v4(probe: &Probe, packet: &Icmpv4Packet, at: Instant) -> InputKind<Vec<u8>> {
    let mut bytes = Vec::new();
    let data = data(probe, packet.get_size());
    icmp::emit_echo_v4(true, probe.identifier, probe.sequence, &data, &mut bytes);
    received(probe, Message::Icmpv4(bytes), packet.get_ttl(), at)
}

fn reply_v6(probe: &Probe, packet: &Icmpv6Packet, at: Instant) -> InputKind<Vec<u8>> {
    let mut bytes = Vec::new();
    let data = data(probe, packet.get_size());
    icmp::emit_echo_v6(true, probe.identifier, probe.sequence, &data, None, &mut bytes);
    received(probe, Message::Icmpv6(bytes), None, at)
}

/// The data of a reply of this many bytes: what was sent, as far as it goes. What came is not known.
fn data(probe: &Probe, size: usize) -> Vec<u8> {
    let mut data = probe.payload.clone();
    data.resize(size.saturating_sub(HEADER), 0);
    data
}

/// surge-ping has matched source, sequence number and, where the kernel does not, identifier.
fn received(
    probe: &Probe,
    message: Message<Vec<u8>>,
    hop_limit: Option<u8>,
    at: Instant,
) -> InputKind<Vec<u8>> {
    InputKind::Received(Received {
        stamp: Stamp::user(at),
        from: probe.destination,
        to: None,
        interface: None,
        hop_limit,
        options: None,
        message,
    })
}

/// An ICMP error. surge-ping has matched the destination, identifier and sequence number that it
/// quotes, and hands out none of the quote: what it matched is all that is quoted here.
fn error(probe: &Probe, kind: u8, code: u8, from: IpAddr, at: Instant) -> InputKind<Vec<u8>> {
    let mut bytes = Vec::new();
    match from {
        IpAddr::V4(_) => {
            icmp::emit_echo_v4(false, probe.identifier, probe.sequence, &[], &mut bytes);
        }
        IpAddr::V6(_) => {
            icmp::emit_echo_v6(false, probe.identifier, probe.sequence, &[], None, &mut bytes);
        }
    }
    InputKind::QueuedError(QueuedError {
        stamp: Stamp::user(at),
        channel: Channel::Icmp,
        origin: ErrorOrigin::Icmp,
        errno: libc::EHOSTUNREACH,
        kind,
        code,
        info: 0,
        offender: Some(Destination::new(from)),
        destination: probe.destination,
        hop_limit: None,
        bytes,
        quoted_len: None,
    })
}
