//! Names that only some of the classic programs tell, by numbers.

use crate::World;
use crate::args::SocketsArguments;
use crate::args::sockets::ClassicProgram;
use crate::commands::services;
use netdiag_model::Untrusted;
use netdiag_sockets::Owners;
use netdiag_sockets::filter::Name;
use netdiag_sockets::port::Kernel;
use std::collections::BTreeMap;
use std::io::Read as _;

/// Where a machine has its users (passwd(5)).
pub(crate) const PASSWD: &str = "/etc/passwd";

/// The most of a list of users that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// Says which numbers names in a filter stand for on this machine.
pub(crate) fn known<W: World>(world: &mut W) -> impl FnMut(Name<'_>) -> Option<u32> {
    move |name: Name<'_>| match name {
        Name::Service(name) => services::any_port(name, world).map(u32::from),
        Name::User(name) => {
            let mut text = String::new();
            world.input(PASSWD).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
            text.lines().filter_map(user).find(|(found, _)| *found == name).map(|(_, uid)| uid)
        }
    }
}

/// The name and the number of a line of passwd(5).
fn user(line: &str) -> Option<(&str, u32)> {
    let mut fields = line.split(':');
    Some((fields.next()?, fields.nth(1)?.parse().ok()?))
}

/// The names that a program wants.
#[derive(Default)]
pub(super) struct Names {
    /// Of users, for lsof.
    pub(super) users: BTreeMap<u32, String>,
    /// What processes were begun as, for netstat.
    pub(super) programs: BTreeMap<u32, Untrusted>,
}

impl Names {
    /// Those that the program wants whose columns were asked for; none in other forms.
    pub(super) fn read(
        arguments: &SocketsArguments,
        owners: Option<&Owners>,
        tables: &mut dyn Kernel,
    ) -> Self {
        match (arguments.classic, owners) {
            (Some(ClassicProgram::Lsof), _) => Self { users: users(tables), ..Self::default() },
            (Some(ClassicProgram::Netstat), Some(owners)) => {
                let pids = owners.processes().iter().map(|process| process.pid);
                let programs = pids.filter_map(|pid| Some((pid, program(pid, tables)?)));
                Self { programs: programs.collect(), ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

/// The names of users.
fn users(tables: &mut dyn Kernel) -> BTreeMap<u32, String> {
    let text = tables.file(PASSWD).unwrap_or_default();
    let name = |(name, uid)| (uid, Untrusted::from(name).escaped().to_string());
    // Of several with one number the first counts.
    text.lines().rev().filter_map(user).map(name).collect()
}

/// What a process was begun as, as netstat has it: the first of its arguments (proc_pid_cmdline(5)), of a path
/// what stands behind the last slash; `None` of one that has none.
fn program(pid: u32, tables: &mut dyn Kernel) -> Option<Untrusted> {
    let line = tables.file(&format!("/proc/{pid}/cmdline"))?;
    begun_as(&line).map(Untrusted::from)
}

fn begun_as(line: &str) -> Option<&str> {
    let first = line.split('\0').next().filter(|first| !first.is_empty())?;
    let path = first.strip_prefix('/').and_then(|path| path.rsplit('/').next());
    Some(path.unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_called_what_it_was_begun_as() {
        for (line, name) in [
            ("/usr/bin/python3\0-c\0/x", Some("python3")),
            ("postgres: writer process   \0\0", Some("postgres: writer process   ")),
            (
                "nginx: master process /usr/sbin/nginx\0",
                Some("nginx: master process /usr/sbin/nginx"),
            ),
            ("", None),
            ("\0/bin/sh", None),
        ] {
            assert_eq!(begun_as(line), name, "{line:?}");
        }
    }
}
