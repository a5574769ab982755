//! The proof that came with a certificate that it is not revoked: an answer of OCSP (RFC 6960), stapled
//! to the handshake (RFC 6066 section 8). Whether its signature is right is not looked at: it came over
//! the connection of whoever has the key of the certificate.

use crate::der::{Reader, tag, time};

/// `id-pkix-ocsp-basic`, 1.3.6.1.5.5.7.48.1.1 (RFC 6960 section 4.2.1).
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
/// `successful` (RFC 6960 section 4.2.1).
const SUCCESSFUL: &[u8] = &[0];
/// How many certificates an answer may be about before it is none.
const MOST: usize = 64;

/// What a stapled answer says of the server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staple {
    /// Whether the certificate is revoked.
    pub status: Status,
    /// When it was revoked, in seconds since 1970-01-01 UTC.
    pub revoked_at: Option<i64>,
    /// Why, by the names of RFC 5280 section 5.3.1, where that is said.
    pub reason: Option<&'static str>,
    /// When the answer was signed, likewise.
    pub produced_at: Option<i64>,
    /// From when on it is known to be right.
    pub this_update: Option<i64>,
    /// By when a newer one was to be had; without it one always is (RFC 6960 section 4.2.2.1).
    pub next_update: Option<i64>,
}

/// Whether a certificate is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is not.
    Good,
    /// It is.
    Revoked,
    /// Its issuer does not know it.
    Unknown,
    /// The answer is about other certificates.
    NotCovered,
    /// The responder refuses to answer, or what came cannot be read.
    Malformed,
}

impl Status {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::NotCovered => "not-covered",
            Self::Malformed => "malformed",
        }
    }
}

impl Staple {
    /// What an answer says of the certificate with this serial number.
    pub(crate) fn read(der: &[u8], serial: &[u8]) -> Self {
        let nothing = Self {
            status: Status::Malformed,
            revoked_at: None,
            reason: None,
            produced_at: None,
            this_update: None,
            next_update: None,
        };
        answer(der, serial).unwrap_or(nothing)
    }

    /// Whether a newer answer was to be had by this time, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn is_expired(&self, now: i64) -> bool {
        self.next_update.is_some_and(|next| next < now)
    }

    /// Whether it is from the future.
    #[must_use]
    pub fn is_early(&self, now: i64) -> bool {
        self.this_update.is_some_and(|this| this > now)
    }
}

/// `OCSPResponse` (RFC 6960 section 4.2.1).
fn answer(der: &[u8], serial: &[u8]) -> Option<Staple> {
    let mut response = Reader::new(der).enter(tag::SEQUENCE)?;
    if response.expect(tag::ENUMERATED)? != SUCCESSFUL {
        return None;
    }
    let mut bytes = response.enter(tag::explicit(0))?.enter(tag::SEQUENCE)?;
    if bytes.expect(tag::OID)? != BASIC {
        return None;
    }
    let basic = Reader::new(bytes.expect(tag::OCTET_STRING)?).enter(tag::SEQUENCE)?;
    let mut data = { basic }.enter(tag::SEQUENCE)?;
    data.optional(tag::explicit(0));
    // Who signed it, by name or by key.
    data.next()?;
    let produced_at = time(data.expect(tag::GENERALIZED_TIME)?);
    let mut all = data.enter(tag::SEQUENCE)?;
    let singles = std::iter::from_fn(|| all.expect(tag::SEQUENCE)).take(MOST);
    let found = singles.map(Reader::new).find_map(|single| of(single, serial));
    let none = Staple {
        status: Status::NotCovered,
        revoked_at: None,
        reason: None,
        produced_at: None,
        this_update: None,
        next_update: None,
    };
    Some(Staple { produced_at, ..found.unwrap_or(none) })
}

/// `SingleResponse`, where it is about the certificate with this serial number.
fn of(mut single: Reader<'_>, serial: &[u8]) -> Option<Staple> {
    let mut id = single.enter(tag::SEQUENCE)?;
    id.expect(tag::SEQUENCE)?;
    id.expect(tag::OCTET_STRING)?;
    id.expect(tag::OCTET_STRING)?;
    if trimmed(id.expect(tag::INTEGER)?) != trimmed(serial) {
        return None;
    }
    let (kind, content) = single.next()?;
    let (mut revoked_at, mut reason) = (None, None);
    let status = match kind {
        kind if kind == tag::implicit(0) => Status::Good,
        kind if kind == tag::explicit(1) => {
            let mut revoked = Reader::new(content);
            revoked_at = revoked.expect(tag::GENERALIZED_TIME).and_then(time);
            let said = revoked.enter(tag::explicit(0));
            let said = said.and_then(|mut said| said.expect(tag::ENUMERATED)?.first().copied());
            reason = said.map(reason_name);
            Status::Revoked
        }
        kind if kind == tag::implicit(2) => Status::Unknown,
        _ => return None,
    };
    let this_update = time(single.expect(tag::GENERALIZED_TIME)?);
    let next = single.optional(tag::explicit(0)).map(Reader::new);
    let next_update = next.and_then(|mut next| time(next.expect(tag::GENERALIZED_TIME)?));
    Some(Staple { status, revoked_at, reason, produced_at: None, this_update, next_update })
}

