//! Whether certificates are to be believed: by their dates, by who issued them, and by their names,
//! each for itself.

use crate::certificate::{Certificate, seconds};
use crate::fault::{Fault, Reason};
use netdiag_model::Untrusted;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use std::time::Duration;

/// How many names of a certificate a sentence tells.
const NAMES_TOLD: usize = 10;

/// By what certificates are judged.
pub(crate) struct Judge<'a> {
    pub(crate) roots: &'a RootCertStore,
    pub(crate) algorithms: &'a [&'a dyn SignatureVerificationAlgorithm],
    pub(crate) name: &'a ServerName<'static>,
    pub(crate) now: Duration,
}

impl Judge<'_> {
    /// All that is wrong with a chain, the worst first; `read` is what its certificates say.
    pub(crate) fn faults(&self, chain: &[CertificateDer<'_>], read: &[Certificate]) -> Vec<Fault> {
        let Some((leaf, others)) = chain.split_first() else { return Vec::new() };
        let parsed = match ParsedCertificate::try_from(leaf) {
            Ok(parsed) => parsed,
            Err(error) => return vec![Fault::of(&error, None)],
        };
        let mut faults = self.of_dates_and_issuers(&parsed, leaf, others, read);
        if verify_server_name(&parsed, self.name).is_err() {
            faults.push(self.misnamed(read));
        }
        faults
    }

    fn of_dates_and_issuers(
        &self,
        parsed: &ParsedCertificate<'_>,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        read: &[Certificate],
    ) -> Vec<Fault> {
        let is_root = self.is_root(leaf);
        let trust = |at: Duration| match is_root {
            true => Ok(()),
            false => verify_server_cert_signed_by_trust_anchor(
                parsed,
                self.roots,
                others,
                UnixTime::since_unix_epoch(at),
                self.algorithms,
            ),
        };
        let dates = self.dates(read);
        // A certificate that is out of date, and that nothing hangs on, does no harm.
        let Err(error) = trust(self.now) else {
            return if is_root { dates } else { Vec::new() };
        };
        let mut faults = dates;
        if faults.is_empty() {
            return vec![issuer(&error, read)];
        }
        if let Some(at) = common(read)
            && let Err(error) = trust(at)
        {
            faults.push(issuer(&error, read));
        }
        faults
    }

    /// Whether a certificate is itself one of those that are trusted.
    fn is_root(&self, leaf: &CertificateDer<'_>) -> bool {
        let mut alone = RootCertStore::empty();
        let added = alone.add(leaf.clone().into_owned()).is_ok();
        added && self.roots.roots.iter().any(|root| alone.roots.first() == Some(root))
    }

    /// Those that are out of date, the first of each kind.
    fn dates(&self, read: &[Certificate]) -> Vec<Fault> {
        let now = seconds(self.now);
        let expired = read.iter().find(|one| one.not_after < now).map(|one| {
            let days = -one.days_left(self.now);
            let ago = if days == 1 { "within the last day" } else { "" };
            let ago = if ago.is_empty() { format!("{days} days ago") } else { ago.to_owned() };
            let message = format!("the certificate of {} expired {ago}", one.subject.escaped());
            Fault::new(Reason::Expired, message)
        });
        let early = read.iter().find(|one| one.not_before > now).map(|one| {
            let hours = one.not_before.saturating_sub(now).div_euclid(3_600);
            let subject = one.subject.escaped();
            let message = match hours {
                ..24 => format!(
                    "the certificate of {subject} is valid only in {hours} h: check the clock of this \
                     machine first"
                ),
                _ => format!("the certificate of {subject} is valid only in {} days", hours / 24),
            };
            Fault::new(Reason::NotYetValid, message)
        });
        expired.into_iter().chain(early).collect()
    }

    fn misnamed(&self, read: &[Certificate]) -> Fault {
        let name = Untrusted::from(self.name.to_str().into_owned());
        let names = read.first().map(|leaf| leaf.names.as_slice()).unwrap_or_default();
        let told: Vec<String> =
            names.iter().take(NAMES_TOLD).map(|name| name.escaped().to_string()).collect();
        let more = names.len().saturating_sub(NAMES_TOLD);
        let told = match (told.is_empty(), more) {
            (true, _) => "no name at all".to_owned(),
            (_, 0) => told.join(", "),
            (_, more) => format!("{} and {more} more", told.join(", ")),
        };
        let message = format!("the certificate is for {told}, not for {}", name.escaped());
        Fault::new(Reason::NameMismatch, message)
    }
}

/// A moment at which all certificates of a chain are valid, if there is one.
fn common(read: &[Certificate]) -> Option<Duration> {
    let first = read.iter().map(|one| one.not_before).max()?;
    let last = read.iter().map(|one| one.not_after).min()?;
    let at = u64::try_from(last).ok().filter(|_| first <= last)?;
    Some(Duration::from_secs(at))
}

/// Why nobody vouches for a chain.
fn issuer(error: &Error, read: &[Certificate]) -> Fault {
    let (Some(leaf), Some(last)) = (read.first(), read.last()) else {
        return Fault::of(error, None);
    };
    if leaf.is_self_issued {
        let message = format!("{} vouches for itself: self-signed", leaf.subject.escaped());
        return Fault::new(Reason::SelfSigned, message);
    }
    if !matches!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer)) {
        return Fault::of(error, None);
    }
    if read.len() == 1 && leaf.names_issuer_place {
        let message = format!(
            "the certificate of the issuer was not sent: {}; probably an intermediate",
            leaf.issuer.escaped()
        );
        return Fault::new(Reason::MissingIntermediate, message);
    }
    let message = format!("issued by {}, which is not trusted here", last.issuer.escaped());
    Fault::new(Reason::UnknownIssuer, message)
}
