//! TCP connects, exchanges and reverse look-ups, on the real kernel, in network namespaces.
#![allow(clippy::print_stderr, reason = "what was seen, and SKIPPED")]

mod support;

use netdiag_engine::port::{
    Connect, Control, Exchange, ExchangeError, ExchangeFraming, InputKind, Inputs, Lookup, Network,
    Operation, OperationId, Operations, Over,
};
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Family};
use netdiag_sys::{OpenRequest, SystemNetwork};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;
use support::{collect, in_namespace, loopback, run};

fn connect(id: u32, destination: Destination, port: u16) -> Operation<&'static [u8]> {
    let id = OperationId(id);
    Operation::Connect(Connect {
        id,
        over: Over::Tcp,
        destination,
        port,
        source_port: 0,
        stays: false,
        control: Control::default(),
    })
}

fn submit(network: &mut SystemNetwork, operation: Operation<&[u8]>) {
    let mut operations = Operations::new();
    operations.push(operation);
    network.submit(&mut operations).expect("submitted");
}

/// Whether something is told, but that a connection has begun.
fn is_news(kind: &InputKind<&[u8]>) -> bool {
    !matches!(kind, InputKind::Begun { .. } | InputKind::Said { .. })
}

/// What `f` makes of the next input.
fn one<T>(network: &mut SystemNetwork, f: impl FnOnce(InputKind<&[u8]>) -> T) -> T {
    let inputs = collect(network, |inputs| inputs.iter().any(|input| is_news(&input.kind)));
    let input = inputs.iter().find(|input| is_news(&input.kind)).expect("an input");
    f(input.kind)
}

