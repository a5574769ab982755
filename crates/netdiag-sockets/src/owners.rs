//! Which process has which socket: what `/proc/PID/fd` tells.

use crate::Socket;
use netdiag_model::Untrusted;

/// A process that has sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name, which it can choose.
    pub name: Untrusted,
    /// Its control group (cgroups(7)), which names its service or container; `None`: not told.
    pub cgroup: Option<Untrusted>,
}

/// A descriptor of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Descriptor {
    /// The inode of the socket.
    pub inode: u32,
    /// The place of the process in [`Owners::processes`].
    pub process: u32,
    /// The number of the descriptor.
    pub fd: u32,
}

/// The owners of sockets, by inode.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    processes: Vec<Process>,
    descriptors: Vec<Descriptor>,
    /// Processes whose descriptors could not be read.
    refused: u64,
    /// Whether every process of this machine can be read.
    all: bool,
}

/// What is known of the owner of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// These descriptors.
    Known(&'a [Descriptor]),
    /// No process has it.
    Nobody,
    /// The kernel has completed the connection, and the program has not accepted it.
    NotAccepted,
    /// Some process may have it that this user cannot look at.
    NotVisible,
}

impl Owners {
    /// Owners from what was found, in any order; `all`: with the right to look at every process.
    #[must_use]
    pub fn new(
        processes: Vec<Process>,
        mut descriptors: Vec<Descriptor>,
        refused: u64,
        all: bool,
    ) -> Self {
        descriptors.sort_unstable();
        Self { processes, descriptors, refused, all }
    }

    /// The processes that were found with sockets.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The process of a descriptor.
    #[must_use]
    pub fn process(&self, descriptor: Descriptor) -> Option<&Process> {
        self.processes.get(descriptor.process as usize)
    }

    /// How many processes could not be looked at.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The owner of a socket.
    #[must_use]
    pub fn of(&self, socket: &Socket) -> Owner<'_> {
        if socket.inode == 0 {
            let is_waiting = socket.accepted() == Some(false);
            return if is_waiting { Owner::NotAccepted } else { Owner::Nobody };
        }
        let first = self.descriptors.partition_point(|entry| entry.inode < socket.inode);
        let rest = self.descriptors.get(first..).unwrap_or_default();
        let count = rest.iter().take_while(|entry| entry.inode == socket.inode).count();
        match rest.get(..count).unwrap_or_default() {
            [] if self.all && self.refused == 0 => Owner::Nobody,
            [] => Owner::NotVisible,
            found => Owner::Known(found),
        }
    }
}
