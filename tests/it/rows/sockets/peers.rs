//! Peers that are gone, that flood, or that are many: J5, J6, J7, J8.

use super::fixture::{connect_to, listener, pairs, sockets, unbound, wait_for};
use super::verdicts::{finding, the_finding, until};
use crate::support::process::{Namespace, bound, hold, stopwatch};
use socket2::{SockAddr, Socket};
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A program that does not close, and a child that has the same socket: closing in one is not enough.
#[test]
fn j5_whoever_else_has_the_sockets_is_named_too() {
    let Some(namespace) = Namespace::loopback() else { return };
    let leak: Vec<Socket> =
        namespace.inside(|| pairs(9080, 12).into_iter().map(|(_, server)| server).collect());
    wait_for(&namespace, |count| count("CLOSE-WAIT") == 12);
    let shared = OwnedFd::from(leak[0].try_clone().expect("a descriptor"));
    let mut child = bound("sleep").arg("30").stdin(shared).spawn().expect("sleep starts");
    let words = ["--json", "--processes", "--tcp", "--threshold", "close-wait-age=0"];
    let document = sockets(&namespace, &words).json();
    let _ = child.kill();
    let _ = child.wait();
    let leak = the_finding(&document, "close-wait-leak");
    assert_eq!(
        (&leak["evidence"]["count"], &leak["evidence"]["pid"]),
        (&12.into(), &std::process::id().into())
    );
    let others = leak["evidence"]["also_held_by"].as_array().expect("a list");
    let child = format!("({})", child.id());
    let is_named = others.iter().any(|other| other.as_str().is_some_and(|it| it.ends_with(&child)));
    assert!(is_named, "{child} {leak:#}");
    assert!(leak["message"].as_str().expect("text").contains("held as well by"), "{leak:#}");
}

/// Connects from an address of its own each, until it is to end, to a port whose answers are lost.
fn flood(namespace: &Namespace) -> (Arc<AtomicBool>, JoinHandle<()>) {
    let network = std::fs::File::open(format!("/proc/{}/ns/net", namespace.pid())).expect("it");
    let ends = Arc::new(AtomicBool::new(false));
    let end = ends.clone();
    let thread = std::thread::spawn(move || {
        nix::sched::setns(&network, nix::sched::CloneFlags::CLONE_NEWNET).expect("root");
        let mut all = Vec::new();
        for source in 1..=20_000_u16 {
            if end.load(Ordering::Relaxed) {
                break;
            }
            let socket = unbound();
            let [high, low] = source.to_be_bytes();
            let from = SocketAddr::from(([10, 1, high, low], 0));
            socket.bind(&SockAddr::from(from)).expect("any address is local");
            let _ = socket.connect(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 9081))));
            all.push(socket);
            // Some are to wait for long, and more are to come while it is looked at.
            if source > 150 {
                hold(Duration::from_millis(20));
            }
            // Not more descriptors than a process may have.
            if all.len() > 400 {
                all.remove(300);
            }
        }
    });
    (ends, thread)
}

/// SYNs of many sources, each once, none of which completes.
#[test]
fn j6_a_flood_is_told_from_a_lossy_path() {
    let rules = "
        ip route add local 10.0.0.0/8 dev lo
        nft -f - <<'END'
table inet t {
    chain i {
        type filter hook input priority 0;
        tcp sport 9081 tcp flags & (syn | ack) == (syn | ack) drop
    }
}
END";
    let Some(namespace) = Namespace::new(rules) else { return };
    let _listener = namespace.inside(|| listener(9081, 128));
    let (ends, thread) = flood(&namespace);
    // The listener, whose backlog it is, is not listed.
    let document = flooded(&namespace, &["state", "syn-recv"]);
    ends.store(true, Ordering::Relaxed);
    thread.join().expect("it ends");
    let flood = the_finding(&document, "syn-received-flood");
    let evidence = &flood["evidence"];
    let count = evidence["syn_received"].as_u64().expect("a number");
    assert_eq!((&flood["severity"], &evidence["backlog"]), (&"critical".into(), &128.into()));
    assert!(count >= 64 && evidence["sources"] == count, "{flood:#}");
    let turned_away = ["dropped_per_second", "cookies_per_second"]
        .map(|key| evidence[key].as_u64().expect("a number"));
    assert!(turned_away.iter().sum::<u64>() > 0, "{flood:#}");
    assert_eq!(finding(&document, "syn-received-lossy"), None, "one cause, one finding");
}

