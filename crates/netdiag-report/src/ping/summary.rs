//! The block of statistics at the end: iputils' lines, then ours.

use super::Ended;
use crate::number::{g6, ms3, ms3_f64};
use crate::style::Style;
use netdiag_ping::result::Target;
use std::io::{self, Write};

/// From how many samples on percentiles say something.
const PERCENTILE_SAMPLES: u64 = 20;
/// What is joined where nobody knows how wide the terminal is.
const WIDTH: usize = 80;
/// How many kinds of ICMP error are listed.
const ICMP_ERRORS_SHOWN: usize = 5;
/// From how many samples on RFC 3550's jitter has caught up with what it follows.
const RFC3550_SAMPLES: u64 = 50;

/// iputils' block.
pub(super) fn iputils(out: &mut dyn Write, ended: &Ended<'_>) -> io::Result<()> {
    let target = ended.target;
    let port = target.port.map(|port| format!(" {} port {port}", target.protocol));
    let port = port.unwrap_or_default();
    writeln!(out, "\n--- {}{port} ping statistics ---", target.target.host().escaped())?;
    write!(out, "{} packets transmitted, {} received", target.sent, target.received)?;
    if target.duplicates > 0 {
        write!(out, ", +{} duplicates", target.duplicates)?;
    }
    if target.corrupted > 0 {
        write!(out, ", +{} corrupted", target.corrupted)?;
    }
    if target.net_errors > 0 {
        write!(out, ", +{} errors", target.net_errors)?;
    }
    if let Some(loss) = target.loss_percent {
        write!(out, ", {}% packet loss", g6(loss))?;
    }
    let span = ended.measurement.and_then(netdiag_ping::Measurement::span).unwrap_or_default();
    writeln!(out, ", time {}ms", span.as_millis())?;
    let Some(rtt) = &target.rtt_ms else { return writeln!(out) };
    let pipe = ended.measurement.map_or(0, netdiag_ping::Measurement::pipe);
    let pipe = if pipe > 1 { format!(", pipe {pipe}") } else { String::new() };
    let (min, mean, max, mdev) =
        (ms3_f64(rtt.min), ms3_f64(rtt.mean), ms3_f64(rtt.max), ms3_f64(rtt.mdev));
    writeln!(out, "rtt min/avg/max/mdev = {min}/{mean}/{max}/{mdev} ms{pipe}")
}

/// What iputils does not print.
pub(super) fn ours(out: &mut dyn Write, style: Style, ended: &Ended<'_>) -> io::Result<()> {
    let target = ended.target;
    if let Some(counts) = further_counts(target) {
        writeln!(out, "{}", style.fold(&counts))?;
    }
    icmp_errors(out, target)?;
    let user = ended.measurement.map_or(0, netdiag_ping::Measurement::user_stamps);
    if user > 0 {
        writeln!(
            out,
            "round trips by this process's clock, not the kernel's (its delays are inside): {user}"
        )?;
    }
    let (Some(rtt), Some(jitter)) = (&target.rtt_ms, &target.jitter_ms) else { return Ok(()) };
    let abs = jitter.ipdv_abs_mean.map(|mean| format!("jitter {} ms (mean |ipdv|", ms3_f64(mean)));
    let rfc3550 = jitter.rfc3550.filter(|_| rtt.samples >= RFC3550_SAMPLES);
    let jitter = match (abs, rfc3550) {
        (Some(abs), Some(value)) => Some(format!("{abs}), {} ms (RFC 3550)", ms3_f64(value))),
        (Some(abs), None) => Some(format!("{abs}; RFC 3550 needs {RFC3550_SAMPLES} samples)")),
        (None, _) => None,
    };
    let back = hops_back(target);
    if rtt.samples < PERCENTILE_SAMPLES {
        return joined(out, style, [jitter, back]);
    }
    let [p50, p90, p95, p99] = [rtt.p50, rtt.p90, rtt.p95, rtt.p99].map(ms3_f64);
    let percentiles = Some(format!("p50/p90/p95/p99 = {p50}/{p90}/{p95}/{p99} ms"));
    joined(out, style, [percentiles, jitter])?;
    joined(out, style, [back, None])
}

/// How many hosts of a group are listed.
const SOURCES_SHOWN: usize = 100;

