//! `netdiag ping`.

use super::form::Form;
use super::marking::Marking;
use super::value::{self, IpStamps, Question, Timeout};
use crate::world::{Backend, DontFragment};
use netdiag_engine::Pattern;
use netdiag_model::Untrusted;
use netdiag_ping::Protocol;
use netdiag_ping::goal::Goal;
use std::net::IpAddr;
use std::time::Duration;

/// Echo requests to one or more hosts: latency, jitter, loss, hops back.
///
/// Prints the lines of iputils' ping, then jitter, percentiles, the number of routers on the way
/// back, and what is wrong, if anything is. Round trips are taken between kernel time stamps at
/// both ends; where one is missing, the output says so.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct PingArguments {
    /// Hosts: names, IPv4 or IPv6 addresses, `fe80::1%eth0`.
    #[arg(value_name = "HOST", required = true)]
    pub(crate) hosts: Vec<String>,

    /// What to send: icmp, icmp-timestamp, icmp-probe, udp, tcp (connections), syn or tcp-syn (SYNs of our
    /// own, for which nothing is connected), or what to ask a service: tls, quic (a handshake), http, https
    /// (a request for /), dns (for the servers of the root); those but ICMP with :PORT. Several by commas:
    /// one target each, in the same rhythm.
    #[arg(long, value_name = "LIST", default_value = "icmp", value_delimiter = ',', value_parser = value::ping_protocol)]
    pub(crate) proto: Vec<Protocol>,
    /// With --proto icmp-probe (RFC 8335): which interface of the host is asked about, by name,
    /// number or address; neighbor:ADDR asks for its table entry of a neighbour.
    #[arg(long, value_name = "X", value_parser = value::question)]
    pub(crate) probe_interface: Option<Question>,
    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Source address.
    #[arg(long, value_name = "ADDR")]
    pub(crate) source: Option<IpAddr>,
    /// Interface to send by, or a source address.
    #[arg(short = 'I', long, value_name = "NAME")]
    pub(crate) interface: Option<String>,
    /// Stay with the source address that the first route gives.
    #[arg(short = 'B', long)]
    pub(crate) sticky_source: bool,
    /// A host may be the broadcast address of a network: every answer counts for the host that it
    /// comes from. Not faster than 1 a second, only for root.
    #[arg(short = 'b', long)]
    pub(crate) broadcast: bool,
    /// A host may be a multicast group, with --ttl 1 where not given; likewise. By which interface:
    /// --interface, or `ff02::1%eth0`. Below 1 s only root may send.
    #[arg(long)]
    pub(crate) multicast: bool,
    /// IPv4: only to directly attached networks, past every router.
    #[arg(short = 'r', long)]
    pub(crate) direct: bool,

    /// Stop after so many requests [default: no end; 10 with json and csv].
    #[arg(short, long, value_name = "N", value_parser = value::count, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// From one request to the next; 0: back to back [default: 1; 0 with --flood]. Below 2 ms only
    /// for root.
    #[arg(short, long, value_name = "DUR", value_parser = value::duration_or_zero, allow_hyphen_values = true)]
    pub(crate) interval: Option<Duration>,
    /// The next request when the answer is there: the interval follows the mean round trip. Below
    /// 2 ms only for root.
    #[arg(short = 'A', long)]
    pub(crate) adaptive: bool,
    /// As fast as answers come, 100 a second at least; a dot for each request, taken back by its
    /// answer. Without --interval only for root.
    #[arg(short, long)]
    pub(crate) flood: bool,
    /// After this time without an answer a request is lost [default: 2]. With --classic: how long to
    /// stay after the last request when nothing was answered [default: 10].
    #[arg(short = 'W', long, value_name = "DUR", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Timeout>,
    /// End after this time, whatever is under way, also the look-up of a name (after half of it
    /// where there are several targets).
    #[arg(short = 'w', long, visible_alias = "wait", value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,
    /// End with the first reply.
    #[arg(long, conflicts_with_all = ["until_up", "until_down"])]
    pub(crate) first: bool,
    /// End when so many requests in a row were answered: exit 0, else 1.
    #[arg(long, value_name = "N", value_parser = value::count, allow_negative_numbers = true, conflicts_with = "until_down")]
    pub(crate) until_up: Option<u64>,
    /// End when so many requests in a row were not: exit 0, else 1.
    #[arg(long, value_name = "N", value_parser = value::count, allow_negative_numbers = true)]
    pub(crate) until_down: Option<u64>,
    /// So many requests at once at the start; above 3 only for root.
    #[arg(short = 'l', long, value_name = "N", default_value = "1", value_parser = value::count, allow_negative_numbers = true)]
    pub(crate) preload: u64,

    /// Data bytes of a request: 0 to 65507 (IPv4), 65527 (IPv6) [default: 56].
    #[arg(short = 's', long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(0..=65_527), allow_negative_numbers = true)]
    pub(crate) size: Option<u16>,
    /// Up to 16 bytes, in hexadecimal, that fill the data.
    #[arg(short, long, value_name = "HEX", value_parser = value::pattern)]
    pub(crate) pattern: Option<Pattern>,
    /// TTL or hop limit, 1 to 255 [default: 64, or what the kernel has].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) ttl: Option<u8>,
    #[command(flatten)]
    pub(crate) marking: Marking,
    /// The whole TOS or traffic class byte, decimal or 0x.., as iputils' -Q.
    #[arg(short = 'Q', long, value_name = "N", value_parser = tos, conflicts_with_all = ["dscp", "ecn"], allow_negative_numbers = true)]
    pub(crate) tos: Option<u8>,
    /// What happens to packets larger than the path.
    #[arg(short = 'M', long, value_name = "POLICY", value_enum)]
    pub(crate) df: Option<DontFragment>,
    /// Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,
    /// IPv6 flow label, decimal or 0x.., up to 0xfffff; 0: a random one.
    #[arg(short = 'F', long, value_name = "N", value_parser = value::flow_label, allow_negative_numbers = true)]
    pub(crate) flow_label: Option<u32>,
    /// IPv4: up to nine routers on the way, there and back, write down their addresses. Many drop such
    /// packets.
    #[arg(short = 'R', long)]
    pub(crate) record_route: bool,
    /// IPv4: routers on the way write down the time (tsonly, at most nine), with their addresses
    /// (tsandaddr, at most four), or those given alone (tsprespec:ADDR,..., at most four).
    #[arg(short = 'T', long, value_name = "HOW", value_parser = value::ip_timestamps)]
    pub(crate) ip_timestamps: Option<IpStamps>,
    /// SO_DEBUG on the socket, where this user may set it; it changes nothing that is seen.
    #[arg(short = 'd', long)]
    pub(crate) debug: bool,
    /// Send buffer of the socket.
    #[arg(short = 'S', long, value_name = "BYTES", value_parser = value::count, allow_negative_numbers = true)]
    pub(crate) send_buffer: Option<u64>,
    /// With --multicast: do not hear one's own packets to a group.
    #[arg(short = 'L', long)]
    pub(crate) no_loopback: bool,
    /// Round trips by this process's clock instead of the kernel's stamps.
    #[arg(short = 'U', long)]
    pub(crate) user_stamps: bool,
    /// What is left to chance, the flow label of --flow-label 0, is the same with the same number.
    /// Identifiers, tags, ports and keys never come of it.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Echo identifier instead of a random one.
    #[arg(short = 'e', long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) ident: Option<u16>,

    /// By what to send and receive: linux, or portable, which is the crate surge-ping: fewer
    /// options, this process's clock, replies without their data.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "linux",
        value_enum,
        hide_possible_values = true
    )]
    pub(crate) backend: Backend,

    /// Addresses only, no names.
    #[arg(short, long, conflicts_with = "names")]
    pub(crate) numeric: bool,
    /// Names also when the output is no terminal.
    #[arg(long)]
    pub(crate) names: bool,
    /// Only the first line and the summary.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// A bell with each answer.
    #[arg(short, long)]
    pub(crate) audible: bool,
    /// The date in front of each line, in seconds of Unix time.
    #[arg(short = 'D', long)]
    pub(crate) dates: bool,
    /// Say that a request is unanswered when the next one leaves.
    #[arg(short = 'O', long)]
    pub(crate) outstanding: bool,
    /// Every rejected packet, and by which method where it is not the best; with jsonl also every
    /// request sent.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Exit with 1 when this holds, such as 'loss>5% or p95>80ms'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
    /// Print exactly what iputils' ping prints, and exit as it does; --classic=ping is the same.
    #[arg(long)]
    pub(crate) classic: bool,
    /// Exit as iputils' ping does.
    #[arg(long)]
    pub(crate) classic_exit: bool,

    #[command(flatten)]
    pub(crate) missing: Missing,
    /// What the classic syntax takes with a warning.
    #[arg(skip)]
    pub(crate) warnings: Vec<String>,
    /// The name it was started under, where that is the classic one.
    #[arg(skip)]
    pub(crate) program: Option<Untrusted>,
}

