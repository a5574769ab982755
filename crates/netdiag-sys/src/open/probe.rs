//! What all sockets that probes leave by have in common.

use super::{DontFragment, OpenRequest};
use crate::control::ControlBuffer;
use crate::raw::{self, Outgoing};
use crate::{address, privileges};
use netdiag_engine::port::{Control, NetworkError, Opening, UNTOLD_SENDS};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Family};
use socket2::Socket;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

/// `SO_TIMESTAMPING` and its flags (Documentation/networking/timestamping.rst).
const SO_TIMESTAMPING: i32 = 37;
const STAMP_FLAGS: i32 = (libc::SOF_TIMESTAMPING_TX_SOFTWARE
    | libc::SOF_TIMESTAMPING_RX_SOFTWARE
    | libc::SOF_TIMESTAMPING_SOFTWARE
    | libc::SOF_TIMESTAMPING_OPT_TSONLY) as i32;
/// A stamp also when a packet comes to the interface's queue, whatever its driver knows.
const STAMP_QUEUED: i32 = libc::SOF_TIMESTAMPING_TX_SCHED as i32;
const STAMP_ID: i32 = libc::SOF_TIMESTAMPING_OPT_ID as i32;
const SO_RXQ_OVFL: i32 = 40;

/// What is lost where a packet that came to an interface's queue is known to have come so far.
const QUIET_DROPS: &str = "sends that a full queue of this machine or its firewall dropped while a \
                           neighbour was looked for";

/// `IP_RECVERR_RFC4884` and `IPV6_RECVERR_RFC4884` (Linux 5.9): errors keep their extensions.
const IP_RECVERR_RFC4884: i32 = 26;
const IPV6_RECVERR_RFC4884: i32 = 31;

/// `IPV6_FLOWLABEL_MGR` of linux/in6.h.
const IPV6_FLOWLABEL_MGR: i32 = 32;

/// Room for the replies to a burst of thousands while we do not run.
const RECEIVE_BUFFER: usize = 4 << 20;

/// An open socket and what is known of it.
pub(crate) struct ProbeSocket {
    socket: Socket,
    pub(crate) family: Family,
    pub(crate) opening: Opening,
    pub(crate) stamp_keys: StampKeys,
    has_stamps: bool,
    /// Of raw TCP: sockets that keep its ports from everybody else, none where those of the other family
    /// do.
    pub(crate) reserved: Option<Vec<Socket>>,
    /// It is read even if nothing is sent by it.
    pub(crate) only_listens: bool,
    /// Whether it sends past every router (SO_DONTROUTE), which only IPv4 does.
    pub(crate) is_direct: bool,
    /// Whether each packet that comes past this machine's firewall has a stamp that says so: for
    /// sockets whose sends succeed all the same.
    pub(crate) tells_departures: bool,
}

/// How the kernel says to which packet a send stamp belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StampKeys {
    /// We name each packet (SCM_TS_OPT_ID, Linux 6.13).
    Named,
    /// The kernel counts packets. Whether a packet that failed is counted depends on where it
    /// failed, so after a failure the count is started again.
    Counted,
}

impl ProbeSocket {
    /// Takes an open socket whose options are set, but for those of [`finish`](Self::finish).
    pub(super) fn new(
        socket: Socket,
        family: Family,
        opening: Opening,
        request: &OpenRequest,
    ) -> Self {
        Self {
            socket,
            family,
            opening,
            stamp_keys: StampKeys::Counted,
            has_stamps: !request.user_stamps,
            is_direct: request.direct && family == Family::Ipv4,
            tells_departures: false,
            only_listens: false,
            reserved: None,
        }
    }

    /// Asks for all that the kernel can tell of a packet, which takes no right: without it the socket
    /// still measures, and says less.
    pub(super) fn finish(&mut self, request: &OpenRequest) {
        let is_raw = self.opening.socket == SocketKind::Raw;
        ask_for_news(&self.socket, self.family, !is_raw);
        let (socket, family, has_stamps) = (&self.socket, self.family, self.has_stamps);
        if !request.counted_stamps && knows_stamp_names(socket, family, self.is_udp()) {
            self.stamp_keys = StampKeys::Named;
        }
        // The kernel ignores what becomes of the packet (ping_v6_sendmsg in net/ipv6/ping.c).
        let is_silent = self.opening.socket == SocketKind::IcmpDatagram && family == Family::Ipv6;
        if is_silent && has_stamps && self.stamp_keys == StampKeys::Named {
            let flags = STAMP_FLAGS | STAMP_ID | STAMP_QUEUED;
            let set = raw::set_int(self.as_fd(), libc::SOL_SOCKET, SO_TIMESTAMPING, flags);
            self.tells_departures = set.is_ok();
        }
        if is_silent {
            let lost = if self.tells_departures { QUIET_DROPS } else { UNTOLD_SENDS };
            self.opening.lost.push(lost.to_owned());
        }
    }

    /// Whether what leaves by it is the payload of UDP datagrams, not ICMP messages.
    pub(crate) fn is_udp(&self) -> bool {
        self.opening.socket == SocketKind::UdpErrorQueue
    }

