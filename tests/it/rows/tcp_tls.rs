//! TLS over connections that open: what servers show, and what is wrong with it (H1).

use super::network::Lab;
use crate::support::process::{Ended, NETDIAG, bound, run};
use crate::support::{schema, tls};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A port of loopback at which this is done with each connection.
fn serve(with: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(with));
    port
}

fn connect(options: &[&str], port: u16) -> Ended {
    let target = format!("127.0.0.1:{port}");
    let ended = run(bound(NETDIAG).args(["tcp-connect", "--json"]).args(options).arg(target));
    schema::check("tcp-connect", &ended.json());
    ended
}

fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("a list");
    findings.iter().filter_map(|finding| finding["code"].as_str()).collect()
}

#[test]
fn h1_what_a_good_server_shows_is_verified_and_told() {
    let root = tls::Authority::new("lab root");
    let port = tls::serve(root.leaf(&["service.example", "127.0.0.1"], tls::VALID));
    let ca = root.file();
    let ended = connect(&["--tls", "--ca", ca.path()], port);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let shown = &target["tls"];
    assert_eq!((&shown["verified"], &shown["error"]), (&true.into(), &Value::Null), "{shown:#}");
    assert_eq!((&shown["version"], &shown["group"]), (&"TLS 1.3".into(), &"x25519".into()));
    let leaf = &shown["chain"][0];
    assert_eq!(leaf["sans"], serde_json::json!(["service.example", "127.0.0.1"]), "{leaf}");
    assert!(leaf["days_left"].as_i64().is_some_and(|days| days > 300_000), "{leaf}");
    assert!(shown["handshake_ms"].as_f64() == target["phases_ms"]["tls"].as_f64(), "{target:#}");
    assert!(target["phases_ms"]["tls"].as_f64().is_some_and(|ms| ms > 0.0), "{target:#}");

    // Another name can be asked for, and what is said goes through it.
    let said = ["--tls", "--ca", ca.path(), "--sni", "service.example", "--send", "hello"];
    let ended = connect(&[&said[..], &["--expect-banner", "^hello$"]].concat(), port);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.target()["results"][0]["banner"], "hello", "{ended:?}");

    let holds = ["--tls", "--ca", ca.path(), "--fail-if", "days_left<21 or not verified"];
    assert_eq!(connect(&holds, port).code(), Some(0));
    let fails = ["--tls", "--ca", ca.path(), "--fail-if", "days_left>21 and tls>0ms"];
    assert_eq!(connect(&fails, port).code(), Some(1));
}

#[test]
fn h1_each_fault_has_a_reason_of_its_own_and_insecure_tells_it_too() {
    let (root, other) = (tls::Authority::new("lab root"), tls::Authority::new("another"));
    let ca = root.file();
    let here = &["127.0.0.1"][..];
    let faults = [
        (root.leaf(here, tls::PAST), "expired", "tls-expired"),
        (root.leaf(here, tls::FUTURE), "not-yet-valid", "tls-not-yet-valid"),
        (root.leaf(&["elsewhere.example"], tls::VALID), "name-mismatch", "tls-name-mismatch"),
        (tls::self_signed(here), "self-signed", "tls-untrusted"),
        (other.leaf(here, tls::VALID), "unknown-issuer", "tls-untrusted"),
    ];
    for (leaf, reason, code) in faults {
        let port = tls::serve(leaf);
        let ended = connect(&["--tls", "--ca", ca.path()], port);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let (document, target) = (ended.json(), ended.target());
        let failure = &target["failure"];
        assert_eq!((&failure["stage"], &failure["reason"]), (&"tls".into(), &reason.into()));
        assert_eq!((&target["tls"]["error"], codes(&document)), (&reason.into(), vec![code]));
        assert_eq!((&target["succeeded"], &target["unexpected"]), (&1.into(), &1.into()));

        let ended = connect(&["--tls", "--insecure", "--ca", ca.path()], port);
        assert_eq!(ended.code(), Some(0), "{reason}: {ended:?}");
        let (document, target) = (ended.json(), ended.target());
        assert_eq!((&target["tls"]["error"], codes(&document)), (&reason.into(), vec![code]));
        assert_eq!((&target["tls"]["verified"], &target["failure"]), (&false.into(), &Value::Null));
    }
}