/// Options of iputils' ping that cannot be had yet: a usage error, never parsed and ignored.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Missing {
    #[arg(short = 'C', long, hide = true)]
    connect: bool,
    #[arg(short = 'N', long, hide = true, value_name = "VALUE")]
    node_information: Option<String>,
}

impl Missing {
    /// The first of them that was given, and what it would do.
    pub(crate) fn given(&self) -> Option<(char, &'static str)> {
        [(self.connect, 'C'), (self.node_information.is_some(), 'N')]
            .into_iter()
            .find(|(given, _)| *given)
            .map(|(_, letter)| (letter, Self::meaning(letter)))
    }

    /// What an option would do.
    pub(crate) const fn meaning(letter: char) -> &'static str {
        match letter {
            'C' => "connected sockets",
            _ => "node information queries",
        }
    }
}

/// Data bytes of a request, as iputils' ping.
const DEFAULT_SIZE: u16 = 56;

const EXAMPLES: &str = "\
EXAMPLES
  netdiag ping -c 5 example.net
  netdiag ping -i 0.2 -c 100 --fail-if 'loss>1% or p95>50ms' 192.0.2.1
  netdiag ping --proto icmp,tcp:443,tls:443 example.net
  netdiag ping --until-up 3 --deadline 60 192.0.2.1 && echo it is back
  netdiag ping --json -c 10 192.0.2.1 2001:db8::1 | jq '.targets[].loss_percent'

