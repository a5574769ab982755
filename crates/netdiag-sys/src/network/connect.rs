//! Connections that are being opened by the kernel, without waiting.

use super::answers::{Answer, Answers};
use super::begin::{Deaf, any, begin, carry, domain, errno_of, open, unconnected};
use super::flows::Flows;
use super::handshake::{self, Handshake, Refuser, State, Verdict};
use super::marked::Marked;
use super::talks::Talks;
use super::tcp_info;
use crate::control::Ancillary;
use crate::raw::{self, Batch, PollFd};
use crate::{clock, interfaces, names};
use netdiag_engine::port::{
    Connect, Control, InputKind, Inputs, OperationId, Over, Say, SendCause, SendError,
};
use netdiag_model::{Destination, Family, IcmpKind, Instant, Stamp};
use socket2::{Protocol, SockAddr, Socket, Type};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

/// Descriptors kept free for everything else.
const SPARE_DESCRIPTORS: usize = 32;
/// Where there are hardly more: one in so many is for connections.
const FEWEST_SHARE: usize = 4;

/// Connections on their way.
pub(super) struct Connects {
    open: Vec<Connecting>,
    /// Those that are open, and stay so.
    talks: Talks,
    /// Those over UDP, which are open at once.
    flows: Flows,
    most: usize,
    /// What sees the segments that answer them.
    answers: Answers,
    /// Sockets that they have, where these are marked.
    marked: Marked,
}

/// How many connections this process may have at once, by its limit of open files.
#[must_use]
pub fn connections_at_once() -> usize {
    let limit = raw::descriptor_limit();
    limit.saturating_sub(SPARE_DESCRIPTORS).max(limit / FEWEST_SHARE).max(1)
}

struct Connecting {
    id: OperationId,
    destination: Destination,
    ends: Ends,
    /// This end.
    own: Option<SocketAddr>,
    socket: Socket,
    handshake: Handshake,
    /// When the same connection was refused, if it was, by whomever.
    refused: Option<Stamp>,
    /// It stays open once it is, and is.
    stays: bool,
    is_open: bool,
}

/// Between which ends a connection is, beside the local address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) remote: IpAddr,
    pub(super) remote_port: u16,
    pub(super) local_port: u16,
}

/// Who sent an ICMP error: sender, type, code.
type IcmpSource = (IpAddr, u8, u8);

impl Connects {
    pub(super) fn new() -> Self {
        Self {
            open: Vec::new(),
            talks: Talks::default(),
            flows: Flows::default(),
            most: connections_at_once(),
            answers: Answers::default(),
            marked: Marked::default(),
        }
    }

    /// With what was opened for them.
    pub(super) fn with(&mut self, answers: Answers, marked: Marked) {
        (self.answers, self.marked) = (answers, marked);
    }

    /// Tells how far those segments had come that answered since.
    pub(super) fn hear_answers(&mut self, batch: &mut Batch, inputs: &mut Inputs) {
        if !self.open.is_empty() || self.talks.len() > 0 {
            self.tell_answers(None, batch, inputs);
        }
    }

    /// The same, also of one that is just being begun.
    fn tell_answers(
        &self,
        begun: Option<(OperationId, Ends)>,
        batch: &mut Batch,
        inputs: &mut Inputs,
    ) {
        self.answers.read(batch, |answer| {
            let ends = answer.ends();
            let begun = begun.filter(|(_, its)| *its == ends).map(|(id, _)| id);
            let opening = || self.open.iter().find(|one| one.ends == ends).map(|one| one.id);
            if let Some(id) = begun.or_else(opening).or_else(|| self.talks.between(ends)) {
                let Answer { kind, hop_limit, .. } = answer;
                inputs.push(clock::now(), InputKind::Answered { id, kind, hop_limit });
            }
        });
    }

    /// A socket for an exchange, which connects it itself.
    pub(super) fn prepared(&mut self, to: Destination, control: &Control) -> raw::Result<Socket> {
        let family = to.family();
        let socket = match self.marked.is_wanted() {
            true => self.marked.take(family)?,
            false => unconnected(family, Over::Tcp)?,
        };
        carry(&socket, family, control, 0)?;
        Ok(socket)
    }

