//! `--as`: results in the forms of other programs. A form is one that the command has under another
//! name, or is made of its document or its lines once it has ended.

use crate::args::{Arguments, Command};
use crate::{Answer, ExitStatus, World, execute, usage};
use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches};
use netdiag_model::Destination;
use netdiag_report::adapters::{self, Adapter, Setting};
use std::ffi::OsString;
use std::io::{self, Write};

const OPTION: &str = "as";
const VALIDATE: &str = "validate";
/// The data bytes of a probe that nobody gave a size.
const DATA: u32 = 56;
const TRACE_DATA: u32 = 32;

/// How a form comes to be.
#[derive(Clone, Copy, Debug)]
enum How {
    /// By these options of the command.
    Own(&'static [&'static str]),
    /// Of what it writes with these options.
    Made(&'static [&'static str], Adapter),
}

const DOCUMENT: &[&str] = &["--output=json"];
const LINES: &[&str] = &["--output=jsonl", "--verbose"];
const ROWS: &[&str] = &["--output=csv"];

const CSV: (&str, How) = ("csv", How::Own(ROWS));
const MARKDOWN: (&str, How) = ("markdown", How::Made(ROWS, Adapter::Markdown));

/// The forms that each command has.
const FORMS: &[(&str, &[(&str, How)])] = &[
    (
        "ping",
        &[
            ("ping", How::Own(&["--classic"])),
            ("atlas", How::Made(DOCUMENT, Adapter::Atlas)),
            MARKDOWN,
            CSV,
        ],
    ),
    ("sweep", &[("fping-json", How::Made(DOCUMENT, Adapter::FpingJson)), MARKDOWN, CSV]),
    (
        "trace",
        &[
            ("scamper-json", How::Made(LINES, Adapter::ScamperJson)),
            ("atlas", How::Made(LINES, Adapter::Atlas)),
            MARKDOWN,
            CSV,
        ],
    ),
    (
        "mtr",
        &[
            ("mtr-json", How::Made(DOCUMENT, Adapter::MtrJson)),
            ("mtr-csv", How::Made(DOCUMENT, Adapter::MtrCsv)),
            MARKDOWN,
            CSV,
        ],
    ),
    ("mtu", &[MARKDOWN, CSV]),
    ("sockets", &[MARKDOWN, CSV]),
    (
        "dns",
        &[
            ("dig", How::Own(&["--classic"])),
            ("kdig-json", How::Made(&["--output=json", "--wire"], Adapter::KdigJson)),
            MARKDOWN,
            CSV,
        ],
    ),
    ("tcp-connect", &[MARKDOWN, CSV]),
    ("syn", &[MARKDOWN, CSV]),
    (
        "check",
        &[
            ("nagios", How::Own(&["--output=nagios"])),
            ("prometheus", How::Own(&["--output=prometheus"])),
            MARKDOWN,
            CSV,
        ],
    ),
    ("wait-for", &[MARKDOWN, CSV]),
];

fn forms(command: &str) -> &'static [(&'static str, How)] {
    FORMS.iter().find(|(name, _)| *name == command).map_or(&[], |(_, forms)| forms)
}

/// A command with the option, where it has forms.
pub(crate) fn option(name: &str, command: clap::Command) -> clap::Command {
    let names = forms(name).iter().map(|(form, _)| *form);
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        return command;
    }
    command.arg(
        Arg::new(OPTION)
            .long(OPTION)
            .value_name("PROGRAM")
            .value_parser(PossibleValuesParser::new(names))
            .help("Print it in the form of another program, in place of --output"),
    )
}

/// A form that was asked for.
pub(crate) struct Asked {
    command: &'static str,
    form: String,
    how: How,
    /// The form of output that was asked for beside it.
    beside: Option<&'static str>,
    /// Nothing is to be measured that could have a form.
    only_validates: bool,
}

impl Asked {
    /// That of a line of arguments, if there is one.
    pub(crate) fn of(matches: &ArgMatches) -> Option<Self> {
        let (name, matches) = matches.subcommand()?;
        let (command, forms) = FORMS.iter().find(|(command, _)| *command == name)?;
        let form = matches.get_one::<String>(OPTION)?;
        let (_, how) = forms.iter().find(|(name, _)| name == form)?;
        let given = |id: &&&str| {
            let is_known = matches.try_contains_id(id).is_ok();
            is_known && matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        let beside = ["output", "json"].iter().find(given).copied();
        let only_validates = matches.try_get_one::<bool>(VALIDATE).ok().flatten();
        let only_validates = only_validates.copied().unwrap_or_default();
        Some(Self { command, form: form.clone(), how: *how, beside, only_validates })
    }
}

/// Runs a command, and writes what it comes to in the form that was asked for.
pub(crate) fn run<W: World>(
    asked: &Asked,
    argv: &[OsString],
    answer: Answer,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let Asked { command, form, how, beside, only_validates } = asked;
    if *only_validates {
        let why = "--validate measures nothing, and says so in a line";
        return answer.report(&format!("netdiag {command}: --as {form}: {why}"), out, err);
    }
    if let Some(option) = beside {
        let message = format!("netdiag {command}: --as {form}: not with --{option}");
        return answer.report(&message, out, err);
    }
    let (How::Own(options) | How::Made(options, _)) = how;
    let (before, after) = argv.split_at(argv.len().min(2));
    let own = options.iter().map(OsString::from);
    let argv = before.iter().cloned().chain(own).chain(after.iter().cloned());
    let mut matches = match Arguments::command().try_get_matches_from(argv) {
        Ok(matches) => matches,
        Err(error) => return answer.give(&error, out, err),
    };
    let How::Made(_, adapter) = how else {
        return execute(&mut matches, answer, world, out, err);
    };
    let mut setting = setting(&matches, world);
    let mut written = Vec::new();
    let status = execute(&mut matches, answer, world, &mut written, err);
    match write(*adapter, command, &written, &mut setting, world, out) {
        Ok(()) => status,
        Err(fault) => usage::write_fault(&fault, err),
    }
}

fn write<W: World>(
    adapter: Adapter,
    command: &str,
    written: &[u8],
    setting: &mut Setting,
    world: &mut W,
    out: &mut dyn Write,
) -> io::Result<()> {
    if written.is_empty() {
        return Ok(());
    }
    if adapter == Adapter::Markdown {
        adapters::write_markdown(&String::from_utf8_lossy(written), command, out)?;
        return out.flush();
    }
    let said = adapters::read(written)?;
    for address in adapters::addresses(&said) {
        if let Ok(from) = world.source(Destination::new(address), None, None) {
            setting.sources.insert(address, from);
        }
    }
    adapter.write(&said, setting, out)?;
    out.flush()
}

/// What documents do not say.
fn setting<W: World>(matches: &ArgMatches, world: &mut W) -> Setting {
    let parsed = Arguments::from_arg_matches(matches).map(|arguments| arguments.command);
    let (size, class, usual) = match parsed {
        Ok(Command::Mtr(mtr)) => (mtr.size.map(u32::from), mtr.marking.traffic_class(), TRACE_DATA),
        Ok(Command::Trace(trace)) => {
            (trace.size.map(u32::from), trace.marking.traffic_class(), TRACE_DATA)
        }
        Ok(Command::Ping(ping)) => (ping.size.map(u32::from), None, DATA),
        _ => (None, None, DATA),
    };
    Setting {
        host: world.host_name(),
        started: world.anchor().unix_nanos,
        traffic_class: class.unwrap_or_default(),
        data_bytes: size.unwrap_or(usual),
        ..Setting::default()
    }
}
