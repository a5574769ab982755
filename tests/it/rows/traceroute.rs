//! The oracle: Debian's traceroute, and the program under its name, beside each other in the same
//! namespace. What they print is the same but for times, and so is the code (C1, P1, P2).

mod lines;

use crate::support::process::{
    Ended, NETDIAG, NOBODY, Namespace, Process, has, netlab, run, scenario, skip,
};
use lines::{BEYOND, IN_SCENARIOS, LINES, MISSING, ROUTED, USER};
use nix::sys::signal::Signal;
use std::process::Command;

/// The version whose text is the reference.
const REFERENCE: &str = "Modern traceroute for Linux, version 2.1.2\n";
const THEIRS: &str = "/usr/bin/traceroute";
const OURS: &str = "/mnt/traceroute";

/// Hosts on `lo` that are silent in both directions, that refuse; routes that lead nowhere; a router
/// 10.2.0.2 with routes that lead nowhere, a host 10.2.9.9 on it; no name server.
const FAULTS: &str = "
    nft -f - <<'END'
    table inet t {
        chain o { type filter hook output priority 0; ip daddr 127.0.0.8 drop; }
        chain i {
            type filter hook input priority 0
            ip daddr 127.0.0.9 drop
            ip daddr 127.0.0.11 reject with icmp type admin-prohibited
            ip6 daddr ::4 drop
        }
    }
END
    ip addr add ::4/128 dev lo
    ip link add d0 mtu 1400 type veth peer name d1
    ip addr add 10.1.0.1/24 dev d0; ip link set d0 up; ip link set d1 up
    ip route add unreachable 198.51.100.0/25
    ip route add prohibit 198.51.100.128/25
    ip route add blackhole 203.0.113.0/24
    ip route add unreachable 2001:db8:1::/48; ip route add prohibit 2001:db8:2::/48
    mount -t tmpfs none /run
    ip netns add r1
    ip netns exec r1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
        echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
        echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
        echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
        echo 1000000 > /proc/sys/net/ipv4/icmp_msgs_per_sec
        echo 100000 > /proc/sys/net/ipv4/icmp_msgs_burst
        ip link set lo up'
    ip link add a0 type veth peer name r1a netns r1
    ip addr add 10.2.0.1/24 dev a0; ip addr add fd02::1/64 dev a0; ip link set a0 up
    ip -n r1 addr add 10.2.0.2/24 dev r1a; ip -n r1 addr add fd02::2/64 dev r1a
    ip -n r1 link set r1a up
    for n in $(seq 11 50); do ip addr add 10.2.0.$n/24 dev a0; done
    ip -n r1 addr add 10.2.9.9/32 dev lo
    ip -n r1 route add unreachable 10.3.1.0/24; ip -n r1 route add prohibit 10.3.2.0/24
    ip -n r1 route add blackhole 10.3.3.0/24
    ip -n r1 route add unreachable fd03:1::/64; ip -n r1 route add prohibit fd03:2::/64
    for to in 10.2.9.0/24 10.3.0.0/16; do ip route add $to via 10.2.0.2; done
    ip route add fd03::/16 via fd02::2
    left=100
    until ping -nqc1 -W1 10.2.0.2 > /dev/null && ping -nqc1 -W1 fd02::2 > /dev/null; do
        left=$((left - 1)); [ $left -gt 0 ]
    done
    mount -t tmpfs none /mnt
    cp \"$NETDIAG\" /mnt/traceroute; ln -s traceroute /mnt/traceroute6; ln -s traceroute /mnt/mtr
    chmod 755 /mnt /mnt/traceroute
    : > /mnt/resolv.conf
    mount --bind /mnt/resolv.conf /etc/resolv.conf
    printf '127.0.0.1 localhost\\n127.0.0.7 here.test\\n::1 six.test\\nfd02::1 both.test\\n127.0.0.6 both.test\\n' \\
        > /mnt/hosts
    mount --bind /mnt/hosts /etc/hosts
";

/// A namespace with the reference in it.
fn faults() -> Option<Namespace> {
    if reference_missing() {
        return None;
    }
    namespace()
}

/// The namespace that classic tools of paths are compared in, with the program under their names.
pub(super) fn namespace() -> Option<Namespace> {
    if !has("nft") {
        return None;
    }
    Namespace::new(&FAULTS.replace("$NETDIAG", NETDIAG))
}

