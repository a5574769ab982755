//! The line on standard error that says how far the run has come.

use crate::number::thousands;
use netdiag_model::Instant;
use std::io::Write;
use std::time::Duration;

/// How often it is drawn again.
const EVERY: Duration = Duration::from_millis(200);
/// Back to the start of the line, and clear it (ECMA-48 EL).
const CLEAR: &[u8] = b"\r\x1b[K";

/// A line that is drawn over itself.
pub(super) struct Progress<'a> {
    err: &'a mut dyn Write,
    is_shown: bool,
    drawn_at: Option<Instant>,
    started_at: Instant,
    all: u64,
    pub(super) done: u64,
    pub(super) alive: u64,
}

impl<'a> Progress<'a> {
    pub(super) const fn new(err: &'a mut dyn Write) -> Self {
        let started_at = Instant::ZERO;
        Self { err, is_shown: false, drawn_at: None, started_at, all: 0, done: 0, alive: 0 }
    }

    pub(super) const fn start(&mut self, at: Instant, all: u64) {
        (self.started_at, self.all) = (at, all);
    }

    /// Draws it, when it was last drawn long enough ago. Standard error that takes nothing is no
    /// reason to stop.
    pub(super) fn draw(&mut self, now: Instant) {
        let is_due = self.drawn_at.is_none_or(|drawn| now.since(drawn) >= EVERY);
        if !is_due || now.since(self.started_at) < EVERY {
            return;
        }
        self.drawn_at = Some(now);
        let seconds = now.since(self.started_at).as_secs_f64();
        let rate = self.done as f64 / seconds;
        let left = (self.all.saturating_sub(self.done)) as f64 / rate.max(f64::MIN_POSITIVE);
        let left =
            if self.done > 0 && left < 1e6 { format!("{left:.0} s left") } else { "...".into() };
        let (done, all, alive) = (thousands(self.done), thousands(self.all), thousands(self.alive));
        let line = format!("{done} of {all} done, {alive} alive, {rate:.0} targets/s, {left}");
        let _ = self.err.write_all(CLEAR).and_then(|()| self.err.write_all(line.as_bytes()));
        let _ = self.err.flush();
        self.is_shown = true;
    }

    /// Takes it away, before anything else is written to the same terminal.
    pub(super) fn clear(&mut self) {
        if self.is_shown {
            let _ = self.err.write_all(CLEAR).and_then(|()| self.err.flush());
            self.is_shown = false;
        }
    }

    /// Writes a line of its own beside it.
    pub(super) fn say(&mut self, line: &str) {
        self.clear();
        let _ = writeln!(self.err, "{line}");
    }
}
