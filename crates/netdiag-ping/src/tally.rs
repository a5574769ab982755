//! What is counted beside the statistics of the engine, in bounded memory.

use crate::event::Identifier;
use crate::rotation::Rotation;
use netdiag_engine::Outcome;
use netdiag_engine::local::{CHANGES_KEPT, Changes, Unsent};
use netdiag_engine::outcome::{IcmpError, Reason, Rejection, Reply, ReplyDetail};
use netdiag_engine::port::{Change, SendError};
use netdiag_model::{IcmpKind, Instant, StampSource};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Deref;
use std::time::Duration;

/// How many different ICMP errors (sender, type, code) are told apart: a hostile network can make
/// any number.
const ICMP_ERRORS_KEPT: usize = 256;

/// How many probes are remembered of which an error came.
const ERRORED_KEPT: usize = 4_096;

/// Counts by kind. Most targets only answer: what else there is takes room when it comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) reply_ttl: Option<ReplyTtls>,
    pub(crate) user_stamps: u64,
    rare: Option<Box<Rare>>,
}

/// What many targets have nothing of.
#[derive(Clone, Debug)]
pub(crate) struct Rare {
    pub(crate) rejected: BTreeMap<Reason, u64>,
    pub(crate) rotation: Rotation,
    pub(crate) untrue_mtu: Option<UntrueMtu>,
    pub(crate) icmp_errors: BTreeMap<(IpAddr, IcmpKind), u64>,
    /// The same of probes that were lost, each probe once: whoever repeats an error is not counted
    /// again.
    pub(crate) unanswered: BTreeMap<(IpAddr, IcmpKind), u64>,
    /// Probes of which an error came, the newest.
    errored: BTreeSet<u64>,
    pub(crate) largest_late: Option<Duration>,
    pub(crate) truncated: u64,
    pub(crate) clock_adjusted: u64,
    pub(crate) clock_steps: Vec<i64>,
    pub(crate) suspends: Vec<Duration>,
    pub(crate) changes: Changes,
    /// Probes that this machine made meaningless, and how many were answered late all the same.
    unknown: BTreeSet<u64>,
    pub(crate) late_unknown: u64,
    /// Probes that never left.
    pub(crate) unsent: Unsent,
    /// Connections that were refused, or whose service did not answer as it should, and the error number
    /// of the last one.
    pub(crate) refused: u64,
    pub(crate) refused_by: i32,
    /// Connections that opened, and nothing came over them.
    pub(crate) opened: u64,
    /// Connections whose SYN was sent more than once.
    pub(crate) retransmitted: u64,
    /// "Port unreachable" that answered UDP.
    pub(crate) port_unreachable: u64,
    /// Probes that were never begun, by the schedule of a sweep.
    pub(crate) skipped: u64,
}

/// What those have.
static NOTHING: Rare = Rare {
    rejected: BTreeMap::new(),
    rotation: Rotation::NONE,
    untrue_mtu: None,
    icmp_errors: BTreeMap::new(),
    unanswered: BTreeMap::new(),
    errored: BTreeSet::new(),
    largest_late: None,
    truncated: 0,
    clock_adjusted: 0,
    clock_steps: Vec::new(),
    suspends: Vec::new(),
    changes: Changes::new(),
    unknown: BTreeSet::new(),
    late_unknown: 0,
    unsent: Unsent::new(),
    refused: 0,
    refused_by: 0,
    opened: 0,
    retransmitted: 0,
    port_unreachable: 0,
    skipped: 0,
};

impl Deref for Tally {
    type Target = Rare;

    fn deref(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING)
    }
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
    /// How many replies in a row had the last one, as far as it matters, and since when.
    run: u8,
    run_since: Instant,
    /// The last run of equal TTLs of at least five replies: the value, since when.
    held: u8,
    is_held: bool,
    held_since: Instant,
    /// Those before it that differ from the one after.
    before: Vec<(u8, Instant)>,
}

/// From how many replies on a TTL counts as held.
const HELD_REPLIES: u8 = 5;

impl Tally {
    /// So many probes were never begun, says whoever has the schedule.
    pub(crate) fn on_skipped(&mut self, count: u64) {
        self.rare().skipped += count;
    }

    /// A connection opened, and nothing came over it.
    pub(crate) fn opened_in_vain(&mut self) {
        self.rare().opened += 1;
    }

