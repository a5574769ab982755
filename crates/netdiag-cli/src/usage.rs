//! Usage errors: one line that names the option, and exit code 2.

use crate::ExitStatus;
use clap::error::ErrorKind;
use std::fmt::Display;
use std::io::Write;

/// Why there is no use for a seed.
pub(crate) const NO_CHANCE: &str =
    "nothing else is left to chance but identifiers, tags, ports and keys, and no seed makes those";

/// Answers what clap found: help and version on `out`, an error on `err`.
pub(crate) fn answer(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> ExitStatus {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => say(&text, out, err),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = err.write_all(text.as_bytes());
            ExitStatus::USAGE
        }
        ErrorKind::UnknownArgument if text.contains("'--seed") => {
            report(&format!("netdiag: --seed: no use for it: {NO_CHANCE}"), err)
        }
        _ => report(&format!("netdiag: {}", one_line(&text)), err),
    }
}

/// Writes what was asked for.
pub(crate) fn say(text: &str, out: &mut dyn Write, err: &mut dyn Write) -> ExitStatus {
    match out.write_all(text.as_bytes()) {
        Ok(()) => ExitStatus::HOLDS,
        Err(fault) => write_fault(&fault, err),
    }
}

/// Says what is wrong with the arguments.
pub(crate) fn report(message: &str, err: &mut dyn Write) -> ExitStatus {
    // A closed standard error cannot be told about; the exit code still says it.
    let _ = writeln!(err, "{message}");
    ExitStatus::USAGE
}

/// Says that the output could not be written; a closed pipe ends quietly.
pub(crate) fn write_fault(fault: &std::io::Error, err: &mut dyn Write) -> ExitStatus {
    if fault.kind() == std::io::ErrorKind::BrokenPipe {
        return ExitStatus::BROKEN_PIPE;
    }
    let _ = writeln!(err, "netdiag: write error: {fault}");
    ExitStatus::UNMEASURED
}

/// The same as iputils says it, and with its code.
pub(crate) fn classic_write_fault(
    program: impl Display,
    fault: &std::io::Error,
    err: &mut dyn Write,
) -> ExitStatus {
    if fault.kind() == std::io::ErrorKind::BrokenPipe {
        return ExitStatus::BROKEN_PIPE;
    }
    let _ = writeln!(err, "{program}: write error");
    ExitStatus::FAILS
}

/// clap's first paragraph as one line.
pub(crate) fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines: Vec<&str> =
        text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let tip = text.lines().map(str::trim).find_map(|line| line.strip_prefix("tip: "));
    match tip {
        Some(tip) => format!("{} ({tip})", lines.join(" ")),
        None => lines.join(" "),
    }
}
