//! Has the linker put the functions that a start runs next to each other (`start.ld`): the kernel maps
//! a program's file sixteen pages at a time, and functions that are strewn over it would bring nearly
//! all of it into memory, 1.2 MiB more. And has it make the file smaller, where it can.

use std::env::var;
use std::io::Write;
use std::process::{Command, Stdio};

/// Keeps one of functions that have the same code.
const FOLD: &str = "-Wl,--icf=all";
/// Packs what is to be adjusted where the program lies elsewhere: a tenth of the bytes. The C library of
/// the program adjusts them, from version 2.36 on.
const PACK: &str = "-Wl,--pack-dyn-relocs=relr";

fn main() {
    println!("cargo::rerun-if-changed=bin/netdiag/build.rs");
    println!("cargo::rerun-if-changed=bin/netdiag/start.ld");
    println!("cargo::rerun-if-env-changed=NETDIAG_SYMBOLS");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let root = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=netdiag=-Wl,-T,{root}/bin/netdiag/start.ld");
        let works = |argument| linked_with(argument).is_some_and(|program| runs(&program));
        let folds = linked_with(FOLD).map(|_| FOLD);
        for argument in folds.into_iter().chain(works(PACK).then_some(PACK)) {
            println!("cargo::rustc-link-arg-bin=netdiag={argument}");
        }
        // Names stay for who wants to know what runs, hashes and all.
        if var("NETDIAG_SYMBOLS").is_ok() {
            println!("cargo::rustc-link-arg-bin=netdiag=-Wl,--strip-debug");
        }
    }
}

/// A program that does nothing, linked with an argument; `None` where the linker does not know that.
fn linked_with(argument: &str) -> Option<String> {
    let (compiler, target) = (var("RUSTC").ok()?, var("TARGET").ok()?);
    let program = format!("{}/probe", var("OUT_DIR").ok()?);
    let mut command = Command::new(compiler);
    command.args(["-", "--crate-name=probe", "--target", &target, "-o", &program]);
    command.arg(format!("-Clink-arg={argument}"));
    command.args(var("RUSTC_LINKER").ok().map(|linker| format!("-Clinker={linker}")));
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    command.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(b"fn main() {}").ok()?;
    child.wait().ok()?.success().then_some(program)
}

/// Whether a program of the target runs here, and to its end.
fn runs(program: &str) -> bool {
    var("HOST").is_ok_and(|host| var("TARGET").is_ok_and(|target| target == host))
        && Command::new(program).status().is_ok_and(|ended| ended.success())
}
