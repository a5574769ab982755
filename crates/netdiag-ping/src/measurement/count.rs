//! What is counted and kept of outcomes.

use crate::Measurement;
use crate::config::{Manner, PROBES_KEPT};
use crate::event::{Cause, Event, EventKind, Outage};
use netdiag_engine::outcome::Reply;
use netdiag_engine::stats::{self, OutageChange, SettledKind};
use netdiag_engine::{Events, Outcome, Probe, Stray};
use netdiag_model::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Single probes, kept for the result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) probes: BTreeMap<u64, ProbeRecord>,
    pub(crate) omitted: u64,
}

/// A single probe as it is kept for the result.
#[derive(Clone, Debug)]
pub(crate) struct ProbeRecord {
    pub(crate) sent_at: Instant,
    pub(crate) outcome: Outcome,
    pub(crate) late_rtt: Option<Duration>,
    pub(crate) duplicates: u64,
}

impl Measurement {
    /// Counts a probe, tells of outages that begin or end with it, and keeps it.
    pub(super) fn count(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let kind = match outcome {
            Outcome::Replied(reply) => SettledKind::Replied { rtt: reply.rtt },
            Outcome::TimedOut => SettledKind::Lost(Cause::Timeout),
            Outcome::NetError(error) => {
                SettledKind::NetError(Cause::Icmp(error.kind, error.from.address()))
            }
            Outcome::Refused(_) => SettledKind::NetError(Cause::Refused),
            Outcome::LocalError(error) => SettledKind::LocalError(Cause::Errno(error.errno)),
            Outcome::Unknown(_) => SettledKind::Unknown,
        };
        let index = self.config.target_index;
        self.stats.on_settled(probe.seq, probe.sent_at.as_nanos(), kind, |change| {
            events.push(outage_event(index, change));
        });
        if !self.config.keeps_probes {
            return;
        }
        let outcome = outcome.clone();
        let record = ProbeRecord { sent_at: probe.sent_at, outcome, late_rtt: None, duplicates: 0 };
        let kept = self.kept.get_or_insert_default();
        kept.probes.insert(probe.seq, record);
        if kept.probes.len() > PROBES_KEPT {
            kept.probes.pop_first();
            kept.omitted += 1;
        }
    }

    /// A single probe that is kept.
    fn record(&mut self, seq: u64) -> Option<&mut ProbeRecord> {
        self.kept.as_mut()?.probes.get_mut(&seq)
    }

    /// Notes which host of a group answered; returns whether it had answered that probe before.
    pub(super) fn answered(&mut self, seq: u64, reply: &Reply) -> bool {
        if !self.is_group() {
            return false;
        }
        let group = self.group.get_or_insert_default();
        group.sources.take(seq, reply, self.config.timeout)
    }

    /// Counts a repeated answer.
    fn duplicate(&mut self, seq: u64, reply: &Reply) -> EventKind {
        self.stats.on_duplicate();
        if let Some(record) = self.record(seq) {
            record.duplicates += 1;
        }
        EventKind::Duplicate { seq, reply: reply.clone() }
    }

    /// Uses another identifier where the old one is answered no more, and tells of it. `next_seq` is
    /// the number of the next probe.
    pub(crate) fn rotate_identifier(
        &mut self,
        at: Instant,
        seq: u64,
        outcome: &Outcome,
        next_seq: u64,
        events: &mut Events<Event>,
    ) {
        if self.config.identifiers < 2 || self.config.manner != Manner::Settled {
            return;
        }
        if let Some(change) = self.tally.rotate(seq, outcome, next_seq) {
            events.push(self.event(at, EventKind::Identifier(change)));
        }
    }

    /// A connection of a dialog opened, and nothing came over it: it is lost, and the host is not silent.
    pub fn opened_in_vain(&mut self) {
        self.tally.opened_in_vain();
    }

    /// Which of the block of identifiers the next request has; counted up.
    pub(crate) fn flow(&self) -> u8 {
        self.tally.rotation.flow
    }

    /// Counts what came beside the outcome of a probe; what is told of it.
    pub(super) fn strayed(&mut self, seq: u64, stray: &Stray) -> EventKind {
        match stray {
            Stray::Late(reply) => {
                self.stats.on_late();
                self.tally.on_late(seq, reply);
                self.answered(seq, reply);
                if let Some(record) = self.record(seq) {
                    record.late_rtt = Some(reply.rtt);
                }
                EventKind::Late { seq, reply: reply.clone() }
            }
            Stray::Duplicate(reply) | Stray::Repeated(reply) => self.duplicate(seq, reply),
            Stray::Further(reply) if self.answered(seq, reply) => self.duplicate(seq, reply),
            Stray::Further(reply) => {
                self.tally.on_stamp(reply);
                EventKind::Further { seq, reply: reply.clone() }
            }
            Stray::Rejected(rejection) => {
                self.tally.on_rejected(rejection);
                EventKind::Rejected { seq: Some(seq), rejection: *rejection }
            }
            Stray::Advice(error) => {
                self.tally.on_icmp(error);
                EventKind::Advice { seq, error: *error }
            }
            Stray::LateError(error) => {
                self.tally.on_icmp(error);
                self.tally.on_error(seq, error);
                EventKind::LateError { seq, error: *error }
            }
        }
    }
}

pub(super) fn outage_event(target_index: usize, change: OutageChange<Cause>) -> Event {
    match change {
        OutageChange::Begin { first_seq, started_at_ns, cause } => Event {
            target_index,
            at: Instant::from_nanos(started_at_ns),
            kind: EventKind::OutageBegan { first_seq, cause },
        },
        OutageChange::End(outage) => {
            let outage = outage_of(&outage);
            let at = outage.started_at + outage.length;
            Event { target_index, at, kind: EventKind::OutageEnded(outage) }
        }
    }
}

pub(crate) fn outage_of(outage: &stats::Outage<Cause>) -> Outage {
    Outage {
        first_seq: outage.first_seq,
        started_at: Instant::from_nanos(outage.started_at_ns),
        length: outage.duration(),
        lost: outage.lost,
        local_errors: outage.local_errors,
        cause: outage.cause,
        ongoing: outage.ongoing,
    }
}
