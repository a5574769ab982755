//! Another program of this machine, run to its end before anything from outside is read.

use crate::clock::now;
use crate::raw::{self, PollFd};
use netdiag_model::Instant;
use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What became of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It is at none of the paths, or cannot be started.
    Missing,
    /// It ended by itself.
    Ended {
        /// Its exit code; `None`: it died by a signal.
        code: Option<i32>,
        /// What it wrote to standard output, up to the limit.
        out: Vec<u8>,
        /// From its start to its end.
        took: Duration,
    },
    /// It was ended since it took longer than this.
    TimedOut(Duration),
}

/// Runs the first of these paths that can be started, in an empty environment, without input, and
/// keeps at most `limit` bytes of its output, which nobody looks at here. One that takes longer than
/// `patience` is ended.
///
/// Call it after [`drop_all`](crate::privileges::drop_all), so that it has no right that the user has
/// not, and before [`enter`](crate::sandbox::enter), which refuses it.
#[must_use]
pub fn run(paths: &[&str], arguments: &[&str], limit: usize, patience: Duration) -> Ran {
    let begun = now();
    let started = paths.iter().find_map(|path| {
        let mut command = Command::new(path);
        command.args(arguments).env_clear().current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().ok()
    });
    let Some(mut child) = started else { return Ran::Missing };
    let Some(out) = output(&mut child, limit, begun, patience) else {
        let _ = child.kill();
        let _ = child.wait();
        return Ran::TimedOut(patience);
    };
    let code = child.wait().ok().and_then(|status| status.code());
    Ran::Ended { code, out, took: now().since(begun) }
}

/// What it writes until it ends; `None` when it does not in time.
fn output(child: &mut Child, limit: usize, begun: Instant, patience: Duration) -> Option<Vec<u8>> {
    let mut pipe = child.stdout.take()?;
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = patience.checked_sub(now().since(begun))?;
        let mut set = [PollFd::new(pipe.as_fd(), false)];
        match raw::poll(&mut set, left) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(libc::EINTR) => continue,
            Err(_) => return Some(all),
        }
        let len = pipe.read(&mut buffer).unwrap_or(0);
        if len == 0 {
            return Some(all);
        }
        let room = limit.saturating_sub(all.len());
        all.extend(buffer.iter().take(len.min(room)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_a_program_writes_and_how_it_ends() {
        let ran = run(&["/no/such", "/bin/sh"], &["-c", "echo $HOME; exit 2"], 100, LONG);
        let Ran::Ended { code, out, .. } = ran else { panic!("{ran:?}") };
        assert_eq!((code, out.as_slice()), (Some(2), &b"\n"[..]), "its environment is empty");
        let ran = run(&["/bin/sh"], &["-c", "echo 0123456789"], 4, LONG);
        let Ran::Ended { out, .. } = ran else { panic!("{ran:?}") };
        assert_eq!(out, b"0123");
        assert_eq!(run(&["/no/such"], &[], 4, LONG), Ran::Missing);
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let patience = Duration::from_millis(50);
        let ran = run(&["/bin/sh"], &["-c", "exec sleep 600"], 4, patience);
        assert_eq!(ran, Ran::TimedOut(patience));
    }
}
