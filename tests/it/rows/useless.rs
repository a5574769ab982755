//! Each option beside each protocol, family and backend: it is used, or refused in words (CONTRACT.md
//! section 2).

use crate::support::process::{Ended, Namespace, run};

/// What is sent: ICMP echoes, timestamps, extended echoes, UDP, TCP, SYNs of our own, QUIC, and ICMP echoes
/// by surge-ping.
const KINDS: [(char, &str); 8] = [
    ('i', "--proto icmp"),
    ('t', "--proto icmp-timestamp"),
    ('p', "--proto icmp-probe --probe-interface lo"),
    ('u', "--proto udp:9"),
    ('c', "--proto tcp:9"),
    ('s', "--proto syn:9"),
    ('q', "--proto quic:9"),
    ('b', "--backend portable"),
];
/// The rest of a kind's name is the family.
const HOSTS: [(char, &str); 2] = [('4', "127.0.0.1"), ('6', "::1")];

/// An option, the kinds that have no use for it, and a part of what is said then; `portable` says
/// that it cannot do it. There is no timestamp over IPv6 whatever else is asked for.
#[rustfmt::skip]
const OPTIONS: &[(&str, &str, &str)] = &[
    ("--probe-interface lo", "i4 i6 t4 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", "only with --proto icmp-probe"),
    ("-4", "i6 p6 u6 c6 s6 q6 b6", "`::1` is an IPv6 address"),
    ("-6", "i4 t4 p4 u4 c4 s4 q4 b4", ""),
    ("--source HOST", "", ""), ("-I lo", "", ""),
    ("-B", "b4 b6", ""),
    ("-b", "i6 t4 p4 p6 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", ""),
    ("--multicast", "i4 i6 t4 p4 p6 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", ""),
    ("-r", "i6 p6 u6 c4 c6 s6 q4 q6 b4 b6", ""),
    ("-c 1", "", ""), ("-i 1", "", ""), ("-A", "", ""), ("-f", "", ""), ("-W 1", "", ""),
    ("-w 1", "", ""), ("-l 1", "", ""),
    ("--first", "", ""), ("--until-up 1", "", ""), ("--until-down 1", "", ""),
    ("-s 1000", "t4 p4 p6 c4 c6 s4 s6 q4 q6", "carries no data of ours"),
    ("-p ff", "t4 p4 p6 c4 c6 s4 s6 q4 q6", "carries no data of ours"),
    ("-t 9", "", ""),
    ("--dscp ef", "b4 b6", ""),
    ("--ecn ce", "c4 c6 q4 q6 b4 b6", ""),
    ("-Q 4", "b4 b6", ""),
    ("-Q 1", "c4 c6 q4 q6 b4 b6", ""),
    ("-M do", "c4 c6 q4 q6 b4 b6", ""),
    ("-m 1", "c4 c6 q4 q6 b4 b6", ""),
    ("-F 5", "i4 t4 p4 u4 c4 c6 s4 q4 q6 b4 b6", ""),
    ("--seed 7", "i4 i6 t4 p4 p6 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", "only with --flow-label 0"),
    ("-R", "i6 t4 p4 p6 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", ""),
    ("-T tsonly", "i6 t4 p4 p6 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", ""),
    ("-d", "c4 c6 q4 q6 b4 b6", ""),
    ("-S 4096", "c4 c6 q4 q6 b4 b6", ""),
    ("-L", "i4 i6 t4 p4 p6 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", ""),
    ("-U", "c4 c6 q4 q6", "the kernel itself measures the handshake"),
    ("-e 7", "u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", ""),
    ("-n", "", ""), ("--names", "", ""), ("-q", "", ""), ("-a", "", ""), ("-D", "", ""),
    ("--as atlas", "", ""),
    ("-O", "", ""), ("-v", "", ""), ("--color always", "", ""), ("-o json", "", ""), ("--json", "", ""),
    ("--fail-if loss>100%", "", ""),
    ("--classic", "t4 p4 p6 u4 u6 c4 c6 s4 s6 q4 q6 b4 b6", ""),
    ("--classic-exit", "", ""),
];

