//! Connections and dialogs: what the kernel or a library did for us.

use super::receive::{Arrival, Timing, plain_reply, round_trip};
use super::settle::back_off;
use super::timers::Timer;
use super::{Engine, Queued};
use crate::measurement::Measurement;
use crate::outcome::{IcmpError, Outcome, Refusal, Reply, ReplyDetail, Stray, Why};
use crate::port::{AnswerKind, ExchangeError, SendError, TcpInfo};
use crate::probe::Probe;
use crate::table::{KernelStamp, State};
use netdiag_model::{Destination, Family, IcmpKind, Instant, Stamp};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
/// This user has sent too much just now.
const EDQUOT: i32 = 122;
const ECONNRESET: i32 = 104;
const ETIMEDOUT: i32 = 110;
const ECONNREFUSED: i32 = 111;

impl<M: Measurement> Engine<M> {
    pub(super) fn on_connected(
        &mut self,
        index: u32,
        stamp: Stamp,
        local: SocketAddr,
        info: Option<TcpInfo>,
    ) {
        if self.dialogs.remove(&index) {
            let entry = self.table.get(index);
            let in_time = entry.is_some_and(|it| round_trip(&it, stamp).rtt <= it.timeout());
            self.on_answer(index, stamp, ReplyDetail::Connected { local, info });
            self.keep_open(index, in_time);
        }
    }

    /// The SYN of a connection was sent again, which its measurement may want to know.
    pub(super) fn on_sent_again(&mut self, index: u32, count: u32) {
        self.of_connection(index, |measurement, probe| measurement.sent_again(probe, count));
    }

    /// A segment answered a connection, or came over one that is open, and how far it had come.
    pub(super) fn on_answered(&mut self, index: u32, kind: AnswerKind, hop_limit: u8) {
        if let Some((id, probe)) = self.talks.get(&index).copied() {
            if let Some((slot, _)) = self.unfinished(id) {
                slot.measurement.answered(&probe, kind, hop_limit);
            }
            return;
        }
        self.of_connection(index, |measurement, probe| {
            measurement.answered(probe, kind, hop_limit);
        });
    }

    /// A connection was refused, and it may not be known by whom before its time is over.
    pub(super) fn on_refused(&mut self, index: u32) {
        if self.dialogs.contains(&index) {
            self.refused.insert(index);
        }
    }

    /// A connection has begun to open, from this end.
    pub(super) fn on_begun(&mut self, index: u32, local: SocketAddr) {
        if self.messages.leaves(index, local.port()) {
            return;
        }
        self.of_connection(index, |measurement, probe| measurement.begun(probe, local));
    }

    /// Tells a measurement of a connection that is being opened.
    fn of_connection(&mut self, index: u32, tell: impl FnOnce(&mut M, &Probe)) {
        let Some(entry) = self.table.get(index).filter(|_| self.dialogs.contains(&index)) else {
            return;
        };
        if let Some((slot, _)) = self.unfinished(entry.measurement) {
            tell(&mut slot.measurement, &entry.probe());
        }
    }

    pub(super) fn on_connect_failed(
        &mut self,
        index: u32,
        stamp: Stamp,
        error: SendError,
        icmp: Option<(IpAddr, u8, u8)>,
    ) {
        if self.dialogs.contains(&index) && !self.waits_again(index, error) {
            self.dialogs.remove(&index);
            self.on_dialog_failed(index, stamp, error, icmp);
        }
    }

    /// Whether a connection that this machine has no descriptor for, or that this user opens too soon
    /// after another, is tried again later. It has not begun, and no time runs for it.
    fn waits_again(&mut self, index: u32, error: SendError) -> bool {
        let Some(entry) = self.table.get(index) else { return false };
        if !matches!(error.errno, ENFILE | EMFILE | EDQUOT) || entry.state != State::Trying {
            return false;
        }
        let since = *self.waiting.entry(index).or_insert(entry.user_sent_at);
        let at = self.now + back_off(&entry);
        if at > since + self.table.template(&entry).patience {
            return false;
        }
        self.table.count_try(index);
        self.table.set_state(index, State::Queued);
        self.timers.push(at, Timer::Retry(index));
        true
    }

