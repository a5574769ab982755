//! Names: never on the timing path, escaped, and who did not answer is named (A10, N4, B19).
//! The only name server is a test's own, on the loopback of its namespace.

use super::network::Lab;
use crate::support::process::{Ended, NETDIAG, Namespace, Process, has, run, stopwatch};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::time::Duration;

/// The start of the program and a busy machine.
const NOISE: Duration = Duration::from_millis(400);
const SERVER: &str = "127.0.0.1";

/// An answer to `question` (RFC 1035 section 4.1) with a code and perhaps one record's data.
pub(in crate::rows) fn answer(question: &[u8], code: u8, data: Option<&[u8]>) -> Option<Vec<u8>> {
    let labels = question.get(12..)?;
    let end = 12 + labels.iter().position(|byte| *byte == 0)? + 5;
    let mut message = question.get(..end)?.to_vec();
    // A response with recursion; one question, no more of the others than we write.
    message[2..4].copy_from_slice(&[0x81, 0x80 | code]);
    message[4..12].copy_from_slice(&[0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    if let Some(data) = data {
        // The question's name by a pointer, its type and class, a TTL of 60 s.
        message.extend([0xc0, 12]);
        message.extend_from_slice(question.get(end - 4..end)?);
        message.extend([0, 0, 0, 60]);
        message.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        message.extend_from_slice(data);
    }
    Some(message)
}

/// Each address has a name that takes over a terminal.
fn evil(question: &[u8]) -> Option<Vec<u8>> {
    answer(question, 0, Some(b"\x0cx\x1b[31m\x07\r\nown\x07example\x00"))
}

fn good(question: &[u8]) -> Option<Vec<u8>> {
    answer(question, 0, Some(b"\x04here\x07example\x00"))
}

fn nxdomain(question: &[u8]) -> Option<Vec<u8>> {
    answer(question, 3, None)
}

fn silent(_: &[u8]) -> Option<Vec<u8>> {
    None
}

fn ping(server: fn(&[u8]) -> Option<Vec<u8>>, arguments: &[&str]) -> Option<Ended> {
    let namespace = Namespace::with_resolver(SERVER)?;
    namespace.serve_names(server);
    Some(run(namespace.netdiag(&["ping"]).args(arguments)))
}

#[test]
fn a10_a_dead_server_does_not_hold_a_measurement() {
    let least = Duration::from_millis(200) + NOISE;
    let Some(piped) = ping(silent, &["-c", "1", "192.0.2.5"]) else { return };
    assert_eq!(piped.code(), Some(0), "{piped:?}");
    assert!(piped.took < Duration::from_millis(200) + NOISE, "no name is asked for: {piped:?}");
    for arguments in [&["-c", "1", "--names", "192.0.2.5"][..], &["-c", "1", "--names", "::1"]] {
        let Some(ended) = ping(silent, arguments) else { return };
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert!(ended.took < least, "{ended:?}");
    }
    let Some(ended) = ping(silent, &["-c", "3", "-i", "0.05", "--names", "192.0.2.5"]) else {
        return;
    };
    assert!(ended.out.contains("3 received"), "{ended:?}");
    assert!(ended.took < least + Duration::from_millis(100), "{ended:?}");

    let Some(namespace) = Namespace::with_resolver(SERVER) else { return };
    if !has("script") {
        return;
    }
    namespace.serve_names(silent);
    let command = format!("{NETDIAG} ping -c 1 192.0.2.5");
    let ended = run(namespace.command("script").args(["-qec", &command, "/dev/null"]));
    assert!(ended.out.contains("1 received"), "{ended:?}");
    assert!(ended.took < least, "{ended:?}");
}

#[test]
fn a10_a_name_is_shown_where_it_was_asked_for() {
    let Some(ended) = ping(good, &["-c", "3", "-i", "0.2", "--names", "192.0.2.5"]) else { return };
    assert!(ended.out.contains("from here.example (192.0.2.5): icmp_seq=3 "), "{ended:?}");
    let Some(ended) = ping(good, &["-c", "2", "-i", "0.1", "--names", "--json", "192.0.2.5"])
    else {
        return;
    };
    assert_eq!(ended.target()["hostname"], "here.example", "{ended:?}");
    for without in [&["-c", "2", "-i", "0.1", "192.0.2.5"][..], &["-n", "-c", "1", "192.0.2.5"]] {
        let Some(ended) = ping(good, without) else { return };
        assert!(!ended.out.contains("example"), "{ended:?}");
    }
}

#[test]
fn n4_a_name_cannot_write_to_the_terminal() {
    for form in ["text", "csv", "json", "jsonl"] {
        let arguments = ["-c", "3", "-i", "0.2", "--names", "-o", form, "192.0.2.5"];
        let Some(ended) = ping(evil, &arguments) else { return };
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert!(ended.out.contains("own"), "the name is shown: {ended:?}");
        // As \\u{..}, or RFC 1035's \\DDD, which is decimal; JSON doubles the backslash.
        let escapes = ["\\u{1b}", "\\027", "\\u001b"];
        assert!(escapes.iter().any(|escape| ended.out.contains(escape)), "{form}: {ended:?}");
        let raw = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
        assert!(!raw(&ended.out) && !raw(&ended.err), "{form}: {ended:?}");
        // Nor does it make lines of its own.
        assert!(!ended.out.lines().any(|line| line.starts_with("own")), "{form}: {ended:?}");
    }
}

/// `netdiag sweep` of a target that answers.
fn sweep(server: fn(&[u8]) -> Option<Vec<u8>>, form: &str) -> Option<Ended> {
    let namespace = Namespace::with_resolver(SERVER)?;
    namespace.serve_names(server);
    let arguments = ["sweep", "--names", "--output", form, "192.0.2.5"];
    Some(run(&mut namespace.netdiag(&arguments)))
}

#[test]
fn a10_n4_a_sweep_shows_names_where_they_were_asked_for() {
    for form in ["text", "csv", "json", "jsonl"] {
        let Some(ended) = sweep(good, form) else { return };
        assert_eq!(ended.out.matches("here.example").count(), 1, "{ended:?}");
        let Some(ended) = sweep(evil, form) else { return };
        assert_eq!(ended.out.matches("own.example").count(), 1, "{form}: {ended:?}");
        assert!(!ended.out.chars().any(|c| c.is_control() && c != '\n'), "{form}: {ended:?}");
    }
}

#[test]
fn a10_a_dead_server_holds_no_sweep_and_is_told() {
    let Some(ended) = sweep(silent, "json") else { return };
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.took < Duration::from_millis(500) + NOISE, "{ended:?}");
    let json = ended.json();
    assert_eq!(json["findings"][0]["code"], "names-unknown", "{ended:?}");
    assert_eq!(json["findings"][0]["evidence"]["late"], 1, "{ended:?}");
    let Some(ended) = sweep(nxdomain, "json") else { return };
    assert_eq!(ended.json()["findings"].as_array().map(Vec::len), Some(0), "no name: {ended:?}");
}

#[test]
fn b19_a_name_that_does_not_exist_is_an_answer_of_a_server() {
    let Some(ended) = ping(nxdomain, &["-c", "1", "gone.example"]) else { return };
    assert_eq!((ended.code(), ended.err.lines().count()), (Some(1), 1), "{ended:?}");
    assert!(ended.err.contains("cannot resolve gone.example: "), "{ended:?}");
    assert!(ended.err.contains("NXDOMAIN") && ended.err.contains(SERVER), "{ended:?}");
    let Some(ended) = ping(nxdomain, &["-c", "1", "--json", "gone.example", "127.0.0.1"]) else {
        return;
    };
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    let document = ended.json();
    let failure = &document["targets"][0]["failure"];
    assert_eq!(failure["stage"], "resolve", "{ended:?}");
    assert_eq!(document["targets"][0]["loss_percent"], Value::Null, "{ended:?}");
    assert_eq!(document["targets"][1]["received"], 1, "{ended:?}");
}

#[test]
fn b19_a_silent_server_is_named_within_six_seconds() {
    let Some(ended) = ping(silent, &["-c", "1", "--json", "slow.example"]) else { return };
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.took < Duration::from_secs(6), "{ended:?}");
    let failure = &ended.target()["failure"];
    let message = failure["message"].as_str().expect("text");
    assert!(message.contains("cannot resolve slow.example: 127.0.0.1 timed out"), "{message}");
}

