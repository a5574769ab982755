//! What a router does with a packet that is not for it.

use super::Internet;
use super::error::Trouble;
use super::packet::{Header, clamp_mss, decrement_hop_limit, rewrite_tos};
use super::queue::SlotId;
use super::topology::NodeId;
use crate::scenario::Refusal;
use crate::truth::Fact;
use netdiag_model::Family;

impl Internet {
    /// A router gets a packet on its way out. `last`: there is no next node.
    pub(super) fn forward(&mut self, now: u64, node: NodeId, id: SlotId, last: bool) {
        let slot = self.pool.get(id);
        let Some(header) = Header::read(&slot.bytes) else {
            return self.drop(now, node, id, Fact::Ignored);
        };
        let router = &self.topology.nodes[node as usize];
        let length = slot.bytes.len();
        let mut refusals = router.refusals.iter().filter(|refusal| length > refusal.above);
        let refusal = refusals.find(|refusal| refusal.to.contains(header.destination));
        if let Some(refusal) = refusal {
            let (trouble, forward) = (trouble_of(refusal), forwards(refusal));
            self.complain(now, node, id, &header, trouble, 0);
            if !forward {
                return self.drop(now, node, id, Fact::Refused);
            }
        }
        if header.hop_limit <= 1 {
            let trouble = match header.family() {
                Family::Ipv4 => Trouble::new(11, 0),
                Family::Ipv6 => Trouble::new(3, 0),
            };
            self.complain(now, node, id, &header, trouble, 0);
            return self.drop(now, node, id, Fact::Expired);
        }
        if last {
            return self.nobody_there(now, node, id, &header);
        }
        if let Some(mtu) = self.too_small_mtu(id, &header) {
            if !self.topology.nodes[node as usize].manners.no_too_big {
                let trouble = Trouble::too_big(header.family(), mtu);
                self.complain(now, node, id, &header, trouble, 0);
            }
            return self.drop(now, node, id, Fact::TooBig);
        }
        let manners = &self.topology.nodes[node as usize].manners;
        let (tos, mss) = (manners.rewrite_tos, manners.clamp_mss);
        if let Some(tos) = tos {
            rewrite_tos(&mut self.pool.get_mut(id).bytes, tos);
        }
        if let Some(most) = mss {
            clamp_mss(&mut self.pool.get_mut(id).bytes, &header, most);
        }
        let router = &mut self.topology.nodes[node as usize];
        if let Some(how) = &router.manners.masquerade {
            router.translations.translate(&mut self.pool.get_mut(id).bytes, &header, how);
        }
        self.pass_on(now, node, id);
    }

    /// A router gets a packet on its way back.
    pub(super) fn forward_back(&mut self, now: u64, node: NodeId, id: SlotId) {
        let slot = self.pool.get(id);
        let Some(header) = Header::read(&slot.bytes) else {
            return self.drop(now, node, id, Fact::Ignored);
        };
        // Errors about these packets go to their sender, not here.
        if header.hop_limit <= 1 {
            return self.drop(now, node, id, Fact::Expired);
        }
        if self.too_small_mtu(id, &header).is_some() {
            return self.drop(now, node, id, Fact::TooBig);
        }
        let router = &self.topology.nodes[node as usize];
        if let Some(how) = &router.manners.masquerade {
            router.translations.restore(&mut self.pool.get_mut(id).bytes, &header, how);
        }
        self.pass_on(now, node, id);
    }

    fn pass_on(&mut self, now: u64, node: NodeId, id: SlotId) {
        let slot = self.pool.get_mut(id);
        decrement_hop_limit(&mut slot.bytes);
        slot.position += 1;
        self.truth.note(now, node, slot.probe, Fact::Forwarded, &slot.bytes);
        self.send(now, id);
    }

    /// The last router of a path finds nobody at the address.
    fn nobody_there(&mut self, now: u64, node: NodeId, id: SlotId, header: &Header) {
        let way = self.pool.get(id).way;
        if let Some(after) = self.topology.ways[way as usize].unreachable_after {
            let trouble = match header.family() {
                Family::Ipv4 => Trouble::new(3, 1),
                Family::Ipv6 => Trouble::new(1, 3),
            };
            self.complain(now, node, id, header, trouble, after);
        }
        self.drop(now, node, id, Fact::NoOwner);
    }

    /// The MTU of the next link if a packet is too large for it and may not be fragmented.
    fn too_small_mtu(&self, id: SlotId, header: &Header) -> Option<u32> {
        let slot = self.pool.get(id);
        let leg = self.topology.trails[slot.trail as usize].get(slot.position as usize + 1)?;
        let mtu = self.topology.directions[leg.direction as usize].mtu()?;
        (header.dont_fragment && slot.bytes.len() > mtu as usize).then_some(mtu)
    }
}

fn trouble_of(refusal: &Refusal) -> Trouble {
    let gateway = refusal.gateway.map(u32::from);
    Trouble { word: gateway.unwrap_or(refusal.word), ..Trouble::new(refusal.kind, refusal.code) }
}

/// A redirect (RFC 792, type 5) is sent in addition to forwarding.
fn forwards(refusal: &Refusal) -> bool {
    refusal.forward || (refusal.to.family() == Family::Ipv4 && refusal.kind == 5)
}
