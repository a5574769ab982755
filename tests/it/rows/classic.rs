//! The oracle: iputils' ping, and the program under its name and as `netdiag ping --classic`, beside
//! each other in the same namespace. What they print is the same but for times, and so is the code.

mod lines;

use super::oracle::{self, check};
use crate::support::process::{
    Ended, NETDIAG, NOBODY, Namespace, Process, has, netlab, run, scenario,
};
use lines::{HOSTS, ROUTED, SHARED, SYNTAX};
use nix::sys::signal::Signal;
use std::fs::File;

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
";

/// A host behind two routers: 10.1.0.1, 10.1.0.2 and 10.2.0.1, 10.2.0.2 and 10.3.0.1, 10.3.0.2.
pub(super) const ROUTERS: &str = "
    for name in r1 r2 b; do
        ip netns add $name
        ip netns exec $name sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
            echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'
    done
    ip link add a0 type veth peer name r1a netns r1
    ip -n r1 link add r1b type veth peer name r2a netns r2
    ip -n r2 link add r2b type veth peer name b0 netns b
    ip addr add 10.1.0.1/24 dev a0; ip link set a0 up
    while read name device address; do
        ip -n $name addr add $address/24 dev $device; ip -n $name link set $device up
    done <<'END'
r1 r1a 10.1.0.2
r1 r1b 10.2.0.1
r2 r2a 10.2.0.2
r2 r2b 10.3.0.1
b b0 10.3.0.2
END
    ip route add 10.0.0.0/8 via 10.1.0.2
    ip -n r1 route add 10.3.0.0/24 via 10.2.0.2
    ip -n r2 route add 10.1.0.0/24 via 10.2.0.1
    ip -n b route add default via 10.3.0.1
    left=100
    until ping -nqc1 -W1 10.3.0.2 > /dev/null; do left=$((left - 1)); [ $left -gt 0 ]; done
";

/// Whether the reference is here.
fn has_reference() -> bool {
    oracle::has_reference(["ping", "-V"], REFERENCE)
}

fn faults() -> Option<Namespace> {
    if !has_reference() {
        return None;
    }
    oracle::namespace(FAULTS, "ping", "::1 six.test\\n")
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
    let all = lines.iter();
    let theirs = |line: &str| named_ping(namespace, "/usr/bin:/bin", line);
    all.filter_map(|line| difference(line, &theirs(line), &ours(line))).collect()
}

fn difference(line: &str, theirs: &Ended, ours: &Ended) -> Option<String> {
    let differs = compared(theirs) != compared(ours);
    differs.then(|| format!("ping {line}\nits {theirs:?}\nour {ours:?}"))
}

#[test]
fn under_the_name_ping_it_is_iputils_ping() {
    let Some(namespace) = faults() else { return };
    let under_its_name = |line: &str| named_ping(&namespace, "/mnt", line);
    let mut faults = differences(&namespace, SHARED, under_its_name);
    faults.extend(differences(&namespace, SYNTAX, under_its_name));
    check(&faults);
}

/// The names that ask for a family, and lines that programs are known to run.
#[test]
fn under_the_names_ping4_and_ping6_it_asks_for_a_family() {
    let Some(namespace) = faults() else { return };
    namespace.run("ln -s ping /mnt/ping4; ln -s ping /mnt/ping6");
    let named = |name: &str, path: &str, line: &str| {
        let script = "path=$1; name=$2; shift 2; PATH=$path exec $name \"$@\"";
        run(namespace.command("sh").args(["-c", script, "sh", path, name]).args(words(line)))
    };
    let lines = [
        ("ping4", "-c1 localhost"),
        ("ping4", "-c1 ::1"),
        ("ping4", "-6 -c1 ::1"),
        ("ping4", "-4 -c1 127.0.0.1"),
        ("ping4", "nosuch.invalid"),
        ("ping6", "-c1 ::1"),
        ("ping6", "-c1 127.0.0.1"),
        ("ping6", "-4 -c1 127.0.0.1"),
        ("ping6", "-z"),
        ("ping", "-4 -n -U -w 10 -c 3 -i .1 127.0.0.1"),
        ("ping", "-4 -n -U -w 10 -c 3 -i .1 127.0.0.11"),
        ("ping", "-n -U -w 1 -c 3 127.0.0.9"),
        ("ping", "-O -i0.2 -c2 127.0.0.1"),
        ("ping", "-O -i0.2 -c2 -W.3 127.0.0.9"),
    ];
    let faults = lines.into_iter().filter_map(|(name, line)| {
        let theirs = named(name, "/usr/bin:/bin", line);
        difference(&format!("({name}) {line}"), &theirs, &named(name, "/mnt", line))
    });
    check(&faults.collect::<Vec<_>>());
}

