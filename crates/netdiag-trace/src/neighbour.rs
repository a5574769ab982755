//! What this machine says itself of our packets: it found nobody on its link to hand them to. Nothing of
//! that is a hop's.

use crate::Measurement;
use crate::hop::Hop;
use crate::protocol::{self, Meaning};
use netdiag_engine::outcome::IcmpError;
use netdiag_engine::{Outcome, Probe};
use netdiag_model::failure::{Failure, IcmpSource, Stage};
use netdiag_model::finding::{Finding, Severity};
use netdiag_model::{Destination, IcmpKind, Instant, Way};
use std::net::IpAddr;
use std::time::Duration;

/// So many messages are enough.
const ENOUGH: u64 = 2;
/// After so long Linux gives up looking for a neighbour: three questions, a second apart
/// (`mcast_solicit`, `retrans_time_ms`), and a little more.
pub(crate) const GIVES_UP: Duration = Duration::from_millis(3_300);
/// Who waits for answers for a shorter time does not wait for that of a router either.
const PATIENCE: Duration = Duration::from_secs(2);

/// How soon it is asked again whether it has said so.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The messages of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbourless {
    pub(crate) kind: IcmpKind,
    /// The address of this machine.
    pub(crate) from: IpAddr,
    pub(crate) count: u64,
}

/// Whether an error about a packet to a destination comes from this machine, which sent it.
pub(crate) fn is_own(
    error: &IcmpError,
    destination: Destination,
    (way, source): (Option<Way>, Option<IpAddr>),
) -> bool {
    let own = source.or_else(|| way.and_then(|way| way.source));
    own == Some(error.from.address())
        && error.kind.is_unreachable()
        && !destination.is_source(error.from)
}

impl Neighbourless {
    /// One more message.
    pub(crate) fn count(known: &mut Option<Self>, error: &IcmpError) {
        let from = error.from.address();
        known.get_or_insert(Self { kind: error.kind, from, count: 0 }).count += 1;
    }

    /// In words.
    pub(crate) fn text(self) -> String {
        format!("this machine ({}) found no neighbour to hand packets to", self.from)
    }

    /// Why the target was not reached.
    pub(crate) fn failure(self) -> Failure {
        Failure {
            stage: Stage::Send,
            reason: self.kind.reason(),
            errno: None,
            icmp: Some(IcmpSource::new(self.kind, self.from)),
            message: self.text(),
        }
    }

    /// The verdict, with its evidence in `make`'s finding.
    pub(crate) fn finding(
        self,
        make: impl FnOnce(&str, Severity, String, String) -> Finding,
    ) -> Finding {
        let Self { kind, from, count } = self;
        let message = format!(
            "{}: {}, ICMP {}/{}, {count} times; no packet went further",
            self.text(),
            kind.name().replace('-', " "),
            kind.kind,
            kind.code
        );
        let finding = make("unreachable", Severity::Critical, from.to_string(), message);
        let advice = "the next hop is down, or its address is wrong: `ip route get` names it, `ip neigh` \
                      shows it";
        finding
            .with("type", kind.kind)
            .with("code", kind.code)
            .with("from", from.to_string())
            .with("count", count)
            .with("threshold", ENOUGH)
            .advise(advice)
    }
}

impl Measurement {
    /// Whether an error is this machine's own; then it is counted.
    pub(crate) fn is_by_this_machine(&mut self, error: &IcmpError) -> bool {
        let own = (self.config.way, self.config.control.source);
        let is_own = is_own(error, self.config.destination, own);
        if is_own {
            Neighbourless::count(&mut self.neighbourless, error);
        }
        is_own
    }

    /// That nothing gets off this machine's link: it says so, and nobody ever answered.
    pub(crate) fn without_neighbour(&self) -> Option<Neighbourless> {
        let said = self.neighbourless.filter(|said| said.count >= ENOUGH);
        said.filter(|_| !self.hops.iter().any(Hop::has_answered))
    }

    /// Until when it is waited for what this machine, or the last router, has to say of its neighbour.
    pub(crate) fn neighbour_is_awaited(&self, now: Instant) -> Option<Instant> {
        let own = self.may_lack_neighbour(now).filter(|_| self.end.is_none());
        own.or_else(|| self.router_may_lack_neighbour(now))
    }

    /// Until when it is waited for what this machine has to say of its neighbour, where nobody has
    /// answered at all.
    fn may_lack_neighbour(&self, now: Instant) -> Option<Instant> {
        let until = self.started_at? + GIVES_UP;
        let is_alone = self.config.way.is_some() && self.without_neighbour().is_none();
        let is_silent = !self.hops.iter().any(Hop::has_answered) && !self.sends_nothing();
        (is_alone && is_silent && self.rounds.is_none() && until > now).then_some(until)
    }

    /// Until when it is waited for what the last router has to say of its neighbour, where nobody behind
    /// it has answered: it says so of all packets that wait there, also of those that are lost by then.
    fn router_may_lack_neighbour(&self, now: Instant) -> Option<Instant> {
        let last = self.hops.iter().rev().find(|hop| !hop.met.is_empty())?;
        let behind = self.hop(last.ttl.checked_add(1)?)?;
        let slowest = self.hops.iter().filter_map(|hop| hop.slowest).max().unwrap_or_default();
        let until = behind.first_asked? + GIVES_UP + slowest;
        let is_patient = self.config.timeout >= PATIENCE && self.rounds.is_none();
        // It says so more than once.
        let is_said = self.end.is_some_and(|end| {
            let in_time = self.hop(end.ttl).map_or(0, |hop| hop.stats.counters().received());
            in_time > 0 || self.refusals() != 1
        });
        // What it says is no outcome of a probe, which would have this asked again.
        (is_patient && !is_said && until > now).then(|| until.min(now + LOOK_AGAIN))
    }

    /// A router says late that packets go no further. Where the path ends is known by that, too.
    pub(crate) fn take_late_refusal(
        &mut self,
        probe: &Probe,
        (epoch, ttl): (u64, u8),
        error: &IcmpError,
    ) {
        let outcome = Outcome::NetError(*error);
        let answer = protocol::answer(probe, &outcome);
        let Some(answer) = answer.filter(|it| it.meaning == Meaning::Stopped) else { return };
        let is_mtu = error.kind.is_too_big();
        if let Some(hop) = self.hop_of(epoch, ttl).filter(|hop| !is_mtu && hop.met.is_empty()) {
            hop.refuse(&answer);
        }
        if self.rounds.is_none() {
            self.find_end();
        }
    }
}
