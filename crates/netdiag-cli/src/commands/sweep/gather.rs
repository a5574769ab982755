//! From what was written to the targets of a run: files read, names looked up, each address once.

use super::check::{self, Checked};
use crate::World;
use crate::args::SweepArguments;
use crate::commands::frame::Command;
use crate::commands::lines::Lines;
use crate::commands::resolve::{is_unknown, lookup_failure};
use crate::commands::targets;
use netdiag_model::failure::{Failure, LookupError, Stage};
use netdiag_model::target::{AddressRange, AddressSet, TargetSpec};
use netdiag_model::{Destination, Family, Found, Untrusted};
use netdiag_ping::sweep::{Given, Targets};
use std::collections::BTreeSet;
use std::io::{self, BufRead, ErrorKind, Write};
use std::time::Duration;

/// How many lines that are no targets are named.
const LINES_TOLD: u64 = 100;

/// The targets of a run, as they are found.
pub(super) struct Gathered {
    pub(super) targets: Targets,
    /// Targets of which nobody could be asked for their address.
    pub(super) unmeasured: BTreeSet<u32>,
    /// Lines of the file that are no targets.
    pub(super) bad_lines: u64,
    /// The file was not read to its end within this time.
    pub(super) unread: Option<Duration>,
    /// Why nothing may be probed: nobody knows what to leave out.
    pub(super) barred: Option<Failure>,
    /// The run was ended while names were looked up.
    pub(super) interrupted: bool,
    /// Names of addresses that were targets already: how many, and the first of them.
    pub(super) repeated: Option<(u32, Untrusted)>,
    /// Addresses that are targets; those with a zone apart.
    seen: AddressSet,
    zoned: BTreeSet<Destination>,
    names: BTreeSet<String>,
    /// From the first name on, what has to wait until names are looked up.
    waiting: Vec<Waiting>,
    excluded: AddressSet,
    /// How many different targets there are, whether they may be or not.
    count: u128,
    most: u128,
    /// An interface was named, so that link-local addresses need none.
    has_interface: bool,
}

/// What was written, in its order.
enum Waiting {
    Name(String),
    Range(Box<AddressRange>),
}

impl Gathered {
    /// Gathers all that was asked for, `spent` telling how long the run has taken so far. What is wrong
    /// with a line of the file is told on `err`.
    pub(super) fn new<W: World>(
        arguments: &SweepArguments,
        checked: &Checked,
        spent: &mut dyn FnMut() -> Duration,
        world: &mut W,
        err: &mut dyn Write,
    ) -> Result<Self, String> {
        let mut all = Self {
            targets: Targets::default(),
            unmeasured: BTreeSet::new(),
            bad_lines: 0,
            unread: None,
            barred: None,
            interrupted: false,
            repeated: None,
            seen: AddressSet::default(),
            zoned: BTreeSet::new(),
            names: BTreeSet::new(),
            waiting: Vec::new(),
            excluded: AddressSet::default(),
            count: 0,
            most: checked.most,
            has_interface: checked.interface.is_some(),
        };
        // Of what is left of the deadline each step may take half, so that there is some for probes.
        let mut patience =
            || arguments.deadline.map_or(Duration::MAX, |most| most.saturating_sub(spent()) / 2);
        all.exclude(&checked.exclude, patience(), world)?;
        for spec in &checked.targets {
            all.add(spec);
        }
        if let Some(path) = &arguments.file {
            let within = patience();
            let input = world.input_within(path, within);
            let input = input.map_err(|fault| unreadable(path, &fault))?;
            match all.read(path, input, arguments, err) {
                Err(fault) if fault.kind() == ErrorKind::TimedOut => all.unread = Some(within),
                done => done.map_err(|fault| unreadable(path, &fault))?,
            }
        }
        // What is too much without any name need not wait for them.
        check::check_count(all.count, all.most)?;
        all.look_up(arguments, patience(), world);
        check::check_count(all.count, all.most)?;
        Ok(all)
    }

