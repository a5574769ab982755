//! The policy: when the next request is due, and what an outcome means.

use crate::config::{Cast, Config, Manner, PROBES_KEPT};
use crate::drive::Drive;
use crate::event::{Cause, Event, EventKind, Interim, Outage, Settled};
use crate::outage::{outage_event, outage_of};
use crate::sources::Sources;
use crate::tally::Tally;
use netdiag_engine::outcome::{Rejection, Reply};
use netdiag_engine::port::Change;
use netdiag_engine::schedule::Schedule;
use netdiag_engine::stats::{SeriesStats, SettledKind};
use netdiag_engine::{
    Events, Measurement as Policy, Next, Outcome, Probe, ProbeSpec, Stray, WayOut,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// The longest that a probe waits for the one before when there is no interval (iputils' flood).
const BACK_TO_BACK: Duration = Duration::from_millis(10);
/// How much longer than the mean round trip an adaptive series waits for an answer.
const ADAPTIVE_GRACE: Duration = Duration::from_millis(1);
/// A series of probes to one target, and what came of it.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub(crate) config: Config,
    pub(crate) stats: SeriesStats<Cause>,
    pub(crate) tally: Tally,
    /// Of a group only.
    pub(crate) group: Option<Box<Group>>,
    pub(crate) kept: Option<Box<Kept>>,
    pub(crate) first_at: Option<Instant>,
    pub(crate) last_at: Option<Instant>,
    pub(crate) ongoing_outage: Option<Box<Outage>>,
    /// `None` until it is asked what comes next.
    pub(crate) drive: Option<Box<Drive>>,
}

