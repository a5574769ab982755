//! The columns of ss (iproute2 6), as `ss -tuan` and `-p` print them into a pipe.

use super::{ClassicOptions, bytes, port};
use netdiag_model::Family;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use netdiag_sockets::owners::Owner;
use netdiag_sockets::{Endpoint, Protocol, State};
use std::io::{self, Write};

/// The names of the columns: an address ends with the colon before its port.
const NAMES: [&str; 9] = [
    "Netid",
    "State",
    "Recv-Q",
    "Send-Q",
    "Local Address:",
    "Port",
    "Peer Address:",
    "Port",
    "Process",
];
/// Those that stand to the right, and those that stand at what is before them.
const RIGHT: [usize; 2] = [4, 6];
const CLOSE: [usize; 3] = [5, 7, 8];

/// The last column, of processes.
const LAST: usize = 8;

/// Cells that end with a NUL, those of a protocol and family together.
pub(super) struct Ss {
    options: ClassicOptions,
    groups: [Vec<u8>; 6],
    widths: [usize; 9],
    /// How wide the last cell of each group is, and the widest of that column before it.
    last: [Option<(usize, usize)>; 6],
}

impl Ss {
    pub(super) fn new(options: ClassicOptions) -> Self {
        let widths = NAMES.map(str::len);
        Self { options, groups: Default::default(), widths, last: [None; 6] }
    }

    /// How wide the last column is: ss takes no account of what it wrote last.
    fn last_width(&self) -> usize {
        let [.., name] = NAMES.map(str::len);
        let mut all = self.last.iter().flatten().copied().rev();
        let before = all.next().map_or(0, |(_, before)| before);
        all.map(|(last, before)| last.max(before)).fold(name.max(before), usize::max)
    }

    /// Without the kind of socket where all are of one, and without the state where all have one.
    fn is_shown(&self, column: usize) -> bool {
        match column {
            0 => self.options.protocols.len() != 1,
            1 => !self.options.one_state,
            _ => true,
        }
    }

    pub(super) fn take(&mut self, entry: &Entry<'_>, place: Place<'_>) {
        let socket = &entry.socket;
        let group = match socket.protocol {
            Protocol::Raw => 0,
            Protocol::Udp | Protocol::UdpLite => 2,
            Protocol::Tcp => 4,
        } + usize::from(socket.family == Family::Ipv6);
        let Some(out) = self.groups.get_mut(group) else { return };
        let processes = self.options.processes;
        for (column, width) in self.widths.iter_mut().enumerate() {
            let start = out.len();
            match column {
                0 => out.extend_from_slice(socket.protocol.name().as_bytes()),
                1 => out.extend_from_slice(name(socket.state).as_bytes()),
                2 => bytes::number(out, socket.receive_queue.into()),
                3 if socket.is_listener() => {
                    bytes::number(out, socket.accept_limit().unwrap_or(0).into());
                }
                3 => bytes::number(out, socket.send_queue.into()),
                4 => {
                    address(out, socket.local, entry.v6_only);
                    if let Some(interface) = place.interface {
                        out.push(b'%');
                        out.extend_from_slice(interface.escaped().to_string().as_bytes());
                    }
                    out.push(b':');
                }
                5 => port(out, socket.local),
                6 => {
                    address(out, socket.remote, entry.v6_only);
                    out.push(b':');
                }
                // What stands in the place of the other port of a raw socket is none.
                7 if socket.protocol == Protocol::Raw => out.push(b'*'),
                7 => port(out, socket.remote),
                _ if processes => users(out, entry),
                _ => {}
            }
            match (column, self.last.get_mut(group)) {
                (LAST, Some(of)) => {
                    let before = of.map_or(0, |(last, before)| last.max(before));
                    *of = Some((out.len() - start, before));
                }
                _ => *width = (*width).max(out.len() - start),
            }
            out.push(0);
        }
    }

    pub(super) fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.widths[LAST] = self.last_width();
        let mut line = Vec::new();
        self.line(&mut line, NAMES.into_iter().map(str::as_bytes));
        for group in &self.groups {
            let mut cells = group.split(|byte| *byte == 0);
            // What stands behind the last NUL is no cell.
            for _ in 0..group.iter().filter(|byte| **byte == 0).count() / NAMES.len() {
                self.line(&mut line, cells.by_ref().take(NAMES.len()));
                if line.len() > super::super::PIECE {
                    out.write_all(&line)?;
                    line.clear();
                }
            }
        }
        out.write_all(&line)
    }

    fn line<'a>(&self, out: &mut Vec<u8>, cells: impl Iterator<Item = &'a [u8]>) {
        let mut is_first = true;
        for (column, (cell, width)) in cells.zip(self.widths).enumerate() {
            if !self.is_shown(column) {
                continue;
            }
            if !std::mem::take(&mut is_first) && !CLOSE.contains(&column) {
                out.push(b' ');
            }
            let blanks = width.saturating_sub(cell.len());
            if RIGHT.contains(&column) {
                out.resize(out.len() + blanks, b' ');
            }
            out.extend_from_slice(cell);
            if !RIGHT.contains(&column) {
                out.resize(out.len() + blanks, b' ');
            }
        }
        out.push(b'\n');
    }
}

const fn name(state: State) -> &'static str {
    match state {
        State::Listen => "LISTEN",
        State::SynSent => "SYN-SENT",
        State::SynReceived => "SYN-RECV",
        State::Established => "ESTAB",
        State::FinWait1 => "FIN-WAIT-1",
        State::FinWait2 => "FIN-WAIT-2",
        State::CloseWait => "CLOSE-WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST-ACK",
        State::TimeWait => "TIME-WAIT",
        State::Closed => "UNCONN",
    }
}

/// Adds an address: `*` is every one of both families.
fn address(out: &mut Vec<u8>, end: Endpoint, v6_only: Option<bool>) {
    let is_v6 = end.address.is_ipv6();
    if is_v6 && end.address.is_unspecified() && v6_only != Some(true) {
        return out.push(b'*');
    }
    if is_v6 {
        out.push(b'[');
    }
    bytes::address(out, end.address);
    if is_v6 {
        out.push(b']');
    }
}

fn users(out: &mut Vec<u8>, entry: &Entry<'_>) {
    let (Some(Owner::Known(all)), Some(owners)) = (entry.owner, entry.owners) else { return };
    let mut before = " users:((";
    // It puts each that it finds in front of those before.
    let mut found: Vec<_> = all
        .iter()
        .filter_map(|descriptor| Some((owners.process(*descriptor)?, descriptor.fd)))
        .collect();
    found.sort_by_key(|(process, fd)| std::cmp::Reverse((process.pid, *fd)));
    for (process, fd) in found {
        let (name, pid) = (process.name.escaped(), process.pid);
        let _ = write!(out, "{before}\"{name}\",pid={pid},fd={fd})");
        before = ",(";
    }
    if before == ",(" {
        out.push(b')');
    }
}
