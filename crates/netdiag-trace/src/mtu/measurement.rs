//! The policy: what comes next, and what an outcome means.

use super::config::Config;
use super::event::{Event, EventKind, Settled, SizeOutcome};
use super::hops::Hops;
use super::outcome::{Said, said};
use super::search::{Search, Trial};
use super::segments::{self, Asked, Segments};
use super::silence::Doubt;
use super::sparing::Sparing;
use super::steps::Step;
use super::told::{Odds, Told, Why};
use crate::neighbour::{self, GIVES_UP, Neighbourless};
use crate::protocol::Protocol;
use crate::tally::Tally;
use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::port::{Change, Control};
use netdiag_engine::{
    EchoSpec, Events, Measurement as Policy, Next, Outcome, Pattern, Probe, ProbeKind, ProbeSpec,
    Stray, UdpSpec, WayOut,
};
use netdiag_model::{IcmpKind, Instant};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long a full queue of this machine may delay a probe.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many probes that have ended are remembered.
const PAST_KEPT: usize = 4_096;

/// The path MTU to one target, and what came of it.
#[derive(Clone, Debug)]
pub struct Measurement {
    pub(super) config: Config,
    pub(super) search: Search,
    pub(super) hops: Hops,
    pub(super) segments: Option<Segments>,
    pub(super) doubt: Option<Doubt>,
    pub(super) odds: Odds,
    pub(super) tally: Tally,
    pub(super) sparing: Option<Sparing>,
    /// What this machine says of a neighbour that it did not find.
    neighbourless: Option<Neighbourless>,
    /// Who said that nothing goes further, and how.
    pub(super) refusal: Option<(IcmpKind, IpAddr)>,
    /// How often just that was said.
    pub(super) refusals: u64,
    /// Probes that have not settled.
    pub(super) open: BTreeMap<u64, Flight>,
    past: BTreeMap<u64, What>,
    next_seq: u64,
    /// The longest round trip.
    pub(super) slowest: Option<Duration>,
    /// The longest one to the target.
    pub(super) target_rtt: Option<Duration>,
    /// When the last packet left of which a router said that it is too big.
    pub(super) told_of: Option<Instant>,
    /// One probe at a time, since answers do not say what they are about.
    pub(super) alone: bool,
    pub(super) sent: u64,
    pub(super) unknown: u64,
    pub(super) started_at: Option<Instant>,
    pub(super) last_at: Option<Instant>,
    pub(super) last_asked: Option<Instant>,
    stopped: bool,
    pub(super) is_late: bool,
    complete: bool,
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Whether a packet of this size passes to the target.
    Target(u32),
    /// Whether one comes as far as a hop.
    Hop(u8, u32),
    /// What a connection, or a SYN, tells.
    Connection(Asked),
}

/// A probe under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) what: What,
    pub(super) asked_at: Instant,
    /// `None` until it is known to have left.
    pub(super) sent_at: Option<Instant>,
}

