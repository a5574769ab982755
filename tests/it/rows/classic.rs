//! The oracle: iputils' ping, and the program under its name and as `netdiag ping --classic`, beside
//! each other in the same namespace. What they print is the same but for times, and so is the code.

use crate::support::process::{Ended, NETDIAG, Namespace, has, netlab, run, scenario, skip};
use std::process::Command;

/// The version whose text is the reference.
const REFERENCE: &str = "ping from iputils 20221126\n";

/// Faults of every kind on `lo`, and a network of 1400 bytes behind which nobody is.
const FAULTS: &str = "
    nft -f - <<'END'
    table inet t {
        chain o { type filter hook output priority 0; ip daddr 127.0.0.8 drop; ip6 daddr ::2 drop; }
        chain i {
            type filter hook input priority 0
            ip daddr 127.0.0.9 drop
            ip daddr 127.0.0.11 icmp type echo-request reject
            ip6 daddr ::3 icmpv6 type echo-request reject
        }
    }
END
    ip addr add ::2/128 dev lo; ip addr add ::3/128 dev lo
    ip link add d0 mtu 1400 type veth peer name d1
    ip addr add 10.1.0.1/24 dev d0; ip addr add fd00::1/64 dev d0 nodad
    ip link set d0 up; ip link set d1 up
    ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev d0
    ip neigh add fd00::9 lladdr 02:00:00:00:00:09 dev d0
    ip route add unreachable 198.51.100.0/25
    ip route add prohibit 198.51.100.128/25
    ip route add blackhole 203.0.113.0/24
    mount -t tmpfs none /mnt
    ln -s \"$NETDIAG\" /mnt/ping
    : > /mnt/resolv.conf
    mount --bind /mnt/resolv.conf /etc/resolv.conf
    printf '127.0.0.1 localhost\\n127.0.0.7 here.test\\n' > /mnt/hosts
    mount --bind /mnt/hosts /etc/hosts
";

/// Arguments that both understand.
#[rustfmt::skip]
const SHARED: &[&str] = &[
    // Sizes around the time stamp that iputils carries.
    "-c2 -i.1 -s0 127.0.0.1", "-c2 -i.1 -s15 127.0.0.1", "-c2 -i.1 -s16 127.0.0.1", "-c1 -s8 ::1",
    "-c1 -p ff0 127.0.0.1", "-qc1 -p ff ::1",
    // Every option that changes the output, or must not.
    "-c2 -i.1 -a ::1", "-qac1 ::1", "-fac2 ::1", "-A -c3 127.0.0.1", "-Ac1 127.0.0.1", "-fc5 127.0.0.1",
    "-fqc5 ::1", "-Bc1 127.0.0.1", "-Bc1 ::1", "-I lo -c1 127.0.0.1", "-I lo -c1 ::1",
    "-I 10.1.0.1 -c1 127.0.0.1", "-I d0 -c1 -W.3 127.0.0.1", "-I ::1 -c1 127.0.0.1", "-Dc1 ::1",
    "-L -r -U -S 4096 -c1 127.0.0.1", "-l3 -c5 -i.1 127.0.0.1", "-l10 -c2 127.0.0.1",
    "-e 77 -v -c1 127.0.0.1", "-vc1 ::1", "-v -4 -c1 localhost", "-vqc1 127.0.0.1", "-i0 -c3 127.0.0.1",
    "-M do -c1 ::1", "-M dont -c1 127.0.0.1", "-m5 -c1 ::1", "-t5 -c1 127.0.0.1", "-Q 0x10 -c1 ::1",
    "-nc1 here.test", "-4 -c1 here.test", "-4 -nqc2 -i.1 localhost",
    // The deadline counts replies; an error ends it.
    "-w1 -i.3 127.0.0.1", "-w1 -c2 -i.3 127.0.0.1", "-w1 -c10 -i.3 127.0.0.1", "-w2 -c4 -i.1 127.0.0.11",
    // Nothing leaves, nothing comes, an error comes, a packet is too large.
    "-c3 -i.1 -W.3 127.0.0.8", "-qc3 -i.1 -W.3 127.0.0.8", "-c3 -i.1 -W.3 ::2", "-fc3 -W.3 127.0.0.8",
    "-w1 -i.3 -c2 127.0.0.8", "-c3 -i.1 -W.3 127.0.0.9", "-O -c3 -i.1 -W.3 127.0.0.9",
    "-DO -c3 -i.1 -W.3 127.0.0.9", "-w1 -i.3 127.0.0.9", "-fc3 -W.3 127.0.0.9", "-c3 -i.1 127.0.0.11",
    "-c3 -i.1 ::3", "-fc3 127.0.0.11", "-qc3 -i.1 127.0.0.11", "-O -D -c3 -i.1 127.0.0.11",
    "-c2 -i.1 -W.3 -M do -s1500 10.1.0.9", "-fc2 -i.1 -W.3 -M do -s1500 10.1.0.9",
    "-qc2 -i.1 -W.3 -M do -s1500 10.1.0.9", "-c2 -i.1 -W.3 -M do -s1500 fd00::9",
    // No way to go, no address, no such name, another family.
    "192.0.2.1", "-q 2001:db8::1", "-c1 198.51.100.1", "-c1 198.51.100.129", "-c1 203.0.113.1",
    "-c1 10.1.0.255", "-c1 255.255.255.255", "-r -c1 2001:db8::1", "nosuch.invalid", "-4 ::1",
    "-6 127.0.0.1", "-c1 fe80::1%nosuch", "-I nosuch 127.0.0.1", "-I nosuch ::1",
    "-I 192.0.2.9 127.0.0.1", "-I 2001:db8::9 ::1",
];

