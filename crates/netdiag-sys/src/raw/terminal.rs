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
/// Whether it may show the second screen.
static SCREEN: AtomicBool = AtomicBool::new(false);
/// Whether this process is giving it back.
static RESTORING: AtomicBool = AtomicBool::new(false);

/// Signals that are inputs while they are waited for, and end a process that waits for its terminal.
const INPUTS: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Other signals that end a process by default, but for those that nobody can catch.
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
///
/// Whose process is in the background is stopped by this, as by default, until it is in front. When it
/// goes on elsewhere because a signal ends it, which is blocked, nothing is taken (EINTR).
pub(crate) fn take_terminal() -> Result<()> {
    let mut modes = match BEFORE.get() {
        Some(before) => *before,
        None => {
            let modes = modes()?;
            set_actions();
            *BEFORE.get_or_init(|| modes)
        }
    };
    modes.c_lflag &= !(libc::ICANON | libc::ECHO);
    modes.c_cc[libc::VMIN] = 1;
    modes.c_cc[libc::VTIME] = 0;
    // Before it is so: what ends this process in between gives it back.
    TAKEN.store(true, Ordering::SeqCst);
    let taken = loop {
        match set_modes(&modes) {
            Err(libc::EINTR) if !process::is_pending(&INPUTS) => {}
            taken => break taken,
        }
    };
    TAKEN.store(taken.is_ok(), Ordering::SeqCst);
    SCREEN.store(taken.is_ok(), Ordering::SeqCst);
    taken
}

fn set_actions() {
    let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
    let inputs = INPUTS.into_iter().filter(|signal| !process::is_ignored(*signal));
    for signal in FATAL.into_iter().chain(real_time).chain(inputs) {
        process::set_action(signal, restore_and_die as extern "C" fn(i32) as usize);
    }
    process::set_action(libc::SIGTTOU, stop_in_background as extern "C" fn(i32) as usize);
}

/// Gives the terminal back; the second screen is left by what was written.
pub(crate) fn give_terminal_back() {
    if let Some(before) = BEFORE.get().filter(|_| TAKEN.load(Ordering::SeqCst)) {
        // There is nobody to tell of a terminal that is gone.
        let _ = set_modes(before);
        // Only now: what ends this process in between gives it back once more.
        TAKEN.store(false, Ordering::SeqCst);
    }
}

/// Whether a screen is, or was, drawn on it.
pub(crate) fn knows_terminal() -> bool {
    BEFORE.get().is_some()
}

/// The terminal took what enters the second screen, or what leaves it.
pub(crate) fn note_screen(is_on: bool) {
    SCREEN.store(is_on, Ordering::SeqCst);
}

/// Gives the terminal back without ado and leaves the second screen, also where what does so was
/// written and not taken, wherever this process is: what it calls is async-signal-safe.
pub(crate) fn restore_terminal() {
    RESTORING.store(true, Ordering::SeqCst);
    if SCREEN.load(Ordering::SeqCst) {
        // Its modes are changed for that.
        TAKEN.store(true, Ordering::SeqCst);
        write(LEAVE);
        SCREEN.store(false, Ordering::SeqCst);
    }
    give_terminal_back();
    RESTORING.store(false, Ordering::SeqCst);
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
    // Whoever stopped it by a key (Ctrl-S) is not overruled by tcflow, but by the end of what the key
    // means; and a key that is pressed only now does not stop it any more.
    if let Some(before) = BEFORE.get() {
        let mut modes = *before;
        modes.c_iflag &= !libc::IXON;
        let _ = set_modes(&modes);
    }
    // SAFETY: the call takes no pointer, and is async-signal-safe.
    unsafe { libc::tcflow(libc::STDOUT_FILENO, libc::TCOON) };
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

/// Who touches a terminal from the background is stopped, and asked again when it goes on, as often as
/// it is not in front (SIGTTOU, tcsetattr(3)). Here the call fails then with EINTR, so that whoever made
/// it can look for what else came; and what gives a terminal back is not stopped at all.
extern "C" fn stop_in_background(_: i32) {
    if !RESTORING.load(Ordering::SeqCst) {
        process::raise(libc::SIGSTOP);
    }
}

extern "C" fn restore_and_die(signal: i32) {
    restore_terminal();
    process::default_action(signal);
    // Blocked as long as this runs, and afterwards again where it was before a wait.
    process::unblock_signal(signal);
    process::raise(signal);
}

/// Reads what was typed, as far as there is room.
pub(crate) fn read_keys(bytes: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `bytes.len()` bytes to `bytes`.
    let got = unsafe { libc::read(libc::STDIN_FILENO, bytes.as_mut_ptr().cast(), bytes.len()) };
    usize::try_from(got).map_err(|_| last_errno())
}
