//! The options of the mtr that Debian has.

use super::getopt::{Found, Options};
use super::{Parsed, Refused, help};
use crate::args::ClassicMtrArguments;
use netdiag_model::{Family, Untrusted};
use netdiag_report::trace::mtr::{ClassicForm, Order};
use netdiag_trace::Protocol;
use std::time::Duration;

/// Those with a value have a colon behind them. What has no letter has one that cannot be typed.
const LETTERS: &str = "hv46F:rwxtlCjD:pnbo:y:zi:c:s:B:Q:eI:a:f:m:U:uTSP:L:Z:G:M:";

/// Each with its letter, in mtr's order.
#[rustfmt::skip]
const NAMES: &[(&str, char)] = &[
    ("help", 'h'), ("version", 'v'), ("inet", '4'), ("inet6", '6'), ("filename", 'F'),
    ("report", 'r'), ("report-wide", 'w'), ("xml", 'x'), ("curses", 't'), ("raw", 'l'),
    ("csv", 'C'), ("json", 'j'), ("displaymode", 'D'), ("split", 'p'), ("no-dns", 'n'),
    ("show-ips", 'b'), ("order", 'o'), ("ipinfo", 'y'), ("aslookup", 'z'), ("interval", 'i'),
    ("report-cycles", 'c'), ("psize", 's'), ("bitpattern", 'B'), ("tos", 'Q'), ("mpls", 'e'),
    ("interface", 'I'), ("address", 'a'), ("first-ttl", 'f'), ("max-ttl", 'm'),
    ("max-unknown", 'U'), ("udp", 'u'), ("tcp", 'T'), ("sctp", 'S'), ("port", 'P'),
    ("localport", 'L'), ("timeout", 'Z'), ("gracetime", 'G'), ("mark", 'M'),
];

/// What this program has not, and why.
const MISSING: &[(char, &str)] = &[
    ('p', "-p: there is no split form of the output here"),
    ('y', "-y: nobody is asked about addresses here; `netdiag mtr --asn-file FILE` has AS numbers"),
    ('z', "-z: nobody is asked about addresses here; `netdiag mtr --asn-file FILE` has AS numbers"),
    ('S', "-S: there is no SCTP here"),
    ('D', "--displaymode: there is only the first one here"),
];

/// mtr's only code for what does not succeed.
const FAILURE: u8 = 1;
/// So many columns.
const MOST_COLUMNS: usize = 20;
/// Ports below belong to root.
const LEAST_SOURCE_PORT: u32 = 1_024;
const MOST_PORT: u32 = u16::MAX as u32;
/// As many hops as there can be.
const MOST_HOPS: u32 = 255;
const MOST: u32 = i32::MAX as u32;
/// A time that nobody waits for.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
/// How many rounds a report has.
const ROUNDS: u64 = 10;

/// What the arguments after the name of the program say.
pub(super) fn parse(
    program: Untrusted,
    words: Vec<String>,
    may_flood: bool,
) -> Result<Parsed<ClassicMtrArguments>, Refused> {
    let mut arguments = ClassicMtrArguments::new(program);
    for found in Options::abbreviated(LETTERS, NAMES, words) {
        let found = found.map_err(|message| Refused {
            message: Some(message),
            then: help::MTR,
            code: FAILURE,
        })?;
        match found {
            Found::Operand(word) => arguments.hosts.push(word),
            Found::Flag('h') => return Ok(Parsed::Said(help::MTR.trim_end().to_owned())),
            Found::Flag('v') => return Ok(Parsed::Said(help::mtr_version())),
            Found::Flag(letter) => flag(&mut arguments, letter)?,
            Found::Value(letter, text) => set(&mut arguments, letter, &text, may_flood)?,
        }
    }
    if arguments.form.is_some() {
        arguments.rounds.get_or_insert(ROUNDS);
    }
    if arguments.hosts.is_empty() && arguments.file.is_none() {
        arguments.hosts.push("localhost".to_owned());
    }
    Ok(Parsed::Run(Box::new(arguments)))
}

