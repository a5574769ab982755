//! Checks as they are written: what is no use, what is wrong, and names of whatever script.

use super::{check, check_xml, document, file, site, statuses};
use crate::rows::names::answer;
use crate::support::process::{Ended, NETDIAG, Namespace, bound, run};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;

fn alone(words: &[&str]) -> Ended {
    run(bound(NETDIAG).arg("check").args(words))
}

/// A plugin has its line and its code whatever is wrong with its arguments.
#[test]
fn m2_a_usage_error_of_a_plugin_is_unknown_and_one_line() {
    let wrong = file("[[check]]\nkind = 3\n");
    let wrong = wrong.path().to_str().expect("a name");
    let plugin = |words: &[&str], part: &str| {
        let ended = alone(words);
        assert_eq!((ended.code(), ended.out.lines().count()), (Some(3), 1), "{words:?} {ended:?}");
        assert!(ended.out.starts_with("NETDIAG UNKNOWN - netdiag"), "{words:?} {ended:?}");
        assert!(ended.out.contains(part), "{words:?} {ended:?}");
        assert!(!ended.out.contains('|'), "{words:?} {ended:?}");
    };
    plugin(&["-o", "nagios", "--bogus"], "--bogus");
    plugin(&["-onagios"], "required");
    plugin(&["--output=nagios", "-w", "0", "ping 127.0.0.1"], "must be above zero");
    plugin(&["--output", "nagios", "--validate", wrong], "--output");
    plugin(&["--as", "nagios", "--validate", wrong], "--as nagios: --validate");
    plugin(&["-o", "nagios", wrong], "line 2, column 8: ");
    plugin(&["-o", "nagios", "/nonexistent/a|b.toml"], "/nonexistent/a/b.toml");
    let help = alone(&["-o", "nagios", "--help"]);
    assert_eq!((help.code(), help.err.as_str()), (Some(0), ""), "{help:?}");
    let other = alone(&["-o", "json", "--bogus"]);
    assert_eq!((other.code(), other.out.as_str()), (Some(2), ""), "{other:?}");
}

