//! The engine's port on surge-ping, in a network namespace of its own.
#![allow(clippy::print_stderr, reason = "SKIPPED")]

mod support;

use netdiag_engine::port::{
    Channel, Connect, Control, Exchange, ExchangeError, ExchangeFraming, InputKind, Inputs, Lookup,
    Network, Operation, OperationId, Operations, Transmit,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Family, Instant, StampSource};
use netdiag_sys::{PortableNetwork, PortableRequest};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{
    NOW, allow_datagram_sockets, collect, count, in_namespace, loopback, push_echo, reply,
};

/// Sizes of whole ICMP messages: the smallest with an index, odd, usual, the largest it reads.
const SIZES: [usize; 5] = [12, 13, 64, 1400, 1988];

fn open() -> PortableNetwork {
    PortableRequest::default().open().expect("descriptors")
}

fn address(text: &str) -> Destination {
    Destination::new(text.parse().expect("an address"))
}

fn submit(network: &mut PortableNetwork, operation: Operation<&[u8]>) {
    let mut operations = Operations::new();
    operations.push(operation);
    network.submit(&mut operations).expect("submitted");
    assert!(operations.is_empty());
}

fn send(network: &mut PortableNetwork, to: Destination, index: u32, control: Control) {
    let mut operations = Operations::new();
    push_echo(&mut operations, network, to, index, control, 64);
    network.submit(&mut operations).expect("submitted");
}

/// Waits for the next input.
fn one<T>(network: &mut PortableNetwork, f: impl FnOnce(InputKind<&[u8]>) -> T) -> T {
    let inputs = collect(network, |inputs| inputs.len() == 1);
    f(inputs.iter().next().expect("one").kind)
}

fn errno(kind: InputKind<&[u8]>) -> i32 {
    match kind {
        InputKind::SendFailed { error, .. } => error.errno,
        other => panic!("{other:?}"),
    }
}

fn is_sent(kind: InputKind<&[u8]>) -> bool {
    matches!(kind, InputKind::Sent { .. })
}

fn is_reply(kind: &InputKind<&[u8]>) -> bool {
    matches!(kind, InputKind::Received(_))
}

