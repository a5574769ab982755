//! One connection that requests go over, whatever version is spoken.

use crate::fault::Fault;
use crate::message::{Fields, Head, Request};
use crate::one::One;
use crate::two::Two;

/// Which HTTP is spoken over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.1: one request after the other.
    Http1,
    /// HTTP/2: requests beside each other.
    Http2,
}

/// What came over a connection, and for which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A status on the way to the answer (RFC 9110 section 15.2), 100 to 199.
    Interim(u64, u16),
    /// The answer begins.
    Head(u64, Head),
    /// The next bytes of its body, at least one.
    Body(u64, Vec<u8>),
    /// It is whole; the fields behind its body.
    End(u64, Fields),
    /// There is no answer, or no more of it.
    Failed(u64, Fault),
}

/// One connection, without the connection: what is to be sent and what came go through it.
#[derive(Debug)]
pub struct Client(Wire);

#[derive(Debug)]
enum Wire {
    One(One),
    Two(Box<Two>),
}

impl Spoken {
    /// What a server has chosen by ALPN (RFC 7301, RFC 9113 section 3.2): without a choice HTTP/1.1.
    #[must_use]
    pub fn by_alpn(chosen: Option<&str>) -> Self {
        if chosen == Some("h2") { Self::Http2 } else { Self::Http1 }
    }
}

impl Client {
    /// One that has asked nothing yet.
    #[must_use]
    pub fn new(spoken: Spoken) -> Self {
        Self(match spoken {
            Spoken::Http1 => Wire::One(One::default()),
            Spoken::Http2 => Wire::Two(Box::new(Two::new())),
        })
    }

    /// Which HTTP is spoken.
    #[must_use]
    pub const fn spoken(&self) -> Spoken {
        match self.0 {
            Wire::One(_) => Spoken::Http1,
            Wire::Two(_) => Spoken::Http2,
        }
    }

    /// Makes a request, now or when those before it leave room; its number, from 0 on. One that cannot
    /// be made fails with the next that [`receive`](Self::receive) gives.
    pub fn ask(&mut self, request: Request) -> u64 {
        match &mut self.0 {
            Wire::One(one) => one.ask(&request),
            Wire::Two(two) => two.ask(request),
        }
    }

    /// Takes in what came; no bytes where there is only to be looked what became of requests.
    #[must_use]
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Event> {
        match &mut self.0 {
            Wire::One(one) => one.receive(bytes),
            Wire::Two(two) => two.receive(bytes),
        }
    }

    /// The other end says no more: that may be how an answer ends.
    #[must_use]
    pub fn end(&mut self) -> Vec<Event> {
        match &mut self.0 {
            Wire::One(one) => one.end(),
            Wire::Two(two) => two.end(),
        }
    }

    /// What is to be sent now.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        match &mut self.0 {
            Wire::One(one) => one.take_output(),
            Wire::Two(two) => two.take_output(),
        }
    }

    /// An answer is of no more use: nothing more is told of it.
    pub fn forget(&mut self, number: u64) {
        if let Wire::Two(two) = &mut self.0 {
            two.forget(number);
        }
    }

    /// Whether another request may be made over it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.0 {
            Wire::One(one) => one.is_open(),
            Wire::Two(two) => two.is_open(),
        }
    }

    /// It will end: what is to be sent before that.
    #[must_use]
    pub fn close(&mut self) -> Vec<u8> {
        if let Wire::Two(two) = &mut self.0 {
            two.close();
        }
        self.take_output()
    }
}
