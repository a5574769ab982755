//! What links and hops lose, each for itself.

use crate::Measurement;
use crate::hop::Hop;
use netdiag_engine::stats::Loss;

/// From so many probes on the loss of a link says something.
const LINK_SAMPLE: u64 = 20;

/// The loss of a hop that was asked often enough.
fn sampled(hop: &Hop) -> Option<Loss> {
    hop.stats.counters().loss().filter(|loss| loss.of() >= LINK_SAMPLE)
}

/// What is lost of what passed, in per cent.
fn added(own: f64, before: f64) -> Option<f64> {
    let passed = 1.0 - before;
    (passed > 0.0).then(|| (100.0 * (1.0 - (1.0 - own) / passed)).max(0.0))
}

impl Measurement {
    /// The hops up to this one whose losses are those of their way.
    fn counted_until(&self, ttl: u8) -> impl DoubleEndedIterator<Item = &Hop> {
        let hops = self.path().filter(move |hop| hop.ttl <= ttl);
        hops.filter(move |hop| hop.has_answered() && !self.is_limited(hop))
    }

    /// What a hop loses of what passed the answering hop before it.
    pub(super) fn link_loss(&self, hop: &Hop) -> Option<f64> {
        let own = sampled(hop).filter(|_| !self.is_limited(hop))?;
        let before = self.counted_until(hop.ttl.saturating_sub(1)).next_back();
        let before = before.map_or(Some(0.0), |before| Some(sampled(before)?.ratio()))?;
        added(own.ratio(), before)
    }

    /// Whether that is more than chance makes of the loss before it: its interval lies above that of the
    /// hops before, as far as those differ by chance alone. `None` where nothing is added.
    pub(super) fn is_link_proven(&self, hop: &Hop) -> Option<bool> {
        self.link_loss(hop).filter(|loss| *loss > 0.0)?;
        let (mut level, mut is_new) = (None::<Loss>, false);
        for own in self.counted_until(hop.ttl).filter_map(sampled) {
            is_new = level.is_none_or(|level| own.wilson95().0 > level.wilson95().1);
            level = match level.filter(|_| !is_new) {
                Some(level) => Loss::new(level.lost() + own.lost(), level.of() + own.of()),
                None => Some(own),
            };
        }
        Some(is_new)
    }

    /// What a hop loses beside what its way does: no less than any hop behind it is lost on the way.
    pub(super) fn node_loss(&self, hop: &Hop) -> Option<f64> {
        let own = sampled(hop).filter(|_| hop.has_answered())?;
        let least = self.answering_behind(hop).map(|loss| loss.ratio()).fold(own.ratio(), f64::min);
        added(own.ratio(), least)
    }

    /// Whether that is more than chance makes of the loss behind it. `None` where there is none.
    pub(super) fn is_node_proven(&self, hop: &Hop) -> Option<bool> {
        self.node_loss(hop).filter(|loss| *loss > 0.0)?;
        let own = sampled(hop)?.wilson95().0;
        Some(self.answering_behind(hop).any(|loss| loss.wilson95().1 < own))
    }

    fn answering_behind(&self, hop: &Hop) -> impl Iterator<Item = Loss> {
        let ttl = hop.ttl;
        let behind = self.path().filter(move |other| other.ttl > ttl && other.has_answered());
        behind.filter_map(sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::protocol::{Answer, Meaning};
    use netdiag_engine::stats::SettledKind;
    use netdiag_model::{Destination, Instant};

    fn address(octet: u8) -> Destination {
        Destination::V4([192, 0, 2, octet].into())
    }

    /// A path whose hops lost so many of 200 probes each.
    fn path(lost: &[u64]) -> Measurement {
        let mut path = Measurement::new(Config { max_ttl: 4, ..Config::new(0, address(1)) });
        for (hop, lost) in path.hops.iter_mut().zip(lost) {
            for query in 1..=200 {
                hop.ask(Instant::ZERO);
                if query <= *lost {
                    hop.settle(query, Instant::ZERO, SettledKind::Lost(()));
                    continue;
                }
                let answer = Answer::of(address(hop.ttl + 10), Meaning::Passed);
                let kind = SettledKind::Replied { rtt: answer.rtt };
                hop.settle(query, Instant::ZERO, kind);
                hop.answer(Instant::ZERO, &answer, None);
            }
        }
        path
    }

    fn links(lost: &[u64]) -> Vec<Option<bool>> {
        let path = path(lost);
        path.hops.iter().map(|hop| path.is_link_proven(hop)).collect()
    }

    #[test]
    fn what_chance_makes_of_one_lossy_link_is_no_loss_of_those_behind() {
        assert_eq!(links(&[0, 12, 20, 19]), [None, Some(true), Some(false), None]);
        assert_eq!(links(&[0, 10, 12, 60]), [None, Some(true), Some(false), Some(true)]);
        assert_eq!(links(&[0, 0, 0, 0]), [None; 4]);
        let path = path(&[0, 12, 20, 19]);
        let nodes: Vec<_> = path.hops.iter().map(|hop| path.is_node_proven(hop)).collect();
        assert_eq!(nodes, [None, None, Some(false), None]);
    }
}
