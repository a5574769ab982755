//! Checks of arguments that several commands take.

use crate::World;
use crate::args::form::{Color, Form, Output};
use crate::args::value::Timeout;
use crate::commands::resolve::check_zone;
use netdiag_check::expr::Expr;
use netdiag_model::metrics::MetricInfo;
use netdiag_model::{Destination, Family, Untrusted, parse_address};
use netdiag_tcp::{Ports, services};
use std::net::IpAddr;
use std::time::Duration;

/// A timeout above this without a unit is probably meant in milliseconds.
const ODD_TIMEOUT: Duration = Duration::from_secs(60);

/// The expression of `--fail-if`, over the metrics that a command knows.
pub(crate) fn fail_if(
    text: Option<&str>,
    known: &'static [MetricInfo],
) -> Result<Option<Expr>, String> {
    let expression = text.map(|text| Expr::parse(text, known)).transpose();
    expression.map_err(|error| format!("--fail-if: {error}"))
}

/// The interface that was asked for: its index and its name.
pub(crate) fn interface<W: World>(
    name: Option<&str>,
    world: &mut W,
) -> Result<Option<(u32, Untrusted)>, String> {
    let Some(name) = name else { return Ok(None) };
    let shown = Untrusted::from(name);
    match world.interface(name) {
        Some(index) => Ok(Some((index, shown))),
        None => Err(format!("--interface: no interface `{}`", shown.escaped())),
    }
}

/// What the user should know of a timeout without a unit.
pub(crate) fn odd_timeout(timeout: Timeout) -> Option<String> {
    let seconds = timeout.duration.as_secs();
    let is_odd = timeout.bare && timeout.duration > ODD_TIMEOUT;
    is_odd.then(|| format!("--timeout is {seconds} seconds; milliseconds are `{seconds}ms`"))
}

/// No network is a host.
pub(crate) fn no_network(host: &str, command: &str) -> Result<(), String> {
    match host.split_once('/') {
        Some((network, _)) if parse_address(network).is_some() => {
            let shown = Untrusted::from(host);
            let shown = shown.escaped();
            Err(format!("HOST `{shown}`: {command} takes no network, only hosts"))
        }
        _ => Ok(()),
    }
}

/// A host that is given as an address must be of the family that was asked for, and no wildcard.
pub(crate) fn family(
    host: &str,
    address: IpAddr,
    (ipv4, ipv6): (bool, bool),
) -> Result<(), String> {
    let shown = Untrusted::from(host);
    let shown = shown.escaped();
    if ipv4 && address.is_ipv6() {
        return Err(format!("--ipv4: `{shown}` is an IPv6 address"));
    }
    if ipv6 && address.is_ipv4() {
        return Err(format!("--ipv6: `{shown}` is an IPv4 address"));
    }
    Ok(())
}

/// A source is of the family of its destination; `option` is what asked for it.
pub(crate) fn source(
    source: Option<IpAddr>,
    destination: Destination,
    option: &str,
) -> Result<(), String> {
    match source.filter(|source| Family::of(*source) != destination.family()) {
        Some(source) => Err(format!("{option}: {source} cannot send to {destination}")),
        None => Ok(()),
    }
}

/// Whether the kernel would have to pick an interface, which is for the user: the answer would
/// depend on its routes.
pub(crate) fn lacks_zone(destination: Destination) -> bool {
    matches!(destination, Destination::V6(address, 0) if address.is_unicast_link_local())
}

/// A link-local address needs its interface.
pub(crate) fn zone(destination: Destination, has_interface: bool) -> Result<(), String> {
    if !lacks_zone(destination) || has_interface {
        return Ok(());
    }
    let address = destination.address();
    Err(format!(
        "HOST `{address}`: a link-local address needs its interface, such as `{address}%eth0` or \
         --interface"
    ))
}

/// The one family of all hosts, where these are addresses of one; `None` for a name among them.
pub(crate) fn only_family(mut families: impl Iterator<Item = Option<Family>>) -> Option<Family> {
    let first = families.next()??;
    families.all(|family| family == Some(first)).then_some(first)
}

