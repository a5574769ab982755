//! What goes wrong on the way, on the real kernel, in network namespaces.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{
    Change, Control, ErrorOrigin, InputKind, Inputs, Message, Network, Operations, SendError,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Destination, Family, StampSource};
use netdiag_sys::{DontFragment, OpenRequest, SystemNetwork};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use support::{
    NOW, allow_datagram_sockets, collect, count, in_namespace, loopback, push_echo, reply, run,
};

const KINDS: [SocketKind; 2] = [SocketKind::Raw, SocketKind::IcmpDatagram];
const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

fn request(kind: SocketKind) -> OpenRequest {
    OpenRequest { forced: Some(kind), ..OpenRequest::default() }
}

fn send(network: &mut SystemNetwork, destinations: &[Destination], size: usize) {
    let mut operations = Operations::new();
    for (index, destination) in destinations.iter().enumerate() {
        let index = index as u32;
        push_echo(&mut operations, network, *destination, index, Control::default(), size);
    }
    network.submit(&mut operations).expect("submitted");
}

fn answered(inputs: &Inputs) -> usize {
    count(inputs, |kind| matches!(kind, InputKind::Sent { .. } | InputKind::SendFailed { .. }))
}

fn received(inputs: &Inputs) -> usize {
    count(inputs, |kind| matches!(kind, InputKind::Received(_)))
}

fn failures(inputs: &Inputs) -> BTreeMap<u32, SendError> {
    let failure = |kind| match kind {
        InputKind::SendFailed { id, error } => Some((id.0, error)),
        _ => None,
    };
    inputs.iter().filter_map(|input| failure(input.kind)).collect()
}

/// The second address of a family on loopback.
fn other(family: Family) -> Destination {
    let text = if family == Family::Ipv4 { "127.0.0.9" } else { "fd09::9" };
    Destination::new(text.parse().expect("an address"))
}

fn firewall(rules: &[&str]) {
    run("ip", &["address", "add", "fd09::9/128", "dev", "lo", "nodad"]);
    run("nft", &["add table inet t"]);
    run("nft", &["add chain inet t in { type filter hook input priority 0; }"]);
    run("nft", &["add chain inet t out { type filter hook output priority 0; }"]);
    for rule in rules {
        run("nft", &[rule]);
    }
}

#[test]
fn a_firewalled_send_fails_by_itself_and_stamps_stay_with_their_probes() {
    in_namespace("a_firewalled_send_fails_by_itself_and_stamps_stay_with_their_probes", || {
        allow_datagram_sockets();
        firewall(&[
            "add rule inet t out ip daddr 127.0.0.9 drop",
            "add rule inet t out ip6 daddr fd09::9 drop",
        ]);
        for (kind, family, counted, len) in KINDS.into_iter().flat_map(|kind| {
            FAMILIES.into_iter().flat_map(move |family| {
                [(false, 5), (true, 5), (false, 50), (true, 50)]
                    .map(|(counted, len)| (kind, family, counted, len))
            })
        }) {
            let request = OpenRequest { counted_stamps: counted, ..request(kind) };
            let mut network = request.open();
            let list: Vec<_> = (0..len)
                .map(|index| if index % 3 == 1 { other(family) } else { loopback(family) })
                .collect();
            send(&mut network, &list, 56);
            // ICMPv6 datagram sockets do not say that a packet was dropped on its way out: it is
            // concluded from stamps, where they have names.
            let is_silent = counted && (kind, family) == (SocketKind::IcmpDatagram, Family::Ipv6);
            let dropped = (len + 1) / 3;
            let inputs = collect(&mut network, |inputs| {
                answered(inputs) == len && received(inputs) == len - dropped
            });
            let failed = failures(&inputs);
            let text = format!("{kind:?} {family:?} counted {counted} len {len}");
            assert_eq!(failed.len(), if is_silent { 0 } else { dropped }, "{text}");
            assert!(failed.iter().all(|(id, error)| id % 3 == 1 && error.errno == 1), "{text}");
            let mut sent = BTreeMap::new();
            for input in inputs.iter() {
                match input.kind {
                    InputKind::Sent { id, stamp } => assert!(sent.insert(id.0, stamp).is_none()),
                    InputKind::Received(received) => {
                        let index = reply(&received.message).expect("a reply");
                        let departed = sent.get(&index).expect("Sent comes first");
                        assert!(received.stamp.at >= departed.at, "{text}");
                        let rtt = received.stamp.at.since(departed.at);
                        assert!(rtt < Duration::from_millis(20), "{text}: {rtt:?}");
                    }
                    _ => {}
                }
            }
            let kernel = sent.values().filter(|stamp| stamp.source == StampSource::Kernel).count();
            eprintln!("{text}: {kernel} of {} send stamps are the kernel's", sent.len());
            assert_eq!(kernel, len - dropped, "{text}");
        }
    });
}

