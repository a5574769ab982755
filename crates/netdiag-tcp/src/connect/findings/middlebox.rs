//! Segments of one address that have come from different distances: not all are its own.

use super::{Found, groups, ports};
use crate::connect::measurement::Measurement;
use crate::connect::series::Series;
use netdiag_model::finding::Severity;
use netdiag_model::way::{OTHER_SENDER_ROUTERS, OTHER_SENDER_SEEN, hops_back};
use std::collections::BTreeMap;

/// What came from one distance.
#[derive(Clone, Debug, Default)]
struct Distance {
    ttl: u8,
    syn_acks: u64,
    resets: u64,
}

impl Distance {
    /// What it was, in words.
    const fn words(&self) -> &'static str {
        match (self.syn_acks, self.resets) {
            (0, _) => "resets",
            (_, 0) => "SYN-ACKs",
            _ => "SYN-ACKs and resets",
        }
    }
}

impl Measurement {
    /// Addresses of which some segments come from nearer than others.
    pub(super) fn middlebox_answers(&self, series: &[&Series]) -> Vec<Found> {
        let all = groups(series, |one| (!one.ttls.is_empty()).then(|| one.address()));
        let found = all.iter().filter_map(|(address, group)| {
            let all = distances(group);
            // Whoever answers in its name stands before it.
            let (far, host) = all.last_key_value()?;
            let (near, other) = all.first_key_value()?;
            let routers = far - near;
            if routers < OTHER_SENDER_ROUTERS {
                return None;
            }
            let of_it: Vec<&Series> = group.iter().copied().filter(|one| one.ttls.contains_key(&other.ttl)).collect();
            let message = format!(
                "{address}: {} of {} come from {routers} routers nearer than its {} (ttl {}, not {}): by a device on the way",
                other.words(),
                ports(&of_it),
                host.words(),
                other.ttl,
                host.ttl
            );
            let kind = ("middlebox-answers", Severity::Info);
            let mut found = self.found(&of_it, kind, address.to_string(), message);
            found.finding = found
                .finding
                .with("ttls", vec![other.ttl])
                .with("ttl_of_others", host.ttl)
                .with("hops_back_of_others", *far)
                .with("syn_acks", other.syn_acks)
                .with("resets", other.resets)
                .with("threshold_routers", OTHER_SENDER_ROUTERS)
                .with("threshold_seen", OTHER_SENDER_SEEN)
                .advise("these are not the host's own: `netdiag trace` shows who stands there");
            Some(found)
        });
        found.collect()
    }
}

/// From how far, in routers, the segments of an address have come, each distance seen often enough.
fn distances(group: &[&Series]) -> BTreeMap<u8, Distance> {
    let mut all: BTreeMap<u8, Distance> = BTreeMap::new();
    for (ttl, [syn_acks, resets]) in group.iter().flat_map(|one| &one.ttls) {
        let distance = all.entry(hops_back(*ttl)).or_default();
        distance.ttl = *ttl;
        distance.syn_acks += syn_acks;
        distance.resets += resets;
    }
    all.retain(|_, one| one.syn_acks + one.resets >= OTHER_SENDER_SEEN);
    all
}
