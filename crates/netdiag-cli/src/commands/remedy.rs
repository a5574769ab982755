//! What to do when this machine does not let us measure.

use netdiag_engine::port::{NetworkError, Opened, Opening};
use netdiag_model::contract::{Method, SocketKind};
use netdiag_model::errno::{self, Errno};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{Destination, Family};
use netdiag_ping::Protocol;

const EPERM: i32 = 1;
const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const ENOSYS: i32 = 38;
const EPROTONOSUPPORT: i32 = 93;
const EAFNOSUPPORT: i32 = 97;
const EADDRINUSE: i32 = 98;
const EADDRNOTAVAIL: i32 = 99;

/// That this machine has no address of a family.
pub(crate) fn no_family(destination: Destination, error: &NetworkError) -> Failure {
    let family = family_name(destination.family());
    let said = format!("no {family} on this host ({error})");
    failure(destination, error, errno::reason(error.errno), &said)
}

/// Why a family has no socket, and the way out.
pub(crate) fn closed(destination: Destination, error: &NetworkError) -> Failure {
    let family = family_name(destination.family());
    let (reason, said) = match error.errno {
        EPERM | EACCES if error.call.contains("SO_MARK") => (
            "no-permission".to_owned(),
            format!("--mark needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17 ({error})"),
        ),
        EPERM if error.call.contains("FLOWLABEL") => (
            "flow-label-taken".to_owned(),
            format!(
                "another socket of this machine has the flow label for itself alone ({error}): \
                 another --flow-label, or when that socket is closed"
            ),
        ),
        EADDRINUSE => (
            errno::reason(EADDRINUSE),
            format!("that echo identifier is taken ({error}): another --ident, or none"),
        ),
        EINVAL if error.call == "bind" => (
            errno::reason(EINVAL),
            format!(
                "--ident 0 means any identifier to an ICMP datagram socket ({error}); \
                 `setcap cap_net_raw+p netdiag` gives a raw socket, which can have it"
            ),
        ),
        EPERM | EACCES => (
            "no-permission".to_owned(),
            format!(
                "no right to send ICMP over {family} ({error}); one of: \
                 `setcap cap_net_raw+p netdiag`, \
                 `sysctl -w net.ipv4.ping_group_range='0 2147483647'`, \
                 in a container `--cap-add NET_RAW`; where that is so already, \
                 a seccomp filter refuses it"
            ),
        ),
        EAFNOSUPPORT => (
            errno::reason(EAFNOSUPPORT),
            format!(
                "no {family} on this host ({error}); where it has {family}, \
                 a seccomp filter refuses its sockets: let it pass socket(2)"
            ),
        ),
        EADDRNOTAVAIL => {
            (errno::reason(EADDRNOTAVAIL), format!("no {family} on this host ({error})"))
        }
        number @ (ENOSYS | EPROTONOSUPPORT) => (
            errno::reason(number),
            format!(
                "this kernel, or a seccomp filter of a container, has no such socket for {family} \
                 ({error}): let the filter pass socket(2)"
            ),
        ),
        number => (errno::reason(number), format!("no socket for {family}: {error}")),
    };
    failure(destination, error, reason, &said)
}

/// Why timestamps cannot be asked for here, and the way out. Nothing was sent: it is known that the
/// kernel refuses them over a datagram socket (ping_supported in net/ipv4/ping.c).
pub(crate) fn no_timestamps(destination: Destination, opening: &Opening) -> Failure {
    let error = NetworkError { call: "sendmsg", errno: EINVAL };
    let because = &opening.because;
    let said = format!(
        "ICMP timestamp requests need a raw socket ({because}): over an ICMP datagram socket the \
         kernel refuses them (EINVAL 22); one of: `setcap cap_net_raw+p netdiag`, in a container \
         `--cap-add NET_RAW`, --proto icmp"
    );
    failure(destination, &error, "no-permission".to_owned(), &said)
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

fn failure(destination: Destination, error: &NetworkError, reason: String, said: &str) -> Failure {
    Failure {
        stage: Stage::Send,
        reason,
        errno: Some(Errno::new(error.errno)),
        icmp: None,
        message: format!("cannot measure {destination}: {said}"),
    }
}

/// That ICMP leaves by a datagram socket, what that cannot tell, and what would mend it: one line.
pub(crate) fn datagram_note(family: Family, opening: &Opening) -> String {
    let (family, because, lost) = (family_name(family), &opening.because, opening.lost.join("; "));
    format!(
        "{family}: ICMP by a datagram socket ({because}); not seen: {lost}; \
         `setcap cap_net_raw+p netdiag` gives a raw socket"
    )
}

/// What stands in for ICMP, what that cannot tell, and what would mend it: one line.
pub(crate) fn note(family: Family, protocol: Protocol, method: &Method, opened: &Opened) -> String {
    let family_name = family_name(family);
    let is_closed = |kind, errnos: &[i32]| {
        opened.refused.iter().any(|refused| {
            refused.family == family
                && refused.socket == kind
                && errnos.contains(&refused.error.errno)
        })
    };
    let mend = if is_closed(SocketKind::Raw, &[ENOSYS, EPROTONOSUPPORT, EAFNOSUPPORT]) {
        // No right makes that.
        "a seccomp filter that passes socket(2)"
    } else if is_closed(SocketKind::IcmpDatagram, &[EPERM, EACCES]) {
        "`sysctl -w net.ipv4.ping_group_range='0 2147483647'` or `setcap cap_net_raw+p netdiag`"
    } else {
        "`setcap cap_net_raw+p netdiag`, in a container `--cap-add NET_RAW`,"
    };
    let instead = match protocol.port() {
        Some(port) => format!("{} to port {port}", protocol.name().to_ascii_uppercase()),
        None => protocol.name().to_owned(),
    };
    let lost = method.lost.first().map(|lost| format!("{lost}; ")).unwrap_or_default();
    let because = &method.because;
    format!("no ICMP over {family_name} ({because}): {instead} instead; {lost}{mend} gives ICMP")
}
