//! What `--watch` shows: changes as they are seen, or samples.

use super::bytes;
use crate::json_lines::JsonLines;
use crate::number::thousands;
use crate::report::Run;
use crate::style::Style;
use crate::verdict;
use netdiag_model::contract::Document;
use netdiag_model::{ClockAnchor, Instant, milliseconds};
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use netdiag_sockets::result::Row;
use netdiag_sockets::sample::Sample;
use netdiag_sockets::watch::{Change, Happened};
use serde_json::{Value, json};
use std::io::{self, Write};

/// A form of output of what changes.
///
/// # Errors
/// Each method fails when its writer does.
pub trait WatchSheet {
    /// A change.
    fn change(&mut self, change: &Change) -> io::Result<()>;

    /// A sample.
    fn sample(&mut self, at: Instant, sample: &Sample) -> io::Result<()>;

    /// It is over.
    fn finish(&mut self, document: &Document<()>, verdict: &str) -> io::Result<()>;
}

/// Lines for people.
pub struct WatchText<W> {
    out: W,
    anchor: ClockAnchor,
    style: Style,
    samples: u64,
}

impl<W: Write> WatchText<W> {
    /// Lines below a first one that says what is watched.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(mut out: W, run: &Run, header: &str, style: Style) -> io::Result<Self> {
        writeln!(out, "{}", style.fold(header))?;
        out.flush()?;
        Ok(Self { out, anchor: run.anchor, style, samples: 0 })
    }

    /// The time of day, UTC, with milliseconds.
    fn time(&self, at: Instant) -> String {
        let date = self.anchor.rfc3339(at);
        date.get(11..23).unwrap_or(&date).to_owned()
    }
}

impl<W: Write> WatchSheet for WatchText<W> {
    fn change(&mut self, change: &Change) -> io::Result<()> {
        let socket = &change.socket;
        let state = socket.tcp_state().map_or("-", |state| state.name());
        let previous = change.previous.map_or("-", |state| state.name());
        let what = match change.happened {
            Happened::Opened => format!("opened      {state}"),
            Happened::State => format!("{previous} -> {state}"),
            Happened::Closed => format!("closed      {previous}"),
        };
        let after = change.in_state.map(|time| format!("  after {:.1} s", time.as_secs_f64()));
        let mut ends = Vec::new();
        bytes::endpoint(&mut ends, socket.local);
        if !socket.remote.is_unspecified() {
            ends.extend_from_slice(b" ");
            bytes::endpoint(&mut ends, socket.remote);
        }
        let (time, name) = (self.time(change.at), socket.protocol.name());
        let ends = String::from_utf8_lossy(&ends);
        writeln!(self.out, "{time}  {name}  {what:<28}  {ends}{}", after.unwrap_or_default())?;
        self.out.flush()
    }

    fn sample(&mut self, at: Instant, sample: &Sample) -> io::Result<()> {
        /// The names of the columns come again after so many rows.
        const ROWS: u64 = 20;
        if self.samples.is_multiple_of(ROWS) {
            writeln!(
                self.out,
                "{:<12}  {:>8}  {:>8}  {:>7}  {:>5}  {:>9}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>8}",
                "time",
                "sockets",
                "tcp",
                "udp",
                "raw",
                "time-wait",
                "orphans",
                "active/s",
                "passive/s",
                "in/s",
                "out/s",
                "retrans/s",
                "resets/s"
            )?;
        }
        self.samples += 1;
        let count = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), thousands);
        let rate =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}"));
        writeln!(
            self.out,
            "{:<12}  {:>8}  {:>8}  {:>7}  {:>5}  {:>9}  {:>7}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}  {:>8}",
            self.time(at),
            count(sample.sockets),
            count(sample.tcp),
            count(sample.udp),
            count(sample.raw),
            count(sample.time_wait),
            count(sample.orphans),
            rate(sample.active_per_second),
            rate(sample.passive_per_second),
            rate(sample.received_per_second),
            rate(sample.sent_per_second),
            rate(sample.retransmitted_per_second),
            rate(sample.resets_per_second)
        )?;
        self.out.flush()
    }

    fn finish(&mut self, document: &Document<()>, said: &str) -> io::Result<()> {
        for finding in &document.findings {
            verdict::write_finding(&mut self.out, self.style, finding)?;
        }
        verdict::write_verdict(&mut self.out, self.style, said)?;
        self.out.flush()
    }
}

/// JSON Lines.
pub struct WatchLines<W>(JsonLines<W>);

impl<W: Write> WatchLines<W> {
    /// Lines of a run.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(out: W, run: &Run) -> io::Result<Self> {
        let mut lines = JsonLines::new(out);
        lines.start(run)?;
        lines.flush()?;
        Ok(Self(lines))
    }
}

impl<W: Write> WatchSheet for WatchLines<W> {
    fn change(&mut self, change: &Change) -> io::Result<()> {
        let entry =
            Entry { socket: change.socket, info: None, owner: None, owners: None, v6_only: None };
        let mut fields = crate::json_lines::to_object(&Row::new(&entry, Place::default()))?;
        fields.insert("change".to_owned(), json!(change.happened));
        fields.insert("previous_state".to_owned(), json!(change.previous));
        fields.insert("in_state_ms".to_owned(), json!(change.in_state.map(milliseconds)));
        self.0.line("socket", None, change.at, &fields)?;
        self.0.flush()
    }

    fn sample(&mut self, at: Instant, sample: &Sample) -> io::Result<()> {
        self.0.line("sample", None, at, sample)?;
        self.0.flush()
    }

    fn finish(&mut self, document: &Document<()>, _: &str) -> io::Result<()> {
        self.0.ending_with(document, Value::Object(serde_json::Map::new()))?;
        self.0.flush()
    }
}
