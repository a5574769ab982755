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

use super::ending;
use crate::args::SocketsArguments;
use crate::args::form::Output;
use crate::args::sockets::Order;
use crate::{ExitStatus, TablesRequest, World, usage};
use netdiag_engine::port::NetworkError;
use netdiag_model::contract::Document;
use netdiag_report::json;
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
    let checked = match check::check(arguments) {
        Ok(checked) => checked,
        Err(message) => return usage::report(&format!("{PROGRAM}: {message}"), err),
    };
    let request =
        TablesRequest { owners: checked.plan.owners, all_namespaces: arguments.all_namespaces };
    let opened = match &arguments.procfs {
        Some(path) => world.saved_sockets(path, arguments.byte_order.map(order)),
        None => world.sockets(request),
    };
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

const fn order(order: Order) -> ByteOrder {
    match order {
        Order::Little => ByteOrder::Little,
        Order::Big => ByteOrder::Big,
    }
}
