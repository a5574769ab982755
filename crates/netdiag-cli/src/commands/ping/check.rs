//! Whether the arguments fit together, and fit this machine.

use super::{DOCUMENT_COUNT, backend, classic, groups, uses};
use crate::World;
use crate::args::PingArguments;
use crate::args::form::Output;
use crate::args::value::MOST_FLOW_LABEL;
use crate::commands::checks;
use crate::commands::resolve::check_zone;
use crate::commands::user::LEAST_INTERVAL;
use crate::usage;
use netdiag_check::expr::Expr;
use netdiag_engine::port::IpOptions;
use netdiag_model::{Destination, Family, Untrusted, parse_address};
use netdiag_ping::Protocol;
use netdiag_ping::metrics::METRICS;
use std::net::IpAddr;
use std::time::Duration;

/// The most requests at once of a user who is not root.
const MOST_PRELOAD: u64 = 3;

/// Arguments that fit together.
pub(crate) struct Checked {
    pub(super) fail_if: Option<Expr>,
    pub(super) source: Option<IpAddr>,
    pub(super) interface: Option<(u32, Untrusted)>,
    pub(super) count: Option<u64>,
    /// The flow label, drawn where the user does not care which.
    pub(super) flow_label: Option<u32>,
    /// The IPv4 options of each request.
    pub(super) options: Option<IpOptions>,
    /// How fast an interval that follows the answers may become.
    pub(super) least_interval: Duration,
    pub(super) warnings: Vec<String>,
}

impl Checked {
    /// The source address and the interface that were asked for. To iputils a source of the other
    /// family asks for any source of this one.
    pub(super) fn origin(
        &self,
        arguments: &PingArguments,
        destination: Option<Destination>,
    ) -> (Option<IpAddr>, Option<Untrusted>) {
        let fits = |source: &IpAddr| {
            let family = destination.map(Destination::family);
            !arguments.classic || family.is_none_or(|family| Family::of(*source) == family)
        };
        let name = self.interface.as_ref().map(|(_, name)| name.clone());
        (self.source.filter(fits), name)
    }

    /// Whether every packet has the same source address.
    pub(super) const fn sticks(&self, arguments: &PingArguments) -> bool {
        arguments.sticky_source || self.source.is_some()
    }
}

/// Checks what can be checked without touching the network.
pub(super) fn check<W: World>(arguments: &PingArguments, world: &mut W) -> Result<Checked, String> {
    let fail_if = checks::fail_if(arguments.fail_if.as_deref(), METRICS)?;
    if let Some((letter, meaning)) = arguments.missing.given() {
        return Err(format!("-{letter}: {meaning} cannot be had yet"));
    }
    for host in &arguments.hosts {
        match check_host(host, arguments, world) {
            Err(_) if arguments.classic => classic::check_host(host, arguments)?,
            checked => checked?,
        }
    }
    if !world.may_flood() {
        // iputils says so once it has said where it would send to.
        if arguments.interval() < LEAST_INTERVAL && !arguments.classic {
            return Err("--interval: below 2 ms only root may send".to_owned());
        }
        if arguments.preload > MOST_PRELOAD {
            return Err(format!("--preload: above {MOST_PRELOAD} only root may send"));
        }
    }
    if arguments.record_route && arguments.ip_timestamps.is_some() {
        return Err(match arguments.classic {
            true => "only one of -T or -R may be used".to_owned(),
            false => "--record-route: not with --ip-timestamps".to_owned(),
        });
    }
    if arguments.broadcast && !world.may_flood() {
        return Err("--broadcast: only for root".to_owned());
    }
    uses::check(arguments, world)?;
    backend::check(arguments)?;
    let (source, interface) = way_out(arguments, world)?;
    let timeout = arguments.timeout.filter(|_| !arguments.classic);
    let mut warnings = Vec::from_iter(timeout.and_then(checks::odd_timeout));
    let mut count = arguments.count;
    let document = matches!(arguments.form.output(), Output::Json | Output::Csv);
    let is_open = arguments.deadline.is_none() && arguments.goal().is_none();
    if document && count.is_none() && is_open {
        count = Some(DOCUMENT_COUNT);
        warnings.push(format!("{DOCUMENT_COUNT} requests, since nothing says when to end"));
    }
    let least_interval = if world.may_flood() { Duration::ZERO } else { LEAST_INTERVAL };
    if arguments.seed.is_some() && arguments.flow_label != Some(0) {
        return Err(format!("--seed: only with --flow-label 0: {}", usage::NO_CHANCE));
    }
    let flow_label = arguments.flow_label.map(|label| drawn(label, arguments.seed, world));
    let options = match (&arguments.ip_timestamps, arguments.record_route) {
        (Some(stamps), _) => stamps.options(),
        (None, true) => Some(IpOptions::record_route()),
        (None, false) => None,
    };
    Ok(Checked { fail_if, source, interface, count, flow_label, options, least_interval, warnings })
}

