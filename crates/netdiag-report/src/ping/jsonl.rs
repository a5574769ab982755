//! `--output jsonl`: one event a line, as it happens.

use super::{Ended, PingReport, Resolved, Run};
use crate::fields::Fields;
use crate::json;
use crate::limiter::{Limiter, Verdict};
use netdiag_engine::outcome::{IcmpError, Reply};
use netdiag_engine::port::{Change, InterfaceEvent};
use netdiag_model::contract::Document;
use netdiag_model::{ClockAnchor, Destination, Instant, Untrusted, milliseconds};
use netdiag_ping::Event;
use netdiag_ping::event::{EventKind, Identifier, Outage};
use netdiag_ping::result::{self, Context, Target};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::net::IpAddr;

/// What of a target has lines of its own.
pub(crate) const OWN_LINES: &[&str] = &["outages", "probes"];

/// One event a line.
pub struct JsonLinesReport<W> {
    out: W,
    verbose: bool,
    quiet: bool,
    run: Option<Run>,
    /// What the result of a probe needs.
    context: Option<Context>,
    limiter: Limiter,
    /// The line that is being written.
    text: Vec<u8>,
    fields: Fields,
    /// The change of this machine that was told last.
    said: Option<(Instant, Change)>,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that also tells of each probe sent when `verbose`, and of no single probe when
    /// `quiet`.
    pub fn new(out: W, verbose: bool, quiet: bool) -> Self {
        Self {
            out,
            verbose,
            quiet,
            run: None,
            context: None,
            limiter: Limiter::default(),
            text: Vec::new(),
            fields: Fields::default(),
            said: None,
        }
    }

    /// Writes one event with the fields that all have.
    pub(crate) fn line(
        &mut self,
        kind: &str,
        target_index: Option<usize>,
        at: Instant,
        fields: &impl Serialize,
    ) -> io::Result<()> {
        let line = Line { head: self.head(kind, target_index, at), fields };
        self.text.clear();
        json::append(&mut self.text, &line)?;
        self.write()
    }

    /// Writes one event with the fields that all have, and some of a value in the order of their
    /// names.
    pub(crate) fn sorted_line(
        &mut self,
        kind: &str,
        target_index: Option<usize>,
        at: Instant,
        value: &impl Serialize,
        without: &[&str],
    ) -> io::Result<()> {
        let head = self.head(kind, target_index, at);
        self.text.clear();
        json::append(&mut self.text, &head)?;
        // The brace comes after the fields.
        self.text.pop();
        self.fields.append(&mut self.text, value, without)?;
        self.text.push(b'}');
        self.write()
    }

    fn head<'a>(&self, kind: &'a str, target_index: Option<usize>, at: Instant) -> Head<'a> {
        let (anchor, started) = match &self.run {
            Some(run) => (run.anchor, run.started_at),
            None => (ClockAnchor { instant: at, unix_nanos: 0 }, at),
        };
        let offset_ms = milliseconds(at.since(started));
        Head { kind, target_index, at: anchor.rfc3339(at), offset_ms }
    }

    /// Writes what every run ends with: its findings, and the summary.
    pub(crate) fn ending<T: Serialize>(
        &mut self,
        document: &Document<T>,
        end: Instant,
    ) -> io::Result<()> {
        for finding in &document.findings {
            self.sorted_line("finding", finding.target_index, end, finding, &["target_index"])?;
        }
        let mut object = to_object(document)?;
        object.remove("targets");
        self.line("summary", None, end, &object)
    }

    fn write(&mut self) -> io::Result<()> {
        self.text.push(b'\n');
        self.out.write_all(&self.text)
    }
}

/// The four fields of every line.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    target_index: Option<usize>,
    at: String,
    offset_ms: f64,
}

/// Those, and the fields of its type.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    head: Head<'a>,
    #[serde(flatten)]
    fields: &'a T,
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

/// An ICMP error that ends no probe: a redirect, or one that came too late.
pub(crate) fn icmp(seq: u64, error: &IcmpError) -> Value {
    let (from, kind) = (error.from.address(), error.kind);
    json!({
        "seq": seq,
        "from": from,
        "rtt_ms": milliseconds(error.rtt),
        "reason": kind.reason(),
        "icmp": {"type": kind.kind, "code": kind.code, "name": kind.name(), "from": from},
        "gateway": error.gateway,
    })
}

