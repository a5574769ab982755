//! `netdiag dns` and a name server of the simulated internet: the same in virtual time and behind the real
//! kernel, with dig as the oracle (I1).

use super::check_harmless;
use super::real::{has_lab, in_netlab};
use crate::support::{process, schema, world};
use netdiag_model::contract::SocketKind;
use serde_json::Value;

/// Arguments; what is waited for in vain is waited for a second, where an answer takes 20 ms.
const RUNS: &[&str] = &[
    "@10.9.2.53 www.example A AAAA TXT MX",
    "@fd09:2::53 WWW.example A",
    "@10.9.2.53 alias.example A CNAME",
    "@10.9.2.53 away.example A",
    "@10.9.2.53 example NS SOA",
    "@10.9.2.53 -x 10.9.2.80",
    "@10.9.2.53 gone.example A",
    "@10.9.2.53 www.other A",
    "@10.9.2.53 broken.example A",
    "@10.9.2.53 long.example TXT",
    "@10.9.2.53 --no-edns long.example TXT",
    "@10.9.2.53 --no-edns --ignore-truncation long.example TXT",
    "@10.9.2.53 @10.9.2.54 www.example A",
    "@10.9.2.55 --timeout 1 --retries 0 www.example A",
    "@10.9.2.56 --timeout 1 --retries 0 www.example A",
    "@10.9.2.57 --timeout 1 --retries 0 www.example A",
];

/// What must not depend on the mount.
const FIGURES: [&str; 16] = [
    "server",
    "outcome",
    "outcomes",
    "rcode",
    "flags",
    "answers",
    "authorities",
    "edns",
    "truncated",
    "retried_over_tcp",
    "size_bytes",
    "sent",
    "received",
    "lost",
    "rejected",
    "duplicates",
];

fn figures(document: &Value) -> Vec<String> {
    let targets = document["targets"].as_array().expect("targets").iter();
    let results = targets.flat_map(|target| target["results"].as_array().expect("results"));
    let told = results.flat_map(|result| FIGURES.map(|key| format!("{key}: {}", result[key])));
    let findings = document["findings"].as_array().expect("findings").iter();
    let codes = findings.map(|finding| format!("finding: {}", finding["code"]));
    told.chain(codes).chain([format!("exit code: {}", document["exit_code"])]).collect()
}

fn virtually(arguments: &str) -> Value {
    let words: Vec<&str> = ["dns", "--json"].into_iter().chain(arguments.split(' ')).collect();
    let ran = world::run("dns-server", SocketKind::Raw, &words);
    check_harmless(&ran.out);
    serde_json::from_str(&ran.out).unwrap_or_else(|fault| panic!("{fault}: {}{}", ran.out, ran.err))
}

/// What each of these servers says is told as what it is.
#[test]
fn name_servers_are_told_in_virtual_time() {
    let told = |arguments: &str| {
        let document = virtually(arguments);
        schema::check("dns", &document);
        let result = &document["targets"][0]["results"][0];
        let outcome = result["outcome"].as_str().expect("a word").to_owned();
        (outcome, document["exit_code"].as_u64().expect("a code"))
    };
    for (arguments, outcome, code) in [
        ("@10.9.2.53 www.example A", "answer", 0),
        ("@10.9.2.53 www.example MX", "nodata", 1),
        ("@10.9.2.53 gone.example A", "nxdomain", 1),
        ("@10.9.2.53 broken.example A", "servfail", 1),
        ("@10.9.2.54 www.example A", "refused", 1),
        ("@10.9.2.55 www.example A", "timeout", 1),
        ("@10.9.2.56 www.example A", "timeout", 1),
        ("@10.9.2.57 www.example A", "timeout", 1),
    ] {
        assert_eq!(told(arguments), (outcome.to_owned(), code), "{arguments}");
    }
    // Both of the ways there and back take 5 ms twice.
    let rtt = virtually("@10.9.2.53 www.example A")["targets"][0]["results"][0]["rtt_ms"].clone();
    assert_eq!(rtt["min"], 20.0, "{rtt}");
}

#[test]
fn name_servers_are_told_the_same_behind_the_real_kernel() {
    if !has_lab() {
        return;
    }
    std::thread::scope(|scope| {
        for arguments in RUNS {
            scope.spawn(move || {
                let command = [process::NETDIAG, "dns", "--json"].into_iter();
                let command: Vec<&str> = command.chain(arguments.split(' ')).collect();
                let real = in_netlab("dns-server", &command).json();
                assert_eq!(figures(&real), figures(&virtually(arguments)), "{arguments}");
            });
        }
    });
}

/// The oracle: dig, which shares no line with either side.
#[test]
fn dig_reads_the_same_records() {
    if !process::has("dig") || !has_lab() {
        return;
    }
    for question in [
        "@10.9.2.53 www.example A",
        "@fd09:2::53 www.example AAAA",
        "@10.9.2.53 www.example TXT",
        "@10.9.2.53 alias.example A",
        "@10.9.2.53 example SOA",
        "@10.9.2.53 long.example TXT",
        "@10.9.2.53 -x 10.9.2.80",
        "@10.9.2.53 gone.example A",
    ] {
        let ask = |program: &[&str]| {
            let command: Vec<&str> = program.iter().copied().chain(question.split(' ')).collect();
            in_netlab("dns-server", &command).out
        };
        let theirs = ask(&["dig", "+short"]);
        assert_eq!(ask(&[process::NETDIAG, "dns", "--short"]), theirs, "{question}");
        assert_eq!(theirs.is_empty(), question.contains("gone"), "{question}: {theirs}");
    }
    let said = |question: &str| {
        let command: Vec<&str> = ["dig", "+noall", "+comments", "+ignore", "+tries=1"]
            .into_iter()
            .chain(question.split(' '))
            .collect();
        in_netlab("dns-server", &command).out
    };
    for (question, expected) in [
        ("@10.9.2.53 gone.example", "status: NXDOMAIN"),
        ("@10.9.2.53 broken.example", "status: SERVFAIL"),
        ("@10.9.2.54 www.example", "status: REFUSED"),
        ("@10.9.2.53 +noedns long.example TXT", "flags: qr tc rd;"),
    ] {
        let out = said(question);
        assert!(out.contains(expected), "{question}: {out}");
    }
}
