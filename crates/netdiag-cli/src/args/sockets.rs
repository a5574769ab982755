//! `netdiag sockets`.

use super::form::Form;
use super::value;
use netdiag_model::Untrusted;
use std::path::PathBuf;
use std::time::Duration;

/// The sockets of this machine: their states, who has them, and what is wrong.
///
/// Lists TCP and UDP sockets of this network namespace, every state by its name in RFC 9293. What
/// could be wrong is looked at more closely and said below the table, with its evidence. Sends nothing.
///
/// FILTER says which sockets: `:443`, `:80,https,8000-8010`, `192.0.2.1`, `10.0.0.0/8`, `state close-wait`,
/// `exclude time-wait`, `src`, `dst`, `sport` and `dport` (with `!=`, `>=` and the like as in ss, with
/// blanks or without), `pid 123`, `process nginx`, `uid 1000`, `uid www-data`, `tcp`, `udp`, `raw`, `ipv4`, `ipv6`, joined by `and`, `or`,
/// `not` and parentheses; a name with blanks stands in double quotes. A port, a pid or a process also shows the owners.
///
/// A FILTER chooses what is listed, and what --summary and the counts of --fail-if count. What is wrong is
/// found in all sockets that are read, and told where one that is listed has to do with it; the last
/// line says how many there are of the rest. Where only states are wanted that few sockets have, the
/// others are not read, and that is said, too; --summary and --fail-if read them all.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct SocketsArguments {
    /// Which sockets; side by side they all hold.
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,

    /// TCP sockets [default: TCP and UDP].
    #[arg(short, long)]
    pub(crate) tcp: bool,
    /// UDP sockets.
    #[arg(short, long)]
    pub(crate) udp: bool,
    /// Raw sockets.
    #[arg(short = 'w', long)]
    pub(crate) raw: bool,
    /// IPv4 only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Only sockets that wait for others.
    #[arg(short, long, overrides_with = "all")]
    pub(crate) listening: bool,
    /// Those that wait for others, too [default: so it is, until --listening].
    #[arg(short, long, overrides_with = "listening")]
    pub(crate) all: bool,
    /// Addresses and ports as numbers [default: so it is].
    #[arg(short, long)]
    pub(crate) numeric: bool,
    /// Who has each socket: process, descriptor, control group.
    #[arg(short, long)]
    pub(crate) processes: bool,
    /// Counts in place of sockets, and what the kernel has counted: by state, port, host and process
    /// (all), by state only, without a look at processes (states), or what the kernel counts by itself,
    /// without a look at its tables (totals), for which --fail-if has less to name [default: all].
    #[arg(short, long, value_name = "OF", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub(crate) summary: Option<SummaryOf>,
    /// Those of every network namespace, as far as they may be entered, which takes CAP_SYS_ADMIN; what
    /// could not be is said.
    #[arg(short = 'A', long, conflicts_with_all = ["audit", "classic"])]
    pub(crate) all_namespaces: bool,
    /// The sockets of another machine, or of another time, in place of this one's: a saved copy of its
    /// /proc or /proc/net, or of one of the files tcp, tcp6, udp, udp6, raw and raw6. Counters and limits
    /// are told as far as they were saved, too; owners are not in such files.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["all_namespaces", "watch", "audit", "processes"])]
    pub(crate) procfs: Option<PathBuf>,
    /// How the machine of --procfs has the bytes of addresses [default: as its addresses show, else
    /// little].
    #[arg(long, value_name = "ORDER", value_enum, requires = "procfs")]
    pub(crate) byte_order: Option<Order>,
    /// Print what `netstat -n`, `ss -n` or `lsof -nPi` prints, in its columns and its order, and nothing
    /// else. Which sockets is up to the other options.
    #[arg(long, value_name = "PROGRAM", value_enum, conflicts_with_all = ["output", "json", "summary", "watch", "audit", "quiet", "verbose", "threshold"])]
    pub(crate) classic: Option<ClassicProgram>,
    /// Look again after each such time [default: 1], and tell what was opened, has another state, or has gone; with
    /// --summary the numbers of all sockets, and connections, segments and packets a second, as `sar -n
    /// SOCK,SOCK6,IP,TCP,ETCP` has them. With --processes each change is told with who has the socket, or had
    /// it; with --all-namespaces with its namespace. SIGQUIT has it say how far it is.
    #[arg(long, value_name = "DUR", value_parser = interval, num_args = 0..=1, default_missing_value = "1", allow_negative_numbers = true, conflicts_with_all = ["audit", "verbose", "quiet", "fail_if", "threshold"])]
    pub(crate) watch: Option<Duration>,
    /// End after so many looks [default: at Ctrl-C].
    #[arg(short, long, value_name = "N", value_parser = value::count, requires = "watch", allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// The sysctls of TCP in place of sockets: their values, defaults and effects, and what the files of
    /// sysctl.d(5) set in vain; exits with 1 on a critical finding.
    #[arg(long, conflicts_with_all = ["filter", "tcp", "udp", "raw", "ipv4", "ipv6", "listening", "processes", "summary", "verbose"])]
    pub(crate) audit: bool,
    /// From where on something is worth a finding, such as close-wait-leak=100; may be repeated.
    #[arg(long, value_name = "NAME=N")]
    pub(crate) threshold: Vec<String>,

    /// Only what is wrong and the verdict.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// What the kernel measures of each connection (TCP_INFO), too, its user and its inode.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Exit with 1 when this holds, such as 'close_wait>10' or 'findings.critical>0'.
    #[arg(long, value_name = "EXPR")]
    pub(crate) fail_if: Option<String>,
}

/// The time between two looks, behind which a FILTER may stand.
fn interval(text: &str) -> Result<Duration, String> {
    value::duration(text).map_err(|fault| match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => fault,
        false => format!(
            "{fault}; before a FILTER the time has to be said: --watch 1 {}",
            Untrusted::from(text).escaped()
        ),
    })
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SummaryOf {
    /// By state, port, host and process.
    All,
    /// By state.
    States,
    /// What the kernel counts by itself.
    Totals,
}

/// Which byte of a number is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    /// The lowest, as on x86 and most ARM.
    Little,
    /// The highest, as on s390x.
    Big,
}

/// Whose columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ClassicProgram {
    /// Those of `netstat -n`.
    Netstat,
    /// Those of `ss -n`.
    Ss,
    /// Those of `lsof -nPi`.
    Lsof,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag sockets
  netdiag sockets :443
  netdiag sockets --processes state close-wait and not dst 127.0.0.0/8
  netdiag sockets --summary --fail-if 'findings.warning > 0'
  netdiag sockets --summary=totals
  netdiag sockets --all-namespaces --listening
  netdiag sockets --classic=netstat --tcp
  netdiag sockets --procfs report/proc state close-wait
  netdiag sockets --watch 0.1 :443
  netdiag sockets --watch 1 --summary
  netdiag sockets --json process nginx | jq '.sockets[] | [.state, .remote.address]'

EXIT STATUS
  0  the sockets were listed, and no --fail-if holds
  1  --fail-if holds
  2  usage error
  3  the kernel's tables could not be read, or the result could not be written";
