//! A queue of this machine that is full, and packets larger than it takes (B5, B28).

use super::network::Lab;
use crate::support::process::{Ended, NETDIAG, Namespace, Process, run};
use serde_json::Value;

/// A frame of 1442 bytes passes in so many milliseconds at 12 kbit/s, two wait, no more.
const SLOW: &str = "tc qdisc replace dev lab0 root tbf burst 1600 limit 3000 rate";

#[test]
fn b5_a_queue_that_stays_full_is_a_local_error_and_costs_nothing() {
    let Some(lab) = Lab::new() else { return };
    for host in ["10.9.1.1", "fd09:1::1"] {
        lab.here.run(&format!("{SLOW} 12kbit"));
        let options = format!("-c 10 -i 0.05 -W 10 -s 1380 {host}");
        let script = format!("{NETDIAG} ping --json {options}; code=$?; times >&2; exit $code");
        let ended = run(lab.here.command("sh").args(["-c", &script]));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let target = ended.target();
        // One leaves at once, two wait for nearly a second each, and the others have 50 ms.
        let count = |key: &str| target[key].as_u64().expect("a number");
        let counted = ["attempted", "sent", "received", "local_errors", "lost"].map(count);
        assert_eq!(counted, [10, 3, 3, 7, 0], "{ended:?}");
        assert_eq!(target["loss_percent"], 0.0, "{ended:?}");
        let failures = target["probes"].as_array().expect("probes").iter();
        let refused: Vec<&Value> = failures
            .map(|probe| &probe["failure"]["errno"]["name"])
            .filter(|name| !name.is_null())
            .collect();
        assert_eq!(refused, ["ENOBUFS"; 7], "{ended:?}");
        let document = ended.json();
        let finding = &document["findings"][0];
        assert_eq!(finding["code"], "local-send-blocked", "{ended:?}");
        assert_eq!(finding["evidence"]["errno"], "ENOBUFS", "{ended:?}");
        assert!(processor_time(&ended) < 0.25 * ended.took.as_secs_f64(), "{ended:?}");
    }
}

/// The whole run long, for a user too, who is held to a rate beside that.
#[test]
fn b5_a_queue_that_is_full_all_the_time_is_told_as_the_cause() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    for (host, interval) in [("10.9.1.1", "0.05"), ("fd09:1::1", "0.05"), ("10.9.1.1", "0.01")] {
        // One passes at once, two wait for hours.
        lab.here.run(&format!("{SLOW} 8bit"));
        let fill = ["ping", "-c", "3", "-i", "0.01", "-W", "0.1", "-s", "1380", host];
        run(&mut lab.here.netdiag(&fill));
        let arguments =
            ["ping", "--json", "-c", "5", "-i", interval, "-W", "0.5", "-s", "1380", host];
        let mut commands = vec![lab.here.netdiag(&arguments)];
        // Of IPv6 the kernel tells raw sockets only: for others there are stamps that do not come.
        commands.push(lab.here.nobody(&arguments));
        for mut command in commands {
            let ended = run(&mut command);
            assert_eq!(ended.code(), Some(3), "{ended:?}");
            let target = ended.target();
            let count = |key: &str| target[key].as_u64().expect("a number");
            assert_eq!(["sent", "local_errors", "lost"].map(count), [0, 5, 0], "{ended:?}");
            assert_eq!(target["failure"]["errno"]["name"], "ENOBUFS", "{ended:?}");
            let finding = &ended.json()["findings"][0];
            assert_eq!(finding["code"], "local-send-blocked", "{ended:?}");
            assert_eq!(finding["evidence"]["errno"], "ENOBUFS", "{ended:?}");
            let said = finding["message"].as_str().expect("text");
            assert!(said.contains("queue of the interface is full"), "{said}");
        }
    }
}

/// It is the socket's own buffer that is too small, whatever the interface has.
#[test]
fn b5_a_send_buffer_without_room_is_not_the_queue_of_the_interface() {
    let Some(lab) = Lab::new() else { return };
    for host in ["10.9.1.1", "fd09:1::1"] {
        let line = ["ping", "--json", "-S", "2000", "-s", "30000", "-c", "1", host];
        let ended = run(&mut lab.here.netdiag(&line));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let failure = &ended.target()["failure"];
        assert_eq!(failure["errno"]["name"], "ENOBUFS", "{ended:?}");
        assert_eq!(failure["reason"], "send-buffer-full", "{ended:?}");
        let message = failure["message"].as_str().expect("text");
        assert!(message.contains("the send buffer of the socket has no room"), "{message}");
    }
}

