//! As large packets as pass: what routers say of them, and whether it is true.

use super::Flight;
use crate::Measurement;
use crate::hop::Hop;
use crate::order::BURST;
use crate::protocol::{Answer, Meaning};
use netdiag_engine::outcome::least_mtu;

/// Data bytes that a probe has at least: its tag, and what balances it.
const LEAST_SIZE: u16 = 18;

impl Measurement {
    /// Whether a router called a probe too big that should pass as large as the path takes it: then those
    /// that follow are as large as it says, and its hop is asked once more, first with a byte more than
    /// that. What nobody can mean is an answer as others are.
    pub(super) fn shrink(&mut self, answer: &Answer, flight: &Flight) -> bool {
        let least = least_mtu(self.config.destination.family());
        let sent = self.config.packet_bytes(flight.size).unwrap_or(0);
        let mtu = answer.mtu.filter(|mtu| self.config.finds_mtu && (least..sent).contains(mtu));
        let Some(mtu) = mtu else { return false };
        self.size = self.size.min(self.config.data_of(mtu).max(LEAST_SIZE));
        if let Some(hop) = self.hop_of(flight.epoch, flight.ttl) {
            // By cycles there is no end of them. What was to be too big costs no answer of the others.
            let is_more = !flight.is_check || hop.asked < BURST;
            hop.wanted = hop.wanted.saturating_add(u64::from(is_more));
        }
        if let Some(rounds) = &mut self.rounds {
            rounds.again.insert(flight.ttl);
        }
        let who = (answer.from.address(), mtu);
        if self.too_big.insert(who) && mtu + 1 < sent {
            self.check = Some((flight.ttl, self.config.data_of(mtu + 1)));
        }
        true
    }

    /// A probe that is about to leave: the next one to a hop of which a router says what passes is larger.
    pub(super) fn with_check(&mut self, flight: Flight) -> Flight {
        match self.check.take_if(|(ttl, _)| *ttl == flight.ttl) {
            Some((_, size)) => Flight { size, is_check: true, ..flight },
            None => flight,
        }
    }

    /// One was answered: what was said to be too big, if it was larger than that, passes.
    pub(super) fn contradict(&mut self, flight: &Flight, answer: &Answer) {
        let is_passed = flight.is_check && answer.meaning != Meaning::Stopped;
        let bytes = self.config.packet_bytes(flight.size).filter(|_| is_passed);
        let Some(mtu) = bytes.map(|bytes| bytes - 1) else { return };
        if let Some((from, _)) = self.too_big.iter().find(|(_, told)| *told == mtu) {
            self.contradicted.get_or_insert((*from, mtu, flight.ttl));
        }
    }

    /// The largest packet that came to a hop, where no router before it says less than passes.
    pub(crate) fn known_mtu(&self, hop: &Hop) -> Option<u32> {
        let is_open = self.contradicted.is_some_and(|(_, _, ttl)| ttl <= hop.ttl);
        hop.mtu.filter(|_| !is_open)
    }
}