fn reference_missing() -> bool {
    match Command::new(THEIRS).arg("-V").output() {
        Ok(output) if output.stderr.starts_with(REFERENCE.as_bytes()) => false,
        other => skip::<()>(&format!("no {}: {other:?}", REFERENCE.trim())).is_none(),
    }
}

fn under(namespace: &Namespace, program: &str, line: &str) -> Ended {
    run(namespace.command(program).args(line.split_whitespace()))
}

/// What must be the same: the texts without times, and the code.
fn compared(ended: &Ended) -> (String, String, Option<i32>) {
    // The text of the help is our own; the version has ours behind it, and no author.
    let own = concat!(", as netdiag ", env!("CARGO_PKG_VERSION"), " prints it");
    let err = match ended.err.starts_with("Usage:\n") {
        true => "Usage".to_owned(),
        false => ended.err.replace(own, ""),
    };
    let err = err.split_inclusive('\n').filter(|line| !line.starts_with("Copyright")).collect();
    (timeless(&ended.out), err, ended.code())
}

/// Times as `#`.
fn timeless(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let masked = words.iter().enumerate().map(|(place, word)| {
        let next = words.get(place + 1).copied().unwrap_or_default();
        let is_time = word.parse::<f64>().is_ok() && (next == "ms" || next.starts_with("ms\n"));
        if is_time { "#" } else { word }
    });
    masked.collect::<Vec<_>>().join(" ")
}

fn difference(line: &str, theirs: &Ended, ours: &Ended) -> Option<String> {
    let differs = compared(theirs) != compared(ours);
    differs.then(|| format!("traceroute {line}\nits {theirs:?}\nour {ours:?}"))
}

fn check(faults: &[String]) {
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn under_the_name_traceroute_it_is_traceroute() {
    let Some(namespace) = faults() else { return };
    let both = |line: &str| [THEIRS, OURS].map(|program| under(&namespace, program, line));
    let differences = LINES.iter().chain(ROUTED).filter_map(|line| {
        // A few times a round trip of loopback is sometimes less than this machine takes.
        let is_near = line.contains("127.0.0.1") && !line.contains("-w");
        let line = &format!("{}{line}", if is_near { "-w3,0,0 " } else { "" });
        let [theirs, ours] = both(line);
        difference(line, &theirs, &ours)
    });
    check(&differences.collect::<Vec<_>>());
    let [theirs, ours] = both("");
    check(&Vec::from_iter(difference("", &theirs, &ours)));
    let six = ["/usr/bin/traceroute6", "/mnt/traceroute6"];
    let differences = ["-n ::1", "-n 127.0.0.1", "-4 -n 127.0.0.1", "both.test"].iter();
    let differences = differences.filter_map(|line| {
        let [theirs, ours] = six.map(|program| under(&namespace, program, line));
        difference(&format!("6 {line}"), &theirs, &ours)
    });
    check(&differences.collect::<Vec<_>>());
}

/// `--classic` anywhere before `--` makes it the same program.
#[test]
fn classic_is_traceroute() {
    let Some(namespace) = faults() else { return };
    let ours = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        run(&mut namespace.netdiag(&words))
    };
    for (theirs, own) in [
        ("-n -q2 127.0.0.1", "trace --classic -n -q2 127.0.0.1"),
        ("-n -q1 -N1 10.3.1.9", "trace -n -q1 -N1 10.3.1.9 --classic"),
        ("-Z", "trace --classic -Z"),
        ("--json ::1", "traceroute --classic --json ::1"),
    ] {
        let theirs = under(&namespace, THEIRS, theirs);
        check(&Vec::from_iter(difference(own, &theirs, &ours(own))));
    }
    // Behind it, it is a host.
    let plain = ours("trace --json 127.0.0.1 -- --classic");
    assert_eq!(plain.json()["command"], "trace", "{plain:?}");
}

