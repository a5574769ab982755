//! One look at the tables: what is wanted of them goes by once, is told and counted.

mod table;

use crate::filter::Filter;
use crate::owners::Owner;
use crate::port::{Fault, Kernel};
use crate::ports::Ports;
use crate::state::USUAL;
use crate::thresholds::Thresholds;
use crate::{Owners, Protocol, Socket, State, Tally, TcpInfo};
use std::io;
use table::{Row, Table};

/// How often a table is read again that changed while it was read.
const TRIES: u32 = 3;

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Of which protocols.
    pub protocols: Vec<Protocol>,
    /// Which of them; `None`: all.
    pub filter: Option<Filter>,
    /// Only listeners of TCP, and UDP and raw sockets that are not connected.
    pub listening: bool,
    /// With their owners.
    pub owners: bool,
    /// With TCP_INFO.
    pub info: bool,
    /// Counts in place of sockets.
    pub summary: bool,
    /// States of TCP that are wanted beside those of the filter.
    pub also: u32,
    /// Every state is read whatever the filter says, so that nothing is left that is not judged.
    pub whole: bool,
    /// With what states have in common.
    pub apart: bool,
    /// From where on something is worth a finding.
    pub thresholds: Thresholds,
}

impl Plan {
    /// The states of TCP that can be wanted, as the kernel is asked for them.
    #[must_use]
    pub fn states(&self) -> u32 {
        let wanted = self.filter.as_ref().map_or(USUAL, Filter::states) | self.also;
        if self.listening { wanted & State::Listen.mask() } else { wanted }
    }

    /// The same with all sockets of its protocols, and every state that is usual or wanted.
    #[must_use]
    pub fn unfiltered(&self) -> Self {
        let mut all = Self { filter: None, listening: false, also: self.states(), ..self.clone() };
        all.protocols.retain(|protocol| self.wants_any(*protocol));
        all
    }

    /// The states of TCP that are read. A filter chooses what is told; what is wrong is found in all
    /// sockets. But where few are wanted the others would take long, as where many are in TIME-WAIT:
    /// then only listeners are read, too, without which nothing can be said of a connection.
    #[must_use]
    pub fn read(&self) -> u32 {
        let wanted = self.states();
        let many = [State::Established, State::FinWait1, State::TimeWait];
        let is_much = many.into_iter().any(|state| state.mask() & wanted != 0);
        wanted | if self.whole || is_much { USUAL } else { State::Listen.mask() }
    }

    fn wants_any(&self, protocol: Protocol) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.wants(protocol))
    }

    /// Whether a socket is wanted; `None`: only its owner would tell, which this user cannot see.
    #[must_use]
    pub fn wants(&self, socket: &Socket, owners: Option<&Owners>) -> Option<bool> {
        if self.listening && !socket.is_listener() && !socket.remote.is_unspecified() {
            return Some(false);
        }
        self.filter.as_ref().map_or(Some(true), |filter| filter.matches(socket, owners))
    }
}

/// A socket that is wanted.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The socket.
    pub socket: Socket,
    /// TCP_INFO, where it was asked for.
    pub info: Option<Box<TcpInfo>>,
    /// Its owner, where that was asked for.
    pub owner: Option<Owner<'a>>,
    /// All owners, where they were asked for.
    pub owners: Option<&'a Owners>,
    /// Whether an IPv6 socket that names no address at one end or both means none of IPv4
    /// (IPV6_V6ONLY); `None` of others, and where the kernel does not say.
    pub v6_only: Option<bool>,
}

/// What a look came to.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What was counted.
    pub tally: Tally,
    /// The states of TCP that were read; 0: none.
    pub states: u32,
    /// How often a table was read again.
    pub retries: u32,
    /// A table still changed at the last reading: sockets may be missing.
    pub interrupted: bool,
    /// Protocols that came from files under /proc/net.
    pub from_files: Vec<Protocol>,
    /// Protocols that could not be read, and why.
    pub refused: Vec<(Protocol, Fault)>,
}

impl Seen {
    /// Whether enough was read to tell how many ports are in use to a destination.
    #[must_use]
    pub const fn has_ports(&self) -> bool {
        self.states & USUAL == USUAL
    }
}

/// Why a look came to nothing.
#[derive(Debug)]
pub enum LookError {
    /// No table could be read.
    Kernel(Fault),
    /// What was told could not be written.
    Write(io::Error),
}

/// Reads the tables and tells each socket that is wanted.
///
/// # Errors
/// When no table can be read, or `each` fails.
pub fn look(
    kernel: &mut dyn Kernel,
    plan: &Plan,
    owners: Option<&Owners>,
    ports: &Ports,
    each: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
) -> Result<Seen, LookError> {
    let mut seen = Seen {
        tally: Tally::new(ports.clone(), plan.apart),
        states: 0,
        retries: 0,
        interrupted: false,
        from_files: Vec::new(),
        refused: Vec::new(),
    };
    let mut late = Vec::new();
    for protocol in &plan.protocols {
        let is_tcp = *protocol == Protocol::Tcp;
        if !plan.wants_any(*protocol) || (is_tcp && plan.states() == 0) {
            continue;
        }
        let mut table = Table::new(plan, owners);
        match table.read(kernel, *protocol, plan.read(), &mut seen, each) {
            Ok(()) if is_tcp => seen.states = plan.read(),
            Ok(()) => {}
            Err(fault) => seen.refused.push((*protocol, fault)),
        }
        if let Some(fault) = table.fault {
            return Err(LookError::Write(fault));
        }
        late.append(&mut table.late);
    }
    if let Some(owners) = owners.filter(|_| !late.is_empty()) {
        look_again(kernel, owners, &late);
    }
    for row in late {
        row.tell_late(plan, owners, &mut seen.tally, each).map_err(LookError::Write)?;
    }
    seen.tally.settle();
    match seen.refused.first() {
        Some((_, fault)) if seen.refused.len() == plan.protocols.len() => {
            Err(LookError::Kernel(*fault))
        }
        _ => Ok(seen),
    }
}

/// Finds out who has opened sockets since descriptors were looked at.
fn look_again(kernel: &mut dyn Kernel, owners: &Owners, late: &[Row]) {
    let sockets = || late.iter().map(|row| row.socket);
    // What has gone nobody has any more, so that nobody need be looked for where all have; the first that
    // is still there decides.
    let there = sockets().position(|socket| !has_gone(kernel, &socket));
    let Some(there) = there else {
        return owners.settle(owners.nobody(), sockets().map(|socket| socket.inode).collect());
    };
    let mut wanted: Vec<u32> = sockets().skip(there).map(|socket| socket.inode).collect();
    let mut gone: Vec<u32> = sockets().take(there).map(|socket| socket.inode).collect();
    wanted.sort_unstable();
    let later = kernel.owners_of(&wanted);
    for socket in sockets().skip(there) {
        if later.may_be_late(&socket, later.of(&socket)) && has_gone(kernel, &socket) {
            gone.push(socket.inode);
        }
    }
    owners.settle(later, gone);
}

/// Whether a socket is known to have ended. Only of TCP the kernel tells whether one is still there.
fn has_gone(kernel: &mut dyn Kernel, socket: &Socket) -> bool {
    socket.protocol == Protocol::Tcp && {
        let now = kernel.look(socket).and_then(|message| Socket::decode(Protocol::Tcp, &message));
        now.is_none_or(|now| now.inode != socket.inode)
    }
}

#[cfg(test)]
mod tests;
