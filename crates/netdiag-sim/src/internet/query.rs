//! What a node does with requests of ICMP that are no echoes: timestamps (RFC 792) and extended echo
//! (RFC 8335).

use super::Internet;
use super::error::finish;
use super::node::{Limited, Node};
use super::packet::{Header, begin};
use super::queue::SlotId;
use super::topology::NodeId;
use crate::scenario::{NodeInterface, NodeNeighbor};
use crate::truth::Fact;
use netdiag_model::{ClockAnchor, Family, Instant};
use netdiag_wire::extension::{ExtensionObject, InterfaceId};
use netdiag_wire::icmp::{self, ExtendedEcho, Icmp, Timestamp};
use std::net::IpAddr;
use std::time::Duration;

/// Set where a time is no standard one (RFC 792 page 17).
const NOT_STANDARD: u32 = 1 << 31;

const MALFORMED: u8 = 1;
const NO_INTERFACE: u8 = 2;
const NO_ENTRY: u8 = 3;
const SEVERAL: u8 = 4;

impl Internet {
    /// Answers one, or drops what is none.
    pub(super) fn receive_query(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) {
        let bytes = self.pool.get(id).bytes.get(header.transport..).unwrap_or_default();
        let owner = &self.topology.nodes[node as usize];
        let message = match (header.family(), parse(header.family(), bytes)) {
            (_, Some(Icmp::Timestamp(request))) if !request.reply => {
                timestamp(&self.wall, now, owner, &request)
            }
            (family, Some(Icmp::ExtendedEchoRequest(request))) => {
                if owner.interfaces.is_empty() && owner.neighbors.is_empty() {
                    return self.drop(now, node, id, Fact::Ignored);
                }
                extended(family, owner, &request)
            }
            _ => return self.drop(now, node, id, Fact::Ignored),
        };
        let owner = &mut self.topology.nodes[node as usize];
        if !owner.may_send(Limited::Echoes, header.family(), now) {
            return self.drop(now, node, id, Fact::Limited);
        }
        let envelope = self.envelope(node, id, header);
        let answer = self.answer_slot(id);
        let out = &mut self.pool.get_mut(answer).bytes;
        begin(out, &envelope);
        out.extend_from_slice(&message);
        finish(out);
        self.depart(now, node, answer, Fact::Answered, 0);
        self.pool.free(id);
    }
}

fn parse(family: Family, bytes: &[u8]) -> Option<Icmp<'_>> {
    match family {
        Family::Ipv4 => icmp::parse_v4(bytes).ok(),
        Family::Ipv6 => icmp::parse_v6(bytes).ok(),
    }
}

fn timestamp(wall: &ClockAnchor, now: u64, owner: &Node, request: &Timestamp) -> Vec<u8> {
    let ahead = owner.manners.clock.nanos;
    let shift = Duration::from_nanos(ahead.unsigned_abs());
    let real = Instant::from_nanos(now);
    let there = if ahead < 0 { real - shift } else { real + shift };
    let odd = if owner.manners.odd_clock { NOT_STANDARD } else { 0 };
    let time = wall.day_millis_at(there) | odd;
    let reply = Timestamp { reply: true, receive: time, transmit: time, ..*request };
    let mut bytes = Vec::new();
    icmp::emit_timestamp(&reply, &mut bytes);
    bytes
}

fn extended(family: Family, owner: &Node, request: &ExtendedEcho<'_>) -> Vec<u8> {
    let (code, flags) = judge(owner, request);
    let reply = ExtendedEcho { code, flags, body: &[], ..*request };
    let mut bytes = Vec::new();
    match family {
        Family::Ipv4 => icmp::emit_extended_echo_v4(true, &reply, &mut bytes),
        Family::Ipv6 => icmp::emit_extended_echo_v6(true, &reply, None, &mut bytes),
    }
    bytes
}

/// Code and last header byte of the answer (RFC 8335 section 4).
fn judge(owner: &Node, request: &ExtendedEcho<'_>) -> (u8, u8) {
    let mut objects = request.extensions().objects();
    let (Some(ExtensionObject::InterfaceId(asked)), None) = (objects.next(), objects.next()) else {
        return (MALFORMED, 0);
    };
    if !request.is_local() {
        let InterfaceId::Address(address) = asked else { return (MALFORMED, 0) };
        let entry = owner.neighbors.iter().find(|entry| entry.address == address);
        return entry.map_or((NO_ENTRY, 0), neighbor);
    }
    let mut fitting = owner.interfaces.iter().filter(|interface| fits(interface, asked));
    match (fitting.next(), fitting.next()) {
        (None, _) => (NO_INTERFACE, 0),
        (Some(_), Some(_)) => (SEVERAL, 0),
        (Some(interface), None) => {
            let NodeInterface { up, ref addresses, .. } = *interface;
            let has = |v4: bool| addresses.iter().any(|address| address.is_ipv4() == v4);
            (0, ExtendedEcho::reply_flags(0, up, has(true), has(false)))
        }
    }
}

fn neighbor(entry: &NodeNeighbor) -> (u8, u8) {
    let v4 = entry.address.is_ipv4();
    (0, ExtendedEcho::reply_flags(entry.state, false, v4, !v4))
}

fn fits(interface: &NodeInterface, asked: InterfaceId<'_>) -> bool {
    let has = |address: &IpAddr| interface.addresses.contains(address);
    match asked {
        InterfaceId::Name(name) => interface.name.as_bytes() == name,
        InterfaceId::Index(index) => interface.index == index,
        InterfaceId::Address(address) => has(&address),
        InterfaceId::OtherAddress { .. } => false,
    }
}
