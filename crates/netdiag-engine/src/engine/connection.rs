//! Connections and dialogs: what the kernel or a library did for us.

use super::Engine;
use super::receive::{Arrival, Timing, plain_reply, round_trip};
use crate::measurement::Measurement;
use crate::outcome::{IcmpError, Outcome, Refusal, Reply, ReplyDetail, Stray, Why};
use crate::port::{ExchangeError, SendError, TcpInfo};
use crate::table::State;
use netdiag_model::{Destination, Family, IcmpKind, Instant, Stamp};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

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
            self.on_answer(index, stamp, ReplyDetail::Connected { local, info });
        }
    }

    pub(super) fn on_connect_failed(
        &mut self,
        index: u32,
        stamp: Stamp,
        error: SendError,
        icmp: Option<(IpAddr, u8, u8)>,
    ) {
        if self.dialogs.remove(&index) {
            self.on_dialog_failed(index, stamp, error, icmp);
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
        let Timing { rtt, stamp, .. } = round_trip(&entry, stamp);
        let icmp = icmp.map(|(from, kind, code)| IcmpError {
            kind: IcmpKind { family: Family::of(from), kind, code },
            from: Destination::new(from),
            rtt,
            stamp,
            hop_limit: None,
            info: error.mtu,
            gateway: None,
            quoted_hop_limit: None,
        });
        let in_time = rtt <= entry.timeout();
        let outcome = match (icmp, error.errno) {
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
            hop_limit: None,
            options: None,
            about: None,
        };
        let plain = plain_reply(&entry, &arrival, detail);
        let reply = Reply { bytes, sent_bytes: bytes, ..plain };
        self.on_reply(index, reply);
    }
}
