//! A walk down the delegations as the contract has it.

use super::delegation::Delegation;
use super::round::{Round, Said};
use crate::class::Class;
use crate::config::Config;
use crate::measurement::Measurement;
use crate::result::{ServerResult, Step, Target};
use netdiag_model::contract::{Judgement, Method};

impl Delegation {
    /// The question, what its last servers said, and the steps to them.
    pub(super) fn results(
        &self,
        config: &Config,
        last: &Measurement,
        method: &Method,
    ) -> Option<Target> {
        let asked = config.targets.first()?;
        let blank = Target { method: Some(method.clone()), ..Target::unmeasured(asked) };
        let found = last.results(method).into_iter().next();
        let wanted = self.wanted().map(|question| question.name.presented());
        let is_main = found.as_ref().zip(wanted).is_some_and(|(it, name)| it.name == name.as_str());
        let (results, agree, differences) = match found.filter(|_| is_main) {
            Some(mut found) => {
                // Who serves the zone is heard before who does not.
                let good = self.rounds.last().and_then(Round::decisive);
                let is_good =
                    |it: &ServerResult| good.is_some_and(|good| good.endpoint == it.server);
                found.results.sort_by_key(|it| !is_good(it));
                (found.results, found.agree, found.differences)
            }
            None => (Vec::new(), None, Vec::new()),
        };
        Some(Target { results, agree, differences, steps: self.steps(), ..blank })
    }

    /// Whether somebody who serves the last zone answers.
    pub(super) fn judgement(&self) -> Judgement {
        let last = self.rounds.last().filter(|_| self.is_over());
        match last {
            Some(last) if self.unfollowed.is_none() => match last.decisive() {
                Some(said) if said.class == Class::Answer => Judgement::Holds,
                None if last.is_unasked() => Judgement::Unmeasured,
                _ => Judgement::Fails,
            },
            Some(_) => Judgement::Fails,
            None => Judgement::Unmeasured,
        }
    }

    fn steps(&self) -> Vec<Step> {
        self.rounds
            .iter()
            .flat_map(|round| {
                let first = round.servers.iter().find(|said| said.lame.is_none());
                let all = round.servers.iter().map(move |said| step(round, said, first));
                all.chain(round.unreachable.iter().map(move |name| Step {
                    name: Some(name.clone()),
                    ..blank(round, "no-address")
                }))
            })
            .collect()
    }

    /// What it all came to.
    pub(super) fn verdict(&self, results: &[Target]) -> String {
        let Some(last) = self.rounds.last().filter(|_| self.is_over()) else {
            let zone = self.zone().unwrap_or(".");
            return format!("it ended before the servers of {zone} had said all that they say");
        };
        let asked: usize = self.rounds.iter().map(|round| round.servers.len()).sum();
        let is_lame = |said: &&Said| said.lame.is_some();
        let lame = self.rounds.iter().flat_map(|round| &round.servers).filter(is_lame).count();
        let name = results.first().map(|it| format!("{} {}", it.name, it.kind)).unwrap_or_default();
        if let Some(unfollowed) = &self.unfollowed {
            let way = self.aliases.join(" -> ");
            let what = match self.aliases.contains(unfollowed) {
                true => "a CNAME loop",
                false => "too many CNAMEs",
            };
            return format!("{name}: {what}, {way} -> {unfollowed}");
        }
        let name = match self.aliases.get(1..).filter(|led| !led.is_empty()) {
            Some(led) => format!("{name} is a CNAME of {}, which", led.join(", that of ")),
            None => name,
        };
        let good = last.decisive();
        if let (Some(circle), Some(said)) = (&last.circle, good) {
            let whom = said.name.escaped();
            return format!("{name}: {circle}, says {whom} ({})", bare(&said.endpoint));
        }
        let zones = self.rounds.len();
        let fastest =
            |round: &Round| round.servers.iter().filter_map(|it| it.rtt_ms).reduce(f64::min);
        let time = self.rounds.iter().filter_map(fastest).reduce(|a, b| a + b);
        let time = time.map(|ms| format!(" in {ms:.3} ms by the fastest servers"));
        let time = time.unwrap_or_default();
        let plural = if zones == 1 { "" } else { "s" };
        let what = match good {
            Some(said) => {
                let what = match said.class {
                    Class::Answer => "is answered by",
                    Class::Nodata => "has no such data, says",
                    Class::Nxdomain => "does not exist, says",
                    Class::Referral => "leads elsewhere, says",
                    other => {
                        return format!("{name}: {} from {}", other.name(), bare(&said.endpoint));
                    }
                };
                format!("{name} {what} {} ({})", said.name.escaped(), bare(&said.endpoint))
            }
            None if last.is_unasked() => {
                format!("{name}: no server of {} could be asked", last.zone)
            }
            None => format!("{name}: no server of {} says anything of it", last.zone),
        };
        let bad = match lame {
            0 => String::new(),
            1 => format!("; one of {asked} servers does not serve its zone"),
            lame => format!("; {lame} of {asked} servers do not serve their zones"),
        };
        format!("{what}, {zones} zone{plural} down from the root{time}{bad}")
    }
}

/// An endpoint without the usual port.
pub(super) fn bare(endpoint: &str) -> &str {
    endpoint.strip_suffix(":53").unwrap_or(endpoint)
}

fn blank(round: &Round, outcome: &str) -> Step {
    Step {
        step: "delegation".to_owned(),
        server: None,
        name: None,
        zone: Some(round.zone.clone()),
        asked: round.asked.clone(),
        outcome: outcome.to_owned(),
        rtt_ms: None,
        serial: None,
        answers: Vec::new(),
        diverges: false,
    }
}

fn step(round: &Round, said: &Said, first: Option<&Said>) -> Step {
    let sorted = |said: &Said| {
        let mut all = said.answers.clone();
        all.sort();
        all
    };
    let diverges = said.lame.is_some()
        || first.is_some_and(|first| first.class != said.class || sorted(first) != sorted(said));
    Step {
        server: Some(said.endpoint.clone()),
        name: Some(said.name.escaped().to_string()),
        rtt_ms: said.rtt_ms,
        serial: said.serial,
        answers: said.answers.clone(),
        diverges,
        ..blank(round, said.class.name())
    }
}
