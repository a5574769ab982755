//! Which addresses connections go to: those of targets, or a proxy's.

use super::check::{Checked, family};
use super::plan::{Plan, control};
use crate::args::TcpConnectArguments;
use crate::commands::resolve::{is_unknown, literal, patience};
use crate::commands::{checks, remedy};
use crate::{LookedUp, World};
use netdiag_engine::port::{Control, Network, NetworkError};
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family, Way};
use netdiag_tcp::connect::Proxy;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// What is known of the addresses of a host.
#[derive(Clone)]
pub(super) struct Reach {
    /// Those that can be tried, with the ways to them.
    pub(super) addresses: Vec<(Destination, Option<Way>)>,
    /// Why there is none.
    pub(super) failure: Option<Failure>,
    /// Nothing can be known of it from here.
    pub(super) unmeasured: bool,
    /// How long its name took to look up, where it is one.
    pub(super) resolve: Option<Duration>,
    /// The address that a proxy is asked for.
    pub(super) behind: Option<IpAddr>,
}

impl Plan {
    /// Looks up the hosts, for connections to them.
    pub(super) fn direct<W: World>(
        &mut self,
        arguments: &TcpConnectArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Vec<Reach>, String> {
        let names = names(checked);
        let within = patience(arguments.deadline, names.len());
        let found = world.resolve(&names, family(arguments), within);
        let control = control(arguments, checked);
        let all = names.iter().zip(found);
        all.map(|(name, found)| {
            self.reach(name, found, (&control, checked.interface.is_some()), world, network)
        })
        .collect()
    }

    /// Looks up a proxy, and the hosts where it does not, for connections to it.
    pub(super) fn through<W: World>(
        &mut self,
        proxy: &Proxy,
        arguments: &TcpConnectArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Vec<Reach>, String> {
        let within = patience(arguments.deadline, 2);
        let found = world.resolve(std::slice::from_ref(&proxy.host), family(arguments), within);
        let control = control(arguments, checked);
        let found = found.into_iter().next();
        let found = found.unwrap_or_else(|| (Ok(Vec::new().into()), within));
        let to = (&control, checked.interface.is_some());
        let mut own = self.reach(&proxy.host, found, to, world, network)?;
        if let Some(failure) = &mut own.failure {
            failure.message.insert_str(0, "the proxy: ");
        }
        let names = names(checked);
        if proxy.takes_names() {
            return Ok(vec![own; names.len()]);
        }
        let family = match (arguments.ipv4, arguments.ipv6) {
            (true, _) => Some(Family::Ipv4),
            (_, true) => Some(Family::Ipv6),
            _ => None,
        };
        let mut all = Vec::new();
        for (name, (found, took)) in names.iter().zip(world.resolve(&names, family, within)) {
            let mut reach = own.clone();
            // Both were looked up at the same time, as far as they were.
            reach.resolve = reach.resolve.max(literal(name).is_none().then_some(took));
            match (literal(name), found) {
                (Some(address), _) => reach.behind = Some(address),
                (None, Ok(found)) => reach.behind = found.iter().next().map(|to| to.address()),
                (None, Err(error)) if own.failure.is_none() => {
                    reach.addresses = Vec::new();
                    reach.failure = Some(self.outline.lookup_failure(name, &error));
                    reach.unmeasured = is_unknown(&error);
                }
                (None, Err(_)) => {}
            }
            all.push(reach);
        }
        Ok(all)
    }

    /// What the look-up of a name comes to for connections.
    fn reach<W: World>(
        &mut self,
        name: &str,
        (found, took): LookedUp,
        (control, has_interface): (&Control, bool),
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Reach, String> {
        let resolve = Some(took).filter(|_| literal(name).is_none());
        let reach = match found {
            Ok(addresses) => {
                for destination in addresses.iter() {
                    checks::zone(*destination, has_interface)?;
                }
                reach(&addresses, control, world, network)
            }
            Err(error) => Reach {
                addresses: Vec::new(),
                failure: Some(self.outline.lookup_failure(name, &error)),
                unmeasured: is_unknown(&error),
                resolve: None,
                behind: None,
            },
        };
        Ok(Reach { resolve, ..reach })
    }
}

/// The hosts as they were given.
fn names(checked: &Checked) -> Vec<String> {
    checked.hosts.iter().map(|host| host.name.clone()).collect()
}

/// Which addresses of a host can be tried: where this machine has no sockets of a family, those of the
/// other.
fn reach<W: World>(
    addresses: &[Destination],
    control: &Control,
    world: &mut W,
    network: &mut W::Network,
) -> Reach {
    let mut refused: Option<(Destination, NetworkError)> = None;
    let mut open: BTreeMap<Family, bool> = BTreeMap::new();
    let mut usable = Vec::new();
    for destination in addresses {
        let family = destination.family();
        let is_open = *open.entry(family).or_insert_with(|| match socket(family, world, network) {
            Ok(()) => true,
            Err(error) => {
                refused = Some((*destination, error));
                false
            }
        });
        if is_open {
            usable.push((*destination, world.way(*destination, control)));
        }
    }
    let failure = refused.filter(|_| usable.is_empty());
    let failure = failure.map(|(to, error)| remedy::closed(to, &error, network.opened()));
    let unmeasured = failure.is_some();
    Reach { unmeasured, addresses: usable, failure, resolve: None, behind: None }
}

/// Whether connections to a family can be opened, with a mark where that was asked for.
fn socket<W: World>(
    family: Family,
    world: &mut W,
    network: &W::Network,
) -> Result<(), NetworkError> {
    let [ipv4, ipv6] = &network.opened().marked_connects;
    let marked = if family == Family::Ipv4 { ipv4 } else { ipv6 };
    match marked {
        Err(error) if *error != NetworkError::NOT_ASKED_FOR => Err(error.clone()),
        _ => world.tcp(family),
    }
}
