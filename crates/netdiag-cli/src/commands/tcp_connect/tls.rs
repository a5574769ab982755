//! With whom TLS is spoken.

use super::check::{Checked, Host};
use crate::args::TcpConnectArguments;
use crate::commands::trust;
use netdiag_model::Untrusted;
use netdiag_tcp::connect::http::Spoken;
use netdiag_tcp::connect::tls::{Demand, PORTS, Tls};

/// How TLS is spoken with a port of a host, if at all.
pub(super) fn of(arguments: &TcpConnectArguments, host: &Host, port: u16) -> Option<Tls> {
    match host.url.as_ref().is_some_and(|url| !url.is_tls) {
        true => None,
        false => spoken(arguments, host, port),
    }
}

/// How it is where a redirect of a URL leads to it.
pub(super) fn later(arguments: &TcpConnectArguments, host: &Host, port: u16) -> Option<Tls> {
    let is_followed = host.url.is_some() && !arguments.only_head;
    is_followed.then(|| spoken(arguments, host, port)).flatten()
}

fn spoken(arguments: &TcpConnectArguments, host: &Host, port: u16) -> Option<Tls> {
    let starttls = arguments.starttls;
    let is_asked = arguments.tls || host.url.is_some() || starttls.is_some();
    let is_usual = PORTS.contains(&port);
    let demand = match (arguments.no_tls, is_asked, arguments.insecure) {
        (true, ..) => return None,
        (_, true, true) => Demand::Spoken,
        (_, true, false) => Demand::Believed,
        (_, false, _) if is_usual => Demand::Tried,
        _ => return None,
    };
    let own = || Untrusted::from(host.name.as_str()).host().as_raw().to_owned();
    let name = arguments.sni.clone().unwrap_or_else(own);
    let alpn: &[&str] = if host.url.is_some() {
        match arguments.http {
            None => &["h2", "http/1.1"],
            Some(Spoken::Http1) => &["http/1.1"],
            Some(Spoken::Http2) => &["h2"],
        }
    } else if starttls.is_none() && matches!(port, 443 | 8443) {
        &["h2", "http/1.1"]
    } else {
        &[]
    };
    Some(Tls { name, alpn, demand, starttls })
}

/// Checks what is asked of TLS.
pub(super) fn check(arguments: &TcpConnectArguments, hosts: &[Host]) -> Result<(), String> {
    let mut schemes = hosts.iter().filter_map(|host| host.url.as_ref()).map(|url| url.is_tls);
    match (arguments.no_tls, arguments.tls) {
        (true, _) if schemes.any(|is_tls| is_tls) => {
            return Err("--no-tls: https:// speaks TLS".to_owned());
        }
        (_, true) if schemes.any(|is_tls| !is_tls) => {
            return Err("--tls: http:// speaks none".to_owned());
        }
        (true, _) => return Ok(()),
        _ => {}
    }
    if let Some(name) = &arguments.sni {
        trust::check_name(name)?;
    }
    let options = [
        ("--sni", arguments.sni.is_some()),
        ("--ca", arguments.ca.is_some()),
        ("--insecure", arguments.insecure),
    ];
    match options.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) if !may_be(arguments, hosts) => {
            Err(format!("{option}: no port of these is one where TLS is usual: add --tls"))
        }
        _ => Ok(()),
    }
}

/// The files that are read for it.
pub(super) fn files(arguments: &TcpConnectArguments, checked: &Checked) -> Vec<String> {
    match arguments.ca.is_some() || may_be(arguments, &checked.hosts) {
        true => trust::files(arguments.ca.as_deref()),
        false => Vec::new(),
    }
}

/// Whether TLS may come to be spoken, as far as is known before names of services are.
fn may_be(arguments: &TcpConnectArguments, hosts: &[Host]) -> bool {
    let is_usual = |host: &Host| match host.numbers(netdiag_tcp::services::port) {
        // A redirect may lead to TLS.
        _ if host.url.is_some() => true,
        Ok(ports) => ports.iter().any(|port| PORTS.contains(port)),
        Err(_) => true,
    };
    !arguments.no_tls
        && (arguments.tls || arguments.starttls.is_some() || hosts.iter().any(is_usual))
}
