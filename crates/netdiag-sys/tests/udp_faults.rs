//! What goes wrong with UDP probes, on the real kernel, in network namespaces.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{Change, InputKind, Inputs, Network, Operations, SendError};
use netdiag_model::Destination;
use netdiag_sys::{DontFragment, OpenRequest};
use std::collections::BTreeMap;
use std::time::Duration;
use support::udp::{
    CLOSED, ECONNREFUSED, FAMILIES, echo_server, push, request, results, send, sort,
};
use support::{collect, in_namespace, loopback, run};

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
                        assert_eq!(
                            *error,
                            SendError { mtu: Some(1_500), ..SendError::new(90) },
                            "{text}"
                        );
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
