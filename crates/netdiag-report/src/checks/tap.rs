//! `--output tap`: the Test Anything Protocol, of which version 14 is version 13 with more that nothing
//! here needs, and what reads it in Perl takes no higher one. What could not be measured is neither a
//! failure nor a success: `TODO`.

use super::{ChecksReport, about, own, why};
use crate::json;
use netdiag_check::result::{Check, CheckStatus, ChecksDocument};
use serde_json::Value;
use std::io::{self, Write};

/// Lines at the end.
pub struct TapReport<W>(pub W);

impl<W: Write> ChecksReport for TapReport<W> {
    fn finish(&mut self, document: &ChecksDocument, _: &str) -> io::Result<()> {
        let out = &mut self.0;
        writeln!(out, "TAP version 13\n1..{}", document.checks.len())?;
        (1..).zip(&document.checks).try_for_each(|(number, check)| point(out, number, check))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn point(out: &mut impl Write, number: usize, check: &Check) -> io::Result<()> {
    let name = own(&check.name).replace('#', "\\#");
    let why = why(check).replace('#', "\\#");
    match check.status {
        CheckStatus::Pass => writeln!(out, "ok {number} - {name}"),
        CheckStatus::Skip => writeln!(out, "ok {number} - {name} # SKIP {why}"),
        CheckStatus::Warn => {
            writeln!(out, "ok {number} - {name}")?;
            diagnostics(out, check)
        }
        CheckStatus::Unknown => {
            writeln!(out, "not ok {number} - {name} # TODO not measured: {why}")?;
            diagnostics(out, check)
        }
        CheckStatus::Fail => {
            writeln!(out, "not ok {number} - {name}")?;
            diagnostics(out, check)
        }
    }
}

/// A block of YAML; a string of JSON is one of YAML.
fn diagnostics(out: &mut impl Write, check: &Check) -> io::Result<()> {
    let failure = check.failure.as_ref();
    let stage = failure.and_then(|failure| serde_json::to_value(failure.stage).ok());
    let text = |text: Option<String>| text.map_or(Value::Null, Value::String);
    let fields = [
        ("status", Value::from(check.status.name())),
        ("message", Value::from(why(check))),
        ("check", Value::from(about(check))),
        ("stage", stage.unwrap_or(Value::Null)),
        ("reason", text(failure.map(|failure| failure.reason.clone()))),
        ("peer", text(check.peer.clone())),
        ("figures", text(check.figures.clone())),
    ];
    writeln!(out, "  ---")?;
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        writeln!(out, "  {key}: {}", json::to_string(value))?;
    }
    writeln!(out, "  ...")
}
