//! What comes next, and what becomes of what came.

mod follow;
mod order;
mod talks;
#[cfg(test)]
mod tests;

use super::config::Config;
use super::event::{Attempt, Ending, Event, EventKind};
use super::series::{Counts, Series};
use follow::Follow;
use netdiag_engine::local::Changes;
use netdiag_engine::outcome::ReplyDetail;
use netdiag_engine::port::{AnswerKind, Change};
use netdiag_engine::{
    ConnectSpec, Events, Heard, Measurement as Policy, Next, Outcome, Probe, ProbeKind, ProbeSpec,
    Stray, WayOut,
};
use netdiag_model::Instant;
use order::Order;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use talks::Talks;

/// A connection that gets no descriptor waits for one: it never fails for want of it.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How soon it is looked again whether a name is known, where nobody says so.
const LOOK_UP: Duration = Duration::from_millis(20);

/// Connections to many targets, and what came of them.
#[derive(Debug)]
pub struct Measurement {
    pub(super) config: Config,
    /// Those of one target follow each other.
    pub(super) series: Vec<Series>,
    order: Option<Order>,
    /// Attempts under way, by the number of their probe.
    open: BTreeMap<u64, Open>,
    /// Connections that are open, by the number of their probe.
    talks: Talks,
    /// Attempts whose answers lead on, before the next connection begins.
    follows: VecDeque<Follow>,
    /// Those that wait for the look-up of a name.
    looked_up: Vec<Follow>,
    next_seq: u64,
    pub(super) changes: Changes,
    stopped: bool,
    complete: bool,
}

/// An attempt under way.
#[derive(Clone, Debug)]
struct Open {
    number: u64,
    local: Option<SocketAddr>,
    retransmits: u32,
    /// The TTLs that a SYN-ACK and a reset came with.
    ttls: [Option<u8>; 2],
    /// What this connection follows.
    follow: Option<Box<Follow>>,
}

impl Measurement {
    /// A run that has not begun.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let targets = config.targets.iter().enumerate();
        let series = targets.flat_map(|(place, target)| {
            let port = config.proxy.as_ref().map_or(target.port, |proxy| proxy.port);
            target.addresses.iter().map(move |to| Series::new(place, *to, port))
        });
        Self {
            series: series.collect(),
            config,
            order: None,
            open: BTreeMap::new(),
            talks: Talks::default(),
            follows: VecDeque::new(),
            looked_up: Vec::new(),
            next_seq: 1,
            changes: Changes::new(),
            stopped: false,
            complete: false,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the run ended by itself, not by a signal or a deadline.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The attempts to the addresses of a target, by its place among those of the configuration.
    pub(super) fn of_target(&self, place: usize) -> &[Series] {
        let first = self.series.partition_point(|series| series.target < place);
        let last = self.series.partition_point(|series| series.target <= place);
        self.series.get(first..last).unwrap_or_default()
    }

    /// What all attempts came to.
    pub(super) fn counts<'a>(series: impl IntoIterator<Item = &'a Series>) -> Counts {
        let mut all = Counts::default();
        series.into_iter().for_each(|series| all.add(&series.counts));
        all
    }

    /// Takes in an attempt that ended at a time.
    fn take(&mut self, place: u32, at: Instant, attempt: Attempt, events: &mut Events<Event>) {
        let (keeps, alone) = (self.config.keeps_results, self.config.count == 1);
        let place = place as usize;
        let Some(series) = self.series.get_mut(place) else { return };
        if let Some(jury) = &self.config.jury
            && let Some(target) = self.config.targets.get(series.target)
        {
            jury.see(target.index, &attempt);
        }
        let told = series.take(attempt.clone(), keeps, alone);
        let Some(series) = self.series.get(place) else { return };
        events.push(self.event(series, at, EventKind::Attempt(attempt)));
        for (at, kind) in told {
            events.push(self.event(series, at, kind));
        }
    }

    /// The run is over: connections that opened are told with how far they had come.
    fn cut(&mut self, now: Instant, events: &mut Events<Event>) {
        for (place, attempt) in self.talks.cut(now) {
            self.take(place, now, attempt, events);
        }
        let open = std::mem::take(&mut self.open).into_values();
        let mut follows: Vec<Follow> = open.filter_map(|open| open.follow.map(|it| *it)).collect();
        follows.extend(self.follows.drain(..));
        follows.append(&mut self.looked_up);
        for follow in follows {
            let place = follow.place;
            self.take(place, now, follow.lost("the run ended before"), events);
        }
    }

