//! All checks of a run: those of the command line and those of files.

use super::item::{self, Fault, Item, Part, Words};
use crate::World;
use crate::args::{CheckArguments, value};
use crate::commands::lanes::KINDS;
use crate::commands::secret::without_secrets;
use netdiag_check::file::{Choice, Entry, File, FileError, MAX_BYTES, Place, Text};
use netdiag_model::Untrusted;
use std::collections::btree_map::{self, BTreeMap};
use std::io::Read;
use std::time::Duration;

/// How long all checks may take together where nobody says.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// The checks of a run.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    pub(super) items: Vec<Item>,
    /// How long all may take together.
    pub(super) deadline: Duration,
}

/// Where something was written that names another check.
struct Named {
    path: String,
    from: usize,
    text: Text,
}

impl Gathered {
    /// Reads all that was given, and keeps what is wanted.
    ///
    /// # Errors
    /// What is wrong, and where, in a line.
    pub(super) fn new<W: World>(arguments: &CheckArguments, world: &mut W) -> Result<Self, String> {
        let (mut items, mut named, mut deadline) = (Vec::new(), Vec::new(), None);
        let mut names = Names::default();
        for given in &arguments.given {
            if item::is_line(given) {
                let mut item = item::from_line(given)?;
                item.asked.check_files(world).map_err(|fault| in_line(given, &fault))?;
                item.name = names.any(item.name, items.len());
                items.push(item);
                continue;
            }
            let shown = Untrusted::from(without_secrets(given)).escaped().to_string();
            let bytes = read(given, world).map_err(|fault| unreadable(given, &shown, &fault))?;
            let within = |error: FileError| format!("{shown}: {error}");
            let file = File::from_bytes(&bytes).map_err(within)?;
            check_defaults(&file, world).map_err(within)?;
            deadline = deadline.or(length(file.deadline.as_ref()).map_err(within)?);
            for entry in &file.checks {
                let mut item = from_entry(entry, &file, world).map_err(within)?;
                item.name = match &entry.name {
                    Some(name) => names.own(name, items.len()).map_err(within)?,
                    None => names.any(item.name, items.len()),
                };
                let from = items.len();
                named.extend(entry.depends_on.iter().map(|text| Named {
                    path: shown.clone(),
                    from,
                    text: text.clone(),
                }));
                items.push(item);
            }
        }
        connect(&mut items, &named, &names.places)?;
        let items = only(items, &arguments.only)?;
        let deadline = arguments.deadline.or(deadline).unwrap_or(DEADLINE);
        Ok(Self { items, deadline })
    }
}

/// The names of the checks, by which others depend on them, and tell them apart.
#[derive(Default)]
struct Names {
    places: BTreeMap<String, usize>,
    /// The next number of those that have no name of their own, by what they are about.
    next: BTreeMap<String, u64>,
}

impl Names {
    /// A name that somebody gave.
    fn own(&mut self, name: &Text, place: usize) -> Result<String, FileError> {
        if self.places.insert(name.text.clone(), place).is_none() {
            return Ok(name.text.clone());
        }
        let shown = Untrusted::from(name.text.as_str());
        let message = format!("a check named `{}` is there already", shown.escaped());
        Err(FileError::new(name.place, message))
    }

    /// A name for one that has none: what it is about, from the second on with a number.
    fn any(&mut self, about: String, place: usize) -> String {
        let next = self.next.entry(about.clone()).or_insert(1);
        loop {
            let name = if *next == 1 { about.clone() } else { format!("{about} #{next}") };
            *next += 1;
            if let btree_map::Entry::Vacant(vacant) = self.places.entry(name.clone()) {
                vacant.insert(place);
                return name;
            }
        }
    }
}

fn read<W: World>(path: &str, world: &mut W) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than may be, so that a longer one is seen.
    world.input(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is no file may have been meant as a check.
fn unreadable(given: &str, shown: &str, fault: &std::io::Error) -> String {
    let is_missing = fault.kind() == std::io::ErrorKind::NotFound;
    let has_blank = given.trim().contains(char::is_whitespace);
    let or_check = match is_missing && (has_blank || KINDS.contains(&given)) {
        true => format!("; a check is one of {}, and a target", KINDS.join(", ")),
        false => String::new(),
    };
    format!("{shown}: {fault}{or_check}")
}

fn length(text: Option<&Text>) -> Result<Option<Duration>, FileError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |message| FileError::new(text.place, format!("`deadline`: {message}"));
    value::duration(&text.text).map(Some).map_err(wrong)
}

