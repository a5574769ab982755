//! The states of TCP by their names in RFC 9293 section 3.3.2.

use serde::Serialize;

/// A state of a TCP connection. The numbers are the kernel's (include/net/tcp_states.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum State {
    /// A server waits.
    Listen = 10,
    /// A SYN was sent.
    SynSent = 2,
    /// A SYN was answered.
    SynReceived = 3,
    /// Open.
    Established = 1,
    /// Closed here, the FIN not acknowledged.
    #[serde(rename = "FIN-WAIT-1")]
    FinWait1 = 4,
    /// Closed here, the FIN acknowledged.
    #[serde(rename = "FIN-WAIT-2")]
    FinWait2 = 5,
    /// The peer closed, this side has not.
    CloseWait = 8,
    /// Both closed at once.
    Closing = 11,
    /// Closed second, waiting for the last ACK.
    LastAck = 9,
    /// Closed first, waiting for what is still on its way.
    TimeWait = 6,
    /// No connection.
    Closed = 7,
}

impl State {
    /// All, in the order of a connection's life, as tables have them.
    pub const ALL: [Self; 11] = [
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
    ];

    /// The state that the kernel means by a number.
    #[must_use]
    pub const fn from_kernel(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Established,
            2 => Self::SynSent,
            // TCP_NEW_SYN_RECV is a request that has no socket yet.
            3 | NEW_SYN_RECEIVED => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            // TCP_BOUND_INACTIVE has a port and nothing more (since Linux 6.8).
            7 | BOUND_INACTIVE => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => return None,
        })
    }

    /// What the kernel is asked for to get this state: bits of its numbers.
    #[must_use]
    pub const fn mask(self) -> u32 {
        match self {
            Self::SynReceived => 1 << 3 | 1 << NEW_SYN_RECEIVED,
            Self::Closed => 1 << 7 | BOUND,
            other => 1 << other as u32,
        }
    }

    /// The name of RFC 9293.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
        }
    }

    /// The place in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Self::Listen => 0,
            Self::SynSent => 1,
            Self::SynReceived => 2,
            Self::Established => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::CloseWait => 6,
            Self::Closing => 7,
            Self::LastAck => 8,
            Self::TimeWait => 9,
            Self::Closed => 10,
        }
    }

    /// The states that a word means: a name of the RFC, of the kernel or of ss, in any case and with
    /// `-`, `_` or nothing between its parts; or one of ss's groups. Any other sign is none of a name:
    /// `!listen` is not LISTEN.
    #[must_use]
    pub fn parse(word: &str) -> Option<Vec<Self>> {
        let plain: String = word
            .chars()
            .filter(|sign| !matches!(sign, '-' | '_'))
            .collect::<String>()
            .to_lowercase();
        let one = |state| Some(vec![state]);
        let but = |left_out: &[Self]| {
            Some(Self::ALL.into_iter().filter(|state| !left_out.contains(state)).collect())
        };
        match plain.as_str() {
            "listen" | "listening" => one(Self::Listen),
            "synsent" => one(Self::SynSent),
            "synrecv" | "synreceived" => one(Self::SynReceived),
            "estab" | "established" => one(Self::Established),
            "finwait1" => one(Self::FinWait1),
            "finwait2" => one(Self::FinWait2),
            "closewait" => one(Self::CloseWait),
            "closing" => one(Self::Closing),
            "lastack" => one(Self::LastAck),
            "timewait" => one(Self::TimeWait),
            "closed" | "close" | "unconnected" => one(Self::Closed),
            "all" => but(&[]),
            "connected" => but(&[Self::Listen, Self::Closed]),
            "synchronized" => but(&[Self::Listen, Self::Closed, Self::SynSent]),
            "bucket" => Some(vec![Self::SynReceived, Self::TimeWait]),
            "big" => but(&[Self::SynReceived, Self::TimeWait, Self::Closed]),
            _ => None,
        }
    }
}

const NEW_SYN_RECEIVED: u8 = 12;
const BOUND_INACTIVE: u8 = 13;
/// The same as a bit.
pub(crate) const BOUND: u32 = 1 << BOUND_INACTIVE;

/// Every state but CLOSED: sockets that only have a port are told of when they are asked for.
pub const USUAL: u32 = 0x1ffe & !(1 << 7);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_names() {
        for (place, state) in State::ALL.into_iter().enumerate() {
            assert_eq!((state.place(), State::from_kernel(state as u8)), (place, Some(state)));
            assert_eq!(State::parse(state.name()), Some(vec![state]));
            assert_eq!(serde_json::json!(state), state.name());
        }
        for word in ["FIN_WAIT1", "fin-wait-1", "finwait1"] {
            assert_eq!(State::parse(word), Some(vec![State::FinWait1]), "{word}");
        }
        assert_eq!(State::parse("connected").map(|states| states.len()), Some(9));
        assert_eq!((State::parse("open"), State::from_kernel(0)), (None, None));
        for word in ["!listen", "^listen", "l.i.s.t.e.n", "listen!", "=listen", ""] {
            assert_eq!(State::parse(word), None, "{word}");
        }
        assert_eq!(
            State::ALL.iter().fold(0, |all, state| all | state.mask()),
            USUAL | 1 << 7 | 1 << 13
        );
    }
}
