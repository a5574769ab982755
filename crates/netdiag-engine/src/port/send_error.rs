//! Why something did not leave this machine.

use netdiag_model::{Family, errno};

/// Why a datagram did not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendError {
    /// The error number.
    pub errno: i32,
    /// The MTU in the way, with EMSGSIZE, where the kernel told it.
    pub mtu: Option<u32>,
    /// The socket bypasses routers (SO_DONTROUTE, socket(7)), and no network that is directly
    /// attached has the address: ENETUNREACH, whatever routes there are.
    pub direct: bool,
    /// Concluded. EPERM: a firewall dropped it, it came to no interface. ENOBUFS: a full queue did, it
    /// left none. ECONNREFUSED: the destination refused it, or a firewall of this machine.
    pub unseen: bool,
    /// What is known beyond the error number.
    pub cause: SendCause,
}

/// What lies behind an error number that has several meanings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendCause {
    /// Nothing more is known.
    #[default]
    Errno,
    /// The socket's own send buffer has no room (socket(7), SO_SNDBUF), whatever the interface has.
    SendBuffer,
    /// No local port is free for a connection (ip(7), ip_local_port_range).
    Ports,
    /// The source that was asked for is no address of this machine, or none yet.
    Source,
    /// The port that it was to leave from cannot be had: it is taken, or for others.
    OwnPort,
    /// This machine has no address of the family at all.
    NoFamily(Family),
}

impl SendError {
    /// A failure with nothing but an error number.
    #[must_use]
    pub const fn new(errno: i32) -> Self {
        Self { errno, mtu: None, direct: false, unseen: false, cause: SendCause::Errno }
    }

    /// What it means here, in words; `None` where the error number says nothing special.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        const NOT_ATTACHED: &str =
            "-r bypasses routers, and no directly attached network has this address";
        const UNSEEN: &str = "it never came to an interface: blocked by a local firewall rule, \
                              though the kernel did not say so";
        const EPERM: i32 = 1;
        const EACCES: i32 = 13;
        const EADDRNOTAVAIL: i32 = 99;
        const ENOBUFS: i32 = 105;
        const STUCK: &str = "it came to an interface and never left it: probably the queue of the \
                             interface is full, though the kernel did not say so";
        match self.cause {
            SendCause::Errno => {}
            SendCause::SendBuffer => {
                return Some("the send buffer of the socket has no room for it");
            }
            SendCause::Ports => return Some("every local port for connections is in use"),
            SendCause::Source => {
                return Some("the source is no address of this machine, or none yet");
            }
            SendCause::OwnPort => {
                return Some(match self.errno {
                    EACCES => "the source port is for privileged users",
                    EADDRNOTAVAIL => {
                        "from the source port there is a connection to that port already, or what is \
                         left of one"
                    }
                    _ => "the source port is taken",
                });
            }
            SendCause::NoFamily(Family::Ipv4) => return Some("no IPv4 on this host"),
            SendCause::NoFamily(Family::Ipv6) => return Some("no IPv6 on this host"),
        }
        match (self.direct, self.unseen, self.errno) {
            (true, ..) => Some(NOT_ATTACHED),
            (_, true, EPERM) => Some(UNSEEN),
            (_, true, ENOBUFS) => Some(STUCK),
            _ => errno::send_meaning(self.errno),
        }
    }

    /// The stable word for it in `failure.reason`.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.cause {
            SendCause::Errno if self.direct => "not-attached".to_owned(),
            SendCause::Errno | SendCause::OwnPort | SendCause::NoFamily(_) => {
                errno::reason(self.errno)
            }
            SendCause::SendBuffer => "send-buffer-full".to_owned(),
            SendCause::Ports => "no-free-port".to_owned(),
            SendCause::Source => "no-source-address".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_number_with_a_cause_means_that_cause() {
        let said = |errno, cause| SendError { cause, ..SendError::new(errno) }.meaning();
        let all = [
            (13, SendCause::Errno, "a prohibit route"),
            (13, SendCause::OwnPort, "for privileged users"),
            (98, SendCause::OwnPort, "is taken"),
            (99, SendCause::OwnPort, "a connection to that port already"),
            (99, SendCause::NoFamily(Family::Ipv6), "no IPv6 on this host"),
        ];
        for (errno, cause, words) in all {
            assert!(said(errno, cause).is_some_and(|said| said.contains(words)), "{words}");
        }
    }
}
