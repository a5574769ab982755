//! The statistics against naive recomputation over the whole list.

use netdiag_engine::stats::{
    Counters, InterarrivalJitter, Loss, Order, Outage, OutageChange, PercentileKind, Reordering,
    RttStats, Samples, SeriesStats, SettledKind,
};
use proptest::prelude::*;
use std::time::Duration;

/// A probe of a series: what becomes of it, and how many places it falls behind on its way.
#[derive(Clone, Debug)]
struct Planned {
    kind: SettledKind<u8>,
    behind: usize,
}

fn planned() -> impl Strategy<Value = Vec<Planned>> {
    let kind = prop_oneof![
        6 => rtt_ns().prop_map(|ns| SettledKind::Replied { rtt: Duration::from_nanos(ns) }),
        2 => (0..3_u8).prop_map(SettledKind::Lost),
        1 => (3..5_u8).prop_map(SettledKind::NetError),
        1 => (5..7_u8).prop_map(SettledKind::LocalError),
        1 => Just(SettledKind::Unknown),
    ];
    let probe = (kind, 0..20_usize).prop_map(|(kind, behind)| Planned { kind, behind });
    prop::collection::vec(probe, 0..300)
}

/// From a nanosecond to minutes, each magnitude as likely as the others.
fn rtt_ns() -> impl Strategy<Value = u64> {
    (0..38_u32, any::<u64>()).prop_map(|(bits, noise)| (1 << bits) | (noise & ((1 << bits) - 1)))
}

fn sent_at(seq: u64) -> u64 {
    seq * 200_000_000
}

fn rtt_of(probe: &Planned) -> Option<u64> {
    match probe.kind {
        SettledKind::Replied { rtt } => Some(rtt.as_nanos() as u64),
        _ => None,
    }
}

/// The numbers of the probes in the order in which they settle.
fn arrival_order(plan: &[Planned]) -> Vec<u64> {
    let mut order: Vec<u64> = (1..=plan.len() as u64).collect();
    order.sort_by_key(|&seq| seq as usize + plan[seq as usize - 1].behind);
    order
}

fn run(plan: &[Planned]) -> (SeriesStats<u8>, Vec<OutageChange<u8>>) {
    let (mut series, mut changes) = (SeriesStats::new(), Vec::new());
    for probe in plan {
        if !matches!(probe.kind, SettledKind::LocalError(_)) {
            series.on_sent();
        }
    }
    for seq in arrival_order(plan) {
        let kind = plan[seq as usize - 1].kind.clone();
        series.on_settled(seq, sent_at(seq), kind, |change| changes.push(change));
        assert_eq!(series.counters().check(), Ok(()));
    }
    (series, changes)
}

/// A scan over the probes in sequence, then a count of each cause over the run.
fn naive_outages(plan: &[Planned]) -> Vec<Outage<u8>> {
    let last = sent_at(plan.len() as u64);
    let mut runs: Vec<(u64, Option<u64>, Vec<u64>)> = Vec::new();
    for (seq, probe) in (1..).zip(plan) {
        let open = runs.last_mut().filter(|(_, ended, _)| ended.is_none());
        match (&probe.kind, open) {
            (SettledKind::Unknown, _) | (SettledKind::Replied { .. }, None) => {}
            (SettledKind::Replied { .. }, Some((_, ended, _))) => *ended = Some(seq),
            (_, Some((_, _, members))) => members.push(seq),
            (_, None) => runs.push((seq, None, vec![seq])),
        }
    }
    let cause_of = |seq: &u64| match plan[*seq as usize - 1].kind {
        SettledKind::Lost(c) | SettledKind::NetError(c) | SettledKind::LocalError(c) => c,
        _ => unreachable!("only probes without reply are members"),
    };
    let outage = |(first, ended, members): (u64, Option<u64>, Vec<u64>)| {
        let causes: Vec<u8> = members.iter().map(cause_of).collect();
        let frequency = |cause: u8| causes.iter().filter(|&&other| other == cause).count();
        let most = causes.iter().map(|&cause| frequency(cause)).max().expect("a member");
        let local = causes.iter().filter(|&&cause| cause >= 5).count() as u64;
        Outage {
            first_seq: first,
            started_at_ns: sent_at(first),
            ended_at_ns: ended.map_or(last, sent_at),
            lost: causes.len() as u64 - local,
            local_errors: local,
            cause: *causes.iter().find(|&&cause| frequency(cause) == most).expect("a member"),
            ongoing: ended.is_none(),
        }
    };
    runs.into_iter().map(outage).collect()
}

/// Mean and the two deviations in two passes, in nanoseconds.
fn two_pass(ns: &[u64]) -> (f64, f64, f64) {
    let n = ns.len() as f64;
    let mean = ns.iter().map(|&x| x as f64).sum::<f64>() / n;
    let squares = ns.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>();
    (mean, (squares / n).sqrt(), (squares / (n - 1.0)).sqrt())
}

/// Equal to a nanosecond, or to a billionth of the larger one.
fn close(found: Duration, expect: f64, scale: f64) -> bool {
    (found.as_nanos() as f64 - expect).abs() <= 1.0 + scale * 1e-9
}

