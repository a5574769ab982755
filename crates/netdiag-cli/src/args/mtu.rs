//! `netdiag mtu`.

use super::form::Form;
use super::marking::Marking;
use super::value::{self, Timeout};
use netdiag_trace::Protocol;
use std::net::IpAddr;
use std::time::Duration;

/// The path MTU to one or more hosts: which packets pass, and where larger ones end.
///
/// Sends packets that must not be fragmented, whatever the kernel remembers of the path. What a router
/// says of the size is tried, and believed when it is answered; without a message the largest size is
/// searched for, and where larger packets vanish each time it is said so. ICMP where it can be sent,
/// else UDP. HOST:PORT and --tcp also look at the segment sizes that a connection to the port offers.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct MtuArguments {
    /// Hosts: names, IPv4 or IPv6 addresses, `fe80::1%eth0`; with :PORT by TCP, too.
    #[arg(value_name = "HOST", required = true)]
    pub(crate) hosts: Vec<String>,

    /// ICMP echo requests, and nothing in their place.
    #[arg(short = 'I', long, conflicts_with_all = ["udp", "tcp"])]
    pub(crate) icmp: bool,
    /// UDP datagrams, to a port where nobody should listen.
    #[arg(short = 'U', long, conflicts_with = "tcp")]
    pub(crate) udp: bool,
    /// TCP connections, too, for the segment sizes that both ends offer.
    #[arg(short = 'T', long)]
    pub(crate) tcp: bool,
    /// Destination port [default: 33434 of UDP, 443 of TCP].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    pub(crate) port: Option<u16>,
    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Source address.
    #[arg(short, long, value_name = "ADDR")]
    pub(crate) source: Option<IpAddr>,
    /// Interface to send by.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) interface: Option<String>,

    /// The largest packet that is tried, in bytes with its IP header, from 60 (IPv4), 80 (IPv6)
    /// [default: the MTU of the interface].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(60..=65_575), allow_negative_numbers = true)]
    pub(crate) size: Option<u32>,
    /// The last hop that is asked.
    #[arg(short, long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) max_ttl: u8,
    /// After this time without an answer a packet is lost; sooner, after three round trips, once one
    /// has been answered.
    #[arg(short = 'w', visible_short_alias = 'W', long, value_name = "DUR", default_value = "1", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// End after this time, whatever is under way, also the look-up of a name (after half of it
    /// where there are several targets).
    #[arg(long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,
    #[command(flatten)]
    pub(crate) marking: Marking,
    /// Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,

    /// Only what is wrong and the verdict.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Each packet, and rejected answers, too.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Exit with 1 when this holds for a target, such as 'path_mtu<1400'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag mtu example.net
  netdiag mtu example.net:443
  netdiag mtu --udp --fail-if 'path_mtu<1500' 192.0.2.1 2001:db8::1
  netdiag mtu --json 192.0.2.1 | jq '.targets[] | [.path_mtu, .confirmed_by, .black_hole]'

EXIT STATUS
  0  the path MTU of every target is known, no black hole, and no --fail-if holds
  1  measured, and it does not hold for at least one target
  2  usage error
  3  nothing could be measured, or the result could not be written";

impl MtuArguments {
    /// What is asked of a host without a port.
    pub(crate) fn protocol(&self) -> Protocol {
        use netdiag_ping::protocol::{TCP_PORT, UDP_PORT};
        if self.udp {
            Protocol::Udp { port: self.port.unwrap_or(UDP_PORT) }
        } else if self.tcp {
            Protocol::Tcp { port: self.port.unwrap_or(TCP_PORT) }
        } else {
            Protocol::Icmp
        }
    }
}
