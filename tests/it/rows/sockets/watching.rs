//! What changes is told with the time that it took (J3, J9).

use super::fixture::{connect_to, listener, pair, sockets};
use crate::rows::{events, the};
use crate::support::process::{Namespace, Process, run};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::TcpListener;

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
    let summary = the(&all, "summary");
    assert_eq!(
        [&summary["ended_by"], &summary["complete"], &summary["exit_code"]],
        [&Value::from("signal"), &false.into(), &0.into()]
    );
}

/// SCREENS.md section 4: false when stopped by a signal, whether a count was asked for or not.
#[test]
fn j9_a_watch_that_a_signal_ended_says_so_and_one_that_has_done_its_looks_is_complete() {
    let Some(namespace) = Namespace::loopback() else { return };
    for more in [&[][..], &["--summary"], &["--count", "1000"]] {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let words = [&["sockets", "--watch", "0.05", "-o", "jsonl"], more].concat();
            let process = Process::start(&mut namespace.netdiag(&words));
            process.until_out(|out| out.contains("\"start\""));
            process.signal(signal);
            let ended = process.wait();
            match signal {
                Signal::SIGINT => assert_eq!(ended.code(), Some(0), "{ended:?}"),
                _ => assert_eq!(ended.signal(), Some(signal as i32), "{ended:?}"),
            }
            let all = events(&ended.out);
            let summary = the(&all, "summary");
            assert_eq!(
                [&summary["complete"], &summary["ended_by"]],
                [&Value::from(false), &"signal".into()],
                "{ended:?}"
            );
        }
    }
    let ended = sockets(&namespace, &["--watch=0.05", "--count=2", "-o", "jsonl"]);
    let all = events(&ended.out);
    let summary = the(&all, "summary");
    assert_eq!(
        [&summary["complete"], &summary["ended_by"]],
        [&Value::from(true), &"done".into()],
        "{ended:?}"
    );
}

#[test]
fn j3_samples_have_the_numbers_of_all_sockets_and_rates() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept =
        namespace.inside(|| (listener(9042, 8), connect_to(9042), TcpListener::bind("[::1]:9044")));
    let words = ["sockets", "--watch", "0.2", "--summary", "--count", "2", "-o", "jsonl"];
    let ended = run(&mut namespace.netdiag(&words));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let all = events(&ended.out);
    let samples: Vec<&Value> = all.iter().filter(|event| event["type"] == "sample").collect();
    assert_eq!(samples.len(), 2, "{ended:?}");
    let stat = |file: &str, group: &str, word: u32| {
        let script = format!("awk '/^{group}:/ {{ print ${word} }}' /proc/net/{file}");
        namespace.run(&script).trim().parse::<u64>().expect("a number")
    };
    // As sar has them: IPv4 and IPv6 apart.
    let (ipv4, ipv6) = (stat("sockstat", "TCP", 3), stat("sockstat6", "TCP6", 3));
    assert!(ipv4 >= 2 && ipv6 == 1, "{ipv4} {ipv6}");
    assert_eq!(
        (&samples[0]["ipv4"]["tcp"], &samples[0]["ipv6"]["tcp"]),
        (&ipv4.into(), &ipv6.into())
    );
    assert_eq!(samples[0]["tcp"], ipv4 + ipv6);
    assert_eq!(
        (&samples[0]["ipv4"]["fragments"], &samples[0]["ipv6"]["fragments"]),
        (&0.into(), &0.into())
    );
    assert_eq!(samples[0]["active_per_second"], Value::Null);
    for rate in
        ["active", "failed", "errors", "resets_sent", "overflows", "listen_drops", "retransmitted"]
    {
        assert_eq!(samples[1][format!("{rate}_per_second")], 0.0, "{rate}");
    }
    assert_eq!(samples[1]["ip"]["forwarded_per_second"], 0.0);
    assert_eq!(samples[1]["retransmitted_percent"], Value::Null);
    let text = run(&mut namespace.netdiag(&["sockets", "--watch", "0.1", "-s", "-c", "1"]));
    for said in
        ["  sock   sockets ", "  sock6  tcp     1", " ip-frag     0", " active/s ", " retrans% "]
    {
        assert!(text.out.contains(said), "{said}: {text:?}");
    }
    assert!(text.out.contains("orphans and tcp-pages: in all"), "{text:?}");
    assert!(text.out.contains("= 1 sample in"), "{text:?}");
}

/// What has no use is refused, and a filter that is taken for a time is told how it is written.
#[test]
fn j3_what_a_watch_has_no_use_for_is_refused() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (words, said) in [
        (&["--summary", ":443"][..], "a FILTER has no use"),
        (&["--summary", "-4"], "--ipv4 has no use"),
        (&["--summary", "--udp"], "--udp has no use"),
        (&["--summary", "--listening"], "--listening has no use"),
        (&["--summary=states"], "without =states"),
        (&["--summary", "-A"], "--all-namespaces has no use"),
        (&["--summary", "-p"], "--processes has no use"),
        (&["-o", "csv"], "line by line"),
    ] {
        let ended = sockets(&namespace, &[&["--watch=1", "-c1"], words].concat());
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{words:?} {ended:?}");
        assert!(ended.err.contains(said), "{words:?} {ended:?}");
    }
    let ended = sockets(&namespace, &["--watch", ":443"]);
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("--watch 1 :443"), "{ended:?}");
    assert_eq!(sockets(&namespace, &["--watch=0.05", "-s=totals", "-c1"]).code(), Some(0));
}

/// The first line has the filter, times are in milliseconds, and SIGQUIT asks how far it is.
#[test]
fn j9_the_screen_says_what_is_watched_and_times_in_milliseconds() {
    let Some(namespace) = Namespace::loopback() else { return };
    let _kept = namespace.inside(|| listener(9043, 1));
    let words = ["sockets", "--watch", "0.05", "--tcp", ":9043"];
    let process = Process::start(&mut namespace.netdiag(&words));
    process.until_out(|out| {
        out.contains("filter ':9043', this network namespace, a look every 0.05 s")
    });
    let client = namespace.inside(|| connect_to(9043));
    process.until_out(|out| out.matches("opened      ESTABLISHED").count() >= 2);
    process.signal(Signal::SIGQUIT);
    process.until_err(|err| err.contains(" in ") && err.contains(" 2 opened, "));
    drop(client);
    let out = process.until_out(|out| out.contains("ESTABLISHED -> CLOSE-WAIT"));
    let line = out.lines().find(|line| line.contains("-> CLOSE-WAIT")).expect("a line");
    let (_, after) = line.split_once("  after ").expect("a time");
    let ms: f64 = after.strip_suffix(" ms").expect("its unit").parse().expect("a number");
    assert!(ms > 0.0, "{line}");
    process.signal(Signal::SIGINT);
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn j9_a_look_every_second_is_the_default() {
    let Some(namespace) = Namespace::loopback() else { return };
    let words = ["sockets", "--watch", "--tcp", "--count=1"];
    let ended = run(&mut namespace.netdiag(&words));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(
        ended.out.contains("a look every 1 s") && ended.out.contains("= 1 look in 1."),
        "{ended:?}"
    );
}
