//! Who decides for all lanes, and in which words.

use super::kind::Conclusion;
use crate::commands::ending::End;
use netdiag_model::Instant;
use std::time::Duration;

/// What a lane tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// That with this number has come to its end.
    Ended(usize, Instant),
    /// Somebody wants to know how far all have come; each that has not ended says so.
    Interim(Instant),
}

/// What a lane does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Has a plan made, which takes no longer than until this time.
    Plan(Instant),
    /// Begins an attempt by the plan that there is, which is ended at this time if it has not by then.
    Begin(Instant),
    /// Asks again at this time, or when an attempt or another lane has ended.
    Wait(Instant),
    /// Ends.
    End,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// When it began.
    pub(crate) begun: Instant,
    pub(crate) end: End,
    /// Its time was over: for so long the oldest probe without an answer had been waited for.
    pub(crate) cut: Option<Duration>,
}

/// Who decides for all lanes.
pub(crate) trait Supervisor {
    /// How long addresses of names are used: zero for one attempt each. Later they are looked up again,
    /// beside attempts by those that are known.
    const ADDRESSES_LAST: Duration;

    /// What a lane does next, with so many attempts under way; `is_planned`: one can begin.
    fn turn(&mut self, lane: usize, now: Instant, under_way: usize, is_planned: bool) -> Turn;

    /// Whether nothing more is wanted of a lane, whatever it waits for.
    fn is_settled(&self, lane: usize, now: Instant) -> bool;

    /// What an attempt came to.
    fn concluded(&mut self, lane: usize, conclusion: Conclusion, how: Ended);

    /// The run must end.
    fn stop(&mut self, now: Instant);
}
