//! The other end: a server of quinn-proto without a socket, which answers each stream by a function of
//! what came over it.

use bytes::{Bytes, BytesMut};
use quinn_proto::crypto::rustls::QuicServerConfig;
use quinn_proto::{
    Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, EndpointConfig, Event, Incoming,
    RandomConnectionIdGenerator, ServerConfig, StreamEvent, StreamId, TransportConfig, VarInt,
};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// What a server does with what came over a stream.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Says this, and that this was all.
    Say(Vec<u8>),
    /// Says this, and that more will come.
    Begin(Vec<u8>),
    /// Nothing.
    Nothing,
    /// Gives the answer up, by this code.
    Reset(u32),
    /// Closes the connection, by this code of what is spoken over it, with these words.
    Close(u32, &'static str),
}

/// Words over streams of its own to one of those that connect, each with whether that is all.
pub(crate) type Beside = fn(usize) -> &'static [(&'static [u8], bool)];

/// What a server is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// How many questions may be open at once.
    pub(crate) streams: u32,
    /// For how long it keeps a connection that nothing is said over, in milliseconds.
    pub(crate) idle: u32,
    /// It has every client begin anew, to prove its address.
    pub(crate) retries: bool,
    /// It takes no connection.
    pub(crate) refuses: bool,
    /// Answers wait until so many questions are there, and then the last comes first.
    pub(crate) gathers: usize,
    /// What it says over streams of its own to the first that connects, the second ..., each of them with
    /// whether that is all.
    pub(crate) beside: Beside,
}

impl Default for Manner {
    fn default() -> Self {
        let beside: Beside = |_| &[];
        Self { streams: 100, idle: 10_000, retries: false, refuses: false, gathers: 0, beside }
    }
}

pub(crate) struct Server<F> {
    endpoint: Endpoint,
    own: Arc<EndpointConfig>,
    manner: Manner,
    does: F,
    connections: BTreeMap<usize, (ConnectionHandle, Connection, SocketAddr)>,
    /// What came over streams that have not ended.
    heard: BTreeMap<(usize, StreamId), Vec<u8>>,
    /// Questions that are not answered yet.
    gathered: Vec<(usize, StreamId, Vec<u8>)>,
    output: VecDeque<(SocketAddr, Vec<u8>)>,
    /// What clients said over streams of their own that have no answer.
    pub(crate) heard_beside: Vec<u8>,
    /// How many connections came.
    pub(crate) met: usize,
}

impl<F: FnMut(&[u8]) -> Does> Server<F> {
    pub(crate) fn new(tls: Arc<rustls::ServerConfig>, manner: Manner, does: F) -> Self {
        let crypto = QuicServerConfig::try_from(tls).expect("TLS 1.3");
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_bidi_streams(VarInt::from_u32(manner.streams))
            .max_idle_timeout(Some(VarInt::from_u32(manner.idle).into()));
        config.transport_config(Arc::new(transport));
        let config = Some(Arc::new(config));
        let mut own = EndpointConfig::default();
        own.cid_generator(|| Box::new(RandomConnectionIdGenerator::default()));
        let own = Arc::new(own);
        let endpoint = Endpoint::new(Arc::clone(&own), config, false, None);
        Self {
            endpoint,
            own,
            manner,
            does,
            connections: BTreeMap::new(),
            heard: BTreeMap::new(),
            gathered: Vec::new(),
            output: VecDeque::new(),
            heard_beside: Vec::new(),
            met: 0,
        }
    }

    /// It forgets all connections, as one does that was started anew.
    pub(crate) fn forget(&mut self) {
        self.connections.clear();
        self.endpoint = Endpoint::new(Arc::clone(&self.own), None, false, None);
    }

    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let mut answer = Vec::new();
        let data = BytesMut::from(datagram);
        match self.endpoint.handle(now, from, None, None, data, &mut answer) {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some((_, connection, _)) = self.connections.get_mut(&handle.0) {
                    connection.handle_event(event);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => self.meet(now, incoming),
            Some(DatagramEvent::Response(_)) => self.output.push_back((from, answer)),
            None => {}
        }
        self.settle(now);
    }

