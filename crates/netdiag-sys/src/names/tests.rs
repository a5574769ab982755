//! Names against files and a server of our own on loopback.

use super::*;
use std::fmt::Write;
use std::net::UdpSocket;
use std::thread::JoinHandle;
use tempfile::TempDir;

/// What a test server does with a question.
#[derive(Clone, Copy)]
enum Answer {
    A([u8; 4]),
    Aaaa([u16; 8]),
    Code(u8),
    Nothing,
}

/// A DNS server on loopback that answers by the name and type asked for, until it is dropped.
struct Server {
    address: std::net::SocketAddr,
    thread: Option<JoinHandle<usize>>,
}

impl Server {
    fn start(host: &str, port: u16, answer: fn(&str, u16) -> Answer) -> Self {
        let socket = UdpSocket::bind((host, port)).expect("a port");
        let address = socket.local_addr().expect("an address");
        let thread = std::thread::spawn(move || {
            let mut bytes = [0; 512];
            let mut asked = 0;
            loop {
                let (len, from) = socket.recv_from(&mut bytes).expect("a question");
                if len < 12 {
                    return asked;
                }
                asked += 1;
                if let Some(response) = respond(&bytes[..len], answer) {
                    socket.send_to(&response, from).expect("sent");
                }
            }
        });
        Self { address, thread: Some(thread) }
    }

    /// Ends it; returns how many questions came.
    fn stop(mut self) -> usize {
        self.end().expect("the thread runs until now")
    }

    fn end(&mut self) -> Option<usize> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.send_to(b"stop", self.address).expect("sent");
        self.thread.take().map(|thread| thread.join().expect("no panic"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.end();
        }
    }
}

fn respond(question: &[u8], answer: fn(&str, u16) -> Answer) -> Option<Vec<u8>> {
    let mut name = String::new();
    let mut at = 12;
    while question[at] != 0 {
        let len = usize::from(question[at]);
        let label = std::str::from_utf8(&question[at + 1..=at + len]).expect("ASCII");
        write!(name, "{label}.").expect("a string");
        at += len + 1;
    }
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let (code, data) = match answer(&name.to_lowercase(), kind) {
        Answer::Nothing => return None,
        Answer::Code(code) => (code, None),
        Answer::A(octets) => (0, (kind == 1).then(|| octets.to_vec())),
        Answer::Aaaa(words) => {
            (0, (kind == 28).then(|| words.iter().flat_map(|word| word.to_be_bytes()).collect()))
        }
    };
    let mut response = question[..2].to_vec();
    response.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    response.extend(&question[12..at + 5]);
    if let Some(data) = data {
        response.extend([0xc0, 12]);
        response.extend(kind.to_be_bytes());
        response.extend([0, 1, 0, 0, 0, 60]);
        response.extend((data.len() as u16).to_be_bytes());
        response.extend(data);
    }
    Some(response)
}

/// Files of our own in place of /etc/hosts and /etc/resolv.conf.
struct Files {
    folder: TempDir,
    port: u16,
}

impl Files {
    fn new(hosts: &str, resolv_conf: &str, port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("hosts"), hosts).expect("written");
        std::fs::write(folder.path().join("resolv.conf"), resolv_conf).expect("written");
        Self { folder, port }
    }

    fn resolve(&self, name: &str, family: Option<Family>) -> Result<Vec<String>, LookupError> {
        self.resolve_within(name, family, TOTAL)
    }

    fn resolve_within(
        &self,
        name: &str,
        family: Option<Family>,
        total: Duration,
    ) -> Result<Vec<String>, LookupError> {
        let hosts = self.folder.path().join("hosts");
        let resolv_conf = self.folder.path().join("resolv.conf");
        let sources = Sources { hosts: &hosts, resolv_conf: &resolv_conf, port: self.port };
        let found = resolve_with(sources, name, family, total)?;
        Ok(found.iter().map(ToString::to_string).collect())
    }
}

const V4: Option<Family> = Some(Family::Ipv4);
const V6: Option<Family> = Some(Family::Ipv6);

fn not_found(what: &str, by: &str) -> Result<Vec<String>, LookupError> {
    Err(LookupError::NotFound { what: what.to_owned(), by: by.to_owned() })
}

