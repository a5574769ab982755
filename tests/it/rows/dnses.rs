//! `netdiag dns` (I1 to I4, I7; P10, P11; B17 to B19): the built program against servers of the
//! tests' own on loopback, against hickory-server, and against BIND where this machine has it.

mod delegation;
mod dnssec;
mod forged;
mod hickory;
mod http3;
mod https;
mod nslookup;
mod oracle;
mod outgoing;
mod ports;
mod quic;
mod setup;
mod stub;
mod system;
mod tls;
mod transfer;

use crate::support::process::{Ended, NETDIAG, bound, run};
use serde_json::Value;
use stub::{Asked, Nobody, Stub, opt, record};

const A: u16 = 1;
const TXT: u16 = 16;

/// The program on this machine's loopback, never asking anybody but whom it is told to.
fn dns(arguments: &[&str]) -> Ended {
    run(bound(NETDIAG).arg("dns").args(arguments))
}

/// The only result of the only question.
fn result(ended: &Ended) -> Value {
    let results = ended.target()["results"].clone();
    assert_eq!(results.as_array().map(Vec::len), Some(1), "{ended:?}");
    results[0].clone()
}

fn findings(ended: &Ended) -> Vec<String> {
    let document = ended.json();
    let findings = document["findings"].as_array().expect("a list");
    findings.iter().map(|it| it["code"].as_str().expect("a code").to_owned()).collect()
}

/// One address.
fn address(asked: &Asked<'_>) -> Option<Vec<u8>> {
    // There are no such names (RFC 6761 section 6.4), and who says otherwise is suspected.
    if asked.name().ends_with(".invalid") {
        return Some(asked.answer(3, [0, 0, 0], &[]));
    }
    everything(asked)
}

fn everything(asked: &Asked<'_>) -> Option<Vec<u8>> {
    Some(asked.answer(0, [1, 0, 0], &record(A, 300, &[192, 0, 2, 1])))
}

fn silent(_: &Asked<'_>) -> Option<Vec<u8>> {
    None
}

/// The first label says what is answered.
fn of_all_kinds(asked: &Asked<'_>) -> Option<Vec<u8>> {
    let soa = record(6, 60, b"\x02ns\0\x01h\0\0\0\0\x07\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x3c");
    let name = asked.name();
    Some(match name.split('.').next().unwrap_or_default() {
        "answer" => return address(asked),
        "nodata" => asked.answer(0, [0, 1, 0], &soa),
        "nxdomain" => asked.answer(3, [0, 1, 0], &soa),
        "servfail" => asked.answer(2, [0, 0, 1], &opt(0, &[(15, b"\0\x17down")])),
        "refused" => asked.answer(5, [0, 0, 1], &opt(0, &[(15, b"\0\x12not for\x1byou")])),
        "formerr" => [&asked.question[..2], &[0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0]].concat(),
        "malformed" => {
            let mut records = record(A, 300, &[192, 0, 2, 1]);
            records.extend([0xc0, 200, 0, 1]);
            asked.answer(0, [2, 0, 0], &records)
        }
        "referral" => asked.answer(0, [0, 1, 0], &record(2, 60, b"\x02ns\x05other\0")),
        "timeout" => return None,
        _ => asked.answer(3, [0, 0, 0], &[]),
    })
}

#[test]
fn i4_each_outcome_is_a_value_of_its_own_and_only_an_answer_ends_with_0() {
    let stub = Stub::udp(of_all_kinds);
    let nobody = Nobody::new();
    for (outcome, rcode) in [
        ("answer", Some("NOERROR")),
        ("nodata", Some("NOERROR")),
        ("nxdomain", Some("NXDOMAIN")),
        ("servfail", Some("SERVFAIL")),
        ("refused", Some("REFUSED")),
        ("formerr", Some("FORMERR")),
        ("referral", Some("NOERROR")),
        ("malformed", Some("NOERROR")),
        ("timeout", None),
        ("unreachable", None),
    ] {
        let server = match outcome {
            "unreachable" => format!("@{}", nobody.address()),
            _ => stub.at(),
        };
        let patience = if outcome == "timeout" { "300ms" } else { "5" };
        let name = format!("{outcome}.example");
        let common = ["-W", patience, "--retries", "0", "--json", &server, &name, "A"];
        let ended = dns(&common);
        assert_eq!(ended.code(), Some(i32::from(outcome != "answer")), "{outcome}: {ended:?}");
        let result = result(&ended);
        assert_eq!((&result["outcome"], &result["rcode"]), (&outcome.into(), &rcode.into()));
        assert_eq!(ended.target()["type"], "A");
        assert_eq!(
            result["failure"].is_null(),
            !["timeout", "unreachable", "malformed"].contains(&outcome)
        );
        // P10, P11: the same for people.
        let text = dns(&["-W", patience, "--retries", "0", &server, &name, "A"]);
        assert_eq!(text.code(), ended.code());
        assert!(text.out.lines().last().expect("a line").starts_with("= "), "{text:?}");
    }
}

