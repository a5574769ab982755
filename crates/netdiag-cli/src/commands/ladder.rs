//! By which method a protocol is measured here, and what stands in for ICMP where that is refused.

use super::remedy;
use crate::Backend;
use netdiag_engine::port::{NetworkError, Opened, Opening, UNSEEN_TTLS};
use netdiag_model::contract::{Method, SocketKind, Timestamps};
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family};
use netdiag_ping::Protocol;
use netdiag_ping::protocol::{TCP_PORT, UDP_PORT};
use std::net::IpAddr;

const EAFNOSUPPORT: i32 = 97;

/// What is sent to a destination, and how.
pub(crate) struct Rung {
    pub(crate) protocol: Protocol,
    pub(crate) method: Method,
    /// What stands in for something else, and what would mend that, for the user.
    pub(crate) note: Option<String>,
}

/// What may stand in for what was asked for, and by what it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes {
    pub(crate) backend: Backend,
    /// Nothing was asked for that only an ICMP socket can do.
    pub(crate) may_stand_in: bool,
    /// Nothing was asked for that a TCP connection cannot do.
    pub(crate) has_no_options: bool,
    /// The method is told even where its figures are as good as those of the best one.
    pub(crate) verbose: bool,
}

/// The rung for what was asked for. Without the right to send ICMP, UDP stands in for it, and TCP
/// where even that is refused. `tcp` says whether connections can be opened here.
pub(crate) fn rung(
    wanted: Protocol,
    destination: Destination,
    opened: &Opened,
    wishes: Wishes,
    tcp: impl FnOnce() -> Result<(), NetworkError>,
) -> Result<Rung, Box<Failure>> {
    let Wishes { backend, may_stand_in, has_no_options, verbose } = wishes;
    let family = destination.family();
    let method = |opening| method(opening, backend);
    let as_asked = |method| Rung { protocol: wanted, method, note: None };
    let closed = |error: &NetworkError| Box::new(remedy::closed(destination, error, opened));
    let refused = match wanted {
        Protocol::Tcp { .. } | Protocol::Tls { .. } | Protocol::Http { .. } => {
            tcp().map_err(|error| closed(&error))?;
            let asked =
                if wanted.is_dialog() { wanted.name().to_uppercase() } else { "TCP".into() };
            return Ok(as_asked(connects(format!("{asked} was asked for"))));
        }
        Protocol::Quic { .. } => {
            opened.udp(family).map_err(closed)?;
            return Ok(as_asked(by_kernel("QUIC was asked for")));
        }
        Protocol::Syn { .. } => return syns(destination, opened).map(as_asked),
        Protocol::Udp { .. } | Protocol::Dns { .. } => {
            let opening = opened.udp(family);
            return opening.map(|opening| as_asked(method(opening))).map_err(closed);
        }
        Protocol::IcmpTimestamp | Protocol::IcmpProbe => {
            let opening = opened.family(family);
            let lacks_raw = match opening {
                Ok(opening) => opening.socket != SocketKind::Raw,
                Err(error) => is_refusal(error) && error.errno != EAFNOSUPPORT,
            };
            if wanted == Protocol::IcmpTimestamp && lacks_raw {
                return Err(Box::new(remedy::no_timestamps(destination, opened)));
            }
            let opening = opening.map_err(closed)?;
            return Ok(as_asked(without_tag(method(opening), wanted)));
        }
        Protocol::Icmp => match opened.family(family) {
            Ok(opening) => {
                let is_told = verbose && opening.socket == SocketKind::IcmpDatagram;
                let note = is_told.then(|| remedy::datagram_note(family, opening, opened.mend));
                return Ok(Rung { note, ..as_asked(mended(method(opening), opened)) });
            }
            Err(error) => error,
        },
    };
    let stand_in = match opened.udp(family) {
        _ if !may_stand_in || !is_refusal(refused) => None,
        Ok(opening) => Some((Protocol::Udp { port: UDP_PORT }, method(opening))),
        // TCP takes no options of a socket either.
        Err(error)
            if is_refusal(error)
                && error.errno != EAFNOSUPPORT
                && has_no_options
                && tcp().is_ok() =>
        {
            let because = format!("neither ICMP nor UDP may be sent ({error})");
            Some((Protocol::Tcp { port: TCP_PORT, any_answer: true }, connects(because)))
        }
        Err(_) => None,
    };
    let Some((protocol, method)) = stand_in else {
        return Err(closed(refused));
    };
    let method = mended(method, opened);
    let note = Some(remedy::note(family, protocol, &method, opened));
    Ok(Rung { protocol, method, note })
}

