//! `--as`: what was measured in the forms of other programs, so that what reads those reads ours, too.
//! Each is made of our own documents or lines, by the contract.

mod atlas;
mod fping;
mod kdig;
mod markdown;
mod mtr;
mod scamper;
mod traced;

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

/// A form of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// `mtr --json`, of a document of `mtr`.
    MtrJson,
    /// `mtr --csv`, of a document of `mtr`.
    MtrCsv,
    /// `fping -J -c`, of a document of `sweep`.
    FpingJson,
    /// A trace as `sc_warts2json` writes one, of lines of `trace`.
    ScamperJson,
    /// A result of RIPE Atlas, of a document of `ping` or lines of `trace`.
    Atlas,
    /// `kdig +json`, of a document of `dns`.
    KdigJson,
    /// A table of Markdown, of the rows of any command.
    Markdown,
}

/// What the forms say of this machine and of the run, which documents do not.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// The name of this machine.
    pub host: String,
    /// When the run began, in nanoseconds since 1970.
    pub started: i128,
    /// The traffic class of what is sent.
    pub traffic_class: u8,
    /// The data bytes of a probe.
    pub data_bytes: u32,
    /// Where probes to an address leave from, as far as is known.
    pub sources: BTreeMap<IpAddr, IpAddr>,
}

/// The documents or lines that a command wrote.
///
/// # Errors
/// When they are no JSON.
pub fn read(written: &[u8]) -> io::Result<Vec<Value>> {
    let all = serde_json::Deserializer::from_slice(written).into_iter::<Value>();
    all.collect::<Result<Vec<Value>, _>>().map_err(io::Error::other)
}

/// The addresses that documents or lines are about.
#[must_use]
pub fn addresses(said: &[Value]) -> Vec<IpAddr> {
    let targets = said.iter().flat_map(|one| match one["targets"].as_array() {
        Some(targets) => targets.iter().collect(),
        None if one["type"] == "target" => vec![one],
        None => Vec::new(),
    });
    targets.filter_map(|target| target["address"].as_str()?.parse().ok()).collect()
}

impl Adapter {
    /// Writes what a command said, which is JSON but for [`Markdown`](Self::Markdown).
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(self, said: &[Value], setting: &Setting, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::MtrJson | Self::MtrCsv => mtr::write(self, said, setting, out),
            Self::FpingJson => fping::write(said, out),
            Self::ScamperJson => scamper::write(said, setting, out),
            Self::Atlas => atlas::write(said, setting, out),
            Self::KdigJson => kdig::write(said, setting, out),
            Self::Markdown => Ok(()),
        }
    }
}

/// Writes the rows of CSV that a command wrote as a table of Markdown.
///
/// # Errors
/// When the writer fails.
pub fn write_markdown(rows: &str, command: &str, out: &mut dyn Write) -> io::Result<()> {
    markdown::write(rows, command, out)
}

/// Seconds since 1970, so many milliseconds after the start.
fn seconds(setting: &Setting, milliseconds: f64) -> i64 {
    let at = setting.started as f64 / 1e9 + milliseconds / 1e3;
    at.floor() as i64
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

fn source(target: &Value, setting: &Setting) -> Option<IpAddr> {
    setting.sources.get(&address(&target["address"])?).copied()
}
