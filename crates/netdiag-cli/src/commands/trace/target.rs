//! A host that was looked up as a target, before it is decided how its path is measured.

use crate::LookedUp;
use crate::commands::hosts::Outline;
use crate::commands::ladder;
use crate::commands::resolve::{is_unknown, literal};
use netdiag_engine::port::Network;
use netdiag_model::Untrusted;
use netdiag_ping::Protocol as Rung;
use netdiag_report::trace::Resolved;
use netdiag_trace::Protocol;
use std::net::IpAddr;

/// A host among those that were given.
pub(crate) struct Given<'a> {
    pub(crate) index: usize,
    /// As it was typed; the host itself where that is not known.
    pub(crate) typed: Option<&'a String>,
    pub(crate) host: &'a str,
    pub(crate) protocol: Protocol,
    /// What its packets are, as the ladder has it.
    pub(crate) carrier: Rung,
    pub(crate) source: Option<IpAddr>,
}

/// The target of a host that was looked up; one without an address has a failure.
pub(crate) fn target<C>(
    given: &Given<'_>,
    (found, took): LookedUp,
    outline: &mut Outline,
    network: &mut impl Network,
) -> Resolved<C> {
    let Given { index, typed, host, protocol, carrier, source } = *given;
    let (destination, failure) = match found {
        Ok(addresses) => (ladder::choose(&addresses, &[carrier], network.opened(), source), None),
        Err(error) => {
            outline.unmeasured.extend(is_unknown(&error).then_some(index));
            (None, Some(outline.lookup_failure(host, &error)))
        }
    };
    Resolved {
        target_index: index,
        target: Untrusted::from(typed.map_or(host, String::as_str)),
        protocol,
        destination,
        failure,
        resolve: Some(took).filter(|_| literal(host).is_none()),
        method: None,
        config: None,
        at: network.now(),
    }
}
