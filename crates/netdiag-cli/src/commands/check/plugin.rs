//! `--output nagios`: a plugin has a line on standard output in any case, and the codes of plugins.

use crate::{ExitStatus, usage};
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io::{self, Write};

/// The code of a plugin that could not find out (the guidelines' UNKNOWN).
const UNKNOWN: ExitStatus = ExitStatus::UNMEASURED;

/// Whether arguments that may be wrong ask for a plugin's line.
pub(crate) fn is_asked(argv: &[OsString]) -> bool {
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy());
    if words.next().as_deref() != Some("check") {
        return false;
    }
    let mut is_asked = false;
    while let Some(word) = words.next().filter(|word| word != "--") {
        let long = word.strip_prefix("--output").or_else(|| word.strip_prefix("--as"));
        let value = match (long, letters(&word)) {
            (Some(value), _) => value,
            (None, Some(value)) => value,
            (None, None) => continue,
        };
        is_asked = match value.strip_prefix('=').unwrap_or(value) {
            "" => words.next().as_deref() == Some(FORM),
            value => value == FORM,
        };
    }
    is_asked
}

const FORM: &str = "nagios";
/// The most of a line on standard error that is told again, in bytes.
const LONGEST: usize = 1_000;

/// What stands behind `-o`, perhaps with flags before it.
fn letters(word: &str) -> Option<&str> {
    let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'))?;
    letters.trim_start_matches('q').strip_prefix('o')
}

/// Answers what clap found, as a plugin does.
pub(crate) fn answer(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> ExitStatus {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => usage::answer(error, out, err),
        _ => run(out, err, |out, err| usage::answer(error, out, err)),
    }
}

/// Has something done that may write nothing on standard output, and says then why, which it was told
/// on standard error.
pub(super) fn run(
    out: &mut dyn Write,
    err: &mut dyn Write,
    act: impl FnOnce(&mut dyn Write, &mut dyn Write) -> ExitStatus,
) -> ExitStatus {
    let (mut out, mut err) = (Watched::new(out), Watched::new(err));
    let status = act(&mut out, &mut err);
    if out.has_written || status == ExitStatus::BROKEN_PIPE {
        return status;
    }
    let why = match err.line() {
        why if why.is_empty() => "nothing was measured".to_owned(),
        // What stands behind the bar is performance data.
        why => why.replace('|', "/"),
    };
    match writeln!(out, "NETDIAG UNKNOWN - {why}").and_then(|()| out.flush()) {
        Ok(()) if matches!(status, ExitStatus::Signal(_)) => status,
        Ok(()) => UNKNOWN,
        Err(fault) => usage::write_fault(&fault, &mut err),
    }
}

/// A writer that remembers whether it was written to, and its last line.
struct Watched<'a> {
    inner: &'a mut dyn Write,
    has_written: bool,
    line: Vec<u8>,
    is_ended: bool,
}

impl<'a> Watched<'a> {
    fn new(inner: &'a mut dyn Write) -> Self {
        Self { inner, has_written: false, line: Vec::new(), is_ended: false }
    }

    fn line(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        for byte in bytes.iter().take(written) {
            self.has_written = true;
            // A line that has ended makes room for the next.
            if std::mem::replace(&mut self.is_ended, *byte == b'\n') {
                self.line.clear();
            }
            if !self.is_ended && self.line.len() < LONGEST {
                self.line.push(*byte);
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_a_plugins_line_is_seen_in_wrong_arguments_too() {
        let check = |line: &str, wanted: bool| {
            let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(is_asked(&argv), wanted, "{line}");
        };
        for line in ["-o nagios", "-onagios", "--output nagios", "--output=nagios", "-qo nagios x"]
        {
            check(&format!("netdiag check --bogus {line}"), true);
        }
        check("netdiag check -o json --output nagios", true);
        check("netdiag check --as nagios --bogus", true);
        for line in ["-o json", "-o nagios -o json", "-- -o nagios", "--outputs nagios", "nagios"] {
            check(&format!("netdiag check {line}"), false);
        }
        check("netdiag ping -o nagios", false);
        check("netdiag", false);
    }
}
