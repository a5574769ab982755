//! `--output text`: what a person reads.

use super::lines::{self, Times};
use super::{Ended, PingReport, Resolved, Run, classic, summary};
use crate::style::Style;
use crate::verdict;
use netdiag_engine::Outcome;
use netdiag_engine::port::Change;
use netdiag_model::contract::Document;
use netdiag_model::{Instant, Untrusted};
use netdiag_ping::Event;
use netdiag_ping::event::{EventKind, Settled};
use netdiag_ping::result::Target;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

/// How text is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// iputils' output and nothing more.
    pub classic: bool,
    /// No line for each probe.
    pub quiet: bool,
    /// A line for everything that was rejected.
    pub verbose: bool,
    /// Addresses only.
    pub numeric: bool,
    /// Colours.
    pub style: Style,
    /// When a probe is lost.
    pub timeout: Duration,
}

/// Text on `out`, what is not a result on `err`.
pub struct TextReport<W, E> {
    out: W,
    err: E,
    options: TextOptions,
    targets: BTreeMap<usize, Shown>,
    limiter: Limiter,
    /// The change of this machine that was told last.
    said: Option<(Instant, Change)>,
}

/// What is remembered of a target while it is shown.
struct Shown {
    address: Option<IpAddr>,
    name: Option<Untrusted>,
    highest_seq: u64,
}

/// Lines about rejected packets are limited: whoever forges many must not fill the screen.
#[derive(Default)]
struct Limiter {
    second: u64,
    lines: u32,
}

const REJECTED_LINES_A_SECOND: u32 = 10;

impl Limiter {
    fn allows(&mut self, at: Instant) -> bool {
        let second = at.as_nanos() / 1_000_000_000;
        if second != self.second {
            (self.second, self.lines) = (second, 0);
        }
        self.lines += 1;
        self.lines <= REJECTED_LINES_A_SECOND
    }
}

impl<W: Write, E: Write> TextReport<W, E> {
    /// A report with these options.
    pub fn new(out: W, err: E, options: TextOptions) -> Self {
        Self {
            out,
            err,
            options,
            targets: BTreeMap::new(),
            limiter: Limiter::default(),
            said: None,
        }
    }

    fn who(&self, index: usize, from: IpAddr) -> String {
        let name = self.targets.get(&index).and_then(|shown| {
            shown.name.as_ref().filter(|_| shown.address == Some(from) && !self.options.numeric)
        });
        lines::who(from, name)
    }

    /// The address of a target, where its lines must say which one they are about.
    fn one_of_several(&self, index: usize) -> Option<IpAddr> {
        let shown = self.targets.get(&index).filter(|_| self.targets.len() > 1)?;
        shown.address
    }

    fn modern(&mut self, event: &Event) -> io::Result<()> {
        let index = event.target_index;
        match &event.kind {
            EventKind::Probe(Settled { seq, outcome: Outcome::Replied(reply), .. }) => {
                let who = self.who(index, reply.from.address());
                let highest = self.targets.get_mut(&index).map(|shown| {
                    let before = shown.highest_seq;
                    shown.highest_seq = before.max(*seq);
                    before
                });
                let marks = lines::marks(reply, highest.is_some_and(|highest| *seq < highest));
                writeln!(self.out, "{}{marks}", lines::reply(*seq, reply, &who, Times::Exact))
            }
            EventKind::Probe(settled) => match lines::no_reply(settled, self.one_of_several(index))
            {
                Some(line) => writeln!(self.out, "{line}"),
                None => Ok(()),
            },
            EventKind::Late { seq, reply } => {
                let who = self.who(index, reply.from.address());
                writeln!(self.out, "{}", lines::late(*seq, reply, &who, self.options.timeout))
            }
            EventKind::Duplicate { seq, reply } => {
                let who = self.who(index, reply.from.address());
                let line = lines::reply(*seq, reply, &who, Times::Exact);
                writeln!(self.out, "{line} (DUP!)")
            }
            EventKind::Advice { seq, error } | EventKind::LateError { seq, error } => {
                writeln!(self.out, "{}", lines::advice(*seq, error))
            }
            EventKind::Rejected { seq, rejection } => {
                if self.options.verbose || self.limiter.allows(event.at) {
                    writeln!(self.out, "{}", lines::rejected(*seq, rejection))?;
                }
                Ok(())
            }
            EventKind::Changed(change) => {
                if self.said.replace((event.at, change.clone())) == Some((event.at, change.clone()))
                {
                    // Every target that it concerns tells it.
                    return Ok(());
                }
                writeln!(self.err, "{}", change_line(change))
            }
            EventKind::Sent { .. }
            | EventKind::OutageBegan { .. }
            | EventKind::OutageEnded(_)
            | EventKind::Named(_)
            | EventKind::Interim(_)
            | EventKind::Finished => Ok(()),
        }
    }

