//! `netdiag mtr`.

use super::form::{Color, Form, Output};
use super::marking::Marking;
use super::multipath::MultipathArguments;
use super::trace::TraceArguments;
use super::value::{self, Timeout};
use crate::world::DontFragment;
use netdiag_report::trace::mtr::Order;
use std::net::IpAddr;
use std::time::Duration;

/// The path to one or more hosts, cycle by cycle: loss and times of every hop, and where loss is real.
///
/// On a terminal a live screen, until `q`; with --report, or where the output is none, a table at the
/// end. Each cycle asks every hop once, spread over the interval; none behind the target. When the path
/// changes the figures begin anew, and those of the path before are kept apart.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct MtrArguments {
    /// Hosts: names, IPv4 or IPv6 addresses, `fe80::1%eth0`; with :PORT by TCP.
    #[arg(value_name = "HOST", required_unless_present = "file")]
    pub(crate) hosts: Vec<String>,
    /// More hosts from a file, one a line, `#` begins a comment; `-`: standard input. With :PORT only
    /// beside --tcp.
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) file: Option<String>,

    /// A table at the end instead of a screen.
    #[arg(short, long)]
    pub(crate) report: bool,
    /// The same with whole names and all columns, however narrow the terminal is.
    #[arg(short = 'w', long, conflicts_with = "quiet")]
    pub(crate) report_wide: bool,
    /// So many cycles [default: 10 for a report, on a screen until `q`].
    #[arg(short, long, value_name = "N", value_parser = cycles, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// From one cycle to the next one; 0: as fast as it goes, every 1 ms. Below 2 ms only for root.
    #[arg(short, long, value_name = "DUR", default_value = "1", value_parser = value::duration_or_zero, allow_hyphen_values = true)]
    pub(crate) interval: Duration,

    /// ICMP echo requests, and nothing in their place.
    #[arg(long, conflicts_with_all = ["udp", "tcp"])]
    pub(crate) icmp: bool,
    /// UDP datagrams, to a port where nobody should listen.
    #[arg(short, long, conflicts_with = "tcp")]
    pub(crate) udp: bool,
    /// TCP connections, which are not completed on the way.
    #[arg(short = 'T', long)]
    pub(crate) tcp: bool,
    /// Destination port [default: 33434 of UDP, 443 of TCP].
    #[arg(short = 'P', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    pub(crate) port: Option<u16>,
    /// Another flow for each probe: UDP takes one of 256 ports in turn, ICMP changes its checksum, TCP
    /// takes one of 16 source ports. Then a hop shows all routers that share the load, and a path that
    /// changes is not told from one of several.
    #[arg(long)]
    pub(crate) vary_flow: bool,
    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Source address.
    #[arg(short = 'a', long, value_name = "ADDR")]
    pub(crate) source: Option<IpAddr>,
    /// Interface to send by.
    #[arg(short = 'I', long, value_name = "NAME")]
    pub(crate) interface: Option<String>,
    /// The first hop that is asked.
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) first_ttl: u8,
    /// The last hop that is asked.
    #[arg(short, long, value_name = "N", default_value = "30", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) max_ttl: u8,
    /// Nothing is asked behind so many silent hops in a row.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) gap: u8,
    /// After this time without an answer a probe is lost. When all are sent, sooner: after three round
    /// trips of a hop at least as far away.
    #[arg(short = 'Z', long, value_name = "DUR", default_value = "2", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// End after this time, whatever is under way.
    #[arg(long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,
    /// Data bytes of a probe, 18 to 65507 (IPv4), 65527 (IPv6) [default: 32].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(18..=65_527), allow_negative_numbers = true)]
    pub(crate) size: Option<u16>,
    /// As large probes as pass, and how large those are: a column of MTUs. Begins with that of the
    /// interface, and goes on with what routers say that call them too big.
    #[arg(long, conflicts_with_all = ["tcp", "size", "df"])]
    pub(crate) mtu: bool,
    #[command(flatten)]
    pub(crate) marking: Marking,
    /// What happens to packets larger than the path.
    #[arg(short = 'M', long, value_name = "POLICY", value_enum)]
    pub(crate) df: Option<DontFragment>,
    /// Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,

    /// Columns by mtr's letters: L loss, D lost, R received, S sent, N last, B best, A mean, W worst,
    /// V deviation, G geometric mean, J jitter of the last two, M its mean, X its largest, I the
    /// interarrival jitter of RFC 3550; and K the loss of the link to a hop, O that of the hop itself, U
    /// the MTU (with --mtu).
    #[arg(short, long, value_name = "LETTERS")]
    pub(crate) order: Option<Order>,
    /// The columns of pathping: loss from here to a hop, of the hop itself and of the link to it.
    #[arg(long, conflicts_with = "order")]
    pub(crate) pathping: bool,
    /// Read all other arguments as Debian's mtr does, and print and exit as it does: `netdiag mtr --classic
    /// --help` lists them. --classic=mtr is the same.
    #[arg(long)]
    pub(crate) classic: bool,
    /// Exit as mtr does: with 0 also where the target was not reached.
    #[arg(long, conflicts_with = "fail_if")]
    pub(crate) classic_exit: bool,

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
    /// When findings are coloured; auto: on a terminal.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(crate) color: Color,
    /// Form of the output.
    #[arg(long, value_name = "FORM", default_value = "text", value_enum)]
    pub(crate) output: Output,
    /// The same as --output json.
    #[arg(short, long, conflicts_with = "output")]
    pub(crate) json: bool,
    /// Exit with 1 when this holds for a target, such as 'loss>1% or p95>80ms'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
}