/// P1, P2: who refuses ends the path, and nothing is shown behind.
#[test]
fn c1_a_refusal_at_the_first_hop_is_the_last_line() {
    let Some(namespace) = faults() else { return };
    let wanted = [
        ("-s 10.2.0.41 10.3.0.9", "!N"),
        ("-s 10.2.0.42 10.3.1.9", "!H"),
        ("-s 10.2.0.43 10.3.2.9", "!X"),
        ("fd03::9", "!N"),
        // Linux has no other word for an unreachable route of IPv6.
        ("fd03:1::9", "!N"),
        ("fd03:2::9", "!X"),
    ];
    for (target, mark) in wanted {
        let ended = under(&namespace, OURS, &format!("-n {target}"));
        let router = if target.contains(':') { "fd02::2" } else { "10.2.0.2" };
        let lines: Vec<String> = timeless(&ended.out).lines().skip(1).map(str::to_owned).collect();
        let line = format!(" 1  {router}  # ms {mark}  # ms {mark}  # ms {mark}");
        assert_eq!((lines, ended.code()), (vec![line], Some(0)), "{ended:?}");
    }
}

/// What a simulated internet does: every mark, extensions, silence, another way back.
#[test]
fn routers_are_shown_as_traceroute_shows_them() {
    let Some(namespace) = faults() else { return };
    let lab = netlab();
    let lab = lab.to_str().expect("a path");
    let in_lab = |name: &str, program: &str, line: &str| {
        let mut command = namespace.command(lab);
        let words = line.split_whitespace();
        run(command.arg(scenario(name)).arg("--").arg(program).args(words))
    };
    let differences = IN_SCENARIOS.iter().filter_map(|(name, line)| {
        // A few times the round trip of a neighbour is sometimes less than this machine takes.
        let patient = if line.contains("-w") { "" } else { "-w3,0,0 " };
        let line = &format!("{patient}{line}");
        let [theirs, ours] = [THEIRS, OURS].map(|program| in_lab(name, program, line));
        difference(&format!("{name}: {line}"), &theirs, &ours)
    });
    check(&differences.collect::<Vec<_>>());
}

#[test]
fn without_rights_it_is_traceroute_too() {
    let Some(namespace) = faults() else { return };
    let nobody = |program: &str, line: &str| {
        let words = line.split_whitespace();
        run(namespace.command("setpriv").args(NOBODY).arg(program).args(words))
    };
    let differences = USER.iter().filter_map(|line| {
        let [theirs, ours] = [THEIRS, OURS].map(|program| nobody(program, line));
        difference(line, &theirs, &ours)
    });
    check(&differences.collect::<Vec<_>>());
    // It can do more than the reference, which needs a raw socket for these.
    for line in BEYOND {
        let (theirs, ours) = (nobody(THEIRS, line), nobody(OURS, line));
        let as_root = under(&namespace, THEIRS, line);
        assert_eq!(theirs.code(), Some(1), "{line}: {theirs:?}");
        check(&Vec::from_iter(difference(line, &as_root, &ours)));
    }
}

/// What cannot be had is said, with the code of a usage error, and nothing is sent.
#[test]
fn what_cannot_be_had_is_said() {
    let Some(namespace) = faults() else { return };
    for line in MISSING {
        let ended = under(&namespace, OURS, line);
        let option = line.split_whitespace().next().expect("an option").trim_end_matches("=5000");
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{line}: {ended:?}");
        assert!(ended.err.starts_with(&format!("{option}: ")), "{line}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{line}: {ended:?}");
    }
}

/// A hop is shown when it is known, while others are waited for; Ctrl-C and SIGQUIT end it at once.
#[test]
fn a_hop_is_shown_as_soon_as_it_is_known() {
    let Some(namespace) = faults() else { return };
    let lab = netlab();
    for program in [THEIRS, OURS] {
        let mut command = namespace.command(lab.to_str().expect("a path"));
        let lab = command.arg(scenario("trace-path")).args(["--", program]);
        let process = Process::start(lab.args(["-n", "-q1", "-w20,0,0", "10.9.2.2"]));
        let out = process.until_out(|out| out.contains("10.9.1.2") && out.ends_with(" ms"));
        assert!(out.starts_with("traceroute to 10.9.2.2 (10.9.2.2), 30 hops max"), "{out}");
        process.signal(Signal::SIGKILL);
        process.wait();
    }
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        let mut command = namespace.command(OURS);
        let process = Process::start(command.args(["-n", "-q1", "-w60", "127.0.0.9"]));
        process.until_out(|out| out.starts_with("traceroute to 127.0.0.9"));
        process.signal(signal);
        let ended = process.wait();
        assert_eq!(ended.signal(), Some(signal as i32), "{ended:?}");
    }
}
