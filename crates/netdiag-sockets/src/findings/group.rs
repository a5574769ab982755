//! Who has what is judged together.

use super::Judge;
use crate::Socket;
use crate::owners::Owner;
use crate::tally::{Owned, Party, party};
use netdiag_model::finding::{Finding, Severity};

/// Who has several sockets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// One process, in words.
    Process(String),
    /// Processes of a user; how many is not known.
    User(u32),
    /// No process.
    Nobody,
}

impl Group {
    /// A name, as the subject of a finding.
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Process(name) => name.clone(),
            Self::User(uid) => format!("user {uid}"),
            Self::Nobody => "no process".to_owned(),
        }
    }

    /// A name for whoever has several sockets.
    pub(super) fn several(&self) -> String {
        match self {
            Self::User(uid) => format!("programs of user {uid}"),
            other => other.subject(),
        }
    }

    /// A name for a sentence that goes on with a verb: `one` behind a process, `several` else.
    pub(super) fn does(&self, one: &str, several: &str) -> String {
        match self {
            Self::User(uid) => format!("programs of user {uid} together {several}"),
            // A descriptor may be on its way between two processes (unix(7), SCM_RIGHTS).
            Self::Nobody => format!("whoever has sockets that are no process's {one}"),
            other => format!("{} {one}", other.subject()),
        }
    }

    /// The finding with its process, where that is known.
    pub(super) fn at(&self, finding: Finding) -> Finding {
        match self {
            Self::Process(name) => finding.at("process", name.clone()),
            _ => finding,
        }
    }

    /// How bad it is what one process must have done to be so bad: whether these are one is not known of
    /// a user's.
    pub(super) fn at_most(&self, severity: Severity) -> Severity {
        match self {
            Self::User(_) => severity.min(Severity::Warning),
            _ => severity,
        }
    }
}

impl Judge<'_> {
    /// Who has a socket, in words.
    pub(super) fn owner(&self, socket: &Socket) -> String {
        match self.group(socket) {
            Group::User(uid) => format!("a program of user {uid}"),
            other => other.subject(),
        }
    }

    /// Who has a socket, as far as several can be told to have the same.
    pub(super) fn group(&self, socket: &Socket) -> Group {
        self.group_of(party(socket, self.owned(socket)))
    }

    /// What is known of the owner of a socket.
    pub(super) fn owned(&self, socket: &Socket) -> Option<Owned<'_>> {
        self.owners.map(|owners| (owners, owners.of(socket)))
    }

    /// The same in words.
    pub(super) fn group_of(&self, party: Option<Party>) -> Group {
        match party {
            None => Group::Nobody,
            Some(Party::User(uid)) => Group::User(uid),
            Some(Party::Process(place)) => {
                let process = self.owners.and_then(|owners| owners.at(place));
                Group::Process(process.map_or_else(String::new, |process| {
                    format!("{} ({})", process.name.escaped(), process.pid)
                }))
            }
        }
    }

    /// The first process that has a socket, and its descriptor.
    pub(super) fn process(&self, socket: &Socket) -> Option<(u32, u32)> {
        let owners = self.owners?;
        let Owner::Known(all) = owners.of(socket) else { return None };
        let first = all.first()?;
        Some((owners.process(*first)?.pid, first.fd))
    }
}
