//! The JSON contract of `sockets`.

use crate::audit::AuditRow;
use crate::counters::{Counted, Memory};
use crate::look::Entry;
use crate::namespaces::{NamespaceRow, Place};
use crate::owners::Owner;
use crate::totals::Totals;
use crate::{Endpoint, Protocol, State, TcpInfo, TimerKind};
use netdiag_model::contract::Document;
use netdiag_model::{Family, Untrusted};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The document: the envelope, which has no targets, and the tables.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct SocketsDocument {
    /// The envelope.
    #[serde(flatten)]
    pub document: Document<()>,
    /// Counts.
    pub summary: Summary,
    /// The sockets, in the order in which they were told; none with `--summary`.
    pub sockets: Vec<Row>,
    /// The sysctls, with `--audit`.
    pub audit: Vec<AuditRow>,
    /// The network namespaces, with `--all-namespaces`; those that could not be entered, too.
    pub namespaces: Vec<NamespaceRow>,
}

impl SocketsDocument {
    /// One of a run that could read nothing.
    #[must_use]
    pub fn empty(document: Document<()>) -> Self {
        Self {
            document,
            summary: Summary::default(),
            sockets: Vec::new(),
            audit: Vec::new(),
            namespaces: Vec::new(),
        }
    }
}

/// What the document has beside the sockets.
#[derive(Clone, Debug, Serialize)]
pub struct Closing<'a> {
    /// The envelope.
    #[serde(flatten)]
    pub document: &'a Document<()>,
    /// Counts.
    pub summary: &'a Summary,
    /// The sysctls, with `--audit`.
    pub audit: &'a [AuditRow],
    /// The network namespaces, with `--all-namespaces`.
    pub namespaces: &'a [NamespaceRow],
}

/// Counts of the sockets that were wanted: a filter chooses what is listed and counted. Findings and
/// `ephemeral` are made from all that were read.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Summary {
    /// TCP sockets by state, those that there are; none with `--summary=totals`, which counts no
    /// states.
    pub tcp: BTreeMap<&'static str, u64>,
    /// UDP sockets; `null`: not asked for.
    pub udp: Option<u64>,
    /// Raw sockets; `null`: not asked for.
    pub raw: Option<u64>,
    /// Sockets whose owner this user cannot see, with those that are not listed since only their owner
    /// would tell whether they are wanted; `null`: owners were not asked for.
    pub owners_not_visible: Option<u64>,
    /// How often a table was read again since it changed while it was read.
    pub retries: u32,
    /// A table still changed at the last reading: sockets may be missing.
    pub interrupted: bool,
    /// Connections that began while the tables were read, where that took more than one moment: one of
    /// them may be missing, or stand there with a state that has passed; `null`: not known.
    pub opened_while_read: Option<u64>,
    /// Ports that the kernel picks; `null`: not all states were read.
    pub ephemeral: Option<Ephemeral>,
    /// What is most of each state, with `--summary`.
    pub states: Vec<StateRow>,
    /// The states of TCP that were read, and that findings are made from; none: TCP was not read. Where
    /// a filter wants states that few sockets have, the others are not read.
    pub states_read: Vec<State>,
    /// Findings that are a warning or worse and only about sockets that were read and are not listed;
    /// `null`: not known.
    pub warnings_not_listed: Option<u64>,
    /// What the kernel counts by itself, with `--summary=totals`.
    pub totals: Option<Totals>,
    /// The memory of TCP, with `--summary`.
    pub memory: Option<Memory>,
    /// Counters since the network namespace began, with `--summary`.
    pub since_boot: Option<Counted>,
}

/// Ports that the kernel picks for connections.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Ephemeral {
    /// The first and the last (`ip_local_port_range`).
    pub range: [u16; 2],
    /// How many of them it does not pick (`ip_local_reserved_ports`).
    pub reserved: u64,
    /// The destinations with the most.
    pub busiest: Vec<Busy>,
    /// How much too low `used` may be, with very many destinations.
    pub used_may_be_low_by: u32,
    /// The network namespace that all this is of, by its `id`, with `--all-namespaces`: of all the one
    /// with the largest share of its ports in use to a destination.
    pub namespace: Option<u64>,
}

/// A destination that ports are in use to.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Busy {
    /// The address of this side.
    pub local: IpAddr,
    /// Where to.
    pub remote: EndpointRow,
    /// Ports in use, TIME-WAIT included.
    pub used: u32,
    /// Ports that there are.
    pub available: u64,
    /// Connections that this side has closed within the last 10 s, a second, by what is left of the 60 s
    /// of their TIME-WAIT; `null`: none.
    pub new_per_second: Option<f64>,
}

/// What most sockets of a state have in common.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct StateRow {
    /// The state.
    pub state: State,
    /// How many.
    pub count: u64,
    /// The ports with the most: those of this side with a listener, else those of the other.
    pub ports: Vec<Count<u16>>,
    /// How many different ports; a lower bound where `more` is true.
    pub port_count: usize,
    /// The other ends with the most.
    pub remotes: Vec<Count<IpAddr>>,
    /// How many different other ends; a lower bound where `more` is true.
    pub remote_count: usize,
    /// The owners with the most.
    #[schemars(with = "Vec<Count<String>>")]
    pub owners: Vec<Count<Untrusted>>,
    /// How many different owners; a lower bound where `more` is true.
    pub owner_count: usize,
    /// Whether there was more than was told apart.
    pub more: bool,
}

/// One of several, and how many.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Count<T> {
    /// Which.
    pub value: T,
    /// How many.
    pub count: u64,
}