    /// What is rare, about to be changed.
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| Box::new(NOTHING.clone()))
    }

    #[cfg(test)]
    pub(crate) const fn has_rare(&self) -> bool {
        self.rare.is_some()
    }

    /// A request ended; what there is to tell of its identifier. `next_seq` is the number of the next
    /// one.
    pub(crate) fn rotate(
        &mut self,
        seq: u64,
        outcome: &Outcome,
        next_seq: u64,
    ) -> Option<Identifier> {
        if self.rare.is_none() && *outcome != Outcome::TimedOut {
            return None;
        }
        self.rare().rotation.on_settled(seq, outcome, next_seq)
    }

    /// An answer that counts. Those of a group come from hosts at different distances.
    pub(crate) fn on_reply(&mut self, reply: &Reply, is_group: bool) {
        self.on_stamp(reply);
        if reply.is_truncated() {
            self.rare().truncated += 1;
        }
        match &reply.detail {
            ReplyDetail::Connected { info: Some(info), .. } if info.total_retransmits > 0 => {
                self.rare().retransmitted += 1;
            }
            ReplyDetail::PortUnreachable => self.rare().port_unreachable += 1,
            _ => {}
        }
        let Some(ttl) = reply.hop_limit.filter(|_| !is_group) else { return };
        let at = reply.received_at;
        self.reply_ttl.get_or_insert_with(|| ReplyTtls::new(ttl, at)).record(ttl, at);
    }

    /// This machine made a probe meaningless.
    pub(crate) fn on_unknown(&mut self, seq: u64) {
        let rare = self.rare();
        rare.unknown.insert(seq);
        if rare.unknown.len() > ERRORED_KEPT {
            rare.unknown.pop_first();
        }
    }

    pub(crate) fn on_late(&mut self, seq: u64, reply: &Reply) {
        self.on_stamp(reply);
        let rare = self.rare();
        rare.rotation.on_late();
        if rare.unknown.contains(&seq) {
            rare.late_unknown += 1;
            return;
        }
        rare.largest_late = rare.largest_late.max(Some(reply.rtt));
    }

    pub(crate) fn on_rejected(&mut self, rejection: &Rejection) {
        let rare = self.rare();
        *rare.rejected.entry(rejection.reason).or_default() += 1;
        let Some((_, mtu)) = rejection.said.filter(|(kind, _)| kind.is_too_big()) else { return };
        let count = rare.untrue_mtu.map_or(1, |before| before.count + 1);
        rare.untrue_mtu = Some(UntrueMtu { from: rejection.from.address(), mtu, count });
    }

    pub(crate) fn on_change(&mut self, at: Instant, change: &Change) {
        let rare = self.rare();
        match change {
            Change::ClockStepped { nanos } if rare.clock_steps.len() < CHANGES_KEPT => {
                rare.clock_steps.push(*nanos);
            }
            Change::Suspended { length } if rare.suspends.len() < CHANGES_KEPT => {
                rare.suspends.push(*length);
            }
            Change::ClockStepped { .. } | Change::Suspended { .. } => {}
            Change::ReceiveDrops { .. } | Change::Interface(_) => {
                rare.changes.on_change(at, change);
            }
        }
    }

    /// An error about a probe: about a lost one, unless it is unknown what became of that.
    pub(crate) fn on_error(&mut self, seq: u64, error: &IcmpError) {
        let rare = self.rare();
        if rare.unknown.contains(&seq) {
            return;
        }
        let key = (error.from.address(), error.kind);
        let is_new = rare.errored.insert(seq);
        if rare.errored.len() > ERRORED_KEPT {
            rare.errored.pop_first();
        }
        let has_room = rare.unanswered.len() < ICMP_ERRORS_KEPT;
        if is_new && (has_room || rare.unanswered.contains_key(&key)) {
            *rare.unanswered.entry(key).or_default() += 1;
        }
    }

    pub(crate) fn on_icmp(&mut self, error: &IcmpError) {
        let rare = self.rare();
        let key = (error.from.address(), error.kind);
        if rare.icmp_errors.len() < ICMP_ERRORS_KEPT || rare.icmp_errors.contains_key(&key) {
            *rare.icmp_errors.entry(key).or_default() += 1;
        }
    }

    pub(crate) fn on_stamp(&mut self, reply: &Reply) {
        self.user_stamps += u64::from(reply.stamp == StampSource::User);
        if reply.clock_adjusted {
            self.rare().clock_adjusted += 1;
        }
    }

    /// A probe never left.
    pub(crate) fn on_local_error(&mut self, error: &SendError) {
        self.rare().unsent.count(error);
    }

    pub(crate) fn on_refused(&mut self, errno: i32) {
        let rare = self.rare();
        (rare.refused, rare.refused_by) = (rare.refused + 1, errno);
    }
}

impl ReplyTtls {
    const fn new(ttl: u8, at: Instant) -> Self {
        Self {
            last: ttl,
            min: ttl,
            max: ttl,
            run: 0,
            run_since: at,
            held: ttl,
            is_held: false,
            held_since: at,
            before: Vec::new(),
        }
    }

    fn record(&mut self, ttl: u8, at: Instant) {
        if self.last != ttl {
            (self.run, self.run_since) = (0, at);
        }
        self.last = ttl;
        self.min = self.min.min(ttl);
        self.max = self.max.max(ttl);
        self.run = self.run.saturating_add(1);
        let is_new = !self.is_held || self.held != ttl;
        if self.run != HELD_REPLIES || !is_new {
            return;
        }
        if self.is_held {
            if self.before.len() + 1 >= CHANGES_KEPT {
                return;
            }
            self.before.push((self.held, self.held_since));
        }
        (self.held, self.is_held, self.held_since) = (ttl, true, self.run_since);
    }

    /// Runs of equal TTLs of at least five replies: the value, since when.
    pub(crate) fn held(&self) -> Vec<(u8, Instant)> {
        let before = self.before.iter().copied();
        before.chain(self.is_held.then_some((self.held, self.held_since))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_counts_from_five_replies_on_and_each_change_once() {
        let at = Instant::from_nanos;
        let mut ttls = ReplyTtls::new(60, at(0));
        let runs = [(60, 4), (61, 5), (60, 3), (61, 300), (60, 5), (62, 4), (60, 9), (61, 6)];
        let mut now = 0;
        for (ttl, replies) in runs {
            for _ in 0..replies {
                ttls.record(ttl, at(now));
                now += 1;
            }
        }
        let since = |run: usize| at(runs[..run].iter().map(|(_, replies)| replies).sum());
        assert_eq!(ttls.held(), [(61, since(1)), (60, since(4)), (61, since(7))]);
        assert_eq!((ttls.last, ttls.min, ttls.max), (61, 60, 62));
        for round in 0..1_000 {
            (0..5).for_each(|_| ttls.record(round as u8 % 2, at(now + round)));
        }
        assert_eq!(ttls.held().len(), CHANGES_KEPT);
    }
}
