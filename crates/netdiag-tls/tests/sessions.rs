//! Sessions with a real server, in memory: what is shown, and what is wrong with it.

use netdiag_tls::{Client, Fault, Hello, Reason, Roots, Session, Shown};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// 2026-01-01.
const NOW: Duration = Duration::from_secs(1_767_225_600);
const NAME: &str = "www.site.example";

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

fn authority(name: &str, above: Option<&Authority>) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    let certificate = match above {
        Some(above) => params.signed_by(&key, &above.issuer),
        None => params.self_signed(&key),
    };
    let certificate = certificate.expect("a certificate");
    let (pem, der) = (certificate.pem(), certificate.der().clone());
    Authority { issuer: Issuer::new(params, key), pem, der }
}

/// A certificate and its key; `years`: of which it is valid.
fn leaf(
    by: Option<&Authority>,
    names: &[&str],
    years: (i32, i32),
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "leaf \u{1b}[2J");
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let certificate = match by {
        Some(by) => params.signed_by(&key, &by.issuer),
        None => params.self_signed(&key),
    };
    let der = certificate.expect("a certificate").der().clone();
    (der, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

fn server(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConnection {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(versions).expect("versions").with_no_client_auth();
    let mut config = config.with_single_cert(chain, key).expect("a certificate and its key");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    ServerConnection::new(Arc::new(config)).expect("a server")
}

/// A server that shows a certificate as it is, whatever is wrong with it.
fn shameless(
    certificate: CertificateDer<'static>,
    key: &PrivateKeyDer<'static>,
) -> ServerConnection {
    let key = rustls::crypto::ring::sign::any_supported_type(key).expect("a key");
    let shown = Arc::new(CertifiedKey::new(vec![certificate], key));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_protocol_versions(&[&TLS13]).expect("versions").with_no_client_auth();
    let config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    ServerConnection::new(Arc::new(config)).expect("a server")
}

/// BIND makes such ones for `tls ephemeral`.
#[test]
fn a_certificate_of_version_1_is_shown_and_not_believed() {
    let (der, key) = leaf(None, &[NAME], (2000, 4000));
    let mut bytes = der.to_vec();
    let version = [0xa0, 3, 2, 1, 2];
    let place = bytes.windows(5).position(|five| five == version).expect("version 3");
    bytes[place + 4] = 0;
    let shown = shown(Roots::none(), &mut shameless(bytes.into(), &key));
    assert_eq!(reasons(&shown), [Reason::BadCertificate]);
    // That it has the key of what it shows is asked of it, too.
    let (_, other) = leaf(None, &[NAME], (2000, 4000));
    let mut bytes = der.to_vec();
    bytes[place + 4] = 0;
    let mut session = session(Roots::none(), NAME);
    assert!(talk(&mut session, &mut shameless(bytes.into(), &other), 1_000).is_err());
}

fn roots(authority: &Authority) -> Roots {
    Roots::read(authority.pem.as_bytes()).expect("a certificate")
}

fn session(roots: Roots, name: &str) -> Session {
    let client = Client::new(roots).expect("a client");
    let hello = Hello { name, sni: true, alpn: &["h2", "http/1.1"] };
    Session::new(&client, &hello, NOW).expect("a name")
}

/// Carries bytes in pieces from one to the other until both have nothing more to say.
fn talk(session: &mut Session, server: &mut ServerConnection, piece: usize) -> Result<(), Fault> {
    for _ in 0..20 {
        let sent = session.take_output();
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).expect("room");
            let _ = server.process_new_packets();
        }
        let mut came = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut came).expect("memory takes all");
        }
        if sent.is_empty() && came.is_empty() {
            break;
        }
        for piece in came.chunks(piece) {
            session.receive(piece).1?;
        }
    }
    Ok(())
}

fn shown(roots: Roots, server: &mut ServerConnection) -> Shown {
    let mut session = session(roots, NAME);
    talk(&mut session, server, 1_000).expect("a handshake");
    assert!(session.is_open());
    session.shown()
}

fn reasons(shown: &Shown) -> Vec<Reason> {
    for fault in &shown.faults {
        assert!(fault.message.chars().all(|c| !c.is_control()), "{fault:?}");
    }
    shown.faults.iter().map(|fault| fault.reason).collect()
}

