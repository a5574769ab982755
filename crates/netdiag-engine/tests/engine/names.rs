//! Look-ups beside a measurement: they never hold up its end for long.

use crate::harness::{Bench, START, V4, at, echo};
use crate::packets::reply_to;
use crate::script::Script;
use netdiag_engine::Next;
use netdiag_engine::port::{InputKind, Operation, OperationId};
use netdiag_model::{Stamp, Untrusted};
use std::time::Duration;

fn looking_up() -> (Bench, OperationId) {
    let address = V4.parse().expect("an address");
    let plan = [Next::Lookup(address), Next::Probe(echo(1, V4))];
    let bench = Bench::new([Script::new(plan, Next::Done)]);
    let ids: Vec<OperationId> = bench
        .operations
        .iter()
        .filter_map(|operation| match operation {
            Operation::Lookup(lookup) => Some(lookup.id),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 1, "one look-up");
    (bench, ids[0])
}

fn name(bench: &mut Bench, id: OperationId) {
    let name = Untrusted::from("host.example".to_owned());
    bench.input(bench.now, InputKind::Named { id, result: Ok(Some(name)) });
    bench.poll();
}

#[test]
fn a_name_that_came_delays_nothing() {
    let (mut bench, id) = looking_up();
    let sent = bench.send_all(Stamp::user(START)).remove(0);
    name(&mut bench, id);
    bench.receive(at(10), &reply_to(&sent));
    assert!(bench.is_finished());
    assert_eq!((bench.log().named.len(), bench.log().finished_at), (1, Some(at(10))));
    assert!(bench.closes().is_empty());
}

#[test]
fn a_name_may_come_a_little_after_the_last_probe() {
    let (mut bench, id) = looking_up();
    let sent = bench.send_all(Stamp::user(START)).remove(0);
    bench.receive(at(10), &reply_to(&sent));
    assert!(!bench.is_finished());
    bench.pass(at(59));
    assert!(!bench.is_finished());
    name(&mut bench, id);
    assert!(bench.is_finished());
    assert_eq!(bench.log().named.len(), 1);
}

#[test]
fn a_name_that_does_not_come_is_given_up_a_little_after_the_last_probe() {
    let (mut bench, id) = looking_up();
    let sent = bench.send_all(Stamp::user(START)).remove(0);
    bench.receive(at(10), &reply_to(&sent));
    let until = bench.wait.expect("it waits for the name");
    assert_eq!(until, at(10) + Duration::from_millis(50));
    bench.pass(until);
    assert!(bench.is_finished());
    assert_eq!(bench.closes(), [id], "the network is told once");
    name(&mut bench, id);
    assert!(bench.log().named.is_empty());
}

#[test]
fn a_stop_waits_for_no_name() {
    let (mut bench, id) = looking_up();
    bench.send_all(Stamp::user(START));
    bench.stop(at(20));
    assert!(bench.is_finished());
    assert_eq!(bench.closes(), [id]);
    assert_eq!(bench.log().settled.len(), 0, "the probe stays in flight");
}

#[test]
fn a_name_that_never_comes_holds_up_no_memory() {
    let mut plan: Vec<Next> = (1..=5_000_u64).map(|seq| Next::Probe(echo(seq, V4))).collect();
    plan.insert(0, Next::Lookup(V4.parse().expect("an address")));
    let mut bench = Bench::new([Script::new(plan, Next::WhenSettled)]);
    for _ in 0..2_000 {
        for sent in bench.transmits() {
            bench.sent(&sent, Stamp::user(bench.now));
            bench.receive(bench.now, &reply_to(&sent));
        }
        let Some(until) = bench.wait.filter(|until| *until < at(60_000)) else { break };
        bench.pass(until);
    }
    bench.pass(at(60_000));
    assert!(bench.log().all_settled());
    assert!(bench.engine.remembered() <= 1, "{} remembered", bench.engine.remembered());
}
