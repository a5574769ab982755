//! Machines with one address family, and with few descriptors (B22, B26).

use crate::support::process::{NETDIAG, Namespace, run};
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
