//! The options of fping.

use super::getopt::{Found, Options};
use super::{Parsed, Refused, help, scan};
use crate::args::FpingArguments;
use netdiag_model::{Family, Untrusted};

/// Those with a value have a colon behind them.
const LETTERS: &str = "46aAb:B:c:C:dDef:ghH:i:I:k:lmMnNoO:p:qQ:r:RsS:t:T:uvx:X:";

/// Each with its letter.
#[rustfmt::skip]
const NAMES: &[(&str, char)] = &[
    ("ipv4", '4'), ("ipv6", '6'), ("alive", 'a'), ("addr", 'A'), ("size", 'b'), ("backoff", 'B'),
    ("count", 'c'), ("vcount", 'C'), ("rdns", 'd'), ("timestamp", 'D'), ("elapsed", 'e'),
    ("file", 'f'), ("generate", 'g'), ("help", 'h'), ("ttl", 'H'), ("interval", 'i'),
    ("iface", 'I'), ("fwmark", 'k'), ("loop", 'l'), ("all", 'm'), ("dontfrag", 'M'), ("name", 'n'),
    ("netdata", 'N'), ("outage", 'o'), ("tos", 'O'), ("period", 'p'), ("quiet", 'q'),
    ("squiet", 'Q'), ("retry", 'r'), ("random", 'R'), ("stats", 's'), ("src", 'S'),
    ("timeout", 't'), ("unreach", 'u'), ("version", 'v'), ("reachable", 'x'),
    ("fast-reachable", 'X'),
];

/// fping's exit code for a line that it does not understand.
const NOT_UNDERSTOOD: u8 = 1;
/// Its code, by its manual page, for arguments that cannot be had.
const CANNOT_BE_HAD: u8 = 3;
/// One byte more of data is refused.
const MOST_DATA: u32 = 65_488;
const LEAST_BACKOFF: f64 = 1.0;
const MOST_BACKOFF: f64 = 5.0;
const MILLISECOND: f64 = 1e-3;

/// What the arguments after the name of the program say.
pub(super) fn parse(
    program: Untrusted,
    words: Vec<String>,
) -> Result<Parsed<FpingArguments>, Refused> {
    let name = program.escaped().to_string();
    let mut arguments = FpingArguments::new(program);
    if name.contains("fping6") {
        arguments.family = Some(Family::Ipv6);
    }
    for found in Options::with_names(LETTERS, NAMES, words) {
        let found = found.map_err(|message| Refused {
            message: Some(message),
            then: help::SEE_FPING,
            code: NOT_UNDERSTOOD,
        })?;
        match found {
            Found::Operand(word) => arguments.targets.push(word),
            Found::Flag('h') => return Ok(Parsed::Said(help::FPING.trim_end().to_owned())),
            Found::Flag('v') => return Ok(Parsed::Said(help::fping_version(&name))),
            Found::Flag(letter) => flag(&mut arguments, letter)?,
            Found::Value(letter, text) => set(&mut arguments, letter, &text)?,
        }
    }
    check(&arguments)?;
    Ok(Parsed::Run(Box::new(arguments)))
}

fn flag(arguments: &mut FpingArguments, letter: char) -> Result<(), Refused> {
    match letter {
        '4' | '6' => {
            let family = if letter == '4' { Family::Ipv4 } else { Family::Ipv6 };
            if arguments.family.is_some_and(|other| other != family) {
                return Err(refused("can't specify both -4 and -6"));
            }
            arguments.family = Some(family);
        }
        'a' => arguments.alive = true,
        'A' => arguments.addresses = true,
        'd' => arguments.all_names = true,
        'D' => arguments.dated = true,
        'e' => arguments.elapsed = true,
        'g' => arguments.generate = true,
        'l' => arguments.loops = true,
        'm' => arguments.all_addresses = true,
        'M' => arguments.dont_fragment = true,
        'n' => arguments.names = true,
        'N' => arguments.netdata = true,
        'o' => arguments.outage = true,
        'q' => arguments.quiet = true,
        'R' => arguments.random = true,
        's' => arguments.stats = true,
        'u' => arguments.unreachable = true,
        _ => return Err(usage()),
    }
    if arguments.names && arguments.all_names {
        return Err(refused("use either one of -d or -n"));
    }
    Ok(())
}

