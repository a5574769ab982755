//! `--classic`: what fping prints, and nothing more.

mod ending;
mod host;
mod netdata;
mod words;

use super::Setting;
use host::Host;
use netdiag_engine::Outcome;
use netdiag_engine::outcome::{IcmpError, Reason, Reply};
use netdiag_model::{ClockAnchor, IcmpKind, Instant, errno};
use netdiag_ping::event::{EventKind, Settled};
use netdiag_ping::sweep::Event;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use words::Ms;

/// How fping's text is written, by its options.
#[derive(Clone, Debug, Default)]
pub struct ClassicOptions {
    /// Each target with what becomes of it; sends that fail.
    pub verbose: bool,
    /// The names of targets that answer.
    pub alive: bool,
    /// The names of targets that do not.
    pub unreachable: bool,
    /// A line for each probe.
    pub each_probe: bool,
    /// The figures of each target at the end.
    pub per_target: bool,
    /// No end: repeated answers are answers.
    pub loops: bool,
    /// No warnings.
    pub quiet: bool,
    /// Round trips beside the names of targets that answer.
    pub elapsed: bool,
    /// The time of day in front of each line.
    pub dated: bool,
    /// How long targets were out, by the probes that were lost.
    pub outage: bool,
    /// Each round trip instead of the figures.
    pub all_times: bool,
    /// The figures over all targets at the end.
    pub stats: bool,
    /// The figures so far in the words of netdata, told so far apart.
    pub netdata: Option<Duration>,
    /// Targets by their addresses.
    pub addresses: bool,
    /// Whether targets have names that were looked up, beside their addresses.
    pub named: bool,
    /// How many targets have to answer.
    pub reachable: Option<u32>,
    /// How many names had no address.
    pub unknown: u32,
}

/// fping's text on `out`, its warnings and figures on `err`.
pub struct ClassicReport<'a, W> {
    out: W,
    err: &'a mut dyn Write,
    options: ClassicOptions,
    hosts: Vec<Host>,
    /// How wide the longest name is, once all are known.
    width: Option<usize>,
    anchor: Option<ClockAnchor>,
    started_at: Instant,
    totals: host::Totals,
    has_charts: bool,
    unwritten: bool,
}

impl<'a, W: Write> ClassicReport<'a, W> {
    /// A report with these options.
    pub fn new(out: W, err: &'a mut dyn Write, options: ClassicOptions) -> Self {
        Self {
            out,
            err,
            options,
            hosts: Vec::new(),
            width: None,
            anchor: None,
            started_at: Instant::ZERO,
            totals: host::Totals::default(),
            has_charts: false,
            unwritten: false,
        }
    }

    /// The run starts.
    ///
    /// # Errors
    /// When the writer fails, as of all that follow.
    pub fn start(&mut self, setting: &Setting) -> io::Result<()> {
        self.anchor = Some(setting.run.anchor);
        self.started_at = setting.run.started_at;
        let (addresses, named) = (self.options.addresses, self.options.named);
        let all = setting.config.targets.iter();
        self.hosts = all.map(|(_, target)| Host::new(target, addresses, named)).collect();
        Ok(())
    }

