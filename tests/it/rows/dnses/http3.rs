//! Queries by HTTP/3 (I2, RFC 8484 over RFC 9114): servers of the tests' own on loopback.

use super::stub::{Asked, Nobody, Says};
use super::{address, dns, findings, result};
use crate::support::process::{Ended, NETDIAG, bound, run};
use crate::support::quic::{Beside, Does, Manner, serve};
use crate::support::{schema, tls};
use data_encoding::BASE64URL_NOPAD;
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};

/// `:status: 200`, `404` and `content-type: application/dns-message` by their numbers (RFC 9204 appendix A).
const OK: u8 = 0xc0 | 25;
const NOT_FOUND: u8 = 0xc0 | 27;
const MESSAGE: u8 = 0xc0 | 44;
const HTML: u8 = 0xc0 | 52;

/// A frame of less than 16,384 bytes.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short") | 0x4000;
    [&[kind][..], &length.to_be_bytes(), payload].concat()
}

/// An answer with these fields.
fn answer(fields: &[u8], body: &[u8]) -> Vec<u8> {
    [frame(1, &[&[0, 0], fields].concat()), frame(0, body)].concat()
}

/// What came as a request: its path, and the message in it or behind it.
fn asked(came: &[u8]) -> (String, Vec<u8>) {
    let length = |at: usize| match came[at] >> 6 {
        0 => (usize::from(came[at]), at + 1),
        _ => (usize::from(u16::from_be_bytes([came[at] & 0x3f, came[at + 1]])), at + 2),
    };
    assert_eq!(came[0], 1, "HEADERS comes first");
    let (head, at) = length(1);
    let (fields, rest) = came[at..].split_at(head);
    let path = b"/dns-query";
    let begin = fields.windows(path.len()).position(|it| it == path).expect("a path");
    // Its length has seven bits of a byte, and those behind that where these do not do.
    let long = match fields[begin - 2] {
        0x7f => 0x7f + usize::from(fields[begin - 1]),
        _ => usize::from(fields[begin - 1]),
    };
    let path = String::from_utf8_lossy(&fields[begin..begin + long]).into_owned();
    let message = match path.split_once("dns=") {
        Some((_, digits)) => BASE64URL_NOPAD.decode(digits.as_bytes()).expect("base64url"),
        None => {
            assert_eq!(rest[0], 0, "DATA comes next");
            let shift = if rest[1] >> 6 == 0 { 2 } else { 3 };
            rest[shift..].to_vec()
        }
    };
    (path, message)
}

/// Who issued the certificates of these servers.
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

    /// A server that does this with each request.
    fn does(&self, manner: Manner, does: impl FnMut(&[u8]) -> Does + Send + 'static) -> String {
        let port = serve(tls::config(self.leaf(), &["h3"]), manner, 0, does);
        format!("@h3://127.0.0.1:{port}")
    }

    /// A server that answers by these, and the requests that came.
    fn serve(&self, manner: Manner, says: Says) -> (String, Receiver<(String, Vec<u8>)>) {
        let (port, requests) = answering(self.leaf(), manner, says);
        (format!("@h3://127.0.0.1:{port}"), requests)
    }

    /// Asks with these options and checks the document.
    fn ask(&self, options: &[&str]) -> Ended {
        let words = [&["--json", "-W", "5", "--ca", self.ca.path()], options].concat();
        let ended = dns(&words);
        schema::check("dns", &ended.json());
        ended
    }
}

fn answering(leaf: tls::Leaf, manner: Manner, says: Says) -> (u16, Receiver<(String, Vec<u8>)>) {
    let (seen, requests) = channel();
    let port = serve(tls::config(leaf, &["h3"]), manner, 0, move |came| {
        let (path, message) = asked(came);
        let said = says(&Asked::over_stream(&message));
        let _ = seen.send((path, message));
        said.map_or(Does::Nothing, |said| Does::Say(answer(&[OK, MESSAGE], &said)))
    });
    (port, requests)
}

