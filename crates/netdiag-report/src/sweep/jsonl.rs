//! `--output jsonl`: one event a line, as it happens.

use super::alike::{Alike, unbegun};
use super::{Ending, Setting, SweepReport};
use crate::json_lines::{JsonLines, Resolved};
use crate::ping::jsonl::{JsonLinesReport as Probes, OWN_LINES};
use crate::report::Report;
use netdiag_model::{Destination, Family, Instant};
use netdiag_ping::sweep::{Event, Row};
use std::io::{self, Write};

/// One event a line.
pub struct JsonLinesReport<W> {
    probes: Probes<W>,
    /// Targets of which was told which they are.
    resolved: Vec<bool>,
    alike: Alike,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that holds back nothing that others repeat when `verbose`, and leaves out single
    /// probes when `quiet`.
    pub fn new(out: W, verbose: bool, quiet: bool) -> Self {
        let alike = Alike::new(("\"", "\""), Some(("\"target_index\":", ",")));
        Self { probes: Probes::new(out, verbose, quiet), resolved: Vec::new(), alike }
    }

    /// What gives a number its meaning, once and before anything else of the target.
    fn resolve(&mut self, setting: &Setting, index: usize, at: Instant) -> io::Result<()> {
        let Some(told) = self.resolved.get_mut(index).filter(|told| !**told) else { return Ok(()) };
        *told = true;
        resolve(&mut self.probes.lines, setting, index, at)
    }

    fn row(&mut self, setting: &Setting, row: &Row) -> io::Result<()> {
        let index = row.target as usize;
        if let Some(address) = unbegun(setting, row)
            && let Some(told) = self.resolved.get_mut(index).filter(|told| !**told)
        {
            *told = true;
            let text = self.alike.text(row, address, |row| both(setting, row))?;
            return self.probes.lines.raw(text);
        }
        self.resolve(setting, index, row.at)?;
        write(&mut self.probes.lines, setting, row)
    }
}

/// The line that says which target a number means.
fn resolve<W: Write>(
    lines: &mut JsonLines<W>,
    setting: &Setting,
    index: usize,
    at: Instant,
) -> io::Result<()> {
    let number = u32::try_from(index).unwrap_or(u32::MAX);
    let Some(target) = setting.config.targets.get(number) else { return Ok(()) };
    let family = target.destination().map(Destination::family);
    let protocol = setting.config.protocol(family.unwrap_or(Family::Ipv4));
    let method = match family {
        Some(Family::Ipv4) => setting.ipv4.as_ref(),
        Some(Family::Ipv6) => setting.ipv6.as_ref(),
        None => None,
    };
    let sent = (protocol.name(), protocol.port());
    let line = Resolved::new(target.text(), target.destination(), sent, target.failure());
    lines.resolved(index, at, &line.measured(method, None))
}

/// The line of a row.
fn write<W: Write>(lines: &mut JsonLines<W>, setting: &Setting, row: &Row) -> io::Result<()> {
    let Some((target, _)) = setting.result(row) else { return Ok(()) };
    lines.sorted_line("target", Some(row.target as usize), row.at, &target, OWN_LINES)
}

/// Both.
fn both(setting: &Setting, row: &Row) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut lines = JsonLines::new(&mut text);
    lines.start(&setting.run)?;
    resolve(&mut lines, setting, row.target as usize, row.at)?;
    write(&mut lines, setting, row)?;
    // The start was for the times.
    let behind = text.iter().position(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    Ok(text.split_off(behind))
}

impl<W: Write> SweepReport for JsonLinesReport<W> {
    fn start(&mut self, setting: &Setting) -> io::Result<()> {
        self.resolved = vec![false; setting.config.targets.len() as usize];
        self.probes.start(&setting.run)
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Probe(event) => {
                self.resolve(setting, event.target_index, event.at)?;
                self.probes.event(event)
            }
            Event::Row(row) => self.row(setting, row),
            Event::Changed(at, change) => self.probes.lines.change(*at, change),
            Event::Interim(..) | Event::Finished(_) => Ok(()),
        }
    }

    fn finish(&mut self, _: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        self.probes.lines.ending(ending.document, [], &[])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.probes.lines.flush()
    }
}
