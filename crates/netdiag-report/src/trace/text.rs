//! `--output text`: what a person reads.

use super::graph;
use super::mtr::{self, Order};
use super::row::{self, Columns, Layout};
use super::{Ended, Resolved, Trace};
use crate::changes::{self, Said};
use crate::fold::fold;
use crate::limiter::Limiter;
use crate::report::{Report, Run, interim};
use crate::style::Style;
use crate::verdict;
use netdiag_model::Family;
use netdiag_model::contract::{Document, SocketKind};
use netdiag_trace::event::EventKind;
use netdiag_trace::result::Target;
use netdiag_trace::{Config, Event, Protocol};
use std::io::{self, Write};
use std::net::IpAddr;

/// How text is written.
#[derive(Clone, Debug, Default)]
pub struct TextOptions {
    /// Only what is wrong and the verdict.
    pub quiet: bool,
    /// A line for everything that came late, twice, or was rejected.
    pub verbose: bool,
    /// Which columns there are beside those that always are.
    pub columns: Columns,
    /// Colours.
    pub style: Style,
    /// The columns of a table of cycles, which comes at the end.
    pub order: Option<Order>,
}

/// Text on `out`, what is not a result on `err`.
pub struct TextReport<W, E> {
    out: W,
    err: E,
    options: TextOptions,
    targets: usize,
    /// The only target, whose rows are shown as they come, and whether the header of the table was.
    only: Option<(IpAddr, Family, bool)>,
    limiter: Limiter,
    said: Said,
}

impl<W: Write, E: Write> TextReport<W, E> {
    /// A report with these options.
    pub fn new(out: W, err: E, options: TextOptions) -> Self {
        let limiter = Limiter::default();
        Self { out, err, options, targets: 0, only: None, limiter, said: Said::default() }
    }

    /// Where it is written.
    pub(super) const fn out(&mut self) -> &mut W {
        &mut self.out
    }

    /// The terminal has another width now.
    pub(super) const fn resize(&mut self, columns: u16) {
        if let Some(width) = &mut self.options.style.width {
            *width = columns;
        }
    }

    /// Whether hops are shown as they come.
    const fn shows_rows(&self) -> bool {
        self.targets == 1 && self.options.order.is_none()
    }