#[test]
fn classic_is_iputils_ping() {
    let Some(namespace) = faults() else { return };
    let classic = |line: &str| run(namespace.netdiag(&["ping", "--classic"]).args(words(line)));
    let mut faults = differences(&namespace, SHARED, classic);
    // Beside options of our own the syntax is ours.
    let syntax: Vec<&str> = SYNTAX.iter().copied().filter(|line| !line.contains("--")).collect();
    faults.extend(differences(&namespace, &syntax, classic));
    check(&faults);
}

#[test]
fn classic_repeats_what_routers_say_as_iputils_ping_does() {
    let Some(namespace) = faults() else { return };
    let programs: [&[&str]; 2] = [&["ping"], &[NETDIAG, "ping", "--classic"]];
    check(&oracle::routed(&namespace, ROUTED, programs, difference));
}

/// What reaches many hosts is answered in any order, and their own choice of address is theirs.
fn of_any_host(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in timeless(text).split('\n') {
        let line = match line.split_once("64 bytes from ") {
            Some((date, rest)) if rest.starts_with("10.9.0.") || rest.starts_with("fe80:") => {
                let zone = if rest.contains("%br0:") { "%br0" } else { "" };
                let rest = rest.split_once(": ").map_or("", |(_, rest)| rest);
                format!("{date}64 bytes from a host{zone}: {rest}")
            }
            _ => line.to_owned(),
        };
        lines.push(line);
    }
    let masked = lines.into_iter().map(|mut line| {
        // The first stamp is the time of day; of a broadcast it is not known whose route is recorded.
        if let Some(end) = line.find(" absolute") {
            let begin = line[..end].rfind('\t').map_or(0, |at| at + 1);
            line.replace_range(begin..end, "#");
        }
        // The others are how much later they were taken.
        if line.starts_with("\t10.")
            && let Some(at) = line.rfind('\t').filter(|at| *at > 0)
        {
            line.replace_range(at + 1.., "#");
        }
        if line.strip_prefix('\t').is_some_and(|later| later.parse::<u32>().is_ok()) {
            line = "\t#".to_owned();
        }
        match line.find("\t10.9.0.") {
            Some(at) => format!("{}\ta host", &line[..at]),
            None => line,
        }
    });
    masked.collect::<Vec<_>>().join("\n")
}

#[test]
fn routes_times_and_groups_are_told_as_iputils_ping_does() {
    if !has_reference() {
        return;
    }
    let Some(namespace) = Namespace::new(&(super::groups::NETWORK.to_owned() + ROUTERS)) else {
        return;
    };
    namespace.run(
        "mount -t tmpfs none /mnt; ln -s \"$0\" /mnt/ping; : > /mnt/resolv.conf; \
                   mount --bind /mnt/resolv.conf /etc/resolv.conf"
            .replace("$0", NETDIAG)
            .as_str(),
    );
    let mut faults = Vec::new();
    for line in HOSTS {
        let ours = named_ping(&namespace, "/mnt", line);
        let theirs = named_ping(&namespace, "/usr/bin:/bin", line);
        let compared = |ended: &Ended| (of_any_host(&ended.out), ended.err.clone(), ended.code());
        if compared(&theirs) != compared(&ours) {
            faults.push(format!("ping {line}\nits {theirs:?}\nour {ours:?}"));
        }
    }
    check(&faults);
}

/// Both cannot have the same label one after the other: iputils takes it for itself alone for a while.
#[test]
fn a_flow_label_is_told_and_travels_with_the_packet() {
    if !has("nft") {
        return;
    }
    let Some(namespace) = Namespace::new(
        "nft -f - <<'END'
table inet t {
    chain o { type filter hook output priority 0; ip6 flowlabel 0x12345 icmpv6 type echo-request counter; }
}
END",
    ) else {
        return;
    };
    // From now on the kernel sends no label that was not lent.
    named_ping(&namespace, "/usr/bin:/bin", "-F 77 -c1 ::1");
    for arguments in [&["--classic"][..], &[]] {
        let mut netdiag = namespace.netdiag(&["ping", "-nc2", "-i.1", "-F", "0x12345", "::1"]);
        let ended = run(netdiag.args(arguments));
        let head =
            "PING ::1(::1) , flow 0x12345, 56 data bytes\n64 bytes from ::1: icmp_seq=1 ttl=64 ";
        assert!(ended.out.starts_with(head), "{ended:?}");
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }
    let rules = namespace.run("nft list ruleset");
    assert!(rules.contains("counter packets 4 "), "{rules}");
    let random = run(&mut namespace.netdiag(&["ping", "-nc1", "-F", "0", "::1"]));
    assert!(random.out.starts_with("PING ::1(::1) , flow 0x"), "{random:?}");
    assert!(!random.out.contains("flow 0x00000"), "{random:?}");
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
    check(&faults);
}

