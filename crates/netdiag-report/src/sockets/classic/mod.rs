//! `--classic`: the columns of netstat, ss and lsof, byte for byte where they are piped. Rows are kept
//! until the end, since these programs order and measure all of them first.

mod lsof;
mod netstat;
mod ss;

use super::{Ended, Sheet, bytes};
use lsof::Lsof;
use netdiag_model::Untrusted;
use netdiag_sockets::look::Entry;
use netdiag_sockets::namespaces::Place;
use netdiag_sockets::{Endpoint, Protocol, State};
use netstat::Netstat;
use ss::Ss;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Whose columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classic {
    /// Those of `netstat -n`.
    Netstat,
    /// Those of `ss -n`.
    Ss,
    /// Those of `lsof -nP -i`.
    Lsof,
}

/// What the classic programs were asked for.
#[derive(Clone, Debug, Default)]
pub struct ClassicOptions {
    /// Only sockets that wait for others.
    pub listening: bool,
    /// With processes; lsof always has them.
    pub processes: bool,
    /// Only one state was asked for.
    pub one_state: bool,
    /// Which protocols.
    pub protocols: Vec<Protocol>,
    /// The names of users.
    pub users: BTreeMap<u32, String>,
    /// What processes were begun as, by their numbers; of others netstat has the name.
    pub programs: BTreeMap<u32, Untrusted>,
}

/// A list in the columns of another program, and nothing else.
pub struct ClassicSheet<W> {
    out: W,
    rows: Rows,
}

enum Rows {
    Netstat(Netstat),
    Ss(Box<Ss>),
    Lsof(Lsof),
}

impl<W: Write> ClassicSheet<W> {
    /// A list on `out`.
    pub fn new(out: W, classic: Classic, options: ClassicOptions) -> Self {
        let rows = match classic {
            Classic::Netstat => Rows::Netstat(Netstat::new(options)),
            Classic::Ss => Rows::Ss(Box::new(Ss::new(options))),
            Classic::Lsof => Rows::Lsof(Lsof::new(options)),
        };
        Self { out, rows }
    }
}

impl<W: Write> Sheet for ClassicSheet<W> {
    fn row(&mut self, entry: &Entry<'_>, place: Place<'_>) -> io::Result<()> {
        match &mut self.rows {
            Rows::Netstat(rows) => rows.take(entry),
            Rows::Ss(rows) => rows.take(entry, place),
            Rows::Lsof(rows) => rows.take(entry),
        }
        Ok(())
    }

    fn finish(&mut self, _: &Ended<'_>) -> io::Result<()> {
        match &mut self.rows {
            Rows::Netstat(rows) => rows.write(&mut self.out)?,
            Rows::Ss(rows) => rows.write(&mut self.out)?,
            Rows::Lsof(rows) => rows.write(&mut self.out)?,
        }
        self.out.flush()
    }
}

/// The kernel's name of a state, as netstat and lsof write it.
const fn kernel_name(state: State) -> &'static str {
    match state {
        State::Listen => "LISTEN",
        State::SynSent => "SYN_SENT",
        State::SynReceived => "SYN_RECV",
        State::Established => "ESTABLISHED",
        State::FinWait1 => "FIN_WAIT1",
        State::FinWait2 => "FIN_WAIT2",
        State::CloseWait => "CLOSE_WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST_ACK",
        State::TimeWait => "TIME_WAIT",
        State::Closed => "CLOSE",
    }
}

/// Adds a port, `*` where there is none.
fn port(out: &mut Vec<u8>, end: Endpoint) {
    match end.port {
        0 => out.push(b'*'),
        port => bytes::number(out, port.into()),
    }
}