fn ping(namespace: &Namespace, line: &str) -> Ended {
    let arguments = ["ping", "-c1", "-W.5"].into_iter().chain(line.split_whitespace());
    run(&mut namespace.netdiag(&arguments.collect::<Vec<_>>()))
}

/// What is wrong with how a command line was taken, if anything is.
fn fault(line: &str, ended: &Ended, refused: bool, said: &str) -> Option<String> {
    let told = ended.err.lines().count() == 1 && ended.err.contains(": ") && ended.out.is_empty();
    let as_expected = match refused {
        true => ended.code() == Some(2) && told && ended.err.contains(said),
        false => matches!(ended.code(), Some(0 | 1)),
    };
    (!as_expected).then(|| format!("ping {line} (refused: {refused})\n{ended:?}"))
}

#[test]
fn an_option_is_used_or_refused_in_words() {
    let Some(namespace) = Namespace::new("echo 1 > /proc/sys/net/ipv4/icmp_echo_enable_probe")
    else {
        return;
    };
    let mut faults = Vec::new();
    for (option, useless, said) in OPTIONS {
        for (kind, protocol) in KINDS {
            for (family, host) in HOSTS {
                let name = format!("{kind}{family}");
                let line = format!("{protocol} {option} {host}").replace("HOST", host);
                let refused = name == "t6" || useless.split(' ').any(|useless| useless == name);
                let said = match kind {
                    'b' if refused && *option != "-4" && *option != "-6" => "",
                    _ if name == "t6" => "",
                    _ => said,
                };
                faults.extend(fault(&line, &ping(&namespace, &line), refused, said));
            }
        }
    }
    assert!(faults.is_empty(), "{} of them:\n{}", faults.len(), faults.join("\n"));
}

/// The table above is complete: an option that is new has to be thought about.
#[test]
fn every_option_of_the_help_is_in_the_table() {
    let Some(namespace) = Namespace::loopback() else { return };
    let help = run(&mut namespace.netdiag(&["ping", "--help"])).out;
    let own = ["--proto", "--backend", "--help", "--version"];
    let mut found = 0;
    // Not the `- do:` of a list of values.
    let is_option = |line: &str| line.starts_with('-') && !line.starts_with("- ");
    for line in help.lines().map(str::trim_start).filter(|line| is_option(line)) {
        let mut words = line.split_whitespace().map(|word| word.trim_end_matches(','));
        let is_known = words.any(|word| {
            let given = OPTIONS.iter().filter_map(|(option, ..)| option.split(' ').next());
            own.contains(&word) || given.into_iter().any(|option| option == word)
        });
        assert!(is_known, "no row for {line}");
        found += 1;
    }
    assert!(found > 40, "{help}");
}

#[test]
fn a_form_of_output_and_classic_refuse_what_they_have_no_place_for() {
    let Some(namespace) = Namespace::loopback() else { return };
    for (line, said) in [
        ("--json -a ::1", "-a: only with --output text"),
        ("--json -D ::1", "-D: only with --output text"),
        ("-o csv -O ::1", "-O: only with --output text"),
        ("-o jsonl --color always ::1", "--color always: only with --output text"),
        ("--json -v ::1", "--verbose: only with --output text or jsonl"),
        ("--classic --json ::1", "--classic: only with --output text"),
        ("--classic --names ::1", "--names: not with --classic"),
        ("--classic --until-up 2 ::1", "--until-up: not with --classic"),
        ("--classic --until-down 2 ::1", "--until-down: not with --classic"),
        ("--classic --first ::1", "--first: not with --classic"),
        ("--classic --color always ::1", "--color always: not with --classic"),
        ("-L --multicast 127.0.0.1", "--multicast: no host is a multicast group"),
        ("-L localhost", "-L: only with --multicast"),
        ("-6 -r localhost", "-r: not over IPv6"),
        ("--proto icmp-timestamp,tcp:9 -s 9 127.0.0.1", "not with --proto icmp-timestamp,tcp,"),
    ] {
        assert_eq!(fault(line, &ping(&namespace, line), true, said), None);
    }
    // One of several protocols that uses it is enough.
    let ended = ping(&namespace, "--proto icmp,tcp:9 -s 1000 -U 127.0.0.1");
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.out.contains("1000(1028) bytes of data"), "{ended:?}");
}
