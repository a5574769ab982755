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
            let events = self.three.untouched(&connection.from_stream(least));
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
