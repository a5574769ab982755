//! Queries over HTTPS (I2, RFC 8484): servers of the tests' own on loopback.

use super::stub::{Asked, Says};
use super::{address, dns, findings, result, silent};
use crate::support::http2::{self, Reply, Seen, Server};
use crate::support::process::{Ended, NETDIAG, bound, has, run};
use crate::support::{schema, tls};
use data_encoding::BASE64URL_NOPAD;
use std::sync::mpsc::{Receiver, channel};

/// What a server of HTTP was asked, and by what.
#[derive(Debug)]
struct Query {
    /// The number of its connection, from 1 on.
    connection: usize,
    method: String,
    authority: String,
    path: String,
    message: Vec<u8>,
}

impl Query {
    fn of(connection: usize, seen: &Seen) -> Self {
        let message = match seen.method.as_str() {
            "POST" => {
                assert_eq!(seen.fields["content-type"], "application/dns-message");
                seen.body.clone()
            }
            _ => {
                let (_, digits) = seen.path.split_once("dns=").expect("a message");
                BASE64URL_NOPAD.decode(digits.as_bytes()).expect("base64url without padding")
            }
        };
        assert_eq!(seen.fields["accept"], "application/dns-message");
        let (method, authority) = (seen.method.clone(), seen.authority.clone());
        Self { connection, method, authority, path: seen.path.clone(), message }
    }
}

fn message(body: Vec<u8>) -> Reply {
    let fields = vec![("content-type", "application/dns-message".to_owned())];
    Reply { fields, ..Reply::ok(body) }
}

/// A certificate for these servers, and who issued it.
struct Lab {
    root: tls::Authority,
    ca: tls::CaFile,
}

impl Lab {
    fn new() -> Self {
        let root = tls::Authority::new("lab root");
        let ca = root.file();
        Self { root, ca }
    }

    fn leaf(&self) -> tls::Leaf {
        self.root.leaf(&["127.0.0.1", "dns.example"], tls::VALID)
    }

    /// A server that answers by these, and what it was asked.
    fn serve(&self, gathers: usize, says: Says) -> (u16, Receiver<Query>) {
        self.serve_by(gathers, move |asked, _| match says(&Asked::over_stream(asked)) {
            Some(answer) => message(answer),
            None => Reply::default(),
        })
    }

    fn serve_by(
        &self,
        gathers: usize,
        says: impl Fn(&[u8], usize) -> Reply + Copy + Send + 'static,
    ) -> (u16, Receiver<Query>) {
        let (seen, queries) = channel();
        let port = http2::serve(self.leaf(), &["h2"], move |connection| {
            let seen = seen.clone();
            Server::new(gathers, move |request| {
                let query = Query::of(connection, request);
                let reply = says(&query.message, connection);
                let _ = seen.send(query);
                reply
            })
        });
        (port, queries)
    }

    /// Asks with these options and checks the document.
    fn ask(&self, options: &[&str]) -> Ended {
        let ended = dns(&[&["--json", "--ca", self.ca.path()], options].concat());
        schema::check("dns", &ended.json());
        ended
    }
}

