//! The parts of the JSON contract that every command shares.

use crate::finding::{Finding, Severity};
use crate::{ClockAnchor, Instant, Untrusted};
use serde::Serialize;

/// The name of this version of the contract.
pub const SCHEMA: &str = "netdiag/1";

/// The document that a run ends with: the envelope around a command's targets.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Document<T> {
    /// Always `netdiag/1`.
    #[schemars(extend("const" = "netdiag/1"))]
    pub schema: String,
    /// The command, such as `ping`.
    pub command: String,
    /// The version of netdiag.
    pub version: String,
    /// When the run started, UTC, RFC 3339 with microseconds.
    pub started_at: String,
    /// How long the run took, in milliseconds.
    pub elapsed_ms: f64,
    /// Whether the run did all that was asked for: `ended_by` is `done`.
    pub complete: bool,
    /// What ended the run.
    pub ended_by: EndedBy,
    /// How it was measured: the weakest method used.
    pub method: Method,
    /// One entry for each address probed.
    pub targets: Vec<T>,
    /// Verdicts, for all targets.
    pub findings: Vec<Finding>,
    /// The worst finding; `critical` where what was asked for does not hold, `unknown` when
    /// nothing could be measured.
    pub status: Status,
    /// The exit code of the process.
    pub exit_code: u8,
}

impl<T> Document<T> {
    /// The same around other targets.
    #[must_use]
    pub fn with_targets<U>(&self, targets: Vec<U>) -> Document<U> {
        Document {
            schema: self.schema.clone(),
            command: self.command.clone(),
            version: self.version.clone(),
            started_at: self.started_at.clone(),
            elapsed_ms: self.elapsed_ms,
            complete: self.complete,
            ended_by: self.ended_by,
            method: self.method.clone(),
            targets,
            findings: self.findings.clone(),
            status: self.status,
            exit_code: self.exit_code,
        }
    }
}

/// What the result of a target needs to know beside what was measured.
#[derive(Clone, Debug)]
pub struct Context {
    /// The target as it was given.
    pub target: Untrusted,
    /// Turns instants into dates.
    pub anchor: ClockAnchor,
    /// When the run started.
    pub started_at: Instant,
    /// How it was measured; its `timestamps` are set from what was seen.
    pub method: Method,
}

/// What ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndedBy {
    /// It did all that was asked for.
    Done,
    /// Its `--deadline`, before a count was reached; probes may have been under way.
    Deadline,
    /// SIGINT, SIGTERM or SIGHUP.
    Signal,
    /// Nothing could be opened, or the network of this machine as a whole failed.
    Fault,
}

/// How something was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Method {
    /// The kind of socket.
    pub socket: SocketKind,
    /// Who read the clock for the round-trip times.
    pub timestamps: Timestamps,
    /// Why this method and no better one.
    pub because: String,
    /// What this method cannot tell.
    pub lost: Vec<String>,
    /// What would give a better method here; `null` where it is the best, or was asked for.
    pub remedy: Option<String>,
}

/// The kinds of socket, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SocketKind {
    /// A raw ICMP socket.
    Raw,
    /// An ICMP datagram ("ping") socket.
    IcmpDatagram,
    /// UDP, errors from the socket's error queue.
    UdpErrorQueue,
    /// TCP connects, errors from the socket's error queue.
    TcpErrorQueue,
    /// Connects by the kernel alone.
    KernelConnect,
    /// Netlink: tables of the kernel.
    Netlink,
    /// Tables of a kernel that were saved in files.
    Files,
    /// A packet socket.
    Packet,
    /// Nothing could be opened.
    None,
}

impl SocketKind {
    /// The word of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::IcmpDatagram => "icmp-datagram",
            Self::UdpErrorQueue => "udp-error-queue",
            Self::TcpErrorQueue => "tcp-error-queue",
            Self::KernelConnect => "kernel-connect",
            Self::Netlink => "netlink",
            Self::Files => "files",
            Self::Packet => "packet",
            Self::None => "none",
        }
    }
}

/// Who read the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Timestamps {
    /// The kernel, for every sample that was counted.
    Kernel,
    /// This process, for at least one sample.
    User,
}

/// The verdict over a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// What was asked for holds, and there is no finding above info.
    Ok,
    /// What was asked for holds, and there is a warning.
    Warning,
    /// A critical finding, or what was asked for does not hold.
    Critical,
    /// Nothing could be measured.
    Unknown,
}

/// What a run came to, before its findings are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// What was asked for holds for every target.
    Holds,
    /// It does not hold for at least one.
    Fails,
    /// Nothing could be measured.
    Unmeasured,
}

impl Status {
    /// The worst of the findings; never better than what the run came to.
    #[must_use]
    pub fn of(findings: &[Finding], judgement: Judgement) -> Self {
        let worst = findings.iter().map(|finding| finding.severity).max();
        match (judgement, worst) {
            (Judgement::Unmeasured, _) => Self::Unknown,
            (Judgement::Fails, _) | (_, Some(Severity::Critical)) => Self::Critical,
            (Judgement::Holds, Some(Severity::Warning)) => Self::Warning,
            (Judgement::Holds, None | Some(Severity::Info)) => Self::Ok,
        }
    }
}

/// RTT of the contract: round-trip times in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Rtt {
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
    /// Sample standard deviation (n - 1); `null` below two samples.
    pub stddev: Option<f64>,
    /// Population standard deviation, as iputils prints it.
    pub mdev: f64,
    /// The last one received.
    pub last: f64,
    /// The median, by nearest rank.
    pub p50: f64,
    /// The 90th percentile, by nearest rank.
    pub p90: f64,
    /// The 95th percentile, by nearest rank.
    pub p95: f64,
    /// The 99th percentile, by nearest rank.
    pub p99: f64,
    /// How many round trips these figures are of.
    pub samples: u64,
}

/// JITTER of the contract, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Jitter {
    /// Interarrival jitter of RFC 3550 section 6.4.1, over round trips; starts at 0 and lags.
    /// `null` below two samples.
    pub rfc3550: Option<f64>,
    /// Mean of the absolute IPDV (RFC 3393) of neighbouring probes; `null` without a pair.
    pub ipdv_abs_mean: Option<f64>,
    /// The smallest signed IPDV.
    pub ipdv_min: Option<f64>,
    /// The largest signed IPDV.
    pub ipdv_max: Option<f64>,
    /// 95th percentile of the delay above its minimum (RFC 5481 PDV).
    pub pdv_p95: f64,
}

/// The options of a SYN-ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Options {
    /// The largest segment that it takes, in bytes (RFC 9293 section 3.7.1).
    pub mss: Option<u16>,
    /// Bits that its windows are to be shifted by (RFC 7323 section 2).
    pub wscale: Option<u8>,
    /// Selective acknowledgements are understood (RFC 2018).
    pub sack: bool,
    /// It has timestamps (RFC 7323 section 3).
    pub timestamps: bool,
    /// It agrees to explicit congestion notification (RFC 3168 section 6.1.1); `null` where it was not
    /// asked to.
    pub ecn: Option<bool>,
}

/// The lowest and highest reply TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ReplyTtl {
    /// Of the last reply.
    pub last: u8,
    /// The smallest.
    pub min: u8,
    /// The largest.
    pub max: u8,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeName {
    /// An answer came in time.
    Reply,
    /// Nothing came in time.
    Timeout,
    /// An ICMP error, or a refusal.
    NetError,
    /// It never left this machine.
    LocalError,
    /// Something on this machine made it meaningless.
    Unknown,
}
