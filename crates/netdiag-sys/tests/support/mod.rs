//! A network namespace for each test, and echo requests by hand.
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod udp;

use netdiag_engine::port::{
    Channel, Control, InputKind, Inputs, Message, Network, Operation, OperationId, Operations,
    Transmit,
};
use netdiag_model::{Destination, Family, Instant};
use std::process::Command;
use std::time::Duration;

/// Set in the process that runs inside of the namespace.
const INSIDE: &str = "NETDIAG_SYS_TEST_INSIDE";

/// Runs `body` in a fresh network namespace with `lo` up, in a process of its own: by root with
/// `unshare -n`, by others in a user namespace. Where that is impossible the test says SKIPPED, and
/// fails if NETDIAG_TEST_REQUIRE contains `netns`.
pub(crate) fn in_namespace(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"]);
        return body();
    }
    let flags = if nix::unistd::geteuid().is_root() { "-n" } else { "-Urn" };
    let probe = Command::new("unshare").args([flags, "true"]).output();
    if !probe.as_ref().is_ok_and(|output| output.status.success()) {
        let required = std::env::var("NETDIAG_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.contains("netns"), "namespaces are required: {probe:?}");
        eprintln!("SKIPPED: {test}: no network namespaces here: {probe:?}");
        return;
    }
    let program = std::env::current_exe().expect("the test's own path");
    let output = Command::new("unshare")
        .arg(flags)
        .arg(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "inside of the namespace:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "{test} is not the name of a test:\n{out}");
    eprintln!("{err}");
}

/// Runs a command that must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect("the command starts");
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Lets our group, which is 0 inside of the namespace, open ICMP datagram sockets.
pub(crate) fn allow_datagram_sockets() {
    std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0").expect("writable");
}

/// The loopback address of a family.
pub(crate) fn loopback(family: Family) -> Destination {
    let text = if family == Family::Ipv4 { "127.0.0.1" } else { "::1" };
    Destination::new(text.parse().expect("an address"))
}

/// An echo request whose payload starts with its index.
pub(crate) fn echo(family: Family, identifier: u16, index: u32, size: usize) -> Vec<u8> {
    let kind = if family == Family::Ipv4 { 8 } else { 128 };
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend(identifier.to_be_bytes());
    bytes.extend((index as u16).to_be_bytes());
    bytes.extend(index.to_be_bytes());
    bytes.resize(size.max(12), 0xa5);
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// Adds an echo request to a batch.
pub(crate) fn push_echo(
    operations: &mut Operations,
    network: &impl Network,
    destination: Destination,
    index: u32,
    control: Control,
    size: usize,
) {
    let family = destination.family();
    let identifier = network.opened().family(family).expect("open").identifiers.first;
    operations.push(Operation::Transmit(Transmit {
        id: OperationId(index),
        channel: Channel::Icmp,
        destination,
        control,
        bytes: &echo(family, identifier, index, size),
    }));
}

/// The ICMP type and the index of a received echo reply.
pub(crate) fn reply(message: &Message<&[u8]>) -> Option<u32> {
    let (icmp, kind) = match message {
        Message::Ipv4(bytes) => (bytes.get(usize::from(bytes[0] & 15) * 4..)?, 0),
        Message::Icmpv4(bytes) => (*bytes, 0),
        Message::Icmpv6(bytes) => (*bytes, 129),
        Message::Udp(..) | Message::Answer { .. } | Message::Tcp(_) => return None,
    };
    (icmp.first() == Some(&kind)).then_some(())?;
    Some(u32::from_be_bytes(*icmp.get(8..)?.first_chunk()?))
}

/// Waits until `enough` says so of all inputs so far, at most five seconds.
pub(crate) fn collect(network: &mut impl Network, enough: impl Fn(&Inputs) -> bool) -> Inputs {
    let mut inputs = Inputs::new();
    let deadline = network.now() + Duration::from_secs(5);
    while !enough(&inputs) {
        network.wait(deadline, &mut inputs).expect("the network works");
        assert!(inputs.now() < deadline, "too late: {:?}", inputs.iter().collect::<Vec<_>>());
    }
    inputs
}

/// How many inputs are of some kind.
pub(crate) fn count(inputs: &Inputs, is: impl Fn(&InputKind<&[u8]>) -> bool) -> usize {
    inputs.iter().filter(|input| is(&input.kind)).count()
}

/// An instant long ago, for a wait that returns what is there.
pub(crate) const NOW: Instant = Instant::ZERO;
