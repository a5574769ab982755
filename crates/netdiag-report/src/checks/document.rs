//! One document at the end, or a row a check.

use super::ChecksReport;
use crate::{csv, json};
use netdiag_check::result::ChecksDocument;
use std::io::{self, Write};

/// The columns of CSV. New ones only at the end.
const COLUMNS: &[&str] = &[
    "name",
    "kind",
    "target",
    "status",
    "failure.stage",
    "failure.reason",
    "failure.errno.name",
    "failure.errno.number",
    "failure.icmp.type",
    "failure.icmp.code",
    "failure.icmp.name",
    "failure.icmp.from",
    "failure.message",
    "failed_expectation",
    "depends_on",
    "peer",
    "figures",
    "attempts",
    "elapsed_ms",
];

/// `--output json`: one document at the end.
pub struct JsonReport<W>(pub W);

/// `--output csv`: a table at the end.
pub struct CsvReport<W>(pub W);

impl<W: Write> ChecksReport for JsonReport<W> {
    fn finish(&mut self, document: &ChecksDocument, _: &str) -> io::Result<()> {
        json::write_line(&mut self.0, document)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> ChecksReport for CsvReport<W> {
    fn finish(&mut self, document: &ChecksDocument, _: &str) -> io::Result<()> {
        csv::write_header(&mut self.0, COLUMNS)?;
        for check in &document.checks {
            let object = serde_json::to_value(check).map_err(io::Error::other)?;
            csv::write_row(&mut self.0, COLUMNS, &object)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
