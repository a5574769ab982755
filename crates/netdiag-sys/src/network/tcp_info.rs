//! What the kernel knows of a connection: TCP_INFO of tcp(7), `struct tcp_info` of linux/tcp.h.

use crate::raw;
use netdiag_engine::port::{SegmentSizes, TcpInfo, TcpState};
use socket2::Socket;
use std::os::fd::AsFd;
use std::time::Duration;

/// Offsets of single bytes.
pub(super) const STATE: usize = 0;
pub(super) const CONGESTION: usize = 1;
pub(super) const TIMEOUTS: usize = 2;
const OPTIONS: usize = 5;
const WINDOW_SCALES: usize = 6;
/// Offsets of words.
const RTO: usize = 8;
const SEND_MSS: usize = 16;
const RECEIVE_MSS: usize = 20;
const LOST: usize = 32;
pub(super) const SENT_AGAIN: usize = 36;
const PATH_MTU: usize = 60;
const RTT: usize = 68;
const RTT_VARIANCE: usize = 72;
const SLOW_START_THRESHOLD: usize = 76;
const CONGESTION_WINDOW: usize = 80;
const ADVERTISED_MSS: usize = 84;
const REORDERING: usize = 88;
pub(super) const TOTAL_RETRANS: usize = 100;
const MIN_RTT: usize = 148;
/// Offsets of double words.
const BYTES_ACKED: usize = 120;
const DELIVERY_RATE: usize = 160;
const BUSY: usize = 168;
const WINDOW_LIMITED: usize = 176;
const BUFFER_LIMITED: usize = 184;

/// `TCPI_OPT_*`.
const TIMESTAMPS: u8 = 1;
const SACK: u8 = 2;
const WINDOW_SCALING: u8 = 4;
const ECN: u8 = 8;
/// `TCP_INFINITE_SSTHRESH` of net/tcp.h: there was no loss yet.
const NO_THRESHOLD: u32 = 0x7fff_ffff;
/// Where no round trip was measured.
const NO_RTT: u32 = u32::MAX;

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

    fn rest(&self, offset: usize) -> Option<&[u8]> {
        self.bytes.get(..self.len)?.get(offset..)
    }

    pub(super) fn byte(&self, offset: usize) -> Option<u8> {
        self.rest(offset)?.first().copied()
    }

    pub(super) fn word(&self, offset: usize) -> Option<u32> {
        self.rest(offset)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
    }

    fn long(&self, offset: usize) -> Option<u64> {
        self.rest(offset)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
    }

    fn micros(&self, offset: usize) -> Option<Duration> {
        self.word(offset).map(|micros| Duration::from_micros(micros.into()))
    }

    /// The shift of what we send and of what comes: two bit fields of a byte.
    fn window_scales(&self) -> Option<(u8, u8)> {
        let both = self.byte(WINDOW_SCALES)?;
        let (low, high) = (both & 0xf, both >> 4);
        Some(if cfg!(target_endian = "little") { (low, high) } else { (high, low) })
    }
}

/// What the kernel knows of an open connection.
pub(super) fn of(socket: &Socket) -> Option<TcpInfo> {
    let block = Block::of(socket)?;
    Some(TcpInfo {
        rtt: block.micros(RTT)?,
        total_retransmits: block.word(TOTAL_RETRANS)?,
        sizes: Some(SegmentSizes {
            send: block.word(SEND_MSS)?,
            advertised: block.word(ADVERTISED_MSS)?,
            path_mtu: block.word(PATH_MTU)?,
            timestamps: block.byte(OPTIONS)? & TIMESTAMPS != 0,
        }),
        state: state(&block).map(Box::new),
    })
}

fn state(block: &Block) -> Option<TcpState> {
    let options = block.byte(OPTIONS)?;
    let has = |flag| options & flag != 0;
    // What came after Linux 4.9 is nothing where it is missing.
    let limited = |offset| Duration::from_micros(block.long(offset).unwrap_or_default());
    Some(TcpState {
        rtt: block.micros(RTT)?,
        rtt_variance: block.micros(RTT_VARIANCE)?,
        min_rtt: block.micros(MIN_RTT).filter(|_| block.word(MIN_RTT) != Some(NO_RTT)),
        retransmission_timeout: block.micros(RTO)?,
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
        window_scale: block.window_scales().filter(|_| has(WINDOW_SCALING)),
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
