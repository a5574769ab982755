//! What came beside the outcomes of a target's probes: late and repeated answers, and what is none.

use crate::event::EventKind;
use netdiag_engine::Stray;
use netdiag_engine::outcome::Reason;
use std::collections::BTreeMap;
use std::time::Duration;

/// What came, in its order; what repeats itself is counted, so that nobody who sends more takes more
/// room than there are probes, kinds and reasons.
#[derive(Clone, Debug, Default)]
pub struct Strays(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    seq: u64,
    stray: Stray,
    count: u64,
}

impl Strays {
    /// Something came about the probe with this number.
    pub fn push(&mut self, seq: u64, stray: &Stray) {
        let all = &mut self.0;
        let same = all.iter_mut().find(|known| known.seq == seq && is_same(&known.stray, stray));
        match same {
            Some(known) => known.count += 1,
            None => all.push(Entry { seq, stray: stray.clone(), count: 1 }),
        }
    }

    /// What was told of a target that had settled, where it belongs here.
    pub fn push_told(&mut self, kind: &EventKind) {
        let (seq, stray) = match kind {
            EventKind::Late { seq, reply } => (*seq, Stray::Late(reply.clone())),
            EventKind::Duplicate { seq, reply } => (*seq, Stray::Duplicate(reply.clone())),
            EventKind::Rejected { seq: Some(seq), rejection } => {
                (*seq, Stray::Rejected(*rejection))
            }
            EventKind::Advice { seq, error } => (*seq, Stray::Advice(*error)),
            EventKind::LateError { seq, error } => (*seq, Stray::LateError(*error)),
            _ => return,
        };
        self.push(seq, &stray);
    }

    /// Each with the number of its probe, as often as it came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Stray)> {
        self.0.iter().flat_map(|entry| (0..entry.count).map(move |_| (entry.seq, &entry.stray)))
    }

    /// What came and was no answer: how often, by the reason.
    pub(super) fn rejected(&self) -> BTreeMap<Reason, u64> {
        let mut rejected = BTreeMap::new();
        for entry in &self.0 {
            if let Stray::Rejected(rejection) = &entry.stray {
                *rejected.entry(rejection.reason).or_default() += entry.count;
            }
        }
        rejected
    }

    /// How many answers came after their timeout, and the largest round trip of these.
    #[must_use]
    pub fn late(&self) -> Option<(u64, Duration)> {
        let late = self.iter().filter_map(|(_, stray)| match stray {
            Stray::Late(reply) => Some(reply.rtt),
            _ => None,
        });
        late.fold(None, |all: Option<(u64, Duration)>, rtt| {
            Some(all.map_or((1, rtt), |(count, largest)| (count + 1, largest.max(rtt))))
        })
    }
}

/// Whether one says no more than the other.
fn is_same(known: &Stray, new: &Stray) -> bool {
    match (known, new) {
        (Stray::Duplicate(known), Stray::Duplicate(new)) => known.from == new.from,
        (Stray::Rejected(known), Stray::Rejected(new)) => known.reason == new.reason,
        (Stray::Advice(known), Stray::Advice(new))
        | (Stray::LateError(known), Stray::LateError(new)) => {
            (known.from, known.kind) == (new.from, new.kind)
        }
        _ => false,
    }
}
