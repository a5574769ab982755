//! A series of queries: a line each, and what they come to.

use crate::number::{ms3, ms3_f64};
use netdiag_dns::result::{ServerResult, Target};
use netdiag_dns::{Config, Settled};

/// One query of a series.
pub(super) fn line(config: &Config, target: usize, server: usize, settled: &Settled) -> String {
    let asked = config.targets.get(target).map(|target| target.question.to_string());
    let whom = config.servers.get(server).map(|server| server.short(53));
    let time = settled.rtt.map(|rtt| format!(" time={} ms", ms3(rtt))).unwrap_or_default();
    let data = settled.message.iter().flat_map(|message| &message.answers);
    let data: Vec<&str> = data.map(|record| record.data.as_str()).take(4).collect();
    let data = if data.is_empty() { String::new() } else { format!(" {}", data.join(" ")) };
    let why = settled.failure.as_ref().map(|failure| format!(", {}", failure.message));
    format!(
        "{} from {}: seq={} {}{time}{data}{}",
        settled.class.name(),
        whom.unwrap_or_default(),
        settled.number,
        asked.unwrap_or_default(),
        why.unwrap_or_default()
    )
}

/// What a series came to.
pub(super) fn summary(target: &Target, result: &ServerResult) -> Vec<String> {
    let mut all = vec![format!("--- {} {} at {} ---", target.name, target.kind, result.server)];
    let loss = result.loss_percent.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.4}"));
    let loss = loss.trim_end_matches('0').trim_end_matches('.');
    let outcomes: Vec<String> =
        result.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    all.push(format!(
        "{} queries, {} answered, {}% lost: {}",
        result.sent,
        result.received,
        if loss.is_empty() { "0" } else { loss },
        outcomes.join(", ")
    ));
    if let Some(longest) = result.late_rtt_ms {
        let count = result.late;
        all.push(format!("{count} came too late, up to {} ms after the query", ms3_f64(longest)));
    }
    if result.duplicates > 0 {
        all.push(format!("{} duplicates", result.duplicates));
    }
    if let Some(rtt) = &result.rtt_ms {
        let figures = [rtt.min, rtt.mean, rtt.max, rtt.mdev].map(ms3_f64).join("/");
        all.push(format!("time min/avg/max/mdev = {figures} ms"));
        let percentiles = [rtt.p50, rtt.p90, rtt.p95, rtt.p99].map(ms3_f64).join("/");
        let jitter = result.jitter_ms.as_ref().and_then(|jitter| jitter.ipdv_abs_mean);
        let jitter = jitter.map(|ms| format!("; jitter {} ms (mean |ipdv|)", ms3_f64(ms)));
        all.push(format!("p50/p90/p95/p99 = {percentiles} ms{}", jitter.unwrap_or_default()));
    }
    all
}
