//! Rights, the group range, the family and resolv.conf: each cell gives a result, or exit 3 and what
//! mends that very case (O2).

use super::names::answer;
use crate::support::process::{Ended, NOBODY, Namespace, run};
use serde_json::Value;

/// A start and a look-up on a busy machine; alone they take a few milliseconds.
const AT_ONCE_MS: u128 = 200 + 400;
const RANGES: [&str; 2] = ["0 2147483647", "1 0"];

/// What is said of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolver {
    Good,
    Dead,
    Missing,
}

/// A host of each family for every name.
fn hosts(question: &[u8]) -> Option<Vec<u8>> {
    const AAAA: u8 = 28;
    let labels = question.get(12..)?;
    // The low byte of the type follows the name and the high one.
    match *labels.get(labels.iter().position(|byte| *byte == 0)? + 2)? {
        AAAA => answer(question, 0, Some(&std::net::Ipv6Addr::LOCALHOST.octets())),
        _ => answer(question, 0, Some(&[127, 0, 0, 1])),
    }
}

fn cell(range: &str, resolver: Resolver) -> Option<Namespace> {
    let namespace = Namespace::open_to_nobody()?;
    let address = if resolver == Resolver::Good { "127.0.0.1" } else { "127.0.0.99" };
    let missing = if resolver == Resolver::Missing { "rm /etc/resolv.conf" } else { "" };
    namespace.run(&format!(
        "echo '{range}' > /proc/sys/net/ipv4/ping_group_range
         mount -t tmpfs none /run; mkdir /run/etc; chmod 755 /run /run/etc
         cp /etc/passwd /etc/group /run/etc
         echo 'nameserver {address}' > /run/etc/resolv.conf
         mount --bind /run/etc /etc; {missing}"
    ));
    if resolver == Resolver::Good {
        namespace.serve_names(hosts);
    }
    Some(namespace)
}

fn failure(ended: &Ended) -> String {
    ended.target()["failure"]["message"].as_str().unwrap_or_default().to_owned()
}

/// The 24 cells, of an address and of a name, and of a request that only a raw socket can send.
#[test]
fn o2_every_cell_gives_a_result_or_the_remedy() {
    for range in RANGES {
        for resolver in [Resolver::Good, Resolver::Dead, Resolver::Missing] {
            let Some(namespace) = cell(range, resolver) else { return };
            for (family, address) in [("-4", "127.0.0.1"), ("-6", "::1")] {
                for who in ["root", "nobody"] {
                    let ping = |more: &[&str]| {
                        let words = [&["ping", "--json", "-c", "1"], more].concat();
                        let mut command = match who {
                            "root" => namespace.netdiag(&words),
                            _ => namespace.nobody(&words),
                        };
                        let ended = run(&mut command);
                        let case = format!("{who}, {range}, {resolver:?}, {more:?}: {ended:?}");
                        assert!(ended.took.as_millis() < AT_ONCE_MS, "{case}");
                        (ended, case)
                    };
                    let socket = match (who, range) {
                        ("root", _) => "raw",
                        (_, "1 0") => "udp-error-queue",
                        _ => "icmp-datagram",
                    };
                    let (ended, case) = ping(&[address]);
                    assert_eq!(ended.code(), Some(0), "{case}");
                    let method = &ended.target()["method"];
                    assert_eq!(method["socket"], socket, "{case}");
                    assert_eq!(method["remedy"], remedy(socket), "{case}");
                    let (ended, case) = ping(&[family, "b.example"]);
                    let said = failure(&ended);
                    match resolver {
                        Resolver::Good => assert_eq!(ended.code(), Some(0), "{case}"),
                        Resolver::Dead => {
                            assert_eq!(ended.code(), Some(3), "{case}");
                            assert!(said.contains("127.0.0.99 refused"), "{case}");
                        }
                        Resolver::Missing => {
                            assert_eq!(ended.code(), Some(3), "{case}");
                            assert!(said.contains("/etc/resolv.conf: there is no such"), "{case}");
                        }
                    }
                    if family == "-4" {
                        let (ended, case) = ping(&["--proto", "icmp-timestamp", address]);
                        let code = if who == "root" { 0 } else { 3 };
                        assert_eq!(ended.code(), Some(code), "{case}");
                        let is_told = failure(&ended).contains("`setcap cap_net_raw+p netdiag`");
                        assert_eq!(is_told, code == 3, "{case}");
                        assert!(!failure(&ended).contains("sysctl"), "{case}");
                    }
                }
            }
        }
    }
}

fn remedy(socket: &str) -> Value {
    match socket {
        "raw" => Value::Null,
        "icmp-datagram" => "`setcap cap_net_raw+p netdiag`: a raw socket".into(),
        _ => {
            "`sysctl -w net.ipv4.ping_group_range='0 2147483647'` or `setcap cap_net_raw+p netdiag`"
                .into()
        }
    }
}

/// A capability of a file does nothing outside the bounding set, or with no_new_privs.
#[test]
fn o2_what_would_not_help_is_not_advised() {
    let Some(namespace) = cell("1 0", Resolver::Missing) else { return };
    let bounded = ["--bounding-set=-net_raw", "--inh-caps=-net_raw", "--pdeathsig", "KILL", "--"];
    let plain = [&["--no-new-privs"], &NOBODY[..]].concat();
    for (limits, said) in [(&bounded[..], "--cap-add NET_RAW"), (&plain, "no_new_privs")] {
        let ping = |words: &[&str]| {
            let mut command = namespace.command("setpriv");
            run(command.args(limits).arg("/mnt/netdiag").args(words).arg("127.0.0.1"))
        };
        let ended = ping(&["ping", "--json", "-c", "1"]);
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let remedy = ended.target()["method"]["remedy"].to_string();
        for ended in [&ended.err, &ping(&["ping", "--classic", "-c", "1"]).err, &remedy] {
            assert!(ended.contains(said) && !ended.contains("setcap"), "{said}: {ended}");
        }
    }
}

/// Whose name is root only in a user namespace of their own is no root of this network.
#[test]
fn b29_a_user_namespace_does_not_lift_the_limits() {
    let Some(namespace) = cell(RANGES[0], Resolver::Missing) else { return };
    for (proto, interval) in [("icmp", "0.001"), ("udp", "0.001"), ("tcp:9", "0.01")] {
        let mut command = namespace.command("setpriv");
        command.args(NOBODY).args(["unshare", "--user", "--map-root-user", "/mnt/netdiag"]);
        let arguments = ["ping", "-q", "-c", "9", "--proto", proto, "-i", interval, "127.0.0.1"];
        let ended = run(command.args(arguments));
        assert_eq!((ended.code(), ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.err.contains("only root may"), "{ended:?}");
    }
}

/// What a socket may not have is told as that, though another kind would be refused, too.
#[test]
fn o2_a_flow_label_that_is_taken_is_told_where_no_user_may_ping() {
    let Some(namespace) = cell(RANGES[1], Resolver::Missing) else { return };
    let taken = "ping -q -c 30 -i 0.2 -F 9 ::1 > /dev/null & \
        until grep -qs '^00009' /proc/$!/net/ip6_flowlabel; do :; done
        /mnt/netdiag ping -c 1 -F 9 ::1 2>&1; kill $!";
    let ended = run(namespace.command("sh").args(["-c", taken]));
    assert!(ended.out.contains("has the flow label for itself alone"), "{ended:?}");
}
