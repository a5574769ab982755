//! Opening sockets: one for each family, by the best method that this process may use.

mod datagram;
mod icmp;
mod raw_icmp;

pub(crate) use icmp::{IcmpSocket, StampKeys};

use crate::network::SystemNetwork;
use caps::{CapSet, Capability};
use netdiag_engine::port::{NetworkError, Opened};
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
    /// Whether packets to broadcast addresses may leave (SO_BROADCAST, socket(7)).
    pub broadcast: bool,
    /// What the kernel does about packets larger than the path (IP_MTU_DISCOVER, ip(7)).
    pub dont_fragment: Option<DontFragment>,
    /// The firewall mark of every packet (SO_MARK, socket(7)); needs CAP_NET_ADMIN or, since Linux
    /// 5.17, CAP_NET_RAW.
    pub mark: Option<u32>,
    /// The queueing priority of every packet (SO_PRIORITY, socket(7)); above 6 needs
    /// CAP_NET_ADMIN.
    pub priority: Option<u32>,
    /// The receive buffer in bytes, 4 MiB where not given. The kernel doubles it for its own use;
    /// without CAP_NET_ADMIN it cuts it to net.core.rmem_max.
    pub receive_buffer: Option<usize>,
    /// The send buffer in bytes, under the same rules (net.core.wmem_max).
    pub send_buffer: Option<usize>,
    /// Only this kind of socket, whatever the ladder says; for tests.
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
    /// Opens a socket for each family. A family that cannot be opened is an `Err` in
    /// [`Opened`], not here: nothing that this returns depends on the other family.
    ///
    /// Call it before [`crate::privileges::drop_all`] and before other threads are started. A
    /// CAP_NET_RAW that is permitted but not effective, as a file capability `+p` gives it, is
    /// raised while the sockets are opened.
    #[must_use]
    pub fn open(&self) -> SystemNetwork {
        let (ipv4, ipv6) =
            with_net_raw(|| (self.open_family(Family::Ipv4), self.open_family(Family::Ipv6)));
        let opened = Opened {
            ipv4: ipv4.as_ref().map(|socket| socket.opening.clone()).map_err(Clone::clone),
            ipv6: ipv6.as_ref().map(|socket| socket.opening.clone()).map_err(Clone::clone),
        };
        SystemNetwork::new(opened, ipv4.ok(), ipv6.ok())
    }

    /// The best rung of the ladder that this process can stand on.
    fn open_family(&self, family: Family) -> Result<IcmpSocket, NetworkError> {
        if self.family.is_some_and(|only| only != family) {
            return Err(NetworkError { call: "not asked for", errno: libc::EAFNOSUPPORT });
        }
        let rungs = LADDER.iter().filter(|rung| self.forced.is_none_or(|kind| kind == rung.kind));
        let mut reason =
            NetworkError { call: "no such kind of ICMP socket", errno: libc::EOPNOTSUPP };
        let mut missing = Vec::new();
        for rung in rungs {
            match (rung.open)(self, family, &missing) {
                Ok(socket) => return Ok(socket),
                Err(error) if is_refusal(error.errno) => {
                    missing.push(error.errno);
                    reason = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(reason)
    }
}

/// One method: what it opens, given the errors of the better ones.
struct Rung {
    kind: SocketKind,
    open: fn(&OpenRequest, Family, &[i32]) -> Result<IcmpSocket, NetworkError>,
}

/// The methods, best first.
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

/// Does something with CAP_NET_RAW effective, where it is permitted.
pub(crate) fn with_net_raw<T>(body: impl FnOnce() -> T) -> T {
    let raised = raise_net_raw();
    let done = body();
    if raised {
        // A failure leaves a right that `drop_all` takes away in any case.
        let _ = caps::drop(None, CapSet::Effective, Capability::CAP_NET_RAW);
    }
    done
}

/// Makes CAP_NET_RAW effective where it is only permitted; returns whether it did.
fn raise_net_raw() -> bool {
    let has = |set| caps::has_cap(None, set, Capability::CAP_NET_RAW).unwrap_or(false);
    has(CapSet::Permitted)
        && !has(CapSet::Effective)
        && caps::raise(None, CapSet::Effective, Capability::CAP_NET_RAW).is_ok()
}

/// Whether CAP_NET_RAW is effective in this thread.
fn has_net_raw() -> bool {
    caps::has_cap(None, CapSet::Effective, Capability::CAP_NET_RAW).unwrap_or(false)
}
