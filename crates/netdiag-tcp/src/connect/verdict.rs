//! What a run comes to, in a sentence.

use super::event::{Attempt, Class};
use super::findings::with_port;
use super::measurement::Measurement;
use super::result::{chosen, race};
use super::series::{Counts, Series};
use super::words::ms;
use netdiag_model::Family;
use std::collections::BTreeSet;
use std::net::IpAddr;

impl Measurement {
    /// What the run came to; what was not measured is not spoken of.
    #[must_use]
    pub fn verdict(&self) -> String {
        match self.config.targets.as_slice() {
            [] => "nothing was measured".to_owned(),
            [_] => self.of_one(),
            _ => self.of_many(),
        }
    }

    /// One port of one host.
    fn of_one(&self) -> String {
        match self.of_target(0) {
            [only] => self.of_address(only),
            several => match &self.config.proxy {
                None => of_addresses(several),
                Some(proxy) => {
                    let target = self.config.targets.first().map(|target| target.named().escaped());
                    let target = target.unwrap_or_default();
                    format!("{target} through the proxy {proxy}: {}", of_addresses(several))
                }
            },
        }
    }

    /// Where attempts go, in words.
    fn place(&self, one: &Series) -> String {
        let to = with_port(one.destination, one.port);
        let target = self.config.targets.get(one.target).filter(|_| self.config.proxy.is_some());
        match target {
            Some(target) => format!("{} through the proxy {to}", target.named().escaped()),
            None => to,
        }
    }

    /// Whether a target is none that can be spoken of: a proxy opened no connection to it.
    fn is_barred(&self, place: usize) -> bool {
        let counts = Self::counts(self.of_target(place));
        counts.open() == 0 && counts.barred > 0
    }

    /// Many ports, or many hosts.
    fn of_many(&self) -> String {
        let targets = self.config.targets.len();
        let told: Vec<usize> = (0..targets).filter(|place| !self.is_barred(*place)).collect();
        let barred = targets - told.len();
        let states: Vec<Class> = told.iter().filter_map(|place| self.state(*place)).collect();
        let count = |class: Class| states.iter().filter(|state| **state == class).count();
        let open = count(Class::Connected);
        let rest = [
            Class::Refused,
            Class::Reset,
            Class::Timeout,
            Class::Unreachable,
            Class::Prohibited,
            Class::Local,
            Class::Unknown,
        ];
        let rest = rest.into_iter().filter(|class| count(*class) > 0);
        let mut rest: Vec<String> =
            rest.map(|class| format!("{} {}", count(class), class.name())).collect();
        rest.extend((barred > 0).then(|| format!("{barred} not connected by the proxy")));
        let addresses: BTreeSet<IpAddr> = self.series.iter().map(Series::address).collect();
        let unknown = told.len().saturating_sub(states.len());
        let only = addresses.first().filter(|_| addresses.len() == 1);
        let only = only.filter(|_| self.config.proxy.is_none());
        let mut text = match (only, &self.config.proxy) {
            (Some(address), _) => format!("{open} of {targets} ports open on {address}"),
            (_, Some(proxy)) => format!("{open} of {targets} targets open through {proxy}"),
            (None, None) => format!("{open} of {targets} targets open"),
        };
        if !rest.is_empty() {
            text.push_str(&format!("; {}", rest.join(", ")));
        }
        let is_odd =
            |place: &usize| self.of_target(*place).iter().any(|one| one.counts.unexpected > 0);
        let odd = told.into_iter().filter(is_odd).count();
        text.push_str(&not_as_expected(odd, targets));
        if unknown > 0 {
            text.push_str(&format!("; {unknown} not measured to the end"));
        }
        if let Some(address) = only
            && open < targets
            && self.is_up(*address)
        {
            text.push_str("; the host is up");
        }
        text
    }

    /// What a target came to: open where any connection opened.
    fn state(&self, place: usize) -> Option<Class> {
        let series = self.of_target(place);
        if series.iter().any(|one| one.counts.open() > 0) {
            return Some(Class::Connected);
        }
        let mut last = series.iter().filter_map(|one| one.last.as_deref()).map(Attempt::class);
        last.next()
    }

    /// One port of one address.
    fn of_address(&self, one: &Series) -> String {
        let to = self.place(one);
        let Some(last) = one.last.as_deref() else {
            return format!("{to} was not measured to the end");
        };
        match one.counts.settled() > 1 {
            true => of_attempts(&to, one),
            false => of_attempt(&to, last),
        }
    }
}

/// The only attempt.
fn of_attempt(to: &str, last: &Attempt) -> String {
    match (last.failure(), last.handshake()) {
        (Some(failure), _) if last.is_barred() => format!("not open: {to}: {}", failure.message),
        (Some(failure), _) if last.is_unexpected() && !last.is_self_connected() => {
            format!("open, but not as expected: {to}: {}", failure.message)
        }
        (Some(failure), _) => format!("not open: {to}: {}", failure.message),
        (None, Some(handshake)) => {
            let took = (ms(last.took), ms(handshake));
            format!("open: {to} after {} (handshake {}){}", took.0, took.1, of_tls(last))
        }
        (None, None) => format!("open: {to} after {}{}", ms(last.took), of_tls(last)),
    }
}

