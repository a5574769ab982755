//! The options of iputils' ping.

use super::getopt::{Found, Options};
use super::{Parsed, Refused, help, number};
use crate::args::ping::{Missing, PingArguments};
use crate::args::value::{self, IpStamps, Timeout};
use crate::world::DontFragment;
use netdiag_model::{Family, Untrusted};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// As iputils hands them to getopt(3).
const LETTERS: &str = "h?4bRT:6F:N:aABc:CdDe:fI:i:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:";
/// How many bytes of a pattern are taken.
const PATTERN_DIGITS: usize = 32;
/// At how many addresses time stamps can be wanted.
const MOST_STAMPED: usize = 4;
/// The largest data of a packet.
const MOST_DATA: u16 = 65_527;
/// What nodes can be asked.
const QUESTIONS: [&str; 9] = [
    "name",
    "ipv6",
    "ipv6-all",
    "ipv6-compatible",
    "ipv6-global",
    "ipv6-linklocal",
    "ipv6-sitelocal",
    "ipv4",
    "ipv4-all",
];
/// The most requests at once of a user who is not root.
const MOST_PRELOAD: u64 = 3;

/// What the arguments after the name of the program say, which may ask for a family: `ping6`.
pub(super) fn parse(
    words: Vec<String>,
    family: Option<Family>,
    may_flood: bool,
) -> Result<Parsed<PingArguments>, Refused> {
    let mut arguments = PingArguments::classic();
    arguments.ipv4 = family == Some(Family::Ipv4);
    arguments.ipv6 = family == Some(Family::Ipv6);
    let (mut hosts, mut own) = (Vec::new(), Own::default());
    for found in Options::new(LETTERS, words) {
        match found.map_err(|message| usage(Some(message)))? {
            Found::Operand(word) => hosts.push(word),
            Found::Flag('V') => return Ok(Parsed::Said(help::version())),
            Found::Flag('C') => own.connects = true,
            Found::Value('N', text) if text == "help" => {
                return Ok(Parsed::Said(help::NODE_INFORMATION.trim_end().to_owned()));
            }
            Found::Value('N', text) => own.asks |= node_information(&text)?,
            Found::Flag(letter) => flag(&mut arguments, letter)?,
            Found::Value(letter, text) => set(&mut arguments, letter, &text)?,
        }
        if !may_flood && arguments.preload > MOST_PRELOAD {
            let preload = arguments.preload;
            let said = format!("cannot set preload to value greater than 3: {preload}");
            return Err(Refused::new(2, said));
        }
    }
    set_stamps(&mut arguments, &mut hosts)?;
    match hosts.len() {
        0 => Err(Refused::new(1, "usage error: Destination address required")),
        1 => {
            arguments.hosts = hosts;
            check_hop_limit(&mut arguments)?;
            own.check(&arguments)?;
            Ok(Parsed::Run(Box::new(arguments)))
        }
        _ => Err(Refused::new(2, "several destinations (a source route) cannot be had yet")),
    }
}

fn flag(arguments: &mut PingArguments, letter: char) -> Result<(), Refused> {
    let family = || Refused::new(2, "only one -4 or -6 option may be specified");
    match letter {
        '4' if arguments.ipv6 => return Err(family()),
        '6' if arguments.ipv4 => return Err(family()),
        '4' => arguments.ipv4 = true,
        '6' => arguments.ipv6 = true,
        'a' => arguments.audible = true,
        'A' => arguments.adaptive = true,
        'b' => arguments.broadcast = true,
        'B' => arguments.sticky_source = true,
        'd' => arguments.debug = true,
        'D' => arguments.dates = true,
        'f' => arguments.flood = true,
        'L' => arguments.no_loopback = true,
        'n' => arguments.numeric = true,
        'O' => arguments.outstanding = true,
        'q' => arguments.quiet = true,
        'r' => arguments.direct = true,
        'R' if arguments.ip_timestamps.is_some() => return Err(both_options()),
        'R' => arguments.record_route = true,
        'U' => arguments.user_stamps = true,
        'v' => arguments.verbose = true,
        _ => return Err(usage(None)),
    }
    Ok(())
}

