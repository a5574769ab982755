//! What an outcome says of a packet's size.

use super::event::SizeOutcome;
use super::measurement::What;
use netdiag_engine::outcome::IcmpError;
use netdiag_engine::{Outcome, Probe};
use netdiag_model::{IcmpKind, StampSource};
use std::net::IpAddr;
use std::time::Duration;

/// The error number of a packet that is larger than the interface takes.
const EMSGSIZE: i32 = 90;

/// What an outcome says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) outcome: SizeOutcome,
    pub(super) from: Option<IpAddr>,
    /// It was this machine that said so, which found no neighbour: nothing left.
    pub(super) is_own: bool,
    /// It was the target that answered.
    pub(super) is_target: bool,
    /// The MTU that a router told of.
    pub(super) mtu: Option<u32>,
    /// The MTU that this machine told of.
    pub(super) local_mtu: Option<u32>,
    /// Why nothing goes further.
    pub(super) refusal: Option<IcmpKind>,
    pub(super) rtt: Option<Duration>,
    pub(super) stamp: Option<StampSource>,
}

impl Said {
    const fn nothing(outcome: SizeOutcome) -> Self {
        Self {
            outcome,
            from: None,
            is_own: false,
            is_target: false,
            mtu: None,
            local_mtu: None,
            refusal: None,
            rtt: None,
            stamp: None,
        }
    }
}

/// What an outcome says of the packet. That the hop limit of one ran out is an answer of its hop; of one
/// to the target it says that it does not come there.
pub(super) fn said(what: What, probe: &Probe, outcome: &Outcome) -> Said {
    match outcome {
        Outcome::Replied(reply) => Said {
            from: Some(reply.from.address()),
            is_target: true,
            rtt: Some(reply.rtt),
            stamp: Some(reply.stamp),
            ..Said::nothing(SizeOutcome::Passed)
        },
        Outcome::NetError(error) => of_error(what, probe, error),
        Outcome::LocalError(error) => {
            let mtu = error.mtu.filter(|_| error.errno == EMSGSIZE);
            Said { local_mtu: mtu, ..Said::nothing(SizeOutcome::LocalError) }
        }
        Outcome::Unknown(_) => Said::nothing(SizeOutcome::Unknown),
        Outcome::TimedOut | Outcome::Refused(_) => Said::nothing(SizeOutcome::Lost),
    }
}

fn of_error(what: What, probe: &Probe, error: &IcmpError) -> Said {
    let kind = error.kind;
    let is_target = probe.destination.is_source(error.from) && kind.is_unreachable();
    let outcome = match () {
        () if kind.is_too_big() => SizeOutcome::TooBig,
        () if is_target => SizeOutcome::Passed,
        () if kind.is_time_exceeded() && matches!(what, What::Hop(..)) => SizeOutcome::Passed,
        () => SizeOutcome::Refused,
    };
    Said {
        from: Some(error.from.address()),
        is_target: is_target && outcome == SizeOutcome::Passed,
        mtu: error.info.filter(|_| kind.is_too_big()),
        refusal: (outcome == SizeOutcome::Refused).then_some(kind),
        rtt: Some(error.rtt),
        stamp: Some(error.stamp),
        ..Said::nothing(outcome)
    }
}
