//! Attempts to one port of one address: what is counted and kept of them.

use super::config::RESULTS_KEPT;
use super::dialogue::{Talk, TalkResult};
use super::event::{Attempt, Cause, Class, Ending, EventKind, Outage};
use super::tls::Talked;
use netdiag_engine::local::Unsent;
use netdiag_engine::port::TcpState;
use netdiag_engine::stats::{self, Loss, OutageChange, RttStats, SeriesStats, SettledKind};
use netdiag_model::{Destination, IcmpKind, Instant, Way};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// How many different ICMP errors (sender, type, code) are told apart.
const ICMP_ERRORS_KEPT: usize = 64;

/// Attempts to one port of one address.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The place of its target among those of the configuration.
    pub(crate) target: usize,
    pub(crate) destination: Destination,
    pub(crate) port: u16,
    pub(crate) way: Option<Way>,
    /// How many were begun.
    pub(crate) begun: u64,
    /// How long connections took to open, and outages.
    pub(crate) stats: SeriesStats<Cause>,
    /// Handshakes by the kernel.
    pub(crate) handshakes: Option<Box<RttStats>>,
    /// The same request by HTTP over connections of their own, and over those that were open.
    pub(crate) reuse: Option<Box<[RttStats; 2]>>,
    pub(crate) counts: Counts,
    pub(crate) icmp_errors: BTreeMap<(IpAddr, IcmpKind), u64>,
    /// How many SYN-ACKs and how many resets came with which TTL.
    pub(crate) ttls: BTreeMap<u8, [u64; 2]>,
    pub(crate) unsent: Unsent,
    pub(crate) last: Option<Box<Attempt>>,
    /// The last one over which not what was waited for came.
    pub(crate) unexpected: Option<Box<Attempt>>,
    /// What TLS showed over its connections, each kind once.
    pub(crate) shown: Vec<Seen>,
    /// What the kernel knew of the connection that opened last.
    pub(crate) tcp_info: Option<Box<TcpState>>,
    pub(crate) kept: VecDeque<Attempt>,
    pub(crate) omitted: u64,
    pub(crate) ongoing: Option<Box<Outage>>,
}

/// What TLS showed, over so many connections.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The last time.
    pub(crate) talked: Box<Talked>,
    /// Where.
    pub(crate) at: SocketAddr,
    /// How often.
    pub(crate) count: u64,
}

/// How many attempts ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) connected: u64,
    pub(crate) refused: u64,
    pub(crate) reset: u64,
    pub(crate) timeouts: u64,
    pub(crate) unreachable: u64,
    pub(crate) prohibited: u64,
    pub(crate) local: u64,
    pub(crate) unknown: u64,
    /// Connections that needed more than one SYN.
    pub(crate) retransmitted: u64,
    /// SYNs that nobody answered, of attempts that timed out.
    pub(crate) silent_syns: u64,
    /// Attempts in a row, the last ones, that nobody answered, and the number of the last of them: one
    /// that is held open ends after those that began later.
    pub(crate) silent_at_end: u64,
    last_silent: u64,
    /// Connections to itself.
    pub(crate) to_itself: u64,
    /// Connections over which not what was waited for came, and those over which nothing did.
    pub(crate) unexpected: u64,
    /// Of these the ones to a proxy that opened none further on.
    pub(crate) barred: u64,
    pub(crate) mute: u64,
    /// Connections over which anything came.
    pub(crate) talkative: u64,
}

impl Counts {
    pub(crate) const fn settled(&self) -> u64 {
        self.connected + self.failed() + self.local + self.unknown
    }

    /// Those that led to the target.
    pub(crate) const fn open(&self) -> u64 {
        self.connected.saturating_sub(self.barred)
    }

    /// Whatever came, or did not come, from outside.
    pub(crate) const fn failed(&self) -> u64 {
        self.refused + self.reset + self.lost()
    }

    /// Attempts without an answer of the target.
    pub(crate) const fn lost(&self) -> u64 {
        self.timeouts + self.unreachable + self.prohibited
    }

    /// Attempts that the target itself answered.
    pub(crate) const fn answered(&self) -> u64 {
        self.connected + self.refused + self.reset
    }

    /// What it says of the network: without what failed here.
    pub(crate) const fn measured(&self) -> u64 {
        self.connected + self.failed()
    }

