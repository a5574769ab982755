//! Transfers of zones and signed queries: BIND and dig beside ours, and servers that break off (I1).

use super::oracle::{Lab, steady};
use super::stub::{Stub, record};
use super::{address, dns, result};
use crate::support::process::{Ended, NETDIAG, bound, run};
use nix::sys::signal::Signal;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";

/// Without what differs from one run to the next: times, numbers and signatures.
fn same(out: &str) -> Vec<String> {
    let lines = steady(out).into_iter();
    let lines = lines.map(|line| match line.split_once("TSIG") {
        Some((before, rest)) => format!("{before}TSIG{}", rest.contains("NOERROR")),
        None => line,
    });
    lines.collect()
}

#[test]
fn i1_transfers_and_signed_queries_are_what_dig_prints() {
    let Some(lab) = Lab::new("transfer", "dig") else { return };
    let key = format!("hmac-sha256:xfr.key:{SECRET}");
    let wrong = "hmac-sha256:xfr.key:AAAAAAAAAAAAAAAAAAAAAA==";
    let unknown = format!("hmac-sha256:other.key:{SECRET}");
    let compare = |words: &[&str], code: i32| {
        let words = [&["@127.0.0.1"][..], words].concat();
        let dig = lab.ask("dig", &words);
        let own = lab.ask(NETDIAG, &[&["dns", "--classic"][..], &words].concat());
        assert_eq!(same(&own.out), same(&dig.out), "{words:?}");
        assert_eq!((own.code(), dig.code()), (Some(0), Some(0)), "{words:?}");
        let own = lab.ask(NETDIAG, &[&["dns"][..], &words].concat());
        assert_eq!(own.code(), Some(code), "{own:?}");
        assert!(!format!("{own:?}").contains(SECRET), "{own:?}");
    };
    compare(&["lab.example", "AXFR"], 0);
    compare(&["keyed.example", "AXFR"], 1);
    compare(&["other.example", "AXFR"], 1);
    compare(&["keyed.example", "AXFR", "-y", &key], 0);
    compare(&["keyed.example", "AXFR", "-y", wrong], 1);
    compare(&["keyed.example", "AXFR", "-y", &unknown], 1);
    compare(&["keyed.example", "SOA", "-y", &key], 0);
    compare(&["keyed.example", "SOA", "-y", wrong], 1);
    let zone = lab.folder.0.join("keyed.zone");
    let text = fs::read_to_string(&zone).expect("the zone");
    let text =
        text.replace("2026112101", "2026112102").replace("a A 192.0.2.2\n", "new A 192.0.2.9\n");
    fs::write(&zone, text).expect("written");
    lab.server.signal(Signal::SIGHUP);
    lab.server.until_err(|text| text.contains("keyed.example/IN: loaded serial 2026112102"));
    compare(&["keyed.example", "IXFR=2026112101", "-y", &key], 0);
    compare(&["keyed.example", "IXFR=2026112102", "-y", &key], 0);
    let file = lab.folder.0.join("xfr.key");
    let file = file.to_str().expect("UTF-8");
    let words = ["dns", "@127.0.0.1", "keyed.example", "IXFR=2026112101", "-k", file, "--json"];
    let ended = lab.ask(NETDIAG, &words);
    let said = ended.target()["results"][0].clone();
    assert_eq!(said["transfer"]["kind"], "changes", "{said:#}");
    assert_eq!(said["tsig"]["verified"], true, "{said:#}");
    let data = |place: usize| said["answers"][place]["data"].clone();
    assert_eq!((data(2), data(4)), ("192.0.2.2".into(), "192.0.2.9".into()), "{said:#}");
}

/// What comes of a server that says the beginning of a zone, and no more.
fn broken_off(form: &str) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = format!("@{}", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut query = [0; 1_024];
        let _ = stream.read(&mut query);
        let own = &query[2..];
        let soa = record(6, 9, &[&[0, 0, 0, 0, 0, 7][..], &[0; 16]].concat());
        let text = record(16, 9, b"\x05\x1b[31m");
        let head = [0x84, 0, 0, 1, 0, 2, 0, 0, 0, 0];
        let message = [&own[..2], &head, &own[12..27], &soa, &text].concat();
        let length = u16::try_from(message.len()).expect("short").to_be_bytes();
        let _ = stream.write_all(&[&length[..], &message].concat());
    });
    let words = ["dns", "-o", form, "a.example", "AXFR", at.as_str()];
    let ended = run(bound(NETDIAG).args(words));
    server.join().expect("it served");
    ended
}

#[test]
fn a_transfer_that_breaks_off_is_none_in_any_form() {
    for (form, told) in [
        ("text", "failed after 2 records in 1 message: the connection ended"),
        ("json", "\"reason\":\"broken-off\""),
        ("jsonl", "\"type\":\"records\""),
        ("csv", "transfer-failed"),
    ] {
        let ended = broken_off(form);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert!(ended.out.contains(told), "{ended:?}");
        assert!(ended.out.contains("027[31m") && !ended.out.contains('\u{1b}'), "{ended:?}");
    }
}

#[test]
fn an_answer_without_the_signature_that_was_asked_for_is_not_believed() {
    let stub = Stub::udp(address);
    let ended = dns(&["--json", "a.example", "A", &stub.at(), "-y", "k:AAAA"]);
    let said = result(&ended);
    assert_eq!((ended.code(), &said["outcome"]), (Some(1), &"tsig-error".into()), "{said:#}");
    assert_eq!(said["tsig"]["error"], "unsigned", "{said:#}");
    assert!(!ended.out.contains("AAAA"), "{ended:?}");
}
