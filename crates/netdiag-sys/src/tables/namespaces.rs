//! The network namespaces of this machine, and what tables of each are asked by. It needs
//! CAP_SYS_ADMIN, so it is done before rights are given up.

use super::descriptors::is_whole;
use super::dump::Diag;
use crate::raw;
use netdiag_model::Untrusted;
use netdiag_sockets::namespaces::{Namespace, Namespaces};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Where ip-netns(8) and container engines keep namespaces under names.
const NAMED: [&str; 2] = ["/run/netns", "/run/docker/netns"];
/// Files that are read again and again.
pub(super) const FILES: [&str; 5] = ["snmp", "netstat", "sockstat", "sockstat6", "dev"];
/// Settings, which are read once.
pub(super) const SETTINGS: [&str; 12] = [
    "ipv4/ip_local_port_range",
    "ipv4/ip_local_reserved_ports",
    "ipv4/tcp_mem",
    "ipv4/tcp_max_orphans",
    "ipv4/tcp_max_tw_buckets",
    "ipv4/tcp_retries2",
    "ipv4/tcp_syncookies",
    "ipv4/tcp_timestamps",
    "ipv4/tcp_tw_reuse",
    "netfilter/nf_conntrack_count",
    "netfilter/nf_conntrack_max",
    "core/somaxconn",
];

/// What the tables of another namespace are asked by.
pub(super) struct Other {
    pub(super) diag: Diag,
    files: BTreeMap<String, File>,
    settings: BTreeMap<String, String>,
}

impl Other {
    /// Opens it for the namespace that this thread is in.
    fn open() -> raw::Result<Self> {
        let diag = Diag::open().map_err(|fault| fault.errno)?;
        let file = |name: &str| {
            let file = File::open(format!("/proc/thread-self/net/{name}")).ok()?;
            Some((format!("/proc/net/{name}"), file))
        };
        let setting = |name: &str| {
            let path = format!("/proc/sys/net/{name}");
            let text = std::fs::read_to_string(&path).ok()?;
            Some((path, text))
        };
        let files = FILES.into_iter().filter_map(file).collect();
        let settings = SETTINGS.into_iter().filter_map(setting).collect();
        Ok(Self { diag, files, settings })
    }

    /// A file of this namespace under the path that it has in each; `None` of one that is not kept.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        let Some(file) = self.files.get(path) else { return self.settings.get(path).cloned() };
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            match file.read_at(&mut piece, bytes.len() as u64) {
                Ok(0) => break,
                Ok(got) => bytes.extend_from_slice(piece.get(..got).unwrap_or_default()),
                Err(_) => return None,
            }
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether a file is another in each namespace.
    pub(super) fn is_own(path: &str) -> bool {
        path.starts_with("/proc/net/") || path.starts_with("/proc/sys/net/")
    }
}

/// A namespace that was found, and where it can be entered.
struct Found {
    namespace: Namespace,
    path: PathBuf,
}

/// Opens all of them: the others in the order of [`Namespaces::entered`], without this process's own,
/// which is its first.
pub(super) fn open() -> (Namespaces, Vec<Other>) {
    let own = Path::new("/proc/self/ns/net");
    let Some(device) = std::fs::metadata(own).ok().map(|of| of.dev()) else {
        return (Namespaces { unknown: true, ..Namespaces::default() }, Vec::new());
    };
    let (mut found, hidden, unknown) = by_process();
    named(&mut found, device);
    // Whoever is outside of this PID namespace is not in /proc.
    let unknown = unknown || !is_whole();
    let mut namespaces = Namespaces { hidden, unknown, ..Namespaces::default() };
    let Some(id) = identity(own) else { return (namespaces, Vec::new()) };
    let unnamed = || Namespace { id, ..Namespace::default() };
    namespaces.entered.push(found.remove(&id).map_or_else(unnamed, |own| own.namespace));
    let mut others = Vec::new();
    for Found { namespace, path } in found.into_values() {
        match other(&path) {
            Ok(other) => {
                others.push(other);
                namespaces.entered.push(namespace);
            }
            // Its last process has ended since.
            Err(libc::ENOENT | libc::ESRCH) => {}
            Err(errno) => namespaces.refused.push((namespace, errno)),
        }
    }
    (namespaces, others)
}

/// Opens what a namespace is asked by, in a thread of its own: this one stays where it is.
fn other(path: &Path) -> raw::Result<Other> {
    let errno = |error: std::io::Error| error.raw_os_error().unwrap_or(libc::EIO);
    let file = File::open(path).map_err(errno)?;
    let inside = move || {
        raw::enter_network(file.as_fd())?;
        Other::open()
    };
    let thread = std::thread::Builder::new().spawn(inside).map_err(errno)?;
    thread.join().unwrap_or(Err(libc::EIO))
}

/// The namespaces of processes, each with the process of the lowest number, and of how many processes
/// it may not be seen; and whether there are others that are not even told of: some process has the
/// number 1.
fn by_process() -> (BTreeMap<u64, Found>, u64, bool) {
    let (mut found, mut hidden) = (BTreeMap::new(), 0);
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    let pids_begin = pids.first().copied();
    for pid in pids {
        let path = PathBuf::from(format!("/proc/{pid}/ns/net"));
        let link = std::fs::read_link(&path);
        hidden +=
            u64::from(link.is_err_and(|error| {
                matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM))
            }));
        let Some(id) = identity(&path) else { continue };
        let namespace = Namespace { id, name: None, pid: Some(pid) };
        found.entry(id).or_insert(Found { namespace, path });
    }
    (found, hidden, pids_begin != Some(1))
}

/// Adds names, and namespaces that no process is in.
fn named(found: &mut BTreeMap<u64, Found>, device: u64) {
    let entries =
        NAMED.into_iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
    for path in entries.flatten().map(|entry| entry.path()) {
        // What is left of one that was deleted is a file like any other.
        let Some(of) = std::fs::metadata(&path).ok().filter(|of| of.dev() == device) else {
            continue;
        };
        let name =
            path.file_name().map(|name| Untrusted::from(name.to_string_lossy().into_owned()));
        let namespace = Namespace { id: of.ino(), name: None, pid: None };
        let entry = found.entry(of.ino()).or_insert_with(|| Found { namespace, path });
        if entry.namespace.name.is_none() {
            entry.namespace.name = name;
        }
    }
}

/// The number that a link such as `net:[4026531840]` names.
fn identity(path: &Path) -> Option<u64> {
    let link = std::fs::read_link(path).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_of_this_process_is_the_first() {
        let own = identity(Path::new("/proc/self/ns/net")).expect("it has one");
        let (namespaces, others) = open();
        assert_eq!(namespaces.entered.first().map(|namespace| namespace.id), Some(own));
        assert_eq!(namespaces.entered.len(), others.len() + 1);
        assert_eq!(identity(Path::new("/proc/self/exe")), None);
    }
}
