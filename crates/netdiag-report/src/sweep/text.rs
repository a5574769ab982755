//! The table for people.

use super::table::Layout;
use super::{Ending, Setting, SweepReport};
use crate::changes;
use crate::number::{ms5, rate, thousands};
use crate::style::Style;
use crate::verdict::{write_finding, write_finding_of, write_verdict};
use netdiag_model::finding::Finding;
use netdiag_ping::Protocol;
use netdiag_ping::event::EventKind;
use netdiag_ping::sweep::{Config, Event, Found, Row, State, Target, Totals};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// How many findings about single targets are shown.
const FINDINGS_SHOWN: usize = 20;
/// How many targets that were never begun have a row each.
const UNBEGUN_SHOWN: usize = 10;

/// Which rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All.
    All,
    /// Those that answered.
    Alive,
    /// The others.
    Unreachable,
    /// None.
    Nothing,
}

/// What the table is like.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Which rows.
    pub shown: Shown,
    /// Whether late and repeated answers are told one by one.
    pub verbose: bool,
    /// Colours.
    pub style: Style,
}

/// The table for people.
pub struct TextReport<W> {
    out: W,
    options: TextOptions,
    layout: Layout,
    line: String,
    unwritten: bool,
    /// Targets that were never begun, and the rows of the first of them.
    unbegun: u64,
    kept: Vec<Row>,
}

impl<W: Write> TextReport<W> {
    /// A table on `out`.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self {
            out,
            options,
            layout: Layout::default(),
            line: String::new(),
            unwritten: false,
            unbegun: 0,
            kept: Vec::new(),
        }
    }

    fn write_line(&mut self) -> io::Result<()> {
        let line = self.line.trim_end_matches(' ');
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.unwritten = true;
        Ok(())
    }

    /// Writes a line that is no row.
    fn say(&mut self, line: &str) -> io::Result<()> {
        self.line.clear();
        self.line.push_str(&self.options.style.fold(line));
        self.write_line()
    }

    fn row(&mut self, setting: &Setting, row: &Row) -> io::Result<()> {
        let Some(target) = setting.config.targets.get(row.target) else { return Ok(()) };
        let state = row.state(target);
        let is_shown = match self.options.shown {
            Shown::All => true,
            Shown::Alive => state == State::Alive,
            Shown::Unreachable => state != State::Alive,
            Shown::Nothing => false,
        };
        if !is_shown {
            return Ok(());
        }
        if matches!(row.found, Found::Nothing) && state == State::Unsettled {
            // At the end there may be many of these.
            self.unbegun += 1;
            if self.kept.len() <= UNBEGUN_SHOWN {
                self.kept.push(row.clone());
            }
            return Ok(());
        }
        self.write_row(row, target)
    }

    fn write_row(&mut self, row: &Row, target: Target<'_>) -> io::Result<()> {
        self.line.clear();
        self.layout.row(row, target, &mut self.line);
        self.write_line()
    }

    /// The targets that were never begun: a row each, or where there are many a line for all.
    fn unbegun(&mut self, setting: &Setting) -> io::Result<()> {
        let kept = std::mem::take(&mut self.kept);
        let targets = &setting.config.targets;
        if kept.len() > UNBEGUN_SHOWN {
            let Some(first) = kept.first().and_then(|row| targets.get(row.target)) else {
                return Ok(());
            };
            let count = thousands(self.unbegun);
            return self.say(&format!("-- {count} targets were not begun, the first {first} --"));
        }
        for row in &kept {
            if let Some(target) = targets.get(row.target) {
                self.write_row(row, target)?;
            }
        }
        Ok(())
    }

    /// Late and repeated answers, for whoever wants to see them.
    fn stray(&mut self, setting: &Setting, event: &netdiag_ping::Event) -> io::Result<()> {
        let number = u32::try_from(event.target_index).unwrap_or(u32::MAX);
        let Some(target) = setting.config.targets.get(number) else { return Ok(()) };
        let line = match &event.kind {
            EventKind::Late { reply, .. } => {
                format!("-- late: {target} answered after {} ms --", ms5(reply.rtt).trim())
            }
            EventKind::Duplicate { reply, .. } => {
                format!("-- again: {target} answered after {} ms --", ms5(reply.rtt).trim())
            }
            EventKind::Rejected { rejection, .. } => {
                let (from, reason) = (rejection.from.address(), rejection.reason.name());
                format!("-- rejected: {reason}, from {from}, about {target} --")
            }
            _ => return Ok(()),
        };
        self.say(&line)
    }
}

