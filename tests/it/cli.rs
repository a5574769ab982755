//! The outside of the program that no scenario shows: usage, streams, signals (CONTRACT.md
//! sections 2 and 3). Everything runs in a network namespace with nothing but `lo`.

use crate::support::process::{
    Ended, NETDIAG, Namespace, Process, bound, has, run, skip, stopwatch,
};
use crate::support::schema;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_millis(100);
/// What a busy machine adds.
const NOISE: Duration = Duration::from_millis(900);

/// `ping` with these arguments in a namespace of its own.
fn ping(arguments: &str) -> Option<Ended> {
    let namespace = Namespace::loopback()?;
    Some(run(&mut ping_in(&namespace, arguments)))
}

fn ping_in(namespace: &Namespace, arguments: &str) -> Command {
    let arguments: Vec<&str> = std::iter::once("ping").chain(arguments.split(' ')).collect();
    namespace.netdiag(&arguments)
}

/// A run that does not end by itself, after its first replies.
fn endless(namespace: &Namespace, arguments: &str) -> Process {
    let process = Process::start(&mut ping_in(namespace, &format!("-i 0.1 {arguments}")));
    process.until_out(|out| out.contains("icmp_seq=3 "));
    process
}

#[test]
fn what_cannot_be_meant_is_one_line_and_exit_code_2() {
    let Some(namespace) = Namespace::loopback() else { return };
    let faults = std::cell::RefCell::new(Vec::new());
    let check = |arguments: &[&str], named: &[&str]| {
        let ended = run(&mut namespace.netdiag(arguments));
        let is_so = ended.code() == Some(2)
            && ended.out.is_empty()
            && ended.err.matches('\n').count() == 1
            && named.iter().all(|named| ended.err.contains(named));
        if !is_so {
            faults.borrow_mut().push(format!("{arguments:?} ({named:?}): {ended:?}"));
        }
    };
    // Values out of their range.
    let values: [(&str, &str, &[&str]); 20] = [
        ("-c", "--count", &["0", "-1", "x", "1.5", "99999999999999999999", ""]),
        ("-i", "--interval", &["-1", "-0", "nan", "inf", "1e400", "1e30", "1e-400", "5x", "1 s"]),
        ("-W", "--timeout", &["0", "-1", "-1ms", "nan", "NaN", "1e400", "1e-400", "1d", ""]),
        ("-w", "--deadline", &["0", "-1", "nan", "1e400", "1e-400", "9999999999"]),
        ("-l", "--preload", &["0", "-1", "x"]),
        ("-s", "--size", &["-1", "65508", "65528", "65536", "x"]),
        ("-p", "--pattern", &["", "xyz", "0x10", "00112233445566778899aabbccddeeff00"]),
        ("-t", "--ttl", &["0", "256", "-1", "x"]),
        ("--dscp", "--dscp", &["64", "-1", "af99"]),
        ("-Q", "--tos", &["256", "-1", "0x100"]),
        ("-M", "--df", &["maybe", ""]),
        ("-m", "--mark", &["-1", "4294967296", "x"]),
        ("-e", "--ident", &["65536", "-1", "x"]),
        ("-S", "--send-buffer", &["0", "-1", "x"]),
        ("--source", "--source", &["::1", "nonsense", "127.0.0.1/8"]),
        ("-I", "--interface", &["nosuch0", "::1", ""]),
        ("-o", "--output", &["xml", ""]),
        ("--color", "--color", &["sometimes"]),
        ("--fail-if", "--fail-if", &["", "loss>", "loss", "loss>5% or", "(loss>5%", "p95>5km"]),
        ("-6", "--ipv6", &["127.0.0.2"]),
    ];
    for (short, long, wrong) in values {
        for value in wrong {
            check(&["ping", short, value, "127.0.0.1"], &[long]);
        }
    }
    check(&["ping", "--source", "127.0.0.1", "::1"], &["--source"]);
    check(&["ping", "-s", "65528", "::1"], &["--size"]);
    check(&["ping", "-4", "::1"], &["--ipv4"]);
    check(&["ping", "-4", "[::1]"], &["--ipv4"]);
    check(&["ping", "-4", "-6", "localhost"], &["--ipv4", "--ipv6"]);
    check(&["ping", "-n", "--names", "::1"], &["--numeric", "--names"]);
    check(&["ping", "--json", "--output", "csv", "::1"], &["--json", "--output"]);
    check(&["ping", "--dscp", "ef", "--tos", "3", "::1"], &["--dscp", "--tos"]);
    check(&["ping", "--classic", "--json", "::1"], &["--classic"]);
    check(&["ping", "--json", "-c", "0", "::1"], &["--count"]);
    // An unknown metric: those that are known.
    check(&["ping", "--fail-if", "bogus>5", "::1"], &["--fail-if", "bogus", "loss", "p95", "jit"]);
    // Hosts that are none, before any look-up.
    for host in ["0.0.0.0", "::", "host:80", "127.0.0.1:80", "[::1]:80", "host:http", ""] {
        check(&["ping", host], &["HOST", host]);
        check(&["ping", "--json", "127.0.0.1", host], &["HOST", host]);
    }
    // Addresses that would leave by whatever the routes say, or from nowhere.
    check(&["ping", "127.0.0.1/24"], &["HOST", "127.0.0.1/24", "network"]);
    check(&["ping", "fd09::/64"], &["HOST", "fd09::/64", "network"]);
    check(&["ping", "[127.0.0.1]"], &["HOST", "[127.0.0.1]", "brackets"]);
    check(&["ping", "fe80::1"], &["HOST", "fe80::1", "--interface"]);
    check(&["ping", "fe80::1%nosuch0"], &["HOST", "fe80::1%nosuch0", "no interface"]);
    check(&["ping", "127.0.0.1%lo"], &["HOST", "127.0.0.1%lo", "zone"]);
    check(&["ping", "--source", "192.0.2.1", "127.0.0.1"], &["--source", "192.0.2.1", "not an"]);
    check(&["ping", "-I", "192.0.2.1", "127.0.0.1"], &["--interface", "192.0.2.1", "not an"]);
    let both = ["ping", "--source", "127.0.0.1", "-I", "127.0.0.2", "127.0.0.1"];
    check(&both, &["--source", "--interface", "differ"]);
    check(&["ping", "224.0.0.1"], &["224.0.0.1", "multicast"]);
    for wrong in ["", "sctp", "icmp:7", "udp:0", "tcp:65536", "tcp:http", "icmp,,udp"] {
        check(&["ping", "--proto", wrong, "127.0.0.1"], &["--proto"]);
    }
    check(&["ping", "--proto", "udp", "-e", "7", "127.0.0.1"], &["--ident"]);
    check(&["ping", "--proto", "tcp", "-m", "7", "127.0.0.1"], &["--mark", "tcp"]);
    check(&["ping", "--proto", "tcp", "-M", "do", "127.0.0.1"], &["--df", "tcp"]);
    check(&["ping", "--proto", "tcp", "-p", "ff", "127.0.0.1"], &["--pattern", "tcp"]);
    check(&["ping", "--classic", "--proto", "udp", "127.0.0.1"], &["--proto", "--classic"]);
    check(&["ping"], &["HOST"]);
    check(&["ping", "-c"], &["--count"]);
    check(&["ping", "--nonsense", "::1"], &["--nonsense"]);
    check(&["ping", "-Z", "::1"], &["-Z"]);
    check(&["nonsense"], &["nonsense"]);
    check(&["schema"], &["COMMAND"]);
    check(&["schema", "nonsense"], &["COMMAND", "nonsense"]);
    let faults = faults.into_inner();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn addresses_have_every_form_that_the_classic_tools_take() {
    for address in ["127.1", "0x7f.1", "2130706433", "[::1]", "::1"] {
        let Some(ended) = ping(&format!("-c 1 {address}")) else { return };
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }
    let Some(ended) = ping("-c 1 --source 127.0.0.3 -I 127.0.0.3 127.0.0.1") else { return };
    assert_eq!(ended.code(), Some(0), "the same source, said twice: {ended:?}");
}

#[test]
fn faster_than_a_flood_is_for_root() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    for (arguments, named) in [
        (["ping", "-i", "0", "127.0.0.1"], "--interval"),
        (["ping", "-i", "1ms", "127.0.0.1"], "--interval"),
        (["ping", "-l", "4", "127.0.0.1"], "--preload"),
    ] {
        let ended = run(&mut namespace.nobody(&arguments));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(named), "{ended:?}");
    }
    let ended = run(&mut namespace.nobody(&["ping", "-c", "3", "-i", "2ms", "127.0.0.1"]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

#[test]
fn help_and_version_are_results() {
    for (arguments, part) in [
        (&["--version"][..], "netdiag 0."),
        (&["--help"], "ping"),
        (&["ping", "--help"], "--fail-if"),
        (&["ping", "-h"], "--fail-if"),
        (&["ping", "-V"], " 0."),
        (&["schema", "--metrics", "ping"], "jitter_rfc3550"),
        (&["schema", "ping"], "\"$schema\""),
    ] {
        let ended = run(bound(NETDIAG).args(arguments));
        assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{arguments:?}: {ended:?}");
        assert!(ended.out.contains(part), "{arguments:?}: {ended:?}");
        assert!(!ended.out.contains('\u{1b}'), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn every_metric_of_the_list_can_be_asked_for() {
    let Some(namespace) = Namespace::loopback() else { return };
    let listed = run(bound(NETDIAG).args(["schema", "--metrics", "ping"])).out;
    let names = listed.lines().skip(1).filter_map(|line| line.split(' ').next());
    let mut expression = String::from("loss>100%");
    for name in names {
        expression.push_str(&format!(" or {name}<0"));
    }
    assert!(expression.contains("p99<0") && expression.contains("jitter<0"), "{expression}");
    let arguments = ["ping", "-c", "3", "-i", "0.01", "127.0.0.1", "--fail-if", &expression];
    let ended = run(&mut namespace.netdiag(&arguments));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

#[test]
fn a_closed_pipe_ends_it_quietly_within_an_interval() {
    let Some(namespace) = Namespace::loopback() else { return };
    for form in ["text", "jsonl"] {
        let (read, write) = std::io::pipe().expect("a pipe");
        let mut command = ping_in(&namespace, &format!("-i 0.2 -o {form} 127.0.0.1"));
        let process = Process::start_into(&mut command, write.into());
        // The command holds the writing end as well.
        drop(command);
        let mut lines = BufReader::new(read);
        for _ in 0..3 {
            let mut line = String::new();
            lines.read_line(&mut line).expect("readable");
            assert!(line.ends_with('\n'), "{line}");
        }
        drop(lines);
        let since = stopwatch();
        let ended = process.wait();
        assert_eq!((ended.signal(), ended.err.as_str()), (Some(13), ""), "{form}: {ended:?}");
        assert!(since() < 2 * INTERVAL + NOISE, "{form}: {:?}", since());
    }
}

#[test]
fn an_interrupt_is_the_end_of_the_count() {
    let Some(namespace) = Namespace::loopback() else { return };
    let process = endless(&namespace, "127.0.0.1");
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.contains("127.0.0.1 ping statistics"), "{ended:?}");
    assert!(ended.out.contains(" 0% packet loss"), "{ended:?}");

    // By the result: no reply is 1.
    namespace.run(DROP_127_0_0_9);
    let mut command = ping_in(&namespace, "-i 0.1 -W 0.1 127.0.0.9");
    let process = Process::start(&mut command);
    process.until_out(|out| out.contains("icmp_seq=2"));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.out.contains(" 0 received"), "{ended:?}");
    // And a document all the same.
    let process = Process::start(&mut ping_in(&namespace, "-i 0.1 -c 100 -o jsonl 127.0.0.1"));
    process.until_out(|out| out.matches("\"type\":\"probe\"").count() >= 3);
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    let last: Value = serde_json::from_str(ended.out.lines().last().expect("lines")).expect("JSON");
    assert_eq!((last["type"].as_str(), ended.code()), (Some("summary"), Some(0)), "{ended:?}");
    assert_eq!(last["complete"], false, "{last}");
}

/// Requests to 127.0.0.9 vanish.
const DROP_127_0_0_9: &str = "nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0; ip daddr 127.0.0.9 drop; }; }
END";

#[test]
fn a_second_interrupt_ends_it_at_once() {
    // Its output is a pipe that nobody reads: the first interrupt finds it blocked, or about to be.
    let Some(namespace) = Namespace::loopback() else { return };
    let (read, write) = std::io::pipe().expect("a pipe");
    let mut command = ping_in(&namespace, "-i 0 -o jsonl --verbose 127.0.0.1");
    let process = Process::start_into(&mut command, write.into());
    drop(command);
    // Its pipe is full once it waits in a ppoll(2) of one descriptor: the network's has more.
    let waiting = format!("/proc/{}/syscall", process.id());
    let full = || {
        std::fs::read_to_string(&waiting).is_ok_and(|call| call.split(' ').nth(2) == Some("0x1"))
    };
    if !until(full) {
        return skip("/proc/PID/syscall does not show where a process waits").unwrap_or_default();
    }
    process.signal(Signal::SIGINT);
    process.signal(Signal::SIGINT);
    let stat = format!("/proc/{}/stat", process.id());
    let is_over = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z "));
    assert!(until(is_over), "it still waits for its reader after two interrupts");
    drop(read);
    assert_eq!(process.wait().shell_code(), 130);
}

/// Asks until it is so, for two seconds at most.
fn until(is_so: impl Fn() -> bool) -> bool {
    let since = stopwatch();
    while since() < Duration::from_secs(2) {
        if is_so() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn a_signal_to_end_gives_the_summary_and_then_death() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (signal, number) in [(Signal::SIGTERM, 15), (Signal::SIGHUP, 1)] {
        let process = endless(&namespace, "127.0.0.1");
        process.signal(signal);
        let ended = process.wait();
        assert_eq!((ended.signal(), ended.err.as_str()), (Some(number), ""), "{ended:?}");
        assert!(ended.out.contains("ping statistics ---\n"), "{ended:?}");
        assert!(ended.out.contains(" 0% packet loss"), "{ended:?}");
    }
}

#[test]
fn sigquit_asks_for_a_line_and_the_run_goes_on() {
    let Some(namespace) = Namespace::loopback() else { return };
    let process = endless(&namespace, "127.0.0.1");
    process.signal(Signal::SIGQUIT);
    let line = process.until_err(|err| err.ends_with('\n'));
    assert!(line.contains(" packets, 0% loss, min/avg/ewma/max = "), "{line}");
    let said = process.until_out(|_| true);
    process.until_out(|out| out.len() > said.len() + 100);
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
    assert!(!ended.out.contains("ewma"), "{ended:?}");
}

#[test]
fn what_cannot_be_written_is_said_and_exit_code_3() {
    let Some(namespace) = Namespace::loopback() else { return };
    for form in ["text", "json", "jsonl", "csv"] {
        let arguments = format!("-c 2 -i 0.01 -o {form} 127.0.0.1");
        let full = File::options().write(true).open("/dev/full").expect("a device");
        let mut command = ping_in(&namespace, &arguments);
        let ended = Process::start_into(&mut command, full.into()).wait();
        assert_eq!(ended.code(), Some(3), "{form}: {ended:?}");
        assert!(ended.err.contains("write error"), "{form}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{form}: {ended:?}");
    }
}

#[test]
fn a_closed_stdout_is_a_write_error_too() {
    let Some(namespace) = Namespace::loopback() else { return };
    for form in ["text", "json"] {
        let script = format!("exec {NETDIAG} ping -c 1 -o {form} 127.0.0.1 >&-");
        let ended = run(namespace.command("sh").args(["-c", &script]));
        assert_eq!(ended.code(), Some(3), "{form}: {ended:?}");
        assert!(ended.err.contains("write error"), "{form}: {ended:?}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let Some(namespace) = Namespace::loopback() else { return };
    let is_coloured = |ended: &Ended| ended.out.contains("\u{1b}[");
    let piped = run(&mut ping_in(&namespace, "-c 1 127.0.0.1"));
    assert!(!is_coloured(&piped), "{piped:?}");
    let always = run(&mut ping_in(&namespace, "-c 1 --color always --fail-if min>=0 127.0.0.1"));
    assert!(is_coloured(&always), "{always:?}");
    if !has("script") {
        return;
    }
    let on_terminal = |variables: &str, color: &str| {
        let command =
            format!("{NETDIAG} ping -n -c 1 --color {color} --fail-if 'min>=0' 127.0.0.1");
        let mut script = namespace.command("env");
        let variables = variables.split(' ').filter(|variable| !variable.is_empty());
        script.args(["-u", "NO_COLOR", "TERM=xterm"]).args(variables);
        run(script.args(["script", "-qec", &command, "/dev/null"]))
    };
    let check = |variables: &str, color: &str, expected: bool| {
        let ended = on_terminal(variables, color);
        assert!(ended.out.contains("1 received"), "{ended:?}");
        assert_eq!(is_coloured(&ended), expected, "{variables} {color}: {ended:?}");
    };
    check("", "auto", true);
    check("NO_COLOR=1", "auto", false);
    check("TERM=dumb", "auto", false);
    check("", "never", false);
    check("NO_COLOR=1", "always", true);
}

#[test]
fn events_are_written_as_they_happen() {
    let Some(namespace) = Namespace::loopback() else { return };
    for form in ["text", "jsonl"] {
        let mut command = ping_in(&namespace, &format!("-i 5 -c 2 -o {form} 127.0.0.1"));
        let process = Process::start(&mut command);
        let first = if form == "text" { "icmp_seq=1 " } else { "\"type\":\"probe\"" };
        let since = stopwatch();
        let said = process.until_out(|out| out.contains(first) && out.ends_with('\n'));
        assert!(since() < Duration::from_secs(3), "{form}: {said}");
        for line in said.lines().filter(|_| form == "jsonl") {
            let event: Value = serde_json::from_str(line).expect("a line is a document");
            for key in ["type", "target_index", "at", "offset_ms"] {
                assert!(event.get(key).is_some(), "{key}: {line}");
            }
        }
    }
}

#[test]
fn a_document_has_ten_probes_where_nothing_says_when_to_end() {
    let Some(ended) = ping("--json -i 0.01 127.0.0.1") else { return };
    assert_eq!((ended.code(), &ended.target()["sent"]), (Some(0), &Value::from(10)), "{ended:?}");
    assert!(ended.err.contains("10") && ended.err.lines().count() == 1, "{ended:?}");
    let Some(ended) = ping("--json -i 0.01 -c 2 127.0.0.1") else { return };
    assert_eq!(ended.err, "", "{ended:?}");
    let Some(ended) = ping("--json -i 0.1 -w 0.35 127.0.0.1") else { return };
    assert_eq!((ended.err.as_str(), &ended.target()["sent"]), ("", &Value::from(4)), "{ended:?}");
}

#[test]
fn documents_follow_the_schema_whatever_the_result() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run(DROP_127_0_0_9);
    let check = |ended: Ended, code: i32| {
        let document = ended.json();
        assert_eq!(ended.code(), Some(code), "{ended:?}");
        assert_eq!(document["exit_code"], code, "{ended:?}");
        schema::check("ping", &document);
    };
    let json = |arguments: &str| run(&mut ping_in(&namespace, &format!("--json {arguments}")));
    check(json("-c 5 -i 0.01 127.0.0.1 ::1"), 0);
    check(json("-c 3 -i 0.01 -W 0.05 127.0.0.1 127.0.0.9"), 1);
    check(json("-c 2 -i 0.01 --fail-if min>=0 127.0.0.1"), 1);
    check(json("-c 2 -i 0.01 192.0.2.1"), 3);
    check(json("-c 2 -i 0.01 fe80::1%lo"), 3);
    namespace.run("echo '1 0' > /proc/sys/net/ipv4/ping_group_range");
    let ended = run(&mut namespace.nobody(&["ping", "--json", "-c", "1", "127.0.0.1"]));
    assert!(ended.out.contains("ping_group_range"), "{ended:?}");
    check(ended, 0);
    check(json("-c 2 -i 0.01 --proto icmp,udp,tcp:81 127.0.0.1"), 1);
}

#[test]
fn a_reader_that_is_gone_at_once_is_no_fault() {
    let output = bound(NETDIAG).args(["schema", "ping"]).stdout(Stdio::piped()).spawn();
    let mut child = output.expect("netdiag starts");
    drop(child.stdout.take());
    let ended = child.wait_with_output().expect("our child");
    // Whether the write or the close came first.
    assert!(ended.status.success() || ended.stderr.is_empty(), "{ended:?}");
}
