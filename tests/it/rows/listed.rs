//! Hosts of files, of `trace` and `mtr`.

use crate::support::process::{Ended, Namespace, run};
use serde_json::Value;
use std::io::Write;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn targets(ended: &Ended) -> Vec<String> {
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    let text = |target: &Value| target["target"].as_str().expect("a text").to_owned();
    document["targets"].as_array().expect("targets").iter().map(text).collect()
}

#[test]
fn hosts_of_a_file_come_behind_those_that_were_named() {
    let Some(namespace) = Namespace::loopback() else { return };
    let listed = file("# ours\n127.0.0.2\n\n  ::1  # the other family\n");
    let path = listed.path().to_str().expect("a name");
    let ended = run(&mut namespace.netdiag(&["trace", "--json", "--file", path, "127.0.0.1"]));
    assert_eq!(targets(&ended), ["127.0.0.1", "127.0.0.2", "::1"]);
    let ended = run(&mut namespace.netdiag(&["trace", "--json", "--udp", "--file", path]));
    assert_eq!(targets(&ended), ["127.0.0.2", "::1"]);
    let ended = run(&mut namespace.netdiag(&["mtr", "--json", "-c", "1", "-F", path]));
    assert_eq!(targets(&ended), ["127.0.0.2", "::1"]);
    let ports = file("127.0.0.1:1\n127.0.0.2\n");
    let path = ports.path().to_str().expect("a name");
    let ended = run(&mut namespace.netdiag(&["trace", "--json", "--tcp", "--file", path]));
    assert_eq!(targets(&ended), ["127.0.0.1:1", "127.0.0.2"]);
}

#[test]
fn a_file_of_hosts_that_is_wrong_is_told_by_its_line() {
    let Some(namespace) = Namespace::loopback() else { return };
    let wrong = |text: &str, part: &str| {
        let file = file(text);
        let path = file.path().to_str().expect("a name");
        let ended = run(&mut namespace.netdiag(&["trace", "--file", path]));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    };
    wrong("127.0.0.1\n127.0.0.1:80\n", "line 2: a port is one of TCP: add --tcp");
    wrong("127.0.0.1 127.0.0.2\n", "line 1: one host a line");
    wrong("\n10.0.0.0/8\n", "line 2: ");
    wrong("# nobody\n", "there is no host in it");
    let ended = run(&mut namespace.netdiag(&["trace", "--file", "/nonexistent/hosts"]));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("--file: /nonexistent/hosts: "), "{ended:?}");
}
