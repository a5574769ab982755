//! Which size is tried next, by what became of the others. It knows nothing of packets.

use super::told::Told;
use std::collections::{BTreeMap, BTreeSet};

/// So often a packet must be lost before its size is.
pub(crate) const TRIES: u64 = 3;

/// What became of the packets of one size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) asked: u64,
    pub(crate) open: u64,
    pub(crate) passed: u64,
    pub(crate) lost: u64,
    /// Those that were lost when the target had no answer left.
    pub(crate) unheard: u64,
    /// Those that a router refused for another reason than their size.
    pub(crate) refused: u64,
    /// Those that this machine did not send, or made meaningless.
    pub(crate) void: u64,
    /// This machine says that it is too big.
    pub(crate) is_local: bool,
    /// What routers say, each of them once.
    pub(crate) told: Vec<Told>,
    /// How many such messages came.
    pub(crate) heard: u64,
}

/// How many of them are kept.
const TOLD_KEPT: usize = 4;

impl Trial {
    /// Whether it is known that it does not pass: an answer is worth more than a message.
    fn is_too_big(&self) -> bool {
        self.passed == 0 && (self.is_local || !self.told.is_empty())
    }

    fn failed(&self) -> u64 {
        self.lost + self.refused + self.void
    }

    /// Whether nobody knows yet, and somebody may be asked, at most so often.
    pub(crate) fn is_askable(&self, tries: u64) -> bool {
        self.open == 0 && self.passed == 0 && !self.is_too_big() && self.failed() < tries
    }

    /// Whether it vanished, and nobody said why.
    pub(crate) const fn is_silent(&self) -> bool {
        self.passed == 0 && self.lost >= TRIES && !self.is_local && self.told.is_empty()
    }

    /// How often it was tried in a way that tells something.
    pub(crate) const fn tried(&self) -> u64 {
        self.asked.saturating_sub(self.unheard)
    }

    /// One that was lost says nothing.
    pub(crate) fn forget(&mut self) {
        self.lost = self.lost.saturating_sub(1);
        self.unheard += 1;
    }

    pub(crate) fn tell(&mut self, told: Told) {
        self.heard += 1;
        if self.told.len() < TOLD_KEPT && !self.told.contains(&told) {
            self.told.push(told);
        }
    }
}

/// The search for the largest packet that passes to the target.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) smallest: u32,
    pub(crate) top: u32,
    pub(crate) trials: BTreeMap<u32, Trial>,
    /// Sizes that are said to pass.
    hints: BTreeSet<u32>,
    /// What is to be tried at once.
    round: Vec<u32>,
    /// How many sizes are tried at once, and how many where that ends it.
    at_once: u32,
    most_at_once: u32,
}

impl Search {
    /// From `top` down to `smallest`, in bytes. `is_limited`: the target answers sparingly.
    pub(crate) fn new(smallest: u32, top: u32, is_limited: bool) -> Self {
        let (at_once, most_at_once) = if is_limited { (1, 1) } else { (16, 24) };
        Self {
            smallest,
            top: top.max(smallest),
            trials: BTreeMap::new(),
            hints: BTreeSet::new(),
            round: Vec::new(),
            at_once,
            most_at_once,
        }
    }

    pub(crate) fn trial(&self, size: u32) -> Trial {
        self.trials.get(&size).cloned().unwrap_or_default()
    }

    pub(crate) fn trial_mut(&mut self, size: u32) -> &mut Trial {
        self.trials.entry(size).or_default()
    }

    /// Somebody says that this size passes.
    pub(crate) fn hint(&mut self, size: u32) {
        if (self.smallest..self.top).contains(&size) {
            self.hints.insert(size);
        }
    }

    /// The largest size that was answered.
    pub(crate) fn low(&self) -> Option<u32> {
        self.trials.iter().rev().find(|(_, trial)| trial.passed > 0).map(|(size, _)| *size)
    }

    /// The smallest size above it that did not pass.
    fn high(&self, low: u32) -> u32 {
        let above = self.trials.range(low + 1..);
        let mut failed = above.filter(|(_, trial)| trial.is_too_big() || trial.failed() > 0);
        failed.next().map_or(self.top + 1, |(size, _)| *size)
    }