    fn event(&self, series: &Series, at: Instant, kind: EventKind) -> Event {
        let target_index = self.config.targets.get(series.target).map(|target| target.index);
        Event { target_index, at, kind }
    }

    /// The attempt that is due.
    fn attempt(&mut self, place: usize) -> Option<Next> {
        let series = self.series.get_mut(place)?;
        series.begun += 1;
        let number = series.begun;
        let (port, target) = (series.port, self.config.targets.get(series.target));
        let talks = target.is_some_and(|one| one.tls.is_some() || one.url.is_some());
        let stays = talks || self.config.dialogue.is_some() || self.config.proxy.is_some();
        self.connection(
            place,
            port,
            stays,
            Open { number, local: None, retransmits: 0, ttls: [None; 2], follow: None },
        )
    }

    /// The connection that follows a redirect.
    fn following(&mut self) -> Option<Next> {
        let follow = self.follows.pop_front()?;
        let place = follow.place as usize;
        let port = self.config.proxy.as_ref().map_or(follow.url.port, |proxy| proxy.port);
        let (number, follow) = (follow.attempt.number, Some(Box::new(follow)));
        let (local, retransmits, ttls) = (None, 0, [None; 2]);
        self.connection(place, port, true, Open { number, local, retransmits, ttls, follow })
    }

