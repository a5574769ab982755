//! How much is told of what others send unasked: whoever forges or repeats packets by the thousand
//! must fill neither a screen nor a disk.

use netdiag_model::Instant;
use netdiag_ping::event::EventKind;
use std::collections::BTreeMap;

/// So many lines a second are told for each reason; the rest is only counted.
const LINES_A_SECOND: u32 = 10;

/// Counts what was told, by reason.
#[derive(Default)]
pub(super) struct Limiter(BTreeMap<&'static str, Told>);

#[derive(Default)]
struct Told {
    second: u64,
    lines: u32,
    /// Whether it was said that there was more.
    is_said: bool,
}

/// Whether an event is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is.
    Told,
    /// It is the first of this reason that is not; this is the reason.
    FirstUntold(&'static str),
    /// It is not.
    Untold,
}

impl Limiter {
    /// Whether to tell an event of now; what answers our own probes one to one always is.
    pub(super) fn judge(&mut self, at: Instant, kind: &EventKind) -> Verdict {
        let Some(reason) = reason(kind) else { return Verdict::Told };
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

/// The reason of an event that somebody else can repeat at will.
const fn reason(kind: &EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Rejected { rejection, .. } => Some(rejection.reason.name()),
        EventKind::Duplicate { .. } => Some("duplicate"),
        EventKind::Advice { .. } => Some("redirect"),
        EventKind::LateError { .. } => Some("late-error"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_engine::outcome::{Reason, Rejection};
    use netdiag_model::Destination;

    fn rejected(reason: Reason) -> EventKind {
        let from = Destination::new("192.0.2.1".parse().expect("an address"));
        let rejection = Rejection { from, at: Instant::ZERO, reason, said: None };
        EventKind::Rejected { seq: None, rejection }
    }

    #[test]
    fn ten_lines_a_second_for_each_reason() {
        let mut limiter = Limiter::default();
        let mut told = |at, reason| limiter.judge(Instant::from_nanos(at), &rejected(reason));
        for _ in 0..10 {
            assert_eq!(told(1, Reason::BadTag), Verdict::Told);
        }
        assert_eq!(told(1, Reason::BadTag), Verdict::FirstUntold("bad-tag"));
        assert_eq!(told(999_999_999, Reason::BadTag), Verdict::Untold);
        assert_eq!(told(999_999_999, Reason::WrongSource), Verdict::Told, "a reason of its own");
        assert_eq!(told(1_000_000_000, Reason::BadTag), Verdict::Told, "the next second");
        let never = EventKind::Sent { seq: 1 };
        assert!((0..100).all(|_| limiter.judge(Instant::ZERO, &never) == Verdict::Told));
    }
}