#[test]
fn a_good_server_is_believed_in_both_versions_however_its_bytes_come() {
    let root = authority("root", None);
    for (versions, version) in [([&TLS13], "TLS 1.3"), ([&TLS12], "TLS 1.2")] {
        for piece in [1, 7, 100_000] {
            let (der, key) = leaf(Some(&root), &[NAME, "192.0.2.1"], (2025, 2027));
            let mut server = server(vec![der], key, &versions);
            let mut session = session(roots(&root), NAME);
            talk(&mut session, &mut server, piece).expect("a handshake");
            let shown = session.shown();
            assert_eq!((shown.version, reasons(&shown)), (Some(version), Vec::new()), "{shown:?}");
            assert!(shown.cipher.as_ref().is_some_and(|name| name.starts_with("TLS_")));
            assert_eq!(shown.group.as_deref(), Some("x25519"));
            assert_eq!(shown.alpn.as_ref().map(|name| name.as_raw()), Some("http/1.1"));
            let first = &shown.chain[0];
            assert_eq!(
                first.names.iter().map(|name| name.as_raw()).collect::<Vec<_>>(),
                [NAME, "192.0.2.1"]
            );
            assert_eq!((first.days_left(NOW), first.lifetime_days()), (365, 730));
            session.send(b"over there");
            talk(&mut session, &mut server, piece).expect("still open");
            let mut heard = [0; 10];
            server.reader().read_exact(&mut heard).expect("what was said");
            assert_eq!(&heard, b"over there");
            server.writer().write_all(b"and back").expect("room");
            let mut back = Vec::new();
            server.write_tls(&mut back).expect("room");
            assert_eq!(session.receive(&back), (b"and back".to_vec(), Ok(())));
        }
    }
}

#[test]
fn each_fault_of_a_certificate_has_a_reason_of_its_own() {
    let root = authority("root", None);
    let other = authority("another root", None);
    let middle = authority("middle", Some(&root));
    let valid = (2025, 2027);
    let check =
        |by: Option<&Authority>, names: &[&str], years, more: &[&Authority], what: &[Reason]| {
            let (der, key) = leaf(by, names, years);
            let chain =
                std::iter::once(der).chain(more.iter().map(|one| one.der.clone())).collect();
            let shown = shown(roots(&root), &mut server(chain, key, &[&TLS13]));
            assert_eq!(reasons(&shown), what, "{shown:?}");
        };
    check(Some(&root), &[NAME], valid, &[], &[]);
    check(Some(&middle), &[NAME], valid, &[&middle], &[]);
    check(Some(&root), &[NAME], (2024, 2025), &[], &[Reason::Expired]);
    check(Some(&root), &[NAME], (2027, 2028), &[], &[Reason::NotYetValid]);
    check(Some(&root), &["mail.example"], valid, &[], &[Reason::NameMismatch]);
    check(Some(&root), &[], valid, &[], &[Reason::NameMismatch]);
    check(Some(&root), &["*.site.example"], valid, &[], &[]);
    check(None, &[NAME], valid, &[], &[Reason::SelfSigned]);
    check(Some(&other), &[NAME], valid, &[&other], &[Reason::UnknownIssuer]);
    check(Some(&middle), &[NAME], valid, &[], &[Reason::UnknownIssuer]);
    // A wrong file: what was sent leads nowhere, though its issuer is trusted.
    let stranger = authority("stranger", Some(&root));
    check(Some(&middle), &[NAME], valid, &[&stranger], &[Reason::MissingIntermediate]);
    // All of it is told, not only the first.
    let all = [Reason::Expired, Reason::SelfSigned, Reason::NameMismatch];
    check(None, &["mail.example"], (2024, 2025), &[], &all);
}

#[test]
fn the_certificate_of_an_authority_is_none_of_a_server() {
    let root = authority("root", None);
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let der = params.signed_by(&key, &root.issuer).expect("a certificate").der().clone();
    let secret: PrivateKeyDer<'static> = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let shown = shown(roots(&root), &mut server(vec![der], secret, &[&TLS13]));
    assert_eq!(reasons(&shown), [Reason::WrongRole]);
    assert!(!shown.faults[0].message.contains("Error"), "{}", shown.faults[0].message);
}

