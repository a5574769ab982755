//! What another user, or whoever starts the program with more rights than their own, must not gain
//! by it (FAULTS.md section D, B18).

use crate::support::process::{NETDIAG, Namespace, Process, has, run};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::net::UdpSocket;

const STARTS: usize = 6;

/// The identifier of a run, and the number of its process.
fn identifier(namespace: &Namespace, mut command: std::process::Command) -> (u32, u32) {
    command.args(["ping", "--classic", "-v", "-i", "0.05", "127.0.0.1"]);
    let process = Process::start(&mut command);
    let out = process.until_out(|out| out.contains("icmp_seq=1 "));
    // As iputils' `-v` prints it of a raw socket; as the kernel lists it of the other kind: in
    // hexadecimal, where a port stands.
    let found = match out.split_once(" ident=") {
        Some((_, rest)) => rest.split(' ').next().and_then(|digits| digits.parse().ok()),
        None => {
            let list = namespace.run("tail -n 1 /proc/net/icmp");
            let local = list.split_whitespace().nth(1).and_then(|local| local.split(':').nth(1));
            local.and_then(|digits| u32::from_str_radix(digits, 16).ok())
        }
    };
    let pid = process.id();
    process.signal(Signal::SIGINT);
    assert_eq!(process.wait().code(), Some(0));
    (found.expect("an identifier"), pid)
}

#[test]
fn b18_identifiers_are_random_for_each_start_and_not_the_process() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let raw = || identifier(&namespace, namespace.command(NETDIAG));
    let datagram = || identifier(&namespace, namespace.nobody(&[]));
    for start in [&raw as &dyn Fn() -> (u32, u32), &datagram] {
        let seen: Vec<(u32, u32)> = (0..STARTS).map(|_| start()).collect();
        let different: BTreeSet<u32> = seen.iter().map(|(identifier, _)| *identifier).collect();
        assert!(different.len() > 1, "the same for each start: {seen:?}");
        let of_process = |(identifier, pid): &(u32, u32)| *identifier == pid % 65_536;
        assert!(!seen.iter().all(of_process), "the process's number: {seen:?}");
        let one_after_the_other =
            |two: &[(u32, u32)]| two[1].0 > two[0].0 && two[1].0 - two[0].0 < 64;
        assert!(!seen.windows(2).all(one_after_the_other), "a sequence: {seen:?}");
    }
}

#[test]
fn b18_source_ports_are_random_for_each_start() {
    let Some(namespace) = Namespace::loopback() else { return };
    let peer = namespace.inside(|| UdpSocket::bind("127.0.0.1:7007").expect("nobody else is here"));
    let mut ports = Vec::new();
    for _ in 0..STARTS {
        let arguments = ["ping", "--proto", "udp:7007", "-c", "1", "-W", "0.05", "127.0.0.1"];
        // It is lost, since nobody answers, and has left before the program ends.
        assert_eq!(run(&mut namespace.netdiag(&arguments)).code(), Some(1));
        let (_, from) = peer.recv_from(&mut [0; 100]).expect("it is here");
        ports.push(from.port());
    }
    let one_after_the_other = |two: &[u16]| two[1] > two[0] && two[1] - two[0] < 64;
    assert!(!ports.windows(2).all(one_after_the_other), "a sequence: {ports:?}");
    let different: BTreeSet<u16> = ports.iter().copied().collect();
    assert!(different.len() > 1, "the same for each start: {ports:?}");
}

#[test]
fn d_nobody_sends_under_an_address_of_another() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run("ip addr add 192.0.2.5/32 dev lo; ip addr add fd09::5/128 dev lo");
    let count = "cat /proc/net/snmp /proc/net/snmp6 | grep -E 'Icmp6?OutEchos|^Icmp:'";
    let before = namespace.run(count);
    for (source, host) in [("192.0.2.66", "192.0.2.5"), ("fd09::66", "fd09::5")] {
        for classic in [&[][..], &["--classic"]] {
            for option in ["--source", "-I"] {
                let arguments = [&["ping", "-c", "1", option, source], classic, &[host]].concat();
                for ended in [
                    run(&mut namespace.netdiag(&arguments)),
                    run(&mut namespace.nobody(&arguments)),
                ] {
                    assert_eq!(ended.code(), Some(2), "{arguments:?}: {ended:?}");
                    assert!(!ended.out.contains("bytes from"), "{arguments:?}: {ended:?}");
                }
            }
        }
    }
    assert_eq!(namespace.run(count), before, "a request left");
}

/// What names files or servers to other programs.
const ENVIRONMENT: &[&str] = &[
    "HOSTALIASES",
    "LOCALDOMAIN",
    "RES_OPTIONS",
    "RESOLV_HOST_CONF",
    "NSSWITCH",
    "TZ",
    "TZDIR",
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "TMPDIR",
    "LOG_FILE",
    "RUST_LOG",
    "NETDIAG_CONFIG",
    "NETDIAG_LOG",
    "LANG",
    "LC_ALL",
    "NLSPATH",
    "TERMINFO",
    "TERMCAP",
    "SSL_CERT_FILE",
    "OPENSSL_CONF",
];

#[test]
fn d_no_file_is_opened_by_the_environment() {
    let Some(namespace) = Namespace::loopback() else { return };
    if !has("strace") {
        return;
    }
    let mut command = namespace.command("strace");
    command.args(["-f", "-qq", "-e", "trace=%file", NETDIAG, "ping", "-c", "2", "-i", "0.05"]);
    command.args(["--names", "127.0.0.1", "localhost"]);
    for name in ENVIRONMENT {
        command.env(name, "/mnt/lure");
    }
    let ended = run(&mut command);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.err.contains("/etc/hosts"), "it was watched: {ended:?}");
    assert!(!ended.err.contains("lure"), "{ended:?}");
    let writes =
        ended.err.lines().filter(|line| line.contains("O_WRONLY") || line.contains("O_RDWR"));
    assert_eq!(writes.filter(|line| !line.contains("/dev/null")).count(), 0, "{ended:?}");
    assert_eq!(ended.err.matches("execve(").count(), 1, "only itself: {ended:?}");
}
