//! `netdiag trace`.

use super::form::Form;
use super::marking::Marking;
use super::multipath::MultipathArguments;
use super::value::{self, Timeout};
use crate::world::DontFragment;
use netdiag_trace::Protocol;
use std::net::IpAddr;
use std::time::Duration;

/// The path to one or more hosts: each router on the way, where it ends, and by whom.
///
/// Asks several hops at once and waits no longer than the answers of farther ones suggest. ICMP where
/// it can be sent, else UDP; HOST:PORT means TCP: SYNs with the right to send them, else connections.
/// All probes of a trace take one flow, so that a router that balances sends them one way; only
/// connections have a port of their own each.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct TraceArguments {
    /// Hosts: names, IPv4 or IPv6 addresses, `fe80::1%eth0`; with :PORT by TCP.
    #[arg(value_name = "HOST", required_unless_present = "file")]
    pub(crate) hosts: Vec<String>,
    /// More hosts from a file, one a line, `#` begins a comment; `-`: standard input. With :PORT only
    /// beside --tcp.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<String>,

    /// ICMP echo requests, and nothing in their place.
    #[arg(short = 'I', long, conflicts_with_all = ["udp", "tcp"])]
    pub(crate) icmp: bool,
    /// UDP datagrams, to a port where nobody should listen.
    #[arg(short = 'U', long, conflicts_with = "tcp")]
    pub(crate) udp: bool,
    /// TCP SYNs, which open no connection; without the right to send them, connections.
    #[arg(short = 'T', long)]
    pub(crate) tcp: bool,
    /// Destination port [default: 33434 of UDP, 443 of TCP].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    pub(crate) port: Option<u16>,
    /// Another flow for each probe, as the classic traceroute: UDP counts its port up, ICMP changes
    /// its checksum, TCP takes one of 16 source ports in turn.
    #[arg(long)]
    pub(crate) vary_flow: bool,
    #[command(flatten)]
    pub(crate) multipath: MultipathArguments,
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

    /// Probes to each hop.
    #[arg(short, long, value_name = "N", default_value = "3", value_parser = queries, allow_negative_numbers = true)]
    pub(crate) queries: u64,
    /// The first hop that is asked.
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) first_ttl: u8,
    /// The last hop that is asked.
    #[arg(short, long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) max_ttl: u8,
    /// End after so many silent hops in a row.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) gap: u8,
    /// How many hops beyond the farthest that answered are asked at once.
    #[arg(short = 'N', long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) window: u8,
    /// From one probe to a hop to the next one to it [default: as they are answered, from the seventh
    /// on 1 a second, as routers limit their answers]; 0: as they are answered, all of them. Below 2 ms
    /// only for root.
    #[arg(long, value_name = "DUR", value_parser = value::duration_or_zero, allow_hyphen_values = true)]
    pub(crate) interval: Option<Duration>,
    /// After this time without an answer a probe is lost; sooner, after three round trips of a hop at
    /// least as far away, once one has answered.
    #[arg(short = 'w', long, value_name = "DUR", default_value = "2", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// End after this time, whatever is under way, also the look-up of a name (after half of it
    /// where there are several targets).
    #[arg(long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,

    /// Data bytes of a probe, 18 to 65507 (IPv4), 65527 (IPv6) [default: 32].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(18..=65_527), allow_negative_numbers = true)]
    pub(crate) size: Option<u16>,
    /// As large probes as pass, and how large those are: a column of MTUs. Begins with that of the
    /// interface, and goes on with what routers say that call them too big.
    #[arg(long, conflicts_with_all = ["tcp", "size", "df", "multipath"])]
    pub(crate) mtu: bool,
    #[command(flatten)]
    pub(crate) marking: Marking,
    /// What happens to packets larger than the path.
    #[arg(short = 'M', long, value_name = "POLICY", value_enum)]
    pub(crate) df: Option<DontFragment>,
    /// Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,

    /// Addresses only, no names.
    #[arg(short, long, conflicts_with = "names")]
    pub(crate) numeric: bool,
    /// Names also when the output is no terminal.
    #[arg(long)]
    pub(crate) names: bool,
    /// The AS numbers of hops by this file: a MaxMind DB (.mmdb), or lines of prefix and number
    /// (pfx2as). Nobody is asked for them.
    #[arg(long, value_name = "FILE")]
    pub(crate) asn_file: Option<String>,
    /// Only what is wrong and the verdict.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Late, repeated and rejected answers too; with jsonl also each probe.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Read all other arguments as Debian's traceroute does, and print and exit as it does: `netdiag trace
    /// --classic --help` lists them. --classic=traceroute is the same.
    #[arg(long)]
    pub(crate) classic: bool,
    /// Exit as traceroute does: with 0 also where the target was not reached.
    #[arg(long, conflicts_with = "fail_if")]
    pub(crate) classic_exit: bool,
    /// Exit with 1 when this holds for a target, such as 'hops>12 or p95>80ms'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag trace example.net
  netdiag trace db.example.net:5432
  netdiag trace --udp --multipath --graph dot example.net | dot -Tsvg > paths.svg
  netdiag trace --udp --json 192.0.2.1 | jq '.targets[].hops[] | [.ttl, .responders[].address]'
  netdiag trace -q 200 --interval 0.1 --first-ttl 3 192.0.2.1

EXIT STATUS
  0  every target was reached, and no --fail-if holds
  1  measured, and it does not hold for at least one target
  2  usage error
  3  nothing could be measured, or the result could not be written";

/// The most probes to a hop.
const MOST_QUERIES: u64 = 100_000;

fn queries(text: &str) -> Result<u64, String> {
    value::count(text).and_then(|count| match count {
        ..=MOST_QUERIES => Ok(count),
        _ => Err(format!("at most {MOST_QUERIES}")),
    })
}

impl TraceArguments {
    /// What is sent to a host without a port.
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
