//! One connection to a server over which queries go as they come, and answers in any order (RFC 7766
//! section 6.2.1, RFC 7858 section 3.3, RFC 8484, RFC 9250, RFC 9114).

use super::https::{Https, Said};
use super::quic::Quic;
use netdiag_engine::Next;
use netdiag_model::Instant;
use netdiag_model::failure::Stage;
use netdiag_quic::{Connection, Ending};
use netdiag_tls::{Layer, Talked};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How many connections that were given up are listened to.
const MOST_ASIDE: usize = 4;

/// One connection, and TLS over it; or QUIC, which is both.
#[derive(Debug)]
pub(super) struct Line {
    /// The number of the probe that opens it.
    pub(super) seq: u64,
    /// How long it took to open, once it has.
    pub(super) connect: Option<Duration>,
    /// When it did.
    pub(super) opened_at: Option<Instant>,
    /// TLS, once it is open.
    layer: Option<Layer>,
    /// When the first query could be said.
    pub(super) ready_at: Option<Instant>,
    /// An answer came over it.
    pub(super) has_answered: bool,
    /// When anything came over it last.
    heard_at: Option<Instant>,
    /// What is to be sent.
    output: Vec<u8>,
    /// What is to be said once it is ready.
    waiting: Vec<u8>,
    /// The beginning of an answer.
    heard: Vec<u8>,
    /// HTTP over it, where that carries messages.
    https: Option<Https>,
    /// QUIC, where that carries them, over datagrams.
    quic: Option<Quic>,
}

/// What is spoken over a line.
#[derive(Debug)]
pub(super) enum Spoken {
    /// DNS over TLS.
    Tls,
    /// HTTP over that.
    Https(Https),
    /// QUIC, and perhaps HTTP over it.
    Quic(Quic),
}

/// What came over a line.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// Whole messages.
    pub(super) messages: Vec<Vec<u8>>,
    /// What came of requests by HTTP.
    pub(super) said: Vec<Said>,
    /// It became ready just now: what was waiting is said.
    pub(super) is_ready: bool,
    /// The handshake, or the session, failed, or the server is not to be believed.
    pub(super) has_failed: bool,
    /// The server says that it will say nothing more (RFC 8446 section 6.1).
    pub(super) is_over: bool,
    /// A connection of QUIC ended, and how.
    pub(super) ended: Option<Ending>,
}

impl Line {
    /// One that the probe with this number opens.
    pub(super) fn new(seq: u64, spoken: Spoken) -> Self {
        let (https, quic) = match spoken {
            Spoken::Tls => (None, None),
            Spoken::Https(https) => (Some(https), None),
            Spoken::Quic(quic) => (None, Some(quic)),
        };
        Self {
            seq,
            connect: None,
            opened_at: None,
            layer: None,
            ready_at: None,
            has_answered: false,
            heard_at: None,
            output: Vec::new(),
            waiting: Vec::new(),
            heard: Vec::new(),
            https,
            quic,
        }
    }

    /// Whether it is one of QUIC.
    pub(super) const fn is_quic(&self) -> bool {
        self.quic.is_some()
    }

    /// Whether it is one of HTTP/3.
    pub(super) fn is_http3(&self) -> bool {
        self.quic.as_ref().is_some_and(Quic::is_http)
    }

    /// Whether queries are said at once.
    pub(super) const fn is_ready(&self) -> bool {
        self.ready_at.is_some()
    }

    /// Whether it is open and has said nothing that was waited for since then.
    pub(super) fn is_dead_since(&self, asked_at: Instant) -> bool {
        let is_silent = self.heard_at.is_none_or(|heard_at| heard_at < asked_at);
        self.opened_at.is_some() && (is_silent || !self.is_ready())
    }

    /// What is wrong with TLS before anything was said.
    pub(super) fn is_impossible(&self) -> bool {
        let is_impossible = |connection: &Connection| connection.is_impossible();
        self.layer.as_ref().is_some_and(|layer| layer.fault().is_some())
            || self.connection().is_some_and(is_impossible)
    }

    /// How far it has come, as a stage of a failure.
    pub(super) fn stage(&self) -> Stage {
        let is_connected =
            self.layer.is_some() || self.connection().is_some_and(|it| it.is_heard());
        match (is_connected, self.ready_at) {
            (_, Some(_)) => Stage::Request,
            (true, None) => Stage::Tls,
            (false, None) => Stage::Connect,
        }
    }

