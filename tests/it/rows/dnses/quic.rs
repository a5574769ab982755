//! Queries over QUIC (I2, RFC 9250): servers of the tests' own on loopback.

use super::stub::{Asked, Nobody, Says};
use super::{address, dns, findings, result};
use crate::support::process::{Ended, NETDIAG, bound, has, run, skip};
use crate::support::quic::{Does, Manner, serve};
use crate::support::{schema, tls};
use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, channel};

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

    /// A server that does this with each stream.
    fn does(&self, manner: Manner, does: fn(&[u8]) -> Does) -> String {
        let port = serve(tls::config(self.leaf(), &["doq"]), manner, 0, does);
        format!("@quic://127.0.0.1:{port}")
    }

    /// A server that answers by these, and the messages that it was asked.
    fn serve(&self, manner: Manner, says: Says) -> (String, Receiver<Vec<u8>>) {
        let (port, questions) = answering(self.leaf(), manner, 0, says);
        (format!("@quic://127.0.0.1:{port}"), questions)
    }

    /// Asks with these options and checks the document.
    fn ask(&self, options: &[&str]) -> Ended {
        ask(&[&["--ca", self.ca.path()], options].concat())
    }
}

fn answering(
    leaf: tls::Leaf,
    manner: Manner,
    loses: usize,
    says: Says,
) -> (u16, Receiver<Vec<u8>>) {
    let (seen, questions) = channel();
    let port = serve(tls::config(leaf, &["doq"]), manner, loses, move |came| {
        let (length, message) = came.split_at(2);
        assert_eq!(usize::from(u16::from_be_bytes([length[0], length[1]])), message.len());
        let _ = seen.send(message.to_vec());
        says(&Asked::over_stream(message))
            .map_or(Does::Nothing, |answer| Does::Say(framed(&answer)))
    });
    (port, questions)
}

/// A message with its length before it.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("short").to_be_bytes();
    [&length[..], message].concat()
}

fn ask(options: &[&str]) -> Ended {
    let ended = dns(&[&["--json"], options].concat());
    schema::check("dns", &ended.json());
    ended
}

#[test]
fn i2_over_quic_the_handshake_and_the_request_are_timed_and_the_server_verified() {
    let lab = Lab::new();
    let (server, questions) = lab.serve(Manner::default(), address);
    let plain = server.replace("quic://", "");
    for words in [&[server.as_str()][..], &["--quic", &plain], &["--quic", &server]] {
        let ended = lab.ask(&[words, &["a.example", "A"]].concat());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let said = result(&ended);
        assert_eq!((&said["transport"], &said["outcome"]), (&"quic".into(), &"answer".into()));
        assert_eq!(said["answers"][0]["data"], "192.0.2.1");
        let tls = &said["tls"];
        assert_eq!((&tls["verified"], &tls["version"]), (&true.into(), &"TLS 1.3".into()));
        assert_eq!((&tls["alpn"], &tls["name"]), (&"doq".into(), &"127.0.0.1".into()));
        assert!(tls["handshake_ms"].as_f64() > Some(0.0) && tls["cipher"].is_string(), "{tls}");
        let phase = |name: &str| said["phases_ms"][name].as_f64().expect("a number");
        assert!(phase("connect") > 0.0 && phase("request") > 0.0, "{said:#}");
        assert!(said["phases_ms"]["tls"].is_null() && said["phases_ms"]["reused"] == false);
        let total = said["rtt_ms"]["last"].as_f64().expect("a number");
        assert!(total >= (phase("connect") + phase("request")) * 0.999, "{said:#}");
        // Its number is 0 (RFC 9250 section 4.2.1), and its length tells little of the name.
        let question = questions.recv().expect("one came");
        assert_eq!((&question[..2], question.len() % 128), (&[0, 0][..], 0));
        assert!(findings(&ended).is_empty(), "{ended:?}");
    }
    let named = lab.ask(&["--sni", "dns.example", &server, "a.example", "A"]);
    assert_eq!(result(&named)["tls"]["name"], "dns.example");
    let text = dns(&["--ca", lab.ca.path(), &server, "a.example", "A"]);
    assert!(text.out.contains(" by QUIC, TLS 1.3, verified"), "{}", text.out);
    assert!(text.out.contains("(QUIC)"), "{}", text.out);
}

