//! When probes are sent, and what the result comes to (A5, A7, section 6d).

use crate::support::process::{Namespace, Process, has, run};
use serde_json::Value;

#[test]
fn a5_probes_are_sent_on_an_absolute_grid() {
    let Some(namespace) = Namespace::loopback() else { return };
    let arguments = ["ping", "-i", "0.1", "-c", "30", "--json", "127.0.0.1"];
    let ended = run(&mut namespace.netdiag(&arguments));
    let target = ended.target();
    let sent: Vec<f64> = target["probes"]
        .as_array()
        .expect("probes")
        .iter()
        .map(|probe| probe["sent_offset_ms"].as_f64().expect("a number"))
        .collect();
    assert_eq!(sent.len(), 30, "{ended:?}");
    let late: Vec<f64> =
        (0u8..).zip(&sent).map(|(n, at)| at - sent[0] - 100.0 * f64::from(n)).collect();
    assert!(late.iter().all(|late| (-50.0..50.0).contains(late)), "{late:?}");
    // Noise makes single ones late; drift makes the last ones late without exception.
    let least = |late: &[f64]| late.iter().copied().fold(f64::INFINITY, f64::min);
    let drift = least(&late[20..]) - least(&late[..10]);
    assert!(drift.abs() < 15.0, "{drift}: {late:?}");
}

/// Of 127.0.0.4 each fourth request vanishes, of 127.0.0.9 all, to 127.0.0.7 none may be sent.
const FIREWALL: &str = "nft -f - <<'END'
table inet t {
    chain i { type filter hook input priority 0;
        ip daddr 127.0.0.4 icmp type echo-request numgen inc mod 4 0 drop
        ip daddr 127.0.0.9 drop
    }
    chain o { type filter hook output priority 0; ip daddr 127.0.0.7 drop; }
}
END";

fn firewalled() -> Option<Namespace> {
    if has("nft") { Namespace::new(FIREWALL) } else { None }
}

#[test]
fn a7_the_exit_code_is_the_result() {
    let Some(namespace) = firewalled() else { return };
    let check = |arguments: &str, expected: i32| {
        let words = "ping -c 2 -i 0.01 -W 0.1 --json".split(' ').chain(arguments.split(' '));
        let ended = run(&mut namespace.netdiag(&words.collect::<Vec<_>>()));
        assert_eq!(ended.code(), Some(expected), "{arguments}: {ended:?}");
        assert_eq!(ended.json()["exit_code"], expected, "{arguments}: {ended:?}");
    };
    check("127.0.0.1", 0);
    check("127.0.0.1 ::1 127.0.0.2", 0);
    check("127.0.0.9", 1);
    check("127.0.0.1 127.0.0.9", 1);
    // Nothing leaves: a firewall, no route.
    check("127.0.0.7", 3);
    check("198.51.100.1", 3);
    check("127.0.0.7 198.51.100.1", 3);
    // Something was measured.
    check("127.0.0.1 127.0.0.7", 1);
    check("127.0.0.9 127.0.0.7", 1);
    check("127.0.0.1 nonsense..name", 1);
}

#[test]
fn a7_the_reason_why_nothing_was_sent_is_said() {
    let Some(namespace) = firewalled() else { return };
    for (host, words) in [
        ("127.0.0.7", "not sent: blocked by a local firewall rule (EPERM 1)"),
        ("198.51.100.1", "not sent: no route from this machine (ENETUNREACH 101)"),
    ] {
        let ended = run(&mut namespace.netdiag(&["ping", "-c", "1", "-W", "0.1", host]));
        assert!(ended.out.contains(words), "{ended:?}");
        assert!(!ended.out.contains("packet loss"), "what is not sent is not lost: {ended:?}");
    }
}

#[test]
fn a7_fail_if_decides_on_what_was_measured() {
    let Some(namespace) = firewalled() else { return };
    let check = |host: &str, expression: &str, expected: i32| {
        let arguments =
            ["ping", "-c", "8", "-i", "0.01", "-W", "0.1", "--fail-if", expression, host];
        let ended = run(&mut namespace.netdiag(&arguments));
        assert_eq!(ended.code(), Some(expected), "{expression}: {ended:?}");
        let named = ended.out.contains("fail-if");
        assert!(named == (expected == 1) || host == "127.0.0.9", "{expression}: {ended:?}");
    };
    // 2 of 8 are lost.
    check("127.0.0.4", "loss>5%", 1);
    check("127.0.0.4", "loss>50%", 0);
    check("127.0.0.4", "loss=25%", 1);
    check("127.0.0.4", "loss>25%", 0);
    check("127.0.0.4", "loss>=25%", 1);
    check("127.0.0.4", "loss!=25%", 0);
    check("127.0.0.4", "lost<2", 0);
    check("127.0.0.4", "received=6", 1);
    check("127.0.0.4", "p95>80ms", 0);
    check("127.0.0.4", "p95<80ms", 1);
    check("127.0.0.4", "p95<80", 1);
    check("127.0.0.4", "avg<1s", 1);
    check("127.0.0.4", "loss>5% and p95>80ms", 0);
    check("127.0.0.4", "loss>5% or p95>80ms", 1);
    check("127.0.0.4", "not loss>5%", 0);
    check("127.0.0.4", "not (loss>50% or p95>80ms)", 1);
    check("127.0.0.1", "loss>5% or p95>80ms or jitter>10s", 0);
    check("127.0.0.1", "hops>0", 0);
    check("127.0.0.1", "ttl=64", 1);
    // No reply, no p95: it fails whichever way it is asked for.
    check("127.0.0.9", "p95>80ms", 1);
    check("127.0.0.9", "p95<80ms", 1);
    check("127.0.0.9", "loss>100%", 1);
}

#[test]
fn a7_classic_exit_is_the_exit_code_of_ping() {
    let Some(namespace) = firewalled() else { return };
    if !has("ping") {
        return;
    }
    let mut faults = Vec::new();
    for arguments in [
        "-c 2 -i 0.01 127.0.0.1",
        "-c 8 -i 0.01 -W 0.1 127.0.0.4",
        "-c 2 -i 0.01 -W 0.1 127.0.0.9",
        // The deadline comes before the count is reached.
        "-c 5 -i 0.3 -w 1 127.0.0.1",
        "--classic -c 5 -i 0.01 -w 1 127.0.0.4",
        "-i 0.3 -w 1 127.0.0.1",
        "-c 1 -W 0.1 198.51.100.1",
        "-c 1 -i 0.01 -W 0.1 127.0.0.7",
    ] {
        let words: Vec<&str> = arguments.split(' ').collect();
        // Beside each other: the deadline of one is not waited for twice.
        let theirs = words.iter().filter(|word| **word != "--classic");
        let ping = Process::start(namespace.command("ping").arg("-n").args(theirs));
        let mut command = namespace.netdiag(&["ping", "--classic-exit"]);
        let ours = run(command.args(&words));
        let ping = ping.wait();
        if ours.code() != ping.code() {
            faults.push(format!("{arguments}: {ours:?} {ping:?}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a7_a_deadline_is_no_loss() {
    let Some(namespace) = firewalled() else { return };
    let arguments = ["ping", "-c", "5", "-i", "0.2", "-w", "0.5", "--json", "127.0.0.1"];
    let ended = run(&mut namespace.netdiag(&arguments));
    let target = ended.target();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!((&target["sent"], &target["received"]), (&Value::from(3), &Value::from(3)));
    assert_eq!(target["loss_percent"], 0.0, "{ended:?}");
}
