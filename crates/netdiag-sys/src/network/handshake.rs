//! What became of a connection's SYNs on this machine. The kernel tells connect(2) nothing of a SYN
//! that a rule in its own output hook dropped, and a reset that such a rule makes looks like one of
//! the target.
//!
//! The first leaves a trace on the connection's own socket when the SYN is sent again.
//!
//! The second comes within connect(2), as that of a target can only where it is on this machine, in a
//! container say. Then the connection is tried again. Where nothing comes by the loopback interface,
//! and it is refused all the same, that is the target's doing, and no time is lost. Else sockets try
//! that take no packet with a TTL below 255 (RFC 5082): no reset of a rule ends those. Where something
//! comes by the loopback interface then, while the driver of the way out takes nothing and nothing of
//! the connection waits for it, the SYN got no further than a rule here.
//!
//! Between the two, what becomes of the last try is waited for. A SYN that is sent again and kept back
//! tells of a rule. One that leaves says nothing of the first, since rules change and have limits: who
//! refused that is then not known. (A filter on the socket that tells by which interface a reset came
//! would be simpler, but Linux 6.18 gives a TCP socket none without CAP_NET_ADMIN; and one that is
//! bound to an interface takes such a reset all the same.)

use super::begin::{Deaf, open};
use super::memory;
use super::tcp_info::Block;
use crate::{clock, interfaces};
use netdiag_engine::port::{Connect, Control};
use netdiag_model::{Destination, Instant, Stamp, Way};
use netdiag_sockets::layout;
use socket2::{Domain, SockAddr, Socket, Type};
use std::net::{SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;
use std::time::Duration;

/// A SYN is sent again after 1 s (RFC 6298 section 2), or as much later as the kernel's timers are
/// coarse.
const SENT_AGAIN: Duration = Duration::from_millis(1_020);
const COARSE: Duration = Duration::from_millis(50);
/// How often it is looked whether what has left once was kept back later.
const LATER_LOOKS: Duration = Duration::from_millis(100);

/// How often at most it is looked for: what comes by the loopback interface may be others'.
const TRIES: usize = 3;

/// `TCP_SYN_SENT`, `TCP_CLOSE` and `TCP_CA_CWR` (net/tcp_states.h, linux/tcp.h).
const SYN_SENT: u8 = 2;
const CLOSED: u8 = 7;
const REDUCED: u8 = 2;

/// A connection that is being opened, watched for what this machine did with it.
pub(crate) struct Handshake {
    next_look: Instant,
    /// The queue of the interface had no room for the first SYN.
    queue_was_full: bool,
    /// How often its SYN was sent again, and left.
    sent_again: u32,
}

impl Handshake {
    /// Of a connection that was started just now.
    pub(super) fn new(state: Option<&State>, now: Instant) -> Self {
        // The kernel takes a full queue of its own for a congested network.
        let queue_was_full = state.is_some_and(|state| state.congestion == REDUCED);
        Self { next_look: now + SENT_AGAIN, queue_was_full, sent_again: 0 }
    }

    /// Of the connection of this socket, which was started just now.
    pub(crate) fn of(socket: &Socket, now: Instant) -> Self {
        Self::new(State::of(socket).as_ref(), now)
    }

    /// When to [`look`](Self::look) again.
    pub(crate) const fn next_look(&self) -> Instant {
        self.next_look
    }

    /// How often its SYN was sent again, and left, at the last look.
    pub(super) const fn sent_again(&self) -> u32 {
        self.sent_again
    }

    /// What became of its SYNs so far.
    pub(crate) fn look(&mut self, socket: &Socket, now: Instant) -> Verdict {
        let Some(state) = State::of(socket) else {
            self.next_look = Instant::FAR;
            return Verdict::Open;
        };
        self.next_look = now + if state.timeouts == 0 { COARSE } else { LATER_LOOKS };
        if state.was_kept_back() {
            let errno = if self.queue_was_full { libc::ENOBUFS } else { libc::EPERM };
            return Verdict::KeptBack(errno);
        }
        self.sent_again = if state.sent_again > 0 { state.retransmits } else { 0 };
        if state.sent_again > 0 { Verdict::Left } else { Verdict::Open }
    }
}

/// What became of the SYNs of a connection that is being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not known.
    Open,
    /// The one that was sent again did not leave, for this error number.
    KeptBack(i32),
    /// The one that was sent again left.
    Left,
}

/// By which error number a connection ended that was started just now, and when, if it did: by a reset
/// that the kernel took in within connect(2), before it was open or right after. Takes the error off
/// the socket.
pub(super) fn ended_at_once(state: Option<&State>, socket: &Socket) -> Option<(i32, Stamp)> {
    state.filter(|state| state.is_closed())?;
    let error = socket.take_error().ok().flatten()?;
    error.raw_os_error().map(|errno| (errno, Stamp::user(clock::now())))
}

