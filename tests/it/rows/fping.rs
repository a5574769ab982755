//! The oracle: fping, and the program as `netdiag sweep --classic`, beside each other in the same
//! namespace. What they print is the same but for times, and so is the code.

use super::oracle::{self, check};
use crate::support::process::{Ended, NETDIAG, NOBODY, Namespace, Process, has, run};
use nix::sys::signal::Signal;
use std::time::Duration;

/// The version whose text is the reference.
const REFERENCE: &str = "fping: Version 5.1\n";

/// Hosts on `lo` that answer, that are silent in both directions, that refuse; routes that lead
/// nowhere; a router 10.2.0.2 that says why.
const FAULTS: &str = "
    nft -f - <<'END'
    table inet t {
        chain o { type filter hook output priority 0; ip daddr 127.0.0.8 drop; ip6 daddr ::2 drop; }
        chain i {
            type filter hook input priority 0
            ip daddr 127.0.0.9 drop
            ip6 daddr ::4 drop
            ip daddr 127.0.0.11 icmp type echo-request reject
            ip daddr 127.0.0.12 icmp type echo-request reject with icmp type admin-prohibited
            ip daddr 127.0.0.13 icmp type echo-request numgen inc mod 2 0 drop
            ip daddr 127.0.0.14 icmp type echo-request numgen inc mod 2 0 reject
            ip6 daddr ::3 icmpv6 type echo-request reject
        }
    }
END
    for address in ::2 ::3 ::4; do ip addr add $address/128 dev lo; done
    ip link add d0 mtu 1400 type veth peer name d1
    ip addr add 10.1.0.1/24 dev d0; ip link set d0 up; ip link set d1 up
    ip route add unreachable 198.51.100.0/25
    ip route add prohibit 198.51.100.128/25
    ip route add blackhole 203.0.113.0/24
    ip route add unreachable 2001:db8:1::/48; ip route add prohibit 2001:db8:2::/48
    mount -t tmpfs none /run
    ip netns add r1
    ip netns exec r1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'
    ip link add a0 type veth peer name r1a netns r1
    ip addr add 10.2.0.1/24 dev a0; ip link set a0 up
    ip -n r1 addr add 10.2.0.2/24 dev r1a; ip -n r1 link set r1a up
    ip route add 10.3.0.0/16 via 10.2.0.2
    ip -n r1 link add e0 type veth peer name e1; ip -n r1 addr add 10.3.0.1/16 dev e0
    ip -n r1 link set e0 up; ip -n r1 link set e1 up
    ip netns exec r1 nft -f - <<'END'
    table ip t {
        chain f {
            type filter hook forward priority 0
            ip daddr 10.3.1.0/24 reject with icmp type host-unreachable
            ip daddr 10.3.2.0/24 reject with icmp type net-prohibited
            drop
        }
    }
END
    left=100
    until ping -nqc1 -W1 10.2.0.2 > /dev/null; do left=$((left - 1)); [ $left -gt 0 ]; done
";

/// A list of targets.
const LIST: &str = "printf '127.0.0.1 x\\n# c\\n\\n 127.0.0.9\\n#127.0.0.3\\nhere.test\\nnosuch.invalid' > /mnt/list";

