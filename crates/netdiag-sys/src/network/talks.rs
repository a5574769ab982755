//! TCP connections that stay open: what is to be sent goes out as there is room, what comes is told in
//! pieces.

use super::connect::Ends;
use super::tcp_info;
use crate::clock;
use crate::raw::{self, PollFd};
use netdiag_engine::port::{InputKind, Inputs, OperationId, TalkEnd};
use socket2::Socket;
use std::io::{self, Read};
use std::os::fd::AsFd;

/// How much is read at once; what else there is comes with the next look, so that one that never
/// stops keeps nobody else waiting.
const PIECE: usize = 4_096;

/// Connections that stay open.
#[derive(Default)]
pub(super) struct Talks {
    open: Vec<Talk>,
}

struct Talk {
    id: OperationId,
    ends: Ends,
    socket: Socket,
    /// What is still to be sent.
    unsent: Vec<u8>,
}

impl Talks {
    pub(super) const fn len(&self) -> usize {
        self.open.len()
    }

    /// Keeps one that has opened.
    pub(super) fn take(&mut self, id: OperationId, ends: Ends, socket: Socket) {
        self.open.push(Talk { id, ends, socket, unsent: Vec::new() });
    }

    /// The one between these ends.
    pub(super) fn between(&self, ends: Ends) -> Option<OperationId> {
        self.open.iter().find(|talk| talk.ends == ends).map(|talk| talk.id)
    }

    /// Forgets one.
    pub(super) fn close(&mut self, id: OperationId) {
        self.open.retain(|talk| talk.id != id);
    }

    /// Sends bytes over one, as soon as there is room.
    pub(super) fn say(&mut self, id: OperationId, bytes: &[u8], inputs: &mut Inputs) {
        if let Some(talk) = self.open.iter_mut().find(|talk| talk.id == id) {
            talk.unsent.extend_from_slice(bytes);
            // What goes wrong is told when it is looked at.
            let _ = talk.send(inputs);
        }
    }

    /// Ends one, and says so.
    pub(super) fn hang_up(&mut self, id: OperationId, inputs: &mut Inputs) {
        for talk in self.open.extract_if(.., |talk| talk.id == id) {
            let state = tcp_info::of(&talk.socket).and_then(|info| info.state);
            let acknowledged = state.map(|state| state.acknowledged);
            let (at, end) = (clock::now(), TalkEnd::HungUp { acknowledged });
            inputs.push(at, InputKind::Ended { id, at, end });
        }
    }

    /// What to poll for.
    pub(super) fn poll_set(&self) -> impl Iterator<Item = PollFd> {
        self.open.iter().map(|talk| PollFd::new(talk.socket.as_fd(), !talk.unsent.is_empty()))
    }

    /// Looks at those that the poll found ready, given in the order of [`poll_set`](Self::poll_set).
    pub(super) fn finish(&mut self, polled: &[PollFd], inputs: &mut Inputs) {
        let mut polled = polled.iter();
        self.open.retain_mut(|talk| {
            let is_ready = polled.next().is_some_and(|polled| polled.is_ready());
            !is_ready || talk.go_on(inputs)
        });
    }
}

impl Talk {
    /// Sends and reads what there is; whether it goes on.
    fn go_on(&mut self, inputs: &mut Inputs) -> bool {
        let result = self.send(inputs).and_then(|()| self.hear(inputs));
        let (id, at) = (self.id, clock::now());
        let end = match result {
            Ok(true) => return true,
            Ok(false) => TalkEnd::Closed,
            Err(error) if is_later(&error) => return true,
            Err(error) => TalkEnd::Failed(error.raw_os_error().unwrap_or(libc::EIO)),
        };
        inputs.push(at, InputKind::Ended { id, at, end });
        false
    }

    fn send(&mut self, inputs: &mut Inputs) -> io::Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        while !self.unsent.is_empty() {
            match self.socket.send_with_flags(&self.unsent, libc::MSG_NOSIGNAL) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if is_later(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let (id, at) = (self.id, clock::now());
        inputs.push(at, InputKind::Said { id, at });
        Ok(())
    }

    /// Tells the next piece of what came; whether there may be more.
    fn hear(&self, inputs: &mut Inputs) -> io::Result<bool> {
        let mut piece = [0; PIECE];
        let len = (&self.socket).read(&mut piece)?;
        let bytes = piece.get(..len).unwrap_or_default();
        if !bytes.is_empty() {
            let at = clock::now();
            // What came is acknowledged now: many wait for that before they say more (RFC 9293 section
            // 3.7.4), and we would take our own delay for theirs. Without it nothing is wrong.
            let _ = raw::set_int(self.socket.as_fd(), libc::SOL_TCP, libc::TCP_QUICKACK, 1);
            inputs.push(at, InputKind::Heard { id: self.id, at, bytes });
        }
        Ok(len > 0)
    }
}

/// Whether there is nothing to read, or no room to write, just now.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
