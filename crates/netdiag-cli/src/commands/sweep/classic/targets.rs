//! fping's targets: each as often as it is named, and those without an address only warned of.

use super::super::check::{MOST_TARGETS, check_count};
use super::{CANNOT_BE_HAD, Refused, SYSTEM, UNREACHABLE};
use crate::World;
use crate::args::FpingArguments;
use crate::commands::resolve::{NO_FAMILY, NO_NAME, classic_failure, literal};
use netdiag_model::failure::LookupError;
use netdiag_model::target::{AddressRange, AddressSet};
use netdiag_model::{Destination, Family, Untrusted, errno, parse_address};
use netdiag_ping::sweep::{Given, Targets};
use std::io::{BufRead, Read, Write};
use std::net::IpAddr;
use std::time::Duration;

/// So much of a line is looked at.
const LONGEST_LINE: u64 = 4_096;
/// The most addresses from one to another.
const MOST_GENERATED: u128 = 100_001;
const EIO: i32 = 5;

/// The targets of a run, as they are found.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) targets: Targets,
    /// How many names have no address.
    pub(super) unknown: u32,
    /// The targets are those of a file, or of standard input.
    is_list: bool,
    /// Whether an address is a target twice.
    pub(super) is_shared: bool,
    seen: AddressSet,
    /// Targets whose names are wanted.
    pub(super) named: Vec<u32>,
    /// From the first name on, what has to wait until names are looked up.
    waiting: Vec<Waiting>,
}

/// What was named, in its order.
enum Waiting {
    Name(String),
    Address(IpAddr),
}

impl Gathered {
    /// Gathers all that was asked for; what has no address is told on `err`.
    pub(super) fn new<W: World>(
        arguments: &FpingArguments,
        world: &mut W,
        err: &mut dyn Write,
    ) -> Result<Self, Refused> {
        let mut all = Self::default();
        match (&arguments.file, arguments.generate, arguments.targets.as_slice()) {
            (_, true, [network]) => all.generate(hosts(network, arguments)?, arguments, err)?,
            (_, true, ends) => {
                if let Some(range) = between(ends, arguments)? {
                    all.generate(range, arguments, err)?;
                }
            }
            (None, false, targets @ [_, ..]) => {
                for target in targets {
                    all.add(target, arguments, err)?;
                }
            }
            (file, false, _) => {
                let path = file.as_deref().unwrap_or("-");
                let input = world.input(path).map_err(|fault| unreadable(arguments, &fault))?;
                all.is_list = true;
                all.read(input, arguments, err)?;
            }
        }
        all.look_up(arguments, world, err)?;
        Ok(all)
    }

    /// The first word of each line; `#` at the front makes it a comment.
    fn read(
        &mut self,
        mut input: Box<dyn BufRead>,
        arguments: &FpingArguments,
        err: &mut dyn Write,
    ) -> Result<(), Refused> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = input.by_ref().take(LONGEST_LINE);
            let got = bounded.read_until(b'\n', &mut line);
            if got.map_err(|fault| unreadable(arguments, &fault))? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            match text.split_ascii_whitespace().next() {
                Some(word) if !word.starts_with('#') => self.add(word, arguments, err)?,
                _ => {}
            }
        }
    }

    fn add(
        &mut self,
        text: &str,
        arguments: &FpingArguments,
        err: &mut dyn Write,
    ) -> Result<(), Refused> {
        let address = text.parse::<IpAddr>().ok().filter(|address| address.to_string() == text);
        let is_wanted =
            |address: &IpAddr| arguments.family.is_none_or(|family| family == Family::of(*address));
        let Some(address) = address.filter(is_wanted) else {
            self.waiting.push(Waiting::Name(text.to_owned()));
            return Ok(());
        };
        if !self.waiting.is_empty() {
            // What was named before it comes before it.
            self.waiting.push(Waiting::Address(address));
            return Ok(());
        }
        self.add_one(address, arguments, err)
    }

    /// Adds an address. In a list one that is no host keeps no other from being probed.
    fn add_one(
        &mut self,
        address: IpAddr,
        arguments: &FpingArguments,
        err: &mut dyn Write,
    ) -> Result<(), Refused> {
        let range = AddressRange::one(address);
        match objection(range, arguments).filter(|_| self.is_list) {
            Some(why) => self.pass_over(&why, arguments, err),
            None => return self.add_range(range, arguments),
        }
        Ok(())
    }

    fn pass_over(&mut self, why: &str, arguments: &FpingArguments, err: &mut dyn Write) {
        self.unknown += 1;
        let _ = writeln!(err, "{}: {why}", arguments.program.escaped());
    }

    /// Adds what `-g` stands for, which is IPv4.
    fn generate(
        &mut self,
        range: AddressRange,
        arguments: &FpingArguments,
        err: &mut dyn Write,
    ) -> Result<(), Refused> {
        if arguments.family != Some(Family::Ipv6) {
            return self.add_range(range, arguments);
        }
        check(range.count(), arguments)?;
        for address in (0..range.count()).filter_map(|place| range.nth(place)) {
            self.unknown += 1;
            if !arguments.quiet {
                let _ = writeln!(err, "{address}: {NO_FAMILY}");
            }
        }
        Ok(())
    }

    fn add_range(
        &mut self,
        range: AddressRange,
        arguments: &FpingArguments,
    ) -> Result<(), Refused> {
        if let Some(why) = objection(range, arguments) {
            return Err(cannot(arguments, &why));
        }
        let first = self.targets.len();
        check(u128::from(first) + range.count(), arguments)?;
        self.targets.push_range(range);
        self.see(range);
        if arguments.names || arguments.all_names {
            self.named.extend(first..self.targets.len());
        }
        Ok(())
    }

    fn see(&mut self, range: AddressRange) {
        let new: u128 = self.seen.insert(range).iter().map(AddressRange::count).sum();
        self.is_shared |= new < range.count();
    }

    fn look_up<W: World>(
        &mut self,
        arguments: &FpingArguments,
        world: &mut W,
        err: &mut dyn Write,
    ) -> Result<(), Refused> {
        let waiting = std::mem::take(&mut self.waiting);
        let names = waiting.iter().filter_map(|waiting| match waiting {
            Waiting::Name(name) => Some(name.clone()),
            Waiting::Address(_) => None,
        });
        let names: Vec<String> = names.collect();
        if names.is_empty() {
            return Ok(());
        }
        let mut found = world.resolve(&names, arguments.family, Duration::MAX).into_iter();
        for waiting in waiting {
            let name = match waiting {
                Waiting::Name(name) => name,
                Waiting::Address(address) => {
                    self.add_one(address, arguments, err)?;
                    continue;
                }
            };
            match found.next().map_or(Err(LookupError::Interrupted), |(found, _)| found) {
                Ok(found) => {
                    let wanted = if arguments.all_addresses { found.len() } else { 1 };
                    for destination in found.into_iter().take(wanted) {
                        self.add_found(&name, destination, arguments, err)?;
                    }
                }
                Err(error) => {
                    self.unknown += 1;
                    if !arguments.quiet {
                        let _ =
                            writeln!(err, "{}", classic_failure(&name, arguments.family, &error));
                    }
                }
            }
        }
        Ok(())
    }

    fn add_found(
        &mut self,
        name: &str,
        destination: Destination,
        arguments: &FpingArguments,
        err: &mut dyn Write,
    ) -> Result<(), Refused> {
        let range = AddressRange::one(destination.address());
        if let Some(why) = objection(range, arguments) {
            if !self.is_list {
                return Err(cannot(arguments, &why));
            }
            self.pass_over(&format!("{}: {why}", Untrusted::from(name).escaped()), arguments, err);
            return Ok(());
        }
        check(u128::from(self.targets.len()) + 1, arguments)?;
        if arguments.all_names || (arguments.names && literal(name).is_some()) {
            self.named.push(self.targets.len());
        }
        self.see(AddressRange::one(destination.address()));
        let (text, destination) = (Untrusted::from(name), Some(destination));
        self.targets.push_given(Given { text, destination, failure: None });
        Ok(())
    }
}

