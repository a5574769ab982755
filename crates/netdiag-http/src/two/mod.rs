//! HTTP/2: requests beside each other over one connection (RFC 9113), by h2.
//!
//! h2 is written for a runtime that wakes it. Here nobody does: after each thing that came it is asked
//! what it makes of that, until it has nothing more to say.

mod opening;
mod pipe;
mod stream;

use crate::LARGEST_HEAD;
use crate::client::Event;
use crate::fault::{Fault, Reason};
use crate::message::Request;
use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use opening::Opening;
use pipe::Pipe;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use stream::Stream;

/// How much may come of one answer, and of all together, before it was taken in, in bytes. Whatever
/// comes is taken in at once: this is what a path of 100 ms carries at 80 Mbit/s.
const WINDOW: u32 = 1 << 20;
/// The longest frame that is taken, in bytes: what every endpoint takes (RFC 9113 section 4.2).
const LARGEST_FRAME: u32 = 16_384;

/// A connection.
pub(crate) struct Two {
    pipe: Pipe,
    /// `None`: nothing more comes of it.
    connection: Option<Connection<Pipe, Bytes>>,
    /// `None`: nothing more may be asked.
    sender: Option<SendRequest<Bytes>>,
    /// What came first.
    opening: Opening,
    /// The number of the next request.
    next: u64,
    /// Requests that wait until the other end takes more.
    queue: VecDeque<(u64, Request)>,
    streams: BTreeMap<u64, Stream>,
    /// Why it takes no more requests.
    over: Option<Fault>,
}

impl Two {
    /// One that says hello.
    pub(crate) fn new() -> Self {
        let pipe = Pipe::default();
        let mut builder = Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(LARGEST_FRAME)
            .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
            .enable_push(false);
        let hello = pin!(builder.handshake::<_, Bytes>(pipe.clone()));
        // Over these buffers nothing has to be waited for.
        let (sender, connection) = match hello.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok((sender, connection))) => (Some(sender), Some(connection)),
            Poll::Ready(Err(_)) | Poll::Pending => (None, None),
        };
        let over = sender.is_none().then(|| Fault::new(Reason::Impossible, "no hello is made"));
        let mut two = Self {
            pipe,
            connection,
            sender,
            opening: Opening::default(),
            next: 0,
            queue: VecDeque::new(),
            streams: BTreeMap::new(),
            over,
        };
        two.drive();
        two
    }

    pub(crate) fn ask(&mut self, request: Request) -> u64 {
        let number = self.next;
        self.next += 1;
        self.queue.push_back((number, request));
        self.begin_queued();
        self.drive();
        number
    }

    /// Makes those requests for which the other end has room.
    fn begin_queued(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let mut has_begun = false;
        while let Some(sender) = self.sender.as_mut().filter(|_| !self.queue.is_empty()) {
            match sender.poll_ready(&mut cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => break,
                Poll::Ready(Err(error)) => {
                    let fault = Fault { is_untouched: true, ..stream::fault(&error) };
                    self.over.get_or_insert(fault);
                    break;
                }
            }
            let Some((number, request)) = self.queue.pop_front() else { break };
            self.streams.insert(number, Stream::begin(sender, request));
            has_begun = true;
        }
        has_begun
    }

    /// Has h2 look at what came, and say what it has to.
    fn drive(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(end) = Pin::new(connection).poll(&mut cx) {
            self.connection = None;
            let fault = match end {
                Ok(()) => Fault::closed("more was asked"),
                Err(error) => stream::fault(&error),
            };
            self.over.get_or_insert(Fault { is_untouched: true, ..fault });
        }
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        if self.opening.is_foreign(bytes) {
            self.break_off(&self.opening.fault(), &mut events);
            return events;
        }
        self.pipe.push(bytes);
        self.look(&mut events);
        events
    }

    /// Looks what became of all requests, until nothing more did.
    fn look(&mut self, events: &mut Vec<Event>) {
        loop {
            self.drive();
            let before = events.len();
            self.streams.retain(|number, stream| stream.poll(*number, events));
            let has_begun = self.begin_queued();
            if events.len() == before && !has_begun {
                break;
            }
        }
        let Some(over) = self.over.clone() else { return };
        let waiting = std::mem::take(&mut self.queue).into_iter();
        events.extend(waiting.map(|(number, _)| Event::Failed(number, over.clone())));
        if self.connection.is_none() {
            // What h2 has said nothing of by now it never will.
            let left = std::mem::take(&mut self.streams).into_keys();
            let fault = Fault { is_untouched: false, ..over };
            events.extend(left.map(|number| Event::Failed(number, fault.clone())));
        }
    }

    /// What came is not HTTP/2: nothing more of it is looked at.
    fn break_off(&mut self, fault: &Fault, events: &mut Vec<Event>) {
        (self.connection, self.sender) = (None, None);
        let streams = std::mem::take(&mut self.streams).into_keys();
        let queue = std::mem::take(&mut self.queue).into_iter().map(|(number, _)| number);
        events.extend(streams.chain(queue).map(|n| Event::Failed(n, fault.clone())));
        self.over.get_or_insert_with(|| fault.clone());
    }

    pub(crate) fn end(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.pipe.end();
        self.look(&mut events);
        self.over.get_or_insert_with(|| Fault {
            reason: Reason::Closed,
            message: "the other end has closed the connection".to_owned(),
            is_untouched: true,
        });
        (self.connection, self.sender) = (None, None);
        self.look(&mut events);
        events
    }

    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        self.pipe.take_output()
    }

    pub(crate) fn forget(&mut self, number: u64) {
        self.queue.retain(|(waiting, _)| *waiting != number);
        if self.streams.remove(&number).is_some() {
            self.drive();
        }
    }

    /// Whether it takes requests. That the server wants no more (GOAWAY) is seen by asking for room.
    pub(crate) fn is_open(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let mut sender = self.sender.clone();
        let ready = sender.as_mut().map(|sender| sender.poll_ready(&mut cx));
        self.over.is_none() && !matches!(ready, None | Some(Poll::Ready(Err(_))))
    }

    /// Says that nothing more will be asked (GOAWAY).
    pub(crate) fn close(&mut self) {
        self.queue.clear();
        self.streams.clear();
        self.sender = None;
        // What was reset has to leave before.
        self.drive();
        self.drive();
    }
}

impl fmt::Debug for Two {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Two").field("next", &self.next).finish_non_exhaustive()
    }
}
