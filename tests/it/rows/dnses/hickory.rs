//! hickory-server on loopback, by every transport (I2): a server that is not the tests' own, where there
//! is no BIND, too.

use super::dns;
use super::stub::both_at;
use crate::support::process::{Ended, NETDIAG, bound, run};
use crate::support::{schema, tls};
use hickory_server::Server;
use hickory_server::proto::rr::Name;
use hickory_server::proto::serialize::txt::Parser;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// How long it waits for whatever a client does.
const PATIENCE: Duration = Duration::from_secs(30);

const ZONE: &str = "\
$TTL 300
@ IN SOA ns.lab.example. host.lab.example. 7 3600 600 86400 60
@ IN NS ns.lab.example.
ns IN A 192.0.2.53
a IN A 192.0.2.1
a IN A 192.0.2.2
aaaa IN AAAA 2001:db8::1
alias IN CNAME a.lab.example.
mx IN MX 10 mail.lab.example.
srv IN SRV 1 2 443 a.lab.example.
txt IN TXT \"one\" \"two; three\"
caa IN CAA 0 issue \"ca.example\"
";

/// What is asked, what comes of it, and the data of the answers.
const QUESTIONS: &[(&str, &str, &str, &[&str])] = &[
    ("a", "A", "answer", &["192.0.2.1", "192.0.2.2"]),
    ("aaaa", "AAAA", "answer", &["2001:db8::1"]),
    ("alias", "A", "answer", &["192.0.2.1", "192.0.2.2", "a.lab.example."]),
    ("mx", "MX", "answer", &["10 mail.lab.example."]),
    ("srv", "SRV", "answer", &["1 2 443 a.lab.example."]),
    ("txt", "TXT", "answer", &["\"one\" \"two; three\""]),
    ("caa", "CAA", "answer", &["0 issue \"ca.example\""]),
    ("a", "MX", "nodata", &[]),
    ("nothere", "A", "nxdomain", &[]),
];

/// The server, and who vouches for it.
struct Lab {
    ca: tls::CaFile,
    /// Over UDP and TCP.
    plain: u16,
    tls: u16,
    https: u16,
    quic: u16,
    h3: u16,
}

impl Lab {
    fn new() -> Self {
        let root = tls::Authority::new("lab root");
        let (udp, tcp) = both_at("127.0.0.1:0");
        tcp.listen(16).expect("it is bound");
        let tcp = TcpListener::from(tcp);
        let [dot, doh] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let [doq, doh3] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a free port"));
        let lab = Self {
            ca: root.file(),
            plain: port(udp.local_addr()),
            tls: port(dot.local_addr()),
            https: port(doh.local_addr()),
            quic: port(doq.local_addr()),
            h3: port(doh3.local_addr()),
        };
        let shown = tls::config(root.leaf(&["127.0.0.1"], tls::VALID), &[]);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let (shown, mut server) = (&shown.cert_resolver, Server::new(catalog()));
                server.register_socket(datagrams(udp));
                server.register_listener(listener(tcp), PATIENCE, 32);
                let dot = server.register_tls_listener(listener(dot), PATIENCE, Arc::clone(shown));
                dot.expect("TLS");
                let path = "/dns-query".to_owned();
                let certificate = Arc::clone(shown);
                let doh = listener(doh);
                let doh = server.register_https_listener(doh, PATIENCE, certificate, None, path);
                doh.expect("HTTPS");
                let doq =
                    server.register_quic_listener(datagrams(doq), PATIENCE, Arc::clone(shown));
                doq.expect("QUIC");
                let certificate = Arc::clone(shown);
                let doh3 = datagrams(doh3);
                let doh3 = server.register_h3_listener(doh3, PATIENCE, certificate, None);
                doh3.expect("HTTP/3");
                let _ = server.block_until_done().await;
            });
        });
        lab
    }

    /// The words by which it is asked over each transport, and what that is called. By HTTP it takes no
    /// GET.
    fn ways(&self) -> [(&'static str, Vec<String>); 6] {
        let at = |port: u16| format!("@127.0.0.1:{port}");
        let ca = || ["--ca".to_owned(), self.ca.path().to_owned()];
        let over_tls =
            |port: u16, option: &str| [vec![option.to_owned(), at(port)], ca().to_vec()].concat();
        [
            ("udp", vec![at(self.plain)]),
            ("tcp", vec!["--tcp".to_owned(), at(self.plain)]),
            ("tls", over_tls(self.tls, "--tls")),
            ("https", over_tls(self.https, "--https")),
            ("quic", over_tls(self.quic, "--quic")),
            ("https3", over_tls(self.h3, "--http3")),
        ]
    }
}

fn port(at: std::io::Result<std::net::SocketAddr>) -> u16 {
    at.expect("bound").port()
}

fn datagrams(socket: UdpSocket) -> tokio::net::UdpSocket {
    socket.set_nonblocking(true).expect("it can be");
    tokio::net::UdpSocket::from_std(socket).expect("within a runtime")
}

