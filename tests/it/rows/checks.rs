//! `netdiag check` (M1-M3, B34) between real kernels.

mod counted;
mod files;
mod local;
mod looked_up;
mod written;

use super::names::answer;
use super::network::Lab;
use crate::support::process::{Ended, NETDIAG, Namespace, Process, bound, run};
use crate::support::schema;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;

fn check(namespace: &Namespace, words: &[&str]) -> Ended {
    run(&mut namespace.netdiag(&[&["check"], words].concat()))
}

fn document(namespace: &Namespace, words: &[&str]) -> Value {
    let document = check(namespace, &[&["--json"], words].concat()).json();
    schema::check("check", &document);
    document
}

/// A file that lives as long as the test.
fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

fn statuses(document: &Value) -> Vec<&str> {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().map(|check| check["status"].as_str().expect("a word")).collect()
}

/// Names that the server of these tests knows.
fn names(question: &[u8]) -> Option<Vec<u8>> {
    let has = |label: &[u8]| question.windows(label.len()).any(|part| part == label);
    match () {
        () if has(b"\x04gone") => answer(question, 3, None),
        () if has(b"\x06broken") => answer(question, 2, None),
        () => answer(question, 0, Some(&[192, 0, 2, 7])),
    }
}

/// M3: each fault of the lab is told by a stage and a reason of its own.
#[test]
fn m3_twelve_faults_are_twelve_pairs_of_stage_and_reason() {
    let Some(lab) = Lab::new() else { return };
    let _services = lab.far.inside(|| {
        [80, 88].map(|port| TcpListener::bind(("::", port)).expect("nobody else is here"))
    });
    lab.far.run(
        "nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0;
    tcp dport 82 drop
    tcp dport 88 tcp flags & (syn | ack) == ack reject with tcp reset
}; }
END",
    );
    lab.router.run(
        "nft -f - <<'END'
table inet t { chain f { type filter hook forward priority 0;
    tcp dport 83 reject with icmp type host-unreachable
    tcp dport 84 reject with icmpx type admin-prohibited
    tcp dport 86 reject with icmpx type no-route
    ip daddr 10.9.2.77 drop
    ip daddr 10.9.2.78 reject with icmp type host-unreachable
}; }
END",
    );
    lab.here.run(
        "nft -f - <<'END'
table inet t { chain o { type filter hook output priority 0; tcp dport 87 drop; }; }
END
         ip route add unreachable 203.0.113.0/24
         mount -t tmpfs none /mnt; echo 'nameserver 127.0.0.1' > /mnt/resolv.conf
         mount --bind /mnt/resolv.conf /etc/resolv.conf",
    );
    lab.here.serve_names(names);
    let faults = [
        ("tcp gone.example:80", "fail", "resolve"),
        ("tcp broken.example:80", "unknown", "resolve"),
        ("tcp 203.0.113.1:80", "unknown", "route"),
        ("tcp 10.9.2.2:87", "unknown", "send"),
        ("tcp 10.9.2.2:81", "fail", "connect"),
        ("tcp --timeout=1 10.9.2.2:82", "fail", "connect"),
        ("tcp 10.9.2.2:83", "fail", "connect"),
        ("tcp 10.9.2.2:84", "fail", "connect"),
        ("tcp 10.9.2.2:86", "fail", "connect"),
        ("ping --count=1 --timeout=1 10.9.2.77", "fail", "request"),
        ("ping --count=1 --timeout=1 10.9.2.78", "fail", "request"),
        ("dns --ipv4 gone.example A", "fail", "request"),
        ("dns ok.example A expect 192.0.2.8", "fail", "expect"),
        ("ping --count=1 10.9.2.2 ttl>200", "fail", "expect"),
    ];
    let mut words: Vec<&str> = faults.iter().map(|(line, ..)| *line).collect();
    words.push("tcp 10.9.2.2:80");
    let document = document(&lab.here, &words);
    assert_eq!(document["exit_code"], 1, "{document:#}");
    let checks = document["checks"].as_array().expect("checks");
    assert_eq!(checks[faults.len()]["status"], "pass", "{document:#}");
    let mut pairs = BTreeSet::new();
    for (check, (line, status, stage)) in checks.iter().zip(&faults) {
        let failure = &check["failure"];
        assert_eq!(check["status"], *status, "{line}: {check:#}");
        assert_eq!(failure["stage"], *stage, "{line}: {check:#}");
        let pair = (stage.to_string(), failure["reason"].as_str().expect("a word").to_owned());
        assert!(pairs.insert(pair.clone()), "{line}: {pair:?} was there before");
        assert!(failure["message"].as_str().is_some_and(|text| !text.is_empty()), "{check:#}");
    }
    assert!(pairs.len() >= 12, "{pairs:?}");
    // Who said so is data, too.
    assert_eq!(checks[7]["failure"]["icmp"]["from"], "10.9.1.1", "{document:#}");
    assert_eq!(checks[4]["failure"]["errno"]["name"], "ECONNREFUSED", "{document:#}");
    assert_eq!(checks[4]["peer"], "10.9.2.2:81", "{document:#}");
}