/// The serial number that an answer is about, what it says, until when; what is told of it.
type Stapled<'a> = (&'a [u8], &'a [u8], &'a str, &'a str, &'a [&'a str]);

/// What comes with a certificate on whether it is revoked is read, not only seen.
#[test]
fn h1_a_stapled_answer_of_ocsp_is_told_and_judged() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let revoked = b"\xa1\x16\x18\x0f20251101000000Z\xa0\x03\x0a\x01\x01";
    let (good, unknown) = (b"\x80\x00", b"\x82\x00");
    let cases: [Stapled<'_>; 5] = [
        (b"\x42\x01", good, "39990101000000Z", "good", &[]),
        (b"\x42\x01", revoked, "39990101000000Z", "revoked", &["tls-revoked"]),
        (b"\x42\x01", good, "20251231000000Z", "good", &["tls-staple-expired"]),
        (b"\x42\x01", unknown, "39990101000000Z", "unknown", &[]),
        (b"\x42\x02", good, "39990101000000Z", "not-covered", &[]),
    ];
    for (serial, status, next, told, expected) in cases {
        let leaf = root.numbered(&["127.0.0.1"], tls::VALID, Some(b"\x42\x01"));
        let port = tls::serve_stapled(leaf, tls::ocsp(serial, status, next));
        let ended = connect(&["--tls", "--ca", ca.path()], port);
        // The words of a server about itself do not make it less trusted by whoever did not ask.
        assert_eq!(ended.code(), Some(0), "{told}: {ended:?}");
        let (document, target) = (ended.json(), ended.target());
        let ocsp = &target["tls"]["ocsp"];
        assert_eq!((&ocsp["status"], codes(&document)), (&told.into(), expected.to_vec()));
        assert_eq!(target["tls"]["ocsp_staple"], true, "{target:#}");
        assert_eq!(ocsp["expired"], expected == ["tls-staple-expired"], "{ocsp}");
        let dates = (&ocsp["produced_at"], &ocsp["revoked_at"], &ocsp["revocation_reason"]);
        assert_eq!(dates.0, "2025-12-01T00:00:00Z", "{ocsp}");
        if told == "revoked" {
            assert_eq!(
                (dates.1, dates.2),
                (&"2025-11-01T00:00:00Z".into(), &"key-compromise".into())
            );
            let to = format!("127.0.0.1:{port}");
            let text =
                run(bound(NETDIAG).args(["tcp-connect", "-v", "--tls", "--ca", ca.path(), &to]));
            assert!(text.out.contains("OCSP: REVOKED"), "{text:?}");
            assert!(text.out.contains("    ocsp    revoked (key-compromise), revoked 2025-11-01"));
            assert!(text.out.contains("    cert 0  "), "{text:?}");
        }
    }
    let plain = tls::serve(root.leaf(&["127.0.0.1"], tls::VALID));
    assert_eq!(connect(&["--tls", "--ca", ca.path()], plain).target()["tls"]["ocsp"], Value::Null);
}

#[test]
fn h1_what_is_no_tls_too_old_silent_or_closed_is_told_apart() {
    let plain = serve(|mut connection| {
        let _ = connection.read(&mut [0; 16]);
        let _ = connection.write_all(b"HTTP/1.1 400 Bad\x1b Request\r\n\r\n");
        let _ = connection.read(&mut [0; 4_096]);
    });
    // What OpenSSL says whose newest version is TLS 1.1.
    let old = serve(|mut connection| {
        let _ = connection.read(&mut [0; 4_096]);
        let _ = connection.write_all(b"\x15\x03\x02\x00\x02\x02\x46");
        let _ = connection.read(&mut [0; 4_096]);
    });
    let silent =
        serve(|mut connection| while connection.read(&mut [0; 4_096]).is_ok_and(|n| n > 0) {});
    let closes = serve(|mut connection| _ = connection.read(&mut [0; 4_096]));
    let cases = [
        (plain, "not-tls", "tls-failed"),
        (old, "old-version", "tls-old-version"),
        (silent, "timeout", ""),
        (closes, "closed", ""),
    ];
    for (port, reason, code) in cases {
        let ended = connect(&["--tls", "-W", "0.4"], port);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let (document, target) = (ended.json(), ended.target());
        let failure = &target["failure"];
        assert_eq!((&failure["stage"], &failure["reason"]), (&"tls".into(), &reason.into()));
        let code = Vec::from_iter(Some(code).filter(|code| !code.is_empty()));
        assert_eq!(codes(&document), code, "{document:#}");
        assert!(!ended.out.contains('\u{1b}'), "{ended:?}");
    }
}

