//! Who has which socket: the links of `/proc/PID/fd`, of every process that may be looked at.

use crate::raw;
use netdiag_model::Untrusted;
use netdiag_sockets::Owners;
use netdiag_sockets::owners::{Descriptor, Process, Sight};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

/// Room for the entries of a folder.
const ROOM: usize = 32 * 1024;
/// The longest link of a socket: `socket:[4294967295]`.
const LINK: usize = 32;
/// Where the name of an entry begins (`struct linux_dirent64`).
const NAME: usize = 19;

/// The PID namespace that the machine began with (PROC_PID_INIT_INO of linux/proc_ns.h).
const WHOLE: &[u8] = b"pid:[4026531836]";

/// Owners of sockets; `all`: with the right to look at every process; `wanted`: only of the sockets
/// with these inodes, in order.
pub(super) fn owners(all: bool, wanted: Option<&[u32]>) -> Owners {
    let mut found = Found::default();
    // Without /proc, or with another folder in its place, nobody is visible, not even this process.
    let is_there = scan(&mut found, wanted).is_ok() && found.any;
    found.descriptors.sort_unstable();
    for place in Owners::sharing(&found.descriptors) {
        if let Some(process) = found.processes.get_mut(place as usize) {
            // One that has ended since comes last.
            process.started = started(process.pid).unwrap_or(u64::MAX);
        }
    }
    let sight = match (is_there, all, is_whole()) {
        (false, ..) => Sight::Nothing,
        (_, false, _) => Sight::User,
        (_, true, true) => Sight::Machine,
        (_, true, false) => Sight::Namespace,
    };
    Owners::new(found.processes, found.descriptors, found.refused, sight)
}

/// Whether /proc has every process of this machine, and not only those of a container: its first one
/// is then of the first PID namespace, or this one is, where the first is hidden.
pub(super) fn is_whole() -> bool {
    let is_of_whole = |path| {
        let mut room = [0; LINK];
        let folder = raw::open_folder(None, path)?;
        raw::read_link(folder.as_fd(), c"pid", &mut room).map(|link| link == WHOLE)
    };
    is_of_whole(c"/proc/1/ns").or_else(|_| is_of_whole(c"/proc/self/ns")).unwrap_or(false)
}

#[derive(Default)]
struct Found {
    processes: Vec<Process>,
    descriptors: Vec<Descriptor>,
    refused: u64,
    /// Some process was there.
    any: bool,
}

fn scan(found: &mut Found, wanted: Option<&[u32]>) -> raw::Result<()> {
    let proc = raw::open_folder(None, c"/proc")?;
    let (mut room, mut inner) = (vec![0; ROOM], vec![0; ROOM]);
    each_entry(&mut room, |room| raw::entries(proc.as_fd(), room), &mut |name| {
        let Some(pid) = number(name.to_bytes()) else { return };
        found.any = true;
        let before = found.descriptors.len();
        let mut held = found.held(proc.as_fd(), &format!("{pid}/fd"), wanted, &mut inner);
        if held == Held::default() {
            // Where the first thread has ended the others have the descriptors; of a process that has
            // none there is nothing more to see.
            held = found.held_by_threads(proc.as_fd(), pid, wanted, &mut inner);
        }
        found.refused += u64::from(held.is_hidden);
        if found.descriptors.len() > before {
            found.processes.push(described(pid, held.open));
        }
    })
}

/// What was seen of the descriptors of a process or a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    /// How many are open.
    open: u32,
    /// Not all of them can be looked at.
    is_hidden: bool,
}

