//! From what was typed to what will be done: what is left cannot be invalid.

use super::{DOCUMENT_COUNT, backend, remedy};
use crate::args::PingArguments;
use crate::args::ping::Output;
use crate::{Backend, OpenRequest, World};
use netdiag_check::expr::Expr;
use netdiag_engine::Pattern;
use netdiag_engine::port::{Control, Network, Opened, Opening};
use netdiag_model::contract::{Method, SocketKind, Timestamps};
use netdiag_model::failure::{Failure, LookupError, Stage};
use netdiag_model::{Destination, Family, Untrusted, parse_address};
use netdiag_ping::Config;
use netdiag_ping::metrics::METRICS;
use netdiag_report::ping::{Resolved, Run};
use serde_json::json;
use std::net::IpAddr;
use std::time::Duration;

/// The shortest interval of a user who is not root.
const LEAST_INTERVAL: Duration = Duration::from_millis(2);
/// The most requests at once of a user who is not root.
const MOST_PRELOAD: u64 = 3;
/// A timeout above this without a unit is probably meant in milliseconds.
const ODD_TIMEOUT: Duration = Duration::from_secs(60);

/// Arguments that fit together.
pub(super) struct Checked {
    fail_if: Option<Expr>,
    source: Option<IpAddr>,
    interface: Option<(u32, Untrusted)>,
    count: Option<u64>,
    pub(super) warnings: Vec<String>,
}

/// What will be done.
pub(super) struct Plan {
    pub(super) run: Run,
    pub(super) resolved: Vec<Resolved>,
    /// One for each target that has an address, in order.
    pub(super) configs: Vec<Config>,
    pub(super) fail_if: Option<Expr>,
    pub(super) classic_exit: bool,
    /// As iputils: with a deadline too, so many replies must come.
    pub(super) classic_count: Option<u64>,
    /// Targets of which nothing can be known from here: nobody could be asked for their address, or
    /// no socket can reach it.
    pub(super) unmeasured: Vec<usize>,
}

/// Checks what can be checked without touching the network.
pub(super) fn check<W: World>(arguments: &PingArguments, world: &mut W) -> Result<Checked, String> {
    let fail_if = match &arguments.fail_if {
        None => None,
        Some(text) => {
            Some(Expr::parse(text, METRICS).map_err(|error| format!("--fail-if: {error}"))?)
        }
    };
    for host in &arguments.hosts {
        check_host(host, arguments, world)?;
    }
    backend::check(arguments)?;
    if !world.may_flood() {
        if arguments.interval < LEAST_INTERVAL {
            return Err("--interval: below 2 ms only root may send".to_owned());
        }
        if arguments.preload > MOST_PRELOAD {
            return Err(format!("--preload: above {MOST_PRELOAD} only root may send"));
        }
    }
    if arguments.classic && arguments.form() != Output::Text {
        return Err("--classic: only with --output text".to_owned());
    }
    let (source, interface) = way_out(arguments, world)?;
    let mut warnings = Vec::new();
    if arguments.timeout.bare && arguments.timeout.duration > ODD_TIMEOUT {
        let seconds = arguments.timeout.duration.as_secs();
        warnings.push(format!("--timeout is {seconds} seconds; milliseconds are `{seconds}ms`"));
    }
    let mut count = arguments.count;
    let document = matches!(arguments.form(), Output::Json | Output::Csv);
    if document && count.is_none() && arguments.deadline.is_none() {
        count = Some(DOCUMENT_COUNT);
        warnings.push(format!("{DOCUMENT_COUNT} requests, since nothing says when to end"));
    }
    Ok(Checked { fail_if, source, interface, count, warnings })
}

/// What the command needs open.
pub(super) fn open_request(arguments: &PingArguments, checked: &Checked) -> OpenRequest {
    OpenRequest {
        backend: arguments.backend,
        identifier: arguments.ident,
        dont_fragment: arguments.df,
        mark: arguments.mark,
        control: control(arguments, checked),
        patience: Some(netdiag_engine::remembered_for(arguments.timeout.duration)),
    }
}

/// What every request carries.
fn control(arguments: &PingArguments, checked: &Checked) -> Control {
    Control {
        hop_limit: arguments.ttl,
        traffic_class: arguments.dscp.or(arguments.tos),
        source: checked.source,
        interface: checked.interface.as_ref().map(|(number, _)| *number),
    }
}

