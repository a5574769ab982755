//! Why connections are slow, and for how long they fail: outages (G3), lost SYNs and full accept queues
//! (G7).

use super::events;
use super::network::Lab;
use crate::support::process::{Ended, Process, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{SocketAddr, TcpListener};

fn service() -> TcpListener {
    TcpListener::bind("[::]:80").expect("nobody else is here")
}

/// The finding with this code.
fn finding(ended: &Ended, code: &str) -> Value {
    let document = ended.json();
    let all = document["findings"].as_array().expect("findings");
    let found = all.iter().find(|finding| finding["code"] == code);
    found.unwrap_or_else(|| panic!("no {code}: {document:#}")).clone()
}

#[test]
fn g3_a_service_that_stops_for_a_while_is_an_outage_with_its_cause() {
    let Some(lab) = Lab::new() else { return };
    let listener = lab.far.inside(service);
    let arguments = [
        "tcp-connect",
        "-o",
        "jsonl",
        "-c",
        "100000",
        "-i",
        "0.03",
        "--parallel",
        "1",
        "10.9.2.2:80",
    ];
    let process = Process::start(&mut lab.here.netdiag(&arguments));
    let so_many = |word: &'static str, most: usize| {
        move |text: &str| {
            let is_one = |line: &&str| {
                line.contains(r#""type":"attempt""#)
                    && line.contains(&format!(r#""outcome":"{word}""#))
            };
            text.lines().filter(is_one).count() >= most
        }
    };
    process.until_out(so_many("connected", 3));
    drop(listener);
    let before = process.until_out(so_many("refused", 5));
    let known = events_of(&before, "connected");
    let _listener = lab.far.inside(service);
    process.until_out(so_many("connected", known + 3));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");

    let told = events(&ended.out);
    let attempts: Vec<&Value> = told.iter().filter(|event| event["type"] == "attempt").collect();
    let refused = attempts.iter().position(|one| one["outcome"] == "refused").expect("one");
    let again = refused
        + attempts[refused..].iter().position(|one| one["outcome"] == "connected").expect("one");
    let outages: Vec<&Value> = told.iter().filter(|event| event["type"] == "outage").collect();
    assert_eq!(outages.len(), 2, "{outages:?}");
    assert_eq!((&outages[0]["state"], &outages[0]["cause"]), (&"begin".into(), &"refused".into()));
    let end = outages[1];
    assert_eq!((&end["state"], &end["cause"]), (&"end".into(), &"refused".into()));
    assert_eq!(end["lost"], again - refused, "{end}");
    // From the start of the first one that was refused to that of the first one that opened again.
    let started = |place: usize| {
        let attempt: &Value = attempts[place];
        attempt["offset_ms"].as_f64().expect("a time")
            - attempt["settled_ms"].as_f64().expect("one")
    };
    let length = end["duration_ms"].as_f64().expect("a time");
    assert!((length - (started(again) - started(refused))).abs() < 0.01, "{end}");
    let target = told.iter().find(|event| event["type"] == "target").expect("one");
    assert_eq!(target["loss_percent"], 0.0, "refused is an answer: {target}");
    assert_eq!(target["refused"], again - refused, "{target}");
}

fn events_of(out: &str, outcome: &str) -> usize {
    // The last line may not be whole yet.
    let whole = out.rfind('\n').map_or("", |end| &out[..end]);
    let all = events(whole);
    all.iter().filter(|event| event["outcome"] == outcome).count()
}

#[test]
fn g7_a_lost_first_syn_explains_a_connection_that_took_a_second() {
    let Some(lab) = Lab::new() else { return };
    let _listener = lab.far.inside(service);
    lab.far.run(
        "nft -f - <<'END'
table inet t { chain i { type filter hook input priority 0;
    tcp dport 80 tcp flags & (syn | ack) == syn numgen inc mod 1000 0 drop
}; }
END",
    );
    let arguments = ["tcp-connect", "--json", "10.9.2.2:80"];
    let ended = run(&mut lab.here.netdiag(&arguments));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    let result = &target["results"][0];
    assert_eq!((&result["outcome"], &result["syn_retransmits"]), (&"connected".into(), &1.into()));
    assert!(result["connect_ms"].as_f64().is_some_and(|ms| ms >= 1_000.0), "{result}");
    assert_eq!(result["handshake_rtt_ms"], Value::Null, "{result}");
    assert_eq!(target["tcp_info"]["total_retrans"], 1, "{target:#}");
    let finding = finding(&ended, "syn-retransmitted");
    assert_eq!(finding["evidence"]["retransmits"], 1, "{finding}");
    let said = finding["message"].as_str().expect("text");
    assert!(said.contains("because the first SYN or its answer was lost"), "{said}");
    // Without that it is one round trip, and nothing is said.
    let ended = run(&mut lab.here.netdiag(&arguments));
    assert_eq!(ended.json()["findings"], Value::Array(Vec::new()), "{ended:?}");
}

/// A service with room for one connection that nobody accepts.
fn full_service(address: &str) -> Socket {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).expect("a socket");
    let address: SocketAddr = address.parse().expect("an address");
    socket.bind(&SockAddr::from(address)).expect("nobody else is here");
    socket.listen(0).expect("bound");
    socket
}

#[test]
fn g7_a_full_accept_queue_opens_one_connection_and_then_drops_syns() {
    let Some(lab) = Lab::new() else { return };
    let _listener = lab.far.inside(|| full_service("[::]:80"));
    let options =
        ["tcp-connect", "--json", "-c", "3", "-i", "0.05", "--parallel", "1", "-W", "1.5"];
    let alone = run(lab.here.netdiag(&options).arg("10.9.2.2:80"));
    let target = alone.target();
    assert_eq!((&target["succeeded"], &target["timeouts"]), (&1.into(), &2.into()), "{target:#}");
    let said = finding(&alone, "accept-queue-possible");
    let said = said["message"].as_str().expect("text");
    assert!(said.contains("handshake was done but the accept queue is full"), "{said}");
    assert!(said.contains("or the path was cut"), "without another port it is not known: {said}");

    // Port 81 refuses all the while, so the path is whole.
    let _other = lab.far.inside(|| full_service("[::]:82"));
    let both = run(lab.here.netdiag(&options).args(["10.9.2.2", "81,82"]));
    let finding = finding(&both, "accept-queue-suspected");
    assert_eq!(finding["evidence"]["sister_port"], 81, "{finding}");
    assert_eq!(finding["evidence"]["connected"], 1, "{finding}");
    let advice = finding["advice"].as_str().expect("text");
    assert!(advice.contains("netdiag sockets :82 --listening"), "{advice}");
}
