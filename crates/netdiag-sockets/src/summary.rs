//! The summary of a look.

use crate::counters::{Counted, Memory};
use crate::look::{Plan, Seen};
use crate::namespaces::Namespace;
use crate::result::{Busy, Count, EndpointRow, Ephemeral, StateRow, Summary};
use crate::tally::{Common, Party};
use crate::{Owners, Ports, Protocol, State};
use netdiag_model::Untrusted;
use std::collections::BTreeMap;

/// Of each list, how many are told.
const TOLD: usize = 5;

/// What a look came to, in counts.
#[must_use]
pub fn summary(
    seen: &Seen,
    plan: &Plan,
    owners: Option<&Owners>,
    (ports, ports_of): (Option<&Ports>, Option<&Namespace>),
    (memory, counted): (Option<Memory>, Option<Counted>),
) -> Summary {
    let tally = &seen.tally;
    let has = |protocol| plan.protocols.contains(&protocol);
    let states = State::ALL.into_iter().filter(|state| tally.of(*state) > 0);
    let common = tally.common.as_ref().map(|common| {
        let rows =
            states.clone().map(|state| row(state, tally.of(state), &common[state.place()], owners));
        rows.collect()
    });
    Summary {
        tcp: states.clone().map(|state| (state.name(), tally.of(state))).collect(),
        udp: has(Protocol::Udp).then_some(tally.udp),
        raw: has(Protocol::Raw).then_some(tally.raw),
        owners_not_visible: owners.map(|_| tally.not_visible),
        retries: seen.retries,
        interrupted: seen.interrupted,
        opened_while_read: None,
        ephemeral: ports.filter(|_| seen.has_ports()).map(|ports| {
            let available = ports.available();
            let busiest = tally.destinations.busiest(TOLD).into_iter().map(|to| Busy {
                local: to.0.local,
                remote: EndpointRow { address: Some(to.0.remote), port: Some(to.0.port) },
                used: to.1.used,
                available,
                new_per_second: (to.1.fresh > 0).then(|| to.1.new_per_second()),
            });
            Ephemeral {
                range: [ports.first, ports.last],
                reserved: ports.reserved(),
                busiest: busiest.collect(),
                used_may_be_low_by: tally.destinations.error(),
                namespace: ports_of.map(|namespace| namespace.id),
            }
        }),
        states: common.unwrap_or_default(),
        states_read: State::ALL
            .into_iter()
            .filter(|state| seen.states & state.mask() != 0)
            .collect(),
        warnings_not_listed: None,
        totals: None,
        memory,
        since_boot: counted,
    }
}

fn row(state: State, count: u64, common: &Common, owners: Option<&Owners>) -> StateRow {
    let name = |party: &Party| match party {
        Party::User(uid) => Untrusted::from(format!("user {uid}")),
        Party::Process(place) => {
            let process = owners.and_then(|owners| owners.at(*place));
            let named =
                process.map(|process| format!("{} ({})", process.name.as_raw(), process.pid));
            Untrusted::from(named.unwrap_or_default())
        }
    };
    StateRow {
        state,
        count,
        ports: most(&common.ports, |port| *port),
        port_count: common.ports.len(),
        remotes: most(&common.remotes, |address| *address),
        remote_count: common.remotes.len(),
        owners: most(&common.parties, name),
        owner_count: common.parties.len(),
        more: common.more,
    }
}

fn most<K: Ord, T>(counts: &BTreeMap<K, u64>, value: impl Fn(&K) -> T) -> Vec<Count<T>> {
    let mut all: Vec<(&K, u64)> = counts.iter().map(|(key, count)| (key, *count)).collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.into_iter().take(TOLD).map(|(key, count)| Count { value: value(key), count }).collect()
}
