//! `--output json`: one document, whose sockets are written as they go by.

use super::{Ended, PIECE, Sheet, bytes};
use crate::json;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use netdiag_sockets::result::{Closing, OwnerName, processes};
use netdiag_sockets::{Endpoint, TimerKind};
use std::io::{self, Write};

/// One document at the end.
pub struct JsonSheet<W> {
    out: W,
    text: Vec<u8>,
    any: bool,
    summary: bool,
}

impl<W: Write> JsonSheet<W> {
    /// A document on `out`; with `summary` its list of sockets is empty.
    pub fn new(out: W, summary: bool) -> Self {
        Self { out, text: br#"{"sockets":["#.to_vec(), any: false, summary }
    }
}

impl<W: Write> Sheet for JsonSheet<W> {
    fn row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
        if self.summary {
            return Ok(());
        }
        if std::mem::replace(&mut self.any, true) {
            self.text.push(b',');
        }
        self.text.push(b'{');
        fields(&mut self.text, entry, place)?;
        self.text.push(b'}');
        if self.text.len() >= PIECE {
            self.out.write_all(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.text.extend_from_slice(b"],");
        let Ended { document, summary, audit, namespaces, .. } = *ended;
        let closing = Closing { document, summary, audit, namespaces };
        let mut rest = Vec::new();
        json::append(&mut rest, &closing)?;
        // Its brace is there already.
        self.text.extend_from_slice(rest.get(1..).unwrap_or_default());
        self.text.push(b'\n');
        self.out.write_all(&self.text)?;
        self.out.flush()
    }
}

/// Adds the fields of [`Row`](netdiag_sockets::result::Row), in its order.
pub(super) fn fields(out: &mut Vec<u8>, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
    let socket = &entry.socket;
    text(out, "\"protocol\":", Some(socket.protocol.name()));
    text(out, ",\"family\":", Some(socket.family.name()));
    text(out, ",\"state\":", socket.tcp_state().map(|state| state.name()));
    endpoint(out, ",\"local\":", Some(socket.local));
    let remote = Some(socket.remote).filter(|remote| !remote.is_unspecified());
    endpoint(out, ",\"remote\":", remote);
    let limit = socket.accept_limit();
    number(out, ",\"receive_queue\":", limit.is_none().then_some(socket.receive_queue));
    let sent = (!socket.is_listener()).then_some(socket.send_queue);
    number(out, ",\"send_queue\":", sent);
    match limit {
        Some(limit) => {
            number(out, ",\"accept_queue\":{\"length\":", Some(socket.receive_queue));
            number(out, ",\"limit\":", Some(limit));
            out.push(b'}');
        }
        None => out.extend_from_slice(b",\"accept_queue\":null"),
    }
    word(out, ",\"accepted\":", socket.accepted());
    word(out, ",\"eof_unread\":", socket.eof_unread());
    let owned = |value| (socket.inode != 0).then_some(value);
    number(out, ",\"inode\":", owned(socket.inode));
    number(out, ",\"uid\":", owned(socket.uid));
    value(out, ",\"interface\":", place.interface)?;
    value(out, ",\"processes\":", processes(entry).as_ref())?;
    value(out, ",\"owner\":", entry.owner.map(OwnerName::of).as_ref())?;
    match socket.timer {
        Some(timer) => {
            let kind = match timer.kind {
                TimerKind::Keepalive => "keepalive",
                TimerKind::Retransmit => "retransmit",
                TimerKind::TimeWait => "time-wait",
                TimerKind::Probe => "probe",
                TimerKind::Orphan => "orphan",
            };
            text(out, ",\"timer\":{\"kind\":", Some(kind));
            number(out, ",\"expires_ms\":", Some(timer.expires_ms));
            number(out, ",\"retransmits\":", Some(timer.retransmits.into()));
            out.push(b'}');
        }
        None => out.extend_from_slice(b",\"timer\":null"),
    }
    value(out, ",\"tcp_info\":", entry.info.as_ref())?;
    value(out, ",\"namespace\":", place.namespace.map(|namespace| namespace.id).as_ref())
}

fn text(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    out.extend_from_slice(key.as_bytes());
    match value {
        // Words of ours, with nothing in them to be escaped.
        Some(word) => {
            out.push(b'"');
            out.extend_from_slice(word.as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn number(out: &mut Vec<u8>, key: &str, value: Option<u32>) {
    out.extend_from_slice(key.as_bytes());
    match value {
        Some(value) => bytes::number(out, value.into()),
        None => out.extend_from_slice(b"null"),
    }
}

fn word(out: &mut Vec<u8>, key: &str, value: Option<bool>) {
    out.extend_from_slice(key.as_bytes());
    let word: &[u8] = match value {
        Some(true) => b"true",
        Some(false) => b"false",
        None => b"null",
    };
    out.extend_from_slice(word);
}

fn endpoint(out: &mut Vec<u8>, key: &str, end: Option<Endpoint>) {
    out.extend_from_slice(key.as_bytes());
    let Some(end) = end else {
        return out.extend_from_slice(br#"{"address":null,"port":null}"#);
    };
    out.extend_from_slice(b"{\"address\":\"");
    bytes::address(out, end.address);
    number(out, "\",\"port\":", Some(end.port.into()).filter(|port| *port != 0));
    out.push(b'}');
}

fn value<T: serde::Serialize>(out: &mut Vec<u8>, key: &str, value: Option<&T>) -> io::Result<()> {
    out.extend_from_slice(key.as_bytes());
    match value {
        Some(value) => json::append(out, value),
        None => {
            out.extend_from_slice(b"null");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::{Family, Untrusted};
    use netdiag_sockets::namespaces::Namespace;
    use netdiag_sockets::owners::{Descriptor, Process, Sight};
    use netdiag_sockets::result::Row;
    use netdiag_sockets::socket::Timer;
    use netdiag_sockets::{Owners, Protocol, Socket, State, TcpInfo};

    #[test]
    fn a_socket_is_written_as_the_contract_has_it() {
        let process = Process {
            pid: 9,
            name: Untrusted::from("a\"\u{1b}"),
            cgroup: Some(Untrusted::from("/x")),
            uid: Some(7),
            open: 4,
            started: 0,
        };
        let owners = Owners::new(
            vec![process],
            vec![Descriptor { inode: 5, process: 0, fd: 3 }],
            1,
            Sight::User,
        );
        let end = |text: &str| {
            let found: std::net::SocketAddr = text.parse().expect("an address");
            Endpoint { address: found.ip(), port: found.port() }
        };
        let timer = |kind| Some(Timer { kind, expires_ms: 900, retransmits: 2 });
        let first = Socket {
            protocol: Protocol::Tcp,
            family: Family::Ipv4,
            state: State::Listen,
            local: end("192.0.2.1:80"),
            remote: end("0.0.0.0:0"),
            interface: 0,
            timer: None,
            receive_queue: 1,
            send_queue: 2,
            uid: 1000,
            inode: 5,
            cookie: 1,
        };
        let v6 = Socket {
            family: Family::Ipv6,
            local: end("[::1]:80"),
            remote: end("[::2]:9"),
            ..first
        };
        let all = [
            first,
            Socket { send_queue: Socket::NO_LIMIT, ..first },
            Socket { state: State::CloseWait, timer: timer(TimerKind::Keepalive), ..v6 },
            Socket { state: State::Established, timer: timer(TimerKind::Probe), inode: 0, ..v6 },
            Socket { state: State::LastAck, timer: timer(TimerKind::Retransmit), inode: 6, ..v6 },
            Socket { state: State::TimeWait, timer: timer(TimerKind::TimeWait), inode: 0, ..v6 },
            Socket { protocol: Protocol::Udp, state: State::Closed, local: end("[::]:0"), ..first },
        ];
        for socket in all {
            for (owners, info) in
                [(None, None), (Some(&owners), Some(Box::new(TcpInfo::default())))]
            {
                let owner = owners.map(|owners| owners.of(&socket));
                let entry = Entry { socket, info, owner, owners, v6_only: None };
                let name = Untrusted::from("et\u{202e}0");
                let blue = Namespace { id: 4_026_532_000, ..Namespace::default() };
                let there = Place { interface: Some(&name), namespace: Some(&blue) };
                for place in [Place::default(), there] {
                    let mut out = vec![b'{'];
                    fields(&mut out, &entry, place).expect("it serializes");
                    out.push(b'}');
                    let expected = json::to_string(&Row::new(&entry, place));
                    assert_eq!(String::from_utf8(out).expect("text"), expected);
                }
            }
        }
    }
}
