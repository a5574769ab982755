//! UDP probes over loopback on the real kernel, in a network namespace of their own.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{
    Change, Channel, Control, ErrorOrigin, InputKind, Inputs, Message, Network, NetworkError,
    Operation, OperationId, Operations, QueuedError, Received, SendError, Transmit,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Family, Stamp, StampSource};
use netdiag_sys::{DontFragment, OpenRequest, SystemNetwork};
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;
use support::{NOW, collect, count, in_namespace, loopback, push_echo, run};

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];
/// Nobody listens there.
const CLOSED: u16 = 33_434;
const ECONNREFUSED: i32 = 111;

fn request() -> OpenRequest {
    OpenRequest { udp: true, ..OpenRequest::default() }
}

/// Adds a datagram that starts with its index.
fn push(operations: &mut Operations, to: Destination, port: u16, index: u32, len: usize) {
    push_with(operations, (to, port), index, len, Control::default());
}

fn push_with(
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
fn send(network: &mut SystemNetwork, family: Family, ports: &[u16]) {
    let mut operations = Operations::new();
    for (index, port) in ports.iter().enumerate() {
        let index = u32::try_from(index).expect("small");
        push(&mut operations, loopback(family), *port, index, 56);
    }
    network.submit(&mut operations).expect("submitted");
}

/// What came of a run, by the index of the datagram.
#[derive(Default)]
struct Seen {
    sent: BTreeMap<u32, Stamp>,
    failed: BTreeMap<u32, SendError>,
    errors: BTreeMap<u32, QueuedError<Vec<u8>>>,
    received: BTreeMap<u32, Received<Vec<u8>>>,
}

/// Sorts inputs, and checks that each is told once and after what it was caused by.
fn sort(inputs: &Inputs) -> Seen {
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

fn index_of(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(*bytes.first_chunk().expect("the payload's start"))
}

/// Waits for so many errors and datagrams, and for nothing more.
fn results(network: &mut SystemNetwork, wanted: usize) -> Seen {
    let is_result =
        |kind: &InputKind<&[u8]>| !matches!(kind, InputKind::Sent { .. } | InputKind::Changed(_));
    let inputs = collect(network, |inputs| count(inputs, is_result) >= wanted);
    let mut rest = Inputs::new();
    network.wait(NOW, &mut rest).expect("the network works");
    assert!(rest.is_empty(), "{:?}", rest.iter().collect::<Vec<_>>());
    sort(&inputs)
}

/// Keeps the kernel's receive stamps on: it turns them on some time after the first socket has asked.
fn keep_stamps_on() -> SystemNetwork {
    let mut network = request().open();
    for _ in 0..100_000 {
        send(&mut network, Family::Ipv4, &[CLOSED]);
        let seen = results(&mut network, 1);
        if seen.errors[&0].stamp.source == StampSource::Kernel {
            return network;
        }
    }
    panic!("the kernel never stamps");
}

/// Sends `expected` datagrams back to where they came from, then ends.
fn echo_server(family: Family, expected: usize) -> (u16, JoinHandle<()>) {
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

#[test]
fn a_closed_port_answers_each_probe_with_kernel_stamps() {
    in_namespace("a_closed_port_answers_each_probe_with_kernel_stamps", || {
        let _keeps_stamps_on = keep_stamps_on();
        for family in FAMILIES {
            for (counted, len) in [(false, 1), (false, 5), (false, 100), (true, 5), (true, 100)] {
                let mut network = OpenRequest { counted_stamps: counted, ..request() }.open();
                // A raw socket that is in use sees the same errors, and does not tell them again.
                let mut operations = Operations::new();
                let target = loopback(family);
                push_echo(&mut operations, &network, target, 999, Control::default(), 56);
                network.submit(&mut operations).expect("submitted");
                collect(&mut network, |inputs| {
                    count(inputs, |kind| matches!(kind, InputKind::Received(_))) == 1
                });
                send(&mut network, family, &vec![CLOSED; len]);
                let seen = results(&mut network, len);
                let text = format!("{family:?} counted {counted} len {len}");
                assert_eq!((seen.sent.len(), seen.errors.len()), (len, len), "{text}");
                for (index, error) in &seen.errors {
                    check_refusal(error, family, *index);
                    let sent = seen.sent[index];
                    let rtt = error.stamp.at.checked_since(sent.at).expect("rtt >= 0");
                    let user = error.stamp.user.since(sent.user);
                    assert!(rtt <= user + Duration::from_micros(50), "{rtt:?} > {user:?}");
                    assert_eq!(error.stamp.source, StampSource::Kernel, "{text} {index}");
                    let named = sent.source == StampSource::Kernel;
                    assert!(named || counted, "{text} {index}");
                }
            }
        }
    });
}

fn check_refusal(error: &QueuedError<Vec<u8>>, family: Family, index: u32) {
    let code = if family == Family::Ipv4 { (3, 3) } else { (1, 4) };
    assert_eq!((error.kind, error.code), code);
    assert_eq!((error.errno, error.origin), (ECONNREFUSED, ErrorOrigin::Icmp));
    assert_eq!(error.channel, Channel::Udp { port: CLOSED });
    assert_eq!(error.destination, loopback(family));
    assert_eq!(error.offender, Some(loopback(family)));
    assert_eq!(error.hop_limit, Some(64));
    let mut payload = index.to_be_bytes().to_vec();
    payload.resize(56, 0xa5);
    assert_eq!(error.bytes, payload, "our payload, quoted whole");
}

#[test]
fn an_echo_server_answers_with_datagrams() {
    in_namespace("an_echo_server_answers_with_datagrams", || {
        for family in FAMILIES {
            for len in [3, 60] {
                let (port, server) = echo_server(family, len);
                let mut network = request().open();
                send(&mut network, family, &vec![port; len]);
                let seen = results(&mut network, len);
                server.join().expect("it served");
                assert_eq!((seen.sent.len(), seen.received.len()), (len, len));
                let ours = network.opened().udp(family).expect("open").identifiers;
                assert_eq!(ours.count, 1);
                for (index, received) in &seen.received {
                    assert_eq!(received.from, loopback(family));
                    assert_eq!(received.to, Some(loopback(family).address()));
                    assert_eq!((received.interface, received.hop_limit), (Some(1), Some(64)));
                    let Message::Udp(from, bytes) = &received.message else { panic!("no UDP") };
                    assert_eq!((*from, bytes.len()), (port, 56));
                    assert!(received.stamp.at >= seen.sent[index].at);
                }
            }
        }
    });
}

#[test]
fn an_answer_larger_than_the_probe_comes_whole() {
    in_namespace("an_answer_larger_than_the_probe_comes_whole", || {
        for family in FAMILIES {
            let any = SocketAddr::new(loopback(family).address(), 0);
            let socket = UdpSocket::bind(any).expect("a port");
            socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
            let mut network = request().open();
            send(&mut network, family, &[socket.local_addr().expect("bound").port()]);
            let (_, from) = socket.recv_from(&mut [0; 56]).expect("the probe");
            socket.send_to(&vec![0; 60_000], from).expect("sent");
            let seen = results(&mut network, 1);
            let Message::Udp(_, bytes) = &seen.received[&0].message else { panic!("no UDP") };
            assert_eq!(bytes.len(), 60_000);
        }
    });
}

#[test]
fn an_earlier_probes_error_fails_no_other_send() {
    in_namespace("an_earlier_probes_error_fails_no_other_send", || {
        for family in FAMILIES {
            for counted in [false, true] {
                for len in [4_usize, 40] {
                    let (port, server) = echo_server(family, len / 2);
                    let ports: Vec<u16> = [CLOSED, port].into_iter().cycle().take(len).collect();
                    let request = OpenRequest { counted_stamps: counted, ..request() };
                    let mut network = request.open();
                    send(&mut network, family, &ports);
                    let seen = results(&mut network, len);
                    server.join().expect("it served");
                    assert_eq!(seen.failed, BTreeMap::new());
                    assert_eq!((seen.errors.len(), seen.received.len()), (len / 2, len / 2));
                    assert!(seen.errors.keys().all(|index| index % 2 == 0));
                    for (index, error) in &seen.errors {
                        let rtt = error.stamp.at.checked_since(seen.sent[index].at);
                        assert!(rtt.is_some_and(|rtt| rtt < Duration::from_millis(100)));
                    }
                }
            }
        }
    });
}

#[test]
fn a_datagram_larger_than_the_mtu_fails_with_the_mtu() {
    in_namespace("a_datagram_larger_than_the_mtu_fails_with_the_mtu", || {
        run("ip", &["link", "set", "lo", "mtu", "1500"]);
        for family in FAMILIES {
            for mode in [DontFragment::Do, DontFragment::Probe] {
                for len in [3, 12] {
                    let request = OpenRequest { dont_fragment: Some(mode), ..request() };
                    let mut network = request.open();
                    let mut operations = Operations::new();
                    for index in 0..len {
                        let size = if index % 3 == 1 { 3_000 } else { 1_000 };
                        push(&mut operations, loopback(family), CLOSED, index, size);
                    }
                    network.submit(&mut operations).expect("submitted");
                    let len = usize::try_from(len).expect("small");
                    let seen = results(&mut network, len);
                    let text = format!("{family:?} {mode:?} {len}");
                    let failed = len.div_ceil(3).min(len / 3);
                    assert_eq!(seen.failed.len(), failed, "{text}");
                    for (index, error) in &seen.failed {
                        assert_eq!(index % 3, 1, "{text}");
                        assert_eq!(*error, SendError { errno: 90, mtu: Some(1_500) }, "{text}");
                    }
                    assert_eq!(seen.errors.len(), len - failed, "{text}");
                }
            }
            // A datagram that may be fragmented leaves, and is answered.
            let mut network = request().open();
            let mut operations = Operations::new();
            push(&mut operations, loopback(family), CLOSED, 0, 3_000);
            network.submit(&mut operations).expect("submitted");
            let seen = results(&mut network, 1);
            assert_eq!(seen.errors[&0].errno, ECONNREFUSED);
        }
    });
}

#[test]
fn hop_limit_source_and_interface_travel_with_each_datagram() {
    in_namespace("hop_limit_source_and_interface_travel_with_each_datagram", || {
        for family in FAMILIES {
            let mut ours = request().open();
            let mut theirs = request().open();
            let port = |network: &SystemNetwork| {
                network.opened().udp(family).expect("open").identifiers.first
            };
            let (our_port, their_port) = (port(&ours), port(&theirs));
            let source = match family {
                Family::Ipv4 => [127, 0, 0, 3].into(),
                Family::Ipv6 => loopback(family).address(),
            };
            let mut operations = Operations::new();
            for (index, hop_limit) in [(0, Some(9)), (1, None), (2, Some(255))] {
                let (source, interface) = (Some(source), Some(1));
                let control = Control { hop_limit, traffic_class: Some(0xb8), source, interface };
                push_with(&mut operations, (loopback(family), their_port), index, 40, control);
            }
            ours.submit(&mut operations).expect("submitted");
            // A socket by which nothing was sent is not read.
            push(&mut operations, loopback(family), our_port, 7, 40);
            theirs.submit(&mut operations).expect("submitted");
            let inputs = collect(&mut theirs, |inputs| {
                count(inputs, |kind| matches!(kind, InputKind::Received(_))) == 3
            });
            let mut limits = Vec::new();
            for input in inputs.iter() {
                let InputKind::Received(received) = input.kind else { continue };
                let Message::Udp(from, _) = received.message else { panic!("no UDP") };
                assert_eq!((received.from.address(), from), (source, our_port));
                limits.push(received.hop_limit);
            }
            assert_eq!(limits, [Some(9), Some(64), Some(255)]);
        }
    });
}

#[test]
fn nobody_else_gets_the_port() {
    in_namespace("nobody_else_gets_the_port", || {
        let network = request().open();
        for (family, any) in [(Family::Ipv4, "0.0.0.0"), (Family::Ipv6, "::")] {
            let opening = network.opened().udp(family).expect("open");
            assert_eq!(opening.socket, SocketKind::UdpErrorQueue);
            let address =
                SocketAddr::new(any.parse().expect("an address"), opening.identifiers.first);
            let error = UdpSocket::bind(address).expect_err("taken");
            assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
        }
    });
}

#[test]
fn a_firewalled_send_is_the_failure_of_its_own_probe() {
    in_namespace("a_firewalled_send_is_the_failure_of_its_own_probe", || {
        run("nft", &["add table inet t"]);
        run("nft", &["add chain inet t out { type filter hook output priority 0; }"]);
        run("nft", &["add rule inet t out udp dport 33435 drop"]);
        for family in FAMILIES {
            for len in [4, 20] {
                let ports = (0..len).map(|n| if n % 4 == 1 { CLOSED + 1 } else { CLOSED });
                let mut network = request().open();
                send(&mut network, family, &ports.collect::<Vec<_>>());
                let seen = results(&mut network, len);
                assert_eq!((seen.failed.len(), seen.errors.len()), (len / 4, len - len / 4));
                for (index, error) in &seen.failed {
                    assert_eq!((index % 4, *error), (1, SendError::new(1)));
                }
            }
        }
    });
}

#[test]
fn a_full_queue_of_the_interface_is_told() {
    in_namespace("a_full_queue_of_the_interface_is_told", || {
        for arguments in [
            "link add va type veth peer name vb",
            "link set va up",
            "link set vb up",
            "address add 10.9.0.1/24 dev va",
            "neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev va",
            "address add fd09::1/64 dev va nodad",
            "neighbour add fd09::2 lladdr 02:00:00:00:00:02 dev va",
        ] {
            run("ip", &arguments.split(' ').collect::<Vec<_>>());
        }
        for far in ["10.9.0.2", "fd09::2"] {
            let qdisc = "qdisc replace dev va root tbf rate 64kbit burst 1600 limit 3000";
            run("tc", &qdisc.split(' ').collect::<Vec<_>>());
            let mut network = request().open();
            let mut operations = Operations::new();
            let far = Destination::new(far.parse().expect("an address"));
            (0..50).for_each(|index| push(&mut operations, far, CLOSED, index, 500));
            network.submit(&mut operations).expect("submitted");
            let inputs = collect(&mut network, |inputs| inputs.len() == 50);
            let seen = sort(&inputs);
            assert!(!seen.failed.is_empty(), "packets that found it full");
            assert!(seen.failed.values().all(|error| *error == SendError::new(105)));
            assert_eq!(seen.sent.len() + seen.failed.len(), 50);
            run("tc", &["qdisc", "delete", "dev", "va", "root"]);
        }
    });
}

#[test]
fn datagrams_that_our_own_socket_dropped_are_counted() {
    in_namespace("datagrams_that_our_own_socket_dropped_are_counted", || {
        for family in FAMILIES {
            let (port, server) = echo_server(family, 200);
            let mut network = OpenRequest { receive_buffer: Some(4_096), ..request() }.open();
            send(&mut network, family, &[port; 200]);
            // Everything that is to be dropped has been by then.
            server.join().expect("it served");
            let mut inputs = Inputs::new();
            let until = network.now() + Duration::from_millis(20);
            while inputs.now() < until {
                network.wait(until, &mut inputs).expect("the network works");
            }
            let dropped = inputs.iter().map(|input| match input.kind {
                InputKind::Changed(Change::ReceiveDrops { count }) => count,
                _ => 0,
            });
            let dropped: u64 = dropped.sum();
            let seen = sort(&inputs);
            assert_eq!((seen.sent.len(), seen.errors.len()), (200, 0));
            assert_eq!(seen.received.len() as u64 + dropped, 200);
            assert!(dropped > 0);
        }
    });
}

/// Becomes nobody: no capability, no group, uid 65534 where this namespace has it.
fn become_nobody() {
    let nobody = nix::unistd::Uid::from_raw(65_534);
    let group = nix::unistd::Gid::from_raw(65_534);
    let map = std::fs::read_to_string("/proc/self/uid_map").expect("readable");
    if map.split_whitespace().last() != Some("1") {
        nix::unistd::setgroups(&[]).expect("root may");
        nix::unistd::setresgid(group, group, group).expect("root may");
        nix::unistd::setresuid(nobody, nobody, nobody).expect("root may");
        assert_eq!(nix::unistd::geteuid(), nobody);
    }
    netdiag_sys::privileges::drop_all().expect("dropped");
}

#[test]
fn nobody_can_probe_over_udp_and_is_told_what_was_refused() {
    in_namespace("nobody_can_probe_over_udp_and_is_told_what_was_refused", || {
        become_nobody();
        let mut network = request().open();
        let opened = network.opened().clone();
        let calls: Vec<(Family, SocketKind, &str, i32)> = opened
            .refused
            .iter()
            .map(|refused| {
                (refused.family, refused.socket, refused.error.call, refused.error.errno)
            })
            .collect();
        let (raw, datagram) = (SocketKind::Raw, SocketKind::IcmpDatagram);
        let (v4, v6) = (Family::Ipv4, Family::Ipv6);
        let expected = [
            (v4, raw, "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)", 1),
            (v4, datagram, "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)", 13),
            (v6, raw, "socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)", 1),
            (v6, datagram, "socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6)", 13),
        ];
        assert_eq!(calls, expected);
        for family in FAMILIES {
            assert_eq!(opened.family(family).expect_err("closed").errno, 13);
            let opening = opened.udp(family).expect("needs no right");
            assert_eq!(opening.socket, SocketKind::UdpErrorQueue);
            assert_eq!(
                opening.because,
                "no CAP_NET_RAW; net.ipv4.ping_group_range does not allow this group"
            );
            assert!(opening.lost.iter().any(|lost| lost.contains("port unreachable")));
            send(&mut network, family, &[CLOSED; 10]);
            let seen = results(&mut network, 10);
            assert_eq!(seen.errors.len(), 10);
            seen.errors.iter().for_each(|(index, error)| check_refusal(error, family, *index));
        }
        let marked = OpenRequest { mark: Some(1), ..request() }.open();
        let error = marked.opened().udp(v4).expect_err("not permitted");
        assert_eq!((error.call, error.errno), ("setsockopt(SO_MARK)", 1));
    });
}

#[test]
fn udp_is_opened_only_when_asked_for() {
    in_namespace("udp_is_opened_only_when_asked_for", || {
        let mut network = OpenRequest::default().open();
        for family in FAMILIES {
            assert_eq!(network.opened().udp(family), Err(&NetworkError::NOT_ASKED_FOR));
            send(&mut network, family, &[CLOSED]);
            let seen = results(&mut network, 1);
            assert_eq!(seen.failed[&0], SendError::new(95));
        }
        let network = request().open();
        assert_eq!(network.opened().refused, []);
        let opening = network.opened().udp(Family::Ipv4).expect("open");
        assert_eq!(opening.because, "UDP was asked for");
        let only_v6 = OpenRequest { family: Some(Family::Ipv6), ..request() }.open();
        assert!(only_v6.opened().udp4.is_err() && only_v6.opened().udp6.is_ok());
        let forced = SocketKind::UdpErrorQueue;
        let only_udp = OpenRequest { forced: Some(forced), ..OpenRequest::default() }.open();
        assert!(only_udp.opened().ipv4.is_err() && only_udp.opened().udp4.is_ok());
    });
}
