//! What comes next, and what becomes of what came.

use super::round::slots;
use super::series::new_series;
use super::{Measurement, Phase, told, when};
use crate::event::{EventKind, Settled};
use crate::sweep::event::{Event, Found};
use netdiag_engine::outcome::Rejection;
use netdiag_engine::port::Change;
use netdiag_engine::{Events, Measurement as Policy, Next, Outcome, Probe, Stray, WayOut};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, StampSource, Untrusted};
use std::cmp::Reverse;
use std::net::IpAddr;

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.stopped {
            return Next::Quit;
        }
        if let Some(next) = self.next_of_fping(now, events) {
            return next;
        }
        let slots = self.slots.get_or_insert_with(|| slots(&self.config, now));
        let (slot, start) = (slots.due(), slots.start());
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| start + deadline);
        if now >= deadline {
            return Next::Quit;
        }
        if self.open >= self.config.most_open {
            self.held = true;
            return match deadline {
                Instant::FAR => Next::WhenSettled,
                deadline => Next::NotBefore(deadline),
            };
        }
        // fping sends these at once, where nothing holds it.
        let at_once = self.config.fping().is_some() && self.config.floor.is_zero();
        let slot = if at_once { Instant::ZERO } else { slot };
        let retry = self.retries.peek().map(|Reverse((due, _))| (*due).max(slot));
        if retry.is_some_and(|due| due <= now)
            && let Some(Reverse((_, target))) = self.retries.pop()
            && let Some(probe) = self.probe(target, now)
        {
            return probe;
        }
        let upcoming = self.upcoming(now, events);
        if let Some((target, due)) = upcoming
            && due <= now
            && let Some(probe) = self.probe(target, now)
        {
            self.skip(target, now);
            self.position += 1;
            return probe;
        }
        if let Some(address) = self.naming.next(now, &mut self.totals, events) {
            return Next::Lookup(address);
        }
        let wake = self.wake_of_fping();
        let due = retry.into_iter().chain(upcoming.map(|(_, due)| due)).chain(wake).min();
        if due.is_none() && self.open == 0 {
            let names = self.naming.waited_for(now);
            self.complete = names.is_none();
            return names.map_or(Next::Quit, |until| Next::NotBefore(until.min(deadline)));
        }
        match due.unwrap_or(Instant::FAR).min(deadline).min(self.naming.due()) {
            Instant::FAR => Next::WhenSettled,
            due => Next::NotBefore(due),
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        self.totals.sent += 1;
        if self.config.is_series() {
            let mut told = std::mem::take(&mut self.scratch);
            if let Some(series) = self.series_of(probe.target, probe.destination) {
                series.sent(probe, &mut told);
            }
            while told.pop().is_some() {}
            self.scratch = told;
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        self.open = self.open.saturating_sub(1);
        let outcome = &*self.unsourced(probe, outcome);
        match outcome {
            Outcome::Replied(reply) if reply.stamp == StampSource::User => {
                self.totals.user_stamps += 1;
            }
            Outcome::Unknown(_) => self.totals.unknown += 1,
            _ => {}
        }
        if self.config.fping().is_some() {
            return self.settle_as_fping(probe, outcome, events);
        }
        if self.config.is_series() {
            return self.settle_in_series(probe, outcome, events);
        }
        let protocol = self.config.protocol(probe.destination.family());
        let outcome = protocol.understood(probe, outcome).into_owned();
        if self.config.tells_probes {
            let at = when(probe, &outcome, self.config.timeout_of(probe.seq));
            let (seq, sent_at) = (probe.seq, probe.sent_at);
            let settled = Settled { seq, sent_at, outcome: outcome.clone() };
            events.push(told(probe, at, EventKind::Probe(settled)));
        }
        self.settle_once(probe, outcome, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        match stray {
            Stray::Late(_) => self.totals.late += 1,
            Stray::Duplicate(_) => self.totals.duplicates += 1,
            Stray::Rejected(_) | Stray::Advice(_) | Stray::LateError(_) => {}
            Stray::Further(_) | Stray::Repeated(_) => {}
        }
        if let Stray::Late(reply) = stray
            && self.config.fping().is_some()
            && self.late_for_fping(probe, reply, events)
        {
            return;
        }
        let is_once = !self.config.is_series();
        let is_open = self.phases.get(probe.target as usize) != Some(&Phase::Settled);
        if is_once && is_open {
            self.strays.entry(probe.target).or_default().push(probe.seq, stray);
        }
        // What a series makes of it is what there is to tell; where there is none, one made for it.
        let mut told = std::mem::take(&mut self.scratch);
        match self.series.get_mut(probe.target as usize).and_then(Option::as_mut) {
            Some(series) => series.stray(probe, stray, &mut told),
            None => {
                let mut series = new_series(&self.probing, probe.target, probe.destination);
                series.stray(probe, stray, &mut told);
            }
        }
        self.forward(&mut told, events);
        self.scratch = told;
    }

    fn unmatched(&mut self, _: &Rejection, _: &mut Events<Event>) -> bool {
        // Whoever else pings from this machine is answered too; nothing of it is about our probes.
        false
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let (ways, fixed) = (&self.config.ways, self.config.control.source);
        let means = WayOut::told(change, |change| {
            let mut touches = ways.iter().map(|(way, to)| WayOut::after(change, *way, fixed, *to));
            touches.find(|means| *means != WayOut::Untouched).unwrap_or(WayOut::Untouched)
        });
        let Some(means) = means else { return WayOut::Untouched };
        self.totals.changes.on_change(at, change);
        events.push(Event::Changed(at, change.clone()));
        means
    }

    fn has_one_way(&self) -> bool {
        false
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        events.push(Event::Interim(now, self.progress()));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Event>,
    ) {
        self.naming.names.tell(address, result);
        self.named_for_fping(address, result, events);
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        for target in 0..self.config.targets.len() {
            let phase = self.phases.get(target as usize).copied();
            let is_waiting = phase == Some(Phase::Waiting);
            if phase == Some(Phase::Settled) || self.config.fping().is_some() {
                continue;
            }
            if let Some(found) = self.cannot_be_probed(target) {
                self.row(target, now, found, events);
                continue;
            }
            if self.config.is_series() {
                if self.series.get(target as usize).is_some_and(Option::is_some) {
                    self.end_series(target, now, events);
                }
                continue;
            }
            let before = self.pending.take(target);
            if is_waiting && before.is_empty() {
                continue;
            }
            // What is known of it is what the earlier probes say.
            let strays = self.strays.remove(&target).unwrap_or_default();
            let found = Found::Once { before, last: None, in_flight: !is_waiting, strays };
            self.row(target, now, found, events);
        }
        self.naming.end(&mut self.totals, events);
        events.push(Event::Finished(now));
    }
}