    fn meet(&mut self, now: Instant, incoming: Incoming) {
        let (from, mut answer) = (incoming.remote_address(), Vec::new());
        if self.manner.refuses {
            let _ = self.endpoint.refuse(incoming, &mut answer);
        } else if self.manner.retries && !incoming.remote_address_validated() {
            let _ = self.endpoint.retry(incoming, &mut answer).expect("not yet done");
        } else {
            match self.endpoint.accept(incoming, now, &mut answer, None) {
                Ok((handle, connection)) => {
                    self.met += 1;
                    self.connections.insert(handle.0, (handle, connection, from));
                    return;
                }
                Err(error) if error.response.is_none() => return,
                Err(_) => {}
            }
        }
        self.output.push_back((from, answer));
    }

    pub(crate) fn due(&mut self) -> Option<Instant> {
        self.connections.values_mut().filter_map(|(_, it, _)| it.poll_timeout()).min()
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        for (_, connection, _) in self.connections.values_mut() {
            if connection.poll_timeout().is_some_and(|due| due <= now) {
                connection.handle_timeout(now);
            }
        }
        self.settle(now);
    }

    pub(crate) fn poll_output(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        if let Some(beside) = self.output.pop_front() {
            return Some(beside);
        }
        let mut datagram = Vec::new();
        self.connections.values_mut().find_map(|(_, connection, to)| {
            let sent = connection.poll_transmit(now, 1, &mut datagram)?;
            datagram.truncate(sent.size);
            Some((*to, std::mem::take(&mut datagram)))
        })
    }

    fn settle(&mut self, now: Instant) {
        for handle in self.connections.keys().copied().collect::<Vec<usize>>() {
            let Some((name, connection, _)) = self.connections.get_mut(&handle) else { continue };
            while let Some(event) = connection.poll_endpoint_events() {
                if let Some(event) = self.endpoint.handle_event(*name, event) {
                    connection.handle_event(event);
                }
            }
            let mut readable = Vec::new();
            while let Some(event) = connection.poll() {
                match event {
                    Event::Connected => {
                        for (bytes, is_all) in (self.manner.beside)(self.met) {
                            let id = connection.streams().open(Dir::Uni).expect("few");
                            let mut stream = connection.send_stream(id);
                            assert_eq!(stream.write(bytes), Ok(bytes.len()), "there is room");
                            if *is_all {
                                stream.finish().expect("open");
                            }
                        }
                    }
                    Event::Stream(StreamEvent::Opened { dir }) => {
                        while let Some(id) = connection.streams().accept(dir) {
                            readable.push(id);
                        }
                    }
                    Event::Stream(StreamEvent::Readable { id }) => readable.push(id),
                    _ => {}
                }
            }
            for id in readable {
                let heard = self.heard.entry((handle, id)).or_default();
                let mut stream = connection.recv_stream(id);
                let Ok(mut chunks) = stream.read(true) else { continue };
                let is_whole = loop {
                    match chunks.next(usize::MAX) {
                        Ok(Some(chunk)) => heard.extend(chunk.bytes),
                        Ok(None) => break true,
                        Err(_) => break false,
                    }
                };
                let _ = chunks.finalize();
                if id.dir() == Dir::Uni {
                    self.heard_beside.append(heard);
                } else if is_whole {
                    let question = self.heard.remove(&(handle, id)).unwrap_or_default();
                    self.gathered.push((handle, id, question));
                }
            }
        }
        if self.gathered.len() >= self.manner.gathers {
            for (handle, id, question) in self.gathered.drain(..).rev() {
                let does = (self.does)(&question);
                let Some((_, connection, _)) = self.connections.get_mut(&handle) else { continue };
                answer(connection, now, id, does);
            }
        }
    }
}

fn answer(connection: &mut Connection, now: Instant, id: StreamId, does: Does) {
    match does {
        Does::Say(bytes) => {
            let mut stream = connection.send_stream(id);
            assert_eq!(stream.write(&bytes), Ok(bytes.len()), "there is room");
            stream.finish().expect("open");
        }
        Does::Begin(bytes) => {
            let _ = connection.send_stream(id).write(&bytes).expect("there is room");
        }
        Does::Nothing => {}
        Does::Reset(code) => {
            connection.send_stream(id).reset(VarInt::from_u32(code)).expect("open");
        }
        Does::Close(code, words) => {
            connection.close(now, VarInt::from_u32(code), Bytes::from_static(words.as_bytes()));
        }
    }
}