#[test]
fn i2_over_https_a_query_is_a_request_by_post_or_get_and_each_phase_is_timed() {
    let lab = Lab::new();
    let (port, queries) = lab.serve(0, address);
    let server = format!("@https://127.0.0.1:{port}/dns-query{{?dns}}");
    for (options, method) in [(&[][..], "POST"), (&["--https-get"], "GET")] {
        let ended = lab.ask(&[options, &[&server, "a.example", "A"]].concat());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let said = result(&ended);
        assert_eq!((&said["transport"], &said["outcome"]), (&"https".into(), &"answer".into()));
        assert_eq!(said["answers"][0]["data"], "192.0.2.1");
        let http = &said["http"];
        assert_eq!((&http["version"], &http["status"]), (&"HTTP/2".into(), &200.into()));
        assert_eq!(http["method"], method, "{http}");
        assert_eq!(http["url"], format!("https://127.0.0.1:{port}/dns-query"));
        assert_eq!((&said["tls"]["verified"], &said["tls"]["alpn"]), (&true.into(), &"h2".into()));
        let phase = |name: &str| said["phases_ms"][name].as_f64().expect("a number");
        let sum = phase("connect") + phase("tls") + phase("request");
        assert!(phase("connect") > 0.0 && phase("tls") > 0.0 && phase("request") > 0.0);
        assert!((0.0..=phase("request")).contains(&phase("first_byte")), "{said:#}");
        assert!(said["rtt_ms"]["last"].as_f64() >= Some(sum * 0.999), "{said:#}");
        let query = queries.recv().expect("one came");
        assert_eq!((query.method.as_str(), query.message[..2].to_vec()), (method, vec![0, 0]));
        assert_eq!(query.authority, format!("127.0.0.1:{port}"));
        assert!(query.path.starts_with("/dns-query"), "{query:?}");
        // Its length tells little of the name (RFC 8467 section 4.1).
        assert_eq!(query.message.len() % 128, 0);
    }
    let text = dns(&["--ca", lab.ca.path(), &server, "a.example", "A"]);
    assert!(text.out.contains(" by HTTP/2 over TLS 1.3, verified"), "{}", text.out);
    assert!(text.out.contains("(HTTPS)"), "{}", text.out);
}

#[test]
fn i2_the_path_and_the_name_of_a_server_are_what_was_asked_for() {
    let lab = Lab::new();
    let (port, queries) = lab.serve(0, address);
    let (server, named) = (format!("@127.0.0.1:{port}"), format!("dns.example:{port}"));
    let url = format!("@https://127.0.0.1:{port}/p?x=y");
    for (options, authority, path) in [
        (vec!["--https", &server], format!("127.0.0.1:{port}"), "/dns-query"),
        (vec!["--https=/q", &server], format!("127.0.0.1:{port}"), "/q"),
        (vec!["--https", "--sni", "dns.example", &server], named, "/dns-query"),
        (vec!["--https-get", &url], format!("127.0.0.1:{port}"), "/p?x=y&dns="),
    ] {
        let ended = lab.ask(&[&options[..], &["a.example", "A"]].concat());
        assert_eq!(ended.code(), Some(0), "{options:?}: {ended:?}");
        let query = queries.recv().expect("one came");
        assert_eq!(query.authority, authority, "{options:?}");
        assert!(query.path.starts_with(path), "{options:?}: {query:?}");
    }
}