fn flag(arguments: &mut ClassicMtrArguments, letter: char) -> Result<(), Refused> {
    match letter {
        '4' => arguments.family = Some(Family::Ipv4),
        '6' => arguments.family = Some(Family::Ipv6),
        'r' => arguments.form = Some(ClassicForm::Report),
        'w' => (arguments.wide, arguments.form) = (true, Some(ClassicForm::Report)),
        'x' => arguments.form = Some(ClassicForm::Xml),
        'l' => arguments.form = Some(ClassicForm::Raw),
        'C' => arguments.form = Some(ClassicForm::Csv),
        'j' => arguments.form = Some(ClassicForm::Json),
        't' => arguments.form = None,
        'n' => arguments.numeric = true,
        'b' => arguments.show_ips = true,
        'e' => arguments.labels = true,
        'u' | 'T' if arguments.protocol != Protocol::Icmp => {
            return Err(refused("-u , -T and -S are mutually exclusive"));
        }
        'u' => arguments.protocol = Protocol::Udp { port: 0 },
        'T' => arguments.protocol = Protocol::Tcp { port: 0 },
        letter => return Err(missing(letter)),
    }
    Ok(())
}

fn set(
    arguments: &mut ClassicMtrArguments,
    letter: char,
    text: &str,
    may_flood: bool,
) -> Result<(), Refused> {
    let number = || whole(text, MOST);
    match letter {
        'F' => arguments.file = Some(text.to_owned()),
        'I' => arguments.interface = Some(text.to_owned()),
        'a' => arguments.source = Some(text.to_owned()),
        'M' => arguments.mark = Some(whole(text, u32::MAX)?),
        'c' => arguments.rounds = Some(number()?.into()),
        's' => arguments.bytes = number()?,
        'B' => arguments.pattern = u8::try_from(number()?).ok(),
        'Q' => arguments.tos = u8::try_from(number()?).unwrap_or(0),
        'Z' => arguments.timeout = seconds(f64::from(number()?)),
        'U' => arguments.max_silent = number()?.max(1) as usize,
        'f' => arguments.first_ttl = ttl(number()?).min(arguments.max_ttl),
        'm' => {
            arguments.max_ttl = ttl(number()?);
            arguments.first_ttl = arguments.first_ttl.min(arguments.max_ttl);
        }
        'P' => arguments.port = Some(port(number()?, 1)?),
        'L' => arguments.source_port = Some(port(number()?, LEAST_SOURCE_PORT)?),
        'G' => arguments.grace = time(text)?,
        'i' => {
            arguments.interval = time(text)?;
            if !may_flood && arguments.interval < Duration::from_secs(1) {
                let said = "non-root users cannot request an interval < 1.0 seconds";
                return Err(refused(said));
            }
        }
        'o' => arguments.order = order(text)?,
        'y' | 'D' => {
            let number = number()?;
            return match letter {
                'y' if number > 4 => Err(refused(&format!("value {number} out of range (0 - 4)"))),
                'D' if number > 2 => Err(refused(&format!("value out of range (0 - 2): {number}"))),
                'D' if number == 0 => Ok(()),
                letter => Err(missing(letter)),
            };
        }
        letter => return Err(missing(letter)),
    }
    Ok(())
}

fn order(text: &str) -> Result<Order, Refused> {
    let shown = Untrusted::from(text);
    if text.chars().count() > MOST_COLUMNS {
        return Err(refused(&format!("Too many fields: {}", shown.escaped())));
    }
    Order::of_mtr(text).map_err(|letter| {
        let letter = Untrusted::from(letter.to_string());
        refused(&format!("Unknown field identifier: {}", letter.escaped()))
    })
}

fn port(number: u32, least: u32) -> Result<u16, Refused> {
    let port = u16::try_from(number).ok().filter(|_| (least..=MOST_PORT).contains(&number));
    port.ok_or_else(|| refused(&format!("Illegal port number: {number}")))
}

fn ttl(number: u32) -> u8 {
    u8::try_from(number.clamp(1, MOST_HOPS)).unwrap_or(u8::MAX)
}

/// A whole decimal number from 0 to the most.
fn whole(text: &str, most: u32) -> Result<u32, Refused> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let number = digits.parse::<u32>().ok().filter(|number| *number <= most);
    number.ok_or_else(|| invalid(text))
}

/// Seconds with a fraction, more than none.
fn time(text: &str) -> Result<Duration, Refused> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let number: f64 = digits.parse().map_err(|_| invalid(text))?;
    if number <= 0.0 || number.is_nan() {
        return Err(refused("wait time must be positive"));
    }
    Ok(seconds(number))
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(LONGEST).min(LONGEST)
}

fn invalid(text: &str) -> Refused {
    refused(&format!("invalid argument: '{}'", Untrusted::from(text).escaped()))
}

fn missing(letter: char) -> Refused {
    let why = MISSING.iter().find(|(missing, _)| *missing == letter);
    refused(why.map_or("an option that cannot be had", |(_, why)| why))
}

fn refused(message: &str) -> Refused {
    Refused::new(FAILURE, message)
}
