//! Targets that were probed without an answer and will be probed again.

use netdiag_engine::Outcome;
use netdiag_engine::outcome::Why;
use netdiag_model::Instant;
use std::collections::BTreeMap;

/// What became of the earlier probes of targets that have not settled.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(BTreeMap<u32, Attempts>);

/// Mostly there is one.
#[derive(Clone, Debug)]
enum Attempts {
    One(Attempt),
    More(Vec<Attempt>),
}

/// A probe without an answer, as small as it can be told.
#[derive(Clone, Debug)]
struct Attempt {
    sent_at: Instant,
    outcome: Past,
}

#[derive(Clone, Debug)]
enum Past {
    TimedOut,
    Unknown(Why),
    Other(Box<Outcome>),
}

impl Pending {
    /// A probe ended without an answer.
    pub(super) fn push(&mut self, target: u32, sent_at: Instant, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::TimedOut => Past::TimedOut,
            Outcome::Unknown(why) => Past::Unknown(*why),
            other => Past::Other(Box::new(other.clone())),
        };
        let attempt = Attempt { sent_at, outcome };
        let attempts = match self.0.remove(&target) {
            None => Attempts::One(attempt),
            Some(Attempts::One(first)) => Attempts::More(vec![first, attempt]),
            Some(Attempts::More(mut all)) => {
                all.push(attempt);
                Attempts::More(all)
            }
        };
        self.0.insert(target, attempts);
    }

    /// The earlier probes of a target: when each was sent, and what became of it.
    pub(super) fn take(&mut self, target: u32) -> Vec<(Instant, Outcome)> {
        let attempts = match self.0.remove(&target) {
            None => return Vec::new(),
            Some(Attempts::One(attempt)) => vec![attempt],
            Some(Attempts::More(all)) => all,
        };
        attempts.into_iter().map(|attempt| (attempt.sent_at, attempt.outcome.into())).collect()
    }

    /// How many probes of a target have ended; how many of them this machine made meaningless.
    pub(super) fn count(&self, target: u32) -> (u64, u64) {
        let attempts = match self.0.get(&target) {
            None => return (0, 0),
            Some(Attempts::One(attempt)) => std::slice::from_ref(attempt),
            Some(Attempts::More(all)) => all,
        };
        let unknown = attempts.iter().filter(|a| matches!(a.outcome, Past::Unknown(_))).count();
        (attempts.len() as u64, unknown as u64)
    }
}

impl From<Past> for Outcome {
    fn from(past: Past) -> Self {
        match past {
            Past::TimedOut => Self::TimedOut,
            Past::Unknown(why) => Self::Unknown(why),
            Past::Other(outcome) => *outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_back_in_order_and_once() {
        let mut pending = Pending::default();
        let at = Instant::from_nanos;
        for (nanos, outcome) in [
            (1, Outcome::TimedOut),
            (2, Outcome::Unknown(Why::ReceiveDrops)),
            (3, Outcome::TimedOut),
        ] {
            pending.push(7, at(nanos), &outcome);
        }
        assert_eq!(pending.count(7), (3, 1));
        let all = pending.take(7);
        assert_eq!(all.iter().map(|(sent, _)| *sent).collect::<Vec<_>>(), [at(1), at(2), at(3)]);
        assert_eq!(all[1].1, Outcome::Unknown(Why::ReceiveDrops));
        assert_eq!((pending.take(7), pending.count(7)), (vec![], (0, 0)));
        assert!(size_of::<Attempts>() <= 32, "{}", size_of::<Attempts>());
    }
}