fn set(arguments: &mut PingArguments, letter: char, text: &str) -> Result<(), Refused> {
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    match letter {
        'c' => arguments.count = Some(at_least_one(text, i64::MAX)?),
        'e' => arguments.ident = Some(small(text, i64::from(u16::MAX))?),
        'i' => {
            let (interval, garbage) = number::seconds(text, "timing interval")?;
            arguments.interval = Some(interval);
            arguments.warnings.extend(garbage);
        }
        'F' => arguments.flow_label = Some(number::flow_label(text)?),
        'I' => interface(arguments, text)?,
        'l' => arguments.preload = at_least_one(text, 65_536)?,
        'm' => arguments.mark = Some(small(text, i64::from(u32::MAX))?),
        'M' => {
            arguments.df = Some(match text {
                "do" => DontFragment::Do,
                "dont" => DontFragment::Dont,
                "want" => DontFragment::Want,
                _ => return Err(Refused::new(2, format!("invalid -M argument: {shown}"))),
            });
        }
        'p' => {
            let rest = text.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
            let digits = text.get(..text.len().min(PATTERN_DIGITS)).filter(|_| rest.is_empty());
            let pattern = digits.and_then(|digits| value::pattern(digits).ok());
            let rest = Untrusted::from(rest);
            let wrong = || format!("patterns must be specified as hex digits: {}", rest.escaped());
            arguments.pattern = Some(pattern.ok_or_else(|| Refused::new(2, wrong()))?);
        }
        'Q' => arguments.tos = Some(number::tos(text)?),
        's' => arguments.size = Some(size(text)?),
        'S' => arguments.send_buffer = Some(at_least_one(text, i64::from(i32::MAX))?),
        't' => arguments.ttl = Some(small(text, i64::from(u8::MAX))?),
        'T' if arguments.record_route => return Err(both_options()),
        'T' => {
            arguments.ip_timestamps = Some(match text {
                "tsonly" => IpStamps::Only,
                "tsandaddr" => IpStamps::WithAddresses,
                "tsprespec" => IpStamps::At(Vec::new()),
                _ => return Err(Refused::new(2, format!("invalid timestamp type: {shown}"))),
            });
        }
        'w' => {
            let seconds: u32 = small(text, i64::from(i32::MAX))?;
            let deadline = Duration::from_secs(seconds.into());
            arguments.deadline = Some(deadline).filter(|deadline| !deadline.is_zero());
        }
        'W' => {
            let (duration, garbage) = number::seconds(text, "linger time")?;
            arguments.warnings.extend(garbage);
            arguments.timeout = Some(Timeout { duration, bare: false });
        }
        _ => return Err(usage(None)),
    }
    Ok(())
}

/// What only iputils has, and only under its name.
#[derive(Default)]
struct Own {
    /// The socket is connected: it takes answers from the destination alone, as each run here does.
    connects: bool,
    /// Nodes are asked about themselves in place of echo requests (RFC 4620).
    asks: bool,
}

impl Own {
    /// Of what it stands for only what makes no difference can be had.
    fn check(&self, arguments: &PingArguments) -> Result<(), Refused> {
        let address = arguments.hosts.iter().find_map(|host| netdiag_model::parse_address(host));
        // From a group others answer, whom a connected socket of IPv4 does not hear.
        let is_group = address.is_some_and(|it| it.is_ipv4() && it.is_multicast());
        if self.connects && (is_group || arguments.broadcast) {
            return Err(missing('C'));
        }
        // It is not looked at where the destination is of IPv4.
        let is_v4 = arguments.ipv4 || address.is_some_and(|it| it.is_ipv4());
        if self.asks && !is_v4 { Err(missing('N')) } else { Ok(()) }
    }
}

