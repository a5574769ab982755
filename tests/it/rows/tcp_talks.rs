//! Connections that stay open: what the kernel knows of them (G5), what services say (G6), and those that
//! say nothing (G7).

use super::network::Lab;
use crate::support::process::{Ended, Process, run};
use crate::support::schema;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A service at port 80 of the far host that does this with each connection.
fn serve(lab: &Lab, with: fn(TcpStream)) {
    let listener = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || with(connection));
        }
    });
}

fn connect(lab: &Lab, options: &[&str]) -> Ended {
    let words = [&["tcp-connect", "--json"], options, &["10.9.2.2:80"]].concat();
    let ended = run(&mut lab.here.netdiag(&words));
    schema::check("tcp-connect", &ended.json());
    ended
}

fn says_hello(mut connection: TcpStream) {
    let _ = connection.write_all(b"220 mail.example ready\r\n");
    let _ = connection.read(&mut [0; 16]);
}

/// What ss prints behind a word, such as `rto:`.
fn behind<'a>(said: &'a str, word: &str) -> &'a str {
    let mut words = said.split_ascii_whitespace();
    words.find_map(|one| one.strip_prefix(word)).unwrap_or_else(|| panic!("no {word} in {said}"))
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

#[test]
fn g5_tcp_info_is_what_ss_prints_of_the_same_socket() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, |mut connection| {
        let _ = connection.read(&mut [0; 16]);
    });
    let arguments = ["tcp-connect", "--json", "--hold", "3", "10.9.2.2:80"];
    let process = Process::start(&mut lab.here.netdiag(&arguments));
    let said = lab.here.run(
        "for try in $(seq 100); do
            said=$(ss -tionH state established dst 10.9.2.2)
            [ -n \"$said\" ] && break
            sleep 0.02
         done
         echo \"$said\"",
    );
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let local = target["results"][0]["local"].as_str().expect("an address and a port");
    assert!(said.contains(local), "{local}: {said}");
    let info = &target["tcp_info"];
    let same = |key: &str, text: &str| {
        assert_eq!(info[key].as_f64(), Some(number(text)), "{key}: {said}\n{info:#}");
    };
    let (rtt, variance) = behind(&said, "rtt:").split_once('/').expect("both");
    same("rtt_ms", rtt);
    same("rttvar_ms", variance);
    same("min_rtt_ms", behind(&said, "minrtt:"));
    same("rto_ms", behind(&said, "rto:"));
    same("snd_mss", behind(&said, "mss:"));
    same("rcv_mss", behind(&said, "rcvmss:"));
    same("advmss", behind(&said, "advmss:"));
    same("path_mtu", behind(&said, "pmtu:"));
    same("snd_cwnd", behind(&said, "cwnd:"));
    let (sent, received) = behind(&said, "wscale:").split_once(',').expect("both");
    same("wscale_snd", sent);
    same("wscale_rcv", received);
    for (key, word) in [("sack", "sack"), ("timestamps", "ts"), ("ecn", "ecn")] {
        let has = said.split_ascii_whitespace().any(|one| one == word);
        assert_eq!(info[key], has, "{key}: {said}");
    }
    for (key, word) in [("total_retrans", "retrans:"), ("ssthresh", "ssthresh:")] {
        let has = said.split_ascii_whitespace().any(|one| one.starts_with(word));
        assert!(!has && [Value::Null, 0.into()].contains(&info[key]), "{key}: {said}");
    }
}

#[test]
fn g6_a_banner_is_as_expected_or_the_target_fails() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, says_hello);
    let ended = connect(&lab, &["--expect-banner", "^220 .*ready"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let result = &ended.target()["results"][0];
    assert_eq!(result["banner"], "220 mail.example ready\r\n", "{result}");
    assert!(result["first_byte_ms"].is_number() && result["failure"].is_null(), "{result}");

    let ended = connect(&lab, &["--expect-banner", "^SSH-", "-W", "0.5"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let target = ended.target();
    assert_eq!((&target["succeeded"], &target["unexpected"]), (&1.into(), &1.into()));
    let failure = &target["failure"];
    assert_eq!((&failure["stage"], &failure["reason"]), (&"expect".into(), &"mismatch".into()));
    let text = run(&mut lab.here.netdiag(&["tcp-connect", "--expect-banner", "^2", "10.9.2.2:80"]));
    assert!(text.out.contains("  220 mail.example ready\n"), "{text:?}");
    for wrong in [&["--expect-banner", "("][..], &["--send", "\\q"], &["--send", ""]] {
        let ended = run(lab.here.netdiag(&["tcp-connect"]).args(wrong).arg("10.9.2.2:80"));
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.err.contains(wrong[0]), "{ended:?}");
    }
}

#[test]
fn g6_what_is_sent_arrives_and_its_answer_is_heard() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, |mut connection| {
        let mut said = [0; 6];
        if connection.read_exact(&mut said).is_ok() && &said == b"PING\r\n" {
            let _ = connection.write_all(b"PONG\r\n");
            let _ = connection.read(&mut said);
        }
    });
    let ended = connect(&lab, &["--send", "PING\\r\\n", "--expect-banner", "^PONG"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let result = &ended.target()["results"][0];
    assert_eq!(result["banner"], "PONG\r\n", "{result}");
    assert_eq!(result["acknowledged_bytes"], 6, "{result}");
}

/// A megabyte of what a terminal would act on: bounded, and escaped.
#[test]
fn a_hostile_banner_is_cut_and_shown_harmless() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, |mut connection| {
        let _ = connection.write_all(&b"\x1b[2J\x07\xff\x9b31m".repeat(1 << 17));
    });
    let options = ["--expect-banner", "never-comes"];
    let ended = connect(&lab, &options);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let target = ended.target();
    assert_eq!(target["failure"]["reason"], "mismatch", "{target:#}");
    let banner = target["results"][0]["banner"].as_str().expect("text");
    assert!((512..=1_024).contains(&banner.chars().count()), "{}", banner.len());
    let text = run(lab.here.netdiag(&["tcp-connect"]).args(options).arg("10.9.2.2:80"));
    for said in [&ended.out, &text.out, &text.err] {
        assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
        assert!(said.len() < 20_000, "{}", said.len());
    }
}

#[test]
fn g7_a_service_that_accepts_and_says_nothing_is_told_from_one_that_is_dead() {
    let Some(lab) = Lab::new() else { return };
    // The kernel completes what nobody accepts.
    let _listener = lab.far.inside(|| TcpListener::bind("[::]:80").expect("nobody else is here"));
    let options = ["-c", "2", "-i", "0.05", "-W", "0.4"];
    for (more, acknowledged) in [(&["--expect-banner", "."][..], 0), (&["--send", "HELO\\r\\n"], 6)]
    {
        let ended = connect(&lab, &[&options[..], more].concat());
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        let (document, target) = (ended.json(), ended.target());
        assert_eq!((&target["succeeded"], &target["unexpected"]), (&2.into(), &2.into()));
        assert_eq!(target["failure"]["reason"], "timeout", "{target:#}");
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "application-silent", "{document:#}");
        assert_eq!(finding["evidence"]["acked_bytes"], acknowledged, "{finding}");
    }
}

#[test]
fn a_service_that_closes_is_told_from_one_that_is_silent() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, drop);
    let ended = connect(&lab, &["--expect-banner", "."]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(ended.target()["failure"]["reason"], "closed", "{ended:?}");
    let held = connect(&lab, &["--hold", "0.2"]);
    assert_eq!(held.code(), Some(0), "nothing was expected: {held:?}");
}
