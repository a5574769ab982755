//! Which process has which socket: what `/proc/PID/fd` tells.

mod places;

use crate::Socket;
use netdiag_model::Untrusted;
use places::Places;
use std::cell::OnceCell;

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

/// Whose descriptors can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// Those of every process of this machine.
    Machine,
    /// Those of every process of one PID namespace (pid_namespaces(7)); one outside of it may share the
    /// network.
    Namespace,
    /// Those that this user may look at.
    #[default]
    User,
    /// None, since /proc is not there.
    Nothing,
}

/// The owners of sockets, by inode.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    processes: Vec<Process>,
    descriptors: Vec<Descriptor>,
    places: Places,
    /// Processes whose descriptors could not be read.
    refused: u64,
    sight: Sight,
    again: OnceCell<Box<Again>>,
}

/// What was found after the sockets were listed.
#[derive(Clone, Debug)]
struct Again {
    owners: Owners,
    /// In order, the inodes of sockets that had gone before it could be told who has them.
    gone: Vec<u32>,
}

/// What is known of the owner of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// These descriptors.
    Known(&'a [Descriptor]),
    /// No process has it, by looks before and after it was listed.
    Nobody,
    /// The kernel has completed the connection, and the program has not accepted it.
    NotAccepted,
    /// Some process may have it that this user cannot look at.
    NotVisible,
}

impl Owners {
    /// Owners from what was found, in any order.
    ///
    /// Of several that have one socket the oldest comes first: a process between fork(2) and
    /// execve(2) has all of its parent's for a moment, and may have the lower number.
    #[must_use]
    pub fn new(
        processes: Vec<Process>,
        mut descriptors: Vec<Descriptor>,
        refused: u64,
        sight: Sight,
    ) -> Self {
        let age = |entry: &Descriptor| {
            let process = processes.get(entry.process as usize);
            process.map(|process| (process.started, process.pid))
        };
        descriptors.sort_unstable_by_key(|entry| (entry.inode, age(entry), entry.fd));
        let places = Places::of(&descriptors);
        Self { processes, descriptors, places, refused, sight, again: OnceCell::new() }
    }

    /// The same look, which found nobody.
    #[must_use]
    pub(crate) fn nobody(&self) -> Self {
        Self::new(Vec::new(), Vec::new(), 0, self.sight)
    }

    /// Adds what another look at the processes found, after sockets were listed that nobody
    /// [seemed to have](Self::may_be_late); `gone`: the inodes of those that have ended meanwhile.
    pub fn settle(&self, mut later: Self, mut gone: Vec<u32>) {
        // Places are counted on from those of the looks before.
        let before = u32::try_from(self.processes.len()).unwrap_or(u32::MAX);
        for descriptor in &mut later.descriptors {
            descriptor.process = descriptor.process.saturating_add(before);
        }
        match self.again.get() {
            Some(again) => again.owners.settle(later, gone),
            None => {
                gone.sort_unstable();
                let _ = self.again.set(Box::new(Again { owners: later, gone }));
            }
        }
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

    /// The processes that were found with sockets, before these were listed.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The process of a descriptor.
    #[must_use]
    pub fn process(&self, descriptor: Descriptor) -> Option<&Process> {
        self.at(descriptor.process)
    }

    /// The process at a place that a [`Descriptor`] names.
    #[must_use]
    pub fn at(&self, place: u32) -> Option<&Process> {
        self.processes.get(place as usize).or_else(|| {
            let behind = place.checked_sub(u32::try_from(self.processes.len()).ok()?)?;
            self.again.get()?.owners.at(behind)
        })
    }

    /// The place of a process by which all its sockets are counted: one that is found by several looks has
    /// a place in each.
    #[must_use]
    pub fn place(&self, descriptor: Descriptor) -> u32 {
        if (descriptor.process as usize) < self.processes.len() {
            return descriptor.process;
        }
        let pid = self.process(descriptor).map(|process| process.pid);
        pid.and_then(|pid| self.first_place(pid)).unwrap_or(descriptor.process)
    }

    /// Where a process stands by the first look that found it.
    fn first_place(&self, pid: u32) -> Option<u32> {
        let here = self.processes.iter().position(|process| process.pid == pid);
        let place = here.or_else(|| {
            let behind = self.again.get()?.owners.first_place(pid)?;
            Some(self.processes.len() + behind as usize)
        })?;
        u32::try_from(place).ok()
    }

    /// Whether every process was looked at; else one may have a socket that is not known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let later = self.again.get();
        self.sight == Sight::Machine
            && self.refused == 0
            && later.is_none_or(|again| again.owners.is_complete())
    }

    /// Whose descriptors can be seen.
    #[must_use]
    pub const fn sight(&self) -> Sight {
        self.sight
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
        match self.found(socket.inode) {
            [] if self.is_settled(socket.inode) => Owner::Nobody,
            [] => Owner::NotVisible,
            found => Owner::Known(found),
        }
    }

