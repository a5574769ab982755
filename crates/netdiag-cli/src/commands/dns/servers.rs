//! Who is asked.

use super::setup;
use crate::World;
use crate::args::DnsArguments;
use crate::args::dns::PATH;
use crate::commands::checks;
use crate::commands::hosts::Outline;
use crate::commands::resolve::{literal, patience};
use netdiag_dns::config::Url;
use netdiag_dns::resolv::ResolvConf;
use netdiag_dns::{Origin, Server, Transport};
use netdiag_engine::port::{Control, Network};
use netdiag_model::failure::{Failure, Stage};
use netdiag_model::{Destination, Family, Untrusted};
use std::io::Read;

/// The most of resolv.conf that is read, in bytes.
const LONGEST: u64 = 64 << 10;
/// Whom programs ask where resolv.conf names nobody (resolv.conf(5)).
const OWN: &str = "127.0.0.1";

/// Somebody to ask, as they were named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The servers of resolv.conf.
    System,
    /// A host, and its port if it was named.
    Host(String, Option<u16>),
    /// What is asked for by HTTP.
    Url(Url),
    /// The same by HTTP/3.
    Http3(Url),
    /// A host that is asked over QUIC, and its port if it was named.
    Quic(String, Option<u16>),
}

impl Asked {
    /// What stands behind an `@`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("`@`: a server stands behind it, such as `@192.0.2.53`".to_owned()),
            "system" => Ok(Self::System),
            text => match text.strip_prefix("quic://") {
                Some(bare) => Self::named(text, bare).map(|(host, port)| Self::Quic(host, port)),
                None if text.contains("://") => Self::url(text),
                None => Self::named(text, text).map(|(host, port)| Self::Host(host, port)),
            },
        }
    }

    /// A host, and its port if it was named.
    fn named(text: &str, bare: &str) -> Result<(String, Option<u16>), String> {
        let wrong = |why: &str| Err(format!("`@{}`: {why}", Untrusted::from(text).escaped()));
        match checks::with_port(bare) {
            _ if bare.contains('#') => {
                wrong("a port stands behind a colon, such as `@192.0.2.53:53`")
            }
            _ if bare.contains('@') => wrong("one `@` is enough"),
            Ok((host, _)) if host.is_empty() => wrong("a server stands behind the `@`"),
            Ok((host, _)) if host.contains('/') && bare != text => {
                wrong("behind quic:// stand a host and a port, and no path")
            }
            Ok(named) => Ok(named),
            Err(why) => wrong(&why),
        }
    }

    /// What carries queries to it, where its name says so.
    pub(super) const fn transport(&self) -> Option<Transport> {
        match self {
            Self::System | Self::Host(..) => None,
            Self::Url(_) => Some(Transport::Https),
            Self::Http3(_) => Some(Transport::Https3),
            Self::Quic(..) => Some(Transport::Quic),
        }
    }
}

impl Asked {
    /// A URL, with the place that queries by GET have in it (RFC 8484 section 4.1) or without.
    fn url(text: &str) -> Result<Self, String> {
        let shown = || Untrusted::from(text).escaped().to_string();
        let bare = text.strip_suffix("{?dns}").unwrap_or(text);
        // It is no scheme of URLs: what is had is the same.
        let own = bare.strip_prefix("h3://").map(|rest| format!("https://{rest}"));
        let kind = if own.is_some() { Self::Http3 } else { Self::Url };
        let bare = own.as_deref().unwrap_or(bare);
        let is_web = ["http://", "https://"].iter().any(|scheme| bare.starts_with(scheme));
        if !is_web {
            let known =
                "https://, h3:// or quic:// stands there, and of TLS the address alone, with --tls";
            return Err(format!("`@{}`: {known}", shown()));
        }
        let url = Url::parse(bare).map_err(|why| format!("`@{}`: {why}", shown()))?;
        match (url.is_tls, bare.contains(['{', '#'])) {
            (false, _) => {
                Err(format!("`@{}`: queries go by https://, h3:// or quic:// alone", shown()))
            }
            (_, true) => Err(format!("`@{}`: a URL, behind it `{{?dns}}` or nothing", shown())),
            _ if url.path == "/" && !bare.ends_with('/') => {
                Ok(kind(Url { path: PATH.to_owned(), ..url }))
            }
            _ => Ok(kind(url)),
        }
    }

