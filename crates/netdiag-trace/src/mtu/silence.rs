//! Whether packets above a size vanish: the rule of the black hole, step by step.

use super::search::{Search, TRIES};
use netdiag_model::Instant;
use std::time::Duration;

/// Small packets that must have been answered: before, between and after.
pub(crate) const SMALL: u64 = 6;
/// Larger ones that must have been lost: twice as many as a size takes.
pub(crate) const LOST: u64 = 2 * TRIES;
/// How far the two times are apart.
pub(crate) const APART: Duration = Duration::from_secs(2);
/// After which time routers that limit their answers to one a second answer again.
const ANSWERED_AGAIN: Duration = Duration::from_millis(1_100);

/// The doubt whether what is lost above a size is lost for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    largest: u32,
    smallest_lost: u32,
    since: Instant,
}

/// What the doubt takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A packet of this size to the target.
    Ask(u32),
    /// This time.
    Wait(Instant),
    /// What is under way.
    Settled,
    /// Nothing.
    Nothing,
}

impl Doubt {
    /// Of what was found at this time.
    pub(crate) const fn new((largest, smallest_lost): (u32, u32), since: Instant) -> Self {
        Self { largest, smallest_lost, since }
    }

    /// Whether it is about these sizes.
    pub(crate) fn is_about(&self, sizes: (u32, u32)) -> bool {
        sizes == (self.largest, self.smallest_lost)
    }

    /// Whether routers answer again that had answered too much.
    pub(crate) fn is_later(&self, now: Instant) -> bool {
        now >= self.since + ANSWERED_AGAIN
    }

    pub(crate) fn need(&self, search: &Search, now: Instant) -> Need {
        let asked = |size: u32| search.trial(size).asked;
        let ask = |size: u32, until: u64| (asked(size) < until).then_some(Need::Ask(size));
        // A third of the small ones between the two times, what is missing of the first third before.
        let first = ask(self.largest, TRIES).or_else(|| ask(search.smallest, SMALL - 2));
        if let Some(first) = first {
            return first;
        }
        let again = self.since + APART;
        if now < again {
            let until = if self.is_later(now) { again } else { self.since + ANSWERED_AGAIN };
            return Need::Wait(until);
        }
        let second = ask(self.smallest_lost, LOST).or_else(|| ask(search.smallest, SMALL));
        let open = |size: u32| search.trial(size).open > 0;
        let under_way = [self.largest, self.smallest_lost, search.smallest].into_iter().any(open);
        second.unwrap_or(if under_way { Need::Settled } else { Need::Nothing })
    }
}

/// Whether the rule holds: the largest size that passes and the smallest that vanishes.
pub(crate) fn black_hole(search: &Search) -> Option<(u32, u32)> {
    let (largest, lost) = search.bounds()?;
    let lost = lost?;
    let [all, passed, small] = [lost, largest, search.smallest].map(|size| search.trial(size));
    let holds = all.is_silent()
        && all.lost >= LOST
        && passed.passed >= TRIES
        && passed.passed == passed.asked
        && small.passed >= SMALL
        && small.passed == small.asked;
    holds.then_some((largest, lost))
}

/// The sizes of which it is to be found out.
pub(crate) fn suspicion(search: &Search) -> Option<(u32, u32)> {
    let (largest, lost) = search.bounds()?;
    let lost = lost.filter(|lost| search.trial(*lost).is_silent())?;
    Some((largest, lost))
}
