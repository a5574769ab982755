//! Echo over loopback on the real kernel, in a network namespace of its own.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{Control, InputKind, Inputs, Network, Operations};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Family, Stamp, StampSource};
use netdiag_sys::{OpenRequest, SystemNetwork};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{allow_datagram_sockets, collect, count, in_namespace, loopback, push_echo, reply};

const PROBES: u32 = 100;

fn request(kind: SocketKind) -> OpenRequest {
    OpenRequest { forced: Some(kind), ..OpenRequest::default() }
}

fn replies(inputs: &Inputs) -> usize {
    count(inputs, |kind| matches!(kind, InputKind::Received(_)))
}

/// Checks the port's promise on a run of probes, and what the stamps are worth. Returns how many
/// of the stamps were the kernel's.
fn check_run(inputs: &Inputs, probes: u32) -> u32 {
    let mut sent: BTreeMap<u32, Stamp> = BTreeMap::new();
    let mut answered = BTreeMap::new();
    let mut kernel = 0;
    for input in inputs.iter() {
        match input.kind {
            InputKind::Sent { id, stamp } => {
                assert_eq!(input.at, stamp.at);
                assert!(sent.insert(id.0, stamp).is_none(), "two answers for {id:?}");
            }
            InputKind::Received(received) => {
                let index = reply(&received.message).expect("an echo reply");
                let departed = sent.get(&index).expect("Sent comes before Received");
                assert!(answered.insert(index, ()).is_none(), "two replies to {index}");
                let rtt = received.stamp.at.checked_since(departed.at).expect("rtt >= 0");
                let user = received.stamp.user.since(departed.user);
                assert!(rtt <= user + Duration::from_micros(50), "{rtt:?} > {user:?}");
                assert!(received.interface.is_some() && received.to.is_some());
                assert_eq!(received.hop_limit, Some(64));
                kernel += u32::from(received.stamp.source == StampSource::Kernel);
                kernel += u32::from(departed.source == StampSource::Kernel);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sent.len(), answered.len()), (probes as usize, probes as usize));
    kernel
}

fn one_by_one(network: &mut SystemNetwork, family: Family) -> Inputs {
    let mut all = Inputs::new();
    for index in 0..PROBES {
        let mut operations = Operations::new();
        push_echo(&mut operations, network, loopback(family), index, Control::default(), 56);
        network.submit(&mut operations).expect("submitted");
        assert!(operations.is_empty());
        for input in collect(network, |inputs| replies(inputs) == 1).iter() {
            all.push(input.at, input.kind);
        }
    }
    all
}

fn together(network: &mut SystemNetwork, family: Family) -> Inputs {
    let mut operations = Operations::new();
    for index in 0..PROBES {
        push_echo(&mut operations, network, loopback(family), index, Control::default(), 56);
    }
    network.submit(&mut operations).expect("submitted");
    collect(network, |inputs| replies(inputs) == PROBES as usize)
}

/// The kernel turns receive stamps on some time after the first socket has asked for them. Returns
/// a network that keeps them on.
fn with_stamps_on(request: &OpenRequest) -> SystemNetwork {
    let mut network = request.open();
    for index in 0..100_000 {
        let mut operations = Operations::new();
        let target = loopback(Family::Ipv4);
        push_echo(&mut operations, &network, target, index, Control::default(), 56);
        network.submit(&mut operations).expect("submitted");
        let inputs = collect(&mut network, |inputs| replies(inputs) == 1);
        let is_stamped = |kind: &InputKind<&[u8]>| matches!(kind, InputKind::Received(one) if one.stamp.source == StampSource::Kernel);
        if count(&inputs, is_stamped) == 1 {
            eprintln!("replies without a kernel stamp at first: {index}");
            return network;
        }
    }
    panic!("the kernel never stamps");
}

fn check(request: &OpenRequest) {
    let _keeps_stamps_on = with_stamps_on(request);
    for family in [Family::Ipv4, Family::Ipv6] {
        for run in [one_by_one, together] {
            let mut network = request.open();
            let opening = network.opened().family(family).expect("open").clone();
            assert_eq!(Some(opening.socket), request.forced);
            let kernel = check_run(&run(&mut network, family), PROBES);
            assert_eq!(kernel, 2 * PROBES, "all stamps are the kernel's: {opening:?}");
        }
    }
}

#[test]
fn raw_sockets_stamp_every_probe() {
    in_namespace("raw_sockets_stamp_every_probe", || check(&request(SocketKind::Raw)));
}

#[test]
fn datagram_sockets_stamp_every_probe() {
    in_namespace("datagram_sockets_stamp_every_probe", || {
        allow_datagram_sockets();
        check(&request(SocketKind::IcmpDatagram));
    });
}

#[test]
fn counted_stamps_do_as_well() {
    in_namespace("counted_stamps_do_as_well", || {
        allow_datagram_sockets();
        for kind in [SocketKind::Raw, SocketKind::IcmpDatagram] {
            check(&OpenRequest { counted_stamps: true, ..request(kind) });
        }
    });
}
