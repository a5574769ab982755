//! Which target comes next, and when it is probed again.

use super::{Measurement, Phase, when};
use crate::event::Settled;
use crate::protocol::{Protocol, SYN_PORTS};
use crate::sweep::config::Config;
use crate::sweep::event::{Event, Found};
use netdiag_engine::outcome::Why;
use netdiag_engine::port::Control;
use netdiag_engine::slots::Slots;
use netdiag_engine::{Events, Next, Outcome, Probe, ProbeSpec};
use netdiag_model::Instant;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

/// How often a target is probed again because this machine made a sample meaningless.
const UNKNOWN_RETRIES: u64 = 3;
/// Errors that pass by themselves (ENOBUFS, EAGAIN, ENOMEM, EDQUOT).
const TRANSIENT: [i32; 4] = [105, 11, 12, 122];

impl Measurement {
    /// The next target of the round that can be probed, and when it is due; tells of those that
    /// cannot be.
    pub(super) fn upcoming(
        &mut self,
        now: Instant,
        events: &mut Events<Event>,
    ) -> Option<(u32, Instant)> {
        let all = u64::from(self.config.targets.len());
        let wanted = all.saturating_mul(self.config.count);
        while self.position < wanted {
            let target = u32::try_from(self.position % all).unwrap_or(u32::MAX);
            let found = self.cannot_be_probed(target);
            if found.is_none() {
                let (round, slots) = (self.position / all, self.slots.as_ref()?);
                return Some((target, slots.of_round(round, target, self.config.interval)));
            }
            if let Some(found) = found.filter(|_| self.position < all) {
                self.row(target, now, found, events);
            }
            self.position += 1;
        }
        None
    }

    /// What becomes of a target that has no address, or that nothing here can send to.
    pub(super) fn cannot_be_probed(&self, target: u32) -> Option<Found> {
        let Some(to) = self.config.targets.get(target).and_then(|target| target.destination())
        else {
            return Some(Found::Nothing);
        };
        self.config.refused(to.family()).map(|failure| Found::Refused(Arc::clone(failure)))
    }

    pub(super) fn probe(&mut self, target: u32, now: Instant) -> Option<Next> {
        let destination = self.config.targets.get(target)?.destination()?;
        let seq = match self.config.count {
            _ if self.config.fping().is_some() => self.next_try_of_fping(target, self.position),
            1 => self.pending.count(target).0 + 1,
            _ => self.position / u64::from(self.config.targets.len()) + 1,
        };
        if let Some(phase) = self.phases.get_mut(target as usize) {
            *phase = Phase::InFlight;
        }
        if self.config.wants_names {
            self.naming.names.want(destination.address());
        }
        self.slots.get_or_insert_with(|| slots(&self.config, now)).take(now);
        self.open += 1;
        let protocol = self.config.protocol(destination.family());
        let timeout = self.config.timeout_of(seq);
        let data = (self.config.size, self.config.pattern);
        // Each SYN to a target begins a connection of its own.
        let flow = match protocol {
            Protocol::Syn { .. } => u8::try_from((seq - 1) % u64::from(SYN_PORTS)).unwrap_or(0),
            Protocol::Icmp => self.flow(target),
            _ => 0,
        };
        Some(Next::Probe(ProbeSpec {
            target,
            seq,
            destination,
            timeout,
            patience: timeout.min(Duration::from_secs(1)),
            control: self.control(target, protocol),
            kind: protocol.probe(destination.family(), data, flow, false),
        }))
    }

    /// What became of a probe: of a SYN that had no source, why it has none.
    pub(super) fn unsourced<'a>(&self, probe: &Probe, outcome: &'a Outcome) -> Cow<'a, Outcome> {
        let is_syn =
            matches!(self.config.protocol(probe.destination.family()), Protocol::Syn { .. });
        let has_none = is_syn && self.config.control.source.is_none();
        match (outcome, has_none.then(|| self.config.sources.of(probe.target))) {
            (Outcome::LocalError(_), Some(Err(why))) => Cow::Owned(Outcome::LocalError(why)),
            _ => Cow::Borrowed(outcome),
        }
    }

    /// What travels with a probe to a target.
    fn control(&self, target: u32, protocol: Protocol) -> Control {
        let mut control = self.config.control;
        if matches!(protocol, Protocol::Syn { .. }) && control.source.is_none() {
            control.source = self.config.sources.of(target).ok();
        }
        control
    }

    /// Skips the rounds that have passed while this process did not run, if the probe that leaves now
    /// is that late, and counts them.
    pub(super) fn skip(&mut self, target: u32, now: Instant) {
        let (all, config) = (self.config.targets.len(), Arc::clone(&self.config));
        let round = self.position / u64::from(all.max(1));
        let Some(slots) = self.slots.as_mut().filter(|_| config.count > 1) else { return };
        if std::mem::take(&mut self.held) {
            return slots.delay(now, round, target, config.interval);
        }
        let skipped = slots.skip(now, round, target, config.interval);
        if skipped == 0 || !config.is_series() {
            return;
        }
        // Those that have had their last probe have nothing to skip.
        let first = if round + 1 < config.count { 0 } else { target + 1 };
        // Those that have not begun have a whole series before them.
        for series in self.series.iter_mut().skip(first as usize).flatten() {
            series.tally.on_skipped(skipped);
        }
    }

    /// Whether a target is probed again after this outcome, of which it is known already how many
    /// came before.
    pub(super) fn wants_retry(&self, target: u32, outcome: &Outcome) -> bool {
        let (ended, unknown) = self.pending.count(target);
        let spent = ended - unknown;
        match outcome {
            // Nothing that passes by itself.
            Outcome::Unknown(Why::RefuserUnknown) => {
                unknown < UNKNOWN_RETRIES.min(self.config.retries.into())
            }
            Outcome::Unknown(_) => unknown < UNKNOWN_RETRIES,
            Outcome::LocalError(error) if !TRANSIENT.contains(&error.errno) => false,
            Outcome::TimedOut | Outcome::NetError(_) | Outcome::LocalError(_) => {
                spent < u64::from(self.config.retries)
            }
            Outcome::Replied(_) | Outcome::Refused(_) => false,
        }
    }

    pub(super) fn settle_once(
        &mut self,
        probe: &Probe,
        outcome: Outcome,
        events: &mut Events<Event>,
    ) {
        let target = probe.target;
        if self.wants_retry(target, &outcome) && !self.stopped {
            self.pending.push(target, probe.sent_at, &outcome);
            if let Some(phase) = self.phases.get_mut(target as usize) {
                *phase = Phase::Waiting;
            }
            // An error may come at once; the next probe waits as if there had been none.
            let due = probe.sent_at + self.config.timeout_of(probe.seq).max(self.config.floor);
            self.retries.push(Reverse((due, target)));
            return;
        }
        let before = self.pending.take(target);
        let at = when(probe, &outcome, self.config.timeout_of(probe.seq));
        let last = Some(Settled { seq: probe.seq, sent_at: probe.sent_at, outcome });
        let strays = self.strays.remove(&target).unwrap_or_default();
        self.row(target, at, Found::Once { before, last, in_flight: false, strays }, events);
    }
}

pub(super) fn slots(config: &Config, now: Instant) -> Slots {
    match config.count {
        _ if config.fping().is_some() => Slots::new(now, config.spacing),
        1 => Slots::new(now, config.spacing),
        _ => Slots::of_series(now, config.spacing, config.interval),
    }
}
