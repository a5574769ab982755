//! No bursts that would drop our own packets.

use crate::harness::{Bench, ENOBUFS, V4, at, config, echo};
use crate::script::Script;
use netdiag_engine::Next;
use netdiag_model::{Instant, Stamp};
use std::time::Duration;

const BURST: usize = 32;
const TICK: Duration = Duration::from_millis(1);

/// Lets time pass until `end`, and returns when each transmit was asked for.
fn times(bench: &mut Bench, end: Instant, mut answer: impl FnMut(&mut Bench)) -> Vec<Instant> {
    let mut times = Vec::new();
    loop {
        let count = bench.operations.len();
        times.extend(std::iter::repeat_n(bench.now, count));
        answer(bench);
        match bench.wait.filter(|until| *until <= end) {
            Some(until) => bench.pass(until),
            None => return times,
        }
    }
}

fn check_pace(times: &[Instant]) {
    for window in times.windows(BURST + 1) {
        let length = window[BURST].since(window[0]);
        assert!(length >= TICK, "{} packets within {length:?} at {}", BURST + 1, window[0]);
    }
}

#[test]
fn no_more_than_32_probes_leave_in_a_millisecond_however_many_measurements() {
    for measurements in [1, 7, 100, 1_000] {
        let each = 2_000 / measurements;
        let scripts =
            (0..measurements).map(|_| Script::probes((1..=each).map(|seq| echo(seq, V4))));
        let mut bench = Bench::new(scripts);
        let times =
            times(&mut bench, at(500), |bench| drop(bench.send_all(Stamp::user(bench.now))));
        assert_eq!(times.len(), usize::try_from(measurements * each).expect("small"));
        check_pace(&times);
        let last = times.last().expect("some").since(at(0));
        assert!(last <= Duration::from_millis(63), "and no slower than that: {last:?}");
    }
}

#[test]
fn a_burst_at_the_end_of_one_tick_is_not_followed_by_one_at_the_next() {
    // One probe at 0 ms, 31 just before the tick ends, and then as many as may.
    let just = at(0) + Duration::from_micros(999);
    let mut plan = vec![Next::Probe(echo(1, V4)), Next::NotBefore(just)];
    plan.extend((2..=200).map(|seq| Next::Probe(echo(seq, V4))));
    let mut bench = Bench::new([Script::new(plan, Next::WhenSettled)]);
    let times = times(&mut bench, at(50), |bench| drop(bench.send_all(Stamp::user(bench.now))));
    assert_eq!(times.len(), 200);
    check_pace(&times);
}

#[test]
fn retries_keep_the_pace_too() {
    let mut bench = Bench::new([Script::probes((1..=500).map(|seq| echo(seq, V4)))]);
    let times = times(&mut bench, at(2_000), |bench| {
        for sent in bench.transmits() {
            bench.send_failed(bench.now, sent.id, ENOBUFS);
        }
    });
    check_pace(&times);
    assert!(times.len() > 1_000, "they were tried again: {}", times.len());
}

#[test]
fn probes_that_waited_for_an_identifier_keep_the_pace_too() {
    // One identifier and 70,000 probes within a window: the last thousands must wait.
    let scripts = (0..70).map(|_| Script::probes((1..=1_000).map(|seq| echo(seq, V4))));
    let mut bench = Bench::with(config(1), scripts);
    let times = times(&mut bench, at(10_000), |bench| drop(bench.send_all(Stamp::user(bench.now))));
    assert_eq!(times.len(), 70_000);
    check_pace(&times);
    assert!(bench.engine.identifiers_exhausted() > 0);
}
