//! `--output jsonl`: one check a line, as it comes to its end.

use super::ChecksReport;
use crate::json_lines::JsonLines;
use crate::report::Run;
use netdiag_check::result::{Check, ChecksDocument};
use netdiag_model::Instant;
use serde_json::{Map, Value};
use std::io::{self, Write};

/// One check a line.
pub struct JsonLinesReport<W>(JsonLines<W>);

impl<W: Write> JsonLinesReport<W> {
    /// Lines on `out`.
    pub fn new(out: W) -> Self {
        Self(JsonLines::new(out))
    }
}

impl<W: Write> ChecksReport for JsonLinesReport<W> {
    fn start(&mut self, run: &Run, _: &[(String, String)]) -> io::Result<()> {
        self.0.start(run)
    }

    fn check(&mut self, index: usize, at: Instant, check: &Check) -> io::Result<()> {
        self.0.sorted_line("check", Some(index), at, check, &[])
    }

    fn finish(&mut self, document: &ChecksDocument, _: &str) -> io::Result<()> {
        self.0.ending_with(&document.document, Value::Object(Map::new()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
