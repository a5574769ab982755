//! From what was typed to what will be done: what is left cannot be invalid.

use super::check::Checked;
use super::gather::Gathered;
use super::limits;
use crate::args::SweepArguments;
use crate::args::form::Output;
use crate::commands::ending;
use crate::commands::ladder::{self, Rung, Wishes};
use crate::commands::{checks, targets};
use crate::{Backend, OpenRequest, UdpSockets, World};
use netdiag_check::expr::Expr;
use netdiag_engine::Pattern;
use netdiag_engine::port::{Control, Network, NetworkError};
use netdiag_model::failure::Failure;
use netdiag_model::{Destination, Family, milliseconds};
use netdiag_ping::Protocol;
use netdiag_ping::protocol::SYN_PORTS;
use netdiag_ping::sweep::{Config, Targets};
use netdiag_report::Run;
use netdiag_report::sweep::Setting;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// For how many stretches of targets the way out of this machine is known.
const WAYS: usize = 64;

/// What will be done.
pub(crate) struct Plan {
    pub(super) setting: Setting,
    pub(super) fail_if: Option<Expr>,
    pub(super) min_alive: Option<u32>,
    /// The process ends with fping's codes.
    pub(super) classic_exit: bool,
    /// Targets of which nobody could be asked for their address.
    pub(super) unmeasured: BTreeSet<u32>,
    pub(super) bad_lines: u64,
    /// The file was not read to its end within this time.
    pub(super) unread: Option<Duration>,
    /// The run was ended while names were looked up.
    pub(super) interrupted: bool,
    /// What stands in for what was asked for, to be said once.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Reads files and looks up names; what cannot be looked up stays as a target with a failure.
    pub(super) fn new<W: World>(
        arguments: &SweepArguments,
        checked: Checked,
        world: &mut W,
        network: &mut W::Network,
        err: &mut dyn Write,
    ) -> Result<Self, String> {
        if let Some(source) = arguments.source.filter(|source| !world.owns(*source)) {
            return Err(format!("--source: {source} is not an address of this machine"));
        }
        let anchor = world.anchor();
        let started_at = network.now();
        let mut spent = || network.now().since(started_at);
        let gathered = Gathered::new(arguments, &checked, &mut spent, world, err)?;
        if gathered.targets.is_empty() && gathered.bad_lines == 0 && gathered.unread.is_none() {
            return Err("no targets are left".to_owned());
        }
        let mut notes = Vec::from_iter(gathered.note());
        let barred = gathered.barred.map(Arc::new);
        notes.extend(barred.as_ref().map(|failure| failure.message.clone()));
        let mut refused = [barred.clone(), barred.clone()];
        let mut rung = |family| {
            let first = first_of(&gathered.targets, family).filter(|_| barred.is_none())?;
            let tcp = || world.tcp(family);
            climb(arguments, first, network, tcp, (&mut notes, &mut refused, family))
        };
        let (ipv4, ipv6) = (rung(Family::Ipv4), rung(Family::Ipv6));
        let protocol = |rung: &Option<Rung>| rung.as_ref().map_or(arguments.proto, |r| r.protocol);
        let identifiers = |family| {
            let opening = network.opened().family(family);
            opening.map_or(1, |opening| opening.identifiers.count)
        };
        let mut config = Config {
            identifiers: [Family::Ipv4, Family::Ipv6].map(identifiers),
            ipv4: protocol(&ipv4),
            ipv6: protocol(&ipv6),
            refused,
            ..config(arguments, &checked, gathered.targets)
        };
        if ipv4.is_none() || ipv6.is_none() {
            // A family without targets does not show.
            let of_targets = protocol(if ipv4.is_some() { &ipv4 } else { &ipv6 });
            (config.ipv4, config.ipv6) = (of_targets, of_targets);
        }
        let spent = network.now().since(started_at);
        config.deadline = arguments.deadline.map(|deadline| deadline.saturating_sub(spent));
        let asked = config.interval;
        limits::keep(&mut config, world.may_flood(), false);
        let stretched = limits::note(&config, asked);
        config.ways = ways(&config, world);
        if matches!(arguments.proto, Protocol::Syn { .. }) && config.control.source.is_none() {
            let all = config.targets.iter();
            let mut all = all.filter_map(|(number, target)| Some((number, target.destination()?)));
            config.sources = world.sources(&mut all, config.control.interface);
        }
        if [config.ipv4, config.ipv6].iter().any(|kind| matches!(kind, Protocol::Tcp { .. })) {
            // Each needs a descriptor, and whoever waits for one is no fault of its target.
            config.most_open = world.connections() as u64;
        }
        let methods = [&ipv4, &ipv6].into_iter().flatten().map(|rung| &rung.method);
        let weakest = ending::weakest(methods);
        let method = weakest.unwrap_or_else(|| ladder::weakest(network.opened(), Backend::Linux));
        let run = Run {
            command: "sweep",
            version: env!("CARGO_PKG_VERSION"),
            anchor,
            started_at,
            method,
            arguments: as_understood(arguments, &checked, &config, stretched.as_deref()),
            target_count: config.targets.len() as usize,
        };
        let (ipv4, ipv6) = (ipv4.map(|rung| rung.method), ipv6.map(|rung| rung.method));
        notes.extend(stretched);
        Ok(Self {
            setting: Setting { run, config: Arc::new(config), ipv4, ipv6 },
            fail_if: checked.fail_if,
            min_alive: arguments.min_alive,
            classic_exit: arguments.classic_exit,
            unmeasured: gathered.unmeasured,
            bad_lines: gathered.bad_lines,
            unread: gathered.unread,
            interrupted: gathered.interrupted,
            notes,
        })
    }
}

