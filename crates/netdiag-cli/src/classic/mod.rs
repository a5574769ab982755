//! Started under the name of a classic tool: that tool's option syntax, its words and its exit
//! codes.

mod clif;
mod fping;
mod getopt;
mod help;
mod mtr;
mod nslookup;
mod number;
mod ping;
mod scan;
mod traceroute;

pub(crate) use help::FPING as FPING_USAGE;
use nslookup::Nslookup;
pub(crate) use nslookup::{NslookupArguments, Set, Settings};

use crate::args::{ClassicMtrArguments, FpingArguments, PingArguments, TracerouteArguments};
use crate::{ExitStatus, usage};
use netdiag_model::{Family, Untrusted};
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
    /// traceroute.
    Traceroute,
    /// mtr.
    Mtr,
    /// BIND's nslookup.
    Nslookup,
}

/// The names under which the program is a classic tool.
pub(crate) const NAMES: [&str; 9] =
    ["ping", "ping4", "ping6", "fping", "fping6", "traceroute", "traceroute6", "mtr", "nslookup"];

/// The tool under whose name the program was started.
pub(crate) fn started_as(program: Option<&OsString>) -> Option<Tool> {
    let name = program.map(std::path::Path::new).and_then(std::path::Path::file_name)?;
    match name.to_str()? {
        "ping" | "ping4" | "ping6" => Some(Tool::Ping),
        "fping" | "fping6" => Some(Tool::Fping),
        "traceroute" | "traceroute6" => Some(Tool::Traceroute),
        "mtr" => Some(Tool::Mtr),
        "nslookup" => Some(Tool::Nslookup),
        _ => None,
    }
}

/// Commands, and the tool whose layout their `--classic` is. `sockets` has several, and is told which.
const OF_COMMANDS: [(&str, &str); 7] = [
    ("ping", "ping"),
    ("sweep", "fping"),
    ("trace", "traceroute"),
    ("traceroute", "traceroute"),
    ("mtr", "mtr"),
    ("dns", "dig"),
    ("lookup", "dig"),
];

/// The same words with `--classic` for `--classic=TOOL`, where that is the tool of the command.
pub(crate) fn without_tool(mut argv: Vec<OsString>) -> Vec<OsString> {
    let command = argv.get(1).and_then(|word| word.to_str());
    let known = OF_COMMANDS.iter().find(|(name, _)| Some(*name) == command);
    let Some((_, tool)) = known.filter(|_| started_as(argv.first()).is_none()) else { return argv };
    let named = |word: &OsString| word.to_str()?.strip_prefix("--classic=").map(str::to_owned);
    for word in argv.iter_mut().take_while(|word| word.as_os_str() != "--") {
        if named(word).is_some_and(|named| named == *tool) {
            *word = "--classic".into();
        }
    }
    argv
}

/// The arguments of iputils' ping with its name before them, where the line is `netdiag ping ...` with
/// `--classic` before any `--`, and no other long option, which iputils has not.
pub(crate) fn ping_words(argv: &[OsString]) -> Option<Vec<OsString>> {
    let mut words = argv.get(2..)?.to_vec();
    let is_ping = argv.get(1).is_some_and(|word| word == "ping");
    let options = words.iter().take_while(|word| *word != "--");
    let is_long = |word: &&OsString| word.as_encoded_bytes().starts_with(b"--");
    let mut long = options.enumerate().filter(|(_, word)| is_long(word));
    let (place, _) = long.next().filter(|(_, word)| *word == "--classic" && is_ping)?;
    if long.next().is_some() {
        return None;
    }
    words.remove(place);
    words.insert(0, "ping".into());
    Some(words)
}

/// The arguments of fping with its name before them, where the line is `netdiag fping ...`, or
/// `netdiag sweep ...` with `--classic` before any `--`.
pub(crate) fn fping_words(argv: &[OsString]) -> Option<Vec<OsString>> {
    let mut words = match argv.get(1)?.to_str()? {
        "fping" => argv.get(2..)?.to_vec(),
        "sweep" => without_classic(argv)?,
        _ => return None,
    };
    words.insert(0, "fping".into());
    Some(words)
}