/// Arguments that only iputils' syntax knows, or that it words in its own way.
#[rustfmt::skip]
const SYNTAX: &[&str] = &[
    "", "-c", "-Z", "-h", "-?", "--help", "-c1 --classic ::1", "127.0.0.1 -c1 -q", "-nqc3 -i.1 ::1",
    "-c x ::1", "-c 0 ::1", "-c 1x ::1", "-c 99999999999999999999 ::1", "-c ' ::1", "-i 1e300 ::1",
    "-i 3000000 ::1", "-w x ::1", "-w -1 ::1", "-w 1.5 ::1", "-w 0 -c1 ::1", "-l 0 ::1", "-l 70000 ::1",
    "-s x ::1", "-s -1 ::1", "-t 256 ::1", "-t x ::1", "-t 0 -c1 127.0.0.1", "-t 0 -c1 ::1", "-M x ::1",
    "-M probe ::1", "-Q x ::1", "-Q 256 ::1", "-p xyz ::1",
    "-p 00112233445566778899aabbccddeeff0011 -c1 ::1", "-m x ::1", "-m -1 ::1", "-e 65536 ::1",
    "-e x ::1", "-S 0 ::1", "-S x ::1", "-4 -6 ::1", "-I ::zz ::1", "-W1 -- -c", "a..b",
];

/// What routers say, in a simulated internet.
#[rustfmt::skip]
const ROUTED: &[(&str, &str)] = &[
    ("plain-20ms", "-c3 -i.1 10.9.2.2"),
    ("late-1500ms", "-c3 -i1 10.9.2.2"), ("duplicate", "-c3 -i.1 10.9.2.2"),
    ("icmp-errors", "-c2 -i.1 -s1400 10.3.1.9"), ("icmp-errors", "-c2 -i.1 -s1400 10.3.4.9"),
    ("icmp-errors", "-c2 -i.1 -s1400 10.3.13.9"), ("icmp-errors", "-c2 -i.1 10.5.1.9"),
    ("icmp-errors", "-c2 -i.1 -W.3 10.4.0.9"), ("icmp-errors", "-fc2 -i.1 -W.3 10.4.0.9"),
    ("icmp-errors", "-c2 -i.1 10.12.0.9"), ("icmp-errors", "-c2 -i.1 -s1400 fd02::9"),
    ("icmp-errors", "-c2 -i.1 fd04:0::9"), ("icmp-errors", "-c2 -i.1 fd01:5::9"),
];

/// Whether the reference is here.
fn has_reference() -> bool {
    if !has("nft") {
        return false;
    }
    match Command::new("ping").arg("-V").output() {
        Ok(output) if output.stdout.starts_with(REFERENCE.as_bytes()) => true,
        other => skip::<()>(&format!("no {}: {other:?}", REFERENCE.trim())).is_some(),
    }
}

fn faults() -> Option<Namespace> {
    if !has_reference() {
        return None;
    }
    Namespace::new(&FAULTS.replace("$NETDIAG", NETDIAG))
}

/// A line of arguments as words; a lone quote is an empty word.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().map(|word| if word == "'" { "" } else { word }).collect()
}

/// A program under the name `ping`, wherever it is.
fn named_ping(namespace: &Namespace, path: &str, line: &str) -> Ended {
    let script = "path=$1; shift; PATH=$path exec ping \"$@\"";
    run(namespace.command("sh").args(["-c", script, "sh", path]).args(words(line)))
}

/// What must be the same: the texts without times, and the code.
fn compared(ended: &Ended) -> (String, String, Option<i32>) {
    // The text of the help is our own.
    let own_words = |text: &str| match text.split_once("\nUsage\n") {
        Some((before, _)) => format!("{before}\nUsage\n"),
        None => text.to_owned(),
    };
    (own_words(&timeless(&ended.out)), own_words(&ended.err), ended.code())
}

