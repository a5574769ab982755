//! What all targets come to together, in bounded memory.

use super::event::{Row, State};
use super::targets::Target;
use netdiag_engine::Outcome;
use netdiag_engine::port::Change;
use netdiag_model::IcmpKind;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How many different senders and kinds of errors are told apart.
const KEPT: usize = 256;

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
    /// Packets that our own sockets dropped.
    pub receive_drops: u64,
    /// Targets whose probes an ICMP error answered, by its sender and kind.
    pub errors: BTreeMap<(IpAddr, IcmpKind), u32>,
    /// Targets to which nothing left this machine, by error number.
    pub local_errors: BTreeMap<i32, u32>,
    /// Smallest and largest round trip, and their sum.
    rtt: Option<(Duration, Duration, Duration)>,
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
        self.after_loss += u32::from(state == State::Alive && row.lost_before() > 0);
        match row.fault() {
            Some(Outcome::NetError(error)) if state == State::Unreachable => {
                let key = (error.from.address(), error.kind);
                if self.errors.len() < KEPT || self.errors.contains_key(&key) {
                    *self.errors.entry(key).or_default() += 1;
                }
            }
            Some(Outcome::LocalError(error)) if state == State::NotSent => {
                *self.local_errors.entry(error.errno).or_default() += 1;
            }
            _ => {}
        }
    }

    pub(super) fn on_change(&mut self, change: &Change) {
        if let Change::ReceiveDrops { count } = change {
            self.receive_drops += count;
        }
    }
}
