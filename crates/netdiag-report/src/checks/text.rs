//! `--output text`: a line a check, the expectation that does not hold and the evidence below it.

use super::{ChecksReport, about, why};
use crate::report::Run;
use crate::style::Style;
use crate::verdict;
use netdiag_check::result::{Check, CheckStatus, ChecksDocument};
use netdiag_model::Instant;
use netdiag_model::finding::Severity;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How text is written.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Only what does not pass, and the verdict.
    pub quiet: bool,
    /// Colours.
    pub style: Style,
}

/// The widest column before figures.
const WIDEST: usize = 40;
/// How wide figures are where they are not wider.
const FIGURES: usize = 36;
/// Where what belongs to a line is written below it.
const BELOW: &str = "         ";

/// Text on `out`.
pub struct TextReport<W> {
    out: W,
    options: TextOptions,
    /// The widths of names, and of what checks are about; 0: they have no names beside that.
    widths: [usize; 2],
    /// Lines of checks that ended before one that stands above them.
    waiting: BTreeMap<usize, Check>,
    next: usize,
}

impl<W: Write> TextReport<W> {
    /// A report with these options.
    pub const fn new(out: W, options: TextOptions) -> Self {
        Self { out, options, widths: [0, 0], waiting: BTreeMap::new(), next: 0 }
    }

    fn row(&mut self, check: &Check) -> io::Result<()> {
        if self.options.quiet && check.status == CheckStatus::Pass {
            return Ok(());
        }
        let [name, what] = self.widths;
        // Of checks without names this is the same.
        let about = if what == 0 { String::new() } else { format!("{:<what$}  ", about(check)) };
        let is_expected = check.failed_expectation.is_some();
        let said = match (&check.figures, is_expected) {
            (Some(figures), true) => figures.clone(),
            _ => why(check),
        };
        let took = match check.status {
            CheckStatus::Skip => String::new(),
            _ => format!("  {:.1} s", check.elapsed_ms / 1e3),
        };
        let line = format!(
            "{:<7}  {:<name$}  {about}{said:<FIGURES$}{took}",
            check.status.name(),
            check.name.escaped().to_string(),
        );
        let style = self.options.style;
        let severity = match check.status {
            CheckStatus::Fail => Some(Severity::Critical),
            CheckStatus::Warn | CheckStatus::Unknown => Some(Severity::Warning),
            CheckStatus::Pass | CheckStatus::Skip => None,
        };
        match severity {
            Some(_) => writeln!(self.out, "{}", style.paint(severity, line.trim_end()))?,
            None => writeln!(self.out, "{}", line.trim_end())?,
        }
        if let Some(expectation) = &check.failed_expectation {
            writeln!(self.out, "{}", style.fold(&format!("{BELOW}{expectation}")))?;
            if let Some(failure) = &check.failure
                && failure.message != *expectation
            {
                let message = netdiag_model::Untrusted::from(failure.message.as_str());
                let line = format!("{BELOW}{}", message.escaped());
                writeln!(self.out, "{}", style.fold(&line))?;
            }
        }
        Ok(())
    }
}

impl<W: Write> ChecksReport for TextReport<W> {
    fn start(&mut self, _: &Run, rows: &[(String, String)]) -> io::Result<()> {
        let widest = |of: fn(&(String, String)) -> &String| {
            rows.iter().map(|row| of(row).len()).max().unwrap_or_default().min(WIDEST)
        };
        let has_names = rows.iter().any(|(name, about)| name != about);
        self.widths = [widest(|row| &row.0), if has_names { widest(|row| &row.1) } else { 0 }];
        Ok(())
    }

    /// Lines stand in the order of the file, each as soon as those above it do.
    fn check(&mut self, index: usize, _: Instant, check: &Check) -> io::Result<()> {
        self.waiting.insert(index, check.clone());
        while let Some(check) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.row(&check)?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &ChecksDocument, verdict: &str) -> io::Result<()> {
        for check in std::mem::take(&mut self.waiting).into_values() {
            self.row(&check)?;
        }
        verdict::write_verdict(&mut self.out, self.options.style, verdict)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