    /// Whether what leaves by it are segments of TCP.
    pub(crate) fn is_tcp(&self) -> bool {
        self.reserved.is_some()
    }

    /// The firewall mark of what leaves by it.
    pub(super) fn mark(&self) -> u32 {
        let mut bytes = [0; 4];
        match raw::get_bytes(self.as_fd(), libc::SOL_SOCKET, libc::SO_MARK, &mut bytes) {
            Ok(_) => u32::from_ne_bytes(bytes),
            Err(_) => 0,
        }
    }

    /// Starts the kernel's count of send stamps from 0 again.
    pub(crate) fn restart_stamp_count(&self) {
        if !self.has_stamps {
            return;
        }
        let set = |flags| {
            // The options were accepted before; and without stamps the user's clock stands.
            let _ = raw::set_int(self.as_fd(), libc::SOL_SOCKET, SO_TIMESTAMPING, flags);
        };
        set(STAMP_FLAGS);
        set(STAMP_FLAGS | STAMP_ID);
    }
}

impl AsFd for ProbeSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A `NetworkError` of this call.
pub(super) fn error(call: &'static str) -> impl Fn(io::Error) -> NetworkError {
    move |error| NetworkError { call, errno: error.raw_os_error().unwrap_or(libc::EIO) }
}

/// Asks for stamps. The kernel turns them on for the whole machine some time after the first socket
/// has asked, so this comes before everything else.
pub(super) fn ask_for_stamps(socket: &Socket, request: &OpenRequest) {
    if request.user_stamps {
        return;
    }
    // Without stamps the user's clock stands.
    let _ = raw::set_int(socket.as_fd(), libc::SOL_SOCKET, SO_TIMESTAMPING, STAMP_FLAGS | STAMP_ID);
}

/// Sets the buffers, and what was asked for: what may need a right. Only the latter can fail.
pub(super) fn set_options(
    socket: &Socket,
    request: &OpenRequest,
    family: Family,
) -> Result<(), NetworkError> {
    set_buffers(socket.as_fd(), request);
    set_requested(socket.as_fd(), request, family)
}

/// Asks for what the kernel knows of each packet; of an error with its extensions, where the error
/// queue is all that there is.
pub(super) fn ask_for_news(socket: &Socket, family: Family, extensions: bool) {
    let options: &[(i32, i32)] = match family {
        Family::Ipv4 => &[
            (libc::SOL_IP, libc::IP_RECVTTL),
            (libc::SOL_IP, libc::IP_PKTINFO),
            (libc::SOL_IP, libc::IP_RECVERR),
            // Kernels before 5.9 do not know it; errors then lack their extensions.
            (libc::SOL_IP, IP_RECVERR_RFC4884),
        ],
        Family::Ipv6 => &[
            (libc::SOL_IPV6, libc::IPV6_RECVHOPLIMIT),
            (libc::SOL_IPV6, libc::IPV6_RECVPKTINFO),
            (libc::SOL_IPV6, libc::IPV6_RECVERR),
            (libc::SOL_IPV6, IPV6_RECVERR_RFC4884),
        ],
    };
    let wanted = options.len() - usize::from(!extensions);
    for (level, name) in options.iter().take(wanted) {
        let _ = raw::set_int(socket.as_fd(), *level, *name, 1);
    }
    let _ = raw::set_int(socket.as_fd(), libc::SOL_SOCKET, SO_RXQ_OVFL, 1);
}

/// Sets buffer sizes beyond the limits of the system where that is permitted, else within them.
fn set_buffers(fd: BorrowedFd<'_>, request: &OpenRequest) {
    let set = |force, plain, size: usize| {
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        if raw::set_int(fd, libc::SOL_SOCKET, force, size).is_err() {
            let _ = raw::set_int(fd, libc::SOL_SOCKET, plain, size);
        }
    };
    let receive = request.receive_buffer.unwrap_or(RECEIVE_BUFFER);
    set(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, receive);
    if let Some(send) = request.send_buffer {
        set(libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, send);
    }
}