/// Whoever says at once that it will not answer is not waited for, and what it said is told.
#[test]
fn b19_a_server_that_refuses_or_fails_is_told_as_that_at_once() {
    type Server = Option<fn(&[u8]) -> Option<Vec<u8>>>;
    let servfail: Server = Some(|question| answer(question, 2, None));
    let refused: Server = Some(|question| answer(question, 5, None));
    let errno = serde_json::json!({"number": 111, "name": "ECONNREFUSED"});
    for (address, server, reason, errno, said) in [
        ("127.0.0.1", None, "refused", &errno, "127.0.0.1 refused: nothing listens on its port ("),
        ("::1", None, "refused", &errno, "::1 refused: nothing listens on its port ("),
        ("127.0.0.1", servfail, "servfail", &Value::Null, "127.0.0.1 answered SERVFAIL ("),
        ("127.0.0.1", refused, "refused", &Value::Null, "127.0.0.1 answered REFUSED ("),
    ] {
        let Some(namespace) = Namespace::with_resolver(address) else { return };
        if let Some(server) = server {
            namespace.serve_names(server);
        }
        for command in ["ping", "sweep"] {
            let ended = run(&mut namespace.netdiag(&[command, "--json", "-c", "1", "a.example"]));
            assert_eq!(ended.code(), Some(3), "{ended:?}");
            assert!(ended.took < Duration::from_secs(2), "5 s are for the silent: {ended:?}");
            let (document, failure) = (ended.json(), &ended.target()["failure"]);
            assert_eq!(
                (&failure["stage"], &failure["reason"]),
                (&"resolve".into(), &reason.into())
            );
            assert_eq!(&failure["errno"], errno, "{ended:?}");
            let message = failure["message"].as_str().expect("text");
            assert!(message.starts_with(&format!("cannot resolve a.example: {said}")), "{message}");
            // Nothing is known of the host, so nothing is said of it.
            assert_eq!(
                (&document["status"], &document["findings"]),
                (&"unknown".into(), &serde_json::json!([]))
            );
        }
        let ended = run(&mut namespace.netdiag(&["ping", "-c", "1", "a.example"]));
        assert!(ended.err.contains(said), "{ended:?}");
        let ended = run(&mut namespace.netdiag(&["ping", "--classic", "-c", "1", "a.example"]));
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert_eq!(ended.err, "ping: a.example: Temporary failure in name resolution\n");
    }
}

