//! Requests by HTTP: phases, redirects, and what is expected of answers (H2, H3).

use crate::support::process::{Ended, NETDIAG, bound, run};
use crate::support::{schema, tls};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a server says to the n-th request for a path over a connection; `None`: it closes.
type Answers = fn(&str) -> Option<Vec<u8>>;

/// Reads requests and answers them, until the other end closes or nothing more is to be said.
fn serve_connection(stream: &mut (impl Read + Write), answers: Answers) {
    let mut said = Vec::new();
    let mut piece = [0; 1_024];
    loop {
        let Ok(count @ 1..) = stream.read(&mut piece) else { return };
        said.extend_from_slice(&piece[..count]);
        let Some(end) = said.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let request = String::from_utf8(said.drain(..end + 4).collect()).expect("text");
        let hosts = ["127.0.0.1", "127.0.0.2", "localhost"].map(|it| format!("\r\nHost: {it}:"));
        assert!(hosts.iter().any(|host| request.contains(host)), "{request}");
        let path = request.split(' ').nth(1).expect("a path").to_owned();
        match answers(&path) {
            Some(answer) => {
                let _ = stream.write_all(&answer).and_then(|()| stream.flush());
            }
            None => return,
        }
    }
}

/// A port of loopback with these answers.
fn serve(answers: Answers) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                serve_connection(&mut connection, answers);
                let _ = connection.shutdown(Shutdown::Write);
            });
        }
    });
    port
}

/// The same over TLS.
fn serve_tls(leaf: tls::Leaf) -> u16 {
    let config = tls::config(leaf, &["http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                serve_connection(&mut tls::accept(connection, config), answers);
            });
        }
    });
    port
}

fn ask(options: &[&str], url: &str) -> Ended {
    let ended = run(bound(NETDIAG).args(["tcp-connect", "--json"]).args(options).arg(url));
    schema::check("tcp-connect", &ended.json());
    ended
}

fn answers(path: &str) -> Option<Vec<u8>> {
    let ok = |body: &str| {
        let head = "HTTP/1.1 200 OK\r\nServer: lab\r\nKeep-Alive: timeout=5, max=100";
        format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    Some(match path {
        "/" => ok("all is ready\n"),
        "/moved" => b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/away" => {
            let to = "Location: https://elsewhere.example/a b\r\n";
            format!("HTTP/1.1 301 Moved\r\n{to}Content-Length: 0\r\n\r\n").into_bytes()
        }
        "/elsewhere" => {
            let to = "Location: https://elsewhere.example/x\r\n";
            format!("HTTP/1.1 301 Moved\r\n{to}Content-Length: 0\r\n\r\n").into_bytes()
        }
        "/round" => b"HTTP/1.1 302 F\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n".to_vec(),
        to if to.starts_with("/at/") => {
            let to = to.trim_start_matches("/at/");
            let head = "HTTP/1.1 307 Elsewhere\r\nContent-Length: 0\r\nLocation: http://";
            format!("{head}{to}\r\n\r\n").into_bytes()
        }
        "/closes-then-moved" => {
            b"HTTP/1.0 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
        to if to.starts_with("/to/") => {
            let to = format!("https://127.0.0.1:{}/chunks", to.trim_start_matches("/to/"));
            let head = "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: ";
            format!("{head}{to}\r\n\r\n").into_bytes()
        }
        "/chunks" => {
            let chunks =
                "Transfer-Encoding: chunked\r\n\r\n5\r\nall i\r\n7\r\ns ready\r\n0\r\n\r\n";
            format!("HTTP/1.1 200 OK\r\n{chunks}").into_bytes()
        }
        "/thinks" => {
            std::thread::park_timeout(Duration::from_millis(200));
            ok("at last")
        }
        "/other" => b"220 mail \x1b[2J\r\n\r\n".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all".to_vec(),
        "/broken" => ok(&"\u{1b}[2J".repeat(1 << 18)),
        _ => return None,
    })
}

#[test]
fn h2_each_phase_has_its_time_and_each_redirect_a_row() {
    let port = serve(answers);
    let ended = ask(&[], &format!("http://127.0.0.1:{port}/moved"));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let http = &target["http"];
    assert_eq!((&http["status"], &http["version"]), (&200.into(), &"HTTP/1.1".into()), "{http:#}");
    assert_eq!(http["url"], format!("http://127.0.0.1:{port}/"));
    assert_eq!(http["redirects"][0]["status"], 302, "{http:#}");
    assert_eq!((&http["reused"], &http["body_bytes"]), (&true.into(), &13.into()));
    assert_eq!(http["keep_alive"], serde_json::json!({"timeout_s": 5, "max": 100}));
    let phases = &target["phases_ms"];
    for phase in ["connect", "request", "first_byte", "body", "total"] {
        assert!(phases[phase].is_number(), "{phase}: {phases}");
    }
    assert_eq!(phases["tls"], Value::Null);
    let none = ["--max-redirects", "0"];
    let ended = ask(&none, &format!("http://127.0.0.1:{port}/elsewhere"));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.target()["http"]["leads_to"], "https://elsewhere.example/x");
    let ended = ask(&none, &format!("http://127.0.0.1:{port}/away"));
    assert_eq!((ended.code(), &ended.target()["http"]["leads_to"]), (Some(0), &Value::Null));
}

