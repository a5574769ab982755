//! The lines of `trace` (jsonl, with each probe), by target and hop.

use super::list;
use serde_json::Value;
use std::collections::BTreeMap;

/// A target that was traced.
#[derive(Default)]
pub(super) struct Traced<'a> {
    /// What it came to.
    pub(super) target: Option<&'a Value>,
    /// How long it took, in milliseconds from the start.
    pub(super) ended_ms: f64,
    /// Each probe, by its hop.
    pub(super) probes: BTreeMap<u64, Vec<&'a Value>>,
    /// The hops, by their TTL.
    hops: BTreeMap<u64, &'a Value>,
}

/// The targets of a run, in their order.
pub(super) fn targets(lines: &[Value]) -> Vec<Traced<'_>> {
    let mut all: BTreeMap<u64, Traced<'_>> = BTreeMap::new();
    for line in lines {
        let Some(index) = line["target_index"].as_u64() else { continue };
        let one = all.entry(index).or_default();
        let ttl = line["ttl"].as_u64().unwrap_or_default();
        match line["type"].as_str() {
            Some("reply") => one.probes.entry(ttl).or_default().push(line),
            Some("hop") => _ = one.hops.insert(ttl, line),
            Some("target") => {
                one.target = Some(line);
                one.ended_ms = line["offset_ms"].as_f64().unwrap_or_default();
            }
            _ => {}
        }
    }
    for one in all.values_mut() {
        // What went past the end before that was known is of no hop.
        let end = one.target.and_then(|target| target["hop_count"].as_u64());
        one.probes.retain(|ttl, _| end.is_none_or(|end| *ttl <= end));
    }
    all.into_values().filter(|one| one.target.is_some()).collect()
}

impl Traced<'_> {
    /// What is known of the one that answered at a hop.
    pub(super) fn responder(&self, ttl: u64, from: &Value) -> Option<&Value> {
        let hop = self.hops.get(&ttl)?;
        list(&hop["responders"]).iter().find(|responder| responder["address"] == *from)
    }
}
