//! A path by the rules of the classic traceroute: so many probes at once in the order of the hops, each
//! with a place of its own in what is shown, whatever the others find out.

mod slots;

use crate::protocol::{self, HEADER};
use netdiag_engine::names::Names;
use netdiag_engine::outcome::Detail;
use netdiag_engine::port::{Control, SendError};
use netdiag_engine::{
    Events, Measurement as Policy, Next, Outcome, Probe, ProbeSpec, Stray as StrayAnswer,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family, IcmpKind, Instant, Untrusted};
use slots::Slots;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How soon it is asked again whether a probe has left.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long a full queue of this machine may delay a probe.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many extension objects of an answer are kept, and how many bytes of each.
const OBJECTS_KEPT: usize = 16;
const OBJECT_BYTES: usize = 512;

const EMSGSIZE: i32 = 90;
const EHOSTUNREACH: i32 = 113;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where, what is sent, from which hop to which, how many probes each, how long they are waited for
    /// at most, how far apart they leave. The rest of it has no meaning here.
    pub path: crate::Config,
    /// How many probes are under way at once.
    pub at_once: u32,
    /// How many times as long as the answer of another probe of its hop a probe is waited for, in
    /// thousandths; 0: that does not matter.
    pub here: u64,
    /// The same of an answer of a farther hop.
    pub near: u64,
    /// Where packets leave from, where that is known: who says that a neighbour does not answer.
    pub source: Option<IpAddr>,
}

/// What is told: of each probe of the path once, in the order of hops and probes.
#[derive(Clone, Debug)]
pub enum Event {
    /// A probe.
    Probe(Shown),
    /// This machine refuses to send any.
    Refused(SendError),
}

/// What became of a probe.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its hop.
    pub ttl: u8,
    /// Whether it is the first of its hop.
    pub is_first: bool,
    /// What was said to it; `None` where nobody said anything.
    pub answer: Option<Seen>,
    /// The MTU that it was made smaller for, in bytes, where the MTU of the path is looked for.
    pub fitted: Option<u32>,
}

/// An answer to a probe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Who; `None`: this machine.
    pub from: Option<IpAddr>,
    /// Their name, where it is wanted and known.
    pub name: Option<Untrusted>,
    /// After which time.
    pub rtt: Duration,
    /// What it was, of an ICMP error.
    pub icmp: Option<IcmpKind>,
    /// The MTU that a "too big" names.
    pub mtu: Option<u32>,
    /// The TTL or hop limit it arrived with, where known.
    pub reply_ttl: Option<u8>,
    /// The extension objects behind it (RFC 4884).
    pub objects: Vec<Object>,
    /// The flags of the segment that it was, as the classic has them: `syn,ack`.
    pub flags: Option<String>,
}

/// An extension object as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its class.
    pub class: u8,
    /// Its type within the class.
    pub kind: u8,
    /// What follows its header.
    pub data: Vec<u8>,
}

impl Seen {
    /// Whether nothing gets further than where this was said.
    fn is_final(&self) -> bool {
        const IN_TRANSIT: u8 = 0;
        !self.icmp.is_some_and(|kind| kind.is_time_exceeded() && kind.code == IN_TRANSIT)
    }
}

/// The path to one target.
#[derive(Clone, Debug)]
pub struct Measurement {
    config: Config,
    slots: Slots,
    /// The first that was not told of yet.
    told: usize,
    last_asked: Option<Instant>,
    /// What this machine said of a probe, which has no time until the clock is next read.
    unsent: Vec<(usize, Instant, SendError)>,
    names: Names,
    /// How many probes were sent a second time because they had been too large.
    again: u64,
    is_over: bool,
}

