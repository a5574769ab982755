//! Requests over one open connection, one after the other: redirects that lead to the same place, and
//! where it is wanted the last of them once more.

use super::exchange::Exchange;
use super::{Response, Step};
use netdiag_http::{Client, Event, Reason, Request, Spoken, Url};
use netdiag_model::Instant;

/// The most that is kept of what came on the way to an answer.
const INTERIM_KEPT: usize = 8;

/// How it is asked.
#[derive(Clone, Copy, Debug)]
pub(in crate::connect) struct Manner {
    /// Which HTTP is spoken.
    pub(in crate::connect) spoken: Spoken,
    /// An answer is enough when its head is whole: it leads nowhere.
    pub(in crate::connect) only_head: bool,
    /// What was asked last is asked once more.
    pub(in crate::connect) repeats: bool,
    /// How many redirects are followed.
    pub(in crate::connect) redirects: usize,
    /// How many were, over other connections.
    pub(in crate::connect) followed: usize,
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connect) enum Next {
    /// More is to come.
    Wait,
    /// The last answer is whole, or as much of it as is wanted.
    Done,
    /// There is none.
    Failed(Reason),
    /// It leads nowhere.
    Astray,
}

/// Requests over one connection.
#[derive(Debug)]
pub(in crate::connect) struct Live {
    client: Client,
    exchange: Exchange,
    manner: Manner,
    /// The number of the request that is waited for.
    number: u64,
    next: Next,
    /// The other end said that it will say nothing more.
    is_closed: bool,
}

impl Live {
    /// Asks for something at a time.
    pub(in crate::connect) fn new(url: &Url, at: Instant, manner: Manner) -> Self {
        let mut live = Self {
            client: Client::new(manner.spoken),
            exchange: Exchange::default(),
            manner,
            number: 0,
            next: Next::Wait,
            is_closed: false,
        };
        live.ask(url.clone(), at);
        live
    }

    fn ask(&mut self, url: Url, at: Instant) {
        self.number = self.client.ask(Request::get(&url));
        let is_reused = !self.exchange.steps.is_empty();
        self.exchange.steps.push(Step::new(url, is_reused, at));
    }

    /// What is to be sent.
    pub(in crate::connect) fn take_output(&mut self) -> Vec<u8> {
        self.client.take_output()
    }

    /// It will end: what is to be sent before that.
    pub(in crate::connect) fn last_words(&mut self) -> Vec<u8> {
        self.client.close()
    }

    /// Whether anything of the answer that is waited for has come.
    pub(in crate::connect) fn has_heard(&self) -> bool {
        self.exchange.last().is_some_and(|step| step.first_at.is_some())
    }

    /// Whether what was asked for is there, whatever is still waited for.
    pub(in crate::connect) const fn is_answered(&self) -> bool {
        self.exchange.again.is_some()
    }

    /// What is asked once more has no answer, and why.
    pub(in crate::connect) fn leave(&mut self, why: &str) {
        if self.exchange.again.as_ref().is_some_and(|again| again.end_at.is_none()) {
            self.exchange.unrepeated.get_or_insert_with(|| why.to_owned());
        }
    }

    /// What came of it.
    pub(in crate::connect) fn into_exchange(self) -> Exchange {
        self.exchange
    }

    /// All that was said is with the kernel.
    pub(in crate::connect) fn said(&mut self, at: Instant) {
        if let Some(step) = self.step() {
            step.sent_at.get_or_insert(at);
        }
    }

    /// Takes in what came.
    pub(in crate::connect) fn hear(&mut self, at: Instant, bytes: &[u8]) -> Next {
        let waits = self.next == Next::Wait;
        // Of HTTP/2 other frames may come first.
        if waits && self.client.spoken() == Spoken::Http1 && !bytes.is_empty() {
            self.begun(at);
        }
        let events = self.client.receive(bytes);
        self.take(at, events)
    }

    /// The other end closed: that may be how an answer ends. Of TLS it is said twice.
    pub(in crate::connect) fn close(&mut self, at: Instant) -> Next {
        if !std::mem::replace(&mut self.is_closed, true) {
            let events = self.client.end();
            let is_end = !events.is_empty() && self.next == Next::Wait;
            self.take(at, events);
            if !is_end {
                self.exchange.closed(at);
            }
        }
        self.next
    }