/// A number without the zeros before it.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// `CRLReason` (RFC 5280 section 5.3.1).
const fn reason_name(code: u8) -> &'static str {
    match code {
        1 => "key-compromise",
        2 => "ca-compromise",
        3 => "affiliation-changed",
        4 => "superseded",
        5 => "cessation-of-operation",
        6 => "certificate-hold",
        8 => "remove-from-crl",
        9 => "privilege-withdrawn",
        10 => "aa-compromise",
        _ => "unspecified",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element.
    fn el(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = content.len();
        let head = match length {
            ..128 => vec![tag, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [head, content].concat()
    }

    fn at(tag: u8, text: &str) -> Vec<u8> {
        el(tag, &[text.as_bytes()])
    }

    const TIME: u8 = tag::GENERALIZED_TIME;

    /// An answer about the certificate with the number 0x00f7 01, as openssl's ocsp writes it.
    fn response(status: &[u8], next: bool) -> Vec<u8> {
        let hash = el(0x30, &[&el(6, &[&[0x2b, 0x0e, 3, 2, 0x1a]]), &[5, 0]]);
        let (name, key) = (el(4, &[&[7; 20]]), el(4, &[&[8; 20]]));
        let id = el(0x30, &[&hash, &name, &key, &el(2, &[&[0, 0xf7, 1]])]);
        let this = at(TIME, "20261120000000Z");
        let next = if next { el(0xa0, &[&at(TIME, "20261127000000Z")]) } else { Vec::new() };
        let single = el(0x30, &[&id, status, &this, &next]);
        let by = el(0xa2, &[&el(4, &[&[9; 20]])]);
        let data = el(0x30, &[&by, &at(TIME, "20261120000100Z"), &el(0x30, &[&single])]);
        let basic = el(0x30, &[&data, &el(0x30, &[]), &el(3, &[&[0, 1]])]);
        let bytes = el(0xa0, &[&el(0x30, &[&el(6, &[BASIC]), &el(4, &[&basic])])]);
        el(0x30, &[&[0x0a, 1, 0], &bytes])
    }

    #[test]
    fn what_a_staple_says_is_told_of_its_own_certificate_only() {
        let good = response(&[0x80, 0], true);
        let told = Staple::read(&good, &[0xf7, 1]);
        assert_eq!(told.status, Status::Good);
        assert_eq!(told.produced_at, time(b"20261120000100Z"));
        assert_eq!(told.this_update, time(b"20261120000000Z"));
        assert_eq!(told.next_update, time(b"20261127000000Z"));
        let week = |day: &str| time(day.as_bytes()).expect("a time");
        assert!(
            !told.is_expired(week("20261127000000Z")) && told.is_expired(week("20261127000001Z"))
        );
        assert!(told.is_early(week("20261119235959Z")) && !told.is_early(week("20261120000000Z")));
        assert_eq!(Staple::read(&good, &[0xf7, 2]).status, Status::NotCovered);
        assert_eq!(Staple::read(&response(&[0x82, 0], true), &[0xf7, 1]).status, Status::Unknown);
        let open = Staple::read(&response(&[0x80, 0], false), &[0xf7, 1]);
        assert_eq!((open.status, open.next_update), (Status::Good, None));
        assert!(!open.is_expired(i64::MAX), "a newer one can always be had");
    }

    #[test]
    fn a_revoked_one_has_a_date_and_perhaps_a_reason() {
        let since = at(TIME, "20261101120000Z");
        let why = el(0xa0, &[&el(0x0a, &[&[1]])]);
        let told = Staple::read(&response(&el(0xa1, &[&since, &why]), true), &[0, 0xf7, 1]);
        assert_eq!((told.status, told.reason), (Status::Revoked, Some("key-compromise")));
        assert_eq!(told.revoked_at, time(b"20261101120000Z"));
        let told = Staple::read(&response(&el(0xa1, &[&since]), true), &[0xf7, 1]);
        assert_eq!((told.status, told.reason), (Status::Revoked, None));
    }

    #[test]
    fn whatever_is_broken_is_malformed_and_nothing_else() {
        let good = response(&[0x80, 0], true);
        for end in 0..good.len() {
            assert_eq!(Staple::read(&good[..end], &[0xf7, 1]).status, Status::Malformed, "{end}");
        }
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut broken = good.clone();
                broken[place] ^= 1 << bit;
                let _ = Staple::read(&broken, &[0xf7, 1]);
            }
        }
        assert_eq!(
            Staple::read(&[0x30, 3, 0x0a, 1, 3], &[1]).status,
            Status::Malformed,
            "try later"
        );
    }
}
