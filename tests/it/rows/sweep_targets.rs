//! Which targets a sweep has: exclusions, files with faults, names, limits; what has no use.

use super::sweeps::{HOSTS, counted, states, sweep};
use crate::support::process::{Ended, NETDIAG, Namespace, Process, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::time::Duration;

/// What each target is called, in order.
fn names(document: &Value) -> Vec<String> {
    let targets = document["targets"].as_array().expect("targets").iter();
    targets.map(|target| target["target"].as_str().expect("a text").to_owned()).collect()
}

fn refused(ended: &Ended, said: &str) {
    assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
    assert!(ended.err.contains(said), "{ended:?}");
}

#[test]
fn an_exclusion_is_the_whole_prefix() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let rest = ["--json", "10.9.2.15-24", "--exclude", "10.9.2.16/29,224.0.0.0/4,0.0.0.0/8"];
    let ended = sweep(&namespace, &rest);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(names(&ended.json()), ["10.9.2.15", "10.9.2.24"]);
    let all = ["--json", "10.9.2.1", "--exclude", "255.255.255.255,ff00::/8,2001:db8::/32,::"];
    assert_eq!(names(&sweep(&namespace, &all).json()), ["10.9.2.1"]);
    let wrong = sweep(&namespace, &["10.9.2.1", "--exclude", "10.9.2.0/40"]);
    refused(&wrong, "--exclude `10.9.2.0/40`");
}

#[test]
fn bad_lines_are_named_and_the_others_run() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    namespace.run(
        r#"long=$(printf '10.9.2.9 %05000d 10.9.2.8' 0)
        printf '\357\273\27710.9.2.1\nfe80::1\n%s\n10.9.2.2\r\nfe80::1-fe80::9\n10.9.2.3' "$long" \
            > /mnt/list"#,
    );
    let ended = sweep(&namespace, &["--json", "--file", "/mnt/list"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(names(&ended.json()), ["10.9.2.1", "10.9.2.2", "10.9.2.3"]);
    assert_eq!(states(&ended.json()), counted([("alive", 3)]));
    let finding = &ended.json()["findings"][0];
    assert_eq!((&finding["code"], &finding["evidence"]["count"]), (&"bad-lines".into(), &3.into()));
    let said: Vec<&str> = ended.err.lines().collect();
    assert_eq!(said.len(), 3, "{ended:?}");
    assert!(
        said[0].contains("/mnt/list:2: `fe80::1`: a link-local address needs its"),
        "{ended:?}"
    );
    assert!(said[1].contains("/mnt/list:3: a line that is too long"), "{ended:?}");
    assert!(said[2].contains("/mnt/list:5: `fe80::1-fe80::9`: a link-local"), "{ended:?}");
    refused(&sweep(&namespace, &["fe80::1"]), "TARGET `fe80::1`: a link-local address needs its");
}

#[test]
fn an_address_is_probed_once_under_whatever_names() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    namespace.run(
        "printf '10.9.2.1 a.test b.test\\n10.9.2.7 c.test\\nfe80::7 d.test\\n' > /mnt/hosts
        mount --bind /mnt/hosts /etc/hosts",
    );
    let line = "--json a.test 10.9.2.1-2 b.test c.test 10.9.2.7 A.test d.test";
    let ended = sweep(&namespace, &line.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let json = ended.json();
    assert_eq!(names(&json), ["a.test", "10.9.2.2", "c.test", "d.test"]);
    assert_eq!(states(&json), counted([("alive", 3), ("unresolved", 1)]));
    assert_eq!(json["targets"][3]["failure"]["reason"], "no-interface", "{json:#}");
    let said = "netdiag sweep: `b.test` is an address that is a target already, and is probed once";
    assert_eq!(ended.err.trim_end(), said);
}

/// Nobody knows what is to be left out, so nothing is probed.
#[test]
fn an_exclusion_that_nobody_can_look_up_bars_the_run() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(|_| None);
    let line = ["--json", "-w", "1", "192.0.2.5", "other.example", "--exclude", "n1.example"];
    let ended = sweep(&namespace, &line);
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    let json = ended.json();
    assert_eq!(json["status"], "unknown");
    assert_eq!(names(&json), ["192.0.2.5", "other.example"]);
    for target in json["targets"].as_array().expect("targets") {
        let said = target["failure"]["message"].as_str().expect("a text");
        assert_eq!(target["attempted"], 0);
        assert!(said.contains("--exclude: cannot resolve n1.example"), "{json:#}");
    }
    assert!(ended.err.contains("--exclude: cannot resolve n1.example"), "{ended:?}");
}