    /// What is left out. A name in it that has no address is an error, as nobody would know what is
    /// probed; where nobody could be asked, nothing is.
    fn exclude<W: World>(
        &mut self,
        specs: &[TargetSpec],
        patience: Duration,
        world: &mut W,
    ) -> Result<(), String> {
        let mut names = Vec::new();
        for spec in specs {
            match spec {
                TargetSpec::Address(address) => {
                    drop(self.excluded.insert(AddressRange::one(*address)));
                }
                TargetSpec::Range(range) => drop(self.excluded.insert(*range)),
                TargetSpec::Name(name) => names.push(name.clone()),
            }
        }
        let found = if names.is_empty() { vec![] } else { world.resolve(&names, None, patience) };
        for (name, (found, _)) in names.iter().zip(found) {
            let excluded = |error: &LookupError| {
                let failure = lookup_failure(name, error);
                Failure { message: format!("--exclude: {}", failure.message), ..failure }
            };
            match found {
                Ok(found) => {
                    for destination in found {
                        self.excluded.insert(AddressRange::one(destination.address()));
                    }
                }
                Err(error) if is_unknown(&error) => {
                    self.interrupted |= error == LookupError::Interrupted;
                    self.barred = Some(excluded(&error));
                }
                Err(error) => return Err(excluded(&error).message),
            }
        }
        Ok(())
    }

    /// Reads targets, one a line. One that is none does not keep the others from being probed.
    fn read(
        &mut self,
        path: &str,
        input: Box<dyn BufRead>,
        arguments: &SweepArguments,
        err: &mut dyn Write,
    ) -> io::Result<()> {
        let mut lines = Lines::new(input);
        while let Some(line) = lines.next()? {
            if self.kept() > self.most {
                // Nobody knows how many more there would be.
                return Err(io::Error::other(format!("more than {} targets", self.most)));
            }
            let text = line.text.as_deref().map(|text| text.split('#').next().unwrap_or_default());
            let spec = match text.map(str::trim) {
                Some("") => continue,
                Some(text) => self.target_of(text, arguments),
                None => Err("a line that is too long".to_owned()),
            };
            match spec {
                Ok(spec) => self.add(&spec),
                Err(why) => {
                    self.bad_lines += 1;
                    if self.bad_lines <= LINES_TOLD {
                        let (path, number) = (Untrusted::from(path), line.number);
                        let path = path.escaped();
                        let _ = writeln!(err, "{}: {path}:{number}: {why}", arguments.program());
                    }
                }
            }
        }
        if let Some(more) = self.bad_lines.checked_sub(LINES_TOLD).filter(|more| *more > 0) {
            let _ = writeln!(err, "{}: {more} more lines are no targets", arguments.program());
        }
        Ok(())
    }

    /// How much is kept of what was read.
    fn kept(&self) -> u128 {
        (self.waiting.len() + self.seen.stretch_count()) as u128
    }

    fn target_of(&self, text: &str, arguments: &SweepArguments) -> Result<TargetSpec, String> {
        let spec = check::parse(text)?;
        let checked = check::check_family(&spec, arguments)
            .and_then(|()| targets::check_zone(&spec, self.has_interface));
        checked.map_err(|why| format!("`{}`: {why}", Untrusted::from(text).escaped()))?;
        Ok(spec)
    }

    fn add(&mut self, spec: &TargetSpec) {
        let range = match spec {
            TargetSpec::Name(name) => {
                if self.names.insert(name.to_ascii_lowercase()) {
                    self.waiting.push(Waiting::Name(name.clone()));
                }
                return;
            }
            TargetSpec::Address(address) => AddressRange::one(*address),
            TargetSpec::Range(range) => *range,
        };
        match self.waiting.is_empty() {
            true => self.add_range(range),
            // What was named before it comes before it.
            false => self.waiting.push(Waiting::Range(Box::new(range))),
        }
    }

    fn add_range(&mut self, range: AddressRange) {
        for part in self.excluded.missing(range) {
            for new in self.seen.insert(part) {
                self.count += new.count();
                if self.count <= self.most {
                    self.targets.push_range(new);
                }
            }
        }
    }

