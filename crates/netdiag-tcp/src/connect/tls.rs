//! How TLS is spoken with a target.

use super::starttls::Protocol;
pub use netdiag_tls::{Demand, Talked};

/// Ports at which services speak TLS from the first byte on.
pub const PORTS: &[u16] = &[443, 465, 636, 853, 990, 993, 995, 8443];

/// How TLS is spoken with a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The name or address that its certificate must be for.
    pub name: String,
    /// The protocols to choose from, the best first.
    pub alpn: &'static [&'static str],
    /// What is asked of it.
    pub demand: Demand,
    /// By what it is begun where the service does not begin by it.
    pub starttls: Option<Protocol>,
}