    fn take(&mut self, at: Instant, events: Vec<Event>) -> Next {
        let mut came = events.into_iter();
        // What a server says of other requests concerns nobody.
        while let (Next::Wait, Some(event)) = (self.next, came.next()) {
            match event {
                Event::Interim(number, status) if number == self.number => {
                    self.begun(at);
                    let kept = self.step().filter(|step| step.interim.len() < INTERIM_KEPT);
                    kept.into_iter().for_each(|step| step.interim.push(status));
                }
                Event::Head(number, head) if number == self.number => {
                    self.begun(at);
                    if let Some(step) = self.step() {
                        step.response = Some(Response::new(head));
                    }
                    if self.manner.only_head {
                        self.next = Next::Done;
                    }
                }
                Event::Body(number, bytes) if number == self.number => {
                    let response = self.step().and_then(|step| step.response.as_mut());
                    response.into_iter().for_each(|response| response.add(&bytes));
                }
                Event::End(number, trailers) if number == self.number => {
                    if let Some(step) = self.step() {
                        step.end_at = Some(at);
                        if let Some(response) = &mut step.response {
                            (response.is_whole, response.trailers) = (true, trailers);
                        }
                    }
                    self.go_on(at);
                }
                Event::Failed(number, fault) if number == self.number && self.is_answered() => {
                    self.exchange.unrepeated = Some(fault.message);
                    self.next = Next::Done;
                }
                Event::Failed(number, fault) if number == self.number => {
                    (self.exchange.broken, self.exchange.reason) =
                        (Some(fault.message), Some(fault.reason.name()));
                    self.next = Next::Failed(fault.reason);
                }
                _ => {}
            }
        }
        self.next
    }

    /// The request that is waited for.
    fn step(&mut self) -> Option<&mut Step> {
        let Exchange { again, steps, .. } = &mut self.exchange;
        again.as_mut().or_else(|| steps.last_mut())
    }

    /// Its answer begins.
    fn begun(&mut self, at: Instant) {
        if let Some(step) = self.step() {
            step.first_at.get_or_insert(at);
        }
    }

