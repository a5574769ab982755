//! Signals as inputs (signalfd(2)), and dying by one.
//!
//! SIGPIPE is ignored from the start ([`crate::start`]), so a closed pipe is an error of the write, after
//! which [`die_by`]`(SIGPIPE)` ends the process as its writer would expect. SIGWINCH does nothing
//! by default.

use crate::console::Console;
use crate::raw::PollFd;
use crate::{clock, raw};
use netdiag_engine::port::{InputKind, Inputs, NetworkError, StopCause};
use netdiag_model::Instant;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// SIGPIPE, for [`die_by`].
pub const SIGPIPE: i32 = libc::SIGPIPE;

const WATCHED: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];
/// What matters beside these where a screen is drawn.
const WATCHED_FOR_SCREEN: [i32; 2] = [libc::SIGWINCH, libc::SIGTSTP];

/// SIGQUIT is not watched.
static LEAVES_QUIT: AtomicBool = AtomicBool::new(false);

/// A second SIGINT within this time ends the process at once.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// Bytes of `struct signalfd_siginfo`, whose first field is the number of the signal.
const INFO_LEN: usize = 128;

/// Ends this process by a signal's default action, as if it had never been caught, so that whoever
/// waits for it learns the signal. Where the signal cannot kill (process 1 of a container), the
/// exit code is 128 plus its number, as a shell would say.
pub fn die_by(signal: i32) -> ! {
    raw::default_action(signal);
    raw::unblock_signal(signal);
    raw::raise(signal);
    raw::exit_now(128 + signal)
}

/// From now on SIGQUIT is no input, but does what it does by default, or what was set for it before.
pub fn leave_quit() {
    LEAVES_QUIT.store(true, Ordering::Relaxed);
}

/// From now on SIGINT, SIGTERM and SIGHUP end the process at once with code 1, where nobody watches them;
/// with `line`, an empty line is written before.
pub fn end_with_1(line: bool) {
    ends().into_iter().for_each(|signal| raw::arm_end(signal, line));
}

/// The signals that are watched, blocked in this thread.
pub(crate) struct Signals {
    file: File,
    /// When a SIGINT came, while a second one would end the process.
    armed: Option<Instant>,
}

impl Signals {
    /// Blocks the signals and opens a descriptor for them. A SIGHUP that the process was started
    /// with ignored, as by `nohup`, stays ignored. The others are watched in any case: a shell
    /// without job control starts what it puts into the background with SIGINT and SIGQUIT ignored,
    /// and a script must still be able to ask for the summary.
    pub(crate) fn watch() -> Result<Self, NetworkError> {
        Self::watch_these(&WATCHED)
    }

    /// The same, and beside these what changes a screen or stops the process.
    pub(crate) fn watch_with_screen() -> Result<Self, NetworkError> {
        Self::watch_these(&[&WATCHED[..], &WATCHED_FOR_SCREEN].concat())
    }

    fn watch_these(all: &[i32]) -> Result<Self, NetworkError> {
        let unwanted = |signal: &i32| match *signal {
            libc::SIGHUP => raw::is_ignored(libc::SIGHUP),
            libc::SIGQUIT => LEAVES_QUIT.load(Ordering::Relaxed),
            _ => false,
        };
        let watched: Vec<i32> = all.iter().copied().filter(|signal| !unwanted(signal)).collect();
        raw::set_mask(&watched);
        watched.iter().for_each(|signal| raw::default_action(*signal));
        let file = raw::signal_descriptor(&watched)
            .map_err(|errno| NetworkError { call: "signalfd", errno })?;
        Ok(Self { file, armed: None })
    }