impl<W: Write> SweepReport for TextReport<W> {
    fn start(&mut self, setting: &Setting) -> io::Result<()> {
        let config = &setting.config;
        self.layout = Layout::new(config, self.options.style.columns());
        if self.options.shown == Shown::Nothing {
            return Ok(());
        }
        self.say(&heading(config))?;
        self.line.clear();
        self.layout.head(&mut self.line);
        self.write_line()
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Row(row) => self.row(setting, row),
            Event::Probe(event) if self.options.verbose => self.stray(setting, event),
            Event::Changed(_, change) => {
                if self.options.shown == Shown::Nothing {
                    return Ok(());
                }
                self.say(&changes::line(change))
            }
            Event::Interim(..) | Event::Finished(_) | Event::Probe(_) => Ok(()),
        }
    }

    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        self.unbegun(setting)?;
        let style = self.options.style;
        let findings = &ending.document.findings;
        for finding in findings.iter().take(FINDINGS_SHOWN) {
            match unnamed_target(&setting.config, finding) {
                Some(target) => {
                    let message = format!("{target}: {}", finding.message);
                    let named = Finding { message, ..finding.clone() };
                    write_finding(&mut self.out, style, &named)?;
                }
                None => write_finding_of(&mut self.out, style, finding)?,
            }
        }
        let listed = findings.len() - usize::from(ending.omitted > 0);
        match listed.saturating_sub(FINDINGS_SHOWN) {
            0 => {}
            more if ending.omitted > 0 => {
                let more = thousands(more as u64 + ending.omitted);
                writeln!(self.out, "i {more} more findings: --json has {listed} in all")?;
            }
            more => writeln!(self.out, "i {more} more findings: --json has them all")?,
        }
        let elapsed = Duration::from_secs_f64(ending.document.elapsed_ms / 1e3);
        let all = setting.config.targets.len();
        write_verdict(&mut self.out, style, &verdict(ending.totals, all, elapsed))?;
        self.unwritten = true;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.unwritten {
            self.unwritten = false;
            self.out.flush()?;
        }
        Ok(())
    }
}

/// The target that a finding is about and does not name: its subject may be a router.
fn unnamed_target<'a>(config: &'a Config, finding: &Finding) -> Option<Target<'a>> {
    let target = config.targets.get(u32::try_from(finding.target_index?).ok()?)?;
    (!finding.message.contains(&target.to_string())).then_some(target)
}

/// The first line: what is measured.
fn heading(config: &Config) -> String {
    let targets = match config.targets.len() {
        1 => "1 target".to_owned(),
        all => format!("{} targets", thousands(all.into())),
    };
    let protocol = |protocol: Protocol| match protocol.port() {
        Some(port) => format!("{} to port {port}", protocol.name().to_ascii_uppercase()),
        None => protocol.name().to_ascii_uppercase(),
    };
    let what = match (config.ipv4, config.ipv6) {
        (ipv4, ipv6) if ipv4 == ipv6 => protocol(ipv4),
        (ipv4, ipv6) => format!("{} (IPv4) and {} (IPv6)", protocol(ipv4), protocol(ipv6)),
    };
    let probes = match (config.count, config.retries) {
        (1, 0) => "1 probe".to_owned(),
        (1, 1) => "1 probe and 1 retry".to_owned(),
        (1, retries) => format!("1 probe and {} retries", thousands(retries.into())),
        (count, _) => {
            let soonest = if config.spacing.is_zero() { " at the soonest" } else { "" };
            let (count, interval) = (thousands(count), config.interval.as_secs_f64());
            format!("{count} probes each, every {interval} s{soonest}")
        }
    };
    let rate = rate(config.spacing, "packets");
    let timeout = config.timeout.as_secs_f64();
    format!("sweep of {targets}, {what}, {probes}, timeout {timeout} s, {rate}")
}

/// The last line.
fn verdict(totals: &Totals, all: u32, elapsed: Duration) -> String {
    let alive = thousands(totals.of(State::Alive).into());
    let mut text = format!("{alive} of {} alive", thousands(all.into()));
    let unmeasured = totals.of(State::NotSent) + totals.of(State::Unknown);
    let unsettled = totals.of(State::Unsettled) + all.saturating_sub(totals.done());
    let parts = [
        (totals.of(State::Unreachable), "unreachable"),
        (totals.of(State::Refused), "refused"),
        (totals.of(State::Timeout), "timeout"),
        (totals.of(State::Unresolved), "unresolved"),
        (unmeasured, "not measured from here"),
        (unsettled, "not probed to the end"),
    ];
    let mut separator = "; ";
    for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, "{separator}{} {what}", thousands(count.into()));
        separator = ", ";
    }
    if totals.late > 0 {
        let answers = if totals.late == 1 { "answer" } else { "answers" };
        let _ = write!(text, "; {} {answers} came after the timeout", thousands(totals.late));
    }
    let _ = write!(text, "; {:.1} s", elapsed.as_secs_f64());
    text
}
