//! BIND as the server and dig as the oracle, in a namespace, where this machine has them (I1).

use crate::support::process::{Namespace, Process, has, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const ZONE: &str = include_str!("lab.zone");

/// A folder for the server, which goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Names and types of the zone, each once.
fn questions() -> BTreeSet<(String, String)> {
    let lines = ZONE.lines().filter(|line| !line.starts_with(['$', '@', ';']));
    let words = lines.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
    words.map(|words| (words[0].to_owned(), words[1].to_owned())).collect()
}

/// Without the spaces with which dig breaks long digits.
fn sorted(out: &str) -> Vec<String> {
    let mut lines: Vec<String> = out.lines().map(|line| line.replace(' ', "")).collect();
    lines.sort();
    lines
}

#[test]
fn i1_records_of_sixty_types_are_what_dig_prints() {
    if !has("dig") || !has("named") {
        return;
    }
    let Some(namespace) = Namespace::loopback() else { return };
    let folder = Folder(
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("named-{}", std::process::id())),
    );
    fs::create_dir_all(&folder.0).expect("a folder");
    let path = folder.0.display();
    fs::write(folder.0.join("lab.zone"), ZONE).expect("written");
    let conf = format!(
        "options {{ directory \"{path}\"; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; \
         recursion no; pid-file none; dnssec-validation no; notify no; server-id \"lab-1\"; }};\n\
         controls {{ }};\nzone \"lab.example\" {{ type primary; file \"lab.zone\"; }};\n"
    );
    let file = folder.0.join("named.conf");
    fs::write(&file, conf).expect("written");
    let mut command = namespace.command("named");
    let server = Process::start(command.args(["-g", "-c"]).arg(&file));
    server.until_err(|text| text.contains("running\n"));
    let questions = questions();
    assert!(questions.len() >= 55, "{}", questions.len());
    for (name, kind) in &questions {
        let name = format!("{name}.lab.example");
        let dig = run(namespace.command("dig").args(["@127.0.0.1", &name, kind, "+short"]));
        let own = namespace.netdiag(&["dns", "--short", "@127.0.0.1", &name, "-t", kind]).output();
        let own = own.expect("it ran");
        assert_eq!(own.status.code(), Some(0), "{name} {kind}: {own:?}");
        let own = String::from_utf8(own.stdout).expect("text");
        assert_eq!(sorted(&own), sorted(&dig.out), "{name} {kind}");
    }
}
