//! `netdiag trace --classic`: what traceroute's own options come to.

use netdiag_model::Family;
use netdiag_trace::Protocol;
use std::net::IpAddr;
use std::time::Duration;

/// A word of the command line, as messages about it need it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operand {
    pub(crate) text: String,
    /// Its number among all words, from 1.
    pub(crate) place: usize,
}

/// What they come to.
#[derive(Clone, Debug)]
pub(crate) struct TracerouteArguments {
    pub(crate) host: Operand,
    pub(crate) family: Option<Family>,
    pub(crate) protocol: Protocol,
    /// TCP opens connections, also where SYNs could be sent.
    pub(crate) connects: bool,
    /// UDP counts its port up.
    pub(crate) vary_port: bool,
    pub(crate) first_ttl: u8,
    pub(crate) max_ttl: u8,
    pub(crate) queries: u64,
    pub(crate) at_once: u32,
    /// How long a probe is waited for at most, and in thousandths how many times as long as another one
    /// of its hop, or of a farther one, took.
    pub(crate) wait: Duration,
    pub(crate) here: u64,
    pub(crate) near: u64,
    pub(crate) spacing: Duration,
    /// Bytes of a packet with all its headers.
    pub(crate) bytes: Option<u32>,
    pub(crate) tos: Option<u8>,
    pub(crate) flow_label: Option<u32>,
    pub(crate) source: Option<IpAddr>,
    pub(crate) source_port: Option<u16>,
    pub(crate) interface: Option<String>,
    pub(crate) mark: Option<u32>,
    pub(crate) dont_fragment: bool,
    /// As large packets as pass are sent, one at a time.
    pub(crate) finds_mtu: bool,
    /// The flags of the target's segments are shown.
    pub(crate) flags: bool,
    pub(crate) direct: bool,
    pub(crate) debug: bool,
    pub(crate) numeric: bool,
    pub(crate) extensions: bool,
    pub(crate) back: bool,
}

impl TracerouteArguments {
    /// traceroute's defaults.
    pub(crate) fn new() -> Self {
        Self {
            host: Operand::default(),
            family: None,
            protocol: Protocol::Udp { port: netdiag_ping::protocol::UDP_PORT },
            connects: false,
            vary_port: true,
            first_ttl: 1,
            max_ttl: 30,
            queries: 3,
            at_once: 16,
            wait: Duration::from_secs(5),
            here: 3_000,
            near: 10_000,
            spacing: Duration::ZERO,
            bytes: None,
            tos: None,
            flow_label: None,
            source: None,
            source_port: None,
            interface: None,
            mark: None,
            dont_fragment: false,
            finds_mtu: false,
            flags: false,
            direct: false,
            debug: false,
            numeric: false,
            extensions: false,
            back: false,
        }
    }

    /// Whether a probe is a TCP segment.
    pub(crate) const fn is_tcp(&self) -> bool {
        matches!(self.protocol, Protocol::Tcp { .. })
    }
}