#[test]
fn i2_all_questions_go_over_one_connection_and_answers_in_any_order() {
    let lab = Lab::new();
    let (port, queries) = lab.serve(3, address);
    let server = format!("@127.0.0.1:{port}");
    let names = ["a.example", "b.example", "c.example"];
    let ended = lab.ask(&[&["--https", &server, "A"][..], &names].concat());
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let asked: Vec<usize> = queries.try_iter().map(|query| query.connection).collect();
    assert_eq!(asked, [1, 1, 1]);
    assert!(findings(&ended).is_empty(), "{ended:?}");
    for (target, name) in ended.json()["targets"].as_array().expect("a list").iter().zip(names) {
        assert_eq!(target["results"][0]["answers"][0]["name"], format!("{name}."), "{target:#}");
    }

    let (port, queries) = lab.serve(0, address);
    let server = format!("@127.0.0.1:{port}");
    let ended = lab.ask(&["--https", "-c", "3", "-i", "0.01", &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = result(&ended);
    assert_eq!((&said["received"], &said["phases_ms"]["reused"]), (&3.into(), &true.into()));
    assert!(queries.try_iter().all(|query| query.connection == 1));
}

#[test]
fn i2_what_http_brings_instead_of_a_message_is_told_by_reason() {
    let lab = Lab::new();
    let (port, _queries) = lab.serve_by(0, |asked, _| {
        let asked = Asked::over_stream(asked);
        let fine = || address(&asked).expect("an answer");
        match asked.name().split('.').next().unwrap_or_default() {
            "status" => Reply { status: 404, ..message(fine()) },
            "moved" => {
                let fields = vec![("location", "https://elsewhere.example/".to_owned())];
                Reply { status: 302, fields, ..Reply::default() }
            }
            "html" => {
                let fields = vec![("content-type", "text/html".to_owned())];
                Reply { fields, ..Reply::ok(fine()) }
            }
            "nothing" => Reply::ok(fine()),
            "long" => message([fine(), vec![0; 70_000]].concat()),
            "empty" => message(Vec::new()),
            "other" => {
                message(Asked::over_stream(asked.question).answer(0, [0; 3], &[])[..20].to_vec())
            }
            "reset" => Reply { reset: Some(h2::Reason::INTERNAL_ERROR), ..Reply::default() },
            "cut" => Reply { reset: Some(h2::Reason::CANCEL), ..message(fine()) },
            _ => message(fine()),
        }
    });
    let server = format!("@https://127.0.0.1:{port}");
    for (name, outcome, reason, said) in [
        ("status", "http-error", "status", "404"),
        ("moved", "http-error", "status", "302, which leads to https://elsewhere.example/"),
        ("html", "http-error", "content-type", "text/html"),
        ("nothing", "http-error", "content-type", "does not say"),
        ("long", "http-error", "too-large", "65535"),
        ("empty", "malformed", "malformed", ""),
        ("other", "malformed", "malformed", ""),
        ("reset", "http-error", "stream-reset", "INTERNAL_ERROR"),
        ("cut", "http-error", "stream-reset", "CANCEL"),
    ] {
        let ended = lab.ask(&["--retries", "0", &server, &format!("{name}.example"), "A"]);
        assert_eq!(ended.code(), Some(1), "{name}: {ended:?}");
        let result = result(&ended);
        assert_eq!(
            (&result["outcome"], &result["failure"]["reason"]),
            (&outcome.into(), &reason.into()),
            "{name}"
        );
        let message = result["failure"]["message"].as_str().expect("a sentence");
        assert!(message.contains(said), "{name}: {message}");
        let text = dns(&[
            "--ca",
            lab.ca.path(),
            "--retries",
            "0",
            &server,
            &format!("{name}.example"),
            "A",
        ]);
        assert_eq!(text.code(), Some(1), "{name}: {text:?}");
        let line = text.out.split_whitespace().collect::<Vec<&str>>().join(" ");
        assert!(line.contains(said), "{name}: {text:?}");
    }
    // One that fails disturbs no other.
    let ended = lab.ask(&["--retries", "0", &server, "reset.example", "a.example", "A"]);
    let targets = ended.json()["targets"].clone();
    assert_eq!(targets[1]["results"][0]["outcome"], "answer", "{targets:#}");
}

#[test]
fn i2_how_old_an_answer_is_that_was_kept_is_said_and_changes_nothing() {
    let lab = Lab::new();
    let (port, _queries) = lab.serve_by(0, |asked, _| {
        let mut reply = message(address(&Asked::over_stream(asked)).expect("an answer"));
        reply.fields.push(("age", "250".to_owned()));
        reply.fields.push(("cache-control", "max-age=300".to_owned()));
        reply
    });
    let server = format!("@https://127.0.0.1:{port}");
    let said = result(&lab.ask(&["--https-get", &server, "a.example", "A"]));
    assert_eq!((&said["http"]["age_s"], &said["http"]["max_age_s"]), (&250.into(), &300.into()));
    assert_eq!(said["answers"][0]["ttl"], 300, "as it came");
    let text = dns(&["--ca", lab.ca.path(), "--https-get", &server, "a.example", "A"]);
    assert!(text.out.contains("kept on the way for 250 s"), "{}", text.out);
    assert!(text.out.contains("has 50 s left"), "{}", text.out);
}

#[test]
fn i2_a_server_that_leaves_loses_no_question() {
    let lab = Lab::new();
    let (port, queries) = lab.serve_by(0, |asked, _| {
        let fine = message(address(&Asked::over_stream(asked)).expect("an answer"));
        Reply { leaves: true, ..fine }
    });
    let server = format!("@127.0.0.1:{port}");
    let ended = lab.ask(&["--https", "-c", "3", "-i", "0.05", &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(result(&ended)["received"], 3, "{ended:?}");
    let connections: Vec<usize> = queries.try_iter().map(|query| query.connection).collect();
    // What had been asked before it said so is answered; what comes after goes over another connection.
    assert!(connections.len() == 3 && connections.is_sorted(), "{connections:?}");
}

#[test]
fn i2_who_speaks_something_else_or_nothing_after_tls_is_told() {
    const SETTINGS: u8 = 4;
    let lab = Lab::new();
    let greeting = http2::frame(SETTINGS, 0, 0, &[]);
    let with = |more: &[u8]| [&greeting[..], more].concat();
    let goaway = http2::frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]);
    for (bytes, outcome, reason) in [
        (b"220 mail \x1b[2J ready\r\n".to_vec(), "http-error", "malformed"),
        (with(&http2::frame(0, 0, 1, &[0; 20_000])), "http-error", "http2-error"),
        (with(&http2::frame(0, 0, 9, b"data")), "http-error", "http2-error"),
        (with(&goaway), "http-error", "goaway"),
        (with(&[]), "timeout", "timeout"),
        (Vec::new(), "timeout", "timeout"),
    ] {
        let port = http2::says(lab.leaf(), &["h2"], bytes.clone());
        let server = format!("@127.0.0.1:{port}");
        let patience = if outcome == "timeout" { "0.5" } else { "5" };
        let common = ["--https", "-W", patience, "--retries", "0"];
        let ended = lab.ask(&[&common[..], &[&server, "a.example", "A"]].concat());
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let said = result(&ended);
        assert_eq!(
            (&said["outcome"], &said["failure"]["reason"]),
            (&outcome.into(), &reason.into()),
            "{bytes:?}: {said:#}"
        );
        assert_eq!(said["failure"]["stage"], "request");
        assert!(!ended.out.contains('\u{1b}'));
    }
}

#[test]
fn i2_over_http_1_1_questions_follow_each_other() {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    let lab = Lab::new();
    let config = tls::config(lab.leaf(), &["http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut stream = tls::accept(connection, std::sync::Arc::clone(&config));
            let (mut said, mut piece) = (Vec::new(), [0; 4_096]);
            while let Ok(count @ 1..) = stream.read(&mut piece) {
                said.extend_from_slice(&piece[..count]);
                while let Some(end) = said.windows(4).position(|four| four == b"\r\n\r\n") {
                    let head = String::from_utf8_lossy(&said[..end]).into_owned();
                    let length =
                        head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                    let length: usize = length.expect("a length").parse().expect("a number");
                    if said.len() < end + 4 + length {
                        break;
                    }
                    let question = said[end + 4..end + 4 + length].to_vec();
                    said.drain(..end + 4 + length);
                    assert!(said.is_empty(), "the next waits for its turn");
                    let answer = address(&Asked::over_stream(&question)).expect("an answer");
                    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message";
                    let head = format!("{head}\r\nContent-Length: {}\r\n\r\n", answer.len());
                    let _ = stream.write_all(&[head.as_bytes(), &answer].concat());
                    let _ = stream.flush();
                }
            }
        }
    });
    let server = format!("@127.0.0.1:{port}");
    let ended = lab.ask(&["--https", &server, "a.example", "b.example", "A", "AAAA"]);
    let targets = ended.json()["targets"].clone();
    for target in targets.as_array().expect("a list") {
        let said = &target["results"][0];
        assert_eq!((&said["http"]["version"], &said["received"]), (&"HTTP/1.1".into(), &1.into()));
    }
}

#[test]
fn i2_nobody_is_asked_over_https_who_is_not_believed() {
    let lab = Lab::new();
    let other = tls::Authority::new("another");
    let (seen, queries) = channel();
    let port = http2::serve(other.leaf(&["127.0.0.1"], tls::VALID), &["h2"], move |number| {
        let _ = seen.send(number);
        Server::new(0, |_| Reply::default())
    });
    let server = format!("@https://127.0.0.1:{port}");
    let said = result(&lab.ask(&[&server, "a.example", "A"]));
    assert_eq!(said["outcome"], "tls-error", "{said:#}");
    assert_eq!(
        (&said["failure"]["reason"], &said["http"]),
        (&"unknown-issuer".into(), &serde_json::Value::Null)
    );
    drop(queries);
    // One that is silent is given up by its own time.
    let (port, _queries) = lab.serve(0, silent);
    let server = format!("@https://127.0.0.1:{port}");
    let said = result(&lab.ask(&["-W", "0.3", "--retries", "0", &server, "a.example", "A"]));
    assert_eq!(
        (&said["outcome"], &said["failure"]["stage"]),
        (&"timeout".into(), &"request".into())
    );
}

#[test]
fn i2_what_fits_no_https_is_a_usage_error() {
    for (arguments, part) in [
        (&["--https", "--tcp", "a.example"][..], "--tcp"),
        (&["--https", "--tls", "a.example"], "--tls"),
        (&["--https", "--trace", "a.example"], "--trace"),
        (&["--https=x", "a.example"], "slash"),
        (&["@http://127.0.0.1/", "a.example"], "https://"),
        (&["@https://127.0.0.1/{?x}", "a.example"], "{?dns}"),
        (&["@https://127.0.0.1/", "--tcp", "a.example"], "--tcp"),
        (&["@https://127.0.0.1/", "--check"], "--check"),
        (&["@https://127.0.0.1/", "@127.0.0.2", "a.example"], "127.0.0.2"),
        (&["@https://", "a.example"], "host"),
    ] {
        let ended = dns(arguments);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(part), "{arguments:?}: {ended:?}");
    }
}

