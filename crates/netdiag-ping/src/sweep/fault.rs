//! Why a target did not answer.

use super::event::{Found, Row, State, series_state};
use netdiag_engine::Outcome;
use netdiag_engine::outcome::Why;
use netdiag_engine::port::SendError;
use netdiag_model::IcmpKind;
use netdiag_model::failure::Failure;
use std::net::IpAddr;

const ECONNREFUSED: i32 = 111;

/// What kept a target from answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing came in time.
    Silent,
    /// An ICMP error, and who sent it.
    Icmp(IcmpKind, IpAddr),
    /// The connection was refused, with this error number.
    Refused(i32),
    /// It did not leave this machine.
    NotSent(SendError),
    /// Nothing could be sent at all.
    NoSocket(Failure),
    /// This machine made the samples meaningless; why, where one sample was taken.
    Unknown(Option<Why>),
}

impl Row {
    /// Why there is no answer, as far as that is known; `None` where there is one, or nothing was
    /// sent yet.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match &self.found {
            Found::Nothing => None,
            Found::Refused(failure) => Some(Fault::NoSocket((**failure).clone())),
            Found::Once { before, last, .. } => {
                let is_over = last.is_some();
                let last = last.iter().map(|last| &last.outcome);
                let all = last.chain(before.iter().rev().map(|(_, outcome)| outcome));
                // Of a target that is to be probed again only what is known already.
                let all = all.filter(|outcome| is_over || is_error(outcome));
                // The state goes by the same; of several the latest.
                all.min_by_key(|outcome| rank(outcome)).and_then(of)
            }
            Found::Series(series) => of_series(series),
        }
    }

    /// Why probes did not leave this machine, and how many for each reason. Where one answer was
    /// wanted, only of a target to which none left: what was refused for a moment was tried again.
    pub(super) fn send_errors(&self) -> Vec<(SendError, u64)> {
        match (&self.found, self.fault()) {
            (Found::Series(series), _) => series.tally.unsent.all().collect(),
            (Found::Once { before, .. }, Some(Fault::NotSent(error)))
                if self.figures().sent == 0 =>
            {
                vec![(error, before.len() as u64 + 1)]
            }
            _ => Vec::new(),
        }
    }
}

/// Whether something answered that it does not go.
const fn is_error(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NetError(_) | Outcome::Refused(_))
}

/// How much an outcome says of a target: the lowest decides what it comes to.
pub(super) const fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Replied(_) => 0,
        Outcome::Refused(_) => 1,
        Outcome::NetError(_) => 2,
        Outcome::TimedOut => 3,
        Outcome::Unknown(_) => 4,
        Outcome::LocalError(_) => 5,
    }
}

fn of(outcome: &Outcome) -> Option<Fault> {
    Some(match outcome {
        Outcome::Replied(_) => return None,
        Outcome::TimedOut => Fault::Silent,
        Outcome::NetError(error) => Fault::Icmp(error.kind, error.from.address()),
        Outcome::Refused(refusal) => Fault::Refused(refusal.errno),
        Outcome::LocalError(error) => Fault::NotSent(*error),
        Outcome::Unknown(why) => Fault::Unknown(Some(*why)),
    })
}

/// What most probes of a series met.
fn of_series(series: &crate::Measurement) -> Option<Fault> {
    match series_state(series) {
        State::Refused => Some(Fault::Refused(ECONNREFUSED)),
        State::Unreachable => {
            let errors = series.tally.icmp_errors.iter();
            let errors = errors.filter(|((_, kind), _)| !kind.is_advice());
            let ((from, kind), _) = errors.max_by_key(|(_, count)| **count)?;
            Some(Fault::Icmp(*kind, *from))
        }
        State::Timeout => Some(Fault::Silent),
        State::Unknown => Some(Fault::Unknown(None)),
        State::NotSent => series.tally.unsent.most().map(|(error, _)| Fault::NotSent(error)),
        State::Alive | State::Unresolved | State::Unsettled => None,
    }
}
