//! Opening sockets: for each family one for ICMP, by the best method that this process may use, and
//! one for UDP where it is asked for.

mod datagram;
mod probe;
mod raw_icmp;
mod raw_tcp;
mod tcp;
mod udp;
mod why;

pub(crate) use probe::{ProbeSocket, StampKeys};
pub(crate) use raw_icmp::{forget_foreign, lock_filter};
pub use tcp::tcp;
pub(crate) use udp::{another, renew};

use crate::network::{Answers, Marked, SystemNetwork};
use crate::privileges::{self, with_net_raw};
use netdiag_engine::port::{Identifiers, Mend, NetworkError, Opened, Refused};
use netdiag_model::Family;
use netdiag_model::contract::SocketKind;

/// What to open, and with which options of the socket.
#[derive(Clone, Debug, Default)]
pub struct OpenRequest {
    /// The echo identifier; random where not given. A raw socket then has this one alone instead
    /// of a block of 16.
    pub identifier: Option<u16>,
    /// Only this family; the other one is then not opened, which spares a tenth of a millisecond.
    pub family: Option<Family>,
    /// Whether packets to broadcast addresses may leave (SO_BROADCAST, socket(7)). Only root gets it:
    /// for anybody else the kernel refuses such packets (EACCES).
    pub broadcast: bool,
    /// What the kernel does about packets larger than the path (IP_MTU_DISCOVER, ip(7)).
    pub dont_fragment: Option<DontFragment>,
    /// The firewall mark of every packet (SO_MARK, socket(7)); needs CAP_NET_ADMIN or, since Linux
    /// 5.17, CAP_NET_RAW.
    pub mark: Option<u32>,
    /// Open without the mark where this user may not set one: [`Opened::unmarked`].
    pub mark_or_none: bool,
    /// The queueing priority of every packet (SO_PRIORITY, socket(7)); above 6 needs
    /// CAP_NET_ADMIN.
    pub priority: Option<u32>,
    /// The receive buffer in bytes, 4 MiB where not given. The kernel doubles it for its own use;
    /// without CAP_NET_ADMIN it cuts it to net.core.rmem_max.
    pub receive_buffer: Option<usize>,
    /// The send buffer in bytes, under the same rules (net.core.wmem_max).
    pub send_buffer: Option<usize>,
    /// Only to hosts on a directly attached network, past every router (SO_DONTROUTE, socket(7)).
    pub direct: bool,
    /// Do not hear one's own packets to a group (IP_MULTICAST_LOOP, ip(7)).
    pub no_loopback: bool,
    /// SO_DEBUG (socket(7)), where this user may set it; ICMP has no use for it.
    pub debug: bool,
    /// The flow label that packets carry, which is taken out on loan (IPV6_FLOWLABEL_MGR): as soon as
    /// anybody here has one for himself alone, the kernel sends none that is not lent.
    pub flow_label: Option<u32>,
    /// Whether the IPv4 options of replies are wanted (IP_RECVOPTS, ip(7)). A raw socket shows them
    /// in any case.
    pub ip_options: bool,
    /// No kernel time stamps: round trips by this process's clock.
    pub user_stamps: bool,
    /// ICMP is not opened.
    pub no_icmp: bool,
    /// Whether UDP is opened, too. It needs no right; what ICMP could not have is then no reason
    /// not to measure.
    pub udp: bool,
    /// The same, but only for a family for which ICMP cannot be opened.
    pub udp_instead: bool,
    /// How many further UDP sockets of each family are opened for queries at once, where UDP is opened:
    /// those whose options need a right cannot be opened later. Fewer will do.
    pub query_sockets: u8,
    /// The port that UDP leaves from; a free one of the kernel's choice where not given.
    pub udp_port: Option<u16>,
    /// Whether a raw ICMP socket also hears of errors about UDP datagrams: they count from the UDP
    /// socket's error queue, which does not tell their headers.
    pub udp_quotes: bool,
    /// How many ports raw TCP leaves from, a power of two up to 128, the same ones of both families; 0: it
    /// is not opened. It also takes a raw ICMP socket, which then hears of errors about TCP.
    pub tcp_ports: u8,
    /// Whether the TTLs are seen that SYN-ACKs and resets of connections arrive with; needs CAP_NET_RAW,
    /// and goes without where that is missing: [`Opened::sees_answers`].
    pub tcp_answers: bool,
    /// How many sockets for connections to each family are opened with the mark: later there is no right
    /// to set one. 0: connections have none.
    pub marked_connects: usize,
    /// Only this kind of socket, whatever the ladder says, beside UDP if that is asked for; for
    /// tests.
    pub forced: Option<SocketKind>,
    /// Count send stamps as kernels before Linux 6.13 do, instead of naming them; for tests.
    pub counted_stamps: bool,
}

