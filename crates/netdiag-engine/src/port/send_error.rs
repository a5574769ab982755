//! Why something did not leave this machine.

use netdiag_model::errno;

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
    /// The kernel said that it was sent, and it never came to an interface: EPERM, which other
    /// sockets are told of what the firewall drops, is concluded.
    pub unseen: bool,
}

impl SendError {
    /// A failure with nothing but an error number.
    #[must_use]
    pub const fn new(errno: i32) -> Self {
        Self { errno, mtu: None, direct: false, unseen: false }
    }

    /// What it means here, in words; `None` where the error number says nothing special.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        const NOT_ATTACHED: &str =
            "-r bypasses routers, and no directly attached network has this address";
        const UNSEEN: &str = "it never came to an interface: blocked by a local firewall rule, \
                              though the kernel did not say so";
        match (self.direct, self.unseen) {
            (true, _) => Some(NOT_ATTACHED),
            (_, true) => Some(UNSEEN),
            _ => errno::send_meaning(self.errno),
        }
    }

    /// The stable word for it in `failure.reason`.
    #[must_use]
    pub fn reason(&self) -> String {
        if self.direct { "not-attached".to_owned() } else { errno::reason(self.errno) }
    }
}
