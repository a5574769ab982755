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

    /// Whether what was lost was answered after all.
    pub(crate) fn is_refuted(&self, search: &Search) -> bool {
        search.trial(self.smallest_lost).passed > 0
    }

    /// Whether routers answer again that had answered too much.
    pub(crate) fn is_later(&self, now: Instant) -> bool {
        now >= self.since + ANSWERED_AGAIN
    }

    pub(crate) fn need(&self, search: &Search, now: Instant) -> Need {
        let asked = |size: u32| search.trial(size).tried();
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
    let (largest, lost) = suspicion(search)?;
    let [all, passed, small] = [lost, largest, search.smallest].map(|size| search.trial(size));
    let holds = all.is_silent()
        && all.lost >= LOST
        && passed.passed + passed.heard >= TRIES
        && passed.lost == 0
        && small.passed >= SMALL
        && small.passed + small.unheard == small.asked;
    holds.then_some((largest, lost))
}

/// The sizes of which it is to be found out: the largest that passes, or of which a router says that it
/// does not, and the smallest that vanishes.
pub(crate) fn suspicion(search: &Search) -> Option<(u32, u32)> {
    let (largest, lost) = search.bounds()?;
    let at_the_end = lost.map(|lost| (largest, lost));
    let before = search.silence().filter(|(heard, lost)| lost - heard == 1);
    let mut silent = [at_the_end, before].into_iter().flatten();
    silent.find(|(_, lost)| search.trial(*lost).is_silent())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mtu::search::Trial;

    fn search(small: Trial, passed: Trial, lost: Trial) -> Search {
        let mut search = Search::new(60, 1_500, false);
        *search.trial_mut(60) = small;
        *search.trial_mut(1_400) = passed;
        *search.trial_mut(1_401) = lost;
        search
    }

    fn answered(n: u64) -> Trial {
        Trial { asked: n, passed: n, ..Trial::default() }
    }

    fn vanished(n: u64) -> Trial {
        Trial { asked: n, lost: n, ..Trial::default() }
    }

    #[test]
    fn the_rule_holds_for_all_lost_and_all_others_answered_and_for_nothing_less() {
        let holds = |small, passed, lost| black_hole(&search(small, passed, lost));
        assert_eq!(holds(answered(6), answered(3), vanished(6)), Some((1_400, 1_401)));
        assert_eq!(holds(answered(6), answered(3), vanished(5)), None, "once only");
        assert_eq!(
            holds(answered(6), answered(2), vanished(6)),
            None,
            "too few of those that pass"
        );
        assert_eq!(holds(answered(5), answered(3), vanished(6)), None, "too few small ones");
        let lossy = Trial { asked: 7, passed: 6, lost: 1, ..Trial::default() };
        assert_eq!(holds(lossy, answered(3), vanished(6)), None, "small ones are lost, too");
    }

    #[test]
    fn what_is_lost_is_lost_again_two_seconds_later() {
        let since = Instant::from_nanos(1_000_000_000);
        let doubt = Doubt::new((1_400, 1_401), since);
        let need = |small, passed, lost, after: Duration| {
            doubt.need(&search(small, passed, lost), since + after)
        };
        let at_once = Duration::ZERO;
        assert_eq!(need(answered(1), answered(1), vanished(3), at_once), Need::Ask(1_400));
        assert_eq!(need(answered(1), answered(3), vanished(3), at_once), Need::Ask(60));
        let waits = need(answered(4), answered(3), vanished(3), APART - Duration::from_nanos(1));
        assert_eq!(waits, Need::Wait(since + APART));
        assert_eq!(need(answered(4), answered(3), vanished(3), APART), Need::Ask(1_401));
        assert_eq!(need(answered(4), answered(3), vanished(6), APART), Need::Ask(60));
        assert_eq!(need(answered(6), answered(3), vanished(6), APART), Need::Nothing);
    }
}