#[test]
fn i2_each_fault_of_a_certificate_is_named_over_quic_and_nothing_asked() {
    let lab = Lab::new();
    let other = tls::Authority::new("another");
    let here = &["127.0.0.1"][..];
    for (leaf, reason) in [
        (lab.root.leaf(here, tls::PAST), "expired"),
        (lab.root.leaf(here, tls::FUTURE), "not-yet-valid"),
        (lab.root.leaf(&["elsewhere.example"], tls::VALID), "name-mismatch"),
        (tls::self_signed(here), "self-signed"),
        (other.leaf(here, tls::VALID), "unknown-issuer"),
    ] {
        let (port, questions) = answering(leaf, Manner::default(), 0, address);
        let server = format!("@quic://127.0.0.1:{port}");
        let ended = lab.ask(&[&server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let said = result(&ended);
        assert_eq!((&said["outcome"], &said["net_errors"]), (&"tls-error".into(), &1.into()));
        let failure = &said["failure"];
        assert_eq!((&failure["stage"], &failure["reason"]), (&"tls".into(), &reason.into()));
        assert_eq!(said["tls"]["error"], reason, "{said:#}");
        assert!(questions.try_recv().is_err(), "{reason}: it was asked");
        let ended = lab.ask(&["--insecure", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(0), "{reason}: {ended:?}");
        let pin = result(&ended)["tls"]["chain"][0]["pin_sha256"].as_str().map(str::to_owned);
        let pinned = lab.ask(&["--pin", &pin.expect("a pin"), &server, "a.example", "A"]);
        let is_about_identity = !["expired", "not-yet-valid"].contains(&reason);
        assert_eq!(pinned.code(), Some(i32::from(!is_about_identity)), "{reason}: {pinned:?}");
    }
}

/// What came, as an answer with another number.
fn numbered(came: &[u8]) -> Does {
    let mut answer = address(&Asked::over_stream(&came[2..])).expect("an answer");
    answer[1] = 9;
    Does::Say(framed(&answer))
}

#[test]
fn i2_how_a_server_ends_an_answer_or_a_connection_of_quic_is_told() {
    let lab = Lab::new();
    let fine = Manner::default();
    for (server, outcome, stage, reason, words) in [
        (lab.does(fine, |_| Does::Nothing), "timeout", "request", "timeout", "no answer"),
        (lab.does(fine, |_| Does::Begin(vec![0])), "timeout", "request", "timeout", ""),
        (lab.does(fine, |_| Does::Say(vec![0, 9, 0])), "quic-error", "request", "closed", "whole"),
        (lab.does(fine, |_| Does::Say(Vec::new())), "quic-error", "request", "closed", ""),
        (
            lab.does(fine, |_| Does::Reset(1)),
            "quic-error",
            "request",
            "doq-internal-error",
            "DOQ_INTERNAL_ERROR (0x1)",
        ),
        (
            lab.does(fine, |_| Does::Close(4, "busy\u{1b}[2J")),
            "quic-error",
            "request",
            "doq-excessive-load",
            "DOQ_EXCESSIVE_LOAD (0x4): `busy\\u{1b}[2J`",
        ),
        (lab.does(fine, |_| Does::Close(2, "")), "quic-error", "request", "doq-protocol-error", ""),
        (
            lab.does(fine, |_| Does::Close(99, "")),
            "quic-error",
            "request",
            "doq-other-error",
            "0x63",
        ),
        (lab.does(fine, |_| Does::Close(0, "")), "closed", "request", "closed", ""),
        (lab.does(fine, numbered), "malformed", "request", "malformed", "number"),
        (
            lab.does(Manner { refuses: true, ..fine }, |_| Does::Nothing),
            "quic-error",
            "connect",
            "quic-closed",
            "CONNECTION_REFUSED (0x2)",
        ),
        (
            lab.does(Manner { idle: 100, ..fine }, |_| Does::Nothing),
            "timeout",
            "request",
            "timeout",
            "",
        ),
    ] {
        let patience = if outcome == "timeout" { "0.5" } else { "5" };
        let ended = lab.ask(&["-W", patience, "--retries", "0", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let said = result(&ended);
        let failure = &said["failure"];
        let told = (&said["outcome"], &failure["stage"], &failure["reason"]);
        assert_eq!(told, (&outcome.into(), &stage.into(), &reason.into()), "{said:#}");
        let message = failure["message"].as_str().expect("a sentence");
        assert!(message.contains(words) && !message.contains('\u{1b}'), "{words}: {message}");
        assert_eq!(said["sent"], 1, "{said:#}");
    }
}

#[test]
fn i2_who_refuses_says_nothing_or_speaks_something_else_is_told_apart_from_quic() {
    let lab = Lab::new();
    let mute = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let silence = mute.local_addr().expect("bound");
    let nobody = Nobody::new();
    let web = serve(tls::config(lab.leaf(), &["h3"]), Manner::default(), 0, |_| Does::Nothing);
    let web = format!("127.0.0.1:{web}");
    for (server, outcome, stage, reason, words) in [
        (silence.to_string(), "timeout", "connect", "timeout", "did not open in time"),
        (nobody.address().to_string(), "unreachable", "request", "port-unreachable", "127.0.0.1"),
        (web, "tls-error", "tls", "alert", "no_application_protocol"),
        (versions(), "quic-error", "connect", "version-negotiation", "0x6b3343cf, 0xff00001d"),
        (noise(), "timeout", "connect", "timeout", "did not open in time"),
    ] {
        let server = format!("@quic://{server}");
        let patience = if outcome == "timeout" { "0.3" } else { "5" };
        let ended = lab.ask(&["-W", patience, "--retries", "0", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let said = result(&ended);
        let failure = &said["failure"];
        let told = (&said["outcome"], &failure["stage"], &failure["reason"]);
        assert_eq!(told, (&outcome.into(), &stage.into(), &reason.into()), "{said:#}");
        assert!(failure["message"].as_str().is_some_and(|it| it.contains(words)), "{failure}");
        if reason == "port-unreachable" {
            assert_eq!(failure["icmp"]["from"], "127.0.0.1", "{failure}");
        }
    }
    drop(mute);
}

/// A server that answers whatever comes by this, from what came.
fn says(answer: fn(&[u8]) -> Vec<u8>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound").to_string();
    std::thread::spawn(move || {
        let mut datagram = [0; 2_048];
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&answer(&datagram[..len]), from);
        }
    });
    address
}

/// One that speaks other versions alone: the identifiers come back the other way round, of which that of
/// the client is empty.
fn versions() -> String {
    says(|came| {
        let theirs = &came[5..6 + usize::from(came[5])];
        [&[0x80, 0, 0, 0, 0, 0][..], theirs, &[0x6b, 0x33, 0x43, 0xcf, 0xff, 0, 0, 29]].concat()
    })
}

/// One that speaks no QUIC.
fn noise() -> String {
    says(|came| came.iter().rev().copied().collect())
}

#[test]
fn i2_questions_share_a_connection_of_quic_whatever_order_the_answers_have() {
    let lab = Lab::new();
    let (server, questions) = lab.serve(Manner { gathers: 3, ..Manner::default() }, address);
    let ended = lab.ask(&[&server, "a.example", "b.example", "c.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(questions.try_iter().count(), 3);
    // No more at once than the server lets us.
    let (server, _questions) = lab.serve(Manner { streams: 1, ..Manner::default() }, address);
    let ended = lab.ask(&[&server, "a.example", "b.example", "c.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    // A series goes on over the connection that is there.
    let (server, _questions) = lab.serve(Manner::default(), address);
    let ended = lab.ask(&["-c", "3", "-i", "0.01", &server, "a.example", "A"]);
    let said = result(&ended);
    assert_eq!((&said["received"], &said["phases_ms"]["reused"]), (&3.into(), &true.into()));
    assert_eq!(said["phases_ms"]["connect"], 0.0, "{said:#}");
    // Where that has ended meanwhile, over another.
    let (server, _questions) = lab.serve(Manner { idle: 60, ..Manner::default() }, address);
    let ended = lab.ask(&["-c", "3", "-i", "0.3", &server, "a.example", "A"]);
    let said = result(&ended);
    assert_eq!((&said["received"], &said["phases_ms"]["reused"]), (&3.into(), &false.into()));
    // Two servers are compared.
    let (other, _questions) = lab.serve(Manner { retries: true, ..Manner::default() }, |asked| {
        Some(asked.answer(0, [1, 0, 0], &super::record(1, 300, &[192, 0, 2, 2])))
    });
    let (server, _questions) = lab.serve(Manner::default(), address);
    let ended = lab.ask(&[&server, &other, "a.example", "A"]);
    assert_eq!(ended.target()["agree"], false, "{ended:?}");
}

#[test]
fn i2_what_is_lost_of_a_handshake_of_quic_is_sent_again() {
    let lab = Lab::new();
    for loses in [1, 2] {
        let (port, _questions) = answering(lab.leaf(), Manner::default(), loses, address);
        let server = format!("@quic://127.0.0.1:{port}");
        let ended = lab.ask(&["-W", "20", "--retries", "0", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let said = result(&ended);
        // After a second, as nothing is known of the way yet (RFC 9002 section 6.2.2).
        assert!(said["phases_ms"]["connect"].as_f64() > Some(900.0), "{said:#}");
        assert_eq!((&said["sent"], &said["received"]), (&1.into(), &1.into()));
    }
    // One question after the other is given up, and the next goes over another connection.
    let (port, _questions) = answering(lab.leaf(), Manner::default(), 2, address);
    let server = format!("@quic://127.0.0.1:{port}");
    let ended = lab.ask(&["-W", "0.4", "--retries", "3", &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = result(&ended);
    assert_eq!((&said["sent"], &said["lost"]), (&3.into(), &2.into()), "{said:#}");
}

#[test]
fn i2_a_check_asks_over_quic() {
    let lab = Lab::new();
    let (server, _questions) = lab.serve(Manner::default(), address);
    let file = tempfile::NamedTempFile::new().expect("a folder for it");
    let ca = lab.ca.path();
    let text = format!(
        "[[check]]\nname = 'doq'\nkind = 'dns'\ntarget = 'a.example A {server}'\nca = '{ca}'\n\
         answer = '192.0.2.1'\n"
    );
    std::fs::write(file.path(), text).expect("room for it");
    let ended = run(bound(NETDIAG).args(["check", "--json"]).arg(file.path()));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let ended = dns(&["--quic", "--insecure", "--short", &server, "a.example", "A"]);
    assert_eq!((ended.code(), ended.out.as_str()), (Some(0), "192.0.2.1\n"), "{ended:?}");
}

/// By kdig, where this machine has it and it speaks QUIC.
#[test]
fn i2_kdig_and_netdiag_say_the_same_over_quic() {
    if !has("kdig") {
        return;
    }
    let lab = Lab::new();
    let (server, questions) = lab.serve(Manner::default(), address);
    let (_, port) = server.rsplit_once(':').expect("a port");
    let kdig = ["+quic", "+short", "+time=5", "+retry=0", "@127.0.0.1", "-p", port];
    let theirs = run(bound("kdig").args(kdig).args(["a.example", "A"]));
    if questions.try_recv().is_err() && theirs.err.contains("QUIC") {
        skip::<()>("this kdig speaks no QUIC");
        return;
    }
    let ours = dns(&["--short", "--ca", lab.ca.path(), &server, "a.example", "A"]);
    assert_eq!(theirs.out, ours.out, "{theirs:?} {ours:?}");
    assert_eq!(ours.out, "192.0.2.1\n");
}

#[test]
fn i2_options_of_quic_are_refused_where_they_say_nothing() {
    for (arguments, part) in [
        (&["--quic", "--tcp", "a.example"][..], "--tcp"),
        (&["--quic", "--tls", "a.example"], "--tls"),
        (&["--quic", "--https", "a.example"], "--https"),
        (&["--quic", "--trace", "a.example"], "--trace"),
        (&["--quic", "--check", "a.example"], "--check"),
        (&["--quic", "--ignore-truncation", "a.example"], "--ignore-truncation"),
        (&["--tcp", "@quic://127.0.0.1", "a.example"], "--tcp"),
        (&["--https", "@quic://127.0.0.1", "a.example"], "--https"),
        (&["--quic", "@https://127.0.0.1/", "a.example"], "--quic"),
        (&["@quic://127.0.0.1", "@127.0.0.2", "a.example"], "@127.0.0.2"),
        (&["@quic://127.0.0.1", "@https://127.0.0.2/", "a.example"], "quic://"),
        (&["@quic://127.0.0.1/path", "a.example"], "path"),
        (&["@quic://", "a.example"], "@quic://"),
        (&["@quic://127.0.0.1:0", "a.example"], "127.0.0.1:0"),
        (&["@http://127.0.0.1/", "a.example"], "https://, h3:// or quic://"),
    ] {
        let ended = dns(arguments);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(part), "{arguments:?}: {ended:?}");
    }
}
