//! HTTP/3: requests each over a stream of their own (RFC 9114), of a connection of QUIC that somebody else
//! has: what is to be said over its streams comes out, and what came over them goes in.
//!
//! Nothing is pushed, and fields are told without a table that grows (RFC 9204), so that none waits for
//! another.

mod answer;
mod beside;
pub mod code;
mod fields;
mod frames;
mod huffman;
mod table;

use crate::LARGEST_HEAD;
use crate::client::Event;
use crate::fault::{Fault, Reason};
use crate::message::{Method, Request};
use answer::Answer;
use beside::Beside;
use std::collections::{BTreeMap, BTreeSet};

/// What begins the stream by which this end says something of the connection.
const CONTROL: u8 = 0x0;
/// Settings (RFC 9114 section 7.2.4.1, RFC 9204 section 5).
const MAX_TABLE_CAPACITY: u32 = 0x1;
const MAX_FIELD_SECTION_SIZE: u32 = 0x6;

/// How many streams of its own the other end may have open: those that there are (RFC 9114 section 6.2), and
/// some that mean nothing.
pub const STREAMS: u32 = 16;

/// HTTP/3 over one connection.
#[derive(Debug, Default)]
pub struct Three {
    /// The number of the next request.
    next: u64,
    asked: BTreeMap<u64, Answer>,
    /// The streams of the other end, by whatever tells them apart.
    beside: BTreeMap<u64, Beside>,
    /// Of which kinds these are.
    kinds: BTreeSet<u64>,
    /// From which stream on requests are not looked at.
    least: Option<u64>,
    /// By which code the connection is to be closed, and why.
    broken: Option<(u32, Fault)>,
}

/// What is wrong, and with how much.
#[derive(Debug)]
enum Broken {
    /// With one answer.
    Answer(Fault),
    /// With all of the connection, which is to be closed by this code.
    Connection(u32, Fault),
}

impl Broken {
    fn connection(code: u32, what: &str) -> Self {
        let name = code::shown(code.into());
        let message = format!("the server broke the rules of HTTP/3: {what}, {name}");
        Self::Connection(code, Fault::new(Reason::Protocol3, message))
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Answer(fault)
    }
}

impl Three {
    /// What is to be said over a stream of this end's alone that never ends (RFC 9114 section 6.2.1).
    #[must_use]
    pub fn hello() -> Vec<u8> {
        let mut settings = Vec::new();
        let largest = u32::try_from(LARGEST_HEAD).unwrap_or_default();
        for (name, value) in [(MAX_TABLE_CAPACITY, 0), (MAX_FIELD_SECTION_SIZE, largest)] {
            frames::put_integer(&mut settings, name);
            frames::put_integer(&mut settings, value);
        }
        let mut bytes = vec![CONTROL];
        frames::put(&mut bytes, frames::SETTINGS, &settings);
        bytes
    }

    /// Makes a request: its number, from 0 on, and what is to be said over a stream of its own, which ends
    /// by that.
    pub fn ask(&mut self, request: &Request) -> (u64, Vec<u8>) {
        let number = self.next;
        self.next += 1;
        self.asked.insert(number, Answer::new(request.method != Method::Head));
        (number, made(request))
    }

    /// Takes in what came of an answer.
    #[must_use]
    pub fn hear(&mut self, number: u64, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(answer) = self.asked.get_mut(&number) else { return events };
        if let Err(broken) = answer.hear(number, bytes, &mut events) {
            self.fail(number, broken, &mut events);
        }
        events
    }

