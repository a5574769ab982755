//! `--classic`: what iputils' ping prints, and nothing more.

mod counts;

use super::{Ended, Ping, Resolved, ip_options, lines};
use crate::report::{Report, Run};
use counts::Counts;
use netdiag_engine::Outcome;
use netdiag_engine::outcome::{Reason, Rejection, Reply};
use netdiag_model::contract::Document;
use netdiag_model::{ClockAnchor, Family, IcmpKind, Instant, Untrusted};
use netdiag_ping::event::{EventKind, Settled};
use netdiag_ping::result::Target;
use netdiag_ping::{Cast, Event, Protocol};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

/// iputils carries its send time, a `struct timeval`, in the data; with less there is no time.
const TIMED_BYTES: usize = 16;

/// How iputils' text is written, by its options.
#[derive(Clone, Debug, Default)]
pub struct ClassicOptions {
    /// What it calls itself in messages.
    pub program: Untrusted,
    /// No line for each probe.
    pub quiet: bool,
    /// The lines about sockets and addresses, and the identifier of each reply.
    pub verbose: bool,
    /// Addresses only, no names of them.
    pub numeric: bool,
    /// The date in front of each line.
    pub dated: bool,
    /// A bell with each reply.
    pub audible: bool,
    /// A dot for each request, and one less for each reply.
    pub flood: bool,
    /// A line for each request that is unanswered when the next one leaves.
    pub outstanding: bool,
    /// Whether requests follow the answers, so that the time between them is a result.
    pub gap: bool,
    /// After how many answers and errors it leaves, and does not see what else has come.
    pub count: Option<u64>,
    /// The pattern in hexadecimal, where one was given.
    pub pattern: Option<String>,
    /// What `verbose` says of the sockets.
    pub sockets: String,
}

/// iputils' text on `out`, its errors on `err`.
pub struct ClassicReport<W, E> {
    out: W,
    err: E,
    options: ClassicOptions,
    anchor: Option<ClockAnchor>,
    targets: BTreeMap<usize, Shown>,
}

/// What is remembered of a target.
struct Shown {
    address: Option<IpAddr>,
    name: Option<Untrusted>,
    /// The zone of a link-local address, as it was given.
    zone: String,
    identifier: Option<u16>,
    is_timed: bool,
    size: usize,
    /// Whether many hosts may answer: then no answer is called a duplicate.
    is_group: bool,
    /// The route that a reply brought last.
    route: Vec<Ipv4Addr>,
    counts: Counts,
}

impl Shown {
    /// The zone of a link-local source, with its sign.
    fn zone_of(&self, reply: &Reply) -> &str {
        match reply.from.address() {
            IpAddr::V6(from) if from.is_unicast_link_local() => &self.zone,
            _ => "",
        }
    }
}

impl<W: Write, E: Write> ClassicReport<W, E> {
    /// A report with these options.
    pub const fn new(out: W, err: E, options: ClassicOptions) -> Self {
        Self { out, err, options, anchor: None, targets: BTreeMap::new() }
    }

    fn is_plain(&self) -> bool {
        !self.options.quiet && !self.options.flood
    }

    /// The date of a line, where one is wanted.
    fn date(&self, at: Instant) -> String {
        let Some(anchor) = self.anchor.filter(|_| self.options.dated) else { return String::new() };
        let micros = anchor.unix_nanos_at(at) / 1_000;
        format!("[{}.{:06}] ", micros / 1_000_000, micros % 1_000_000)
    }

    fn sent(&mut self, index: usize, seq: u64, at: Instant, left: bool) -> io::Result<()> {
        let date = self.date(at);
        let Some(shown) = self.targets.get_mut(&index) else { return Ok(()) };
        let before = shown.counts.outstanding().filter(|_| self.options.outstanding);
        shown.counts.on_sent(seq, at);
        if let Some(before) = before {
            writeln!(self.out, "{date}no answer yet for icmp_seq={}", before % 65_536)?;
        }
        if left && self.options.flood && !self.options.quiet {
            write!(self.out, ".")
        } else {
            Ok(())
        }
    }