/// Sends one request of each size to each target together, and checks what the port promises. They
/// are about as many as the engine sends at once: the sockets have only the usual buffers.
fn check_echo(kind: SocketKind) {
    let mut network = open();
    let targets: Vec<Destination> =
        (1..8).map(|last| address(&format!("127.0.0.{last}"))).chain([address("::1")]).collect();
    let mut operations = Operations::new();
    let mut expected = BTreeMap::new();
    for target in &targets {
        let opening = network.opened().family(target.family()).expect("open").clone();
        assert_eq!(opening.socket, kind);
        assert_eq!(opening.because, "--backend portable was asked for");
        assert!(opening.lost.iter().any(|lost| lost == "duplicates"), "{opening:?}");
        for size in SIZES {
            let index = u32::try_from(expected.len()).expect("few");
            push_echo(&mut operations, &network, *target, index, Control::default(), size);
            expected.insert(index, (*target, size));
        }
    }
    let before = network.now();
    network.submit(&mut operations).expect("submitted");
    let inputs = collect(&mut network, |inputs| count(inputs, is_reply) == expected.len());
    let after = network.now();
    let mut sent = BTreeMap::new();
    let mut last = before;
    for input in inputs.iter() {
        match input.kind {
            InputKind::Sent { id, stamp } => {
                assert_eq!((stamp.source, stamp.at), (StampSource::User, input.at));
                assert!(sent.insert(id.0, stamp.at).is_none(), "two answers for {id:?}");
                assert!(
                    sent.len() == id.0 as usize + 1 && last <= stamp.at,
                    "out of order: {id:?}"
                );
                last = stamp.at;
            }
            InputKind::Received(received) => {
                let index = reply(&received.message).expect("an echo reply");
                let (target, size) = expected.remove(&index).expect("one reply to each");
                let len = match received.message {
                    netdiag_engine::port::Message::Icmpv4(bytes)
                    | netdiag_engine::port::Message::Icmpv6(bytes) => bytes.len(),
                    other => panic!("{other:?}"),
                };
                assert_eq!((received.from, len), (target, size));
                let departed = sent[&index];
                assert!(before <= departed && departed <= received.stamp.at, "{received:?}");
                assert!(received.stamp.at <= after, "{received:?}");
                assert_eq!(received.stamp.source, StampSource::User);
                let knows_hops = kind == SocketKind::Raw && target.family() == Family::Ipv4;
                assert_eq!(received.hop_limit, knows_hops.then_some(64));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(expected.is_empty(), "{expected:?}");
    assert_eq!(sent.len(), targets.len() * SIZES.len());
}

#[test]
fn datagram_sockets_hear_every_reply() {
    in_namespace("datagram_sockets_hear_every_reply", || {
        allow_datagram_sockets();
        check_echo(SocketKind::IcmpDatagram);
    });
}

#[test]
fn raw_sockets_hear_every_reply() {
    in_namespace("raw_sockets_hear_every_reply", || check_echo(SocketKind::Raw));
}

/// From now on no address of this namespace answers an echo request.
fn be_silent() {
    std::fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1").expect("writable");
}

#[test]
fn of_a_silent_address_nothing_is_heard_but_that_the_request_left() {
    in_namespace("of_a_silent_address_nothing_is_heard_but_that_the_request_left", || {
        be_silent();
        let request =
            PortableRequest { patience: Some(Duration::from_millis(20)), ..Default::default() };
        let mut network = request.open().expect("descriptors");
        send(&mut network, address("127.0.0.9"), 7, Control::default());
        let left =
            one(&mut network, |kind| matches!(kind, InputKind::Sent { id, .. } if id.0 == 7));
        assert!(left);
        let until = network.now() + Duration::from_millis(60);
        let mut inputs = Inputs::new();
        network.wait(until, &mut inputs).expect("the network works");
        assert!(inputs.is_empty() && inputs.now() >= until, "{inputs:?}");
    });
}

/// surge-ping tells probes of a target apart by 16 bits.
#[test]
fn a_sequence_number_that_is_still_waited_for_is_a_matter_of_trying_again() {
    in_namespace("a_sequence_number_that_is_still_waited_for_is_a_matter_of_trying_again", || {
        be_silent();
        let mut network = open();
        let (first, wrapped) = (5, 5 + 65_536);
        send(&mut network, address("127.0.0.9"), first, Control::default());
        assert!(one(&mut network, is_sent));
        send(&mut network, address("127.0.0.9"), wrapped, Control::default());
        assert_eq!(one(&mut network, errno), libc::EAGAIN);
        // Another target is another matter, and so is this one when the first is forgotten.
        send(&mut network, address("127.0.0.10"), wrapped + 65_536, Control::default());
        assert!(one(&mut network, is_sent));
        submit(&mut network, Operation::Close(OperationId(first)));
        send(&mut network, address("127.0.0.9"), wrapped, Control::default());
        assert!(one(&mut network, is_sent));
    });
}

#[test]
fn a_request_that_cannot_leave_has_the_error_of_the_system() {
    in_namespace("a_request_that_cannot_leave_has_the_error_of_the_system", || {
        let mut network = open();
        send(&mut network, address("192.0.2.9"), 1, Control::default());
        assert_eq!(one(&mut network, errno), libc::ENETUNREACH);
        send(&mut network, address("2001:db8::9"), 2, Control::default());
        assert_eq!(one(&mut network, errno), libc::ENETUNREACH);
    });
}

#[test]
fn what_it_cannot_do_is_answered_with_an_error() {
    in_namespace("what_it_cannot_do_is_answered_with_an_error", || {
        let mut network = open();
        let (id, destination, control) =
            (OperationId(1), loopback(Family::Ipv4), Control::default());
        for channel in [Channel::Udp { port: 9 }, Channel::Tcp] {
            let bytes = &[8, 0, 0, 0, 0, 0, 0, 0];
            let transmit = Transmit { id, channel, destination, control, bytes: bytes.as_slice() };
            submit(&mut network, Operation::Transmit(transmit));
            assert_eq!(one(&mut network, errno), libc::EOPNOTSUPP);
        }
        let channel = Channel::Icmp;
        for bytes in [&[][..], &[0; 8], &[8, 0, 0]] {
            let transmit = Transmit { id, channel, destination, control, bytes };
            submit(&mut network, Operation::Transmit(transmit));
            assert_eq!(one(&mut network, errno), libc::EOPNOTSUPP, "{bytes:?}");
        }
        for control in [
            Control { hop_limit: Some(3), ..control },
            Control { traffic_class: Some(8), ..control },
            Control { source: Some(destination.address()), ..control },
            Control { interface: Some(1), ..control },
        ] {
            send(&mut network, destination, 2, control);
            assert_eq!(one(&mut network, errno), libc::EOPNOTSUPP, "{control:?}");
        }
        submit(
            &mut network,
            Operation::Connect(Connect {
                id,
                destination,
                port: 9,
                source_port: 0,
                stays: false,
                control,
            }),
        );
        one(&mut network, |kind| match kind {
            InputKind::ConnectFailed { error, .. } => assert_eq!(error.errno, libc::EOPNOTSUPP),
            other => panic!("{other:?}"),
        });
        let framing = ExchangeFraming::Length16;
        let exchange = Exchange {
            id,
            destination,
            port: 9,
            framing,
            control: Control::default(),
            bytes: &[0; 4][..],
        };
        submit(&mut network, Operation::Exchange(exchange));
        one(&mut network, |kind| match kind {
            InputKind::Exchanged { result: Err(ExchangeError::Connect(error)), .. } => {
                assert_eq!(error.errno, libc::EOPNOTSUPP);
            }
            other => panic!("{other:?}"),
        });
    });
}

#[test]
fn what_the_sockets_were_opened_with_may_be_asked_of_a_packet() {
    in_namespace("what_the_sockets_were_opened_with_may_be_asked_of_a_packet", || {
        let index = netdiag_sys::names::interface_index("lo").expect("lo");
        let source = Some("127.0.0.5".parse().expect("an address"));
        let request =
            PortableRequest { hop_limit: Some(9), source, interface: Some(index), patience: None };
        let mut network = request.open().expect("descriptors");
        let control =
            Control { hop_limit: Some(9), source, interface: Some(index), ..Control::default() };
        send(&mut network, loopback(Family::Ipv4), 1, control);
        collect(&mut network, |inputs| count(inputs, is_reply) == 1);
        // The other family has no such source, and is open all the same.
        send(&mut network, loopback(Family::Ipv6), 2, Control::default());
        collect(&mut network, |inputs| count(inputs, is_reply) == 1);
    });
}

#[test]
fn nothing_is_heard_of_what_was_closed() {
    in_namespace("nothing_is_heard_of_what_was_closed", || {
        let mut network = open();
        let mut operations = Operations::new();
        for index in [1, 2] {
            let target = loopback(Family::Ipv4);
            push_echo(&mut operations, &network, target, index, Control::default(), 64);
        }
        operations.push(Operation::Close(OperationId(1)));
        network.submit(&mut operations).expect("submitted");
        let inputs = collect(&mut network, |inputs| count(inputs, is_reply) == 1);
        assert_eq!(inputs.len(), 2, "one request and its reply: {inputs:?}");
        let mut more = Inputs::new();
        network.wait(NOW, &mut more).expect("the network works");
        assert!(more.is_empty(), "{more:?}");
    });
}

#[test]
fn a_look_up_ends_with_a_name_or_a_reason() {
    in_namespace("a_look_up_ends_with_a_name_or_a_reason", || {
        // No packet leaves this namespace.
        let mut network = open();
        let (id, address) = (OperationId(4), "127.0.0.1".parse().expect("an address"));
        submit(&mut network, Operation::Lookup(Lookup { id, address }));
        one(&mut network, |kind| {
            assert!(matches!(kind, InputKind::Named { id: OperationId(4), .. }), "{kind:?}");
        });
    });
}

/// A reply that the sockets have before a time is told before that time is reached.
#[test]
fn a_wait_that_is_over_has_told_all_that_came_before() {
    in_namespace("a_wait_that_is_over_has_told_all_that_came_before", || {
        let mut network = open();
        for index in 0..200 {
            send(&mut network, loopback(Family::Ipv4), index, Control::default());
            let mut inputs = Inputs::new();
            // Loopback answers within the send.
            while count(&inputs, |kind| matches!(kind, InputKind::Sent { .. })) == 0 {
                network.wait(Instant::FAR, &mut inputs).expect("the network works");
            }
            network.wait(NOW, &mut inputs).expect("the network works");
            assert_eq!(count(&inputs, is_reply), 1, "{index}: {inputs:?}");
        }
    });
}