const EXAMPLES: &str = "\
KEYS
  q  end                 p  pause, and go on      r  begin the figures anew
  n  addresses or names  e  tell all of the hop   up, down, Tab  another hop, another target
  s  sort by the next column; o  in the order of the path
  h  these keys

EXAMPLES
  netdiag mtr example.net
  netdiag mtr --report -c 100 -i 0.2 example.net
  netdiag mtr --classic -r -n -o LSRD 192.0.2.1
  netdiag mtr --json -c 20 --fail-if 'loss>1%' example.net

EXIT STATUS
  0  every target was reached, and no --fail-if holds
  1  measured, and it does not hold for at least one target
  2  usage error
  3  nothing could be measured, or the result could not be written";

/// The most cycles.
const MOST_CYCLES: u64 = 1_000_000;

fn cycles(text: &str) -> Result<u64, String> {
    value::count(text).and_then(|count| match count {
        ..=MOST_CYCLES => Ok(count),
        _ => Err(format!("at most {MOST_CYCLES}")),
    })
}

impl MtrArguments {
    /// The form of output. Its `-o` is not ours.
    pub(crate) const fn form(&self) -> Form {
        Form { color: self.color, output: self.output, json: self.json }
    }

    /// The trace whose hops are asked again and again.
    pub(crate) fn trace(&self) -> TraceArguments {
        TraceArguments {
            classic: false,
            classic_exit: self.classic_exit,
            hosts: self.hosts.clone(),
            file: self.file.clone(),
            icmp: self.icmp,
            udp: self.udp,
            tcp: self.tcp,
            port: self.port,
            vary_flow: self.vary_flow,
            multipath: MultipathArguments::default(),
            ipv4: self.ipv4,
            ipv6: self.ipv6,
            source: self.source,
            interface: self.interface.clone(),
            queries: 1,
            first_ttl: self.first_ttl,
            max_ttl: self.max_ttl,
            gap: self.gap,
            window: netdiag_trace::config::WINDOW,
            interval: Some(self.interval),
            timeout: self.timeout,
            deadline: self.deadline,
            size: self.size,
            marking: self.marking,
            mtu: self.mtu,
            df: self.df,
            mark: self.mark,
            asn_file: self.asn_file.clone(),
            numeric: self.numeric,
            names: self.names,
            quiet: self.quiet,
            verbose: self.verbose,
            form: self.form(),
            fail_if: self.fail_if.clone(),
        }
    }
}
