//! What a handshake begins with, and by what it is judged whatever carries it.

use crate::certificate::Certificate;
use crate::client::{Client, Hello, Roots, Seen, server_name};
use crate::fault::Fault;
use crate::session::Shown;
use crate::staple::Staple;
use crate::verdict::Judge;
use netdiag_model::Untrusted;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, CommonState, ProtocolVersion};
use std::sync::Arc;
use std::time::Duration;

/// Whom a handshake is made with, by which time, and what was seen of the other end.
pub(crate) struct Opening {
    pub(crate) name: ServerName<'static>,
    seen: Arc<Seen>,
    provider: Arc<CryptoProvider>,
    roots: Roots,
    now: Duration,
}

/// A clock that stands.
#[derive(Debug)]
struct Standing(UnixTime);

impl TimeProvider for Standing {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

impl Opening {
    /// One by `now`, since 1970-01-01 UTC, and what the library needs for it.
    pub(crate) fn new(
        client: &Client,
        hello: &Hello<'_>,
        now: Duration,
    ) -> Result<(Self, Arc<ClientConfig>), Fault> {
        let name = server_name(hello.name)?;
        let seen = Arc::new(Seen::new(&client.provider));
        let mut config = client.config.clone();
        let verifier: Arc<Seen> = Arc::clone(&seen);
        config.dangerous().set_certificate_verifier(verifier);
        config.time_provider = Arc::new(Standing(UnixTime::since_unix_epoch(now)));
        config.enable_sni = hello.sni;
        config.alpn_protocols = hello.alpn.iter().map(|one| one.as_bytes().to_vec()).collect();
        let (provider, roots) = (Arc::clone(&client.provider), client.roots.clone());
        Ok((Self { name, seen, provider, roots, now }, Arc::new(config)))
    }

    /// What the other end showed so far, judged.
    pub(crate) fn shown(&self, connection: &CommonState) -> Shown {
        let credentials = self.seen.credentials();
        let chain: Vec<Certificate> =
            credentials.chain.iter().filter_map(|der| Certificate::read(der)).collect();
        let judge = Judge {
            roots: &self.roots.0,
            algorithms: self.provider.signature_verification_algorithms.all,
            name: &self.name,
            now: self.now,
        };
        let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
        let group = connection.negotiated_key_exchange_group().map(|group| group.name());
        let alpn = connection.alpn_protocol();
        Shown {
            version: connection.protocol_version().and_then(version),
            cipher: suite.and_then(|suite| suite.as_str()).map(registered),
            group: group.map(|group| format!("{group:?}").to_lowercase()),
            alpn: alpn.map(|name| Untrusted::from(String::from_utf8_lossy(name).into_owned())),
            faults: judge.faults(&credentials.chain, &chain),
            staple: Some(&credentials.staple).filter(|staple| !staple.is_empty()).map(|staple| {
                let serial = chain.first().map(|leaf| leaf.serial.as_slice());
                Staple::read(staple, serial.unwrap_or_default())
            }),
            chain,
        }
    }
}

const fn version(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
        ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
        _ => None,
    }
}

/// The name of a cipher suite as it is registered: those of TLS 1.3 are `TLS_...` (RFC 8446 section B.4).
fn registered(name: &str) -> String {
    name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}
