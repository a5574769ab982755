//! The policy: when the next request is due, and what an outcome means.

use crate::config::{Cast, Config, Manner, PROBES_KEPT};
use crate::event::{Cause, Event, EventKind, Interim, Outage, Settled};
use crate::iputils::Series;
use crate::rotation::Rotation;
use crate::sources::Sources;
use crate::tally::Tally;
use netdiag_engine::outcome::{Rejection, Reply};
use netdiag_engine::port::Change;
use netdiag_engine::schedule::Schedule;
use netdiag_engine::stats::{self, OutageChange, SeriesStats, SettledKind};
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
    /// Who answered, of a group.
    pub(crate) sources: Sources,
    /// Until when further hosts of a group are waited for.
    heard_until: Option<Instant>,
    pub(crate) name: Option<Untrusted>,
    pub(crate) probes: BTreeMap<u64, ProbeRecord>,
    pub(crate) probes_omitted: u64,
    pub(crate) started_at: Option<Instant>,
    pub(crate) last_at: Option<Instant>,
    pub(crate) ongoing_outage: Option<Outage>,
    schedule: Option<Schedule>,
    pub(crate) next_seq: u64,
    pub(crate) last_sent: Option<Instant>,
    open: u64,
    pub(crate) rotation: Rotation,
    name_asked: bool,
    stopped: bool,
    pub(crate) iputils: Series,
    pub(crate) complete: bool,
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
            sources: Sources::default(),
            heard_until: None,
            name: None,
            probes: BTreeMap::new(),
            probes_omitted: 0,
            started_at: None,
            last_at: None,
            ongoing_outage: None,
            schedule: None,
            next_seq: 1,
            last_sent: None,
            open: 0,
            rotation: Rotation::default(),
            name_asked: false,
            stopped: false,
            iputils: Series::default(),
            complete: false,
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
        Some(self.last_at?.since(self.started_at?))
    }

    /// The most probes that were under way at once.
    #[must_use]
    pub const fn pipe(&self) -> u64 {
        self.tally.pipe
    }

    /// How many round trips were taken with this process's clock instead of the kernel's.
    #[must_use]
    pub const fn user_stamps(&self) -> u64 {
        self.tally.user_stamps
    }

    /// How many probes were never begun, since their time was long over.
    pub(crate) fn skipped(&self) -> u64 {
        self.schedule.as_ref().map_or(0, Schedule::missed)
    }

    /// Whether the series ended by itself, not by a signal or a deadline.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether a probe is due; takes its slot if one is.
    fn take_slot(&mut self, now: Instant) -> Result<(), Instant> {
        let Config { preload, .. } = self.config;
        let interval = self.interval();
        if self.config.adaptive.is_some() && !interval.is_zero() {
            // While an answer is due it is waited for a little: the mean is no upper bound.
            let grace = if self.open > 0 { ADAPTIVE_GRACE } else { Duration::ZERO };
            let due = self.last_sent.map_or(now, |last| last + interval + grace);
            let free = self.next_seq <= preload || due <= now;
            return if free { Ok(()) } else { Err(due) };
        }
        let schedule = self.schedule.get_or_insert_with(|| Schedule::new(now, interval, preload));
        if interval.is_zero() {
            let earliest = self.last_sent.map_or(now, |last| last + BACK_TO_BACK);
            let free = self.open == 0 || self.next_seq <= preload;
            return if free || earliest <= now { Ok(()) } else { Err(earliest) };
        }
        if schedule.take(now) { Ok(()) } else { Err(schedule.due()) }
    }

    /// From one probe to the next: as iputils, the mean round trip in whole milliseconds where the
    /// interval adapts itself.
    fn interval(&self) -> Duration {
        match (self.config.adaptive, self.tally.ewma_nanos) {
            (Some(least), Some(mean)) => {
                let mean = Duration::from_nanos(mean as u64) + Duration::from_micros(500);
                Duration::from_millis(u64::try_from(mean.as_millis()).unwrap_or(u64::MAX))
                    .max(least)
            }
            _ => self.config.interval,
        }
    }

    fn probe(&mut self, now: Instant) -> Next {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.open += 1;
        self.last_sent = Some(now);
        self.tally.pipe = self.tally.pipe.max(self.open);
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
        self.probes.insert(probe.seq, record);
        if self.probes.len() > PROBES_KEPT {
            self.probes.pop_first();
            self.probes_omitted += 1;
        }
    }

    /// Whether many hosts may answer.
    pub(crate) fn is_group(&self) -> bool {
        self.config.cast != Cast::Unicast
    }

    /// Notes which host of a group answered; returns whether it had answered that probe before.
    fn answered(&mut self, seq: u64, reply: &Reply) -> bool {
        self.is_group() && self.sources.take(seq, reply, self.config.timeout)
    }

    /// Counts a repeated answer.
    fn duplicate(&mut self, seq: u64, reply: &Reply) -> EventKind {
        self.stats.on_duplicate();
        if let Some(record) = self.probes.get_mut(&seq) {
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
        if let Some(change) = self.rotation.on_settled(seq, outcome, self.next_seq) {
            events.push(self.event(at, EventKind::Identifier(change)));
        }
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, _: &mut Events<Event>) -> Next {
        if self.stopped {
            return Next::Quit;
        }
        let started = *self.started_at.get_or_insert(now);
        if self.config.wants_name && !self.name_asked {
            self.name_asked = true;
            return Next::Lookup(self.config.destination.address());
        }
        if let Some(next) = self.next_of_iputils(now, started) {
            return next;
        }
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| started + deadline);
        if now >= deadline {
            return Next::Quit;
        }
        let is_sent = self.config.count.is_some_and(|count| self.next_seq > count);
        if is_sent && self.config.manner == Manner::Settled {
            if self.open == 0 {
                if let Some(until) = self.heard_until.filter(|until| now < *until) {
                    return Next::NotBefore(until.min(deadline));
                }
                self.complete = true;
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
            self.heard_until = self.heard_until.max(Some(probe.sent_at + self.config.timeout));
        }
        self.last_at = self.last_at.max(Some(probe.sent_at));
        events.push(self.event(probe.sent_at, EventKind::Sent { seq: probe.seq }));
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        self.open = self.open.saturating_sub(1);
        let outcome = &self.understood(probe, outcome);
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
                *self.tally.local_errors.entry(error.errno).or_default() += 1;
                self.tally.last_local_mtu = error.mtu.or(self.tally.last_local_mtu);
                self.tally.not_attached |= error.direct;
                self.tally.unseen |= error.unseen;
            }
            Outcome::Refused(refusal) => {
                at = probe.sent_at + refusal.rtt;
                self.tally.refused += 1;
            }
            Outcome::Unknown(_) => {}
        }
        self.last_at = self.last_at.max(Some(at));
        self.iputils.on_settled(outcome, &self.config.manner);
        let settled = Settled { seq: probe.seq, sent_at: probe.sent_at, outcome: outcome.clone() };
        events.push(self.event(at, EventKind::Probe(settled)));
        self.rotate_identifier(at, probe.seq, outcome, events);
        self.count(probe, outcome, events);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        let seq = probe.seq;
        self.iputils.on_stray(stray);
        let kind = match stray {
            Stray::Late(reply) => {
                self.stats.on_late();
                self.rotation.on_late();
                self.tally.on_late(reply);
                self.answered(seq, reply);
                if let Some(record) = self.probes.get_mut(&seq) {
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
        self.iputils.name_came = true;
        if let Ok(Some(name)) = result {
            self.name = Some(name.clone());
            let at = self.last_at.or(self.started_at).unwrap_or_default();
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

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        let counters = self.stats.counters();
        let rtt = self.stats.rtt();
        let interim = Interim {
            sent: counters.sent(),
            received: counters.received(),
            loss: counters.loss(),
            rtt: rtt.min().zip(rtt.mean()).zip(rtt.max()).map(|((min, mean), max)| {
                let ewma = self.tally.ewma_nanos.unwrap_or_default();
                [min, mean, Duration::from_nanos(ewma as u64), max]
            }),
        };
        events.push(self.event(now, EventKind::Interim(Box::new(interim))));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        let index = self.config.target_index;
        let end = self.last_at.unwrap_or(now);
        let open =
            self.stats.finish(end.as_nanos(), |change| events.push(outage_event(index, change)));
        if let Some(outage) = open.map(|outage| outage_of(&outage)) {
            self.ongoing_outage = Some(outage);
            events.push(self.event(end, EventKind::OutageEnded(outage)));
        }
        events.push(self.event(now, EventKind::Finished));
    }
}

fn outage_event(target_index: usize, change: OutageChange<Cause>) -> Event {
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
