//! What the kernel makes of the sandbox, each time in a thread of its own: it confines that thread
//! alone, and there is no way out.

use super::*;
use crate::privileges;
use crate::sandbox::{Reads, Sandbox, enter};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::process::Command;

/// Runs `body` in a sandbox with these files.
fn inside(names: bool, file: Option<&str>, body: impl FnOnce(Sandbox) + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            privileges::drop_all().expect("dropped");
            let files = Vec::from_iter(file.map(ToOwned::to_owned));
            body(enter(&Reads { names, files: &files, ..Reads::default() }));
        });
        thread.join().expect("as it should be");
    });
}

/// The same, but only where this kernel, or the container, has filters of system calls.
fn filtered(names: bool, file: Option<&str>, body: impl FnOnce() + Send) {
    inside(names, file, |sandbox| {
        if sandbox.seccomp.is_ok() {
            body();
        }
    });
}

fn refused<T>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// What nobody should do in the name of this program.
const HARMFUL: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mknodat,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_renameat2,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_memfd_create,
    libc::SYS_socketpair,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_seccomp,
];
/// The same, of later kernels, which this program takes for older ones.
const LATER: &[c_long] = &[
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_mount_setattr,
    libc::SYS_openat2,
    libc::SYS_clone3,
    libc::SYS_pidfd_open,
    libc::SYS_landlock_restrict_self,
    9_999,
];

#[test]
fn other_calls_are_refused_and_later_ones_unknown() {
    for names in [false, true] {
        filtered(names, None, || {
            for call in HARMFUL {
                assert_eq!(raw::call(*call), Err(libc::EPERM), "{call}");
            }
            for call in LATER {
                assert_eq!(raw::call(*call), Err(libc::ENOSYS), "{call}");
            }
        });
    }
}

#[test]
fn sockets_are_of_udp_tcp_and_routes_only() {
    filtered(false, None, || {
        let (icmp, icmp6) = (Protocol::ICMPV4, Protocol::ICMPV6);
        let netfilter = Protocol::from(12);
        for (domain, kind, protocol) in [
            (Domain::PACKET, Type::RAW, None),
            (Domain::PACKET, Type::DGRAM, None),
            (Domain::IPV4, Type::RAW, Some(icmp)),
            (Domain::IPV4, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW))),
            (Domain::IPV6, Type::RAW, Some(icmp6)),
            (Domain::IPV4, Type::DGRAM, Some(icmp)),
            (Domain::from(libc::AF_NETLINK), Type::RAW, None),
            (Domain::from(libc::AF_NETLINK), Type::DGRAM, Some(netfilter)),
            (Domain::from(libc::AF_ALG), Type::SEQPACKET, None),
            (Domain::UNIX, Type::STREAM, None),
            (Domain::UNIX, Type::DGRAM, None),
            (Domain::VSOCK, Type::STREAM, None),
        ] {
            let socket = Socket::new(domain, kind, protocol);
            assert!(refused(socket), "{domain:?} {kind:?} {protocol:?}");
        }
        for (domain, kind, protocol) in [
            (Domain::IPV4, Type::DGRAM, None),
            (Domain::IPV4, Type::STREAM, Some(Protocol::TCP)),
            (Domain::from(libc::AF_NETLINK), Type::DGRAM, None),
        ] {
            Socket::new(domain, kind, protocol).expect("a socket that measurements need");
        }
    });
}

#[test]
fn sockets_cannot_be_had_to_write_their_own_headers_or_serve() {
    let open = |domain| Socket::new(domain, Type::DGRAM, None).expect("a socket");
    let (ipv4, ipv6) = (open(Domain::IPV4), Socket::new(Domain::IPV6, Type::DGRAM, None));
    filtered(false, None, || {
        assert!(refused(SockRef::from(&ipv4).set_header_included_v4(true)));
        if let Ok(ipv6) = &ipv6 {
            assert!(refused(SockRef::from(ipv6).set_header_included_v6(true)));
        }
        ipv4.set_ttl_v4(9).expect("any other option");
        let server = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let here: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
        server.bind(&SockAddr::from(here)).expect("a source");
        assert!(refused(server.listen(1)));
    });
}