#[test]
fn i2_by_http3_the_handshake_and_the_request_are_timed_and_the_server_verified() {
    let lab = Lab::new();
    let (server, requests) = lab.serve(Manner::default(), address);
    let bare = server.replace("h3://", "");
    let url = server.replace("h3://", "https://");
    for (words, method, path) in [
        (&[server.as_str()][..], "POST", "/dns-query"),
        (&["--http3", &bare], "POST", "/dns-query"),
        (&["--http3", "--https=/dns-query/x", &bare], "POST", "/dns-query/x"),
        (&["--http3", "--https-get", &url], "GET", "/dns-query"),
        (&[&format!("{server}/dns-query{{?dns}}"), "--https-get"], "GET", "/dns-query"),
    ] {
        let ended = lab.ask(&[words, &["a.example", "A"]].concat());
        assert_eq!(ended.code(), Some(0), "{words:?}: {ended:?}");
        let said = result(&ended);
        assert_eq!((&said["transport"], &said["outcome"]), (&"https3".into(), &"answer".into()));
        assert_eq!(said["answers"][0]["data"], "192.0.2.1");
        let http = &said["http"];
        assert_eq!((&http["version"], &http["method"]), (&"HTTP/3".into(), &method.into()));
        assert_eq!(http["url"], format!("https://{}{path}", &bare[1..]), "{http}");
        let tls = &said["tls"];
        assert_eq!((&tls["verified"], &tls["alpn"]), (&true.into(), &"h3".into()), "{tls}");
        let phase = |name: &str| said["phases_ms"][name].as_f64().expect("a number");
        assert!(phase("connect") > 0.0 && phase("first_byte") > 0.0, "{said:#}");
        assert!(phase("request") >= phase("first_byte"), "{said:#}");
        assert!(said["phases_ms"]["tls"].is_null() && said["phases_ms"]["reused"] == false);
        // Its number is 0 (RFC 8484 section 4.1), and its length tells little of the name.
        let (asked, message) = requests.recv().expect("one came");
        assert!(asked.starts_with(path) && asked.contains("?dns=") == (method == "GET"), "{asked}");
        assert_eq!((&message[..2], message.len() % 128), (&[0, 0][..], 0));
        assert!(findings(&ended).is_empty(), "{ended:?}");
    }
    let text = dns(&["--ca", lab.ca.path(), &server, "a.example", "A"]);
    assert!(text.out.contains(" by HTTP/3 over QUIC, TLS 1.3, verified"), "{}", text.out);
    assert!(text.out.contains("(HTTP/3)"), "{}", text.out);
}

