//! From what was typed to what will be done: what is left cannot be invalid.

use super::check::{Checked, check_destination};
use super::listed::with_listed;
use super::target::{Given, target};
use crate::args::TraceArguments;
use crate::args::form::Output;
use crate::commands::checks;
use crate::commands::hosts::Outline;
use crate::commands::ladder::{self, Wishes};
use crate::commands::resolve::{literal, patience};
use crate::commands::user;
use crate::{Backend, DontFragment, LookedUp, OpenRequest, Terminal, UdpSockets, World};
use netdiag_engine::SynSpec;
use netdiag_engine::port::{Control, Network};
use netdiag_model::{Destination, Family, Untrusted};
use netdiag_ping::Protocol as Rung;
use netdiag_ping::protocol::UDP_PORT;
use netdiag_report::trace::Resolved;
use netdiag_trace::asn::Systems;
use netdiag_trace::config::SIZE;
use netdiag_trace::{Config, Protocol, Spread, Syn};
use serde_json::json;
use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

/// How many ports a varied flow has.
pub(crate) const VARIED_PORTS: u8 = 16;
/// How many the search for all paths has.
const SEARCHED_PORTS: u8 = 64;
/// The MTU of an interface that is not known.
const ETHERNET: u32 = 1_500;
/// How many flows there are where those are told apart by 16 bits.
const FLOWS: u64 = 60_000;

/// What will be done.
pub(crate) struct Plan {
    pub(crate) outline: Outline,
    pub(crate) resolved: Vec<Resolved>,
    /// Whether it ends with the codes of traceroute and mtr.
    pub(crate) classic_exit: bool,
}

