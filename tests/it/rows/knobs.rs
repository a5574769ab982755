//! A9: each field that an option sets stands in the packet that arrives, as tcpdump reads it there.

use crate::support::process::{Ended, Namespace, Process, has, run};

/// Two hosts with two links between them: 10.20.N.1 and fd20:N::1 here, .2 and ::2 there; .3 and ::3
/// here as well.
struct Pair {
    here: Namespace,
    far: Namespace,
}

impl Pair {
    fn new() -> Option<Self> {
        let far = Namespace::new("echo 1 > /proc/sys/net/ipv4/icmp_echo_enable_probe")?;
        let mut script = String::new();
        for link in [0, 1] {
            script += &format!(
                "ip link add lab{link} type veth peer name far{link} netns {}
                 ip addr add 10.20.{link}.1/24 dev lab{link}
                 ip addr add 10.20.{link}.3/24 dev lab{link}
                 ip addr add fd20:{link}::3/64 dev lab{link} nodad
                 ip addr add fd20:{link}::1/64 dev lab{link} nodad
                 ip link set lab{link} up\n",
                far.pid()
            );
        }
        let here = Namespace::new(&script)?;
        for link in [0, 1] {
            far.run(&format!(
                "ip addr add 10.20.{link}.2/24 dev far{link}
                 ip addr add fd20:{link}::2/64 dev far{link} nodad
                 ip link set far{link} up"
            ));
        }
        // Neighbours are known, so that no first probe waits for them.
        for to in ["10.20.0.2", "10.20.1.2", "fd20:0::2", "fd20:1::2"] {
            here.run(&format!("ping -q -c 1 -W 5 {to}"));
        }
        here.let_nobody_in();
        Some(Self { here, far })
    }

    fn ping(&self, arguments: &str) -> Ended {
        let all: Vec<&str> =
            ["ping", "-n", "-c1", "-W", "2"].into_iter().chain(arguments.split(' ')).collect();
        run(&mut self.here.netdiag(&all))
    }

    /// Runs each of these and returns what arrived there: for each packet its lines of `tcpdump -v`
    /// in one, bytes included.
    fn arriving(&self, packets: usize, runs: &[String]) -> Vec<String> {
        const REQUESTS: &str =
            "icmp or (icmp6 and (ip6[40] == 128 or ip6[40] == 160)) or ip6[6] == 44";
        let count = packets.to_string();
        let mut tcpdump = self.far.command("tcpdump");
        tcpdump.args(["-i", "any", "-Q", "in", "-n", "-v", "-x", "-l", "--immediate-mode"]);
        let tcpdump = Process::start(tcpdump.args(["-c", &count, REQUESTS]));
        tcpdump.until_err(|err| err.contains("listening on"));
        for arguments in runs {
            let ended = self.ping(arguments);
            assert_eq!(ended.code(), Some(0), "{arguments}: {ended:?}");
        }
        let ended = tcpdump.wait();
        let mut found: Vec<String> = Vec::new();
        for line in ended.out.lines() {
            match found.last_mut().filter(|_| line.starts_with(char::is_whitespace)) {
                Some(packet) => packet.push_str(&format!(" {}", line.trim())),
                None => found.push(line.to_owned()),
            }
        }
        assert_eq!(found.len(), packets, "{ended:?}");
        found
    }
}

/// The bytes of a packet, in hexadecimal.
fn bytes(packet: &str) -> String {
    // `0x0010:  6661 7231`, other than `0xb8,`.
    let rows = packet.split(" 0x").filter(|row| row.get(4..5) == Some(":"));
    rows.filter_map(|row| row.get(5..)).collect::<String>().replace(' ', "")
}

fn check(packet: &str, arguments: &str, expected: &[&str]) {
    for part in expected {
        assert!(packet.contains(part), "{arguments}: no `{part}` in {packet}");
    }
}

