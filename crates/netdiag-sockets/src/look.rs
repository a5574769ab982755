//! One look at the tables: what is wanted of them goes by once, is told and counted.

use crate::filter::Filter;
use crate::owners::Owner;
use crate::port::{Fault, Kernel, Question};
use crate::socket::attribute;
use crate::state::USUAL;
use crate::thresholds::Thresholds;
use crate::told::Told;
use crate::{Owners, Protocol, Socket, State, Tally, TcpInfo, counters, info};
use netdiag_model::Family;
use std::io;

/// INET_DIAG_SKV6ONLY of linux/inet_diag.h.
const V6_ONLY: u16 = 11;
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
    /// With what states have in common.
    pub apart: bool,
    /// From where on something is worth a finding.
    pub thresholds: Thresholds,
}

impl Plan {
    /// The states of TCP that can be wanted, as the kernel is asked for them.
    #[must_use]
    pub fn states(&self) -> u32 {
        let wanted = self.filter.as_ref().map_or(USUAL, Filter::states);
        if self.listening { wanted & State::Listen.mask() } else { wanted }
    }

    fn wants(&self, socket: &Socket, owners: Option<&Owners>) -> bool {
        if self.listening && !socket.is_listener() && !socket.remote.is_unspecified() {
            return false;
        }
        self.filter.as_ref().is_none_or(|filter| filter.matches(socket, owners))
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
    /// How often a table was read again.
    pub retries: u32,
    /// A table still changed at the last reading: sockets may be missing.
    pub interrupted: bool,
    /// Protocols that came from files under /proc/net.
    pub from_files: Vec<Protocol>,
    /// Protocols that could not be read, and why.
    pub refused: Vec<(Protocol, Fault)>,
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
    range: (u16, u16),
    each: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
) -> Result<Seen, LookError> {
    let mut seen = Seen {
        tally: Tally::new(range, plan.apart),
        retries: 0,
        interrupted: false,
        from_files: Vec::new(),
        refused: Vec::new(),
    };
    let states = plan.states();
    for protocol in &plan.protocols {
        let is_wanted = plan.filter.as_ref().is_none_or(|filter| filter.wants(*protocol));
        if !is_wanted || (*protocol == Protocol::Tcp && states == 0) {
            continue;
        }
        let told = Told::default();
        let mut table = Table { plan, owners, told, is_again: false, fault: None };
        match table.read(kernel, *protocol, states, &mut seen, each) {
            Ok(()) => {}
            Err(fault) => seen.refused.push((*protocol, fault)),
        }
        if let Some(fault) = table.fault {
            return Err(LookError::Write(fault));
        }
    }
    match seen.refused.first() {
        Some((_, fault)) if seen.refused.len() == plan.protocols.len() => {
            Err(LookError::Kernel(*fault))
        }
        _ => Ok(seen),
    }
}

/// One table.
struct Table<'a> {
    plan: &'a Plan,
    owners: Option<&'a Owners>,
    told: Told,
    is_again: bool,
    fault: Option<io::Error>,
}

impl Table<'_> {
    fn read(
        &mut self,
        kernel: &mut dyn Kernel,
        protocol: Protocol,
        states: u32,
        seen: &mut Seen,
        each: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
    ) -> Result<(), Fault> {
        let states = if protocol == Protocol::Tcp { states } else { u32::MAX };
        let info = self.plan.info && protocol == Protocol::Tcp;
        let mut before = None;
        if protocol == Protocol::Tcp {
            before = counters::changes(kernel);
        }
        for attempt in 0..=TRIES {
            let question = Question { protocol, states, info };
            let tally = &mut seen.tally;
            let reading = kernel.dump(question, &mut |message| {
                let Some(socket) = Socket::decode(protocol, message) else { return true };
                let told = self.take(&socket, message, tally, each);
                told.map_err(|fault| self.fault = Some(fault)).is_ok()
            })?;
            if reading.from_files {
                seen.from_files.push(protocol);
            }
            // The kernel tells nobody when connections begin or end between the parts of this table;
            // then one that was there all the time may be missing. What comes in one part is whole.
            let mut has_changed = false;
            if before.is_some() && reading.parts > 1 {
                let after = counters::changes(kernel);
                has_changed = std::mem::replace(&mut before, after) != after;
            }
            if !(reading.interrupted || has_changed) || self.fault.is_some() {
                return Ok(());
            }
            if attempt < TRIES {
                seen.retries += 1;
                self.told.sort();
                self.is_again = true;
            }
        }
        seen.interrupted = true;
        Ok(())
    }

    fn take(
        &mut self,
        socket: &Socket,
        message: &[u8],
        tally: &mut Tally,
        each: &mut dyn FnMut(&Entry<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.plan.wants(socket, self.owners) {
            return Ok(());
        }
        let is_new = match self.is_again {
            true => self.told.insert(socket.cookie),
            false => self.told.push(socket.cookie),
        };
        if !is_new {
            return Ok(());
        }
        let info = match self.plan.info {
            true => attribute(message, info::ATTRIBUTE).and_then(TcpInfo::decode).map(Box::new),
            false => None,
        };
        let info = info.filter(|_| !socket.is_listener());
        let owner = self.owners.map(|owners| owners.of(socket));
        tally.take(socket, info.as_deref(), owner);
        let has_any =
            socket.local.address.is_unspecified() || socket.remote.address.is_unspecified();
        let is_any = socket.family == Family::Ipv6 && has_any;
        let v6_only = is_any.then(|| attribute(message, V6_ONLY)).flatten();
        let v6_only = v6_only.and_then(|value| value.first()).map(|value| *value != 0);
        each(&Entry { socket: *socket, info, owner, owners: self.owners, v6_only })
    }
}

#[cfg(test)]
mod tests;
