//! Changes of the path while it is looked at for long: from one to the next the figures of the hops
//! are kept apart.
//!
//! An answer that does not fit what a hop said before begins another path on trial. If it holds for
//! three cycles the path has changed, and what came since belongs to the new one. If what was there
//! before answers again, packets are only balanced: then all that came on trial is taken into the path
//! before, in the order in which it was sent.

use crate::end::{End, REFUSALS, StopReason};
use crate::farther::Moved;
use crate::hop::{Hop, Met, Role};
use crate::measurement::Flight;
use crate::protocol::{Answer, Meaning, State};
use crate::responder::Told;
use crate::{Measurement, protocol};
use netdiag_engine::stats::SettledKind;
use netdiag_model::Instant;
use std::collections::VecDeque;

/// In so many cycles a change must hold.
pub(crate) const HOLDS: u64 = 3;
/// After so many lost probes a hop was never there.
const NEVER: u64 = 10;
/// After so many probes a path on trial that answers too little is none.
const LOGGED: usize = 4_096;
/// So many earlier paths are kept.
const KEPT: usize = 16;

/// One path, and what was measured on it.
#[derive(Clone, Debug)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) hops: Vec<Hop>,
    pub(crate) end: Option<End>,
    pub(crate) state: Option<State>,
    pub(crate) began_at: Option<Instant>,
    /// When it ended, and what was seen then; `None` of one that is on trial.
    pub(crate) change: Option<Change>,
}

/// What showed that the path is another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) ttl: u8,
    pub(crate) at: Instant,
    /// Who answered there before, most often.
    pub(crate) before: Option<Met>,
    pub(crate) after: Met,
}

/// A path on trial.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    before: Epoch,
    change: Change,
    /// The hop whose answers show that the path before is still there.
    back_at: u8,
    /// What has settled since, by the number of the probe.
    pub(crate) log: Vec<(u64, Logged)>,
}

/// A probe that settled while a path was on trial.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) ttl: u8,
    pub(crate) asked_at: Instant,
    pub(crate) outcome: Settlement,
}

/// How a probe ended, as its hop is told.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) sent_at: Instant,
    pub(crate) kind: SettledKind<()>,
    pub(crate) answer: Option<Answer>,
    pub(crate) told: Option<Told>,
    /// It was a probe of the one flow that all share which are not sent by others on purpose.
    pub(crate) is_of_one_flow: bool,
    /// The size of its packet, where that tells of the path.
    pub(crate) bytes: Option<u32>,
}

/// The paths before this one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epochs {
    /// The number of the path that is looked at now.
    pub(crate) number: u64,
    pub(crate) began_at: Option<Instant>,
    pub(crate) past: VecDeque<Epoch>,
    pub(crate) omitted: u64,
    pub(crate) trial: Option<Box<Trial>>,
    /// The losses that belong to another path than the one that they were sent on.
    pub(crate) moved: Option<Moved>,
}

impl Hop {
    /// A probe ended so.
    pub(crate) fn take(&mut self, query: u64, settlement: Settlement) {
        let Settlement { sent_at, kind, answer, told, is_of_one_flow, bytes } = settlement;
        // Where the target was, what somebody else says of it is no answer of it.
        let is_own = |answer: &Answer| {
            self.met.iter().any(|met| met.role == Role::Target && met.address == answer.from)
        };
        let refusal = answer.filter(|it| it.meaning == Meaning::Stopped && !is_own(it));
        if let Some(answer) = refusal.filter(|_| self.reached) {
            self.settle(query, sent_at, SettledKind::NetError(()));
            self.refuse(&answer);
            return;
        }
        self.settle(query, sent_at, kind);
        if let Some(answer) = &answer {
            self.mtu = self.mtu.max(bytes);
            if is_of_one_flow {
                self.turns.note(answer.from.address());
            }
            self.answer(sent_at + answer.rtt, answer, told);
        }
    }
}

impl Measurement {
    /// The hop that a probe belongs to, on the path that it was sent on.
    pub(crate) fn hop_of(&mut self, epoch: u64, ttl: u8) -> Option<&mut Hop> {
        let place = usize::from(ttl.checked_sub(self.config.first_ttl)?);
        let epochs = &mut self.epochs;
        let hops = match &mut epochs.trial {
            _ if epoch == epochs.number => &mut self.hops,
            Some(trial) if trial.before.number == epoch => &mut trial.before.hops,
            _ => &mut epochs.past.iter_mut().find(|past| past.number == epoch)?.hops,
        };
        hops.get_mut(place)
    }

