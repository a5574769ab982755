//! A filter chooses what is listed; what is wrong, who cannot be seen and what becomes of a socket does
//! not depend on it.

use super::fixture::{States, connect_to, listener, pair, pairs, sockets, wait_for};
use super::list;
use super::verdicts::{finding, the_finding};
use crate::rows::events;
use crate::support::process::{Namespace, Process, run};
use crate::support::schema;
use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::Socket;

/// Three connections that no program has accepted.
fn not_accepted() -> Option<(Namespace, Vec<Socket>)> {
    let namespace = Namespace::loopback()?;
    let kept = namespace.inside(|| {
        let mut all = vec![listener(9050, 16)];
        all.extend((0..3).map(|_| connect_to(9050)));
        all
    });
    wait_for(&namespace, |count| count("ESTABLISHED") == 6);
    Some((namespace, kept))
}

#[test]
fn j2_what_is_wrong_is_found_whatever_is_listed() {
    let Some((namespace, _kept)) = not_accepted() else { return };
    let code = "established-not-accepted";
    let age = "--threshold=not-accepted-age=0";
    for words in [&["state", "established"][..], &["not", "state", "listen"], &["sport", ":9050"]] {
        let document = sockets(&namespace, &[&["--json", age], words].concat()).json();
        schema::check("sockets", &document);
        let found = the_finding(&document, code);
        assert_eq!(found["evidence"]["count"], 3, "{words:?}");
        assert_eq!(document["summary"]["warnings_not_listed"], 0, "{words:?}");
        let fails = ["--fail-if", "findings.warning>0", age];
        assert_eq!(sockets(&namespace, &[&fails, words].concat()).code(), Some(1), "{words:?}");
    }
    // The other ends are as they should be, but it is said that something else is not.
    let document = sockets(&namespace, &["--json", age, "dport", ":9050"]).json();
    assert_eq!((finding(&document, code), list(&document).len()), (None, 3));
    assert_eq!(document["summary"]["warnings_not_listed"], 1);
    let text = sockets(&namespace, &[age, "dport", ":9050"]).out;
    let said = "none of these is suspicious; 1 to look at among sockets that are not listed";
    assert!(text.contains(said), "{text}");
    // Where few are wanted the others are not read, and that is said.
    let document = sockets(&namespace, &["--json", "state", "close-wait"]).json();
    let read = serde_json::json!(["LISTEN", "CLOSE-WAIT"]);
    assert_eq!(
        (&document["summary"]["states_read"], &document["summary"]["ephemeral"]),
        (&read, &Value::Null)
    );
    let text = sockets(&namespace, &["--listening", "--tcp"]).out;
    assert!(text.contains("; none of these is suspicious; only LISTEN was read"), "{text}");
    let text = sockets(&namespace, &["--udp"]).out;
    assert!(!text.contains("suspicious"), "UDP has no state: {text}");
}

/// Ports in use are those of all connections, and those of a state are told by their listener.
#[test]
fn j2_a_summary_of_some_states_has_its_ports_from_all() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept: Vec<Socket> = namespace.inside(|| {
        // The listener stays.
        let listener: std::net::TcpListener = listener(9051, 64).into();
        let mut kept = Vec::new();
        for turn in 0..9 {
            let client = connect_to(9051);
            let (server, _) = listener.accept().expect("a connection");
            kept.push(server.into());
            // Of some the other end is closed.
            if turn < 3 {
                client.shutdown(std::net::Shutdown::Write).expect("open");
            }
            kept.push(client);
        }
        kept.push(listener.into());
        kept
    });
    wait_for(&namespace, |count| count("CLOSE-WAIT") == 3 && count("ESTABLISHED") == 12);
    for states in ["established", "close-wait", "fin-wait-2"] {
        let document = sockets(&namespace, &["--json", "--summary", "state", states]).json();
        let busiest = &document["summary"]["ephemeral"]["busiest"][0];
        assert_eq!((&busiest["used"], &busiest["remote"]["port"]), (&9.into(), &9051.into()));
        let row = &document["summary"]["states"][0];
        assert_eq!(row["ports"][0]["value"], 9051, "{row:#}");
    }
    let states = ["--fail-if", "ephemeral>0.02", "state", "close-wait"];
    assert_eq!(sockets(&namespace, &states).code(), Some(1), "9 of 28,232 are 0.03 %");
}

