//! What comes next, and what becomes of what came.

use super::count::{outage_event, outage_of};
use crate::Measurement;
use crate::config::Manner;
use crate::event::{Event, EventKind, Interim, Settled};
use netdiag_engine::outcome::Rejection;
use netdiag_engine::port::Change;
use netdiag_engine::{Events, Measurement as Policy, Next, Outcome, Probe, Stray, WayOut};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::net::IpAddr;
use std::time::Duration;

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, _: &mut Events<Event>) -> Next {
        let drive = self.drive.get_or_insert_default();
        if drive.stopped {
            return Next::Quit;
        }
        if drive.progress.reached().is_some() {
            drive.complete = true;
            return Next::Quit;
        }
        let started = *drive.started_at.get_or_insert(now);
        if self.config.wants_name && !drive.name_asked {
            drive.name_asked = true;
            return Next::Lookup(self.config.destination.address());
        }
        if let Some(next) = self.next_of_iputils(now, started) {
            return next;
        }
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| started + deadline);
        if now >= deadline {
            return Next::Quit;
        }
        let begun = self.drive().begun;
        let is_sent = self.config.count.is_some_and(|count| begun >= count);
        if is_sent && self.config.manner == Manner::Settled {
            if self.drive().open == 0 {
                let heard_until = self.group.as_ref().and_then(|group| group.heard_until);
                if let Some(until) = heard_until.filter(|until| now < *until) {
                    return Next::NotBefore(until.min(deadline));
                }
                self.drive().complete = true;
                return Next::Done;
            }
            return if deadline == Instant::FAR {
                Next::WhenSettled
            } else {
                Next::NotBefore(deadline)
            };
        }
        match self.take_slot(now) {
            Ok(()) => self.probe(now),
            Err(due) => Next::NotBefore(due.min(deadline)),
        }
    }

    fn sent(&mut self, probe: &Probe, events: &mut Events<Event>) {
        self.stats.on_sent();
        if self.is_group() {
            let until = Some(probe.sent_at + self.config.timeout);
            let group = self.group.get_or_insert_default();
            group.heard_until = group.heard_until.max(until);
        }
        self.first_at.get_or_insert(probe.sent_at);
        self.last_at = self.last_at.max(Some(probe.sent_at));
        if self.config.tells_probes {
            events.push(self.event(probe.sent_at, EventKind::Sent { seq: probe.seq }));
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let outcome = &*self.config.protocol.understood(probe, outcome);
        let mut at = probe.sent_at;
        match outcome {
            Outcome::Replied(reply) => {
                at = reply.received_at;
                self.tally.on_reply(reply, self.is_group());
                self.answered(probe.seq, reply);
                if reply.corruption.is_some() {
                    self.stats.on_corrupted();
                }
            }
            Outcome::NetError(error) => {
                at = probe.sent_at + error.rtt;
                self.tally.on_icmp(error);
                self.tally.on_error(probe.seq, error);
            }
            Outcome::TimedOut => at = probe.sent_at + self.config.timeout,
            Outcome::LocalError(error) => {
                self.tally.on_local_error(error);
            }
            Outcome::Refused(refusal) => {
                at = probe.sent_at + refusal.rtt;
                self.tally.on_refused(refusal.errno);
            }
            Outcome::Unknown(_) => self.tally.on_unknown(probe.seq),
        }
        self.last_at = self.last_at.max(Some(at));
        if let Some(drive) = &mut self.drive {
            drive.on_settled(outcome, &self.config.manner);
            if let Some(goal) = self.config.goal {
                drive.progress.on_settled(goal, probe.seq, at, outcome);
            }
        }
        if self.config.tells_probes {
            let (seq, sent_at) = (probe.seq, probe.sent_at);
            let settled = Settled { seq, sent_at, outcome: outcome.clone() };
            events.push(self.event(at, EventKind::Probe(settled)));
        }
        // Of a series that a sweep feeds, the sweep knows what comes next.
        if let Some(next_seq) = self.drive.as_ref().map(|drive| drive.next_seq()) {
            self.rotate_identifier(at, probe.seq, outcome, next_seq, events);
        }
        self.count(probe, outcome, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        if let Some(drive) = &mut self.drive {
            drive.on_stray(stray);
        }
        let kind = self.strayed(probe.seq, stray);
        events.push(self.event(stray.at(probe), kind));
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        if !self.config.destination.is_source(rejection.from) {
            return false;
        }
        self.tally.on_rejected(rejection);
        let kind = EventKind::Rejected { seq: None, rejection: *rejection };
        events.push(self.event(rejection.at, kind));
        true
    }

    fn named(
        &mut self,
        _: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Event>,
    ) {
        let last_at = self.last_at;
        let drive = self.drive();
        drive.iputils.name_came = true;
        if let Ok(Some(name)) = result {
            drive.name = Some(name.clone());
            let at = last_at.or(drive.started_at).unwrap_or_default();
            events.push(self.event(at, EventKind::Named(name.clone())));
        }
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let means = WayOut::told(change, |change| self.touched_by(change));
        let Some(means) = means else { return WayOut::Untouched };
        self.tally.on_change(at, change);
        events.push(self.event(at, EventKind::Changed(change.clone())));
        means
    }

    fn way_at_start(&self) -> WayOut {
        self.first_way()
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        let counters = self.stats.counters();
        let rtt = self.stats.rtt();
        let interim = Interim {
            to: self.config.destination.address(),
            sent: counters.sent(),
            received: counters.received(),
            loss: counters.loss(),
            rtt: rtt.min().zip(rtt.mean()).zip(rtt.max()).map(|((min, mean), max)| {
                let ewma = self.drive.as_ref().and_then(|drive| drive.ewma_nanos);
                let ewma = ewma.unwrap_or_default();
                [min, mean, Duration::from_nanos(ewma as u64), max]
            }),
        };
        events.push(self.event(now, EventKind::Interim(Box::new(interim))));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.drive().stopped = true;
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        let index = self.config.target_index;
        let end = self.last_at.unwrap_or(now);
        let open =
            self.stats.finish(end.as_nanos(), |change| events.push(outage_event(index, change)));
        if let Some(outage) = open.map(|outage| outage_of(&outage)) {
            self.ongoing_outage = Some(Box::new(outage));
            events.push(self.event(end, EventKind::OutageEnded(outage)));
        }
        events.push(self.event(now, EventKind::Finished));
    }
}
