//! What requests by HTTP came to, in lines: each redirect, and how long the phases took.

use crate::number::ms5;
use netdiag_tcp::connect::result::{Redirect, Reuse, Target};
use std::time::Duration;

/// The lines of a target that was asked by HTTP.
pub(super) fn lines(target: &Target) -> Vec<String> {
    let Some(http) = &target.http else { return Vec::new() };
    let mut lines: Vec<String> = http.redirects.iter().map(redirect).collect();
    let phases = &target.phases_ms;
    let is_led = !http.redirects.is_empty();
    let pick = |own: Option<f64>, all: Option<f64>| if is_led { own } else { all };
    let line = phrase(&[
        ("resolve", pick(http.resolve_ms, phases.resolve)),
        ("connect", pick(http.connect_ms, phases.connect)),
        ("proxy", phases.proxy.filter(|_| !is_led)),
        ("tls", pick(http.tls_ms, phases.tls)),
        ("request", phases.request),
        ("first byte", phases.first_byte),
        ("body", phases.body),
        ("total", pick(http.total_ms, phases.total)),
    ]);
    lines.push(format!("phases  {line}  ms  {}", http.url.escaped()));
    let all = phases.total.filter(|_| is_led);
    lines.extend(all.map(|all| format!("all     total {}  ms", ms(all))));
    lines.extend(http.reuse.as_ref().map(reuse));
    lines
}

/// One that was followed.
fn redirect(one: &Redirect) -> String {
    let phases = phrase(&[
        ("resolve", one.resolve_ms),
        ("connect", one.connect_ms),
        ("tls", one.tls_ms),
        ("request", one.request_ms),
        ("first byte", one.first_byte_ms),
        ("body", one.body_ms),
        ("total", one.total_ms),
    ]);
    let status = one.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    format!("{status:<6}  {phases}  ms  {}", one.url.escaped())
}

/// What the same request takes over a connection of its own, and over one that is open.
fn reuse(one: &Reuse) -> String {
    let line =
        phrase(&[("new connection", Some(one.new_ms)), ("open connection", Some(one.reused_ms))]);
    let of = if one.samples > 1 { format!("  medians of {}", one.samples) } else { String::new() };
    format!("again   {line}  ms{of}")
}

/// Those phases that there were.
fn phrase(phases: &[(&str, Option<f64>)]) -> String {
    let known = phases.iter().filter_map(|(name, ms)| Some((name, (*ms)?)));
    let known: Vec<String> = known.map(|(name, took)| format!("{name} {}", ms(took))).collect();
    known.join("  ")
}

/// A figure of the contract as tables have it.
fn ms(milliseconds: f64) -> String {
    ms5(Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or_default()).trim_start().to_owned()
}
