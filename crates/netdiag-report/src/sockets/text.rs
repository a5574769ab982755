//! `--output text`: what a person reads.

use super::{Ended, PIECE, Sheet, Shown, audit, bytes, cells, summary};
use crate::style::Style;
use crate::verdict;
use netdiag_model::Untrusted;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::{Namespace, Place};
use netdiag_sockets::{Owners, Protocol, Socket, TcpInfo};
use std::io::{self, Write};

/// How text is written.
#[derive(Clone, Debug, Default)]
pub struct TextOptions {
    /// The first line, which says what is listed.
    pub header: String,
    /// Only what is wrong and the verdict.
    pub quiet: bool,
    /// A second line for each socket.
    pub verbose: bool,
    /// What the screen is of.
    pub shown: Shown,
    /// With a column of network namespaces.
    pub namespaces: bool,
    /// Colours.
    pub style: Style,
}

/// So many sockets are put in order and have columns as wide as they need. When there are more, they
/// come as the kernel tells them, in the columns of the first.
const SORTED: usize = 1_000;

/// A table on `out`.
pub struct TextSheet<'a, W> {
    out: W,
    options: TextOptions,
    owners: Option<&'a Owners>,
    /// The first sockets, until their columns are known.
    first: Option<Vec<First>>,
    widths: Widths,
    text: Vec<u8>,
}

struct First {
    socket: Socket,
    info: Option<Box<TcpInfo>>,
    interface: Option<Untrusted>,
    namespace: Option<Namespace>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Widths {
    local: usize,
    remote: usize,
    timer: usize,
    namespace: usize,
}

impl<'a, W: Write> TextSheet<'a, W> {
    /// A table with a column of these owners, if any.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(mut out: W, options: TextOptions, owners: Option<&'a Owners>) -> io::Result<Self> {
        if !options.quiet {
            writeln!(out, "{}", options.style.fold(&options.header))?;
        }
        let (widths, text) = (Widths::default(), Vec::with_capacity(PIECE + 1024));
        Ok(Self { out, options, owners, first: Some(Vec::new()), widths, text })
    }

    fn is_silent(&self) -> bool {
        self.options.quiet || self.options.shown != Shown::Sockets
    }

    /// Writes the first sockets in order, below the names of their columns.
    fn begin(&mut self) -> io::Result<()> {
        let Some(mut first) = self.first.take() else { return Ok(()) };
        if self.is_silent() || first.is_empty() {
            return Ok(());
        }
        // Those of a namespace are together.
        first.sort_by_key(|First { socket, namespace, .. }| {
            let state = socket.tcp_state().map(netdiag_sockets::State::place);
            let id = namespace.as_ref().map(|namespace| namespace.id);
            (id, socket.protocol, state, socket.local, socket.remote, socket.cookie)
        });
        let mut cell = Vec::new();
        let mut width = |write: &dyn Fn(&mut Vec<u8>)| {
            cell.clear();
            write(&mut cell);
            cell.len()
        };
        let mut widths = Widths { local: 5, remote: 6, timer: 5, namespace: 9 };
        for First { socket, interface, namespace, .. } in &first {
            let at = interface.as_ref();
            widths.local = widths.local.max(width(&|out| local(out, socket, at)));
            widths.remote = widths.remote.max(width(&|out| remote(out, socket)));
            widths.timer = widths.timer.max(width(&|out| cells::timer(out, socket)));
            let label = namespace.as_ref().map_or(0, |namespace| namespace.label().len());
            widths.namespace = widths.namespace.max(label);
        }
        self.widths = widths;
        let Widths { local, remote, timer, namespace } = widths;
        let owner = if self.owners.is_some() { "  owner" } else { "" };
        let netns = match self.options.namespaces {
            true => format!("  {:<namespace$}", "namespace"),
            false => String::new(),
        };
        let head = format!(
            "proto  {:<12}  {:>9}  {:>7}  {:<local$}  {:<remote$}  {:<timer$}{netns}{owner}",
            "state", "recv-q", "send-q", "local", "remote", "timer"
        );
        writeln!(self.out, "{}", head.trim_end())?;
        let owners = self.owners;
        for First { socket, info, interface, namespace } in first {
            let owner = owners.map(|owners| owners.of(&socket));
            let entry = Entry { socket, info, owner, owners, v6_only: None };
            let place = Place { interface: interface.as_ref(), namespace: namespace.as_ref() };
            self.write_row(&entry, place)?;
        }
        Ok(())
    }