    /// What is tried again: of a connection it is the time now that counts.
    pub(super) fn again(&mut self, index: u32) -> Queued {
        match self.table.get(index).filter(|_| self.dialogs.contains(&index)) {
            Some(_) => {
                self.table.set_sent(index, self.now, KernelStamp::Missing);
                self.table.set_state(index, State::Trying);
                Queued::Connect(index)
            }
            None => Queued::Datagram(index),
        }
    }

    fn on_dialog_failed(
        &mut self,
        index: u32,
        stamp: Stamp,
        error: SendError,
        icmp: Option<(IpAddr, u8, u8)>,
    ) {
        let Some(entry) = self.table.get(index) else { return };
        // What says so may be this machine itself, whose way out is not there.
        let in_doubt = self.is_way_in_doubt(&entry, stamp.at);
        let Timing { rtt, stamp, .. } = round_trip(&entry, stamp);
        let icmp = icmp.map(|(from, kind, code)| IcmpError {
            kind: IcmpKind { family: Family::of(from), kind, code },
            from: Destination::new(from),
            rtt,
            stamp,
            hop_limit: None,
            errno: Some(error.errno),
            info: error.mtu,
            gateway: None,
            quoted_hop_limit: None,
        });
        let in_time = rtt <= entry.timeout();
        let outcome = match (icmp, error.errno) {
            (Some(_), _) | (None, ETIMEDOUT) if in_doubt => Outcome::Unknown(Why::InterfaceChanged),
            (Some(icmp), _) if in_time => Outcome::NetError(icmp),
            (None, ECONNREFUSED) if error.unseen => Outcome::Unknown(Why::RefuserUnknown),
            (None, errno @ (ECONNREFUSED | ECONNRESET)) if in_time => {
                Outcome::Refused(Refusal { errno, rtt, stamp })
            }
            (Some(_), _) | (None, ECONNREFUSED | ECONNRESET | ETIMEDOUT) => Outcome::TimedOut,
            (None, _) => Outcome::LocalError(error),
        };
        self.settle(index, State::Closed, &outcome);
        if let Some(icmp) = icmp.filter(|_| !in_time) {
            self.stray(&entry, &Stray::LateError(icmp));
        }
    }

    pub(super) fn on_exchanged(
        &mut self,
        index: u32,
        at: Instant,
        phases: [Duration; 2],
        result: Result<&[u8], ExchangeError>,
    ) {
        if !self.dialogs.remove(&index) {
            return;
        }
        match result {
            Ok(answer) => {
                let detail = ReplyDetail::Exchanged { phases, answer: answer.to_vec() };
                self.on_answer(index, Stamp::user(at), detail);
            }
            Err(ExchangeError::Connect(error)) => {
                self.on_dialog_failed(index, Stamp::user(at), error, None);
            }
            Err(ExchangeError::Closed) => {
                let reset = SendError::new(ECONNRESET);
                self.on_dialog_failed(index, Stamp::user(at), reset, None);
            }
            Err(ExchangeError::TimedOut) => {
                self.settle(index, State::Closed, &Outcome::TimedOut);
            }
        }
    }

    fn on_answer(&mut self, index: u32, stamp: Stamp, detail: ReplyDetail) {
        let Some(entry) = self.table.get(index) else { return };
        let bytes =
            if let ReplyDetail::Exchanged { answer, .. } = &detail { answer.len() } else { 0 };
        let arrival = Arrival {
            stamp,
            from: entry.destination,
            to: None,
            local_port: None,
            hop_limit: None,
            options: None,
            about: None,
        };
        let plain = plain_reply(&entry, &arrival, detail);
        let reply = Reply { bytes, sent_bytes: bytes, ..plain };
        self.on_reply(index, reply);
    }
}
