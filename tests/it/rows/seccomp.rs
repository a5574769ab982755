//! Under a seccomp filter that refuses sockets, as containers install them: the ladder goes down
//! a step, or the run ends with what is missing in words (B25).

use crate::support::process::{Ended, Namespace, run};
use nix::libc::{
    AF_INET, AF_INET6, AF_NETLINK, EACCES, EAFNOSUPPORT, ENOSYS, EPERM, EPROTONOSUPPORT,
    IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SYS_socket,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;
use std::time::Duration;

const ERRORS: [i32; 5] = [EPERM, EACCES, ENOSYS, EAFNOSUPPORT, EPROTONOSUPPORT];
/// The flags beside the type of a socket (socket(2)) are in the bits above.
const TYPE_MASK: u64 = 0xf;
/// A run without an answer to wait for, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// Sockets that are refused: their family, their type, and their protocol if that matters.
type Refused = (i32, i32, Option<i32>);

const RAW: &[Refused] = &[(AF_INET, SOCK_RAW, None), (AF_INET6, SOCK_RAW, None)];
const PING: &[Refused] =
    &[(AF_INET, SOCK_DGRAM, Some(IPPROTO_ICMP)), (AF_INET6, SOCK_DGRAM, Some(IPPROTO_ICMPV6))];
const UDP: &[Refused] =
    &[(AF_INET, SOCK_DGRAM, Some(IPPROTO_UDP)), (AF_INET6, SOCK_DGRAM, Some(IPPROTO_UDP))];
const TCP: &[Refused] = &[(AF_INET, SOCK_STREAM, None), (AF_INET6, SOCK_STREAM, None)];
const NETLINK: &[Refused] = &[(AF_NETLINK, SOCK_RAW, None), (AF_NETLINK, SOCK_DGRAM, None)];

fn condition(argument: u8, mask: u64, value: i32) -> SeccompCondition {
    let operator = SeccompCmpOp::MaskedEq(mask);
    let value = u64::try_from(value).expect("a number of the kernel");
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).expect("an argument")
}

/// A filter that answers these calls with an error number.
pub(super) fn without(calls: &[i64], errno: i32) -> BpfProgram {
    program(calls.iter().map(|call| (*call, vec![])).collect(), errno)
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> BpfProgram {
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into().expect("an architecture with seccomp");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch).expect("a filter");
    filter.try_into().expect("a program")
}

/// A filter that answers `socket` of these kinds with an error number.
fn filter(kinds: &[&[Refused]], errno: i32) -> BpfProgram {
    let every = u64::from(u32::MAX);
    let rules = kinds.iter().copied().flatten().map(|(family, kind, protocol)| {
        let mut all = vec![condition(0, every, *family), condition(1, TYPE_MASK, *kind)];
        all.extend(protocol.map(|protocol| condition(2, every, protocol)));
        SeccompRule::new(all).expect("conditions")
    });
    program([(SYS_socket, rules.collect())].into(), errno)
}

/// A filter that leaves TCP, and neither ICMP nor UDP.
pub(super) fn only_tcp() -> BpfProgram {
    filter(&[RAW, PING, UDP], EPERM)
}

/// Runs the program under filters, which a thread hands on to what it starts.
pub(super) fn filtered(namespace: &Namespace, filters: &[BpfProgram], arguments: &[&str]) -> Ended {
    std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            for filter in filters {
                seccompiler::apply_filter(filter).expect("the kernel takes filters");
            }
            run(&mut namespace.netdiag(arguments))
        });
        started.join().expect("the program ran")
    })
}

/// A namespace in which this machine is 192.0.2.5 and fd09::5, ICMP datagram sockets are open to
/// all, and no port is.
fn namespace() -> Option<Namespace> {
    Namespace::new(
        "ip addr add 192.0.2.5/32 dev lo; ip addr add fd09::5/128 dev lo nodad
         echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range",
    )
}

/// What the program does where these kinds of socket are refused, with each of the errors, for
/// each family.
fn each(kinds: &[&[Refused]], check: impl Fn(&Ended, i32)) {
    let Some(namespace) = namespace() else { return };
    for errno in ERRORS {
        let filters = [filter(kinds, errno)];
        for host in ["192.0.2.5", "fd09::5"] {
            let arguments = ["ping", "-c", "2", "-i", "0.05", "-W", "1", "--json", host];
            let ended = filtered(&namespace, &filters, &arguments);
            assert!(ended.took < SOON, "errno {errno}: {ended:?}");
            assert!(!ended.err.contains("panicked"), "errno {errno}: {ended:?}");
            check(&ended, errno);
        }
    }
}

