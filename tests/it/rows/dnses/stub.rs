//! A name server of the test's own, on an address of loopback: what it says is a function of the
//! question.

use socket2::{Domain, SockRef, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How soon a server notices that it is over.
const LOOK: Duration = Duration::from_millis(20);
/// Room for all questions of a test at once, however late a server comes to read them: twice what the
/// kernel gives to whoever asks for nothing.
const ROOM: usize = 1 << 20;

/// What a server does with a question that came.
pub(super) struct Asked<'a> {
    pub(super) question: &'a [u8],
    /// Over TCP.
    pub(super) tcp: bool,
    socket: Option<(&'a UdpSocket, SocketAddr)>,
}

impl<'a> Asked<'a> {
    /// What came over a connection.
    pub(super) const fn over_stream(question: &'a [u8]) -> Self {
        Self { question, tcp: true, socket: None }
    }

    /// Sends a datagram from the server's own port.
    pub(super) fn send(&self, bytes: &[u8]) {
        if let Some((socket, from)) = self.socket {
            socket.send_to(bytes, from).expect("loopback takes it");
        }
    }

    /// The port that the question came from; 0 over a connection.
    pub(super) fn port(&self) -> u16 {
        self.socket.map_or(0, |(_, from)| from.port())
    }

    /// Sends a datagram from the server's own port to another port of whoever asks.
    pub(super) fn send_to_port(&self, bytes: &[u8], port: u16) {
        if let Some((socket, mut from)) = self.socket {
            from.set_port(port);
            socket.send_to(bytes, from).expect("loopback takes it");
        }
    }

    /// Sends a datagram from another port of this address.
    pub(super) fn send_from_elsewhere(&self, bytes: &[u8], address: &str) {
        if let Some((_, from)) = self.socket {
            let other = UdpSocket::bind((address, 0)).expect("a port is free");
            other.send_to(bytes, from).expect("loopback takes it");
        }
    }

    /// The labels of the name that is asked for.
    pub(super) fn name(&self) -> String {
        let mut labels = Vec::new();
        let mut rest = &self.question[12..];
        while let Some((len @ 1.., tail)) = rest.split_first().map(|(len, tail)| (*len, tail)) {
            let (label, tail) = tail.split_at(len.into());
            labels.push(String::from_utf8_lossy(label).into_owned());
            rest = tail;
        }
        labels.join(".")
    }

    /// The type that is asked for.
    pub(super) fn kind(&self) -> u16 {
        let end = self.end();
        u16::from_be_bytes([self.question[end - 4], self.question[end - 3]])
    }

    /// Where the question ends.
    fn end(&self) -> usize {
        let name = self.question[12..].iter().position(|byte| *byte == 0).expect("a name");
        12 + name + 5
    }

    /// The answer with these flags and rcode, and this behind the question.
    pub(super) fn answer(&self, flags: u16, counts: [u16; 3], behind: &[u8]) -> Vec<u8> {
        let mut bytes = self.question[..2].to_vec();
        for word in [0x8180 | flags, 1].into_iter().chain(counts) {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(&self.question[12..self.end()]);
        bytes.extend(behind);
        bytes
    }
}

/// A record of the name that is asked for.
pub(super) fn record(kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(ttl.to_be_bytes());
    bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
    bytes.extend(data);
    bytes
}

/// The pseudo-record of EDNS with these options.
pub(super) fn opt(upper_rcode: u8, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (code, value) in options {
        data.extend(code.to_be_bytes());
        data.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
        data.extend(*value);
    }
    let mut bytes = vec![0, 0, 41, 0x04, 0xd0, upper_rcode, 0, 0, 0];
    bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
    bytes.extend(data);
    bytes
}

/// What a server says: `None` is silence.
pub(super) type Says = fn(&Asked<'_>) -> Option<Vec<u8>>;

/// An address and port of loopback that nobody else gets, and nobody listens at: a datagram from
/// anybody but its own peer is refused.
pub(super) struct Nobody(UdpSocket);

impl Nobody {
    pub(super) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect("127.0.0.1:9").expect("no packet leaves");
        Self(socket)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("bound")
    }
}

/// A socket at an address, and one of TCP at the same port.
pub(super) fn both_at(address: &str) -> (UdpSocket, Socket) {
    let any = address.ends_with(":0");
    for _ in 0..100 {
        let socket = UdpSocket::bind(address).expect("loopback has the address");
        let address = socket.local_addr().expect("bound");
        let stream = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("TCP");
        match stream.bind(&address.into()) {
            Ok(()) => return (socket, stream),
            // Somebody's connection has the port that the kernel chose.
            Err(_) if any => {}
            Err(error) => panic!("{address}: {error}"),
        }
    }
    panic!("no port is free for both");
}

/// A running server.
pub(super) struct Stub {
    pub(super) address: SocketAddr,
    /// Each question that came over UDP.
    pub(super) questions: Receiver<Vec<u8>>,
    /// The port that each came from.
    pub(super) ports: Receiver<u16>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Of a server without TCP: the port, so that nobody else takes it.
    _refuses: Option<Socket>,
}

impl Stub {
    /// One over UDP on any port.
    pub(super) fn udp(says: Says) -> Self {
        Self::on("127.0.0.1:0", says, false)
    }

    /// One over UDP and TCP.
    pub(super) fn both(says: Says) -> Self {
        Self::on("127.0.0.1:0", says, true)
    }

    /// One on an address and port, over TCP too if so asked.
    pub(super) fn on(address: &str, says: Says, tcp: bool) -> Self {
        let (socket, stream) = both_at(address);
        SockRef::from(&socket).set_recv_buffer_size(ROOM).expect("as much as there may be");
        socket.set_read_timeout(Some(LOOK)).expect("a timeout");
        let address = socket.local_addr().expect("bound");
        let (listener, refuses) = match tcp {
            true => {
                stream.listen(16).expect("it is bound");
                (Some(stream.into()), None)
            }
            false => (None, Some(stream)),
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let (seen, questions) = channel();
        let (left_from, ports) = channel();
        let over = Arc::clone(&is_over);
        let mut threads = vec![std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !over.load(Ordering::Relaxed) {
                let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
                let question = &buffer[..len];
                let asked = Asked { question, tcp: false, socket: Some((&socket, from)) };
                let _ = left_from.send(from.port());
                let _ = seen.send(question.to_vec());
                if let Some(answer) = says(&asked) {
                    asked.send(&answer);
                }
            }
        })];
        threads.extend(
            listener.map(|listener: TcpListener| serve(listener, says, Arc::clone(&is_over))),
        );
        Self { address, questions, ports, is_over, threads, _refuses: refuses }
    }

    /// The server as an argument.
    pub(super) fn at(&self) -> String {
        format!("@{}", self.address)
    }

    pub(super) fn port(&self) -> String {
        self.address.port().to_string()
    }
}

fn serve(listener: TcpListener, says: Says, over: Arc<AtomicBool>) -> JoinHandle<()> {
    listener.set_nonblocking(true).expect("it can be");
    std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::park_timeout(LOOK);
                continue;
            };
            stream.set_nonblocking(false).expect("it can be");
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            let mut len = [0; 2];
            if stream.read_exact(&mut len).is_err() {
                continue;
            }
            let mut question = vec![0; u16::from_be_bytes(len).into()];
            if stream.read_exact(&mut question).is_err() {
                continue;
            }
            let asked = Asked::over_stream(&question);
            if let Some(answer) = says(&asked) {
                let len = u16::try_from(answer.len()).expect("short").to_be_bytes();
                let _ = stream.write_all(&len).and_then(|()| stream.write_all(&answer));
            }
        }
    })
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
