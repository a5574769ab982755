//! Why connections did not open.

use super::{Found, groups, ports, shortest, with_port};
use crate::connect::event::Class;
use crate::connect::measurement::Measurement;
use crate::connect::race::Race;
use crate::connect::result::race;
use crate::connect::series::Series;
use netdiag_engine::local::RULES;
use netdiag_model::finding::Severity;
use netdiag_model::{Family, milliseconds};
use std::time::Duration;

/// From how many SYNs on silence means something.
const LEAST_SYNS: u64 = 3;
/// A SYN is sent again after 1 s, and only of one that is sent again does the kernel tell whether it
/// left; its timers are up to 80 ms late (CONFIG_HZ=100).
const TOLD_AFTER: Duration = Duration::from_millis(1_100);

impl Measurement {
    pub(super) fn refused(&self, series: &[&Series]) -> Vec<Found> {
        let is_one = |one: &Series| one.counts.connected == 0 && one.counts.refused > 0;
        let all = groups(series, |one| is_one(one).then(|| one.address()));
        let found = all.into_iter().map(|(address, group)| {
            let count: u64 = group.iter().map(|series| series.counts.refused).sum();
            let host = group.first().map_or_else(String::new, |first| self.host(first));
            let (named, port) = (ports(&group), group.first().map_or(0, |first| first.port));
            let message = format!(
                "{address} refused connections to {named}: it is up, nothing listens there"
            );
            let kind = ("connection-refused", Severity::Critical);
            let mut found = self.found(&group, kind, host, message);
            let rtt = shortest(group.iter().filter_map(|series| series.last.as_deref()));
            found.finding = found
                .finding
                .with("address", address.to_string())
                .with("count", count)
                .with("rtt_ms", rtt)
                .advise(format!(
                    "is the service running, and on which address: `netdiag sockets :{port}` there"
                ));
            found
        });
        found.collect()
    }

    pub(super) fn reset(&self, series: &[&Series]) -> Vec<Found> {
        let all = groups(series, |one| (one.counts.reset > 0).then(|| one.address()));
        let found = all.into_iter().map(|(address, group)| {
            let count: u64 = group.iter().map(|series| series.counts.reset).sum();
            let named = ports(&group);
            let message = format!(
                "{address} opened connections to {named} and reset them at once: a full accept queue \
                 with tcp_abort_on_overflow=1, or a device on the way"
            );
            let kind = ("connection-reset", Severity::Critical);
            let mut found = self.found(&group, kind, address.to_string(), message);
            let advice = match self.config.sees_answers {
                true => "the log of the service; a capture on both ends tells who sent it",
                false => {
                    "the log of the service; with CAP_NET_RAW the TTL of the reset tells whether the \
                     host itself sent it, which is not seen here"
                }
            };
            found.finding = found.finding.with("count", count).advise(advice);
            found
        });
        found.collect()
    }

    pub(super) fn prohibited(&self, series: &[&Series]) -> Vec<Found> {
        let first = |one: &Series| {
            let mut errors = one.icmp_errors.keys();
            errors
                .find(|(_, kind)| kind.is_prohibited())
                .map(|(from, kind)| (one.address(), *from, *kind))
        };
        let all = groups(series, first);
        let found = all.into_iter().map(|((address, from, kind), group)| {
            let errors = group.iter().filter_map(|one| one.icmp_errors.get(&(from, kind)));
            let count: u64 = errors.sum();
            let (named, said) = (ports(&group), kind.ping_text());
            let message = format!("{from} prohibited connections to {address} {named}: {said}");
            let code = ("connection-prohibited", Severity::Critical);
            let mut found = self.found(&group, code, from.to_string(), message);
            found.finding = found
                .finding
                .with("from", from.to_string())
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("name", kind.name())
                .with("count", count)
                .advise(format!("the filter at {from}"));
            found
        });
        found.collect()
    }

