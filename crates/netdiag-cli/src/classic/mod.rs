//! Started under the name of a classic tool: that tool's option syntax, its words and its exit
//! codes.

mod fping;
mod getopt;
mod help;
mod number;
mod ping;
mod scan;

pub(crate) use help::FPING as FPING_USAGE;

use crate::args::{FpingArguments, PingArguments};
use crate::{ExitStatus, usage};
use netdiag_model::Untrusted;
use std::ffi::OsString;
use std::io::Write;

/// What the arguments of a classic tool come to.
enum Parsed<T> {
    /// A measurement.
    Run(Box<T>),
    /// Text for standard output, and success.
    Said(String),
}

/// Why arguments are refused.
struct Refused {
    /// What follows the name of the program and a colon.
    message: Option<String>,
    /// What follows that: the list of options, or nothing.
    then: &'static str,
    code: u8,
}

impl Refused {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), then: "", code }
    }
}

/// A classic tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// iputils' ping.
    Ping,
    /// fping.
    Fping,
}

/// The tool under whose name the program was started.
pub(crate) fn started_as(program: Option<&OsString>) -> Option<Tool> {
    let name = program.map(std::path::Path::new).and_then(std::path::Path::file_name)?;
    match name.to_str()? {
        "ping" => Some(Tool::Ping),
        "fping" | "fping6" => Some(Tool::Fping),
        _ => None,
    }
}

/// The arguments of fping with its name before them, where the line is `netdiag fping ...`, or
/// `netdiag sweep ...` with `--classic` before any `--`.
pub(crate) fn fping_words(argv: &[OsString]) -> Option<Vec<OsString>> {
    let mut words = argv.get(2..)?.to_vec();
    match argv.get(1)?.to_str()? {
        "fping" => {}
        "sweep" => {
            let options = words.iter().take_while(|word| *word != "--");
            let place = options.into_iter().position(|word| word == "--classic")?;
            words.remove(place);
        }
        _ => return None,
    }
    words.insert(0, "fping".into());
    Some(words)
}

/// The arguments of `ping` as those of `netdiag ping --classic`; else how the process ends.
pub(crate) fn ping(
    argv: Vec<OsString>,
    may_flood: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Box<PingArguments>, ExitStatus> {
    let (program, words) = split(argv);
    let parsed = ping::parse(words, may_flood);
    if let Ok(Parsed::Said(text)) = &parsed {
        return Err(match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => ExitStatus::HOLDS,
            Err(fault) => usage::classic_write_fault(program.escaped(), &fault, err),
        });
    }
    let mut arguments = outcome(parsed, &program, out, err)?;
    arguments.program = Some(program);
    Ok(arguments)
}

/// The arguments of `fping`; else how the process ends.
pub(crate) fn fping(
    argv: Vec<OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Box<FpingArguments>, ExitStatus> {
    let (program, words) = split(argv);
    let parsed = fping::parse(program.clone(), words);
    outcome(parsed, &program, out, err)
}

fn split(argv: Vec<OsString>) -> (Untrusted, Vec<String>) {
    let mut words = argv.into_iter().map(|word| word.to_string_lossy().into_owned());
    (Untrusted::from(words.next().unwrap_or_default()), words.collect())
}

fn outcome<T>(
    parsed: Result<Parsed<T>, Refused>,
    program: &Untrusted,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Box<T>, ExitStatus> {
    match parsed {
        Ok(Parsed::Run(arguments)) => Ok(arguments),
        Ok(Parsed::Said(text)) => Err(match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => ExitStatus::HOLDS,
            Err(fault) => usage::write_fault(&fault, err),
        }),
        Err(refused) => {
            // A closed standard error cannot be told about; the exit code still says it.
            if let Some(message) = refused.message {
                let _ = writeln!(err, "{}: {message}", program.escaped());
            }
            let _ = write!(err, "{}", refused.then);
            Err(ExitStatus::Code(refused.code))
        }
    }
}