#[test]
fn an_extended_error_is_told_with_its_text_escaped() {
    let stub = Stub::udp(of_all_kinds);
    let server = stub.at();
    let ended = dns(&[&server, "refused.example", "A"]);
    assert!(ended.out.contains("EDE 18 (Prohibited): \"not for\\u{1b}you\""), "{ended:?}");
    let ended = dns(&["--json", &server, "servfail.example", "A"]);
    let error = &result(&ended)["edns"]["ede"][0];
    assert_eq!((&error["code"], &error["name"]), (&23.into(), &"Network Error".into()));
    assert_eq!(error["text"], "down");
}

#[test]
fn of_a_malformed_message_there_is_what_could_be_read_where_it_breaks_and_the_bytes() {
    let stub = Stub::udp(of_all_kinds);
    let server = stub.at();
    let json = dns(&["--json", &server, "malformed.example", "A"]);
    let result = result(&json);
    assert_eq!(result["answers"][0]["data"], "192.0.2.1");
    let broken = &result["malformed"];
    assert_eq!(
        (&broken["section"], &broken["record"], &broken["of"]),
        (&"answer".into(), &2.into(), &2.into())
    );
    assert_eq!(broken["offset"], 12 + 19 + 4 + 16);
    let digits = broken["bytes"].as_str().expect("digits");
    assert_eq!(Some(digits.len()), result["size_bytes"].as_u64().map(|bytes| bytes as usize * 2));
    let text = dns(&[&server, "malformed.example", "A"]);
    assert!(text.out.contains("192.0.2.1"), "{text:?}");
    assert!(
        text.out.contains("; cannot be read from here on: answer 2 of 2 at byte 51"),
        "{text:?}"
    );
    assert!(text.out.contains("; 0000  "), "{text:?}");
}

