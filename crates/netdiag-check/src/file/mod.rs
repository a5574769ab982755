//! Files of checks, in TOML: what stands where, so that whatever is wrong with it can be told by its
//! line and column.
//!
//! ```
//! let text = "[[check]]\nname = 'gateway'\nkind = 'ping'\ntarget = '192.0.2.1'\nexpect = 'loss<1%'\n";
//! let file = netdiag_check::file::File::parse(text)?;
//! assert_eq!(file.checks[0].kind.text, "ping");
//! assert_eq!(file.checks[0].expect.as_ref().unwrap().place.line, 5);
//! let error = netdiag_check::file::File::parse("[[check]]\nkind = 3\n").unwrap_err();
//! assert_eq!(error.to_string(), "line 2, column 8: `kind`: expected a string, found an integer");
//! # Ok::<(), netdiag_check::file::FileError>(())
//! ```

mod places;
mod read;
#[cfg(test)]
mod tests;

use places::Places;
use std::fmt;

/// The most bytes that a file may have.
pub const MAX_BYTES: usize = 1 << 20;
/// The most checks of a file.
pub const MAX_CHECKS: usize = 10_000;

/// A place in a file, both from 1; columns are characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Where.
    pub place: Place,
    /// What, and what was expected.
    pub message: String,
}

/// A text and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The text; a number as it was written.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// An option of a kind's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its key, which is the long option without its dashes.
    pub key: Text,
    /// Its value; of a list each by itself; none of `true` and `false`.
    pub values: Vec<Text>,
    /// It is `false`.
    pub is_off: bool,
}

/// A file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// How long all checks may take together.
    pub deadline: Option<Text>,
    /// What holds for checks that do not say otherwise.
    pub defaults: Defaults,
    /// The checks.
    pub checks: Vec<Entry>,
}

/// What holds for checks that do not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// How long a check may take.
    pub deadline: Option<Text>,
    /// How often one that does not pass is tried again.
    pub retries: Option<u32>,
    /// Tags that all have.
    pub tags: Vec<Text>,
    /// Options of each kind.
    pub kinds: Vec<(Text, Vec<Choice>)>,
}

/// A check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins.
    pub place: Place,
    /// Its name.
    pub name: Option<Text>,
    /// What it measures by.
    pub kind: Text,
    /// What it is about; of `dns` names, types and servers.
    pub targets: Vec<Text>,
    /// What the answer must be.
    pub answer: Option<Text>,
    /// What must hold.
    pub expect: Option<Text>,
    /// What must hold for it to be well.
    pub warn: Option<Text>,
    /// Checks that must pass before this one begins.
    pub depends_on: Vec<Text>,
    /// Its tags.
    pub tags: Vec<Text>,
    /// How often it is tried again when it does not pass.
    pub retries: Option<u32>,
    /// How long it may take.
    pub deadline: Option<Text>,
    /// Options of its kind.
    pub options: Vec<Choice>,
}

/// The keys of a check beside the options of its kind, and what each is for.
pub const KEYS: &[(&str, &str)] = &[
    ("name", "the name of the check, which others can depend on"),
    ("kind", "what it measures by"),
    ("target", "what it is about; of dns names, types and servers, as a text or a list"),
    (
        "answer",
        "what the answer must be: of dns a record's data, of tcp what the service says first, as a regular expression",
    ),
    ("expect", "what must hold: an expression over the metrics of its kind"),
    ("warn", "what must hold for it to be well: an expression"),
    ("depends_on", "checks that must pass before this one begins, by their names"),
    ("tags", "tags that --only can name"),
    (
        "retries",
        "how often it is tried again when it does not pass; an option of that name that a command has stands in the defaults of its kind",
    ),
    ("deadline", "how long it may take, in seconds or with a unit"),
];

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        read::file(text)
    }

    /// Reads a file as it stands on the disk, which must be UTF-8.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        read::check_length(bytes.len())?;
        std::str::from_utf8(bytes)
            .map_err(|error| not_utf8(bytes, error.valid_up_to()))
            .and_then(Self::parse)
    }
}

/// That a byte is none of UTF-8, and where it stands.
fn not_utf8(bytes: &[u8], offset: usize) -> FileError {
    let before = bytes.get(..offset).map(String::from_utf8_lossy).unwrap_or_default();
    let place = Places::new(&before).of(before.len());
    let byte = bytes.get(offset).copied().unwrap_or_default();
    FileError::new(
        place,
        format!("the byte 0x{byte:02x} is none of UTF-8, which a file of checks is"),
    )
}

impl Place {
    /// Where a byte of a text stands.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        Places::new(text).of(offset)
    }

    /// So many characters further on in the same line.
    #[must_use]
    pub const fn further(self, characters: usize) -> Self {
        Self { line: self.line, column: self.column + characters }
    }
}

impl FileError {
    /// What is wrong at a place.
    #[must_use]
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "line {line}, column {column}: {}", self.message)
    }
}

impl std::error::Error for FileError {}
