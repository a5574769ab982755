//! Where the kernel puts what in `struct tcp_info` of linux/tcp.h, whether it comes by sock_diag(7) or by
//! getsockopt(2): bytes, and numbers in the order of the machine.

/// Offsets of single bytes.
pub const STATE: usize = 0;
/// The state of congestion control (`tcpi_ca_state`).
pub const CONGESTION: usize = 1;
/// Timeouts in a row (`tcpi_retransmits`).
pub const TIMEOUTS: usize = 2;
/// Probes in a row (`tcpi_probes`).
pub const PROBES: usize = 3;
/// How often the timeout was doubled (`tcpi_backoff`).
pub const BACKOFF: usize = 4;
/// Options that both ends have: [`TIMESTAMPS`], [`SACK`], [`WINDOW_SCALING`], [`ECN`].
pub const OPTIONS: usize = 5;
const WINDOW_SCALES: usize = 6;
/// Offsets of words; times are in microseconds, those since something in milliseconds.
pub const RTO: usize = 8;
/// `tcpi_snd_mss`.
pub const SEND_MSS: usize = 16;
/// `tcpi_rcv_mss`.
pub const RECEIVE_MSS: usize = 20;
/// `tcpi_unacked`.
pub const UNACKED: usize = 24;
/// `tcpi_lost`.
pub const LOST: usize = 32;
/// `tcpi_retrans`.
pub const SENT_AGAIN: usize = 36;
/// `tcpi_last_data_sent`.
pub const LAST_DATA_SENT: usize = 44;
/// `tcpi_last_data_recv`.
pub const LAST_DATA_RECEIVED: usize = 52;
/// `tcpi_last_ack_recv`.
pub const LAST_ACK_RECEIVED: usize = 56;
/// `tcpi_pmtu`.
pub const PATH_MTU: usize = 60;
/// `tcpi_rtt`.
pub const RTT: usize = 68;
/// `tcpi_rttvar`.
pub const RTT_VARIANCE: usize = 72;
/// `tcpi_snd_ssthresh`; [`NO_THRESHOLD`] and above: none.
pub const SLOW_START_THRESHOLD: usize = 76;
/// `tcpi_snd_cwnd`.
pub const CONGESTION_WINDOW: usize = 80;
/// `tcpi_advmss`.
pub const ADVERTISED_MSS: usize = 84;
/// `tcpi_reordering`.
pub const REORDERING: usize = 88;
/// `tcpi_total_retrans`, the last word of the oldest form.
pub const TOTAL_RETRANS: usize = 100;
/// `tcpi_snd_wnd`.
pub const SEND_WINDOW: usize = 228;
/// `tcpi_min_rtt`; [`NO_RTT`]: none.
pub const MIN_RTT: usize = 148;
/// Offsets of double words.
pub const BYTES_ACKED: usize = 120;
/// `tcpi_bytes_received`.
pub const BYTES_RECEIVED: usize = 128;
/// `tcpi_delivery_rate`.
pub const DELIVERY_RATE: usize = 160;
/// `tcpi_busy_time`.
pub const BUSY: usize = 168;
/// `tcpi_rwnd_limited`.
pub const WINDOW_LIMITED: usize = 176;
/// `tcpi_sndbuf_limited`.
pub const BUFFER_LIMITED: usize = 184;

/// `TCPI_OPT_*`: time stamps (RFC 7323).
pub const TIMESTAMPS: u8 = 1;
/// Selective acknowledgements (RFC 2018).
pub const SACK: u8 = 2;
/// Window scaling (RFC 7323).
pub const WINDOW_SCALING: u8 = 4;
/// Explicit congestion notification (RFC 3168).
pub const ECN: u8 = 8;
/// `TCP_INFINITE_SSTHRESH` of net/tcp.h: there was no loss yet.
pub const NO_THRESHOLD: u32 = 0x7fff_ffff;
/// Where no round trip was measured.
pub const NO_RTT: u32 = u32::MAX;

/// The bytes of a `struct tcp_info`, as many as a kernel has.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a>(pub &'a [u8]);

impl Block<'_> {
    fn rest(&self, offset: usize) -> Option<&[u8]> {
        self.0.get(offset..)
    }

    /// A byte; `None`: this kernel does not have it.
    #[must_use]
    pub fn byte(&self, offset: usize) -> Option<u8> {
        self.rest(offset)?.first().copied()
    }

    /// Four bytes.
    #[must_use]
    pub fn word(&self, offset: usize) -> Option<u32> {
        self.rest(offset)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
    }

    /// Eight bytes.
    #[must_use]
    pub fn long(&self, offset: usize) -> Option<u64> {
        self.rest(offset)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
    }

    /// The shift of what is sent and of what comes, two bit fields of a byte; `None` without the option.
    #[must_use]
    pub fn window_scales(&self) -> Option<(u8, u8)> {
        let has = self.byte(OPTIONS)? & WINDOW_SCALING != 0;
        let both = self.byte(WINDOW_SCALES).filter(|_| has)?;
        let (low, high) = (both & 0xf, both >> 4);
        Some(if cfg!(target_endian = "little") { (low, high) } else { (high, low) })
    }
}
