//! One document at the end, or a row a port.

use super::{Ending, Setting, SynReport};
use crate::{csv, json};
use netdiag_model::contract::Method;
use netdiag_model::{Family, Untrusted};
use netdiag_tcp::syn::result::Port;
use netdiag_tcp::syn::{Event, Measurement, Row};
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::net::IpAddr;

/// The columns of CSV: those of the address, and of the port. New ones only at the end.
const COLUMNS: &[&str] = &[
    "target",
    "address",
    "family",
    "method.socket",
    "method.timestamps",
    "port",
    "service",
    "state",
    "reason",
    "sent",
    "received",
    "rtt_ms.mean",
    "reply_ttl",
    "hops_back",
    "window",
    "options.mss",
    "options.wscale",
    "options.sack",
    "options.timestamps",
    "icmp.type",
    "icmp.code",
    "icmp.name",
    "icmp.from",
    "failure.stage",
    "failure.reason",
    "failure.errno.name",
    "failure.errno.number",
    "failure.message",
    "options.ecn",
];

/// `--output json`: one document at the end.
pub struct JsonReport<W>(pub W);

/// A target that becomes its part of the document when that is written: all at once would take
/// many times the room.
struct Later<'a> {
    setting: &'a Setting,
    measurement: &'a Measurement,
    number: u32,
}

impl Serialize for Later<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let method = self.setting.method(self.number);
        self.measurement.result(self.number, method).serialize(serializer)
    }
}

impl<W: Write> SynReport for JsonReport<W> {
    fn start(&mut self, _: &Setting) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _: &Setting, _: &Event) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        let measurement = ending.measurement;
        let targets = 0..measurement.targets();
        let targets = targets.map(|number| Later { setting, measurement, number }).collect();
        json::write_line(&mut self.0, &ending.document.with_targets(targets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// `--output csv`: a row a port, as it settles; an address that could not be asked has one, too.
pub struct CsvReport<W>(pub W);

/// A row before it is one.
#[derive(Serialize)]
struct Line<'a> {
    target: Untrusted,
    address: Option<IpAddr>,
    family: Option<Family>,
    method: &'a Method,
    #[serde(flatten)]
    port: Port,
}

impl<W: Write> CsvReport<W> {
    fn row(&mut self, setting: &Setting, row: &Row) -> io::Result<()> {
        let Some(target) = setting.config.target(row.target) else { return Ok(()) };
        let to = target.destination();
        let line = Line {
            target: target.text(),
            address: to.map(|to| to.address()),
            family: to.map(|to| to.family()),
            method: setting.method(row.target),
            port: Port::new(row.port, &row.found),
        };
        let object = serde_json::to_value(line).map_err(io::Error::other)?;
        csv::write_row(&mut self.0, COLUMNS, &object)
    }
}

impl<W: Write> SynReport for CsvReport<W> {
    fn start(&mut self, _: &Setting) -> io::Result<()> {
        csv::write_header(&mut self.0, COLUMNS)
    }

    fn event(&mut self, setting: &Setting, event: &Event) -> io::Result<()> {
        match event {
            Event::Port(row) => self.row(setting, row),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, setting: &Setting, ending: &Ending<'_>) -> io::Result<()> {
        let measurement = ending.measurement;
        for number in 0..measurement.targets() {
            let Some(target) = measurement.result(number, setting.method(number)) else { continue };
            if target.failure.is_some() {
                let object = serde_json::to_value(&target).map_err(io::Error::other)?;
                csv::write_row(&mut self.0, COLUMNS, &object)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