    /// The stream of an answer ended.
    #[must_use]
    pub fn end(&mut self, number: u64) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(answer) = self.asked.get_mut(&number) else { return events };
        match answer.end(number) {
            Ok(event) => {
                self.asked.remove(&number);
                events.push(event);
            }
            Err(broken) => self.fail(number, broken, &mut events),
        }
        events
    }

    /// The other end gave an answer up, by this code.
    #[must_use]
    pub fn reset(&mut self, number: u64, code: u64) -> Vec<Event> {
        let message = format!("the server took the request back: {}", code::shown(code));
        let is_untouched = code == u64::from(code::REQUEST_REJECTED);
        self.give_back(&[number], &Fault { is_untouched, ..Fault::new(Reason::Reset, message) })
    }

    /// Takes in what came over a stream that the other end alone says something over.
    #[must_use]
    pub fn hear_beside(&mut self, stream: u64, bytes: &[u8]) -> Vec<Event> {
        let beside = self.beside.entry(stream).or_default();
        let heard = beside.hear(bytes, &mut self.kinds);
        let result = heard.and_then(|least| least.map_or(Ok(()), |least| self.leave(least)));
        self.settle(result)
    }

    /// Such a stream has ended, in whatever way.
    #[must_use]
    pub fn end_beside(&mut self, stream: u64) -> Vec<Event> {
        let ended = self.beside.remove(&stream).unwrap_or_default();
        self.settle(ended.end())
    }

    /// From which stream on the other end looks at no request (GOAWAY), if it leaves: those are
    /// [untouched](Self::untouched).
    #[must_use]
    pub const fn least(&self) -> Option<u64> {
        self.least
    }

    /// The other end has not looked at these requests, and will not.
    #[must_use]
    pub fn untouched(&mut self, numbers: &[u64]) -> Vec<Event> {
        let message = "the server takes no more requests over this connection (GOAWAY)";
        let fault = Fault::new(Reason::GoAway, message);
        self.give_back(numbers, &Fault { is_untouched: true, ..fault })
    }

    /// An answer is of no more use: nothing more is told of it.
    pub fn forget(&mut self, number: u64) {
        self.asked.remove(&number);
    }

    /// Whether another request may be made over it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.least.is_none() && self.broken.is_none()
    }

    /// By which code the connection is to be closed, since the other end broke the rules.
    #[must_use]
    pub fn broken(&self) -> Option<u32> {
        self.broken.as_ref().map(|(code, _)| *code)
    }

    /// It takes no more requests; from which stream on, which may come down and never goes up.
    fn leave(&mut self, least: u64) -> Result<(), Broken> {
        if self.least.is_some_and(|before| least > before) {
            return Err(Broken::connection(code::ID_ERROR, "GOAWAY takes back an earlier one"));
        }
        self.least = Some(least);
        Ok(())
    }

    fn settle(&mut self, result: Result<(), Broken>) -> Vec<Event> {
        let mut events = Vec::new();
        if let Err(broken) = result {
            self.fail(u64::MAX, broken, &mut events);
        }
        events
    }

    /// What is wrong ends one answer, or all of them.
    fn fail(&mut self, number: u64, broken: Broken, events: &mut Vec<Event>) {
        let (numbers, fault) = match broken {
            Broken::Answer(fault) => (vec![number], fault),
            Broken::Connection(code, fault) => {
                self.broken.get_or_insert_with(|| (code, fault.clone()));
                (self.asked.keys().copied().collect(), fault)
            }
        };
        events.extend(self.give_back(&numbers, &fault));
    }

    fn give_back(&mut self, numbers: &[u64], fault: &Fault) -> Vec<Event> {
        let known = numbers.iter().filter(|number| self.asked.remove(number).is_some());
        known.map(|number| Event::Failed(*number, fault.clone())).collect()
    }
}

/// A request as it is said (RFC 9114 section 4.3.1).
fn made(request: &Request) -> Vec<u8> {
    let authority = request.authority();
    let all = request.all_fields();
    let first = [
        (":method", request.method.name()),
        (":scheme", if request.url.is_tls { "https" } else { "http" }),
        (":authority", authority.as_str()),
        (":path", request.url.path.as_str()),
    ];
    let rest = all.iter().map(|(name, value)| (*name, value.as_str()));
    let mut bytes = Vec::new();
    frames::put(&mut bytes, frames::HEADERS, &fields::encoded(first.into_iter().chain(rest)));
    if !request.body.is_empty() {
        frames::put(&mut bytes, frames::DATA, &request.body);
    }
    bytes
}