impl<W: Write> PingReport for JsonLinesReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.run = Some(run.clone());
        self.context = Some(Context {
            target: Untrusted::default(),
            anchor: run.anchor,
            started_at: run.started_at,
            method: run.method.clone(),
        });
        let fields = json!({
            "schema": netdiag_model::contract::SCHEMA,
            "command": run.command,
            "version": run.version,
            "started_at": run.anchor.rfc3339(run.started_at),
            "method": run.method,
            "arguments": run.arguments,
            "target_count": run.target_count,
        });
        self.line("start", None, run.started_at, &fields)
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        let fields = json!({
            "target": resolved.target,
            "address": resolved.destination.map(Destination::address),
            "family": resolved.destination.map(Destination::family),
            "hostname": null,
            "protocol": resolved.protocol.name(),
            "port": resolved.protocol.port(),
            "method": resolved.method,
            "resolve_ms": resolved.resolve.map(milliseconds),
            "failure": resolved.failure,
        });
        self.line("resolved", Some(resolved.target_index), resolved.at, &fields)
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
                self.line("sent", index, at, &json!({ "seq": seq }))
            }
            EventKind::Probe(settled) => {
                let Some(context) = &self.context else { return Ok(()) };
                let probe = result::probe(settled, context);
                self.line("probe", index, at, &probe)
            }
            EventKind::Late { seq, reply } => {
                self.line("late", index, at, &Stray::reply(*seq, reply))
            }
            EventKind::Duplicate { seq, reply } => {
                self.line("duplicate", index, at, &Stray::reply(*seq, reply))
            }
            EventKind::Further { seq, reply } => {
                self.line("further", index, at, &Stray::reply(*seq, reply))
            }
            EventKind::Rejected { seq, rejection } => {
                let (from, reason) = (rejection.from.address(), Some(rejection.reason.name()));
                self.line("rejected", index, at, &Stray { seq: *seq, from, rtt_ms: None, reason })
            }
            EventKind::OutageBegan { cause, .. } => {
                let fields = json!({"state": "begin", "lost": null, "duration_ms": null, "cause": cause.to_string()});
                self.line("outage", index, at, &fields)
            }
            EventKind::OutageEnded(outage) => self.line("outage", index, at, &ended(outage)),
            EventKind::Identifier(change) => {
                let after = match change {
                    Identifier::Changed { timeouts } => {
                        json!({"event": "changed", "timeouts": timeouts})
                    }
                    Identifier::Helped { seq } => json!({"event": "helped", "seq": seq}),
                };
                let fields = json!({"what": "identifier", "before": null, "after": after});
                self.line("state", index, at, &fields)
            }
            EventKind::Changed(change) => {
                if self.said.replace((at, change.clone())) == Some((at, change.clone())) {
                    // Every target that it concerns tells it.
                    return Ok(());
                }
                let (what, before, after) = change_words(change);
                let fields = json!({"what": what, "before": before, "after": after});
                self.line("state", None, at, &fields)
            }
            EventKind::Advice { seq, error } => self.line("advice", index, at, &icmp(*seq, error)),
            EventKind::LateError { seq, error } => {
                self.line("late-error", index, at, &icmp(*seq, error))
            }
            EventKind::Sent { .. }
            | EventKind::Named(_)
            | EventKind::Interim(_)
            | EventKind::Finished => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], document: &Document<Target>) -> io::Result<()> {
        let Some(run) = &self.run else { return Ok(()) };
        let end = run.started_at + std::time::Duration::from_secs_f64(document.elapsed_ms / 1e3);
        for ended in targets {
            let index = Some(ended.resolved.target_index);
            self.sorted_line("target", index, end, ended.target, OWN_LINES)?;
        }
        self.ending(document, end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
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

pub(crate) fn change_words(change: &Change) -> (&'static str, Value, Value) {
    match change {
        Change::Suspended { length } => {
            ("suspend", Value::Null, json!({"ms": milliseconds(*length)}))
        }
        Change::ClockStepped { nanos } => {
            ("clock", Value::Null, json!({"step_ms": *nanos as f64 / 1e6}))
        }
        Change::Interface(change) => {
            let what = match change.what {
                InterfaceEvent::RouteAdded(..) | InterfaceEvent::RouteRemoved(..) => "route",
                _ => "interface",
            };
            let after = json!({"interface": change.interface(), "event": change.what.to_string()});
            (what, Value::Null, after)
        }
        Change::ReceiveDrops { count } => ("capture-drop", Value::Null, json!({"drops": count})),
    }
}

pub(crate) fn to_object(value: &impl Serialize) -> io::Result<Map<String, Value>> {
    match serde_json::to_value(value).map_err(io::Error::other)? {
        Value::Object(object) => Ok(object),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}
