//! `netdiag sweep` on the real kernel: rows B1 to B3, B22, B23, bad input, signals and streams.

use super::events;
use crate::support::process::{Ended, NETDIAG, Namespace, Process, hold, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many targets came to each state.
pub(super) fn states(document: &Value) -> BTreeMap<String, u64> {
    let mut states = BTreeMap::new();
    for target in document["targets"].as_array().expect("targets") {
        *states.entry(target["state"].as_str().expect("a word").to_owned()).or_default() += 1;
    }
    states
}

pub(super) fn counted<const N: usize>(states: [(&str, u64); N]) -> BTreeMap<String, u64> {
    states.into_iter().map(|(state, count)| (state.to_owned(), count)).collect()
}

pub(super) fn sweep(namespace: &Namespace, arguments: &[&str]) -> Ended {
    run(namespace.netdiag(&["sweep"]).args(arguments))
}

/// This machine has 10.9.2.0/24 to itself; what is dropped and refused is by rules of nftables.
pub(super) const HOSTS: &str = "
    ip route add local 10.9.2.0/24 dev lo
    ip route add local 10.9.3.0/24 dev lo
    ip route add prohibit 10.9.4.0/24
    ip -6 route add local fd09:2::/112 dev lo
    nft -f - <<END
table inet t {
    chain input {
        type filter hook input priority 0
        ip daddr 10.9.3.0/25 drop
        ip daddr 10.9.3.128/25 icmp type echo-request reject with icmp type admin-prohibited
    }
}
END
    mount -t tmpfs none /mnt
    : > /mnt/resolv.conf
    mount --bind /mnt/resolv.conf /etc/resolv.conf";

#[test]
fn b1_targets_of_every_kind_are_counted_once() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let network = ["--json", "10.9.2.0/28", "--exclude", "10.9.2.3"];
    let ended = sweep(&namespace, &network);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(states(&ended.json()), counted([("alive", 13)]));
    let all = [
        "--json",
        "10.9.2.1-10.9.2.20",
        "10.9.2.10-30",
        "10.9.2.16/30",
        "fd09:2::/120",
        "fd09:2::40-fd09:2::1ff",
        "--exclude",
        "10.9.2.5,fd09:2::100-fd09:2::10f",
    ];
    let ended = sweep(&namespace, &all);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(states(&ended.json()), counted([("alive", 29 + 512 - 16)]), "{}", ended.err);
}

#[test]
fn b1_files_and_standard_input_name_their_bad_lines() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    namespace
        .run("printf '10.9.2.1\\nno such line\\n10.9.2.0/33\\n# all\\n10.9.2.2\\n' > /mnt/list");
    for command in ["sweep --json --file /mnt/list", "sweep --json --file - < /mnt/list"] {
        let ended = run(namespace.command("sh").args(["-c", &format!("{NETDIAG} {command}")]));
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert_eq!(states(&ended.json()), counted([("alive", 2)]));
        let named: Vec<&str> = ended.err.lines().collect();
        assert_eq!(named.len(), 2, "{ended:?}");
        assert!(named[0].contains(":2: `no such line`"), "{ended:?}");
        assert!(named[1].contains(":3: `10.9.2.0/33`"), "{ended:?}");
    }
    let ended = sweep(&namespace, &["--file", "/mnt/none"]);
    assert_eq!((ended.code(), ended.err.lines().count()), (Some(2), 1), "{ended:?}");
    assert!(ended.err.contains("--file /mnt/none: No such file"), "{ended:?}");
}

#[test]
fn b2_a_user_sweeps_10_000_targets_at_the_rate_asked_for() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let arguments = ["sweep", "--output", "jsonl", "--rate", "2000", "127.1.0.0-127.1.39.15"];
    let ended = run(namespace
        .command("setpriv")
        .args(crate::support::process::NOBODY)
        .args(["/usr/bin/time", "-f", "peak %M", "/mnt/netdiag"])
        .args(arguments));
    assert_eq!(ended.code(), Some(0), "{}", ended.err);
    let told = events(&ended.out);
    let alive = told.iter().filter(|event| event["state"] == "alive" && event["type"] == "target");
    assert_eq!(alive.count(), 10_000);
    let peak: u64 = ended.err.trim().rsplit(' ').next().and_then(|n| n.parse().ok()).expect("KiB");
    assert!(peak < 64 << 10, "{peak} KiB");
    let sent: Vec<f64> = super::sent_offsets(&told);
    let first = sent.iter().copied().fold(f64::MAX, f64::min);
    let last = sent.iter().copied().fold(0.0, f64::max);
    // 10,000 packets at 2,000 a second: never faster, and in well below 7 s also on a busy machine.
    let seconds = (last - first) / 1e3;
    assert!((4.99..=6.0).contains(&seconds), "{seconds} s");
}

