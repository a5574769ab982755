//! Replies that no honest host sends.

use super::Internet;
use super::answer::set_source;
use super::error::{Trouble, finish, write_error, write_length};
use super::packet::{Header, seal, u16_at};
use super::queue::SlotId;
use super::topology::NodeId;
use super::udp::{Port, UDP_HEADER};
use crate::scenario::{ForgedKind, ForgedReply};
use crate::truth::Fact;
use netdiag_model::Family;
use netdiag_wire::protocol::{ICMP, ICMPV6, UDP};
use std::net::IpAddr;

/// ICMP header of an echo.
const ECHO_HEADER: usize = 8;
/// Where the engine's echo data has its tag.
const TAG: std::ops::Range<usize> = 8..16;

impl Internet {
    /// Sends the forged replies that are due for an echo request. True if one of them takes the
    /// place of the right one.
    pub(super) fn forge(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) -> bool {
        let due = self.due(node, header, false);
        for reply in &due {
            let forged = self.pool.copy(id);
            self.write_forged(node, id, forged, header, reply);
            self.depart_forged(now, node, forged, reply);
        }
        due.iter().any(|reply| reply.instead)
    }

    /// The same for a UDP datagram.
    pub(super) fn forge_udp(
        &mut self,
        now: u64,
        node: NodeId,
        id: SlotId,
        header: &Header,
        port: Port,
    ) -> bool {
        let due = self.due(node, header, true);
        for reply in &due {
            let forged = self.answer_slot(id);
            self.write_forged_udp(node, id, forged, header, reply, port);
            self.depart_forged(now, node, forged, reply);
        }
        due.iter().any(|reply| reply.instead)
    }

    /// The forged replies whose turn it is.
    fn due(&mut self, node: NodeId, header: &Header, udp: bool) -> Vec<ForgedReply> {
        let owner = &mut self.topology.nodes[node as usize];
        let mut due = Vec::new();
        for (reply, requests) in owner.replies.iter().zip(&mut owner.requests) {
            let is_meant = reply.to.is_none_or(|to| to.contains(header.destination));
            if reply.udp != udp || !is_meant {
                continue;
            }
            *requests += 1;
            if requests.is_multiple_of(reply.every) {
                due.push(reply.clone());
            }
        }
        due
    }

    fn depart_forged(&mut self, now: u64, node: NodeId, forged: SlotId, reply: &ForgedReply) {
        let honest = reply.kind == ForgedKind::Honest;
        self.pool.get_mut(forged).forged = !honest;
        let fact = if honest { Fact::Answered } else { Fact::Forged };
        self.depart(now, node, forged, fact, reply.delay.unsigned());
    }