    fn classic(&mut self, event: &Event) -> io::Result<()> {
        let address = self.targets.get(&event.target_index).and_then(|shown| shown.address);
        let who = address.map(|from| self.who(event.target_index, from)).unwrap_or_default();
        if let Some(line) = classic::send_error(&event.kind) {
            writeln!(self.err, "{line}")?;
        }
        match classic::line(&event.kind, &who) {
            Some(line) => writeln!(self.out, "{line}"),
            None => Ok(()),
        }
    }
}

fn change_line(change: &Change) -> String {
    match change {
        Change::Suspended { length } => format!("-- suspended {:.0} s --", length.as_secs_f64()),
        Change::ClockStepped { nanos } => {
            format!("-- the wall clock was set by {:+.3} s --", *nanos as f64 / 1e9)
        }
        Change::Interface(change) => format!("-- {change} --"),
        Change::ReceiveDrops { count } => {
            format!("-- local receive drops: {count} --")
        }
    }
}

impl<W: Write, E: Write> PingReport for TextReport<W, E> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let address = resolved.destination.map(|found| found.address());
        let given = resolved.target.as_raw();
        let is_name = given
            .trim_matches(['[', ']'])
            .split('%')
            .next()
            .is_some_and(|text| netdiag_model::parse_address(text).is_none());
        let name = Some(resolved.target.clone()).filter(|_| is_name);
        self.targets.insert(resolved.target_index, Shown { address, name, highest_seq: 0 });
        match &resolved.failure {
            None => writeln!(self.out, "{}", lines::header(resolved, self.options.classic)),
            Some(failure) => writeln!(self.err, "netdiag ping: {}", failure.message),
        }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Interim(figures) => writeln!(self.err, "{}", summary::interim(figures)),
            EventKind::Named(name) => {
                if let Some(shown) = self.targets.get_mut(&event.target_index) {
                    shown.name.get_or_insert_with(|| name.clone());
                }
                Ok(())
            }
            _ if self.options.quiet => Ok(()),
            _ if self.options.classic => self.classic(event),
            _ => self.modern(event),
        }
    }

    fn finish(
        &mut self,
        targets: &[Ended<'_>],
        document: &Document<Target>,
        _: bool,
    ) -> io::Result<()> {
        for ended in targets.iter().filter(|ended| ended.measurement.is_some()) {
            summary::iputils(&mut self.out, ended)?;
            if self.options.classic {
                continue;
            }
            summary::ours(&mut self.out, ended)?;
            let index = Some(ended.resolved.target_index);
            let own = document.findings.iter().filter(|finding| finding.target_index == index);
            for finding in own {
                verdict::write_finding(&mut self.out, self.options.style, finding)?;
            }
            if let Some(said) = ended.measurement.and_then(netdiag_ping::Measurement::verdict) {
                verdict::write_verdict(&mut self.out, self.options.style, &said)?;
            }
        }
        if self.options.classic {
            return Ok(());
        }
        for finding in document.findings.iter().filter(|finding| finding.target_index.is_none()) {
            verdict::write_finding(&mut self.out, self.options.style, finding)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}