    /// An answer is whole: a redirect within the same place leads on.
    fn go_on(&mut self, at: Instant) {
        self.next = Next::Done;
        if self.is_answered() {
            return;
        }
        if !self.client.is_open() {
            let is_last = self.exchange.last().is_some_and(|step| step.redirect().is_none());
            if is_last && self.manner.repeats {
                let why = "the server closes the connection after an answer";
                self.exchange.unrepeated = Some(why.to_owned());
            }
            return;
        }
        let Some(step) = self.exchange.last() else { return };
        match step.redirect() {
            Some(to) if to.is_same_place(&step.url) && self.manner.redirects > 0 => {
                let Manner { redirects, followed, .. } = self.manner;
                match self.exchange.astray(&to, redirects, followed) {
                    Some(astray) => {
                        (self.exchange.broken, self.exchange.reason) =
                            (Some(astray.message), Some(astray.reason));
                        self.next = Next::Astray;
                    }
                    None => {
                        self.next = Next::Wait;
                        self.ask(to, at);
                    }
                }
            }
            Some(_) => {}
            None if self.manner.repeats && step.opened.is_none() && !step.is_reused => {
                let url = step.url.clone();
                self.next = Next::Wait;
                self.number = self.client.ask(Request::get(&url));
                self.exchange.again = Some(Step::new(url, true, at));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::REDIRECTS;
    use super::*;

    const T0: Instant = Instant::from_nanos(1_000);

    fn asked(repeats: bool) -> (Live, String) {
        let url = Url::parse("http://a.example/x").expect("a URL");
        let (spoken, redirects) = (Spoken::Http1, REDIRECTS);
        let manner = Manner { spoken, only_head: false, repeats, redirects, followed: 0 };
        let mut live = Live::new(&url, T0, manner);
        let said = String::from_utf8(live.take_output()).expect("text");
        (live, said)
    }

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let (mut live, said) = asked(false);
        assert!(said.starts_with("GET /x HTTP/1.1\r\nHost: a.example\r\n"), "{said}");
        let answer =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
        assert_eq!(live.hear(T0, answer), Next::Wait);
        assert_eq!(live.hear(T0, b"lo"), Next::Done);
        let exchange = live.into_exchange();
        let response = exchange.response().expect("an answer");
        assert_eq!((response.head.status, response.body.as_slice()), (200, &b"hello"[..]));
        assert_eq!((response.is_whole, &exchange.steps[0].interim[..]), (true, &[100][..]));
    }

    #[test]
    fn redirects_are_followed_within_a_place_and_not_for_ever() {
        let (mut live, _) = asked(false);
        let redirect = |n: usize| {
            format!("HTTP/1.1 302 F\r\nLocation: /{n}\r\nContent-Length: 0\r\n\r\n").into_bytes()
        };
        for n in 0..REDIRECTS {
            assert_eq!(live.hear(T0, &redirect(n)), Next::Wait);
            assert!(live.take_output().starts_with(format!("GET /{n} ").as_bytes()));
        }
        assert_eq!(live.hear(T0, &redirect(REDIRECTS)), Next::Astray);
        let exchange = live.into_exchange();
        assert_eq!(exchange.steps.len(), REDIRECTS + 1);
        assert_eq!(exchange.reason, Some("too-many-redirects"));
        let (mut live, _) = asked(false);
        assert_eq!(live.hear(T0, &redirect(1)), Next::Wait);
        assert_eq!(live.hear(T0, &redirect(1)), Next::Astray);
        assert_eq!(live.into_exchange().reason, Some("redirect-loop"));
        let elsewhere =
            b"HTTP/1.1 302 F\r\nLocation: http://b.example/\r\nContent-Length: 0\r\n\r\n";
        let closing =
            b"HTTP/1.1 302 F\r\nLocation: /y\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        for answer in [&elsewhere[..], closing] {
            assert_eq!(asked(false).0.hear(T0, answer), Next::Done);
        }
    }

    #[test]
    fn only_a_head_is_an_answer_without_its_body_and_leads_nowhere() {
        let url = Url::parse("http://a.example/x").expect("a URL");
        let (spoken, redirects) = (Spoken::Http1, REDIRECTS);
        let manner = Manner { spoken, only_head: true, repeats: true, redirects, followed: 0 };
        let mut live = Live::new(&url, T0, manner);
        assert_eq!(live.hear(T0, b"HTTP/1.1 302 F\r\n"), Next::Wait);
        let rest = b"Location: /y\r\nContent-Length: 1000000\r\n\r\nsome";
        assert_eq!(live.hear(T0, rest), Next::Done);
        let exchange = live.into_exchange();
        let response = exchange.response().expect("an answer");
        assert_eq!(
            (response.head.status, response.is_whole, exchange.steps.len()),
            (302, false, 1)
        );
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let (mut live, _) = asked(false);
        assert_eq!(live.hear(T0, b"HTTP/1.0 200 OK\r\n\r\nsome"), Next::Wait);
        assert_eq!(live.close(T0), Next::Done);
        let exchange = live.into_exchange();
        assert_eq!(exchange.idle_close, None, "that was its end");
        assert!(exchange.response().is_some_and(|response| response.is_whole));
        let (mut live, _) = asked(false);
        live.hear(T0, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome");
        assert_eq!(live.close(T0), Next::Failed(Reason::Closed), "it was cut off");
    }

    #[test]
    fn what_is_asked_again_goes_over_the_same_connection_and_fails_nothing() {
        let (mut live, _) = asked(true);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(live.hear(T0, answer), Next::Wait);
        assert!(live.take_output().starts_with(b"GET /x "));
        let later = Instant::from_nanos(5_000);
        assert_eq!(live.hear(later, answer), Next::Done);
        let exchange = live.into_exchange();
        assert_eq!(exchange.steps.len(), 1, "it is no step of its own");
        let took = exchange.again.and_then(|again| again.took());
        assert_eq!(took, Some(later.since(T0)));
        let (mut live, _) = asked(true);
        live.hear(T0, answer);
        assert_eq!(live.close(later), Next::Done, "what was asked for is there");
        let exchange = live.into_exchange();
        assert_eq!(exchange.broken, None);
        assert!(exchange.unrepeated.is_some(), "and that is told");
        let (mut live, _) = asked(true);
        let closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(live.hear(T0, closing), Next::Done);
        assert!(live.into_exchange().unrepeated.is_some_and(|why| why.contains("closes")));
    }
}