/// Whether this is a question, and not only whom one would be about.
fn node_information(text: &str) -> Result<bool, Refused> {
    let (word, subject) = text.split_once('=').unwrap_or((text, ""));
    let is_right = match word {
        "subject-ipv4" => subject.parse::<Ipv4Addr>().is_ok(),
        "subject-ipv6" => subject.parse::<Ipv6Addr>().is_ok(),
        "subject-name" | "subject-fqdn" => !subject.is_empty(),
        _ => QUESTIONS.contains(&text),
    };
    match is_right {
        true => Ok(subject.is_empty()),
        false => Err(Refused { message: None, then: help::NODE_INFORMATION, code: 2 }),
    }
}

fn usage(message: Option<String>) -> Refused {
    Refused { message, then: help::USAGE, code: 2 }
}

fn both_options() -> Refused {
    Refused::new(2, "only one of -T or -R may be used")
}

/// With prespecified time stamps the hosts before the last one are where they are wanted.
fn set_stamps(arguments: &mut PingArguments, hosts: &mut Vec<String>) -> Result<(), Refused> {
    if arguments.record_route && hosts.len() > 1 {
        return Err(usage(None));
    }
    let Some(IpStamps::At(addresses)) = &mut arguments.ip_timestamps else { return Ok(()) };
    let before = hosts.len().saturating_sub(1);
    if before > MOST_STAMPED {
        return Err(usage(None));
    }
    for host in hosts.drain(..before) {
        let address = netdiag_model::parse_address(&host);
        let Some(IpAddr::V4(address)) = address else {
            let said = "-T tsprespec: only addresses, no names, stand before the destination";
            return Err(Refused::new(2, said));
        };
        addresses.push(address);
    }
    Ok(())
}

fn missing(letter: char) -> Refused {
    Refused::new(2, format!("-{letter}: {} cannot be had yet", Missing::meaning(letter)))
}

fn at_least_one(text: &str, most: i64) -> Result<u64, Refused> {
    number::whole(text, &(1..=most)).map(i64::cast_unsigned)
}

/// A number from 0 that fits its type.
fn small<T: TryFrom<i64>>(text: &str, most: i64) -> Result<T, Refused> {
    let number = number::whole(text, &(0..=most))?;
    T::try_from(number).map_err(|_| Refused::new(1, format!("invalid argument: '{number}'")))
}

/// The kernel refuses a TTL of 0, and takes a hop limit of 0 for its default.
fn check_hop_limit(arguments: &mut PingArguments) -> Result<(), Refused> {
    let is_v6 = arguments.ipv6 || arguments.hosts.iter().any(|host| host.contains(':'));
    match arguments.ttl {
        Some(0) if is_v6 => arguments.ttl = None,
        Some(0) => {
            return Err(Refused::new(2, "cannot set unicast time-to-live: Invalid argument"));
        }
        _ => {}
    }
    Ok(())
}

/// The bytes of data; more than fit in a packet are refused here and not by the kernel.
fn size(text: &str) -> Result<u16, Refused> {
    let size: u32 = small(text, i64::from(i32::MAX))?;
    let fits = u16::try_from(size).ok().filter(|size| *size <= MOST_DATA);
    fits.ok_or_else(|| Refused::new(2, format!("-s: {size} bytes do not fit in a packet")))
}

/// An interface, or an address; anything with a colon has to be one.
fn interface(arguments: &mut PingArguments, text: &str) -> Result<(), Refused> {
    let address = text.split('%').next().unwrap_or(text);
    if text.contains(':') && address.parse::<Ipv6Addr>().is_err() {
        let shown = Untrusted::from(text);
        return Err(Refused::new(2, format!("invalid source address: {}", shown.escaped())));
    }
    let given = if text.contains(':') { address } else { text };
    // Given twice, it can be both: the address to send from and the interface to send by.
    let as_address = |text: &str| text.parse::<IpAddr>().ok();
    match (arguments.interface.take(), as_address(given)) {
        (Some(before), source @ Some(_)) if as_address(&before).is_none() => {
            arguments.source = source;
            arguments.interface = Some(before);
        }
        (before, _) => {
            let before = before.and_then(|before| as_address(&before));
            arguments.source =
                arguments.source.or_else(|| before.filter(|_| as_address(given).is_none()));
            arguments.interface = Some(given.to_owned());
        }
    }
    Ok(())
}
