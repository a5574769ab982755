//! What is wrong with TLS: with the certificates, or with the handshake.

use super::{Found, NAMED, groups};
use crate::connect::measurement::Measurement;
use crate::connect::series::{Seen, Series};
use crate::connect::tls::{Demand, Talked};
use netdiag_model::finding::Severity;
use netdiag_model::rfc3339_seconds;
use netdiag_tls::{Certificate, Fault, Reason, Staple, Status};
use std::net::SocketAddr;

/// A certificate that expires within so many days is told.
const SOON_DAYS: i64 = 21;
/// And within so many, urgently.
const URGENT_DAYS: i64 = 3;
/// One with a shorter life than this is told in its last third, and urgently in its last sixth.
const SHORT_LIFE_DAYS: i64 = 30;
/// How many names of a certificate are evidence.
const NAMES_TOLD: usize = 10;

impl Measurement {
    /// Of each fault one, however many addresses, ports and connections show it.
    pub(super) fn tls_findings(&self, series: &[&Series]) -> Vec<Found> {
        let sights = series.iter().flat_map(|series| {
            series.shown.iter().map(move |seen| Sight { series, seen, talked: &seen.talked })
        });
        let sights: Vec<Sight<'_>> = sights.collect();
        let sights: Vec<&Sight<'_>> = sights.iter().collect();
        let most = sights.iter().map(|one| one.faults().count()).max().unwrap_or_default();
        let mut found: Vec<Found> = Vec::new();
        for place in 0..most {
            let all = groups(&sights, |one| one.faults().nth(place).cloned());
            found.extend(all.iter().filter_map(|(fault, group)| self.tls_fault(fault, group)));
        }
        let soon = groups(&sights, |one| {
            let talked = Some(one.talked).filter(|talked| talked.fault().is_none())?;
            let leaf = talked.shown.chain.first()?;
            severity(leaf, talked.days_left()?).map(|severity| (leaf.clone(), severity))
        });
        found.extend(
            soon.iter()
                .filter_map(|((leaf, severity), group)| self.expires_soon(leaf, *severity, group)),
        );
        let stapled = groups(&sights, |one| one.talked.shown.staple.clone());
        found.extend(stapled.iter().filter_map(|(staple, group)| self.stapled(staple, group)));
        found
    }