    fn write_row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
        let (out, socket) = (&mut self.text, &entry.socket);
        let mut start = out.len();
        out.extend_from_slice(socket.protocol.name().as_bytes());
        bytes::pad(out, start, 5);
        start = out.len();
        out.extend_from_slice(socket.tcp_state().map_or("-", |state| state.name()).as_bytes());
        bytes::pad(out, start, 12);
        start = out.len();
        bytes::grouped(out, socket.receive_queue.into());
        if socket.is_listener() {
            out.push(b'/');
            bytes::grouped(out, socket.send_queue.into());
        }
        bytes::right(out, start, 9);
        start = out.len();
        match socket.is_listener() {
            true => out.push(b'-'),
            false => bytes::grouped(out, socket.send_queue.into()),
        }
        bytes::right(out, start, 7);
        start = out.len();
        local(out, socket, place.interface);
        bytes::pad(out, start, self.widths.local);
        start = out.len();
        remote(out, socket);
        bytes::pad(out, start, self.widths.remote);
        start = out.len();
        cells::timer(out, socket);
        if let Some(namespace) = place.namespace.filter(|_| self.options.namespaces) {
            bytes::pad(out, start, self.widths.timer);
            start = out.len();
            out.extend_from_slice(namespace.label().as_bytes());
        }
        if let (Some(owner), Some(owners)) = (entry.owner, entry.owners) {
            let width = match self.options.namespaces {
                true => self.widths.namespace,
                false => self.widths.timer,
            };
            bytes::pad(out, start, width);
            cells::owner(out, owner, owners);
        }
        out.push(b'\n');
        if self.options.verbose {
            cells::details(out, entry);
        }
        if out.len() >= PIECE { self.give() } else { Ok(()) }
    }

    fn give(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

/// Adds this end, with the interface that it is bound to: `[fe80::1%eth0]:80` (RFC 4007 section 11.2).
fn local(out: &mut Vec<u8>, socket: &Socket, interface: Option<&Untrusted>) {
    let start = out.len();
    bytes::endpoint(out, socket.local);
    let Some(interface) = interface else { return };
    let is_end = |byte: &u8| *byte == if socket.local.address.is_ipv6() { b']' } else { b':' };
    let end = out.iter().skip(start).position(is_end).map_or(out.len(), |place| start + place);
    let zone = format!("%{}", interface.escaped());
    out.splice(end..end, zone.into_bytes());
}

/// Adds the other end; `*` of a socket that is not connected.
fn remote(out: &mut Vec<u8>, socket: &Socket) {
    match socket.remote.is_unspecified() {
        true => out.push(b'*'),
        // What stands in the place of the port of a raw socket is none.
        false if socket.protocol == Protocol::Raw => bytes::address(out, socket.remote.address),
        false => bytes::endpoint(out, socket.remote),
    }
}

impl<W: Write> Sheet for TextSheet<'_, W> {
    fn row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
        if self.is_silent() {
            return Ok(());
        }
        let Some(first) = &mut self.first else {
            return self.write_row(entry, place);
        };
        let (interface, namespace) = (place.interface.cloned(), place.namespace.cloned());
        let (socket, info) = (entry.socket, entry.info.clone());
        first.push(First { socket, info, interface, namespace });
        if first.len() >= SORTED { self.begin() } else { Ok(()) }
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.begin()?;
        self.give()?;
        let style = self.options.style;
        let lines = match self.options.shown {
            _ if self.options.quiet => Vec::new(),
            Shown::Sockets => Vec::new(),
            Shown::Summary => summary::lines(ended.summary),
            Shown::Audit => audit::lines(ended.audit),
        };
        for line in lines {
            writeln!(self.out, "{line}")?;
        }
        for finding in &ended.document.findings {
            verdict::write_finding(&mut self.out, style, finding)?;
        }
        verdict::write_verdict(&mut self.out, style, ended.verdict)?;
        self.out.flush()
    }
}
