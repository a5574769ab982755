//! Targets that more than one probe is wanted of: a series of `ping` each.

use super::{Measurement, when};
use crate::config::Probing;
use crate::event::EventKind;
use crate::sweep::event::{Event, Found};
use netdiag_engine::stats::Counters;
use netdiag_engine::{Events, Measurement as Policy, Outcome, Probe};
use netdiag_model::{Destination, Family, Instant};
use std::sync::Arc;

impl Measurement {
    /// The series of a target, begun where need be.
    pub(super) fn series_of(
        &mut self,
        target: u32,
        to: Destination,
    ) -> Option<&mut crate::Measurement> {
        let series = self.series.get_mut(target as usize)?;
        if series.is_none() {
            *series = Some(Box::new(new_series(&self.probing, target, to)));
        }
        series.as_deref_mut()
    }

    pub(super) fn settle_in_series(
        &mut self,
        probe: &Probe,
        outcome: &Outcome,
        events: &mut Events<Event>,
    ) {
        let mut told = std::mem::take(&mut self.scratch);
        let (next_seq, timeout) = (self.next_of(probe.target), self.config.timeout);
        if let Some(series) = self.series_of(probe.target, probe.destination) {
            series.settle(probe, outcome, &mut told);
            let at = when(probe, outcome, timeout);
            series.rotate_identifier(at, probe.seq, outcome, next_seq, &mut told);
        }
        let counters =
            self.series_of(probe.target, probe.destination).map(|s| s.stats().counters());
        self.forward(&mut told, events);
        self.scratch = told;
        let is_over = |c: &Counters| c.in_flight() == 0 && c.attempted() >= self.config.count;
        if counters.as_ref().is_some_and(is_over) {
            self.end_series(probe.target, probe.sent_at, events);
        }
    }

    /// The number of the next probe of a series: each round is a probe of each.
    fn next_of(&self, target: u32) -> u64 {
        let all = u64::from(self.config.targets.len()).max(1);
        (self.position + all - 1).saturating_sub(target.into()) / all + 1
    }

    /// Which echo identifier the next request of a series has.
    pub(super) fn flow(&self, target: u32) -> u8 {
        let series = self.series.get(target as usize).and_then(Option::as_deref);
        series.map_or(0, crate::Measurement::flow)
    }

    pub(super) fn end_series(&mut self, target: u32, at: Instant, events: &mut Events<Event>) {
        let mut told = std::mem::take(&mut self.scratch);
        let series = self.series.get_mut(target as usize).and_then(Option::take);
        let found = series.map(|mut series| {
            series.finish(at, &mut told);
            Found::Series(series)
        });
        self.forward(&mut told, events);
        self.scratch = told;
        self.row(target, at, found.unwrap_or(Found::Nothing), events);
    }

    /// Passes on what a series tells, but not every probe where nobody asked.
    pub(super) fn forward(&self, told: &mut Events<crate::Event>, events: &mut Events<Event>) {
        while let Some(event) = told.pop() {
            let is_wanted = match &event.kind {
                EventKind::Sent { .. } | EventKind::Probe(_) => self.config.tells_probes,
                EventKind::Finished | EventKind::Changed(_) => false,
                _ => true,
            };
            if is_wanted {
                events.push(Event::Probe(event));
            }
        }
    }
}

pub(super) fn new_series(
    probing: &[Arc<Probing>; 2],
    target: u32,
    to: Destination,
) -> crate::Measurement {
    let [ipv4, ipv6] = probing;
    crate::Measurement::new(crate::Config {
        target_index: usize::try_from(target).unwrap_or(usize::MAX),
        destination: to,
        probing: Arc::clone(if to.family() == Family::Ipv4 { ipv4 } else { ipv6 }),
    })
}
