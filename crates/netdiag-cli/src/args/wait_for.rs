//! `netdiag wait-for`.

use super::form::Form;
use super::value::{self, Timeout};

/// Wait until something answers: a port, a web page, a name, a host.
///
/// host:port is ready when a connection opens that is not one to itself, http://... and https://... when
/// the answer has a status below 400, of whatever page it is (a redirect is not followed), dns:NAME when it
/// has records, icmp:HOST when it answers an echo request. Each is tried every 100 ms at first, after 30 s
/// every second, and each step of an attempt may take a second; names are looked up again while it waits.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct WaitForArguments {
    /// What to wait for: `db:5432`, `https://host/path`, `dns:NAME`, `icmp:HOST`; behind NAME all that
    /// `dns` takes, as in `'dns:NAME MX @192.0.2.53 --tls'`.
    #[arg(value_name = "SPEC", required = true)]
    pub(crate) specs: Vec<String>,

    /// Wait no longer than this.
    #[arg(short = 'w', visible_short_alias = 'W', long, value_name = "DUR", default_value = "60", value_parser = value::timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Timeout,
    /// So many answers in a row.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000), allow_negative_numbers = true)]
    pub(crate) consecutive: u32,
    /// Ready when one of them is.
    #[arg(long, conflicts_with = "all")]
    pub(crate) any: bool,
    /// Ready when all of them are; the default.
    #[arg(long)]
    pub(crate) all: bool,
    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,

    /// Over TLS, trust the certificates of this file (PEM), and no others [default: those that the
    /// machine trusts].
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<String>,
    /// Over TLS, what is wrong with certificates keeps nothing from being ready.
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Nothing on standard output where all is ready.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) form: Form,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag wait-for db.example.net:5432 --timeout 30s && start-the-service
  netdiag wait-for http://localhost:8080/health dns:db.example.net
  netdiag wait-for --ca lab.pem https://web.example.net/
  netdiag wait-for --any --consecutive 3 icmp:192.0.2.1 icmp:192.0.2.2

EXIT STATUS
  0  ready
  1  not ready in time; the last cause is said
  2  usage error
  3  nothing could be measured, or the result could not be written";
