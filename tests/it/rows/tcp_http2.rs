//! Requests by HTTP/2 (H2), and the same request over a connection that is open (H4).

use crate::support::http2::{self, Reply, Server};
use crate::support::process::{Ended, NETDIAG, bound, has, run};
use crate::support::{schema, tls};
use serde_json::Value;

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
        self.root.leaf(&["127.0.0.1", "localhost"], tls::VALID)
    }

    fn serve(&self, alpn: &[&str]) -> String {
        let port = http2::serve(self.leaf(), alpn, |_| server());
        format!("https://127.0.0.1:{port}")
    }

    fn ask(&self, options: &[&str], url: &str) -> Ended {
        let words = ["tcp-connect", "--json", "--ca", self.ca.path()];
        let ended = run(bound(NETDIAG).args(words).args(options).arg(url));
        schema::check("tcp-connect", &ended.json());
        ended
    }
}

fn server() -> Server {
    Server::new(0, |seen| match seen.path.as_str() {
        "/" => Reply {
            fields: vec![("server", "lab".to_owned()), ("x-said", seen.method.clone())],
            trailers: vec![("x-sum", "7")],
            ..Reply::ok("all is ready\n")
        },
        "/moved" => {
            Reply { status: 302, fields: vec![("location", "/".to_owned())], ..Reply::default() }
        }
        "/round" => {
            let fields = vec![("location", "/round".to_owned())];
            Reply { status: 302, fields, ..Reply::default() }
        }
        "/none" => Reply { status: 204, ..Reply::default() },
        "/large" => Reply::ok(vec![b'x'; 3 << 20]),
        "/wrong" => {
            Reply { fields: vec![("content-length", "100".to_owned())], ..Reply::ok("less") }
        }
        "/reset" => Reply { reset: Some(h2::Reason::INTERNAL_ERROR), ..Reply::default() },
        "/cut" => Reply { reset: Some(h2::Reason::CANCEL), ..Reply::ok("some") },
        _ => Reply::default(),
    })
}

#[test]
fn h2_by_http_2_each_phase_has_its_time_and_each_redirect_a_row() {
    let lab = Lab::new();
    let url = lab.serve(&["h2", "http/1.1"]);
    let expect =
        "status=200; body~^all.is.ready; header:server~^lab$; header:x-said~GET; redirects=1";
    let ended = lab.ask(&["--expect", expect], &format!("{url}/moved"));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let http = &target["http"];
    assert_eq!((&http["version"], &http["status"]), (&"HTTP/2".into(), &200.into()), "{http:#}");
    assert_eq!((&http["reused"], &http["body_bytes"]), (&true.into(), &13.into()));
    assert_eq!(http["redirects"][0]["version"], "HTTP/2");
    assert_eq!(http["trailers"], serde_json::json!([{"name": "x-sum", "value": "7"}]));
    assert_eq!(target["tls"]["alpn"], "h2");
    for phase in ["connect", "tls", "request", "first_byte", "body", "total"] {
        assert!(target["phases_ms"][phase].is_number(), "{phase}: {}", target["phases_ms"]);
    }
    let text = run(bound(NETDIAG).args(["tcp-connect", "--ca", lab.ca.path(), &url]));
    assert!(text.out.contains("HTTP/2 200, first byte"), "{}", text.out);
}

#[test]
fn h2_the_version_is_what_was_asked_for() {
    let lab = Lab::new();
    let url = lab.serve(&["h2"]);
    assert_eq!(lab.ask(&["--http", "2"], &url).target()["http"]["version"], "HTTP/2");
    let refused = lab.ask(&["--http", "1.1"], &url);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert_eq!(refused.target()["failure"]["stage"], "tls", "{refused:?}");
    // Without TLS it is known beforehand (RFC 9113 section 3.3).
    let plain = format!("http://127.0.0.1:{}/none", http2::serve_plain(server));
    let ended = lab.ask(&["--http", "2"], &plain);
    assert_eq!(ended.target()["http"]["status"], 204, "{ended:?}");
    for wrong in [&["--http", "3", "https://127.0.0.1/"][..], &["--http", "2", "127.0.0.1:80"]] {
        let ended = run(bound(NETDIAG).arg("tcp-connect").args(wrong));
        assert_eq!(ended.code(), Some(2), "{wrong:?}: {ended:?}");
        assert!(ended.err.contains("--http"), "{ended:?}");
    }
}