#[test]
fn an_earlier_probes_icmp_error_does_not_fail_the_next_send() {
    in_namespace("an_earlier_probes_icmp_error_does_not_fail_the_next_send", || {
        allow_datagram_sockets();
        firewall(&[
            "add rule inet t in ip daddr 127.0.0.9 icmp type echo-request reject with icmp type host-unreachable",
            "add rule inet t in ip6 daddr fd09::9 icmpv6 type echo-request reject with icmpv6 type addr-unreachable",
        ]);
        for kind in KINDS {
            for family in FAMILIES {
                for len in [4_usize, 12] {
                    let mut network = request(kind).open();
                    let pair = [other(family), loopback(family)];
                    let list: Vec<_> = pair.into_iter().cycle().take(len).collect();
                    send(&mut network, &list, 56);
                    let errors = |inputs: &Inputs| {
                        count(inputs, |kind| matches!(kind, InputKind::QueuedError(_)))
                    };
                    let inputs = collect(&mut network, |inputs| {
                        answered(inputs) == len && received(inputs) + errors(inputs) >= len
                    });
                    assert_eq!(failures(&inputs), BTreeMap::new(), "{kind:?} {family:?}");
                    // Each error is told of once: as a packet by raw sockets, else by the queue.
                    let raw = kind == SocketKind::Raw;
                    let (packets, queued) = if raw { (len, 0) } else { (len / 2, len / 2) };
                    assert_eq!((received(&inputs), errors(&inputs)), (packets, queued));
                    check_errors(&inputs, family);
                    // Nothing is left behind.
                    let mut rest = Inputs::new();
                    network.wait(NOW, &mut rest).expect("the network works");
                    assert!(rest.is_empty());
                }
            }
        }
    });
}

fn check_errors(inputs: &Inputs, family: Family) {
    let mut sent = Vec::new();
    for input in inputs.iter() {
        match input.kind {
            InputKind::Sent { id, .. } => sent.push(id.0),
            InputKind::QueuedError(error) => {
                assert_eq!((error.errno, error.origin), (113, ErrorOrigin::Icmp));
                let expected = if family == Family::Ipv4 { (3, 1) } else { (1, 3) };
                assert_eq!((error.kind, error.code), expected);
                assert_eq!(error.destination, other(family));
                let offender = error.offender.expect("an offender").address();
                assert!(offender.is_loopback() || offender == other(family).address());
                assert_eq!(error.bytes.len(), 56, "the quoted ICMP message");
                let index = u32::from_be_bytes(error.bytes[8..12].try_into().expect("four"));
                assert!(sent.contains(&index), "Sent comes before what it caused");
            }
            _ => {}
        }
    }
}

#[test]
fn a_packet_larger_than_the_mtu_says_the_mtu() {
    in_namespace("a_packet_larger_than_the_mtu_says_the_mtu", || {
        allow_datagram_sockets();
        run("ip", &["link", "set", "lo", "mtu", "1500"]);
        for kind in KINDS {
            for family in FAMILIES {
                for mode in [DontFragment::Do, DontFragment::Probe] {
                    let request = OpenRequest { dont_fragment: Some(mode), ..request(kind) };
                    let mut network = request.open();
                    send(&mut network, &[loopback(family)], 3_000);
                    let inputs = collect(&mut network, |inputs| answered(inputs) == 1);
                    let error = failures(&inputs).remove(&0).expect("a failure");
                    let text = format!("{kind:?} {family:?} {mode:?}");
                    assert_eq!(
                        error,
                        SendError { mtu: Some(1_500), ..SendError::new(90) },
                        "{text}"
                    );
                    send(&mut network, &[loopback(family)], 1_000);
                    let inputs = collect(&mut network, |inputs| received(inputs) == 1);
                    assert_eq!(inputs.len(), 2, "nothing but Sent and Received: {text}");
                }
                let mut network = request(kind).open();
                send(&mut network, &[loopback(family)], 3_000);
                collect(&mut network, |inputs| received(inputs) == 1);
            }
        }
    });
}

#[test]
fn the_largest_packets_come_back_whole() {
    in_namespace("the_largest_packets_come_back_whole", || {
        allow_datagram_sockets();
        for kind in KINDS {
            for family in FAMILIES {
                let mut network = request(kind).open();
                send(&mut network, &[loopback(family); 3], 65_000);
                let inputs = collect(&mut network, |inputs| received(inputs) == 3);
                for input in inputs.iter() {
                    if let InputKind::Received(received) = input.kind {
                        let len = match received.message {
                            Message::Ipv4(bytes) => bytes.len() - 20,
                            Message::Icmpv4(bytes) | Message::Icmpv6(bytes) => bytes.len(),
                            Message::Udp(_, bytes)
                            | Message::Answer { bytes, .. }
                            | Message::Tcp(bytes) => bytes.len(),
                        };
                        assert_eq!(len, 65_000);
                    }
                }
            }
        }
    });
}

