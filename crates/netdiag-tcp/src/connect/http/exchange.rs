//! Requests over one connection, one after the other: redirects that lead to the same place.

use super::body::{Body, Progress};
use super::head::{self, Head};
use super::{BODY_KEPT, REDIRECTS, Response, Step, Url};
use netdiag_model::{Instant, Untrusted, milliseconds};
use std::time::Duration;

/// What was asked over one connection, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Each request, in order; the last may have no answer.
    pub steps: Vec<Step>,
    /// Why what came is no answer, safe to print.
    pub broken: Option<String>,
    /// After which time without a request the server closed, of a connection that it said it keeps.
    pub idle_close: Option<Duration>,
    /// The other end said that it will say nothing more.
    is_closed: bool,
    /// What came of the next head.
    pending: Vec<u8>,
    /// That of the answer that is coming in.
    body: Option<Body>,
    /// An answer is enough when its head is whole.
    only_head: bool,
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// More is to come.
    Wait,
    /// This is to be sent.
    Ask(Vec<u8>),
    /// The last answer is whole.
    Done,
    /// What came is no answer.
    Broken,
}

impl Exchange {
    /// Asks for something at a time; what is to be sent for that.
    #[must_use]
    pub fn new(url: &Url, at: Instant) -> (Self, Vec<u8>) {
        let mut exchange = Self {
            steps: Vec::new(),
            broken: None,
            idle_close: None,
            is_closed: false,
            pending: Vec::new(),
            body: None,
            only_head: false,
        };
        let request = exchange.ask(url.clone(), at);
        (exchange, request)
    }

    /// The same, for which an answer is enough when its head is whole: it leads nowhere.
    #[must_use]
    pub fn only_head(self, only_head: bool) -> Self {
        Self { only_head, ..self }
    }

