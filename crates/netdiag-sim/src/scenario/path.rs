//! The ways that packets take.

use super::units::{Prefix, Span, one_or_many};
use serde::Deserialize;
use std::net::{Ipv4Addr, Ipv6Addr};
use toml::Spanned;

/// `[[path]]`: the routers between here and a prefix.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// The destinations. The longest match counts.
    #[serde(deserialize_with = "one_or_many")]
    pub to: Vec<Prefix>,
    /// The routers on the way there, nearest first.
    #[serde(default)]
    pub via: Vec<Spanned<String>>,
    /// Other ways there, of which each packet takes one: the routers of each, nearest first.
    #[serde(default)]
    pub also: Vec<Vec<Spanned<String>>>,
    /// How packets are spread over `via` and `also`.
    #[serde(default)]
    pub balance: Balance,
    /// The routers on the way back, the target's neighbour first; the way there backwards if absent.
    pub back: Option<Vec<Spanned<String>>>,
    /// The last router sends "host unreachable" (3/1, 1/3) for addresses nobody owns, after this
    /// time; silence if absent.
    pub unreachable_after: Option<Span>,
    /// Packets go round for ever over the last n routers of `via`.
    #[serde(default)]
    pub loop_last: usize,
}

/// How packets are spread over several ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// By addresses, protocol, ports, or of ICMP the checksum: as by the first four bytes of the
    /// transport, which routers take for ports.
    #[default]
    Flow,
    /// In no order, whatever is in them.
    Packet,
}

/// Translation of source addresses, ports, and identifiers of ICMP (NAT).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masquerade {
    /// What stands in for IPv4 sources; those stay if absent.
    pub ipv4: Option<Ipv4Addr>,
    /// What stands in for IPv6 sources; those stay if absent.
    pub ipv6: Option<Ipv6Addr>,
    /// What of a quote is taken back on its way back.
    #[serde(default)]
    pub quotes: Mended,
}

/// What of a quote a translating router takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mended {
    /// All of it, as Linux: nothing is seen of the translation (RFC 5508 section 4).
    #[default]
    All,
    /// Addresses and ports, not the checksum of the transport.
    Addresses,
}