impl Measurement {
    /// A trace that has not begun.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let slots = Slots::new(&config);
        Self {
            config,
            slots,
            told: 0,
            last_asked: None,
            unsent: Vec::new(),
            names: Names::default(),
            again: 0,
            is_over: false,
        }
    }

    fn ask(&mut self, place: usize, now: Instant) -> Next {
        let path = &self.config.path;
        self.last_asked = Some(now);
        self.slots.ask(place, now);
        let ttl = self.slots.ttl(place);
        let seq = self.seq(place);
        Next::Probe(ProbeSpec {
            target: u32::from(ttl),
            seq,
            destination: path.destination,
            timeout: path.timeout,
            patience: PATIENCE,
            control: Control { hop_limit: Some(ttl), ..path.control },
            kind: path.kind(path.protocol, path.flow_of(place as u64 + self.again + 1), path.size),
        })
    }

    /// The probe that is sent next, if one may be; notes when that changes by itself.
    fn next_place(&self, now: Instant, earliest: &mut Instant) -> Option<usize> {
        let at_once = usize::try_from(self.config.at_once).unwrap_or(usize::MAX);
        let place = self.slots.unasked().filter(|_| self.slots.under_way().count() < at_once)?;
        let free = self.last_asked.map_or(now, |last| last + self.config.path.spacing);
        if free > now {
            *earliest = (*earliest).min(free);
            return None;
        }
        Some(place)
    }

    /// The probes that are not waited for any longer.
    fn expired(&self, now: Instant, earliest: &mut Instant) -> Vec<u64> {
        let mut expired = Vec::new();
        for (place, slot) in self.slots.under_way() {
            let wait = self.slots.wait_of(place);
            if wait >= self.config.path.timeout {
                // The engine's own deadline is as early.
                continue;
            }
            let until = slot.sent_at.or(slot.asked_at).map_or(now, |at| at + wait);
            if until > now {
                *earliest = (*earliest).min(until);
            } else if slot.sent_at.is_some() {
                expired.push(self.seq(place));
            } else {
                *earliest = (*earliest).min(now + LOOK_AGAIN);
            }
        }
        expired
    }

    /// Tells of the probes that are known, in their order.
    fn tell(&mut self, events: &mut Events<Event>) {
        while self.told < self.slots.end() {
            let Some(answer) = self.slots.outcome(self.told) else { return };
            let from = answer.as_ref().and_then(|seen| seen.from);
            if from.is_some_and(|address| self.names.is_missing(address)) {
                return;
            }
            let name = from.and_then(|address| self.names.get(address)).cloned();
            let answer = answer.clone().map(|seen| Seen { name, ..seen });
            let (ttl, is_first) = (self.slots.ttl(self.told), self.slots.is_first(self.told));
            let fitted = self.slots.fitted(self.told);
            events.push(Event::Probe(Shown { ttl, is_first, answer, fitted }));
            self.told += 1;
        }
    }

    /// The number of the probe of a place: another one when it is sent again, which is only where one is
    /// under way at a time.
    fn seq(&self, place: usize) -> u64 {
        self.again * self.slots.len() as u64 + place as u64 + 1
    }

    /// The place of a probe among all of them.
    fn place(&self, probe: &Probe) -> usize {
        let place = probe.seq.saturating_sub(1) % self.slots.len().max(1) as u64;
        usize::try_from(place).unwrap_or(usize::MAX)
    }

    /// Has a probe sent again that was too large, as all further ones with as many bytes as fit.
    fn fits(&mut self, place: usize, mtu: Option<u32>) -> bool {
        let path = &mut self.config.path;
        let fitting = mtu.filter(|mtu| path.finds_mtu && *mtu >= path.ip_header() + HEADER);
        let Some(mtu) = fitting.filter(|mtu| path.data_of(*mtu) < path.size) else { return false };
        path.size = path.data_of(mtu);
        self.again += 1;
        self.slots.again(place, mtu);
        true
    }

    fn answered(&mut self, place: usize, seen: Seen) {
        if self.fits(place, seen.mtu) {
            return;
        }
        if let Some(address) = seen.from.filter(|_| self.config.path.wants_names) {
            self.names.want(address);
        }
        self.slots.settle(place, Some(seen));
    }

    /// What this machine said of a probe: an answer of the path where it is one, else the end.
    fn on_unsent(&mut self, now: Instant, events: &mut Events<Event>) {
        for (place, sent_at, error) in std::mem::take(&mut self.unsent) {
            let family = self.config.path.destination.family();
            let (icmp, from) = match (error.errno, family) {
                (EMSGSIZE, Family::Ipv4) => (IcmpKind::v4(3, 4), None),
                (EMSGSIZE, Family::Ipv6) => (IcmpKind::v6(2, 0), None),
                (EHOSTUNREACH, Family::Ipv4) => (IcmpKind::v4(3, 1), self.config.source),
                (EHOSTUNREACH, Family::Ipv6) => (IcmpKind::v6(1, 3), self.config.source),
                _ => {
                    self.is_over = true;
                    return events.push(Event::Refused(error));
                }
            };
            let (rtt, icmp) = (now.since(sent_at), Some(icmp));
            let mtu = error.mtu;
            let said = Seen { from, rtt, icmp, mtu, ..Seen::default() };
            self.answered(place, said);
        }
    }
}