    fn reply(&mut self, index: usize, seq: u64, reply: &Reply) -> io::Result<()> {
        let date = self.date(reply.received_at);
        let Some(shown) = self.targets.get_mut(&index) else { return Ok(()) };
        let is_duplicate = shown.counts.on_reply(seq, reply, shown.is_timed);
        let bell = if self.options.audible { "\u{7}" } else { "" };
        if self.options.quiet {
            return Ok(());
        }
        if self.options.flood {
            return write!(self.out, "\u{8} \u{8}{bell}");
        }
        let who = lines::who(reply.from.address(), shown.name.as_ref()) + shown.zone_of(reply);
        let identifier = shown.identifier.filter(|_| self.options.verbose);
        let mut line = lines::classic_reply(seq, reply, &who, identifier);
        if reply.bytes < shown.size + 8 {
            return writeln!(self.out, "{date}{line} (truncated)");
        }
        if shown.is_timed {
            line.push_str(&lines::classic_time(reply.rtt));
        }
        if is_duplicate && (self.options.verbose || !shown.is_group) {
            line.push_str(" (DUP!)");
        }
        if let Some(c) = reply.corruption.filter(|c| c.offset >= TIMED_BYTES) {
            line.push_str(&format!(
                "\nwrong data byte #{} should be 0x{:x} but was 0x{:x}",
                c.offset, c.sent, c.received
            ));
        }
        let told = reply.options.as_ref();
        let told = told.map(|options| ip_options::told(options, &mut shown.route));
        writeln!(self.out, "{date}{line}{bell}{}", told.unwrap_or_default())
    }

    /// What iputils says of a group, and of an interface, beforehand.
    fn warn(&mut self, resolved: &Resolved) -> io::Result<()> {
        if resolved.cast == Cast::Broadcast {
            writeln!(self.err, "WARNING: pinging broadcast address")?;
        }
        match &resolved.from.1 {
            Some(name) if resolved.elsewhere => writeln!(
                self.err,
                "{}: Warning: source address might be selected on device other than: {}",
                self.options.program.escaped(),
                name.escaped()
            ),
            _ => Ok(()),
        }
    }

    /// A line about an error from the network, which ends the wait for its request.
    fn error(&mut self, index: usize, seq: u64, at: Instant, said: &str) -> io::Result<()> {
        let date = self.date(at);
        if let Some(shown) = self.targets.get_mut(&index) {
            shown.counts.on_error(seq);
        }
        match (self.options.quiet, self.options.flood) {
            (true, _) => Ok(()),
            (_, true) => write!(self.out, "\u{8}E"),
            _ => writeln!(self.out, "{date}{said}"),
        }
    }

    /// A packet that is too large to leave is an error where it is told; any other failure to send
    /// is silent, and a request like one that left.
    fn too_large(&mut self, index: usize, mtu: u32) -> io::Result<()> {
        let Some(shown) = self.targets.get_mut(&index).filter(|_| !self.options.quiet) else {
            return Ok(());
        };
        shown.counts.errors += 1;
        if self.options.flood {
            return write!(self.out, "E");
        }
        let program = self.options.program.escaped();
        let sign = if shown.address.is_some_and(|address| address.is_ipv6()) { ": " } else { "=" };
        writeln!(self.err, "{program}: local error: message too long, mtu{sign}{mtu}")
    }

    fn settled(&mut self, index: usize, at: Instant, settled: &Settled) -> io::Result<()> {
        let seq = settled.seq;
        match &settled.outcome {
            Outcome::Replied(reply) => self.reply(index, seq, reply),
            Outcome::NetError(error) => {
                self.error(index, seq, at, &lines::classic_error(seq, error))
            }
            Outcome::LocalError(error) => {
                self.sent(index, seq, settled.sent_at, false)?;
                error.mtu.map_or(Ok(()), |mtu| self.too_large(index, mtu))
            }
            Outcome::TimedOut | Outcome::Refused(_) | Outcome::Unknown(_) => Ok(()),
        }
    }
}