fn listener(listener: TcpListener) -> tokio::net::TcpListener {
    listener.set_nonblocking(true).expect("it can be");
    tokio::net::TcpListener::from_std(listener).expect("within a runtime")
}

/// The zone, and in it a name with more than fits a datagram.
fn catalog() -> Catalog {
    let big: String =
        (0..40).map(|number| format!("big IN TXT \"{number:02} {}\"\n", "x".repeat(60))).collect();
    let origin = Name::from_ascii("lab.example.").expect("a name");
    let zone = Parser::new(format!("{ZONE}{big}"), None, Some(origin)).parse();
    let (origin, records) = zone.expect("a zone");
    let of_zone = origin.clone();
    let zone = <InMemoryZoneHandler>::new(of_zone, records, ZoneType::Primary, AxfrPolicy::Deny);
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::new(zone.expect("a zone with its SOA"))]);
    catalog
}

/// Asks and checks the document.
fn ask(words: &[String], more: &[&str]) -> Ended {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ended = dns(&[&["--json", "-W", "20"], more, &words].concat());
    schema::check("dns", &ended.json());
    ended
}

#[test]
fn i2_each_transport_brings_what_hickory_says() {
    let lab = Lab::new();
    let mut file = tempfile::NamedTempFile::new().expect("a folder for it");
    for (name, kind, ..) in QUESTIONS {
        writeln!(file, "{name}.lab.example {kind}").expect("room for it");
    }
    let file = file.path().to_str().expect("plain letters");
    for (transport, words) in lab.ways() {
        let ended = ask(&words, &["--file", file]);
        // Not all have an answer.
        assert_eq!(ended.code(), Some(1), "{words:?}: {ended:?}");
        let targets = ended.json()["targets"].as_array().expect("targets").clone();
        assert_eq!(targets.len(), QUESTIONS.len());
        for (target, (name, kind, outcome, data)) in targets.iter().zip(QUESTIONS) {
            let result = &target["results"][0];
            assert_eq!(result["outcome"], *outcome, "{words:?} {name} {kind}: {result:#}");
            assert_eq!(result["transport"], transport, "{name} {kind}");
            let answers = result["answers"].as_array().expect("a list").iter();
            let mut came: Vec<&str> =
                answers.map(|it| it["data"].as_str().expect("text")).collect();
            came.sort_unstable();
            assert_eq!(came, *data, "{words:?} {name} {kind}");
        }
    }
}

#[test]
fn i2_what_hickory_cuts_is_had_over_tcp_and_whole_over_the_others() {
    let lab = Lab::new();
    for (transport, words) in lab.ways() {
        let ended = ask(&words, &["big.lab.example", "TXT"]);
        assert_eq!(ended.code(), Some(0), "{words:?}: {ended:?}");
        let result = ended.target()["results"][0].clone();
        assert_eq!(result["answers"].as_array().map(Vec::len), Some(40), "{words:?}");
        let is_cut = transport == "udp";
        assert_eq!(result["retried_over_tcp"], is_cut, "{words:?}");
        assert_eq!(result["transport"], if is_cut { "tcp" } else { transport });
    }
}

#[test]
fn m5_a_name_is_waited_for_over_every_transport() {
    let lab = Lab::new();
    let wait_for = |words: &[&str]| run(bound(NETDIAG).arg("wait-for").args(words));
    let ca = lab.ca.path();
    for (transport, words) in lab.ways() {
        let spec = format!("dns:a.lab.example A {}", words.join(" "));
        let ended = wait_for(&["--json", "--timeout", "30", &spec]);
        assert_eq!(ended.code(), Some(0), "{spec}: {ended:?}");
        let said = &ended.json()["checks"][0]["measurement"]["results"][0];
        assert_eq!(said["transport"], transport, "{spec}: {said:#}");
    }
    for (scheme, port) in [("https", lab.https), ("quic", lab.quic), ("h3", lab.h3)] {
        let spec = format!("dns:a.lab.example A @{scheme}://127.0.0.1:{port}");
        for options in [&["--ca", ca][..], &["--insecure"]] {
            let ended = wait_for(&[&["--timeout", "30"], options, &[&spec]].concat());
            assert_eq!(ended.code(), Some(0), "{spec} {options:?}: {ended:?}");
        }
        let ended = wait_for(&["--json", "--timeout", "0.5", &spec]);
        assert_eq!(ended.code(), Some(1), "{spec}: {ended:?}");
        let failure = ended.json()["checks"][0]["failure"]["reason"].clone();
        assert_eq!(failure, "unknown-issuer", "{spec}: {ended:?}");
    }
    for (words, part) in [
        (&["dns:a.lab.example --nosuch"][..], "--nosuch"),
        (&["dns:a.lab.example --json"], "`--json`: no option"),
        (&["dns:"], "no NAME"),
        (&["--ca", ca, "dns:a.lab.example --tcp"], "--ca: no SPEC"),
    ] {
        let ended = wait_for(words);
        assert_eq!(ended.code(), Some(2), "{words:?}: {ended:?}");
        assert!(ended.err.contains(part), "{words:?}: {ended:?}");
    }
}
