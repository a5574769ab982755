//! The sockets that questions leave by: connected, so that only the server that was asked is heard,
//! and the kernel tells at once when it cannot be reached or nothing listens there (udp(7)).

use crate::raw;
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

/// hickory's own runtime with other UDP sockets: its own are not connected, and an ICMP error for a
/// question reaches no socket that is not.
#[derive(Clone, Default)]
pub(crate) struct Connected {
    runtime: TokioRuntimeProvider,
    told: Told,
}

/// One question's socket.
pub(crate) struct Asking {
    socket: UdpSocket,
    told: Told,
}

/// The last error number of such a socket, 0 for none: hickory says "no connections" in its place. One
/// that came back from the network is negative.
#[derive(Clone, Default)]
struct Told(Arc<AtomicI32>);

type Opening<Socket> = Pin<Box<dyn Send + Future<Output = io::Result<Socket>>>>;
type Receiving<'a> = Pin<Box<dyn Send + Future<Output = io::Result<(usize, SocketAddr)>> + 'a>>;

impl RuntimeProvider for Connected {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = Asking;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> TokioHandle {
        self.runtime.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Opening<Self::Tcp> {
        self.runtime.connect_tcp(server, local, timeout)
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Opening<Asking> {
        let told = self.told.clone();
        Box::pin(async move {
            let socket = told.note(open(local, server).await)?;
            Ok(Asking { socket, told })
        })
    }
}

impl Connected {
    /// What the system told of the last question that could not be asked or answered, once: the error
    /// number, and whether it came back from the network after the question had left.
    pub(super) fn told(&self) -> Option<(i32, bool)> {
        let told = Some(self.told.0.swap(0, Ordering::Relaxed)).filter(|errno| *errno != 0)?;
        Some((told.saturating_abs(), told < 0))
    }
}

impl Told {
    /// What became of something done here.
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        self.keep(result, 1)
    }

    /// What became of something that had left.
    fn heard<T>(&self, result: io::Result<T>) -> io::Result<T> {
        self.keep(result, -1)
    }

    fn keep<T>(&self, result: io::Result<T>, sign: i32) -> io::Result<T> {
        if let Err(errno) = result.as_ref().map_err(|error| error.raw_os_error().unwrap_or(0)) {
            self.0.store(errno.saturating_mul(sign), Ordering::Relaxed);
        }
        result
    }
}

async fn open(local: SocketAddr, server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(local).await?;
    // Without it only a closed port and a filter are told, no router's word (ip(7)).
    let (level, option) = match server {
        SocketAddr::V4(_) => (libc::SOL_IP, libc::IP_RECVERR),
        SocketAddr::V6(_) => (libc::SOL_IPV6, libc::IPV6_RECVERR),
    };
    raw::set_int(socket.as_fd(), level, option, 1).map_err(io::Error::from_raw_os_error)?;
    socket.connect(server).await?;
    Ok(socket)
}

impl Asking {
    /// The datagram that is there, or what the kernel was told of the question.
    fn heard(&self, bytes: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self.socket.try_recv_from(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            heard => return heard,
        }
        self.socket.try_io(Interest::ERROR, || match self.socket.take_error()? {
            Some(error) => Err(error),
            None => Err(io::ErrorKind::WouldBlock.into()),
        })
    }
}

impl DnsUdpSocket for Asking {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(bytes);
        let polled = self.socket.poll_recv_from(context, &mut buffer);
        polled.map_ok(|from| (buffer.filled().len(), from))
    }

    /// An error alone makes a socket not readable for tokio: it must be waited for by itself.
    fn recv_from<'a, 'b, 'both>(&'a self, bytes: &'b mut [u8]) -> Receiving<'both>
    where
        'a: 'both,
        'b: 'both,
        Self: 'both,
    {
        Box::pin(async move {
            loop {
                self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
                match self.heard(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    heard => return self.told.heard(heard),
                }
            }
        })
    }

    fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_send_to(context, bytes, target).map(|sent| self.told.note(sent))
    }
}
