//! What all targets come to together, in bounded memory.

use super::event::{Row, State};
use super::fault::Fault;
use super::naming::Nameless;
use netdiag_engine::local::Changes;
use netdiag_engine::port::SendError;
use netdiag_model::IcmpKind;
use netdiag_model::target::Target;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How many different senders and kinds of errors are told apart.
const KEPT: usize = 256;
/// How many targets of a group are remembered.
const FIRST: usize = 3;

/// Figures over all targets.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    states: [u32; State::ALL.len()],
    /// Probes that left.
    pub sent: u64,
    /// Probes that were answered.
    pub received: u64,
    /// Answers after their timeout.
    pub late: u64,
    /// Further answers.
    pub duplicates: u64,
    /// Targets that answered only after an earlier probe had not been answered.
    pub after_loss: u32,
    /// Round trips that were taken with this process's clock instead of the kernel's.
    pub user_stamps: u64,
    /// Probes that this machine made meaningless.
    pub unknown: u64,
    /// What changed at this machine.
    pub changes: Changes,
    /// Targets whose probes an ICMP error answered, by its sender and kind.
    pub errors: BTreeMap<(IpAddr, IcmpKind), Group>,
    /// Targets to which probes did not leave this machine, by the reason.
    pub not_sent: BTreeMap<(i32, bool, bool), (SendError, Group)>,
    /// Addresses whose names were wanted, and nobody knows.
    pub nameless: Nameless,
    /// Smallest and largest round trip, and their sum.
    rtt: Option<(Duration, Duration, Duration)>,
}

/// Targets that met the same.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// How many.
    pub targets: u32,
    /// The numbers of the first of them.
    pub first: Vec<u32>,
    /// Probes to them, where some did not leave.
    pub attempted: u64,
    /// Those of them that left.
    pub sent: u64,
    /// Those that did not leave for this reason.
    pub not_sent: u64,
}

impl Group {
    fn add(&mut self, row: &Row) {
        self.targets += 1;
        if self.first.len() < FIRST {
            self.first.push(row.target);
        }
        self.sent += row.figures().sent;
    }

    /// A target to which `all` probes did not leave, so many of them for this reason.
    fn add_unsent(&mut self, row: &Row, count: u64, all: u64) {
        self.add(row);
        self.attempted += row.figures().sent + all;
        self.not_sent += count;
    }
}

impl Totals {
    /// How many targets came to this.
    #[must_use]
    pub fn of(&self, state: State) -> u32 {
        self.states.get(state as usize).copied().unwrap_or_default()
    }

    /// How many targets it is known of what becomes of them.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.states.iter().sum()
    }

    /// Smallest, mean and largest round trip of all answers.
    #[must_use]
    pub fn rtt(&self) -> Option<[Duration; 3]> {
        let (min, max, sum) = self.rtt?;
        let mean = sum.as_nanos() / u128::from(self.received.max(1));
        Some([min, Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX)), max])
    }

    pub(super) fn on_row(&mut self, row: &Row, target: Target<'_>) {
        let (state, figures) = (row.state(target), row.figures());
        if let Some(count) = self.states.get_mut(state as usize) {
            *count += 1;
        }
        self.received += figures.received;
        if let Some([min, mean, max]) = figures.rtt {
            let sum = mean * u32::try_from(figures.received).unwrap_or(u32::MAX);
            self.rtt = Some(match self.rtt {
                None => (min, max, sum),
                Some((least, most, all)) => (least.min(min), most.max(max), all + sum),
            });
        }
        self.after_loss += u32::from(state == State::Alive && row.before().all() > 0);
        match row.fault() {
            Some(Fault::Icmp(kind, from)) if state == State::Unreachable => {
                let key = (from, kind);
                if self.errors.len() < KEPT || self.errors.contains_key(&key) {
                    self.errors.entry(key).or_default().add(row);
                }
            }
            _ => {}
        }
        let errors = row.send_errors();
        let all = errors.iter().map(|(_, count)| count).sum();
        for (error, count) in errors {
            self.not_sent_for(error).add_unsent(row, count, all);
        }
    }

    /// The targets that met this; how large a packet may be differs among those that met the same.
    fn not_sent_for(&mut self, error: SendError) -> &mut Group {
        let key = (error.errno, error.direct, error.unseen);
        &mut self.not_sent.entry(key).or_insert_with(|| (error, Group::default())).1
    }
}
