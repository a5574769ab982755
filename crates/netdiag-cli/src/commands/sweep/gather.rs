//! From what was written to the targets of a run: files read, names looked up, each address once.

use super::check::{self, Checked};
use crate::World;
use crate::args::SweepArguments;
use crate::commands::resolve::{is_unknown, lookup_failure};
use netdiag_model::failure::LookupError;
use netdiag_model::target::{AddressRange, AddressSet, TargetSpec};
use netdiag_model::{Destination, Family, Untrusted};
use netdiag_ping::sweep::{Given, Targets};
use std::collections::BTreeSet;
use std::io::{BufRead, Read, Write};

/// How many names are looked up together.
const AT_ONCE: usize = 256;
/// How many lines that are no targets are named.
const LINES_TOLD: u64 = 100;
/// The longest line of a file that is taken for a target.
const LONGEST_LINE: u64 = 4_096;

/// The targets of a run, as they are found.
pub(super) struct Gathered {
    pub(super) targets: Targets,
    /// Targets of which nobody could be asked for their address.
    pub(super) unmeasured: BTreeSet<u32>,
    /// Lines of the file that are no targets.
    pub(super) bad_lines: u64,
    seen: AddressSet,
    /// The run was ended while names were looked up: nothing more is read.
    pub(super) interrupted: bool,
    names: BTreeSet<String>,
    /// Names to be looked up.
    waiting: Vec<String>,
    excluded: AddressSet,
    most: u128,
}

impl Gathered {
    /// Gathers all that was asked for. What is wrong with a line of the file is told on `err`.
    pub(super) fn new<W: World>(
        arguments: &SweepArguments,
        checked: &Checked,
        world: &mut W,
        err: &mut dyn Write,
    ) -> Result<Self, String> {
        let mut all = Self {
            targets: Targets::default(),
            unmeasured: BTreeSet::new(),
            bad_lines: 0,
            seen: AddressSet::default(),
            interrupted: false,
            names: BTreeSet::new(),
            waiting: Vec::new(),
            excluded: AddressSet::default(),
            most: checked.most,
        };
        for spec in &checked.exclude {
            all.exclude(spec, world)?;
        }
        for spec in &checked.targets {
            all.add(spec, arguments, world)?;
        }
        if let Some(path) = arguments.file.as_ref().filter(|_| !all.interrupted) {
            let input = world.input(path).map_err(|fault| unreadable(path, &fault))?;
            all.read(path, input, arguments, world, err)?;
        }
        all.look_up(arguments, world)?;
        Ok(all)
    }

    fn exclude<W: World>(&mut self, spec: &TargetSpec, world: &mut W) -> Result<(), String> {
        match spec {
            TargetSpec::Address(address) => drop(self.excluded.insert(AddressRange::one(*address))),
            TargetSpec::Range(range) => drop(self.excluded.insert(*range)),
            TargetSpec::Name(name) => {
                let found = world.resolve(std::slice::from_ref(name), None).pop();
                let (found, _) = found.ok_or("--exclude: nobody looks names up")?;
                let found = found.map_err(|error| {
                    format!("--exclude: {}", lookup_failure(name, &error).message)
                })?;
                for destination in found {
                    self.excluded.insert(AddressRange::one(destination.address()));
                }
            }
        }
        Ok(())
    }

    /// Reads targets, one a line. One that is none does not keep the others from being probed.
    fn read<W: World>(
        &mut self,
        path: &str,
        mut input: Box<dyn BufRead>,
        arguments: &SweepArguments,
        world: &mut W,
        err: &mut dyn Write,
    ) -> Result<(), String> {
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            let mut bounded = input.by_ref().take(LONGEST_LINE);
            let got =
                bounded.read_until(b'\n', &mut line).map_err(|fault| unreadable(path, &fault))?;
            if got == 0 || self.interrupted {
                break;
            }
            if !line.ends_with(b"\n") && got as u64 == LONGEST_LINE {
                skip_line(&mut input).map_err(|fault| unreadable(path, &fault))?;
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let spec = check::parse(text).and_then(|spec| {
                check::check_family(&spec, arguments)?;
                Ok(spec)
            });
            match spec {
                Ok(spec) => self.add(&spec, arguments, world)?,
                Err(why) => {
                    self.bad_lines += 1;
                    if self.bad_lines <= LINES_TOLD {
                        let path = Untrusted::from(path);
                        let _ =
                            writeln!(err, "{}: {}:{number}: {why}", super::PROGRAM, path.escaped());
                    }
                }
            }
        }
        if let Some(more) = self.bad_lines.checked_sub(LINES_TOLD).filter(|more| *more > 0) {
            let _ = writeln!(err, "{}: {more} more lines are no targets", super::PROGRAM);
        }
        Ok(())
    }

