//! `--output text`: what a person reads.

use super::row::Layout;
use super::{Connect, Ended, Resolved, http, statistics, verbose};
use crate::changes::{self, Said};
use crate::number::{ms5, thousands};
use crate::report::{Report, Run, interim};
use crate::style::Style;
use crate::verdict;
use netdiag_engine::port::UNSEEN_TTLS;
use netdiag_model::ClockAnchor;
use netdiag_model::contract::Document;
use netdiag_model::finding::Finding;
use netdiag_tcp::connect::result::Target;
use netdiag_tcp::connect::{Attempt, Event, EventKind};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

/// A look-up that takes so long is worth a line.
const SLOW: Duration = Duration::from_millis(50);

/// How text is written.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Only what is wrong and the verdict.
    pub quiet: bool,
    /// More of each attempt, below its row.
    pub verbose: bool,
    /// How often each address is tried.
    pub count: u64,
    /// After which time an attempt is given up.
    pub timeout: Duration,
    /// Colours.
    pub style: Style,
}

/// Text on `out`, what is not a result on `err`.
pub struct TextReport<W, E> {
    out: W,
    err: E,
    options: TextOptions,
    targets: Vec<Resolved>,
    /// Once the first row is written.
    layout: Option<Layout>,
    said: Said,
    anchor: Option<ClockAnchor>,
}

impl<W: Write, E: Write> TextReport<W, E> {
    /// A report with these options.
    pub fn new(out: W, err: E, options: TextOptions) -> Self {
        Self {
            out,
            err,
            options,
            targets: Vec::new(),
            layout: None,
            said: Said::default(),
            anchor: None,
        }
    }

    /// What is measured, and the names of columns; once, when all targets are known.
    fn begin(&mut self) -> io::Result<Layout> {
        if let Some(layout) = self.layout {
            return Ok(layout);
        }
        let layout = Layout::of(&self.targets, self.options.count);
        let layout = layout.fitting(self.options.style.columns());
        self.layout = Some(layout);
        let is_planned = self.targets.iter().any(|target| !target.addresses.is_empty());
        if !self.options.quiet && is_planned {
            writeln!(self.out, "{}", self.options.style.fold(&self.header()))?;
            for line in looked_up(&self.targets) {
                writeln!(self.out, "{}", self.options.style.fold(&line))?;
            }
            writeln!(self.out, "{}", layout.header(self.options.style.columns()))?;
        }
        Ok(layout)
    }

    /// What is to be said of the run: of many of the same kind the first, and about whom the others are.
    fn findings(&mut self, all: &[Finding]) -> io::Result<()> {
        const MANY: usize = 4;
        const NAMED: usize = 6;
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for finding in all {
            let same: Vec<&Finding> = all.iter().filter(|one| one.code == finding.code).collect();
            if same.len() >= MANY && !told.insert(&finding.code) {
                continue;
            }
            verdict::write_finding(&mut self.out, self.options.style, finding)?;
            if let Some((_, more)) = same.split_first().filter(|_| same.len() >= MANY) {
                let named = more.iter().take(NAMED).map(|one| one.subject.as_str());
                let named = named.collect::<Vec<&str>>().join(", ");
                let rest = if more.len() > NAMED { " ..." } else { "" };
                let count = thousands(more.len() as u64);
                let line = format!("   and {count} more as this one: {named}{rest}");
                writeln!(self.out, "{}", self.options.style.fold(&line))?;
            }
        }
        Ok(())
    }

    /// A row, and what is said of it, which moves below where there is no room.
    fn row(&mut self, row: &str, said: &str) -> io::Result<()> {
        let width = self.options.style.columns();
        let is_narrow = width.is_some_and(|width| row.len() + said.len() > width);
        match is_narrow && !said.is_empty() {
            true => {
                writeln!(self.out, "{}", row.trim_end())?;
                writeln!(self.out, "{}", self.options.style.fold(&format!("    {said}")))
            }
            false => writeln!(self.out, "{}", format!("{row}{said}").trim_end()),
        }
    }

    /// What stands below the row of an attempt.
    fn below(&self, target: &Resolved, attempt: &Attempt) -> Vec<String> {
        let anchor = self.anchor.as_ref().filter(|_| self.options.verbose);
        let method = target.method.as_ref();
        let lacks = method.is_some_and(|method| method.lost.iter().any(|it| it == UNSEEN_TTLS));
        anchor.map(|anchor| verbose::lines(attempt, anchor, !lacks)).unwrap_or_default()
    }

