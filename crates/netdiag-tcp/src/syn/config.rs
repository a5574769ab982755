//! What to do: which ports of which addresses, and how fast.

use netdiag_engine::Sources;
use netdiag_engine::port::{Control, SendError};
use netdiag_model::failure::Failure;
use netdiag_model::target::{Target, Targets};
use netdiag_model::{Destination, Family, Way};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// How much longer the answer to each further SYN is waited for.
const BACKOFF: f64 = 1.5;

/// SYNs to many ports at one rate.
#[derive(Clone, Debug)]
pub struct Config {
    /// What was given, in order.
    pub groups: Vec<Group>,
    /// Where SYNs leave from, where the control names no source.
    pub sources: Sources,
    /// Why nothing can be sent over IPv4, and over IPv6.
    pub refused: [Option<Arc<Failure>>; 2],
    /// How often a port that does not answer is asked again.
    pub retries: u8,
    /// How many ports of this machine SYNs leave from: each SYN to a port from another one, so that
    /// none is taken for a part of the connection that an earlier one began.
    pub flows: u8,
    /// After which time without an answer the first SYN to a port is lost. Each further one is given
    /// one and a half times as long as the one before it.
    pub timeout: Duration,
    /// After which time the run ends, whatever is under way.
    pub deadline: Option<Duration>,
    /// From one SYN to the next, whichever address it goes to; zero: as fast as it goes.
    pub spacing: Duration,
    /// The least time from one SYN to an address to the next one to it: what the sender holds the
    /// user to.
    pub floor: Duration,
    /// What travels with each packet.
    pub control: Control,
    /// Ways out of this machine that the packets take, each with a destination on it.
    pub ways: Vec<(Way, Destination)>,
    /// Whether SYNs ask for explicit congestion notification.
    pub asks_ecn: bool,
    /// Whether what became of each SYN is told, not only what is known of its port.
    pub tells_tries: bool,
}

/// Addresses and ports that were given together.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The addresses.
    pub targets: Targets,
    /// The ports of each, every one once.
    pub ports: Vec<u16>,
}

impl Config {
    /// The defaults of `syn`: 1,000 SYNs a second, lost after 1 s, two retries.
    #[must_use]
    pub fn new(groups: Vec<Group>) -> Self {
        Self {
            groups,
            sources: Sources::default(),
            refused: [None, None],
            retries: 2,
            flows: 4,
            timeout: Duration::from_secs(1),
            deadline: None,
            spacing: Duration::from_millis(1),
            floor: Duration::ZERO,
            control: Control::default(),
            ways: Vec::new(),
            asks_ecn: false,
            tells_tries: false,
        }
    }

    /// All addresses, with their numbers, which go on from group to group.
    pub fn targets(&self) -> impl Iterator<Item = (u32, Target<'_>)> {
        let all = self.groups.iter().flat_map(|group| group.targets.iter());
        (0_u32..).zip(all.map(|(_, target)| target))
    }

    /// The address of a number.
    #[must_use]
    pub fn target(&self, mut number: u32) -> Option<Target<'_>> {
        for group in &self.groups {
            match number.checked_sub(group.targets.len()) {
                None => return group.targets.get(number),
                Some(rest) => number = rest,
            }
        }
        None
    }

    /// Why nothing can be sent to a target.
    #[must_use]
    pub fn refusal<'a>(&'a self, target: &Target<'a>) -> Option<&'a Failure> {
        let [ipv4, ipv6] = &self.refused;
        match target.destination().map(Destination::family) {
            None => target.failure(),
            Some(Family::Ipv4) => ipv4.as_deref(),
            Some(Family::Ipv6) => ipv6.as_deref(),
        }
    }

    /// How long the answer to a SYN to a port of this number, from 1, is waited for.
    #[must_use]
    pub fn timeout_of(&self, attempt: u64) -> Duration {
        const LONGEST: Duration = Duration::from_secs(3_600);
        let power = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.timeout.as_secs_f64() * BACKOFF.powi(power);
        Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST.max(self.timeout))
    }

    /// Where SYNs to a target leave from.
    pub(super) fn source(&self, target: u32) -> Result<IpAddr, SendError> {
        match self.control.source {
            Some(source) => Ok(source),
            None => self.sources.of(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netdiag_model::target::AddressRange;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_further_syn_is_given_half_as_long_again() {
        let config = Config::new(Vec::new());
        let millis = |attempt| config.timeout_of(attempt).as_millis();
        assert_eq!([millis(1), millis(2), millis(3)], [1_000, 1_500, 2_250]);
        assert_eq!(config.timeout_of(u64::MAX), Duration::from_secs(3_600));
    }

    #[test]
    fn numbers_go_on_from_group_to_group_and_a_source_that_was_asked_for_holds() {
        let group = |first: &str, last: &str| {
            let mut targets = Targets::default();
            let range = AddressRange::new(address(first), address(last));
            targets.push_range(range.expect("a range"));
            Group { targets, ports: vec![80] }
        };
        let mut config =
            Config::new(vec![group("10.0.0.1", "10.0.0.3"), group("10.9.0.1", "10.9.0.1")]);
        let told = |config: &Config, number| config.target(number).map(|it| it.to_string());
        assert_eq!(told(&config, 2).as_deref(), Some("10.0.0.3"));
        assert_eq!(told(&config, 3).as_deref(), Some("10.9.0.1"));
        assert_eq!(told(&config, 4), None);
        assert_eq!(config.targets().count(), 4);
        config.control.source = Some(address("10.0.0.8"));
        assert_eq!(config.source(3), Ok(address("10.0.0.8")));
    }
}
