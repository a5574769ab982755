//! One document at the end, or a row a target.

use super::{Ending, Setting, SweepReport};
use crate::ping::columns::COLUMNS;
use crate::{csv, json};
use netdiag_ping::sweep::{Event, Found, Row};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// `--output json`: one document at the end.
pub struct JsonReport<W> {
    out: W,
    rows: Vec<Option<Row>>,
}

impl<W: Write> JsonReport<W> {
    /// A report that has seen nothing yet.
    pub const fn new(out: W) -> Self {
        Self { out, rows: Vec::new() }
    }
}

/// A target that becomes its part of the document when that is written: all at once would take
/// many times the room.
struct Later<'a> {
    setting: &'a Setting,
    row: &'a Row,
}

impl Serialize for Later<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.setting.result(self.row).map(|(target, _)| target).serialize(serializer)
    }
}

impl<W: Write> SweepReport for JsonReport<W> {
    fn start(&mut self, setting: &Setting) -> io::Result<()> {
        self.rows = vec![None; setting.config.targets.len() as usize];
        Ok(())
    }

    fn event(&mut self, _: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Row(row) => {
                if let Some(slot) = self.rows.get_mut(row.target as usize) {
                    *slot = Some(row.clone());
                }
            }
            // What comes after the row still belongs to it.
            Event::Probe(event) => {
                if let Some(Some(row)) = self.rows.get_mut(event.target_index)
                    && let Found::Once { strays, .. } = &mut row.found
                {
                    strays.push_told(&event.kind);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        let targets = self.rows.iter().flatten().map(|row| Later { setting, row }).collect();
        json::write_line(&mut self.out, &ending.document.with_targets(targets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `--output csv`: a row a target, as it settles.
pub struct CsvReport<W> {
    out: W,
    columns: Vec<&'static str>,
}

impl<W: Write> CsvReport<W> {
    /// A table on `out`.
    pub fn new(out: W) -> Self {
        Self { out, columns: columns() }
    }
}

/// The columns of CSV: what the target comes to, and those of `ping`.
#[must_use]
pub fn columns() -> Vec<&'static str> {
    // In front of what may grow.
    std::iter::once("state").chain(COLUMNS.iter().copied()).collect()
}

impl<W: Write> SweepReport for CsvReport<W> {
    fn start(&mut self, _: &Setting) -> io::Result<()> {
        csv::write_header(&mut self.out, &self.columns)
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        let Event::Row(row) = event else { return Ok(()) };
        let Some((target, _)) = setting.result(row) else { return Ok(()) };
        let object = serde_json::to_value(target).map_err(io::Error::other)?;
        csv::write_row(&mut self.out, &self.columns, &object)
    }

    fn finish(&mut self, _: &Setting, _: &Ending<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