fn check(count: u128, arguments: &FpingArguments) -> Result<(), Refused> {
    check_count(count, MOST_TARGETS).map_err(|why| cannot(arguments, &why))
}

/// What fping would probe and netdiag does not, since no answer could be told from others.
fn objection(range: AddressRange, arguments: &FpingArguments) -> Option<String> {
    let first = range.first();
    if first.is_unspecified() {
        return Some(format!("{first}: the unspecified address is no host"));
    }
    if first.is_multicast() || range.last().is_multicast() {
        return Some(format!("{first}: a sweep probes hosts, no multicast"));
    }
    let source = arguments.source.map(Family::of)?;
    (source != Family::of(first)).then(|| format!("{first}: not of the family of -S"))
}

fn cannot(arguments: &FpingArguments, why: &str) -> Refused {
    Refused::new(CANNOT_BE_HAD, format!("{}: {why}", arguments.program.escaped()))
}

fn unreadable(arguments: &FpingArguments, fault: &std::io::Error) -> Refused {
    let (program, why) =
        (arguments.program.escaped(), errno::text(fault.raw_os_error().unwrap_or(EIO)));
    Refused::new(SYSTEM, format!("{program}: fopen : {why}"))
}

/// The hosts of `ADDRESS/LENGTH`.
fn hosts(network: &str, arguments: &FpingArguments) -> Result<AddressRange, Refused> {
    let program = arguments.program.escaped();
    let Some((address, length)) = network.split_once('/') else {
        return Err(Refused::new(UNREACHABLE, crate::classic::FPING_USAGE.trim_end()));
    };
    let address = end(address, arguments, ",")?;
    let digits = length.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    let bits = digits.parse::<u8>().ok().filter(|bits| (1..=32).contains(bits));
    let bits = bits.ok_or_else(|| {
        let shown = Untrusted::from(length);
        let shown = shown.escaped();
        let said = format!("{program}: netmask must be between 1 and 32 (is: {shown})");
        Refused::new(UNREACHABLE, said)
    })?;
    Ok(AddressRange::hosts(address, bits))
}

/// From one address to another; `None` where that is before the first.
fn between(ends: &[String], arguments: &FpingArguments) -> Result<Option<AddressRange>, Refused> {
    let program = arguments.program.escaped();
    let [first, last] = ends else { return Ok(None) };
    let (first, last) = (end(first, arguments, ":")?, end(last, arguments, ":")?);
    match AddressRange::new(first, last) {
        Some(range) if range.count() > MOST_GENERATED => {
            let said = format!("{program}: -g parameter generates too many addresses");
            Err(Refused::new(UNREACHABLE, said))
        }
        range => Ok(range),
    }
}

/// An IPv4 address; fping's two messages about one that is none differ in a sign.
fn end(text: &str, arguments: &FpingArguments, sign: &str) -> Result<IpAddr, Refused> {
    let program = arguments.program.escaped();
    let shown = Untrusted::from(text);
    let shown = shown.escaped();
    let none = |why: &str| {
        let said = format!("{program}{sign} can't parse address {shown}: {why}");
        Refused::new(UNREACHABLE, said)
    };
    let address = parse_address(text).ok_or_else(|| none(NO_NAME))?;
    if address.is_ipv6() {
        let said = format!("{program}: -g works only with IPv4 addresses");
        return Err(Refused::new(UNREACHABLE, said));
    }
    Ok(address)
}
