//! The connection of a transfer: what is said over it, and the messages that come (RFC 1035 section
//! 4.2.2), over TLS, too (RFC 9103).

use netdiag_model::Instant;
use netdiag_tls::Layer;
use std::time::Duration;

/// One connection, and what it is for.
#[derive(Debug)]
pub(super) struct Line {
    /// The number of the probe that opens it.
    pub(super) seq: u64,
    /// When it was asked for.
    pub(super) begun_at: Instant,
    /// How long it took to open, and when it had.
    pub(super) opened: Option<(Duration, Instant)>,
    /// When the query was said.
    pub(super) said_at: Option<Instant>,
    /// When it got on last: it opened, the query was said, a message of use came or the one behind it
    /// began. Mere bytes are no reason to wait longer, or who sends one now and then is waited for without end.
    pub(super) got_on_at: Instant,
    /// A message that begins now is waited for anew.
    is_between: bool,
    /// TLS over it.
    pub(super) layer: Option<Layer>,
    /// The query, with its length.
    query: Vec<u8>,
    /// What is to be sent.
    output: Vec<u8>,
    /// The beginning of a message.
    heard: Vec<u8>,
}

impl Line {
    pub(super) fn new(seq: u64, begun_at: Instant, query: &[u8]) -> Self {
        let length = u16::try_from(query.len()).unwrap_or(u16::MAX);
        Self {
            seq,
            begun_at,
            opened: None,
            said_at: None,
            got_on_at: begun_at,
            is_between: false,
            layer: None,
            query: [&length.to_be_bytes(), query].concat(),
            output: Vec::new(),
            heard: Vec::new(),
        }
    }

    /// It opened, after so long.
    pub(super) fn open(&mut self, at: Instant, connect: Duration, layer: Option<Layer>) {
        self.opened = Some((connect, at));
        self.got_on_at = at;
        self.layer = layer;
        match &mut self.layer {
            Some(layer) => self.output.extend(layer.take_output()),
            None => self.say(at),
        }
    }

    fn say(&mut self, at: Instant) {
        self.said_at = Some(at);
        self.got_on_at = at;
        self.is_between = true;
        let query = std::mem::take(&mut self.query);
        self.output.extend(match &mut self.layer {
            Some(layer) => layer.send(&query),
            None => query,
        });
    }

    /// Takes in what came; whether TLS is well.
    pub(super) fn hear(&mut self, at: Instant, bytes: &[u8]) -> bool {
        let Some(layer) = &mut self.layer else {
            self.heard.extend(bytes);
            self.begin_message(at);
            return true;
        };
        let (plain, result) = layer.receive(at, bytes);
        self.heard.extend(plain);
        self.output.extend(layer.take_output());
        if layer.is_open() && self.said_at.is_none() {
            if layer.is_refused() {
                return false;
            }
            self.say(at);
        }
        self.begin_message(at);
        result.is_ok()
    }

    /// A message may have begun.
    fn begin_message(&mut self, at: Instant) {
        if self.is_between && !self.heard.is_empty() {
            self.is_between = false;
            self.got_on_at = at;
        }
    }

    /// A message of use came.
    pub(super) fn get_on(&mut self, at: Instant) {
        self.got_on_at = at;
        self.is_between = self.heard.is_empty();
    }

    /// The next whole message.
    pub(super) fn message(&mut self) -> Option<Vec<u8>> {
        let (length, rest) = self.heard.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let message = rest.get(..length)?.to_vec();
        self.heard.drain(..length + 2);
        Some(message)
    }

    /// Whether the other end says nothing more, by TLS.
    pub(super) fn is_over(&self) -> bool {
        self.layer.as_ref().is_some_and(Layer::is_closed)
    }

    /// What is to be sent now.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// It will end: what is to be sent before that.
    pub(super) fn close(&mut self) -> Vec<u8> {
        self.layer.as_mut().map(Layer::close).unwrap_or_default()
    }
}