/// What cannot be had is refused in one line that names it, under both names.
#[test]
fn options_that_cannot_be_had_are_usage_errors() {
    let Some(namespace) = faults() else { return };
    for line in ["-C 224.0.0.1", "-N name ::1", "-N ipv6-all localhost"] {
        let letter = line.split(' ').next().expect("a word");
        let mut netdiag = namespace.netdiag(&["ping"]);
        for ended in [named_ping(&namespace, "/mnt", line), run(netdiag.args(words(line)))] {
            assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
            assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
            assert!(ended.err.contains(&format!("{letter}: ")), "{ended:?}");
            assert!(ended.err.contains("cannot be had yet"), "{ended:?}");
        }
    }
}

/// Without any right: the reference, and the program under its name, in folders that nobody may read.
#[test]
fn a_user_is_told_what_iputils_tells_one() {
    if !has_reference() {
        return;
    }
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run(
        "mount -t tmpfs none /opt; mkdir /opt/its /opt/our; chmod 755 /opt /opt/its /opt/our
         cp $(command -v ping) /opt/its/ping
         ln -s /mnt/netdiag /opt/our/ping
         : > /opt/resolv.conf; mount --bind /opt/resolv.conf /etc/resolv.conf",
    );
    let nobody = |folder: &str, line: &str| {
        let script = format!("PATH=/opt/{folder} exec ping \"$@\"");
        let mut command = namespace.command("setpriv");
        run(command.args(NOBODY).args(["sh", "-c", &script, "sh"]).args(words(line)))
    };
    let mut faults = Vec::new();
    for line in [
        "-m5 -c1 127.0.0.1",
        "-m5 -c1 ::1",
        "-m5 -4 -c1 127.0.0.1",
        "-m5 -I 127.0.0.1 -c1 127.0.0.1",
        "-i .001 -c2 127.0.0.1",
        "-i 0 -qc2 ::1",
        "-f -c2 127.0.0.1",
        "-f -i .001 -c2 ::1",
        "-f -i .01 -c2 127.0.0.1",
        "-i abc -c1 127.0.0.1",
        "-A -i .001 -c2 127.0.0.1",
        "-A -c3 127.0.0.1",
        "-f -c2 nosuch.invalid",
        "-l4 -c1 ::1",
    ] {
        faults.extend(difference(line, &nobody("its", line), &nobody("our", line)));
    }
    check(&faults);
    // Refused here alone, in the letters that this tool has.
    let ours = nobody("our", "-b -c1 127.255.255.255");
    assert_eq!(ours.err, "ping: -b: only for root\n", "{ours:?}");
}

#[test]
fn an_output_that_takes_no_more_is_told_as_iputils_tells_it() {
    let Some(namespace) = faults() else { return };
    for line in ["-c1 127.0.0.1", "-qc1 ::1", "-c2 -i.1 127.0.0.1", "-V"] {
        let into_full = |path: &str| {
            let script = "path=$1; shift; PATH=$path exec ping \"$@\" > /dev/full";
            run(namespace.command("sh").args(["-c", script, "sh", path]).args(words(line)))
        };
        let (theirs, ours) = (into_full("/usr/bin:/bin"), into_full("/mnt"));
        assert_eq!(compared(&theirs), compared(&ours), "{line}: {theirs:?} {ours:?}");
        assert_eq!((ours.code(), ours.err.as_str()), (Some(1), "ping: write error\n"));
    }
    let line = ["ping", "--classic", "-c1", "127.0.0.1"];
    let full = File::options().write(true).open("/dev/full").expect("a device");
    let ended = Process::start_into(&mut namespace.netdiag(&line), full.into()).wait();
    assert_eq!((ended.code(), ended.err.as_str()), (Some(1), "ping: write error\n"), "{ended:?}");
}

/// iputils hears of no other signals than SIGINT, SIGALRM and SIGQUIT.
#[test]
fn a_signal_that_ends_iputils_ends_it_without_a_summary() {
    let Some(namespace) = faults() else { return };
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let under = |path: &str| {
            let script = "path=$1; shift; PATH=$path exec ping \"$@\"";
            let mut command = namespace.command("sh");
            let command = command.args(["-c", script, "sh", path, "-i60", "127.0.0.1"]);
            let process = Process::start(command);
            process.until_out(|out| out.lines().count() == 2);
            process.signal(signal);
            process.wait()
        };
        let (theirs, ours) = (under("/usr/bin:/bin"), under("/mnt"));
        assert_eq!(compared(&theirs), compared(&ours), "{signal}: {theirs:?} {ours:?}");
        assert_eq!(theirs.signal(), ours.signal(), "{theirs:?} {ours:?}");
        assert_eq!(ours.out.contains("statistics"), signal == Signal::SIGINT, "{ours:?}");
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
