//! From what was written to the addresses and ports of a run.

use super::check::{self, Checked, check_count};
use crate::World;
use crate::args::SynArguments;
use crate::commands::resolve::{is_unknown, lookup_failure, patience};
use crate::commands::services;
use netdiag_engine::port::{Network, Opened};
use netdiag_model::Untrusted;
use netdiag_model::failure::{Failure, LookupError, Stage};
use netdiag_model::target::{AddressRange, Given, TargetSpec, Targets};
use netdiag_model::{Destination, Found};
use netdiag_tcp::syn::Group;
use std::collections::BTreeSet;

/// The addresses and ports of a run.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) groups: Vec<Group>,
    /// Addresses of which nobody could be asked.
    pub(super) unmeasured: BTreeSet<u32>,
    /// The run was ended while names were looked up.
    pub(super) interrupted: bool,
    /// Why names have no address.
    pub(super) notes: Vec<String>,
    targets: u32,
}

impl Gathered {
    /// Looks up names, and reads what services are called here.
    pub(super) fn new<W: World>(
        arguments: &SynArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        let has_names = checked.targets.iter().any(|given| given.ports.has_names());
        let service = services::ports(has_names, world);
        let ports: Vec<Vec<u16>> = checked
            .targets
            .iter()
            .map(|given| given.numbers(&service))
            .collect::<Result<_, _>>()?;
        check_count(count(checked, &ports))?;
        let names = checked.targets.iter().filter_map(|given| match &given.spec {
            TargetSpec::Name(name) => Some(name.clone()),
            _ => None,
        });
        let names: Vec<String> = names.collect();
        let mut found = match names.as_slice() {
            [] => Vec::new(),
            names => {
                let patience = patience(arguments.deadline, names.len().max(2));
                world.resolve(names, check::family(arguments), patience)
            }
        }
        .into_iter();
        let mut all = Self::default();
        for (given, ports) in checked.targets.iter().zip(ports) {
            let mut targets = Targets::default();
            match &given.spec {
                TargetSpec::Address(address) => targets.push_range(AddressRange::one(*address)),
                TargetSpec::Range(range) => targets.push_range(*range),
                TargetSpec::Name(name) => {
                    let found = found.next().map_or(Err(LookupError::Interrupted), |it| it.0);
                    let has_interface = checked.interface.is_some();
                    targets.push_given(all.looked_up(name, found, network.opened(), has_interface));
                }
            }
            all.targets = all.targets.saturating_add(targets.len());
            all.groups.push(Group { targets, ports });
        }
        Ok(all)
    }

    /// The target that a name is.
    fn looked_up(
        &mut self,
        name: &str,
        found: Result<Found, LookupError>,
        opened: &Opened,
        has_interface: bool,
    ) -> Given {
        let text = Untrusted::from(name);
        let failure = match found {
            Ok(addresses) => {
                let is_open = |to: &&Destination| opened.tcp(to.family()).is_ok();
                let all: Vec<Destination> = addresses.into_iter().collect();
                let first = all.iter().find(is_open).or_else(|| all.first()).copied();
                match first.map(|to| (to, check::objection(to, has_interface))) {
                    Some((to, None)) => {
                        return Given { text, destination: Some(to), failure: None };
                    }
                    Some((_, Some((reason, message)))) => {
                        let (stage, reason) = (Stage::Resolve, reason.to_owned());
                        Failure { stage, reason, errno: None, icmp: None, message }
                    }
                    None => lookup_failure(name, &LookupError::Interrupted),
                }
            }
            Err(error) => {
                self.interrupted |= error == LookupError::Interrupted;
                if is_unknown(&error) {
                    self.unmeasured.insert(self.targets);
                }
                lookup_failure(name, &error)
            }
        };
        self.notes.push(failure.message.clone());
        Given { text, destination: None, failure: Some(failure) }
    }
}

/// How many ports of all addresses there are.
fn count(checked: &Checked, ports: &[Vec<u16>]) -> u128 {
    let each = checked.targets.iter().zip(ports).map(|(given, ports)| {
        let addresses = match &given.spec {
            TargetSpec::Range(range) => range.count(),
            TargetSpec::Address(_) | TargetSpec::Name(_) => 1,
        };
        addresses.saturating_mul(ports.len() as u128)
    });
    each.fold(0, u128::saturating_add)
}