impl Policy for Measurement {
    type Event = Event;

    fn next(&mut self, now: Instant, events: &mut Events<Event>) -> Next {
        if self.is_over {
            return Next::Quit;
        }
        self.on_unsent(now, events);
        if let Some(address) = self.names.next() {
            return Next::Lookup(address);
        }
        self.tell(events);
        if self.is_over || self.told >= self.slots.end() {
            return Next::Quit;
        }
        let mut earliest = Instant::FAR;
        let expired = self.expired(now, &mut earliest);
        if !expired.is_empty() {
            return Next::GiveUp(expired);
        }
        match self.next_place(now, &mut earliest) {
            Some(place) => self.ask(place, now),
            None if earliest == Instant::FAR => Next::WhenSettled,
            None => Next::NotBefore(earliest),
        }
    }

    fn sent(&mut self, probe: &Probe, _: &mut Events<Event>) {
        self.slots.sent(self.place(probe), probe.sent_at);
    }

    fn begun(&mut self, probe: &Probe, _: SocketAddr) {
        self.slots.sent(self.place(probe), probe.sent_at);
    }

    fn explained(&mut self, probe: &Probe, detail: &Detail<'_>) {
        let objects = detail.extensions.objects().plain().take(OBJECTS_KEPT);
        let objects = objects.map(|(class, kind, data)| {
            let data = data.get(..data.len().min(OBJECT_BYTES)).unwrap_or_default().to_vec();
            Object { class, kind, data }
        });
        self.slots.explain(self.place(probe), objects.collect());
    }

    fn settle(&mut self, probe: &Probe, outcome: &Outcome, events: &mut Events<Event>) {
        let place = self.place(probe);
        if let Outcome::LocalError(error) = outcome {
            return self.unsent.push((place, probe.sent_at, *error));
        }
        match protocol::answer(probe, outcome) {
            None => self.slots.settle(place, None),
            Some(answer) => {
                let objects = self.slots.explanation(place);
                self.answered(place, seen(&answer, objects));
            }
        }
        self.tell(events);
    }

    fn stray(&mut self, _: &Probe, _: &StrayAnswer, _: &mut Events<Event>) {}

    fn named(
        &mut self,
        address: IpAddr,
        result: &Result<Option<Untrusted>, LookupError>,
        events: &mut Events<Event>,
    ) {
        self.names.tell(address, result);
        self.tell(events);
    }

    fn stop(&mut self, _: Instant, _: &mut Events<Event>) {
        self.is_over = true;
    }

    fn finish(&mut self, _: Instant, _: &mut Events<Event>) {}
}

fn seen(answer: &protocol::Answer, objects: Vec<Object>) -> Seen {
    Seen {
        from: Some(Destination::address(answer.from)),
        name: None,
        rtt: answer.rtt,
        icmp: answer.icmp,
        mtu: answer.mtu,
        reply_ttl: answer.hop_limit,
        objects,
        flags: answer.segment.map(|it| it.flags.to_string().to_lowercase().replace('+', ",")),
    }
}

#[cfg(test)]
mod tests;
