//! What is asked of the machine: the port that netdiag-sys implements.

use crate::namespaces::Namespaces;
use crate::{Owners, Protocol, Socket};
use netdiag_model::{Instant, Untrusted};
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

/// How a machine has the bytes of a number, which /proc/net/tcp has addresses in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest first, as on x86 and most ARM.
    Little,
    /// The highest first, as on s390x.
    Big,
}

impl ByteOrder {
    /// As it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Little => "little-endian",
            Self::Big => "big-endian",
        }
    }
}

/// Where tables come from that are not the kernel's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The folder or file that they were saved in.
    pub path: Untrusted,
    /// The order of the machine that they are of.
    pub order: ByteOrder,
    /// Nobody has said that order, and nothing in them shows it.
    pub is_guess: bool,
    /// Lines that could not be read.
    pub broken: usize,
}

/// What the machine refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The call.
    pub call: &'static str,
    /// Its error number.
    pub errno: i32,
}

/// What ends a pause from outside, and with it the run, but for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGINT: the user wants what is known.
    Interrupt,
    /// A signal that ends the process after that; its number.
    Signal(i32),
    /// SIGQUIT: the user wants a line of what is known, and the run goes on.
    Interim,
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

    /// Where the tables come from; `None`: from the kernel.
    fn origin(&self) -> Option<Origin> {
        None
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

    /// Looks at one socket again, with TCP_INFO and what it has dropped; `None`: it has gone, or the kernel
    /// does not say.
    fn look(&mut self, socket: &Socket) -> Option<Vec<u8>>;

    /// Finds out which process has which socket.
    fn owners(&mut self) -> Owners;

    /// The same of the sockets with these inodes, which are in order; others may be among them.
    fn owners_of(&mut self, inodes: &[u32]) -> Owners {
        let _ = inodes;
        self.owners()
    }

    /// A file under /proc, whole; `None` where it is not there or not for this user.
    fn file(&mut self, path: &str) -> Option<String>;

    /// What a file is told apart from others by, however it is called (device and inode); `None` where it
    /// is not there, or that is not known.
    fn identity(&mut self, path: &str) -> Option<(u64, u64)> {
        let _ = path;
        None
    }

    /// The names in a folder; none where it is not there.
    fn folder(&mut self, path: &str) -> Vec<String>;

    /// From now on signals that end a run end a pause instead of the process, and so does SIGQUIT.
    ///
    /// # Errors
    /// When signals cannot be watched.
    fn watch(&mut self) -> Result<(), Fault>;

    /// Lets time pass, unless a signal comes before.
    fn pause(&mut self, time: Duration) -> Option<Stop>;
}
