//! What is wrong with TLS: with the certificates, or with the handshake.

use super::{Found, groups, ports, with_port};
use crate::connect::measurement::Measurement;
use crate::connect::series::Series;
use crate::connect::tls::{Demand, Talked};
use netdiag_model::finding::Severity;
use netdiag_model::rfc3339_seconds;
use netdiag_tls::{Certificate, Fault, Reason, Staple, Status};

/// A certificate that expires within so many days is told.
const SOON_DAYS: i64 = 21;
/// And within so many, urgently.
const URGENT_DAYS: i64 = 3;
/// One with a shorter life than this is told in its last third, and urgently in its last sixth.
const SHORT_LIFE_DAYS: i64 = 30;
/// How many names of a certificate are evidence.
const NAMES_TOLD: usize = 10;

impl Measurement {
    /// Of each fault one, however many addresses and ports show it.
    pub(super) fn tls_findings(&self, series: &[&Series]) -> Vec<Found> {
        let most = series.iter().map(|one| faults(one).len()).max().unwrap_or_default();
        let mut found = Vec::new();
        for place in 0..most {
            let all = groups(series, |one| faults(one).get(place).map(|fault| (*fault).clone()));
            found.extend(all.iter().filter_map(|(fault, group)| self.tls_fault(fault, group)));
        }
        let soon = groups(series, |one| {
            let talked = talked(one).filter(|talked| talked.fault().is_none())?;
            let leaf = talked.shown.chain.first()?;
            severity(leaf, talked.days_left()?).map(|severity| (leaf.clone(), severity))
        });
        found.extend(
            soon.iter()
                .filter_map(|((leaf, severity), group)| self.expires_soon(leaf, *severity, group)),
        );
        let stapled = groups(series, |one| talked(one)?.shown.staple.clone());
        found.extend(stapled.iter().filter_map(|(staple, group)| self.stapled(staple, group)));
        found
    }

    /// What came with a certificate says that it is revoked, or is too old to say that it is not.
    fn stapled(&self, staple: &Staple, group: &[&Series]) -> Option<Found> {
        let first = group.first()?;
        let now = i64::try_from(talked(first)?.at.as_secs()).ok()?;
        let date = |time: Option<i64>| time.map(rfc3339_seconds);
        let (at, is_expired) = (wheres(group), staple.is_expired(now));
        let (code, message, advice) = if staple.status == Status::Revoked {
            let since = date(staple.revoked_at).map(|since| format!(" since {since}"));
            let why = staple.reason.map(|why| format!(" ({why})")).unwrap_or_default();
            let since = since.unwrap_or_default();
            (
                ("tls-revoked", Severity::Critical),
                format!("{at}: the certificate is revoked{since}{why}, says its own OCSP staple"),
                "have a new certificate issued; clients that look refuse this one",
            )
        } else if is_expired {
            let until = date(staple.next_update).unwrap_or_default();
            (
                ("tls-staple-expired", Severity::Warning),
                format!("{at}: the OCSP staple was good until {until} only"),
                "the server does not get newer ones: its way to the responder of its issuer",
            )
        } else {
            return None;
        };
        let to = with_port(first.address(), first.port);
        let mut found = self.found(group, code, to, message);
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

    fn tls_fault(&self, fault: &Fault, group: &[&Series]) -> Option<Found> {
        let first = group.first()?;
        let talked = talked(first)?;
        let (code, severity) = code(fault.reason, talked.demand);
        let (to, at) = (with_port(first.address(), first.port), wheres(group));
        let message = format!("{at}: {}", fault.message);
        let mut found = self.found(group, (code, severity), to, message);
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
            .advise(advice(fault.reason));
        Some(found)
    }

    fn expires_soon(
        &self,
        leaf: &Certificate,
        severity: Severity,
        group: &[&Series],
    ) -> Option<Found> {
        let first = group.first()?;
        let days = talked(first)?.days_left()?;
        let to = with_port(first.address(), first.port);
        let left = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let subject = leaf.subject.escaped();
        let message = format!("{}: the certificate of {subject} expires in {left}", wheres(group));
        let mut found = self.found(group, ("tls-expires-soon", severity), to, message);
        found.finding = found
            .finding
            .with("days_left", days)
            .with("lifetime_days", leaf.lifetime_days())
            .with("threshold_days", threshold(leaf, SOON_DAYS, 3))
            .advise("renew it, and have the service read it anew");
        Some(found)
    }
}

/// What TLS showed over the last connection of a series.
fn talked(series: &Series) -> Option<&Talked> {
    series.last.as_ref()?.talk.as_ref()?.tls.as_deref()
}

fn faults(series: &Series) -> Vec<&Fault> {
    let Some(talked) = talked(series) else { return Vec::new() };
    talked.failed.iter().chain(&talked.shown.faults).collect()
}

/// Where a fault was met, in words.
fn wheres(group: &[&Series]) -> String {
    match group {
        [only] => with_port(only.address(), only.port),
        [first, ..] if group.iter().all(|one| one.address() == first.address()) => {
            format!("{} {}", first.address(), ports(group))
        }
        [first, ..] => {
            format!("{} and {} more", with_port(first.address(), first.port), group.len() - 1)
        }
        [] => String::new(),
    }
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
        Reason::SelfSigned | Reason::UnknownIssuer => "trust its issuer by `--ca FILE`",
        Reason::MissingIntermediate => "the server has to send the intermediate certificate, too",
        Reason::PinMismatch => {
            "compare the key with the pin: it was renewed, or somebody is between"
        }
        Reason::BadCertificate => "have it issued anew",
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
