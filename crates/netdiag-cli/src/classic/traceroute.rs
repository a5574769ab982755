//! The options of the traceroute that Debian has.

use super::clif::{Found, Given, Known, Words};
use super::{Parsed, Refused, help};
use crate::args::value::MOST_FLOW_LABEL;
use crate::args::{Operand, TracerouteArguments};
use netdiag_model::{Family, Untrusted, parse_address};
use netdiag_ping::protocol::UDP_PORT;
use netdiag_trace::Protocol;
use std::net::IpAddr;
use std::time::Duration;

/// Its code for arguments that it does not understand, and ours for those that cannot be had.
const USAGE: u8 = 2;
const DOMAIN_PORT: u16 = 53;
const HTTP_PORT: u16 = 80;
const MOST_QUERIES: u32 = 10;
const MOST_BYTES: u32 = 65_000;
/// The longest time that anything may take: a day.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The least that is waited: that what is there already is looked at.
const LEAST_WAIT: Duration = Duration::from_millis(1);

const fn flag(short: &'static str, long: &'static str) -> Known {
    Known { short, long, value: None }
}

const fn valued(short: &'static str, long: &'static str, value: &'static str) -> Known {
    Known { short, long, value: Some(value) }
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    flag("4", ""), flag("6", ""), flag("n", ""), flag("r", ""), flag("UL", ""), flag("back", "back"),
    flag("mtu", "mtu"), flag("help", "help"), flag("d", "debug"), flag("F", "dont-fragment"),
    flag("I", "icmp"), flag("T", "tcp"), flag("U", "udp"), flag("D", "dccp"), flag("e", "extensions"),
    flag("A", "as-path-lookups"), flag("V", "version"),
    valued("f", "first", "first_ttl"), valued("g", "gateway", "gate,..."),
    valued("i", "interface", "device"), valued("m", "max-hops", "max_ttl"),
    valued("N", "sim-queries", "squeries"), valued("p", "port", "port"), valued("t", "tos", "tos"),
    valued("l", "flowlabel", "flow_label"), valued("w", "wait", "MAX,HERE,NEAR"),
    valued("q", "queries", "nqueries"), valued("s", "source", "src_addr"),
    valued("z", "sendwait", "sendwait"), valued("M", "module", "name"),
    valued("O", "options", "OPTS,..."), valued("P", "protocol", "prot"),
    valued("sport", "sport", "num"), valued("fwmark", "fwmark", "num"),
];

/// What cannot be had, and why.
#[rustfmt::skip]
const MISSING: &[(&str, &str)] = &[
    ("A", "nobody is asked for the numbers of autonomous systems; `netdiag trace --asn-file FILE` has them \
           from a file"),
    ("D", "DCCP cannot be had"),
    ("UL", "UDP-Lite cannot be had"),
    ("P", "packets of any other protocol cannot be had"),
    ("g", "a source route cannot be had"),
    ("O", "of the options of methods there is `-T -O info`"),
];

/// What is sent, before its port is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    CountedUdp,
    Udp,
    Icmp,
    Tcp,
    Connect,
}

/// What is put together once all is read.
struct Reading {
    arguments: TracerouteArguments,
    method: Method,
    port: Option<u16>,
    first_ttl: u32,
    max_ttl: u32,
    queries: u32,
    /// MAX, HERE and NEAR.
    waits: [f64; 3],
    send_wait: f64,
    /// Of the method.
    options: Option<String>,
}

/// What the arguments after the name of the program say.
pub(super) fn parse(
    words: Vec<String>,
    is_v6: bool,
) -> Result<Parsed<TracerouteArguments>, Refused> {
    if words.is_empty() {
        return Ok(Parsed::Said(help::TRACEROUTE.trim_end().to_owned()));
    }
    let mut reading = Reading {
        arguments: TracerouteArguments::new(),
        method: Method::CountedUdp,
        port: None,
        first_ttl: 1,
        max_ttl: 30,
        queries: 3,
        waits: [5.0, 3.0, 10.0],
        send_wait: 0.0,
        options: None,
    };
    reading.arguments.family = is_v6.then_some(Family::Ipv6);
    let mut operands = Vec::new();
    for found in Words::new(KNOWN, words) {
        match found.map_err(usage)? {
            Found::Operand(text, place) => operands.push(Operand { text, place }),
            Found::Flag("V") => return Ok(Parsed::Said(help::traceroute_version())),
            Found::Flag("help") => {
                return Ok(Parsed::Said(help::TRACEROUTE.trim_end().to_owned()));
            }
            Found::Flag(name) => reading.flag(name)?,
            Found::Value(given) => reading.set(&given)?,
        }
    }
    reading.operands(operands)?;
    reading.finish().map(|arguments| Parsed::Run(Box::new(arguments)))
}

