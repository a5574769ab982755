//! What was found, as the JSON contract has it: a target of `ping`, and what it comes to in a word.

use super::config::Config;
use super::event::{Found, Row, State};
use crate::result::{self, Context};
use netdiag_model::contract::Timestamps;
use netdiag_model::finding::Finding;
use netdiag_model::{Destination, Family};
use serde::Serialize;

/// One target of a sweep.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Target {
    /// What `ping` says of a target. Percentiles and the like are of few samples; `probes` is filled
    /// only with `--verbose`.
    #[serde(flatten)]
    pub target: result::Target,
    /// What it comes to.
    pub state: State,
}

impl Row {
    /// The row as the contract has it, and the verdicts over its series.
    #[must_use]
    pub fn result(&self, config: &Config, context: &Context) -> Option<(Target, Vec<Finding>)> {
        let target = config.targets.get(self.target)?;
        let state = self.state(target);
        let Some(series) = self.series(config, target) else {
            let to = target.destination();
            let failure = match &self.found {
                Found::Refused(failure) => Some((**failure).clone()),
                _ => target.failure().cloned(),
            };
            let protocol = config.protocol(to.map_or(Family::Ipv4, Destination::family));
            let mut target = result::Target::unmeasured(target.text(), to, protocol, failure);
            target.hostname = self.name.as_deref().cloned();
            return Some((Target { target, state }, Vec::new()));
        };
        let findings = if config.count > 1 { series.findings(context) } else { Vec::new() };
        let mut target = series.result(context);
        target.hostname = self.name.as_deref().cloned();
        if series.user_stamps() > 0
            && let Some(method) = &mut target.method
        {
            method.timestamps = Timestamps::User;
        }
        if config.count == 1 {
            // A target that was probed until it answered has had no outage.
            target.outages.clear();
        }
        if !config.keeps_probes {
            target.probes_omitted += target.probes.len() as u64;
            target.probes.clear();
        }
        Some((Target { target, state }, findings))
    }
}
