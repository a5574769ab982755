//! What is asked of the machine: the port that netdiag-sys implements.

use crate::namespaces::Namespaces;
use crate::{Owners, Protocol, Socket};
use netdiag_model::Instant;
use std::time::Duration;

/// A table that is read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Of which protocol.
    pub protocol: Protocol,
    /// The states that are wanted: [`State::mask`](crate::State::mask).
    pub states: u32,
    /// With TCP_INFO, which takes the kernel as long again.
    pub info: bool,
}

/// How the reading of a table went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The table changed in a way that the kernel told of, or it lost parts of its answer: something
    /// may be missing or stand twice.
    pub interrupted: bool,
    /// Datagrams that the answer came in: what comes in one is of one moment.
    pub parts: u64,
    /// It came from files under /proc/net, since this kernel has no sock_diag for it.
    pub from_files: bool,
}

/// What the machine refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The call.
    pub call: &'static str,
    /// Its error number.
    pub errno: i32,
}

/// What ends a run from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT: the user wants what is known.
    Interrupt,
    /// A signal that ends the process after that; its number.
    Signal(i32),
}

/// The tables of this machine's sockets.
pub trait Kernel {
    /// The time.
    fn now(&mut self) -> Instant;

    /// The network namespaces that were opened, this process's own first; none where only that one was
    /// asked for.
    fn namespaces(&self) -> Namespaces {
        Namespaces::default()
    }

    /// From now on tables, sockets that are looked at and files of the network are those of the
    /// namespace at this place in [`namespaces`](Self::namespaces).
    fn turn_to(&mut self, namespace: usize) {
        let _ = namespace;
    }

    /// Reads a table and hands on each socket's message (`struct inet_diag_msg` and attributes), until
    /// `each` wants no more.
    ///
    /// # Errors
    /// What was refused.
    fn dump(
        &mut self,
        question: Question,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Reading, Fault>;

    /// Looks at one socket again, with TCP_INFO; `None`: it has gone, or the kernel does not say.
    fn look(&mut self, socket: &Socket) -> Option<Vec<u8>>;

    /// Finds out which process has which socket.
    fn owners(&mut self) -> Owners;

    /// A file under /proc, whole; `None` where it is not there or not for this user.
    fn file(&mut self, path: &str) -> Option<String>;

    /// The names in a folder; none where it is not there.
    fn folder(&mut self, path: &str) -> Vec<String>;

    /// From now on signals that end a run end a pause instead of the process.
    ///
    /// # Errors
    /// When signals cannot be watched.
    fn watch(&mut self) -> Result<(), Fault>;

    /// Lets time pass, unless a signal ends the run before.
    fn pause(&mut self, time: Duration) -> Option<Stop>;
}
