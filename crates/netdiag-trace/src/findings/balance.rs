//! Packets of one flow that go several ways.

use crate::Measurement;
use crate::hop::Hop;
use netdiag_model::finding::{Finding, Severity};
use std::net::IpAddr;

/// From so many answers of one flow on it is judged, ...
const ANSWERS: u64 = 12;
/// ... where two of those who answered have at least such a share each, in per cent, ...
const SHARE: u64 = 25;
/// ... and their order is not that of one way that another one followed: so few changes from one to
/// another, or fewer, come by chance in less than one of a hundred. In deviations of the normal law.
const CHANGE_OVER: f64 = -2.326;

/// Who answered probes of one flow at a hop, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turns {
    counts: Vec<(IpAddr, u64)>,
    last: Option<IpAddr>,
    runs: u64,
}

/// How many are told apart.
const KEPT: usize = 16;

impl Turns {
    /// Nobody yet.
    pub(crate) const fn new() -> Self {
        Self { counts: Vec::new(), last: None, runs: 0 }
    }

    /// Somebody answered.
    pub(crate) fn note(&mut self, from: IpAddr) {
        let is_full = self.counts.len() >= KEPT;
        match self.counts.iter_mut().find(|(known, _)| *known == from) {
            Some((_, count)) => *count += 1,
            None if is_full => return,
            None => self.counts.push((from, 1)),
        }
        self.runs += u64::from(self.last != Some(from));
        self.last = Some(from);
    }

    fn answers(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// How far the number of runs is below what chance gives, in deviations (the runs test of Wald and
    /// Wolfowitz 1940, for more than two kinds as Barton and David 1957 have it).
    fn deviation(&self) -> f64 {
        let counts = || self.counts.iter().map(|(_, count)| *count as f64);
        let all = self.answers() as f64;
        let (squares, cubes) =
            (counts().map(|n| n * n).sum::<f64>(), counts().map(|n| n * n * n).sum::<f64>());
        let mean = all + 1.0 - squares / all;
        let variance = (squares * (squares + all * (all + 1.0)) - 2.0 * all * cubes - all.powi(3))
            / (all * all * (all - 1.0));
        (self.runs as f64 + 0.5 - mean) / variance.sqrt()
    }

    /// Whether packets are balanced, each for itself.
    fn is_by_packet(&self) -> bool {
        let all = self.answers();
        let large = self.counts.iter().filter(|(_, count)| count * 100 >= all * SHARE);
        all >= ANSWERS && large.count() >= 2 && self.deviation() > CHANGE_OVER
    }
}

impl Measurement {
    /// Hops at which packets of one flow meet several: the first of each stretch.
    pub(super) fn balance_findings(&self) -> Vec<Finding> {
        let hops: Vec<&Hop> = self.path().collect();
        let before = std::iter::once(None).chain(hops.iter().map(Some));
        let begins = hops.iter().zip(before).filter(|(hop, before)| {
            hop.turns.is_by_packet() && !before.is_some_and(|before| before.turns.is_by_packet())
        });
        begins.map(|(hop, _)| self.by_packet(hop)).collect()
    }

    fn by_packet(&self, hop: &Hop) -> Finding {
        let Turns { counts, runs, .. } = &hop.turns;
        let answers = hop.turns.answers();
        let message = format!(
            "packets of one flow are balanced each for itself before hop {}: {answers} of them met {} \
             addresses there, in {runs} turns",
            hop.ttl,
            counts.len()
        );
        let finding = self.finding_at("per-packet-balancing", Severity::Warning, hop.ttl, message);
        let addresses: Vec<String> =
            counts.iter().map(|(address, _)| address.to_string()).collect();
        let shares: Vec<f64> =
            counts.iter().map(|(_, count)| 100.0 * *count as f64 / answers as f64).collect();
        finding
            .with("addresses", addresses)
            .with("shares_percent", shares)
            .with("runs", *runs)
            .with("n", answers)
            .with("threshold_percent", SHARE)
            .advise("packets overtake each other: have it balance by flow")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(order: &str) -> bool {
        let mut turns = Turns::new();
        for who in order.bytes() {
            turns.note(IpAddr::from([192, 0, 2, who]));
        }
        turns.is_by_packet()
    }

    #[test]
    fn a_mixture_is_balancing_and_one_way_after_another_is_not() {
        assert!(judged("ABABABABABAB"));
        assert!(judged("ABBABAABABBA"));
        assert!(judged("ABCABCCABBCA"));
        assert!(!judged("AAAAAABBBBBB"), "a change of the path");
        assert!(!judged("AAAAAABBBBBBAAAAAABBBBBB"), "one that comes and goes");
        assert!(!judged("ABABABABABA"), "too few");
        assert!(!judged("AAAAAAAAAAABAAA"), "too rare");
        assert!(!judged("AAAAAAAAAAAAAA"));
    }
}
