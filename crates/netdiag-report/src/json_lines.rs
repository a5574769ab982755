//! `--output jsonl`: one event a line, as it happens; what the lines of all commands have in common.

use crate::fields::Fields;
use crate::report::Run;
use crate::{changes, json};
use netdiag_engine::outcome::IcmpError;
use netdiag_engine::port::Change;
use netdiag_model::contract::{Document, Method, SCHEMA};
use netdiag_model::failure::Failure;
use netdiag_model::{ClockAnchor, Destination, Family, Instant, Untrusted, milliseconds};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

/// Lines of one run.
pub(crate) struct JsonLines<W> {
    out: W,
    /// Turns instants into dates, and when the run started.
    clock: Option<(ClockAnchor, Instant)>,
    /// The line that is being written.
    text: Vec<u8>,
    fields: Fields,
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

/// Which target a number means.
#[derive(Serialize)]
pub(crate) struct Resolved<'a> {
    target: Untrusted,
    address: Option<IpAddr>,
    family: Option<Family>,
    hostname: Option<Untrusted>,
    protocol: &'static str,
    port: Option<u16>,
    method: Option<&'a Method>,
    resolve_ms: Option<f64>,
    failure: Option<&'a Failure>,
    /// All addresses, where more than one is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<IpAddr>>,
}

impl<'a> Resolved<'a> {
    /// A target and its address, before more is said of it.
    pub(crate) fn new(
        target: Untrusted,
        destination: Option<Destination>,
        (protocol, port): (&'static str, Option<u16>),
        failure: Option<&'a Failure>,
    ) -> Self {
        Self {
            target,
            address: destination.map(Destination::address),
            family: destination.map(Destination::family),
            hostname: None,
            protocol,
            port,
            method: None,
            resolve_ms: None,
            failure,
            addresses: None,
        }
    }

    /// With how it is measured, and how long its look-up took.
    pub(crate) fn measured(self, method: Option<&'a Method>, resolve: Option<Duration>) -> Self {
        Self { method, resolve_ms: resolve.map(milliseconds), ..self }
    }

    /// With all the addresses that are measured.
    pub(crate) fn with_addresses(self, all: &[Destination]) -> Self {
        Self { addresses: Some(all.iter().map(|to| to.address()).collect()), ..self }
    }
}

impl<W: Write> JsonLines<W> {
    /// Lines on `out`.
    pub(crate) fn new(out: W) -> Self {
        Self { out, clock: None, text: Vec::new(), fields: Fields::default() }
    }

    /// The line that every run begins with.
    pub(crate) fn start(&mut self, run: &Run) -> io::Result<()> {
        self.clock = Some((run.anchor, run.started_at));
        let fields = json!({
            "schema": SCHEMA,
            "command": run.command,
            "version": run.version,
            "started_at": run.anchor.rfc3339(run.started_at),
            "method": run.method,
            "arguments": run.arguments,
            "target_count": run.target_count,
        });
        self.line("start", None, run.started_at, &fields)
    }

    /// What gives the number of a target its meaning.
    pub(crate) fn resolved(
        &mut self,
        target_index: usize,
        at: Instant,
        resolved: &Resolved<'_>,
    ) -> io::Result<()> {
        self.sorted_line("resolved", Some(target_index), at, resolved, &[])
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
        let unknown = (ClockAnchor { instant: at, unix_nanos: 0 }, at);
        let (anchor, started) = self.clock.unwrap_or(unknown);
        let offset_ms = milliseconds(at.since(started));
        Head { kind, target_index, at: anchor.rfc3339(at), offset_ms }
    }

    /// A change of this machine.
    pub(crate) fn change(&mut self, at: Instant, change: &Change) -> io::Result<()> {
        let (what, before, after) = changes::words(change);
        self.line("state", None, at, &json!({"what": what, "before": before, "after": after}))
    }

    /// Writes what every run ends with: its targets, each without some fields, its findings, and
    /// the summary.
    pub(crate) fn ending<T: Serialize>(
        &mut self,
        document: &Document<T>,
        indices: impl IntoIterator<Item = usize>,
        without: &[&str],
    ) -> io::Result<()> {
        let Some((_, started_at)) = self.clock else { return Ok(()) };
        let end = started_at + Duration::from_secs_f64(document.elapsed_ms / 1e3);
        for (index, target) in indices.into_iter().zip(&document.targets) {
            self.sorted_line("target", Some(index), end, target, without)?;
        }
        for finding in &document.findings {
            self.sorted_line("finding", finding.target_index, end, finding, &["target_index"])?;
        }
        // They are written: all of them at once as values would take many times their room.
        let mut object = to_object(&document.with_targets(Vec::<()>::new()))?;
        object.remove("targets");
        self.line("summary", None, end, &object)
    }

    /// The same of a run without targets, with more fields in its summary.
    pub(crate) fn ending_with(&mut self, document: &Document<()>, more: Value) -> io::Result<()> {
        let Some((_, started_at)) = self.clock else { return Ok(()) };
        let end = started_at + Duration::from_secs_f64(document.elapsed_ms / 1e3);
        for finding in &document.findings {
            self.sorted_line("finding", finding.target_index, end, finding, &["target_index"])?;
        }
        let mut object = to_object(document)?;
        object.remove("targets");
        object.extend(to_object(&more)?);
        self.line("summary", None, end, &object)
    }

    /// Lines that are written already.
    pub(crate) fn raw(&mut self, lines: &[u8]) -> io::Result<()> {
        self.out.write_all(lines)
    }

    /// What was written must be seen now.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn write(&mut self) -> io::Result<()> {
        self.text.push(b'\n');
        self.out.write_all(&self.text)
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

/// The fields of a value.
pub(crate) fn to_object(value: &impl Serialize) -> io::Result<Map<String, Value>> {
    match serde_json::to_value(value).map_err(io::Error::other)? {
        Value::Object(object) => Ok(object),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}
