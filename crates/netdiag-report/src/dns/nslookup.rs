//! Under the name of nslookup: what BIND's nslookup prints.

use super::classic::{place, silence};
use super::{Dns, Ended, Resolved};
use crate::report::{Report, Run};
use netdiag_dns::message::Record;
use netdiag_dns::result::{ServerResult, Target};
use netdiag_dns::{Class, Config, Event, EventKind};
use netdiag_model::contract::Document;
use std::io::{self, Write};
use std::sync::Arc;

/// nslookup's layout on `out`.
pub struct NslookupReport<W> {
    out: W,
    config: Arc<Config>,
    /// No type was named: A, then AAAA, or the name of an address.
    is_default: bool,
    /// Something was told.
    has_answer: bool,
}

impl<W: Write> NslookupReport<W> {
    /// A report of what was asked for; `is_default`: without a type.
    pub const fn new(out: W, config: Arc<Config>, is_default: bool) -> Self {
        Self { out, config, is_default, has_answer: false }
    }

    /// One question; whether the next of the same name is told, too.
    fn lookup(&mut self, target: &Target, result: &ServerResult) -> io::Result<bool> {
        let out = &mut self.out;
        let kind = target.kind.as_str();
        if !self.is_default || kind == "A" {
            let (endpoint, given) = (place(&result.server), result.given.escaped());
            writeln!(out, "Server:\t\t{given}\nAddress:\t{endpoint}\n")?;
        }
        let rcode = result.rcode.as_deref().unwrap_or_default();
        if rcode != "NOERROR" {
            let name = bare(&target.name);
            writeln!(out, "** server can't find {name}: {rcode}")?;
            return Ok(false);
        }
        let is_authoritative = result.flags.iter().any(|flag| flag == "aa");
        if !is_authoritative && (!self.is_default || kind == "A") {
            writeln!(out, "Non-authoritative answer:")?;
        }
        // What leads to another name was told with the first question.
        let is_second = self.is_default && kind == "AAAA";
        let is_told = |record: &&Record| !is_second || record.kind == kind;
        let mut told = result.answers.iter().filter(is_told).peekable();
        if told.peek().is_some() {
            self.has_answer = true;
            told.try_for_each(|record| write(out, record))?;
        } else if !self.has_answer && (kind != "A" || !self.is_default) {
            writeln!(out, "*** Can't find {}: No answer", target.target.escaped())?;
        }
        if !is_authoritative && !matches!(kind, "A" | "AAAA") {
            writeln!(out, "\nAuthoritative answers can be found from:")?;
            let mut behind = result.authorities.iter().chain(&result.additionals);
            behind.try_for_each(|record| write(out, record))?;
        }
        Ok(true)
    }
}

/// A name without its last dot, but for the root.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(name)
}

fn write(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    let name = bare(record.name.as_str());
    let data = record.data.as_str();
    match record.kind.as_str() {
        "A" | "AAAA" => writeln!(out, "Name:\t{name}\nAddress: {data}"),
        "SOA" => {
            writeln!(out, "{name}")?;
            let fields = ["origin", "mail addr", "serial", "refresh", "retry", "expire", "minimum"];
            let mut values = data.split(' ').enumerate();
            fields.iter().try_for_each(|field| {
                let (place, value) = values.next().unwrap_or_default();
                let value = if place < 2 { bare(value) } else { value };
                writeln!(out, "\t{field} = {value}")
            })
        }
        kind => match word(kind) {
            Some(word) => writeln!(out, "{name}\t{word} = {data}"),
            None => writeln!(out, "{name}\trdata_{} = {data}", record.number.0),
        },
    }
}

/// What it calls the data of a type.
fn word(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "NS" => "nameserver",
        "CNAME" => "canonical name",
        "PTR" => "name",
        "HINFO" => "hinfo",
        "MINFO" => "minfo",
        "MX" => "mail exchanger",
        "TXT" => "text",
        "RP" => "rp",
        "AFSDB" => "afsdb",
        "X25" => "x25 address",
        "ISDN" => "isdn address",
        "RT" => "rt",
        "SIG" => "signature",
        "KEY" => "key",
        "PX" => "px",
        "GPOS" => "gpos",
        "LOC" => "loc",
        "SRV" => "service",
        "NAPTR" => "naptr",
        "KX" => "kx",
        "CERT" => "cert",
        "DNAME" => "dname",
        _ => return None,
    })
}

impl<W: Write> Report<Dns> for NslookupReport<W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            // It asks for IPv6 only once there was an answer for IPv4.
            EventKind::Settled(target, server, settled)
                if settled.message.is_none() && (*target == 0 || !self.is_default) =>
            {
                writeln!(self.out, "{}", silence(&self.config, *server, settled))
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], _: &Document<Target>) -> io::Result<()> {
        for ended in targets {
            let said = ended
                .target
                .decisive()
                .filter(|result| result.outcome.is_said() && result.outcome != Class::Malformed);
            let goes_on = match said {
                Some(result) => self.lookup(ended.target, result)?,
                None => {
                    writeln!(self.out, ";; no servers could be reached")?;
                    false
                }
            };
            if !goes_on {
                break;
            }
        }
        writeln!(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
