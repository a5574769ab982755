//! ICMP errors: who may send one, about what, and how it looks.

use super::Internet;
use super::node::{Limited, Node};
use super::packet::{Envelope, Header, begin, is_error, seal, seal_transport};
use super::queue::{SlotId, What};
use super::topology::NodeId;
use crate::scenario::NodeState;
use crate::truth::Fact;
use netdiag_model::Family;
use netdiag_wire::extension::{ExtensionWriter, InterfaceInfo, InterfaceRole, MplsLabel};
use netdiag_wire::protocol::{ICMP, ICMPV6};

/// Linux gives its errors the precedence "internetwork control" (RFC 1812 section 4.3.2.5).
const INTERNETWORK_CONTROL: u8 = 0xc0;
/// The most bytes of a whole error (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4 (c)).
const MOST_V4: usize = 576;
const MOST_V6: usize = 1280;
/// A quote in front of extensions has at least this many bytes (RFC 4884 section 4).
const EXTENDED_QUOTE: usize = 128;

/// What an ICMP error says: type, code, and its second word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: u8,
    pub(super) code: u8,
    pub(super) word: u32,
}

impl Trouble {
    pub(super) const fn new(kind: u8, code: u8) -> Self {
        Self { kind, code, word: 0 }
    }

    /// A packet is larger than this MTU.
    pub(super) const fn too_big(family: Family, mtu: u32) -> Self {
        match family {
            Family::Ipv4 => Self { word: mtu, ..Self::new(3, 4) },
            Family::Ipv6 => Self { word: mtu, ..Self::new(2, 0) },
        }
    }
}

impl Internet {
    /// A node sends an ICMP error about a packet that it holds, unless it may not or will not.
    pub(super) fn complain(
        &mut self,
        now: u64,
        node: NodeId,
        id: SlotId,
        about: &Header,
        trouble: Trouble,
        delay: u64,
    ) {
        if !self.may_complain(now, node, id, about) {
            return;
        }
        let answer = self.answer_slot(id);
        let speaker = &mut self.topology.nodes[node as usize];
        let (original, slot) = self.pool.pair(id, answer);
        if !write_error(speaker, &original.bytes, about, trouble, &mut slot.bytes) {
            self.pool.free(answer);
            return;
        }
        self.depart(now, node, answer, Fact::Answered, delay);
    }

    /// A slot for an answer to a packet: of the same probe, at the start of the trail back from the
    /// node that the packet is at.
    pub(super) fn answer_slot(&mut self, id: SlotId) -> SlotId {
        let answer = self.pool.take();
        let (original, slot) = self.pool.pair(id, answer);
        let way = &self.topology.ways[original.way as usize];
        (slot.probe, slot.probe_at, slot.forged) = (original.probe, original.probe_at, false);
        slot.way = original.way;
        slot.trail = way.returns[original.position as usize];
        slot.position = 0;
        answer
    }

    /// An answer leaves its node after the node's own delay and `delay`.
    pub(super) fn depart(&mut self, now: u64, node: NodeId, id: SlotId, fact: Fact, delay: u64) {
        let slot = self.pool.get(id);
        self.truth.note(now, node, slot.probe, fact, &slot.bytes);
        let delay = delay + self.topology.nodes[node as usize].manners.delay.unsigned();
        if delay == 0 {
            self.send(now, id);
        } else {
            self.queue.add(now + delay, What::Depart(id));
        }
    }

    /// Whether a node sends an error about a packet that it holds.
    pub(super) fn may_complain(
        &mut self,
        now: u64,
        node: NodeId,
        id: SlotId,
        about: &Header,
    ) -> bool {
        let slot = self.pool.get(id);
        let kind = slot.bytes.get(about.transport).copied().unwrap_or_default();
        if is_error(about.protocol, kind) {
            return false;
        }
        let speaker = &mut self.topology.nodes[node as usize];
        let manners = &speaker.manners;
        let fact = if manners.silent || manners.no_errors || speaker.state == NodeState::Silent {
            Fact::Silent
        } else if !speaker.may_send(Limited::Errors, about.family(), now) {
            Fact::Limited
        } else {
            return true;
        };
        self.truth.note(now, node, slot.probe, fact, &slot.bytes);
        false
    }
}