/// A host and what stands behind its colon, if anything does: `host:80`, `[::1]:443`.
pub(crate) fn split_port(text: &str) -> Result<(&str, Option<&str>), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, rest)) => match rest.strip_prefix(':') {
            Some(port) => (inner, Some(port)),
            None if rest.is_empty() => (inner, None),
            None => (text, None),
        },
        None if text.matches(':').count() == 1 => {
            text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
        }
        None => (text, None),
    };
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    let is_ipv6 = || host.contains(':') && parse_address(before_zone(host)).is_some();
    if text.starts_with('[') && !is_ipv6() {
        return Err(format!("HOST `{shown}`: only an IPv6 address stands in brackets"));
    }
    Ok((host, port))
}

/// That an IPv6 address has no port, and what may be meant: it may stand there without brackets.
pub(crate) fn portless(text: &str) -> String {
    let whole = format!("a port is missing: `[{}]:443`", Untrusted::from(text).escaped());
    let Some((address, port)) = text.rsplit_once(':') else { return whole };
    let is_address = parse_address(before_zone(address)).is_some_and(|it| it.is_ipv6());
    match is_address && port.parse::<u16>().is_ok() {
        true => format!("{whole}, or `[{}]:{port}`", Untrusted::from(address).escaped()),
        false => whole,
    }
}

/// A host and the port behind it, if there is one: a number, or a service that everybody knows.
pub(crate) fn with_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = split_port(text)?;
    let Some(port) = port else { return Ok((host.to_owned(), None)) };
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    let ports = port.parse().and_then(|ports: Ports| ports.numbers(services::port));
    match ports.map_err(|error| format!("HOST `{shown}`: {error}"))?.as_slice() {
        [number] => Ok((host.to_owned(), Some(*number))),
        _ => Err(format!("HOST `{shown}`: only one port")),
    }
}

/// A host with a port means TCP, and so nothing else may have been asked for.
pub(crate) fn means_tcp(text: &str, (icmp, udp, port): (bool, bool, bool)) -> Result<(), String> {
    let given = [(icmp, "--icmp"), (udp, "--udp"), (port, "--port")];
    match given.iter().find(|(given, _)| *given) {
        Some((_, option)) => {
            let shown = Untrusted::from(text);
            Err(format!("{option}: not with `{}`, which means TCP", shown.escaped()))
        }
        None => Ok(()),
    }
}

fn before_zone(host: &str) -> &str {
    host.split('%').next().unwrap_or_default()
}

/// What a host at the end of a path must not be, as far as its text tells.
pub(crate) fn path_host<W: World>(
    host: &str,
    command: &str,
    families: (bool, bool),
    world: &mut W,
) -> Result<(), String> {
    one_host(host, command, families, world, "a path leads to one host, not to a group")
}

/// What a single host must not be, as far as its text tells; `no_group`: why it is none.
pub(crate) fn one_host<W: World>(
    host: &str,
    command: &str,
    families: (bool, bool),
    world: &mut W,
    no_group: &str,
) -> Result<(), String> {
    let shown = Untrusted::from(host);
    let shown = shown.escaped();
    if host.is_empty() {
        return Err("HOST is empty".to_owned());
    }
    no_network(host, command)?;
    let Some(address) = parse_address(before_zone(host)) else { return Ok(()) };
    if let Some((_, zone)) = host.split_once('%') {
        check_zone(zone, address, world).map_err(|error| format!("HOST `{shown}`: {error}"))?;
    }
    family(host, address, families)?;
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_multicast() || is_broadcast {
        return Err(format!("HOST `{shown}`: {no_group}"));
    }
    if address.is_unspecified() {
        return Err(format!("HOST `{shown}`: the unspecified address is no destination"));
    }
    Ok(())
}

/// What the form of the output has no use for.
pub(crate) fn form(form: Form, verbose: bool) -> Result<(), String> {
    let output = form.output();
    if form.color == Color::Always && output != Output::Text {
        return Err("--color always: only with --output text".to_owned());
    }
    if verbose && !matches!(output, Output::Text | Output::Jsonl) {
        return Err("--verbose: only with --output text or jsonl".to_owned());
    }
    Ok(())
}
