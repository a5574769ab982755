//! What users who are not root may send, whatever command they use: no more than the sender lets
//! pass, since what it holds back would be lost.

use netdiag_ping::Protocol;
use std::time::Duration;

/// The most packets of a user in a millisecond: 2,000 a second.
pub(crate) const BURST: u32 = 2;
/// The shortest time from one packet to an address to the next.
pub(crate) const LEAST_INTERVAL: Duration = Duration::from_millis(2);
/// The same of TCP connections.
pub(crate) const LEAST_CONNECT_INTERVAL: Duration = Duration::from_millis(20);

/// The least time from one request to an address to the next.
pub(crate) const fn floor(protocol: Protocol) -> Duration {
    match protocol {
        Protocol::Syn { .. } | Protocol::Quic { .. } => LEAST_CONNECT_INTERVAL,
        protocol if protocol.is_connection() => LEAST_CONNECT_INTERVAL,
        _ => LEAST_INTERVAL,
    }
}
