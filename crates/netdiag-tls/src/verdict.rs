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
        let looked_at = if faults.is_empty() { 1 } else { read.len() };
        faults.extend(weak(read.get(..looked_at).unwrap_or_default()));
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
            return vec![issuer(&error, read, self.roots)];
        }
        if let Some(at) = common(read)
            && let Err(error) = trust(at)
        {
            faults.push(issuer(&error, read, self.roots));
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
            let ago = match -one.days_left(self.now) - 1 {
                ..=0 => "within the last day".to_owned(),
                1 => "1 day ago".to_owned(),
                days => format!("{days} days ago"),
            };
            let message = format!("the certificate of {} expired {ago}", one.subject.escaped());
            Fault::new(Reason::Expired, message)
        });
        let early = read.iter().find(|one| one.not_before > now).map(|one| {
            let hours = one.not_before.saturating_sub(now).div_euclid(3_600);
            let subject = one.subject.escaped();
            let message = match hours {
                ..24 => format!(
                    "the certificate of {subject} is not valid for another {hours} h: check the clock \
                     of this machine first"
                ),
                24..48 => format!("the certificate of {subject} is not valid for another day"),
                _ => format!(
                    "the certificate of {subject} is not valid for another {} days",
                    hours / 24
                ),
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

/// The first whose key is too small (RSA below 2,048 bits, which the library does not take).
fn weak(read: &[Certificate]) -> Option<Fault> {
    const LEAST_BITS: usize = 2_048;
    let one = read.iter().find(|one| one.rsa_bits.is_some_and(|bits| bits < LEAST_BITS))?;
    let (subject, bits) = (one.subject.escaped(), one.rsa_bits.unwrap_or_default());
    let message =
        format!("the key of {subject} is too weak: RSA of {bits} bits, below {LEAST_BITS}");
    Some(Fault::new(Reason::WeakKey, message))
}

/// A moment at which all certificates of a chain are valid, if there is one.
fn common(read: &[Certificate]) -> Option<Duration> {
    let first = read.iter().map(|one| one.not_before).max()?;
    let last = read.iter().map(|one| one.not_after).min()?;
    let at = u64::try_from(last).ok().filter(|_| first <= last)?;
    Some(Duration::from_secs(at))
}

/// Why nobody vouches for a chain; `roots` are trusted.
fn issuer(error: &Error, read: &[Certificate], roots: &RootCertStore) -> Fault {
    let Some((leaf, others)) = read.split_first() else { return Fault::of(error, None) };
    if leaf.is_self_issued {
        let message = format!("{} vouches for itself: self-signed", leaf.subject.escaped());
        return Fault::new(Reason::SelfSigned, message);
    }
    if !matches!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer)) {
        return Fault::of(error, None);
    }
    let last = last_of(leaf, others);
    let by = last.issuer.escaped();
    let is_leaf = std::ptr::eq(last, leaf);
    // The names of roots are kept without the header of their own.
    let mut anchors = roots.roots.iter();
    if anchors.any(|root| last.issuer_name.ends_with(root.subject.as_ref())) {
        let message = format!(
            "issued by {by}, and the one of that name that is trusted here did not sign it"
        );
        return Fault::new(Reason::UnknownIssuer, message);
    }
    // What else was sent leads to it, or it says where that lies.
    if (is_leaf && !others.is_empty()) || (last.names_issuer_place && !last.is_self_issued) {
        let message =
            format!("the certificate of its issuer, {by}, was not sent: probably an intermediate");
        return Fault::new(Reason::MissingIntermediate, message);
    }
    let sent = if last.is_self_issued { "" } else { ", and whose certificate was not sent" };
    let message = format!("issued by {by}, which is not trusted here{sent}");
    Fault::new(Reason::UnknownIssuer, message)
}

/// Where the path from a certificate ends, by what others say whose they are.
fn last_of<'a>(leaf: &'a Certificate, others: &'a [Certificate]) -> &'a Certificate {
    let mut last = leaf;
    // Each can be a part of it once.
    for _ in others {
        let mut above = others.iter().filter(|one| one.subject_name == last.issuer_name);
        match above.next() {
            Some(above) if !last.is_self_issued => last = above,
            _ => break,
        }
    }
    last
}