#[test]
fn files_are_neither_written_nor_made_and_only_those_that_were_named_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("targets");
    fs::write(&path, "one").expect("written");
    let text = path.to_str().expect("UTF-8");
    let untouched = |landlock: bool| {
        for options in [
            File::options().write(true),
            File::options().read(true).write(true),
            File::options().append(true),
            File::options().write(true).create(true),
        ] {
            assert!(refused(options.open(&path)));
        }
        assert!(refused(File::create_new(folder.path().join("another"))));
        assert!(refused(fs::remove_file(&path)));
        assert!(refused(fs::rename(&path, folder.path().join("another"))));
        assert!(refused(fs::create_dir(folder.path().join("another"))));
        assert!(!landlock || refused(File::open("/etc/passwd")));
    };
    inside(true, Some(text), |sandbox| {
        let landlock = sandbox.landlock.is_some_and(|landlock| landlock.is_ok());
        if sandbox.seccomp.is_ok() {
            untouched(landlock);
        }
        assert_eq!(fs::read(&path).expect("named"), b"one");
        fs::read("/etc/hosts").expect("names are looked up there");
    });
    filtered(false, None, || {
        // None was named.
        std::env::var_os("RUST_BACKTRACE").is_none().then(|| assert!(refused(fs::read(&path))));
    });
    assert_eq!(fs::read(&path).expect("still there"), b"one");
}

/// Where the filter is missing landlock keeps files by itself.
#[test]
fn landlock_alone_keeps_files_and_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("targets");
    fs::write(&path, "one").expect("written");
    let text = path.to_str().expect("UTF-8");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            privileges::drop_all().expect("dropped");
            let files = [text.to_owned()];
            let reads = Reads { files: &files, ..Reads::default() };
            if crate::sandbox::files::confine(&reads).is_err() {
                return;
            }
            assert_eq!(fs::read(&path).expect("named"), b"one");
            assert!(refused(File::options().write(true).open(&path)));
            assert!(refused(File::create(folder.path().join("another"))));
            assert!(refused(fs::remove_file(&path)));
            assert!(refused(fs::read("/etc/passwd")));
            assert!(refused(Command::new("/bin/true").status()));
        });
    });
}

#[test]
fn threads_start_and_are_confined_and_processes_do_not() {
    filtered(false, None, || {
        let socket = || Socket::new(Domain::PACKET, Type::RAW, None);
        let named = std::thread::Builder::new().name("another".to_owned());
        let thread = named.spawn(move || refused(socket())).expect("a thread");
        assert!(thread.join().expect("ended"), "a thread is not confined");
        assert!(refused(Command::new("/bin/true").status()));
    });
}

#[test]
fn names_of_interfaces_are_still_known() {
    let before = raw::interface_index(c"lo").expect("every machine has it");
    filtered(false, None, || {
        assert_eq!(raw::interface_index(c"lo"), Ok(before));
        assert_eq!(raw::interface_name(before).as_deref(), Some("lo"));
        assert_eq!(raw::interface_index(c"nosuch0"), Err(libc::ENODEV));
        assert_eq!(raw::interface_name(1 << 30), None);
    });
}

/// Set in the process that panics.
const PANICS: &str = "NETDIAG_SYS_TEST_PANICS";

#[test]
fn a_panic_still_tells_how_it_came_to_it() {
    if std::env::var_os(PANICS).is_some() {
        return inside(false, None, |_| function_that_panics());
    }
    let name = std::thread::current().name().expect("that of the test").to_owned();
    let program = std::env::current_exe().expect("the test's own path");
    let output = Command::new(program)
        .args([&name, "--exact", "--nocapture"])
        .env(PANICS, "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("function_that_panics") && said.contains("as it should"), "{said}");
}

#[inline(never)]
fn function_that_panics() {
    panic!("as it should");
}