    fn ask(&mut self, url: Url, at: Instant) -> Vec<u8> {
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: netdiag/{}\r\nAccept: */*\r\n\r\n",
            url.path,
            Untrusted::from(url.authority()).host().as_raw(),
            env!("CARGO_PKG_VERSION"),
        );
        let is_reused = !self.steps.is_empty();
        let (asked_at, first_at, end_at) = (at, None, None);
        let (response, opened) = (None, None);
        let step = Step { url, response, is_reused, opened, asked_at, first_at, end_at };
        self.steps.push(step);
        request.into_bytes()
    }

    /// Takes in what came.
    pub fn hear(&mut self, at: Instant, bytes: &[u8]) -> Next {
        let Some(step) = self.steps.last_mut().filter(|_| self.broken.is_none()) else {
            return Next::Broken;
        };
        step.first_at.get_or_insert(at);
        let mut bytes = bytes.to_vec();
        loop {
            if self.body.is_none() {
                self.pending.append(&mut bytes);
                let (response, len) = match head::read(&self.pending) {
                    Head::Partial => return Next::Wait,
                    Head::Broken(why) => return self.break_off(&why),
                    Head::Whole(response, len) => (response, len),
                };
                bytes = self.pending.split_off(len);
                self.pending.clear();
                // What is only said on the way (RFC 9110 section 15.2) is no answer.
                if matches!(response.status, 100..=199) {
                    continue;
                }
                self.body = Some(Body::of(&response));
                if let Some(step) = self.steps.last_mut() {
                    step.response = Some(response);
                }
                if self.only_head {
                    return Next::Done;
                }
            }
            return self.hear_body(at, &bytes);
        }
    }

    fn hear_body(&mut self, at: Instant, bytes: &[u8]) -> Next {
        let response = self.steps.last_mut().and_then(|step| step.response.as_mut());
        let (Some(body), Some(response)) = (&mut self.body, response) else { return Next::Wait };
        match body.take(bytes, |text| response.add(text)) {
            Progress::More => Next::Wait,
            Progress::Ended(_) => self.end(at),
            Progress::Broken => self.break_off("chunks that are none"),
        }
    }

    /// The answer is whole: a redirect within the same place leads on.
    fn end(&mut self, at: Instant) -> Next {
        self.body = None;
        let Some(step) = self.steps.last_mut() else { return Next::Done };
        step.end_at = Some(at);
        let keeps_alive = step.response.as_mut().is_some_and(|response| {
            response.is_whole = true;
            response.keeps_alive()
        });
        let to = step.redirect().filter(|to| keeps_alive && to.is_same_place(&step.url));
        match to.filter(|_| self.steps.len() <= REDIRECTS) {
            Some(to) => Next::Ask(self.ask(to, at)),
            None => Next::Done,
        }
    }

    fn break_off(&mut self, why: &str) -> Next {
        let shown = self.pending.get(..40).unwrap_or(&self.pending);
        let shown = Untrusted::from(String::from_utf8_lossy(shown).into_owned());
        let said = match self.pending.is_empty() {
            true => String::new(),
            false => format!(": `{}`", shown.escaped()),
        };
        self.broken = Some(format!("what came is no HTTP ({why}){said}"));
        Next::Broken
    }

    /// The other end closed; whether the last answer is whole by that.
    pub fn close(&mut self, at: Instant) -> bool {
        // Of TLS it is said twice.
        if std::mem::replace(&mut self.is_closed, true) {
            return false;
        }
        let is_end = self.body == Some(Body::UntilClose);
        if self.response().is_some_and(Response::keeps_alive) {
            let answered = self.last().and_then(|step| step.end_at);
            self.idle_close = answered.map(|answered| at.since(answered));
        }
        if is_end && let Some(step) = self.steps.last_mut() {
            step.end_at = Some(at);
            if let Some(response) = &mut step.response {
                response.is_whole = true;
            }
        }
        is_end
    }

    /// The last request.
    #[must_use]
    pub fn last(&self) -> Option<&Step> {
        self.steps.last()
    }

    /// The last answer.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        self.last().and_then(|step| step.response.as_ref())
    }

    /// In a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        if let Some(why) = &self.broken {
            return why.clone();
        }
        let Some((step, response)) = self.last().zip(self.response()) else {
            return "no answer".to_owned();
        };
        let bytes = response.body_bytes;
        let after = match self.steps.len() {
            0 | 1 => String::new(),
            2 => ", 1 redirect".to_owned(),
            count => format!(", {} redirects", count - 1),
        };
        let to = step.redirect().map(|to| Untrusted::from(to.to_string()));
        let to = to.map(|to| format!(", leads to {}", to.escaped())).unwrap_or_default();
        let first = step.first_byte().map(milliseconds).unwrap_or_default();
        let head = format!("{} {}", response.version, response.status);
        let idle = self.idle_close.map(|idle| idle.as_secs_f64());
        let idle = idle.map(|idle| format!(", idle close after {idle:.1} s")).unwrap_or_default();
        format!("{head}, first byte {first:.2} ms, {bytes} bytes{after}{to}{idle}")
    }
}

impl Response {
    fn add(&mut self, text: &[u8]) {
        let room = BODY_KEPT.saturating_sub(self.body.len());
        self.body.extend_from_slice(text.get(..room).unwrap_or(text));
        self.body_bytes = self.body_bytes.saturating_add(text.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000);

    fn exchange() -> (Exchange, String) {
        let url = Url::parse("http://a.example/x").expect("a URL");
        let (exchange, request) = Exchange::new(&url, T0);
        (exchange, String::from_utf8(request).expect("text"))
    }

    #[test]
    fn an_answer_is_whole_when_its_body_is_however_it_is_cut() {
        let answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\
                       Content-Length: 5\r\n\r\nhello";
        for piece in 1..answer.len() {
            let (mut exchange, request) = exchange();
            assert!(request.starts_with("GET /x HTTP/1.1\r\nHost: a.example\r\n"), "{request}");
            let mut next = Next::Wait;
            for part in answer.chunks(piece) {
                assert_eq!(next, Next::Wait);
                next = exchange.hear(T0, part);
            }
            assert_eq!(next, Next::Done, "{piece}");
            let response = exchange.response().expect("an answer");
            assert_eq!((response.status, response.body.as_slice()), (200, &b"hello"[..]));
            assert_eq!(response.header("a").map(Untrusted::as_raw), Some("b"));
            assert!(response.is_whole && response.keeps_alive());
        }
    }

    #[test]
    fn a_redirect_in_the_same_place_is_followed_over_the_same_connection_but_not_for_ever() {
        let (mut exchange, _) = exchange();
        let answer = b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n";
        for _ in 0..REDIRECTS {
            let Next::Ask(request) = exchange.hear(T0, answer) else { panic!("{exchange:?}") };
            assert!(request.starts_with(b"GET /y HTTP/1.1\r\n"));
        }
        assert_eq!(exchange.hear(T0, answer), Next::Done);
        assert_eq!(exchange.steps.len(), REDIRECTS + 1);
        let away = b"HTTP/1.1 301 M\r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n";
        let (mut exchange, _) = self::exchange();
        assert_eq!(exchange.hear(T0, away), Next::Done);
        assert!(exchange.summary().ends_with("leads to https://a.example/"));
    }

    #[test]
    fn a_head_is_enough_where_nothing_else_was_asked_for() {
        let (exchange, _) = exchange();
        let mut exchange = exchange.only_head(true);
        assert_eq!(
            exchange.hear(T0, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 F\r\n"),
            Next::Wait
        );
        let rest = b"Location: /y\r\nContent-Length: 1000000\r\n\r\nsome";
        assert_eq!(exchange.hear(T0, rest), Next::Done);
        let response = exchange.response().expect("an answer");
        assert_eq!((response.status, response.is_whole, exchange.steps.len()), (302, false, 1));
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let (mut exchange, _) = exchange();
        assert_eq!(exchange.hear(T0, b"HTTP/1.0 200 OK\r\n\r\nsome"), Next::Wait);
        assert!(exchange.close(T0));
        assert_eq!(exchange.idle_close, None, "that was its end");
        assert!(exchange.response().is_some_and(|response| response.is_whole));
        let (mut exchange, _) = self::exchange();
        exchange.hear(T0, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome");
        assert!(!exchange.close(T0), "it was cut off");
    }

    #[test]
    fn what_is_no_http_is_broken_and_shown_harmless() {
        let (mut exchange, _) = exchange();
        assert_eq!(exchange.hear(T0, b"220 \x1b[2J mail\r\n\r\n"), Next::Broken);
        let said = exchange.summary();
        assert!(said.contains("no HTTP") && !said.contains('\u{1b}'), "{said}");
        let (mut exchange, _) = self::exchange();
        let endless = vec![b'a'; 1_000];
        let mut next = exchange.hear(T0, b"HTTP/1.1 200 OK\r\nX: ");
        for _ in 0..70 {
            next = exchange.hear(T0, &endless);
        }
        assert_eq!(next, Next::Broken);
    }
}
