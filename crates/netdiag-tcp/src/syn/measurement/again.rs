//! Ports of an address that are answered from another distance than its others are asked once more:
//! one answer may have come by another way.

use super::Measurement;
use crate::syn::event::{Answer, Port};
use netdiag_model::way::{OTHER_SENDER_ROUTERS, OTHER_SENDER_SEEN, hops_back};
use std::collections::BTreeMap;

/// The ports of an address that are answered from one distance.
#[derive(Clone, Debug, Default)]
pub(in crate::syn) struct Distance {
    /// The TTL of the last answer.
    pub(in crate::syn) ttl: u8,
    /// How many answers.
    pub(in crate::syn) seen: u64,
    /// The ports.
    pub(in crate::syn) ports: Vec<u16>,
}

/// From which distances the ports of an address are answered.
pub(in crate::syn) fn distances<'a>(
    ports: impl Iterator<Item = (u16, &'a Port)>,
) -> BTreeMap<u8, Distance> {
    let mut all: BTreeMap<u8, Distance> = BTreeMap::new();
    for (number, port) in ports {
        let Some(ttl) = port.answer().and_then(|answer: &Answer| answer.hop_limit) else {
            continue;
        };
        let distance = all.entry(hops_back(ttl)).or_default();
        distance.ttl = ttl;
        distance.seen += 1 + u64::from(port.seen_again == Some(ttl));
        distance.ports.push(number);
    }
    all
}

impl Measurement {
    /// The next place that is to be asked once more.
    pub(super) fn unsure(&mut self) -> Option<u32> {
        if self.again.is_none() {
            let all = (0..self.targets()).flat_map(|target| self.alone(target)).collect();
            self.again = Some(all);
        }
        self.again.as_ref()?.last().copied()
    }

    /// It is asked now.
    pub(super) fn sure(&mut self, place: u32) {
        if let Some(again) = &mut self.again {
            again.retain(|other| *other != place);
        }
    }

    /// The places of an address whose distance was seen once, where another is far from it, and more than
    /// one SYN may be sent to a port.
    fn alone(&self, target: u32) -> Vec<u32> {
        if self.config.retries == 0 {
            return Vec::new();
        }
        let Some((_, places)) = self.places.of_target(target).filter(|(_, all)| all.len() > 1)
        else {
            return Vec::new();
        };
        let all = distances(self.of_target(target));
        let ends = all.first_key_value().zip(all.last_key_value());
        let spread = ends.map_or(0, |((least, _), (most, _))| most - least);
        if spread < OTHER_SENDER_ROUTERS {
            return Vec::new();
        }
        let is_alone = |number: u16| {
            all.values().any(|one| one.seen < OTHER_SENDER_SEEN && one.ports.contains(&number))
        };
        let numbers = self.of_target(target).map(|(number, _)| number);
        let places = places.zip(numbers).filter(|(_, number)| is_alone(*number));
        places.filter_map(|(place, _)| u32::try_from(place).ok()).collect()
    }
}
