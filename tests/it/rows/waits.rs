//! `netdiag wait-for` (M5) beside real services.

use super::events;
use super::names::answer;
use crate::support::process::{Ended, Namespace, Process, run, stopwatch};
use crate::support::{schema, tls};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

fn wait_for(namespace: &Namespace, words: &[&str]) -> Ended {
    let ended = run(&mut namespace.netdiag(&[&["wait-for", "--json"], words].concat()));
    schema::check("wait-for", &ended.json());
    ended
}

#[test]
fn m5_it_returns_when_a_port_opens() {
    let Some(namespace) = Namespace::loopback() else { return };
    let words = ["wait-for", "-o", "jsonl", "--timeout", "15", "127.0.0.1:7000"];
    let process = Process::start(&mut namespace.netdiag(&words));
    process.until_out(|out| out.contains("\"start\""));
    let _listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    let since = stopwatch();
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    // Attempts follow every 100 ms; the rest is what a loaded machine may take.
    assert!(since() < Duration::from_secs(3), "{ended:?}");
    let events = events(&ended.out);
    assert_eq!(super::the(&events, "check")["status"], "pass", "{ended:?}");
    assert_eq!(super::the(&events, "summary")["exit_code"], 0, "{ended:?}");
}

#[test]
fn m5_what_is_refused_until_the_end_is_told_with_its_cause() {
    let Some(namespace) = Namespace::loopback() else { return };
    let ended = wait_for(&namespace, &["--timeout", "0.5", "127.0.0.1:7000"]);
    let (document, check) = (ended.json(), ended.json()["checks"][0].clone());
    assert_eq!((ended.code(), &document["status"]), (Some(1), &"critical".into()), "{ended:?}");
    assert_eq!(check["failure"]["stage"], "connect", "{check:#}");
    assert_eq!(check["failure"]["reason"], "refused", "{check:#}");
    assert_eq!(check["failure"]["errno"]["name"], "ECONNREFUSED", "{check:#}");
    assert_eq!(check["peer"], "127.0.0.1:7000", "{check:#}");
    let words = ["wait-for", "--timeout", "0.5", "127.0.0.1:7000"];
    let ended = run(&mut namespace.netdiag(&words));
    assert!(ended.out.starts_with("= not ready after 0.5 s, "), "{ended:?}");
    assert!(ended.out.contains(" attempts, all refused: "), "{ended:?}");
}

/// The kernel connects a port to itself where nobody listens at one of its own range.
#[test]
fn m5_a_connection_to_itself_is_not_ready() {
    let script = "echo '40000 40000' > /proc/sys/net/ipv4/ip_local_port_range";
    let Some(namespace) = Namespace::new(script) else { return };
    let words = ["wait-for", "--timeout", "0.5", "127.0.0.1:40000"];
    let ended = run(&mut namespace.netdiag(&words));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    // The port is taken for a while after that.
    assert!(ended.out.contains("1 connected-to-itself, "), "{ended:?}");
}