#[test]
fn h1_at_a_port_where_tls_is_usual_it_is_tried_and_faults_fail_nothing() {
    let Some(lab) = Lab::new() else { return };
    let listener = lab.far.inside(|| TcpListener::bind("[::]:443").expect("nobody else is here"));
    tls::serve_at(listener, tls::self_signed(&["10.9.2.2"]));
    let words = |more: &[&str]| {
        let ended = run(lab.here.netdiag(&["tcp-connect", "--json"]).args(more));
        schema::check("tcp-connect", &ended.json());
        ended
    };
    let ended = words(&["10.9.2.2:443"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.target()["tls"]["error"], "self-signed", "{ended:?}");
    assert_eq!(codes(&ended.json()), ["tls-untrusted"]);
    let ended = words(&["--tls", "10.9.2.2:443"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let ended = words(&["--no-tls", "10.9.2.2:443"]);
    assert_eq!((ended.code(), &ended.target()["tls"]), (Some(0), &Value::Null), "{ended:?}");
}

#[test]
fn h1_what_tls_cannot_be_asked_is_a_usage_error() {
    for wrong in [
        &["--sni", "a.example", "127.0.0.1:80"][..],
        &["--tls", "--sni", "no name", "127.0.0.1:80"],
        &["--insecure", "127.0.0.1:80"],
        &["--tls", "--no-tls", "127.0.0.1:80"],
        &["--ca", "/nowhere/ca.pem", "--tls", "127.0.0.1:80"],
        &["--ca", "/dev/null", "--tls", "127.0.0.1:80"],
    ] {
        let ended = run(bound(NETDIAG).arg("tcp-connect").args(wrong));
        assert_eq!(ended.code(), Some(2), "{wrong:?}: {ended:?}");
        assert!(ended.err.contains(wrong[0]) || ended.err.contains(wrong[1]), "{ended:?}");
    }
}

/// A port of loopback that begins in plain text, goes on by TLS, and then says what it hears.
fn serve_mail(leaf: tls::Leaf) -> u16 {
    let config = tls::config(leaf, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut said = [0; 256];
            let mut tell = |connection: &mut TcpStream, words: &[u8]| {
                let _ = connection.write_all(words);
                connection.read(&mut said).unwrap_or_default()
            };
            tell(&mut connection, b"220-mail.example\r\n220 ready\r\n");
            tell(&mut connection, b"250-mail.example\r\n250-STARTTLS\r\n250 SIZE\r\n");
            let _ = connection.write_all(b"220 go on\r\n");
            let mut stream = tls::accept(connection, std::sync::Arc::clone(&config));
            let mut heard = [0; 6];
            let _ = stream.read_exact(&mut heard).and_then(|()| stream.write_all(&heard));
            let _ = stream.flush();
        }
    });
    port
}

#[test]
fn g6_a_service_that_begins_in_plain_text_goes_on_by_tls() {
    let root = tls::Authority::new("lab root");
    let port = serve_mail(root.leaf(&["127.0.0.1"], tls::VALID));
    let ca = root.file();
    let options = ["--starttls", "smtp", "--ca", ca.path()];
    let said = ["--send", "QUIT\\r\\n", "--expect-banner", "^QUIT"];
    let ended = connect(&[&options[..], &said].concat(), port);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.target()["tls"]["verified"], true, "{ended:?}");
    // Another protocol does not fit what it says.
    let ended = connect(&["--starttls", "pop3", "--ca", ca.path()], port);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let failure = &ended.target()["failure"];
    assert_eq!((&failure["stage"], &failure["reason"]), (&"tls".into(), &"no-starttls".into()));
    let ended = run(bound(NETDIAG).args(["tcp-connect", "--starttls", "gopher", "127.0.0.1:80"]));
    assert_eq!(ended.code(), Some(2), "{ended:?}");
}
