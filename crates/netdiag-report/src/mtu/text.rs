//! `--output text`: what a person reads.

use super::row;
use super::{Ended, Mtu, Resolved};
use crate::changes::{self, Said};
use crate::limiter::Limiter;
use crate::report::{Report, Run, interim};
use crate::style::Style;
use crate::verdict;
use netdiag_model::contract::Document;
use netdiag_model::{Family, milliseconds};
use netdiag_trace::Protocol;
use netdiag_trace::mtu::event::{Settled, SizeOutcome};
use netdiag_trace::mtu::result::Target;
use netdiag_trace::mtu::{Config, Event, EventKind};
use std::io::{self, Write};

/// How text is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// Only what is wrong and the verdict.
    pub quiet: bool,
    /// A line for every packet, and for what was rejected.
    pub verbose: bool,
    /// Colours.
    pub style: Style,
}

/// Text on `out`, what is not a result on `err`.
pub struct TextReport<W, E> {
    out: W,
    err: E,
    options: TextOptions,
    targets: usize,
    limiter: Limiter,
    said: Said,
}

impl<W: Write, E: Write> TextReport<W, E> {
    /// A report with these options.
    pub fn new(out: W, err: E, options: TextOptions) -> Self {
        let limiter = Limiter::default();
        Self { out, err, options, targets: 0, limiter, said: Said::default() }
    }

    fn ended(&mut self, ended: &Ended<'_>, document: &Document<Target>) -> io::Result<()> {
        let several = self.targets > 1;
        if !self.options.quiet && ended.verdict.is_some() {
            if several {
                writeln!(self.out, "{}", self.options.style.fold(&header(ended.resolved)))?;
            }
            for line in row::table(ended.target, self.options.style.columns()) {
                writeln!(self.out, "{line}")?;
            }
        }
        let index = Some(ended.resolved.target_index);
        let own = document.findings.iter().filter(|finding| finding.target_index == index);
        for finding in own.filter(|finding| verdict::is_shown(finding, self.options.quiet)) {
            verdict::write_finding(&mut self.out, self.options.style, finding)?;
        }
        if let Some(said) = ended.verdict {
            let whose = match several && self.options.quiet {
                true => format!("{}: ", ended.resolved.target.escaped()),
                false => String::new(),
            };
            verdict::write_verdict(&mut self.out, self.options.style, &format!("{whose}{said}"))?;
        }
        Ok(())
    }

    fn packet(&mut self, settled: &Settled) -> io::Result<()> {
        let to = settled.ttl.map_or_else(|| "the target".to_owned(), |ttl| format!("hop {ttl}"));
        let from = settled.from.map(|from| format!(" from {from}")).unwrap_or_default();
        let rtt = settled.rtt.map(|rtt| format!(", {:.3} ms", milliseconds(rtt)));
        let mtu = settled.mtu.map(|mtu| format!(", mtu {mtu}")).unwrap_or_default();
        let said = match settled.outcome {
            SizeOutcome::Passed => "answered",
            SizeOutcome::TooBig => "too big",
            SizeOutcome::Lost => "no answer",
            SizeOutcome::Refused => "goes no further",
            SizeOutcome::LocalError => "not sent",
            SizeOutcome::Unknown => "unknown",
        };
        let bytes = settled.bytes;
        writeln!(self.err, "{bytes} bytes to {to}: {said}{from}{mtu}{}", rtt.unwrap_or_default())
    }
}

/// What is measured, in a line.
fn header(resolved: &Resolved) -> String {
    let plan = resolved.config.as_ref().map(plan).unwrap_or_default();
    format!("mtu to {}{plan}", resolved.named())
}

fn plan(config: &Config) -> String {
    let carrier = match config.carrier {
        Protocol::Udp { port } => format!("UDP to port {port}"),
        Protocol::Icmp | Protocol::Tcp { .. } => "ICMP".to_owned(),
    };
    let whole = match config.destination.family() {
        Family::Ipv4 => " with DF",
        Family::Ipv6 => "",
    };
    let tcp = match config.protocol {
        Protocol::Tcp { port } => format!(", TCP connections to port {port}"),
        Protocol::Icmp | Protocol::Udp { .. } => String::new(),
    };
    let link = config.link.as_ref().map(|link| {
        let up_to = match link.mtu > config.largest {
            true => format!(", up to {} bytes", config.largest),
            false => String::new(),
        };
        format!(", interface {} mtu {}{up_to}", link.name.escaped(), link.mtu)
    });
    format!(", {carrier}{whole}{tcp}{}", link.unwrap_or_default())
}

impl<W: Write, E: Write> Report<Mtu> for TextReport<W, E> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.targets = run.target_count;
        Ok(())
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        if let Some(failure) = &resolved.failure {
            return writeln!(self.err, "netdiag mtu: {}", failure.message);
        }
        if self.targets > 1 || self.options.quiet || resolved.config.is_none() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.options.style.fold(&header(resolved)))
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Interim { .. } => {
                let said = interim::<Mtu>(event, self.targets).unwrap_or_default();
                writeln!(self.err, "{said}")
            }
            _ if self.options.quiet => Ok(()),
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                if is_new { writeln!(self.err, "{}", changes::line(change)) } else { Ok(()) }
            }
            EventKind::Size(settled) if self.options.verbose => self.packet(settled),
            EventKind::Rejected(rejection) if self.options.verbose => {
                let (from, reason) = (rejection.from.address(), rejection.reason.name());
                match self.limiter.is_told(event.at, Some(reason)) {
                    true => writeln!(self.err, "rejected: {reason}, from {from}"),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        for ended in targets {
            self.ended(ended, document)?;
        }
        let common = document.findings.iter().filter(|finding| finding.target_index.is_none());
        for finding in common.filter(|finding| verdict::is_shown(finding, self.options.quiet)) {
            verdict::write_finding(&mut self.out, self.options.style, finding)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}
