//! Which sockets are wanted, in plain words: `:443`, `:80,https`, `state close-wait`, `dst 10.0.0.0/8`,
//! `pid 123`, `process nginx`, joined by `and`, `or`, `not` and parentheses. Words side by side mean `and`.
//!
//! ```
//! use netdiag_sockets::Filter;
//!
//! let filter = Filter::parse("state close-wait and not dst 10.0.0.0/8").expect("a filter");
//! assert!(!filter.names_owners());
//! assert!(Filter::parse("state waiting").is_err());
//! ```

mod ends;
mod parser;
mod scope;
mod words;

pub(crate) use scope::{Ports, Scope};
pub use words::FilterError;

use crate::owners::Owner;
use crate::state::{BOUND, USUAL};
use crate::{Owners, Protocol, Socket, State};
use netdiag_model::Family;

/// A name that stands for a number on some machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// Of a service: a port.
    Service(&'a str),
    /// Of a user: a number of user.
    User(&'a str),
}

/// Which number a name stands for; `None`: none.
pub type Names<'n> = &'n mut dyn FnMut(Name<'_>) -> Option<u32>;

/// Which sockets are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    node: Node,
    text: String,
}

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Local,
    Remote,
    Either,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    At(End, Scope),
    States(u32),
    /// States of sockets of any protocol, as ss has them: ESTABLISHED of one that is connected, else
    /// CLOSED.
    AnyStates(u32),
    Protocol(Protocol),
    Family(Family),
    /// The family of addresses, as lsof has it: IPv4 written as IPv6 is IPv4.
    FamilyOfAddress(Family),
    Pid(u32),
    Process(String),
    Uid(u32),
    Inode(u32),
}

impl Filter {
    /// Reads a filter in which nothing is called by a name.
    ///
    /// # Errors
    /// What is not understood, and where.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Self::named(text, &mut |_| None)
    }

    /// Reads a filter, in which these names stand for numbers.
    ///
    /// # Errors
    /// What is not understood, and where.
    pub fn named(text: &str, names: Names<'_>) -> Result<Self, FilterError> {
        Ok(Self { node: parser::parse(text, names)?, text: text.to_owned() })
    }

    /// The same for ss, to which sockets of every protocol have a state.
    #[must_use]
    pub fn of_every_protocol(mut self) -> Self {
        self.node.replace(&|node| match node {
            Node::States(mask) => Some(Node::AnyStates(*mask)),
            _ => None,
        });
        self
    }

    /// The same for lsof, which goes by the family of addresses where it is asked for more than that of
    /// sockets.
    #[must_use]
    pub fn of_addresses(mut self) -> Self {
        self.node.replace(&|node| match node {
            Node::Family(family) => Some(Node::FamilyOfAddress(*family)),
            _ => None,
        });
        self
    }

    /// The filter as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a socket is wanted; `None`: only its owner would tell, which this user cannot see.
    /// `owners` are needed where the filter [names them](Self::names_owners).
    #[must_use]
    pub fn matches(&self, socket: &Socket, owners: Option<&Owners>) -> Option<bool> {
        self.node.matches(socket, owners)
    }

    /// The states that can match, as the kernel is asked for them.
    #[must_use]
    pub fn states(&self) -> u32 {
        self.node.states().unwrap_or(USUAL)
    }

    /// Whether sockets of a protocol can match.
    #[must_use]
    pub fn wants(&self, protocol: Protocol) -> bool {
        self.node.wants(protocol)
    }

    /// Whether it cannot be decided without the owners.
    #[must_use]
    pub fn names_owners(&self) -> bool {
        self.node.any(&|node| matches!(node, Node::Pid(_) | Node::Process(_)))
    }

    /// Whether who asks this wants to see the owners: by a port, a pid or a process.
    #[must_use]
    pub fn implies_owners(&self) -> bool {
        self.node.any(&|node| match node {
            Node::Pid(_) | Node::Process(_) => true,
            Node::At(_, scope) => scope.ports.is_some(),
            _ => false,
        })
    }
}

