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
pub(super) struct Doubt {
    stretches: VecDeque<(Instant, Instant)>,
    /// Since when it is known that nothing gets out, and since when that there is no address to send
    /// from. While either is so the last stretch has no end.
    lost: Option<Instant>,
    no_source: Option<Instant>,
}

impl Doubt {
    /// Something happened at an unknown time after `from`, when the network was last looked at, and
    /// up to `to`, when it was seen.
    pub(super) fn add(&mut self, from: Instant, to: Instant) {
        let from = from.min(to);
        match self.stretches.back_mut() {
            Some((_, last)) if from <= *last => *last = to.max(*last),
            _ => self.stretches.push_back((from, to)),
        }
    }

    /// The way out changed after `from`, and up to `to`. A way that was lost is then not lost any more:
    /// it is back, or another one.
    pub(super) fn note(&mut self, means: WayOut, from: Instant, to: Instant) {
        match means {
            WayOut::Untouched => return,
            WayOut::Lost => _ = self.lost.get_or_insert(to),
            WayOut::NoSource => _ = self.no_source.get_or_insert(to),
            WayOut::Changed => self.lost = None,
            WayOut::SourceBack => self.no_source = None,
        }
        let goes_on = self.lost.is_some() || self.no_source.is_some();
        let end = if goes_on { Instant::FAR } else { to + SETTLING };
        match self.stretches.back_mut().filter(|(_, last)| *last == Instant::FAR) {
            Some((_, last)) => *last = end,
            None => self.add(from, end),
        }
    }

    /// A probe was answered at `at` that was sent at `sent`: if there was no address to send from
    /// before, there is another one.
    pub(super) fn answered(&mut self, sent: Instant, at: Instant) {
        if self.no_source.is_none_or(|since| sent <= since) {
            return;
        }
        self.no_source = None;
        if self.lost.is_none()
            && let Some((_, last)) = self.stretches.back_mut()
        {
            *last = at;
        }
    }

    /// Whether a sample between these times is doubtful.
    pub(super) fn overlap(&self, from: Instant, to: Instant) -> bool {
        let recent = self.stretches.iter().rev().take_while(|(_, end)| *end >= from);
        recent.into_iter().any(|(start, _)| *start <= to)
    }

    /// Forgets what ended before the oldest remembered probe was sent; says whether anything is left.
    pub(super) fn forget(&mut self, oldest: Option<Instant>) -> bool {
        while let Some((_, end)) = self.stretches.front()
            && *end != Instant::FAR
            && oldest.is_none_or(|oldest| *end < oldest)
        {
            self.stretches.pop_front();
        }
        !self.stretches.is_empty()
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

    #[test]
    fn an_address_that_is_gone_is_not_back_because_the_interface_is() {
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let mut doubt = Doubt::default();
        doubt.note(WayOut::NoSource, at(10), at(11));
        doubt.note(WayOut::Changed, at(20), at(21));
        assert!(doubt.overlap(at(2_000), at(2_000)));
        doubt.note(WayOut::Lost, at(2_000), at(2_001));
        doubt.note(WayOut::SourceBack, at(2_100), at(2_101));
        assert!(doubt.overlap(at(4_000), at(4_000)));
        doubt.note(WayOut::Changed, at(4_000), at(4_001));
        assert!(doubt.overlap(at(5_001), at(5_002)) && !doubt.overlap(at(5_002), at(5_002)));
    }

    #[test]
    fn an_answer_shows_that_there_is_another_address() {
        let at = |millis| Instant::ZERO + Duration::from_millis(millis);
        let mut doubt = Doubt::default();
        doubt.note(WayOut::NoSource, at(10), at(11));
        doubt.answered(at(11), at(20));
        assert!(doubt.overlap(at(30), at(30)), "that was sent before");
        doubt.answered(at(12), at(40));
        assert!(doubt.overlap(at(40), at(50)) && !doubt.overlap(at(41), at(50)));
    }
}
