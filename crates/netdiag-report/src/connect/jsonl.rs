//! `--output jsonl`: one event a line, as it happens.

use super::{Connect, Ended, Resolved};
use crate::changes::Said;
use crate::json_lines::{self, JsonLines};
use crate::report::{Report, Run};
use netdiag_model::ClockAnchor;
use netdiag_model::contract::Document;
use netdiag_model::milliseconds;
use netdiag_tcp::connect::result::{self, Target};
use netdiag_tcp::connect::{Attempt, Event, EventKind};
use serde_json::{Value, json};
use std::io::{self, Write};

/// What of a target has lines of its own.
const OWN_LINES: &[&str] = &["results", "results_omitted"];

/// One event a line.
pub struct JsonLinesReport<W> {
    lines: JsonLines<W>,
    quiet: bool,
    anchor: Option<ClockAnchor>,
    said: Said,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that tells of no single attempt when `quiet`.
    pub fn new(out: W, quiet: bool) -> Self {
        Self { lines: JsonLines::new(out), quiet, anchor: None, said: Said::default() }
    }

    fn attempt(&mut self, event: &Event, attempt: &Attempt) -> io::Result<()> {
        let Some(anchor) = &self.anchor else { return Ok(()) };
        let fields = result::attempt(attempt, anchor);
        let mut object = json_lines::to_object(&fields)?;
        let request = attempt.talk.as_ref().and_then(|talk| talk.request);
        let first_byte = attempt.talk.as_ref().and_then(|talk| talk.first_byte);
        let phases = json!({
            "connect": attempt.connect().map(milliseconds),
            "proxy": fields.proxy_ms,
            "tls": fields.tls_ms,
            "request": request.map(milliseconds),
            "first_byte": first_byte.map(milliseconds),
            "body": fields.body_ms,
        });
        object.insert("port".to_owned(), attempt.port.into());
        object.insert("phases_ms".to_owned(), phases);
        if let Some(state) = &attempt.state {
            let state = json_lines::to_object(&result::tcp_info(state))?;
            object.insert("tcp_info".to_owned(), state.into());
        }
        self.lines.line("attempt", event.target_index, event.at, &object)
    }
}

impl<W: Write> Report<Connect> for JsonLinesReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.anchor = Some(run.anchor);
        self.lines.start(run)
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let Resolved { target, addresses, failure, port, .. } = resolved;
        let sent = ("tcp", Some(*port));
        let first = addresses.first().copied();
        let line = json_lines::Resolved::new(target.clone(), first, sent, failure.as_ref());
        let line = line.measured(resolved.method.as_ref(), resolved.resolve);
        let line = line.with_addresses(addresses);
        self.lines.resolved(resolved.target_index, resolved.at, &line)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let outage: (&str, Value) = match &event.kind {
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                return if is_new { self.lines.change(event.at, change) } else { Ok(()) };
            }
            EventKind::Attempt(attempt) if !self.quiet => return self.attempt(event, attempt),
            EventKind::OutageBegan { address, cause } => {
                let cause = cause.to_string();
                (
                    "begin",
                    json!({"address": address, "lost": null, "duration_ms": null, "cause": cause}),
                )
            }
            EventKind::OutageEnded(outage) => (
                "end",
                json!({
                    "address": outage.address,
                    "lost": outage.failed,
                    "duration_ms": milliseconds(outage.length),
                    "cause": outage.cause.to_string(),
                }),
            ),
            EventKind::Attempt(_) | EventKind::Interim { .. } | EventKind::Finished => {
                return Ok(());
            }
        };
        let (state, mut fields) = outage;
        if let Value::Object(fields) = &mut fields {
            fields.insert("state".to_owned(), state.into());
        }
        self.lines.line("outage", event.target_index, event.at, &fields)
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        let indices = targets.iter().map(|ended| ended.resolved.target_index);
        self.lines.ending(document, indices, OWN_LINES)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}
