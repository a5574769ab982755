//! The autonomous systems of addresses, by a file that the user has: a MaxMind DB (GeoLite2-ASN and
//! those of its format), or lines of prefix and number as pfx2as of CAIDA has them. Nobody else is
//! asked.

mod lines;

#[cfg(test)]
mod tests;

use maxminddb::Reader;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// What stands before the metadata of a MaxMind DB, and within how many of its last bytes (MaxMind DB
/// File Format Specification 2.0).
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
const MARKED_WITHIN: usize = 128 * 1024;

/// Which autonomous system an address belongs to.
#[derive(Clone)]
pub struct Systems(Arc<Source>);

enum Source {
    Database(Reader<Vec<u8>>),
    Lines(lines::Prefixes),
}

/// What a record of a database says.
#[derive(Deserialize)]
struct Record {
    #[serde(alias = "asn", alias = "as_number")]
    autonomous_system_number: Option<Number>,
}

/// A number, or text such as `AS64500`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u32),
    Text(String),
}

impl Systems {
    /// Reads a file, whose bytes these are, as what it is.
    ///
    /// # Errors
    /// What is wrong with it, in a line without its name.
    pub fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let tail = bytes.get(bytes.len().saturating_sub(MARKED_WITHIN)..).unwrap_or(&bytes);
        let is_database = tail.windows(MARKER.len()).any(|window| window == MARKER);
        let source = match is_database {
            true => Source::Database(database(bytes)?),
            false => Source::Lines(lines::Prefixes::read(&bytes)?),
        };
        Ok(Self(Arc::new(source)))
    }

    /// The number of the system that has an address, where it is known.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<u32> {
        match &*self.0 {
            Source::Lines(prefixes) => prefixes.find(address),
            Source::Database(reader) => {
                let found = reader.lookup(address).ok()?.decode::<Record>().ok()??;
                match found.autonomous_system_number? {
                    Number::Number(number) => Some(number),
                    Number::Text(text) => lines::number(&text),
                }
            }
        }
    }
}

/// A database, all of which was looked at once: what is wrong with it is known before it is asked.
fn database(bytes: Vec<u8>) -> Result<Reader<Vec<u8>>, String> {
    let broken = |fault: maxminddb::MaxMindDbError| format!("no whole MaxMind DB: {fault}");
    let reader = Reader::from_source(bytes).map_err(broken)?;
    reader.verify().map_err(broken)?;
    Ok(reader)
}

impl fmt::Debug for Systems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Systems(..)")
    }
}

/// One file is one file; what is in another is not compared.
impl PartialEq for Systems {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Systems {}