    pub(super) fn unreachable(&self, series: &[&Series]) -> Vec<Found> {
        let most = |one: &Series| {
            let errors = one.icmp_errors.iter().filter(|((from, kind), _)| {
                let is_own = kind.is_port_unreachable() && *from == one.address();
                !kind.is_prohibited() && !is_own
            });
            errors.max_by_key(|(_, count)| **count).map(|(key, _)| *key)
        };
        let mut all = Vec::new();
        for ((from, kind), group) in groups(series, most) {
            let errors = group.iter().filter_map(|one| one.icmp_errors.get(&(from, kind)));
            let count: u64 = errors.sum();
            let n: u64 = group.iter().map(|series| series.counts.measured()).sum();
            // No router says by itself that nobody listens.
            let is_filter = kind.is_port_unreachable();
            if (count < 2 && !is_filter) || count.saturating_mul(2) < n {
                continue;
            }
            let said = kind.ping_text();
            let to = group.first().map_or_else(String::new, |one| one.address().to_string());
            let is_ours = group.iter().any(|one| {
                let local = one.last.as_ref().and_then(|attempt| attempt.local);
                local.is_some_and(|local| local.ip() == from)
            });
            let (message, advice) = match is_ours {
                _ if is_filter => (
                    format!(
                        "{from} answered {count} of {n} attempts to {to} {}: {said}; that is not {to} \
                         itself but a filter on the way",
                        ports(&group)
                    ),
                    format!("the filter at {from}"),
                ),
                true => (
                    format!(
                        "{to} did not answer this machine's question for its link address: {said}"
                    ),
                    format!("is it up, and on this network: `ip neigh show {to}`"),
                ),
                false => (
                    format!("{from} answered {count} of {n} attempts to {to}: {said}"),
                    format!("the router {from} has no way to it: `netdiag trace {to}`"),
                ),
            };
            let code = ("unreachable", Severity::Critical);
            let mut found = self.found(&group, code, from.to_string(), message);
            found.finding = found
                .finding
                .with("from", from.to_string())
                .with("type", kind.kind)
                .with("code", kind.code)
                .with("count", count)
                .with("n", n)
                .advise(advice);
            all.push(found);
        }
        all
    }

    pub(super) fn filtered(&self, series: &[&Series]) -> Vec<Found> {
        let is_one = |one: &Series| {
            let counts = &one.counts;
            let is_silent = counts.answered() == 0 && counts.timeouts == counts.lost();
            is_silent && counts.silent_syns >= LEAST_SYNS
        };
        let all = groups(series, |one| is_one(one).then(|| one.address()));
        let found = all.into_iter().map(|(address, group)| {
            let syns: u64 = group.iter().map(|series| series.counts.silent_syns).sum();
            let attempts: u64 = group.iter().map(|series| series.counts.timeouts).sum();
            let sister =
                series.iter().find(|one| one.address() == address && one.counts.answered() > 0);
            let named = ports(&group);
            let seconds = self.config.timeout.as_secs_f64();
            let mut message = format!(
                "{address} {named} answered none of {syns} SYNs in {attempts} attempts of \
                 {seconds:.1} s, not even with a refusal"
            );
            let place = group.first().map(|first| with_port(first.destination, first.port));
            let trace = format!("`netdiag trace {}`", place.unwrap_or_default());
            let mut advice = match sister {
                Some(sister) => format!(
                    "port {} answers, so the path is whole: dropped by a filter, or a full accept \
                     queue there; {trace}",
                    sister.port
                ),
                None => format!("filtered, or down; how far the path goes: {trace}"),
            };
            if self.config.timeout < TOLD_AFTER {
                message.push_str(
                    "; whether they left this machine is not known: of a SYN that its firewall \
                     drops the kernel tells only after 1 s",
                );
                advice = format!("`--timeout 2` tells it; {RULES}; {advice}");
            }
            let code = ("connection-filtered", Severity::Critical);
            let mut found = self.found(&group, code, address.to_string(), message);
            found.finding = found
                .finding
                .with("syns", syns)
                .with("attempts", attempts)
                .with("seconds", seconds)
                .with("answering_port", sister.map(|sister| sister.port))
                .with("threshold_syns", LEAST_SYNS)
                .advise(advice);
            found
        });
        found.collect()
    }