    pub(crate) const fn loss(&self) -> Option<Loss> {
        Loss::new(self.lost(), self.measured())
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.connected += other.connected;
        self.refused += other.refused;
        self.reset += other.reset;
        self.timeouts += other.timeouts;
        self.unreachable += other.unreachable;
        self.prohibited += other.prohibited;
        self.local += other.local;
        self.unknown += other.unknown;
        self.retransmitted += other.retransmitted;
        self.silent_syns += other.silent_syns;
        self.to_itself += other.to_itself;
        self.unexpected += other.unexpected;
        self.barred += other.barred;
        self.mute += other.mute;
        self.talkative += other.talkative;
    }

    fn count(&mut self, attempt: &Attempt) {
        let class = attempt.class();
        let place = match class {
            Class::Connected | Class::ProxyFailed => &mut self.connected,
            Class::Refused => &mut self.refused,
            Class::Reset => &mut self.reset,
            Class::Timeout => &mut self.timeouts,
            Class::Unreachable => &mut self.unreachable,
            Class::Prohibited => &mut self.prohibited,
            Class::Local => &mut self.local,
            Class::Unknown => &mut self.unknown,
        };
        *place += 1;
        let is_silent = class == Class::Timeout;
        if !is_silent && attempt.number > self.last_silent {
            self.silent_at_end = 0;
        }
        if is_silent {
            self.silent_at_end += 1;
            self.last_silent = self.last_silent.max(attempt.number);
            self.silent_syns += attempt.syns();
        }
        let sent_again = attempt.retransmits.is_some_and(|count| count > 0);
        self.retransmitted += u64::from(class == Class::Connected && sent_again);
        self.to_itself += u64::from(attempt.is_self_connected());
        self.unexpected += u64::from(attempt.is_unexpected());
        self.barred += u64::from(attempt.is_barred());
        if let Some(talk) = &attempt.talk {
            // Of what is heard through a proxy it is not known who is silent.
            let is_mute = talk.end == TalkResult::Silent
                && !talk.has_come
                && !talk.is_cut
                && talk.proxy.is_none();
            self.mute += u64::from(is_mute);
            self.talkative += u64::from(talk.has_come);
        }
    }
}

impl Series {
    pub(crate) fn new(
        target: usize,
        (destination, way): (Destination, Option<Way>),
        port: u16,
    ) -> Self {
        Self {
            target,
            destination,
            port,
            way,
            begun: 0,
            stats: SeriesStats::new(),
            handshakes: None,
            reuse: None,
            counts: Counts::default(),
            icmp_errors: BTreeMap::new(),
            ttls: BTreeMap::new(),
            unsent: Unsent::new(),
            last: None,
            unexpected: None,
            shown: Vec::new(),
            tcp_info: None,
            kept: VecDeque::new(),
            omitted: 0,
            ongoing: None,
        }
    }

    pub(crate) const fn address(&self) -> IpAddr {
        self.destination.address()
    }

    /// How many are under way.
    pub(crate) const fn in_flight(&self) -> u64 {
        self.begun.saturating_sub(self.counts.settled())
    }

    /// Takes in an attempt that ended, the only one where `alone`; what is to be told beside it.
    pub(crate) fn take(
        &mut self,
        attempt: Attempt,
        keeps: bool,
        alone: bool,
    ) -> Vec<(Instant, EventKind)> {
        self.counts.count(&attempt);
        for (place, ttl) in [attempt.reply_ttl, attempt.reset_ttl].into_iter().enumerate() {
            let counts = ttl.map(|ttl| self.ttls.entry(ttl).or_default());
            counts
                .and_then(|counts| counts.get_mut(place))
                .into_iter()
                .for_each(|count| *count += 1);
        }
        match &attempt.ending {
            Ending::Connected { handshake } => {
                if let Some(handshake) = handshake {
                    self.handshakes.get_or_insert_default().record(*handshake);
                }
            }
            Ending::Icmp { kind, from, .. } => {
                let has_room = self.icmp_errors.len() < ICMP_ERRORS_KEPT;
                if has_room || self.icmp_errors.contains_key(&(*from, *kind)) {
                    *self.icmp_errors.entry((*from, *kind)).or_default() += 1;
                }
            }
            Ending::Local(error) => self.unsent.count(error),
            Ending::Refused | Ending::Reset | Ending::TimedOut | Ending::Unknown(_) => {}
        }
        if let Some(talk) = &attempt.talk {
            self.see(talk);
        }
        if attempt.is_unexpected() {
            self.unexpected = Some(Box::new(attempt.clone()));
        }
        let http = attempt.talk.as_ref().and_then(|talk| talk.http.as_ref());
        if let Some((fresh, again)) = http.and_then(|http| http.reuse()) {
            let [of_fresh, of_again] = &mut **self.reuse.get_or_insert_default();
            of_fresh.record(fresh);
            of_again.record(again);
        }
        // One that fails alone is no outage, and many ports may have one each.
        let told = match alone && attempt.connect().is_none() {
            true => Vec::new(),
            false => self.count_outage(&attempt),
        };
        if keeps {
            self.kept.push_back(attempt.clone());
            if self.kept.len() > RESULTS_KEPT {
                self.kept.pop_front();
                self.omitted += 1;
            }
        }
        self.last = Some(Box::new(attempt));
        told
    }