fn not_known(tried: &str, reason: &str, errno: Option<i32>) -> Result<Vec<String>, LookupError> {
    let (tried, reason) = (tried.to_owned(), reason.to_owned());
    Err(LookupError::NoAnswer { tried, reason, errno })
}

#[test]
fn literal_addresses_need_no_files() {
    let files = Files::new("", "", 0);
    std::fs::remove_file(files.folder.path().join("resolv.conf")).expect("removed");
    let check = |text: &str, expected: &str| {
        assert_eq!(files.resolve(text, None), Ok(vec![expected.to_owned()]), "{text}");
    };
    check("192.0.2.1", "192.0.2.1");
    check("::1", "::1");
    check("[::1]", "::1");
    check("fe80::1%7", "fe80::1%7");
    check("[fe80::1%7]", "fe80::1%7");
    check("fe80::1%lo", "fe80::1%1");
    assert_eq!(files.resolve("::1", V4), not_found("no A record", "the address itself"));
    let unknown = files.resolve("fe80::1%no-such", None);
    assert_eq!(unknown, not_found("no interface no-such", "this machine"));
}

#[test]
fn what_cannot_be_a_name_is_not_looked_up() {
    let files = Files::new("", "", 0);
    let long = "x".repeat(64) + ".test";
    let endless = "abcdefg.".repeat(40);
    let texts = [
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "a\0b",
        " a",
        "http://a",
        "a:53",
        "192.0.2.256",
        "192.0.2.1.1",
        "4294967296",
        "[192.0.2.1]",
        "192.0.2.1%lo",
        "[a]",
        "a%lo",
        "fe80::1%a\0",
        &long,
        &endless,
    ];
    for text in texts {
        let expected = Err(LookupError::Invalid { name: Untrusted::from(text) });
        assert_eq!(files.resolve(text, None), expected, "{text:?}");
    }
}

#[test]
fn the_hosts_file_and_localhost_come_before_every_server() {
    let hosts = "127.0.0.9 alpha.test Alpha # comment\n::9 alpha.test\ngarbage line\n\n";
    let files = Files::new(hosts, "", 0);
    assert_eq!(files.resolve("alpha", None), Ok(vec!["127.0.0.9".to_owned()]));
    assert_eq!(files.resolve("ALPHA.test", V4), Ok(vec!["127.0.0.9".to_owned()]));
    assert_eq!(files.resolve("alpha.test", V6), Ok(vec!["::9".to_owned()]));
    assert_eq!(files.resolve("localhost", V4), Ok(vec!["127.0.0.1".to_owned()]));
    assert_eq!(files.resolve("a.localhost.", V6), Ok(vec!["::1".to_owned()]));
    assert_eq!(files.resolve("localhost", None).map(|found| found.len()), Ok(2));
}

#[test]
fn a_server_answers_and_is_named() {
    let server = Server::start("127.0.0.1", 0, |name, _| match name {
        "four.test." => Answer::A([127, 0, 0, 4]),
        "six.test." => Answer::Aaaa([0, 0, 0, 0, 0, 0, 0, 6]),
        "below.search.test." => Answer::A([127, 0, 0, 5]),
        "broken.test." => Answer::Code(2),
        _ => Answer::Code(3),
    });
    let conf = "nameserver 127.0.0.1\nsearch search.test\n";
    let files = Files::new("", conf, server.address.port());
    assert_eq!(files.resolve("four.test", None), Ok(vec!["127.0.0.4".to_owned()]));
    assert_eq!(files.resolve("six.test.", None), Ok(vec!["::6".to_owned()]));
    assert_eq!(files.resolve("below", V4), Ok(vec!["127.0.0.5".to_owned()]));
    assert_eq!(files.resolve("four.test.", V6), not_found("no AAAA record", "127.0.0.1"));
    assert_eq!(files.resolve("none.test.", None), not_found("NXDOMAIN", "127.0.0.1"));
    // Of the names that a search asks for one exists, which is not the last one.
    assert_eq!(files.resolve("four.test", V6), not_found("no AAAA record", "127.0.0.1"));
    assert_eq!(files.resolve("below", V6), not_found("no AAAA record", "127.0.0.1"));
    assert_eq!(files.resolve("none.test", None), not_found("NXDOMAIN", "127.0.0.1"));
    let unknown = not_known("127.0.0.1 answered SERVFAIL (2 tries, 0.0 s)", "servfail", None);
    assert_eq!(files.resolve("broken.test.", None), unknown);
}

