//! Reading a socket's error queue: send stamps, ICMP errors, and local errors (ip(7), IP_RECVERR).

use super::lane::{Lane, Shared, push_sent, receive};
use crate::control::{Ancillary, ExtendedError};
use crate::raw::{Batch, Incoming, MAX_BATCH};
use crate::{address, names};
use netdiag_engine::port::{Channel, ErrorOrigin, InputKind, Inputs, NetworkError, QueuedError};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Instant};

/// What a stamp is of, in linux/errqueue.h: the packet came to the queue of an interface.
const SCM_TSTAMP_SCHED: u32 = 1;

/// Why an error queue is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Something is there.
    Arrivals,
    /// A send failed: local errors are its own.
    FailedSend,
}

/// What was found on an error queue, beside what became inputs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// All entries.
    pub(super) entries: usize,
    /// Errors that other hosts sent.
    pub(super) remote: usize,
    /// The MTU of a local "message too long".
    pub(super) local_mtu: Option<u32>,
}

impl Lane {
    /// Reads the error queue until it is empty, and tells what was there.
    pub(super) fn drain_errors(
        &mut self,
        shared: &mut Shared,
        reading: Reading,
        inputs: &mut Inputs,
    ) -> Result<Found, NetworkError> {
        let found = self.read_errors(shared, reading, inputs)?;
        self.tell_errors(shared, inputs);
        Ok(found)
    }

    /// Reads the error queue until it is empty. Its stamps become inputs; its errors are kept until
    /// they are told.
    pub(super) fn read_errors(
        &mut self,
        shared: &mut Shared,
        reading: Reading,
        inputs: &mut Inputs,
    ) -> Result<Found, NetworkError> {
        let mut found = Found::default();
        let mut count = self.expected();
        loop {
            let got = receive(&mut shared.errors, &self.socket, count, libc::MSG_ERRQUEUE)?;
            found.entries += got;
            if got > 0 {
                let user = shared.clock.observe();
                if self.take_stamps(shared, user, inputs) < got {
                    self.take_errors(shared, user, reading, &mut found);
                }
            }
            if got < count {
                break;
            }
            count = MAX_BATCH;
        }
        Ok(found)
    }

    /// Tells the errors behind all the stamps: a packet's own stamp may lie behind the error that it
    /// caused.
    pub(super) fn tell_errors(&mut self, shared: &mut Shared, inputs: &mut Inputs) {
        if shared.queued.is_empty() {
            return;
        }
        // Whatever caused an error left before it, with or without a stamp.
        self.give_up_stamps(Instant::FAR, inputs);
        for input in shared.queued.iter() {
            inputs.push(input.at, input.kind);
        }
        shared.queued.clear();
    }

    /// Turns the batch's send stamps into inputs; returns how many there are.
    fn take_stamps(&mut self, shared: &Shared, user: Instant, inputs: &mut Inputs) -> usize {
        let mut stamps = 0;
        for (ancillary, error, _) in entries(&shared.errors) {
            if error.origin != libc::SO_EE_ORIGIN_TIMESTAMPING {
                continue;
            }
            stamps += 1;
            if error.info == SCM_TSTAMP_SCHED {
                self.unstamped.mark_queued(error.data);
                continue;
            }
            let at = ancillary.stamp.and_then(|real| shared.clock.to_monotonic(real));
            if let Some(departed) = self.unstamped.take(error.data, at) {
                if let Some(discards) = &mut self.discards {
                    discards.saw_stamp(&departed);
                }
                if departed.lost_a_part {
                    // Only its first fragment is known to have left.
                    continue;
                }
                let sent = departed.user;
                let stamp = shared.clock.stamp(ancillary.stamp, sent, user, sent);
                push_sent(departed.id, stamp, inputs);
            }
        }
        stamps
    }

    /// Whether an error was made by a rule of this machine's own firewall, where the kernel does not
    /// tell the send so: it is from an own address, and there are packets that came to no interface.
    /// They are told of as such ([`Lane::give_up_stamps`]). That a neighbour was not found comes
    /// from an own address, too.
    fn is_own_rule(&self, error: &ExtendedError, destination: Destination) -> bool {
        const ADDRESS_UNREACHABLE: (u8, u8) = (1, 3);
        self.socket.tells_departures
            && self.unstamped.is_any_in_doubt()
            && (error.kind, error.code) != ADDRESS_UNREACHABLE
            && error.offender.is_some_and(|offender| {
                offender.address() != destination.address() && names::owns(offender.address())
            })
    }

    fn take_errors(&self, shared: &mut Shared, user: Instant, reading: Reading, found: &mut Found) {
        let Shared { clock, errors, queued, .. } = shared;
        for (ancillary, error, message) in entries(errors) {
            let origin = match error.origin {
                libc::SO_EE_ORIGIN_LOCAL => ErrorOrigin::Local,
                libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => ErrorOrigin::Icmp,
                _ => continue,
            };
            if origin == ErrorOrigin::Local && reading == Reading::FailedSend {
                found.local_mtu = found.local_mtu.or_else(|| mtu_of(&error));
                continue;
            }
            if origin == ErrorOrigin::Icmp {
                found.remote += 1;
                // A raw socket also receives the whole packet, which says more.
                if self.socket.opening.socket == SocketKind::Raw {
                    continue;
                }
            }
            let Some((destination, port)) = address::decode(message.name) else {
                continue;
            };
            if origin == ErrorOrigin::Icmp && self.is_own_rule(&error, destination) {
                continue;
            }
            let stamp = clock.stamp(ancillary.stamp, Instant::ZERO, user, user);
            let told = QueuedError {
                stamp,
                channel: if self.socket.is_udp() { Channel::Udp { port } } else { Channel::Icmp },
                origin,
                errno: error.errno,
                kind: error.kind,
                code: error.code,
                info: error.info,
                offender: error.offender,
                destination,
                hop_limit: ancillary.hop_limit,
                bytes: message.bytes,
                quoted_len: error.quoted_len().filter(|_| origin == ErrorOrigin::Icmp),
            };
            queued.push(stamp.at, InputKind::QueuedError(told));
        }
    }
}

fn entries(batch: &Batch) -> impl Iterator<Item = (Ancillary, ExtendedError, Incoming<'_>)> {
    batch.messages().filter_map(|message| {
        let ancillary = Ancillary::parse(message.control);
        Some((ancillary, ancillary.error?, message))
    })
}

fn mtu_of(error: &ExtendedError) -> Option<u32> {
    (error.errno == libc::EMSGSIZE).then_some(error.info)
}
