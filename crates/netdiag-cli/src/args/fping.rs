//! `netdiag fping`, which is `netdiag sweep --classic`: what fping's own options come to.

use netdiag_model::{Family, Untrusted};
use std::net::IpAddr;
use std::time::Duration;

/// fping's own options, output and exit codes, as version 5.1 has them.
///
/// The same as `netdiag sweep --classic`, and as the program started under the name `fping`. The
/// options are fping's, and so are their units: those of -t, -i and -p are milliseconds, that of -Q
/// is seconds. `netdiag fping -h` lists them.
#[derive(Clone, Debug, clap::Args)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct FpingWords {
    /// Options and targets of fping.
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

/// What they come to.
#[derive(Clone, Debug)]
pub(crate) struct FpingArguments {
    /// The name it was started under.
    pub(crate) program: Untrusted,
    pub(crate) targets: Vec<String>,
    pub(crate) file: Option<String>,
    pub(crate) generate: bool,
    pub(crate) family: Option<Family>,
    pub(crate) all_addresses: bool,
    pub(crate) count: Option<u32>,
    pub(crate) loops: bool,
    pub(crate) retries: u32,
    pub(crate) backoff: f64,
    pub(crate) timeout: Option<Duration>,
    pub(crate) interval: Duration,
    pub(crate) period: Duration,
    pub(crate) report_every: Duration,
    /// So many targets have to answer.
    pub(crate) reachable: Option<u32>,
    /// It ends once so many have.
    pub(crate) fast: bool,
    pub(crate) size: u32,
    pub(crate) random: bool,
    pub(crate) ttl: u32,
    pub(crate) tos: Option<u8>,
    pub(crate) dont_fragment: bool,
    pub(crate) mark: Option<u32>,
    pub(crate) source: Option<IpAddr>,
    pub(crate) interface: Option<String>,
    pub(crate) alive: bool,
    pub(crate) unreachable: bool,
    pub(crate) quiet: bool,
    pub(crate) all_times: bool,
    pub(crate) addresses: bool,
    /// Names of targets that are given as addresses.
    pub(crate) names: bool,
    /// Names of all targets.
    pub(crate) all_names: bool,
    pub(crate) dated: bool,
    pub(crate) elapsed: bool,
    pub(crate) outage: bool,
    pub(crate) stats: bool,
    pub(crate) netdata: bool,
}

impl FpingArguments {
    /// fping's defaults.
    pub(crate) fn new(program: Untrusted) -> Self {
        Self {
            program,
            targets: Vec::new(),
            file: None,
            generate: false,
            family: None,
            all_addresses: false,
            count: None,
            loops: false,
            retries: 3,
            backoff: 1.5,
            timeout: None,
            interval: Duration::from_millis(10),
            period: Duration::from_secs(1),
            report_every: Duration::ZERO,
            reachable: None,
            fast: false,
            size: 56,
            random: false,
            ttl: 0,
            tos: None,
            dont_fragment: false,
            mark: None,
            source: None,
            interface: None,
            alive: false,
            unreachable: false,
            quiet: false,
            all_times: false,
            addresses: false,
            names: false,
            all_names: false,
            dated: false,
            elapsed: false,
            outage: false,
            stats: false,
            netdata: false,
        }
    }

    /// Whether each target gets probes at a fixed period, whatever becomes of them.
    pub(crate) const fn counts(&self) -> bool {
        self.loops || self.count.is_some()
    }

    /// Whether it says of each target what becomes of it.
    pub(crate) const fn verbose(&self) -> bool {
        let chosen = self.alive || self.unreachable || self.reachable.is_some();
        !self.quiet && !chosen && !self.counts()
    }

    /// Whether each probe has its line. A loop is quiet only with summaries instead.
    pub(crate) const fn each_probe(&self) -> bool {
        if self.loops {
            return self.report_every.is_zero();
        }
        let chosen = self.alive || self.unreachable || self.reachable.is_some();
        self.count.is_some() && !self.quiet && !chosen
    }

    /// How long the first probe is waited for.
    pub(crate) fn timeout(&self) -> Duration {
        const DEFAULT: Duration = Duration::from_millis(500);
        const LONGEST_PERIOD: Duration = Duration::from_secs(2);
        const LEAST: Duration = Duration::from_micros(1);
        let by_mode = if self.counts() { self.period.min(LONGEST_PERIOD) } else { DEFAULT };
        self.timeout.unwrap_or(by_mode).max(LEAST)
    }
}