const SITE: &str = r#"
[defaults]
deadline = "5s"
[defaults.ping]
count = 2

[[check]]
name = "here"
kind = "ping"
target = "127.0.0.1"
expect = "loss<1%"
warn = "ttl > 200"
tags = ["lan"]

[[check]]
name = "service"
kind = "tcp"
target = "127.0.0.1:7000"
tags = ["lan"]

[[check]]
name = "nobody"
kind = "tcp"
target = "127.0.0.1:7001"

[[check]]
name = "behind"
kind = "ping"
target = "127.0.0.2"
depends_on = ["here", "nobody"]
tags = ["deep"]

[[check]]
name = "far"
kind = "ping"
target = "2001:db8::99"
"#;

fn site() -> Option<(Namespace, TcpListener)> {
    let namespace = Namespace::loopback()?;
    let listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    Some((namespace, listener))
}

/// M1, B34: five checks, five words.
#[test]
fn m1_each_check_of_a_file_comes_to_one_of_five() {
    let Some((namespace, _listener)) = site() else { return };
    let file = file(SITE);
    let path = file.path().to_str().expect("a name");
    let all = document(&namespace, &[path]);
    assert_eq!(statuses(&all), ["warn", "pass", "fail", "skip", "unknown"], "{all:#}");
    assert_eq!((&all["exit_code"], &all["status"]), (&1.into(), &"critical".into()));
    assert_eq!(all["checks"][3]["depends_on"], "nobody", "{all:#}");
    let expected = all["checks"][0]["failed_expectation"].as_str().expect("a text");
    assert!(expected.contains("expected > 200"), "{expected}");
    // Those that a chosen one depends on run, too.
    let deep = document(&namespace, &["--only", "deep", path]);
    assert_eq!(statuses(&deep), ["warn", "fail", "skip"], "{deep:#}");
    let lan = document(&namespace, &["--only", "lan", path]);
    assert_eq!((&lan["exit_code"], &lan["status"]), (&0.into(), &"warning".into()), "{lan:#}");
    let text = check(&namespace, &[path]);
    let lines: Vec<&str> = text.out.lines().collect();
    assert!(lines[0].starts_with("warn     here     ping 127.0.0.1"), "{text:?}");
    assert!(lines[1].starts_with("         ttl = 64, expected > 200"), "{text:?}");
    assert!(
        text.out.contains("\nskip     behind   ping 127.0.0.2      depends on nobody\n"),
        "{text:?}"
    );
    let last = lines.last().expect("a verdict");
    assert!(
        last.starts_with(
            "= 1 of 5 pass; 1 fail (nobody), 1 warn (here), 1 unknown (far), 1 skip; "
        ),
        "{last}"
    );
    assert!(last.ends_with("; exit 1"), "{last}");
}

