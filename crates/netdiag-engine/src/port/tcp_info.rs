//! What the kernel knows of a TCP connection.

use std::time::Duration;

/// The part of the kernel's TCP_INFO that tells of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// SYN to SYN-ACK, as the kernel measured it.
    pub rtt: Duration,
    /// SYNs sent again.
    pub total_retransmits: u32,
    /// What its segments may carry, where the kernel tells.
    pub sizes: Option<SegmentSizes>,
    /// All that the kernel tells, where it does.
    pub state: Option<Box<TcpState>>,
}

/// What the segments of a TCP connection may carry, in bytes (`struct tcp_info` of linux/tcp.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSizes {
    /// What is sent in one, without options: no more than the other end offered.
    pub send: u32,
    /// What this end offered (RFC 9293 section 3.7.1), without the options of each segment.
    pub advertised: u32,
    /// The path MTU that the kernel goes by.
    pub path_mtu: u32,
    /// Each segment carries the timestamp option (RFC 7323), which takes 12 bytes of it.
    pub timestamps: bool,
}

/// The state of an open connection (`struct tcp_info` of linux/tcp.h).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpState {
    /// The smoothed round trip (RFC 6298): of a connection that has only just opened, its handshake.
    pub rtt: Duration,
    /// How much it varies.
    pub rtt_variance: Duration,
    /// The smallest round trip; `None` where none was measured yet.
    pub min_rtt: Option<Duration>,
    /// After which time without an acknowledgement a segment is sent again.
    pub retransmission_timeout: Duration,
    /// The largest segment that is sent, in bytes without options.
    pub send_mss: u32,
    /// The largest segment that is expected from the other end, in bytes: the kernel's estimate.
    pub receive_mss: u32,
    /// What this end offered, in bytes (RFC 9293 section 3.7.1).
    pub advertised_mss: u32,
    /// The path MTU that the kernel goes by, in bytes.
    pub path_mtu: u32,
    /// The congestion window, in segments.
    pub congestion_window: u32,
    /// Where slow start ends, in segments; `None` before the first loss.
    pub slow_start_threshold: Option<u32>,
    /// Segments under way that were sent again.
    pub retransmitted: u32,
    /// Segments sent again, ever.
    pub total_retransmits: u32,
    /// Segments that are taken for lost.
    pub lost: u32,
    /// How far out of order segments may come before one is taken for lost.
    pub reordering: u32,
    /// By how many bits our windows and theirs are shifted: (sent by us, by them); `None` without the
    /// option (RFC 7323 section 2).
    pub window_scale: Option<(u8, u8)>,
    /// Selective acknowledgements may be sent (RFC 2018).
    pub sack: bool,
    /// Segments carry time stamps (RFC 7323 section 3).
    pub timestamps: bool,
    /// Congestion is notified explicitly (RFC 3168).
    pub ecn: bool,
    /// The rate at which data was delivered, in bytes a second; 0 where none was measured.
    pub delivery_rate: u64,
    /// How long there was something to send.
    pub busy: Duration,
    /// How long of that the other end's window held it back.
    pub window_limited: Duration,
    /// How long of that the send buffer of this end did.
    pub buffer_limited: Duration,
    /// Bytes of ours that the other end acknowledged, without SYN and FIN.
    pub acknowledged: u64,
}