    /// The largest size that passes and the smallest that does not, once they are known: the second
    /// one is none where all pass that could be tried.
    pub(crate) fn bounds(&self) -> Option<(u32, Option<u32>)> {
        let low = self.low()?;
        let high = self.high(low);
        match high - low {
            1 if high > self.top => Some((low, None)),
            1 if !self.trial(high).is_askable(TRIES) && self.trial(high).open == 0 => {
                Some((low, Some(high)))
            }
            _ => None,
        }
    }

    /// The largest size of which something was heard, and the smallest one above it of which nothing was.
    /// There are such sizes where a router says what does not pass, and what is larger still vanishes
    /// before it. Only once the bounds are known.
    pub(crate) fn silence(&self) -> Option<(u32, u32)> {
        let (low, high) = self.bounds()?;
        let (size, trial) =
            self.trials.iter().rev().find(|(_, it)| it.passed > 0 || it.heard > 0)?;
        let lost = self.trials.range(size + 1..).find(|(_, trial)| trial.lost > 0);
        // What this machine says is no packet that vanishes.
        let is_told = trial.heard > 0 && high.is_some_and(|high| high <= *size);
        lost.map(|(lost, _)| (*size, *lost)).filter(|_| is_told && low < *size)
    }

    /// What is still to be found out of that: sizes between the two, then the second one again.
    fn next_of_silence(&mut self) -> Option<u32> {
        let (heard, lost) = self.silence()?;
        self.round.retain(|size| (heard + 1..lost).contains(size));
        if let Some(size) = self.round.pop() {
            return Some(size);
        }
        if self.trials.range(heard + 1..=lost).any(|(_, trial)| trial.open > 0) {
            return None;
        }
        if lost - heard == 1 {
            return self.trial(lost).is_askable(TRIES).then_some(lost);
        }
        self.round = spread(heard, lost, self.at_once, self.most_at_once);
        self.round.pop()
    }

    fn is_silence_known(&self) -> bool {
        self.silence()
            .is_none_or(|(heard, lost)| lost - heard == 1 && !self.trial(lost).is_askable(TRIES))
    }

    /// Whether not even the smallest packet is answered.
    pub(crate) fn is_hopeless(&self) -> bool {
        let smallest = self.trial(self.smallest);
        self.low().is_none() && smallest.open == 0 && !smallest.is_askable(TRIES)
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        let open = self.trials.values().any(|trial| trial.open > 0);
        let is_found = self.bounds().is_some() && self.is_silence_known();
        !open && (is_found || (self.is_hopeless() && self.hinted(0).is_none()))
    }

    /// The next size to try; `None`: not before something has settled. `is_sure`: what was said not to
    /// pass would have been answered by now.
    pub(crate) fn next(&mut self, is_sure: bool) -> Option<u32> {
        for size in [self.smallest, self.top] {
            if self.trial(size).is_askable(TRIES) && !self.is_hopeless() {
                return Some(size);
            }
        }
        let Some(low) = self.low() else { return self.hinted(0) };
        let high = self.high(low);
        if let Some(size) = self.hinted(low) {
            return Some(size);
        }
        if is_sure && self.silence().is_some() {
            return self.next_of_silence();
        }
        self.round.retain(|size| (low + 1..high).contains(size));
        if let Some(size) = self.round.pop() {
            return Some(size);
        }
        // A top that is under way for the first time may pass.
        let top = self.trial(self.top);
        let is_open = self.trials.range(low + 1..high).any(|(_, trial)| trial.open > 0);
        if is_open || !is_sure || (top.open > 0 && top.failed() == 0) {
            return None;
        }
        if high - low == 1 {
            let is_askable = high <= self.top && self.trial(high).is_askable(TRIES);
            return is_askable.then_some(high);
        }
        self.round = spread(low, high, self.at_once, self.most_at_once);
        self.round.pop()
    }

    /// A size that is said to pass, or the one above it, that was not tried.
    fn hinted(&self, low: u32) -> Option<u32> {
        let high = if low == 0 { self.top } else { self.high(low) };
        let sizes = self.hints.iter().rev().flat_map(|size| [*size, size + 1]);
        let mut untried = sizes.filter(|size| {
            (low + 1..high).contains(size) && self.trials.get(size).is_none_or(|it| it.tried() == 0)
        });
        untried.next()
    }
}