#[test]
fn b34_an_option_without_a_use_is_a_usage_error() {
    let right = file("[[check]]\nkind = 'ping'\ntarget = '127.0.0.1'\ntags = ['lan']\n");
    let right = right.path().to_str().expect("a name");
    let useless = |words: &[&str], part: &str| {
        let ended = alone(words);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{words:?} {ended:?}");
        assert!(ended.err.contains(part), "{words:?} {ended:?}");
    };
    useless(&["--color", "always", "-o", "json", right], "--color always");
    useless(&["-q", "-o", "csv", right], "--quiet");
    for form in ["junit", "json"] {
        useless(&["--validate", "-o", form, right], "--output");
    }
    useless(&["--validate", "-w", "3", right], "--deadline");
    useless(&["--validate", "--only", "lan", "--only", "typo", right], "has the tag typo");
    useless(&["icmp 192.0.2.1"], "a check is one of ping, tcp, ");
    useless(&["ping"], "a check is one of ping, tcp, ");
    useless(&["dns a.example expect ''"], "cannot be expected");
    useless(&["tcp a.example:1 expect \"\""], "cannot be expected");
    let ended = alone(&["--validate", "--only", "lan", right]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

/// A file whose path has a blank is named whole, whichever way a check in a line says it.
#[test]
fn b34_what_has_blanks_stands_between_quotes() {
    for option in ["--ca \"/nonexistent/our ca.pem\"", "'--ca=/nonexistent/our ca.pem'"] {
        let line = format!("tcp 127.0.0.1:1 --tls {option} connect<1s");
        for words in [&["--validate"][..], &[]] {
            let ended = run(bound(NETDIAG).arg("check").args(words).arg(&line));
            assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
            assert!(ended.err.contains("--ca: /nonexistent/our ca.pem: "), "{ended:?}");
        }
    }
}

/// What is wrong stands where it is said, of a default in the line of the default.
#[test]
fn b34_an_option_is_told_by_its_own_place() {
    let wrong = |text: &str, place: &str, part: &str| {
        let file = file(text);
        let ended = run(bound(NETDIAG).args(["check", "--validate"]).arg(file.path()));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(&format!(": {place}: ")), "{place}: {ended:?}");
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    };
    let check = "[[check]]\nkind = 'tcp'\ntarget = '127.0.0.1:1'\n";
    let tls = "[defaults.tcp]\ntls = true\nsni = 'a.test'\n";
    wrong(
        &format!("{tls}{check}tls = false\n"),
        "line 3, column 1",
        "--sni: no port of these is one where TLS is usual: add --tls (this default and the check at \
         line 4)",
    );
    wrong(&format!("{check}bogus = false\n"), "line 4, column 1", "`bogus` is no option of a tcp");
    // No check shows names.
    for kind in ["ping", "trace", "sockets"] {
        let check = format!("[[check]]\nkind = '{kind}'\ntarget = '127.0.0.1'\n");
        let said = format!("`numeric` is no option of a {kind}");
        wrong(&format!("{check}numeric = true\n"), "line 4, column 1", &said);
    }
    // Of two options that a message names the first one is meant.
    wrong(&format!("{check}no-tls = true\ntls = true\n"), "line 4, column 1", "--no-tls");
}

#[test]
fn b34_what_is_no_text_is_told_by_line_and_column() {
    let path = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(path.path(), b"[[check]]\nkind = 'ping'\ntarget = 'caf\xe9'\n").expect("room");
    let ended = alone(&["--validate", path.path().to_str().expect("a name")]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains(": line 3, column 14: the byte 0xe9 "), "{ended:?}");
}

/// As many checks as a file may have, and as many bytes, are read in a moment.
#[test]
fn m1_a_file_as_large_as_may_be_is_read_in_time() {
    let tags = "'x',".repeat(200_000);
    let many_tags = format!("[[check]]\nkind = 'ping'\ntarget = '127.0.0.1'\ntags = [{tags}]\n");
    let one = |number: usize| {
        let name = format!("name = 'n{number}'\ndepends_on = 'n{}'\n", number.saturating_sub(1));
        let name = if number == 0 { "name = 'n0'\n".to_owned() } else { name };
        format!("[[check]]\nkind = 'ping'\ntarget = '127.0.0.1'\n{name}")
    };
    let many_checks: String = (0..10_000).map(one).collect();
    for (text, count) in [(many_tags, "= 1 check, valid"), (many_checks, "= 10000 checks, valid")] {
        let file = file(&text);
        let ended = alone(&["--validate", file.path().to_str().expect("a name")]);
        assert!(ended.out.starts_with(count), "{ended:?}");
    }
}

/// The server may stand behind what its answer must be.
#[test]
fn m1_a_server_behind_the_answer_that_is_expected_is_asked() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.9") else { return };
    namespace.serve_names(|question| answer(question, 0, Some(&[192, 0, 2, 7])));
    let line = "dns a.example A expect 192.0.2.7 @127.0.0.1";
    let document = document(&namespace, &[line]);
    assert_eq!(statuses(&document), ["pass"], "{document:#}");
    assert_eq!(document["checks"][0]["peer"], "127.0.0.1:53", "{document:#}");
}

/// N2: what dig prints, and a table of Markdown, of the same answer.
#[test]
fn n2_an_answer_is_written_as_dig_writes_it() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(|question| answer(question, 0, Some(&[192, 0, 2, 7])));
    let dns = |form: &str| {
        run(&mut namespace.netdiag(&["dns", "--as", form, "a.example", "A", "@127.0.0.1"]))
    };
    let dig = dns("dig");
    assert_eq!(dig.code(), Some(0), "{dig:?}");
    let record = "\n;; ANSWER SECTION:\na.example.\t\t60\tIN\tA\t192.0.2.7\n\n;; Query time: ";
    assert!(dig.out.contains(record), "{dig:?}");
    // RFC 8427, by the names of kdig.
    let kdig = dns("kdig-json").json();
    let record = &kdig["answerRRs"][0];
    assert_eq!((&record["NAME"], &record["rdataA"]), (&"a.example.".into(), &"192.0.2.7".into()));
    assert_eq!((&record["TYPE"], &record["CLASS"]), (&1.into(), &1.into()), "{kdig}");
    assert_eq!((&kdig["QNAME"], &kdig["QR"]), (&"a.example.".into(), &1.into()), "{kdig}");
    assert_eq!((&kdig["RCODE"], &kdig["ANCOUNT"]), (&0.into(), &1.into()), "{kdig}");
    assert_eq!(
        (&record["RDLENGTH"], &record["RDATAHEX"]),
        (&4.into(), &"C0000207".into()),
        "{kdig}"
    );
    assert!(kdig["ID"].is_u64(), "{kdig}");
    let table = dns("markdown");
    let row = "| a.example. | A | 127.0.0.1:53 | answer | a.example. | 60 | 192.0.2.7 | ";
    assert!(table.out.lines().nth(2).is_some_and(|line| line.starts_with(row)), "{table:?}");
}

