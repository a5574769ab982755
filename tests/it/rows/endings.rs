//! A document says what ended its run: a monitor takes no cut short one for a whole one.

use super::{events, the};
use crate::support::process::{Ended, Namespace, Process, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;

/// The two fields, of the document or of the last event.
fn ending(ended: &Ended, is_document: bool) -> (bool, String) {
    let document =
        if is_document { ended.json() } else { the(&events(&ended.out), "summary").clone() };
    let by = document["ended_by"].as_str().unwrap_or_else(|| panic!("{ended:?}"));
    (document["complete"].as_bool().expect("a bool"), by.to_owned())
}

const FORMS: [(&str, bool); 2] = [("json", true), ("jsonl", false)];

#[test]
fn a_run_that_did_all_is_complete() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (form, is_document) in FORMS {
        for arguments in [
            &["ping", "-c", "2", "-i", "0.01", "127.0.0.1"][..],
            // Though it did not come to all that it may do.
            &["ping", "-c", "2", "-i", "0.01", "-w", "10", "127.0.0.1", "::1"],
            &["sweep", "127.0.0.1", "::1"],
            &["sweep", "-c", "2", "--interval", "0.1", "127.0.0.1"],
            &["trace", "-q", "2", "127.0.0.1", "::1"],
        ] {
            let ended = run(namespace.netdiag(arguments).args(["--output", form]));
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            assert_eq!(ending(&ended, is_document), (true, "done".to_owned()), "{ended:?}");
        }
    }
}

#[test]
fn a_run_that_met_its_deadline_says_so() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (form, is_document) in FORMS {
        for arguments in [
            &["ping", "-c", "1000", "-i", "0.1", "--deadline", "0.3", "127.0.0.1"][..],
            &["sweep", "-c", "1000", "--interval", "0.1", "--deadline", "0.3", "127.0.0.1"],
            &["trace", "-q", "1000", "--interval", "0.1", "--deadline", "0.3", "127.0.0.1"],
        ] {
            let ended = run(namespace.netdiag(arguments).args(["--output", form]));
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            assert_eq!(ending(&ended, is_document), (false, "deadline".to_owned()), "{ended:?}");
        }
    }
}

/// The first probe tells that the run is under way: a document is silent until its end.
#[test]
fn a_run_that_a_signal_ended_says_so() {
    let Some(namespace) = Namespace::loopback() else { return };
    let service = namespace.inside(|| UdpSocket::bind("127.0.0.1:33434").expect("it is free"));
    service.set_read_timeout(Some(Duration::from_secs(10))).expect("a time");
    let ping = ["ping", "-c", "1000", "-i", "0.1", "--proto", "udp", "127.0.0.1"];
    let sweep = ["sweep", "-c", "1000", "--interval", "0.1", "--proto", "udp", "127.0.0.1"];
    let trace = ["trace", "-q", "1000", "--interval", "0.1", "--udp", "127.0.0.1"];
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        for arguments in [&ping[..], &sweep, &trace] {
            for (form, is_document) in FORMS {
                let process = Process::start(namespace.netdiag(arguments).args(["--output", form]));
                service.recv(&mut [0; 64]).expect("a probe");
                process.signal(signal);
                let ended = process.wait();
                if signal != Signal::SIGINT {
                    assert_eq!(ended.signal(), Some(signal as i32), "{ended:?}");
                }
                assert_eq!(ending(&ended, is_document), (false, "signal".to_owned()), "{ended:?}");
                // What had come meanwhile is not the next one's.
                service.set_nonblocking(true).expect("a flag");
                while service.recv(&mut [0; 64]).is_ok() {}
                service.set_nonblocking(false).expect("a flag");
            }
        }
    }
}

/// Nothing could be opened, which is a document all the same.
#[test]
fn a_run_without_any_method_is_not_complete() {
    let Some(namespace) = Namespace::loopback() else { return };
    let script =
        format!("ulimit -n 3; exec {} sweep --json 127.0.0.1", crate::support::process::NETDIAG);
    let ended = run(namespace.command("sh").args(["-c", &script]));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    let document: Value = ended.json();
    assert_eq!((&document["complete"], &document["status"]), (&false.into(), &"unknown".into()));
    assert_eq!(document["ended_by"], "fault", "{document}");
}
