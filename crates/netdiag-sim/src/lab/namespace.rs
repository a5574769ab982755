//! The lab's network namespace: made, configured, and gone with its processes.

use super::LabError;
use super::tun::{open_packet_socket, open_tun};
use super::wire::{NEAR_MAC, Wire};
use crate::scenario::{Here, Prefix};
use netdiag_model::Family;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use nix::unistd::{getegid, geteuid};
use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The interface that the command sees.
const NEAR: &str = "lab0";
/// The other end of the veth pair, in a namespace of its own.
const FAR: &str = "lab1";

/// How many packets, or bytes of a socket, wait for the pump: a sweep sends thousands at once.
const QUEUE: usize = 65_536;
const SOCKET_QUEUE: usize = 64 << 20;

/// Settings of the kernel that every lab has; those that a kernel lacks are skipped. Duplicate
/// address detection would hold the first IPv6 packet back for two seconds, router solicitations
/// would mix with the probes, and the kernel's own ICMP limits would mix with the scenario's.
const SETTINGS: &[(&str, &str)] = &[
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/dad_transmits", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv6/conf/default/addr_gen_mode", "1"),
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_msgs_per_sec", "1000000"),
    ("ipv4/icmp_msgs_burst", "100000"),
    ("ipv6/icmp/ratelimit", "0"),
];

/// Moves this process into a new network namespace with the interface of `here`, and gives the end
/// of the wire on which its packets come out.
pub(super) fn enter(here: &Here, veth: bool) -> Result<Wire, LabError> {
    unshare_network()?;
    if !veth
        && geteuid().is_root()
        && let Ok(tun) = open_tun(NEAR)
    {
        configure(here)?;
        return Ok(Wire::tun(tun));
    }
    let wire = open_veth()?;
    configure(here)?;
    Ok(wire)
}

/// The commands that bring the interface up: once at the start, and after it was down, when the
/// kernel has forgotten IPv6 addresses and routes.
pub(super) fn link_up(here: &Here) -> Result<(), LabError> {
    let mut batch = String::new();
    for prefix in here.ipv4.iter().chain(&here.ipv6) {
        let Prefix { address, length } = prefix;
        let nodad = if prefix.family() == Family::Ipv6 { " nodad" } else { "" };
        batch += &format!("address replace {address}/{length} dev {NEAR}{nodad}\n");
    }
    batch += &format!("link set {NEAR} up\n");
    if !here.ipv4.is_empty() {
        batch += &format!("route replace 0.0.0.0/0 dev {NEAR}\n");
    }
    if !here.ipv6.is_empty() {
        batch += &format!("route replace ::/0 dev {NEAR}\n");
    }
    ip(&batch)
}

/// Takes the interface down.
pub(super) fn link_down() -> Result<(), LabError> {
    ip(&format!("link set {NEAR} down\n"))
}

fn unshare_network() -> Result<(), LabError> {
    if geteuid().is_root() && unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        settings();
        return Ok(());
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(|errno| LabError::Skipped(format!("no user namespace: {errno}")))?;
    let map = |file: &str, text: String| {
        fs::write(format!("/proc/self/{file}"), text)
            .map_err(|error| LabError::Skipped(format!("/proc/self/{file}: {error}")))
    };
    map("setgroups", "deny".to_owned())?;
    map("uid_map", format!("0 {user} 1"))?;
    map("gid_map", format!("0 {group} 1"))?;
    settings();
    Ok(())
}

fn settings() {
    for (name, value) in SETTINGS {
        let _ = fs::write(format!("/proc/sys/net/{name}"), value);
    }
}

