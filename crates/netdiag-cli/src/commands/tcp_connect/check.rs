//! Whether the arguments fit together, and fit this machine.

use super::{proxy, tls};
use crate::World;
use crate::args::TcpConnectArguments;
use crate::commands::checks;
use crate::commands::resolve::literal;
use crate::commands::user::LEAST_CONNECT_INTERVAL;
use netdiag_check::expr::Expr;
use netdiag_model::{Destination, Family, Untrusted};
use netdiag_tcp::Ports;
use netdiag_tcp::connect::Proxy;
use netdiag_tcp::connect::http::Url;
use netdiag_tcp::connect::metrics::METRICS;
use netdiag_tcp::ports::PortError;

/// Arguments that fit together.
pub(crate) struct Checked {
    pub(super) fail_if: Option<Expr>,
    /// What must hold, one after the other.
    pub(super) expect: Vec<Expr>,
    pub(super) interface: Option<(u32, Untrusted)>,
    /// The hosts, and what is asked of each.
    pub(super) hosts: Vec<Host>,
    /// The proxy, without who is named to it in a file.
    pub(super) proxy: Option<Proxy>,
    pub(super) warnings: Vec<String>,
}

/// A host and its ports.
pub(super) struct Host {
    /// Without its ports, and without brackets.
    pub(super) name: String,
    pub(super) ports: Ports,
    /// What is asked of it by HTTP.
    pub(super) url: Option<Url>,
    /// As both were typed.
    text: String,
}

/// Checks what can be checked without touching the network.
pub(super) fn check<W: World>(
    arguments: &TcpConnectArguments,
    world: &mut W,
) -> Result<Checked, String> {
    let fail_if = checks::fail_if(arguments.fail_if.as_deref(), METRICS)?;
    let expect = expect(arguments.expect.as_deref())?;
    let hosts = hosts(&arguments.targets)?;
    let proxy = proxy::check(arguments, &hosts, world)?;
    for host in &hosts {
        // Through a proxy those of another family can be had, too.
        let families = match proxy {
            Some(_) => (false, false),
            None => (arguments.ipv4, arguments.ipv6),
        };
        let no_group = "a connection leads to one host, not to a group";
        checks::one_host(&host.name, "tcp-connect", families, world, no_group)?;
        if let (Some(address), Some(_), None) = (literal(&host.name), arguments.source, &proxy) {
            checks::source(arguments.source, Destination::new(address), "--source")?;
        }
    }
    if let Some(source) = arguments.source {
        let (ipv4, ipv6) = (arguments.ipv4, arguments.ipv6);
        checks::family(&source.to_string(), source, (ipv4, ipv6))?;
    }
    checks::form(arguments.form, arguments.verbose)?;
    tls::check(arguments, &hosts)?;
    requests(arguments, &hosts)?;
    let is_fast = arguments.count > 1 && arguments.interval < LEAST_CONNECT_INTERVAL;
    if is_fast && !world.may_flood() {
        return Err("--interval: below 20 ms only root may connect".to_owned());
    }
    let interface = checks::interface(arguments.interface.as_deref(), world)?;
    let warnings = Vec::from_iter(checks::odd_timeout(arguments.timeout));
    Ok(Checked { fail_if, expect, interface, hosts, proxy, warnings })
}

/// What must hold: expressions with semicolons between them.
fn expect(text: Option<&str>) -> Result<Vec<Expr>, String> {
    let clauses = text.into_iter().flat_map(|text| text.split(';')).map(str::trim);
    let clauses = clauses.filter(|clause| !clause.is_empty());
    let parsed = clauses.map(|clause| Expr::parse(clause, METRICS));
    let parsed: Result<Vec<Expr>, _> = parsed.collect();
    match parsed.map_err(|error| format!("--expect: {error}"))? {
        none if none.is_empty() && text.is_some() => {
            Err("--expect: nothing is expected".to_owned())
        }
        all => Ok(all),
    }
}

/// With a URL what is said is the request.
fn requests(arguments: &TcpConnectArguments, hosts: &[Host]) -> Result<(), String> {
    if hosts.iter().all(|host| host.url.is_none()) {
        let useless = [
            ("--http", arguments.http.is_some()),
            ("--reuse", arguments.reuse),
            ("--max-redirects", arguments.max_redirects.is_some()),
        ];
        return match useless.iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(format!("{option}: nothing is asked for, without a URL")),
            None => Ok(()),
        };
    }
    let given = [
        ("--starttls", arguments.starttls.is_some()),
        ("--send", arguments.send.is_some()),
        ("--expect-banner", arguments.expect_banner.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(format!("{option}: with a URL it is asked for that; --expect")),
        None => Ok(()),
    }
}

/// What was typed: HOST:PORT each, or one HOST and its PORT.
fn hosts(targets: &[String]) -> Result<Vec<Host>, String> {
    if let [name, port] = targets
        && !name.contains("://")
        && let (inner, None) = checks::split_port(name)?
        && literal(port).is_none_or(|_| port.parse::<u32>().is_ok())
        && !port.contains([':', '/'])
    {
        return host(inner, port, format!("{name} {port}")).map(|host| vec![host]);
    }
    targets.iter().map(|text| split(text)).collect()
}

fn split(text: &str) -> Result<Host, String> {
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    if text.contains("://") {
        let url = Url::parse(text).map_err(|error| format!("URL `{shown}`: {error}"))?;
        let host = host(&url.host, &url.port.to_string(), text.to_owned())?;
        return Ok(Host { url: Some(url), ..host });
    }
    match checks::split_port(text)? {
        (name, Some(port)) => host(name, port, text.to_owned()),
        (name, None) if name == text && literal(name).is_some_and(|it| it.is_ipv6()) => {
            Err(format!("HOST:PORT `{shown}`: {}", checks::portless(text)))
        }
        _ => Err(format!("HOST:PORT `{shown}`: a port is missing: `{shown}:443`")),
    }
}

fn host(name: &str, ports: &str, text: String) -> Result<Host, String> {
    let ports = ports.parse().map_err(|error| wrong(&text, &error))?;
    Ok(Host { name: name.to_owned(), ports, url: None, text })
}

/// What is wrong with the ports of a target.
fn wrong(text: &str, error: &PortError) -> String {
    format!("HOST:PORT `{}`: {error}", Untrusted::from(text).escaped())
}

impl Host {
    /// Its ports by their numbers; `service` says which one a name means.
    ///
    /// # Errors
    /// When a name means none, in a line.
    pub(super) fn numbers(
        &self,
        service: impl Fn(&str) -> Option<u16>,
    ) -> Result<Vec<u16>, String> {
        self.ports.numbers(service).map_err(|error| wrong(&self.text, &error))
    }

    /// The host and one of its ports.
    pub(super) fn with_port(&self, port: u16) -> String {
        if let Some(url) = &self.url {
            return url.to_string();
        }
        match literal(&self.name) {
            Some(address) if address.is_ipv6() => format!("[{}]:{port}", self.name),
            _ => format!("{}:{port}", self.name),
        }
    }
}

/// The only family that connections may have, if there is one.
pub(super) const fn family(arguments: &TcpConnectArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6, arguments.source) {
        (true, ..) => Some(Family::Ipv4),
        (_, true, _) => Some(Family::Ipv6),
        (_, _, Some(source)) => Some(Family::of(source)),
        _ => None,
    }
}
