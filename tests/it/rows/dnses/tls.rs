//! Queries over TLS (I2): servers of the tests' own on loopback.

use super::stub::{Asked, Says, Stub};
use super::{address, dns, findings, result, silent};
use crate::support::process::{Ended, NETDIAG, bound, run};
use crate::support::{schema, tls};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// What a server does beside answering.
#[derive(Clone, Copy, Default)]
struct Manner {
    /// Answers wait until so many questions are there, and then the last comes first.
    gathers: usize,
    /// After so many answers the connection ends; 0: never.
    leaves_after: usize,
    /// Says nothing over the first connection, not even by TLS.
    is_mute_at_first: bool,
    /// Says each answer once more.
    repeats: bool,
}

/// A server that speaks TLS: its port, and each question that came, by the number of its connection.
fn serve(leaf: tls::Leaf, says: Says, manner: Manner) -> (String, Receiver<(usize, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = format!("@127.0.0.1:{}", listener.local_addr().expect("bound").port());
    let (seen, questions) = channel();
    let config = tls::config(leaf, &[]);
    std::thread::spawn(move || {
        for (number, connection) in (1..).zip(listener.incoming().flatten()) {
            let (config, seen) = (Arc::clone(&config), seen.clone());
            std::thread::spawn(move || {
                if number == 1 && manner.is_mute_at_first {
                    let mut connection = connection;
                    return while connection.read(&mut [0; 4_096]).is_ok_and(|count| count > 0) {};
                }
                let mut stream = tls::accept(connection, config);
                let (mut gathered, mut answered) = (Vec::new(), 0);
                let mut len = [0; 2];
                while stream.read_exact(&mut len).is_ok() {
                    let mut question = vec![0; u16::from_be_bytes(len).into()];
                    stream.read_exact(&mut question).expect("all of it");
                    let _ = seen.send((number, question.clone()));
                    gathered.push(question);
                    if gathered.len() < manner.gathers {
                        continue;
                    }
                    for question in gathered.drain(..).rev() {
                        let Some(answer) = says(&Asked::over_stream(&question)) else { continue };
                        let len = u16::try_from(answer.len()).expect("short").to_be_bytes();
                        let answer = [&len[..], &answer].concat();
                        let _ = stream.write_all(&answer.repeat(1 + usize::from(manner.repeats)));
                        answered += 1;
                    }
                    let _ = stream.flush();
                    if manner.leaves_after > 0 && answered >= manner.leaves_after {
                        return;
                    }
                }
            });
        }
    });
    (server, questions)
}

/// Asks with these options and checks the document.
fn ask(options: &[&str]) -> Ended {
    let ended = dns(&[&["--json", "--tls"], options].concat());
    schema::check("dns", &ended.json());
    ended
}

#[test]
fn i2_over_tls_each_phase_is_timed_and_the_server_verified() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let leaf = root.leaf(&["127.0.0.1", "dns.example"], tls::VALID);
    let (server, questions) = serve(leaf, address, Manner::default());
    let ended = ask(&["--ca", ca.path(), &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = result(&ended);
    assert_eq!((&said["transport"], &said["outcome"]), (&"tls".into(), &"answer".into()));
    assert_eq!(
        (&said["tls"]["verified"], &said["tls"]["version"]),
        (&true.into(), &"TLS 1.3".into())
    );
    let phase = |name: &str| said["phases_ms"][name].as_f64().expect("a number");
    assert!(phase("connect") > 0.0 && phase("tls") > 0.0 && phase("request") > 0.0, "{said:#}");
    let total = said["rtt_ms"]["last"].as_f64().expect("a number");
    let parts = phase("connect") + phase("tls") + phase("request");
    assert!(total >= parts * 0.999, "{total} of {parts}");
    assert_eq!(said["phases_ms"]["reused"], false);
    // Its length tells little of the name (RFC 8467 section 4.1).
    let (_, question) = questions.recv().expect("one came");
    assert_eq!(question.len() % 128, 0, "{}", question.len());

    let by_name = ask(&["--ca", ca.path(), "--sni", "dns.example", &server, "a.example", "A"]);
    assert_eq!(by_name.code(), Some(0), "{by_name:?}");
    assert_eq!(result(&by_name)["tls"]["name"], "dns.example");

    let text = dns(&["--tls", "--ca", ca.path(), &server, "a.example", "A"]);
    assert_eq!(text.code(), Some(0), "{text:?}");
    assert!(text.out.contains("TLS"), "{}", text.out);

    // Before the answer this server sends its tickets, and waits until they are acknowledged: by us, and
    // not 40 ms later, when Linux would do so by itself.
    let requests = (0..5).map(|_| {
        let said = result(&ask(&["--ca", ca.path(), &server, "a.example", "A"]));
        said["phases_ms"]["request"].as_f64().expect("a number")
    });
    let quickest = requests.fold(f64::INFINITY, f64::min);
    assert!(quickest < 35.0, "{quickest}");
}

#[test]
fn i2_each_fault_of_tls_is_named_and_no_server_is_asked_that_is_not_believed() {
    let (root, other) = (tls::Authority::new("lab root"), tls::Authority::new("another"));
    let ca = root.file();
    let here = &["127.0.0.1"][..];
    for (leaf, reason) in [
        (root.leaf(here, tls::PAST), "expired"),
        (root.leaf(&["elsewhere.example"], tls::VALID), "name-mismatch"),
        (tls::self_signed(here), "self-signed"),
        (other.leaf(here, tls::VALID), "unknown-issuer"),
    ] {
        let (server, questions) = serve(leaf, address, Manner::default());
        let ended = ask(&["--ca", ca.path(), &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let said = result(&ended);
        assert_eq!(said["outcome"], "tls-error", "{said:#}");
        assert_eq!(
            (&said["failure"]["stage"], &said["failure"]["reason"]),
            (&"tls".into(), &reason.into())
        );
        assert_eq!((&said["tls"]["error"], &said["net_errors"]), (&reason.into(), &1.into()));
        assert!(questions.try_recv().is_err(), "{reason}: it was asked");
        let text = dns(&["--tls", "--ca", ca.path(), &server, "a.example", "A"]);
        let why = said["failure"]["message"].as_str().expect("a sentence").to_owned();
        let line = text.out.split_whitespace().collect::<Vec<&str>>().join(" ");
        assert!(line.contains(&why), "{reason}: {}", text.out);

        let ended = ask(&["--ca", ca.path(), "--insecure", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(0), "{reason}: {ended:?}");
        assert_eq!(result(&ended)["tls"]["error"], reason);
    }
}

#[test]
fn i2_a_pinned_key_is_believed_whoever_issued_it_and_no_other() {
    let (server, _questions) =
        serve(tls::self_signed(&["elsewhere.example"]), address, Manner::default());
    let shown = result(&ask(&["--insecure", &server, "a.example", "A"]));
    let pin = shown["tls"]["chain"][0]["pin_sha256"].as_str().expect("a pin").to_owned();
    let ended = ask(&["--pin", &pin, &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(result(&ended)["tls"]["verified"], true, "{ended:?}");
    let other = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let ended = ask(&["--pin", other, &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let said = result(&ended);
    assert_eq!(
        (&said["outcome"], &said["failure"]["reason"]),
        (&"tls-error".into(), &"pin-mismatch".into())
    );
    let both = ask(&["--pin", other, "--pin", &pin, &server, "a.example", "A"]);
    assert_eq!(both.code(), Some(0), "{both:?}");
}

#[test]
fn i2_what_speaks_no_tls_says_nothing_or_refuses_is_told_apart() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let plain = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let not_tls = format!("@{}", plain.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for mut connection in plain.incoming().flatten() {
            let _ = connection.write_all(b"220 hello\r\n");
            let _ = connection.read(&mut [0; 4_096]);
        }
    });
    let mute = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let no_hello = format!("@{}", mute.local_addr().expect("bound"));
    let (no_answer, _questions) =
        serve(root.leaf(&["127.0.0.1"], tls::VALID), silent, Manner::default());
    // Nobody listens at the port of a socket for datagrams.
    let nobody = Stub::udp(silent);
    for (server, outcome, stage, reason) in [
        (not_tls, "tls-error", "tls", "not-tls"),
        (no_hello, "timeout", "tls", "timeout"),
        (no_answer, "timeout", "request", "timeout"),
        (nobody.at(), "unreachable", "connect", "refused"),
    ] {
        let patience = if outcome == "timeout" { "0.5" } else { "5" };
        let ended =
            ask(&["--ca", ca.path(), "-W", patience, "--retries", "0", &server, "a.example", "A"]);
        assert_eq!(ended.code(), Some(1), "{reason}: {ended:?}");
        let said = result(&ended);
        assert_eq!(said["outcome"], outcome, "{said:#}");
        assert_eq!(
            (&said["failure"]["stage"], &said["failure"]["reason"]),
            (&stage.into(), &reason.into())
        );
        assert_eq!(said["sent"], 1, "{said:#}");
        if outcome == "timeout" && stage == "tls" {
            let text = dns(&["--tls", "-W", "0.3", "--retries", "0", &server, "a.example", "A"]);
            assert!(text.out.contains("handshake of TLS was not answered"), "{}", text.out);
        }
    }
    drop(mute);
}

#[test]
fn i2_questions_share_a_connection_whatever_order_the_answers_have() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let leaf = root.leaf(&["127.0.0.1"], tls::VALID);
    let gathers = Manner { gathers: 3, ..Manner::default() };
    let (server, questions) = serve(leaf, address, gathers);
    let ended = ask(&["--ca", ca.path(), &server, "a.example", "b.example", "c.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let connections: Vec<usize> = questions.try_iter().map(|(number, _)| number).collect();
    assert_eq!(connections, [1, 1, 1]);
    assert!(findings(&ended).is_empty(), "{ended:?}");

    // A series goes on over the connection that is there.
    let leaf = root.leaf(&["127.0.0.1"], tls::VALID);
    let (server, questions) = serve(leaf, address, Manner::default());
    let series = ["--ca", ca.path(), "-c", "3", "-i", "0.01", &server, "a.example", "A"];
    let ended = ask(&series);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = result(&ended);
    assert_eq!((&said["received"], &said["phases_ms"]["reused"]), (&3.into(), &true.into()));
    assert_eq!(said["phases_ms"]["tls"], serde_json::Value::Null, "{said:#}");
    assert!(questions.try_iter().all(|(number, _)| number == 1));
}

#[test]
fn i2_a_server_that_ends_connections_loses_no_question() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let leaf = root.leaf(&["127.0.0.1"], tls::VALID);
    // Of two questions that come at once the first is answered, and the other asked again.
    let leaves = Manner { leaves_after: 1, ..Manner::default() };
    let (server, questions) = serve(leaf, address, leaves);
    let ended = ask(&["--ca", ca.path(), &server, "a.example", "b.example", "c.example", "A"]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let connections: Vec<usize> = questions.try_iter().map(|(number, _)| number).collect();
    assert_eq!(connections.last(), Some(&3), "{connections:?}");
}

#[test]
fn i2_a_connection_that_is_silent_is_left_and_another_opened() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let leaf = root.leaf(&["127.0.0.1"], tls::VALID);
    let mute = Manner { is_mute_at_first: true, ..Manner::default() };
    let (server, questions) = serve(leaf, address, mute);
    let again = ["--ca", ca.path(), "-W", "0.8", "--retries", "1", &server, "a.example", "A"];
    let ended = ask(&again);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = result(&ended);
    assert_eq!(
        (&said["sent"], &said["received"], &said["lost"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert!(questions.try_iter().all(|(number, _)| number == 2));
}

/// Queries that are begun while the connection opens wait for the rest of that alone.
#[test]
fn i2_the_phases_of_a_query_are_no_longer_than_it_took() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let leaf = root.leaf(&["127.0.0.1"], tls::VALID);
    let (server, _questions) = serve(leaf, address, Manner::default());
    let names = ["a.example", "b.example", "c.example", "d.example"];
    let ended = ask(&[&["--ca", ca.path(), &server, "A"][..], &names].concat());
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    for target in ended.json()["targets"].as_array().expect("a list") {
        let said = &target["results"][0];
        let phases = ["connect", "tls", "request"].map(|name| said["phases_ms"][name].as_f64());
        let sum: f64 = phases.into_iter().flatten().sum();
        let took = said["rtt_ms"]["last"].as_f64().expect("a number");
        assert!(sum <= took * 1.001, "{said:#}");
    }
}

#[test]
fn i2_an_answer_twice_is_a_duplicate_and_nobody_races_the_server() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let leaf = root.leaf(&["127.0.0.1"], tls::VALID);
    let repeats = Manner { repeats: true, ..Manner::default() };
    let (server, _questions) = serve(leaf, address, repeats);
    let series = ["--ca", ca.path(), "-c", "4", "-i", "0.01", &server, "a.example", "A"];
    let ended = ask(&series);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let said = result(&ended);
    // The last is heard with the end of the run or not at all.
    let duplicates = said["duplicates"].as_u64().expect("a number");
    assert!((3..=4).contains(&duplicates), "{said:#}");
    assert!(findings(&ended).is_empty(), "{ended:?}");
}

#[test]
fn i2_a_name_that_no_certificate_can_have_is_told_at_once() {
    let root = tls::Authority::new("lab root");
    let ca = root.file();
    let (server, questions) =
        serve(root.leaf(&["127.0.0.1"], tls::VALID), address, Manner::default());
    let server = server.replace("127.0.0.1", "127.1");
    let ended = ask(&["--ca", ca.path(), &server, "a.example", "A"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_eq!(result(&ended)["failure"]["reason"], "name-mismatch", "{ended:?}");
    assert!(questions.try_recv().is_err());
}

#[test]
fn i2_options_of_tls_are_refused_where_they_say_nothing() {
    for (arguments, part) in [
        (&["--tls", "--tcp", "a.example"][..], "--tcp"),
        (&["--sni", "x.example", "a.example"], "--tls"),
        (&["--insecure", "a.example"], "--tls"),
        (&["--tls", "--trace", "a.example"], "--trace"),
        (&["--tls", "--sni", "x y", "a.example"], "--sni"),
        (&["--tls", "--pin", "abc", "a.example"], "--pin"),
        (&["--tls", "--ca", "/nowhere/ca.pem", "@127.0.0.1", "a.example"], "/nowhere/ca.pem"),
    ] {
        let ended = dns(arguments);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(part), "{arguments:?}: {ended:?}");
    }
}

/// A check in a line and one in a file ask over TLS with the options of the command.
#[test]
fn m1_a_check_asks_over_tls() {
    let (root, other) = (tls::Authority::new("lab root"), tls::Authority::new("another"));
    let (ca, wrong) = (root.file(), other.file());
    let (server, _questions) =
        serve(root.leaf(&["127.0.0.1"], tls::VALID), address, Manner::default());
    let line = |ca: &str| format!("dns A a.example {server} --tls --ca={ca} expect 192.0.2.1");
    let check = |words: &[&str]| {
        let ended = run(bound(NETDIAG).args(["check", "--json"]).args(words));
        schema::check("check", &ended.json());
        ended.json()["checks"][0].clone()
    };
    let passed = check(&[&line(ca.path())]);
    assert_eq!(passed["status"], "pass", "{passed:#}");
    let said = &passed["measurement"]["results"][0];
    assert_eq!((&said["transport"], &said["tls"]["verified"]), (&"tls".into(), &true.into()));
    let failed = check(&[&line(wrong.path())]);
    assert_eq!(failed["status"], "fail", "{failed:#}");
    assert_eq!(
        (&failed["failure"]["stage"], &failed["failure"]["reason"]),
        (&"tls".into(), &"unknown-issuer".into())
    );
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let text = format!(
        "[defaults.dns]\ntls = true\nca = '{}'\n[[check]]\nkind = 'dns'\n\
         target = ['A', 'a.example', '{server}']\nanswer = '192.0.2.1'\n",
        ca.path()
    );
    file.write_all(text.as_bytes()).expect("written");
    let passed = check(&[file.path().to_str().expect("a path")]);
    assert_eq!(passed["status"], "pass", "{passed:#}");
}
