//! What TLS showed, as the JSON contract has it.

use crate::talked::Talked;
use data_encoding::BASE64;
use netdiag_model::{Untrusted, milliseconds, rfc3339_seconds};
use serde::Serialize;

/// What TLS showed.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Tls {
    /// `TLS 1.3` or `TLS 1.2`; `null` where none was settled.
    pub version: Option<String>,
    /// The cipher suite by its registered name.
    pub cipher: Option<String>,
    /// The group of the key exchange.
    pub group: Option<String>,
    /// The protocol that the server chose (RFC 7301).
    #[schemars(with = "Option<String>")]
    pub alpn: Option<Untrusted>,
    /// The name that the certificate had to be for.
    #[schemars(with = "String")]
    pub name: Untrusted,
    /// Whether the handshake was done and the certificates are to be believed.
    pub verified: bool,
    /// The worst that is wrong: `expired`, `not-yet-valid`, `self-signed`, `unknown-issuer`,
    /// `missing-intermediate`, `name-mismatch`, `pin-mismatch`, `bad-certificate`, `old-version`,
    /// `not-tls`, `alert`, `incompatible`, `misbehaved`.
    pub error: Option<String>,
    /// All that is wrong, in sentences.
    pub faults: Vec<String>,
    /// How long the handshake took.
    pub handshake_ms: Option<f64>,
    /// A proof came with the certificate that it is not revoked (RFC 6066 section 8); not checked.
    pub ocsp_staple: bool,
    /// The certificates as they were sent, that of the server first.
    pub chain: Vec<Certificate>,
}

/// A certificate (RFC 5280).
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Certificate {
    /// Whose it is.
    #[schemars(with = "String")]
    pub subject: Untrusted,
    /// Who issued it.
    #[schemars(with = "String")]
    pub issuer: Untrusted,
    /// The names and addresses that it is for.
    #[schemars(with = "Vec<String>")]
    pub sans: Vec<Untrusted>,
    /// From when on it is valid, UTC.
    pub not_before: String,
    /// Until when, UTC.
    pub not_after: String,
    /// Whole days from now until then; negative of one that expired.
    pub days_left: i64,
    /// SHA-256 of the public key in base64, as pins have it (RFC 7858 section 4.2).
    pub pin_sha256: String,
}

impl From<&Talked> for Tls {
    fn from(talked: &Talked) -> Self {
        let shown = &talked.shown;
        let faults = talked.failed.iter().chain(&shown.faults);
        Self {
            version: shown.version.map(str::to_owned),
            cipher: shown.cipher.clone(),
            group: shown.group.clone(),
            alpn: shown.alpn.clone(),
            name: Untrusted::from(talked.name.as_str()),
            verified: talked.is_verified(),
            error: talked.fault().map(|fault| fault.reason.name().to_owned()),
            faults: faults.map(|fault| fault.message.clone()).collect(),
            handshake_ms: talked.took.map(milliseconds),
            ocsp_staple: shown.has_staple,
            chain: shown.chain.iter().map(|one| certificate(one, talked)).collect(),
        }
    }
}

fn certificate(one: &crate::Certificate, talked: &Talked) -> Certificate {
    Certificate {
        subject: one.subject.clone(),
        issuer: one.issuer.clone(),
        sans: one.names.clone(),
        not_before: rfc3339_seconds(one.not_before),
        not_after: rfc3339_seconds(one.not_after),
        days_left: one.days_left(talked.at),
        pin_sha256: BASE64.encode(&one.key_sha256),
    }
}
