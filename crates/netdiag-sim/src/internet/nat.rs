//! A router that gives packets another source address and port, and takes that back on their way back.

use super::packet::{Header, checksum_offset, is_error, mend, seal_transport, u16_at};
use crate::scenario::{Masquerade, Mended};
use netdiag_wire::protocol::{ICMP, ICMPV6, TCP, UDP};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How far a port, or an identifier of ICMP, is from the one that it stands for.
const APART: u16 = 1_000;

/// What a router has translated: by protocol and port, whose it is.
#[derive(Debug, Default)]
pub(super) struct Translations(BTreeMap<(u8, u16), (IpAddr, u16)>);

/// Which end of a packet is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Source,
    Destination,
}

impl Translations {
    /// A packet on its way out.
    pub(super) fn translate(&mut self, packet: &mut [u8], header: &Header, how: &Masquerade) {
        let own = match header.source {
            IpAddr::V4(_) => how.ipv4.map(IpAddr::V4),
            IpAddr::V6(_) => how.ipv6.map(IpAddr::V6),
        };
        let place = port_place(header.protocol, End::Source).map(|place| header.transport + place);
        let (Some(own), Some(place)) = (own, place.filter(|place| place + 2 <= packet.len()))
        else {
            return;
        };
        let port = u16_at(packet, place);
        let other = port.wrapping_add(APART);
        self.0.insert((header.protocol, other), (header.source, port));
        write_address(packet, 0, End::Source, own, None);
        packet[place..place + 2].copy_from_slice(&other.to_be_bytes());
        seal_transport(packet, &header_of(header, own, End::Source));
    }

    /// A packet on its way back.
    pub(super) fn restore(&self, packet: &mut [u8], header: &Header, how: &Masquerade) {
        let kind = packet.get(header.transport).copied().unwrap_or_default();
        let is_error = matches!(header.protocol, ICMP | ICMPV6) && is_error(header.protocol, kind);
        let owner = match is_error {
            true => self.restore_quote(packet, header.transport + 8, how.quotes),
            false => self.restore_port(packet, header),
        };
        if let Some(owner) = owner {
            write_address(packet, 0, End::Destination, owner, None);
            seal_transport(packet, &header_of(header, owner, End::Destination));
        }
    }

    fn restore_port(&self, packet: &mut [u8], header: &Header) -> Option<IpAddr> {
        let place = header.transport + port_place(header.protocol, End::Destination)?;
        let (owner, port) = self.0.get(&(header.protocol, u16_at(packet, place)))?;
        packet.get_mut(place..place + 2)?.copy_from_slice(&port.to_be_bytes());
        Some(*owner)
    }

    /// What an error quotes, from `at` on, as far as this router mends it.
    fn restore_quote(&self, packet: &mut [u8], at: usize, mended: Mended) -> Option<IpAddr> {
        let first = *packet.get(at)?;
        let (protocol, transport) = match first >> 4 {
            4 => (*packet.get(at + 9)?, at + usize::from(first & 0x0f) * 4),
            _ => (*packet.get(at + 6)?, at + 40),
        };
        let place = transport + port_place(protocol, End::Source)?;
        let other = u16_at(packet, place);
        let (owner, port) = *self.0.get(&(protocol, other))?;
        let sum = checksum_offset(protocol).map(|place| transport + place);
        let sum = sum.filter(|sum| mended == Mended::All && sum + 2 <= packet.len());
        // Of ICMP addresses are no part of the checksum.
        let covered = sum.filter(|_| protocol != ICMP);
        write_address(packet, at, End::Source, owner, covered);
        packet.get_mut(place..place + 2)?.copy_from_slice(&port.to_be_bytes());
        if let Some(sum) = sum {
            mend(packet, sum, other, port);
        }
        Some(owner)
    }
}

/// Where the port stands that an end of a packet is told by, or the identifier.
const fn port_place(protocol: u8, end: End) -> Option<usize> {
    match (protocol, end) {
        (UDP | TCP, End::Source) => Some(0),
        (UDP | TCP, End::Destination) => Some(2),
        (ICMP | ICMPV6, _) => Some(4),
        _ => None,
    }
}

/// Writes the address of one end of the packet that begins at `at`, and mends the checksums that cover
/// it: that of IPv4's header, and the one at `covered`.
fn write_address(packet: &mut [u8], at: usize, end: End, address: IpAddr, covered: Option<usize>) {
    let (place, bytes) = match (address, end) {
        (IpAddr::V4(address), End::Source) => (at + 12, address.octets().to_vec()),
        (IpAddr::V4(address), End::Destination) => (at + 16, address.octets().to_vec()),
        (IpAddr::V6(address), End::Source) => (at + 8, address.octets().to_vec()),
        (IpAddr::V6(address), End::Destination) => (at + 24, address.octets().to_vec()),
    };
    if packet.len() < place + bytes.len() {
        return;
    }
    for (word, place) in bytes.chunks(2).zip((place..).step_by(2)) {
        let (old, new) = (u16_at(packet, place), u16_at(word, 0));
        packet[place..place + 2].copy_from_slice(word);
        if address.is_ipv4() {
            mend(packet, at + 10, old, new);
        }
        if let Some(sum) = covered {
            mend(packet, sum, old, new);
        }
    }
}

/// A header whose one end is another now.
const fn header_of(header: &Header, address: IpAddr, end: End) -> Header {
    match end {
        End::Source => Header { source: address, ..*header },
        End::Destination => Header { destination: address, ..*header },
    }
}
