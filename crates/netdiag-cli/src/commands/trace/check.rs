//! Whether the arguments fit together, and fit this machine.

use crate::World;
use crate::args::TraceArguments;
use crate::commands::checks;
use crate::commands::user;
use netdiag_check::expr::Expr;
use netdiag_model::{Destination, Family, Untrusted};
use netdiag_trace::Protocol;
use netdiag_trace::metrics::METRICS;

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
        checks::path_host(host, "trace", (arguments.ipv4, arguments.ipv6), world)?;
    }
    check_options(arguments, &hosts)?;
    checks::form(arguments.form, arguments.verbose)?;
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
pub(super) fn split(text: &str, arguments: &TraceArguments) -> Result<(String, Protocol), String> {
    let (host, port) = checks::with_port(text)?;
    let Some(port) = port else { return Ok((host, arguments.protocol())) };
    let TraceArguments { icmp, udp, port: asked, .. } = arguments;
    checks::means_tcp(text, (*icmp, *udp, asked.is_some()))?;
    Ok((host, Protocol::Tcp { port }))
}

/// What does not go together.
fn check_options(arguments: &TraceArguments, hosts: &[(String, Protocol)]) -> Result<(), String> {
    if arguments.first_ttl > arguments.max_ttl {
        return Err(format!("--first-ttl: above --max-ttl, which is {}", arguments.max_ttl));
    }
    if arguments.port.is_some() && !(arguments.udp || arguments.tcp) {
        return Err("--port: only with --udp or --tcp".to_owned());
    }
    let is_tcp = |(_, protocol): &(String, Protocol)| matches!(protocol, Protocol::Tcp { .. });
    if hosts.iter().any(is_tcp) || arguments.tcp {
        let useless = [
            (arguments.size.is_some(), "--size"),
            (arguments.df.is_some(), "--df"),
            (arguments.mtu, "--mtu"),
            (arguments.mark.is_some(), "--mark"),
        ];
        if let Some((_, option)) = useless.iter().find(|(given, _)| *given) {
            return Err(format!("{option}: not with TCP"));
        }
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
