//! Clocks, random bytes, signals, and what belongs to the process as a whole.

use super::{Result, check, last_errno};
use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};

/// Reads a clock (`clock_gettime(2)`), in nanoseconds.
pub(crate) fn clock_nanos(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec. It cannot fail for the clocks of this crate, which
    // every Linux has had since 2.6.39.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    let (seconds, nanos) = (now.tv_sec as u64, now.tv_nsec as u64);
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}

/// Fills `bytes` from the kernel's generator (`getrandom(2)`).
pub(crate) fn random_bytes(mut bytes: &mut [u8]) -> Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the kernel writes at most `bytes.len()` bytes to `bytes`.
        let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match usize::try_from(got) {
            Ok(got) => bytes = bytes.get_mut(got..).unwrap_or_default(),
            Err(_) if last_errno() == libc::EINTR => {}
            Err(_) => return Err(last_errno()),
        }
    }
    Ok(())
}

/// A saved signal mask of a thread.
#[derive(Clone, Copy)]
pub(crate) struct SignalMask(libc::sigset_t);

fn signal_set(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: sigset_t is a C struct of integers, for which all zeroes is a value; sigemptyset
    // and sigaddset write only to it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        set
    }
}

fn change_mask(how: libc::c_int, set: &libc::sigset_t) -> SignalMask {
    let mut old = signal_set(&[]);
    // SAFETY: both sets live until the call returns. It can only fail for an unknown `how`.
    unsafe { libc::pthread_sigmask(how, std::ptr::from_ref(set), &raw mut old) };
    SignalMask(old)
}

/// Blocks every signal in this thread; returns the mask before.
pub(crate) fn block_signals() -> SignalMask {
    let mut all = signal_set(&[]);
    // SAFETY: the call writes only to `all`.
    unsafe { libc::sigfillset(&raw mut all) };
    change_mask(libc::SIG_BLOCK, &all)
}

/// Puts a saved mask back.
pub(crate) fn restore_signals(mask: &SignalMask) {
    change_mask(libc::SIG_SETMASK, &mask.0);
}

/// Blocks these signals in this thread, beside those that already are.
pub(crate) fn set_mask(signals: &[i32]) {
    change_mask(libc::SIG_BLOCK, &signal_set(signals));
}

/// Whether one of these blocked signals has come (`sigpending(2)`).
pub(crate) fn is_pending(signals: &[i32]) -> bool {
    let mut came = signal_set(&[]);
    // SAFETY: the calls only write to the set, or read it.
    unsafe {
        libc::sigpending(&raw mut came);
        signals.iter().any(|signal| libc::sigismember(&raw const came, *signal) == 1)
    }
}

/// Lets one signal through again in this thread.
pub(crate) fn unblock_signal(signal: i32) {
    change_mask(libc::SIG_UNBLOCK, &signal_set(&[signal]));
}

/// A descriptor from which these blocked signals are read (`signalfd(2)`).
pub(crate) fn signal_descriptor(signals: &[i32]) -> Result<File> {
    let set = signal_set(signals);
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the set lives until the call returns.
    let descriptor = check(unsafe { libc::signalfd(-1, &raw const set, flags) })?;
    // SAFETY: the descriptor was just opened and belongs to nobody else.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

/// Whether the process was started with this signal ignored, as `nohup` does.
pub(crate) fn is_ignored(signal: i32) -> bool {
    // SAFETY: sigaction is a C struct for which all zeroes is a value; with a null new action the
    // call only writes the old one.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut old);
        old.sa_sigaction == libc::SIG_IGN
    }
}

pub(super) fn set_action(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: as above; the handler is SIG_DFL, SIG_IGN, or one of this module that is
    // async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Gives a signal its default action back.
pub(crate) fn default_action(signal: i32) {
    set_action(signal, libc::SIG_DFL);
}

/// Ignores a signal, also for what is started later.
pub(crate) fn ignore(signal: i32) {
    set_action(signal, libc::SIG_IGN);
}

/// From now on a signal ends the process at once with code 130, whatever the threads are doing.
pub(crate) fn arm_exit(signal: i32) {
    let handler: extern "C" fn(libc::c_int) = exit_130;
    set_action(signal, handler as libc::sighandler_t);
}

extern "C" fn exit_130(_: libc::c_int) {
    super::restore_terminal();
    exit_now(130);
}

/// From now on a signal ends the process at once with code 1, behind an empty line on standard output if
/// that is wanted, whatever the threads are doing.
pub(crate) fn arm_end(signal: i32, line: bool) {
    let handler: extern "C" fn(libc::c_int) = if line { exit_1_with_line } else { exit_1 };
    set_action(signal, handler as libc::sighandler_t);
}

extern "C" fn exit_1(_: libc::c_int) {
    exit_now(1);
}

extern "C" fn exit_1_with_line(_: libc::c_int) {
    // SAFETY: write is async-signal-safe, and the byte lives for ever.
    unsafe { libc::write(libc::STDOUT_FILENO, b"\n".as_ptr().cast(), 1) };
    exit_now(1);
}

/// Ends the process without running anything more (`_exit(2)`).
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit is async-signal-safe and does not return.
    unsafe { libc::_exit(code) }
}

/// Sends a signal to this thread (`raise(3)`).
pub(crate) fn raise(signal: i32) {
    // SAFETY: the call takes no pointers.
    unsafe { libc::raise(signal) };
}

/// The name of this machine (`uname(2)`), where it is text.
pub(crate) fn host_name() -> Option<String> {
    // SAFETY: utsname is a C struct of characters, for which all zeroes is a value, and the call writes
    // one; its strings have a terminating NUL.
    unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        check(libc::uname(&raw mut names)).ok()?;
        let name = std::ffi::CStr::from_ptr(names.nodename.as_ptr());
        name.to_str().ok().map(str::to_owned)
    }
}

/// The real user id.
pub(crate) fn real_user() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::getuid() }
}

/// Opens `/dev/null` as this descriptor when it is closed. Call in rising order of descriptors.
pub(crate) fn open_null_if_closed(descriptor: i32) -> Result<()> {
    // SAFETY: F_GETFD takes no pointer.
    if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } >= 0 {
        return Ok(());
    }
    // SAFETY: the path is a string with a terminating NUL.
    let opened = check(unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) })?;
    if opened == descriptor {
        return Ok(());
    }
    // SAFETY: both calls take descriptors only; `opened` belongs to nobody else.
    let moved = check(unsafe { libc::dup2(opened, descriptor) });
    // SAFETY: as above.
    unsafe { libc::close(opened) };
    moved.map(drop)
}

/// How many descriptors this process may have open (`RLIMIT_NOFILE`).
pub(crate) fn descriptor_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes one rlimit. Should it fail, the limit stays 0.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}
