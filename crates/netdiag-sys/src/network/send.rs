//! Sending datagrams, one by one or many in one call.

use super::errors::Reading;
use super::lane::{LARGE_MESSAGE, Lane, Shared};
use super::memory;
use super::queue::{Discards, Trace};
use crate::address::{self, Name};
use crate::control::ControlBuffer;
use crate::names;
use crate::open::StampKeys;
use crate::raw::{self, MAX_BATCH, Outgoing};
use netdiag_engine::port::{
    Channel, InputKind, Inputs, NetworkError, OperationId, SendCause, SendError, Transmit,
};
use netdiag_model::{Destination, Instant};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::AsFd;

/// How often a send is tried again while errors of earlier packets come in its way.
const RETRIES: usize = 3;

/// What is no larger leaves in one piece by every link: the least MTU of IPv6 less its header (RFC 8200
/// section 5).
const WHOLE: usize = 1_240;

/// A datagram as the kernel takes it.
pub(super) struct Prepared<'a> {
    pub(super) id: OperationId,
    pub(super) to: Destination,
    name: Name,
    name_len: usize,
    control: ControlBuffer,
    source: Option<IpAddr>,
    bytes: &'a [u8],
}

impl<'a> Prepared<'a> {
    /// One that only has its name.
    #[cfg(test)]
    pub(super) fn to_nowhere(id: OperationId, to: Destination) -> Self {
        let (name, name_len) = address::encode(to, 0);
        let control = ControlBuffer::new(to.family(), &Default::default(), None);
        Prepared { id, to, name, name_len, control, source: None, bytes: &[] }
    }

