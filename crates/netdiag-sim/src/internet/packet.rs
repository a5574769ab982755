//! IP packets as bytes: what a router reads and writes in place.

use crate::random::Random;
use netdiag_model::Family;
use netdiag_wire::checksum::{Checksum, internet_checksum, pseudo_header};
use netdiag_wire::protocol::{ICMP, ICMPV6, TCP, UDP};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a node needs to know of a packet; all of it read once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) hop_limit: u8,
    /// Where the transport begins.
    pub(crate) transport: usize,
    /// It is not the first fragment, or not the only one.
    pub(crate) fragment: bool,
    pub(crate) dont_fragment: bool,
}

impl Header {
    /// Reads the header of a packet; `None` when its lengths contradict its bytes.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => Self::read_v4(packet),
            6 => Self::read_v6(packet),
            _ => None,
        }
    }

    pub(crate) const fn family(&self) -> Family {
        Family::of(self.destination)
    }

    fn read_v4(packet: &[u8]) -> Option<Self> {
        let header: &[u8; 20] = packet.first_chunk()?;
        let transport = usize::from(header[0] & 0x0f) * 4;
        let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if transport < 20 || total < transport || total != packet.len() {
            return None;
        }
        let flags = u16::from_be_bytes([header[6], header[7]]);
        Some(Self {
            source: IpAddr::V4(Ipv4Addr::new(header[12], header[13], header[14], header[15])),
            destination: IpAddr::V4(Ipv4Addr::new(header[16], header[17], header[18], header[19])),
            protocol: header[9],
            hop_limit: header[8],
            transport,
            fragment: flags & 0x3fff != 0,
            dont_fragment: flags & 0x4000 != 0,
        })
    }

    fn read_v6(packet: &[u8]) -> Option<Self> {
        let header: &[u8; 40] = packet.first_chunk()?;
        if usize::from(u16::from_be_bytes([header[4], header[5]])) + 40 != packet.len() {
            return None;
        }
        let address = |at: usize| {
            let bytes: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        };
        let mut protocol = header[6];
        let mut transport = 40;
        let mut fragment = false;
        // Hop-by-hop, routing, fragment, destination options (RFC 8200 section 4).
        while matches!(protocol, 0 | 43 | 44 | 60) {
            let extension: &[u8; 8] = packet.get(transport..)?.first_chunk()?;
            let length = if protocol == 44 { 8 } else { (usize::from(extension[1]) + 1) * 8 };
            fragment |= protocol == 44;
            protocol = extension[0];
            transport += length;
        }
        (transport <= packet.len()).then_some(Self {
            source: address(8)?,
            destination: address(24)?,
            protocol,
            hop_limit: header[7],
            transport,
            fragment,
            dont_fragment: true,
        })
    }
}

/// Lowers the TTL by one and mends the header checksum (RFC 1624, equation 3).
pub(crate) fn decrement_hop_limit(packet: &mut [u8]) {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) if packet.len() >= 20 => {
            let old = u16::from_be_bytes([packet[8], packet[9]]);
            packet[8] = packet[8].saturating_sub(1);
            let new = u16::from_be_bytes([packet[8], packet[9]]);
            mend(packet, 10, old, new);
        }
        Some(6) if packet.len() >= 40 => packet[7] = packet[7].saturating_sub(1),
        _ => {}
    }
}

/// Gives a packet another TOS byte or traffic class.
pub(crate) fn rewrite_tos(packet: &mut [u8], tos: u8) {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) if packet.len() >= 20 => {
            let old = u16::from_be_bytes([packet[0], packet[1]]);
            packet[1] = tos;
            let new = u16::from_be_bytes([packet[0], packet[1]]);
            mend(packet, 10, old, new);
        }
        Some(6) if packet.len() >= 40 => {
            packet[0] = packet[0] & 0xf0 | tos >> 4;
            packet[1] = packet[1] & 0x0f | tos << 4;
        }
        _ => {}
    }
}

/// Lowers the MSS that a SYN offers to at most `most`.
pub(crate) fn clamp_mss(packet: &mut [u8], header: &Header, most: u16) {
    const MSS: u8 = 2;
    const MSS_LENGTH: usize = 4;
    let segment = packet.get(header.transport..).unwrap_or_default();
    let is_syn = segment.get(13).is_some_and(|flags| flags & 0x02 != 0);
    if header.protocol != TCP || header.fragment || !is_syn {
        return;
    }
    let end = segment.get(12).map_or(0, |words| usize::from(words >> 4) * 4).min(segment.len());
    let mut at = 20;
    while at + MSS_LENGTH <= end && segment[at] != 0 {
        let length = if segment[at] == 1 { 1 } else { usize::from(segment[at + 1]).max(2) };
        if segment[at] == MSS && length == MSS_LENGTH {
            let place = header.transport + at + 2;
            let mss = u16_at(packet, place).min(most);
            packet[place..place + 2].copy_from_slice(&mss.to_be_bytes());
            return seal_transport(packet, header);
        }
        at += length;
    }
}

