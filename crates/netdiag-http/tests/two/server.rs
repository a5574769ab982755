//! A server that speaks HTTP/2 in memory: what came goes in, what it says comes out.

use bytes::Bytes;
use h2::server::{Connection, Handshake, SendResponse, handshake};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What a server says to a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// 0: nothing.
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Fields behind the body.
    pub(crate) trailers: Vec<(&'static str, &'static str)>,
    /// It takes the request back, after what it said.
    pub(crate) reset: Option<Reason>,
    /// It takes no more requests after this one.
    pub(crate) leaves: bool,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), ..Self::default() }
    }
}

type Says = Box<dyn FnMut(&Seen) -> Reply + Send>;

enum State {
    Greeting(Handshake<Pipe, Bytes>),
    Open(Connection<Pipe, Bytes>),
    Over,
}

pub(crate) struct Server {
    pipe: Pipe,
    state: State,
    /// Requests whose bodies are not whole yet.
    coming: Vec<(Seen, RecvStream, SendResponse<Bytes>)>,
    /// Requests that wait for their answers.
    waiting: Vec<(Seen, SendResponse<Bytes>)>,
    says: Says,
    /// Answers wait until so many requests are there, and then the last comes first.
    gathers: usize,
}

impl Server {
    pub(crate) fn new(gathers: usize, says: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let pipe = Pipe::default();
        Self {
            state: State::Greeting(handshake(pipe.clone())),
            pipe,
            coming: Vec::new(),
            waiting: Vec::new(),
            says: Box::new(says),
            gathers,
        }
    }

    /// Takes in what came, and gives what is to be sent.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pipe.with(|buffers| buffers.came.extend_from_slice(bytes));
        while self.step() {}
        self.pipe.with(|buffers| std::mem::take(&mut buffers.output))
    }

    /// Whether it has said its last.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether anything happened.
    fn step(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match &mut self.state {
            State::Over => return false,
            State::Greeting(greeting) => match Pin::new(greeting).poll(&mut cx) {
                Poll::Ready(Ok(connection)) => self.state = State::Open(connection),
                Poll::Ready(Err(_)) => self.state = State::Over,
                Poll::Pending => return false,
            },
            State::Open(connection) => match connection.poll_accept(&mut cx) {
                Poll::Ready(Some(Ok((request, respond)))) => self.accept(request, respond),
                Poll::Ready(_) => self.state = State::Over,
                Poll::Pending => return self.look(),
            },
        }
        true
    }

    fn accept(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let (parts, body) = request.into_parts();
        let seen = Seen {
            method: parts.method.to_string(),
            authority: parts.uri.authority().map(ToString::to_string).unwrap_or_default(),
            path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            fields: parts.headers,
            body: Vec::new(),
        };
        self.coming.push((seen, body, respond));
    }

    fn look(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let mut coming = Vec::new();
        let before = self.waiting.len();
        for (mut seen, mut body, respond) in self.coming.drain(..) {
            let is_whole = loop {
                match body.poll_data(&mut cx) {
                    Poll::Ready(Some(Ok(bytes))) => {
                        let _ = body.flow_control().release_capacity(bytes.len());
                        seen.body.extend_from_slice(&bytes);
                    }
                    Poll::Ready(_) => break true,
                    Poll::Pending => break false,
                }
            };
            match is_whole {
                true => self.waiting.push((seen, respond)),
                false => coming.push((seen, body, respond)),
            }
        }
        self.coming = coming;
        let has_changed = self.waiting.len() != before;
        if self.waiting.is_empty() || self.waiting.len() < self.gathers {
            return has_changed;
        }
        for (seen, respond) in std::mem::take(&mut self.waiting).into_iter().rev() {
            let reply = (self.says)(&seen);
            if reply.leaves
                && let State::Open(connection) = &mut self.state
            {
                connection.graceful_shutdown();
            }
            answer(respond, &reply);
        }
        true
    }
}

fn answer(mut respond: SendResponse<Bytes>, reply: &Reply) {
    if reply.status == 0 {
        match reply.reset {
            Some(reason) => respond.send_reset(reason),
            // Not even that it was forgotten is told.
            None => std::mem::forget(respond),
        }
        return;
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.fields {
        response = response.header(*name, value);
    }
    let is_end = reply.body.is_empty() && reply.trailers.is_empty() && reply.reset.is_none();
    let response = response.body(()).expect("an answer");
    let Ok(mut stream) = respond.send_response(response, is_end) else { return };
    if is_end {
        return;
    }
    let is_last = reply.trailers.is_empty() && reply.reset.is_none();
    let _ = stream.send_data(Bytes::from(reply.body.clone()), is_last);
    if let Some(reason) = reply.reset {
        return stream.send_reset(reason);
    }
    if !is_last {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (name.parse().expect("a name"), value.parse().expect("a value"))
        };
        let trailers: HeaderMap = reply.trailers.iter().map(pair).collect();
        let _ = stream.send_trailers(trailers);
    }
}

/// Both ends see the same buffers.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Buffers>>);

#[derive(Default)]
struct Buffers {
    came: Vec<u8>,
    output: Vec<u8>,
}

impl Pipe {
    fn with<T>(&self, act: impl FnOnce(&mut Buffers) -> T) -> T {
        act(&mut self.0.lock().expect("nobody panicked"))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|buffers| {
            if buffers.came.is_empty() {
                return Poll::Pending;
            }
            let taken = buffers.came.len().min(into.remaining());
            into.put_slice(&buffers.came[..taken]);
            buffers.came.drain(..taken);
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|buffers| buffers.output.extend_from_slice(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
