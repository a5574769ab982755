//! How measurements end, and what a change of this machine does to samples.

use crate::harness::{Bench, START, V4, V6, at, config, echo};
use crate::packets::{Answer, Socket, reply_to, request};
use crate::script::{OUR_INTERFACE, Script};
use netdiag_engine::outcome::Why;
use netdiag_engine::port::{Change, InputKind, InterfaceChange, InterfaceEvent};
use netdiag_engine::{Next, Outcome, WayOut};
use netdiag_model::Stamp;
use std::collections::BTreeSet;
use std::time::Duration;

const SLEEP: Change = Change::Suspended { length: Duration::from_secs(3_412) };
const DROPS: Change = Change::ReceiveDrops { count: 290 };

#[test]
fn done_waits_for_the_last_probe() {
    let script = Script::new([Next::Probe(echo(1, V4)), Next::Probe(echo(2, V4))], Next::Done);
    let mut bench = Bench::new([script]);
    let sent = bench.send_all(Stamp::user(START));
    bench.receive(at(10), &reply_to(&sent[1]));
    assert!(!bench.is_finished());
    bench.pass(at(1_000));
    assert!(bench.is_finished());
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
    assert_eq!(bench.log().finished_at, Some(at(1_000)));
}

#[test]
fn one_that_waits_for_another_is_asked_when_that_has_finished() {
    let first = Script::new([Next::Probe(echo(1, V4))], Next::Done);
    let then = [Next::AfterAnother(at(500)), Next::Probe(echo(1, V4))];
    let mut bench = Bench::new([first, Script::new(then, Next::Done)]);
    let sent = bench.send_all(Stamp::user(START));
    assert_eq!(sent.len(), 1, "the other waits");
    bench.receive(at(10), &reply_to(&sent[0]));
    assert_eq!(bench.send_all(Stamp::user(at(10))).len(), 1, "and is asked at once");
}

#[test]
fn one_that_waits_for_another_waits_no_longer_than_it_said() {
    let first = Script::new([Next::Probe(echo(1, V4))], Next::WhenSettled);
    let then = [Next::AfterAnother(at(500)), Next::Probe(echo(1, V4))];
    let mut bench = Bench::new([first, Script::new(then, Next::Done)]);
    bench.send_all(Stamp::user(START));
    bench.pass(at(499));
    assert!(bench.send_all(Stamp::user(at(499))).is_empty());
    bench.pass(at(500));
    assert_eq!(bench.send_all(Stamp::user(at(500))).len(), 1);
}

#[test]
fn what_is_given_up_is_lost_and_late_when_it_comes() {
    let plan = [
        Next::Probe(echo(1, V4)),
        Next::Probe(echo(2, V4)),
        Next::NotBefore(at(100)),
        Next::GiveUp(vec![1, 7]),
    ];
    let mut bench = Bench::new([Script::new(plan, Next::WhenSettled)]);
    let sent = bench.send_all(Stamp::user(START));
    bench.pass(at(100));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
    assert_eq!(bench.log().settled.len(), 1);
    bench.receive(at(110), &reply_to(&sent[0]));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut, "it stays lost");
    assert_eq!(bench.log().strays.len(), 1);
    bench.receive(at(120), &reply_to(&sent[1]));
    assert!(matches!(bench.log().outcome(2), Outcome::Replied(_)), "the other is waited for");
}

#[test]
fn who_gives_up_what_has_not_left_is_asked_again_a_little_later() {
    let plan = [Next::Probe(echo(1, V4))];
    let mut bench = Bench::new([Script::new(plan, Next::GiveUp(vec![1]))]);
    let waiting = bench.transmits().remove(0);
    assert!(bench.log().settled.is_empty(), "nobody knows whether it has left");
    bench.sent(&waiting, Stamp::user(at(5)));
    bench.pass(at(9));
    assert!(bench.log().settled.is_empty());
    bench.pass(at(10));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
}