/// Arguments of both. Where probes are lost the timeout is not the period: which of the two comes
/// first is chance with fping.
#[rustfmt::skip]
const LINES: &[&str] = &[
    // One answer each: alive, silent, refused, unreachable, without a name.
    "127.0.0.1", "127.0.0.1 127.0.0.9 ::1 ::4", "-r1 -t100 -a 127.0.0.1 127.0.0.9",
    "-r1 -t100 -u 127.0.0.1 127.0.0.9", "-r0 -t100 -q 127.0.0.1 127.0.0.9", "-r2 -t50 -B1 127.0.0.9",
    "-s -r2 -t50 -B2 127.0.0.9", "-s -r1 -t50 127.0.0.1 127.0.0.9 nosuch.invalid",
    "-r1 -t50 127.0.0.11 127.0.0.12", "-q -r1 -t50 127.0.0.11", "-a -r1 -t50 127.0.0.11 127.0.0.1",
    "-s -r2 -t100 127.0.0.14", "-r1 -t50 ::3", "127.0.0.8 ::2", "-q 127.0.0.8 ::2", "-a 127.0.0.8 ::2",
    "198.51.100.1 198.51.100.129 203.0.113.1", "-s 198.51.100.1 127.0.0.1", "192.0.2.1",
    "2001:db8:1::1 2001:db8:2::1 2001:db8:3::1", "-r1 -t100 10.3.1.1 10.3.2.1 10.3.3.1 10.2.0.2",
    "-s -r1 -t100 10.3.1.1", "-M -b 1500 -r0 -t50 10.1.0.77", "255.255.255.255", "10.1.0.255",
    "-e -A here.test", "-a -e here.test 127.0.0.1", "-e -A -d here.test 127.0.0.1",
    "-r0 -t50 -d here.test 127.0.0.9", "-n here.test 127.0.0.1 127.0.0.5",
    "-A -n here.test 127.0.0.1 127.0.0.5", "127.1", "127.0.0.1 127.0.0.1", "-6 six.test", "-m -A here.test",
    "-x1 -r0 -t50 127.0.0.1 127.0.0.9", "-x2 -r0 -t50 127.0.0.1 127.0.0.9", "-x1 -s 127.0.0.1",
    // Series.
    "-c2 -p50 127.0.0.1 ::1", "-C3 -p50 127.0.0.1 ::1", "-c2 -p200 -t90 127.0.0.1 ::1 127.0.0.9",
    "-C3 -q -p200 -t90 127.0.0.1 127.0.0.9", "-c4 -q -p60 -t40 127.0.0.13", "-c4 -p60 -t40 127.0.0.13",
    "-o -q -c4 -p60 -t40 127.0.0.13", "-C4 -p60 -t40 127.0.0.14", "-s -c2 -p60 -t40 127.0.0.11",
    "-c2 -p60 -t40 127.0.0.11 127.0.0.12", "-q -c2 -p60 -t40 127.0.0.11", "-s -c2 -p60 -t40 ::3",
    "-c2 -p50 127.0.0.8 ::2", "-C2 -p50 127.0.0.8 ::2 127.0.0.1", "-c2 -p50 2001:db8:1::1 198.51.100.1",
    "-s -q -c2 -p100 -t60 10.3.1.1 10.2.0.2", "-c1 -p50 -t150 127.0.0.9 127.0.0.1",
    "-Q 1 -c2 -p100 127.0.0.1", "-D -c2 -p50 127.0.0.1", "-a -c1 127.0.0.1", "-u -c1 -p50 127.0.0.9",
    "-x1 -c1 127.0.0.1", "-c1 nosuch.invalid 127.0.0.1", "-c1 127.0.0.1 127.0.0.1",
    // What is sent, and from where.
    "-b 2000 -c1 127.0.0.1", "-b 0 -c1 127.0.0.1", "-b 65488 -c1 127.0.0.1", "-R -O 0x10 -H 5 -c1 127.0.0.1",
    "-T 5 -I lo 127.0.0.1", "-I nosuch 127.0.0.1", "-S 127.0.0.1 127.0.0.2", "-S 192.0.2.9 127.0.0.1",
    // Which targets.
    "-g 127.0.0.1/29", "-g 127.0.0.1 127.0.0.5", "-a -g 127.0.0.1/31", "-r0 -t50 -g 127.0.0.8 127.0.0.11",
    "-f /mnt/list -r0 -t50", "-r0 -t50", "-f - -r0 -t50", "-f /nosuch", "nosuch.invalid",
    "-q nosuch.invalid 127.0.0.1", "a..b", "-4 ::1", "-6 127.0.0.1", "-6 -g 127.0.0.1/30",
    "-g 127.0.0.1", "-g 127.0.0.1 127.0.0.2 127.0.0.3", "-g 127.0.0.1/33", "-g 127.0.0.1/x",
    "-g 127.0.0.x/24", "-g ::1/128", "-g 127.0.0.1 ::1", "-g 127.0.0.x 127.0.0.1",
    "-g 127.0.0.9 127.0.0.8", "-g 10.0.0.0 10.2.0.0", "-f /mnt/list ::1", "-g -f /mnt/list",
    // Syntax.
    "--count=2 --period=20 ::1", "--vcount 2 --period 20 --quiet ::1", "127.0.0.1 -c1", "-qc1 ::1",
    "-l -c1 ::1", "-a -u ::1", "-Z ::1", "-c", "--foo", "--alive=1 ::1", "--count", "-b 70000 ::1", "-B 6 ::1",
    "-B x ::1", "-H 300 ::1", "-H 0 ::1", "-4 -6 ::1", "-n -d ::1", "-t x ::1", "-t 500x ::1", "-c x ::1",
    "-c0 ::1", "-Q x ::1", "-O x ::1", "-x0 ::1", "-S x ::1", "-r x ::1", "-v", "-h", "-c1 -- ::1",
];

