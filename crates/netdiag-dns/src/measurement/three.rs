//! Queries by HTTP/3 (RFC 8484 over RFC 9114): each is a request of its own, over a stream of its own.

use super::https::{Requests, Said, Why};
use super::line::Came;
use netdiag_http::three::code::REQUEST_CANCELLED;
use netdiag_http::three::{Three, code};
use netdiag_http::{Event, Reason};
use netdiag_model::Instant;
use netdiag_quic::{Connection, Event as Heard};

/// Queries over one connection of QUIC.
#[derive(Debug)]
pub(super) struct Http3 {
    requests: Requests,
    three: Three,
    /// Queries that came when the server took no more.
    held: Vec<u64>,
    /// From which stream on those that had one were given back.
    left: Option<u64>,
}

impl Http3 {
    pub(super) fn new(requests: Requests) -> Self {
        Self { requests, three: Three::default(), held: Vec::new(), left: None }
    }

    /// A query as a request: its number, and what is to be said over a stream of its own. `None`: it waits
    /// for another connection.
    pub(super) fn ask(&mut self, seq: u64, message: &[u8]) -> Option<(u64, Vec<u8>)> {
        if !self.three.is_open() {
            self.held.push(seq);
            return None;
        }
        let (number, bytes) = self.three.ask(&self.requests.request(message));
        self.requests.put(number, seq);
        Some((number, bytes))
    }

    /// The request that a query without an answer is.
    pub(super) fn number_of(&self, seq: u64) -> Option<u64> {
        self.requests.number_of(seq)
    }

    /// A query was given up: the request whose answer is waited for no more, if any is.
    pub(super) fn give_up(&mut self, seq: u64) -> Option<u64> {
        self.held.retain(|held| *held != seq);
        let number = self.requests.give_up(seq)?;
        self.three.forget(number);
        Some(number)
    }

    /// Takes in what came over a stream.
    pub(super) fn hear(
        &mut self,
        at: Instant,
        heard: Heard,
        connection: &mut Connection,
        came: &mut Came,
    ) {
        let events = match heard {
            Heard::Bytes(number, bytes) => self.three.hear(number, &bytes),
            Heard::End(number) => self.three.end(number),
            Heard::Reset(number, code) => self.three.reset(number, code),
            Heard::Beside(stream, bytes) => self.three.hear_beside(stream, &bytes),
            Heard::BesideOver(stream) => self.three.end_beside(stream),
            Heard::Open | Heard::Ended(_) => Vec::new(),
        };
        self.take(at, events, connection, came);
        if let Some(least) = self.three.least().filter(|least| self.left != Some(*least)) {
            self.left = Some(least);
            let events = self.three.untouched(&connection.asked_from(least));
            self.take(at, events, connection, came);
        }
    }

    /// Tells that nothing more comes of it, once that is so.
    pub(super) fn wind_up(&mut self, came: &mut Came) {
        if self.is_over() {
            came.is_over = true;
            came.said.extend(self.held.drain(..).map(untouched));
        }
    }

    fn take(
        &mut self,
        at: Instant,
        events: Vec<Event>,
        connection: &mut Connection,
        came: &mut Came,
    ) {
        for event in events {
            if let Some((number, said)) = self.requests.take(at, event) {
                self.three.forget(number);
                connection.give_up(at, number, REQUEST_CANCELLED);
                came.said.push(said);
            }
        }
    }

    /// Whether nothing more comes of it: the server takes no more requests, and has answered all, or it
    /// broke the rules.
    pub(super) fn is_over(&self) -> bool {
        self.three.broken().is_some() || !self.three.is_open() && !self.requests.are_left()
    }

    /// By which code the connection is to be closed.
    pub(super) fn code(&self) -> u32 {
        self.three.broken().unwrap_or(code::NO_ERROR)
    }
}

