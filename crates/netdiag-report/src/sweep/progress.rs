//! The line on standard error that says how far the run has come.

use crate::number::thousands;
use netdiag_model::Instant;
use netdiag_ping::sweep::{self, Config, State};
use std::io::Write;
use std::time::Duration;

/// How often it is made again, whatever happens or does not.
const EVERY: Duration = Duration::from_millis(250);
/// After so many tries a wait that grows takes as long as any: `--backoff` is rarely less than 1.1.
const GROWING: u32 = 200;
/// Back to the start of the line, and clear it (ECMA-48 EL).
const CLEAR: &str = "\r\x1b[K";
/// What is wider than the terminal is cut off (DECAWM), as wide as it may be by then.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Where the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: standard error is no terminal, or has other things on it.
    Nowhere,
    /// On a terminal that nothing else is written to before the end.
    Alone,
    /// On a terminal that rows are written to, too.
    AmongRows,
}

/// A line that is drawn over itself.
pub struct Progress<'a> {
    err: &'a mut dyn Write,
    place: Place,
    is_shown: bool,
    line: String,
    made_at: Option<Instant>,
    started_at: Option<Instant>,
    /// How long a series takes, which tells nothing of its targets before its end.
    length: Option<Duration>,
    /// How long it takes at the most, where that is known.
    most: Option<Duration>,
    all: u64,
    done: u64,
    alive: u64,
}

impl<'a> Progress<'a> {
    /// A line on `err`.
    pub fn new(err: &'a mut dyn Write, config: &Config, place: Place) -> Self {
        Self {
            err,
            place,
            is_shown: false,
            line: String::new(),
            made_at: None,
            started_at: None,
            length: length(config),
            most: most(config),
            all: config.targets.len().into(),
            done: 0,
            alive: 0,
        }
    }

    /// It is known what becomes of one more target.
    pub fn count(&mut self, state: State) {
        self.done += 1;
        self.alive += u64::from(state == State::Alive);
    }

    /// Draws it where it is not seen, or was made long enough ago; returns when it wants to be drawn
    /// again. Standard error that takes nothing is no reason to stop.
    pub fn draw(&mut self, now: Instant) -> Instant {
        if self.place == Place::Nowhere {
            return Instant::FAR;
        }
        let since = now.since(*self.started_at.get_or_insert(now));
        if since < EVERY {
            return now + (EVERY - since);
        }
        let made_at = self.made_at.filter(|made| now.since(*made) < EVERY);
        if made_at.is_none() {
            self.line = self.text(since);
            self.made_at = Some(now);
        }
        if made_at.is_none() || !self.is_shown {
            let _ = write!(self.err, "{CLEAR}{NO_WRAP}{}{WRAP}", self.line);
            let _ = self.err.flush();
            self.is_shown = true;
        }
        made_at.unwrap_or(now) + EVERY
    }

    fn text(&self, since: Duration) -> String {
        let (done, all, alive) = (thousands(self.done), thousands(self.all), thousands(self.alive));
        let seconds = since.as_secs_f64();
        let mut line = format!("{done} of {all} done");
        if self.done > 0 {
            let rate = self.done as f64 / seconds;
            line.push_str(&format!(", {alive} alive, {rate:.0} targets/s"));
        }
        line.push_str(&match self.left(since) {
            Some(left) => format!(", {:.0} s left", left.as_secs_f64().ceil()),
            None => format!(", {seconds:.0} s so far"),
        });
        line
    }

    fn left(&self, since: Duration) -> Option<Duration> {
        if let Some(length) = self.length {
            return length.checked_sub(since);
        }
        let rest = self.all.saturating_sub(self.done) as f64;
        let left = since.as_secs_f64() * rest / self.done as f64;
        let most = self.most.and_then(|most| most.checked_sub(since));
        let left = Duration::try_from_secs_f64(left).ok();
        left.into_iter().chain(most).min()
    }

    /// Takes it away if what may be written now goes to the same terminal.
    pub fn give_way(&mut self) {
        if self.place == Place::AmongRows {
            self.clear();
        }
    }

    /// Takes it away, before anything else is written to the same terminal.
    pub fn clear(&mut self) {
        if self.is_shown {
            let _ = self.err.write_all(CLEAR.as_bytes()).and_then(|()| self.err.flush());
            self.is_shown = false;
        }
    }

    /// Writes the figures so far as a line of their own: they were asked for.
    pub fn say(&mut self, progress: &sweep::Progress) {
        self.clear();
        let sweep::Progress { done, alive, sent } = progress;
        let [done, all, alive] = [(*done).into(), self.all, (*alive).into()].map(thousands);
        let sent = thousands(*sent);
        let _ = writeln!(self.err, "{done} of {all} done, {alive} alive, {sent} packets sent");
    }
}

/// How long a series takes at the most; `None` where that depends on what answers.
fn length(config: &Config) -> Option<Duration> {
    let rounds = u32::try_from(config.count.saturating_sub(1)).ok()?;
    let round = config.spacing.checked_mul(config.targets.len())?;
    let before_the_last = config.interval.max(round).checked_mul(rounds)?;
    config.is_series().then(|| before_the_last + round + config.timeout)
}