/// What a simulated internet does to packets: too late, twice, errors of routers.
#[rustfmt::skip]
const ROUTED: &[(&str, &str)] = &[
    ("plain-20ms", "-c2 -p100 10.9.2.2"), ("plain-20ms", "-e 10.9.2.2"),
    ("late-1500ms", "-C3 -p500 -t400 10.9.2.2"), ("late-1500ms", "-t 400 10.9.2.2"),
    ("slow-800ms", "-s -e -t 600 10.9.2.2"), ("slow-800ms", "-s -r1 -t 500 10.9.2.2"),
    ("slow-800ms", "-s -C2 -p 500 10.9.2.2"), ("slow-800ms", "-C2 -p 500 -t 900 10.9.2.2"),
    ("duplicate", "-q -C9 -p100 -t90 10.9.2.2"), ("duplicate", "-c9 -p100 -t90 10.9.2.2"),
    ("icmp-errors", "-c2 -p100 -t60 10.3.1.9"), ("icmp-errors", "-r1 -t50 10.3.13.9 10.5.1.9"),
    ("icmp-errors", "-r1 -t50 fd01:1::9"),
];

/// A namespace with the reference in it.
fn faults() -> Option<Namespace> {
    if !oracle::has_reference(["fping", "-v"], REFERENCE) {
        return None;
    }
    let namespace = oracle::namespace(FAULTS, "fping", "::1 six.test\\n")?;
    namespace.run(LIST);
    Some(namespace)
}

/// A program under the name `fping`, wherever it is, with the list as its standard input.
fn named_fping(namespace: &Namespace, path: &str, line: &str) -> Ended {
    let script = "path=$1; shift; PATH=$path exec fping \"$@\" < /mnt/list";
    let words = line.split_whitespace();
    run(namespace.command("sh").args(["-c", script, "sh", path]).args(words))
}

fn reference(namespace: &Namespace, line: &str) -> Ended {
    named_fping(namespace, "/usr/bin:/bin", line)
}

fn classic(namespace: &Namespace, command: &str, line: &str) -> Ended {
    let script = "netdiag=$1; shift; exec \"$netdiag\" \"$@\" < /mnt/list";
    let words = command.split_whitespace().chain(line.split_whitespace());
    run(namespace.command("sh").args(["-c", script, "sh", NETDIAG]).args(words))
}