/// That a server takes no more requests, to one that was never made.
fn untouched(seq: u64) -> Said {
    let message = "the server takes no more requests over this connection (GOAWAY)".to_owned();
    let why = Why { reason: Reason::GoAway.name(), message, is_untouched: true };
    Said { seq, http: None, result: Err(why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_http::{Method, Url};
    use netdiag_model::ClockAnchor;
    use netdiag_quic::{Clock, Start};
    use netdiag_tls::{Client, Demand, Roots, Terms};

    /// Three queries over a connection that has no stream yet, and the numbers of their requests.
    fn asked() -> (Http3, Connection) {
        let client = &Client::new(Roots::none()).expect("nothing odd");
        let terms =
            &Terms { name: "a.example", alpn: &["h3"], demand: Demand::Believed, pins: &[] };
        let anchor = &ClockAnchor { instant: Instant::ZERO, unix_nanos: 0 };
        #[expect(clippy::disallowed_methods, reason = "the library of QUIC wants its time so")]
        let clock = Clock { at: Instant::ZERO, std: std::time::Instant::now() };
        let to = "192.0.2.53:443".parse().expect("an address and a port");
        let (random, beside) = ([7; netdiag_quic::RANDOM], 3);
        let start = Start { client, terms, anchor, to, clock, random, beside };
        let mut connection = Connection::new(&start, Instant::ZERO);
        let url = Url::parse("https://a.example/dns-query").expect("a URL");
        let mut http = Http3::new(Requests::new(Method::Post, url));
        for seq in 70..73 {
            let (number, bytes) = http.ask(seq, b"question").expect("it is open");
            connection.ask(Instant::ZERO, number, &bytes);
        }
        (http, connection)
    }

    /// What came of queries by something that was heard: which ones, why, and whether they are untouched.
    fn heard(http: &mut Http3, connection: &mut Connection, heard: Heard) -> (Told, bool) {
        let mut came = Came::default();
        http.hear(Instant::ZERO, heard, connection, &mut came);
        http.wind_up(&mut came);
        let told = came.said.into_iter().map(|said| {
            let why = said.result.expect_err("no message");
            (said.seq, why.reason, why.is_untouched)
        });
        (told.collect(), came.is_over)
    }

    type Told = Vec<(u64, &'static str, bool)>;

    #[test]
    fn what_a_server_does_not_look_at_is_said_to_be_untouched_and_what_comes_then_waits() {
        let (mut http, mut connection) = asked();
        let refused = heard(&mut http, &mut connection, Heard::Reset(0, 0x10b));
        assert_eq!(refused, (vec![(70, "stream-reset", true)], false));
        let settings = Heard::Beside(3, vec![0, 4, 0]);
        assert_eq!(heard(&mut http, &mut connection, settings), (Vec::new(), false));
        // None has a stream yet, so that none is looked at.
        let leaves = Heard::Beside(3, vec![7, 1, 0]);
        let told = heard(&mut http, &mut connection, leaves);
        assert_eq!(told, (vec![(71, "goaway", true), (72, "goaway", true)], true));
        assert!(connection.asked_from(0).is_empty() && http.code() == code::NO_ERROR);
        // Whatever is asked of it now is for another connection.
        assert!(http.ask(73, b"question").is_none());
        let nothing = Heard::Beside(7, vec![0x21]);
        let told = heard(&mut http, &mut connection, nothing);
        assert_eq!(told, (vec![(73, "goaway", true)], true));
    }

    #[test]
    fn who_leaves_is_waited_for_until_all_is_answered_or_given_up() {
        let (mut http, mut connection) = asked();
        let leaves = Heard::Beside(3, vec![0, 4, 0, 7, 1, 12]);
        // As if all three had streams.
        let mut came = Came::default();
        let mut other = asked().1;
        (70..73).zip(0..3).for_each(|(_, number)| other.give_up(Instant::ZERO, number, 0));
        http.hear(Instant::ZERO, leaves, &mut other, &mut came);
        assert!(came.said.is_empty() && !http.is_over());
        assert!(http.ask(73, b"question").is_none());
        for number in [0, 1] {
            let cut = heard(&mut http, &mut connection, Heard::End(number));
            assert_eq!(cut, (vec![(70 + number, "closed", false)], false));
        }
        assert_eq!(http.give_up(72), None, "its answer may come late");
        let told = heard(&mut http, &mut connection, Heard::Beside(7, vec![0x21]));
        assert_eq!(told, (vec![(73, "goaway", true)], true));
    }

    #[test]
    fn who_breaks_the_rules_is_told_so_and_all_queries_end() {
        let (mut http, mut connection) = asked();
        let told = heard(&mut http, &mut connection, Heard::Beside(3, vec![0, 7, 1, 0]));
        let all = (70..73).map(|seq| (seq, "http3-error", false));
        assert_eq!(told, (all.collect(), true));
        assert_eq!(
            (code::reason(http.code().into()), http.is_over()),
            ("h3-missing-settings", true)
        );
    }
}
