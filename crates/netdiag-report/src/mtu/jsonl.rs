//! `--output jsonl`: one event a line, as it happens.

use super::{Ended, Mtu, Resolved};
use crate::changes::Said;
use crate::json_lines::{self, JsonLines};
use crate::limiter::Limiter;
use crate::report::{Report, Run};
use netdiag_model::contract::Document;
use netdiag_model::milliseconds;
use netdiag_trace::mtu::event::Settled;
use netdiag_trace::mtu::result::Target;
use netdiag_trace::mtu::{Event, EventKind};
use serde_json::{Value, json};
use std::io::{self, Write};

/// What of a target has lines of its own.
const OWN_LINES: &[&str] = &["sizes"];

/// One event a line.
pub struct JsonLinesReport<W> {
    lines: JsonLines<W>,
    verbose: bool,
    quiet: bool,
    limiter: Limiter,
    said: Said,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that tells of everything that was rejected when `verbose`, and of no single packet
    /// when `quiet`.
    pub fn new(out: W, verbose: bool, quiet: bool) -> Self {
        let lines = JsonLines::new(out);
        Self { lines, verbose, quiet, limiter: Limiter::default(), said: Said::default() }
    }
}

/// One packet.
fn size(settled: &Settled) -> Value {
    json!({
        "bytes": settled.bytes,
        "ttl": settled.ttl,
        "outcome": settled.outcome,
        "from": settled.from,
        "mtu": settled.mtu,
        "rtt_ms": settled.rtt.map(milliseconds),
    })
}

impl<W: Write> Report<Mtu> for JsonLinesReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.lines.start(run)
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let Resolved { target, destination, protocol, failure, .. } = resolved;
        let sent = (protocol.name(), protocol.port());
        let line = json_lines::Resolved::new(target.clone(), *destination, sent, failure.as_ref());
        let line = line.measured(resolved.method.as_ref(), resolved.resolve);
        self.lines.resolved(resolved.target_index, resolved.at, &line)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let (kind, fields) = match &event.kind {
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                return if is_new { self.lines.change(event.at, change) } else { Ok(()) };
            }
            _ if self.quiet => return Ok(()),
            EventKind::Size(settled) => ("size", size(settled)),
            EventKind::Rejected(rejection) => {
                let reason = rejection.reason.name();
                if !self.verbose && !self.limiter.is_told(event.at, Some(reason)) {
                    return Ok(());
                }
                let from = rejection.from.address();
                ("rejected", json!({"from": from, "rtt_ms": null, "reason": reason}))
            }
            EventKind::Interim { .. } | EventKind::Finished => return Ok(()),
        };
        self.lines.line(kind, Some(event.target_index), event.at, &fields)
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        let indices = targets.iter().map(|ended| ended.resolved.target_index);
        self.lines.ending(document, indices, OWN_LINES)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}
