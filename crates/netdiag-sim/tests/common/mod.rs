//! What the tests of this crate share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use netdiag_engine::port::{
    Channel, Control, Input, InputKind, Inputs, Message, Network, Operation, OperationId,
    Operations, Transmit,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Family, Instant};
use netdiag_sim::{Recording, Scenario, VirtualNetwork};
use netdiag_wire::{icmp, ipv4};
use std::path::PathBuf;
use std::time::Duration;

/// A file under tests/scenarios.
pub(crate) fn scenario_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/scenarios")
        .join(format!("{name}.toml"))
}

/// A scenario of tests/scenarios.
pub(crate) fn scenario(name: &str) -> Scenario {
    Scenario::load(&scenario_path(name)).expect("a scenario without errors")
}

/// Something that the network told, with its bytes.
pub(crate) type Told = (Instant, InputKind<Vec<u8>>);

/// A pinger that knows nothing: sends echo requests and keeps all that comes.
pub(crate) struct Pinger {
    pub(crate) network: VirtualNetwork,
    pub(crate) told: Vec<Told>,
    inputs: Inputs,
    next: u32,
}

impl Pinger {
    pub(crate) fn new(name: &str) -> Self {
        Self::with_socket(name, SocketKind::Raw)
    }

    pub(crate) fn with_socket(name: &str, socket: SocketKind) -> Self {
        let mut network = VirtualNetwork::with_socket(&scenario(name), socket);
        network.internet().record(Recording::Memory(1_000_000));
        Self { network, told: Vec::new(), inputs: Inputs::new(), next: 0 }
    }

    /// Sends one echo request with 56 bytes of data.
    pub(crate) fn send(&mut self, to: &str, hop_limit: Option<u8>) {
        let destination = Destination::new(to.parse().expect("an address"));
        let family = destination.family();
        let first = self.network.opened().family(family).expect("open").identifiers.first;
        let data: Vec<u8> = (0..56).collect();
        let mut bytes = Vec::new();
        match family {
            Family::Ipv4 => icmp::emit_echo_v4(false, first, self.next as u16, &data, &mut bytes),
            Family::Ipv6 => {
                icmp::emit_echo_v6(false, first, self.next as u16, &data, None, &mut bytes);
            }
        }
        let mut operations = Operations::new();
        operations.push(Operation::Transmit(Transmit {
            id: OperationId(self.next),
            channel: Channel::Icmp,
            destination,
            control: Control { hop_limit, ..Control::default() },
            bytes: bytes.as_slice(),
        }));
        self.next += 1;
        self.network.submit(&mut operations).expect("a network that goes on");
    }

    /// Waits so long and keeps what comes.
    pub(crate) fn wait(&mut self, length: Duration) {
        let until = self.network.now() + length;
        while self.network.now() < until {
            self.inputs.clear();
            self.network.wait(until, &mut self.inputs).expect("a network that goes on");
            for Input { at, kind } in self.inputs.iter() {
                self.told.push((at, kind.map_bytes(<[u8]>::to_vec)));
            }
        }
    }

    /// Sends `count` requests, one each `interval`, and waits two seconds more.
    pub(crate) fn ping(&mut self, to: &str, count: u32, interval: Duration) {
        for _ in 0..count {
            self.send(to, None);
            self.wait(interval);
        }
        self.wait(Duration::from_secs(2));
    }

    /// The ICMP messages that came: from whom, TTL, bytes.
    pub(crate) fn messages(&self) -> Vec<(String, u8, Vec<u8>)> {
        let messages = self.told.iter().filter_map(|(_, kind)| {
            let InputKind::Received(received) = kind else { return None };
            let from = received.from.to_string();
            match &received.message {
                Message::Ipv4(packet) => {
                    let (header, payload) = ipv4::parse(packet).expect("a packet");
                    Some((from, header.hop_limit, payload.to_vec()))
                }
                Message::Icmpv4(bytes) | Message::Icmpv6(bytes) => {
                    Some((from, received.hop_limit.expect("a hop limit"), bytes.clone()))
                }
                Message::Udp(..) | Message::Answer { .. } | Message::Tcp(_) => None,
            }
        });
        messages.collect()
    }

    /// Types and codes of the ICMP messages that came.
    pub(crate) fn kinds(&self) -> Vec<(u8, u8)> {
        self.messages().iter().map(|(_, _, bytes)| (bytes[0], bytes[1])).collect()
    }
}

pub(crate) const MS: Duration = Duration::from_millis(1);

/// IP packets of many kinds to every address that the scenarios know.
pub(crate) fn probes() -> Vec<Vec<u8>> {
    let mut probes = Vec::new();
    let v4 = (0..=60).map(|n| [10, 9, 2, n]).chain((0..16).map(|n| [10, 3, n, 1]));
    let v4 = v4.chain((0..4).map(|n| [10, 5, n, 1])).chain([[10, 9, 0, 1], [10, 9, 1, 2]]);
    for destination in v4 {
        for hop_limit in [1, 2, 64] {
            for (protocol, payload) in payloads() {
                let mut packet = vec![0x45, 0, 0, 0, 0, 9, 0x40, 0, hop_limit, protocol, 0, 0];
                packet.extend([10, 9, 0, 2]);
                packet.extend(destination);
                packet.extend(payload);
                let length = packet.len() as u16;
                packet[2..4].copy_from_slice(&length.to_be_bytes());
                let checksum = netdiag_wire::checksum::internet_checksum(&packet[..20]);
                packet[10..12].copy_from_slice(&checksum.to_be_bytes());
                probes.push(packet);
            }
        }
    }
    let v6 = (0..60).map(|n| format!("fd09:2::{n}")).chain((0..7).map(|n| format!("fd01:{n}::1")));
    for destination in v6 {
        let source: std::net::Ipv6Addr = "fd09::2".parse().expect("an address");
        let destination: std::net::Ipv6Addr = destination.parse().expect("an address");
        for hop_limit in [1, 2, 64] {
            let mut message = Vec::new();
            icmp::emit_echo_v6(false, 7, 8, b"data", Some((source, destination)), &mut message);
            let udp = payloads().into_iter().nth(1).expect("UDP");
            for (protocol, payload) in [(58, message), udp] {
                let mut packet = vec![0x60, 0, 0, 0];
                packet.extend((payload.len() as u16).to_be_bytes());
                packet.extend([protocol, hop_limit]);
                packet.extend(source.octets());
                packet.extend(destination.octets());
                packet.extend(payload);
                probes.push(packet);
            }
        }
    }
    probes
}

/// An echo request, a datagram, a SYN.
fn payloads() -> [(u8, Vec<u8>); 3] {
    let mut echo = Vec::new();
    icmp::emit_echo_v4(false, 7, 8, b"some odd data", &mut echo);
    let udp = vec![0x80, 0, 0x82, 0x9b, 0, 12, 0, 0, 1, 2, 3, 4];
    let syn = vec![0x80, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
    [(1, echo), (17, udp), (6, syn)]
}