    /// A probe ended: its hop is told, that of the path which it was sent on, unless its answer shows
    /// another one. Gives the change that this settles, if it does.
    pub(crate) fn settle_on_path(
        &mut self,
        seq: u64,
        mut flight: Flight,
        settlement: Settlement,
    ) -> Option<Change> {
        let met = settlement.answer.as_ref().map(Met::new);
        if self.is_watched() {
            self.look_farther(seq, &mut flight, &settlement);
        }
        if self.is_watched()
            && let Some(met) = met
        {
            self.look_for_change(&mut flight, met, &settlement);
        }
        if let Some(trial) = self.epochs.trial.as_mut()
            && flight.epoch == self.epochs.number
        {
            let Flight { ttl, asked_at, .. } = flight;
            trial.log.push((seq, Logged { ttl, asked_at, outcome: settlement.clone() }));
        }
        if let Some(hop) = self.hop_of(flight.epoch, flight.ttl) {
            hop.take(flight.query, settlement);
        }
        let met = met.filter(|_| flight.epoch == self.epochs.number);
        self.judge_trial(flight.ttl, met)
    }

    /// Whether paths are told apart: with a varied flow each probe may take another one.
    fn is_watched(&self) -> bool {
        // Each connection leaves from a port of its own; SYNs do not.
        let is_tcp = matches!(self.config.protocol, protocol::Protocol::Tcp { .. });
        let varies = self.config.vary_flow || (is_tcp && self.config.syn.is_none());
        self.config.rounds.is_some() && !varies
    }

    /// Whether an answer does not fit the path that its probe was sent on; then the probe belongs to the
    /// next one, which is begun on trial where there is none.
    fn look_for_change(&mut self, flight: &mut Flight, met: Met, settlement: &Settlement) {
        let is_old = flight.epoch != self.epochs.number;
        if !is_old && self.epochs.trial.is_some() {
            return;
        }
        let end = self.end;
        let Some(hop) = self.hop_of(flight.epoch, flight.ttl) else { return };
        let is_known = hop.met.contains(&met);
        let is_other = !hop.met.is_empty() && !hop.met.contains(&met);
        let before = hop.main_met();
        if is_old {
            if is_other {
                self.adopt(flight);
            }
            return;
        }
        // The target nearer than before, where nobody was for long.
        let moved = met.role == Role::Target
            && hop.stats.counters().lost() >= NEVER
            && end.is_some_and(|end| end.reason == StopReason::Reached && flight.ttl < end.ttl);
        let within = end.is_none_or(|end| flight.ttl <= end.ttl);
        if (is_other && within) || (moved && !is_known) {
            let change = Change { ttl: flight.ttl, at: settlement.sent_at, before, after: met };
            self.begin_trial(change, change.ttl);
            self.adopt(flight);
        }
    }

    /// A probe that was sent on the path before turns out to have gone this one.
    pub(crate) fn adopt(&mut self, flight: &mut Flight) {
        if let Some(old) = self.hop_of(flight.epoch, flight.ttl) {
            old.open = old.open.saturating_sub(1);
        }
        flight.epoch = self.epochs.number;
        let asked_at = flight.asked_at;
        if let Some(hop) = self.hop_of(flight.epoch, flight.ttl) {
            flight.query = hop.ask(asked_at);
        }
    }

    pub(crate) fn begin_trial(&mut self, change: Change, back_at: u8) {
        let fresh = Self::new(self.config.clone());
        let is_end = |end: &End| end.ttl > change.ttl && end.reason == StopReason::Reached;
        // Behind the change it is as far as before, until an answer says otherwise.
        let end = self.end.filter(is_end);
        let before = Epoch {
            number: self.epochs.number,
            hops: std::mem::replace(&mut self.hops, fresh.hops),
            end: std::mem::replace(&mut self.end, end),
            state: self.state.take(),
            began_at: self.epochs.began_at.replace(change.at),
            change: None,
        };
        self.epochs.number += 1;
        if let Some(rounds) = &mut self.rounds {
            rounds.known = end.map_or(change.ttl, |end| end.ttl);
        }
        self.progress_at = Some(change.at);
        self.epochs.trial = Some(Box::new(Trial { before, change, back_at, log: Vec::new() }));
    }

