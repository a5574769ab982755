//! The way out: from an operation to an IP packet.

use super::VirtualNetwork;
use crate::internet::packet::{Envelope, Header, begin, seal, seal_transport};
use netdiag_engine::port::{Channel, Control, InputKind, SendError, Transmit};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Family, Stamp};
use netdiag_wire::protocol::{ICMP, ICMPV6, TCP, UDP};
use std::net::IpAddr;

const EINVAL: i32 = 22;
const EMSGSIZE: i32 = 90;
const EADDRNOTAVAIL: i32 = 99;
const ENETUNREACH: i32 = 101;
/// The port of the one UDP socket.
pub(super) const UDP_PORT: u16 = 61_000;
/// Where an ICMP echo header has its identifier.
const IDENTIFIER: std::ops::Range<usize> = 4..6;

impl VirtualNetwork {
    pub(super) fn transmit(&mut self, transmit: &Transmit<&[u8]>) {
        let id = transmit.id;
        let sent = self.build(transmit).and_then(|()| self.leave(transmit.destination));
        let kind = match sent {
            Ok(stamp) => InputKind::Sent { id, stamp },
            Err(error) => InputKind::SendFailed { id, error },
        };
        self.ready(kind);
    }

    /// Hands the packet that was built to the internet.
    pub(super) fn leave(&mut self, to: Destination) -> Result<Stamp, SendError> {
        if let Some(error) = self.locals.send_fault(self.now, to.address()) {
            return Err(error);
        }
        let mtu = self.here.mtu.unwrap_or(1500);
        if self.packet.len() > mtu as usize {
            return Err(SendError { mtu: Some(mtu), ..SendError::new(EMSGSIZE) });
        }
        let at = self.outside(self.now);
        self.internet.inject(at, &self.packet);
        let user = self.now - self.noise();
        Ok(self.stamp(self.now, user))
    }

    /// Starts the packet: everything of the IP header but its lengths.
    pub(super) fn begin_packet(
        &mut self,
        protocol: u8,
        to: Destination,
        control: &Control,
    ) -> Result<(), SendError> {
        let destination = to.address();
        let (own, missing) = match to.family() {
            Family::Ipv4 => (self.here.ipv4.first(), ENETUNREACH),
            Family::Ipv6 => (self.here.ipv6.first(), EADDRNOTAVAIL),
        };
        let source = control.source.or_else(|| own.map(|prefix| prefix.address));
        let Some(source) = source else { return Err(SendError::new(missing)) };
        let envelope = Envelope {
            source,
            destination,
            protocol,
            hop_limit: control.hop_limit.unwrap_or(64),
            tos: control.traffic_class.unwrap_or(0),
            identification: 0,
            dont_fragment: true,
        };
        begin(&mut self.packet, &envelope);
        if self.packet.is_empty() {
            return Err(SendError::new(EADDRNOTAVAIL));
        }
        Ok(())
    }

    fn build(&mut self, transmit: &Transmit<&[u8]>) -> Result<(), SendError> {
        let Transmit { channel, destination, control, bytes, .. } = transmit;
        let family = destination.family();
        let closed = self.opened.channel(*channel, family).err();
        if let Some(error) = closed {
            return Err(SendError::new(error.errno));
        }
        let protocol = match (channel, family) {
            (Channel::Icmp, Family::Ipv4) => ICMP,
            (Channel::Icmp, Family::Ipv6) => ICMPV6,
            (Channel::Udp { .. } | Channel::Query { .. }, _) => UDP,
            (Channel::Tcp, _) => TCP,
        };
        self.begin_packet(protocol, *destination, control)?;
        let transport = self.packet.len();
        if let Channel::Udp { port } | Channel::Query { port } = channel {
            let length = u16::try_from(bytes.len() + 8).map_err(|_| SendError::new(EMSGSIZE))?;
            for word in [UDP_PORT, *port, length, 0] {
                self.packet.extend_from_slice(&word.to_be_bytes());
            }
        }
        self.packet.extend_from_slice(bytes);
        let datagram = self.socket == SocketKind::IcmpDatagram && *channel == Channel::Icmp;
        // ping_supported in net/ipv4/ping.c.
        if datagram && !matches!(bytes.first(), Some(8 | 42 | 128 | 160)) {
            return Err(SendError::new(EINVAL));
        }
        if datagram && let Some(field) = self.packet[transport..].get_mut(IDENTIFIER) {
            field.copy_from_slice(&super::DATAGRAM_IDENTIFIER.first.to_be_bytes());
        }
        seal(&mut self.packet);
        // Over a raw IPv4 socket the checksum is the sender's, right or wrong.
        if datagram || protocol == ICMPV6 || protocol == UDP {
            self.seal_transport();
        }
        Ok(())
    }

    /// Computes the transport's checksum as the kernel does.
    pub(super) fn seal_transport(&mut self) {
        if let Some(header) = Header::read(&self.packet) {
            seal_transport(&mut self.packet, &header);
        }
    }

    /// The address of `here` that a packet to `to` comes from.
    pub(super) fn own_address(&self, to: Destination, control: &Control) -> Option<IpAddr> {
        let own = match to.family() {
            Family::Ipv4 => self.here.ipv4.first(),
            Family::Ipv6 => self.here.ipv6.first(),
        };
        control.source.or_else(|| own.map(|prefix| prefix.address))
    }
}
