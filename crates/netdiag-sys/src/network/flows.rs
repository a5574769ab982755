//! Sockets of UDP that talk to one address and port each: what is to be sent goes out at once, what
//! comes is told by the datagram, and so are errors about what was sent.

use super::connect::{self, is_own_rule};
use crate::clock;
use crate::control::Ancillary;
use crate::raw::{Batch, PollFd};
use netdiag_engine::port::{Connect, InputKind, Inputs, OperationId, TalkEnd};
use netdiag_model::{Destination, Stamp};
use socket2::Socket;
use std::io::{self, Read};
use std::os::fd::AsFd;

/// The longest datagram that is told; what is longer is cut.
const LONGEST: usize = 4_096;
/// How many are read at once, so that one that never stops keeps nobody else waiting.
const AT_ONCE: usize = 32;
/// How many errors are read at once.
const FEW: usize = 4;

/// Sockets that talk to one address and port each.
#[derive(Default)]
pub(super) struct Flows {
    open: Vec<Flow>,
}

struct Flow {
    id: OperationId,
    destination: Destination,
    socket: Socket,
}

impl Flows {
    pub(super) const fn len(&self) -> usize {
        self.open.len()
    }

    /// Opens one, which sends nothing yet.
    pub(super) fn start(&mut self, connect: &Connect, socket: Socket, inputs: &mut Inputs) {
        let Connect { id, destination, .. } = *connect;
        let Some(local) = connect::local(&socket) else { return };
        let stamp = Stamp::user(clock::now());
        inputs.push(stamp.at, InputKind::Begun { id, local });
        inputs.push(stamp.at, InputKind::Connected { id, stamp, local, info: None });
        self.open.push(Flow { id, destination, socket });
    }

    /// Forgets one.
    pub(super) fn close(&mut self, id: OperationId) {
        self.open.retain(|flow| flow.id != id);
    }

    /// Sends a datagram over one; `false`: there is none of that name.
    pub(super) fn say(
        &mut self,
        id: OperationId,
        bytes: &[u8],
        errors: &mut Batch,
        inputs: &mut Inputs,
    ) -> bool {
        let Some(at) = self.open.iter().position(|flow| flow.id == id) else { return false };
        if let Some(Err(error)) = self.open.get(at).map(|flow| flow.send(bytes)) {
            let flow = self.open.remove(at);
            // It may be what an ICMP error says of an earlier one.
            let end = flow.told(errors).unwrap_or_else(|| TalkEnd::Failed(errno_of(&error)));
            flow.end(end, inputs);
        }
        true
    }

    /// Ends one, and says so; `false`: there is none of that name.
    pub(super) fn hang_up(&mut self, id: OperationId, inputs: &mut Inputs) -> bool {
        let mut ended = self.open.extract_if(.., |flow| flow.id == id);
        let flow = ended.next();
        let is_there = flow.is_some();
        if let Some(flow) = flow {
            flow.end(TalkEnd::HungUp { acknowledged: None }, inputs);
        }
        is_there
    }

    /// What to poll for.
    pub(super) fn poll_set(&self) -> impl Iterator<Item = PollFd> {
        self.open.iter().map(|flow| PollFd::new(flow.socket.as_fd(), false))
    }

    /// Looks at those that the poll found ready, given in the order of [`poll_set`](Self::poll_set).
    pub(super) fn finish(&mut self, polled: &[PollFd], errors: &mut Batch, inputs: &mut Inputs) {
        let mut polled = polled.iter();
        let ended = self.open.extract_if(.., |flow| {
            let ready = polled.next().filter(|polled| polled.is_ready());
            ready.is_some_and(|polled| flow.is_over(*polled, errors, inputs))
        });
        ended.for_each(drop);
    }
}

impl Flow {
    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.send_with_flags(bytes, libc::MSG_NOSIGNAL) {
            Ok(_) => Ok(()),
            // A queue of this machine is full: what does not leave is lost, and sent again as that.
            Err(error) if is_full(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads what there is; whether an error ended it.
    fn is_over(&self, polled: PollFd, errors: &mut Batch, inputs: &mut Inputs) -> bool {
        // What came before the error counts. Of an ICMP error the socket tells the number, too.
        let heard = self.hear(inputs);
        let told = match polled.has_error() || heard.is_err() {
            true => self.told(errors),
            false => None,
        };
        match (told, heard) {
            (Some(end), _) => self.end(end, inputs),
            (None, Err(error)) => self.end(TalkEnd::Failed(errno_of(&error)), inputs),
            (None, Ok(())) => return false,
        }
        true
    }

    /// Tells the datagrams that came.
    fn hear(&self, inputs: &mut Inputs) -> io::Result<()> {
        let mut datagram = [0; LONGEST];
        for _ in 0..AT_ONCE {
            match (&self.socket).read(&mut datagram) {
                Ok(len) => {
                    let (at, bytes) = (clock::now(), datagram.get(..len).unwrap_or_default());
                    inputs.push(at, InputKind::Heard { id: self.id, at, bytes });
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// The last ICMP error about what was sent.
    fn told(&self, errors: &mut Batch) -> Option<TalkEnd> {
        errors.receive(self.socket.as_fd(), FEW, libc::MSG_ERRQUEUE).ok()?;
        let found = errors.messages().filter_map(|message| {
            let error = Ancillary::parse(message.control).error?;
            let is_icmp =
                matches!(error.origin, libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6);
            let Some(offender) = error.offender.filter(|_| is_icmp) else {
                return Some(TalkEnd::Failed(error.errno));
            };
            let (from, kind, code) = (offender.address(), error.kind, error.code);
            if is_own_rule(self.destination, &self.socket, (from, kind, code)) {
                return Some(TalkEnd::Failed(libc::EPERM));
            }
            let mtu = Some(error.info).filter(|_| error.errno == libc::EMSGSIZE);
            Some(TalkEnd::Told { errno: error.errno, from, kind, code, mtu })
        });
        found.last()
    }

    fn end(&self, end: TalkEnd, inputs: &mut Inputs) {
        let (id, at) = (self.id, clock::now());
        inputs.push(at, InputKind::Ended { id, at, end });
    }
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}

fn errno_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
