//! Under the name of nslookup: what BIND's nslookup prints of one question to one server.

use super::classic::{coded, place, silence};
use super::{Dns, Ended, Resolved};
use crate::report::{Report, Run};
use netdiag_dns::message::Record;
use netdiag_dns::result::{ServerResult, Target};
use netdiag_dns::{Class, Config, Event, EventKind, Told};
use netdiag_model::contract::Document;
use std::io::{self, Write};
use std::sync::Arc;

/// Where a question stands in a look-up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asking {
    /// No type was named: A is asked for, then AAAA.
    pub is_default: bool,
    /// A server that does not recurse is not the last word.
    pub wants_recursion: bool,
    /// Nor is one that says SERVFAIL.
    pub passes_servfail: bool,
    /// There is another server.
    pub has_next_server: bool,
    /// There is another name to try where this one does not exist.
    pub has_next_name: bool,
    /// The whole message is shown (`set debug`).
    pub in_full: bool,
}

/// What came of questions, so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// A server said something.
    pub is_reached: bool,
    /// One said that it failed, or that there is no such name.
    pub has_failed: bool,
    /// There were records.
    pub has_answer: bool,
    /// An answer was cut: from then on the look-up goes over TCP.
    pub is_cut: bool,
    /// What the last one came to.
    pub last: Last,
}

/// What a question came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Last {
    /// Nothing came.
    #[default]
    Silence,
    /// Nothing can come.
    Unreachable,
    /// What came was cut, and over TCP nothing came.
    Cut,
    /// The next server is to be asked.
    NextServer,
    /// The next name is to be tried.
    NextName,
    /// It has failed, and that was told.
    Failed,
    /// What was said was told.
    Told,
}

/// nslookup's layout on `out`.
pub struct NslookupReport<'a, W> {
    out: W,
    config: Arc<Config>,
    asking: Asking,
    seen: &'a mut Seen,
}

impl<'a, W: Write> NslookupReport<'a, W> {
    /// A report of one question to one server.
    pub const fn new(out: W, config: Arc<Config>, asking: Asking, seen: &'a mut Seen) -> Self {
        Self { out, config, asking, seen }
    }

    fn lookup(&mut self, target: &Target, result: &ServerResult) -> io::Result<Last> {
        let out = &mut self.out;
        let kind = target.kind.as_ref();
        let rcode = result.rcode.as_deref().unwrap_or_default();
        let has = |name| result.flags.contains(&name);
        let lacks_recursion =
            self.asking.wants_recursion && self.config.query.flags.recursion && !has("ra");
        let excuse = match rcode {
            "SERVFAIL" if self.asking.passes_servfail => Some("SERVFAIL reply"),
            _ => lacks_recursion.then_some("recursion not available"),
        };
        if let Some(excuse) = excuse {
            let endpoint = place(&result.server);
            let address = endpoint.split('#').next().unwrap_or_default();
            let next = if self.asking.has_next_server { ", trying next server" } else { "" };
            writeln!(out, ";; Got {excuse} from {address}{next}")?;
            if self.asking.has_next_server {
                return Ok(Last::NextServer);
            }
        }
        self.seen.is_reached = true;
        if rcode == "NXDOMAIN" && self.asking.has_next_name {
            return Ok(Last::NextName);
        }
        let is_second = self.asking.is_default && kind == "AAAA";
        let is_titled = !self.asking.is_default || kind == "A";
        if is_titled {
            let (endpoint, given) = (place(&result.server), result.given.escaped());
            writeln!(out, "Server:\t\t{given}\nAddress:\t{endpoint}\n")?;
        }
        if self.asking.in_full {
            whole(out, target, result)?;
        }
        if rcode != "NOERROR" {
            let name = bare(&target.name);
            writeln!(out, "** server can't find {name}: {rcode}")?;
            self.seen.has_failed = true;
            return Ok(Last::Failed);
        }
        if !has("aa") && is_titled {
            writeln!(out, "Non-authoritative answer:")?;
        }
        // What leads to another name was told with the first question.
        let is_told = |record: &&Record| !is_second || record.kind == kind;
        let mut told = result.answers.iter().filter(is_told).peekable();
        if told.peek().is_some() {
            self.seen.has_answer = true;
            told.try_for_each(|record| write(out, record))?;
        } else if !self.seen.has_answer && (kind != "A" || !self.asking.is_default) {
            writeln!(out, "*** Can't find {}: No answer", target.target.escaped())?;
        }
        if !has("aa") && !matches!(kind, "A" | "AAAA") {
            writeln!(out, "\nAuthoritative answers can be found from:")?;
            let mut behind = result.authorities.iter().chain(&result.additionals);
            behind.try_for_each(|record| short(out, record))?;
        }
        Ok(Last::Told)
    }
}

/// What is said of a connection that brought nothing.
fn closed(result: &ServerResult) -> &str {
    match result.failure.as_ref().map(|failure| failure.reason.as_str()) {
        Some("refused") => "connection refused",
        Some("timeout") | None => "timed out",
        Some("host-unreachable") => "host unreachable",
        Some(_) => "end of file",
    }
}