#[test]
fn m5_a_page_is_ready_when_its_status_is() {
    let Some(namespace) = Namespace::loopback() else { return };
    let listener = namespace.inside(|| TcpListener::bind("127.0.0.1:8080").expect("free"));
    std::thread::spawn(move || {
        for (number, connection) in listener.incoming().flatten().enumerate() {
            let mut connection = connection;
            let mut request = [0; 1024];
            let count = connection.read(&mut request).unwrap_or_default();
            let is_right =
                request[..count].starts_with(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n");
            let status = if number < 3 || !is_right { "503 Service Unavailable" } else { "200 OK" };
            let _ = write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let ended = wait_for(&namespace, &["--timeout", "15", "http://127.0.0.1:8080/health"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.json()["checks"][0]["attempts"].as_u64() >= Some(4), "{ended:?}");
    let ended = wait_for(&namespace, &["--timeout", "0.7", "http://127.0.0.1:8080/other"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let check = &ended.json()["checks"][0];
    assert_eq!(check["failure"]["reason"], "http-503", "{check:#}");
    let words = ["wait-for", "--timeout", "0.7", "http://127.0.0.1:8080/other"];
    let ended = run(&mut namespace.netdiag(&words));
    assert!(ended.out.contains(", all http-503: HTTP 503"), "{ended:?}");
}

/// Whoever it shows itself as must be believed, unless nobody asks for that; one page may lead to another,
/// and may be as long as it likes.
#[test]
fn m5_a_page_over_tls_is_ready_when_it_is_to_be_believed() {
    let Some(namespace) = Namespace::loopback() else { return };
    let (lab, other) = (tls::Authority::new("lab"), tls::Authority::new("other"));
    let listener = namespace.inside(|| TcpListener::bind("127.0.0.1:8443").expect("free"));
    let config = tls::config(lab.leaf(&["127.0.0.1"], tls::VALID), &["http/1.1"]);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let mut stream = tls::accept(connection, config);
                if stream.read(&mut [0; 1_024]).is_ok_and(|count| count > 0) {
                    let head = "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n";
                    let _ = write!(stream, "{head}Content-Length: 1000000\r\n\r\nnot all of it");
                    let _ = stream.flush();
                }
            });
        }
    });
    let (lab, other) = (lab.file(), other.file());
    let wait = |words: &[&str]| {
        let fixed = ["--timeout", "5", "https://127.0.0.1:8443/"];
        wait_for(&namespace, &[words, &fixed[..]].concat())
    };
    for words in [&["--ca", lab.path()][..], &["--insecure"]] {
        let ended = wait(words);
        assert_eq!(ended.code(), Some(0), "{words:?} {ended:?}");
        let check = &ended.json()["checks"][0];
        assert_eq!(check["measurement"]["http"]["status"], 302, "{check:#}");
        let said = check["figures"].as_str().expect("a text");
        assert!(said.starts_with("HTTP 302, connected in "), "{said}");
    }
    let strange = ["--ca", other.path(), "--timeout", "0.5", "https://127.0.0.1:8443/"];
    let ended = wait_for(&namespace, &strange);
    let failure = &ended.json()["checks"][0]["failure"];
    assert_eq!((ended.code(), &failure["stage"]), (Some(1), &"tls".into()), "{ended:?}");
}

#[test]
fn m5_a_bare_number_that_is_probably_no_seconds_is_said_to_be_some() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    let ended = run(&mut namespace.netdiag(&["wait-for", "--timeout", "120", "127.0.0.1:7000"]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.err.contains("--timeout is 120 seconds; milliseconds are `120ms`"), "{ended:?}");
}

#[test]
fn m5_names_are_waited_for_and_looked_up_again() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(|question| {
        use std::sync::atomic::{AtomicU32, Ordering};
        static ASKED: AtomicU32 = AtomicU32::new(0);
        match ASKED.fetch_add(1, Ordering::Relaxed) {
            0..8 => answer(question, 3, None),
            _ => answer(question, 0, Some(&[127, 0, 0, 1])),
        }
    });
    let _listener = namespace.inside(|| TcpListener::bind("127.0.0.1:7000").expect("free"));
    let words = ["-4", "--timeout", "15", "late.example:7000", "dns:late.example A"];
    let ended = wait_for(&namespace, &words);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.json()["checks"][0]["peer"], "127.0.0.1:7000", "{ended:?}");
}

#[test]
fn m5_what_cannot_be_waited_for_is_a_usage_error() {
    let check = |words: &[&str], part: &str| {
        let ended = run(crate::support::process::bound(crate::support::process::NETDIAG)
            .arg("wait-for")
            .args(words));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{words:?}: {ended:?}");
        assert!(ended.err.contains(part), "{words:?}: {ended:?}");
    };
    check(&["--ca", "/dev/null", "http://127.0.0.1/"], "--ca: no SPEC is https://");
    check(&["--insecure", "127.0.0.1:443"], "--insecure: no SPEC is https://");
    check(&["--ca", "-", "https://127.0.0.1/"], "standard input");
    check(&["--quiet", "--json", "127.0.0.1:1"], "--quiet");
    check(&["--color", "always", "-o", "csv", "127.0.0.1:1"], "--color always");
    check(&["ftp://127.0.0.1/"], "http://");
    check(&["127.0.0.1"], "expected host:port");
    check(&["127.0.0.1:99999"], "99999");
    check(&["http:///x"], "a URL has a host");
    check(&["--any", "--all", "127.0.0.1:1"], "--all");
    check(&["--timeout", "0", "127.0.0.1:1"], "--timeout");
    check(&[], "SPEC");
}

/// 192.0.2.7 for each name, and no other address.
fn one_address(question: &[u8]) -> Option<Vec<u8>> {
    let is_a = answer(question, 0, None)?.ends_with(&[0, 1, 0, 1]);
    answer(question, 0, Some(&[192, 0, 2, 7][..]).filter(|_| is_a))
}

/// Each attempt asks by numbers of its own: an answer to one that has ended is none to the next.
#[test]
fn m5_a_name_that_is_there_is_ready_as_often_as_wished() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(one_address);
    let words = ["wait-for", "--json", "--timeout", "15", "--consecutive", "3", "dns:n1.example"];
    let ended = run(&mut namespace.netdiag(&words));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}