SIGNALS
  SIGINT prints the summary and ends the run, SIGQUIT prints the figures so far. SIGTERM and SIGHUP
  print the summary and then end the process; with --classic they end it at once, as iputils' ping.

EXIT STATUS
  0  a reply came from every host, and no --fail-if holds
  1  measured, and it does not hold for at least one host
  2  usage error
  3  nothing could be measured, or the result could not be written";

/// The arguments alone, for their defaults.
#[derive(clap::Parser)]
struct Alone {
    #[command(flatten)]
    ping: PingArguments,
}

impl PingArguments {
    /// Those of the classic tool, with nothing said but that.
    pub(crate) fn classic() -> Self {
        let Alone { ping } = clap::Parser::parse_from(["ping", "--classic", "host"]);
        ping
    }

    /// What is sent, each once.
    pub(crate) fn protocols(&self) -> Vec<Protocol> {
        let mut all = Vec::new();
        for protocol in &self.proto {
            if !all.contains(protocol) {
                all.push(*protocol);
            }
        }
        all
    }

    /// The TOS byte or traffic class, where any of its bits was asked for.
    pub(crate) fn traffic_class(&self) -> Option<u8> {
        self.tos.or_else(|| self.marking.traffic_class())
    }

    /// Whether something is asked for that only ICMP over IPv4 has.
    pub(crate) const fn has_ip_options(&self) -> bool {
        self.record_route || self.ip_timestamps.is_some()
    }

    /// Data bytes of a request that carries any.
    pub(crate) fn size(&self) -> u16 {
        self.size.unwrap_or(DEFAULT_SIZE)
    }

    /// The pattern in hexadecimal.
    pub(crate) fn pattern_digits(&self) -> Option<String> {
        let digits =
            |pattern: Pattern| pattern.bytes().iter().map(|b| format!("{b:02x}")).collect();
        self.pattern.map(digits)
    }

    /// The state of a host that ends its series.
    pub(crate) fn goal(&self) -> Option<Goal> {
        let up = self.until_up.or_else(|| self.first.then_some(1)).map(Goal::Up);
        up.or_else(|| self.until_down.map(Goal::Down))
    }

    /// From one request to the next.
    pub(crate) fn interval(&self) -> Duration {
        let default = if self.flood { Duration::ZERO } else { Duration::from_secs(1) };
        self.interval.unwrap_or(default)
    }

    /// After which time without an answer a request is lost.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.map_or(Duration::from_secs(2), |timeout| timeout.duration)
    }

    /// What messages begin with.
    pub(crate) fn program(&self) -> Untrusted {
        match &self.program {
            Some(program) => program.clone(),
            None if self.classic => Untrusted::from("ping"),
            None => Untrusted::from("netdiag ping"),
        }
    }
}

fn tos(text: &str) -> Result<u8, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "a number from 0 to 255, decimal or 0x..".to_owned())
}