    /// Keeps what TLS showed, where it is not what it showed before.
    fn see(&mut self, talk: &Talk) {
        const KEPT: usize = 16;
        let Some(talked) = talk.tls.clone() else { return };
        let at = talk.tls_at.unwrap_or_else(|| SocketAddr::new(self.address(), self.port));
        let kind = |one: &Talked| {
            let leaf = one.shown.chain.first().map(|leaf| leaf.serial.clone());
            (one.failed.clone(), one.shown.faults.clone(), leaf)
        };
        let this = kind(&talked);
        let mut known = self.shown.iter_mut();
        match known.find(|seen| seen.at == at && kind(&seen.talked) == this) {
            Some(seen) => (seen.talked, seen.count) = (talked, seen.count + 1),
            None => {
                self.shown.push(Seen { talked, at, count: 1 });
                self.shown.truncate(KEPT);
            }
        }
    }

    fn count_outage(&mut self, attempt: &Attempt) -> Vec<(Instant, EventKind)> {
        let kind = match (&attempt.ending, attempt.ending.cause()) {
            (Ending::Connected { .. }, _) => SettledKind::Replied { rtt: attempt.took },
            (Ending::Local(_), Some(cause)) => SettledKind::LocalError(cause),
            (Ending::TimedOut, Some(cause)) => SettledKind::Lost(cause),
            (_, Some(cause)) => SettledKind::NetError(cause),
            (_, None) => SettledKind::Unknown,
        };
        let address = self.address();
        let mut told = Vec::new();
        let sent_at = attempt.started_at.as_nanos();
        self.stats.on_settled(attempt.number, sent_at, kind, |change| {
            told.push(outage_told(address, change));
        });
        told
    }

    /// The run is over: what is to be told of outages.
    pub(crate) fn finish(&mut self, now: Instant) -> Vec<(Instant, EventKind)> {
        let address = self.address();
        let mut told = Vec::new();
        let open =
            self.stats.finish(now.as_nanos(), |change| told.push(outage_told(address, change)));
        if let Some(outage) = open.map(|outage| outage_of(address, &outage)) {
            self.ongoing = Some(Box::new(outage.clone()));
            told.push((now, EventKind::OutageEnded(outage)));
        }
        told
    }

    /// All outages, oldest first.
    pub(crate) fn outages(&self) -> Vec<Outage> {
        // What never was open does not go out.
        if self.counts.connected == 0 {
            return Vec::new();
        }
        let mut all: Vec<Outage> =
            self.stats.outages().map(|outage| outage_of(self.address(), &outage)).collect();
        if let Some(last) = &self.ongoing
            && all.last().is_none_or(|known| !known.ongoing)
        {
            all.push((**last).clone());
        }
        all
    }
}

fn outage_told(address: IpAddr, change: OutageChange<Cause>) -> (Instant, EventKind) {
    match change {
        OutageChange::Begin { started_at_ns, cause, .. } => {
            (Instant::from_nanos(started_at_ns), EventKind::OutageBegan { address, cause })
        }
        OutageChange::End(outage) => {
            let outage = outage_of(address, &outage);
            (outage.started_at + outage.length, EventKind::OutageEnded(outage))
        }
    }
}

fn outage_of(address: IpAddr, outage: &stats::Outage<Cause>) -> Outage {
    Outage {
        address,
        started_at: Instant::from_nanos(outage.started_at_ns),
        length: outage.duration(),
        failed: outage.lost,
        local_errors: outage.local_errors,
        cause: outage.cause,
        ongoing: outage.ongoing,
    }
}
