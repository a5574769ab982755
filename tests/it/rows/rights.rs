//! Who may measure, how, and with what rights (A1, B2, O3).

use crate::support::process::{Ended, NETDIAG, NOBODY, Namespace, Process, netlab, run, scenario};
use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Runs the program in a scenario as root and as nobody.
pub(super) fn both(name: &str, arguments: &[&str], check: impl Fn(&Ended, &str)) {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let lab = |command: &[&str]| {
        let mut netlab = namespace.command(netlab().to_str().expect("a path"));
        run(netlab.arg(scenario(name)).arg("--").args(command).args(arguments))
    };
    check(&lab(&[NETDIAG]), "raw");
    let open = "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range; exec \"$@\"";
    let mut nobody = vec!["sh", "-c", open, "sh", "setpriv"];
    nobody.extend(NOBODY);
    nobody.push("/mnt/netdiag");
    check(&lab(&nobody), "icmp-datagram");
}

#[test]
fn a1_without_any_right_where_the_kernel_allows_it() {
    for (host, family) in [("10.9.2.2", "ipv4"), ("fd09:2::2", "ipv6")] {
        let arguments = ["ping", "-c", "3", "-i", "0.05", "--json", host];
        both("plain-1ms", &arguments, |ended, socket| {
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            let target = ended.target();
            assert_eq!(ended.json()["method"]["socket"], socket, "{ended:?}");
            assert_eq!(target["method"]["socket"], socket, "{ended:?}");
            assert_eq!(target["family"], family, "{ended:?}");
            assert_eq!(target["received"], 3, "{ended:?}");
            for probe in target["probes"].as_array().expect("probes") {
                assert_eq!(probe["stamp"], "kernel", "{ended:?}");
                let rtt = probe["rtt_ms"].as_f64().expect("a reply");
                assert!((1.0..100.0).contains(&rtt), "there and back take 1 ms: {ended:?}");
            }
        });
    }
}

/// An address of a link and the interface beside it, over the socket of an ordinary user too.
#[test]
fn a1_an_address_of_a_link_goes_by_the_interface_given() {
    let Some(far) = Namespace::loopback() else { return };
    let Some(here) = Namespace::new(&format!(
        "ip link add va address 02:00:00:00:00:0a type veth peer name vb \
             address 02:00:00:00:00:0b netns {}
         ip link set va up",
        far.pid()
    )) else {
        return;
    };
    far.run("ip link set vb up");
    here.let_nobody_in();
    let ready = "until ip -6 route show table local dev va | grep -q fe80::ff:fe00:a; do :; done";
    here.run(ready);
    far.run(&ready.replace("va", "vb").replace("fe00:a", "fe00:b"));
    let arguments = ["ping", "-c", "1", "-I", "va", "fe80::ff:fe00:b"];
    for ended in [run(&mut here.netdiag(&arguments)), run(&mut here.nobody(&arguments))] {
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }
    let group = run(&mut here.nobody(&["ping", "--multicast", "-c", "1", "-I", "va", "ff02::1"]));
    assert_eq!(group.code(), Some(0), "{group:?}");
}

/// What is refused for another reason than a missing right is not told as one.
#[test]
fn o2_a_flow_label_that_is_taken_and_an_identifier_that_means_any() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let taken = "ping -q -c 30 -i 0.2 -F 9 ::1 > /dev/null & \
        until grep -qs '^00009' /proc/$!/net/ip6_flowlabel; do :; done
        $1 ping -c 1 -F 9 ::1 2>&1; kill $!";
    let ended = run(namespace.command("sh").args(["-c", taken, "sh", NETDIAG]));
    assert!(ended.out.contains("has the flow label for itself alone"), "{ended:?}");
    let ended = run(&mut namespace.nobody(&["ping", "-c", "1", "-e", "0", "127.0.0.1"]));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.err.contains("--ident 0 means any identifier"), "{ended:?}");
}

#[test]
fn o2_who_asks_is_told_of_a_datagram_socket() {
    for host in ["10.9.2.2", "fd09:2::2"] {
        both("plain-1ms", &["ping", "-v", "-c", "1", host], |ended, socket| {
            let said = ["ICMP by a datagram socket (no CAP_NET_RAW", "setcap cap_net_raw+p"];
            let is_told = said.iter().all(|words| ended.err.contains(words));
            assert_eq!(is_told, socket == "icmp-datagram", "{ended:?}");
        });
    }
}

#[test]
fn a1_redirects_are_no_loss_in_either_mode() {
    for code in 0..=3 {
        let host = format!("10.5.{code}.9");
        let arguments = ["ping", "-c", "3", "-i", "0.05", "-W", "1", "--json", &host];
        both("icmp-errors", &arguments, |ended, socket| {
            let target = ended.target();
            assert_eq!(ended.code(), Some(0), "{ended:?}");
            assert_eq!(target["method"]["socket"], socket, "{ended:?}");
            assert_eq!(target["loss_percent"], 0.0, "{ended:?}");
            assert_eq!(target["received"], 3, "{ended:?}");
            assert_eq!(target["net_errors"], 0, "{ended:?}");
        });
    }
}

#[test]
fn a1_errors_count_the_same_in_either_mode() {
    for (host, kind, code) in [("10.3.13.1", 3, 13), ("10.11.0.1", 11, 0), ("fd01:1::1", 1, 1)] {
        let arguments = ["ping", "-c", "2", "-i", "0.05", "-W", "1", "--json", host];
        both("icmp-errors", &arguments, |ended, socket| {
            let target = ended.target();
            assert_eq!(ended.code(), Some(1), "{ended:?}");
            assert_eq!(target["method"]["socket"], socket, "{ended:?}");
            assert_eq!(target["net_errors"], 2, "{ended:?}");
            let error = &target["icmp_errors"][0];
            assert_eq!(error["type"], kind, "{ended:?}");
            assert_eq!(error["code"], code, "{ended:?}");
            assert_eq!(error["count"], 2, "{ended:?}");
        });
    }
}

