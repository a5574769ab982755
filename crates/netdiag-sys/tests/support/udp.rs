//! UDP probes by hand, and what came of them.

use super::{NOW, collect, count, loopback};
use netdiag_engine::port::{
    Channel, Control, InputKind, Inputs, Message, Network, Operation, OperationId, Operations,
    QueuedError, Received, SendError, Transmit,
};
use netdiag_model::{Destination, Family, Stamp};
use netdiag_sys::{OpenRequest, SystemNetwork};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];
/// Nobody listens there.
pub(crate) const CLOSED: u16 = 33_434;
pub(crate) const ECONNREFUSED: i32 = 111;

pub(crate) fn request() -> OpenRequest {
    OpenRequest { udp: true, ..OpenRequest::default() }
}

/// Adds a datagram that starts with its index.
pub(crate) fn push(
    operations: &mut Operations,
    to: Destination,
    port: u16,
    index: u32,
    len: usize,
) {
    push_with(operations, (to, port), index, len, Control::default());
}

pub(crate) fn push_with(
    operations: &mut Operations,
    (destination, port): (Destination, u16),
    index: u32,
    len: usize,
    control: Control,
) {
    let mut bytes = index.to_be_bytes().to_vec();
    bytes.resize(len, 0xa5);
    let channel = Channel::Udp { port };
    let id = OperationId(index);
    let bytes = bytes.as_slice();
    operations.push(Operation::Transmit(Transmit { id, channel, destination, control, bytes }));
}

/// Sends datagrams of 56 bytes to these ports of loopback, numbered from 0.
pub(crate) fn send(network: &mut SystemNetwork, family: Family, ports: &[u16]) {
    let mut operations = Operations::new();
    for (index, port) in ports.iter().enumerate() {
        let index = u32::try_from(index).expect("small");
        push(&mut operations, loopback(family), *port, index, 56);
    }
    network.submit(&mut operations).expect("submitted");
}

/// What came of a run, by the index of the datagram.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) sent: BTreeMap<u32, Stamp>,
    pub(crate) failed: BTreeMap<u32, SendError>,
    pub(crate) errors: BTreeMap<u32, QueuedError<Vec<u8>>>,
    pub(crate) received: BTreeMap<u32, Received<Vec<u8>>>,
}

/// Sorts inputs, and checks that each is told once and after what it was caused by.
pub(crate) fn sort(inputs: &Inputs) -> Seen {
    let mut seen = Seen::default();
    for input in inputs.iter() {
        match input.kind.map_bytes(<[u8]>::to_vec) {
            InputKind::Sent { id, stamp } => {
                assert!(seen.sent.insert(id.0, stamp).is_none(), "two answers for {id:?}");
            }
            InputKind::SendFailed { id, error } => {
                assert!(seen.failed.insert(id.0, error).is_none(), "two answers for {id:?}");
            }
            InputKind::QueuedError(error) => {
                let index = index_of(&error.bytes);
                assert!(seen.sent.contains_key(&index), "Sent comes before what it caused");
                assert!(seen.errors.insert(index, error).is_none(), "two errors of {index}");
            }
            InputKind::Received(received) => {
                let Message::Udp(_, bytes) = &received.message else { panic!("{received:?}") };
                let index = index_of(bytes);
                assert!(seen.sent.contains_key(&index), "Sent comes before what it caused");
                assert!(seen.received.insert(index, received).is_none(), "two answers {index}");
            }
            InputKind::Changed(_) => {}
            other => panic!("{other:?}"),
        }
    }
    seen
}

pub(crate) fn index_of(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(*bytes.first_chunk().expect("the payload's start"))
}

/// Waits for so many errors and datagrams, and for nothing more.
pub(crate) fn results(network: &mut SystemNetwork, wanted: usize) -> Seen {
    let is_result =
        |kind: &InputKind<&[u8]>| !matches!(kind, InputKind::Sent { .. } | InputKind::Changed(_));
    let inputs = collect(network, |inputs| count(inputs, is_result) >= wanted);
    let mut rest = Inputs::new();
    network.wait(NOW, &mut rest).expect("the network works");
    assert!(rest.is_empty(), "{:?}", rest.iter().collect::<Vec<_>>());
    sort(&inputs)
}

/// Sends `expected` datagrams back to where they came from, then ends.
pub(crate) fn echo_server(family: Family, expected: usize) -> (u16, JoinHandle<()>) {
    let socket = UdpSocket::bind(SocketAddr::new(loopback(family).address(), 0)).expect("a port");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    let port = socket.local_addr().expect("bound").port();
    let serve = move || {
        let mut room = [0; 2_000];
        for _ in 0..expected {
            let (len, from) = socket.recv_from(&mut room).expect("a datagram");
            socket.send_to(&room[..len], from).expect("echoed");
        }
    };
    (port, std::thread::spawn(serve))
}