#[test]
fn m1_a_page_of_junit_and_one_of_tap_say_the_same() {
    let Some((namespace, _listener)) = site() else { return };
    let file = file(SITE);
    let path = file.path().to_str().expect("a name");
    let junit = check(&namespace, &["-o", "junit", path]);
    assert_eq!(junit.code(), Some(1));
    check_xml(&junit.out);
    let counts = "tests=\"5\" failures=\"1\" errors=\"1\"";
    let lines: Vec<&str> = junit.out.lines().collect();
    // Only a suite has a number of those that were skipped.
    assert!(lines[1].contains(counts) && !lines[1].contains("skipped="), "{junit:?}");
    assert!(lines[2].contains(&format!("{counts} skipped=\"1\"")), "{junit:?}");
    for part in ["<failure message=", "<error message=", "<skipped message=", "<system-out>"] {
        assert_eq!(junit.out.matches(part).count(), 1, "{part}: {junit:?}");
    }
    let tap = check(&namespace, &["-o", "tap", path]);
    let lines: Vec<&str> = tap.out.lines().collect();
    assert_eq!(&lines[..3], ["TAP version 13", "1..5", "ok 1 - here"], "{tap:?}");
    let points: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| line.starts_with("ok") || line.starts_with("not"))
        .collect();
    assert_eq!(points[1], "ok 2 - service");
    assert_eq!(points[2], "not ok 3 - nobody");
    assert_eq!(points[3], "ok 4 - behind # SKIP depends on nobody");
    assert!(points[4].starts_with("not ok 5 - far # TODO not measured: "), "{}", points[4]);
}

