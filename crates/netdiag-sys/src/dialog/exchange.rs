//! One request and one answer over a TCP connection of its own.

use super::How;
use crate::clock;
use crate::network::handshake::{Handshake, Verdict};
use netdiag_engine::port::{Exchange, ExchangeError, ExchangeFraming, SendError};
use netdiag_model::Destination;
use socket2::Socket;
use std::io;
use std::net::{SocketAddr, SocketAddrV6};
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Whoever asked closes an exchange much earlier; this only bounds one that was forgotten.
const LONGEST: Duration = Duration::from_secs(60);

/// Runs the exchange; takes its bytes with it.
pub(super) fn run(
    exchange: &Exchange<&[u8]>,
    socket: Socket,
) -> impl Future<Output = How> + Send + 'static {
    let target = match exchange.destination {
        Destination::V4(v4) => SocketAddr::new(v4.into(), exchange.port),
        Destination::V6(v6, scope) => SocketAddrV6::new(v6, exchange.port, 0, scope).into(),
    };
    let request = match exchange.framing {
        ExchangeFraming::Length16 => framed(exchange.bytes),
    };
    async move {
        let mut phases = [Duration::ZERO; 2];
        let dialog = dialog(socket, target, request, &mut phases);
        let result = timeout(LONGEST, dialog).await;
        let result = result.unwrap_or(Err(ExchangeError::TimedOut));
        How::Exchanged { phases, result }
    }
}

/// The message behind its length (RFC 1035 section 4.2.2), `None` if it is too long for that.
fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(message.len()).ok()?;
    let mut bytes = Vec::with_capacity(message.len() + 2);
    bytes.extend(len.to_be_bytes());
    bytes.extend(message);
    Some(bytes)
}

async fn dialog(
    socket: Socket,
    target: SocketAddr,
    request: Option<Vec<u8>>,
    phases: &mut [Duration; 2],
) -> Result<Vec<u8>, ExchangeError> {
    let too_long = ExchangeError::Connect(SendError::new(libc::EMSGSIZE));
    let request = request.ok_or(too_long)?;
    let start = clock::now();
    let mut stream = connected(socket, target).await?;
    phases[0] = clock::now().since(start);
    stream.write_all(&request).await.map_err(ended)?;
    let asked = clock::now();
    let len = stream.read_u16().await.map_err(ended)?;
    let mut answer = vec![0; len.into()];
    stream.read_exact(&mut answer).await.map_err(ended)?;
    phases[1] = clock::now().since(asked);
    Ok(answer)
}

/// Opens a connection, unless this machine keeps its SYN back: nothing comes of that, and the target
/// is not to blame.
async fn connected(socket: Socket, target: SocketAddr) -> Result<TcpStream, ExchangeError> {
    // Where there is no descriptor for that the connection is not watched.
    let watched = socket.try_clone().ok();
    let mut opening = pin!(TcpSocket::from_std_stream(socket.into()).connect(target));
    let (mut handshake, mut pause) = (None, Duration::ZERO);
    loop {
        if let Ok(ended) = timeout(pause, opening.as_mut()).await {
            return ended.map_err(|error| connect_error(&error));
        }
        let Some(socket) = &watched else {
            pause = LONGEST;
            continue;
        };
        let handshake: &mut Handshake =
            handshake.get_or_insert_with(|| Handshake::of(socket, clock::now()));
        if let Verdict::KeptBack(errno) = handshake.look(socket, clock::now()) {
            return Err(ExchangeError::Connect(SendError::new(errno)));
        }
        pause = handshake.next_look().since(clock::now());
    }
}

fn connect_error(error: &io::Error) -> ExchangeError {
    match error.raw_os_error() {
        Some(libc::ETIMEDOUT) => ExchangeError::TimedOut,
        errno => ExchangeError::Connect(SendError::new(errno.unwrap_or(libc::EIO))),
    }
}

/// A connection that broke: the kernel gave up, or the other side closed or reset it.
fn ended(error: io::Error) -> ExchangeError {
    match error.raw_os_error() {
        Some(libc::ETIMEDOUT) => ExchangeError::TimedOut,
        _ => ExchangeError::Closed,
    }
}