    /// Starts one. Where there is no descriptor for it, it fails with EMFILE or ENFILE, after which the
    /// engine tries again a little later: a connection that has not begun takes no time.
    pub(super) fn start(&mut self, connect: &Connect, errors: &mut Batch, inputs: &mut Inputs) {
        let there_are = self.open.len() + self.talks.len() + self.flows.len();
        let opened = match there_are < self.most {
            // Marked sockets are those of TCP.
            true if self.marked.is_wanted() && connect.over == Over::Tcp => {
                let socket = self.marked.take(connect.destination.family());
                socket.and_then(|socket| begin(socket, connect, Deaf::ToNothing))
            }
            true => open(connect, Deaf::ToNothing),
            false => Err(libc::EMFILE),
        };
        match opened {
            Ok(socket) if connect.over == Over::Udp => self.flows.start(connect, socket, inputs),
            Ok(socket) => {
                let local = local(&socket);
                if let Some(local) = local {
                    inputs.push(clock::now(), InputKind::Begun { id: connect.id, local });
                }
                self.watch(connect, (socket, local), errors, inputs);
            }
            Err(errno) => {
                let error = SendError {
                    cause: cause(errno, connect.destination, &connect.control, connect.source_port),
                    ..SendError::new(errno)
                };
                push_failed(connect.id, error, None, inputs);
            }
        }
    }

    /// Keeps one that was started, unless it is over already.
    fn watch(
        &mut self,
        connect: &Connect,
        (mut socket, mut own): (Socket, Option<SocketAddr>),
        errors: &mut Batch,
        inputs: &mut Inputs,
    ) {
        let Connect { id, destination, .. } = *connect;
        let mut refused = None;
        let mut state = State::of(&socket);
        let is_closed = state.as_ref().is_some_and(State::is_closed);
        // As in `is_over`, what a router says is read before the error number that stands for it.
        let ends = |own: Option<SocketAddr>| Ends {
            remote: destination.address(),
            remote_port: connect.port,
            local_port: own.map_or(0, |own| own.port()),
        };
        if is_closed {
            self.tell_answers(Some((id, ends(own))), errors, inputs);
        }
        let said = if is_closed { icmp_error(&socket, errors) } else { None };
        if let Some((errno, source)) = said {
            return push_said(id, destination, &socket, (errno, source), inputs);
        }
        if let Some((errno, stamp)) = handshake::ended_at_once(state.as_ref(), &socket) {
            if errno != libc::ECONNREFUSED {
                return push_failed(connect.id, SendError::new(errno), None, inputs);
            }
            refused = Some(stamp);
            if self.marked.is_wanted() {
                // Packets without the mark may go elsewhere, and say nothing of those with it.
                return push_refused(connect.id, stamp, inputs);
            }
            match handshake::refuser(connect) {
                Refuser::Target => return push_refused(connect.id, stamp, inputs),
                Refuser::Here => {
                    return push_failed(connect.id, SendError::new(libc::EPERM), None, inputs);
                }
                Refuser::Unclear(again) => {
                    inputs.push(stamp.at, InputKind::Refused { id });
                    socket = again;
                    (state, own) = (State::of(&socket), local(&socket));
                }
            }
        }
        let handshake = Handshake::new(state.as_ref(), clock::now());
        let (stays, is_open) = (connect.stays, false);
        let ends = ends(own);
        let one =
            Connecting { id, destination, ends, own, socket, handshake, refused, stays, is_open };
        self.open.push(one);
    }

    /// Forgets one.
    pub(super) fn close(&mut self, id: OperationId) {
        self.open.retain(|connecting| connecting.id != id);
        self.talks.close(id);
        self.flows.close(id);
    }

    /// Sends bytes over one that stays open.
    pub(super) fn say(&mut self, say: &Say<&[u8]>, errors: &mut Batch, inputs: &mut Inputs) {
        let Say { id, bytes } = *say;
        if !self.flows.say(id, bytes, errors, inputs) {
            self.talks.say(id, bytes, inputs);
        }
    }

    /// Ends one that stays open, and says so.
    pub(super) fn hang_up(&mut self, id: OperationId, inputs: &mut Inputs) {
        if !self.flows.hang_up(id, inputs) {
            self.talks.hang_up(id, inputs);
        }
    }

    /// What to poll for.
    pub(super) fn poll_set(&self) -> impl Iterator<Item = PollFd> {
        let opening = self.open.iter();
        let opening = opening.map(|connecting| PollFd::new(connecting.socket.as_fd(), true));
        opening.chain(self.talks.poll_set()).chain(self.flows.poll_set())
    }

