//! Messages that a packet was too big, and which of them cannot be true.

use netdiag_engine::outcome::{Reason, Rejection, least_mtu};
use std::net::IpAddr;

/// How many are kept of each kind: whoever forges them can send any number.
const KEPT: usize = 16;

/// One that may be true: its quote is ours, and its MTU is within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) from: IpAddr,
    /// `None`: it names none, as routers did before RFC 1191.
    pub(crate) mtu: Option<u32>,
}

/// One that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Odd {
    pub(crate) from: IpAddr,
    /// What it said; 0 where it named none.
    pub(crate) mtu: u32,
    pub(crate) why: Why,
    pub(crate) count: u64,
}

/// Why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// No link is as small.
    TooSmall,
    /// It is no smaller than what was sent.
    TooLarge,
    /// It names no MTU.
    Nothing,
    /// It quotes what was not sent.
    ForeignQuote,
    /// What it says does not pass was answered.
    Contradicted,
}

impl Why {
    /// In words.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::TooSmall => "every link takes more",
            Self::TooLarge => "it is no smaller than what was sent",
            Self::Nothing => "it names no MTU",
            Self::ForeignQuote => "it quotes a packet that was not sent",
            Self::Contradicted => "larger packets were answered",
        }
    }
}

/// The messages that are not believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Odds(pub(crate) Vec<Odd>);

impl Odds {
    pub(crate) fn count(&mut self, from: IpAddr, mtu: Option<u32>, why: Why) {
        let mtu = mtu.unwrap_or(0);
        let is_full = self.0.len() >= KEPT;
        match self.0.iter_mut().find(|odd| (odd.from, odd.mtu, odd.why) == (from, mtu, why)) {
            Some(odd) => odd.count += 1,
            None if is_full => {}
            None => self.0.push(Odd { from, mtu, why, count: 1 }),
        }
    }

    /// What was said not to pass was answered, which explains whatever else is odd of the message.
    pub(crate) fn contradict(&mut self, from: IpAddr, mtu: u32) {
        match self.0.iter_mut().find(|odd| (odd.from, odd.mtu) == (from, mtu)) {
            Some(odd) => (odd.why, odd.count) = (Why::Contradicted, odd.count + 1),
            None => self.count(from, Some(mtu), Why::Contradicted),
        }
    }

    /// What the engine did not believe, if it was such a message.
    pub(crate) fn on_rejected(&mut self, rejection: &Rejection) {
        let said = rejection.said.filter(|(kind, _)| kind.is_too_big());
        let Some((kind, mtu)) = said else { return };
        let why = match rejection.reason {
            Reason::ImplausibleMtu if mtu == Some(0) => Why::Nothing,
            Reason::ImplausibleMtu if mtu < Some(least_mtu(kind.family)) => Why::TooSmall,
            Reason::ImplausibleMtu => Why::TooLarge,
            _ => Why::ForeignQuote,
        };
        self.count(rejection.from.address(), mtu, why);
    }
}