    /// Turns the signals that came into inputs.
    pub(crate) fn read(&mut self, inputs: &mut Inputs) {
        let mut info = [0; INFO_LEN];
        while self.file.read(&mut info).is_ok_and(|len| len == INFO_LEN) {
            let now = clock::now();
            let signal = info.first_chunk().map_or(0, |number| i32::from_ne_bytes(*number));
            let kind = match signal {
                libc::SIGWINCH => {
                    Console::resized(now, inputs);
                    continue;
                }
                libc::SIGTSTP => {
                    Console::stop(clock::now, inputs);
                    continue;
                }
                libc::SIGQUIT => InputKind::Interim,
                libc::SIGINT => {
                    self.arm(now);
                    InputKind::Stop(StopCause::Interrupt)
                }
                other => InputKind::Stop(StopCause::Signal(other)),
            };
            inputs.push(now, kind);
        }
    }

    /// Lets the next SIGINT end the process, whatever it is doing then.
    fn arm(&mut self, now: Instant) {
        self.armed = Some(now);
        raw::arm_exit(libc::SIGINT);
        raw::unblock_signal(libc::SIGINT);
    }

    /// When [`disarm`](Self::disarm) is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.armed.map_or(Instant::FAR, |armed| armed + IMPATIENCE)
    }

    /// Makes SIGINT an input again once the time for a second one is over.
    pub(crate) fn disarm(&mut self, now: Instant) {
        if now >= self.deadline() {
            self.armed = None;
            raw::set_mask(&[libc::SIGINT]);
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Signals that end a run. A SIGHUP that the process was started with ignored is none.
fn ends() -> Vec<i32> {
    let ends = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].into_iter();
    ends.filter(|signal| *signal != libc::SIGHUP || !raw::is_ignored(*signal)).collect()
}

/// Blocks the signals that end a run, so that they stay pending, and SIGQUIT, which has nothing to
/// show yet; returns the mask before.
pub(crate) fn hold() -> raw::SignalMask {
    let mask = raw::block_signals();
    raw::restore_signals(&mask);
    let ends = ends();
    let held: Vec<i32> = ends.iter().copied().chain([libc::SIGQUIT]).collect();
    raw::set_mask(&held);
    // What is ignored would be thrown away instead of staying pending.
    ends.iter().for_each(|signal| raw::default_action(*signal));
    mask
}

/// Sets the mask that was there before [`hold`]. A SIGQUIT that came meanwhile is forgotten.
pub(crate) fn release(mask: &raw::SignalMask) {
    if let Ok(mut quits) = raw::signal_descriptor(&[libc::SIGQUIT]) {
        while quits.read(&mut [0; INFO_LEN]).is_ok_and(|len| len > 0) {}
    }
    raw::restore_signals(mask);
}

/// A descriptor that becomes readable when a signal comes that ends a run, without taking it. It must
/// be held: see [`hold`].
pub(crate) fn pending() -> Result<File, NetworkError> {
    raw::signal_descriptor(&ends()).map_err(|errno| NetworkError { call: "signalfd", errno })
}

/// Watches the signals on a thread of their own and gives each to `tell`, for a measuring thread
/// that cannot wait for descriptors. They are blocked in the calling thread.
pub(crate) fn forward(
    mut tell: impl FnMut(Instant, InputKind<&[u8]>) + Send + 'static,
) -> Result<(), NetworkError> {
    let mut signals = Signals::watch()?;
    let body = move || {
        let mut inputs = Inputs::new();
        loop {
            let timeout = signals.deadline().since(clock::now());
            // Nothing but the time and the signals themselves can end it.
            let _ = raw::poll(&mut [PollFd::new(signals.as_fd(), false)], timeout);
            signals.read(&mut inputs);
            signals.disarm(clock::now());
            inputs.iter().for_each(|input| tell(input.at, input.kind));
            inputs.clear();
        }
    };
    spawn("signals", body).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or(libc::EIO);
        NetworkError { call: "clone", errno }
    })
}

/// Starts a thread in which every signal is blocked, so that signals reach the measuring thread.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let mask = raw::block_signals();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    raw::restore_signals(&mask);
    started.map(drop)
}
