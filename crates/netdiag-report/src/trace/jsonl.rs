//! `--output jsonl`: one event a line, as it happens.

use super::{Ended, Resolved, Trace};
use crate::changes::Said;
use crate::json_lines::{self, JsonLines, icmp, to_object};
use crate::limiter::Limiter;
use crate::report::{Report, Run};
use netdiag_model::contract::Document;
use netdiag_model::milliseconds;
use netdiag_trace::event::{EventKind, Settled, Stray};
use netdiag_trace::result::{Hop, Target};
use netdiag_trace::{Config, Event};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// What of a target has lines of its own.
const OWN_LINES: &[&str] = &["hops"];

/// One event a line.
pub struct JsonLinesReport<W> {
    lines: JsonLines<W>,
    verbose: bool,
    quiet: bool,
    configs: BTreeMap<usize, Config>,
    limiter: Limiter,
    said: Said,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that also tells of each probe when `verbose`, and of no single hop when `quiet`.
    pub fn new(out: W, verbose: bool, quiet: bool) -> Self {
        Self {
            lines: JsonLines::new(out),
            verbose,
            quiet,
            configs: BTreeMap::new(),
            limiter: Limiter::default(),
            said: Said::default(),
        }
    }

    /// What is told of an event: its type and fields.
    fn told(&mut self, event: &Event) -> Option<(&'static str, Value)> {
        let config = self.configs.get(&event.target_index);
        Some(match &event.kind {
            EventKind::Reply(settled) if self.verbose => ("reply", reply(settled, config)),
            EventKind::Hop(hop) => {
                let cycle = config
                    .map(|config| config.rounds.as_ref().map_or(config.queries, |_| hop.sent));
                ("hop", hop_as_it_stands(hop, cycle, true)?)
            }
            EventKind::Late(late) => ("late", stray(late)),
            EventKind::Duplicate(duplicate) => ("duplicate", stray(duplicate)),
            EventKind::Rejected { probe, rejection } => {
                let (ttl, seq) = probe.unzip();
                let fields = json!({
                    "ttl": ttl, "seq": seq, "from": rejection.from.address(), "rtt_ms": null,
                    "reason": rejection.reason.name(),
                });
                ("rejected", fields)
            }
            EventKind::Advice { ttl, query, error } => {
                let mut fields = icmp(*query, error);
                if let Some(fields) = fields.as_object_mut() {
                    fields.insert("ttl".to_owned(), json!(ttl));
                }
                ("advice", fields)
            }
            _ => return None,
        })
    }
}

/// A hop, after how many cycles, and whether nothing more comes of it.
fn hop_as_it_stands(hop: &Hop, cycle: Option<u64>, settled: bool) -> Option<Value> {
    let mut fields = to_object(hop).ok()?;
    fields.insert("cycle".to_owned(), json!(cycle));
    fields.insert("settled".to_owned(), Value::Bool(settled));
    Some(Value::Object(fields))
}

/// One probe of one hop.
fn reply(settled: &Settled, config: Option<&Config>) -> Value {
    let answer = settled.answer.as_ref();
    json!({
        "ttl": settled.ttl,
        "seq": settled.query,
        "outcome": settled.outcome,
        "from": answer.map(|answer| answer.from.address()),
        "rtt_ms": answer.map(|answer| milliseconds(answer.rtt)),
        "icmp": answer.and_then(|answer| answer.icmp).map(|kind| {
            json!({"type": kind.kind, "code": kind.code, "name": kind.name()})
        }),
        "flow": config.map(|config| {
            if config.vary_flow || config.multipath.is_some() { "varied" } else { "constant" }
        }),
    })
}

fn stray(stray: &Stray) -> Value {
    json!({
        "ttl": stray.ttl, "seq": stray.query, "from": stray.from,
        "rtt_ms": milliseconds(stray.rtt), "reason": null,
    })
}

impl<W: Write> Report<Trace> for JsonLinesReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.lines.start(run)
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        if let Some(config) = &resolved.config {
            self.configs.insert(resolved.target_index, config.clone());
        }
        let Resolved { target, destination, protocol, failure, .. } = resolved;
        let sent = (protocol.name(), protocol.port());
        let line = json_lines::Resolved::new(target.clone(), *destination, sent, failure.as_ref());
        let line = line.measured(resolved.method.as_ref(), resolved.resolve);
        self.lines.resolved(resolved.target_index, resolved.at, &line)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let EventKind::Changed(change) = &event.kind {
            let is_new = self.said.is_new(event.at, change);
            return if is_new { self.lines.change(event.at, change) } else { Ok(()) };
        }
        if let EventKind::PathChanged(change) = &event.kind {
            let fields = json!({
                "what": "path", "before": change.before, "after": change.after, "ttl": change.ttl,
            });
            return self.lines.line("state", Some(event.target_index), event.at, &fields);
        }
        if self.quiet {
            return Ok(());
        }
        if let EventKind::Figures(figures) = &event.kind {
            let hops = figures.hops.iter();
            let mut told = hops.filter_map(|hop| hop_as_it_stands(hop, Some(figures.cycle), false));
            let index = Some(event.target_index);
            return told.try_for_each(|fields| self.lines.line("hop", index, event.at, &fields));
        }
        let is_told = self.verbose || self.limiter.is_told(event.at, super::text::reason(event));
        match self.told(event).filter(|_| is_told) {
            Some((kind, fields)) => {
                self.lines.line(kind, Some(event.target_index), event.at, &fields)
            }
            None => Ok(()),
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
