//! A measurement that follows a script, writes down what it is told, and checks what it was promised.

use netdiag_engine::outcome::{Reason, Rejection};
use netdiag_engine::port::{Change, InterfaceEvent};
use netdiag_engine::stats::{SeriesStats, SettledKind};
use netdiag_engine::{
    EchoSpec, Events, Measurement, Next, Outcome, Probe, ProbeKind, ProbeSpec, Stray, WayOut,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Instant, Untrusted};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// The index of the interface that the script sends by.
pub(crate) const OUR_INTERFACE: u32 = 7;

/// Says what its script says, then `then` for ever.
#[derive(Debug)]
pub(crate) struct Script {
    plan: VecDeque<Next>,
    then: Next,
    stopped: Next,
    /// What it finds out of its way before its first probe.
    way: WayOut,
    pub(crate) log: Log,
}

/// What a [`Script`] was told.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The probes asked for, by sequence number.
    asked: BTreeMap<u64, ProbeSpec>,
    pub(crate) sent: BTreeMap<u64, Probe>,
    pub(crate) settled: BTreeMap<u64, Outcome>,
    pub(crate) strays: Vec<(u64, Stray)>,
    pub(crate) unmatched: Vec<Rejection>,
    pub(crate) named: Vec<(IpAddr, bool)>,
    pub(crate) changes: usize,
    pub(crate) interims: usize,
    pub(crate) finished_at: Option<Instant>,
    pub(crate) stats: SeriesStats<()>,
}

impl Script {
    pub(crate) fn new(plan: impl IntoIterator<Item = Next>, then: Next) -> Self {
        let plan = plan.into_iter().collect();
        let (stopped, way) = (Next::Quit, WayOut::Untouched);
        Self { plan, then, stopped, way, log: Log::default() }
    }

    /// These probes, then nothing until the run is stopped.
    pub(crate) fn probes(specs: impl IntoIterator<Item = ProbeSpec>) -> Self {
        Self::new(specs.into_iter().map(Next::Probe), Next::WhenSettled)
    }

    /// What it finds out of its way before its first probe.
    pub(crate) fn finds(self, way: WayOut) -> Self {
        Self { way, ..self }
    }

    /// What it says once it was told to stop.
    pub(crate) fn when_stopped(self, stopped: Next) -> Self {
        Self { stopped, ..self }
    }
}

impl Log {
    fn check(&self, probe: &Probe) -> &ProbeSpec {
        assert_eq!(self.finished_at, None, "nothing is told after `finish`");
        let spec = self.asked.get(&probe.seq).expect("only what was asked for is told of");
        assert_eq!((probe.target, probe.destination), (spec.target, spec.destination));
        spec
    }

    fn check_sums(&self) {
        self.stats.counters().check().expect("the sums hold after every step");
    }

    /// How a probe ended.
    pub(crate) fn outcome(&self, seq: u64) -> &Outcome {
        self.settled.get(&seq).unwrap_or_else(|| panic!("probe {seq} has not settled"))
    }

    pub(crate) fn all_settled(&self) -> bool {
        self.settled.len() == self.asked.len()
    }
}

/// Whether a probe goes to many hosts.
const fn is_group(spec: &ProbeSpec) -> bool {
    matches!(spec.kind, ProbeKind::Echo(EchoSpec { group: true, .. }))
}

impl Measurement for Script {
    type Event = u64;

    fn next(&mut self, _: Instant, _: &mut Events<u64>) -> Next {
        assert_eq!(self.log.finished_at, None, "a finished measurement is not asked");
        let next = self.plan.pop_front().unwrap_or_else(|| self.then.clone());
        if let Next::Probe(spec) = &next {
            self.log.asked.insert(spec.seq, spec.clone());
        }
        next
    }

