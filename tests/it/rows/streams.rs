//! Outputs that are full or closed, and signals that mean nothing (B20, B21).

use super::{events, sent_offsets, the};
use crate::support::process::{NETDIAG, Namespace, Process, hold, run, stopwatch};
use nix::sys::signal::Signal;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

#[test]
fn b20_a_disk_that_is_full_in_the_middle_or_at_the_end_is_a_write_error() {
    let Some(namespace) = Namespace::new("mount -t tmpfs -o size=4k none /mnt") else {
        return;
    };
    // A row for each of them is more than there is room for.
    let hosts: String = (1..=60).map(|number| format!(" 127.0.0.{number}")).collect();
    for (form, count, hosts) in [
        ("text", 200, " 127.0.0.1"),
        ("json", 60, " 127.0.0.1"),
        ("jsonl", 60, " 127.0.0.1"),
        ("csv", 1, &hosts),
    ] {
        let options = format!("-c {count} -i 0.002 -o {form}{hosts}");
        let script = format!("exec {NETDIAG} ping {options} > /mnt/out");
        let ended = run(namespace.command("sh").args(["-c", &script]));
        assert_eq!(ended.code(), Some(3), "{form}: {ended:?}");
        assert!(ended.err.contains("write error: No space left on device"), "{form}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{form}: {ended:?}");
        assert_eq!(namespace.run("stat -c %s /mnt/out; rm /mnt/out").trim(), "4096", "{form}");
    }
}

#[test]
fn b20_closed_descriptors_are_never_a_sockets() {
    let Some(namespace) = Namespace::loopback() else { return };
    let shell = |arguments: &str| {
        let mut command = namespace.command("sh");
        command.args(["-c", &format!("exec {NETDIAG} ping {arguments}")]);
        command
    };
    for form in ["text", "json", "jsonl", "csv"] {
        let ended = run(&mut shell(&format!("-c 2 -i 0.01 -o {form} 127.0.0.1 <&- >&- 2>&-")));
        assert_eq!(ended.code(), Some(3), "{form}: {ended:?}");
        assert_eq!((ended.out.as_str(), ended.err.as_str()), ("", ""), "{form}: {ended:?}");
    }
    // Without standard error and input it measures, and what it has for them is nobody's.
    let process = Process::start(&mut shell("-i 0.05 127.0.0.1 <&- 2>&-"));
    process.until_out(|out| out.contains("icmp_seq=2 "));
    for descriptor in [0, 2] {
        let path = format!("/proc/{}/fd/{descriptor}", process.id());
        let target = std::fs::read_link(path).expect("open");
        assert_eq!(target.to_str(), Some("/dev/null"), "{descriptor}");
    }
    process.signal(Signal::SIGQUIT);
    process.until_out(|out| out.contains("icmp_seq=9 "));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.out.contains(" 0% packet loss"), "{ended:?}");
}

#[test]
fn b21_after_a_stop_nothing_is_caught_up_and_what_was_skipped_is_told() {
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = ["ping", "-i", "0.1", "-c", "20", "-o", "jsonl", "127.0.0.1"];
    let process = Process::start(&mut namespace.netdiag(&arguments));
    process.until_out(|out| out.matches("\"type\":\"probe\"").count() >= 5);
    process.signal(Signal::SIGSTOP);
    hold(Duration::from_millis(1500));
    process.signal(Signal::SIGCONT);
    let ended = process.wait();
    assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let events = events(&ended.out);
    let (target, summary) = (the(&events, "target"), the(&events, "summary"));
    for (key, expected) in [("attempted", 20), ("sent", 20), ("received", 20), ("lost", 0)] {
        assert_eq!(target[key], expected, "{key}: {target}");
    }
    let sent = sent_offsets(&events);
    let gap = sent.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(gap >= 1400.0, "{sent:?}");
    // Two may be late and one due; fifteen were missed.
    assert!(sent.windows(5).all(|five| five[4] - five[0] > 100.0), "{sent:?}");
    let skipped = summary["findings"].as_array().expect("a list").iter();
    let skipped: Vec<u64> = skipped
        .filter(|finding| finding["code"] == "local-probes-skipped")
        .filter_map(|finding| finding["evidence"]["skipped"].as_u64())
        .collect();
    assert!(skipped.len() == 1 && skipped[0] >= 12, "{summary}");
    // Those that were sent and those that were skipped are all the slots there were.
    let slots = sent[19] / 100.0;
    assert!((slots - (19 + skipped[0]) as f64).abs() < 2.0, "{slots}: {summary}");
}

