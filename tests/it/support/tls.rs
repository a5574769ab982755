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
        self.numbered(names, years, None)
    }

    /// The same with this number.
    pub(crate) fn numbered(
        &self,
        names: &[&str],
        years: (i32, i32),
        serial: Option<&[u8]>,
    ) -> Leaf {
        let (mut params, key) = params(names, years);
        params.serial_number = serial.map(|serial| serial.to_vec().into());
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

/// An answer of OCSP about the certificate with this number, signed by nobody: `status` as it stands in
/// one (RFC 6960 section 4.2.1), and by when a newer one was to be had.
pub(crate) fn ocsp(serial: &[u8], status: &[u8], next: &str) -> Vec<u8> {
    let el = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&[tag, 0x82, length[0], length[1]][..], &content].concat()
    };
    let time = |text: &str| [&[0x18, 15][..], text.as_bytes()].concat();
    let hash = el(0x30, &[b"\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00"]);
    let (name, key) = (el(4, &[&[7; 20]]), el(4, &[&[8; 20]]));
    let id = el(0x30, &[&hash, &name, &key, &el(2, &[serial])]);
    let since = time("20251201000000Z");
    let single = el(0x30, &[&id, status, &since, &el(0xa0, &[&time(next)])]);
    let by = el(0xa2, &[&el(4, &[&[9; 20]])]);
    let data = el(0x30, &[&by, &since, &el(0x30, &[&single])]);
    let basic = el(0x30, &[&data, &el(0x30, &[]), &el(3, &[&[0, 1]])]);
    let kind = b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
    let bytes = el(0xa0, &[&el(0x30, &[kind, &el(4, &[&basic])])]);
    el(0x30, &[&[0x0a, 1, 0], &bytes])
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

/// The same with an answer of OCSP beside the certificate.
pub(crate) fn serve_stapled((certificate, key): Leaf, staple: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().expect("versions");
    let config = config.with_no_client_auth();
    let config = config.with_single_cert_with_ocsp(vec![certificate], key, staple);
    serve_with(listener, Arc::new(config.expect("a certificate and its key")));
    port
}

/// The same at a listener of one's own.
pub(crate) fn serve_at(listener: TcpListener, leaf: Leaf) {
    serve_with(listener, config(leaf, &[]));
}

fn serve_with(listener: TcpListener, config: Arc<ServerConfig>) {
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