/// The server thinks for at least 200 ms, and no longer than this machine lets it.
#[test]
fn h2_the_first_byte_comes_after_the_server_has_thought() {
    let port = serve(answers);
    let target = ask(&[], &format!("http://127.0.0.1:{port}/thinks")).target();
    let first_byte = target["phases_ms"]["first_byte"].as_f64().expect("one came");
    assert!(first_byte >= 199.0, "{first_byte}");
    let (connect, total) = (&target["phases_ms"]["connect"], &target["phases_ms"]["total"]);
    assert!(connect.as_f64() < total.as_f64() && total.as_f64() >= Some(first_byte), "{target:#}");
}

#[test]
fn h2_over_tls_its_handshake_has_a_time_of_its_own() {
    let root = tls::Authority::new("lab root");
    let port = serve_tls(root.leaf(&["127.0.0.1"], tls::VALID));
    let url = format!("https://127.0.0.1:{port}/chunks");
    let ca = root.file();
    let expect = "status=200; body~^all.is.ready$; tls>0ms; verified";
    let ended = ask(&["--ca", ca.path(), "--expect", expect], &url);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.target()["phases_ms"]["tls"].is_number());
    let ended = ask(&[], &url);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(ended.target()["failure"]["reason"], "unknown-issuer", "{ended:?}");
    assert_eq!(ended.target()["http"], Value::Null, "nothing is asked of whom nobody vouches for");
    let ended = ask(&["--insecure", "--expect", "status=200"], &url);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

#[test]
fn h3_the_first_clause_that_does_not_hold_is_told() {
    let port = serve(answers);
    let url = format!("http://127.0.0.1:{port}/");
    let holds = "status=200; ttfb<60s; body~ready; header:server~^lab$; size=13";
    let ended = ask(&["--expect", holds], &url);
    assert_eq!(ended.code(), Some(0), "{holds}: {ended:?}");
    for (expect, told) in [
        ("status=204; body~ready", "status"),
        ("status=200; body~missing", "body"),
        ("status=200; header:server~nginx", "header:server"),
        ("status=200; header:etag~x", "header:etag"),
    ] {
        let ended = ask(&["--expect", expect], &url);
        assert_eq!(ended.code(), Some(1), "{expect}: {ended:?}");
        let (document, target) = (ended.json(), ended.target());
        let failure = &target["failure"];
        assert_eq!((&failure["stage"], &failure["reason"]), (&"expect".into(), &"mismatch".into()));
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "expectation-failed", "{document:#}");
        let measured = finding["evidence"]["measured"].as_str().expect("a sentence");
        assert!(measured.contains(told), "{expect}: {measured}");
    }
    let text = run(bound(NETDIAG).args(["tcp-connect", "--expect", "status=204", &url]));
    assert!(text.out.ends_with("; not as expected\n"), "{text:?}");
}

