//! How much room a series takes.

use super::*;
use netdiag_engine::outcome::{Reply, ReplyDetail};
use netdiag_engine::{Events, Measurement as Policy, Outcome, Probe};
use netdiag_model::{Destination, StampSource};

/// A sweep has one of these for each target of a series.
#[test]
fn a_target_that_only_answers_takes_little_room() {
    let destination = Destination::new("192.0.2.1".parse().expect("an address"));
    let mut series = Measurement::new(Config::new(0, destination));
    let mut events = Events::new();
    for seq in 1..=20 {
        let sent_at = Instant::from_nanos(seq * 1_000_000_000);
        let probe = Probe { target: 0, seq, destination, sent_at };
        series.sent(&probe, &mut events);
        let rtt = Duration::from_millis(seq);
        let reply = reply(destination, sent_at + rtt, rtt);
        series.settle(&probe, &Outcome::Replied(reply), &mut events);
    }
    let bytes = size_of::<Measurement>() + series.stats.heap_bytes();
    assert!(bytes <= 300, "{bytes}");
    assert!(!series.tally.has_rare() && series.kept.is_none() && series.drive.is_none());
}

/// A plain reply.
pub(crate) fn reply(from: Destination, received_at: Instant, rtt: Duration) -> Reply {
    Reply {
        from,
        rtt,
        stamp: StampSource::Kernel,
        clock_adjusted: false,
        received_at,
        hop_limit: Some(64),
        bytes: 64,
        sent_bytes: 64,
        corruption: None,
        options: None,
        detail: ReplyDetail::Echo,
    }
}