/// By which method a family is measured. Where there is none, none of its targets can be probed.
fn climb<N: Network>(
    arguments: &SweepArguments,
    first: Destination,
    network: &N,
    tcp: impl FnOnce() -> Result<(), NetworkError>,
    (notes, refused, family): (&mut Vec<String>, &mut [Option<Arc<Failure>>; 2], Family),
) -> Option<Rung> {
    let wishes = Wishes {
        backend: Backend::Linux,
        may_stand_in: arguments.mark.is_none(),
        has_no_options: arguments.pattern.is_none(),
        verbose: arguments.verbose,
    };
    match ladder::rung(arguments.proto, first, network.opened(), wishes, tcp) {
        Ok(rung) => {
            notes.extend(rung.note.clone());
            Some(rung)
        }
        Err(failure) => {
            notes.push(failure.message.clone());
            let [ipv4, ipv6] = refused;
            // It is no other for the other targets.
            let message = failure.message.strip_prefix(&format!("cannot measure {first}: "));
            let message = message.unwrap_or(&failure.message).to_owned();
            let refused = if family == Family::Ipv4 { ipv4 } else { ipv6 };
            *refused = Some(Arc::new(Failure { message, ..*failure }));
            None
        }
    }
}

fn first_of(targets: &Targets, family: Family) -> Option<Destination> {
    let mut found = targets.corners().filter_map(|target| target.destination());
    found.find(|destination| destination.family() == family)
}

fn ways<W: World>(config: &Config, world: &mut W) -> Vec<(netdiag_model::Way, Destination)> {
    let all = config.targets.corners().filter_map(|target| target.destination());
    let known = all
        .take(WAYS)
        .filter_map(|destination| Some((world.way(destination, &config.control)?, destination)));
    known.collect()
}

fn config(arguments: &SweepArguments, checked: &Checked, targets: Targets) -> Config {
    let form = arguments.form();
    Config {
        count: arguments.count,
        retries: arguments.retries(),
        backoff: arguments.backoff.unwrap_or(1.0),
        interval: arguments.interval(),
        spacing: arguments.rate.spacing(),
        timeout: arguments.timeout.duration,
        deadline: arguments.deadline,
        size: arguments.size,
        pattern: arguments.pattern.unwrap_or(Pattern::COUNTING),
        control: control(arguments, checked),
        tells_probes: form == Output::Jsonl && !arguments.quiet,
        wants_names: arguments.names,
        keeps_probes: form == Output::Json && arguments.verbose,
        ..Config::new(targets)
    }
}

/// What every packet carries.
fn control(arguments: &SweepArguments, checked: &Checked) -> Control {
    Control {
        hop_limit: arguments.ttl,
        traffic_class: arguments.dscp,
        source: arguments.source,
        interface: checked.interface.as_ref().map(|(number, _)| *number),
        ..Control::default()
    }
}

/// The sockets and their options.
pub(super) fn open_request(arguments: &SweepArguments, checked: &Checked) -> OpenRequest {
    let is_syn = matches!(arguments.proto, Protocol::Syn { .. });
    OpenRequest {
        family: only_family(arguments, checked),
        mark: arguments.mark,
        // Beside SYNs for what is said of them.
        icmp: arguments.proto == Protocol::Icmp || is_syn,
        tcp_ports: if is_syn { SYN_PORTS } else { 0 },
        udp: match arguments.proto {
            Protocol::Icmp | Protocol::IcmpTimestamp | Protocol::IcmpProbe => {
                UdpSockets::InsteadOfIcmp
            }
            Protocol::Udp { .. } => UdpSockets::Always,
            // Dialogs with services are no probes of a sweep.
            Protocol::Tcp { .. }
            | Protocol::Tls { .. }
            | Protocol::Http { .. }
            | Protocol::Dns { .. }
            | Protocol::Quic { .. }
            | Protocol::Syn { .. } => UdpSockets::Never,
        },
        control: control(arguments, checked),
        patience: Some(netdiag_engine::remembered_for(arguments.timeout.duration)),
        names: true,
        files: Vec::from_iter(arguments.file.clone().filter(|path| path != "-")),
        ..OpenRequest::default()
    }
}

/// The only family that can come up; names and files can bring either.
fn only_family(arguments: &SweepArguments, checked: &Checked) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => return Some(Family::Ipv4),
        (_, true) => return Some(Family::Ipv6),
        _ if arguments.file.is_some() => return None,
        _ => {}
    }
    checks::only_family(checked.targets.iter().map(targets::family))
}

fn as_understood(
    arguments: &SweepArguments,
    checked: &Checked,
    config: &Config,
    stretched: Option<&str>,
) -> serde_json::Value {
    let rate = (!config.spacing.is_zero()).then(|| 1.0 / config.spacing.as_secs_f64());
    json!({
        "targets": arguments.targets,
        "file": arguments.file,
        "exclude": arguments.exclude,
        "all_addresses": arguments.all_addresses,
        "protocol": arguments.proto.name(),
        "count": config.count,
        "retries": config.retries,
        "backoff": config.backoff,
        "interval_ms": milliseconds(config.interval),
        "interval_because": stretched,
        "packets_per_second": rate,
        "timeout_ms": milliseconds(config.timeout),
        "deadline_ms": arguments.deadline.map(milliseconds),
        "size": config.size,
        "ttl": arguments.ttl,
        "traffic_class": arguments.dscp,
        "source": arguments.source,
        "interface": checked.interface.as_ref().map(|(_, name)| name),
        "names": arguments.names,
        "min_alive": arguments.min_alive,
        "fail_if": checked.fail_if.as_ref().map(ToString::to_string),
    })
}
