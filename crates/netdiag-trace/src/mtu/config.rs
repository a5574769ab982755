//! What to do: one target, and which packets are tried.

use crate::Syn;
use crate::protocol::Protocol;
use netdiag_engine::port::Control;
use netdiag_model::{Destination, Family, Link, Way};
use std::net::IpAddr;
use std::time::Duration;

/// One path whose MTU is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The target's place in the run.
    pub target_index: usize,
    /// Where it goes.
    pub destination: Destination,
    /// What was asked for: with TCP the segment sizes of a connection are looked at, too.
    pub protocol: Protocol,
    /// What tries the sizes: ICMP or UDP.
    pub carrier: Protocol,
    /// The last hop that is asked; at least 1.
    pub max_ttl: u8,
    /// The largest packet that is tried, in bytes with its IP header.
    pub largest: u32,
    /// The interface that packets leave by, where known.
    pub link: Option<Link>,
    /// `net.ipv4.tcp_mtu_probing` of this machine (ip-sysctl.rst), where known.
    pub tcp_mtu_probing: Option<u8>,
    /// Beside connections SYNs are sent, where that can be done.
    pub syn: Option<Syn>,
    /// Where SYNs leave from.
    pub source: Option<IpAddr>,
    /// From one probe to the next one.
    pub spacing: Duration,
    /// After which time without an answer a probe is lost, as long as nothing has answered.
    pub timeout: Duration,
    /// After which time it ends, whatever is under way.
    pub deadline: Option<Duration>,
    /// What travels with each packet; the hop limit of those to a hop is that of the hop.
    pub control: Control,
    /// The way that the packets take out of this machine, where known.
    pub way: Option<Way>,
}

/// Bytes of an ICMP echo header, and of a UDP header.
const HEADER: u32 = 8;
/// Data bytes of the small packet that every path takes.
const SMALL: u32 = 32;
/// The largest packet (RFC 791 section 3.1); of IPv6 what its length field counts, and the header.
const LARGEST_V4: u32 = 65_535;
const LARGEST_V6: u32 = 65_575;

impl Config {
    /// The defaults of `mtu`: ICMP, from packets of 1,500 bytes down.
    #[must_use]
    pub fn new(target_index: usize, destination: Destination) -> Self {
        Self {
            target_index,
            destination,
            protocol: Protocol::Icmp,
            carrier: Protocol::Icmp,
            max_ttl: 30,
            largest: 1_500,
            link: None,
            tcp_mtu_probing: None,
            syn: None,
            source: None,
            spacing: Duration::ZERO,
            timeout: Duration::from_secs(1),
            deadline: None,
            control: Control::default(),
            way: None,
        }
    }

    /// The smallest packet that is tried: 60 bytes of IPv4, 80 of IPv6.
    #[must_use]
    pub fn smallest(family: Family) -> u32 {
        header(family) + HEADER + SMALL
    }

    /// The largest packet that there can be.
    #[must_use]
    pub const fn most(family: Family) -> u32 {
        match family {
            Family::Ipv4 => LARGEST_V4,
            Family::Ipv6 => LARGEST_V6,
        }
    }

    /// What of a packet of this size is data.
    pub(crate) fn data(&self, size: u32) -> u16 {
        let headers = header(self.destination.family()) + HEADER;
        u16::try_from(size.saturating_sub(headers)).unwrap_or(u16::MAX)
    }

    /// The largest segment that a packet of this size has room for, without options.
    pub(crate) fn segment(&self, size: u32) -> u32 {
        const TCP_HEADER: u32 = 20;
        size.saturating_sub(header(self.destination.family()) + TCP_HEADER)
    }
}

fn header(family: Family) -> u32 {
    u32::try_from(family.header_len()).unwrap_or(u32::MAX)
}
