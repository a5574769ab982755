//! The servers of resolv.conf, in a folder of the test's own (B19).

use super::stub::Stub;
use super::{address, dns, everything, findings, of_all_kinds, silent};
use std::fs;
use std::path::PathBuf;

/// A folder with a resolv.conf.
pub(super) struct Etc(PathBuf);

impl Etc {
    pub(super) fn new(name: &str, resolv_conf: Option<&str>) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("dns-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        if let Some(text) = resolv_conf {
            fs::write(folder.join("resolv.conf"), text).expect("written");
        }
        Self(folder)
    }

    /// Another file of the folder.
    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.file(file), text).expect("written");
    }

    pub(super) fn file(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    pub(super) fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for Etc {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn servers_are_asked_one_after_the_other_and_a_dead_first_one_is_named() {
    let second = Stub::on("127.0.0.3:0", address, false);
    let first = Stub::on(&format!("127.0.0.2:{}", second.port()), silent, false);
    let etc = Etc::new("dead", Some("# two\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n"));
    let port = first.port();
    let common = ["--etc", etc.path(), "-p", &port, "-W", "300ms", "a.example", "A"];
    let ended = dns(&[&["--json"][..], &common].concat());
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(findings(&ended), ["dns-first-server-dead"]);
    let target = ended.target();
    let outcomes: Vec<(&str, u64)> = target["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|it| (it["outcome"].as_str().expect("a word"), it["sent"].as_u64().expect("a count")))
        .collect();
    assert_eq!(outcomes, [("timeout", 2), ("answer", 1)]);
    assert_eq!(target["results"][0]["origin"], "resolv-conf");
    let text = dns(&common);
    assert!(text.out.contains("192.0.2.1"), "{text:?}");
    assert!(text.out.contains(&format!("127.0.0.3:{port} (resolv.conf, UDP)")), "{text:?}");
}

#[test]
fn servers_that_said_nothing_before_are_told_with_the_answer() {
    let second = Stub::on("127.0.0.3:0", address, false);
    let _first = Stub::on(&format!("127.0.0.2:{}", second.port()), silent, false);
    let etc = Etc::new("in-vain", Some("nameserver 127.0.0.2\nnameserver 127.0.0.3\n"));
    let port = second.port();
    let common = ["--etc", etc.path(), "-p", &port, "-W", "300ms", "--retries", "0"];
    let text = dns(&[&common[..], &["a.example", "A"]].concat());
    let told = format!("; asked before in vain: 127.0.0.2:{port}");
    assert!(text.out.trim_end().ends_with(&told), "{text:?}");
}

#[test]
fn a_server_that_says_no_is_believed() {
    let second = Stub::on("127.0.0.3:0", everything, false);
    let first = Stub::on(&format!("127.0.0.2:{}", second.port()), of_all_kinds, false);
    let etc = Etc::new("says-no", Some("nameserver 127.0.0.2\nnameserver 127.0.0.3\n"));
    for outcome in ["nxdomain", "servfail", "refused"] {
        let name = format!("{outcome}.example");
        let ended = dns(&["--json", "--etc", etc.path(), "-p", &first.port(), &name, "A"]);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let results = ended.target()["results"].clone();
        assert_eq!(
            (results.as_array().map(Vec::len), &results[0]["outcome"]),
            (Some(1), &outcome.into())
        );
    }
    // All of them, and compared.
    let ended = dns(&[
        "--json",
        "--etc",
        etc.path(),
        "-p",
        &first.port(),
        "@system",
        "nxdomain.example",
        "A",
    ]);
    // The second one has an address for any name.
    assert_eq!(findings(&ended), ["dns-answer-rewritten"], "{ended:?}");
}

#[test]
fn without_servers_there_is_nothing_to_ask_and_literal_ones_still_work() {
    let stub = Stub::udp(address);
    for (name, conf) in
        [("none", None), ("empty", Some("search example\n")), ("bad", Some("nameserver x y\n"))]
    {
        let etc = Etc::new(name, conf);
        let ended = dns(&["--json", "--etc", etc.path(), "a.example", "A"]);
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        assert_eq!(findings(&ended), ["dns-no-server"]);
        let text = dns(&["--etc", etc.path(), "a.example", "A"]);
        assert!(text.out.contains("resolv.conf"), "{text:?}");
        let literal = dns(&["--etc", etc.path(), &stub.at(), "a.example", "A"]);
        assert_eq!(literal.code(), Some(0), "{literal:?}");
    }
}

#[test]
fn of_types_that_nobody_named_one_answer_is_enough() {
    let stub = Stub::udp(|asked| match asked.kind() {
        1 => address(asked),
        _ => Some(asked.answer(0, [0, 0, 0], &[])),
    });
    let ended = dns(&["--json", &stub.at(), "a.example"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    assert_eq!(document["targets"][0]["results"][0]["outcome"], "answer");
    assert_eq!(document["targets"][1]["results"][0]["outcome"], "nodata");
    let ended = dns(&["--json", &stub.at(), "a.example", "A", "AAAA"]);
    assert_eq!(ended.code(), Some(1), "named types stand each for itself: {ended:?}");
    let ended = dns(&["--json", &stub.at(), "a.example", "AAAA"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
}

#[test]
fn names_of_a_file_are_asked_for() {
    let stub = Stub::udp(address);
    let etc = Etc::new("file", None);
    let path = etc.0.join("names");
    let names: String = (0..300).map(|number| format!("n{number}.example A\n")).collect();
    fs::write(&path, format!("# many\n\n{names}")).expect("written");
    let file = path.to_str().expect("UTF-8");
    let ended = dns(&["--json", "--file", file, &stub.at()]);
    assert_eq!(ended.code(), Some(0), "{}", ended.err);
    let targets = ended.json()["targets"].as_array().map(Vec::len);
    assert_eq!(targets, Some(300));
    assert_eq!(stub.questions.try_iter().count(), 300, "each once");
    // Which of them have no answer is told.
    fs::write(&path, "a A\nb A\nc A\nd A\nx.invalid A\n").expect("written");
    let text = dns(&["--file", file, &stub.at()]);
    let told = format!("\n; x.invalid. A: nxdomain from {}\n", stub.address);
    assert!(text.out.contains(&told) && !text.out.contains("; a. A"), "{text:?}");
    fs::write(&path, "a..example\n").expect("written");
    let ended = dns(&["--file", file, &stub.at()]);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.err.contains("line 1: NAME `a..example.`: a label is empty"), "{ended:?}");
}
