//! Reading a socket's receive queue.

use super::errors::Reading;
use super::lane::{LARGE_MESSAGE, Lane, Shared, receive};
use crate::address;
use crate::control::Ancillary;
use crate::raw::{self, Incoming, MAX_BATCH};
use netdiag_engine::port::{InputKind, Inputs, Message, NetworkError, Received};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Family, Instant};
use std::os::fd::AsFd;

/// The most inputs of one wait, so that a flood does not keep the engine from its timers.
const MOST_INPUTS: usize = 4_096;

/// How far sockets were read; the least is the furthest behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Drained {
    /// There is more; everything up to this stamp was read.
    Until(Instant),
    /// Until they were empty.
    Empty,
}

impl Lane {
    /// Reads the receive queue and the error queue. Before packets are told of, the send stamps
    /// that came before them are.
    pub(super) fn drain(
        &mut self,
        shared: &mut Shared,
        has_error: bool,
        inputs: &mut Inputs,
    ) -> Result<Drained, NetworkError> {
        let mut count = self.expected();
        let mut errors_waiting = has_error;
        let mut drained = 0;
        loop {
            let got = receive(&mut shared.packets, &self.socket, count, 0)?;
            let user = shared.clock.observe();
            if errors_waiting || (got > 0 && self.unstamped.may_come()) {
                let found = self.drain_errors(shared, Reading::Arrivals, inputs)?;
                // They take room from the packets.
                drained += found.entries;
                if errors_waiting && found.entries == 0 && got == 0 {
                    self.clear_error();
                }
                errors_waiting = false;
            }
            let last = self.deliver(shared, user, inputs);
            drained += got;
            if got == MAX_BATCH || self.may_have_overflowed(drained) {
                self.check_drops(self.may_have_overflowed(drained), user, inputs);
            }
            if got < count {
                return Ok(Drained::Empty);
            }
            if inputs.len() >= MOST_INPUTS {
                return Ok(Drained::Until(last));
            }
            count = MAX_BATCH;
        }
    }

    /// Reads the error that stands on the socket without an entry, or poll would return for ever.
    fn clear_error(&self) {
        // Reading is what clears it; there is no packet that it could be told of.
        let _ = raw::get_int(self.socket.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR);
    }

    /// Turns the batch of packets into inputs; returns the last one's stamp.
    fn deliver(&mut self, shared: &mut Shared, user: Instant, inputs: &mut Inputs) -> Instant {
        let mut last = Instant::ZERO;
        let mut drops = None;
        let mut truncated = false;
        for message in shared.packets.messages() {
            if last == Instant::ZERO {
                // What caused these packets left before them, with or without a stamp.
                self.give_up_stamps(Instant::FAR, inputs);
            }
            let ancillary = Ancillary::parse(message.control);
            let stamp = shared.clock.stamp(ancillary.stamp, Instant::ZERO, user, user);
            last = stamp.at;
            drops = ancillary.drops.or(drops);
            truncated |= message.truncated;
            let Some((from, port)) = address::decode(message.name) else {
                continue;
            };
            let received = Received {
                stamp,
                from,
                to: ancillary.to,
                interface: ancillary.interface,
                hop_limit: ancillary.hop_limit,
                options: ancillary.options,
                message: self.message(&message, port),
            };
            inputs.push(stamp.at, InputKind::Received(received));
        }
        if let Some(total) = drops {
            self.note_drops(total, user, inputs);
        }
        if truncated {
            shared.make_room(LARGE_MESSAGE);
        }
        last
    }

    fn message<'a>(&self, message: &Incoming<'a>, port: u16) -> Message<&'a [u8]> {
        if let Some(to) = self.own_port {
            return Message::Answer { from: port, to, bytes: message.bytes };
        }
        match (self.socket.family, self.socket.opening.socket) {
            (_, SocketKind::UdpErrorQueue) => Message::Udp(port, message.bytes),
            (Family::Ipv4, SocketKind::Raw) => Message::Ipv4(message.bytes),
            (Family::Ipv4, _) => Message::Icmpv4(message.bytes),
            (Family::Ipv6, _) if self.socket.is_tcp() => Message::Tcp(message.bytes),
            (Family::Ipv6, _) => Message::Icmpv6(message.bytes),
        }
    }
}
