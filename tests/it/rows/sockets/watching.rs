//! What changes is told with the time that it took (J3, J9).

use super::fixture::{connect_to, listener, pair};
use crate::rows::{events, the};
use crate::support::process::{Namespace, Process};
use nix::sys::signal::Signal;
use serde_json::Value;

#[test]
fn j9_changes_are_told_as_they_are_seen() {
    let Some(namespace) = Namespace::loopback() else { return };
    let words = ["sockets", "--watch", "0.05", "--tcp", "-o", "jsonl"];
    let process = Process::start(&mut namespace.netdiag(&words));
    process.until_out(|out| out.contains("\"start\""));
    let _first = namespace.inside(|| listener(9041, 1));
    process.until_out(|out| out.contains("9041"));
    let (client, server) = namespace.inside(|| pair(9040));
    process.until_out(|out| out.matches("\"change\":\"opened\"").count() >= 3);
    drop(client);
    process.until_out(|out| out.contains("CLOSE-WAIT"));
    drop(server);
    process.until_out(|out| out.contains("\"previous_state\":\"CLOSE-WAIT\""));
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let all = events(&ended.out);
    let changed: Vec<&Value> = all.iter().filter(|event| event["change"] == "state").collect();
    let waited = changed.iter().find(|event| event["state"] == "CLOSE-WAIT").expect("a change");
    assert_eq!(
        (&waited["previous_state"], &waited["local"]["port"]),
        (&"ESTABLISHED".into(), &9040.into())
    );
    assert!(waited["in_state_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{waited}");
    assert_eq!(the(&all, "summary")["ended_by"], "done");
}

#[test]
fn j3_samples_have_the_numbers_of_all_sockets_and_rates() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept = namespace.inside(|| [listener(9042, 8), connect_to(9042)]);
    let words = ["sockets", "--watch", "0.2", "--summary", "--count", "2", "-o", "jsonl"];
    let ended = crate::support::process::run(&mut namespace.netdiag(&words));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let all = events(&ended.out);
    let samples: Vec<&Value> = all.iter().filter(|event| event["type"] == "sample").collect();
    assert_eq!(samples.len(), 2, "{ended:?}");
    let stat = namespace.run("awk '/^TCP:/ { print $3 }' /proc/net/sockstat");
    assert_eq!(samples[0]["tcp"].to_string(), stat.trim());
    assert_eq!(samples[0]["active_per_second"], Value::Null);
    assert_eq!(samples[1]["active_per_second"], 0.0);
    let text = crate::support::process::run(
        &mut namespace.netdiag(&["sockets", "--watch", "0.1", "-s", "-c", "1"]),
    );
    assert!(text.out.contains("active/s") && text.out.contains("= 1 samples in"), "{text:?}");
}

#[test]
fn j9_a_look_every_second_is_the_default() {
    let Some(namespace) = Namespace::loopback() else { return };
    let words = ["sockets", "--watch", "--tcp", "--count=1"];
    let ended = crate::support::process::run(&mut namespace.netdiag(&words));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(
        ended.out.contains("a look every 1 s") && ended.out.contains("= 1 looks in 1."),
        "{ended:?}"
    );
}
