//! Translations of addresses on the way, by what routers quote of our packet.
//!
//! One that mends the quotes on their way back in every field stays unseen. Some mend addresses and
//! ports and not the checksum, or a checksum that was only begun the wrong way around.

use crate::Measurement;
use crate::hop::Hop;
use crate::responder::{Changed, Responder};
use netdiag_wire::quote::Shift;
use std::collections::BTreeSet;

/// How many shifts of one responder are told apart.
const KEPT: usize = 16;

/// From which checksum a shift is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    Whole,
    Begun,
}

/// How far the checksums that a responder quoted are from what they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shifts {
    counts: Vec<((From, u16), u64)>,
}

impl Shifts {
    /// One quote.
    pub(crate) fn note(&mut self, shift: Shift) {
        for seen in [(From::Whole, shift.whole), (From::Begun, shift.begun)] {
            let is_full = self.counts.len() >= KEPT;
            match self.counts.iter_mut().find(|(known, _)| *known == seen) {
                Some((_, count)) => *count += 1,
                None if is_full => {}
                None => self.counts.push((seen, 1)),
            }
        }
    }

    /// The shifts that were seen in so many quotes.
    fn often(&self, needed: u64) -> BTreeSet<(From, u16)> {
        self.counts.iter().filter(|(_, count)| *count >= needed).map(|(shift, _)| *shift).collect()
    }

    /// Whether a shift was seen so often.
    fn is_shifted(&self, needed: u64) -> bool {
        let often = self.often(needed);
        !often.is_empty() && often.iter().all(|(_, shift)| *shift != 0)
    }

    /// Whether what should stand there was seen.
    fn is_whole(&self) -> bool {
        self.counts.iter().any(|((_, shift), _)| *shift == 0)
    }
}

/// Our packet's source as one that answers saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Translated {
    /// Addresses and ports that are not what was sent, and in how many quotes.
    pub(crate) fields: Vec<(Changed, u64)>,
    /// `None` where no quote was whole.
    shifts: Option<BTreeSet<(From, u16)>>,
}

impl Translated {
    /// As it was sent.
    pub(crate) fn nothing() -> Self {
        let whole = BTreeSet::from([(From::Whole, 0), (From::Begun, 0)]);
        Self { fields: Vec::new(), shifts: Some(whole) }
    }

    /// As those of a hop saw it who answered most, in so many quotes. `whole`: how far quotes came back
    /// whole, so that nothing before was translated, whatever a router there made of its quote.
    pub(crate) fn at(hop: &Hop, needed: u64, whole: u8) -> Self {
        let who = hop.main();
        let fields = who.into_iter().flat_map(|who| who.changed.iter());
        let fields = fields.filter(|(it, count)| it.field.is_translated() && *count >= needed);
        let shifts = who.filter(|_| hop.ttl >= whole).map(|who| who.shifts.often(needed));
        let shifts = shifts.filter(|often| !often.is_empty());
        Self { fields: fields.cloned().collect(), shifts }
    }

    /// Whether it was translated between there and here; `before`: as it was seen last.
    pub(crate) fn differs(&self, before: &Self) -> bool {
        let same_sum = match (&self.shifts, &before.shifts) {
            (Some(here), Some(there)) => !here.is_disjoint(there),
            _ => true,
        };
        let changes = |it: &Self| it.fields.iter().map(|(it, _)| it.clone()).collect::<Vec<_>>();
        changes(self) != changes(before) || !same_sum
    }

    /// What is known of it here, or else was before.
    pub(crate) fn after(self, before: Self) -> Self {
        Self { shifts: self.shifts.or(before.shifts), ..self }
    }
}

impl Responder {
    /// Whether it saw another source than ours, in so many quotes by the checksum where that tells.
    pub(crate) fn is_translated(&self, needed: u64, tells: bool) -> bool {
        let fields = self.changed.iter().any(|(change, _)| change.field.is_translated());
        fields || tells && self.shifts.is_shifted(needed)
    }
}

impl Measurement {
    /// The farthest hop whose quotes came back with the right checksum: what translates is behind.
    pub(crate) fn whole_until(&self) -> u8 {
        let is_whole = |hop: &&Hop| hop.responders.iter().any(|who| who.shifts.is_whole());
        self.path().rfind(is_whole).map_or(0, |hop| hop.ttl)
    }
}
