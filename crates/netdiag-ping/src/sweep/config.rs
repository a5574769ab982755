//! What to do: which targets, and how they are probed.

use crate::config::Probing;
use crate::protocol::Protocol;
use netdiag_engine::port::Control;
use netdiag_engine::{Pattern, Sources};
use netdiag_model::failure::Failure;
use netdiag_model::target::Targets;
use netdiag_model::{Destination, Family, Way};
use std::sync::Arc;
use std::time::Duration;

/// Many targets at one rate.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which targets, in order.
    pub targets: Targets,
    /// Why nothing can be sent over IPv4, and over IPv6.
    pub refused: [Option<Arc<Failure>>; 2],
    /// What is sent over IPv4.
    pub ipv4: Protocol,
    /// What is sent over IPv6.
    pub ipv6: Protocol,
    /// Whose rules say when a target is done.
    pub manner: Manner,
    /// How many probes each target gets whatever becomes of them; 1: probing ends with an answer.
    pub count: u64,
    /// How often a target without an answer is probed again, where the count is 1.
    pub retries: u32,
    /// Each retry is waited for so many times as long as the probe before it; at least 1.
    pub backoff: f64,
    /// From one probe to a target to the next one to it, where the count is above 1.
    pub interval: Duration,
    /// From one packet to the next, whichever target it goes to; zero: as fast as it goes.
    pub spacing: Duration,
    /// The least time from one probe to a target to the next one to it, whatever else is asked for:
    /// what the sender holds the user to. Zero: none, and then retries of fping keep to no rate.
    pub floor: Duration,
    /// How many probes may be under way at once: connections need a descriptor each. Rounds of a
    /// series that wait for that are late, not skipped.
    pub most_open: u64,
    /// After which time without an answer a probe is lost.
    pub timeout: Duration,
    /// After which time the run ends, whatever is under way.
    pub deadline: Option<Duration>,
    /// Data bytes of a request.
    pub size: u16,
    /// What fills them.
    pub pattern: Pattern,
    /// How many echo identifiers of IPv4 and of IPv6 a series may change between, where one is
    /// answered no more; 0 and 1: none.
    pub identifiers: [u8; 2],
    /// What travels with each packet.
    pub control: Control,
    /// Where SYNs leave from, where the control names no source.
    pub sources: Sources,
    /// Ways out of this machine that the packets take, each with a destination on it.
    pub ways: Vec<(Way, Destination)>,
    /// Whether the names of addresses are looked up.
    pub wants_names: bool,
    /// Whether each probe is told, not only what becomes of its target.
    pub tells_probes: bool,
    /// Whether single probes are kept for the result.
    pub keeps_probes: bool,
}

/// When a target is done, and the run with the last of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// With an answer, or when its last probe has settled.
    #[default]
    Settled,
    /// As fping has it.
    Fping(Fping),
}

/// The rules of fping: an ICMP error does not end a probe, which then times out like any other.
/// What becomes of a target is not told but by its probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fping {
    /// Whether each target gets all probes of the count, one each interval; otherwise it is probed
    /// again until it answers, and even an answer to an earlier probe counts.
    pub counts: bool,
    /// After so many targets that answered the run ends.
    pub enough: Option<u32>,
    /// How often the figures so far are told.
    pub report_every: Option<Duration>,
    /// The targets whose names are looked up before the first probe.
    pub named: Vec<u32>,
}

impl Config {
    /// The defaults of `sweep`: one probe and one retry, 1,000 packets a second, lost after 1 s.
    #[must_use]
    pub fn new(targets: Targets) -> Self {
        Self {
            targets,
            refused: [None, None],
            ipv4: Protocol::Icmp,
            ipv6: Protocol::Icmp,
            manner: Manner::Settled,
            count: 1,
            retries: 1,
            backoff: 1.0,
            interval: Duration::from_secs(1),
            spacing: Duration::from_millis(1),
            floor: Duration::ZERO,
            most_open: u64::MAX,
            timeout: Duration::from_secs(1),
            deadline: None,
            size: 56,
            pattern: Pattern::COUNTING,
            identifiers: [1, 1],
            control: Control::default(),
            sources: Sources::default(),
            ways: Vec::new(),
            wants_names: false,
            tells_probes: false,
            keeps_probes: false,
        }
    }

    /// What is sent over a family.
    #[must_use]
    pub const fn protocol(&self, family: Family) -> Protocol {
        match family {
            Family::Ipv4 => self.ipv4,
            Family::Ipv6 => self.ipv6,
        }
    }

    /// Why nothing can be sent over a family.
    #[must_use]
    pub const fn refused(&self, family: Family) -> Option<&Arc<Failure>> {
        let [ipv4, ipv6] = &self.refused;
        match family {
            Family::Ipv4 => ipv4.as_ref(),
            Family::Ipv6 => ipv6.as_ref(),
        }
    }

    /// The rules of fping, where they are followed.
    #[must_use]
    pub const fn fping(&self) -> Option<&Fping> {
        match &self.manner {
            Manner::Fping(fping) => Some(fping),
            Manner::Settled => None,
        }
    }

    /// Whether each target is a series of its own.
    #[must_use]
    pub const fn is_series(&self) -> bool {
        self.count > 1 && self.fping().is_none()
    }

    /// The interval, where that is enough for a packet to each target at the rate and for the least
    /// time from one probe to a target to the next; else the shortest that is.
    #[must_use]
    pub fn feasible_interval(&self) -> Duration {
        let round = self.spacing.saturating_mul(self.targets.len());
        self.interval.max(round).max(self.floor)
    }

    /// How long the answer to a probe of this number, from 1, is waited for.
    #[must_use]
    pub fn timeout_of(&self, attempt: u64) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3_600);
        if self.count > 1 || attempt <= 1 || self.backoff <= 1.0 {
            return self.timeout;
        }
        let power = i32::try_from(attempt - 1).unwrap_or(i32::MAX);
        let seconds = self.timeout.as_secs_f64() * self.backoff.powi(power);
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST.max(self.timeout))
    }

    /// How the targets of a family are probed, as a series has it.
    #[must_use]
    pub fn probing(&self, family: Family) -> Probing {
        Probing {
            protocol: self.protocol(family),
            count: Some(self.count),
            interval: self.interval,
            timeout: self.timeout,
            size: self.size,
            pattern: self.pattern,
            identifiers: match (self.protocol(family), self.identifiers) {
                (Protocol::Icmp, [ipv4, ipv6]) => {
                    if family == Family::Ipv4 {
                        ipv4
                    } else {
                        ipv6
                    }
                }
                _ => 1,
            },
            control: self.control,
            keeps_probes: self.keeps_probes,
            tells_probes: self.tells_probes,
            ..Probing::default()
        }
    }
}