    /// A finding about where something was seen, and of how many connections it is.
    fn seen(&self, group: &[&Sight<'_>], kind: (&str, Severity), said: &str) -> Option<Found> {
        let mut series: Vec<&Series> = Vec::new();
        let mut places: Vec<SocketAddr> = Vec::new();
        for one in group {
            if !series.iter().any(|known| std::ptr::eq(*known, one.series)) {
                series.push(one.series);
            }
            if !places.contains(&one.seen.at) {
                places.push(one.seen.at);
            }
        }
        let (to, wheres) = match self.config.proxy.is_some() {
            true => self.behind(&series),
            false => (places.first()?.to_string(), wheres(&places)),
        };
        let count: u64 = group.iter().map(|one| one.seen.count).sum();
        let n: u64 = series.iter().flat_map(|one| &one.shown).map(|seen| seen.count).sum();
        let of = match count < n {
            true => format!(" ({count} of {n} connections)"),
            false => String::new(),
        };
        let message = format!("{wheres}: {said}{of}");
        let mut found = self.found(&series, kind, to, message);
        let mut ports: Vec<u16> = places.iter().map(SocketAddr::port).take(NAMED).collect();
        ports.dedup();
        found.finding = found.finding.with("ports", ports).with("count", count).with("n", n);
        Some(found)
    }

    /// The targets behind a proxy: the first, and how many more.
    fn behind(&self, series: &[&Series]) -> (String, String) {
        let targets = series.iter().filter_map(|one| self.config.targets.get(one.target));
        let mut names: Vec<String> = targets.map(|target| target.named().escaped()).collect();
        names.dedup();
        let first = names.first().cloned().unwrap_or_default();
        let wheres = match names.len() {
            ..=1 => first.clone(),
            several => format!("{first} and {} more", several - 1),
        };
        (first, wheres)
    }

    /// What came with a certificate says that it is revoked, or is too old to say that it is not.
    fn stapled(&self, staple: &Staple, group: &[&Sight<'_>]) -> Option<Found> {
        let now = i64::try_from(group.first()?.talked.at.as_secs()).ok()?;
        let date = |time: Option<i64>| time.map(rfc3339_seconds);
        let is_expired = staple.is_expired(now);
        let (code, message, advice) = if staple.status == Status::Revoked {
            let since = date(staple.revoked_at).map(|since| format!(" since {since}"));
            let why = staple.reason.map(|why| format!(" ({why})")).unwrap_or_default();
            let since = since.unwrap_or_default();
            (
                ("tls-revoked", Severity::Critical),
                format!("the certificate is revoked{since}{why}, says its own OCSP staple"),
                "have a new certificate issued; clients that look refuse this one",
            )
        } else if is_expired {
            let until = date(staple.next_update).unwrap_or_default();
            (
                ("tls-staple-expired", Severity::Warning),
                format!("the OCSP staple was good until {until} only"),
                "the server does not get newer ones: its way to the responder of its issuer",
            )
        } else {
            return None;
        };
        let mut found = self.seen(group, code, &message)?;
        found.finding = found
            .finding
            .with("status", staple.status.name())
            .with("revoked_at", date(staple.revoked_at))
            .with("produced_at", date(staple.produced_at))
            .with("this_update", date(staple.this_update))
            .with("next_update", date(staple.next_update))
            .advise(advice);
        Some(found)
    }

    fn tls_fault(&self, fault: &Fault, group: &[&Sight<'_>]) -> Option<Found> {
        let talked = group.first()?.talked;
        let mut found = self.seen(group, code(fault.reason, talked.demand), &fault.message)?;
        let names = talked.shown.chain.first().map(|leaf| leaf.names.as_slice());
        let names = names.unwrap_or_default().iter().take(NAMES_TOLD);
        let names: Vec<String> = names.map(|name| name.escaped().to_string()).collect();
        let subjects = talked.shown.chain.iter().take(NAMES_TOLD);
        let subjects: Vec<String> = subjects.map(|one| one.subject.escaped().to_string()).collect();
        found.finding = found
            .finding
            .with("reason", fault.reason.name())
            .with("name", talked.name.as_str())
            .with("sans", names)
            .with("chain", subjects)
            .with("days_left", talked.days_left())
            .with("versions_tried", ["TLS 1.3", "TLS 1.2"].map(str::to_owned).to_vec())
            .advise(match fault.reason {
                Reason::NotTls => self.without_tls(group.first()?.series),
                reason => advice(reason),
            });
        Some(found)
    }

    /// What helps where no TLS is spoken with a target.
    fn without_tls(&self, series: &Series) -> &'static str {
        let target = self.config.targets.get(series.target);
        let tls = target.and_then(|target| target.tls.as_ref());
        if tls.is_some_and(|tls| tls.starttls.is_some()) {
            return "the service agrees to go on by TLS, and does not: its settings, or a device between";
        }
        match target.is_some_and(|target| target.url.is_some()) {
            true => "ask it without TLS: `http://`",
            false => advice(Reason::NotTls),
        }
    }

    fn expires_soon(
        &self,
        leaf: &Certificate,
        severity: Severity,
        group: &[&Sight<'_>],
    ) -> Option<Found> {
        let days = group.first()?.talked.days_left()?;
        let left = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let subject = leaf.subject.escaped();
        let message = format!("the certificate of {subject} expires in {left}");
        let mut found = self.seen(group, ("tls-expires-soon", severity), &message)?;
        found.finding = found
            .finding
            .with("days_left", days)
            .with("lifetime_days", leaf.lifetime_days())
            .with("threshold_days", threshold(leaf, SOON_DAYS, 3))
            .advise("renew it, and have the service read it anew");
        Some(found)
    }
}

/// What TLS showed over connections of a series.
struct Sight<'a> {
    series: &'a Series,
    seen: &'a Seen,
    talked: &'a Talked,
}

impl Sight<'_> {
    /// All that is wrong, the worst first.
    fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.talked.failed.iter().chain(&self.talked.shown.faults)
    }
}