/// Who has a socket of another user this one cannot know; it may be whom was asked for.
#[test]
fn j1_what_may_be_meant_is_said_to_be_not_visible() {
    let Some((namespace, _kept)) = not_accepted() else { return };
    namespace.let_nobody_in();
    let pid = std::process::id().to_string();
    for words in [&["pid", &pid][..], &["not", "pid", &pid, "and", "state", "listen"]] {
        for quiet in [&[][..], &["--quiet"]] {
            let ended = run(&mut namespace.nobody(&[&["sockets", "--tcp"], quiet, words].concat()));
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            let said =
                format!("= no tcp socket is known to match the filter '{}'; ", words.join(" "));
            let said = ended.out.contains(&said) && ended.out.contains(": it may be among them");
            assert!(said, "{ended:?}");
        }
        let ended = run(&mut namespace.nobody(&[&["sockets", "--tcp", "--json"], words].concat()));
        let document = ended.json();
        assert_eq!(list(&document).len(), 0);
        assert!(document["summary"]["owners_not_visible"].as_u64() >= Some(1), "{document:#}");
    }
    let watch = ["sockets", "--tcp", "--watch", "0.01", "--count", "1", "pid", &pid];
    let ended = run(&mut namespace.nobody(&watch));
    assert!(ended.out.contains("owners of 4 not visible to this user: they may be"), "{ended:?}");
    // A name that is longer than what the kernel keeps of one.
    let mut named = namespace.command("bash");
    let script = "exec -a x bash -c 'printf longer-than-fifteen > /proc/self/comm; \
                  exec 3<>/dev/tcp/127.0.0.1/9050; echo ready; while sleep 1; do :; done'";
    named.args(["-c", script]);
    let process = Process::start(&mut named);
    process.until_out(|out| out.contains("ready"));
    let document = sockets(&namespace, &["--json", "process", "longer-than-fifteen"]).json();
    assert_eq!(list(&document).len(), 1, "{document:#}");
}

