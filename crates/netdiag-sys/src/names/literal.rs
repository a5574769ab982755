//! Addresses written as addresses.

use super::invalid;
use crate::raw;
use netdiag_model::Destination;
use netdiag_model::failure::LookupError;
use std::ffi::CString;
use std::net::IpAddr;

/// The address that a text is, if it is one: `192.0.2.1`, `127.1`, `2001:db8::1`, `[::1]`,
/// `fe80::1%eth0` (RFC 4007 section 11; the zone by name or by index).
///
/// # Errors
/// [`LookupError::NotFound`] for a zone that is no interface of this machine, and
/// [`LookupError::Invalid`] for brackets or a zone around something that is no IPv6 address.
pub fn literal(text: &str) -> Result<Option<Destination>, LookupError> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = bracketed.unwrap_or(text);
    let (address, zone) = match inner.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inner, None),
    };
    match (netdiag_model::parse_address(address), zone) {
        (Some(IpAddr::V6(v6)), zone) => {
            let scope = zone.map_or(Ok(0), |zone| scope_of(zone, text))?;
            Ok(Some(Destination::V6(v6, scope)))
        }
        (Some(IpAddr::V4(v4)), None) if bracketed.is_none() || inner.contains(':') => {
            Ok(Some(Destination::V4(v4)))
        }
        _ if bracketed.is_some() || zone.is_some() => Err(invalid(text)),
        _ => Ok(None),
    }
}

/// The index of the interface with this name (`if_nametoindex(3)`), `None` where there is none.
#[must_use]
pub fn interface_index(name: &str) -> Option<u32> {
    raw::interface_index(&CString::new(name).ok()?).ok()
}

/// The index of the interface that a zone names.
fn scope_of(zone: &str, text: &str) -> Result<u32, LookupError> {
    let name = CString::new(zone).map_err(|_| invalid(text))?;
    raw::interface_index(&name)
        .ok()
        .or_else(|| zone.parse().ok().filter(|index| *index != 0))
        .ok_or_else(|| LookupError::NotFound {
            what: format!("no interface {}", netdiag_model::Untrusted::from(zone).escaped()),
            by: "this machine".to_owned(),
        })
}
