//! Connects and exchanges: what the kernel or a library does for a probe.

use crate::harness::{Bench, START, TIMEOUT, V4, V6, at, echo, probe};
use crate::script::Script;
use netdiag_engine::outcome::{ReplyDetail, Why};
use netdiag_engine::port::{
    Change, ExchangeError, ExchangeFraming, InputKind, Operation, OperationId, SendError,
};
use netdiag_engine::{ConnectSpec, Next, Outcome, ProbeKind, Stray};
use netdiag_model::{IcmpKind, Stamp};
use std::time::Duration;

const CONNECT: ProbeKind = ProbeKind::Connect(ConnectSpec::to(443));

fn exchange() -> ProbeKind {
    let framing = ExchangeFraming::Length16;
    ProbeKind::Exchange { port: 53, framing, request: b"a question".to_vec() }
}

fn started(kind: ProbeKind) -> (Bench, OperationId) {
    let mut bench = Bench::new([Script::probes([probe(1, V4, kind)])]);
    assert_eq!(bench.operations.len(), 1);
    let id = bench.operations.remove(0).id();
    (bench, id)
}

fn connected(bench: &mut Bench, millis: u64, id: OperationId) {
    let local = "192.0.2.200:40000".parse().expect("an address");
    let stamp = Stamp::user(at(millis));
    bench.input(at(millis), InputKind::Connected { id, stamp, local, info: None });
    bench.poll();
}

fn connect_failed(
    bench: &mut Bench,
    millis: u64,
    id: OperationId,
    errno: i32,
    icmp: Option<(&str, u8, u8)>,
) {
    let icmp = icmp.map(|(from, kind, code)| (from.parse().expect("an address"), kind, code));
    let (stamp, error) = (Stamp::user(at(millis)), SendError::new(errno));
    bench.input(at(millis), InputKind::ConnectFailed { id, stamp, error, icmp });
    bench.poll();
}

#[test]
fn the_operation_says_what_was_asked_for() {
    let mut bench = Bench::new([Script::probes([probe(1, V6, CONNECT), probe(2, V4, exchange())])]);
    let operations = std::mem::take(&mut bench.operations);
    let [Operation::Connect(connect), Operation::Exchange(exchange)] = &operations[..] else {
        panic!("{operations:?}");
    };
    assert_eq!((connect.port, connect.destination.to_string().as_str()), (443, V6));
    assert_eq!((exchange.port, exchange.bytes.as_slice()), (53, &b"a question"[..]));
    assert_ne!(connect.id, exchange.id);
}

/// Several measurements may ask for connections to one target, each at a rate of its own.
#[test]
fn a_connection_that_comes_too_soon_for_this_user_waits_and_takes_no_time() {
    let (mut bench, id) = started(CONNECT);
    connect_failed(&mut bench, 0, id, 122, None);
    assert!(bench.log().settled.is_empty(), "{:?}", bench.log().settled);
    let mut tried = 0;
    for millis in 1..=20 {
        bench.pass(at(millis));
        for operation in std::mem::take(&mut bench.operations) {
            tried += 1;
            assert!(matches!(operation, Operation::Connect(_)), "{operation:?}");
            connect_failed(&mut bench, millis, operation.id(), 122, None);
        }
    }
    assert!(tried >= 3, "{tried}");
    assert!(bench.log().settled.is_empty(), "{:?}", bench.log().settled);
}

#[test]
fn a_connection_is_a_reply() {
    let (mut bench, id) = started(CONNECT);
    connected(&mut bench, 30, id);
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    assert_eq!(reply.rtt, Duration::from_millis(30));
    assert!(matches!(reply.detail, ReplyDetail::Connected { .. }));
    bench.pass(at(10_000));
    assert!(bench.closes().is_empty(), "nothing is under way that could be closed");
    assert_eq!(bench.log().stats.counters().attempted(), 1);
}

#[test]
fn each_failure_of_a_connect_is_its_own_outcome() {
    let fail = |errno, icmp| {
        let (mut bench, id) = started(CONNECT);
        connect_failed(&mut bench, 20, id, errno, icmp);
        bench.pass(at(10_000));
        assert!(bench.closes().is_empty());
        let counters = bench.log().stats.counters();
        assert_eq!((counters.attempted(), counters.in_flight()), (1, 0), "errno {errno}");
        bench.log().outcome(1).clone()
    };
    for errno in [104, 111] {
        let Outcome::Refused(refusal) = fail(errno, None) else { panic!("not refused") };
        assert_eq!((refusal.errno, refusal.rtt), (errno, Duration::from_millis(20)));
    }
    let Outcome::NetError(error) = fail(113, Some(("198.51.100.9", 3, 13))) else {
        panic!("not an error");
    };
    assert_eq!((error.kind, error.rtt), (IcmpKind::v4(3, 13), Duration::from_millis(20)));
    assert_eq!(fail(110, None), Outcome::TimedOut);
    for errno in [1, 99, 101] {
        assert_eq!(fail(errno, None), Outcome::LocalError(SendError::new(errno)));
    }
}

#[test]
fn a_refusal_or_an_error_after_the_deadline_is_a_timeout() {
    for icmp in [None, Some(("198.51.100.9", 3, 1))] {
        let (mut bench, id) = started(CONNECT);
        connect_failed(&mut bench, 1_001, id, 111, icmp);
        assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
        assert_eq!(bench.log().strays.len(), usize::from(icmp.is_some()));
    }
}

#[test]
fn a_connect_that_times_out_is_closed_exactly_once() {
    for kind in [CONNECT, exchange()] {
        let (mut bench, id) = started(kind);
        bench.pass(at(0) + TIMEOUT);
        assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
        assert_eq!(bench.closes(), [id]);
        bench.pass(at(60_000));
        bench.stop(at(60_001));
        assert_eq!(bench.closes(), [id]);
    }
}

