//! `--output nagios`: one line and performance data, by the guidelines for monitoring plugins.

use super::{ChecksReport, why};
use netdiag_check::perfdata::{Perf, tell_apart};
use netdiag_check::result::{Check, CheckStatus, ChecksDocument};
use netdiag_model::contract::Status;
use std::io::{self, Write};

/// One line at the end.
pub struct NagiosReport<W>(pub W);

/// The code of a plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
#[must_use]
pub const fn code(status: Status) -> u8 {
    match status {
        Status::Ok => 0,
        Status::Warning => 1,
        Status::Critical => 2,
        Status::Unknown => 3,
    }
}

impl<W: Write> ChecksReport for NagiosReport<W> {
    fn finish(&mut self, document: &ChecksDocument, verdict: &str) -> io::Result<()> {
        let checks = &document.checks;
        let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];
        let word = word.get(usize::from(code(document.document.status))).unwrap_or(&"UNKNOWN");
        let worst = checks.iter().map(|check| check.status).max();
        let bad = checks
            .iter()
            .filter(|check| Some(check.status) == worst && worst > Some(CheckStatus::Skip));
        let mut said: Vec<String> = bad.take(3).map(one).collect();
        if said.is_empty() {
            said = match checks.as_slice() {
                [only] => vec![one(only)],
                _ => vec![verdict.to_owned()],
            };
        }
        // What stands behind the bar is performance data.
        let said = said.join("; ").replace('|', "/");
        let mut data: Vec<Perf> =
            checks.iter().flat_map(|check| &check.perfdata).cloned().collect();
        tell_apart(&mut data);
        let data: Vec<String> = data.iter().map(ToString::to_string).collect();
        match data.is_empty() {
            true => writeln!(self.0, "NETDIAG {word} - {said}"),
            false => writeln!(self.0, "NETDIAG {word} - {said} | {}", data.join(" ")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn one(check: &Check) -> String {
    let (name, why) = (check.name.escaped(), why(check));
    if why.is_empty() {
        format!("{name} {}", check.status.name())
    } else {
        format!("{name}: {why}")
    }
}