/// A source address, and an interface's index and name.
type WayOut = (Option<IpAddr>, Option<(u32, Untrusted)>);

/// The source address and the interface that were asked for: `--interface` takes either.
fn way_out<W: World>(arguments: &PingArguments, world: &mut W) -> Result<WayOut, String> {
    let Some(name) = &arguments.interface else { return Ok((arguments.source, None)) };
    if let Ok(address) = name.parse::<IpAddr>() {
        return match arguments.source.filter(|source| *source != address) {
            Some(source) => Err(format!("--interface: {address} and --source {source} differ")),
            None => Ok((Some(address), None)),
        };
    }
    let shown = Untrusted::from(name.as_str());
    match world.interface(name) {
        Some(index) => Ok((arguments.source, Some((index, shown)))),
        None => Err(format!("--interface: no interface `{}`", shown.escaped())),
    }
}

/// What a host must not be, as far as its text tells.
fn check_host<W: World>(
    host: &str,
    arguments: &PingArguments,
    world: &mut W,
) -> Result<(), String> {
    let shown = Untrusted::from(host);
    let shown = shown.escaped();
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err("HOST is empty".to_owned());
    }
    let Some(address) = inner.split('%').next().and_then(parse_address) else {
        let has_port = host.starts_with('[') || host.matches(':').count() == 1;
        return if has_port { Err(format!("HOST `{shown}`: ping takes no port")) } else { Ok(()) };
    };
    if let Some((_, zone)) = inner.split_once('%') {
        check_zone(zone, address, world).map_err(|error| format!("HOST `{shown}`: {error}"))?;
    }
    if arguments.ipv4 && address.is_ipv6() {
        return Err(format!("--ipv4: `{shown}` is an IPv6 address"));
    }
    if arguments.ipv6 && address.is_ipv4() {
        return Err(format!("--ipv6: `{shown}` is an IPv4 address"));
    }
    if address.is_unspecified() {
        return Err(format!("HOST `{shown}`: the unspecified address is no destination"));
    }
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_multicast() || broadcast {
        return Err(format!("HOST `{shown}`: multicast and broadcast cannot be probed yet"));
    }
    Ok(())
}

/// The zone of an address, behind its `%` (RFC 4007 section 11).
fn check_zone<W: World>(zone: &str, address: IpAddr, world: &mut W) -> Result<(), String> {
    if address.is_ipv4() {
        return Err("only an IPv6 address has a zone".to_owned());
    }
    let is_index = zone.parse::<u32>().is_ok_and(|index| index != 0);
    if !is_index && world.interface(zone).is_none() {
        return Err(format!("no interface `{}`", Untrusted::from(zone).escaped()));
    }
    Ok(())
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
                method: weakest(network.opened(), arguments.backend),
                arguments: as_understood(arguments, &checked),
                target_count: arguments.hosts.len(),
            },
            resolved: Vec::new(),
            configs: Vec::new(),
            fail_if: None,
            classic_exit,
            classic_count: checked.count.filter(|_| classic_exit && arguments.deadline.is_some()),
            unmeasured: Vec::new(),
        };
        if let Some(source) = checked.source.filter(|source| !world.owns(*source)) {
            let option = source_option(arguments);
            return Err(format!("{option}: {source} is not an address of this machine"));
        }
        for (index, host) in arguments.hosts.iter().enumerate() {
            plan.add_target(index, host, arguments, &checked, world, network)?;
        }
        plan.fail_if = checked.fail_if;
        Ok(plan)
    }

    fn add_target<W: World>(
        &mut self,
        index: usize,
        host: &str,
        arguments: &PingArguments,
        checked: &Checked,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<(), String> {
        let before = network.now();
        let found = world.resolve(host, family(arguments));
        let at = network.now();
        let is_literal = is_literal(host);
        let (destination, mut failure) = match found {
            Ok(addresses) => (choose(&addresses, network.opened(), checked.source), None),
            Err(error) => {
                if matches!(error, LookupError::NoAnswer { .. }) {
                    self.unmeasured.push(index);
                }
                (None, Some(lookup_failure(host, &error)))
            }
        };
        let opening = destination.map(|d| network.opened().family(d.family()));
        if let (Some(destination), Some(Err(error))) = (destination, &opening) {
            self.unmeasured.push(index);
            failure = Some(remedy::closed(destination, error));
        }
        let mut from = (checked.source, checked.interface.as_ref().map(|(_, name)| name.clone()));
        if let Some(destination) = destination.filter(|_| failure.is_none()) {
            check_family(destination, arguments, checked)?;
            let wants_name =
                !arguments.numeric && (arguments.names || (world.terminal().stdout && is_literal));
            let config = config(index, destination, arguments, checked, wants_name);
            let way = world.way(destination, &config.control);
            if from.0.is_none() && from.1.is_some() {
                from.0 = way.and_then(|way| way.source);
            }
            self.configs.push(Config { way, ..config });
        }
        self.resolved.push(Resolved {
            target_index: index,
            target: Untrusted::from(host),
            destination,
            failure,
            resolve: Some(at.since(before)).filter(|_| !is_literal),
            method: opening.and_then(Result::ok).map(|opening| method(opening, arguments.backend)),
            from,
            size: arguments.size,
            at,
        });
        Ok(())
    }
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

/// The first address that can be sent to; the first of all where none can.
fn choose(
    addresses: &[Destination],
    opened: &Opened,
    source: Option<IpAddr>,
) -> Option<Destination> {
    let fits = |d: &&Destination| {
        opened.family(d.family()).is_ok()
            && source.is_none_or(|source| Family::of(source) == d.family())
    };
    addresses.iter().find(fits).or_else(|| addresses.first()).copied()
}

/// The option that the source address came by.
const fn source_option(arguments: &PingArguments) -> &'static str {
    if arguments.source.is_some() { "--source" } else { "--interface" }
}

