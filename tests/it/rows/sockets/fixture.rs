//! A socket in each state, made by the kernel itself: what would end the state is dropped by a rule.

use crate::support::process::{Ended, Namespace, run, stopwatch};
use socket2::{Domain, SockAddr, Socket, Type};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// All that there are.
pub(super) const STATES: [&str; 11] = [
    "LISTEN",
    "SYN-SENT",
    "SYN-RECEIVED",
    "ESTABLISHED",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "CLOSE-WAIT",
    "CLOSING",
    "LAST-ACK",
    "TIME-WAIT",
    "CLOSED",
];

/// How many there are of each, but for CLOSED, which is told of when it is asked for.
const COUNTS: [u64; 11] = [2, 2, 1, 3, 1, 3, 1, 1, 1, 1, 0];

/// Nothing to these ports, or with these flags, arrives.
const RULES: &str = "
nft -f - <<'END'
table inet t {
    chain i {
        type filter hook input priority 0;
        tcp dport 9001 drop
        tcp sport 9002 tcp flags & (syn | ack) == (syn | ack) drop
        tcp dport { 9003, 9004 } tcp flags & fin == fin drop
        tcp sport 9005 tcp flags & fin == fin drop
    }
}
END";

/// What the sockets of each state connect to.
const PORTS: [(&str, u16); 10] = [
    ("SYN-SENT", 9001),
    ("SYN-RECEIVED", 9002),
    ("FIN-WAIT-1", 9003),
    ("CLOSING", 9004),
    ("LAST-ACK", 9005),
    ("ESTABLISHED", 9006),
    ("CLOSE-WAIT", 9007),
    ("FIN-WAIT-2", 9007),
    ("TIME-WAIT", 9008),
    ("LISTEN", 9009),
];

/// A namespace with a socket in each state.
pub(super) struct States {
    pub(super) namespace: Namespace,
    _sockets: Vec<Socket>,
}

impl States {
    /// Makes it, and waits until the kernel has come so far with all of them.
    pub(super) fn new() -> Option<Self> {
        let namespace = Namespace::new(RULES)?;
        let _sockets = namespace.inside(make);
        // Exactly so many, then nothing goes on from alone: a FIN-WAIT-1 that is to be a FIN-WAIT-2
        // needs another FIN, and a listener that was closed is there while another thread forks.
        wait_for(&namespace, |count| {
            STATES.iter().zip(COUNTS).all(|(state, wished)| count(state) == wished)
        });
        Some(Self { namespace, _sockets })
    }

    /// A port of this state.
    pub(super) fn port(&self, state: &str) -> u16 {
        PORTS.iter().find(|(name, _)| *name == state).expect("a state").1
    }
}

/// The program inside.
pub(super) fn sockets(namespace: &Namespace, words: &[&str]) -> Ended {
    run(&mut namespace.netdiag(&[&["sockets"], words].concat()))
}

/// Looks until there are as many of each state as wished, as a document's summary says.
pub(super) fn wait_for(namespace: &Namespace, wished: impl Fn(&dyn Fn(&str) -> u64) -> bool) {
    let since = stopwatch();
    loop {
        let document = sockets(namespace, &["--json"]).json();
        let counts = &document["summary"]["tcp"];
        if wished(&|state| counts[state].as_u64().unwrap_or(0)) {
            return;
        }
        assert!(since() < Duration::from_secs(10), "{counts}");
    }
}

fn to(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A listener that connects to a port come to.
pub(super) fn listener(port: u16, backlog: i32) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option");
    socket.bind(&SockAddr::from(to(port))).expect("free");
    socket.listen(backlog).expect("bound");
    socket
}

/// One that waits for nothing.
pub(super) fn unbound() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_nonblocking(true).expect("an option");
    socket
}

/// A connect that is not waited for.
pub(super) fn connect_to(port: u16) -> Socket {
    let socket = unbound();
    // It is on its way, or at once complete.
    let _ = socket.connect(&SockAddr::from(to(port)));
    socket
}

/// Both ends of a connection, client first.
pub(super) fn pair(port: u16) -> (Socket, Socket) {
    pairs(port, 1).pop().expect("one")
}

/// Both ends of connections by one listener: where another thread forks it is still there after it
/// was closed, and nothing else can have its port.
pub(super) fn pairs(port: u16, count: usize) -> Vec<(Socket, Socket)> {
    let listener = TcpListener::bind(to(port)).expect("free");
    let pair = |_| {
        let client = TcpStream::connect(to(port)).expect("somebody listens");
        let (server, _) = listener.accept().expect("a connection");
        (client.into(), server.into())
    };
    (0..count).map(pair).collect()
}

fn make() -> Vec<Socket> {
    // SYN-SENT, and a port for itself.
    let mut kept = vec![connect_to(9001)];
    // SYN-RECEIVED; its client is in SYN-SENT.
    kept.extend([listener(9002, 8), connect_to(9002)]);
    // FIN-WAIT-1: the FIN of the client does not arrive.
    let (client, server) = pair(9003);
    drop(client);
    kept.push(server);
    // CLOSING: neither does this one, and then the FIN of the server does.
    let (client, server) = pair(9004);
    client.shutdown(std::net::Shutdown::Write).expect("open");
    server.shutdown(std::net::Shutdown::Write).expect("open");
    kept.extend([client, server]);
    // LAST-ACK: the FIN of the server, which closes second, does not arrive.
    let (client, server) = pair(9005);
    drop(client);
    wait_for_end(&server);
    drop(server);
    // ESTABLISHED at both ends.
    let (client, server) = pair(9006);
    kept.extend([client, server]);
    // CLOSE-WAIT of the server, FIN-WAIT-2 of the client.
    let (client, server) = pair(9007);
    client.shutdown(std::net::Shutdown::Write).expect("open");
    kept.extend([client, server]);
    // TIME-WAIT of the client.
    let (client, server) = pair(9008);
    client.shutdown(std::net::Shutdown::Write).expect("open");
    wait_for_end(&server);
    drop(server);
    wait_for_end(&client);
    drop(client);
    // LISTEN, CLOSED with a port, UDP, raw.
    kept.push(listener(9009, 8));
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    bound.bind(&SockAddr::from(to(9010))).expect("free");
    let udp = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    udp.bind(&SockAddr::from(to(9011))).expect("free");
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(socket2::Protocol::ICMPV4)).expect("root");
    kept.extend([bound, udp, raw]);
    kept
}

/// Waits until the other end has closed.
fn wait_for_end(socket: &Socket) {
    let mut byte = [std::mem::MaybeUninit::uninit()];
    assert_eq!(socket.recv(&mut byte).expect("open"), 0);
}
