//! `--output jsonl`: one event a line, as it happens.

use super::{Ended, Resolved, TraceReport};
use crate::limiter::Limiter;
use crate::ping::jsonl::{JsonLinesReport as Lines, change_words, icmp, to_object};
use crate::ping::{PingReport, Run};
use netdiag_engine::port::Change;
use netdiag_model::contract::Document;
use netdiag_model::{Destination, Instant, milliseconds};
use netdiag_trace::event::{EventKind, Settled, Stray};
use netdiag_trace::result::Target;
use netdiag_trace::{Config, Event};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// What of a target has lines of its own.
const OWN_LINES: &[&str] = &["hops"];

/// One event a line.
pub struct JsonLinesReport<W> {
    lines: Lines<W>,
    verbose: bool,
    quiet: bool,
    started_at: Instant,
    configs: BTreeMap<usize, Config>,
    limiter: Limiter,
    /// The change of this machine that was told last.
    said: Option<(Instant, Change)>,
}

impl<W: Write> JsonLinesReport<W> {
    /// A report that also tells of each probe when `verbose`, and of no single hop when `quiet`.
    pub fn new(out: W, verbose: bool, quiet: bool) -> Self {
        Self {
            lines: Lines::new(out, verbose, quiet),
            verbose,
            quiet,
            started_at: Instant::ZERO,
            configs: BTreeMap::new(),
            limiter: Limiter::default(),
            said: None,
        }
    }

    /// What is told of an event: its type and fields.
    fn told(&mut self, event: &Event) -> Option<(&'static str, Value)> {
        let config = self.configs.get(&event.target_index);
        Some(match &event.kind {
            EventKind::Reply(settled) if self.verbose => ("reply", reply(settled, config)),
            EventKind::Hop(hop) => {
                let mut fields = to_object(hop).ok()?;
                fields.insert("cycle".to_owned(), json!(config.map(|config| config.queries)));
                fields.insert("settled".to_owned(), Value::Bool(true));
                ("hop", Value::Object(fields))
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
        "flow": config.map(|config| if config.vary_flow { "varied" } else { "constant" }),
    })
}

fn stray(stray: &Stray) -> Value {
    json!({
        "ttl": stray.ttl, "seq": stray.query, "from": stray.from,
        "rtt_ms": milliseconds(stray.rtt), "reason": null,
    })
}

impl<W: Write> TraceReport for JsonLinesReport<W> {
    fn start(&mut self, run: &Run) -> io::Result<()> {
        self.started_at = run.started_at;
        self.lines.start(run)
    }

    fn resolved(&mut self, resolved: &Resolved) -> io::Result<()> {
        if let Some(config) = &resolved.config {
            self.configs.insert(resolved.target_index, config.clone());
        }
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
        self.lines.line("resolved", Some(resolved.target_index), resolved.at, &fields)
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let EventKind::Changed(change) = &event.kind {
            if self.said.replace((event.at, change.clone())) == Some((event.at, change.clone())) {
                // Every target that it concerns tells it.
                return Ok(());
            }
            let (what, before, after) = change_words(change);
            let fields = json!({"what": what, "before": before, "after": after});
            return self.lines.line("state", None, event.at, &fields);
        }
        if self.quiet {
            return Ok(());
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
        let end = self.started_at + Duration::from_secs_f64(document.elapsed_ms / 1e3);
        for ended in targets {
            let index = Some(ended.resolved.target_index);
            self.lines.sorted_line("target", index, end, ended.target, OWN_LINES)?;
        }
        self.lines.ending(document, end)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}
