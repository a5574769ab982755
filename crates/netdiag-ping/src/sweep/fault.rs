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
                let last = last.as_ref().map(|last| &last.outcome);
                let last = last.filter(|outcome| !matches!(outcome, Outcome::Replied(_)));
                let earlier = before.iter().rev().map(|(_, outcome)| outcome);
                // An error says more than the silence after it.
                let says = |outcome: &&Outcome| {
                    !matches!(outcome, Outcome::TimedOut | Outcome::Unknown(_))
                };
                last.filter(says).or_else(|| earlier.clone().find(says)).or(last).and_then(of)
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