/// A message that cannot be read, which ends the look-up.
fn bad_packet(out: &mut dyn Write, why: &str, digits: &str) -> io::Result<()> {
    const ROW: usize = 16;
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    let pairs: Vec<&str> = pairs.collect();
    writeln!(out, ";; Got bad packet: {why}\n{} bytes", pairs.len())?;
    for row in pairs.chunks(ROW) {
        let letter = |pair: &&str| match u8::from_str_radix(pair, 16) {
            Ok(byte @ b' '..=b'~') => char::from(byte),
            _ => '.',
        };
        let letters: String = row.iter().map(letter).collect();
        writeln!(out, "{:<57}{letters}", row.join(" "))?;
    }
    Ok(())
}

/// The whole message, as `set debug` shows it.
fn whole(out: &mut dyn Write, target: &Target, result: &ServerResult) -> io::Result<()> {
    let (name, kind, class) = (bare(&target.name), &target.kind, &target.class);
    writeln!(out, "------------\n    QUESTIONS:\n\t{name}, type = {kind}, class = {class}")?;
    for (title, records) in [
        ("ANSWERS", &*result.answers),
        ("AUTHORITY RECORDS", &result.authorities),
        ("ADDITIONAL RECORDS", &result.additionals),
    ] {
        writeln!(out, "    {title}:")?;
        for record in records {
            writeln!(out, "    ->  {}", bare(record.name.as_str()))?;
            match record.kind.as_ref() {
                "SOA" => soa(out, record)?,
                _ => writeln!(out, "\t{}{}", word(record), record.data)?,
            }
            writeln!(out, "\tttl = {}", record.ttl)?;
        }
    }
    writeln!(out, "------------")
}

/// A name without its last dot, but for the root.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').filter(|name| !name.is_empty()).unwrap_or(name)
}

/// A record of the answer.
fn write(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    match record.kind.as_ref() {
        "A" | "AAAA" => {
            writeln!(out, "Name:\t{}\nAddress: {}", bare(record.name.as_str()), record.data)
        }
        _ => short(out, record),
    }
}

/// Any other.
fn short(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    let name = bare(record.name.as_str());
    if record.kind == "SOA" {
        writeln!(out, "{name}")?;
        return soa(out, record);
    }
    writeln!(out, "{name}\t{}{}", word(record), coded(&record.kind, record.data.as_str()))
}

fn soa(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    let fields = ["origin", "mail addr", "serial", "refresh", "retry", "expire", "minimum"];
    let mut values = record.data.as_str().split(' ').enumerate();
    fields.iter().try_for_each(|field| {
        let (place, value) = values.next().unwrap_or_default();
        let value = if place < 2 { bare(value) } else { value };
        writeln!(out, "\t{field} = {value}")
    })
}

/// What it calls the data of a type.
fn word(record: &Record) -> String {
    /// Types up to here have a word, or a number behind `rtype_`.
    const KNOWN: u16 = 41;
    let word = match record.kind.as_ref() {
        "A" => "internet address",
        "AAAA" => return "has AAAA address ".to_owned(),
        "NS" => "nameserver",
        "MD" => "md",
        "MF" => "mf",
        "CNAME" => "canonical name",
        "MB" => "mb",
        "MG" => "mg",
        "MR" => "mr",
        "WKS" => "protocol",
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
        "NSAP" => "nsap",
        "NSAP-PTR" => "nsap_ptr",
        "SIG" => "signature",
        "KEY" => "key",
        "PX" => "px",
        "GPOS" => "gpos",
        "LOC" => "loc",
        "NXT" => "next",
        "SRV" => "service",
        "NAPTR" => "naptr",
        "KX" => "kx",
        "CERT" => "cert",
        "A6" => "v6 address",
        "DNAME" => "dname",
        _ if record.number.0 <= KNOWN => return format!("rtype_{} = ", record.number.0),
        _ => return format!("rdata_{} = ", record.number.0),
    };
    format!("{word} = ")
}

impl<W: Write> Report<Dns> for NslookupReport<'_, W> {
    fn start(&mut self, _: &Run) -> io::Result<()> {
        Ok(())
    }

    fn resolved(&mut self, _: &Resolved) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.kind {
            EventKind::Settled(_, server, settled) if settled.message.is_none() => {
                writeln!(self.out, "{}", silence(&self.config, *server, settled))
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, targets: &[Ended<'_>], _: &Document<Told>) -> io::Result<()> {
        for ended in targets {
            let target = ended.target.target();
            let result = target.decisive();
            let is_unreachable =
                result.is_some_and(|it| matches!(it.outcome, Class::Unreachable | Class::Closed));
            let said = result.filter(|it| it.outcome.is_said() && it.outcome != Class::Malformed);
            if result.is_some_and(|it| it.retried_over_tcp) {
                writeln!(self.out, ";; Truncated, retrying in TCP mode.")?;
                self.seen.is_cut = true;
            }
            if let Some(malformed) = result.and_then(|it| it.malformed.as_ref())
                && let Some(broken) = &malformed.broken
            {
                bad_packet(&mut self.out, &broken.reason, &malformed.bytes)?;
                self.seen.last = Last::Failed;
                continue;
            }
            self.seen.last = match said {
                // It was cut, and nothing came over TCP.
                Some(result) if result.outcome == Class::Truncated && result.retried_over_tcp => {
                    let why = closed(result);
                    writeln!(
                        self.out,
                        ";; communications error to {}: {why}",
                        place(&result.server)
                    )?;
                    Last::Cut
                }
                Some(result) => self.lookup(&target, result)?,
                None if is_unreachable => Last::Unreachable,
                None => Last::Silence,
            };
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
