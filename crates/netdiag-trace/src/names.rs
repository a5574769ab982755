//! The names of hops: looked up beside the measurement, each once.

use netdiag_model::{Instant, Untrusted};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// How long after the last answer names are waited for.
const GRACE: Duration = Duration::from_millis(500);

/// What is known of names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    wanted: VecDeque<IpAddr>,
    /// `None` while a look-up is under way.
    known: BTreeMap<IpAddr, Option<Option<Untrusted>>>,
    /// Since when nothing but names is waited for.
    waiting_since: Option<Instant>,
}

impl Names {
    /// An address came up.
    pub(crate) fn want(&mut self, address: IpAddr) {
        if let Entry::Vacant(unknown) = self.known.entry(address) {
            unknown.insert(None);
            self.wanted.push_back(address);
        }
    }

    /// The next one to be looked up.
    pub(crate) fn next(&mut self) -> Option<IpAddr> {
        self.wanted.pop_front()
    }

    /// A look-up ended.
    pub(crate) fn tell(&mut self, address: IpAddr, name: Option<Untrusted>) {
        self.known.insert(address, Some(name));
    }

    /// Whether the look-up of an address is under way.
    pub(crate) fn is_missing(&self, address: IpAddr) -> bool {
        self.known.get(&address).is_some_and(Option::is_none)
    }

    /// The name of an address, where it has one.
    pub(crate) fn get(&self, address: IpAddr) -> Option<&Untrusted> {
        self.known.get(&address)?.as_ref()?.as_ref()
    }

    /// Until when names are waited for, now that all else is done; `None` when none is missing, or
    /// that time is over.
    pub(crate) fn waited_for(&mut self, now: Instant) -> Option<Instant> {
        let since = *self.waiting_since.get_or_insert(now);
        let missing = self.known.values().any(Option::is_none);
        Some(since + GRACE).filter(|until| missing && now < *until)
    }
}