    fn connection(&mut self, place: usize, port: u16, stays: bool, open: Open) -> Option<Next> {
        let series = self.series.get(place)?;
        let other = open.follow.as_ref().filter(|_| self.config.proxy.is_none());
        let other = other.and_then(|follow| follow.destination());
        let destination = other.unwrap_or(series.destination);
        let seq = self.next_seq;
        self.next_seq += 1;
        self.open.insert(seq, open);
        let source_port = self.config.source_port;
        Some(Next::Probe(ProbeSpec {
            target: u32::try_from(place).ok()?,
            seq,
            destination,
            timeout: self.config.timeout,
            patience: PATIENCE,
            control: self.config.control,
            kind: ProbeKind::Connect(ConnectSpec { source_port, stays, ..ConnectSpec::to(port) }),
        }))
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.stopped {
            return Next::Quit;
        }
        let config = &self.config;
        let order = self.order.get_or_insert_with(|| Order::new(config, now));
        let deadline = config.deadline.map_or(Instant::FAR, |deadline| order.start() + deadline);
        if now >= deadline {
            return Next::Quit;
        }
        let talking = match self.talks.next(now) {
            Ok(next) => return next,
            Err(due) => due,
        };
        let looks_up = self.take_names(now, events);
        if let Some(next) = self.following() {
            return next;
        }
        let config = &self.config;
        let Some(order) = &mut self.order else { return Next::WhenSettled };
        let has_room = self.open.len() + self.talks.len() < config.parallel.max(1);
        let due = match order.next(config, &self.series, has_room, now) {
            order::Due::Now(place) => {
                return self.attempt(place).unwrap_or(Next::WhenSettled);
            }
            order::Due::At(due) => due,
            order::Due::WhenSettled => Instant::FAR,
            order::Due::Never if looks_up => now + LOOK_UP,
            order::Due::Never if self.open.is_empty() && self.talks.len() == 0 => {
                self.complete = true;
                return Next::Done;
            }
            order::Due::Never => Instant::FAR,
        };
        match due.min(deadline).min(talking) {
            Instant::FAR => Next::WhenSettled,
            due => Next::NotBefore(due),
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        let follows = self.open.get(&probe.seq).is_some_and(|open| open.follow.is_some());
        if let Some(series) = self.series.get_mut(probe.target as usize).filter(|_| !follows) {
            series.stats.on_sent();
        }
    }

    fn begun(&mut self, probe: &Probe, local: SocketAddr) {
        if let Some(open) = self.open.get_mut(&probe.seq) {
            open.local = Some(local);
        }
    }

    fn sent_again(&mut self, probe: &Probe, count: u32) {
        if let Some(open) = self.open.get_mut(&probe.seq) {
            open.retransmits = open.retransmits.max(count);
        }
    }

    fn answered(&mut self, probe: &Probe, kind: AnswerKind, hop_limit: u8) {
        match self.open.get_mut(&probe.seq) {
            Some(open) => {
                let [reply, reset] = &mut open.ttls;
                *(if kind == AnswerKind::Reset { reset } else { reply }) = Some(hop_limit);
            }
            None => self.talks.answered(probe.seq, kind, hop_limit),
        }
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let Some(open) = self.open.remove(&probe.seq) else { return };
        let Some(series) = self.series.get_mut(probe.target as usize) else { return };
        let took = match outcome {
            Outcome::Replied(reply) => reply.rtt,
            Outcome::NetError(error) => error.rtt,
            Outcome::Refused(refusal) => refusal.rtt,
            Outcome::TimedOut => self.config.timeout,
            Outcome::LocalError(_) | Outcome::Unknown(_) => Duration::ZERO,
        };
        let mut attempt = Attempt {
            number: open.number,
            destination: probe.destination,
            port: match &open.follow {
                Some(follow) if self.config.proxy.is_none() => follow.url.port,
                _ => series.port,
            },
            started_at: probe.sent_at,
            took,
            local: open.local,
            retransmits: open.local.map(|_| open.retransmits),
            ending: Ending::of(outcome),
            talk: None,
            is_proxied: self.config.proxy.is_some(),
            reply_ttl: open.ttls[0],
            reset_ttl: open.ttls[1],
            state: None,
        };
        if let Outcome::Replied(reply) = outcome
            && let ReplyDetail::Connected { local, info } = &reply.detail
        {
            attempt.local = Some(*local);
            attempt.retransmits = info.as_ref().map(|info| info.total_retransmits);
            if self.config.keeps_states {
                attempt.state = info.as_ref().and_then(|info| info.state.clone());
            }
            if open.follow.is_none() {
                series.tcp_info = info.as_ref().and_then(|info| info.state.clone());
            }
        }
        let at = attempt.started_at + attempt.took;
        let place = series.target;
        let followed = open.follow.as_ref().and_then(|follow| self.followed_target(follow));
        let target = followed.as_ref().or_else(|| self.config.targets.get(place));
        let ended = match target.filter(|_| attempt.connect().is_some()) {
            Some(target) => {
                let redirects = open.follow.as_ref().map_or(0, |follow| follow.redirects());
                let to = (probe.target, target, redirects);
                self.talks.begin(probe.seq, attempt, &self.config, to)
            }
            None => Some(attempt),
        };
        let ended = match (ended, open.follow) {
            (Some(ended), Some(mut follow)) => {
                match self.config.proxy.is_none() && follow.go_on() {
                    true => {
                        self.follows.push_back(*follow);
                        None
                    }
                    false => Some(follow.merge(ended)),
                }
            }
            (None, Some(follow)) => {
                self.talks.follows(probe.seq, follow);
                None
            }
            (ended, None) => ended,
        };
        if let Some(attempt) = ended {
            self.take(probe.target, at, attempt, events);
        }
    }

    fn heard(&mut self, probe: &Probe, at: Instant, heard: Heard<'_>, events: &mut Events<Event>) {
        if let Some(attempt) = self.talks.hear(probe.seq, at, heard, &self.config)
            && let Some(attempt) = self.follow(probe.target, attempt)
        {
            self.take(probe.target, at, attempt, events);
        }
    }

    fn stray(&mut self, _: &Probe, _: &Stray, _: &mut Events<Event>) {}

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let (series, fixed) = (&self.series, self.config.control.source);
        let means = WayOut::told(change, |change| {
            let ways = series.iter().filter_map(|series| Some((series.way?, series.destination)));
            let mut touches = ways.map(|(way, to)| WayOut::after(change, way, fixed, to));
            touches.find(|means| *means != WayOut::Untouched).unwrap_or(WayOut::Untouched)
        });
        let Some(means) = means else { return WayOut::Untouched };
        self.changes.on_change(at, change);
        events.push(Event { target_index: None, at, kind: EventKind::Changed(change.clone()) });
        means
    }

    fn has_one_way(&self) -> bool {
        self.series.len() == 1
    }

    fn way_at_start(&self) -> WayOut {
        let fixed = self.config.control.source;
        match self.series.as_slice() {
            [Series { way: Some(way), destination, .. }] => {
                WayOut::at_start(*way, fixed, *destination)
            }
            _ => WayOut::Untouched,
        }
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        let counts = Self::counts(&self.series);
        let (done, connected) = (counts.settled(), counts.connected);
        let kind = EventKind::Interim { done, connected };
        events.push(Event { target_index: None, at: now, kind });
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        self.cut(now, events);
        for place in 0..self.series.len() {
            let told = self.series.get_mut(place).map(|series| series.finish(now));
            let Some(series) = self.series.get(place) else { continue };
            for (at, kind) in told.unwrap_or_default() {
                events.push(self.event(series, at, kind));
            }
        }
        events.push(Event { target_index: None, at: now, kind: EventKind::Finished });
    }
}