/// What is known of the hosts of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// Who answered.
    pub(crate) sources: Sources,
    /// Until when further hosts are waited for.
    heard_until: Option<Instant>,
}

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
    /// A series that has not begun; it begins when it is first asked what comes next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            stats: SeriesStats::new(),
            tally: Tally::default(),
            group: None,
            kept: None,
            first_at: None,
            last_at: None,
            ongoing_outage: None,
            drive: None,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The statistics so far.
    #[must_use]
    pub const fn stats(&self) -> &SeriesStats<Cause> {
        &self.stats
    }

    /// From the first send to the last thing that happened, `None` before the first send.
    #[must_use]
    pub fn span(&self) -> Option<Duration> {
        let began = self.drive.as_ref().and_then(|drive| drive.started_at);
        Some(self.last_at?.since(began.or(self.first_at)?))
    }

    /// The most probes that were under way at once.
    #[must_use]
    pub fn pipe(&self) -> u64 {
        self.drive.as_ref().map_or(0, |drive| drive.pipe)
    }

    /// How many round trips were taken with this process's clock instead of the kernel's.
    #[must_use]
    pub const fn user_stamps(&self) -> u64 {
        self.tally.user_stamps
    }

    /// How many probes were never begun, since their time was long over.
    pub(crate) fn skipped(&self) -> u64 {
        let schedule = self.drive.as_ref().and_then(|drive| drive.schedule.as_ref());
        self.tally.skipped + schedule.map_or(0, Schedule::missed)
    }

    /// Whether the series ended by itself, not by a signal or a deadline.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.drive.as_ref().is_some_and(|drive| drive.complete)
    }

    pub(crate) fn drive(&mut self) -> &mut Drive {
        self.drive.get_or_insert_default()
    }

    /// Whether a probe is due; takes its slot if one is.
    fn take_slot(&mut self, now: Instant) -> Result<(), Instant> {
        let preload = self.config.preload;
        let (is_adaptive, interval) = (self.config.adaptive.is_some(), self.interval());
        let drive = self.drive();
        if is_adaptive && !interval.is_zero() {
            // While an answer is due it is waited for a little: the mean is no upper bound.
            let grace = if drive.open > 0 { ADAPTIVE_GRACE } else { Duration::ZERO };
            let due = drive.last_sent.map_or(now, |last| last + interval + grace);
            let free = drive.next_seq() <= preload || due <= now;
            return if free { Ok(()) } else { Err(due) };
        }
        let schedule = drive.schedule.get_or_insert_with(|| Schedule::new(now, interval, preload));
        if interval.is_zero() {
            let earliest = drive.last_sent.map_or(now, |last| last + BACK_TO_BACK);
            let free = drive.open == 0 || drive.next_seq() <= preload;
            return if free || earliest <= now { Ok(()) } else { Err(earliest) };
        }
        if schedule.take(now) { Ok(()) } else { Err(schedule.due()) }
    }

    /// From one probe to the next: as iputils, the mean round trip in whole milliseconds where the
    /// interval adapts itself.
    fn interval(&self) -> Duration {
        let mean = self.drive.as_ref().and_then(|drive| drive.ewma_nanos);
        match (self.config.adaptive, mean) {
            (Some(least), Some(mean)) => {
                let mean = Duration::from_nanos(mean as u64) + Duration::from_micros(500);
                Duration::from_millis(u64::try_from(mean.as_millis()).unwrap_or(u64::MAX))
                    .max(least)
            }
            _ => self.config.interval,
        }
    }

    fn probe(&mut self, now: Instant) -> Next {
        let seq = self.drive().begin(now);
        Next::Probe(ProbeSpec {
            target: 0,
            seq,
            destination: self.config.destination,
            timeout: self.config.timeout,
            patience: self.config.interval.clamp(BACK_TO_BACK, Duration::from_secs(1)),
            control: self.config.control,
            kind: self.kind(now),
        })
    }

    fn event(&self, at: Instant, kind: EventKind) -> Event {
        Event { target_index: self.config.target_index, at, kind }
    }

    /// Counts a probe, tells of outages that begin or end with it, and keeps it.
    fn count(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
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

    /// Whether many hosts may answer.
    pub(crate) fn is_group(&self) -> bool {
        self.config.cast != Cast::Unicast
    }

    /// Notes which host of a group answered; returns whether it had answered that probe before.
    fn answered(&mut self, seq: u64, reply: &Reply) -> bool {
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

    /// Uses another identifier where the old one is answered no more, and tells of it.
    fn rotate_identifier(
        &mut self,
        at: Instant,
        seq: u64,
        outcome: &Outcome,
        events: &mut Events<Event>,
    ) {
        if self.config.identifiers < 2 || self.config.manner != Manner::Settled {
            return;
        }
        let Some(drive) = &mut self.drive else { return };
        let next_seq = drive.next_seq();
        if let Some(change) = drive.rotation.on_settled(seq, outcome, next_seq) {
            events.push(self.event(at, EventKind::Identifier(change)));
        }
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, _: &mut Events<Event>) -> Next {
        let drive = self.drive.get_or_insert_default();
        if drive.stopped {
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
                self.tally.on_refused();
            }
            Outcome::Unknown(_) => self.tally.on_unknown(probe.seq),
        }
        self.last_at = self.last_at.max(Some(at));
        if let Some(drive) = &mut self.drive {
            drive.on_settled(outcome, &self.config.manner);
        }
        if self.config.tells_probes {
            let (seq, sent_at) = (probe.seq, probe.sent_at);
            let settled = Settled { seq, sent_at, outcome: outcome.clone() };
            events.push(self.event(at, EventKind::Probe(settled)));
        }
        self.rotate_identifier(at, probe.seq, outcome, events);
        self.count(probe, outcome, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        let seq = probe.seq;
        if let Some(drive) = &mut self.drive {
            drive.on_stray(stray);
        }
        let kind = match stray {
            Stray::Late(reply) => {
                self.stats.on_late();
                self.tally.on_late(seq, reply);
                self.answered(seq, reply);
                if let Some(record) = self.record(seq) {
                    record.late_rtt = Some(reply.rtt);
                }
                EventKind::Late { seq, reply: reply.clone() }
            }
            Stray::Duplicate(reply) => self.duplicate(seq, reply),
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
        };
        let at = match stray {
            Stray::Late(reply) | Stray::Duplicate(reply) | Stray::Further(reply) => {
                reply.received_at
            }
            Stray::Rejected(rejection) => rejection.at,
            Stray::Advice(error) | Stray::LateError(error) => probe.sent_at + error.rtt,
        };
        events.push(self.event(at, kind));
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
        let means = match change {
            Change::Interface(change) => self.touched_by(change),
            _ => WayOut::Untouched,
        };
        if matches!(change, Change::Interface(_)) && means == WayOut::Untouched {
            return means;
        }
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

#[cfg(test)]
mod tests;