/// The arguments of traceroute with its name before them, where the line is `netdiag trace ...` with
/// `--classic` before any `--`.
pub(crate) fn traceroute_words(argv: &[OsString]) -> Option<Vec<OsString>> {
    let is_trace = matches!(argv.get(1)?.to_str()?, "trace" | "traceroute");
    let mut words = without_classic(argv).filter(|_| is_trace)?;
    words.insert(0, "traceroute".into());
    Some(words)
}

/// The arguments of mtr with its name before them, where the line is `netdiag mtr ...` with `--classic`
/// before any `--`.
pub(crate) fn mtr_words(argv: &[OsString]) -> Option<Vec<OsString>> {
    let is_mtr = argv.get(1)? == "mtr";
    let mut words = without_classic(argv).filter(|_| is_mtr)?;
    words.insert(0, "mtr".into());
    Some(words)
}

/// What follows the command, but for `--classic`; `None` where that does not stand before any `--`.
fn without_classic(argv: &[OsString]) -> Option<Vec<OsString>> {
    let mut words = argv.get(2..)?.to_vec();
    let mut options = words.iter().take_while(|word| *word != "--");
    let place = options.position(|word| word == "--classic")?;
    words.remove(place);
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
    let parsed = ping::parse(words, family(&program), may_flood);
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

/// The arguments of `traceroute`; else how the process ends. It says nothing on standard output but
/// its results, and its own name nowhere.
pub(crate) fn traceroute(
    argv: Vec<OsString>,
    err: &mut dyn Write,
) -> Result<Box<TracerouteArguments>, ExitStatus> {
    let (program, words) = split(argv);
    // A closed standard error cannot be told about; the exit code still says it.
    match traceroute::parse(words, program.escaped().to_string().ends_with('6')) {
        Ok(Parsed::Run(arguments)) => Ok(arguments),
        Ok(Parsed::Said(text)) => {
            let _ = writeln!(err, "{text}");
            Err(ExitStatus::HOLDS)
        }
        Err(refused) => {
            let _ = writeln!(err, "{}", refused.message.unwrap_or_default());
            Err(ExitStatus::Code(refused.code))
        }
    }
}

/// The arguments of `mtr`; else how the process ends.
pub(crate) fn mtr(
    argv: Vec<OsString>,
    may_flood: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Box<ClassicMtrArguments>, ExitStatus> {
    let (program, words) = split(argv);
    let parsed = mtr::parse(program.clone(), words, may_flood);
    outcome(parsed, &program, out, err)
}

/// The family that the last letter of a tool's name asks for.
fn family(program: &Untrusted) -> Option<Family> {
    match program.as_raw().chars().last()? {
        '4' => Some(Family::Ipv4),
        '6' => Some(Family::Ipv6),
        _ => None,
    }
}

/// The arguments of `nslookup`; else how the process ends. What it says of them goes to standard output.
pub(crate) fn nslookup(
    argv: Vec<OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Box<NslookupArguments>, ExitStatus> {
    let (_, words) = split(argv);
    let parsed = nslookup::parse(&words);
    let said = match &parsed {
        Nslookup::Run(arguments) => arguments.said.as_slice(),
        Nslookup::Usage(said) => said,
        Nslookup::Version => &[],
    };
    let written = said.iter().try_for_each(|line| writeln!(out, "{line}"));
    if let Err(fault) = written.and_then(|()| out.flush()) {
        return Err(usage::write_fault(&fault, err));
    }
    // A closed standard error cannot be told about; the exit code still says it.
    match parsed {
        Nslookup::Run(arguments) => Ok(arguments),
        Nslookup::Version => {
            let _ = writeln!(err, "nslookup of netdiag {}", env!("CARGO_PKG_VERSION"));
            Err(ExitStatus::HOLDS)
        }
        Nslookup::Usage(_) => {
            let _ = writeln!(err, "{}", help::NSLOOKUP);
            Err(ExitStatus::FAILS)
        }
    }
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