impl Reading {
    fn flag(&mut self, name: &'static str) -> Result<(), Refused> {
        let arguments = &mut self.arguments;
        match name {
            "4" => arguments.family = Some(Family::Ipv4),
            "6" => arguments.family = Some(Family::Ipv6),
            "n" => arguments.numeric = true,
            "r" => arguments.direct = true,
            "back" => arguments.back = true,
            "d" => arguments.debug = true,
            "F" => arguments.dont_fragment = true,
            "mtu" => arguments.finds_mtu = true,
            "e" => arguments.extensions = true,
            "I" => self.method = Method::Icmp,
            "T" => self.method = Method::Tcp,
            "U" => self.method = Method::Udp,
            _ => return Err(missing(name)),
        }
        Ok(())
    }

    fn set(&mut self, given: &Given) -> Result<(), Refused> {
        let arguments = &mut self.arguments;
        let text = given.text.as_str();
        match given.name {
            "f" => self.first_ttl = whole(given)?,
            "m" => self.max_ttl = whole(given)?,
            "q" => self.queries = whole(given)?,
            "N" => arguments.at_once = whole(given)?.max(1),
            // What is too large is cut, as it is there; 0 is none.
            "p" => self.port = Some(whole(given)? as u16).filter(|port| *port > 0),
            "sport" => {
                arguments.source_port = Some(whole(given)? as u16).filter(|port| *port > 0);
            }
            "t" => arguments.tos = Some(whole(given)? as u8),
            "l" => arguments.flow_label = Some(whole(given)? & MOST_FLOW_LABEL),
            "fwmark" => arguments.mark = Some(whole(given)?),
            "i" => arguments.interface = Some(text.to_owned()).filter(|name| !name.is_empty()),
            "s" => arguments.source = Some(source(given)?),
            "w" => self.waits = waits(given)?,
            "O" => self.options = Some(text.to_owned()),
            "z" => self.send_wait = float(text).ok_or_else(|| usage(given.refused()))?,
            "M" => {
                self.method = match text {
                    "default" => Method::CountedUdp,
                    "udp" => Method::Udp,
                    "icmp" => Method::Icmp,
                    "tcp" => Method::Tcp,
                    "tcpconn" => Method::Connect,
                    "dccp" => return Err(missing("D")),
                    "udplite" => return Err(missing("UL")),
                    "raw" => return Err(missing("P")),
                    _ => {
                        let shown = Untrusted::from(text);
                        return Err(usage(format!(
                            "Unknown traceroute module {}",
                            shown.escaped()
                        )));
                    }
                };
            }
            name => return Err(missing(name)),
        }
        Ok(())
    }

    fn operands(&mut self, operands: Vec<Operand>) -> Result<(), Refused> {
        let mut operands = operands.into_iter();
        let host = operands.next();
        self.arguments.host =
            host.ok_or_else(|| usage("Specify \"host\" missing argument.".to_owned()))?;
        let size = operands.next();
        if let Some(Operand { text, place }) = operands.next() {
            let text = Untrusted::from(text);
            let said = format!("Extra arg `{}' (position 3, argc {place})", text.escaped());
            return Err(usage(said));
        }
        let Some(Operand { text, place }) = size else { return Ok(()) };
        let bytes = integer(&text).ok_or_else(|| {
            let text = Untrusted::from(text.as_str());
            usage(format!(
                "Cannot handle \"packetlen\" cmdline arg `{}' on position 2 (argc {place})",
                text.escaped()
            ))
        })?;
        self.arguments.bytes = Some(bytes as u32);
        Ok(())
    }

