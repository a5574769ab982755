//! `netdiag sockets`: the kernel's tables in one look. No packet is sent, so that there is no network
//! and no engine here.

mod changes;
mod check;
mod glance;
mod header;
mod looks;
mod names;
mod run;
mod watch;

pub(crate) use glance::{Glance, Glanced};
pub(crate) use names::{PASSWD, known};

use super::ending;
use crate::args::SocketsArguments;
use crate::args::form::Output;
use crate::args::sockets::Order;
use crate::{ExitStatus, TablesRequest, Terminal, World, usage};
use netdiag_engine::port::NetworkError;
use netdiag_model::contract::Document;
use netdiag_report::json;
use netdiag_sockets::filter::Name;
use netdiag_sockets::look::LookError;
use netdiag_sockets::port::{ByteOrder, Fault};
use netdiag_sockets::result::SocketsDocument;
use std::io::Write;

const NAME: &str = "sockets";
const PROGRAM: &str = "netdiag sockets";

/// Runs the command from its arguments to its end.
pub(crate) fn run<W: World>(
    arguments: &SocketsArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    // What names stand for is read once rights are given up; until then they are numbers of some kind.
    let (mut has_names, mut has_users) = (false, false);
    let first = check::check(arguments, &mut |name| {
        has_names = true;
        has_users |= matches!(name, Name::User(_));
        Some(1)
    });
    let mut checked = match first {
        Ok(checked) => checked,
        Err(message) => return refused(&message, world.terminal(), err),
    };
    if has_users && arguments.procfs.is_some() {
        let why = "names of users are not in saved tables, so that uid wants a number";
        return usage::report(&format!("{PROGRAM}: --procfs: {why}"), err);
    }
    let request =
        TablesRequest { owners: checked.plan.owners, all_namespaces: arguments.all_namespaces };
    let opened = match &arguments.procfs {
        Some(path) => world.saved_sockets(path, arguments.byte_order.map(order)),
        None => world.sockets(request),
    };
    if has_names && opened.is_ok() {
        let again = check::check(arguments, &mut known(world));
        checked = match again {
            Ok(checked) => checked,
            Err(message) => return refused(&message, world.terminal(), err),
        };
    }
    let ended = match opened {
        Ok(mut tables) => match arguments.watch {
            Some(interval) => {
                watch::watch(arguments, &checked, interval, world, &mut tables, (out, err))
            }
            None => run::run(arguments, &checked, world, &mut tables, out),
        },
        Err(error) => Err(LookError::Kernel(Fault { call: error.call, errno: error.errno })),
    };
    match ended {
        Ok(measured) => ending::conclude(Ok(measured), PROGRAM, out, err, usage::write_fault),
        Err(LookError::Write(fault)) => usage::write_fault(&fault, err),
        Err(LookError::Kernel(Fault { call, errno })) => {
            let error = NetworkError { call, errno };
            let has_document = arguments.form.output() == Output::Json;
            let write = |document: &Document<()>, out: &mut dyn Write| {
                json::write_line(out, &SocketsDocument::empty(document.clone()))
            };
            let write = has_document.then_some(write);
            ending::unmeasurable_as((NAME, PROGRAM), write, world, &error, (out, err))
        }
    }
}

/// Says what is wrong with the arguments: in a line, and where to a person in two more.
fn refused(message: &str, terminal: Terminal, err: &mut dyn Write) -> ExitStatus {
    let lines = if terminal.stderr { usize::MAX } else { 1 };
    let shown: Vec<&str> = message.lines().take(lines).collect();
    usage::report(&format!("{PROGRAM}: {}", shown.join("\n")), err)
}

const fn order(order: Order) -> ByteOrder {
    match order {
        Order::Little => ByteOrder::Little,
        Order::Big => ByteOrder::Big,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_is_wrong_is_shown_to_people_and_scripts_have_a_line() {
        let said = |stderr| {
            let mut err = Vec::new();
            refused("what\n:htps\n ^", Terminal { stderr, ..Terminal::default() }, &mut err);
            String::from_utf8(err).expect("text")
        };
        assert_eq!(said(false), "netdiag sockets: what\n");
        assert_eq!(said(true), "netdiag sockets: what\n:htps\n ^\n");
    }
}
