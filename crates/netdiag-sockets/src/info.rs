//! What the kernel measures of a TCP connection: `struct tcp_info` of linux/tcp.h. A kernel that is
//! older than a field does not tell it.

use serde::Serialize;

/// The number of the attribute that it comes in (`INET_DIAG_INFO`).
pub const ATTRIBUTE: u16 = 2;

/// TCP_INFO of one connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct TcpInfo {
    /// The smoothed round trip in milliseconds; `null` before the first.
    pub rtt_ms: Option<f64>,
    /// Its mean deviation in milliseconds.
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
    /// The largest segment that is sent, in bytes.
    pub snd_mss: u32,
    /// The largest segment that was received, in bytes.
    pub rcv_mss: u32,
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
    /// Time since data was last sent, in milliseconds.
    pub last_data_sent_ms: u32,
    /// Time since data last came, in milliseconds.
    pub last_data_received_ms: u32,
    /// Time since an acknowledgement last came, in milliseconds.
    pub last_ack_received_ms: u32,
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
    /// Bytes that were acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes that were received.
    pub bytes_received: Option<u64>,
}

impl TcpInfo {
    /// Decodes the attribute; `None` of what is shorter than the oldest form.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        const OLDEST: usize = 104;
        bytes.get(..OLDEST)?;
        let word = |at: usize| {
            let found: Option<[u8; 4]> =
                bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
            found.map(u32::from_ne_bytes)
        };
        let long = |at: usize| {
            let found: Option<[u8; 8]> = bytes.get(at..at + 8).and_then(|all| all.try_into().ok());
            found.map(u64::from_ne_bytes)
        };
        let count = |at| word(at).unwrap_or_default();
        let time = |at| word(at).filter(|micros| !matches!(*micros, 0 | u32::MAX)).map(millis);
        let (options, scales) = (bytes[5], bytes[6]);
        let has = |bit: u8| options & bit != 0;
        Some(Self {
            rtt_ms: time(68),
            rttvar_ms: time(72),
            min_rtt_ms: time(148),
            rto_ms: millis(count(8)),
            backoff: bytes[4],
            retransmits: bytes[2],
            probes: bytes[3],
            snd_mss: count(16),
            rcv_mss: count(20),
            advmss: count(84),
            path_mtu: count(60),
            snd_cwnd: count(80),
            ssthresh: word(76).filter(|segments| *segments < 0x7fff_ffff),
            unacked: count(24),
            lost: count(32),
            total_retrans: count(100),
            last_data_sent_ms: count(44),
            last_data_received_ms: count(52),
            last_ack_received_ms: count(56),
            wscale_snd: has(WSCALE).then_some(scales & 0xf),
            wscale_rcv: has(WSCALE).then_some(scales >> 4),
            sack: has(SACK),
            timestamps: has(TIMESTAMPS),
            ecn: has(ECN),
            bytes_acked: long(120),
            bytes_received: long(128),
        })
    }

    /// The time until a retransmission without back-off, in milliseconds.
    #[must_use]
    pub fn base_rto_ms(&self) -> f64 {
        self.rto_ms / f64::from(1_u32 << self.backoff.min(20))
    }

    /// How long nothing has come or gone, in milliseconds.
    #[must_use]
    pub fn idle_ms(&self) -> u32 {
        self.last_data_sent_ms.min(self.last_data_received_ms)
    }
}

/// `TCPI_OPT_*` of linux/tcp.h.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WSCALE: u8 = 4;
const ECN: u8 = 8;

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!((info.last_ack_received_ms, info.total_retrans), (121_000, 9));
        assert_eq!(TcpInfo::decode(&bytes[..103]), None);
    }
}
