//! A row of a table of sockets, and what stands below it.

use super::layout::{Below, Layout, PROTOCOL, RECEIVED, SENT, STATE};
use super::{bytes, cells};
use crate::fold::fold;
use netdiag_model::Untrusted;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use netdiag_sockets::{Protocol, Socket};

/// What a line begins with that stands below its row.
const BELOW: &str = "      ";

impl Layout {
    /// Adds a row, and what stands below it.
    pub(super) fn write(&self, out: &mut Vec<u8>, entry: &Entry<'_>, place: Place<'_>) {
        let start = out.len();
        let mut layout = *self;
        self.row(out, entry, place);
        // One that came later may be wider than those that the columns were made for.
        while layout.width.is_some_and(|width| out.len() - start > width) {
            let Some(more) = layout.below.more() else { break };
            layout.below = more;
            out.truncate(start);
            layout.row(out, entry, place);
        }
        out.push(b'\n');
        layout.note(out, entry, place);
    }

    /// The line of a row.
    fn row(&self, out: &mut Vec<u8>, entry: &Entry<'_>, place: Place<'_>) {
        let socket = &entry.socket;
        let mut start = out.len();
        out.extend_from_slice(socket.protocol.name().as_bytes());
        bytes::pad(out, start, PROTOCOL);
        start = out.len();
        out.extend_from_slice(socket.tcp_state().map_or("-", |state| state.name()).as_bytes());
        bytes::pad(out, start, STATE);
        start = out.len();
        bytes::grouped(out, socket.receive_queue.into());
        if socket.is_listener() {
            out.push(b'/');
            match socket.accept_limit() {
                Some(limit) => bytes::grouped(out, limit.into()),
                None => out.push(b'-'),
            }
        }
        bytes::right(out, start, RECEIVED);
        start = out.len();
        match socket.is_listener() {
            true => out.push(b'-'),
            false => bytes::grouped(out, socket.send_queue.into()),
        }
        bytes::right(out, start, SENT);
        self.ends(out, entry, place);
        while out.last() == Some(&b' ') {
            out.pop();
        }
    }

    /// The columns of text, each padded where another follows.
    fn ends(&self, out: &mut Vec<u8>, entry: &Entry<'_>, place: Place<'_>) {
        let socket = &entry.socket;
        let mut start = out.len();
        if self.below < Below::Local {
            local(out, socket, place.interface);
            bytes::pad(out, start, self.columns.local);
            start = out.len();
        }
        if self.below < Below::Remote {
            remote(out, socket);
            bytes::pad(out, start, self.columns.remote);
            start = out.len();
        }
        if self.below < Below::Timer {
            cells::timer(out, socket);
            bytes::pad(out, start, self.columns.timer);
            start = out.len();
            if let Some(namespace) = place.namespace.filter(|_| self.has_namespaces) {
                out.extend_from_slice(namespace.label().as_bytes());
                bytes::pad(out, start, self.columns.namespace);
            }
        }
        if let (Some(owner), Some(owners)) = (entry.owner, entry.owners)
            && self.below < Below::Owner
        {
            cells::owner(out, owner, owners);
        }
    }

    /// What there is no column for.
    fn note(&self, out: &mut Vec<u8>, entry: &Entry<'_>, place: Place<'_>) {
        if self.below == Below::Nothing {
            return;
        }
        let mut parts = Vec::new();
        let mut part = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
            let mut cell = Vec::new();
            write(&mut cell);
            let text = String::from_utf8_lossy(&cell);
            if !matches!(text.as_ref(), "-" | "*") {
                parts.push(format!("{name}{text}"));
            }
        };
        let socket = &entry.socket;
        if self.below >= Below::Local {
            part("", &|out| local(out, socket, place.interface));
        }
        if self.below >= Below::Remote {
            part("to ", &|out| remote(out, socket));
        }
        if self.below >= Below::Timer {
            part("", &|out| cells::timer(out, socket));
            if let Some(namespace) = place.namespace.filter(|_| self.has_namespaces) {
                part("in ", &|out| out.extend_from_slice(namespace.label().as_bytes()));
            }
        }
        if let (Some(owner), Some(owners)) = (entry.owner, entry.owners) {
            part("owner ", &|out| cells::owner(out, owner, owners));
        }
        if !parts.is_empty() {
            let line = format!("{BELOW}{}", parts.join(", "));
            out.extend_from_slice(fold(&line, self.width).as_bytes());
            out.push(b'\n');
        }
    }
}

/// Adds this end, with the interface that it is bound to: `[fe80::1%eth0]:80` (RFC 4007 section 11.2).
pub(super) fn local(out: &mut Vec<u8>, socket: &Socket, interface: Option<&Untrusted>) {
    let start = out.len();
    bytes::endpoint(out, socket.local);
    let Some(interface) = interface else { return };
    let is_end = |byte: &u8| *byte == if socket.local.address.is_ipv6() { b']' } else { b':' };
    let end = out.iter().skip(start).position(is_end).map_or(out.len(), |place| start + place);
    let zone = format!("%{}", interface.escaped());
    out.splice(end..end, zone.into_bytes());
}

/// Adds the other end; `*` of a socket that is not connected.
pub(super) fn remote(out: &mut Vec<u8>, socket: &Socket) {
    match socket.remote.is_unspecified() {
        true => out.push(b'*'),
        // What stands in the place of the port of a raw socket is none.
        false if socket.protocol == Protocol::Raw => bytes::address(out, socket.remote.address),
        false => bytes::endpoint(out, socket.remote),
    }
}