fn set(arguments: &mut FpingArguments, letter: char, text: &str) -> Result<(), Refused> {
    let ms = || scan::time(text, MILLISECOND).ok_or_else(usage);
    match letter {
        'b' => arguments.size = scan::whole(text).ok_or_else(usage)?,
        'B' => {
            arguments.backoff = scan::float(text).filter(|b| *b != 0.0).ok_or_else(usage)?;
        }
        'c' | 'C' => {
            arguments.count = Some(scan::positive(text).ok_or_else(usage)?);
            arguments.all_times |= letter == 'C';
        }
        'f' => arguments.file = Some(text.to_owned()),
        'H' => arguments.ttl = scan::positive(text).ok_or_else(usage)?,
        'i' => arguments.interval = ms()?,
        'I' => arguments.interface = Some(text.to_owned()),
        'k' => arguments.mark = Some(scan::positive(text).ok_or_else(usage)?),
        'O' => {
            let tos = scan::any_base(text).ok_or_else(usage)?;
            let tos = u8::try_from(tos).map_err(|_| {
                cannot(&format!("-O: {tos} is no byte, which no packet has room for"))
            })?;
            arguments.tos = Some(tos);
        }
        'p' => arguments.period = ms()?,
        'Q' => {
            arguments.quiet = true;
            arguments.report_every = scan::time(text, 1.0).ok_or_else(usage)?;
        }
        'r' => arguments.retries = scan::whole(text).ok_or_else(usage)?,
        'S' => {
            let shown = Untrusted::from(text);
            let said = format!("can't parse source address: {}", shown.escaped());
            arguments.source = Some(text.parse().map_err(|_| refused(&said))?);
        }
        't' => arguments.timeout = Some(ms()?),
        'T' => {}
        'x' | 'X' => {
            arguments.reachable = Some(scan::positive(text).ok_or_else(usage)?);
            arguments.fast |= letter == 'X';
        }
        _ => return Err(usage()),
    }
    Ok(())
}

/// What does not go together, in the order in which fping finds it.
fn check(arguments: &FpingArguments) -> Result<(), Refused> {
    let FpingArguments { ttl, size, backoff, .. } = arguments;
    if *ttl > u32::from(u8::MAX) {
        return Err(refused(&format!("ttl {ttl} out of range")));
    }
    if arguments.unreachable && arguments.alive {
        return Err(refused("specify only one of a, u"));
    }
    if arguments.count.is_some() && arguments.loops {
        return Err(refused("specify only one of c, l"));
    }
    if *size > MOST_DATA {
        let said = format!("data size {size} not valid, must be lower than {MOST_DATA}");
        return Err(refused(&said));
    }
    if !(LEAST_BACKOFF..=MOST_BACKOFF).contains(backoff) {
        return Err(refused(&format!(
            "backoff factor {backoff:.1} not valid, must be between {LEAST_BACKOFF:.1} and \
             {MOST_BACKOFF:.1}"
        )));
    }
    if arguments.loops && arguments.period.is_zero() {
        return Err(cannot("-l: not without a time between packets, -p 0"));
    }
    let (has_file, has_targets) = (arguments.file.is_some(), !arguments.targets.is_empty());
    let both = has_file && (has_targets || arguments.generate);
    let has_range = (1..=2).contains(&arguments.targets.len());
    if both || (arguments.generate && !has_range) {
        return Err(usage());
    }
    Ok(())
}

fn refused(message: &str) -> Refused {
    Refused::new(NOT_UNDERSTOOD, message)
}

fn cannot(message: &str) -> Refused {
    Refused::new(CANNOT_BE_HAD, message)
}

fn usage() -> Refused {
    Refused { message: None, then: help::FPING, code: NOT_UNDERSTOOD }
}
