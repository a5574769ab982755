//! Whether the arguments fit together, and fit this machine.

use crate::World;
use crate::args::MtuArguments;
use crate::commands::checks;
use netdiag_check::expr::Expr;
use netdiag_model::{Destination, Untrusted};
use netdiag_trace::Protocol;
use netdiag_trace::mtu::Config;
use netdiag_trace::mtu::metrics::METRICS;

/// Arguments that fit together.
pub(crate) struct Checked {
    pub(super) fail_if: Option<Expr>,
    pub(super) interface: Option<(u32, Untrusted)>,
    /// The hosts without their ports, and what is asked of each.
    pub(super) hosts: Vec<(String, Protocol)>,
    pub(super) warnings: Vec<String>,
}

/// Checks what can be checked without touching the network.
pub(super) fn check<W: World>(arguments: &MtuArguments, world: &mut W) -> Result<Checked, String> {
    let fail_if = checks::fail_if(arguments.fail_if.as_deref(), METRICS)?;
    let hosts: Result<Vec<_>, String> =
        arguments.hosts.iter().map(|host| split(host, arguments)).collect();
    let hosts = hosts?;
    for (host, _) in &hosts {
        checks::path_host(host, "mtu", (arguments.ipv4, arguments.ipv6), world)?;
    }
    if arguments.port.is_some() && !(arguments.udp || arguments.tcp) {
        return Err("--port: only with --udp or --tcp".to_owned());
    }
    checks::form(arguments.form, arguments.verbose)?;
    let interface = checks::interface(arguments.interface.as_deref(), world)?;
    let warnings = Vec::from_iter(checks::odd_timeout(arguments.timeout));
    Ok(Checked { fail_if, interface, hosts, warnings })
}

/// A host and what is asked of it: with a port, TCP.
fn split(text: &str, arguments: &MtuArguments) -> Result<(String, Protocol), String> {
    let (host, port) = checks::with_port(text)?;
    let Some(port) = port else { return Ok((host, arguments.protocol())) };
    let MtuArguments { icmp, udp, port: asked, .. } = arguments;
    checks::means_tcp(text, (*icmp, *udp, asked.is_some()))?;
    Ok((host, Protocol::Tcp { port }))
}

/// What a destination must not be, once it is known.
pub(super) fn check_destination(
    destination: Destination,
    arguments: &MtuArguments,
    checked: &Checked,
) -> Result<(), String> {
    checks::source(arguments.source, destination, "--source")?;
    checks::zone(destination, checked.interface.is_some())?;
    let family = destination.family();
    let (least, most) = (Config::smallest(family), Config::most(family));
    match arguments.size.filter(|size| !(least..=most).contains(size)) {
        Some(_) => Err(format!("--size: from {least} to {most} for {}", family.name())),
        None => Ok(()),
    }
}
