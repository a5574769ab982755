//! The answers of a target that sends them sparingly: whether a packet was lost, or met their limit.

use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// What of the limit is left, and what is not known because of it: Linux lets six "port unreachable" go
/// to one destination at once, then one a second (`net.ipv4.icmp_ratelimit`, net/ipv4/route.c). Others
/// may have had them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sparing {
    spent: BTreeMap<u64, Instant>,
    /// When there was none left, although there should have been, for the first and the last time.
    empty_at: Option<(Instant, Instant)>,
    /// How often in a row.
    empty: u32,
    /// Sizes that were lost since the target last answered, and when.
    doubtful: Vec<(u32, Instant)>,
    /// That it answers was seen after something was lost.
    is_alive: bool,
}

impl Sparing {
    const BURST: f64 = 6.0;
    /// After which time there is one answer more.
    pub(super) const REFILL: Duration = Duration::from_millis(1_050);
    /// So many losses in a row may come of the limit, once it is known that something is lost at all.
    const IN_A_ROW: usize = 2;
    /// So often in a row others have had the answer.
    const EMPTY: u32 = 3;
    /// So long one answer a second is waited for.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// A probe leaves that the target may answer.
    pub(super) fn spend(&mut self, seq: u64, now: Instant) {
        self.spent.insert(seq, now);
    }

    /// It did not.
    pub(super) fn give_back(&mut self, seq: u64) {
        self.spent.remove(&seq);
    }

    /// It did, to one that left at this time: what was lost before that was lost.
    pub(super) fn answered(&mut self, sent_at: Instant) {
        self.empty = 0;
        let before = self.doubtful.len();
        self.doubtful.retain(|(_, at)| *at >= sent_at);
        self.is_alive |= self.doubtful.len() < before;
    }

    /// A packet of this size was lost, or met the limit.
    pub(super) fn doubt(&mut self, size: u32, sent_at: Instant) {
        self.doubtful.push((size, sent_at));
    }

    /// Not even the smallest packet was answered. Gives the sizes of which nothing is known because of
    /// that.
    pub(super) fn found_empty(&mut self, seq: u64, sent_at: Instant) -> Vec<u32> {
        self.spent.remove(&seq);
        self.empty += 1;
        self.is_alive = false;
        let first = self.empty_at.map_or(sent_at, |(first, _)| first);
        self.empty_at = Some((first, sent_at));
        self.doubtful.drain(..).map(|(size, _)| size).collect()
    }

    /// Whether the smallest packet has to tell what it means that others are lost.
    pub(super) fn is_unsure(&self) -> bool {
        let enough = if self.is_alive { Self::IN_A_ROW } else { 1 };
        self.doubtful.len() >= enough
    }

    /// Whether others have had answers: there is one a second.
    pub(super) const fn is_scarce(&self) -> bool {
        self.empty_at.is_some()
    }

    /// Whether it is not waited for any longer.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        let late = self.empty_at.is_some_and(|(first, _)| now >= first + Self::PATIENCE);
        late || self.empty >= Self::EMPTY
    }

    /// When there is an answer for another probe: where others have them, too, none is saved up.
    pub(super) fn free_at(&self, now: Instant) -> Instant {
        if let Some((_, empty)) = self.empty_at {
            let last = self.spent.values().max().map_or(empty, |last| empty.max(*last));
            return (last + Self::REFILL).max(now);
        }
        let (mut spent, mut at) = (0.0, Instant::ZERO);
        for time in self.spent.values() {
            let refilled = time.since(at).as_secs_f64() / Self::REFILL.as_secs_f64();
            spent = (spent - refilled).max(0.0) + 1.0;
            at = *time;
        }
        let missing = (spent + 1.0 - Self::BURST).max(0.0);
        (at + Self::REFILL.mul_f64(missing)).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(1_000_000_000 + millis * 1_000_000)
    }

    #[test]
    fn six_at_once_then_one_a_second() {
        let mut sparing = Sparing::default();
        for seq in 0..6 {
            assert_eq!(sparing.free_at(at(0)), at(0), "{seq}");
            sparing.spend(seq, at(0));
        }
        assert_eq!(sparing.free_at(at(0)), at(0) + Sparing::REFILL);
        sparing.give_back(5);
        assert_eq!(sparing.free_at(at(0)), at(0), "what it did not answer took nothing");
    }

    #[test]
    fn a_loss_is_one_once_something_later_was_answered() {
        let mut sparing = Sparing::default();
        sparing.doubt(1_400, at(10));
        sparing.answered(at(5));
        assert!(sparing.is_unsure(), "an answer to what left before tells nothing");
        sparing.answered(at(20));
        assert!(!sparing.is_unsure());
        sparing.doubt(1_400, at(30));
        assert!(!sparing.is_unsure(), "one loss more is no wonder");
        sparing.doubt(700, at(40));
        assert!(sparing.is_unsure());
    }

    #[test]
    fn what_met_the_limit_is_forgotten_and_there_is_one_answer_a_second() {
        let mut sparing = Sparing::default();
        sparing.doubt(1_400, at(10));
        sparing.spend(7, at(100));
        assert_eq!(sparing.found_empty(7, at(100)), [1_400]);
        assert_eq!(sparing.free_at(at(200)), at(100) + Sparing::REFILL);
        assert!(sparing.is_scarce() && !sparing.is_given_up(at(9_000)));
        assert!(sparing.is_given_up(at(100) + Sparing::PATIENCE), "a few seconds are enough");
        let mut others = Sparing::default();
        for time in [0, 1_100, 2_200] {
            assert!(!others.is_given_up(at(time)));
            others.found_empty(0, at(time));
        }
        assert!(others.is_given_up(at(2_300)), "others have every one of them");
    }
}
