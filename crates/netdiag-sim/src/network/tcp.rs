//! Connections: a SYN and what comes back. Nothing is sent again, no data flows.

use super::{Told, VirtualNetwork};
use netdiag_engine::port::{
    Connect, Control, Exchange, ExchangeError, InputKind, OperationId, Over, SegmentSizes,
    SendError, TcpInfo,
};
use netdiag_model::{Destination, Instant, Stamp};
use netdiag_wire::protocol::TCP;
use netdiag_wire::tcp::{self, TcpOption};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The first of the local ports, used in turn.
pub(super) const FIRST_PORT: u16 = 32_768;
const ECONNREFUSED: i32 = 111;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A connection that is being opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connecting {
    pub(super) id: OperationId,
    started: Instant,
    local: SocketAddr,
    to: IpAddr,
    /// It is for an exchange.
    exchange: bool,
}

impl VirtualNetwork {
    pub(super) fn connect(&mut self, connect: &Connect) {
        let Connect { id, destination, ref control, .. } = *connect;
        if connect.over == Over::Udp {
            // It is open at once; nobody here says anything over one.
            let (stamp, own_port) = (Stamp::user(self.now), self.free_port());
            let local = self.own_address(destination, control);
            let local = SocketAddr::new(local.unwrap_or_else(|| destination.address()), own_port);
            return self.ready(InputKind::Connected { id, stamp, local, info: None });
        }
        let ports = (connect.source_port, connect.port);
        if let Err(error) = self.open(id, destination, ports, control, false) {
            let stamp = Stamp::user(self.now);
            self.ready(InputKind::ConnectFailed { id, stamp, error, icmp: None });
        }
    }

    /// An exchange opens its connection and is then told that the peer closed it: no scenario has
    /// an answer yet.
    pub(super) fn exchange(&mut self, exchange: &Exchange<&[u8]>) {
        let Exchange { id, destination, port, .. } = *exchange;
        if let Err(error) = self.open(id, destination, (0, port), &Control::default(), true) {
            let result = Err(ExchangeError::Connect(error));
            self.ready(InputKind::Exchanged { id, phases: [Duration::ZERO; 2], result });
        }
    }

    fn open(
        &mut self,
        id: OperationId,
        to: Destination,
        (own_port, port): (u16, u16),
        control: &Control,
        exchange: bool,
    ) -> Result<(), SendError> {
        let own_port = if own_port == 0 { self.free_port() } else { own_port };
        self.begin_packet(TCP, to, control)?;
        let local = self.own_address(to, control).unwrap_or_else(|| to.address());
        self.packet.extend_from_slice(&own_port.to_be_bytes());
        self.packet.extend_from_slice(&port.to_be_bytes());
        self.packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
        // Six words of header: an MSS of 1460 behind the fixed five.
        self.packet.extend_from_slice(&[6 << 4, SYN, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0x05, 0xb4]);
        crate::internet::packet::seal(&mut self.packet);
        self.seal_transport();
        self.leave(to)?;
        let local = SocketAddr::new(local, own_port);
        let started = self.now;
        if !exchange {
            self.ready(InputKind::Begun { id, local });
        }
        let to = to.address();
        self.connecting.insert(own_port, Connecting { id, started, local, to, exchange });
        Ok(())
    }

    fn free_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
        port
    }

    /// What a segment to one of our ports means; `None` when it means nothing.
    pub(super) fn on_segment(
        &mut self,
        from: IpAddr,
        segment: &[u8],
        stamp: Stamp,
    ) -> Option<Told> {
        let port = u16::from_be_bytes([*segment.get(2)?, *segment.get(3)?]);
        let flags = *segment.get(13)?;
        let connecting = *self.connecting.get(&port).filter(|connecting| connecting.to == from)?;
        let Connecting { id, started, local, exchange, .. } = connecting;
        let rtt = stamp.at.since(started);
        let refused = SendError::new(ECONNREFUSED);
        let told = match (exchange, flags & RST != 0, flags & (SYN | ACK) == SYN | ACK) {
            (false, true, _) => InputKind::ConnectFailed { id, stamp, error: refused, icmp: None },
            (false, _, true) => {
                let sizes = Some(self.segment_sizes(from, segment));
                let info = Some(TcpInfo { rtt, total_retransmits: 0, sizes, state: None });
                InputKind::Connected { id, stamp, local, info }
            }
            (true, refuses, true) | (true, refuses @ true, _) => {
                let error =
                    if refuses { ExchangeError::Connect(refused) } else { ExchangeError::Closed };
                InputKind::Exchanged { id, phases: [rtt, Duration::ZERO], result: Err(error) }
            }
            _ => return None,
        };
        self.connecting.remove(&port);
        Some(told)
    }

    /// What the kernel would make of the answer to a SYN.
    fn segment_sizes(&self, from: IpAddr, segment: &[u8]) -> SegmentSizes {
        let mtu = self.here.mtu.unwrap_or(1500);
        let room = mtu.saturating_sub(if from.is_ipv4() { 40 } else { 60 });
        let offered = tcp::parse(segment).ok().and_then(|(segment, _)| {
            segment.options().find_map(|option| match option {
                TcpOption::MaximumSegmentSize(size) => Some(u32::from(size)),
                _ => None,
            })
        });
        let send = offered.unwrap_or(536).min(room);
        SegmentSizes { send, advertised: room, path_mtu: mtu, timestamps: false }
    }

    /// What an ICMP error about a segment from one of our ports means.
    pub(super) fn on_segment_error(
        &mut self,
        quoted: &[u8],
        errno: i32,
        icmp: (IpAddr, u8, u8),
        stamp: Stamp,
    ) -> Option<Told> {
        let port = u16::from_be_bytes([*quoted.first()?, *quoted.get(1)?]);
        let connecting = self.connecting.remove(&port)?;
        let id = connecting.id;
        let error = SendError::new(errno);
        Some(if connecting.exchange {
            let phases = [stamp.at.since(connecting.started), Duration::ZERO];
            InputKind::Exchanged { id, phases, result: Err(ExchangeError::Connect(error)) }
        } else {
            InputKind::ConnectFailed { id, stamp, error, icmp: Some(icmp) }
        })
    }
}
