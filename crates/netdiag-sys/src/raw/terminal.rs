//! The terminal of standard input and output, while a screen is drawn on it. Whatever ends this
//! process, short of SIGKILL, leaves it as it was.

use super::{Result, check, last_errno, process};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Leaves the second screen and shows the cursor (xterm's control sequences).
const LEAVE: &[u8] = b"\x1b[0m\x1b[?25h\x1b[?1049l";

/// How the terminal was.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();
/// Whether it is another now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Signals that end a process by default, but for those that are inputs and that nobody can catch.
const FATAL: [i32; 17] = [
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGUSR1,
    libc::SIGSEGV,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGIO,
    libc::SIGSYS,
    libc::SIGSTKFLT,
    libc::SIGPWR,
];

/// Whether standard input and output are terminals; then the size of that of the output.
pub(crate) fn terminal_size() -> Option<(u16, u16)> {
    // SAFETY: winsize is a C struct of integers, for which all zeroes is a value, and the call writes
    // one.
    let (known, size) = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        let known = libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size);
        (known, size)
    };
    (known == 0).then_some((size.ws_col, size.ws_row))
}

/// Whether standard input is a terminal.
pub(crate) fn has_keys() -> bool {
    // SAFETY: the call takes a descriptor only.
    unsafe { libc::isatty(libc::STDIN_FILENO) == 1 }
}

fn modes() -> Result<libc::termios> {
    // SAFETY: termios is a C struct of integers, for which all zeroes is a value, and the call writes
    // one.
    unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        check(libc::tcgetattr(libc::STDIN_FILENO, &raw mut modes))?;
        Ok(modes)
    }
}

fn set_modes(modes: &libc::termios) -> Result<()> {
    // SAFETY: the call reads one termios; it is async-signal-safe.
    check(unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, modes) }).map(drop)
}

/// Has each key told as it is pressed, and none shown. Signals are still made by their keys, and lines
/// still end as they did.
pub(crate) fn take_terminal() -> Result<()> {
    let before = match BEFORE.get() {
        Some(before) => *before,
        None => {
            let modes = modes()?;
            let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
            for signal in FATAL.into_iter().chain(real_time) {
                process::set_action(signal, restore_and_die as extern "C" fn(i32) as usize);
            }
            *BEFORE.get_or_init(|| modes)
        }
    };
    let mut modes = before;
    modes.c_lflag &= !(libc::ICANON | libc::ECHO);
    modes.c_cc[libc::VMIN] = 1;
    modes.c_cc[libc::VTIME] = 0;
    set_modes(&modes)?;
    TAKEN.store(true, Ordering::SeqCst);
    Ok(())
}

/// Gives the terminal back; the second screen was left already.
pub(crate) fn give_terminal_back() {
    if TAKEN.swap(false, Ordering::SeqCst)
        && let Some(before) = BEFORE.get()
    {
        // There is nobody to tell of a terminal that is gone.
        let _ = set_modes(before);
    }
}

/// Does so without ado, wherever this process is: what it calls is async-signal-safe.
pub(crate) fn restore_terminal() {
    if TAKEN.load(Ordering::SeqCst) {
        write(LEAVE);
        give_terminal_back();
    }
}

/// Whether the terminal takes something just now.
fn is_taking() -> bool {
    let mut ready = libc::pollfd { fd: libc::STDOUT_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: poll(2) is given one descriptor, which lives; it is async-signal-safe.
    unsafe { libc::poll(&raw mut ready, 1, 0) != 0 }
}

/// Writes to the terminal, also where it does not take anything just now: what holds it up is undone,
/// then what waits there is thrown away. If it takes nothing even so nothing is written, for that would
/// wait for ever.
fn write(bytes: &[u8]) {
    // SAFETY: the call takes no pointer, and is async-signal-safe.
    unsafe { libc::tcflow(libc::STDOUT_FILENO, libc::TCOON) };
    if let Some(before) = BEFORE.get().filter(|_| !is_taking()) {
        // Who stopped it by a key (Ctrl-S) is not undone by tcflow, but by the end of what the key means.
        let mut modes = *before;
        modes.c_iflag &= !libc::IXON;
        let _ = set_modes(&modes);
    }
    if !is_taking() {
        // SAFETY: the call takes no pointer, and is async-signal-safe.
        unsafe { libc::tcflush(libc::STDOUT_FILENO, libc::TCOFLUSH) };
    }
    if !is_taking() {
        return;
    }

    // SAFETY: the pointer and length are those of `bytes`; the call is async-signal-safe.
    unsafe { libc::write(libc::STDOUT_FILENO, bytes.as_ptr().cast(), bytes.len()) };
}

extern "C" fn restore_and_die(signal: i32) {
    restore_terminal();
    process::default_action(signal);
    // Blocked until this returns.
    process::raise(signal);
}

/// Reads what was typed, as far as there is room.
pub(crate) fn read_keys(bytes: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `bytes.len()` bytes to `bytes`.
    let got = unsafe { libc::read(libc::STDIN_FILENO, bytes.as_mut_ptr().cast(), bytes.len()) };
    usize::try_from(got).map_err(|_| last_errno())
}
