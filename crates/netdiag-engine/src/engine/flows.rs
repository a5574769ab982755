//! The UDP probes that are open, by where they go: an answer that names no probe is about the only
//! one that is open there, or about none that could be told.

use crate::table::Table;
use netdiag_model::Destination;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Address, port and index of every UDP probe that has not ended.
#[derive(Debug, Default)]
pub(super) struct Flows(BTreeSet<(IpAddr, u16, u32)>);

/// How many UDP probes are open to an address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenThere {
    Nothing,
    /// This one.
    Only(u32),
    Several,
}

impl Flows {
    /// A probe starts.
    pub(super) fn open(&mut self, destination: Destination, port: u16, index: u32) {
        self.0.insert((destination.address(), port, index));
    }

    /// A probe of any kind has ended.
    pub(super) fn close(&mut self, table: &Table, index: u32) {
        if let Some(entry) = table.get(index).filter(|entry| entry.is_datagram()) {
            let port = table.template(&entry).port;
            self.0.remove(&(entry.destination.address(), port, index));
        }
    }

    /// What is open to a destination and port.
    pub(super) fn there(&self, table: &Table, to: Destination, port: u16) -> OpenThere {
        let range = (to.address(), port, 0)..=(to.address(), port, u32::MAX);
        // Link-local addresses exist once on each interface.
        let fits = |index: &u32| table.get(*index).is_some_and(|e| e.destination.is_source(to));
        let mut indexes = self.0.range(range).map(|(_, _, index)| *index).filter(fits);
        match (indexes.next(), indexes.next()) {
            (None, _) => OpenThere::Nothing,
            (Some(index), None) => OpenThere::Only(index),
            (Some(_), Some(_)) => OpenThere::Several,
        }
    }
}