#[test]
fn b3_every_target_has_a_row_and_its_reason() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let targets = ["no-such.example", "10.9.4.7", "10.9.3.7", "10.9.3.200", "10.9.2.1"];
    let ended = sweep(&namespace, &[&["--timeout", "0.2"][..], &targets].concat());
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let row = |target: &str| {
        let mut rows = ended.out.lines().filter(|line| line.split(' ').next() == Some(target));
        rows.next().unwrap_or_else(|| panic!("no row for {target}: {ended:?}")).to_owned()
    };
    for (target, said) in [
        ("no-such.example", "unresolved"),
        ("10.9.4.7", "not sent"),
        ("10.9.4.7", "EACCES 13"),
        ("10.9.3.7", "timeout"),
        ("10.9.3.200", "unreachable"),
        ("10.9.3.200", "ICMP 3/13 from 10.9.3.200"),
        ("10.9.2.1", "alive"),
    ] {
        assert!(row(target).contains(said), "{}", row(target));
    }
    let verdict = ended.out.lines().last().expect("a verdict");
    assert!(verdict.starts_with("= 1 of 5 alive; 1 unreachable, 1 timeout, 1 unresolved, 1 not "));
    let json = sweep(&namespace, &[&["--json", "--timeout", "0.2"][..], &targets].concat()).json();
    let reasons: Vec<&str> = json["targets"]
        .as_array()
        .expect("targets")
        .iter()
        .map(|target| target["failure"]["reason"].as_str().unwrap_or("none"))
        .collect();
    assert_eq!(reasons[2..], ["timeout", "prohibited", "none"], "{json:#}");
    assert_eq!(json["targets"][1]["state"], "not-sent");
}

#[test]
fn b22_sixteen_descriptors_do_for_a_sweep_of_connections() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    for proto in ["icmp", "tcp:9", "udp:9"] {
        let mut command = namespace.command("prlimit");
        command.args(["--nofile=16", "--", NETDIAG, "sweep", "--json", "--proto", proto]);
        let ended = run(command.args(["10.9.2.0/24"]));
        let state = if proto == "tcp:9" { "refused" } else { "alive" };
        assert_eq!(states(&ended.json()), counted([(state, 254)]), "{proto}: {}", ended.err);
    }
}

/// Targets that do not answer keep the descriptors that others need, which wait for them.
#[test]
fn b22_connections_that_nobody_answers_keep_no_other_target_from_being_probed() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let mut command = namespace.command("prlimit");
    command.args(["--nofile=16", "--", NETDIAG, "sweep", "--json", "--proto", "tcp:9"]);
    command.args(["--retry", "0", "--timeout", "0.2", "10.9.3.1-30", "10.9.2.1-20"]);
    let ended = run(&mut command);
    let wanted = counted([("timeout", 30), ("refused", 20)]);
    assert_eq!(states(&ended.json()), wanted, "{ended:?}");
}

/// So do series: their rounds take longer then, and no probe is skipped or not sent.
#[test]
fn b22_series_of_connections_wait_for_descriptors_too() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let mut command = namespace.command("prlimit");
    command.args(["--nofile=16", "--", NETDIAG, "sweep", "--json", "--proto", "tcp:9", "-c", "2"]);
    command.args(["--interval", "0.2", "--timeout", "0.2", "10.9.3.1-20", "10.9.2.1-5"]);
    let ended = run(&mut command);
    let document = ended.json();
    assert_eq!(states(&document), counted([("timeout", 20), ("refused", 5)]), "{ended:?}");
    for target in document["targets"].as_array().expect("targets") {
        let figures = ["sent", "local_errors", "skipped"].map(|name| &target[name]);
        assert_eq!(figures, [&Value::from(2), &Value::from(0), &Value::from(0)], "{target}");
    }
}