/// Mends the checksum at `at` after a 16-bit word that it covers went from `old` to `new`.
pub(crate) fn mend(packet: &mut [u8], at: usize, old: u16, new: u16) {
    let check = u16::from_be_bytes([packet[at], packet[at + 1]]);
    let mut sum = u32::from(!check) + u32::from(!old) + u32::from(new);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    let check = !(sum as u16);
    packet[at..at + 2].copy_from_slice(&check.to_be_bytes());
}

/// What a packet is to be given for a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) hop_limit: u8,
    pub(crate) tos: u8,
    pub(crate) identification: u16,
    pub(crate) dont_fragment: bool,
}

/// Writes a header without options and lengths into `out`, to be completed by [`seal`]. Addresses of
/// two families write nothing.
pub(crate) fn begin(out: &mut Vec<u8>, envelope: &Envelope) {
    out.clear();
    match (envelope.source, envelope.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let [high, low] = envelope.identification.to_be_bytes();
            let flags = if envelope.dont_fragment { 0x40 } else { 0 };
            out.extend_from_slice(&[0x45, envelope.tos, 0, 0, high, low, flags, 0]);
            out.extend_from_slice(&[envelope.hop_limit, envelope.protocol, 0, 0]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            out.extend_from_slice(&[0x60 | envelope.tos >> 4, envelope.tos << 4, 0, 0, 0, 0]);
            out.extend_from_slice(&[envelope.protocol, envelope.hop_limit]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        _ => {}
    }
}

/// Sets the length and the header checksum of a packet whose bytes are complete.
pub(crate) fn seal(packet: &mut [u8]) {
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    match packet.first().map(|byte| byte >> 4) {
        Some(4) if packet.len() >= 20 => {
            let header = (usize::from(packet[0] & 0x0f) * 4).clamp(20, packet.len());
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            packet[10..12].fill(0);
            let checksum = internet_checksum(&packet[..header]);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        Some(6) if packet.len() >= 40 => {
            packet[4..6].copy_from_slice(&(length - 40).to_be_bytes());
        }
        _ => {}
    }
}

/// Where the checksum of a transport stands, from the start of the transport.
pub(crate) const fn checksum_offset(protocol: u8) -> Option<usize> {
    match protocol {
        ICMP | ICMPV6 => Some(2),
        TCP => Some(16),
        UDP => Some(6),
        _ => None,
    }
}

/// Computes the checksum of the transport anew.
pub(crate) fn seal_transport(packet: &mut [u8], header: &Header) {
    let Some(offset) = checksum_offset(header.protocol) else { return };
    let at = header.transport + offset;
    let Some(field) = packet.get_mut(at..at + 2) else { return };
    field.fill(0);
    let mut checksum = transport_sum(packet, header).finish();
    if checksum == 0 && header.protocol == UDP {
        // RFC 768: a computed zero is sent as all ones.
        checksum = 0xffff;
    }
    packet[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// Whether the UDP checksum of a packet is right. In IPv4 there may be none (RFC 768).
pub(crate) fn udp_checksum_ok(packet: &[u8], header: &Header) -> bool {
    let absent = u16_at(packet, header.transport + 6) == 0;
    if absent {
        return header.family() == Family::Ipv4;
    }
    transport_sum(packet, header).finish() == 0
}

/// Whether the ICMP checksum of a packet is right.
pub(crate) fn icmp_checksum_ok(packet: &[u8], header: &Header) -> bool {
    transport_sum(packet, header).finish() == 0
}

fn transport_sum(packet: &[u8], header: &Header) -> Checksum {
    let transport = packet.get(header.transport..).unwrap_or_default();
    let mut sum = if header.protocol == ICMP {
        Checksum::new()
    } else {
        let length = u32::try_from(transport.len()).unwrap_or_default();
        pseudo_header(header.source, header.destination, header.protocol, length)
    };
    sum.add_bytes(transport);
    sum
}

/// What packets of one flow have in common: addresses, protocol, and the first four bytes of the
/// transport, which are the ports where it has some and hold the checksum of ICMP.
pub(crate) fn flow_hash(packet: &[u8], header: &Header, seed: u64) -> u64 {
    let mix = |hash: u64, byte: u8| Random::new(hash, u64::from(byte)).next();
    let mut hash = mix(seed, header.protocol);
    for address in [header.source, header.destination] {
        hash = match address {
            IpAddr::V4(address) => address.octets().into_iter().fold(hash, mix),
            IpAddr::V6(address) => address.octets().into_iter().fold(hash, mix),
        };
    }
    let ports = packet.get(header.transport..header.transport + 4).unwrap_or_default();
    ports.iter().copied().fold(hash, mix)
}

/// The TOS byte or traffic class.
pub(crate) fn traffic_class(packet: &[u8]) -> u8 {
    match packet {
        [first, second, ..] if first >> 4 == 6 => first << 4 | second >> 4,
        [_, second, ..] => *second,
        _ => 0,
    }
}

/// The 16-bit number at `at`, 0 if it is not there.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some([high, low]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

/// Whether an ICMP type is an error or a redirect, which no error may answer (RFC 1122 section
/// 3.2.2, RFC 4443 section 2.4(e)).
pub(crate) const fn is_error(protocol: u8, kind: u8) -> bool {
    match protocol {
        ICMP => matches!(kind, 3 | 4 | 5 | 11 | 12),
        ICMPV6 => kind < 128 || kind == 137,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(source: &str, destination: &str) -> Vec<u8> {
        let source: IpAddr = source.parse().expect("an address");
        let protocol = if source.is_ipv4() { ICMP } else { ICMPV6 };
        let mut packet = Vec::new();
        let envelope = Envelope {
            source,
            destination: destination.parse().expect("an address"),
            protocol,
            hop_limit: 64,
            tos: 0xb8,
            identification: 7,
            dont_fragment: true,
        };
        begin(&mut packet, &envelope);
        packet.extend_from_slice(&[if source.is_ipv4() { 8 } else { 128 }, 0, 0, 0, 0, 1, 0, 2]);
        seal(&mut packet);
        let header = Header::read(&packet).expect("a packet");
        seal_transport(&mut packet, &header);
        packet
    }

    #[test]
    fn what_is_written_reads_back_and_sums_up() {
        for (a, b) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
            let mut packet = echo(a, b);
            let header = Header::read(&packet).expect("a packet");
            assert_eq!((header.source.to_string(), header.hop_limit), (a.to_owned(), 64));
            assert!(icmp_checksum_ok(&packet, &header));
            assert_eq!(traffic_class(&packet), 0xb8);
            decrement_hop_limit(&mut packet);
            assert_eq!(Header::read(&packet).expect("a packet").hop_limit, 63);
            if header.source.is_ipv4() {
                assert_eq!(internet_checksum(&packet[..20]), 0);
            }
            *packet.last_mut().expect("a byte") ^= 1;
            assert!(!icmp_checksum_ok(&packet, &header));
        }
    }

    #[test]
    fn a_mended_checksum_is_that_of_the_whole_at_every_ttl() {
        let mut packet = echo("10.0.0.1", "255.255.255.255");
        for _ in 0..64 {
            decrement_hop_limit(&mut packet);
            assert_eq!(internet_checksum(&packet[..20]), 0);
        }
    }

    #[test]
    fn a_clamped_mss_is_the_smaller_one_and_sums_up() {
        let (source, destination) = ("10.0.0.1", "10.0.0.2");
        let envelope = Envelope {
            source: source.parse().expect("an address"),
            destination: destination.parse().expect("an address"),
            protocol: TCP,
            hop_limit: 64,
            tos: 0,
            identification: 7,
            dont_fragment: true,
        };
        let syn = netdiag_wire::tcp::Syn {
            source_port: 9,
            destination_port: 80,
            sequence: 1,
            mss: 1_460,
            timestamp: 5,
            ecn: false,
        };
        for (most, expected) in [(1_200, 1_200), (1_460, 1_460), (9_000, 1_460)] {
            let mut packet = Vec::new();
            begin(&mut packet, &envelope);
            netdiag_wire::tcp::emit_syn(&syn, envelope.source, envelope.destination, &mut packet);
            seal(&mut packet);
            let header = Header::read(&packet).expect("a packet");
            clamp_mss(&mut packet, &header, most);
            assert_eq!(u16_at(&packet, 42), expected);
            assert_eq!(transport_sum(&packet, &header).finish(), 0);
            for len in 20..packet.len() {
                clamp_mss(&mut packet[..len].to_vec(), &header, 1);
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_no_packet() {
        let packet = echo("10.0.0.1", "10.0.0.2");
        assert_eq!(Header::read(&packet[..packet.len() - 1]), None);
        assert_eq!(Header::read(&[]), None);
        assert_eq!(Header::read(&[0x60; 12]), None);
    }
}