    fn hop(&mut self, hop: &netdiag_trace::result::Hop) -> io::Result<()> {
        let Some((address, family, has_header)) = self.only else { return Ok(()) };
        let width = self.options.style.columns();
        let layout = Layout::new(Some(family), self.options.columns, width);
        if !has_header {
            self.only = Some((address, family, true));
        }
        let header = if has_header { Vec::new() } else { layout.header() };
        for line in header.into_iter().chain(layout.lines(hop, Some(address))) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// What came beside the answers that count.
    fn stray(&mut self, event: &Event) -> io::Result<()> {
        if !self.options.verbose || !self.limiter.is_told(event.at, reason(event)) {
            return Ok(());
        }
        match &event.kind {
            EventKind::Late(late) => {
                let ms = netdiag_model::milliseconds(late.rtt);
                writeln!(self.err, "hop {}: late, {ms:.3} ms, from {}", late.ttl, late.from)
            }
            EventKind::Duplicate(again) => {
                writeln!(self.err, "hop {}: once more from {}", again.ttl, again.from)
            }
            EventKind::Rejected { rejection, .. } => {
                let (from, reason) = (rejection.from.address(), rejection.reason.name());
                let mtu = rejection.said.and_then(|(_, mtu)| mtu);
                let mtu = mtu.map(|mtu| format!(", mtu {mtu}")).unwrap_or_default();
                writeln!(self.err, "rejected: {reason}, from {from}{mtu}")
            }
            EventKind::Advice { ttl, error, .. } => {
                writeln!(self.err, "hop {ttl}: {} from {}", error.kind.name(), error.from.address())
            }
            _ => Ok(()),
        }
    }

    fn ended(&mut self, ended: &Ended<'_>, document: &Document<Target>) -> io::Result<()> {
        let several = self.targets > 1;
        let is_shown = !self.options.quiet && ended.verdict.is_some();
        if let Some(order) = self.options.order.as_ref().filter(|_| is_shown) {
            let width = self.options.style.columns();
            let header = mtr::header(ended.resolved, ended.target, ended.took.unwrap_or_default());
            writeln!(self.out, "{}", fold(&header, width))?;
            for line in mtr::table(ended.target, order, self.options.columns, width) {
                writeln!(self.out, "{line}")?;
            }
        } else if several && is_shown {
            let width = self.options.style.columns();
            writeln!(self.out, "{}", fold(&header(ended.resolved), width))?;
            for line in row::table(ended.target, self.options.columns, width) {
                writeln!(self.out, "{line}")?;
            }
        }
        let is_by_connections = |target: &Target| {
            target.method.as_ref().is_some_and(|it| it.socket == SocketKind::TcpErrorQueue)
        };
        let by_user = ended.target.user_stamps;
        if is_shown && by_user > 0 && !is_by_connections(ended.target) {
            let said = format!(
                "i round trips by this process's clock, not the kernel's (its delays are inside): \
                 {by_user}"
            );
            writeln!(self.out, "{}", self.options.style.fold(&said))?;
        }
        if let Some(graph) = ended.target.graph.as_ref().filter(|_| is_shown) {
            for line in graph::text(graph) {
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
                true => format!("{}: ", ended.resolved.target.host().escaped()),
                false => String::new(),
            };
            verdict::write_verdict(&mut self.out, self.options.style, &format!("{whose}{said}"))?;
        }
        Ok(())
    }
}

/// A target and what is sent to it, in words.
pub(super) fn subject(resolved: &Resolved) -> (String, String) {
    let name = resolved.named();
    let sent = match resolved.protocol {
        Protocol::Icmp => "ICMP".to_owned(),
        Protocol::Udp { port } => format!("UDP to port {port}"),
        Protocol::Tcp { port } => format!("TCP SYN to port {port}"),
    };
    (name, sent)
}

/// What is measured, in a line.
fn header(resolved: &Resolved) -> String {
    let (name, sent) = subject(resolved);
    let socket = match resolved.method.as_ref().map(|method| method.socket) {
        Some(SocketKind::Raw) => "raw socket",
        Some(SocketKind::IcmpDatagram) => "ICMP datagram socket",
        Some(SocketKind::UdpErrorQueue) => "UDP error queue",
        Some(SocketKind::TcpErrorQueue) => "TCP error queue",
        _ => "no socket",
    };
    let plan = resolved.config.as_ref().map(plan).unwrap_or_default();
    format!("trace to {name}, {sent}{plan}, {socket}")
}

fn plan(config: &Config) -> String {
    let probes = match (config.multipath, config.queries) {
        (Some(_), _) => "as many probes a hop as it takes".to_owned(),
        (None, 1) => "1 probe a hop".to_owned(),
        (None, n) => format!("{n} probes a hop"),
    };
    let flow = match config.multipath {
        Some(multipath) => format!(", all paths at {} %", multipath.confidence.percent()),
        None if config.vary_flow => ", varied flow".to_owned(),
        None => String::new(),
    };
    format!(", {probes}, at most {} hops{flow}", config.max_ttl)
}

/// The reason of an event that somebody else can repeat at will.
pub(super) const fn reason(event: &Event) -> Option<&'static str> {
    match &event.kind {
        EventKind::Rejected { rejection, .. } => Some(rejection.reason.name()),
        EventKind::Duplicate(_) => Some("duplicate"),
        EventKind::Advice { .. } => Some("redirect"),
        _ => None,
    }
}

impl<W: Write, E: Write> Report<Trace> for TextReport<W, E> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.targets = run.target_count;
        Ok(())
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        if let Some(failure) = &resolved.failure {
            let command = if self.options.order.is_some() { "mtr" } else { "trace" };
            return writeln!(self.err, "netdiag {command}: {}", failure.message);
        }
        let Some(destination) = resolved.destination.filter(|_| self.shows_rows()) else {
            return Ok(());
        };
        self.only = Some((destination.address(), destination.family(), false));
        if self.options.quiet {
            return Ok(());
        }
        writeln!(self.out, "{}", self.options.style.fold(&header(resolved)))
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Interim(_) => {
                let said = interim::<Trace>(event, self.targets).unwrap_or_default();
                writeln!(self.err, "{said}")
            }
            _ if self.options.quiet => Ok(()),
            EventKind::Hop(hop) => self.hop(hop),
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                if is_new { writeln!(self.err, "{}", changes::line(change)) } else { Ok(()) }
            }
            _ => self.stray(event),
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
