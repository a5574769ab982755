//! From what was typed to what will be done: what is left cannot be invalid.

use super::check::{self, Checked};
use super::gather::Gathered;
use crate::args::SynArguments;
use crate::commands::targets::{self, RATE_OF_A_USER};
use crate::commands::{checks, ending, ladder, user};
use crate::{Backend, OpenRequest, World};
use netdiag_check::expr::Expr;
use netdiag_engine::port::{Control, Network};
use netdiag_model::target::TargetSpec;
use netdiag_model::{Destination, Family, milliseconds};
use netdiag_report::Run;
use netdiag_report::syn::Setting;
use netdiag_tcp::services;
use netdiag_tcp::syn::{Config, Group};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// For how many stretches of targets the way out of this machine is known.
const WAYS: usize = 64;

/// What will be done.
pub(crate) struct Plan {
    pub(super) setting: Setting,
    pub(super) fail_if: Option<Expr>,
    /// Targets of which nobody could be asked for their address.
    pub(super) unmeasured: BTreeSet<u32>,
    /// The run was ended while names were looked up.
    pub(super) interrupted: bool,
    /// What is to be said once.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Looks up names; what cannot be looked up stays as a target with a failure.
    pub(super) fn new<W: World>(
        arguments: &SynArguments,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        if let Some(source) = arguments.source.filter(|source| !world.owns(*source)) {
            return Err(format!("--source: {source} is not an address of this machine"));
        }
        let (anchor, started_at) = (world.anchor(), network.now());
        let gathered = Gathered::new(arguments, &checked, world, network)?;
        let Gathered { groups, unmeasured, interrupted, mut notes, .. } = gathered;
        let mut config = config(arguments, &checked, groups);
        let mut methods = [None, None];
        for (place, family) in [Family::Ipv4, Family::Ipv6].into_iter().enumerate() {
            let Some(first) = first_of(&config.groups, family) else { continue };
            match ladder::syns(first, network.opened()) {
                Ok(method) => methods[place] = Some(method),
                Err(failure) => {
                    notes.push(failure.message.clone());
                    config.refused[place] = Some(Arc::new(*failure));
                }
            }
        }
        let spent = network.now().since(started_at);
        config.deadline = arguments.deadline.map(|deadline| deadline.saturating_sub(spent));
        if !world.may_flood() {
            let least = Duration::from_secs_f64(1.0 / RATE_OF_A_USER);
            config.spacing = config.spacing.max(least);
            config.floor = user::LEAST_CONNECT_INTERVAL;
        }
        config.ways = ways(&config, world);
        if config.control.source.is_none() {
            let all = config.targets();
            let mut all = all.filter_map(|(number, target)| Some((number, target.destination()?)));
            let sources = world.sources(&mut all, config.control.interface);
            drop(all);
            config.sources = sources;
        }
        let weakest = ending::weakest(methods.iter().flatten());
        let method = weakest.unwrap_or_else(|| ladder::weakest(network.opened(), Backend::Linux));
        let run = Run {
            command: "syn",
            version: env!("CARGO_PKG_VERSION"),
            anchor,
            started_at,
            method,
            arguments: as_understood(arguments, &checked, &config),
            target_count: config.groups.iter().map(|group| group.targets.len() as usize).sum(),
        };
        Ok(Self {
            setting: Setting { run, config: Arc::new(config), methods },
            fail_if: checked.fail_if,
            unmeasured,
            interrupted,
            notes,
        })
    }
}

fn first_of(groups: &[Group], family: Family) -> Option<Destination> {
    let corners = groups.iter().flat_map(|group| group.targets.corners());
    let mut found = corners.filter_map(|target| target.destination());
    found.find(|destination| destination.family() == family)
}

fn ways<W: World>(config: &Config, world: &mut W) -> Vec<(netdiag_model::Way, Destination)> {
    let corners = config.groups.iter().flat_map(|group| group.targets.corners());
    let all = corners.filter_map(|target| target.destination());
    let known = all
        .take(WAYS)
        .filter_map(|destination| Some((world.way(destination, &config.control)?, destination)));
    known.collect()
}

fn config(arguments: &SynArguments, checked: &Checked, groups: Vec<Group>) -> Config {
    Config {
        asks_ecn: arguments.ask_ecn,
        retries: arguments.retries,
        flows: flows(arguments),
        timeout: arguments.timeout.duration,
        spacing: arguments.rate.spacing(),
        control: control(arguments, checked),
        tells_tries: arguments.verbose,
        ..Config::new(groups)
    }
}

/// A port of this machine for each SYN to a port, and one for the SYN that looks again; a power of two.
fn flows(arguments: &SynArguments) -> u8 {
    (arguments.retries + 2).min(16).next_power_of_two()
}

/// What every packet carries.
fn control(arguments: &SynArguments, checked: &Checked) -> Control {
    Control {
        hop_limit: arguments.ttl,
        traffic_class: arguments.marking.traffic_class(),
        source: arguments.source,
        interface: checked.interface.as_ref().map(|(number, _)| *number),
        ..Control::default()
    }
}

/// The sockets and their options.
pub(super) fn open_request(arguments: &SynArguments, checked: &Checked) -> OpenRequest {
    let has_names = checked.targets.iter().any(|given| given.ports.has_names());
    let longest = Config { retries: arguments.retries, ..Config::new(Vec::new()) };
    let longest = Config { timeout: arguments.timeout.duration, ..longest };
    let longest = longest.timeout_of(u64::from(arguments.retries) + 1);
    OpenRequest {
        family: only_family(arguments, checked),
        mark: arguments.mark,
        // Beside SYNs for what is said of them.
        icmp: true,
        tcp_ports: flows(arguments),
        control: control(arguments, checked),
        patience: Some(netdiag_engine::remembered_for(longest)),
        names: checked.targets.iter().any(|given| matches!(given.spec, TargetSpec::Name(_))),
        files: Vec::from_iter(has_names.then(|| services::FILE.to_owned())),
        ..OpenRequest::default()
    }
}

/// The only family that can come up: the one that was asked for, or that of all targets where these
/// are addresses.
fn only_family(arguments: &SynArguments, checked: &Checked) -> Option<Family> {
    let families = checked.targets.iter().map(|given| targets::family(&given.spec));
    check::family(arguments).or_else(|| checks::only_family(families))
}

fn as_understood(
    arguments: &SynArguments,
    checked: &Checked,
    config: &Config,
) -> serde_json::Value {
    let rate = (!config.spacing.is_zero()).then(|| 1.0 / config.spacing.as_secs_f64());
    json!({
        "targets": arguments.targets,
        "ask_ecn": config.asks_ecn,
        "retries": config.retries,
        "packets_per_second": rate,
        "timeout_ms": milliseconds(config.timeout),
        "deadline_ms": arguments.deadline.map(milliseconds),
        "ttl": arguments.ttl,
        "traffic_class": arguments.marking.traffic_class(),
        "source": arguments.source,
        "interface": checked.interface.as_ref().map(|(_, name)| name),
        "fail_if": checked.fail_if.as_ref().map(ToString::to_string),
    })
}
