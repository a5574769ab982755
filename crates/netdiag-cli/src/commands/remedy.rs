//! What to do when this machine does not let us measure.

use netdiag_engine::port::{Mend, NetworkError, Opened, Opening};
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

/// What opens ICMP datagram sockets to everybody.
const OPEN_RANGE: &str = "`sysctl -w net.ipv4.ping_group_range='0 2147483647'`";

/// What gives a raw socket here: a file capability, where that reaches this process.
const fn raw_mend(mend: Mend) -> &'static str {
    match mend {
        Mend::Capability => "`setcap cap_net_raw+p netdiag`",
        Mend::BoundingSet => "CAP_NET_RAW in the bounding set (in a container `--cap-add NET_RAW`)",
        Mend::NewPrivileges => "CAP_NET_RAW without no_new_privs (systemd: `NoNewPrivileges=no`)",
        Mend::Namespace => "a start outside this user namespace",
    }
}

/// What would measure better than this socket does; `None` where nothing would.
pub(crate) fn better(socket: SocketKind, opened: &Opened) -> Option<String> {
    let raw = raw_mend(opened.mend);
    match socket {
        SocketKind::IcmpDatagram => Some(format!("{raw}: a raw socket")),
        SocketKind::UdpErrorQueue | SocketKind::TcpErrorQueue => Some(icmp_mend(opened)),
        _ => None,
    }
}

/// What would give ICMP where there is none.
fn icmp_mend(opened: &Opened) -> String {
    let is_closed = |kind, errnos: &[i32]| {
        let mut all = opened.refused.iter();
        all.any(|refused| refused.socket == kind && errnos.contains(&refused.error.errno))
    };
    if is_closed(SocketKind::Raw, &[ENOSYS, EPROTONOSUPPORT, EAFNOSUPPORT]) {
        // No right makes that.
        "a seccomp filter that passes socket(2)".to_owned()
    } else if is_closed(SocketKind::IcmpDatagram, &[EPERM, EACCES]) {
        format!("{OPEN_RANGE} or {}", raw_mend(opened.mend))
    } else {
        raw_mend(opened.mend).to_owned()
    }
}

/// Why a family has no socket, and the way out.
pub(crate) fn closed(destination: Destination, error: &NetworkError, opened: &Opened) -> Failure {
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
                 {} gives a raw socket, which can have it",
                raw_mend(opened.mend)
            ),
        ),
        EPERM | EACCES => (
            "no-permission".to_owned(),
            format!(
                "no right to send ICMP over {family} ({error}); one of: {}, {OPEN_RANGE}; \
                 where that is so already, a seccomp filter refuses it",
                raw_mend(opened.mend)
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
pub(crate) fn no_timestamps(destination: Destination, opened: &Opened) -> Failure {
    let error = NetworkError { call: "sendmsg", errno: EINVAL };
    let because = match opened.family(destination.family()) {
        Ok(opening) => opening.because.clone(),
        Err(error) => error.to_string(),
    };
    let said = format!(
        "ICMP timestamp requests need a raw socket ({because}): over an ICMP datagram socket the \
         kernel refuses them (EINVAL 22); one of: {}, --proto icmp",
        raw_mend(opened.mend)
    );
    failure(destination, &error, "no-permission".to_owned(), &said)
}

/// Why no SYNs of our own can be sent here, and the ways out.
pub(crate) fn no_syns(destination: Destination, error: &NetworkError, opened: &Opened) -> Failure {
    if !matches!(error.errno, EPERM | EACCES) || error.call.contains("SO_MARK") {
        return closed(destination, error, opened);
    }
    let family = family_name(destination.family());
    let said = format!(
        "no right to send SYNs over {family} ({error}); {}, or `netdiag tcp-connect`, which needs no \
         right and asks the same by connections",
        raw_mend(opened.mend)
    );
    failure(destination, error, "no-permission".to_owned(), &said)
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
pub(crate) fn datagram_note(family: Family, opening: &Opening, mend: Mend) -> String {
    let (family, because, lost) = (family_name(family), &opening.because, opening.lost.join("; "));
    format!(
        "{family}: ICMP by a datagram socket ({because}); not seen: {lost}; \
         {} gives a raw socket",
        raw_mend(mend)
    )
}

/// What stands in for ICMP, what that cannot tell, and what would mend it: one line.
pub(crate) fn note(family: Family, protocol: Protocol, method: &Method, opened: &Opened) -> String {
    let family_name = family_name(family);
    let mend = icmp_mend(opened);
    let instead = match protocol.port() {
        Some(port) => format!("{} to port {port}", protocol.name().to_ascii_uppercase()),
        None => protocol.name().to_owned(),
    };
    let lost = method.lost.first().map(|lost| format!("{lost}; ")).unwrap_or_default();
    let because = &method.because;
    format!("no ICMP over {family_name} ({because}): {instead} instead; {lost}{mend} gives ICMP")
}
