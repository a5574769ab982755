//! What the program writes about itself and for others: completions, and links under classic names.

use crate::support::process::{Ended, NETDIAG, run};
use std::fs;
use std::process::Command;

fn netdiag(arguments: &[&str]) -> Ended {
    run(Command::new(NETDIAG).args(arguments))
}

#[test]
fn links_make_it_the_classic_tools() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("a path");
    let made = netdiag(&["install-links", path]);
    assert_eq!(made.code(), Some(0), "{made:?}");
    let linked: Vec<&str> = made.out.lines().collect();
    assert!(linked.len() >= 5, "{made:?}");
    let it = fs::canonicalize(NETDIAG).expect("the program");
    for link in &linked {
        assert_eq!(fs::canonicalize(link).expect("a link"), it);
    }
    let ping = run(Command::new(folder.path().join("ping")).arg("-V"));
    assert!(ping.out.starts_with("ping from ") && ping.out.contains("iputils"), "{ping:?}");
    let again = netdiag(&["install-links", "--names", "fping,ping", path]);
    assert_eq!((again.code(), again.out.as_str()), (Some(1), ""), "{again:?}");
    assert_eq!(again.err.matches(" is there already\n").count(), 2, "{again:?}");
    let nowhere = netdiag(&["install-links", "--names", "ping", "/nowhere"]);
    assert_eq!(nowhere.code(), Some(3), "{nowhere:?}");
    let unknown = netdiag(&["install-links", "--names", "pong", path]);
    assert_eq!(unknown.code(), Some(2), "{unknown:?}");
}

#[test]
fn completions_are_taken_by_the_shell() {
    let script = netdiag(&["completions", "bash"]);
    assert_eq!(script.code(), Some(0), "{script:?}");
    let asks =
        "COMP_WORDS=(netdiag pi); COMP_CWORD=1; _netdiag netdiag pi netdiag; echo ${COMPREPLY[@]}
        COMP_WORDS=(netdiag ping --until-); COMP_CWORD=2; _netdiag netdiag --until- ping
        echo ${COMPREPLY[@]}";
    let asked = run(Command::new("bash").args(["-c", &format!("{}\n{asks}", script.out)]));
    assert_eq!(asked.out, "ping\n--until-up --until-down\n", "{asked:?}");
    assert_eq!(netdiag(&["completions", "pong"]).code(), Some(2));
}

/// What the package installs is there, and the program where cargo puts it.
#[test]
fn every_file_of_the_package_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let assets = manifest.split("\nassets = [").nth(1).expect("assets");
    let assets = assets.split("\n]").next().expect("their end");
    let paths: Vec<&str> = assets
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[\"")?.split('"').next())
        .collect();
    assert!(paths.len() >= 5, "{paths:?}");
    for path in paths {
        // cargo-deb puts the folder of the target that was built for into this one.
        if path == "target/release/netdiag" {
            continue;
        }
        let (folder, pattern) = path.rsplit_once('/').unwrap_or((".", path));
        let (begin, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let entries = fs::read_dir(root.join(folder)).expect("a folder");
        let mut names =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let is_it = |name: &String| match pattern.contains('*') {
            true => name.starts_with(begin) && name.ends_with(end),
            false => name == pattern,
        };
        assert!(names.any(|name| is_it(&name)), "{path} is not there");
    }
    let scripts = root.join("bin/netdiag/debian");
    assert!(manifest.contains("maintainer-scripts = \"bin/netdiag/debian\"") && scripts.is_dir());
    // Debian's own changelog begins with the version that is packed, and a maintainer has an address.
    assert!(manifest.contains("changelog = \"bin/netdiag/debian/changelog\""));
    let changelog = fs::read_to_string(scripts.join("changelog")).expect("a changelog");
    let first = concat!("netdiag (", env!("CARGO_PKG_VERSION"), "-1) unstable; urgency=medium\n");
    assert!(changelog.starts_with(first), "{changelog}");
    let maintainer = manifest.lines().find_map(|line| line.strip_prefix("maintainer = \""));
    let maintainer = maintainer.expect("a maintainer").trim_end_matches('"');
    assert!(maintainer.ends_with('>') && maintainer.contains(" <"), "{maintainer}");
    assert!(changelog.contains(&format!(" -- {maintainer}  ")), "{changelog}");
}
