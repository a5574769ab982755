//! FAILURE of the JSON contract: why something did not work.

use crate::errno::Errno;
use crate::{IcmpKind, Untrusted};
use serde::Serialize;
use std::net::IpAddr;

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The name was looked up.
    Resolve,
    /// A route was looked for.
    Route,
    /// The packet was handed to the kernel.
    Send,
    /// A connection was opened.
    Connect,
    /// A proxy was asked to connect further on.
    Proxy,
    /// TLS was negotiated.
    Tls,
    /// A request was sent, or an answer awaited.
    Request,
    /// The answer was compared with what was expected.
    Expect,
}

/// Why something did not work, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Failure {
    /// How far it came.
    pub stage: Stage,
    /// A stable word such as `timeout`, `host-unreachable` or `local-firewall`.
    pub reason: String,
    /// The error number of the operating system, where there is one.
    pub errno: Option<Errno>,
    /// The ICMP error that said so, where there is one.
    pub icmp: Option<IcmpSource>,
    /// One sentence for a person.
    pub message: String,
}

/// An ICMP error and who sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct IcmpSource {
    /// The type field.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The code field.
    pub code: u8,
    /// The name of the two.
    pub name: String,
    /// The router or host that sent it.
    pub from: IpAddr,
}

impl IcmpSource {
    /// The ICMP error `kind` from `from`.
    #[must_use]
    pub fn new(kind: IcmpKind, from: IpAddr) -> Self {
        Self { kind: kind.kind, code: kind.code, name: kind.name(), from }
    }
}

/// The errors of a name look-up, by what they mean for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// The name does not exist, or has no address of the family asked for.
    NotFound {
        /// `NXDOMAIN` or `no A record` and the like.
        what: String,
        /// Who said so: the address of a server, or a file.
        by: String,
    },
    /// No server said yes or no: nothing is known about the name.
    NoAnswer {
        /// Every server asked and what became of it, in words.
        tried: String,
        /// What became of them in one stable word for [`Failure::reason`]: `servfail` and the like
        /// where one answered so (RFC 1035 section 4.1.1), `refused` and the like where the system
        /// told the same of each, else `no-resolver`.
        reason: String,
        /// The error number, where the system told the same of each server.
        errno: Option<i32>,
    },
    /// The run was ended before there was an answer.
    Interrupted,
    /// The text cannot be a host name.
    Invalid {
        /// The text.
        name: Untrusted,
    },
}

impl LookupError {
    /// Nobody was there to say anything.
    #[must_use]
    pub fn no_resolver(tried: String) -> Self {
        Self::NoAnswer { tried, reason: "no-resolver".to_owned(), errno: None }
    }
}