    fn objection(&self, probe: &Probe, answer: &[u8]) -> Option<Reason> {
        self.log.check(probe);
        answer.ends_with(b"?").then_some(Reason::WrongQuestion)
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<u64>) {
        self.log.check(probe);
        assert!(!self.log.settled.contains_key(&probe.seq), "sent comes before settled");
        assert!(self.log.sent.insert(probe.seq, *probe).is_none(), "a probe is sent once");
        self.log.stats.on_sent();
        self.log.check_sums();
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<u64>) {
        let spec = self.log.check(probe);
        let local = matches!(outcome, Outcome::LocalError(_));
        assert_eq!(self.log.sent.contains_key(&probe.seq), !local, "sent unless a local error");
        let kind = match outcome {
            Outcome::Replied(reply) => {
                assert!(reply.rtt <= spec.timeout, "a round trip is within the timeout");
                SettledKind::Replied { rtt: reply.rtt }
            }
            Outcome::TimedOut => SettledKind::Lost(()),
            Outcome::NetError(error) => {
                assert!(error.rtt <= spec.timeout, "an error counts only within the timeout");
                SettledKind::NetError(())
            }
            Outcome::Refused(refusal) => {
                assert!(refusal.rtt <= spec.timeout, "a refusal counts only within the timeout");
                SettledKind::NetError(())
            }
            Outcome::LocalError(_) => SettledKind::LocalError(()),
            Outcome::Unknown(_) => SettledKind::Unknown,
        };
        let before = self.log.settled.insert(probe.seq, outcome.clone());
        assert_eq!(before, None, "a probe settles once");
        self.log.stats.on_settled(probe.seq, probe.sent_at.as_nanos(), kind, |_| ());
        self.log.check_sums();
        events.push(probe.seq);
    }

    fn stray(&mut self, probe: &Probe, stray: &Stray, _: &mut Events<u64>) {
        let group = is_group(self.log.check(probe));
        match stray {
            Stray::Late(_) => {
                let settled = self.log.settled.get(&probe.seq).expect("late is after the end");
                assert!(!matches!(settled, Outcome::Replied(_)), "an answered probe is not late");
                self.log.stats.on_late();
            }
            Stray::Duplicate(_) => {
                assert!(!group, "a group has further answers");
                self.log.stats.on_duplicate();
            }
            Stray::Further(_) => {
                assert!(group, "one host has duplicates");
                assert!(self.log.settled.contains_key(&probe.seq), "further is after the first");
            }
            Stray::Repeated(_) => {
                assert!(self.log.settled.contains_key(&probe.seq), "it was answered before");
            }
            Stray::Rejected(_) | Stray::Advice(_) | Stray::LateError(_) => {}
        }
        self.log.check_sums();
        self.log.strays.push((probe.seq, stray.clone()));
    }

    fn unmatched(&mut self, rejection: &Rejection, _: &mut Events<u64>) -> bool {
        assert_eq!(self.log.finished_at, None, "nothing is told after `finish`");
        self.log.unmatched.push(*rejection);
        true
    }

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        _: &mut Events<u64>,
    ) {
        assert_eq!(self.log.finished_at, None, "nothing is told after `finish`");
        self.log.named.push((address, matches!(result, Ok(Some(_)))));
    }

    fn way_by_now(&mut self) -> WayOut {
        std::mem::replace(&mut self.way, WayOut::Untouched)
    }

    fn changed(&mut self, _: Instant, change: &Change, _: &mut Events<u64>) -> WayOut {
        assert_eq!(self.log.finished_at, None, "nothing is told after `finish`");
        self.log.changes += 1;
        match change {
            Change::Interface(change) if change.index != OUR_INTERFACE => WayOut::Untouched,
            Change::Interface(change) if change.what == InterfaceEvent::NoCarrier => WayOut::Lost,
            Change::Interface(_) => WayOut::Changed,
            _ => WayOut::Untouched,
        }
    }

    fn interim(&mut self, _: Instant, _: &mut Events<u64>) {
        assert_eq!(self.log.finished_at, None, "nothing is told after `finish`");
        self.log.interims += 1;
    }

    fn stop(&mut self, _: Instant, _: &mut Events<u64>) {
        assert_eq!(self.log.finished_at, None, "nothing is told after `finish`");
        self.plan.clear();
        self.then = self.stopped.clone();
    }

    fn finish(&mut self, now: Instant, _: &mut Events<u64>) {
        assert_eq!(self.log.finished_at.replace(now), None, "finish comes once");
    }
}