#[test]
fn packets_that_our_own_socket_dropped_are_counted() {
    in_namespace("packets_that_our_own_socket_dropped_are_counted", || {
        allow_datagram_sockets();
        for kind in KINDS {
            for family in FAMILIES {
                let request = OpenRequest { receive_buffer: Some(4_096), ..request(kind) };
                let mut network = request.open();
                send(&mut network, &[loopback(family); 300], 56);
                let mut inputs = Inputs::new();
                let until = network.now() + Duration::from_millis(50);
                while inputs.now() < until {
                    network.wait(until, &mut inputs).expect("the network works");
                }
                let dropped: u64 = inputs
                    .iter()
                    .map(|input| match input.kind {
                        InputKind::Changed(Change::ReceiveDrops { count }) => count,
                        _ => 0,
                    })
                    .sum();
                let text = format!("{kind:?} {family:?}: {dropped} dropped");
                eprintln!("{text}, {} received", received(&inputs));
                assert_eq!(answered(&inputs), 300, "{text}");
                assert!(dropped > 0, "{text}");
                // A full raw socket counts what its filter would have dropped, too: on loopback our
                // own requests.
                let all = received(&inputs) as u64 + dropped;
                assert!(all == 300 || (kind == SocketKind::Raw && all <= 600), "{text}");
            }
        }
    });
}

#[test]
fn a_full_queue_of_the_interface_is_told_and_late_stamps_are_not_waited_for() {
    in_namespace(
        "a_full_queue_of_the_interface_is_told_and_late_stamps_are_not_waited_for",
        || {
            allow_datagram_sockets();
            for arguments in [
                "link add va type veth peer name vb",
                "link set va up",
                "link set vb up",
                "address add 10.9.0.1/24 dev va",
                "neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev va",
            ] {
                run("ip", &arguments.split(' ').collect::<Vec<_>>());
            }
            let far = Destination::V4([10, 9, 0, 2].into());
            for kind in KINDS {
                for len in [7, 100] {
                    let qdisc = "qdisc replace dev va root tbf rate 64kbit burst 1600 limit 3000";
                    run("tc", &qdisc.split(' ').collect::<Vec<_>>());
                    let mut network = request(kind).open();
                    send(&mut network, &vec![far; len], 500);
                    let inputs = collect(&mut network, |inputs| answered(inputs) == len);
                    let failed = failures(&inputs);
                    assert!(failed.values().all(|error| error.errno == 105), "{failed:?}");
                    let user = count(
                        &inputs,
                        |kind| matches!(kind, InputKind::Sent { stamp, .. } if stamp.source == StampSource::User),
                    );
                    eprintln!(
                        "{kind:?}: {len} submitted, {} ENOBUFS, {user} user stamps",
                        failed.len()
                    );
                    assert!(user > 0, "packets that wait in the queue");
                    assert!(len == 7 || !failed.is_empty(), "packets that found it full");
                    run("tc", &["qdisc", "delete", "dev", "va", "root"]);
                }
            }
        },
    );
}

#[test]
fn foreign_traffic_does_not_wake_a_raw_socket() {
    in_namespace("foreign_traffic_does_not_wake_a_raw_socket", || {
        for family in FAMILIES {
            let with = |identifier| OpenRequest { identifier, ..request(SocketKind::Raw) };
            let mut ours = with(Some(1)).open();
            let mut theirs = with(Some(2)).open();
            send(&mut ours, &[loopback(family)], 56);
            collect(&mut ours, |inputs| received(inputs) == 1);
            send(&mut theirs, &[loopback(family); 50], 56);
            collect(&mut theirs, |inputs| received(inputs) == 50);
            let mut inputs = Inputs::new();
            let until = ours.now() + Duration::from_millis(5);
            ours.wait(until, &mut inputs).expect("the network works");
            assert!(inputs.is_empty());
            assert!(inputs.now() >= until, "it was not woken before");
        }
    });
}

#[test]
fn what_came_before_the_filter_is_forgotten() {
    in_namespace("what_came_before_the_filter_is_forgotten", || {
        // The others stop when this is gone, however this ends.
        let alive = Arc::new(());
        std::thread::scope(move |scope| {
            for family in FAMILIES {
                let alive = Arc::downgrade(&alive);
                scope.spawn(move || {
                    // Random identifiers would be the same now and then.
                    let mut theirs =
                        OpenRequest { identifier: Some(1), ..request(SocketKind::Raw) }.open();
                    while alive.strong_count() > 0 {
                        send(&mut theirs, &[loopback(family); 50], 56);
                        collect(&mut theirs, |inputs| received(inputs) == 50);
                    }
                });
            }
            let foreign: usize = (0..300)
                .map(|_| {
                    let mut ours =
                        OpenRequest { identifier: Some(2), ..request(SocketKind::Raw) }.open();
                    send(&mut ours, &FAMILIES.map(loopback), 56);
                    received(&collect(&mut ours, |inputs| received(inputs) >= 2)) - 2
                })
                .sum();
            drop(alive);
            assert_eq!(foreign, 0);
        });
    });
}

