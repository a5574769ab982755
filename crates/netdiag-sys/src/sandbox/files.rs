//! Which files are still there (landlock(7)).

use crate::raw::{self, Ruleset};
use std::ffi::{CStr, CString};

/// `LANDLOCK_ACCESS_FS_READ_FILE` and `_READ_DIR` of linux/landlock.h.
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;

/// What is handled, and so refused but for the rules, by the first ABI that has it: to execute,
/// write, read, list, remove and make files; to move them elsewhere; to shorten them; to control
/// devices.
const ACCESS_FS: [(u32, u64); 4] = [(1, 0x1fff), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15)];
/// TCP is the business of this program.
const ACCESS_NET: u64 = 0;
/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET` and `_SIGNAL`: nobody outside is connected to or signalled.
const SCOPED: u64 = 3;
/// The ABI from which on there is a field for networks, and one for scopes.
const HAS_NET: u32 = 4;
const HAS_SCOPES: u32 = 6;

/// What a look-up of names reads: where to look, whose domain is the default, and chance (the crate
/// getrandom finds no getrandom(2) in a static program). Symbolic links are followed once, here.
const NAMES: [&CStr; 5] = [
    c"/etc/hosts",
    c"/etc/resolv.conf",
    c"/proc/sys/kernel/hostname",
    c"/dev/random",
    c"/dev/urandom",
];
/// Where a panic looks up the names of its functions.
const BACKTRACE: [&CStr; 2] = [c"/proc/self/maps", c"/proc/self/exe"];

/// What a run reads. Each path costs four system calls, so one that it does not need is not named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reads<'a> {
    /// What a look-up of names reads, /etc/hosts and /etc/resolv.conf above all, as they are now: what
    /// takes their place later cannot be read.
    pub names: bool,
    /// The keys of the terminal, which needs another mode for that.
    pub keys: bool,
    /// Files that the user named.
    pub files: &'a [String],
    /// What the kernel tells of its sockets under /proc, beside their tables.
    pub counters: bool,
}

impl Reads<'_> {
    /// Whether there is anything.
    pub(super) fn any(&self) -> bool {
        self.names || self.counters || !self.files.is_empty() || traces()
    }
}

/// What the kernel has counted of sockets, and what it is set to.
const COUNTERS: [&CStr; 2] = [c"/proc/self/net", c"/proc/sys/net"];

/// What the tables of sockets are read from, and what names stand for in a filter.
const TABLES: [&CStr; 8] = [
    c"/proc",
    c"/etc/passwd",
    c"/etc/services",
    c"/etc/sysctl.conf",
    c"/etc/sysctl.d",
    c"/run/sysctl.d",
    c"/usr/lib/sysctl.d",
    c"/usr/local/lib/sysctl.d",
];

/// Leaves only what tables of sockets are read from.
pub(super) fn confine_to_tables() -> raw::Result<u32> {
    let (abi, rules) = ruleset()?;
    for path in TABLES {
        // A file takes no right to be listed.
        let _ = rules.allow(path, READ_FILE | READ_DIR).or_else(|_| rules.allow(path, READ_FILE));
    }
    rules.enforce()?;
    Ok(abi)
}

/// Rules that refuse everything, for the ABI of the kernel.
fn ruleset() -> raw::Result<(u32, Ruleset)> {
    let abi = raw::landlock_abi()?;
    let known = ACCESS_FS.iter().filter(|(since, _)| *since <= abi);
    let attributes = [known.fold(0, |all, (_, more)| all | more), ACCESS_NET, SCOPED];
    let fields = 1 + usize::from(abi >= HAS_NET) + usize::from(abi >= HAS_SCOPES);
    Ok((abi, Ruleset::new(attributes.get(..fields).unwrap_or_default())?))
}

/// Leaves only these files; gives the ABI of the kernel's landlock.
pub(super) fn confine(reads: &Reads<'_>) -> raw::Result<u32> {
    let (abi, rules) = ruleset()?;
    // What is not there, or is a pipe and needs no rule, is found out by who opens it.
    for path in NAMES.iter().filter(|_| reads.names).chain(BACKTRACE.iter().filter(|_| traces())) {
        if let Err(errno @ (libc::EMFILE | libc::ENFILE)) = rules.allow(path, READ_FILE) {
            // Without a descriptor for the rule the file could not be read.
            return Err(errno);
        }
    }
    for path in reads.files.iter().filter_map(|path| CString::new(path.as_str()).ok()) {
        // A folder can be opened and not read; who does is told so.
        let _ = rules.allow(&path, READ_DIR).or_else(|_| rules.allow(&path, READ_FILE));
    }
    for path in COUNTERS.iter().filter(|_| reads.counters) {
        let _ = rules.allow(path, READ_FILE | READ_DIR);
    }
    rules.enforce()?;
    Ok(abi)
}

/// Whether a panic was asked to tell how it came to it.
fn traces() -> bool {
    std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0")
}
