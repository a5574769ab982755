//! The same scenarios behind the real kernel, with the classic `ping` as oracle.
//!
//! Where no lab can be made these tests say `SKIPPED` and pass, unless `NETDIAG_TEST_REQUIRE`
//! contains `netns`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what the oracle says, and SKIPPED")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// How the lab is mounted.
const MOUNTS: [&[&str]; 2] = [&[], &["--veth"]];

/// Runs a command in a scenario; `None` where that cannot be done here.
fn lab(options: &[&str], scenario: &str, command: &[&str]) -> Option<Output> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/scenarios")
        .join(format!("{scenario}.toml"));
    if !options.contains(&"--nothing") && Command::new(command[0]).arg("-V").output().is_err() {
        return skip(&format!("no {}", command[0]));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_netlab"))
        .args(options.iter().filter(|option| **option != "--nothing"))
        .arg(path)
        .arg("--")
        .args(command)
        .output()
        .expect("netlab itself starts");
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) && said.starts_with("SKIPPED") {
        return skip(said.trim());
    }
    Some(output)
}

fn skip<T>(reason: &str) -> Option<T> {
    eprintln!("SKIPPED: {reason}");
    let required = std::env::var("NETDIAG_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.contains("netns"), "netns is required, but: {reason}");
    None
}

/// What `ping` printed in each mount.
fn ping(scenario: &str, arguments: &[&str], check: impl Fn(&str)) {
    for mount in MOUNTS {
        let command: Vec<&str> = ["ping", "-n"].iter().chain(arguments).copied().collect();
        let Some(output) = lab(mount, scenario, &command) else { return };
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        println!("{mount:?}\n{said}{complained}");
        assert!(!said.is_empty(), "{complained}");
        check(&said);
    }
}

/// The smallest round trip of ping's last line.
fn rtt_min(said: &str) -> f64 {
    let figures = said.split("= ").last().expect("a summary");
    figures.split('/').next().and_then(|min| min.parse().ok()).expect("a number")
}

#[test]
fn twenty_milliseconds_are_twenty_milliseconds() {
    for to in ["10.9.2.2", "fd09:2::2"] {
        ping("plain-20ms", &["-c", "3", "-i", "0.05", to], |said| {
            assert!(said.contains("3 packets transmitted, 3 received, 0% packet loss"), "{said}");
            assert!(rtt_min(said) >= 20.0, "{said}");
            assert!(said.contains("ttl=63"), "{said}");
        });
    }
}

#[test]
fn one_of_four_is_lost_exactly() {
    for to in ["10.9.2.2", "fd09:2::2"] {
        ping("loss-exact", &["-c", "40", "-i", "0.01", "-W", "0.5", to], |said| {
            assert!(
                said.contains("40 packets transmitted, 30 received, 25% packet loss"),
                "{said}"
            );
        });
    }
}

#[test]
fn every_third_reply_is_a_duplicate() {
    for to in ["10.9.2.2", "fd09:2::2"] {
        // ping stops at the last reply, whose duplicate it therefore does not see.
        ping("duplicate", &["-c", "10", "-i", "0.01", to], |said| {
            assert!(said.contains("10 received, +3 duplicates"), "{said}");
        });
    }
}

#[test]
fn a_reply_that_has_come_over_two_routers_has_ttl_62() {
    for to in ["10.9.2.2", "fd09:2::2"] {
        ping("two-routers-ttl62", &["-c", "1", to], |said| {
            assert!(said.contains("ttl=62"), "{said}")
        });
    }
}

#[test]
fn errors_reach_the_program() {
    ping("icmp-errors", &["-c", "1", "-W", "0.2", "10.3.13.1"], |said| {
        assert!(said.contains("From 10.9.0.1 icmp_seq=1 Packet filtered"), "{said}");
    });
    ping("icmp-errors", &["-c", "1", "-W", "0.2", "fd01:1::1"], |said| {
        assert!(said.contains("Administratively prohibited"), "{said}");
    });
}

#[test]
fn the_command_has_its_own_exit_code_and_no_other_network() {
    let Some(output) = lab(&["--nothing"], "plain-20ms", &["sh", "-c", "ip -o link; exit 42"])
    else {
        return;
    };
    assert_eq!(output.status.code(), Some(42));
    let links = String::from_utf8_lossy(&output.stdout);
    assert_eq!(links.lines().count(), 2, "lo and lab0: {links}");
    let Some(output) = lab(&["--nothing"], "plain-20ms", &["sh", "-c", "kill -9 $$"]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(128 + 9));
    let Some(output) = lab(&["--nothing"], "plain-20ms", &["/nonexistent"]) else { return };
    assert_eq!(output.status.code(), Some(127));
}

#[test]
fn a_signal_to_netlab_reaches_the_command() {
    let script = "trap 'exit 7' TERM; kill -TERM $PPID; while :; do read -t 1 x < /dev/zero; done";
    let Some(output) = lab(&["--nothing"], "plain-20ms", &["bash", "-c", script]) else { return };
    assert_eq!(output.status.code(), Some(7), "{output:?}");
}

#[test]
fn without_root_there_is_a_lab_too() {
    if !nix::unistd::geteuid().is_root() {
        return println!("the other tests have shown that");
    }
    // As nobody, through a copy of netlab that nobody may read.
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("our directory");
    let [netlab, scenario] = ["netlab", "s.toml"].map(|name| directory.path().join(name));
    let source =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios/plain-20ms.toml");
    std::fs::copy(env!("CARGO_BIN_EXE_netlab"), &netlab).expect("a copy");
    std::fs::copy(source, &scenario).expect("a copy");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(netlab)
        .arg(scenario)
        .args(["--", "ping", "-n", "-c", "2", "-i", "0.05", "10.9.2.2"])
        .output();
    let Ok(output) = output else { return skip("no setpriv").unwrap_or_default() };
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        return skip(&String::from_utf8_lossy(&output.stderr)).unwrap_or_default();
    }
    assert!(said.contains("2 received"), "{output:?}");
}

