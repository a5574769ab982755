//! Packs the schemas under `man/schema`, which are generated from the result types and kept fresh by
//! a test: the program tells them as they are there. What generates them is half a MiB of code, and
//! is left out of the program by the linker.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const LEVEL: u8 = 10;

fn main() -> io::Result<()> {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man/schema");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", schemas.display());
    let mut table = String::from("[\n");
    for name in names(&schemas)? {
        let file = schemas.join(&name).with_extension("json");
        println!("cargo::rerun-if-changed={}", file.display());
        let text = fs::read(&file)?;
        let packed = out.join(&name).with_extension("deflate");
        fs::write(&packed, miniz_oxide::deflate::compress_to_vec(&text, LEVEL))?;
        let length = text.len();
        writeln!(table, "    ({name:?}, {length}, include_bytes!({packed:?})),")
            .map_err(io::Error::other)?;
    }
    table.push(']');
    fs::write(out.join("schemas.rs"), table)
}

/// The commands that have a schema, in order.
fn names(schemas: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(schemas)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".json").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