/// A socket that tries to take the replies of identifier 4242, as any user could.
fn thief() -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4))?;
    socket.bind(&SockAddr::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 4242)))?;
    Ok(socket)
}

#[test]
fn b2_nobody_else_can_bind_the_identifier() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let arguments = ["ping", "-e", "4242", "-i", "0.05", "127.0.0.1"];
    let process = Process::start(&mut namespace.nobody(&arguments));
    process.until_out(|out| out.contains("icmp_seq=2 "));
    let fault = namespace.inside(thief).expect_err("the identifier is taken");
    assert_eq!(fault.kind(), std::io::ErrorKind::AddrInUse, "{fault}");
    let said = process.until_out(|_| true);
    process.until_out(|out| out.len() > said.len() + 200);
    process.signal(Signal::SIGINT);
    let ended = process.wait();
    assert!(ended.out.contains(" 0% packet loss"), "{ended:?}");
    // The other way round: the identifier is somebody else's already.
    let taken = namespace.inside(thief).expect("it is free again");
    let arguments = ["ping", "-e", "4242", "-c", "1", "--json", "127.0.0.1"];
    let ended = run(&mut namespace.nobody(&arguments));
    assert_ne!(ended.code(), Some(0), "{ended:?}");
    drop(taken);
}

/// A line of /proc/PID/status.
fn status(process: &Process, key: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
    line.expect("the kernel knows this").trim().to_owned()
}

#[test]
fn o1_its_file_is_all_that_it_needs() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    // In /mnt is what was built, and nothing of the machine: no library, no loader, no /etc, no /proc.
    for user in ["0:0", "65534:65534"] {
        let mut command = namespace.command("chroot");
        command.args(["--userspec", user, "/mnt", "/netdiag"]);
        let ended = run(command.args(["ping", "-c", "1", "127.0.0.1"]));
        assert_eq!(ended.code(), Some(0), "{user}: {ended:?}");
    }
}

#[test]
fn o3_no_right_is_left_while_it_runs() {
    let Some(namespace) = Namespace::loopback() else { return };
    let process = Process::start(&mut namespace.netdiag(&["ping", "-i", "0.1", "127.0.0.1"]));
    process.until_out(|out| out.contains("icmp_seq=1 "));
    for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
        assert_eq!(status(&process, set), "0000000000000000", "{set}");
    }
    assert_eq!(status(&process, "NoNewPrivs"), "1");
    assert_eq!(status(&process, "Threads"), "1");
    // Without CAP_SETPCAP the bounding set stays as it is.
    let mut command = namespace.command("setpriv");
    command.args(["--bounding-set=-setpcap", "--", NETDIAG]);
    let bounded = Process::start(command.args(["ping", "-i", "0.1", "127.0.0.1"]));
    bounded.until_out(|out| out.contains("icmp_seq=1 "));
    for set in ["CapEff", "CapPrm", "CapInh"] {
        assert_eq!(status(&bounded, set), "0000000000000000", "{set}");
    }
    assert_eq!(status(&bounded, "NoNewPrivs"), "1");
}

/// The classic tool has nothing that stands in for ICMP.
#[test]
fn o2_without_any_method_the_remedy_is_said() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run("echo '1 0' > /proc/sys/net/ipv4/ping_group_range");
    for host in ["127.0.0.1", "::1"] {
        let ended = run(&mut namespace.nobody(&["ping", "--classic", "-c", "1", host]));
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        let remedies = ["setcap cap_net_raw+p", "net.ipv4.ping_group_range"];
        for remedy in remedies {
            assert!(ended.err.contains(remedy), "{remedy}: {ended:?}");
        }
    }
}

#[test]
fn o2_a_family_that_is_switched_off_is_said() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    namespace.run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
    for ended in [
        run(&mut namespace.netdiag(&["ping", "-c", "1", "--json", "::1"])),
        run(&mut namespace.nobody(&["ping", "-c", "1", "--json", "::1"])),
    ] {
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        assert_eq!(ended.json()["status"], "unknown", "{ended:?}");
        assert_eq!(ended.target()["loss_percent"], Value::Null, "{ended:?}");
        let failure = ended.target()["failure"].to_string();
        assert!(failure.contains("EADDRNOTAVAIL") || failure.contains("ENETUNREACH"), "{failure}");
    }
}

/// One address is one target to whoever is there, however often it is named.
#[test]
fn b29_what_a_user_may_send_to_an_address_is_shared_by_its_targets() {
    let Some(namespace) = Namespace::open_to_nobody() else { return };
    let address = "127.0.0.1";
    let arguments = ["ping", "--json", "-c", "20", "-i", "0.01", address, address, address];
    let ended = run(&mut namespace.nobody(&arguments));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let document = ended.json();
    let targets = document["targets"].as_array().expect("targets");
    assert_eq!(targets.len(), 3, "{ended:?}");
    for target in targets {
        let counted = ["sent", "received", "local_errors"].map(|key| target[key].as_u64());
        assert_eq!(counted, [Some(20), Some(20), Some(0)], "{ended:?}");
    }
    // Three at 2 ms each.
    let arguments = ["ping", "-c", "20", "-i", "0.005", address, address, address];
    let ended = run(&mut namespace.nobody(&arguments));
    assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.err.contains("--interval: below 6 ms only root"), "{ended:?}");
    let ended = run(&mut namespace.nobody(&["ping", "-q", "-c", "20", "-i", "0.005", address]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}
