//! Which clock a round trip is taken with, and which side of the deadline a stamp is on
//!.

use crate::harness::{Bench, START, V4, at, echo};
use crate::packets::reply_to;
use crate::script::Script;
use netdiag_engine::outcome::Reply;
use netdiag_engine::{Outcome, Stray};
use netdiag_model::{Instant, Stamp, StampSource};
use std::time::Duration;

/// Microseconds after the start, or before it.
fn us(micros: i64) -> Instant {
    let shift = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { START - shift } else { START + shift }
}

fn kernel(at: i64, user: i64) -> Stamp {
    Stamp::kernel(us(at), us(user))
}

fn user(at: i64) -> Stamp {
    Stamp::user(us(at))
}

/// Sends one probe and hands its reply in as soon as the process has it.
fn settled(sent: Stamp, received: Stamp) -> Bench {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let transmit = bench.transmits().remove(0);
    bench.sent(&transmit, sent);
    bench.receive_stamped(received.user, received, &reply_to(&transmit));
    bench
}

fn reply(sent: Stamp, received: Stamp) -> Reply {
    match settled(sent, received).log().outcome(1) {
        Outcome::Replied(reply) => reply.clone(),
        other => panic!("{other:?} of {sent:?}, {received:?}"),
    }
}

const HOUR: i64 = 3_600_000_000;

#[test]
fn the_round_trip_is_the_kernels_where_it_can_be_believed() {
    use StampSource::{Kernel, User};
    // Sent (kernel, user), received (kernel, user): round trip, whose, adjusted.
    let rows: &[(&str, Stamp, Stamp, i64, StampSource, bool)] = &[
        ("both", kernel(5, 0), kernel(1_005, 1_200), 1_000, Kernel, false),
        ("late wake-up", kernel(5, 0), kernel(1_005, 900_000), 1_000, Kernel, false),
        ("within the tolerance", kernel(0, 0), kernel(1_050, 1_000), 1_050, Kernel, false),
        ("beyond the tolerance", kernel(0, 0), kernel(1_051, 1_000), 1_000, User, true),
        ("receive stamp missing", kernel(5, 0), user(1_200), 1_200, User, false),
        ("send stamp missing", user(0), kernel(1_005, 1_200), 1_200, User, false),
        ("both missing", user(0), user(1_200), 1_200, User, false),
        ("received before sent", kernel(5, 0), kernel(-700, 1_200), 1_200, User, true),
        ("set back an hour between", kernel(5, 0), kernel(-HOUR, 1_200), 1_200, User, true),
        ("set forward an hour between", kernel(5, 0), kernel(HOUR, 1_200), 1_200, User, true),
        ("send stamp an hour back", kernel(-HOUR, 0), kernel(1_005, 1_200), 1_200, User, true),
        ("send stamp an hour on", kernel(HOUR, 0), kernel(1_005, 1_200), 1_200, User, true),
        ("send stamp a second on", kernel(1_000_000, 0), kernel(1_005, 1_200), 1_200, User, true),
        ("no time at all", kernel(0, 0), kernel(0, 0), 0, Kernel, false),
        ("user stamps run backwards", user(1_000), user(400), 0, User, false),
    ];
    for (name, sent, received, micros, source, adjusted) in rows {
        let reply = reply(*sent, *received);
        assert_eq!(reply.rtt, Duration::from_micros(micros.unsigned_abs()), "{name}");
        assert_eq!((reply.stamp, reply.clock_adjusted), (*source, *adjusted), "{name}");
    }
}

#[test]
fn a_wrong_send_stamp_moves_no_deadline() {
    for wrong in [-HOUR, -1_500_000, 1_500_000, HOUR] {
        let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
        let transmit = bench.transmits().remove(0);
        bench.sent(&transmit, kernel(wrong, 10));
        bench.pass(at(999));
        assert_eq!(bench.log().settled.len(), 0, "not given up early, stamp {wrong} us off");
        bench.pass(at(1_001));
        assert_eq!(*bench.log().outcome(1), Outcome::TimedOut, "nor late, stamp {wrong} us off");
        let sent_at = bench.log().sent[&1].sent_at;
        assert!(sent_at == us(10), "sent at {sent_at}, {wrong} us off");
    }
}

