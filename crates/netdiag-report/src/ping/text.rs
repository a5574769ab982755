//! `--output text`: what a person reads.

use super::{Ended, Ping, Resolved, ip_options, lines, summary};
use crate::changes::{self, Said};
use crate::limiter::{Limiter, Verdict};
use crate::report::{Report, Run, interim};
use crate::style::Style;
use crate::verdict;
use netdiag_engine::Outcome;
use netdiag_engine::outcome::Reply;
use netdiag_model::contract::Document;
use netdiag_model::{ClockAnchor, Instant, Untrusted};
use netdiag_ping::event::{EventKind, Settled};
use netdiag_ping::result::Target;
use netdiag_ping::{Event, Protocol};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// How text is written.
#[derive(Clone, Debug, Default)]
pub struct TextOptions {
    /// No line for each probe.
    pub quiet: bool,
    /// A line for everything that was rejected.
    pub verbose: bool,
    /// Addresses only.
    pub numeric: bool,
    /// The date in front of each line.
    pub dated: bool,
    /// A bell with each reply.
    pub audible: bool,
    /// A dot for each request, and one less for each reply, instead of lines.
    pub flood: bool,
    /// A line for each request that is unanswered when the next one leaves.
    pub outstanding: bool,
    /// What fills the data, in hexadecimal, where it was asked for.
    pub pattern: Option<String>,
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
    anchor: Option<ClockAnchor>,
    targets: BTreeMap<usize, Shown>,
    limiter: Limiter,
    said: Said,
}

/// What is remembered of a target while it is shown.
struct Shown {
    address: Option<IpAddr>,
    protocol: Protocol,
    name: Option<Untrusted>,
    highest_seq: u64,
    /// The route that a reply brought last.
    route: Vec<Ipv4Addr>,
    /// The last request that left, and whether it was settled.
    last_sent: (u64, bool),
}

impl<W: Write, E: Write> TextReport<W, E> {
    /// A report with these options.
    pub fn new(out: W, err: E, options: TextOptions) -> Self {
        let (targets, limiter) = (BTreeMap::new(), Limiter::default());
        Self { out, err, options, anchor: None, targets, limiter, said: Said::default() }
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

    fn protocol(&self, index: usize) -> Protocol {
        self.targets.get(&index).map(|shown| shown.protocol).unwrap_or_default()
    }

    /// The date of a line, where one is wanted.
    fn date(&self, at: Instant) -> String {
        let Some(anchor) = self.anchor.filter(|_| self.options.dated) else { return String::new() };
        let micros = anchor.unix_nanos_at(at) / 1_000;
        format!("[{}.{:06}] ", micros / 1_000_000, micros % 1_000_000)
    }

    /// What is said about an event, if anything is.
    fn line(&mut self, event: &Event) -> Option<String> {
        let index = event.target_index;
        let protocol = self.protocol(index);
        match self.limiter.judge(event.at, super::repeatable(&event.kind)) {
            _ if self.options.verbose => {}
            Verdict::Told => {}
            Verdict::FirstUntold(reason) => {
                return Some(format!(
                    "-- further {reason} packets of a second are only counted --"
                ));
            }
            Verdict::Untold => return None,
        }
        match &event.kind {
            EventKind::Sent { seq } => self.outstanding(index, *seq),
            EventKind::Probe(settled) => self.settled(index, settled),
            EventKind::Late { seq, reply } => {
                let who = self.who(index, reply.from.address());
                Some(lines::late(protocol, *seq, reply, &who, self.options.timeout))
            }
            EventKind::Duplicate { seq, reply } => {
                let who = self.who(index, reply.from.address());
                Some(format!("{} (DUP!){}", lines::reply(protocol, *seq, reply, &who), self.bell()))
            }
            EventKind::Further { seq, reply } => {
                let who = self.who(index, reply.from.address());
                let line = lines::further(protocol, *seq, reply, &who, self.options.timeout);
                Some(format!(
                    "{line}{}{}",
                    lines::marks(reply, false),
                    self.ip_options(index, reply)
                ))
            }
            EventKind::Advice { seq, error } => Some(lines::advice(protocol, *seq, error)),
            EventKind::LateError { seq, error } => {
                Some(format!("late: {}", lines::advice(protocol, *seq, error)))
            }
            EventKind::Rejected { seq, rejection } => {
                Some(lines::rejected(protocol, *seq, rejection))
            }
            _ => None,
        }
    }

    fn settled(&mut self, index: usize, settled: &Settled) -> Option<String> {
        let (seq, protocol) = (settled.seq, self.protocol(index));
        let mut was_told = false;
        let mut highest = 0;
        if let Some(shown) = self.targets.get_mut(&index) {
            was_told = self.options.outstanding && seq < shown.last_sent.0;
            shown.last_sent.1 |= seq == shown.last_sent.0;
            highest = shown.highest_seq;
        }
        match &settled.outcome {
            Outcome::Replied(reply) => {
                let who = self.who(index, reply.from.address());
                if let Some(shown) = self.targets.get_mut(&index) {
                    shown.highest_seq = highest.max(seq);
                }
                let marks = lines::marks(reply, seq < highest);
                let line = lines::reply(protocol, seq, reply, &who);
                let times = self.anchor.map(|wall| lines::times(settled, &wall));
                let more = times.unwrap_or_default() + &self.ip_options(index, reply);
                Some(format!("{line}{marks}{}{more}", self.bell()))
            }
            Outcome::TimedOut if was_told => None,
            _ => lines::no_reply(protocol, settled, self.one_of_several(index)),
        }
    }

    /// The request before, where it is unanswered when the next one leaves.
    fn outstanding(&mut self, index: usize, seq: u64) -> Option<String> {
        let to = self.one_of_several(index).map(|to| format!(" to {to}")).unwrap_or_default();
        let shown = self.targets.get_mut(&index)?;
        let (before, is_settled) = std::mem::replace(&mut shown.last_sent, (seq, false));
        let is_told = self.options.outstanding && before > 0 && !is_settled;
        is_told.then(|| format!("no answer yet for {}{to}", lines::seq_of(shown.protocol, before)))
    }

    /// What the options of a reply bring, behind its line.
    fn ip_options(&mut self, index: usize, reply: &Reply) -> String {
        let shown = self.targets.get_mut(&index).zip(reply.options.as_ref());
        let told = shown.map(|(shown, options)| ip_options::told(options, &mut shown.route));
        told.unwrap_or_default().trim_end_matches('\n').to_owned()
    }

    const fn bell(&self) -> &'static str {
        if self.options.audible { "\u{7}" } else { "" }
    }

