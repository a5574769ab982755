//! How much is told of what others send unasked: whoever forges or repeats packets by the thousand
//! must fill neither a screen nor a disk.

use netdiag_model::Instant;
use std::collections::BTreeMap;

/// So many lines a second are told for each reason; the rest is only counted.
const LINES_A_SECOND: u32 = 10;

/// Counts what was told, by reason.
#[derive(Default)]
pub(crate) struct Limiter(BTreeMap<&'static str, Told>);

#[derive(Default)]
struct Told {
    second: u64,
    lines: u32,
    /// Whether it was said that there was more.
    is_said: bool,
}

/// Whether an event is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is.
    Told,
    /// It is the first of this reason that is not; this is the reason.
    FirstUntold(&'static str),
    /// It is not.
    Untold,
}

impl Limiter {
    /// The same, where nothing is said of what is not told.
    pub(crate) fn is_told(&mut self, at: Instant, reason: Option<&'static str>) -> bool {
        self.judge(at, reason) == Verdict::Told
    }

    /// Whether to tell an event of now that somebody else can repeat at will, and its reason; what
    /// answers our own probes one to one always is.
    pub(crate) fn judge(&mut self, at: Instant, reason: Option<&'static str>) -> Verdict {
        let Some(reason) = reason else { return Verdict::Told };
        let told = self.0.entry(reason).or_default();
        let second = at.as_nanos() / 1_000_000_000;
        if second != told.second {
            (told.second, told.lines) = (second, 0);
        }
        told.lines = told.lines.saturating_add(1);
        match told.lines <= LINES_A_SECOND {
            true => Verdict::Told,
            false if std::mem::replace(&mut told.is_said, true) => Verdict::Untold,
            false => Verdict::FirstUntold(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_a_second_for_each_reason() {
        let mut limiter = Limiter::default();
        let mut told = |at, reason| limiter.judge(Instant::from_nanos(at), Some(reason));
        for _ in 0..10 {
            assert_eq!(told(1, "bad-tag"), Verdict::Told);
        }
        assert_eq!(told(1, "bad-tag"), Verdict::FirstUntold("bad-tag"));
        assert_eq!(told(999_999_999, "bad-tag"), Verdict::Untold);
        assert_eq!(told(999_999_999, "wrong-source"), Verdict::Told, "a reason of its own");
        assert_eq!(told(1_000_000_000, "bad-tag"), Verdict::Told, "the next second");
        assert!((0..100).all(|_| limiter.judge(Instant::ZERO, None) == Verdict::Told));
    }
}
