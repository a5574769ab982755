//! What the kernel measures of a TCP connection: `struct tcp_info` of linux/tcp.h. A kernel that is
//! older than a field does not tell it.

use crate::State;
use crate::layout::{self, Block};
use serde::Serialize;

/// The number of the attribute that it comes in (`INET_DIAG_INFO`).
pub const ATTRIBUTE: u16 = 2;

/// TCP_INFO of one connection. Before one has begun, as in SYN-SENT, nothing was measured of segments: then
/// their times and sizes are `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct TcpInfo {
    /// The smoothed round trip in milliseconds; `null` before the first.
    pub rtt_ms: Option<f64>,
    /// Its mean deviation in milliseconds; `null` before the first.
    pub rttvar_ms: Option<f64>,
    /// The smallest round trip of the last minutes in milliseconds.
    pub min_rtt_ms: Option<f64>,
    /// The time until the next retransmission in milliseconds, back-off included.
    pub rto_ms: f64,
    /// How often the timeout has been doubled.
    pub backoff: u8,
    /// Timeouts in a row without an answer.
    pub retransmits: u8,
    /// Probes of a closed window, or of keepalive, in a row without an answer.
    pub probes: u8,
    /// The largest segment that is sent, in bytes; `null` before the connection.
    pub snd_mss: Option<u32>,
    /// The largest segment that was received, in bytes; `null` before the connection.
    pub rcv_mss: Option<u32>,
    /// The segment size that was offered, in bytes.
    pub advmss: u32,
    /// The path MTU in bytes.
    pub path_mtu: u32,
    /// The congestion window in segments.
    pub snd_cwnd: u32,
    /// The slow start threshold in segments; `null` where none has been set.
    pub ssthresh: Option<u32>,
    /// Segments that were not acknowledged.
    pub unacked: u32,
    /// Segments that count as lost.
    pub lost: u32,
    /// Segments that were sent again, over the whole connection.
    pub total_retrans: u32,
    /// Time since data was last sent, in milliseconds; `null` before the connection.
    pub last_data_sent_ms: Option<u32>,
    /// Time since data last came, in milliseconds; `null` before the connection.
    pub last_data_received_ms: Option<u32>,
    /// Time since an acknowledgement last came, in milliseconds; `null` before the connection.
    pub last_ack_received_ms: Option<u32>,
    /// Window scaling that is sent; `null` without.
    pub wscale_snd: Option<u8>,
    /// Window scaling that is received; `null` without.
    pub wscale_rcv: Option<u8>,
    /// Selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// Time stamps (RFC 7323).
    pub timestamps: bool,
    /// Explicit congestion notification (RFC 3168).
    pub ecn: bool,
    /// How many bytes the other end has room for, by its last segment; `null` where the kernel does not
    /// say.
    pub snd_wnd: Option<u32>,
    /// Bytes that were acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes that were received.
    pub bytes_received: Option<u64>,
}

