//! Files that checks in a file name, and where in it something is wrong.

use super::{document, file, statuses};
use crate::support::process::{NETDIAG, Namespace, Process, bound, run};
use crate::support::tls::Authority;
use nix::sys::signal::Signal;
use std::net::TcpListener;

/// What a file names is read before no file can be any more, and what cannot be used is told by its place.
#[test]
fn b34_files_that_a_file_names_are_read_or_told_by_line_and_column() {
    let Some(namespace) = Namespace::loopback() else { return };
    let listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    // Hangs up at once, which is no TLS.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let authority = Authority::new("issuer").file();
    let with = |ca: &str| {
        file(&format!(
            "[[check]]\nkind = 'tcp'\ntarget = '127.0.0.1:7000'\ntls = true\nca = '{ca}'\n"
        ))
    };
    let right = with(authority.path());
    let document = document(&namespace, &[right.path().to_str().expect("a name")]);
    assert_eq!(statuses(&document), ["fail"], "{document:#}");
    assert_eq!(document["checks"][0]["failure"]["stage"], "tls", "{document:#}");
    let anchor =
        "[[check]]\nkind = 'dns'\ntarget = 'a.test'\ndnssec = true\nanchor = '/nonexistent/a'\n";
    for (wrong, part) in [
        (with("/nonexistent/ca.pem"), "--ca: /nonexistent/ca.pem: "),
        (with("-"), "--ca: "),
        (file(anchor), "--anchor /nonexistent/a: "),
    ] {
        for words in [&["--validate"][..], &["--json"]] {
            let ended = run(bound(NETDIAG).arg("check").args(words).arg(wrong.path()));
            assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
            assert!(ended.err.contains(": line 5, column 1: "), "{ended:?}");
            assert!(ended.err.contains(part), "{ended:?}");
        }
    }
}

#[test]
fn b34_a_place_in_a_long_string_is_that_of_its_own_line() {
    let file = file(
        "[[check]]\nkind = 'tcp'\ntarget = '127.0.0.1:1'\n\
         expect = \"\"\"\nconnect<1\nand foo<1\"\"\"\n",
    );
    let ended = run(bound(NETDIAG).args(["check", "--validate"]).arg(file.path()));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains(": line 6, column 5: "), "{ended:?}");
}

/// The sandbox is there once the file has been read.
#[test]
fn d_checks_of_a_file_run_confined() {
    let Some(namespace) = Namespace::loopback() else { return };
    let file = file(
        "[[check]]\nkind = 'tcp'\ntarget = '127.0.0.1:9'\n\
         [[check]]\nkind = 'ping'\ntarget = '127.0.0.1'\ncount = 49\n",
    );
    let path = file.path().to_str().expect("a name");
    let process = Process::start(&mut namespace.netdiag(&["check", "-o", "jsonl", path]));
    process.until_out(|out| out.contains("\"type\":\"check\""));
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
    let status = status.expect("it runs");
    for line in ["\nSeccomp:\t2\n", "\nNoNewPrivs:\t1\n", "\nCapEff:\t0000000000000000\n"] {
        assert!(status.contains(line), "{status}");
    }
    process.signal(Signal::SIGINT);
    assert_eq!(process.wait().code(), Some(1));
}
