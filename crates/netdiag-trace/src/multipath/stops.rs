//! When to stop: how many flows rule out one more next hop.

/// How sure it must be that a router has no further next hop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confidence {
    /// It is overlooked in at most one of twenty such routers.
    #[default]
    Percent95,
    /// In at most one of a hundred.
    Percent99,
}

impl Confidence {
    /// In per cent.
    #[must_use]
    pub const fn percent(self) -> u8 {
        match self {
            Self::Percent95 => 95,
            Self::Percent99 => 99,
        }
    }

    /// How likely one may be overlooked.
    const fn risk(self) -> f64 {
        match self {
            Self::Percent95 => 0.05,
            Self::Percent99 => 0.01,
        }
    }
}

/// For one known next hop, for two, and so on, after how many flows without another one it stops: a
/// router with one next hop more, all equally likely, is left too early with at most the risk that was
/// asked for, stops on the way included (Veitch et al. 2009, section III). As far as `most` goes.
pub(super) fn stops(confidence: Confidence, most: u64) -> Vec<u64> {
    let mut stops = Vec::new();
    while let Some(next) = next_stop(&stops, confidence.risk(), most) {
        stops.push(next);
    }
    stops
}

/// The stop that follows these.
fn next_stop(stops: &[u64], risk: f64, most: u64) -> Option<u64> {
    let there = stops.len() + 2;
    // found[j]: how likely j of them were met and it did not stop.
    let mut found = vec![0.0; there + 1];
    *found.get_mut(1)? = 1.0;
    let mut failed = 0.0;
    for flows in 1..=most {
        for (stop, known) in stops.iter().zip(1..) {
            if flows == *stop {
                failed += found.get_mut(known).map_or(0.0, std::mem::take);
            }
        }
        let earlier: f64 = found.iter().take(there - 1).sum();
        let last = found.get(there - 1).copied()?;
        if earlier == 0.0 && failed + last <= risk {
            return Some(flows);
        }
        found = one_more(&found, there);
    }
    None
}

/// The chances after one more flow.
fn one_more(found: &[f64], there: usize) -> Vec<f64> {
    let share = |known: usize| known as f64 / there as f64;
    let chance = |known: usize| found.get(known).copied().unwrap_or(0.0);
    let next = (0..=there).map(|known| {
        let again = chance(known) * share(known);
        let new = known.checked_sub(1).map_or(0.0, |less| chance(less) * (1.0 - share(less)));
        again + new
    });
    next.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The points that are in use (Augustin et al. 2007; scamper's tracelb), one more where the stops
    /// before it count.
    #[test]
    fn the_stopping_points_are_those_of_the_paper() {
        let stops95 = stops(Confidence::Percent95, 64);
        assert_eq!(stops95, [6, 11, 16, 21, 27, 33, 39, 45, 51, 57, 63]);
        let stops99 = stops(Confidence::Percent99, 90);
        assert_eq!(stops99, [8, 15, 21, 28, 36, 43, 51, 58, 66, 74, 82, 90]);
    }

    /// Played out: a router with four next hops, left at these points, is not fully found in about one
    /// of twenty.
    #[test]
    fn a_router_with_four_next_hops_is_left_too_early_once_in_twenty() {
        let stops = stops(Confidence::Percent95, 64);
        let mut state = 7_u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 4
        };
        let rounds = 20_000;
        let missed = (0..rounds).filter(|_| {
            let (mut known, mut flows) = (std::collections::BTreeSet::new(), 0);
            while known.is_empty() || flows < stops[known.len() - 1] {
                known.insert(draw());
                flows += 1;
            }
            known.len() < 4
        });
        let share = f64::from(u32::try_from(missed.count()).expect("few")) / f64::from(rounds);
        assert!((0.03..=0.05).contains(&share), "{share}");
    }
}