/// Sizes between two, evenly apart, or all of them where there are few.
fn spread(low: u32, high: u32, at_once: u32, most: u32) -> Vec<u32> {
    let between = high - low - 1;
    if between <= most {
        return (low + 1..high).collect();
    }
    let parts = u64::from(at_once) + 1;
    (1..parts)
        .map(|part| {
            let offset = u64::from(high - low) * part / parts;
            low + u32::try_from(offset).unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    /// Searches a path that answers what `passes`, and tells of `told` for what is larger; gives what
    /// was found, after how many rounds, and how many packets it took.
    fn search(top: u32, limit: u32, told: Option<Told>) -> (Option<(u32, Option<u32>)>, u32, u64) {
        let mut search = Search::new(60, top, false);
        for round in 1..100 {
            let mut asked = Vec::new();
            while let Some(size) = search.next(true) {
                let trial = search.trial_mut(size);
                (trial.asked, trial.open) = (trial.asked + 1, trial.open + 1);
                asked.push(size);
            }
            if asked.is_empty() {
                let packets = search.trials.values().map(|trial| trial.asked).sum();
                assert!(search.is_over(), "{search:?}");
                return (search.bounds(), round - 1, packets);
            }
            for size in asked {
                let trial = search.trial_mut(size);
                trial.open -= 1;
                match told {
                    _ if size <= limit => trial.passed += 1,
                    None => trial.lost += 1,
                    Some(told) => {
                        trial.tell(told);
                        told.mtu.into_iter().for_each(|mtu| search.hint(mtu));
                    }
                }
            }
        }
        panic!("no end: {search:?}");
    }

    #[test]
    fn a_whole_path_takes_one_round() {
        assert_eq!(search(1_500, 1_500, None), (Some((1_500, None)), 1, 2));
    }

    #[test]
    fn a_message_is_tried_and_the_size_above_it_too() {
        let told = Told { from: ROUTER, mtu: Some(1_400) };
        assert_eq!(search(1_500, 1_400, Some(told)), (Some((1_400, Some(1_401))), 2, 4));
    }

    #[test]
    fn every_limit_is_found_without_a_message() {
        for limit in (60..1_500).step_by(7) {
            let (found, rounds, packets) = search(1_500, limit, None);
            assert_eq!(found, Some((limit, Some(limit + 1))));
            assert!(rounds <= 7 && packets <= 70, "{limit}: {rounds} rounds, {packets} packets");
        }
        let (found, rounds, _) = search(65_535, 8_999, None);
        assert_eq!((found, rounds <= 9), (Some((8_999, Some(9_000))), true), "{rounds}");
    }

    #[test]
    fn a_message_that_lies_costs_time_and_changes_nothing() {
        for mtu in [None, Some(600), Some(1_450)] {
            let told = Told { from: ROUTER, mtu };
            let (found, ..) = search(1_500, 1_400, Some(told));
            assert_eq!(found, Some((1_400, Some(1_401))), "{mtu:?}");
        }
    }

    #[test]
    fn what_vanishes_above_what_is_told_of_is_found() {
        let mut search = Search::new(60, 9_000, false);
        for _ in 0..100 {
            let mut asked = Vec::new();
            while let Some(size) = search.next(true) {
                let trial = search.trial_mut(size);
                (trial.asked, trial.open) = (trial.asked + 1, trial.open + 1);
                asked.push(size);
            }
            for size in asked {
                let trial = search.trial_mut(size);
                trial.open -= 1;
                match size {
                    ..=1_400 => trial.passed += 1,
                    1_401..=1_500 => {
                        trial.tell(Told { from: ROUTER, mtu: Some(1_400) });
                        search.hint(1_400);
                    }
                    _ => trial.lost += 1,
                }
            }
        }
        assert!(search.is_over(), "{search:?}");
        assert_eq!(search.bounds(), Some((1_400, Some(1_401))));
        assert_eq!(search.silence(), Some((1_500, 1_501)));
    }

    #[test]
    fn a_target_that_answers_nothing_is_given_up() {
        assert_eq!(search(1_500, 0, None).0, None);
    }
}