#[test]
fn h2_what_is_no_answer_or_not_all_of_one_is_told() {
    let port = serve(answers);
    for (path, reason) in [("other", "malformed"), ("cut", "timeout"), ("closes", "closed")] {
        let ended = ask(&["-W", "0.5"], &format!("http://127.0.0.1:{port}/{path}"));
        assert_eq!(ended.code(), Some(1), "{path}: {ended:?}");
        let failure = &ended.target()["failure"];
        assert_eq!((&failure["stage"], &failure["reason"]), (&"request".into(), &reason.into()));
        assert_eq!(ended.target()["phases_ms"]["total"], Value::Null, "{ended:?}");
        assert!(!ended.out.contains('\u{1b}'), "{ended:?}");
    }
    let text =
        run(bound(NETDIAG).args(["tcp-connect", &format!("http://127.0.0.1:{port}/broken")]));
    assert_eq!(text.code(), Some(0), "{text:?}");
    assert!(text.out.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.out.contains("1,048,576 bytes"), "all of it is counted: {text:?}");
}

#[test]
fn h2_what_cannot_be_asked_is_a_usage_error() {
    for wrong in [
        &["ftp://127.0.0.1/"][..],
        &["http://127.0.0.1:0/"],
        &["http://user@127.0.0.1/"],
        &["--tls", "http://127.0.0.1/"],
        &["--no-tls", "https://127.0.0.1/"],
        &["--send", "x", "http://127.0.0.1/"],
        &["--expect", "statsu=200", "http://127.0.0.1/"],
        &["--expect", ";", "http://127.0.0.1/"],
        &["--max-redirects", "3", "127.0.0.1:80"],
    ] {
        let ended = run(bound(NETDIAG).arg("tcp-connect").args(wrong));
        assert_eq!(ended.code(), Some(2), "{wrong:?}: {ended:?}");
    }
}

/// Nobody is left in the middle of a request.
#[test]
fn h2_what_is_left_open_is_closed_when_all_is_done() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().expect("bound").port());
    let server = std::thread::spawn(move || {
        let (mut connection, _): (TcpStream, _) = listener.accept().expect("a connection");
        let mut said = [0; 4_096];
        let asked = connection.read(&mut said).expect("a request");
        connection.write_all(b"HTTP/1.1 204 No\r\n\r\n").expect("still there");
        (asked, connection.read(&mut said).unwrap_or_default())
    });
    assert_eq!(ask(&[], &url).code(), Some(0));
    let (asked, more) = server.join().expect("no panic");
    assert!(asked > 0 && more == 0, "{asked} {more}");
}

/// A server sees as many requests as were asked for.
#[test]
fn h4_each_attempt_is_one_request_and_two_where_reuse_is_compared() {
    for (options, expected) in [(&["-c", "3"][..], 3), (&["-c", "3", "--reuse"], 6), (&[], 1)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://127.0.0.1:{}/", listener.local_addr().expect("bound").port());
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                while connection.read(&mut [0; 4_096]).is_ok_and(|bytes| bytes > 0) {
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = connection.write_all(b"HTTP/1.1 204 No\r\n\r\n");
                }
            }
        });
        let ended = ask(&[&["-i", "0.05"][..], options].concat(), &url);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert_eq!(seen.load(Ordering::SeqCst), expected, "{options:?}: {ended:?}");
        assert_eq!(ended.target()["http"]["reuse"].is_null(), expected < 6, "{ended:?}");
    }
    let wrong = run(bound(NETDIAG).args(["tcp-connect", "--reuse", "127.0.0.1:80"]));
    assert_eq!(wrong.code(), Some(2), "{wrong:?}");
}