#[test]
fn quit_leaves_probes_in_flight_and_cancels_what_has_not_left() {
    let mut bench = Bench::in_flight(&[V4, V4]);
    let ids = Bench::new([Script::probes([echo(1, V4), echo(2, V4)])]).transmits();
    bench.stop(at(50));
    assert!(bench.is_finished());
    let counters = bench.log().stats.counters();
    assert_eq!((counters.sent(), counters.in_flight(), counters.lost()), (2, 2, 0));
    bench.receive(at(60), &reply_to(&ids[0]));
    bench.pass(at(60_000));
    assert!(bench.log().settled.is_empty() && bench.log().strays.is_empty());
    assert_eq!(bench.engine.remembered(), 0);
}

#[test]
fn a_probe_that_waits_for_a_full_queue_is_cancelled_by_the_end() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.transmits().remove(0);
    bench.send_failed(at(0), sent.id, crate::harness::ENOBUFS);
    bench.stop(at(1));
    bench.pass(at(500));
    assert!(bench.transmits().is_empty());
    assert!(bench.is_finished());
}

#[test]
fn a_stop_can_be_answered_with_done() {
    let script = Script::probes([echo(1, V4)]).when_stopped(Next::Done);
    let mut bench = Bench::new([script]);
    let sent = bench.send_all(Stamp::user(START)).remove(0);
    bench.stop(at(50));
    assert!(!bench.is_finished());
    bench.receive(at(60), &reply_to(&sent));
    assert!(bench.is_finished());
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
}

#[test]
fn a_second_stop_ends_what_the_first_let_drain() {
    let script = Script::probes([echo(1, V4)]).when_stopped(Next::Done);
    let mut bench = Bench::new([script]);
    bench.send_all(Stamp::user(START));
    bench.stop(at(50));
    assert!(!bench.is_finished());
    bench.stop(at(60));
    assert!(bench.is_finished());
    assert_eq!(bench.log().stats.counters().in_flight(), 1);
}

#[test]
fn nothing_is_told_to_a_finished_measurement_while_others_run() {
    let done = Script::new([Next::Probe(echo(1, V4))], Next::Done);
    let mut bench = Bench::new([done, Script::probes([echo(1, V6)])]);
    let sent = bench.send_all(Stamp::user(START));
    bench.receive(at(1), &reply_to(&sent[0]));
    assert_eq!(bench.log_of(0).finished_at, Some(at(1)));
    bench.receive(at(2), &reply_to(&sent[0]));
    bench.input(at(3), InputKind::Interim);
    bench.change(at(4), SLEEP);
    let foreign = Answer { ident: 1, payload: Vec::new(), ..Answer::to(&sent[0]) };
    bench.receive(at(5), &foreign.over(Socket::Raw));
    let running = bench.log_of(1);
    assert_eq!((running.interims, running.changes, running.unmatched.len()), (1, 1, 1));
}

#[test]
fn a_sleep_makes_samples_in_flight_unknown_and_their_replies_meaningless() {
    let mut bench = Bench::in_flight(&[V4, V4]);
    let sent = Bench::new([Script::probes([echo(1, V4), echo(2, V4)])]).transmits();
    bench.receive(at(10), &reply_to(&sent[0]));
    bench.change(at(100), SLEEP);
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
    assert_eq!(*bench.log().outcome(2), Outcome::Unknown(Why::Suspended));
    bench.receive(at(110), &reply_to(&sent[1]));
    assert!(bench.log().strays.is_empty(), "what comes of it says nothing");
    let counters = bench.log().stats.counters();
    assert_eq!((counters.unknown(), counters.late(), counters.lost()), (1, 0, 0));
}

#[test]
fn a_sleep_between_send_and_its_stamp_makes_the_sample_unknown_too() {
    let mut bench = Bench::new([Script::probes([echo(1, V4), echo(2, V4)])]);
    let sent = bench.transmits();
    bench.change(at(100), SLEEP);
    assert!(bench.log().settled.is_empty(), "nobody knows yet whether they left");
    bench.input(at(101), InputKind::Sent { id: sent[0].id, stamp: Stamp::user(at(1)) });
    bench.input(at(101), InputKind::Sent { id: sent[1].id, stamp: Stamp::user(at(101)) });
    bench.poll();
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::Suspended), "left before the sleep");
    bench.receive(at(102), &reply_to(&sent[1]));
    assert!(matches!(bench.log().outcome(2), Outcome::Replied(_)), "left after it");
}