fn in_line(given: &str, fault: &str) -> String {
    format!("`{}`: {fault}", Untrusted::from(without_secrets(given)).escaped())
}

/// Defaults must be right also where no check uses them.
fn check_defaults<W: World>(file: &File, world: &mut W) -> Result<(), FileError> {
    length(file.defaults.deadline.as_ref())?;
    for (kind, options) in &file.defaults.kinds {
        let target = match kind.text.as_str() {
            "tcp" | "syn" => "localhost:1",
            "sockets" => "tcp",
            _ => "localhost",
        };
        let words = Words {
            kind: kind.text.clone(),
            expect: (kind.text == "sockets").then(|| "count>=0".to_owned()),
            options: options.iter().flat_map(words_of).collect(),
            targets: vec![target.to_owned()],
            ..Words::default()
        };
        let item = words.clone().item();
        let checked = item.and_then(|item| {
            let mut off = options.iter().filter(|option| option.is_off);
            off.try_for_each(|option| item::check_option(&kind.text, &option.key.text))?;
            let files = item.asked.check_files(world);
            files.map_err(|message| words.blame(message))
        });
        checked.map_err(|fault| match &fault.part {
            Part::Option(name) => {
                let place = options.iter().find(|one| one.key.text == *name);
                FileError::new(place.map_or(kind.place, |one| one.key.place), fault.message)
            }
            _ => FileError::new(kind.place, fault.message),
        })?;
    }
    Ok(())
}

/// An option as words; none of one that is off.
fn words_of(choice: &Choice) -> Vec<String> {
    let key = &choice.key.text;
    match choice.values.as_slice() {
        _ if choice.is_off => Vec::new(),
        [] => vec![format!("--{key}")],
        values => values.iter().map(|value| format!("--{key}={}", value.text)).collect(),
    }
}

fn from_entry<W: World>(entry: &Entry, file: &File, world: &mut W) -> Result<Item, FileError> {
    let defaults = &file.defaults;
    let of_kind = defaults.kinds.iter().filter(|(kind, _)| kind.text == entry.kind.text);
    let of_kind = of_kind.flat_map(|(_, options)| options);
    // An option of the check's own stands behind the default, which it overrules; one that is off
    // takes it away.
    let is_off = |name: &str| entry.options.iter().any(|one| one.key.text == name && one.is_off);
    let options = of_kind.filter(|one| !is_off(&one.key.text)).chain(&entry.options);
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.text.clone());
    let words = Words {
        kind: entry.kind.text.clone(),
        options: options.flat_map(words_of).collect(),
        targets: entry.targets.iter().map(|target| target.text.clone()).collect(),
        answer: text(&entry.answer),
        expect: text(&entry.expect),
        warn: text(&entry.warn),
    };
    let at = |fault: Fault| fault_at(entry, file, fault);
    let off = entry.options.iter().filter(|option| option.is_off);
    // Nothing comes of one that is off, so that nobody else would see what it is called.
    let mut off = off.map(|option| item::check_option(&entry.kind.text, &option.key.text));
    let mut item = words.clone().item().map_err(at)?;
    off.try_for_each(|option| option).map_err(at)?;
    let request = item.asked.request(world).map_err(|message| at(words.blame(message)))?;
    item.asked.check_files(world).map_err(|message| at(words.blame(message)))?;
    item.files = request.files;
    let own = entry.tags.iter().chain(&defaults.tags);
    item.tags = own.map(|tag| tag.text.clone()).collect();
    item.retries = entry.retries.or(defaults.retries).unwrap_or_default();
    let deadline = length(entry.deadline.as_ref().or(defaults.deadline.as_ref()))?;
    item.deadline = deadline.unwrap_or(item.deadline);
    Ok(item)
}

/// What is wrong, where it stands: an option that is none of the check's own stands with the defaults.
fn fault_at(entry: &Entry, file: &File, fault: Fault) -> FileError {
    let Fault { part, message } = fault;
    if let Part::Option(name) = &part
        && entry.options.iter().all(|one| one.key.text != *name)
    {
        let kinds = &file.defaults.kinds;
        let of_kind = kinds.iter().filter(|(kind, _)| kind.text == entry.kind.text);
        let mut options = of_kind.flat_map(|(_, options)| options);
        if let Some(option) = options.find(|one| one.key.text == *name) {
            let line = entry.place.line;
            let message = format!("{message} (this default and the check at line {line})");
            return FileError::new(option.key.place, message);
        }
    }
    FileError::new(place(entry, &part), message)
}