/// EPERM, EACCES, ENOSYS, EPROTONOSUPPORT, EAFNOSUPPORT: this kind of socket is not for us, another
/// may be. The last one of every kind means that there is no such family.
const fn is_refusal(error: &NetworkError) -> bool {
    matches!(error.errno, 1 | 13 | 38 | 93 | EAFNOSUPPORT)
}

/// The first address that can be sent to; the first of all where none can.
pub(crate) fn choose(
    addresses: &[Destination],
    protocols: &[Protocol],
    opened: &Opened,
    source: Option<IpAddr>,
) -> Option<Destination> {
    let is_open = |family: Family| {
        let has_tcp = protocols.iter().any(|protocol| protocol.is_connection());
        has_tcp
            || opened.family(family).is_ok()
            || opened.udp(family).is_ok()
            || opened.tcp(family).is_ok()
    };
    let fits = |d: &&Destination| {
        is_open(d.family()) && source.is_none_or(|source| Family::of(source) == d.family())
    };
    addresses.iter().find(fits).or_else(|| addresses.first()).copied()
}

/// With what would give a better one here.
fn mended(method: Method, opened: &Opened) -> Method {
    Method { remedy: remedy::better(method.socket, opened), ..method }
}

/// How TCP connections are measured.
pub(crate) fn connects(because: String) -> Method {
    connects_seen(because, false)
}

/// The same, where it may be seen from how far they are answered.
pub(crate) fn connects_seen(because: String, is_seen: bool) -> Method {
    let lost = [
        UNSEEN_TTLS,
        "answers after the timeout, and repeated ones",
        "refusals by a filter in the name of the target",
    ];
    Method {
        socket: SocketKind::TcpErrorQueue,
        timestamps: Timestamps::Kernel,
        because,
        lost: lost.iter().skip(usize::from(is_seen)).map(|lost| (*lost).to_owned()).collect(),
        remedy: None,
    }
}

/// How datagrams of a connection are sent and received: the kernel has the sockets, and the process the
/// clock.
pub(crate) fn by_kernel(because: &str) -> Method {
    Method {
        socket: SocketKind::KernelConnect,
        timestamps: Timestamps::User,
        because: because.to_owned(),
        lost: vec!["when the kernel sent and received".to_owned()],
        remedy: None,
    }
}

/// How SYNs of our own are sent, where they can be.
///
/// # Errors
/// Why connections are opened in their place.
pub(crate) fn raw_tcp(opened: &Opened, family: Family) -> Result<Method, String> {
    match opened.tcp(family) {
        Ok(opening) => Ok(method(opening, Backend::Linux)),
        Err(error) if is_refusal(error) => Err("no CAP_NET_RAW".to_owned()),
        Err(error) => Err(format!("no raw TCP ({error})")),
    }
}

/// The same, where nothing stands in for them.
///
/// # Errors
/// Why they cannot be sent, and the ways out.
pub(crate) fn syns(destination: Destination, opened: &Opened) -> Result<Method, Box<Failure>> {
    let opening = opened.tcp(destination.family());
    let opening = opening.map_err(|error| Box::new(remedy::no_syns(destination, error, opened)))?;
    Ok(method(opening, Backend::Linux))
}

/// The method of requests whose answers bring no tag back.
fn without_tag(method: Method, protocol: Protocol) -> Method {
    let key = match protocol {
        Protocol::IcmpTimestamp => {
            "proof that who answers saw the request: source, identifier, sequence number and the \
             time sent are all that an answer must bring"
        }
        _ => {
            "proof that who answers saw the request: source, identifier and a sequence number of 8 \
             bits are all that an answer must bring (RFC 8335)"
        }
    };
    let lost = std::iter::once(key.to_owned()).chain(method.lost).collect();
    Method { lost, ..method }
}

