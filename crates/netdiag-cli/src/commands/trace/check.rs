//! Whether the arguments fit together, and fit this machine.

use crate::World;
use crate::args::TraceArguments;
use crate::args::form::{Color, Output};
use crate::commands::checks;
use crate::commands::resolve::check_zone;
use crate::commands::user;
use netdiag_check::expr::Expr;
use netdiag_model::{Destination, Family, Untrusted, parse_address};
use netdiag_trace::Protocol;
use netdiag_trace::metrics::METRICS;
use std::net::IpAddr;

/// Arguments that fit together.
pub(crate) struct Checked {
    pub(super) fail_if: Option<Expr>,
    pub(super) interface: Option<(u32, Untrusted)>,
    /// The hosts without their ports, and what is sent to each.
    pub(super) hosts: Vec<(String, Protocol)>,
    pub(crate) warnings: Vec<String>,
}

/// Checks what can be checked without touching the network.
pub(crate) fn check<W: World>(
    arguments: &TraceArguments,
    world: &mut W,
) -> Result<Checked, String> {
    let fail_if = checks::fail_if(arguments.fail_if.as_deref(), METRICS)?;
    let hosts: Result<Vec<_>, String> =
        arguments.hosts.iter().map(|host| split(host, arguments)).collect();
    let hosts = hosts?;
    for (host, _) in &hosts {
        check_host(host, arguments, world)?;
    }
    check_options(arguments, &hosts)?;
    check_form(arguments)?;
    if arguments.interval.is_some_and(|interval| interval < user::LEAST_INTERVAL)
        && !world.may_flood()
    {
        return Err("--interval: below 2 ms only root may send".to_owned());
    }
    let interface = checks::interface(arguments.interface.as_deref(), world)?;
    let warnings = Vec::from_iter(checks::odd_timeout(arguments.timeout));
    Ok(Checked { fail_if, interface, hosts, warnings })
}

/// A host and what is sent to it: with a port, TCP.
fn split(text: &str, arguments: &TraceArguments) -> Result<(String, Protocol), String> {
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
    if text.starts_with('[') && parse_address(before_zone(host)).is_none_or(|it| it.is_ipv4()) {
        let shown = Untrusted::from(text);
        return Err(format!("HOST `{}`: only an IPv6 address stands in brackets", shown.escaped()));
    }
    let Some(port) = port else { return Ok((host.to_owned(), arguments.protocol())) };
    let shown = Untrusted::from(text);
    let number = port.parse::<u16>().ok().filter(|port| *port > 0);
    let number = number
        .ok_or_else(|| format!("HOST `{}`: a port is a number from 1 to 65535", shown.escaped()))?;
    if arguments.icmp || arguments.udp || arguments.port.is_some() {
        let option = match () {
            () if arguments.icmp => "--icmp",
            () if arguments.udp => "--udp",
            () => "--port",
        };
        return Err(format!("{option}: not with `{}`, which means TCP", shown.escaped()));
    }
    Ok((host.to_owned(), Protocol::Tcp { port: number }))
}

fn before_zone(host: &str) -> &str {
    host.split('%').next().unwrap_or_default()
}

/// What a host must not be, as far as its text tells.
fn check_host<W: World>(
    host: &str,
    arguments: &TraceArguments,
    world: &mut W,
) -> Result<(), String> {
    let shown = Untrusted::from(host);
    let shown = shown.escaped();
    if host.is_empty() {
        return Err("HOST is empty".to_owned());
    }
    checks::no_network(host, "trace")?;
    let Some(address) = parse_address(before_zone(host)) else { return Ok(()) };
    if let Some((_, zone)) = host.split_once('%') {
        check_zone(zone, address, world).map_err(|error| format!("HOST `{shown}`: {error}"))?;
    }
    checks::family(host, address, (arguments.ipv4, arguments.ipv6))?;
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_multicast() || is_broadcast {
        return Err(format!("HOST `{shown}`: a path leads to one host, not to a group"));
    }
    if address.is_unspecified() {
        return Err(format!("HOST `{shown}`: the unspecified address is no destination"));
    }
    Ok(())
}

/// What does not go together.
fn check_options(arguments: &TraceArguments, hosts: &[(String, Protocol)]) -> Result<(), String> {
    if arguments.first_ttl > arguments.max_ttl {
        return Err(format!("--first-ttl: above --max-ttl, which is {}", arguments.max_ttl));
    }
    if arguments.port.is_some() && !(arguments.udp || arguments.tcp) {
        return Err("--port: only with --udp or --tcp".to_owned());
    }
    if hosts.iter().any(|(_, protocol)| matches!(protocol, Protocol::Tcp { .. })) {
        let useless = [
            (arguments.size.is_some(), "--size"),
            (arguments.df.is_some(), "--df"),
            (arguments.mark.is_some(), "--mark"),
        ];
        if let Some((_, option)) = useless.iter().find(|(given, _)| *given) {
            return Err(format!("{option}: not with TCP"));
        }
    }
    Ok(())
}

/// What the form of the output has no use for.
fn check_form(arguments: &TraceArguments) -> Result<(), String> {
    let form = arguments.form.output();
    if arguments.form.color == Color::Always && form != Output::Text {
        return Err("--color always: only with --output text".to_owned());
    }
    if arguments.verbose && !matches!(form, Output::Text | Output::Jsonl) {
        return Err("--verbose: only with --output text or jsonl".to_owned());
    }
    Ok(())
}

/// What a destination must not be, once it is known.
pub(super) fn check_destination(
    destination: Destination,
    arguments: &TraceArguments,
    checked: &Checked,
) -> Result<(), String> {
    let family = destination.family();
    checks::source(arguments.source, destination, "--source")?;
    checks::zone(destination, checked.interface.is_some())?;
    if family == Family::Ipv4 && arguments.size.is_some_and(|size| size > 65_507) {
        return Err("--size: at most 65507 for IPv4".to_owned());
    }
    Ok(())
}
