//! `--output jsonl`: one event a line, as it happens.

use super::{Dns, Ended, Resolved};
use crate::changes::Said;
use crate::json_lines::{JsonLines, to_object};
use crate::limiter::Limiter;
use crate::report::{Report, Run};
use netdiag_dns::{Config, Event, EventKind, Told, config};
use netdiag_model::contract::Document;
use netdiag_model::{Instant, milliseconds};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What of a target has lines of its own.
const OWN_LINES: &[&str] = &["results", "steps", "type"];

/// One event a line.
pub struct JsonLinesReport<W> {
    lines: JsonLines<W>,
    config: Arc<Config>,
    verbose: bool,
    quiet: bool,
    limiter: Limiter,
    said: Said,
    /// When anything was told last.
    last_at: Instant,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that tells of everything that was rejected when `verbose`, and of no single answer
    /// when `quiet`.
    pub fn new(out: W, config: Arc<Config>, verbose: bool, quiet: bool) -> Self {
        let (lines, limiter) = (JsonLines::new(out), Limiter::default());
        let (said, last_at) = (Said::default(), Instant::ZERO);
        Self { lines, config, verbose, quiet, limiter, said, last_at }
    }
}

impl<W: Write> Report<Dns> for JsonLinesReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.last_at = run.started_at;
        self.lines.start(run)
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let asked = self.config.targets.get(resolved.target_index);
        let Some(config::Target { given, question, .. }) = asked else { return Ok(()) };
        let (kind, class) = (question.kind.name(), question.class.name());
        // A question has no address; who answers it stands with each answer.
        let fields = json!({
            "target": given, "name": question.name.presented(), "query_type": kind, "class": class,
            "address": null, "family": null, "hostname": null, "port": null,
            "protocol": self.config.transport.to_string().to_ascii_lowercase(), "method": null,
            "resolve_ms": null, "failure": null,
        });
        self.lines.line("resolved", Some(resolved.target_index), resolved.at, &fields)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.last_at = event.at;
        match &event.kind {
            EventKind::Changed(change) => {
                let is_new = self.said.is_new(event.at, change);
                if is_new { self.lines.change(event.at, change) } else { Ok(()) }
            }
            _ if self.quiet => Ok(()),
            EventKind::Settled(target, server, settled) => {
                let Some(result) = settled.result(&self.config, *server) else { return Ok(()) };
                let mut fields = to_object(&result)?;
                fields.insert("seq".to_owned(), settled.number.into());
                self.lines.line("answer", Some(*target), event.at, &fields)
            }
            EventKind::Rejected(target, rejection) => {
                let reason = rejection.reason.name();
                if !self.verbose && !self.limiter.is_told(event.at, Some(reason)) {
                    return Ok(());
                }
                let from = rejection.from.address();
                let fields = json!({"seq": null, "from": from, "rtt_ms": null, "reason": reason});
                self.lines.line("rejected", *target, event.at, &fields)
            }
            EventKind::Late(target, seq, from, rtt) => {
                self.lines.line("late", Some(*target), event.at, &stray(*seq, *from, *rtt))
            }
            EventKind::Duplicate(target, seq, from, rtt) => {
                self.lines.line("duplicate", Some(*target), event.at, &stray(*seq, *from, *rtt))
            }
            EventKind::Part(server, part) => {
                let server = self.config.servers.get(*server).map(config::Server::endpoint);
                let fields = json!({"server": server, "seq": part.number, "answers": part.records});
                self.lines.line("records", Some(0), event.at, &fields)
            }
            EventKind::Walked(walked) => {
                let mut fields = to_object(&walked.result)?;
                for (key, value) in [
                    ("seq", walked.number.into()),
                    ("step", "delegation".into()),
                    ("zone", walked.zone.as_str().into()),
                    ("asked", walked.asked.as_str().into()),
                ] {
                    fields.insert(key.to_owned(), value);
                }
                self.lines.line("answer", Some(0), event.at, &fields)
            }
            EventKind::Interim(..) => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Told>) -> io::Result<()> {
        for (index, ended) in targets.iter().enumerate() {
            for step in &ended.target.target().steps {
                self.lines.line("step", Some(index), self.last_at, &to_object(step)?)?;
            }
        }
        self.lines.ending(document, 0..targets.len(), OWN_LINES)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

/// An answer that counts no more.
fn stray(seq: Option<u64>, from: IpAddr, rtt: Duration) -> Value {
    json!({"seq": seq, "from": from, "rtt_ms": milliseconds(rtt), "reason": null})
}
