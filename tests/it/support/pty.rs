//! A terminal for a process under test: what is typed there, what is shown, and how it is left.

use super::process::{BOUND, NETDIAG, Namespace, Process, Stream, run, stopwatch};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::ttyname;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

/// To the second screen, and back.
pub(crate) const ENTER: &str = "\x1b[?1049h";
pub(crate) const LEAVE: &str = "\x1b[?1049l";

/// A terminal.
pub(crate) struct Pty {
    keys: File,
    screen: Stream,
    line: OwnedFd,
    before: Termios,
}

impl Pty {
    /// One of this size.
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let before = tcgetattr(&pty.slave).expect("its modes");
        let keys = File::from(pty.master);
        let screen = Stream::of(Some(keys.try_clone().expect("a descriptor")));
        Self { keys, screen, line: pty.slave, before }
    }

    /// Starts the program on it, as the foreground of a session of its own.
    pub(crate) fn start(&self, namespace: &Namespace, arguments: &[&str]) -> Process {
        self.start_this(namespace, NETDIAG, arguments)
    }

    /// The same of another program.
    pub(crate) fn start_this(
        &self,
        namespace: &Namespace,
        program: &str,
        arguments: &[&str],
    ) -> Process {
        let own = || Stdio::from(self.line.try_clone().expect("a descriptor"));
        let mut command = namespace.command("setsid");
        command.args(["--ctty", program]).args(arguments).env("TERM", "xterm");
        Process::start_between(&mut command, [own(), own(), own()])
    }

    /// Types these.
    pub(crate) fn press(&self, keys: &str) {
        (&self.keys).write_all(keys.as_bytes()).expect("a terminal takes keys");
    }

    /// Has it take nothing more (Ctrl-S); returns when it does not.
    pub(crate) fn stop_output(&self) {
        self.press("\x13");
        let is_taking = || {
            let mut line = [PollFd::new(self.line.as_fd(), PollFlags::POLLOUT)];
            poll(&mut line, PollTimeout::ZERO).expect("a terminal") > 0
        };
        let since = stopwatch();
        while is_taking() {
            assert!(since() < BOUND, "it is never stopped");
            std::thread::yield_now();
        }
    }

    /// Makes it another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let path = ttyname(&self.line).expect("a terminal has a name");
        let mut command = Command::new("stty");
        command.arg("-F").arg(path);
        let size = ["cols", &columns.to_string(), "rows", &rows.to_string()];
        let ended = run(command.args(size));
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }

    /// Waits until what was written is as wished; then all of it.
    pub(crate) fn until(&self, wished: impl Fn(&str) -> bool) -> String {
        let text = self.screen.until(&wished);
        assert!(wished(&text), "{text:?}");
        text
    }

    /// Whether its modes are those that it had at first.
    pub(crate) fn is_as_before(&self) -> bool {
        tcgetattr(&self.line).expect("its modes") == self.before
    }
}
