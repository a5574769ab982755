//! What TLS showed, as the JSON contract has it.

use crate::certificate::seconds;
use crate::staple::Staple;
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
    /// `missing-intermediate`, `name-mismatch`, `pin-mismatch`, `weak-key`, `weak-signature`,
    /// `wrong-role`, `critical-extension`, `bad-certificate`, `old-version`, `not-tls`, `alert`,
    /// `incompatible`, `misbehaved`.
    pub error: Option<String>,
    /// All that is wrong, in sentences.
    pub faults: Vec<String>,
    /// How long the handshake took.
    pub handshake_ms: Option<f64>,
    /// A proof came with the certificate that it is not revoked (RFC 6066 section 8).
    pub ocsp_staple: bool,
    /// The certificates as they were sent, that of the server first.
    pub chain: Vec<Certificate>,
    /// What that proof says; `null` where none came.
    pub ocsp: Option<Ocsp>,
}

/// What a stapled answer of OCSP says of the certificate of the server (RFC 6960 section 4.2). Its
/// signature is not checked.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Ocsp {
    /// `good`, `revoked`, `unknown`: the issuer does not know it; `not-covered`: it is about other
    /// certificates; `malformed`: it cannot be read, or refuses to say.
    pub status: String,
    /// When it was revoked, UTC.
    pub revoked_at: Option<String>,
    /// Why (RFC 5280 section 5.3.1), where that is said: `key-compromise`, `superseded` ...
    pub revocation_reason: Option<String>,
    /// When it was signed, UTC.
    pub produced_at: Option<String>,
    /// From when on it is known to be right, UTC.
    pub this_update: Option<String>,
    /// By when a newer one was to be had, UTC.
    pub next_update: Option<String>,
    /// That time is over: clients do not believe it any more.
    pub expired: bool,
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
            ocsp_staple: shown.staple.is_some(),
            chain: shown.chain.iter().map(|one| certificate(one, talked)).collect(),
            ocsp: shown.staple.as_ref().map(|staple| ocsp(staple, talked)),
        }
    }
}

fn ocsp(staple: &Staple, talked: &Talked) -> Ocsp {
    let date = |time: Option<i64>| time.map(rfc3339_seconds);
    Ocsp {
        status: staple.status.name().to_owned(),
        revoked_at: date(staple.revoked_at),
        revocation_reason: staple.reason.map(str::to_owned),
        produced_at: date(staple.produced_at),
        this_update: date(staple.this_update),
        next_update: date(staple.next_update),
        expired: staple.is_expired(seconds(talked.at)),
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
