//! The whole program as a function: [`run`] takes arguments, a [`World`] and two writers, and gives
//! an [`ExitStatus`]. Everything that touches the machine goes through the world, so that a test
//! runs the same program in a simulated one.
//!
//! A command goes args (syntax only) -> open (the world opens sockets, drops privileges and confines
//! the process) -> plan (names looked up; what is left cannot be invalid) -> run -> document -> exit
//! status.
//!
//! ```
//! let page = netdiag_cli::generated::man_pages();
//! assert!(page.iter().any(|(name, _)| name == "netdiag-ping.1"));
//! ```
#![forbid(unsafe_code)]

mod adapters;
mod args;
mod classic;
mod commands;
mod exit;
mod explain;
pub mod generated;
mod published;
mod usage;
mod world;

pub use exit::ExitStatus;
pub use world::{
    Backend, DontFragment, LookUps, LookedUp, MARKED_SOCKETS, OpenRequest, OwnLookup, SignalRule,
    TablesRequest, Terminal, UdpSockets, World,
};

use args::{Arguments, Command, FpingWords};
use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use classic::Tool;
use std::ffi::OsString;
use std::io::Write;

/// Runs netdiag, or the classic tool under whose name it was started. Results go to `out`,
/// everything else to `err`.
pub fn run<W: World>(
    argv: impl IntoIterator<Item = OsString>,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let argv = classic::without_tool(argv.into_iter().collect());
    match classic::started_as(argv.first()) {
        Some(Tool::Ping) => return ping(argv, world, out, err),
        Some(Tool::Fping) => return fping(argv, world, out, err),
        Some(Tool::Traceroute) => return traceroute(argv, world, out, err),
        Some(Tool::Mtr) => return mtr(argv, world, out, err),
        Some(Tool::Nslookup) => return nslookup(argv, world, out, err),
        None => {}
    }
    if let Some(words) = classic::ping_words(&argv) {
        return ping(words, world, out, err);
    }
    if let Some(words) = classic::fping_words(&argv) {
        return fping(words, world, out, err);
    }
    if let Some(words) = classic::traceroute_words(&argv) {
        return traceroute(words, world, out, err);
    }
    if let Some(words) = classic::mtr_words(&argv) {
        return mtr(words, world, out, err);
    }
    let is_verbose = argv.iter().any(|word| word == "--verbose");
    let answer = Answer::to(&argv);
    let mut matches = match Arguments::command().try_get_matches_from(&argv) {
        Ok(matches) => matches,
        Err(error) if is_verbose && error.kind() == ErrorKind::DisplayVersion => {
            let text = format!("{error}sandbox: {}\n", world.sandbox());
            return usage::say(&text, out, err);
        }
        Err(error) => return answer.give(&error, out, err),
    };
    match adapters::Asked::of(&matches) {
        Some(asked) => adapters::run(&asked, &argv, answer, world, out, err),
        None => execute(&mut matches, answer, world, out, err),
    }
}

/// How what clap found is answered.
#[derive(Clone, Copy)]
enum Answer {
    Plain,
    /// As a monitoring plugin does.
    Plugin,
}

impl Answer {
    fn to(argv: &[OsString]) -> Self {
        if commands::check::plugin::is_asked(argv) { Self::Plugin } else { Self::Plain }
    }

    fn give(self, error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> ExitStatus {
        match self {
            Self::Plain => usage::answer(error, out, err),
            Self::Plugin => commands::check::plugin::answer(error, out, err),
        }
    }

    /// Says what is wrong with arguments that clap takes.
    fn report(self, message: &str, out: &mut dyn Write, err: &mut dyn Write) -> ExitStatus {
        match self {
            Self::Plain => usage::report(message, err),
            Self::Plugin => {
                commands::check::plugin::run(out, err, |_, err| usage::report(message, err))
            }
        }
    }
}

/// Does what was asked for.
fn execute<W: World>(
    matches: &mut ArgMatches,
    answer: Answer,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let arguments = match Arguments::from_arg_matches_mut(matches) {
        Ok(arguments) => arguments,
        Err(error) => return answer.give(&error, out, err),
    };
    match arguments.command {
        Command::Ping(ping) => commands::ping::run(&ping, world, out, err),
        Command::Sweep(sweep) => commands::frame::run(&*sweep, world, out, err),
        Command::Trace(trace) => commands::frame::run(&*trace, world, out, err),
        Command::Mtr(mtr) => {
            let mtr = commands::mtr::Mtr::new(&mtr, world);
            commands::frame::run(&mtr, world, out, err)
        }
        Command::Mtu(mtu) => commands::frame::run(&*mtu, world, out, err),
        Command::Sockets(sockets) => commands::sockets::run(&sockets, world, out, err),
        Command::Dns(dns) => commands::frame::run(&*dns, world, out, err),
        Command::TcpConnect(connect) => commands::frame::run(&*connect, world, out, err),
        Command::Syn(syn) => commands::frame::run(&*syn, world, out, err),
        Command::Check(check) => commands::check::run(&check, world, out, err),
        Command::WaitFor(wait) => commands::frame::run(&*wait, world, out, err),
        Command::Fping(FpingWords { words }) => {
            let name = std::iter::once(OsString::from("fping"));
            fping(name.chain(words.into_iter().map(OsString::from)).collect(), world, out, err)
        }
        Command::Explain(words) => commands::explain::run(&words, world, out, err),
        Command::Schema(schema) => commands::schema::run(&schema, out, err),
        Command::Completions(arguments) => {
            usage::say(&generated::completions(arguments.shell), out, err)
        }
        Command::InstallLinks(links) => commands::links::run(&links, world, out, err),
    }
}

fn ping<W: World>(
    argv: Vec<OsString>,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    match classic::ping(argv, world.may_flood(), out, err) {
        Ok(arguments) => commands::ping::run(&arguments, world, out, err),
        Err(status) => status,
    }
}

fn fping<W: World>(
    argv: Vec<OsString>,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    match classic::fping(argv, out, err) {
        Ok(arguments) => commands::sweep::classic::run(&arguments, world, out, err),
        Err(status) => status,
    }
}

fn traceroute<W: World>(
    argv: Vec<OsString>,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    match classic::traceroute(argv, err) {
        Ok(arguments) => commands::trace::classic::run(&arguments, world, out, err),
        Err(status) => status,
    }
}

fn nslookup<W: World>(
    argv: Vec<OsString>,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    match classic::nslookup(argv, out, err) {
        Ok(arguments) => commands::frame::run(&*arguments, world, out, err),
        Err(status) => status,
    }
}

fn mtr<W: World>(
    argv: Vec<OsString>,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    match classic::mtr(argv, world.may_flood(), out, err) {
        Ok(arguments) => commands::mtr::classic::run(&arguments, world, out, err),
        Err(status) => status,
    }
}
