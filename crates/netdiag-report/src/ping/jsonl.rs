//! `--output jsonl`: one event a line, as it happens.

use super::{Ended, Ping, Resolved};
use crate::changes::Said;
use crate::json_lines::{self, JsonLines, icmp};
use crate::limiter::{Limiter, Verdict};
use crate::report::{Report, Run};
use netdiag_engine::outcome::Reply;
use netdiag_model::contract::Document;
use netdiag_model::{Untrusted, milliseconds};
use netdiag_ping::Event;
use netdiag_ping::event::{EventKind, Identifier, Outage};
use netdiag_ping::result::{self, Context, Target};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::net::IpAddr;

/// What of a target has lines of its own.
pub(crate) const OWN_LINES: &[&str] = &["outages", "probes"];

/// One event a line.
pub struct JsonLinesReport<W> {
    pub(crate) lines: JsonLines<W>,
    verbose: bool,
    quiet: bool,
    /// What the result of a probe needs.
    context: Option<Context>,
    limiter: Limiter,
    said: Said,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that also tells of each probe sent when `verbose`, and of no single probe when
    /// `quiet`.
    pub fn new(out: W, verbose: bool, quiet: bool) -> Self {
        Self {
            lines: JsonLines::new(out),
            verbose,
            quiet,
            context: None,
            limiter: Limiter::default(),
            said: Said::default(),
        }
    }
}

/// A late answer, a duplicate, that of a further host of a group, or something rejected.
#[derive(Serialize)]
struct Stray {
    seq: Option<u64>,
    from: IpAddr,
    rtt_ms: Option<f64>,
    reason: Option<&'static str>,
}

impl Stray {
    fn reply(seq: u64, reply: &Reply) -> Self {
        let rtt_ms = Some(milliseconds(reply.rtt));
        Self { seq: Some(seq), from: reply.from.address(), rtt_ms, reason: None }
    }
}

impl<W: Write> Report<Ping> for JsonLinesReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.context = Some(Context {
            target: Untrusted::default(),
            anchor: run.anchor,
            started_at: run.started_at,
            method: run.method.clone(),
        });
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
        let (index, at) = (Some(event.target_index), event.at);
        if !self.verbose && self.limiter.judge(at, super::repeatable(&event.kind)) != Verdict::Told
        {
            return Ok(());
        }
        match &event.kind {
            EventKind::Sent { .. }
            | EventKind::Probe(_)
            | EventKind::Late { .. }
            | EventKind::Duplicate { .. }
            | EventKind::Rejected { .. }
            | EventKind::Advice { .. }
            | EventKind::LateError { .. }
                if self.quiet =>
            {
                Ok(())
            }
            EventKind::Sent { seq } if self.verbose => {
                self.lines.line("sent", index, at, &json!({ "seq": seq }))
            }
            EventKind::Probe(settled) => {
                let Some(context) = &self.context else { return Ok(()) };
                let probe = result::probe(settled, context);
                self.lines.line("probe", index, at, &probe)
            }
            EventKind::Late { seq, reply } => {
                self.lines.line("late", index, at, &Stray::reply(*seq, reply))
            }
            EventKind::Duplicate { seq, reply } => {
                self.lines.line("duplicate", index, at, &Stray::reply(*seq, reply))
            }
            EventKind::Further { seq, reply } => {
                self.lines.line("further", index, at, &Stray::reply(*seq, reply))
            }
            EventKind::Rejected { seq, rejection } => {
                let (from, reason) = (rejection.from.address(), Some(rejection.reason.name()));
                self.lines.line(
                    "rejected",
                    index,
                    at,
                    &Stray { seq: *seq, from, rtt_ms: None, reason },
                )
            }
            EventKind::OutageBegan { cause, .. } => {
                let fields = json!({"state": "begin", "lost": null, "duration_ms": null, "cause": cause.to_string()});
                self.lines.line("outage", index, at, &fields)
            }
            EventKind::OutageEnded(outage) => self.lines.line("outage", index, at, &ended(outage)),
            EventKind::Identifier(change) => {
                let after = match change {
                    Identifier::Changed { timeouts } => {
                        json!({"event": "changed", "timeouts": timeouts})
                    }
                    Identifier::Helped { seq } => json!({"event": "helped", "seq": seq}),
                };
                let fields = json!({"what": "identifier", "before": null, "after": after});
                self.lines.line("state", index, at, &fields)
            }
            EventKind::Changed(change) => {
                if self.said.is_new(at, change) {
                    self.lines.change(at, change)
                } else {
                    Ok(())
                }
            }
            EventKind::Advice { seq, error } => {
                self.lines.line("advice", index, at, &icmp(*seq, error))
            }
            EventKind::LateError { seq, error } => {
                self.lines.line("late-error", index, at, &icmp(*seq, error))
            }
            EventKind::Sent { .. }
            | EventKind::Named(_)
            | EventKind::Interim(_)
            | EventKind::Finished => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        let indices = targets.iter().map(|ended| ended.resolved.target_index);
        self.lines.ending(document, indices, OWN_LINES)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

fn ended(outage: &Outage) -> Value {
    json!({
        "state": "end",
        "lost": outage.lost,
        "duration_ms": milliseconds(outage.length),
        "cause": outage.cause.to_string(),
        "ongoing": outage.ongoing,
    })
}
