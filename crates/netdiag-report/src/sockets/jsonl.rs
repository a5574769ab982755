//! `--output jsonl`: one socket a line, as it goes by.

use super::json::fields;
use super::{Ended, PIECE, Sheet};
use crate::json;
use crate::json_lines::JsonLines;
use crate::report::Run;
use netdiag_model::milliseconds;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use serde_json::Value;
use std::io::{self, Write};

/// One socket a line.
pub struct JsonLinesSheet<W> {
    lines: JsonLines<W>,
    /// What each line of a socket begins with: all are of one look.
    head: Vec<u8>,
    text: Vec<u8>,
    summary: bool,
}

impl<W: Write> JsonLinesSheet<W> {
    /// Lines of a run; with `summary` none of single sockets.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(out: W, run: &Run, at: netdiag_model::Instant, summary: bool) -> io::Result<Self> {
        let mut lines = JsonLines::new(out);
        lines.start(run)?;
        let offset = milliseconds(at.since(run.started_at));
        let at = run.anchor.rfc3339(at);
        let head = format!(
            r#"{{"type":"socket","target_index":null,"at":"{at}","offset_ms":{},"#,
            json::to_string(&offset)
        );
        Ok(Self { lines, head: head.into_bytes(), text: Vec::new(), summary })
    }
}

impl<W: Write> Sheet for JsonLinesSheet<W> {
    fn row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
        if self.summary {
            return Ok(());
        }
        self.text.extend_from_slice(&self.head);
        fields(&mut self.text, entry, place)?;
        self.text.extend_from_slice(b"}\n");
        if self.text.len() >= PIECE {
            self.lines.raw(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.lines.raw(&self.text)?;
        let summary = serde_json::to_value(ended.summary).map_err(io::Error::other)?;
        let audit = serde_json::to_value(ended.audit).map_err(io::Error::other)?;
        let namespaces = serde_json::to_value(ended.namespaces).map_err(io::Error::other)?;
        let more = [("summary", summary), ("audit", audit), ("namespaces", namespaces)];
        let more = more.map(|(key, value)| (key.to_owned(), value));
        let more = serde_json::Map::from_iter(more);
        self.lines.ending_with(ended.document, Value::Object(more))?;
        self.lines.flush()
    }
}
