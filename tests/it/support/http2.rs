//! Servers that speak HTTP/2 over TLS, or something else instead.

#[path = "../../../crates/netdiag-http/tests/two/server.rs"]
mod server;

use super::tls;
pub(crate) use server::{Reply, Seen, Server};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

/// A port of loopback with a server for each connection, by the number of that from 1 on.
pub(crate) fn serve(
    leaf: tls::Leaf,
    alpn: &[&str],
    server: impl Fn(usize) -> Server + Send + 'static,
) -> u16 {
    over_tls(leaf, alpn, move |number, stream| {
        let mut server = server(number);
        speak(&mut server, stream);
        stream.conn.send_close_notify();
        let _ = stream.flush();
        let _ = stream.sock.shutdown(Shutdown::Write);
    })
}

/// The same without TLS.
pub(crate) fn serve_plain(server: impl Fn() -> Server + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut server = server();
            std::thread::spawn(move || speak(&mut server, &mut connection));
        }
    });
    port
}

/// Says these bytes, whatever is asked, and then nothing, but keeps the connection.
pub(crate) fn says(leaf: tls::Leaf, alpn: &[&str], bytes: Vec<u8>) -> u16 {
    over_tls(leaf, alpn, move |_, stream| {
        let mut said = [0; 4_096];
        let _ = stream.read(&mut said);
        let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
        while stream.read(&mut said).is_ok_and(|count| count > 0) {}
    })
}

type Stream = rustls::StreamOwned<rustls::ServerConnection, TcpStream>;

fn over_tls(
    leaf: tls::Leaf,
    alpn: &[&str],
    serve: impl Fn(usize, &mut Stream) + Send + 'static,
) -> u16 {
    let config = tls::config(leaf, alpn);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        // Nobody in these tests has two connections at once.
        for (number, connection) in (1..).zip(listener.incoming().flatten()) {
            serve(number, &mut tls::accept(connection, Arc::clone(&config)));
        }
    });
    port
}

fn speak(server: &mut Server, stream: &mut (impl Read + Write)) {
    let mut said = [0; 16_384];
    while !server.is_over() {
        let Ok(count @ 1..) = stream.read(&mut said) else { return };
        let answer = server.feed(&said[..count]);
        if stream.write_all(&answer).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// A frame: type, flags, stream, content (RFC 9113 section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("short").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(content);
    frame
}
