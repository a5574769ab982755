//! When samples are doubtful: our own sockets dropped packets, or the way out changed. A reply that
//! this machine lost is not one that the network lost.

use crate::measurement::WayOut;
use netdiag_model::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// After a change the next hop must be found anew; Linux asks for its address once a second
/// (`retrans_time_ms`, arp(7)).
const SETTLING: Duration = Duration::from_secs(1);

/// Stretches of time, oldest first and apart from each other.
#[derive(Debug, Default)]
pub(super) struct Doubt(VecDeque<(Instant, Instant)>);

impl Doubt {
    /// Something happened at an unknown time after `from`, when the network was last looked at, and
    /// up to `to`, when it was seen.
    pub(super) fn add(&mut self, from: Instant, to: Instant) {
        let from = from.min(to);
        match self.0.back_mut() {
            Some((_, last)) if from <= *last => *last = to.max(*last),
            _ => self.0.push_back((from, to)),
        }
    }

    /// The way out changed after `from`, and up to `to`. A way that was lost is then not lost any more:
    /// it is back, or another one.
    pub(super) fn note(&mut self, means: WayOut, from: Instant, to: Instant) {
        match means {
            WayOut::Untouched => {}
            WayOut::Lost => self.add(from, Instant::FAR),
            WayOut::Changed => match self.0.back_mut().filter(|(_, last)| *last == Instant::FAR) {
                Some((_, last)) => *last = to + SETTLING,
                None => self.add(from, to + SETTLING),
            },
        }
    }

    /// Whether a sample between these times is doubtful.
    pub(super) fn overlap(&self, from: Instant, to: Instant) -> bool {
        let recent = self.0.iter().rev().take_while(|(_, end)| *end >= from);
        recent.into_iter().any(|(start, _)| *start <= to)
    }

    /// Forgets what ended before the oldest remembered probe was sent; says whether anything is left.
    pub(super) fn forget(&mut self, oldest: Option<Instant>) -> bool {
        while let Some((_, end)) = self.0.front()
            && *end != Instant::FAR
            && oldest.is_none_or(|oldest| *end < oldest)
        {
            self.0.pop_front();
        }
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_doubtful_until_it_ends_and_has_settled() {
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let mut doubt = Doubt::default();
        doubt.note(WayOut::Lost, at(10), at(11));
        assert!(doubt.overlap(at(0), at(10)) && doubt.overlap(at(900), at(901)));
        assert!(!doubt.overlap(at(0), at(9)));
        doubt.note(WayOut::Changed, at(19), at(20));
        assert!(doubt.overlap(at(1_020), at(1_030)) && !doubt.overlap(at(1_021), at(1_030)));
        doubt.note(WayOut::Changed, at(2_024), at(2_025));
        assert!(doubt.overlap(at(2_022), at(2_030)) && !doubt.overlap(at(1_021), at(2_023)));
    }

    #[test]
    fn what_goes_on_is_not_forgotten() {
        let mut doubt = Doubt::default();
        doubt.note(WayOut::Lost, Instant::ZERO, Instant::ZERO);
        assert!(doubt.forget(None));
        doubt.note(WayOut::Changed, Instant::ZERO, Instant::ZERO);
        assert!(!doubt.forget(None));
    }
}
