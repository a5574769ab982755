//! Machines with one address family, and with few descriptors (B22, B26).

use super::network::Lab;
use crate::support::process::{Ended, NETDIAG, Namespace, netlab, run, scenario};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

/// A namespace whose hosts file gives `both` an address of each family.
fn with_both_names(more: &str) -> Option<Namespace> {
    Namespace::new(&format!(
        "mount -t tmpfs none /mnt\n\
         printf '127.0.0.5 both\\n::1 both\\n' > /mnt/hosts\n\
         mount --bind /mnt/hosts /etc/hosts\n{more}"
    ))
}

/// On a machine with one family, with and without options that ask for the other one.
fn check_only(namespace: &Namespace, address: &str, other: &str, option: &str, said: &str) {
    for arguments in [&[other][..], &["both", option], &[other, option]] {
        let ended = run(namespace.netdiag(&["ping", "-c", "1"]).args(arguments));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(3), ""), "{ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
        assert!(ended.took < Duration::from_secs(1), "nothing is waited for: {ended:?}");
        let ended = run(namespace.netdiag(&["ping", "--json", "-c", "1"]).args(arguments));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        let failure = &ended.target()["failure"];
        assert!(failure["message"].as_str().is_some_and(|text| text.contains(said)), "{ended:?}");
    }
    let ended = run(&mut namespace.netdiag(&["ping", "--json", "-c", "2", "-i", "0.01", "both"]));
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let target = ended.target();
    assert_eq!((&target["address"], &target["received"]), (&address.into(), &2.into()));
}

#[test]
fn b26_a_host_without_ipv6_says_so_and_uses_ipv4() {
    let off = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";
    let Some(namespace) = with_both_names(off) else { return };
    check_only(&namespace, "127.0.0.5", "::1", "-6", "no IPv6 on this host");
    for line in [&["tcp-connect", "-6", "localhost:80"][..], &["syn", "[::1]:80"]] {
        let ended = run(&mut namespace.netdiag(line));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        assert!(ended.out.contains("no IPv6 on this host"), "{ended:?}");
    }
}

#[test]
fn b26_a_host_without_ipv4_says_so_and_uses_ipv6() {
    let Some(namespace) = with_both_names("ip -4 address flush dev lo") else { return };
    check_only(&namespace, "::1", "127.0.0.5", "-4", "no IPv4 on this host");
}

#[test]
fn b26_a_missing_route_is_no_missing_family() {
    let Some(namespace) = Namespace::loopback() else { return };
    for host in ["10.4.0.1", "fd0c::1"] {
        let ended = run(&mut namespace.netdiag(&["ping", "-c", "1", host]));
        assert_eq!(ended.code(), Some(3), "{ended:?}");
        assert!(ended.out.contains("no route from this machine (ENETUNREACH 101)"), "{ended:?}");
    }
}

#[test]
fn b22_sixteen_descriptors_suffice_and_fewer_are_said() {
    let Some(namespace) = Namespace::loopback() else { return };
    let limited = |descriptors: u32, form: &str| {
        let mut command = namespace.command("prlimit");
        command.args([&format!("--nofile={descriptors}"), "--", NETDIAG, "ping", "-o", form]);
        run(command.args(["-c", "2", "-i", "0.01", "127.0.0.1", "::1"]))
    };
    let ended = limited(16, "json");
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    for target in ended.json()["targets"].as_array().expect("targets") {
        assert_eq!((&target["sent"], &target["received"]), (&2.into(), &2.into()), "{ended:?}");
    }
    // With fewer than four the loader itself cannot begin.
    let mut sufficed = true;
    for descriptors in (4..16).rev() {
        for form in ["text", "json"] {
            let ended = limited(descriptors, form);
            let suffices = ended.code() == Some(0);
            assert!(sufficed || !suffices, "fewer do what more did not: {ended:?}");
            sufficed &= suffices;
            if !suffices {
                assert_eq!(ended.code(), Some(3), "{descriptors}: {ended:?}");
                let words = "EMFILE (24), the limit of open files is reached";
                assert!(ended.err.contains(words), "{descriptors}: {ended:?}");
                assert!(!ended.err.contains("panicked"), "{descriptors}: {ended:?}");
                assert!(!ended.err.contains("on this host"), "{descriptors}: {ended:?}");
                assert!(form == "text" || ended.json()["exit_code"] == 3, "{ended:?}");
            }
        }
    }
    assert!(!sufficed, "four cannot do: two sockets and the signals are more");
}