    fn write_forged_udp(
        &mut self,
        node: NodeId,
        id: SlotId,
        forged: SlotId,
        header: &Header,
        reply: &ForgedReply,
        port: Port,
    ) {
        let port = if reply.kind == ForgedKind::Request { Port::Echo } else { port };
        self.write_udp_answer(node, id, forged, header, port);
        let at = header.family().header_len();
        // Our datagram as it comes back, and where its port and the checksum of all are.
        let (datagram, own_port, checksum) = match port {
            Port::Echo => (at, at + 1, at + 6),
            Port::Closed => (at + 8 + header.transport, at + 8 + header.transport + 3, at + 2),
        };
        let data = datagram + UDP_HEADER;
        let bytes = &mut self.pool.get_mut(forged).bytes;
        let flip = |bytes: &mut Vec<u8>, place: usize, bits: u8| {
            bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= bits);
        };
        match reply.kind {
            ForgedKind::Honest | ForgedKind::Request => return,
            ForgedKind::WrongSource => {
                let source = reply.source.unwrap_or_else(|| next(header.destination));
                return set_source(bytes, source);
            }
            ForgedKind::BadChecksum => return flip(bytes, checksum, 0x55),
            ForgedKind::BadTag => {
                let tag = bytes.iter_mut().skip(data + TAG.start).take(TAG.len());
                tag.for_each(|byte| *byte ^= 0xff);
            }
            ForgedKind::WrongId => flip(bytes, own_port, 1),
            ForgedKind::WrongSeq => flip(bytes, data, 0x80),
            ForgedKind::CorruptData => flip(bytes, bytes.len() - 1, 0xff),
            ForgedKind::Truncated => bytes.truncate(at + usize::from(reply.bytes.unwrap_or(11))),
            ForgedKind::ExtraBytes => {
                let more = usize::from(reply.bytes.unwrap_or(8));
                bytes.resize(bytes.len() + more, 0xee);
            }
            ForgedKind::LyingExtension | ForgedKind::WrongQuote | ForgedKind::ShortQuote => {
                self.write_forged_error(node, id, forged, header, reply);
            }
        }
        let bytes = &mut self.pool.get_mut(forged).bytes;
        let is_error = matches!(Header::read(bytes), Some(header) if header.protocol != UDP);
        if port == Port::Echo && !is_error {
            set_udp_length(bytes, at);
        }
        finish(bytes);
    }

    fn write_forged(
        &mut self,
        node: NodeId,
        id: SlotId,
        forged: SlotId,
        header: &Header,
        reply: &ForgedReply,
    ) {
        let request = reply.kind == ForgedKind::Request;
        self.echo(node, forged, header);
        let at = header.transport;
        let bytes = &mut self.pool.get_mut(forged).bytes;
        match reply.kind {
            ForgedKind::Honest => {}
            ForgedKind::Request => {
                bytes[at] = if header.family() == Family::Ipv4 { 8 } else { 128 };
            }
            ForgedKind::WrongSource => {
                set_source(bytes, reply.source.unwrap_or_else(|| next(header.destination)));
            }
            ForgedKind::BadChecksum => bytes[at + 2] ^= 0x55,
            ForgedKind::BadTag => {
                let tag = bytes.iter_mut().skip(at + ECHO_HEADER + TAG.start).take(TAG.len());
                tag.for_each(|byte| *byte ^= 0xff);
            }
            ForgedKind::WrongId => bytes[at + 5] ^= 1,
            ForgedKind::WrongSeq => bytes[at + 6] ^= 0x80,
            ForgedKind::CorruptData => {
                if bytes.len() > at + ECHO_HEADER {
                    let last = bytes.len() - 1;
                    bytes[last] ^= 0xff;
                }
            }
            ForgedKind::Truncated => bytes.truncate(at + usize::from(reply.bytes.unwrap_or(11))),
            ForgedKind::ExtraBytes => {
                let more = usize::from(reply.bytes.unwrap_or(8));
                bytes.resize(bytes.len() + more, 0xee);
            }
            ForgedKind::LyingExtension | ForgedKind::WrongQuote | ForgedKind::ShortQuote => {
                self.write_forged_error(node, id, forged, header, reply);
            }
        }
        let bytes = &mut self.pool.get_mut(forged).bytes;
        match reply.kind {
            ForgedKind::BadChecksum => seal(bytes),
            ForgedKind::Honest | ForgedKind::WrongSource => {}
            _ => finish(bytes),
        }
        debug_assert!(!request || bytes.len() >= at + ECHO_HEADER);
    }

    /// A time exceeded about a request, with something wrong.
    fn write_forged_error(
        &mut self,
        node: NodeId,
        id: SlotId,
        forged: SlotId,
        header: &Header,
        reply: &ForgedReply,
    ) {
        let trouble = match (header.family(), reply.mtu) {
            (family, Some(mtu)) => Trouble::too_big(family, mtu),
            (Family::Ipv4, None) => Trouble::new(11, 0),
            (Family::Ipv6, None) => Trouble::new(3, 0),
        };
        let owner = &mut self.topology.nodes[node as usize];
        let (original, slot) = self.pool.pair(id, forged);
        let out = &mut slot.bytes;
        write_error(owner, &original.bytes, header, trouble, out);
        let start = header.family().header_len();
        let quote = start + 8;
        match reply.kind {
            ForgedKind::WrongQuote => {
                // The sequence number of an echo; the lower half of the index in a datagram.
                let place = if header.protocol == UDP { UDP_HEADER + 2 } else { 6 };
                let at = quote + header.transport + place;
                let seq = u16_at(out, at).wrapping_add(1);
                if let Some(field) = out.get_mut(at..at + 2) {
                    field.copy_from_slice(&seq.to_be_bytes());
                }
            }
            ForgedKind::ShortQuote => {
                out.truncate(quote + usize::from(reply.bytes.unwrap_or(12)));
            }
            _ => {
                out.resize(quote + 128, 0);
                let protocol = if header.family() == Family::Ipv4 { ICMP } else { ICMPV6 };
                write_length(out, start, protocol);
                // Version 2, checksum 0 (none), then an MPLS object of 255 words that is not there.
                out.extend_from_slice(&[0x20, 0, 0, 0, 0x03, 0xfc, 1, 1, 0, 1, 0x11, 0xff]);
            }
        }
    }
}

/// Makes the length of a UDP header that of the packet.
fn set_udp_length(bytes: &mut [u8], at: usize) {
    let length = u16::try_from(bytes.len().saturating_sub(at)).unwrap_or(u16::MAX);
    if let Some(field) = bytes.get_mut(at + 4..at + 6) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// The address after this one.
pub(super) fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(u32::from(v4).wrapping_add(1).into()),
        IpAddr::V6(v6) => IpAddr::V6(u128::from(v6).wrapping_add(1).into()),
    }
}
