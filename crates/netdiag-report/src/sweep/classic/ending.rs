//! The figures of each target, on the way and at the end, and those of all together.

use super::host::{Figures, Host};
use super::{ClassicReport, Ms};
use netdiag_model::Instant;
use netdiag_ping::sweep::Config;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Seconds of a day.
const DAY: i128 = 86_400;

impl<W: Write> ClassicReport<'_, W> {
    /// The run is over, after so many packets have left.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(&mut self, config: &Config, sent: u64, ended_at: Instant) -> io::Result<()> {
        self.totals.sent += sent;
        let silent = || self.hosts.iter().filter(|host| host.all.received == 0);
        let is = if self.options.verbose { " is unreachable" } else { "" };
        if self.options.verbose || self.options.unreachable {
            for host in silent() {
                writeln!(self.out, "{}{is}", host.name())?;
            }
        }
        let silent = silent().count();
        self.out.flush()?;
        if self.options.per_target {
            self.per_target(config)?;
        }
        if self.options.stats {
            self.stats(silent, ended_at)?;
        }
        if let Some(required) = self.options.reachable {
            let reachable = self.hosts.len() - silent;
            let enough = if reachable >= required as usize { "Enough" } else { "Not enough" };
            let tail = format!("(required: {required}, reachable: {reachable})");
            writeln!(self.out, "{enough} hosts reachable {tail}")?;
        }
        self.out.flush()
    }

    /// The figures since they were last told.
    pub(super) fn interim(&mut self, config: &Config, at: Instant) -> io::Result<()> {
        if self.options.netdata.is_some() {
            self.charts()?;
        } else {
            self.splits(config, at)?;
        }
        for host in &mut self.hosts {
            host.lately = Figures::default();
        }
        Ok(())
    }

    fn splits(&mut self, config: &Config, at: Instant) -> io::Result<()> {
        self.separate()?;
        if let Some(anchor) = self.anchor {
            let second = (anchor.unix_nanos_at(at) / 1_000_000_000).rem_euclid(DAY);
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            self.say(&format!("[{hour:02}:{minute:02}:{second:02}]"))?;
        }
        let width = self.width();
        for index in 0..self.hosts.len() {
            let Some(host) = self.hosts.get(index) else { continue };
            let line = self.figures(host, &host.lately, width, config);
            self.say(&line)?;
        }
        Ok(())
    }

    fn per_target(&mut self, config: &Config) -> io::Result<()> {
        self.separate()?;
        let width = self.width();
        for index in 0..self.hosts.len() {
            let Some(host) = self.hosts.get(index) else { continue };
            let line = match self.options.all_times {
                true => times(host, width),
                false => self.figures(host, &host.all, width, config),
            };
            self.say(&line)?;
        }
        Ok(())
    }

    /// A blank line where lines of targets came before.
    fn separate(&mut self) -> io::Result<()> {
        if self.options.verbose || self.options.each_probe { self.say("") } else { Ok(()) }
    }

    fn figures(&self, host: &Host, figures: &Figures, width: usize, config: &Config) -> String {
        let (sent, received, loss) = (figures.sent, figures.received, figures.loss());
        let name = host.name();
        let mut line = format!("{name:<width$} : xmt/rcv/%loss = {sent}/{received}/{loss}%");
        if self.options.outage {
            let outage = config.interval.as_nanos() * u128::from(figures.lost()) / 1_000_000;
            let _ = write!(line, ", outage(ms) = {outage}");
        }
        if let Some([min, mean, max]) = figures.times() {
            let _ = write!(line, ", min/avg/max = {}/{}/{}", Ms(min), Ms(mean), Ms(max));
        }
        line
    }

    fn stats(&mut self, silent: usize, ended_at: Instant) -> io::Result<()> {
        let totals = self.totals;
        let all = self.hosts.len();
        let (alive, unknown) = (all - silent, self.options.unknown);
        let [min, mean, max] = totals.answers.times().unwrap_or_default();
        let elapsed = ended_at.since(self.started_at).as_secs_f64();
        let text = format!(
            "
 {all:7} targets
 {alive:7} alive
 {silent:7} unreachable
 {unknown:7} unknown addresses

 {:7} timeouts (waiting for response)
 {:7} ICMP Echos sent
 {:7} ICMP Echo Replies received
 {:7} other ICMP received

 {} ms (min round trip time)
 {} ms (avg round trip time)
 {} ms (max round trip time)
 {elapsed:12.3} sec (elapsed real time)
",
            totals.timeouts,
            totals.sent,
            totals.replies,
            totals.others,
            Ms(min),
            Ms(mean),
            Ms(max),
        );
        self.say(&text)
    }
}

fn times(host: &Host, width: usize) -> String {
    let mut line = format!("{:<width$} :", host.name());
    for time in host.all_times() {
        let _ = match time {
            Some(time) => write!(line, " {}", Ms(time)),
            None => write!(line, " -"),
        };
    }
    line
}