/// Half of the time is for what writes the targets, the other half for them.
#[test]
fn a_list_without_an_end_is_waited_for_no_longer_than_the_deadline_allows() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    // Open for writing, too, and so without an end.
    let script = "mkfifo /mnt/list; exec 3<>/mnt/list; printf '10.9.2.1\\n10.9.2.2\\n10.9.2.' >&3
        exec \"$0\" sweep --json -w 1 --file - <&3";
    let ended = run(namespace.command("sh").args(["-ec", script, NETDIAG]));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let json = ended.json();
    assert_eq!(names(&json), ["10.9.2.1", "10.9.2.2"]);
    assert_eq!(states(&json), counted([("alive", 2)]));
    assert_eq!(json["complete"], false);
    let finding = &json["findings"][0];
    assert_eq!(finding["code"], "targets-unread");
    let within = finding["evidence"]["within_ms"].as_f64();
    assert!(within.is_some_and(|within| (1.0..=500.0).contains(&within)), "{finding}");
}

/// Nor is a pipe that nobody writes to, and what is left goes half to names and half to probes.
#[test]
fn a_deadline_is_shared_by_reading_looking_up_and_probing() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(|_| None);
    namespace.run("mkfifo /mnt/pipe");
    let line = ["--json", "-w", "2", "--file", "/mnt/pipe", "192.0.2.5", "n1.example", "127.0.0.1"];
    let ended = sweep(&namespace, &line);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(states(&ended.json()), counted([("alive", 2), ("unresolved", 1)]), "{ended:?}");
    assert_eq!(ended.json()["findings"][0]["code"], "targets-unread", "{ended:?}");
    // Names that there is no time for cost none.
    namespace.run("seq -f n%g.example 100000 > /mnt/names");
    let ended = sweep(&namespace, &["-q", "-w", "1", "--file", "/mnt/names", "192.0.2.5"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.took < Duration::from_secs(4), "{:?}", ended.took);
}

#[test]
fn a_list_of_names_without_an_end_is_refused_before_it_fills_the_memory() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let script = "seq -f n%g.example 70000 | exec setpriv --reuid=65534 --regid=65534 \
        --clear-groups --inh-caps=-all --bounding-set=-all /mnt/netdiag sweep --file -";
    let ended = run(namespace.command("sh").args(["-c", script]));
    refused(&ended, "--file -: more than 65536 targets");
}

#[test]
fn a_bad_line_is_no_measurement() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(|_| None);
    namespace.run("printf 'bad one\\n192.0.2.5\\n' > /mnt/list");
    let line = ["--json", "-w", "1", "--file", "/mnt/list", "--exclude", "n1.example"];
    let ended = sweep(&namespace, &line);
    assert_eq!((ended.code(), &ended.json()["status"]), (Some(3), &"unknown".into()), "{ended:?}");
    let ended = sweep(&namespace, &["--json", "--file", "/mnt/list"]);
    assert_eq!((ended.code(), &ended.json()["exit_code"]), (Some(1), &1.into()), "{ended:?}");
}

/// What counts is what would be probed.
#[test]
fn limits_are_for_different_addresses_that_are_not_excluded() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let nobody = |line: &str| {
        let words: Vec<&str> = ["sweep"].into_iter().chain(line.split(' ')).collect();
        run(&mut namespace.nobody(&words))
    };
    for line in [
        "--deadline 0.01 -q 127.0.0.0/16 127.0.0.0/16 127.0.7.7",
        "-w 0.01 -q 127.0.0.0/15 --exclude 127.1.0.0/16",
    ] {
        let ended = nobody(line);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
    }
    let too_many = nobody("127.0.0.0/16 127.0.0.0/15 127.2.0.0/30");
    refused(&too_many, "131072 targets; at most 65536");
    namespace.run(
        "mount -t tmpfs none /run
        printf '127.0.0.0/15\\n127.0.0.0/16\\n127.2.0.9\\n' > /run/list",
    );
    refused(&nobody("--file /run/list"), "131071 targets; at most 65536");
}

/// All of them in the time of one, however many there are.
#[test]
fn b19_names_nobody_answers_for_take_five_seconds_together() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(|_| None);
    namespace.run("seq -f n%g.example 600 > /mnt/names; echo 192.0.2.5 >> /mnt/names");
    let ended = sweep(&namespace, &["--json", "--file", "/mnt/names"]);
    assert_eq!(ended.code(), Some(1), "{}", ended.err);
    let json = ended.json();
    assert_eq!(states(&json), counted([("alive", 1), ("unresolved", 600)]));
    assert_eq!(names(&json)[600], "192.0.2.5");
    // There was a turn for the first 128 of them.
    for (place, why) in [(0, "127.0.0.1 timed out"), (599, "not asked")] {
        let said = json["targets"][place]["failure"]["message"].as_str().expect("a text");
        assert!(said.contains(why), "{said}");
    }
    // In turns of 32 it would be 95 s.
    assert!(ended.took < Duration::from_secs(15), "{:?}", ended.took);
    let mut command = namespace.command("prlimit");
    command.args(["--nofile=16", "--", NETDIAG, "sweep", "--json"]);
    let few = run(command.args(["n1.example", "n2.example", "192.0.2.5"]));
    assert_eq!(states(&few.json()), counted([("alive", 1), ("unresolved", 2)]), "{}", few.err);
}

