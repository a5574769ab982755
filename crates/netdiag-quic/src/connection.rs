//! One connection, without a socket.

use crate::clock::Clock;
use crate::crypto::{self, Config, NoKey};
use crate::ending::{Ending, versions};
use crate::streams::Streams;
use bytes::{Bytes, BytesMut};
use netdiag_model::{ClockAnchor, Instant};
use netdiag_tls::{Asked, Client, Fault, Shown, Talked, Terms};
use quinn_proto::{
    ClientConfig, ConnectionHandle, ConnectionId, ConnectionIdGenerator, DatagramEvent, Endpoint,
    EndpointConfig, NoneTokenStore, TransportConfig, VarInt,
};
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// QUIC version 1 (RFC 9000 section 15).
const VERSION: u32 = 1;
/// For how long a connection is kept that nothing is said over.
const IDLE: u32 = 30_000;
/// What the other end may send of one answer before we have read it, in bytes, and of all together.
const STREAM_WINDOW: u32 = 1 << 17;
const WINDOW: u32 = 1 << 20;
/// Bytes of randomness for the library, and of the identifier that the first packet goes to, which others
/// must not guess (RFC 9000 section 7.2).
const SEED: usize = 32;
const IDENTIFIER: usize = 20;
/// How many bytes a connection needs that nobody can guess.
pub const RANDOM: usize = SEED + IDENTIFIER;

/// By what a connection begins.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// Whom to trust.
    pub client: &'a Client,
    /// What TLS is to be spoken as.
    pub terms: &'a Terms<'a>,
    /// The time of day.
    pub anchor: &'a ClockAnchor,
    /// The other end.
    pub to: SocketAddr,
    /// Time as the library wants it.
    pub clock: Clock,
    /// Bytes that nobody can guess, others for each connection.
    pub random: [u8; RANDOM],
    /// How many streams the other end may have open over which it alone says something.
    pub beside: u32,
}

/// What came of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is over.
    Open,
    /// The next bytes of the answer to the question with this number, at least one.
    Bytes(u64, Vec<u8>),
    /// That answer is whole.
    End(u64),
    /// The other end gave it up, and says why by this code.
    Reset(u64, u64),
    /// The next bytes of a stream over which the other end alone says something, at least one.
    Beside(u64, Vec<u8>),
    /// Such a stream has ended, or was given up.
    BesideOver(u64),
    /// The connection ended, and all that was asked over it with it.
    Ended(Ending),
}

/// One connection, of the end that began it.
pub struct Connection {
    /// `None` where it could not be begun.
    state: Option<Box<State>>,
    clock: Clock,
    to: SocketAddr,
    asked: Asked,
    streams: Streams,
    events: VecDeque<Event>,
    /// What is to be sent that belongs to no connection.
    beside: VecDeque<Vec<u8>>,
    now: Instant,
    /// The versions that the other end said it speaks.
    offered: Vec<u32>,
    /// Anything of it was understood.
    is_heard: bool,
    /// It showed what is not to be believed, and that was asked for.
    is_refused: bool,
}

struct State {
    endpoint: Endpoint,
    handle: ConnectionHandle,
    connection: quinn_proto::Connection,
}

/// No identifier: the socket of a connection is its own.
struct NoIdentifier;

