//! Which system calls are still there (seccomp(2)).
//!
//! The list names what is allowed, not what is forbidden: what a kernel learns later is then out of
//! reach, too. No call kills the process. One that it does not name fails with EPERM; one that came
//! after Linux 4.18 with ENOSYS, as on a kernel that is older: the C library, Rust's and tokio have
//! a way around that, and could not know of one around EPERM.
//!
//! The program for the kernel is made here and not by the crate seccompiler, which compares call by
//! call, at half a millisecond for a list of this length, and knows one error number only: see
//! [`program`](super::program).

use super::program::{Argument, Program, WHOLE};
use crate::raw;
use libc::c_long;

/// `AUDIT_ARCH_*` of linux/audit.h. Other architectures have no list yet.
const ARCHITECTURE: Option<u32> = if cfg!(all(target_arch = "x86_64", target_pointer_width = "64"))
{
    Some(0xc000_003e)
} else if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
    Some(0xc000_00b7)
} else if cfg!(target_arch = "riscv64") {
    Some(0xc000_00f3)
} else {
    None
};

/// The last call of Linux 4.18, by the numbers of every architecture here.
const LAST: c_long = libc::SYS_rseq;

/// Refuses from now on what a measurement does not need; whether it opens files, or changes the mode of
/// its terminal, is its to say.
pub(super) fn confine(opens: bool, keys: bool) -> raw::Result<()> {
    let architecture = ARCHITECTURE.ok_or(libc::ENOSYS)?;
    let own = [raw::process()];
    let mut program = Program::new(architecture, number(LAST));
    for call in ALLOWED.iter().chain(OLD) {
        program.allow(number(*call));
    }
    for (call, ways) in CONDITIONAL {
        program.allow_if(number(*call), ways);
    }
    // The raw sockets that are open do not come to write IP headers of their own.
    program.allow_unless(number(libc::SYS_setsockopt), HEADERS);
    // Only to this process: `raise(3)`.
    program.allow_if(number(libc::SYS_tgkill), &[&[is(0, &own)]]);
    let controls: Vec<u32> = match keys {
        true => [CONTROLS, SCREEN].concat(),
        false => CONTROLS.to_vec(),
    };
    // Whether this is a terminal, but not what is typed at it (TIOCSTI).
    program.allow_if(number(libc::SYS_ioctl), &[&[is(1, &controls)]]);
    if opens {
        program.allow_if(number(libc::SYS_openat), &[&[READS_ONLY]]);
    }
    raw::filter_calls(&program.finish().ok_or(libc::E2BIG)?)
}

/// The number of a call, none of which is negative.
const fn number(call: c_long) -> u32 {
    call as u32
}

const fn is(place: u8, values: &[u32]) -> Argument<'_> {
    Argument { place, mask: WHOLE, values }
}

/// What the program, Rust's library, tokio and the C library call in a run or may come to call.
const ALLOWED: &[c_long] = &[
    // Descriptors that are open.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_signalfd4,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_membarrier,
    // Threads, their signals, and the end.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getcpu,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_getrusage,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time, chance and the machine.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    // Sockets that are open; nobody is served.
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
];

/// The flags beside the type of a socket (socket(2)) are in the bits above.
const TYPE: u32 = 0xf;
const KIND: Argument<'_> =
    Argument { place: 1, mask: TYPE, values: &[libc::SOCK_STREAM as u32, libc::SOCK_DGRAM as u32] };
const PROTOCOLS: &[u32] = &[0, libc::IPPROTO_UDP as u32, libc::IPPROTO_TCP as u32];

/// What may be controlled: what a terminal is and how wide, blocking, the names of interfaces.
const CONTROLS: &[u32] = &[
    libc::TCGETS as u32,
    libc::TCGETS2 as u32,
    libc::TIOCGWINSZ as u32,
    libc::FIONBIO as u32,
    raw::INTERFACE_NAME,
    raw::INTERFACE_INDEX,
];

/// What a screen needs beside these: the mode of the terminal, which is put back at the end, and that
/// the terminal takes what does so.
const SCREEN: &[u32] =
    &[libc::TCSETS as u32, libc::TCSETS2 as u32, libc::TCXONC as u32, libc::TCFLSH as u32];

const THREAD: Argument<'_> =
    Argument { place: 0, mask: libc::CLONE_THREAD as u32, values: &[libc::CLONE_THREAD as u32] };

/// Everything of the flags of open(2) that writes or makes a file.
const WRITES: u32 = (libc::O_ACCMODE
    | libc::O_CREAT
    | libc::O_TRUNC
    | libc::O_APPEND
    | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32;
const READS_ONLY: Argument<'_> =
    Argument { place: 2, mask: WRITES, values: &[libc::O_RDONLY as u32] };

/// `IP_HDRINCL` and `IPV6_HDRINCL` of linux/in.h and linux/in6.h, by their levels.
const HEADERS: &[&[Argument<'_>]] = &[
    &[is(1, &[libc::SOL_IP as u32]), is(2, &[libc::IP_HDRINCL as u32])],
    &[is(1, &[libc::SOL_IPV6 as u32]), is(2, &[36])],
];

/// Calls whose arguments decide: made if all of one line is so.
const CONDITIONAL: &[(c_long, &[&[Argument<'_>]])] = &[
    // UDP, TCP, and the news of interfaces and routes. A UNIX socket would lead to the services of
    // this machine.
    (
        libc::SYS_socket,
        &[
            &[KIND, is(0, &[libc::AF_INET as u32, libc::AF_INET6 as u32]), is(2, PROTOCOLS)],
            &[KIND, is(0, &[libc::AF_NETLINK as u32]), is(2, &[libc::NETLINK_ROUTE as u32])],
        ],
    ),
    // Threads, no processes. What clone3 is asked for a filter cannot see, so it is none of the calls.
    (libc::SYS_clone, &[&[THREAD]]),
    (libc::SYS_prctl, &[&[is(0, &[libc::PR_SET_NAME as u32])]]),
    // Of itself.
    (libc::SYS_prlimit64, &[&[is(0, &[0])]]),
];

/// Calls that only the oldest architecture has, since the others do with those above.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_getrlimit,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

#[cfg(test)]
mod tests;