fn listener(family: Family) -> (TcpListener, u16) {
    let listener = TcpListener::bind(SocketAddr::new(loopback(family).address(), 0));
    let listener = listener.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

fn failed(kind: InputKind<&[u8]>) -> (i32, Option<(IpAddr, u8, u8)>) {
    match kind {
        InputKind::ConnectFailed { error, icmp, .. } => (error.errno, icmp),
        other => panic!("{other:?}"),
    }
}

#[test]
fn connects_end_as_the_other_side_wants() {
    in_namespace("connects_end_as_the_other_side_wants", || {
        run("ip", &["address", "add", "fd09::9/128", "dev", "lo", "nodad"]);
        run("nft", &["add table inet t"]);
        run("nft", &["add chain inet t in { type filter hook input priority 0; }"]);
        run(
            "nft",
            &[
                "add rule inet t in ip daddr 127.0.0.9 tcp dport 9 reject with icmp type host-prohibited",
            ],
        );
        run(
            "nft",
            &[
                "add rule inet t in ip6 daddr fd09::9 tcp dport 9 reject with icmpv6 type admin-prohibited",
            ],
        );
        run("nft", &["add rule inet t in tcp dport 10 drop"]);
        for family in [Family::Ipv4, Family::Ipv6] {
            let mut network = OpenRequest::default().open();
            let (_listener, port) = listener(family);
            submit(&mut network, connect(1, loopback(family), port));
            one(&mut network, |kind| match kind {
                InputKind::Connected { id, local, info, .. } => {
                    assert_eq!((id, local.ip()), (OperationId(1), loopback(family).address()));
                    let info = info.expect("TCP_INFO");
                    assert!(info.rtt > Duration::ZERO && info.rtt < Duration::from_millis(50));
                    assert_eq!(info.total_retransmits, 0);
                }
                other => panic!("{other:?}"),
            });

            submit(&mut network, connect(2, loopback(family), 1));
            assert_eq!(one(&mut network, failed), (111, None));

            let other = if family == Family::Ipv4 { "127.0.0.9" } else { "fd09::9" };
            let other = Destination::new(other.parse().expect("an address"));
            submit(&mut network, connect(3, other, 9));
            let (errno, icmp) = one(&mut network, failed);
            let (_, kind, code) = icmp.expect("an ICMP error");
            let expected = if family == Family::Ipv4 { (113, 3, 10) } else { (13, 1, 1) };
            assert_eq!((errno, kind, code), expected);

            // One that nobody answers is forgotten when it is closed.
            submit(&mut network, connect(4, loopback(family), 10));
            submit(&mut network, Operation::Close(OperationId(4)));
            let mut inputs = Inputs::new();
            let until = network.now() + Duration::from_millis(5);
            while inputs.now() < until {
                network.wait(until, &mut inputs).expect("the network works");
            }
            assert!(!inputs.iter().any(|input| is_news(&input.kind)));

            let far = if family == Family::Ipv4 { "192.0.2.1" } else { "2001:db8::1" };
            let far = Destination::new(far.parse().expect("an address"));
            submit(&mut network, connect(5, far, 80));
            assert_eq!(one(&mut network, failed), (101, None));
        }
    });
}

#[test]
fn connects_beyond_the_limit_of_descriptors_are_not_begun() {
    in_namespace("connects_beyond_the_limit_of_descriptors_are_not_begun", || {
        let limit = nix::sys::resource::Resource::RLIMIT_NOFILE;
        nix::sys::resource::setrlimit(limit, 48, 48).expect("lowered");
        let (_listener, port) = listener(Family::Ipv4);
        let mut network = OpenRequest::default().open();
        let mut operations = Operations::new();
        for id in 0..100 {
            operations.push(connect(id, loopback(Family::Ipv4), port));
        }
        network.submit(&mut operations).expect("submitted");
        let told = |inputs: &Inputs| inputs.iter().filter(|input| is_news(&input.kind)).count();
        let inputs = collect(&mut network, |inputs| told(inputs) >= 100);
        let mut opened = 0;
        for input in inputs.iter().filter(|input| is_news(&input.kind)) {
            match input.kind {
                InputKind::Connected { .. } => opened += 1,
                // EMFILE: the engine tries again, and no time runs for it.
                InputKind::ConnectFailed { error, .. } => assert_eq!(error.errno, 24, "{input:?}"),
                _ => panic!("{input:?}"),
            }
        }
        assert!((1..100).contains(&opened), "{opened}");
    });
}

fn exchange(network: &mut SystemNetwork, port: u16) -> Result<Vec<u8>, ExchangeError> {
    submit(
        network,
        Operation::Exchange(Exchange {
            id: OperationId(7),
            destination: loopback(Family::Ipv4),
            port,
            framing: ExchangeFraming::Length16,
            control: Control::default(),
            bytes: b"question",
        }),
    );
    one(network, |kind| match kind {
        InputKind::Exchanged { id, phases, result } => {
            assert_eq!(id, OperationId(7));
            assert_eq!(result.is_ok(), phases[1] > Duration::ZERO);
            result.map(<[u8]>::to_vec)
        }
        other => panic!("{other:?}"),
    })
}

#[test]
fn an_exchange_is_one_question_and_one_answer() {
    in_namespace("an_exchange_is_one_question_and_one_answer", || {
        let mut network = OpenRequest::default().open();
        let (server, port) = listener(Family::Ipv4);
        let thread = std::thread::spawn(move || {
            for answer in [&b"\0\x06an"[..], b"\0\x09cut", b""] {
                let (mut stream, _) = server.accept().expect("a connection");
                let mut question = [0; 10];
                stream.read_exact(&mut question).expect("a question");
                assert_eq!(&question, b"\0\x08question");
                stream.write_all(answer).expect("written");
                if answer.ends_with(b"an") {
                    stream.write_all(b"swer").expect("written");
                }
            }
        });
        assert_eq!(exchange(&mut network, port), Ok(b"answer".to_vec()));
        assert_eq!(exchange(&mut network, port), Err(ExchangeError::Closed));
        assert_eq!(exchange(&mut network, port), Err(ExchangeError::Closed));
        thread.join().expect("no panic");
        let Err(ExchangeError::Connect(error)) = exchange(&mut network, 1) else {
            panic!("nobody listens");
        };
        assert_eq!(error.errno, 111);
    });
}

#[test]
fn dialogs_that_hang_do_not_keep_the_process() {
    in_namespace("dialogs_that_hang_do_not_keep_the_process", || {
        let mut network = OpenRequest::default().open();
        let (server, port) = listener(Family::Ipv4);
        for id in 0..2 {
            submit(
                &mut network,
                Operation::Exchange(Exchange {
                    id: OperationId(id),
                    destination: loopback(Family::Ipv4),
                    port,
                    framing: ExchangeFraming::Length16,
                    control: Control::default(),
                    bytes: b"question",
                }),
            );
        }
        submit(&mut network, Operation::Close(OperationId(0)));
        let (_stream, _) = server.accept().expect("a connection");
        let mut inputs = Inputs::new();
        let start = network.now();
        let until = start + Duration::from_millis(5);
        network.wait(until, &mut inputs).expect("the network works");
        assert!(inputs.is_empty() && inputs.now() >= until);
        drop(network);
        let took = netdiag_sys::clock::now().since(start);
        assert!(took < Duration::from_millis(100), "{took:?}");
    });
}

#[test]
fn a_reverse_look_up_ends_with_a_name_or_a_reason() {
    in_namespace("a_reverse_look_up_ends_with_a_name_or_a_reason", || {
        // No packet leaves this namespace, so only the hosts file can know a name.
        let mut network = OpenRequest::default().open();
        for (id, address) in [(1, "127.0.0.1"), (2, "192.0.2.1")] {
            let address = address.parse().expect("an address");
            submit(&mut network, Operation::Lookup(Lookup { id: OperationId(id), address }));
            let result = one(&mut network, |kind| match kind {
                InputKind::Named { result, .. } => result,
                other => panic!("{other:?}"),
            });
            eprintln!("{address}: {result:?}");
            match result {
                Ok(name) => assert!(name.is_some_and(|name| !name.as_raw().ends_with('.'))),
                Err(LookupError::NoAnswer { tried, .. }) => assert!(!tried.is_empty()),
                Err(other) => panic!("{other:?}"),
            }
        }
    });
}
