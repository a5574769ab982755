//! How a connection ended.

use netdiag_model::Untrusted;
use quinn_proto::{ConnectionError, TransportErrorCode};

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other end does not speak version 1, but these (RFC 9000 section 6).
    Versions(Vec<u32>),
    /// The handshake of TLS failed: [`Connection::talked`](crate::Connection::talked) says why.
    Tls,
    /// The other end closed it, by a code of QUIC (RFC 9000 section 20.1).
    Closed {
        /// The code.
        code: u64,
        /// What the other end says of it.
        reason: Untrusted,
    },
    /// The other end closed it, by a code of what is spoken over it.
    Left {
        /// The code.
        code: u64,
        /// What the other end says of it.
        reason: Untrusted,
    },
    /// The other end knows nothing of it (RFC 9000 section 10.3).
    Reset,
    /// Nothing came for as long as both ends keep it (RFC 9000 section 10.1).
    Idle,
    /// The other end broke the rules, and this one closed it: how, in words safe to print.
    Misbehaved(String),
}

/// Codes of QUIC that are alerts of TLS begin here (RFC 9001 section 4.8).
const ALERTS: u64 = 0x100;

impl Ending {
    /// What an error of the library means, and the alert of the other end; `None`: this end closed it.
    pub(crate) fn of(error: ConnectionError, offered: &[u32]) -> Option<(Self, Option<u8>)> {
        let alone = |ending| Some((ending, None));
        let said = |reason: &[u8]| Untrusted::from(String::from_utf8_lossy(reason).into_owned());
        match error {
            ConnectionError::VersionMismatch => alone(Self::Versions(offered.to_vec())),
            ConnectionError::TransportError(error) => match alert_of(error.code) {
                Some(_) => alone(Self::Tls),
                None => alone(Self::Misbehaved(plain(&error.to_string()))),
            },
            ConnectionError::ConnectionClosed(close) => match alert_of(close.error_code) {
                Some(alert) => Some((Self::Tls, Some(alert))),
                None => {
                    let (code, reason) = (close.error_code.into(), said(&close.reason));
                    alone(Self::Closed { code, reason })
                }
            },
            ConnectionError::ApplicationClosed(close) => {
                let (code, reason) = (close.error_code.into_inner(), said(&close.reason));
                alone(Self::Left { code, reason })
            }
            ConnectionError::Reset => alone(Self::Reset),
            ConnectionError::TimedOut => alone(Self::Idle),
            ConnectionError::LocallyClosed => None,
            ConnectionError::CidsExhausted => {
                alone(Self::Misbehaved("no identifier is left for a connection".to_owned()))
            }
        }
    }

    /// The name of a code of QUIC (RFC 9000 section 20.1).
    #[must_use]
    pub fn code_name(code: u64) -> Option<&'static str> {
        const NAMES: [&str; 17] = [
            "NO_ERROR",
            "INTERNAL_ERROR",
            "CONNECTION_REFUSED",
            "FLOW_CONTROL_ERROR",
            "STREAM_LIMIT_ERROR",
            "STREAM_STATE_ERROR",
            "FINAL_SIZE_ERROR",
            "FRAME_ENCODING_ERROR",
            "TRANSPORT_PARAMETER_ERROR",
            "CONNECTION_ID_LIMIT_ERROR",
            "PROTOCOL_VIOLATION",
            "INVALID_TOKEN",
            "APPLICATION_ERROR",
            "CRYPTO_BUFFER_EXCEEDED",
            "KEY_UPDATE_ERROR",
            "AEAD_LIMIT_REACHED",
            "NO_VIABLE_PATH",
        ];
        NAMES.get(usize::try_from(code).ok()?).copied()
    }
}

/// The alert of TLS that a code stands for.
fn alert_of(code: TransportErrorCode) -> Option<u8> {
    u64::from(code).checked_sub(ALERTS).and_then(|alert| u8::try_from(alert).ok())
}

/// What the library says, which may have words of the other end in it.
fn plain(text: &str) -> String {
    Untrusted::from(text).escaped().to_string()
}

/// The versions of a packet that says which there are (RFC 9000 section 17.2.1): its two identifiers
/// come before them.
pub(crate) fn versions(datagram: &[u8]) -> Vec<u32> {
    const MOST: usize = 16;
    let [first, 0, 0, 0, 0, rest @ ..] = datagram else { return Vec::new() };
    if first & 0x80 == 0 {
        return Vec::new();
    }
    let skip = |rest: &[u8]| {
        let (len, rest) = rest.split_first()?;
        rest.get(usize::from(*len)..).map(<[u8]>::to_vec)
    };
    let list = skip(rest).and_then(|rest| skip(&rest)).unwrap_or_default();
    let all =
        list.chunks_exact(4).filter_map(|four| Some(u32::from_be_bytes(four.try_into().ok()?)));
    all.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_behind_both_identifiers() {
        let packet = [0x80, 0, 0, 0, 0, 2, 9, 9, 0, 0x6b, 0x33, 0x43, 0xcf, 0xff, 0, 0, 29, 1];
        assert_eq!(versions(&packet), [0x6b33_43cf, 0xff00_001d]);
        for wrong in [&packet[..6], &[0; 20], &[0x80, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], &[]] {
            assert_eq!(versions(wrong), [0_u32; 0], "{wrong:?}");
        }
    }
}