    /// Whether a program may have opened a socket, of which this is [told](Self::of), after its
    /// descriptors were looked at: then another look at them tells.
    #[must_use]
    pub fn may_be_late(&self, socket: &Socket, owner: Owner<'_>) -> bool {
        let is_missing = socket.inode != 0 && !matches!(owner, Owner::Known(_));
        // Most others' sockets are hidden from a user at every look.
        is_missing && !matches!(self.sight, Sight::User | Sight::Nothing)
    }

    /// The descriptors of a socket, by the first look that found any.
    fn found(&self, inode: u32) -> &[Descriptor] {
        let near = self.places.near(inode);
        let rest = self.descriptors.get(near.start..).unwrap_or_default();
        let first = rest.get(..near.len()).unwrap_or(rest).partition_point(|it| it.inode < inode);
        let rest = rest.get(first..).unwrap_or_default();
        let count = rest.iter().take_while(|entry| entry.inode == inode).count();
        match (rest.get(..count).unwrap_or_default(), self.again.get()) {
            ([], Some(again)) => again.owners.found(inode),
            (found, _) => found,
        }
    }

    /// Whether what was not found is nobody's.
    fn is_settled(&self, inode: u32) -> bool {
        self.is_complete() && self.again.get().is_some() && !self.has_gone(inode)
    }

    fn has_gone(&self, inode: u32) -> bool {
        self.again.get().is_some_and(|again| {
            again.gone.binary_search(&inode).is_ok() || again.owners.has_gone(inode)
        })
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
        let owners = Owners::new(processes, found, 0, Sight::Machine);
        let pids = |inode| {
            let holders = owners.holders(&socket(inode));
            holders.iter().map(|process| process.pid).collect::<Vec<_>>()
        };
        assert_eq!((pids(7), pids(8), pids(9)), (vec![900, 4], vec![30], vec![]));
    }

    #[test]
    fn a_later_look_finds_what_was_opened_since_and_knows_nothing_of_what_has_gone() {
        let seen = |pid, inode| {
            let found = Descriptor { inode, process: 0, fd: 3 };
            Owners::new(vec![process(pid, 0)], vec![found], 0, Sight::Machine)
        };
        let owners = seen(4, 1);
        let is_late = |inode| owners.may_be_late(&socket(inode), owners.of(&socket(inode)));
        assert!(is_late(2) && !is_late(1));
        assert_eq!(owners.of(&socket(2)), Owner::NotVisible);
        owners.settle(seen(5, 2), vec![9, 7]);
        owners.settle(seen(6, 3), vec![8]);
        let pids = [1, 2, 3].map(|inode| {
            owners.holders(&socket(inode)).iter().map(|process| process.pid).collect::<Vec<_>>()
        });
        assert_eq!(pids, [[4], [5], [6]]);
        for inode in [7, 8, 9] {
            assert_eq!(owners.of(&socket(inode)), Owner::NotVisible, "{inode}");
        }
        assert_eq!(owners.of(&socket(10)), Owner::Nobody);
    }

    /// Whichever look finds them: owners are in one order, and a process is counted once.
    #[test]
    fn a_later_look_names_owners_in_the_same_order_and_each_process_once() {
        let of = |inode, process, fd| Descriptor { inode, process, fd };
        let shared = |inode| vec![of(inode, 1, 9), of(inode, 0, 4), of(inode, 1, 3)];
        let owners =
            Owners::new(vec![process(40, 8), process(30, 7)], shared(7), 0, Sight::Machine);
        // Found by another look, in another order, and by one more after that.
        let seen = |inode| {
            let found = shared(inode).into_iter().rev();
            let found = found.map(|it| Descriptor { process: 1 - it.process, ..it }).collect();
            Owners::new(vec![process(30, 7), process(40, 8)], found, 0, Sight::Machine)
        };
        owners.settle(seen(8), Vec::new());
        owners.settle(seen(9), Vec::new());
        for inode in [7, 8, 9] {
            let Owner::Known(all) = owners.of(&socket(inode)) else { panic!("{inode}") };
            let named: Vec<(u32, u32)> = all
                .iter()
                .map(|it| (owners.process(*it).map_or(0, |process| process.pid), it.fd))
                .collect();
            assert_eq!(named, [(30, 3), (30, 9), (40, 4)], "{inode}");
            assert_eq!(all.first().map(|first| owners.place(*first)), Some(1), "{inode}");
        }
    }

    /// Whoever is outside of this PID namespace may have what nobody in it has.
    #[test]
    fn nobody_has_a_socket_only_where_the_whole_machine_is_seen() {
        for (sight, owner) in [
            (Sight::Machine, Owner::Nobody),
            (Sight::Namespace, Owner::NotVisible),
            (Sight::User, Owner::NotVisible),
            (Sight::Nothing, Owner::NotVisible),
        ] {
            let owners = Owners::new(Vec::new(), Vec::new(), 0, sight);
            owners.settle(owners.clone(), Vec::new());
            assert_eq!(owners.of(&socket(9)), owner, "{sight:?}");
        }
    }
}