    /// Looks up the names that wait, all at once, and adds what waits in its order.
    fn look_up<W: World>(&mut self, arguments: &SweepArguments, patience: Duration, world: &mut W) {
        let family = match (arguments.ipv4, arguments.ipv6, arguments.source) {
            (true, ..) => Some(Family::Ipv4),
            (_, true, _) => Some(Family::Ipv6),
            (.., source) => source.map(Family::of),
        };
        let waiting = std::mem::take(&mut self.waiting);
        let names = waiting.iter().filter_map(|waiting| match waiting {
            Waiting::Name(name) => Some(name.clone()),
            Waiting::Range(_) => None,
        });
        let names: Vec<String> = names.collect();
        if names.is_empty() {
            return;
        }
        if let Some(failure) = self.barred.clone() {
            return self.bar(waiting, &failure);
        }
        let mut found = world.resolve(&names, family, patience).into_iter();
        for waiting in waiting {
            match waiting {
                Waiting::Range(range) => self.add_range(*range),
                Waiting::Name(name) => {
                    let found =
                        found.next().map_or(Err(LookupError::Interrupted), |(found, _)| found);
                    self.add_name(&name, found, arguments);
                }
            }
        }
    }

    /// What waits, where nothing may be probed: names need no look-up then.
    fn bar(&mut self, waiting: Vec<Waiting>, failure: &Failure) {
        for waiting in waiting {
            match waiting {
                Waiting::Range(range) => self.add_range(*range),
                Waiting::Name(name) => {
                    self.unmeasured.insert(self.targets.len());
                    self.push(&Untrusted::from(name.as_str()), Err(failure.clone()));
                }
            }
        }
    }

    fn add_name(
        &mut self,
        name: &str,
        found: Result<Found, LookupError>,
        arguments: &SweepArguments,
    ) {
        let text = Untrusted::from(name);
        match found {
            Ok(found) => {
                let wanted = if arguments.all_addresses { found.len() } else { 1 };
                for destination in found.into_iter().take(wanted) {
                    self.add_found(&text, destination);
                }
            }
            Err(error) => {
                self.interrupted |= error == LookupError::Interrupted;
                if is_unknown(&error) {
                    self.unmeasured.insert(self.targets.len());
                }
                self.push(&text, Err(lookup_failure(name, &error)));
            }
        }
    }

    fn add_found(&mut self, text: &Untrusted, destination: Destination) {
        let address = destination.address();
        if self.excluded.contains(address) {
            return;
        }
        let objection = targets::objection(destination, self.has_interface, "a sweep");
        if let Some((reason, message)) = objection {
            let (stage, reason) = (Stage::Resolve, reason.to_owned());
            return self
                .push(text, Err(Failure { stage, reason, errno: None, icmp: None, message }));
        }
        let is_new = match destination {
            Destination::V6(_, zone) if zone != 0 => self.zoned.insert(destination),
            _ => !self.seen.insert(AddressRange::one(address)).is_empty(),
        };
        match &mut self.repeated {
            _ if is_new => self.push(text, Ok(destination)),
            Some((count, _)) => *count = count.saturating_add(1),
            none => *none = Some((1, text.clone())),
        }
    }

    fn push(&mut self, text: &Untrusted, found: Result<Destination, Failure>) {
        self.count += 1;
        if self.count <= self.most {
            let (destination, failure) = match found {
                Ok(destination) => (Some(destination), None),
                Err(failure) => (None, Some(failure)),
            };
            self.targets.push_given(Given { text: text.clone(), destination, failure });
        }
    }

    /// What is to be said of names that have no row of their own.
    pub(super) fn note(&self) -> Option<String> {
        let (count, first) = self.repeated.as_ref()?;
        let first = first.escaped();
        Some(match count {
            1 => format!("`{first}` is an address that is a target already, and is probed once"),
            _ => format!(
                "{count} names, the first of them `{first}`, are addresses that are targets already, \
                 and are probed once"
            ),
        })
    }
}

fn unreadable(path: &str, fault: &io::Error) -> String {
    format!("--file {}: {fault}", Untrusted::from(path).escaped())
}