/// A container with the network of the machine: who is outside of its PID namespace may have anything.
#[test]
fn j1_outside_of_a_pid_namespace_nobody_is_known_to_have_nothing() {
    let Some((namespace, _kept)) = not_accepted() else { return };
    let mut command = namespace.command("unshare");
    command.args(["--pid", "--fork", "--mount-proc", crate::support::process::NETDIAG]);
    let ended = run(command.args(["sockets", "--tcp", "--processes", "--json", "state", "listen"]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    assert_eq!(list(&document)[0]["owner"], "not-visible", "{document:#}");
    assert_eq!(document["summary"]["owners_not_visible"], 1);
    let lost = document["method"]["lost"][0].as_str().unwrap_or_default();
    assert_eq!(lost, "the descriptors of processes outside of this PID namespace");
}

/// What no process has is no user's, though the kernel says 0.
#[test]
fn j1_time_wait_belongs_to_no_user() {
    let Some(states) = States::new() else { return };
    let listed = |words: &[&str]| {
        let document = sockets(&states.namespace, &[&["--json", "--tcp"], words].concat()).json();
        list(&document).len()
    };
    assert_eq!(listed(&["uid", "0", "state", "time-wait"]), 0);
    assert_eq!(listed(&["not", "uid", "0", "state", "time-wait"]), 1);
    assert_eq!(listed(&["uid", "0", "state", "close-wait"]), 1);
    for words in [&["state", "!listen"][..], &["state", "l.i.s.t.e.n"], &["state", "^listen"]] {
        let ended = sockets(&states.namespace, words);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{words:?}");
        assert!(ended.err.contains("is no state"), "{ended:?}");
    }
    let orphan = sockets(&states.namespace, &["state", "fin-wait-2"]).out;
    assert!(!orphan.contains("time-wait") && orphan.contains("  orphan "), "{orphan}");
}

/// What goes on to a state that is not wanted has not been closed.
#[test]
fn j9_what_leaves_a_filter_goes_on() {
    let Some(namespace) = Namespace::loopback() else { return };
    let (client, server) = namespace.inside(|| pair(9052));
    let words = ["sockets", "--watch", "0.05", "--tcp", "-o", "jsonl", "state", "established"];
    let process = Process::start(&mut namespace.netdiag(&words));
    process.until_out(|out| out.contains("\"start\""));
    drop(client);
    process.until_out(|out| out.matches("\"previous_state\":\"ESTABLISHED\"").count() >= 2);
    drop(server);
    let (again, other) = namespace.inside(|| pair(9053));
    process.until_out(|out| out.matches("\"change\":\"opened\"").count() >= 2);
    drop((again, other));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let all = events(&ended.out);
    let of = |port: u64| -> Vec<(String, String)> {
        let is_at =
            |event: &&Value| event["local"]["port"] == port || event["remote"]["port"] == port;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        all.iter()
            .filter(is_at)
            .map(|event| (text(&event["change"]), text(&event["state"])))
            .collect()
    };
    let mut left = of(9052);
    left.sort();
    let state = |state: &str| ("state".to_owned(), state.to_owned());
    assert_eq!(left, [state("CLOSE-WAIT"), state("FIN-WAIT-2")], "{ended:?}");
}

/// Ports that are reserved are none that the kernel picks, whoever has them.
#[test]
fn j8_reserved_ports_are_not_used_up() {
    let settings = "cd /proc/sys/net/ipv4
        echo 40000 40099 > ip_local_port_range
        echo 40050-40099 > ip_local_reserved_ports";
    let Some(namespace) = Namespace::new(settings) else { return };
    let _kept: Vec<Socket> = namespace.inside(|| {
        let mut kept = vec![listener(9054, 128)];
        for port in 40_050..40_095_u16 {
            let socket = super::fixture::unbound();
            let from = std::net::SocketAddr::from(([127, 0, 0, 1], port));
            socket.bind(&from.into()).expect("free");
            let to = std::net::SocketAddr::from(([127, 0, 0, 1], 9054));
            let _ = socket.connect(&to.into());
            kept.push(socket);
        }
        kept.push(connect_to(9054));
        kept
    });
    wait_for(&namespace, |count| count("ESTABLISHED") == 92);
    let document = sockets(&namespace, &["--json"]).json();
    assert_eq!(finding(&document, "ephemeral-ports-low"), None);
    let ephemeral = &document["summary"]["ephemeral"];
    let busiest = &ephemeral["busiest"][0];
    assert_eq!(
        [&ephemeral["reserved"], &busiest["used"], &busiest["available"]],
        [&Value::from(50), &1.into(), &50.into()]
    );
}

/// The share of what was sent again is one of all that was sent.
#[test]
fn j3_counters_since_the_namespace_began_say_what_they_are() {
    let rules = "nft -f - <<'END'
table inet t {
    chain i {
        type filter hook input priority 0;
        tcp sport 9055 tcp flags & (syn | ack) == (syn | ack) drop
    }
}
END";
    let Some(namespace) = Namespace::new(rules) else { return };
    let _kept: Vec<Socket> = namespace.inside(|| {
        let mut all = vec![listener(9055, 8), connect_to(9055)];
        all.extend(pairs(9056, 1).into_iter().flat_map(|(client, server)| {
            client.set_linger(Some(std::time::Duration::ZERO)).expect("an option");
            drop(client);
            [server]
        }));
        all
    });
    let document = super::verdicts::until(
        &namespace,
        &["--threshold=syn-sent-unanswered=1"],
        &["syn-sent-unanswered"],
    );
    let counted = &document["summary"]["since_boot"];
    assert_eq!(counted["resets_received"], counted["connections_reset"]);
    assert_eq!((&counted["connections_reset"], &counted["resets_sent"]), (&2.into(), &1.into()));
    let text = sockets(&namespace, &["--summary"]).out;
    let said = "2 reset at either end, 1 RST sent";
    assert!(text.contains("since this network namespace began: retransmitted "), "{text}");
    assert!(text.contains(said), "{text}");
}

/// Names of services and users are read once rights are given up, also where few files are left.
#[test]
fn j1_names_in_a_filter_stand_for_numbers() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept = namespace.inside(|| listener(443, 16));
    for words in [&[":https"][..], &["sport=:80,https"], &["uid", "root"], &["src", "*:https"]] {
        for more in [&["--json"][..], &["--json", "--summary=states"]] {
            let document = sockets(&namespace, &[more, words].concat()).json();
            assert_eq!(document["summary"]["tcp"]["LISTEN"], 1, "{words:?} {more:?}");
        }
    }
    for (words, said) in [
        (&["tcp", "and", ":htps"][..], "'htps' is no port and no service at character 10\n"),
        (&["uid", "no-such-user"], "'no-such-user' is no user of /etc/passwd at character 5\n"),
        (&["dst", "localhost"], "at character 5; a filter looks up no names of hosts\n"),
    ] {
        let ended = sockets(&namespace, words);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.ends_with(said), "{ended:?}");
    }
}
