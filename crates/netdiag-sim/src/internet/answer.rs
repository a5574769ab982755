//! What a node does with a packet that is for it.

use super::Internet;
use super::error::{Trouble, finish};
use super::node::Limited;
use super::packet::{Envelope, Header, begin, icmp_checksum_ok, mend, seal, traffic_class, u16_at};
use super::queue::SlotId;
use super::topology::NodeId;
use crate::scenario::NodeState;
use crate::truth::Fact;
use netdiag_model::Family;
use netdiag_wire::protocol::{ICMP, ICMPV6, TCP, UDP};
use std::net::IpAddr;

const ECHO_REQUEST_V4: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

impl Internet {
    /// A packet reaches the node that owns its destination.
    pub(super) fn receive(&mut self, now: u64, node: NodeId, id: SlotId) {
        let slot = self.pool.get(id);
        let Some(header) = Header::read(&slot.bytes).filter(|header| !header.fragment) else {
            return self.drop(now, node, id, Fact::Ignored);
        };
        let owner = &self.topology.nodes[node as usize];
        if owner.state == NodeState::Silent || owner.manners.silent {
            return self.drop(now, node, id, Fact::Silent);
        }
        let refusal = owner.refusals.iter().find(|refusal| refusal.to.contains(header.destination));
        if let Some(refusal) = refusal {
            let trouble = Trouble { kind: refusal.kind, code: refusal.code, word: refusal.word };
            self.complain(now, node, id, &header, trouble, 0);
            return self.drop(now, node, id, Fact::Refused);
        }
        match header.protocol {
            ICMP | ICMPV6 => self.receive_icmp(now, node, id, &header),
            UDP => self.receive_udp(now, node, id, &header),
            TCP => self.receive_tcp(now, node, id, &header),
            _ => {
                let trouble = match header.family() {
                    Family::Ipv4 => Trouble::new(3, 2),
                    Family::Ipv6 => Trouble { word: 6, ..Trouble::new(4, 1) },
                };
                self.complain(now, node, id, &header, trouble, 0);
                self.drop(now, node, id, Fact::Ignored);
            }
        }
    }

    fn receive_icmp(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) {
        let bytes = &self.pool.get(id).bytes;
        if !icmp_checksum_ok(bytes, header) {
            return self.drop(now, node, id, Fact::BadChecksum);
        }
        let request = match header.family() {
            Family::Ipv4 => ECHO_REQUEST_V4,
            Family::Ipv6 => ECHO_REQUEST_V6,
        };
        let known =
            bytes.get(header.transport) == Some(&request) && bytes.len() >= header.transport + 8;
        if !known {
            return self.receive_query(now, node, id, header);
        }
        let identifier = u16_at(bytes, header.transport + 4);
        let owner = &mut self.topology.nodes[node as usize];
        if owner.is_stuck(identifier) {
            return self.drop(now, node, id, Fact::Silent);
        }
        if !owner.may_send(Limited::Echoes, header.family(), now) {
            return self.drop(now, node, id, Fact::Limited);
        }
        if !owner.replies.is_empty() && self.forge(now, node, id, header) {
            return self.pool.free(id);
        }
        self.echo(node, id, header);
        self.depart(now, node, id, Fact::Answered, 0);
    }