/// Of several attempts each is judged, not only the last, and fields of heads have a value.
#[test]
fn b34_one_answer_of_several_that_is_as_expected_is_not_enough() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for (number, mut connection) in listener.incoming().flatten().enumerate() {
            let status = if number == 0 { "503 Busy" } else { "200 OK" };
            let _ = connection.read(&mut [0; 4_096]);
            let answer = format!("HTTP/1.1 {status}\r\nX-Kind: a\r\nContent-Length: 0\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    let one = |expect: &str| {
        format!(
            "[[check]]\nkind = 'tcp'\ntarget = '{url}'\ncount = 3\ninterval = 0.02\nexpect = '{expect}'\n"
        )
    };
    let check = |expect: &str| {
        let file = file(&one(expect));
        alone(&["--json", file.path().to_str().expect("a name")]).json()["checks"][0].clone()
    };
    let told = check("status=200");
    assert_eq!(
        (&told["status"], &told["failed_expectation"]),
        (&"fail".into(), &"status = 503, expected 200 (in 1 of 3 attempts)".into())
    );
    assert_eq!(check("status=200 and header:x-kind~a")["status"], "pass");
}

/// Of several ports each is judged, and which ones fail is said.
#[test]
fn b34_one_open_port_of_several_is_not_enough() {
    let Some((namespace, _listener)) = site() else { return };
    let _other = namespace.inside(|| TcpListener::bind("127.0.0.1:7002").expect("free"));
    let lines = [
        "syn 127.0.0.1:7000-7003",
        "tcp 127.0.0.1:7000-7003",
        "syn 127.0.0.1:7000,7002",
        "syn 127.0.0.1:7000-7003 open=2",
        "syn 127.0.0.1:7001",
    ];
    let document = document(&namespace, &lines);
    assert_eq!(statuses(&document), ["fail", "fail", "pass", "pass", "fail"], "{document:#}");
    let said = |place: usize| {
        let failure = &document["checks"][place]["failure"];
        (failure["reason"].as_str(), failure["message"].as_str().expect("a text"))
    };
    let (reason, message) = said(0);
    assert_eq!(reason, Some("refused"), "{message}");
    assert!(message.starts_with("2 of 4 ports are not open: 7001, 7003; port 7001: "), "{message}");
    let (reason, message) = said(1);
    assert_eq!(reason, Some("refused"), "{message}");
    let wanted = "2 of 4 fail: 127.0.0.1:7001, 127.0.0.1:7003; RST from ";
    assert!(message.starts_with(wanted), "{message}");
    assert_eq!(document["checks"][1]["peer"], "127.0.0.1:7001", "{document:#}");
    assert!(said(4).1.starts_with("port 7001: "), "{}", said(4).1);
}