/// Of a stop that is too short for a finding, too.
#[test]
fn b21_after_a_short_stop_no_two_probes_follow_each_other_and_the_skipped_are_counted() {
    let Some(namespace) = Namespace::loopback() else { return };
    let start = |form: &str| {
        let arguments = ["ping", "-i", "0.2", "-c", "12", "-o", form, "127.0.0.1"];
        Process::start(&mut namespace.netdiag(&arguments))
    };
    let (lines, text) = (start("jsonl"), start("text"));
    lines.until_out(|out| out.matches("\"type\":\"probe\"").count() >= 3);
    text.until_out(|out| out.contains("icmp_seq=3 "));
    for process in [&lines, &text] {
        process.signal(Signal::SIGSTOP);
    }
    hold(Duration::from_millis(700));
    for process in [&lines, &text] {
        process.signal(Signal::SIGCONT);
    }
    let (lines, text) = (lines.wait(), text.wait());
    assert_eq!((lines.code(), text.code()), (Some(0), Some(0)), "{lines:?} {text:?}");
    let events = events(&lines.out);
    let target = the(&events, "target");
    assert_eq!((&target["attempted"], &target["received"]), (&12.into(), &12.into()), "{target}");
    // Three were due at least: one went at once.
    let skipped = target["skipped"].as_u64().expect("a number");
    assert!(skipped >= 2, "{target}");
    let sent = sent_offsets(&events);
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] > 50.0), "no burst: {sent:?}");
    // Those that were sent and those that were skipped are all the slots there were.
    let slots = sent[11] / 200.0;
    assert!((slots - (11 + skipped) as f64).abs() < 1.0, "{slots}: {target}");
    assert!(text.out.lines().any(|line| line.starts_with("skipped ")), "{text:?}");
}

#[test]
fn b21_a_thousand_sigwinch_a_second_lose_no_probe() {
    static OVER: AtomicBool = AtomicBool::new(false);
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = ["ping", "-i", "0.02", "-c", "100", "-o", "jsonl", "127.0.0.1"];
    let process = Process::start(&mut namespace.netdiag(&arguments));
    process.until_out(|out| out.contains("\"type\":\"probe\""));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(process.id()).expect("a number"));
    let since = stopwatch();
    let storm = std::thread::spawn(move || {
        // The process is waited for only when this has ended, so that its number stays its own.
        while !OVER.load(Ordering::Relaxed) {
            nix::sys::signal::kill(pid, Signal::SIGWINCH).expect("our child");
            COUNT.fetch_add(1, Ordering::Relaxed);
            hold(Duration::from_micros(500));
        }
    });
    let said = process.until_out(|out| out.contains("\"type\":\"summary\""));
    OVER.store(true, Ordering::Relaxed);
    let (took, count) = (since().as_secs_f64(), COUNT.load(Ordering::Relaxed));
    storm.join().expect("it ended");
    let ended = process.wait();
    assert!(f64::from(count) > 300.0 * took, "no storm: {count} in {took} s");
    assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let events = events(&said);
    let target = the(&events, "target");
    for (key, expected) in [("attempted", 100), ("sent", 100), ("received", 100), ("unknown", 0)] {
        assert_eq!(target[key], expected, "{key}: {target}");
    }
    assert_eq!(said.matches("\"outcome\":\"reply\"").count(), 100, "{said}");
    assert!(!said.contains("EINTR"), "{said}");
}
