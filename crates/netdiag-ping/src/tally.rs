//! What is counted beside the statistics of the engine, in bounded memory.

use netdiag_engine::outcome::{IcmpError, Reason, Rejection, Reply, ReplyDetail};
use netdiag_engine::port::{Change, InterfaceChange, SendError};
use netdiag_model::{IcmpKind, Instant, StampSource};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

const EPERM: i32 = 1;
const EMSGSIZE: i32 = 90;
const ENETUNREACH: i32 = 101;

/// How many different ICMP errors (sender, type, code) are told apart: a hostile network can make
/// any number.
const ICMP_ERRORS_KEPT: usize = 256;

/// How many probes are remembered of which an error came.
const ERRORED_KEPT: usize = 4_096;

/// Counts by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rejected: BTreeMap<Reason, u64>,
    pub(crate) untrue_mtu: Option<UntrueMtu>,
    pub(crate) icmp_errors: BTreeMap<(IpAddr, IcmpKind), u64>,
    /// The same of probes that were lost, each probe once: whoever repeats an error is not counted
    /// again.
    pub(crate) unanswered: BTreeMap<(IpAddr, IcmpKind), u64>,
    /// Probes of which an error came, the newest.
    errored: BTreeSet<u64>,
    pub(crate) reply_ttl: Option<ReplyTtls>,
    pub(crate) largest_late: Option<Duration>,
    pub(crate) truncated: u64,
    pub(crate) user_stamps: u64,
    pub(crate) clock_adjusted: u64,
    pub(crate) receive_drops: u64,
    pub(crate) clock_steps: Vec<i64>,
    pub(crate) suspends: Vec<Duration>,
    /// Changes of the way out: how many, and the first of them.
    pub(crate) interface_changes: u64,
    pub(crate) interfaces: Vec<(Instant, InterfaceChange)>,
    pub(crate) local_errors: BTreeMap<i32, u64>,
    /// Whether those of ENETUNREACH come from going past every router.
    pub(crate) not_attached: bool,
    /// Whether those of EPERM are concluded from stamps that did not come.
    pub(crate) unseen: bool,
    /// Connections that were refused.
    pub(crate) refused: u64,
    /// Connections whose SYN was sent more than once.
    pub(crate) retransmitted: u64,
    /// "Port unreachable" that answered UDP.
    pub(crate) port_unreachable: u64,
    pub(crate) last_local_mtu: Option<u32>,
    /// The exponentially weighted mean of the round trips, in nanoseconds (weight 1/8, as iputils).
    pub(crate) ewma_nanos: Option<f64>,
    /// The most probes under way at once.
    pub(crate) pipe: u64,
}

/// "Too big" messages that cannot be true: the last one, and how many came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UntrueMtu {
    pub(crate) from: IpAddr,
    pub(crate) mtu: Option<u32>,
    pub(crate) count: u64,
}

/// The TTLs of replies, and when they changed.
#[derive(Clone, Debug)]
pub(crate) struct ReplyTtls {
    pub(crate) last: u8,
    pub(crate) min: u8,
    pub(crate) max: u8,
    /// Runs of equal TTLs of at least five replies: the value, since when.
    pub(crate) held: Vec<(u8, Instant)>,
    run: (u8, u64, Instant),
}

/// From how many replies on a TTL counts as held.
const HELD_REPLIES: u64 = 5;
/// How many changes of one kind are kept.
const CHANGES_KEPT: usize = 100;

impl Tally {
    /// What is known of the probes that were not sent for this error number.
    pub(crate) fn cause(&self, errno: i32) -> SendError {
        SendError {
            errno,
            mtu: self.last_local_mtu.filter(|_| errno == EMSGSIZE),
            direct: self.not_attached && errno == ENETUNREACH,
            unseen: self.unseen && errno == EPERM,
        }
    }

