//! A port as a word.

use netdiag_tcp::services;

/// A port and what it is usually for.
pub(crate) fn label(port: u16) -> String {
    match services::name(port) {
        Some(name) => format!("{port}/{name}"),
        None => port.to_string(),
    }
}
