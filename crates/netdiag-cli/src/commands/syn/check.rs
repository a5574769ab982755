//! Whether the arguments fit together, and fit this machine.

use crate::World;
use crate::args::SynArguments;
use crate::args::form::Output;
use crate::args::sweep::Rate;
use crate::commands::targets::RATE_OF_A_USER;
use crate::commands::{checks, targets};
use netdiag_check::expr::Expr;
use netdiag_model::target::TargetSpec;
use netdiag_model::{Destination, Family, Untrusted};
use netdiag_tcp::Ports;
use netdiag_tcp::syn::metrics::METRICS;
use std::fmt::Display;

/// The most ports of all addresses together: what is known of each is kept to the end.
pub(super) const MOST: u128 = 1 << 22;

/// Arguments that fit together.
pub(crate) struct Checked {
    pub(super) fail_if: Option<Expr>,
    pub(super) interface: Option<(u32, Untrusted)>,
    pub(super) targets: Vec<Given>,
    pub(super) warnings: Vec<String>,
}

/// What was given together.
pub(super) struct Given {
    pub(super) spec: TargetSpec,
    pub(super) ports: Ports,
    /// As both were typed.
    text: String,
}

/// Checks what can be checked without touching the network.
pub(super) fn check<W: World>(arguments: &SynArguments, world: &mut W) -> Result<Checked, String> {
    let fail_if = checks::fail_if(arguments.fail_if.as_deref(), METRICS)?;
    let given = given(&arguments.targets)?;
    let families = (arguments.ipv4, arguments.ipv6);
    for one in &given {
        let fits = targets::check_family(&one.spec, families, arguments.source)
            .and_then(|()| targets::check_zone(&one.spec, arguments.interface.is_some()));
        fits.map_err(|why| wrong(&one.text, why))?;
    }
    if let Some(source) = arguments.source {
        checks::family(&source.to_string(), source, families)?;
    }
    checks::form(arguments.form, arguments.verbose)?;
    if arguments.open && arguments.form.output() != Output::Text {
        return Err("--open: only with --output text".to_owned());
    }
    let is_fast = !matches!(arguments.rate, Rate::PerSecond(rate) if rate <= RATE_OF_A_USER);
    if is_fast && !world.may_flood() {
        return Err(format!("--rate: above {RATE_OF_A_USER} only root may send"));
    }
    let interface = checks::interface(arguments.interface.as_deref(), world)?;
    let warnings = Vec::from_iter(checks::odd_timeout(arguments.timeout));
    Ok(Checked { fail_if, interface, targets: given, warnings })
}

/// What was typed: TARGET:PORTS each, or one TARGET and its PORTS.
fn given(texts: &[String]) -> Result<Vec<Given>, String> {
    if let [target, ports] = texts
        && split(target).is_none()
        && !ports.contains([':', '/', '.', '['])
    {
        return one(target, ports, format!("{target} {ports}")).map(|one| vec![one]);
    }
    texts.iter().map(|text| whole(text)).collect()
}

fn whole(text: &str) -> Result<Given, String> {
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    match split(text) {
        Some((target, ports)) => one(target, ports, text.to_owned()),
        None if !text.starts_with('[') && text.contains(':') => {
            Err(format!("TARGET:PORTS `{shown}`: {}", checks::portless(text)))
        }
        None => Err(format!("TARGET:PORTS `{shown}`: a port is missing: `{shown}:443`")),
    }
}

/// A target and what stands behind its colon; an IPv6 one stands in brackets.
fn split(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:").filter(|(inner, _)| inner.contains(':')),
        None => text.split_once(':').filter(|(_, ports)| !ports.contains(':')),
    }
}

fn one(target: &str, ports: &str, text: String) -> Result<Given, String> {
    let ports = ports.parse::<Ports>().map_err(|error| wrong(&text, error))?;
    let spec = targets::parse(target, "syn").map_err(|why| format!("TARGET {why}"))?;
    Ok(Given { spec, ports, text })
}

/// What is wrong with a target, or its ports.
fn wrong(text: &str, why: impl Display) -> String {
    format!("TARGET:PORTS `{}`: {why}", Untrusted::from(text).escaped())
}

impl Given {
    /// Its ports by their numbers; `service` says which one a name means.
    ///
    /// # Errors
    /// When a name means none, in a line.
    pub(super) fn numbers(
        &self,
        service: impl Fn(&str) -> Option<u16>,
    ) -> Result<Vec<u16>, String> {
        self.ports.numbers(service).map_err(|error| wrong(&self.text, error))
    }
}

/// Whether so many ports may be.
pub(super) fn check_count(count: u128) -> Result<(), String> {
    match count <= MOST {
        true => Ok(()),
        false => Err(format!("{count} ports of all addresses together; at most {MOST}")),
    }
}

/// What a destination must be.
pub(super) fn family(arguments: &SynArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6, arguments.source) {
        (true, ..) => Some(Family::Ipv4),
        (_, true, _) => Some(Family::Ipv6),
        (.., source) => source.map(Family::of),
    }
}

/// Why a destination that was looked up is none; see [`targets::objection`].
pub(super) fn objection(
    destination: Destination,
    has_interface: bool,
) -> Option<(&'static str, String)> {
    targets::objection(destination, has_interface, "syn")
}
