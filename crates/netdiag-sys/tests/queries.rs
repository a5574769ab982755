//! The ports that queries leave from, on the real kernel, in network namespaces.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{
    Channel, Control, InputKind, Inputs, Message, Network, Operation, OperationId, Operations,
    Transmit,
};
use netdiag_model::Family;
use netdiag_sys::{OpenRequest, SystemNetwork, privileges};
use socket2::SockRef;
use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::time::Duration;
use support::udp::{CLOSED, FAMILIES, request};
use support::{collect, count, in_namespace, loopback};

/// Puts queries with these numbers to a port of loopback, all at once.
fn ask(network: &mut SystemNetwork, family: Family, port: u16, numbers: std::ops::Range<u32>) {
    let mut operations = Operations::new();
    for number in numbers {
        operations.push(Operation::Transmit(Transmit {
            id: OperationId(number),
            channel: Channel::Query { port },
            destination: loopback(family),
            control: Control::default(),
            bytes: &number.to_be_bytes(),
        }));
    }
    network.submit(&mut operations).expect("submitted");
}

fn close(network: &mut SystemNetwork, numbers: std::ops::Range<u32>) {
    let mut operations = Operations::new();
    numbers.for_each(|number| operations.push(Operation::Close(OperationId(number))));
    network.submit(&mut operations).expect("submitted");
}

/// A server that answers so many questions with themselves, and the ports that they came from.
fn server(family: Family, questions: usize) -> (u16, std::thread::JoinHandle<Vec<u16>>) {
    let socket = UdpSocket::bind((loopback(family).address(), 0)).expect("bound");
    // Room for all of them, however late they are read.
    SockRef::from(&socket).set_recv_buffer_size(1 << 20).expect("as much as there may be");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let port = socket.local_addr().expect("bound").port();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let one = |_| {
            let (len, from) = socket.recv_from(&mut buffer).expect("a question");
            socket.send_to(&buffer[..len], from).expect("sent");
            from.port()
        };
        (0..questions).map(one).collect()
    });
    (port, thread)
}

/// The ports that were told of queries, and the ones that their answers came to.
fn ports(inputs: &Inputs) -> (BTreeMap<u32, u16>, BTreeMap<u32, u16>) {
    let (mut told, mut came) = (BTreeMap::new(), BTreeMap::new());
    for input in inputs.iter() {
        match input.kind {
            InputKind::Begun { id, local } => {
                assert_eq!(told.insert(id.0, local.port()), None, "told once");
            }
            InputKind::Received(received) => {
                let Message::Answer { to, bytes, .. } = received.message else {
                    panic!("{received:?}");
                };
                let number = u32::from_be_bytes(bytes.try_into().expect("a number"));
                came.insert(number, to);
            }
            _ => {}
        }
    }
    (told, came)
}

fn answered(inputs: &Inputs) -> usize {
    count(inputs, |kind| matches!(kind, InputKind::Received(_)))
}

#[test]
fn each_of_a_few_has_its_own_and_of_many_some_share() {
    in_namespace("each_of_a_few_has_its_own_and_of_many_some_share", || {
        for family in FAMILIES {
            for (questions, least) in [(1, 1), (20, 20), (32, 32), (200, 60)] {
                let mut network = request().open();
                privileges::drop_all().expect("dropped");
                let (port, server) = server(family, questions as usize);
                ask(&mut network, family, port, 0..questions);
                let inputs = collect(&mut network, |inputs| answered(inputs) == questions as usize);
                let (told, came) = ports(&inputs);
                assert_eq!(told, came, "{questions}");
                let mut own: Vec<u16> = told.into_values().collect();
                let mut seen = server.join().expect("it served");
                own.sort_unstable();
                seen.sort_unstable();
                assert_eq!(own, seen, "{questions}");
                own.dedup();
                assert!(own.len() >= least, "{questions}: {}", own.len());
            }
        }
    });
}

#[test]
fn one_after_the_other_takes_new_ports_for_ever() {
    in_namespace("one_after_the_other_takes_new_ports_for_ever", || {
        for family in FAMILIES {
            let mut network = request().open();
            let (port, server) = server(family, 200);
            for number in 0..200 {
                ask(&mut network, family, port, number..number + 1);
                let inputs = collect(&mut network, |inputs| answered(inputs) == 1);
                let (told, came) = ports(&inputs);
                assert_eq!(told, came);
                close(&mut network, number..number + 1);
            }
            let seen: BTreeSet<u16> = server.join().expect("it served").into_iter().collect();
            // The kernel may give a port twice.
            assert!(seen.len() > 180, "{}", seen.len());
        }
    });
}

#[test]
fn a_port_is_not_given_away_while_its_query_is_under_way() {
    in_namespace("a_port_is_not_given_away_while_its_query_is_under_way", || {
        for family in FAMILIES {
            let mut network = request().open();
            // Nobody answers; the first 150 stay open.
            let silent = UdpSocket::bind((loopback(family).address(), 0)).expect("bound");
            let port = silent.local_addr().expect("bound").port();
            ask(&mut network, family, port, 0..150);
            let inputs = collect(&mut network, |inputs| count(inputs, is_begun) == 150);
            let (told, _) = ports(&inputs);
            for number in 1_000..1_300 {
                ask(&mut network, family, port, number..number + 1);
                close(&mut network, number..number + 1);
            }
            let mut buffer = [0; 64];
            silent.set_nonblocking(true).expect("it can be");
            while let Ok((len, from)) = silent.recv_from(&mut buffer) {
                let number = u32::from_be_bytes(buffer[..len].try_into().expect("a number"));
                if number < 150 {
                    silent.send_to(&buffer[..len], from).expect("sent");
                }
            }
            let inputs = collect(&mut network, |inputs| answered(inputs) == 150);
            let (_, came) = ports(&inputs);
            assert_eq!(came, told);
        }
    });
}

fn is_begun(kind: &InputKind<&[u8]>) -> bool {
    matches!(kind, InputKind::Begun { .. })
}

#[test]
fn where_nobody_listens_each_is_told_so() {
    in_namespace("where_nobody_listens_each_is_told_so", || {
        for family in FAMILIES {
            let mut network = request().open();
            ask(&mut network, family, CLOSED, 0..5);
            let is_error = |kind: &InputKind<&[u8]>| matches!(kind, InputKind::QueuedError(_));
            let inputs = collect(&mut network, |inputs| count(inputs, is_error) == 5);
            let is_sent = |kind: &InputKind<&[u8]>| matches!(kind, InputKind::Sent { .. });
            assert_eq!(count(&inputs, is_sent), 5);
            for input in inputs.iter() {
                if let InputKind::QueuedError(error) = input.kind {
                    assert_eq!(error.channel, Channel::Udp { port: CLOSED });
                }
            }
        }
    });
}

#[test]
fn a_mark_is_on_those_that_leave_when_no_right_is_left() {
    in_namespace("a_mark_is_on_those_that_leave_when_no_right_is_left", || {
        let asked = OpenRequest { mark: Some(77), query_sockets: 8, ..request() };
        let mut network = asked.open();
        privileges::drop_all().expect("dropped");
        let (port, server) = server(Family::Ipv4, 40);
        ask(&mut network, Family::Ipv4, port, 0..40);
        let inputs = collect(&mut network, |inputs| answered(inputs) == 40);
        let (told, came) = ports(&inputs);
        assert_eq!(told, came);
        let seen: BTreeSet<u16> = server.join().expect("it served").into_iter().collect();
        assert_eq!(seen.len(), 9, "those that were opened beforehand");
    });
}