#[test]
fn nobody_else_can_bind_the_identifier_of_a_datagram_socket() {
    in_namespace("nobody_else_can_bind_the_identifier_of_a_datagram_socket", || {
        allow_datagram_sockets();
        for family in FAMILIES {
            let ours = request(SocketKind::IcmpDatagram).open();
            let first = ours.opened().family(family).expect("open").identifiers.first;
            let same = OpenRequest { identifier: Some(first), ..request(SocketKind::IcmpDatagram) };
            let theirs = same.open();
            let error = theirs.opened().family(family).expect_err("taken");
            assert_eq!((error.call, error.errno), ("bind", 98));
        }
    });
}

#[test]
fn without_any_right_the_reason_is_told() {
    in_namespace("without_any_right_the_reason_is_told", || {
        netdiag_sys::privileges::drop_all().expect("dropped");
        let mut network = OpenRequest::default().open();
        for family in FAMILIES {
            let error = network.opened().family(family).expect_err("closed").clone();
            assert_eq!(error.errno, 13, "{error}");
            let mut operations = Operations::new();
            operations.push(netdiag_engine::port::Operation::Transmit(
                netdiag_engine::port::Transmit {
                    id: netdiag_engine::port::OperationId(1),
                    channel: netdiag_engine::port::Channel::Icmp,
                    destination: loopback(family),
                    control: Control::default(),
                    bytes: &[0; 8],
                },
            ));
            network.submit(&mut operations).expect("submitted");
            let inputs = collect(&mut network, |inputs| answered(inputs) == 1);
            assert_eq!(failures(&inputs)[&1].errno, 13);
        }
    });
}

#[test]
fn without_net_raw_the_ladder_ends_on_datagram_sockets() {
    in_namespace("without_net_raw_the_ladder_ends_on_datagram_sockets", || {
        allow_datagram_sockets();
        netdiag_sys::privileges::drop_all().expect("dropped");
        let mut network = OpenRequest::default().open();
        for family in FAMILIES {
            let opening = network.opened().family(family).expect("open").clone();
            assert_eq!(opening.socket, SocketKind::IcmpDatagram);
            assert_eq!(
                opening.because,
                "no CAP_NET_RAW; net.ipv4.ping_group_range allows this group"
            );
            send(&mut network, &[loopback(family)], 56);
            collect(&mut network, |inputs| received(inputs) == 1);
        }
        let marked = OpenRequest { mark: Some(1), ..OpenRequest::default() }.open();
        let error = marked.opened().ipv4.as_ref().expect_err("not permitted");
        assert_eq!((error.call, error.errno), ("setsockopt(SO_MARK)", 1));
    });
}

#[test]
fn hop_limit_class_source_and_interface_travel_with_the_packet() {
    in_namespace("hop_limit_class_source_and_interface_travel_with_the_packet", || {
        let mut network = request(SocketKind::Raw).open();
        let control = Control {
            hop_limit: Some(9),
            traffic_class: Some(0xb8),
            source: Some([127, 0, 0, 3].into()),
            interface: Some(1),
            ..Control::default()
        };
        let mut operations = Operations::new();
        push_echo(&mut operations, &network, loopback(Family::Ipv4), 0, control, 56);
        network.submit(&mut operations).expect("submitted");
        let inputs = collect(&mut network, |inputs| received(inputs) == 1);
        let packet = inputs.iter().find_map(|input| match input.kind {
            InputKind::Received(received) => Some(received),
            _ => None,
        });
        let packet = packet.expect("a reply");
        assert_eq!(packet.to, Some([127, 0, 0, 3].into()));
        let Message::Ipv4(bytes) = packet.message else { panic!("{packet:?}") };
        // The kernel's echo reply has the type of service of the request.
        assert_eq!(bytes[1], 0xb8);

        let control = Control { source: Some([192, 0, 2, 1].into()), ..Control::default() };
        push_echo(&mut operations, &network, loopback(Family::Ipv4), 1, control, 56);
        let control = Control { interface: Some(4_242), ..Control::default() };
        push_echo(&mut operations, &network, loopback(Family::Ipv6), 2, control, 56);
        network.submit(&mut operations).expect("submitted");
        let inputs = collect(&mut network, |inputs| answered(inputs) == 2);
        let failed = failures(&inputs);
        eprintln!("foreign source, unknown interface: {failed:?}");
        assert_eq!(failed[&2].errno, 19);
    });
}