    /// What does not go together, in the order in which traceroute finds it.
    fn finish(self) -> Result<TracerouteArguments, Refused> {
        let Self { mut arguments, first_ttl, max_ttl, queries, waits, send_wait, .. } = self;
        let max_ttl = u8::try_from(max_ttl)
            .map_err(|_| usage("max hops cannot be more than 255".to_owned()))?;
        let first_ttl = u8::try_from(first_ttl).ok().filter(|ttl| (1..=max_ttl).contains(ttl));
        let first_ttl = first_ttl.ok_or_else(|| usage("first hop out of range".to_owned()))?;
        if !(1..=MOST_QUERIES).contains(&queries) {
            return Err(usage("no more than 10 probes per hop".to_owned()));
        }
        let [max, here, near] = waits;
        if waits.iter().any(|wait| *wait < 0.0 || wait.is_nan()) {
            return Err(usage(format!("bad wait specifications `{max},{here},{near}' used")));
        }
        if let Some(bytes) = arguments.bytes.filter(|bytes| *bytes > MOST_BYTES) {
            return Err(usage(format!("too big packetlen {bytes} specified")));
        }
        if send_wait < 0.0 || send_wait.is_nan() {
            return Err(usage(format!("bad sendtime `{send_wait}' specified")));
        }
        arguments.protocol = self.method.protocol(self.port)?;
        arguments.flags = match (self.method, self.options.as_deref()) {
            (_, None) => false,
            (Method::Tcp, Some("info")) => true,
            _ => return Err(missing("O")),
        };
        arguments.connects = self.method == Method::Connect;
        arguments.vary_port = self.method == Method::CountedUdp;
        (arguments.first_ttl, arguments.max_ttl) = (first_ttl, max_ttl);
        arguments.queries = queries.into();
        arguments.wait = seconds(max).max(LEAST_WAIT);
        (arguments.here, arguments.near) = ((here * 1e3) as u64, (near * 1e3) as u64);
        // So few are seconds, more are milliseconds.
        const MOST_SECONDS: f64 = 10.0;
        let unit = if send_wait > MOST_SECONDS { 1e-3 } else { 1.0 };
        arguments.spacing = seconds(send_wait * unit);
        if arguments.finds_mtu {
            arguments.dont_fragment = true;
            arguments.bytes.get_or_insert(MOST_BYTES);
        }
        if arguments.source_port.is_some() || arguments.finds_mtu {
            arguments.at_once = 1;
        }
        check(&arguments)?;
        Ok(arguments)
    }
}

impl Method {
    fn protocol(self, port: Option<u16>) -> Result<Protocol, Refused> {
        Ok(match self {
            Self::CountedUdp => Protocol::Udp { port: port.unwrap_or(UDP_PORT) },
            Self::Udp => Protocol::Udp { port: port.unwrap_or(DOMAIN_PORT) },
            Self::Tcp | Self::Connect => Protocol::Tcp { port: port.unwrap_or(HTTP_PORT) },
            Self::Icmp if port.is_some() => {
                let why = "-p: with ICMP the first sequence number cannot be chosen";
                return Err(usage(why.to_owned()));
            }
            Self::Icmp => Protocol::Icmp,
        })
    }
}

/// What there is not for every method.
fn check(arguments: &TracerouteArguments) -> Result<(), Refused> {
    let is_udp = matches!(arguments.protocol, Protocol::Udp { .. });
    let why = match () {
        () if arguments.source_port.is_some() && !is_udp => "--sport: only with UDP can it be had",
        () if arguments.mark.is_some() && arguments.is_tcp() => "--fwmark: not with TCP",
        () if arguments.direct && arguments.is_tcp() => "-r: not with TCP",
        () if arguments.flow_label.is_some() && arguments.is_tcp() => "-l: not with TCP",
        () => return Ok(()),
    };
    Err(usage(why.to_owned()))
}

fn usage(message: String) -> Refused {
    Refused::new(USAGE, message)
}

fn missing(name: &str) -> Refused {
    let found = MISSING.iter().find(|(missing, _)| *missing == name);
    let why = found.map_or("cannot be had", |(_, why)| why);
    usage(format!("-{name}: {why}"))
}

/// A whole number of 32 bits; of larger ones those bits.
fn whole(given: &Given) -> Result<u32, Refused> {
    integer(&given.text).map(|number| number as u32).ok_or_else(|| usage(given.refused()))
}

/// A whole number, hexadecimal with `0x` and octal with `0` (strtol(3) with base 0).
fn integer(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, base) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits.get(1..)?, 8),
        None => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    // Only that it is too large can be wrong now.
    Some(i64::from_str_radix(digits, base).unwrap_or(i64::MAX).saturating_mul(sign))
}

/// A number with a fraction (strtod(3), of hexadecimal only whole numbers).
fn float(text: &str) -> Option<f64> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    if text.contains(['x', 'X']) {
        return integer(text).map(|number| number as f64);
    }
    text.parse().ok()
}

/// `MAX,HERE,NEAR`, or less of them: what is not said does not matter.
fn waits(given: &Given) -> Result<[f64; 3], Refused> {
    let mut waits = [0.0; 3];
    let parts: Option<Vec<f64>> = given.text.split(',').map(float).collect();
    let parts = parts.filter(|parts| parts.len() <= waits.len());
    let parts = parts.ok_or_else(|| usage(given.refused()))?;
    waits.iter_mut().zip(parts).for_each(|(wait, part)| *wait = part);
    Ok(waits)
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(LONGEST).min(LONGEST)
}

fn source(given: &Given) -> Result<IpAddr, Refused> {
    parse_address(&given.text).ok_or_else(|| {
        let said = "a source is an address here, no name";
        usage(format!(
            "{}: {said}\n{}",
            Untrusted::from(given.text.as_str()).escaped(),
            given.refused()
        ))
    })
}