    /// An answer that counts. Those of a group come from hosts at different distances.
    pub(crate) fn on_reply(&mut self, reply: &Reply, is_group: bool) {
        self.on_stamp(reply);
        self.truncated += u64::from(reply.is_truncated());
        match &reply.detail {
            ReplyDetail::Connected { info: Some(info), .. } => {
                self.retransmitted += u64::from(info.total_retransmits > 0);
            }
            ReplyDetail::PortUnreachable => self.port_unreachable += 1,
            _ => {}
        }
        let nanos = reply.rtt.as_nanos() as f64;
        self.ewma_nanos = Some(self.ewma_nanos.map_or(nanos, |mean| mean + (nanos - mean) / 8.0));
        let Some(ttl) = reply.hop_limit.filter(|_| !is_group) else { return };
        let at = reply.received_at;
        self.reply_ttl.get_or_insert_with(|| ReplyTtls::new(ttl, at)).record(ttl, at);
    }

    pub(crate) fn on_late(&mut self, reply: &Reply) {
        self.on_stamp(reply);
        self.largest_late = self.largest_late.max(Some(reply.rtt));
    }

    pub(crate) fn on_rejected(&mut self, rejection: &Rejection) {
        *self.rejected.entry(rejection.reason).or_default() += 1;
        let Some((_, mtu)) = rejection.said.filter(|(kind, _)| kind.is_too_big()) else { return };
        let count = self.untrue_mtu.map_or(1, |before| before.count + 1);
        self.untrue_mtu = Some(UntrueMtu { from: rejection.from.address(), mtu, count });
    }

    pub(crate) fn on_change(&mut self, at: Instant, change: &Change) {
        match change {
            Change::ReceiveDrops { count } => self.receive_drops += count,
            Change::ClockStepped { nanos } if self.clock_steps.len() < CHANGES_KEPT => {
                self.clock_steps.push(*nanos);
            }
            Change::Suspended { length } if self.suspends.len() < CHANGES_KEPT => {
                self.suspends.push(*length);
            }
            Change::ClockStepped { .. } | Change::Suspended { .. } => {}
            Change::Interface(change) => {
                self.interface_changes += 1;
                if self.interfaces.len() < CHANGES_KEPT {
                    self.interfaces.push((at, change.clone()));
                }
            }
        }
    }

    /// An error about a lost probe.
    pub(crate) fn on_error(&mut self, seq: u64, error: &IcmpError) {
        let key = (error.from.address(), error.kind);
        let is_new = self.errored.insert(seq);
        if self.errored.len() > ERRORED_KEPT {
            self.errored.pop_first();
        }
        let has_room = self.unanswered.len() < ICMP_ERRORS_KEPT;
        if is_new && (has_room || self.unanswered.contains_key(&key)) {
            *self.unanswered.entry(key).or_default() += 1;
        }
    }

    pub(crate) fn on_icmp(&mut self, error: &IcmpError) {
        let key = (error.from.address(), error.kind);
        if self.icmp_errors.len() < ICMP_ERRORS_KEPT || self.icmp_errors.contains_key(&key) {
            *self.icmp_errors.entry(key).or_default() += 1;
        }
    }

    pub(crate) fn on_stamp(&mut self, reply: &Reply) {
        self.user_stamps += u64::from(reply.stamp == StampSource::User);
        self.clock_adjusted += u64::from(reply.clock_adjusted);
    }
}

impl ReplyTtls {
    const fn new(ttl: u8, at: Instant) -> Self {
        Self { last: ttl, min: ttl, max: ttl, held: Vec::new(), run: (ttl, 0, at) }
    }

    fn record(&mut self, ttl: u8, at: Instant) {
        self.last = ttl;
        self.min = self.min.min(ttl);
        self.max = self.max.max(ttl);
        if self.run.0 != ttl {
            self.run = (ttl, 0, at);
        }
        self.run.1 += 1;
        let (value, replies, since) = self.run;
        let is_new = self.held.last().is_none_or(|(held, _)| *held != value);
        if replies == HELD_REPLIES && is_new && self.held.len() < CHANGES_KEPT {
            self.held.push((value, since));
        }
    }
}
