//! Who has which socket: the links of `/proc/PID/fd`, of every process that may be looked at.

use crate::raw;
use netdiag_model::Untrusted;
use netdiag_sockets::Owners;
use netdiag_sockets::owners::{Descriptor, Process, Sight};
use std::ffi::{CStr, CString};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Room for the entries of a folder.
const ROOM: usize = 32 * 1024;
/// The longest link of a socket: `socket:[4294967295]`.
const LINK: usize = 32;
/// Where the name of an entry begins (`struct linux_dirent64`).
const NAME: usize = 19;

/// The PID namespace that the machine began with (PROC_PID_INIT_INO of linux/proc_ns.h).
const WHOLE: &[u8] = b"pid:[4026531836]";

/// Owners of all sockets; `all`: with the right to look at every process.
pub(super) fn owners(all: bool) -> Owners {
    let mut found = Found::default();
    // Without /proc, or with another folder in its place, nobody is visible, not even this process.
    let is_there = scan(&mut found).is_ok() && found.any;
    let refused = if is_there { found.refused } else { found.refused.max(1) };
    found.descriptors.sort_unstable();
    for place in Owners::sharing(&found.descriptors) {
        if let Some(process) = found.processes.get_mut(place as usize) {
            // One that has ended since comes last.
            process.started = started(process.pid).unwrap_or(u64::MAX);
        }
    }
    let sight = match (all, is_whole()) {
        (false, _) => Sight::User,
        (true, true) => Sight::Machine,
        (true, false) => Sight::Namespace,
    };
    Owners::new(found.processes, found.descriptors, refused, sight)
}

/// Whether /proc has every process of this machine, and not only those of a container: its first one
/// is then of the first PID namespace, or this one is, where the first is hidden.
fn is_whole() -> bool {
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

fn scan(found: &mut Found) -> raw::Result<()> {
    let proc = raw::open_folder(None, c"/proc")?;
    let mut room = vec![0; ROOM];
    let mut inner = vec![0; ROOM];
    each_entry(&mut room, |room| raw::entries(proc.as_fd(), room), &mut |name| {
        let Some(pid) = number(name.to_bytes()) else { return };
        found.any = true;
        let Ok(path) = CString::new(format!("{pid}/fd")) else { return };
        match raw::open_folder(Some(proc.as_fd()), &path) {
            Ok(folder) => {
                let before = found.descriptors.len();
                let (mut is_hidden, mut open) = (false, 0);
                let process = u32::try_from(found.processes.len()).unwrap_or(u32::MAX);
                let read = each_entry(
                    &mut inner,
                    |room| raw::entries(folder.as_fd(), room),
                    &mut |name| {
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
                        if let (Some(inode), Some(fd)) = (inode(link), number(name.to_bytes())) {
                            found.descriptors.push(Descriptor { inode, process, fd });
                        }
                    },
                );
                is_hidden |= read.is_err_and(is_refusal);
                found.refused += u64::from(is_hidden);
                if found.descriptors.len() > before {
                    found.processes.push(described(pid, open));
                }
            }
            Err(errno) if is_refusal(errno) => found.refused += 1,
            // It has ended.
            Err(_) => {}
        }
    })
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
    // The unified hierarchy has the number 0 (cgroups(7)).
    let groups = read("cgroup").map(text);
    let unified = groups.and_then(|groups| {
        groups.lines().find_map(|line| line.strip_prefix("0::").map(str::to_owned))
    });
    let uid = std::fs::metadata(format!("/proc/{pid}")).ok().map(|of| of.uid());
    let (name, cgroup) = (Untrusted::from(name), unified.map(Untrusted::from));
    Process { pid, name, cgroup, uid, open, started: 0 }
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
        scan(&mut found).expect("/proc");
        let own = found.descriptors.iter().find(|entry| entry.inode == wanted).expect("found");
        let process = &found.processes[own.process as usize];
        assert_eq!((process.pid, own.fd), (std::process::id(), socket.as_raw_fd().unsigned_abs()));
    }

    #[test]
    fn a_process_has_begun_and_no_process_has_not() {
        assert!(started(std::process::id()).is_some_and(|ticks| ticks > 0));
        assert_eq!(started(u32::MAX), None);
    }

    #[test]
    fn only_links_to_sockets_have_an_inode() {
        assert_eq!(inode(b"socket:[4294967295]"), Some(u32::MAX));
        for link in ["socket:[]", "pipe:[5]", "/dev/null", "socket:[5", "socket:[4294967296]"] {
            assert_eq!(inode(link.as_bytes()), None, "{link}");
        }
    }
}