#[test]
fn h4_a_server_that_closes_an_idle_connection_is_told_and_when() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().expect("bound").port());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.read(&mut [0; 4_096]);
            let _ = connection.write_all(b"HTTP/1.1 204 No\r\n\r\n");
            std::thread::park_timeout(Duration::from_millis(300));
        }
    });
    let ended = ask(&["--hold", "20"], &url);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let idle = ended.target()["http"]["idle_close_ms"].as_f64().expect("it closed");
    assert!((299.0..19_000.0).contains(&idle), "{idle}");
    let ended = ask(&[], &url);
    assert_eq!(ended.target()["http"]["idle_close_ms"], Value::Null, "nobody waited: {ended:?}");
}

#[test]
fn h2_a_redirect_to_another_port_or_scheme_is_a_connection_of_its_own() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let over_tls = serve_tls(root.leaf(&["127.0.0.1"], tls::VALID));
    let port = serve(answers);
    let url = format!("http://127.0.0.1:{port}/to/{over_tls}");
    let ended = ask(&["--ca", ca.path(), "--expect", "status=200; redirects=1; verified"], &url);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let (http, phases) = (&target["http"], &target["phases_ms"]);
    assert_eq!(http["url"], format!("https://127.0.0.1:{over_tls}/chunks"), "{http:#}");
    assert_eq!((&http["leads_to"], &http["reused"]), (&Value::Null, &false.into()), "{http:#}");
    let first = &http["redirects"][0];
    assert_eq!((&first["status"], &first["tls_ms"]), (&301.into(), &Value::Null), "{first}");
    assert!(first["connect_ms"].is_number() && phases["tls"].is_number(), "{target:#}");
    assert_eq!((&target["attempts"], &target["succeeded"]), (&1.into(), &1.into()), "one attempt");

    let ended = ask(&[], &format!("http://127.0.0.1:{port}/closes-then-moved"));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.target()["http"]["reused"], false, "{ended:?}");

    let words = ["tcp-connect", "--ca", ca.path(), &url];
    let text = run(bound(NETDIAG).args(words));
    let phases = text.out.lines().find(|line| line.starts_with("phases  connect "));
    let phases = phases.unwrap_or_else(|| panic!("{text:?}"));
    for phase in ["  tls ", "  first byte ", "  body ", "  total "] {
        assert!(phases.contains(phase), "{phases}");
    }
    assert!(text.out.contains("\n301     connect "), "{text:?}");

    // Nobody is there, and nobody vouches for who is.
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let ended = ask(&[], &format!("http://127.0.0.1:{port}/to/{}", closed.port()));
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(ended.target()["failure"]["reason"], "redirect-failed", "{ended:?}");
    let ended = ask(&[], &url);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let target = ended.target();
    assert_eq!(target["failure"]["reason"], "unknown-issuer", "{target:#}");
    let to = format!("https://127.0.0.1:{over_tls}/chunks");
    let http = &target["http"];
    assert_eq!((&http["url"], &http["status"]), (&to.into(), &Value::Null), "{target:#}");
    assert_eq!(http["redirects"][0]["status"], 301, "what had come is kept: {target:#}");
    // The certificate is told of the port that showed it.
    let said = ended.json()["findings"][0]["message"].to_string();
    assert!(said.contains(&format!("127.0.0.1:{over_tls}: ")), "{said}");
}

