//! What little there is of most series: round trips, and then perhaps nothing more.

use super::full::Full;
use super::{Counters, Outage, SettledKind};
use std::time::Duration;

/// Probes from 1 on that were answered one after the other, and some under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Plain {
    in_flight: u32,
    /// The round-trip times in nanoseconds.
    rtts: Vec<u32>,
}

/// By so many entries the list of a plain series grows.
const STEP: usize = 8;

impl Plain {
    pub(super) const fn new() -> Self {
        Self { in_flight: 0, rtts: Vec::new() }
    }

    /// A probe leaves, if one more can be under way.
    pub(super) fn send(&mut self) -> bool {
        let more = self.in_flight.checked_add(1);
        self.in_flight = more.unwrap_or(self.in_flight);
        more.is_some()
    }

    /// Takes a reply, if it is the next one and there is room for it.
    pub(super) fn take(&mut self, seq: u64, rtt: Duration, most: usize) -> bool {
        let len = self.rtts.len();
        let Ok(nanos) = u32::try_from(rtt.as_nanos()) else { return false };
        if len >= most || !self.is_next(seq) {
            return false;
        }
        if len == self.rtts.capacity() {
            // Doubling would be too much where there are many series.
            self.rtts.reserve_exact(STEP);
        }
        self.in_flight -= 1;
        self.rtts.push(nanos);
        true
    }

    /// Whether this is the number of the probe after the last reply.
    pub(super) fn is_next(&self, seq: u64) -> bool {
        self.in_flight > 0 && seq == self.rtts.len() as u64 + 1
    }

    pub(super) fn counters(&self, lost: u64) -> Counters {
        Counters::plain(self.rtts.len() as u64, lost, self.in_flight.into())
    }

    pub(super) fn times(&self) -> impl Iterator<Item = Duration> {
        self.rtts.iter().map(|nanos| Duration::from_nanos((*nanos).into()))
    }

    /// Bytes held outside the struct.
    pub(super) fn heap_bytes(&self) -> usize {
        self.rtts.capacity() * size_of::<u32>()
    }

    /// What it would be, had all been kept from the start.
    pub(super) fn to_full<C: Clone + PartialEq>(&self) -> Full<C> {
        let mut full = Full::new();
        for (seq, rtt) in (1..).zip(self.times()) {
            full.on_sent();
            // When it was sent matters only to an outage that it ends.
            full.on_settled(seq, 0, SettledKind::Replied { rtt }, |_| ());
        }
        (0..self.in_flight).for_each(|_| full.on_sent());
        full
    }
}

/// The same, and since then every probe was lost by one cause.
#[derive(Clone, Debug)]
pub(super) struct Silent<C> {
    pub(super) plain: Plain,
    /// As it will be when the run ends in it.
    pub(super) outage: Outage<C>,
    is_over: bool,
}

impl<C: Clone + PartialEq> Silent<C> {
    /// The probe after the last reply is lost.
    pub(super) fn new(mut plain: Plain, first_seq: u64, started_at_ns: u64, cause: C) -> Self {
        plain.in_flight = plain.in_flight.saturating_sub(1);
        let outage = Outage {
            first_seq,
            started_at_ns,
            ended_at_ns: started_at_ns,
            lost: 1,
            local_errors: 0,
            cause,
            ongoing: true,
        };
        Self { plain, outage, is_over: false }
    }

    /// Takes a loss, if it is the next one by the same cause and they are not too many.
    pub(super) fn lose(&mut self, seq: u64, cause: &C, most: u64) -> bool {
        let outage = &mut self.outage;
        let is_next = seq == outage.first_seq.saturating_add(outage.lost) && *cause == outage.cause;
        if !is_next || self.is_over || outage.lost >= most || self.plain.in_flight == 0 {
            return false;
        }
        self.plain.in_flight -= 1;
        outage.lost += 1;
        true
    }

    /// The run is over.
    pub(super) fn finish(&mut self, now_ns: u64) -> Option<Outage<C>> {
        if std::mem::replace(&mut self.is_over, true) {
            return None;
        }
        self.outage.ended_at_ns = now_ns.max(self.outage.started_at_ns);
        Some(self.outage.clone())
    }

    /// The outage, if the run is over.
    pub(super) fn ended(&self) -> Option<&Outage<C>> {
        self.is_over.then_some(&self.outage)
    }

    /// What it would be, had all been kept from the start.
    pub(super) fn to_full(&self) -> Full<C> {
        let mut full = self.plain.to_full();
        let Outage { first_seq, started_at_ns, ended_at_ns, lost, cause, .. } = &self.outage;
        for seq in (*first_seq..).take(usize::try_from(*lost).unwrap_or(usize::MAX)) {
            full.on_sent();
            // Of an outage only the time of its first probe counts.
            full.on_settled(seq, *started_at_ns, SettledKind::Lost(cause.clone()), |_| ());
        }
        if self.is_over {
            full.finish(*ended_at_ns, |_| ());
        }
        full
    }
}
