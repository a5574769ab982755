//! Has the linker put the functions that a start runs next to each other (`start.ld`): the kernel maps
//! a program's file sixteen pages at a time, and functions that are strewn over it would bring nearly
//! all of it into memory, 1.2 MiB more. And has it keep one of functions that are the same, if it can.

use std::env::var;
use std::io::Write;
use std::process::{Command, Stdio};

/// Keeps one of functions that have the same code.
const FOLD: &str = "-Wl,--icf=all";

fn main() {
    println!("cargo::rerun-if-changed=bin/netdiag/build.rs");
    println!("cargo::rerun-if-changed=bin/netdiag/start.ld");
    println!("cargo::rerun-if-env-changed=NETDIAG_SYMBOLS");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let root = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=netdiag=-Wl,-T,{root}/bin/netdiag/start.ld");
        if links_with(FOLD).unwrap_or(false) {
            println!("cargo::rustc-link-arg-bin=netdiag={FOLD}");
        }
        // Names stay for who wants to know what runs, hashes and all.
        if var("NETDIAG_SYMBOLS").is_ok() {
            println!("cargo::rustc-link-arg-bin=netdiag=-Wl,--strip-debug");
        }
    }
}

/// Whether the linker knows an argument: a program that does nothing is linked with it.
fn links_with(argument: &str) -> Option<bool> {
    let (compiler, target, folder) =
        (var("RUSTC").ok()?, var("TARGET").ok()?, var("OUT_DIR").ok()?);
    let mut command = Command::new(compiler);
    command.args(["-", "--crate-name=probe", "--target", &target]);
    command.args(["-o", &format!("{folder}/probe"), &format!("-Clink-arg={argument}")]);
    command.args(var("RUSTC_LINKER").ok().map(|linker| format!("-Clinker={linker}")));
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    command.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(b"fn main() {}").ok()?;
    child.wait().ok().map(|ended| ended.success())
}