#[test]
fn a9_every_field_is_on_the_wire() {
    if !has("tcpdump") || !has("nft") {
        return;
    }
    let Some(pair) = Pair::new() else { return };
    // A mark is in no packet: a rule makes it visible.
    pair.here.run(
        "nft -f - <<'END'
table inet t { chain o { type filter hook output priority 0;
meta mark 42 ip ttl set 99
meta mark 42 ip6 hoplimit set 99
}; }
END",
    );
    let cases: &[(&str, &[&str])] = &[
        ("-e 4660 -s 20 -p abcd 10.20.0.2", &["far0", "length 48)", "id 4660,", "length 28 "]),
        ("-e 4660 -s 20 -p abcd fd20:0::2", &["far0", "payload length: 28)", "id 4660,"]),
        ("-M do 10.20.0.2", &["flags [DF]", "length 84)"]),
        ("-M want 10.20.0.2", &["flags [DF]"]),
        ("-M dont 10.20.0.2", &["flags [none]"]),
        ("-M probe 10.20.0.2", &["flags [DF]"]),
        ("-t 33 10.20.0.2", &["ttl 33,"]),
        ("-t 33 fd20:0::2", &["hlim 33,"]),
        ("--dscp ef 10.20.0.2", &["(tos 0xb8,"]),
        ("--dscp ef fd20:0::2", &["(class 0xb8,"]),
        ("--dscp af41 --ecn ect1 10.20.0.2", &["(tos 0x89,ECT(1),"]),
        ("--dscp af41 --ecn ect0 fd20:0::2", &["(class 0x8a,"]),
        ("--ecn ect0 10.20.0.2", &["(tos 0x2,ECT(0),"]),
        ("--ecn ce 10.20.0.2", &["(tos 0x3,CE,"]),
        ("--ecn 3 fd20:0::2", &["(class 0x03,"]),
        ("--ecn not-ect 10.20.0.2", &["(tos 0x0, ttl"]),
        ("-m 42 10.20.0.2", &["ttl 99,"]),
        ("-m 42 fd20:0::2", &["hlim 99,"]),
        ("-F 0x12345 fd20:0::2", &["flowlabel 0x12345,"]),
        ("-I lab1 10.20.1.2", &["far1 ", "10.20.1.1 > 10.20.1.2"]),
        ("-I lab1 fd20:1::2", &["far1 ", " > fd20:1::2"]),
        ("--source 10.20.0.3 10.20.0.2", &["10.20.0.3 > 10.20.0.2"]),
        ("--source fd20:0::1 fd20:0::2", &["fd20::1 > fd20::2"]),
        ("--proto icmp-timestamp -t 9 10.20.0.2", &["time stamp query", "ttl 9,", "length 20 "]),
        ("--proto icmp-probe --probe-interface far1 --ecn ce 10.20.0.2", &["type-#42", "CE,"]),
        (
            "--proto icmp-probe --probe-interface far1 -F 7 fd20:0::2",
            &["type (160)", "flowlabel 0x00007,"],
        ),
        ("--proto icmp-probe --probe-interface 1 10.20.0.2", &["type-#42"]),
        ("--proto icmp-probe --probe-interface 10.20.1.2 10.20.0.2", &["type-#42"]),
    ];
    let runs: Vec<String> = cases.iter().map(|(arguments, _)| (*arguments).to_owned()).collect();
    let found = pair.arriving(cases.len(), &runs);
    for ((arguments, expected), packet) in cases.iter().zip(&found) {
        check(packet, arguments, expected);
    }
    for packet in &found[..2] {
        // Behind 16 bytes of index and tag.
        assert!(bytes(packet).ends_with("abcdabcd"), "{packet}");
    }
    // Objects of class 3: by name, by number, by address.
    for (back, object) in
        [(4, "0008030166617231"), (3, "0008030166617231"), (2, "0008030200000001")]
    {
        let packet = &found[found.len() - back];
        assert!(bytes(packet).ends_with(object), "{packet}");
    }
    let last = &found[found.len() - 1];
    assert!(bytes(last).ends_with("000c0303000104000a140102"), "{last}");
    // The L bit, and an extension structure of version 2.
    assert!(bytes(last).contains("012000"), "{last}");
}

#[test]
fn a9_what_is_larger_than_the_path_follows_the_policy() {
    if !has("tcpdump") {
        return;
    }
    let Some(pair) = Pair::new() else { return };
    let runs =
        ["-M dont -s 2000 10.20.0.2", "-M want -s 2000 10.20.0.2", "-M dont -s 2000 fd20:0::2"];
    let found = pair.arriving(6, &runs.map(str::to_owned));
    for first in [0, 2] {
        check(&found[first], "dont, want", &["offset 0, flags [+]", "length 1500)"]);
        check(&found[first + 1], "dont, want", &["offset 1480, flags [none]", "length 548)"]);
    }
    check(&found[4], "IPv6", &["next-header Fragment (44)", "|1448)"]);
    check(&found[5], "IPv6", &[":1448|560)"]);
    for arguments in ["-M do -s 2000 --json 10.20.0.2", "-M do -s 2000 --json fd20:0::2"] {
        let target = pair.ping(arguments).target();
        assert_eq!((&target["sent"], &target["local_errors"]), (&0.into(), &1.into()), "{target}");
        assert_eq!(target["failure"]["errno"]["name"], "EMSGSIZE", "{target}");
    }
}