/// As fast as it goes a round may take longer than the interval, and nothing has stopped then.
#[test]
fn b24_a_series_as_fast_as_it_goes_is_never_late_and_ends_in_time() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let line = "sweep --json -c 3 --interval 0.02 --rate max --timeout 0.2 127.0.0.0/19";
    let ended = run(&mut namespace.netdiag(&line.split(' ').collect::<Vec<_>>()));
    assert_eq!(ended.json()["findings"], serde_json::json!([]), "{:?}", ended.err);
    assert_eq!(states(&ended.json()), counted([("alive", 8_190)]));
    for target in ended.json()["targets"].as_array().expect("targets") {
        assert_eq!((&target["sent"], &target["skipped"]), (&3.into(), &0.into()), "{target}");
    }
    let line = "sweep -q -c 2 -w 1 --rate max 127.0.0.0/11";
    let mut command = namespace.command("prlimit");
    // Ten times what it takes, and a fifth of what two million series would.
    command.args(["--as=400000000", "--", NETDIAG]).args(line.split(' '));
    let ended = run(&mut command);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.out.contains("not probed to the end"), "{ended:?}");
}

/// Retries are for what became of a probe, not for what the sender holds back.
#[test]
fn b29_retries_of_a_user_leave_as_often_as_was_asked_for() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    namespace.let_nobody_in();
    let arguments = ["sweep", "--json", "--retry", "10", "--timeout", "1ms", "10.9.3.1-3"];
    let ended = run(&mut namespace.nobody(&arguments));
    assert_eq!(states(&ended.json()), counted([("timeout", 3)]), "{ended:?}");
    for target in ended.json()["targets"].as_array().expect("targets") {
        assert_eq!((&target["sent"], &target["local_errors"]), (&11.into(), &0.into()), "{target}");
    }
}

#[test]
fn b21_after_a_stop_no_target_is_caught_up_and_the_skipped_are_counted() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let line = "sweep -c 20 --interval 0.1 --output jsonl 10.9.2.1-3";
    let arguments: Vec<&str> = line.split(' ').collect();
    let process = Process::start(&mut namespace.netdiag(&arguments));
    process.until_out(|out| out.matches("\"type\":\"probe\"").count() >= 10);
    process.signal(Signal::SIGSTOP);
    hold(Duration::from_millis(1_400));
    process.signal(Signal::SIGCONT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let told = events(&ended.out);
    let findings = told.last().expect("a summary")["findings"].as_array().expect("a list").iter();
    let skipped = findings.filter(|finding| finding["code"] == "local-probes-skipped");
    assert_eq!(skipped.count(), 1, "once for all targets: {ended:?}");
    for index in 0..3 {
        let of_it = || told.iter().filter(move |event| event["target_index"] == index);
        let sent: Vec<f64> = super::sent_offsets(&of_it().cloned().collect::<Vec<_>>());
        assert_eq!(sent.len(), 20, "{ended:?}");
        assert!(sent.windows(2).all(|pair| pair[1] - pair[0] > 25.0), "no burst: {sent:?}");
        let target = of_it().find(|event| event["type"] == "target").expect("a target");
        let skipped = target["skipped"].as_u64().expect("a number");
        assert!(skipped >= 11, "{target}");
        // Those that were sent and those that were skipped are all the slots there were.
        let slots = (sent[19] - sent[0]) / 100.0;
        assert!((slots - (19 + skipped) as f64).abs() < 1.0, "{slots}: {target}");
    }
}

#[test]
fn an_interval_that_is_too_short_for_the_rate_is_told_as_it_is() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let line = "-c 2 --interval 0.1 --rate 1000 10.9.2.0/24";
    let arguments: Vec<&str> = line.split(' ').collect();
    let text = sweep(&namespace, &arguments);
    assert_eq!(text.code(), Some(0), "{text:?}");
    let said = "netdiag sweep: --interval is 0.254 s, not 0.1 s: 254 targets at 1000 packets a \
                second take so long (--rate)\n";
    assert_eq!(text.err, said);
    assert!(text.out.contains("every 0.254 s"), "{text:?}");
    let lines = sweep(&namespace, &[&["--output", "jsonl"], &*arguments].concat());
    let start = &events(&lines.out)[0]["arguments"];
    assert_eq!(start["interval_ms"], 254.0, "{start}");
    assert!(start["interval_because"].as_str().is_some_and(|why| why.contains("--rate")));
}