    /// Turns an echo request into its reply, in place.
    pub(super) fn echo(&mut self, node: NodeId, id: SlotId, header: &Header) {
        let owner = &mut self.topology.nodes[node as usize];
        let slot = self.pool.get_mut(id);
        let bytes = &mut slot.bytes;
        let source = match header.family() {
            Family::Ipv4 => owner.manners.source_ipv4.map(IpAddr::V4),
            Family::Ipv6 => owner.manners.source_ipv6.map(IpAddr::V6),
        };
        match header.family() {
            Family::Ipv4 => {
                let identification = owner.next_identification();
                bytes[4..6].copy_from_slice(&identification.to_be_bytes());
                bytes[6..8].fill(0);
                bytes[8] = owner.initial_ttl();
                let (from, to) = bytes[12..20].split_at_mut(4);
                from.swap_with_slice(to);
            }
            Family::Ipv6 => {
                bytes[7] = owner.initial_ttl();
                let (from, to) = bytes[8..40].split_at_mut(16);
                from.swap_with_slice(to);
            }
        }
        let old = u16_at(bytes, header.transport);
        bytes[header.transport] = match header.family() {
            Family::Ipv4 => 0,
            Family::Ipv6 => ECHO_REQUEST_V6 + 1,
        };
        let new = u16_at(bytes, header.transport);
        mend(bytes, header.transport + 2, old, new);
        match source {
            Some(source) => set_source(bytes, source),
            None => seal(bytes),
        }
        let way = &self.topology.ways[slot.way as usize];
        slot.trail = way.returns[slot.position as usize];
        slot.position = 0;
    }

    /// Without memory: SYN is answered by SYN-ACK or RST, FIN by FIN-ACK, a bare ACK by nothing.
    fn receive_tcp(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) {
        let bytes = &self.pool.get(id).bytes;
        let Some(segment) = bytes.get(header.transport..).filter(|segment| segment.len() >= 20)
        else {
            return self.drop(now, node, id, Fact::Ignored);
        };
        let owner = &self.topology.nodes[node as usize];
        let port = u16_at(segment, 2);
        let flags = segment[13] & (FIN | SYN | RST | ACK);
        let open = owner.tcp_open.contains(&port);
        let answer_flags = match (open, flags) {
            _ if owner.tcp_silent.contains(&port) => return self.drop(now, node, id, Fact::Silent),
            (true, SYN) => SYN | ACK,
            (true, flags) if flags & FIN != 0 => FIN | ACK,
            (false, flags) if flags & RST == 0 => RST | ACK,
            _ => return self.drop(now, node, id, Fact::Ignored),
        };
        let [high, low] = owner.tcp_mss.to_be_bytes();
        let consumed = u32::from(flags & (SYN | FIN) != 0);
        let sequence = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]);
        // RFC 9293 section 3.10.7.1: a reset of an ACK takes its sequence number from it.
        let own_sequence = match flags & ACK {
            0 => [0x10, 0x20, 0x30, 0x40],
            _ => [segment[8], segment[9], segment[10], segment[11]],
        };
        let ports = [segment[2], segment[3], segment[0], segment[1]];
        let envelope = self.envelope(node, id, header);
        let answer = self.answer_slot(id);
        let out = &mut self.pool.get_mut(answer).bytes;
        begin(out, &envelope);
        out.extend_from_slice(&ports);
        out.extend_from_slice(&own_sequence);
        out.extend_from_slice(&sequence.wrapping_add(consumed).to_be_bytes());
        let mss: &[u8] = if answer_flags == SYN | ACK { &[2, 4, high, low] } else { &[] };
        let words = (20 + mss.len()) as u8 / 4;
        out.extend_from_slice(&[words << 4, answer_flags, 0xff, 0xff, 0, 0, 0, 0]);
        out.extend_from_slice(mss);
        finish(out);
        self.depart(now, node, answer, Fact::Answered, 0);
        self.pool.free(id);
    }

    /// The header of an answer by the address that was asked.
    pub(super) fn envelope(&mut self, node: NodeId, id: SlotId, header: &Header) -> Envelope {
        let owner = &mut self.topology.nodes[node as usize];
        Envelope {
            source: header.destination,
            destination: header.source,
            protocol: header.protocol,
            hop_limit: owner.initial_ttl(),
            tos: traffic_class(&self.pool.get(id).bytes),
            identification: owner.next_identification(),
            dont_fragment: true,
        }
    }
}

/// Sets the source of a packet and computes every checksum anew.
pub(super) fn set_source(bytes: &mut [u8], source: IpAddr) {
    match source {
        IpAddr::V4(source) => bytes[12..16].copy_from_slice(&source.octets()),
        IpAddr::V6(source) => bytes[8..24].copy_from_slice(&source.octets()),
    }
    finish(bytes);
}