/// How one family is measured.
fn method(opening: &Opening, backend: Backend) -> Method {
    Method {
        socket: opening.socket,
        timestamps: match backend {
            Backend::Linux => Timestamps::Kernel,
            Backend::Portable => Timestamps::User,
        },
        because: opening.because.clone(),
        lost: opening.lost.clone(),
        remedy: None,
    }
}

/// The weaker of the two families' methods.
pub(crate) fn weakest(opened: &Opened, backend: Backend) -> Method {
    let openings = [&opened.ipv4, &opened.ipv6, &opened.udp4, &opened.udp6].into_iter().flatten();
    openings.max_by_key(|opening| opening.socket).map_or_else(
        || Method {
            socket: SocketKind::None,
            timestamps: Timestamps::User,
            because: match opened.ipv4.as_ref().err() {
                // Connections and tables need none.
                Some(error) if *error == NetworkError::NOT_ASKED_FOR => {
                    "none was to be opened beforehand".to_owned()
                }
                Some(error) => format!("no socket could be opened: {error}"),
                None => "no socket could be opened".to_owned(),
            },
            lost: Vec::new(),
            remedy: None,
        },
        |opening| method(opening, backend),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_engine::port::{Identifiers, Refused};

    const EPERM: i32 = 1;

    fn open(socket: SocketKind) -> Result<Opening, NetworkError> {
        let identifiers = Identifiers { first: 16, count: 1 };
        Ok(Opening { socket, identifiers, because: "as the test has it".to_owned(), lost: vec![] })
    }

    fn refused(errno: i32) -> Result<Opening, NetworkError> {
        Err(NetworkError { call: "socket", errno })
    }

    /// What becomes of ICMP over IPv4, with these sockets.
    fn icmp(
        icmp: Result<Opening, NetworkError>,
        udp: Result<Opening, NetworkError>,
    ) -> Result<Rung, Box<Failure>> {
        let socket = SocketKind::IcmpDatagram;
        let error = NetworkError { call: "socket", errno: EPERM };
        let refused = vec![Refused { family: Family::Ipv4, socket, error }];
        let opened = Opened { udp4: udp, refused, ..Opened::icmp(icmp.clone(), icmp) };
        let destination = Destination::new("192.0.2.1".parse().expect("an address"));
        let wishes = Wishes {
            backend: Backend::Linux,
            may_stand_in: true,
            has_no_options: true,
            verbose: true,
        };
        rung(Protocol::Icmp, destination, &opened, wishes, || Ok(()))
    }

    #[test]
    fn the_ladder_goes_from_icmp_by_udp_to_tcp() {
        let best = icmp(open(SocketKind::Raw), refused(EPERM)).expect("ICMP");
        assert_eq!((best.protocol, best.note), (Protocol::Icmp, None));
        let user = icmp(open(SocketKind::IcmpDatagram), refused(EPERM)).expect("ICMP");
        assert!(user.note.is_some_and(|note| note.contains("ICMP by a datagram socket")));
        let udp = icmp(refused(EPERM), open(SocketKind::UdpErrorQueue)).expect("UDP");
        assert_eq!(udp.protocol, Protocol::Udp { port: UDP_PORT });
        assert!(udp.note.is_some_and(|note| note.contains("UDP to port 33434 instead")));
        let tcp = icmp(refused(EPERM), refused(EPERM)).expect("TCP");
        assert_eq!(tcp.protocol, Protocol::Tcp { port: TCP_PORT, any_answer: true });
        assert_eq!(tcp.method.socket, SocketKind::TcpErrorQueue);
        assert!(tcp.note.is_some_and(|note| note.contains("TCP to port 443 instead")));
    }

    #[test]
    fn a_family_that_is_not_there_has_no_rung() {
        let none = icmp(refused(EAFNOSUPPORT), refused(EAFNOSUPPORT));
        assert!(none.is_err_and(|failure| failure.message.contains("no IPv4 on this host")));
    }
}
