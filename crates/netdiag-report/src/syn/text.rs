//! `--output text`: what a person reads.

use super::row::{Layout, named};
use super::verdict::verdict;
use super::{Ending, Setting, SynReport, tries};
use crate::changes;
use crate::number::{rate, thousands};
use crate::style::Style;
use crate::verdict::{write_finding, write_finding_of, write_verdict};
use netdiag_tcp::syn::{Config, Event, Measurement, Row, State};
use std::io::{self, Write};
use std::time::Duration;

/// How many findings about single addresses are shown.
const FINDINGS_SHOWN: usize = 20;
/// The rate that goes without saying.
const DEFAULT: Duration = Duration::from_millis(1);

/// What the table is like.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Only what is wrong and the verdict.
    pub quiet: bool,
    /// Only rows of ports that are open.
    pub open: bool,
    /// Each SYN, and what came beside the answers that count.
    pub verbose: bool,
    /// Colours.
    pub style: Style,
}

/// The table for people.
pub struct TextReport<W> {
    out: W,
    options: TextOptions,
    layout: Layout,
}

impl<W: Write> TextReport<W> {
    /// A table on `out`.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self { out, options, layout: Layout::default() }
    }

    fn row(&mut self, setting: &Setting, row: &Row) -> io::Result<()> {
        let is_shown = !self.options.open || row.found.state() == State::Open;
        let Some(target) = setting.config.target(row.target).filter(|_| is_shown) else {
            return Ok(());
        };
        let line = self.layout.row(&target, row.port, &row.found);
        self.line(&line)
    }

    /// A row, and why, which moves below where there is no room.
    fn line(&mut self, (row, why): &(String, String)) -> io::Result<()> {
        let style = self.options.style;
        let is_wide = style.columns().is_some_and(|width| row.len() + 2 + why.len() > width);
        if !is_wide {
            return writeln!(self.out, "{}", format!("{row}  {why}").trim_end());
        }
        writeln!(self.out, "{}", row.trim_end())?;
        writeln!(self.out, "{}", style.fold(&format!("    {why}")))
    }
}

impl<W: Write> SynReport for TextReport<W> {
    fn start(&mut self, setting: &Setting) -> io::Result<()> {
        self.layout = Layout::of(&setting.config).fitting(self.options.style.columns());
        if self.options.quiet {
            return Ok(());
        }
        let is_sent = setting.methods.iter().any(Option::is_some);
        writeln!(self.out, "{}", self.options.style.fold(&heading(&setting.config, is_sent)))?;
        if !is_sent {
            return Ok(());
        }
        let (header, why) = self.layout.header();
        let is_wide = self.options.style.columns().is_some_and(|width| header.len() + 5 > width);
        self.line(&(header, if is_wide { String::new() } else { why }))?;
        if self.options.open {
            return Ok(());
        }
        for (_, target) in setting.config.targets() {
            if target.destination().is_none() {
                self.line(&self.layout.nowhere(&target))?;
            }
        }
        Ok(())
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            _ if self.options.quiet => Ok(()),
            Event::Port(row) => self.row(setting, row),
            Event::Changed(_, change) => writeln!(self.out, "{}", changes::line(change)),
            event if self.options.verbose => match tries::line(setting, event) {
                Some(line) => writeln!(self.out, "{}", self.options.style.fold(&line)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        let style = self.options.style;
        let findings = &ending.document.findings;
        let is_one = ending.measurement.targets() == 1;
        for finding in findings.iter().take(FINDINGS_SHOWN) {
            match is_one {
                true => write_finding(&mut self.out, style, finding)?,
                false => write_finding_of(&mut self.out, style, finding)?,
            }
        }
        if let Some(more) = findings.len().checked_sub(FINDINGS_SHOWN).filter(|more| *more > 0) {
            writeln!(self.out, "i {more} more findings: --json has them all")?;
        }
        if let Some(line) = rejected(ending.measurement) {
            writeln!(self.out, "{}", style.fold(&line))?;
        }
        write_verdict(&mut self.out, style, &verdict(ending.measurement))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What came and fits no SYN, by why not, where there is any.
fn rejected(measurement: &Measurement) -> Option<String> {
    let all = measurement.rejected();
    let said: Vec<String> = all.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let sum: u64 = all.values().sum();
    (sum > 0).then(|| format!("rejected: {sum} ({})", said.join(", ")))
}

/// The first line: what is measured.
fn heading(config: &Config, is_sent: bool) -> String {
    let count: u32 = config.groups.iter().map(|group| group.targets.len()).sum();
    // A name that has no address is none.
    let all = config.targets().map(|(_, target)| target);
    let mut found = all.filter(|target| count == 1 || target.destination().is_some());
    let (what, each) = match (found.next(), found.count()) {
        (Some(only), 0) => (named(&only), ""),
        (first, more) => {
            let addresses = more as u64 + u64::from(first.is_some());
            (format!("to {} addresses", thousands(addresses)), " each")
        }
    };
    let of = |group: &netdiag_tcp::syn::Group| group.ports.len();
    let (least, most) =
        (config.groups.iter().map(of).min(), config.groups.iter().map(of).max().unwrap_or(0));
    let ports = match (least == Some(most), most) {
        (true, 1) => "1 port".to_owned(),
        (true, all) => format!("{} ports", thousands(all as u64)),
        (false, all) => format!("up to {} ports", thousands(all as u64)),
    };
    let retries = match config.retries {
        0 => "no retries".to_owned(),
        1 => "1 retry".to_owned(),
        more => format!("{more} retries"),
    };
    let rate = match config.spacing == DEFAULT {
        true => String::new(),
        false => format!(", {}", rate(config.spacing, "SYNs")),
    };
    let timeout = config.timeout.as_secs_f64();
    let what = format!("syn {what}, {ports}{each}");
    match is_sent {
        true => format!("{what}, raw half-open SYN, timeout {timeout} s, {retries}{rate}"),
        false => what,
    }
}
