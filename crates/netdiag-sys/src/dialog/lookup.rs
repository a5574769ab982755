//! Names of addresses, by /etc/hosts and the system's resolver configuration.

use crate::names::{Connected, names_from_hosts};
use hickory_resolver::Resolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData};
use netdiag_model::Untrusted;
use netdiag_model::failure::LookupError;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// One look-up takes no longer, whatever resolv.conf says.
const LONGEST: Duration = Duration::from_secs(5);

/// Who knows names: asked for when the first is wanted, and then for as long as this lives.
#[derive(Clone, Default)]
pub(crate) struct Reverse(Arc<Sources>);

#[derive(Default)]
struct Sources {
    hosts: OnceLock<BTreeMap<IpAddr, Untrusted>>,
    /// `Err` says why there is none.
    resolver: OnceLock<Result<Resolver<Connected>, String>>,
}

impl Reverse {
    /// Looks up the name of an address.
    pub(crate) async fn name(self, address: IpAddr) -> Result<Option<Untrusted>, LookupError> {
        if let Some(name) = self.0.hosts.get_or_init(names_from_hosts).get(&address) {
            return Ok(Some(name.clone()));
        }
        let resolver = match self.0.resolver.get_or_init(system_resolver) {
            Ok(resolver) => resolver,
            Err(reason) => return no_answer(format!("/etc/resolv.conf: {reason}")),
        };
        match tokio::time::timeout(LONGEST, resolver.reverse_lookup(address)).await {
            Ok(Ok(found)) => {
                let name = found.answers().iter().find_map(|record| match &record.data {
                    RData::PTR(name) => Some(text(&name.0)),
                    _ => None,
                });
                Ok(name.map(Untrusted::from))
            }
            Ok(Err(NetError::Dns(DnsError::NoRecordsFound(_)))) => Ok(None),
            Ok(Err(error)) => no_answer(format!("{address}: {error}")),
            Err(_) => no_answer(format!("{address}: timed out (5.0 s)")),
        }
    }
}

/// A name as its bytes say, one character a byte: who shows it escapes it.
fn text(name: &Name) -> String {
    let labels = name.iter().map(|label| label.iter().map(|byte| char::from(*byte)).collect());
    labels.collect::<Vec<String>>().join(".")
}

fn no_answer<T>(tried: String) -> Result<T, LookupError> {
    Err(LookupError::no_resolver(tried))
}

fn system_resolver() -> Result<Resolver<Connected>, String> {
    let builder = Resolver::builder(Connected::default()).map_err(|error| error.to_string())?;
    builder.build().map_err(|error| error.to_string())
}