#[test]
fn a_certificate_that_is_itself_trusted_needs_no_issuer() {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let trusted = Roots::read(certificate.pem().as_bytes()).expect("a certificate");
    let secret: PrivateKeyDer<'static> = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let mut server = server(vec![certificate.der().clone()], secret, &[&TLS13]);
    assert_eq!(reasons(&shown(trusted, &mut server)), []);
}

#[test]
fn an_address_is_a_name_too_and_a_zone_is_no_part_of_it() {
    let root = authority("root", None);
    for (name, what) in [("192.0.2.1", &[][..]), ("fe80::1%eth0", &[Reason::NameMismatch])] {
        let (der, key) = leaf(Some(&root), &["192.0.2.1"], (2025, 2027));
        let mut server = server(vec![der], key, &[&TLS13]);
        let mut session = session(roots(&root), name);
        talk(&mut session, &mut server, 1_000).expect("a handshake");
        assert_eq!(reasons(&session.shown()), what, "{name}");
    }
}

#[test]
fn what_is_no_tls_or_an_old_one_or_ends_in_an_alert_is_told_apart() {
    let check = |bytes: &[u8], what: Reason| {
        let mut session = session(Roots::none(), NAME);
        session.take_output();
        let fault = session.receive(bytes).1.expect_err("a fault");
        assert_eq!(fault.reason, what, "{fault:?}");
        fault.message
    };
    let said = check(b"HTTP/1.1 400 Bad\x1b Request\r\n\r\n", Reason::NotTls);
    assert!(said.contains("`HTTP/1.1 400 Bad\\u{1b} Request`"), "{said}");
    check(b"\x15\x03\x01\x00\x02\x02\x46", Reason::OldVersion);
    let said = check(b"\x15\x03\x03\x00\x02\x02\x28", Reason::Alert);
    assert!(said.contains("handshake_failure"), "{said}");
    // A hello of TLS 1.1: 32 random bytes, no session, a cipher, no compression.
    let mut hello = vec![22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0]);
    let said = check(&hello, Reason::OldVersion);
    assert!(said.contains("TLS 1.1"), "{said}");
}

#[test]
fn what_was_said_before_a_record_that_is_broken_is_heard() {
    let root = authority("root", None);
    for piece in [1, 30, 100_000] {
        let (der, key) = leaf(Some(&root), &[NAME], (2025, 2027));
        let mut server = server(vec![der], key, &[&TLS13]);
        let mut session = session(roots(&root), NAME);
        talk(&mut session, &mut server, 1_000).expect("a handshake");
        let mut bytes = Vec::new();
        for said in [&b"all of "[..], b"it"] {
            server.writer().write_all(said).expect("room");
            server.write_tls(&mut bytes).expect("room");
        }
        // A record that nobody made with their key.
        bytes.extend([23, 3, 3, 0, 20]);
        bytes.extend([7; 20]);
        let (mut heard, mut faults) = (Vec::new(), 0);
        for piece in bytes.chunks(piece) {
            let (plain, result) = session.receive(piece);
            heard.extend(plain);
            faults += usize::from(result.is_err());
        }
        assert_eq!((heard.as_slice(), faults), (&b"all of it"[..], 1), "{piece}");
    }
}

#[test]
fn any_bytes_end_in_a_fault_or_in_nothing() {
    let mut state = 7_u32;
    for round in 0..300 {
        let mut session = session(Roots::none(), NAME);
        session.take_output();
        let mut bytes = vec![22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3];
        bytes.resize(200, 0);
        for byte in bytes.iter_mut().skip(round % 12) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte ^= (state >> 24) as u8;
        }
        let _ = session.receive(&bytes);
        assert!(!session.is_open());
        let _ = (session.shown(), session.take_output());
    }
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    assert!(Roots::read(&b"nothing"[..]).is_err());
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(Roots::read(&broken[..]).is_err());
    let hello = Hello { name: "no name", sni: true, alpn: &[] };
    let client = Client::new(Roots::none()).expect("a client");
    assert!(Session::new(&client, &hello, NOW).is_err());
}
