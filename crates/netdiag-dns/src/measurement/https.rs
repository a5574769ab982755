//! Queries over HTTPS (RFC 8484): each is a request of its own over the connection.

use crate::event::Http;
use data_encoding::BASE64URL_NOPAD;
use netdiag_http::{Client, Event, Fault, Head, Method, Reason, Request, Spoken, Url};
use netdiag_model::{Instant, Untrusted};
use std::collections::{BTreeMap, VecDeque};

/// What messages are called (RFC 8484 section 6).
const MEDIA_TYPE: &str = "application/dns-message";
/// The longest message of DNS, in bytes.
const LONGEST: usize = 65_535;
/// How many answers are waited for whose queries were given up.
const MOST_LATE: usize = 16;

/// Queries over one connection.
#[derive(Debug)]
pub(super) struct Https {
    requests: Requests,
    /// Once TLS is open.
    client: Option<Client>,
    /// Queries that wait for that.
    waiting: Vec<(u64, Vec<u8>)>,
}

/// Queries as requests, whatever version of HTTP carries them.
#[derive(Debug)]
pub(super) struct Requests {
    method: Method,
    url: Url,
    /// Requests without an answer, by their number.
    asked: BTreeMap<u64, Asked>,
    /// Those of them whose queries were given up.
    late: VecDeque<u64>,
}

#[derive(Debug)]
struct Asked {
    /// The number of the query.
    seq: u64,
    /// The head of its answer, and when that came.
    head: Option<(Head, Instant)>,
    body: Vec<u8>,
}

/// What became of a query.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) seq: u64,
    pub(super) http: Option<Http>,
    /// The message, or why there is none.
    pub(super) result: Result<Vec<u8>, Why>,
}

/// Why there is no message.
#[derive(Clone, Debug)]
pub(super) struct Why {
    /// In a word.
    pub(super) reason: &'static str,
    /// In a sentence, safe to print.
    pub(super) message: String,
    /// The server has not looked at it.
    pub(super) is_untouched: bool,
}

impl Https {
    pub(super) const fn new(requests: Requests) -> Self {
        Self { requests, client: None, waiting: Vec::new() }
    }

    /// TLS is open, and the server has chosen a protocol.
    pub(super) fn begin(&mut self, chosen: Option<&str>) {
        self.client = Some(Client::new(Spoken::by_alpn(chosen)));
        for (seq, message) in std::mem::take(&mut self.waiting) {
            self.ask(seq, &message);
        }
    }

    /// Puts a query to the server, now or once that is possible.
    pub(super) fn ask(&mut self, seq: u64, message: &[u8]) {
        let Some(client) = &mut self.client else {
            return self.waiting.push((seq, message.to_vec()));
        };
        let number = client.ask(self.requests.request(message));
        self.requests.put(number, seq);
    }

    /// A query was given up: its answer is late.
    pub(super) fn give_up(&mut self, seq: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != seq);
        let oldest = self.requests.give_up(seq);
        self.forget(oldest);
    }

    fn forget(&mut self, number: Option<u64>) {
        if let Some((number, client)) = number.zip(self.client.as_mut()) {
            client.forget(number);
        }
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        self.client.as_mut().map(Client::take_output).unwrap_or_default()
    }

    /// It will end: what is to be sent before that.
    pub(super) fn close(&mut self) -> Vec<u8> {
        self.client.as_mut().map(Client::close).unwrap_or_default()
    }

    /// Whether nothing more comes of it: the server takes no more requests, and has answered all.
    pub(super) fn is_over(&self) -> bool {
        self.client.as_ref().is_some_and(|client| !client.is_open()) && !self.requests.are_left()
    }

    /// Takes in what came.
    pub(super) fn receive(&mut self, at: Instant, bytes: &[u8]) -> Vec<Said> {
        let events = self.client.as_mut().map(|client| client.receive(bytes)).unwrap_or_default();
        self.take(at, events)
    }

    /// The server will say no more.
    pub(super) fn end(&mut self, at: Instant) -> Vec<Said> {
        let events = self.client.as_mut().map(Client::end).unwrap_or_default();
        self.take(at, events)
    }

    fn take(&mut self, at: Instant, events: Vec<Event>) -> Vec<Said> {
        let mut all = Vec::new();
        for event in events {
            if let Some((number, said)) = self.requests.take(at, event) {
                self.forget(Some(number));
                all.push(said);
            }
        }
        all
    }
}