/// An address and a port; `null` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct EndpointRow {
    /// The address.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: Option<u16>,
}

/// One socket.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Row {
    /// The protocol.
    pub protocol: Protocol,
    /// The address family.
    pub family: Family,
    /// The state by its name in RFC 9293; `null` of UDP and raw sockets.
    pub state: Option<State>,
    /// This side; `0.0.0.0` and `::` mean every address.
    pub local: EndpointRow,
    /// The other side; `null` of a socket that is not connected.
    pub remote: EndpointRow,
    /// Bytes that were received and not read, a FIN counting as one; `null` of a listener with an
    /// `accept_queue`, of another the connections that wait.
    pub receive_queue: Option<u32>,
    /// Bytes that were not acknowledged; `null` of a listener.
    pub send_queue: Option<u32>,
    /// The accept queue of a listener; `null` where its limit is not known, as in saved tables.
    pub accept_queue: Option<AcceptQueue>,
    /// Whether a program has accepted the connection; `null` where it cannot be told.
    pub accepted: Option<bool>,
    /// Whether the peer's end of data waits to be read; `null` before it has come.
    pub eof_unread: Option<bool>,
    /// The inode; `null`: no process has it.
    pub inode: Option<u32>,
    /// The user of the owner; `null` without an owner.
    pub uid: Option<u32>,
    /// The interface that it is bound to.
    #[schemars(with = "Option<String>")]
    pub interface: Option<Untrusted>,
    /// Who has it; `null`: not asked for, or not visible to this user.
    pub processes: Option<Vec<ProcessRow>>,
    /// What is known of the owner; `null`: not asked for.
    pub owner: Option<OwnerName>,
    /// The timer that runs.
    pub timer: Option<TimerRow>,
    /// What the kernel measures, where it was asked for.
    pub tcp_info: Option<Box<TcpInfo>>,
    /// The network namespace by its `id`, with `--all-namespaces`.
    pub namespace: Option<u64>,
}

/// Connections that were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AcceptQueue {
    /// Now.
    pub length: u32,
    /// One more than this fit.
    pub limit: u32,
}

/// A process that has a socket.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct ProcessRow {
    /// Its number.
    pub pid: u32,
    /// Its name.
    #[schemars(with = "String")]
    pub name: Untrusted,
    /// The descriptor.
    pub fd: u32,
    /// Its control group, which names its service or container.
    #[schemars(with = "Option<String>")]
    pub cgroup: Option<Untrusted>,
}

/// What is known of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerName {
    /// A process.
    Known,
    /// No process has it.
    Nobody,
    /// The program has not accepted the connection.
    NotAccepted,
    /// This user cannot see it.
    NotVisible,
}

/// A timer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TimerRow {
    /// What for.
    pub kind: TimerKind,
    /// Until when, in milliseconds.
    pub expires_ms: u32,
    /// How often it has run out in vain.
    pub retransmits: u8,
}

impl From<Endpoint> for EndpointRow {
    fn from(end: Endpoint) -> Self {
        Self { address: Some(end.address), port: (end.port != 0).then_some(end.port) }
    }
}

impl OwnerName {
    /// What is known of an owner.
    #[must_use]
    pub const fn of(owner: Owner<'_>) -> Self {
        match owner {
            Owner::Known(_) => Self::Known,
            Owner::Nobody => Self::Nobody,
            Owner::NotAccepted => Self::NotAccepted,
            Owner::NotVisible => Self::NotVisible,
        }
    }
}

impl Row {
    /// A socket as the contract has it.
    #[must_use]
    pub fn new(entry: &Entry<'_>, place: Place<'_>) -> Self {
        let socket = &entry.socket;
        let limit = socket.accept_limit();
        let none = EndpointRow { address: None, port: None };
        Self {
            protocol: socket.protocol,
            family: socket.family,
            state: socket.tcp_state(),
            local: socket.local.into(),
            remote: if socket.remote.is_unspecified() { none } else { socket.remote.into() },
            receive_queue: limit.is_none().then_some(socket.receive_queue),
            send_queue: (!socket.is_listener()).then_some(socket.send_queue),
            accept_queue: limit.map(|limit| AcceptQueue { length: socket.receive_queue, limit }),
            accepted: socket.accepted(),
            eof_unread: socket.eof_unread(),
            inode: (socket.inode != 0).then_some(socket.inode),
            uid: (socket.inode != 0).then_some(socket.uid),
            interface: place.interface.cloned(),
            processes: processes(entry),
            owner: entry.owner.map(OwnerName::of),
            timer: socket.timer.map(|timer| TimerRow {
                kind: timer.kind,
                expires_ms: timer.expires_ms,
                retransmits: timer.retransmits,
            }),
            tcp_info: entry.info.clone(),
            namespace: place.namespace.map(|namespace| namespace.id),
        }
    }
}

/// Who has a socket, where that is known.
#[must_use]
pub fn processes(entry: &Entry<'_>) -> Option<Vec<ProcessRow>> {
    let owners = entry.owners?;
    match entry.owner? {
        Owner::NotVisible => None,
        Owner::Nobody | Owner::NotAccepted => Some(Vec::new()),
        Owner::Known(all) => {
            let rows = all.iter().filter_map(|descriptor| {
                let process = owners.process(*descriptor)?;
                let (name, cgroup) = (process.name.clone(), process.cgroup.clone());
                Some(ProcessRow { pid: process.pid, name, fd: descriptor.fd, cgroup })
            });
            Some(rows.collect())
        }
    }
}