#[test]
fn h2_what_a_server_of_http_2_does_instead_of_answering_is_told_by_reason() {
    let lab = Lab::new();
    let url = lab.serve(&["h2"]);
    for (path, reason, said) in [
        ("reset", "stream-reset", "INTERNAL_ERROR"),
        ("cut", "stream-reset", "CANCEL"),
        ("wrong", "http2-error", "PROTOCOL_ERROR"),
        ("silent", "timeout", "no answer came"),
    ] {
        let ended = lab.ask(&["-W", "0.5"], &format!("{url}/{path}"));
        assert_eq!(ended.code(), Some(1), "{path}: {ended:?}");
        let failure = &ended.target()["failure"];
        assert_eq!((&failure["stage"], &failure["reason"]), (&"request".into(), &reason.into()));
        assert!(failure["message"].as_str().is_some_and(|it| it.contains(said)), "{failure}");
    }
    let none = lab.ask(&[], &format!("{url}/none"));
    let http = none.target()["http"].clone();
    assert_eq!(
        (&http["status"], &http["whole"], none.code()),
        (&204.into(), &true.into(), Some(0))
    );
    let round = lab.ask(&[], &format!("{url}/round"));
    assert_eq!(round.code(), Some(1), "{round:?}");
    assert_eq!(round.target()["failure"]["reason"], "redirect-loop", "{round:?}");
    let large = lab.ask(&["--expect", "size=3145728"], &format!("{url}/large"));
    assert_eq!(large.code(), Some(0), "{large:?}");

    let greeting = http2::frame(4, 0, 0, &[]);
    let with = |more: &[u8]| [&greeting[..], more].concat();
    for (bytes, reason) in [
        (b"\x1b[2J garbage after TLS".to_vec(), "malformed"),
        (with(&http2::frame(0, 0, 1, &[0; 20_000])), "http2-error"),
        (with(&http2::frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 2])), "goaway"),
        (with(&http2::frame(1, 0, 1, &[0x88]).repeat(3)), "http2-error"),
        (with(&http2::frame(1, 4, 1, &[0x88])), "timeout"),
    ] {
        let port = http2::says(lab.leaf(), &["h2"], bytes.clone());
        let ended = lab.ask(&["-W", "0.5"], &format!("https://127.0.0.1:{port}/"));
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        assert_eq!(ended.target()["failure"]["reason"], reason, "{bytes:?}: {ended:?}");
        assert!(!ended.out.contains('\u{1b}'));
    }
}

#[test]
fn h4_the_same_request_goes_over_a_new_connection_and_over_one_that_is_open() {
    let lab = Lab::new();
    let url = lab.serve(&["h2"]);
    let ended = lab.ask(&["-c", "3", "-i", "0.05", "--reuse"], &url);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let reuse = &target["http"]["reuse"];
    assert_eq!(reuse["samples"], 3, "{target:#}");
    assert!(reuse["new_ms"].as_f64() > reuse["reused_ms"].as_f64(), "{reuse}");
    assert_eq!((&target["attempts"], &target["http"]["reused"]), (&3.into(), &false.into()));
    assert!(target["results"][2]["reused_ms"].is_number(), "{target:#}");
    let words = ["tcp-connect", "--ca", lab.ca.path(), "-c", "2", "--reuse", "-i", "0.05", &url];
    let text = run(bound(NETDIAG).args(words));
    assert!(text.out.contains("again   new connection "), "{}", text.out);
    let once = lab.ask(&["--reuse"], &url).target();
    assert_eq!(once["http"]["reuse"]["samples"], 1, "{once:#}");
    let plain = lab.ask(&["-c", "2", "-i", "0.05"], &url).target();
    assert_eq!(plain["http"]["reuse"], Value::Null, "nobody asked for more requests");
}

/// What curl has of the same server.
#[test]
fn h2_curl_is_answered_alike() {
    if !has("curl") {
        return;
    }
    let lab = Lab::new();
    let url = lab.serve(&["h2", "http/1.1"]);
    let form = "%{http_code} %{size_download} %{num_redirects}";
    let words = ["-sS", "-L", "-q", "--noproxy", "*", "--http2", "--cacert", lab.ca.path()];
    let to = format!("{url}/moved");
    let curl = run(bound("curl").args(words).args(["-o", "/dev/null", "-w", form, &to]));
    let http = lab.ask(&[], &to).target()["http"].clone();
    let redirects = http["redirects"].as_array().map_or(0, Vec::len);
    let ours = format!("{} {} {redirects}", http["status"], http["body_bytes"]);
    assert_eq!(curl.out, ours, "{curl:?}");
}
