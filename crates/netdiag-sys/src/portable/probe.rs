//! One echo request in the hands of surge-ping.

use super::answer;
use super::second::Teller;
use crate::clock;
use netdiag_engine::port::{InputKind, OperationId, SendError};
use netdiag_model::{Destination, Family, Instant, Stamp};
use std::future::poll_fn;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use surge_ping::{AsyncSocket, Client, IcmpPacket, PingIdentifier, PingSequence, SurgeError};

/// An echo request as the engine wrote it.
pub(super) struct Probe {
    pub(super) id: OperationId,
    pub(super) destination: Destination,
    pub(super) identifier: u16,
    pub(super) sequence: u16,
    pub(super) payload: Vec<u8>,
    /// How long surge-ping waits.
    pub(super) patience: Duration,
}

/// What surge-ping says of it in the end.
type Ended = Result<(IcmpPacket, Duration), SurgeError>;

/// How far a ping has come.
enum Progress {
    /// The request left just before this.
    Left(Instant),
    /// It is over already.
    Over(Ended),
}

/// Sends the request and waits for what comes of it.
pub(super) async fn run(probe: Probe, client: Client, teller: Teller) {
    let Probe { id, destination, .. } = probe;
    let identifier = PingIdentifier(probe.identifier);
    let mut pinger = client.pinger(destination.address(), identifier).await;
    pinger.timeout(probe.patience).scope_id(destination.scope());
    let socket = client.get_socket();
    let mut ping = pin!(pinger.ping(PingSequence(probe.sequence), &probe.payload));
    let tell_sent = |at| teller.input(at, InputKind::Sent { id, stamp: Stamp::user(at) });
    let (sent_at, ended) = match until_left(ping.as_mut(), &socket, destination.family()).await {
        Progress::Left(at) => {
            tell_sent(at);
            (at, ping.await)
        }
        Progress::Over(ended) => {
            let now = clock::now();
            let at = match &ended {
                Ok((_, rtt)) => now - *rtt,
                Err(SurgeError::Timeout { .. }) => now - probe.patience,
                Err(error) => {
                    let error = SendError::new(number(error));
                    return teller.input(now, InputKind::SendFailed { id, error });
                }
            };
            tell_sent(at);
            (at, ended)
        }
    };
    if let Ok((packet, rtt)) = ended {
        // Both from the clock that surge-ping measured the round trip with, so that it stays what
        // it was.
        let at = sent_at + rtt;
        if let Some(kind) = answer::input(&probe, &packet, at) {
            teller.input(at, kind);
        }
    }
}

/// Waits until a ping has sent its request, which it does not tell. It has when it waits, and not
/// for room in the socket: then another send would wait as well.
async fn until_left(
    mut ping: Pin<&mut impl Future<Output = Ended>>,
    socket: &AsyncSocket,
    family: Family,
) -> Progress {
    poll_fn(|context| {
        if let Poll::Ready(ended) = ping.as_mut().poll(context) {
            return Poll::Ready(Progress::Over(ended));
        }
        let now = clock::now();
        pin!(refused_send(socket, family)).poll(context).map(|()| Progress::Left(now))
    })
    .await
}

/// A send that waits for room in the socket as any other, and that the system then refuses, since
/// the address is of the other family.
pub(super) async fn refused_send(socket: &AsyncSocket, family: Family) {
    let address = match family {
        Family::Ipv4 => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        Family::Ipv6 => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
    };
    // It can only fail.
    let _ = socket.send_to(&mut [], &address).await;
}

/// The error number of a request that did not leave.
fn number(error: &SurgeError) -> i32 {
    match error {
        SurgeError::IOError(error) => error.raw_os_error().unwrap_or(libc::EIO),
        // The engine's key is free again and surge-ping's not yet: a matter of a millisecond.
        SurgeError::IdenticalRequests { .. } => libc::EAGAIN,
        _ => libc::EIO,
    }
}
