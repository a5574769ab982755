//! The shape of the house: arrows between the rooms, generated files, and what the README says.
//!
//! `NETDIAG_UPDATE=1 cargo test --test it tidy` writes the generated files instead of comparing
//! them: the manual pages, the schema, and new lines of the list of published fields.

use netdiag_cli::generated;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A room, the rooms it may use beside `netdiag-model`, and the outside crates it may use.
struct Room {
    name: &'static str,
    rooms: &'static [&'static str],
    outside: &'static [&'static str],
}

const fn room(
    name: &'static str,
    rooms: &'static [&'static str],
    outside: &'static [&'static str],
) -> Room {
    Room { name, rooms, outside }
}

/// The arrows of crates/README.md. Every room may use the model. Tests may also use the simulator,
/// and those of the program every room.
const ROOMS: &[Room] = &[
    room(PROGRAM, &["netdiag-cli", "netdiag-engine", "netdiag-sockets", "netdiag-sys"], &[]),
    room("netdiag-model", &[], &["idna", "jiff", "schemars", "serde", "serde_json"]),
    room("netdiag-wire", &[], &["pnet"]),
    room("netdiag-engine", &["netdiag-wire"], &["hdrhistogram", "siphasher"]),
    room("netdiag-ping", &["netdiag-engine", "netdiag-wire"], &["schemars", "serde", "serde_json"]),
    room(
        "netdiag-trace",
        &["netdiag-engine", "netdiag-wire"],
        &["maxminddb", "schemars", "serde", "serde_json"],
    ),
    room(
        "netdiag-tcp",
        &["netdiag-engine", "netdiag-http", "netdiag-tls"],
        &["regex-lite", "schemars", "serde", "serde_json"],
    ),
    room(
        "netdiag-dns",
        &["netdiag-engine", "netdiag-http", "netdiag-quic", "netdiag-tls"],
        &["data-encoding", "domain", "schemars", "serde"],
    ),
    room("netdiag-http", &[], &["bytes", "h2", "http", "httparse", "tokio"]),
    room("netdiag-quic", &["netdiag-tls"], &["bytes", "quinn-proto", "tracing"]),
    room(
        "netdiag-tls",
        &[],
        &["data-encoding", "ring", "rustls", "schemars", "serde", "x509-parser"],
    ),
    room("netdiag-check", &[], &["regex-lite", "schemars", "serde", "serde_json", "toml"]),
    room("netdiag-sockets", &[], &["schemars", "serde", "serde_json"]),
    room(
        "netdiag-sys",
        &["netdiag-engine", "netdiag-sockets", "netdiag-wire"],
        &[
            "hickory-resolver",
            "libc",
            "netlink-packet-core",
            "netlink-packet-route",
            "netlink-sys",
            "pnet",
            "socket2",
            "surge-ping",
            "thiserror",
            "tokio",
        ],
    ),
    room(
        "netdiag-report",
        &[
            "netdiag-check",
            "netdiag-dns",
            "netdiag-engine",
            "netdiag-ping",
            "netdiag-sockets",
            "netdiag-tcp",
            "netdiag-trace",
        ],
        &["ratatui", "serde", "serde_json"],
    ),
    room(
        "netdiag-cli",
        &[
            "netdiag-check",
            "netdiag-dns",
            "netdiag-engine",
            "netdiag-ping",
            "netdiag-report",
            "netdiag-sockets",
            "netdiag-tcp",
            "netdiag-tls",
            "netdiag-trace",
        ],
        &["clap", "clap_complete", "clap_mangen", "miniz_oxide", "schemars", "serde_json"],
    ),
    room(
        "netdiag-sim",
        &["netdiag-engine", "netdiag-sys", "netdiag-wire"],
        &["libc", "nix", "serde", "toml"],
    ),
];

const PROGRAM: &str = "netdiag";
const MODEL: &str = "netdiag-model";
const SIMULATOR: &str = "netdiag-sim";
const LONGEST_FILE: usize = 500;

/// Where `unsafe` may stand: the system calls, and the device of the lab.
const UNSAFE: &[&str] = &["crates/netdiag-sys/src/raw/", "crates/netdiag-sim/src/lab/tun.rs"];

/// What only netdiag-sys may do, as it is written in the source.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Utc::now", "Timestamp::now"];
/// What nobody may do: output goes to the writers of `netdiag_cli::run`.
const PRINTS: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "dbg!"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn updates() -> bool {
    std::env::var_os("NETDIAG_UPDATE").is_some_and(|value| value == "1")
}

/// Compares a generated file with the committed one, or writes it.
fn check_fresh(path: &str, generated: &str) {
    let file = root().join(path);
    if updates() {
        fs::write(&file, generated).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == generated,
        "{path} is not what the program generates; write it anew with \
         `NETDIAG_UPDATE=1 cargo test --test it tidy` and look at the difference"
    );
}