    /// Something happened.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Probe(event) => self.probe(event),
            Event::Interim(at, _) => self.interim(&setting.config, *at),
            Event::Row(_) | Event::Changed(..) | Event::Finished(_) => Ok(()),
        }
    }

    /// What was written must be seen now.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.unwritten) { self.out.flush() } else { Ok(()) }
    }

    fn probe(&mut self, event: &netdiag_ping::Event) -> io::Result<()> {
        let index = event.target_index;
        match &event.kind {
            EventKind::Probe(settled) => self.settled(index, event.at, settled),
            EventKind::Duplicate { seq, reply } => self.repeated(index, *seq, reply),
            EventKind::Late { .. } => {
                self.totals.replies += 1;
                Ok(())
            }
            EventKind::Advice { error, .. } | EventKind::LateError { error, .. } => {
                self.icmp(index, error)
            }
            EventKind::Rejected { rejection, .. } if rejection.reason == Reason::ImplausibleMtu => {
                match rejection.said {
                    Some((kind, _)) => self.icmp_of(index, kind, rejection.from.address()),
                    None => Ok(()),
                }
            }
            EventKind::Named(name) => {
                self.width = None;
                let both = self.options.addresses && self.options.named;
                if let Some(host) = self.hosts.get_mut(index) {
                    host.rename(name, both);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn settled(&mut self, index: usize, at: Instant, settled: &Settled) -> io::Result<()> {
        // In the default mode all tries are one probe.
        let number = if self.options.per_target { settled.seq.saturating_sub(1) } else { 0 };
        let (keeps_times, verbose) = (self.keeps_times(), self.options.verbose);
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        match &settled.outcome {
            Outcome::Replied(reply) => {
                self.totals.on_reply(reply.rtt);
                let is_first = host.on_reply(number, reply.rtt, keeps_times);
                if is_first {
                    self.alive(index, reply)?;
                }
                self.each_probe(index, at, |line| {
                    let _ = write!(line, "[{number}], {} bytes, {} ms", reply.bytes, Ms(reply.rtt));
                })
            }
            Outcome::LocalError(error) => {
                self.totals.sent += 1;
                host.on_loss(number, keeps_times);
                let (name, why) = (host.name(), errno::text(error.errno));
                let line = format!("{name}: error while sending ping: {why}");
                if verbose { self.warn(&line) } else { Ok(()) }
            }
            _ => {
                host.on_loss(number, keeps_times);
                self.totals.timeouts += 1;
                self.each_probe(index, at, |line| {
                    let _ = write!(line, "[{number}], timed out");
                })
            }
        }
    }

    /// Whether each round trip is needed until the end.
    fn keeps_times(&self) -> bool {
        self.options.per_target && !self.options.loops
    }

    fn alive(&mut self, index: usize, reply: &Reply) -> io::Result<()> {
        let options = &self.options;
        if !options.verbose && !options.alive {
            return Ok(());
        }
        let Some(host) = self.hosts.get(index) else { return Ok(()) };
        let is = if options.verbose { " is alive" } else { "" };
        self.unwritten = true;
        write!(self.out, "{}{is}", host.name())?;
        if options.elapsed {
            write!(self.out, " ({} ms)", Ms(reply.rtt))?;
        }
        writeln!(self.out)
    }

    fn each_probe(
        &mut self,
        index: usize,
        at: Instant,
        what: impl FnOnce(&mut String),
    ) -> io::Result<()> {
        if !self.options.each_probe {
            return Ok(());
        }
        let width = self.width();
        let Some(host) = self.hosts.get(index) else { return Ok(()) };
        let mut line = String::new();
        if let Some(anchor) = self.anchor.filter(|_| self.options.dated) {
            let tens = anchor.unix_nanos_at(at) / 10_000;
            let _ = write!(line, "[{}.{:05}] ", tens / 100_000, tens % 100_000);
        }
        let _ = write!(line, "{:<width$} : ", host.name());
        what(&mut line);
        let _ = match host.all.mean() {
            Some(mean) => write!(line, " ({} avg, {}% loss)", Ms(mean), host.all.loss()),
            None => write!(line, " (NaN avg, {}% loss)", host.all.loss()),
        };
        self.unwritten = true;
        writeln!(self.out, "{line}")
    }

    /// A further answer to a probe: in a loop it counts like the first.
    fn repeated(&mut self, index: usize, seq: u64, reply: &Reply) -> io::Result<()> {
        let number = if self.options.per_target { seq.saturating_sub(1) } else { 0 };
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        if self.options.loops {
            self.totals.on_reply(reply.rtt);
            host.on_reply(number, reply.rtt, false);
            return self.each_probe(index, reply.received_at, |line| {
                let _ = write!(line, "[{number}], {} bytes, {} ms", reply.bytes, Ms(reply.rtt));
            });
        }
        self.totals.replies += 1;
        if self.options.each_probe || !host.has_answered(number, self.options.per_target) {
            return Ok(());
        }
        let (name, bytes, rtt) = (host.name(), reply.bytes, Ms(reply.rtt));
        let line = format!("{name} : duplicate for [{number}], {bytes} bytes, {rtt} ms");
        self.say(&line)
    }

    fn icmp(&mut self, index: usize, error: &IcmpError) -> io::Result<()> {
        self.icmp_of(index, error.kind, error.from.address())
    }

    /// fping 5.1 knows no ICMPv6 errors.
    fn icmp_of(&mut self, index: usize, kind: IcmpKind, from: IpAddr) -> io::Result<()> {
        let Some(what) = words::icmp(kind).filter(|_| from.is_ipv4()) else { return Ok(()) };
        self.totals.others += 1;
        let Some(host) = self.hosts.get(index) else { return Ok(()) };
        let line = format!("{what} from {from} for ICMP Echo sent to {}", host.name());
        self.warn(&line)
    }

    /// How wide the column of names is.
    fn width(&mut self) -> usize {
        let hosts = &self.hosts;
        *self.width.get_or_insert_with(|| {
            hosts.iter().map(|host| host.name().len()).max().unwrap_or_default()
        })
    }

    fn warn(&mut self, line: &str) -> io::Result<()> {
        if self.options.quiet { Ok(()) } else { self.say(line) }
    }

    /// A line on standard error, after all that was printed before it. Where it takes nothing,
    /// that is no reason to stop.
    fn say(&mut self, line: &str) -> io::Result<()> {
        self.flush()?;
        let _ = writeln!(self.err, "{line}");
        Ok(())
    }
}
