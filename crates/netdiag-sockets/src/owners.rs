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
    /// Its user; `None`: not told.
    pub uid: Option<u32>,
    /// How many descriptors it has open, of any kind.
    pub open: u32,
    /// When it began, in ticks since boot (proc_pid_stat(5)), where it has a socket together with
    /// another; else 0.
    pub started: u64,
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
    ///
    /// Of several that have one socket the oldest comes first: a process between fork(2) and
    /// execve(2) has all of its parent's for a moment, and may have the lower number.
    #[must_use]
    pub fn new(
        processes: Vec<Process>,
        mut descriptors: Vec<Descriptor>,
        refused: u64,
        all: bool,
    ) -> Self {
        let age = |entry: &Descriptor| {
            let process = processes.get(entry.process as usize);
            process.map(|process| (process.started, process.pid))
        };
        descriptors.sort_unstable_by_key(|entry| (entry.inode, age(entry), entry.fd));
        Self { processes, descriptors, refused, all }
    }

    /// The places of processes that have a socket together with another, by what is in order of
    /// inodes.
    #[must_use]
    pub fn sharing(in_order: &[Descriptor]) -> std::collections::BTreeSet<u32> {
        let pairs = in_order.windows(2).filter_map(|pair| match pair {
            [one, other] if one.inode == other.inode && one.process != other.process => {
                Some([one.process, other.process])
            }
            _ => None,
        });
        pairs.flatten().collect()
    }

    /// Every descriptor, in the order of inodes.
    #[must_use]
    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    /// The processes that have a socket, each once, the oldest first; none where that is not known.
    #[must_use]
    pub fn holders(&self, socket: &Socket) -> Vec<&Process> {
        let Owner::Known(all) = self.of(socket) else { return Vec::new() };
        let mut holders: Vec<&Process> = Vec::new();
        for process in all.iter().filter_map(|descriptor| self.process(*descriptor)) {
            if holders.last().is_none_or(|last| last.pid != process.pid) {
                holders.push(process);
            }
        }
        holders
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

    /// Whether every process was looked at; else one may have a socket that is not known.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.all && self.refused == 0
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
            [] if self.is_complete() => Owner::Nobody,
            [] => Owner::NotVisible,
            found => Owner::Known(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, State};

    fn process(pid: u32, started: u64) -> Process {
        let name = Untrusted::from(format!("p{pid}"));
        Process { pid, name, cgroup: None, uid: None, open: 3, started }
    }

    fn socket(inode: u8) -> Socket {
        let mut bytes = [0; Socket::BYTES];
        (bytes[0], bytes[1], bytes[68]) = (2, State::CloseWait as u8, inode);
        Socket::decode(Protocol::Tcp, &bytes).expect("a socket")
    }

    #[test]
    fn of_several_that_have_a_socket_the_oldest_is_first_whatever_its_number() {
        // Numbers of processes wrap: the child of 900 is 4.
        let processes = vec![process(4, 77), process(900, 50), process(30, 0)];
        let of = |inode, process, fd| Descriptor { inode, process, fd };
        let mut found = vec![of(7, 0, 3), of(8, 2, 3), of(7, 1, 3), of(7, 1, 9)];
        found.sort_unstable();
        assert_eq!(Owners::sharing(&found).into_iter().collect::<Vec<_>>(), [0, 1]);
        let owners = Owners::new(processes, found, 0, true);
        let pids = |inode| {
            let holders = owners.holders(&socket(inode));
            holders.iter().map(|process| process.pid).collect::<Vec<_>>()
        };
        assert_eq!((pids(7), pids(8), pids(9)), (vec![900, 4], vec![30], vec![]));
        assert_eq!(owners.of(&socket(9)), Owner::Nobody);
    }
}
