//! One document or table at the end, of any command that measures hosts.

use crate::report::{Report, Run, Subject};
use crate::{csv, json};
use netdiag_model::contract::Document;
use std::io::{self, Write};

/// `--output json`: one document at the end.
pub struct JsonReport<W>(pub W);

/// `--output csv`: a table at the end.
pub struct CsvReport<W>(pub W);

impl<S: Subject, W: Write> Report<S> for JsonReport<W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, _: &S::Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &S::Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &[S::Ended<'_>], document: &Document<S::Target>) -> io::Result<()> {
        json::write_line(&mut self.0, document)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Subject, W: Write> Report<S> for CsvReport<W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        csv::write_header(&mut self.0, S::COLUMNS)
    }

    fn resolved(&mut self, _: &S::Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &S::Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: &[S::Ended<'_>], document: &Document<S::Target>) -> io::Result<()> {
        let out = &mut self.0;
        for target in &document.targets {
            S::table(target, &mut |row| csv::write_row(out, S::COLUMNS, row))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
