//! What passed `here`, as a pcapng file that wireshark and tcpdump read.

use std::fmt;
use std::io::{self, Write};

/// Raw IPv4 and IPv6 packets (LINKTYPE_RAW).
const LINKTYPE_RAW: u16 = 101;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// The option `if_tsresol`, its length, its value 9 (10^-9 s), padding, and the end of options.
const NANOSECONDS: [u8; 12] = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
/// `epb_flags`: inbound 1, outbound 2.
const FLAGS: u16 = 2;

/// Writes packets as pcapng with stamps in nanoseconds.
pub struct PcapWriter {
    out: Box<dyn Write + Send>,
    /// Unix time of the epoch of the instants, in nanoseconds.
    epoch: u64,
    body: Vec<u8>,
    failed: Option<io::Error>,
}

impl PcapWriter {
    /// Starts a file. `epoch` is the Unix time, in nanoseconds, of the instant zero.
    pub fn new(out: Box<dyn Write + Send>, epoch: u64) -> Self {
        let mut writer = Self { out, epoch, body: Vec::new(), failed: None };
        // Byte order magic, version 1.0, unknown section length.
        writer.body.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
        writer.body.extend_from_slice(&[1, 0, 0, 0]);
        writer.body.extend_from_slice(&[0xff; 8]);
        writer.block(SECTION_HEADER);
        // Link type, reserved, no snapshot limit.
        writer.body.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
        writer.body.extend_from_slice(&[0; 6]);
        writer.body.extend_from_slice(&NANOSECONDS);
        writer.block(INTERFACE_DESCRIPTION);
        writer
    }

    /// Writes one packet.
    pub(crate) fn packet(&mut self, at: u64, packet: &[u8], outbound: bool) {
        let stamp = self.epoch.wrapping_add(at);
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.body.extend_from_slice(&[0; 4]);
        self.body.extend_from_slice(&((stamp >> 32) as u32).to_le_bytes());
        self.body.extend_from_slice(&(stamp as u32).to_le_bytes());
        self.body.extend_from_slice(&length);
        self.body.extend_from_slice(&length);
        self.body.extend_from_slice(packet);
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self.body.extend_from_slice(&FLAGS.to_le_bytes());
        self.body.extend_from_slice(&[4, 0]);
        self.body.extend_from_slice(&(1 + u32::from(outbound)).to_le_bytes());
        self.body.extend_from_slice(&[0; 4]);
        self.block(ENHANCED_PACKET);
    }

    /// Writes out what is held.
    ///
    /// # Errors
    /// This or an earlier write failed.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)?;
        self.out.flush()
    }

    /// A block is its type, its length, its body, its length again.
    fn block(&mut self, kind: u32) {
        let length = u32::try_from(self.body.len() + 12).unwrap_or(u32::MAX).to_le_bytes();
        let written = self
            .out
            .write_all(&kind.to_le_bytes())
            .and_then(|()| self.out.write_all(&length))
            .and_then(|()| self.out.write_all(&self.body))
            .and_then(|()| self.out.write_all(&length));
        self.body.clear();
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }
}

impl fmt::Debug for PcapWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcapWriter").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
