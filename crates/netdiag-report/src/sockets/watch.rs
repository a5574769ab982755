//! What `--watch` shows: changes as they are seen, or samples.

use super::table::wrapped;
use super::{bytes, cells};
use crate::json_lines::JsonLines;
use crate::number::ms5;
use crate::report::Run;
use crate::style::Style;
use crate::verdict;
use netdiag_model::contract::Document;
use netdiag_model::{ClockAnchor, Instant, milliseconds};
use netdiag_sockets::Owners;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use netdiag_sockets::result::Row;
use netdiag_sockets::sample::{InUse, Sample};
use netdiag_sockets::verdict::thousands;
use netdiag_sockets::watch::{Change, Happened};
use serde_json::{Value, json};
use std::io::{self, Write};

/// A form of output of what changes.
///
/// # Errors
/// Each method fails when its writer does.
pub trait WatchSheet {
    /// A change; `owners`: those of the look that saw the socket last, where they were asked for.
    fn change(
        &mut self,
        change: &Change,
        place: Place<'_>,
        owners: Option<&Owners>,
    ) -> io::Result<()>;

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
}

impl<W: Write> WatchText<W> {
    /// Lines below a first one that says what is watched.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(mut out: W, run: &Run, header: &str, style: Style) -> io::Result<Self> {
        writeln!(out, "{}", style.fold(header))?;
        out.flush()?;
        Ok(Self { out, anchor: run.anchor, style })
    }

    /// The time of day, UTC, with milliseconds.
    fn time(&self, at: Instant) -> String {
        let date = self.anchor.rfc3339(at);
        date.get(11..23).unwrap_or(&date).to_owned()
    }
}

impl<W: Write> WatchSheet for WatchText<W> {
    fn change(
        &mut self,
        change: &Change,
        place: Place<'_>,
        owners: Option<&Owners>,
    ) -> io::Result<()> {
        let socket = &change.socket;
        let state = socket.tcp_state().map_or("-", |state| state.name());
        let previous = change.previous.map_or("-", |state| state.name());
        let what = match change.happened {
            Happened::Opened => format!("opened      {state}"),
            Happened::State => format!("{previous} -> {state}"),
            Happened::Closed => format!("closed      {previous}"),
        };
        let after = change.in_state.map(|time| format!("after {} ms", ms5(time).trim_start()));
        let end = |end| {
            let mut text = Vec::new();
            bytes::endpoint(&mut text, end);
            String::from_utf8_lossy(&text).into_owned()
        };
        let remote = (!socket.remote.is_unspecified()).then(|| end(socket.remote));
        let ends = [Some(end(socket.local)), remote].into_iter().flatten();
        let head = format!("{}  {}  {what:<28}", self.time(change.at), socket.protocol.name());
        let ends: Vec<String> = ends.collect();
        let mut line = vec![head, ends.join(" ")];
        line.extend(after);
        line.extend(place.namespace.map(|namespace| format!("in {}", namespace.label())));
        if let Some(owners) = owners {
            let mut owner = Vec::new();
            cells::owner(&mut owner, owners.of(socket), owners);
            let owner = String::from_utf8_lossy(&owner).into_owned();
            line.extend((owner != "-").then_some(owner));
        }
        let width = self.style.columns();
        let length: usize = line.iter().map(|cell| cell.len() + 2).sum();
        if width.is_some_and(|width| length > width + 2) {
            line.splice(1..2, ends);
        }
        writeln!(self.out, "{}", wrapped(&line, width))?;
        self.out.flush()
    }

    fn sample(&mut self, at: Instant, sample: &Sample) -> io::Result<()> {
        let time = self.time(at);
        for (group, cells) in groups(sample) {
            let head = format!("{time}  {group:<5}");
            let cells: Vec<String> = std::iter::once(head).chain(cells).collect();
            writeln!(self.out, "{}", wrapped(&cells, self.style.columns()))?;
        }
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

/// The figures of a sample, in the groups of sar(1).
fn groups(sample: &Sample) -> [(&'static str, Vec<String>); 5] {
    let count = |name: &str, value: Option<u64>| {
        let value = value.map_or_else(|| "-".to_owned(), thousands);
        format!("{name} {value:>5}")
    };
    let rate = |name: &str, value: Option<f64>| {
        let value = value.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}"));
        format!("{name} {value:>8}")
    };
    let used = |of: &InUse| {
        [("tcp", of.tcp), ("udp", of.udp), ("raw", of.raw), ("ip-frag", of.fragments)]
            .map(|(name, value)| count(name, value))
    };
    let mut sockets = vec![count("sockets", sample.sockets)];
    sockets.extend(used(&sample.ipv4));
    sockets.extend([
        count("time-wait", sample.time_wait),
        count("orphans", sample.orphans),
        count("tcp-pages", sample.tcp_pages),
    ]);
    // Only the first network namespace has the limit.
    sockets.extend(sample.tcp_limit_pages.map(|limit| count("of", Some(limit))));
    let ip = &sample.ip;
    [
        ("sock", sockets),
        ("sock6", used(&sample.ipv6).to_vec()),
        (
            "ip",
            vec![
                rate("in/s", ip.received_per_second),
                rate("forwarded/s", ip.forwarded_per_second),
                rate("delivered/s", ip.delivered_per_second),
                rate("out/s", ip.sent_per_second),
                rate("fragments-in/s", ip.fragments_received_per_second),
                rate("reassembled/s", ip.reassembled_per_second),
                rate("fragmented/s", ip.fragmented_per_second),
                rate("fragments-made/s", ip.fragments_made_per_second),
            ],
        ),
        (
            "tcp",
            vec![
                rate("active/s", sample.active_per_second),
                rate("passive/s", sample.passive_per_second),
                rate("in/s", sample.received_per_second),
                rate("out/s", sample.sent_per_second),
            ],
        ),
        (
            "etcp",
            vec![
                rate("failed/s", sample.failed_per_second),
                rate("resets/s", sample.resets_per_second),
                rate("retrans/s", sample.retransmitted_per_second),
                rate("retrans%", sample.retransmitted_percent),
                rate("errors/s", sample.errors_per_second),
                rate("resets-sent/s", sample.resets_sent_per_second),
                rate("overflows/s", sample.overflows_per_second),
                rate("listen-drops/s", sample.listen_drops_per_second),
            ],
        ),
    ]
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
    fn change(
        &mut self,
        change: &Change,
        place: Place<'_>,
        owners: Option<&Owners>,
    ) -> io::Result<()> {
        let socket = change.socket;
        let owner = owners.map(|owners| owners.of(&socket));
        let entry = Entry { socket, info: None, owner, owners, v6_only: None };
        let mut fields = crate::json_lines::to_object(&Row::new(&entry, place))?;
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
