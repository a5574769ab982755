//! What the kernel knows of a connection: TCP_INFO of tcp(7), `struct tcp_info` of linux/tcp.h.

use crate::raw;
use netdiag_engine::port::{SegmentSizes, TcpInfo, TcpState};
use netdiag_sockets::layout::{
    self, ADVERTISED_MSS, BUFFER_LIMITED, BUSY, BYTES_ACKED, CONGESTION_WINDOW, DELIVERY_RATE, ECN,
    LOST, MIN_RTT, NO_RTT, NO_THRESHOLD, OPTIONS, PATH_MTU, RECEIVE_MSS, REORDERING, RTO, RTT,
    RTT_VARIANCE, SACK, SEND_MSS, SENT_AGAIN, SLOW_START_THRESHOLD, STATE, TIMESTAMPS,
    TOTAL_RETRANS, WINDOW_LIMITED,
};
use socket2::Socket;
use std::os::fd::AsFd;
use std::time::Duration;

/// `TCP_SYN_SENT` and `TCP_CLOSE` (net/tcp_states.h).
const SYN_SENT: u8 = 2;
const CLOSED: u8 = 7;

/// The bytes of a `struct tcp_info`, as many as this kernel has.
pub(super) struct Block {
    bytes: [u8; 192],
    len: usize,
}

impl Block {
    pub(super) fn of(socket: &Socket) -> Option<Self> {
        let mut bytes = [0; 192];
        let fd = socket.as_fd();
        let len = raw::get_bytes(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut bytes).ok()?;
        Some(Self { bytes, len })
    }

    /// The bytes that this kernel has filled in.
    pub(super) fn block(&self) -> layout::Block<'_> {
        layout::Block(self.bytes.get(..self.len).unwrap_or_default())
    }

    fn micros(&self, offset: usize) -> Option<Duration> {
        self.block().word(offset).map(|micros| Duration::from_micros(micros.into()))
    }
}

/// What the kernel knows of an open connection.
pub(super) fn of(socket: &Socket) -> Option<TcpInfo> {
    told(&Block::of(socket)?)
}

/// What it knows of a connection, and whether that is open: not where it is still being opened or has
/// ended, of which getpeername(2) knows no other end. `None` where it tells nothing.
pub(super) fn of_open(socket: &Socket) -> Option<(TcpInfo, bool)> {
    let found = Block::of(socket)?;
    let state = found.block().byte(STATE)?;
    Some((told(&found)?, !matches!(state, SYN_SENT | CLOSED)))
}

fn told(found: &Block) -> Option<TcpInfo> {
    let block = found.block();
    Some(TcpInfo {
        rtt: found.micros(RTT)?,
        total_retransmits: block.word(TOTAL_RETRANS)?,
        sizes: Some(SegmentSizes {
            send: block.word(SEND_MSS)?,
            advertised: block.word(ADVERTISED_MSS)?,
            path_mtu: block.word(PATH_MTU)?,
            timestamps: block.byte(OPTIONS)? & TIMESTAMPS != 0,
        }),
        state: state(found).map(Box::new),
    })
}

fn state(found: &Block) -> Option<TcpState> {
    let block = found.block();
    let options = block.byte(OPTIONS)?;
    let has = |flag| options & flag != 0;
    // What came after Linux 4.9 is nothing where it is missing.
    let limited = |offset| Duration::from_micros(block.long(offset).unwrap_or_default());
    Some(TcpState {
        rtt: found.micros(RTT)?,
        rtt_variance: found.micros(RTT_VARIANCE)?,
        min_rtt: found.micros(MIN_RTT).filter(|_| block.word(MIN_RTT) != Some(NO_RTT)),
        retransmission_timeout: found.micros(RTO)?,
        send_mss: block.word(SEND_MSS)?,
        receive_mss: block.word(RECEIVE_MSS)?,
        advertised_mss: block.word(ADVERTISED_MSS)?,
        path_mtu: block.word(PATH_MTU)?,
        congestion_window: block.word(CONGESTION_WINDOW)?,
        slow_start_threshold: block
            .word(SLOW_START_THRESHOLD)
            .filter(|threshold| *threshold < NO_THRESHOLD),
        retransmitted: block.word(SENT_AGAIN)?,
        total_retransmits: block.word(TOTAL_RETRANS)?,
        lost: block.word(LOST)?,
        reordering: block.word(REORDERING)?,
        window_scale: block.window_scales(),
        sack: has(SACK),
        timestamps: has(TIMESTAMPS),
        ecn: has(ECN),
        delivery_rate: block.long(DELIVERY_RATE).unwrap_or_default(),
        busy: limited(BUSY),
        window_limited: limited(WINDOW_LIMITED),
        buffer_limited: limited(BUFFER_LIMITED),
        // The SYN counts as one.
        acknowledged: block.long(BYTES_ACKED).unwrap_or_default().saturating_sub(1),
    })
}