/// Every tag is closed, in order, and what stands between is escaped.
fn check_xml(text: &str) {
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').expect("a tag ends") + start;
        assert!(!rest[..start].contains('>'), "{text}");
        let tag = &rest[start + 1..end];
        let name = |tag: &str| tag.split_whitespace().next().unwrap_or_default().to_owned();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "{text}");
        } else if !tag.starts_with('?') && !tag.ends_with('/') {
            open.push(name(tag));
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn m2_monitoring_gets_one_line_and_its_codes() {
    let Some((namespace, _listener)) = site() else { return };
    let plugin = |words: &[&str]| check(&namespace, &[&["-o", "nagios"], words].concat());
    let ok = plugin(&["ping 127.0.0.1 loss<20% and p95<500ms warn loss<5%"]);
    assert_eq!((ok.code(), ok.out.lines().count()), (Some(0), 1), "{ok:?}");
    let (said, data) = ok.out.trim_end().split_once(" | ").expect("performance data");
    assert!(said.starts_with("NETDIAG OK - ping 127.0.0.1: loss 0/5, p95 "), "{said}");
    assert!(
        data.starts_with("'ping 127.0.0.1 loss'=0%;5;20;0;100 'ping 127.0.0.1 mean'=0."),
        "{data}"
    );
    assert!(data.contains("ms;;500;0"), "{data}");
    let warning = plugin(&["ping --count=1 127.0.0.1 warn ttl>200"]);
    assert_eq!((warning.code(), &warning.out[..17]), (Some(1), "NETDIAG WARNING -"), "{warning:?}");
    let critical = plugin(&["tcp 127.0.0.1:7001", "tcp 127.0.0.1:7000"]);
    assert_eq!(
        (critical.code(), &critical.out[..18]),
        (Some(2), "NETDIAG CRITICAL -"),
        "{critical:?}"
    );
    // Nothing that was not measured is 0.
    assert!(critical.out.contains("'tcp 127.0.0.1:7001 connect'=U"), "{critical:?}");
    let unknown = plugin(&["ping 2001:db8::99"]);
    assert_eq!((unknown.code(), &unknown.out[..17]), (Some(3), "NETDIAG UNKNOWN -"), "{unknown:?}");
    assert!(unknown.out.contains("'ping 2001:db8::99 loss'=U"), "{unknown:?}");
    let usage = plugin(&["ping 127.0.0.1 lost<<1"]);
    assert_eq!((usage.code(), &usage.out[..17]), (Some(3), "NETDIAG UNKNOWN -"), "{usage:?}");
}

#[test]
fn m1_metrics_lines_and_rows_are_of_every_check() {
    let Some((namespace, _listener)) = site() else { return };
    let words = ["tcp 127.0.0.1:7000", "tcp 127.0.0.1:7001"];
    let of = |form: &str| check(&namespace, &[&["-o", form], &words[..]].concat()).out;
    let metrics = of("prometheus");
    let labels = "{name=\"tcp 127.0.0.1:7000\",kind=\"tcp\",target=\"127.0.0.1:7000\"}";
    assert!(metrics.contains(&format!("\nnetdiag_check_success{labels} 1\n")), "{metrics}");
    assert_eq!(metrics.matches("\nnetdiag_check_status{").count(), 10, "{metrics}");
    let is_right = |line: &str| line.starts_with("# ") || line.starts_with("netdiag_check");
    assert!(metrics.lines().all(is_right), "{metrics}");
    let rows = of("csv");
    assert_eq!(rows.lines().count(), 3, "{rows}");
    assert!(
        rows.lines()
            .nth(2)
            .is_some_and(|row| row.contains(",fail,connect,refused,ECONNREFUSED,111,")),
        "{rows}"
    );
    let events = super::events(&of("jsonl"));
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!((kinds[0], *kinds.last().expect("one")), ("start", "summary"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "check").count(), 2, "{kinds:?}");
}

/// B34: what is wrong with a file is told by line and column, and nothing of it is measured.
#[test]
fn b34_a_wrong_file_is_told_by_line_and_column_and_not_run_in_part() {
    let check = |text: &str, place: &str, part: &str| {
        let file = file(text);
        let path = file.path().to_str().expect("a name");
        for words in [&["--validate"][..], &["--json"]] {
            let ended = run(bound(NETDIAG).arg("check").args(words).arg(path));
            assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{text}: {ended:?}");
            assert!(ended.err.contains(place), "{text}: {ended:?}");
            assert!(ended.err.contains(part), "{text}: {ended:?}");
        }
    };
    let head = "[[check]]\nkind = 'ping'\ntarget = '127.0.0.1'\n";
    check("[[check]]\nkind = 'pong'\ntarget = 'a'\n", "line 2, column 8: ", "expected ping, tcp");
    check(&format!("{head}expect = 'lots<1%'\n"), "line 4, column 11: ", "lots");
    check(&format!("{head}expect = 'loss<1% and x'\n"), "line 4, column 23: ", "\"x\"");
    check(&format!("{head}warn = 'loss<'\n"), "line 4, column 14: ", "");
    check(&format!("{head}cuont = 3\n"), "line 4, column 1: ", "expected one of");
    check(&format!("{head}count = 'many'\n"), "line 4, column 1: ", "--count");
    check(&format!("{head}deadline = '10 parsecs'\n"), "line 4, column 12: ", "deadline");
    check(&format!("{head}depends_on = 'x'\n"), "line 4, column 14: ", "no check is named `x`");
    check(&format!("{head}name = 'a'\ndepends_on = 'a'\n"), "line 5, column 14: ", "itself");
    check(&format!("{head}name = 'a'\n{head}name = 'a'\n"), "line 8, column 8: ", "there already");
    check("[[check]]\nkind = 'tcp'\ntarget = '127.0.0.1'\n", "line 3, column 10: ", "port");
    check(
        "[defaults.ping]\ninterval = 'x'\n[[check]]\nkind = 'tcp'\ntarget = 'a:1'\n",
        "line 2, column 1: ",
        "interval",
    );
    check("[[check]\n", "line 1, column 9: ", "");
    let ended = run(bound(NETDIAG).args(["check", "--validate", "/nonexistent/site.toml"]));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    let right = file(SITE);
    let ended = run(bound(NETDIAG).args(["check", "--validate"]).arg(right.path()));
    assert_eq!(ended.out, "= 5 checks, valid; nothing was measured\n", "{ended:?}");
}

/// Whatever is expected, a service that refuses is none, unless that is what is expected.
#[test]
fn b34_an_expectation_makes_no_green_of_what_does_not_work() {
    let Some((namespace, _listener)) = site() else { return };
    let check = |line: &str, status: &str| {
        let document = document(&namespace, &[line]);
        assert_eq!(statuses(&document), [status], "{line}: {document:#}");
    };
    check("tcp 127.0.0.1:7001 loss<5%", "fail");
    check("tcp 127.0.0.1:7001 refused=1", "pass");
    check("tcp 127.0.0.1:7000 refused=1", "fail");
    check("tcp 127.0.0.1:7000 loss<5% and connect<5s", "pass");
    check("syn 127.0.0.1:7000", "pass");
    check("syn 127.0.0.1:7001", "fail");
    check("trace 127.0.0.1 hops=1", "pass");
    check("mtu 127.0.0.1 path_mtu>=65000", "pass");
}

/// A user who is not root is held to a rate for each host, which makes checks of one host no unknowns.
#[test]
fn b34_a_user_without_rights_gets_the_same_words() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let _listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    let mut words = vec!["check", "--json"];
    words.extend(["tcp 127.0.0.1:7000"; 12]);
    words.extend(["ping --count=1 127.0.0.1"; 12]);
    let document = run(&mut namespace.nobody(&words)).json();
    assert_eq!(statuses(&document), ["pass"; 24], "{document:#}");
    let refused = run(&mut namespace.nobody(&["check", "--json", "tcp 127.0.0.1:7001"])).json();
    assert_eq!(statuses(&refused), ["fail"], "{refused:#}");
}

