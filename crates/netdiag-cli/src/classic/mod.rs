//! Started under the name of a classic tool: that tool's option syntax, its words and its exit
//! codes.

mod getopt;
mod help;
mod number;
mod ping;

use crate::args::PingArguments;
use crate::{ExitStatus, usage};
use netdiag_model::Untrusted;
use std::ffi::OsString;
use std::io::Write;

/// What the arguments of a classic tool come to.
enum Parsed {
    /// A measurement, and what is said about it beforehand on standard error.
    Run(Box<PingArguments>),
    /// Text for standard output, and success.
    Said(String),
}

/// Why arguments are refused.
struct Refused {
    /// What follows the name of the program and a colon.
    message: Option<String>,
    /// Whether the list of options follows.
    with_usage: bool,
    code: u8,
}

impl Refused {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), with_usage: false, code }
    }
}

/// Whether the program was started as `ping`.
pub(crate) fn is_ping(program: Option<&OsString>) -> bool {
    let name = program.map(std::path::Path::new).and_then(std::path::Path::file_name);
    name.is_some_and(|name| name == "ping")
}

/// The arguments of `ping` as those of `netdiag ping --classic`; else how the process ends.
pub(crate) fn ping(
    argv: Vec<OsString>,
    may_flood: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Box<PingArguments>, ExitStatus> {
    let mut words = argv.into_iter().map(|word| word.to_string_lossy().into_owned());
    let program = Untrusted::from(words.next().unwrap_or_default());
    match ping::parse(words.collect(), may_flood) {
        Ok(Parsed::Run(mut arguments)) => {
            arguments.program = Some(program);
            Ok(arguments)
        }
        Ok(Parsed::Said(text)) => Err(match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => ExitStatus::HOLDS,
            Err(fault) => usage::write_fault(&fault, err),
        }),
        Err(refused) => {
            // A closed standard error cannot be told about; the exit code still says it.
            if let Some(message) = refused.message {
                let _ = writeln!(err, "{}: {message}", program.escaped());
            }
            if refused.with_usage {
                let _ = write!(err, "{}", help::USAGE);
            }
            Err(ExitStatus::Code(refused.code))
        }
    }
}
