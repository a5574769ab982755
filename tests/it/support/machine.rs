//! The program on this machine inside the process of a test, which may do to it what no option does.

#[path = "../../../bin/netdiag/world.rs"]
mod world;

use netdiag_sys::Stdout;
use std::ffi::OsString;
use std::io::{self, Write};

/// Runs the program, as its `main` does, with an output that panics once what was written is so.
pub(crate) fn run_panicking_when(arguments: &[&str], wished: fn(&str) -> bool) {
    let out = Stdout::default();
    let mut world =
        world::SystemWorld { out: out.clone(), screen: false, own_lookup: None, tables: None };
    let mut out = Panicking { out, written: Vec::new(), wished };
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    netdiag_cli::run(arguments, &mut world, &mut out, &mut io::stderr());
}

struct Panicking {
    out: Stdout,
    written: Vec<u8>,
    wished: fn(&str) -> bool,
}

impl Write for Panicking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.written.extend_from_slice(&bytes[..len]);
        assert!(!(self.wished)(&String::from_utf8_lossy(&self.written)), "as was wished");
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
