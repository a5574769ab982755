//! What a certificate says (RFC 5280).

use netdiag_model::Untrusted;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use std::net::IpAddr;
use std::time::Duration;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

const DAY: i64 = 86_400;
/// The method of a place where the certificate of the issuer lies: `id-ad-caIssuers` (RFC 5280 section
/// 4.2.2.1).
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: Untrusted,
    /// Who issued it.
    pub issuer: Untrusted,
    /// Whose it is, as it stands there.
    pub subject_name: Vec<u8>,
    /// Who issued it, likewise.
    pub issuer_name: Vec<u8>,
    /// How many bits its key has, of RSA.
    pub rsa_bits: Option<usize>,
    /// The names and addresses that it is for.
    pub names: Vec<Untrusted>,
    /// From when on it is valid, in seconds since 1970-01-01 UTC.
    pub not_before: i64,
    /// The last second of it, likewise.
    pub not_after: i64,
    /// It says that it was issued by itself.
    pub is_self_issued: bool,
    /// It says where the certificate of its issuer lies.
    pub names_issuer_place: bool,
    /// Its number among those of its issuer.
    pub serial: Vec<u8>,
    /// SHA-256 of its public key, which pins name it by (RFC 7858 section 4.2).
    pub key_sha256: Vec<u8>,
}

impl Certificate {
    /// Reads one; `None` where it cannot be read.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let mut names = Vec::new();
        let mut names_issuer_place = false;
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(all) => {
                    names.extend(all.general_names.iter().filter_map(name));
                }
                ParsedExtension::AuthorityInfoAccess(access) => {
                    let mut methods = access.accessdescs.iter().map(|one| &one.access_method);
                    names_issuer_place = methods.any(|one| one.to_id_string() == CA_ISSUERS);
                }
                _ => {}
            }
        }
        Some(Self {
            subject_name: subject.as_raw().to_vec(),
            issuer_name: issuer.as_raw().to_vec(),
            rsa_bits: match certificate.public_key().parsed() {
                Ok(PublicKey::RSA(key)) => Some(key.key_size()),
                _ => None,
            },
            is_self_issued: subject.as_raw() == issuer.as_raw(),
            subject: Untrusted::from(subject.to_string()),
            issuer: Untrusted::from(issuer.to_string()),
            names,
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            names_issuer_place,
            serial: certificate.raw_serial().to_vec(),
            key_sha256: sha256(certificate.public_key().raw),
        })
    }

    /// How many whole days it is still valid at a time since 1970-01-01 UTC; negative of one that
    /// expired.
    #[must_use]
    pub fn days_left(&self, now: Duration) -> i64 {
        self.not_after.saturating_sub(seconds(now)).div_euclid(DAY)
    }

    /// How long it is valid altogether, in whole days.
    #[must_use]
    pub const fn lifetime_days(&self) -> i64 {
        self.not_after.saturating_sub(self.not_before).div_euclid(DAY)
    }
}

/// The public key of a certificate, of whatever version that is.
pub(crate) fn key_of(der: &[u8]) -> Option<SubjectPublicKeyInfoDer<'_>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.tbs_certificate.subject_pki.raw.into())
}

/// By what the handshake hashes with.
fn sha256(bytes: &[u8]) -> Vec<u8> {
    let suite = TLS13_AES_128_GCM_SHA256.tls13();
    suite.map(|suite| suite.common.hash_provider.hash(bytes).as_ref().to_vec()).unwrap_or_default()
}

pub(crate) fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// A name that a server can be asked by.
fn name(name: &GeneralName<'_>) -> Option<Untrusted> {
    match name {
        GeneralName::DNSName(name) => Some(Untrusted::from(*name)),
        GeneralName::IPAddress(bytes) => {
            let ipv4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from).ok();
            let ipv6 = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from).ok();
            ipv4.or_else(ipv6).map(|address| Untrusted::from(address.to_string()))
        }
        _ => None,
    }
}