impl TcpInfo {
    /// Decodes the attribute; `None` of what is shorter than the oldest form.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let block = Block(bytes);
        block.word(layout::TOTAL_RETRANS)?;
        let count = |at| block.word(at).unwrap_or_default();
        let byte = |at| block.byte(at).unwrap_or_default();
        let time = |at| {
            let micros = block.word(at).filter(|micros| !matches!(*micros, 0 | layout::NO_RTT));
            micros.map(millis)
        };
        let has = |option: u8| byte(layout::OPTIONS) & option != 0;
        // The kernel's stamps are 0 then, which it tells as times since its clock began, and its sizes are
        // those that it begins with.
        let state = block.byte(layout::STATE).and_then(State::from_kernel);
        let has_begun = !matches!(state, Some(State::SynSent | State::SynReceived | State::Closed));
        let measured = |at| block.word(at).filter(|_| has_begun);
        let rtt_ms = time(layout::RTT);
        let scales = block.window_scales();
        Some(Self {
            rtt_ms,
            rttvar_ms: time(layout::RTT_VARIANCE).filter(|_| rtt_ms.is_some()),
            min_rtt_ms: time(layout::MIN_RTT),
            rto_ms: millis(count(layout::RTO)),
            backoff: byte(layout::BACKOFF),
            retransmits: byte(layout::TIMEOUTS),
            probes: byte(layout::PROBES),
            snd_mss: measured(layout::SEND_MSS),
            rcv_mss: measured(layout::RECEIVE_MSS),
            advmss: count(layout::ADVERTISED_MSS),
            path_mtu: count(layout::PATH_MTU),
            snd_cwnd: count(layout::CONGESTION_WINDOW),
            ssthresh: block
                .word(layout::SLOW_START_THRESHOLD)
                .filter(|segments| *segments < layout::NO_THRESHOLD),
            unacked: count(layout::UNACKED),
            lost: count(layout::LOST),
            total_retrans: count(layout::TOTAL_RETRANS),
            last_data_sent_ms: measured(layout::LAST_DATA_SENT),
            last_data_received_ms: measured(layout::LAST_DATA_RECEIVED),
            last_ack_received_ms: measured(layout::LAST_ACK_RECEIVED),
            wscale_snd: scales.map(|(sent, _)| sent),
            wscale_rcv: scales.map(|(_, received)| received),
            sack: has(layout::SACK),
            timestamps: has(layout::TIMESTAMPS),
            ecn: has(layout::ECN),
            snd_wnd: measured(layout::SEND_WINDOW),
            bytes_acked: block.long(layout::BYTES_ACKED),
            bytes_received: block.long(layout::BYTES_RECEIVED),
        })
    }

    /// The time until a retransmission without back-off, in milliseconds.
    #[must_use]
    pub fn base_rto_ms(&self) -> f64 {
        self.rto_ms / f64::from(1_u32 << self.backoff.min(20))
    }

    /// Whether the other end has room for a segment, or for all that waits for it; `false` where that is
    /// not known.
    #[must_use]
    pub fn has_window(&self, waiting: u32) -> bool {
        let most = self.snd_mss.unwrap_or(u32::MAX).min(waiting);
        self.snd_wnd.is_some_and(|window| window > 0 && window >= most)
    }

    /// How long no data has come or gone, in milliseconds; 0 where that is not known.
    #[must_use]
    pub fn idle_ms(&self) -> u32 {
        let both = [self.last_data_sent_ms, self.last_data_received_ms];
        both.into_iter().flatten().min().unwrap_or(0)
    }

    /// How long no acknowledgement has come, in milliseconds; 0 where that is not known.
    #[must_use]
    pub fn unacknowledged_ms(&self) -> u32 {
        self.last_ack_received_ms.unwrap_or(0)
    }
}

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use layout::{TIMESTAMPS, WINDOW_SCALING as WSCALE};

    #[test]
    fn fields_are_where_the_kernel_puts_them_and_missing_ones_are_none() {
        let mut bytes = vec![0; 104];
        bytes[4] = 4;
        bytes[5] = TIMESTAMPS | WSCALE;
        bytes[6] = 0xa7;
        for (at, value) in
            [(8, 3_200_000_u32), (56, 121_000), (68, 39), (76, 0x7fff_ffff), (100, 9)]
        {
            bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        let info = TcpInfo::decode(&bytes).expect("long enough");
        assert_eq!((info.rto_ms, info.base_rto_ms(), info.backoff), (3_200.0, 200.0, 4));
        assert_eq!((info.rtt_ms, info.rttvar_ms, info.min_rtt_ms), (Some(0.039), None, None));
        assert_eq!((info.wscale_snd, info.wscale_rcv), (Some(7), Some(10)));
        assert_eq!((info.timestamps, info.sack, info.ssthresh), (true, false, None));
        assert_eq!((info.last_ack_received_ms, info.total_retrans), (Some(121_000), 9));
        assert_eq!(TcpInfo::decode(&bytes[..103]), None);
        assert_eq!((info.snd_wnd, info.has_window(1)), (None, false));
        let window =
            |bytes: u32| TcpInfo { snd_wnd: Some(bytes), snd_mss: Some(1460), ..info.clone() };
        assert!(window(9).has_window(9) && window(1460).has_window(9_000));
        assert!(!window(0).has_window(0) && !window(9).has_window(10));
    }

    /// A SYN that nobody answers: the kernel tells of its clock, of the segments that it begins with, and
    /// of a variance without a round trip.
    #[test]
    fn before_a_connection_nothing_of_its_segments_was_measured() {
        let mut bytes = vec![0; 232];
        for (at, value) in [
            (8, 1_000_000_u32),
            (16, 524),
            (20, 88),
            (44, 23_837_788),
            (52, 23_837_788),
            (56, 23_837_788),
            (72, 250_000),
            (100, 4),
        ] {
            bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        for (state, is_known) in [(1, true), (2, false), (3, false), (7, false), (8, true)] {
            bytes[0] = state;
            let info = TcpInfo::decode(&bytes).expect("long enough");
            let times =
                [info.last_data_sent_ms, info.last_data_received_ms, info.last_ack_received_ms];
            assert_eq!(times, [is_known.then_some(23_837_788); 3], "{state}");
            let sizes = [info.snd_mss, info.rcv_mss, info.snd_wnd];
            assert_eq!(
                sizes,
                [is_known.then_some(524), is_known.then_some(88), is_known.then_some(0)]
            );
            assert_eq!((info.rttvar_ms, info.rto_ms, info.total_retrans), (None, 1_000.0, 4));
            assert_eq!(info.unacknowledged_ms() == 0, !is_known);
        }
    }
}
