//! The wire between the kernel of `here` and the internet: a TUN device, or a packet socket at the
//! far end of a veth pair.

use crate::internet::packet::{Header, seal_transport};
use netdiag_wire::protocol::{TCP, UDP};
use nix::unistd::{read, write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The hardware address of the near end. Without ARP the kernel writes its own address into both
/// fields of what it sends, and takes what is addressed to it.
pub(super) const NEAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 9, 2];
const FAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 9, 1];
const ETHERNET: usize = 14;
/// The most bytes of a frame.
const MOST: usize = 65_535 + ETHERNET;

/// One end of a wire.
#[derive(Debug)]
pub(super) struct Wire {
    fd: OwnedFd,
    framed: bool,
    buffer: Vec<u8>,
    frame: Vec<u8>,
}

impl Wire {
    /// IP packets.
    pub(super) fn tun(fd: OwnedFd) -> Self {
        Self { fd, framed: false, buffer: vec![0; MOST], frame: Vec::new() }
    }

    /// Ethernet frames.
    pub(super) fn packet(fd: OwnedFd) -> Self {
        Self { fd, framed: true, buffer: vec![0; MOST], frame: Vec::new() }
    }

    /// What to wait on.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The next packet that is there. Frames that carry no IP read as an empty one.
    pub(super) fn read(&mut self) -> Option<&[u8]> {
        let length = read(&self.fd, &mut self.buffer).ok().filter(|length| *length > 0)?;
        if !self.framed {
            return self.buffer.get(..length);
        }
        let packet = self.buffer.get_mut(ETHERNET..length).unwrap_or_default();
        complete_checksum(packet);
        Some(packet)
    }

    /// Hands a packet to the kernel. Errors are those of an interface that is down: the packet is
    /// lost.
    pub(super) fn write(&mut self, packet: &[u8]) {
        if !self.framed {
            let _ = write(&self.fd, packet);
            return;
        }
        let kind: [u8; 2] = match packet.first().map(|byte| byte >> 4) {
            Some(6) => [0x86, 0xdd],
            _ => [0x08, 0x00],
        };
        self.frame.clear();
        self.frame.extend_from_slice(&NEAR_MAC);
        self.frame.extend_from_slice(&FAR_MAC);
        self.frame.extend_from_slice(&kind);
        self.frame.extend_from_slice(packet);
        let _ = write(&self.fd, &self.frame);
    }
}

/// A veth device leaves the checksums of UDP and TCP to a hardware that is not there.
fn complete_checksum(packet: &mut [u8]) {
    if let Some(header) = Header::read(packet)
        && matches!(header.protocol, UDP | TCP)
        && !header.fragment
    {
        seal_transport(packet, &header);
    }
}
