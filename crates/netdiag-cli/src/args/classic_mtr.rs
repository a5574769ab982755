//! `netdiag mtr --classic`: what mtr's own options come to.

use netdiag_model::{Family, Untrusted};
use netdiag_report::trace::mtr::{ClassicForm, Order};
use netdiag_trace::Protocol;
use std::net::IpAddr;
use std::time::Duration;

/// What they come to.
#[derive(Clone, Debug)]
pub(crate) struct ClassicMtrArguments {
    /// The name under which the program was started.
    pub(crate) program: Untrusted,
    pub(crate) hosts: Vec<String>,
    /// A file with more of them, which come first.
    pub(crate) file: Option<String>,
    /// `None`: a screen.
    pub(crate) form: Option<ClassicForm>,
    pub(crate) family: Option<Family>,
    pub(crate) protocol: Protocol,
    /// A port was named, so that UDP does not count it up.
    pub(crate) port: Option<u16>,
    pub(crate) source: Option<String>,
    pub(crate) source_port: Option<u16>,
    pub(crate) interface: Option<String>,
    pub(crate) mark: Option<u32>,
    pub(crate) first_ttl: u8,
    pub(crate) max_ttl: u8,
    pub(crate) max_silent: usize,
    pub(crate) rounds: Option<u64>,
    pub(crate) interval: Duration,
    pub(crate) grace: Duration,
    /// How long a probe is remembered.
    pub(crate) timeout: Duration,
    /// Bytes of a packet with all its headers.
    pub(crate) bytes: u32,
    /// What fills it; `None`: anything.
    pub(crate) pattern: Option<u8>,
    pub(crate) tos: u8,
    pub(crate) order: Order,
    pub(crate) wide: bool,
    pub(crate) numeric: bool,
    pub(crate) show_ips: bool,
    pub(crate) labels: bool,
}

impl ClassicMtrArguments {
    /// mtr's defaults.
    pub(crate) fn new(program: Untrusted) -> Self {
        Self {
            program,
            hosts: Vec::new(),
            file: None,
            form: None,
            family: None,
            protocol: Protocol::Icmp,
            port: None,
            source: None,
            source_port: None,
            interface: None,
            mark: None,
            first_ttl: 1,
            max_ttl: 30,
            max_silent: 12,
            rounds: None,
            interval: Duration::from_secs(1),
            grace: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            bytes: 64,
            pattern: Some(0),
            tos: 0,
            order: Order::classic(),
            wide: false,
            numeric: false,
            show_ips: false,
            labels: false,
        }
    }

    /// The address that was named as the source.
    pub(crate) fn source_address(&self) -> Option<Result<IpAddr, ()>> {
        let source = self.source.as_ref()?;
        Some(netdiag_model::parse_address(source).ok_or(()))
    }

    /// What is sent: UDP counts its port up from the first number of a probe, unless one was named.
    pub(crate) fn protocol(&self) -> Protocol {
        const FIRST_PORT: u16 = 33_000;
        const HTTP_PORT: u16 = 80;
        match self.protocol {
            Protocol::Icmp => Protocol::Icmp,
            Protocol::Udp { .. } => Protocol::Udp { port: self.port.unwrap_or(FIRST_PORT) },
            Protocol::Tcp { .. } => Protocol::Tcp { port: self.port.unwrap_or(HTTP_PORT) },
        }
    }
}
