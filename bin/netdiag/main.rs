//! The program: arguments and the machine go in, an exit code comes out. Everything else is in
//! `netdiag-cli`, as a function.
#![no_main]

mod world;

use netdiag_cli::ExitStatus;
use netdiag_sys::{Stdout, signals};
use std::ffi::OsString;
use std::io::stderr;

netdiag_sys::program!(run);

fn run(arguments: Vec<OsString>) -> u8 {
    let (mut out, mut err) = (Stdout::default(), stderr().lock());
    let mut world =
        world::SystemWorld { out: out.clone(), screen: false, own_lookup: None, tables: None };
    match netdiag_cli::run(arguments, &mut world, &mut out, &mut err) {
        ExitStatus::Code(code) => code,
        ExitStatus::Signal(signal) => signals::die_by(signal),
    }
}
