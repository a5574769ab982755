//! The port itself.

use super::input::Inputs;
use super::operation::Operations;
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

/// What a network has open, by family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// IPv4, or why not.
    pub ipv4: Result<Opening, NetworkError>,
    /// IPv6, or why not.
    pub ipv6: Result<Opening, NetworkError>,
}

impl Opened {
    /// What is open for a family.
    ///
    /// # Errors
    /// Why nothing could be opened for it.
    pub const fn family(&self, family: Family) -> Result<&Opening, &NetworkError> {
        match family {
            Family::Ipv4 => self.ipv4.as_ref(),
            Family::Ipv6 => self.ipv6.as_ref(),
        }
    }
}

/// An open ICMP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The kind of socket.
    pub socket: SocketKind,
    /// The echo identifiers that it sends and receives.
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

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errno = netdiag_model::errno::Errno::new(self.errno);
        write!(f, "{}: {} ({})", self.call, errno.name, errno.number)
    }
}

impl std::error::Error for NetworkError {}
