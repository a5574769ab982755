//! What a program would do that follows Happy Eyeballs (RFC 8305): which address it would come to use,
//! and what it would cost to fall back on it.

use netdiag_model::{Destination, Family};
use std::time::Duration;

/// The recommended time until the next address is tried, too (RFC 8305 section 5).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// One address, and what became of an attempt to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runner {
    /// The address.
    pub destination: Destination,
    /// How long it took until it was known.
    pub took: Duration,
    /// Whether the connection opened.
    pub opened: bool,
}

/// How the race would end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Race {
    /// The addresses in the order in which they would be tried.
    pub order: Vec<Destination>,
    /// The one whose connection would be used; `None` where none opens.
    pub winner: Option<Destination>,
    /// From the start until it would be open.
    pub after: Option<Duration>,
    /// From the start until its attempt would begin: what it costs that the addresses before it do
    /// not answer.
    pub fallback: Option<Duration>,
}

impl Race {
    /// Of runners in the order of the look-up.
    #[must_use]
    pub fn of(runners: &[Runner]) -> Self {
        let order = interleaved(runners);
        let mut start = Duration::ZERO;
        let mut best: Option<(Duration, Duration, Destination)> = None;
        for runner in &order {
            // Whoever is open by then ends the race.
            if best.is_some_and(|(after, ..)| after <= start) {
                break;
            }
            let end = start + runner.took;
            if runner.opened && best.is_none_or(|(after, ..)| end < after) {
                best = Some((end, start, runner.destination));
            }
            // An attempt that failed makes room for the next one at once.
            start += if runner.opened { ATTEMPT_DELAY } else { runner.took.min(ATTEMPT_DELAY) };
        }
        Self {
            order: order.iter().map(|runner| runner.destination).collect(),
            winner: best.map(|(.., winner)| winner),
            after: best.map(|(after, ..)| after),
            fallback: best.map(|(_, start, _)| start),
        }
    }
}

/// One family after the other, beginning with that of the first address (RFC 8305 section 4).
fn interleaved(runners: &[Runner]) -> Vec<Runner> {
    let Some(first) = runners.first().map(|runner| runner.destination.family()) else {
        return Vec::new();
    };
    let of = |wanted: fn(Family, Family) -> bool| {
        let all = runners.iter();
        all.filter(move |runner| wanted(runner.destination.family(), first)).copied()
    };
    let (mut own, mut other) = (of(|a, b| a == b), of(|a, b| a != b));
    let mut order = Vec::with_capacity(runners.len());
    loop {
        let before = order.len();
        order.extend(own.next());
        order.extend(other.next());
        if order.len() == before {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(address: &str, millis: u64, opened: bool) -> Runner {
        let destination = Destination::new(address.parse().expect("an address"));
        Runner { destination, took: Duration::from_millis(millis), opened }
    }

    /// The winner, and both times in milliseconds.
    fn check(runners: &[Runner], winner: &str, after: u64, fallback: u64) {
        let race = Race::of(runners);
        let ms = |time: Option<Duration>| time.map(|time| time.as_millis());
        let found = race.winner.map(|winner| winner.to_string()).unwrap_or_default();
        assert_eq!(
            (found.as_str(), ms(race.after), ms(race.fallback)),
            (winner, Some(after.into()), Some(fallback.into()))
        );
    }

    #[test]
    fn the_first_one_wins_unless_it_is_slower_by_the_delay() {
        let both = |six, four| [runner("2001:db8::1", six, true), runner("192.0.2.1", four, true)];
        check(&both(12, 1), "2001:db8::1", 12, 0);
        check(&both(250, 1), "2001:db8::1", 250, 0);
        check(&both(260, 1), "192.0.2.1", 251, 250);
        check(&both(260, 20), "2001:db8::1", 260, 0);
    }

    #[test]
    fn a_silent_address_costs_the_delay_and_one_that_fails_its_own_time() {
        let six = |millis| runner("2001:db8::1", millis, false);
        let four = runner("192.0.2.1", 5, true);
        check(&[six(5_000), four], "192.0.2.1", 255, 250);
        check(&[six(3), four], "192.0.2.1", 8, 3);
        let dead = [six(5_000), runner("2001:db8::2", 5_000, false), four];
        check(&dead, "192.0.2.1", 255, 250);
        assert_eq!(Race::of(&[six(7)]).winner, None);
        assert_eq!(Race::of(&[]).order, []);
    }

    #[test]
    fn families_take_turns() {
        let all = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"];
        let race = Race::of(&all.map(|address| runner(address, 1, true)));
        let order: Vec<String> = race.order.iter().map(ToString::to_string).collect();
        let expected = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"];
        assert_eq!(order, expected);
    }
}
