//! `--output text`: what a person reads.

use super::{Dns, Ended, Resolved, compare, records, series, setup, tls, trace};
use crate::changes::{self, Said};
use crate::limiter::Limiter;
use crate::number::ms3;
use crate::report::{Report, Run, interim};
use crate::style::Style;
use crate::verdict;
use netdiag_dns::result::{ServerResult, Target};
use netdiag_dns::transfer::Part;
use netdiag_dns::{Choice, Class, Config, Event, EventKind, TOLD, Told};
use netdiag_model::contract::Document;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Only the data of answers; what is wrong goes to standard error.
    Short,
    /// Only what is wrong and the verdict.
    Quiet,
    /// The answers, what is wrong, the verdict.
    #[default]
    Normal,
    /// All of each message, too, and what was rejected.
    Verbose,
}

/// How text is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// How much.
    pub detail: Detail,
    /// Colours.
    pub style: Style,
}

/// Text on `out`, what is not a result on `err`.
pub struct TextReport<W, E> {
    out: W,
    err: E,
    config: Arc<Config>,
    options: TextOptions,
    limiter: Limiter,
    said: Said,
    /// How wide the columns of a transfer are by now.
    columns: records::Columns,
}

impl<W: Write, E: Write> TextReport<W, E> {
    /// A report of what was asked for, with these options.
    pub fn new(out: W, err: E, config: Arc<Config>, options: TextOptions) -> Self {
        let (limiter, said) = (Limiter::default(), Said::default());
        let columns = records::Columns::default();
        Self { out, err, config, options, limiter, said, columns }
    }

    /// A message of a transfer.
    fn part(&mut self, part: &Part) -> io::Result<()> {
        let is_short = self.options.detail == Detail::Short;
        part.records.iter().for_each(|record| self.columns.widen(record));
        for record in &part.records {
            match is_short {
                true => writeln!(self.out, "{}", record.data)?,
                false => writeln!(self.out, "{}", self.columns.line(record))?,
            }
        }
        Ok(())
    }

    /// Several servers were asked the same.
    fn compares(&self) -> bool {
        self.config.choice == Choice::Each && self.config.servers.len() > 1
    }

    fn short(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        for ended in targets {
            let target = ended.target.target();
            let results = target.results.iter();
            let compares = self.compares();
            let shown = results.filter(|result| {
                compares || target.decisive().is_some_and(|it| std::ptr::eq(it, *result))
            });
            for result in shown {
                // What answers something else is no data of this name.
                let is_said = result.outcome.is_said() && !target.is_foreign(result);
                for record in result.answers.iter().filter(|_| is_said) {
                    writeln!(self.out, "{}", record.data)?;
                }
                if !result.outcome.is_about_name() {
                    let why = failed(result);
                    writeln!(self.err, "netdiag dns: {}: {why}", named(&target))?;
                }
            }
        }
        Ok(())
    }

    /// The answers to all questions, as the servers that counted gave them.
    fn answers(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        let mut columns = records::Columns::default();
        let mut answered = BTreeSet::new();
        for target in all(targets) {
            let result = target.decisive();
            result.iter().flat_map(|it| &it.answers).for_each(|record| columns.widen(record));
            if result.is_some_and(|it| it.outcome == Class::Answer) {
                answered.insert(target.name.clone());
            }
        }
        for target in all(targets) {
            for record in target.decisive().iter().flat_map(|it| &it.answers) {
                writeln!(self.out, "{}", columns.line(record))?;
            }
        }
        for target in all(targets) {
            let Some(result) = target.decisive() else { continue };
            self.beside(&target, result)?;
        }
        // Of a few the verdict tells.
        for target in all(targets).filter(|_| targets.len() > TOLD) {
            let Some(result) = target.decisive() else { continue };
            // That there is no data of one type is nothing where there is of another.
            let is_answered = match result.outcome {
                Class::Answer => true,
                Class::Nodata => answered.contains(&target.name),
                _ => false,
            };
            if !is_answered {
                writeln!(self.out, "; {}: {}", named(&target), failed(result))?;
            }
        }
        self.over_tls(targets)
    }

    /// What TLS showed.
    fn over_tls(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        let lines = tls::lines(all(targets));
        lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }

    /// What there is beside the answers of a server.
    fn beside(&mut self, target: &Target, result: &ServerResult) -> io::Result<()> {
        let mut lines = Vec::new();
        if self.options.detail == Detail::Verbose {
            lines.extend(records::details(target, result));
        }
        let is_counted = self.compares() || self.options.detail == Detail::Verbose;
        if let Some(dnssec) = result.dnssec.as_ref().filter(|_| is_counted) {
            let why = dnssec.reason.iter().map(|why| format!(", {why}"));
            let why: String = why.collect();
            lines.push(format!("; DNSSEC {}: {}{why}", result.server, dnssec.status.name()));
        }
        lines.extend(result.malformed.iter().flat_map(records::broken));
        lines.extend(records::odd(result));
        lines.extend(tls::age(result));
        if self.config.choice == Choice::FirstThatAnswers || self.config.servers.len() == 1 {
            let errors = result.edns.iter().flat_map(|edns| &edns.ede);
            lines.extend(errors.map(|error| format!("; {} says: {error}", result.server)));
        }
        lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }

    fn tables(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        for (place, target) in all(targets).enumerate() {
            if targets.len() > 1 {
                let gap = if place > 0 { "\n" } else { "" };
                writeln!(self.out, "{gap}{}", named(&target))?;
            }
            for line in compare::table(&target) {
                writeln!(self.out, "{line}")?;
            }
            for result in &target.results {
                self.beside(&target, result)?;
            }
        }
        self.over_tls(targets)
    }

    fn setup(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        let Some(setup) = &self.config.setup else { return Ok(()) };
        let all: Vec<Cow<'_, Target>> = all(targets).collect();
        let all: Vec<&Target> = all.iter().map(AsRef::as_ref).collect();
        writeln!(self.out, "{}", self.options.style.fold(&setup.heading()))?;
        setup::table(setup, &all).iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }

    fn trace(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        for target in all(targets) {
            let lines = trace::table(&target);
            lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))?;
        }
        Ok(())
    }

    fn series(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        for target in all(targets) {
            for result in &target.results {
                for line in series::summary(&target, result) {
                    writeln!(self.out, "{line}")?;
                }
                self.beside(&target, result)?;
            }
        }
        self.over_tls(targets)
    }
}

fn named(target: &Target) -> String {
    format!("{} {}", target.name, target.kind)
}

/// What was found.
fn all<'a>(targets: &'a [Ended<'a>]) -> impl Iterator<Item = Cow<'a, Target>> {
    targets.iter().map(|ended| ended.target.target())
}

/// What became of a question without an answer.
fn failed(result: &ServerResult) -> String {
    let why = result.failure.as_ref().map(|failure| format!(", {}", failure.message));
    format!("{} from {}{}", result.outcome.name(), result.server, why.unwrap_or_default())
}

impl<W: Write, E: Write> Report<Dns> for TextReport<W, E> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Interim(..) => {
                let said = interim::<Dns>(event, 1).unwrap_or_default();
                writeln!(self.err, "{said}")
            }
            EventKind::Part(_, part) if self.options.detail != Detail::Quiet => self.part(part),
            _ if matches!(self.options.detail, Detail::Quiet | Detail::Short) => Ok(()),
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                if is_new { writeln!(self.err, "{}", changes::line(change)) } else { Ok(()) }
            }
            EventKind::Settled(target, server, settled) if self.config.count > 1 => {
                let line = series::line(&self.config, *target, *server, settled);
                writeln!(self.out, "{line}")
            }
            EventKind::Rejected(_, rejection) if self.options.detail == Detail::Verbose => {
                let (from, reason) = (rejection.from.address(), rejection.reason.name());
                match self.limiter.is_told(event.at, Some(reason)) {
                    true => writeln!(self.err, "rejected: {reason}, from {from}"),
                    false => Ok(()),
                }
            }
            EventKind::Late(_, seq, from, rtt) if self.options.detail == Detail::Verbose => {
                let seq = seq.map(|seq| format!(" seq={seq}")).unwrap_or_default();
                writeln!(self.err, "late, lost before:{seq} from {from} after {} ms", ms3(*rtt))
            }
            EventKind::Settled(..)
            | EventKind::Part(..)
            | EventKind::Walked(_)
            | EventKind::Rejected(..)
            | EventKind::Late(..)
            | EventKind::Duplicate(..) => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Told>) -> io::Result<()> {
        let is_shown = matches!(self.options.detail, Detail::Normal | Detail::Verbose);
        match self.options.detail {
            Detail::Short => self.short(targets)?,
            _ if !is_shown => {}
            _ if self.config.setup.is_some() => self.setup(targets)?,
            _ if all(targets).take(1).any(|it| !it.steps.is_empty()) => self.trace(targets)?,
            _ if self.config.count > 1 => self.series(targets)?,
            _ if self.compares() => self.tables(targets)?,
            _ => self.answers(targets)?,
        }
        let style = self.options.style;
        if self.options.detail == Detail::Short {
            for finding in &document.findings {
                verdict::write_finding(&mut self.err, style, finding)?;
            }
            return Ok(());
        }
        for finding in &document.findings {
            verdict::write_finding(&mut self.out, style, finding)?;
        }
        match targets.first() {
            Some(ended) => verdict::write_verdict(&mut self.out, style, ended.verdict),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}