/// Where a part of a check stands.
fn place(entry: &Entry, part: &Part) -> Place {
    let of = |text: &Option<Text>| text.as_ref().map_or(entry.place, |text| text.place);
    let within = |text: &Option<Text>, character: usize| {
        text.as_ref().map_or(entry.place, |text| text.place_of(character))
    };
    match part {
        Part::Kind => entry.kind.place,
        Part::Target => entry.targets.first().map_or(entry.place, |target| target.place),
        Part::Answer => of(&entry.answer),
        Part::Expect(character) => within(&entry.expect, *character),
        Part::Warn(character) => within(&entry.warn, *character),
        Part::Option(name) => {
            let option = entry.options.iter().find(|one| one.key.text == *name);
            option.map_or(entry.place, |one| one.key.place)
        }
    }
}

/// Finds the checks that others depend on, by their names.
fn connect(
    items: &mut [Item],
    named: &[Named],
    names: &BTreeMap<String, usize>,
) -> Result<(), String> {
    let shown = |text: &Text| Untrusted::from(text.text.as_str()).escaped().to_string();
    for Named { path, from, text } in named {
        let Some(to) = names.get(&text.text) else {
            let message = format!("`depends_on`: no check is named `{}`", shown(text));
            return Err(format!("{path}: {}", FileError::new(text.place, message)));
        };
        if let Some(item) = items.get_mut(*from) {
            item.depends_on.push(*to);
        }
    }
    let circling = circling(items);
    let is_circle = |one: &&Named| circling.get(one.from).copied().unwrap_or_default();
    let closed = named.iter().filter(is_circle).find(|one| {
        let to = names.get(&one.text.text).copied();
        to.is_some_and(|to| ground(items, vec![to]).get(one.from).copied().unwrap_or_default())
    });
    match closed {
        Some(Named { path, text, .. }) => {
            let message = format!("`depends_on`: `{}` depends on this check itself", shown(text));
            Err(format!("{path}: {}", FileError::new(text.place, message)))
        }
        None => Ok(()),
    }
}

/// Those that stand on a circle, or depend on one that does: what is left where each that depends on
/// nothing that is left is taken away.
fn circling(items: &[Item]) -> Vec<bool> {
    let mut open: Vec<usize> = items.iter().map(|item| item.depends_on.len()).collect();
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (from, item) in items.iter().enumerate() {
        for to in &item.depends_on {
            if let Some(above) = above.get_mut(*to) {
                above.push(from);
            }
        }
    }
    let free = open.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut next: Vec<usize> = free.map(|(place, _)| place).collect();
    while let Some(place) = next.pop() {
        for from in above.get(place).into_iter().flatten() {
            if let Some(count) = open.get_mut(*from) {
                *count -= 1;
                next.extend((*count == 0).then_some(*from));
            }
        }
    }
    open.into_iter().map(|count| count > 0).collect()
}

/// Of each check whether it is one of these, or one of these depends on it.
fn ground(items: &[Item], mut next: Vec<usize>) -> Vec<bool> {
    let mut seen = vec![false; items.len()];
    while let Some(place) = next.pop() {
        if let Some(seen) = seen.get_mut(place)
            && !std::mem::replace(seen, true)
        {
            next.extend(items.get(place).into_iter().flat_map(|item| &item.depends_on));
        }
    }
    seen
}

/// Those with one of the tags, and those that they depend on.
fn only(items: Vec<Item>, tags: &[String]) -> Result<Vec<Item>, String> {
    if tags.is_empty() {
        return Ok(items);
    }
    let of = |tag: &String| items.iter().any(|item| item.tags.contains(tag));
    if let Some(tag) = tags.iter().find(|tag| !of(tag)) {
        let tag = Untrusted::from(tag.as_str());
        return Err(format!("--only: no check has the tag {}", tag.escaped()));
    }
    let tagged = |item: &Item| item.tags.iter().any(|tag| tags.contains(tag));
    let chosen = items.iter().enumerate().filter(|(_, item)| tagged(item));
    let chosen: Vec<usize> = chosen.map(|(place, _)| place).collect();
    let wanted = ground(&items, chosen);
    let wanted: Vec<usize> = (0..).zip(&wanted).filter(|(_, it)| **it).map(|(at, _)| at).collect();
    let moved: BTreeMap<usize, usize> = wanted.iter().copied().zip(0..).collect();
    let mut kept = Vec::new();
    for (place, mut item) in items.into_iter().enumerate() {
        if moved.contains_key(&place) {
            item.depends_on =
                item.depends_on.iter().filter_map(|to| moved.get(to).copied()).collect();
            kept.push(item);
        }
    }
    Ok(kept)
}
