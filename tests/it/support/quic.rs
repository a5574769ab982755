//! Servers that speak QUIC on loopback.

#[path = "../../../crates/netdiag-quic/tests/connections/server.rs"]
#[expect(dead_code, reason = "some of it is for other tests")]
mod server;

pub(crate) use server::{Beside, Does, Manner, Server};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server that nothing is due at waits for a datagram.
const LONG: Duration = Duration::from_secs(60);

/// A port of loopback with a server that answers each stream by what came over it; the first datagrams,
/// so many, are lost.
#[expect(clippy::disallowed_methods, reason = "the other end of a real connection")]
pub(crate) fn serve(
    tls: Arc<rustls::ServerConfig>,
    manner: Manner,
    loses: usize,
    does: impl FnMut(&[u8]) -> Does + Send + 'static,
) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        let mut server = Server::new(tls, manner, does);
        let (mut datagram, mut came) = ([0; 2_048], 0);
        loop {
            let now = Instant::now();
            server.tick(now);
            while let Some((to, bytes)) = server.poll_output(now) {
                let _ = socket.send_to(&bytes, to);
            }
            let wait = server.due().map_or(LONG, |due| due.saturating_duration_since(now));
            let wait = wait.max(Duration::from_millis(1));
            socket.set_read_timeout(Some(wait)).expect("some time");
            // An error is that nothing came in time, or that a client has gone.
            let Ok((len, from)) = socket.recv_from(&mut datagram) else { continue };
            came += 1;
            if came > loses {
                server.receive(Instant::now(), from, &datagram[..len]);
            }
        }
    });
    port
}