pub(super) fn set_requested(
    fd: BorrowedFd<'_>,
    request: &OpenRequest,
    family: Family,
) -> Result<(), NetworkError> {
    let set = |call, level, name, value| {
        raw::set_int(fd, level, name, value).map_err(|errno| NetworkError { call, errno })
    };
    if request.debug {
        let _ = raw::set_int(fd, libc::SOL_SOCKET, libc::SO_DEBUG, 1);
    }
    if let Some(label) = request.flow_label
        && family == Family::Ipv6
    {
        raw::set_bytes(fd, libc::SOL_IPV6, IPV6_FLOWLABEL_MGR, &lend(label))
            .map_err(|errno| NetworkError { call: "setsockopt(IPV6_FLOWLABEL_MGR)", errno })?;
    }
    if request.ip_options && family == Family::Ipv4 {
        set("setsockopt(IP_RECVOPTS)", libc::SOL_IP, libc::IP_RECVOPTS, 1)?;
    }
    if request.broadcast && family == Family::Ipv4 && privileges::is_root() {
        set("setsockopt(SO_BROADCAST)", libc::SOL_SOCKET, libc::SO_BROADCAST, 1)?;
    }
    if let Some(mark) = request.mark {
        let set = set("setsockopt(SO_MARK)", libc::SOL_SOCKET, libc::SO_MARK, mark.cast_signed());
        match set {
            Err(error) if request.mark_or_none && error.errno == libc::EPERM => {}
            other => other?,
        }
    }
    if let Some(priority) = request.priority {
        let priority = priority.cast_signed();
        set("setsockopt(SO_PRIORITY)", libc::SOL_SOCKET, libc::SO_PRIORITY, priority)?;
    }
    if request.direct {
        set("setsockopt(SO_DONTROUTE)", libc::SOL_SOCKET, libc::SO_DONTROUTE, 1)?;
    }
    if request.no_loopback {
        match family {
            Family::Ipv4 => {
                set("setsockopt(IP_MULTICAST_LOOP)", libc::SOL_IP, libc::IP_MULTICAST_LOOP, 0)?;
            }
            Family::Ipv6 => {
                let call = "setsockopt(IPV6_MULTICAST_LOOP)";
                set(call, libc::SOL_IPV6, libc::IPV6_MULTICAST_LOOP, 0)?;
            }
        }
    }
    match request.dont_fragment {
        Some(mode) => set_fragmentation(fd, mode, family),
        None => Ok(()),
    }
}

/// `struct in6_flowlabel_req` of linux/in6.h: lend this label, make it if need be, to be shared with
/// anybody.
fn lend(label: u32) -> [u8; 32] {
    const SHARED_WITH_ANYBODY: u8 = 255;
    const CREATE: u16 = 1;
    let mut request = [0; 32];
    // A destination must be named, any but ::, and is not looked at.
    request[..16].copy_from_slice(&Ipv6Addr::LOCALHOST.octets());
    request[16..20].copy_from_slice(&label.to_be_bytes());
    request[21] = SHARED_WITH_ANYBODY;
    request[22..24].copy_from_slice(&CREATE.to_ne_bytes());
    request
}

fn set_fragmentation(
    fd: BorrowedFd<'_>,
    mode: DontFragment,
    family: Family,
) -> Result<(), NetworkError> {
    let set = |call, level, name, value| {
        raw::set_int(fd, level, name, value).map_err(|errno| NetworkError { call, errno })
    };
    match family {
        Family::Ipv4 => {
            set("setsockopt(IP_MTU_DISCOVER)", libc::SOL_IP, libc::IP_MTU_DISCOVER, mode.value())
        }
        Family::Ipv6 => {
            let call = "setsockopt(IPV6_MTU_DISCOVER)";
            set(call, libc::SOL_IPV6, libc::IPV6_MTU_DISCOVER, mode.value())?;
            let refuse = i32::from(matches!(mode, DontFragment::Do | DontFragment::Probe));
            set("setsockopt(IPV6_DONTFRAG)", libc::SOL_IPV6, libc::IPV6_DONTFRAG, refuse)
        }
    }
}

impl DontFragment {
    /// The value of IP_MTU_DISCOVER; IPV6_MTU_DISCOVER has the same ones.
    const fn value(self) -> i32 {
        match self {
            Self::Do => libc::IP_PMTUDISC_DO,
            Self::Want => libc::IP_PMTUDISC_WANT,
            Self::Dont => libc::IP_PMTUDISC_DONT,
            Self::Probe => libc::IP_PMTUDISC_PROBE,
        }
    }
}

/// The "port" of getsockname(2): of an ICMP datagram socket its identifier.
pub(super) fn local_port(socket: &Socket) -> Result<u16, NetworkError> {
    let local = socket.local_addr().map_err(error("getsockname"))?;
    let port = local.as_socket().map(|address| address.port());
    port.ok_or(NetworkError { call: "getsockname", errno: libc::EAFNOSUPPORT })
}

/// Whether the kernel lets us name send stamps. Asked with a packet to loopback that cannot leave,
/// since it names an interface that does not exist: EINVAL means that the name was not understood.
fn knows_stamp_names(socket: &Socket, family: Family, is_udp: bool) -> bool {
    /// Discard (RFC 863): port 0 would be EINVAL.
    const PORT: u16 = 9;
    let (loopback, echo): (Destination, u8) = match family {
        Family::Ipv4 => (Destination::V4(Ipv4Addr::LOCALHOST), 8),
        Family::Ipv6 => (Destination::V6(Ipv6Addr::LOCALHOST, 0), 128),
    };
    let nowhere = Control { interface: Some(i32::MAX.cast_unsigned()), ..Control::default() };
    let control = ControlBuffer::new(family, &nowhere, Some(0));
    let (name, len) = address::encode(loopback, if is_udp { PORT } else { 0 });
    let message = Outgoing {
        name: name.get(..len).unwrap_or_default(),
        control: control.as_bytes(),
        bytes: &[echo, 0, 0, 0, 0, 0, 0, 0],
    };
    matches!(raw::send(socket.as_fd(), &message), Err(errno) if errno != libc::EINVAL)
}