/// Writes the error of a node about a packet; false if the node has no address of the family.
pub(super) fn write_error(
    speaker: &mut Node,
    original: &[u8],
    about: &Header,
    trouble: Trouble,
    out: &mut Vec<u8>,
) -> bool {
    let Some(source) = speaker.speaks_as(about.destination) else { return false };
    let (protocol, tos, most) = match about.family() {
        Family::Ipv4 => (ICMP, INTERNETWORK_CONTROL, MOST_V4),
        Family::Ipv6 => (ICMPV6, 0, MOST_V6),
    };
    let envelope = Envelope {
        source,
        destination: about.source,
        protocol,
        hop_limit: speaker.initial_ttl(),
        tos,
        identification: speaker.next_identification(),
        dont_fragment: false,
    };
    begin(out, &envelope);
    let start = out.len();
    out.extend_from_slice(&[trouble.kind, trouble.code, 0, 0]);
    out.extend_from_slice(&trouble.word.to_be_bytes());
    let fits = most - out.len();
    let wanted = speaker.manners.quote.map_or(fits, |quote| about.transport + usize::from(quote));
    let quote = original.get(..wanted.min(fits)).unwrap_or(original);
    let corrupted = speaker.manners.corrupt_quote.map(|at| about.transport + usize::from(at));
    let tells = !speaker.manners.mpls.is_empty()
        || speaker.manners.incoming.is_some()
        || !speaker.manners.objects.is_empty();
    let extended = tells && carries_extensions(protocol, trouble.kind);
    if extended {
        let quote = quote.get(..EXTENDED_QUOTE).unwrap_or(quote);
        out.extend_from_slice(quote);
        out.resize(start + 8 + EXTENDED_QUOTE, 0);
        write_length(out, start, protocol);
        write_extensions(speaker, out);
    } else {
        out.extend_from_slice(quote);
    }
    let corrupted = corrupted.filter(|at| *at < quote.len()).map(|at| start + 8 + at);
    if let Some(byte) = corrupted.and_then(|at| out.get_mut(at)) {
        *byte = !*byte;
    }
    finish(out);
    true
}

/// Sets lengths and checksums of a packet whose bytes are complete.
pub(super) fn finish(out: &mut [u8]) {
    seal(out);
    if let Some(header) = Header::read(out) {
        seal_transport(out, &header);
    }
}

/// Writes the length of the quote: words of four bytes in IPv4, of eight in IPv6 (RFC 4884 section
/// 4).
pub(super) fn write_length(out: &mut [u8], start: usize, protocol: u8) {
    if protocol == ICMP {
        out[start + 5] = (EXTENDED_QUOTE / 4) as u8;
    } else {
        out[start + 4] = (EXTENDED_QUOTE / 8) as u8;
    }
}

fn write_extensions(speaker: &Node, out: &mut Vec<u8>) {
    let last = speaker.manners.mpls.len().wrapping_sub(1);
    let labels = speaker.manners.mpls.iter().enumerate().map(|(index, entry)| MplsLabel {
        label: entry.label,
        tc: 0,
        bottom: index == last,
        ttl: entry.ttl,
    });
    let labels: Vec<MplsLabel> = labels.collect();
    let mut writer = ExtensionWriter::new(out);
    if !labels.is_empty() {
        writer.mpls(&labels).expect("the scenario's check bounds the labels");
    }
    if let Some(incoming) = &speaker.manners.incoming {
        let info = InterfaceInfo {
            role: InterfaceRole::Incoming,
            index: incoming.index,
            address: None,
            name: incoming.name.as_ref().map(|name| name.as_bytes()),
            mtu: incoming.mtu,
        };
        writer.interface(&info).expect("the scenario's check bounds the name");
    }
    for object in &speaker.manners.objects {
        let written = writer.object(object.class, object.kind, &object.data);
        written.expect("the scenario's check bounds the data");
    }
    writer.finish();
}

/// RFC 4884 section 4: unreachable, time exceeded, parameter problem (the last in IPv4 only).
const fn carries_extensions(protocol: u8, kind: u8) -> bool {
    matches!((protocol, kind), (ICMP, 3 | 11 | 12) | (ICMPV6, 1 | 3))
}
