//! From what was typed to what will be done: what is left cannot be invalid.

use super::check::{Checked, check_destination, source_option};
use super::{classic, ladder, remedy, request};
use crate::args::PingArguments;
use crate::args::ping::Output;
use crate::{LookedUp, World};
use netdiag_check::expr::Expr;
use netdiag_engine::Pattern;
use netdiag_engine::port::{Control, Network};
use netdiag_model::contract::SocketKind;
use netdiag_model::failure::{Failure, LookupError, Stage};
use netdiag_model::{Destination, Family, Untrusted, errno, parse_address};
use netdiag_ping::{Config, Protocol};
use netdiag_report::ping::{Resolved, Run};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What will be done.
pub(super) struct Plan {
    pub(super) run: Run,
    pub(super) resolved: Vec<Resolved>,
    /// One for each target that has an address, in order.
    pub(super) configs: Vec<Config>,
    pub(super) fail_if: Option<Expr>,
    pub(super) classic: bool,
    pub(super) classic_exit: bool,
    /// As iputils: with a deadline too, so many replies must come.
    pub(super) classic_count: Option<u64>,
    /// Targets of which nothing can be known from here: nobody could be asked for their address, or
    /// no socket can reach it.
    pub(super) unmeasured: Vec<usize>,
    /// What stands in for what was asked for, to be said once.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Looks up the names; what cannot be looked up stays as a target with a failure.
    pub(super) fn new<W: World>(
        arguments: &PingArguments,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        let anchor = world.anchor();
        let started_at = network.now();
        let classic_exit = arguments.classic || arguments.classic_exit;
        let mut plan = Self {
            run: Run {
                command: "ping",
                version: env!("CARGO_PKG_VERSION"),
                anchor,
                started_at,
                method: ladder::weakest(network.opened(), arguments.backend),
                arguments: as_understood(arguments, &checked),
                target_count: arguments.hosts.len() * arguments.protocols().len(),
            },
            resolved: Vec::new(),
            configs: Vec::new(),
            fail_if: None,
            classic: arguments.classic,
            classic_exit,
            classic_count: checked.count.filter(|_| classic_exit && arguments.deadline.is_some()),
            unmeasured: Vec::new(),
            notes: Vec::new(),
        };
        if let Some(source) =
            checked.source.filter(|source| !arguments.classic && !world.owns(*source))
        {
            let option = source_option(arguments);
            return Err(format!("{option}: {source} is not an address of this machine"));
        }
        let found = world.resolve(&arguments.hosts, family(arguments));
        for (host, found) in arguments.hosts.iter().zip(found) {
            plan.add_host((host, found), arguments, &checked, world, network)?;
        }
        let methods = plan.resolved.iter().filter_map(|resolved| resolved.method.clone());
        if let Some(weakest) = methods.max_by_key(|method| (method.socket, method.timestamps)) {
            plan.run.method = weakest;
        }
        plan.fail_if = checked.fail_if;
        Ok(plan)
    }