/// A flow label as it is; a random one for 0, which stands for none (RFC 6437 section 2).
fn drawn<W: World>(label: u32, seed: Option<u64>, world: &mut W) -> u32 {
    if label != 0 {
        return label;
    }
    let [a, b, c] = match seed {
        Some(seed) => {
            // Neighbouring seeds are far apart (Knuth, TAOCP 6.4: multiplicative hashing).
            let [a, b, c, ..] = seed.wrapping_add(1).wrapping_mul(GOLDEN_RATIO).to_be_bytes();
            [a, b, c]
        }
        None => {
            let [a, b, c, ..] = world.random();
            [a, b, c]
        }
    };
    (u32::from_be_bytes([0, a, b, c]) & MOST_FLOW_LABEL).max(1)
}

/// 2^64 divided by the golden ratio.
const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

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
        None if arguments.classic => Err(classic::no_interface(name, arguments)),
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
    checks::no_network(host, "ping")?;
    let Some(address) = inner.split('%').next().and_then(parse_address) else {
        let has_port = host.starts_with('[') || host.matches(':').count() == 1;
        return if has_port { Err(format!("HOST `{shown}`: ping takes no port")) } else { Ok(()) };
    };
    if inner != host && !inner.contains(':') {
        return Err(format!("HOST `{shown}`: only an IPv6 address stands in brackets"));
    }
    if let Some((_, zone)) = inner.split_once('%') {
        check_zone(zone, address, world).map_err(|error| format!("HOST `{shown}`: {error}"))?;
    }
    if address.is_ipv6() && arguments.protocols() == [Protocol::IcmpTimestamp] {
        return Err(format!("--proto: `{shown}` is IPv6, which has no timestamp requests"));
    }
    checks::family(host, address, (arguments.ipv4, arguments.ipv6))?;
    if address.is_unspecified() {
        return Err(format!("HOST `{shown}`: the unspecified address is no destination"));
    }
    groups::check_literal(address, arguments).map_err(|error| format!("HOST `{shown}`: {error}"))
}

/// The option that the source address came by.
pub(super) const fn source_option(arguments: &PingArguments) -> &'static str {
    if arguments.source.is_some() { "--source" } else { "--interface" }
}

/// What a destination must not be, once it is known.
pub(super) fn check_destination(
    (destination, protocol): (Destination, Protocol),
    arguments: &PingArguments,
    checked: &Checked,
    source: Option<IpAddr>,
) -> Result<(), String> {
    let family = destination.family();
    if family == Family::Ipv6 && protocol == Protocol::IcmpTimestamp {
        return Err(format!("--proto: {destination} is IPv6, which has no timestamp requests"));
    }
    checks::source(source, destination, source_option(arguments))?;
    checks::zone(destination, checked.interface.is_some() || arguments.classic)?;
    if family == Family::Ipv6 && checked.options.is_some() && !arguments.classic {
        let option = if arguments.record_route { "--record-route" } else { "--ip-timestamps" };
        return Err(format!("{option}: {destination} is IPv6, which has no such option"));
    }
    if family == Family::Ipv6 && arguments.direct && !arguments.classic {
        return Err(format!("-r: {destination} is IPv6, where the kernel routes all the same"));
    }
    if family == Family::Ipv4 && checked.flow_label.is_some() && !arguments.classic {
        return Err(format!("--flow-label: {destination} is IPv4, which has none"));
    }
    let options = checked.options.map_or(0, |options| options.padded_len());
    let most = 65_507 - options;
    // iputils sends it all the same, and tells what the kernel says.
    if family == Family::Ipv4
        && protocol.has_data()
        && usize::from(arguments.size()) > most
        && !arguments.classic
    {
        let with = if options > 0 { " with these options" } else { "" };
        return Err(format!("--size: at most {most} for IPv4{with}"));
    }
    Ok(())
}