#[test]
fn a_silent_server_is_given_up_in_time_and_named() {
    let server = Server::start("127.0.0.1", 0, |_, _| Answer::Nothing);
    let files = Files::new("", "nameserver 127.0.0.1\n", server.address.port());
    let start = crate::clock::now();
    let result = files.resolve_within("a.test.", V4, Duration::from_secs(1));
    let took = crate::clock::now().since(start);
    assert!(took < Duration::from_millis(1_200), "{took:?}");
    assert_eq!(result, not_known("127.0.0.1 timed out (2 tries, 1.0 s)", "no-resolver", None));
    assert!(server.stop() >= 2);
}

#[test]
fn the_next_server_is_asked_when_one_is_silent_or_fails() {
    for first in [|_: &str, _| Answer::Nothing, |_: &str, _| Answer::Code(5)] {
        let silent = Server::start("127.0.0.1", 0, first);
        let port = silent.address.port();
        let good = Server::start("127.0.0.2", port, |_, _| Answer::A([127, 0, 0, 7]));
        let conf = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n";
        let files = Files::new("", conf, port);
        assert_eq!(files.resolve("a.test.", V4), Ok(vec!["127.0.0.7".to_owned()]));
        assert!(silent.stop() >= 1);
        assert_eq!(good.stop(), 1);
    }
}

#[test]
fn a_port_without_a_server_is_named() {
    let free = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let files = Files::new("", "nameserver 127.0.0.1\n", port);
    let tried = "127.0.0.1 refused: nothing listens on its port (ECONNREFUSED) (2 tries, 0.0 s)";
    assert_eq!(files.resolve("a.test.", V4), not_known(tried, "refused", Some(111)));
}

#[test]
fn what_one_server_answered_says_more_than_what_became_of_another() {
    let broken = Server::start("127.0.0.2", 0, |_, _| Answer::Code(2));
    let port = broken.address.port();
    let conf = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n";
    let tried = "127.0.0.1 refused: nothing listens on its port (ECONNREFUSED) (2 tries, 0.0 s), \
                 127.0.0.2 answered SERVFAIL (2 tries, 0.0 s)";
    let found = Files::new("", conf, port).resolve("a.test.", V4);
    assert_eq!(found, not_known(tried, "servfail", None));
    // One closed and one silent: not the same of both.
    let silent = Server::start("127.0.0.3", port, |_, _| Answer::Nothing);
    let files = Files::new("", "nameserver 127.0.0.1\nnameserver 127.0.0.3\n", port);
    let found = files.resolve_within("a.test.", V4, Duration::from_secs(1));
    let Err(LookupError::NoAnswer { reason, errno, .. }) = found else { panic!("{found:?}") };
    assert_eq!((reason.as_str(), errno), ("no-resolver", None));
    assert!(silent.stop() >= 1);
}

/// Behind so many others that a silent server keeps from being answered.
#[test]
fn a_name_that_there_was_no_time_for_is_told_as_not_asked_and_is_not() {
    let server = Server::start("127.0.0.1", 0, |_, _| Answer::A([127, 0, 0, 7]));
    let files = Files::new("127.0.0.9 here.test", "nameserver 127.0.0.1\n", server.address.port());
    let found = files.resolve_within("a.test.", V4, Duration::ZERO);
    let tried = "not asked: the 5 s for all names were over";
    assert_eq!(found, not_known(tried, "not-asked", None));
    let found = files.resolve_within("here.test", V4, Duration::ZERO);
    assert_eq!(found, Ok(vec!["127.0.0.9".to_owned()]), "what needs no server takes no time");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_missing_or_senseless_resolv_conf_is_named() {
    for text in [None, Some("garbage\n\u{0}\u{1}"), Some("nameserver no.address\n")] {
        let files = Files::new("", text.unwrap_or_default(), 0);
        let path = files.folder.path().join("resolv.conf");
        if text.is_none() {
            std::fs::remove_file(&path).expect("removed");
        }
        let result = files.resolve("a.test", None);
        let Err(LookupError::NoAnswer { tried, .. }) = result else { panic!("{result:?}") };
        assert!(tried.starts_with(&path.display().to_string()), "{tried}");
    }
}