#[test]
fn i2_faults_of_a_certificate_are_named_by_http3_and_nothing_asked() {
    let lab = Lab::new();
    let here = &["127.0.0.1"][..];
    for (leaf, reason) in [
        (lab.root.leaf(here, tls::PAST), "expired"),
        (lab.root.leaf(&["elsewhere.example"], tls::VALID), "name-mismatch"),
        (tls::self_signed(here), "self-signed"),
    ] {
        let (port, requests) = answering(leaf, Manner::default(), address);
        let server = format!("@h3://127.0.0.1:{port}");
        let ended = lab.ask(&[&server, "a.example", "A"]);
        let said = result(&ended);
        let told = (&said["outcome"], &said["failure"]["reason"]);
        assert_eq!(told, (&"tls-error".into(), &reason.into()), "{said:#}");
        assert!(requests.try_recv().is_err(), "{reason}: it was asked");
        let ended = lab.ask(&["--insecure", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(0), "{reason}: {ended:?}");
        let pin = result(&ended)["tls"]["chain"][0]["pin_sha256"].as_str().map(str::to_owned);
        let pinned = lab.ask(&["--pin", &pin.expect("a pin"), &server, "a.example", "A"]);
        assert_eq!(pinned.code(), Some(i32::from(reason == "expired")), "{reason}: {pinned:?}");
    }
}

#[test]
fn i2_how_a_server_ends_an_answer_or_a_connection_of_http3_is_told() {
    let lab = Lab::new();
    let fine = Manner::default();
    let does = |does: fn(&[u8]) -> Does| lab.does(fine, does);
    let push: Beside = |_| &[(&[0, 4, 0], false), (&[1, 0], false)];
    let doq = serve(tls::config(lab.leaf(), &["doq"]), fine, 0, |_| Does::Nothing);
    let nobody = Nobody::new();
    for (server, outcome, reason, words) in [
        (does(|_| Does::Begin(answer(&[OK], b"")[..2].into())), "timeout", "timeout", "no answer"),
        (does(|_| Does::Say(answer(&[NOT_FOUND], b""))), "http-error", "status", "404"),
        (
            does(|_| Does::Say(answer(&[OK, HTML], b"hi"))),
            "http-error",
            "content-type",
            "text/html",
        ),
        (does(|_| Does::Say(answer(&[OK], b"hi"))), "http-error", "content-type", "not say"),
        (
            does(|_| {
                Does::Say([answer(&[OK, MESSAGE], b""), frame(0, &[0; 9_000]).repeat(8)].concat())
            }),
            "http-error",
            "too-large",
            "65535",
        ),
        (does(|_| Does::Say(answer(&[OK, MESSAGE], b"no"))), "malformed", "malformed", "read"),
        (does(|_| Does::Say(Vec::new())), "http-error", "closed", "before the answer began"),
        (does(|_| Does::Reset(0x102)), "http-error", "stream-reset", "H3_INTERNAL_ERROR (0x102)"),
        (
            does(|_| Does::Close(0x107, "busy\u{1b}[2J")),
            "http-error",
            "h3-excessive-load",
            "H3_EXCESSIVE_LOAD (0x107): `busy\\u{1b}[2J`",
        ),
        (does(|_| Does::Close(0x100, "")), "http-error", "closed", "before an answer"),
        (does(|_| Does::Close(9, "")), "http-error", "h3-other-error", "0x9"),
        (does(|_| Does::Say(frame(0, b"x"))), "http-error", "http3-error", "H3_FRAME_UNEXPECTED"),
        (
            does(|_| Does::Say(frame(1, &[9, 9]))),
            "http-error",
            "http3-error",
            "QPACK_DECOMPRESSION_FAILED",
        ),
        (
            lab.does(Manner { beside: push, ..fine }, |_| Does::Nothing),
            "http-error",
            "http3-error",
            "pushes",
        ),
        (
            lab.does(Manner { refuses: true, ..fine }, |_| Does::Nothing),
            "quic-error",
            "quic-closed",
            "",
        ),
        (format!("@h3://127.0.0.1:{doq}"), "tls-error", "alert", "no_application_protocol"),
        (format!("@h3://{}", nobody.address()), "unreachable", "port-unreachable", "127.0.0.1"),
    ] {
        let patience = if outcome == "timeout" { "0.5" } else { "5" };
        let ended = lab.ask(&["-W", patience, "--retries", "0", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let said = result(&ended);
        let failure = &said["failure"];
        let told = (&said["outcome"], &failure["reason"]);
        assert_eq!(told, (&outcome.into(), &reason.into()), "{said:#}");
        let message = failure["message"].as_str().expect("a sentence");
        assert!(message.contains(words) && !message.contains('\u{1b}'), "{words}: {message}");
        assert_eq!(said["sent"], 1, "{said:#}");
    }
}

#[test]
fn i2_questions_share_a_connection_of_http3_and_what_was_not_looked_at_is_asked_again() {
    /// GOAWAY from the first request on, and from the second on, but to one connection alone.
    const NONE: &[(&[u8], bool)] = &[(&[0, 4, 0, 7, 1, 0], false)];
    const ONE: &[(&[u8], bool)] = &[(&[0, 4, 0, 0x21, 1, 9, 7, 1, 4], false), (&[2], false)];
    const FINE: &[(&[u8], bool)] = &[(&[0, 4, 0], false), (&[0x21, 1], true)];
    let lab = Lab::new();
    let names = ["a.example", "b.example", "c.example", "A"];
    let (server, requests) = lab.serve(Manner { gathers: 3, ..Manner::default() }, address);
    let ended = lab.ask(&[&[server.as_str()], &names[..]].concat());
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(requests.try_iter().count(), 3);
    // A series goes on over the connection that is there.
    let (server, _requests) = lab.serve(Manner { streams: 1, ..Manner::default() }, address);
    let ended = lab.ask(&["-c", "3", "-i", "0.01", &server, "a.example", "A"]);
    let said = result(&ended);
    assert_eq!((&said["received"], &said["phases_ms"]["reused"]), (&3.into(), &true.into()));
    let leaving: [Beside; 2] =
        [|met| if met == 1 { NONE } else { FINE }, |met| if met == 1 { ONE } else { FINE }];
    for (beside, first) in leaving.into_iter().zip([&b"none"[..], b"\x01a\x07example"]) {
        let mut seen = BTreeSet::new();
        // The first time it looks at that one alone.
        let server = lab.does(Manner { beside, ..Manner::default() }, move |came| {
            let (_, message) = asked(came);
            let is_looked_at = message.windows(first.len()).any(|it| it == first);
            if seen.insert(message.clone()) && !is_looked_at {
                return Does::Nothing;
            }
            let said = address(&Asked::over_stream(&message)).expect("an answer");
            Does::Say(answer(&[OK, MESSAGE], &said))
        });
        let ended = lab.ask(&[&[server.as_str()], &names[..]].concat());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        for target in ended.json()["targets"].as_array().expect("targets") {
            let said = &target["results"][0];
            assert_eq!((&said["sent"], &said["received"]), (&1.into(), &1.into()), "{said:#}");
        }
    }
}

#[test]
fn i2_a_check_asks_by_http3_and_options_are_refused_where_they_say_nothing() {
    let lab = Lab::new();
    let (server, _requests) = lab.serve(Manner::default(), address);
    let file = tempfile::NamedTempFile::new().expect("a folder for it");
    let ca = lab.ca.path();
    let text = format!(
        "[[check]]\nname = 'doh3'\nkind = 'dns'\ntarget = 'a.example A {server}'\nca = '{ca}'\n\
         answer = '192.0.2.1'\n"
    );
    std::fs::write(file.path(), text).expect("room for it");
    let ended = run(bound(NETDIAG).args(["check", "--json"]).arg(file.path()));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    for (arguments, part) in [
        (&["--http3", "--tcp", "a.example"][..], "--tcp"),
        (&["--http3", "--tls", "a.example"], "--tls"),
        (&["--http3", "--quic", "a.example"], "--quic"),
        (&["--http3", "--trace", "a.example"], "--trace"),
        (&["--http3", "--check", "a.example"], "--check"),
        (&["--http3", "--ignore-truncation", "a.example"], "--ignore-truncation"),
        (&["--tcp", "@h3://127.0.0.1", "a.example"], "--tcp"),
        (&["--quic", "@h3://127.0.0.1", "a.example"], "--quic"),
        (&["--http3", "@quic://127.0.0.1", "a.example"], "--http3"),
        (&["@h3://127.0.0.1", "@127.0.0.2", "a.example"], "@127.0.0.2"),
        (&["@h3://127.0.0.1", "@https://127.0.0.2/", "a.example"], "h3://"),
        (&["@h3://", "a.example"], "@h3://"),
        (&["@h3://127.0.0.1:0/", "a.example"], "h3://127.0.0.1:0"),
        (&["@h2://127.0.0.1/", "a.example"], "h3://"),
    ] {
        let ended = dns(arguments);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(part), "{arguments:?}: {ended:?}");
    }
}