/// Where a fault was met, in words.
fn wheres(places: &[SocketAddr]) -> String {
    const TOLD: usize = 6;
    let Some((first, more)) = places.split_first() else { return String::new() };
    if more.is_empty() {
        return first.to_string();
    }
    if more.iter().any(|one| one.ip() != first.ip()) {
        return format!("{first} and {} more", more.len());
    }
    let told: Vec<String> = places.iter().take(TOLD).map(|one| one.port().to_string()).collect();
    let left = places.len().saturating_sub(TOLD);
    let left = if left > 0 { format!(" and {left} more") } else { String::new() };
    format!("{} ports {}{left}", first.ip(), told.join(", "))
}

const fn code(reason: Reason, demand: Demand) -> (&'static str, Severity) {
    match reason {
        Reason::Expired => ("tls-expired", Severity::Critical),
        Reason::NotYetValid => ("tls-not-yet-valid", Severity::Critical),
        Reason::NameMismatch => ("tls-name-mismatch", Severity::Critical),
        Reason::SelfSigned
        | Reason::UnknownIssuer
        | Reason::MissingIntermediate
        | Reason::PinMismatch
        | Reason::WeakKey
        | Reason::WeakSignature
        | Reason::WrongRole
        | Reason::CriticalExtension
        | Reason::BadCertificate => ("tls-untrusted", Severity::Critical),
        Reason::OldVersion => ("tls-old-version", Severity::Warning),
        Reason::NotTls | Reason::Alert | Reason::Incompatible | Reason::Misbehaved => {
            match demand {
                // A port says only what is usual there.
                Demand::Tried => ("tls-failed", Severity::Info),
                Demand::Believed | Demand::Spoken => ("tls-failed", Severity::Critical),
            }
        }
    }
}

const fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "renew it, and have the service read it anew",
        Reason::NotYetValid => "check the clock of this machine first, then that of the issuer",
        Reason::NameMismatch => "another virtual host may answer: `--sni NAME`",
        Reason::SelfSigned => "trust its issuer by `--ca FILE`",
        Reason::UnknownIssuer | Reason::MissingIntermediate => {
            "the server has to send the intermediate certificates, too; or trust the issuer by `--ca FILE`"
        }
        Reason::PinMismatch => {
            "compare the key with the pin: it was renewed, or somebody is between"
        }
        Reason::WeakKey
        | Reason::WeakSignature
        | Reason::WrongRole
        | Reason::CriticalExtension
        | Reason::BadCertificate => "have it issued anew",
        Reason::OldVersion => "the service needs a newer TLS library, or other settings",
        Reason::NotTls => "speak with it without TLS: `--no-tls`",
        Reason::Alert => {
            "the log of the service says why; it may want a name (`--sni`) or a client \
                          certificate"
        }
        Reason::Incompatible | Reason::Misbehaved => {
            "the settings of the service, or a device between"
        }
    }
}

/// How many days before its end a certificate is told.
fn threshold(leaf: &Certificate, days: i64, part: i64) -> i64 {
    match leaf.lifetime_days() {
        life @ ..SHORT_LIFE_DAYS => life / part,
        _ => days,
    }
}

fn severity(leaf: &Certificate, days: i64) -> Option<Severity> {
    if days <= threshold(leaf, URGENT_DAYS, 6) {
        return Some(Severity::Critical);
    }
    (days <= threshold(leaf, SOON_DAYS, 3)).then_some(Severity::Warning)
}