    fn connection(&self) -> Option<&Connection> {
        self.quic.as_ref().and_then(Quic::connection)
    }

    /// Puts the query with this number to the server, now or once that is possible.
    pub(super) fn ask(&mut self, at: Instant, seq: u64, message: &[u8]) {
        if let Some(https) = &mut self.https {
            https.ask(seq, message);
            return self.say_http();
        }
        if let Some(quic) = &mut self.quic {
            return quic.ask(at, seq, message);
        }
        let framed = framed(message);
        match &mut self.layer {
            Some(layer) if self.ready_at.is_some() => self.output.extend(layer.send(&framed)),
            _ => self.waiting.extend(framed),
        }
    }

    /// Has what HTTP says sent.
    fn say_http(&mut self) {
        let said = self.https.as_mut().map(Https::take_output).filter(|said| !said.is_empty());
        if let Some((layer, said)) = self.layer.as_mut().zip(said) {
            self.output.extend(layer.send(&said));
        }
    }

    /// A query was given up.
    pub(super) fn give_up(&mut self, at: Instant, seq: u64) {
        if let Some(quic) = &mut self.quic {
            quic.give_up(at, seq);
        }
        if let Some(https) = &mut self.https {
            https.give_up(seq);
            self.say_http();
        }
    }

    /// The connection opened, after so long.
    pub(super) fn open(&mut self, at: Instant, connect: Duration, mut layer: Layer) {
        self.connect = Some(connect);
        self.opened_at = Some(at);
        self.output.extend(layer.take_output());
        self.layer = Some(layer);
    }

    /// There is a socket for a connection of QUIC.
    pub(super) fn begin(&mut self, at: Instant, connection: Connection) {
        self.connect = Some(Duration::ZERO);
        self.opened_at = Some(at);
        if let Some(quic) = &mut self.quic {
            quic.begin(at, connection);
        }
    }

    /// Does what is due by now.
    pub(super) fn tick(&mut self, at: Instant) -> Came {
        let came = self.quic.as_mut().map(|quic| quic.tick(at)).unwrap_or_default();
        self.ready(at, came)
    }

    /// When something is due next by itself.
    pub(super) fn due(&mut self) -> Option<Instant> {
        self.quic.as_mut()?.due()
    }

    fn ready(&mut self, at: Instant, came: Came) -> Came {
        if came.is_ready {
            self.ready_at.get_or_insert(at);
        }
        came
    }

    /// Takes in what came.
    pub(super) fn hear(&mut self, at: Instant, bytes: &[u8]) -> Came {
        if let Some(quic) = &mut self.quic {
            self.heard_at = Some(at);
            let came = quic.receive(at, bytes);
            return self.ready(at, came);
        }
        let Some(layer) = &mut self.layer else { return Came::default() };
        self.heard_at = Some(at);
        let (plain, result) = layer.receive(at, bytes);
        self.output.extend(layer.take_output());
        let mut came = Came::default();
        if layer.is_open() && self.ready_at.is_none() {
            if layer.is_refused() {
                return Came { has_failed: true, ..came };
            }
            self.ready_at = Some(at);
            let waiting = std::mem::take(&mut self.waiting);
            self.output.extend(layer.send(&waiting));
            came.is_ready = true;
            if let Some(https) = &mut self.https {
                https.begin(layer.alpn().as_deref());
            }
        }
        came.has_failed = result.is_err();
        came.is_over = layer.is_closed();
        match &mut self.https {
            Some(https) => {
                came.said = https.receive(at, &plain);
                came.is_over |= https.is_over();
                self.say_http();
            }
            None => self.heard.extend(plain),
        }
        while let Some(message) = self.message() {
            came.messages.push(message);
        }
        came
    }

    /// The next whole message of what was heard.
    fn message(&mut self) -> Option<Vec<u8>> {
        let (length, rest) = self.heard.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let message = rest.get(..length)?.to_vec();
        self.heard.drain(..length + 2);
        Some(message)
    }

    /// The server will say no more: that may be how an answer ends.
    pub(super) fn end(&mut self, at: Instant) -> Vec<Said> {
        self.https.as_mut().map(|https| https.end(at)).unwrap_or_default()
    }

    /// What is to be sent now.
    pub(super) fn take_output(&mut self, at: Instant) -> Vec<u8> {
        if let Some(quic) = &mut self.quic {
            return quic.poll_output(at).unwrap_or_default();
        }
        std::mem::take(&mut self.output)
    }

