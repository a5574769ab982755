//! One document at the end, or a row a target.

use super::alike::{Alike, unbegun};
use super::{Ending, Setting, SweepReport};
use crate::ping::columns::COLUMNS;
use crate::{csv, json};
use netdiag_model::Instant;
use netdiag_ping::sweep::{Event, Found, Row};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::RangeInclusive;

/// How many rows have room together, from the first of them on.
const BLOCK: u32 = 1_024;

/// `--output json`: one document at the end.
pub struct JsonReport<W> {
    out: W,
    /// The rows of blocks, by the number of the block.
    rows: BTreeMap<u32, Vec<Option<Row>>>,
    /// Targets that were never begun, in stretches, ascending; of the others there are rows.
    unbegun: Vec<(Instant, RangeInclusive<u32>)>,
}

impl<W: Write> JsonReport<W> {
    /// A report that has seen nothing yet.
    pub const fn new(out: W) -> Self {
        Self { out, rows: BTreeMap::new(), unbegun: Vec::new() }
    }

    fn slot(&mut self, target: u32) -> Option<&mut Option<Row>> {
        let block = self.rows.entry(target / BLOCK);
        let block = block.or_insert_with(|| vec![None; BLOCK as usize]);
        block.get_mut((target % BLOCK) as usize)
    }

    /// Notes a target that was never begun; `false` where it does not come in order.
    fn note(&mut self, target: u32, at: Instant) -> bool {
        match self.unbegun.last_mut() {
            Some((_, known)) if target <= *known.end() => return false,
            Some((then, known)) if *then == at && target == *known.end() + 1 => {
                *known = *known.start()..=target;
            }
            _ => self.unbegun.push((at, target..=target)),
        }
        true
    }
}

/// The rows of a document, one after the other.
struct Rows<'a> {
    out: &'a mut dyn Write,
    setting: &'a Setting,
    alike: Alike,
    is_first: bool,
}

impl Rows<'_> {
    fn write(&mut self, row: &Row) -> io::Result<()> {
        let setting = self.setting;
        let text = |row: &Row| -> io::Result<Vec<u8>> {
            let mut text = Vec::new();
            if let Some((target, _)) = setting.result(row) {
                json::append(&mut text, &target)?;
            }
            Ok(text)
        };
        if !std::mem::take(&mut self.is_first) {
            self.out.write_all(b",")?;
        }
        match unbegun(setting, row) {
            Some(address) => self.out.write_all(self.alike.text(row, address, text)?),
            None => self.out.write_all(&text(row)?),
        }
    }
}

impl<W: Write> SweepReport for JsonReport<W> {
    fn start(&mut self, _: &Setting) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Row(row) => {
                if unbegun(setting, row).is_some() && self.note(row.target, row.at) {
                    return Ok(());
                }
                if let Some(slot) = self.slot(row.target) {
                    *slot = Some(row.clone());
                }
            }
            // What comes after the row still belongs to it.
            Event::Probe(event) => {
                let number = u32::try_from(event.target_index).unwrap_or(u32::MAX);
                let block = self.rows.get_mut(&(number / BLOCK));
                let row = block.and_then(|block| block.get_mut((number % BLOCK) as usize));
                if let Some(Some(row)) = row
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
        let all = self.unbegun.iter();
        let all = all.flat_map(|(at, numbers)| numbers.clone().map(|number| (*at, number)));
        let mut unbegun =
            all.map(|(at, target)| Row { target, at, found: Found::Nothing, name: None });
        let mut next = unbegun.next();
        let rows = self.rows.values().flatten().flatten();
        json::write_line_around(&mut self.out, ending.document, "targets", |out| {
            let alike = Alike::new(("\"", "\""), None);
            let mut written = Rows { out, setting, alike, is_first: true };
            for row in rows {
                while let Some(before) = next.take_if(|it| it.target < row.target) {
                    written.write(&before)?;
                    next = unbegun.next();
                }
                written.write(row)?;
            }
            next.iter().try_for_each(|row| written.write(row))?;
            unbegun.try_for_each(|row| written.write(&row))
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `--output csv`: a row a target, as it settles.
pub struct CsvReport<W> {
    out: W,
    columns: Vec<&'static str>,
    alike: Alike,
}

impl<W: Write> CsvReport<W> {
    /// A table on `out`.
    pub fn new(out: W) -> Self {
        Self { out, columns: columns(), alike: Alike::new((",", ","), None) }
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
        let columns = &self.columns;
        let text = |row: &Row| -> io::Result<Vec<u8>> {
            let mut text = Vec::new();
            if let Some((target, _)) = setting.result(row) {
                let object = serde_json::to_value(target).map_err(io::Error::other)?;
                csv::write_row(&mut text, columns, &object)?;
            }
            Ok(text)
        };
        match unbegun(setting, row) {
            Some(address) => self.out.write_all(self.alike.text(row, address, text)?),
            None => self.out.write_all(&text(row)?),
        }
    }

    fn finish(&mut self, _: &Setting, _: &Ending<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