/// Measured all the same, by the next method.
fn goes_by(ended: &Ended, errno: i32, socket: &str, protocol: &str) {
    assert_eq!(ended.code(), Some(0), "errno {errno}: {ended:?}");
    let target = ended.target();
    assert_eq!(target["method"]["socket"], socket, "errno {errno}: {ended:?}");
    assert_eq!(target["protocol"], protocol, "errno {errno}: {ended:?}");
    assert_eq!(target["received"], 2, "errno {errno}: {ended:?}");
}

#[test]
fn b25_without_raw_sockets_it_goes_by_icmp_datagrams() {
    each(&[RAW], |ended, errno| {
        goes_by(ended, errno, "icmp-datagram", "icmp");
    });
}

#[test]
fn b25_without_icmp_it_goes_by_udp() {
    each(&[RAW, PING], |ended, errno| {
        goes_by(ended, errno, "udp-error-queue", "udp");
        assert!(ended.err.contains("UDP to port 33434 instead"), "errno {errno}: {ended:?}");
        assert!(ended.err.contains("seccomp filter"), "errno {errno}: {ended:?}");
    });
}

#[test]
fn b25_without_udp_it_goes_by_tcp() {
    each(&[RAW, PING, UDP], |ended, errno| {
        if errno == EAFNOSUPPORT {
            // No socket that needs no right either: as far as can be told the family is not there.
            refused(ended, errno);
            return;
        }
        // Nothing listens on that port, and that is an answer.
        goes_by(ended, errno, "tcp-error-queue", "tcp");
        assert!(ended.err.contains("TCP to port 443 instead"), "errno {errno}: {ended:?}");
    });
}

/// Nothing was sent, and why, and the way out.
fn refused(ended: &Ended, errno: i32) {
    assert_eq!(ended.code(), Some(3), "errno {errno}: {ended:?}");
    let target = ended.target();
    assert_eq!((&target["sent"], &target["loss_percent"]), (&0.into(), &().into()), "{ended:?}");
    let failure = target["failure"].to_string();
    assert!(failure.contains("seccomp"), "errno {errno}: {failure}");
    let name = nix::errno::Errno::from_raw(errno).to_string();
    assert!(failure.contains(name.split(':').next().expect("a name")), "errno {errno}: {failure}");
}

#[test]
fn b25_without_any_socket_the_remedy_is_said() {
    each(&[RAW, PING, UDP, TCP], refused);
}

#[test]
fn b25_a_filter_without_netlink_only_costs_the_news_of_interfaces() {
    each(&[NETLINK], |ended, errno| goes_by(ended, errno, "raw", "icmp"));
}

/// Rungs refused for different reasons.
#[test]
fn b25_each_rung_may_be_refused_in_its_own_way() {
    let Some(namespace) = namespace() else { return };
    for icmp in ERRORS {
        for udp in [EPERM, ENOSYS] {
            let filters = [filter(&[RAW, PING], icmp), filter(&[UDP], udp)];
            let arguments = ["ping", "-c", "1", "-W", "1", "--json", "192.0.2.5"];
            let ended = filtered(&namespace, &filters, &arguments);
            assert_eq!(ended.code(), Some(0), "{icmp} {udp}: {ended:?}");
            assert_eq!(ended.target()["method"]["socket"], "tcp-error-queue", "{ended:?}");
        }
    }
}

#[test]
fn b25_what_icmp_alone_can_do_is_refused_with_the_remedy() {
    let Some(namespace) = namespace() else { return };
    for errno in ERRORS {
        let filters = [filter(&[RAW, PING], errno)];
        for arguments in [
            &["ping", "--ident", "7", "-c", "1", "--json", "192.0.2.5"][..],
            &["ping", "--backend", "portable", "-c", "1", "--json", "192.0.2.5"],
        ] {
            let ended = filtered(&namespace, &filters, arguments);
            assert_eq!(ended.code(), Some(3), "errno {errno}: {ended:?}");
            assert!(ended.took < SOON, "errno {errno}: {ended:?}");
            assert!(!ended.err.contains("panicked"), "errno {errno}: {ended:?}");
            let said = format!("{}{}", ended.out, ended.err);
            assert!(said.contains("seccomp") || said.contains("setcap"), "{errno}: {ended:?}");
        }
    }
}
