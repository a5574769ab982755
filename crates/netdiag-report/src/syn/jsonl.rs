//! `--output jsonl`: one event a line, as it happens.

use super::{Ending, Setting, SynReport, tries};
use crate::json_lines::{JsonLines, Resolved};
use crate::limiter::Limiter;
use netdiag_model::{Instant, milliseconds};
use netdiag_tcp::syn::Event;
use netdiag_tcp::syn::result::Port;
use serde_json::json;
use std::io::{self, Write};

/// What of a target has lines of its own.
const OWN_LINES: &[&str] = &["ports"];

/// One event a line.
pub struct JsonLinesReport<W> {
    lines: JsonLines<W>,
    quiet: bool,
    /// Targets of which was told which they are.
    resolved: Vec<bool>,
    limiter: Limiter,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that tells of no single port when `quiet`.
    pub fn new(out: W, quiet: bool) -> Self {
        Self {
            lines: JsonLines::new(out),
            quiet,
            resolved: Vec::new(),
            limiter: Limiter::default(),
        }
    }

    /// What gives a number its meaning, once and before anything else of the target.
    fn resolve(&mut self, setting: &Setting, number: u32, at: Instant) -> io::Result<()> {
        let index = number as usize;
        let Some(told) = self.resolved.get_mut(index).filter(|told| !**told) else { return Ok(()) };
        *told = true;
        let Some(target) = setting.config.target(number) else { return Ok(()) };
        let failure = setting.config.refusal(&target);
        let line = Resolved::new(target.text(), target.destination(), ("tcp", None), failure);
        let method = failure.is_none().then(|| setting.method(number));
        self.lines.resolved(index, at, &line.measured(method, None))
    }
}

impl<W: Write> SynReport for JsonLinesReport<W> {
    fn start(&mut self, setting: &Setting) -> io::Result<()> {
        self.resolved = vec![false; setting.run.target_count];
        self.lines.start(&setting.run)
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Port(row) if !self.quiet => {
                self.resolve(setting, row.target, row.at)?;
                let (index, port) = (Some(row.target as usize), Port::new(row.port, &row.found));
                self.lines.sorted_line("port", index, row.at, &port, &[])
            }
            Event::Try(one) if !self.quiet => {
                let end = one.sent_at + one.took;
                self.resolve(setting, one.target, end)?;
                let fields = tries::fields(one, &setting.run.anchor);
                self.lines.line("reply", Some(one.target as usize), end, &fields)
            }
            Event::Again { target, port, seq, late, reply } => {
                let kind = if *late { "late" } else { "duplicate" };
                let at = reply.received_at;
                if !late && !self.limiter.is_told(at, Some(kind)) {
                    return Ok(());
                }
                self.resolve(setting, *target, at)?;
                let fields = json!({
                    "seq": seq,
                    "port": port,
                    "from": reply.from.address(),
                    "rtt_ms": milliseconds(reply.rtt),
                    "reason": null,
                });
                self.lines.line(kind, Some(*target as usize), at, &fields)
            }
            Event::Rejected { target, seq, rejection } => {
                let (at, reason) = (rejection.at, rejection.reason.name());
                if !self.limiter.is_told(at, Some(reason)) {
                    return Ok(());
                }
                if let Some(target) = target {
                    self.resolve(setting, *target, at)?;
                }
                let fields = json!({
                    "seq": seq,
                    "from": rejection.from.address(),
                    "rtt_ms": null,
                    "reason": reason,
                });
                self.lines.line("rejected", target.map(|target| target as usize), at, &fields)
            }
            Event::Changed(at, change) => self.lines.change(*at, change),
            Event::Port(_) | Event::Try(_) | Event::Interim(..) | Event::Finished(_) => Ok(()),
        }
    }

    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        let length = std::time::Duration::from_secs_f64(ending.document.elapsed_ms / 1e3);
        let end = setting.run.started_at + length;
        for number in 0..ending.measurement.targets() {
            self.resolve(setting, number, end)?;
            let target = ending.measurement.result(number, setting.method(number));
            if let Some(target) = target {
                let index = Some(number as usize);
                self.lines.sorted_line("target", index, end, &target, OWN_LINES)?;
            }
        }
        self.lines.ending(ending.document, [], &[])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}