    /// The host, and its port if it was named; `None` of those of resolv.conf.
    pub(super) fn host(&self) -> Option<(&str, Option<u16>)> {
        match self {
            Self::System => None,
            Self::Host(host, port) | Self::Quic(host, port) => Some((host, *port)),
            Self::Url(url) | Self::Http3(url) => Some((&url.host, Some(url.port))),
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
    (arguments, control): (&DnsArguments, &Control),
    outline: &mut Outline,
    world: &mut W,
    network: &mut W::Network,
) -> Servers {
    let mut named: Vec<(String, u16, Origin, Option<&Url>)> = Vec::new();
    let mut fault = None;
    let system = [Asked::System];
    let asked = if asked.is_empty() { &system[..] } else { asked };
    for server in asked {
        match server {
            Asked::Host(host, port) | Asked::Quic(host, port) => {
                let port = port.unwrap_or(arguments.usual_port());
                named.push((host.clone(), port, Origin::CommandLine, None));
            }
            Asked::Url(url) | Asked::Http3(url) => {
                named.push((url.host.clone(), url.port, Origin::CommandLine, Some(url)));
            }
            Asked::System => match of_system(&resolv_conf(arguments), world) {
                Ok(found) if found.is_empty() && arguments.check => {
                    let port = arguments.usual_port();
                    named.push((OWN.to_owned(), port, Origin::ResolvConf, None));
                }
                Ok(found) if found.is_empty() => {
                    fault = Some(format!("{} names no server", resolv_conf(arguments)));
                }
                Ok(found) => {
                    let is_stub = arguments.check && found.iter().any(|it| setup::is_stub(it));
                    let (found, port) = (found.into_iter(), arguments.usual_port());
                    named.extend(found.map(|it| (it, port, Origin::ResolvConf, None)));
                    let uplinks = is_stub.then(|| of_system(setup::UPLINKS, world).ok());
                    let uplinks = uplinks.flatten().into_iter().flatten();
                    named.extend(uplinks.map(|it| (it, port, Origin::Resolved, None)));
                }
                Err(why) => fault = Some(why),
            },
        }
    }
    let names: Vec<String> = named.iter().map(|(host, ..)| host.clone()).collect();
    let patience = patience(arguments.deadline, names.len());
    let found = world.resolve(&names, family(arguments), patience);
    let all = named.into_iter().zip(found).map(|((host, port, origin, url), (found, _))| {
        let destination = match found {
            Ok(addresses) => reachable(&addresses, network).ok_or_else(no_address),
            Err(error) => Err(outline.lookup_failure(&host, &error)),
        };
        let to = destination.as_ref().ok().copied();
        let way = to.and_then(|to| world.way(to, control));
        let url = asked_for(arguments, &host, port, url);
        Server { destination, port, given: Untrusted::from(host), origin, way, url }
    });
    Servers { all: all.collect(), fault }
}

/// What is asked for by HTTP, where that carries queries: by the name that its certificate is for.
fn asked_for(arguments: &DnsArguments, host: &str, port: u16, url: Option<&Url>) -> Option<Url> {
    if !arguments.transport().is_over_http() {
        return None;
    }
    let usual = || arguments.tls.https.clone().unwrap_or_else(|| PATH.to_owned());
    let path = url.map_or_else(usual, |url| url.path.clone());
    let host = arguments.tls.sni.clone().unwrap_or_else(|| host.to_owned());
    Some(Url { is_tls: true, host, port, path })
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

/// The servers that resolv.conf names; it may be none.
fn of_system<W: World>(path: &str, world: &mut W) -> Result<Vec<String>, String> {
    let text = text_of(path, world).map_err(|why| format!("{path}: {why}"))?;
    let conf = ResolvConf::parse(&text);
    let written = conf.servers.iter().map(|line| line.text.as_raw());
    // The resolver of the C library takes addresses alone.
    Ok(written.filter(|text| literal(text).is_some()).map(ToOwned::to_owned).collect())
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
pub(super) fn family(arguments: &DnsArguments) -> Option<Family> {
    match (arguments.ipv4, arguments.ipv6) {
        (true, _) => Some(Family::Ipv4),
        (_, true) => Some(Family::Ipv6),
        _ => arguments.outgoing.source.map(Family::of),
    }
}