/// A veth pair whose far end lies in a namespace of its own, so that no kernel answers there.
fn open_veth() -> Result<Wire, LabError> {
    let far = namespace()?;
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(|errno| LabError::Skipped(format!("no second network namespace: {errno}")))?;
    settings();
    let near = namespace()?;
    let peer = format!("/proc/{}/fd/{}", std::process::id(), far.as_raw_fd());
    let mac = NEAR_MAC.map(|byte| format!("{byte:02x}")).join(":");
    ip(&format!(
        "link add {NEAR} address {mac} type veth peer name {FAR} netns {peer}\n\
         link set {NEAR} arp off\n"
    ))?;
    enter_namespace(&far)?;
    let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{FAR}/disable_ipv6"), "1");
    ip(&format!("link set {FAR} mtu 65535\nlink set {FAR} arp off\nlink set {FAR} up\n"))?;
    let index = nix::net::if_::if_nametoindex(FAR)
        .map_err(|errno| LabError::Failed(format!("{FAR}: {errno}")))?;
    let socket = open_packet_socket(index)
        .map_err(|error| LabError::Skipped(format!("no packet socket: {error}")))?;
    // Beyond the system's limit only with rights in the first user namespace; else as far as it goes.
    let _ = setsockopt(&socket, RcvBufForce, &SOCKET_QUEUE)
        .or_else(|_| setsockopt(&socket, RcvBuf, &SOCKET_QUEUE));
    enter_namespace(&near)?;
    Ok(Wire::packet(socket))
}

fn namespace() -> Result<File, LabError> {
    File::open("/proc/self/ns/net")
        .map_err(|error| LabError::Skipped(format!("/proc/self/ns/net: {error}")))
}

fn enter_namespace(namespace: &File) -> Result<(), LabError> {
    setns(namespace, CloneFlags::CLONE_NEWNET)
        .map_err(|errno| LabError::Skipped(format!("setns: {errno}")))
}

/// Configures the near end.
fn configure(here: &Here) -> Result<(), LabError> {
    let mtu = here.mtu.unwrap_or(1500);
    ip(&format!(
        "link set lo up\nlink set {NEAR} addrgenmode none\nlink set {NEAR} mtu {mtu} txqueuelen {QUEUE}\n"
    ))?;
    link_up(here)?;
    announced(here)?;
    let Some(range) = &here.ping_group_range else { return Ok(()) };
    let file = "/proc/sys/net/ipv4/ping_group_range";
    // In a user namespace only its own groups can be named: 0 alone.
    fs::write(file, range)
        .or_else(|_| fs::write(file, "0 0"))
        .map_err(|error| LabError::Failed(format!("{file}: {error}")))
}

/// Waits until the kernel has told of every IPv6 address, which it does later, from a work queue:
/// a command that began before would hear that the way out of its machine changed. It enters the
/// route to an own address after it told of the address.
#[expect(clippy::disallowed_methods, reason = "the kernel is waited for, in real time")]
fn announced(here: &Here) -> Result<(), LabError> {
    const ROUTES: &str = "/proc/thread-self/net/ipv6_route";
    const MILLISECONDS: u32 = 10_000;
    let missing = |routes: &str| {
        let known = |address: &Ipv6Addr| {
            let digits = format!("{:032x} 80 ", address.to_bits());
            routes.lines().any(|line| line.starts_with(&digits))
        };
        here.ipv6
            .iter()
            .filter_map(|prefix| match prefix.address {
                IpAddr::V6(address) => Some(address),
                IpAddr::V4(_) => None,
            })
            .find(|address| !known(address))
    };
    for _ in 0..MILLISECONDS {
        let routes = fs::read_to_string(ROUTES)
            .map_err(|error| LabError::Failed(format!("{ROUTES}: {error}")))?;
        if missing(&routes).is_none() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(LabError::Failed(format!("an IPv6 address of {NEAR} does not come up")))
}

/// Runs the `ip` command on a list of commands.
fn ip(batch: &str) -> Result<(), LabError> {
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| LabError::Skipped(format!("no ip command (iproute2): {error}")))?;
    if let Some(mut input) = child.stdin.take() {
        // Where ip has ended already, its own words say more than the broken pipe.
        let _ = input.write_all(batch.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|error| LabError::Failed(format!("ip -batch: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(LabError::Failed(format!("ip -batch: {words} (commands: {batch:?})")))
}