/// How long it takes if nothing answers: what answers is known long before its timeout, so that how fast
/// targets have settled says little of those that are silent. `None` where nothing says how fast they leave.
fn most(config: &Config) -> Option<Duration> {
    let tries = config.retries.saturating_add(1);
    let sending = config.spacing.checked_mul(config.targets.len())?.checked_mul(tries)?;
    // They grow to the longest, if they do, and stay there.
    let growing = tries.min(GROWING);
    let waits: Duration = (1..=u64::from(growing)).map(|attempt| config.timeout_of(attempt)).sum();
    let rest = config.timeout_of(tries.into()).checked_mul(tries - growing)?;
    let is_known = !config.spacing.is_zero() && config.most_open == u64::MAX;
    is_known.then(|| sending.checked_add(waits)?.checked_add(rest)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::target::AddressRange;
    use netdiag_ping::sweep::Targets;

    fn config(count: u64) -> Config {
        let mut targets = Targets::default();
        let ends = [[10, 0, 0, 0], [10, 0, 0, 99]].map(std::net::IpAddr::from);
        targets.push_range(AddressRange::new(ends[0], ends[1]).expect("a range"));
        let config = Config::new(targets);
        // Nothing is known of how long it takes as fast as it goes.
        let spacing = if count == 1 { Duration::ZERO } else { config.spacing };
        Config { count, spacing, ..config }
    }

    /// What is on the screen after each draw, at 10 draws a second for so many tenths.
    fn drawn(config: &Config, tenths: u64, done: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut err = Vec::new();
        let mut progress = Progress::new(&mut err, config, Place::Alone);
        let start = Instant::from_nanos(7);
        for tenth in 0..tenths {
            if tenth < done {
                progress.count(State::Alive);
            }
            let again = progress.draw(start + Duration::from_millis(100) * tenth as u32);
            assert!(again < Instant::FAR);
        }
        progress.clear();
        let text = String::from_utf8(err).expect("text");
        for line in text.split(CLEAR).filter(|line| !line.is_empty()) {
            let line = line.strip_prefix(NO_WRAP).and_then(|line| line.strip_suffix(WRAP));
            lines.push(line.expect("no wider than the terminal").to_owned());
        }
        assert!(text.ends_with(CLEAR), "{text:?}");
        lines
    }

    #[test]
    fn it_comes_by_time_where_nothing_settles_and_a_few_times_a_second() {
        let lines = drawn(&config(1), 21, 0);
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!(lines[0], "0 of 100 done, 0 s so far");
        assert_eq!(lines[5], "0 of 100 done, 2 s so far");
        let lines = drawn(&config(4), 11, 0);
        assert_eq!(lines[2], "0 of 100 done, 4 s left", "3 s, 100 ms and the timeout: {lines:?}");
    }

    #[test]
    fn it_tells_rate_and_time_left() {
        let lines = drawn(&config(1), 6, 50);
        assert_eq!(lines, ["4 of 100 done, 4 alive, 13 targets/s, 8 s left"]);
        // Those that are silent take no longer than their timeouts, however few have answered.
        let lines = drawn(&Config { spacing: Duration::from_millis(1), ..config(1) }, 6, 50);
        assert_eq!(lines, ["4 of 100 done, 4 alive, 13 targets/s, 2 s left"]);
    }

    #[test]
    fn any_number_of_tries_takes_no_time_to_add_up() {
        let waits = |retries, backoff| {
            let all = Config { retries, backoff, spacing: Duration::from_millis(1), ..config(1) };
            let sending = Duration::from_millis(100) * (retries + 1);
            (most(&all).map(|most| most - sending), all)
        };
        let (found, all) = waits(u32::MAX - 1, 1.0);
        assert_eq!(found, Some(all.timeout * u32::MAX));
        let (found, all) = waits(400, 1.5);
        let summed = (1..=401).map(|attempt| all.timeout_of(attempt)).sum();
        assert_eq!(found, Some(summed));
    }

    #[test]
    fn it_is_drawn_again_after_what_was_written_over_it_and_not_where_nobody_looks() {
        let (mut err, config) = (Vec::new(), config(1));
        let mut progress = Progress::new(&mut err, &config, Place::AmongRows);
        let start = Instant::from_nanos(7);
        for millis in [0, 250, 260, 270] {
            progress.give_way();
            progress.draw(start + Duration::from_millis(millis));
        }
        assert_eq!(String::from_utf8(err).expect("text").matches("so far").count(), 3);
        let mut err = Vec::new();
        let mut progress = Progress::new(&mut err, &config, Place::Nowhere);
        assert_eq!(progress.draw(start), Instant::FAR);
        assert_eq!(progress.draw(start + Duration::from_secs(9)), Instant::FAR);
        assert!(err.is_empty());
    }
}
