//! UDP probes over loopback on the real kernel, in a network namespace of their own.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{
    Channel, Control, ErrorOrigin, InputKind, Message, Network, NetworkError, Operations,
    QueuedError, SendError,
};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Family, StampSource};
use netdiag_sys::{OpenRequest, SystemNetwork};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use support::udp::{
    CLOSED, ECONNREFUSED, FAMILIES, echo_server, push, push_with, request, results, send,
};
use support::{collect, count, in_namespace, loopback, push_echo};

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
                let traffic_class = Some(0xb8);
                let control =
                    Control { hop_limit, traffic_class, source, interface, ..Control::default() };
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
            // As many as nobody may send to a target at once.
            send(&mut network, family, &[CLOSED; 3]);
            let seen = results(&mut network, 3);
            assert_eq!(seen.errors.len(), 3);
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