#[test]
fn what_is_cut_is_asked_for_over_tcp() {
    fn cut(asked: &Asked<'_>) -> Option<Vec<u8>> {
        match asked.tcp {
            true => address(asked),
            false => Some(asked.answer(0x200, [0, 0, 0], &[])),
        }
    }
    let stub = Stub::both(cut);
    let ended = dns(&["--json", &stub.at(), "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let whole = result(&ended);
    assert_eq!((&whole["transport"], &whole["retried_over_tcp"]), (&"tcp".into(), &true.into()));
    assert_eq!((&whole["outcome"], &whole["sent"]), (&"answer".into(), &1.into()));
    assert!(whole["phases_ms"]["connect"].is_number(), "{whole}");

    let ended = dns(&["--json", "--ignore-truncation", &stub.at(), "a.example", "A"]);
    let kept = result(&ended);
    assert_eq!((&kept["outcome"], &kept["truncated"]), (&"truncated".into(), &true.into()));

    let ended = dns(&["--json", "--tcp", &stub.at(), "a.example", "A"]);
    let direct = result(&ended);
    assert_eq!(
        (&direct["outcome"], &direct["retried_over_tcp"]),
        (&"answer".into(), &false.into())
    );

    // No TCP there: it is told what came, and that the rest could not be had.
    let stub = Stub::udp(cut);
    let ended = dns(&["--json", &stub.at(), "a.example", "A"]);
    assert_eq!(ended.code(), Some(1));
    let lost = result(&ended);
    assert_eq!(
        (&lost["outcome"], &lost["failure"]["reason"]),
        (&"truncated".into(), &"refused".into())
    );
    assert_eq!(findings(&ended), ["dns-truncation-fails"]);
}

#[test]
fn ipv6_servers_are_asked_like_others() {
    let stub = Stub::on("[::1]:0", address, true);
    for arguments in [&["--json"][..], &["--json", "--tcp"], &["--json", "-6"]] {
        let server = stub.at();
        let ended = dns(&[arguments, &[server.as_str(), "a.example", "A"]].concat());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(result(&ended)["server"], stub.address.to_string());
    }
    let ended = dns(&["-4", &stub.at(), "a.example", "A"]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
}

#[test]
fn a_query_is_what_was_asked_for_and_no_two_have_one_number() {
    let stub = Stub::udp(address);
    let server = stub.at();
    dns(&[
        &server,
        "Example.net",
        "MX",
        "--no-recursion",
        "--cd",
        "--do",
        "--nsid",
        "--udp-size",
        "4000",
    ]);
    let query = stub.questions.recv().expect("it was asked");
    assert_eq!(query[2..4], [0, 0x10]);
    assert_eq!(query[12..25], *b"\x07Example\x03net\0");
    assert_eq!(query[25..29], [0, 15, 0, 1]);
    assert_eq!(query[29..], [0, 0, 41, 0x0f, 0xa0, 0, 0, 0x80, 0, 0, 4, 0, 3, 0, 0]);
    dns(&[&server, "b\u{fc}cher.example", "type65", "--no-edns", "--class", "CH"]);
    let query = stub.questions.recv().expect("it was asked");
    assert_eq!(query[12..], *b"\x0dxn--bcher-kva\x07example\0\0\x41\0\x03");
    dns(&["-x", "192.0.2.1", "--no-edns", &server]);
    let query = stub.questions.recv().expect("it was asked");
    assert_eq!(query[12..], *b"\x011\x012\x010\x03192\x07in-addr\x04arpa\0\0\x0c\0\x01");
    let mut numbers = std::collections::BTreeSet::new();
    dns(&[&server, "a.example", "A", "-c", "50", "-i", "1ms"]);
    while let Ok(query) = stub.questions.try_recv() {
        numbers.insert([query[0], query[1]]);
    }
    assert_eq!(numbers.len(), 50);
    let low = numbers.iter().filter(|number| number[0] == 0).count();
    assert!(low < 10, "they are no counter: {numbers:?}");
}

#[test]
fn servers_that_disagree_are_asked_twice_and_each_difference_is_told() {
    fn alone(asked: &Asked<'_>, last: u8) -> Vec<u8> {
        match (
            asked.kind(),
            asked.name().starts_with("nxdomain.") || asked.name().starts_with("a."),
        ) {
            (A, true) => asked.answer(0, [1, 0, 0], &record(A, 60, &[192, 0, 2, last])),
            _ => asked.answer(3, [0, 0, 0], &[]),
        }
    }
    let (one, two) =
        (Stub::udp(|asked| Some(alone(asked, 1))), Stub::udp(|asked| Some(alone(asked, 9))));
    let denies = Stub::udp(of_all_kinds);
    let servers = [one.at(), two.at(), denies.at()];
    let [a, b, c] = servers.each_ref().map(String::as_str);
    let ended = dns(&["--json", "nxdomain.example", "A", a, b, c]);
    assert_eq!(
        (ended.code(), findings(&ended)),
        (Some(1), vec!["dns-servers-disagree".to_owned()])
    );
    let target = ended.target();
    assert_eq!(target["agree"], false);
    for result in target["results"].as_array().expect("results") {
        assert_eq!((&result["sent"], &result["received"]), (&2.into(), &2.into()), "{result}");
    }
    let what: Vec<&str> = target["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|difference| difference["what"].as_str().expect("a word"))
        .collect();
    assert_eq!(what, ["outcome", "record", "record"]);
    let text = dns(&["nxdomain.example", "A", a, b, c]);
    assert!(text.out.starts_with("server "), "{text:?}");
    assert!(text.out.contains("192.0.2.9") && text.out.contains("SOA ns. serial 7"), "{text:?}");
    // Those that say the same are asked once.
    let same = Stub::udp(address);
    let ended = dns(&["--json", "a.example", "A", a, &same.at()]);
    assert_eq!((ended.code(), findings(&ended)), (Some(0), vec![]));
    assert_eq!(ended.target()["agree"], true);
    assert_eq!(ended.target()["results"][0]["sent"], 1);
}

#[test]
fn servers_that_disagree_are_asked_for_their_serials() {
    fn version(asked: &Asked<'_>, serial: u8, has_it: bool) -> Vec<u8> {
        let soa = [b"\x02ns\0\x01h\0\0\0\0".as_slice(), &[serial], &[0; 16]].concat();
        let soa = record(6, 60, &soa);
        match (asked.kind(), has_it && asked.name() == "mail.example") {
            (A, true) => asked.answer(0, [1, 0, 0], &record(A, 60, &[192, 0, 2, 1])),
            (A, false) => asked.answer(3, [0, 1, 0], &soa),
            _ => asked.answer(0, [0, 1, 0], &soa),
        }
    }
    let new = Stub::udp(|asked| Some(version(asked, 9, true)));
    for (serial, told) in [(7, "; serials: 7 ("), (9, "; the same serial: 9 (")] {
        let old = match serial {
            7 => Stub::udp(|asked| Some(version(asked, 7, false))),
            _ => Stub::udp(|asked| Some(version(asked, 9, false))),
        };
        let ended = dns(&["--json", "mail.example", "A", &new.at(), &old.at()]);
        assert_eq!(findings(&ended), ["dns-servers-disagree"], "{ended:?}");
        let finding = ended.json()["findings"][0].clone();
        assert_eq!(finding["evidence"]["serials"], serde_json::json!([9, serial]), "{finding}");
        assert!(finding["message"].as_str().is_some_and(|it| it.contains(told)), "{finding}");
        // What was asked beside is told nowhere else.
        let document = ended.json();
        assert_eq!(document["targets"].as_array().map(Vec::len), Some(1), "{document}");
        assert_eq!(document["targets"][0]["results"][0]["sent"], 2, "{document}");
    }
}

/// I7: of two servers one gives an address to any name.
#[test]
fn i7_a_server_that_rewrites_is_told_from_one_that_is_behind() {
    let (rewrites, honest) = (Stub::udp(everything), Stub::udp(of_all_kinds));
    let ended = dns(&["--json", "nxdomain.example", "A", &rewrites.at(), &honest.at()]);
    assert_eq!(
        (ended.code(), findings(&ended)),
        (Some(1), vec!["dns-answer-rewritten".to_owned()])
    );
    let finding = ended.json()["findings"][0].clone();
    assert!(rewrites.at().ends_with(finding["subject"].as_str().expect("a server")), "{finding}");
    assert_eq!(ended.target()["agree"], false, "{ended:?}");
}

#[test]
fn what_no_message_should_have_is_told() {
    fn odd(asked: &Asked<'_>) -> Option<Vec<u8>> {
        let records = [record(A, 60, &[192, 0, 2, 1]), opt(0, &[]), opt(0, &[])].concat();
        Some([asked.answer(0, [1, 0, 2], &records).as_slice(), b"more"].concat())
    }
    let stub = Stub::udp(odd);
    let ended = dns(&["--json", &stub.at(), "a.example", "A"]);
    let said = result(&ended);
    assert_eq!((&said["trailing_bytes"], &said["further_opts"]), (&4.into(), &1.into()), "{said}");
    let text = dns(&[&stub.at(), "a.example", "A"]);
    assert!(text.out.contains(" sent 4 bytes behind the last record"), "{text:?}");
    assert!(text.out.contains(" sent 2 OPT records"), "{text:?}");
    let dig = dns(&["--classic", &stub.at(), "a.example", "A"]);
    assert!(dig.out.contains(";; WARNING: Message has 4 extra bytes at end\n"), "{dig:?}");
}

#[test]
fn a_series_has_the_statistics_of_every_probe() {
    let stub = Stub::udp(address);
    let server = stub.at();
    let ended = dns(&["--json", "-c", "8", "-i", "20ms", &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let series = result(&ended);
    assert_eq!(
        (&series["sent"], &series["received"], &series["lost"]),
        (&8.into(), &8.into(), &0.into())
    );
    assert_eq!(
        (&series["rtt_ms"]["samples"], &series["outcomes"]["answer"]),
        (&8.into(), &8.into())
    );
    assert_eq!(ended.json()["method"]["timestamps"], "kernel");
    assert!(series["jitter_ms"]["ipdv_abs_mean"].is_number());
    let text = dns(&["-c", "3", "-i", "20ms", &server, "a.example", "A"]);
    assert_eq!(text.out.lines().filter(|line| line.starts_with("answer from ")).count(), 3);
    // A server that fails can be pinged, too.
    let failing = Stub::udp(of_all_kinds);
    let ended = dns(&["--json", "-c", "3", "-i", "20ms", &failing.at(), "servfail.example", "A"]);
    assert_eq!((ended.code(), &result(&ended)["outcomes"]["servfail"]), (Some(1), &3.into()));
}

#[test]
fn a_condition_is_judged_by_what_each_server_says() {
    let stub = Stub::udp(address);
    let server = stub.at();
    for (condition, code) in [
        ("ttl<60", 0),
        ("ttl>=300", 1),
        ("rcode=NOERROR", 1),
        ("data~'192[.]0'", 1),
        ("answers=0", 0),
        ("serial>0", 1),
    ] {
        let ended = dns(&["--json", "--fail-if", condition, &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(code), "{condition}: {ended:?}");
    }
    let ended = dns(&["--fail-if", "nonsense>1", &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
}

#[test]
fn a_cookie_that_the_server_wants_is_sent_back() {
    fn wants(asked: &Asked<'_>) -> Option<Vec<u8>> {
        const SERVERS: &[u8] = b"serverpt";
        let place = asked.question.windows(2).rposition(|two| two == [0, 10]).expect("a cookie");
        let client = &asked.question[place + 4..place + 12];
        let full = [client, SERVERS].concat();
        if asked.question.ends_with(SERVERS) {
            let behind = [record(A, 1, &[192, 0, 2, 1]), opt(0, &[(10, &full)])].concat();
            return Some(asked.answer(0, [1, 0, 1], &behind));
        }
        Some(asked.answer(7, [0, 0, 1], &opt(1, &[(10, &full)])))
    }
    let stub = Stub::udp(wants);
    let ended = dns(&["--json", "--cookie", &stub.at(), "a.example", "A"]);
    let whole = result(&ended);
    assert_eq!((ended.code(), &whole["retried_with_cookie"]), (Some(0), &true.into()), "{ended:?}");
    assert_eq!((&whole["sent"], &whole["outcome"]), (&1.into(), &"answer".into()));
}

#[test]
fn bad_input_is_named() {
    let label = format!("{}.example", "a".repeat(64));
    let long = format!("{}.", "a".repeat(49)).repeat(6);
    for (arguments, told) in [
        (&[label.as_str(), "@127.0.0.1"][..], "a label is longer than 63 bytes"),
        (&[&long, "@127.0.0.1"], "the name is longer than 255 bytes"),
        (&["a.example", "BOGUS", "@127.0.0.1"], "unknown type `BOGUS`"),
        (&["a.example", "-t", "nonsense", "@127.0.0.1"], "no type of records"),
        (&["a.example", "@"], "`@`: a server stands behind it"),
        (&["a.example", "@127.0.0.1:0"], "is no port: a number from 1 to 65535"),
        (&["a.example", "@0.0.0.0"], "the unspecified address is no server"),
        (&["IXFR", "a.example", "@127.0.0.1"], "since when: IXFR=SERIAL"),
        (&["AXFR", "a.example", "@127.0.0.1", "@127.0.0.2"], "AXFR: one NAME, no other TYPE"),
        (&["AXFR", "a.example", "@quic://127.0.0.1"], "transferred over TCP"),
        (
            &["a.example", "--tsig", "k:AAAA*", "@127.0.0.1"],
            "--tsig: the secret of the key is not base64",
        ),
        (&["@127.0.0.1"], "no NAME to ask for"),
        (&["a.example", "--class", "XX", "@127.0.0.1"], "no class"),
        (&["a.example", "@127.0.0.1#53"], "behind a colon"),
        (&["a.example", "--nsid", "--no-edns", "@127.0.0.1"], "cannot be used with"),
        (&["a.example", "--short", "--json", "@127.0.0.1"], "--short: only with --output text"),
    ] {
        let ended = dns(arguments);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(told), "{arguments:?}: {ended:?}");
    }
}
