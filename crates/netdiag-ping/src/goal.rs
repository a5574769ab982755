//! A state of the target that a series waits for, and the row of probes that shows it.

use netdiag_engine::Outcome;
use netdiag_model::Instant;
use std::collections::BTreeMap;

/// How many rows are remembered: older ones than these can grow no more, since what lies between them
/// has settled.
const KEPT: usize = 256;

/// What a series ends at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// So many replies in a row.
    Up(u64),
    /// So many probes in a row that were not answered: in time, or but with an error.
    Down(u64),
}

impl Goal {
    /// How many in a row.
    #[must_use]
    pub const fn wanted(self) -> u64 {
        match self {
            Self::Up(wanted) | Self::Down(wanted) => wanted,
        }
    }

    /// What an outcome says; `None` of one that says nothing about the target.
    const fn shown_by(self, outcome: &Outcome) -> Option<bool> {
        match (self, outcome) {
            (_, Outcome::LocalError(_) | Outcome::Unknown(_)) => None,
            (Self::Up(_), Outcome::Replied(_)) => Some(true),
            (Self::Down(_), Outcome::Replied(_)) | (Self::Up(_), _) => Some(false),
            (Self::Down(_), _) => Some(true),
        }
    }
}

/// A row of probes: the number of its last one, and how many of them show the state.
#[derive(Clone, Copy, Debug)]
struct Row {
    end: u64,
    showing: u64,
}

/// How near the state is. Probes settle in any order, so rows are joined where they meet; one that
/// says nothing of the target belongs to the row that it lies in and does not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// By the number of the first probe.
    rows: BTreeMap<u64, Row>,
    longest: u64,
    reached: Option<Instant>,
}

impl Progress {
    /// Takes what became of a probe.
    pub(crate) fn on_settled(&mut self, goal: Goal, seq: u64, at: Instant, outcome: &Outcome) {
        let shown = goal.shown_by(outcome);
        if shown == Some(false) || self.reached.is_some() {
            return;
        }
        let (mut start, mut row) = (seq, Row { end: seq, showing: u64::from(shown.is_some()) });
        if let Some((before, known)) = self.rows.range(..seq).next_back().map(|(s, r)| (*s, *r))
            && known.end + 1 == seq
        {
            self.rows.remove(&before);
            (start, row.showing) = (before, known.showing + row.showing);
        }
        if let Some(behind) = self.rows.remove(&(seq + 1)) {
            row = Row { end: behind.end, showing: row.showing + behind.showing };
        }
        self.rows.insert(start, row);
        if self.rows.len() > KEPT {
            self.rows.pop_first();
        }
        self.longest = self.longest.max(row.showing);
        if row.showing >= goal.wanted() {
            self.reached = Some(at);
        }
    }

    /// When the state was reached.
    pub(crate) const fn reached(&self) -> Option<Instant> {
        self.reached
    }

    /// The most in a row so far.
    pub(crate) const fn longest(&self) -> u64 {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_engine::outcome::Why;
    use netdiag_engine::port::SendError;

    const LOST: Outcome = Outcome::TimedOut;

    fn run(goal: Goal, settled: &[(u64, Outcome)]) -> Option<Instant> {
        let mut progress = Progress::default();
        for (at, (seq, outcome)) in settled.iter().enumerate() {
            progress.on_settled(goal, *seq, Instant::from_nanos(at as u64 + 1), outcome);
        }
        progress.reached()
    }

    #[test]
    fn probes_that_settle_in_any_order_make_a_row() {
        let settled = [(4, LOST), (2, LOST), (3, LOST)];
        assert_eq!(run(Goal::Down(3), &settled), Some(Instant::from_nanos(3)));
        assert_eq!(run(Goal::Down(4), &settled), None);
        assert_eq!(run(Goal::Up(1), &settled), None);
    }

    #[test]
    fn a_gap_keeps_rows_apart_until_it_settles() {
        let mut settled = vec![(1, LOST), (2, LOST), (4, LOST)];
        assert_eq!(run(Goal::Down(3), &settled), None);
        settled.push((3, LOST));
        assert_eq!(run(Goal::Down(4), &settled), Some(Instant::from_nanos(4)));
    }

    #[test]
    fn what_says_nothing_of_the_target_neither_counts_nor_ends_a_row() {
        let own = || Outcome::LocalError(SendError::new(1));
        let unknown = || Outcome::Unknown(Why::Suspended);
        let settled = [(1, LOST), (2, own()), (3, unknown()), (4, LOST)];
        assert_eq!(run(Goal::Down(2), &settled), Some(Instant::from_nanos(4)));
        assert_eq!(run(Goal::Down(3), &settled), None);
        assert_eq!(run(Goal::Down(1), &[(1, own())]), None);
    }

    #[test]
    fn rows_that_are_long_over_are_forgotten() {
        let mut progress = Progress::default();
        for seq in (1..10_000).step_by(2) {
            progress.on_settled(Goal::Down(2), seq, Instant::ZERO, &LOST);
        }
        assert_eq!((progress.rows.len(), progress.longest()), (KEPT, 1));
    }
}
