//! Getting a probe out: `Sent`, `SendFailed`, a full queue.

use crate::harness::{Bench, ENOBUFS, EPERM, Sent, V4, at, config, echo};
use crate::packets::reply_to;
use crate::script::Script;
use netdiag_engine::outcome::Why;
use netdiag_engine::port::{InputKind, OperationId, SendError};
use netdiag_engine::{Next, Outcome};
use netdiag_model::Stamp;
use std::time::Duration;

fn queued() -> (Bench, Sent) {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.transmits().remove(0);
    (bench, sent)
}

#[test]
fn a_full_queue_is_met_with_back_off_and_the_same_bytes() {
    let (mut bench, first) = queued();
    let mut tried = vec![0];
    let mut id = first.id;
    loop {
        bench.send_failed(bench.now, id, ENOBUFS);
        if !bench.log().settled.is_empty() {
            break;
        }
        let until = bench.wait.expect("it waits to try again");
        bench.pass(until);
        let again = bench.transmits();
        assert_eq!(again, std::slice::from_ref(&first), "the same packet");
        id = again[0].id;
        tried.push(u64::try_from(bench.now.since(at(0)).as_millis()).expect("small"));
    }
    // 1, 2, 4 .. 32, then 50 ms apart, within 200 ms.
    assert_eq!(tried, [0, 1, 3, 7, 15, 31, 63, 113, 163]);
    assert_eq!(*bench.log().outcome(1), Outcome::LocalError(SendError::new(ENOBUFS)));
    let counters = bench.log().stats.counters();
    assert_eq!((counters.attempted(), counters.sent(), counters.local_errors()), (1, 0, 1));
}

#[test]
fn a_probe_that_leaves_at_last_is_timed_by_the_attempt_that_worked() {
    let (mut bench, sent) = queued();
    for millis in [0, 1, 3] {
        bench.pass(at(millis));
        bench.transmits();
        bench.send_failed(at(millis), sent.id, ENOBUFS);
    }
    bench.pass(at(7));
    assert_eq!(bench.transmits().len(), 1);
    bench.sent(&sent, Stamp::user(at(8)));
    bench.receive(at(20), &reply_to(&sent));
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    assert_eq!(reply.rtt, Duration::from_millis(12));
    assert_eq!(bench.log().stats.counters().attempted(), 1);
}

#[test]
fn other_errors_end_the_probe_at_once() {
    for errno in [EPERM, 13, 22, 90, 101, 113] {
        let (mut bench, sent) = queued();
        bench.send_failed(at(0), sent.id, errno);
        assert_eq!(*bench.log().outcome(1), Outcome::LocalError(SendError::new(errno)));
        bench.pass(at(5_000));
        assert!(bench.transmits().is_empty());
    }
}

#[test]
fn the_mtu_of_a_local_error_is_kept() {
    let (mut bench, sent) = queued();
    let error = SendError { mtu: Some(1_500), ..SendError::new(90) };
    bench.input(at(0), InputKind::SendFailed { id: sent.id, error });
    assert_eq!(*bench.log().outcome(1), Outcome::LocalError(error));
}

#[test]
fn the_first_word_about_a_send_stands() {
    let (mut bench, sent) = queued();
    bench.sent(&sent, Stamp::user(at(0)));
    bench.sent(&sent, Stamp::user(at(500)));
    bench.send_failed(at(1), sent.id, EPERM);
    bench.send_failed(at(1), sent.id, ENOBUFS);
    assert!(bench.transmits().is_empty(), "it left already");
    bench.receive(at(510), &reply_to(&sent));
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    assert_eq!(reply.rtt, Duration::from_millis(510));

    let (mut bench, sent) = queued();
    bench.send_failed(at(0), sent.id, EPERM);
    bench.sent(&sent, Stamp::user(at(1)));
    bench.receive(at(2), &reply_to(&sent));
    assert_eq!(bench.log().sent.len(), 0);
    assert_eq!(bench.log().strays, [], "what never left has no answer");
}

#[test]
fn unknown_operations_change_nothing() {
    let (mut bench, sent) = queued();
    for id in [sent.id.0.wrapping_add(1), u32::MAX, sent.id.0.wrapping_sub(1)].map(OperationId) {
        bench.input(at(0), InputKind::Sent { id, stamp: Stamp::user(at(0)) });
        bench.send_failed(at(0), id, ENOBUFS);
        bench.input(at(0), InputKind::Named { id, result: Ok(None) });
        let [stamp, local] = [Stamp::user(at(0)), Stamp::user(at(0))];
        let _ = local;
        let error = SendError::new(111);
        bench.input(at(0), InputKind::ConnectFailed { id, stamp, error, icmp: None });
        let phases = [Duration::ZERO; 2];
        bench.input(at(0), InputKind::Exchanged { id, phases, result: Ok(b"an answer") });
    }
    assert!(bench.log().settled.is_empty() && bench.log().sent.is_empty());
}

#[test]
fn what_a_connection_says_does_not_settle_an_echo_probe() {
    let (mut bench, sent) = queued();
    bench.sent(&sent, Stamp::user(at(0)));
    let (id, stamp) = (sent.id, Stamp::user(at(1)));
    let local = "192.0.2.200:5".parse().expect("an address");
    bench.input(at(1), InputKind::Connected { id, stamp, local, info: None });
    let error = SendError::new(111);
    bench.input(at(1), InputKind::ConnectFailed { id, stamp, error, icmp: None });
    let phases = [Duration::ZERO; 2];
    bench.input(at(1), InputKind::Exchanged { id, phases, result: Ok(b"an answer") });
    bench.input(at(1), InputKind::Named { id, result: Ok(None) });
    assert!(bench.log().settled.is_empty(), "{:?}", bench.log().settled);
}

#[test]
fn a_network_that_never_says_whether_it_sent_hangs_nobody() {
    let script = Script::new([Next::Probe(echo(1, V4))], Next::Done);
    let mut bench = Bench::new([script]);
    assert_eq!(bench.transmits().len(), 1);
    for _ in 0..10 {
        let Some(until) = bench.wait else { break };
        assert!(until < at(10_000), "it waits for ever");
        bench.pass(until);
    }
    assert!(bench.is_finished());
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::DepartureUnknown));
}

#[test]
fn probes_that_all_meet_a_full_queue_once_are_all_answered() {
    // Each probe meets a full queue once and is then sent and answered.
    let mut bench = Bench::with(config(16), [Script::probes((1..=2_000).map(|seq| echo(seq, V4)))]);
    for _ in 0..400 {
        for sent in bench.transmits() {
            bench.send_failed(bench.now, sent.id, ENOBUFS);
        }
        bench.pass(bench.wait.expect("running"));
        for sent in bench.transmits() {
            bench.sent(&sent, Stamp::user(bench.now));
            bench.receive(bench.now, &reply_to(&sent));
        }
    }
    bench.pass(at(20_000));
    assert!(bench.log().all_settled());
    assert_eq!(bench.engine.remembered(), 0);
}