    /// Looks at those that the poll found ready, given in the order of [`poll_set`](Self::poll_set).
    pub(super) fn finish(&mut self, polled: &[PollFd], errors: &mut Batch, inputs: &mut Inputs) {
        let (opening, talking) = polled.split_at(self.open.len().min(polled.len()));
        let (talking, flowing) = talking.split_at(self.talks.len().min(talking.len()));
        self.talks.finish(talking, inputs);
        self.flows.finish(flowing, errors, inputs);
        let mut opening = opening.iter();
        let over = self.open.extract_if(.., |connecting| {
            let ready = opening.next().filter(|polled| polled.is_ready());
            ready.is_some_and(|polled| connecting.is_over(*polled, errors, inputs))
        });
        for Connecting { id, ends, socket, .. } in over.filter(|one| one.is_open && one.stays) {
            self.talks.take(id, ends, socket);
        }
    }

    /// When to [`look`](Self::look) again.
    pub(super) fn next_look(&self) -> Instant {
        let looks = self.open.iter().map(|connecting| connecting.handshake.next_look());
        looks.min().unwrap_or(Instant::FAR)
    }

    /// Looks at those of which it is time to know whether this machine itself keeps them from
    /// opening.
    pub(super) fn look(&mut self, now: Instant, inputs: &mut Inputs) {
        self.open.retain_mut(|connecting| {
            connecting.handshake.next_look() > now || !connecting.was_kept_here(now, inputs)
        });
    }
}

impl Connecting {
    /// Whether the attempt has ended; then an input says how.
    fn is_over(&mut self, polled: PollFd, errors: &mut Batch, inputs: &mut Inputs) -> bool {
        // An ICMP error ends the attempt for us, though the kernel may keep trying. It must be read
        // before SO_ERROR, which reading the queue clears.
        if polled.has_error()
            && let Some(said) = icmp_error(&self.socket, errors)
        {
            push_said(self.id, self.destination, &self.socket, said, inputs);
            return true;
        }
        // One without an error is open, as the kernel says itself, and spares the question for it.
        if !polled.has_error()
            && polled.is_writable()
            && self.refused.is_none()
            && self.push_connected(inputs)
        {
            return true;
        }
        match self.socket.take_error() {
            Ok(None) if polled.is_writable() => match self.refused {
                Some(stamp) => {
                    push_refused_by_either(self.id, stamp, inputs);
                    true
                }
                None => {
                    if !self.push_connected(inputs) {
                        push_failed(self.id, SendError::new(libc::ENOTCONN), None, inputs);
                    }
                    true
                }
            },
            Ok(None) => false,
            Ok(Some(error)) | Err(error) => {
                match (errno_of(&error), self.refused) {
                    (libc::ECONNREFUSED, Some(stamp)) => push_refused(self.id, stamp, inputs),
                    (errno, _) => push_failed(self.id, SendError::new(errno), None, inputs),
                }
                true
            }
        }
    }

    /// Whether this machine itself kept it from opening; then an input says how.
    fn was_kept_here(&mut self, now: Instant, inputs: &mut Inputs) -> bool {
        let before = self.handshake.sent_again();
        let verdict = self.handshake.look(&self.socket, now);
        let (id, count) = (self.id, self.handshake.sent_again());
        if count > before {
            inputs.push(now, InputKind::SentAgain { id, count });
        }
        match (verdict, self.refused) {
            (Verdict::Open, _) | (Verdict::Left, None) => return self.is_without_neighbour(inputs),
            (Verdict::KeptBack(errno), _) => {
                push_failed(self.id, SendError::new(errno), None, inputs);
            }
            // What refused it then may have been a rule that is gone.
            (Verdict::Left, Some(stamp)) => push_refused_by_either(self.id, stamp, inputs),
        }
        true
    }

    /// Whether the other end, on a link of this machine, is not there; then an input says so, as the kernel
    /// does to connections that leave a link: by an error from the address that the SYN was to leave from.
    fn is_without_neighbour(&self, inputs: &mut Inputs) -> bool {
        // Destination unreachable, address unreachable (RFC 4443 section 3.1).
        const UNREACHABLE: (u8, u8) = (1, 3);
        let Destination::V6(address, scope @ 1..) = self.destination else { return false };
        let Some(own) = local(&self.socket).filter(|_| interfaces::is_gone(address, scope)) else {
            return false;
        };
        let said = (own.ip(), UNREACHABLE.0, UNREACHABLE.1);
        push_said(self.id, self.destination, &self.socket, (libc::EHOSTUNREACH, said), inputs);
        true
    }