/// Who answered, of a group.
pub(super) fn sources(out: &mut dyn Write, target: &Target) -> io::Result<()> {
    let Some(count) = target.responders else { return Ok(()) };
    let hosts = if count == 1 { "host" } else { "hosts" };
    writeln!(out, "{count} {hosts} answered")?;
    for source in target.sources.iter().take(SOURCES_SHOWN) {
        write!(out, "  {}: {} of {} probes", source.from, source.received, target.sent)?;
        for (word, count) in [("late", source.late), ("duplicates", source.duplicates)] {
            if count > 0 {
                write!(out, ", {word} {count}")?;
            }
        }
        if let Some(rtt) = &source.rtt_ms {
            let [min, mean, max] = [rtt.min, rtt.mean, rtt.max].map(ms3_f64);
            write!(out, ", rtt min/avg/max = {min}/{mean}/{max} ms")?;
        }
        writeln!(out)?;
    }
    match target.sources.len().saturating_sub(SOURCES_SHOWN) {
        0 => {}
        more => writeln!(out, "and {more} further hosts: see --output json")?,
    }
    match target.sources_omitted {
        0 => Ok(()),
        more => writeln!(out, "{more} answers of hosts beyond the {count}"),
    }
}

/// What there is of the two on one line where that fits the terminal, else each on its own.
fn joined(out: &mut dyn Write, style: Style, parts: [Option<String>; 2]) -> io::Result<()> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let line = parts.join("; ");
    match line.len() <= style.columns().unwrap_or(WIDTH) {
        true if parts.is_empty() => Ok(()),
        true => writeln!(out, "{line}"),
        false => parts.iter().try_for_each(|part| writeln!(out, "{}", style.fold(part))),
    }
}

/// Who sent ICMP errors, and which; the most frequent first.
fn icmp_errors(out: &mut dyn Write, target: &Target) -> io::Result<()> {
    let mut errors: Vec<_> = target.icmp_errors.iter().collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.count));
    for error in errors.iter().take(ICMP_ERRORS_SHOWN) {
        let (kind, code) = (error.kind, error.code);
        let icmp = if error.from.is_ipv4() { "ICMP" } else { "ICMPv6" };
        let (count, name, from) = (error.count, &error.name, error.from);
        writeln!(out, "{count} {name} ({icmp} {kind}/{code}) from {from}")?;
    }
    match errors.len().checked_sub(ICMP_ERRORS_SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "and {more} further kinds of ICMP error"),
    }
}

/// Counters that are not zero and that iputils has no word for.
fn further_counts(target: &Target) -> Option<String> {
    let counts = [
        ("late", target.late),
        ("reordered", target.reordered),
        ("truncated", target.truncated),
        ("not sent", target.local_errors),
        ("unknown", target.unknown),
        ("in flight", target.in_flight),
        ("skipped", target.skipped),
    ];
    let mut said: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    let rejected: u64 = target.rejected.values().sum();
    if rejected > 0 {
        let reasons = target.rejected.iter().map(|(reason, count)| format!("{reason} {count}"));
        said.push(format!("rejected: {rejected} ({})", reasons.collect::<Vec<_>>().join(", ")));
    }
    if said.is_empty() { None } else { Some(said.join(", ")) }
}

fn hops_back(target: &Target) -> Option<String> {
    let (back, ttl, guess) = (target.hops_back?, target.reply_ttl?.last, target.initial_ttl_guess?);
    let routers = if back == 1 { "router" } else { "routers" };
    Some(format!("{back} {routers} back (ttl {ttl}, from {guess} as a guess)"))
}

/// The line that SIGQUIT asks for, as iputils prints it.
pub(super) fn interim(figures: &netdiag_ping::event::Interim) -> String {
    let loss =
        figures.loss.map(|loss| format!(", {}% loss", g6(loss.percent()))).unwrap_or_default();
    let rtt = figures.rtt.map(|rtt| {
        let [min, mean, ewma, max] = rtt.map(ms3);
        format!(", min/avg/ewma/max = {min}/{mean}/{ewma}/{max} ms")
    });
    format!("{}/{} packets{loss}{}", figures.received, figures.sent, rtt.unwrap_or_default())
}
