//! Replies that no honest host sends.

use super::Internet;
use super::answer::set_source;
use super::error::{Trouble, finish, write_error, write_length};
use super::packet::{Header, seal, u16_at};
use super::queue::SlotId;
use super::topology::NodeId;
use crate::scenario::{ForgedKind, ForgedReply};
use crate::truth::Fact;
use netdiag_model::Family;
use netdiag_wire::protocol::ICMPV6;
use std::net::IpAddr;

/// ICMP header of an echo.
const ECHO_HEADER: usize = 8;
/// Where the engine's echo data has its tag.
const TAG: std::ops::Range<usize> = 8..16;

impl Internet {
    /// Sends the forged replies that are due for an echo request. True if one of them takes the
    /// place of the right one.
    pub(super) fn forge(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) -> bool {
        let mut instead = false;
        for index in 0..self.topology.nodes[node as usize].replies.len() {
            let owner = &mut self.topology.nodes[node as usize];
            let reply = &owner.replies[index];
            if reply.to.is_some_and(|to| !to.contains(header.destination)) {
                continue;
            }
            owner.requests[index] += 1;
            if !owner.requests[index].is_multiple_of(reply.every) {
                continue;
            }
            instead |= reply.instead;
            let (reply, delay) = (reply.clone(), reply.delay.unsigned());
            let forged = self.pool.copy(id);
            self.write_forged(node, id, forged, header, &reply);
            self.pool.get_mut(forged).forged = reply.kind != ForgedKind::Honest;
            let fact = match reply.kind {
                ForgedKind::Honest => Fact::Answered,
                _ => Fact::Forged,
            };
            self.depart(now, node, forged, fact, delay);
        }
        instead
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
        let trouble = match header.family() {
            Family::Ipv4 => Trouble::new(11, 0),
            Family::Ipv6 => Trouble::new(3, 0),
        };
        let owner = &mut self.topology.nodes[node as usize];
        let (original, slot) = self.pool.pair(id, forged);
        let out = &mut slot.bytes;
        write_error(owner, &original.bytes, header, trouble, out);
        let start = header.family().header_len();
        let quote = start + 8;
        match reply.kind {
            ForgedKind::WrongQuote => {
                let at = quote + header.transport + 6;
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
                let protocol =
                    if header.family() == Family::Ipv4 { header.protocol } else { ICMPV6 };
                write_length(out, start, protocol);
                // Version 2, checksum 0 (none), then an MPLS object of 255 words that is not there.
                out.extend_from_slice(&[0x20, 0, 0, 0, 0x03, 0xfc, 1, 1, 0, 1, 0x11, 0xff]);
            }
        }
    }
}

/// The address after this one.
fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(u32::from(v4).wrapping_add(1).into()),
        IpAddr::V6(v6) => IpAddr::V6(u128::from(v6).wrapping_add(1).into()),
    }
}
