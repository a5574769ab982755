//! The port itself.

use super::inputs::Inputs;
use super::operation::{Channel, Operations};
use netdiag_model::contract::SocketKind;
use netdiag_model::{Family, Instant};
use std::fmt;

/// A network: the operating system's, or a simulated one.
pub trait Network {
    /// What was opened: by which method, with which identifiers.
    fn opened(&self) -> &Opened;

    /// The time now, on the clock of every stamp.
    fn now(&mut self) -> Instant;

    /// Starts a batch of operations. The failure of one of them is an input, not an error.
    ///
    /// Each `Transmit` is answered by exactly one `Sent` or `SendFailed`, before any `Received`
    /// that it caused.
    ///
    /// # Errors
    /// When the network as a whole cannot go on.
    fn submit(&mut self, operations: &mut Operations) -> Result<(), NetworkError>;

    /// Waits until something happens, at the latest until `until`; adds what happened to `inputs`
    /// and says with [`Inputs::set_now`] up to which time everything is told. Returns without
    /// waiting when something is there already.
    ///
    /// # Errors
    /// When the network as a whole cannot go on.
    fn wait(&mut self, until: Instant, inputs: &mut Inputs) -> Result<(), NetworkError>;
}

impl<N: Network + ?Sized> Network for Box<N> {
    fn opened(&self) -> &Opened {
        (**self).opened()
    }

    fn now(&mut self) -> Instant {
        (**self).now()
    }

    fn submit(&mut self, operations: &mut Operations) -> Result<(), NetworkError> {
        (**self).submit(operations)
    }

    fn wait(&mut self, until: Instant, inputs: &mut Inputs) -> Result<(), NetworkError> {
        (**self).wait(until, inputs)
    }
}

/// What is lost with connections of the kernel's where no raw socket sees what answers them.
pub const UNSEEN_TTLS: &str = "the TTL of replies, so no routers back";

/// What is lost where neither the kernel tells of a send that was dropped here nor a stamp.
pub const UNTOLD_SENDS: &str = "sends that this machine's firewall or a full queue dropped";

/// What a network has open, by family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// ICMP over IPv4, or why not.
    pub ipv4: Result<Opening, NetworkError>,
    /// ICMP over IPv6, or why not.
    pub ipv6: Result<Opening, NetworkError>,
    /// UDP over IPv4, or why not.
    pub udp4: Result<Opening, NetworkError>,
    /// UDP over IPv6, or why not.
    pub udp6: Result<Opening, NetworkError>,
    /// Raw TCP over IPv4, or why not.
    pub tcp4: Result<Opening, NetworkError>,
    /// Raw TCP over IPv6, or why not.
    pub tcp6: Result<Opening, NetworkError>,
    /// Every kind of socket that was tried and could not be had, in the order of the trials.
    pub refused: Vec<Refused>,
    /// A mark was asked for that this user may not set, and packets leave without it.
    pub unmarked: bool,
    /// What answers connections is seen with its TTL: [`InputKind::Answered`].
    ///
    /// [`InputKind::Answered`]: crate::port::InputKind::Answered
    pub sees_answers: bool,
    /// How many marked sockets there are for connections to a family, IPv4 and IPv6; why there is none.
    pub marked_connects: [Result<usize, NetworkError>; 2],
    /// What would give this process a raw socket; where it has one, no matter.
    pub mend: Mend,
}

/// What would give a process raw sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mend {
    /// The capability CAP_NET_RAW, of the file of the program or of the user.
    #[default]
    Capability,
    /// The same, and it must be in the bounding set, which no file's capability passes.
    BoundingSet,
    /// The same, and no_new_privs must not be set, with which no file gives any.
    NewPrivileges,
    /// It has the capability, of a user namespace that this network is not of.
    Namespace,
}

impl Opened {
    /// ICMP, and neither UDP nor TCP asked for.
    #[must_use]
    pub const fn icmp(
        ipv4: Result<Opening, NetworkError>,
        ipv6: Result<Opening, NetworkError>,
    ) -> Self {
        const NONE: Result<Opening, NetworkError> = Err(NetworkError::NOT_ASKED_FOR);
        Self {
            ipv4,
            ipv6,
            udp4: NONE,
            udp6: NONE,
            tcp4: NONE,
            tcp6: NONE,
            refused: Vec::new(),
            unmarked: false,
            sees_answers: false,
            marked_connects: [const { Err(NetworkError::NOT_ASKED_FOR) }; 2],
            mend: Mend::Capability,
        }
    }

    /// What is open for ICMP of a family.
    ///
    /// # Errors
    /// Why nothing could be opened for it.
    pub const fn family(&self, family: Family) -> Result<&Opening, &NetworkError> {
        match family {
            Family::Ipv4 => self.ipv4.as_ref(),
            Family::Ipv6 => self.ipv6.as_ref(),
        }
    }

    /// What is open for UDP of a family.
    ///
    /// # Errors
    /// Why nothing could be opened for it.
    pub const fn udp(&self, family: Family) -> Result<&Opening, &NetworkError> {
        match family {
            Family::Ipv4 => self.udp4.as_ref(),
            Family::Ipv6 => self.udp6.as_ref(),
        }
    }

    /// What is open for raw TCP of a family.
    ///
    /// # Errors
    /// Why nothing could be opened for it.
    pub const fn tcp(&self, family: Family) -> Result<&Opening, &NetworkError> {
        match family {
            Family::Ipv4 => self.tcp4.as_ref(),
            Family::Ipv6 => self.tcp6.as_ref(),
        }
    }

    /// What a datagram of this channel leaves by.
    ///
    /// # Errors
    /// Why it cannot leave.
    pub const fn channel(
        &self,
        channel: Channel,
        family: Family,
    ) -> Result<&Opening, &NetworkError> {
        match channel {
            Channel::Icmp => self.family(family),
            Channel::Udp { .. } | Channel::Query { .. } => self.udp(family),
            Channel::Tcp => self.tcp(family),
        }
    }
}

/// A kind of socket that could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Of which family.
    pub family: Family,
    /// Which kind.
    pub socket: SocketKind,
    /// What was tried, and the error number that came back.
    pub error: NetworkError,
}

/// An open socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The kind of socket.
    pub socket: SocketKind,
    /// The echo identifiers that it sends and receives; of UDP its one local port, of raw TCP its
    /// local ports.
    pub identifiers: Identifiers,
    /// Why this kind and no better one.
    pub because: String,
    /// What this kind cannot tell.
    pub lost: Vec<String>,
}

/// A block of echo identifiers: the filter lets answers to these through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identifiers {
    /// The first. A block of 16 starts at a multiple of 16.
    pub first: u16,
    /// How many there are, at least 1.
    pub count: u8,
}

/// Why the network as a whole, or one family of it, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkError {
    /// What was tried, such as `socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)`.
    pub call: &'static str,
    /// The error number that came back.
    pub errno: i32,
}

impl NetworkError {
    /// Nobody wanted it open (EOPNOTSUPP).
    pub const NOT_ASKED_FOR: Self = Self { call: "not asked for", errno: 95 };
}

/// This process has as many open files as it may.
const EMFILE: i32 = 24;

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = netdiag_model::errno::Errno::new(self.errno);
        write!(f, "{}: {} ({})", self.call, errno.name, errno.number)?;
        match self.errno {
            EMFILE => f.write_str(", the limit of open files is reached: see `ulimit -n`"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for NetworkError {}
