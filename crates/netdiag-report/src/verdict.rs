//! Findings and verdicts as lines.

use crate::style::Style;
use netdiag_model::finding::{Finding, Severity};
use std::io::{self, Write};

/// Whether a finding is shown where only what is wrong is wanted (`quiet`).
#[must_use]
pub fn is_shown(finding: &Finding, quiet: bool) -> bool {
    !quiet || finding.severity != Severity::Info
}

/// Writes a finding: its mark and message, then the next thing to do.
///
/// # Errors
/// When the writer fails.
pub fn write_finding(out: &mut dyn Write, style: Style, finding: &Finding) -> io::Result<()> {
    let mark = match finding.severity {
        Severity::Info => "i",
        Severity::Warning => "!",
        Severity::Critical => "!!",
    };
    let line = format!("{mark} {} ({})", finding.message, finding.code);
    writeln!(out, "{}", style.paint(Some(finding.severity), &style.fold(&line)))?;
    match &finding.advice {
        Some(advice) => writeln!(out, "{}", style.fold(&format!("   -> {advice}"))),
        None => Ok(()),
    }
}

/// The same among others: a finding about one target begins with which.
///
/// # Errors
/// When the writer fails.
pub fn write_finding_of(out: &mut dyn Write, style: Style, finding: &Finding) -> io::Result<()> {
    let is_named = finding.target_index.is_none() || finding.message.contains(&finding.subject);
    if is_named {
        return write_finding(out, style, finding);
    }
    let message = format!("{}: {}", finding.subject, finding.message);
    write_finding(out, style, &Finding { message, ..finding.clone() })
}

/// Writes the verdict, the last line of a screen.
///
/// # Errors
/// When the writer fails.
pub fn write_verdict(out: &mut dyn Write, style: Style, verdict: &str) -> io::Result<()> {
    writeln!(out, "{}", style.paint(None, &style.fold(&format!("= {verdict}"))))
}
