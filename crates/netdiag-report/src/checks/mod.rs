//! What `check` and `wait-for` show: one writer for each form of output.

mod document;
mod jsonl;
mod junit;
mod nagios;
mod prometheus;
mod tap;
mod text;

use crate::report::Run;
use netdiag_check::result::{Check, ChecksDocument};
use netdiag_model::{Instant, Untrusted};
use std::io;

pub use document::{CsvReport, JsonReport};
pub use jsonl::JsonLinesReport;
pub use junit::JunitReport;
pub use nagios::{NagiosReport, code as plugin_code};
pub use prometheus::PrometheusReport;
pub use tap::TapReport;
pub use text::{TextOptions, TextReport};

/// A form of output.
///
/// # Errors
/// Each method fails when its writer does.
pub trait ChecksReport {
    /// The run starts; `rows` are its checks, by name, and what each is about.
    fn start(&mut self, run: &Run, rows: &[(String, String)]) -> io::Result<()> {
        let _ = (run, rows);
        Ok(())
    }

    /// A check has come to its end.
    fn check(&mut self, index: usize, at: Instant, check: &Check) -> io::Result<()> {
        let _ = (index, at, check);
        Ok(())
    }

    /// The run is over, and comes to this in a sentence.
    fn finish(&mut self, document: &ChecksDocument, verdict: &str) -> io::Result<()>;

    /// What was written must be seen now.
    fn flush(&mut self) -> io::Result<()>;
}

/// What a check is about: its kind and target.
#[must_use]
pub fn about(check: &Check) -> String {
    format!("{} {}", check.kind, check.target.escaped())
}

/// A name that somebody gave, with its letters of whatever script: what a terminal or a reader would not
/// show is escaped, and a backslash doubled.
fn own(given: &Untrusted) -> String {
    let escaped = |character: char| match character {
        '\\' => "\\\\".to_owned(),
        ' '..='~' => character.to_string(),
        // Neither `'` nor `"` is among them, so that only what is not printable is escaped.
        other => other.escape_debug().to_string(),
    };
    given.as_raw().chars().map(escaped).collect()
}

/// Why a check does not pass, or its figures where it does, in a line.
#[must_use]
pub fn why(check: &Check) -> String {
    let said = check.failed_expectation.clone();
    let said = said.or_else(|| {
        let failure = check.failure.as_ref()?;
        Some(Untrusted::from(failure.message.as_str()).escaped().to_string())
    });
    let depends = check.depends_on.as_ref().map(|name| format!("depends on {}", name.escaped()));
    let said = depends.or(said).or_else(|| check.figures.clone());
    said.unwrap_or_default()
}