    /// A mark instead of a line.
    fn mark(&mut self, event: &Event) -> io::Result<()> {
        let mark = match &event.kind {
            EventKind::Sent { .. } => ".",
            EventKind::Probe(Settled { outcome: Outcome::Replied(_), .. }) => "\u{8} \u{8}",
            EventKind::Probe(Settled { outcome: Outcome::NetError(_), .. }) => "\u{8}E",
            EventKind::Probe(Settled { outcome: Outcome::LocalError(_), .. }) => "E",
            _ => return Ok(()),
        };
        write!(self.out, "{mark}")
    }
}

impl<W: Write, E: Write> Report<Ping> for TextReport<W, E> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.anchor = Some(run.anchor);
        match &self.options.pattern {
            Some(pattern) => writeln!(self.out, "PATTERN: 0x{pattern}"),
            None => Ok(()),
        }
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let address = resolved.destination.map(|found| found.address());
        let given = resolved.target.as_raw();
        let is_name = given
            .trim_matches(['[', ']'])
            .split('%')
            .next()
            .is_some_and(|text| netdiag_model::parse_address(text).is_none());
        let name = is_name.then(|| resolved.target.host().into_owned());
        let (protocol, route) = (resolved.protocol, Vec::new());
        let shown = Shown { address, protocol, name, highest_seq: 0, route, last_sent: (0, true) };
        self.targets.insert(resolved.target_index, shown);
        match &resolved.failure {
            None => writeln!(self.out, "{}", lines::header(resolved, lines::Style::Ours)),
            Some(failure) => writeln!(self.err, "netdiag ping: {}", failure.message),
        }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Interim(_) => {
                let said = interim::<Ping>(event, self.targets.len()).unwrap_or_default();
                writeln!(self.err, "{said}")
            }
            EventKind::Named(name) => {
                if let Some(shown) = self.targets.get_mut(&event.target_index) {
                    shown.name.get_or_insert_with(|| name.clone());
                }
                Ok(())
            }
            EventKind::Changed(_) | EventKind::Identifier(_) if self.options.quiet => Ok(()),
            EventKind::Identifier(change) => {
                let to = self.one_of_several(event.target_index);
                writeln!(self.err, "{}", lines::identifier(change, to))
            }
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                if is_new { writeln!(self.err, "{}", changes::line(change)) } else { Ok(()) }
            }
            _ if self.options.quiet => Ok(()),
            _ if self.options.flood => self.mark(event),
            _ => match self.line(event) {
                Some(line) => writeln!(self.out, "{}{line}", self.date(event.at)),
                None => Ok(()),
            },
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        for ended in targets.iter().filter(|ended| ended.measurement.is_some()) {
            summary::iputils(&mut self.out, ended)?;
            summary::ours(&mut self.out, self.options.style, ended)?;
            summary::sources(&mut self.out, ended.target)?;
            let index = Some(ended.resolved.target_index);
            let own = document.findings.iter().filter(|finding| finding.target_index == index);
            for finding in own {
                verdict::write_finding(&mut self.out, self.options.style, finding)?;
            }
            if let Some(said) = ended.measurement.and_then(netdiag_ping::Measurement::verdict) {
                verdict::write_verdict(&mut self.out, self.options.style, &said)?;
            }
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
