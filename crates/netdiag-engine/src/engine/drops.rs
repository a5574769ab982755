//! When our own sockets dropped packets: a reply that we dropped is not one that the network lost
//!.

use netdiag_model::Instant;
use std::collections::VecDeque;

/// Stretches of time in which packets were dropped, oldest first and apart from each other.
#[derive(Debug, Default)]
pub(super) struct Drops(VecDeque<(Instant, Instant)>);

impl Drops {
    /// Packets were dropped at an unknown time after `from`, when the sockets were last read, and
    /// up to `to`, when the drops were seen.
    pub(super) fn add(&mut self, from: Instant, to: Instant) {
        let from = from.min(to);
        match self.0.back_mut() {
            Some((_, last)) if from <= *last => *last = to.max(*last),
            _ => self.0.push_back((from, to)),
        }
    }

    /// Whether a reply that was due between these times may have been dropped.
    pub(super) fn overlap(&self, from: Instant, to: Instant) -> bool {
        let recent = self.0.iter().rev().take_while(|(_, end)| *end >= from);
        recent.into_iter().any(|(start, _)| *start <= to)
    }

    /// Forgets what ended before the oldest remembered probe was sent.
    pub(super) fn forget(&mut self, oldest: Option<Instant>) {
        while let Some((_, end)) = self.0.front()
            && oldest.is_none_or(|oldest| *end < oldest)
        {
            self.0.pop_front();
        }
    }
}
