//! What comes next, and what becomes of what came.

use super::Measurement;
use crate::syn::event::{Answer, Ending, Event};
use netdiag_engine::outcome::Rejection;
use netdiag_engine::port::Change;
use netdiag_engine::slots::Slots;
use netdiag_engine::{Events, Measurement as Policy, Next, Outcome, Probe, Stray, WayOut};
use netdiag_model::Instant;
use std::cmp::Reverse;
use std::sync::Arc;

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.stopped {
            return Next::Quit;
        }
        let spacing = self.config.spacing;
        let slots = self.slots.get_or_insert_with(|| Slots::new(now, spacing));
        let (slot, start) = (slots.due(), slots.start());
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| start + deadline);
        if now >= deadline {
            return Next::Quit;
        }
        let mut due = Instant::FAR;
        if let Some(Reverse((from, place))) = self.retries.peek().copied() {
            let from = from.max(slot).max(self.free_at(place));
            if from <= now {
                self.retries.pop();
                // A late answer may have made it needless.
                let is_wanted =
                    self.ports.get(place as usize).is_some_and(|it| it.ending.is_none());
                if is_wanted && let Some(probe) = self.probe(place, now, events) {
                    return probe;
                }
                return Next::NotBefore(now);
            }
            due = due.min(from);
        }
        while let Some(place) = self.upcoming() {
            let from = slot.max(self.free_at(place));
            due = due.min(from);
            if from > now {
                break;
            }
            self.upcoming = None;
            if let Some(probe) = self.probe(place, now, events) {
                return probe;
            }
        }
        let is_over = self.upcoming.is_none() && self.retries.is_empty() && self.in_flight == 0;
        if is_over {
            let Some(place) = self.unsure() else {
                self.complete = true;
                return Next::Done;
            };
            due = slot.max(self.free_at(place));
            if due <= now {
                self.sure(place);
                return self.probe(place, now, events).unwrap_or(Next::NotBefore(now));
            }
        }
        match due.min(deadline) {
            Instant::FAR => Next::WhenSettled,
            due => Next::NotBefore(due),
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        self.totals.sent += 1;
        if let Some(port) = self.ports.get_mut(probe.target as usize) {
            port.sent = port.sent.saturating_add(1);
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let place = probe.target;
        let timeout = self.config.timeout_of(probe.seq);
        let Some(port) = self.ports.get_mut(place as usize) else { return };
        port.in_flight = false;
        let (rtt, from_answer) = match outcome {
            Outcome::Replied(reply) => {
                port.received = port.received.saturating_add(1);
                (reply.rtt, Answer::of(reply))
            }
            Outcome::NetError(error) => (error.rtt, None),
            Outcome::TimedOut => (timeout, None),
            _ => (std::time::Duration::ZERO, None),
        };
        if let Outcome::LocalError(error) = outcome {
            self.totals.unsent.count(error);
        }
        if matches!(outcome, Outcome::Unknown(_)) {
            self.totals.unknown += 1;
            port.ended[1] = port.ended[1].saturating_add(1);
        }
        self.tell_try(probe, outcome, rtt, events);
        let Some(port) = self.ports.get_mut(place as usize) else { return };
        port.ended[0] = port.ended[0].saturating_add(1);
        if port.ending.is_some() {
            // It was asked once more, or a late answer had come first.
            port.seen_again = from_answer.and_then(|answer| answer.hop_limit);
            return;
        }
        let port = port.clone();
        if self.wants_retry(&port, outcome) && !self.stopped {
            // An error may come at once; the next SYN waits as if there had been none.
            self.retries.push(Reverse((probe.sent_at + timeout, place)));
            return;
        }
        let ending = self.ending(probe, outcome);
        self.end(place, probe.sent_at + rtt, ending, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        let (place, seq) = (probe.target, probe.seq);
        let Some((target, port)) = self.port_of(place) else { return };
        let strays = self.strays.entry(target).or_default();
        match stray {
            Stray::Late(reply) => {
                strays.late += 1;
                self.totals.late += 1;
                if let Some(port) = self.ports.get_mut(place as usize) {
                    port.received = port.received.saturating_add(1);
                }
                let reply = reply.clone();
                // What it says of the port is true however late it says it.
                let answer = Answer::of(&reply).map(Ending::Answered);
                let at = reply.received_at;
                events.push(Event::Again { target, port, seq, late: true, reply });
                if let Some(answer) = answer {
                    self.end(place, at, answer, events);
                }
            }
            Stray::LateError(error) => {
                let said = self.ending(probe, &Outcome::NetError(*error));
                self.end(place, probe.sent_at + error.rtt, said, events);
            }
            Stray::Duplicate(reply) | Stray::Further(reply) => {
                strays.duplicates += 1;
                let reply = reply.clone();
                events.push(Event::Again { target, port, seq, late: false, reply });
            }
            Stray::Rejected(rejection) => {
                *strays.rejected.entry(rejection.reason).or_default() += 1;
                let (target, seq) = (Some(target), Some(seq));
                events.push(Event::Rejected { target, seq, rejection: *rejection });
            }
            Stray::Repeated(_) | Stray::Advice(_) => {}
        }
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        // The ports that it came to are ours alone.
        let about = rejection.about.unwrap_or(rejection.from).address();
        let target = self.number_of(about);
        let counts = match target {
            Some(target) => &mut self.strays.entry(target).or_default().rejected,
            None => &mut self.totals.rejected,
        };
        *counts.entry(rejection.reason).or_default() += 1;
        events.push(Event::Rejected { target, seq: None, rejection: *rejection });
        true
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let config = Arc::clone(&self.config);
        let means = WayOut::told(change, |change| {
            let ways = config.ways.iter();
            let mut touches =
                ways.map(|(way, to)| WayOut::after(change, *way, config.control.source, *to));
            touches.find(|means| *means != WayOut::Untouched).unwrap_or(WayOut::Untouched)
        });
        let Some(means) = means else { return WayOut::Untouched };
        self.totals.changes.on_change(at, change);
        events.push(Event::Changed(at, change.clone()));
        means
    }

    fn has_one_way(&self) -> bool {
        self.places.targets() == 1
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        events.push(Event::Interim(now, self.progress()));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        events.push(Event::Finished(now));
    }
}