/// Who refused a connection at once.
#[derive(Debug)]
pub(super) enum Refuser {
    /// The destination.
    Target,
    /// A rule of this machine's own firewall.
    Here,
    /// Either. What becomes of this socket tells more.
    Unclear(Socket),
}

/// Who refused a connection that was refused at once. To know, it is tried again: as before, and where a
/// reset may have been made here by sockets that such a one cannot end.
pub(super) fn refuser(connect: &Connect) -> Refuser {
    if is_own(connect.destination) {
        return Refuser::Target;
    }
    let once_more = || refused_outside(connect).unwrap_or(Refuser::Target);
    let before = interfaces::looped();
    let first = once_more();
    if interfaces::looped() == before {
        return first;
    }
    let Control { source, interface, .. } = connect.control;
    let way = interfaces::way(connect.destination, source, interface).ok();
    let mut certain = 0;
    let mut last = None;
    for _ in 0..TRIES {
        let Some((socket, stayed_here)) = tried_again(connect, way) else { break };
        certain += usize::from(stayed_here);
        last = Some(socket);
    }
    match last {
        // A rule may be gone by now, or let pass what is above its limit.
        _ if certain > 0 => Refuser::Here,
        Some(socket) => Refuser::Unclear(socket),
        // Whatever came by the loopback interface may have been another's.
        None => once_more(),
    }
}

/// The destination, if it refuses once more at once; `None` where there is no socket to try it with.
fn refused_outside(connect: &Connect) -> Option<Refuser> {
    let again = open(connect, Deaf::ToNothing).ok()?;
    let ended = ended_at_once(State::of(&again).as_ref(), &again);
    let refused = ended.is_some_and(|(errno, _)| errno == libc::ECONNREFUSED);
    Some(if refused { Refuser::Target } else { Refuser::Unclear(again) })
}

/// One more try, and whether it is certain that its SYN came to no driver; `None` where a reset did not
/// come by the loopback interface.
fn tried_again(connect: &Connect, way: Option<Way>) -> Option<(Socket, bool)> {
    let sent = || interfaces::sent_by(way?.interface);
    let (sent_before, looped_before) = (sent(), interfaces::looped()?);
    let socket = open(connect, Deaf::ToResets).ok()?;
    if interfaces::looped()? == looped_before || State::of(&socket)?.state != SYN_SENT {
        return None;
    }
    let stayed_here = memory::waiting(socket.as_fd()) == Some(0)
        && sent_before.is_some()
        && sent() == sent_before;
    Some((socket, stayed_here))
}

/// Whether an address is one of this machine, which refuses over the loopback interface, too. True of
/// every address where `net.ipv4.ip_nonlocal_bind` is set.
fn is_own(destination: Destination) -> bool {
    let (domain, address) = match destination {
        Destination::V4(v4) => (Domain::IPV4, SocketAddr::new(v4.into(), 0)),
        Destination::V6(v6, scope) => (Domain::IPV6, SocketAddrV6::new(v6, 0, 0, scope).into()),
    };
    let socket = Socket::new(domain, Type::STREAM, None);
    socket.is_ok_and(|socket| socket.bind(&SockAddr::from(address)).is_ok())
}

/// The part of `struct tcp_info` (linux/tcp.h) that tells of a handshake.
pub(super) struct State {
    state: u8,
    congestion: u8,
    /// How often the retransmission timer ran out.
    timeouts: u8,
    /// How many of the segments that are not acknowledged were sent again, and left.
    sent_again: u32,
    /// How often a segment was to be sent again, left or not.
    retransmits: u32,
}

impl State {
    /// What the kernel tells of a connection now.
    pub(super) fn of(socket: &Socket) -> Option<Self> {
        let found = Block::of(socket)?;
        let block = found.block();
        Some(Self {
            state: block.byte(layout::STATE)?,
            congestion: block.byte(layout::CONGESTION)?,
            timeouts: block.byte(layout::TIMEOUTS)?,
            sent_again: block.word(layout::SENT_AGAIN)?,
            retransmits: block.word(layout::TOTAL_RETRANS)?,
        })
    }

    /// Whether it has ended.
    pub(super) const fn is_closed(&self) -> bool {
        self.state == CLOSED
    }

    /// Whether the SYN that was sent last never left: the timer ran out, each time the SYN was given
    /// to the layer below, and that returned an error. (One that still waits in a queue is not given
    /// again, and not counted as sent again.)
    fn was_kept_back(&self) -> bool {
        self.state == SYN_SENT
            && self.timeouts > 0
            && self.retransmits == u32::from(self.timeouts)
            && self.sent_again == 0
    }
}
