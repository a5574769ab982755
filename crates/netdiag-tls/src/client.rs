//! What all sessions of a run have in common: whom to trust, and what to offer.

use crate::certificate::key_of;
use crate::fault::{Fault, Reason};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

/// Certificates that are trusted.
#[derive(Clone, Debug)]
pub struct Roots(pub(crate) Arc<RootCertStore>);

/// What all sessions have in common.
#[derive(Clone)]
pub struct Client {
    pub(crate) config: ClientConfig,
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) roots: Roots,
}

/// What one session asks for.
#[derive(Clone, Copy, Debug)]
pub struct Hello<'a> {
    /// The name or address that the certificate must be for.
    pub name: &'a str,
    /// Whether a name is told to the server (RFC 6066 section 3); an address never is.
    pub sni: bool,
    /// The protocols to choose from, the best first (RFC 7301).
    pub alpn: &'a [&'a str],
}

impl Roots {
    /// Nobody is trusted.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }

    /// The certificates of a file (PEM, RFC 7468); those that cannot be used are passed over.
    ///
    /// # Errors
    /// When it cannot be read, or there is not one certificate in it.
    pub fn read(file: impl Read) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_reader_iter(file) {
            let certificate = certificate.map_err(|error| format!("no PEM: {error}"))?;
            let _ = store.add(certificate);
        }
        match store.is_empty() {
            true => Err("no certificate in it".to_owned()),
            false => Ok(Self(Arc::new(store))),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Client {
    /// One that trusts these, and offers TLS 1.3 and 1.2 with all that ring has.
    ///
    /// # Errors
    /// When the library refuses its own defaults.
    pub fn new(roots: Roots) -> Result<Self, Fault> {
        let provider = Arc::new(ring::default_provider());
        let seen = Arc::new(Seen::new(&provider));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::of(&error, None))?;
        let mut config =
            builder.dangerous().with_custom_certificate_verifier(seen).with_no_client_auth();
        // Every handshake is a whole one: what is measured is that of a stranger.
        config.resumption = Resumption::disabled();
        Ok(Self { config, provider, roots })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

/// The name as certificates have it.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, Fault> {
    let bare = name.split('%').next().unwrap_or(name);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        let shown = netdiag_model::Untrusted::from(name);
        let message = format!("`{}` is no name that a certificate can have", shown.escaped());
        Fault::new(Reason::NameMismatch, message)
    })
}

/// Keeps what a server shows, and lets it go on whatever that is: it is judged afterwards, by all
/// rules and not only by the first that fails. That the server has the key of its certificate is
/// checked here.
#[derive(Debug)]
pub(crate) struct Seen {
    provider: Arc<CryptoProvider>,
    shown: Mutex<Credentials>,
}

/// What a server showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// What was stapled to it; nothing, where nothing was.
    pub(crate) staple: Vec<u8>,
}

impl Seen {
    pub(crate) fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self { provider: Arc::clone(provider), shown: Mutex::default() }
    }

    pub(crate) fn credentials(&self) -> Credentials {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        staple: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(end_entity).chain(intermediates);
        let chain = all.map(|one| one.clone().into_owned()).collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Credentials { chain, staple: staple.to_vec() };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = verify_tls13_signature(message, certificate, signed, algorithms);
        // A certificate may be of a kind that cannot be believed, and the server has its key all the same.
        verified.or_else(|error| match key_of(certificate) {
            Some(key) => verify_tls13_signature_with_raw_key(message, &key, signed, algorithms),
            None => Err(error),
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