/// Digits of times, dates and identifiers as `#`.
fn timeless(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mut line = line.to_owned();
        for (begin, end) in [
            ("time=", " ms"),
            (", time ", "ms"),
            ("mdev = ", " ms"),
            ("ipg/ewma ", " ms"),
            ("ident=", " "),
            ("[", "]"),
        ] {
            mask(&mut line, begin, end);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Puts `#` for the figures between two marks.
fn mask(line: &mut String, begin: &str, end: &str) {
    let Some(from) = line.find(begin).map(|at| at + begin.len()) else { return };
    let Some(len) = line[from..].find(end) else { return };
    let figures = line[from..from + len].chars().all(|c| c.is_ascii_digit() || ".-/".contains(c));
    if figures {
        line.replace_range(from..from + len, "#");
    }
}

/// Where ours differs from the reference.
fn differences(namespace: &Namespace, lines: &[&str], ours: impl Fn(&str) -> Ended) -> Vec<String> {
    let mut faults = Vec::new();
    for line in lines {
        let (theirs, ours) = (named_ping(namespace, "/usr/bin:/bin", line), ours(line));
        if compared(&theirs) != compared(&ours) {
            faults.push(format!("ping {line}\nits {theirs:?}\nour {ours:?}"));
        }
    }
    faults
}

#[test]
fn under_the_name_ping_it_is_iputils_ping() {
    let Some(namespace) = faults() else { return };
    let under_its_name = |line: &str| named_ping(&namespace, "/mnt", line);
    let mut faults = differences(&namespace, SHARED, under_its_name);
    faults.extend(differences(&namespace, SYNTAX, under_its_name));
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn classic_is_iputils_ping() {
    let Some(namespace) = faults() else { return };
    let classic = |line: &str| run(namespace.netdiag(&["ping", "--classic"]).args(words(line)));
    let faults = differences(&namespace, SHARED, classic);
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn classic_repeats_what_routers_say_as_iputils_ping_does() {
    let Some(namespace) = faults() else { return };
    let lab = netlab();
    let lab = lab.to_str().expect("a path");
    let mut faults = Vec::new();
    for (name, line) in ROUTED {
        let in_lab = |program: &[&str]| {
            let mut command = namespace.command(lab);
            run(command.arg(scenario(name)).arg("--").args(program).args(words(line)))
        };
        let (theirs, ours) = (in_lab(&["ping"]), in_lab(&[NETDIAG, "ping", "--classic"]));
        if compared(&theirs) != compared(&ours) {
            faults.push(format!("{name}: ping {line}\nits {theirs:?}\nour {ours:?}"));
        }
    }
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_too_big_that_cannot_be_true_is_told_all_the_same() {
    let Some(namespace) = faults() else { return };
    let lab = netlab();
    for (host, said) in [
        ("10.3.4.9", "From 10.9.0.1 icmp_seq=1 Frag needed and DF set (mtu = "),
        ("fd02::9", "From fd09::1 icmp_seq=1 Packet too big: mtu="),
    ] {
        let in_lab = |program: &[&str]| {
            let mut command = namespace.command(lab.to_str().expect("a path"));
            run(command.arg(scenario("icmp-errors")).arg("--").args(program).args(["-c1", host]))
        };
        for ended in [in_lab(&["ping"]), in_lab(&[NETDIAG, "ping", "--classic"])] {
            assert!(ended.out.contains(said), "{ended:?}");
            assert!(ended.out.contains(" 0 received, +1 errors, 100% packet loss"), "{ended:?}");
            assert_eq!(ended.code(), Some(1), "{ended:?}");
        }
    }
}

#[test]
fn with_every_link_down_each_request_counts_as_sent() {
    let Some(namespace) = faults() else { return };
    namespace.run("ip link set lo down; ip link set d0 down");
    let lines = ["-c2 -i.1 -W.3 127.0.0.1", "-qc2 -i.1 -W.3 127.0.0.1", "-c1 ::1", "-c1 10.1.0.9"];
    let faults = differences(&namespace, &lines, |line| named_ping(&namespace, "/mnt", line));
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

/// What cannot be had is refused in one line that names it, under both names.
#[test]
fn options_that_cannot_be_had_are_usage_errors() {
    let Some(namespace) = faults() else { return };
    for option in ["-b", "-C", "-d", "-F 3", "-N name", "-R", "-T tsonly"] {
        let letter = option.split(' ').next().expect("a word");
        let line = format!("{option} 127.0.0.1");
        let mut netdiag = namespace.netdiag(&["ping"]);
        for ended in [named_ping(&namespace, "/mnt", &line), run(netdiag.args(words(&line)))] {
            assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
            assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
            assert!(ended.err.contains(&format!("{letter}: ")), "{ended:?}");
            assert!(ended.err.contains("cannot be had yet"), "{ended:?}");
        }
    }
}

#[test]
fn the_version_begins_as_the_reference() {
    let Some(namespace) = faults() else { return };
    let ended = named_ping(&namespace, "/mnt", "-V");
    assert!(ended.out.starts_with(REFERENCE.trim_end()), "{ended:?}");
    assert!(ended.out.contains("netdiag"), "{ended:?}");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}
