//! What is wrong with a handshake or with certificates, by stable words.

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

/// What is wrong, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A certificate is past its last day.
    Expired,
    /// A certificate is before its first day.
    NotYetValid,
    /// The certificate is for other names.
    NameMismatch,
    /// It was issued by itself, and is not among those that are trusted.
    SelfSigned,
    /// Nobody whom this machine trusts issued it, or whoever did.
    UnknownIssuer,
    /// The certificate between it and a trusted one was probably not sent.
    MissingIntermediate,
    /// Its key is none of those that were pinned.
    PinMismatch,
    /// A key is too small.
    WeakKey,
    /// It is signed by an algorithm that is not taken any more.
    WeakSignature,
    /// It is one to issue others by, or was issued by one that is not.
    WrongRole,
    /// It has a critical extension that is not known.
    CriticalExtension,
    /// It cannot be read, or is not fit for a server.
    BadCertificate,
    /// Neither TLS 1.3 nor TLS 1.2 is taken there.
    OldVersion,
    /// What came is no TLS.
    NotTls,
    /// The other end ended it with an alert (RFC 8446 section 6).
    Alert,
    /// Both ends have no cipher, group or signature in common.
    Incompatible,
    /// The other end broke the rules of TLS.
    Misbehaved,
}

/// What is wrong, and a sentence about it that is safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In a word.
    pub reason: Reason,
    /// In a sentence.
    pub message: String,
}

impl Reason {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::NameMismatch => "name-mismatch",
            Self::SelfSigned => "self-signed",
            Self::UnknownIssuer => "unknown-issuer",
            Self::MissingIntermediate => "missing-intermediate",
            Self::PinMismatch => "pin-mismatch",
            Self::WeakKey => "weak-key",
            Self::WeakSignature => "weak-signature",
            Self::WrongRole => "wrong-role",
            Self::CriticalExtension => "critical-extension",
            Self::BadCertificate => "bad-certificate",
            Self::OldVersion => "old-version",
            Self::NotTls => "not-tls",
            Self::Alert => "alert",
            Self::Incompatible => "incompatible",
            Self::Misbehaved => "misbehaved",
        }
    }
}

impl Reason {
    /// Whether it is about whom the certificate is of, which a pinned key says by itself.
    pub(crate) const fn is_about_identity(self) -> bool {
        matches!(
            self,
            Self::SelfSigned | Self::UnknownIssuer | Self::MissingIntermediate | Self::NameMismatch
        )
    }
}

impl Fault {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// What an error of a handshake means; `chosen` is the version that the other end chose, where it
    /// is one that is not offered.
    pub(crate) fn of(error: &Error, chosen: Option<&str>) -> Self {
        const TAKEN: &str = "neither TLS 1.3 nor TLS 1.2 is taken";
        if let Some(version) = chosen {
            let message = format!("{TAKEN}: it chose {version}");
            return Self::new(Reason::OldVersion, message);
        }
        match error {
            Error::AlertReceived(AlertDescription::ProtocolVersion) => {
                let message = format!("{TAKEN}, only older versions (alert protocol_version)");
                Self::new(Reason::OldVersion, message)
            }
            Error::AlertReceived(alert) => {
                let name = snake(&format!("{alert:?}"));
                Self::new(Reason::Alert, format!("the server ended the handshake: alert {name}"))
            }
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::new(Reason::OldVersion, TAKEN),
            Error::PeerIncompatible(what) => {
                let what = snake(&format!("{what:?}"));
                Self::new(Reason::Incompatible, format!("nothing in common: {what}"))
            }
            Error::InvalidCertificate(CertificateError::Other(why)) => {
                Self::of_certificate(&why.to_string())
            }
            Error::InvalidCertificate(error) => Self::of_certificate(&format!("{error:?}")),
            Error::NoCertificatesPresented => {
                Self::new(Reason::BadCertificate, "the server showed no certificate")
            }
            other => Self::new(Reason::Misbehaved, format!("the handshake broke: {other}")),
        }
    }
}

impl Fault {
    /// What the library says is wrong with a certificate, which it has words for only as a debugger has.
    fn of_certificate(said: &str) -> Self {
        const KNOWN: [(&str, Reason, &str); 6] = [
            (
                "CaUsedAsEndEntity",
                Reason::WrongRole,
                "the certificate is one to issue others by (CA:true), not one of a server",
            ),
            (
                "EndEntityUsedAsCa",
                Reason::WrongRole,
                "it was issued by a certificate that may not issue any (CA:false)",
            ),
            (
                "UnsupportedCriticalExtension",
                Reason::CriticalExtension,
                "a certificate has a critical extension that is not known here",
            ),
            (
                "UnsupportedSignatureAlgorithm",
                Reason::WeakSignature,
                "a certificate is signed by an algorithm that is not taken, such as SHA-1",
            ),
            ("BadSignature", Reason::BadCertificate, "a signature does not fit the certificate"),
            ("InvalidPurpose", Reason::BadCertificate, "the certificate is not for servers"),
        ];
        if let Some((_, reason, message)) = KNOWN.iter().find(|(name, ..)| said.contains(name)) {
            return Self::new(*reason, *message);
        }
        let name = said.split([' ', '{']).next().unwrap_or_default();
        let name = name.trim_end_matches(')').rsplit('(').next().unwrap_or_default();
        let name = snake(name).replace('_', " ");
        Self::new(Reason::BadCertificate, format!("the certificate is unusable: {name}"))
    }
}

/// `HandshakeFailure` as RFC 8446 writes it: `handshake_failure`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars().filter(char::is_ascii) {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_rfc() {
        let fault = Fault::of(&Error::AlertReceived(AlertDescription::HandshakeFailure), None);
        assert_eq!(fault.reason, Reason::Alert);
        assert!(fault.message.ends_with("alert handshake_failure"), "{}", fault.message);
        let fault = Fault::of(&Error::AlertReceived(AlertDescription::ProtocolVersion), None);
        assert_eq!(fault.reason, Reason::OldVersion);
        for (said, reason) in [
            ("Other(OtherError(CaUsedAsEndEntity))", Reason::WrongRole),
            ("UnsupportedSignatureAlgorithmContext { id: [6, 9] }", Reason::WeakSignature),
            ("Other(OtherError(UnsupportedCriticalExtension))", Reason::CriticalExtension),
            ("Other(OtherError(SomethingElse))", Reason::BadCertificate),
        ] {
            let fault = Fault::of_certificate(said);
            assert_eq!(fault.reason, reason, "{said}");
            assert!(!fault.message.contains("Other"), "{}", fault.message);
        }
        let fault = Fault::of(&Error::DecryptError, Some("TLS 1.1"));
        assert!(fault.message.ends_with("it chose TLS 1.1"), "{}", fault.message);
    }

    #[test]
    fn what_a_library_says_of_a_certificate_is_told_in_words() {
        let why = std::io::Error::other("UnsupportedCertVersion");
        let why = CertificateError::Other(rustls::OtherError(std::sync::Arc::new(why)));
        let fault = Fault::of(&Error::InvalidCertificate(why), None);
        assert_eq!(fault.message, "the certificate is unusable: unsupported cert version");
    }
}