    /// What is measured, in a line.
    fn header(&self) -> String {
        let attempts = match self.options.count {
            1 => "1 attempt each".to_owned(),
            count => format!("{} attempts each", thousands(count)),
        };
        let what = match self.targets.as_slice() {
            [only] => {
                let target = only.target.host();
                let target = target.escaped();
                match only.addresses.as_slice() {
                    _ if only.proxy.is_some() => target.to_string(),
                    [address] if only.resolve.is_some() => format!("{target} ({address})"),
                    [_] => target.to_string(),
                    several => format!("{target}, {} addresses", several.len()),
                }
            }
            several => many(several),
        };
        let seconds = self.options.timeout.as_secs_f64();
        let tls = if self.targets.iter().any(|target| target.tls) { ", with TLS" } else { "" };
        let proxy = self.targets.first().and_then(|target| target.proxy.as_ref());
        let proxy = proxy.map(|proxy| format!(" through {proxy}")).unwrap_or_default();
        format!("tcp-connect {what}{proxy}, {attempts}{tls}, timeout {seconds} s")
    }
}

/// Several targets in a few words: those of one host by their number, others by theirs.
fn many(targets: &[Resolved]) -> String {
    let Some(first) = targets.first() else { return String::new() };
    let count = thousands(targets.len() as u64);
    if targets.iter().any(|target| target.host != first.host) {
        return format!("to {count} targets");
    }
    let host = first.host.host();
    let host = host.escaped();
    match first.addresses.as_slice() {
        _ if first.proxy.is_some() => format!("{host}, {count} ports"),
        [address] if first.resolve.is_some() => format!("{host} ({address}), {count} ports"),
        [_] => format!("{host}, {count} ports"),
        several => format!("{host}, {} addresses, {count} ports", several.len()),
    }
}

/// What look-ups found, a line for each host that has several addresses, or took its time.
fn looked_up(targets: &[Resolved]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut last = None;
    for target in targets {
        let is_told = last == Some(&target.host) || (last.is_some() && target.proxy.is_some());
        last = Some(&target.host);
        // What is quick, of a single address, is told where all is.
        let is_worth = |took: &Duration| target.addresses.len() > 1 || *took >= SLOW;
        let Some(took) = target.resolve.filter(is_worth).filter(|_| !is_told) else {
            continue;
        };
        let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
        let name = match targets.iter().any(|other| other.host != target.host) {
            _ if target.proxy.is_some() => "proxy ".to_owned(),
            true => format!("{} ", target.host.host().escaped()),
            false => String::new(),
        };
        lines.push(format!("resolve  {}  {name}{}", ms5(took), addresses.join(", ")));
    }
    lines
}

impl<W: Write, E: Write> Report<Connect> for TextReport<W, E> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.anchor = Some(run.anchor);
        Ok(())
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let told = self.targets.last().is_some_and(|last| last.host == resolved.host);
        if let Some(failure) = resolved.failure.as_ref().filter(|_| !told) {
            writeln!(self.err, "netdiag tcp-connect: {}", failure.message)?;
        }
        self.targets.push(resolved.clone());
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Interim { .. } => {
                let said = interim::<Connect>(event, 1).unwrap_or_default();
                writeln!(self.err, "{said}")
            }
            _ if self.options.quiet => Ok(()),
            EventKind::Attempt(attempt) => {
                let layout = self.begin()?;
                let target = event.target_index.and_then(|index| self.targets.get(index));
                let Some(target) = target else { return Ok(()) };
                let (row, said) = layout.row(target, attempt);
                let below = self.below(target, attempt);
                self.row(&row, &said)?;
                for line in below {
                    writeln!(self.out, "{}", self.options.style.fold(&line))?;
                }
                Ok(())
            }
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                if is_new { writeln!(self.err, "{}", changes::line(change)) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        self.begin()?;
        let is_series = self.options.count > 1 && !self.options.quiet;
        for ended in targets.iter().filter(|ended| is_series && ended.target.attempts > 1) {
            for line in statistics::lines(ended.target) {
                writeln!(self.out, "{}", self.options.style.fold(&line))?;
            }
        }
        for ended in targets.iter().filter(|_| !self.options.quiet) {
            for line in http::lines(ended.target) {
                writeln!(self.out, "{}", self.options.style.fold(&line))?;
            }
        }
        self.findings(&document.findings)?;
        match targets.iter().find_map(|ended| ended.verdict) {
            Some(said) => verdict::write_verdict(&mut self.out, self.options.style, said),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}