#[test]
fn what_is_too_much_is_a_usage_error_with_the_count() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let refused = |ended: Ended, said: &str| {
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
    };
    let root = |arguments: &[&str]| run(namespace.netdiag(&["sweep"]).args(arguments));
    let nobody = |arguments: &[&str]| run(namespace.nobody(&["sweep"]).args(arguments));
    refused(root(&["10.0.0.0/7"]), "33554430 targets; at most 16777216");
    refused(root(&["2001:db8::/64"]), "18446744073709551616 addresses; at most 1048576");
    refused(root(&["127.0.0.0/8", "128.0.0.0-128.1.0.0"]), "16842751 targets; at most 16777216");
    refused(nobody(&["127.0.0.0/15"]), "131070 targets; at most 65536 for users who are not root");
    refused(nobody(&["--rate", "5000", "127.0.0.1"]), "--rate: above 2500 only root");
    refused(nobody(&["--rate", "max", "127.0.0.1"]), "--rate");
    refused(nobody(&["-c", "2", "--interval", "5ms", "127.0.0.1"]), "--interval: below 10 ms");
    refused(root(&["224.0.0.0/24"]), "TARGET `224.0.0.0/24`");
    refused(root(&["127.0.0.1:80"]), "TARGET `127.0.0.1:80`: a target here has no port");
    refused(root(&["-4", "::1"]), "--ipv4: an IPv6 target: `::1`");
    refused(root(&["--rate", "0", "127.0.0.1"]), "--rate");
    refused(root(&["--backoff", "0.5", "127.0.0.1"]), "--backoff");
    refused(root(&["--retry", "1", "-c", "2", "127.0.0.1"]), "--retry: only with --count 1");
    refused(root(&["--alive", "--json", "127.0.0.1"]), "--alive: only with --output text");
    refused(root(&["--exclude", "127.0.0.0/8", "127.0.0.1"]), "no targets are left");
    refused(root(&[]), "TARGET");
    refused(root(&["--source", "192.0.2.77", "127.0.0.1"]), "192.0.2.77 is not an address of");
}

/// What becomes of a series is not known before its end, but that its target answers is.
#[test]
fn an_interim_line_counts_those_that_answer() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let line = "sweep --output jsonl -c 100 --interval 0.1 10.9.2.1-3 10.9.3.1";
    let process = Process::start(&mut namespace.netdiag(&line.split(' ').collect::<Vec<_>>()));
    // The first three that tell are the three that answer.
    process.until_out(|out| out.matches("\"type\":\"probe\"").count() >= 3);
    process.signal(Signal::SIGQUIT);
    process.until_err(|err| err.contains("0 of 4 done, 3 alive, "));
    process.signal(Signal::SIGINT);
    assert_eq!(process.wait().code(), Some(1));
}

#[test]
fn an_interrupt_prints_what_is_known() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    for (signal, code) in [(Signal::SIGINT, Some(1)), (Signal::SIGTERM, None)] {
        let arguments = ["sweep", "--timeout", "60", "10.9.2.1-4", "10.9.3.1-4"];
        let process = Process::start(&mut namespace.netdiag(&arguments));
        process.until_out(|out| out.matches("alive  ").count() == 4);
        process.signal(signal);
        let ended = process.wait();
        assert_eq!(ended.code(), code, "{ended:?}");
        let verdict = ended.out.lines().last().expect("a verdict");
        assert!(verdict.starts_with("= 4 of 8 alive; 4 not probed to the end"), "{ended:?}");
        assert_eq!(ended.out.matches("  unsettled  ").count(), 4, "{ended:?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let script = format!("{NETDIAG} sweep --rate 50 10.9.2.0/24 | head -3");
    let ended = run(namespace.command("sh").args(["-c", &script]));
    assert_eq!((ended.out.lines().count(), ended.err.as_str()), (3, ""), "{ended:?}");
    assert!(ended.took < Duration::from_secs(4), "it stops sending: {ended:?}");
}

#[test]
fn a_user_without_any_right_sweeps_by_udp() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run("echo '1 0' > /proc/sys/net/ipv4/ping_group_range");
    let ended = run(&mut namespace.nobody(&["sweep", "--json", "127.0.0.1-9", "::1"]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let json = ended.json();
    assert_eq!(states(&json), counted([("alive", 10)]));
    assert_eq!(json["targets"][0]["protocol"], "udp");
    assert_eq!(ended.err.matches("UDP to port 33434 instead").count(), 2, "{ended:?}");
}