/// Looks until a flood is there that turns others away: before that the queue fills up.
fn flooded(namespace: &Namespace, words: &[&str]) -> serde_json::Value {
    let since = stopwatch();
    loop {
        let document = until(namespace, words, &["syn-received-flood"]);
        if the_finding(&document, "syn-received-flood")["severity"] == "critical" {
            return document;
        }
        assert!(since() < Duration::from_secs(20), "{:#}", document["findings"]);
    }
}

/// Without SYN cookies, and while another service is busy: what completes there says nothing of the port
/// that is flooded.
#[test]
fn j6_a_flood_of_one_port_is_not_hidden_by_what_completes_at_others() {
    let rules = "
        ip route add local 10.0.0.0/8 dev lo
        echo 0 > /proc/sys/net/ipv4/tcp_syncookies
        nft -f - <<'END'
table inet t {
    chain i {
        type filter hook input priority 0;
        tcp sport 9081 tcp flags & (syn | ack) == (syn | ack) drop
    }
}
END";
    let Some(namespace) = Namespace::new(rules) else { return };
    let _listener = namespace.inside(|| listener(9081, 128));
    let busy = namespace.inside(|| TcpListener::bind("127.0.0.1:9085").expect("free"));
    let (ends, thread) = flood(&namespace);
    let network = std::fs::File::open(format!("/proc/{}/ns/net", namespace.pid())).expect("it");
    let end = ends.clone();
    let service = std::thread::spawn(move || {
        nix::sched::setns(&network, nix::sched::CloneFlags::CLONE_NEWNET).expect("root");
        while !end.load(Ordering::Relaxed) {
            let client = Socket::from(TcpStream::connect("127.0.0.1:9085").expect("it listens"));
            // A reset, so that no TIME-WAIT takes its port.
            client.set_linger(Some(Duration::ZERO)).expect("an option");
            drop((client, busy.accept().expect("a connection")));
            hold(Duration::from_millis(1));
        }
    });
    let document = flooded(&namespace, &["--tcp"]);
    ends.store(true, Ordering::Relaxed);
    thread.join().expect("it ends");
    service.join().expect("it ends");
    let flood = the_finding(&document, "syn-received-flood");
    let of = |key: &str| flood["evidence"][key].as_u64().expect("a number");
    assert_eq!((flood["subject"].as_str(), of("cookies_per_second")), (Some("port 9081"), 0));
    assert_eq!(of("completed_per_second"), 0, "{flood:#}");
    assert!(of("dropped_per_second") > 0, "{flood:#}");
    // By what the whole machine completes it would be none.
    assert!(of("completed_at_all_ports_per_second") > of("dropped_per_second"), "{flood:#}");
}

/// One end vanishes with data under way; the other is idle and would be asked.
#[test]
fn j7_a_dead_peer_is_found_and_one_that_is_asked_is_none() {
    let Some(namespace) = Namespace::loopback() else { return };
    let mut all = namespace.inside(|| pairs(9082, 2));
    let (client, server) = all.pop().expect("two");
    namespace.run(
        "nft -f - <<'END'
table inet t {
    chain i {
        type filter hook input priority 0;
        tcp sport 9082 tcp dport PORT drop
    }
}
END"
        .replace(
            "PORT",
            &client.local_addr().expect("bound").as_socket().expect("IPv4").port().to_string(),
        )
        .as_str(),
    );
    server.send(b"is anybody there").expect("it is open");
    for socket in [&all[0].0, &all[0].1] {
        socket.set_keepalive(true).expect("an option");
    }
    let words = ["--tcp", "--threshold=dead-peer-age=0", "--threshold=established-dead-peer=3"];
    let document = until(&namespace, &words, &["established-dead-peer"]);
    let dead = the_finding(&document, "established-dead-peer");
    assert_eq!((&dead["severity"], &dead["evidence"]["bytes"]), (&"critical".into(), &16.into()));
    assert_eq!(dead["evidence"]["dead"], 1, "the other is none: {dead:#}");
    // Two are idle and asked, one is idle and is not: the client that hears nothing any more.
    let words = ["--json", "--threshold=idle-age=0", "--threshold=established-no-keepalive=1"];
    let document = sockets(&namespace, &words).json();
    let idle = the_finding(&document, "established-no-keepalive");
    assert_eq!(idle["evidence"]["count"], 1, "{idle:#}");
}