/// A name that /etc/hosts knows, so that no server is asked.
#[test]
fn h2_a_redirect_to_another_host_is_looked_up_and_followed() {
    let port = serve(answers);
    let url = |to: &str| format!("http://127.0.0.1:{port}/at/{to}");
    let to = format!("localhost:{port}/chunks");
    let ended = ask(&["-4", "--expect", "status=200; redirects=1"], &url(&to));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let http = &target["http"];
    assert_eq!(
        (&http["url"], &http["address"]),
        (&format!("http://{to}").into(), &"127.0.0.1".into())
    );
    assert!(http["resolve_ms"].is_number() && http["connect_ms"].is_number(), "{http:#}");
    // A check follows it likewise.
    let line = format!("tcp {} status=200 and redirects=1", url(&to));
    let ended = run(bound(NETDIAG).args(["check", "--json", &line]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let check = &ended.json()["checks"][0]["measurement"];
    assert_eq!(check["http"]["url"], format!("http://{to}"), "{check:#}");
    assert_eq!((&http["leads_to"], &target["attempts"]), (&Value::Null, &1.into()), "{target:#}");

    // From there back to the first, by an address, and once more away: each is a step of its own.
    let there = format!("127.0.0.1:{port}/at/localhost:{port}/moved");
    let ended = ask(&["-4"], &url(&format!("localhost:{port}/at/{there}")));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let http = ended.target()["http"].clone();
    assert_eq!(http["redirects"].as_array().map(Vec::len), Some(4), "{http:#}");
    assert_eq!(
        (&http["url"], &http["reused"]),
        (&format!("http://localhost:{port}/").into(), &true.into())
    );

    // Nobody is at the port, and no name has so long a label.
    let closed = TcpListener::bind("127.0.0.2:0").and_then(|it| it.local_addr()).expect("a port");
    let long = format!("{}.example/", "a".repeat(64));
    for (to, said) in [(format!("{closed}/"), "ECONNREFUSED"), (long, "cannot resolve")] {
        let ended = ask(&[], &url(&to));
        assert_eq!(ended.code(), Some(1), "{to}: {ended:?}");
        let failure = ended.target()["failure"].clone();
        assert_eq!(
            (&failure["stage"], &failure["reason"]),
            (&"request".into(), &"redirect-failed".into())
        );
        assert!(failure["message"].as_str().is_some_and(|it| it.contains(said)), "{failure}");
    }
}

#[test]
fn h2_redirects_that_go_round_or_are_too_many_are_told() {
    let port = serve(answers);
    let round = format!("http://127.0.0.1:{port}/round");
    let between = format!("http://127.0.0.1:{port}/at/localhost:{port}/round");
    for url in [&round, &between] {
        let ended = ask(&["-4"], url);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert_eq!(ended.target()["failure"]["reason"], "redirect-loop", "{ended:?}");
    }
    let ended = ask(
        &["-4", "--max-redirects", "1"],
        &format!("http://127.0.0.1:{port}/at/localhost:{port}/moved"),
    );
    assert_eq!(ended.target()["failure"]["reason"], "too-many-redirects", "{ended:?}");
}

/// Over TLS the end is said by an alert, and some servers wait for ours before they close.
#[test]
fn h2_over_tls_an_answer_without_a_length_ends_with_tls() {
    let root = tls::Authority::new("lab root");
    let config = tls::config(root.leaf(&["127.0.0.1"], tls::VALID), &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().expect("bound").port());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut stream = tls::accept(connection, Arc::clone(&config));
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nall of it");
            stream.conn.send_close_notify();
            let _ = stream.flush();
            let _ = stream.sock.read(&mut [0; 4_096]);
        }
    });
    let ca = root.file();
    let ended = ask(&["--ca", ca.path(), "--expect", "body~^all.of.it$"], &url);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.target()["http"]["whole"], true, "{ended:?}");
}

/// A server that fails every other time is not fine because it was so the last time.
#[test]
fn h3_every_attempt_is_judged() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let port = serve(|_| {
        let status = match ASKED.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => "503 Busy",
            _ => "200 OK",
        };
        Some(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    });
    let url = format!("http://127.0.0.1:{port}/");
    let many = ["-c", "4", "-i", "0.02", "--parallel", "1"];
    for (option, said) in [("--expect", "status=200"), ("--fail-if", "status!=200 or loss>0")] {
        let ended = ask(&[&many[..], &[option, said]].concat(), &url);
        assert_eq!(ended.code(), Some(1), "{option}: {ended:?}");
        let message = ended.json()["findings"][0]["message"].to_string();
        assert!(message.contains("503") && message.contains("in 2 of 4 attempts"), "{message}");
    }
    assert_eq!(ask(&[&many[..], &["--expect", "status<600"]].concat(), &url).code(), Some(0));
}
