//! Standard output.

use crate::raw::{self, PollFd};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

/// What a pipe takes at once when it takes anything (PIPE_BUF, pipe(7)).
const PIPE_BUF: usize = 4096;

/// How much is kept for a reader that does not read, while a measurement runs: a quarter of an hour
/// of lines at twenty a second.
const MOST_KEPT: usize = 1 << 20;

/// Standard output. Clones are the same.
///
/// What its reader takes at once is not buffered. What a reader does not take is waited for, and
/// while it is, SIGINT, SIGTERM and SIGHUP end the process, although they are inputs of the network
/// otherwise. Only while a network has it for
/// [`write_behind`](crate::MachineNetwork::write_behind) is it kept instead, so that nobody's pipe
/// makes probes late; when 1 MiB is kept the reader is waited for all the same.
///
/// Writing fails with EBADF when the process was started with standard output closed, and with
/// whatever became of earlier bytes.
#[derive(Clone, Debug, Default)]
pub struct Stdout(Rc<RefCell<Queue>>);

impl Stdout {
    /// Whether something that was written is still kept for its reader.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.0.borrow().bytes.is_empty()
    }
}

/// What was written and is not yet taken.
#[derive(Debug, Default)]
struct Queue {
    bytes: VecDeque<u8>,
    /// Whether a network writes them while it waits.
    is_behind: bool,
    /// The error that ended it.
    fault: Option<i32>,
    screen: Screen,
}

/// How much of what enters or leaves the second screen (xterm's `DECSET 1049`) was taken last.
#[derive(Debug, Default)]
struct Screen(usize);

impl Screen {
    const SWITCH: &[u8] = b"\x1b[?1049";

    /// Another byte was taken; gives what the terminal shows now where it changes that.
    fn take(&mut self, byte: u8) -> Option<bool> {
        let is_switch = self.0 == Self::SWITCH.len();
        let fits = Self::SWITCH.get(self.0) == Some(&byte);
        self.0 = if fits { self.0 + 1 } else { usize::from(Self::SWITCH.first() == Some(&byte)) };
        match byte {
            b'h' if is_switch => Some(true),
            b'l' if is_switch => Some(false),
            _ => None,
        }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().take(bytes).map_err(io::Error::from_raw_os_error)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush().map_err(io::Error::from_raw_os_error)
    }
}

impl Queue {
    fn take(&mut self, bytes: &[u8]) -> raw::Result<usize> {
        if raw::stdout_was_closed() {
            return Err(libc::EBADF);
        }
        self.check()?;
        while self.bytes.len() >= MOST_KEPT {
            raw::wait_for_stdout()?;
            self.give()?;
        }
        let fits = bytes.get(..MOST_KEPT - self.bytes.len()).unwrap_or(bytes);
        self.bytes.extend(fits);
        while self.is_behind && !self.bytes.is_empty() && is_ready() {
            self.give()?;
        }
        self.flush()?;
        Ok(fits.len())
    }

    /// Waits until all is taken, unless somebody else does.
    fn flush(&mut self) -> raw::Result<()> {
        self.check()?;
        while !self.is_behind && !self.bytes.is_empty() {
            raw::wait_for_stdout()?;
            self.give()?;
        }
        Ok(())
    }

    /// Writes the oldest bytes, as many as a pipe that takes any takes.
    fn give(&mut self) -> raw::Result<()> {
        let (oldest, _) = self.bytes.as_slices();
        match raw::write_stdout(oldest.get(..PIPE_BUF).unwrap_or(oldest)) {
            Ok(written) => {
                let taken = self.bytes.drain(..written);
                if raw::knows_terminal() {
                    taken.filter_map(|byte| self.screen.take(byte)).for_each(raw::note_screen);
                }
            }
            // Another process took the room.
            Err(libc::EINTR | libc::EAGAIN) => {}
            Err(errno) => self.fault = Some(errno),
        }
        self.check()
    }

    fn check(&self) -> raw::Result<()> {
        self.fault.map_or(Ok(()), Err)
    }
}

/// Whether standard output takes bytes, or says why it never will.
fn is_ready() -> bool {
    matches!(raw::poll(&mut [PollFd::stdout()], Duration::ZERO), Ok(1..))
}

/// As long as this lives, writing does not wait, and [`give`](Self::give) is due when standard
/// output can be written to.
pub(crate) struct Behind(Stdout);

impl Behind {
    pub(crate) fn new(out: Stdout) -> Self {
        out.0.borrow_mut().is_behind = true;
        Self(out)
    }

    /// Whether there is anything to write.
    pub(crate) fn is_waiting(&self) -> bool {
        let queue = self.0.0.borrow();
        queue.fault.is_none() && !queue.bytes.is_empty()
    }

    /// Writes a piece; returns whether that failed, as the next write will say.
    pub(crate) fn give(&self) -> bool {
        self.0.0.borrow_mut().give().is_err()
    }
}

impl Behind {
    /// Writes what its reader takes at once, for those who do not poll. Returns whether that failed,
    /// as the next write will say.
    pub(crate) fn give_what_fits(&self) -> bool {
        while self.is_waiting() && is_ready() {
            if self.give() {
                return true;
            }
        }
        false
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.0.0.borrow_mut().is_behind = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_terminal_shows_is_known_by_what_it_took() {
        let shown = |bytes: &[u8]| {
            let mut screen = Screen::default();
            bytes.iter().filter_map(|byte| screen.take(*byte)).collect::<Vec<_>>()
        };
        assert_eq!(shown(b"\x1b[?1049h\x1b[?25l text \x1b[0m\x1b[?25h\x1b[?1049l"), [true, false]);
        assert_eq!(shown(b"\x1b[?10\x1b[?1049l"), [false], "one that was cut, then a whole one");
        assert_eq!(shown(b"\x1b[?1049"), [false; 0]);
        assert_eq!(shown(b"\x1b[?1049x1049l\x1b[1049h"), [false; 0]);
    }
}
