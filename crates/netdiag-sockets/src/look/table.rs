//! One table, socket by socket.

use super::{Entry, Plan, Seen, TRIES};
use crate::port::{Fault, Kernel, Question};
use crate::socket::attribute;
use crate::tally::Owned;
use crate::told::Told;
use crate::{Owners, Protocol, Socket, State, Tally, TcpInfo, counters, info};
use netdiag_model::Family;
use std::io;

/// INET_DIAG_SKV6ONLY of linux/inet_diag.h.
const V6_ONLY: u16 = 11;
/// Sockets that are kept back until it is known who opened them. What is more is told at once.
const LATE: usize = 16 * 1024;

/// What sockets are told to.
pub(super) type Each<'e> = &'e mut dyn FnMut(&Entry<'_>) -> io::Result<()>;

/// A socket with what of its message is told.
pub(super) struct Row {
    pub(super) socket: Socket,
    info: Option<Box<TcpInfo>>,
    v6_only: Option<bool>,
}

/// One table.
pub(super) struct Table<'a> {
    plan: &'a Plan,
    owners: Option<&'a Owners>,
    told: Told,
    is_again: bool,
    /// What could not be written.
    pub(super) fault: Option<io::Error>,
    /// Sockets that nobody had when descriptors were looked at.
    pub(super) late: Vec<Row>,
}

impl<'a> Table<'a> {
    pub(super) fn new(plan: &'a Plan, owners: Option<&'a Owners>) -> Self {
        let (told, late) = (Told::default(), Vec::new());
        Self { plan, owners, told, is_again: false, fault: None, late }
    }

    pub(super) fn read(
        &mut self,
        kernel: &mut dyn Kernel,
        protocol: Protocol,
        states: u32,
        seen: &mut Seen,
        each: Each<'_>,
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
                let told = self.take(socket, message, tally, each);
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
        socket: Socket,
        message: &[u8],
        tally: &mut Tally,
        each: Each<'_>,
    ) -> io::Result<()> {
        let is_new = match self.is_again {
            true => self.told.insert(socket.cookie),
            false => self.told.push(socket.cookie),
        };
        if !is_new {
            return Ok(());
        }
        // Once for each socket: there may be very many.
        let owned = self.owners.map(|owners| (owners, owners.of(&socket)));
        let is_late = owned.is_some_and(|(owners, owner)| owners.may_be_late(&socket, owner));
        if is_late && self.late.len() < LATE {
            self.late.push(Row::new(socket, message, self.plan));
            return Ok(());
        }
        let wants = self.plan.wants(&socket, self.owners);
        if wants != Some(true) {
            tally.take(&socket, None, owned, wants);
            return Ok(());
        }
        Row::new(socket, message, self.plan).tell(owned, wants, tally, each)
    }
}

impl Row {
    fn new(socket: Socket, message: &[u8], plan: &Plan) -> Self {
        let info = match plan.info && socket.tcp_state().is_some_and(|state| state != State::Listen)
        {
            true => attribute(message, info::ATTRIBUTE).and_then(TcpInfo::decode).map(Box::new),
            false => None,
        };
        let has_any =
            socket.local.address.is_unspecified() || socket.remote.address.is_unspecified();
        let is_any = socket.family == Family::Ipv6 && has_any;
        let v6_only = is_any.then(|| attribute(message, V6_ONLY)).flatten();
        let v6_only = v6_only.and_then(|value| value.first()).map(|value| *value != 0);
        Self { socket, info, v6_only }
    }

    /// Counts one that was kept back, and tells it where it is wanted.
    pub(super) fn tell_late(
        self,
        plan: &Plan,
        owners: Option<&Owners>,
        tally: &mut Tally,
        each: Each<'_>,
    ) -> io::Result<()> {
        let owned = owners.map(|owners| (owners, owners.of(&self.socket)));
        let wants = plan.wants(&self.socket, owners);
        self.tell(owned, wants, tally, each)
    }

    fn tell(
        self,
        owned: Option<Owned<'_>>,
        wants: Option<bool>,
        tally: &mut Tally,
        each: Each<'_>,
    ) -> io::Result<()> {
        let Self { socket, info, v6_only } = self;
        let (owners, owner) = owned.unzip();
        tally.take(&socket, info.as_deref(), owned, wants);
        match wants {
            Some(true) => each(&Entry { socket, info, owner, owners, v6_only }),
            _ => Ok(()),
        }
    }
}
