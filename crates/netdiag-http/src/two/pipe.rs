//! The connection that h2 believes to have: two buffers in memory.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both ends see the same buffers.
#[derive(Clone, Default)]
pub(super) struct Pipe(Arc<Mutex<Buffers>>);

#[derive(Default)]
struct Buffers {
    /// What came and was not read yet.
    came: Vec<u8>,
    /// How much of it was.
    read: usize,
    /// Nothing more comes.
    is_over: bool,
    /// What is to be sent.
    output: Vec<u8>,
}

impl Pipe {
    fn with<T>(&self, act: impl FnOnce(&mut Buffers) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something came.
    pub(super) fn push(&self, bytes: &[u8]) {
        self.with(|buffers| {
            buffers.came.drain(..buffers.read);
            buffers.read = 0;
            buffers.came.extend_from_slice(bytes);
        });
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.with(|buffers| buffers.is_over = true);
    }

    /// What is to be sent.
    pub(super) fn take_output(&self) -> Vec<u8> {
        self.with(|buffers| std::mem::take(&mut buffers.output))
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|buffers| {
            let rest = buffers.came.get(buffers.read..).unwrap_or_default();
            let taken = rest.get(..into.remaining()).unwrap_or(rest);
            match taken {
                [] if !buffers.is_over => Poll::Pending,
                taken => {
                    into.put_slice(taken);
                    buffers.read += taken.len();
                    Poll::Ready(Ok(()))
                }
            }
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