impl ConnectionIdGenerator for NoIdentifier {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&[])
    }

    fn cid_len(&self) -> usize {
        0
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

impl Connection {
    /// One that has yet to say hello.
    #[must_use]
    pub fn new(start: &Start<'_>, at: Instant) -> Self {
        let mut asked = Asked::new(start.terms, start.anchor, at);
        if let Err(fault) = netdiag_tls::quic::check(&start.terms.hello()) {
            asked.fail(&fault);
        }
        let state = begin(start, asked.now(), start.clock.std_of(at)).map(Box::new);
        Self {
            state,
            clock: start.clock,
            to: start.to,
            asked,
            streams: Streams::default(),
            events: VecDeque::new(),
            beside: VecDeque::new(),
            now: at,
            offered: Vec::new(),
            is_heard: false,
            is_refused: false,
        }
    }

    /// Puts a question, over a stream of its own, as soon as that is possible.
    pub fn ask(&mut self, at: Instant, number: u64, bytes: &[u8]) {
        self.pass(at);
        self.streams.ask(number, bytes);
        if let Some(state) = &mut self.state {
            self.streams.open_more(&mut state.connection);
        }
    }

    /// Says something over a stream of its own that never ends, and over which this end alone says
    /// something, as soon as that is possible.
    pub fn say(&mut self, at: Instant, bytes: &[u8]) {
        self.pass(at);
        self.streams.say(bytes);
        if let Some(state) = &mut self.state {
            self.streams.open_more(&mut state.connection);
        }
    }

    /// The numbers of the questions without an answer whose streams are none below this one, or that have
    /// none yet.
    #[must_use]
    pub fn asked_from(&self, stream: u64) -> Vec<u64> {
        self.streams.asked_from(stream)
    }

    /// Waits no more for an answer; the other end is told so by this code.
    pub fn give_up(&mut self, at: Instant, number: u64, code: u32) {
        self.pass(at);
        if let Some(state) = &mut self.state {
            self.streams.give_up(&mut state.connection, number, VarInt::from_u32(code));
        }
    }

    /// Takes in a datagram.
    pub fn receive(&mut self, at: Instant, datagram: &[u8]) {
        let now = self.pass(at);
        let Some(state) = &mut self.state else { return };
        if !self.is_heard {
            self.offered = versions(datagram);
        }
        let mut answer = Vec::new();
        let data = BytesMut::from(datagram);
        match state.endpoint.handle(now, self.to, None, None, data, &mut answer) {
            Some(DatagramEvent::ConnectionEvent(_, event)) => state.connection.handle_event(event),
            Some(DatagramEvent::Response(_)) => self.beside.push_back(answer),
            Some(DatagramEvent::NewConnection(_)) | None => {}
        }
        let came = state.connection.stats().frame_rx;
        self.is_heard |= came.acks > 0 || came.crypto > 0;
        self.settle();
    }

    /// Does what is due by now.
    pub fn tick(&mut self, at: Instant) {
        let now = self.pass(at);
        let Some(state) = &mut self.state else { return };
        if state.connection.poll_timeout().is_some_and(|due| due <= now) {
            state.connection.handle_timeout(now);
        }
        self.settle();
    }

    /// When something is due next.
    pub fn due(&mut self) -> Option<Instant> {
        let due = self.state.as_mut()?.connection.poll_timeout()?;
        Some(self.clock.of_std(due))
    }

    /// The next datagram to be sent.
    pub fn poll_output(&mut self, at: Instant) -> Option<Vec<u8>> {
        let now = self.pass(at);
        if let Some(beside) = self.beside.pop_front() {
            return Some(beside);
        }
        let mut datagram = Vec::new();
        let state = self.state.as_mut()?;
        let sent = state.connection.poll_transmit(now, 1, &mut datagram)?;
        datagram.truncate(sent.size);
        self.settle();
        Some(datagram)
    }

    /// The next that came of it.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// It will end, by this code: what is to be sent before that.
    pub fn close(&mut self, at: Instant, code: u32) -> Option<Vec<u8>> {
        let now = self.pass(at);
        let state = self.state.as_mut()?;
        if !state.connection.is_closed() {
            state.connection.close(now, VarInt::from_u32(code), Bytes::new());
        }
        self.poll_output(at)
    }

    /// Whether it could not even be begun, since no certificate can be for that name.
    #[must_use]
    pub const fn is_impossible(&self) -> bool {
        self.state.is_none()
    }

    /// Whether anything of the other end was understood.
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// Whether the handshake is over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.asked.is_open()
    }

    /// Why the handshake failed, if it did.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.asked.fault()
    }

    /// Whether what the other end showed is not to be believed, and that was asked for.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// What came of TLS so far.
    #[must_use]
    pub fn talked(&self) -> Talked {
        self.asked.talked(self.shown())
    }

    fn shown(&self) -> Shown {
        let session = self.state.as_ref().map(|state| state.connection.crypto_session());
        session.map(crypto::shown).unwrap_or_default()
    }

    /// The time, which never goes back.
    fn pass(&mut self, at: Instant) -> std::time::Instant {
        self.now = self.now.max(at);
        self.clock.std_of(self.now)
    }

    /// Takes in what the library has to say.
    fn settle(&mut self) {
        let Some(state) = &mut self.state else { return };
        while let Some(event) = state.connection.poll_endpoint_events() {
            if let Some(event) = state.endpoint.handle_event(state.handle, event) {
                state.connection.handle_event(event);
            }
        }
        while let Some(event) = state.connection.poll() {
            match event {
                quinn_proto::Event::Connected => {
                    self.asked.open(self.now);
                    self.events.push_back(Event::Open);
                    let shown = crypto::shown(state.connection.crypto_session());
                    self.is_refused = self.asked.refuses(shown);
                    if !self.is_refused {
                        self.streams.open_more(&mut state.connection);
                    }
                }
                quinn_proto::Event::Stream(event) => {
                    self.streams.on_event(&mut state.connection, &event, &mut self.events);
                }
                quinn_proto::Event::ConnectionLost { reason } => {
                    let Some((ending, alert)) = Ending::of(reason, &self.offered) else { continue };
                    let theirs = alert.map(netdiag_tls::quic::alert);
                    let fault = crypto::fault(state.connection.crypto_session()).or(theirs);
                    if let Some(fault) = fault.filter(|_| ending == Ending::Tls) {
                        self.asked.fail(&fault);
                    }
                    self.events.push_back(Event::Ended(ending));
                }
                quinn_proto::Event::HandshakeDataReady
                | quinn_proto::Event::DatagramReceived
                | quinn_proto::Event::DatagramsUnblocked => {}
            }
        }
    }
}

/// The library, about to say hello.
fn begin(start: &Start<'_>, now: Duration, at: std::time::Instant) -> Option<State> {
    let (seed, identifier) = start.random.split_at(SEED);
    let identifier = ConnectionId::new(identifier);
    let hello = start.terms.hello();
    let config = Config {
        client: start.client.clone(),
        name: hello.name.to_owned(),
        sni: hello.sni,
        alpn: hello.alpn.iter().map(|&one| one.to_owned()).collect(),
        now,
    };
    let mut endpoint = EndpointConfig::new(Arc::new(NoKey));
    endpoint
        .cid_generator(|| Box::new(NoIdentifier))
        .supported_versions(vec![VERSION])
        .rng_seed(seed.try_into().ok());
    let mut endpoint = Endpoint::new(Arc::new(endpoint), None, false, None);
    let mut client = ClientConfig::new(Arc::new(config));
    client
        .initial_dst_cid_provider(Arc::new(move || identifier))
        .token_store(Arc::new(NoneTokenStore))
        .transport_config(Arc::new(transport(start.beside)))
        .version(VERSION);
    let (handle, connection) = endpoint.connect(at, client, start.to, "").ok()?;
    Some(State { endpoint, handle, connection })
}

/// What is wanted of packets and streams; `beside`: how many the other end may begin by itself.
fn transport(beside: u32) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(VarInt::from_u32(IDLE).into()))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(beside))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .datagram_receive_buffer_size(None)
        .mtu_discovery_config(None)
        .enable_segmentation_offload(false);
    transport
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("to", &self.to).finish_non_exhaustive()
    }
}