/// What must be the same: the texts without times, and the code. Where probes time out, targets are
/// looked at one by one: whether one times out before another answers is up to the machine.
fn compared(ended: &Ended) -> (String, String, Option<i32>) {
    // The text of the help is our own, and the version has ours behind it.
    let own_words = |text: &str| match text.split_once("Usage: fping [options] [targets...]") {
        Some((before, _)) => format!("{before}Usage"),
        None => text.replace(concat!(", as netdiag ", env!("CARGO_PKG_VERSION"), " prints it"), ""),
    };
    let timeless = |text: &str| timeless(&own_words(text));
    let mut out: Vec<String> = timeless(&ended.out).lines().map(str::to_owned).collect();
    if out.iter().any(|line| line.ends_with("loss)") && line.contains("timed out")) {
        out.sort_by_key(|line| line.split(' ').next().map(str::to_owned));
    }
    (out.join("\n"), timeless(&ended.err), ended.code())
}

/// Times as `#`.
fn timeless(text: &str) -> String {
    text.lines().map(timeless_line).collect::<Vec<_>>().join("\n")
}

fn timeless_line(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let masked = words.iter().enumerate().map(|(place, word)| {
        let next = words.get(place + 1).copied().unwrap_or_default();
        let before = place.checked_sub(1).and_then(|place| words.get(place));
        let inner = word.trim_matches(['(', '[', ']']);
        let is_number = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_digit() || c == '.')
        };
        let is_time = is_number(inner)
            && (inner.matches('.').count() == 1 || ["ms", "ms)", "avg,"].contains(&next));
        // What -C counts up: times of a hundred milliseconds and more have no point.
        let is_listed = place >= 2
            && words.get(1) == Some(&":")
            && words.iter().skip(2).all(|word| *word == "-" || is_number(word));
        let is_figures = before == Some(&"=") && inner.split('/').all(is_number);
        let is_clock = words.len() == 1 && inner.len() == 8 && inner.matches(':').count() == 2;
        match is_time
            || (is_listed && is_number(inner))
            || (is_figures && line.contains("min/avg/max"))
            || is_clock
        {
            true => word.replace(inner, "#"),
            false => (*word).to_owned(),
        }
    });
    masked.collect::<Vec<_>>().join(" ")
}

fn difference(line: &str, theirs: &Ended, ours: &Ended) -> Option<String> {
    let differs = compared(theirs) != compared(ours);
    differs.then(|| format!("fping {line}\nits {theirs:?}\nour {ours:?}"))
}

#[test]
fn classic_is_fping() {
    let Some(namespace) = faults() else { return };
    let differences = LINES.iter().filter_map(|line| {
        let theirs = reference(&namespace, line);
        difference(line, &theirs, &classic(&namespace, "sweep --classic", line))
    });
    check(&differences.collect::<Vec<_>>());
}

/// Three ways to say it, of which one was compared with all.
#[test]
fn under_the_name_fping_it_is_fping() {
    let Some(namespace) = faults() else { return };
    let lines = [
        "-c2 -p50 ::1 127.0.0.1",
        "-Z ::1",
        "-C x ::1",
        "-A -s here.test",
        "-h",
        "-v",
        "nosuch.invalid",
    ];
    let mut differences = Vec::new();
    for line in lines {
        let theirs = reference(&namespace, line);
        differences.extend(difference(line, &theirs, &named_fping(&namespace, "/mnt", line)));
        differences.extend(difference(line, &theirs, &classic(&namespace, "fping", line)));
    }
    let theirs = reference(&namespace, "-c1 ::1 127.0.0.1");
    let anywhere = classic(&namespace, "sweep -c1 ::1", "--classic 127.0.0.1");
    differences.extend(difference("--classic anywhere", &theirs, &anywhere));
    check(&differences);
    let plain = classic(&namespace, "sweep 127.0.0.1 --", "--classic");
    assert_eq!(plain.code(), Some(2), "{plain:?}");
}

#[test]
fn classic_tells_what_routers_do_as_fping_does() {
    let Some(namespace) = faults() else { return };
    let programs: [&[&str]; 2] = [&["fping"], &[NETDIAG, "sweep", "--classic"]];
    check(&oracle::routed(&namespace, ROUTED, programs, difference));
}