/// A router's word is not one of this machine.
#[test]
fn b19_a_server_that_a_router_does_not_reach_is_told_as_that() {
    let Some(lab) = Lab::new() else { return };
    lab.here.run(
        "mount -t tmpfs none /mnt; echo 'nameserver 10.9.2.99' > /mnt/resolv.conf
         mount --bind /mnt/resolv.conf /etc/resolv.conf",
    );
    for (kind, said) in [
        ("host-unreachable", "no neighbour has its address, says a router or this machine"),
        ("net-unreachable", "a router has no route to it"),
    ] {
        lab.router.run(&format!(
            "nft flush ruleset; nft -f - <<'END'\n\
             table inet t {{ chain f {{ type filter hook forward priority 0;\n\
             ip daddr 10.9.2.99 reject with icmp type {kind}; }}; }}\nEND"
        ));
        let ended = run(&mut lab.here.netdiag(&["ping", "-c", "1", "a.example"]));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let said = format!("10.9.2.99 not reached: {said} (E");
        assert!(ended.err.contains(&said), "{ended:?}");
    }
}

#[test]
fn b19_after_one_that_refuses_the_next_server_is_asked_at_once() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.2") else { return };
    namespace.run("echo 'nameserver 127.0.0.1' >> /etc/resolv.conf");
    namespace.serve_names(|question| answer(question, 0, Some(&[127, 0, 0, 3])));
    let ended = run(&mut namespace.netdiag(&["ping", "-4", "-c", "1", "--json", "a.example"]));
    assert_eq!((ended.code(), &ended.target()["address"]), (Some(0), &"127.0.0.3".into()));
    // A server that is silent has a second for itself.
    assert!(ended.took < Duration::from_secs(1), "{ended:?}");
}

