//! What ends a command, of every one: signals, a closed pipe, a full disk (CONTRACT.md section 3).

use super::super::{events, the};
use super::{CHECKS, LINES};
use crate::support::process::{Ended, Namespace, Process};
use nix::sys::signal::Signal;
use std::fs::File;

/// Nobody says anything at 10.1.0.9, so that whatever is asked there goes on.
const SILENCE: &str = "ip link add d0 type veth peer name d1
    ip addr add 10.1.0.1/24 dev d0
    ip link set d0 up
    ip link set d1 up
    ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev d0";

/// Arguments that end nothing by themselves, `_` for a space in a word, and the code of a run that Ctrl-C
/// ends: measured as far as it came, or nothing known.
#[rustfmt::skip]
const ENDLESS: &[(&str, i32)] = &[
    ("ping 10.1.0.9", 1), ("sweep --timeout 60s 10.1.0.9", 1), ("trace --timeout 60s 10.1.0.9", 1),
    ("mtr --report -c 1000 10.1.0.9", 1), ("mtu --timeout 60s 10.1.0.9", 1),
    ("tcp-connect --timeout 60s 10.1.0.9:80", 1), ("syn --timeout 60s 10.1.0.9:80", 1),
    ("dns --timeout 60s a.test A @10.1.0.9", 3), ("sockets --watch 0.1", 0),
    ("check ping_10.1.0.9_--count=50_--interval=1", 3), ("wait-for 10.1.0.9:80", 3),
];

/// Starts it in a form of output.
fn start(namespace: &Namespace, line: &str, form: &str) -> Process {
    let words: Vec<String> = line.split(' ').map(|word| word.replace('_', " ")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Process::start(namespace.netdiag(&words).args(["--output", form]))
}

/// The last line of a run that was cut short.
fn is_cut_short(line: &str, ended: &Ended, code: i32) {
    let all = events(&ended.out);
    let last = the(&all, "summary");
    assert_eq!(all.last(), Some(last), "{line}: {ended:?}");
    assert_eq!((&last["complete"], &last["ended_by"]), (&false.into(), &"signal".into()), "{line}");
    assert_eq!(last["exit_code"], code, "{line}: {last:#}");
}

#[test]
fn n3_an_interrupt_is_the_end_of_the_count_and_others_are_a_death_behind_the_summary() {
    let Some(namespace) = Namespace::new(SILENCE) else { return };
    for (line, code) in ENDLESS {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let process = start(&namespace, line, "jsonl");
            // Who has seen the beginning gets an end.
            process.until_out(|out| out.contains("\"type\":\"start\""));
            process.signal(signal);
            let ended = process.wait();
            match signal {
                Signal::SIGINT => assert_eq!(ended.code(), Some(*code), "{line}: {ended:?}"),
                _ => assert_eq!(ended.signal(), Some(signal as i32), "{line}: {ended:?}"),
            }
            is_cut_short(line, &ended, *code);
            assert_eq!(ended.err, "", "{line}");
        }
    }
}

#[test]
fn n3_sigquit_asks_every_command_how_far_it_has_come() {
    let Some(namespace) = Namespace::new(SILENCE) else { return };
    let forms = ["text", "jsonl"].into_iter();
    for (form, (line, code)) in forms.flat_map(|form| ENDLESS.iter().map(move |it| (form, it))) {
        let process = start(&namespace, line, form);
        // In text not every command says that it has begun.
        process.until_watching(Signal::SIGQUIT);
        process.signal(Signal::SIGQUIT);
        process.until_err(|err| err.ends_with('\n'));
        process.signal(Signal::SIGINT);
        let ended = process.wait();
        assert_eq!(ended.code(), Some(*code), "{line}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{line}: {ended:?}");
    }
    // Of several targets each line says whose it is; what notes a form has come before.
    for form in ["text", "json", "csv"] {
        for line in ["ping 10.1.0.8 10.1.0.9", "trace --timeout 60s 10.1.0.8 10.1.0.9"] {
            let process = start(&namespace, line, form);
            process.until_watching(Signal::SIGQUIT);
            process.signal(Signal::SIGQUIT);
            process.until_err(|err| {
                let starts = |to: &str| err.lines().any(|line| line.starts_with(to));
                starts("10.1.0.8: 0") && starts("10.1.0.9: 0") && err.ends_with('\n')
            });
            process.signal(Signal::SIGINT);
            let ended = process.wait();
            assert_eq!(ended.code(), Some(1), "{line} {form}: {ended:?}");
        }
    }
}

/// What cannot be written ends with 3, whatever was measured; a reader that has gone ends it quietly.
#[test]
fn n3_a_full_disk_is_a_fault_and_a_closed_pipe_is_none() {
    let Some(namespace) = Namespace::loopback() else { return };
    let lines = LINES.iter().map(|(line, code)| (line.split(' ').collect::<Vec<_>>(), *code));
    let checks = CHECKS.iter().map(|(line, code)| (vec!["check", *line], *code));
    for (words, _) in lines.chain(checks).filter(|(_, code)| *code != 2) {
        for form in ["text", "json", "jsonl", "csv"] {
            // Totals have no rows, and what cannot be looked up is said on standard error alone.
            let is_mute = form == "text" && words.contains(&"no.such");
            if is_mute || (form == "csv" && words.contains(&"--summary")) {
                continue;
            }
            let run = |stdout| {
                let mut command = namespace.netdiag(&words);
                Process::start_into(command.args(["--output", form]), stdout).wait()
            };
            let full = File::options().write(true).open("/dev/full").expect("a device");
            let ended = run(full.into());
            assert_eq!(ended.code(), Some(3), "{words:?} {form}: {ended:?}");
            let last = ended.err.lines().last().unwrap_or_default();
            assert!(last.starts_with("netdiag: write error: No space"), "{words:?}: {ended:?}");
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let ended = run(writer.into());
            assert_eq!(ended.signal(), Some(Signal::SIGPIPE as i32), "{words:?} {form}: {ended:?}");
            assert!(!ended.err.contains("rite error"), "{words:?} {form}: {ended:?}");
        }
    }
}

/// The same of what only tells.
#[test]
fn n3_words_that_cannot_be_written_are_a_fault_too() {
    let Some(namespace) = Namespace::loopback() else { return };
    for line in [
        "explain",
        "explain 111",
        "explain --json 111",
        "schema ping",
        "schema --metrics ping",
        "completions bash",
        "--version",
        "--help",
        "ping --help",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let full = File::options().write(true).open("/dev/full").expect("a device");
        let ended = Process::start_into(&mut namespace.netdiag(&words), full.into()).wait();
        assert_eq!(ended.code(), Some(3), "{line}: {ended:?}");
        assert!(ended.err.starts_with("netdiag: write error: No space"), "{line}: {ended:?}");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = Process::start_into(&mut namespace.netdiag(&words), writer.into()).wait();
        assert_eq!(ended.signal(), Some(Signal::SIGPIPE as i32), "{line}: {ended:?}");
        assert_eq!(ended.err, "", "{line}");
    }
}
