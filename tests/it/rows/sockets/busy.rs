//! A table that changes while it is read (B32).

use super::fixture::{pairs, wait_for};
use crate::support::process::{NETDIAG, Namespace, Process, has};
use socket2::Socket;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sockets that are there all the time: more than come in one part.
const KEPT: usize = 600;

/// Opens and closes connections as fast as it can, which is more than 5,000 sockets a second.
fn churn(stop: &AtomicBool) {
    let listener = TcpListener::bind("127.0.0.1:9060").expect("free");
    let mut kept = std::collections::VecDeque::new();
    while !stop.load(Ordering::Relaxed) {
        let client = TcpStream::connect("127.0.0.1:9060").expect("somebody listens");
        // A reset, so that no TIME-WAIT takes its port.
        let client = Socket::from(client);
        client.set_linger(Some(std::time::Duration::ZERO)).expect("an option");
        let server = listener.accept().expect("a connection").0;
        kept.push_back((client, server));
        if kept.len() > 50 {
            kept.pop_front();
        }
    }
}

/// Each part of the table is waited for by strace, so that connections begin between any two of them:
/// it is read again as often as it is, nothing is told twice, and it is said.
#[test]
fn b32_a_table_that_changes_while_it_is_read_is_read_again_and_it_is_said() {
    let Some(namespace) = Namespace::loopback() else { return };
    if !has("strace") {
        return;
    }
    let kept = namespace.inside(|| pairs(9061, KEPT));
    wait_for(&namespace, |count| count("ESTABLISHED") == 2 * KEPT as u64);
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let network =
        std::fs::File::open(format!("/proc/{}/ns/net", namespace.pid())).expect("it lives");
    let thread = std::thread::spawn(move || {
        nix::sched::setns(&network, nix::sched::CloneFlags::CLONE_NEWNET).expect("root");
        churn(&seen);
    });
    let ended = Process::start(namespace.command("strace").args([
        "-o",
        "/dev/null",
        "-e",
        "trace=recvfrom",
        "-e",
        "inject=recvfrom:delay_enter=50000",
        NETDIAG,
        "sockets",
        "--json",
        "--tcp",
        "state",
        "established",
    ]))
    .wait();
    stop.store(true, Ordering::Relaxed);
    thread.join().expect("it ends");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    let summary = &document["summary"];
    assert_eq!((&summary["retries"], &summary["interrupted"]), (&3.into(), &true.into()));
    assert!(summary["opened_while_read"].as_u64().is_some_and(|opened| opened > 0), "{summary}");
    let all = document["sockets"].as_array().expect("a list");
    let own: Vec<String> = all
        .iter()
        .filter(|socket| {
            [&socket["local"], &socket["remote"]].iter().any(|end| end["port"] == 9061)
        })
        .map(|socket| format!("{} {}", socket["local"], socket["remote"]))
        .collect();
    let once: std::collections::BTreeSet<&String> = own.iter().collect();
    assert_eq!((own.len(), once.len()), (2 * KEPT, 2 * KEPT), "each once");
    drop(kept);
}

/// The verdict says it in words.
#[test]
fn b32_what_was_read_again_stands_in_the_verdict() {
    let Some(namespace) = Namespace::loopback() else { return };
    let kept = namespace.inside(|| pairs(9062, 4));
    wait_for(&namespace, |count| count("ESTABLISHED") == 8);
    let text = super::sockets(&namespace, &["--tcp"]).out;
    // So few come in one part.
    assert!(text.contains("= 8 sockets: 8 ESTABLISHED; no state"), "{text}");
    assert!(!text.contains("changed while it was read"), "{text}");
    drop(kept);
}