#[test]
fn b19_several_names_are_looked_up_at_once_and_keep_their_order() {
    let names = ["a.example", "b.example", "127.0.0.1", "c.example", "d.example"];
    let arguments = [&["-c", "1", "--json"][..], &names].concat();
    let Some(ended) = ping(silent, &arguments) else { return };
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.took < Duration::from_secs(9), "one after the other it takes 20 s: {ended:?}");
    let document = ended.json();
    let targets = document["targets"].as_array().expect("targets");
    assert_eq!(targets.iter().map(|target| &target["target"]).collect::<Vec<_>>(), names);
    assert_eq!(targets[2]["received"], 1, "{ended:?}");
    for silent in [0, 1, 3, 4] {
        assert_eq!(targets[silent]["failure"]["reason"], "no-resolver", "{ended:?}");
    }
}

#[test]
fn b19_without_any_server_addresses_work() {
    let script = "ip addr add 192.0.2.5/32 dev lo
                  mount -t tmpfs none /mnt; touch /mnt/resolv.conf
                  mount --bind /mnt/resolv.conf /etc/resolv.conf";
    for content in ["", "garbage \u{1}\nnameserver\nnameserver x"] {
        let Some(namespace) = Namespace::new(script) else { return };
        namespace.run(&format!("printf '{content}' > /etc/resolv.conf"));
        let arguments = ["ping", "-c", "1", "--names", "192.0.2.5", "localhost"];
        let ended = run(&mut namespace.netdiag(&arguments));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        assert!(ended.took < Duration::from_millis(600) + NOISE, "{ended:?}");
        let ended = run(&mut namespace.netdiag(&["ping", "-c", "1", "b.example"]));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let said = "cannot resolve b.example: /etc/resolv.conf: names no server: add a line";
        assert!(ended.err.contains(said), "{ended:?}");
    }
}

/// The end of a chain of names is shown as the classic tool shows it, and what was given otherwise.
#[test]
fn an_alias_is_told_by_its_other_name_to_who_expects_that() {
    let Some(namespace) = Namespace::with_resolver(SERVER) else { return };
    namespace.serve_names(|question| {
        let mut message = answer(question, 0, Some(b"\x05canon\x07example\x00"))?;
        // Its record is a CNAME (RFC 1035 section 3.3.1), and there is another: the address of that name.
        let at = message.len() - 15 - 10;
        message[7] = 2;
        message[at..at + 2].copy_from_slice(&[0, 5]);
        let name = u8::try_from(message.len() - 15).ok()?;
        message.extend([0xc0, name, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 3]);
        Some(message)
    });
    let ping = |words: &[&str]| run(namespace.netdiag(&["ping", "-4", "-c1"]).args(words));
    let classic = ping(&["--classic", "a.example"]);
    assert!(classic.out.starts_with("PING canon.example (127.0.0.3) 56(84)"), "{classic:?}");
    assert!(classic.out.contains("--- canon.example ping statistics"), "{classic:?}");
    let ours = ping(&["--json", "a.example"]);
    let target = ours.target();
    let known = (&target["target"], &target["address"]);
    assert_eq!(known, (&"a.example".into(), &"127.0.0.3".into()), "{ours:?}");
}