#[test]
fn drops_of_our_own_socket_make_overlapping_timeouts_unknown() {
    // Sent at 0 ms with a second of time: whether drops at these times excuse it.
    for (drops, excused) in
        [(vec![0], true), (vec![500], true), (vec![1_000], true), (vec![], false)]
    {
        let mut bench = Bench::in_flight(&[V4]);
        for millis in &drops {
            bench.change(at(*millis), DROPS);
            bench.pass(at(*millis));
        }
        bench.pass(at(1_000));
        let unknown = *bench.log().outcome(1) == Outcome::Unknown(Why::ReceiveDrops);
        assert_eq!(unknown, excused, "drops at {drops:?}");
    }
}

#[test]
fn drops_seen_after_the_deadline_may_have_been_before_it() {
    let mut bench = Bench::in_flight(&[V4]);
    // Last looked at 900 ms; the next look, at 1,200 ms, finds the deadline over and drops.
    bench.pass(at(900));
    bench.change(at(1_200), DROPS);
    bench.pass(at(1_200));
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::ReceiveDrops));
}

#[test]
fn later_drops_do_not_hide_earlier_ones() {
    let mut bench = Bench::in_flight(&[V4]);
    bench.pass(at(100));
    bench.change(at(110), DROPS);
    bench.pass(at(120));
    bench.pass(at(999));
    // Found at one look: the deadline is over, and there were drops after it.
    bench.change(at(5_000), DROPS);
    bench.pass(at(5_000));
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::ReceiveDrops));
}

#[test]
fn drops_before_a_probe_excuse_nothing() {
    let mut bench = Bench::new([Script::new(
        [Next::NotBefore(at(50)), Next::Probe(echo(1, V4))],
        Next::WhenSettled,
    )]);
    bench.change(at(10), DROPS);
    bench.pass(at(10));
    bench.pass(at(50));
    bench.send_all(Stamp::user(at(50)));
    bench.pass(at(1_050));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
}

#[test]
fn a_reply_during_drops_still_counts() {
    let mut bench = Bench::in_flight(&[V4]);
    let sent = Bench::new([Script::probes([echo(1, V4)])]).transmits().remove(0);
    bench.change(at(5), DROPS);
    bench.receive(at(10), &reply_to(&sent));
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
}

#[test]
fn measurements_never_share_keys() {
    let scripts = (0..50).map(|_| Script::probes((1..=20).map(|seq| echo(seq, V4))));
    let mut bench = Bench::with(config(16), scripts);
    let mut keys = BTreeSet::new();
    let mut ids = BTreeSet::new();
    while keys.len() < 1_000 {
        for sent in bench.send_all(Stamp::user(bench.now)) {
            let echo = request(&sent);
            assert!(keys.insert((echo.ident, echo.seq, echo.payload[..16].to_vec())));
            assert!(ids.insert(sent.id));
            bench.receive(bench.now, &reply_to(&sent));
        }
        bench.pass(bench.wait.expect("running"));
    }
    for place in 0..50 {
        assert_eq!(bench.log_of(place).settled.len(), 20);
        assert!(bench.log_of(place).strays.is_empty());
    }
}

#[test]
fn a_measurement_that_names_a_time_already_past_is_asked_again_but_not_for_ever() {
    let mut bench = Bench::new([Script::new([], Next::NotBefore(START))]);
    assert!(bench.wait.is_some_and(|until| until <= START), "asked again after the next look");
    bench.stop(at(1));
    assert!(bench.is_finished());
}

#[test]
fn a_probe_without_an_identifier_dies_with_its_measurement() {
    let mut config = config(1);
    config.burst = 100_000;
    let filler = Script::probes((1..=65_536).map(|seq| echo(seq, V4)));
    let plan = [Next::NotBefore(at(1)), Next::Probe(echo(1, V4))];
    let held = Script::new(plan, Next::WhenSettled);
    let mut bench = Bench::with(config, [filler, held]);
    assert_eq!(bench.send_all(Stamp::user(START)).len(), 65_536);
    bench.pass(at(1));
    assert_eq!(bench.engine.identifiers_exhausted(), 1, "it waits");
    bench.stop(at(2));
    assert!(bench.is_finished());
    for second in 1..10 {
        bench.pass(at(second * 1_000));
    }
    assert!(bench.transmits().is_empty(), "nothing is sent for the dead");
}

