//! From what was typed to what will be done: what is left cannot be invalid.

use super::check::{Checked, check_destination};
use crate::args::MtuArguments;
use crate::commands::checks;
use crate::commands::hosts::Outline;
use crate::commands::ladder::{self, Wishes};
use crate::commands::resolve::{literal, patience};
use crate::commands::trace::{Given, syn_of, target};
use crate::commands::user;
use crate::{Backend, DontFragment, LookedUp, OpenRequest, UdpSockets, World};
use netdiag_engine::port::{Control, Network};
use netdiag_model::{Destination, Family};
use netdiag_ping::Protocol as Rung;
use netdiag_report::mtu::Resolved;
use netdiag_trace::Protocol;
use netdiag_trace::mtu::Config;
use serde_json::json;
use std::io::BufRead;
use std::time::Duration;

/// Where the kernel says what TCP does about black holes (ip-sysctl.rst).
const TCP_MTU_PROBING: &str = "/proc/sys/net/ipv4/tcp_mtu_probing";

/// What will be done.
pub(crate) struct Plan {
    pub(super) outline: Outline,
    pub(super) resolved: Vec<Resolved>,
    tcp_mtu_probing: Option<u8>,
}

impl Plan {
    /// Looks up the names; what cannot be looked up stays as a target with a failure.
    pub(super) fn new<W: World>(
        arguments: &MtuArguments,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        let asked = (as_understood(arguments, &checked), checked.hosts.len());
        let outline = Outline::new("mtu", Backend::Linux, asked, world, network);
        let tcp_mtu_probing = tcp_mtu_probing(world);
        let mut plan = Self { outline, resolved: Vec::new(), tcp_mtu_probing };
        if let Some(source) = arguments.source.filter(|source| !world.owns(*source)) {
            return Err(format!("--source: {source} is not an address of this machine"));
        }
        let names: Vec<String> = checked.hosts.iter().map(|(host, _)| host.clone()).collect();
        let found =
            world.resolve(&names, family(arguments), patience(arguments.deadline, names.len()));
        for (index, found) in found.into_iter().enumerate() {
            plan.add(index, found, arguments, &checked, world, network)?;
        }
        if let Some(deadline) = arguments.deadline {
            let left = deadline.saturating_sub(network.now().since(plan.outline.run.started_at));
            let configs = plan.resolved.iter_mut().filter_map(|resolved| resolved.config.as_mut());
            configs.for_each(|config| config.deadline = Some(left));
        }
        let methods = plan.resolved.iter().filter_map(|resolved| resolved.method.as_ref());
        plan.outline.measured_by(methods);
        plan.outline.fail_if = checked.fail_if;
        Ok(plan)
    }

