//! From what was typed to what will be done: what is left cannot be invalid.

use super::check::{Checked, check_destination, source_option};
use super::dialog::{self, Recipe};
use super::{classic, groups, limits, request, uses};
use crate::args::PingArguments;
use crate::args::form::Output;
use crate::commands::hosts::Outline;
use crate::commands::ladder::{self, Wishes};
use crate::commands::remedy;
use crate::commands::resolve::{classic_failure, is_unknown, literal, patience};
use crate::{Backend, LookedUp, Terminal, World};
use netdiag_engine::Pattern;
use netdiag_engine::failure::local_failure;
use netdiag_engine::port::{Control, Network, SendError};
use netdiag_model::contract::SocketKind;
use netdiag_model::failure::Failure;
use netdiag_model::{ClockAnchor, Destination, Family, Untrusted, Way, errno};
use netdiag_ping::{Cast, Config, Probing, Protocol};
use netdiag_report::ping::Resolved;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// What will be done.
pub(crate) struct Plan {
    pub(super) outline: Outline,
    pub(super) resolved: Vec<Resolved>,
    /// One for each target that has an address, in order.
    pub(super) configs: Vec<Config>,
    pub(super) classic: bool,
    pub(super) classic_exit: bool,
    /// What probes of a target are made of, where they are dialogs with a service.
    pub(super) recipes: BTreeMap<usize, Recipe>,
    /// Targets that something else than what was asked for is sent to, since that may not be.
    stand_ins: usize,
    /// As iputils: with a deadline too, so many replies must come.
    pub(super) classic_count: Option<u64>,
}

impl Plan {
    /// Looks up the names; what cannot be looked up stays as a target with a failure.
    pub(super) fn new<W: World>(
        arguments: &PingArguments,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        let classic_exit = arguments.classic || arguments.classic_exit;
        let target_count = arguments.hosts.len() * arguments.protocols().len();
        let asked = (as_understood(arguments, &checked), target_count);
        let mut outline = Outline::new("ping", arguments.backend, asked, world, network);
        outline.notes = classic::warnings(arguments, network.opened());
        let mut plan = Self {
            outline,
            resolved: Vec::new(),
            configs: Vec::new(),
            recipes: BTreeMap::new(),
            stand_ins: 0,
            classic: arguments.classic,
            classic_exit,
            classic_count: checked.count.filter(|_| classic_exit && arguments.deadline.is_some()),
        };
        if let Some(source) =
            checked.source.filter(|source| !arguments.classic && !world.owns(*source))
        {
            let option = source_option(arguments);
            return Err(format!("{option}: {source} is not an address of this machine"));
        }
        // iputils' deadline begins when the name is known.
        let deadline = arguments.deadline.filter(|_| !arguments.classic);
        let patience = patience(deadline, arguments.hosts.len());
        let found = world.resolve(&arguments.hosts, request::family(arguments), patience);
        for (host, found) in arguments.hosts.iter().zip(found) {
            plan.add_host((host, found), arguments, &checked, world, network)?;
        }
        if let Some(deadline) = deadline {
            let left = deadline.saturating_sub(network.now().since(plan.outline.run.started_at));
            plan.configs.iter_mut().for_each(|config| config.deadline = Some(left));
        }
        let methods = plan.resolved.iter().filter_map(|resolved| resolved.method.as_ref());
        plan.outline.measured_by(methods);
        plan.outline.fail_if = checked.fail_if;
        // iputils refuses later, and has one target.
        if !world.may_flood() && !arguments.classic {
            limits::keep(&mut plan.configs)?;
        }
        Ok(plan)
    }