#[test]
fn done_waits_for_a_probe_without_an_identifier_and_counts_it_once() {
    let mut config = config(1);
    config.burst = 100_000;
    let filler = Script::probes((1..=65_536).map(|seq| echo(seq, V4)));
    let plan = [Next::NotBefore(at(1)), Next::Probe(echo(1, V4))];
    let mut bench = Bench::with(config, [filler, Script::new(plan, Next::Done)]);
    bench.send_all(Stamp::user(START));
    for tenth in 1..60 {
        bench.run_until(at(tenth * 100));
    }
    assert_eq!(bench.engine.identifiers_exhausted(), 1, "one probe waited once");
    assert_eq!(*bench.log_of(1).outcome(1), Outcome::TimedOut);
    assert!(bench.log_of(1).finished_at.is_some());
    let sent_at = bench.log_of(1).sent[&1].sent_at;
    assert!(sent_at >= at(3_000) && sent_at <= at(3_050), "after window and deadline: {sent_at}");
}

fn interface(index: u32, what: InterfaceEvent) -> Change {
    Change::Interface(InterfaceChange { index, name: None, what })
}

#[test]
fn what_is_lost_while_our_way_out_changes_is_unknown() {
    for (index, outcome) in [
        (OUR_INTERFACE, Outcome::Unknown(Why::InterfaceChanged)),
        (OUR_INTERFACE + 1, Outcome::TimedOut),
    ] {
        let mut bench = Bench::in_flight(&[V4]);
        bench.change(at(500), interface(index, InterfaceEvent::Down));
        bench.pass(at(500));
        bench.pass(at(1_000));
        assert_eq!(*bench.log().outcome(1), outcome, "interface {index}");
    }
}

#[test]
fn without_a_carrier_nothing_is_loss_until_it_is_back() {
    let later = (2..).zip([1_500, 3_500]);
    let later = later.flat_map(|(seq, due)| [Next::NotBefore(at(due)), Next::Probe(echo(seq, V4))]);
    let plan = std::iter::once(Next::Probe(echo(1, V4))).chain(later);
    let mut bench = Bench::new([Script::new(plan, Next::WhenSettled)]);
    bench.send_all(Stamp::user(at(0)));
    bench.pass(at(1_200));
    bench.change(at(1_300), interface(OUR_INTERFACE, InterfaceEvent::NoCarrier));
    bench.pass(at(1_300));
    for (millis, change) in [(1_500, None), (2_100, Some(InterfaceEvent::Up)), (3_500, None)] {
        if let Some(what) = change {
            bench.change(at(millis), interface(OUR_INTERFACE, what));
        }
        bench.pass(at(millis));
        bench.send_all(Stamp::user(at(millis)));
    }
    bench.pass(at(4_600));
    let unknown = Outcome::Unknown(Why::InterfaceChanged);
    let outcomes = [1, 2, 3].map(|seq| bench.log().outcome(seq).clone());
    assert_eq!(outcomes, [Outcome::TimedOut, unknown, Outcome::TimedOut]);
}

/// As where a name is known only then, and with it the way.
#[test]
fn what_is_found_out_of_the_way_before_a_probe_counts_for_it() {
    let script = Script::probes([echo(1, V4)]).finds(WayOut::NoSource);
    let mut bench = Bench::new([script]);
    bench.send_all(Stamp::user(at(0)));
    bench.pass(at(1_200));
    assert_eq!(*bench.log().outcome(1), Outcome::Unknown(Why::InterfaceChanged));
}

#[test]
fn a_reply_counts_whatever_changed() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.send_all(Stamp::user(at(0))).remove(0);
    bench.change(at(10), interface(OUR_INTERFACE, InterfaceEvent::NoCarrier));
    bench.receive(at(20), &reply_to(&sent));
    assert!(matches!(bench.log().outcome(1), Outcome::Replied(_)));
}