    /// Adds a target for each protocol to a host that was looked up.
    fn add_host<W: World>(
        &mut self,
        (host, (found, took)): (&str, LookedUp),
        arguments: &PingArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<(), String> {
        let protocols = arguments.protocols();
        let at = network.now();
        let looked_up = Some(took).filter(|_| !is_literal(host));
        let (destination, failure) = match found {
            Ok(addresses) => {
                let opened = network.opened();
                (ladder::choose(&addresses, &protocols, opened, checked.source), None)
            }
            Err(error) => {
                let failure = lookup_failure(host, &error);
                let message = arguments.classic.then(|| classic::lookup_failure(host, &error));
                if arguments.classic || matches!(error, LookupError::NoAnswer { .. }) {
                    let next = self.resolved.len();
                    self.unmeasured.extend(next..next + protocols.len());
                }
                (None, Some(Failure { message: message.unwrap_or(failure.message), ..failure }))
            }
        };
        let (from, name) = checked.origin(arguments, destination);
        for protocol in protocols {
            let mut resolved = Resolved {
                target_index: self.resolved.len(),
                target: Untrusted::from(host),
                protocol,
                destination,
                failure: failure.clone(),
                resolve: looked_up,
                method: None,
                from: (from, name.clone()),
                identifier: None,
                size: arguments.size,
                at,
            };
            if let Some(destination) = destination {
                self.add_target(&mut resolved, destination, arguments, checked, world, network)?;
            }
            self.resolved.push(resolved);
        }
        Ok(())
    }

    /// Decides how a destination is probed.
    fn add_target<W: World>(
        &mut self,
        resolved: &mut Resolved,
        destination: Destination,
        arguments: &PingArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<(), String> {
        let from = resolved.from.0;
        check_destination(destination, arguments, checked, from)?;
        let opened = network.opened();
        let rung = match ladder::rung(resolved.protocol, destination, opened, arguments, world) {
            Ok(rung) => rung,
            Err(failure) => return self.give_up(resolved, *failure),
        };
        let opening = opened.family(destination.family()).ok();
        let identifiers = opening.map_or(1, |opening| opening.identifiers.count);
        let opening = opening
            .filter(|opening| opening.socket == SocketKind::Raw || arguments.ident.is_some());
        resolved.identifier = opening.map(|opening| opening.identifiers.first);
        resolved.protocol = rung.protocol;
        resolved.method = Some(rung.method);
        self.notes.extend(rung.note.filter(|note| !self.notes.contains(note)));
        let index = checked.interface.as_ref().map(|(index, _)| *index);
        match world.source(destination, from, index) {
            Ok(found) if resolved.from.1.is_some() || checked.sticks(arguments) => {
                resolved.from.0 = from.or(Some(found));
            }
            Err(error) if arguments.classic => {
                return self.give_up(resolved, classic::no_route(destination, &error));
            }
            Err(error) if !has_family(destination, world) => {
                return self.give_up(resolved, remedy::no_family(destination, &error));
            }
            _ => {}
        }
        let is_literal = resolved.resolve.is_none();
        let wants_name = match arguments.classic {
            true => !is_literal,
            false => arguments.names || (world.terminal().stdout && is_literal),
        };
        let fixed = resolved.from.0.filter(|_| checked.sticks(arguments));
        let mut config = config(resolved, destination, arguments, checked, fixed);
        if config.protocol == Protocol::Icmp {
            config.identifiers = identifiers;
        }
        config.wants_name = wants_name && !arguments.numeric;
        config.way = world.way(destination, &config.control);
        if arguments.classic {
            classic::configure(&mut config, arguments);
        }
        self.configs.push(config);
        Ok(())
    }

    /// A target that cannot be measured from here.
    fn give_up(&mut self, resolved: &mut Resolved, failure: Failure) -> Result<(), String> {
        self.unmeasured.push(resolved.target_index);
        resolved.failure = Some(failure);
        Ok(())
    }
}

/// Whether this machine has the family of a destination at all: where it has, there is a way to
/// itself.
fn has_family<W: World>(destination: Destination, world: &mut W) -> bool {
    let itself: IpAddr = match destination.family() {
        Family::Ipv4 => Ipv4Addr::LOCALHOST.into(),
        Family::Ipv6 => Ipv6Addr::LOCALHOST.into(),
    };
    world
        .source(Destination::new(itself), None, None)
        .map_or_else(|error| !errno::is_route(error.errno), |_| true)
}

fn is_literal(host: &str) -> bool {
    let inner = host.trim_matches(['[', ']']);
    inner.split('%').next().and_then(parse_address).is_some()
}

const fn family(arguments: &PingArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        _ => None,
    }
}

fn config(
    resolved: &Resolved,
    destination: Destination,
    arguments: &PingArguments,
    checked: &Checked,
    source: Option<IpAddr>,
) -> Config {
    Config {
        protocol: resolved.protocol,
        count: checked.count,
        interval: arguments.interval(),
        adaptive: arguments.adaptive.then_some(checked.least_interval),
        timeout: arguments.timeout(),
        deadline: arguments.deadline,
        preload: arguments.preload,
        size: arguments.size,
        pattern: arguments.pattern.unwrap_or(Pattern::COUNTING),
        control: Control { source, ..request::control(arguments, checked) },
        keeps_probes: arguments.form() == Output::Json,
        ..Config::new(resolved.target_index, destination)
    }
}

/// Why a name has no address, in words that name who said so.
fn lookup_failure(host: &str, error: &LookupError) -> Failure {
    let host = Untrusted::from(host);
    let host = host.escaped();
    let (reason, message) = match error {
        LookupError::NotFound { what, by } => {
            let said_by = if by == "this machine" { "on" } else { "from" };
            ("not-found", format!("cannot resolve {host}: {what} {said_by} {by}"))
        }
        LookupError::NoAnswer { tried } => {
            ("no-resolver", format!("cannot resolve {host}: {tried}"))
        }
        LookupError::Invalid { name } => {
            ("invalid-name", format!("cannot resolve {host}: `{}` is no host name", name.escaped()))
        }
    };
    Failure { stage: Stage::Resolve, reason: reason.to_owned(), errno: None, icmp: None, message }
}

fn as_understood(arguments: &PingArguments, checked: &Checked) -> serde_json::Value {
    json!({
        "hosts": arguments.hosts,
        "protocols": arguments.protocols().iter().map(|protocol| protocol.name()).collect::<Vec<_>>(),
        "count": checked.count,
        "interval_ms": netdiag_model::milliseconds(arguments.interval()),
        "timeout_ms": netdiag_model::milliseconds(arguments.timeout()),
        "deadline_ms": arguments.deadline.map(netdiag_model::milliseconds),
        "size": arguments.size,
        "preload": arguments.preload,
        "ttl": arguments.ttl,
        "traffic_class": arguments.dscp.or(arguments.tos),
        "source": checked.source,
        "interface": checked.interface.as_ref().map(|(_, name)| name),
        "fail_if": checked.fail_if.as_ref().map(ToString::to_string),
    })
}
