//! The figures of a target, computed again from its list of probes.

use serde_json::Value;

/// A microsecond, in milliseconds.
const CLOSE: f64 = 0.001;
/// The two-sided 95 % quantile of the normal distribution.
const Z: f64 = 1.959_964;

fn close(what: &str, said: &Value, expected: Option<f64>) {
    match (said.as_f64(), expected) {
        (None, None) => assert!(said.is_null(), "{what}: {said}"),
        (Some(said), Some(expected)) => {
            assert!((said - expected).abs() <= CLOSE, "{what}: {said}, not {expected}");
        }
        (_, expected) => panic!("{what}: {said}, not {expected:?}"),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The nearest rank: the smallest value that at least p per cent are not above.
fn percentile(values: &[f64], p: usize) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * p).div_ceil(100).max(1) - 1).copied()
}

fn of(probe: &Value, key: &str) -> f64 {
    probe[key].as_f64().expect(key)
}

/// Row A2: every statistic is that of the probes listed, to a microsecond.
pub(super) fn check(target: &Value) {
    let probes = target["probes"].as_array().expect("probes");
    let replies: Vec<&Value> = probes.iter().filter(|probe| probe["outcome"] == "reply").collect();
    let rtts: Vec<f64> = replies.iter().map(|probe| of(probe, "rtt_ms")).collect();
    check_loss(target);
    let rtt = &target["rtt_ms"];
    if rtts.is_empty() {
        assert!(rtt.is_null() && target["jitter_ms"].is_null());
        return;
    }
    let n = rtts.len() as f64;
    let middle = mean(&rtts).expect("replies");
    let squares: f64 = rtts.iter().map(|rtt| (rtt - middle).powi(2)).sum();
    close("min", &rtt["min"], rtts.iter().copied().reduce(f64::min));
    close("mean", &rtt["mean"], Some(middle));
    close("max", &rtt["max"], rtts.iter().copied().reduce(f64::max));
    close("mdev", &rtt["mdev"], Some((squares / n).sqrt()));
    close("stddev", &rtt["stddev"], (n > 1.0).then(|| (squares / (n - 1.0)).sqrt()));
    for (key, p) in [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)] {
        close(key, &rtt[key], percentile(&rtts, p));
    }
    assert_eq!(rtt["samples"], rtts.len());
    check_jitter(target, &replies, &rtts);
}

fn check_jitter(target: &Value, replies: &[&Value], rtts: &[f64]) {
    let arrived = |probe: &Value| of(probe, "sent_offset_ms") + of(probe, "rtt_ms");
    let mut in_order = replies.to_vec();
    in_order.sort_by(|a, b| arrived(a).total_cmp(&arrived(b)));
    let last = in_order.last().expect("a reply");
    close("last", &target["rtt_ms"]["last"], Some(of(last, "rtt_ms")));
    let jitter = &target["jitter_ms"];
    let mut estimate = 0.0;
    for pair in in_order.windows(2) {
        let difference = (of(pair[1], "rtt_ms") - of(pair[0], "rtt_ms")).abs();
        estimate += (difference - estimate) / 16.0;
    }
    close("rfc3550", &jitter["rfc3550"], (rtts.len() > 1).then_some(estimate));
    let neighbours = replies
        .windows(2)
        .filter(|pair| pair[0]["seq"].as_u64().map(|seq| seq + 1) == pair[1]["seq"].as_u64());
    let ipdv: Vec<f64> =
        neighbours.map(|pair| of(pair[1], "rtt_ms") - of(pair[0], "rtt_ms")).collect();
    let absolute: Vec<f64> = ipdv.iter().map(|value| value.abs()).collect();
    close("ipdv_abs_mean", &jitter["ipdv_abs_mean"], mean(&absolute));
    close("ipdv_min", &jitter["ipdv_min"], ipdv.iter().copied().reduce(f64::min));
    close("ipdv_max", &jitter["ipdv_max"], ipdv.iter().copied().reduce(f64::max));
    let least = rtts.iter().copied().reduce(f64::min);
    close("pdv_p95", &jitter["pdv_p95"], percentile(rtts, 95).zip(least).map(|(p, min)| p - min));
}

fn check_loss(target: &Value) {
    let count = |key: &str| of(target, key);
    let n = count("sent") - count("unknown") - count("in_flight");
    let p = (n > 0.0).then(|| (count("lost") + count("net_errors")) / n);
    close("loss_percent", &target["loss_percent"], p.map(|p| 100.0 * p));
    // Wilson 1927: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    let ends = p.map(|p| {
        let z2 = Z * Z;
        let spread = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        [-spread, spread].map(|end| 100.0 * (p + z2 / (2.0 * n) + end) / (1.0 + z2 / n))
    });
    let said = &target["loss_ci95_percent"];
    match ends {
        None => assert!(said.is_null(), "{said}"),
        Some([low, high]) => {
            close("low end", &said[0], Some(low));
            close("high end", &said[1], Some(high));
        }
    }
}