/// Every file of the repository, as a path from its root. What git ignores is left out.
fn files() -> Vec<String> {
    let ignored = read(".gitignore");
    let ignored: Vec<PathBuf> =
        ignored.lines().map(|line| root().join(line.trim_start_matches('/'))).collect();
    let mut found = Vec::new();
    collect(&root(), &ignored, &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, ignored: &[PathBuf], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.ends_with(".git") || ignored.contains(&path) {
            continue;
        }
        if path.is_dir() {
            collect(&path, ignored, found);
        } else if let Ok(path) = path.strip_prefix(root()) {
            found.push(path.display().to_string());
        }
    }
}

/// The sources that end up in the program, with comments and test modules cut off.
fn sources() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|path| path.starts_with("bin/") || path.starts_with("crates/"))
        .filter(|path| path.ends_with(".rs"))
        .filter(|path| !path.contains("/tests/") && !path.ends_with("/tests.rs"))
        // A build script prints what cargo reads.
        .filter(|path| !path.ends_with("/build.rs"))
        .map(|path| {
            let text = read(&path);
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
            (path, lines.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

fn has_word(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(is_part) && !code[at + word.len()..].starts_with(is_part)
    })
}

fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list of packages").clone()
}

/// The names of crate folders.
fn folders() -> BTreeSet<String> {
    fs::read_dir(root().join("crates"))
        .expect("the folder of the crates")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn arrows_point_one_way() {
    let mut faults = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().expect("a name");
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            faults.push(format!("{name} has no entry in ROOMS"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("a list") {
            let used = dependency["name"].as_str().expect("a name");
            let is_ours = ROOMS.iter().any(|room| room.name == used);
            let for_tests = dependency["kind"] == "dev";
            let allowed = if is_ours {
                (used == MODEL && name != MODEL)
                    || room.rooms.contains(&used)
                    || (for_tests && (used == SIMULATOR || name == PROGRAM))
            } else {
                for_tests || room.outside.contains(&used)
            };
            if !allowed {
                faults.push(format!("{name} must not use {used}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}\nthe arrows stand in crates/README.md and in ROOMS");
}

#[test]
fn nothing_depends_on_cli_but_the_program_and_nothing_on_sim_but_tests() {
    for room in ROOMS {
        assert!(room.name == PROGRAM || !room.rooms.contains(&"netdiag-cli"), "{}", room.name);
        assert!(!room.rooms.contains(&SIMULATOR), "{}", room.name);
    }
}

#[test]
fn every_crate_folder_is_a_room_with_the_lints_of_the_workspace() {
    let rooms: BTreeSet<String> =
        ROOMS.iter().map(|room| room.name.to_owned()).filter(|name| name != PROGRAM).collect();
    assert_eq!(folders(), rooms);
    for folder in folders() {
        let manifest = read(format!("crates/{folder}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder} has lints of its own");
    }
}

#[test]
fn unsafe_code_stands_in_one_place() {
    for (path, code) in sources() {
        let may = UNSAFE.iter().any(|place| path.starts_with(place));
        assert!(may || !has_word(&code, "unsafe"), "{path} has unsafe code");
    }
}

#[test]
fn only_sys_reads_a_clock_and_nobody_prints() {
    for (path, code) in sources() {
        let is_sys = path.starts_with("crates/netdiag-sys/");
        let clocks = CLOCKS.iter().filter(|_| !is_sys);
        for word in clocks.chain(PRINTS) {
            assert!(!has_word(&code, word), "{path} has {word}");
        }
    }
}

/// The table of tests/scenarios/README.md names every scenario, and nothing that is not there.
#[test]
fn scenarios_and_their_table_agree() {
    let table = read("tests/scenarios/README.md");
    let named = table.split('`').skip(1).step_by(2);
    let mut scenarios = BTreeSet::new();
    for name in named.filter(|name| name.ends_with(".toml") || name.ends_with(".rs")) {
        let path = match name.split_once('/') {
            _ if name.ends_with(".toml") => {
                scenarios.insert(format!("tests/scenarios/{name}"));
                format!("tests/scenarios/{name}")
            }
            Some(("sim", rest)) => format!("crates/netdiag-sim/tests/{rest}"),
            Some(("rows", _)) => format!("tests/it/{name}"),
            Some(("crates" | "tests", _)) => name.to_owned(),
            None if name == "scenarios.rs" => format!("tests/it/{name}"),
            _ => format!("tests/it/scenarios/{name}"),
        };
        assert!(root().join(&path).is_file(), "{path} is named in tests/scenarios/README.md");
    }
    let is_scenario =
        |path: &String| path.starts_with("tests/scenarios/") && path.ends_with(".toml");
    let there: BTreeSet<String> = files().into_iter().filter(is_scenario).collect();
    assert_eq!(scenarios, there, "tests/scenarios/README.md has a row for each file");
}

#[test]
fn manual_pages_are_fresh() {
    let pages = generated::man_pages();
    for (name, text) in &pages {
        check_fresh(&format!("man/{name}"), text);
    }
    let names: BTreeSet<String> = pages.iter().map(|(name, _)| format!("man/{name}")).collect();
    let committed = files().into_iter().filter(|path| path.starts_with("man/"));
    let is_page = |path: &String| path.matches('/').count() == 1;
    for path in committed.filter(is_page) {
        assert!(names.contains(&path), "{path} is not generated any more");
    }
}

#[test]
fn completions_are_fresh() {
    for (name, script) in generated::completion_files() {
        check_fresh(&format!("man/completions/{name}"), &script);
    }
}

#[test]
fn the_schema_is_fresh() {
    for (command, schema) in generated::schemas() {
        check_fresh(&format!("man/schema/{command}.json"), &format!("{schema}\n"));
    }
}

/// What is published stays: a field that goes or changes its type breaks the scripts of users.
#[test]
fn the_schema_only_grows() {
    for (command, schema) in generated::schemas() {
        only_grows(&format!("man/schema/{command}.fields"), &schema);
    }
}

fn only_grows(list: &str, schema: &str) {
    let schema = serde_json::from_str(schema).expect("a schema is JSON");
    let mut now = BTreeMap::new();
    walk(&schema, &schema, "", &mut now);
    let now: BTreeSet<String> = now
        .into_iter()
        .map(|(path, types)| format!("{path}: {}", types.into_iter().collect::<Vec<_>>().join("|")))
        .collect();
    let committed = fs::read_to_string(root().join(list)).unwrap_or_default();
    let gone: Vec<&str> = committed.lines().filter(|line| !now.contains(*line)).collect();
    assert!(
        gone.is_empty(),
        "published fields or values have gone or changed their type (the contract is \
         additive): {gone:#?}"
    );
    let text: String = now.iter().map(|line| format!("{line}\n")).collect();
    check_fresh(list, &text);
}

/// The types at each path of a schema, and the values that an enumeration publishes.
fn walk<'a>(
    root: &'a Value,
    node: &'a Value,
    path: &str,
    found: &mut BTreeMap<String, BTreeSet<String>>,
) {
    assert!(path.matches(['.', '[']).count() < 16, "{path}: a schema that contains itself");
    if let Some(reference) = node["$ref"].as_str() {
        let place = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        walk(root, place, path, found);
    }
    let mut see = |path: &str, what: &str| {
        found.entry(path.to_owned()).or_default().insert(what.to_owned());
    };
    let types = match &node["type"] {
        Value::Array(types) => types.iter().collect(),
        Value::String(_) => vec![&node["type"]],
        _ => Vec::new(),
    };
    for kind in types.into_iter().filter(|_| !path.is_empty()) {
        see(path, kind.as_str().expect("a type"));
    }
    let values = node["enum"].as_array().into_iter().flatten();
    for value in values.chain(node.get("const")) {
        see(&format!("{path} = {value}"), "value");
    }
    if node["additionalProperties"] == true {
        see(&format!("{path}.*"), "any");
    }
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, child) in node["properties"].as_object().into_iter().flatten() {
        walk(root, child, &join(key), found);
    }
    for child in ["anyOf", "oneOf", "allOf"].iter().flat_map(|key| node[*key].as_array()).flatten()
    {
        walk(root, child, path, found);
    }
    for (key, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        if node[key].is_object() {
            walk(root, &node[key], &format!("{path}{step}"), found);
        }
    }
}

#[test]
fn the_readme_has_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo run --release -- ping -c 3 localhost", "cargo test --workspace"] {
        assert!(readme.lines().any(|line| line == command), "README.md lacks `{command}`");
    }
}

#[test]
fn the_map_names_every_room_and_no_other() {
    let map = read("crates/README.md");
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let named: BTreeSet<String> = map
        .split(|c| !is_part(c))
        .filter(|word| word.starts_with("netdiag-"))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, folders());
}

#[test]
fn the_top_level_is_what_the_map_says() {
    let known = ["bin", "crates", "man", "tests", "target"];
    let files = ["Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md"];
    for entry in fs::read_dir(root()).expect("the repository") {
        let name = entry.expect("a readable folder").file_name().to_string_lossy().into_owned();
        let expected = known.contains(&name.as_str())
            || files.contains(&name.as_str())
            || name.starts_with("LICENSE-")
            || name.starts_with('.');
        assert!(expected, "{name} has no place at the top level");
    }
}

#[test]
fn no_file_knows_the_machine_it_was_made_on() {
    let paths = [
        concat!("/wor", "k/"),
        concat!("/tmp/", "target"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    for path in files() {
        let bytes = fs::read(root().join(&path)).expect("a readable file");
        let text = String::from_utf8_lossy(&bytes);
        for place in paths {
            assert!(!text.contains(place), "{path} names {place}");
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    let is_read = |path: &str| {
        let written_by_hand = !path.ends_with("Cargo.lock") && !path.starts_with("man/");
        let grows = path == "CHANGELOG.md" || path.starts_with("LICENSE-");
        written_by_hand && !grows && ![".snap", ".ld"].iter().any(|end| path.ends_with(end))
    };
    for path in files().into_iter().filter(|path| is_read(path)) {
        let bytes = fs::read(root().join(&path)).expect("a readable file");
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        assert!(lines <= LONGEST_FILE, "{path} has {lines} lines, more than {LONGEST_FILE}");
    }
}