/// A loop goes on until Ctrl-C and tells the figures so far on Ctrl-\; both ends are the same.
#[test]
fn a_loop_ends_as_fping_does() {
    let Some(namespace) = faults() else { return };
    let line = "-l -p 20 127.0.0.1";
    for program in ["/usr/bin/fping", "/mnt/fping"] {
        let mut command = namespace.command(program);
        let process = Process::start(command.args(line.split_whitespace()));
        process.until_out(|out| out.lines().count() >= 3);
        process.signal(Signal::SIGQUIT);
        process.until_err(|err| err.contains("xmt/rcv/%loss"));
        process.signal(Signal::SIGINT);
        let ended = process.wait();
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let all = ended.out.lines().count();
        for (number, line) in ended.out.lines().enumerate() {
            let head = format!("127.0.0.1 : [{number}], 64 bytes, ");
            assert!(line.starts_with(&head) && line.ends_with(" avg, 0% loss)"), "{ended:?}");
        }
        let err = timeless(&ended.err);
        let lines: Vec<&str> = err.lines().collect();
        let last = format!("127.0.0.1 : xmt/rcv/%loss = {all}/{all}/0%, min/avg/max = #");
        assert_eq!((lines.len(), lines[0], lines[1], lines[3]), (5, "", "[#]", ""), "{ended:?}");
        assert_eq!(lines[4], last, "{ended:?}");
    }
}

/// Charts once, then values; the lines of both begin with the same words.
#[test]
fn netdata_reads_the_same_from_both() {
    let Some(namespace) = faults() else { return };
    let line = "-l -N -Q 0.2 -p 100 here.test";
    let kinds = ["/usr/bin/fping", "/mnt/fping"].map(|program| {
        let process = Process::start(namespace.command(program).args(line.split_whitespace()));
        let out = process.until_out(|out| out.matches("fping.here_test_latency\n").count() >= 2);
        process.signal(Signal::SIGINT);
        process.wait();
        let words = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
        let end = out.rfind("BEGIN").expect("a second round");
        out[..end].lines().map(words).collect::<Vec<_>>()
    });
    assert_eq!(kinds[0], kinds[1]);
}

/// A user is held to a rate before anything is sent: what the sender would hold back is no dead host.
#[test]
fn b29_a_user_is_slowed_down_and_loses_nothing() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let nobody = |line: &str| {
        run(&mut namespace.nobody(&[&["fping"], &*line.split(' ').collect::<Vec<_>>()].concat()))
    };
    // Every time is far below what 2,500 in a second leave for a host.
    let all = nobody("-s -u -r 0 -t 50 -i 0 -g 127.1.0.0/20");
    assert_eq!((all.code(), all.out.as_str()), (Some(0), ""), "{all:?}");
    assert!(all.err.contains(" 4094 alive\n"), "{all:?}");
    assert!(all.took >= Duration::from_millis(1_500), "{all:?}");
    for hosts in ["127.0.0.1", "127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1", "127.0.0.1 ::1"]
    {
        // By itself it would wait as long as from one to the next, 1 ms: a busy kernel may take longer.
        let series = nobody(&format!("-q -c 20 -i 0 -p 1 -t 30 {hosts}"));
        assert_eq!(series.code(), Some(0), "{series:?}");
        let mut hosts = series.err.lines();
        assert!(hosts.all(|host| host.contains("xmt/rcv/%loss = 20/20/0%")), "{series:?}");
        assert!(series.took >= Duration::from_millis(38), "{series:?}");
    }
    namespace.run(
        "nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'
        nft add rule inet t i ip daddr 127.2.0.0/16 counter drop",
    );
    // Retries come in between, and keep to the rate with all others.
    let dead = nobody("-s -q -r 2 -t 50 -B 1 -i 0 -g 127.2.0.0/22");
    assert_eq!(dead.code(), Some(1), "{dead:?}");
    assert!(dead.err.contains(" 3066 timeouts (waiting for response)\n"), "{dead:?}");
    assert!(namespace.run("nft list table inet t").contains("packets 3066 "), "{dead:?}");
}