#[test]
fn a_reply_from_before_the_deadline_counts_however_late_we_look() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.send_all(kernel(0, 0)).remove(0);
    // Both clocks of the process say ten seconds, the kernel's stamp says 999 ms.
    bench.receive_stamped(at(10_000), kernel(999_000, 10_000_000), &reply_to(&sent));
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    assert_eq!((reply.rtt, reply.stamp), (Duration::from_millis(999), StampSource::Kernel));
    bench.pass(at(10_000));
    assert_eq!(bench.log().settled.len(), 1);
}

#[test]
fn a_reply_at_the_deadline_counts_and_a_nanosecond_later_does_not() {
    for (late, counts) in [(0, true), (1, false)] {
        let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
        let sent = bench.send_all(Stamp::user(at(0))).remove(0);
        let stamp = Stamp::user(at(1_000) + Duration::from_nanos(late));
        bench.receive_stamped(at(1_001), stamp, &reply_to(&sent));
        assert_eq!(matches!(bench.log().outcome(1), Outcome::Replied(_)), counts);
    }
}

#[test]
fn a_reply_from_after_the_deadline_is_late_though_the_timer_has_not_fired() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.send_all(Stamp::user(at(0))).remove(0);
    bench.receive(at(1_300), &reply_to(&sent));
    assert_eq!(*bench.log().outcome(1), Outcome::TimedOut);
    let [(1, Stray::Late(reply))] = &bench.log().strays[..] else { panic!("not late") };
    assert_eq!(reply.rtt, Duration::from_millis(1_300));
    bench.receive(at(1_301), &reply_to(&sent));
    assert!(matches!(bench.log().strays[1].1, Stray::Duplicate(_)));
}

#[test]
fn a_deadline_counts_from_the_send_stamp_not_from_the_request() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let transmit = bench.transmits().remove(0);
    bench.input(at(40), netdiag_engine::port::InputKind::Timeout);
    bench.sent(&transmit, kernel(30_000, 20_000));
    bench.poll();
    bench.pass(at(1_029));
    assert_eq!(bench.log().settled.len(), 0);
    bench.receive_stamped(at(1_030), kernel(1_030_000, 1_030_000), &reply_to(&transmit));
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    assert_eq!(reply.rtt, Duration::from_secs(1));
}

/// A packet may wait in a queue of this machine: that is no part of its round trip.
#[test]
fn a_send_stamp_that_comes_before_the_reply_is_used_however_late_it_is() {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let transmit = bench.transmits().remove(0);
    bench.sent(&transmit, user(0));
    bench.pass(at(2));
    bench.pass(at(30));
    bench.sent(&transmit, kernel(29_000, 0));
    // The deadline moves with it.
    bench.pass(at(1_010));
    assert_eq!(bench.log().settled.len(), 0);
    bench.receive_stamped(at(1_020), kernel(1_015_000, 1_020_000), &reply_to(&transmit));
    let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
    assert_eq!((reply.rtt, reply.stamp), (Duration::from_millis(986), StampSource::Kernel));
}

#[test]
fn a_late_send_stamp_that_cannot_be_true_changes_nothing() {
    for wrong in [-HOUR, -1_000, HOUR] {
        let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
        let transmit = bench.transmits().remove(0);
        bench.sent(&transmit, user(0));
        bench.pass(at(30));
        bench.sent(&transmit, kernel(wrong, 0));
        bench.receive_stamped(at(40), kernel(40_000, 40_000), &reply_to(&transmit));
        let Outcome::Replied(reply) = bench.log().outcome(1) else { panic!("not a reply") };
        assert_eq!((reply.rtt, reply.stamp), (Duration::from_millis(40), StampSource::User));
        assert_eq!(bench.log().settled.len(), 1);
    }
}
