//! `--output text`: what a person reads.

use super::{Dns, Ended, Resolved, compare, records, series, setup, tls, trace};
use crate::changes::{self, Said};
use crate::limiter::Limiter;
use crate::number::ms3;
use crate::report::{Report, Run, interim};
use crate::style::Style;
use crate::verdict;
use netdiag_dns::result::{ServerResult, Target};
use netdiag_dns::{Choice, Class, Config, Event, EventKind, TOLD};
use netdiag_model::contract::Document;
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
}

impl<W: Write, E: Write> TextReport<W, E> {
    /// A report of what was asked for, with these options.
    pub fn new(out: W, err: E, config: Arc<Config>, options: TextOptions) -> Self {
        let (limiter, said) = (Limiter::default(), Said::default());
        Self { out, err, config, options, limiter, said }
    }

    /// Several servers were asked the same.
    fn compares(&self) -> bool {
        self.config.choice == Choice::Each && self.config.servers.len() > 1
    }

    fn short(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        for ended in targets {
            let results = ended.target.results.iter();
            let compares = self.compares();
            let shown = results.filter(|result| {
                compares || ended.target.decisive().is_some_and(|it| std::ptr::eq(it, *result))
            });
            for result in shown {
                // What answers something else is no data of this name.
                let is_said = result.outcome.is_said() && !ended.target.is_foreign(result);
                for record in result.answers.iter().filter(|_| is_said) {
                    writeln!(self.out, "{}", record.data)?;
                }
                if !result.outcome.is_about_name() {
                    let why = failed(result);
                    writeln!(self.err, "netdiag dns: {}: {why}", named(ended.target))?;
                }
            }
        }
        Ok(())
    }

    /// The answers to all questions, as the servers that counted gave them.
    fn answers(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        let decisive = || targets.iter().filter_map(|it| Some((it.target, it.target.decisive()?)));
        let answers = decisive().flat_map(|(_, result)| &result.answers);
        for line in records::lines(answers) {
            writeln!(self.out, "{line}")?;
        }
        for (target, result) in decisive() {
            self.beside(target, result)?;
        }
        // Of a few the verdict tells.
        if targets.len() > TOLD {
            for (target, result) in unanswered(targets) {
                writeln!(self.out, "; {}: {}", named(target), failed(result))?;
            }
        }
        self.over_tls(targets)
    }

    /// What TLS showed.
    fn over_tls(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        let lines = tls::lines(targets.iter().map(|ended| ended.target));
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
        for (place, ended) in targets.iter().enumerate() {
            if targets.len() > 1 {
                let gap = if place > 0 { "\n" } else { "" };
                writeln!(self.out, "{gap}{}", named(ended.target))?;
            }
            for line in compare::table(ended.target) {
                writeln!(self.out, "{line}")?;
            }
            for result in &ended.target.results {
                self.beside(ended.target, result)?;
            }
        }
        self.over_tls(targets)
    }

    fn setup(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        let Some(setup) = &self.config.setup else { return Ok(()) };
        let all: Vec<&Target> = targets.iter().map(|ended| ended.target).collect();
        writeln!(self.out, "{}", self.options.style.fold(&setup.heading()))?;
        setup::table(setup, &all).iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }

    fn trace(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        for ended in targets {
            let lines = trace::table(ended.target);
            lines.iter().try_for_each(|line| writeln!(self.out, "{line}"))?;
        }
        Ok(())
    }

    fn series(&mut self, targets: &[Ended<'_>]) -> io::Result<()> {
        for ended in targets {
            for result in &ended.target.results {
                for line in series::summary(ended.target, result) {
                    writeln!(self.out, "{line}")?;
                }
                self.beside(ended.target, result)?;
            }
        }
        self.over_tls(targets)
    }
}

fn named(target: &Target) -> String {
    format!("{} {}", target.name, target.kind)
}

/// Questions without an answer; that there is no data of one type is none where there is of another.
fn unanswered<'a>(
    targets: &'a [Ended<'a>],
) -> impl Iterator<Item = (&'a Target, &'a ServerResult)> {
    let decisive = move || targets.iter().filter_map(|it| Some((it.target, it.target.decisive()?)));
    let answers = decisive().filter(|(_, result)| result.outcome == Class::Answer);
    let answered: BTreeSet<&str> = answers.map(|(target, _)| target.name.as_str()).collect();
    decisive().filter(move |(target, result)| match result.outcome {
        Class::Answer => false,
        Class::Nodata => !answered.contains(target.name.as_str()),
        _ => true,
    })
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
            | EventKind::Walked(_)
            | EventKind::Rejected(..)
            | EventKind::Late(..)
            | EventKind::Duplicate(..) => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        let is_shown = matches!(self.options.detail, Detail::Normal | Detail::Verbose);
        match self.options.detail {
            Detail::Short => self.short(targets)?,
            _ if !is_shown => {}
            _ if self.config.setup.is_some() => self.setup(targets)?,
            _ if targets.iter().any(|it| !it.target.steps.is_empty()) => self.trace(targets)?,
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
