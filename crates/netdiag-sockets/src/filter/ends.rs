//! The ends of a connection, as a filter names them: addresses, networks and ports.

use super::parser::{Parser, one_or};
use super::words::{Fault, Parsed, number, port, shown, wrong};
use super::{End, Name, Node, Ports, Scope};
use std::net::IpAddr;

impl<'t> Parser<'t, '_, '_> {
    /// An end that an address, ports or both name. `::1:9001` is an IPv6 address and, where somebody left
    /// out the brackets, also one with a port: either is meant then.
    pub(super) fn end(&mut self, end: End, text: &'t str) -> Parsed<'t, Node> {
        let whole = self.scope(end, text)?;
        let parts = text.rsplit_once(':').filter(|(host, _)| host.contains("::"));
        let both = parts.and_then(|(host, ports)| {
            Some(at(end, Some(network(host).ok()?), self.listed(ports).ok()?))
        });
        Ok(one_or([whole].into_iter().chain(both).collect(), Node::Any))
    }

    /// `:443`, `:80,443`, `:https`, `192.0.2.1`, `192.0.2.0/24`, `192.0.2.1:443`, `[2001:db8::1]:443`,
    /// `2001:db8::/32`, `*:443`.
    fn scope(&mut self, end: End, text: &'t str) -> Parsed<'t, Node> {
        if let Some(rest) = text.strip_prefix(':').filter(|rest| !rest.contains(':')) {
            return Ok(at(end, None, self.listed(rest)?));
        }
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, behind) = match bracketed {
            Some((host, rest)) if rest.starts_with('/') => {
                return Ok(at(end, Some(prefixed(host, rest.strip_prefix('/'))?), Vec::new()));
            }
            Some((host, rest)) => {
                (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("")))
            }
            None if text.matches(':').count() == 1 => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, Some("")),
            },
            None => (text, Some("")),
        };
        let Some(ports) = behind else {
            return wrong(text, format!("{} is no address", shown(text)));
        };
        let network = match host {
            "*" => None,
            host => Some(network(host)?),
        };
        let ports = if ports.is_empty() { Vec::new() } else { self.listed(ports)? };
        Ok(at(end, network, ports))
    }

    /// `80`, `8000-8010`, `https`, or several of these with commas.
    pub(super) fn listed(&mut self, text: &'t str) -> Parsed<'t, Vec<Ports>> {
        text.split(',').map(|part| self.range(part)).collect()
    }

    fn range(&mut self, text: &'t str) -> Parsed<'t, Ports> {
        if text.contains(|c: char| c.is_ascii_alphabetic()) {
            let port = (self.names)(Name::Service(text)).and_then(|port| u16::try_from(port).ok());
            return match port {
                Some(port) => Ok(Ports { first: port, last: port }),
                None => wrong(text, format!("{} is no port and no service", shown(text))),
            };
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (port(first)?, port(last)?);
        match first <= last {
            true => Ok(Ports { first, last }),
            false => wrong(text, format!("{} ends before it begins", shown(text))),
        }
    }
}

/// An end in a network and at one of these ports; none: at any.
pub(super) fn at(end: End, network: Option<(IpAddr, u8)>, ports: Vec<Ports>) -> Node {
    let any = ports.is_empty().then_some(None);
    let ports = ports.into_iter().map(Some).chain(any);
    one_or(ports.map(|ports| Node::At(end, Scope { network, ports })).collect(), Node::Any)
}

fn network(text: &str) -> Parsed<'_, (IpAddr, u8)> {
    match text.split_once('/') {
        Some((address, bits)) => prefixed(address, Some(bits)),
        None => prefixed(text, None),
    }
}

fn prefixed<'t>(text: &'t str, bits: Option<&'t str>) -> Parsed<'t, (IpAddr, u8)> {
    let Ok(address) = text.parse::<IpAddr>() else {
        let instead = match text.split_once('%') {
            Some((alone, _)) => {
                let alone = shown(alone);
                format!("; a filter knows no interface, {alone} is meant on every one")
            }
            None if text.contains(':') => String::new(),
            None => "; a filter looks up no names of hosts".to_owned(),
        };
        return Err(Fault(text, format!("{} is no address", shown(text)), instead));
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let Some(bits) = bits else { return Ok((address, most)) };
    let length = number("length of a prefix", bits)?;
    match u8::try_from(length) {
        Ok(length) if length <= most => Ok((address, length)),
        _ => wrong(bits, format!("{length} is longer than an address")),
    }
}