    fn outgoing(&'a self) -> Outgoing<'a> {
        Outgoing {
            name: self.name.get(..self.name_len).unwrap_or_default(),
            control: self.control.as_bytes(),
            bytes: self.bytes,
        }
    }
}

impl Lane {
    /// Lays out one datagram for the kernel.
    pub(super) fn prepare<'a>(&self, transmit: &Transmit<&'a [u8]>) -> Prepared<'a> {
        let key = match self.socket.stamp_keys {
            StampKeys::Named => Some(transmit.id.0),
            StampKeys::Counted => None,
        };
        let port = match transmit.channel {
            Channel::Udp { port } | Channel::Query { port } => port,
            Channel::Icmp | Channel::Tcp => 0,
        };
        let (name, name_len) = address::encode(scoped(transmit), port);
        Prepared {
            id: transmit.id,
            to: transmit.destination,
            name,
            name_len,
            control: ControlBuffer::new(self.socket.family, &transmit.control, key),
            source: transmit.control.source,
            bytes: transmit.bytes,
        }
    }

    /// Sends one datagram. A failure becomes an input.
    pub(super) fn send_one(
        &mut self,
        shared: &mut Shared,
        prepared: &Prepared<'_>,
        inputs: &mut Inputs,
    ) -> Result<(), NetworkError> {
        let discarded = |lane: &Self| {
            let discards = lane.discards.as_ref().filter(|_| prepared.bytes.len() > WHOLE);
            discards.and_then(Discards::read)
        };
        let discarded_before = discarded(self);
        let user = self.before_send(shared, &[prepared.bytes.len()]);
        let before = self.waiting();
        match raw::send(self.socket.as_fd(), &prepared.outgoing()) {
            Ok(()) => {
                let trace = Trace::between(before, self.waiting());
                self.departed(prepared, user, trace);
                if discarded(self) > discarded_before {
                    self.unstamped.mark_torn();
                }
            }
            Err(errno) => self.send_failed(shared, prepared, errno, inputs)?,
        }
        Ok(())
    }

    /// Sends many datagrams, [`MAX_BATCH`] in a call. Failures become inputs.
    pub(super) fn send_many(
        &mut self,
        shared: &mut Shared,
        mut prepared: &[Prepared<'_>],
        inputs: &mut Inputs,
    ) -> Result<(), NetworkError> {
        while let Some(first) = prepared.first() {
            let mut outgoing = [Outgoing { name: &[], control: &[], bytes: &[] }; MAX_BATCH];
            let mut largest = 0;
            for (slot, one) in outgoing.iter_mut().zip(prepared) {
                *slot = one.outgoing();
                largest = largest.max(one.bytes.len());
            }
            let chunk = outgoing.get(..prepared.len()).unwrap_or(&outgoing);
            let user = self.before_send(shared, &[largest]);
            match raw::send_many(self.socket.as_fd(), chunk) {
                Ok(left) => {
                    let is_cut_short = left < chunk.len();
                    let (departed, rest) = prepared.split_at(left.min(prepared.len()));
                    departed.iter().for_each(|one| self.departed(one, user, Trace::Unseen));
                    prepared = rest;
                    if is_cut_short && self.socket.stamp_keys == StampKeys::Counted {
                        // The next one failed, perhaps for an earlier one's error, and may be
                        // counted all the same. If the failure is its own it comes again.
                        self.drain_errors(shared, Reading::FailedSend, inputs)?;
                        self.restart_count(inputs);
                    }
                }
                Err(errno) => {
                    self.send_failed(shared, first, errno, inputs)?;
                    prepared = prepared.get(1..).unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    /// What the socket's memory tells, where a full queue must be found out by that.
    fn waiting(&self) -> Option<u32> {
        self.discards.as_ref().and_then(|_| memory::waiting(self.socket.as_fd()))
    }

    /// Queries leave by it, from its port.
    pub(super) fn take_queries(&mut self) {
        self.own_port.get_or_insert(self.socket.opening.identifiers.first);
        self.activate();
    }

    /// Something leaves by it: from now on what comes may be for us.
    fn activate(&mut self) {
        if !self.active {
            self.discards.iter_mut().for_each(Discards::start);
        }
        self.active = true;
    }

    /// Makes room for replies, and reads the clock as the last thing before a send.
    fn before_send(&mut self, shared: &mut Shared, sizes: &[usize]) -> Instant {
        self.activate();
        sizes.iter().for_each(|size| shared.make_room(*size));
        if self.socket.is_udp() {
            // Whatever answers at a port decides itself how much it says.
            shared.make_room(LARGE_MESSAGE);
        }
        shared.clock.observe()
    }

    /// A send returned an error number. It may be that of an earlier packet's ICMP error, which the
    /// kernel hands to whatever call comes next; then the error queue has its own account of it,
    /// and the send is tried again. A failure that is its own is told before what the queue has: a
    /// firewall that rejects also answers the packet that it kept from leaving.
    fn send_failed(
        &mut self,
        shared: &mut Shared,
        prepared: &Prepared<'_>,
        mut errno: i32,
        inputs: &mut Inputs,
    ) -> Result<(), NetworkError> {
        let mut mtu = None;
        for attempt in 0..=RETRIES {
            let found = self.read_errors(shared, Reading::FailedSend, inputs)?;
            mtu = found.local_mtu.filter(|_| errno == libc::EMSGSIZE);
            self.restart_count(inputs);
            let is_stale = mtu.is_none() && comes_from_icmp(errno) && found.remote > 0;
            let is_unclear = attempt == 0 && mtu.is_none() && comes_from_icmp(errno);
            if attempt == RETRIES || !(is_stale || is_unclear) {
                break;
            }
            let user = shared.clock.observe();
            match raw::send(self.socket.as_fd(), &prepared.outgoing()) {
                Ok(()) => {
                    self.tell_errors(shared, inputs);
                    self.departed(prepared, user, Trace::Unseen);
                    return Ok(());
                }
                Err(again) => errno = again,
            }
        }
        let direct = self.socket.is_direct && errno == libc::ENETUNREACH;
        let cause = self.cause(errno, prepared);
        let error = SendError { mtu, direct, cause, ..SendError::new(errno) };
        let failed = InputKind::SendFailed { id: prepared.id, error };
        inputs.push(shared.clock.observe(), failed);
        self.tell_errors(shared, inputs);
        Ok(())
    }

    /// What lies behind an error number that has several meanings.
    fn cause(&self, errno: i32, prepared: &Prepared<'_>) -> SendCause {
        match errno {
            libc::ENOBUFS if self.has_no_room(prepared.bytes.len()) => SendCause::SendBuffer,
            libc::EINVAL | libc::EADDRNOTAVAIL
                if prepared.source.is_some_and(|source| !names::owns(source)) =>
            {
                SendCause::Source
            }
            _ => SendCause::Errno,
        }
    }

    /// Whether what waits on this machine and so many bytes more are above the socket's send buffer.
    fn has_no_room(&self, bytes: usize) -> bool {
        let socket = self.socket.as_fd();
        let room = raw::get_int(socket, libc::SOL_SOCKET, libc::SO_SNDBUF).ok();
        let room = room.and_then(|room| usize::try_from(room).ok());
        let waiting = memory::waiting(socket).and_then(|waiting| usize::try_from(waiting).ok());
        room.is_some_and(|room| waiting.unwrap_or_default() + bytes > room)
    }

    /// After a failure nobody knows whether the kernel counted the packet.
    fn restart_count(&mut self, inputs: &mut Inputs) {
        if self.socket.stamp_keys == StampKeys::Counted {
            self.give_up_stamps(Instant::FAR, inputs);
            self.socket.restart_stamp_count();
            self.unstamped.restart_count();
        }
    }
}

/// The destination with the interface that it is to be reached by, where an address means nothing
/// without one: an ICMPv6 datagram socket looks for it nowhere else.
fn scoped(transmit: &Transmit<&[u8]>) -> Destination {
    match (transmit.destination, transmit.control.interface) {
        (Destination::V6(address, 0), Some(index)) if needs_scope(address) => {
            Destination::V6(address, index)
        }
        (destination, _) => destination,
    }
}

/// Whether an address is one of a link or an interface (RFC 4007 section 4).
fn needs_scope(address: Ipv6Addr) -> bool {
    const SCOPE: u16 = 0xf;
    const LINK_LOCAL: u16 = 2;
    let [first, ..] = address.segments();
    address.is_unicast_link_local()
        || address.is_multicast() && (1..=LINK_LOCAL).contains(&(first & SCOPE))
}

/// Whether an ICMP error of an earlier packet can be the reason for this error number.
const fn comes_from_icmp(errno: i32) -> bool {
    matches!(
        errno,
        libc::ECONNREFUSED
            | libc::EHOSTUNREACH
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::ENONET
            | libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
            | libc::EPROTO
            | libc::EACCES
            | libc::EMSGSIZE
    )
}