#[test]
fn without_any_right_it_says_what_fping_says() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    // Without the capability that its file may have.
    namespace.run(
        "echo '1 0' > /proc/sys/net/ipv4/ping_group_range
        mount -t tmpfs none /run; cp \"$(command -v fping || echo /bin/true)\" /run/fping",
    );
    for line in ["127.0.0.1", "-4 127.0.0.1", "-c 1 127.0.0.1", "-6 ::1", "-u -g 127.0.0.0/29"] {
        let words: Vec<&str> = line.split(' ').collect();
        let ours = run(&mut namespace.nobody(&[&["fping"], &*words].concat()));
        assert_eq!((ours.code(), ours.out.as_str()), (Some(4), ""), "{line}: {ours:?}");
        assert_eq!(ours.err, "fping: can't create socket (must run as root?)\n", "{line}");
        if !has("fping") {
            continue;
        }
        let theirs = run(namespace
            .command("setpriv")
            .args(NOBODY)
            .args(["sh", "-c", "PATH=/run exec fping \"$@\"", "sh"])
            .args(words));
        assert_eq!((theirs.code(), &theirs.err), (ours.code(), &ours.err), "{line}");
    }
}

/// What fping has only since version 5.2.
#[test]
fn it_ends_with_enough_hosts_and_marks_packets() {
    let Some(namespace) = faults() else { return };
    let ended = classic(&namespace, "fping", "-X 1 -t 15000 127.0.0.9 127.0.0.1 127.0.0.2");
    assert_eq!(ended.out, "Enough hosts reachable (required: 1, reachable: 1)\n", "{ended:?}");
    assert_eq!((ended.code(), ended.err.as_str()), (Some(0), ""), "{ended:?}");
    namespace.run(
        "nft add table inet m; nft add chain inet m o '{ type filter hook output priority 0; }'
        nft add rule inet m o meta mark 77 counter",
    );
    let marked = classic(&namespace, "fping", "-k 77 -c 3 -p 10 ::1");
    assert_eq!(marked.code(), Some(0), "{marked:?}");
    let rules = namespace.run("nft list table inet m");
    assert!(rules.contains("counter packets 3 "), "{rules}");
}

/// One line of a list that cannot be probed keeps no other from it.
#[test]
fn a_line_that_is_no_host_is_passed_over() {
    let Some(namespace) = faults() else { return };
    let script = "printf '127.0.0.1\\n0.0.0.0\\nff02::1\\n0\\n::1\\n' | \"$0\" fping";
    let ended = run(namespace.command("sh").args(["-c", script, NETDIAG]));
    assert_eq!(ended.out, "127.0.0.1 is alive\n::1 is alive\n", "{ended:?}");
    let said: Vec<&str> = ended.err.lines().collect();
    assert_eq!((ended.code(), said.len()), (Some(2), 3), "{ended:?}");
    assert!(said[0].contains("0.0.0.0: the unspecified address is no host"), "{ended:?}");
}

/// What netdiag does not do is refused with the code that fping's manual has for it.
#[test]
fn what_cannot_be_had_says_so() {
    let Some(namespace) = faults() else { return };
    for line in ["0", "::", "ff02::1", "-O 256 ::1", "-l -p 0 ::1", "-S 127.0.0.1 ::1"] {
        let ended = classic(&namespace, "fping", line);
        assert_eq!((ended.code(), ended.out.as_str()), (Some(3), ""), "{line}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{line}: {ended:?}");
        assert!(ended.err.starts_with("fping: "), "{line}: {ended:?}");
    }
}