    fn add<W: World>(
        &mut self,
        spec: &TargetSpec,
        arguments: &SweepArguments,
        world: &mut W,
    ) -> Result<(), String> {
        if let TargetSpec::Name(name) = spec {
            if self.names.insert(name.to_ascii_lowercase()) {
                self.waiting.push(name.clone());
            }
            return match self.waiting.len() {
                AT_ONCE.. => self.look_up(arguments, world),
                _ => Ok(()),
            };
        }
        // What was named before it comes before it.
        self.look_up(arguments, world)?;
        match spec {
            TargetSpec::Address(address) => self.add_range(AddressRange::one(*address)),
            TargetSpec::Range(range) => self.add_range(*range),
            TargetSpec::Name(_) => Ok(()),
        }
    }

    fn add_range(&mut self, range: AddressRange) -> Result<(), String> {
        for part in self.excluded.missing(range) {
            for new in self.seen.insert(part) {
                check::check_count(u128::from(self.targets.len()) + new.count(), self.most)?;
                self.targets.push_range(new);
            }
        }
        Ok(())
    }

    /// Looks up the names that wait, all at once, and adds them in their order.
    fn look_up<W: World>(
        &mut self,
        arguments: &SweepArguments,
        world: &mut W,
    ) -> Result<(), String> {
        if self.waiting.is_empty() || self.interrupted {
            return Ok(());
        }
        let family = match (arguments.ipv4, arguments.ipv6, arguments.source) {
            (true, ..) => Some(Family::Ipv4),
            (_, true, _) => Some(Family::Ipv6),
            (.., source) => source.map(Family::of),
        };
        let names = std::mem::take(&mut self.waiting);
        for (name, (found, _)) in names.iter().zip(world.resolve(&names, family)) {
            self.add_name(name, found, arguments)?;
        }
        Ok(())
    }

    fn add_name(
        &mut self,
        name: &str,
        found: Result<Vec<Destination>, LookupError>,
        arguments: &SweepArguments,
    ) -> Result<(), String> {
        check::check_count(u128::from(self.targets.len()) + 1, self.most)?;
        let text = Untrusted::from(name);
        match found {
            Ok(found) => {
                let wanted = if arguments.all_addresses { found.len() } else { 1 };
                for destination in found.into_iter().take(wanted) {
                    self.add_found(&text, destination)?;
                }
            }
            Err(error) => {
                self.interrupted |= error == LookupError::Interrupted;
                if is_unknown(&error) {
                    self.unmeasured.insert(self.targets.len());
                }
                let failure = Some(lookup_failure(name, &error));
                self.targets.push_given(Given { text, destination: None, failure });
            }
        }
        Ok(())
    }

    fn add_found(&mut self, text: &Untrusted, destination: Destination) -> Result<(), String> {
        if self.excluded.contains(destination.address()) {
            return Ok(());
        }
        check::check_count(u128::from(self.targets.len()) + 1, self.most)?;
        let (text, destination) = (text.clone(), Some(destination));
        self.targets.push_given(Given { text, destination, failure: None });
        Ok(())
    }
}

fn unreadable(path: &str, fault: &std::io::Error) -> String {
    format!("--file {}: {fault}", Untrusted::from(path).escaped())
}

/// Reads up to the end of a line that is too long to be a target.
fn skip_line(input: &mut dyn BufRead) -> std::io::Result<()> {
    loop {
        let room = input.fill_buf()?;
        let Some(end) = room.iter().position(|byte| *byte == b'\n') else {
            let all = room.len();
            if all == 0 {
                return Ok(());
            }
            input.consume(all);
            continue;
        };
        input.consume(end + 1);
        return Ok(());
    }
}
