//! Servers that say nothing, again and again, and what is known of records that were kept.

use super::*;
use crate::metrics::ResultMetrics;
use netdiag_model::metrics::{MetricValue, Metrics};

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("short");
    [&length.to_be_bytes(), message].concat()
}

/// A server that sends its SOA record and then messages without a record would be heard for ever.
#[test]
fn messages_without_a_record_end_it_and_are_not_kept() {
    let mut bench = Bench::new(None, |_| {});
    bench.transfer.wanted.most_bytes = 1 << 20;
    let (own, blank) = (soa(7), bench.message(0, &[]));
    let first = bench.message(0, &[(6, &own), A]);
    let more = bench.message(0, &[A]);
    let last = bench.message(0, &[(6, &own)]);
    // As many as may be, twice.
    let few = vec![blank.clone(); 99];
    let all = [&[first.clone()][..], &few, std::slice::from_ref(&more), &few, &[last]].concat();
    assert_eq!(bench.hear(&all).ended(), (Some(Class::Answer), None, 4));
    let came = bench.settled().transfer.clone().expect("a transfer");
    assert_eq!((came.messages, came.kept.iter().count()), (201, 3));

    let mut bench = Bench::new(None, |_| {});
    bench.transfer.wanted.most_bytes = 1 << 20;
    let ended = bench.hear(&[vec![first, more], vec![blank; 100]].concat()).ended();
    let reason = Some("no-records".to_owned());
    assert_eq!(ended, (Some(Class::TransferFailed), reason, 3));
    assert_eq!(bench.settled().transfer.as_ref().map(|it| it.kept.iter().count()), Some(2));
    assert!(bench.transfer.verdict().contains("100 messages in a row have no record"));
}

/// Messages that bring nothing do not make anybody wait longer.
#[test]
fn who_sends_nothing_of_use_is_not_waited_for() {
    let mut bench = Bench::new(None, |_| {});
    let blank = framed(&bench.message(0, &[]));
    let first = framed(&bench.message(0, &[(6, &soa(7))]));
    assert_eq!(bench.hear_at(100, &first), Next::NotBefore(at(2_100)));
    // It could be of use, from its first byte to its last.
    assert_eq!(bench.hear_at(600, &blank), Next::NotBefore(at(2_600)));
    for millis in [1_100, 1_600, 2_100] {
        assert_eq!(bench.hear_at(millis, &blank), Next::NotBefore(at(2_600)), "{millis}");
    }
    // What is of use does.
    let more = framed(&bench.message(0, &[A]));
    assert_eq!(bench.hear_at(2_500, &more), Next::NotBefore(at(4_500)));
    assert_eq!(bench.hear_at(4_500, &[]), Next::HangUp(1));
    assert_eq!(bench.ended().1.as_deref(), Some("timeout"));
}

/// A message must be whole in time, however often a byte of it comes.
#[test]
fn who_sends_a_byte_now_and_then_is_not_waited_for() {
    let mut bench = Bench::new(None, |_| {});
    let first = framed(&bench.message(0, &[(6, &soa(7)), A]));
    assert_eq!(bench.hear_at(1_000, &first[..1]), Next::NotBefore(at(3_000)));
    for (place, byte) in (1..).zip(&first[1..7]) {
        let next = bench.hear_at(1_000 + 300 * place, &[*byte]);
        assert_eq!(next, Next::NotBefore(at(3_000)), "byte {place}");
    }
    assert_eq!(bench.hear_at(3_100, &first[7..8]), Next::HangUp(1));
    assert_eq!(bench.ended(), (Some(Class::Timeout), Some("timeout".to_owned()), 0));
    // The same within it, whose next message began with the end of the one before.
    let mut bench = Bench::new(None, |_| {});
    assert_eq!(bench.hear_at(1_000, &[&first[..], &[0]].concat()), Next::NotBefore(at(3_000)));
    assert_eq!(bench.hear_at(2_900, &[30]), Next::NotBefore(at(3_000)));
    assert_eq!(bench.hear_at(3_000, &[0]), Next::HangUp(1));
    assert_eq!(bench.ended().0, Some(Class::TransferFailed));
}

/// The data and the least time to live of what was kept.
fn known(bench: &Bench) -> (Option<MetricValue>, Option<MetricValue>) {
    let results = bench.results();
    let (target, result) = (&results[0], &results[0].results[0]);
    let metrics = ResultMetrics { target, result, findings: &[] };
    (metrics.metric("data"), metrics.metric("ttl"))
}

/// Something can be expected of the records of a zone, and of changes of those that there are now.
#[test]
fn the_records_of_a_transfer_can_be_expected() {
    let (old, new) = (soa(7), soa(8));
    let other: (u16, &[u8]) = (1, &[192, 0, 2, 2]);
    let text =
        |all: &[&str]| (Some(MetricValue::Text(all.join("\n"))), Some(MetricValue::Number(60.0)));
    let (soa_7, soa_8) = (". . 7 0 0 0 0", ". . 8 0 0 0 0");

    let mut bench = Bench::new(None, |_| {});
    let messages = [&[(6, &*old), A][..], &[other, (6, &old)]].map(|it| bench.message(0, it));
    assert_eq!(bench.hear(&messages).ended().0, Some(Class::Answer));
    assert_eq!(known(&bench), text(&[soa_7, "192.0.2.1", "192.0.2.2", soa_7]));

    let mut bench = Bench::new(Some(7), |_| {});
    let changes = [(6, &*new), (6, &*old), A, (6, &*new), other, (6, &*new)];
    let message = bench.message(0, &changes);
    assert_eq!(bench.hear(&[message]).ended().0, Some(Class::Answer));
    assert_eq!(known(&bench), text(&[soa_8, soa_8, "192.0.2.2"]));
    let mut bench = Bench::new(None, |_| {});
    let message = bench.message(0, &[(6, &old), A]);
    bench.hear(&[message]).end();
    assert_eq!(known(&bench), (None, None), "not all of it came");
}