impl Requests {
    pub(super) const fn new(method: Method, url: Url) -> Self {
        Self { method, url, asked: BTreeMap::new(), late: VecDeque::new() }
    }

    /// The request that carries a message.
    pub(super) fn request(&self, message: &[u8]) -> Request {
        request(self.method, &self.url, message)
    }

    /// A query was made a request with this number.
    pub(super) fn put(&mut self, number: u64, seq: u64) {
        self.asked.insert(number, Asked { seq, head: None, body: Vec::new() });
    }

    /// The request that a query without an answer is.
    pub(super) fn number_of(&self, seq: u64) -> Option<u64> {
        self.asked.iter().find(|(_, asked)| asked.seq == seq).map(|(number, _)| *number)
    }

    /// A query was given up: its answer is late. Of many that are the oldest is forgotten, and told.
    pub(super) fn give_up(&mut self, seq: u64) -> Option<u64> {
        self.late.extend(self.number_of(seq));
        let oldest = self.late.front().copied().filter(|_| self.late.len() > MOST_LATE)?;
        self.forget(oldest);
        Some(oldest)
    }

    fn forget(&mut self, number: u64) -> Option<Asked> {
        self.late.retain(|late| *late != number);
        self.asked.remove(&number)
    }

    /// Whether any answer is still waited for.
    pub(super) fn are_left(&self) -> bool {
        self.asked.keys().any(|number| !self.late.contains(number))
    }

    /// Takes in what came of a request: which one has ended, and what became of its query.
    pub(super) fn take(&mut self, at: Instant, event: Event) -> Option<(u64, Said)> {
        let (number, result) = match event {
            Event::Interim(..) => return None,
            Event::Head(number, head) => {
                self.asked.get_mut(&number)?.head = Some((head, at));
                return None;
            }
            Event::Body(number, bytes) => {
                let asked = self.asked.get_mut(&number)?;
                asked.body.extend(bytes);
                if asked.body.len() <= LONGEST {
                    return None;
                }
                let message = format!("the answer by HTTP is longer than {LONGEST} bytes");
                (number, Err(why(Reason::TooLarge.name(), message)))
            }
            Event::End(number, _) => (number, Ok(())),
            Event::Failed(number, fault) => {
                let Fault { reason, message, is_untouched } = fault;
                (number, Err(Why { reason: reason.name(), message, is_untouched }))
            }
        };
        let Asked { seq, head, body } = self.forget(number)?;
        let checked = || head.as_ref().map_or(Ok(()), |(head, _)| check(head));
        let result = result.and_then(|()| checked()).map(|()| body);
        let http = head.as_ref().map(|(head, at)| http(head, *at, self.method, &self.url));
        Some((number, Said { seq, http, result }))
    }
}

/// The request that carries a message (RFC 8484 section 4.1).
fn request(method: Method, url: &Url, message: &[u8]) -> Request {
    let mut fields = vec![("accept", MEDIA_TYPE.to_owned())];
    let mut url = url.clone();
    let body = match method {
        Method::Post => {
            fields.push(("content-type", MEDIA_TYPE.to_owned()));
            message.to_vec()
        }
        Method::Get | Method::Head => {
            let mark = if url.path.contains('?') { '&' } else { '?' };
            url.path.push_str(&format!("{mark}dns={}", BASE64URL_NOPAD.encode(message)));
            Vec::new()
        }
    };
    Request { method, url, fields, body }
}

