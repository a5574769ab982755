//! Servers that speak TLS, and the certificates that they show.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// Years between which a certificate is valid, whatever year it is.
pub(crate) const VALID: (i32, i32) = (2000, 4000);
pub(crate) const PAST: (i32, i32) = (2000, 2001);
pub(crate) const FUTURE: (i32, i32) = (3999, 4000);

/// A certificate and its key.
pub(crate) type Leaf = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// Somebody who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A file with the certificate of one.
pub(crate) struct CaFile(tempfile::NamedTempFile);

impl CaFile {
    pub(crate) fn path(&self) -> &str {
        self.0.path().to_str().expect("plain letters")
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(crate) fn file(&self) -> CaFile {
        let mut file = tempfile::NamedTempFile::new().expect("a folder for it");
        file.write_all(self.pem.as_bytes()).expect("room for it");
        CaFile(file)
    }

    /// A certificate for these names.
    pub(crate) fn leaf(&self, names: &[&str], years: (i32, i32)) -> Leaf {
        let (params, key) = params(names, years);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

/// A certificate that nobody vouches for.
pub(crate) fn self_signed(names: &[&str]) -> Leaf {
    let (params, key) = params(names, VALID);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

fn params(names: &[&str], years: (i32, i32)) -> (CertificateParams, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    (params, KeyPair::generate().expect("a key"))
}

/// A port of loopback at which what is said over TLS comes back.
pub(crate) fn serve(leaf: Leaf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    serve_at(listener, leaf);
    port
}

/// The same at a listener of one's own.
pub(crate) fn serve_at(listener: TcpListener, leaf: Leaf) {
    let config = config(leaf, &[]);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || echo(connection, config));
        }
    });
}

/// What a server shows, and the protocols that it speaks.
pub(crate) fn config(leaf: Leaf, alpn: &[&str]) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth().with_single_cert(vec![leaf.0], leaf.1);
    let mut config = config.expect("a certificate and its key");
    config.alpn_protocols = alpn.iter().map(|one| one.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A connection over TLS.
pub(crate) fn accept(
    connection: TcpStream,
    config: Arc<ServerConfig>,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config).expect("a server"), connection)
}

fn echo(connection: TcpStream, config: Arc<ServerConfig>) {
    let mut stream = accept(connection, config);
    let mut said = [0; 1_024];
    while let Ok(count @ 1..) = stream.read(&mut said) {
        if stream.write_all(&said[..count]).and_then(|()| stream.flush()).is_err() {
            break;
        }
    }
}