#[test]
fn record_and_capture_agree_with_ping() {
    let directory = tempfile::tempdir().expect("a directory");
    let [record, pcap] = ["record.jsonl", "packets.pcapng"].map(|name| directory.path().join(name));
    let options =
        ["--record", record.to_str().expect("a path"), "--pcap", pcap.to_str().expect("a path")];
    let ping = ["ping", "-n", "-c", "8", "-i", "0.01", "-W", "0.3", "10.9.2.2"];
    let Some(output) = lab(&options, "loss-exact", &ping) else { return };
    assert!(String::from_utf8_lossy(&output.stdout).contains("6 received"), "{output:?}");
    let record = std::fs::read_to_string(record).expect("a record");
    let count = |fact: &str| record.matches(&format!("\"fact\":\"{fact}\"")).count();
    assert_eq!((count("Sent"), count("Lost"), count("Delivered")), (8, 2, 6));
    let pcap = std::fs::read(pcap).expect("a capture");
    // Blocks are chained by their lengths: two of the head, then one for each packet.
    let mut blocks = 0;
    let mut rest = pcap.as_slice();
    while let Some(length) = rest.get(4..8) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        rest = rest.get(length..).expect("a whole block");
        blocks += 1;
    }
    assert_eq!((blocks, rest.len()), (2 + 8 + 6, 0));
}

#[test]
fn a_scenario_with_an_error_is_refused_with_its_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("wrong.toml");
    std::fs::write(&path, "name = \"x\"\n[here]\nipv4 = \"10.9.0.2/24\"\nipv7 = 1\n")
        .expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_netlab"))
        .arg(&path)
        .args(["--", "true"])
        .output()
        .expect("netlab itself starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("wrong.toml:4: unknown field `ipv7`"), "{said}");
}

#[test]
fn the_command_dies_with_netlab() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("alive");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    // The command holds the fifo open until it dies: then the reader sees the end.
    let script = format!("exec 9>{}; echo $PPID >&9; exec cat", fifo.display());
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios/plain-20ms.toml");
    if lab(&["--nothing"], "plain-20ms", &["true"]).is_none() {
        return;
    }
    let mut netlab = Command::new(env!("CARGO_BIN_EXE_netlab"))
        .arg(path)
        .args(["--", "sh", "-c", &script])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("netlab itself starts");
    let mut alive = std::io::BufReader::new(std::fs::File::open(&fifo).expect("the command's end"));
    let mut said = String::new();
    std::io::BufRead::read_line(&mut alive, &mut said).expect("the command speaks");
    assert_eq!(said.trim(), netlab.id().to_string(), "netlab is the command's parent");
    netlab.kill().expect("our child");
    netlab.wait().expect("our child");
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut alive, &mut rest).expect("the command's end is closed");
    assert!(rest.is_empty());
}

#[test]
fn both_mounts_lose_and_double_the_same_packets() {
    use netdiag_sim::{Fact, Internet, Recording, Scenario};
    let directory = tempfile::tempdir().expect("a directory");
    let record = directory.path().join("record.jsonl");
    let options = ["--record", record.to_str().expect("a path")];
    for name in ["loss-random", "loss-exact", "duplicate"] {
        let ping = ["ping", "-n", "-c", "60", "-i", "0.01", "-W", "0.3", "10.9.2.2"];
        if lab(&options, name, &ping).is_none() {
            return;
        }
        let record = std::fs::read_to_string(&record).expect("a record");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/scenarios")
            .join(format!("{name}.toml"));
        let scenario = Scenario::load(&path).expect("a scenario");
        let mut internet = Internet::new(&scenario, netdiag_model::Instant::ZERO);
        internet.record(Recording::Memory(10_000));
        for probe in 0..60 {
            let at = netdiag_model::Instant::from_nanos(probe * 10_000_000);
            internet.inject(at, &request());
        }
        while internet.poll(netdiag_model::Instant::FAR).is_some() {}
        for fact in [Fact::Lost, Fact::Duplicated, Fact::Delivered] {
            let real: Vec<u64> = record
                .lines()
                .filter(|line| line.contains(&format!("\"fact\":\"{fact:?}\"")))
                .map(probe_of)
                .collect();
            let simulated: Vec<u64> = internet.truth().of(fact).map(|entry| entry.probe).collect();
            assert_eq!(real, simulated, "{name} {fact:?}");
        }
    }
}

fn probe_of(line: &str) -> u64 {
    let rest = line.split("\"probe\":").nth(1).expect("a probe");
    rest.split(',').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// An echo request of the size that `ping` sends.
fn request() -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 84, 0, 0, 0x40, 0, 64, 1, 0, 0, 10, 9, 0, 2, 10, 9, 2, 2];
    let checksum = netdiag_wire::checksum::internet_checksum(&packet);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    netdiag_wire::icmp::emit_echo_v4(false, 1, 2, &[0; 56], &mut packet);
    packet
}