#[test]
fn a9_a_kernel_answers_timestamps_and_questions() {
    let Some(pair) = Pair::new() else { return };
    let ended = pair.ping("--proto icmp-timestamp --json 10.20.0.2");
    let probe = &ended.target()["probes"][0];
    let told = &probe["icmp_timestamp"];
    assert_eq!((&probe["stamp"], &probe["bytes"]), (&"kernel".into(), &20.into()), "{ended:?}");
    let time = |key: &str| told[key].as_u64().expect("a time");
    assert!(time("receive_ms") < 86_400_000 && time("transmit_ms") < 86_400_000, "{ended:?}");
    assert_eq!(told["receive_standard"], true, "{ended:?}");
    // Both have the clock of this machine.
    let [difference, error] = ["clock_difference_ms", "clock_difference_error_ms"]
        .map(|key| told[key].as_f64().expect("ms"));
    assert!(difference.abs() <= error, "{ended:?}");
    for (to, asked, words, code) in [
        ("10.20.0.2", "far1", "active, IPv4 and IPv6", 0),
        ("fd20:0::2", "far1", "active, IPv4 and IPv6", 0),
        ("10.20.0.2", "lo", "active, IPv4", 0),
        ("10.20.0.2", "1", "active, IPv4", 0),
        ("10.20.0.2", "fd20:1::2", "active, IPv4 and IPv6", 0),
        ("10.20.0.2", "nosuch", "no such interface", 2),
        ("fd20:0::2", "999", "no such interface", 2),
    ] {
        let options = [
            "ping",
            "-n",
            "-c1",
            "-W",
            "2",
            "--proto",
            "icmp-probe",
            "--probe-interface",
            asked,
            to,
        ];
        let json = [&options[..], &["--json"]].concat();
        let both = [pair.here.netdiag(&json), pair.here.nobody(&json)];
        for (mut command, socket) in both.into_iter().zip(["raw", "icmp-datagram"]) {
            let ended = run(&mut command);
            let target = ended.target();
            assert_eq!(
                (ended.code(), &target["method"]["socket"]),
                (Some(0), &socket.into()),
                "{ended:?}"
            );
            assert_eq!(target["probes"][0]["icmp_probe"]["code"], code, "{ended:?}");
            let lost = target["method"]["lost"][0].as_str().expect("what is lost");
            assert!(lost.contains("8 bits"), "{lost}");
        }
        let ended = run(&mut pair.here.netdiag(&options));
        assert!(ended.out.contains(&format!(" ms: {words}")), "{asked}: {ended:?}");
    }
}

#[test]
fn a9_without_a_raw_socket_timestamps_are_refused_in_words() {
    let Some(pair) = Pair::new() else { return };
    let options = ["ping", "-n", "-c1", "--proto", "icmp-timestamp", "10.20.0.2"];
    let ended = run(&mut pair.here.nobody(&options));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    for part in ["need a raw socket", "EINVAL 22", "setcap cap_net_raw+p netdiag"] {
        assert!(ended.err.contains(part), "{ended:?}");
    }
}

#[test]
fn a9_knobs_that_do_not_fit_are_usage_errors() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (arguments, said) in [
        ("-Q 1 --ecn ce 127.0.0.1", "cannot be used with"),
        ("--ecn 4 127.0.0.1", "not-ect, ect0, ect1, ce"),
        ("--proto icmp-timestamp ::1", "which has no timestamp requests"),
        ("--proto icmp,icmp-timestamp ::1", "which has no timestamp requests"),
        ("-6 --proto icmp-timestamp localhost", "ICMPv6 has no timestamp requests"),
        ("--proto icmp-probe 127.0.0.1", "icmp-probe needs --probe-interface"),
        ("--probe-interface lo 127.0.0.1", "only with --proto icmp-probe"),
        ("--proto icmp-timestamp -p ff 127.0.0.1", "--pattern: not with"),
        ("--proto icmp-timestamp -R 127.0.0.1", "only with --proto icmp"),
        ("--ecn ce --backend portable 127.0.0.1", "portable cannot do it"),
    ] {
        let all: Vec<&str> = std::iter::once("ping").chain(arguments.split(' ')).collect();
        let ended = run(&mut namespace.netdiag(&all));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains(said), "{arguments} {ended:?}");
    }
}
