//! `netdiag syn`.

use super::form::Form;
use super::marking::Marking;
use super::sweep::{Rate, rate};
use super::value::{self, Timeout};
use std::net::IpAddr;
use std::time::Duration;

/// Half-open SYN probes to ports: open, closed, filtered, prohibited or unreachable, and by whom.
///
/// A SYN is sent to every port of every address, and what answers is told: a SYN-ACK with its window
/// and options, a reset, an ICMP error and who sent it, or nothing. No connection is completed, so no
/// application sees one. Needs the right to send raw packets; without it tcp-connect says the same of
/// connections.
///
/// A TARGET is a name, an address, a network or a range, PORTS are as in 22,https,8000-8010:
/// `192.0.2.20:22,80`, `192.0.2.0/24:443`, `192.0.2.1-9:22`, `[2001:db8::1]:80`. An address is named
/// with the ports that are asked there; one port of every address is asked, then the next.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct SynArguments {
    /// Targets and ports; or one TARGET and its PORTS.
    #[arg(value_name = "TARGET:PORTS", required = true)]
    pub(crate) targets: Vec<String>,

    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Source address.
    #[arg(short = 'S', long, value_name = "ADDR")]
    pub(crate) source: Option<IpAddr>,
    /// Interface to send by.
    #[arg(short = 'I', long, value_name = "NAME")]
    pub(crate) interface: Option<String>,

    /// How often a port that does not answer is asked again, 0 to 15.
    #[arg(short, long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(..=15), allow_negative_numbers = true)]
    pub(crate) retries: u8,
    /// SYNs a second to all targets together; max: as fast as it goes, only for root.
    #[arg(long, value_name = "PPS", default_value = "1000", value_parser = rate, allow_negative_numbers = true)]
    pub(crate) rate: Rate,
    /// After this time without an answer a SYN is lost; each retry is given one and a half times as
    /// long.
    #[arg(short = 'W', long, value_name = "DUR", default_value = "1", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// End after this time, whatever is under way, also the look-up of names (after half of it).
    #[arg(short = 'w', long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,

    /// TTL or hop limit of every SYN [default: what the kernel has, mostly 64].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) ttl: Option<u8>,
    #[command(flatten)]
    pub(crate) marking: Marking,
    /// Ask for explicit congestion notification (RFC 3168): what agrees to it has `ecn` among its
    /// options. Not asked for otherwise: some firewalls drop such SYNs, which then look filtered.
    #[arg(long)]
    pub(crate) ask_ecn: bool,
    /// Firewall mark of every SYN (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,

    /// Only rows of ports that are open.
    #[arg(long)]
    pub(crate) open: bool,
    /// Only what is wrong and the verdict.
    #[arg(short, long, conflicts_with = "open")]
    pub(crate) quiet: bool,
    /// Each SYN with what became of it, late and repeated answers, and what was rejected.
    #[arg(short, long, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Exit with 1 when this holds for an address, such as 'closed>0 or filtered>0'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag syn 192.0.2.20:22,80,443
  netdiag syn example.net 1-1024 --open
  netdiag syn --rate 5000 192.0.2.0/24:22 [2001:db8::1]:22
  netdiag syn --json 192.0.2.20:https | jq '.targets[].ports[] | [.port, .state, .reason]'
  netdiag syn --fail-if 'closed>0 or filtered>0' 192.0.2.20:22,443

EXIT STATUS
  0  every address has an open port among those asked, and no --fail-if holds
  1  measured, and it does not hold for at least one address
  2  usage error
  3  nothing could be measured, or the result could not be written";
