//! Has the linker put the functions that a start runs next to each other (`start.ld`): the kernel maps
//! a program's file sixteen pages at a time, and functions that are strewn over it would bring nearly
//! all of it into memory, 1.2 MiB more.

use std::env::var;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=bin/netdiag/build.rs");
    println!("cargo::rerun-if-changed=bin/netdiag/start.ld");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    if is("PROFILE", "release") && is("CARGO_CFG_TARGET_OS", "linux") {
        let root = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=netdiag=-Wl,-T,{root}/bin/netdiag/start.ld");
        if var("HOST") == var("TARGET") && knows_relr() {
            println!("cargo::rustc-link-arg-bin=netdiag=-Wl,-z,pack-relative-relocs");
        }
    }
}

/// Whether the C library, which is part of the program and moves it to its addresses, reads the places
/// that need it as a bitmap (`DT_RELR`), which takes a hundredth of the room of a list: glibc from 2.36 on.
fn knows_relr() -> bool {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let told = told.map(|it| String::from_utf8_lossy(&it.stdout).into_owned()).unwrap_or_default();
    let version = told.trim().strip_prefix("glibc 2.").and_then(|minor| minor.parse::<u32>().ok());
    version.is_some_and(|minor| minor >= 36)
}
