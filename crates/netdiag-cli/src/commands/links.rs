//! `netdiag install-links`: links under the names of the classic tools.

use crate::args::LinksArguments;
use crate::{ExitStatus, World, classic, usage};
use netdiag_model::Untrusted;
use std::io::{self, Write};

pub(crate) fn run<W: World>(
    arguments: &LinksArguments,
    world: &mut W,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitStatus {
    let asked = arguments.names.iter().map(String::as_str);
    let names = match arguments.names.is_empty() {
        true => classic::NAMES.to_vec(),
        false => asked.collect(),
    };
    let mut status = ExitStatus::HOLDS;
    for name in names {
        let path = arguments.directory.join(name);
        let shown = Untrusted::from(path.to_string_lossy().as_ref());
        let shown = shown.escaped();
        let written = match world.link_to_itself(&path) {
            Ok(()) => writeln!(out, "{shown}"),
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => {
                status = ExitStatus::FAILS;
                writeln!(err, "netdiag install-links: {shown} is there already")
            }
            Err(fault) => {
                status = ExitStatus::UNMEASURED;
                writeln!(err, "netdiag install-links: {shown}: {fault}")
            }
        };
        if let Err(fault) = written {
            return usage::write_fault(&fault, err);
        }
    }
    match out.flush() {
        Ok(()) => status,
        Err(fault) => usage::write_fault(&fault, err),
    }
}