impl<W: Write, E: Write> Report<Ping> for ClassicReport<W, E> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.anchor = Some(run.anchor);
        if let Some(pattern) = self.options.pattern.as_ref().filter(|_| !self.options.quiet) {
            writeln!(self.out, "PATTERN: 0x{pattern}")?;
        }
        if self.options.verbose {
            writeln!(self.err, "{}: {}\n", self.options.program.escaped(), self.options.sockets)?;
        }
        Ok(())
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let size = usize::from(resolved.size);
        let shown = Shown {
            address: resolved.destination.map(|found| found.address()),
            name: None,
            zone: zone_of(resolved),
            identifier: resolved.identifier,
            is_timed: size >= TIMED_BYTES,
            size,
            is_group: resolved.cast != Cast::Unicast,
            route: Vec::new(),
            counts: Counts::new(),
        };
        if let Some(address) = shown.address.filter(|_| self.options.verbose) {
            let family = if address.is_ipv6() { "AF_INET6" } else { "AF_INET" };
            let name = resolved.target.escaped();
            writeln!(self.out, "ai->ai_family: {family}, ai->ai_canonname: '{name}'")?;
        }
        self.targets.insert(resolved.target_index, shown);
        if resolved.failure.is_none() {
            self.warn(resolved)?;
        }
        match &resolved.failure {
            None => {
                let style = match self.options.numeric {
                    true => lines::Style::Numeric,
                    false => lines::Style::Classic,
                };
                writeln!(self.out, "{}", lines::header(resolved, style))
            }
            Some(failure) => {
                writeln!(self.err, "{}: {}", self.options.program.escaped(), failure.message)
            }
        }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let (index, at) = (event.target_index, event.at);
        let counts = self.targets.get(&index).map(|shown| &shown.counts);
        if counts.zip(self.options.count).is_some_and(|(counts, count)| counts.done() >= count) {
            return Ok(());
        }
        match &event.kind {
            EventKind::Sent { seq } => self.sent(index, *seq, at, true),
            EventKind::Probe(settled) => self.settled(index, at, settled),
            // iputils knows no timeout of a single probe: an answer is an answer whenever it comes.
            EventKind::Late { seq, reply }
            | EventKind::Duplicate { seq, reply }
            | EventKind::Further { seq, reply } => self.reply(index, *seq, reply),
            EventKind::Advice { seq, error } if self.is_plain() => {
                writeln!(
                    self.out,
                    "{}{}",
                    self.date(at),
                    lines::advice(Protocol::Icmp, *seq, error)
                )
            }
            EventKind::LateError { seq, error } => {
                let (from, text) = (error.from.address(), lines::error_text(error));
                self.error(
                    index,
                    *seq,
                    at,
                    &format!("From {from} icmp_seq={} {text}", seq % 65_536),
                )
            }
            EventKind::Rejected { seq: Some(seq), rejection } if is_disbelieved(rejection) => {
                let said = disbelieved(*seq, rejection);
                self.error(index, *seq, at, &said)
            }
            EventKind::Named(name) => {
                if let Some(shown) = self.targets.get_mut(&index) {
                    shown.name = Some(name.clone());
                }
                Ok(())
            }
            EventKind::Interim(_) => match self.targets.get(&index) {
                Some(shown) => writeln!(self.err, "{}", shown.counts.interim(shown.is_timed)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn finish(&mut self, ended: &[Ended<'_>], _: &Document<Target>) -> io::Result<()> {
        for ended in ended.iter().filter(|ended| ended.measurement.is_some()) {
            let Some(shown) = self.targets.get(&ended.resolved.target_index) else { continue };
            let target = ended.target.target.host();
            let target = target.escaped();
            let summary = shown.counts.summary(shown.is_timed, self.options.gap);
            writeln!(self.out, "\n--- {target} ping statistics ---\n{summary}")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.err.flush()
    }
}

fn zone_of(resolved: &Resolved) -> String {
    let given = resolved.target.host().escaped().to_string();
    let is_v6 = resolved.destination.is_some_and(|found| found.family() == Family::Ipv6);
    let zone = lines::zone(&given);
    match &resolved.from.1 {
        _ if !is_v6 => String::new(),
        Some(name) if zone.is_empty() => format!("%{}", name.escaped()),
        _ => zone.to_owned(),
    }
}

/// Whether it is an error that iputils believes and netdiag does not.
fn is_disbelieved(rejection: &Rejection) -> bool {
    rejection.reason == Reason::ImplausibleMtu
}

/// iputils' line about a "too big" whose MTU cannot be true.
fn disbelieved(seq: u64, rejection: &Rejection) -> String {
    let address = rejection.from.address();
    let mtu = rejection.said.and_then(|(_, mtu)| mtu).unwrap_or_default();
    let (kind, mtu) = match rejection.from.family() {
        Family::Ipv4 => (IcmpKind::v4(3, 4), format!(" (mtu = {mtu})")),
        Family::Ipv6 => (IcmpKind::v6(2, 0), format!(": mtu={mtu}")),
    };
    format!("From {address} icmp_seq={} {}{mtu}", seq % 65_536, kind.ping_text())
}
