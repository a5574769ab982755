//! `netdiag check`.

use super::form::{self, Color};
use super::value;
use std::time::Duration;

/// Many checks at once, each with what is expected: pass, warn, fail, unknown or skip.
///
/// A check is a line of a kind, a target and what is expected, or stands in a FILE (TOML). Kinds are
/// ping, tcp, syn, dns, trace, mtu and sockets; what can be expected of each `netdiag schema --metrics
/// check` lists, and `netdiag schema check-file` how a FILE looks. What cannot be measured from here is unknown,
/// never a failure of the target; a check whose dependency does not pass is skipped. A page with a
/// status of 400 or above fails, unless something is expected of its `status`.
///
/// A DUR is a number of seconds, or has a unit: us, ms, s, m, h.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct CheckArguments {
    /// Files of checks, `-` is standard input; or checks: 'tcp db:5432', 'ping gw loss<1%',
    /// 'dns A example.net expect 192.0.2.7'.
    #[arg(value_name = "FILE|CHECK", required = true)]
    pub(crate) given: Vec<String>,

    /// Only checks with this tag, and those that they depend on; may be given several times.
    #[arg(long, value_name = "TAG")]
    pub(crate) only: Vec<String>,
    /// Only look whether the checks are valid; measure nothing.
    #[arg(long)]
    pub(crate) validate: bool,
    /// End all checks after this time [default: that of the file, or 60].
    #[arg(short = 'w', long, value_name = "DUR", value_parser = value::duration, allow_hyphen_values = true)]
    pub(crate) deadline: Option<Duration>,

    /// Only what does not pass, and the verdict.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// When lines are coloured; auto: on a terminal.
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(crate) color: Color,
    /// Form of the output.
    #[arg(short, long, value_name = "FORM", default_value = "text", value_enum)]
    pub(crate) output: Output,
    /// The same as --output json.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One document at the end.
    Json,
    /// One check a line, as it ends.
    Jsonl,
    /// One row a check.
    Csv,
    /// JUnit XML, for continuous integration.
    Junit,
    /// The Test Anything Protocol, version 13.
    Tap,
    /// A monitoring plugin's line, and its exit codes.
    Nagios,
    /// Metrics for a textfile collector.
    Prometheus,
}

impl CheckArguments {
    /// The form of output, whichever way it was asked for.
    pub(crate) const fn output(&self) -> Output {
        if self.json { Output::Json } else { self.output }
    }
}

impl From<form::Output> for Output {
    fn from(output: form::Output) -> Self {
        match output {
            form::Output::Text => Self::Text,
            form::Output::Json => Self::Json,
            form::Output::Jsonl => Self::Jsonl,
            form::Output::Csv => Self::Csv,
        }
    }
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag check site.toml
  netdiag check 'tcp db:5432' 'dns A example.net expect 192.0.2.7' 'ping gw loss<1%'
  netdiag check 'sockets state close-wait count<100'
  netdiag check --only lan --output junit site.toml > report.xml
  netdiag check --output nagios 'ping gw loss<20% warn p95<80ms'
  netdiag check --validate site.toml

EXIT STATUS
  0  every check passes, perhaps with a warning, or was skipped
  1  at least one fails
  2  usage error; nothing was measured
  3  none fails, and at least one could not be measured, also beside a warning; or the result could
     not be written
  With --output nagios: 0 ok, 1 warning (also beside what could not be measured), 2 critical,
  3 unknown, and what was not begun, such as after a usage error.";