/// Of an ICMPv6 datagram socket the kernel says that what a full queue dropped was sent.
#[test]
fn b5_what_a_full_queue_drops_without_a_word_is_no_loss() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    lab.here.run(&format!("{SLOW} 12kbit"));
    let arguments = ["ping", "--json", "-c", "10", "-i", "0.05", "-W", "10", "-s", "1380"];
    let ended = run(&mut lab.here.nobody(&[&arguments[..], &["fd09:1::1"]].concat()));
    let target = ended.target();
    assert_eq!(target["method"]["socket"], "icmp-datagram", "{ended:?}");
    // As with a socket that is told.
    let count = |key: &str| target[key].as_u64().expect("a number");
    let counted = ["attempted", "sent", "received", "local_errors", "lost"].map(count);
    assert_eq!(counted, [10, 3, 3, 7, 0], "{ended:?}");
    let probes = target["probes"].as_array().expect("probes");
    let answered = probes.iter().filter(|probe| probe["outcome"] == "reply");
    assert!(answered.clone().all(|probe| probe["stamp"] == "kernel"), "{ended:?}");
    assert_eq!(answered.count(), 3, "{ended:?}");
}

/// Nor is what waits there until nobody waits for its answer any more, in one piece or in several, nor
/// what is sent to many at once.
#[test]
fn b5_what_never_left_a_queue_of_this_machine_is_no_loss() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    for size in ["1380", "56", "6000"] {
        lab.here.run(&format!("{SLOW} 8bit"));
        let arguments = ["ping", "--json", "-c", "40", "-i", "0.02", "-W", "0.5", "-s", size];
        let ended = run(&mut lab.here.nobody(&[&arguments[..], &["fd09:1::1"]].concat()));
        let target = ended.target();
        let count = |key: &str| target[key].as_u64().expect("a number");
        assert_eq!((count("lost"), count("attempted")), (0, 40), "{ended:?}");
        assert!(count("local_errors") > 0, "{ended:?}");
        lab.here.run("tc qdisc del dev lab0 root");
    }
    lab.far.run("ip -6 route add local fd09:5::/64 dev lo");
    lab.router.run("ip -6 route add fd09:5::/64 via fd09:2::2");
    lab.here.run(&format!("{SLOW} 8bit"));
    let ended = run(&mut lab.here.nobody(&["sweep", "--json", "--timeout", "0.5", "fd09:5::/121"]));
    let document = ended.json();
    let targets = document["targets"].as_array().expect("targets");
    let is = |state: &str| targets.iter().filter(|target| target["state"] == state).count();
    assert_eq!(targets.len(), 128, "{ended:?}");
    assert_eq!(is("timeout"), 0, "{document:#}");
    assert!(is("not-sent") + is("unknown") > 64, "{document:#}");
}

#[test]
fn b5_what_waits_in_the_own_queue_is_no_part_of_the_round_trip() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    // 14.4 ms for each packet, of which one comes every 10 ms: the tenth waits for 38 ms.
    lab.here.run("tc qdisc replace dev lab0 root tbf burst 1600 limit 40000 rate 800kbit");
    for host in ["10.9.2.2", "fd09:2::2"] {
        for protocol in ["icmp", "udp"] {
            let arguments = ["ping", "--json", "-c", "10", "-i", "0.01", "-W", "5", "-s", "1380"];
            let arguments = [&arguments[..], &["--proto", protocol, host]].concat();
            for mut command in [lab.here.netdiag(&arguments), lab.here.nobody(&arguments)] {
                check_waited(&run(&mut command));
            }
        }
    }
}

/// Ten probes left as the queue let them, were sent when they left, and came back soon after.
fn check_waited(ended: &Ended) {
    let target = ended.target();
    assert_eq!(target["received"], 10, "{ended:?}");
    assert_eq!(target["method"]["timestamps"], "kernel", "{ended:?}");
    let probes = target["probes"].as_array().expect("probes");
    assert!(probes.iter().all(|probe| probe["stamp"] == "kernel"), "{ended:?}");
    let number = |index: usize, key: &str| probes[index][key].as_f64().expect("a number");
    let span = number(9, "sent_offset_ms") - number(0, "sent_offset_ms");
    assert!(span > 110.0, "{span} ms: {ended:?}");
    let least = (5..10).map(|index| number(index, "rtt_ms")).fold(f64::MAX, f64::min);
    assert!(least < 15.0, "{least} ms: {ended:?}");
}

