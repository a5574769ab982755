//! `netdiag sweep`.

use super::form::{Color, Output};
use super::value::{self, Timeout};
use netdiag_engine::Pattern;
use netdiag_ping::Protocol;
use std::net::IpAddr;
use std::time::Duration;

/// Many targets, one row each: alive, unreachable and by whom, silent, or not measured from here.
///
/// A TARGET is a name, an address, a network (192.0.2.0/24) or a range (192.0.2.1-192.0.2.9, or
/// 192.0.2.1-9). Of IPv4 networks shorter than /31 the network and broadcast address are left out.
/// Each address is probed once, however often it is named.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SweepArguments {
    /// Names, addresses, networks, ranges.
    #[arg(value_name = "TARGET", required_unless_present = "file")]
    pub(crate) targets: Vec<String>,

    /// Read targets from a file, one a line; `#` begins a comment; `-` is standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<String>,
    /// Leave these out: addresses, networks with all their addresses, ranges, names. May be given
    /// several times.
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    pub(crate) exclude: Vec<String>,
    /// Every address of a name, not only the first.
    #[arg(short = 'm', long)]
    pub(crate) all_addresses: bool,
    /// More than 65,536 targets as a user who is not root.
    #[arg(long)]
    pub(crate) i_know: bool,

    /// What to send: icmp, udp, tcp or syn, with :PORT behind the last three; syn begins connections and
    /// never completes them, which needs the right to send raw packets.
    #[arg(long, value_name = "PROTO", default_value = "icmp", value_parser = value::sweep_protocol)]
    pub(crate) proto: Protocol,
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

    /// Probes to each target, whatever becomes of them, one each interval; 1: probing ends with an
    /// answer.
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = value::count, allow_negative_numbers = true)]
    pub(crate) count: u64,
    /// How often a target without an answer is probed again [default: 1; none with --count above 1].
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) retry: Option<u32>,
    /// Each retry is waited for so many times as long as the probe before it, 1 to 5 [default: 1].
    #[arg(short = 'B', long, value_name = "F", value_parser = backoff, allow_negative_numbers = true)]
    pub(crate) backoff: Option<f64>,
    /// From one probe to a target to the next one to it, with --count above 1 [default: 1]. Below
    /// 10 ms, and 0 for none, only for root. Where --rate needs longer for all targets, it is that.
    #[arg(long, value_name = "DUR", value_parser = value::duration_or_zero, allow_hyphen_values = true)]
    pub(crate) interval: Option<Duration>,
    /// Packets a second to all targets together; max: as fast as it goes, only for root.
    #[arg(long, value_name = "PPS", default_value = "1000", value_parser = rate, allow_negative_numbers = true)]
    pub(crate) rate: Rate,
    /// After this time without an answer a probe is lost.
    #[arg(short = 'W', long, value_name = "DUR", default_value = "1", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// End after this time, whatever is under way, also the look-up of names (after half of it).
    #[arg(short = 'w', long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,

    /// Data bytes of a request: 0 to 65507 (IPv4), 65527 (IPv6).
    #[arg(short = 'b', long, value_name = "BYTES", default_value = "56", value_parser = clap::value_parser!(u16).range(0..=65_527), allow_negative_numbers = true)]
    pub(crate) size: u16,
    /// Up to 16 bytes, in hexadecimal, that fill the data.
    #[arg(long, value_name = "HEX", value_parser = value::pattern)]
    pub(crate) pattern: Option<Pattern>,
    /// TTL or hop limit, 1 to 255 [default: 64, or what the kernel has].
    #[arg(short = 'H', long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), allow_negative_numbers = true)]
    pub(crate) ttl: Option<u8>,
    /// DSCP by name (ef, cs1, af41 ...) or number, 0 to 63.
    #[arg(long, value_name = "NAME|N", value_parser = value::dscp, allow_negative_numbers = true)]
    pub(crate) dscp: Option<u8>,
    /// Firewall mark of every packet (needs CAP_NET_ADMIN, or CAP_NET_RAW from Linux 5.17).
    #[arg(short = 'k', long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) mark: Option<u32>,

    /// Only rows of targets that answer.
    #[arg(short, long, conflicts_with = "unreachable")]
    pub(crate) alive: bool,
    /// Only rows of targets that do not answer.
    #[arg(short, long)]
    pub(crate) unreachable: bool,
    /// Only the verdict and what is wrong.
    #[arg(short, long, conflicts_with_all = ["alive", "unreachable"])]
    pub(crate) quiet: bool,
    /// Addresses as they are, never names of them: as without --names.
    #[arg(long, conflicts_with = "names")]
    pub(crate) numeric: bool,
    /// The names of addresses, too; a row waits for one for up to a second.
    #[arg(long)]
    pub(crate) names: bool,
    /// Late and repeated answers too; in json each probe.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// When findings are coloured; auto: on a terminal.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(crate) color: Color,
    /// Form of the output.
    #[arg(long, value_name = "FORM", default_value = "text", value_enum)]
    pub(crate) output: Output,
    /// The same as --output json.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
    /// Read all other arguments as fping does, and print and exit as it does; see netdiag-fping(1).
    /// --classic=fping is the same.
    #[arg(long)]
    pub(crate) classic: bool,
    /// Exit with 0 when at least so many targets answer, whatever the others do, and no --fail-if
    /// holds.
    #[arg(short = 'x', long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) min_alive: Option<u32>,
    /// Exit with 1 when this holds for a target, such as 'loss>5% or p95>80ms'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
    /// Exit with fping's codes: 1 when a target does not answer, 2 when a name has no address, 4 when
    /// nothing could be measured.
    #[arg(long)]
    pub(crate) classic_exit: bool,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag sweep 192.0.2.0/24
  netdiag sweep --alive --rate 5000 192.0.2.0/24 --exclude 192.0.2.1-9
  netdiag sweep --file hosts.txt --min-alive 3 --json | jq '.targets[] | select(.state != \"alive\")'
  netdiag sweep --count 10 --fail-if 'loss>5%' db1.example.net db2.example.net