impl Measurement {
    /// A measurement that has not begun; it begins when it is first asked what comes next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let smallest = Config::smallest(config.destination.family());
        let is_limited = config.carrier.is_limited_at_the_end();
        Self {
            search: Search::new(smallest, config.largest, is_limited),
            hops: Hops::new(smallest, config.max_ttl, is_limited),
            segments: match config.protocol {
                Protocol::Tcp { port } => {
                    Some(Segments::new(port, config.syn.filter(|_| config.source.is_some())))
                }
                Protocol::Icmp | Protocol::Udp { .. } => None,
            },
            sparing: is_limited.then(Sparing::default),
            config,
            doubt: None,
            odds: Odds::default(),
            tally: Tally::default(),
            neighbourless: None,
            refusal: None,
            refusals: 0,
            open: BTreeMap::new(),
            past: BTreeMap::new(),
            next_seq: 1,
            slowest: None,
            target_rtt: None,
            told_of: None,
            alone: false,
            sent: 0,
            unknown: 0,
            started_at: None,
            last_at: None,
            last_asked: None,
            stopped: false,
            is_late: false,
            complete: false,
        }
    }

    /// What it was told to do.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Whether it ended by itself, not by a signal or a deadline.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many round trips were taken with this process's clock instead of the kernel's.
    #[must_use]
    pub const fn user_stamps(&self) -> u64 {
        self.tally.user_stamps
    }

    fn event(&self, at: Instant, kind: EventKind) -> Event {
        Event { target_index: self.config.target_index, at, kind }
    }

    fn trial_mut(&mut self, what: What) -> Option<&mut Trial> {
        match what {
            What::Target(size) => Some(self.search.trial_mut(size)),
            What::Hop(ttl, size) => Some(self.hops.hop_mut(ttl).trials.entry(size).or_default()),
            What::Connection(_) => None,
        }
    }

    fn ask(&mut self, what: What, now: Instant) -> Next {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.last_asked = Some(now);
        if let Some(trial) = self.trial_mut(what) {
            trial.asked += 1;
            trial.open += 1;
        }
        let may_reach = match what {
            What::Target(_) => true,
            What::Hop(ttl, _) => self.hops.address(ttl).is_none(),
            What::Connection(_) => false,
        };
        if let Some(sparing) = self.sparing.as_mut().filter(|_| may_reach) {
            sparing.spend(seq, now);
        }
        self.open.insert(seq, Flight { what, asked_at: now, sent_at: None });
        let Config { control, timeout, destination, .. } = self.config;
        let (hop_limit, timeout) = match what {
            What::Hop(ttl, _) => (Some(ttl), timeout),
            What::Target(_) => (control.hop_limit, timeout),
            What::Connection(_) => (control.hop_limit, timeout * segments::PATIENCE),
        };
        // The checksum of a SYN covers its source.
        let source = match what {
            What::Connection(Asked::Syn(_)) => self.config.source,
            _ => control.source,
        };
        Next::Probe(ProbeSpec {
            target: 0,
            seq,
            destination,
            timeout,
            patience: PATIENCE,
            control: Control { hop_limit, source, ..control },
            kind: self.kind(what),
        })
    }

    fn kind(&self, what: What) -> ProbeKind {
        let pattern = Pattern::COUNTING;
        let size = match (what, &self.segments) {
            (What::Connection(asked), Some(segments)) => return segments.kind(asked),
            (What::Target(size) | What::Hop(_, size), _) => self.config.data(size),
            (What::Connection(_), None) => 0,
        };
        match self.config.carrier {
            Protocol::Udp { port } => ProbeKind::Udp(UdpSpec { port, size, pattern }),
            Protocol::Icmp | Protocol::Tcp { .. } => {
                ProbeKind::Echo(EchoSpec { size, pattern, flow: 0, balance: Some(0), group: false })
            }
        }
    }

    fn note_time(&mut self, what: What, sent_at: Instant, said: &Said) {
        if said.is_target {
            self.target_rtt = self.target_rtt.max(said.rtt);
        }
        if said.outcome == SizeOutcome::TooBig && matches!(what, What::Target(_)) {
            self.told_of = self.told_of.max(Some(sent_at));
        }
    }

    /// Whether this machine said so itself, which found no neighbour.
    fn is_by_this_machine(&mut self, outcome: &Outcome) -> bool {
        let own = (self.config.way, self.config.control.source);
        let Outcome::NetError(error) = outcome else { return false };
        let is_own = neighbour::is_own(error, self.config.destination, own);
        if is_own {
            Neighbourless::count(&mut self.neighbourless, error);
        }
        is_own
    }

    /// Whether nobody said anything, not even this machine.
    fn is_unheard(&self) -> bool {
        let is_silent = !self.is_reached() && self.hops.farthest_address() == 0;
        let is_sent = self.config.way.is_some() && !self.cannot_send();
        is_silent && is_sent && self.neighbourless.is_none()
    }

    /// That nothing gets off this machine's link.
    pub(super) fn without_neighbour(&self) -> Option<Neighbourless> {
        self.neighbourless.filter(|_| !self.is_reached() && self.hops.farthest_address() == 0)
    }

    /// Takes in what an answer says of a packet, or that there is none.
    fn take(&mut self, what: What, said: &Said) {
        if let Said { rtt: Some(rtt), stamp: Some(stamp), .. } = said {
            self.slowest = self.slowest.max(Some(*rtt));
            self.tally.on_stamp(*stamp);
        }
        let too_big = (said.outcome == SizeOutcome::TooBig).then_some(said);
        let told = too_big.and_then(|said| Some(Told { from: said.from?, mtu: said.mtu }));
        if let Some(told) = told {
            match told.mtu {
                Some(mtu) => self.search.hint(mtu),
                None => self.odds.count(told.from, None, Why::Nothing),
            }
        }
        if let (What::Hop(ttl, _), Some(from)) = (what, said.from) {
            self.hops.hop_mut(ttl).take(said, from);
        }
        match said.is_target || self.is_reached() {
            true => self.hops.cycle = None,
            false => self.hops.look_for_cycle(),
        }
        if let (Some(kind), Some(from)) = (said.refusal, said.from) {
            let first = *self.refusal.get_or_insert((kind, from));
            self.refusals += u64::from(first == (kind, from));
        }
        let Some(trial) = self.trial_mut(what) else { return };
        match said.outcome {
            SizeOutcome::Passed => trial.passed += 1,
            SizeOutcome::TooBig => told.into_iter().for_each(|told| trial.tell(told)),
            SizeOutcome::Lost => trial.lost += 1,
            SizeOutcome::Refused => trial.refused += 1,
            SizeOutcome::LocalError | SizeOutcome::Unknown => trial.void += 1,
        }
        if let Some(mtu) = said.local_mtu {
            trial.is_local = true;
            self.search.hint(mtu);
        }
    }

    /// What came of a probe that had ended is worth as much as what comes in time.
    fn take_late(&mut self, what: What, said: &Said) {
        if let Some(trial) = self.trial_mut(what) {
            trial.lost = trial.lost.saturating_sub(1);
        }
        self.take(what, said);
    }

    fn settled(what: What, said: &Said) -> Option<Settled> {
        let (bytes, ttl) = match what {
            What::Target(size) => (size, None),
            What::Hop(ttl, size) => (size, Some(ttl)),
            What::Connection(_) => return None,
        };
        let Said { outcome, from, mtu, rtt, .. } = *said;
        Some(Settled { bytes, ttl, outcome, from, mtu: mtu.or(said.local_mtu), rtt })
    }

    /// What came of a probe that the target may have answered, or not, only by its limit.
    fn note_limit(&mut self, probe: &Probe, what: What, said: &Said) {
        let Some(sparing) = self.sparing.as_mut() else { return };
        if said.is_target {
            return sparing.answered(probe.sent_at);
        }
        let smallest = self.search.smallest;
        match (what, said.outcome) {
            (What::Target(size), SizeOutcome::Lost) if size != smallest => {
                sparing.give_back(probe.seq);
                sparing.doubt(size, probe.sent_at);
            }
            (What::Target(_), SizeOutcome::Lost) => {
                let forgotten = sparing.found_empty(probe.seq, probe.sent_at);
                // As long as it never answered this counts: perhaps it never does.
                let small = self.search.low().map(|_| smallest);
                for size in forgotten.into_iter().chain(small) {
                    self.search.trial_mut(size).forget();
                }
                self.hops.forget_silence();
            }
            _ => sparing.give_back(probe.seq),
        }
    }

    /// Answers do not say which probe they are about: from now on each goes alone, and what was lost
    /// among others is asked again.
    fn go_alone(&mut self) {
        if std::mem::replace(&mut self.alone, true) {
            return;
        }
        let of_hops = self.hops.by_ttl.values_mut().flat_map(|hop| hop.trials.values_mut());
        for trial in self.search.trials.values_mut().chain(of_hops) {
            trial.lost = 0;
        }
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, _: &mut Events<Event>) -> Next {
        let started = *self.started_at.get_or_insert(now);
        let deadline = self.config.deadline.map_or(Instant::FAR, |deadline| started + deadline);
        self.is_late |= now >= deadline;
        if self.stopped || self.is_late {
            // What was waited for until now belongs to it.
            self.last_at = self.last_at.max(Some(now));
            return Next::Quit;
        }
        let (expired, next_expiry) = self.expired(now);
        if !expired.is_empty() {
            return Next::GiveUp(expired);
        }
        match self.step(now) {
            Step::Ask(what) => self.ask(what, now),
            Step::Wait(until) => match until.min(next_expiry).min(deadline) {
                Instant::FAR => Next::WhenSettled,
                until => Next::NotBefore(until),
            },
            // What this machine has to say of its neighbour comes late.
            Step::Over if self.is_unheard() && now < started + GIVES_UP => {
                Next::NotBefore((started + GIVES_UP).min(deadline))
            }
            Step::Over => {
                self.complete = true;
                Next::Quit
            }
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        let Some(flight) = self.open.get_mut(&probe.seq) else { return };
        flight.sent_at = Some(probe.sent_at);
        self.sent += u64::from(!matches!(flight.what, What::Connection(_)));
        self.last_at = self.last_at.max(Some(probe.sent_at));
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let Some(Flight { what, .. }) = self.open.remove(&probe.seq) else { return };
        if let (What::Connection(_), Some(segments)) = (what, &mut self.segments) {
            let rtt = segments.settle(outcome);
            self.slowest = self.slowest.max(rtt);
            return;
        }
        self.past.insert(probe.seq, what);
        if self.past.len() > PAST_KEPT {
            self.past.pop_first();
        }
        let is_own = self.is_by_this_machine(outcome);
        let said = Said { is_own, ..said(what, probe, outcome) };
        self.note_time(what, probe.sent_at, &said);
        match outcome {
            Outcome::LocalError(error) if said.local_mtu.is_none() => {
                self.tally.unsent.count(error);
            }
            Outcome::Unknown(_) => self.unknown += 1,
            _ => {}
        }
        if let Some(trial) = self.trial_mut(what) {
            trial.open = trial.open.saturating_sub(1);
        }
        self.take(what, &said);
        self.note_limit(probe, what, &said);
        let at = probe.sent_at + said.rtt.unwrap_or_default();
        self.last_at = self.last_at.max(Some(at));
        if let Some(settled) = Self::settled(what, &said) {
            events.push(self.event(at, EventKind::Size(settled)));
        }
        self.look_for_silence(at);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, events: &mut Events<Event>) {
        if let Stray::Rejected(rejection) = stray {
            self.tally.on_rejected(rejection, None);
            self.odds.on_rejected(rejection);
            events.push(self.event(rejection.at, EventKind::Rejected(*rejection)));
            return;
        }
        let Some(what) = self.past.get(&probe.seq).copied() else { return };
        let outcome = match stray {
            Stray::Late(reply) => Outcome::Replied(reply.clone()),
            Stray::LateError(error) => Outcome::NetError(*error),
            _ => return,
        };
        let is_own = self.is_by_this_machine(&outcome);
        let said = Said { is_own, ..said(what, probe, &outcome) };
        self.note_time(what, probe.sent_at, &said);
        self.take_late(what, &said);
        if let Some(settled) = Self::settled(what, &said) {
            let at = probe.sent_at + said.rtt.unwrap_or_default();
            events.push(self.event(at, EventKind::Size(settled)));
        }
    }

    fn unmatched(&mut self, rejection: &Rejection, events: &mut Events<Event>) -> bool {
        let to = self.config.destination;
        if rejection.about != Some(to) && !to.is_source(rejection.from) {
            return false;
        }
        if rejection.reason == Reason::Ambiguous {
            self.go_alone();
        }
        self.tally.on_rejected(rejection, None);
        self.odds.on_rejected(rejection);
        events.push(self.event(rejection.at, EventKind::Rejected(*rejection)));
        true
    }

    fn changed(&mut self, at: Instant, change: &Change, events: &mut Events<Event>) -> WayOut {
        let Config { way, control, destination, .. } = &self.config;
        let means = WayOut::told(change, |change| {
            let of = |way| WayOut::after(change, way, control.source, *destination);
            way.map_or(WayOut::Untouched, of)
        });
        let Some(means) = means else { return WayOut::Untouched };
        self.tally.changes.on_change(at, change);
        events.push(self.event(at, EventKind::Changed(change.clone())));
        means
    }

    fn way_at_start(&self) -> WayOut {
        let (fixed, to) = (self.config.control.source, self.config.destination);
        self.config.way.map_or(WayOut::Untouched, |way| WayOut::at_start(way, fixed, to))
    }

    fn interim(&mut self, now: Instant, events: &mut Events<Event>) {
        let (to, passed) = (self.config.destination.address(), self.search.low());
        let kind = EventKind::Interim { to, passed, sent: self.sent };
        events.push(self.event(now, kind));
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.stopped = true;
    }

    fn finish(&mut self, now: Instant, events: &mut Events<Event>) {
        events.push(self.event(now, EventKind::Finished));
    }
}