    /// Tells that it is open, if it is.
    fn push_connected(&mut self, inputs: &mut Inputs) -> bool {
        let stamp = Stamp::user(clock::now());
        let (info, is_open) = match tcp_info::of_open(&self.socket) {
            Some((info, is_open)) => (Some(info), is_open),
            None => (None, self.socket.peer_addr().is_ok()),
        };
        let Some(local) = self.own.or_else(|| local(&self.socket)).filter(|_| is_open) else {
            return false;
        };
        self.is_open = true;
        inputs.push(stamp.at, InputKind::Connected { id: self.id, stamp, local, info });
        true
    }
}

/// The local end of a connection.
pub(super) fn local(socket: &Socket) -> Option<SocketAddr> {
    socket.local_addr().ok()?.as_socket()
}

/// An ICMP error ended it.
fn push_said(
    id: OperationId,
    destination: Destination,
    socket: &Socket,
    (errno, source): (i32, IcmpSource),
    inputs: &mut Inputs,
) {
    match is_own_rule(destination, socket, source) {
        true => push_failed(id, SendError::new(libc::EPERM), None, inputs),
        false => push_failed(id, SendError::new(errno), Some(source), inputs),
    }
}

/// Whether an ICMP error was made by a rule of this machine's firewall: it is from the address that the
/// SYN was to leave from. That a neighbour was not found comes from there, too.
pub(super) fn is_own_rule(
    to: Destination,
    socket: &Socket,
    (from, kind, code): IcmpSource,
) -> bool {
    let kind = IcmpKind { family: to.family(), kind, code };
    from != to.address()
        && local(socket).is_some_and(|local| local.ip() == from)
        && kind.reason() != "host-unreachable"
}

/// It was refused at that time, by the destination or by this machine.
fn push_refused_by_either(id: OperationId, stamp: Stamp, inputs: &mut Inputs) {
    let error = SendError { unseen: true, ..SendError::new(libc::ECONNREFUSED) };
    inputs.push(stamp.at, InputKind::ConnectFailed { id, stamp, error, icmp: None });
}

/// It was refused by the destination, at that time.
fn push_refused(id: OperationId, stamp: Stamp, inputs: &mut Inputs) {
    let error = SendError::new(libc::ECONNREFUSED);
    inputs.push(stamp.at, InputKind::ConnectFailed { id, stamp, error, icmp: None });
}

fn push_failed(id: OperationId, error: SendError, icmp: Option<IcmpSource>, inputs: &mut Inputs) {
    let stamp = Stamp::user(clock::now());
    inputs.push(stamp.at, InputKind::ConnectFailed { id, stamp, error, icmp });
}

/// What lies behind an error number that has several meanings.
pub(super) fn cause(errno: i32, to: Destination, control: &Control, port: u16) -> SendCause {
    let (source, family) = (control.source, to.family());
    match (errno, port) {
        (libc::EADDRNOTAVAIL, _) if source.is_some_and(|source| !names::owns(source)) => {
            SendCause::Source
        }
        (libc::EADDRNOTAVAIL, 0) if !may_bind(family, 0, libc::EADDRINUSE) => SendCause::Ports,
        (libc::EADDRNOTAVAIL, _) if !names::has_family(family) => SendCause::NoFamily(family),
        (libc::EADDRNOTAVAIL | libc::EADDRINUSE, 1..) => SendCause::OwnPort,
        (libc::EACCES, 1..) if !may_bind(family, port, libc::EACCES) => SendCause::OwnPort,
        _ => SendCause::Errno,
    }
}

/// Whether the kernel gives another TCP socket this local port, 0: any, or refuses it by another error.
fn may_bind(family: Family, port: u16, error: i32) -> bool {
    let Ok(socket) = Socket::new(domain(family), Type::STREAM, Some(Protocol::TCP)) else {
        return true;
    };
    let bound = socket.bind(&SockAddr::from(SocketAddr::new(any(family), port)));
    bound.map_or_else(|met| errno_of(&met) != error, |()| true)
}

/// The last ICMP error on a socket's error queue.
fn icmp_error(socket: &Socket, errors: &mut Batch) -> Option<(i32, IcmpSource)> {
    const FEW: usize = 4;
    errors.receive(socket.as_fd(), FEW, libc::MSG_ERRQUEUE).ok()?;
    let found = errors.messages().filter_map(|message| {
        let error = Ancillary::parse(message.control).error?;
        let is_icmp = matches!(error.origin, libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6);
        // A SYN is never too big, and the kernel deals with a new path MTU itself.
        let offender = error.offender.filter(|_| is_icmp && error.errno != libc::EMSGSIZE)?;
        Some((error.errno, (offender.address(), error.kind, error.code)))
    });
    found.last()
}