/// What ends the run ends the wait for names, too, and leaves the others the time to be measured.
#[test]
fn a_deadline_bounds_the_look_up_of_names() {
    let Some(namespace) = Namespace::with_resolver(SERVER) else { return };
    namespace.serve_names(silent);
    // Without the deadline it takes 5 s.
    let end = Duration::from_secs(4);
    for command in ["ping", "sweep", "trace"] {
        let arguments = [command, "--json", "--deadline", "1", "slow.example"];
        let ended = run(&mut namespace.netdiag(&arguments));
        assert!(ended.took < end, "{ended:?}");
        assert_eq!(ended.target()["failure"]["reason"], "no-resolver", "{ended:?}");
    }
    for words in ["ping -c 1", "sweep", "trace --queries 1"] {
        let mut arguments: Vec<&str> = words.split(' ').collect();
        arguments.extend(["--json", "--deadline", "2", "127.0.0.1", "slow.example"]);
        let ended = run(&mut namespace.netdiag(&arguments));
        assert!(ended.took < end, "{ended:?}");
        let document = ended.json();
        assert_eq!(document["targets"][1]["failure"]["reason"], "no-resolver", "{ended:?}");
        let known = &document["targets"][0];
        let count = known.get("received").or_else(|| known.pointer("/hops/0/received"));
        assert_eq!(count, Some(&1.into()), "{words}: {ended:?}");
    }
    // iputils' deadline begins when the name is known.
    let ended = run(&mut namespace.netdiag(&["ping", "--classic", "-w", "1", "slow.example"]));
    assert!(ended.took > Duration::from_secs(3), "{ended:?}");
}

/// A server that never answers does not keep anybody from ending the run with a document.
#[test]
fn a_signal_during_a_look_up_ends_it_with_what_is_known() {
    let Some(namespace) = Namespace::with_resolver("127.0.0.1") else { return };
    namespace.serve_names(|_| None);
    // SIGQUIT has nothing to show yet, and ends nothing.
    for (before, signal, code) in [
        (None, Signal::SIGINT, Some(3)),
        (Some(Signal::SIGQUIT), Signal::SIGINT, Some(3)),
        (None, Signal::SIGTERM, None),
    ] {
        // Beside an address, whose measurement never begins, and with none at all.
        for (command, first) in [
            ("ping", "127.0.0.1"),
            ("ping", "c.example"),
            ("sweep", "127.0.0.1"),
            ("sweep", "c.example"),
            ("trace", "c.example"),
        ] {
            let arguments = [command, "--json", first, "a.example", "b.example"];
            let process = Process::start(&mut namespace.netdiag(&arguments));
            let status = format!("/proc/{}/status", process.id());
            // Once the signals are held it is the look-up that must hear of them.
            let held = || {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let blocked = text.lines().find_map(|line| line.strip_prefix("SigBlk:\t"));
                blocked.is_some_and(|mask| mask.ends_with("4007"))
            };
            let since = stopwatch();
            while !held() {
                assert!(since() < Duration::from_secs(5), "{command}: no look-up");
                std::thread::yield_now();
            }
            before.into_iter().chain([signal]).for_each(|signal| process.signal(signal));
            let ended = process.wait();
            assert_eq!(ended.code(), code, "{ended:?}");
            assert!(ended.took < Duration::from_secs(4), "{ended:?}");
            let targets = ended.json()["targets"].as_array().expect("targets").clone();
            assert_eq!(targets.len(), 3, "{ended:?}");
            let document = ended.json();
            let how = (&document["complete"], &document["ended_by"]);
            assert_eq!(how, (&false.into(), &"signal".into()), "{ended:?}");
            let is_address = first == "127.0.0.1";
            if is_address {
                let known = (&targets[0]["sent"], &targets[0]["failure"]);
                assert_eq!(known, (&0.into(), &Value::Null), "{ended:?}");
            }
            for target in &targets[usize::from(is_address)..] {
                assert_eq!(target["failure"]["reason"], "interrupted", "{ended:?}");
            }
        }
    }
}