fn counts(ended: &Ended, target: usize) -> [u64; 5] {
    let target = &ended.json()["targets"][target];
    ["attempted", "sent", "received", "lost", "local_errors"]
        .map(|key| target[key].as_u64().expect("a number"))
}

/// Connections that nobody answers keep the descriptors that others would need.
#[test]
fn b22_a_connection_without_a_descriptor_is_not_sent_and_not_lost() {
    let Some(lab) = Lab::new() else { return };
    let listener = lab.far.inside(|| TcpListener::bind("[::]:80").expect("a free port"));
    std::thread::spawn(move || listener.incoming().for_each(drop));
    lab.far.run(
        "nft -f - <<'END'\n\
         table inet t { chain i { type filter hook input priority 0; tcp dport 81 drop; }; }\nEND",
    );
    let line = "ping --json -c 30 -i 0.1 -W 2 --proto tcp:81,tcp:80 10.9.2.2";
    let mut command = lab.here.command("prlimit");
    command.args(["--nofile=16", "--", NETDIAG]);
    let ended = run(command.args(line.split(' ')));
    let [attempted, sent, received, lost, local] = counts(&ended, 1);
    assert_eq!((attempted, sent, lost, local), (30, received, 0, 30 - sent), "{ended:?}");
    let [attempted, sent, received, lost, local] = counts(&ended, 0);
    assert_eq!((attempted, received, lost, local), (30, 0, sent, 30 - sent), "{ended:?}");
    assert!(local > 0, "there cannot be twenty at once: {ended:?}");
    let failure = "not sent: the limit of open files is reached (EMFILE 24)";
    assert!(ended.out.contains(failure), "{ended:?}");
    let document = ended.json();
    let finding = &document["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["evidence"]["errno"]),
        (&"local-send-blocked".into(), &"EMFILE".into())
    );
    assert!(finding["advice"].as_str().is_some_and(|said| said.contains("ulimit -n")), "{finding}");
}

/// Whoever waits for a descriptor is timed from when it has one.
#[test]
fn b22_waiting_for_a_descriptor_is_no_part_of_a_round_trip() {
    let Some(namespace) = Namespace::loopback() else { return };
    let text = std::fs::read_to_string(scenario("slow-800ms")).expect("a scenario");
    let text = text.replace("ipv6 = \"fd09:2::2\"", "ipv6 = \"fd09:2::2\"\ntcp_open = [80]");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = path.join(format!("slow-{}.toml", std::process::id()));
    std::fs::write(&path, text).expect("the folder for this");
    let mut command = namespace.command(netlab().to_str().expect("a path in UTF-8"));
    command.arg(&path).args(["--", "prlimit", "--nofile=48"]);
    let line = "ping --json -c 60 -i 0.02 -W 3 --proto tcp:80 10.9.2.2";
    let ended = run(command.args(["--", NETDIAG]).args(line.split(' ')));
    std::fs::remove_file(&path).expect("ours");
    let [attempted, sent, received, lost, local] = counts(&ended, 0);
    assert_eq!((attempted, received, lost, local), (60, sent, 0, 60 - sent), "{ended:?}");
    assert!(local > 0 && received > 0, "forty at once would have to wait: {ended:?}");
    let most = ended.target()["rtt_ms"]["max"].as_f64().expect("a number");
    assert!(most < 1_600.0, "{most}: {ended:?}");
}

#[test]
fn b26_what_stands_in_for_icmp_is_not_said_of_a_family_that_is_not_there() {
    let off = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";
    let Some(namespace) = Namespace::new(off) else { return };
    namespace.let_nobody_in();
    namespace.run("echo '1 0' > /proc/sys/net/ipv4/ping_group_range");
    let ended = run(&mut namespace.nobody(&["ping", "-c", "1", "2001:db8::1"]));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.err.contains("no IPv6 on this host"), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
}

#[test]
fn b22_local_ports_that_are_all_in_use_are_told_as_that() {
    let Some(lab) = Lab::new() else { return };
    lab.here.run("echo '40000 40003' > /proc/sys/net/ipv4/ip_local_port_range");
    lab.far.run(
        "nft -f - <<'END'\n\
         table inet t { chain i { type filter hook input priority 0; tcp dport 81 drop; }; }\nEND",
    );
    for host in ["10.9.2.2", "fd09:2::2"] {
        let line = ["ping", "-c", "8", "-i", "0.05", "-W", "1", "--proto", "tcp:81", host];
        let ended = run(&mut lab.here.netdiag(&line));
        let said = "not sent: every local port for connections is in use (EADDRNOTAVAIL 99)";
        assert!(ended.out.contains(said), "{ended:?}");
    }
}
