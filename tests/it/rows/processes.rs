//! Other processes on the same machine: their identifiers and their noise (B1, B31).

use super::{events, the};
use crate::support::process::{NETDIAG, Namespace, Process, has, run};
use nix::sys::signal::Signal;
use serde_json::Value;

/// So many processes with the same echo identifier, each with an address of its own; iputils' ping
/// and fping are among them where there are any.
const CROWD: &str = r#"
mount -t tmpfs none /mnt
for number in $(seq 1 200); do
    "$0" ping --json --ident 4242 -c 5 -i 0.2 -W 10 127.0.1.$number > /mnt/$number &
    case $number in
        40|80|120) ping -q -e 4242 -c 5 -i 0.2 127.0.2.$number > /mnt/ping 2>&1 & ;;
        100) fping -q -c 5 -p 200 127.0.3.1 127.0.3.2 > /mnt/fping 2>&1 & ;;
    esac
done
wait
for number in $(seq 1 200); do cat /mnt/$number; done
"#;

#[test]
fn b1_two_hundred_processes_with_one_identifier_take_no_reply_of_each_other() {
    if !has("ping") {
        return;
    }
    let Some(namespace) = Namespace::loopback() else { return };
    let ended = run(namespace.command("sh").args(["-c", CROWD, NETDIAG]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let documents = events(&ended.out);
    assert_eq!(documents.len(), 200, "{}", ended.err);
    let mut rejected = 0;
    for document in &documents {
        let target = &document["targets"][0];
        let others = target["rejected"].as_object().expect("by reason");
        rejected += others.values().filter_map(Value::as_u64).sum::<u64>();
        for (key, expected) in [
            ("attempted", 5),
            ("sent", 5),
            ("received", 5),
            ("lost", 0),
            ("late", 0),
            ("duplicates", 0),
            ("net_errors", 0),
            ("local_errors", 0),
            ("unknown", 0),
        ] {
            assert_eq!(target[key], expected, "{key}: {target}");
        }
        assert_eq!(document["exit_code"], 0, "{document}");
        for probe in target["probes"].as_array().expect("probes") {
            assert_eq!(probe["from"], target["address"], "{target}");
        }
    }
    assert!(rejected > 10_000, "they did not run at the same time: {rejected}");
}

/// How often a process gave up the processor by itself: it waited, and was woken.
fn waits(process: &Process) -> u64 {
    let path = format!("/proc/{}/status", process.id());
    let status = std::fs::read_to_string(path).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.expect("the kernel counts them").trim().parse().expect("a number")
}

/// The waits of forty probes, of which none may be lost.
fn waits_of_a_run(namespace: &Namespace, host: &str) -> u64 {
    let arguments = ["ping", "-i", "0.02", "-o", "jsonl", host];
    let process = Process::start(&mut namespace.netdiag(&arguments));
    process.until_out(|out| out.matches("\"type\":\"probe\"").count() >= 40);
    let waits = waits(&process);
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let events = events(&ended.out);
    let target = the(&events, "target");
    assert_eq!(target["sent"], target["received"], "{target}");
    assert_eq!(target["rejected"], serde_json::json!({}), "none of it was looked at: {target}");
    waits
}

#[test]
fn b31_a_flood_of_others_does_not_wake_it() {
    if !has("ping") {
        return;
    }
    let Some(namespace) = Namespace::loopback() else { return };
    for host in ["127.0.0.1", "::1"] {
        let quiet = waits_of_a_run(&namespace, host);
        let mut command = namespace.command("ping");
        let flood = Process::start(command.args(["-q", "-f", "-w", "15", host]));
        flood.until_out(|out| out.contains("PING"));
        let loud = waits_of_a_run(&namespace, host);
        flood.signal(Signal::SIGINT);
        let flood = flood.wait();
        let received = flood.out.split(", ").find_map(|part| part.strip_suffix(" received"));
        let received: u64 = received.and_then(|count| count.parse().ok()).expect("a summary");
        assert!(received > 2_000, "no flood: {flood:?}");
        assert!(loud <= 2 * quiet + 20, "{loud} waits, {quiet} without {received} others");
    }
}