/// What TLS came to, where it was spoken.
fn of_tls(attempt: &Attempt) -> String {
    let Some(talk) = &attempt.talk else { return String::new() };
    let tls = talk.tls.as_ref().map(|tls| tls.summary());
    let proxy = talk.proxy_took().map(|took| format!("the proxy took {}", ms(took)));
    let tls = tls.map(|said| match talk.tls_at {
        Some(at) => format!("{said} at {at}"),
        None => said,
    });
    let http = talk.http.as_ref().map(|http| http.summary()).or_else(|| talk.ended_early());
    proxy.into_iter().chain(tls).chain(http).map(|said| format!("; {said}")).collect()
}

/// Several attempts to it.
fn of_attempts(to: &str, one: &Series) -> String {
    let counts = &one.counts;
    let (open, n) = (counts.open(), counts.settled());
    let failed = failures(counts);
    let how = match failed.is_empty() {
        true => String::new(),
        false => format!(" ({})", failed.join(", ")),
    };
    if open == 0 {
        return format!("not open: {to}, none of {n} attempts{how}");
    }
    let rtt = one.stats.rtt();
    let median = rtt.percentile(50.0).map(ms).unwrap_or_default();
    let slowest = rtt.max().map(ms).unwrap_or_default();
    let loss = counts.loss().filter(|loss| loss.lost() > 0).map(|loss| {
        let (low, high) = loss.wilson95();
        format!("; loss {:.1} % ({low:.1}-{high:.1} %)", loss.percent())
    });
    format!(
        "open: {to} in {open} of {n} attempts{how}, median {median}, slowest {slowest}{}",
        loss.unwrap_or_default()
    )
}

/// How many attempts failed in which way.
fn failures(counts: &Counts) -> Vec<String> {
    let all = [
        (counts.refused, "refused"),
        (counts.reset, "reset"),
        (counts.timeouts, "timeout"),
        (counts.unreachable, "unreachable"),
        (counts.prohibited, "prohibited"),
        (counts.local, "local"),
        (counts.unknown, "unknown"),
        (counts.unexpected - counts.barred, "not as expected"),
        (counts.barred, "not connected by the proxy"),
    ];
    let some = all.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, name)| format!("{count} {name}")).collect()
}

/// One port of several addresses.
fn of_addresses(series: &[Series]) -> String {
    let open = series.iter().filter(|one| one.counts.open() > 0).count();
    let all = series.len();
    let race = race(series);
    let text = match open {
        0 if series.iter().any(|one| one.counts.barred > 0) => {
            let mut last = series.iter().filter_map(|one| one.unexpected.as_ref()?.failure());
            let why = last.next().map(|failure| failure.message).unwrap_or_default();
            return format!("not open: {why}");
        }
        0 => return format!("not open on any of {all} addresses: {}", why(series)),
        _ if open == all && all == 2 => "open on both addresses".to_owned(),
        _ if open == all => format!("open on all {all} addresses"),
        _ => format!("open on {open} of {all} addresses"),
    };
    let odd = not_as_expected(series.iter().filter(|one| one.counts.unexpected > 0).count(), all);
    let text = text + &odd;
    let Some((after, winner)) =
        race.as_ref().and_then(|race| Some((race.after?, chosen(series, &Some(race.clone()))?)))
    else {
        return text;
    };
    let fallback = race.and_then(|race| race.fallback).filter(|cost| !cost.is_zero());
    let cost = fallback.map(|cost| match dead(series) {
        Some(family) => format!("; {family} dead, fallback cost {}", ms(cost)),
        None => format!("; fallback cost {}", ms(cost)),
    });
    let cost = cost.unwrap_or_default();
    format!("{text}; a program would use {} after {}{cost}", winner.address(), ms(after))
}

/// That over connections to some of many not what was waited for came.
fn not_as_expected(count: usize, all: usize) -> String {
    match count {
        0 => String::new(),
        count if count == all => ", but not as expected".to_owned(),
        count => format!(", but {count} not as expected"),
    }
}

/// The family by which nothing answers, where a connection opens by the other.
fn dead(series: &[Series]) -> Option<&'static str> {
    let families = [(Family::Ipv4, "IPv4"), (Family::Ipv6, "IPv6")];
    let found = families.into_iter().find(|(family, _)| {
        let mut of_it = series.iter().filter(|one| one.destination.family() == *family).peekable();
        of_it.peek().is_some() && of_it.all(|one| one.counts.answered() == 0)
    });
    found.map(|(_, name)| name)
}

/// What the addresses met, each kind once.
fn why(series: &[Series]) -> String {
    let last = series.iter().filter_map(|one| one.last.as_deref()).map(Attempt::class);
    let met: BTreeSet<&'static str> = last.map(Class::name).collect();
    met.into_iter().collect::<Vec<_>>().join(", ")
}