impl Found {
    /// Looks at the links of a folder of descriptors below /proc.
    fn held(
        &mut self,
        proc: BorrowedFd<'_>,
        folder: &str,
        wanted: Option<&[u32]>,
        room: &mut [u8],
    ) -> Held {
        let Ok(path) = CString::new(folder) else { return Held::default() };
        let folder = match raw::open_folder(Some(proc), &path) {
            Ok(folder) => folder,
            // Any other error: it has ended.
            Err(errno) => return Held { open: 0, is_hidden: is_refusal(errno) },
        };
        let is_wanted = |inode| wanted.is_none_or(|all| all.binary_search(&inode).is_ok());
        let process = u32::try_from(self.processes.len()).unwrap_or(u32::MAX);
        let (mut is_hidden, mut open) = (false, 0);
        let read = each_entry(room, |room| raw::entries(folder.as_fd(), room), &mut |name| {
            // All but `.` and `..`.
            open += u32::from(!name.to_bytes().starts_with(b"."));
            let mut link = [0; LINK];
            let link = match raw::read_link(folder.as_fd(), name, &mut link) {
                Ok(link) => link,
                Err(errno) => {
                    is_hidden |= is_refusal(errno);
                    return;
                }
            };
            let inode = inode(link).filter(|inode| is_wanted(*inode));
            if let (Some(inode), Some(fd)) = (inode, number(name.to_bytes())) {
                self.descriptors.push(Descriptor { inode, process, fd });
            }
        });
        is_hidden |= read.is_err_and(is_refusal);
        Held { open, is_hidden }
    }

    /// The same of the first thread of a process that has any: they have one table (clone(2)).
    fn held_by_threads(
        &mut self,
        proc: BorrowedFd<'_>,
        pid: u32,
        wanted: Option<&[u32]>,
        room: &mut [u8],
    ) -> Held {
        let none = Held::default();
        let Ok(path) = CString::new(format!("{pid}/task")) else { return none };
        let Ok(folder) = raw::open_folder(Some(proc), &path) else { return none };
        let mut threads = Vec::new();
        let read = each_entry(room, |room| raw::entries(folder.as_fd(), room), &mut |name| {
            threads.extend(number(name.to_bytes()).filter(|thread| *thread != pid));
        });
        if read.is_err() {
            return none;
        }
        let held = |thread: u32| self.held(proc, &format!("{pid}/task/{thread}/fd"), wanted, room);
        threads.into_iter().map(held).find(|held| *held != none).unwrap_or(none)
    }
}

const fn is_refusal(errno: i32) -> bool {
    matches!(errno, libc::EACCES | libc::EPERM)
}

/// Hands on the name of each entry of a folder that is read by `next`.
fn each_entry(
    room: &mut [u8],
    mut next: impl FnMut(&mut [u8]) -> raw::Result<usize>,
    each: &mut dyn FnMut(&CStr),
) -> raw::Result<()> {
    loop {
        let got = next(room)?;
        if got == 0 {
            return Ok(());
        }
        let mut rest = room.get(..got).unwrap_or_default();
        while let Some(header) = rest.first_chunk::<NAME>() {
            let length = usize::from(u16::from_ne_bytes([header[16], header[17]]));
            let entry = rest.get(NAME..length).unwrap_or_default();
            if let Ok(name) = CStr::from_bytes_until_nul(entry) {
                each(name);
            }
            // An entry is never empty; one that says so would stand here for ever.
            rest = rest.get(length.max(NAME)..).unwrap_or_default();
        }
    }
}

fn described(pid: u32, open: u32) -> Process {
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).ok();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
    let name = read("comm").map(text).unwrap_or_default();
    let groups = read("cgroup").map(text).unwrap_or_default();
    let uid = std::fs::metadata(format!("/proc/{pid}")).ok().map(|of| of.uid());
    let (name, cgroup) = (Untrusted::from(name), group(&groups).map(Untrusted::from));
    Process { pid, name, cgroup, uid, open, started: 0 }
}