    /// One family of a name is dead, the other one alive.
    pub(super) fn family_broken(&self) -> Vec<Found> {
        let targets = 0..self.config.targets.len();
        targets.filter_map(|place| self.family_broken_at(place)).collect()
    }

    fn family_broken_at(&self, place: usize) -> Option<Found> {
        const LEAST_ATTEMPTS: u64 = 2;
        let series = self.of_target(place);
        let of = |family: Family| -> Vec<&Series> {
            series.iter().filter(|one| one.destination.family() == family).collect()
        };
        let dead = [Family::Ipv4, Family::Ipv6].into_iter().find(|family| {
            let counts = Self::counts(of(*family));
            counts.connected == 0 && counts.failed() >= LEAST_ATTEMPTS && counts.local == 0
        })?;
        let alive = Self::counts(series.iter().filter(|one| one.destination.family() != dead));
        if alive.connected == 0 || alive.settled() < LEAST_ATTEMPTS {
            return None;
        }
        let group = of(dead);
        let race = race(series);
        let fallback = race.and_then(|Race { fallback, .. }| fallback).map(milliseconds);
        let last = group.first().and_then(|one| one.last.as_deref());
        let met = last.map_or("no answer", |attempt| attempt.class().name());
        let failures: u64 = group.iter().map(|one| one.counts.failed()).sum();
        let (name, record) = match dead {
            Family::Ipv4 => ("IPv4", "A"),
            Family::Ipv6 => ("IPv6", "AAAA"),
        };
        let host = group.first().map_or_else(String::new, |first| self.host(first));
        let cost = fallback.filter(|cost| *cost > 0.0);
        let cost = cost.map(|ms| format!("; falling back costs programs {ms:.0} ms (RFC 8305)"));
        let message = format!(
            "no connection to {host} opens by {name} ({failures} attempts: {met}), by the other \
             family it does{}",
            cost.unwrap_or_default()
        );
        let mut found = self.found(&group, ("family-broken", Severity::Warning), host, message);
        found.finding = found
            .finding
            .with("family", dead.name())
            .with("failures", failures)
            .with("fallback_ms", fallback)
            .with("threshold_attempts", LEAST_ATTEMPTS)
            .advise(format!("repair {name} there, or take the {record} record out"));
        Some(found)
    }

    /// The kernel met itself.
    pub(super) fn self_connected(&self, series: &[&Series]) -> Vec<Found> {
        let all = groups(series, |one| (one.counts.to_itself > 0).then(|| one.address()));
        let found = all.into_iter().map(|(_, group)| {
            let to = group.first().map_or_else(String::new, |one| with_port(one.destination, one.port));
            let message = format!(
                "the connection to {to} is one to itself: nothing listens, and the kernel took that \
                 port for this end, too"
            );
            let code = ("self-connected", Severity::Critical);
            let mut found = self.found(&group, code, to.clone(), message);
            found.finding = found
                .finding
                .with("local", to.clone())
                .with("remote", to)
                .advise("the port lies in net.ipv4.ip_local_port_range: reserve it there");
            found
        });
        found.collect()
    }

    /// Whether the host at an address answered at any port.
    pub(in crate::connect) fn is_up(&self, address: std::net::IpAddr) -> bool {
        let mut of_it = self.series.iter().filter(|series| series.address() == address);
        of_it.any(|series| {
            let last = series.last.as_deref();
            series.counts.answered() > 0 || last.is_some_and(|one| one.class() == Class::Refused)
        })
    }
}