impl Plan {
    /// Looks up the names; what cannot be looked up stays as a target with a failure.
    pub(crate) fn new<W: World>(
        command: &'static str,
        arguments: &TraceArguments,
        mut checked: Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Self, String> {
        let arguments = &with_listed(arguments, &mut checked, world)?;
        let asked = (as_understood(arguments, &checked), checked.hosts.len());
        let outline = Outline::new(command, Backend::Linux, asked, world, network);
        let classic_exit = arguments.classic_exit;
        let mut plan = Self { outline, resolved: Vec::new(), classic_exit };
        let systems = systems(arguments, world)?;
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
        let spread = Some(Spread::default()).filter(|_| names.len() > 1);
        for config in plan.resolved.iter_mut().filter_map(|resolved| resolved.config.as_mut()) {
            config.systems.clone_from(&systems);
            config.spread.clone_from(&spread);
            config.tells_hops = match arguments.form.output() {
                Output::Jsonl => true,
                // Of several the tables come at the end.
                Output::Text => names.len() == 1,
                Output::Json | Output::Csv => false,
            };
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
        arguments: &TraceArguments,
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
            carrier: rung(*protocol),
            source: arguments.source,
        };
        let mut resolved = target(&given, looked_up, &mut self.outline, network);
        if let Some(destination) = resolved.destination {
            check_destination(destination, arguments, checked)?;
            self.decide(&mut resolved, destination, arguments, checked, world, network)?;
        }
        self.resolved.push(resolved);
        Ok(())
    }

    /// Decides how a destination is traced.
    fn decide<W: World>(
        &mut self,
        resolved: &mut Resolved,
        destination: Destination,
        arguments: &TraceArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<(), String> {
        let wishes = Wishes {
            backend: Backend::Linux,
            may_stand_in: !arguments.icmp && arguments.mark.is_none(),
            has_no_options: df(arguments).is_none() && arguments.size.is_none(),
            verbose: arguments.verbose,
        };
        let tcp = || world.tcp(destination.family());
        let opened = network.opened();
        let rung = match ladder::rung(rung(resolved.protocol), destination, opened, wishes, tcp) {
            Ok(rung) => rung,
            Err(failure) => {
                self.outline.unmeasured.push(resolved.target_index);
                resolved.failure = Some(*failure);
                return Ok(());
            }
        };
        resolved.protocol = match rung.protocol {
            Rung::Udp { port } => Protocol::Udp { port },
            Rung::Tcp { port, .. } => Protocol::Tcp { port },
            _ => Protocol::Icmp,
        };
        let is_tcp = matches!(resolved.protocol, Protocol::Tcp { .. });
        let syn = is_tcp.then(|| ladder::raw_tcp(network.opened(), destination.family()));
        let mut method = rung.method;
        self.outline.note(rung.note);
        let mut config = config(resolved, destination, arguments, checked, world);
        let udp = network.opened().udp(destination.family()).ok();
        let is_udp = matches!(resolved.protocol, Protocol::Udp { .. });
        config.source_port = udp.filter(|_| is_udp).map(|opening| opening.identifiers.first);
        config.second = match resolved.protocol {
            _ if arguments.multipath.multipath => None,
            // Whether only large ones vanish.
            protocol if arguments.mtu => Some(protocol),
            Protocol::Icmp => udp.map(|_| Protocol::Udp { port: UDP_PORT }),
            _ => network.opened().family(destination.family()).ok().map(|_| Protocol::Icmp),
        };
        config.way = world.way(destination, &config.control);
        if arguments.mtu {
            let link = config.way.and_then(|way| world.link(way.interface));
            config.begin_with(link.map_or(ETHERNET, |link| link.mtu));
        }
        match syn.map(|syn| syn.and_then(|syn| Ok((syn, source(&config, destination, world)?)))) {
            Some(Ok((raw, source))) => {
                let ports = network.opened().tcp(destination.family()).ok();
                let ports = ports.map(|opening| opening.identifiers);
                config.source_port = ports.map(|ports| ports.first);
                config.control.source = Some(source);
                config.syn = ports.map(|ports| syn_of(destination, ports.count));
                let flows = config.syn.map_or(0, |syn| u64::from(syn.ports));
                config.multipath = arguments.multipath.config(flows);
                method = raw;
            }
            Some(Err(why)) if arguments.multipath.multipath => {
                return Err(format!(
                    "--multipath: {why}, and the flow of a TCP connection is the kernel's: try --udp"
                ));
            }
            Some(Err(why)) if arguments.marking.ecn.is_some_and(|ecn| ecn != 0) => {
                return Err(format!(
                    "--ecn: {why}, and of a TCP connection the kernel sets these bits itself"
                ));
            }
            Some(Err(why)) => {
                method.because = why;
                let lost = "one flow for all probes: each connection has a port of its own";
                method.lost.push(lost.to_owned());
            }
            None => {}
        }
        resolved.method = Some(method);
        resolved.config = Some(config);
        Ok(())
    }
}

/// The largest file of AS numbers that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 29;

/// The AS numbers of the file that was given.
fn systems<W: World>(arguments: &TraceArguments, world: &mut W) -> Result<Option<Systems>, String> {
    let Some(path) = &arguments.asn_file else { return Ok(None) };
    let wrong =
        |what: &str| format!("--asn-file {}: {what}", Untrusted::from(path.as_str()).escaped());
    let input = world.input(path).map_err(|fault| wrong(&fault.to_string()))?;
    let mut bytes = Vec::new();
    let read = input.take(LARGEST_FILE + 1).read_to_end(&mut bytes);
    if read.map_err(|fault| wrong(&fault.to_string()))? as u64 > LARGEST_FILE {
        return Err(wrong("larger than 512 MiB"));
    }
    Systems::read(bytes).map(Some).map_err(|what| wrong(&what))
}

/// The source of SYNs to a destination: their checksum covers it.
fn source<W: World>(
    config: &Config,
    destination: Destination,
    world: &mut W,
) -> Result<IpAddr, String> {
    let Control { source, interface, .. } = config.control;
    let known = source.or_else(|| config.way.and_then(|way| way.source));
    known.map_or_else(
        || world.source(destination, None, interface).map_err(|error| error.to_string()),
        Ok,
    )
}

/// SYNs as a host on an Ethernet sends them.
pub(crate) const fn syn_of(destination: Destination, ports: u8) -> Syn {
    Syn { ports, mss: SynSpec::ethernet_mss(destination.family()) }
}

/// A protocol as the ladder has it.
const fn rung(protocol: Protocol) -> Rung {
    match protocol {
        Protocol::Icmp => Rung::Icmp,
        Protocol::Udp { port } => Rung::Udp { port },
        Protocol::Tcp { port } => Rung::Tcp { port, any_answer: false },
    }
}

fn config<W: World>(
    resolved: &Resolved,
    destination: Destination,
    arguments: &TraceArguments,
    checked: &Checked,
    world: &W,
) -> Config {
    let spacing = match world.may_flood() {
        true => Duration::ZERO,
        false => user::floor(rung(resolved.protocol)),
    };
    Config {
        protocol: resolved.protocol,
        vary_flow: arguments.vary_flow,
        multipath: arguments.multipath.config(FLOWS),
        first_ttl: arguments.first_ttl,
        max_ttl: arguments.max_ttl,
        queries: arguments.queries,
        window: arguments.window,
        gap: arguments.gap,
        interval: arguments.interval,
        spacing,
        timeout: arguments.timeout.duration,
        deadline: arguments.deadline,
        size: arguments.size.unwrap_or(SIZE),
        dont_fragment: match df(arguments) {
            Some(DontFragment::Do | DontFragment::Probe) => Some(true),
            Some(DontFragment::Dont) => Some(false),
            // What the kernel does then depends on what it knows of the path.
            Some(DontFragment::Want) | None => None,
        },
        control: control(arguments, checked),
        wants_names: wants_names(arguments, world.terminal()),
        ..Config::new(resolved.target_index, destination)
    }
}

/// What happens to packets larger than the path: as large ones as pass are tried whatever the kernel
/// knows.
fn df(arguments: &TraceArguments) -> Option<DontFragment> {
    arguments.df.or_else(|| arguments.mtu.then_some(DontFragment::Probe))
}

/// Whether the names of hops are looked up.
pub(crate) const fn wants_names(arguments: &TraceArguments, terminal: Terminal) -> bool {
    !arguments.numeric && (arguments.names || terminal.stdout)
}

/// What every packet carries, beside its hop limit.
fn control(arguments: &TraceArguments, checked: &Checked) -> Control {
    Control {
        traffic_class: arguments.marking.traffic_class(),
        source: arguments.source,
        interface: checked.interface.as_ref().map(|(number, _)| *number),
        ..Control::default()
    }
}

/// The sockets and their options.
pub(crate) fn open_request(
    arguments: &TraceArguments,
    checked: &Checked,
    terminal: Terminal,
) -> OpenRequest {
    // Which hosts a file has is known later.
    let listed = arguments.file.as_ref().map(|_| arguments.protocol());
    let given = || checked.hosts.iter().map(|(_, protocol)| protocol).chain(&listed);
    let has = |wanted: fn(&Protocol) -> bool| given().any(wanted);
    let has_icmp = has(|protocol| *protocol == Protocol::Icmp);
    let has_udp = has(|protocol| matches!(protocol, Protocol::Udp { .. }));
    let has_tcp = has(|protocol| matches!(protocol, Protocol::Tcp { .. }));
    let names = checked.hosts.iter().any(|(host, _)| literal(host).is_none());
    let names = names || arguments.file.is_some();
    let files = arguments.asn_file.iter().chain(&arguments.file);
    OpenRequest {
        family: only_family(arguments, checked),
        mark: arguments.mark,
        prompt_stamps: true,
        dont_fragment: df(arguments),
        // Beside UDP for what routers quote of it, beside SYNs for what they say at all.
        icmp: has_icmp || has_udp || has_tcp,
        udp_quotes: has_udp,
        tcp_ports: match (has_tcp, arguments.vary_flow, arguments.multipath.multipath) {
            (false, ..) => 0,
            (true, _, true) => SEARCHED_PORTS,
            (true, true, _) => VARIED_PORTS,
            (true, false, false) => 1,
        },
        // Beside ICMP for where it stops, or instead of it.
        udp: if has_udp || has_icmp { UdpSockets::Always } else { UdpSockets::Never },
        control: control(arguments, checked),
        patience: Some(netdiag_engine::remembered_for(arguments.timeout.duration)),
        names: names || wants_names(arguments, terminal),
        files: files.filter(|path| *path != "-").cloned().collect(),
        ..OpenRequest::default()
    }
}

/// The only family that can come up: the one that was asked for, or that of all hosts where these
/// are addresses.
fn only_family(arguments: &TraceArguments, checked: &Checked) -> Option<Family> {
    let families = checked.hosts.iter().map(|(host, _)| literal(host).map(Family::of));
    let of_all = || arguments.file.is_none().then(|| checks::only_family(families)).flatten();
    family(arguments).or_else(of_all)
}

const fn family(arguments: &TraceArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        _ => None,
    }
}

fn as_understood(arguments: &TraceArguments, checked: &Checked) -> serde_json::Value {
    json!({
        "hosts": arguments.hosts,
        "protocols": checked.hosts.iter().map(|(_, protocol)| protocol.name()).collect::<Vec<_>>(),
        "queries": arguments.queries,
        "first_ttl": arguments.first_ttl,
        "max_ttl": arguments.max_ttl,
        "gap": arguments.gap,
        "window": arguments.window,
        "interval_ms": arguments.interval.map(netdiag_model::milliseconds),
        "timeout_ms": netdiag_model::milliseconds(arguments.timeout.duration),
        "deadline_ms": arguments.deadline.map(netdiag_model::milliseconds),
        "vary_flow": arguments.vary_flow,
        "multipath": arguments.multipath.multipath,
        "confidence_percent": arguments.multipath.config(0).map(|it| it.confidence.percent()),
        "probe_cap": arguments.multipath.config(0).map(|it| it.most),
        "size": arguments.size.unwrap_or(SIZE),
        "mtu": arguments.mtu,
        "traffic_class": arguments.marking.traffic_class(),
        "asn_file": arguments.asn_file,
        "source": arguments.source,
        "interface": checked.interface.as_ref().map(|(_, name)| name),
        "fail_if": checked.fail_if.as_ref().map(ToString::to_string),
    })
}
