//! `--output text`: what a person reads.

use super::layout::{Layout, Widths};
use super::{Ended, PIECE, Sheet, Shown, audit, cells, summary};
use crate::style::Style;
use crate::verdict;
use netdiag_model::Untrusted;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::{Namespace, Place};
use netdiag_sockets::{Owners, Socket, TcpInfo};
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
    /// What is listed was chosen by a filter.
    pub filtered: bool,
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
    layout: Layout,
    text: Vec<u8>,
}

struct First {
    socket: Socket,
    info: Option<Box<TcpInfo>>,
    interface: Option<Untrusted>,
    namespace: Option<Namespace>,
}

impl First {
    fn place(&self) -> Place<'_> {
        Place { interface: self.interface.as_ref(), namespace: self.namespace.as_ref() }
    }
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
        let layout = Layout {
            has_namespaces: options.namespaces,
            has_owners: owners.is_some(),
            ..Layout::new(options.style.columns())
        };
        let text = Vec::with_capacity(PIECE + 1024);
        Ok(Self { out, options, owners, first: Some(Vec::new()), layout, text })
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
        let owners = self.owners;
        let of = |first: &First| {
            let First { socket, info, .. } = first;
            let (socket, info) = (*socket, info.clone());
            let owner = owners.map(|owners| owners.of(&socket));
            Entry { socket, info, owner, owners, v6_only: None }
        };
        let widths: Vec<Widths> = first.iter().map(|it| Widths::of(&of(it), it.place())).collect();
        self.layout.fit(&widths);
        writeln!(self.out, "{}", self.layout.head())?;
        first.iter().try_for_each(|it| self.write_row(&of(it), it.place()))
    }

    fn write_row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
        let out = &mut self.text;
        self.layout.write(out, entry, place);
        if self.options.verbose
            && let Some(details) = cells::details(entry)
        {
            out.extend_from_slice(self.options.style.fold(&details).as_bytes());
            out.push(b'\n');
        }
        if out.len() >= PIECE { self.give() } else { Ok(()) }
    }

    fn give(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        self.text.clear();
        Ok(())
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
            Shown::Summary => {
                summary::lines(ended.summary, ended.namespaces, self.options.filtered, style)
            }
            Shown::Audit => audit::lines(ended.audit, style.columns()),
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
