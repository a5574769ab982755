//! Has the linker put the functions that a start runs next to each other (`start.ld`): the kernel maps
//! a program's file sixteen pages at a time, and functions that are strewn over it would bring nearly
//! all of it into memory, 1.2 MiB more. And has it keep one of functions that are the same.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=bin/netdiag/build.rs");
    println!("cargo::rerun-if-changed=bin/netdiag/start.ld");
    println!("cargo::rerun-if-env-changed=NETDIAG_SYMBOLS");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let root = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=netdiag=-Wl,-T,{root}/bin/netdiag/start.ld");
        // What has the same code stands once. The linker of this target can do that, others may not.
        if is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("CARGO_CFG_TARGET_ENV", "gnu") {
            println!("cargo::rustc-link-arg-bin=netdiag=-Wl,--icf=all");
        }
        // Names stay for who wants to know what runs, hashes and all.
        if var("NETDIAG_SYMBOLS").is_ok() {
            println!("cargo::rustc-link-arg-bin=netdiag=-Wl,--strip-debug");
        }
    }
}