    /// Adds the target of a host that was looked up.
    fn add<W: World>(
        &mut self,
        index: usize,
        looked_up: LookedUp,
        arguments: &MtuArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<(), String> {
        let Some((host, protocol)) = checked.hosts.get(index) else { return Ok(()) };
        let given = Given {
            index,
            typed: arguments.hosts.get(index),
            host,
            protocol: *protocol,
            carrier: carrier(*protocol),
            source: arguments.source,
        };
        let mut resolved = target(&given, looked_up, &mut self.outline, network);
        if let Some(destination) = resolved.destination {
            check_destination(destination, arguments, checked)?;
            self.decide(&mut resolved, destination, arguments, checked, world, network);
        }
        self.resolved.push(resolved);
        Ok(())
    }

    /// Decides how a destination is measured.
    fn decide<W: World>(
        &mut self,
        resolved: &mut Resolved,
        destination: Destination,
        arguments: &MtuArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) {
        let wishes = Wishes {
            backend: Backend::Linux,
            may_stand_in: !arguments.icmp && arguments.mark.is_none(),
            // A connection carries no data of ours, and so no size.
            has_no_options: false,
            verbose: arguments.verbose,
        };
        let wanted = carrier(resolved.protocol);
        let never = || Ok(());
        let rung = match ladder::rung(wanted, destination, network.opened(), wishes, never) {
            Ok(rung) => rung,
            Err(failure) => {
                self.outline.unmeasured.push(resolved.target_index);
                resolved.failure = Some(*failure);
                return;
            }
        };
        let carrier = match rung.protocol {
            Rung::Udp { port } => Protocol::Udp { port },
            _ => Protocol::Icmp,
        };
        if !matches!(resolved.protocol, Protocol::Tcp { .. }) {
            resolved.protocol = carrier;
        }
        resolved.method = Some(rung.method);
        self.outline.note(rung.note);
        let control = control(arguments, checked);
        let way = world.way(destination, &control);
        let link = way.and_then(|way| world.link(way.interface));
        let most = Config::most(destination.family());
        let default = link.as_ref().map_or(DEFAULT_MTU, |link| link.mtu);
        let spacing = match world.may_flood() {
            true => Duration::ZERO,
            false => user::floor(rung.protocol),
        };
        let is_tcp = matches!(resolved.protocol, Protocol::Tcp { .. });
        let ports = network.opened().tcp(destination.family()).ok().filter(|_| is_tcp);
        let syn = ports.map(|opening| syn_of(destination, opening.identifiers.count));
        resolved.config = Some(Config {
            syn,
            source: control.source.or_else(|| way.and_then(|way| way.source)),
            protocol: resolved.protocol,
            carrier,
            max_ttl: arguments.max_ttl,
            largest: arguments.size.map_or(default, |size| size.min(default)).min(most),
            link,
            tcp_mtu_probing: self.tcp_mtu_probing,
            spacing,
            timeout: arguments.timeout.duration,
            deadline: arguments.deadline,
            control,
            way,
            ..Config::new(resolved.target_index, destination)
        });
    }
}

/// How many ports SYNs leave from.
const SYN_PORTS: u8 = 4;
/// What is tried where the interface is not known.
const DEFAULT_MTU: u32 = 1_500;

/// What tries the sizes, as the ladder has it.
const fn carrier(protocol: Protocol) -> Rung {
    match protocol {
        Protocol::Udp { port } => Rung::Udp { port },
        Protocol::Icmp | Protocol::Tcp { .. } => Rung::Icmp,
    }
}

/// What TCP of this machine does about black holes, where that is known.
fn tcp_mtu_probing<W: World>(world: &mut W) -> Option<u8> {
    let mut line = String::new();
    world.input(TCP_MTU_PROBING).ok()?.read_line(&mut line).ok()?;
    line.trim().parse().ok()
}

/// What every packet carries, beside its hop limit.
fn control(arguments: &MtuArguments, checked: &Checked) -> Control {
    Control {
        traffic_class: arguments.marking.traffic_class(),
        source: arguments.source,
        interface: checked.interface.as_ref().map(|(number, _)| *number),
        ..Control::default()
    }
}

/// The sockets and their options.
pub(super) fn open_request(arguments: &MtuArguments, checked: &Checked) -> OpenRequest {
    let is_udp = |(_, protocol): &(String, Protocol)| matches!(protocol, Protocol::Udp { .. });
    let has_udp = checked.hosts.iter().any(is_udp);
    let has_icmp = !checked.hosts.iter().all(is_udp);
    OpenRequest {
        family: only_family(arguments, checked),
        mark: arguments.mark,
        // What the kernel remembers of the path is not to be asked.
        dont_fragment: Some(DontFragment::Probe),
        icmp: has_icmp,
        udp: match (has_udp, has_icmp && !arguments.icmp) {
            (true, _) => UdpSockets::Always,
            (false, true) => UdpSockets::InsteadOfIcmp,
            (false, false) => UdpSockets::Never,
        },
        control: control(arguments, checked),
        patience: Some(netdiag_engine::remembered_for(arguments.timeout.duration)),
        // Beside connections, for what their answers say of segment sizes.
        tcp_ports: if checked.hosts.iter().any(|(_, it)| matches!(it, Protocol::Tcp { .. })) {
            SYN_PORTS
        } else {
            0
        },
        names: checked.hosts.iter().any(|(host, _)| literal(host).is_none()),
        files: vec![TCP_MTU_PROBING.to_owned()],
        ..OpenRequest::default()
    }
}

/// The only family that can come up: the one that was asked for, or that of all hosts where these
/// are addresses.
fn only_family(arguments: &MtuArguments, checked: &Checked) -> Option<Family> {
    let families = checked.hosts.iter().map(|(host, _)| literal(host).map(Family::of));
    family(arguments).or_else(|| checks::only_family(families))
}

const fn family(arguments: &MtuArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        _ => None,
    }
}

fn as_understood(arguments: &MtuArguments, checked: &Checked) -> serde_json::Value {
    json!({
        "hosts": arguments.hosts,
        "protocols": checked.hosts.iter().map(|(_, protocol)| protocol.name()).collect::<Vec<_>>(),
        "size": arguments.size,
        "max_ttl": arguments.max_ttl,
        "timeout_ms": netdiag_model::milliseconds(arguments.timeout.duration),
        "deadline_ms": arguments.deadline.map(netdiag_model::milliseconds),
        "traffic_class": arguments.marking.traffic_class(),
        "mark": arguments.mark,
        "source": arguments.source,
        "interface": checked.interface.as_ref().map(|(_, name)| name),
        "fail_if": checked.fail_if.as_ref().map(ToString::to_string),
    })
}