fn check_family(
    destination: Destination,
    arguments: &PingArguments,
    checked: &Checked,
) -> Result<(), String> {
    let family = destination.family();
    if let Some(source) = checked.source.filter(|source| Family::of(*source) != family) {
        let option = source_option(arguments);
        return Err(format!("{option}: {source} cannot send to {destination}"));
    }
    if let Destination::V6(address, 0) = destination
        && address.is_unicast_link_local()
        && checked.interface.is_none()
    {
        // The kernel would pick an interface, and the answer would depend on its routes.
        return Err(format!(
            "HOST `{address}`: a link-local address needs its interface, such as `{address}%eth0` \
             or --interface"
        ));
    }
    if family == Family::Ipv4 && arguments.size > 65_507 {
        return Err("--size: at most 65507 for IPv4".to_owned());
    }
    Ok(())
}

fn config(
    index: usize,
    destination: Destination,
    arguments: &PingArguments,
    checked: &Checked,
    wants_name: bool,
) -> Config {
    Config {
        count: checked.count,
        counts_replies: arguments.classic && arguments.deadline.is_some(),
        interval: arguments.interval,
        timeout: arguments.timeout.duration,
        deadline: arguments.deadline,
        preload: arguments.preload,
        size: arguments.size,
        pattern: arguments.pattern.unwrap_or(Pattern::COUNTING),
        control: control(arguments, checked),
        wants_name,
        keeps_probes: arguments.form() == Output::Json,
        ..Config::new(index, destination)
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

/// How one family is measured.
pub(super) fn method(opening: &Opening, backend: Backend) -> Method {
    Method {
        socket: opening.socket,
        timestamps: match backend {
            Backend::Linux => Timestamps::Kernel,
            Backend::Portable => Timestamps::User,
        },
        because: opening.because.clone(),
        lost: opening.lost.clone(),
    }
}

/// The weaker of the two families' methods.
fn weakest(opened: &Opened, backend: Backend) -> Method {
    let openings = [&opened.ipv4, &opened.ipv6].into_iter().flatten();
    openings.max_by_key(|opening| opening.socket).map_or_else(
        || Method {
            socket: SocketKind::None,
            timestamps: Timestamps::User,
            because: opened.ipv4.as_ref().err().map_or_else(
                || "no socket could be opened".to_owned(),
                |error| format!("no socket could be opened: {error}"),
            ),
            lost: Vec::new(),
        },
        |opening| method(opening, backend),
    )
}

fn as_understood(arguments: &PingArguments, checked: &Checked) -> serde_json::Value {
    json!({
        "hosts": arguments.hosts,
        "count": checked.count,
        "interval_ms": netdiag_model::milliseconds(arguments.interval),
        "timeout_ms": netdiag_model::milliseconds(arguments.timeout.duration),
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
