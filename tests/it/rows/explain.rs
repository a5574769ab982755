//! `netdiag explain`: whatever the program can print is explained.

use crate::support::process::{Ended, NETDIAG, bound, run};
use crate::support::schema;
use netdiag_cli::generated;
use netdiag_model::IcmpKind;
use netdiag_model::errno::Errno;
use netdiag_sockets::State;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn explain(words: &[&str]) -> Ended {
    run(bound(NETDIAG).arg("explain").args(words))
}

/// The names that are explained, in lower case.
fn known(kinds: &[&str]) -> BTreeSet<String> {
    let all = generated::explained().into_iter().filter(|(kind, _)| kinds.contains(kind));
    all.flat_map(|(_, names)| names.into_iter().map(str::to_lowercase)).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Words in quotation marks that are made like a code: lower-case, with a hyphen.
fn coded(line: &str) -> impl Iterator<Item = &str> {
    let is_code = |word: &&str| {
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        word.contains('-')
            && word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.ends_with(|c: char| c.is_ascii_alphanumeric())
            && word.chars().all(is_part)
    };
    line.split('"').skip(1).step_by(2).filter(is_code)
}

/// What stands in the source of findings and is none of their codes: thresholds of ages, and how two
/// codes begin.
const NO_CODES: &[&str] = &[
    "accept-queue",
    "close-wait-age",
    "closing-age",
    "dead-peer-age",
    "idle-age",
    "idle-client-age",
    "interface-drops",
    "not-accepted-age",
    "protocol-error",
];

/// The codes that findings are made with, wherever they are made.
fn codes() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut codes = BTreeSet::new();
    for file in files {
        let path = file.display().to_string();
        if path.contains("netdiag-sim") || path.contains("/tests") {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("readable");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines: Vec<&str> =
            code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        for (place, line) in lines.iter().enumerate() {
            // Where a finding is made its code stands on the same line or on one of the next.
            let before = lines.get(place.saturating_sub(2)..=place).unwrap_or_default();
            let is_made = ["Finding::new(", ".finding(", ".finding_at(", ".found("]
                .iter()
                .any(|made| before.iter().any(|line| line.contains(made)));
            let is_named = line.contains("let code = ") || line.contains("const FAIL_IF");
            if is_made || is_named || path.contains("/findings") {
                let found = coded(line).filter(|word| !NO_CODES.contains(word));
                codes.extend(found.map(str::to_owned));
            }
        }
    }
    codes
}

#[test]
fn n5_every_code_of_a_finding_is_explained() {
    let codes = codes();
    for code in ["packet-loss", "fail-if", "close-wait-leak", "mtu-black-hole", "min-alive"] {
        assert!(codes.contains(code), "{code} is not found in the source: {codes:?}");
    }
    let known = known(&["finding", "icmp"]);
    let missing: Vec<&String> = codes.iter().filter(|code| !known.contains(*code)).collect();
    assert!(missing.is_empty(), "explain knows nothing of {missing:?}: write it into explain/en");
}

/// The words of outcomes in a file of the source: what stands behind `=> "`.
fn named_in(path: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    let text = std::fs::read_to_string(root.join(path)).expect("readable");
    let names = text.lines().filter_map(|line| line.trim().split_once("=> \""));
    let names = names.filter_map(|(_, rest)| rest.split_once('"')).map(|(name, _)| name.to_owned());
    names.collect()
}

#[test]
fn n5_every_outcome_of_a_question_and_reason_of_tls_is_explained() {
    let known = known(&["outcome", "reason", "rcode", "finding", "word"]);
    for (path, some) in
        [("netdiag-dns/src/class.rs", "nodata"), ("netdiag-tls/src/fault.rs", "pin-mismatch")]
    {
        let names = named_in(path);
        assert!(names.iter().any(|name| name == some), "{path}: {names:?}");
        let missing: Vec<&String> = names.iter().filter(|name| !known.contains(*name)).collect();
        assert!(
            missing.is_empty(),
            "explain knows nothing of {missing:?}: write it into explain/en"
        );
    }
}

#[test]
fn n5_every_state_errno_and_icmp_message_is_explained() {
    let states = known(&["state"]);
    for state in State::ALL {
        assert!(states.contains(&state.name().to_lowercase()), "{}", state.name());
    }
    let errnos = known(&["errno"]);
    let named = (1..200).map(Errno::new).filter(|errno| errno.name != format!("E{}", errno.number));
    for errno in named {
        let name = format!("{} {}", errno.name, errno.number).to_lowercase();
        assert!(errnos.contains(&name), "{name}");
    }
    let (icmp, marks) = (known(&["icmp"]), known(&["mark"]));
    for (kind, code) in (0..=255).flat_map(|kind| (0..=15).map(move |code| (kind, code))) {
        for (message, prefix) in
            [(IcmpKind::v4(kind, code), "icmp"), (IcmpKind::v6(kind, code), "icmpv6")]
        {
            let name = message.name();
            if name.starts_with("type-") {
                continue;
            }
            assert!(icmp.contains(&name), "{name}");
            let numbers = format!("{prefix} {kind}/{code}");
            // Of messages that are the same with any code the first is.
            let is_any = message.name() == IcmpKind { code: 99, ..message }.name();
            assert!(icmp.contains(&numbers) || (is_any && code > 0), "{numbers}");
            let mark = message.mark().map(|mark| mark.to_lowercase());
            assert!(mark.as_ref().is_none_or(|mark| marks.contains(mark)), "{mark:?}");
        }
    }
    assert!(marks.contains("*"));
}

#[test]
fn n5_a_term_is_explained_in_three_sentences_and_an_unknown_one_is_exit_code_1() {
    let ended = explain(&["CLOSE_WAIT"]);
    assert_eq!((ended.code(), ended.out.lines().count()), (Some(0), 4), "{ended:?}");
    for (words, said) in [
        (&["tcp-states"][..], "SYN-RECEIVED"),
        (&["handshake"], "ACK j+1"),
        (&["close"], "LAST-ACK"),
        (&["2msl"], "60 seconds"),
        (&["flags"], "PSH"),
        (&["keepalive"], "7875 s"),
        (&["icmp", "3/13"], "administratively"),
        (&["!X"], "prohibited"),
        (&["NXDOMAIN"], "does not exist"),
        (&["111"], "ECONNREFUSED"),
        (&["errno", "111"], "ECONNREFUSED"),
        (&["closewait"], "CLOSE-WAIT"),
        (&["not", "visible"], "CAP_SYS_PTRACE"),
        (&["window", "probe", "2nd"], "no room"),
        (&["RST"], "PSH"),
        (&["-"], "nothing"),
        (&["keepalive", "58", "min"], "7875 s"),
        (&["net.ipv4.tcp_tw_reuse"], "--audit"),
        (&["LISTEN", "CLOSE-WAIT"], "CLOSE_WAIT"),
        (&[], "close-wait-leak"),
    ] {
        let ended = explain(words);
        assert!(ended.code() == Some(0) && ended.out.contains(said), "{words:?}: {ended:?}");
    }
    // A term that a script has nothing for is not the list.
    assert_eq!((explain(&[""]).code(), explain(&[" ", "--json"]).code()), (Some(1), Some(1)));
    let list = explain(&[]).out;
    let kinds: Vec<&str> = list.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(kinds.iter().collect::<BTreeSet<_>>().len(), kinds.len(), "{kinds:?}");
    let ended = explain(&["close-wiat"]);
    assert_eq!((ended.code(), ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.err.contains("near are: CLOSE-WAIT"), "{ended:?}");
    // An option is none of the words.
    for words in [&["CLOSE_WAIT", "--lang", "zh"][..], &["--lang", "zh", "CLOSE_WAIT"]] {
        let ended = explain(words);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains("--lang"), "{ended:?}");
    }
    let ended = explain(&["\u{1b}[2J"]);
    assert!(ended.code() == Some(1) && !ended.err.contains('\u{1b}'), "{ended:?}");
}

/// Every term is a document, too, and so is one that nothing is called.
#[test]
fn n1_explanations_are_documents() {
    for (words, code, names) in [
        (&["!X"][..], 0, &["!X"][..]),
        (&["CLOSE_WAIT"], 0, &["CLOSE-WAIT"]),
        (&["icmp", "3/13"], 0, &["communication-administratively-prohibited"]),
        (&["tcp-states"], 0, &["tcp-states"]),
        (&["close-wiat"], 1, &[]),
    ] {
        let ended = explain(&[words, &["--json"]].concat());
        assert_eq!((ended.code(), ended.err.as_str()), (Some(code), ""), "{ended:?}");
        let document = ended.json();
        schema::check("explain", &document);
        assert_eq!(
            (&document["command"], &document["exit_code"]),
            (&"explain".into(), &code.into())
        );
        assert_eq!(document["term"], words.join(" "));
        let found = document["explanations"].as_array().expect("a list");
        let found: Vec<&str> = found.iter().filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(found, names, "{document:#}");
        assert_eq!(document["near"][0] == "CLOSE-WAIT", code == 1, "{document:#}");
    }
    let document = explain(&["--output", "json", "CLOSE-WAIT"]).json();
    let own = &document["explanations"][0];
    let text = explain(&["CLOSE-WAIT"]).out;
    for part in ["is", "means", "next"] {
        let sentence = own[part].as_str().expect("a sentence");
        assert!(text.contains(sentence), "{part}: {text}");
    }
    let all = explain(&["--json"]).json();
    schema::check("explain", &all);
    let count = all["explanations"].as_array().map(Vec::len);
    assert_eq!((count, &all["term"]), (Some(generated::explained().len()), &Value::Null));
    let ended = run(bound(NETDIAG).args(["schema", "--metrics", "explain"]));
    assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
}
