//! What a node does with a UDP datagram: answer it as a name server, echo it, say that nobody listens, or say nothing.

use super::Internet;
use super::error::{Trouble, finish, write_error};
use super::packet::{Header, begin, u16_at, udp_checksum_ok};
use super::queue::SlotId;
use super::topology::NodeId;
use crate::truth::Fact;
use netdiag_model::Family;

/// Bytes of a UDP header.
pub(super) const UDP_HEADER: usize = 8;

/// The two answers of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Echo,
    Closed,
}

impl Internet {
    pub(super) fn receive_udp(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) {
        let bytes = &self.pool.get(id).bytes;
        let port = u16_at(bytes, header.transport + 2);
        let owner = &self.topology.nodes[node as usize];
        if bytes.len() < header.transport + UDP_HEADER || owner.udp_silent.contains(&port) {
            return self.drop(now, node, id, Fact::Silent);
        }
        if !udp_checksum_ok(bytes, header) {
            return self.drop(now, node, id, Fact::BadChecksum);
        }
        if owner.dns.as_ref().is_some_and(|server| server.port == port) {
            return self.receive_question(now, node, id, header);
        }
        let port = if owner.udp_echo.contains(&port) { Port::Echo } else { Port::Closed };
        if port == Port::Closed && !self.may_complain(now, node, id, header) {
            return self.drop(now, node, id, Fact::Refused);
        }
        if !self.forge_udp(now, node, id, header, port) {
            let answer = self.answer_slot(id);
            self.write_udp_answer(node, id, answer, header, port);
            self.depart(now, node, answer, Fact::Answered, 0);
        }
        match port {
            Port::Echo => self.pool.free(id),
            Port::Closed => self.drop(now, node, id, Fact::Refused),
        }
    }

    /// Writes what a port answers to a datagram.
    pub(super) fn write_udp_answer(
        &mut self,
        node: NodeId,
        id: SlotId,
        answer: SlotId,
        header: &Header,
        port: Port,
    ) {
        let envelope = self.envelope(node, id, header);
        let owner = &mut self.topology.nodes[node as usize];
        let (original, slot) = self.pool.pair(id, answer);
        match port {
            Port::Echo => {
                let datagram = &original.bytes[header.transport..];
                begin(&mut slot.bytes, &envelope);
                slot.bytes.extend_from_slice(&datagram[2..4]);
                slot.bytes.extend_from_slice(&datagram[..2]);
                slot.bytes.extend_from_slice(&datagram[4..]);
                finish(&mut slot.bytes);
            }
            Port::Closed => {
                let trouble = match header.family() {
                    Family::Ipv4 => Trouble::new(3, 3),
                    Family::Ipv6 => Trouble::new(1, 4),
                };
                let written = write_error(owner, &original.bytes, header, trouble, &mut slot.bytes);
                debug_assert!(written, "a node that was reached has an address of the family");
            }
        }
    }
}