/// M1: fifty checks take no longer than the slowest of them, and half a second.
#[test]
fn m1_fifty_checks_end_with_the_slowest() {
    let Some((namespace, _listener)) = site() else { return };
    let lines: Vec<String> = (0..50)
        .map(|number| match number % 3 {
            0 => "ping --count=3 127.0.0.1 loss<50%".to_owned(),
            1 => "tcp 127.0.0.1:7000".to_owned(),
            _ => format!("ping --count=1 127.0.0.{}", number + 1),
        })
        .collect();
    let words: Vec<&str> = lines.iter().map(String::as_str).collect();
    let document = document(&namespace, &words);
    assert_eq!(statuses(&document), ["pass"; 50], "{document:#}");
    let took = |value: &Value| value["elapsed_ms"].as_f64().expect("a number");
    let slowest =
        document["checks"].as_array().expect("checks").iter().map(took).fold(0.0, f64::max);
    assert!(took(&document) <= slowest + 500.0, "{} and {slowest}", took(&document));
}

/// N3: who asks is told how far it has come, and an interrupt ends it with what is known.
#[test]
fn n3_an_interrupt_ends_checks_with_what_is_known() {
    let Some(namespace) = Namespace::loopback() else { return };
    let words = ["check", "-o", "jsonl", "tcp 127.0.0.1:7001", "ping --count=49 127.0.0.1"];
    let process = Process::start(&mut namespace.netdiag(&words));
    process.until_out(|out| out.contains("\"type\":\"check\""));
    process.signal(Signal::SIGQUIT);
    process.until_err(|err| err.contains("1 of 2 checks done\n"));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let events = super::events(&ended.out);
    let summary = super::the(&events, "summary");
    assert_eq!((&summary["complete"], &summary["ended_by"]), (&false.into(), &"signal".into()));
    assert_eq!(events.iter().filter(|event| event["type"] == "check").count(), 2, "{ended:?}");
}
