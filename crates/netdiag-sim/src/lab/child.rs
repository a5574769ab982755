//! The command inside the namespace.

use super::LabError;
use super::args::INSIDE;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Gid, Uid, getppid, setgroups, setresgid, setresuid};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

/// Exit code: the command cannot be found.
const NOT_FOUND: u8 = 127;
/// Exit code: the command cannot be run.
const NOT_RUN: u8 = 126;

/// Starts the command by way of [`become_command`] in a copy of this program.
pub(super) fn spawn(user: Option<u32>, command: &[OsString]) -> Result<Child, LabError> {
    let user = user.map_or_else(|| "-1".to_owned(), |user| user.to_string());
    Command::new("/proc/self/exe")
        .arg(INSIDE)
        .arg(std::process::id().to_string())
        .arg(user)
        .args(command)
        .spawn()
        .map_err(|error| LabError::Failed(format!("/proc/self/exe: {error}")))
}

/// Turns this process into the command, which dies with `parent`. Returns the exit code if that
/// fails.
pub(super) fn become_command(
    parent: i32,
    user: Option<u32>,
    command: &[OsString],
) -> Result<u8, LabError> {
    let failed = |what: &str, errno: nix::Error| LabError::Failed(format!("{what}: {errno}"));
    if let Some(user) = user {
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        setgroups(&[]).map_err(|errno| failed("setgroups", errno))?;
        setresgid(gid, gid, gid).map_err(|errno| failed("setresgid", errno))?;
        setresuid(uid, uid, uid).map_err(|errno| failed("setresuid", errno))?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
        .map_err(|errno| failed("sigprocmask", errno))?;
    // Changing the user forgets it, so it comes last.
    set_pdeathsig(Signal::SIGKILL).map_err(|errno| failed("prctl", errno))?;
    if getppid().as_raw() != parent {
        return Err(LabError::Failed("netlab is gone".to_owned()));
    }
    let Some((program, arguments)) = command.split_first() else { return Ok(NOT_FOUND) };
    let error = Command::new(program).args(arguments).exec();
    super::say(&format!("netlab: {}: {error}", program.to_string_lossy()));
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    Ok(if missing { NOT_FOUND } else { NOT_RUN })
}
