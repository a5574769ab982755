//! `--output jsonl`: one event a line, as it happens.

use super::{Ending, Setting, SweepReport};
use crate::ping::PingReport;
use crate::ping::jsonl::{JsonLinesReport as Lines, OWN_LINES, change_words};
use netdiag_model::contract::Method;
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family, Instant, Untrusted};
use netdiag_ping::sweep::{Event, Row};
use serde::Serialize;
use serde_json::json;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

/// One event a line.
pub struct JsonLinesReport<W> {
    lines: Lines<W>,
    /// Targets of which was told which they are.
    resolved: Vec<bool>,
}

/// Which target a number means.
#[derive(Serialize)]
struct Resolved<'a> {
    target: Untrusted,
    address: Option<IpAddr>,
    family: Option<Family>,
    hostname: Option<Untrusted>,
    protocol: &'static str,
    port: Option<u16>,
    method: Option<&'a Method>,
    resolve_ms: Option<f64>,
    failure: Option<&'a Failure>,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that holds back nothing that others repeat when `verbose`, and leaves out single
    /// probes when `quiet`.
    pub fn new(out: W, verbose: bool, quiet: bool) -> Self {
        Self { lines: Lines::new(out, verbose, quiet), resolved: Vec::new() }
    }

    /// What gives a number its meaning, once and before anything else of the target.
    fn resolve(&mut self, setting: &Setting, index: usize, at: Instant) -> io::Result<()> {
        let Some(told) = self.resolved.get_mut(index).filter(|told| !**told) else { return Ok(()) };
        *told = true;
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let Some(target) = setting.config.targets.get(number) else { return Ok(()) };
        let family = target.destination().map(Destination::family);
        let protocol = setting.config.protocol(family.unwrap_or(Family::Ipv4));
        let method = match family {
            Some(Family::Ipv4) => setting.ipv4.as_ref(),
            Some(Family::Ipv6) => setting.ipv6.as_ref(),
            None => None,
        };
        let fields = Resolved {
            target: target.text(),
            address: target.destination().map(Destination::address),
            family,
            hostname: None,
            protocol: protocol.name(),
            port: protocol.port(),
            method,
            resolve_ms: None,
            failure: target.failure(),
        };
        self.lines.sorted_line("resolved", Some(index), at, &fields, &[])
    }

    fn row(&mut self, setting: &Setting, row: &Row) -> io::Result<()> {
        let index = row.target as usize;
        self.resolve(setting, index, row.at)?;
        let Some((target, _)) = setting.result(row) else { return Ok(()) };
        self.lines.sorted_line("target", Some(index), row.at, &target, OWN_LINES)
    }
}

impl<W: Write> SweepReport for JsonLinesReport<W> {
    fn start(&mut self, setting: &Setting) -> io::Result<()> {
        self.resolved = vec![false; setting.config.targets.len() as usize];
        self.lines.start(&setting.run)
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Probe(event) => {
                self.resolve(setting, event.target_index, event.at)?;
                self.lines.event(event)
            }
            Event::Row(row) => self.row(setting, row),
            Event::Changed(at, change) => {
                let (what, before, after) = change_words(change);
                let fields = json!({"what": what, "before": before, "after": after});
                self.lines.line("state", None, *at, &fields)
            }
            Event::Interim(..) | Event::Finished(_) => Ok(()),
        }
    }

    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        let elapsed = Duration::from_secs_f64(ending.document.elapsed_ms / 1e3);
        let end = setting.run.started_at + elapsed;
        self.lines.ending(ending.document, end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}