    /// Ends the trial when it is decided. `met`: who has just answered on the path on trial.
    fn judge_trial(&mut self, ttl: u8, met: Option<Met>) -> Option<Change> {
        let trial = self.epochs.trial.as_deref()?;
        let was_there = |hop: &Hop, met: &Met| hop.ttl == ttl && hop.met.contains(met);
        let refused = self.end.filter(|end| end.reason == StopReason::Unreachable);
        let may_return = trial.back_at == ttl || refused.is_some_and(|end| end.ttl == ttl);
        let returned = met.is_some_and(|met| {
            may_return && trial.before.hops.iter().any(|hop| was_there(hop, &met))
        });
        if returned {
            self.merge_trial();
            return None;
        }
        let mut change = trial.change;
        if trial.back_at != change.ttl {
            // The target is farther away: what answered first may have gone past it.
            change.ttl = self.reached_at().map_or(change.ttl, |hop| hop.ttl);
        }
        let refuses = refused.and_then(|end| self.hop(end.ttl));
        if let Some(nearer) = self.reached_at().or(refuses).filter(|hop| hop.ttl < change.ttl) {
            // The target is nearer than where the change was seen first, or a router lets nothing pass
            // any more, and behind it nobody is asked.
            let met_before = trial.before.hops.iter().find(|hop| hop.ttl == nearer.ttl);
            change.ttl = nearer.ttl;
            change.before = met_before.and_then(Hop::main_met);
            change.after = nearer.main_met().unwrap_or(change.after);
        }
        let held = self.hop(change.ttl).map_or(0, |hop| match hop.stopped {
            // Who refuses does so sparingly; a second time is no accident.
            REFUSALS.. => hop.asked,
            _ => hop.stats.counters().received(),
        });
        if trial.log.len() > LOGGED {
            self.merge_trial();
            return None;
        }
        if held < HOLDS {
            return None;
        }
        let trial = self.epochs.trial.take()?;
        self.epochs.past.push_back(Epoch { change: Some(change), ..trial.before });
        if self.epochs.past.len() > KEPT {
            self.epochs.past.pop_front();
            self.epochs.omitted += 1;
        }
        Some(change)
    }

    /// Takes all that came on trial into the path before.
    pub(crate) fn merge_trial(&mut self) {
        let Some(trial) = self.epochs.trial.take() else { return };
        let Trial { before, log, .. } = *trial;
        let on_trial = self.epochs.number;
        self.epochs.number = before.number;
        self.epochs.began_at = before.began_at;
        (self.hops, self.end, self.state) = (before.hops, before.end, before.state);
        let open = self.open.iter().filter(|(_, flight)| flight.epoch == on_trial);
        let open = open.map(|(seq, flight)| (*seq, flight.ttl, flight.asked_at, None));
        let settled = log
            .into_iter()
            .map(|(seq, logged)| (seq, logged.ttl, logged.asked_at, Some(logged.outcome)));
        let mut all: Vec<_> = open.chain(settled).collect();
        all.sort_by_key(|(seq, ..)| *seq);
        for (seq, ttl, asked_at, outcome) in all {
            let Some(hop) = self.hop_of(before.number, ttl) else { continue };
            let query = hop.ask(asked_at);
            match (outcome, self.open.get_mut(&seq)) {
                (Some(settlement), _) => {
                    if let Some(hop) = self.hop_of(before.number, ttl) {
                        hop.take(query, settlement);
                    }
                }
                (None, Some(flight)) => (flight.epoch, flight.query) = (before.number, query),
                (None, None) => {}
            }
        }
        self.find_end();
    }

    /// A path as if it were the only one.
    pub(crate) fn as_of(&self, epoch: &Epoch) -> Self {
        let mut only = Self::new(self.config.clone());
        (only.hops, only.end, only.state) = (epoch.hops.clone(), epoch.end, epoch.state);
        only.names = self.names.clone();
        only.rounds.clone_from(&self.rounds);
        only
    }

    /// Begins all figures anew.
    pub(crate) fn reset(&mut self) {
        self.merge_trial();
        let fresh = Self::new(self.config.clone());
        let end = self.end;
        (self.hops, self.state) = (fresh.hops, None);
        self.end = end;
        self.epochs.past.clear();
        self.epochs.omitted = 0;
        self.streak = None;
        (self.size, self.too_big, self.senders) = (self.config.size, fresh.too_big, fresh.senders);
        (self.check, self.contradicted) = (None, None);
        // What is under way belongs to none of them.
        self.epochs.number += 1;
    }
}
