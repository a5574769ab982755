//! What the engine is asked for.

use super::course::Course;
use super::{Fault, Line, Run, Transfer, Transferred};
use crate::class::Class;
use crate::event::{Event, EventKind, Settled};
use crate::measurement::{blank, class_of};
use netdiag_engine::failure::{plain, probe_failure};
use netdiag_engine::port::TalkEnd;
use netdiag_engine::probe::ConnectSpec;
use netdiag_engine::{Events, Heard, Next, Outcome, Probe, ProbeKind, ProbeSpec};
use netdiag_model::Instant;
use netdiag_model::failure::Stage;
use netdiag_tls::Layer;
use std::sync::Arc;

impl Transfer {
    fn deadline(&self) -> Instant {
        let deadline = self.started_at.zip(self.config.deadline);
        deadline.map_or(Instant::FAR, |(started_at, deadline)| started_at + deadline)
    }

    pub(crate) fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        self.started_at.get_or_insert(now);
        let deadline = self.deadline();
        if self.is_stopped || now >= deadline {
            return Next::Quit;
        }
        loop {
            if let Some((seq, last)) = self.ending.front_mut() {
                let seq = *seq;
                if !last.is_empty() {
                    return Next::Say(seq, std::mem::take(last));
                }
                self.ending.pop_front();
                return Next::HangUp(seq);
            }
            if let Some(run) = &mut self.run {
                let output = run.line.take_output();
                if !output.is_empty() {
                    return Next::Say(run.line.seq, output);
                }
                // Until it opens the engine waits.
                let due = run.line.got_on_at + self.config.timeout;
                if run.line.opened.is_none() || now < due {
                    let due = if run.line.opened.is_none() { Instant::FAR } else { due };
                    return match due.min(deadline) {
                        Instant::FAR => Next::WhenSettled,
                        at => Next::NotBefore(at),
                    };
                }
                self.silent(now, events);
                continue;
            }
            if self.is_over || self.server >= self.config.servers.len() {
                self.is_over = true;
                return Next::Done;
            }
            if let Some(spec) = self.begin(now, events) {
                return Next::Probe(spec);
            }
        }
    }

    /// The probe that opens the connection to the next server.
    fn begin(&mut self, now: Instant, events: &mut Events<Event>) -> Option<ProbeSpec> {
        let config = Arc::clone(&self.config);
        let (server, target) = (config.servers.get(self.server)?, config.targets.first()?);
        let destination = match &server.destination {
            Ok(destination) => *destination,
            Err(failure) => {
                let failure = Some(failure.clone());
                let blank = blank(1, now, self.config.transport);
                let settled = Settled { class: Class::Unresolved, failure, ..blank };
                self.conclude(now, settled, events);
                return None;
            }
        };
        self.probes += 1;
        let seq = self.probes;
        let id = config.secret.message_id(config.numbers_from.wrapping_add(seq));
        let question = &target.question;
        let cookie = config.own_cookie(destination);
        let query = config.query.transfer(id, question, &cookie, self.wanted.since);
        let signed = config.tsig.as_ref().and_then(|tsig| tsig.sign(now, &query));
        let (query, signed) = match signed {
            Some((query, signed)) => (query, Some(signed)),
            None => (query, None),
        };
        let zone = question.name.presented();
        self.run = Some(Run {
            line: Line::new(seq, now, &query),
            id,
            signed,
            course: Course::new(zone.as_str(), self.wanted.since),
            so_far: Transferred::default(),
            head: None,
            blank: 0,
        });
        Some(ProbeSpec {
            target: 0,
            seq,
            destination,
            timeout: config.timeout,
            patience: config.patience,
            control: config.control,
            kind: ProbeKind::Connect(ConnectSpec { stays: true, ..ConnectSpec::to(server.port) }),
        })
    }

    pub(crate) fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let Some(run) = self.run.as_mut().filter(|run| run.line.seq == probe.seq) else { return };
        if let Outcome::Replied(reply) = outcome {
            let at = reply.received_at;
            let server = self.config.servers.get(self.server);
            let layer = self.config.tls.as_ref().zip(server).map(|(tls, server)| {
                let given = server.given.host();
                let name = tls.name.as_deref().unwrap_or_else(|| given.as_raw());
                // RFC 9103 section 7.1.
                Layer::new(&tls.client, &tls.terms(name, &["dot"]), &tls.anchor, at)
            });
            run.line.open(at, reply.rtt, layer);
            if run.line.layer.as_ref().is_some_and(|layer| layer.fault().is_some()) {
                self.tls_failed(at, events);
            }
            return;
        }
        let (class, _) = class_of(outcome);
        let mut failure = probe_failure(outcome);
        if matches!(outcome, Outcome::TimedOut) {
            let why = "the connection did not open in time";
            failure = Some(plain(Stage::Connect, "timeout", why));
        }
        self.run = None;
        let blank = blank(1, probe.sent_at, self.config.transport);
        self.conclude(probe.sent_at, Settled { class, failure, ..blank }, events);
    }

    pub(crate) fn heard(
        &mut self,
        probe: &Probe,
        at: Instant,
        heard: Heard<'_>,
        events: &mut Events<Event>,
    ) {
        let Some(run) = self.run.as_mut().filter(|run| run.line.seq == probe.seq) else { return };
        let is_well = match heard {
            Heard::Said => return,
            Heard::Bytes(bytes) => run.line.hear(at, bytes),
            Heard::End(end) => return self.broken_off(at, end, events),
        };
        while let Some(message) = self.run.as_mut().and_then(|run| run.line.message()) {
            self.message(at, &message, events);
        }
        if self.run.is_some() && !is_well {
            self.tls_failed(at, events);
        } else if self.run.as_ref().is_some_and(|run| run.line.is_over()) {
            self.broken_off(at, TalkEnd::Closed, events);
        }
    }

    pub(crate) const fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub(crate) fn interim(&self, now: Instant, events: &mut Events<Event>) {
        let done = self.ended.iter().filter(|(_, it)| it.class.is_said()).count() as u64;
        let asked = (self.ended.len() + usize::from(self.run.is_some())) as u64;
        events.push(Event { at: now, kind: EventKind::Interim(done, asked) });
    }

    pub(crate) fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        match &self.run {
            Some(run) if run.so_far.messages > 0 => self.fail(now, Fault::Ended, events),
            Some(_) => {
                let failure = plain(Stage::Request, "ended", "the run ended before an answer came");
                self.end(now, Class::Unknown, Some(failure), None, events);
            }
            None => {}
        }
    }
}