EXIT STATUS
  0  every target answered, and no --fail-if holds; with --min-alive, enough did
  1  measured, and it does not hold
  2  usage error
  3  nothing could be measured, or the result could not be written";

/// How many packets leave in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    /// As many as go.
    Max,
    /// So many, above zero.
    PerSecond(f64),
}

impl Rate {
    /// From one packet to the next.
    pub(crate) fn spacing(self) -> Duration {
        match self {
            Self::Max => Duration::ZERO,
            Self::PerSecond(rate) => Duration::from_secs_f64(1.0 / rate),
        }
    }
}

pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    let rate = text.parse().ok().filter(|rate: &f64| (0.001..=10_000_000.0).contains(rate));
    rate.map(Rate::PerSecond)
        .ok_or_else(|| "packets a second, 0.001 to 10000000, or max".to_owned())
}

fn backoff(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| (1.0..=5.0).contains(factor));
    factor.ok_or_else(|| "a number from 1 to 5".to_owned())
}

impl SweepArguments {
    /// The form of output, whichever way it was asked for.
    pub(crate) fn form(&self) -> Output {
        if self.json { Output::Json } else { self.output }
    }

    /// From one probe to a target to the next one to it.
    pub(crate) fn interval(&self) -> Duration {
        const DEFAULT: Duration = Duration::from_secs(1);
        self.interval.unwrap_or(DEFAULT)
    }

    /// How often a target without an answer is probed again.
    pub(crate) fn retries(&self) -> u32 {
        self.retry.unwrap_or_else(|| u32::from(self.count == 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_bounded_and_max_is_one() {
        assert_eq!(rate("2000").map(Rate::spacing), Ok(Duration::from_micros(500)));
        assert_eq!(rate("max").map(Rate::spacing), Ok(Duration::ZERO));
        for text in ["", "0", "-1", "nan", "inf", "1e9", "1e-9", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
        for text in ["0.5", "6", "nan", ""] {
            assert!(backoff(text).is_err(), "{text}");
        }
    }
}