/// The control group of a process, by the lines `NUMBER:CONTROLLERS:PATH` of its cgroup file (cgroups(7)):
/// that of the unified hierarchy, which has the number 0. Where controllers have hierarchies of their own,
/// too, a process may be at the root of that one: then by what systemd(1) or `pids` has, or any.
fn group(lines: &str) -> Option<&str> {
    let places = lines.lines().filter_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let rank = match (path, number, controllers) {
            ("/", "0", _) => 1,
            ("/", ..) => 0,
            (_, "0", _) => 5,
            (_, _, "name=systemd") => 4,
            (_, _, "pids") => 3,
            _ => 2,
        };
        Some((rank, path))
    });
    places.max_by_key(|(rank, _)| *rank).map(|(_, path)| path)
}

/// When a process began: the 22nd field of its stat (proc_pid_stat(5)). The second is its name in
/// parentheses, and may have any of its own.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after) = stat.rsplit_once(')')?;
    after.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The inode that a link to a socket names.
fn inode(link: &[u8]) -> Option<u32> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_socket_of_this_process_is_found() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd()));
        let link = link.expect("it is open").to_string_lossy().into_owned();
        let wanted = inode(link.as_bytes()).expect("a socket");
        let mut found = Found::default();
        scan(&mut found, None).expect("/proc");
        let own = found.descriptors.iter().find(|entry| entry.inode == wanted).expect("found");
        let process = &found.processes[own.process as usize];
        assert_eq!((process.pid, own.fd), (std::process::id(), socket.as_raw_fd().unsigned_abs()));
        // One that is looked for alone is found alone.
        let mut alone = Found::default();
        scan(&mut alone, Some(&[wanted])).expect("/proc");
        assert!(!alone.descriptors.is_empty());
        assert!(alone.descriptors.iter().all(|entry| entry.inode == wanted));
        assert!(alone.processes.len() <= alone.descriptors.len());
    }

    /// The first thread of a process may end before the others (pthread_exit(3)); then only these have
    /// its descriptors.
    #[test]
    fn what_a_process_holds_without_its_first_thread_is_found() {
        let proc = raw::open_folder(None, c"/proc").expect("/proc");
        let (mut by_threads, mut room) = (Found::default(), vec![0; ROOM]);
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let (ends, end) = std::sync::mpsc::channel::<()>();
        let (begins, began) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            begins.send(()).expect("it is waited for");
            let _ = end.recv();
        });
        began.recv().expect("it begins");
        let pid = std::process::id();
        let held = by_threads.held_by_threads(proc.as_fd(), pid, None, &mut room);
        drop(ends);
        other.join().expect("it ends");
        let fd = socket.as_raw_fd().unsigned_abs();
        assert!(by_threads.descriptors.iter().any(|entry| entry.fd == fd), "{held:?}");
        assert!(held.open > 2 && !held.is_hidden, "{held:?}");
    }

    #[test]
    fn a_process_has_begun_and_no_process_has_not() {
        assert!(started(std::process::id()).is_some_and(|ticks| ticks > 0));
        assert_eq!(started(u32::MAX), None);
    }

    #[test]
    fn the_group_is_where_a_process_is_not_at_the_root() {
        for (lines, group) in [
            ("0::/system.slice/nginx.service\n", Some("/system.slice/nginx.service")),
            ("4:cpu:/a\n3:pids:/docker/0123.scope\n0::/\n", Some("/docker/0123.scope")),
            ("3:pids:/b\n1:name=systemd:/user.slice\n0::/\n", Some("/user.slice")),
            ("3:pids:/b\n0::/c:d\n", Some("/c:d")),
            ("4:cpu:/\n0::/\n", Some("/")),
            ("1:name=systemd:/only\n", Some("/only")),
            ("", None),
            ("broken", None),
        ] {
            assert_eq!(super::group(lines), group, "{lines}");
        }
    }

    #[test]
    fn only_links_to_sockets_have_an_inode() {
        assert_eq!(inode(b"socket:[4294967295]"), Some(u32::MAX));
        for link in ["socket:[]", "pipe:[5]", "/dev/null", "socket:[5", "socket:[4294967296]"] {
            assert_eq!(inode(link.as_bytes()), None, "{link}");
        }
    }
}