/// The value of rank ⌈tenths/1000 × n⌉ by whole numbers.
fn naive_percentile(sorted: &[u64], tenths: usize) -> u64 {
    sorted[(tenths * sorted.len()).div_ceil(1000).max(1) - 1]
}

fn samples_of(values: &[u64]) -> Samples {
    let mut samples = Samples::new();
    values.iter().for_each(|&ns| samples.record(Duration::from_nanos(ns)));
    samples
}

proptest! {
    #[test]
    fn exact_percentiles_are_those_of_the_sorted_list(
        mut values in prop::collection::vec(any::<u32>(), 1..=Samples::EXACT_CAP),
        tenths in 0..=1000_usize,
    ) {
        let values: Vec<u64> = values.drain(..).map(u64::from).collect();
        let samples = samples_of(&values);
        let mut sorted = values;
        sorted.sort_unstable();
        prop_assert_eq!(samples.kind(), PercentileKind::Exact);
        let expect = Duration::from_nanos(naive_percentile(&sorted, tenths));
        prop_assert_eq!(samples.percentile(tenths as f64 / 10.0), Some(expect));
    }

    #[test]
    fn histogram_percentiles_are_within_the_stated_error(
        values in prop::collection::vec(rtt_ns(), 1025..3000),
        tenths in 0..=1000_usize,
    ) {
        let samples = samples_of(&values);
        let mut sorted = values;
        sorted.sort_unstable();
        prop_assert_eq!(samples.kind(), PercentileKind::Histogram);
        prop_assert_eq!(samples.len(), sorted.len() as u64);
        prop_assert_eq!(samples.min(), sorted.first().copied().map(Duration::from_nanos));
        prop_assert_eq!(samples.max(), sorted.last().copied().map(Duration::from_nanos));
        let expect = naive_percentile(&sorted, tenths) as f64;
        let found = samples.percentile(tenths as f64 / 10.0).expect("values").as_nanos() as f64;
        prop_assert!((found - expect).abs() <= Samples::RELATIVE_ERROR * expect, "{found} {expect}");
    }

    #[test]
    fn mean_and_deviations_are_those_of_two_passes(
        values in prop::collection::vec(rtt_ns(), 1..2000),
    ) {
        let mut rtt = RttStats::new();
        values.iter().for_each(|&ns| rtt.record(Duration::from_nanos(ns)));
        let (mean, mdev, stddev) = two_pass(&values);
        let max = values.iter().copied().max().expect("values") as f64;
        prop_assert!(close(rtt.mean().expect("values"), mean, max));
        prop_assert!(close(rtt.mdev().expect("values"), mdev, max));
        match rtt.stddev() {
            Some(found) => prop_assert!(close(found, stddev, max)),
            None => prop_assert_eq!(values.len(), 1),
        }
        let summary = rtt.summary().expect("values");
        prop_assert!(summary.min <= summary.mean && summary.mean <= summary.max);
        prop_assert!(summary.p50 <= summary.p90 && summary.p90 <= summary.p95);
        prop_assert!(summary.p95 <= summary.p99 && summary.p99 <= summary.max);
        prop_assert_eq!(Some(summary.last), values.last().copied().map(Duration::from_nanos));
    }

    #[test]
    fn interarrival_jitter_is_the_fold_over_the_arrivals(
        values in prop::collection::vec(rtt_ns(), 0..300),
    ) {
        let mut jitter = InterarrivalJitter::new();
        values.iter().for_each(|&ns| jitter.record(Duration::from_nanos(ns)));
        // J as the sum of each |D| weighted by 1/16 × (15/16)^age.
        let differences: Vec<f64> =
            values.windows(2).map(|pair| pair[1].abs_diff(pair[0]) as f64).collect();
        let weighted = |(age, d): (i32, &f64)| d / 16.0 * (15.0_f64 / 16.0).powi(age);
        let expect: f64 = (0..).zip(differences.iter().rev()).map(weighted).sum();
        match jitter.jitter() {
            Some(found) => prop_assert!(close(found, expect, expect)),
            None => prop_assert!(differences.is_empty()),
        }
    }

    #[test]
    fn ipdv_does_not_depend_on_the_order_of_arrival(plan in planned()) {
        let (series, _) = run(&plan);
        let pairs = plan.windows(2).filter_map(|pair| Some((rtt_of(&pair[0])?, rtt_of(&pair[1])?)));
        let differences: Vec<i64> = pairs.map(|(first, then)| then as i64 - first as i64).collect();
        let Some(found) = series.ipdv().summary() else {
            prop_assert!(differences.is_empty());
            return Ok(());
        };
        let n = differences.len() as f64;
        let abs_mean = differences.iter().map(|d| d.abs() as f64).sum::<f64>() / n;
        let mean = differences.iter().map(|&d| d as f64).sum::<f64>() / n;
        prop_assert_eq!(found.pairs, differences.len() as u64);
        prop_assert_eq!(Some(found.min_ns), differences.iter().min().copied());
        prop_assert_eq!(Some(found.max_ns), differences.iter().max().copied());
        prop_assert!(close(found.abs_mean, abs_mean, abs_mean));
        prop_assert!((found.mean_ns - mean).abs() <= 1.0 + abs_mean * 1e-9);
    }

    #[test]
    fn outages_are_those_of_a_scan_in_sequence(plan in planned()) {
        let (mut series, changes) = run(&plan);
        let expect = naive_outages(&plan);
        let ended: Vec<_> = expect.iter().filter(|outage| !outage.ongoing).cloned().collect();
        let begun: Vec<_> = expect.iter().map(|outage| outage.first_seq).collect();
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                OutageChange::Begin { first_seq, .. } => begins.push(first_seq),
                OutageChange::End(outage) => ends.push(outage),
            }
        }
        prop_assert_eq!(begins, begun);
        prop_assert_eq!(ends, ended);
        let open = series.finish(sent_at(plan.len() as u64), |_| ());
        prop_assert_eq!(open.as_ref(), expect.last().filter(|outage| outage.ongoing));
        prop_assert_eq!(series.outages().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn counters_of_a_series_are_those_of_the_plan(plan in planned()) {
        let (series, _) = run(&plan);
        let count = |wanted: fn(&SettledKind<u8>) -> bool| {
            plan.iter().filter(|probe| wanted(&probe.kind)).count() as u64
        };
        let c = series.counters();
        prop_assert_eq!(c.received(), count(|kind| matches!(kind, SettledKind::Replied { .. })));
        prop_assert_eq!(c.lost(), count(|kind| matches!(kind, SettledKind::Lost(_))));
        prop_assert_eq!(c.net_errors(), count(|kind| matches!(kind, SettledKind::NetError(_))));
        prop_assert_eq!(c.local_errors(), count(|kind| matches!(kind, SettledKind::LocalError(_))));
        prop_assert_eq!(c.unknown(), count(|kind| matches!(kind, SettledKind::Unknown)));
        prop_assert_eq!((c.attempted(), c.in_flight()), (plan.len() as u64, 0));
        prop_assert_eq!(c.loss().map_or(0, |loss| loss.of()), c.sent() - c.unknown());
        prop_assert_eq!(c.reordered(), series.reordering().reordered());
        prop_assert_eq!(series.waiting(), 0);
    }

    #[test]
    fn reordering_in_a_series_is_that_of_the_whole_list_of_arrivals(plan in planned()) {
        let (series, _) = run(&plan);
        let mut arrivals = arrival_order(&plan);
        arrivals.retain(|&seq| rtt_of(&plan[seq as usize - 1]).is_some());
        let extents: Vec<u64> = naive_extents(&arrivals).into_iter().flatten().collect();
        prop_assert_eq!(series.reordering().reordered(), extents.len() as u64);
        prop_assert_eq!(series.reordering().largest_extent(), extents.into_iter().max());
    }

    #[test]
    fn extents_are_those_of_the_definition_in_any_permutation(
        arrivals in Just((1..=64_u64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut reordering = Reordering::new();
        let found: Vec<_> = arrivals.iter().map(|&seq| match reordering.record(seq) {
            Order::InOrder => None,
            Order::Reordered { extent } => Some(extent),
        }).collect();
        prop_assert_eq!(found, naive_extents(&arrivals));
    }

    #[test]
    fn counters_add_up_after_any_steps(steps in prop::collection::vec(0..10_u8, 0..500)) {
        let mut c = Counters::new();
        for step in steps {
            match step {
                0..=2 => c.on_attempt_sent(),
                3 => c.on_local_error(),
                4 => c.on_duplicate(),
                5 if c.late() < c.lost() + c.net_errors() + c.unknown() => c.on_late(),
                6 if c.in_flight() > 0 => c.on_reply(),
                7 if c.in_flight() > 0 => c.on_timeout(),
                8 if c.in_flight() > 0 => c.on_net_error(),
                9 if c.in_flight() > 0 => c.on_unknown(),
                _ => c.on_corrupted(),
            }
            prop_assert_eq!(c.check(), Ok(()));
            let percent = c.loss().map_or(0.0, |loss| loss.percent());
            prop_assert!((0.0..=100.0).contains(&percent));
        }
    }

    #[test]
    fn the_interval_holds_the_ratio_and_narrows_with_more_probes(
        of in 1..100_000_u64,
        share in 0.0..=1.0_f64,
    ) {
        let lost = (of as f64 * share) as u64;
        let few = Loss::new(lost, of).expect("of > 0");
        let many = Loss::new(lost * 10, of * 10).expect("of > 0");
        let (low, high) = few.wilson95();
        prop_assert!(0.0 <= low && low <= few.percent() && few.percent() <= high && high <= 100.0);
        let (low_many, high_many) = many.wilson95();
        prop_assert!(high_many - low_many < high - low);
    }
}

/// RFC 4737 sections 3.3 and 4.2 as written, over the whole list.
fn naive_extents(arrivals: &[u64]) -> Vec<Option<u64>> {
    let earliest_larger =
        |i: usize| arrivals[..i].iter().position(|&earlier| earlier > arrivals[i]);
    (0..arrivals.len()).map(|i| earliest_larger(i).map(|j| (i - j) as u64)).collect()
}