    /// It will end: what is to be sent before that.
    pub(super) fn close(&mut self, at: Instant) -> Vec<u8> {
        if let Some(quic) = &mut self.quic {
            return quic.close(at);
        }
        let last = self.https.as_mut().map(Https::close).unwrap_or_default();
        if let Some(layer) = &mut self.layer {
            self.output.extend(layer.send(&last));
            self.output.extend(layer.close());
        }
        self.take_output(at)
    }

    /// What came of TLS, as far as it has come.
    pub(super) fn talked(&self) -> Option<Talked> {
        let of_quic = || self.connection().map(Connection::talked);
        self.layer.as_ref().map(Layer::talked).or_else(of_quic)
    }
}

/// A message with its length before it (RFC 1035 section 4.2.2); one that has none in 16 bits is never made.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// By what an answer is known over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// By the number in its header.
    Id(u16),
    /// By the request that it answers: of the query with this number.
    Request(u64),
}

/// The connections to servers, one to each.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) open: BTreeMap<usize, Line>,
    /// Connections that were given up for their silence: what still comes over them is late.
    pub(super) aside: VecDeque<(usize, Line)>,
    /// Connections that are of no more use, and what is to be said before their end.
    pub(super) ending: VecDeque<(u64, Vec<u8>)>,
    /// When queries are given up.
    pub(super) expiring: BTreeSet<(Instant, u64)>,
    /// Those that were, by server and mark: their questions, and when they began.
    pub(super) late: BTreeMap<(usize, Mark), (usize, Instant)>,
    /// Those that were answered, likewise: their questions.
    pub(super) answered: BTreeMap<(usize, Mark), usize>,
    /// What TLS showed, by server.
    pub(super) talked: BTreeMap<usize, Arc<Talked>>,
}

impl Lines {
    /// When the next query is given up, or a connection has something to do.
    pub(super) fn due(&mut self) -> Instant {
        let lines = self.open.values_mut().filter_map(Line::due).min();
        let given_up = self.expiring.first().map(|(at, _)| *at);
        lines.into_iter().chain(given_up).min().unwrap_or(Instant::FAR)
    }

    /// The servers of connections that have something to do by now.
    pub(super) fn ticking(&mut self, now: Instant) -> Vec<usize> {
        let is_due = |line: &mut Line| line.due().is_some_and(|due| due <= now);
        let due = self.open.iter_mut().filter_map(|(server, line)| is_due(line).then_some(*server));
        due.collect()
    }

    /// What is to be said or ended now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        if let Some((seq, last)) = self.ending.front_mut() {
            let seq = *seq;
            if !last.is_empty() {
                return Some(Next::Say(seq, std::mem::take(last)));
            }
            self.ending.pop_front();
            return Some(Next::HangUp(seq));
        }
        let said = self.open.values_mut().map(|line| (line.seq, line.take_output(now)));
        said.into_iter().find(|(_, output)| !output.is_empty()).map(|(seq, it)| Next::Say(seq, it))
    }

    /// Nothing more will be asked: connections that are open end.
    pub(super) fn wind_up(&mut self, now: Instant) -> Option<Next> {
        let aside = self.aside.iter_mut();
        aside.for_each(|(_, line)| self.ending.push_back((line.seq, line.close(now))));
        self.aside.clear();
        while let Some((_, mut line)) = self.open.pop_first() {
            if line.connect.is_some() {
                self.ending.push_back((line.seq, line.close(now)));
            }
        }
        self.next(now)
    }

    /// Puts a connection aside; of many the oldest ends.
    pub(super) fn put_aside(&mut self, server: usize, now: Instant) {
        self.aside.extend(self.open.remove(&server).map(|line| (server, line)));
        if self.aside.len() > MOST_ASIDE
            && let Some((_, mut line)) = self.aside.pop_front()
        {
            self.ending.push_back((line.seq, line.close(now)));
        }
    }

    /// The server of a connection that was put aside, and the connection.
    pub(super) fn aside_of(&mut self, seq: u64) -> Option<(usize, &mut Line)> {
        let found = self.aside.iter_mut().find(|(_, line)| line.seq == seq);
        found.map(|(server, line)| (*server, line))
    }

    pub(super) fn server_of(&self, seq: u64) -> Option<usize> {
        self.open.iter().find(|(_, line)| line.seq == seq).map(|(server, _)| *server)
    }
}