    /// Whether something else than what was asked for is sent: who is silent then may answer that.
    pub(crate) const fn has_stand_ins(&self) -> bool {
        self.stand_ins > 0
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
        let looked_up = Some(took).filter(|_| literal(host).is_none());
        let mut shown = Untrusted::from(host);
        let (destination, failure) = match found {
            Ok(addresses) => {
                // iputils shows the name that its addresses are of.
                shown = addresses.canonical.clone().filter(|_| arguments.classic).unwrap_or(shown);
                let opened = network.opened();
                let chosen = ladder::choose(&addresses, &protocols, opened, checked.source);
                match arguments.classic {
                    true => (chosen.map(classic::reached), None),
                    false => (chosen, None),
                }
            }
            Err(error) => {
                let failure = self.outline.lookup_failure(host, &error);
                let message = arguments
                    .classic
                    .then(|| classic_failure(host, request::family(arguments), &error));
                if arguments.classic || is_unknown(&error) {
                    let next = self.resolved.len();
                    self.outline.unmeasured.extend(next..next + protocols.len());
                }
                (None, Some(Failure { message: message.unwrap_or(failure.message), ..failure }))
            }
        };
        let (from, name) = checked.origin(arguments, destination);
        for protocol in protocols {
            let mut resolved = Resolved {
                target_index: self.resolved.len(),
                target: shown.clone(),
                cast: Cast::Unicast,
                protocol,
                query: question(arguments, protocol),
                destination,
                failure: failure.clone(),
                resolve: looked_up,
                method: None,
                from: (from, name.clone()),
                elsewhere: false,
                identifier: None,
                size: arguments.size(),
                options_len: 0,
                flow_label: None,
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
        check_destination((destination, resolved.protocol), arguments, checked, from)?;
        let opened = network.opened();
        let tcp = || world.tcp(destination.family());
        let rung = ladder::rung(resolved.protocol, destination, opened, wishes(arguments), tcp);
        let rung = match rung {
            Ok(rung) => rung,
            Err(failure) => return self.give_up(resolved, *failure),
        };
        let opening = opened.family(destination.family()).ok();
        let identifiers = opening.map_or(1, |opening| opening.identifiers.count);
        let opening = opening
            .filter(|opening| opening.socket == SocketKind::Raw || arguments.ident.is_some());
        resolved.identifier = opening.map(|opening| opening.identifiers.first);
        self.stand_ins += usize::from(rung.protocol != resolved.protocol);
        resolved.protocol = rung.protocol;
        resolved.method = Some(rung.method);
        let known = known_way(resolved, destination, arguments, checked, world);
        if known.is_none()
            && let Some(failure) = find_source(resolved, destination, arguments, checked, world)?
        {
            return self.give_up(resolved, failure);
        }
        self.outline.note(rung.note);
        if destination.family() == Family::Ipv4 {
            resolved.options_len = options_len(arguments, checked);
        } else {
            resolved.flow_label = checked.flow_label;
        }
        let mut fixed = resolved.from.0.filter(|_| checked.sticks(arguments));
        if matches!(resolved.protocol, Protocol::Syn { .. }) && fixed.is_none() {
            let index = checked.interface.as_ref().map(|(index, _)| *index);
            fixed = match world.source(destination, resolved.from.0, index) {
                Ok(source) => Some(source),
                Err(error) if !has_family(destination, world) => {
                    return self.give_up(resolved, remedy::no_family(destination, &error));
                }
                Err(error) => {
                    let why = local_failure(&SendError::new(error.errno));
                    let message = format!("cannot measure {destination}: {}", why.message);
                    return self.give_up(resolved, Failure { message, ..why });
                }
            };
        }
        let mut config =
            config(resolved, destination, arguments, checked, fixed, self.outline.run.anchor);
        if config.protocol == Protocol::Icmp {
            config.identifiers = identifiers;
        }
        config.wants_name = wants_name(resolved, arguments, world);
        config.way = known.or_else(|| world.way(destination, &config.control));
        if arguments.classic {
            classic::configure(&mut config, arguments);
        }
        if let Some(recipe) = dialog::recipe(&resolved.target, &config, world)? {
            self.recipes.insert(resolved.target_index, recipe);
        }
        self.configs.push(config);
        Ok(())
    }

    /// A target that cannot be measured from here.
    fn give_up(&mut self, resolved: &mut Resolved, failure: Failure) -> Result<(), String> {
        self.outline.unmeasured.push(resolved.target_index);
        resolved.failure = Some(failure);
        Ok(())
    }
}

/// The way to a destination, where nothing more has to be known of it: whatever source address it
/// has will do.
fn known_way<W: World>(
    resolved: &Resolved,
    destination: Destination,
    arguments: &PingArguments,
    checked: &Checked,
    world: &mut W,
) -> Option<Way> {
    let is_free = resolved.from == (None, None) && !checked.sticks(arguments);
    let control = request::control(arguments, checked);
    if !is_free || arguments.classic || destination.address().is_multicast() {
        return None;
    }
    world.way(destination, &control).filter(|way| !way.is_broadcast)
}

/// Finds the source address where it will be shown or kept, and whether the destination is a group;
/// returns why there is no source, where that means that nothing can be sent.
fn find_source<W: World>(
    resolved: &mut Resolved,
    destination: Destination,
    arguments: &PingArguments,
    checked: &Checked,
    world: &mut W,
) -> Result<Option<Failure>, String> {
    let from = resolved.from.0;
    let index = checked.interface.as_ref().map(|(index, _)| *index);
    let (cast, source) = groups::cast(destination, (from, index), arguments, world);
    groups::check(destination, cast, arguments, checked, world)?;
    resolved.cast = cast;
    // iputils does not know beforehand from where it sends to a group of IPv6.
    let is_open =
        arguments.classic && cast == Cast::Multicast && destination.family() == Family::Ipv6;
    if let (true, None, Some(index), Ok(found)) = (arguments.classic, from, index, &source) {
        resolved.elsewhere = is_open || !world.has_address(index, *found);
    }
    Ok(match source {
        Ok(found) if resolved.from.1.is_some() || checked.sticks(arguments) => {
            let found = if is_open { Ipv6Addr::UNSPECIFIED.into() } else { found };
            resolved.from.0 = from.or(Some(found));
            None
        }
        Err(error) if arguments.classic => {
            // Nor does it ask whether there is a way from an address that it was given.
            let is_unasked = from.is_some() && error.call == "connect" && cast != Cast::Broadcast;
            (!is_unasked).then(|| classic::no_route(destination, &error))
        }
        Err(error) if !has_family(destination, world) => {
            Some(remedy::no_family(destination, &error))
        }
        _ => None,
    })
}

/// Whether the name of an address is to be looked up.
fn wants_name<W: World>(resolved: &Resolved, arguments: &PingArguments, world: &W) -> bool {
    match resolved.resolve.is_none() {
        true => names_addresses(arguments, world.terminal()),
        false => !arguments.numeric && (arguments.classic || arguments.names),
    }
}

/// Whether the names of hosts that are given as addresses are looked up.
pub(super) fn names_addresses(arguments: &PingArguments, terminal: Terminal) -> bool {
    !arguments.numeric && !arguments.classic && (arguments.names || terminal.stdout)
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

/// What may stand in: what only an ICMP socket can do is not dropped.
fn wishes(arguments: &PingArguments) -> Wishes {
    let is_plain = arguments.ident.is_none()
        && arguments.mark.is_none()
        && arguments.flow_label.is_none()
        && !(arguments.broadcast || arguments.multicast || arguments.has_ip_options());
    Wishes {
        backend: arguments.backend,
        may_stand_in: is_plain && !arguments.classic && arguments.backend == Backend::Linux,
        has_no_options: arguments.df.is_none()
            && !arguments.direct
            && arguments.send_buffer.is_none()
            && arguments.size.is_none()
            && !arguments.user_stamps
            && !uses::has_ecn(arguments)
            && arguments.pattern.is_none(),
        verbose: arguments.verbose && !arguments.classic,
    }
}

fn config(
    resolved: &Resolved,
    destination: Destination,
    arguments: &PingArguments,
    checked: &Checked,
    source: Option<IpAddr>,
    wall: ClockAnchor,
) -> Config {
    let mut control = Control { source, ..request::control(arguments, checked) };
    if resolved.cast == Cast::Multicast {
        // No further than this network unless asked (RFC 1112 section 6.1).
        control.hop_limit.get_or_insert(1);
    }
    let probing = Probing {
        cast: resolved.cast,
        protocol: resolved.protocol,
        count: checked.count,
        interval: arguments.interval(),
        adaptive: arguments.adaptive.then_some(checked.least_interval),
        goal: arguments.goal(),
        timeout: arguments.timeout(),
        deadline: arguments.deadline,
        preload: arguments.preload,
        size: arguments.size(),
        pattern: arguments.pattern.unwrap_or(Pattern::COUNTING),
        query: arguments.probe_interface.as_ref().map(|question| question.query.clone()),
        wall,
        control,
        keeps_probes: arguments.form.output() == Output::Json,
        ..Probing::default()
    };
    Config { target_index: resolved.target_index, destination, probing: Arc::new(probing) }
}

/// What a target is asked about, as the user wrote it.
fn question(arguments: &PingArguments, protocol: Protocol) -> Option<Untrusted> {
    let question = arguments.probe_interface.as_ref().filter(|_| protocol == Protocol::IcmpProbe);
    question.map(|question| Untrusted::from(question.text.as_str()))
}

/// Bytes of options in the header of a request; iputils says 40, whatever it asks for.
fn options_len(arguments: &PingArguments, checked: &Checked) -> usize {
    match checked.options {
        None => 0,
        Some(_) if arguments.classic => 40,
        Some(options) => options.padded_len(),
    }
}

fn as_understood(arguments: &PingArguments, checked: &Checked) -> serde_json::Value {
    json!({
        "hosts": arguments.hosts,
        "protocols": arguments.protocols().iter().map(|protocol| protocol.name()).collect::<Vec<_>>(),
        "count": checked.count,
        "interval_ms": netdiag_model::milliseconds(arguments.interval()),
        "timeout_ms": netdiag_model::milliseconds(arguments.timeout()),
        "deadline_ms": arguments.deadline.map(netdiag_model::milliseconds),
        "size": arguments.size(),
        "preload": arguments.preload,
        "ttl": arguments.ttl,
        "until_up": arguments.until_up.or_else(|| arguments.first.then_some(1)),
        "until_down": arguments.until_down,
        "traffic_class": arguments.traffic_class(),
        "probe_interface": arguments.probe_interface.as_ref().map(|question| &question.text),
        "flow_label": checked.flow_label,
        "seed": arguments.seed,
        "source": checked.source,
        "interface": checked.interface.as_ref().map(|(_, name)| name),
        "fail_if": checked.fail_if.as_ref().map(ToString::to_string),
    })
}