/// What the children of a shell used, in seconds, by its `times` on stderr.
fn processor_time(ended: &Ended) -> f64 {
    let line = ended.err.lines().last().expect("what times says");
    let seconds = line.split_whitespace().map(|time| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').expect("a time");
        let [minutes, seconds] =
            [minutes, seconds].map(|part| part.parse::<f64>().expect("digits"));
        60.0 * minutes + seconds
    });
    seconds.sum()
}

#[test]
fn b5_a_queue_that_has_room_within_the_interval_takes_the_probe() {
    let Some(lab) = Lab::new() else { return };
    for host in ["10.9.1.1", "fd09:1::1"] {
        // 60 ms for each packet: the fourth finds the queue full, and room long before the next.
        lab.here.run(&format!("{SLOW} 200kbit"));
        let arguments =
            ["ping", "--json", "-l", "4", "-c", "4", "-i", "1", "-W", "5", "-s", "1380", host];
        let ended = run(&mut lab.here.netdiag(&arguments));
        let target = ended.target();
        let count = |key: &str| target[key].as_u64().expect("a number");
        assert_eq!(["sent", "received", "local_errors"].map(count), [4, 4, 0], "{ended:?}");
        let seen = lab.here.run("tc -s qdisc show dev lab0");
        assert!(!seen.contains("dropped 0,"), "it was full: {seen}");
    }
}

#[test]
fn b28_what_is_larger_than_the_mtu_is_a_local_error_with_the_mtu() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    for host in ["10.9.1.1", "fd09:1::1"] {
        let arguments = ["ping", "-c", "2", "-i", "0.02", "-M", "do", "-s", "1600", host];
        let json = [&arguments[..], &["--json"]].concat();
        let here = &lab.here;
        for (mut text, mut json) in [
            (here.netdiag(&arguments), here.netdiag(&json)),
            (here.nobody(&arguments), here.nobody(&json)),
        ] {
            let (text, json) = (run(&mut text), run(&mut json));
            assert_eq!((text.code(), json.code()), (Some(3), Some(3)), "{text:?} {json:?}");
            assert_eq!(text.out.matches("mtu=1500 (EMSGSIZE 90)\n").count(), 2, "{text:?}");
            let target = json.target();
            assert_eq!((&target["sent"], &target["local_errors"]), (&0.into(), &2.into()));
            for failure in [&target["failure"], &target["probes"][0]["failure"]] {
                assert_eq!(failure["reason"], "too-big", "{json:?}");
                let said = failure["message"].as_str().expect("text");
                assert!(said.contains("mtu=1500"), "{said}");
            }
            let finding = &json.json()["findings"][0];
            assert_eq!(finding["evidence"]["mtu"], 1500, "{json:?}");
        }
    }
}

#[test]
fn b28_packets_in_many_fragments_are_measured_whole() {
    let Some(lab) = Lab::new() else { return };
    lab.here.let_nobody_in();
    for (host, largest) in [("10.9.2.2", 65_507_u32), ("fd09:2::2", 65_527)] {
        for size in [20_000, largest] {
            let size_text = size.to_string();
            let arguments =
                ["ping", "--json", "-c", "3", "-i", "0.05", "-W", "5", "-s", &size_text, host];
            for mut command in [lab.here.netdiag(&arguments), lab.here.nobody(&arguments)] {
                let ended = run(&mut command);
                assert_eq!(ended.code(), Some(0), "{ended:?}");
                let target = ended.target();
                assert_eq!((&target["sent"], &target["received"]), (&3.into(), &3.into()));
                for key in ["truncated", "corrupted", "duplicates", "lost"] {
                    assert_eq!(target[key], 0, "{key}: {ended:?}");
                }
                for probe in target["probes"].as_array().expect("probes") {
                    // With the ICMP header.
                    assert_eq!(probe["bytes"], size + 8, "{probe}");
                }
            }
        }
    }
}

#[test]
fn b28_no_packet_can_be_larger_than_the_largest() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (size, host, code) in [
        ("65507", "127.0.0.1", 0),
        ("65508", "127.0.0.1", 2),
        ("65527", "::1", 0),
        ("65528", "::1", 2),
    ] {
        let mut command = namespace.netdiag(&["ping", "-c", "1", "-s", size, host]);
        let ended = Process::start(&mut command).wait();
        assert_eq!(ended.code(), Some(code), "{size}: {ended:?}");
    }
}
