//! The words of a filter, and what is wrong with one.

use netdiag_model::Untrusted;
use netdiag_model::text::pointer;
use std::fmt;

/// What of a filter was not understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    what: String,
    /// What to write instead.
    instead: String,
    /// Where, the first being 1.
    character: usize,
}

impl FilterError {
    /// Two lines: as much of the filter as shows the place, and a caret below it.
    #[must_use]
    pub fn pointer(&self, text: &str) -> String {
        pointer(text, self.character)
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}{}", self.what, self.character, self.instead)
    }
}

impl std::error::Error for FilterError {}

/// The part of the text that was not understood, what is wrong with it, and what to write instead.
pub(super) struct Fault<'t>(pub(super) &'t str, pub(super) String, pub(super) String);

impl Fault<'_> {
    /// The same with its place in the text that the part is of.
    pub(super) fn of(self, text: &str) -> FilterError {
        let Self(part, what, instead) = self;
        let offset = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let character = text.char_indices().take_while(|(at, _)| *at < offset).count() + 1;
        FilterError { what, instead, character }
    }
}

pub(super) type Parsed<'t, T> = Result<T, Fault<'t>>;

pub(super) fn wrong<T>(part: &str, what: impl Into<String>) -> Parsed<'_, T> {
    Err(Fault(part, what.into(), String::new()))
}

pub(super) fn shown(word: &str) -> String {
    format!("'{}'", Untrusted::from(word).escaped())
}

pub(super) fn number<'t>(what: &str, text: &'t str) -> Parsed<'t, u32> {
    text.parse().or_else(|_| wrong(text, format!("{} is no {what}", shown(text))))
}

/// The same of a port.
pub(super) fn port(text: &str) -> Parsed<'_, u16> {
    let port = number("port", text)?;
    u16::try_from(port).or_else(|_| wrong(text, format!("{} is no port", shown(text))))
}

/// Words, parentheses, and signs behind words that want a value; what stands between double quotes is one
/// word, as a name with blanks.
pub(super) fn split(text: &str) -> Parsed<'_, Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => {
                let quoted = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
                let Some((word, behind)) = quoted else {
                    return wrong(rest, "a '\"' is missing");
                };
                words.push(word);
                rest = behind;
                continue;
            }
            '(' | ')' => 1,
            _ if first.is_whitespace() => {
                rest = rest.trim_start();
                continue;
            }
            _ => {
                let is_end = |c: char| c.is_whitespace() || "()\"".contains(c);
                rest.find(is_end).unwrap_or(rest.len())
            }
        };
        let (word, behind) = rest.split_at(length);
        words.extend(glued(word).into_iter().filter(|part| !part.is_empty()));
        rest = behind;
    }
    Ok(words)
}

/// The parts of `sport=443`, as ss has it without blanks, too; another word is the first part.
fn glued(word: &str) -> [&str; 3] {
    let is_sign = |c: char| "=!<>".contains(c);
    let key = word.find(is_sign).unwrap_or(word.len());
    let (key, rest) = word.split_at(key);
    let (sign, value) = rest.split_at(rest.find(|c| !is_sign(c)).unwrap_or(rest.len()));
    let is_key = key.is_empty() || VALUED.iter().any(|valued| key.eq_ignore_ascii_case(valued));
    match sign {
        "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" if is_key => [key, sign, value],
        _ => [word, "", ""],
    }
}

/// Words that want a value.
pub(super) const VALUED: [&str; 15] = [
    "state", "exclude", "src", "local", "dst", "remote", "addr", "host", "sport", "dport", "port",
    "pid", "uid", "inode", "process",
];