/// Checks without names have some all the same, and names may be of any script.
#[test]
fn m1_names_are_told_apart_and_shown_as_they_were_given() {
    let Some((namespace, _listener)) = site() else { return };
    let unnamed = "[[check]]\nkind = 'tcp'\ntarget = '127.0.0.1:7000'\n";
    let named = |name: &str| {
        format!("[[check]]\nkind = 'tcp'\ntarget = '127.0.0.1:7000'\nname = \"{name}\"\n")
    };
    let names = ["b\u{fc}ro \\\"a\\\" \\\\u{e9}", "a=b", "a_b", "x\\u001b\\u202e\\u0007"];
    let names: String = names.map(named).concat();
    let file = file(&format!("{unnamed}{unnamed}{names}"));
    let path = file.path().to_str().expect("a name");
    let all = document(&namespace, &[path]);
    assert_eq!(statuses(&all), ["pass"; 6], "{all:#}");
    assert_eq!(all["checks"][1]["name"], "tcp 127.0.0.1:7000 #2", "{all:#}");
    let of = |form: &str| check(&namespace, &["-o", form, path]).out;
    let junit = of("junit");
    check_xml(&junit);
    assert!(junit.contains("name=\"b\u{fc}ro &quot;a&quot; \\\\u{e9}\""), "{junit}");
    assert!(of("tap").contains("ok 3 - b\u{fc}ro \"a\" \\\\u{e9}\n"), "{}", of("tap"));
    let metrics = of("prometheus");
    assert!(metrics.contains("{name=\"b\u{fc}ro \\\"a\\\" \\\\u{e9}\",kind="), "{metrics}");
    assert!(metrics.contains("{name=\"x\\\\u{1b}\\\\u{202e}\\\\u{7}\",kind="), "{metrics}");
    let plugin = of("nagios");
    assert!(plugin.contains("'a_b connect'=") && plugin.contains("'a_b connect #2'="), "{plugin}");
    for form in ["junit", "tap", "prometheus", "nagios"] {
        let out = of(form);
        assert!(!out.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{form}: {out:?}");
    }
}

/// A key of a file is the check's, whatever options its command has.
#[test]
fn n1_the_schema_of_files_says_of_retries_what_is_read() {
    let ended = run(bound(NETDIAG).args(["schema", "check-file"]));
    let schema = ended.json();
    let kinds = schema["properties"]["check"]["items"]["oneOf"].as_array().expect("kinds");
    for kind in kinds {
        let retries = &kind["properties"]["retries"];
        assert_eq!(
            (&retries["type"], &retries["maximum"]),
            (&"integer".into(), &100.into()),
            "{kind:#}"
        );
    }
}

/// The defaults of a check's options that the schema tells are those that a check has.
#[test]
fn n1_the_schema_of_files_says_which_defaults_checks_have() {
    let ended = run(bound(NETDIAG).args(["schema", "check-file"]));
    let schema = ended.json();
    let kinds = schema["properties"]["check"]["items"]["oneOf"].as_array().expect("kinds");
    let of = |kind: &str, option: &str| {
        let kinds = kinds.iter().map(|it| &it["properties"]);
        let mut own = kinds.filter(|it| it["kind"]["const"] == kind);
        own.next().unwrap_or_else(|| panic!("no {kind}"))[option].clone()
    };
    for kind in ["ping", "tcp", "syn", "dns", "trace", "mtu", "sockets"] {
        assert_eq!(
            (&of(kind, "deadline")["default"], &of(kind, "retries")["default"]),
            (&10.into(), &0.into())
        );
    }
    assert_eq!(schema["properties"]["deadline"]["default"], 60);
    for (kind, option, default) in [
        ("tcp", "count", 1),
        ("tcp", "timeout", 5),
        ("tcp", "max-redirects", 10),
        ("dns", "timeout", 2),
        ("dns", "udp-size", 1232),
        ("trace", "queries", 3),
        ("trace", "gap", 8),
        ("mtu", "max-ttl", 30),
        ("syn", "timeout", 1),
    ] {
        assert_eq!(of(kind, option)["default"], default, "{kind} {option}: {:#}", of(kind, option));
    }
    // A check's own, beside those of the command.
    for (option, default) in [("count", Value::from(5)), ("interval", Value::from(0.2))] {
        let told = of("ping", option);
        assert_eq!(told["default"], default, "{told:#}");
        let text = told["description"].as_str().expect("a text");
        assert!(!text.contains("[default"), "{text}");
    }
    let Some(namespace) = Namespace::loopback() else { return };
    let ended = run(&mut namespace.netdiag(&["check", "--json", "ping 127.0.0.1"]));
    let measured = &ended.json()["checks"][0]["measurement"];
    assert_eq!(measured["sent"], 5, "{measured:#}");
    let probes = measured["probes"].as_array().expect("a list");
    let sent: Vec<f64> = probes.iter().filter_map(|it| it["sent_offset_ms"].as_f64()).collect();
    assert!(sent.windows(2).all(|pair| (pair[1] - pair[0] - 200.0).abs() < 100.0), "{sent:?}");
}