/// What the kernel does about packets larger than the path (IP_MTU_DISCOVER in ip(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DontFragment {
    /// Always sets the DF bit and refuses what is larger than the known path MTU.
    Do,
    /// Sets the DF bit for what fits and fragments what does not.
    Want,
    /// Never sets the DF bit.
    Dont,
    /// Always sets the DF bit and ignores the known path MTU.
    Probe,
}

impl OpenRequest {
    /// Opens the sockets. What cannot be opened is an `Err` in [`Opened`], not here: nothing that
    /// this returns depends on the other family, nor ICMP on UDP.
    ///
    /// Call it before [`crate::privileges::drop_all`] and before other threads are started. A
    /// CAP_NET_RAW that is permitted but not effective, as a file capability `+p` gives it, is
    /// raised while the sockets are opened.
    #[must_use]
    pub fn open(&self) -> SystemNetwork {
        self.open_then(|| ()).0
    }

    /// The same, and `then` as soon as no right is needed any more: few steps are taken with raised
    /// rights.
    #[must_use]
    pub fn open_then<T>(&self, then: impl FnOnce() -> T) -> (SystemNetwork, T) {
        let (mut refused, mut ports) = (Vec::new(), None);
        let (opened, answers, marked, mut queries) = with_net_raw(|| {
            let opened = [Family::Ipv4, Family::Ipv6]
                .map(|family| self.open_family(family, &mut refused, &mut ports));
            let answers = self.tcp_answers.then(|| Answers::open(self.family));
            (opened, answers.unwrap_or_default(), Marked::open(self), self.open_queries())
        });
        let [(mut ipv4, mut udp4, mut tcp4), (mut ipv6, mut udp6, mut tcp6)] = opened;
        let mend = if refused.is_empty() { Mend::default() } else { privileges::mend() };
        let done = then();
        let opened = [&mut ipv4, &mut ipv6, &mut udp4, &mut udp6, &mut tcp4, &mut tcp6];
        opened.into_iter().flatten().for_each(|socket| socket.finish(self));
        let opening = |tried: &Tried| {
            tried.as_ref().map(|socket| socket.opening.clone()).map_err(Clone::clone)
        };
        let is_unmarked = |tried: &Tried| {
            tried.as_ref().is_ok_and(|socket| self.mark.is_some_and(|mark| socket.mark() != mark))
        };
        let all = [&ipv4, &ipv6, &udp4, &udp6, &tcp4, &tcp6];
        let unmarked = all.into_iter().any(is_unmarked);
        let opened = Opened {
            ipv4: opening(&ipv4),
            ipv6: opening(&ipv6),
            udp4: opening(&udp4),
            udp6: opening(&udp6),
            tcp4: opening(&tcp4),
            tcp6: opening(&tcp6),
            refused,
            unmarked,
            sees_answers: answers.len() > 0,
            marked_connects: marked.counts(),
            mend,
        };
        let keys = [&udp4, &udp6].map(|udp| udp.as_ref().ok().map(|udp| udp.stamp_keys));
        for query in &mut queries {
            let [ipv4, ipv6] = keys;
            let keys = if query.family == Family::Ipv4 { ipv4 } else { ipv6 };
            query.stamp_keys = keys.unwrap_or(query.stamp_keys);
        }
        let sockets = [ipv4, ipv6, udp4, udp6, tcp4, tcp6].into_iter().flatten();
        let network = SystemNetwork::new(opened, sockets, self.clone(), queries);
        (network.connecting(answers, marked), done)
    }

    /// Sockets for queries that must be opened while there are rights. Fewer will do.
    fn open_queries(&self) -> Vec<ProbeSocket> {
        let families = [Family::Ipv4, Family::Ipv6].into_iter().filter(|_| self.udp);
        let wanted = families.filter(|it| self.family.is_none_or(|only| only == *it));
        let wanted = wanted.flat_map(|family| (0..self.query_sockets).map(move |_| family));
        wanted.filter_map(|it| another(self, it, StampKeys::Counted).ok()).collect()
    }