/// The client ends first and is in TIME-WAIT then, whoever else still has its descriptor.
fn closed_by_client(mut client: TcpStream, mut server: TcpStream) {
    let mut byte = [0];
    client.shutdown(Shutdown::Write).expect("open");
    assert_eq!(server.read(&mut byte).expect("open"), 0);
    server.shutdown(Shutdown::Write).expect("open");
    assert_eq!(client.read(&mut byte).expect("open"), 0);
}

/// Ports to one destination: how many are used a second, when they are used up, and that they are.
#[test]
fn j8_ports_run_out_as_it_was_said() {
    let settings = "cd /proc/sys/net/ipv4
        echo 32768 33767 > ip_local_port_range
        echo 0 > tcp_tw_reuse";
    let Some(namespace) = Namespace::new(settings) else { return };
    let listener = namespace.inside(|| TcpListener::bind("127.0.0.1:9083").expect("free"));
    let connects = |namespace: &Namespace, listener: TcpListener, most: usize| {
        let network = std::fs::File::open(format!("/proc/{}/ns/net", namespace.pid())).expect("it");
        let thread = std::thread::spawn(move || {
            nix::sched::setns(&network, nix::sched::CloneFlags::CLONE_NEWNET).expect("root");
            for count in 0..most {
                match TcpStream::connect("127.0.0.1:9083") {
                    Ok(client) => closed_by_client(client, listener.accept().expect("one").0),
                    Err(fault) => return (listener, count, fault.raw_os_error()),
                }
            }
            (listener, most, None)
        });
        thread.join().expect("it ends")
    };
    let (listener, made, fault) = connects(&namespace, listener, 800);
    assert_eq!((made, fault), (800, None));
    wait_for(&namespace, |count| count("TIME-WAIT") == 800);
    let document = sockets(&namespace, &["--json"]).json();
    let low = the_finding(&document, "ephemeral-ports-low");
    assert_eq!(
        (&low["evidence"]["used"], &low["evidence"]["available"]),
        (&800.into(), &1000.into())
    );
    // All of them were closed within the last seconds, and none comes free in the next.
    let rate = low["evidence"]["new_per_second"].as_f64().expect("a rate");
    assert!(rate > 0.0 && rate <= 80.0, "{low:#}");
    let lasts = rate * 60.0 <= 1000.0;
    assert_eq!(low["evidence"]["none_left_in_s"].is_null(), lasts, "{low:#}");
    let busiest = &document["summary"]["ephemeral"]["busiest"][0];
    assert_eq!(busiest["new_per_second"], rate);
    let (_, made, fault) = connects(&namespace, listener, 300);
    assert_eq!(fault, Some(nix::libc::EADDRNOTAVAIL), "after {made}");
    assert!(made <= 200, "{made}");
    let text = sockets(&namespace, &["--quiet"]).out;
    assert!(text.contains("(EADDRNOTAVAIL, 99)"), "{text}");
}

/// A connect that is refused leaves nothing to find.
#[test]
fn j2_nothing_is_found_where_nothing_is() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _closed = namespace.inside(|| connect_to(9084));
    let document = sockets(&namespace, &["--json", "--summary"]).json();
    let codes: Vec<&str> = document["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|finding| finding["code"].as_str())
        .filter(|code| *code != "resource-near-limit")
        .collect();
    assert_eq!(codes, [""; 0]);
}
