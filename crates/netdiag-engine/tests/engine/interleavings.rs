//! All orders of three events about one probe, checked against a model.

use crate::harness::{Bench, Sent, V4, at, echo};
use crate::packets::{ROUTER_V4, datagram, error, reply_to};
use crate::script::Script;
use netdiag_engine::{Outcome, Stray};
use netdiag_model::Stamp;
use netdiag_wire::icmp::ErrorMessage;

/// One thing that can happen to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    /// A reply stamped before the deadline.
    InTime,
    /// A reply stamped after it.
    AfterDeadline,
    /// An ICMP error stamped before the deadline.
    NetError,
    /// The deadline is looked at.
    Timeout,
}
use Happening::{AfterDeadline, InTime, NetError, Timeout};

const ALL: [Happening; 4] = [InTime, AfterDeadline, NetError, Timeout];

/// What the definitions of the outcomes make of a sequence.
fn expected(order: &[Happening]) -> Vec<&'static str> {
    let mut told = Vec::new();
    let (mut settled, mut answered) = (false, false);
    for happening in order {
        match happening {
            Timeout if settled => {}
            Timeout => told.push("timed out"),
            NetError if settled => told.push("late error"),
            NetError => told.push("net error"),
            InTime | AfterDeadline if answered => told.push("duplicate"),
            InTime if !settled => told.push("reply"),
            AfterDeadline if !settled => told.extend(["timed out", "late"]),
            InTime | AfterDeadline => told.push("late"),
        }
        settled = true;
        answered |= matches!(happening, InTime | AfterDeadline);
    }
    told
}

fn observed(order: &[Happening]) -> Vec<&'static str> {
    let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
    let sent = bench.send_all(Stamp::user(at(0))).remove(0);
    let mut told = Vec::new();
    let mut strays = 0;
    for happening in order {
        let was_settled = !bench.log().settled.is_empty();
        apply(&mut bench, *happening, &sent);
        if let (false, Some(outcome)) = (was_settled, bench.log().settled.get(&1)) {
            told.push(match outcome {
                Outcome::Replied(_) => "reply",
                Outcome::TimedOut => "timed out",
                Outcome::NetError(_) => "net error",
                other => panic!("{other:?}"),
            });
        }
        told.extend(bench.log().strays[strays..].iter().map(|(_, stray)| match stray {
            Stray::Late(_) => "late",
            Stray::Duplicate(_) => "duplicate",
            Stray::LateError(_) => "late error",
            other => panic!("{other:?}"),
        }));
        strays = bench.log().strays.len();
    }
    bench.pass(at(60_000));
    assert_eq!(bench.log().settled.len(), 1, "settles exactly once: {order:?}");
    told
}

/// Stamps say when; the order of the calls says when we looked.
fn apply(bench: &mut Bench, happening: Happening, sent: &Sent) {
    let looked = bench.now.max(at(500));
    let stamped = |bench: &mut Bench, millis, packet: &_| {
        bench.receive_stamped(looked.max(at(millis)), Stamp::user(at(millis)), packet);
    };
    match happening {
        InTime => stamped(bench, 400, &reply_to(sent)),
        AfterDeadline => stamped(bench, 1_200, &reply_to(sent)),
        NetError => {
            let message = ErrorMessage::DestinationUnreachable { code: 1, mtu: None };
            stamped(bench, 300, &error(ROUTER_V4, message, &datagram(sent), 28));
        }
        Timeout => bench.pass(looked.max(at(1_000))),
    }
}

#[test]
fn every_order_of_three_events_settles_once_and_names_the_rest() {
    let mut orders = 0;
    for first in ALL {
        for second in ALL {
            for third in ALL {
                let order = [first, second, third];
                // Without a deadline passed, a reply from after it has not come yet.
                assert_eq!(observed(&order), expected(&order), "{order:?}");
                orders += 1;
            }
        }
    }
    assert_eq!(orders, 64);
}

#[test]
fn loss_stays_between_nothing_and_everything_whatever_the_order() {
    for first in ALL {
        for second in ALL {
            let mut bench = Bench::new([Script::probes([echo(1, V4)])]);
            let sent = bench.send_all(Stamp::user(at(0))).remove(0);
            for happening in [first, second, second, first] {
                apply(&mut bench, happening, &sent);
            }
            bench.pass(at(60_000));
            let counters = bench.log().stats.counters();
            let lost = counters.lost() + counters.net_errors();
            assert_eq!((counters.sent(), counters.in_flight()), (1, 0));
            assert_eq!(lost + counters.received(), 1, "{first:?} {second:?}");
        }
    }
}
