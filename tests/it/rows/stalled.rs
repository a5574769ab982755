//! A reader that does not read, for a while (B20).

use super::{events, sent_offsets, the};
use crate::support::process::{Ended, Namespace, Process, hold, stopwatch};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::io::{PipeReader, Read, Write};
use std::time::Duration;

/// What a pipe takes, and the room that is left in it (pipe(7)): a page.
const PIPE: usize = 65_536;
const ROOM: usize = 4_096;

/// A run whose reader does not read.
struct Stalled {
    process: Process,
    reader: PipeReader,
}

impl Stalled {
    fn start(namespace: &Namespace, arguments: &[&str]) -> Self {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(&[b'\n'; PIPE - ROOM]).expect("as much fits");
        let mut command = namespace.netdiag(arguments);
        let process = Process::start_into(&mut command, writer.into());
        // The command holds the writing end as well.
        drop(command);
        Self { process, reader }
    }

    /// Waits until the program waits for nothing but its reader: in a ppoll(2) of one descriptor,
    /// where the network's has more.
    fn until_it_waits(&self) {
        let path = format!("/proc/{}/syscall", self.process.id());
        let since = stopwatch();
        loop {
            let call = std::fs::read_to_string(&path).expect("root may see it");
            if call.split(' ').nth(2) == Some("0x1") {
                return;
            }
            assert!(since() < Duration::from_secs(15), "it does not wait for its reader: {call}");
            hold(Duration::from_millis(2));
        }
    }

    /// Reads it all: the documents, and how it ended.
    fn finish(mut self) -> (Vec<Value>, Ended) {
        let mut text = String::new();
        self.reader.read_to_string(&mut text).expect("text");
        (events(&text), self.process.wait())
    }
}

#[test]
fn b20_a_reader_that_does_not_read_makes_no_probe_late() {
    for backend in ["linux", "portable"] {
        check_unread(backend);
    }
}

fn check_unread(backend: &str) {
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = ["ping", "-i", "0.05", "-c", "40", "-o", "jsonl", "--backend", backend];
    let stalled = Stalled::start(&namespace, &[&arguments[..], &["127.0.0.1"]].concat());
    hold(Duration::from_secs(2));
    let (documents, ended) = stalled.finish();
    assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let sent = sent_offsets(&documents);
    assert_eq!(sent.len(), 40, "{documents:?}");
    let late: Vec<f64> =
        (0u8..).zip(&sent).map(|(n, at)| at - sent[0] - 50.0 * f64::from(n)).collect();
    assert!(late.iter().all(|late| (-50.0..50.0).contains(late)), "{late:?}");
    the(&documents, "summary");
    let written = documents.iter().map(|document| document.to_string().len()).sum::<usize>();
    assert!(written > 2 * ROOM, "all of it would have fitted into the pipe: {written}");
}

#[test]
fn b20_behind_a_full_buffer_probes_are_skipped_and_that_is_said() {
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = ["ping", "-i", "0.001", "-c", "5000", "-o", "jsonl", "127.0.0.1"];
    let stalled = Stalled::start(&namespace, &arguments);
    stalled.until_it_waits();
    // Not for its end: there is more to measure.
    hold(Duration::from_millis(1500));
    let (documents, ended) = stalled.finish();
    assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let sent = sent_offsets(&documents);
    assert_eq!(sent.len(), 5000, "nothing is forgotten");
    let gap = sent.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(gap >= 1400.0, "it was stopped by its reader: {gap}");
    let target = the(&documents, "target");
    assert_eq!((&target["received"], &target["lost"]), (&5000.into(), &0.into()), "{target}");
    let findings = the(&documents, "summary")["findings"].as_array().expect("a list");
    let skipped = findings.iter().find(|finding| finding["code"] == "local-probes-skipped");
    let skipped = skipped.unwrap_or_else(|| panic!("{findings:?}"));
    let told = skipped["evidence"]["gap_ms"].as_f64().expect("a number");
    assert!(told >= 1400.0, "{skipped}");
}

#[test]
fn b20_a_reader_that_goes_away_after_a_while_ends_it() {
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = ["ping", "-i", "0.02", "-o", "jsonl", "127.0.0.1"];
    let Stalled { process, reader } = Stalled::start(&namespace, &arguments);
    // Long enough for the pipe to be full and more to be kept.
    hold(Duration::from_millis(1000));
    drop(reader);
    let ended = process.wait();
    assert_eq!((ended.signal(), ended.err.as_str()), (Some(13), ""), "{ended:?}");
    assert!(ended.took < Duration::from_secs(10), "{ended:?}");
}

#[test]
fn b20_two_interrupts_or_one_to_terminate_end_what_nobody_reads() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (signals, code) in
        [([Signal::SIGINT, Signal::SIGINT], 130), ([Signal::SIGINT, Signal::SIGTERM], 143)]
    {
        let arguments = ["ping", "-i", "0.002", "-o", "jsonl", "127.0.0.1"];
        let stalled = Stalled::start(&namespace, &arguments);
        // More is kept than the pipe takes, and the run goes on.
        hold(Duration::from_millis(500));
        stalled.process.signal(signals[0]);
        // It has ended, and waits to tell.
        stalled.until_it_waits();
        stalled.process.signal(signals[1]);
        let Stalled { process, reader } = stalled;
        assert_eq!(process.wait().shell_code(), code, "{signals:?}");
        drop(reader);
    }
}