#[test]
fn b19_a_signal_while_names_are_looked_up_leaves_the_totals_right() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    let asked = namespace.inside(|| std::net::UdpSocket::bind("127.0.0.1:53").expect("a port"));
    namespace.run("seq -f n%g.example 300 > /mnt/names; echo 192.0.2.5 >> /mnt/names");
    let process = Process::start(&mut namespace.netdiag(&["sweep", "--file", "/mnt/names"]));
    asked.recv_from(&mut [0; 512]).expect("a question");
    process.signal(Signal::SIGTERM);
    let ended = process.wait();
    assert_eq!(ended.signal(), Some(15), "{ended:?}");
    let verdict = ended.out.lines().last().expect("a verdict");
    assert!(verdict.starts_with("= 0 of 301 alive; 301 not probed to the end"), "{ended:?}");
}

#[test]
fn enough_alive_does_not_make_up_for_what_fail_if_finds() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    let both = |least: &str, expression: &str| {
        let line = ["--json", "--timeout", "0.1", "--retry", "0", "10.9.2.1-3", "10.9.3.1"];
        sweep(&namespace, &[&line[..], &["-x", least, "--fail-if", expression]].concat())
    };
    let codes = |ended: &Ended| {
        let findings = ended.json()["findings"].as_array().expect("a list").clone();
        let codes = findings.iter().filter_map(|finding| finding["code"].as_str());
        let mut codes: Vec<String> = codes
            .filter(|code| ["fail-if", "min-alive"].contains(code))
            .map(str::to_owned)
            .collect();
        codes.dedup();
        codes
    };
    for (least, expression, code, expected) in [
        ("3", "duplicates>5", 0, &[][..]),
        ("3", "loss>5%", 1, &["fail-if"]),
        ("4", "duplicates>5", 1, &["min-alive"]),
        ("4", "loss>5%", 1, &["fail-if", "min-alive"]),
    ] {
        let ended = both(least, expression);
        assert_eq!(ended.code(), Some(code), "{least} {expression}: {ended:?}");
        assert_eq!(codes(&ended), expected, "{least} {expression}");
        assert_eq!(ended.json()["status"] == "critical", code == 1, "{ended:?}");
    }
    let line = ["--retry", "0", "--timeout", "0.1", "-x", "4", "10.9.2.1-3", "10.9.3.1"];
    let text = sweep(&namespace, &line);
    assert!(text.out.contains("3 targets answer, fewer than --min-alive 4"), "{text:?}");
}

#[test]
fn what_would_do_nothing_is_refused() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    for (line, said) in [
        ("--interval 0.1 10.9.2.1", "--interval: only with --count above 1"),
        ("-c 1 --interval 1 10.9.2.1", "--interval: only with --count above 1"),
        ("-c 3 -B 2 10.9.2.1", "--backoff: only with --retry"),
        ("--retry 0 --backoff 1 10.9.2.1", "--backoff: only with --retry"),
        ("--json --color always 10.9.2.1", "--color: only with --output text"),
        ("-c 2 --retry 2 10.9.2.1", "--retry: only with --count 1"),
    ] {
        refused(&sweep(&namespace, &line.split(' ').collect::<Vec<_>>()), said);
    }
    for line in ["-c 2 --interval 0.05 10.9.2.1", "-B 2 10.9.2.1", "--numeric -w 5 10.9.2.1"] {
        let ended = sweep(&namespace, &line.split(' ').collect::<Vec<_>>());
        assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    }
}

#[test]
fn with_classic_exit_the_codes_are_those_of_fping() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    for (line, code) in [
        ("10.9.2.1", 0),
        ("10.9.2.1 10.9.3.1", 1),
        ("10.9.2.1 nosuch.invalid", 2),
        ("nosuch.invalid", 2),
        ("10.9.4.1", 4),
        ("-x 1 10.9.2.1 nosuch.invalid", 0),
        ("-x 2 10.9.2.1 nosuch.invalid", 1),
    ] {
        let given = ["--classic-exit", "--json", "--retry", "0", "--timeout", "0.1"];
        let words: Vec<&str> = given.into_iter().chain(line.split(' ')).collect();
        let ended = sweep(&namespace, &words);
        assert_eq!(ended.code(), Some(code), "{line}: {ended:?}");
        assert_eq!(ended.json()["exit_code"], code, "{line}");
    }
}

#[test]
fn a_name_of_a_group_or_of_no_host_is_not_probed() {
    let Some(namespace) = Namespace::new(HOSTS) else { return };
    namespace.run(
        "printf '224.0.0.1 mc.test\n0.0.0.0 zero.test\nff02::1 mc6.test\n:: zero6.test\n10.9.2.1 one.test\n' \
             > /mnt/hosts
         mount --bind /mnt/hosts /etc/hosts",
    );
    let names = ["mc.test", "zero.test", "mc6.test", "zero6.test", "one.test"];
    let ended = sweep(&namespace, &[&["--json"], &names[..]].concat());
    assert_eq!(states(&ended.json()), counted([("alive", 1), ("unresolved", 4)]), "{ended:?}");
    for target in &ended.json()["targets"].as_array().expect("targets")[..4] {
        assert_eq!((&target["failure"]["reason"], &target["sent"]), (&"no-host".into(), &0.into()));
    }
}