/// Whether an answer has a message in it.
fn check(head: &Head) -> Result<(), Why> {
    if head.status != 200 {
        let to = head.field("location").filter(|_| matches!(head.status, 300..=399));
        let to = to.map(|to| format!(", which leads to {}", to.escaped())).unwrap_or_default();
        let message = format!("the server answers by HTTP status {}{to}", head.status);
        return Err(why("status", message));
    }
    let content = head.field("content-type");
    let essence = |said: &Untrusted| {
        let text = said.as_raw().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        text == MEDIA_TYPE
    };
    match content {
        Some(said) if essence(said) => Ok(()),
        Some(other) => {
            let message = format!("the answer by HTTP is `{}`, no {MEDIA_TYPE}", other.escaped());
            Err(why("content-type", message))
        }
        None => Err(why("content-type", "the answer by HTTP does not say what it is".to_owned())),
    }
}

const fn why(reason: &'static str, message: String) -> Why {
    Why { reason, message, is_untouched: false }
}

/// What HTTP said beside the message.
fn http(head: &Head, head_at: Instant, method: Method, url: &Url) -> Http {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let control = head.field("cache-control").map(|said| said.as_raw().to_ascii_lowercase());
    let max_age = control
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .find_map(|one| number(one.trim().strip_prefix("max-age=")?));
    Http {
        version: head.version.name(),
        method: method.name(),
        url: Untrusted::from(url.to_string()),
        status: head.status,
        content_type: head.field("content-type").cloned(),
        age: head.field("age").and_then(|said| number(said.as_raw())),
        max_age,
        head_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        Url::parse("https://dns.example/dns-query").expect("a URL")
    }

    /// The example of RFC 8484 section 4.1.1.
    #[test]
    fn a_query_by_get_is_base64url_without_padding() {
        let message = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";
        let get = request(Method::Get, &url(), message);
        assert_eq!(get.url.path, "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB");
        assert!(get.body.is_empty());
        let post = request(Method::Post, &url(), message);
        assert_eq!((post.url.path.as_str(), post.body.as_slice()), ("/dns-query", &message[..]));
        assert!(post.fields.contains(&("content-type", MEDIA_TYPE.to_owned())));
    }

    /// What came of one query that was answered like this by HTTP/1.1.
    fn answered(answer: &[u8]) -> Said {
        let mut https = Https::new(Requests::new(Method::Post, url()));
        https.ask(7, b"before TLS is open");
        https.begin(None);
        assert!(https.take_output().starts_with(b"POST /dns-query HTTP/1.1\r\n"));
        let mut said = https.receive(Instant::ZERO, answer);
        said.extend(https.end(Instant::ZERO));
        assert_eq!((said.len(), said[0].seq), (1, 7), "{said:?}");
        said.remove(0)
    }

    #[test]
    fn only_a_message_of_dns_is_an_answer() {
        let fine = b"HTTP/1.1 200 OK\r\nContent-Type: Application/DNS-message; x=y\r\nAge: 30\r\n\
                     Cache-Control: private, max-age=300\r\nContent-Length: 2\r\n\r\nok";
        let said = answered(fine);
        let http = said.http.expect("a head");
        assert_eq!((said.result.ok().as_deref(), http.status), (Some(&b"ok"[..]), 200));
        assert_eq!((http.age, http.max_age), (Some(30), Some(300)));
        for (answer, reason) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"[..], "content-type"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
                "content-type",
            ),
            (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "status"),
            (b"HTTP/1.1 302 F\r\nLocation: /\x1b\r\nContent-Length: 0\r\n\r\n", "malformed"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "closed"),
            (b"220 mail\r\n", "malformed"),
        ] {
            let why = answered(answer).result.expect_err("no message");
            assert_eq!(why.reason, reason, "{why:?}");
            assert!(!why.message.contains('\u{1b}'), "{why:?}");
        }
        let mut long = b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\n\r\n".to_vec();
        long.extend([0; LONGEST + 1]);
        assert_eq!(answered(&long).result.expect_err("too long").reason, "too-large");
    }
}