impl Node {
    /// `None` is unknown, by the rules of Kleene's logic: `unknown and false` is false.
    fn matches(&self, socket: &Socket, owners: Option<&Owners>) -> Option<bool> {
        let decided = |nodes: &[Self], by: bool| {
            let mut all = Some(!by);
            for node in nodes {
                match node.matches(socket, owners) {
                    Some(found) if found == by => return Some(by),
                    None => all = None,
                    Some(_) => {}
                }
            }
            all
        };
        Some(match self {
            Self::All(nodes) => return decided(nodes, false),
            Self::Any(nodes) => return decided(nodes, true),
            Self::Not(node) => !node.matches(socket, owners)?,
            Self::At(End::Local, scope) => scope.holds(socket.local),
            Self::At(End::Remote, scope) => scope.holds(socket.remote),
            Self::At(End::Either, scope) => scope.holds(socket.local) || scope.holds(socket.remote),
            Self::States(mask) => socket.tcp_state().is_some_and(|state| state.mask() & mask != 0),
            Self::AnyStates(mask) => socket.state.mask() & mask != 0,
            Self::Protocol(protocol) => socket.protocol == *protocol,
            Self::Family(family) => socket.family == *family,
            Self::FamilyOfAddress(family) => {
                let is_v4 =
                    [socket.local, socket.remote].iter().any(|end| end.canonical().is_ipv4());
                is_v4 == (*family == Family::Ipv4)
            }
            // Of one that no process has the kernel says 0, whoever had it.
            Self::Uid(uid) => socket.inode != 0 && socket.uid == *uid,
            Self::Inode(inode) => socket.inode == *inode,
            Self::Pid(pid) => return owned(socket, owners, |process| process.pid == *pid),
            Self::Process(name) => {
                let name = kept(name);
                return owned(socket, owners, |process| process.name.as_raw() == name);
            }
        })
    }

    /// `None`: those that are usual.
    fn states(&self) -> Option<u32> {
        match self {
            Self::States(mask) => Some(*mask),
            // What has a port and nothing more is in no state that ss knows.
            Self::AnyStates(mask) => Some(mask & !BOUND),
            Self::All(nodes) => {
                nodes.iter().filter_map(Self::states).reduce(|one, other| one & other)
            }
            Self::Any(nodes) => {
                let all = nodes.iter().map(|node| node.states().unwrap_or(USUAL));
                all.reduce(|one, other| one | other)
            }
            _ => None,
        }
    }

    fn wants(&self, protocol: Protocol) -> bool {
        match self {
            Self::Protocol(wanted) => *wanted == protocol,
            Self::States(_) => protocol == Protocol::Tcp,
            Self::All(nodes) => nodes.iter().all(|node| node.wants(protocol)),
            Self::Any(nodes) => nodes.iter().any(|node| node.wants(protocol)),
            _ => true,
        }
    }

    /// Puts another node in the place of each that has one.
    fn replace(&mut self, other: &dyn Fn(&Self) -> Option<Self>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => {
                nodes.iter_mut().for_each(|node| node.replace(other));
            }
            Self::Not(node) => node.replace(other),
            node => {
                if let Some(new) = other(node) {
                    *node = new;
                }
            }
        }
    }

    fn any(&self, wished: &dyn Fn(&Self) -> bool) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(|node| node.any(wished)),
            Self::Not(node) => node.any(wished),
            node => wished(node),
        }
    }
}

fn owned(
    socket: &Socket,
    owners: Option<&Owners>,
    wished: impl Fn(&crate::owners::Process) -> bool,
) -> Option<bool> {
    let owners = owners?;
    match owners.of(socket) {
        Owner::Known(all) => {
            Some(all.iter().filter_map(|descriptor| owners.process(*descriptor)).any(wished))
        }
        Owner::Nobody | Owner::NotAccepted => Some(false),
        Owner::NotVisible => None,
    }
}

/// As much of the name of a process as the kernel keeps: 15 bytes (TASK_COMM_LEN, proc_pid_comm(5)).
fn kept(name: &str) -> std::borrow::Cow<'_, str> {
    const KEPT: usize = 15;
    String::from_utf8_lossy(name.as_bytes().get(..KEPT).unwrap_or(name.as_bytes()))
}

/// The bits of states for the kernel.
pub(crate) fn mask(states: &[State]) -> u32 {
    states.iter().fold(0, |all, state| all | state.mask())
}

#[cfg(test)]
mod tests;