    /// The sockets of one family: ICMP, UDP and raw TCP.
    /// `ports`: those of raw TCP that are reserved already.
    fn open_family(
        &self,
        family: Family,
        refused: &mut Vec<Refused>,
        ports: &mut Option<Identifiers>,
    ) -> (Tried, Tried, Tried) {
        if self.family.is_some_and(|only| only != family) {
            const NONE: Tried = Err(NetworkError::NOT_ASKED_FOR);
            return (NONE, NONE, NONE);
        }
        let mut missing = Vec::new();
        let icmp = if self.no_icmp {
            Err(NetworkError::NOT_ASKED_FOR)
        } else {
            self.climb(family, &mut missing)
        };
        let wants_udp = self.udp || self.udp_instead && icmp.is_err();
        let udp = if wants_udp || self.forced == Some(SocketKind::UdpErrorQueue) {
            let without_icmp = if icmp.is_ok() { &[] } else { missing.as_slice() };
            let has_quotes = self.udp_quotes
                && icmp.as_ref().is_ok_and(|it| it.opening.socket == SocketKind::Raw);
            udp::open(self, family, without_icmp, has_quotes)
        } else {
            Err(NetworkError::NOT_ASKED_FOR)
        };
        refused.append(&mut missing);
        if let Err(error) = udp.as_ref()
            && *error != NetworkError::NOT_ASKED_FOR
        {
            let socket = SocketKind::UdpErrorQueue;
            refused.push(Refused { family, socket, error: error.clone() });
        }
        let tcp = self.open_tcp(family, icmp.as_ref(), ports).map_err(|error| {
            // Why there is no raw socket, not why there is none of the weaker kinds.
            let mut all = refused.iter().filter(|one| one.family == family);
            let raw = all.find(|one| one.socket == SocketKind::Raw && icmp.is_err());
            raw.map_or(error, |raw| raw.error.clone())
        });
        (icmp, udp, tcp)
    }

    /// Raw TCP, where a raw ICMP socket tells of the errors about it.
    fn open_tcp(
        &self,
        family: Family,
        icmp: Result<&ProbeSocket, &NetworkError>,
        ports: &mut Option<Identifiers>,
    ) -> Tried {
        const NO_RAW: NetworkError =
            NetworkError { call: "socket(SOCK_RAW, IPPROTO_ICMP)", errno: libc::EPERM };
        match icmp {
            _ if self.tcp_ports == 0 => Err(NetworkError::NOT_ASKED_FOR),
            Ok(icmp) if icmp.opening.socket == SocketKind::Raw => {
                raw_tcp::open(self, family, ports)
            }
            Ok(_) => Err(NO_RAW),
            Err(error) => Err(error.clone()),
        }
    }

    /// The best rung of the ladder that this process can stand on.
    fn climb(&self, family: Family, missing: &mut Vec<Refused>) -> Tried {
        let rungs = LADDER.iter().filter(|rung| self.forced.is_none_or(|kind| kind == rung.kind));
        let mut reason =
            NetworkError { call: "no such kind of ICMP socket", errno: libc::EOPNOTSUPP };
        for rung in rungs {
            match (rung.open)(self, family, missing) {
                Ok(socket) => return Ok(socket),
                Err(error) => {
                    // An option that this socket may not have says nothing of the next kind.
                    let is_final = !is_refusal(error.errno) || !error.call.starts_with("socket");
                    missing.push(Refused { family, socket: rung.kind, error: error.clone() });
                    reason = error;
                    if is_final {
                        break;
                    }
                }
            }
        }
        Err(reason)
    }
}

/// A socket, or why there is none.
type Tried = Result<ProbeSocket, NetworkError>;

/// One method: what it opens, given what of the better ones could not be had.
struct Rung {
    kind: SocketKind,
    open: fn(&OpenRequest, Family, &[Refused]) -> Tried,
}

/// The methods of ICMP, best first.
const LADDER: &[Rung] = &[
    Rung { kind: SocketKind::Raw, open: raw_icmp::open },
    Rung { kind: SocketKind::IcmpDatagram, open: datagram::open },
];

/// Whether an error number says that this kind of socket is not for us, so that the next may be.
const fn is_refusal(errno: i32) -> bool {
    matches!(
        errno,
        libc::EPERM | libc::EACCES | libc::ENOSYS | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT
    )
}
