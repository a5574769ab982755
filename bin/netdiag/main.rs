//! The program: arguments and the machine go in, an exit code comes out. Everything else is in
//! `netdiag-cli`, as a function.

mod world;

use netdiag_cli::ExitStatus;
use netdiag_sys::{Stdout, privileges, signals};
use std::io::stderr;
use std::process::ExitCode;

fn main() -> ExitCode {
    if privileges::ensure_standard_descriptors().is_err() {
        return ExitCode::from(ExitStatus::UNMEASURED.code());
    }
    let (mut out, mut err) = (Stdout::default(), stderr().lock());
    let mut world = world::SystemWorld { out: out.clone() };
    let status = netdiag_cli::run(std::env::args_os(), &mut world, &mut out, &mut err);
    match status {
        ExitStatus::Code(code) => ExitCode::from(code),
        ExitStatus::Signal(signal) => signals::die_by(signal),
    }
}
