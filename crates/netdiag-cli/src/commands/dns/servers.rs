//! Who is asked.

use super::setup;
use crate::World;
use crate::args::DnsArguments;
use crate::commands::checks;
use crate::commands::hosts::Outline;
use crate::commands::resolve::{literal, patience};
use netdiag_dns::resolv::ResolvConf;
use netdiag_dns::{Origin, Server};
use netdiag_engine::port::{Control, Network};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{Destination, Family, Untrusted};
use std::io::Read;

/// The most of resolv.conf that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// Somebody to ask, as they were named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The servers of resolv.conf.
    System,
    /// A host, and its port if it was named.
    Host(String, Option<u16>),
}

impl Asked {
    /// What stands behind an `@`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("`@`: a server stands behind it, such as `@192.0.2.53`".to_owned()),
            "system" => Ok(Self::System),
            text => {
                let (host, port) = checks::with_port(text)
                    .map_err(|why| format!("`@{}`: {why}", Untrusted::from(text).escaped()))?;
                if host.is_empty() {
                    return Err(format!("`@{text}`: a server stands behind the `@`"));
                }
                Ok(Self::Host(host, port))
            }
        }
    }
}

/// Who is asked, and what of resolv.conf was wrong.
#[derive(Default)]
pub(super) struct Servers {
    pub(super) all: Vec<Server>,
    /// Why resolv.conf names nobody.
    pub(super) fault: Option<String>,
}

/// The path of resolv.conf.
pub(super) fn resolv_conf(arguments: &DnsArguments) -> String {
    format!("{}/resolv.conf", arguments.etc.trim_end_matches('/'))
}

/// Finds all of them.
pub(super) fn find<W: World>(
    asked: &[Asked],
    arguments: &DnsArguments,
    outline: &mut Outline,
    world: &mut W,
    network: &mut W::Network,
) -> Servers {
    let mut named: Vec<(String, u16, Origin)> = Vec::new();
    let mut fault = None;
    let system = [Asked::System];
    let asked = if asked.is_empty() { &system[..] } else { asked };
    for server in asked {
        match server {
            Asked::Host(host, port) => {
                named.push((
                    host.clone(),
                    port.unwrap_or(arguments.usual_port()),
                    Origin::CommandLine,
                ));
            }
            Asked::System => match of_system(&resolv_conf(arguments), world) {
                Ok(found) => {
                    let is_stub = arguments.check && found.iter().any(|it| setup::is_stub(it));
                    let found = found.into_iter();
                    named.extend(found.map(|it| (it, arguments.usual_port(), Origin::ResolvConf)));
                    let uplinks = is_stub.then(|| of_system(setup::UPLINKS, world).ok());
                    let uplinks = uplinks.flatten().into_iter().flatten();
                    named.extend(uplinks.map(|it| (it, arguments.usual_port(), Origin::Resolved)));
                }
                Err(why) => fault = Some(why),
            },
        }
    }
    let names: Vec<String> = named.iter().map(|(host, ..)| host.clone()).collect();
    let patience = patience(arguments.deadline, names.len());
    let found = world.resolve(&names, family(arguments), patience);
    let all = named.into_iter().zip(found).map(|((host, port, origin), (found, _))| {
        let destination = match found {
            Ok(addresses) => reachable(&addresses, network).ok_or_else(no_address),
            Err(error) => Err(outline.lookup_failure(&host, &error)),
        };
        let to = destination.as_ref().ok().copied();
        let way = to.and_then(|to| world.way(to, &Control::default()));
        Server { destination, port, given: Untrusted::from(host), origin, way }
    });
    Servers { all: all.collect(), fault }
}

/// The first address for which there is a socket, else the first of all.
fn reachable<N: Network>(addresses: &[Destination], network: &N) -> Option<Destination> {
    let opened = network.opened();
    let is_open = |to: &&Destination| opened.udp(to.family()).is_ok();
    addresses.iter().find(is_open).or_else(|| addresses.first()).copied()
}

fn no_address() -> Failure {
    Failure {
        stage: Stage::Resolve,
        reason: "not-found".to_owned(),
        errno: None,
        icmp: None,
        message: "the name has no address".to_owned(),
    }
}

/// The servers that resolv.conf names.
fn of_system<W: World>(path: &str, world: &mut W) -> Result<Vec<String>, String> {
    let text = text_of(path, world).map_err(|why| format!("{path}: {why}"))?;
    let conf = ResolvConf::parse(&text);
    let written = conf.servers.iter().map(|line| line.text.as_raw());
    // The resolver of the C library takes addresses alone.
    let servers: Vec<String> =
        written.filter(|text| literal(text).is_some()).map(ToOwned::to_owned).collect();
    match servers.is_empty() {
        true => Err(format!("{path} names no server")),
        false => Ok(servers),
    }
}

/// A file of this machine, or in words why it cannot be read.
pub(super) fn text_of<W: World>(path: &str, world: &mut W) -> Result<String, String> {
    let input = world.input(path).map_err(|fault| words(&fault))?;
    let mut bytes = Vec::new();
    input.take(LONGEST).read_to_end(&mut bytes).map_err(|fault| words(&fault))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn words(fault: &std::io::Error) -> String {
    match fault.raw_os_error() {
        Some(errno) => netdiag_model::errno::text(errno),
        None => fault.to_string(),
    }
}

/// The family of servers that was asked for.
pub(super) const fn family(arguments: &DnsArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        _ => None,
    }
}
