//! From TOML to checks.

use super::places::Places;
use super::{Choice, Defaults, Entry, File, FileError, KEYS, MAX_BYTES, MAX_CHECKS, Place, Text};
use netdiag_model::Untrusted;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Knows where a part of the file stands.
struct Reader<'t> {
    places: Places<'t>,
}

type Read<T> = Result<T, FileError>;
type Field<'a, 'i> = (&'a str, Place, &'a Spanned<DeValue<'i>>);

/// A file may be no longer than this.
pub(super) fn check_length(bytes: usize) -> Read<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let message = format!("the file has more than {MAX_BYTES} bytes");
    Err(FileError::new(Place { line: 1, column: 1 }, message))
}

pub(super) fn file(text: &str) -> Read<File> {
    check_length(text.len())?;
    let reader = Reader { places: Places::new(text) };
    let table = DeTable::parse(text).map_err(|error| {
        let place = reader.places.of(error.span().map_or(0, |span| span.start));
        let message = Untrusted::from(error.message()).escaped().to_string();
        FileError::new(place, message)
    })?;
    let mut file = File::default();
    for (key, place, value) in reader.fields(table.get_ref()) {
        match key {
            "deadline" => file.deadline = Some(reader.scalar(key, value)?),
            "defaults" => file.defaults = reader.defaults(value)?,
            "check" => file.checks = reader.checks(value)?,
            key => return Err(unknown(key, place, "deadline, defaults or check")),
        }
    }
    if file.checks.is_empty() {
        let end = reader.places.of(text.len());
        return Err(FileError::new(end, "no check in the file: expected `[[check]]`"));
    }
    Ok(file)
}

fn unknown(key: &str, place: Place, expected: &str) -> FileError {
    let key = Untrusted::from(key);
    FileError::new(place, format!("`{}` is no key here: expected {expected}", key.escaped()))
}

impl Reader<'_> {
    /// The fields of a table in the order of the file.
    fn fields<'a, 'i>(&self, table: &'a DeTable<'i>) -> Vec<Field<'a, 'i>> {
        let mut all: Vec<_> = table.iter().collect();
        all.sort_by_key(|(key, _)| key.span().start);
        let place = |key: &Spanned<_>| self.places.of(key.span().start);
        all.into_iter().map(|(key, value)| (key.get_ref().as_ref(), place(key), value)).collect()
    }

    fn place(&self, value: &Spanned<DeValue<'_>>) -> Place {
        self.places.of(value.span().start)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> FileError {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        FileError::new(self.place(value), format!("`{key}`: expected {expected}, found {found}"))
    }

    fn table<'a, 'i>(&self, key: &str, value: &'a Spanned<DeValue<'i>>) -> Read<&'a DeTable<'i>> {
        value.get_ref().as_table().ok_or_else(|| self.wrong(key, value, "a table"))
    }

    fn string(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Read<Text> {
        let text = value.get_ref().as_str().ok_or_else(|| self.wrong(key, value, "a string"))?;
        Ok(Text { text: text.to_owned(), place: self.place(value) })
    }

    /// A string or a number, as it was written.
    fn scalar(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Read<Text> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            _ => return Err(self.wrong(key, value, "a string or a number")),
        };
        Ok(Text { text, place: self.place(value) })
    }

    /// A string, or a list of them.
    fn strings(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Read<Vec<Text>> {
        match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|one| self.string(key, one)).collect(),
            DeValue::String(_) => Ok(vec![self.string(key, value)?]),
            _ => Err(self.wrong(key, value, "a string or a list of strings")),
        }
    }

    fn count(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Read<u32> {
        /// More of them is a mistake.
        const MOST: u32 = 100;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| *number <= MOST);
        number.ok_or_else(|| self.wrong(key, value, "a whole number from 0 to 100"))
    }

    fn defaults(&self, value: &Spanned<DeValue<'_>>) -> Read<Defaults> {
        let mut defaults = Defaults::default();
        for (key, place, value) in self.fields(self.table("defaults", value)?) {
            match key {
                "deadline" => defaults.deadline = Some(self.scalar(key, value)?),
                "retries" => defaults.retries = Some(self.count(key, value)?),
                "tags" => defaults.tags = self.strings(key, value)?,
                kind if value.get_ref().is_table() => {
                    let fields = self.fields(self.table(kind, value)?);
                    let choices = fields.into_iter().map(|field| self.choice(field));
                    let kind = Text { text: kind.to_owned(), place };
                    defaults.kinds.push((kind, choices.collect::<Read<Vec<Choice>>>()?));
                }
                key => {
                    let expected = "deadline, retries, tags, or a table for a kind of check";
                    return Err(unknown(key, place, expected));
                }
            }
        }
        Ok(defaults)
    }

    fn checks(&self, value: &Spanned<DeValue<'_>>) -> Read<Vec<Entry>> {
        let DeValue::Array(list) = value.get_ref() else {
            return Err(self.wrong("check", value, "a list of tables: `[[check]]`"));
        };
        if list.len() > MAX_CHECKS {
            let message = format!("more than {MAX_CHECKS} checks");
            return Err(FileError::new(self.place(value), message));
        }
        list.iter().map(|one| self.check(one)).collect()
    }

    fn check(&self, value: &Spanned<DeValue<'_>>) -> Read<Entry> {
        let mut entry = Entry { place: self.place(value), ..Entry::default() };
        let (mut kind, mut has_target) = (None, false);
        for (key, place, value) in self.fields(self.table("check", value)?) {
            match key {
                "name" => entry.name = Some(self.string(key, value)?),
                "kind" => kind = Some(self.string(key, value)?),
                "target" => {
                    has_target = true;
                    entry.targets = self.targets(value)?;
                }
                "answer" => entry.answer = Some(self.string(key, value)?),
                "expect" => entry.expect = Some(self.string(key, value)?),
                "warn" => entry.warn = Some(self.string(key, value)?),
                "depends_on" => entry.depends_on = self.strings(key, value)?,
                "tags" => entry.tags = self.strings(key, value)?,
                "retries" => entry.retries = Some(self.count(key, value)?),
                "deadline" => entry.deadline = Some(self.scalar(key, value)?),
                key => entry.options.push(self.choice((key, place, value))?),
            }
        }
        let missing = |what: &str| {
            let known: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
            let message = format!("the check has no `{what}`; its keys are {}", known.join(", "));
            FileError::new(entry.place, message)
        };
        entry.kind = kind.ok_or_else(|| missing("kind"))?;
        // All sockets are meant where nobody says which.
        let needs_target = entry.kind.text != "sockets";
        if needs_target && (!has_target || entry.targets.is_empty()) {
            return Err(missing("target"));
        }
        Ok(entry)
    }

    /// The words of a target: of one text those between its spaces.
    fn targets(&self, value: &Spanned<DeValue<'_>>) -> Read<Vec<Text>> {
        let all = self.strings("target", value)?;
        let words = all.iter().flat_map(|text| {
            let place = text.place;
            text.text.split_whitespace().map(move |word| Text { text: word.to_owned(), place })
        });
        Ok(words.collect())
    }

    fn choice(&self, (key, place, value): Field<'_, '_>) -> Read<Choice> {
        let values = match value.get_ref() {
            DeValue::Boolean(_) => Vec::new(),
            DeValue::Array(list) => {
                list.iter().map(|one| self.scalar(key, one)).collect::<Read<Vec<Text>>>()?
            }
            _ => vec![self.scalar(key, value)?],
        };
        let is_off = value.get_ref().as_bool() == Some(false);
        Ok(Choice { key: Text { text: key.to_owned(), place }, values, is_off })
    }
}