/// kdig asks the same server.
#[test]
fn i2_kdig_is_answered_alike() {
    let lab = Lab::new();
    let (port, queries) = lab.serve(0, address);
    let port_text = port.to_string();
    let tls = format!("+tls-ca={}", lab.ca.path());
    let words = ["@127.0.0.1", "-p", &port_text, "+https", &tls, "+short", "a.example", "A"];
    if !has("kdig") {
        return;
    }
    let kdig = run(bound("kdig").args(words));
    let ours = dns(&[
        "--ca",
        lab.ca.path(),
        "--https",
        "--short",
        &format!("@127.0.0.1:{port}"),
        "a.example",
        "A",
    ]);
    assert_eq!(
        (kdig.out.as_str(), kdig.code()),
        (ours.out.as_str(), ours.code()),
        "{kdig:?} {ours:?}"
    );
    let both: Vec<Query> = queries.try_iter().collect();
    let [theirs, own] = &both[..] else { panic!("{both:?}") };
    assert_eq!((&theirs.method, &theirs.path), (&own.method, &own.path));
}

/// So does a check over HTTPS, whose server is a URL.
#[test]
fn m1_a_check_asks_over_https() {
    let lab = Lab::new();
    let (port, queries) = lab.serve(0, address);
    let ca = lab.ca.path();
    let line = format!("dns A a.example @https://127.0.0.1:{port} --ca={ca} expect 192.0.2.1");
    let ended = run(bound(NETDIAG).args(["check", "--json", &line]));
    schema::check("check", &ended.json());
    let passed = &ended.json()["checks"][0];
    assert_eq!((ended.code(), &passed["status"]), (Some(0), &"pass".into()), "{passed:#}");
    let said = &passed["measurement"]["results"][0];
    assert_eq!((&said["transport"], &said["http"]["status"]), (&"https".into(), &200.into()));
    assert_eq!(queries.recv().expect("one came").path, "/dns-query");
    let line = line.replace("192.0.2.1", "192.0.2.9");
    let ended = run(bound(NETDIAG).args(["check", "--json", &line]));
    let failed = &ended.json()["checks"][0];
    assert_eq!(
        (ended.code(), &failed["failure"]["stage"]),
        (Some(1), &"expect".into()),
        "{failed:#}"
    );
}
