//! Names of the scenario.

use super::VirtualNetwork;
use crate::scenario::{Lookup, LookupFailure};
use netdiag_engine::port::{InputKind, Lookup as LookupOperation};
use netdiag_model::failure::LookupError;
use netdiag_model::{Destination, Untrusted};

impl VirtualNetwork {
    /// The addresses of a name: of a `[[lookup]]`, or the address that the text is.
    ///
    /// # Errors
    /// What the scenario says, and `NotFound` for a name it does not know.
    pub fn resolve(&self, name: &str) -> Result<Vec<Destination>, LookupError> {
        if let Ok(address) = name.parse() {
            return Ok(vec![Destination::new(address)]);
        }
        let entry = self.lookups.iter().find(|lookup| lookup.name.as_deref() == Some(name));
        let Some(entry) = entry else {
            return Err(LookupError::NotFound {
                what: "NXDOMAIN".to_owned(),
                by: "the scenario".to_owned(),
            });
        };
        match entry.error {
            Some(failure) => Err(error(entry, failure)),
            None => Ok(entry.address.iter().map(|address| Destination::new(*address)).collect()),
        }
    }

    pub(super) fn look_up(&mut self, lookup: LookupOperation) {
        let LookupOperation { id, address } = lookup;
        let entry = self.lookups.iter().find(|lookup| lookup.address.contains(&address));
        let (result, delay) = match entry {
            None => (Ok(None), std::time::Duration::ZERO),
            Some(entry) => {
                let result = match entry.error {
                    Some(LookupFailure::Timeout) => Err(error(entry, LookupFailure::Timeout)),
                    Some(LookupFailure::Nxdomain) => Ok(None),
                    None => Ok(entry.name.clone().map(Untrusted::from)),
                };
                (result, entry.delay.duration())
            }
        };
        self.later(self.now + delay, InputKind::Named { id, result });
    }
}

fn error(entry: &Lookup, failure: LookupFailure) -> LookupError {
    let by = entry.by.clone().unwrap_or_else(|| "192.0.2.53".to_owned());
    match failure {
        LookupFailure::Nxdomain => LookupError::NotFound { what: "NXDOMAIN".to_owned(), by },
        LookupFailure::Timeout => {
            LookupError::no_resolver(format!("{by} timed out (3 tries, 5.0 s)"))
        }
    }
}
