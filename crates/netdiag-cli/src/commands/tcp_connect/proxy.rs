//! The proxy that connections go to, and who is named to it.

use super::check::Host;
use crate::World;
use crate::args::TcpConnectArguments;
use crate::commands::checks;
use crate::commands::resolve::literal;
use netdiag_model::{Destination, Untrusted};
use netdiag_tcp::connect::Proxy;
use std::io::{BufRead as _, Read as _};

/// The most that is read of a file, in bytes: a user, a password, and what stands between.
const LONGEST: u64 = 600;

/// Checks what is asked of a proxy. Nothing that is said has any of its text, in which a password may
/// stand.
pub(super) fn check<W: World>(
    arguments: &TcpConnectArguments,
    hosts: &[Host],
    world: &mut W,
) -> Result<Option<Proxy>, String> {
    let Some(text) = &arguments.proxy else { return Ok(None) };
    let wrong = |why: &str| format!("--proxy: {why}");
    let proxy = Proxy::parse(text).map_err(wrong)?;
    if proxy.has_login() && arguments.proxy_login.is_some() {
        return Err("--proxy-login: a user stands in --proxy, too".to_owned());
    }
    let families = (arguments.ipv4, arguments.ipv6);
    let no_group = "a proxy is one host, not a group";
    checks::one_host(&proxy.host, "tcp-connect", families, world, no_group)
        .map_err(|error| wrong(&error))?;
    if let (Some(address), Some(_)) = (literal(&proxy.host), arguments.source) {
        checks::source(arguments.source, Destination::new(address), "--source")?;
    }
    for host in hosts {
        let name = Untrusted::from(host.name.as_str());
        proxy.check(name.host().as_raw()).map_err(wrong)?;
    }
    Ok(Some(proxy))
}

/// The same with who is named to it, where that stands in a file.
pub(super) fn with_login<W: World>(
    proxy: Proxy,
    arguments: &TcpConnectArguments,
    world: &mut W,
) -> Result<Proxy, String> {
    let Some(path) = &arguments.proxy_login else { return Ok(proxy) };
    let shown = Untrusted::from(path.as_str());
    let wrong = |why: &str| format!("--proxy-login: {}: {why}", shown.escaped());
    let file = world.input(path).map_err(|error| wrong(&error.to_string()))?;
    let mut line = String::new();
    file.take(LONGEST).read_line(&mut line).map_err(|error| wrong(&error.to_string()))?;
    proxy.with_login(line.trim_end_matches(['\r', '\n'])).map_err(wrong)
}

/// The file that is read for it.
pub(super) fn file(arguments: &TcpConnectArguments) -> Option<String> {
    arguments.proxy_login.clone().filter(|path| path != "-")
}

/// Reads that file for a check, which may be tried again and has no other input.
pub(super) fn check_file<W: World>(
    arguments: &TcpConnectArguments,
    world: &mut W,
) -> Result<(), String> {
    match (&arguments.proxy, arguments.proxy_login.as_deref()) {
        (_, Some("-")) => Err("--proxy-login: a check does not read standard input".to_owned()),
        (Some(text), Some(_)) => {
            let proxy = Proxy::parse(text).map_err(|why| format!("--proxy: {why}"))?;
            with_login(proxy, arguments, world).map(drop)
        }
        _ => Ok(()),
    }
}