#[test]
fn a_connection_after_the_deadline_is_late() {
    let (mut bench, id) = started(CONNECT);
    connected(&mut bench, 1_200, id);
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
    assert!(matches!(bench.log().strays[..], [(1, Stray::Late(_))]));
    assert!(bench.closes().is_empty(), "it has ended by itself");
}

#[test]
fn a_stop_closes_what_is_under_way_and_leaves_it_in_flight() {
    let specs = [probe(1, V4, CONNECT), echo(2, V4), probe(3, V4, exchange())];
    let mut bench = Bench::new([Script::probes(specs)]);
    let ids: Vec<OperationId> = bench
        .operations
        .iter()
        .filter(|operation| !matches!(operation, Operation::Transmit(_)))
        .map(Operation::id)
        .collect();
    bench.send_all(Stamp::user(START));
    bench.stop(at(100));
    assert!(bench.is_finished());
    assert_eq!(bench.closes(), ids);
    let counters = bench.log().stats.counters();
    assert_eq!((counters.sent(), counters.in_flight()), (3, 3));
    for id in ids {
        connected(&mut bench, 200, id);
    }
    assert!(bench.log().settled.is_empty());
}

#[test]
fn exchanges_are_answered_or_say_why_not() {
    let ended = |result: Result<&'static [u8], ExchangeError>| {
        let (mut bench, id) = started(exchange());
        let phases = [Duration::from_millis(5), Duration::from_millis(7)];
        bench.input(at(12), InputKind::Exchanged { id, phases, result });
        bench.pass(at(10_000));
        assert!(bench.closes().is_empty());
        assert_eq!(bench.log().stats.counters().attempted(), 1);
        bench.log().outcome(1).clone()
    };
    let Outcome::Replied(reply) = ended(Ok(b"an answer")) else { panic!("not a reply") };
    let ReplyDetail::Exchanged { phases, answer } = reply.detail else { panic!("no answer") };
    assert_eq!(answer, b"an answer");
    assert_eq!(phases[1], Duration::from_millis(7));
    assert_eq!(reply.rtt, Duration::from_millis(12));
    assert_eq!(ended(Err(ExchangeError::TimedOut)), Outcome::TimedOut);
    assert!(matches!(ended(Err(ExchangeError::Closed)), Outcome::Refused(_)));
    let refused = ExchangeError::Connect(SendError::new(111));
    assert!(matches!(ended(Err(refused)), Outcome::Refused(_)));
    let local = ExchangeError::Connect(SendError::new(24));
    assert_eq!(ended(Err(local)), Outcome::LocalError(SendError::new(24)));
}

#[test]
fn a_refusal_of_which_nobody_knows_whose_it_is_is_no_loss() {
    let (mut bench, id) = started(CONNECT);
    let error = SendError { unseen: true, ..SendError::new(111) };
    let stamp = Stamp::user(at(12));
    bench.input(at(12), InputKind::ConnectFailed { id, stamp, error, icmp: None });
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::RefuserUnknown));
    let counters = bench.log().stats.counters();
    assert_eq!((counters.sent(), counters.unknown()), (1, 1));
}

/// That it was refused is known at once, by whom perhaps only after its time.
#[test]
fn a_refusal_whose_sender_is_not_found_out_in_time_is_no_loss() {
    let (mut bench, id) = started(CONNECT);
    bench.input(at(1), InputKind::Refused { id });
    bench.pass(at(999));
    assert!(bench.log().settled.is_empty(), "it is still being found out");
    bench.pass(at(1_000));
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::RefuserUnknown));
    assert_eq!(bench.closes(), [id]);
    let (mut bench, id) = started(CONNECT);
    bench.input(at(1), InputKind::Refused { id });
    connected(&mut bench, 200, id);
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
}

#[test]
fn a_sleep_makes_a_connect_meaningless_and_closes_it() {
    let (mut bench, id) = started(CONNECT);
    bench.change(at(100), Change::Suspended { length: Duration::from_secs(60) });
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::Suspended));
    assert_eq!(bench.closes(), [id]);
}

#[test]
fn drops_of_the_icmp_socket_do_not_excuse_a_connect() {
    let (mut bench, _) = started(CONNECT);
    bench.change(at(100), Change::ReceiveDrops { count: 5 });
    bench.pass(at(1_000));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
}

#[test]
fn connects_wait_for_no_identifier() {
    let mut config = crate::harness::config(1);
    config.burst = 100_000;
    let plan = (1..=65_536).map(|seq| echo(seq, V4)).chain([probe(70_000, V4, CONNECT)]);
    let mut bench = Bench::with(config, [Script::probes(plan)]);
    let sent = bench.transmits();
    assert_eq!(sent.len(), 65_536);
    assert_eq!(bench.operations.len(), 1, "the connect went out");
    assert_eq!(bench.engine.identifiers_exhausted(), 0);
}

#[test]
fn several_measurements_get_their_own_outcomes() {
    let script = |seq| Script::new([Next::Probe(probe(seq, V4, CONNECT))], Next::Done);
    let mut bench = Bench::new([script(1), script(2), script(3)]);
    let ids: Vec<OperationId> = bench.operations.iter().map(Operation::id).collect();
    connect_failed(&mut bench, 5, ids[1], 111, None);
    connected(&mut bench, 6, ids[2]);
    bench.pass(at(1_000));
    assert!(bench.is_finished());
    assert_eq!(*bench.log_of(0).outcome(1), Outcome::TimedOut);
    assert!(matches!(bench.log_of(1).outcome(2), Outcome::Refused(_)));
    assert!(matches!(bench.log_of(2).outcome(3), Outcome::Replied(_)));
}
